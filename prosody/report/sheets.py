"""Writes the pages of calls, and beside them what can be searched and what can be fitted.

Recording by recording, so that a run of any size needs no more memory than its tables.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from prosody.errors import ProsodyError
from prosody.measures.table import NAMES, RELATIVE_NAMES
from prosody.report import speak
from prosody.report.call import CallPage, Sheet, file_name, sound_name
from prosody.report.files import Files, Finder
from prosody.report.folder import Folder
from prosody.report.page import Frame
from prosody.report.sound import Clip, Contours, clip, contours
from prosody.report.tables import TEXTS, Call, in_sentence
from prosody.results import reasons_to_hear
from prosody.results.read import Run, clip_id, number, order
from prosody.results.write import safe_cell
from prosody.transcripts.turns import Turn

Watch = Callable[[int, int], None]
COLUMNS = (*NAMES, *RELATIVE_NAMES, "baseline_s")
MOST_DRAWN = 6  # apologies of one call with a picture


@dataclass(slots=True)
class Sounds:
    """Gives pages their sound and words, or says why they have none.

    Parameters
    ----------
    finder : Finder
    words : dict
        The reader's, of pages of calls.
    most : int
        Pages with sound; the list's first.
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
    why: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def files(self, record: dict[str, Any]) -> tuple[Files, tuple[Turn, ...]]:
        """Return the sounds and the transcript of a recording."""
        files = self.finder.files(record)
        turns = self.finder.turns(record) if files.signals else ()
        if self.redacted:
            from prosody.calls import masking

            turns = tuple(replace(t, text=masking.text(t.text), words=()) for t in turns)
        return files, turns

    def get(self, chosen: bool, files: Files, about_s: float) -> tuple[Clip | None, str]:
        """Return the sound of a call, or why its page stays silent."""
        code = self.silence or ("" if chosen else "why_most")
        code = code or ("" if files.signals else "why_not_found")
        if code:
            self.why[code] += 1
            return None, self.words[code].format(n=self.most)
        try:
            return clip(files, about_s), ""
        except (ProsodyError, OSError, ValueError) as error:
            self.why["why_unreadable"] += 1
            known = error.code if isinstance(error, ProsodyError) else type(error).__name__
            return None, self.words["why_unreadable"].format(code=known)


class Sheets:
    """Writes them.

    Parameters
    ----------
    run : Run
    frame : Frame
    calls : sequence of Call
        In the order of the list.
    out : Folder
    sounds : Sounds
    """

    def __init__(
        self, run: Run, frame: Frame, calls: list[Call], out: Folder, sounds: Sounds
    ) -> None:
        self.run, self.frame, self.calls, self.out = run, frame, calls, out
        self.sounds, self.heard = sounds, 0
        self.quotes: dict[int, str] = {}  # of a page, in whole sentences

    def write(self, watch: Watch) -> None:
        """Write every page, what a search looks through, and the table for ``prosody fit``."""
        self.sounds.finder.look_up(c.record for c in self.calls)
        made = CallPage(self.frame, self.run.limits)
        by_name = {str(c.record.get("recording")): c for c in self.calls}
        rated = bool(self.run.apologies) and self.frame.judged
        listed: set[str] = set()  # the same sound may be there under two names
        done = 0
        with self.out.lines("clips.csv") as put, self.out.lines(TEXTS, mark=False) as put_text:
            if rated:
                put(_cells(["clip", "speaker", "language", *COLUMNS]))
            put_text("window.prosodyTexts = {\n")
            for name, rows in self._grouped(by_name):
                call = by_name.get(name)
                if call is None:
                    continue
                files, turns = self.sounds.files(call.record)
                self._page(call, rows, files, turns, made)
                put_text(f"{call.page}:{_script([t.text for t in turns])},\n")
                for row in rows if rated else ():
                    if clip_id(row) not in listed:
                        listed.add(clip_id(row))
                        put(_clip_row(row))
                done += 1
                watch(done, len(self.calls))
            put_text("};\n")

    def _grouped(self, calls: dict[str, Call]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield every call that was read with its whole apologies, in order of time."""
        seen: set[str] = set()
        scattered: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name, rows in groupby(self.run.whole(), key=lambda r: str(r.get("recording"))):
            if name in self.run.scattered:
                scattered[name] += rows
                continue
            seen.add(name)
            yield name, sorted(rows, key=order)
        for name, found in scattered.items():
            seen.add(name)
            yield name, sorted(found, key=order)
        for name in calls:
            if name not in seen:
                yield name, []

    def _page(
        self,
        call: Call,
        rows: list[dict[str, Any]],
        files: Files,
        turns: tuple[Turn, ...],
        made: CallPage,
    ) -> None:
        about = number(rows[0], "start_s") if rows else _complaint_s(call.record)
        self.quotes[call.page] = in_sentence(call.quote, turns, about)
        got, silence = self.sounds.get(call.page <= self.sounds.most, files, about)
        drawn: dict[int, Contours] = {}
        if got is not None:
            self.out.put_sound(sound_name(call.page), got)
            self.heard += 1
            for i, row in enumerate(rows[:MOST_DRAWN]):
                if got.start_s <= number(row, "start_s") < number(row, "end_s") <= got.end_s + 0.1:
                    drawn[i] = contours(got, row)
        sheet = Sheet(call.page, len(self.calls), call.record, rows, call.name, call.reasons, turns,
                      got, silence, drawn)  # fmt: skip
        self.out.put(file_name(call.page), made.make(sheet))


def _complaint_s(record: dict[str, Any]) -> float:
    words = reasons_to_hear.complaint_words(record)
    return number(words[0], "start_s") if words else 0.0


def _script(texts: list[str]) -> str:
    """Return texts as a script may hold them: data, whatever is in them."""
    body = json.dumps(" \n ".join(texts), ensure_ascii=True)
    return body.replace("<", "\\u003c").replace(">", "\\u003e")


def _cells(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _clip_row(row: dict[str, Any]) -> str:
    """Return an apology as a line of the table beside exported ratings."""
    measures, relative = row.get("measures") or {}, row.get("relative") or {}
    values = speak.known({**measures, **relative, "baseline_s": row.get("baseline_s")})
    speaker = str(row.get("agent") or row.get("call_id") or row.get("recording"))
    head = [clip_id(row), safe_cell(speaker), safe_cell(str(row.get("language") or ""))]
    return _cells([*head, *(values.get(c, "") for c in COLUMNS)])
