from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import rated as synthetic

pytest.importorskip("onnx")

from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import ProsodyError, UsageError
from prosody.fit import axis as axes
from prosody.fit import evaluate, graph, make, recipe, train
from prosody.judge.judge import Judge
from prosody.judge.pairs import more_sincere
from prosody.rating import agreement
from prosody.tables import rated_table


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
    axis = made.axes["sincere"]
    found = dict(zip(axis.measures, axis.coef / axis.scale, strict=True))
    # Ratings are standardised, and a baseline is never perfect: so the ratio, then the sign.
    wanted = synthetic.RULE["loudness_peaks_per_s"] / synthetic.RULE["pitch_p50_st"]
    assert found["pitch_p50_st"] < 0
    assert found["loudness_peaks_per_s"] / found["pitch_p50_st"] == pytest.approx(wanted, rel=0.2)
    moved = {n: abs(v) * synthetic.spread(n) for n, v in found.items()}
    names = sorted(moved, key=moved.__getitem__)
    assert set(names[-2:]) == set(synthetic.RULE)
    assert moved[names[-3]] < 0.15 * moved[names[-1]]


def test_measures_are_those_of_the_plan_that_the_table_has(made):
    # The table has medians of pitch, no means; measures without an everyday word are passed over.
    assert made.axes["sincere"].measures == (
        "pitch_p50_st", "pitch_range_st", "loudness_mean", "loudness_cv", "loudness_peaks_per_s",
        "alpha_ratio_db",
    )  # fmt: skip


def test_the_formula_of_the_graph_by_hand(made, table):
    rated = rated_table.read_table(table).take(np.arange(40))
    axis = made.axes["sincere"]
    columns = dict(rated.columns)
    columns["baseline_s"] = np.tile([0.0, np.nan, 5.0, 60.0], 10)
    columns["snr_db"] = np.tile([np.nan, 10.0], 20)
    columns["pitch_range_st_rel"] = np.where(np.arange(40) % 3, np.nan, 40.0)
    rated = replace(rated, columns=columns)
    rating, sd, contributions = graph.predict(axis, rated)
    rel = np.stack([columns[axes.relative_name(m)] for m in axis.measures], axis=1)
    b = np.nan_to_num(columns["baseline_s"])[:, None]
    w = np.where(np.isnan(rel), 0, b / (b + axes.TAU_S))
    z = np.clip(w * np.nan_to_num(rel) / axis.scale, -3, 3)
    np.testing.assert_allclose(contributions, z * axis.coef, atol=1e-5)
    np.testing.assert_allclose(rating, axis.bias + contributions.sum(axis=1), atol=1e-5)
    lost = np.sqrt(1 - w) * axis.coef
    variance = axis.residual_sd**2 + np.sum((z @ axis.unlike) ** 2, axis=1)
    variance += np.sum((lost @ axis.spread) ** 2, axis=1)
    snr = columns["snr_db"]
    noise = np.exp(axis.noise.log_variance + axis.noise.per_db * np.nan_to_num(snr))
    variance += np.where(np.isnan(snr), 0, noise)
    np.testing.assert_allclose(sd, np.sqrt(variance), atol=1e-5)


def test_speakers_are_what_counts_in_how_sure_weights_are():
    # Ten copies of each clip tell nothing new: weights are as unsure as before.
    rng = np.random.default_rng(1)
    z, speaker = rng.normal(0, 1, (60, 2)), np.repeat([f"s{i}" for i in range(12)], 5)
    error = rng.normal(0, 1, 60) + np.repeat(rng.normal(0, 1, 12), 5)
    one = train.weights_root(z, error, speaker, np.ones(60), 1e-6)
    ten = train.weights_root(
        np.tile(z, (10, 1)), np.tile(error, 10), np.tile(speaker, 10), np.ones(600), 1e-6
    )
    np.testing.assert_allclose(one @ one.T, ten @ ten.T, rtol=1e-6)


def test_the_residual_is_what_errors_leave_beside_the_weights():
    rng = np.random.default_rng(0)
    z, unlike = rng.normal(0, 1, (4000, 2)), np.diag([0.3, 0.0])
    error = rng.normal(0, np.sqrt(0.5**2 + (0.3 * z[:, 0]) ** 2))
    found = train.residual(error, z, unlike)
    assert found == pytest.approx(0.5, abs=0.03)


def test_clips_without_other_speech_of_their_speaker_are_refused(tmp_path):
    rows = synthetic.make(speakers=120, clips=1)
    with pytest.raises(UsageError, match="held against other speech"):
        make.fit(synthetic.write(tmp_path / "t.csv", rows), ("engaged",))


def test_the_recovered_rule_holds_for_new_speakers(judge_file, tmp_path):
    new = synthetic.write(tmp_path / "new.csv", synthetic.make(seed=7))
    rows = (tmp_path / "new.csv").read_text().replace("agent-", "other-")
    new.write_text(rows)
    found = evaluate.evaluate(new, "sincere", model=judge_file, bootstraps=20)
    assert found["spearman"] > 0.8
    assert found["spearman_within_sentence"] > 0.8
    assert found["uar"] > 0.8
    assert 0.7 <= found["coverage_80"] <= 0.95


def test_figures_are_of_speakers_left_out(made):
    figures = made.metadata["axes"]["sincere"]["figures"]
    assert figures["spearman"] > 0.75
    assert figures["rmse"] < 0.4


def test_the_file_says_what_the_axis_says(judge_file, made, table):
    judge = Judge.load(judge_file)
    rated = rated_table.read_table(table)
    matrix = rated.matrix(judge.inputs)
    rng = np.random.default_rng(3)
    matrix = np.concatenate([matrix, np.where(rng.random(matrix.shape) < 0.3, np.nan, matrix)])
    matrix[:5] = np.nan
    matrix[5:9, -1] = 0.0
    raw = judge.run(matrix.astype(np.float32))
    columns = dict(zip(judge.inputs, matrix.T, strict=True))
    many = replace(rated.take(np.arange(len(matrix)) % len(rated)), columns=columns)
    rating, sd, contributions = graph.predict(made.axes["sincere"], many)
    np.testing.assert_allclose(raw["sincere_rating"], rating, atol=1e-5)
    np.testing.assert_allclose(raw["sincere_sd"], sd, atol=1e-5)
    total = raw["sincere_contributions"].sum(axis=1)
    np.testing.assert_allclose(total, contributions.sum(axis=1), atol=1e-5)
    bias = judge.axis_info("sincere")["bias"]
    np.testing.assert_allclose(bias + contributions.sum(axis=1), rating, atol=1e-5)


def test_a_judge_can_be_read_back(judge_file, made, table):
    axes, card = graph.load(judge_file)
    rated = rated_table.read_table(table)
    before = graph.predict(made.axes["sincere"], rated)
    after = graph.predict(axes["sincere"], rated)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert card["axes"]["sincere"]["training"]["clips"] == 240


def test_rows_it_was_fitted_on_are_refused(judge_file, table):
    with pytest.raises(UsageError, match=r"240 of 240 rows are of speakers that .* fitted on"):
        evaluate.evaluate(table, "sincere", model=judge_file, bootstraps=20)
    found = evaluate.evaluate(table, "sincere", model=judge_file, in_sample=True, bootstraps=20)
    assert found["spearman"] > 0.8
    assert any("fitted on" in r for r in found["remarks"])


def test_a_judge_does_not_name_the_speakers_it_was_fitted_on(judge_file):
    assert b"agent-0" not in judge_file.read_bytes()
    assert b"s00c00" not in judge_file.read_bytes()


def test_cross_validation_knows_nothing_of_the_speaker_that_is_tested(table):
    rated = rated_table.read_table(table)
    before, _, _ = evaluate.cross_validate(rated, recipe.fit_sincere)
    other = rated.rating.copy()
    one = rated.speaker == rated.speaker[0]
    other[one] = -other[one] + 5
    after, _, _ = evaluate.cross_validate(replace(rated, rating=other), recipe.fit_sincere)
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
    assert tuple(both.axes) == ("sincere", "engaged")
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
    assert "only level and slope adapted" in adapted.notes[0]
    assert "52 more" in adapted.notes[0]
    old = graph.load(judge_file)[0]["sincere"]
    new = adapted.axes["sincere"]
    ratio = new.coef / old.coef
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert new.bias > old.bias + 0.5
    assert adapted.metadata["from"]["sha256"] == Judge.load(judge_file).sha256


def test_many_ratings_adapt_the_weights(judge_file, tmp_path):
    rows = synthetic.make(seed=6)
    path = synthetic.write(tmp_path / "many.csv", rows)
    adapted = make.fit(path, ("sincere",), start=judge_file)
    assert "weights adapted" in adapted.notes[0]


def test_an_adapted_judge_keeps_the_level_of_the_ratings(made, table):
    rated = rated_table.read_table(table)
    moved = replace(rated, rating=1.0 + 0.5 * rated.rating)
    for adapt in (make.adapt_level, make.adapt_weights):
        rating, _, _ = graph.predict(adapt(made.axes["sincere"], moved), moved)
        assert np.mean(rating - moved.rating) == pytest.approx(0, abs=0.02)


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
    rated = rated_table.read_table(synthetic.write(folder / "x.csv", rows))
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
    rated = rated_table.read_results(folder)
    judge = Judge.load(tmp_path / "c.onnx")
    predicted = judge.judge(rated.columns).axes["sincere"].rating
    assert abs(np.median(predicted)) < 0.15
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
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["format"] == "prosody-judge"
    # Screen and card say the same, and which axis it is of.
    assert (
        f"sincere: spearman {card['axes']['sincere']['figures']['spearman']:.3f}" in result.output
    )
    shown = CliRunner().invoke(app, ["model", str(out)])
    assert "| clips, speakers | 240, 24 |" in shown.output


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
    for name in ("risk_coverage", "reliability"):
        assert (tmp_path / f"{name}_sincere.svg").read_text().startswith("<svg")
    assert "given to that side" in result.output
    few = synthetic.write(tmp_path / "few.csv", synthetic.make(speakers=4, clips=5))
    result = CliRunner().invoke(app, ["evaluate", str(few), "--cv"])
    assert re.search(r"spearman +0\.\d+   -\n", result.output)  # four speakers have no interval


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
    rated = rated_table.read_table(synthetic.write(tmp_path / "t.csv", rows))
    np.testing.assert_allclose(np.diff(rated.columns["pitch_p50_st"]), 1.0, atol=0.1)
    assert rated.columns["pitch_p50_st_rel"][0] == pytest.approx(-2, abs=0.1)
    np.testing.assert_allclose(rated.columns["baseline_s"], 6.0)


def test_a_table_without_measures_or_recordings_says_what_it_expects(tmp_path):
    path = synthetic.write(tmp_path / "t.csv", [{"clip": "a", "speaker": "b", "rating": 1}])
    with pytest.raises(UsageError, match="no measures among its 3 columns, and no recordings"):
        rated_table.read_table(path)


@pytest.mark.parametrize(("delimiter", "comma"), [(";", True), ("\t", False), (",", False)])
def test_tables_as_spreadsheets_write_them(tmp_path, delimiter, comma):
    value = "1,5" if comma else "1.5"
    text = f"clip;speaker;rating;pitch_p50_st\na;x;{value};\nb;x;NA;{value}\n"
    path = tmp_path / "t.csv"
    path.write_text("\ufeff" + text.replace(";", delimiter), encoding="utf-8")
    rated = rated_table.read_table(path)
    assert rated.rating[0] == 1.5
    assert np.isnan(rated.rating[1])
    assert np.isnan(rated.columns["pitch_p50_st"][0])


def test_inputs_are_shared_by_axes(made):
    one = made.axes["sincere"]
    inputs = graph.inputs_of({"sincere": one, "engaged": one})
    assert inputs == graph.inputs_of(made.axes)
    assert inputs[-2:] == ("snr_db", "baseline_s")


def test_pairs_of_takes_come_out_as_often_as_is_told(judge_file, tmp_path):
    new = rated_table.read_table(synthetic.write(tmp_path / "n.csv", synthetic.make(seed=11)))
    judge = Judge.load(judge_file)
    rating = judge.judge(new.columns).sincere.rating
    spread = judge.axis_info("sincere")["pairs"]["takes_spread"]
    a, b = np.triu_indices(len(new), 1)
    same = new.speaker[a] == new.speaker[b]
    a, b = a[same], b[same]
    p = more_sincere(rating[a] - rating[b], spread).p
    came = new.rating[a] > new.rating[b]
    for low in (0.5, 0.65, 0.8):
        near = (p >= low) & (p < low + 0.15)
        assert came[near].mean() == pytest.approx(p[near].mean(), abs=0.1)


def test_the_card_says_what_a_reader_needs(tmp_path):
    rows = synthetic.make()
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    long = synthetic.ratings(rows)
    mine = [r for r in long if r["rater"] == "r3"]
    for i, row in enumerate(mine):  # says anything
        row["rating"] = 10 + (37 * i) % 80
    for i, row in enumerate(mine[:40]):
        long.append({**row, "is_repeat": "1", "rating": 10 + 80 * (i % 2)})
    for row in long:
        row["rater"] = f"Anna-{row['rater']}"
    args = ["fit", str(table), "--ratings", str(synthetic.write(tmp_path / "r.csv", long))]
    done = CliRunner().invoke(app, [*args, "--out", str(tmp_path / "j.onnx")])
    assert done.exit_code == 0, done.output
    assert "rater Anna-r3 was left out: repeats correlate" in done.output
    page = (tmp_path / "j.md").read_text()
    for wanted in (
        "ICC(2,1)",
        "ICC(2,k)",
        "Krippendorff",
        "| raters left out | 1 |",
        "By gender",
        "wording only",
        "tempo and pitch level",
        "| 5% | 15% | 30% |",
        "`spearman`",
        "Judging only the surest",
        "Whether probabilities hold",
        "Not for",
        "Make it again",
        "sha256 of RATINGS",
    ):
        assert wanted in page, wanted
    found = Judge.load(tmp_path / "j.onnx").axis_info("sincere")
    low, high = found["intervals"]["spearman"]
    assert low < found["figures"]["spearman"] < high
    assert {v["speakers"] for v in found["groups"]["gender"].values()} == {12}
    assert found["forced"]["precision"].keys() == {"5%", "15%", "30%"}
    for file in ("j.onnx", "j.md", "j.json"):  # who rated and who spoke is nobody's business
        content = (tmp_path / file).read_bytes()
        assert b"Anna" not in content, file
        assert b"agent-0" not in content, file
        assert b"s00c00" not in content, file
    assert len(content) < 100_000


def test_an_adapted_judge_remembers_the_speakers_of_the_older_one(judge_file, table, tmp_path):
    rows = [{**r, "speaker": f"new-{r['speaker']}"} for r in synthetic.make(6, 8, seed=5)]
    few = synthetic.write(tmp_path / "few.csv", rows)
    adapted = make.fit(few, ("sincere",), start=judge_file)
    assert not any("flatter" in remark for remark in adapted.remarks)
    make.save(adapted, tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="240 of 240 rows are of speakers"):
        evaluate.evaluate(table, "sincere", model=tmp_path / "a.onnx", bootstraps=20)
    with pytest.raises(UsageError, match="48 of 48 rows are of speakers"):
        evaluate.evaluate(few, "sincere", model=tmp_path / "a.onnx", bootstraps=20)
    again = make.fit(table, ("sincere",), start=judge_file)
    assert "older judge was fitted on: the figures flatter" in again.remarks[0]


def test_a_table_without_speakers_is_no_ground_for_a_judge(tmp_path):
    path = synthetic.write(tmp_path / "t.csv", synthetic.make(), drop=("speaker",))
    with pytest.raises(UsageError, match="no column says who speaks; found clip, sentence"):
        make.fit(path, ("sincere",))
    with pytest.raises(UsageError, match="--cv leaves speakers out"):
        evaluate.evaluate(path, "sincere", cv=True, bootstraps=20)
    found = evaluate.evaluate(path, "sincere", bootstraps=20)
    assert any("every row counts as a voice of its own" in r for r in found["remarks"])


def test_one_rater_is_not_enough(tmp_path):
    rows = synthetic.make()
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    long = synthetic.write(tmp_path / "r.csv", synthetic.ratings(rows, raters=1))
    with pytest.raises(UsageError, match="ratings of 1 rater without a clip that two of them"):
        make.fit(table, ("sincere",), ratings=long)


def test_another_scale_is_brought_to_ours_and_it_is_said(tmp_path):
    rows = synthetic.make()
    for row in rows:
        row["rating"] = round(float(np.clip(4 + 1.5 * row["rating"], 1, 7)))
    made = make.fit(synthetic.write(tmp_path / "t.csv", rows), ("sincere",))
    assert "ratings of 1 to 7, standardised over the table; its mean counts" in made.remarks[0]
    assert made.metadata["axes"]["sincere"]["cut"] == 0
    assert made.metadata["axes"]["sincere"]["figures"]["uar"] > 0.7


def test_a_scale_without_a_known_middle_is_told(tmp_path):
    rows = synthetic.make()
    for row in rows:
        row["rating"] = float(np.clip(0.5 + 0.2 * row["rating"], 0, 1))
    made = make.fit(synthetic.write(tmp_path / "t.csv", rows), ("sincere",))
    assert "no rating lies below 0, and 0 counts as the middle" in made.remarks[0]
    found = evaluate.evaluate(tmp_path / "t.csv", "sincere", bootstraps=20)
    assert any("Ratings: no rating lies below 0" in r for r in found["remarks"])


def test_a_refit_by_other_names_is_the_same(made, tmp_path):
    names = {"speaker": "Medewerker", "sentence": "zin"}
    rows = [{names.get(k, k): v for k, v in r.items()} for r in synthetic.make()]
    other = make.fit(
        synthetic.write(tmp_path / "t.csv", rows), ("sincere",), group="medewerker", sentence="zin"
    )
    want = made.metadata["axes"]["sincere"]["figures"]
    assert other.metadata["axes"]["sincere"]["figures"] == want


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recording": "gone.wav"}, r"t\.csv: row 2: .*gone\.wav: there is no such file"),
        ({"start_s": 5, "end_s": 7}, r"row 2: the window 5 to 7 s is empty or outside of 0\.wav"),
        ({"end_s": 0.1}, r"row 2: the window 0\.5 to 0\.1 s is empty"),
        ({"channel": 3}, r"row 2: .*has 1 channels, no channel 3"),
        ({"recording": ""}, "row 2: no recording is named"),
    ],
)
def test_a_recording_that_cannot_be_measured_names_its_row(tmp_path, change, message):
    import soundfile

    rng = np.random.default_rng(0)
    rows = []
    for i in range(2):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * rng.normal(size=32000), 16000)
        rows.append({"recording": f"{i}.wav", "speaker": "a", "start_s": 0.5, "end_s": 1.5,
                     "channel": 0, "rating": i})  # fmt: skip
    rows[0] |= change
    with pytest.raises(UsageError, match=message):
        rated_table.read_table(synthetic.write(tmp_path / "t.csv", rows))


def test_recordings_are_found_whatever_their_speakers_are_called(tmp_path):
    import soundfile

    t = np.arange(32000) / 16000
    rows = []
    for i in range(4):
        voice = sum(np.sin(2 * np.pi * k * 110 * 2 ** (i / 12) * t) / k for k in range(1, 20))
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * voice * (1 + np.sin(25 * t)), 16000)
        rows.append({"recording": f"{i}.wav", "medewerker": "ab"[i % 2], "rating": i})
    path = synthetic.write(tmp_path / "t.csv", rows)
    found = evaluate.evaluate(path, "sincere", group="medewerker", bootstraps=20)
    assert found["n"] == 4
    assert found["speakers"] == 2


def test_one_rater_on_another_scale_is_named(tmp_path):
    rows = synthetic.make()
    long = synthetic.ratings(rows)
    for row in long:
        if row["rater"] == "r2":
            row["rating"] = 1 + 4 * row["rating"] / 100
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    file = synthetic.write(tmp_path / "r.csv", long)
    with pytest.raises(
        UsageError, match=r"of rater r2, all 240 ratings lie between [12].* and [345]"
    ):
        make.fit(table, ("sincere",), ratings=file)


def test_one_rater_of_few_clips_on_another_scale_is_named(tmp_path):
    long = synthetic.ratings(synthetic.make())
    for row in long:
        row["rating"] = 1 + 0.04 * row["rating"] if row["rater"] == "r2" else row["rating"]
    long = [r for r in long if r["rater"] != "r2" or r["clip"].startswith("s00")]
    file = synthetic.write(tmp_path / "r.csv", long)
    with pytest.raises(UsageError, match="most of all of rater r2, whose 10 clips have"):
        agreement.read_long(file, "sincere")


@pytest.mark.parametrize("stray", [999, -99])
def test_a_rating_far_from_all_others_names_its_row(tmp_path, stray):
    rows = synthetic.make()
    for row in rows:
        row["rating"] = 50 + 12 * row["rating"]
    rows[7]["rating"] = stray
    path = synthetic.write(tmp_path / "t.csv", rows)
    with pytest.raises(UsageError, match=f"row 9, column 'rating' holds {stray}, and half of all"):
        make.fit(path, ("sincere",))


def test_ratings_pasted_twice_are_found(tmp_path):
    rows = synthetic.make()
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    file = synthetic.write(tmp_path / "r.csv", synthetic.ratings(rows) * 2)
    with pytest.raises(UsageError, match="1920 of 3840 rows stand there twice, row 1922 as row 2"):
        make.fit(table, ("sincere",), ratings=file)


def test_rows_that_stand_twice_count_once(tmp_path):
    rows = synthetic.make(speakers=16, clips=8)
    made = make.fit(synthetic.write(tmp_path / "t.csv", rows + rows[:30]), ("sincere",))
    assert made.metadata["axes"]["sincere"]["training"]["clips"] == 128
    assert "sincere: 30 rows stand twice and count once." in made.remarks


def test_a_worthless_judge_is_written_only_when_asked_for(tmp_path):
    rows = synthetic.make(speakers=16, clips=8)
    rng = np.random.default_rng(0)
    for row in rows:
        row["rating"] = rng.normal()
    path = synthetic.write(tmp_path / "t.csv", rows)
    with pytest.raises(UsageError, match=r"no better than chance on speakers left out: Spearman"):
        make.fit(path, ("sincere",))
    made = make.fit(path, ("sincere",), anyway=True)
    assert "no better than chance" in made.remarks[-1]


def test_what_an_adaptation_gained_is_told_and_a_better_fresh_fit_recommended(judge_file, tmp_path):
    rows = [{**r, "speaker": f"n-{r['speaker']}"} for r in synthetic.make(seed=8)]
    same = make.fit(synthetic.write(tmp_path / "a.csv", rows), ("sincere",), start=judge_file)
    assert any("nothing was gained that could not be chance" in r for r in same.remarks)
    for row in rows:  # another rule than that of the older judge
        row["rating"] = row["rating"] + 4 * (row["loudness_cv"] - 0.5)
    other = make.fit(synthetic.write(tmp_path / "b.csv", rows), ("sincere",), start=judge_file)
    assert any("fell by" in r and "chance" not in r for r in other.remarks)


def test_a_run_without_agents_has_no_middle_agent(judge_file, tmp_path):
    folder = results(tmp_path, synthetic.make(speakers=12, clips=6), shift=0.0)
    file = folder / "apologies.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**r, "agent": "", "call_id": r["recording"]}) + "\n"
                            for r in rows))  # fmt: skip
    with pytest.raises(UsageError, match="nothing says which agent speaks"):
        make.centre(folder, judge_file)


def test_the_best_of_many_variants_is_told_to_flatter(table):
    found = {"intervals": {"spearman": (0.2, 0.6)}, "speakers": 24, "spearman": 0.4}
    assert evaluate.too_many(found, 1) == ""
    warning = evaluate.too_many(found, 220)
    assert "The best of 220 variants on 24 speakers looks about 0.2" in warning
    sure = {**found, "intervals": {"spearman": (0.39, 0.41)}}
    assert evaluate.too_many(sure, 220) == ""


def test_the_command_keeps_count_of_judges_that_were_looked_at(judge_file, tmp_path):
    path = synthetic.write(tmp_path / "t.csv", synthetic.make(speakers=8, clips=5))
    args = ["evaluate", str(path), "--bootstraps", "20", "--in-sample"]
    CliRunner().invoke(app, [*args, "--cv"])
    CliRunner().invoke(app, [*args, "--cv"])
    assert len((tmp_path / "t.csv.looks").read_text().split()) == 1
    found = CliRunner().invoke(app, [*args, "--model", str(judge_file)])
    assert found.exit_code == 0, found.output
    assert len((tmp_path / "t.csv.looks").read_text().split()) == 2


def test_dutch_headers_and_a_named_rating_are_read(made, tmp_path):
    names = {"speaker": "medewerker", "clip": "fragment", "rating": "mening", "sentence": "zin"}
    rows = [{names.get(k, k): v for k, v in r.items()} for r in synthetic.make()]
    other = make.fit(synthetic.write(tmp_path / "t.csv", rows), ("sincere",), rating="mening")
    want = made.metadata["axes"]["sincere"]["figures"]
    assert other.metadata["axes"]["sincere"]["figures"] == want
