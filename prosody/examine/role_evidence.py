"""What a transcript gives away about who speaks on which channel.

Three kinds of evidence, strongest first: channels and roles that it names, when each role speaks
against when each channel does, and wording that only one side of a service call uses. Each answers
None where it is not clear.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import overlap_s
from prosody.audio.recording import Remark
from prosody.transcripts.turns import Role, Transcript, Turn

MIN_TOLD_S = 2.0  # less of the roles' time in a transcript tells nothing
MIN_MARKED_S = 0.5  # the same of windows that a person set
MIN_TURN_S = 0.3  # shorter turns say little about who speaks where
CLEAR_SHARE = 0.8  # of the turns' time must agree
CLEAR_MARGIN = 0.3  # by which one way round must fit the voices better than the other

# What only the one who answers for a company says. Wording, not proof: used when nothing else is
# there, only when one side says it and the other does not, and always remarked on.
_GREETING = re.compile(
    r"\b(?:thank(?:s| you) for calling|how (?:can|may) i (?:help|assist)|"
    r"is there anything else i can (?:help|do)|anything else i can (?:help|assist) you|"
    r"(?:can|may) i have your (?:name|account|order|date)|"
    r"(?:hoe|waarmee|waar) kan ik (?:u|je|jou) (?:mee )?(?:helpen|van dienst zijn)|"
    r"wat kan ik voor (?:u|je|jou) (?:doen|betekenen)|(?:u|je) spreekt met|"
    r"bedankt voor (?:het|uw|je) (?:bellen|wachten)|welkom bij|"
    r"kan ik (?:u|je) (?:verder )?(?:nog )?(?:ergens|met iets) (?:anders )?(?:mee )?"
    r"(?:helpen|van dienst)|"
    r"mag ik (?:uw|je) (?:postcode|klantnummer|geboortedatum|ordernummer))\b",
    re.IGNORECASE,
)

Segments = NDArray[np.float64]


def _length(turn: Turn) -> float:
    length = turn.end_s - turn.start_s
    return length if math.isfinite(length) and length > 0 else 0.0


def times_of(turns: Sequence[Turn]) -> Segments:
    """Return the times of words, or of turns where words have none, ``[n, 2]``."""
    spans = [
        (w.start_s, w.end_s)
        for t in turns
        for w in (t.words if t.has_word_times else ())
        if w.end_s > w.start_s
    ] + [(t.start_s, t.end_s) for t in turns if not t.has_word_times and _length(t) >= MIN_TURN_S]
    return np.array(spans, float).reshape(-1, 2)


def _fit(turns: Sequence[Turn], here: Segments, there: Segments) -> tuple[float, float]:
    """Return how much more the turns' time is spoken here than there (-1 to 1), and that time."""
    times = times_of(turns)
    total = float(np.sum(times[:, 1] - times[:, 0]))
    if total <= 0:
        return 0.0, 0.0
    more = float(np.sum(overlap_s(here, times) - overlap_s(there, times)))
    return more / total, total


def by_channel(turns: Sequence[Turn], channels: int) -> dict[int, Role] | None:
    """Return channel -> role where the transcript names both for nearly all its time."""
    time: dict[tuple[int, Role], float] = {}
    for turn in turns:
        if turn.channel is not None and turn.role != "unknown":
            key = (turn.channel, turn.role)
            time[key] = time.get(key, 0.0) + max(_length(turn), 0.01)
    out: dict[int, Role] = {}
    for channel in {c for c, _ in time}:
        agent, customer = time.get((channel, "agent"), 0.0), time.get((channel, "customer"), 0.0)
        role: Role = "agent" if agent > customer else "customer"
        if max(agent, customer) < CLEAR_SHARE * (agent + customer) or channel >= channels:
            return None
        out[channel] = role
    if "agent" not in out.values() or list(out.values()).count("agent") > 1:
        return None
    return out


def by_voice(
    turns: Sequence[Turn], speech: Sequence[Segments], *, least_s: float = MIN_TOLD_S
) -> int | None:
    """Return the agent's channel by when the roles speak, None where it is not clear."""
    agent = [t for t in turns if t.role == "agent"]
    customer = [t for t in turns if t.role == "customer"]
    for_agent, agent_s = _fit(agent, speech[0], speech[1])
    for_customer, customer_s = _fit(customer, speech[1], speech[0])
    if agent_s + customer_s < least_s:
        return None
    margin = (for_agent * agent_s + for_customer * customer_s) / (agent_s + customer_s)
    if abs(margin) < CLEAR_MARGIN:
        return None
    return 0 if margin > 0 else 1


def _greeter(turns: Sequence[Turn]) -> str | None:
    """Return the label (channel or speaker) that alone says what an agent says."""
    said: dict[str, int] = {}
    for turn in turns:
        label = str(turn.channel) if turn.channel is not None else turn.speaker
        if label:
            said[label] = said.get(label, 0) + bool(_GREETING.search(turn.text))
    greeters = [label for label, count in said.items() if count]
    return greeters[0] if len(greeters) == 1 and len(said) == 2 else None


def named_by_greeting(transcript: Transcript) -> tuple[Transcript, Remark | None]:
    """Give turns without roles the roles that the greeting tells, where it is clear.

    Only for transcripts that tell two speakers (or channels) apart without saying who they are.
    """
    if any(turn.role != "unknown" for turn in transcript.turns):
        return transcript, None
    greeter = _greeter(transcript.turns)
    if greeter is None:
        return transcript, None

    def role(turn: Turn) -> Role:
        label = str(turn.channel) if turn.channel is not None else turn.speaker
        return "unknown" if not label else "agent" if label == greeter else "customer"

    turns = tuple(replace(turn, role=role(turn)) for turn in transcript.turns)
    text = "Roles taken from the wording: only one speaker greets or offers help as an agent does."
    remark = Remark("roles_from_greeting", text, "If that is wrong, use --agent-channel.")
    return replace(transcript, turns=turns), remark
