"""Tables as people have them: CSV as spreadsheets save it, Excel's own files, Parquet; as text.

Every cell becomes text, whatever the file was, so that what follows reads one kind of table. The
encoding is told from the bytes, the separator from the first line.
"""

from __future__ import annotations

import codecs
import csv
import importlib.util
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import MissingExtraError, UsageError

Floats = NDArray[np.float64]
# What stands for "nothing", Excel's own words for a failed formula (English, Dutch) among them.
MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "-", "?", "nvt", "n.v.t.", "#n/a", "#n/b",
     "#div/0!", "#deel/0!", "#value!", "#waarde!"}
)  # fmt: skip
PART_BYTES = 1 << 20
# Uncompressed bytes of a sheet: a small file may claim to be a large one.
MAX_SHEET_BYTES = 2 << 30
# Beyond what any table of apologies is: a few kilobytes may claim a sheet of 17 thousand million
# cells. Texts of a workbook are held all at once, so they have a bound of their own.
MAX_COLUMNS, MAX_SHEETS, MAX_CELLS, MAX_TEXT_BYTES = 5_000, 200, 100_000_000, 256 << 20
PARQUET_ROWS = 256
# What results.safe_cell puts before a text that a spreadsheet would execute.
_MADE_SAFE = re.compile(r"^'(?=\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
_KINDS = "CSV, .xlsx or .parquet"
_MEASURES = ("measures", "maten")


def read_rows(path: Path | str) -> tuple[list[str], list[list[str]]]:
    """Read a table: its header, and its rows as text.

    Parameters
    ----------
    path : path
        CSV with ``,``, ``;`` or tab in UTF-8, UTF-16 or Windows-1252; ``.xlsx`` (its first sheet);
        ``.parquet`` (a file or a folder of parts). Told by content.

    Returns
    -------
    header : list of str
    rows : list of list of str
        As many cells as the header; rows with nothing in them are passed over.

    Raises
    ------
    UsageError
        If it is no such table, or a row does not fit the header.
    MissingExtraError
        If reading it needs a package that is not installed.
    """
    header, rows = open_rows(path)
    return header, list(rows)


def open_rows(path: Path | str) -> tuple[list[str], Iterator[list[str]]]:
    """Give header and rows as :func:`read_rows` does, the rows one by one: a table may be long."""
    path = Path(path)
    rows = (
        [c if isinstance(c, str) and c[:1] != "'" else _plain(c) for c in r]
        for r in _bounded(path, _kind(path)(path))
    )
    filled = (r for r in rows if any(c and not c.isspace() for c in r))
    header = [h.strip() for h in next(filled, [])]
    while header and not header[-1]:  # columns that a spreadsheet leaves behind
        header.pop()
    first = next(filled, None)
    if first is None:
        raise UsageError(f"{path}: no rows, expected a header and at least one row.", "")
    twice = next((h for i, h in enumerate(header) if h and h in header[:i]), None)
    if twice is not None:
        raise UsageError(f"{path}: two columns are called '{twice}'.", "Rename or remove one.")
    return header, _fitting(path, len(header), chain([first], filled))


def _too_large(path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path}: {what}; expected at most {MAX_COLUMNS} columns and {MAX_CELLS // 10**6} million "
        "cells.",
        "Keep the columns that are needed, or cut the table into parts.",
    )


def _bounded(path: Path, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Pass rows on while they are those of a table."""
    cells = 0
    for row in rows:
        cells += len(row) + 1
        if len(row) > MAX_COLUMNS:
            raise _too_large(path, f"a row of {len(row)} cells")
        if cells > MAX_CELLS:
            raise _too_large(path, f"more than {MAX_CELLS // 10**6} million cells")
        yield row


def _fitting(path: Path, wide: int, rows: Iterable[list[str]]) -> Iterator[list[str]]:
    for i, row in enumerate(rows, start=2):
        if len(row) != wide:
            if any(c.strip() for c in row[wide:]):
                raise UsageError(
                    f"{path}: row {i} has {len(row)} cells, expected {wide}.",
                    "Quote cells that hold the separator.",
                )
            if len(row) < wide:
                raise UsageError(
                    f"{path}: row {i} has {len(row)} cells, expected {wide}.",
                    "Was the file cut off there? Save it once more.",
                )
            del row[wide:]
        yield row


def numbers(cells: Sequence[str], path: Path, name: str, first: int = 2) -> Floats:
    """Return cells as float64; empty, NA and the like become NaN, a decimal comma is read.

    `first` is the row of the first cell, for messages.
    """
    try:  # as most tables are
        out = np.array([float(c) if c else np.nan for c in cells], dtype=np.float64)
    except ValueError:
        out = np.array([_number(c, path, name, first + i) for i, c in enumerate(cells)])
    out[~np.isfinite(out)] = np.nan
    return out


def _number(cell: str, path: Path, name: str, row: int) -> float:
    text = cell.strip().strip("'\"")
    if text.lower() in MISSING:
        return np.nan
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        raise UsageError(
            f"{path}: row {row}, column '{name}' holds {cell!r}, expected a number.",
            "Write plain numbers, 0.5 or 0,5, without a sign behind them; leave the cell empty "
            "where the value is missing.",
        ) from None


def _plain(cell: Any) -> str:
    """Return a cell as the text that a CSV would hold."""
    if isinstance(cell, str):
        if len(cell) > 2 and cell[0] == cell[-1] == "'":  # as SMILExtract writes names
            return cell[1:-1]
        return _MADE_SAFE.sub("", cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):  # a spreadsheet has no whole numbers: an agent 12 is not 12.0
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _kind(path: Path) -> Callable[[Path], Iterator[Sequence[Any]]]:
    """Return the reader of a file, by what it begins with."""
    try:
        if path.is_dir():
            if path.suffix == ".parquet":  # a dataset of parts
                return _parquet
            raise UsageError(
                f"{path}: a folder, expected a table ({_KINDS}).", "Give the file itself."
            )
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}.", "Give a CSV file.") from error
    if start.startswith(b"PAR1"):
        return _parquet
    if start.startswith(b"PK\x03\x04"):
        return _xlsx
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UsageError(
            f"{path}: an old Excel file (.xls), or one with a password; expected {_KINDS}.",
            "Save it as .xlsx without a password, or as CSV.",
        )
    return _csv


def _csv(path: Path) -> Iterator[Sequence[str]]:
    with path.open(encoding=_encoding(path), errors="replace", newline="") as file:
        start = file.tell()
        first = file.readline()
        told = re.fullmatch(r"sep=(.)\s*", first)  # a line of Excel's
        separator = told.group(1) if told else max(",;\t", key=first.count)
        if not told:
            file.seek(start)
        reader = csv.reader(file, delimiter=separator)
        try:
            yield from reader
        except csv.Error as error:
            raise UsageError(
                f"{path}, line {reader.line_num}: cannot be read as CSV ({error}).",
                "Save it again as CSV (UTF-8).",
            ) from error


def _encoding(path: Path) -> str:
    """Return the encoding of a text, told from all of it, a part at a time."""
    with path.open("rb") as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        file.seek(0)
        found = "utf-16" if marked else "utf-8-sig"
        decode = codecs.getincrementaldecoder(found)("replace" if marked else "strict").decode
        for part in iter(lambda: file.read(PART_BYTES), b""):
            try:
                text = decode(part)
            except UnicodeDecodeError:
                # What a Dutch Excel saves as CSV.
                found, text = "cp1252", part.decode("cp1252", errors="replace")
                decode = codecs.getincrementaldecoder("cp1252")("replace").decode
            if "\0" in text:
                raise UsageError(
                    f"{path}: binary data, expected a table ({_KINDS}).", "Check the path."
                )
    return found


def _need(path: Path, package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"{path}: reading it needs the package {package}, which is not installed.",
            f'Save it as CSV, or: pip install "prosody-sincerity[{extra}]"',
        )


def _xlsx(path: Path) -> Iterator[Sequence[Any]]:
    _need(path, "openpyxl", "xlsx")
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as parts:
            sizes = {p.filename: p.file_size for p in parts.infolist()}
        size, sheets = sum(sizes.values()), sum("worksheets/" in name for name in sizes)
        texts = sum(n for name, n in sizes.items() if not name.startswith("xl/worksheets/"))
        if size > MAX_SHEET_BYTES or texts > MAX_TEXT_BYTES or sheets > MAX_SHEETS:
            raise UsageError(
                f"{path}: {sheets} sheets, {size >> 20} MB when unpacked ({texts >> 20} MB of "
                f"texts); expected at most {MAX_SHEETS}, {MAX_SHEET_BYTES >> 20} MB and "
                f"{MAX_TEXT_BYTES >> 20} MB.",
                "Save the sheet that is needed as CSV.",
            )
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            wide = 0
            # Of a run's own workbook the sheet with the numbers; of any other its first.
            sheet = next((s for s in book.worksheets if s.title in _MEASURES), book.worksheets[0])
            sheet.reset_dimensions()  # what a sheet says of its own size is not to be believed
            for row in sheet.iter_rows(values_only=True):
                # Sheets written in one go do not say how wide they are, and rows end where they do.
                wide = wide or len(row)
                yield (*row, *((None,) * (wide - len(row))))
        finally:
            book.close()
    except UsageError:
        raise
    except Exception as error:  # openpyxl and zipfile raise many classes on damaged files
        raise UsageError(
            f"{path}: cannot be read as an Excel sheet ({error}); expected {_KINDS}.",
            "Save it as CSV (UTF-8).",
        ) from error


def _parquet(path: Path) -> Iterator[Sequence[Any]]:
    _need(path, "pyarrow", "parquet")
    import pyarrow as pa
    from pyarrow import parquet

    parts = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    header: list[str] = []
    cells = 0
    try:
        for part in parts:
            with parquet.ParquetFile(part) as found:
                names = found.schema_arrow.names
                cells += found.metadata.num_rows * len(names)
                if cells > MAX_CELLS or len(names) > MAX_COLUMNS:
                    raise _too_large(path, f"{len(names)} columns, {cells} cells")
                if header and names != header:
                    raise UsageError(f"{part}: other columns than {parts[0]}.", "Read it alone.")
                if not header:
                    yield (header := names)
                # A few rows at a time: a long text may stand once in the file and in every row.
                for batch in found.iter_batches(batch_size=PARQUET_ROWS):
                    if batch.nbytes > MAX_TEXT_BYTES:
                        raise _too_large(path, f"{batch.nbytes >> 20} MB in {len(batch)} rows")
                    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{path}: cannot be read as Parquet ({error}).", f"Expected {_KINDS}."
        ) from error
