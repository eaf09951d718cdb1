"""``prosody recognisers``: which models can recognise words, and fetching one by its name."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from prosody.cli import app
from prosody.cli._options import LANG, QUIET, given

if TYPE_CHECKING:
    from prosody.transcripts.recognisers import Card

# Without a terminal a line now and then is enough.
LINE_EVERY_S = 10.0

recognisers = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(
    recognisers,
    name="recognisers",
    short_help="Models that turn recordings into words; fetch one by name.",
    epilog="Example: prosody recognisers   or: prosody recognisers get parakeet",
)


@recognisers.callback()
def listing(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="For machines."),
    lang: str = LANG,
) -> None:
    """List the models that can recognise the words of recordings.

    The share of wrong words is as published, on telephone or other unread speech. Nothing is
    fetched unless you ask for it by name: prosody recognisers get NAME.
    """
    if context.invoked_subcommand:
        return
    from prosody.transcripts import recognisers as known
    from prosody.words import decimal_mark, load

    cards = known.catalogue().values()
    if as_json:
        rows = [
            {**asdict(card), "bytes": card.bytes, "installed": card.installed,
             "folder": str(known.where(card) or "")}
            for card in cards
        ]  # fmt: skip
        typer.echo(json.dumps(rows, indent=2))
        return
    say = load("screen", lang)["recognisers"]
    for card in cards:
        knows = say["knows"].format(n=card.languages)
        typer.echo(f"{card.name}  ({decimal_mark(card.size, lang)}, {card.licence}, {knows})")
        for found in card.words:
            share = decimal_mark(f"{100 * found.wrong_share:.3g} %", lang)
            typer.echo(
                "  "
                + say["wrong"].format(
                    language=say[found.language],
                    share=say["more"].format(share=share) if found.more else share,
                    speech=say["speech"][found.speech],
                    corpus=found.corpus,
                    source=found.source,
                )
            )
        missing = [say[c] for c in ("nl", "en") if c not in card.evidence]
        if missing:
            typer.echo("  " + say["not_for"].format(languages=", ".join(missing)))
        typer.echo("  " + _here(card, say))
        typer.echo("")
    typer.echo(say["dutch"])
    typer.echo(say["how"].format(home=known.home()))


def _here(card: Card, say: dict[str, Any]) -> str:
    from prosody.transcripts import recognisers as known

    folder = known.where(card)
    if folder is None:
        return str(say["absent"].format(name=card.name))
    if not card.installed:
        return str(say["unread"].format(folder=folder, line=card.install))
    return str(say["here"].format(folder=folder))


@recognisers.command(
    "get",
    short_help="Fetch a model by its name.",
    epilog="Example: prosody recognisers get parakeet",
)
def get(
    name: str = typer.Argument(help="Its name, or enough of it."),
    to: Path | None = given("--to", help="Folder for the files; a place of its own by default."),
    quiet: bool = QUIET,
    lang: str = LANG,
) -> None:
    """Fetch a model, check every file, and say where it lies.

    Stopped, the same command goes on where it was. The only thing that is sent is the request for
    the files.
    """
    from prosody.transcripts import recognisers as known

    fetch(known.find(name), to, quiet=quiet, lang=lang)


def fetch(card: Card, to: Path | None = None, *, quiet: bool = False, lang: str = "en") -> Path:
    """Fetch a model with a bar, and tell its files, hashes and place."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from prosody.transcripts import recognisers as known
    from prosody.words import load

    say = load("screen", lang)["recognisers"]
    folder = to or known.home() / card.name
    typer.echo(say["fetching"].format(name=card.name, size=card.size, repository=card.repository,
                                      folder=folder), err=True)  # fmt: skip
    live = sys.stderr.isatty() and not quiet
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), console=Console(stderr=True), disable=not live,
    ) as bar:  # fmt: skip
        tasks: dict[str, Any] = {}
        last_s = [time.monotonic()]

        def show(file: str, have: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(file, total=total)
            bar.update(tasks[file], completed=have)
            if not (live or quiet) and time.monotonic() - last_s[0] > LINE_EVERY_S:
                last_s[0] = time.monotonic()
                typer.echo(f"  {file}: {100 * have // total} %", err=True)

        known.get(card, folder, progress=show)
    for file in card.files:
        typer.echo(f"  {file.name:<30} {file.bytes:>13,}  sha256 {file.sha256}", err=True)
    typer.echo(say["fetched"].format(name=card.name, folder=folder), err=True)
    if not card.installed:
        typer.echo(say["install"].format(line=card.install), err=True)
    return folder
