"""A reason is played where it is heard best."""

from __future__ import annotations

import numpy as np
import pytest

from prosody.coach.contours import Contours
from prosody.coach.highlights import LISTEN_S, place
from prosody.judge.reasons import GROUPS

N = 600  # six seconds
TIME = (np.arange(N) + 1) * 0.01


def drawn(**changed: np.ndarray) -> Contours:
    flat = {"f0_st": np.full(N, 30.0), "level_db": np.full(N, -20.0), "peaks": np.full(N, 0.1)}
    return Contours(TIME, **{**flat, **changed})


def bump(low: float, high: float, size: float, base: float) -> np.ndarray:
    return np.where((low < TIME) & (high > TIME), base + size, base)


@pytest.mark.parametrize(("higher", "at"), [(True, 2.0), (False, 4.0)])
def test_pitch_is_heard_where_it_is_highest_or_lowest(higher: bool, at: float) -> None:
    f0 = bump(2.0, 3.5, 5.0, 30.0) + bump(4.0, 5.5, -5.0, 0.0)
    start, end = place("pitch_level", higher, drawn(f0_st=f0), [], (0.0, 6.0))
    assert start == pytest.approx(at, abs=0.03)
    assert end - start == pytest.approx(LISTEN_S)


def test_unvoiced_stretches_show_no_pitch() -> None:
    f0 = bump(4.0, 5.5, -3.0, 30.0)
    f0[:300] = np.nan
    start, _ = place("pitch_level", False, drawn(f0_st=f0), [], (0.0, 6.0))
    assert start == pytest.approx(4.0, abs=0.03)


def test_movement_is_heard_where_pitch_moves_most() -> None:
    f0 = 30.0 + np.where((TIME > 3) & (TIME < 4.5), 4 * np.sin(2 * np.pi * 2 * TIME), 0.0)
    start, _ = place("pitch_span", True, drawn(f0_st=f0), [], (0.0, 6.0))
    assert start == pytest.approx(3.0, abs=0.1)


def test_softness_is_heard_in_speech_and_not_in_a_pause() -> None:
    level = bump(1.0, 2.5, -10.0, -20.0)
    level[400:] = -80.0
    start, end = place("loudness", False, drawn(level_db=level), [], (0.0, 6.0))
    assert start == pytest.approx(1.0, abs=0.03)
    assert end < 4.0


def test_pauses_are_heard_with_the_words_around_them() -> None:
    pauses = [(1.0, 1.3), (3.0, 4.0)]
    assert place("pauses", True, drawn(), pauses, (0.0, 6.0)) == (2.4, 4.6)
    assert place("pauses", False, drawn(), pauses, (0.0, 6.0)) == (0.0, 6.0)


def test_a_place_that_a_reason_names_stays() -> None:
    assert place("pitch_start", True, drawn(), [], (0.0, 0.6)) == (0.0, 0.6)
    assert place("pitch_level", True, drawn(), [], (5.0, 6.0)) == (5.0, 6.0)


@pytest.mark.parametrize("group", sorted(GROUPS))
@pytest.mark.parametrize("count", [0, 1, 100, 200, 600])
def test_every_place_lies_in_the_take(group: str, count: int) -> None:
    rng = np.random.default_rng(count)
    some = Contours(TIME[:count], *(rng.normal(size=count) for _ in range(3)))
    for higher in (True, False):
        start, end = place(group, higher, some, [], (0.0, count / 100))
        assert 0 <= start <= end <= count / 100
    silent = Contours(TIME[:count], np.full(count, np.nan), np.full(count, -90.0), np.zeros(count))
    assert place(group, True, silent, [], (0.0, count / 100))[0] >= 0
