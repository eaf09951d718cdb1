"""The journal of a run: what is done, in one SQLite file in the results folder.

Why SQLite (of the standard library) and not a list of JSON lines: a recording and its apologies
come and go in one transaction, so that a kill, a reboot or a full disk leaves either all of a
recording or nothing; what is done is looked up without reading what was found; results are written
in order from disk, so that a million calls need no more memory than ten; and the lock that keeps
two runs apart is the database's own, which the system lets go of when the process dies.

A recording is one row with all that was found in it, packed as JSON (`results.serialise`); nothing
in it is ever executed when it is read. Every row carries a seal, a hash of all it holds: a disk
that forgets, a copy that was cut short or a tool that wrote into the file can change a byte where
SQLite does not look. A row without its seal is as if the recording had never been done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Self

from prosody.errors import ProsodyError, UsageError
from prosody.examine.gates import NO_BASELINE
from prosody.results.records import ApologyRecord, CallRecord
from prosody.results.serialise import JUDGEMENT, apology_of, pack, record_of, unpack

NAME = "journal.sqlite"
VERSION = 5
IN_MEMORY = ":memory:"
# A commit waits for the disk, so recordings share one; what is not committed is done again.
COMMIT_EVERY_S = 1.0
COMMIT_EVERY_ROWS = 200

# What the disk or the system refuses; everything else SQLite complains of lies in the file.
_REFUSED = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_AUTH,
}  # fmt: skip
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# What SQLite says of a damaged file; where it quotes bytes that are no text, Python cannot read it.
_BROKEN = (sqlite3.Error, UnicodeDecodeError)
_ASIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_LONGEST = 1000  # times what is left of a file may it have been
_AT_ONCE = 64  # recordings read at once while judging

# running: rows may be of this run or an earlier one, of this judge or another. writing: rows are
# final, their files may not be. whole: both are.
State = Literal["running", "writing", "whole"]
_STATE = "state"


@dataclass(frozen=True, slots=True)
class _Row:
    """One recording: what it is looked up by, what is counted, and all that was found in it.

    ``to_judge`` is how many of its apologies `judge` has not judged and should; ``found`` has the
    apologies without judgements, ``judgements`` one for each of them, or None.
    """

    ident: str
    wanted: int
    name: str
    call_id: str
    agent: str
    stamp: str
    key: str
    status: str
    complaint: int
    apologies: int
    withheld: int
    judged: int
    to_judge: int
    judge: str
    record: bytes
    found: bytes
    judgements: bytes

    def with_found(self, found: list[dict[str, Any]], judgements: list[Any], judge: str) -> _Row:
        """Return the row with other apologies or judgements, counted."""
        return replace(
            self,
            apologies=len(found),
            withheld=sum(bool(one["gates"]) for one in found),
            judged=sum(one is not None and one["verdict"] is not None for one in judgements),
            to_judge=sum(
                made is None and not one["gates"]
                for one, made in zip(found, judgements, strict=True)
            ),
            judge=judge,
            found=pack(found),
            judgements=pack(judgements),
        )


_COLUMNS = ", ".join(f.name for f in fields(_Row))
_TABLES = {
    "notes": "name text primary key, value text not null, seal integer not null",
    "recordings": ", ".join(
        f"{f.name} {({'str': 'text', 'int': 'integer', 'bytes': 'blob'})[str(f.type)]} not null"
        for f in fields(_Row)
    ).replace("ident text", "ident text primary key")
    + ", seal integer not null",
}
_PUT = (
    f"insert or replace into recordings ({_COLUMNS}, seal) values"
    f" ({', '.join('?' * (len(fields(_Row)) + 1))})"
)


def seal(*values: Any) -> int:
    """Return a hash of a row's values, as SQLite holds it (64 bits with a sign)."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{type(value).__name__} {len(data)}:".encode())
        digest.update(data)
    return int.from_bytes(digest.digest(), "big", signed=True)


class JournalError(ProsodyError):
    """The journal cannot be written (the disk is full, or gone) or read."""

    code = "journal"


class Journal:
    """What a run found, one recording after another; its file is open for this process alone.

    Parameters
    ----------
    folder : Path, optional
        The results folder; made where it is missing. Without one nothing is kept on disk.
    fresh : bool
        Forget everything that is there.
    made : bool
        It is about what was made before: a journal of another version, or a damaged one, is
        refused. A run begins such a one anew instead, or keeps what is sound in it.

    Attributes
    ----------
    saved : int or None
        How many recordings were kept of a damaged journal; None where it was sound.
    anew : bool
        A journal of another version was there, and is forgotten.

    Raises
    ------
    UsageError
        If another run has it open, it is no journal, or not of this version.
    """

    def __init__(self, folder: Path | None, *, fresh: bool = False, made: bool = False) -> None:
        self.path = folder / NAME if folder else Path(IN_MEMORY)
        self.saved: int | None = None
        self.anew = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--out {folder}: cannot be made ({error.strerror}).", "Name another folder."
            ) from error
        self._wanted: set[str] = set()
        self._pending, self._committed_s = 0, time.monotonic()
        self._db = sqlite3.connect(IN_MEMORY)  # until the file is open: there is one to close
        try:
            if self.path.exists() and not self.path.is_file():
                raise UsageError(
                    f"{self.path}: a folder or device, expected the journal of a run.",
                    "Remove it, or name another --out.",
                )
            try:
                self._open(made=made)
            except sqlite3.DatabaseError as error:
                if made or fresh or _kind(error) != sqlite3.SQLITE_CORRUPT:
                    raise
                self._db.close()
                _fill_up(self.path)  # a file that was cut short
                self._open()
            wrong = "" if fresh else _fault(self._db)
            if wrong and made:
                raise self._damaged(wrong)
            if wrong:
                self._save()
            if fresh:
                self._empty()
        except ProsodyError:
            self._db.close()
            raise
        except _BROKEN as error:
            self._db.close()
            if _kind(error) in _BUSY:
                raise UsageError(
                    f"Another run is writing to {folder}.",
                    "Wait until it has ended, or name another --out.",
                    code="busy",
                ) from error
            if _kind(error) in _REFUSED:  # the disk's fault, not the content's
                raise self._broken(error) from error
            if made:
                raise self._damaged(str(error)) from error
            if not fresh:
                raise UsageError(
                    f"{self.path}: cannot be used as a journal ({error}).",
                    "Start anew with --fresh, or name another --out.",
                ) from error
            for ending in ("", *_ASIDE):
                self.path.with_name(NAME + ending).unlink(missing_ok=True)
            self._open()

    def _open(self, *, made: bool = False) -> None:
        self._db.close()
        self._db = sqlite3.connect(self.path, timeout=0.5, isolation_level=None)
        run = self._db.execute
        # The lock is taken here and kept: with it, WAL needs no shared memory beside the file.
        run("pragma locking_mode = exclusive")
        run("pragma journal_mode = wal")
        run("pragma synchronous = full")
        run("pragma secure_delete = on")  # what is forgotten leaves no trace in free pages
        run("pragma trusted_schema = off")
        run("pragma cell_size_check = on")
        run("begin immediate")
        (version,) = run("pragma user_version").fetchone()
        if version != VERSION and made:  # nothing was written: what is there stays as it is
            raise UsageError(
                f"{self.path}: the journal of another version of prosody.",
                "Start 'prosody analyze' there again: it makes the results anew with this version.",
            )
        if version != VERSION:
            self.anew = bool(run("select count(*) from sqlite_master").fetchone()[0])
            for table in ("apologies", *_TABLES):
                run(f"drop table if exists {table}")
        _make(self._db)
        run("commit")
        run("begin immediate")

    def _save(self) -> None:
        """Put what is sound in a damaged journal in its place.

        The damaged file does not stay: it holds calls that somebody may want forgotten.
        """
        new = self.path.with_name(f"{NAME}.saved")
        try:
            new.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(new)) as db:
                _make(db)
                for table in _TABLES:
                    for row in _sound(self._db, table):
                        # How far the run was does not hold any more.
                        if row[0] != _STATE or table != "notes":
                            marks = ", ".join("?" * len(row))
                            db.execute(f"insert or ignore into {table} values ({marks})", row)
                db.commit()
                (self.saved,) = db.execute("select count(*) from recordings").fetchone()
            self._db.close()
            for ending in _ASIDE:  # of the old one: not for the new one
                self.path.with_name(NAME + ending).unlink(missing_ok=True)
            with new.open("rb+") as file:
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise self._broken(error) from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
        self._open()

    def _empty(self) -> None:
        for table in _TABLES:
            self._db.execute(f"delete from {table}")
        self.commit()
        if wrong := _fault(self._db):
            raise sqlite3.DatabaseError(wrong)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):  # a disk that failed under way
            raise self._broken(error) from error

    def close(self) -> None:
        """Commit what is pending and let the folder go."""
        with contextlib.suppress(sqlite3.Error):  # what could not be committed is done again
            if self._db.in_transaction:
                self._db.execute("commit")
        self._db.close()

    def _write(self, statement: str, values: Sequence[Any] = ()) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _damaged(self, wrong: str) -> UsageError:
        return UsageError(
            f"{self.path}: damaged ({wrong}); a journal was expected in which every row is as it "
            "was written.",
            "Start the same 'prosody analyze' there again: it keeps the recordings that are "
            "sound, does the others again and says so.",
        )

    def _broken(self, error: Exception) -> JournalError:
        if isinstance(error, OSError) or _kind(error) in _REFUSED:
            return JournalError(
                f"{self.path}: cannot be written ({error}).",
                "Make room on the disk, or see whether you may write there and whether the disk "
                "fails; then start the same command again: it goes on where it stopped.",
            )
        return JournalError(
            f"{self.path}: was damaged while it was in use ({error}).",
            "Look at the disk, and start the same 'prosody analyze' again: it keeps the "
            "recordings that are sound and does the others again.",
        )

    def commit(self) -> None:
        """Bring everything to the disk."""
        if self._db.in_transaction:
            self._write("commit")
        self._write("begin immediate")
        self._pending, self._committed_s = 0, time.monotonic()

    def _wipe(self) -> None:
        """Bring everything to the disk, and leave nothing of what was deleted in the file."""
        self.commit()
        self._db.execute("commit")
        # Old pages lie in the write-ahead log and in free space until they are written over.
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.execute("begin immediate")

    # --- about the run itself -----------------------------------------------------------------

    def note(self, name: str, value: Any) -> None:
        """Keep something about the run itself."""
        text = json.dumps(value)
        self._write("insert or replace into notes values (?, ?, ?)", (name, text, seal(name, text)))
        self.commit()

    def noted(self, name: str, default: Any = None) -> Any:
        """Return what was kept under a name."""
        found = self._db.execute("select value from notes where name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else default

    @property
    def state(self) -> State:
        """How far the run that was last at work here came."""
        found = self.noted(_STATE)
        return found if found in ("writing", "whole") else "running"

    def reached(self, state: State) -> None:
        """Say how far the run is."""
        self.note(_STATE, state)

    # --- what is done -------------------------------------------------------------------------

    def _rows(self, where: str, values: Sequence[Any] = ()) -> Iterator[_Row]:
        """Yield the rows for which a condition holds; what follows it may order and limit them."""
        found = self._db.execute(f"select {_COLUMNS} from recordings where {where}", values)
        return (_Row(*row) for row in found)

    def _row(self, ident: str) -> _Row | None:
        return next(self._rows("ident = ?", (ident,)), None)

    def _changed(self, where: str, values: Sequence[Any] = ()) -> Iterator[_Row]:
        """Yield rows that are to be changed: one at a time, since a million would fill memory."""
        idents = self._db.execute(f"select ident from recordings where {where}", values).fetchall()
        for (ident,) in idents:
            yield from self._rows("ident = ?", (ident,))

    def _put(self, row: _Row) -> None:
        values = astuple(row)
        self._write(_PUT, (*values, seal(*values)))

    def _put_one(self, row: _Row) -> None:
        """Put a row in that was worked for, and commit when it is time to."""
        self._put(row)
        self._pending += 1
        late = time.monotonic() - self._committed_s > COMMIT_EVERY_S
        if late or self._pending >= COMMIT_EVERY_ROWS:
            self.commit()

    def known(self, ident: str) -> tuple[str, str, str]:
        """Return (stamp, key, status) of a recording; all '' where it is not there."""
        ask = "select stamp, key, status from recordings where ident = ?"
        return self._db.execute(ask, (ident,)).fetchone() or ("", "", "")

    def want(self, idents: Iterable[str]) -> None:
        """Say which recordings this run is about; results hold these and no others."""
        self._wanted = set(idents)
        held = self._db.execute("select ident, wanted from recordings").fetchall()
        self._want({i: i in self._wanted for i, was in held if bool(was) != (i in self._wanted)})

    def leave_out(self, idents: Iterable[str]) -> None:
        """Leave recordings out of the results, but not out of the journal."""
        self._want(dict.fromkeys(idents, False))

    def _want(self, changes: dict[str, bool]) -> None:
        for ident, wanted in changes.items():
            if row := self._row(ident):
                self._put(replace(row, wanted=int(wanted)))
        self.commit()

    def stamp(self, ident: str, stamp: str) -> None:
        """Note that nothing of a recording changed, under its new stamp."""
        if row := self._row(ident):
            self._put_one(replace(row, stamp=stamp))

    def add(
        self,
        ident: str,
        stamp: str,
        key: str,
        record: CallRecord,
        apologies: Sequence[ApologyRecord],
    ) -> None:
        """Put a recording and its apologies in, in place of what was known of it."""
        found = [
            {
                f.name: getattr(row, f.name)
                for f in fields(ApologyRecord)
                if f.name != "conduct" and f.name not in JUDGEMENT
            }
            for row in apologies
        ]
        row = _Row(
            ident, int(ident in self._wanted), record.recording, record.call_id, record.agent,
            stamp, key, record.status, int(bool(record.complaint_without_apology)), 0, 0, 0, 0, "",
            pack({f.name: getattr(record, f.name) for f in fields(CallRecord)}), b"", b"",
        )  # fmt: skip
        self._put_one(row.with_found(found, [None] * len(found), ""))

    def recast(
        self, ident: str, stamp: str, key: str, conduct: dict[str, Any], silent: bool | None
    ) -> CallRecord:
        """Put what the rules of conduct say now in place of what they were; returns the record."""
        row = self._row(ident)
        assert row is not None
        record = unpack(row.record) | {"conduct": conduct, "complaint_without_apology": silent}
        row = replace(row, stamp=stamp, key=key, complaint=int(bool(silent)), record=pack(record))
        self._put_one(row)
        return _record(row)

    def regate(
        self, limits: dict[str, Any], closed: Callable[[Sequence[float]], tuple[str, ...]]
    ) -> int:
        """Hold all apologies against other gates; returns how many came in or out.

        Parameters
        ----------
        limits : dict
            The thresholds; nothing is done where they are those of the last time.
        closed : callable
            Returns the gates that close on an apology's numbers (`rows.ApologyRecord.quality`).
        """
        if self.noted("gates") == limits:
            return 0
        changed = 0
        for row in self._changed("apologies"):
            found, judgements, before = unpack(row.found), unpack(row.judgements), changed
            for i, one in enumerate(found):
                gates = list(closed(one["quality"])) if one["quality"] else one["gates"]
                if NO_BASELINE in one["gates"] and NO_BASELINE not in gates:
                    gates.append(NO_BASELINE)  # no number of the sound says so
                if gates != one["gates"]:
                    changed += 1
                    one["gates"], judgements[i] = gates, None
            if changed > before:
                self._put(row.with_found(found, judgements, row.judge))
        self.note("gates", limits)  # in one transaction with the rows
        return changed

    def unwanted(self) -> dict[str, list[str]]:
        """Return which recordings this run is not about, by the key of what was measured."""
        out: dict[str, list[str]] = {}
        for key, ident in self._db.execute(
            "select key, ident from recordings where not wanted and key != '' order by ident desc"
        ):
            out.setdefault(key.partition(".")[0], []).append(ident)
        return out

    def take(self, ident: str) -> tuple[str, CallRecord, list[ApologyRecord]]:
        """Take a recording out; returns its key, its record and its apologies, not judged."""
        row = self._row(ident)
        assert row is not None
        self._write("delete from recordings where ident = ?", (ident,))
        return row.key, _record(row), [apology_of(made, None, {}) for made in unpack(row.found)]

    def prune(self) -> None:
        """Take out what this run is not about."""
        self._write("delete from recordings where not wanted")
        self.commit()

    def named(self, where: str, values: Sequence[Any]) -> list[tuple[str, str, str]]:
        """Return idents, names and ids of calls of recordings.

        Parameters
        ----------
        where : str
            A condition on name, call_id and agent, with ``?`` for values.
        values : sequence
        """
        ask = f"select ident, name, call_id from recordings where {where} order by name"
        return self._db.execute(ask, values).fetchall()

    def forget(self, idents: Iterable[str]) -> None:
        """Remove recordings for good: their bytes are not in the file any more."""
        for ident in idents:
            self._write("delete from recordings where ident = ?", (ident,))
        self._wipe()

    def holds_a_run(self) -> bool:
        """Return whether a run was here before this one, of an older version included."""
        (there,) = self._db.execute("select count(*) from recordings").fetchone()
        return bool(there) or self.anew

    def forget_all(self) -> None:
        """Remove everything for good."""
        for table in _TABLES:
            self._write(f"delete from {table}")
        self._wipe()

    # --- judging ------------------------------------------------------------------------------

    def unjudged(
        self, judge: str, most: int = 1024
    ) -> Iterator[list[tuple[tuple[str, int], ApologyRecord]]]:
        """Yield apologies that this judge has not seen, in a fixed order, so many at a time.

        Each comes with its place in the journal. Conduct stays there, since no judge hears it.
        """
        name = ident = ""
        block: list[tuple[tuple[str, int], ApologyRecord]] = []
        while rows := list(
            self._rows(
                "(name, ident) > (?, ?) and wanted and apologies > withheld"
                f" and (judge != ? or to_judge > 0) order by name, ident limit {_AT_ONCE}",
                (name, ident, judge),
            )
        ):
            for row in rows:
                known = unpack(row.judgements) if row.judge == judge else [None] * row.apologies
                new = [
                    ((row.ident, i), apology_of(made, None, {}))
                    for i, made in enumerate(unpack(row.found))
                    if known[i] is None and not made["gates"]
                ]
                if block and len(block) + len(new) > most:
                    yield block
                    block = []
                block += new
            name, ident = rows[-1].name, rows[-1].ident
        if block:
            yield block

    def judged(self, judge: str, block: Iterable[tuple[tuple[str, int], ApologyRecord]]) -> None:
        """Keep judgements of apologies at their places."""
        for ident, same in groupby(block, key=lambda one: one[0][0]):
            row = self._row(ident)
            assert row is not None
            known = unpack(row.judgements) if row.judge == judge else [None] * row.apologies
            for (_, i), apology in same:
                known[i] = {name: getattr(apology, name) for name in JUDGEMENT}
            self._put(row.with_found(unpack(row.found), known, judge))
        self.commit()

    def drop_judgements(self, but: str = "") -> None:
        """Take judgements out, but those of one judge (``--measures-only`` keeps none)."""
        for row in self._changed("judge not in ('', ?)", (but,)):
            self._put(row.with_found(unpack(row.found), [None] * row.apologies, ""))
        self.commit()

    def compared(self, takes: Iterable[ApologyRecord]) -> None:
        """Keep how takes (each a recording of its own) compare with the speaker's others."""
        found = {row.recording: row.more_sincere for row in takes if row.more_sincere}
        if found or self.noted("takes"):
            self.note("takes", found)

    # --- giving back --------------------------------------------------------------------------

    def records(self) -> Iterator[CallRecord]:
        """Yield the records of this run's recordings, in order of name."""
        return map(_record, self._rows("wanted order by name, ident"))

    def apologies(self) -> Iterator[ApologyRecord]:
        """Yield this run's apologies, in order of recording and start."""
        takes = self.noted("takes", {})
        # Read along the index by name: sorting all rows would hold (or spill) all of them.
        rows = self._rows("wanted and apologies order by name, ident")
        for _, same in groupby(rows, key=attrgetter("name")):
            out = []
            for row in same:
                conduct = unpack(row.record)["conduct"]
                each = zip(unpack(row.found), unpack(row.judgements), strict=True)
                out += [apology_of(made, judgement, conduct) for made, judgement in each]
            for apology in sorted(out, key=attrgetter("start_s", "channel")):
                apology.more_sincere = takes.get(apology.recording)
                yield apology

    def counts(self) -> dict[str, int]:
        """Return how many of this run's recordings and apologies ended up where."""
        sums = {
            "recordings": "count(*)",
            **{s: f"sum(status = '{s}')" for s in ("ok", "no_apology", "poor_words", "failed")},
            "complaint_without_apology": "sum(complaint)",
            **{n: f"sum({n})" for n in ("apologies", "judged", "withheld")},
        }
        ask = f"select {', '.join(sums.values())} from recordings where wanted"
        found = self._db.execute(ask).fetchone()
        return {name: int(n or 0) for name, n in zip(sums, found, strict=True)}

    def copy_from(self, other: Path) -> tuple[int, int]:
        """Add what another journal's results hold; returns (how many, how many were there already).

        Of a recording that is in both, one that was read wins over one that failed, else the one
        that is here stays.
        """
        added = double = 0
        with Journal(other, made=True) as source:
            for row in source._rows("wanted order by name"):
                _, _, status = self.known(row.ident)
                double += bool(status)
                added += not status
                if not status or (status == "failed" != row.status):
                    self._put(row)
        self.commit()
        return added, double


def _record(row: _Row) -> CallRecord:
    record = record_of(unpack(row.record))
    record.apologies, record.judged, record.withheld = row.apologies, row.judged, row.withheld
    return record


# --- the file ---------------------------------------------------------------------------------


def _make(db: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    for table, columns in _TABLES.items():
        db.execute(f"create table if not exists {table} ({columns})")
    db.execute("create index if not exists by_name on recordings (name, ident)")
    db.execute(f"pragma user_version = {VERSION}")


def _shape(db: sqlite3.Connection) -> list[str]:
    return sorted(map(str, db.execute("select type, name, tbl_name, sql from sqlite_master")))


def _fault(db: sqlite3.Connection) -> str:
    """Return what is wrong with a journal, in SQLite's words or ours; '' where it is sound."""
    try:
        with contextlib.closing(sqlite3.connect(IN_MEMORY)) as expected:
            _make(expected)
            if _shape(db) != _shape(expected):
                return "its tables are not those of a journal"
        (answer,) = db.execute("pragma integrity_check(1)").fetchone()
        if answer != "ok":
            return " ".join(str(answer).split())
        for table in _TABLES:
            for *values, sealed in db.execute(f"select * from {table}"):
                if seal(*values) != sealed:
                    return f"a row of '{table}' is not as it was written"
    except _BROKEN as error:
        return str(error)
    return ""


def _sound(db: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that have their seal, up to a page that cannot be read and from behind it."""
    for order in ("asc", "desc"):  # what is read twice is put in once
        try:
            for row in db.execute(f"select * from {table} order by rowid {order}"):
                if seal(*row[:-1]) == row[-1]:
                    yield row
            return
        except _BROKEN:
            continue


def _fill_up(path: Path) -> None:
    """Lengthen a file that was cut short to what its head says: SQLite reads nothing of it else."""
    with path.open("rb+") as file:
        head = file.read(100)
        page = int.from_bytes(head[16:18], "big")
        length = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
        there = path.stat().st_size
        if there < length <= _LONGEST * max(there, 4096):  # a head may be damaged, too
            file.truncate(length)


def _kind(error: Exception) -> int:
    """Return SQLite's primary code of an error."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
