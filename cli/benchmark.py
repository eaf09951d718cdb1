"""``prosody benchmark``: how fast this machine works."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from prosody.cli import app
from prosody.cli._options import LANG

if TYPE_CHECKING:
    from prosody.runs.benchmark import Report


@app.command(
    short_help="How fast this machine is, and what it can do in a night.",
    epilog="Example: prosody benchmark   or, on your own recordings: prosody benchmark calls/",
)
def benchmark(
    paths: list[Path] = typer.Argument(None, help="Recordings or folders; by default samples."),
    as_json: bool = typer.Option(False, "--json", help="For machines."),
    lang: str = LANG,
) -> None:
    """Time every step from file to judgement, and whole runs with one worker and with all.

    Takes a minute or two. Nothing of the recordings is kept. Beside it stands whatever of librosa,
    openSMILE and Praat is installed, timed in the same minutes on the same speech.
    """
    from prosody.calls.collect import collect
    from prosody.runs import benchmark as engine
    from prosody.words import load

    say = load("benchmark", lang)
    calls = collect(list(paths or [engine.samples()]))
    with _bar(say, quiet=as_json or not sys.stderr.isatty()) as progress:
        report = engine.benchmark(calls, progress=progress)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        _print(report, say)


class _bar:  # noqa: N801 - used as a word: `with _bar(...)`
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, say: dict[str, Any], *, quiet: bool) -> None:
        self.say, self.quiet = say, quiet

    def __enter__(self) -> Any:
        if self.quiet:
            return None
        from rich.console import Console
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True)
        self.bar.start()
        task = self.bar.add_task("")
        steps = self.say["steps"]
        return lambda step, done, total: self.bar.update(
            task, description=steps.get(step, ""), completed=done, total=total
        )

    def __exit__(self, *error: object) -> None:
        if not self.quiet:
            self.bar.stop()


def _print(report: Report, say: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from prosody.runs.benchmark import NIGHT_H

    minutes = f"{report.audio_s / 60:.0f}"
    table = Table(title=say["title"].format(recordings=report.recordings, minutes=minutes))
    table.add_column(say["step"])
    for name in ("speed", "hour", "spread"):
        table.add_column(say[name], justify="right")
    peer = False
    for row in report.rows:
        if row.peer and not peer:
            table.add_section()
            table.add_row(say["others"])
            peer = True
        found = row.timing.against(row.audio_s)
        seconds = found["cpu_s_per_hour"]
        hour = say["seconds"].format(x=f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}")
        if seconds >= 120:
            hour = say["minutes"].format(x=f"{seconds / 60:.0f}")
        spread = say["percent"].format(x=f"{100 * found['spread_share']:.0f}")
        name = row.step if row.peer else say["steps"][row.step]
        table.add_row(name, f"{found['x_real_time']:,.0f}", hour, spread)
    if report.busy:
        typer.echo(say["busy"])
    console = Console(width=100 if not sys.stdout.isatty() else None)
    console.print(table)
    typer.echo(say["one_core"])
    typer.echo("")
    for run in report.throughputs:
        calls = f"{run.in_a_night_h():,.0f}"
        memory = f"{run.peak_worker_mb:.0f}"
        typer.echo(
            say["night"].format(hours=NIGHT_H, calls=calls, workers=run.workers, memory=memory)
        )
    if not report.throughputs:
        typer.echo(say["no_words"])
    if report.missing:
        typer.echo(say["missing"].format(names=", ".join(report.missing)))
