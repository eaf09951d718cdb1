"""Fixtures for tests of rating (`pytest_plugins`): a folder of sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import synthetic_voice


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("rate") / "clips"
    out.mkdir()
    for i in range(14):
        y = synthetic_voice(0.6, 8000, 100 + 10 * i, seed=i, level=0.05 * 1.3**i)
        soundfile.write(out / f"agent{i % 3}_{i:02d}.wav", np.clip(y, -1, 1), 8000)
    return out
