"""The tables that ratings are written to: long form, one row per axis, as `prosody fit` reads them.

The four short items, where they are asked, stand in a table of their own (``NAME-items.csv``): the
table of ratings knows two axes.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prosody.results.records import AXES
from prosody.results.write import atomic, safe_cell

COLUMNS = ("clip", "rater", "axis", "rating", "is_repeat", "cannot_hear", "remark", "time",
           "position")  # fmt: skip
PAIR_COLUMNS = ("clip_a", "clip_b", "rater", "axis", "chosen", "is_repeat", "remark", "time",
                "position")  # fmt: skip
"""Comparisons, as `prosody fit --pairs` reads them: ``clip_a`` was heard first."""
ITEM_COLUMNS = ("clip", "rater", "item", "rating", "is_repeat", "time", "position")

Answered = tuple[str, str, int, int, float | None, float | None, int, str, str, str]
"""clip, rater, is_repeat, position from 0, sincere, engaged, cannot_hear, remark, items, time."""


def items_of(out: Path) -> Path:
    """Return the table of the short items that belongs to a table of ratings."""
    return out.with_name(f"{out.stem}-items.csv")


def write(out: Path, rows: Sequence[Answered], *, pairs: bool = False) -> None:
    """Write the tables anew, each whole or not at all."""
    if pairs:
        _write(out, PAIR_COLUMNS, (_compared(row) for row in rows))
        return
    _write(out, COLUMNS, (line for row in rows for line in _long(row)))
    items = [line for row in rows for line in _items(row)]
    if items or items_of(out).exists():
        _write(items_of(out), ITEM_COLUMNS, items)


def append(out: Path, row: Answered, *, pairs: bool = False) -> None:
    """Add one answer to the tables; it is on the disk when this returns."""
    if pairs:
        _append(out, [_compared(row)])
        return
    _append(out, _long(row))
    items = list(_items(row))
    if items and not items_of(out).exists():
        _write(items_of(out), ITEM_COLUMNS, items)
    elif items:
        _append(items_of(out), items)


def _compared(row: Answered) -> list[Any]:
    names, rater, repeat, position, sincere, _, deaf, remark, _, at = row
    chosen = "" if deaf or sincere is None else "a" if sincere > 50 else "b"
    return [*names.split("\n"), rater, AXES[0], chosen, repeat, remark, at, position + 1]


def _long(row: Answered) -> Iterator[list[Any]]:
    clip, rater, repeat, position, sincere, engaged, deaf, remark, _, at = row
    for axis, value in zip(AXES, (sincere, engaged), strict=True):
        shown = "" if deaf or value is None else f"{value:g}"
        yield [clip, rater, axis, shown, repeat, deaf, remark, at, position + 1]


def _items(row: Answered) -> Iterator[list[Any]]:
    clip, rater, repeat, position, *_, items, at = row
    for name, value in json.loads(items).items():
        yield [clip, rater, name, f"{value:g}", repeat, at, position + 1]


def _write(path: Path, columns: Sequence[str], lines: Iterable[list[Any]]) -> None:
    with atomic(path, mode="w", encoding="utf-8-sig", newline="", errors="replace") as out:
        sheet = csv.writer(out)
        sheet.writerow(columns)
        sheet.writerows([safe_cell(v) for v in line] for line in lines)


def _append(path: Path, lines: Iterable[list[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(v) for v in line] for line in lines)
    with path.open("r+b") as out:  # never a table without its header
        out.seek(0, os.SEEK_END)
        out.write(text.getvalue().encode("utf-8", "replace"))
        out.flush()
        os.fsync(out.fileno())
