"""What is said of recordings, in the reader's language.

Remarks and errors carry English with their details. For other languages ``words/reading.LANG.toml``
has a sentence per code; a code without one stays English.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prosody import words
from prosody.errors import ProsodyError
from prosody.recording import Remark

_OWN = "en"


def _table(lang: str) -> dict[str, Any]:
    if lang == _OWN or lang not in words.languages("reading"):
        return {}
    return words.load("reading", lang)


def remark(said: Remark, lang: str) -> Remark:
    """Return a remark in a language, as far as that language has its sentence and its values."""
    table = _table(lang)
    sentence = table.get("remark", {}).get(said.code)
    if sentence is None:
        return said
    names = table.get("name", {})
    try:
        text = sentence.format(**{k: names.get(v, v) for k, v in said.values.items()})
    except KeyError:
        return said
    return replace(said, text=text, remedy="")


def failure(error: ProsodyError, lang: str) -> tuple[str, str]:
    """Return message and remedy of an error in a language; the English details stay in brackets."""
    table = _table(lang)
    sentence = table.get("failed", {}).get(error.code)
    if sentence is None:
        return error.message, error.remedy
    return f"{sentence} ({error.message})", table.get("remedy", {}).get(error.code, error.remedy)
