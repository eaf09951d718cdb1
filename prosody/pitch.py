"""Pitch: the one tracker that apologies and their baselines go through.

``track`` gives F0 for every frame of a `prosody.frames.Grid`; NaN is unvoiced.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.frames import FloatArray, Grid

FMIN_HZ = 65.0
FMAX_HZ = 500.0
REFERENCE_HZ = 27.5


@lru_cache(maxsize=1)
def _detector() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def track(grid: Grid) -> FloatArray:
    """Track the fundamental frequency of all segments of a grid.

    Parameters
    ----------
    grid : Grid
        Segments on the 10 ms grid; frame ``i`` is centred ``(i + 1) * hop`` into its segment.

    Returns
    -------
    ndarray [shape=(grid.total,), float32]
        F0 in Hz (65 to 500), NaN where unvoiced; segments do not influence each other.
    """
    out = np.full(grid.total, np.nan, dtype=np.float32)
    for first, start, count, length in zip(
        grid.first.tolist(),
        grid.start.tolist(),
        grid.count.tolist(),
        grid.length.tolist(),
        strict=True,
    ):
        if count:
            y = grid.samples[first * grid.hop : first * grid.hop + length]
            out[start : start + count] = _one(y, grid.sr_hz, grid.hop, count)
    return out


def _one(y: FloatArray, sr: int, hop: int, count: int) -> FloatArray:
    found = _detector().detect(y, sr, fmin=FMIN_HZ, fmax=FMAX_HZ)
    time = (np.arange(count) + 1) * hop / sr
    nearest = np.clip(np.round(time / 0.016).astype(int), 0, len(found.confidence) - 1)
    voiced = found.confidence >= 0.5
    log = np.where(voiced, np.log(np.maximum(found.pitch_hz, 1.0)), np.nan)
    between = np.interp(time, found.timestamps, log)
    f0 = np.exp(np.where(np.isnan(between), log[nearest], between))
    return np.where(voiced[nearest], f0, np.nan).astype(np.float32)


def semitones(f0_hz: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return semitones above 27.5 Hz (the lowest A of a piano), as eGeMAPS counts pitch."""
    return 12.0 * np.log2(f0_hz / REFERENCE_HZ)
