"""``prosody compare``: two runs side by side."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import given, tell_changed


@app.command(
    short_help="Two runs side by side.",
    epilog="Example: prosody compare results-october results-november",
)
def compare(
    first: Path = typer.Argument(metavar="DIR1", help="Results of 'prosody analyze'."),
    second: Path = typer.Argument(metavar="DIR2", help="Others to compare them with."),
    out: Path | None = given("--out", "-o", help="Folder for the page; DIR2/compare by default."),
    lang: str | None = given(
        "--lang", help="Language of the page: nl or en; that of the second run by default."
    ),
) -> None:
    """Compare two runs: this month and last, two judges, two settings.

    Shares come with the range of their difference; apologies in both runs are compared one by one.
    """
    from prosody.report.compare import compare as write

    tell_changed(first, second)
    typer.echo(str(write(first, second, out, lang=lang)))
