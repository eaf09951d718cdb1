"""The shipped judge against the corpora that it was fitted on, where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.fit import evaluate, recipe
from prosody.fit import metrics as fig
from prosody.judge.judge import Judge
from prosody.judge.reasons import explain

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SINAC, NSC = DATA / "sinac" / "sinac_dev24.csv", DATA / "nsc"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (SINAC.is_file() and NSC.is_dir()), reason="no sinac and nsc in ../shared/data"
    ),
]


@pytest.fixture(scope="module")
def sinac():
    return recipe.read_sinac(SINAC)


@pytest.fixture(scope="module")
def nsc():
    return recipe.read_nsc_folder(NSC)


@pytest.fixture(scope="module")
def shipped():
    return Judge.load()


def test_the_shipped_judge_is_what_the_recipe_makes(sinac, nsc, shipped):
    fits = {"sincere": recipe.fit_sincere(sinac), "engaged": recipe.fit_engaged(nsc[0], sinac)}
    for rated in (sinac, nsc[0]):
        matrix = rated.matrix(shipped.inputs)
        raw = shipped.run(matrix)
        for axis, model in fits.items():
            rating, sd, contributions = model.predict(matrix, shipped.inputs)
            np.testing.assert_allclose(raw[f"{axis}_rating"], rating, atol=1e-4)
            np.testing.assert_allclose(raw[f"{axis}_sd"], sd, atol=1e-4)
            np.testing.assert_allclose(raw[f"{axis}_contributions"], contributions, atol=1e-4)


def test_the_corpora_are_read_whole(sinac, nsc):
    assert (len(sinac), len(np.unique(sinac.speaker))) == (709, 24)
    rated, panel = nsc
    assert len(rated) == 239
    found = panel.reliability()
    assert found["icc_mean"] == pytest.approx(0.84, abs=0.02)
    assert found["raters"] == 114


@pytest.mark.slow
def test_unseen_speakers_of_the_axis_sincere(sinac):
    told, sd, _ = evaluate.cross_validate(sinac, recipe.fit_sincere)
    found = fig.figures(sinac.rating, told, sd, sinac.sentence)
    assert found["spearman"] >= 0.50
    assert found["spearman_within_sentence"] >= 0.39
    assert found["uar"] >= 0.70
    assert found["rmse"] <= 0.53
    assert 0.75 <= found["coverage_80"] <= 0.85


def test_intervals_grow_as_the_baseline_shrinks(sinac, shipped):
    sd = [
        shipped.judge({**sinac.columns, "baseline_s": np.full(len(sinac), s)}).sincere.sd.mean()
        for s in (120.0, 60.0, 30.0, 10.0, 0.0)
    ]
    assert sd == sorted(sd)


def test_the_corpora_themselves_are_refused():
    with pytest.raises(UsageError, match="709 of 709 rows are of speakers"):
        evaluate.evaluate(SINAC, "sincere", bootstraps=20)
    with pytest.raises(UsageError, match="239 of 239 rows are of speakers"):
        evaluate.evaluate(
            NSC / "egemaps_dev.csv", "engaged", ratings=NSC / "ratings_dev.csv", bootstraps=20
        )


def test_the_corpus_own_columns_work(tmp_path):
    import csv

    with SINAC.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    speaker, clip = rows[0].index("speaker_id"), rows[0].index("audio_file_name")
    for row in rows[1:]:
        row[clip] = row[clip].replace("_P-", "_X-")
        row[speaker] = row[speaker].replace("P-", "X-")
    table = tmp_path / "other.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    args = ["evaluate", str(table), "--axis", "sincere", "--json", "--bootstraps", "20"]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert '"speakers": 24' in result.output
    assert '"male"' in result.output


def test_every_clear_verdict_has_a_reason(sinac, shipped):
    judged = shipped.judge(sinac.columns)
    clear = [i for i, v in enumerate(judged.verdict) if v != "unclear"][:60]
    assert len(clear) > 20
    for i in clear:
        row = {k: float(v[i]) for k, v in sinac.columns.items()}
        found = explain(shipped, judged, i, row, "nl", window=(1.0, 3.0))
        assert 1 <= len(found) <= 3
        sign = 1 if judged.verdict[i] == "sincere" else -1
        assert all(r.contribution * sign > 0 for r in found)
        assert all(1.0 <= r.start_s <= r.end_s <= 3.0 for r in found)
