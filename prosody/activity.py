"""Where somebody speaks: voice activity by ``earshot``, and the segments made of it.

``earshot`` scores 16 ms frames at 16 kHz. Everything here streams: a recording of ten hours costs
one float32 score per frame and channel. Exact digital silence is never speech.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from prosody.recording import Recording

SR_HZ = 16_000
FRAME = 256
FRAME_S = FRAME / SR_HZ

# Decisions; benchmarks/activity.py measures them against word times.
ON, OFF = 0.55, 0.45  # a segment begins at ON and lasts while the score stays above OFF
MIN_PAUSE_S = 0.25  # shorter gaps are inside of a phrase (stops, breaths)
MIN_SPEECH_S = 0.10  # shorter bursts are clicks
PAD_S = 0.05  # the score rises late and falls early by about this much
_SMOOTH = 3  # frames of running mean

Segments = NDArray[np.float64]


class Scorer:
    """Scores of one signal, block by block.

    Parameters
    ----------
    sr : int
        Rate of the blocks, Hz.

    Notes
    -----
    However the signal is cut into blocks, the scores are the same.
    """

    def __init__(self, sr: int) -> None:
        import earshot
        import soxr

        self._detector = earshot.Detector()
        self._resampler = soxr.ResampleStream(sr, SR_HZ, 1) if sr != SR_HZ else None
        self._rest = np.zeros(0, np.float32)

    def push(self, block: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """Return the scores of the frames that are complete now; ``last`` flushes."""
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block), last=last)
        values = np.concatenate([self._rest, block])
        if last and len(values) % FRAME:
            values = np.concatenate([values, np.zeros(-len(values) % FRAME, np.float32)])
        count = len(values) // FRAME
        frames = np.clip(values[: count * FRAME], -1.0, 1.0).reshape(count, FRAME)
        self._rest = values[count * FRAME :]
        predict = self._detector.predict_f32  # the library takes one frame a call
        scores = np.fromiter((predict(frame) for frame in frames), np.float32, count)
        # Resampling smears a trace around true silence: -120 dBFS is below any 16-bit signal.
        scores[np.ptp(frames, axis=1) < 1e-6] = 0.0
        return scores


def segments(scores: NDArray[np.float32], *, min_pause_s: float = MIN_PAUSE_S) -> Segments:
    """Turn frame scores into stretches of speech.

    Parameters
    ----------
    scores : float [n]
        One per 16 ms.
    min_pause_s : float
        Shorter gaps do not end a stretch.

    Returns
    -------
    float64 [k, 2]
        Start and end in seconds, in order, not overlapping; ``[0, 2]`` where nobody speaks.
    """
    if not len(scores):
        return np.zeros((0, 2))
    kernel = np.ones(_SMOOTH) / _SMOOTH
    smooth = np.convolve(np.pad(scores, _SMOOTH // 2, mode="edge"), kernel, mode="valid")
    smooth = np.where(scores == 0.0, 0.0, smooth)
    runs = _runs(smooth > OFF)
    if len(runs):
        peaks = np.maximum.reduceat(np.append(smooth, 0.0), runs.ravel())[::2]
        runs = runs[peaks > ON]
    out: Segments = (runs * FRAME_S).astype(np.float64)
    out = _join(out, min_pause_s)
    out = out[out[:, 1] - out[:, 0] >= MIN_SPEECH_S]
    out = out + np.array([-PAD_S, PAD_S])
    return _join(np.clip(out, 0.0, len(scores) * FRAME_S), 0.0)


def _runs(on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return start and end (exclusive) of each run of True, ``[k, 2]``."""
    edges = np.flatnonzero(np.diff(on.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def _join(spans: Segments, gap_s: float) -> Segments:
    """Join spans (sorted) whose gap is at most ``gap_s``."""
    if len(spans) < 2:
        return spans
    apart = spans[1:, 0] - np.maximum.accumulate(spans[:-1, 1]) > gap_s
    first = np.flatnonzero(np.concatenate([[True], apart]))
    return np.column_stack([spans[first, 0], np.maximum.reduceat(spans[:, 1], first)])


def speech(y: NDArray[np.float32], sr: int, *, min_pause_s: float = MIN_PAUSE_S) -> Segments:
    """Return where somebody speaks in a signal.

    Parameters
    ----------
    y : float32 [n]
        Samples, -1 to 1.
    sr : int
        Sample rate, Hz.
    min_pause_s : float
        Shorter gaps do not end a stretch.

    Returns
    -------
    float64 [k, 2]
        Start and end in seconds.
    """
    found = segments(Scorer(sr).push(np.asarray(y, np.float32), last=True), min_pause_s=min_pause_s)
    return np.minimum(found, len(y) / sr)


def speech_of_blocks(
    blocks: Iterable[NDArray[np.float32]], sr: int, channels: int
) -> list[Segments]:
    """Return the speech of each channel of a stream of ``[channels, n]`` blocks, in one pass."""
    scorers = [Scorer(sr) for _ in range(channels)]
    scores: list[list[NDArray[np.float32]]] = [[] for _ in range(channels)]
    count = 0
    for block in blocks:
        count += block.shape[1]
        for scorer, row, kept in zip(scorers, block, scores, strict=True):
            kept.append(scorer.push(row))
    nothing = np.zeros(0, np.float32)
    for scorer, kept in zip(scorers, scores, strict=True):
        kept.append(scorer.push(nothing, last=True))
    return [np.minimum(segments(np.concatenate(kept)), count / sr) for kept in scores]


def speech_of(recording: Recording, channel: int | None = None) -> list[Segments] | Segments:
    """Return the speech of a recording, seconds from the start of its file.

    One ``[k, 2]`` array for one channel, a list of them (one per channel) for ``channel=None``;
    all channels are read in the same pass.
    """
    info = recording.info
    found = speech_of_blocks(recording.blocks(), info.sr_hz, info.channels)
    return found if channel is None else found[channel]
