"""What a transcript gives away about who speaks, and on which channel.

Kinds of evidence, strongest first: channels and roles that it names, when each role speaks against
when each channel does, and wording that only one side of a service call uses (``who.*.toml``). Each
answers None where it is not clear.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import overlap_s
from prosody.language.patterns import AnyOf
from prosody.message import Message
from prosody.transcripts.document import is_machine
from prosody.transcripts.turns import Role, Transcript, Turn

MIN_TOLD_S = 2.0  # less of the roles' time in a transcript tells nothing
MIN_MARKED_S = 0.5  # the same of windows that a person set
MIN_TURN_S = 0.3  # shorter turns say little about who speaks where
CLEAR_SHARE = 0.8  # of the turns' time must agree
CLEAR_MARGIN = 0.3  # by which one way round must fit the voices better than the other
# What wording counts: a greeting is said by nobody else, other expressions mostly.
GREETING_POINTS, BUSINESS_POINTS, CUSTOMER_POINTS = 3, 1, -1
AGENT_POINTS = 3  # an agent has at least so many
AHEAD_POINTS = 3  # and so many more than anybody else
SECOND_AGENT_POINTS = 4  # of a further agent, who also greets
ECHO_S, ECHO_WORDS, ECHO_SHARE = 1.0, 3, 0.1  # of lines that stand twice
_TAPE_S = 90.0  # where nobody greets, announcements come this early

Segments = NDArray[np.float64]


# --- wording ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _patterns() -> dict[str, AnyOf]:
    """Return the wordings of every kind, of all languages together."""
    kinds: dict[str, list[str]] = {}
    for file in sorted(resources.files("prosody.examine").iterdir(), key=lambda f: f.name):
        if re.fullmatch(r"who\.\w+\.toml", file.name):
            for kind, found in tomllib.loads(file.read_text(encoding="utf-8")).items():
                kinds.setdefault(kind, []).extend(found)
    return {kind: AnyOf(found, {}, "") for kind, found in kinds.items()}


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return the words of a text in small letters."""
    return " ".join(re.findall(r"\w+", text.lower()))


def says(text: str, kind: str) -> bool:
    """Whether a text has a wording of a kind: greeting, business, customer, tape ..."""
    return bool(_patterns()[kind].search(f"{plain(text)} "))


def _points_of_greeting(text: str) -> int:
    return GREETING_POINTS * (says(text, "greeting") or says(text, "welcome"))


def _points(text: str) -> int:
    return (
        _points_of_greeting(text)
        + BUSINESS_POINTS * says(text, "business")
        + CUSTOMER_POINTS * says(text, "customer")
    )


@dataclass(frozen=True, slots=True)
class Agents:
    """Who the agents are by their wording: labels, and how surely."""

    labels: tuple[str, ...]
    ahead: int

    @property
    def sure(self) -> bool:
        """Whether much more than one greeting tells."""
        return self.ahead >= 2 * AHEAD_POINTS


def agents_by_wording(said: Sequence[tuple[str, str]]) -> Agents | None:
    """Tell which of several speakers are agents, by what they say.

    Parameters
    ----------
    said : sequence of (label, text)
        Of two speakers or more.

    Returns
    -------
    Agents or None
        None where nobody is clearly ahead of everybody else.
    """
    points: dict[str, int] = {}
    greets: dict[str, bool] = {}
    for label, text in said:
        points[label] = points.get(label, 0) + _points(text)
        greets[label] = greets.get(label, False) or _points_of_greeting(text) > 0
    if len(points) < 2:
        return None
    ordered = sorted(points, key=lambda label: -points[label])
    first = ordered[0]
    others = [
        label for label in ordered[1:] if greets[label] and points[label] >= SECOND_AGENT_POINTS
    ]
    rest = [label for label in ordered[1:] if label not in others]
    if not rest or points[first] < AGENT_POINTS:
        return None
    ahead = points[first] - points[rest[0]]
    if ahead < AHEAD_POINTS:
        return None
    return Agents((first, *others), ahead)


def label_of(turn: Turn) -> str:
    """Return what tells a turn's speaker from others: its channel, else its label."""
    return str(turn.channel) if turn.channel is not None else turn.speaker


def named_by_wording(transcript: Transcript) -> tuple[Transcript, Message | None]:
    """Give turns without roles the roles that their wording tells, where it is clear.

    That is for transcripts that tell speakers (or channels) apart without saying who they are; and
    for those whose roles clearly are the wrong way round.
    """
    if any(turn.role != "unknown" for turn in transcript.turns):
        return _turned(transcript)
    said = [(label_of(t), t.text) for t in transcript.turns if label_of(t)]
    found = agents_by_wording(said)
    if found is None:
        return transcript, None

    def role(turn: Turn) -> Role:
        label = label_of(turn)
        return "unknown" if not label else "agent" if label in found.labels else "customer"

    turns = tuple(replace(turn, role=role(turn)) for turn in transcript.turns)
    return replace(transcript, turns=turns), wording_remark(found)


def _turned(transcript: Transcript) -> tuple[Transcript, Message | None]:
    """Turn roles round where it is clearly the customer who answers as a business does."""
    found = agents_by_wording([(t.role, t.text) for t in transcript.turns if t.role != "unknown"])
    if found is None or found.labels != ("customer",):
        return transcript, None
    if not found.sure:
        return transcript, Message.of("roles_doubtful")
    other: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
    turns = tuple(replace(t, role=other.get(t.role, "unknown")) for t in transcript.turns)
    return replace(transcript, turns=turns), Message.of("roles_swapped")


def said_once(transcript: Transcript) -> tuple[Transcript, Message | None]:
    """Read lines once that both sides say in the same words at the same time: an echoed export.

    A line keeps the role more of whose lines are doubled, since who echoes says other things, too;
    where that does not tell it has none, and the channels tell.
    """
    turns = transcript.turns
    places: dict[str, list[int]] = {}
    for i, turn in enumerate(turns):
        if turn.role != "unknown" and math.isfinite(turn.start_s):
            places.setdefault(plain(turn.text), []).append(i)
    pairs = []
    for same in places.values():
        same.sort(key=lambda i: turns[i].start_s)
        low = 0
        for k, b in enumerate(same):  # with those just before it: "yes" is said a thousand times
            while turns[b].start_s - turns[same[low]].start_s >= ECHO_S:
                low += 1
            pairs += [(a, b) for a in same[low:k] if turns[a].role != turns[b].role]
    long = [(a, b) for a, b in pairs if len(turns[a].text.split()) >= ECHO_WORDS]
    pairs = pairs if len(long) > 1 else long
    if not pairs:
        return transcript, None
    count = Counter(t.role for t in turns)
    share = {r: len({i for p in pairs for i in p if turns[i].role == r}) / count[r] for r in count}
    clear = abs(share.get("agent", 0.0) - share.get("customer", 0.0)) > ECHO_SHARE
    gone = {b if share[turns[a].role] >= share[turns[b].role] else a for a, b in pairs}
    doubled = {i for pair in pairs for i in pair}
    kept = tuple(
        replace(t, role="unknown", speaker="", channel=None) if i in doubled and not clear else t
        for i, t in enumerate(turns)
        if i not in gone
    )
    return replace(transcript, turns=kept), Message.of("doubled_lines", count=len(gone))


def wording_remark(found: Agents) -> Message:
    """Say that the wording told the agent, and how surely."""
    return Message.of("roles_from_greeting", sure="clearly" if found.sure else "probably")


def named_by_user(transcript: Transcript, agent_speaker: str) -> tuple[Transcript, Message | None]:
    """Give the roles that ``--agent-speaker`` (or the manifest) tells.

    Returns
    -------
    transcript : Transcript
        With roles, where the speaker is there at all.
    remark : Message or None
        That the speaker is not there.
    """
    wanted = {name.strip().casefold() for name in agent_speaker.split(",") if name.strip()}
    labels = {t.speaker for t in transcript.turns if t.speaker}
    if not wanted & {label.casefold() for label in labels}:
        # How many, and not which: a label may be a customer's name.
        return transcript, Message.of("no_such_speaker", count=len(labels))

    def role(turn: Turn) -> Role:
        if not turn.speaker:
            return "unknown"
        return "agent" if turn.speaker.casefold() in wanted else "customer"

    return replace(
        transcript, turns=tuple(replace(t, role=role(t)) for t in transcript.turns)
    ), None


def announcements(turns: Sequence[Turn]) -> frozenset[int]:
    """Return the positions of turns that no person says: announcements, menus, assistants.

    By label, or by wording: what only a tape says wherever it stands, and what a tape usually says
    before the greeting, with everything that the same voice said before it.
    """
    out = {i for i, t in enumerate(turns) if is_machine(t.speaker)}
    rest = [i for i in range(len(turns)) if i not in out]
    greeting = next(
        (i for i in rest if turns[i].role != "customer" and says(turns[i].text, "greeting")
         and not says(turns[i].text, "tape")), None,
    )  # fmt: skip
    last = -1
    for i in rest:
        text = turns[i].text
        tape = says(text, "tape") and not says(text, "greeting")
        early = (i < greeting) if greeting is not None else turns[i].start_s < _TAPE_S
        if tape or (early and says(text, "announcement") and not says(text, "greeting")):
            out.add(i)
            if early:
                last = i
    if last >= 0:
        side = label_of(turns[last]) or turns[last].role
        before = [i for i in rest if i <= last]
        same = [i for i in before if (label_of(turns[i]) or turns[i].role) == side]
        if len(same) == len(before):  # nobody else has spoken yet: all of it is the tape
            out |= set(same)
    return frozenset(out)


# Labels that name nobody.
NEUTRAL = re.compile(
    r"(?:speaker|spk|spreker|guest|agent|medewerker|ch|channel|kanaal)[ _-]?\w{1,3}", re.IGNORECASE
)


def agents_apart(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return for each turn which agent speaks it; '' of others, and where there is one agent.

    Several speakers that are agents are told by their labels; agents of one label by a handover
    ("I will put you through") and the greeting after it. Names are not repeated: ``agent 1`` is who
    speaks first.
    """
    mine = [i for i, t in enumerate(turns) if t.role == "agent"]
    labels = {i: turns[i].speaker.casefold() for i in mine}
    out = [""] * len(turns)
    last = next((label for label in labels.values() if label), "")
    for i in mine:  # who has no label is who spoke before
        last = labels[i] = labels[i] or last
    if len(set(labels.values())) < 2:
        part, passed, greeted = 0, False, False
        for i in mine:
            greets = says(turns[i].text, "greeting") or bool(_INTRODUCES.search(turns[i].text))
            if passed and greeted and greets:
                part, passed = part + 1, False
            greeted = greeted or greets
            passed = passed or says(turns[i].text, "handover")
            labels[i] = str(part)
    names: dict[str, str] = {}
    for i in mine:
        own = turns[i].speaker
        neutral = NEUTRAL.fullmatch(own.strip()) and labels[i] == own.casefold()
        names.setdefault(labels[i], own if neutral else f"agent {len(names) + 1}")
    if len(names) > 1:
        for i in mine:
            out[i] = names[labels[i]]
    return tuple(out)


# A second agent seldom says more than who she is: "Goedemiddag, met Joris van facturen".
_INTRODUCES = re.compile(
    r"^\W*(?:goede(?:morgen|middag|navond)|goeiedag|hallo|dag|hello|hi|good (?:morning|afternoon|"
    r"evening))\b.{0,30}\b(?:met|u spreekt met|you(?:'re| are) (?:speaking|through) (?:to|with)|"
    r"this is|my name is|mijn naam is)\s+\w+",
    re.IGNORECASE,
)


# --- when each speaks ---------------------------------------------------------------------------


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
