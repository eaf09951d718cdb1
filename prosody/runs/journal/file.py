"""The journal's file: opened for one process alone, of this version, sound, committed in time."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from prosody.errors import ProsodyError, UsageError
from prosody.runs.journal import sound

NAME = "journal.sqlite"
VERSION = 4
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


class JournalError(ProsodyError):
    """The journal cannot be written (the disk is full, or gone) or read."""

    code = "journal"


class JournalFile:
    """The database of one results folder, open for this process alone.

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
        self._pending, self._told = 0, time.monotonic()
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
                sound.fill_up(self.path)  # a file that was cut short
                self._open()
            wrong = "" if fresh else sound.fault(self._db)
            if wrong and made:
                raise self._damaged(wrong)
            if wrong:
                self._save()
            if fresh:
                self._empty()
        except ProsodyError:
            self._db.close()
            raise
        except sound.BROKEN as error:
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
            _remove(self.path)
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
            for table in sound.SEALED:
                run(f"drop table if exists {table}")
            run(f"pragma user_version = {VERSION}")
        sound.make(self._db)
        run("commit")
        run("begin immediate")

    def _save(self) -> None:
        """Put what is sound in a damaged journal in its place.

        The damaged file does not stay: it holds calls that somebody may want forgotten.
        """
        new = self.path.with_name(f"{NAME}.saved")
        try:
            self.saved = sound.save(self._db, new, VERSION)
            self._db.close()
            for ending in ("-wal", "-shm", "-journal"):  # of the old one: not for the new one
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
        for table in sound.SEALED:
            self._db.execute(f"delete from {table}")
        self.commit()
        if wrong := sound.fault(self._db):
            raise sqlite3.DatabaseError(wrong)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):  # a disk that failed under way
            raise self._broken(error) from error

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
        try:
            if self._db.in_transaction:
                self._db.execute("commit")
            self._db.execute("begin immediate")
        except sqlite3.Error as error:
            raise self._broken(error) from error
        self._pending, self._told = 0, time.monotonic()

    def _one_more(self) -> None:
        self._pending += 1
        late = time.monotonic() - self._told > COMMIT_EVERY_S
        if late or self._pending >= COMMIT_EVERY_ROWS:
            self.commit()

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
        self._write(
            "insert or replace into notes values (?, ?, ?)", (name, text, sound.seal(name, text))
        )
        self.commit()

    def noted(self, name: str, default: Any = None) -> Any:
        """Return what was kept under a name."""
        found = self._db.execute("select value from notes where name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else default


def _kind(error: Exception) -> int:
    """Return SQLite's primary code of an error."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
