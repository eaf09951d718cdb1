"""One's own take with one thing changed, to hear how it could sound.

What is told of a version is its difference from the *unchanged* resynthesis, added to the take: the
vocoder's own shift is left out. Amounts are ones that listeners take for the same person on another
day: 2 semitones and a third of the range are well within what a voice does by itself from one
reading to the next.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
HIGHEST_PEAK = 0.98

HOWS: Mapping[str, tuple[str, Callable[[Voice, float], Voice]]] = {
    "slower": ("pace", lambda v, _: changes.pace(v, 1 / 1.15)),
    "calmer": ("pitch", lambda v, _: changes.level(changes.pitch_level(v, -1.5), -3.0)),
    "livelier": ("range", lambda v, _: changes.pitch_range(v, 1.35)),
    "pause": ("pauses", lambda v, at_s: changes.pause(v, at_s, PAUSE_S)),
    "end": ("end", lambda v, _: changes.end_loudness(v, 4.0)),
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


def render(flac: bytes, pause_at_s: float) -> list[Version]:
    """Make every version of a take; runs in a process of its own.

    Parameters
    ----------
    flac : bytes
        The take, at most `LONGEST_S`.
    pause_at_s : float
        Where a pause goes (NaN: where it is softest in the middle).
    """
    import soundfile

    from prosody.measures import measure

    y, sr = soundfile.read(io.BytesIO(flac), dtype="float32")
    got = measure.frames(y, sr)
    voice = vocoder.analyse(y, sr, got.f0_hz, got.time_s)
    plain = _counted(vocoder.synthesise(voice), voice.sr_hz)
    own = _counted(y, sr)
    at_s = pause_at_s if np.isfinite(pause_at_s) else len(y) / sr / 2
    sounds = {how: vocoder.synthesise(change(voice, at_s)) for how, (_, change) in HOWS.items()}
    # One gain for all of them, so that one is not softer than another for want of room.
    top = max(float(np.max(np.abs(s), initial=0.0)) for s in sounds.values())
    gain = np.float32(min(1.0, HIGHEST_PEAK / max(top, 1e-9)))
    out = []
    for how, (name, _) in HOWS.items():
        sound = sounds[how]
        counted = _counted(sound, voice.sr_hz)
        samples, stored = encode(gain * sound, voice.sr_hz, True)
        value = own[name] + counted[name] - plain[name]
        if name == "pauses":
            value = own[name] + 1.0  # one was put in, wherever it joined a silence that was there
        lines = contours.draw(samples, voice.sr_hz)
        out.append(
            Version(how, stored, lines.as_json(), len(sound) / voice.sr_hz, name, value, own[name])
        )
    return out


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
    me.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else 10)
    y = (0.1 * np.sin(2 * np.pi * 120 * np.arange(16_000) / 16_000)).astype(np.float32)
    render(encode(y, 16_000, True)[1], float("nan"))
