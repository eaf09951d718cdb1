"""What two channels share: the same sound, leakage at a known level, or nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from prosody.audio.crosstalk import BLEED_DB, SAME_DB, compare

SR = 8000


def talk(seed: int, seconds: float = 40.0) -> np.ndarray:
    """Return bursts of coloured noise with pauses: as good as speech for this."""
    rng = np.random.default_rng(seed)
    n = round(seconds * SR)
    spectrum = np.fft.rfft(rng.normal(size=n)) / np.sqrt(1 + np.arange(n // 2 + 1) / 2000)
    values = np.fft.irfft(spectrum, n)
    on = np.repeat(rng.random(math.ceil(seconds / 2)) < 0.5, 2 * SR)[:n]
    return (0.1 * values / values.std() * on).astype(np.float32)


def floor(seed: int, level_db: float, n: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    return (10 ** (level_db / 20) * noise).astype(np.float32)


def run(left: np.ndarray, right: np.ndarray, step: int = 12345):
    both = np.stack([left, right])
    return compare((both[:, i : i + step] for i in range(0, both.shape[1], step)), SR)


def test_two_voices_on_two_channels_share_nothing():
    a, b = talk(1), talk(2)
    found = run(a + floor(3, -60, len(a)), b + floor(4, -60, len(b)))
    assert not found.same
    assert all(level < -45 for level in found.bleed_db)
    assert found.silent == (False, False)


@pytest.mark.parametrize("share", [1.0, 0.05])
def test_an_offset_that_both_channels_have_is_no_leakage(share):
    # Eight bits: steps of 1/128, and the middle a step too low.
    one, other = (np.floor(share * talk(seed) * 128) / 128 - 1 / 128 for seed in (1, 2))
    found = run(one.astype(np.float32), other.astype(np.float32))
    assert not found.same
    assert found.difference_db > -1
    assert all(not level > BLEED_DB for level in found.bleed_db)


@pytest.mark.parametrize("level_db", [-6.5, -12, -20, -30])
@pytest.mark.parametrize("delay", [0, 3, 400])
def test_leakage_is_found_at_its_level(level_db, delay):
    a, b = talk(1), talk(2)
    leak = np.roll(b, delay) * 10 ** (level_db / 20)
    found = run(a + leak + floor(3, -60, len(a)), b + floor(4, -60, len(b)))
    assert found.bleed_db[1] == pytest.approx(level_db, abs=1.5)
    assert found.bleed_db[0] < -45
    assert not found.same


def test_leakage_through_a_filter_has_the_power_that_comes_through():
    a, b = talk(1), talk(2)
    leak = np.convolve(b, [0.05, 0.04, -0.02])[: len(b)].astype(np.float32)
    found = run(a + leak, b)
    expected = 10 * math.log10(float(np.mean(leak**2) / np.mean(b**2)))
    assert found.bleed_db[1] == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("gain", [1.0, 0.3, -0.5])
@pytest.mark.parametrize("delay", [0, 2])
def test_the_same_sound_on_both_channels(gain, delay):
    mix = talk(1) + talk(2)
    found = run(mix, gain * np.roll(mix, delay) + floor(3, -70, len(mix)))
    assert found.same
    assert found.difference_db < SAME_DB


def test_a_silent_channel():
    a = talk(1)
    found = run(a, np.zeros_like(a))
    assert found.silent == (False, True)
    assert not found.same
    assert math.isnan(found.difference_db)


def test_cutting_the_stream_elsewhere_changes_nothing():
    a, b = talk(1, 20), talk(2, 20)
    one, other = run(a + 0.1 * b, b, 1000), run(a + 0.1 * b, b, 10**6)
    assert one.bleed_db == pytest.approx(other.bleed_db, abs=1e-6)


@pytest.mark.parametrize("n", [0, 10, 3000])
def test_too_little_to_tell(n):
    found = run(talk(1)[:n], talk(2)[:n])
    assert not found.same
    assert all(math.isnan(level) for level in found.bleed_db)
