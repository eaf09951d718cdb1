"""Cells of CSV, Excel and Parquet: as people have them, as text.

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
# Of tables that are held whole, and of a part of one that is not.
MAX_HELD_CELLS, PART_CELLS, PART_CHARACTERS = 30_000_000, 5_000_000, 64 << 20
PARQUET_ROWS, MAX_CHUNK_BYTES = 256, 512 << 20
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
    header, rows = open_rows(path, held=True)
    return header, list(rows)


def open_rows(path: Path | str, *, held: bool = False) -> tuple[list[str], Iterator[list[str]]]:
    """Give header and rows as :func:`read_rows` does, the rows one by one: a table may be long.

    `held` says that all rows will be kept, which bounds how many there may be.
    """
    path = Path(path)
    rows = (
        [c if isinstance(c, str) and c[:1] != "'" else _plain(c) for c in r]
        for r in _kind(path)(path, MAX_HELD_CELLS if held else MAX_CELLS)
    )
    filled = (r for r in _bounded(path, rows, held) if any(c and not c.isspace() for c in r))
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


def in_parts(rows: Iterator[list[str]], at_once: int) -> Iterator[list[list[str]]]:
    """Cut rows into lists of at most `at_once`, fewer where they are wide or hold long texts."""
    part: list[list[str]] = []
    cells = characters = 0
    for row in rows:
        part.append(row)
        cells += len(row)
        characters += sum(map(len, row))
        if len(part) >= at_once or cells >= PART_CELLS or characters >= PART_CHARACTERS:
            yield part
            part, cells, characters = [], 0, 0
    if part:
        yield part


def _too_large(path: Path, what: str, most: int) -> UsageError:
    return UsageError(
        f"{path}: {what}; expected at most {MAX_COLUMNS} columns, {most // 10**6} million cells "
        f"and {MAX_TEXT_BYTES >> 20} MB of text.",
        "Keep the columns that are needed, or cut the table into parts.",
    )


def _bounded(path: Path, rows: Iterable[list[str]], held: bool) -> Iterator[list[str]]:
    """Pass rows on while they are those of a table."""
    most = MAX_HELD_CELLS if held else MAX_CELLS
    cells = characters = 0
    for row in rows:
        cells += len(row) + 1
        characters = sum(map(len, row)) + (characters if held else 0)
        if len(row) > MAX_COLUMNS:
            raise _too_large(path, f"a row of {len(row)} cells", most)
        if cells > most:
            raise _too_large(path, f"more than {most // 10**6} million cells", most)
        if characters > MAX_TEXT_BYTES:
            raise _too_large(path, f"{characters >> 20} MB of text", most)
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


def _kind(path: Path) -> Callable[[Path, int], Iterator[Sequence[Any]]]:
    """Return the reader of a file, by what it begins with; it takes the most cells there may be."""
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


def _csv(path: Path, _most: int) -> Iterator[Sequence[str]]:
    with path.open(encoding=_encoding(path), errors="replace", newline="") as file:
        start = file.tell()
        first = file.readline()
        named = re.fullmatch(r"sep=(.)\s*", first)  # a line of Excel's
        separator = named.group(1) if named else max(",;\t", key=first.count)
        if not named:
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


def _xlsx(path: Path, _most: int) -> Iterator[Sequence[Any]]:
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


def _parquet(path: Path, most: int) -> Iterator[Sequence[Any]]:
    _need(path, "pyarrow", "parquet")
    import pyarrow as pa
    from pyarrow import parquet

    parts = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    header: list[str] = []
    cells = 0
    try:
        for part in parts:
            about = parquet.read_metadata(part)
            schema = about.schema.to_arrow_schema()
            names = schema.names
            cells += about.num_rows * len(names)
            if cells > most or len(names) > MAX_COLUMNS:
                raise _too_large(path, f"{len(names)} columns, {cells} cells", most)
            groups = [about.row_group(i) for i in range(about.num_row_groups)]
            chunks = (
                g.column(i).total_uncompressed_size for g in groups for i in range(len(names))
            )
            if (largest := max(chunks, default=0)) > MAX_CHUNK_BYTES:
                raise _too_large(path, f"{largest >> 20} MB in one column", most)
            if odd := next((f.name for f in schema if pa.types.is_nested(f.type)), None):
                raise UsageError(
                    f"{part}: a cell of column '{odd}' is a table of its own.", "Leave it out."
                )
            if header and names != header:
                raise UsageError(f"{part}: other columns than {parts[0]}.", "Read it alone.")
            if not header:
                yield (header := names)
            # A long text may stand once in the file and in every row: it is looked at as it stands
            # there, a few rows at a time, before it is copied into each.
            texts = [f.name for f in schema if _is_text(f.type)]
            with parquet.ParquetFile(part, read_dictionary=texts) as found:
                for batch in found.iter_batches(batch_size=PARQUET_ROWS):
                    if (size := sum(map(_decoded_bytes, batch.columns))) > MAX_TEXT_BYTES:
                        raise _too_large(path, f"{size >> 20} MB in {len(batch)} rows", most)
                    yield from zip(*map(_cells, batch.columns), strict=True)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{path}: cannot be read as Parquet ({error}).", f"Expected {_KINDS}."
        ) from error


def _decoded_bytes(column: Any) -> int:
    """Return what a column's cells take when each is a value of its own."""
    import pyarrow as pa
    from pyarrow import compute

    if not (pa.types.is_dictionary(column.type) and _is_text(column.type)):
        return int(column.nbytes)
    each = compute.binary_length(column.dictionary)
    return int(compute.sum(each.take(column.indices)).as_py() or 0)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind))


def _cells(column: Any) -> list[Any]:
    return list((column.dictionary_decode() if hasattr(column, "indices") else column).to_pylist())
