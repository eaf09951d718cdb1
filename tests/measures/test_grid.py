"""The grid: where segments lie, what an offset and silence become."""

import numpy as np
import pytest

from prosody.errors import UsageError
from prosody.measures.grid import (
    analysis_rate,
    fft_size,
    hop_samples,
    lay_out,
    power_spectra,
    resample,
)


def test_segments_start_on_hops_and_keep_their_samples() -> None:
    rng = np.random.default_rng(1)
    segments = [rng.standard_normal(n).astype(np.float32) for n in (1600, 333, 0, 159, 320)]
    grid = lay_out(segments, 16000)
    assert grid.hop == 160
    np.testing.assert_array_equal(grid.count, [9, 1, 0, 0, 1])
    for first, segment in zip(grid.first, segments, strict=True):
        got = grid.samples[first * 160 : first * 160 + len(segment)]
        np.testing.assert_allclose(
            got, segment - np.mean(segment) if len(segment) else [], atol=1e-6
        )


def test_every_frame_lies_inside_its_segment() -> None:
    grid = lay_out([np.ones(n, np.float32) for n in (1000, 1600, 481)], 16000)
    inside = grid.at - grid.first[grid.segment]
    assert (inside >= 0).all()
    assert ((inside + 2) * grid.hop <= grid.length[grid.segment]).all()


def test_an_offset_is_taken_out_and_digital_silence_stays() -> None:
    tone = np.sin(np.arange(16000) * 0.1).astype(np.float32) + np.float32(0.2)
    tone[8000:12000] = 0.0
    grid = lay_out([tone, np.full(1234, 0.3, np.float32)], 16000)
    start = grid.first[0] * grid.hop
    np.testing.assert_array_equal(grid.samples[start + 8000 : start + 12000], 0.0)
    assert abs(grid.samples[start : start + 8000].mean()) < 2e-3
    second = grid.first[1] * grid.hop
    assert np.abs(grid.samples[second:]).max() < 1e-6


def test_samples_that_are_not_numbers_count_as_silence() -> None:
    grid = lay_out([np.array([np.nan, np.inf, -np.inf] * 400, np.float32)], 16000)
    np.testing.assert_array_equal(grid.samples, 0.0)


@pytest.mark.parametrize(
    ("sr", "rate", "hop"),
    [
        (8000, 8000, 80),
        (11025, 11025, 110),
        (16000, 16000, 160),
        (44100, 16000, 160),
        (48000, 16000, 160),
    ],
)
def test_rates(sr: int, rate: int, hop: int) -> None:
    y, got = resample(np.zeros(sr, np.float32), sr)
    assert (analysis_rate(sr), got, hop_samples(got)) == (rate, rate, hop)
    assert abs(len(y) - rate) <= 1


def test_rates_below_speech_are_refused() -> None:
    with pytest.raises(UsageError, match="3000 Hz, expected at least 4000"):
        analysis_rate(3000)


def test_spectra_of_a_tone_peak_at_its_bin_with_the_window_s_power() -> None:
    sr, hz = 16000, 1000.0
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(sr) / sr)
    grid = lay_out([tone.astype(np.float32)], sr)
    power = np.concatenate([p for _, _, p in power_spectra(grid)])[grid.at]
    assert power.shape == (99, fft_size(320) // 2 + 1)
    assert set(power.argmax(axis=1)) == {32}
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 319)
    np.testing.assert_allclose(power[:, 32], (0.5 * window.sum() / 2) ** 2, rtol=0.01)


def test_resampling_takes_out_an_offset_and_what_is_no_number() -> None:
    y = np.full(44100, 0.4, np.float32)
    y[:10] = [np.nan, np.inf, -np.inf] * 3 + [0.4]
    out, rate = resample(y, 44100)
    assert rate == 16000
    assert np.abs(out).max() < 1e-5


def test_long_and_short_sounds_are_resampled_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(3).standard_normal(50000).astype(np.float32)
    whole, _ = resample(y, 48000)
    monkeypatch.setattr("prosody.measures.grid.RESAMPLE_SAMPLES", 7001)
    np.testing.assert_allclose(resample(y, 48000)[0], whole, atol=1e-6)
