"""``prosody review``: people say whether they agree with what was found."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import given, tell_changed


@app.command(
    short_help="People say whether they agree with what was found.",
    epilog="Example: prosody review results --calibration 10 --invite 3",
)
def review(
    words: list[Path] = typer.Argument(
        metavar="[agreement] RESULTS [TABLE ...]",
        help="Results of 'prosody analyze'. With 'agreement' before them: how often people agree, "
        "from their reviews.csv and from tables that browsers exported.",
    ),
    form: Path | None = given("--form", help="A team's own form (TOML), as for 'prosody report'."),
    calibration: int | None = given(
        "--calibration",
        min=1,
        max=100,
        help="Begin or go on with a session: so many calls, the same for everybody, answered "
        "without seeing what was found; then everybody sees where they differ.",
    ),
    session: str = typer.Option(
        "calibration", "--session", help="Name of the session, so that there can be another later."
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="Of the calls that a session draws."),
    invite: int = typer.Option(
        0, "--invite", min=0, max=200, help="Make so many invitations, and print them."
    ),
    days: float = typer.Option(
        14.0, "--days", min=0.01, max=366.0, help="How long an invitation holds."
    ),
    lang: str | None = given("--lang", help="Language: nl or en; that of the run by default."),
    recordings: list[Path] | None = given(
        "--recordings", help="As for 'prosody report'; may be repeated."
    ),
    transcripts: Path | None = given("--transcripts", help="As for 'prosody report'."),
    port: int | None = given(
        "--port", min=0, max=65535, help="Port; 8737 by default, else a free one."
    ),
    no_browser: bool = typer.Option(False, "--no-browser", help="Print the link, open nothing."),
    allow_network: bool = typer.Option(
        False, "--allow-network", help="Let other machines in, by invitation."
    ),
    host: str | None = given("--host", help="Address to listen on; 127.0.0.1 by default."),
    cert: Path | None = given("--cert", help="TLS certificate (PEM)."),
    key: Path | None = given("--key", help="Its key (PEM)."),
) -> None:
    """Open the report on a local page where answers go into the results, as RESULTS/reviews.csv.

    What prosody found stays in sight; an answer stands beside it, and an objection of the agent is
    another row. Nothing leaves this machine unless --allow-network.
    """
    from prosody.words import load

    if str(words[0]) == "agreement" and len(words) > 1:
        _agreement(words[1:], lang)
        return
    folder = words[0]
    from prosody.report import results_of
    from prosody.review.serve import Asked, run
    from prosody.web import serve

    serve.need_studio()
    tell_changed(folder)
    lang = lang or str(results_of(folder).command.get("lang") or "en")
    say = load("review", lang)["serve"]
    where = serve.where(
        host=host or ("0.0.0.0" if allow_network else "127.0.0.1"), port=port,
        allow_network=allow_network, tls_cert=cert, tls_key=key,
    )  # fmt: skip
    live = sys.stderr.isatty()

    def watch(done: int, of: int) -> None:
        if live and (done % 10 == 0 or done == of):
            typer.echo(f"\r{done}/{of}", err=True, nl=done == of)

    asked = Asked(folder, lang, form, calibration, session, seed, recordings or (), transcripts)
    run(asked, where, say, invite=invite, days=days, browser=not no_browser, watch=watch)


def _agreement(words: list[Path], lang: str | None) -> None:
    """Print how often people agree with each rule and find."""
    from prosody.report.page import texts
    from prosody.review import answers
    from prosody.review.agreement import measure
    from prosody.words import load

    found: list[answers.Answer] = []
    for path in words:
        table = path / answers.TABLE if path.is_dir() else path
        if path.is_dir() and not table.exists():
            continue
        found += answers.read(table)
    lang = lang or _language(words[0])
    say, rules = load("review", lang)["agreement"], texts(lang)["rules"]
    rows = measure(found)
    if not rows:
        typer.echo(say["none"].format(folder=words[0]))
        return
    decimal = texts(lang)["page"]["decimal"]

    def shown(value: tuple[float, float, float]) -> str:
        if not math.isfinite(value[0]):
            return "-"
        shown = f"{value[0]:.2f}"
        if math.isfinite(value[1]):
            shown += f" ({value[1]:.2f}-{value[2]:.2f})"
        return shown.replace(".", decimal)

    head = [say[k] for k in ("rule", "calls", "answers", "cannot_tell", "precision", "recall",
                             "kappa", "needed")]  # fmt: skip
    lines = [
        [
            say.get(f"what_{r.what}") or rules.get(r.what, {}).get("name", r.what),
            str(r.calls), str(r.answers), str(r.cannot_tell),
            shown(r.precision), shown(r.recall), shown(r.kappa), str(r.needed),
        ]
        for r in rows
    ]  # fmt: skip
    wide = [max(len(row[i]) for row in (head, *lines)) for i in range(len(head))]
    typer.echo(say["title"])
    for row in (head, *lines):
        cells = (c.ljust(w) if i == 0 else c.rjust(w)
                 for i, (c, w) in enumerate(zip(row, wide, strict=True)))  # fmt: skip
        typer.echo("  ".join(cells).rstrip())
    typer.echo(say["recall_text"])
    typer.echo(say["needed_text"])


def _language(path: Path) -> str:
    from prosody.errors import UsageError
    from prosody.report import results_of

    try:
        return str(results_of(path).command.get("lang") or "en")
    except UsageError:
        return "en"
