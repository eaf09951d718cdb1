"""How loud a clip is to a listener, and the gain that brings all clips to one loudness.

ITU-R BS.1770-4: K-weighted power in blocks of 400 ms, those far below the rest left out. It is what
EBU R128 and the streaming services match by. Without it a rater would rate the telephone line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]
Floats = NDArray[np.float64]

TARGET_LUFS = -23.0  # EBU R128
LOWEST_LUFS = -33.0  # peaks do not pull the whole set below this
PEAK_DBFS = -1.0
_BLOCK_S, _STEP_S = 0.4, 0.1
_ABSOLUTE_LUFS, _RELATIVE_LU = -70.0, -10.0


@lru_cache(maxsize=8)
def k_weighting(sr: int) -> Floats:
    """Return the two filters of BS.1770 as second-order sections.

    The standard lists coefficients for 48 kHz; the analogue filters behind them (frequency, gain
    and Q below) give the same numbers there, and the right ones at any other rate.

    Parameters
    ----------
    sr : int
        Sampling rate in Hz.

    Returns
    -------
    ndarray [shape=(2, 6)]
        A shelf of 4 dB for the head, and a high pass.
    """
    gain, q, hz = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * hz / sr)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0,
    ]  # fmt: skip
    q, hz = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * hz / sr)
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


def loudness_lufs(y: Signal, sr: int) -> float:
    """Return the gated loudness of one channel.

    Parameters
    ----------
    y : ndarray [shape=(n,)]
        Full scale is 1.
    sr : int
        Sampling rate in Hz.

    Returns
    -------
    float
        LUFS; NaN for silence (nothing above -70). Less than 400 ms counts as one block.
    """
    if not len(y):
        return float("nan")
    from scipy.signal import sosfilt

    weighted = sosfilt(k_weighting(sr), y.astype(np.float64))
    size, step = round(_BLOCK_S * sr), round(_STEP_S * sr)
    total = np.concatenate([[0.0], np.cumsum(weighted**2)])
    starts = np.arange(0, max(1, len(y) - size + 1), step)
    ends = np.minimum(starts + size, len(y))
    power = np.maximum((total[ends] - total[starts]) / (ends - starts), 0.0)
    with np.errstate(divide="ignore"):
        level = -0.691 + 10 * np.log10(power)
    power = power[level > _ABSOLUTE_LUFS]
    if not len(power):
        return float("nan")
    gate = _lufs(power) + _RELATIVE_LU
    with np.errstate(divide="ignore"):
        heard = power[-0.691 + 10 * np.log10(power) > gate]
    return _lufs(heard)


def _lufs(power: Floats) -> float:
    return float(-0.691 + 10 * np.log10(np.mean(power)))


def peak_dbfs(y: Signal) -> float:
    """Return the largest sample in dB re full scale; -inf for silence."""
    top = float(np.max(np.abs(y), initial=0.0))
    return 20 * float(np.log10(top)) if top > 0 else float("-inf")


def gains_db(loudness: Sequence[float], peak: Sequence[float]) -> tuple[Floats, float]:
    """Return the gain of each clip of a set, and the loudness they come to.

    All come to one loudness: -23 LUFS, or so much less that no peak passes -1 dBFS. Clips whose
    peaks stand more than 32 dB above their loudness (a click) do not pull the others down: they
    alone stay softer.

    Parameters
    ----------
    loudness, peak : sequences of float
        LUFS and dBFS of each clip; NaN loudness (silence) gets gain 0.

    Returns
    -------
    gain_db : ndarray [shape=(n,)]
    target : float
    """
    loud, top = np.asarray(loudness, dtype=float), np.asarray(peak, dtype=float)
    known = np.isfinite(loud) & np.isfinite(top)
    room = np.where(known, PEAK_DBFS - (np.where(known, top, 0) - np.where(known, loud, 0)), np.inf)
    usual = room[room >= LOWEST_LUFS]
    target = float(min(TARGET_LUFS, usual.min() if len(usual) else TARGET_LUFS))
    gain = np.where(known, np.minimum(target, room) - np.where(known, loud, 0), 0.0)
    return np.asarray(gain), target
