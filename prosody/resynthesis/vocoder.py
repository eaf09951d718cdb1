"""Take a voice apart into pitch, envelope and noise, and put it together again, by WORLD.

Morise, Yokomori and Ozawa 2016 (IEICE Trans. E99-D), CheapTrick for the envelope (Morise 2015) and
D4C for the share of noise (Morise 2016). The pitch is our own tracker's: it is robust to telephone
lines, and what is shown to a speaker and what is changed are then the same line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Signal = NDArray[np.float32]

FRAME_S = 0.005
LEAST_HZ, MOST_HZ = 16_000, 24_000
"""Lower rates lack bands that D4C looks at; higher ones cost time and add nothing to a voice."""


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A voice taken apart, one row per 5 ms.

    Attributes
    ----------
    f0_hz : ndarray [shape=(n,)]
        NaN where unvoiced.
    power : ndarray [shape=(n, bins)]
        Spectral envelope, 0 to half the sample rate.
    noise_share : ndarray [shape=(n, bins)]
        Share of noise in each band, 0 to 1 (WORLD's aperiodicity).
    sr_hz : int
    """

    f0_hz: Floats
    power: Floats
    noise_share: Floats
    sr_hz: int

    @property
    def time_s(self) -> Floats:
        """Time of each frame, seconds."""
        return np.arange(len(self.f0_hz), dtype=np.float64) * FRAME_S

    @property
    def level_db(self) -> Floats:
        """Level of each frame, dB re an arbitrary zero; not below -200."""
        return np.asarray(10.0 * np.log10(np.maximum(self.power.mean(axis=1), 1e-20)))


def available() -> bool:
    """Whether the vocoder is installed (the extra ``studio``)."""
    return find_spec("pyworld") is not None


def analyse(y: Signal, sr: int, f0_hz: NDArray[np.floating[Any]], f0_time_s: Floats) -> Voice:
    """Take a voice apart.

    Parameters
    ----------
    y : ndarray [shape=(n,)]
        Full scale is 1.
    sr : int
        Hz; brought to 16 to 24 kHz.
    f0_hz, f0_time_s : ndarray [shape=(m,)]
        Pitch at even times, NaN where unvoiced (`prosody.measures`).
    """
    import pyworld
    import soxr

    rate = min(max(sr, LEAST_HZ), MOST_HZ)
    x = y if rate == sr else soxr.resample(y, sr, rate)
    x = np.ascontiguousarray(x, dtype=np.float64)
    time = np.arange(int(len(x) / rate / FRAME_S) + 1, dtype=np.float64) * FRAME_S
    pitch = pitch_at(np.asarray(f0_hz, dtype=np.float64), f0_time_s, time)
    known = np.nan_to_num(pitch)
    power = pyworld.cheaptrick(x, known, time, rate)
    voice = Voice(pitch, power, pyworld.d4c(x, known, time, rate), rate)
    # Put together again it comes out up to 2 dB louder: that would be a change of its own.
    made = float(np.mean(np.square(synthesise(voice), dtype=np.float64)))
    gain = float(np.mean(x * x)) / made if made > 0 else 1.0
    return replace(voice, power=power * gain)


def pitch_at(f0_hz: Floats, time_s: Floats, wanted_s: Floats) -> Floats:
    """Return pitch at other times: between voiced frames a line in log pitch, else the nearer."""
    if not len(f0_hz):
        return np.full(len(wanted_s), np.nan)
    at = np.interp(wanted_s, time_s, np.arange(len(time_s), dtype=np.float64))
    return pitch_between(f0_hz, at)


def pitch_between(f0_hz: Floats, at: Floats) -> Floats:
    """Return pitch between frames; where one of two neighbours is missing the nearer one."""
    values = np.log2(f0_hz)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(values) - 1)
    part = at - low
    between = values[low] * (1 - part) + values[high] * part
    nearer = np.where(part < 0.5, values[low], values[high])
    return np.asarray(np.exp2(np.where(np.isfinite(between), between, nearer)))


def synthesise(voice: Voice) -> Signal:
    """Put a voice together again, ``[n]`` at its own rate; louder changes may pass full scale."""
    import pyworld

    y = pyworld.synthesize(
        np.nan_to_num(voice.f0_hz), np.ascontiguousarray(voice.power),
        np.ascontiguousarray(voice.noise_share), voice.sr_hz, 1000.0 * FRAME_S,
    )  # fmt: skip
    return np.asarray(y, dtype=np.float32)
