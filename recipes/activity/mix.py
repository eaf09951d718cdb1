"""Sides of calls, 40 s each, with what is known about every 16 ms: speech, music, and how sure.

A side is talk with pauses, with music (waiting, under an announcement, alone), the other voice as a
faint echo, beeps, clicks, breaths and noise, sent down a line. The networks learn from the features
that `prosody.audio.activity` takes of it, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from recipes.activity.clips import LABEL, RATE_HZ, Array, Clip, load
from recipes.pitch import degrade

Generator = np.random.Generator
Mask = NDArray[np.bool_]
SIDE = 40 * RATE_HZ // 128 * 128
"""Samples of a side, a whole number of 16 ms."""
USUAL = 0.05
"""RMS of speech before the line."""
CHORD = (1, 1.25, 1.335, 1.5, 1.682, 2, 3)
SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24)
TONES: tuple[tuple[tuple[int, ...], tuple[float, ...]], ...] = (
    ((425,), (1, 4)), ((440, 480), (2, 4)), ((400, 450), (0.4, 0.2, 0.4, 2)),
    ((425,), (0.5, 0.5)), ((480, 620), (0.5, 0.5)), ((350, 440), (99, 1)),
)  # fmt: skip
"""Ringing, engaged and dialling tones: their frequencies, and seconds on and off in turn."""


def _db(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def _rms(y: Array) -> float:
    return float(np.sqrt(np.mean(np.square(y)) + 1e-12))


@dataclass(frozen=True)
class Pool:
    """What sides are made of."""

    voices: list[list[Clip]]
    odds: Array
    music: list[Clip]

    @classmethod
    def of(cls, path: Path, *, apart: bool) -> Pool:
        """Read a file of clips; voices are drawn by the root of how long they speak."""
        speech, music = load(path, apart=apart)
        voices = list(speech.values())
        odds = np.sqrt([sum(len(c.on) for c in voice) for voice in voices])
        return cls(voices, odds / odds.sum(), music)

    def babble(self) -> list[Clip]:
        """Return all speech at twice its rate, as `degrade.noise` takes it."""
        return _AtTwice([c for voice in self.voices for c in voice])


class _AtTwice(list[Clip]):
    def __getitem__(self, i: int) -> Clip:  # type: ignore[override]
        clip = super().__getitem__(i)
        doubled = np.repeat(clip.samples.astype(np.float32) / 32768, 2)
        return Clip(clip.kind, clip.voice, clip.apart, doubled, clip.on)  # type: ignore[arg-type]


def talk(rng: Generator, pool: Pool, gap_s: float) -> tuple[Array, Mask]:
    """Return one or two voices in turn, and where they speak (every 8 ms)."""
    import soxr

    y, on = np.zeros(SIDE, np.float32), np.zeros(SIDE // LABEL, bool)
    chosen = rng.choice(len(pool.voices), 1 if rng.random() < 0.8 else 2, p=pool.odds)
    gains = _db(1.0) ** rng.uniform(-5, 5, len(chosen))
    speed = float(np.exp(rng.uniform(-0.2, 0.2))) if rng.random() < 0.5 else 1.0
    at = rng.exponential(0.7)
    while at < SIDE / RATE_HZ - 0.3:
        who = rng.integers(len(chosen))
        clips = pool.voices[chosen[who]]
        for _ in range(rng.integers(1, 6 if len(clips) > 20 else 3)):
            clip = clips[rng.integers(len(clips))]
            lo = rng.integers(0, max(1, len(clip.on) - 1200))
            label = clip.on[lo : lo + 1200]
            sound = clip.samples[lo * LABEL :][: len(label) * LABEL].astype(np.float32) / 32768
            if speed != 1.0:
                n = int(len(label) / speed)
                sound = soxr.resample(sound, RATE_HZ * speed, RATE_HZ)[: n * LABEL]
                n = len(sound) // LABEL
                sound = sound[: n * LABEL]
                label = label[np.minimum((np.arange(n) * speed).astype(int), len(label) - 1)]
            first = int(at * RATE_HZ) // LABEL
            n = min(len(label), len(on) - first)
            if n <= 0:
                break
            spoken = np.repeat(label, LABEL)
            level = _rms(sound[spoken]) if spoken.any() else USUAL
            gain = USUAL / level * gains[who] * _db(2 * rng.normal())
            y[first * LABEL :][: n * LABEL] += sound[: n * LABEL] * gain
            on[first : first + n] |= label[:n]
            at += len(sound) / RATE_HZ + rng.choice(
                [0, rng.exponential(0.15), rng.exponential(0.5)]
            )
        at += rng.exponential(gap_s)
    return y, on


def _tone(rng: Generator, n: int) -> tuple[Array, Mask]:
    hz, turns = TONES[rng.integers(len(TONES))]
    on = np.zeros(n, bool)
    at, turn = rng.uniform(0, 1), 0
    while at < n / RATE_HZ:
        seconds = turns[turn % len(turns)]
        if turn % 2 == 0:
            on[int(at * RATE_HZ) : int((at + seconds) * RATE_HZ)] = True
        at, turn = at + seconds, turn + 1
    time = np.arange(n) / RATE_HZ
    off = rng.uniform(0.97, 1.03)
    return sum(np.sin(2 * np.pi * h * off * time + rng.uniform(0, 6)) for h in hz) * on, on


def _melody(rng: Generator, n: int) -> Array:
    """Return a chord that stays, or notes of a scale on a beat."""
    time, y = np.arange(n) / RATE_HZ, np.zeros(n)
    low = rng.uniform(110, 400)
    if rng.random() < 0.3:
        for ratio in rng.choice(CHORD, rng.integers(2, 5), replace=False):
            y += rng.uniform(0.3, 1) * np.sin(2 * np.pi * low * ratio * time + rng.uniform(0, 6))
        return y
    beat, decay, at = rng.uniform(0.12, 0.6), rng.uniform(0.2, 2), 0.0
    while at < n / RATE_HZ:
        first = int(at * RATE_HZ)
        t = time[: min(n - first, int(2 * RATE_HZ * decay))]
        swell = np.exp(-2 * t / decay) * np.minimum(t / 0.01, 1)
        for step in rng.choice(SCALE, rng.integers(1, 4)):
            hz = low * 2 ** (step / 12)
            for h in range(1, rng.integers(2, 7)):
                if hz * h < 3800:
                    part = swell * np.sin(2 * np.pi * hz * h * t) / h ** rng.uniform(0.7, 2)
                    y[first : first + len(t)] += part
        at += beat * rng.choice([1, 1, 1, 2, 0.5])
    return y


@dataclass
class Side:
    """A side in the making; labels every 8 ms."""

    y: Array
    speech: Mask
    music: Array
    sure: Array


def _add_music(rng: Generator, side: Side, pool: Pool, *, alone: bool) -> None:
    n = len(side.y)
    a = 0 if rng.random() < 0.4 else int(rng.integers(0, n // 2))
    b = n if rng.random() < 0.4 else int(rng.integers(a + n // 10, n))
    a, b = a // LABEL * LABEL, b // LABEL * LABEL
    kind, on = rng.random(), np.ones(b - a, bool)
    if kind < 0.78:
        source = pool.music[rng.integers(len(pool.music))].samples
        lo = rng.integers(0, max(1, len(source) - n))
        y = np.resize(source[lo : lo + n].astype(np.float32) / 32768, b - a)
    elif kind < 0.9:
        y = _melody(rng, b - a)
    else:
        y, on = _tone(rng, b - a)
    level_db = rng.choice([rng.uniform(-22, -6), rng.uniform(-10, 8)])
    if alone:
        level_db = rng.uniform(-12, 8)
    y = y / (_rms(y) + 1e-9) * USUAL * _db(level_db)
    if kind < 0.9 and rng.random() < 0.2:  # an announcement: music softer, or none, under speech
        spoken = np.repeat(side.speech, LABEL)[a:b].astype(np.float32)
        near = signal.fftconvolve(spoken, np.ones(1600) / 1600, "same") > 1e-3
        y = y * np.where(near, rng.choice([0, 0.2]), 1)
    side.y[a:b] += y
    heard = np.sqrt(signal.fftconvolve(y**2, np.ones(2048) / 2048, "same").clip(min=0))
    loud = (on & (heard > 0.1 * USUAL * _db(level_db)))[LABEL // 2 :: LABEL]
    part = slice(a // LABEL, a // LABEL + len(loud))
    side.music[part] = loud
    side.sure[part] = np.where(loud, 1.0 if level_db > -16 else 0.3, 0.0)


def _add_events(rng: Generator, side: Side) -> None:
    """Add beeps, clicks and breaths: nobody speaks; of beeps nobody asks whether they are music."""
    for _ in range(rng.integers(1, 8)):
        at, kind = int(rng.integers(0, len(side.y) - RATE_HZ)), rng.random()
        if kind < 0.3:
            t = np.arange(int(rng.uniform(0.05, 0.5) * RATE_HZ)) / RATE_HZ
            hz = rng.uniform(300, 1800, 2)
            y = np.sin(2 * np.pi * hz[0] * t) + (rng.random() < 0.5) * np.sin(2 * np.pi * hz[1] * t)
            side.sure[max(at // LABEL - 10, 0) : (at + len(t)) // LABEL + 10] = 0
        elif kind < 0.7:
            n = int(rng.exponential(0.01) * RATE_HZ) + 8
            y = 3 * rng.normal(size=n) * np.exp(-4 * np.arange(n) / n)
        else:
            n = int(rng.uniform(0.1, 0.6) * RATE_HZ)
            y = rng.normal(size=n) * np.hanning(n)
            y = y / _rms(y) * _db(-rng.uniform(6, 20))
        side.y[at : at + len(y)] += USUAL * y * _db(rng.uniform(-15, 6))


def _down_the_line(rng: Generator, side: Side) -> Array:
    y, n = side.y, len(side.y)
    line = rng.random() < 0.7
    if rng.random() < 0.15:
        length = int(RATE_HZ * rng.uniform(0.05, 0.3))
        decay = np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.03, 0.25)
        echo = rng.normal(size=length) * decay
        echo[0] = 1
        y = signal.fftconvolve(y, echo)[:n]
    if rng.random() < 0.3:
        y = signal.lfilter([1, -rng.uniform(-0.8, 0.8)], [1], y)
    edges, kind = [rng.uniform(200, 400), rng.uniform(3000, 3700)], "bandpass"
    if not line:
        edges, kind = rng.uniform(40, 250), "highpass"
    if line or rng.random() < 0.3:
        order = rng.integers(2, 6)
        y = signal.sosfilt(signal.butter(order, edges, kind, fs=RATE_HZ, output="sos"), y)
    y = y * _db(rng.uniform(-42, -12)) / USUAL
    if rng.random() < 0.3:  # exact silence where nothing is to be heard
        there = np.repeat(side.speech | (side.music > 0), LABEL).astype(np.float32)
        y = y * (
            signal.fftconvolve(there, np.ones(int(RATE_HZ * rng.uniform(0.05, 0.6))), "same") > 0.5
        )
    if rng.random() < 0.08:
        y = np.clip(y, -0.5 * np.abs(y).max(), 0.5 * np.abs(y).max())
    y, way = np.clip(y, -1, 1), rng.random()
    if line and way < 0.6:
        return degrade.mu_law(y)
    if line and way < 0.75:
        return degrade.a_law(y)
    if way < 0.82:
        return degrade.codec(y, "WAV", "GSM610")
    if way < 0.9:
        return degrade.codec(y, "OGG", "OPUS", rng.uniform(0.85, 0.99))
    return np.round(y * 32767) / 32768


def make(rng: Generator, pool: Pool, babble: list[Clip]) -> tuple[Array, Side]:
    """Return one side as it arrives, and what is known about it."""
    n = SIDE // LABEL
    kind = rng.random()
    y, speech = np.zeros(SIDE, np.float32), np.zeros(n, bool)
    if kind < 0.82:
        y, speech = talk(rng, pool, rng.choice([0.5, 2, 6]))
    side = Side(y.astype(np.float64), speech, np.zeros(n), np.ones(n))
    if kind >= 0.9 or rng.random() < 0.22:
        _add_music(rng, side, pool, alone=kind >= 0.82)
    if rng.random() < 0.2:  # somebody else, far away
        side.y += talk(rng, pool, 1.5)[0] * _db(-rng.uniform(26, 45))
    if rng.random() < 0.25:
        _add_events(rng, side)
    if rng.random() > 0.3:
        snr_db = rng.choice([rng.uniform(3, 18), rng.uniform(12, 40), rng.uniform(30, 55)])
        noise = degrade.noise(rng, SIDE, babble)
        if rng.random() < 0.2:
            slow = np.interp(np.arange(SIDE), np.linspace(0, SIDE, 12), rng.normal(size=12))
            noise = noise * (1 + 0.8 * np.clip(slow, -1, 1))
        if rng.random() < 0.15:
            noise[: rng.integers(0, SIDE)] *= rng.choice([0, 0.2])
        side.y += noise * USUAL * _db(-snr_db)
    y = _down_the_line(rng, side)
    if rng.random() < 0.05:
        y = y + rng.uniform(-0.05, 0.05)
    return y.astype(np.float32), side


def write(clips: Path, path: Path, seed: int, sides: int, *, apart: bool) -> None:
    """Write the features of so many sides, with their labels, into one file."""
    from prosody.audio.activity import features

    rng, pool = np.random.default_rng(seed), Pool.of(clips, apart=apart)
    babble = pool.babble()
    rows = []
    for _ in range(sides):
        y, side = make(rng, pool, babble)
        speech = side.speech.reshape(-1, 2).mean(axis=1)
        music = side.music.reshape(-1, 2).mean(axis=1)
        sure = side.sure.reshape(-1, 2).min(axis=1)
        found, near = features(y, RATE_HZ)
        rows.append((found.astype(np.float16), near, speech, music, sure))
    names = ("features", "near", "speech", "music", "sure")
    np.savez(path, **dict(zip(names, map(np.stack, zip(*rows, strict=True)), strict=True)))
