"""``prosody report``: the results of a run as pages to open in a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import typer
from prosody.cli import app


@app.command(epilog="Example: prosody report results --lang nl")
def report(
    folder: Path = typer.Argument(metavar="DIR", help="Results of 'prosody analyze'."),
    out: Optional[Path] = typer.Option(  # noqa: UP045 -- Typer reads it in its own way
        None,
        "--out",
        "-o",
        help="Folder for the pages; DIR/report by default.",
        show_default=False,
    ),
    lang: Optional[str] = typer.Option(  # noqa: UP045
        None,
        "--lang",
        help="Language of the pages: nl or en; that of the run by default.",
        show_default=False,
    ),
    audio: Optional[bool] = typer.Option(  # noqa: UP045
        None,
        "--audio/--no-audio",
        help="Put the sound of each apology in; by default yes, unless the run was --redact.",
        show_default=False,
    ),
    recordings: Optional[list[Path]] = typer.Option(  # noqa: UP045
        None,
        "--recordings",
        help="Folder to find recordings in by their content, where they no longer lie under the "
        "name in the results (pseudonyms, or moved); may be repeated.",
        show_default=False,
    ),
    transcripts: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--transcripts",
        help="Folder with transcripts, as given to 'prosody analyze'.",
        show_default=False,
    ),
    most: int = typer.Option(
        1000, "--most", min=0, help="Apologies with sound, those most worth hearing first."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress."),
) -> None:
    """Write a report that opens offline in a browser: overview, and a page per apology to hear.

    Nothing in it is fetched from anywhere. The sound of each apology, with ten seconds around it,
    is put beside its page: keep the folder as you keep the recordings.
    """
    from prosody import report as pages

    live = sys.stderr.isatty() and not quiet

    def watch(done: int, of: int) -> None:
        if live and (done % 10 == 0 or done == of):
            typer.echo(f"\r{done}/{of} apologies", err=True, nl=done == of)

    made = pages.make(
        folder,
        out,
        lang=lang,
        audio=audio,
        recordings=recordings or [],
        transcripts=transcripts,
        most=most,
        watch=watch,
    )
    if not quiet:
        missing = made.silences.get("why_not_found", 0)
        if missing:
            typer.echo(
                f"{missing} apologies have no sound: their recordings are not where the results "
                "say. --recordings FOLDER finds them by content.",
                err=True,
            )
        typer.echo(
            f"{made.pages} apologies, {made.with_sound} with sound. Open it in a browser:", err=True
        )
    typer.echo(str(made.index))
