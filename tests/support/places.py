"""Where things lie, and a made voice: what tests of every room begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "samples"


def synthetic_voice(seconds, sr=8000, f0_hz=120.0, seed=0, level=0.2):
    """Return harmonics of a wandering pitch in syllables of a quarter second, with line noise."""
    rng = np.random.default_rng(seed)
    n = round(seconds * sr)
    t = np.arange(n) / sr
    f0 = f0_hz * 2 ** (0.15 * np.sin(2 * np.pi * 0.4 * t + seed))
    phase = 2 * np.pi * np.cumsum(f0) / sr
    y = sum(np.cos(k * phase) / k for k in range(1, 20) if k * f0_hz * 1.2 < sr / 2)
    syllables = np.clip(np.sin(2 * np.pi * 2.0 * t) + 0.6, 0, 1)
    pauses = (np.sin(2 * np.pi * 0.2 * t + 0.5) > -0.7).astype(float)
    y = y * syllables * pauses
    y = level * y / np.max(np.abs(y)) + 1e-3 * rng.standard_normal(n)
    return y.astype(np.float32)


def nearly(value):
    """Return rows whose numbers equal those near them: the number of threads moves last digits."""
    import pytest

    if isinstance(value, dict):
        return {k: nearly(v) for k, v in value.items()}
    if isinstance(value, list):
        return [nearly(v) for v in value]
    return pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
