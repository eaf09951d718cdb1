"""From words as transcripts write them to tokens that rules can match.

Lower case, no diacritics, contractions written out, fillers and repeated words gone, split words
joined: all by the tables of the language's lexicon, none of it in code. Each token remembers
which words of the transcript it came from, so that a match can be turned back into times.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_PIECE = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:'[^\W_]+)*'?|'[^\W_]+|[.,;:?!\"…—–]")
_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
)
_MARKS = {";": ",", ":": ",", "—": ",", "–": ",", "…": "."}
_ENDS = frozenset(".?!")


@dataclass(frozen=True, slots=True)
class Token:
    """One normalised word or mark (``, . ? ! "``) and the source words it covers."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Cleaning:
    """The lexicon's tables for :func:`tokens`."""

    spelling: Mapping[tuple[str, ...], tuple[str, ...]]
    longest: Mapping[str, int]  # words of the longest spelling that begins so
    fillers: frozenset[str]
    titles: frozenset[str]
    join: frozenset[str]  # words that may arrive in two pieces


@lru_cache(maxsize=1 << 15)
def fold(text: str) -> str:
    """Return lower case without diacritics, apostrophes and quotes made plain."""
    plain = text.translate(_QUOTES).lower()
    if plain.isascii():
        return plain
    plain = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in plain if not unicodedata.combining(c))


def tokens(words: Sequence[str], how: Cleaning) -> list[Token]:
    """Return the tokens of words that were separated by white space."""
    out = _unquote(_pieces(words, how))
    out = _respell(out, how)
    out = _join_split(out, how)
    out = [t for t in out if t.text not in how.fillers]
    return _collapse(out)


def _pieces(words: Sequence[str], how: Cleaning) -> list[Token]:
    out: list[Token] = []
    for i, word in enumerate(words):
        plain = fold(word)
        single = re.match(r"^(\W*)'(\w[\w ]*)'(\W*)$", plain)
        if single:
            plain = f'{single[1]}"{single[2]}"{single[3]}'
        for piece in _PIECE.findall(plain.replace("-", " ").replace("/", " ")):
            piece = _MARKS.get(piece, piece)
            if piece == "." and out and out[-1].text in how.titles and out[-1].last == i:
                continue
            if piece in _ENDS and out and out[-1].text in _ENDS:
                if piece == "?" and out[-1].last == i:
                    out[-1] = Token("?", out[-1].first, i)
                continue
            if piece == "," and (not out or out[-1].text in ",.?!"):
                continue
            out.append(Token(piece, i, i))
    return out


def _unquote(found: list[Token]) -> list[Token]:
    """Drop quotes that enclose everything: the whole line was quoted, not something in it."""
    quotes = [i for i, t in enumerate(found) if t.text == '"']
    if len(quotes) == 2 and quotes[0] == 0 and quotes[1] >= len(found) - 2 and len(found) > 3:
        return [t for t in found if t.text != '"']
    if len(quotes) == 1:
        return [t for t in found if t.text != '"']
    return found


def _respell(found: list[Token], how: Cleaning) -> list[Token]:
    out: list[Token] = []
    i = 0
    while i < len(found):
        token = found[i]
        for n in range(min(how.longest.get(token.text, 0), len(found) - i), 0, -1):
            new = how.spelling.get(tuple(t.text for t in found[i : i + n]))
            if new is not None:
                first, last = found[i].first, found[i + n - 1].last
                out.extend(Token(text, first, last) for text in new)
                i += n
                break
        else:
            bare = token.text.strip("'")
            plain = bare == token.text or not bare
            out.append(token if plain else Token(bare, token.first, token.last))
            i += 1
    return out


def _join_split(found: list[Token], how: Cleaning) -> list[Token]:
    out: list[Token] = []
    for token in found:
        if out and token.text.isalpha() and out[-1].text.isalpha():
            whole = out[-1].text + token.text
            if whole in how.join and out[-1].text not in how.join:
                out[-1] = Token(whole, out[-1].first, token.last)
                continue
        out.append(token)
    return out


def _collapse(found: list[Token]) -> list[Token]:
    """Say once what was said two or more times in a row (one to three words)."""
    out: list[Token] = []
    for token in found:
        out.append(token)
        again = any(t.text == token.text for t in out[-4:-1])
        if not again or not token.text[0].isalpha():
            continue
        for n in (1, 2, 3):
            tail, before = out[-n:], out[-2 * n : -n]
            if len(before) < n:
                break
            if n == 1 and before[0].text == "," and len(out) > 2 and out[-3].text == token.text:
                out[-3:] = [Token(token.text, out[-3].first, token.last)]
                break
            same = [t.text for t in tail] == [t.text for t in before]
            if same and all(t.text[0].isalpha() for t in tail):
                out[-2 * n :] = [
                    Token(b.text, b.first, t.last) for b, t in zip(before, tail, strict=True)
                ]
                break
    return out
