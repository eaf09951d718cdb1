"""Words of one speaker label on the channels that speak then."""

from __future__ import annotations

import numpy as np

from prosody.examine.spoken import by_voice
from prosody.transcripts.turns import Turn, Word


def spans(*pairs):
    return np.array(pairs, np.float64).reshape(-1, 2)


def said(*starts):
    words = tuple(Word(f"w{i}", s, s + 0.3) for i, s in enumerate(starts))
    text = " ".join(w.text for w in words)
    return Turn(words[0].start_s, words[-1].end_s, text, "unknown", words=words)


def test_words_that_change_channel_are_a_turn_each():
    speech = (spans((0.0, 1.0), (4.0, 5.0)), spans((2.0, 3.0)))
    got = by_voice(said(0.1, 0.5, 2.1, 2.5, 4.1, 4.5), speech)
    assert [(t.channel, t.text, t.start_s, t.end_s) for t in got] == [
        (0, "w0 w1", 0.1, 0.8), (1, "w2 w3", 2.1, 2.8), (0, "w4 w5", 4.1, 4.8)
    ]  # fmt: skip
    assert [[w.text for w in t.words] for t in got] == [["w0", "w1"], ["w2", "w3"], ["w4", "w5"]]


def test_one_word_alone_on_the_other_channel_changes_nothing():
    (got,) = by_voice(said(0.1, 0.5, 2.1), (spans((0.0, 1.0)), spans((2.0, 3.0))))
    assert (got.channel, len(got.words)) == (0, 3)


def test_a_word_that_two_channels_cover_goes_with_those_before_it():
    both = (spans((0.0, 3.0)), spans((2.0, 5.0)))
    got = by_voice(said(0.1, 0.5, 2.1, 2.5, 3.5, 4.0), both)
    assert [(t.channel, len(t.words)) for t in got] == [(0, 4), (1, 2)]


def test_a_word_is_heard_with_a_little_around_it_and_no_more():
    for gap_s, heard in ((0.1, True), (0.15, False)):
        speech = (spans((0.0, 1.0), (4.3 + gap_s, 5.0)), spans((2.0, 3.0)))
        got = by_voice(said(0.1, 0.5, 2.1, 2.5, 4.0, 4.8), speech)
        assert [len(t.words) for t in got] == ([2, 2, 2] if heard else [2, 3, 1])


def test_without_word_times_a_turn_is_on_the_channel_that_clearly_speaks():
    speech = (spans((0.0, 1.0)), spans((2.0, 3.0)))
    for start_s, channel in ((0.2, 0), (2.2, 1), (5.0, None)):
        (got,) = by_voice(Turn(start_s, start_s + 0.5, "hm", "unknown"), speech)
        assert got.channel == channel
