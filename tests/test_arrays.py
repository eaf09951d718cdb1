import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.arrays import join, overlap_s, runs, subtract


def spans(*pairs):
    return np.array(pairs, dtype=float).reshape(-1, 2)


def test_join_bridges_short_gaps_only():
    joined = join(spans((0, 1), (1.2, 2), (3, 4)), 0.5)
    assert joined.tolist() == [[0, 2], [3, 4]]


def test_join_keeps_the_reach_of_a_span_that_holds_the_next():
    assert join(spans((0, 10), (1, 2), (10.1, 11)), 0.5).tolist() == [[0, 11]]


def test_subtract_cuts_a_hole():
    assert subtract(spans((0, 10)), spans((3, 4), (8, 12))).tolist() == [[0, 3], [4, 8]]


def test_overlap_counts_seconds_of_speech_in_windows():
    speech = spans((1, 2), (3, 5))
    got = overlap_s(speech, spans((0, 10), (1.5, 3.5), (2, 3), (6, 7)))
    assert got == pytest.approx([3, 1, 0, 0])
    assert overlap_s(spans(), spans((0, 1))).tolist() == [0]


def test_overlap_is_what_counting_on_a_grid_gives():
    speech = spans((1, 2), (3, 5))
    times = np.array([[0.0, 6.0], [1.5, 3.5], [2.0, 3.0], [4.0, 4.5], [5.0, 9.0]])
    assert overlap_s(speech, times) == pytest.approx([3.0, 1.0, 0.0, 0.5, 0.0])
    rng = np.random.default_rng(5)
    edges = np.sort(rng.uniform(0, 100, 40)).reshape(-1, 2)
    times = np.sort(rng.uniform(0, 100, (50, 2)), axis=1)
    grid = np.arange(0, 100, 0.001)
    on = np.zeros(len(grid))
    for start, end in edges:
        on += (grid >= start) & (grid < end)
    brute = [on[(grid >= a) & (grid < b)].sum() * 0.001 for a, b in times]
    assert overlap_s(edges, times) == pytest.approx(brute, abs=0.05)


times = st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 20)), max_size=8)


def sorted_spans(pairs):
    return spans(*sorted((a, a + d) for a, d in pairs))


@given(times, times)
def test_what_is_left_and_what_was_taken_are_the_whole(one, other):
    one, other = join(sorted_spans(one), 0), sorted_spans(other)
    left = subtract(one, other)
    taken = overlap_s(join(other, 0), one).sum()
    assert (left[:, 1] - left[:, 0]).sum() + taken == pytest.approx((one[:, 1] - one[:, 0]).sum())
    assert overlap_s(left, other).sum() == pytest.approx(0, abs=1e-9)


@given(times, st.floats(0, 5))
def test_joined_spans_lie_further_apart_than_the_gap_and_cover_the_same(pairs, gap_s):
    before = sorted_spans(pairs)
    after = join(before, gap_s)
    assert (after[1:, 0] - after[:-1, 1] > gap_s).all()
    assert not len(subtract(before, after))


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("", []),
        ("000", []),
        ("111", [[0, 3]]),
        ("0110100", [[1, 3], [4, 5]]),
        ("1001", [[0, 1], [3, 4]]),
    ],
)
def test_runs_begin_and_end_where_they_do(on, found):
    mask = np.array([c == "1" for c in on], dtype=bool)
    assert runs(mask).tolist() == found
