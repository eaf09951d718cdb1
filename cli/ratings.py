"""``prosody ratings``: a rated set that may leave a house."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app

group = typer.Typer(
    help="What may be shared of ratings.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(group, name="ratings", short_help="Export ratings without sound, words and names.")


@group.command(
    short_help="Write a rated set without sound, words and names.",
    epilog="Example: prosody ratings export measures.csv --ratings ratings.csv --out set "
    "--licence CC-BY-4.0",
)
def export(
    table: Path = typer.Argument(..., help="Clips with measures: CSV, .xlsx or Parquet."),
    ratings: Path = typer.Option(..., "--ratings", help="Ratings of single listeners."),
    out: Path = typer.Option(..., "--out", help="Folder of the set."),
    licence: str = typer.Option(..., "--licence", help="CC0-1.0, CC-BY-4.0 or CC-BY-NC-4.0."),
    speaker: str | None = typer.Option(None, "--group", help="Column that says who speaks."),
) -> None:
    """Write measures and single ratings, so that other teams can learn from them.

    No sound, no words, no names, no times: clips, speakers and raters get names made with a key
    that is thrown away. Every stated value (gender, language, site) and every combination has at
    least five speakers; rarer ones are coarsened or left out, and that is said.
    """
    from prosody.cli._sheet import printable

    from prosody.rating.share import FILES
    from prosody.rating.share import export as write

    made = write(table, ratings, out, licence=licence, names={"speaker": speaker})
    for note in made.notes:
        typer.echo(printable(note))
    typer.echo(
        f"{made.clips} clips of {made.speakers} speakers, {made.raters} raters: "
        f"{', '.join(str(out / name) for name in FILES)}. Read the data sheet and fill it in."
    )
