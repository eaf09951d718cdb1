"""The apologies of a run as an Excel workbook: a sheet of rows, and one about the columns.

Cells keep their kind, so that an Excel in any language shows its own decimal sign. Formats and
widths only change what is seen; every digit stays in the cell. The second sheet explains the
columns in the language of the run, since their names are the same in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from prosody.errors import UsageError
from prosody.measures import table
from prosody.words import load as words

ROW_LIMIT = 1_048_576  # rows of a sheet, with the header
_WIDE = {"recording": 34, "text": 44, "remarks": 44, "reason_1": 40, "reason_2": 40, "reason_3": 40}
_WRAPPED = frozenset(_WIDE) - {"recording"}
_WIDTH = 14
_NARROW = 10
# By how a name ends; the first that fits. Shares and probabilities read as percentages.
_FORMATS = (
    (("_db_per_hz", "_db_per_hz_rel"), "0.0000"),
    (("_p", "_share"), "0%"),
    (("_hz", "_db", "_dbfs"), "0.0"),
    (("_s", "_st", "_rating", "_sd", "_low", "_high"), "0.00"),
)
_OTHER = "0.000"
_UNITS = {"_s": "s", "_hz": "Hz", "_st": "st", "_db": "dB"}


def number_format(name: str) -> str:
    """Return how Excel shows the numbers of a column."""
    if name == "channel" or name.startswith("conduct_"):
        return "General"
    return next((shown for ends, shown in _FORMATS if name.endswith(ends)), _OTHER)


def width(name: str) -> float:
    """Return the width of a column in characters."""
    if name in _WIDE:
        return _WIDE[name]
    return _NARROW if name.endswith(("_s", "_p", "_rating", "_low", "_high", "_sd")) else _WIDTH


@contextmanager
def writer(
    out: IO[bytes],
    columns: Sequence[str],
    safe: Callable[[Any], Any],
    *,
    lang: str = "en",
    path: Path | str = "",
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that takes flat rows; the workbook is written to `out` at the end.

    Parameters
    ----------
    out : binary file
    columns : sequence of str
        The header.
    safe : callable
        Makes a value such that nothing executes it.
    lang : str
        Language of the sheet that explains the columns.
    path : Path or str
        What the file is called in errors.

    Raises
    ------
    UsageError
        If there are more rows than a sheet holds.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("apologies")
    sheet.freeze_panes = "B2"
    bold, top = Font(bold=True), Alignment(vertical="top")
    wrapped = Alignment(vertical="top", wrap_text=True)

    def headed(to: Any, names: Sequence[str]) -> None:
        cells = [WriteOnlyCell(to, value=name) for name in names]
        for cell in cells:
            cell.font, cell.alignment = bold, wrapped
        to.append(cells)

    for i, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = width(name)
    headed(sheet, columns)
    shown = [number_format(name) for name in columns]
    set_as = [wrapped if name in _WRAPPED else top for name in columns]
    count = 0

    def put(row: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count >= ROW_LIMIT:
            raise UsageError(
                f"{path}: a sheet holds {ROW_LIMIT} rows, and there are more apologies.",
                "Leave --format xlsx out; CSV and Parquet hold them all.",
            )
        cells = []
        for name, form, alignment in zip(columns, shown, set_as, strict=True):
            value = safe(row.get(name))
            cell = WriteOnlyCell(sheet, value=value)
            cell.alignment = alignment
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever it begins with
            elif isinstance(value, float):
                cell.number_format = form
            cells.append(cell)
        sheet.append(cells)

    yield put
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count + 1}"
    say = words("columns", lang)["sheet"]
    legend = book.create_sheet(say["title"])
    legend.freeze_panes = "A2"
    for letter, wide in zip("ABC", (34, 16, 100), strict=True):
        legend.column_dimensions[letter].width = wide
    headed(legend, (say["column"], say["unit"], say["meaning"]))
    for name in columns:
        cells = [WriteOnlyCell(legend, value=v) for v in (name, *explained(name, lang))]
        for cell in cells:
            cell.alignment, cell.data_type = wrapped, "s"
        legend.append(cells)
    book.save(out)


def explained(name: str, lang: str) -> tuple[str, str]:
    """Return unit and meaning of one column, in a reader's language."""
    say, rules = words("columns", lang), words("conduct", lang)
    if name in say["column"]:
        unit = next((u for end, u in _UNITS.items() if name.endswith(end)), "")
        return unit, str(say["column"][name])
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
