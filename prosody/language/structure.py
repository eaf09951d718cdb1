"""What stands on both sides of an apologising phrase: tests that no list of wordings can do.

A speaker who corrects herself breaks off, says "sorry", and takes up what she said: the clause
before the phrase is not finished, or the words on both sides are the same or of the same kind. One
who apologises says a whole clause, or says what for. A rule of a lexicon asks for such a test by
its name (``when``, ``never``); the few words that the tests need are in the lexicon's
``[structure]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

from prosody.language.lexicon import Lexicon, Rule
from prosody.language.tokens import Token

_ENDS = frozenset(".?!")
_PAUSES = frozenset(',"')
_NEAR = 16  # words before the phrase among which one looks for what is said again
_REACH = 24  # words on either side that are kept
_REST = 4  # words that may stand between what is said again and the phrase
_SHORT = 6  # words of a phrase without a verb
_LONG = 10  # the same where a number opens it


@dataclass(frozen=True, slots=True)
class Sides:
    """The words on both sides of the phrase that holds a head word ("i am so sorry").

    ``before`` ends, and ``after`` begins, next to the phrase; commas are left out, and so are words
    that only turn back ("no", "oh", "or", another "sorry"). ``closed`` and ``opened`` say whether a
    sentence ends between them and the phrase; ``quoted`` whether the phrase stands in quotation
    marks that hold only a part of the turn; ``alike`` whether nearly the same word stands on both
    sides ("Ann, sorry, Anna"); ``clause`` whether the phrase says who ("and I am sorry");
    ``bare`` whether it says no more than that one is sorry ("so sorry", "excuse me" do); ``told``
    holds the words of the two turns before; ``hesitated`` whether a filler ("uh") stands before it;
    ``opens`` whether it opens the turn (``before`` is then what the speaker said right before);
    ``denied`` whether a "no" follows it.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    closed: bool = False
    opened: bool = False
    quoted: bool = False
    alike: bool = False
    clause: bool = False
    bare: bool = False
    told: frozenset[str] = frozenset()
    hesitated: bool = False
    opens: bool = False
    denied: bool = False

    @property
    def clause_before(self) -> tuple[str, ...]:
        """Return the words since the last end of a sentence before the phrase."""
        ends = [i for i, w in enumerate(self.before) if w in _ENDS]
        return self.before[ends[-1] + 1 :] if ends else self.before

    @property
    def clause_after(self) -> tuple[str, ...]:
        """Return the words up to the first end of a sentence after the phrase."""
        ends = [i for i, w in enumerate(self.after) if w in _ENDS]
        return self.after[: ends[0]] if ends else self.after

    def fit(self, rule: Rule, lex: Lexicon) -> bool:
        """Tell whether the two sides are as a rule asks."""
        if rule.when and not any(TESTS[t](self, lex) for t in rule.when):
            return False
        return not any(TESTS[t](self, lex) for t in rule.never)


def sides(
    found: Sequence[Token],
    head: int,
    first: int,
    last: int,
    lex: Lexicon,
    told: frozenset[str] = frozenset(),
    led_up: tuple[str, ...] = (),
) -> Sides:
    """Return what stands on both sides of the tokens ``[first, last)``.

    Parameters
    ----------
    found : sequence of Token
        The whole stretch.
    head : int
        The head word under judgement.
    first, last : int
        The phrase around it.
    lex : Lexicon
        The language.
    told : frozenset of str
        The words of the two turns before.
    led_up : tuple of str
        The turn right before, where the same speaker goes on.
    """
    words = [t.text for t in found]
    table = lex.structure
    closed = begging = turned = False
    low = first
    while low > 0:
        word = words[low - 1]
        if word in _ENDS:
            closed = closed or not turned
        elif low > 1 and f"{words[low - 2]} {word}" in table.turns_back:
            turned = True
            low -= 1
        elif word in table.turns_back:
            turned = True
        elif word in table.beg:
            begging = True
        elif word not in _PAUSES and not (begging and word in table.phrase_words):
            break
        low -= 1
    lead = () if low else led_up
    closed = closed or not _ENDS.isdisjoint(lead[-1:])
    opened = False
    high = last
    while high < len(words):
        if words[high] in _ENDS:
            opened = True
        elif words[high] not in table.turns_back | table.beg | _PAUSES:
            break
        high += 1
    return Sides(
        tuple(w for w in (*lead, *words[max(0, low - _REACH) : low]) if w not in _PAUSES),
        tuple(w for w in words[high : high + _REACH] if w not in _PAUSES),
        closed,
        opened,
        quoted=words[:first].count('"') % 2 == 1 and '"' in words[last:],
        alike=_alike(words, head, lex),
        clause=not (lex.first_person | lex.plural_person).isdisjoint(words[first:head]),
        bare=lex.very.isdisjoint(words[first:last]),
        told=told,
        hesitated=_gap(found, first),
        opens=low == 0,
        denied=not table.negations.isdisjoint(words[last:high]),
    )


def _gap(found: Sequence[Token], at: int) -> bool:
    """Tell whether a word was left out, as fillers are, before a token that opens no sentence."""
    low = at - 1
    while low >= 0 and found[low].text in _PAUSES:
        low -= 1
    return low >= 0 and found[low].text not in _ENDS and found[at].first - found[low].last > 1


def _alike(words: Sequence[str], head: int, lex: Lexicon) -> bool:
    """Tell whether nearly the same word stands on both sides, or a phrase is begun again."""
    passed = lex.leads | lex.function_words | lex.before | _PAUSES
    near = words[max(head - 4, 0) : head]
    before = next((w for w in reversed(near) if w not in passed), "")
    after = next((w for w in words[head + 1 : head + 4] if w not in passed), "")
    if len(after) >= 3 and before != after and after in near[:-1]:
        return True
    if min(len(before), len(after)) < 3 or before == after:
        return False
    return before[:2] == after[:2] or SequenceMatcher(None, before, after).ratio() >= 0.75


def cut_off(s: Sides, lex: Lexicon) -> bool:
    """Tell whether the clause before breaks off: it ends in a word that no clause ends in."""
    table = lex.structure
    if not s.before or (s.closed and s.before[-1] not in table.open_end & table.determiners):
        return False  # recognisers end a sentence at a pause: "i am still in the. sorry"
    last, previous = s.before[-1], s.before[-2:-1]
    if last in table.open_before_noun:
        whole = last in table.joins and (s.clause or bool({*s.after[:1]} & table.complement_opens))
        return not whole and bool(s.after) and _opens_phrase(s.after[0], lex)
    if last not in table.open_end:
        return False
    # "here it is, sorry", "she said they were sorry", "not only are we sorry": a clause is whole.
    makes_whole = table.subjects | table.verbs if last in table.verbs else table.verbs
    return not makes_whole & {*previous}


def goes_on(s: Sides, lex: Lexicon) -> bool:
    """Tell whether a phrase that was begun before goes on: "the bed, sorry, and the chair"."""
    table = lex.structure
    joins = len(s.after) > 1 and s.after[0] in table.joins and s.after[1] in table.determiners
    return joins and bool(s.clause_before) and not s.closed


def broken_noun(s: Sides, lex: Lexicon) -> bool:
    """Tell whether an article stands before the phrase whose noun does not come right after."""
    determiners = lex.structure.determiners
    if not s.after or not cut_off(s, lex) or s.before[-1] not in determiners:
        return False
    return s.opened or s.after[0] in determiners


def said_again(s: Sides, lex: Lexicon) -> bool:
    """Tell whether words next to the phrase are said again after it, and then go on otherwise.

    "Look at, sorry, look at this", "a lot of time, sorry, a lot of space", "it was double, sorry,
    the code was double". Not "we cannot, sorry, we cannot": what is refused may be repeated.
    """
    table = lex.structure
    before = [_class(w, lex) for w in s.before if w not in _ENDS][-_NEAR:]
    after = [_class(w, lex) for w in s.after if w not in _ENDS][:_NEAR]
    while before and before[-1] in lex.leads - lex.function_words:
        before.pop()
    if lex.leads.issuperset(before):
        return False  # "and sorry. and can i ..."
    if not before or not after:
        return False
    light = lex.function_words | lex.leads | lex.before

    def heavy(word: str) -> bool:
        return word not in light and (len(word) > 2 or word == "#")

    twos = {(*before[j : j + 2],) for j in range(len(before))}
    threes = {(*before[j : j + 3],) for j in range(len(before))}
    if after[0] != before[-1] and (*after[:3],) not in threes:
        anew = (*after[:2],) in twos and heavy(after[1])  # "for six, sorry, for half past six"
        if after[0] in table.complement_opens and not anew:
            return False  # "..., sorry for the delay"
        again = (*after[:2],) in twos or any(w in before and heavy(w) for w in after[1:2])
        again = again or (*after[1:4],) in threes
        tail = (*before[-2:],)  # "i sent it back, sorry, i will send it back"
        if heavy(tail[-1]) and not table.negations & {*before}:
            again = again or tail in {(*pair,) for pair in pairwise(after)}
        persons = (lex.first_person | lex.plural_person) - table.determiners
        restated = after[0] in table.persons - persons and {*after[1:2]} <= table.restates
        if restated and after[0] in before and not table.negations & {*before, *after[:_SHORT]}:
            return True  # "you take the first, sorry, you get the second"
        if after[0] in persons and not again:
            return False  # "..., sorry, i was not paying attention"
    says = table.verbs | {*lex.sets.get("aux", ())}
    for n in (2, 3):  # "i am checking the order, sorry, the order is not there yet"
        stated = before[-n:] == after[:n] and not table.determiners.isdisjoint(after[:1])
        if stated and says & {*after[n : n + 1]} and says & {*before[:-n]} and heavy(before[-1]):
            return False
    for i in range(len(after)):
        for j in range(len(before)):
            same = 0
            while (
                i + same < len(after)
                and j + same < len(before)
                and after[i + same] == before[j + same]
            ):
                same += 1
            if not same or table.negations & {*before[j:]}:
                continue
            rest, more = before[j + same :], after[i + same :]
            if rest and rest[:1] == more[:1]:
                continue
            only_light = not any(map(heavy, after[i : i + same]))
            taken_up = {*filter(heavy, rest)} & {*more[: _NEAR // 2]}
            broken = same > 1 and {*rest[-1:]} & (table.open_end | table.open_before_noun)
            alone = not (taken_up or broken) and (rest or same < 2)
            if only_light and after[i] in table.persons and alone:
                continue  # "... what you are looking for, sorry you are having trouble"
            weight = same + (not only_light) + (not rest)
            if i == 0 and same == 1 and before[j] in table.determiners and 0 < len(rest) <= 2:
                # "the bed, sorry, the chair"; not "the bed, sorry, the chair is sold out"
                whole = table.verbs & {*more[1:3]} and table.verbs & {*s.clause_before}
                weight += bool(more) and not whole
            if i <= (0 if only_light else 1) and weight >= 2 and len(rest) <= _REST:
                return True
            if i <= _REST + 1 and not rest and heavy(before[-1]):
                return True
            if same >= 3 and (len(rest) < _REST or (i < _REST and (not only_light or taken_up))):
                return True
    return False


def _class(word: str, lex: Lexicon) -> str:
    """Return a word, or one mark for any number: "for forty of them, sorry, for fifty of them"."""
    return "#" if word[0].isdigit() or word in lex.numbers else word


def _opens_phrase(word: str, lex: Lexicon) -> bool:
    """Tell whether a phrase begins with this word: an article, a preposition, a number."""
    return word in lex.structure.determiners or word in lex.numbers or word[0].isdigit()


def fragment(s: Sides, lex: Lexicon) -> bool:
    """Tell whether nothing but a phrase without a verb stands before: "the second one, sorry"."""
    clause = [w for w in s.clause_before if w not in lex.leads]
    if s.after or s.closed or s.opens or not 0 < len(clause) < _SHORT:
        return False
    return _opens_phrase(clause[0], lex) and not lex.structure.verbs & {*clause}


def noun_after(s: Sides, lex: Lexicon) -> bool:
    """Tell whether only a phrase without a verb follows: "in Leeds, sorry, in London"."""
    table, clause = lex.structure, s.clause_after
    prepositions = (table.determiners & table.open_before_noun) - table.complement_opens
    if len(clause) > 1 and clause[0] in prepositions and not within(s, lex):
        said = table.verbs | table.negations | lex.first_person | lex.plural_person
        return not said & {*clause[:_SHORT]}  # "sorry, in the second"; not "in May we are closed"
    if not clause or table.verbs & {*clause} or table.persons & {*clause}:
        return False
    number = clause[0][0].isdigit() or clause[0] in table.answers
    if not len(clause) <= (_LONG if number else _SHORT):
        return False
    if number:  # "sorry, not today" refuses
        more = len(clause) > 1 and not table.negations & {*clause}
        return more or within(s, lex)
    if len(clause) == 1:  # "her name is Jean, sorry, June"
        known = lex.function_words | lex.leads | lex.before | lex.complement | lex.stop
        if clause[0] in known | lex.called or clause[0].endswith(table.past_ends):
            return False
        return within(s, lex) and not table.negations & {*s.before}
    if clause[0] not in table.determiners - table.complement_opens:
        return False
    if not s.before:  # "sorry, the postcode"; not "sorry, the line dropped"
        own = clause[0] in lex.first_person | lex.plural_person  # "sorry, my computer"
        return len(clause) <= 3 and not own and not clause[-1].endswith(table.past_ends)
    return within(s, lex)


def taken_up(s: Sides, lex: Lexicon) -> bool:
    """Tell whether a phrase takes up the turn before: "the third?" "sorry, the third".

    Who answers so corrects or asks; who apologises says a clause ("sorry, the fourth is full").
    """
    table = lex.structure
    if (
        s.denied
        or within(s, lex)
        or {*s.after[:1]} & (table.complement_opens | table.persons | lex.stop)
    ):
        return False
    near = s.clause_after[:_REST]
    told = {_class(w, lex) for w in s.told}
    light = lex.function_words | lex.leads | lex.before | table.determiners
    heavy = [_class(w, lex) for w in takewhile(lambda w: w not in lex.stop, near) if w not in light]
    said = table.verbs | table.negations | {*lex.sets.get("aux", ())}
    if said & {*near} or any(w.endswith(table.past_ends) for w in heavy):
        return False
    return bool(heavy) and ("#" in heavy or told.issuperset(heavy)) and not told.isdisjoint(heavy)


def restart(s: Sides, lex: Lexicon) -> bool:
    """Tell whether a bare "sorry" stands in mid-sentence and another phrase begins after it.

    "The tram, sorry, bus nine goes there", "from Leeds, sorry, the north side of it we saw". Who
    apologises says more: how sorry, for what, what she did or what is the matter; or takes leave.
    """
    table = lex.structure
    if not s.bare or (s.opened and not s.hesitated) or not s.after or not within(s, lex):
        return False
    first = s.after[0]
    if s.hesitated and first in table.persons - lex.first_person - lex.plural_person:
        return True  # "it goes to uh sorry you take the tram"
    if first in table.determiners:
        if first in table.complement_opens | table.open_before_noun:
            return first not in table.complement_opens  # "sorry, in the next", not "sorry for"
        for word in s.clause_after[1:_SHORT]:
            if word in table.verbs or word.endswith(table.past_ends):
                return False  # "sorry, the line is bad"
            if word in table.persons | table.determiners | table.joins:
                return True  # the phrase is over, and no verb stood in it
        return len(s.clause_after) < _SHORT
    if _class(first, lex) == "#":
        return True
    says_more = table.subjects | table.verbs | table.negations | table.question_words
    known = lex.function_words | lex.leads | lex.before | lex.complement | lex.stop | lex.called
    return first not in says_more | known and not first.endswith(table.past_ends)


def own_doing(s: Sides, lex: Lexicon) -> bool:
    """Tell whether what follows is said of the speaker: "sorry, I ...", "sorry, we ..."."""
    return bool(s.after) and s.after[0] in lex.first_person | lex.plural_person


def asks(s: Sides, lex: Lexicon) -> bool:
    """Tell whether a question stands next to the phrase."""
    words = {*s.clause_after[:3]} & lex.structure.question_words
    return bool(words) or "?" in (*s.before[-1:], *s.after[: _LONG + 2])


def within(s: Sides, lex: Lexicon) -> bool:
    """Tell whether the phrase stands after words of its own sentence."""
    leads = {w for lead in lex.sets.get("lead", ()) for w in lead.split()}  # "good morning" too
    return not (s.closed or s.opens or leads.issuperset(s.clause_before))


TESTS: Mapping[str, Callable[[Sides, Lexicon], bool]] = {
    "cut_off": cut_off,
    "goes_on": goes_on,
    "broken_noun": broken_noun,
    "said_again": said_again,
    "fragment": fragment,
    "noun_after": noun_after,
    "restart": restart,
    "taken_up": taken_up,
    "own_doing": own_doing,
    "asks": asks,
    "within": within,
    "quoted": lambda s, lex: s.quoted,
    "alike": lambda s, lex: s.alike,
}
"""The tests that a rule can ask for, by name."""
