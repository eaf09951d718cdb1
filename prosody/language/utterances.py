"""What one speaker says in one go, however the transcript cut it, and what stands around it.

Segments of recognisers end where a clause does not: they are read together again, so that a rule
sees the whole sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from prosody.language import lexicon
from prosody.language.patterns import Pattern
from prosody.language.tokens import tokens
from prosody.transcripts.turns import Turn, Word

_SAME_BREATH_S = 0.5  # segments of one speaker closer than this are read as one stretch
_OWN_TURNS = 4  # of the speaker's own, in which she may have asked for the same thing
_UNNAMED_S = 0.3  # the same where the transcript does not say who speaks


@dataclass(frozen=True, slots=True)
class Stretch:
    """Turns of one speaker read together: their words, and where each word came from."""

    turns: tuple[int, ...]
    words: tuple[str, ...]
    times: tuple[Word | None, ...]
    owner: tuple[int, ...]  # turn of each word


def _key(turn: Turn) -> tuple[str, str, int]:
    return turn.role, turn.speaker, -1 if turn.channel is None else turn.channel


def _named(turn: Turn) -> bool:
    return turn.role != "unknown" or bool(turn.speaker) or turn.channel is not None


def stretches(turns: Sequence[Turn]) -> list[Stretch]:
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


class Context:
    """What the other role said before and after a stretch, tokenised when asked for."""

    def __init__(self, stretch: Stretch, turns: Sequence[Turn], lex: lexicon.Lexicon) -> None:
        first, last = stretch.turns[0], stretch.turns[-1]
        key = _key(turns[first])
        named = _named(turns[first])
        before = (t.text for t in reversed(turns[:first]) if not named or _key(t) != key)
        after = (t.text for t in islice(turns, last + 1, None) if not named or _key(t) != key)
        own = (t.text for t in reversed(turns[:first]) if named and _key(t) == key)
        self._role = turns[first].role
        self._own = tuple(islice(own, _OWN_TURNS))
        self._lex = lex
        self._before = next(before, None)
        self._after = next(after, None)
        self._last = " . ".join(t.text for t in turns[max(first - 2, 0) : first])
        goes_on = named and first > 0 and _key(turns[first - 1]) == key
        self._led_up = turns[first - 1].text if goes_on else ""

    @cached_property
    def led_up(self) -> tuple[str, ...]:
        """Return the words of the turn right before, where the same speaker goes on."""
        return tuple(self._tokens(self._led_up) or ())

    @cached_property
    def told(self) -> frozenset[str]:
        """Return the words of the two turns before, whoever said them."""
        return frozenset(self._tokens(self._last) or ())

    def _tokens(self, text: str | None) -> list[str] | None:
        if text is None:
            return None
        return [t.text for t in tokens(text.split(), self._lex.cleaning)]

    def fits(self, rule: lexicon.Rule) -> bool:
        """Tell whether the other role's turns are as a rule asks."""
        if rule.role and rule.role != self._role:
            return False
        if rule.unless_asked and any(_any(rule.unless_asked, self._tokens(t)) for t in self._own):
            return False
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


def _any(patterns: Sequence[Pattern], words: list[str] | None) -> bool:
    text = "".join(w + " " for w in words or ())
    return words is not None and any(p.search(text) for p in patterns)
