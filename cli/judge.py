"""``prosody judge``: a table of measures in, judgements out."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer
from prosody.cli import app


@app.command(epilog="Example: prosody judge measures.csv --out judged.csv")
def judge(
    table: Path = typer.Argument(
        ..., help="CSV with one row per apology; columns named as prosody or openSMILE names them."
    ),
    out: str = typer.Option("-", "--out", "-o", help="CSV to write; - is the terminal."),
    model: Optional[Path] = typer.Option(  # noqa: UP045 -- Typer reads it in its own way
        None,
        "--model",
        help="A judge of your own; the shipped one by default.",
        show_default=False,
    ),
    settings_file: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--settings", help="TOML file with your own thresholds.", show_default=False
    ),
) -> None:
    """Judge a table of measures: its columns come back with ratings and a verdict beside them.

    Columns that the judge needs and the table does not have count as missing and widen the
    intervals; a table with none of them is refused.
    """
    import sys

    from prosody import results
    from prosody import settings as settings_module
    from prosody.judge import Judge
    from prosody.judging import judge_table

    chosen = settings_module.load(settings_file) if settings_file else settings_module.Settings()
    columns, judged = judge_table(table, Judge.load(model), chosen)
    if out == "-":
        results.write_csv(sys.stdout, judged, columns)
    else:
        results.write_csv(Path(out), judged, columns)
        typer.echo(f"{len(judged)} rows in {out}", err=True)
