"""Pitch: the one tracker that apologies and their baselines go through.

``track`` gives F0 for every frame of a `grid.Grid`; NaN is unvoiced. Sound is heard at
8 kHz, so that a telephone call and a studio recording are tracked alike. Each frame gives two
power spectra (64 ms for the harmonics, 32 ms for the edges of voicing), as logarithms relative to
the frame's own mean, and its level relative to the loudest within 0.64 s: gain cancels. A small
convolutional network (``models/pitch.onnx``, see ``models/PITCH.md``) reads 17 frames either side
and answers with a voicing probability and a distribution over half-semitone steps of pitch; F0 is
the mean of that distribution around its peak. Where a frame repeats itself almost exactly, the lag
of the repetition says more than half-semitone steps can, and is taken instead. The repetition also
tells pitch outside 65 to 500 Hz, which the network does not know and reads an octave off: such
frames have no pitch here, and are counted. Frames that stay at one level and repeat with the mains
have none either: hum is no voice.

The fundamental itself need not be there (the telephone cuts it off): the spacing of harmonics
decides. The way of reading pitch from a distribution over log-spaced steps is that of CREPE (Kim et
al. 2018) and SwiftF0 (Nieradzik 2025); SwiftF0 was the teacher.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.measures.grid import FloatArray, Grid, IntArray, windows
from prosody.models import session

Mask = NDArray[np.bool_]

FMIN_HZ = 65.0
FMAX_HZ = 500.0
REFERENCE_HZ = 27.5

RATE_HZ = 8000
HOP = 80
LONG = 512
SHORT = 256
LONG_BINS = slice(4, 252)
SHORT_BINS = slice(2, 126)
"""Both 62.5 to 3,920 Hz: no offset, no mains hum, no edge of a resampler."""
LONG_SIZE = 248
SHORT_SIZE = 124
FEATURES = LONG_SIZE + SHORT_SIZE + 2
FLOOR = 1e-4
"""Bins 40 dB below the frame's mean power count as equal."""
TINY = 1e-10
"""Power below the rounding of 16-bit samples (about 1e-8); at or below it a frame is silent."""
LEVEL_REACH = 64
LEVEL_DEPTH = -14.0

STEPS = 80
STEP_LOW_HZ = 58.0
STEPS_PER_OCTAVE = 24
EDGE_ST = 0.5
"""The network's steps are not trusted to be outside 65 to 500 Hz by less than this."""

FURTHEST_LAG = 112
"""Repetition is looked for after as many periods as fit into this lag (14 ms), at least one."""
LAGS = 144
AROUND = 8
"""Samples around the expected lag in which its peak may lie."""
WITHIN_ST = 1.5
STILL_ST = 0.1
"""A pitch that moves more from frame to frame is no steady sound: the network's is kept."""
REPEATS = (0.9, 0.98)
"""Share of its power with which a frame repeats itself: from the first on the lag of the repetition
begins to replace the network's pitch, from the second on it does so wholly."""
STEADY_LAGS = slice(16, 101)
"""Where a loud frame that the network calls unvoiced may still repeat itself exactly: 500 to 80 Hz.
Pulse trains and test tones do; voices hardly, and the hum of the mains is lower."""
STEADY_LEVEL = -2.3
"""Such a frame is no more than 10 dB below the loudest around it."""

LAG_LOW, LAG_HIGH = 16, 173
"""Lags of the curve of repetition: 500 to 46 Hz by whole samples; above 500 Hz by half ones."""
SHORTER = 6
"""The shortest lag: 1,333 Hz."""
HIGH_SHARE, HIGH_LESS = 0.95, 0.03
"""Above: nearly all of the power comes back, hardly less than after the network's period."""
LOW_SHARE, LOW_MORE, LOW_ALONE = 0.7, 0.3, 0.8
"""Below: most of it does, and clearly more than after the network's period (or any in range)."""
HOLLOW_BINS, HOLLOW = 24, 3.5
"""A pitch above 500 Hz leaves the bins below 440 Hz 15 dB under the strongest."""

MAINS_HZ = (50.0, 60.0)
MAINS_SHARE, MAINS_FRAMES = 0.55, 0.7
"""Share of the power that comes back with the mains, in this share of a still stretch's frames."""
MAINS_ASIDE = 5
"""Samples to either side at which less comes back: a peak, 3 % wide."""
STILL_DB, STILL_FRAMES = 2.0, 25
"""A stretch is still where its level stays within 2 dB for a quarter of a second."""
HUM_DB, HUM_FRAMES = 10.0, 150
"""Hum is this far below the loudest of its segment, or lasts this long: shorter loud tones of 50 or
60 Hz and their multiples may be meant."""

REACH = 17
"""Frames that the network reads on either side."""
GAP = 8
"""Rows of nothing between segments: no layer reaches further."""
BLOCK_FRAMES = 8192
"""Frames worked on at once, 12 MB of spectra."""
STRETCH = 1024
"""Rows that the network gets at once, and
"""
CHUNK_FRAMES = 128
"""frames transformed at once: both stay in the cache."""


def track(grid: Grid) -> FloatArray:
    """Track the fundamental frequency of all segments of a grid.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    ndarray [shape=(grid.total,), float32]
        F0 in Hz (65 to 500), NaN where unvoiced.
    """
    return contour(grid)[0]


def contour(grid: Grid) -> tuple[FloatArray, Mask]:
    """Track the fundamental frequency, and tell where it is out of range.

    Parameters
    ----------
    grid : Grid
        Segments on the 10 ms grid; frame ``i`` is centred ``(i + 1) * hop`` into its segment.

    Returns
    -------
    f0_hz : ndarray [shape=(grid.total,), float32]
        65 to 500 Hz, NaN where unvoiced; segments do not influence each other.
    outside : ndarray [shape=(grid.total,), bool]
        Frames that have a pitch, but not between 65 and 500 Hz; `f0_hz` is NaN there.
    """
    f0 = np.full(grid.total, np.nan, dtype=np.float32)
    outside = np.zeros(grid.total, dtype=bool)
    level, mains = (np.full(grid.total, np.nan, dtype=np.float32) for _ in range(2))
    sound, centre = _at_8_khz(grid)
    segment = grid.segment
    halo = REACH + LEVEL_REACH
    for lo in range(0, grid.total, BLOCK_FRAMES):
        hi = min(lo + BLOCK_FRAMES, grid.total)
        a, b = max(lo - halo, 0), min(hi + halo, grid.total)
        block = _block(sound, centre[a:b], segment[a:b])
        f0[lo:hi], outside[lo:hi], level[lo:hi], mains[lo:hi] = (x[lo - a : hi - a] for x in block)
    hum = _hum(mains, level, segment)
    f0[hum] = np.nan
    outside[hum] = False
    return f0, outside


def semitones(f0_hz: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return semitones above 27.5 Hz (the lowest A of a piano), as eGeMAPS counts pitch."""
    return np.asarray(12.0 * np.log2(f0_hz / REFERENCE_HZ))


def _at_8_khz(grid: Grid) -> tuple[FloatArray, IntArray]:
    """Return the grid's sound at 8 kHz with 32 ms of zeros around it, and every frame's centre.

    Where the hop is a whole number of samples at 8 kHz too (8, 12, 16 kHz), the grid is resampled
    in one piece; elsewhere segment by segment, so that each sounds as it would alone.
    """
    hop = grid.hop * RATE_HZ / grid.sr_hz
    if grid.sr_hz == RATE_HZ:
        sound, first = grid.samples, grid.first * HOP
    elif hop.is_integer():
        sound, first = _resample(grid.samples, grid.sr_hz), grid.first * int(hop)
    else:
        starts = (grid.first * grid.hop).tolist()
        pieces = [
            np.pad(_resample(grid.samples[lo : lo + n], grid.sr_hz), (0, LONG // 2))
            for lo, n in zip(starts, grid.length.tolist(), strict=True)
        ]
        sizes = np.array([len(p) for p in pieces], dtype=np.int64)
        sound = np.concatenate(pieces) if pieces else grid.samples
        first = np.cumsum(sizes) - sizes
    within = np.round((np.arange(grid.total) - np.repeat(grid.start, grid.count) + 1) * hop)
    centre = np.repeat(first, grid.count) + within.astype(np.int64)
    return np.pad(sound, LONG // 2), centre


def _resample(y: FloatArray, sr: int) -> FloatArray:
    import soxr

    return np.asarray(soxr.resample(y, sr, RATE_HZ), dtype=np.float32)


@lru_cache(maxsize=4)
def _hann(width: int) -> FloatArray:
    n = np.arange(width)
    return (0.5 - 0.5 * np.cos(2 * np.pi * n / width)).astype(np.float32)


def spectra(sound: FloatArray, centre: IntArray, row: IntArray, out: FloatArray) -> FloatArray:
    """Compute what the network hears of each frame, apart from its level among its neighbours.

    Parameters
    ----------
    sound : ndarray [shape=(n,), float32]
        8 kHz, with 256 zeros in front of the first sample and after the last.
    centre : ndarray [shape=(m,), int64]
        Centre of each frame, not counting those zeros.
    row : ndarray [shape=(m,), int64]
        Where each frame lies in `out`.
    out : ndarray [shape=(rows, 374), float32]
        Gets the log power of the bins of both spectra over the frame's mean, 372 columns.

    Returns
    -------
    ndarray [shape=(m, 2), float32]
        Log of that mean, for both spectra.
    """
    from scipy import fft

    level = np.empty((len(centre), 2), dtype=np.float32)
    at = 0
    for k, (width, bins) in enumerate(((LONG, LONG_BINS), (SHORT, SHORT_BINS))):
        rows = windows(sound[(LONG - width) // 2 :], width)
        size = bins.stop - bins.start
        columns = slice(at, at + size)
        share = np.full(size, 1 / size, dtype=np.float32)
        for lo in range(0, len(centre), CHUNK_FRAMES):
            part = slice(lo, min(lo + CHUNK_FRAMES, len(centre)))
            frames = rows[centre[part]]
            frames *= _hann(width)
            spectrum = fft.rfft(frames, overwrite_x=True)[:, bins]
            power = np.abs(spectrum)
            power *= power
            mean = power @ share + np.float32(TINY)
            power *= (1 / mean)[:, None]
            power += np.float32(FLOOR)
            out[row[part], columns] = np.log(power, out=power)
            level[part, k] = np.log(mean)
        at = columns.stop
    return level


def _block(
    sound: FloatArray, centre: IntArray, segment: IntArray
) -> tuple[FloatArray, Mask, FloatArray, FloatArray]:
    """Track one block of frames; frames nearer than the halo to a cut segment are not final.

    Returns pitch, whether it is out of range, level in dB, and the share that repeats with the
    mains (NaN where the level moves).
    """
    order = np.cumsum(np.diff(segment, prepend=segment[0]) > 0, dtype=np.int64)
    row = np.arange(len(centre)) + GAP * order
    total = int(row[-1]) + 1
    features = np.zeros((total, FEATURES), dtype=np.float32)
    level = spectra(sound, centre, row, features)
    features[row, -2:] = _among_neighbours(level, order)
    there = np.zeros(total, dtype=np.float32)
    there[row] = 1.0
    answers = [_answer(features, there, lo) for lo in range(0, total, STRETCH)]
    f0, odds, inside = (np.concatenate(part)[row] for part in zip(*answers, strict=True))
    shape = features[:, :LONG_SIZE]
    heard = level[:, 0] > np.log(2 * TINY)
    voiced = heard & (odds > 0)
    loud = heard & ~voiced & (features[row, -2] > STEADY_LEVEL)
    outside = voiced & ~inside
    low = f0 < 2 * FMIN_HZ
    for part in _chunks(np.flatnonzero(voiced & inside & ~low)):
        low[part] = _hollow(shape[row[part]])
    out = np.full(len(centre), np.nan, dtype=np.float32)
    doubtful, share = _returning(shape, row, np.flatnonzero(voiced & inside & low | loud))
    outside[doubtful] = beyond(share, np.where(voiced[doubtful], f0[doubtful], np.nan))
    doubtful = doubtful[loud[doubtful] & ~outside[doubtful]]
    out[doubtful] = steady(shape[row[doubtful]])
    voiced &= ~outside
    out[voiced] = f0[voiced]
    for part in _chunks(np.flatnonzero(voiced & _still(f0, order))):
        out[part] = refine(shape[row[part]], f0[part])
    past = (out < FMIN_HZ) | (out > FMAX_HZ)
    outside |= past
    out[past] = np.nan
    level_db = level[:, 0] * np.float32(10 / np.log(10))
    mains = np.full(len(centre), np.nan, dtype=np.float32)
    for part in _chunks(np.flatnonzero(_level_stays(level_db, order) & heard)):
        mains[part] = _mains_share(shape[row[part]])
    return out, outside, level_db, mains


def _answer(
    features: FloatArray, there: FloatArray, lo: int
) -> tuple[FloatArray, FloatArray, Mask]:
    """Return what the network says of `STRETCH` rows from `lo` on, which see those around them."""
    around = slice(max(lo - REACH, 0), lo + STRETCH + REACH)
    given = {"features": features[None, around], "there": there[None, None, around]}
    answer = session("pitch").run(None, given)[0][0, :, lo - around.start :][:, :STRETCH]
    return decode(answer.T)


def _hollow(shape: FloatArray) -> Mask:
    """Return which frames have next to nothing below 440 Hz."""
    return np.asarray(shape[:, :HOLLOW_BINS].max(axis=1) < shape.max(axis=1) - HOLLOW)


def _still(f0_hz: FloatArray, order: IntArray) -> Mask:
    """Return where the pitch stays within `STILL_ST` from a frame to one of its neighbours."""
    moved = np.abs(np.diff(np.log2(f0_hz))) * 12
    moved[np.diff(order) > 0] = np.inf
    still = moved < STILL_ST
    return np.asarray(np.append(still, False) | np.insert(still, 0, False))


def _chunks(index: IntArray) -> list[IntArray]:
    return [index[lo : lo + CHUNK_FRAMES] for lo in range(0, len(index), CHUNK_FRAMES)]


def _among_neighbours(level: FloatArray, order: IntArray) -> FloatArray:
    """Return levels relative to the loudest frame within 0.64 s in the same segment."""
    from scipy import ndimage

    row = np.arange(len(level)) + LEVEL_REACH * order
    spread = np.full((row[-1] + 1, 2), -np.inf, dtype=np.float32)
    spread[row] = level
    top = ndimage.maximum_filter1d(spread, 2 * LEVEL_REACH + 1, axis=0, mode="constant", cval=-1e9)
    return np.asarray(np.maximum(level - top[row], np.float32(LEVEL_DEPTH)))


def decode(answer: FloatArray) -> tuple[FloatArray, FloatArray, Mask]:
    """Read pitch and voicing off the network's answer.

    Parameters
    ----------
    answer : ndarray [shape=(n, 81), float32]
        Log odds of 80 steps of pitch, then of voicing.

    Returns
    -------
    f0_hz : ndarray [shape=(n,), float32]
        About 65 to 500; of no meaning where unvoiced.
    odds : ndarray [shape=(n,), float32]
        Log odds of voicing.
    inside : ndarray [shape=(n,), bool]
        Where the pitch is in range.
    """
    steps = answer[:, :STEPS]
    peak = np.clip(np.argmax(steps, axis=1), 2, STEPS - 3)
    near = peak[:, None] + np.arange(-2, 3)
    weight = np.take_along_axis(steps, near, axis=1)
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    position = (weight * near).sum(axis=1) / weight.sum(axis=1)
    f0 = STEP_LOW_HZ * np.exp2(position / STEPS_PER_OCTAVE)
    edge = 2 ** (EDGE_ST / 12)
    inside = (f0 >= FMIN_HZ / edge) & (f0 <= FMAX_HZ * edge)
    return f0.astype(np.float32), answer[:, STEPS], inside


@lru_cache(maxsize=1)
def _overlap() -> FloatArray:
    """Return the long window's autocorrelation: what a lag leaves of a periodic sound's."""
    power = np.abs(np.fft.rfft(_hann(LONG).astype(np.float64), 2 * LONG)) ** 2
    return (np.fft.irfft(power) / LONG)[:LAGS].astype(np.float32)


def _repetition(shape: FloatArray, lags: slice) -> FloatArray:
    """Return the share of a frame's power that comes back after each lag, taper taken out."""
    from scipy import fft

    power = np.zeros((len(shape), LONG // 2 + 1), dtype=np.float32)
    np.exp(shape, out=power[:, LONG_BINS])
    match = fft.irfft(power, LONG, overwrite_x=True)
    share = match[:, lags] * (_overlap()[0] / _overlap()[lags])
    share /= match[:, :1]
    return np.asarray(share)


def _summit(values: FloatArray, at: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return height and offset of the parabola through each row's three values around `at`."""
    row = np.arange(len(at))
    before, top, after = (values[row, at + i] for i in (-1, 0, 1))
    bend = np.minimum(before - 2 * top + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return top - 0.25 * (before - after) * shift, shift


def steady(shape: FloatArray) -> FloatArray:
    """Find the pitch of frames that repeat themselves exactly, NaN where they do not.

    Parameters
    ----------
    shape : ndarray [shape=(n, 248), float32]
        Log power of the bins of the long spectrum (see `spectra`).

    Returns
    -------
    ndarray [shape=(n,), float32]
        80 to 500 Hz, from the shortest lag at which 98 % of the power comes back.
    """
    out = np.full(len(shape), np.nan, dtype=np.float32)
    share = _repetition(shape, STEADY_LAGS)
    able = np.flatnonzero(share.max(axis=1) >= REPEATS[1])
    share = share[able]
    inner = share[:, 1:-1]
    found = (inner >= REPEATS[1]) & (inner >= share[:, :-2]) & (inner >= share[:, 2:])
    first = np.argmax(found, axis=1).astype(np.int64) + 1
    _, shift = _summit(share, first)
    f0 = RATE_HZ / (STEADY_LAGS.start + first + shift)
    out[able] = np.where(found.any(axis=1), f0, np.nan)
    return out


def refine(shape: FloatArray, f0_hz: FloatArray) -> FloatArray:
    """Read the period off the autocorrelation where a frame repeats itself almost exactly.

    Steady sounds (tones, sung vowels) come out within a cent or so; where a voice moves or noise
    is in the way, the network knows better and its pitch stays.

    Parameters
    ----------
    shape : ndarray [shape=(n, 248), float32]
        Log power of the bins of the long spectrum (see `spectra`).
    f0_hz : ndarray [shape=(n,), float32]
        The network's pitch.

    Returns
    -------
    ndarray [shape=(n,), float32]
        Within 1.5 semitones of the network's.
    """
    match = _repetition(shape, slice(LAGS))
    period = RATE_HZ / f0_hz
    times = np.maximum(np.floor(FURTHEST_LAG / period), 1)
    expected = np.round(times * period).astype(np.int64)
    near = np.arange(-AROUND, AROUND + 1) + expected[:, None]
    here = np.take_along_axis(match, near, axis=1)
    peak = np.clip(np.argmax(here, axis=1), 1, 2 * AROUND - 1)
    share, shift = _summit(here, peak)
    octaves = np.log2(RATE_HZ * times / (expected - AROUND + peak + shift) / f0_hz)
    trust = np.clip((share - REPEATS[0]) / (REPEATS[1] - REPEATS[0]), 0, 1)
    trust *= (np.abs(octaves) < WITHIN_ST / 12) & (np.abs(shift) < 0.5)
    return np.asarray(f0_hz * np.exp2(trust * octaves), dtype=np.float32)


@lru_cache(maxsize=1)
def _curves() -> FloatArray:
    """Return what takes power of the long spectrum to its repetition after short and long lags."""
    bins = np.arange(LONG_BINS.start, LONG_BINS.stop)
    power = np.abs(np.fft.rfft(_hann(LONG).astype(np.float64), 2 * LONG)) ** 2
    overlap = np.fft.irfft(power)[:LAG_HIGH]
    lags = np.append(np.arange(SHORTER, LAG_LOW + 1.5, 0.5), np.arange(LAG_LOW, LAG_HIGH))
    left = np.interp(lags, np.arange(LAG_HIGH), overlap / overlap[0])
    return np.asarray(np.cos(2 * np.pi * np.outer(bins, lags) / LONG) / left, dtype=np.float32)


def _returning(shape: FloatArray, row: IntArray, index: IntArray) -> tuple[IntArray, FloatArray]:
    """Return which of some frames repeat themselves at all, and how much of their power does.

    That is the share that comes back after short lags, then after long ones (see `_curves`).
    """
    found = [(index[:0], np.empty((0, _curves().shape[1]), dtype=np.float32))]
    for part in _chunks(index):
        power = np.exp(shape[row[part]])
        share = power @ _curves() / power.sum(axis=1, keepdims=True)
        able = share.max(axis=1) >= LOW_SHARE
        found.append((part[able], share[able]))
    parts, shares = zip(*found, strict=True)
    return np.concatenate(parts), np.concatenate(shares)


def _top(share: FloatArray, first: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return height (-1: none) and place of a curve's highest peak from column `first` on."""
    inner = share[:, first:-1]
    peak = (inner >= share[:, first - 1 : -2]) & (inner >= share[:, first + 1 :])
    at = np.argmax(np.where(peak, inner, -np.inf), axis=1) + first
    height, shift = _summit(share, at)
    none = ~peak[np.arange(len(at)), at - first]
    height[none] = -1
    return height, at + shift


def beyond(share: FloatArray, f0_hz: FloatArray) -> Mask:
    """Find frames whose period lies outside of what is tracked.

    Parameters
    ----------
    share : ndarray [shape=(n, 179), float32]
        What of a frame's power comes back, lag by lag (see `_curves`).
    f0_hz : ndarray [shape=(n,), float32]
        The network's pitch, NaN where it calls the frame unvoiced.

    Returns
    -------
    ndarray [shape=(n,), bool]
        Where the sound repeats itself faster than 500 Hz, or only slower than 65 Hz.
    """
    high, short = _top(share[:, : -(LAG_HIGH - LAG_LOW)])
    share = share[:, -(LAG_HIGH - LAG_LOW) :]
    edge = int(RATE_HZ / FMIN_HZ) - LAG_LOW
    low, long = _top(share, edge)
    voiced = np.isfinite(f0_hz)
    period = np.round(RATE_HZ / np.where(voiced, f0_hz, 100.0)).astype(np.int64) - LAG_LOW
    near = np.clip(period[:, None] + np.arange(-4, 5), 0, share.shape[1] - 1)
    own = np.take_along_axis(share, near, axis=1).max(axis=1)
    own[~voiced] = share[~voiced, : edge - 1].max(axis=1)
    above = (high >= HIGH_SHARE) & (high > own - HIGH_LESS)
    above &= SHORTER + short / 2 < RATE_HZ / FMAX_HZ
    enough = np.where(voiced, LOW_SHARE, LOW_ALONE)
    below = (low >= enough) & (low > own + LOW_MORE) & (long + LAG_LOW > RATE_HZ / FMIN_HZ)
    return np.asarray(above | below)


def _level_stays(level_db: FloatArray, order: IntArray) -> Mask:
    """Return which frames lie in a stretch of `STILL_FRAMES` of one segment at one level."""
    from scipy import ndimage

    row = np.arange(len(level_db)) + STILL_FRAMES * order
    high = np.full(row[-1] + 1, -np.inf, dtype=np.float32)
    low = -high
    high[row] = low[row] = level_db
    high = ndimage.maximum_filter1d(high, STILL_FRAMES, mode="constant", cval=-np.inf)
    low = ndimage.minimum_filter1d(low, STILL_FRAMES, mode="constant", cval=np.inf)
    middle = np.zeros(row[-1] + 1, dtype=bool)
    middle[row] = high[row] - low[row] <= STILL_DB
    return np.asarray(ndimage.maximum_filter1d(middle, STILL_FRAMES, mode="constant")[row])


@lru_cache(maxsize=1)
def _mains() -> FloatArray:
    """Return what takes power of the long spectrum to its repetition with the mains.

    For both of them the lag before, the lag itself and the lag after [shape=(248, 2 * 3)].
    """
    bins = np.arange(LONG_BINS.start, LONG_BINS.stop)
    lags = np.add.outer(RATE_HZ / np.array(MAINS_HZ), [-MAINS_ASIDE, 0, MAINS_ASIDE]).ravel()
    taper = _hann(LONG).astype(np.float64)
    overlap = [taper[: -int(lag)] @ taper[int(lag) :] / (taper @ taper) for lag in lags]
    return (np.cos(2 * np.pi * np.outer(bins, lags) / LONG) / overlap).astype(np.float32)


def _mains_share(shape: FloatArray) -> FloatArray:
    """Return the share of power that comes back with the mains, 0 where it comes at other times.

    The lowest bins hold the skirt of 50 and 60 Hz, whose phase misleads where there are harmonics
    above: the better of with and without them counts.
    """
    power = np.exp(shape)
    best = np.zeros(len(shape), dtype=np.float32)
    for lo in (0, 4):
        share = power[:, lo:] @ _mains()[lo:] / power[:, lo:].sum(axis=1, keepdims=True)
        before, at, after = share.reshape(-1, len(MAINS_HZ), 3).transpose(2, 0, 1)
        peak = (at > before) & (at > after)
        best = np.maximum(best, np.where(peak, at, 0).max(axis=1))
    return best


def _hum(mains: FloatArray, level_db: FloatArray, segment: IntArray) -> Mask:
    """Return which frames lie in a still stretch that is hum."""
    still = np.isfinite(mains)
    out = np.zeros(len(mains), dtype=bool)
    if not still.any():
        return out
    first = still.copy()
    first[1:] &= ~still[:-1] | (segment[1:] != segment[:-1])
    run = np.cumsum(first)[still] - 1
    frames = np.bincount(run)
    with_mains = np.bincount(run, weights=mains[still] > MAINS_SHARE) >= MAINS_FRAMES * frames
    loudest = np.full(int(segment[-1]) + 1, -np.inf)
    np.maximum.at(loudest, segment, level_db)
    level = np.bincount(run, weights=level_db[still]) / frames
    soft = level < loudest[segment[first]] - HUM_DB
    hum = with_mains & (frames >= STILL_FRAMES) & (soft | (frames >= HUM_FRAMES))
    out[still] = hum[run]
    return out
