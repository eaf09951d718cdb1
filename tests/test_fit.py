from __future__ import annotations

import json

import numpy as np
import pytest
import rated as synthetic

pytest.importorskip("onnx")

from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import ProsodyError, UsageError
from prosody.fit import check, graph, make, recipe, tables
from prosody.fit.model import JudgeModel, parts
from prosody.judge import Judge


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("rated") / "rated.csv"
    return synthetic.write(path, synthetic.make())


@pytest.fixture(scope="module")
def made(table):
    return make.fit(table, ("sincere",))


@pytest.fixture(scope="module")
def judge_file(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("judge") / "judge.onnx"
    make.save(made, path)
    return path


def test_a_known_rule_is_recovered(made):
    call = parts(made.model.axes["sincere"])[1]
    per_unit = dict(zip(call.terms.measures, call.coef / call.terms.scale, strict=True))
    # Ratings are standardised, and a baseline is never perfect: so the ratio, then the sign.
    found = per_unit["loudness_peaks_per_s"] / per_unit["pitch_p50_st"]
    wanted = synthetic.RULE["loudness_peaks_per_s"] / synthetic.RULE["pitch_p50_st"]
    assert per_unit["pitch_p50_st"] < 0
    assert found == pytest.approx(wanted, rel=0.2)
    effect = np.abs(call.coef)
    names = [call.terms.measures[i] for i in np.argsort(-effect)[:2]]
    assert set(names) == set(synthetic.RULE)
    assert np.sort(effect)[-3] < 0.1 * effect.max()


def test_the_recovered_rule_holds_for_new_speakers(judge_file, tmp_path):
    new = synthetic.write(tmp_path / "new.csv", synthetic.make(seed=7))
    rows = (tmp_path / "new.csv").read_text().replace("agent-", "other-")
    new.write_text(rows)
    found = check.evaluate(new, "sincere", model=judge_file, bootstraps=20)
    assert found["spearman"] > 0.8
    assert found["spearman_within_sentence"] > 0.8
    assert found["uar"] > 0.8
    assert 0.7 <= found["coverage_80"] <= 0.95


def test_figures_are_of_speakers_left_out(made):
    figures = made.metadata["axes"]["sincere"]["figures"]
    assert figures["spearman"] > 0.75
    assert figures["rmse"] < 0.4


def test_onnx_equals_the_numpy_reference(judge_file, made, table):
    judge = Judge.load(judge_file)
    rated = tables.read_table(table)
    matrix = rated.matrix(judge.inputs)
    rng = np.random.default_rng(3)
    matrix = np.concatenate([matrix, np.where(rng.random(matrix.shape) < 0.3, np.nan, matrix)])
    matrix[:5] = np.nan
    matrix[5:9, -1] = 0.0
    raw = judge.run(matrix.astype(np.float32))
    axis = made.model.axes["sincere"]
    rating, sd, contributions = axis.predict(matrix.astype(np.float32), judge.inputs)
    np.testing.assert_allclose(raw["sincere_rating"], rating, atol=1e-5)
    np.testing.assert_allclose(raw["sincere_sd"], sd, atol=1e-5)
    np.testing.assert_allclose(raw["sincere_contributions"], contributions, atol=1e-5)
    bias = judge.axis_info("sincere")["bias"]
    np.testing.assert_allclose(bias + contributions.sum(axis=1), rating, atol=1e-5)


def test_a_judge_can_be_read_back(judge_file, made, table):
    model, card = graph.load(judge_file)
    assert model.inputs == made.model.inputs
    rated = tables.read_table(table)
    before = made.model.axes["sincere"].predict(rated.matrix(model.inputs), model.inputs)
    after = model.axes["sincere"].predict(rated.matrix(model.inputs), model.inputs)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert card["axes"]["sincere"]["training"]["clips"] == 240


def test_rows_it_was_fitted_on_are_refused(judge_file, table):
    with pytest.raises(UsageError, match=r"240 of 240 rows are of speakers that .* fitted on"):
        check.evaluate(table, "sincere", model=judge_file, bootstraps=20)
    found = check.evaluate(table, "sincere", model=judge_file, in_sample=True, bootstraps=20)
    assert found["spearman"] > 0.8
    assert any("fitted on" in r for r in found["remarks"])


def test_a_judge_does_not_name_the_speakers_it_was_fitted_on(judge_file):
    assert b"agent-0" not in judge_file.read_bytes()
    assert b"s00c00" not in judge_file.read_bytes()


def test_cross_validation_knows_nothing_of_the_speaker_that_is_tested(table):
    rated = tables.read_table(table)
    before, _, _ = check.cross_validate(rated, recipe.fit_call)
    other = rated.rating.copy()
    one = rated.speaker == rated.speaker[0]
    other[one] = -other[one] + 5
    from dataclasses import replace

    after, _, _ = check.cross_validate(replace(rated, rating=other), recipe.fit_call)
    np.testing.assert_allclose(after[one], before[one])
    assert not np.allclose(after[~one], before[~one])


def test_too_little_is_refused_and_it_says_what_is_missing(tmp_path):
    small = synthetic.write(tmp_path / "small.csv", synthetic.make(speakers=10, clips=6))
    with pytest.raises(UsageError, match=r"60 rated clips, 40 more .* 10 speakers, 5 more"):
        make.fit(small, ("sincere",))


def test_unreliable_ratings_are_refused(tmp_path):
    rows = synthetic.make()
    path = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    long = synthetic.write(tmp_path / "r.csv", synthetic.ratings(rows, raters=4, noise=1.5))
    with pytest.raises(
        UsageError, match=r"reliability of the mean rating 0\.\d+, 0\.6 is needed .about \d+ raters"
    ):
        make.fit(path, ("sincere",), ratings=long)


def test_ratings_of_single_listeners(tmp_path):
    rows = synthetic.make()
    path = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    long = synthetic.ratings(rows) + synthetic.ratings(rows, seed=4, axis="engaged")
    file = synthetic.write(tmp_path / "r.csv", long)
    both = make.fit(path, ("sincere", "engaged"), ratings=file)
    assert tuple(both.model.axes) == ("sincere", "engaged")
    info = both.metadata["axes"]["sincere"]["training"]["reliability"]
    assert info["icc_mean"] > 0.8
    assert info["raters"] == 8
    # The raters' middle lies below 50: what they call 50 is less than their mean.
    assert both.metadata["axes"]["sincere"]["cut"] < 0


def test_two_axes_need_ratings_of_both(table):
    with pytest.raises(UsageError, match="--ratings"):
        make.fit(table, ("sincere", "engaged"))


def test_few_ratings_adapt_level_and_slope_only(judge_file, tmp_path):
    rows = synthetic.make(speakers=6, clips=8, seed=5)
    for row in rows:
        row["rating"] = 1.0 + 0.5 * row["rating"]
    few = synthetic.write(tmp_path / "few.csv", rows)
    adapted = make.fit(few, ("sincere",), start=judge_file)
    assert "only level and slope adapted" in adapted.said[0]
    assert "52 more" in adapted.said[0]
    old = parts(graph.load(judge_file)[0].axes["sincere"])[1]
    new = parts(adapted.model.axes["sincere"])[1]
    ratio = new.coef / old.coef
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert new.bias > old.bias + 0.5
    assert adapted.metadata["from"]["sha256"] == Judge.load(judge_file).sha256


def test_many_ratings_adapt_the_weights(judge_file, tmp_path):
    rows = synthetic.make(seed=6)
    path = synthetic.write(tmp_path / "many.csv", rows)
    adapted = make.fit(path, ("sincere",), start=judge_file)
    assert "weights adapted" in adapted.said[0]


def test_nothing_is_adapted_to_too_few(judge_file, tmp_path):
    path = synthetic.write(tmp_path / "t.csv", synthetic.make(speakers=4, clips=5))
    with pytest.raises(UsageError, match=r"20 rated clips, 10 more .* 4 speakers, 1 more"):
        make.fit(path, ("sincere",), start=judge_file)


def test_a_judge_that_runs_against_the_ratings_is_not_adapted(judge_file, tmp_path):
    rows = synthetic.make(speakers=6, clips=8, seed=5)
    for row in rows:
        row["rating"] = -row["rating"]
    path = synthetic.write(tmp_path / "t.csv", rows)
    with pytest.raises(UsageError, match="against their ratings"):
        make.fit(path, ("sincere",), start=judge_file)


def results(folder, rows, shift):
    rated = tables.read_table(synthetic.write(folder / "x.csv", rows))
    with (folder / "apologies.jsonl").open("w") as file:
        for i in range(len(rated)):
            row = {k: (None if np.isnan(v[i]) else float(v[i])) for k, v in rated.columns.items()}
            row["pitch_p50_st_rel"] += shift
            row |= {"recording": f"c{i}", "agent": str(rated.speaker[i]), "verdict": "unclear"}
            file.write(json.dumps(row) + "\n")
    return folder


def test_centring_takes_a_common_shift_out(judge_file, tmp_path):
    folder = results(tmp_path, synthetic.make(speakers=12, clips=6, seed=9), shift=3.0)
    centred = make.centre(folder, judge_file)
    make.save(centred, tmp_path / "c.onnx")
    rated = tables.read_results(folder)
    judge = Judge.load(tmp_path / "c.onnx")
    told = judge.judge(rated.columns).axes["sincere"].rating
    assert abs(np.median(told)) < 0.15
    before = Judge.load(judge_file).judge(rated.columns).axes["sincere"].rating
    assert np.median(before) < -0.3
    assert centred.metadata["axes"]["sincere"]["centred"]["apologies"] == 72


def test_centring_says_how_many_apologies_it_needs(judge_file, tmp_path):
    folder = results(tmp_path, synthetic.make(speakers=4, clips=5), shift=0.0)
    with pytest.raises(UsageError, match="20 judged apologies of 4 agents, 50 of 10 are needed"):
        make.centre(folder, judge_file)


def test_the_command_fits_and_writes_its_cards(table, tmp_path):
    out = tmp_path / "judge.onnx"
    result = CliRunner().invoke(app, ["fit", str(table), "--out", str(out), "--group", "speaker"])
    assert result.exit_code == 0, result.output
    assert out.is_file()
    assert "spearman" in out.with_suffix(".md").read_text()
    assert json.loads(out.with_suffix(".json").read_text())["format"] == "prosody-judge"
    shown = CliRunner().invoke(app, ["model", str(out)])
    assert "240 clips of 24 speakers" in shown.output


def test_the_command_refuses_too_little(tmp_path):
    small = synthetic.write(tmp_path / "small.csv", synthetic.make(speakers=3, clips=3))
    out = tmp_path / "judge.onnx"
    result = CliRunner().invoke(app, ["fit", str(small), "--out", str(out)])
    assert isinstance(result.exception, ProsodyError)
    assert "too little" in str(result.exception)
    assert not out.exists()


def test_the_command_evaluates_as_json(judge_file, table):
    args = ["evaluate", str(table), "--model", str(judge_file), "--in-sample", "--json"]
    result = CliRunner().invoke(app, [*args, "--bootstraps", "20"])
    found = json.loads(result.stdout)
    assert {"n", "speakers", "spearman", "spearman_within_sentence", "uar", "uar_half",
            "coverage_80", "rmse", "groups"} <= set(found)  # fmt: skip
    assert found["n"] == 240
    assert found["reliability"] is None
    assert set(found["groups"]["gender"]) == {"female", "male"}


def test_the_command_cross_validates_and_draws(table, tmp_path):
    args = ["evaluate", str(table), "--cv", "--bootstraps", "20", "--plots", str(tmp_path)]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "risk_coverage_sincere.svg").read_text().startswith("<svg")


def test_a_table_of_recordings_with_windows_is_measured(tmp_path):
    import soundfile

    sr = 16000
    t = np.arange(3 * sr) / sr
    rows = []
    for i in range(4):
        pitch = 110 * 2 ** (i / 12)
        voice = sum(np.sin(2 * np.pi * k * pitch * t) / k for k in range(1, 20))
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * voice * (1 + np.sin(8 * np.pi * t)), sr)
        rows.append({"recording": f"{i}.wav", "start_s": 0.5, "end_s": 2.5, "speaker": "a",
                     "rating": i})  # fmt: skip
    rated = tables.read_table(synthetic.write(tmp_path / "t.csv", rows))
    np.testing.assert_allclose(np.diff(rated.columns["pitch_p50_st"]), 1.0, atol=0.1)
    assert rated.columns["pitch_p50_st_rel"][0] == pytest.approx(-2, abs=0.1)
    np.testing.assert_allclose(rated.columns["baseline_s"], 6.0)


def test_a_table_without_measures_or_recordings_says_what_it_expects(tmp_path):
    path = synthetic.write(tmp_path / "t.csv", [{"clip": "a", "speaker": "b", "rating": 1}])
    with pytest.raises(UsageError, match="no measures among its 3 columns, and no recordings"):
        tables.read_table(path)


@pytest.mark.parametrize(("delimiter", "comma"), [(";", True), ("\t", False), (",", False)])
def test_tables_as_spreadsheets_write_them(tmp_path, delimiter, comma):
    value = "1,5" if comma else "1.5"
    text = f"clip;speaker;rating;pitch_p50_st\na;x;{value};\nb;x;NA;{value}\n"
    path = tmp_path / "t.csv"
    path.write_text("\ufeff" + text.replace(";", delimiter), encoding="utf-8")
    rated = tables.read_table(path)
    assert rated.rating[0] == 1.5
    assert np.isnan(rated.rating[1])
    assert np.isnan(rated.columns["pitch_p50_st"][0])


def test_inputs_are_shared_by_axes(made):
    assert made.model.inputs[-1] == "baseline_s"
    assert len(set(made.model.inputs)) == len(made.model.inputs)
    assert JudgeModel(made.model.axes).inputs == made.model.inputs
