"""Loudness and cepstra: the curves they are made of."""

import numpy as np
import pytest

from prosody.measures.loudness import BANDS, equal_loudness, loudness_and_cepstra, mel, mel_bands


def test_the_mel_scale_has_1000_at_1000_hz():
    assert mel(1000.0) == pytest.approx(1000, abs=1)
    assert mel(0.0) == 0


@pytest.mark.parametrize(("sr", "n_fft"), [(8000, 256), (11025, 256), (16000, 512)])
def test_bands_are_triangles_that_add_up_to_one_between_the_outer_peaks(sr, n_fft):
    weights, centre_hz = mel_bands(sr, n_fft)
    assert weights.shape == (n_fft // 2 + 1, BANDS)
    hz = np.arange(n_fft // 2 + 1) * sr / n_fft
    between = (hz > centre_hz[0]) & (hz < centre_hz[-1]) & (hz > 1.7 * sr / n_fft)
    np.testing.assert_allclose(weights[between].sum(axis=1), 1, atol=1e-5)
    assert (np.diff(centre_hz) > 0).all()
    assert not weights[:2].any()  # no offset


def test_the_ear_is_most_sensitive_around_3_to_4_khz():
    hz = np.linspace(50, 8000, 2000)
    curve = equal_loudness(hz)
    assert 2500 < hz[curve.argmax()] < 4500
    assert equal_loudness(np.array([100.0])) < curve.max() / 50


def test_digital_silence_has_the_documented_floor():
    loudness, mfcc = loudness_and_cepstra(np.zeros((1, BANDS), np.float32), 16000, 512)
    assert 0.0005 < loudness[0] < 0.002
    np.testing.assert_allclose(mfcc, 0, atol=1e-5)


def test_loudness_of_flat_bands_is_the_compressed_sum():
    _, centre_hz = mel_bands(16000, 512)
    power = 1e-3
    expected = np.sum((3.0317e-4 * equal_loudness(centre_hz) * power) ** 0.33)
    bands = np.full((2, BANDS), power, np.float32)
    loudness, mfcc = loudness_and_cepstra(bands, 16000, 512)
    np.testing.assert_allclose(loudness, expected, rtol=1e-4)
    np.testing.assert_allclose(mfcc, 0, atol=1e-3)  # level is coefficient 0, which is left out
