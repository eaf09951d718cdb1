"""Shared fixtures: a synthetic voice, real data where it is there, and a strict environment."""

from __future__ import annotations

import os

import pytest
import soundfile
from hypothesis import settings
from places import DATA, ROOT, SAMPLES, synthetic_voice

os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".cache" / "numba"))

# The same examples in every run, so that nobody's change fails on another's luck;
# `pytest --hypothesis-profile=default` goes looking for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


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


@pytest.fixture(scope="session")
def analysed(tmp_path_factory):
    """The results of the samples, once for all processes: to be read or copied, never changed."""
    from command import prosody

    from prosody.measures.by_librosa import one_at_a_time

    def content():
        return {p.relative_to(out): hash(p.read_bytes()) for p in out.rglob("*") if p.is_file()}

    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = place / "samples" / "results"
    with one_at_a_time(place / "samples.lock"):
        if not (out / "run.json").exists():  # which is written last
            done = prosody("analyze", SAMPLES, "--out", out, "-q")
            assert done.returncode == 0, done.stderr
    made = content()
    yield out
    assert content() == made


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
