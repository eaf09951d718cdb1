"""``prosody coach``: practise an apology in the browser."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import given


@app.command(
    short_help="Practise apologies in the browser.",
    epilog="Example: prosody coach   or: prosody coach --keep my-takes --lang nl",
)
def coach(
    port: int | None = given(
        "--port",
        min=0,
        max=65535,
        help="Port to listen on; 8737 by default, or a free one where that is taken.",
    ),
    browser: bool = typer.Option(
        True, "--browser/--no-browser", help="Open the page in the default browser."
    ),
    lang: str | None = given(
        "--lang",
        help="Language of the page to begin with: nl or en; the browser's by default.",
    ),
    keep: Path | None = given(
        "--keep",
        metavar="FOLDER",
        help="Folder for the takes that a visitor chooses to keep; without it her browser asks.",
    ),
    situations: Path | None = given(
        "--situations",
        metavar="FOLDER",
        help="Folder with situations of your own, one TOML file each, and examples to imitate.",
    ),
    asr: str | None = given(
        "--asr",
        metavar="[NAME|DIR]",
        help="Write what was said under the pitch line, by the model of this name (prosody "
        "recognisers), in this folder, or the best that is here; else the sentence stands there.",
    ),
    model: Path | None = given(
        "--model",
        help="Use this judge in place of the shipped one.",
    ),
    settings: Path | None = given(
        "--settings",
        help="TOML file with thresholds.",
    ),
    workers: int | None = given(
        "--workers",
        min=1,
        max=64,
        help="Processes that listen; by default one for each processor, at most four.",
    ),
    host: str = typer.Option(
        "127.0.0.1", "--host", help="Address to listen on; by default only this machine."
    ),
    allow_network: bool = typer.Option(
        False, "--allow-network", help="Let other machines in, with --host; add the TLS files."
    ),
    tls_cert: Path | None = given(
        "--cert",
        "--tls-cert",
        metavar="FILE",
        help="TLS certificate (PEM).",
    ),
    tls_key: Path | None = given(
        "--key",
        "--tls-key",
        metavar="FILE",
        help="Its key (PEM).",
    ),
    name: list[str] | None = given(
        "--name",
        help="Name under which others open it, as in the certificate; may be repeated.",
    ),
) -> None:
    """Practise apologies in the browser: record, see pitch and loudness, hear what to try next.

    Everything stays on this machine and in memory, and is wiped at the end; what you keep, you keep
    in a folder you name. Stop with Ctrl-C.
    """
    from prosody.web import serve

    serve.need_studio()
    where = serve.where(
        host=host, port=port, allow_network=allow_network,
        tls_cert=tls_cert, tls_key=tls_key, names=name or (),
    )  # fmt: skip
    from prosody.cli.analyze import model_folder

    from prosody import settings as thresholds
    from prosody import words
    from prosody.coach.page import Coach

    if lang is not None:
        words.load("coach", lang)
    chosen = thresholds.load(settings) if settings is not None else None
    page = Coach(
        model=model, settings=chosen, keep_in=keep, lang=lang, workers=workers, own=situations,
        recogniser=model_folder(asr, lang or "auto") if asr else None,
    )  # fmt: skip
    say = words.load("studio", lang or "en")["started"]
    typer.echo(say["warming"], err=True)
    if where.open_to_others and not where.tls:
        typer.echo(say["no_tls"], err=True)

    def announce(link: str) -> None:
        typer.echo(say["coach_network" if where.open_to_others else "coach"], err=True)
        for one in serve.reachable(link, where):
            typer.echo(one)
        typer.echo(say["stop"], err=True)

    serve.serve([page], where, browser=browser, announce=announce)
    typer.echo(say["wiped"], err=True)
