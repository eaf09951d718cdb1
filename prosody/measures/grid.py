"""Cut sound into frames: one grid for every measure, many segments in one array.

Segments (apologies, stretches of baseline, whole clips) are laid one after another into a single
float32 array, each starting on a multiple of the hop and with silence between them. Frame ``i`` of
a segment covers the two hops from ``i * hop`` on, so its centre lies at ``(i + 1) * hop``. Because
the grid is common, the frames of all segments are one strided view, spectra are computed in one
pass, and no frame that counts sees a neighbouring segment.

Sound is analysed at 16 kHz when it comes at a higher rate (resampled once, by soxr), and at its
own rate from 8 to 16 kHz: inventing a band that a telephone never carried helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MAX_RATE_HZ = 16000
"""Rates above this are resampled to it: eGeMAPS looks no higher than 8 kHz."""
MIN_RATE_HZ = 4000
"""Below this the band holds too little of the voice for any spectral measure."""
HOP_S = 0.010
"""Distance between frames (Eyben et al. 2016)."""
MARGIN_HOPS = 4
"""Silence between segments; a 60 ms pitch-synchronous window around any frame fits into it."""
RESAMPLE_SAMPLES = 2**20
"""Samples resampled at once: memory stays small however long a recording is."""
CHUNK_FRAMES = 512
"""Frames whose spectra are held at once: about 1.5 MB, so that they stay in the cache."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Segments on a common 10 ms grid.

    Attributes
    ----------
    samples : ndarray [shape=(total,), float32]
        All segments, each starting on a multiple of `hop`, silence (zeros) around them.
    sr_hz : int
        Sampling rate of `samples`.
    hop : int
        Samples between two frames (10 ms, rounded to a whole sample).
    first : ndarray [shape=(n,), int64]
        Hop at which each segment starts: its first sample is ``first * hop``.
    count : ndarray [shape=(n,), int64]
        Frames of each segment: complete frames of two hops, 0 for shorter segments.
    length : ndarray [shape=(n,), int64]
        Samples of each segment.
    """

    samples: FloatArray
    sr_hz: int
    hop: int
    first: IntArray
    count: IntArray
    length: IntArray

    @property
    def hop_s(self) -> float:
        """Seconds between two frames."""
        return self.hop / self.sr_hz

    @property
    def total(self) -> int:
        """Number of frames of all segments together."""
        return int(self.count.sum())

    @property
    def start(self) -> IntArray:
        """Position of each segment's first frame in arrays of all frames [shape=(n,)]."""
        return np.cumsum(self.count) - self.count

    @property
    def segment(self) -> IntArray:
        """Segment that each frame belongs to [shape=(total,)]."""
        return np.repeat(np.arange(len(self.count)), self.count)

    @property
    def at(self) -> IntArray:
        """Hop at which each frame starts, into the grid's rows [shape=(total,)]."""
        within = np.arange(self.total) - np.repeat(self.start, self.count)
        return np.repeat(self.first, self.count) + within

    @property
    def hops(self) -> FloatArray:
        """The samples, one row per hop [shape=(hops, hop)]."""
        return self.samples.reshape(-1, self.hop)

    def energy(self) -> FloatArray:
        """Return the sum of squares of each hop [shape=(hops,), float32]."""
        return np.asarray(np.einsum("ij,ij->i", self.hops, self.hops))

    def rows(self, width: int, offset: int = 0) -> FloatArray:
        """Return a strided view with one row per hop.

        Parameters
        ----------
        width : int
            Samples of a row.
        offset : int
            Samples from the hop's first sample to the row's first; row ``k`` starts at
            ``k * hop + offset``, which must lie inside `samples` for the rows that are used.

        Returns
        -------
        ndarray [shape=(rows, width), float32]
            A view; index it with `at` (no copy of the overlap is made before that).
        """
        return windows(self.samples[offset:], width, self.hop)


def windows(y: FloatArray, width: int, step: int = 1) -> FloatArray:
    """Return every stretch of `width` samples, `step` apart: a view of contiguous samples.

    NumPy's ``sliding_window_view`` gives the same and takes as long as a short transform.
    """
    number, size = (len(y) - width) // step + 1, y.itemsize
    return np.ndarray((number, width), y.dtype, y, strides=(step * size, size))


def analysis_rate(sr: int) -> int:
    """Return the rate in Hz at which sound of rate `sr` is analysed."""
    if sr < MIN_RATE_HZ:
        raise UsageError(
            f"Sampling rate {sr} Hz, expected at least {MIN_RATE_HZ} Hz.",
            "Use a recording with at least telephone quality (8000 Hz).",
        )
    return min(int(sr), MAX_RATE_HZ)


def resample(y: FloatArray, sr: int) -> tuple[FloatArray, int]:
    """Bring sound to the rate of analysis.

    Parameters
    ----------
    y : ndarray [shape=(n,), float32]
        One channel, full scale is 1.
    sr : int
        Its rate in Hz.

    Returns
    -------
    y : ndarray [shape=(m,), float32]
    sr : int
        At most 16,000 Hz; lower rates come back untouched.
    """
    rate = analysis_rate(sr)
    if rate == sr or len(y) == 0:
        return y, rate
    import soxr

    if not np.isfinite(y).all():
        y = np.nan_to_num(y, nan=0.0, posinf=0.0, neginf=0.0)
    # An offset would ring at both ends; it is not taken out of digital silence.
    mean = np.float32(y.sum(dtype=np.float64) / max(1, np.count_nonzero(y)))
    stream = soxr.ResampleStream(sr, rate, 1, dtype="float32", quality="HQ")
    parts = []
    for lo in range(0, len(y), RESAMPLE_SAMPLES):
        part = y[lo : lo + RESAMPLE_SAMPLES]
        part = np.where(part != 0, part - mean, np.float32(0))
        parts.append(stream.resample_chunk(part, last=lo + RESAMPLE_SAMPLES >= len(y)))
    return np.concatenate(parts), rate


def hop_samples(sr: int) -> int:
    """Return the samples of one 10 ms hop at rate `sr`, rounded to a whole sample."""
    return max(1, round(sr * HOP_S))


def lay_out(segments: Sequence[FloatArray], sr: int) -> Grid:
    """Lay segments on one grid.

    Parameters
    ----------
    segments : sequence of ndarray [shape=(n_i,), float32]
        Sound at the rate of analysis; samples that are not finite count as silence.
    sr : int
        Rate of analysis in Hz.

    Returns
    -------
    Grid
        A segment's mean is taken out, so that an offset of the recorder is not heard as bass.
    """
    hop = hop_samples(sr)
    length = np.array([len(s) for s in segments], dtype=np.int64)
    hops = -(-length // hop) + MARGIN_HOPS
    first = np.cumsum(hops) - hops + MARGIN_HOPS
    samples = np.zeros((int(hops.sum()) + MARGIN_HOPS + 1) * hop, dtype=np.float32)
    for segment, k in zip(segments, first.tolist(), strict=True):  # copies, no arithmetic
        samples[k * hop : k * hop + len(segment)] = segment
    count = np.maximum(length // hop - 1, 0)
    grid = Grid(samples, sr, hop, first, count, length)
    if not np.isfinite(grid.energy()).all():
        np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    _take_out_mean(grid)
    return grid


def _take_out_mean(grid: Grid) -> None:
    """Take each segment's mean out of its hops with sound; digital silence stays exactly 0."""
    if len(grid.length) == 0:
        return
    hops = grid.hops
    live = grid.energy() > 0
    bounds = np.append(grid.first, len(hops))
    rest = -grid.length % grid.hop  # of the last hop, beyond the last sample
    last = np.maximum(-(-grid.length // grid.hop) - 1, 0) + grid.first
    live_samples = np.add.reduceat(live.astype(np.float64), bounds[:-1]) * grid.hop
    live_samples -= rest * live[last]
    total = np.add.reduceat(hops @ np.ones(grid.hop, np.float32), bounds[:-1], dtype=np.float64)
    mean = np.divide(total, live_samples, out=np.zeros(len(total)), where=live_samples > 0)
    each = np.zeros(len(hops), dtype=np.float32)
    each[grid.first[0] :] = np.repeat(mean, np.diff(bounds)).astype(np.float32)
    hops -= (each * live)[:, None]
    end = grid.first * grid.hop + grid.length
    within = np.arange(rest.sum()) - np.repeat(np.cumsum(rest) - rest, rest)
    grid.samples[np.repeat(end, rest) + within] = 0.0


@lru_cache(maxsize=16)
def hamming(width: int) -> FloatArray:
    """Return a symmetric Hamming window of `width` samples, peak 1."""
    return np.hamming(width).astype(np.float32)


def fft_size(width: int) -> int:
    """Return the power of two that holds `width` samples."""
    return 1 << (width - 1).bit_length()


def power_spectra(grid: Grid) -> Iterator[tuple[int, int, FloatArray]]:
    """Compute the 20 ms power spectra of a grid, once, in chunks.

    Yields
    ------
    lo, hi : int
        Rows of the grid (see `Grid.at`) that the chunk holds.
    power : ndarray [shape=(hi - lo, n_fft // 2 + 1), float32]
        Squared magnitude of the Hamming-windowed frame, zero-padded to a power of two.
    """
    width = 2 * grid.hop
    rows = grid.rows(width)
    window = hamming(width)
    size = fft_size(width)
    padded = np.zeros((min(CHUNK_FRAMES, len(rows)), size), dtype=np.float32)
    for lo in range(0, len(rows), CHUNK_FRAMES):
        hi = min(lo + CHUNK_FRAMES, len(rows))
        np.multiply(rows[lo:hi], window, out=padded[: hi - lo, :width])
        yield lo, hi, power(padded[: hi - lo], size)


def power(frames: FloatArray, size: int) -> FloatArray:
    """Return squared magnitudes of the spectra of frames.

    Parameters
    ----------
    frames : ndarray [shape=(n, width), float32]
        Windowed sound, full scale is 1; zero-padded to `size`.
    size : int
        Samples of the transform, at least `width`.

    Returns
    -------
    ndarray [shape=(n, size // 2 + 1), float32]
        Not scaled: a full-scale sine of `size` samples has ``size ** 2 / 4`` in its bin.

    Notes
    -----
    SciPy's transform takes many float32 frames at once and is four times as fast as NumPy's; it is
    loaded here, at the first spectrum, to keep imports quick.
    """
    from scipy.fft import rfft

    spectrum = rfft(frames, size)
    squares = np.square(spectrum.view(np.float32))
    return np.asarray(squares[:, ::2] + squares[:, 1::2], dtype=np.float32)
