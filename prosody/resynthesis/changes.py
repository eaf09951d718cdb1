"""One thing about a voice changed, everything else left: pure functions on a `Voice`.

Amounts that sound natural are the caller's business; those of the page and of the benchmark stand
in `prosody.coach.model_voice` and ``benchmarks/twins.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from prosody.resynthesis.vocoder import FRAME_S, Floats, Voice, pitch_between

NEAR_S = 0.25
"""A pause is put where the voice is softest within this of the place asked for."""
TILT_FROM_HZ = 500.0
FADE_S = 0.3


def pitch_level(voice: Voice, semitones: float) -> Voice:
    """Return the voice higher or lower, its vowels unchanged."""
    return replace(voice, f0_hz=voice.f0_hz * 2.0 ** (semitones / 12.0))


def pitch_range(voice: Voice, factor: float) -> Voice:
    """Return the voice livelier or flatter: distances from its middle pitch times `factor`."""
    known = np.isfinite(voice.f0_hz)
    if not known.any():
        return voice
    octaves = np.log2(voice.f0_hz)
    middle = float(np.median(octaves[known]))
    return replace(voice, f0_hz=np.exp2(middle + factor * (octaves - middle)))


def pace(voice: Voice, factor: float) -> Voice:
    """Return the voice faster (`factor` above 1) or slower, pauses included."""
    count = max(2, round(len(voice.f0_hz) / factor))
    at = np.linspace(0.0, len(voice.f0_hz) - 1.0, count)
    return _frames(voice, at)


def level(voice: Voice, decibels: float) -> Voice:
    """Return the voice louder or softer as a whole."""
    return replace(voice, power=voice.power * 10.0 ** (decibels / 10.0))


def end_loudness(voice: Voice, decibels: float) -> Voice:
    """Return the voice with a louder or softer end: its last 0.8 s of speech, faded in."""
    last = _speech(voice)[1] * FRAME_S
    rise = np.clip((voice.time_s - (last - 0.8 - FADE_S)) / FADE_S, 0.0, 1.0)
    return replace(voice, power=voice.power * 10.0 ** (decibels * rise[:, None] / 10.0))


def tilt(voice: Voice, db_per_octave: float) -> Voice:
    """Return the voice brighter or darker above 500 Hz; the level of each frame stays."""
    bins = np.linspace(0.0, voice.sr_hz / 2.0, voice.power.shape[1])
    octaves = np.log2(np.maximum(bins, TILT_FROM_HZ) / TILT_FROM_HZ)
    tilted = voice.power * 10.0 ** (db_per_octave * octaves / 10.0)
    kept = voice.power.sum(axis=1) / np.maximum(tilted.sum(axis=1), 1e-30)
    return replace(voice, power=tilted * kept[:, None])


def pause(voice: Voice, at_s: float, seconds: float) -> Voice:
    """Return the voice with a silence put in where it is softest near a time.

    The silence is the room of the recording: the softest frames near it.
    """
    around = np.abs(voice.time_s - at_s) <= NEAR_S
    where = np.flatnonzero(around) if around.any() else np.arange(len(voice.f0_hz))
    cut = int(where[np.argmin(voice.level_db[where])])
    count = round(seconds / FRAME_S)
    room = int(np.argmin(voice.level_db))

    def put(values: Floats, filling: Floats) -> Floats:
        return np.concatenate([values[:cut], filling, values[cut:]])

    return replace(
        voice,
        f0_hz=put(voice.f0_hz, np.full(count, np.nan)),
        power=put(voice.power, np.repeat(voice.power[room : room + 1], count, axis=0)),
        noise_share=put(voice.noise_share, np.ones((count, voice.noise_share.shape[1]))),
    )


def _speech(voice: Voice) -> tuple[int, int]:
    """Return the first and the last frame within 30 dB of the loudest."""
    loud = np.flatnonzero(voice.level_db > voice.level_db.max(initial=-200.0) - 30.0)
    return (int(loud[0]), int(loud[-1])) if len(loud) else (0, len(voice.f0_hz) - 1)


def _frames(voice: Voice, at: Floats) -> Voice:
    """Return the voice at other times; the envelope moves in decibels, as an ear follows it."""
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(voice.f0_hz) - 1)
    part = (at - low)[:, None]
    power = np.log(np.maximum(voice.power, 1e-30))
    return replace(
        voice,
        f0_hz=pitch_between(voice.f0_hz, at),
        power=np.exp(power[low] * (1 - part) + power[high] * part),
        noise_share=voice.noise_share[low] * (1 - part) + voice.noise_share[high] * part,
    )


ONE_THING: Mapping[str, Callable[[Voice], Voice]] = {
    "pitch -2 st": lambda v: pitch_level(v, -2.0),
    "pitch +2 st": lambda v: pitch_level(v, 2.0),
    "range x0.7": lambda v: pitch_range(v, 0.7),
    "range x1.3": lambda v: pitch_range(v, 1.3),
    "pace -15 %": lambda v: pace(v, 0.85),
    "pace +15 %": lambda v: pace(v, 1.15),
    "end -4 dB": lambda v: end_loudness(v, -4.0),
    "end +4 dB": lambda v: end_loudness(v, 4.0),
    "pause 0.4 s": lambda v: pause(v, float(v.time_s[-1]) / 2, 0.4),
    "tilt -2 dB/octave": lambda v: tilt(v, -2.0),
    "tilt +2 dB/octave": lambda v: tilt(v, 2.0),
}
"""What twins differ in, one thing at a time (``prosody sample --twins``, ``benchmarks twins``)."""
