"""Writing the results of a run: JSONL and CSV always, Parquet and XLSX with their extras.

Every file is written beside its final name and moved into place when it is whole, so that a reader
never sees half a file. CSV cells that a spreadsheet would execute are made safe, and the file
starts with a byte-order mark, without which Excel breaks Dutch characters.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from prosody import rows, table
from prosody.errors import MissingExtraError, UsageError
from prosody.rows import Apology, Line

FORMATS = ("jsonl", "csv", "parquet", "xlsx")
EXTRA = {"parquet": "pyarrow", "xlsx": "openpyxl"}

# A cell that begins like this is a formula to Excel, LibreOffice and Google Sheets (OWASP, "CSV
# injection"); a leading apostrophe makes it text.
_FORMULA = re.compile(r"^[=+\-@\t\r\n]|^\s+[=+\-@]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_TEXT_LIMIT = 32_767  # characters in one cell of a spreadsheet


def safe_cell(value: Any) -> Any:
    """Return `value` such that no spreadsheet executes it; numbers stay numbers."""
    if isinstance(value, str):
        value = _CONTROL.sub(" ", value)[: _TEXT_LIMIT - 1]
        return f"'{value}" if _FORMULA.match(value) else value
    return value


@contextmanager
def atomic(path: Path, **how: Any) -> Any:
    """Open a file that takes the name `path` only when it has been written whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(fd, **how) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        # mkstemp makes files that only their owner may read; results are for the team.
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document (UTF-8, indented, null for NaN)."""
    with atomic(path, mode="w", encoding="utf-8") as out:
        json.dump(rows.plain(value), out, ensure_ascii=False, indent=2, allow_nan=False)
        out.write("\n")


def write_jsonl(path: Path, objects: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object per line (UTF-8, null for NaN)."""
    with atomic(path, mode="w", encoding="utf-8") as out:
        for one in objects:
            out.write(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(
    path: Path | IO[str], table_rows: Sequence[dict[str, Any]], columns: Sequence[str]
) -> None:
    """Write a CSV that Excel opens: byte-order mark, CRLF, nothing that executes.

    Parameters
    ----------
    path : Path or text file
        A path is written atomically and with the byte-order mark; a file object as it is.
    table_rows : sequence of dict
    columns : sequence of str
        The header; a row's missing columns are empty.
    """

    def put(out: IO[str]) -> None:
        sheet = csv.writer(out)
        sheet.writerow(columns)
        for row in table_rows:
            sheet.writerow(["" if (v := row.get(c)) is None else safe_cell(v) for c in columns])

    if isinstance(path, Path):
        with atomic(path, mode="w", encoding="utf-8-sig", newline="", errors="replace") as out:
            put(out)
    else:
        put(path)


def write_parquet(path: Path, table_rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write one Parquet file; each measure's column carries its unit and definition."""
    _need("parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = []
    for name in columns:
        measure = table.BY_NAME.get(name)
        about = {"unit": measure.unit, "definition": measure.definition} if measure else None
        fields.append(pa.field(name, _arrow_type(name, pa), metadata=about))
    made = pa.Table.from_pylist(list(table_rows), schema=pa.schema(fields))
    with atomic(path, mode="wb") as out:
        pq.write_table(made, out)


def _arrow_type(name: str, pa: Any) -> Any:
    if name == "i_form":
        return pa.bool_()
    if name == "channel":
        return pa.int32()
    return pa.string() if is_text(name) else pa.float64()


def is_text(name: str) -> bool:
    """Whether a flat column holds text (everything else holds numbers)."""
    if name.startswith("conduct_"):
        rule = name.removeprefix("conduct_").removesuffix("_value")
        return not name.endswith("_value") or rule in rows.WORDED_RULES
    return name in _TEXT


_TEXT = {
    "recording", "recording_sha256", "call_id", "started_at", "agent", "team", "language", "role",
    "text", "form", "source", "verdict", "kind", "hint", "reason_1", "reason_2", "reason_3",
    "gates", "remarks",
}  # fmt: skip


def write_xlsx(path: Path, table_rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write one sheet with numbers as numbers, whatever the reader's decimal sign."""
    _need("xlsx")
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("apologies")
    sheet.freeze_panes = "B2"
    for i, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = 40 if name in ("text",) else 16
    header = []
    for name in columns:
        cell = WriteOnlyCell(sheet, value=name)
        cell.font = Font(bold=True)
        header.append(cell)
    sheet.append(header)
    for row in table_rows:
        cells = []
        for name in columns:
            value = safe_cell(row.get(name))
            cell = WriteOnlyCell(sheet, value=value)
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever it begins with
            cells.append(cell)
        sheet.append(cells)
    if table_rows:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(table_rows) + 1}"
    with atomic(path, mode="wb") as out:
        book.save(out)


def _need(fmt: str) -> None:
    if importlib.util.find_spec(EXTRA[fmt]) is None:
        raise MissingExtraError(
            f"--format {fmt} needs the package {EXTRA[fmt]}, which is not installed.",
            f'Install it with: pip install "prosody-sincerity[{fmt}]"',
        )


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats to write: JSONL and CSV always, Parquet where its extra is there.

    Raises
    ------
    UsageError
        For a format that does not exist.
    MissingExtraError
        For one that was asked for but is not installed.
    """
    for fmt in formats:
        if fmt not in FORMATS:
            raise UsageError(f"--format {fmt} is not known.", f"Choose from {', '.join(FORMATS)}.")
        if fmt in EXTRA:
            _need(fmt)
    chosen = {"jsonl", "csv", *formats}
    if importlib.util.find_spec("pyarrow"):
        chosen.add("parquet")
    return tuple(f for f in FORMATS if f in chosen)


def write_run(
    folder: Path,
    lines: Sequence[Line],
    apologies: Sequence[Apology],
    run: dict[str, Any],
    *,
    formats: Sequence[str] = ("jsonl", "csv"),
    inputs: tuple[str, ...] = (),
    measures_only: bool = False,
) -> list[str]:
    """Write everything a run gives back.

    Parameters
    ----------
    folder : Path
        Made where it is missing. Only the files named below are touched.
    lines : sequence of Line
        One for every input.
    apologies : sequence of Apology
    run : dict
        The run's header: settings, versions, model, counts.
    formats : sequence of str
        As `check_formats` returned them.
    inputs : tuple of str
        The judge's inputs (they name the contribution columns).
    measures_only : bool
        Leave every column of a judgement out.

    Returns
    -------
    list of str
        Names of the files in `folder`, in the order in which a reader would open them.
    """
    lines = sorted(lines, key=lambda x: x.recording)
    apologies = sorted(apologies, key=lambda x: (x.recording, x.start_s, x.channel))
    table_rows = [rows.flat(a, inputs=inputs, measures_only=measures_only) for a in apologies]
    columns = flat_columns(inputs, measures_only=measures_only)
    writers: dict[str, Callable[[Path], None]] = {
        "csv": lambda p: write_csv(p, table_rows, columns),
        "xlsx": lambda p: write_xlsx(p, table_rows, columns),
        "parquet": lambda p: write_parquet(p, table_rows, columns),
        "jsonl": lambda p: write_jsonl(
            p, (rows.nested(a, measures_only=measures_only) for a in apologies)
        ),
    }
    written = []
    for fmt, write in writers.items():
        path = folder / f"apologies.{fmt}"
        if fmt in formats:
            write(path)
            written.append(path.name)
        else:
            # A file of an earlier run with other formats would contradict this one.
            path.unlink(missing_ok=True)
    write_jsonl(
        folder / "recordings.jsonl",
        (rows.nested_line(x, measures_only=measures_only) for x in lines),
    )
    write_json(folder / "run.json", run)
    return [*written, "recordings.jsonl", "run.json"]


def flat_columns(inputs: tuple[str, ...] = (), *, measures_only: bool = False) -> list[str]:
    """Return the columns of the flat files, in order (the same for every run of one judge)."""
    import numpy as np

    empty = Apology(
        "",
        "",
        "",
        0,
        "",
        0.0,
        0.0,
        "",
        "",
        "",
        "",
        np.full(len(table.NAMES), np.nan),
        np.full(len(table.RELATIVE_NAMES), np.nan),
        0.0,
    )
    return list(rows.flat(empty, inputs=inputs, measures_only=measures_only))
