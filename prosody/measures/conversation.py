"""How the talk of a call was shared: who spoke how much, who waited, who cut in.

Everything is worked out from two sets of spans, where the agent speaks and where the customer
does, in seconds on the call's clock. It is told from times alone, never from how a voice sounds,
and says nothing about a person: a long wait may be a slow computer.

The terms are those of Heldner and Edlund (2010), "Pauses, gaps and overlaps in conversations",
Journal of Phonetics 38: a *gap* is silence at a change of speaker, an *overlap* is time in which
both speak. Stretches of one speaker closer than `PAUSE_S` count as one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans, join, overlap_s

PAUSE_S: Final = 0.2
"""Pauses of one speaker up to this are bridged; the usual limit for stretches between pauses."""
STRETCH_S: Final = 0.5
"""Somebody who pauses no longer than this still has the floor, when it is asked who cut in."""
LEAST_CUT_IN_S: Final = 1.0
"""Shorter stretches ("yes", "right") are listeners' signs and cut nobody off."""
LEAST_OVERLAP_S: Final = 0.3
"""Beginning less than this before the other ends is a prompt answer."""

LEAST_CHANGES: Final = 5
"""A median of fewer changes of speaker leaps with every one that is heard or not."""

COLUMNS: Final = (
    "agent_talk_s", "customer_talk_s", "agent_talk_share", "silence_s", "silence_share",
    "overlap_s", "overlap_share", "longest_wait_s", "longest_wait_start_s", "agent_response_s",
    "customer_response_s", "agent_cut_ins", "customer_cut_ins",
)  # fmt: skip
RESPONSES: Final = ("response_before_s", "response_after_s")
RATIOS: Final = (
    "agent_pace_ratio", "agent_loudness_ratio", "customer_pace_before_ratio",
    "customer_loudness_before_ratio", "customer_pace_after_ratio", "customer_loudness_after_ratio",
)  # fmt: skip
AROUND: Final = (*RESPONSES, *RATIOS)
"""What is measured before, in and after an apology."""
CUSTOMER_VOICE: Final = ("customer_animation_before", "customer_animation_after")
"""How lively the customer sounds there; only where a run was asked for it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """How the talk of one call was shared; NaN where it is not known.

    Attributes
    ----------
    agent_talk_s, customer_talk_s : float
        Seconds in which each speaks.
    agent_talk_share : float
        The agent's part of both together, 0 to 1.
    silence_s, silence_share : float
        Time in which nobody speaks, between the first and the last speech; as a share of that time.
    overlap_s, overlap_share : float
        Time in which both speak; as a share of the time between the first and the last speech.
    longest_wait_s, longest_wait_start_s : float
        The longest such silence, and when it begins.
    agent_response_s, customer_response_s : float
        Median gap before the agent takes over from the customer, and the other way round; NaN for
        fewer than 5 such changes.
    agent_cut_ins, customer_cut_ins : float
        How often each began while the other spoke and went on until the other had stopped.
    """

    agent_talk_s: float = math.nan
    customer_talk_s: float = math.nan
    agent_talk_share: float = math.nan
    silence_s: float = math.nan
    silence_share: float = math.nan
    overlap_s: float = math.nan
    overlap_share: float = math.nan
    longest_wait_s: float = math.nan
    longest_wait_start_s: float = math.nan
    agent_response_s: float = math.nan
    customer_response_s: float = math.nan
    agent_cut_ins: float = math.nan
    customer_cut_ins: float = math.nan

    def as_dict(self) -> dict[str, float]:
        """Return the measures by name."""
        return asdict(self)


def measure(agent: Spans, customer: Spans) -> Conversation:
    """Measure how the talk of a call was shared.

    Parameters
    ----------
    agent, customer : ndarray [shape=(k, 2)], [shape=(m, 2)]
        Where each speaks, in seconds, sorted by start.

    Returns
    -------
    Conversation
        All NaN where one of the two is never heard.
    """
    agent, customer = join(agent, PAUSE_S), join(customer, PAUSE_S)
    if not len(agent) or not len(customer):
        return Conversation()
    own, other = _length(agent), _length(customer)
    anybody = join(np.concatenate([agent, customer])[_order(agent, customer)], 0.0)
    whole = float(anybody[-1, 1] - anybody[0, 0])
    both = float(overlap_s(agent, customer).sum())
    waits = anybody[1:, 0] - anybody[:-1, 1]
    silence = float(waits.sum())
    longest = int(waits.argmax()) if len(waits) else -1
    return Conversation(
        agent_talk_s=own,
        customer_talk_s=other,
        agent_talk_share=own / (own + other),
        silence_s=silence,
        silence_share=silence / whole,
        overlap_s=both,
        overlap_share=both / whole,
        longest_wait_s=float(waits[longest]) if longest >= 0 else 0.0,
        longest_wait_start_s=float(anybody[longest, 1]) if longest >= 0 else math.nan,
        agent_response_s=_median(gaps(customer, agent)),
        customer_response_s=_median(gaps(agent, customer)),
        agent_cut_ins=float(len(cut_ins(agent, customer))),
        customer_cut_ins=float(len(cut_ins(customer, agent))),
    )


def gaps(first: Spans, second: Spans) -> NDArray[np.float64]:
    """Return the silences after which `second` takes over from `first`, in seconds.

    Parameters
    ----------
    first, second : ndarray [shape=(k, 2)], [shape=(m, 2)]
        Disjoint spans in order.

    Returns
    -------
    ndarray [shape=(n,)]
        Changes without a silence (the second began before the first had ended) are left out.
    """
    ends = first[:, 1]
    after = _next_start(second, ends)
    again = _next_start(first, ends)
    covered = overlap_s(second, np.stack([ends - 1e-6, ends + 1e-6], axis=1)) > 0
    there = ~covered & np.isfinite(after) & (after < again)
    return after[there] - ends[there]


def cut_ins(who: Spans, whom: Spans) -> NDArray[np.float64]:
    """Return when `who` cut in on `whom`: began while the other spoke, and outlasted them.

    Parameters
    ----------
    who, whom : ndarray [shape=(k, 2)], [shape=(m, 2)]
        Spans in order.

    Returns
    -------
    ndarray [shape=(n,)]
        Starts in seconds.
    """
    who, whom = join(who, STRETCH_S), join(whom, STRETCH_S)
    start, end = who[:, 0], who[:, 1]
    # What had begun last by then may be under way, nothing before it: stretches do not overlap.
    under_way = np.searchsorted(whom[:, 0] + STRETCH_S, start, side="right") - 1
    over = np.append(whom[:, 1], -np.inf)[under_way]  # -1: none had begun
    cut = (over - start >= LEAST_OVERLAP_S) & (end > over) & (end - start >= LEAST_CUT_IN_S)
    return np.asarray(start[cut])


def around(agent: Spans, customer: Spans, window: tuple[float, float]) -> dict[str, float]:
    """Return how long it took until the agent's turn with a window began, and until the answer.

    Parameters
    ----------
    agent, customer : ndarray [shape=(k, 2)], [shape=(m, 2)]
        Where each speaks, in seconds, sorted by start.
    window : (float, float)
        The apology.

    Returns
    -------
    dict
        ``response_before_s``: from the end of the customer's speech before the window to the start
        of the agent's. ``response_after_s``: from the end of the agent's turn to the customer's
        next speech. Below 0 where one began before the other had ended; NaN where there is none.
    """
    agent, customer = join(agent, PAUSE_S), join(customer, PAUSE_S)
    start, end = window
    out = dict.fromkeys(RESPONSES, math.nan)
    before = customer[customer[:, 0] < start]
    if len(before):
        heard = float(before[-1, 1])
        # The agent's turn: their first speech since the customer began to say that.
        mine = agent[(agent[:, 1] > before[-1, 0]) & (agent[:, 0] < end)]
        mine = mine[mine[:, 0] > before[-1, 0]]
        if len(mine):
            out["response_before_s"] = float(mine[0, 0]) - heard
    after = customer[customer[:, 0] >= start]
    if len(after):
        answered = float(after[0, 0])
        mine = agent[(agent[:, 0] < answered) & (agent[:, 1] > start)]
        if len(mine):
            out["response_after_s"] = answered - float(mine[-1, 1])
    return out


def _length(spans: Spans) -> float:
    return float((spans[:, 1] - spans[:, 0]).sum())


def _order(agent: Spans, customer: Spans) -> NDArray[np.intp]:
    return np.argsort(np.concatenate([agent[:, 0], customer[:, 0]]), kind="stable")


def _next_start(spans: Spans, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first start at or after each time; infinite where there is none."""
    starts = np.append(spans[:, 0], math.inf)
    return np.asarray(starts[np.searchsorted(spans[:, 0], times, side="left")])


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) >= LEAST_CHANGES else math.nan
