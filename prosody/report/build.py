"""Writes a report: every file whole or not at all, nothing outside its folder, nothing left over.

The overview is written last, so that what it links to is there; pages that an earlier report left
are removed by the list it kept of its own files.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from prosody.errors import ProsodyError, UsageError
from prosody.report import results, speak
from prosody.report.apology import ApologyPage, Sheet, file_name
from prosody.report.overview import Overview
from prosody.report.page import Frame, texts
from prosody.report.results import Run, clip_id, number, order
from prosody.report.sound import Extract, Finder, extract, write_wav
from prosody.results import safe_cell
from prosody.table import NAMES, RELATIVE_NAMES
from prosody.turns import Turn

MOST = 1000
LIST = "report.json"
_KIND = "prosody report"


@dataclass(slots=True)
class Made:
    """What was written: the page to open, and how many pages have sound."""

    index: Path
    pages: int
    with_sound: int
    silences: dict[str, int] = field(default_factory=dict)


def make(
    folder: Path,
    out: Path | None = None,
    *,
    lang: str | None = None,
    audio: bool | None = None,
    recordings: Sequence[Path] = (),
    transcripts: Path | None = None,
    most: int = MOST,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> Made:
    """Write the report of a run.

    Parameters
    ----------
    folder : Path
        What ``prosody analyze --out`` wrote.
    out : Path, optional
        Where the pages go; ``report`` in `folder` by default.
    lang : str, optional
        Language of the pages; that of the run by default.
    audio : bool, optional
        Whether to put sound in; by default yes, unless the run's texts are redacted.
    recordings : sequence of Path
        Folders in which recordings are found by content where they are not under their names.
    transcripts : Path, optional
        Folder with transcripts, as given to ``prosody analyze``.
    most : int
        Apologies with sound; those most worth hearing come first.
    watch : callable
        Told how many apologies are done, of how many.

    Returns
    -------
    Made

    Raises
    ------
    UsageError
        If `folder` holds no finished run, or `out` holds something else.
    """
    run = results.read(folder)
    spoken = str(run.command.get("lang") or "en")
    lang = lang or spoken
    texts(lang)  # an unknown language stops here
    out = out or folder / "report"
    written = Folder(out)
    redacted = bool(run.command.get("redact"))
    silence = ""
    if audio is False or (audio is None and redacted):
        silence = "why_off" if audio is False else "why_redacted"
    pages = {i: i + 1 for i in range(len(run.apologies))}
    made = str(run.head.get("finished_at") or "")[:10]
    frame = Frame(
        lang,
        run.ident,
        texts(lang)["page"]["made"].format(date=made, version=run.head.get("prosody_version")),
        judged=not run.measures_only,
    )
    names = short([str(line.get("recording")) for line in run.lines])
    work = _Apologies(run, frame, names, pages, written, spoken == lang)
    work.silence, work.most, work.redacted = silence, most, redacted
    work.finder = Finder(recordings, transcripts)
    work.write(watch)
    overview = Overview(frame, run, names, pages)
    for name in ("about", "failed", "complaints", "apologies", "index"):
        written.put(f"{name}.html", getattr(overview, name)())
    written.finish()
    return Made(out / "index.html", len(pages), work.with_sound, dict(work.silences))


def worth(row: dict[str, Any]) -> float:
    """Return how much an apology is worth hearing: the clear ones before the unclear."""
    p = row["sincere"].get("p")
    if not row.get("verdict") or not isinstance(p, (int, float)):
        return -1.0
    clear = abs(p - 0.5)
    return clear + (1.0 if row["verdict"] == "forced" or row.get("hint") else 0.0)


class _Apologies:
    """Writes the page of every apology, recording by recording."""

    silence, most, redacted = "", MOST, False
    finder = Finder()

    def __init__(
        self,
        run: Run,
        frame: Frame,
        names: dict[str, str],
        pages: dict[int, int],
        out: Folder,
        same: bool,
    ) -> None:
        self.run, self.names, self.pages, self.out = run, names, pages, out
        self.page = ApologyPage(frame, judged=not run.measures_only, same=same)
        self.lines = {str(line.get("recording")): line for line in run.lines}
        self.words: dict[str, str] = frame.say["apology"]
        self.with_sound = 0
        self.silences: dict[str, int] = defaultdict(int)

    def write(self, watch: Callable[[int, int], None]) -> None:
        rows = self.run.apologies
        chosen = set(sorted(range(len(rows)), key=lambda i: (-worth(rows[i]), i))[: self.most])
        together: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            together[str(row.get("recording"))].append(i)
        at: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            at[order(row)].append(i)
        clips: dict[int, dict[str, float]] = {}
        known: tuple[str, Any, tuple[Turn, ...]] = ("", None, ())
        for done, whole in enumerate(self.run.whole(), 1):
            i = at[order(whole)].pop(0)
            name = str(whole.get("recording"))
            line = self.lines.get(name, {})
            if known[0] != name:
                known = (name, *self._files(line))
            got, silence = self._sound(whole, line, i in chosen, known[1:])
            others = [(self.pages[j], rows[j]) for j in together[name] if j != i]
            before, after = self.pages.get(i - 1, 0), self.pages.get(i + 1, 0)
            sheet = Sheet(
                self.pages[i],
                whole,
                line,
                self.names.get(name, name),
                got,
                silence,
                (before, after),
                others,
            )
            if got is not None:
                self.out.put_sound(f"sound/{sheet.number:05d}.wav", got)
                self.with_sound += 1
            self.out.put(f"apologies/{file_name(sheet.number)}", self.page.make(sheet))
            clips[i] = speak.known({**whole.get("measures", {}), **whole.get("relative", {}),
                                    "baseline_s": whole.get("baseline_s")})  # fmt: skip
            watch(done, len(rows))
        if not self.run.measures_only and rows:
            self.out.put("clips.csv", "\ufeff" + "".join(self._clips(clips)))

    def _files(self, line: dict[str, Any]) -> tuple[Any, tuple[Turn, ...]]:
        path = self.finder.path(line)
        if path is None:
            return None, ()
        turns = self.finder.turns(line, path)
        if self.redacted:
            from dataclasses import replace

            from prosody import redact

            turns = tuple(replace(t, text=redact.text(t.text), words=()) for t in turns)
        return path, turns

    def _sound(
        self,
        row: dict[str, Any],
        line: dict[str, Any],
        chosen: bool,
        files: tuple[Any, tuple[Turn, ...]],
    ) -> tuple[Extract | None, str]:
        """Return the sound of an apology, or why there is none."""
        path, turns = files
        code = self.silence or ("" if chosen else "why_most") or ("" if path else "why_not_found")
        if code:
            self.silences[code] += 1
            return None, self.words[code].format(n=self.most)
        try:
            return extract(path, row, line, turns), ""
        except (ProsodyError, OSError, ValueError) as error:
            self.silences["why_unreadable"] += 1
            known = error.code if isinstance(error, ProsodyError) else type(error).__name__
            return None, self.words["why_unreadable"].format(code=known)

    def _clips(self, clips: dict[int, dict[str, float]]) -> Iterator[str]:
        """Yield the lines of the table that ``prosody fit`` reads beside exported ratings."""
        columns = (*NAMES, *RELATIVE_NAMES, "baseline_s")
        line = io.StringIO()
        sheet = csv.writer(line)
        sheet.writerow(["clip", "speaker", "language", *columns])
        for i, row in enumerate(self.run.apologies):
            values = clips.get(i, {})
            speaker = str(row.get("agent") or row.get("call_id") or row.get("recording"))
            head = [clip_id(row), safe_cell(speaker), safe_cell(str(row.get("language") or ""))]
            sheet.writerow([*head, *(values.get(c, "") for c in columns)])
        yield line.getvalue()


class Folder:
    """The folder of a report: files are written whole, and an earlier report's are removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[str] = []
        self.before: set[str] = set()
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path}: not a folder.", "Name a new folder, or an earlier report.")
        if path.is_dir() and any(path.iterdir()):
            self.before = self._earlier()
        try:
            for sub in ("", "apologies", "sound"):
                (path / sub).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be made ({error.strerror}).", "Name another folder with --out."
            ) from error
        # From here on the list says what may be removed, also if this is cut short.
        self._list(sorted(self.before))

    def _earlier(self) -> set[str]:
        try:
            kept = json.loads((self.path / LIST).read_text(encoding="utf-8"))
            if kept["kind"] == _KIND:
                return {str(f) for f in kept["files"] if _inside(str(f))}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UsageError(
            f"{self.path}: the folder holds other things than a report.",
            "Name a new folder with --out, or an earlier report, which is then replaced.",
        )

    def _list(self, files: list[str]) -> None:
        body = json.dumps({"kind": _KIND, "files": files}, indent=0)
        self._write(LIST, body.encode())

    def _write(self, name: str, body: bytes) -> None:
        path = self.path / name
        part = path.with_name(f".{path.name}.part")
        if part.is_symlink() or path.is_symlink():  # nothing is ever written elsewhere
            raise UsageError(f"{path}: a link, expected a file of a report.", "Remove it.")
        part.write_bytes(body)
        os.replace(part, path)  # noqa: PTH105 -- the same as Path.replace, said once

    def put(self, name: str, body: str) -> None:
        """Write a text file."""
        self._write(name, body.encode("utf-8", errors="replace"))
        self.files.append(name)

    def put_sound(self, name: str, got: Extract) -> None:
        """Write the sound of an extract."""
        path = self.path / name
        part = path.with_name(f".{path.name}.part")
        if part.is_symlink() or path.is_symlink():
            raise UsageError(f"{path}: a link, expected a file of a report.", "Remove it.")
        write_wav(part, got)
        part.replace(path)
        self.files.append(name)

    def finish(self) -> None:
        """Remove what an earlier report left, and keep the list of files."""
        for name in self.before - set(self.files):
            (self.path / name).unlink(missing_ok=True)
        self._list(sorted(self.files))


def _inside(name: str) -> bool:
    """Whether a name in the list of an earlier report stays within its folder."""
    path = PurePosixPath(name)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and path.suffix in (".html", ".wav", ".csv")
        and "\\" not in name
    )


def short(paths: Sequence[str]) -> dict[str, str]:
    """Return names for people: without the folder that all recordings share."""
    unique = list(dict.fromkeys(paths))
    parents = [p.replace("\\", "/").split("/")[:-1] for p in unique]
    common = 0
    if parents:
        for parts in zip(*parents, strict=False):
            if len(set(parts)) > 1:
                break
            common += 1
    return {p: "/".join(p.replace("\\", "/").split("/")[common:]) or p for p in unique}


__all__ = ["MOST", "Made", "make", "number", "short", "worth"]
