"""Sounds whose F0 is known exactly: a source and filters, and real speech with its F0 replaced.

All at 16 kHz, labels every 4 ms; voiced is where the source pulses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from recipes.pitch.speech import LABEL_HZ, RATE_HZ, Array, Clip

STEP = RATE_HZ // LABEL_HZ
LOW_HZ, HIGH_HZ = 58.0, 560.0
Labelled = tuple[Array, Array, Array]  # sound, voiced (0 or 1), log F0
Generator = np.random.Generator


def melody(rng: Generator, n: int) -> Array:
    """Return a log F0 line of `n` labels: a voice's mean, accents, sometimes a fall."""
    mean = rng.uniform(np.log(62), np.log(520))
    knots = max(int(n / rng.integers(12, 90)), 2) + 1
    line = mean + rng.normal(0, rng.choice([0.0, 0.03, 0.12, 0.25]), knots)
    line = np.interp(np.linspace(0, knots - 1, n), np.arange(knots), line)
    window = np.hanning(rng.integers(9, 41))
    reach = len(window) // 2
    smooth = np.convolve(np.pad(line, reach, "edge"), window / window.sum(), "same")
    line = smooth[reach:][:n]
    if rng.random() < 0.3:
        line = line - np.linspace(0, rng.uniform(0, 0.4), n)
    return np.clip(line, np.log(LOW_HZ), np.log(HIGH_HZ))


def _stretches(rng: Generator, n: int) -> Array:
    voiced = np.zeros(n)
    at = int(rng.uniform(0, 60))
    while at < n:
        length = int(rng.uniform(10, 150))
        voiced[at : at + length] = 1
        at += length + int(rng.exponential(25)) + 2
    return voiced


def _source(rng: Generator, f0: Array) -> tuple[Array, bool]:
    """Glottal pulses, free harmonics or a tone, and whether a vocal tract belongs on top."""
    n = len(f0)
    jitter = rng.choice([0, 0.003, 0.01])
    if jitter:
        every = np.arange(0, n + 80, 80)
        f0 = f0 * np.exp(jitter * np.interp(np.arange(n), every, rng.normal(size=len(every))))
    phase = np.cumsum(f0) / RATE_HZ
    within = phase % 1
    kind = rng.random()
    if kind < 0.60:  # Rosenberg's pulse, differentiated
        closing = rng.uniform(0.35, 0.8)
        peak = closing * rng.uniform(0.55, 0.75)
        rising = 0.5 * (1 - np.cos(np.pi * within / peak))
        falling = np.cos(np.pi / 2 * (within - peak) / (closing - peak))
        flow = np.where(within < peak, rising, np.where(within < closing, falling, 0.0))
        return np.diff(flow, prepend=0) * np.sqrt(RATE_HZ / f0), True
    if kind < 0.84:  # some harmonics, not always through a vocal tract
        sound = np.zeros(n)
        lowest = rng.choice([1, 1, 2, 3, 4])
        slope = rng.uniform(-0.2, 1.5)
        for h in range(lowest, rng.integers(lowest + 1, 40)):
            wave = np.sin(2 * np.pi * h * phase + rng.uniform(0, 2 * np.pi))
            sound += wave * (h * f0 < 7500) * h**-slope
        return sound / (np.abs(sound).max() + 1e-9), bool(rng.random() < 0.5)
    return np.sin(2 * np.pi * phase), False


def _tract(rng: Generator, x: Array) -> Array:
    """Four formants that wander every 40 ms."""
    rest = np.array([500, 1500, 2500, 3500]) * rng.uniform(0.8, 1.25)
    now, states, out = rest.copy(), [np.zeros(2)] * 4, np.zeros(len(x))
    for lo in range(0, len(x), 640):
        aim = rest * np.exp(rng.normal(0, [0.35, 0.3, 0.12, 0.08]))
        now = 0.7 * now + 0.3 * aim
        y = x[lo : lo + 640]
        for k in range(4):
            radius = np.exp(-np.pi * rng.uniform(50, 120) * (1 + k / 2) / RATE_HZ)
            angle = 2 * np.pi * min(now[k], 7500) / RATE_HZ
            a = [1, -2 * radius * np.cos(angle), radius**2]
            y, states[k] = signal.lfilter([sum(a)], a, y, zi=states[k])
        out[lo : lo + 640] = y
    return out


def source_filter(rng: Generator, seconds: float) -> Labelled:
    """Make speech-like sound: voiced stretches that fade in and out, hiss between them."""
    labels = int(seconds * LABEL_HZ)
    n = labels * STEP
    line, voiced = melody(rng, labels), _stretches(rng, labels)
    at = np.arange(n) / STEP

    def fine(x: Array) -> Array:
        return np.interp(at, np.arange(labels), x)

    source, tract = _source(rng, np.exp(fine(line)))
    window = np.hanning(rng.integers(2, 16) + 2)
    knots = max(labels // 40, 2)
    swell = np.interp(np.arange(labels), np.linspace(0, labels, knots), rng.normal(0, 0.6, knots))
    level = np.convolve(voiced, window / window.sum(), "same") * voiced * np.exp(swell)
    y = source / (np.sqrt(np.mean(source**2)) + 1e-9) * fine(level)
    breath = rng.choice([0.0, 0.005, 0.03, 0.1])
    y += rng.normal(size=n) * breath * (fine(level) + 0.02)
    if tract:
        y = _tract(rng, y)
    y /= np.sqrt(np.mean(y**2)) + 1e-9
    hissing = np.repeat(rng.random(labels // 8 + 1) < 0.35, 8)[:labels] * (1 - voiced)
    hissing = np.convolve(hissing * (rng.random(labels) < 0.97), np.ones(6) / 6, "same")
    band = signal.butter(2, [rng.uniform(1500, 3000), 7000], "bandpass", fs=RATE_HZ)
    y += signal.lfilter(*band, rng.normal(size=n)) * fine(hissing) * rng.uniform(0.05, 0.8)
    return (0.7 * y / np.abs(y).max()).astype(np.float32), voiced * (level > 0.01), line


def nothing(rng: Generator, seconds: float) -> Labelled:
    """Make sound without a voice: noise of some colour, or the hum of the mains under it."""
    labels = int(seconds * LABEL_HZ)
    n = labels * STEP
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 20)
    y = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * hz ** -rng.uniform(0, 1.5), n)
    y /= np.std(y) + 1e-9
    if rng.random() < 0.6:
        line = rng.uniform(40, 56) * np.exp(rng.normal(0, 0.003) * np.linspace(-1, 1, n))
        phase = 2 * np.pi * np.cumsum(line) / RATE_HZ
        slope = rng.uniform(0.5, 4)
        hum = sum(h**-slope * np.sin(h * phase + rng.uniform(0, 6)) for h in range(1, 9))
        y += hum * 10 ** rng.uniform(-0.5, 1.5)
    if rng.random() < 0.3:  # handling noise
        y *= np.repeat(np.exp(rng.normal(0, 1, n // 800 + 1)), 800)[:n]
    y *= 0.7 / np.abs(y).max()
    return y.astype(np.float32), np.zeros(labels), np.full(labels, np.log(100.0))


def resung(rng: Generator, clip: Clip) -> Labelled | None:
    """Give a real clip another F0 line (WORLD vocoder); None where it has too little voice."""
    world: Any = __import__("pyworld")
    y = clip.samples.astype(np.float64)
    times = np.arange(0, len(y) / RATE_HZ, 1 / LABEL_HZ)[: len(clip.confidence)]
    voiced: NDArray[np.bool_] = clip.confidence[: len(times)] > 0.5
    if voiced.sum() < 20:
        return None
    line = clip.log_f0[: len(times)].astype(np.float64)
    f0 = np.where(voiced, np.exp(line), 0.0)
    envelope = world.cheaptrick(y, f0, times, RATE_HZ)
    breath = world.d4c(y, f0, times, RATE_HZ)
    mean = line[voiced].mean()
    aim = np.clip(rng.uniform(np.log(70), np.log(420)), mean - 0.9, mean + 0.9)
    line = np.clip((line - mean) * rng.uniform(0.4, 1.8) + aim, np.log(60), np.log(540))
    f0 = np.where(voiced, np.exp(line), 0.0)
    out = world.synthesize(f0, envelope, breath, RATE_HZ, 1000 / LABEL_HZ)
    out *= 0.7 / (np.abs(out).max() + 1e-9)
    return out.astype(np.float32), voiced.astype(np.float64), line
