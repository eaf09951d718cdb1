"""Writes the pages that can be heard: one per apology, one per complaint that met none.

Recording by recording, so that a run of any size needs no more memory than its tables.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from prosody.errors import ProsodyError
from prosody.measures.table import NAMES, RELATIVE_NAMES
from prosody.report import speak
from prosody.report.apology import ApologyPage, Sheet, file_name
from prosody.report.complaints import Complaint, Complaints, complaints
from prosody.report.complaints import file_name as complaint_file
from prosody.report.files import Files, Finder
from prosody.report.folder import Folder
from prosody.report.page import Frame
from prosody.report.sound import Clip, clip, extract
from prosody.results.read import Run, clip_id, order
from prosody.results.write import safe_cell
from prosody.transcripts.turns import Turn

C = TypeVar("C", bound=Clip)
Watch = Callable[[int, int], None]
COLUMNS = (*NAMES, *RELATIVE_NAMES, "baseline_s")


@dataclass(slots=True)
class Sounds:
    """Gives pages their sound and words, or says why they have none.

    Parameters
    ----------
    finder : Finder
    words : dict
        The reader's, of pages of apologies.
    most : int
        Pages of a kind with sound.
    silence : str
        Why no page has any, where that is so.
    redacted : bool
        Whether texts are masked.
    """

    finder: Finder
    words: dict[str, str]
    most: int
    silence: str = ""
    redacted: bool = False
    with_sound: int = 0
    why: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def files(self, line: dict[str, Any]) -> tuple[Files, tuple[Turn, ...]]:
        """Return the sounds and the transcript of a recording."""
        files = self.finder.files(line)
        turns = self.finder.turns(line) if files.signals else ()
        if self.redacted:
            from prosody.runs import redact

            turns = tuple(replace(t, text=redact.text(t.text), words=()) for t in turns)
        return files, turns

    def get(self, chosen: bool, files: Files, read: Callable[[], C]) -> tuple[C | None, str]:
        """Return what `read` gives, or why a page stays silent."""
        code = self.silence or ("" if chosen else "why_most")
        code = code or ("" if files.signals else "why_not_found")
        if code:
            self.why[code] += 1
            return None, self.words[code].format(n=self.most)
        try:
            got = read()
        except (ProsodyError, OSError, ValueError) as error:
            self.why["why_unreadable"] += 1
            known = error.code if isinstance(error, ProsodyError) else type(error).__name__
            return None, self.words["why_unreadable"].format(code=known)
        self.with_sound += 1
        return got, ""


def worth(row: dict[str, Any]) -> float:
    """Return how much an apology is worth hearing: the clear ones before the unclear."""
    p = row["sincere"].get("p")
    if not row.get("verdict") or not isinstance(p, (int, float)):
        return -1.0
    clear = abs(p - 0.5)
    return clear + (1.0 if row["verdict"] == "forced" or row.get("hint") else 0.0)


class Sheets:
    """Writes them.

    Parameters
    ----------
    run : Run
    frame : Frame
    names : dict
        Of recordings, for people.
    out : Folder
    sounds : Sounds
    """

    def __init__(
        self, run: Run, frame: Frame, names: dict[str, str], out: Folder, sounds: Sounds
    ) -> None:
        self.run, self.frame, self.names, self.out = run, frame, names, out
        self.sounds, self.heard = sounds, 0
        self.lines = {str(line.get("recording")): line for line in run.lines}
        said = {str(row.get("recording")) for row in run.apologies}
        if not sounds.silence:
            sounds.finder.look_up(
                line
                for name, line in self.lines.items()
                if name in said or line.get("complaint_without_apology")
            )

    def apologies(self, pages: dict[int, int], same: bool, watch: Watch) -> None:
        """Write the pages of apologies, and the table of clips that ``prosody fit`` reads.

        Parameters
        ----------
        pages : dict
            Index in ``run.apologies`` to the number of the page.
        same : bool
            Whether the run speaks the language of the report.
        watch : callable
        """
        rows = self.run.apologies
        made = ApologyPage(
            self.frame, judged=not self.run.measures_only, same=same, limits=self.run.limits
        )
        most = self.sounds.most
        chosen = set(sorted(range(len(rows)), key=lambda i: (-worth(rows[i]), i))[:most])
        together: dict[str, list[int]] = defaultdict(list)
        at: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            together[str(row.get("recording"))].append(i)
            at[order(row)].append(i)
        known: tuple[str, Files, tuple[Turn, ...]] = ("", Files(), ())
        with self.out.lines("clips.csv") as put:
            rated = bool(rows) and not self.run.measures_only
            listed: set[str] = set()  # the same sound may be there under two names
            if rated:
                put(_cells(["clip", "speaker", "language", *COLUMNS]))
            for done, whole in enumerate(self.run.whole(), 1):
                i = at[order(whole)].pop(0)
                name = str(whole.get("recording"))
                line = self.lines.get(name, {})
                if known[0] != name:
                    known = (name, *self.sounds.files(line))
                _, files, turns = known
                read = partial(extract, files, whole, turns)
                got, silence = self.sounds.get(i in chosen, files, read)
                sheet = Sheet(
                    pages[i],
                    whole,
                    line,
                    self.names.get(name, name),
                    got,
                    silence,
                    (pages.get(i - 1, 0), pages.get(i + 1, 0)),
                    [(pages[j], rows[j]) for j in together[name] if j != i],
                )
                if got is not None:
                    self.out.put_sound(f"sound/{sheet.number:05d}.wav", got)
                    self.heard += 1
                self.out.put(f"apologies/{file_name(sheet.number)}", made.make(sheet))
                if rated and clip_id(whole) not in listed:
                    listed.add(clip_id(whole))
                    put(_clip_row(whole))
                watch(done, len(rows))

    def complaints(self, made: Complaints) -> None:
        """Write the pages of calls with a complaint and no apology."""
        found = complaints(self.run)
        for number, line in enumerate(found, 1):
            one = Complaint(number, line, made.name(line), last=number == len(found))
            files, turns = self.sounds.files(line)
            one.place(turns)
            if one.window is None:
                one.silence = made.words["why_no_time"]
            else:
                read = partial(clip, files, one.window, turns)
                one.got, one.silence = self.sounds.get(number <= self.sounds.most, files, read)
            if one.got is not None:
                self.out.put_sound(f"sound/c{number:05d}.wav", one.got)
            self.out.put(complaint_file(number), made.page(one))


def _cells(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _clip_row(row: dict[str, Any]) -> str:
    """Return an apology as a line of the table beside exported ratings."""
    measures, relative = row.get("measures") or {}, row.get("relative") or {}
    values = speak.known({**measures, **relative, "baseline_s": row.get("baseline_s")})
    speaker = str(row.get("agent") or row.get("call_id") or row.get("recording"))
    head = [clip_id(row), safe_cell(speaker), safe_cell(str(row.get("language") or ""))]
    return _cells([*head, *(values.get(c, "") for c in COLUMNS)])
