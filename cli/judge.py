"""``prosody judge``: a table of measures in, judgements out."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import MODEL, SETTINGS, TABLE_OUT, chosen


@app.command(
    short_help="Judge a table of measures.",
    epilog="Example: prosody judge results/apologies.csv --out judged.csv",
)
def judge(
    table: Path = typer.Argument(
        ...,
        help="CSV, .xlsx or Parquet with one row per apology: its differences from the speaker's "
        "other speech and baseline_s, as analyze writes them.",
    ),
    out: str = TABLE_OUT,
    model: Path | None = MODEL,
    settings_file: Path | None = SETTINGS,
) -> None:
    """Judge a table of measures: its columns come back with ratings and a verdict beside them.

    Columns that the judge needs and the table does not have count as missing and widen the
    intervals; a table with none of them is refused.
    """
    import sys

    from prosody.judge.judge import Judge
    from prosody.judge.rows import judge_table
    from prosody.results import write

    columns, texts, blocks = judge_table(table, Judge.load(model), chosen(settings_file))
    count = 0
    with write.csv_blocks(sys.stdout if out == "-" else Path(out), columns, texts) as put:
        for block in blocks:
            put(block)
            count += len(block[0])
    if out != "-":
        typer.echo(f"{count} rows in {out}", err=True)
