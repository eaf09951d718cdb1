"""Shared fixtures: a synthetic voice, real data where it is there, and a strict environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

# The same examples in every run, so that nobody's change fails on another's luck;
# `pytest --hypothesis-profile=default` goes looking for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "samples"


@pytest.fixture(autouse=True)
def _strict(monkeypatch, tmp_path_factory):
    """Faults are raised instead of becoming rows, and no key is left in the user's home."""
    monkeypatch.setenv("PROSODY_STRICT", "1")
    monkeypatch.setenv("PROSODY_KEY_FILE", str(tmp_path_factory.getbasetemp() / "agents.key"))


@pytest.fixture
def data():
    """Folder with real speech that is never committed."""
    if not DATA.is_dir():
        pytest.skip("the real speech in ../shared/data is not here")
    return DATA


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


@pytest.fixture
def voice():
    return synthetic_voice


@pytest.fixture
def write_wav(tmp_path):
    def write(name, y, sr=8000, **how):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, y, sr, **how)
        return path

    return write
