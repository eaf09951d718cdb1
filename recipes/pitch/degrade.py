"""What happens to a voice on its way: rooms, noise, lines, codecs, levels; all at 8 kHz."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from scipy import signal

from recipes.pitch.speech import Array, Clip

RATE_HZ = 8000
HOP = 80
Generator = np.random.Generator


def mu_law(x: Array) -> Array:
    """Through G.711 mu-law."""
    steps = np.round(127 * np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)) / 127
    return np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255


def a_law(x: Array) -> Array:
    """Through G.711 A-law."""
    a, top = 87.6, 1 + np.log(87.6)
    size = np.abs(x)
    size = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1e-9))) / top
    steps = (np.floor(127.999 * size) + 0.5) / 128
    out = np.where(steps < 1 / top, steps * top / a, np.exp(steps * top - 1) / a)
    return np.sign(x) * out


def codec(x: Array, kind: str, subtype: str, compression: float | None = None) -> Array:
    """Through a codec of libsndfile, its delay taken out."""
    import soundfile
    import soxr

    file = io.BytesIO()
    more = {} if compression is None else {"compression_level": compression}
    soundfile.write(file, np.clip(x, -1, 1), RATE_HZ, format=kind, subtype=subtype, **more)
    file.seek(0)
    y, sr = soundfile.read(file, dtype="float32")
    if sr != RATE_HZ:
        y = soxr.resample(y, sr, RATE_HZ)
    n, reach = min(len(x), len(y)), 400
    match = np.abs(signal.fftconvolve(y[:n], x[:n][::-1], "full"))
    near = match[max(n - 1 - reach, 0) : n + reach]
    out = np.zeros_like(x)
    out[:n] = np.roll(y, min(reach, n - 1) - int(np.argmax(near)))[:n]
    return out


def noise(rng: Generator, n: int, clips: Sequence[Clip]) -> Array:
    """White, coloured, babble or mains hum, variance 1."""
    import soxr

    kind = rng.random()
    if kind < 0.35:
        y = rng.normal(size=n)
    elif kind < 0.75:
        hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 20)
        y = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * hz ** -rng.uniform(0.3, 1.2), n)
    elif kind < 0.9:
        y = np.zeros(n)
        for _ in range(rng.integers(5, 12)):
            other = clips[rng.integers(len(clips))].samples
            other = np.resize(soxr.resample(other, 16000, RATE_HZ), n)
            y += other / (np.std(other) + 1e-9)
    else:
        t = np.arange(n) / RATE_HZ
        hz = rng.choice([50, 60])
        y = rng.normal(size=n) * 0.3
        for h in range(1, 6):
            y += 0.5 * np.sin(2 * np.pi * hz * h * t + rng.uniform(0, 6)) * h**-1.5
    return y / (np.std(y) + 1e-9)


def _filter(rng: Generator, x: Array, kind: str, edges: object, orders: tuple[int, int]) -> Array:
    return signal.sosfilt(
        signal.butter(rng.integers(*orders), edges, kind, fs=RATE_HZ, output="sos"), x
    )


def degrade(rng: Generator, x: Array, clips: Sequence[Clip]) -> Array:
    """Send 8 kHz sound down one random way; silent gaps come last, and its length stays."""
    n = len(x)
    if rng.random() < 0.12:  # a room
        length = int(RATE_HZ * rng.uniform(0.05, 0.3))
        decay = np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.05, 0.4)
        echo = rng.normal(size=length) * decay
        echo[0] = 1
        x = signal.fftconvolve(x, echo)[:n]
    if rng.random() < 0.3:  # a tilt
        pole = rng.uniform(-0.9, 0.9)
        top = [1, -pole] if rng.random() < 0.5 else [1]
        bottom = [1] if rng.random() < 0.5 else [1, -0.9 * pole]
        x = signal.lfilter(top, bottom, x)
    if rng.random() < 0.1:
        x = _filter(rng, x, "low", rng.uniform(900, 3500), (1, 5))
    rms = np.sqrt(np.mean(x**2)) + 1e-9
    if rng.random() < 0.45:
        snr_db = rng.choice([rng.uniform(5, 20), rng.uniform(15, 45), rng.uniform(15, 45)])
        x = x + noise(rng, n, clips) * rms * 10 ** (-snr_db / 20)
    line = rng.random() < 0.55
    if line:
        x = _filter(rng, x, "band", [rng.uniform(200, 400), rng.uniform(3000, 3700)], (2, 7))
    elif rng.random() < 0.3:
        x = _filter(rng, x, "high", rng.uniform(40, 250), (1, 5))
    peak = 10 ** (rng.choice([rng.uniform(-40, -1), rng.uniform(-20, -1)]) / 20)
    x = x / (np.abs(x).max() + 1e-9) * peak
    if rng.random() < 0.06:
        x = np.clip(x * 10 ** (rng.uniform(3, 12) / 20), -peak, peak)
    if rng.random() < 0.05:
        x = x + rng.uniform(-0.1, 0.1)
    way = rng.random()
    if line or way >= 0.6:
        if way < 0.7:
            x = mu_law(np.clip(x, -1, 1))
        elif way < 0.8:
            x = a_law(np.clip(x, -1, 1))
        elif way < 0.88:
            x = codec(x, "WAV", "GSM610")
        elif way < 0.95:
            x = codec(x, "OGG", "OPUS", rng.uniform(0.85, 0.99))
    if rng.random() < 0.15:  # a lost packet or two
        lo = rng.integers(0, max(n - 800, 1))
        x = x.copy()
        x[lo : lo + rng.integers(80, 800)] = 0
    return x
