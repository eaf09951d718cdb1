"""``prosody merge``: the parts of a run become one."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app


@app.command(
    short_help="Join the results of shards.",
    epilog="Example: prosody merge part1 part2 part3 --out results",
)
def merge(
    folders: list[Path] = typer.Argument(help="Results of 'prosody analyze --shard', one a part."),
    out: Path = typer.Option(
        Path("prosody-results"), "--out", "-o", help="Folder for the whole; made if missing."
    ),
) -> None:
    """Join the results of shards, or of other runs with the same settings and judge.

    A recording that stands in several parts is taken once; one that was read wins over one that
    failed.
    """
    from prosody.runs import merge as merging

    files, counts = merging.merge(folders, out)
    typer.echo(
        f"{counts['recordings']} recordings, {counts['apologies']} apologies, "
        f"{counts['failed']} failed. Results are in {out}: {', '.join(files)}",
        err=True,
    )
    raise typer.Exit(1 if counts["failed"] else 0)
