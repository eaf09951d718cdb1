import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.arrays import join
from prosody.examine import baseline
from prosody.examine.baseline import Baseline
from prosody.measures import table
from prosody.settings import Baseline as Limits


def spans(*pairs):
    return np.array(pairs, dtype=float).reshape(-1, 2)


def test_stretches_are_about_as_long_as_asked_and_leave_the_apology_out():
    cut = baseline.stretches(spans((0, 30)), spans((10, 12)), Limits(chunk_s=3))
    lengths = cut[:, 1] - cut[:, 0]
    assert lengths.min() > 2
    assert lengths.max() < 4.5
    assert not ((cut[:, 0] < 12) & (cut[:, 1] > 10)).any()
    assert lengths.sum() == pytest.approx(28)


def test_a_short_excluded_window_is_not_bridged_again():
    cut = baseline.stretches(spans((0, 5), (5.2, 10)), spans((4.9, 5.2)), Limits(chunk_s=3))
    assert not ((cut[:, 0] < 5.2) & (cut[:, 1] > 4.9)).any()


def test_a_long_call_is_bounded_and_spread():
    cut = baseline.stretches(spans((0, 3600)), spans(), Limits(chunk_s=3, max_s=120))
    assert len(cut) == 40
    assert cut[0, 0] == 0
    assert cut[-1, 1] == pytest.approx(3600)


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0.1, 20)), max_size=30),
    st.lists(st.tuples(st.floats(0, 500), st.floats(0.1, 20)), max_size=5),
)
def test_stretches_never_touch_what_is_excluded(speech, holes):
    speech = join(np.array(sorted((a, a + d) for a, d in speech)).reshape(-1, 2), 0)
    holes = np.array(sorted((a, a + d) for a, d in holes)).reshape(-1, 2)
    cut = baseline.stretches(speech, holes, Limits())
    assert (np.diff(cut[:, 0]) > 0).all()
    for low, high in holes:
        assert not ((cut[:, 0] < high - 1e-9) & (cut[:, 1] > low + 1e-9)).any()


def test_median_needs_two_stretches():
    values = np.array([[1, np.nan, np.nan], [3, 5, np.nan], [8, np.nan, np.nan]])
    assert baseline.median(values)[0] == 3
    assert np.isnan(baseline.median(values)[1:]).all()
    assert np.isnan(baseline.median(np.empty((0, 3)))).all()


def test_a_baseline_of_too_little_speech_is_none():
    measured = np.ones((3, len(table.NAMES)))
    assert Baseline.of(measured, 4.9, 5.0).seconds == 0.0
    assert np.isnan(Baseline.of(measured, 4.9, 5.0).values).all()
    enough = Baseline.of(measured, 5.1, 5.0)
    assert (enough.values == 1.0).all()
    assert np.isnan(enough.at_least(6.0).values).all()


def test_a_baseline_of_some_measures_leaves_the_others_unknown():
    got = Baseline.of(np.ones((2, len(table.ACOUSTIC))), 30.0, 5.0, table.ACOUSTIC)
    known = dict(zip(table.NAMES, np.isfinite(got.values), strict=True))
    assert {name for name, is_known in known.items() if is_known} == set(table.ACOUSTIC)


def test_relative_is_what_the_table_says_for_every_window():
    rng = np.random.default_rng(1)
    measured = rng.uniform(1, 2, (4, len(table.NAMES)))
    usual = Baseline(rng.uniform(1, 2, len(table.NAMES)), 30.0)
    expected = table.relative(measured, np.tile(usual.values, (4, 1)))
    np.testing.assert_array_equal(usual.relative(measured), expected)
    assert usual.relative(measured[:0]).shape == (0, len(table.RELATIVE_NAMES))
