"""The one small language that wordings are written in, compiled to regular expressions.

A pattern is words with spaces between them, lower case and without accents, matched against the
tokens of a stretch of speech; a comma may stand between any two. Apart from words:

===============  ==================================================================
``word~``        a word that begins so (``~ing``: that ends so)
``.``            any one word
``..`` ``...``   up to three, up to eight words of the same sentence (``..5``: up to five)
``..!set``       the same, but none of that set (also ``...!set``)
``<set>``        any entry of that set; its entries are patterns as well
``{name}``       what the file's ``[short]`` says for it
``#``            a number, in digits or (set ``number``) in words
``(a b|c)``      one of
``x?`` ``x*``    optional, any number (``x+``: at least one)
``!(a|b)``       not followed by
``&(a|b)``       followed by, but not part of the match
``who(a|b)``     one of; what is found there is told apart (who makes a promise)
``^`` ``$``      begin and end of a sentence (words of the sets ``lead``, ``tail`` do not count)
``^^`` ``$$``    begin and end of the whole turn (likewise)
``[?]`` ``[,]``   that mark has to be there (also ``[.]`` and ``["]``); ``[end]``: any end
``_``            no comma before what follows
``@sorry``       acts only: the head word under judgement, of that class; ``@*``: of any class
===============  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

COMMA = "(?:, )?"
ANY = r'(?![.?!",] )[^\s@]+ '
_HEAD = re.compile(r"@(\w+) ")
_WORD = r"'?[^\W_A-Z]+(?:['.:-][^\W_A-Z]+)*'?"
_SYMBOL = re.compile(
    r"\s*(?:(?P<gap>\.\.\.|\.\.(?P<most>\d*))(?:!(?P<without>\w+))?|(?P<one>\.(?![^\s)|?*+]))|"
    r"(?P<set><[\w-]+>)|(?P<head>@(?:\w+|\*))|(?P<neg>!\()|(?P<pos>&\()|(?P<who>who\()|"
    r"(?P<open>\()|(?P<close>\))|(?P<bar>\|)|(?P<mark>\[(?:[?,.\"]|end)\])|"
    r"(?P<edge>\^\^?|\$\$?)|(?P<number>#)|(?P<tight>_(?=\s))|"
    rf"(?P<word>{_WORD})(?P<stem>~?)|~(?P<ending>{_WORD}))"
    r"(?P<times>[?*+]?)"
)
_OPENING = {"neg": "(?!", "pos": "(?=", "who": "(?P<who>", "open": "(?:"}

Sets = Mapping[str, Sequence[str]]
Words = frozenset[str]
Reader = Callable[[re.Match[str], str, Sets, str, str], str]


class PatternError(ValueError):
    """A pattern that cannot be read; the message says where."""


class Pattern:
    """One wording, as a regular expression that is compiled when it is first needed.

    A language has hundreds, and compiling them takes most of a second; a call whose head words are
    "sorry" needs none of those for "excuses". Nor is a text searched for a wording of which it
    lacks the words.

    Raises
    ------
    PatternError
        If a symbol, set or bracket is not right.
    """

    __slots__ = ("_expression", "_sets", "_source", "_words", "_written", "heads")

    def __init__(self, written: str, sets: Sets, comma: str = COMMA) -> None:
        self._source = r"(?:\A|(?<=\s))" + _body(written, sets, comma)
        self._written, self._sets = written, sets
        self._expression: re.Pattern[str] | None = None
        self._words: tuple[Words, ...] | None = None
        # A text holds one head word, marked with @. None: it may be any of them ("@*").
        heads = frozenset(_HEAD.findall(self._source))
        self.heads = None if r"@\w+" in self._source else heads or None

    def compiled(self) -> re.Pattern[str]:
        """Return the regular expression."""
        if self._expression is None:
            self._expression = re.compile(self._source)
        return self._expression

    def words(self) -> tuple[Words, ...]:
        """Return sets of words: a text that matches holds one of each, see `_tokens`."""
        if self._words is None:
            self._words = _needed(self._written, self._sets)
        return self._words

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the first match at or after a character."""
        tokens = _tokens(text)
        for words in self.words():
            if words.isdisjoint(tokens):
                return None
        return self.compiled().search(text, at)


class AnyOf:
    """Several wordings; where two begin at the same word, the one that is written first counts."""

    __slots__ = ("_by_word", "patterns")

    def __init__(self, patterns: Sequence[str], sets: Sets, comma: str = COMMA) -> None:
        self.patterns = [Pattern(p, sets, comma) for p in patterns]
        self._by_word: dict[str, list[int]] = {}

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the first match at or after a character."""
        if not self._by_word:
            for i, pattern in enumerate(self.patterns):
                for word in _rarest(pattern.words()) or ("",):
                    self._by_word.setdefault(word, []).append(i)
        words = self._by_word.keys() & _tokens(text)
        if not words:
            return None
        able = sorted({i for w in words for i in self._by_word[w]})
        found = [m for i in able if (m := self.patterns[i].search(text, at))]
        return min(found, key=lambda m: m.start(), default=None)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield begin and end of each match that overlaps none before it."""
        at = 0
        while match := self.search(text, at):
            yield match.span()
            at = max(match.end(), match.start() + 1)


@lru_cache(maxsize=64)
def _tokens(text: str) -> frozenset[str]:
    """Return the words of a text, how they begin and end, and nothing, which every text holds."""
    words = frozenset(text.split())
    begin = {f"{w[:n]}~" for w in words for n in _EDGES}
    return words.union(begin, {f"~{w[-n:]}" for w in words for n in _EDGES}, [""])


_EDGES = (2, 3, 4)


def _as_token(match: re.Match[str]) -> Words:
    """Return what `_tokens` holds of a text with that word; empty: the part of one is short."""
    word, ending = match["word"], match["ending"]
    if word and not match["stem"]:
        return frozenset([word])
    size = min(len(word or ending), _EDGES[-1])
    if size < _EDGES[0]:
        return frozenset()
    return frozenset([f"{word[:size]}~" if word else f"~{ending[-size:]}"])


def _needed(text: str, sets: Sets) -> tuple[Words, ...]:
    """Return sets of words; a text that matches holds one of each. Rarest first."""
    # For each open bracket: one set for each alternative before, the sets of this one, and whether
    # it is looked for at all.
    levels: list[tuple[list[Words], list[Words], bool]] = [([], [], True)]
    for match in _SYMBOL.finditer(text.strip()):
        before, here, wanted = levels[-1]
        words: Words = frozenset()
        if match["bar"]:
            levels[-1] = ([*before, _rarest(here)], [], wanted)
        elif any(match[kind] for kind in _OPENING):
            levels.append(([], [], not match["neg"]))
        elif match["close"]:
            words = _one_of([*before, _rarest(here)]) if wanted else words
            levels.pop()
        elif match["word"] or match["ending"]:
            words = _as_token(match)
        elif match["set"]:
            words = _one_of([_rarest(_needed(e, sets)) for e in sets[match["set"][1:-1]]])
        if words and match["times"] not in ("?", "*"):
            levels[-1][1].append(words)
    before, here, _ = levels[-1]
    if before:
        here = [w for w in [_one_of([*before, _rarest(here)])] if w]
    return tuple(sorted(here, key=_ease))


def _one_of(alternatives: Sequence[Words]) -> Words:
    """Return the words of which one is needed where one of several sets is; empty: none is."""
    return frozenset().union(*alternatives) if all(alternatives) else frozenset()


def _rarest(sets: Sequence[Words]) -> Words:
    return min(sets, key=_ease, default=frozenset())


def _ease(words: frozenset[str]) -> float:
    """Return how easily one of some words is met: short words are the frequent ones."""
    return sum(len(w) ** -2 for w in words)


def _entries(name: str, sets: Sets, text: str, comma: str) -> str:
    """Return the alternatives of a set, longest first."""
    if name not in sets:
        raise PatternError(f"'{text}': there is no set <{name}>")
    ordered = sorted(set(sets[name]), key=lambda e: (-len(e), e))
    others = {k: v for k, v in sets.items() if k != name}  # none holds itself
    return "|".join(_body(e, others, comma) for e in ordered)


def _body(text: str, sets: Sets, between: str = COMMA) -> str:
    parts: list[str] = []
    depth = at = 0
    tight = False
    text = text.strip()
    while at < len(text):
        match = _SYMBOL.match(text, at)
        if not match or match.end() == at:
            raise PatternError(f"'{text}': cannot read '{text[at : at + 12]}'")
        at = match.end()
        comma = "" if tight else between
        tight = False
        kind = next(k for k in _READERS if match[k])
        if kind == "tight":
            tight = True
            continue
        depth += (kind in _OPENING) - (kind == "close")
        if depth < 0:
            raise PatternError(f"'{text}': a bracket closes that was not opened")
        parts.append(_READERS[kind](match, comma, sets, text, between) + match["times"])
    if depth:
        raise PatternError(f"'{text}': a bracket is not closed")
    return "".join(parts)


def _gap(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    most = match["most"] or (8 if match["gap"] == "..." else 3)
    stop = (
        f"(?!{between}(?:{_entries(match['without'], sets, text, between)}))"
        if match["without"]
        else ""
    )
    return f"(?:{stop}{between}{ANY}){{0,{most}}}?"


def _mark(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    inside = match["mark"][1:-1]
    return "(?:[.?!] )" if inside == "end" else f"(?:[{inside}] )"


def _edge(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    symbol = match["edge"]
    around = "lead" if symbol[0] == "^" else "tail"
    words = f"(?:{between}(?:{_entries(around, sets, text, between)}))*" if sets.get(around) else ""
    if symbol[0] == "^":
        return (r"\A" if symbol == "^^" else r'(?:\A|(?<=[.?!"] ))') + words
    return f"(?={words}" + (r"(?:[.?!\"] )*\Z)" if symbol == "$$" else r'(?:[.?!"] |\Z))')


def _head(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    name = r"\w+" if match["head"] == "@*" else re.escape(match["head"][1:])
    return f"{comma}@{name} "


def _number(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    words = "|" + _entries("number", sets, text, between) if "number" in sets else ""
    return f"(?:{comma}(?:\\d\\S* {words}))"


def _opens(opening: str) -> Reader:
    return lambda match, comma, sets, text, between: opening


def _written(match: re.Match[str], comma: str, sets: Sets, text: str, between: str) -> str:
    return f"(?:{comma}{re.escape(match['word'])}{match['stem'] and _REST} )"


_REST = r"[^\s@]*"
_READERS: dict[str, Reader] = {
    "gap": _gap,
    "one": lambda match, comma, sets, text, between: f"(?:{comma}{ANY})",
    "set": lambda match, comma, sets, text, between: (
        f"(?:{comma}(?:{_entries(match['set'][1:-1], sets, text, between)}))"
    ),
    "head": _head,
    "mark": _mark,
    "edge": _edge,
    "number": _number,
    "ending": lambda match, comma, sets, text, between: (
        f"(?:{comma}{_REST}{re.escape(match['ending'])} )"
    ),
    "tight": lambda match, comma, sets, text, between: "",
    "bar": lambda match, comma, sets, text, between: "|",
    "close": lambda match, comma, sets, text, between: ")",
    **{kind: _opens(opening) for kind, opening in _OPENING.items()},
    "word": _written,
}
