"""``prosody rate``: people listen to apologies and say how they sounded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from prosody.cli import app
from prosody.cli._options import given, tell_changed

if TYPE_CHECKING:
    from prosody.rating.clips import ClipSet
    from prosody.rating.store import Store


@app.command(
    short_help="Collect ratings of listeners in the browser.",
    epilog="Example: prosody rate results --out ratings.csv",
)
def rate(
    clips: Path = typer.Argument(
        metavar="CLIPS|RESULTS",
        help="A folder of sounds, a manifest that names them (CSV with a column 'path'), or the "
        "results of 'prosody analyze', whose apologies are cut out, or a table of "
        "'prosody sample'.",
    ),
    out: Path = typer.Option(
        ...,
        "--out",
        "-o",
        help="The ratings (CSV), as 'prosody fit --ratings' reads them. The database lies beside "
        "it; started again with the same --out, everybody goes on where they were.",
    ),
    only: Path | None = given(
        "--only",
        help="Table of 'prosody sample': only its clips.",
    ),
    padding: float = typer.Option(
        0.5, "--padding", min=0.0, max=10.0, help="Seconds around an apology of a run."
    ),
    anchors: str | None = given(
        "--anchors",
        help="Up to four agreed examples that stay at hand: a folder of sounds, or a CSV with clip "
        "and, where agreed, sincere, engaged (0-100) and label. Without it four clips of the set "
        "are at hand (of twelve or more), and nothing is said about them; 'none' for none.",
    ),
    items: bool = typer.Option(False, "--items", help="Ask four short further questions."),
    pairs: bool = typer.Option(
        False,
        "--pairs",
        help="Ask which of two clips of one agent sounded more sincere, the steadier question; "
        "the same words first. For 'prosody fit --pairs'.",
    ),
    seed: int | None = given(
        "--seed",
        min=0,
        help="Of the sequences; 0 by default.",
    ),
    recordings: list[Path] | None = given(
        "--recordings",
        help="Folder to find recordings in by their content, where they no longer lie under the "
        "name in the results; may be repeated.",
    ),
    meta_from: str | None = given(
        "--meta-from",
        help="Regular expression with a group (?P<agent>...), searched in the names of sounds.",
    ),
    invite: int = typer.Option(
        0, "--invite", "--raters", min=0, max=200, help="Make so many invitations, and print them."
    ),
    days: float = typer.Option(
        14.0, "--days", min=0.01, max=366.0, help="How long an invitation holds."
    ),
    revoke: list[int] | None = given(
        "--revoke",
        help="Take an invitation back, and stop; may be repeated.",
    ),
    port: int | None = given(
        "--port",
        min=0,
        max=65535,
        help="Port; by default the one of last time, else 8737, else a free one.",
    ),
    no_browser: bool = typer.Option(False, "--no-browser", help="Print the link, open nothing."),
    allow_network: bool = typer.Option(
        False, "--allow-network", help="Let other machines in, by invitation."
    ),
    host: str | None = given(
        "--host",
        help="Address to listen on; 127.0.0.1, or with --allow-network all of this machine's.",
    ),
    name: list[str] | None = given(
        "--name",
        help="Name of this machine in links, as in its certificate; may be repeated.",
    ),
    cert: Path | None = given(
        "--cert",
        "--tls-cert",
        help="TLS certificate (PEM).",
    ),
    key: Path | None = given(
        "--key",
        "--tls-key",
        help="Its key (PEM).",
    ),
) -> None:
    """Collect ratings: listeners hear clips and say how sincere and how engaged each sounded.

    Opens in the browser, on this machine only unless --allow-network. Each listener gets an order
    of their own, in blocks of 30, with some clips twice; every answer is on the disk at once.
    Nothing shows what a judge thinks, who speaks, or what a file is called.
    """
    from prosody.errors import UsageError
    from prosody.rating import pair_clips
    from prosody.rating.store import Store, check, database_of
    from prosody.web import serve

    serve.need_studio()
    check(out)
    if name and not allow_network:
        raise UsageError("--name is for the network.", "Add --allow-network.")
    where = serve.where(
        host=host or ("0.0.0.0" if allow_network else "127.0.0.1"), port=port,
        allow_network=allow_network, tls_cert=cert, tls_key=key, names=name or (),
    )  # fmt: skip
    if revoke:
        if not database_of(out).exists():
            raise UsageError(f"{database_of(out)}: no ratings were begun there.", "")
        _revoke(out, revoke)
        return
    tell_changed(clips)
    found = _clips(
        clips, only=only, padding=padding, recordings=recordings, meta_from=meta_from,
        anchors=anchors, seed=seed or 0,
    )  # fmt: skip
    store = Store(out)
    try:
        if pairs:
            found = pair_clips.of(found, seed or int(store.get("seed") or 0))
        chosen = store.begin([c.name for c in found.clips], seed, pairs=pairs)
        _say(found, store, out)
        from prosody.rating.links import Links
        from prosody.rating.page import Rate

        page = Rate(found, store, seed=chosen, items=items, days=days)
        links = Links(page, store, where, invite, days)
        serve.serve([page], links.where(), browser=not no_browser, announce=links.announce)
    finally:
        store.close()


def _revoke(out: Path, numbers: list[int]) -> None:
    from prosody.rating import invitations as invite
    from prosody.rating.store import Store

    store = Store(out)
    try:
        for number in numbers:
            invite.revoke(store, number)
            typer.echo(f"Invitation {number} no longer opens; what was answered stays.")
    finally:
        store.let_go()  # a server may be running: the table is its own


def _clips(
    path: Path,
    *,
    only: Path | None,
    padding: float,
    recordings: list[Path] | None,
    meta_from: str | None,
    anchors: str | None,
    seed: int,
) -> ClipSet:
    from prosody.rating import clips

    live = sys.stderr.isatty()

    def watch(done: int, of: int) -> None:
        if live and (done % 10 == 0 or done == of):
            typer.echo(f"\r{done}/{of} clips", err=True, nl=done == of)

    return clips.gather(
        path,
        only_in=only,
        padding_s=padding,
        recordings=recordings or (),
        meta_from=meta_from,
        anchors=anchors,
        seed=seed,
        watch=watch,
    )


def _say(found: ClipSet, store: Store, out: Path) -> None:
    from prosody.rating.pair_clips import order
    from prosody.rating.sequence import sequence

    agents = [c.agent for c in found.clips]
    heard = len(order(found, 0, 0) if store.pairs else sequence(agents, 0))
    what = f"{len(agents) // 2} pairs" if store.pairs else f"{len(agents)} clips"
    named = len({a for a in agents if a})
    who = f" of {named} agents" if named else ", agents unknown"
    typer.echo(f"{what}{who}; each listener hears {heard}.", err=True)
    for name, why in sorted(found.left_out.items())[:5]:
        typer.echo(f"left out: {name}: {why}", err=True)
    if len(found.left_out) > 5:
        typer.echo(f"left out: {len(found.left_out) - 5} more", err=True)
    raters = store.raters()
    if raters:
        done = sum(store.progress(r.id).answered for r in raters)
        typer.echo(f"Going on: {len(raters)} listeners, {done} answers so far.", err=True)
    typer.echo(f"Ratings: {out}", err=True)
