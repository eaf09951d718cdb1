"""Starts the local page of ``prosody review``: report, answers, invitations, calibration."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from prosody.errors import UsageError
from prosody.rating import invitations
from prosody.rating.links import NOBODY, PLAIN
from prosody.rating.store import Store
from prosody.report import build
from prosody.report.folder import short
from prosody.report.form import read as read_form
from prosody.report.tables import ranked
from prosody.results import read, reasons_to_hear
from prosody.review import calibration
from prosody.review.answers import TABLE, Reviews, database_error
from prosody.review.page import ReviewPage
from prosody.web import serve
from prosody.web.serve import Where, addresses

FOLDER = "review"
"""Folder of the pages that are served, in the results."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    folder: Path
    lang: str
    form: Path | None = None
    calibration: int | None = None
    session: str = "calibration"
    seed: int = 0
    recordings: Sequence[Path] = ()
    transcripts: Path | None = None


def made(asked: Asked, watch: Callable[[int, int], None] = lambda done, of: None) -> Path:
    """Return the folder of the pages to serve; made anew where results or form changed."""
    out = asked.folder / FOLDER
    form = None if asked.form is None else read_form(asked.form)
    run = read.read(asked.folder)
    stamp = json.dumps([run.head.get("finished_at"), run.head.get("files"), asked.lang, repr(form)])
    kept = out / "report.json"
    stamped = asked.folder / f"{FOLDER}.stamp"
    if kept.is_file() and stamped.is_file() and stamped.read_text(encoding="utf-8") == stamp:
        return out
    build.make(asked.folder, out, lang=asked.lang, form=form, recordings=asked.recordings,
               transcripts=asked.transcripts, watch=watch)  # fmt: skip
    stamped.write_text(stamp, encoding="utf-8")
    return out


def page_of(asked: Asked, pages: Path, store: Store) -> ReviewPage:
    """Return the page with its store; with the calls of a session where one is asked for."""
    run = read.read(asked.folder)
    calls = ranked(run, short([str(record.get("recording")) for record in run.recordings]))
    chosen: list[tuple[int, str]] = []
    if asked.calibration is not None:
        kept = store.get(f"session {asked.session}")
        numbers = {str(c.record.get("recording")): c.page for c in calls}
        names = json.loads(kept) if kept else calibration.choose(
            list(numbers), [reasons_to_hear.weight(c.reasons) for c in calls], asked.calibration,
            asked.seed,
        )  # fmt: skip
        gone = [n for n in names if n not in numbers]
        if gone:
            raise UsageError(
                f"Session {asked.session}: {gone[0]} is no longer in {asked.folder}.",
                "Begin another with --session NAME.",
            )
        store.put(f"session {asked.session}", json.dumps(names))
        chosen = [(numbers[n], n) for n in names]
    session = asked.session if asked.calibration is not None else ""
    return ReviewPage(pages, Reviews(store, asked.folder / TABLE), store, session=session,
                      calls=chosen, lang=asked.lang, axes=run.axes)  # fmt: skip


def open_store(folder: Path) -> Store:
    """Open the database of reviews of some results.

    Raises
    ------
    UsageError
        If it cannot be used.
    """
    try:
        return Store(folder / TABLE)
    except sqlite3.Error as error:
        raise database_error(error, folder / TABLE) from error


def run(
    asked: Asked,
    where: Where,
    say: Mapping[str, str],
    *,
    invite: int = 0,
    days: float = invitations.DAYS,
    browser: bool = True,
    watch: Callable[[int, int], None] = lambda done, of: None,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    asked : Asked
    where : Where
    say : mapping
        ``words/review`` ``[serve]``.
    invite, days
        How many invitations to make, and how long they hold.
    browser : bool
        Whether to open one.
    watch, tell : callable
        Progress of the report, and lines to print.
    """
    if not (asked.folder / FOLDER / "report.json").is_file():
        tell(say["making"])
    pages = made(asked, watch)
    store = open_store(asked.folder)
    try:
        page = page_of(asked, pages, store)

        def announce(link: str) -> None:
            parts = urlsplit(link)
            tell(say["here"].format(link=link))
            tell(say["answers"].format(path=asked.folder / TABLE))
            if page.session:
                tell(say["calibration"].format(name=page.session, n=len(page.calls)))
            outside = addresses()[0] if where.host in serve.EVERYWHERE else parts.hostname
            base = f"{parts.scheme}://{outside}:{parts.port}"
            for _ in range(invite):
                one, token = invitations.make(store, days)
                until = datetime.fromtimestamp(one.expires_s).astimezone()
                tell(f"{one.id}, {until:%Y-%m-%d %H:%M}: {base}/?token={token}")
            if where.network:
                if not where.tls:
                    tell(PLAIN)
                if not invite and not invitations.every(store):
                    tell(NOBODY)

        serve.serve([page], replace(where), browser=browser, announce=announce)
    finally:
        store.let_go()
