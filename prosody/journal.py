"""The journal of a run: what is done, in one SQLite file in the results folder.

Why SQLite (of the standard library) and not a list of JSON lines: a recording and its apologies
come and go in one transaction, so that a kill, a reboot or a full disk leaves either all of a
recording or nothing; what is done is looked up without reading what was found; results are written
in order from disk, so that a million calls need no more memory than ten; and the lock that keeps
two runs apart is the database's own, which the system lets go of when the process dies.

Rows are JSON, packed (`prosody.packing`); nothing in it is ever executed when it is read.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from prosody.errors import ProsodyError, UsageError
from prosody.packing import JUDGEMENT, apology_of, line_of, pack, unpack
from prosody.rows import Apology, Line

NAME = "journal.sqlite"
VERSION = 3
# A commit waits for the disk, so recordings share one; what is not committed is done again.
COMMIT_EVERY_S = 1.0
COMMIT_EVERY_ROWS = 200

_TABLES = """
create table if not exists notes (name text primary key, value text not null);
create table if not exists recordings (
    id integer primary key, ident text not null unique, wanted integer not null, name text not null,
    call_id text not null, agent text not null, stamp text not null, key text not null,
    status text not null, code text not null, complaint integer not null, line blob not null);
create table if not exists apologies (
    id integer primary key, recording integer not null, start_s real not null,
    channel integer not null, gated integer not null, made blob not null,
    judged_by text not null default '', verdict text, judgement blob);
create index if not exists of_recording on apologies (recording);
create index if not exists by_name on recordings (name, ident);
"""


class JournalError(ProsodyError):
    """The journal cannot be written: the disk is full, or gone."""

    code = "journal"


class Journal:
    """The journal of one results folder, open for this process alone.

    Parameters
    ----------
    folder : Path
        The results folder; made where it is missing.
    fresh : bool
        Forget everything that is there.
    made : bool
        It is about what was made before: a journal of another version is refused. A run begins
        such a one anew instead.

    Raises
    ------
    UsageError
        If another run has it open, it is no journal, or not of this version.
    """

    def __init__(self, folder: Path, *, fresh: bool = False, made: bool = False) -> None:
        self.path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--out {folder}: cannot be made ({error.strerror}).", "Name another folder."
            ) from error
        self._pending, self._told = 0, time.monotonic()
        try:
            self._open(made=made)
        except sqlite3.DatabaseError as error:
            self._db.close()
            if _is_busy(error):
                raise UsageError(
                    f"Another run is writing to {folder}.",
                    "Wait until it has ended, or name another --out.",
                    code="busy",
                ) from error
            if isinstance(error, sqlite3.OperationalError):  # the disk's fault, not the content's
                raise self._broken(error) from error
            if not fresh:
                raise UsageError(
                    f"{self.path}: cannot be used as a journal ({error}).",
                    "Start anew with --fresh, or name another --out.",
                ) from error
            for ending in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(NAME + ending).unlink(missing_ok=True)
            self._open()
        if fresh:
            self._write("delete from apologies")
            self._write("delete from recordings")
            self._write("delete from notes")
            self.commit()

    def _open(self, *, made: bool = False) -> None:
        self._db = sqlite3.connect(self.path, timeout=0.5, isolation_level=None)
        run = self._db.execute
        # The lock is taken here and kept: with it, WAL needs no shared memory beside the file.
        run("pragma locking_mode = exclusive")
        run("pragma journal_mode = wal")
        run("pragma synchronous = full")
        run("pragma secure_delete = on")  # what is forgotten leaves no trace in free pages
        run("begin immediate")
        (version,) = run("pragma user_version").fetchone()
        if version != VERSION and made:
            self._db.close()  # nothing was written: what is there stays as it is
            raise UsageError(
                f"{self.path}: the journal of another version of prosody.",
                "Start 'prosody analyze' there again: it makes the results anew with this version.",
            )
        if version != VERSION:
            for table in ("apologies", "recordings", "notes"):
                run(f"drop table if exists {table}")
            run(f"pragma user_version = {VERSION}")
        for statement in _TABLES.split(";"):
            run(statement)
        run("commit")
        run("begin immediate")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is pending and let the folder go."""
        try:
            if self._db.in_transaction:
                self._db.execute("commit")
        except sqlite3.Error:
            pass  # what could not be committed is done again
        self._db.close()

    def _write(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> JournalError:
        return JournalError(
            f"{self.path}: cannot be written ({error}).",
            "Make room on the disk and start the same command again: it goes on where it stopped.",
        )

    def commit(self) -> None:
        """Bring everything to the disk."""
        try:
            if self._db.in_transaction:
                self._db.execute("commit")
            self._db.execute("begin immediate")
        except sqlite3.Error as error:
            raise self._broken(error) from error
        self._pending, self._told = 0, time.monotonic()

    # --- what is done -------------------------------------------------------------------------

    def known(self, ident: str) -> tuple[str, str, str]:
        """Return (stamp, key, status) of a recording; all '' where it is not there."""
        found = self._db.execute(
            "select stamp, key, status from recordings where ident = ?", (ident,)
        ).fetchone()
        return found if found else ("", "", "")

    def want(self, idents: Iterable[str]) -> None:
        """Say which recordings this run is about; results hold these and no others."""
        self._wanted = set(idents)
        held = self._db.execute("select ident, wanted from recordings").fetchall()
        for ident, wanted in held:  # what is as it was is not written: it may be a million rows
            if wanted != (ident in self._wanted):
                self._write("update recordings set wanted = ? where ident = ?", (not wanted, ident))
        self.commit()

    def want_all(self) -> None:
        """Say that results are about everything that is there."""
        self._wanted = set()
        self._write("update recordings set wanted = 1 where wanted = 0")
        self.commit()

    def stamp(self, ident: str, stamp: str) -> None:
        """Note that nothing of a recording changed, under its new stamp."""
        self._write("update recordings set stamp = ? where ident = ?", (stamp, ident))
        self._one_more()

    def add(
        self, ident: str, stamp: str, key: str, line: Line, apologies: Sequence[Apology]
    ) -> None:
        """Put a recording and its apologies in, in place of what was known of it."""
        old = self._db.execute("select id from recordings where ident = ?", (ident,)).fetchone()
        if old:
            self._remove(old[0])
        kept = {f.name: getattr(line, f.name) for f in fields(Line)}
        at = self._write(
            "insert into recordings (ident, wanted, name, call_id, agent, stamp, key, status, code,"
            " complaint, line) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                ident, ident in self._wanted, line.recording, line.call_id, line.agent, stamp,
                key, line.status, line.code, int(bool(line.complaint_without_apology)), pack(kept),
            ),
        ).lastrowid  # fmt: skip
        for row in apologies:
            made = {
                f.name: getattr(row, f.name)
                for f in fields(Apology)
                if f.name != "conduct" and f.name not in JUDGEMENT
            }
            self._write(
                "insert into apologies (recording, start_s, channel, gated, made)"
                " values (?, ?, ?, ?, ?)",
                (at, row.start_s, row.channel, int(bool(row.gates)), pack(made)),
            )
        self._one_more()

    def recast(
        self, ident: str, stamp: str, key: str, conduct: dict[str, Any], silent: bool | None
    ) -> Line:
        """Put what the rules of conduct say now in place of what they said; returns the line."""
        at, data = self._db.execute(
            "select id, line from recordings where ident = ?", (ident,)
        ).fetchone()
        kept = unpack(data) | {"conduct": conduct, "complaint_without_apology": silent}
        packed = pack(kept)
        self._write(
            "update recordings set stamp = ?, key = ?, complaint = ?, line = ? where id = ?",
            (stamp, key, int(bool(silent)), packed, at),
        )
        self._one_more()
        line = line_of(packed)
        line.apologies, line.withheld = self._db.execute(
            "select count(*), total(gated) from apologies where recording = ?", (at,)
        ).fetchone()
        return line

    def regate(
        self, limits: dict[str, Any], closed: Callable[[Sequence[float]], tuple[str, ...]]
    ) -> int:
        """Hold all apologies against other gates; returns how many came in or out.

        Parameters
        ----------
        limits : dict
            The thresholds; nothing is done where they are those of the last time.
        closed : callable
            Returns the gates that close on an apology's numbers (`rows.Apology.quality`).
        """
        if self.noted("gates") == limits:
            return 0
        changed = 0
        for (at,) in self._db.execute("select id from apologies").fetchall():
            (made,) = self._db.execute("select made from apologies where id = ?", (at,)).fetchone()
            kept = unpack(made)
            gates = list(closed(kept["quality"])) if kept["quality"] else kept["gates"]
            if gates != kept["gates"]:
                changed += 1
                self._write(
                    "update apologies set made = ?, gated = ?, judged_by = '', verdict = null,"
                    " judgement = null where id = ?",
                    (pack(kept | {"gates": gates}), int(bool(gates)), at),
                )
        self.note("gates", limits)  # in one transaction with the rows
        return changed

    def _one_more(self) -> None:
        self._pending += 1
        late = time.monotonic() - self._told > COMMIT_EVERY_S
        if late or self._pending >= COMMIT_EVERY_ROWS:
            self.commit()

    def _remove(self, recording: int) -> None:
        self._write("delete from apologies where recording = ?", (recording,))
        self._write("delete from recordings where id = ?", (recording,))

    def prune(self) -> None:
        """Take out what this run is not about."""
        self._write(
            "delete from apologies where recording in (select id from recordings where not wanted)"
        )
        self._write("delete from recordings where not wanted")
        self.commit()

    def forget(self, where: str, values: Sequence[Any]) -> list[tuple[str, str]]:
        """Remove recordings for good, and return their names and the ids of their calls.

        Parameters
        ----------
        where : str
            A condition on the columns of table ``recordings``, with ``?`` for values.
        values : sequence
        """
        found = self._db.execute(
            f"select id, name, call_id from recordings where {where} order by name", values
        ).fetchall()
        for at, *_ in found:
            self._remove(at)
        self.commit()
        self._db.execute("commit")
        # Old pages lie in the write-ahead log and in free space until they are written over.
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.execute("begin immediate")
        return [(name, call_id) for _, name, call_id in found]

    # --- judging ------------------------------------------------------------------------------

    def unjudged(self, judged_by: str, most: int = 1024) -> Iterator[list[tuple[int, Apology]]]:
        """Yield apologies that this judge has not seen, in a fixed order, so many at a time.

        Each block goes on where the last one ended: no recording is looked at again and again.
        Conduct stays in the journal, since no judge hears it.
        """
        name = ident = ""
        while True:
            found = self._db.execute(
                "select a.id, a.made, r.name, r.ident from recordings r"
                " cross join apologies a on a.recording = r.id"
                " where (r.name, r.ident) >= (?, ?) and r.wanted"
                " and a.gated = 0 and a.judged_by != ?"
                " order by r.name, r.ident, a.start_s, a.channel, a.id limit ?",
                (name, ident, judged_by, most),
            ).fetchall()
            if not found:
                return
            name, ident = found[-1][2:]
            yield [(at, apology_of(made, None, {})) for at, made, _, _ in found]

    def judged(self, judged_by: str, rows: Iterable[tuple[int, Apology]]) -> None:
        """Keep judgements."""
        for at, row in rows:
            kept = {name: getattr(row, name) for name in JUDGEMENT}
            self._write(
                "update apologies set judged_by = ?, verdict = ?, judgement = ? where id = ?",
                (judged_by, row.verdict, pack(kept), at),
            )
        self.commit()

    # --- giving back --------------------------------------------------------------------------

    def lines(self) -> Iterator[Line]:
        """Yield the lines of this run's recordings, in order of name."""
        found = self._db.execute(
            "select r.line, count(a.id), sum(a.verdict is not null), sum(a.gated)"
            " from recordings r left join apologies a on a.recording = r.id"
            " where r.wanted group by r.name, r.ident order by r.name, r.ident"
        )
        for data, apologies, judged, gated in found:
            line = line_of(data)
            line.apologies, line.judged, line.withheld = apologies, judged or 0, gated or 0
            yield line

    def apologies(self) -> Iterator[Apology]:
        """Yield this run's apologies, in order of recording and start."""
        # Read along the index by name: sorting all rows would hold (or spill) all of them.
        found = self._db.execute(
            "select r.name, r.id, r.line, a.start_s, a.channel, a.made, a.judgement"
            " from recordings r cross join apologies a on a.recording = r.id where r.wanted"
            " order by r.name, r.ident, a.id"
        )
        for _, same in groupby(found, key=itemgetter(0)):
            last, conduct = None, {}
            for _, at, line, _, _, made, judgement in sorted(same, key=itemgetter(3, 4)):
                if at != last:
                    last, conduct = at, unpack(line)["conduct"]
                yield apology_of(made, judgement, conduct)

    def counts(self) -> dict[str, int]:
        """Return how many of this run's recordings and apologies ended up where."""
        one = self._db.execute(
            "select count(*), sum(status = 'ok'), sum(status = 'no_apology'),"
            " sum(status = 'failed'), sum(complaint) from recordings where wanted"
        ).fetchone()
        two = self._db.execute(
            "select count(*), sum(a.verdict is not null), sum(a.gated) from apologies a"
            " join recordings r on r.id = a.recording where r.wanted"
        ).fetchone()
        names = ("recordings", "ok", "no_apology", "failed", "complaint_without_apology",
                 "apologies", "judged", "withheld")  # fmt: skip
        return dict(zip(names, (int(v or 0) for v in (*one, *two)), strict=True))

    def drop_judgements(self, but: str = "") -> None:
        """Take judgements out, but those of one judge (``--measures-only`` keeps none)."""
        self._write(
            "update apologies set judged_by = '', verdict = null, judgement = null"
            " where judged_by not in ('', ?)",
            (but,),
        )
        self.commit()

    def note(self, name: str, value: Any) -> None:
        """Keep something about the run itself."""
        self._write("insert or replace into notes values (?, ?)", (name, json.dumps(value)))
        self.commit()

    def noted(self, name: str, default: Any = None) -> Any:
        """Return what was kept under a name."""
        found = self._db.execute("select value from notes where name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else default

    def copy_from(self, other: Path) -> tuple[int, int]:
        """Add the recordings of another journal; returns (how many, how many were there already).

        Of a recording that is in both, one that was read wins over one that failed, else the one
        that is here stays.
        """
        source = Journal(other, made=True)
        try:
            added = double = 0
            mine = dict(self._db.execute("select ident, status from recordings").fetchall())
            columns = ("ident, wanted, name, call_id, agent, stamp, key, status, code, complaint,"
                       " line")  # fmt: skip
            for at, *row in source._db.execute(
                f"select id, {columns} from recordings order by name"
            ):
                ident, status = row[0], row[7]
                if ident in mine:
                    double += 1
                    if mine[ident] != "failed" or status == "failed":
                        continue
                    (old,) = self._db.execute(
                        "select id from recordings where ident = ?", (ident,)
                    ).fetchone()
                    self._remove(old)
                else:
                    added += 1
                new = self._write(
                    f"insert into recordings ({columns}) values ({', '.join('?' * 11)})", row
                ).lastrowid
                for values in source._db.execute(
                    "select start_s, channel, gated, made, judged_by, verdict, judgement"
                    " from apologies where recording = ? order by id", (at,)
                ):  # fmt: skip
                    self._write(
                        "insert into apologies (recording, start_s, channel, gated, made,"
                        " judged_by, verdict, judgement) values (?, ?, ?, ?, ?, ?, ?, ?)",
                        (new, *values),
                    )
            self.commit()
            return added, double
        finally:
            source.close()


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return "locked" in str(error) or "busy" in str(error)
