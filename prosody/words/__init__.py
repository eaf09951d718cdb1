"""Texts that people read, one table per subject and language (``SUBJECT.LANG.toml``).

A new language is one more file per subject; nothing in the code names a language.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import lru_cache
from importlib import resources
from typing import Any

from prosody.errors import UsageError


def languages(name: str) -> tuple[str, ...]:
    """Return the languages in which the table ``name`` exists, sorted."""
    files = (f.name.split(".") for f in resources.files(__name__).iterdir())
    return tuple(sorted(f[1] for f in files if len(f) == 3 and f[0] == name and f[2] == "toml"))


@lru_cache(maxsize=64)
def load(name: str, lang: str) -> dict[str, Any]:
    """Return one table of texts.

    Parameters
    ----------
    name : str
        The subject, for example ``conduct`` or ``reasons``.
    lang : str
        Language of the reader, ``nl`` or ``en``.

    Returns
    -------
    dict
        The TOML file as it stands. It is read once and shared: do not change it.

    Raises
    ------
    UsageError
        If there is no such table in that language.
    """
    file = resources.files(__name__) / f"{name}.{lang}.toml"
    if not (name.isidentifier() and lang.isidentifier() and file.is_file()):
        known = languages(name)
        close = difflib.get_close_matches(lang, known, n=1)
        raise UsageError(
            f"There are no texts '{name}' in the language '{lang}'.",
            f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known) or 'none'}.",
        )
    return tomllib.loads(file.read_text(encoding="utf-8"))


def clock(seconds: float) -> str:
    """Return a time in a recording as people read it: whole seconds, those that have passed.

    Cut and not rounded, so that a player at that time has not passed what is to be heard.
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def decimal_mark(written: str, lang: str) -> str:
    """Return a number, as Python writes it, with the decimal mark of a language."""
    return written if lang == "en" else written.replace(".", ",")
