"""Find every "sorry" (or the like) and say what it does.

Of each head word that the lexicon lists ("sorry", "apologise", "excuses", "spijt") the rules of
the language are tried in their order; the first that matches decides: ``apology``, ``repair``
(asking to say it again, or correcting oneself), ``sympathy``, ``interruption`` (taking or giving
the floor), or ``none`` (quoted, negated, reported). No rule, no act. The rules are in
``prosody/language/*.toml``; nothing here knows a word of any language.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from prosody.language import lexicon, structure
from prosody.language.clauses import Found, count_words, extend, pauses_in
from prosody.language.tokens import Token, tokens
from prosody.language.utterances import Context, Stretch, stretches
from prosody.settings import Windows
from prosody.transcripts.turns import Act, ActKind, Turn

_REACH = (30, 40)  # tokens before and after a head that rules can see
_UNTIMED_GAP = 2  # without word times: at most so many tokens between acts that are one


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
    for stretch in stretches(turns):
        own = code if sure else _language(" ".join(stretch.words), code)
        acts.extend(_acts_of(stretch, turns, lexicon.load(own), gap_s))
    return sorted(acts, key=lambda a: (math.inf if math.isnan(a.start_s) else a.start_s, a.turn))


find_acts = find


def decide(turns: Sequence[Turn], language: str, turn: int = 0) -> list[Found]:
    """Return the rule that decides each head word of one turn, ``none`` included."""
    lex = lexicon.load(language)
    stretch = next(s for s in stretches(turns) if turn in s.turns)
    found = tokens(stretch.words, lex.cleaning)
    context = Context(stretch, turns, lex)
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


def _acts_of(
    stretch: Stretch, turns: Sequence[Turn], lex: lexicon.Lexicon, gap_s: float
) -> list[Act]:
    found = tokens(stretch.words, lex.cleaning)
    heads = [i for i, t in enumerate(found) if t.text in lex.heads]
    if not heads:
        return []
    context = Context(stretch, turns, lex)
    pauses = pauses_in(found, stretch, lex)
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
        if before and before.kind != hit.kind and count_words(found[before.last : hit.first]) <= 1:
            bare = 1 if "sympathy" in (before.kind, hit.kind) else 2  # "how sad, my apologies"
            if before.kind == "apology" and count_words(found[before.first : before.last]) <= bare:
                out[-1] = replace(hit, first=before.first)
                continue
            if hit.kind == "apology" and count_words(found[hit.first : hit.last]) <= bare:
                out[-1] = replace(before, last=max(before.last, hit.last))
                continue
        out.append(hit)
    return out


def _classify(
    found: list[Token],
    head: int,
    lex: lexicon.Lexicon,
    context: Context,
    pauses: frozenset[int] = frozenset(),
) -> Found | None:
    """Return what the first matching rule makes of one head word."""
    start = max(head - _REACH[0], 0)
    view = [t.text for t in found[start : head + _REACH[1]]]
    kind = lex.heads[found[head].text]
    view[head - start] = "@" + kind
    if start:
        view.insert(0, "~")  # so that ^ does not match where the view was cut
        start -= 1
    if head + _REACH[1] < len(found):
        view.append("~")
    text = "".join(w + " " for w in view)

    def token(at: int) -> int:
        """Return the token at a place in the text."""
        return min(max(start + text.count(" ", 0, at), 0), len(found))

    phrase = lex.phrase.search(text)
    first, last = (token(phrase.start()), token(phrase.end())) if phrase else (head, head + 1)
    sides = structure.sides(found, head, first, last, lex, context.told, context.led_up)
    if phrase and text.startswith(". ", phrase.end()) and len(text) > phrase.end() + 2:
        # A full stop that a transcript puts after "sorry" says no more than a comma.
        text = f"{text[: phrase.end()]}, {text[phrase.end() + 2 :]}"
    for rule, pattern in lex.by_head[kind]:
        match = pattern.search(text)
        if match is None or not (sides.fit(rule, lex) and context.fits(rule)):
            continue
        if rule.act == "none":
            return Found("none", rule.id, head, head + 1, None)
        while later := pattern.search(text, match.start() + 1):
            match = later  # the shortest match: an "I" nearer to the head
        return extend(found, head, token(match.start()), token(match.end()), rule, lex, pauses)
    return None


def _one_breath(a: Found, b: Found, found: list[Token], stretch: Stretch, gap_s: float) -> bool:
    if a.kind != b.kind or a.kind != "apology":
        return False
    if b.first <= a.last:
        return True
    end, begin = stretch.times[found[a.last - 1].last], stretch.times[found[b.first].first]
    if end is not None and begin is not None:
        return begin.start_s - end.end_s <= gap_s
    return count_words(found[a.last : b.first]) <= _UNTIMED_GAP


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
