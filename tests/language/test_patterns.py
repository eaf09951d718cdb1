"""The pattern language, and the words that say where a pattern need not be looked for."""

from itertools import chain
from pathlib import Path

import pytest

from prosody.conduct import detectors
from prosody.language.patterns import AnyOf, Pattern, PatternError

SETS = {"wh": ("what", "which one"), "lead": ("oh",), "tail": ("sir",), "number": ("two",)}


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("@sorry what", "@sorry what ", True),
        ("@sorry what", "@sorry , what ", True),
        ("@sorry _ what", "@sorry , what ", False),
        ("@sorry <wh>", "@sorry which one ", True),
        ("@sorry <wh>", "@sorry which ", False),
        ("^ @sorry", "oh @sorry ", True),
        ("^ @sorry", "no way @sorry ", False),
        ("^ @sorry", "fine . oh @sorry ", True),
        ("^^ @sorry", "fine . @sorry ", False),
        ("@sorry $", "@sorry sir . bye ", True),
        ("@sorry $$", "@sorry sir . bye ", False),
        ("@sorry $$", "@sorry sir . ", True),
        ("@sorry .. what", "@sorry a b c what ", True),
        ("@sorry .. what", "@sorry a b c d what ", False),
        ("@sorry .. what", "@sorry a . what ", False),
        ("@sorry ..!wh no", "@sorry a no ", True),
        ("@sorry ..!wh no", "@sorry what no ", False),
        ("# @sorry #", "12 @sorry two ", True),
        ("sor~ @sorry", "sorrow @sorry ", True),
        ("@sorry ~ing", "@sorry waiting ", True),
        ("@sorry [?]", "@sorry ? ", True),
        ("@sorry !(what)", "@sorry what ", False),
        ("@sorry (a|b c)* d", "@sorry b c a d ", True),
        ("row @sorry", "sorrow @sorry ", False),
    ],
)
def test_patterns(pattern, text, matches):
    assert bool(Pattern(pattern, SETS).search(text)) is matches


@pytest.mark.parametrize("pattern", ["(a", "a)", "<nothing> a", "a & b", "A b"])
def test_faulty_patterns(pattern):
    with pytest.raises(PatternError):
        Pattern(pattern, SETS)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("what a (big|small) dog", [{"what"}, {"a"}, {"big", "small"}, {"dog"}]),
        ("a? dog*", []),
        ("dog+", [{"dog"}]),
        ("!(dog) cat", [{"cat"}]),
        ("&(dog) cat", [{"dog"}, {"cat"}]),
        ("(dog|a?) cat", [{"cat"}]),
        ("who(the (dog|puppy)|bird) sings", [{"the", "bird"}, {"sings"}]),
        ("<wh> now", [{"what", "which"}, {"now"}]),
        ("walk~ ~ing", [{"walk~"}, {"~ing"}]),
        ("walking~ ~ions", [{"walk~"}, {"~ions"}]),
        ("a~ dog", [{"dog"}]),
        ("# dog", [{"dog"}]),
    ],
)
def test_words_that_a_match_needs(pattern, words):
    assert sorted(map(sorted, Pattern(pattern, SETS).words())) == sorted(map(sorted, words))


@pytest.mark.parametrize("code", ["en", "nl"])
def test_no_match_is_lost_for_want_of_a_word(code):
    corpus = Path(__file__).parents[1] / "corpus" / f"conduct_{code}.tsv"
    lines = [line.split("\t")[-1] for line in corpus.read_text(encoding="utf-8").splitlines()]
    rules = chain.from_iterable(detectors.lexicon(code).detectors.values())
    texts = [piece.text for piece in map(detectors.lexicon(code).line, lines[::15])]
    found = 0
    for rule in rules:
        for pattern in rule.pattern.patterns:
            for text in texts:
                there = pattern.compiled().search(text)
                found += there is not None
                assert (pattern.search(text) is None) == (there is None), (pattern, text)
    assert found > 20


def test_of_several_wordings_the_first_to_begin_is_found():
    several = AnyOf(["dog runs", "big dog", "big dog runs", "who(cat)"], {})
    assert several.search("a big dog runs ").group() == "big dog "
    assert several.search("a dog runs ").group() == "dog runs "
    assert several.search("a cat ")["who"] == "cat "
    assert several.search("a bird ") is None
    assert several.search("big dog big dog ", 1).start() == 8
    assert list(several.spans("dog runs dog runs cat ")) == [(0, 9), (9, 18), (18, 22)]
