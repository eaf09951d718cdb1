"""Whether a journal is sound, and what can be saved of one that is not.

A disk that forgets, a copy that was cut short or a tool that wrote into the file can change a
journal in its middle. SQLite's own check finds torn pages and indices that disagree, but not a
changed byte inside a row; so every row carries a seal, a hash of its values, and every recording
says how many apologies belong to it. What has its seal and all its apologies is kept; the rest is
as if it had never been done.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLES = """
create table if not exists notes (name text primary key, value text not null, seal integer);
create table if not exists recordings (
    id integer primary key, ident text not null unique, wanted integer not null, name text not null,
    call_id text not null, agent text not null, stamp text not null, key text not null,
    status text not null, code text not null, complaint integer not null,
    apologies integer not null, line blob not null, seal integer not null);
create table if not exists apologies (
    id integer primary key, recording integer not null, start_s real not null,
    channel integer not null, gated integer not null, made blob not null,
    judged_by text not null default '', verdict text, judgement blob, seal integer not null);
create index if not exists of_recording on apologies (recording);
create index if not exists by_name on recordings (name, ident);
"""
# What a seal covers, in this order: all that a row holds, and the number that others know it by.
SEALED = {
    "notes": "name, value",
    "recordings": (
        "id, ident, name, call_id, agent, key, status, code, complaint, apologies, line, stamp,"
        " wanted"
    ),
    "apologies": "id, recording, start_s, channel, gated, made, judged_by, verdict, judgement",
}
# What SQLite says of a damaged file; where it quotes bytes that are no text, Python cannot read it.
BROKEN = (sqlite3.Error, UnicodeDecodeError)
STATE = "state"  # the note that says how far the run is
_BLOCK = 256  # ids asked for at once while saving
# How many ids are tried behind the last that can be read, and at most between two that can.
_BEYOND, _WIDEST = 100_000, 20_000_000
_LONGEST = 1000  # times what is left of a file may it have been
_WRONG_COUNT = (
    "select id from recordings where apologies !="
    " (select count(*) from apologies where recording = recordings.id)"
)
_ORPHANS = "select id from apologies where recording not in (select id from recordings)"


def seal(*values: Any) -> int:
    """Return a hash of a row's values, as SQLite holds it (64 bits with a sign)."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{type(value).__name__} {len(data)}:".encode())
        digest.update(data)
    return int.from_bytes(digest.digest(), "big", signed=True)


def make(db: sqlite3.Connection) -> None:
    """Make the tables where they are missing, and the function that seals."""
    db.create_function("seal", -1, seal, deterministic=True)
    for statement in TABLES.split(";"):
        db.execute(statement)


def fault(db: sqlite3.Connection) -> str:
    """Return what is wrong with a journal, in SQLite's words or ours; '' where it is sound."""
    try:
        if _shape(db) != _expected():
            return "its tables are not those of a journal"
        (said,) = db.execute("pragma integrity_check(1)").fetchone()
        if said != "ok":
            return " ".join(str(said).split())
        for table, columns in SEALED.items():
            for *values, sealed in db.execute(f"select {columns}, seal from {table}"):
                if seal(*values) != sealed:
                    return f"a row of '{table}' is not as it was written"
        if db.execute(f"{_WRONG_COUNT} limit 1").fetchone():
            return "apologies of a recording are missing"
        if db.execute(f"{_ORPHANS} limit 1").fetchone():
            return "apologies of a recording that is not there"
    except BROKEN as error:
        return str(error)
    return ""


def fill_up(path: Path) -> None:
    """Lengthen a file that was cut short to what its head says: SQLite reads nothing of it else."""
    with path.open("rb+") as file:
        head = file.read(100)
        page = int.from_bytes(head[16:18], "big")
        told = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
        there = path.stat().st_size
        if there < told <= _LONGEST * max(there, 4096):  # a head may be damaged, too
            file.truncate(told)


def save(db: sqlite3.Connection, to: Path, version: int) -> int:
    """Write what is sound in a damaged journal to a new file; returns how many recordings.

    Parameters
    ----------
    db : Connection
        The damaged one.
    to : Path
        Replaced where it is there.
    version : int
        Of the journal.

    Raises
    ------
    sqlite3.Error
        If the new file cannot be written.
    """
    for ending in ("", "-journal"):
        to.with_name(to.name + ending).unlink(missing_ok=True)
    new = sqlite3.connect(to, isolation_level=None)
    try:
        new.execute("pragma synchronous = full")
        new.execute(f"pragma user_version = {version}")
        new.execute("begin")
        make(new)
        for name, value in _notes(db):
            new.execute("insert or ignore into notes values (?, ?, seal(?, ?))",
                        (name, value, name, value))  # fmt: skip
        for table in ("recordings", "apologies"):
            columns = SEALED[table]
            marks = ", ".join("?" * (len(columns.split(",")) + 1))
            # Of rows that are there twice (a page that lies over another) the first is kept.
            put = f"insert or ignore into {table} ({columns}, seal) values ({marks})"
            new.executemany(put, _rows(db, table, columns))
        new.execute(f"delete from recordings where id in ({_WRONG_COUNT})")
        new.execute(f"delete from apologies where id in ({_ORPHANS})")
        (kept,) = new.execute("select count(*) from recordings").fetchone()
        new.execute("commit")
        return int(kept)
    finally:
        new.close()


def _shape(db: sqlite3.Connection) -> list[Any]:
    found = db.execute("select type, name, tbl_name, sql from sqlite_master").fetchall()
    return sorted(found, key=str)


def _expected() -> list[Any]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        make(db)
        return _shape(db)


def _notes(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    try:
        for name, value, sealed in db.execute("select name, value, seal from notes"):
            # How far the run was no longer holds: what was lost has to be done again first.
            if seal(name, value) == sealed and name != STATE:
                yield name, value
    except BROKEN:
        return  # a note that is lost makes the run unfinished, which its next one mends


def _rows(db: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that have their seal, past every page that cannot be read."""
    ask = f"select {columns}, seal from {table}"
    first, last = 0, 0
    try:
        for row in db.execute(f"{ask} order by id"):
            first = row[0]
            if _has_seal(row):
                yield row
        return
    except BROKEN:
        pass  # behind the page that cannot be read there are others
    try:
        for row in db.execute(f"{ask} order by id desc"):
            if row[0] <= first:
                return
            last = row[0]
            if _has_seal(row):
                yield row
    except BROKEN:
        pass
    # In between, each id is looked up from the root: a broken leaf hides its own rows only.
    last = last or first + _BEYOND
    for start in range(first + 1, min(last, first + _WIDEST), _BLOCK):
        end = min(start + _BLOCK, last) - 1
        found: list[tuple[Any, ...]] = []
        try:
            found = db.execute(f"{ask} where id between ? and ?", (start, end)).fetchall()
        except BROKEN:
            for at in range(start, end + 1):
                with contextlib.suppress(*BROKEN):
                    found += db.execute(f"{ask} where id = ?", (at,)).fetchall()
        yield from filter(_has_seal, found)


def _has_seal(row: tuple[Any, ...]) -> bool:
    return bool(seal(*row[:-1]) == row[-1])
