"""One's own take with one thing changed: to hear how it could sound.

What is told of a version is its difference from the *unchanged* resynthesis, added to the take: the
vocoder's own shift is left out. Amounts are ones that listeners take for the same person on another
day: 2 semitones and a third of the range are well within what a voice does by itself from one
reading to the next.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from prosody.coach import contours
from prosody.coach.take import encode
from prosody.resynthesis import changes, vocoder
from prosody.resynthesis.vocoder import Voice
from prosody.settings import Settings

LONGEST_S = 20.0
"""Longer takes are no example for one sentence, and take long to change."""
PAUSE_S = 0.5
LOUDER_DB = 4.0
"""How much louder an end is made; also the room that every version leaves for it."""
HIGHEST_PEAK = 0.98

HOWS: Mapping[str, tuple[str, Callable[[Voice, float], Voice]]] = {
    "slower": ("pace", lambda v, _: changes.pace(v, 1 / 1.15)),
    "calmer": ("pitch", lambda v, _: changes.level(changes.pitch_level(v, -1.5), -3.0)),
    "livelier": ("range", lambda v, _: changes.pitch_range(v, 1.35)),
    "pause": ("pauses", lambda v, at_s: changes.pause(v, at_s, PAUSE_S)),
    "end": ("end", lambda v, _: changes.end_loudness(v, LOUDER_DB)),
}
"""What can be heard: the number that it changes, and how (the voice, and where a pause goes)."""
WITHIN = {"pace": 0.25, "pitch": 5.0, "range": 1.0, "pauses": 0.0, "end": 1.5}
"""So near to a version counts as like it: half of what a listener notices, and for single takes no
less than one person's repeats differ."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a take: its sound, its lines, and the number that was changed.

    ``value`` is that number in the version, ``own`` in the take (units of `numbers.numbers`).
    """

    how: str
    flac: bytes
    lines_json: str
    duration_s: float
    aim: str
    value: float
    own: float

    @property
    def size(self) -> int:
        """Bytes it holds, about."""
        return len(self.flac) + len(self.lines_json)


def render(flac: bytes, pause_at_s: float, how: str) -> Version:
    """Make one version of a take; runs in a process of its own.

    What all versions share is worked out with the first one and held until `forget`.

    Parameters
    ----------
    flac : bytes
        The take, at most `LONGEST_S`.
    pause_at_s : float
        Where a pause goes (NaN: where it is softest in the middle).
    how : str
        One of `HOWS`.
    """
    voice, gain, own, plain = _apart(flac)
    name, change = HOWS[how]
    at_s = pause_at_s if np.isfinite(pause_at_s) else float(voice.time_s[-1]) / 2
    sound = vocoder.synthesise(change(voice, at_s))
    value = own[name] + _counted(sound, voice.sr_hz)[name] - plain[name]
    if name == "pauses":
        value = own[name] + 1.0  # one was put in, wherever it joined a silence that was there
    samples, stored = encode(gain * sound, voice.sr_hz, True)
    lines = contours.draw(samples, voice.sr_hz)
    seconds = len(sound) / voice.sr_hz
    return Version(how, stored, lines.as_json(), seconds, name, value, own[name])


@lru_cache(maxsize=4)
def _apart(flac: bytes) -> tuple[Voice, np.float32, dict[str, float], dict[str, float]]:
    """Return a take's voice, the gain of its versions, and its numbers: own and put together."""
    import soundfile

    from prosody.measures import measure

    y, sr = soundfile.read(io.BytesIO(flac), dtype="float32")
    got = measure.frames(y, sr)
    voice = vocoder.analyse(y, sr, got.f0_hz, got.time_s)
    plain = vocoder.synthesise(voice)
    # One gain for all of them, so that one is not softer than another for want of room.
    top = 10.0 ** (LOUDER_DB / 20.0) * float(np.max(np.abs(plain), initial=0.0))
    gain = np.float32(min(1.0, HIGHEST_PEAK / max(top, 1e-9)))
    return voice, gain, _counted(y, sr), _counted(plain, voice.sr_hz)


def forget() -> None:
    """Let go of the takes that versions were made of."""
    _apart.cache_clear()


def _counted(y: Any, sr: int) -> dict[str, float]:
    """Return the numbers that versions change."""
    from prosody.audio import activity
    from prosody.coach import numbers
    from prosody.measures import measure, table

    row = dict(zip(table.ACOUSTIC, measure.measure([y], sr)[0].tolist(), strict=True))
    speech = activity.speech(y, sr)
    return {
        "pace": row[numbers.PACE],
        "range": row[numbers.RANGE],
        "pitch": float(contours.REFERENCE_HZ * 2.0 ** (row[numbers.PITCH] / 12.0)),
        "pauses": float(len(contours.pauses(speech, Settings().coach.notice_pause_s))),
        "end": contours.end_db(contours.draw(y, sr), speech),
    }


def warm(folder: str) -> None:
    """Make the process ready: what is listened to comes first, so this one stands behind."""
    import psutil

    me = psutil.Process()
    me.nice(psutil.IDLE_PRIORITY_CLASS if psutil.WINDOWS else 19)
    y = (0.1 * np.sin(2 * np.pi * 120 * np.arange(16_000) / 16_000)).astype(np.float32)
    render(encode(y, 16_000, True)[1], float("nan"), "slower")
    forget()
