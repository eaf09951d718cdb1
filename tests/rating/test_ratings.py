from __future__ import annotations

import numpy as np
import pytest
import rated as synthetic
from published import KRIPPENDORFF, SHROUT_FLEISS

from prosody.errors import UsageError
from prosody.fit import calibration
from prosody.fit import metrics as fig
from prosody.rating import agreement, ratings

# Shrout & Fleiss (1979), table 2: six targets, four judges. ICC(1,1) = .17, ICC(1,4) = .44.
# Krippendorff (2011), section E: interval alpha of these reliability data is .849.


def test_icc_of_a_published_example():
    single, mean = ratings.icc(SHROUT_FLEISS)
    assert single == pytest.approx(0.17, abs=0.005)
    assert mean == pytest.approx(0.44, abs=0.005)


def test_alpha_of_a_published_example():
    assert ratings.krippendorff_alpha(KRIPPENDORFF) == pytest.approx(0.849, abs=0.0005)


def test_agreement_is_one_where_all_say_the_same():
    same = np.repeat(np.arange(5.0)[:, None], 3, axis=1)
    assert ratings.icc(same) == (pytest.approx(1), pytest.approx(1))
    assert ratings.krippendorff_alpha(same) == pytest.approx(1)


def test_raters_are_brought_to_one_scale():
    x = np.array([[10, 52], [20, 54], [30, 56.0]])
    z = ratings.standardise(x)
    np.testing.assert_allclose(z[:, 0], [-1, 0, 1])
    np.testing.assert_allclose(z[:, 0], z[:, 1])


def test_a_rater_without_spread_is_left_out():
    z = ratings.standardise(np.array([[10, 50], [20, 50.0]]))
    assert np.isnan(z[:, 1]).all()


def test_long_ratings(tmp_path):
    rows = synthetic.make(speakers=4, clips=5)
    long = synthetic.ratings(rows, raters=3)
    long[0]["cannot_hear"] = "1"
    long[0]["rating"] = 0
    panel = agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "sincere")
    assert panel.matrix.shape == (20, 3)
    assert np.isnan(panel.matrix).sum() == 1
    truth = np.array([float(r["rating"]) for r in rows])
    assert fig.spearman(truth, panel.mean) > 0.7


def test_raters_who_contradict_themselves_are_left_out(tmp_path):
    rows = synthetic.make(speakers=4, clips=5)
    long = synthetic.ratings(rows, raters=3)
    for r in [r for r in long if r["rater"] in ("r0", "r1")][:26]:
        value = 100 - float(r["rating"]) if r["rater"] == "r0" else r["rating"]
        long.append({**r, "is_repeat": "true", "rating": value})
    panel = agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "sincere")
    assert list(panel.dropped) == ["r0"]
    assert "repeats correlate" in panel.dropped["r0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis": "nice"}, "axis 'nice'"),
        ({"rating": 130}, "a rating of 130"),
        ({"rating": "much"}, "expected a number"),
    ],
)
def test_wrong_ratings(tmp_path, change, message):
    long = synthetic.ratings(synthetic.make(speakers=2, clips=2), raters=2)
    long[0] |= change
    with pytest.raises(UsageError, match=message):
        agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "sincere")


def test_no_ratings_of_the_axis(tmp_path):
    long = synthetic.ratings(synthetic.make(speakers=2, clips=2), raters=2)
    with pytest.raises(UsageError, match="no rating on the axis 'engaged'"):
        agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "engaged")


def test_figures_in_closed_form():
    truth = np.array([-1.0, -0.5, 0.5, 1.0])
    found = fig.figures(truth, truth[::-1], np.ones(4), np.array([""] * 4))
    assert found["spearman"] == pytest.approx(-1)
    assert found["uar"] == 0
    assert found["rmse"] == pytest.approx(np.sqrt((4 + 1 + 1 + 4) / 4))
    assert found["coverage_80"] == 0.5
    assert np.isnan(found["spearman_within_sentence"])


def test_uar_counts_both_classes_alike():
    truth = np.array([True] * 8 + [False] * 2)
    assert fig.uar(truth, np.ones(10, dtype=bool)) == 0.5
    assert np.isnan(fig.uar(truth[:8], truth[:8]))


def test_the_surest_half_is_farthest_from_even_odds():
    assert fig.surest(np.array([0.5, 0.9, 0.55, 0.1])).tolist() == [1, 3]


def test_within_sentence_is_the_mean_over_sentences():
    truth = np.array([1, 2, 3, 4, 1, 2, 3, 4.0])
    predicted = np.array([1, 2, 3, 4, 14, 13, 12, 11.0])
    group = np.array(["a"] * 4 + ["b"] * 4)
    assert fig.spearman_within(truth, predicted, group) == pytest.approx(0)


def test_precision_follows_from_the_base_rate():
    truth = np.array([-1.0] * 50 + [1.0] * 50)
    predicted = np.where(np.arange(100) % 5 == 0, -truth, truth) * 3
    found = fig.forced_precision(truth, predicted, np.ones(100), 0.7)
    assert found["recall"] == pytest.approx(0.8)
    assert found["false_alarms"] == pytest.approx(0.2)
    assert found["precision"]["15%"] == pytest.approx(0.15 * 0.8 / (0.15 * 0.8 + 0.85 * 0.2))


def test_intervals_resample_speakers():
    rng = np.random.default_rng(0)
    speaker = np.repeat([f"s{i}" for i in range(20)], 5)
    truth = rng.normal(size=100)
    predicted = truth + rng.normal(size=100)
    found = fig.intervals(truth, predicted, np.ones(100), np.array([""] * 100), speaker, n=100)
    low, high = found["spearman"]
    assert low < fig.spearman(truth, predicted) < high
    assert "spearman_within_sentence" not in found


def test_probabilities_that_hold_lie_on_the_line():
    rng = np.random.default_rng(0)
    predicted, sd = rng.normal(0, 1, 20000), np.ones(20000)
    truth = predicted + rng.normal(0, 1, 20000)
    found = calibration.calibration(truth, predicted, sd)
    assert [f["n"] for f in found] == [f["n"] for f in sorted(found, key=lambda f: f["p"])]
    assert sum(f["n"] for f in found) == 20000
    for one in found:
        assert one["share_low"] - 0.01 < one["p"] < one["share_high"] + 0.01
    sure = calibration.calibration(truth, predicted, sd / 4)  # too sure of itself
    assert sure[0]["share"] > sure[0]["p"] + 0.1
    assert sure[-1]["share"] < sure[-1]["p"] - 0.1


def test_few_clips_are_no_part_of_a_curve():
    found = calibration.calibration(np.ones(8), np.array([2.0] * 4 + [-0.2] * 4), np.ones(8))
    assert found == []


def simulated(repeat_sd, n=60, repeats=4, seed=0, careless=()):
    """Return answers of six raters to n clips, of which the first `repeats` come twice."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 10, n)
    rows = []
    for r in range(6):
        for k in [*range(n), *range(repeats)]:
            heard = (
                rng.uniform(0, 100) if r in careless else 50 + truth[k] + rng.normal(0, repeat_sd)
            )
            again = len(rows) - r * (n + repeats) >= n
            rows.append((f"c{k}", f"r{r}", float(np.clip(heard, 0, 100)), again))
    clip, rater, value, again = (np.array(x) for x in zip(*rows, strict=True))
    blank = np.zeros(len(rows), bool)
    return ratings.Answers(clip, rater, np.full(len(rows), ""), value, again, blank)


def test_a_few_noisy_repeats_drop_no_good_rater():
    lost = [len(ratings.careless(simulated(8.0, seed=s))[0]) for s in range(30)]
    assert sum(lost) == 0  # of 180 raters; the point estimate alone would drop dozens


def test_a_careless_rater_is_left_out_with_repeats_and_remarked_without():
    dropped, _ = ratings.careless(simulated(8.0, repeats=20, careless={2}, seed=1))
    assert list(dropped) == ["r2"]
    dropped, doubtful = ratings.careless(simulated(8.0, repeats=0, careless={2}, seed=1))
    assert dropped == {}
    assert "agrees with nobody" in doubtful["r2"]
    assert list(doubtful) == ["r2"]


def test_the_middle_is_that_of_all_raters():
    answers = simulated(8.0, repeats=20, careless={2}, seed=1)
    kept = answers.take(answers.rater != "r2")
    whole, part = ratings.panel_of(answers, "x"), ratings.panel_of(kept, "x")
    np.testing.assert_allclose(whole.matrix, part.matrix)
    assert whole.middle != part.middle


def test_a_middle_outside_of_the_ratings_is_refused():
    answers = simulated(8.0)
    low = ratings.Answers(
        answers.clip, answers.rater, answers.axis, answers.rating / 5 + 11, answers.repeat,
        answers.deaf,
    )  # fmt: skip
    with pytest.raises(UsageError, match="50, lies outside of what the raters used"):
        ratings.panel_of(low, "x")


def test_a_column_for_each_rater_and_dutch_headers_are_read(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("Fragment;Anna;Bob\na.wav;10;n.v.t.\nb.wav;?;80,5\n")
    found = ratings.read_answers(path)
    assert list(zip(found.clip, found.rater, found.rating, strict=True)) == [
        ("a.wav", "Anna", 10.0), ("a.wav", "Bob", pytest.approx(np.nan, nan_ok=True)),
        ("b.wav", "Anna", pytest.approx(np.nan, nan_ok=True)), ("b.wav", "Bob", 80.5),
    ]  # fmt: skip
    path.write_text("fragment,luisteraar,oordeel,herhaling\na,anna,40,nee\n")
    assert ratings.read_answers(path).rating.tolist() == [40.0]
