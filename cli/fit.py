"""``prosody fit``: a judge from a team's own ratings."""

from __future__ import annotations

from pathlib import Path

import typer
from prosody.cli import app


@app.command(
    short_help="Fit a judge to ratings of your own.",
    epilog="Example: prosody fit measures.csv --ratings ratings.csv --out judge.onnx",
)
def fit(
    table: Path | None = typer.Argument(
        None,
        help="CSV, .xlsx or Parquet of rated clips: clip, speaker, rating, and measures or "
        "recordings with windows. Not needed with --centre-on.",
    ),
    out: Path = typer.Option(..., "--out", help="The judge to write (.onnx), its card beside it."),
    axis: str = typer.Option("sincere", "--axis", help="sincere, engaged or both."),
    ratings: Path | None = typer.Option(
        None,
        "--ratings",
        help="Ratings of single listeners: clip, rater, axis, rating (0-100), is_repeat, "
        "cannot_hear, remark.",
    ),
    group: str | None = typer.Option(
        None, "--group", help="Column that says who speaks, for example agent."
    ),
    sentence: str | None = typer.Option(None, "--sentence", help="Column that says which wording."),
    rating: str | None = typer.Option(
        None, "--rating", help="Column with the mean rating, for example cijfer."
    ),
    pairs: Path | None = typer.Option(
        None,
        "--pairs",
        help="Comparisons of two clips of one person, beside or instead of ratings: clip_a, "
        "clip_b, rater, chosen (a or b).",
    ),
    sets: list[Path] = typer.Option(
        [],
        "--set",
        help="A set that another team exported ('prosody ratings export'); again for more.",
    ),
    from_model: Path | None = typer.Option(
        None,
        "--from-model",
        help="Start from this judge: level and slope from 30 clips of 5 speakers, weights from the "
        "full minimum.",
    ),
    centre_on: Path | None = typer.Option(
        None,
        "--centre-on",
        help="Results of an analyzed folder: centre a judge on its unrated apologies (at least "
        "50 of 10 agents).",
    ),
    name: str = typer.Option("judge", "--name", help="Name on the card."),
    anyway: bool = typer.Option(
        False, "--anyway", help="Write also a judge that is no better than chance."
    ),
) -> None:
    """Fit a judge to ratings of your own, adapt one, or centre one on your own calls.

    Needs at least 100 clips of 15 speakers and, where single ratings are given, a reliability of
    the mean of .6. Below that nothing is fitted, and it is said what is missing.
    """
    import importlib.util

    from prosody.cli._sheet import printable

    from prosody.errors import MissingExtraError, UsageError, install_line
    from prosody.fit import make
    from prosody.results.records import AXES

    if importlib.util.find_spec("onnx") is None:  # said before minutes of fitting
        raise MissingExtraError(
            "Writing a judge needs the package onnx, which is not installed.",
            f"Install it with: {install_line('fit')}",
        )
    if axis not in (*AXES, "both"):
        raise UsageError(f"--axis {axis!r}, expected sincere, engaged or both.", "")
    if out.suffix != ".onnx":
        raise UsageError(f"--out {out}: expected a name that ends in .onnx.", "")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}.", "Make it first.")
    if (table is None) == (centre_on is None):
        raise UsageError(
            "Give a TABLE of ratings, or --centre-on RESULTS, one of the two.",
            "Example: prosody fit measures.csv --ratings ratings.csv --out judge.onnx",
        )
    if centre_on is not None:
        made = make.centre(centre_on, from_model, name)
    else:
        assert table is not None
        axes = AXES if axis == "both" else (axis,)
        made = make.fit(
            table,
            axes,
            ratings=ratings,
            group=group,
            sentence=sentence,
            rating=rating,
            pairs=pairs,
            sets=sets,
            start=from_model,
            name=name,
            anyway=anyway,
        )
    written = make.save(made, out)
    for note in made.notes:
        typer.echo(note)
    for remark in made.remarks:
        typer.echo(printable(remark))
    for axis_name, info in made.metadata["axes"].items() if centre_on is None else ():
        found = info["training"].get("reliability") or {}
        agreed = found.get("agreement") or {}
        if isinstance(agreed.get("icc2_1"), float):
            typer.echo(
                f"{axis_name}: reliability of the mean {found['icc_mean']:.2f} (raters "
                f"standardised, as it is counted here); on their own scales ICC(2,1) "
                f"{agreed['icc2_1']:.2f}, ICC(2,k) {agreed['icc2_k']:.2f} of "
                f"{agreed['ratings_per_clip']:.1f} ratings a clip ('prosody agreement' says more)"
            )
        figures = {k: v for k, v in info.get("figures", {}).items() if isinstance(v, float)}
        if figures:
            shown = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
            typer.echo(f"{axis_name}: {shown}")
    typer.echo(f"wrote {', '.join(str(p) for p in written)}")
