from __future__ import annotations

import json
import math

import numpy as np
import pytest
from command import prosody
from hypothesis import given, settings
from hypothesis import strategies as st
from prosody.cli import app
from published import KRIPPENDORFF, SHROUT_FLEISS
from raters import NAN, long, simulated, write
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.rating import agreement as ag
from prosody.rating import disagreement, ratings
from prosody.statistics import variance_components as co
from prosody.words import load

# --- published examples


def test_two_way_correlations_of_shrout_and_fleiss():
    found = co.components(SHROUT_FLEISS)
    assert found.complete
    assert co.icc2(found).value == pytest.approx(0.29, abs=0.005)
    assert co.icc2(found, 4).value == pytest.approx(0.62, abs=0.005)
    assert co.icc3(found).value == pytest.approx(0.71, abs=0.005)
    assert co.icc3(found, 4).value == pytest.approx(0.91, abs=0.005)


def test_mean_squares_of_shrout_and_fleiss():
    # Table 3: between targets 11.24, between judges 32.49, residual 1.02.
    found = co.components(SHROUT_FLEISS)
    assert found.rest + 4 * found.clip == pytest.approx(11.24, abs=0.005)
    assert found.rest + 6 * found.rater == pytest.approx(32.49, abs=0.005)
    assert found.rest == pytest.approx(1.02, abs=0.005)


def test_intervals_are_those_that_psych_and_pingouin_print_for_the_same_example():
    found = co.components(SHROUT_FLEISS)
    for estimate, low, high in (
        (co.icc2(found), 0.02, 0.76),
        (co.icc2(found, 4), 0.07, 0.93),
        (co.icc3(found), 0.34, 0.95),
        (co.icc3(found, 4), 0.68, 0.99),
    ):
        assert estimate.low == pytest.approx(low, abs=0.005)
        assert estimate.high == pytest.approx(high, abs=0.005)


def test_alpha_of_krippendorff_with_missing_data_and_its_interval():
    value, low, high = ag.alpha_interval(KRIPPENDORFF)
    assert value == pytest.approx(0.849, abs=0.0005)
    assert low < value < high <= 1


def test_spearman_and_brown():
    # The digest of raters needed: one rating .30 gives .56, .68, .77, .81 with 3, 5, 8, 10 raters.
    for k, value in ((3, 0.56), (5, 0.68), (8, 0.77), (10, 0.81)):
        assert co.reliability_of_mean(0.3, k) == pytest.approx(value, abs=0.005)
    assert co.ratings_for(0.3) == 10
    assert co.ratings_for(0.5) == 4
    assert co.ratings_for(0.8) == 1
    assert co.ratings_for(1.0) == 1
    assert math.isnan(co.ratings_for(0.0))
    assert math.isnan(co.ratings_for(-0.1))
    assert math.isnan(co.ratings_for(NAN))


# --- closed forms and known variances


def test_perfect_agreement_is_one_and_level_alone_is_not_agreement():
    same = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    one = co.icc2(co.components(same))
    assert (one.value, one.low, one.high) == (1, 1, 1)
    shifted = same + np.array([0, 10, 20.0])
    assert co.icc3(co.components(shifted)).value == pytest.approx(1)
    assert co.icc2(co.components(shifted)).value < 0.2


def test_figures_do_not_depend_on_level_or_unit_or_order():
    rng = np.random.default_rng(3)
    x = simulated(rng, 40, 6, 0.4, 0.1, 0.5, kept=0.7)
    first = co.icc2(co.components(x), 4)
    moved = co.icc2(co.components(50 + 12 * x[rng.permutation(40)][:, rng.permutation(6)]), 4)
    assert moved.value == pytest.approx(first.value)
    assert moved.low == pytest.approx(first.low)


def test_empty_rows_and_columns_change_nothing():
    x = SHROUT_FLEISS
    wider = np.full((8, 6), NAN)
    wider[:6, :4] = x
    assert co.components(wider) == co.components(x)


def test_missing_data_fall_together_with_least_squares():
    """The reductions that the variances rest on, by regression on indicator columns."""
    rng = np.random.default_rng(5)
    x = simulated(rng, 12, 5, 0.5, 0.2, 0.3, kept=0.7)
    i, j = np.nonzero(~np.isnan(x))
    y = x[i, j]
    one = np.ones((len(y), 1))
    clip, rater = np.eye(12)[i], np.eye(5)[j]

    def explained(*parts):
        z = np.hstack(parts)
        fitted = z @ np.linalg.lstsq(z, y, rcond=None)[0]
        return float(fitted @ fitted)

    whole = explained(one, clip, rater)
    rest = (y @ y - whole) / (len(y) - np.linalg.matrix_rank(np.hstack([one, clip, rater])))
    found = co.components(x)
    assert found.rest == pytest.approx(rest)
    expected = (whole - explained(one, rater) - 11 * rest) / (len(y) - 5)
    assert found.clip == pytest.approx(expected)
    expected = (whole - explained(one, clip) - 4 * rest) / (len(y) - 12)
    assert found.rater == pytest.approx(expected)


@pytest.mark.parametrize(("clips", "raters", "kept"), [(60, 5, 1.0), (60, 8, 0.5), (80, 20, 0.2)])
def test_variances_come_out_right_and_the_interval_holds_them(clips, raters, kept):
    rng = np.random.default_rng(11)
    truth, parts, inside, n = 0.3, [], 0, 300
    for _ in range(n):
        found = co.components(simulated(rng, clips, raters, 0.3, 0.1, 0.6, kept))
        parts.append((found.clip, found.rater, found.rest))
        one = co.icc2(found)
        inside += one.low <= truth <= one.high
    parts = np.array(parts)
    error = parts.std(axis=0) / math.sqrt(n)
    assert np.all(np.abs(parts.mean(axis=0) - (0.3, 0.1, 0.6)) < 4 * error)
    # 95 % of 300, four standard errors wide.
    assert 0.90 <= inside / n <= 1.0


def test_groups_of_raters_that_share_no_clips_are_told_apart_within_groups_only():
    rng = np.random.default_rng(2)
    x = np.full((60, 6), NAN)
    x[:30, :3] = simulated(rng, 30, 3, 0.5, 0.1, 0.4)
    x[30:, 3:] = simulated(rng, 30, 3, 0.5, 0.1, 0.4)
    found = co.components(x)
    assert found.df_rest == 2 * 29 * 2
    assert 0.2 < co.icc2(found).value < 0.8


def test_levels_are_by_the_same_clips():
    quality = np.arange(10.0) * 8
    x = quality[:, None] + np.array([0, 5.0, -5])
    x[:5, 1] = NAN  # the milder rater had the better clips
    x[5:, 2] = NAN
    np.testing.assert_allclose(co.levels(x), [0, 5, -5], atol=1e-9)


def test_alpha_by_sums_is_alpha_of_the_pairs():
    rng = np.random.default_rng(8)
    x = simulated(rng, 50, 6, 0.4, 0.1, 0.5, kept=0.6) + 60
    value, low, high = ag.alpha_interval(x)
    assert value == ratings.krippendorff_alpha(x)
    assert low < value < high


def test_disputed_clips_are_found_and_chance_alone_names_none():
    named, planted, small = 0, 0, []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = 50 + simulated(rng, 120, 10, 60, 30, 120, kept=0.8)
        x = np.clip(x, 0, 100)
        _, p = disagreement.spreads(x - co.levels(x))
        named += int(np.sum(disagreement.false_discovery(p) <= disagreement.FALSE_DISCOVERIES))
        small.append(np.mean(p < 0.05))
        split = np.where(rng.random(10) < 0.5, 5.0, 95.0)
        x[7] = np.where(np.isnan(x[7]), NAN, split)
        _, p = disagreement.spreads(x - co.levels(x))
        planted += bool(disagreement.false_discovery(p)[7] <= disagreement.FALSE_DISCOVERIES)
    assert named <= 3
    assert 0.03 < np.mean(small) < 0.07
    assert planted >= 11


def test_a_rater_who_is_all_over_the_scale_makes_no_clip_disputed():
    rng = np.random.default_rng(4)
    x = 50 + simulated(rng, 100, 6, 60, 20, 60)
    x[:, 5] = rng.uniform(0, 100, 100)
    _, p = disagreement.spreads(x - co.levels(x))
    assert np.sum(disagreement.false_discovery(p) <= disagreement.FALSE_DISCOVERIES) <= 2


def test_false_discoveries_of_benjamini_and_hochberg():
    found = disagreement.false_discovery(np.array([0.01, 0.04, NAN, 0.03, 0.5]))
    np.testing.assert_allclose(found, [0.04, 0.16 / 3, 1, 0.16 / 3, 0.5])


# --- from a file


def test_first_ratings_are_compared_and_later_ones_are_repeats(tmp_path):
    rows = long([[10, 20.0], [60, 50], [90, 95]])
    rows.insert(0, ["c000", "r0", "sincere", "40", "1", "", ""])  # marked, though it comes first
    rows.append(["c001", "r1", "sincere", "70", "", "", ""])  # not marked
    rows.append(["c002", "r1", "sincere", "", "", "1", "noise"])
    got = ag.arrange(ratings.read_answers(write(tmp_path / "r.csv", rows)))
    np.testing.assert_array_equal(got.matrix, [[10, 20], [60, 50], [90, 95]])
    assert sorted(got.again.tolist()) == [[0, 0, 10, 40], [1, 1, 50, 70]]
    assert got.unmarked == 1
    assert got.deaf.tolist() == [[0, 0], [0, 0], [0, 1]]


def test_a_rating_after_cannot_hear_is_the_first_rating(tmp_path):
    rows = [["a", "r0", "sincere", "", "", "1", ""], ["a", "r0", "sincere", "30", "1", "", ""]]
    got = ag.arrange(ratings.read_answers(write(tmp_path / "r.csv", rows)))
    assert got.matrix.tolist() == [[30.0]]
    assert not len(got.again)


def test_each_rater_beside_the_others_and_themselves(tmp_path):
    base = np.linspace(10, 80, 12)
    rows = long(np.stack([base, base + 10, 90 - base], axis=1))
    rows += [[f"c{i:03d}", "r0", "sincere", f"{base[i] + 4:g}", "1", "", ""] for i in range(5)]
    found = ag.agreement(write(tmp_path / "r.csv", rows))["axes"]["sincere"]
    one, two, three = found["raters"]
    assert one["repeat_correlation"] == pytest.approx(1)
    assert one["repeat_typical_difference"] == pytest.approx(4)
    assert one["n_repeats"] == found["n_repeats"] == 5
    assert math.isnan(two["repeat_correlation"])
    assert three["correlation_with_rest"] == pytest.approx(-1)
    assert two["level"] == pytest.approx(10 + np.mean(base - (base + 90 - base) / 2))
    assert two["mean"] == pytest.approx(base.mean() + 10)
    assert two["sd"] == pytest.approx(base.std(ddof=1))
    assert found["repeats"]["typical_difference"] == 4


def test_the_reliability_that_fit_goes_by_stands_beside(tmp_path):
    rng = np.random.default_rng(0)
    rows = long(50 + 10 * simulated(rng, 40, 6, 0.5, 0.1, 0.4))
    path = write(tmp_path / "r.csv", rows)
    found = ag.agreement(path)["axes"]["sincere"]
    assert found["fit"]["reliability"] == ag.read_long(path, "sincere").reliability()["icc_mean"]
    assert found["fit"]["enough"]


def test_the_same_figures_go_onto_the_card_of_a_judge(tmp_path):
    rng = np.random.default_rng(0)
    path = write(tmp_path / "r.csv", long(50 + 10 * simulated(rng, 40, 6, 0.5, 0.1, 0.4)))
    found = ag.plain(ag.agreement(path))["axes"]["sincere"]
    kept = ag.read_long(path, "sincere").reliability()["agreement"]
    assert kept.items() <= found.items()
    assert {"icc2_1", "icc2_1_low", "icc2_k", "krippendorff_alpha"} <= kept.keys()
    json.dumps(kept, allow_nan=False)


def test_whom_fit_leaves_out_is_named(tmp_path):
    rng = np.random.default_rng(0)
    x = 50 + 10 * simulated(rng, 20, 4, 0.6, 0.1, 0.3)
    rows = long(x)
    for i in range(8):
        rows.append([f"c{i:03d}", "r1", "sincere", f"{100 - x[i, 1]:g}", "yes", "", ""])
    found = ag.agreement(write(tmp_path / "r.csv", rows))["axes"]["sincere"]
    assert list(found["fit"]["dropped_raters"]) == ["r1"]
    assert [r["left_out_by_fit"] for r in found["raters"]] == [False, True, False, False]
    assert "dropped_raters" in found["remarks"]


DEGENERATE = {
    "one_rater": [["a", "r", "sincere", "10", "", "", ""], ["b", "r", "sincere", "90", "", "", ""]],
    "one_clip": [["a", "r", "sincere", "10", "", "", ""], ["a", "s", "sincere", "90", "", "", ""]],
    "constant": [[c, r, "sincere", "50", "", "", ""] for c in "abc" for r in "rs"],
    "nobody_heard": [[c, r, "sincere", "", "", "1", ""] for c in "abc" for r in "rs"],
    "no_overlap": [[f"{c}{r}", r, "sincere", f"{10 * i}", "", "", ""]
                   for i, c in enumerate("abc") for r in "rs"],
}  # fmt: skip


@pytest.mark.parametrize("code", DEGENERATE)
def test_too_little_is_said_and_gives_null(tmp_path, code):
    path = write(tmp_path / "r.csv", DEGENERATE[code])
    done = CliRunner().invoke(app, ["agreement", str(path), "--json"])
    assert done.exit_code == 0, done.output
    axis = json.loads(done.stdout)["axes"]["sincere"]
    assert code in axis["remarks"]
    assert axis["remarks_text"]
    for key in ("icc2_1", "icc2_1_low", "icc2_k", "ratings_for_reliability_80"):
        assert axis[key] is None
    for lang in ("nl", "en"):
        folder = tmp_path / lang
        done = CliRunner().invoke(
            app, ["agreement", str(path), "--lang", lang, "--page", str(folder)]
        )
        assert done.exit_code == 0, done.output
        assert load("agreement", lang)["remark"][code] in " ".join(done.stdout.split())
        assert "nan" not in (folder / "index.html").read_text(encoding="utf-8").lower().split(
            "</style>"
        )[1].replace("naast", "")


def test_agreement_by_chance_is_named_and_no_number_of_ratings_is(tmp_path):
    x = np.array([[10, 90.0], [90, 10], [20, 80], [80, 20]])
    found = ag.plain(ag.agreement(write(tmp_path / "r.csv", long(x))))["axes"]["sincere"]
    assert found["icc2_1"] < 0
    assert found["ratings_for_reliability_80"] is None
    assert "no_agreement" in found["remarks"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("clip,rater,axis,rating\n", "no rows"),
        ("clip,rater,axis\na,r,sincere\n", "no column 'rating'"),
        ("clip,rater,axis,rating\na,r,nice,3\n", "axis 'nice'"),
        ("clip,rater,axis,rating\na,r,sincere,101\n", "a rating of 101"),
        ("clip,rater,axis,rating\na,r,sincere,many\n", "expected a number"),
    ],
)
def test_wrong_files_are_usage_errors(tmp_path, text, message):
    path = tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        ag.agreement(path)


def test_axes_that_occur_are_told_and_one_can_be_asked_for(tmp_path):
    rng = np.random.default_rng(1)
    x = 50 + 10 * simulated(rng, 10, 3, 0.5, 0.1, 0.4)
    both = write(tmp_path / "both.csv", long(x) + long(x[:5], "engaged"))
    found = ag.agreement(both)
    assert list(found["axes"]) == ["sincere", "engaged"]
    assert (found["n_clips"], found["n_raters"], found["n_ratings"]) == (10, 3, 45)
    assert list(ag.agreement(both, "engaged")["axes"]) == ["engaged"]
    assert ag.agreement(both, "engaged")["n_clips"] == 5
    one = write(tmp_path / "one.csv", long(x))
    assert list(ag.agreement(one)["axes"]) == ["sincere"]
    with pytest.raises(UsageError, match="no answer on the axis 'engaged'; found sincere"):
        ag.agreement(one, "engaged")
    bare = write(tmp_path / "bare.csv", [[r[0], r[1], r[3]] for r in long(x)],
                 ("clip", "rater", "rating"))  # fmt: skip
    assert list(ag.agreement(bare)["axes"]) == ["sincere"]
    assert list(ag.agreement(bare, "engaged")["axes"]) == ["engaged"]


cell = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
answer = st.tuples(
    st.sampled_from(["a", "b", "c", "d'\"<x>", "=1+1"]),
    st.sampled_from(["r", "s", "t", "Ünal"]),
    st.sampled_from(["sincere", "engaged", " Sincere "]),
    st.one_of(st.integers(0, 100).map(str), st.floats(0, 100).map(repr), st.just(""),
              st.just("NA"), st.just("33,5")),
    st.sampled_from(["", "0", "1", "true"]),
    st.sampled_from(["", "", "0", "1", "ja"]),
    cell.filter(lambda t: "\x00" not in t and "\r" not in t),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(answer, min_size=1, max_size=40, unique_by=lambda r: r[:6]))
def test_any_answers_give_figures_that_are_json(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("h") / "r.csv", rows)
    found = ag.plain(ag.agreement(path))
    text = json.dumps(found, allow_nan=False)
    axes = json.loads(text)["axes"]
    assert axes
    heard = [r for r in rows if r[3] not in ("", "NA") and r[5] not in ("1", "ja")]
    assert sum(a["n_ratings"] for a in axes.values()) == len(heard)
    for one in axes.values():
        assert one["icc2_1"] is None or one["icc2_1"] <= 1
        low, value, high = (one[f"icc2_1{e}"] for e in ("_low", "", "_high"))
        if None not in (low, value, high):
            assert low <= value + 1e-6
            assert value <= high + 1e-6
        assert {c["clip"] for c in one["clips"]} <= {r[0] for r in rows}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("h") / "r.csv"
    path.write_text("clip,rater,axis,rating\n" + text, encoding="utf-8", errors="replace")
    refused = None
    try:
        ratings.read_answers(path)
    except UsageError as error:
        refused = str(error)
    assert refused is None or str(path) in refused


# --- the command


def test_the_command_from_outside(tmp_path):
    rng = np.random.default_rng(1)
    x = np.clip(50 + 15 * simulated(rng, 40, 5, 0.5, 0.1, 0.4), 0, 100)
    path = write(tmp_path / "r.csv", long(x) + long(x, "engaged"))
    done = prosody("agreement", path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"n_clips", "n_raters", "n_ratings", "axes"} <= found.keys()
    axis = found["axes"]["sincere"]
    assert {
        "icc2_1", "icc2_1_low", "icc2_1_high", "icc2_k", "icc2_k_low", "icc2_k_high",
        "krippendorff_alpha", "raters", "clips", "ratings_for_reliability_80",
    } <= axis.keys()  # fmt: skip
    assert axis["complete"]
    assert axis["ratings_per_clip"] == 5
    assert axis["icc2_1_low"] < axis["icc2_1"] < axis["icc2_1_high"] < axis["icc2_k_high"]
    assert len(axis["raters"]) == 5
    assert len(axis["clips"]) == 40
    needed = axis["ratings_for_reliability_80"]
    one = axis["icc2_1"]
    assert co.reliability_of_mean(one, needed) >= 0.8 > co.reliability_of_mean(one, needed - 1)
    for lang, word in (("nl", "Luisteraars"), ("en", "Raters")):
        done = CliRunner().invoke(app, ["agreement", str(path), "--lang", lang])
        assert done.exit_code == 0, done.output
        assert word in done.stdout
        assert "ICC(2,1)" in done.stdout
    bad = prosody("agreement", path, "--axis", "nice")
    assert bad.returncode == 2
    assert "--axis 'nice'" in bad.stderr


def test_the_page_does_not_replace_what_is_not_its_own(tmp_path):
    path = write(tmp_path / "r.csv", long([[1, 2.0], [30, 50], [60, 80]]))
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<p>mine</p>", encoding="utf-8")
    done = CliRunner().invoke(app, ["agreement", str(path), "--page", str(folder)])
    assert isinstance(done.exception, UsageError)
    assert "another page is there" in str(done.exception)
    assert (folder / "index.html").read_text(encoding="utf-8") == "<p>mine</p>"
    for _ in range(2):
        done = CliRunner().invoke(app, ["agreement", str(path), "--out", str(tmp_path / "new/a")])
        assert done.exit_code == 0, done.output
    assert [p.name for p in (tmp_path / "new/a").iterdir()] == ["index.html"]


def test_the_words_are_the_same_in_both_languages():
    def keys(value, at=""):
        if isinstance(value, dict):
            return {k for name, v in value.items() for k in keys(v, f"{at}.{name}")}
        return {(at, *sorted(set(_fields(value))))}

    for subject in ("agreement", "sampling"):
        assert keys(load(subject, "nl")) == keys(load(subject, "en"))


def _fields(text):
    import string

    return [name for _, name, _, _ in string.Formatter().parse(text) if name]
