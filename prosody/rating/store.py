"""Where ratings are kept: SQLite beside the CSV, every answer on the disk before it is confirmed.

The CSV is what `prosody fit --ratings` and `prosody agreement` read. It grows with every answer and
is written anew from the database at start, at stop, and whenever an answer was changed.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prosody.errors import UsageError
from prosody.rating import ratings_csv
from prosody.rating.sequence import Trial

MOST_REMARK = 500
VERSION = "1"
_NAME = re.compile(r"[^\W_][\w .-]{0,23}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS study (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clips (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS raters (
  id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  invitation INTEGER UNIQUE, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trials (
  rater INTEGER NOT NULL, position INTEGER NOT NULL, clip INTEGER NOT NULL,
  is_repeat INTEGER NOT NULL, fetched_s REAL, PRIMARY KEY (rater, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  rater INTEGER NOT NULL, position INTEGER NOT NULL, sincere REAL, engaged REAL,
  cannot_hear INTEGER NOT NULL, remark TEXT NOT NULL, items TEXT NOT NULL, time TEXT NOT NULL,
  changes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (rater, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invitations (
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, made_s REAL NOT NULL,
  expires_s REAL NOT NULL, revoked_s REAL);
CREATE TABLE IF NOT EXISTS returns (
  digest TEXT PRIMARY KEY, invitation INTEGER, rater INTEGER NOT NULL, expires_s REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rater said of one hearing. Ratings are 0 to 100, None where it was not heard well.

    In a study of pairs ``sincere`` is 100 where the first was chosen, 0 where the second was.
    """

    sincere: float | None = None
    engaged: float | None = None
    cannot_hear: bool = False
    remark: str = ""
    items: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rater:
    """One rater: `number` decides the sequence, `name` is a pseudonym."""

    id: int
    number: int
    name: str
    invitation: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater is: `answered` of `of` hearings; they are answered in order."""

    answered: int
    of: int


def database_of(out: Path) -> Path:
    """Return where the database of a table of ratings lies."""
    return out.with_suffix(".sqlite")


def check(out: Path) -> None:
    """Refuse a table that cannot be written, or that came from elsewhere.

    Raises
    ------
    UsageError
    """
    if out.suffix.lower() != ".csv":
        raise UsageError(f"--out {out}: expected a name that ends in .csv.", "")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}.", "Make it first.")
    if out.exists() and not database_of(out).exists():
        raise UsageError(
            f"{out} exists, and {database_of(out).name} does not lie beside it.",
            "These ratings were collected elsewhere, and nothing is written over them. Give "
            "another --out, or put both files together.",
        )


class Store:
    """The ratings of one study.

    Parameters
    ----------
    out : path
        The CSV. The database lies beside it as ``.sqlite``.

    Raises
    ------
    UsageError
        If `check` refuses the table, or the database is none.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.path = out, database_of(out)
        check(out)
        self._lock = threading.RLock()
        self._stale, self._closed = True, False
        fresh = not self.path.exists()
        if fresh:  # readable by its owner alone, and with it the files that SQLite puts beside it
            with suppress(OSError):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise UsageError(
                f"{self.path}: {error}.", "Give --out in a folder where you may write."
            ) from error
        try:
            self._db.execute("PRAGMA busy_timeout=5000")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # on the disk at every commit
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise UsageError(
                f"{self.path}: {error}.",
                "It is in use, or may not be written to."
                if isinstance(error, sqlite3.OperationalError)
                else "It is no database of ratings. Give another --out.",
            ) from error
        if fresh:
            self.put("version", VERSION)
        elif self.get("version") not in (None, VERSION):
            found = self.get("version")
            self._db.close()
            raise UsageError(
                f"{self.path}: written in another form ({found}, expected {VERSION}).",
                "Use the version of prosody that began it, or another --out.",
            )

    # --- the study

    def get(self, key: str) -> str | None:
        """Return one fact of the study."""
        row = self.one("SELECT value FROM study WHERE key = ?", key)
        return None if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        """Keep one fact of the study."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO study VALUES (?, ?)", (key, value))

    def begin(self, names: Sequence[str], seed: int | None, *, pairs: bool = False) -> int:
        """Fix the clips and the seed of a new study, or check that an old one is about the same.

        Returns
        -------
        int
            The seed.
        """
        known = [str(r[0]) for r in self.all("SELECT name FROM clips ORDER BY number")]
        if not known:
            with self._writing() as db:
                db.executemany("INSERT INTO clips VALUES (?, ?)", list(enumerate(names)))
                db.execute("INSERT OR REPLACE INTO study VALUES ('seed', ?)", (str(seed or 0),))
                db.execute("INSERT OR REPLACE INTO study VALUES ('pairs', ?)", (str(int(pairs)),))
            return seed or 0
        if known != list(names):
            gone, new = set(known) - set(names), set(names) - set(known)
            example = sorted(gone or new or set(known))[0]
            raise UsageError(
                f"{self.path} holds ratings of {len(known)} clips; {len(gone)} of them are not "
                f"here now and {len(new)} others are (for example {example}).",
                "Give the same clips again, or another --out for other clips.",
            )
        kept = int(self.get("seed") or 0)
        if seed is not None and seed != kept:
            raise UsageError(
                f"--seed {seed}: this study was begun with {kept}.",
                "Leave --seed out, or give another --out.",
            )
        return kept

    @property
    def pairs(self) -> bool:
        """Whether two clips are compared in this study."""
        return self.get("pairs") == "1"

    # --- raters

    def rater(self, rater: int) -> Rater | None:
        """Return a rater by its id."""
        return self._rater("id = ?", rater)

    def named(self, name: str) -> Rater | None:
        """Return a rater by its pseudonym."""
        return self._rater("name = ?", name.strip())

    def invited(self, invitation: int) -> Rater | None:
        """Return the rater that an invitation belongs to."""
        return self._rater("invitation = ?", invitation)

    def raters(self) -> list[Rater]:
        """Return all raters, in order of coming."""
        rows = self.all("SELECT id, number, name, invitation FROM raters ORDER BY number")
        return [Rater(*r) for r in rows]

    def add_rater(
        self, name: str, trials: Callable[[int], Sequence[Trial]], invitation: int | None = None
    ) -> Rater:
        """Add a rater with its sequence.

        Parameters
        ----------
        name : str
            A pseudonym; '' for ``listener-1``, ``listener-2`` ...
        trials : callable
            ``trials(number) -> list of Trial``.
        invitation : int, optional

        Raises
        ------
        UsageError
            If the pseudonym is taken (code ``name_taken``) or is none (``bad_name``).
        """
        name = name.strip()
        if name and not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no pseudonym.", "", code="bad_name")
        with self._writing() as db:
            number = db.execute("SELECT COALESCE(MAX(number) + 1, 0) FROM raters").fetchone()[0]
            if not name:
                name, taken = f"listener-{number + 1}", {r.name for r in self.raters()}
                while name in taken:
                    name += "b"
            made = trials(number)
            try:
                ident = db.execute(
                    "INSERT INTO raters (number, name, invitation, made) VALUES (?, ?, ?, ?)",
                    (number, name, invitation, _now()),
                ).lastrowid
            except sqlite3.IntegrityError as error:
                raise UsageError(f"{name!r} is taken.", "", code="name_taken") from error
            db.executemany(
                "INSERT INTO trials VALUES (?, ?, ?, ?, NULL)",
                [(ident, i, t.clip, int(t.is_repeat)) for i, t in enumerate(made)],
            )
        return Rater(int(ident or 0), number, name, invitation)

    def progress(self, rater: int) -> Progress:
        """Return how far a rater is."""
        answered = self.one("SELECT COUNT(*) FROM answers WHERE rater = ?", rater)
        of = self.one("SELECT COUNT(*) FROM trials WHERE rater = ?", rater)
        return Progress(int(answered[0]) if answered else 0, int(of[0]) if of else 0)

    # --- hearings and answers

    def trial(self, rater: int, position: int) -> Trial | None:
        """Return one hearing of a rater."""
        row = self.one(
            "SELECT clip, is_repeat FROM trials WHERE rater = ? AND position = ?", rater, position
        )
        return None if row is None else Trial(int(row[0]), bool(row[1]))

    def fetched(self, rater: int, position: int) -> float | None:
        """Return when the sound was first sent, in seconds of the clock."""
        row = self.one(
            "SELECT fetched_s FROM trials WHERE rater = ? AND position = ?", rater, position
        )
        return None if row is None or row[0] is None else float(row[0])

    def note_fetched(self, rater: int, position: int) -> None:
        """Keep when the sound was first sent."""
        with self._writing() as db:
            db.execute(
                "UPDATE trials SET fetched_s = ? "
                "WHERE rater = ? AND position = ? AND fetched_s IS NULL",
                (time.time(), rater, position),
            )

    def answer(self, rater: int, position: int) -> Answer | None:
        """Return what was answered."""
        row = self.one(
            "SELECT sincere, engaged, cannot_hear, remark, items FROM answers "
            "WHERE rater = ? AND position = ?",
            rater,
            position,
        )
        if row is None:
            return None
        return Answer(row[0], row[1], bool(row[2]), str(row[3]), json.loads(row[4]))

    def save(self, rater: int, position: int, answer: Answer) -> None:
        """Keep an answer: on the disk when this returns, and in the CSV."""
        values = (
            answer.sincere, answer.engaged, int(answer.cannot_hear), answer.remark,
            json.dumps(answer.items), _now(),
        )  # fmt: skip
        with self._lock:
            known = self.answer(rater, position)
            if known == answer:
                return  # sent again because the confirmation was lost
            with self._writing() as db:
                db.execute(
                    "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) "
                    "ON CONFLICT (rater, position) DO UPDATE SET sincere = excluded.sincere, "
                    "engaged = excluded.engaged, cannot_hear = excluded.cannot_hear, "
                    "remark = excluded.remark, items = excluded.items, time = excluded.time, "
                    "changes = changes + 1",
                    (rater, position, *values),
                )
            # A table that is open in a spreadsheet may be locked: the database has the answer,
            # and the table is written anew with the next one, or at the end.
            try:
                if known is not None or self._stale:
                    self.export()
                else:
                    where = "AND a.rater = ? AND a.position = ?"
                    row = self._rows(where, rater, position)[0]
                    ratings_csv.append(self.out, row, pairs=self.pairs)
            except OSError:
                self._stale = True

    # --- the tables

    def export(self) -> None:
        """Write the tables anew from the database."""
        with self._lock:
            self._stale = True
            ratings_csv.write(self.out, self._rows(), pairs=self.pairs)
            self._stale = False

    def _rows(self, where: str = "", *values: Any) -> list[ratings_csv.Answered]:
        return self.all(
            "SELECT c.name, r.name, t.is_repeat, a.position, a.sincere, a.engaged, a.cannot_hear, "
            "a.remark, a.items, a.time FROM answers a JOIN raters r ON r.id = a.rater "
            "JOIN trials t ON t.rater = a.rater AND t.position = a.position "
            f"JOIN clips c ON c.number = t.clip WHERE 1 {where} ORDER BY r.number, a.position",
            *values,
        )

    def close(self) -> None:
        """Write the tables and let go of the files; a second time nothing."""
        with self._lock:
            try:
                if not self._closed:
                    self.export()
            finally:
                self.let_go()

    def let_go(self) -> None:
        """Close the database and leave the tables as they are."""
        with self._lock:
            self._closed = True
            self._db.close()

    # --- the database behind its tables, for invitations and reviews, too

    def write(self, sql: str, *values: Any) -> int:
        """Change something, on the disk when this returns; return the id of a new row."""
        with self._writing() as db:
            return int(db.execute(sql, values).lastrowid or 0)

    def _rater(self, where: str, value: Any) -> Rater | None:
        row = self.one(f"SELECT id, number, name, invitation FROM raters WHERE {where}", value)
        return None if row is None else Rater(*row)

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query."""
        with self._lock:
            row = self._db.execute(sql, values).fetchone()
        return None if row is None else tuple(row)

    def all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
