"""Tokens that the detectors look at: from turns, each with its time.

Text is lowered, contractions are written out, fillers and noise marks fall away. Turns of one role
with nothing but a "yes" or "hm" of the other between them are one *stretch*. The end of a turn is
the end of a sentence, so that a transcript without full stops is read like one with them; only a
turn that the next follows at once, or that ends in a word no sentence ends with, goes on.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prosody.conduct.result import Said
from prosody.transcripts.turns import Role, Turn, Word

BREAK = "."
"""Stands for the end of a sentence, where the transcript shows one (or a long pause does)."""

SENTENCE_PAUSE_S = 0.5
"""A pause between two turns of one role that ends a sentence, whatever the marks say."""

_NOISE = re.compile(r"\[[^\]\s]*\]|<[^>\s]*>|\([^)\s]*\)")
_WORD = re.compile(r"[^\W_]+(?:['’.:,][^\W_]+)*", re.UNICODE)
_SENTENCE_END = re.compile(r"[.!?…;][\"'”»)]*$")


@dataclass(frozen=True, slots=True)
class Token:
    """One normalised word.

    ``turn`` is its turn in the transcript, ``exact`` whether its times were given (otherwise they
    are spread over the turn by length). ``shown`` is the word as the transcript has it, or empty
    where one word of the transcript became several tokens and this is not the first.
    """

    text: str
    shown: str
    start_s: float
    end_s: float
    exact: bool
    turn: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one role says in one go: tokens in order, sentence breaks included."""

    role: Role
    tokens: tuple[Token, ...]
    text: str = ""
    starts: tuple[int, ...] = field(default=(), repr=False)

    @property
    def start_s(self) -> float:
        """Return the start of the first word."""
        return self.tokens[0].start_s

    @property
    def end_s(self) -> float:
        """Return the end of the last word."""
        return max(t.end_s for t in self.tokens)

    def token_at(self, offset: int) -> int:
        """Return the index of the token at a place in ``text``."""
        return bisect_right(self.starts, offset) - 1

    def said(self, first: int, last: int) -> Said:
        """Return tokens ``first`` to ``last`` (exclusive) as words with their times."""
        tokens = [t for t in self.tokens[first:last] if t.text != BREAK]
        return Said(
            start_s=tokens[0].start_s,
            end_s=tokens[-1].end_s,
            text=" ".join(t.shown for t in tokens if t.shown),
            role=self.role,
        )


def stretch(role: Role, tokens: Sequence[Token]) -> Stretch:
    """Return a stretch whose ``text`` begins and ends with a sentence break."""
    starts, at = [], len(BREAK) + 1
    for token in tokens:
        starts.append(at)
        at += len(token.text) + 1
    text = " ".join((BREAK, *(t.text for t in tokens), BREAK)) + " "
    return Stretch(role, tuple(tokens), text, tuple(starts))


def plain(text: str) -> list[str]:
    """Return the bare lower-case words of a text, without noise marks and punctuation."""
    clean = _NOISE.sub(" ", text.replace("’", "'").replace("`", "'").replace("´", "'"))
    return [w.casefold() for w in _WORD.findall(clean)]


def _timed(turn: Turn) -> Iterator[tuple[Word, bool]]:
    """Yield the words of a turn, and whether their times were given."""
    if turn.has_word_times:
        for word in turn.words:
            yield word, True
        return
    parts = turn.text.split()
    total = sum(len(p) + 1 for p in parts)
    span = turn.end_s - turn.start_s
    at = 0
    for part in parts:
        begin = turn.start_s + span * at / total
        at += len(part) + 1
        yield Word(part, begin, turn.start_s + span * at / total), False


def tokens_of(
    turn: Turn, index: int, spelled: Mapping[str, str], fillers: frozenset[str]
) -> list[Token]:
    """Return the tokens of one turn.

    Parameters
    ----------
    turn : Turn
        With or without word times.
    index : int
        Its place in the transcript.
    spelled : mapping
        Contractions and spellings to write out ("i'm" to "i am").
    fillers : frozenset of str
        Words without meaning of their own ("uh").
    """
    out: list[Token] = []
    for word, exact in _timed(turn):
        shown = word.text.strip()
        texts = [t for p in plain(shown) for t in spelled.get(p, p).split() if t not in fillers]
        for i, text in enumerate(texts):
            out.append(Token(text, shown * (i == 0), word.start_s, word.end_s, exact, index))
        if out and _SENTENCE_END.search(shown) and out[-1].text != BREAK:
            out.append(Token(BREAK, "", word.end_s, word.end_s, exact, index))
    return out


def stretches(
    turns: Sequence[Turn],
    spelled: Mapping[str, str],
    fillers: frozenset[str],
    backchannels: frozenset[str],
    solid: frozenset[int] = frozenset(),
    joins: frozenset[str] = frozenset(),
) -> list[Stretch]:
    """Join the turns of one role that nothing of weight interrupts.

    Parameters
    ----------
    turns : sequence of Turn
        In order of start.
    spelled, fillers : mapping, frozenset
        As in :func:`tokens_of`.
    backchannels : frozenset of str
        Words that do not take the turn ("ja", "okay") when a turn of at most three words holds
        nothing else.
    solid : frozenset of int
        Turns that always take the turn (those with an apology).
    joins : frozenset of str
        Words that no sentence ends with ("that", "of"): the next turn goes on with it.
    """
    pieces: list[tuple[Role, list[Token]]] = []
    asides: list[tuple[Role, list[Token]]] = []
    for index, turn in enumerate(turns):
        tokens = tokens_of(turn, index, spelled, fillers)
        words = [t.text for t in tokens if t.text != BREAK]
        if not words:
            continue
        aside = len(words) <= 3 and index not in solid and backchannels.issuperset(words)
        if pieces and pieces[-1][0] == turn.role:
            last = pieces[-1][1]
            pause = tokens[0].start_s - last[-1].end_s
            goes_on = last[-1].text in joins or pause <= SENTENCE_PAUSE_S
            if not goes_on and last[-1].text != BREAK:
                end = last[-1]
                last.append(Token(BREAK, "", end.end_s, end.end_s, end.exact, end.turn))
            last.extend(tokens)
        elif aside and pieces:
            asides.append((turn.role, tokens))
        else:
            pieces.append((turn.role, tokens))
    return sorted(
        (stretch(role, tokens) for role, tokens in (*pieces, *asides)),
        key=lambda s: (s.tokens[0].turn, math.inf if math.isnan(s.start_s) else s.start_s),
    )
