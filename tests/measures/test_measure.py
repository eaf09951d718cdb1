"""Closed forms of every measure, what silence and damage give, and batch equals single."""

import numpy as np
import pytest

from prosody import features
from prosody.errors import UsageError
from prosody.measures.grid import lay_out
from prosody.measures.measure import frames, measure, measure_grid
from prosody.measures.table import ACOUSTIC, BY_NAME

RATES = (8000, 11025, 16000, 44100, 48000)
AT = {name: i for i, name in enumerate(ACOUSTIC)}
LEVELS = ("level_dbfs", "band_level", "loudness_", "flux")
UNCHANGED_BY_GAIN = (
    *("loudness_cv", "loudness_trend_per_s", "loudness_peaks_per_s", "flux_cv"),
    *(n for n in ACOUSTIC if not n.startswith(LEVELS)),
)


def harmonics(hz, seconds, sr, weights):
    """Return harmonics of a (moving) fundamental with given amplitudes, loudest sample 0.5."""
    hz = np.broadcast_to(hz, round(seconds * sr))
    phase = 2 * np.pi * np.cumsum(hz) / sr
    y = sum(w * np.cos(k * phase + k * k) for k, w in enumerate(weights, start=1))
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def vowel(hz=140.0, seconds=1.0, sr=16000, tilt_db=-6.0):
    """Return a voice-like buzz, `tilt_db` per octave, up to 3.8 kHz."""
    count = int(min(3800, 0.47 * sr) / np.max(hz))
    return harmonics(hz, seconds, sr, [10 ** (tilt_db / 20 * np.log2(k)) for k in range(1, count)])


def value(y, sr, name):
    return measure([y], sr)[0, AT[name]]


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize("hz", [90.0, 140.0, 250.0, 400.0])
def test_pitch_of_a_steady_voice(sr, hz):
    row = measure([vowel(hz, 1.0, sr)], sr)[0]
    expected = 12 * np.log2(hz / 27.5)
    for name in ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_start_st"):
        assert row[AT[name]] == pytest.approx(expected, abs=0.25), name
    assert row[AT["pitch_sd_st"]] < 0.3
    assert row[AT["pitch_range_st"]] < 0.3
    assert row[AT["voiced_share"]] > 0.85


@pytest.mark.parametrize("sr", [8000, 16000])
@pytest.mark.parametrize("slope", [-12.0, 10.0])
def test_a_glide_has_its_slope(sr, slope):
    t = np.arange(2 * sr) / sr
    row = measure([vowel(180 * 2 ** (slope * (t - 1) / 12), 2.0, sr)], sr)[0]
    assert row[AT["pitch_final_slope_st_per_s"]] == pytest.approx(slope, abs=1.5)
    name = "pitch_rise_mean_st_per_s" if slope > 0 else "pitch_fall_mean_st_per_s"
    assert row[AT[name]] == pytest.approx(abs(slope), rel=0.2)
    assert row[AT["pitch_range_st"]] == pytest.approx(abs(slope) * 2 * 0.6, rel=0.15)


@pytest.mark.parametrize("sr", RATES)
def test_level_of_a_sine(sr):
    for amplitude in (1.0, 0.1, 0.001):
        y = amplitude * np.sin(2 * np.pi * 200 * np.arange(sr) / sr)
        expected = 20 * np.log10(amplitude) - 3.0103
        assert value(y.astype(np.float32), sr, "level_dbfs") == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("sr", [8000, 16000])
def test_loudness_follows_the_power_law_of_compression(sr):
    y = vowel(150, 1.0, sr)
    soft, loud = measure([y * np.float32(0.1), y], sr)
    for name in ("loudness_mean", "loudness_p20", "loudness_p50", "loudness_p80"):
        assert loud[AT[name]] / soft[AT[name]] == pytest.approx(10**0.66, rel=0.01), name
    assert loud[AT["flux"]] / soft[AT["flux"]] == pytest.approx(10, rel=1e-3)
    assert loud[AT["level_dbfs"]] - soft[AT["level_dbfs"]] == pytest.approx(20, abs=1e-3)
    bands = loud[AT["band_level_0_500_db"]] - soft[AT["band_level_0_500_db"]]
    assert bands == pytest.approx(20, abs=0.05)


def test_loudness_statistics_of_a_square_modulation():
    sr = 16000
    tone = np.sin(2 * np.pi * 1000 * np.arange(4 * sr) / sr) * 0.1
    loud = np.repeat(np.tile([1.0, 10 ** (-1 / 0.66)], 4), sr // 2)  # loudness 10 : 1
    row = measure([(tone * loud).astype(np.float32)], sr)[0]
    high = row[AT["loudness_p80"]]
    assert row[AT["loudness_p20"]] == pytest.approx(high / 10, rel=0.02)
    assert row[AT["loudness_range"]] == pytest.approx(0.9 * high, rel=0.02)
    assert row[AT["loudness_mean"]] == pytest.approx(0.55 * high, rel=0.05)
    assert row[AT["loudness_cv"]] == pytest.approx(0.45 / 0.55, rel=0.05)


@pytest.mark.parametrize("sr", [8000, 16000])
def test_loudness_trend_of_a_swell(sr):
    t = np.arange(2 * sr) / sr
    swell = (1 + 0.5 * (t - 1)) ** (1 / 0.66)
    y = (0.1 * swell * np.sin(2 * np.pi * 500 * t)).astype(np.float32)
    assert value(y, sr, "loudness_trend_per_s") == pytest.approx(0.5, rel=0.03)
    assert value(y, sr, "loudness_rise_mean_per_s") == pytest.approx(
        0.5 * value(y, sr, "loudness_mean"), rel=0.1
    )


@pytest.mark.parametrize("sr", [8000, 16000])
def test_balance_of_two_tones_in_a_voice(sr):
    weights = np.zeros(24)
    weights[0], weights[9], weights[19] = 1.0, 0.1, 0.01  # 150, 1500, 3000 Hz
    weights[1:5] = 0.3
    row = measure([harmonics(150, 1.0, sr, weights)], sr)[0]
    low = 1.0 + 4 * 0.09
    assert row[AT["alpha_ratio_db"]] == pytest.approx(10 * np.log10(0.0101 / low), abs=0.4)
    assert row[AT["hammarberg_db"]] == pytest.approx(40, abs=1.5)
    assert row[AT["h1_h2_db"]] == pytest.approx(20 * np.log10(1 / 0.3), abs=0.5)
    assert row[AT["h2_h3_db"]] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("sr", [8000, 16000])
def test_slopes_follow_a_tilted_spectrum(sr):
    rng = np.random.default_rng(5)
    hz = np.fft.rfftfreq(4 * sr, 1 / sr)
    for tilt in (-0.02, 0.01):  # dB per Hz
        white = np.fft.rfft(rng.standard_normal(4 * sr))
        y = np.fft.irfft(white * 10 ** (tilt * np.minimum(hz, 1700) / 20))
        row = measure([(0.1 * y / y.std()).astype(np.float32)], sr)[0]
        assert row[AT["slope_500_1500_unvoiced_db_per_hz"]] == pytest.approx(tilt, abs=0.002)
        assert row[AT["slope_0_500_unvoiced_db_per_hz"]] == pytest.approx(tilt, abs=0.006)


def test_mfcc_follow_the_cosine_they_are_named_after():
    sr = 16000
    rng = np.random.default_rng(6)
    hz = np.fft.rfftfreq(4 * sr, 1 / sr)
    mel = np.log1p(hz / 700) / np.log1p(8000 / 700)
    flat = measure([_shaped(rng, np.zeros(len(hz)))], sr)[0]
    for k in (1, 2, 3, 4):
        bent = measure([_shaped(rng, 6 * np.cos(np.pi * k * mel))], sr)[0]
        moved = [bent[AT[f"mfcc{i}"]] - flat[AT[f"mfcc{i}"]] for i in (1, 2, 3, 4)]
        assert int(np.argmax(np.abs(moved))) == k - 1
        assert moved[k - 1] > 0


def _shaped(rng, db):
    n = 2 * (len(db) - 1)
    y = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * 10 ** (db / 20))
    return (0.1 * y / y.std()).astype(np.float32)


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize("rate", [2.0, 4.0, 6.0])
def test_bursts_are_counted(sr, rate):
    seconds = 3.0
    t = np.arange(round(seconds * sr)) / sr
    envelope = np.clip(np.sin(2 * np.pi * rate * t), 0, 1)
    y = vowel(150, seconds, sr)[: len(t)] * envelope
    row = measure([y.astype(np.float32)], sr)[0]
    assert row[AT["loudness_peaks_per_s"]] == pytest.approx(rate, abs=0.4)
    assert row[AT["voiced_segments_per_s"]] == pytest.approx(rate, abs=0.4)
    expected = {"voiced_segment_mean_s": 0.5 / rate, "unvoiced_segment_mean_s": 0.5 / rate}
    for name, length in expected.items():
        assert row[AT[name]] == pytest.approx(length, abs=0.06), name
    pauses = 0.5 if 0.5 / rate > 0.17 else 0.0
    assert row[AT["pause_share"]] == pytest.approx(pauses, abs=0.12)


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize("seconds", [1.0, 0.2])
@pytest.mark.parametrize("offset", [0.0, 0.3, -1.0])
def test_silence_and_an_offset_have_a_length_and_nothing_else(sr, seconds, offset):
    n = round(seconds * sr)
    row = measure([np.full(n, offset, np.float32)], sr)[0]
    known = {ACOUSTIC[i] for i in np.flatnonzero(np.isfinite(row))}
    assert known <= {"duration_s", "pause_share"}
    assert row[AT["duration_s"]] == pytest.approx(seconds, abs=1e-3)
    if seconds == 1.0:
        assert row[AT["pause_share"]] == 1.0


@pytest.mark.parametrize("sr", [8000, 16000])
def test_an_offset_changes_nothing(sr, voice):
    y = voice(2.0, sr)
    plain, moved = measure([y, y + np.float32(0.1)], sr)
    np.testing.assert_allclose(plain, moved, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("sr", RATES)
def test_clipped_short_and_tiny_sounds_give_numbers_or_nan(sr, voice):
    y = voice(2.0, sr)
    hard = np.clip(y * 50, -1, 1)
    cuts = [hard, y[: round(0.2 * sr)], y[: round(0.02 * sr)], y[:3], y[:0], y * np.float32(1e-6)]
    values = measure(cuts, sr)
    assert not np.isinf(values).any()
    assert np.isfinite(values[0]).sum() > 45
    assert np.isfinite(values[1, AT["loudness_mean"]])
    for row in values[3:5]:
        known = {ACOUSTIC[i] for i in np.flatnonzero(np.isfinite(row))}
        assert known <= {"duration_s", "level_dbfs"}


def test_too_short_is_missing_where_the_table_says_so(voice):
    y = voice(3.0, 16000)
    for seconds in (0.01, 0.025, 0.2, 0.29):
        row = measure([y[: round(seconds * 16000)]], 16000)[0]
        for name in ACOUSTIC:
            if BY_NAME[name].min_s > seconds:
                assert np.isnan(row[AT[name]]), (name, seconds)


@pytest.mark.parametrize("gain_db", [-20, 12])
@pytest.mark.parametrize("sr", [8000, 16000])
def test_gain_changes_only_levels(gain_db, sr, voice):
    y = voice(4.0, sr, seed=3)
    plain, moved = measure([y, y * np.float32(10 ** (gain_db / 20))], sr)
    for name in UNCHANGED_BY_GAIN:
        assert moved[AT[name]] == pytest.approx(plain[AT[name]], rel=5e-3, abs=5e-3, nan_ok=True), (
            name
        )


def test_batch_equals_single_in_any_order_and_company(voice):
    rng = np.random.default_rng(4)
    segments = [voice(s, 8000, seed=i) for i, s in enumerate((2.0, 0.5, 1.3, 0.05, 3.0))]
    segments += [np.zeros(4000, np.float32), rng.standard_normal(8000).astype(np.float32)]
    together = measure(segments, 8000)
    order = rng.permutation(len(segments))
    shuffled = measure([segments[i] for i in order], 8000)
    for i, segment in enumerate(segments):
        alone = measure([segment], 8000)[0]
        np.testing.assert_allclose(together[i], alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(shuffled, together[order], rtol=1e-4, atol=1e-5)


def test_blocks_do_not_show(voice, monkeypatch):
    segments = [voice(1.5, 8000, seed=i) for i in range(8)]
    together = measure(segments, 8000)
    monkeypatch.setattr("prosody.measures.measure.BLOCK_S", 2.0)
    np.testing.assert_allclose(measure(segments, 8000), together, rtol=1e-4, atol=1e-5)


def test_features_cut_windows_and_say_how_much_voice_they_hold(voice):
    y = voice(5.0, 16000)
    windows = np.array([[0.5, 2.0], [1.0, 9.0], [4.0, 4.0], [7.0, 8.0]])
    found = features(y, 16000, windows)
    assert found.names == ACOUSTIC
    assert found.values.shape == (4, len(ACOUSTIC))
    np.testing.assert_allclose(found.values[0], measure([y[8000:32000]], 16000)[0], rtol=1e-4)
    np.testing.assert_allclose(found.values[:, AT["duration_s"]], [1.5, 4.0, 0.0, 0.0])
    share = found.values[0, AT["voiced_share"]]
    assert found.voiced_s[0] == pytest.approx(share * 1.49, abs=0.02)
    whole = features(y, 16000)
    assert whole.values[0, AT["duration_s"]] == pytest.approx(5.0)
    assert features(y, 16000, np.empty((0, 2))).values.shape == (0, len(ACOUSTIC))


def test_what_is_no_sound_and_no_window_is_refused():
    with pytest.raises(UsageError, match=r"shape \(2, 100\), expected one channel"):
        features(np.zeros((2, 100)), 8000)
    with pytest.raises(UsageError, match=r"shape \(3,\), expected \[k, 2\]"):
        features(np.zeros(100), 8000, np.zeros(3))


def test_frames_are_every_10_ms(voice):
    found = frames(voice(2.0, 8000), 8000)
    assert len(found.time_s) == len(found.f0_hz) == len(found.voiced) == len(found.loudness) == 199
    np.testing.assert_allclose(np.diff(found.time_s), 0.01)
    assert found.time_s[0] == pytest.approx(0.01)
    np.testing.assert_array_equal(found.voiced, np.isfinite(found.f0_hz))
    assert (found.loudness > 0).all()
    assert len(frames(np.zeros(10, np.float32), 8000).time_s) == 0


def test_measures_are_the_table_and_none_is_infinite(voice):
    values, voiced_s = measure_grid(lay_out([voice(3.0, 16000)], 16000))
    assert values.shape == (1, len(ACOUSTIC))
    assert not np.isinf(values).any()
    missing = {ACOUSTIC[i] for i in np.flatnonzero(np.isnan(values[0]))}
    assert all(name.startswith("pitch_") and "_sd_" in name for name in missing)
    assert voiced_s.shape == (1,)


def test_no_measures_of_no_segments():
    assert measure([], 16000).shape == (0, len(ACOUSTIC))
