"""What there is to practise: situations with a sentence each, and two ordinary sentences."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _table() -> dict[str, Any]:
    text = (files("prosody.coach") / "situations.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def situations(lang: str) -> list[dict[str, Any]]:
    """Return every situation in a language: id, title, story, sentence, suggestions."""
    return [{"id": one["id"], **one[lang]} for one in _table()["situation"]]


def baseline_sentences(lang: str) -> list[str]:
    """Return the ordinary sentences that show how somebody usually speaks."""
    return list(_table()["usual"][lang])
