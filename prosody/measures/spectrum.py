"""Spectral balance of each frame: alpha ratio, Hammarberg index, slopes, flux, H1-H2.

All but H1-H2 come from the one pass of 20 ms spectra. Definitions after Eyben et al. 2016; the
sign of the alpha ratio is openSMILE's (high over low, so speech is negative).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.measures.grid import (
    CHUNK_FRAMES,
    FloatArray,
    Grid,
    fft_size,
    power,
    power_spectra,
    windows,
)
from prosody.measures.loudness import BANDS, loudness_and_cepstra, mel_bands

ALPHA_SPLIT_HZ = 1000.0
HAMMARBERG_SPLIT_HZ = 2000.0
TOP_HZ = 5000.0
SLOPE_BANDS_HZ = ((0.0, 500.0), (500.0, 1500.0))
LEAST_POWER = 1e-14
"""Power below any sound (-140 dB, openSMILE's floor); a frame below it is digital silence."""
HARMONIC_WINDOW_S = 0.060
HARMONIC_SIGMA = 0.4
HARMONIC_REACH_HZ = 30.0
PARABOLA_DB = 1.5
"""A peak lies at most this far above the strongest bin (half a bin away)."""
_SILENT_DB = 10 * np.log10(LEAST_POWER) + 1e-3
LOW_RATE_HZ = 4000
LOW_FILTER_S = 0.002
"""Half the length of the low-pass before harmonics are looked for."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What the spectra say about each frame [shape=(total,) each, float32]; NaN in silence.

    Attributes
    ----------
    loudness, flux : ndarray
        Auditory loudness and spectral flux; defined in silence too.
    alpha_ratio_db, hammarberg_db : ndarray
    slope_db_per_hz : ndarray [shape=(total, 2)]
        Over 0-500 and 500-1500 Hz.
    band_level_db : ndarray [shape=(total, 2)]
        Mean of the log spectrum over the same bands (only to convert to openSMILE's slopes).
    mfcc : ndarray [shape=(total, 4)]
    """

    loudness: FloatArray
    flux: FloatArray
    alpha_ratio_db: FloatArray
    hammarberg_db: FloatArray
    slope_db_per_hz: FloatArray
    band_level_db: FloatArray
    mfcc: FloatArray


@lru_cache(maxsize=16)
def _line_weights(sr: int, n_fft: int) -> tuple[FloatArray, int]:
    """Return the matrix from log spectrum to two slopes and two means, and the bins it needs."""
    hz = np.arange(n_fft // 2 + 1) * sr / n_fft
    columns = []
    for low, high in SLOPE_BANDS_HZ:
        inside = (hz >= low) & (hz <= high)
        x = np.where(inside, hz - hz[inside].mean(), 0.0)
        columns.append(x / (x @ x))
        columns.append(inside / inside.sum())
    weights = np.stack([columns[0], columns[2], columns[1], columns[3]], axis=1)
    bins = int(np.flatnonzero(hz <= SLOPE_BANDS_HZ[-1][1])[-1]) + 1
    return weights[:bins].astype(np.float32), bins


@lru_cache(maxsize=16)
def _band_weights(sr: int, n_fft: int) -> FloatArray:
    """Return the matrix from power spectrum to mel bands and the two halves of the alpha ratio."""
    hz = np.arange(n_fft // 2 + 1) * sr / n_fft
    low = hz < ALPHA_SPLIT_HZ
    high = (hz >= ALPHA_SPLIT_HZ) & (hz <= TOP_HZ)
    halves = np.stack([low, high], axis=1).astype(np.float32)
    return np.concatenate([mel_bands(sr, n_fft)[0], halves], axis=1)


def _ratio_db(over: FloatArray, under: FloatArray) -> FloatArray:
    ok = (over > LEAST_POWER) & (under > LEAST_POWER)
    ratio = np.divide(over, under, out=np.full(over.shape, np.nan, np.float32), where=ok)
    return np.asarray(10 * np.log10(ratio), dtype=np.float32)


def levels(grid: Grid) -> Levels:
    """Measure loudness, balance, flux and cepstra of every frame, in one pass of spectra.

    Parameters
    ----------
    grid : Grid
        Segments at the rate of analysis.

    Returns
    -------
    Levels
        Not smoothed. Memory: about 56 bytes a frame and one chunk of spectra.
    """
    sr, n_fft = grid.sr_hz, fft_size(2 * grid.hop)
    hz = np.arange(n_fft // 2 + 1) * sr / n_fft
    below = int((hz <= HAMMARBERG_SPLIT_HZ).sum())
    above = int((hz < HAMMARBERG_SPLIT_HZ).sum())
    top = int((hz <= TOP_HZ).sum())
    bands = _band_weights(sr, n_fft)
    line, bins = _line_weights(sr, n_fft)
    rows = len(grid.rows(2 * grid.hop))
    out = np.empty((rows, 8 + 4), dtype=np.float32)
    before: FloatArray | None = None
    for lo, hi, spectra in power_spectra(grid):
        block = out[lo:hi]
        mixed = spectra @ bands
        block[:, 0], block[:, 8:] = loudness_and_cepstra(mixed[:, :BANDS], sr, n_fft)
        magnitude = np.sqrt(spectra[:, :top])
        if before is None:
            before = magnitude[:1]
        step = np.diff(magnitude, axis=0, prepend=before)
        before = magnitude[-1:]
        block[:, 1] = np.sqrt(np.einsum("ij,ij->i", step, step) / (top - 1))
        block[:, 2] = _ratio_db(mixed[:, BANDS + 1], mixed[:, BANDS])
        block[:, 3] = _ratio_db(spectra[:, :below].max(axis=1), spectra[:, above:top].max(axis=1))
        block[:, 4:8] = _db(spectra[:, :bins]) @ line
    out = out[grid.at]
    silent = np.isnan(out[:, 2])
    out[silent, 4:8] = np.nan
    flux = out[:, 1].copy()
    starts = grid.start[grid.count > 1]
    flux[starts] = flux[starts + 1]  # a first frame has no predecessor
    flux[grid.start[grid.count == 1]] = np.nan
    return Levels(
        loudness=out[:, 0],
        flux=flux,
        alpha_ratio_db=out[:, 2],
        hammarberg_db=out[:, 3],
        slope_db_per_hz=out[:, 4:6],
        band_level_db=out[:, 6:8],
        mfcc=out[:, 8:],
    )


def harmonics(grid: Grid, f0_hz: NDArray[np.floating[Any]]) -> FloatArray:
    """Return the level of the first over the second and the second over the third harmonic.

    Parameters
    ----------
    grid : Grid
    f0_hz : ndarray [shape=(total,)]
        F0 of every frame; NaN where unvoiced.

    Returns
    -------
    ndarray [shape=(total, 2), float32]
        dB; NaN where unvoiced. A harmonic is the strongest peak within about 30 Hz of its place, in
        the spectrum of 60 ms (Gaussian window) around the frame's centre.
    """
    out = np.full((grid.total, 2), np.nan, dtype=np.float32)
    voiced = np.flatnonzero(~np.isnan(f0_hz))
    if len(voiced) == 0:
        return out
    low, step = _low_band(grid)
    hop, sr = grid.hop // step, grid.sr_hz / step
    width = round(HARMONIC_WINDOW_S * sr)
    n_fft = fft_size(width)
    n = (np.arange(width) - (width - 1) / 2) / (HARMONIC_SIGMA * (width - 1) / 2)
    window = np.exp(-0.5 * n * n).astype(np.float32)
    lead = width // 2 - hop  # the window starts this much before the frame
    hops = -(-lead // hop)
    view = windows(low[hops * hop - lead :], width, hop)
    at = grid.at[voiced] - hops
    reach = max(1, round(HARMONIC_REACH_HZ * n_fft / sr))
    near = np.arange(-reach, reach + 1)
    for lo in range(0, len(voiced), CHUNK_FRAMES):
        frames = voiced[lo : lo + CHUNK_FRAMES]
        spectra = power(view[at[lo : lo + CHUNK_FRAMES]] * window, n_fft)
        number = np.arange(1, 4) * (f0_hz[frames] * n_fft / sr)[:, None]
        bins = np.rint(number).astype(np.int64)[:, :, None] + near
        bins = np.clip(bins, 1, spectra.shape[1] - 2)
        row = np.arange(len(frames))[:, None]
        best = spectra[row[:, :, None], bins].argmax(axis=2)
        best = np.take_along_axis(bins, best[:, :, None], axis=2)[:, :, 0]
        left, top, right = (_db(spectra[row, best + i]) for i in (-1, 0, 1))
        # the spectrum of a Gaussian window is a parabola in dB
        bend = np.minimum(left - 2 * top + right, -1e-3)
        peak = top - np.clip((right - left) ** 2 / (8 * bend), -PARABOLA_DB, 0)
        out[frames] = np.where(top[:, 1:] > _SILENT_DB, peak[:, :2] - peak[:, 1:], np.nan)
    return out


def _db(spectra: FloatArray) -> FloatArray:
    return np.asarray(10 * np.log10(np.maximum(spectra, np.float32(LEAST_POWER))))


def _low_band(grid: Grid) -> tuple[FloatArray, int]:
    """Keep every `step`-th sample after a low-pass: three harmonics need no more than 1.6 kHz."""
    divisors = [d for d in range(1, grid.hop + 1) if grid.hop % d == 0]
    step = max(d for d in divisors if d == 1 or grid.sr_hz / d >= LOW_RATE_HZ)
    if step == 1:
        return grid.samples, 1
    half = round(LOW_FILTER_S * grid.sr_hz)
    rows = grid.rows(grid.hop + 2 * half)
    low = np.zeros(len(grid.samples) // step, dtype=np.float32)
    kept = rows @ _low_filter(grid.hop, step, half)
    lead = half // step
    low[lead : lead + kept.size] = kept.ravel()[: len(low) - lead]
    return low, step


@lru_cache(maxsize=16)
def _low_filter(hop: int, step: int, half: int) -> FloatArray:
    """Return the matrix from a hop, and `half` samples either side, to every `step`-th sample."""
    n = np.arange(-half, half + 1)
    taps = np.sinc(n / step) * np.hamming(2 * half + 1)
    matrix = np.zeros((hop + 2 * half, hop // step))
    for j in range(hop // step):
        matrix[j * step : j * step + 2 * half + 1, j] = taps / taps.sum()
    return matrix.astype(np.float32)
