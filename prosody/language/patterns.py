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
from collections.abc import Callable, Mapping, Sequence

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
Reader = Callable[[re.Match[str], str, Sets, str, str], str]


class PatternError(ValueError):
    """A pattern that cannot be read; the message says where."""


class Pattern:
    """One pattern, as a regular expression that is compiled when it is first needed.

    A language has hundreds, and compiling them takes most of a second; a call whose head words are
    "sorry" needs none of those for "excuses".
    """

    __slots__ = ("_expression", "_source", "heads")

    def __init__(self, source: str) -> None:
        self._source = source
        self._expression: re.Pattern[str] | None = None
        # A text holds one head word, marked with @. None: it may be any of them ("@*").
        self.heads = None if r"@\w+" in source else frozenset(_HEAD.findall(source)) or None

    def compiled(self) -> re.Pattern[str]:
        """Return the regular expression."""
        if self._expression is None:
            self._expression = re.compile(self._source)
        return self._expression

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the first match at or after a character."""
        return self.compiled().search(text, at)


def any_of(patterns: Sequence[str], sets: Sets, comma: str = "") -> Pattern:
    """Return one pattern that matches where any of several does, in text without commas."""
    bodies = [_body(p, sets, comma) for p in patterns]
    # A named group may stand only once in an expression: later ones get a number.
    bodies = [b.replace("(?P<who>", f"(?P<who{i}>") for i, b in enumerate(bodies)]
    return Pattern(rf"(?:\A|(?<=\s))(?:{'|'.join(bodies)})")


def compile_pattern(text: str, sets: Sets) -> Pattern:
    """Read one pattern.

    Raises
    ------
    PatternError
        If a symbol, set or bracket is not right.
    """
    return Pattern(r"(?:\A|(?<=\s))" + _body(text, sets))


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
