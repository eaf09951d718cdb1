"""What a page plays and draws: the sound of a call, and the contours of each apology in it.

A call in two files is put together on the call's clock, so that both speakers are heard as they
spoke. Every expected failure leaves a page without sound that says why; none stops a report.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from prosody.audio.recording import Recording
from prosody.errors import RecordingError
from prosody.report.files import Files
from prosody.results.read import number

AROUND_S = 1.5  # drawn before and after an apology
MOST_S = 1800.0  # of a call
# Browsers play 16-bit PCM everywhere, and telephone speech has nothing above 8 kHz.
MOST_HZ = 16000
LEAST_PAUSE_S = 0.25
PEAKS = 800  # across a page; more than the eye tells apart

Samples = NDArray[np.float32]


@dataclass(slots=True)
class Clip:
    """Sound of a call. Times are seconds of the call.

    Attributes
    ----------
    start_s, end_s : float
        What it covers.
    sr_hz : int
    samples : float32 [channels, n]
        One or two voices, in the order of ``roles``.
    roles : tuple of str
        ``agent``, ``customer``, or ``unknown`` where both speak on one channel.
    tracks : tuple of int
        Which of the call's signals each voice is, as a row's ``channel`` counts them.
    both : bool
        Whether everybody in the call can be heard.
    whole : bool
        Whether nothing of the call is left out.
    """

    start_s: float
    end_s: float
    sr_hz: int
    samples: Samples
    roles: tuple[str, ...]
    tracks: tuple[int, ...]
    both: bool = True
    whole: bool = True

    def peaks(self) -> list[list[int]]:
        """Return the loudest sample of each of 800 parts and channel; 100 is the loudest of all."""
        size = max(1, -(-self.samples.shape[1] // PEAKS))
        count = -(-self.samples.shape[1] // size)
        padded = np.zeros((len(self.samples), count * size), np.float32)
        padded[:, : self.samples.shape[1]] = np.abs(self.samples)
        highest = padded.reshape(len(padded), count, size).max(axis=2)
        scale = 100 / max(float(highest.max(initial=0.0)), 1e-3)
        return [[int(v) for v in row] for row in np.rint(highest * scale)]


@dataclass(slots=True)
class Contours:
    """Pitch and loudness of an apology and a little around it. Times are of the call.

    Attributes
    ----------
    start_s, end_s : float
        What is drawn.
    window : (float, float)
        The apology.
    time_s, pitch_st, loudness : ndarray [m]
        Every 10 ms; pitch in semitones re 27.5 Hz, NaN where unvoiced.
    pauses : list of (float, float)
        Silences within the window.
    """

    start_s: float
    end_s: float
    window: tuple[float, float]
    time_s: NDArray[np.float64]
    pitch_st: NDArray[np.float64]
    loudness: NDArray[np.float64]
    pauses: list[tuple[float, float]] = field(default_factory=list)


def clip(files: Files, about_s: float = 0.0) -> Clip:
    """Read the sound of a call.

    Parameters
    ----------
    files : Files
    about_s : float
        Where the page begins to be about something: of a call over half an hour, half an hour
        from a minute before that is read.

    Raises
    ------
    ProsodyError
        If a recording cannot be read.
    """
    with ExitStack() as stack:
        opened: dict[str, Recording] = {}
        for signal in files.signals:
            if str(signal.path) not in opened:
                opened[str(signal.path)] = stack.enter_context(Recording(signal.path))
        # Results from before files were named list channels that the one file has not.
        there = [s for s in files.signals if s.channel < opened[str(s.path)].info.channels]
        here = sorted(there, key=lambda s: s.role == "customer")[:2]
        if not here:
            raise RecordingError("No file of the call has its channel.", "Make the results again.")
        both = files.both and len(there) == len(files.signals)
        length = max(s.offset_s + opened[str(s.path)].info.duration_s for s in here)
        low = 0.0 if length <= MOST_S else max(0.0, min(about_s - 60, length - MOST_S))
        high = min(length, low + MOST_S)
        rate = min(MOST_HZ, max(opened[str(s.path)].info.sr_hz for s in here))
        # Both sides mostly lie in one file: it is decoded once.
        where = {(str(s.path), s.offset_s) for s in here}
        read = {(p, at_s): _read(opened[p], low - at_s, high - at_s, rate) for p, at_s in where}
        sounds = [read[str(s.path), s.offset_s][s.channel] for s in here]
    size = max(map(len, sounds))
    if not size:
        raise RecordingError(f"{here[0].path}: it holds no sound.", "Make the results again.")
    samples = np.stack([np.pad(y, (0, size - len(y))) for y in sounds])
    return Clip(low, low + size / rate, rate, samples, tuple(s.role for s in here),
                tuple(files.number(s) for s in here), both, high - low >= length - 0.1)  # fmt: skip


def _read(recording: Recording, low: float, high: float, rate: int) -> Samples:
    """Return all channels between two times of a file, ``[channels, n]``; silence before it."""
    if high <= 0:
        return np.zeros((recording.info.channels, round((high - low) * rate)), np.float32)
    y = recording.read(max(0.0, low), high, None)
    if recording.info.sr_hz != rate and y.size:
        import soxr

        y = soxr.resample(np.nan_to_num(y).T, recording.info.sr_hz, rate).astype(np.float32).T
    return np.pad(y, ((0, 0), (max(0, round(-low * rate)), 0)))


def contours(got: Clip, row: dict[str, Any]) -> Contours:
    """Measure the contours of one apology in the sound of its call.

    Parameters
    ----------
    got : Clip
    row : dict
        The apology; its window must lie in the clip.
    """
    from prosody.audio import activity
    from prosody.measures import measure

    window = number(row, "start_s"), number(row, "end_s")
    track = int(row.get("channel") or 0)
    y: Samples = got.samples[got.tracks.index(track) if track in got.tracks else 0]
    sr, low = got.sr_hz, max(got.start_s, window[0] - AROUND_S)
    high = min(got.end_s, window[1] + AROUND_S)

    def part(start_s: float, end_s: float) -> NDArray[np.float32]:
        return y[max(0, round((start_s - got.start_s) * sr)) : round((end_s - got.start_s) * sr)]

    found = measure.frames(part(low, high), sr)
    with np.errstate(invalid="ignore"):
        pitch = 12 * np.log2(found.f0_hz.astype(np.float64) / 27.5)
    spans = activity.speech(part(*window), sr, min_pause_s=LEAST_PAUSE_S) + window[0]
    gaps = [(float(a), float(b)) for a, b in zip(spans[:-1, 1], spans[1:, 0], strict=True)]
    return Contours(
        low,
        high,
        window,
        found.time_s + low,
        pitch,
        found.loudness.astype(np.float64),
        [g for g in gaps if g[1] - g[0] >= LEAST_PAUSE_S],
    )


def write_sound(path: Path, got: Clip) -> None:
    """Write the sound of a call as every browser plays it: FLAC, nothing lost, half the room."""
    # Rounded here, in the order of the file: libsndfile takes half as long again over floats.
    whole = np.multiply(got.samples.T, 32768, order="C", dtype=np.float32)
    np.clip(np.rint(whole, out=whole), -32768, 32767, out=whole)
    soundfile.write(
        path, whole.astype(np.int16), got.sr_hz, "PCM_16", format="FLAC",
        compression_level=0.0,  # a quarter faster, and 4 % larger
    )  # fmt: skip
