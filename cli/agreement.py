"""``prosody agreement``: how well raters agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from prosody.cli import app
from prosody.cli._options import given


@app.command(
    short_help="How well raters agree with each other and themselves.",
    epilog="Example: prosody agreement ratings.csv --page agreement",
)
def agreement(
    ratings: Path = typer.Argument(
        metavar="RATINGS.csv",
        help="Ratings of single listeners: clip, rater, axis, rating (0-100), is_repeat, "
        "cannot_hear, remark. Or comparisons of 'rate --pairs'.",
    ),
    axis: str = typer.Option("both", "--axis", help="sincere, engaged or both."),
    clips: Path | None = given(
        "--clips",
        help="Table of 'prosody sample' that the clips come from: says how often apologies of the "
        "whole run sound put on or recited, by its weights. For comparisons: twins.csv, which "
        "tells how often each change was chosen.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print all figures as JSON."),
    page: Path | None = given(
        "--out",
        "--page",
        "-o",
        help="Folder for a page with plots, to open in a browser; nothing is fetched.",
    ),
    lang: str = typer.Option("en", "--lang", help="nl or en."),
) -> None:
    """Say how well raters agree with each other and with themselves, and what more would help.

    Intraclass correlations ICC(2,1) and ICC(2,k), Krippendorff's alpha, each rater beside the
    others and their own repeats, clips that are heard differently, and how many ratings a clip
    make the mean reliable. It says nothing about anybody's ear: low agreement can be the clips.
    """
    from prosody.errors import UsageError
    from prosody.rating import agreement as agreed
    from prosody.rating import agreement_page as pages
    from prosody.rating import paired
    from prosody.rating.agreement_words import Words
    from prosody.results.records import AXES

    if axis not in (*AXES, "both"):
        raise UsageError(f"--axis {axis!r}, expected sincere, engaged or both.", "")
    words = Words(lang)
    if paired.is_comparisons(ratings):
        summary = paired.summary(ratings, clips)
        if as_json:
            typer.echo(json.dumps(agreed.plain(summary), ensure_ascii=False, indent=2))
        else:
            _show_pairs(summary, words.say["pairs"], lang)
        return
    found = agreed.agreement(ratings, axis, clips)
    for one in found["axes"].values():
        one["remarks_text"] = words.remarks(one)
    if as_json:
        typer.echo(json.dumps(agreed.plain(found), ensure_ascii=False, indent=2))
    else:
        for name, one in found["axes"].items():
            _show(name, one, words)
        typer.echo(words.say["say"]["no_judgement"])
    if page is not None:
        written = pages.write(found, page, lang)
        typer.echo(words.say["say"]["page"].format(path=written), err=as_json)


def _show_pairs(found: dict[str, Any], say: dict[str, str], lang: str) -> None:
    from prosody.cli._sheet import sheet

    from prosody.report.page import figure

    def row(name: str, one: dict[str, float]) -> list[str]:
        share, low, high = (figure(100 * one[k], 0, lang) for k in ("share", "low", "high"))
        return [name, f"{share} %", f"{low} \N{EN DASH} {high} %", str(int(one["n"]))]

    cannot = figure(100 * found["cannot_say_share"], 0, lang)
    lead = say["lead"].format(n=found["comparisons"], raters=found["raters"], cannot=cannot)
    typer.echo(lead)
    heads = [say[k] for k in ("what", "share", "interval", "n")]
    rows = [row(say[k], found[k]) for k in ("first", "same_again") if found[k]["n"]]
    rows += [row(one["change"], one) for one in found["changes"]]
    sheet(None, heads, rows)
    typer.echo(say["changes" if found["changes"] else "next"])


def _show(name: str, axis: dict[str, Any], words: Any) -> None:
    from prosody.cli._sheet import printable, sheet

    say, table = words.say["say"], words.say["table"]
    typer.echo(f"{words.say['axis'][name]}. {words.lead(axis)}")
    typer.echo(words.grade(axis))
    for line in words.remarks(axis):
        typer.echo(f"- {printable(line)}")
    heads = [table[n] for n in ("figure", "value", "interval", "meaning")]
    sheet(None, heads, words.figures(axis), texts=(0, 3))
    for line in words.base_rate(name, axis):
        typer.echo(line)
    if words.variance(axis):
        typer.echo(words.variance(axis))
    sheet(table["raters_title"], words.raters_head(), words.raters(axis))
    typer.echo(say["raters_text"])
    rows = words.clips(axis)
    if rows:
        sheet(table["clips_title"], words.clips_head(), rows)
        typer.echo(words.disputed(axis))
        typer.echo(say["clips_text"])
    typer.echo()
