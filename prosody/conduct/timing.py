"""The rules heard_first, delay, solution: the order of things."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prosody.conduct.detectors import Hit
from prosody.conduct.dialogue import Dialogue, LocatedApology
from prosody.conduct.result import RuleResult, Said
from prosody.conduct.rules import cannot_tell, outcome, rule
from prosody.conduct.text import BREAK

SPREAD_ERROR = 2.0
"""How far a time within a turn may be off where the transcript has no word times (a factor)."""

BARELY_S = 0.3
"""A turn that began this short a time before the apology began together with it."""


def cut_in(dialogue: Dialogue, apology: LocatedApology) -> Said | None:
    """Return the customer's turn that the apology cuts in on, or None.

    It cuts in when it begins after the customer's turn began and at least ``cut_in_s`` before the
    customer's last word ends.
    """
    if not apology.exact:
        return None
    for turn in dialogue.turns:
        if turn.role != "customer":
            continue
        timed = turn.has_word_times
        start_s = turn.words[0].start_s if timed else turn.start_s
        end_s = turn.words[-1].end_s if timed else turn.end_s
        left_s = end_s - apology.start_s
        if start_s < apology.start_s - BARELY_S and left_s >= dialogue.settings.conduct.cut_in_s:
            return Said(start_s, end_s, turn.text, turn.role)
    return None


def _heard_s(dialogue: Dialogue, before_s: float) -> float:
    """Return how long the customer spoke before a moment."""
    total = 0.0
    for turn in dialogue.turns:
        if turn.role == "customer" and turn.start_s < before_s:
            total += min(turn.end_s, before_s) - turn.start_s
    return total


@rule("heard_first", strength="weak", unit="s", needs_roles=True)
def heard_first(dialogue: Dialogue) -> RuleResult:
    """Show how long the customer spoke before the first apology; flag what comes too early.

    An apology for waiting at the opening of the call is passed over when another follows.
    """
    first = dialogue.apologies[0]
    main = dialogue.main
    if main is not None and first.problem == 0 and dialogue.is_courtesy(first):
        first = main
    if not math.isfinite(first.start_s):
        return cannot_tell("no_times", (first.said,))
    words: tuple[Said, ...] = (first.said,)
    remarks: tuple[str, ...] = ()
    if not first.exact:
        remarks += ("times_estimated",)
    interrupted = cut_in(dialogue, first)
    if interrupted is not None:
        remarks += ("cut_in",)
        words += (interrupted,)
    if not dialogue.complaints:
        remarks += ("no_complaint",)
    elif first.problem == 0:
        remarks += ("before_complaint",)
    else:
        complaint = dialogue.complaints[first.problem - 1]
        words += (complaint.said,)
        remarks += ("complaint_assumed",) * complaint.assumed
    flagged = bool({"cut_in", "before_complaint"} & set(remarks))
    heard = _heard_s(dialogue, first.start_s)
    return outcome("shown", heard, words, remarks=remarks, flagged=flagged)


@rule("delay", strength="weak", unit="s", setting="max_delay_s", needs_roles=True)
def delay(dialogue: Dialogue) -> RuleResult:
    """Show the time from the end of the complaint to the apology that answers it."""
    if not dialogue.complaints:
        return cannot_tell("no_complaint", (dialogue.apologies[0].said,))
    answers = [
        (a, dialogue.complaints[k - 1])
        for k in range(1, len(dialogue.complaints) + 1)
        for a in dialogue.apologies
        if a.problem == k
    ]
    if not answers:
        return cannot_tell("apology_before_complaint", tuple(a.said for a in dialogue.apologies))
    firsts = {c.stretch: (a, c) for a, c in reversed(answers)}
    known = [
        (a.start_s - c.end_s, a, c)
        for a, c in firsts.values()
        if math.isfinite(a.start_s - c.end_s)
    ]
    if not known:
        return cannot_tell("no_times", (answers[0][0].said,))
    value, apology, complaint = max(known, key=lambda k: k[0])
    remarks: tuple[str, ...] = ()
    if value > dialogue.settings.conduct.max_delay_s:
        remarks += ("late",)
    if not apology.exact:
        remarks += ("times_estimated",)
    remarks += ("complaint_assumed",) * complaint.assumed
    whole = dialogue.stretches[complaint.stretch]
    words = whole.said(complaint.cues[0].first if complaint.cues else 0, len(whole.tokens))
    return outcome(
        "shown", value, (words, apology.said), remarks=remarks, flagged="late" in remarks
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """The solution to one problem: its delay with the bounds that the times allow."""

    apology: LocatedApology
    hit: Hit | None
    value_s: float = math.inf
    low_s: float = math.inf
    high_s: float = math.inf


def _answer(dialogue: Dialogue, problem: int, first: LocatedApology) -> _Answer:
    """Return the action or offer nearest to an apology, of those for its problem.

    One that was named just before counts as well: its value is negative.
    """
    hits = dialogue.hits("solution")
    here = (first.stretch, first.first)
    ends = [c.stretch for c in dialogue.complaints[problem:]] if problem else []
    until = ends[0] if ends else len(dialogue.stretches)
    begin = dialogue.complaints[problem - 1].stretch if problem else first.stretch
    after = [h for h in hits if (h.stretch, h.first) > here and h.stretch < until]
    before = [h for h in hits if begin <= h.stretch and (h.stretch, h.first) < here]
    answers = [_timed(dialogue, first, h) for h in after[:1]]
    if before:
        gap_s = min(dialogue.said(before[-1]).end_s - first.start_s, 0.0)
        # What was named long before the apology does not follow it.
        if not gap_s < -dialogue.settings.conduct.max_solution_delay_s:
            answers.append(_Answer(first, before[-1], gap_s, -math.inf, 0.0))
    if not answers:
        return _Answer(first, None)
    return min(answers, key=lambda a: math.inf if math.isnan(a.value_s) else abs(a.value_s))


def _waited_s(dialogue: Dialogue, from_s: float, to_s: float) -> float:
    """Return how long the customer waited between two moments.

    The clock stands still while she speaks herself, while the agent asks who she is, and from such
    a question to her answer (she looks it up).
    """
    stopped: list[tuple[float, float]] = []
    turns = [t for t in dialogue.turns if math.isfinite(t.start_s)]
    for turn, later in zip(turns, [*turns[1:], None], strict=True):
        if turn.role == "customer":
            goes_on = later is not None and later.role == "customer"
            stopped.append((turn.start_s, later.start_s if goes_on else turn.end_s))  # type: ignore[union-attr]
    for hit in dialogue.hits("identifying"):
        asked = dialogue.sentence(hit)
        answer_s = [t.start_s for t in turns if t.role == "customer" and t.start_s >= asked.start_s]
        own_s = [
            t.start_s
            for t in dialogue.stretches[hit.stretch].tokens
            if t.text != BREAK and t.start_s >= asked.end_s
        ]
        stopped.append((asked.start_s, min([*answer_s[:1], *own_s[:1]], default=asked.end_s)))
    waited_s, at_s = 0.0, from_s
    for start_s, end_s in sorted(stopped):
        waited_s += max(0.0, min(start_s, to_s) - at_s)
        at_s = max(at_s, min(end_s, to_s))
    return waited_s + max(0.0, to_s - at_s)


def _timed(dialogue: Dialogue, apology: LocatedApology, hit: Hit) -> _Answer:
    token = dialogue.stretches[hit.stretch].tokens[hit.first]
    gap_s = token.start_s - apology.end_s
    if math.isnan(gap_s):
        return _Answer(apology, hit, gap_s)
    # An apology's clause may run on into the words of the solution.
    value = _waited_s(dialogue, apology.end_s, token.start_s) if gap_s > 0 else 0.0
    stopped_s = max(0.0, gap_s) - value
    if token.exact and apology.exact:
        return _Answer(apology, hit, value, value, value)
    turn = dialogue.turns[token.turn]
    own = dialogue.turns[apology.act.turn] if apology.act.turn >= 0 else None
    if own is turn:
        # Within a turn, words spread by length are taken to be right to a factor of two.
        high_s = min(SPREAD_ERROR * value + 1.0, turn.end_s - turn.start_s)
        return _Answer(apology, hit, value, value / SPREAD_ERROR, high_s)
    own_start = own.start_s if own else apology.start_s
    own_end = own.end_s if own else apology.end_s
    low_s = max(0.0, turn.start_s - own_end - stopped_s)
    return _Answer(apology, hit, value, low_s, max(low_s, turn.end_s - own_start - stopped_s))


@rule("solution", strength="strong", unit="s", setting="max_solution_delay_s", needs_roles=True)
def solution(dialogue: Dialogue) -> RuleResult:
    """Hold the time from the first apology for a problem to the first action or offer."""
    apologies = [a for a in dialogue.apologies if not dialogue.is_courtesy(a)]
    if not apologies:
        # "Sorry to keep you waiting" is answered by the call going on.
        return outcome(
            "met", 0.0, tuple(a.said for a in dialogue.apologies), remarks=("for_a_wait",)
        )
    problems = sorted({a.problem for a in apologies})
    if len(problems) > 1 and problems[0] == 0:
        problems = problems[1:]
    answers = [_answer(dialogue, p, next(a for a in apologies if a.problem == p)) for p in problems]
    if any(a.apology.stretch < 0 for a in answers):
        return cannot_tell("no_text", tuple(a.apology.said for a in answers))
    worst = max(answers, key=lambda a: math.inf if math.isnan(a.value_s) else a.value_s)
    words: tuple[Said, ...] = (worst.apology.said,)
    if worst.hit is None:
        return outcome("not_met", None, words, remarks=("no_solution",))
    words += (dialogue.said(worst.hit),)
    if math.isnan(worst.value_s):
        return cannot_tell("no_times", words)
    limit = dialogue.settings.conduct.max_solution_delay_s
    remarks = ("before_apology",) if worst.high_s == 0.0 and worst.low_s < 0 else ()
    if worst.low_s != worst.high_s and not remarks:
        remarks = ("times_estimated",)
    if worst.low_s <= limit < worst.high_s:
        return outcome("cannot_tell", worst.value_s, words, remarks=remarks)
    if worst.high_s <= limit:
        return outcome("met", worst.value_s, words, remarks=remarks)
    return outcome("not_met", worst.value_s, words, remarks=("late_solution", *remarks))
