"""Sequences: closed-form shares, and the protocol held on sets of any kind."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prosody.rating import sequence as seq

SETS = st.lists(st.sampled_from(["", *"abcdefgh"]), min_size=1, max_size=150)


@given(SETS, st.integers(0, 50), st.integers(0, 3))
@settings(max_examples=60)
def test_a_sequence_keeps_to_the_protocol(agents, rater, seed):
    trials = seq.sequence(agents, rater, seed)
    first = [t.clip for t in trials if not t.is_repeat]
    again = [t.clip for t in trials if t.is_repeat]
    assert len(first) == len(set(first))
    assert len(again) == len(set(again)) == seq.repeats_for(len(first))
    heard = Counter(agents[t.clip] for t in trials if agents[t.clip])
    assert not heard or max(heard.values()) <= seq.MOST_PER_AGENT
    place = {t.clip: i for i, t in enumerate(trials) if not t.is_repeat}
    for i, trial in enumerate(trials):
        if trial.is_repeat:
            assert i - place[trial.clip] >= 2  # never right after its first hearing
    assert trials == seq.sequence(agents, rater, seed)


@given(st.integers(6, 3000).filter(lambda n: n not in (10, 11)))
def test_repeats_are_ten_to_fifteen_percent(n):
    repeats = seq.repeats_for(n)
    assert 0.10 <= repeats / (n + repeats) <= 0.15


def test_every_block_has_repeats_so_that_who_stops_early_can_be_checked():
    agents = [f"a{i % 40}" for i in range(200)]
    trials = seq.sequence(agents, 0)
    for start in range(0, len(trials) - 29, 30):
        block = trials[start : start + 30]
        assert 2 <= sum(t.is_repeat for t in block) <= 5
    gaps = [
        i - next(j for j, u in enumerate(trials) if u.clip == t.clip)
        for i, t in enumerate(trials)
        if t.is_repeat
    ]
    assert min(gaps) >= seq.GAP


@pytest.mark.parametrize("n", [30, 60, 104, 200])
def test_over_raters_every_clip_stands_in_every_block_equally_often(n):
    agents = [f"a{i}" for i in range(n)]
    groups = max(1, round(n * (1 + seq.REPEAT_SHARE) / seq.BLOCK))
    counts = np.zeros((n, groups), dtype=int)
    for rater in range(groups):
        order = [t.clip for t in seq.sequence(agents, rater) if not t.is_repeat]
        for group in range(groups):
            low, high = round(group * n / groups), round((group + 1) * n / groups)
            # Groups may differ by one in size, so that places shift by as much.
            for clip in order[low:high]:
                counts[clip, group] += 1
    assert counts.sum() == n * groups
    assert np.mean(counts == 1) > 0.95


def test_of_an_agent_with_many_clips_all_are_heard_equally_often():
    agents = ["a"] * 20 + ["b"] * 3 + ["c"] * 40
    counts = Counter(
        t.clip for r in range(40) for t in seq.sequence(agents, r, 5) if not t.is_repeat
    )
    a, c = ([counts[i] for i in span] for span in (range(20), range(23, 63)))
    assert max(a) - min(a) <= 1
    assert max(c) - min(c) <= 1
    assert {counts[i] for i in range(20, 23)} == {40}


def test_raters_differ_and_so_do_seeds():
    agents = [f"a{i}" for i in range(40)]
    one = seq.sequence(agents, 0, 0)
    assert one != seq.sequence(agents, 1, 0)
    assert one != seq.sequence(agents, 0, 1)
