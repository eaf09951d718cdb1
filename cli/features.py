"""``prosody features``: the measures themselves, for any speech."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import QUIET, TABLE_OUT, given


@app.command(
    short_help="Measure pitch, loudness, balance and tempo.",
    epilog="Example: prosody features recordings/ --out measures.csv   or, as openSMILE names "
    "them: prosody features take.wav --schema egemaps --out -",
)
def features(
    paths: list[Path] = typer.Argument(..., help="Sound files or folders of them."),
    out: str = TABLE_OUT,
    schema: str = typer.Option(
        "prosody",
        "--schema",
        help="Column names: prosody (with units) or egemaps (the 48 of openSMILE's 88 that "
        "mean the same here; formants, jitter, shimmer and HNR are not measured).",
    ),
    method: str = typer.Option(
        "prosody",
        "--method",
        help="prosody, or librosa: the textbook's computation of pitch, energy and tempo with "
        "librosa, to check against; about fifty times slower, other columns are empty.",
    ),
    frames: bool = typer.Option(
        False, "--frames", help="Instead: pitch, voicing and loudness every 10 ms."
    ),
    windows: Path | None = given(
        "--windows", help="Measure these windows: CSV, Praat TextGrid or Audacity labels."
    ),
    meta_from: str | None = given(
        "--meta-from",
        metavar="REGEX|FORM",
        help="Columns clip and speaker, for 'prosody fit', where file names tell who speaks: "
        "'(?P<agent>[a-z]+)_'; or a form, as analyze has them.",
    ),
    every_s: float | None = given(
        "--every",
        min=0.2,
        max=600.0,
        metavar="SECONDS",
        help="One row per so many seconds (files over 600 s are always cut at 600 s).",
    ),
    quiet: bool = QUIET,
) -> None:
    """Measure pitch, loudness, spectral balance and tempo: one row per file, channel and window.

    Missing values are empty cells. docs/measures.md says what each measure is.
    """
    from prosody.calls.collect import collect
    from prosody.errors import ProsodyError, UsageError
    from prosody.examine import features as extract
    from prosody.results import write as results

    extract.check(schema, method)
    if frames and (schema != "prosody" or method != "prosody" or windows or every_s):
        raise UsageError(
            "--frames gives a row every 10 ms of whole files, in columns of its own.",
            "Leave out --schema, --method, --windows and --every.",
        )
    calls = collect(paths, clips=True, meta_from=meta_from)
    asked = None
    if windows is not None:
        from prosody.calls.windows import read_windows

        asked = {
            key: [(w.start_s, w.end_s) for w in found]
            for key, found in read_windows(windows).items()
        }

    def failed(name: str, error: ProsodyError) -> None:
        typer.echo(f"{name}: {error.code}: {error}", err=True)

    def remark(name: str, text: str) -> None:
        if not quiet:
            typer.echo(f"{name}: {text}", err=True)

    def progress(done: int, total: int) -> None:
        if not quiet and sys.stderr.isatty():
            typer.echo(f"\r\x1b[2K{done}/{total} files", err=True, nl=done == total)

    write = partial(
        extract.write,
        calls,
        schema=schema,
        frames=frames,
        every_s=every_s,
        windows=asked,
        method=method,
        remark=remark,
        failed=failed,
        progress=progress,
    )
    if out == "-":
        wrong = write(out=sys.stdout)
    else:
        with results.atomic(Path(out), mode="w", encoding="utf-8", newline="") as file:
            wrong = write(out=file)
    total = sum(len(c.sources) for c in calls)
    raise typer.Exit(0 if not wrong else 2 if wrong == total else 1)
