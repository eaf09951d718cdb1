"""The textbook's computation and the fast path agree on sounds whose measures are known."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from prosody.measures import by_librosa as module
from prosody.measures.by_librosa import by_librosa
from prosody.measures.measure import measure
from prosody.measures.table import ACOUSTIC

SR = 16000


def named(row):
    return dict(zip(ACOUSTIC, row, strict=True))


@pytest.fixture(scope="module")
def sounds():
    time = np.arange(SR) / SR
    glide = 2 * np.pi * np.cumsum(np.geomspace(150, 300, SR)) / SR
    tone = np.sum([np.sin(2 * np.pi * 220 * h * time) / h for h in range(1, 9)], axis=0)
    glide = np.sum([np.sin(h * glide) / h for h in range(1, 9)], axis=0)
    beats = np.sin(np.pi * 4 * time) ** 2 * tone
    return {
        k: (0.1 * y).astype(np.float32)
        for k, y in (("tone", tone), ("glide", glide), ("beats", beats))
    }


@pytest.mark.parametrize("kind", ["tone", "glide", "beats"])
def test_both_agree(sounds, kind):
    ours, theirs = (named(f([sounds[kind]], SR)[0]) for f in (measure, by_librosa))
    assert theirs["level_dbfs"] == pytest.approx(ours["level_dbfs"], abs=1e-3)
    assert theirs["loudness_mean"] == pytest.approx(ours["loudness_mean"], rel=0.03)
    assert theirs["loudness_cv"] == pytest.approx(ours["loudness_cv"], abs=0.02)
    assert theirs["pitch_mean_st"] == pytest.approx(ours["pitch_mean_st"], abs=0.3)
    assert theirs["duration_s"] == ours["duration_s"] == 1.0


def test_known_values_come_out(sounds):
    found = named(by_librosa([sounds["tone"]], SR)[0])
    assert found["pitch_p50_st"] == pytest.approx(36.0, abs=0.1)  # 220 Hz is three octaves up
    assert found["voiced_share"] > 0.9
    assert named(by_librosa([sounds["beats"]], SR)[0])["loudness_peaks_per_s"] == pytest.approx(
        4, abs=1
    )
    assert np.isnan(found["alpha_ratio_db"])  # librosa has no equal


def test_rates_silence_and_nothing(sounds):
    import librosa

    high = librosa.resample(sounds["tone"], orig_sr=SR, target_sr=44100)
    assert named(by_librosa([high], 44100)[0])["pitch_p50_st"] == pytest.approx(36.0, abs=0.1)
    rows = by_librosa([np.zeros(SR, np.float32), np.zeros(0, np.float32)], SR)
    assert [named(r)["duration_s"] for r in rows] == [1.0, 0.0]
    assert np.isfinite(rows).sum() == 2
    assert by_librosa([], SR).shape == (0, len(ACOUSTIC))


HOLD = """
import sys
from pathlib import Path
from prosody.measures.by_librosa import one_at_a_time
with one_at_a_time(Path(sys.argv[1])):
    print("in", flush=True)
    input()
"""


def test_two_processes_never_compile_at_once(tmp_path):
    lock, inside = tmp_path / "lock", threading.Event()

    def enter():
        with module.one_at_a_time(lock):
            inside.set()

    command = [sys.executable, "-c", HOLD, lock]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "in\n"
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not inside.wait(0.5)
        other.communicate("go on\n")
        waiting.join(30)
    assert inside.is_set()


def test_where_no_lock_can_be_had_it_goes_on(tmp_path):
    with module.one_at_a_time(tmp_path / "none" / "lock"):
        pass
    with pytest.raises(ZeroDivisionError), module.one_at_a_time(tmp_path / "lock"):
        1 / 0  # noqa: B018


def test_everything_is_compiled_under_the_lock_before_the_first_sound(sounds, monkeypatch):
    steps = []

    @contextmanager
    def lock(path):
        steps.append("locked")
        yield
        steps.append("free")

    monkeypatch.setattr(module, "one_at_a_time", lock)
    monkeypatch.setattr(module, "_measured", lambda y, sr: steps.append(len(y)) or {})
    module.ready.cache_clear()
    by_librosa([sounds["tone"]], SR)
    assert steps == ["locked", 4000, "free", SR]
