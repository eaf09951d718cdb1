"""Ranges of a difference where rows come in clusters: they hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import intervals as bench
from prosody.statistics import bootstrap, intervals


def of(shares, each, start=0):
    return {f"c{start + i}": (int(s * each), each) for i, s in enumerate(shares)}


def test_a_row_belongs_to_its_agent_where_one_is_given_else_to_its_call():
    row = {"agent": "agent-1", "recording": "a.wav"}
    assert bootstrap.cluster_of(row, by_agent=True) == "agent agent-1"
    assert bootstrap.cluster_of(row, by_agent=False) == "call a.wav"
    assert bootstrap.cluster_of(row | {"agent": ""}, by_agent=True) == "call a.wav"
    assert bootstrap.agents_of([row, row | {"agent": ""}, {}]) == {"agent-1"}
    assert bootstrap.count([("x", True), ("y", False), ("x", False)]) == {"x": (1, 2), "y": (0, 1)}


def test_clusters_of_equal_rows_decide_as_little_as_so_many_rows():
    # 20 clusters of 50 equal rows are 20 rows and not 1,000.
    rng = np.random.default_rng(0)
    a, b = (of(rng.random(20) < p, 50, start) for p, start in ((0.3, 0), (0.5, 20)))
    d, low, high = bootstrap.difference(a, b)
    one = {k: (v[0] // 50, 1) for k, v in a.items()}, {k: (v[0] // 50, 1) for k, v in b.items()}
    alone = intervals.difference(*bootstrap.total(one[0]), *bootstrap.total(one[1]))
    assert d == pytest.approx(alone[0])
    assert (low, high) == pytest.approx(alone[1:], abs=0.06)
    naive = intervals.difference(*bootstrap.total(a), *bootstrap.total(b))
    assert high - low > 4 * (naive[2] - naive[1])


def test_the_same_agents_twice_are_compared_with_themselves():
    shares = np.linspace(0.1, 0.9, 20)  # very unlike each other, and every one of them 10 % up
    a, b = of(shares, 50), of(shares + 0.1, 50)
    low, high = bootstrap.difference(a, b)[1:]
    apart = bootstrap.difference(a, of(shares + 0.1, 50, start=100))[1:]
    assert low > 0 > apart[0]
    assert high - low < (apart[1] - apart[0]) / 3


def test_it_is_never_narrower_than_of_independent_rows_also_at_the_edge():
    a, b = of([0.0] * 10, 3), of([0.0] * 10, 3, 10)
    assert bootstrap.difference(a, b) == intervals.difference(0, 30, 0, 30)


@pytest.mark.parametrize("a", [{}, {"x": (0, 0)}, {"x": (5, 9)}])
def test_one_cluster_says_nothing(a):
    assert bootstrap.difference(a, of([0.5] * 9, 4, 10))[1:] == (-1.0, 1.0)


def test_the_same_counts_give_the_same_range_in_any_order():
    a, b = of([0.1, 0.5, 0.3, 0.2], 10), of([0.4, 0.5, 0.6, 0.2], 10, 10)
    turned = dict(reversed(a.items())), dict(reversed(b.items()))
    assert bootstrap.difference(a, b) == bootstrap.difference(*turned)


def test_a_share_and_what_is_left_of_it_mirror_each_other():
    a, b = of([0.1, 0.5, 0.3, 0.2], 10), of([0.4, 0.5, 0.6, 0.2], 10, 10)
    d, low, high = bootstrap.difference(a, b)
    rest = [{name: (n - k, n) for name, (k, n) in one.items()} for one in (a, b)]
    assert bootstrap.difference(*rest) == (-d, -high, -low)


@pytest.mark.slow
def test_on_made_up_clusters_the_range_holds_the_truth_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(bootstrap, "DRAWS", 800)
    for case in ((8, 20, 0.2, 0.2, False), (30, 20, 0.2, 0.2, True)):
        found = bench.of_runs(case, 300, seed=3)
        # Two standard errors of 300 pairs are 2.5 points.
        assert 0.92 <= found["clustered"]["covered"] <= 0.99
        if not case[-1]:
            assert found["independent"]["covered"] < 0.8


def test_many_calls_take_little_room():
    rng = np.random.default_rng(1)
    a = {f"a{i}": (int(k), 3) for i, k in enumerate(rng.binomial(3, 0.2, 50_000))}
    b = {f"b{i}": (int(k), 3) for i, k in enumerate(rng.binomial(3, 0.2, 50_000))}
    d, low, high = bootstrap.difference(a, b)
    assert low < d < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 * 0.16 / 150_000), rel=0.1)
