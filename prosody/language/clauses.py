"""How far an act reaches: from what leads up to it to the end of its complement.

"en *het spijt ons heel erg dat u zo lang moest wachten* | ik kijk even". Which words lead, link and
stop is in the lexicon's table ``clause``.
"""

from __future__ import annotations

from dataclasses import dataclass

from prosody.language import lexicon
from prosody.language.tokens import Token
from prosody.language.utterances import Stretch

_PAUSE_S = 1.0  # a clause does not reach over a longer pause
_MARKS = ',.?!"'


@dataclass(frozen=True, slots=True)
class Found:
    """An act over the tokens ``[first, last)`` of a stretch."""

    kind: str
    form: str
    first: int
    last: int
    i_form: bool | None


def count_words(part: list[Token]) -> int:
    """Return how many of some tokens are words and not marks."""
    return sum(t.text[0].isalnum() for t in part)


def pauses_in(found: list[Token], stretch: Stretch, lex: lexicon.Lexicon) -> frozenset[int]:
    """Return the tokens before which a clause ends: after a long pause, or where a turn begins.

    Recognisers cut turns in mid-clause as well: one that ends in "the" or "you" goes on, and so
    does "sorry | about that".
    """
    table = lex.structure
    goes_on = table.open_end | table.persons | lex.complement | lex.links
    out = []
    for i in range(1, len(found)):
        before, token = found[i - 1], found[i]
        end, begin = stretch.times[before.last], stretch.times[token.first]
        late = end is not None and begin is not None and begin.start_s - end.end_s > _PAUSE_S
        turns = stretch.owner[before.last] != stretch.owner[token.first]
        open_ = before.text in goes_on or token.text in table.complement_opens
        if late or (turns and not open_):
            out.append(i)
    return frozenset(out)


def extend(
    found: list[Token],
    head: int,
    first: int,
    last: int,
    rule: lexicon.Rule,
    lex: lexicon.Lexicon,
    pauses: frozenset[int],
) -> Found:
    """Widen the match to the clause: what leads up to it, and its complement."""
    first, last = min(first, head), max(last, head + 1)
    core = last
    while first > 0 and found[first - 1].text in lex.before and first not in pauses:
        first -= 1
    persons = lex.first_person | lex.plural_person
    while first < head and (
        found[first].text in _MARKS
        or (
            found[first].text in lex.leads
            and (found[first].text not in lex.before or found[first + 1].text in persons)
        )
    ):
        first += 1
    if rule.act != "apology":
        last = _sentence(found, last, lex, pauses)
    elif rule.extend:
        last = _complement(found, last, lex, pauses)
    while last > head + 1 and found[last - 1].text in _MARKS:
        last -= 1
    i_form = rule.i_form
    if i_form is None:
        near = [t.text for t in found[first : max(head + 1, min(core, last))]]
        i_form = next((w in lex.first_person for w in near if w in persons), None)
        lead_up = "".join(t.text + " " for t in found[max(first - 10, 0) : last])
        if any(f"{phrase} " in lead_up.rsplit(". ", 1)[-1] for phrase in lex.behalf):
            i_form = False
    return Found(rule.act, rule.id, first, last, i_form)


def _sentence(found: list[Token], last: int, lex: lexicon.Lexicon, pauses: frozenset[int]) -> int:
    """Return the end of the sentence, so that a repair shows what it asks for."""
    end = last
    limit = min(len(found), last + lex.max_complement)
    while end < limit and end not in pauses and found[end].text not in '.?!"':
        end += 1
    return end


def _complement(found: list[Token], last: int, lex: lexicon.Lexicon, pauses: frozenset[int]) -> int:
    """Return the end of "for the delay", "that you had to wait", "dat u moest wachten"."""
    begins = last < len(found) and found[last].text in lex.complement
    if not begins and found[last - 1].text not in lex.complement:
        return last
    persons = lex.first_person | lex.plural_person
    linked = any(t.text in lex.links for t in found[max(last - 2, 0) : last])
    end = last
    while end < len(found) and end - last < lex.max_complement and end not in pauses:
        word = found[end].text
        if word in _MARKS or (end > last and word in lex.stop):
            break
        linked = linked or word in lex.links
        if end > last and word in lex.subjects and not linked:
            break  # "... voor de fout | ik kijk even"
        if end > last and word in lex.soft_stop:
            after = found[end + 1].text if end + 1 < len(found) else ""
            own = end - 1 == last or (end - 2 == last and found[last].text in lex.conjunctions)
            own = own or (end - 3 == last and found[end - 2].text in lex.links)
            if found[end - 1].text in persons and not own:
                break  # "... about the delay | i will ...", not "sorry that i could not ..."
            if after in lex.stop | lex.soft_stop or (after in persons and end > last + 1):
                break
        end += 1
    if end < len(found) and found[end].text in lex.stop | lex.soft_stop:
        while end > last and found[end - 1].text in persons:
            end -= 1  # the subject of the next clause
    return end
