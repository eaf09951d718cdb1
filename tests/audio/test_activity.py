"""Voice activity: silence is none, blocks do not matter, and real words are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from prosody.audio import activity
from prosody.audio.activity import FRAME_S, MIN_SPEECH_S, Listener, listen, segments, speech

SAMPLES = Path(__file__).parents[2] / "samples"


def noise(seconds: float, sr: int, level: float, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).normal(size=round(seconds * sr))).astype(np.float32)


@pytest.mark.parametrize("sr", [8000, 16000, 44100])
@pytest.mark.parametrize("value", [0.0, 0.25, -1.0])
def test_digital_silence_is_never_speech(sr, value):
    assert speech(np.full(5 * sr, value, np.float32), sr).shape == (0, 2)


@pytest.mark.parametrize("sr", [8000, 16000])
@pytest.mark.parametrize("level", [1e-4, 1e-2, 0.3])
def test_noise_and_tones_are_no_speech(sr, level):
    assert not len(speech(noise(10, sr, level), sr))
    t = np.arange(10 * sr) / sr
    dial = (level * (np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t))).astype(np.float32)
    assert not len(speech(dial, sr))


@pytest.mark.parametrize("n", [0, 1, 100, 127, 128, 129])
def test_next_to_nothing(n):
    assert speech(noise(1, 8000, 0.1)[:n], 8000).shape == (0, 2)


@pytest.mark.parametrize("sr", [8000, 16000, 22050])
def test_however_it_is_cut_it_is_the_same(voice, sr):
    y = voice(12.0, sr)
    whole = listen([y[None]], sr, 1)[0]
    for step in (777, sr, 100_000):
        cut = listen((y[None, i : i + step] for i in range(0, len(y), step)), sr, 1)[0]
        np.testing.assert_array_equal(cut.speech, whole.speech)
        np.testing.assert_allclose(cut.level_db, whole.level_db, atol=1e-3)
    np.testing.assert_array_equal(speech(y, sr), whole.speech)
    twice = listen([np.stack([y, y])], sr, 2)
    np.testing.assert_array_equal(twice[0].speech, twice[1].speech)


def test_levels_are_dbfs(voice):
    sr = 16000
    t = np.arange(2 * sr) / sr
    sine = np.concatenate([0.1 * np.sin(2 * np.pi * 500 * t), np.zeros(sr)]).astype(np.float32)
    level = listen([sine[None]], sr, 1)[0].level_db
    assert level[10:100] == pytest.approx(-23.01, abs=0.05)
    assert np.all(level[130:180] == activity.SILENCE_DB)


# --- from scores to stretches -------------------------------------------------------------------


def scores(*runs: tuple[float, float]) -> np.ndarray:
    """Runs of (seconds, score)."""
    return np.concatenate([np.full(round(s / FRAME_S), v, np.float32) for s, v in runs])


def test_a_pause_inside_of_a_phrase_is_no_end():
    found = segments(scores((1, 0.1), (1, 0.95), (0.15, 0.1), (1, 0.95), (1, 0.1), (1, 0.95)))
    assert len(found) == 2
    assert found[0] == pytest.approx([1.0, 3.15], abs=0.04)


def test_a_click_and_a_murmur_are_no_speech():
    assert not len(segments(scores((1, 0.1), (0.03, 1.0), (1, 0.1))))
    assert not len(segments(scores((1, 0.1), (2, 0.55), (1, 0.1))))  # never reaches ON


def test_a_stretch_lasts_while_the_score_stays_above_off():
    found = segments(scores((1, 0.1), (0.5, 0.95), (1, 0.7), (1, 0.1)))
    assert found[0] == pytest.approx([1.0, 2.5], abs=0.04)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.floats(0.0, 2.0), st.sampled_from([0.0, 0.3, 0.7, 0.99])), max_size=12),
    st.floats(0.05, 1.0),
)
def test_stretches_are_in_order_apart_and_inside(runs, pause):
    y = scores((0.0, 0.0), *runs)
    found = segments(y, min_pause_s=pause)
    assert found.shape[1:] == (2,)
    assert np.all(found[:, 1] - found[:, 0] >= MIN_SPEECH_S - 1e-9)
    assert np.all(np.diff(found.ravel()) >= 0)
    if len(found):
        assert found[0, 0] >= 0
        assert found[-1, 1] <= len(y) * FRAME_S + 1e-9
        assert np.all(found[1:, 0] - found[:-1, 1] > pause - 1e-9)


# --- real speech --------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("gain_db", [10, 0, -15, -30])
def test_speech_is_found_at_any_level(data, gain_db):
    import soundfile as sf

    paths = sorted((data / "emodb").glob("*.flac"))[::30]
    assert len(paths) > 9
    for path in paths:
        y, sr = sf.read(path, dtype="float32")
        found = speech(np.clip(y * 10 ** (gain_db / 20), -1, 1), sr)
        assert np.sum(found[:, 1] - found[:, 0]) > 0.5 * len(y) / sr


@pytest.mark.data
def test_moments_after_digital_silence_are_no_speech(data):
    """The detector alone takes them for speech; a call full of them must not fill with it."""
    import soundfile as sf

    path = data / "emodb" / "03a01Nc.flac"
    y, sr = sf.read(path, dtype="float32")
    hiss, zeros = noise(0.7, sr, 3e-4), np.zeros(round(0.5 * sr), np.float32)
    gaps = [part for _ in range(20) for part in (hiss, zeros)]
    found = speech(np.concatenate([*gaps, y, *gaps]), sr)
    start, end = 20 * 1.2, 20 * 1.2 + len(y) / sr
    outside = found[(found[:, 1] < start) | (found[:, 0] > end)]
    assert np.sum(outside[:, 1] - outside[:, 0]) < 0.5


def test_a_listener_keeps_one_score_a_frame():
    listener = Listener(8000)
    for _ in range(10):
        listener.push(noise(1, 8000, 0.1))
    listener.finish()
    score, level, music = listener.scores()
    assert len(score) == len(level)
    assert len(score) == pytest.approx(10 / FRAME_S, abs=10)
    assert len(music) == pytest.approx(10 / activity.GROUP_S, abs=1)


# --- music --------------------------------------------------------------------------------------


def melody(seconds: float, sr: int, seed: int = 0) -> np.ndarray:
    """Notes of a scale on a beat, each with harmonics that die away."""
    rng, y = np.random.default_rng(seed), np.zeros(round(seconds * sr))
    for i in range(int(seconds / 0.3)):
        part = y[round(i * 0.3 * sr) :][: round(0.8 * sr)]
        t = np.arange(len(part)) / sr
        for step in rng.choice([0, 2, 4, 5, 7, 9, 12], 2, replace=False):
            for h in (1, 2, 3):
                part += np.exp(-3 * t) / h * np.sin(2 * np.pi * h * 220 * 2 ** (step / 12) * t)
    return (0.1 * y / np.abs(y).max()).astype(np.float32)


@pytest.mark.parametrize("sr", [8000, 16000, 44100, 48000])
def test_music_is_found_and_is_no_speech(sr):
    quiet = noise(10, sr, 1e-4)
    found = activity.activity(np.concatenate([quiet, melody(20, sr), quiet]), sr)
    assert len(found.music) == 1
    assert found.music[0] == pytest.approx([10, 30.5], abs=1.5)
    assert np.sum(found.speech[:, 1] - found.speech[:, 0]) < 2


@pytest.mark.parametrize("hz", [(425,), (440, 480), (523, 659, 784)])
def test_ringing_and_a_chord_are_music_and_no_speech(hz):
    t = np.arange(12 * 8000) / 8000
    y = np.sum([0.05 * np.sin(2 * np.pi * f * t) for f in hz], axis=0)
    ringing = np.where(t % 3 < 2, y, 0).astype(np.float32)
    for sound in (y.astype(np.float32), ringing):
        found = activity.activity(sound, 8000)
        assert np.sum(found.music[:, 1] - found.music[:, 0]) > 8
        assert np.sum(found.speech[:, 1] - found.speech[:, 0]) < 0.5


def test_the_noise_of_a_line_before_anybody_speaks_is_no_music():
    hiss = np.convolve(noise(8, 8000, 1e-3), np.ones(8) / 3, "same")
    said, sr = soundfile.read(SAMPLES / "1-plain-apology-nl.wav", dtype="float32")
    y = np.concatenate([hiss, said[:, 0]]).astype(np.float32)
    assert not len(activity.activity(y, sr).music)


@pytest.mark.data
def test_voices_are_no_music(data):
    paths = sorted((data / "dutch").glob("*.wav")) + sorted((data / "emodb").glob("*.flac"))[::40]
    for path in paths:
        assert not len(activity.activity(*soundfile.read(path, dtype="float32")).music), path.name


def test_what_is_left_out_changes_nothing():
    """Long gaps are not given to the network; around them the scores are as if they were."""
    loud = noise(1, 8000, 0.1)
    y = np.concatenate([loud, np.zeros(60 * 8000, np.float32), loud, np.zeros(8000, np.float32)])
    rows, near = activity.features(y, 8000)
    assert near.sum() < 100
    whole = activity.session("activity").run(None, {"features": rows[None]})[0][0]
    given = activity._score_speech(np.column_stack([rows, near]).astype(np.float32))[0]
    np.testing.assert_allclose(given[near], whole[near], atol=1e-5)
    assert not given[~near].any()
