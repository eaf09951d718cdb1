"""``prosody sample``: which clips people should rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from prosody.cli import app
from prosody.cli._options import given, tell_changed

if TYPE_CHECKING:
    from prosody.rating.sampling import Sample


@app.command(
    short_help="Choose which apologies people should rate.",
    epilog="Example: prosody sample results --n 300 --out clips.csv",
)
def sample(
    results: Path = typer.Argument(metavar="RESULTS", help="Results of 'prosody analyze'."),
    n: int = typer.Option(300, "--n", "-n", min=1, help="How many clips."),
    out: Path = typer.Option(
        ..., "--out", "-o", help="The table of clips to write (CSV); with --twins a new folder."
    ),
    twins: bool = typer.Option(
        False,
        "--twins",
        help="Write pairs of sounds instead: each clip resynthesised, and the same with one thing "
        "changed, so that 'prosody rate --pairs' tells which cue your listeners hear.",
    ),
    recordings: list[Path] | None = given(
        "--recordings",
        help="With --twins: folder to find moved recordings in, by content; may be repeated.",
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="The same seed chooses the same clips."),
    enrich: str = typer.Option(
        "auto",
        "--enrich",
        help="How the half that is not random is chosen: judge (either end of both axes, and where "
        "it is unsure), measures (unlike the agent's own habit), none (random too), or auto: by "
        "the judge where the run has one.",
    ),
    per_agent: int = typer.Option(8, "--per-agent", min=1, help="At most so many of one agent."),
    gated: bool = typer.Option(
        False, "--gated", help="Take apologies along whose judgement was withheld."
    ),
    raters: int = typer.Option(
        5, "--raters", min=1, help="Raters a clip that you count on; only for what is foretold."
    ),
    lang: str | None = given(
        "--lang",
        help="nl or en; that of the run by default.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what is foretold as JSON."),
) -> None:
    """Choose apologies of a run for people to rate, and say what the ratings will be good for.

    Half are drawn at random, for how often apologies sound one way or another; half where rare
    kinds are likelier. Languages and lines come in proportion, no agent too often. Every clip
    carries the probability with which it was drawn, so that shares can be computed from all.
    """
    from prosody.errors import UsageError
    from prosody.rating import sampling
    from prosody.rating.power import prospects
    from prosody.results.read import read
    from prosody.words import load

    if enrich not in sampling.ENRICH:
        raise UsageError(f"--enrich {enrich!r}, expected one of {', '.join(sampling.ENRICH)}.", "")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}.", "Make it first.")
    if out.is_dir() and not twins:
        raise UsageError(f"--out {out}: a folder, expected a file.", "Example: --out clips.csv")
    tell_changed(results)
    run = read(results)
    say: dict[str, str] = load("sampling", lang or str(run.command.get("lang") or "en"))["say"]
    frame = sampling.frame_of(run, enrich=enrich, gated=gated)
    if not len(frame):
        raise UsageError(
            f"{results}: no apology to choose from"
            + (f", {frame.left_out['gated']} are gated." if frame.left_out["gated"] else "."),
            "Analyze more calls."
            if gated or not frame.left_out["gated"]
            else "--gated takes them.",
        )
    made = sampling.draw(frame, n, seed=seed, per_agent=per_agent)
    if twins:
        _twins(made, results, recordings or [], out, seed, say)
        return
    made.write(out)
    found = prospects(made, asked=n, raters=raters)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    _show(made, found, say, lang or str(run.command.get("lang") or "en"), per_agent)
    typer.echo(say["file"].format(path=out))
    typer.echo(say["weights"])
    typer.echo(say["next"].format(path=out))


def _twins(
    made: Sample, results: Path, recordings: list[Path], out: Path, seed: int, say: dict[str, str]
) -> None:
    import sys

    from prosody.rating import clips, twins

    live = sys.stderr.isatty()

    def watch(done: int, of: int) -> None:
        if live:
            typer.echo(f"\r{done}/{of}", err=True, nl=done == of)

    known, missing = clips.from_results(results, recordings=recordings)
    left = twins.make(made, {c.name: c for c in known}, out, seed=seed, watch=watch)
    for name, why in sorted(left.items())[:5]:
        typer.echo(f"left out: {name}: {missing.get(name, why)}", err=True)
    typer.echo(say["twins"].format(n=len(made) - len(left), path=out))
    typer.echo(say["twins_next"].format(path=out))


def _show(made: Sample, found: dict[str, Any], say: dict[str, str], lang: str, most: int) -> None:
    from prosody.cli._sheet import sheet

    from prosody.report.page import figure

    def number(value: float, decimals: int = 2) -> str:
        return figure(value, decimals, lang)

    def span(one: dict[str, float], start: str, times: int = 1) -> str:
        decimals = 0 if times == 100 else 2
        low, high = (number(times * one[f"{start}{end}"], decimals) for end in ("low", "high"))
        return f"{low} \N{EN DASH} {high}" + (" %" if times == 100 else "")

    run = found["run"]
    names = {"n": found["clips"], "agents": found["agents"], "apologies": run["apologies"],
             "all_agents": run["agents"], "random": found["clips_random"],
             "enriched": found["clips_enriched"]}  # fmt: skip
    only_random = len(made.frame.kinds) == 1
    chosen = "chosen" if found["agents_named"] else "chosen_calls"
    typer.echo(say[f"{chosen}_random" if only_random else chosen].format(**names))
    if found["clips"] < found["clips_asked"]:
        typer.echo(say["fewer"].format(asked=found["clips_asked"], most=most))
    for key in ("gated", "twice"):
        if run[f"{key}_left_out"]:
            typer.echo(say[key].format(count=run[f"{key}_left_out"]))
    if not found["agents_named"]:
        typer.echo(say["no_agents"].format(most=most))
    rows = [
        [f"{s['language']}, {say[s['line']]}", s["apologies"], s["clips"], s["random"]]
        for s in found["strata"]
    ]
    sheet(None, [say["stratum"], say["apologies"], say["clips"], say["at_random"]], rows)
    base, r, u = found["base_rate"], found["correlation"], found["uar"]
    percent = round(100 * base["assumed"])
    rows = [
        [say["base_rate"].format(p=percent, n=found["clips_random"]), span(base, "", 100),
         span(base, "agents_", 100)],
        [say["base_rate_all"].format(n=found["clips"]), span(base["all"], "", 100),
         span(base["all"], "agents_", 100)],
        [say["correlation"].format(r=number(r["assumed"], 1)), span(r, ""), span(r, "agents_")],
        [say["uar"].format(u=round(100 * u["assumed"]), k=round(u["forced_clips"])),
         span(u, "", 100), span(u, "agents_", 100)],
    ]  # fmt: skip
    sheet(say["heading"], [say["figure"], say["independent"], say["by_agent"]], rows)
    typer.echo(say["by_agent_text"])
    rows = [
        [f"{one['raters']}{' *' if one['chosen'] else ''}", number(one["reliability"]),
         number(one["highest_correlation"]), number(60 * one["hours_per_rater"], 0)]
        for one in found["raters"]
    ]  # fmt: skip
    sheet(None, [say["raters"], say["reliability"], say["ceiling"], say["minutes"]], rows)
    typer.echo(say["raters_text"])
    for line in _fit(found, say, number):
        typer.echo(line)
    if found["clips_random"] < 30:
        typer.echo(say["base_small"])


def _fit(found: dict[str, Any], say: dict[str, str], number: Any) -> list[str]:
    fit = found["fit"]
    chosen = next(one for one in found["raters"] if one["chosen"])
    names = {"n": found["clips"], "agents": found["agents"], "k": chosen["raters"],
             "r": number(chosen["reliability"])}  # fmt: skip
    if fit["clips"] and fit["speakers"] and fit["reliability"]:
        return [say["fit_yes"].format(**names)]
    out = []
    if not fit["clips"]:
        out.append(say["fit_clips"].format(more=fit["more_clips"]))
    if not fit["speakers"]:
        out.append(say["fit_agents"].format(more=fit["more_speakers"]))
    if not fit["reliability"]:
        out.append(say["fit_raters"].format(**names))
    if not (fit["clips"] and fit["speakers"]):
        out.append(say["adapt" if fit["adapt"] else "no_adapt"])
    return out
