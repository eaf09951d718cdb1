"""Make hours of degraded 8 kHz sound with labels every 10 ms.

Half of it is played up to 28 % faster or slower, which moves pitch, formants and tempo together;
frame ``k`` is centred at sample ``80 k``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipes.pitch import degrade
from recipes.pitch.speech import LABEL_HZ, RATE_HZ, Array, Clip
from recipes.pitch.synthesis import nothing, resung, source_filter

SHARES = (0.05, 0.2, 0.1)
"""Shares of no voice, synthesis and resynthesis; the rest is real speech with labels."""
AGREED = 0.06
"""Spread of log F0 over the hearings (one semitone) from which a frame teaches no pitch."""
Part = tuple[Array, Array, Array, Array]  # sound at 16 kHz; confidence, log F0, weight per 4 ms
Generator = np.random.Generator


def _excerpt(rng: Generator, clip: Clip) -> Part:
    labels, size = 6 * LABEL_HZ, RATE_HZ // LABEL_HZ
    lo = rng.integers(0, max(len(clip.confidence) - labels, 1))
    part = slice(lo, lo + labels)
    agreed = (clip.spread[part] < AGREED).astype(float)
    sound = clip.samples[lo * size : (lo + labels) * size]
    return sound, clip.confidence[part], clip.log_f0[part], agreed


def _parts(
    rng: Generator, voices: Sequence[Sequence[Clip]], odds: Array, shares: tuple[float, ...]
) -> list[Part]:
    kind = np.searchsorted(np.cumsum(shares), rng.random(), side="right")
    if kind < 2:
        make = (nothing, source_filter)[kind]
        sound, voiced, line = make(rng, rng.uniform(2, 5))
        return [(sound, voiced, line, np.ones_like(line))]
    clips = voices[rng.choice(len(voices), p=odds)]
    parts, seconds = [], 0.0
    while seconds < 3:
        clip = clips[rng.integers(len(clips))]
        if kind == 3:
            parts.append(_excerpt(rng, clip))
        elif made := resung(rng, clip):
            parts.append((*made, np.ones_like(made[2])))
        else:
            seconds += 1
            continue
        seconds += len(parts[-1][0]) / RATE_HZ
    return parts


def _at_10_ms(rng: Generator, part: Part, speed: float) -> list[Array]:
    import soxr

    sound, confidence, line, weight = part
    x = soxr.resample(sound, RATE_HZ * speed, degrade.RATE_HZ)
    late = int(rng.uniform(0, degrade.HOP))
    frames = (len(x) - late) // degrade.HOP
    if frames < 10:
        return []
    at = (np.arange(frames) * degrade.HOP + late) / degrade.RATE_HZ * speed * LABEL_HZ
    near = np.clip(np.round(at).astype(int), 0, len(line) - 1)
    gap = rng.integers(0, 30)
    return [
        np.pad(x[late : late + frames * degrade.HOP], (0, gap * degrade.HOP)),
        np.pad(np.interp(at, np.arange(len(confidence)), confidence), (0, gap)),
        np.pad(line[near] + np.log(speed), (0, gap)),
        np.pad(weight[near], (0, gap)),
    ]


def _silent_is_unvoiced(x: Array, confidence: Array) -> Array:
    heard = np.concatenate([[0], np.cumsum(np.abs(x) > 0)])
    centre = np.arange(len(confidence)) * degrade.HOP
    around = heard[np.clip(centre + 60, 0, len(x))] - heard[np.clip(centre - 60, 0, len(x))]
    return np.where(around < 10, 0.0, confidence)


def make(
    clips: Sequence[Clip],
    path: Path,
    seed: int,
    hours: float,
    shares: tuple[float, ...] = SHARES,
) -> None:
    """Write one pool of training sound; voices are drawn by the root of how long they speak."""
    rng = np.random.default_rng(seed)
    by_voice: dict[str, list[Clip]] = {}
    for clip in clips:
        by_voice.setdefault(clip.voice, []).append(clip)
    voices = list(by_voice.values())
    odds = np.sqrt([sum(len(c.samples) for c in voice) for voice in voices])
    kept: list[list[Array]] = []
    frames = 0
    while frames < hours * 360000:
        speed = float(np.exp(rng.uniform(-0.25, 0.25))) if rng.random() < 0.5 else 1.0
        parts = [_at_10_ms(rng, p, speed) for p in _parts(rng, voices, odds / odds.sum(), shares)]
        if not any(parts):
            continue
        x, confidence, line, weight = (
            np.concatenate(p) for p in zip(*filter(None, parts), strict=True)
        )
        x = degrade.degrade(rng, x, clips)
        if rng.random() < 0.5:
            x = x + rng.normal(size=len(x)) * 3e-5
        x = np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)
        confidence = _silent_is_unvoiced(x, confidence)
        kept.append(
            [
                np.pad(x, (0, 5 * degrade.HOP)),
                *(np.pad(p, (0, 5)) for p in (confidence, line, weight)),
            ]
        )
        frames += len(confidence)
    names = ("samples", "confidence", "log_f0", "weight")
    kinds = (np.int16, np.float16, np.float32, np.float16)
    columns = zip(names, kinds, zip(*kept, strict=True), strict=True)
    np.savez(path, **{name: np.concatenate(part).astype(kind) for name, kind, part in columns})
