"""``prosody model``: the card of a judge, and the measures that it needs."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app


@app.command(short_help="The card of a judge.", epilog="Example: prosody model judge.onnx")
def model(
    file: Path | None = typer.Argument(None, help="A judge (.onnx); the shipped one by default."),
    as_json: bool = typer.Option(False, "--json", help="Everything it says about itself, as JSON."),
    needs: bool = typer.Option(
        False, "--needs", help="Only the columns that it needs, one a line."
    ),
) -> None:
    """Show the card of a judge: what it was fitted on, how well it does, what it needs.

    A file that was made for other measures, is over 5 MB, uses operators that a judge does not need
    or reaches outside itself is refused.
    """
    import json

    from prosody.fit.card import text
    from prosody.fit.card_page import markdown
    from prosody.judge.judge import Judge, default_model

    judge = Judge.load(file)
    if as_json:
        typer.echo(json.dumps({"file": str(judge.path), **judge.card}, indent=2, sort_keys=True))
    elif needs:
        typer.echo("\n".join(judge.inputs))
    else:
        beside = judge.path.with_name("MODEL_CARD.md")
        shipped = judge.path == default_model() and beside.is_file()
        card = beside.read_text(encoding="utf-8").rstrip() if shipped else markdown(judge)
        typer.echo(f"{card}\n\n{text(judge)}")
