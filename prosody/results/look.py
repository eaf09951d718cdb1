"""Decimal commas and Dutch names in tables: how a country's spreadsheets expect them.

Programs read comma and point and English names, which is what is written unless somebody asks for
something else. JSONL and Parquet are for programs and always the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prosody.errors import UsageError
from prosody.words import languages, load

DIALECTS: Final[Mapping[str, tuple[str, str]]] = {"standard": (",", "."), "nl": (";", ",")}
"""Between cells, and before decimals: those that Excel of a country expects."""
_CODED: Final = frozenset({"status", "verdict", "role", "strength"})
"""Columns whose values are codes; those of ``conduct_*`` (a rule's outcome) are, too."""


@dataclass(frozen=True, slots=True)
class Look:
    """How CSV and workbook are shown.

    Attributes
    ----------
    dialect : str
        One of `DIALECTS`: the signs of the CSV. A workbook needs none, its cells are numbers.
    columns : str
        Language of the names of columns and of fixed values: ``en`` or ``nl``.
    """

    dialect: str = "standard"
    columns: str = "en"

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise UsageError(
                f"--csv-dialect {self.dialect} is not known.",
                f"Choose from {', '.join(DIALECTS)}.",
            )
        if self.columns not in languages("columns"):
            raise UsageError(
                f"--columns {self.columns} is not known.",
                f"Choose from {', '.join(languages('columns'))}.",
            )

    @property
    def delimiter(self) -> str:
        """What stands between two cells of a CSV."""
        return DIALECTS[self.dialect][0]

    def heads(self, names: Sequence[str]) -> list[str]:
        """Return the names of columns as people read them."""
        known = load("columns", self.columns)["name"]
        return [str(known.get(name, name)) for name in names]

    def value(self, name: str, value: Any) -> Any:
        """Return a cell as people read it; numbers stay numbers."""
        if self.columns == "en" or not isinstance(value, str):
            return value
        coded = name in _CODED or (name.startswith("conduct_") and not name.endswith("_value"))
        return load("columns", self.columns)["values"].get(value, value) if coded else value

    def number(self, value: Any) -> Any:
        """Return a number as a CSV of this dialect has it."""
        if self.dialect == "standard" or not isinstance(value, float):
            return value
        return repr(value).replace(".", DIALECTS[self.dialect][1])
