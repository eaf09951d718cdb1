"""``prosody report``: the results of a run as pages to open in a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import QUIET, given, tell_changed


@app.command(
    short_help="Pages of a run, to read and hear offline.",
    epilog="Example: prosody report results --lang nl",
)
def report(
    folder: Path = typer.Argument(metavar="DIR", help="Results of 'prosody analyze'."),
    out: Path | None = given("--out", "-o", help="Folder for the pages; DIR/report by default."),
    lang: str | None = given(
        "--lang", help="Language of the pages: nl or en; that of the run by default."
    ),
    audio: bool | None = given(
        "--audio/--no-audio",
        help="Put the sound of calls in; by default yes, unless the run was --redact.",
    ),
    recordings: list[Path] | None = given(
        "--recordings",
        help="Folder to find recordings in by their content, where they no longer lie under the "
        "name in the results (pseudonyms, or moved); may be repeated.",
    ),
    transcripts: Path | None = given(
        "--transcripts", help="Folder with transcripts, as given to 'prosody analyze'."
    ),
    most: int = typer.Option(
        500, "--most", min=0, help="Calls with sound, those most worth hearing first."
    ),
    form: Path | None = given(
        "--form", help="A team's own form (TOML): its words for the rules, and its own questions."
    ),
    quiet: bool = QUIET,
) -> None:
    """Write a report that opens offline in a browser: which calls to hear first, and why.

    Every call has a page: what was found, to hear and to read. Nothing in it is fetched from
    anywhere. The sound of calls lies beside their pages: keep the folder as you keep the
    recordings.
    """
    from prosody import report as pages
    from prosody.report.form import read as read_form
    from prosody.words import load

    tell_changed(folder)
    live = sys.stderr.isatty() and not quiet

    def watch(done: int, of: int) -> None:
        if live and (done % 10 == 0 or done == of):
            typer.echo(f"\r{done}/{of}", err=True, nl=done == of)

    made = pages.make(
        folder,
        out,
        lang=lang,
        audio=audio,
        recordings=recordings or [],
        transcripts=transcripts,
        most=most,
        form=None if form is None else read_form(form),
        watch=watch,
    )
    if not quiet:
        say = load("report", made.lang)["made"]
        missing = made.silences.get("why_not_found", 0)
        if missing:
            typer.echo(say["not_found"].format(n=missing), err=True)
        sentence = say["one" if made.pages == 1 else "some"]
        typer.echo(
            sentence.format(n=made.pages, sound=made.with_sound, mb=f"{made.size_mb:.0f}"), err=True
        )
    typer.echo(str(made.index))
