"""The small language that lexicon rules are written in, compiled to regular expressions.

A pattern is words with spaces between them, matched against a turn's tokens; a comma may stand
between any two. Apart from words:

==============  ===================================================================
``@sorry``      the head word under judgement (a form of that class); ``@*`` of any class
``word~``       a word that begins so (``~ing``: that ends so)
``{name}``      what the lexicon's ``[short]`` says for it
``<set>``       any entry of that set; its words may have a ``~`` as well
``#``           a number, in digits or (set ``number``) words
``(a b|c)``     one of
``x?`` ``x*``   optional, any number (``x+``: at least one)
``..`` ``...``  up to three, up to eight words of the same sentence
``..!set``      the same, but none of that set (also ``...!set``)
``!(a|b)``      not followed by
``&(a|b)``      followed by, but not part of the match
``^`` ``$``     begin and end of a sentence (words of ``lead`` and ``tail`` do not count)
``^^`` ``$$``   begin and end of the whole turn (likewise)
``[?]`` ``[,]``  that mark has to be there (also ``[.]`` and ``["]``); ``[end]``: any end
``_``           no comma before what follows
==============  ===================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

COMMA = "(?:, )?"
ANY = r'(?![.?!",] )[^\s@]+ '
_HEAD = re.compile(r"@(\w+) ")
_SYMBOL = re.compile(
    r"\s*(?:(?P<gap>\.\.\.?)(?:!(?P<without>\w+))?|(?P<set><\w+>)|(?P<head>@(?:\w+|\*))|(?P<neg>!\()|"
    r"(?P<pos>&\()|(?P<open>\()|(?P<close>\))|(?P<bar>\|)|(?P<mark>\[(?:[?,.\"]|end)\])|"
    r"(?P<edge>\^\^?|\$\$?)|(?P<number>#)|(?P<tight>_(?=\s))|(?P<word>[a-z0-9']+)(?P<stem>~?)|~(?P<ending>[a-z]+))"
    r"(?P<times>[?*+]?)"
)


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


def phrases(entries: Sequence[str]) -> str:
    """Return the alternatives of a set; entries may be several words, longest first."""
    ordered = sorted(set(entries), key=lambda e: (-len(e), e))
    return "|".join(_phrase(e) for e in ordered)


def _phrase(entry: str) -> str:
    """Return an entry; a word may be open at either end: "hour~", "~entwintig"."""
    return COMMA.join(
        r"\w*" * w.startswith("~") + re.escape(w.strip("~")) + r"\w*" * w.endswith("~") + " "
        for w in entry.split()
    )


def compile_pattern(text: str, sets: Mapping[str, Sequence[str]]) -> Pattern:
    """Read one pattern.

    Raises
    ------
    PatternError
        If a symbol, set or bracket is not right.
    """
    parts: list[str] = []
    depth = 0
    tight = False
    at = 0
    lead, tail = phrases(sets.get("lead", ())), phrases(sets.get("tail", ()))

    def group(name: str) -> str:
        if name not in sets:
            raise PatternError(f"'{text}': there is no set <{name}>")
        return phrases(sets[name])

    text = text.strip()
    while at < len(text):
        match = _SYMBOL.match(text, at)
        if not match or match.end() == at:
            raise PatternError(f"'{text}': cannot read '{text[at : at + 12]}'")
        at = match.end()
        comma = "" if tight else COMMA
        tight = False
        if match["gap"]:
            most = 3 if match["gap"] == ".." else 8
            stop = f"(?!{COMMA}(?:{group(match['without'])}))" if match["without"] else ""
            parts.append(f"(?:{stop}{COMMA}{ANY}){{0,{most}}}?")
        elif match["set"]:
            parts.append(f"(?:{comma}(?:{group(match['set'][1:-1])}))")
        elif match["head"]:
            name = r"\w+" if match["head"] == "@*" else re.escape(match["head"][1:])
            parts.append(f"{comma}@{name} ")
        elif match["neg"] or match["pos"] or match["open"]:
            parts.append("(?!" if match["neg"] else "(?=" if match["pos"] else "(?:")
            depth += 1
        elif match["close"]:
            parts.append(")")
            depth -= 1
        elif match["bar"]:
            parts.append("|")
        elif match["mark"]:
            inside = match["mark"][1:-1]
            parts.append("[.?!] " if inside == "end" else f"[{inside}] ")
        elif match["edge"]:
            parts.append(_edge(match["edge"], lead, tail))
        elif match["number"]:
            parts.append(f"(?:{comma}(?:\\d\\S* |{group('number')}))")
        elif match["ending"]:
            parts.append(f"(?:{comma}[^\\s@]*{match['ending']} )")
        elif match["tight"]:
            tight = True
            continue
        else:
            stem = r"\w*" if match["stem"] else ""
            parts.append(f"(?:{comma}{re.escape(match['word'])}{stem} )")
        if match["times"]:
            parts.append(match["times"])
        if depth < 0:
            raise PatternError(f"'{text}': a bracket closes that was not opened")
    if depth:
        raise PatternError(f"'{text}': a bracket is not closed")
    return Pattern(r"(?:\A|(?<=\s))" + "".join(parts))


def _edge(symbol: str, lead: str, tail: str) -> str:
    if symbol[0] == "^":
        start = r"\A" if symbol == "^^" else r'(?:\A|(?<=[.?!"] ))'
        return f"{start}(?:{COMMA}(?:{lead}))*" if lead else start
    end = r"(?:[.?!\"] )*\Z" if symbol == "$$" else r'(?:[.?!"] |\Z)'
    return f"(?=(?:{COMMA}(?:{tail}))*{end})" if tail else f"(?={end})"
