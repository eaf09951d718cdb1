"""How the talk of a call was shared, against sums done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.measures import conversation

AGENT = np.array([[0.0, 2.0], [5.0, 8.0], [12.0, 13.0]])
CUSTOMER = np.array([[2.5, 4.0], [7.0, 9.0], [9.1, 10.0]])


def test_the_sums_of_a_small_call():
    got = conversation.measure(AGENT, CUSTOMER)
    assert got.agent_talk_s == 6.0
    assert math.isclose(got.customer_talk_s, 4.5)  # a tenth of a second is no pause
    assert math.isclose(got.agent_talk_share, 6 / 10.5)
    assert math.isclose(got.silence_s, 0.5 + 1.0 + 2.0)
    assert math.isclose(got.silence_share, 3.5 / 13)
    assert math.isclose(got.overlap_s, 1.0)
    assert (got.longest_wait_s, got.longest_wait_start_s) == (2.0, 10.0)
    assert math.isnan(got.agent_response_s)  # two changes tell nothing of what is usual
    assert conversation.gaps(CUSTOMER, AGENT).tolist() == [1.0, 2.0]
    # At 8.0 nobody takes over: the customer was there already.
    assert conversation.gaps(AGENT, CUSTOMER).tolist() == [0.5]
    assert (got.agent_cut_ins, got.customer_cut_ins) == (0, 1)


@pytest.mark.parametrize(
    ("customer", "cut_ins"),
    [
        ([[3.0, 6.0]], 1),  # goes on after the agent has stopped
        ([[3.0, 3.8]], 0),  # a "yes" while listening
        ([[4.8, 6.0]], 0),  # a prompt answer
        ([[0.2, 6.0]], 0),  # both begin together
        ([[3.0, 4.5]], 0),  # gives way
    ],
)
def test_who_cut_in(customer, cut_ins):
    agent = np.array([[0.0, 5.0]])
    assert len(conversation.cut_ins(np.array(customer), agent)) == cut_ins


def test_cut_ins_of_a_long_talk_are_those_of_each_pair_of_stretches():
    rng = np.random.default_rng(3)
    who, whom = (np.cumsum(rng.uniform(0.2, 4, 400)).reshape(-1, 2) for _ in range(2))
    who, whom = (conversation.join(spans, conversation.STRETCH_S) for spans in (who, whom))
    cut = [
        a
        for a, b in who
        if b - a >= conversation.LEAST_CUT_IN_S
        and any(
            c + conversation.STRETCH_S <= a <= d - conversation.LEAST_OVERLAP_S and b > d
            for c, d in whom
        )
    ]
    assert conversation.cut_ins(who, whom).tolist() == cut
    assert len(cut) > 10
    assert len(conversation.cut_ins(who, whom[:0])) == 0


def test_around_an_apology_and_where_nobody_answers():
    assert conversation.around(AGENT, CUSTOMER, (5.5, 6.0)) == {
        "response_before_s": 1.0,
        "response_after_s": -1.0,  # before the agent had done
    }
    late = conversation.around(AGENT, CUSTOMER, (12.2, 12.5))
    assert late["response_before_s"] == 2.0
    assert math.isnan(late["response_after_s"])


def test_what_is_usual_needs_five_changes():
    agent = np.array([[10.0 * i, 10.0 * i + 4] for i in range(6)])
    customer = agent[:5] + 5
    got = conversation.measure(agent, customer)
    assert (got.customer_response_s, got.agent_response_s) == (1.0, 1.0)
    assert math.isnan(conversation.measure(agent[:5], customer[:4]).customer_response_s)


def test_one_voice_alone_is_no_conversation():
    nobody = np.empty((0, 2))
    assert all(math.isnan(v) for v in conversation.measure(AGENT, nobody).as_dict().values())


spans = st.lists(st.tuples(st.floats(0, 600), st.floats(0.05, 20)), min_size=1, max_size=30).map(
    lambda found: np.array(sorted((a, a + b) for a, b in found))
)


@given(spans, spans, st.floats(0, 100))
def test_sides_are_alike_and_a_later_clock_changes_nothing(agent, customer, late):
    got = conversation.measure(agent, customer).as_dict()
    turned = conversation.measure(customer, agent).as_dict()
    assert math.isclose(got["agent_talk_share"], 1 - turned["agent_talk_share"], abs_tol=1e-9)
    assert got["agent_cut_ins"] == turned["customer_cut_ins"]
    whole = got["agent_talk_s"] + got["customer_talk_s"] - got["overlap_s"] + got["silence_s"]
    assert math.isclose(whole * got["silence_share"], got["silence_s"], abs_tol=1e-6)
    moved = conversation.measure(agent + late, customer + late).as_dict()
    for name in ("silence_s", "overlap_s", "agent_talk_s"):
        assert math.isclose(moved[name], got[name], abs_tol=1e-6)


def test_the_table_names_every_measure():
    assert tuple(conversation.Conversation().as_dict()) == conversation.COLUMNS
    assert set(conversation.around(AGENT, CUSTOMER, (5.5, 6.0))) == set(conversation.RESPONSES)
