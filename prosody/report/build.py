"""Makes a report: reads a run, writes its pages, the overview last.

What the overview links to is there before it is; pages that an earlier report left are removed by
the list it kept of its own files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prosody.report.files import Finder
from prosody.report.folder import BESIDE, Folder, short
from prosody.report.form import Form
from prosody.report.overview import Overview
from prosody.report.page import Frame, texts
from prosody.report.sheets import Sheets, Sounds
from prosody.report.tables import Tables, ranked
from prosody.results import read as results
from prosody.web import vendored

MOST = 500


@dataclass(slots=True)
class Made:
    """What was written: the page to open, its language, pages of calls, those with sound, size."""

    index: Path
    lang: str
    pages: int
    with_sound: int
    size_mb: float
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
    form: Form | None = None,
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
        Folder with transcripts, as given to ``prosody analyze``; by default those that the run
        itself recognised.
    most : int
        Calls with sound; those most worth hearing come first.
    form : Form, optional
        A team's own words for rules, and its own questions (`prosody.report.form`).
    watch : callable
        Told how many calls are done, of how many.

    Raises
    ------
    UsageError
        If `folder` holds no finished run, or `out` holds something else.
    """
    run = results.read(folder)
    spoken = str(run.command.get("lang") or "en")
    lang = lang or spoken
    say = texts(lang)  # an unknown language stops here
    out = out or folder / "report"
    written = Folder(out)
    redacted = bool(run.command.get("redact"))
    silence = ""
    if audio is False or (audio is None and redacted):
        silence = "why_off" if audio is False else "why_redacted"
    if transcripts is None and (folder / "transcripts").is_dir():
        transcripts = folder / "transcripts"
    made = say["page"]["made"].format(
        date=str(run.head.get("finished_at") or "")[:10], version=run.head.get("prosody_version")
    )
    frame = Frame(lang, run.ident, made, same=spoken == lang, axes=run.axes, form=form)
    names = short([str(record.get("recording")) for record in run.recordings])
    calls = ranked(run, names)
    sounds = Sounds(Finder(recordings, transcripts), say["call"], most, silence, redacted)
    sheets = Sheets(run, frame, calls, written, sounds)
    sheets.write(watch)
    calls = [replace(c, quote=sheets.quotes.get(c.page, c.quote)) for c in calls]
    if sheets.heard:
        for name, source in zip(BESIDE, ("wavesurfer.min.js", "wavesurfer.LICENSE"), strict=True):
            written.put(name, vendored(source).decode())
    tables = Tables(frame, run, calls, names)
    written.put("about.html", tables.about())
    written.put("failed.html", tables.failed())
    written.put("calls.html", tables.calls_page())
    written.put("index.html", Overview(frame, run, calls).index())
    written.finish()
    return Made(out / "index.html", lang, len(calls), sheets.heard, written.size_mb(),
                dict(sounds.why))  # fmt: skip
