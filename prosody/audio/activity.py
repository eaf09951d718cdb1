"""Where somebody speaks and where music plays, channel by channel.

Sound is looked at in frames of 32 ms: the power in 24 mel bands and in each quarter of the frame,
relative to the loudest so far; frames far below that are passed over. A small network reads about a
second around every frame and scores speech every 16 ms, another reads what the first made of eight
seconds and scores music every 256 ms (``models/ACTIVITY.md``). Many frames are worked on at once,
and everything streams: ten hours of a channel keep a few bytes per frame. Exact digital silence is
never speech.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import join, runs
from prosody.models import session

if TYPE_CHECKING:
    from prosody.audio.recording import Recording

FRAME_S = 0.016
"""Levels and scores of speech come this often; spectra are taken over two at once."""
RATE_HZ = 8000
"""Sound whose rate gives no whole frames (11.025 kHz and its multiples) is resampled to this."""
BANDS, LOW_HZ, HIGH_HZ = 24, 90.0, 3800.0
QUARTERS = 4
FEATURES = BANDS + QUARTERS
DEEP_DB = 45.0
"""A frame this far below the loudest so far is no speech, and nothing is computed for it."""
START_DB, FALL_DB_PER_S = -43.0, 0.05
"""The loudest so far is at least -43 dBFS to begin with, and is slowly forgotten: the breath on a
silent side is no speech."""
LEAST_DB, MOST_DB, MIDDLE_DB, SCALE_DB = -50.0, 10.0, -25.0, 20.0
"""Features are clipped to this range, and brought to about -1 to 2 for the network."""
CHUNK = 1024
"""Frames (33 s) that are worked on at once, however the sound comes in."""
PART = 256
"""Frames whose spectra are held at once: they stay in the cache."""
REACH, MUSIC_REACH = 31, 15
"""Frames, and groups of frames, that the networks read on either side."""
HIDDEN = 32
GROUP = 8
GROUP_S = GROUP * 2 * FRAME_S

# From scores to stretches: chosen on made-up sides and on four of the eight calls of
# benchmarks/activity.py; its figures are those of the four others.
ON, OFF = 0.6, 0.5  # a stretch reaches ON somewhere, and lasts while the score is above OFF
MIN_PAUSE_S = 0.25  # shorter gaps are inside of a phrase (stops, breaths)
MIN_SPEECH_S = 0.10  # shorter bursts are clicks
_SMOOTH = 5  # scores of running mean
MUSIC_ON, MUSIC_OFF = 0.5, 0.2
MUSIC_GAP_S, MIN_MUSIC_S = 2.0, 2.0
_MUSIC_SMOOTH = 9
SOFT_DB, LOUD_SHARE = 35.0, 0.99
"""What lies this far below the loud moments of its channel (1 % are louder) is no music: before
anybody has spoken, the noise of a line is the loudest so far, and as steady as music."""

SILENCE_DB = -120.0
STILL = 1e-6  # a filter leaves a trace in true silence; -120 dBFS is below any 16-bit signal

Segments = NDArray[np.float64]
Signal = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChannelActivity:
    """What one channel holds, frame by frame and in stretches.

    Attributes
    ----------
    speech : float64 [k, 2]
        Start and end of each stretch of speech, seconds from the start of the file.
    music : float64 [m, 2]
        Start and end of each stretch of music, ringing or other tones of two seconds and more;
        somebody may speak over it.
    level_db : float32 [n]
        Level of each frame of ``frame_s`` seconds, dB re full scale; -120 is digital silence.
    """

    speech: Segments
    music: Segments
    level_db: Signal
    frame_s: float = FRAME_S


@lru_cache(maxsize=8)
def _filters(size: int) -> tuple[Signal, Signal]:
    """Return the taper of frames of `size` samples (32 ms), and mel filters for their spectra."""

    def mel(hz: Any) -> Any:
        return 1127.0 * np.log1p(hz / 700.0)

    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2)
    bins = np.arange(int(HIGH_HZ * 2 * FRAME_S) + 2)
    at = mel(bins / (2 * FRAME_S))[:, None]
    rising = (at - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - at) / np.diff(edges)[1:]
    weights = np.clip(np.minimum(rising, falling), 0.0, None) / (3 / 16 * size**2)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
    return taper.astype(np.float32), weights.astype(np.float32)


def _powers_db(frames: Signal) -> Signal:
    """Return the power of frames in mel bands, then in quarters, in dB [shape=(n, 28)]."""
    from scipy import fft

    size = frames.shape[1]
    taper, weights = _filters(size)
    out = np.empty((len(frames), FEATURES), np.float32)
    for lo in range(0, len(frames), PART):
        part = slice(lo, lo + PART)
        quarters = frames[part].reshape(-1, QUARTERS, size // QUARTERS)
        out[part, BANDS:] = np.einsum("ijk,ijk->ij", quarters, quarters)
        spectra = fft.rfft(frames[part] * taper, overwrite_x=True)[:, : len(weights)]
        power = spectra.real**2
        power += spectra.imag**2
        out[part, :BANDS] = power @ weights
    out[:, BANDS:] *= np.float32(QUARTERS / size)
    out += np.float32(1e-12)
    return np.multiply(np.log10(out, out=out), np.float32(10.0), out=out)


def _levels(y: Signal, half: int, peak_db: float) -> tuple[Signal, Signal, float]:
    """Return level of each `half` samples, the loudest so far at each of them, and at the end.

    The level holds an offset, the loudest does not.
    """
    halves = y.reshape(-1, half)
    power = np.einsum("ij,ij->i", halves, halves) / np.float32(half)
    mean = halves @ np.full(half, 1 / half, np.float32)
    level = np.stack([power, np.maximum(power - mean * mean, 0)])
    soft = np.flatnonzero(level[1] < 1e-9)
    level[:, soft[np.ptp(halves[soft], axis=1) < STILL]] = 0.0
    level = 10.0 * np.log10(level + np.float32(1e-12))
    fall = FALL_DB_PER_S * FRAME_S * np.arange(1, level.shape[1] + 1)
    peak = np.maximum.accumulate(np.append(peak_db, level[1] + fall))[1:] - fall
    end_db = float(peak[-1]) if len(peak) else peak_db
    return np.asarray(level, np.float32), peak.astype(np.float32), end_db


def _rows(y: Signal, half: int, peak_db: float) -> tuple[Signal, Signal, float]:
    """Return features and, last, whether a frame is near the loudest; levels; the loudest."""
    level, peak, end_db = _levels(y, half, peak_db)
    peak = peak[1::2]
    near = level[1].reshape(-1, 2).max(axis=1) > peak - DEEP_DB
    rows = np.full((len(near), FEATURES + 1), (LEAST_DB - MIDDLE_DB) / SCALE_DB, np.float32)
    rows[:, -1] = near
    frames = y.reshape(-1, 2 * half)
    relative = _powers_db(frames if near.all() else frames[near]) - peak[near, None]
    np.clip(relative, LEAST_DB, MOST_DB, out=relative)
    rows[near, :-1] = (relative - np.float32(MIDDLE_DB)) * np.float32(1 / SCALE_DB)
    return rows, level[0], end_db


def features(y: Signal, sr: int) -> tuple[Signal, Mask]:
    """Return what the first network hears of a signal.

    Parameters
    ----------
    y : float32 [n]
    sr : int
        A rate at which 4 ms are a whole number of samples.

    Returns
    -------
    features : float32 [m, 28]
        One row per whole 32 ms.
    near : bool [m]
        Where a frame is not far below the loudest so far; elsewhere the row says nothing.
    """
    half = round(sr * FRAME_S)
    rows, _, _ = _rows(np.asarray(y, np.float32)[: len(y) // (2 * half) * 2 * half], half, START_DB)
    return rows[:, :-1], rows[:, -1] > 0


def _score_speech(rows: Signal) -> tuple[Signal, Signal]:
    """Return two scores of speech per row, and what the second network is given of it."""
    near = rows[:, -1] > 0
    wanted = np.convolve(near, np.ones(2 * REACH + 1, np.float32))[REACH:-REACH] > 0.5
    score = np.zeros((len(rows), 2), np.float32)
    hidden = np.zeros((len(rows), HIDDEN + 1), np.float32)
    hidden[:, -1] = near
    if wanted.any():
        # Where nothing is wanted for longer than the network reaches, it is left out; the frames
        # around see the same empty rows as if it were there.
        answer = session("activity").run(None, {"features": rows[None, wanted, :-1]})
        score[wanted], hidden[wanted, :-1] = answer[0][0], answer[1][0]
    score[~near] = 0.0
    return score, hidden


def _group(hidden: Signal) -> Signal:
    """Return mean and spread over the frames of each group that are near, and their share."""
    groups = hidden.reshape(-1, GROUP, HIDDEN + 1)
    near = groups[:, :, -1:]
    count = near.sum(axis=1)
    weighted = groups[:, :, :-1] * near
    mean = weighted.sum(axis=1) / (count + 1e-3)
    power = np.einsum("ijk,ijk->ik", weighted, groups[:, :, :-1]) / (count + 1e-3)
    spread = np.sqrt(np.maximum(power - mean * mean, 0) + 1e-4)
    return np.concatenate([mean, spread, count / GROUP], axis=1).astype(np.float32)


def _score_music(rows: Signal) -> tuple[Signal, ...]:
    if not rows[:, -1].any():
        return (np.zeros(len(rows), np.float32),)
    return (session("music").run(None, {"groups": rows[None]})[0][0],)


class _Context:
    """Something that reads `reach` rows to either side, over rows that come bit by bit."""

    def __init__(
        self, work: Callable[[Signal], tuple[Signal, ...]], reach: int, width: int
    ) -> None:
        self._work, self._reach = work, reach
        self._held = np.zeros((0, width), np.float32)
        self._done = 0  # rows in front that are answered and only read by those after

    def push(self, rows: Signal, *, last: bool) -> tuple[Signal, ...] | None:
        held = np.concatenate([self._held, rows])
        end = len(held) if last else max(self._done, len(held) - self._reach)
        out = None
        if end > self._done:
            out = tuple(values[self._done : end] for values in self._work(held))
        first = max(0, end - self._reach)
        self._held, self._done = held[first:], end - first
        return out


class Listener:
    """Speech and music in one signal, block by block.

    Parameters
    ----------
    sr : int
        Rate of the blocks, Hz.

    Notes
    -----
    However the signal is cut into blocks, what comes out is the same.
    """

    def __init__(self, sr: int) -> None:
        self._sr = sr
        whole = (sr * FRAME_S / 4).is_integer()
        self._half = round((sr if whole else RATE_HZ) * FRAME_S)
        self._resampler = None
        if not whole:
            import soxr

            self._resampler = soxr.ResampleStream(sr, RATE_HZ, 1)
        self._rest: list[Signal] = []
        self._waiting = self._count = 0
        self._peak_db = START_DB
        self._ungrouped = np.zeros((0, HIDDEN + 1), np.float32)
        self._levels: list[Signal] = []
        self._speech: list[Signal] = []
        self._music: list[Signal] = []
        self._frames = _Context(_score_speech, REACH, FEATURES + 1)
        self._groups = _Context(_score_music, MUSIC_REACH, 2 * HIDDEN + 1)

    def push(self, block: Signal, *, last: bool = False) -> None:
        """Listen to the next samples; ``last`` says that nothing follows."""
        self._count += len(block)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block), last=last)
        self._rest.append(block)
        self._waiting += len(block)
        frame = 2 * self._half
        size = frame * CHUNK
        if self._waiting < size and not last:
            return
        y = np.concatenate(self._rest)
        for lo in range(0, len(y) - size + 1, size):
            self._hear(y[lo : lo + size], last=False)
        y = y[len(y) // size * size :]
        if last:
            self._hear(np.pad(y, (0, -len(y) % frame)), last=True)
            y = y[:0]
        self._rest, self._waiting = [y], len(y)

    def _hear(self, y: Signal, *, last: bool) -> None:
        rows, level, self._peak_db = _rows(y, self._half, self._peak_db)
        self._levels.append(level.astype(np.float32))
        found = self._frames.push(rows, last=last)
        hidden = self._ungrouped
        if found is not None:
            self._speech.append(found[0].ravel())
            hidden = np.concatenate([hidden, found[1]])
        if last:
            hidden = np.pad(hidden, ((0, -len(hidden) % GROUP), (0, 0)))
        whole = len(hidden) // GROUP * GROUP
        self._ungrouped = hidden[whole:]
        played = self._groups.push(_group(hidden[:whole]), last=last)
        if played is not None:
            self._music.append(played[0])

    def scores(self) -> tuple[Signal, Signal, Signal]:
        """Return score of speech (0 to 1) and level (dBFS) of each frame, and score of music."""
        nothing = np.zeros(0, np.float32)
        level = np.concatenate([*self._levels, nothing])
        speech = np.concatenate([*self._speech, nothing])
        music = np.concatenate([*self._music, nothing])
        speech[level[: len(speech)] <= SILENCE_DB] = 0.0
        if (music > MUSIC_OFF).any():  # elsewhere there is nothing to take back
            groups = np.pad(level, (0, -len(level) % (2 * GROUP)), constant_values=SILENCE_DB)
            loudest = groups.reshape(-1, 2 * GROUP).max(axis=1)[: len(music)]
            music[loudest < np.quantile(level, LOUD_SHARE) - SOFT_DB] = 0.0
        return speech, level, music

    def finish(self, min_pause_s: float = MIN_PAUSE_S) -> ChannelActivity:
        """Flush, and return what was heard."""
        self.push(np.zeros(0, np.float32), last=True)
        speech, level, music = self.scores()
        end_s = self._count / self._sr
        return ChannelActivity(
            np.minimum(segments(speech, min_pause_s=min_pause_s), end_s),
            np.minimum(music_segments(music), end_s),
            level,
        )


def _stretches(scores: Signal, smooth: int, on: float, off: float) -> NDArray[np.int64]:
    """Return where the smoothed scores stay above `off` and somewhere reach `on`."""
    if not len(scores):
        return np.zeros((0, 2), np.int64)
    padded = np.pad(scores, smooth // 2, mode="edge")
    mean = np.convolve(padded, np.ones(smooth) / smooth, mode="valid")
    mean[scores == 0.0] = 0.0
    found = runs(mean > off)
    if not len(found):
        return found
    return found[np.maximum.reduceat(np.append(mean, 0.0), found.ravel())[::2] > on]


def segments(scores: Signal, *, min_pause_s: float = MIN_PAUSE_S) -> Segments:
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
    spoken = _stretches(scores, _SMOOTH, ON, OFF).astype(np.float64)
    out = join(spoken * FRAME_S, min_pause_s)
    return out[out[:, 1] - out[:, 0] >= MIN_SPEECH_S]


def music_segments(scores: Signal) -> Segments:
    """Turn scores of groups into stretches of music, as `segments` does those of frames.

    Parameters
    ----------
    scores : float [n]
        One per 256 ms.

    Returns
    -------
    float64 [k, 2]
    """
    played = _stretches(scores, _MUSIC_SMOOTH, MUSIC_ON, MUSIC_OFF).astype(np.float64)
    out = join(played * GROUP_S, MUSIC_GAP_S)
    return out[out[:, 1] - out[:, 0] >= MIN_MUSIC_S]


def activity(y: Signal, sr: int, *, min_pause_s: float = MIN_PAUSE_S) -> ChannelActivity:
    """Return what a signal holds.

    Parameters
    ----------
    y : float32 [n]
        Samples, -1 to 1.
    sr : int
        Sample rate, Hz.
    min_pause_s : float
        Shorter gaps do not end a stretch of speech.

    Returns
    -------
    ChannelActivity
    """
    listener = Listener(sr)
    listener.push(np.asarray(y, np.float32))
    return listener.finish(min_pause_s)


def speech(y: Signal, sr: int, *, min_pause_s: float = MIN_PAUSE_S) -> Segments:
    """Return where somebody speaks in a signal, as `activity` does."""
    return activity(y, sr, min_pause_s=min_pause_s).speech


def overhear(
    blocks: Iterable[Signal], sr: int, channels: int, found: list[ChannelActivity]
) -> Iterator[Signal]:
    """Pass a stream on, and put what each of its channels holds into `found` when it ends.

    Parameters
    ----------
    blocks : iterable of float32 [channels, n]
        Consecutive sound, -1 to 1, however it is cut.
    sr : int
        Sample rate, Hz.
    channels : int
    found : list of ChannelActivity
        Gets one per channel.
    """
    listeners = [Listener(sr) for _ in range(channels)]
    for block in blocks:
        for listener, row in zip(listeners, block, strict=True):
            listener.push(row)
        yield block
    found += [listener.finish() for listener in listeners]


def listen(blocks: Iterable[Signal], sr: int, channels: int) -> list[ChannelActivity]:
    """Return what each channel of a stream holds, in one pass (see `overhear`)."""
    found: list[ChannelActivity] = []
    deque(overhear(blocks, sr, channels, found), maxlen=0)
    return found


def activity_of(recording: Recording) -> list[ChannelActivity]:
    """Return what each channel of a recording holds, in one pass over the file."""
    return listen(recording.blocks(), recording.info.sr_hz, recording.info.channels)


def speech_of(recording: Recording, channel: int = 0) -> Segments:
    """Return the speech on one channel, ``[k, 2]``, in seconds from the start of the file."""
    return activity_of(recording)[channel].speech
