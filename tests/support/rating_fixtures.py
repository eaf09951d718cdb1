"""Fixtures for tests of rating (`pytest_plugins`): a folder of sounds, and a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import SAMPLES, synthetic_voice
from prosody.cli import app
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("rate") / "clips"
    out.mkdir()
    for i in range(14):
        y = synthetic_voice(0.6, 8000, 100 + 10 * i, seed=i, level=0.05 * 1.3**i)
        soundfile.write(out / f"agent{i % 3}_{i:02d}.wav", np.clip(y, -1, 1), 8000)
    return out


@pytest.fixture(scope="module")
def analysed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "results"
    how = ["--out", str(out), "--workers", "0", "-q", "--measures-only"]
    done = CliRunner().invoke(app, ["analyze", str(SAMPLES), *how])
    assert done.exit_code == 0, done.output
    return out
