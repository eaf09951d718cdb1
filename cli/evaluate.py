"""``prosody evaluate``: how well a judge does on rated clips."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import typer
from prosody.cli import app


@app.command(
    short_help="Check a judge against rated clips.",
    epilog="Example: prosody evaluate rated.csv --axis sincere --json",
)
def evaluate(
    table: Path = typer.Argument(..., help="CSV: clip, speaker, rating, and measures."),
    model: Path | None = typer.Option(None, "--model", help="A judge; the shipped one by default."),
    axis: str = typer.Option("sincere", "--axis", help="sincere or engaged."),
    ratings: Path | None = typer.Option(
        None, "--ratings", help="Ratings of single listeners, long form: clip, rater, axis, rating."
    ),
    group: str | None = typer.Option(
        None, "--group", help="Column that says who speaks, for example agent."
    ),
    sentence: str | None = typer.Option(None, "--sentence", help="Column that says which wording."),
    rating: str | None = typer.Option(
        None, "--rating", help="Column with the mean rating, for example cijfer."
    ),
    sets: list[Path] = typer.Option(
        [], "--set", help="A set that another team exported; again for more."
    ),
    variants: int = typer.Option(
        0,
        "--variants",
        min=0,
        help="How many judges or recipes were compared on these clips; by default as many as "
        "TABLE.looks names, which this command keeps.",
    ),
    cv: bool = typer.Option(
        False, "--cv", help="Refit the recipe to this table, leaving speakers out, and check that."
    ),
    in_sample: bool = typer.Option(
        False, "--in-sample", help="Also with speakers that the judge was fitted on."
    ),
    as_json: bool = typer.Option(False, "--json", help="All figures as JSON."),
    plots: Path | None = typer.Option(
        None, "--plots", help="Folder for plots: reliability and risk-coverage (SVG)."
    ),
    bootstraps: int = typer.Option(1000, "--bootstraps", min=20, help="Resamples of speakers."),
) -> None:
    """Check a judge against a rated table.

    The table has the columns clip, speaker, rating, and where known sentence, gender, language,
    site; measures under our names or openSMILE's eGeMAPS names. Differences from the speaker's
    other speech are computed from her other clips where the table has none. Rows of speakers that
    the judge was fitted on are refused: they would flatter it.
    """
    import json

    from prosody.errors import UsageError
    from prosody.fit import evaluate as check
    from prosody.results.records import AXES, plain

    if axis not in AXES:
        raise UsageError(f"--axis {axis!r}, expected sincere or engaged.", "")
    found = check.evaluate(
        table,
        axis,
        model=model,
        ratings=ratings,
        cv=cv,
        in_sample=in_sample,
        bootstraps=bootstraps,
        group=group,
        sentence=sentence,
        rating=rating,
        sets=sets,
        variants=variants or _looks(table, "recipe" if cv else str(model or "shipped")),
    )
    if plots is not None:
        from prosody.fit.calibration import reliability_svg
        from prosody.fit.metrics import risk_coverage_svg

        curves = {"cross-validated" if cv else "judge": found["risk_coverage"]}
        drawn = {
            "risk_coverage": risk_coverage_svg(curves, f"{axis}: right side, the surest first"),
            "reliability": reliability_svg(found["calibration"], f"{axis}: do probabilities hold"),
        }
        plots.mkdir(parents=True, exist_ok=True)
        for name, svg in drawn.items():
            (plots / f"{name}_{axis}.svg").write_text(svg, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
    else:
        typer.echo(_text(found))


def _looks(table: Path, judge: str) -> int:
    """Return how many judges were looked at on a table, this one included, and note it.

    Choosing the best of many on the same speakers flatters: that is how judge 0.1.0 was found.
    """
    beside = table.with_name(f"{table.name}.looks")
    mark = hashlib.sha256(Path(judge).read_bytes()).hexdigest() if Path(judge).is_file() else judge
    known = beside.read_text(encoding="utf-8").split() if beside.is_file() else []
    if mark not in known:
        known.append(mark)
        with contextlib.suppress(OSError):  # a folder that cannot be written to keeps no count
            beside.write_text("\n".join(known) + "\n", encoding="utf-8")
    return len(known)


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"axis {found['axis']}: {found['n']} clips of {found['speakers']} speakers",
        found["judge"],
        "",
        f"{'figure':<28} {'value':>8}   95 % interval (speakers resampled)",
    ]
    for key in ("spearman", "spearman_within_sentence", "uar", "uar_half", "coverage_80", "rmse"):
        ends = found["intervals"].get(key)
        between = f"{_number(ends[0])} to {_number(ends[1])}" if ends else "-"
        lines.append(f"{key:<28} {_number(found[key]):>8}   {between}")
    lines += ["", "every speaker counted alike"]
    lines += [f"{k:<28} {_number(v):>8}" for k, v in found["speaker_macro"].items()]
    for name, values in found["groups"].items():
        lines += [
            "",
            f"{name:<20} {'n':>5} {'speakers':>8} {'spearman':>8} {'rmse':>7} "
            f"{'covers':>7} {'mean error':>10}",
        ]
        lines += [
            f"  {value:<18} {g['n']:>5} {g['speakers']:>8} {_number(g['spearman']):>8} "
            f"{_number(g['rmse']):>7} {_number(g['coverage_80']):>7} {_number(g['mean_error']):>10}"
            for value, g in values.items()
        ]
    if found["calibration"]:
        lines += ["", f"{'given to that side':<20} {'n':>5} {'on average':>10} {'lay there':>10}"]
        lines += [
            f"  {c['low']:.0%} to {c['high']:.0%}".ljust(20)
            + f" {c['n']:>5} {c['p']:>10.2f} {c['share']:>10.2f}"
            for c in found["calibration"]
        ]
    if found["reliability"]:
        r = found["reliability"]
        lines += [
            "",
            f"reliability of the mean {_number(r['icc_mean'])} ({r['raters']} raters, "
            f"{r['raters_per_clip']} a clip), Krippendorff's alpha "
            f"{_number(r['krippendorff_alpha'])}",
        ]
    lines += ["", *found["remarks"]] if found["remarks"] else []
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
