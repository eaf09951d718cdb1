"""Every gate closes on sound made for it, and stays open on telephone speech."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

from prosody.audio.activity import listen
from prosody.examine import gates
from prosody.examine.gates import (
    GATES,
    check,
    clipped_share,
    digital_silence_share,
    frame_power,
    noise_db,
)
from prosody.settings import Gates

SR = 8000
FINE = {"speech_s": 1.0, "voiced_s": 1.0, "noise_db": -60.0}


@pytest.fixture
def good(voice):
    return voice(3.0, SR)[SR : 2 * SR]


def test_good_sound_passes(good):
    found = check(good, SR, **FINE)
    assert found.gates == ()
    assert found.remarks == ()
    assert found.duration_s == 1.0


def test_too_short(good):
    assert check(good[: round(0.39 * SR)], SR, **FINE).gates == ("too_short",)
    assert check(good[: round(0.41 * SR)], SR, **FINE).gates == ()


def test_too_little_voice(good):
    assert check(good, SR, **FINE | {"voiced_s": 0.24}).gates == ("too_little_voice",)
    assert check(good, SR, **FINE | {"speech_s": 0.0}).gates == ("too_little_voice",)
    assert check(good, SR, **FINE | {"voiced_s": 0.26}).gates == ()
    assert check(good, SR, noise_db=-60.0).gates == ()  # not measured gates nothing


def test_clipped(good):
    loud = np.clip(good * 12, -0.2, 0.2)
    found = check(loud, SR, **FINE)
    assert found.gates == ("clipped",)
    assert found.clipped_share > 0.05


def test_clipped_share_of_a_signal_of_known_shape():
    t = np.arange(SR) / SR
    sine = np.sin(2 * np.pi * 100 * t + 0.1).astype(np.float32)
    for limit in (0.5, 0.8):
        expected = 1 - 2 * math.asin(limit) / math.pi
        assert clipped_share(np.clip(sine, -limit, limit)) == pytest.approx(expected, abs=0.02)
        assert clipped_share(0.01 * np.clip(sine, -limit, limit)) == pytest.approx(
            expected, abs=0.02
        )
    one_side = np.maximum(sine, -0.5)
    assert clipped_share(one_side) > 0.3
    noise = np.random.default_rng(0).normal(size=SR).astype(np.float32)
    assert clipped_share(noise) < 1e-3
    assert clipped_share(np.zeros(SR, np.float32)) == 0.0
    assert clipped_share(noise[:1]) == 0.0


@pytest.mark.parametrize("snr_db", [-5, 0, 5, 12, 20, 30])
def test_too_noisy(voice, snr_db):
    """The estimate is right where there is speech, and closes the gate where it is below."""
    y = voice(30.0, SR)
    on = frame_power(y, SR) > 1e-4
    speech_power = frame_power(y, SR)[on].mean()
    rng = np.random.default_rng(3)
    sigma = math.sqrt(speech_power / 10 ** (snr_db / 10))
    y = (y + sigma * rng.normal(size=len(y))).astype(np.float32)
    level = (10 * np.log10(frame_power(y, SR))).astype(np.float32)
    edges = np.flatnonzero(np.diff(on.astype(int), prepend=0, append=0)).reshape(-1, 2) * 0.02
    spans = edges[edges[:, 1] - edges[:, 0] > 0.1]
    start = float(spans[5, 0])
    noise = noise_db(level, 0.02, spans, start, start + 1.0)
    assert noise == pytest.approx(10 * math.log10(sigma**2 + 1e-6), abs=1.0)
    window = y[round(start * SR) : round((start + 1.0) * SR)]
    found = check(window, SR, speech_s=1.0, voiced_s=1.0, noise_db=noise)
    if snr_db >= 0:
        assert found.snr_db == pytest.approx(snr_db, abs=4.0)
    assert ("too_noisy" in found.gates) == (snr_db < 8)


def test_noise_that_cannot_be_told_gates_nothing(good):
    level = np.full(1000, -20.0, np.float32)
    everywhere = np.array([[0.0, 20.0]])
    assert math.isnan(noise_db(level, 0.02, everywhere, 5.0, 6.0))
    silence = np.full(1000, -120.0, np.float32)
    nowhere = np.zeros((0, 2))
    assert math.isnan(noise_db(silence, 0.02, nowhere, 5.0, 6.0))
    assert math.isnan(noise_db(silence[:0], 0.02, nowhere, 5.0, 6.0))
    assert check(good, SR, speech_s=1.0, voiced_s=1.0).gates == ()
    assert math.isnan(check(good, SR).snr_db)


def test_noise_is_that_of_the_surrounding():
    level = np.concatenate([np.full(3000, -60.0), np.full(3000, -30.0)]).astype(np.float32)
    speech = np.array([[10.0, 12.0], [100.0, 102.0]])
    assert noise_db(level, 0.02, speech, 10.0, 12.0) == pytest.approx(-60)
    assert noise_db(level, 0.02, speech, 100.0, 102.0) == pytest.approx(-30)


def test_digital_silence(good):
    y = good.copy()
    y[: round(0.55 * SR)] = 0.0
    found = check(y, SR, **FINE)
    assert found.gates == ("digital_silence",)
    assert found.digital_silence_share == pytest.approx(0.55, abs=0.01)
    y[: round(0.55 * SR)] = 8 / 32768  # A-law has no zero
    assert check(y, SR, **FINE).gates == ("digital_silence",)


def test_silence_at_full_scale_is_not_called_overdriven(good):
    held = good.copy()
    held[1000:1400] = -1.0
    assert "full_scale" in check(held, SR).remarks
    loud = np.clip(8 * good, -1, 1)
    assert "clipped" in check(loud, SR).gates
    assert "full_scale" not in check(loud, SR).remarks


def test_single_zeros_are_no_silence():
    rng = np.random.default_rng(0)
    soft = np.round(rng.normal(size=SR) * 0.8).astype(np.float32) / 32768  # many zeros, few in runs
    assert digital_silence_share(soft, SR) < 0.1
    assert digital_silence_share(np.zeros(SR, np.float32), SR) == 1.0
    assert digital_silence_share(np.zeros(0, np.float32), SR) == 0.0


def test_soft_speech_is_remarked_on(good):
    assert check(good * 0.01, SR, speech_s=1.0, voiced_s=1.0).remarks == ("quiet",)


def test_nothing_at_all():
    found = check(np.zeros(0, np.float32), SR, speech_s=0.0, voiced_s=0.0)
    assert found.gates == ("too_short", "too_little_voice")
    silent = check(np.zeros(SR, np.float32), SR, speech_s=0.0, voiced_s=0.0)
    assert silent.gates == ("too_little_voice", "digital_silence")
    assert silent.level_dbfs == -math.inf


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_duration_s", 2.0), ("min_voiced_s", 1.5), ("max_clipped_share", 0.0),
     ("min_snr_db", 60.0), ("max_digital_silence_share", 0.0)],
)  # fmt: skip
def test_each_threshold_is_the_settings(good, name, value):
    y = good.copy()
    y[:80] = 0.0
    y[100:104] = y.max()  # one touch of the rail
    at_default = check(y, SR, **FINE)
    assert at_default.gates == ()
    stricter = check(y, SR, **FINE, gates=replace(Gates(), **{name: value}))
    assert len(stricter.gates) == 1
    assert stricter.gates[0] in GATES


# --- real speech --------------------------------------------------------------------------------


def telephone(y: np.ndarray, sr: int) -> np.ndarray:
    import soxr
    from scipy import signal

    y = soxr.resample(y, sr, SR)
    y = signal.sosfilt(signal.butter(4, [300, 3400], "bandpass", fs=SR, output="sos"), y)
    y = 0.9 * y / np.abs(y).max()
    steps = np.round(np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256) * 127) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255).astype(np.float32)


@pytest.mark.data
def test_telephone_speech_passes_and_clipped_speech_does_not(data):
    paths = sorted((data / "emodb").glob("*.flac"))[::20]
    assert len(paths) > 10
    clipped = []
    for path in paths:
        y, sr = sf.read(path, dtype="float32")
        line = telephone(y, sr)
        assert check(line, SR, speech_s=1.0, voiced_s=1.0).gates == (), path.name
        loud = np.clip(5 * y / np.abs(y).max(), -1, 1)
        clipped.append("clipped" in check(loud, sr).gates)
    assert np.mean(clipped) > 0.8


@pytest.mark.data
def test_real_calls_pass(data):
    """Words of real calls, exact silence around them included, close no gate but for shortness."""
    windows, noisy, measured = 0, 0, 0
    for path in sorted((data / "harpervalley").glob("*/*.wav")):
        y, sr = sf.read(path, dtype="float32")
        (voice,) = listen([y[None]], sr, 1)
        for start, end in voice.speech:
            if end - start < 0.6:
                continue
            noise = noise_db(voice.level_db, voice.frame_s, voice.speech, start, end)
            found = check(
                y[round(start * sr) : round(end * sr)], sr, speech_s=end - start, noise_db=noise
            )
            windows += 1
            measured += not math.isnan(found.snr_db)
            noisy += "too_noisy" in found.gates
            assert set(found.gates) <= {"too_noisy"}, (path.name, start, found)
    assert windows > 100
    assert measured > 0.8 * windows
    assert noisy < 0.05 * windows


def test_gates_and_their_names():
    assert GATES == (
        "too_short", "too_little_voice", "clipped", "too_noisy", "digital_silence", "music",
    )  # fmt: skip
    assert gates.SILENT_DB < -90


@pytest.mark.parametrize(("music_s", "shut"), [(0.0, False), (0.2, False), (0.6, True)])
def test_music_under_the_words_withholds(good, music_s, shut):
    found = check(good, SR, **FINE, music_s=music_s * len(good) / SR)
    assert (found.gates == ("music",)) is shut
    assert found.numbers[-1] == pytest.approx(music_s)
    assert gates.closed(found.numbers, Gates(max_music_share=1.0)) == ()


def test_music_that_was_not_looked_for_gates_nothing(good):
    assert check(good, SR, **FINE).gates == ()


def test_noise_is_looked_for_on_both_sides_of_a_window():
    frame_s = 0.02
    level = np.full(3000, -40.0)
    level[:1400] = -60.0  # quiet before the window at 30 s, louder after it
    nobody = np.empty((0, 2))
    assert noise_db(level, frame_s, nobody, 30.0, 32.0) == pytest.approx(-60)
    assert noise_db(level[::-1], frame_s, nobody, 30.0, 32.0) == pytest.approx(-60)


def test_power_is_that_of_each_fiftieth_of_a_second_and_of_the_rest():
    for sr in (8000, 16_000):
        y = np.repeat([0.5, 0.0, 1.0, 0.25], [sr // 50, sr // 50, sr // 50, sr // 100])
        assert gates.frame_power(y.astype(np.float32), sr).tolist() == [0.25, 0.0, 1.0, 0.0625]
    assert gates.frame_power(np.zeros(0, np.float32), 8000).shape == (0,)
