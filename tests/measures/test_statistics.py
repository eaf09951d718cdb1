"""Statistics of many segments: each equals what NumPy says of the segment alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.measures.statistics import (
    Runs,
    line_slopes,
    mean_sd,
    percentiles,
    smooth,
    smooth_where,
    turning_points,
    turning_slopes,
)

COUNTS = np.array([5, 0, 1, 17, 0, 3])


def parts(x: np.ndarray) -> list[np.ndarray]:
    return np.split(x, np.cumsum(COUNTS)[:-1])


def test_mean_sd_and_percentiles_equal_numpy_per_segment() -> None:
    x = np.random.default_rng(2).standard_normal(COUNTS.sum())
    mean, sd = mean_sd(x, Runs(COUNTS))
    marks = percentiles(x, Runs(COUNTS), (0.2, 0.5, 0.8))
    for i, part in enumerate(parts(x)):
        if len(part):
            assert mean[i] == pytest.approx(part.mean())
            assert sd[i] == pytest.approx(part.std())
            np.testing.assert_allclose(marks[i], np.percentile(part, [20, 50, 80]))
        else:
            assert np.isnan([mean[i], sd[i], *marks[i]]).all()


def test_smoothing_never_crosses_a_segment() -> None:
    x = np.concatenate([np.zeros(5), [], [7.0], np.full(17, 100.0), [], np.full(3, -1.0)])
    np.testing.assert_array_equal(smooth(x, Runs(COUNTS)), x)


def test_smoothing_where_leaves_out_what_is_not_under_the_mask() -> None:
    x = np.array([1.0, 2.0, 99.0, 4.0, 8.0])
    mask = np.array([True, True, False, True, True])
    got = smooth_where(x, mask, Runs(np.array([5])))
    np.testing.assert_allclose(got, [1.5, 1.5, 6.0, 6.0])


def test_line_slope_of_a_line_is_its_slope() -> None:
    t = np.concatenate([np.arange(10), np.arange(20)]) * 0.01
    x = np.concatenate([3 + 2 * t[:10], 5 - 7 * t[10:]])
    np.testing.assert_allclose(line_slopes(x, t, Runs(np.array([10, 20]))), [2, -7])
    assert np.isnan(line_slopes(x[:1], t[:1], Runs(np.array([1]))))[0]


def test_turning_points_of_a_zigzag_and_what_is_too_small_for_one() -> None:
    x = np.array([0, 1, 2, 3, 2.9, 3.1, 4, 3, 2, 1, 2, 3.0])  # the dip of 0.1 is no valley
    turns = turning_points(x, Runs(np.array([12])))
    np.testing.assert_array_equal(turns.at, [6, 9])
    np.testing.assert_array_equal(turns.high, [True, False])
    slopes = turning_slopes(x, turns, Runs(np.array([12])), 0.01)[0]
    assert slopes[0] == pytest.approx((4 / 0.06 + 2 / 0.02) / 2)
    assert slopes[2] == pytest.approx(100)


def test_a_level_valley_is_one_valley_and_a_glide_is_one_slope() -> None:
    x = np.array([0, 5, 0.01, 0.01, 0.01, 5, 0])
    turns = turning_points(x, Runs(np.array([7])))
    np.testing.assert_array_equal(turns.at, [1, 2, 5])
    glide = np.linspace(0, 12, 101)
    runs = Runs(np.array([101]))
    slopes = turning_slopes(glide, turning_points(glide, runs), runs, 0.01)[0]
    assert slopes[0] == pytest.approx(12)
    assert np.isnan(slopes[1:]).all()


def by_hand(x: list[float], share: float) -> list[int]:
    """Walk along the contour with a threshold, one value at a time."""
    least = share * (max(x) - min(x))
    turns = [i for i in range(1, len(x) - 1) if (x[i] - x[i - 1]) * (x[i + 1] - x[i]) < 0]
    out: list[int] = []
    held, way = 0, 0
    for i in turns:
        up = x[i] > x[i - 1]
        if way == 0:
            if abs(x[i] - x[0]) >= least and up == (x[i] > x[0]):
                held, way = i, 1 if up else -1
        elif (x[i] - x[held]) * way > 0:
            held = i
        elif up != (way > 0) and abs(x[i] - x[held]) >= least:
            out.append(held)
            held, way = i, -way
    return out + ([held] if way else [])


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=60, unique=True))
def test_thinning_together_equals_walking_along(values: list[int]) -> None:
    x = np.array(values, dtype=np.float64)
    turns = turning_points(x, Runs(np.array([len(x)])), 0.1)
    expected = by_hand(x.tolist(), 0.1)
    assert turns.at.tolist() == expected


@given(st.lists(st.lists(st.floats(0, 1), max_size=30), min_size=1, max_size=6))
def test_segments_turn_alike_alone_and_together(segments: list[list[float]]) -> None:
    counts = np.array([len(s) for s in segments])
    x = np.concatenate([np.array(s) for s in segments])
    together = turning_points(x, Runs(counts))
    start = np.cumsum(counts) - counts
    for i, segment in enumerate(segments):
        alone = turning_points(np.array(segment), Runs(np.array([len(segment)])))
        np.testing.assert_array_equal(together.at[together.segment == i] - start[i], alone.at)
