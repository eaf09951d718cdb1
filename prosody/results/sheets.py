"""What a workbook of results holds: its sheets in order, their columns, and what each column means.

Which package writes it is another matter (`xlsx`). The first sheet is for reading and has at most
40 columns; measures have a sheet of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prosody.measures import table
from prosody.measures.conversation import AROUND
from prosody.results import call_tables
from prosody.words import load as words

FIRST_MOST: Final = 40
_APOLOGIES: Final = (
    "clip", "recording", "call_id", "started_at", "agent", "agent_speaker", "team", "language",
    "role", "start_s",
    "end_s", "text", "verdict", "kind", "hint", "sincere_p", "sincere_rating", "sincere_low",
    "sincere_high", "reason_1", "reason_2", "reason_3", "gates", "remarks", *AROUND,
    "form", "i_form", "source", "baseline_s", "snr_db", "animation_value",
    "animation_word", "p_more_sincere_than_own_usual",
)  # fmt: skip
# What the sheet of measures says beside them: a judge is centred and asked by these.
_KEYS: Final = (
    "clip", "recording", "call_id", "agent", "start_s", "text", "gates", "baseline_s", "snr_db",
)  # fmt: skip
_UNITS: Final = {
    "_per_s": "1/s", "_s": "s", "_hz": "Hz", "_st": "st", "_db": "dB", "_share": "share",
    "_ratio": "ratio",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name (a key of ``words/columns`` ``[table]``), and its columns in order."""

    name: str
    columns: tuple[str, ...]


def workbook(flat: Sequence[str], *, measures_only: bool = False) -> tuple[Sheet, ...]:
    """Return the sheets of a run's workbook, the first to be seen in front.

    Parameters
    ----------
    flat : sequence of str
        Columns of the flat table of apologies.
    measures_only : bool
        Whether nothing was judged.
    """
    recordings = call_tables.recording_columns(measures_only=measures_only)
    read = [c for c in _APOLOGIES if c in flat]
    numbers = [c for c in flat if c not in read and not c.startswith("conduct_")
               and c != "recording_sha256"]  # fmt: skip
    return (
        Sheet("recordings", tuple(c for c in recordings if c not in call_tables.APART)),
        Sheet("apologies", tuple(read)),
        Sheet("conduct", call_tables.CONDUCT),
        Sheet("measures", (*(c for c in _KEYS if c in flat), *numbers)),
    )


def explained(sheet: str, name: str, lang: str) -> tuple[str, str]:
    """Return unit and meaning of one column of a sheet, in a reader's language."""
    say, rules = words("columns", lang), words("conduct", lang)
    own = {"recordings": "recordings", "conduct": "rule_table"}.get(sheet, "apology_table")
    for part in (own, "column", "recordings", "apology_table"):
        if name in say[part]:
            unit = next((u for end, u in _UNITS.items() if name.endswith(end)), "")
            return unit, str(say[part][name])
    if name.startswith("conduct_"):
        rule = name.removeprefix("conduct_").removesuffix("_value")
        key = "value" if name.endswith("_value") else "status"
        return "", str(say["conduct"][key]).format(rule=rules[rule]["name"])
    if name in table.NAMES:
        measure = table.BY_NAME[name]
        return measure.unit, str(say["measure"]["itself"]).format(definition=measure.definition)
    for measure in table.MEASURES:
        if name == measure.relative_name:
            # A difference of pitches has no reference any more.
            unit = measure.unit.split(" re ")[0] if measure.relative == "difference" else "log2"
            return unit, str(say["measure"][measure.relative]).format(name=measure.name)
    axis, _, source = name.partition("_from_")
    return "", str(say["measure"]["contribution"]).format(axis=axis, name=source)
