"""Small text files that people make: their encoding, and rows of CSV with its separators."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from prosody.errors import ProsodyError

MAX_BYTES = 64 << 20
# What XML, and with it a workbook, cannot hold; lone surrogates are in no encoding at all.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def storable(text: str) -> str:
    """Return `text` with U+FFFD in the place of characters that some format cannot hold."""
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def decode(path: Path, error: type[ProsodyError]) -> str:
    """Return the text of a file: UTF-8 or UTF-16 by its mark, else UTF-8, else Windows-1252.

    Raises ``error`` where there is no such file, or it is no text of a sane size.
    """
    try:
        if not path.is_file():
            raise error(f"{path}: there is no such file.", "Check the path.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise error(f"{path}: cannot be read ({failure.strerror}).", "Check the path.") from failure
    if len(data) > MAX_BYTES:
        raise error(
            f"{path}: more than {MAX_BYTES >> 20} MB, expected a text file made by a person.",
            "Check that this is the file you meant.",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")  # what a Dutch Excel saves
    if "\0" in text:
        raise error(f"{path}: found binary data, expected text.", "Check the path.")
    return text


def rows(
    path: Path, text: str, error: type[ProsodyError]
) -> tuple[list[str], list[tuple[int, dict[str, str]]], str]:
    """Return the header (lower case), (line number, row) pairs, and the separator of a CSV text.

    Separators are comma, semicolon or tab, whichever the first line has most of. Lines with nothing
    in them are passed over; cells beyond the header are refused, since they mean a separator inside
    of a text that was not quoted.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    out: list[tuple[int, dict[str, str]]] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip().lower() for cell in cells]
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                raise error(
                    f"{path}, line {reader.line_num}: found {len(cells)} cells, expected "
                    f"{len(header)} as in the header.",
                    f"Put texts that contain '{separator}' between double quotes.",
                )
            row = {n: c.strip() for n, c in zip(header, cells, strict=False) if n}
            out.append((reader.line_num, row))
    except csv.Error as failure:
        raise error(
            f"{path}, line {reader.line_num}: cannot be read as CSV ({failure}).",
            "Save it again as CSV (UTF-8).",
        ) from failure
    return header, out, separator
