"""Answers of reviewers: one row for each time that somebody said something of one find.

Rows are only ever added: an answer that was changed stays, with its time, so that it can be seen
how steady somebody's answers are. An objection of the agent whom a call is about is a row like any
other, with ``as`` = ``agent``.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prosody.errors import UsageError
from prosody.results.write import write_csv

KINDS: Final = ("rule", "apology", "call", "question", "impression")
ANSWERS: Final = ("agree", "disagree", "met", "not_met", "yes", "no", "cannot_tell", "")
ROLES: Final = ("reviewer", "agent")
TABLE: Final = "reviews.csv"
MOST_WHY = 500
# What somebody who disagrees says instead.
_OPPOSITE: Final = {"met": "not_met", "not_met": "met", "yes": "no", "no": "yes"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one reviewer said once.

    Attributes
    ----------
    recording, kind, what, start_s : str
        Of what: a rule, an apology at a time, the whole call, a question of the team's form, or
        the impression of an apology.
    machine : str
        What prosody had found.
    answer : str
        One of `ANSWERS`, or a number from 0 to 100 for an impression; '' takes it back.
    why : str
    reviewer, as_ : str
        Who, and as what: ``reviewer`` or ``agent``.
    session : str
        Name of a calibration session; '' outside one.
    time : str
        ISO 8601, UTC.
    """

    recording: str
    kind: str
    what: str
    start_s: str
    machine: str
    answer: str
    why: str = ""
    reviewer: str = ""
    as_: str = "reviewer"
    session: str = ""
    time: str = ""

    @property
    def item(self) -> tuple[str, str, str, str]:
        """What the answer is about."""
        return self.recording, self.kind, self.what, self.start_s

    @property
    def value(self) -> str:
        """What the reviewer holds to be so: ``met``, ``not_met``, ``yes``, ``no`` or ''.

        Of a find (an apology) ``yes`` says that it is one. '' is ``cannot_tell``.
        """
        found = "yes" if self.kind == "apology" else self.machine
        if self.answer == "agree":
            return found if found in _OPPOSITE else ""
        if self.answer == "disagree":
            return _OPPOSITE.get(found, "")
        return self.answer if self.answer in _OPPOSITE else ""


COLUMNS: Final = tuple(f.name.rstrip("_") for f in fields(Answer))


def now() -> str:
    """Return the time as answers carry it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def latest(answers: Iterable[Answer]) -> list[Answer]:
    """Return what still holds: the last answer of each reviewer, role and session to each item."""
    out: dict[tuple[Any, ...], Answer] = {}
    for one in sorted(answers, key=lambda a: a.time):
        out[(one.reviewer.casefold(), one.as_, one.session, *one.item)] = one
    return [a for a in out.values() if a.answer]


def check(data: dict[str, Any]) -> Answer:
    """Return an answer from what a browser sent.

    Raises
    ------
    ValueError
        If anything in it is not what it should be.
    """
    kept: dict[str, str] = {}
    for name in ("recording", "kind", "what", "start", "machine", "answer", "why"):
        value = data.get(name, "")
        value = "" if value is None else value
        if not isinstance(value, str) or len(value) > (4096 if name == "recording" else MOST_WHY):
            raise ValueError(name)
        kept[name] = value.strip() if name == "why" else value
    number = kept["kind"] == "impression" and kept["answer"].isascii() and kept["answer"].isdigit()
    known = kept["answer"] in ANSWERS or (number and int(kept["answer"]) <= 100)
    if kept["kind"] not in KINDS or not known or not kept["recording"]:
        raise ValueError("kind")
    role = data.get("as", "reviewer")
    if role not in ROLES:
        raise ValueError("as")
    return Answer(kept["recording"], kept["kind"], kept["what"], kept["start"], kept["machine"],
                  kept["answer"], kept["why"], as_=role, time=now())  # fmt: skip


def read(path: Path) -> list[Answer]:
    """Read a table of answers: ``reviews.csv`` of the results, or the export of a browser.

    Raises
    ------
    UsageError
        If it is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read ({error}).", "") from error
    wanted = {"recording", "kind", "what", "machine", "answer"}
    found = set(rows[0]) if rows else wanted
    if not wanted <= found:
        raise UsageError(
            f"{path}: columns {', '.join(sorted(map(str, found)))[:120]}; expected "
            f"{', '.join(COLUMNS)}.",
            "Export the answers from a report, or name the results of 'prosody review'.",
        )
    given = [
        {f.name: str(row.get(f.name.rstrip("_")) or "") for f in fields(Answer)} for row in rows
    ]
    return [Answer(**g | {"as_": g["as_"] or "reviewer"}) for g in given]


def write(path: Path, answers: Sequence[Answer]) -> None:
    """Write a table of answers."""
    rows = [dict(zip(COLUMNS, astuple(a), strict=True)) for a in answers]
    write_csv(path, rows, COLUMNS)


class Reviews:
    """Keeps answers in the database of a store, and as a table beside the results.

    Parameters
    ----------
    db : sqlite3.Connection
    table : Path
        ``reviews.csv``.
    """

    def __init__(self, store: Any, table: Path) -> None:
        self.store, self.table = store, table
        names = ", ".join(f"{c} TEXT NOT NULL" for c in COLUMNS if c != "as")
        store.write(f"CREATE TABLE IF NOT EXISTS reviews ({names}, role TEXT NOT NULL)")

    def add(self, answer: Answer) -> None:
        """Keep an answer: on the disk when this returns."""
        order = [c for c in COLUMNS if c != "as"]
        values = [getattr(answer, c) for c in order] + [answer.as_]
        marks = ", ".join("?" * len(values))
        self.store.write(
            f"INSERT INTO reviews ({', '.join(order)}, role) VALUES ({marks})", *values
        )
        # A table that is open in a spreadsheet may be locked; the database has the answer.
        with suppress(OSError):
            self.export()

    def all(self) -> list[Answer]:
        """Return every answer, in order of time."""
        order = [c for c in COLUMNS if c != "as"]
        rows = self.store.all(f"SELECT {', '.join(order)}, role FROM reviews ORDER BY rowid")
        return [Answer(**dict(zip(order, r[:-1], strict=True)), as_=r[-1]) for r in rows]

    def export(self) -> None:
        """Write the table anew."""
        write(self.table, self.all())


def forget(folder: Path, recordings: Sequence[str]) -> int:
    """Remove what was answered about some calls from results; returns how many answers.

    A session of calibration that holds one of them is begun anew next time.
    """
    path = (folder / TABLE).with_suffix(".sqlite")
    table = folder / TABLE
    if not path.exists():
        return 0
    gone = set(recordings)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA secure_delete=ON")
        count = 0
        for name in gone:
            count += db.execute("DELETE FROM reviews WHERE recording = ?", (name,)).rowcount
        for key, value in db.execute("SELECT key, value FROM study").fetchall():
            if key.startswith("session ") and gone & set(json.loads(value)):
                db.execute("DELETE FROM study WHERE key = ?", (key,))
        db.execute("VACUUM")
    finally:
        db.close()
    if table.exists():
        write(table, [a for a in read(table) if a.recording not in gone])
    return count


def database_error(error: sqlite3.Error, path: Path) -> UsageError:
    """Return what to say of a database that cannot be used."""
    return UsageError(f"{path}: {error}.", "Name results in a folder where you may write.")
