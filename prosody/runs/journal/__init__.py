"""The journal of a run: what is done, in one SQLite file in the results folder.

Why SQLite (of the standard library) and not a list of JSON lines: a recording and its apologies
come and go in one transaction, so that a kill, a reboot or a full disk leaves either all of a
recording or nothing; what is done is looked up without reading what was found; results are written
in order from disk, so that a million calls need no more memory than ten; and the lock that keeps
two runs apart is the database's own, which the system lets go of when the process dies.

Rows are JSON, packed (`results.serialise`); nothing in it is ever executed when it is read. How the
file is opened and brought to the disk is in `journal.file`, how damage is found in `journal.sound`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from prosody.examine.gates import NO_BASELINE
from prosody.results.records import ApologyRecord, CallRecord
from prosody.results.serialise import JUDGEMENT, apology_of, line_of, pack, unpack
from prosody.runs.journal.file import NAME, VERSION, JournalError, JournalFile
from prosody.runs.journal.sound import SEALED, STATE, seal

__all__ = ["NAME", "VERSION", "Journal", "JournalError"]

# running: rows may be of this run or an earlier one, of this judge or another. writing: rows are
# final, their files may not be. whole: both are.
State = Literal["running", "writing", "whole"]
_WANTED = (
    "wanted = ?1, seal = seal(id, ident, name, call_id, agent, key, status, code, complaint,"
    " apologies, line, stamp, ?1)"
)
# What a judgement is taken out with; the seal goes with every change.
_UNJUDGED = (
    "judged_by = '', verdict = null, judgement = null,"
    " seal = seal(id, recording, start_s, channel, gated, made, '', null, null)"
)


class Journal(JournalFile):
    """What a run found, one recording after another; parameters as for `JournalFile`."""

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
                now = (int(ident in self._wanted), ident)
                self._write(f"update recordings set {_WANTED} where ident = ?2", now)
        self.commit()

    def leave_out(self, idents: Iterable[str]) -> None:
        """Leave recordings out of the results, but not out of the journal."""
        for ident in idents:
            self._write(f"update recordings set {_WANTED} where ident = ?2", (0, ident))
        self.commit()

    def want_all(self) -> None:
        """Say that results are about everything that is there."""
        self._wanted = set()
        self._write(f"update recordings set {_WANTED} where wanted != 1", (1,))
        self.commit()

    def stamp(self, ident: str, stamp: str) -> None:
        """Note that nothing of a recording changed, under its new stamp."""
        self._write(
            "update recordings set stamp = ?1, seal = seal(id, ident, name, call_id, agent, key,"
            " status, code, complaint, apologies, line, ?1, wanted) where ident = ?2",
            (stamp, ident),
        )
        self._one_more()

    def add(
        self, ident: str, stamp: str, key: str, line: CallRecord, apologies: Sequence[ApologyRecord]
    ) -> None:
        """Put a recording and its apologies in, in place of what was known of it."""
        old = self._db.execute("select id from recordings where ident = ?", (ident,)).fetchone()
        if old:
            self._remove(old[0])
        kept = pack({f.name: getattr(line, f.name) for f in fields(CallRecord)})
        at = self._next("recordings")
        sealed = (
            at, ident, line.recording, line.call_id, line.agent, key, line.status, line.code,
            int(bool(line.complaint_without_apology)), len(apologies), kept, stamp,
            int(ident in self._wanted),
        )  # fmt: skip
        self._insert("recordings", sealed)
        for row in apologies:
            made = {
                f.name: getattr(row, f.name)
                for f in fields(ApologyRecord)
                if f.name != "conduct" and f.name not in JUDGEMENT
            }
            values = (float(row.start_s), int(row.channel), int(bool(row.gates)), pack(made))
            self._insert("apologies", (self._next("apologies"), at, *values, "", None, None))
        self._one_more()

    def recast(
        self, ident: str, stamp: str, key: str, conduct: dict[str, Any], silent: bool | None
    ) -> CallRecord:
        """Put what the rules of conduct say now in place of what they said; returns the line."""
        at, data = self._db.execute(
            "select id, line from recordings where ident = ?", (ident,)
        ).fetchone()
        kept = unpack(data) | {"conduct": conduct, "complaint_without_apology": silent}
        packed = pack(kept)
        self._write(
            "update recordings set stamp = ?1, key = ?2, complaint = ?3, line = ?4, seal ="
            " seal(id, ident, name, call_id, agent, ?2, status, code, ?3, apologies, ?4, ?1,"
            " wanted) where id = ?5",
            (stamp, key, int(bool(silent)), packed, at),
        )
        self._one_more()
        line = line_of(packed)
        line.apologies, line.withheld = self._db.execute(
            "select count(*), coalesce(sum(gated), 0) from apologies where recording = ?", (at,)
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
            Returns the gates that close on an apology's numbers (`rows.ApologyRecord.quality`).
        """
        if self.noted("gates") == limits:
            return 0
        changed = 0
        for (at,) in self._db.execute("select id from apologies").fetchall():
            (made,) = self._db.execute("select made from apologies where id = ?", (at,)).fetchone()
            kept = unpack(made)
            gates = list(closed(kept["quality"])) if kept["quality"] else kept["gates"]
            if NO_BASELINE in kept["gates"] and NO_BASELINE not in gates:
                gates.append(NO_BASELINE)  # no number of the sound says so
            if gates != kept["gates"]:
                changed += 1
                self._write(
                    "update apologies set made = ?1, gated = ?2, judged_by = '', verdict = null,"
                    " judgement = null, seal ="
                    " seal(id, recording, start_s, channel, ?2, ?1, '', null, null) where id = ?3",
                    (pack(kept | {"gates": gates}), int(bool(gates)), at),
                )
        self.note("gates", limits)  # in one transaction with the rows
        return changed

    def _remove(self, recording: int) -> None:
        self._write("delete from apologies where recording = ?", (recording,))
        self._write("delete from recordings where id = ?", (recording,))

    def unwanted(self) -> dict[str, list[str]]:
        """Return which recordings this run is not about, by the key of what was measured."""
        out: dict[str, list[str]] = {}
        for key, ident in self._db.execute(
            "select key, ident from recordings where not wanted and key != '' order by ident desc"
        ):
            out.setdefault(key.partition(".")[0], []).append(ident)
        return out

    def take(self, ident: str) -> tuple[str, CallRecord, list[ApologyRecord]]:
        """Take a recording out; returns its key, its line and its apologies, not judged."""
        at, key, data = self._db.execute(
            "select id, key, line from recordings where ident = ?", (ident,)
        ).fetchone()
        found = self._db.execute(
            "select made from apologies where recording = ? order by id", (at,)
        )
        rows = [apology_of(made, None, {}) for (made,) in found]
        self._remove(at)
        return key, line_of(data), rows

    def prune(self) -> None:
        """Take out what this run is not about."""
        self._write(
            "delete from apologies where recording in (select id from recordings where not wanted)"
        )
        self._write("delete from recordings where not wanted")
        self.commit()

    def named(self, where: str, values: Sequence[Any]) -> list[tuple[int, str, str]]:
        """Return ids, names and ids of calls of recordings.

        Parameters
        ----------
        where : str
            A condition on the columns of table ``recordings``, with ``?`` for values.
        values : sequence
        """
        return self._db.execute(
            f"select id, name, call_id from recordings where {where} order by name", values
        ).fetchall()

    def forget(self, recordings: Iterable[int]) -> None:
        """Remove recordings for good: their bytes are not in the file any more."""
        for at in recordings:
            self._remove(at)
        self._wipe()

    def holds_a_run(self) -> bool:
        """Return whether a run was here before this one, of an older version included."""
        (there,) = self._db.execute("select count(*) from recordings").fetchone()
        return bool(there) or self.anew

    def forget_all(self) -> None:
        """Remove everything for good."""
        for table in ("apologies", "recordings", "notes"):
            self._write(f"delete from {table}")
        self._wipe()

    # --- judging ------------------------------------------------------------------------------

    def unjudged(
        self, judged_by: str, most: int = 1024
    ) -> Iterator[list[tuple[int, ApologyRecord]]]:
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

    def judged(self, judged_by: str, rows: Iterable[tuple[int, ApologyRecord]]) -> None:
        """Keep judgements."""
        for at, row in rows:
            kept = {name: getattr(row, name) for name in JUDGEMENT}
            self._write(
                "update apologies set judged_by = ?1, verdict = ?2, judgement = ?3, seal ="
                " seal(id, recording, start_s, channel, gated, made, ?1, ?2, ?3) where id = ?4",
                (judged_by, row.verdict, pack(kept), at),
            )
        self.commit()

    def compared(self, takes: Iterable[ApologyRecord]) -> None:
        """Keep how takes (each a recording of its own) compare with the speaker's others."""
        found = {row.recording: row.more_sincere for row in takes if row.more_sincere}
        if found or self.noted("takes"):
            self.note("takes", found)

    # --- giving back --------------------------------------------------------------------------

    def lines(self) -> Iterator[CallRecord]:
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

    def apologies(self) -> Iterator[ApologyRecord]:
        """Yield this run's apologies, in order of recording and start."""
        # Read along the index by name: sorting all rows would hold (or spill) all of them.
        found = self._db.execute(
            "select r.name, r.id, r.line, a.start_s, a.channel, a.made, a.judgement"
            " from recordings r cross join apologies a on a.recording = r.id where r.wanted"
            " order by r.name, r.ident, a.id"
        )
        takes = self.noted("takes", {})
        for _, same in groupby(found, key=itemgetter(0)):
            last, conduct = None, {}
            for _, at, line, _, _, made, judgement in sorted(same, key=itemgetter(3, 4)):
                if at != last:
                    last, conduct = at, unpack(line)["conduct"]
                row = apology_of(made, judgement, conduct)
                row.more_sincere = takes.get(row.recording)
                yield row

    def counts(self) -> dict[str, int]:
        """Return how many of this run's recordings and apologies ended up where."""
        one = self._db.execute(
            "select count(*), sum(status = 'ok'), sum(status = 'no_apology'),"
            " sum(status = 'poor_words'), sum(status = 'failed'), sum(complaint)"
            " from recordings where wanted"
        ).fetchone()
        two = self._db.execute(
            "select count(*), sum(a.verdict is not null), sum(a.gated) from apologies a"
            " join recordings r on r.id = a.recording where r.wanted"
        ).fetchone()
        names = ("recordings", "ok", "no_apology", "poor_words", "failed",
                 "complaint_without_apology", "apologies", "judged", "withheld")  # fmt: skip
        return dict(zip(names, (int(v or 0) for v in (*one, *two)), strict=True))

    def drop_judgements(self, but: str = "") -> None:
        """Take judgements out, but those of one judge (``--measures-only`` keeps none)."""
        self._write(f"update apologies set {_UNJUDGED} where judged_by not in ('', ?)", (but,))
        self.commit()

    # --- how far it is ------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """How far the run that was last at work here came."""
        found = self.noted(STATE)
        return found if found in ("writing", "whole") else "running"

    def reached(self, state: State) -> None:
        """Say how far the run is."""
        self.note(STATE, state)

    def _next(self, table: str) -> int:
        """Return the number of the next row: its seal covers it, so it has to be known before."""
        (number,) = self._db.execute(f"select coalesce(max(id), 0) + 1 from {table}").fetchone()
        return int(number)

    def _insert(self, table: str, values: Sequence[Any]) -> None:
        """Put a row in, in the order of `sound.SEALED`, with its seal."""
        marks = ", ".join("?" * (len(values) + 1))
        self._write(
            f"insert into {table} ({SEALED[table]}, seal) values ({marks})",
            (*values, seal(*values)),
        )

    # --- joining ------------------------------------------------------------------------------

    def copy_from(self, other: Path) -> tuple[int, int]:
        """Add what another journal's results hold; returns (how many, how many were there already).

        Of a recording that is in both, one that was read wins over one that failed, else the one
        that is here stays.
        """
        source = Journal(other, made=True)
        try:
            added = double = 0
            mine = dict(self._db.execute("select ident, status from recordings").fetchall())
            for at, *row in source._db.execute(
                f"select {SEALED['recordings']} from recordings where wanted order by name"
            ):
                ident, status = row[0], row[5]
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
                new = self._next("recordings")
                self._insert("recordings", (new, *row))
                for values in source._db.execute(
                    "select start_s, channel, gated, made, judged_by, verdict, judgement"
                    " from apologies where recording = ? order by id", (at,)
                ):  # fmt: skip
                    self._insert("apologies", (self._next("apologies"), new, *values))
            self.commit()
            return added, double
        finally:
            source.close()
