"""The textbook's computation and the fast path agree on sounds whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest

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
    seen = []
    rows = by_librosa(
        [np.zeros(SR, np.float32), np.zeros(0, np.float32)], SR, lambda *n: seen.append(n)
    )
    assert seen == [(1, 2), (2, 2)]
    assert [named(r)["duration_s"] for r in rows] == [1.0, 0.0]
    assert np.isfinite(rows).sum() == 2
    assert by_librosa([], SR).shape == (0, len(ACOUSTIC))
