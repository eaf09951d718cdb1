"""The rules responsibility, specific, understanding, promise: what is said beside the apology."""

from __future__ import annotations

from dataclasses import replace

from prosody.conduct import nouns
from prosody.conduct.detectors import Hit
from prosody.conduct.dialogue import Dialogue, LocatedApology
from prosody.conduct.result import Promise, RuleResult, Said
from prosody.conduct.rules import cannot_tell, outcome, rule
from prosody.conduct.text import BREAK, Token

BEFORE, AFTER = 15, 25
"""Words before and after the apology in which it can name what it is for."""

CLOSING = 3
"""Words after a commitment that may close its sentence."""

SAME_BREATH = 3
"""Words between two findings that are one statement."""

WHEN_AFTER, WHEN_BEFORE = 14, 3
"""How many words after the beginning of a commitment, or before it, its "when" may stand."""


def _since(dialogue: Dialogue) -> tuple[int, int]:
    """Return where the part of the call that is looked at begins: complaint or apology."""
    spots = [(c.stretch, 0) for c in dialogue.complaints]
    spots += [(a.stretch, 0) for a in dialogue.apologies if a.stretch >= 0]
    return min(spots) if spots else (0, 0)


def _present(dialogue: Dialogue, detector: str) -> tuple[Said, ...]:
    """Return the statements of the agent's that a detector finds, side by side ones as one."""
    since = _since(dialogue)
    joined: list[Hit] = []
    for hit in dialogue.hits(detector):
        if (hit.stretch, hit.first) < since:
            continue
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.stretch == hit.stretch
            and hit.first - last.last <= SAME_BREATH
        ):
            joined[-1] = replace(last, last=hit.last)
        else:
            joined.append(hit)
    return tuple(dialogue.said(h) for h in joined)


@rule("responsibility", strength="strong", unit="statements", needs_roles=True)
def responsibility(dialogue: Dialogue) -> RuleResult:
    """Met when the agent owns the mistake in so many words."""
    words = _present(dialogue, "responsibility")
    return outcome("met" if words else "not_met", len(words), words)


@rule("understanding", strength="strong", unit="statements", needs_apology=False, needs_roles=True)
def understanding(dialogue: Dialogue) -> RuleResult:
    """Met when the agent acknowledges what it means; remarks say what was named, and for whom."""
    if not dialogue.apologies and not dialogue.complaints:
        return cannot_tell("no_complaint")
    words = _present(dialogue, "understanding")
    begin = _since(dialogue)[0]
    start_s = dialogue.stretches[begin].start_s
    for act in dialogue.others:
        apart = all(act.end_s <= w.start_s or act.start_s >= w.end_s for w in words)
        if act.kind == "sympathy" and apart and not act.end_s < start_s:
            words += (Said(act.start_s, act.end_s, act.text, act.role),)
    if not words:
        return outcome("not_met", 0)
    said = [dialogue.lexicon.line(w.text) for w in words]
    said += [
        dialogue.lexicon.line(dialogue.sentence(hit).text)
        for hit in dialogue.hits("understanding")
        if (hit.stretch, hit.first) >= _since(dialogue)
    ]
    feeling = any(dialogue.lexicon.felt.search(line.text) for line in said)
    remarks: tuple[str, ...] = ("feeling_named",) if feeling else ("formula_only",)
    you = dialogue.lexicon.persons["you"]
    if any(token.text in you for line in said for token in line.tokens):
        remarks += ("for_the_customer",)
    return outcome("met", len(words), words, remarks=remarks)


def _heard(dialogue: Dialogue, apology: LocatedApology) -> list[Token]:
    """Return what the customer said before an apology (whole stretches that began before it)."""
    out: list[Token] = []
    for index, piece in enumerate(dialogue.stretches):
        began = piece.start_s < apology.start_s if apology.exact else index < apology.stretch
        if piece.role == "customer" and began:
            out += [*piece.tokens, Token(BREAK, "", 0.0, 0.0, True, -1)]
    return out


@rule("specific", strength="medium", unit="nouns", needs_roles=True)
def specific(dialogue: Dialogue) -> RuleResult:
    """Met when the agent, apologising, uses one of the customer's own content nouns."""
    table = dialogue.lexicon.nouns
    any_noun = False
    apologies = [a for a in dialogue.apologies if not dialogue.is_courtesy(a)]
    if not apologies:
        return cannot_tell("for_a_wait", tuple(a.said for a in dialogue.apologies))
    for apology in apologies:
        if apology.stretch < 0:
            continue
        customer = _heard(dialogue, apology)
        any_noun = any_noun or bool(nouns.said(customer, table))
        piece = dialogue.stretches[apology.stretch]
        low = max(0, apology.first - BEFORE)
        near = piece.tokens[low : apology.last + AFTER]
        found = nouns.shared(near, customer, table)
        if found:
            own = tuple(piece.said(low + i, low + i + 1) for i, _ in found)
            named = {t.text: Said(t.start_s, t.end_s, t.shown, "customer") for _, t in found}
            return outcome("met", len(named), (*named.values(), *own))
    if not any_noun:
        return cannot_tell("no_nouns", tuple(a.said for a in dialogue.apologies))
    return outcome("not_met", 0, tuple(a.said for a in dialogue.apologies))


def promises(dialogue: Dialogue) -> tuple[Promise, ...]:
    """Return the agent's commitments in order, those without a "when" included.

    What is done on the spot ("ik maak het nu in orde") is a solution and no promise.
    """
    commits = dialogue.hits("promise.commit")
    whens = _shared_out(dialogue, commits, dialogue.hits("promise.when"))
    on_the_spot = _shared_out(dialogue, commits, dialogue.hits("promise.now"))
    return tuple(
        _promise(dialogue, hit, whens.get(hit))
        for hit in commits
        if hit in whens or not (hit.needs_when or hit in on_the_spot)
    )


def _shared_out(dialogue: Dialogue, commits: list[Hit], times: list[Hit]) -> dict[Hit, Hit]:
    """Give each time to the commitment that it stands with: the nearest in its sentence."""
    out: dict[Hit, Hit] = {}
    for time in times:
        near = [(gap, h) for h in commits if (gap := _gap(dialogue, h, time)) is not None]
        if near:
            out.setdefault(min(near, key=lambda n: n[0])[1], time)
    return out


def _gap(dialogue: Dialogue, hit: Hit, time: Hit) -> int | None:
    """Return how many words lie between a commitment and a time; None where they are apart."""
    if time.stretch != hit.stretch:
        return None
    low, high = min(hit.first, time.first), max(hit.last, time.last)
    tokens = dialogue.stretches[hit.stretch].tokens
    if any(t.text == BREAK for t in tokens[low:high]):
        return None
    if time.first >= hit.first:
        return max(0, time.first - hit.last) if time.first - hit.first <= WHEN_AFTER else None
    # A time before its commitment stands right before it ("morgen bel ik u").
    gap = hit.first - time.last
    between = {t.text for t in tokens[time.last : hit.first]}
    return gap if gap <= WHEN_BEFORE and not between & dialogue.lexicon.conjunctions else None


def _promise(dialogue: Dialogue, hit: Hit, when: Hit | None) -> Promise:
    piece = dialogue.stretches[hit.stretch]
    low = min(hit.first, when.first) if when else hit.first
    high = max(hit.last, when.last) if when else hit.last
    # The verb often closes the sentence ("ik laat hem morgen bezorgen", "ik bel u ... terug").
    function = dialogue.lexicon.function - dialogue.lexicon.particles
    for token in piece.tokens[high : high + CLOSING]:
        if token.text == BREAK or token.text in function:
            break
        high += 1
    inside = range(low, high)
    span = range(when.first, when.last) if when else range(0)
    who = set(hit.who.split())
    what = [piece.tokens[i] for i in inside if i not in span]
    return Promise(
        who=hit.who,
        what=" ".join(t.shown or t.text for t in what if t.text not in who and t.text != BREAK),
        when=piece.said(when.first, when.last).text if when else "",
        said=piece.said(low, high),
    )


@rule("promise", strength="weak", unit="promises", needs_apology=False, needs_roles=True)
def promise(dialogue: Dialogue) -> RuleResult:
    """List the commitments. Met with a concrete one, not met with only vague ones.

    Where nothing was promised there is nothing to grade: ``shown`` with 0.
    """
    listed = promises(dialogue)
    concrete = [p for p in listed if p.concrete]
    vague = tuple(dialogue.said(h) for h in dialogue.hits("promise.vague"))
    words = tuple(p.said for p in listed)
    if concrete:
        return outcome("met", len(concrete), words, promises=listed)
    relevant = bool(dialogue.apologies or dialogue.complaints)
    if relevant and (listed or vague):
        remarks = (("no_when",) if listed else ()) + (("vague_only",) if vague else ())
        return outcome("not_met", 0, words + vague, remarks=remarks, promises=listed)
    return outcome("shown", 0, words + vague, remarks=("no_promise",), promises=listed)
