"""``prosody doctor``: what works on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from prosody.cli import app
from prosody.cli._options import LANG, given

from prosody.errors import install_line

SIGNS = {"works": "ok", "missing": "-", "not_tried": "?"}


@app.command(
    short_help="What works on this machine, and what to install.",
    epilog="Example: prosody doctor   or, for a bug report: prosody doctor --json",
)
def doctor(
    as_json: bool = typer.Option(False, "--json", help="For machines."),
    model: Path | None = given("--model", help="Try this judge in place of the shipped one."),
    lang: str = LANG,
) -> None:
    """Try which formats, extras and models work here, and say what to install.

    Writes and reads a tiny file of every format. Ends with 1 when something fails that should work;
    an extra that is not installed is no failure.
    """
    from prosody.doctor import report as made
    from prosody.words import load

    say = load("screen", lang)["doctor"]  # an unknown language stops here
    report = made(model)
    if as_json:
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _print(report, say)
    raise typer.Exit(0 if report["ok"] else 1)


def _print(report: dict[str, Any], say: dict[str, Any]) -> None:
    for name, version in report["versions"].items():
        typer.echo(f"{name:<18} {version}")
    signs = {**SIGNS, "fails": say["fails"]}
    for part in ("formats", "extras", "models"):
        typer.echo(f"\n{say[part]}")
        for check in report[part]:
            # What an extra is for is a note of ours; any other note is a finding, told as it is.
            note = check["note"]
            if part == "extras" and check["status"] != "fails":
                note = say["purpose"][check["name"]]
            tail = "; ".join(t for t in (check["by"], note) if t)
            typer.echo(f"  {signs[check['status']]:<6} {check['name']:<24} {tail}")
    typer.echo("")
    typer.echo(say["fine" if report["ok"] else "wrong"])
    checks = [check for part in ("formats", "extras", "models") for check in report[part]]
    for line in dict.fromkeys(c["remedy"] for c in checks if c["status"] == "fails"):
        typer.echo(say["remedy"].format(line=line))
    if any(check["status"] == "missing" for check in report["extras"]):
        typer.echo(say["more"].format(line=install_line("NAME")))
