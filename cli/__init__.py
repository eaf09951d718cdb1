"""The command line: parses, calls, prints. One command per file.

Nothing heavy loads here: each command imports what it needs when it runs, so that
``prosody --help`` answers at once.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
from itertools import pairwise
from typing import Any

import typer

from prosody import __version__
from prosody.errors import ProsodyError
from prosody.threads import one_thread

app = typer.Typer(
    name="prosody",
    help="How would this apology sound? Finds, measures and judges spoken apologies in calls.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# One file per command; each registers itself on `app` when imported.
COMMANDS = (
    "analyze", "features", "judge", "check", "find", "recognisers", "model", "sample",
    "agreement", "rate", "ratings", "fit", "evaluate", "report", "compare", "review", "coach",
    "merge", "forget", "doctor", "benchmark",
)  # fmt: skip


# What Typer raises where a command line does not fit. Where its class stands changed between
# versions; all of them offer the one below it.
_Misused: Any = typer.BadParameter.__base__


def _version(value: bool) -> None:
    if value:
        typer.echo(f"prosody {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


for _name in COMMANDS:
    if importlib.util.find_spec(f"prosody.cli.{_name}"):
        importlib.import_module(f"prosody.cli.{_name}")


def _lang() -> str:
    """Return the language of ``--lang`` on the command line, whatever else is wrong with it."""
    args = ["en", *sys.argv[1:]]
    after = [b for a, b in pairwise(args) if a == "--lang"]
    joined = [a.partition("=")[2] for a in args if a.startswith("--lang=")]
    return (after + joined + ["en"])[0]


def _run_in(lang: str) -> None:
    """Run the command line with what is wrong with it said in a language."""
    try:
        code = app(standalone_mode=False)
    except (_Misused, typer.Abort) as error:
        from prosody.message import usage

        shown = io.StringIO("")
        if isinstance(error, _Misused):
            error.show(file=shown)
        typer.echo(usage(shown.getvalue() or "Aborted!\n", lang), err=True, nl=False)
        sys.exit(error.exit_code if isinstance(error, _Misused) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _named(args: list[str]) -> list[str]:
    """Return the arguments with the best recogniser named where ``--asr`` stands without a name."""
    return [
        "--asr=best" if one == "--asr" and after.startswith("-") else one
        for one, after in zip(args, [*args[1:], "-"], strict=False)
    ]


def main() -> None:
    """Run the command line; our own errors become one clear line and an exit code."""
    one_thread()  # of what is computed, every piece is small
    sys.argv[1:] = _named(sys.argv[1:])
    try:
        if (lang := _lang()) == "en":
            app()
        else:
            _run_in(lang)
    except ProsodyError as error:
        # What stops a whole request is a matter of how it was asked; a failed recording is a row.
        from prosody.message import failure

        shown = " ".join(failure(error, _lang())).strip()
        typer.echo(f"prosody: {shown}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("prosody: interrupted", err=True)
        sys.exit(130)
