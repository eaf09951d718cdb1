"""Tempo from words: syllables, rates, the length of "sorry"; and stretches of the sound."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.measures.statistics import Runs
from prosody.measures.tempo import SpokenWords, pause_share, stretches, syllables, voice_rhythm
from prosody.transcripts.turns import Word


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(("I'm", 1), ("sorry", 2), ("apologise", 4), ("apologies", 4), ("apologize", 4)),
        *(("the", 1), ("help", 1), ("today", 2), ("please", 1), ("account", 2), ("number", 2)),
        *(("problem", 2), ("little", 2), ("called", 1), ("wanted", 2), ("changes", 2)),
        *(("makes", 1), ("inconvenience", 5), ("being", 2), ("you're", 1), ("something", 2)),
        *(("customer", 3), ("delivery", 4), ("money", 2), ("twenty", 2), ("seven", 2)),
        *(("idea", 3), ("really", 2), ("area", 3), ("every", 3), ("people", 2), ("time", 1)),
        *(("various", 3), ("question", 2), ("appreciate", 4), ("million", 2), ("didn't", 2)),
        *(("don't", 1), ("situation", 4), ("experience", 4), ("video", 3), ("business", 2)),
        *(("going", 2), ("patience", 2), ("create", 2), ("special", 2), ("language", 2)),
        *(("?", 0), ("7", 2), ("42", 2), ("resolved", 2), ("issued", 2), ("hmm", 1)),
    ],
)
def test_english_syllables(word, number):
    assert syllables(word, "en") == number


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(("sorry", 2), ("excuses", 3), ("spijt", 1), ("het", 1), ("mij", 1), ("oprecht", 2)),
        *(("verontschuldigingen", 6), ("vervelend", 3), ("mevrouw", 2), ("ongemak", 3)),
        *(("begrijp", 2), ("natuurlijk", 3), ("bestelling", 3), ("leeuw", 1), ("nieuw", 1)),
        *(("eeuwen", 2), ("mooie", 2), ("België", 3), ("reünie", 3), ("auto's", 2)),
        *(("jullie", 2), ("zaterdag", 3), ("...", 0), ("9", 2), ("hier", 1), ("u", 1)),
        *(("januari", 4), ("rekening", 3), ("geïnd", 2), ("vriendelijk", 3), ("idee", 2)),
    ],
)
def test_dutch_syllables(word, number):
    assert syllables(word, "nl") == number


@given(st.text(max_size=40), st.sampled_from(["nl", "en", "nl-NL", ""]))
def test_any_text_has_a_number_of_syllables(text, language):
    assert syllables(text, language) >= 0


def words(*items):
    return [Word(text, start, end) for text, start, end in items]


def test_rates_with_and_without_pauses():
    said = words(("I", 0.0, 0.2), ("am", 0.2, 0.4), ("sorry", 1.0, 1.6))
    found = SpokenWords(said).rates((0.0, 2.0))
    assert found.speech_rate_syll_per_s == pytest.approx(4 / 1.6)
    assert found.articulation_rate_syll_per_s == pytest.approx(4 / 1.0)
    assert math.isnan(found.sorry_length_log2ratio)


def test_a_drawn_out_sorry_is_twice_as_long_per_syllable():
    others = words(*((f"word{'s' * (i % 2)}", 10 + i, 10.2 + i) for i in range(9)))
    said = words(("I'm", 0.0, 0.2), ("sorry", 0.2, 1.0))
    found = SpokenWords([*said, *others]).rates((0.0, 1.2))
    assert found.sorry_length_log2ratio == pytest.approx(1.0)


def test_words_without_times_and_outside_the_window_do_not_count():
    nan = float("nan")
    said = words(("so", nan, nan), ("sorry", 5.0, 5.5), ("late", 0.1, 0.4))
    found = SpokenWords(said).rates((0.0, 1.0))
    assert found.speech_rate_syll_per_s == pytest.approx(1 / 0.3)
    empty = SpokenWords(said).rates((7.0, 9.0))
    assert math.isnan(empty.speech_rate_syll_per_s)
    assert math.isnan(SpokenWords([]).rates((0.0, 1.0)).articulation_rate_syll_per_s)


def test_stretches_and_their_rhythm():
    voiced = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1] + [0] * 6 + [1, 1, 1], bool)
    runs = Runs(np.array([20, 3]))
    ids, length = stretches(voiced, runs)
    np.testing.assert_array_equal(ids, [0, 0, 0, 1])
    np.testing.assert_array_equal(length, [4, 1, 4, 3])
    rhythm = voice_rhythm(voiced, runs, 0.01)
    np.testing.assert_allclose(rhythm[0], [10, 0.04, 0.0, 0.045, 0.015])
    np.testing.assert_allclose(rhythm[1, :3], [1 / 0.03, 0.03, 0.0])
    assert np.isnan(rhythm[1, 3:]).all()
    assert len(stretches(np.zeros(0, bool), Runs(np.zeros(1, np.int64)))[0]) == 0


def test_a_pause_is_long_soft_and_voiceless():
    loudness = np.concatenate([np.ones(50), np.zeros(20), np.ones(50), np.zeros(10), np.ones(70)])
    extremes = np.array([[0.0, 1.0]])
    share = pause_share(loudness, extremes, loudness > 0.5, Runs(np.array([200])), 0.01)
    assert share[0] == pytest.approx(0.1)  # the stretch of 0.1 s is no pause
    voiced = np.ones(200, bool)
    assert pause_share(loudness, extremes, voiced, Runs(np.array([200])), 0.01)[0] == 0
