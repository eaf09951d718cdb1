"""Two voices on one channel: groups of vectors, turns cut where the voice changes, real voices."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import SAMPLES

from prosody.audio import activity
from prosody.examine import two_voices
from prosody.examine.recognise import Channel
from prosody.transcripts.turns import Turn, Word


def around(middle, n, rng, spread=0.3):
    vectors = np.asarray(middle) + spread * rng.standard_normal((n, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_two_groups_are_found_and_the_first_that_speaks_is_the_first():
    rng = np.random.default_rng(0)
    vectors = np.concatenate([around([0, 0, 1], 9, rng, 0.1), around([1, 0, 0], 5, rng, 0.1)])
    order = rng.permutation(14)
    found = two_voices.split(vectors[order], rng.uniform(0.5, 4, 14))
    assert found.sure
    groups = np.where(order < 9, 0, 1)
    np.testing.assert_array_equal(found.voice, groups if groups[0] == 0 else 1 - groups)
    assert found.voice[0] == 0


def test_one_group_is_not_two():
    vectors = around([0, 0, 1], 14, np.random.default_rng(0), 0.15)
    assert not two_voices.split(vectors, np.ones(14)).sure


def test_the_gain_is_how_much_nearer_the_middles_lie():
    # Two pairs of equal vectors at right angles: the middle of all lies 45 degrees from each.
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    found = two_voices.split(vectors, np.ones(4))
    assert found.gain == pytest.approx(1 - math.sqrt(0.5), abs=1e-6)


@pytest.fixture
def two_tones(monkeypatch):
    """A channel of 100 and 400 Hz in turn, and a model that hears which it is."""
    sr, hz = 8000, [100, 400, 400, 100]
    y = np.concatenate([np.sin(2 * np.pi * f * np.arange(sr) / sr) for f in hz]).astype(np.float32)

    def embed(sounds):
        high = [np.argmax(np.abs(np.fft.rfft(s))) * 16_000 / len(s) > 200 for s in sounds]
        return np.array([[h, not h] for h in high], np.float32)

    monkeypatch.setattr(two_voices, "model_here", lambda: Path("model"))
    monkeypatch.setattr(two_voices, "load", lambda path: embed)
    speech = np.array([[0.1, 0.9], [1.1, 1.9], [2.1, 2.9], [3.1, 3.9]])
    return Channel(speech, lambda a, b: y[round(a * sr) : round(b * sr)], sr, 4.0)


def test_a_turn_is_cut_where_the_voice_changes(two_tones):
    words = tuple(Word(f"w{i}", 0.5 * i + 0.15, 0.5 * i + 0.45) for i in range(8))
    turn = Turn(0.0, 4.0, " ".join(w.text for w in words), "unknown", words, 0)
    turns, apart = two_voices.named([turn], two_tones)
    assert apart > two_voices.LEAST_GAIN
    assert [(t.speaker, t.text) for t in turns] == [
        ("voice 1", "w0 w1"), ("voice 2", "w2 w3 w4 w5"), ("voice 1", "w6 w7")
    ]  # fmt: skip
    assert [t.channel for t in turns] == [None] * 3
    assert (turns[1].start_s, turns[1].end_s) == (words[2].start_s, words[5].end_s)
    assert sum((t.words for t in turns), ()) == words


def test_a_turn_without_word_times_goes_to_the_voice_in_its_middle(two_tones):
    turns, _ = two_voices.named([Turn(1.0, 3.0, "yes well", "unknown", (), 0)], two_tones)
    assert [(t.speaker, t.text, t.words) for t in turns] == [("voice 2", "yes well", ())]


def test_alike_voices_leave_the_turns_as_they_were(two_tones, monkeypatch):
    monkeypatch.setattr(two_voices, "load", lambda path: lambda s: np.ones((len(s), 1), np.float32))
    turn = Turn(0.0, 4.0, "yes well", "unknown", (), 0)
    turns, apart = two_voices.named([turn], two_tones)
    assert turns == (turn,)
    assert apart < two_voices.LEAST_GAIN


def test_without_the_model_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(two_voices.importlib.util, "find_spec", lambda name: None)
    assert two_voices.model_name() == ""
    turn = Turn(0.0, 4.0, "yes", "unknown", (), 0)
    turns, apart = two_voices.named([turn], Channel(np.zeros((3, 2)), lambda a, b: 0, 8000, 4.0))
    assert (turns, math.isnan(apart)) == ((turn,), True)


@pytest.mark.skipif(two_voices.model_here() is None, reason="the extra 'voices' is not installed")
def test_the_sides_of_a_sample_mixed_to_one_channel_are_told_apart():
    y, sr = soundfile.read(SAMPLES / "1-plain-apology-nl.wav", dtype="float32")
    mixed = y.sum(axis=1)
    speech = activity.speech(mixed, sr, min_pause_s=0.25)
    turns = [Turn(a, b, "words", "unknown", (), 0) for a, b in speech.tolist()]
    channel = Channel(speech, lambda a, b: mixed[round(a * sr) : round(b * sr)], sr, len(y) / sr)
    found, apart = two_voices.named(turns, channel)
    assert apart > two_voices.LEAST_GAIN
    side = [int(np.argmax((y[round(t.start_s * sr) : round(t.end_s * sr)] ** 2).sum(axis=0)))
            for t in found]  # fmt: skip
    voice = [int(t.speaker == found[0].speaker) for t in found]
    right = np.mean(np.equal(voice, np.equal(side, side[0]).astype(int)))
    assert right > 0.95
    one = [t for t, s in zip(turns, side, strict=True) if s == 0]
    alone = Channel(np.array([[t.start_s, t.end_s] for t in one]), channel.read, sr, len(y) / sr)
    assert two_voices.named(one, alone)[1] < two_voices.LEAST_GAIN
