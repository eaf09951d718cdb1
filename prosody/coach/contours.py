"""The picture of a take: pitch and loudness every 10 ms, the waveform, and the pauses."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans

Floats = NDArray[np.float64]
Signal = NDArray[np.float32]

STEP_S = 0.01
LEVEL_S = 0.05
"""Loudness is the mean power over so much around a time: longer than a pitch period."""
FLOOR_DB = -90.0
REFERENCE_HZ = 27.5
END_S = 0.8


@dataclass(frozen=True, slots=True)
class Contours:
    """Lines of one take, one value per 10 ms.

    Attributes
    ----------
    time_s : ndarray [shape=(n,)]
        Seconds from the start of the take, 0.01 apart.
    f0_st : ndarray [shape=(n,)]
        Pitch in semitones above 27.5 Hz; NaN where unvoiced.
    level_db : ndarray [shape=(n,)]
        Level over 50 ms, dB re full scale, not below -90.
    peaks : ndarray [shape=(n,)]
        Largest sample of the 10 ms around each time, 0 to 1.
    """

    time_s: Floats
    f0_st: Floats
    level_db: Floats
    peaks: Floats

    def as_json(self) -> str:
        """Return the lines as the page reads them; missing pitch is null."""
        pitch = [None if v != v else v for v in np.round(self.f0_st, 2).tolist()]
        return json.dumps(
            {
                "step_s": STEP_S,
                "time_s": np.round(self.time_s, 3).tolist(),
                "f0_st": pitch,
                "loudness_db": np.round(self.level_db, 1).tolist(),
                "peaks": np.round(self.peaks, 3).tolist(),
            },
            separators=(",", ":"),
        )


def draw(y: Signal, sr: int) -> Contours:
    """Return the lines of a sound.

    Parameters
    ----------
    y : float32 [n]
        Full scale is 1.
    sr : int
        Sample rate, Hz.
    """
    from prosody.measures import measure

    got = measure.frames(y, sr)
    pitch = 12.0 * np.log2(got.f0_hz.astype(np.float64) / REFERENCE_HZ)
    power = np.concatenate([[0.0], np.cumsum(np.square(y, dtype=np.float64))])
    low = np.clip(np.round((got.time_s - LEVEL_S / 2) * sr).astype(np.int64), 0, len(y))
    high = np.clip(np.round((got.time_s + LEVEL_S / 2) * sr).astype(np.int64), 0, len(y))
    mean = np.maximum((power[high] - power[low]) / np.maximum(high - low, 1), 1e-12)
    level = np.maximum(10.0 * np.log10(mean), FLOOR_DB)
    at = np.clip(np.round((got.time_s - STEP_S / 2) * sr).astype(np.int64), 0, max(0, len(y) - 1))
    peaks = np.maximum.reduceat(np.abs(y), at).astype(np.float64) if len(at) else np.zeros(0)
    return Contours(got.time_s, pitch, level, np.minimum(peaks, 1.0))


def pauses(speech: Spans, least_s: float) -> Spans:
    """Return the gaps between stretches of speech of at least so many seconds, ``[k, 2]``."""
    gaps = np.stack([speech[:-1, 1], speech[1:, 0]], axis=1)
    return gaps[gaps[:, 1] - gaps[:, 0] >= least_s - 1e-9]


def end_st(lines: Contours) -> float:
    """Return how far the pitch at the end lies from the take's middle, semitones (NaN: no voice).

    Both are medians: of the last 0.2 s that have voice, and of all voice.
    """
    known = lines.f0_st[np.isfinite(lines.f0_st)]
    count = round(0.2 / STEP_S)
    if len(known) < 2 * count:
        return float("nan")
    return float(np.median(known[-count:]) - np.median(known))


def end_db(lines: Contours, speech: Spans) -> float:
    """Return how loud the last 0.8 s of speech are against all of it, dB (NaN: too little)."""
    spoken = ((speech[:, :1] <= lines.time_s) & (lines.time_s < speech[:, 1:])).any(axis=0)
    power = 10.0 ** (lines.level_db[spoken] / 10.0)
    count = round(END_S / STEP_S)
    if len(power) < 2 * count:
        return float("nan")
    return float(10.0 * np.log10(power[-count:].mean() / power.mean()))
