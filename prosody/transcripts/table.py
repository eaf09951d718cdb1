"""Plain tables: CSV or TSV with a header, one line per turn or one line per word."""

from __future__ import annotations

import csv
import io
import math
import re

from prosody.transcripts.document import Document, Reader
from prosody.transcripts.turns import Transcript, Turn, Word

# column -> names it goes by; the first is ours
COLUMNS = {
    "start": (
        "start_s", "start", "begin", "start_time", "begintijd",
        "starttijd", "offset", "tmin", "from", "van", "tijd", "time", "timestamp",
    ),
    "end": (
        "end_s", "end", "stop", "end_time", "eindtijd", "einde",
        "eind", "tmax", "to", "tot",
    ),
    "text": (
        "text", "transcript", "utterance", "tekst", "content", "sentence", "uitspraak", "zin",
        "message", "words",
    ),
    "role": (
        "role", "speaker", "speaker_role", "participant", "rol", "spreker", "speaker_label",
        "tier", "deelnemer", "wie", "who",
    ),
    "channel": ("channel", "kanaal", "channel_id"),
    "duration": ("duration_s", "duration", "duur", "lengte"),
}  # fmt: skip
MAX_FIELD = 1_000_000


def _name(cell: str) -> str:
    """Return a column's name as `COLUMNS` has it: "Start (s)" is start_s."""
    return re.sub(r"[\s()\[\]._-]+", "_", cell.strip().lower()).strip("_")


_MS = ("_ms", "_msec", "_milliseconds", "_milliseconden")


def _spellings(name: str) -> tuple[str, ...]:
    """Return a column's name with every unit that may stand behind it."""
    return (name, *(name + unit for unit in ("_s", "_sec", "_seconds", "_seconden", *_MS)))


def _columns(document: Document) -> tuple[str, dict[str, int], list[str]] | None:
    """Return the delimiter, column name -> index, and the header, if line 1 is one."""
    first = document.text.lstrip("\n").split("\n", 1)[0]
    if len(first) > 2000:
        return None
    for mark in ("\t", ";", ","):
        try:
            header = [_name(h) for h in next(csv.reader([first], delimiter=mark))]
        except (csv.Error, StopIteration):
            continue
        where = {
            ours: header.index(name)
            for ours, names in COLUMNS.items()
            for name in [next((h for n in names for h in header if h in _spellings(n)), "")]
            if name
        }
        if {"start", "text"} <= where.keys():
            return mark, where, header
    return None


def recognises(document: Document) -> bool:
    """Tell a header line with at least a start and a text column."""
    return _columns(document) is not None


def _unit(document: Document, name: str, whisper: bool) -> float:
    if name.endswith(_MS) or whisper:
        document.note("times were taken as milliseconds")
        return 1000.0
    if not name.endswith(("_s", "_sec", "_seconds", "_seconden")):
        document.note("times in column '{a}' were taken as seconds", a=name)
    return 1.0


def parse(document: Document) -> Transcript:
    """Read lines; ``duration`` may stand in for ``end``."""
    found = _columns(document)
    assert found is not None  # only called when recognised
    mark, where, header = found
    # whisper's own TSV has exactly these three columns, in whole milliseconds
    whisper = mark == "\t" and header == ["start", "end", "text"]
    units: dict[str, float] = {
        c: _unit(document, header[where[c]], whisper)
        for c in ("start", "end", "duration")
        if c in where
    }
    unused = [name for i, name in enumerate(header) if name and i not in where.values()]
    if unused:
        document.note("columns that were not used: {a}", a=", ".join(unused[:12]))
    csv.field_size_limit(MAX_FIELD)
    rows = csv.reader(
        io.StringIO(document.text.lstrip("\n"), newline=""),
        delimiter=mark,
        quoting=csv.QUOTE_NONE if whisper else csv.QUOTE_MINIMAL,
    )
    lines: list[tuple[str, list[str]]] = []
    try:
        next(rows)
        for row in rows:
            if any(cell.strip() for cell in row):
                lines.append((f"line {rows.line_num}", row))
    except csv.Error as error:
        raise document.bad(f"line {rows.line_num}", str(error), "a table") from None
    turns = document.each(lines, lambda place, row: [_turn(document, place, row, where, units)])
    return document.finish(
        turns,
        "TSV" if mark == "\t" else "CSV",
        unit="ms" if units["start"] != 1.0 else "s",
    )


def _turn(
    document: Document, place: str, row: list[str], where: dict[str, int], units: dict[str, float]
) -> Turn:
    if len(row) <= max(where["start"], where["text"]):
        raise document.bad(place, f"{len(row)} cells", f"at least {max(where.values()) + 1}")

    def cell(name: str) -> str:
        at = where.get(name, len(row))
        return row[at].strip() if at < len(row) else ""

    start_s = document.time(cell("start"), f"{place}, start", per_s=units["start"])
    end_s = document.time(cell("end"), f"{place}, end", per_s=units.get("end", 1.0))
    if math.isnan(end_s) and cell("duration"):
        end_s = start_s + document.time(
            cell("duration"), f"{place}, duration", per_s=units["duration"]
        )
    channel: int | None = None
    if text := cell("channel"):
        match = re.fullmatch(r"(?:ch(?:annel)?[ _-]?)?(\d{1,2})", text.lower())
        sides = {"left": 0, "l": 0, "links": 0, "right": 1, "r": 1, "rechts": 1}
        if text.lower() in sides:
            channel = sides[text.lower()]
        elif match:
            channel = int(match[1])
        else:
            raise document.bad(f"{place}, channel", text, "left, right or a number from 0")
    return document.turn(
        place,
        start_s,
        end_s,
        cell("text"),
        speaker=cell("role"),
        channel=channel,
        words=_one_word(cell("text"), start_s, end_s),
    )


def _one_word(text: str, start_s: float, end_s: float) -> tuple[Word, ...]:
    """Return the word of a line that is a single word: its times are word times."""
    if len(text.split()) == 1 and math.isfinite(start_s) and math.isfinite(end_s):
        return (Word(text, start_s, end_s),)
    return ()


READERS = [Reader("CSV or TSV", recognises, parse)]
