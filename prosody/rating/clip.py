"""One sound to rate: its window cut out of its file, ended softly, at its gain."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import RecordingError
from prosody.rating import loudness_norm

Signal = NDArray[np.float32]

MOST_S = 60.0  # a longer "clip" is a call, and nobody rates that
_EDGE_S, _FADE_S = 0.05, 0.01


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound to rate.

    Parameters
    ----------
    name : str
        What it is called in the ratings: as `prosody.results.read.clip_id` has it for the
        apologies of a run, the file for a folder of sounds.
    path : path
    agent, text, pair : str
        Who speaks, what is said, and which comparison it belongs to; '' where it is not known.
        Never sent.
    start_s, end_s : float
        The window in the file; the whole file where `end_s` is infinite.
    channel : int
    pad_s : float
        At most so much is added on either side.
    gain_db : float
        What brings it to the loudness of the others.
    duration_s : float
    """

    name: str
    path: Any
    agent: str = ""
    start_s: float = 0.0
    end_s: float = float("inf")
    channel: int = 0
    pad_s: float = 0.0
    gain_db: float = 0.0
    duration_s: float = float("nan")
    text: str = ""
    pair: str = ""

    def sound(self) -> tuple[Signal, int]:
        """Read the clip as it stands in its file: cut, faded, not yet at its gain.

        Raises
        ------
        RecordingError
            If the file cannot be read, or nothing can be heard in it.
        """
        from prosody.audio.recording import Recording
        from prosody.measures.grid import resample

        with Recording(self.path) as file:
            sr, length = file.info.sr_hz, file.info.duration_s
            low, high = max(0.0, self.start_s - self.pad_s), min(self.end_s + self.pad_s, length)
            if high - low > MOST_S:
                raise RecordingError(
                    f"{self.path}: {high - low:.0f} s, expected a clip of at most {MOST_S:.0f} s.",
                    "Rate the results of 'prosody analyze', which finds the apologies in calls.",
                    code="too_long",
                )
            y = file.read(low, high, min(self.channel, file.info.channels - 1))
        if self.pad_s:
            before = round((self.start_s - low) * sr)
            after = round((high - min(self.end_s, high)) * sr)
            first = _quietest(y[:before][::-1], sr, before)
            last = len(y) - _quietest(y[len(y) - after :], sr, after)
            y = y[first:last]
        y, sr = resample(np.ascontiguousarray(y), sr)
        fade = min(round(_FADE_S * sr), len(y) // 2)
        if fade:
            y = y.copy()
            ramp = (np.arange(fade) + 0.5) / fade
            y[:fade] *= ramp.astype(np.float32)
            y[-fade:] *= ramp[::-1].astype(np.float32)
        return y, sr

    def played(self) -> tuple[Signal, int]:
        """Return the clip at its gain, and its rate."""
        y, sr = self.sound()
        top = 10 ** (loudness_norm.PEAK_DBFS / 20)
        return np.clip(y * np.float32(10 ** (self.gain_db / 20)), -top, top), sr

    def wav(self) -> bytes:
        """Return the clip at its gain as 16-bit WAV, which every browser plays."""
        import soundfile

        out = io.BytesIO()
        soundfile.write(out, *self.played(), "PCM_16", format="WAV")
        return out.getvalue()


def _quietest(outwards: Signal, sr: int, padding: int) -> int:
    """Return how many samples of a padding go, so that it ends where the voice is softest.

    Parameters
    ----------
    outwards : ndarray
        The padding, from the window outwards.
    """
    size = round(_EDGE_S * sr)
    if len(outwards) < 2 * size:
        return 0
    whole = len(outwards) // size * size
    power = np.mean(outwards[:whole].reshape(-1, size).astype(np.float64) ** 2, axis=1)
    # Of equally soft places the farthest: as much of the padding as can be had.
    softest = len(power) - 1 - int(np.argmin(power[::-1]))
    return padding - (softest + 1) * size
