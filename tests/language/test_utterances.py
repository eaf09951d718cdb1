"""Segments read together again, and the words that stand in a stretch with their times."""

from __future__ import annotations

import pytest

from prosody.language import lexicon
from prosody.language.tokens import tokens
from prosody.language.utterances import stretches
from prosody.transcripts.turns import Turn, Word


def test_where_words_and_text_differ_the_timed_words_stand():
    words = (Word("i'm", 0.0, 0.2), Word(" ", 0.2, 0.3), Word("sorry ", 0.3, 0.6))
    (one,) = stretches([Turn(0.0, 1.0, "i am so sorry", "agent", words=words)])
    assert one.words == ("i'm", "-", "sorry")
    assert one.times == words
    (same,) = stretches([Turn(0.0, 1.0, "I'm - sorry", "agent", words=words)])
    assert (same.words, same.times) == (("I'm", "-", "sorry"), words)
    (untimed,) = stretches([Turn(0.0, 1.0, "i am so sorry", "agent")])
    assert (untimed.words, untimed.times) == (("i", "am", "so", "sorry"), (None,) * 4)


@pytest.mark.parametrize(
    ("gap_s", "end", "role", "joined"),
    [
        (0.5, "", "agent", True),
        (0.51, "", "agent", False),
        (0.4, ".", "agent", False),
        (0.4, ",", "agent", True),
        (0.29, "", "unknown", True),
        (0.4, "", "unknown", False),
    ],
)
def test_segments_of_one_breath_are_one_stretch(gap_s, end, role, joined):
    turns = [Turn(0.0, 1.0, f"one{end}", role), Turn(1.0 + gap_s, 3.0, "two", role)]
    found = stretches(turns)
    assert [s.turns for s in found] == ([(0, 1)] if joined else [(0,), (1,)])
    assert [w for s in found for w in s.owner] == [0, 1]


def test_what_another_says_between_ends_a_breath_and_what_he_says_meanwhile_does_not():
    mine = [Turn(0.0, 1.0, "one", "agent"), Turn(1.3, 2.0, "two", "agent")]
    for start_s, joined in ((1.0, False), (0.9, True)):
        turns = [mine[0], Turn(start_s, 1.2, "hm", "customer"), mine[1]]
        assert ((0, 2) in [s.turns for s in stretches(turns)]) is joined


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("so so sorry", "so sorry"),
        ("i am i am sorry", "i am sorry"),
        ("i am so i am so sorry", "i am so sorry"),
        ("i am so very i am so very sorry", "i am so very i am so very sorry"),
        ("sorry, sorry", "sorry"),
        ("12 12 sorry", "12 12 sorry"),
    ],
)
def test_up_to_three_words_that_are_said_again_are_read_once(said, heard):
    found = tokens(said.split(), lexicon.load("en").cleaning)
    assert " ".join(t.text for t in found) == heard
    assert found[-1].last == len(said.split()) - 1
