"""HTML that cannot be broken into: every text is escaped unless this module made it.

`tag` builds an element from plain values. Strings, numbers and names of files from the outside are
text and become text; only `Html`, which nothing but this package makes, passes as it is. Links
and sources are built from numbers and our own words, never from a recording's.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9-]*", re.IGNORECASE)
_VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "source"})
# Characters that no document may hold, and those that turn the direction of the text around them.
_BAD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TURNING = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Most texts need no care at all: one look tells.
_CARE = re.compile(f"{_BAD.pattern}|{_TURNING.pattern}|[&<>\"']")


class Html(str):
    """Markup that is safe to put into a page as it stands."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Return a value as text: escaped, without characters that steer what comes after them."""
    if type(value) is Html:
        return value
    plain = str(value)
    if _CARE.search(plain) is None:
        return Html(plain)
    clean = _TURNING.sub("", _BAD.sub("\N{REPLACEMENT CHARACTER}", plain))
    return Html(html.escape(clean, quote=True))


def join(parts: Iterable[Any], between: str = "") -> Html:
    """Return parts as one piece of markup; texts among them are escaped."""
    return Html(text(between).join([p if type(p) is Html else text(p) for p in parts
                                    if p is not None]))  # fmt: skip


def tag(name: str, /, *inside: Any, **attributes: Any) -> Html:
    """Return an element.

    Parameters
    ----------
    name : str
        Of the element.
    *inside
        What it holds; None is left out.
    **attributes
        ``class_`` and ``for_`` stand for reserved words, ``_`` in a name for ``-``. None and False
        leave an attribute out, True gives it without a value.
    """
    out = [_opening(name)]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = _attribute(key)
        out.append(f" {key}" if value is True else f' {key}="{text(value)}"')
    out.append(">")
    if name not in _VOID:
        out += [p if type(p) is Html else text(p) for p in inside if p is not None]
        out.append(f"</{name}>")
    return Html("".join(out))


@lru_cache(maxsize=512)
def _opening(name: str) -> str:
    """Return how an element begins."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an element")
    return f"<{name}"


@lru_cache(maxsize=512)
def _attribute(key: str) -> str:
    """Return an attribute's name as HTML has it."""
    key = key.rstrip("_").replace("_", "-")
    if not _NAME.fullmatch(key) or key.lower().startswith("on"):
        raise ValueError(f"{key!r} is no name of an attribute")
    return key


def data(ident: str, value: Any) -> Html:
    """Return a block of JSON for the page's script: data, which no browser executes."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        body = body.replace(letter, f"\\u{ord(letter):04x}")
    body = _TURNING.sub("", _BAD.sub("\N{REPLACEMENT CHARACTER}", body))
    return Html(f'<script type="application/json" id="{text(ident)}">{body}</script>')
