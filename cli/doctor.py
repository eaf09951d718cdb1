"""``prosody doctor``: what works on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from prosody.cli import app
from prosody.cli._options import given

SIGNS = {"works": "ok", "missing": "-", "fails": "FAILS", "not_tried": "?"}


@app.command(epilog="Example: prosody doctor   or, for a bug report: prosody doctor --json")
def doctor(
    as_json: bool = typer.Option(False, "--json", help="For machines."),
    model: Path | None = given("--model", help="Try this judge in place of the shipped one."),
) -> None:
    """Try which formats, extras and models work here, and say what to install.

    Writes and reads a tiny file of every format. Ends with 1 when something fails that should work;
    an extra that is not installed is no failure.
    """
    from prosody.doctor import examine

    report = examine(model)
    if as_json:
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _print(report)
    raise typer.Exit(0 if report["ok"] else 1)


def _print(report: dict[str, Any]) -> None:
    for name, version in report["versions"].items():
        typer.echo(f"{name:<18} {version}")
    wanted: list[str] = []
    for part in ("formats", "extras", "models"):
        typer.echo(f"\n{part}")
        for check in report[part]:
            tail = "; ".join(t for t in (check["by"], check["note"]) if t)
            typer.echo(f"  {SIGNS[check['status']]:<6} {check['name']:<24} {tail}")
            if check["remedy"] and check["remedy"] not in wanted:
                wanted.append(check["remedy"])
    typer.echo("")
    typer.echo(
        "Everything that is needed works." if report["ok"] else "Something fails: see FAILS."
    )
    for line in wanted:
        typer.echo(f"To have more: {line}" if report["ok"] else f"Remedy: {line}")
