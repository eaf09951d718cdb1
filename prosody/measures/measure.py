"""All measures of many segments: frames once, statistics once, one row per segment.

``measure`` is the batched core: segments in, one row of `table.ACOUSTIC` each, the same
whether measured alone or together. ``features`` cuts windows out of one recording and measures
them; ``frames`` gives the contours that the page draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.measures import pitch, spectrum, tempo
from prosody.measures import statistics as fn
from prosody.measures.egemaps import from_egemaps, to_egemaps
from prosody.measures.grid import FloatArray, Grid, lay_out, resample
from prosody.measures.statistics import Doubles, Mask, Runs
from prosody.measures.table import ACOUSTIC, BY_NAME

__all__ = [
    "Features", "Frames", "features", "frames", "from_egemaps", "measure", "measure_grid",
    "to_egemaps",
]  # fmt: skip

BLOCK_S = 60.0
"""Sound measured at once: bounds the memory, large enough to make the overhead small."""
SILENCE_DBFS = -130.0
"""Far below the smallest step of 16 bits (-90): what is left of an offset is not sound."""
START_S = 0.2
FINAL_S = 0.5
LEAST_PITCH_FRAMES = 3
"""Pitch statistics need at least 30 ms of voice."""
VOICING_LAG_FRAMES = 2
LEAST_SLOPE_FRAMES = 10
"""The final slope needs at least 0.1 s of voice."""


@dataclass(frozen=True, slots=True)
class Features:
    """Measures of windows.

    Attributes
    ----------
    names : tuple of str
        Columns, `prosody.measures.table.ACOUSTIC`.
    values : ndarray [shape=(k, m), float64]
        NaN is missing.
    voiced_s : ndarray [shape=(k,), float64]
        Seconds with voice in each window.
    """

    names: tuple[str, ...]
    values: Doubles
    voiced_s: Doubles


@dataclass(frozen=True, slots=True)
class Frames:
    """Contours of one sound every 10 ms.

    Attributes
    ----------
    time_s : ndarray [shape=(n,), float64]
        Centre of each frame.
    f0_hz : ndarray [shape=(n,), float32]
        NaN where unvoiced.
    voiced : ndarray [shape=(n,), bool]
    loudness : ndarray [shape=(n,), float32]
        Auditory loudness, smoothed over three frames.
    """

    time_s: Doubles
    f0_hz: FloatArray
    voiced: Mask
    loudness: FloatArray


def measure(
    segments: Sequence[NDArray[np.floating[Any]]], sr: int, *, pitched: bool = True
) -> Doubles:
    """Measure segments of sound.

    Parameters
    ----------
    segments : sequence of ndarray [shape=(n_i,), float]
        One channel each, full scale is 1; any length, silence and NaN samples included.
    sr : int
        Sampling rate in Hz; above 16 kHz the segments are resampled.
    pitched : bool
        False leaves out pitch, most of the work: only what does not rest on voicing is right then.

    Returns
    -------
    ndarray [shape=(n, len(ACOUSTIC)), float64]
        One row per segment in the order of `table.ACOUSTIC`; NaN is missing. A segment's row
        does not depend on the others (to 1e-5).
    """
    return _measure(segments, sr, pitched)[0]


def features(
    y: NDArray[np.floating[Any]], sr: int, windows: NDArray[np.floating[Any]] | None = None
) -> Features:
    """Measure windows of one recording.

    Parameters
    ----------
    y : ndarray [shape=(n,), float]
        One channel, full scale is 1.
    sr : int
        Sampling rate in Hz.
    windows : ndarray [shape=(k, 2)], optional
        Start and end in seconds; cut at the ends of `y`. By default one window over all of it.
    """
    y = np.asarray(y)
    if y.ndim != 1:
        raise UsageError(
            f"The sound has shape {y.shape}, expected one channel [n].",
            "Pass one channel at a time: y[:, 0] or y[0].",
        )
    spans = np.array([[0.0, len(y) / sr]]) if windows is None else np.asarray(windows, np.float64)
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise UsageError(
            f"The windows have shape {spans.shape}, expected [k, 2].",
            "Give start and end in seconds for each window.",
        )
    edges = np.clip(np.round(np.nan_to_num(spans) * sr).astype(np.int64), 0, len(y))
    values, voiced_s = _measure([y[a : max(a, b)] for a, b in edges.tolist()], sr)
    return Features(ACOUSTIC, values, voiced_s)


def frames(y: NDArray[np.floating[Any]], sr: int) -> Frames:
    """Give the contours of one sound every 10 ms.

    Parameters
    ----------
    y : ndarray [shape=(n,), float]
    sr : int

    Returns
    -------
    Frames
        Empty for sounds shorter than 20 ms.
    """
    sound, rate = resample(np.asarray(y, dtype=np.float32), sr)
    grid = lay_out([sound], rate)
    runs = Runs(grid.count)
    f0 = pitch.track(grid)
    loudness = fn.smooth(spectrum.levels(grid).loudness, runs).astype(np.float32)
    time = ((np.arange(grid.total) + 1) * grid.hop_s).astype(np.float64)
    return Frames(time, f0, ~np.isnan(f0), loudness)


def _measure(
    segments: Sequence[NDArray[np.floating[Any]]], sr: int, pitched: bool = True
) -> tuple[Doubles, Doubles]:
    values = np.full((len(segments), len(ACOUSTIC)), np.nan)
    voiced_s = np.zeros(len(segments))
    for lo, hi in blocks([len(s) for s in segments], BLOCK_S * sr):
        block = [resample(np.asarray(s, dtype=np.float32), sr)[0] for s in segments[lo:hi]]
        grid = lay_out(block, resample(np.empty(0, np.float32), sr)[1])
        silent = None if pitched else np.full(grid.total, np.nan, np.float32)
        values[lo:hi], voiced_s[lo:hi] = measure_grid(grid, silent)
    return values, voiced_s


def blocks(lengths: Iterable[float], most: float) -> list[tuple[int, int]]:
    """Group consecutive segments so that a group is at most `most` long (or one segment)."""
    out, lo, held, n = [], 0, 0.0, 0
    for n, length in enumerate(lengths, start=1):
        if held and held + length > most:
            out.append((lo, n - 1))
            lo, held = n - 1, 0.0
        held += length
    if n > lo:
        out.append((lo, n))
    return out


def measure_grid(grid: Grid, f0_hz: FloatArray | None = None) -> tuple[Doubles, Doubles]:
    """Measure the segments of a grid.

    Parameters
    ----------
    grid : Grid
    f0_hz : ndarray [shape=(grid.total,)], optional
        F0 of every frame, NaN where unvoiced, if it is known already; by default it is tracked.

    Returns
    -------
    values : ndarray [shape=(n, len(ACOUSTIC)), float64]
    voiced_s : ndarray [shape=(n,), float64]
    """
    runs = Runs(grid.count)
    level = spectrum.levels(grid)
    f0, outside = pitch.contour(grid) if f0_hz is None else (f0_hz, np.zeros(grid.total, bool))
    voiced = ~np.isnan(f0)
    loudness = fn.smooth(level.loudness, runs)
    columns: dict[str, Doubles] = {}
    columns.update(_pitch_columns(f0, voiced, runs, grid.hop_s))
    columns["pitch_out_of_range_share"] = _share(outside, voiced | outside, runs)
    columns.update(_loudness_columns(loudness, voiced, runs, grid))
    columns.update(_balance_columns(level, voiced, runs))
    ratios = _mean_known(spectrum.harmonics(grid, f0), voiced, runs)
    columns.update(zip(_HARMONIC, ratios.T, strict=True))
    columns.update(_tempo_columns(voiced, runs, grid))
    values = np.stack([columns[name] for name in ACOUSTIC], axis=1)
    values[~np.isfinite(values)] = np.nan
    silent = ~(columns["level_dbfs"] > SILENCE_DBFS)
    values[np.ix_(silent, _LOST_IN_SILENCE)] = np.nan
    values[(grid.length / grid.sr_hz)[:, None] + 1e-9 < _LEAST_S] = np.nan
    return values, fn.sums(voiced.astype(np.float64), runs) * grid.hop_s


_OF_SILENCE = ("duration_s", "pause_share")
"""What can be said of digital silence, or of nothing but an offset."""
_LOST_IN_SILENCE = np.array([n not in _OF_SILENCE for n in ACOUSTIC])
_LEAST_S = np.array([BY_NAME[name].min_s for name in ACOUSTIC])


_PITCH = (
    "pitch_mean_st", "pitch_sd_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st",
    "pitch_range_st", "pitch_rise_mean_st_per_s", "pitch_rise_sd_st_per_s",
    "pitch_fall_mean_st_per_s", "pitch_fall_sd_st_per_s", "pitch_start_st",
    "pitch_final_slope_st_per_s",
)  # fmt: skip


def _pitch_columns(f0: FloatArray, voiced: Mask, runs: Runs, step_s: float) -> dict[str, Doubles]:
    tone = pitch.semitones(np.where(voiced, f0, 1.0))
    line = fn.smooth_where(tone, voiced, runs)
    part = runs.where(voiced)
    mean, sd = fn.mean_sd(line, part)
    marks = fn.percentiles(line, part, (0.2, 0.5, 0.8))
    slopes = fn.turning_slopes(line, fn.turning_points(line, part), part, step_s)
    rank = np.arange(len(line)) - np.repeat(part.start, part.count)
    head = rank * step_s < START_S - 1e-9
    start = fn.percentiles(line[head], part.where(head), (0.5,))[:, 0]
    time = (np.arange(len(f0)) - np.repeat(runs.start, runs.count))[voiced] * step_s
    end = np.full(len(part.count), 0.0)
    full = part.count > 0
    end[full] = time[(part.start + part.count - 1)[full]]
    tail = time > np.repeat(end, part.count) - FINAL_S + 1e-9
    last = part.where(tail)
    final = fn.line_slopes(line[tail], time[tail], last)
    final[last.count < LEAST_SLOPE_FRAMES] = np.nan
    columns = [mean, sd, *marks.T, marks[:, 2] - marks[:, 0], *slopes.T, start, final]
    table = np.stack(columns, axis=1)
    table[part.count < LEAST_PITCH_FRAMES] = np.nan
    share = fn.means(voiced.astype(np.float64), runs)
    return dict(zip((*_PITCH, "voiced_share"), (*table.T, share), strict=True))


def _share(part: Mask, whole: Mask, runs: Runs) -> Doubles:
    """Return how much of each segment's frames under one mask another covers, NaN of none."""
    with np.errstate(invalid="ignore"):
        return fn.sums(part.astype(np.float64), runs) / fn.sums(whole.astype(np.float64), runs)


def _loudness_columns(
    loudness: fn.Values, voiced: Mask, runs: Runs, grid: Grid
) -> dict[str, Doubles]:
    mean, sd = fn.mean_sd(loudness, runs)
    marks = fn.percentiles(loudness, runs, (0.05, 0.2, 0.5, 0.8, 0.95))
    low, middle, high = marks[:, 1:4].T
    turns = fn.turning_points(loudness, runs)
    slopes = fn.turning_slopes(loudness, turns, runs, grid.hop_s).T
    time = (np.arange(len(loudness)) - np.repeat(runs.start, runs.count)) * grid.hop_s
    return {
        "loudness_mean": mean,
        "loudness_cv": sd / mean,
        "loudness_p20": low,
        "loudness_p50": middle,
        "loudness_p80": high,
        "loudness_range": high - low,
        "loudness_rise_mean_per_s": slopes[0],
        "loudness_rise_sd_per_s": slopes[1],
        "loudness_fall_mean_per_s": slopes[2],
        "loudness_fall_sd_per_s": slopes[3],
        "loudness_trend_per_s": fn.line_slopes(loudness, time, runs) / mean,
        "level_dbfs": _level(grid),
        "loudness_peaks_per_s": tempo.peak_rate(turns, runs, grid.hop_s),
        "pause_share": tempo.pause_share(loudness, marks[:, [0, 4]], voiced, runs, grid.hop_s),
    }


def _level(grid: Grid) -> Doubles:
    """Return the root-mean-square level of each segment in dB re full scale; NaN in silence."""
    out = np.full(len(grid.length), np.nan)
    full = grid.length > 0
    if full.any():
        total = np.add.reduceat(
            grid.energy(), grid.first[full], dtype=np.float64
        )  # silence between
        power = total / grid.length[full]
        out[full] = 10 * np.log10(np.where(power > 0, power, np.nan))
    return out


def _mean_known(x: FloatArray, mask: Mask, runs: Runs) -> Doubles:
    """Smooth and average the values under `mask` that are known [shape=(n, k)]."""
    known = mask & ~np.isnan(x[:, 0])
    return fn.means(fn.smooth_where(x, known, runs), runs.where(known))


_VOICED = (
    "alpha_ratio_db", "hammarberg_db", "slope_0_500_db_per_hz", "slope_500_1500_db_per_hz",
    "band_level_0_500_db", "band_level_500_1500_db", "mfcc1_voiced", "mfcc2_voiced",
    "mfcc3_voiced", "mfcc4_voiced",
)  # fmt: skip
_UNVOICED = (
    "alpha_ratio_unvoiced_db",
    "hammarberg_unvoiced_db",
    "slope_0_500_unvoiced_db_per_hz",
    "slope_500_1500_unvoiced_db_per_hz",
    "band_level_0_500_unvoiced_db",
    "band_level_500_1500_unvoiced_db",
)


def _paired(voiced: Mask, runs: Runs) -> tuple[Mask, Mask]:
    """Return which frames count as voiced and as unvoiced for the spectral balance.

    eGeMAPS pairs a frame of 20 ms with the pitch of the 60 ms that begin with it, that is with the
    voicing 20 ms later; the judge's ratings were measured that way. Frames without such a partner
    count as neither.
    """
    at = np.arange(len(voiced)) + VOICING_LAG_FRAMES
    partner = at < np.repeat(runs.start + runs.count, runs.count)
    later = np.zeros(len(voiced), bool)
    later[partner] = voiced[at[partner]]
    return later & partner, ~later & partner


def _balance_columns(level: spectrum.Levels, voiced: Mask, runs: Runs) -> dict[str, Doubles]:
    shape = np.concatenate(
        [
            level.alpha_ratio_db[:, None],
            level.hammarberg_db[:, None],
            level.slope_db_per_hz,
            level.band_level_db,
        ],
        axis=1,
    )
    timbre = np.concatenate([shape, level.mfcc], axis=1)
    voiced, unvoiced = _paired(voiced, runs)
    columns = dict(zip(_VOICED, _mean_known(timbre, voiced, runs).T, strict=True))
    columns.update(zip(_UNVOICED, _mean_known(shape, unvoiced, runs).T, strict=True))
    mfcc = fn.means(fn.smooth(level.mfcc, runs), runs)
    columns.update({f"mfcc{i}": mfcc[:, i - 1] for i in (1, 2, 3, 4)})
    flux = level.flux[:, None]
    mean, sd = fn.mean_sd(fn.smooth(level.flux, runs), runs)
    columns["flux"] = np.where(mean > 0, mean, np.nan)
    columns["flux_cv"] = np.divide(sd, mean, out=np.full(len(mean), np.nan), where=mean > 0)
    columns["flux_voiced"] = _mean_known(flux, voiced, runs)[:, 0]
    columns["flux_unvoiced"] = _mean_known(flux, unvoiced, runs)[:, 0]
    return columns


_HARMONIC = ("h1_h2_db", "h2_h3_db")
_RHYTHM = (
    "voiced_segments_per_s",
    "voiced_segment_mean_s",
    "voiced_segment_sd_s",
    "unvoiced_segment_mean_s",
    "unvoiced_segment_sd_s",
)


def _tempo_columns(voiced: Mask, runs: Runs, grid: Grid) -> dict[str, Doubles]:
    columns = dict(zip(_RHYTHM, tempo.voice_rhythm(voiced, runs, grid.hop_s).T, strict=True))
    columns["duration_s"] = grid.length / grid.sr_hz
    return columns
