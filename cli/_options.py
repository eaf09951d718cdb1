"""Options that several commands have, and the one shape most of them share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from prosody.settings import Settings


def given(*names: str, help: str, **more: Any) -> Any:
    """Return an option that is nothing unless it is given."""
    return typer.Option(None, *names, help=help, show_default=False, **more)


LANG = typer.Option("en", "--lang", help="Language of everything you read: nl or en.")
MODEL = given("--model", help="A judge of your own; the shipped one by default.")
QUIET = typer.Option(False, "--quiet", "-q", help="No progress.")
SETTINGS = given("--settings", help="TOML file with your own thresholds, as docs/settings.toml.")
TABLE_OUT = typer.Option("-", "--out", "-o", help="CSV to write; - is the terminal.")

# What a recording is made of and who speaks, for the commands that open calls.
MANIFEST = given(
    "--manifest",
    help="CSV that lists recordings: path, call_id, started_at, channel, "
    "role, agent, team, language, transcript, windows, agent_speaker.",
)
AGENT_CHANNEL = typer.Option(
    "auto", "--agent-channel", help="Where the agent is: auto, left, right, 0, 1 or mono."
)
AGENT_SPEAKER = given(
    "--agent-speaker",
    metavar="NAME",
    help="The agent's name in transcripts, where nothing tells it: SPEAKER_00.",
)
TRANSCRIPT_OFFSET = typer.Option(
    0.0, "--transcript-offset", help="Seconds to add to the times of transcripts."
)
TRANSCRIPT_UNIT = typer.Option(
    "auto", "--transcript-unit", help="What the numbers of transcripts count: auto, s or ms."
)
WINDOWS = given(
    "--windows", help="Where the apologies are: CSV, Praat TextGrid or Audacity labels."
)
TRANSCRIPTS = given("--transcripts", help="Folder with one transcript per recording, same name.")
LANGUAGE = typer.Option("auto", "--language", help="Language spoken: nl, en or auto.")


def chosen(settings_file: Path | None) -> Settings:
    """Return the settings of ``--settings``, or the defaults."""
    from prosody import settings

    return settings.Settings() if settings_file is None else settings.load(settings_file)


def tell_changed(*folders: Path) -> None:
    """Say which results are not as their run wrote them."""
    from prosody.results import write

    for folder in folders:
        for name in write.changed(folder):
            typer.echo(
                f"{folder / name}: changed since the run wrote it (run.json has another hash). "
                "Unless you changed it yourself, start 'prosody analyze' there again: it writes "
                "the results anew from its journal.",
                err=True,
            )
