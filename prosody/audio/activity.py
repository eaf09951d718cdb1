"""Where somebody speaks: voice activity by ``earshot``, and the segments made of it.

``earshot`` scores 16 ms frames at 16 kHz. Everything here streams: a recording of ten hours costs
one float32 score per frame and channel. Exact digital silence is never speech.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import join, runs

if TYPE_CHECKING:
    from prosody.audio.recording import Recording

SR_HZ = 16_000
FRAME = 256
FRAME_S = FRAME / SR_HZ

# Decisions; benchmarks/activity.py measures them against word times. They were chosen on four calls
# of its eight; the figures are given for the four others.
ON, OFF = 0.7, 0.5  # a stretch reaches ON somewhere, and lasts while the score is above OFF
MIN_PAUSE_S = 0.25  # shorter gaps are inside of a phrase (stops, breaths)
MIN_SPEECH_S = 0.10  # shorter bursts are clicks
PAD_S = 0.05  # the score rises late and falls early by about this much
_SMOOTH = 9  # frames of running mean
# The detector never saw exact zeros and takes the moments after them for speech. Noise at -86 dBFS
# under everything cures that (area under the curve on telephone calls 0.957 -> 0.983), and is below
# the quantisation of mu-law. It is drawn from a fixed seed: the same sound gives the same segments.
_DITHER = 5e-5
# It also misses soft recordings and takes loud noise for speech. So the loudest frame so far,
# slowly forgotten, is brought to -28 dBFS: there it errs least, on clean lines and in noise. More
# gain than 15 dB would find speech in a silent side's breath.
_LOUD_DB, _LEAST_GAIN_DB, _MOST_GAIN_DB, _FALL_DB_PER_S = -28.0, -30.0, 15.0, 0.05

SILENCE_DB = -120.0
STILL = 1e-6  # resampling leaves a trace in true silence; -120 dBFS is below any 16-bit signal

Segments = NDArray[np.float64]
Signal = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Voice:
    """What one channel holds, frame by frame and in stretches.

    Attributes
    ----------
    speech : float64 [k, 2]
        Start and end of each stretch of speech, seconds from the start of the file.
    level_db : float32 [n]
        Level of each frame of ``frame_s`` seconds, dB re full scale; -120 is digital silence.
    """

    speech: Segments
    level_db: Signal
    frame_s: float = FRAME_S


class Listener:
    """Voice activity of one signal, block by block.

    Parameters
    ----------
    sr : int
        Rate of the blocks, Hz.

    Notes
    -----
    However the signal is cut into blocks, what comes out is the same.
    """

    def __init__(self, sr: int) -> None:
        import earshot
        import soxr

        self._sr = sr
        self._detector = earshot.Detector()
        self._resampler = soxr.ResampleStream(sr, SR_HZ, 1) if sr != SR_HZ else None
        self._rest = np.zeros(0, np.float32)
        self._scores: list[Signal] = []
        self._levels: list[Signal] = []
        self._count = 0
        self._dither = np.random.default_rng(0)
        self._peak_db = _LOUD_DB - _MOST_GAIN_DB

    def push(self, block: Signal, *, last: bool = False) -> None:
        """Listen to the next samples; ``last`` says that nothing follows."""
        self._count += len(block)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block), last=last)
        values = np.concatenate([self._rest, block])
        if last and len(values) % FRAME:
            values = np.concatenate([values, np.zeros(-len(values) % FRAME, np.float32)])
        count = len(values) // FRAME
        frames = values[: count * FRAME].reshape(count, FRAME)
        self._rest = values[count * FRAME :]
        level = 10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
        level[np.ptp(frames, axis=1) < STILL] = SILENCE_DB
        predict = self._detector.predict_f32  # the library takes one frame a call
        noise = self._dither.standard_normal((count, FRAME), np.float32)
        inside = frames * self._gain(level)[:, None] + np.float32(_DITHER) * noise
        inside = np.clip(inside, -1.0, 1.0)
        self._scores.append(np.fromiter((predict(frame) for frame in inside), np.float32, count))
        self._levels.append(level.astype(np.float32))

    def _gain(self, level_db: Signal) -> Signal:
        """Return the gain of each frame that brings the loudest so far to a usual level."""
        fall = _FALL_DB_PER_S * FRAME_S * np.arange(1, len(level_db) + 1)
        peak = np.maximum.accumulate(np.append(self._peak_db, level_db + fall))[1:] - fall
        self._peak_db = float(peak[-1]) if len(peak) else self._peak_db
        gain_db = np.clip(_LOUD_DB - peak, _LEAST_GAIN_DB, _MOST_GAIN_DB)
        return np.asarray(10.0 ** (gain_db / 20.0), np.float32)

    def scores(self) -> tuple[Signal, Signal]:
        """Return score (0 to 1) and level (dBFS) of each frame so far."""
        nothing = np.zeros(0, np.float32)
        level = np.concatenate([*self._levels, nothing])
        score = np.concatenate([*self._scores, nothing])
        return np.where(level > SILENCE_DB, score, np.float32(0.0)), level

    def finish(self, min_pause_s: float = MIN_PAUSE_S) -> Voice:
        """Flush, and return what was heard."""
        self.push(np.zeros(0, np.float32), last=True)
        score, level = self.scores()
        found = segments(score, min_pause_s=min_pause_s)
        return Voice(np.minimum(found, self._count / self._sr), level)


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
    heard = runs(smooth > OFF)
    if len(heard):
        peaks = np.maximum.reduceat(np.append(smooth, 0.0), heard.ravel())[::2]
        heard = heard[peaks > ON]
    out: Segments = (heard * FRAME_S).astype(np.float64)
    out = join(out, min_pause_s)
    out = out[out[:, 1] - out[:, 0] >= MIN_SPEECH_S]
    out = out + np.array([-PAD_S, PAD_S])
    return join(np.clip(out, 0.0, len(scores) * FRAME_S), 0.0)


def speech(y: Signal, sr: int, *, min_pause_s: float = MIN_PAUSE_S) -> Segments:
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
    listener = Listener(sr)
    listener.push(np.asarray(y, np.float32))
    return listener.finish(min_pause_s).speech


def listen(blocks: Iterable[Signal], sr: int, channels: int) -> list[Voice]:
    """Return what each channel of a stream holds, in one pass.

    Parameters
    ----------
    blocks : iterable of float32 [channels, n]
        Consecutive sound, -1 to 1, however it is cut.
    sr : int
        Sample rate, Hz.
    channels : int

    Returns
    -------
    list of Voice
        One per channel.
    """
    listeners = [Listener(sr) for _ in range(channels)]
    for block in blocks:
        for listener, row in zip(listeners, block, strict=True):
            listener.push(row)
    return [listener.finish() for listener in listeners]


def voices_of(recording: Recording) -> list[Voice]:
    """Return what each channel of a recording holds, in one pass over the file."""
    return listen(recording.blocks(), recording.info.sr_hz, recording.info.channels)


def speech_of(recording: Recording, channel: int = 0) -> Segments:
    """Return the speech on one channel, ``[k, 2]``, in seconds from the start of the file."""
    return voices_of(recording)[channel].speech
