"""What a page plays and draws: a window of a call with ten seconds around it.

A call in two files is put together on the call's clock, so that both speakers are heard as they
spoke. Every expected failure leaves a page without sound that says why; none stops a report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from prosody.audio.recording import Recording
from prosody.errors import RecordingError
from prosody.report.files import Files, Signal
from prosody.results.read import number
from prosody.transcripts.turns import Turn

AROUND_S = 10.0
# Browsers play 16-bit PCM everywhere, and telephone speech has nothing above 8 kHz.
MOST_HZ = 16000
LEAST_PAUSE_S = 0.25
PEAKS_PER_S = 40

Samples = NDArray[np.float32]


@dataclass(slots=True)
class Clip:
    """Sound of a call around a window. Times are seconds of the call.

    Attributes
    ----------
    start_s, end_s : float
        What it covers.
    window : (float, float)
        What it is about.
    sr_hz : int
    samples : float32 [channels, n]
        One or two voices, in the order of ``roles``.
    roles : tuple of str
        ``agent``, ``customer``, or ``unknown`` where both speak on one channel.
    both : bool
        Whether everybody in the call can be heard.
    turns : tuple of Turn
        What the transcript has around it.
    """

    start_s: float
    end_s: float
    window: tuple[float, float]
    sr_hz: int
    samples: Samples
    roles: tuple[str, ...]
    both: bool = True
    turns: tuple[Turn, ...] = ()

    def peaks(self) -> list[list[int]]:
        """Return the loudest sample per 25 ms and channel; 100 is the loudest of the clip."""
        size = max(1, self.sr_hz // PEAKS_PER_S)
        count = -(-self.samples.shape[1] // size)
        padded = np.zeros((len(self.samples), count * size), np.float32)
        padded[:, : self.samples.shape[1]] = np.abs(self.samples)
        highest = padded.reshape(len(padded), count, size).max(axis=2)
        scale = 100 / max(float(highest.max(initial=0.0)), 1e-3)
        return [[int(v) for v in row] for row in np.rint(highest * scale)]


@dataclass(slots=True)
class Extract(Clip):
    """A clip whose first voice was measured.

    Attributes
    ----------
    time_s, pitch_st, loudness : ndarray [m]
        Contours every 10 ms; pitch in semitones re 27.5 Hz, NaN where unvoiced.
    pauses : list of (float, float)
        Silences within the window.
    """

    time_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    pitch_st: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    loudness: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    pauses: list[tuple[float, float]] = field(default_factory=list)


def clip(
    files: Files, window: tuple[float, float], turns: Sequence[Turn] = (), track: int = 0
) -> Clip:
    """Read the sound around a window.

    Parameters
    ----------
    files : Files
    window : (float, float)
        Seconds of the call.
    turns : sequence of Turn
        The transcript of the call.
    track : int
        Which signal comes first, as a row's ``channel`` says it.

    Raises
    ------
    ProsodyError
        If a recording cannot be read.
    """
    start, end = window
    with ExitStack() as stack:
        opened: dict[str, Recording] = {}
        for signal in files.signals:
            if str(signal.path) not in opened:
                opened[str(signal.path)] = stack.enter_context(Recording(signal.path))
        # Results from before files were named list channels that the one file has not.
        there = [s for s in files.first(track) if s.channel < opened[str(s.path)].info.channels]
        here = there[:1] + sorted(there[1:], key=lambda s: s.role != "customer")[:1]
        if not here:
            raise RecordingError("No file of the call has its channel.", "Make the results again.")
        both = files.both and len(there) == len(files.signals)
        length = max(s.offset_s + opened[str(s.path)].info.duration_s for s in here)
        low = max(0.0, start - AROUND_S)
        high = min(max(low + 0.1, length), end + AROUND_S)
        rate = min(MOST_HZ, max(opened[str(s.path)].info.sr_hz for s in here))
        sounds = [_read(opened[str(s.path)], s, low, high, rate) for s in here]
    size = max(map(len, sounds))
    if not size:
        raise RecordingError(
            f"{here[0].path}: nothing at {start:.1f} s, it ends at {length:.1f} s.",
            "Make the results again.",
        )
    samples = np.stack([np.pad(y, (0, size - len(y))) for y in sounds])
    near = tuple(t for t in turns if _near(t, low, high))
    roles = tuple(s.role for s in here)
    return Clip(low, low + size / rate, window, rate, samples, roles, both, near)


def _read(recording: Recording, signal: Signal, low: float, high: float, rate: int) -> Samples:
    """Return a signal from `low` to `high` on the call's clock, silence where it has not begun."""
    own_low, own_high = low - signal.offset_s, high - signal.offset_s
    if own_high <= 0:
        return np.zeros(round((high - low) * rate), np.float32)
    y = recording.read(max(0.0, own_low), own_high, signal.channel)
    if recording.info.sr_hz != rate and len(y):
        import soxr

        y = soxr.resample(np.nan_to_num(y), recording.info.sr_hz, rate).astype(np.float32)
    late = max(0, round(-own_low * rate))
    return np.concatenate([np.zeros(late, np.float32), y]) if late else y


def extract(files: Files, row: dict[str, Any], turns: Sequence[Turn] = ()) -> Extract:
    """Read the sound around one apology and measure its contours.

    Raises
    ------
    ProsodyError
        If the recording cannot be read.
    """
    from prosody.audio import activity
    from prosody.measures import measure

    window = number(row, "start_s"), number(row, "end_s")
    got = clip(files, window, turns, int(row.get("channel") or 0))
    y, sr, low = got.samples[0], got.sr_hz, got.start_s
    found = measure.frames(y, sr)
    with np.errstate(invalid="ignore"):
        pitch = 12 * np.log2(found.f0_hz.astype(np.float64) / 27.5)
    inside = y[max(0, round((window[0] - low) * sr)) : max(0, round((window[1] - low) * sr))]
    spans = activity.speech(inside, sr, min_pause_s=LEAST_PAUSE_S) + window[0]
    gaps = [(float(a), float(b)) for a, b in zip(spans[:-1, 1], spans[1:, 0], strict=True)]
    return Extract(
        got.start_s,
        got.end_s,
        window,
        sr,
        got.samples,
        got.roles,
        got.both,
        got.turns,
        found.time_s + low,
        pitch,
        found.loudness.astype(np.float64),
        [g for g in gaps if g[1] - g[0] >= LEAST_PAUSE_S],
    )


def _near(turn: Turn, low: float, high: float) -> bool:
    return (
        math.isfinite(turn.start_s)
        and turn.start_s < high
        and (not math.isfinite(turn.end_s) or turn.end_s > low)
    )


def write_wav(path: Path, got: Clip) -> None:
    """Write the sound of a clip as a browser plays it."""
    soundfile.write(path, np.clip(got.samples.T, -1, 1), got.sr_hz, "PCM_16", format="WAV")
