"""``prosody forget``: one call or one agent leaves the results."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app


@app.command(
    short_help="Take a call or an agent out of all results.",
    epilog="Example: prosody forget call-0042 --out results",
)
def forget(
    who: str = typer.Argument(
        metavar="CALL|AGENT",
        help="A call (its id, or the recording as the results name it), or an agent (name or "
        "pseudonym).",
    ),
    out: Path = typer.Option(Path("prosody-results"), "--out", "-o", help="Folder of the results."),
) -> None:
    """Remove one call, or all calls of one agent, from every result in a folder.

    The recordings themselves stay where they are: remove them too, or the next run finds them
    again. Reports made from the results are removed; make them anew with 'prosody report'.
    """
    from prosody.review.answers import forget as forget_answers
    from prosody.runs import merge

    names = merge.forget(who, out)
    forget_answers(out, names)
    for name in names:
        typer.echo(name)
    typer.echo(
        f"{len(names)} recording{'' if len(names) == 1 else 's'} forgotten in {out}. The files "
        "themselves are still there, and copies of the results elsewhere are, too.",
        err=True,
    )
