"""A team's own form: its sections and words over the rules, and questions that people answer.

It changes what a page asks and in which words, never what was found. There are no points and no
totals: a form is a list of questions.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prosody.errors import UsageError
from prosody.results.records import RULES

_IDENT = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_TEXT = 300
_REMEDY = (
    "A form looks like this: [[section]] name = 'Apologising', then below it [[section.item]] with "
    "rule = 'once' or question = 'greeting', and text = 'your own words'."
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a form: a rule under other words, or a question only people answer."""

    section: str
    ident: str
    text: str
    is_rule: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its items, in order."""

    items: tuple[Item, ...]

    def has(self, rule: str) -> bool:
        """Whether a rule is on the form; without any rule on it, all are."""
        rules = [i.ident for i in self.items if i.is_rule]
        return not rules or rule in rules

    def words(self, rule: str) -> str:
        """Return the form's words for a rule; '' where it has none."""
        return next((i.text for i in self.items if i.is_rule and i.ident == rule), "")

    def section(self, rule: str) -> str:
        """Return the section of a rule; '' where it is in none."""
        return next((i.section for i in self.items if i.is_rule and i.ident == rule), "")

    @property
    def questions(self) -> tuple[Item, ...]:
        """What only people answer."""
        return tuple(i for i in self.items if not i.is_rule)


def read(path: Path) -> Form:
    """Read a form.

    Parameters
    ----------
    path : Path
        TOML: ``[[section]]`` with ``name``, and in each ``[[section.item]]`` with ``rule`` or
        ``question``, and ``text``.

    Raises
    ------
    UsageError
        Which names the place, what was found and what was expected.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).", "") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: no TOML ({error}).", _REMEDY) from error
    sections = found.get("section")
    if not isinstance(sections, list) or not sections:
        raise UsageError(f"{path}: no [[section]].", _REMEDY)
    items: list[Item] = []
    for i, section in enumerate(sections, 1):
        name = _text(path, f"section {i}", section, "name")
        rows = section.get("item") or []
        if not isinstance(rows, list):
            raise UsageError(f"{path}: section {i}: expected [[section.item]].", _REMEDY)
        items += [_item(path, f"section {i}, item {j}", name, row)
                  for j, row in enumerate(rows, 1)]  # fmt: skip
    twice = {i.ident for i in items if sum(i.ident == k.ident for k in items) > 1}
    if twice:
        raise UsageError(f"{path}: {sorted(twice)[0]} is there twice.", "Name each once.")
    if not items:
        raise UsageError(f"{path}: no [[section.item]].", _REMEDY)
    return Form(tuple(items))


def _item(path: Path, where: str, section: str, row: Any) -> Item:
    if not isinstance(row, dict) or ("rule" in row) == ("question" in row):
        raise UsageError(f"{path}: {where}: expected either rule or question.", _REMEDY)
    is_rule = "rule" in row
    ident = str(row["rule" if is_rule else "question"])
    if is_rule and ident not in RULES:
        raise UsageError(
            f"{path}: {where}: there is no rule {ident!r}.", f"Rules: {', '.join(RULES)}."
        )
    if not is_rule and (not _IDENT.fullmatch(ident) or ident in RULES):
        raise UsageError(
            f"{path}: {where}: {ident!r} cannot name a question.",
            "Use small letters, digits and _, and not the name of a rule.",
        )
    return Item(section, ident, _text(path, where, row, "text"), is_rule)


def _text(path: Path, where: str, row: Any, key: str) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_TEXT:
        raise UsageError(
            f"{path}: {where}: {key} is {value!r:.60}, expected a text of at most "
            f"{MOST_TEXT} letters.",
            _REMEDY,
        )
    return value.strip()
