"""What stands on both sides of a phrase: each question that a rule may ask, word by word."""

from __future__ import annotations

import pytest

from prosody.language import lexicon
from prosody.language.structure import TESTS, Sides


@pytest.mark.parametrize(
    ("test", "said", "how", "holds"),
    [
        # The clause before ends in a word that no clause ends in.
        ("cut_off", "i am looking for the | one", {}, True),
        ("cut_off", "i am looking for it | one", {}, False),
        ("cut_off", "| the second", {}, False),
        ("cut_off", "i am still in the | yes", {"closed": True}, True),
        ("cut_off", "you said it was | yes", {"closed": True}, False),
        ("cut_off", "here it is | the", {}, False),
        ("cut_off", "she said they were | oh", {}, False),
        ("cut_off", "not only are we | oh", {}, False),
        ("cut_off", "i got it from | the shop", {}, True),
        ("cut_off", "i got it from | 12 shops", {}, True),
        ("cut_off", "i got it from | what", {}, False),
        ("cut_off", "i got it from |", {}, False),
        ("cut_off", "milk and | the bread", {}, True),
        ("cut_off", "milk and | about the wait", {}, False),
        ("cut_off", "milk and | the wait", {"clause": True}, False),
        ("cut_off", "i got it from | the wait", {"clause": True}, True),
        # A phrase that was begun goes on.
        ("goes_on", "the bed | and the chair", {}, True),
        ("goes_on", "the bed | and chairs", {}, False),
        ("goes_on", "the bed | but the chair", {}, False),
        ("goes_on", "the bed | and", {}, False),
        ("goes_on", "the bed | and the chair", {"closed": True}, False),
        ("goes_on", "fine . | and the chair", {}, False),
        # An article without its noun.
        ("broken_noun", "i am in the | the garden", {}, True),
        ("broken_noun", "i am in the | garden", {}, False),
        ("broken_noun", "i am in the | garden", {"opened": True}, True),
        ("broken_noun", "i am in the |", {}, False),
        # Words that are said again.
        ("said_again", "look at | look at this", {}, True),
        ("said_again", "it was double | the code was double", {}, True),
        ("said_again", "for forty of them | for fifty of them", {}, True),
        ("said_again", "we cannot | we cannot", {}, True),
        ("said_again", "we do not send it | we do not send", {}, False),
        ("said_again", "the delay | for the delay", {}, False),
        ("said_again", "and | and the delay", {}, False),
        ("said_again", "the bed | the chair", {}, True),
        ("said_again", "the bed is good | the chair is sold out", {}, False),
        ("said_again", "you take the first | you get the second", {}, True),
        ("said_again", "you never take it | you get that", {}, False),
        # A phrase without a verb.
        ("fragment", "the second one |", {}, True),
        ("fragment", "oh the second one |", {}, True),
        ("fragment", "the second is |", {}, False),
        ("fragment", "green one |", {}, False),
        ("fragment", "7 |", {}, True),
        ("fragment", "the second one | yes", {}, False),
        ("fragment", "the second one |", {"closed": True}, False),
        ("fragment", "|", {}, False),
        ("noun_after", "| 10 pounds", {}, True),
        ("noun_after", "| 10", {}, False),
        ("noun_after", "it costs nine | 10", {}, True),
        ("noun_after", "| next week", {}, True),
        ("noun_after", "| next not", {}, False),
        ("noun_after", "her name is jean | jane", {}, True),
        ("noun_after", "her name is not jean | jane", {}, False),
        ("noun_after", "her name is jean | well", {}, False),
        ("noun_after", "her name is jean | delayed", {}, False),
        ("noun_after", "| the postcode", {}, True),
        ("noun_after", "| the line dropped", {}, False),
        ("noun_after", "| the very long red line", {}, False),
        ("noun_after", "in leeds | the city", {}, True),
        ("noun_after", "| for the wait", {}, False),
        ("noun_after", "the line | the line is bad", {}, False),
        ("noun_after", "|", {}, False),
        # Who, and whether something is asked.
        ("own_doing", "| i forgot", {}, True),
        ("own_doing", "| we forgot", {}, True),
        ("own_doing", "| you forgot", {}, False),
        ("own_doing", "i forgot |", {}, False),
        ("asks", "| so what now", {}, True),
        ("asks", "| it is not clear what", {}, False),
        ("asks", "is it red ? | yes", {}, True),
        ("asks", "is it red ? no | yes", {}, False),
        ("asks", "| is that the red one ?", {}, True),
        ("within", "it is red | yes", {}, True),
        ("within", "well | yes", {}, False),
        ("within", "good morning | yes", {}, False),
        ("within", "it is red | yes", {"closed": True}, False),
        ("within", "it is red . well | yes", {}, False),
    ],
)  # fmt: skip
def test_what_a_rule_may_ask_of_both_sides(test, said, how, holds):
    before, after = said.split("|")
    sides = Sides(tuple(before.split()), tuple(after.split()), **how)
    assert bool(TESTS[test](sides, lexicon.load("en"))) is holds


def test_clauses_end_at_the_nearest_end_of_a_sentence():
    sides = Sides(tuple(["a", ".", "b", "?", "c", "d"]), tuple(["e", "f", ".", "g", "?", "h"]))
    assert (sides.clause_before, sides.clause_after) == (("c", "d"), ("e", "f"))
    assert Sides(("a", "b"), ("c",)).clause_before == ("a", "b")
    assert Sides(("a", "b"), ("c",)).clause_after == ("c",)
