"""Auditory loudness, mel bands and cepstra: from power spectra.

The loudness of eGeMAPS (Eyben et al. 2016) is the sum over 26 mel bands of the band's power,
weighted with the ear's equal-loudness curve and compressed with the exponent 0.33 (Hermansky 1990,
perceptual linear prediction). It has no calibrated unit: full scale is 1, so it depends on gain.
The same bands, as logarithms, give the cepstral coefficients.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from prosody.measures.grid import FloatArray

BANDS = 26
LOW_HZ = 20.0
HIGH_HZ = 8000.0
COMPRESSION = 0.33
LOUDNESS_SCALE = 3.0317e-4
"""Factor on the weighted power before compression that puts loudness on openSMILE's scale."""
FLOOR = 1.0 / 32767.0**2
"""Least power of a band (1 in 16-bit sample values, as HTK has it): digital silence has a
loudness of about 0.001, not 0."""
CEPSTRA = 4
LIFTER = 22


def mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the mel value of a frequency in Hz (1127 ln(1 + f / 700))."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))


@lru_cache(maxsize=16)
def mel_bands(sr: int, n_fft: int) -> tuple[FloatArray, NDArray[np.float64]]:
    """Make the triangular mel filters.

    Parameters
    ----------
    sr : int
        Sampling rate in Hz; the bands end at 8 kHz or half of it.
    n_fft : int
        Size of the transform.

    Returns
    -------
    weights : ndarray [shape=(n_fft // 2 + 1, 26), float32]
        Bins of offset and below 1.5 bins above the lowest edge carry no weight, as in HTK.
    centre_hz : ndarray [shape=(26,)]
    """
    edges = np.linspace(mel(LOW_HZ), mel(min(HIGH_HZ, sr / 2)), BANDS + 2)
    bins = np.arange(n_fft // 2 + 1)
    at = mel(bins * sr / n_fft)[:, None]
    rising = (at - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - at) / np.diff(edges)[1:]
    weights = np.clip(np.minimum(rising, falling), 0.0, None)
    weights[bins < LOW_HZ * n_fft / sr + 1.0] = 0.0
    return weights.astype(np.float32), 700.0 * np.expm1(edges[1:-1] / 1127.0)


def equal_loudness(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of the ear at moderate level (Hermansky 1990, eq. 4).

    The roll-off above 5 kHz follows openSMILE's curve, measured: 1 / (1 + (f / 4606 Hz)^7).
    """
    w2 = (2 * np.pi * hz) ** 2
    curve = (w2 + 56.8e6) * w2**2 / ((w2 + 6.3e6) ** 2 * (w2 + 0.38e9))
    return np.asarray(curve / (1.0 + (hz / 4606.0) ** 7))


@lru_cache(maxsize=16)
def _loudness_offset(sr: int, n_fft: int) -> FloatArray:
    weight = equal_loudness(mel_bands(sr, n_fft)[1]) * LOUDNESS_SCALE
    return np.asarray(COMPRESSION * np.log(weight), dtype=np.float32)


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    k = np.arange(1, CEPSTRA + 1)[None, :]
    j = np.arange(BANDS)[:, None] + 0.5
    lift = 1.0 + LIFTER / 2 * np.sin(np.pi * k / LIFTER)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * k * j / BANDS) * lift
    return np.asarray(cosines, dtype=np.float32)


def loudness_and_cepstra(bands: FloatArray, sr: int, n_fft: int) -> tuple[FloatArray, FloatArray]:
    """Turn mel band powers into loudness and cepstral coefficients.

    Parameters
    ----------
    bands : ndarray [shape=(n, 26), float32]
        Power in the mel bands, full scale 1.
    sr, n_fft : int
        As the bands were made.

    Returns
    -------
    loudness : ndarray [shape=(n,), float32]
        Auditory loudness, not smoothed; about 0.001 in digital silence.
    mfcc : ndarray [shape=(n, 4), float32]
        MFCC 1 to 4, liftered with 22; 0 in digital silence.
    """
    logs = np.log(np.maximum(bands, np.float32(FLOOR)))
    loudness = np.exp(np.float32(COMPRESSION) * logs + _loudness_offset(sr, n_fft)).sum(axis=1)
    return loudness, (logs - np.float32(np.log(FLOOR))) @ _cosines()
