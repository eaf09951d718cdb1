"""Praat TextGrids of a run: what was found, how it sounded and what was measured, on one clock.

One file per recording, in the folders' order of its name: interval tiers with the acts of each
role, the apologies, the verdicts, and one tier per measure (the number stands in the interval).
"""

from __future__ import annotations

import hashlib
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from prosody.files import storable
from prosody.measures import table
from prosody.results import parquet
from prosody.results.records import ApologyRecord, CallRecord

if TYPE_CHECKING:
    from prosody.runs.journal import Journal

FOLDER = "textgrids"
Interval = tuple[float, float, str]

_UNSAFE = re.compile(r"[^\w.()+-]+")


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def tiers(
    record: CallRecord, apologies: Sequence[ApologyRecord], *, measures_only: bool = False
) -> dict[str, list[Interval]]:
    """Return the tiers of one recording, by name, each with its intervals.

    Tiers are the acts of each role, ``apology`` (its words), ``verdict`` and ``sincere`` (not with
    `measures_only`), and a tier for each measure and each relative measure that has a value.
    """
    out: dict[str, list[Interval]] = {}
    for act in record.acts:
        label = f"{act['act']}: {act['text']}".rstrip(": ")
        name = f"acts {act['role']}"
        out.setdefault(name, []).append((act["start_s"], act["end_s"], label))
    out["apology"] = [(a.start_s, a.end_s, a.text or a.form or "apology") for a in apologies]
    if not measures_only:
        out["verdict"] = [
            (a.start_s, a.end_s, a.verdict or f"not judged: {' '.join(a.gates)}") for a in apologies
        ]
        out["sincere"] = [
            (a.start_s, a.end_s, _number((a.axes.get("sincere") or {}).get("p", math.nan)))
            for a in apologies
        ]
    for names, field in ((table.NAMES, "measures"), (table.RELATIVE_NAMES, "relative")):
        for i, name in enumerate(names):
            values = [(a.start_s, a.end_s, _number(getattr(a, field)[i])) for a in apologies]
            if any(text for _, _, text in values):
                out[name] = values
    return out


def _apart(intervals: Sequence[Interval], end_s: float) -> list[Interval]:
    """Return intervals that fill 0 to `end_s` without overlap; of two that do, the first is cut."""
    known = sorted(i for i in intervals if math.isfinite(i[0]) and math.isfinite(i[1]))
    out: list[Interval] = []
    at = 0.0
    for k, (start, end, text) in enumerate(known):
        start = max(start, at)
        end = min(end, end_s)
        if k + 1 < len(known) and known[k + 1][0] > start:
            end = min(end, known[k + 1][0])
        if end - start < 1e-6:
            if out and text:  # two that begin together share an interval
                out[-1] = (*out[-1][:2], f"{out[-1][2]} / {text}")
            continue
        if start - at > 1e-6:
            out.append((at, start, ""))
        else:
            start = at
        out.append((start, end, text))
        at = end
    if end_s - at > 1e-6 or not out:
        out.append((at, end_s, ""))
    else:
        out[-1] = (out[-1][0], end_s, out[-1][2])
    return out


def _lines(named: dict[str, list[Interval]], end_s: float) -> Iterator[str]:
    yield 'File type = "ooTextFile"'
    yield 'Object class = "TextGrid"'
    yield ""
    yield "xmin = 0"
    yield f"xmax = {end_s:.9f}"
    yield "tiers? <exists>"
    yield f"size = {len(named)}"
    yield "item []:"
    for i, (name, intervals) in enumerate(named.items(), start=1):
        filled = _apart(intervals, end_s)
        yield f"    item [{i}]:"
        yield '        class = "IntervalTier"'
        yield f"        name = {_quoted(name)}"
        yield "        xmin = 0"
        yield f"        xmax = {end_s:.9f}"
        yield f"        intervals: size = {len(filled)}"
        for k, (start, end, text) in enumerate(filled, start=1):
            yield f"        intervals [{k}]:"
            yield f"            xmin = {start:.9f}"
            yield f"            xmax = {end:.9f}"
            yield f"            text = {_quoted(text)}"


def _quoted(text: str) -> str:
    flat = " ".join(storable(text).split())
    return '"' + flat.replace('"', '""') + '"'


def dump(
    record: CallRecord, apologies: Sequence[ApologyRecord], *, measures_only: bool = False
) -> str:
    """Return the TextGrid of one recording (Praat's long text form)."""
    ends = [a.end_s for a in apologies] + [record.duration_s]
    end_s = max(e for e in ends if math.isfinite(e))
    named = tiers(record, apologies, measures_only=measures_only)
    return "\n".join(_lines(named, end_s)) + "\n"


def name_of(record: CallRecord, taken: set[str]) -> str:
    """Return a file name for a recording: its own, made safe, and unlike any that is taken."""
    stem = PurePosixPath(record.recording.replace("\\", "/")).stem
    safe = _UNSAFE.sub("_", stem).strip("._")[:100] or "recording"
    if safe.casefold() in taken:
        mark = hashlib.sha256(f"{record.recording}\x1f{record.call_id}".encode()).hexdigest()[:8]
        safe = f"{safe}-{mark}"
    taken.add(safe.casefold())
    return f"{safe}.TextGrid"


def write_all(folder: Path, journal: Journal, *, measures_only: bool = False) -> int:
    """Write the TextGrids of a run into a folder of its own; returns how many there are.

    Recordings that could not be read have none.
    """
    taken: set[str] = set()
    rows = journal.apologies()
    row = next(rows, None)
    part = Path(tempfile.mkdtemp(prefix=".run.", suffix=".part", dir=folder.parent))
    count = 0
    try:
        part.chmod(0o777 & ~parquet.umask())
        for record in journal.records():
            mine: list[ApologyRecord] = []
            while row is not None and row.recording < record.recording:
                row = next(rows, None)
            ahead: list[ApologyRecord] = []
            while row is not None and row.recording == record.recording:
                (mine if row.call_id == record.call_id else ahead).append(row)
                row = next(rows, None)
            if ahead:  # several calls lie in one file: the others get theirs, too
                rows = _again(ahead, row, rows)
                row = next(rows, None)
            if record.status == "failed" or not math.isfinite(record.duration_s):
                continue
            text = dump(record, mine, measures_only=measures_only)
            (part / name_of(record, taken)).write_text(text, encoding="utf-8")
            count += 1
        parquet.swap(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return count


def _again(
    ahead: Sequence[ApologyRecord], row: ApologyRecord | None, rows: Iterator[ApologyRecord]
) -> Iterator[ApologyRecord]:
    yield from ahead
    if row is not None:
        yield row
    yield from rows
