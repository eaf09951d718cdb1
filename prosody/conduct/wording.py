"""The rules real, short, once, i_form, no_escape: the apology itself."""

from __future__ import annotations

import math
from collections import Counter

from prosody.conduct.dialogue import Dialogue, LocatedApology
from prosody.conduct.result import RuleResult, Said
from prosody.conduct.rules import cannot_tell, outcome, rule
from prosody.conduct.text import BREAK, plain

TAIL = 6
"""Words after an apology that belong to its wording when repeats are compared."""

SAME_WORDS = 4
"""Words in a row that two apologies share when one repeats the other."""

ESCAPE_REACH = 12
"""How many words before or after the apology a reservation may stand."""


@rule("real", strength="strong", unit="apologies", needs_apology=False, needs_text=False)
def real(dialogue: Dialogue) -> RuleResult:
    """Met with one true apology; not met when a complaint was answered by none."""
    if dialogue.apologies:
        found = tuple(a.said for a in dialogue.apologies)
        if all(one.role == "unknown" for one in found):  # it may be the customer's
            return outcome("cannot_tell", len(found), found, remarks=("role_unknown",))
        return outcome("met", len(found), found)
    others = tuple(Said(a.start_s, a.end_s, a.text, a.role) for a in dialogue.others)
    kinds = tuple(dict.fromkeys(f"only_{a.kind}" for a in dialogue.others))
    if dialogue.felt_sorry:
        return outcome("cannot_tell", 0, others, remarks=("sorry_as_sympathy",))
    if dialogue.complaints:
        complaints = tuple(c.said for c in dialogue.complaints)
        return outcome("not_met", 0, complaints + others, remarks=("complaint_unanswered", *kinds))
    return outcome("cannot_tell", 0, others, remarks=("no_complaint", *kinds))


@rule("short", strength="weak", unit="s", setting="max_apology_s", needs_text=False)
def short(dialogue: Dialogue) -> RuleResult:
    """Hold the longest apologising stretch against the default.

    Apologies of one turn with no more than ``stretch_gap_s`` between them are one stretch.
    """
    known = [a for a in dialogue.apologies if a.exact and math.isfinite(a.start_s)]
    if not known:
        timed = any(math.isfinite(a.start_s) for a in dialogue.apologies)
        return cannot_tell(
            "no_word_times" if timed else "no_times", tuple(a.said for a in dialogue.apologies)
        )
    runs: list[list[LocatedApology]] = []
    for apology in known:
        if runs and _goes_on(dialogue, runs[-1][-1], apology):
            runs[-1].append(apology)
        else:
            runs.append([apology])
    longest = max(runs, key=lambda r: r[-1].end_s - r[0].start_s)
    length_s = longest[-1].end_s - longest[0].start_s
    met = length_s <= dialogue.settings.conduct.max_apology_s
    return outcome("met" if met else "not_met", length_s, tuple(a.said for a in longest))


def _goes_on(dialogue: Dialogue, before: LocatedApology, after: LocatedApology) -> bool:
    gap_s = after.start_s - before.end_s
    return before.stretch == after.stretch and gap_s <= dialogue.settings.conduct.stretch_gap_s


def _wording(dialogue: Dialogue, apology: LocatedApology) -> tuple[str, ...]:
    """Return the words of an apology and the few after it, up to the end of the sentence."""
    if apology.stretch < 0:
        return tuple(plain(apology.act.text))
    tokens = dialogue.stretches[apology.stretch].tokens
    own = [t.text for t in tokens[apology.first : apology.last] if t.text != BREAK]
    for token in tokens[apology.last : apology.last + TAIL]:
        if token.text == BREAK:
            break
        own.append(token.text)
    return tuple(own)


def _repeats(dialogue: Dialogue, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two wordings are one sentence said twice.

    They are when they are equal (two words or more), or share ``SAME_WORDS`` words in a row of
    which one says what the apology is about ("excuses voor het ongemak").
    """
    if one == other:
        return len(one) > 1
    runs = {one[i : i + SAME_WORDS] for i in range(len(one) - SAME_WORDS + 1)}
    runs &= {other[i : i + SAME_WORDS] for i in range(len(other) - SAME_WORDS + 1)}
    return any(not dialogue.lexicon.contentless.issuperset(run) for run in runs)


@rule("once", strength="strong", unit="apologies", setting="max_apologies", needs_text=False)
def once(dialogue: Dialogue) -> RuleResult:
    """Count the apologies for one problem; too many, or the same words again, is not met."""
    per_problem = Counter(a.problem for a in dialogue.apologies)
    most, count = max(per_problem.items(), key=lambda p: (p[1], p[0]))
    same = tuple(a for a in dialogue.apologies if a.problem == most)
    wordings = [(_wording(dialogue, a), a) for a in dialogue.apologies]
    again = tuple(
        a for w, a in wordings if any(_repeats(dialogue, w, v) for v, b in wordings if b is not a)
    )
    remarks: tuple[str, ...] = ()
    if count > dialogue.settings.conduct.max_apologies:
        remarks += ("too_many",)
    if again:
        remarks += ("identical",)
        same = tuple(dict.fromkeys((*same, *again)))
    status = "not_met" if remarks else "met"
    return outcome(status, count, tuple(a.said for a in same), remarks=remarks)  # type: ignore[arg-type]


def _person(dialogue: Dialogue, apology: LocatedApology) -> str:
    if apology.act.i_form is not None:
        return "i" if apology.act.i_form else "we"
    if apology.act.form:
        return "nobody"
    # A window that came from a file: nobody has looked at its wording yet.
    words = set(plain(apology.act.text))
    for person in ("i", "we"):
        if words & dialogue.lexicon.persons[person]:
            return person
    return "nobody"


@rule("i_form", strength="medium", unit="form", needs_text=False)
def i_form(dialogue: Dialogue) -> RuleResult:
    """Show who apologises: ``i``, ``we`` (the company, the passive), ``mixed``, ``nobody``."""
    persons = {_person(dialogue, a) for a in dialogue.apologies}
    named = persons - {"nobody"}
    value = "mixed" if len(named) > 1 else (named.pop() if named else "nobody")
    remarks = {"we": ("we_form",), "nobody": ("nobody_named",)}.get(value, ())
    words = tuple(a.said for a in dialogue.apologies)
    return outcome("shown", value, words, remarks=remarks, flagged=value == "we")


@rule("no_escape", strength="weak", unit="reservations")
def no_escape(dialogue: Dialogue) -> RuleResult:
    """Not met when a reservation stands in or beside an apology ("sorry if", "sorry but")."""
    found = []
    for hit in dialogue.hits("escape"):
        for apology in dialogue.apologies:
            near = (
                hit.first < apology.last + ESCAPE_REACH and hit.last > apology.first - ESCAPE_REACH
            )
            if apology.stretch == hit.stretch and near:
                found.append(dialogue.said(hit))
                break
    if found:
        return outcome("not_met", len(found), tuple(found))
    return outcome("met", 0, tuple(a.said for a in dialogue.apologies))
