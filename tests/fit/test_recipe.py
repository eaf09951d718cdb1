"""The shipped judge against the corpora that it was fitted on, where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.fit import evaluate, graph, recipe
from prosody.fit import metrics as fig
from prosody.judge.judge import Judge
from prosody.judge.reasons import explain
from prosody.tables.rated_table import read_table

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SINAC = DATA / "sinac" / "sinac_dev24.csv"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not SINAC.is_file(), reason="no sinac in ../shared/data"),
]


@pytest.fixture(scope="module")
def sinac():
    return read_table(SINAC)


@pytest.fixture(scope="module")
def shipped():
    return Judge.load()


def test_the_shipped_judge_is_what_the_recipe_makes(sinac, shipped):
    raw = shipped.run(sinac.matrix(shipped.inputs))
    rating, sd, contributions = graph.predict(recipe.fit_sincere(sinac), sinac)
    np.testing.assert_allclose(raw["sincere_rating"], rating, atol=1e-4)
    np.testing.assert_allclose(raw["sincere_sd"], sd, atol=1e-4)
    total = raw["sincere_contributions"].sum(axis=1)
    np.testing.assert_allclose(total, contributions.sum(axis=1), atol=1e-4)


def test_the_corpus_is_read_whole(sinac):
    assert (len(sinac), len(np.unique(sinac.speaker))) == (709, 24)


@pytest.mark.slow
def test_unseen_speakers_are_judged_as_the_card_says(sinac):
    rating, sd, _ = evaluate.cross_validate(sinac, recipe.fit_sincere)
    found = fig.figures(sinac.rating, rating, sd, sinac.sentence)
    published = json.loads((ROOT / "benchmarks" / "results" / "judge.json").read_text())
    ours = published["results"]["sincere"]["unseen_speakers"]
    for name, value in found.items():
        assert value == pytest.approx(ours[name], abs=2e-3), name
    for sex in ("female", "male"):
        mine = sinac.groups["gender"] == sex
        inside = np.abs(sinac.rating - rating)[mine] <= 1.2816 * sd[mine]
        assert 0.75 <= inside.mean() <= 0.85, sex


def test_intervals_grow_as_the_baseline_shrinks(sinac, shipped):
    sd = [
        shipped.judge({**sinac.columns, "baseline_s": np.full(len(sinac), s)}).sincere.sd.mean()
        for s in (120.0, 60.0, 30.0, 10.0, 5.0)
    ]
    assert sd == sorted(sd)


def test_the_corpora_themselves_are_refused():
    with pytest.raises(UsageError, match="709 of 709 rows are of speakers"):
        evaluate.evaluate(SINAC, "sincere", bootstraps=20)


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
