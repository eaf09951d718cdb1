"""What wording and doubled lines tell of who speaks."""

from __future__ import annotations

import pytest

from prosody.examine.role_evidence import by_channel, said_once
from prosody.transcripts.turns import Transcript, Turn


def exported(agent, customer):
    """Return turns of (seconds, text) pairs of both sides."""
    turns = [Turn(s, s + 1, text, "agent") for s, text in agent]
    turns += [Turn(s, s + 1, text, "customer") for s, text in customer]
    return Transcript(tuple(sorted(turns, key=lambda t: (t.start_s, t.role))), "test")


def lines(transcript):
    return [(t.role, t.text) for t in transcript.turns]


OWN = [(10.0 + i, f"i said {i}") for i in range(8)]


@pytest.mark.parametrize(("own", "role"), [(0, "agent"), (1, "agent"), (8, "agent")])
def test_a_line_is_whose_lines_are_doubled_more(own, role):
    said = [(1.0, "good morning to you"), (4.0, "how can i help")]
    found, message = said_once(exported(said, [*said, *OWN[:own]]))
    assert message.code == "doubled_lines"
    assert message.values == {"count": "2"}
    clear = own > 0
    assert lines(found)[:2] == [(role if clear else "unknown", text) for _, text in said]
    assert lines(found)[2:] == [("customer", text) for _, text in OWN[:own]]


@pytest.mark.parametrize(("own", "clear"), [(0, False), (3, True)])
def test_a_small_difference_of_the_shares_tells_nothing(own, clear):
    # Of the agent's lines 2 of 10 are doubled, of the customer's 2 of 9, or of 6.
    said = [(1.0, "good morning to you"), (4.0, "how can i help")]
    found, _ = said_once(
        exported([*said, *OWN], [*said, *[(50.0 + i, "hm") for i in range(7 - own)]])
    )
    assert lines(found)[0][0] == ("unknown" if not clear else "customer")


@pytest.mark.parametrize(
    ("texts", "late_s", "gone"),
    [
        (("good morning",), 0.0, 0),  # two words may be said by both
        (("good morning sir",), 0.0, 1),
        (("good morning sir",), 0.99, 1),
        (("good morning sir",), 1.0, 0),
        (("good morning sir", "yes"), 0.0, 1),
        (("good morning sir", "how are you", "yes"), 0.0, 3),
    ],
)
def test_lines_are_doubled_that_are_long_and_said_at_once(texts, late_s, gone):
    said = [(10.0 * i, text) for i, text in enumerate(texts)]
    found, message = said_once(exported(said, [(s + late_s, text) for s, text in said]))
    assert len(found.turns) == 2 * len(texts) - gone
    assert (message is None) == (gone == 0)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([(0, "agent", 3.0), (1, "customer", 3.0)], {0: "agent", 1: "customer"}),
        ([(0, "agent", 3.0), (0, "customer", 0.1)], {0: "agent"}),
        ([(0, "agent", 3.0), (0, "customer", 1.5)], None),
        ([(2, "agent", 3.0)], None),  # there is no such channel
        ([(0, "unknown", 9.0), (0, "customer", 1.0)], None),  # most of the time is nobody's
        ([(None, "agent", 3.0), (1, "customer", 1.0)], None),
    ],
)
def test_whose_channel_it_is_goes_by_time(said, wanted):
    turns = [Turn(10.0 * i, 10.0 * i + s, "hm", r, channel=c) for i, (c, r, s) in enumerate(said)]
    assert (by_channel(turns, 2) or None) == wanted
