"""Writes a run's workbook: the sheets of `sheets`, and one that explains their columns.

Cells keep their kind, so that an Excel in any language shows its own decimal sign; dates are dates.
Formats and widths only change what is seen; every digit stays in the cell. The last sheet explains
the columns in the language of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Any

from prosody.errors import UsageError
from prosody.results.call_tables import COUNTS, DATES
from prosody.results.look import Look
from prosody.results.sheets import Sheet, explained
from prosody.words import load as words

ROW_LIMIT = 1_048_576  # rows of a sheet, with the header
_WIDE = {
    "recording": 34, "text": 44, "remarks": 44, "reason_1": 40, "reason_2": 40, "reason_3": 40,
    "hear": 36, "rules_missed": 30, "remedy": 40, "words": 44, "remark": 40, "advice": 44,
}  # fmt: skip
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


def number_format(name: str) -> str:
    """Return how Excel shows the numbers of a column."""
    if name == "channel" or name in COUNTS or name.startswith("conduct_"):
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
    sheets: Sequence[Sheet],
    safe: Callable[[Any], Any],
    *,
    lang: str = "en",
    look: Look | None = None,
    path: Path | str = "",
) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Give a function that takes the name of a sheet and a flat row.

    The workbook is written to `out` at the end; rows of all sheets may come in any order.

    Parameters
    ----------
    out : binary file
    sheets : sequence of Sheet
    safe : callable
        Makes a value such that nothing executes it.
    lang : str
        Language of the names of sheets, and of the one that explains the columns.
    look : Look, optional
        Language of the names of columns.
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

    look = look or Look()
    say = words("columns", lang)
    book = Workbook(write_only=True)
    bold, top = Font(bold=True), Alignment(vertical="top")
    wrapped = Alignment(vertical="top", wrap_text=True)
    made: dict[str, Any] = {}
    count = dict.fromkeys((s.name for s in sheets), 0)

    def headed(to: Any, names: Sequence[str]) -> None:
        cells = [WriteOnlyCell(to, value=name) for name in names]
        for cell in cells:
            cell.font, cell.alignment = bold, wrapped
        to.append(cells)

    for sheet in sheets:
        made[sheet.name] = own = book.create_sheet(say["table"][sheet.name])
        own.freeze_panes = "B2"
        for i, name in enumerate(sheet.columns, start=1):
            own.column_dimensions[get_column_letter(i)].width = width(name)
        headed(own, look.heads(sheet.columns))
    shown = {
        s.name: [
            (n, number_format(n), wrapped if n in _WRAPPED else top, n in DATES) for n in s.columns
        ]
        for s in sheets
    }

    def put(name: str, row: dict[str, Any]) -> None:
        count[name] += 1
        if count[name] >= ROW_LIMIT:
            raise UsageError(
                f"{path}: a sheet holds {ROW_LIMIT} rows, and there are more.",
                "Leave --format xlsx out; CSV and Parquet hold them all.",
            )
        cells = []
        for column, form, alignment, is_date in shown[name]:
            value = safe(look.value(column, row.get(column)))
            if is_date and value:
                value = date.fromisoformat(value)
            cell = WriteOnlyCell(made[name], value=value)
            cell.alignment = alignment
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever it begins with
            elif isinstance(value, date):
                cell.number_format = "yyyy-mm-dd"
            elif isinstance(value, float):
                cell.number_format = form
            cells.append(cell)
        made[name].append(cells)

    yield put
    for sheet in sheets:
        last = get_column_letter(len(sheet.columns))
        made[sheet.name].auto_filter.ref = f"A1:{last}{count[sheet.name] + 1}"
    legend = book.create_sheet(say["sheet"]["title"])
    legend.freeze_panes = "A2"
    for letter, wide in zip("ABCD", (16, 34, 16, 100), strict=True):
        legend.column_dimensions[letter].width = wide
    headed(legend, (say["sheet"]["sheet"], *(say["sheet"][k] for k in ("column", "unit",
                                                                      "meaning"))))  # fmt: skip
    for sheet in sheets:
        title = say["table"][sheet.name]
        rows = [(title, "", "", say["table"][f"holds_{sheet.name}"])]
        heads = look.heads(sheet.columns)
        rows += [
            (title, head, *explained(sheet.name, name, lang))
            for head, name in zip(heads, sheet.columns, strict=True)
        ]
        for row in rows:
            cells = [WriteOnlyCell(legend, value=v) for v in row]
            for cell in cells:
                cell.alignment, cell.data_type = wrapped, "s"
            legend.append(cells)
    book.save(out)
