"""Where in a take a reason is heard best: the second and a half to click on.

A reason is about the whole take, but some moments show it more than others: the highest notes, the
loudest words, the longest pause. Only where to listen is decided here; the reasons are the judge's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prosody.coach.contours import STEP_S, Contours, Floats

LISTEN_S = 1.5
AROUND_PAUSE_S = 0.6
LEAST_VOICED = 0.3
"""A moment to hear pitch in is voiced for at least this share."""

_BY_PITCH = ("pitch_level",)
_BY_SPREAD = ("pitch_span", "pitch_movement")
_BY_LEVEL = ("loudness", "attack", "tone")


def place(
    group: str,
    higher: bool,
    drawn: Contours,
    pauses: Sequence[tuple[float, float]],
    window: tuple[float, float],
) -> tuple[float, float]:
    """Return start and end of the place to listen at, seconds.

    Parameters
    ----------
    group : str
        What a listener hears as one thing, of `reasons.GROUPS`.
    higher : bool
        Whether the measure was above what it is compared with.
    drawn : Contours
        Lines of the take.
    pauses : sequence of (float, float)
        Silences in it.
    window : (float, float)
        The place that the reason itself names.
    """
    start, end = window
    if group == "pauses" and higher and pauses:
        a, b = max(pauses, key=lambda p: p[1] - p[0])
        return max(start, a - AROUND_PAUSE_S), min(end, b + AROUND_PAUSE_S)
    whole = len(drawn.time_s) and end - start >= 0.9 * float(drawn.time_s[-1])
    width = round(LISTEN_S / STEP_S)
    if not whole or len(drawn.time_s) < 1.5 * width:
        return window
    score = _score(group, higher, drawn, width)
    if score is None or not np.isfinite(score).any():
        return window
    at = float(drawn.time_s[int(np.nanargmax(score))])
    return max(start, at), min(end, at + LISTEN_S)


def _score(group: str, higher: bool, drawn: Contours, width: int) -> Floats | None:
    """Return for every window of `width` steps how well it shows the reason; NaN is not at all."""
    sign = 1.0 if higher else -1.0
    if group in _BY_PITCH or group in _BY_SPREAD:
        voiced = np.isfinite(drawn.f0_st)
        count = _sums(voiced.astype(np.float64), width)
        pitch = np.where(voiced, drawn.f0_st, 0.0)
        enough = count >= LEAST_VOICED * width
        mean = np.divide(_sums(pitch, width), count, out=np.zeros(len(count)), where=count > 0)
        out = mean
        if group in _BY_SPREAD:
            square = _sums(pitch**2, width)
            out = np.divide(square, count, out=np.zeros(len(count)), where=count > 0) - mean**2
        return np.where(enough, sign * out, np.nan)
    if group in _BY_LEVEL:
        # The softest second and a half of a take is a pause: softness is heard in its speech.
        loud = drawn.level_db > drawn.level_db.max() - 40.0
        count = _sums(loud.astype(np.float64), width)
        total = _sums(np.where(loud, drawn.level_db, 0.0), width)
        mean = np.divide(total, count, out=np.zeros(len(count)), where=count > 0)
        return np.where(count >= LEAST_VOICED * width, sign * mean, np.nan)
    return None


def _sums(x: Any, width: int) -> Floats:
    """Return the sum of every run of `width` values."""
    held = np.concatenate([[0.0], np.cumsum(x)])
    return np.asarray(held[width:] - held[:-width])
