"""Find every "sorry" (or the like) and say what it does.

Of each head word that the lexicon lists ("sorry", "apologise", "excuses", "spijt") the rules of
the language are tried in their order; the first that matches decides: ``apology``, ``repair``
(asking to say it again, or correcting oneself), ``sympathy``, ``interruption`` (taking or giving
the floor), or ``none`` (quoted, negated, reported). No rule, no act. The rules are in
``prosody/lexicon/*.toml``; nothing here knows a word of any language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import islice

from prosody import lexicon
from prosody.lexicon.text import Token, tokens
from prosody.settings import Windows
from prosody.turns import Act, ActKind, Turn, Word

_REACH = (30, 40)  # tokens before and after a head that rules can see
_SAME_BREATH_S = 1.0  # segments of one speaker closer than this are read as one stretch
_UNNAMED_S = 0.3  # the same where the transcript does not say who speaks
_PAUSE_S = 1.0  # a clause does not reach over a longer pause
_MARKS = ',.?!"'
_UNTIMED_GAP = 2  # without word times: at most so many tokens between acts that are one


@dataclass(frozen=True, slots=True)
class Stretch:
    """Turns of one speaker read together: their words, and where each word came from."""

    turns: tuple[int, ...]
    words: tuple[str, ...]
    times: tuple[Word | None, ...]
    owner: tuple[int, ...]  # turn of each word


@dataclass(frozen=True, slots=True)
class Found:
    """An act over the tokens ``[first, last)`` of a stretch."""

    kind: str
    form: str
    first: int
    last: int
    i_form: bool | None


def find(
    turns: Sequence[Turn],
    language: str = "auto",
    *,
    join_gap_s: float | None = None,
) -> list[Act]:
    """Find the acts in the turns of one recording.

    Parameters
    ----------
    turns : sequence of Turn
        In order of start.
    language : str
        A language that has a lexicon, or ``auto``: guessed from the function words of the whole
        transcript; when that is not sure, the guess of each turn decides.
    join_gap_s : float, optional
        Apologies closer together than this are one (default: the setting ``windows.join_gap_s``).

    Returns
    -------
    list of Act
        In order of start. An act covers the apologising clause with its intensifiers and its
        complement; without word times it has the times of its turn.
    """
    gap_s = Windows().join_gap_s if join_gap_s is None else join_gap_s
    code, sure = language, True
    if language == "auto":
        code, _, sure = lexicon.guess([t.text for t in turns])
    acts: list[Act] = []
    stretches = _stretches(turns)
    for stretch in stretches:
        own = code if sure else _language(" ".join(stretch.words), code)
        acts.extend(_acts_of(stretch, turns, lexicon.load(own), gap_s))
    return sorted(acts, key=lambda a: (math.inf if math.isnan(a.start_s) else a.start_s, a.turn))


find_acts = find


def decide(turns: Sequence[Turn], language: str, turn: int = 0) -> list[Found]:
    """Return the rule that decides each head word of one turn, ``none`` included."""
    lex = lexicon.load(language)
    stretch = next(s for s in _stretches(turns) if turn in s.turns)
    found = tokens(stretch.words, lex.cleaning)
    context = _Context(stretch, turns, lex)
    hits = (_classify(found, i, lex, context) for i, t in enumerate(found) if t.text in lex.heads)
    return [hit for hit in hits if hit]


def _language(text: str, fallback: str) -> str:
    """Return the language of a few words: by function words, else by the head words in it."""
    guessed, _, sure = lexicon.guess([text], least=1)
    if sure:
        return guessed
    for code in (fallback, *lexicon.languages()):
        lex = lexicon.load(code)
        if any(t.text in lex.heads for t in tokens(text.split(), lex.cleaning)):
            return code
    return fallback


def _key(turn: Turn) -> tuple[str, str, int]:
    return turn.role, turn.speaker, -1 if turn.channel is None else turn.channel


def _named(turn: Turn) -> bool:
    return turn.role != "unknown" or bool(turn.speaker) or turn.channel is not None


def _stretches(turns: Sequence[Turn]) -> list[Stretch]:
    """Join a speaker's neighbouring segments that do not end a sentence."""
    groups: list[list[int]] = []
    last: dict[tuple[str, str, int], list[int]] = {}
    for i, turn in enumerate(turns):
        group = last.get(_key(turn))
        if group is not None:
            before = turns[group[-1]]
            limit = _SAME_BREATH_S if _named(turn) else _UNNAMED_S
            close = turn.start_s - before.end_s <= limit  # False where a time is not known
            if (
                close
                and before.text[-1:] not in (".", "?", "!")
                and not any(
                    turns[k].start_s >= before.end_s and _key(turns[k]) != _key(turn)
                    for k in range(group[-1] + 1, i)
                )
            ):
                group.append(i)
                continue
        group = [i]
        groups.append(group)
        last[_key(turn)] = group
    return [_stretch(group, turns) for group in groups]


def _stretch(group: list[int], turns: Sequence[Turn]) -> Stretch:
    words: list[str] = []
    times: list[Word | None] = []
    owner: list[int] = []
    for i in group:
        spoken = turns[i].text.split()
        timed: Sequence[Word | None] = turns[i].words if turns[i].has_word_times else ()
        if timed and len(timed) != len(spoken):
            spoken = [w.text.strip() or "-" for w in timed if w is not None]
        words.extend(spoken)
        times.extend(timed or [None] * len(spoken))
        owner.extend([i] * len(spoken))
    return Stretch(tuple(group), tuple(words), tuple(times), tuple(owner))


def _acts_of(
    stretch: Stretch, turns: Sequence[Turn], lex: lexicon.Lexicon, gap_s: float
) -> list[Act]:
    found = tokens(stretch.words, lex.cleaning)
    heads = [i for i, t in enumerate(found) if t.text in lex.heads]
    if not heads:
        return []
    context = _Context(stretch, turns, lex)
    pauses = _pauses(found, stretch)
    hits = [hit for head in heads if (hit := _classify(found, head, lex, context, pauses))]
    hits = _adopt([hit for hit in hits if hit.kind != "none"], found)
    joined: list[Found] = []
    for hit in hits:
        if joined and _one_breath(joined[-1], hit, found, stretch, gap_s):
            before = joined[-1]
            joined[-1] = replace(
                before,
                last=max(before.last, hit.last),
                i_form=before.i_form if before.i_form is not None else hit.i_form,
            )
        else:
            if joined and joined[-1].last > hit.first:
                hit = replace(hit, first=min(joined[-1].last, hit.last - 1))
            joined.append(hit)
    return [_act(hit, found, stretch, turns) for hit in joined]


def _adopt(hits: list[Found], found: list[Token]) -> list[Found]:
    """Let a bare "sorry" beside another act be part of it: "excuse me, sorry to interrupt"."""
    out: list[Found] = []
    for hit in hits:
        before = out[-1] if out else None
        if before and before.kind != hit.kind and _words(found[before.last : hit.first]) <= 1:
            bare = 1 if "sympathy" in (before.kind, hit.kind) else 2  # "how sad, my apologies"
            if before.kind == "apology" and _words(found[before.first : before.last]) <= bare:
                out[-1] = replace(hit, first=before.first)
                continue
            if hit.kind == "apology" and _words(found[hit.first : hit.last]) <= bare:
                out[-1] = replace(before, last=max(before.last, hit.last))
                continue
        out.append(hit)
    return out


def _words(part: list[Token]) -> int:
    return sum(t.text[0].isalnum() for t in part)


def _pauses(found: list[Token], stretch: Stretch) -> frozenset[int]:
    """Return the tokens that a long pause goes before."""
    out = []
    for i in range(1, len(found)):
        end, begin = stretch.times[found[i - 1].last], stretch.times[found[i].first]
        if end is not None and begin is not None and begin.start_s - end.end_s > _PAUSE_S:
            out.append(i)
    return frozenset(out)


class _Context:
    """What the other role said before and after a stretch, tokenised when asked for."""

    def __init__(self, stretch: Stretch, turns: Sequence[Turn], lex: lexicon.Lexicon) -> None:
        first, last = stretch.turns[0], stretch.turns[-1]
        key = _key(turns[first])
        named = _named(turns[first])
        before = (t.text for t in reversed(turns[:first]) if not named or _key(t) != key)
        after = (t.text for t in islice(turns, last + 1, None) if not named or _key(t) != key)
        self._lex = lex
        self._before = next(before, None)
        self._after = next(after, None)

    def _tokens(self, text: str | None) -> list[str] | None:
        if text is None:
            return None
        return [t.text for t in tokens(text.split(), self._lex.cleaning)]

    def fits(self, rule: lexicon.Rule) -> bool:
        if not (rule.before or rule.after or rule.echo):
            return True
        before, after = self._tokens(self._before), self._tokens(self._after)
        if rule.before and not _any(rule.before, before):
            return False
        if rule.after and not _any(rule.after, after):
            return False
        return not rule.echo or self._echo(before, after)

    def _echo(self, before: list[str] | None, after: list[str] | None) -> bool:
        """Tell whether the other role says part of its last turn again."""
        if not before or not after:
            return False
        common = self._lex.function_words
        again = [w for w in after[:12] if w[0].isalnum() and w not in common]
        said = {w for w in before if w not in common}
        return bool(again) and sum(w in said for w in again) >= 0.5 * len(again)


def _any(patterns: Sequence[re.Pattern[str]], words: list[str] | None) -> bool:
    text = "".join(w + " " for w in words or ())
    return words is not None and any(p.search(text) for p in patterns)


def _classify(
    found: list[Token],
    head: int,
    lex: lexicon.Lexicon,
    context: _Context,
    pauses: frozenset[int] = frozenset(),
) -> Found | None:
    """Return what the first matching rule makes of one head word."""
    start = max(head - _REACH[0], 0)
    view = [t.text for t in found[start : head + _REACH[1]]]
    view[head - start] = "@" + lex.heads[found[head].text]
    cut = "~ " if start else ""  # so that ^ does not match where the view was cut
    text = cut + "".join(w + " " for w in view)
    if head + _REACH[1] < len(found):
        text += "~ "
    for rule in lex.rules:
        for pattern in rule.patterns:
            match = pattern.search(text)
            if match is None or not context.fits(rule):
                continue
            if rule.alike and not _alike(found, head, lex):
                continue
            if rule.act == "none":
                return Found("none", rule.id, head, head + 1, None)
            while later := pattern.search(text, match.start() + 1):
                match = later  # the shortest match: an "I" nearer to the head
            shift = start - (1 if cut else 0)
            first = max(shift + text.count(" ", 0, match.start()), 0)
            last = min(shift + text.count(" ", 0, match.end()), len(found))
            return _extend(found, head, first, last, rule, lex, pauses)
    return None


def _alike(found: list[Token], head: int, lex: lexicon.Lexicon) -> bool:
    """Tell a correction: nearly the same word on both sides, or a phrase begun again.

    "My name is Ann sorry Anna", "row five sorry row six".
    """
    passed = lex.leads | lex.function_words | lex.before | {","}
    before = next(
        (t.text for t in found[max(head - 4, 0) : head][::-1] if t.text not in passed), ""
    )
    after = next((t.text for t in found[head + 1 : head + 4] if t.text not in passed), "")
    earlier = [t.text for t in found[max(head - 4, 0) : max(head - 1, 0)]]
    if len(after) >= 3 and before != after and after in earlier:
        return True
    if min(len(before), len(after)) < 3 or before == after:
        return False
    return before[:2] == after[:2] or SequenceMatcher(None, before, after).ratio() >= 0.75


def _extend(
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


def _one_breath(a: Found, b: Found, found: list[Token], stretch: Stretch, gap_s: float) -> bool:
    if a.kind != b.kind or a.kind != "apology":
        return False
    if b.first <= a.last:
        return True
    end, begin = stretch.times[found[a.last - 1].last], stretch.times[found[b.first].first]
    if end is not None and begin is not None:
        return begin.start_s - end.end_s <= gap_s
    return _words(found[a.last : b.first]) <= _UNTIMED_GAP


def _act(hit: Found, found: list[Token], stretch: Stretch, turns: Sequence[Turn]) -> Act:
    first, last = found[hit.first].first, found[hit.last - 1].last
    timed = [w for w in stretch.times[first : last + 1] if w is not None]
    known = len(timed) == last + 1 - first
    turn = stretch.owner[found[hit.first].first]
    owners = stretch.owner[first : last + 1]
    if known:
        start_s, end_s = timed[0].start_s, max(w.end_s for w in timed)
    else:
        start_s, end_s = turns[owners[0]].start_s, turns[owners[-1]].end_s
    kind: ActKind = hit.kind  # type: ignore[assignment]
    return Act(
        kind=kind,
        start_s=start_s,
        end_s=end_s,
        text=" ".join(stretch.words[first : last + 1]).rstrip(",;:"),
        form=hit.form,
        role=turns[turn].role,
        turn=turn,
        has_word_times=known,
        i_form=hit.i_form,
        words=tuple(timed) if known else (),
    )


def find_in_lines(
    utterances: Sequence[str], language: str = "auto"
) -> Iterator[tuple[str, str, list[Act]]]:
    """Find the acts in utterances that stand alone: no speaker, no times, no neighbours.

    Parameters
    ----------
    utterances : sequence of str
        One utterance each.
    language : str
        With ``auto`` each line is guessed where it has words enough, else as most lines are.

    Yields
    ------
    utterance, language, acts
        In the order of the input, one for each.
    """
    most = lexicon.guess(utterances)[0] if language == "auto" else language
    for utterance in utterances:
        code = _language(utterance, most) if language == "auto" else most
        turn = Turn(math.nan, math.nan, utterance)
        yield utterance, code, find([turn], code)
