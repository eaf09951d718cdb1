"""The card of a team's judge: in Markdown, what it is from, how well, not for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prosody.fit.card import CLAIM
from prosody.judge import judge

FIGURES = {
    "spearman": "Spearman",
    "spearman_within_sentence": "Spearman within a wording",
    "uar": "UAR (unweighted average recall of the two sides)",
    "uar_half": "UAR on the half it is surest of",
    "coverage_80": "share of ratings inside the 80 % interval",
    "rmse": "RMSE",
}
NAIVE = {"spearman": "Spearman", "uar": "UAR", "rmse": "RMSE"}
HELD = {"n": "clips", "p": "on average", "share": "share that lay there"}
BEAT = ("wording only", "duration only", "tempo and pitch level", "chance")
WORD = {"sincere": "`forced`", "engaged": "The hint `recited`"}
GROUP = {
    "n": "clips",
    "speakers": "speakers",
    "spearman": "Spearman",
    "uar": "UAR",
    "coverage_80": "covers",
    "rmse": "RMSE",
    "mean_error": "mean error",
}
SOURCE = {
    "title": "ratings of",
    "question": "asked",
    "speech": "speech",
    "licence": "licence of the ratings",
    "how": "how",
}
AGREED = {
    "icc2_1": "ICC(2,1), one rater, on their own scale",
    "icc2_k": "ICC(2,k), mean of those who rated a clip",
    "ratings_per_clip": "ratings a clip",
    "krippendorff_alpha": "Krippendorff's alpha, on their own scale",
}
NOT_FOR = """
## Not for

- Rating, ranking, rewarding or assessing people; anything that reaches HR.
- Deciding what somebody felt or meant, or whether an apology was sincere.
- Speech unlike the clips above: another language, line, kind of talk or group of speakers.
- Flags that nobody listens to: where few apologies sound put on, many flags are wrong (above).

## Fill in before you pass it on

What speech the clips are (real calls or acted, language, line), who rated them, how many, what
they were asked and paid, who may use clips and ratings for what, and until when. The program cannot
know.
"""


def markdown(shown: judge.Judge) -> str:
    """Return the card of a judge as Markdown."""
    info = shown.card
    lines = [
        f"# Model card: {shown.name}",
        "",
        f"Predicts how a panel of listeners would hear a spoken apology. {CLAIM.capitalize()}.",
        "",
        *(f"- {note}" for note in info.get("made", [])),
        f"- Licence: {info.get('licence', 'not said')}",
        f"- Measures: version {info.get('measures_version')}, {len(shown.inputs)} columns "
        "(`prosody model FILE --needs` lists them)",
        f"- sha256 of the file: `{shown.sha256}`",
    ]
    if "from" in info:
        lines.append(f"- Starts from {info['from']['name']}, sha256 `{info['from']['sha256']}`")
    for axis in shown.axes:
        lines += _axis(axis, shown.axis_info(axis))
    if len(shown.axes) > 1:
        lines += [
            "",
            "Each axis is held against a threshold of its own; no probability of both together is "
            "formed.",
        ]
    lines += [*NOT_FOR.rstrip().split("\n"), "", "## Make it again", "", *_again(info), ""]
    return "\n".join(lines)


def _axis(axis: str, about: Mapping[str, Any]) -> list[str]:
    training, found = about.get("training", {}), about.get("figures", {})
    rows = [
        *((name, training[key]) for key, name in SOURCE.items() if key in training),
        ("clips, speakers", f"{training.get('clips')}, {training.get('speakers')}"),
        ("ratings", training.get("scale", "not said")),
        ("middle of the scale (what lies above is the better side)", about.get("cut", 0.0)),
        *_raters(training),
        ("languages", ", ".join(training.get("languages", [])) or "not said"),
        ("decides a verdict", "yes" if about.get("decides") else "no, only a hint"),
    ]
    if "centred" in about:
        c = about["centred"]
        rows.append(
            ("centred", f"by {c['by']:+.3f}, on {c['apologies']} apologies of {c['agents']} agents")
        )
    lines = ["", f"## {axis}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_number(value)} |" for name, value in rows]
    known = {k: name for k, name in FIGURES.items() if k in found}
    if known:
        spread = about.get("intervals", {})
        how = found.get("how", "not said how")
        how += ", before it was centred" if "centred" in about else ""
        lines += ["", f"How well: {how}. Intervals are 95 %, speakers resampled."]
        lines += ["", "| figure | | interval |", "|---|---|---|"]
        lines += [
            f"| {name} (`{k}`) | {_number(found[k])} | {_between(spread.get(k))} |"
            for k, name in known.items()
        ]
    beat = {k: about["naive"][k] for k in BEAT if k in about.get("naive", {})}
    lines += _table("What it has to beat", "", beat, NAIVE)
    for name, values in about.get("groups", {}).items():
        lines += _table(f"By {name} (groups of at least five speakers)", name, values, GROUP)
    given = {f"{c['low']:.0%} to {c['high']:.0%}": c for c in about.get("calibration", ())}
    lines += _table("Whether probabilities hold", "probability given to that side", given, HELD)
    curve = {f"{c['share']:.0%}": c for c in about.get("risk_coverage", ())}
    lines += _table("Judging only the surest", "share judged", curve, {"uar": "UAR"})
    forced = about.get("forced")
    if forced:
        precision = dict(sorted(forced["precision"].items(), key=lambda p: float(p[0].rstrip("%"))))
        lines += [
            "",
            f"{WORD[axis]} (threshold {forced['threshold']:g}) finds {_number(forced['recall'])} "
            "of the clips on the lower side, and wrongly takes "
            f"{_number(forced['false_alarms'])} of the others for one. If this share truly lay "
            "there, so many flags are right:",
            "",
            f"| {' | '.join(precision)} |",
            f"|{'---|' * len(precision)}",
            f"| {' | '.join(_number(v) for v in precision.values())} |",
        ]
    return lines


def _raters(training: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what is known of the raters: nothing where only their mean was given."""
    reliability = training.get("reliability")
    if not reliability:
        return [("reliability of the ratings", "not known: no single ratings were given")]
    agreed = reliability.get("agreement") or {}
    return [
        ("raters", reliability.get("raters")),
        ("raters left out", training.get("raters_left_out")),
        *((name, agreed[key]) for key, name in AGREED.items() if key in agreed),
        ("reliability of the mean, raters standardised: ICC(1,k)", reliability.get("icc_mean")),
        ("of one rater: ICC(1)", reliability.get("icc_single")),
        ("Krippendorff's alpha, raters standardised", reliability.get("krippendorff_alpha")),
    ]


def _table(
    title: str, first: str, rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]
) -> list[str]:
    if not rows:
        return []
    out = ["", f"{title}:", "", f"| {first} | {' | '.join(columns.values())} |"]
    out.append(f"|{'---|' * (len(columns) + 1)}")
    for name, values in rows.items():
        cells = " | ".join(_number(values.get(c)) for c in columns)
        out.append(f"| {_safe(name)} | {cells} |")
    return out


def _again(info: Mapping[str, Any]) -> Sequence[str]:
    files = info.get("made_from", {})
    lines = [f"    {info.get('command', 'prosody fit TABLE --out judge.onnx')}", ""]
    lines += [f"- sha256 of {what}: `{sha}`" for what, sha in files.items()]
    lines.append(f"- prosody {info.get('version')}")
    return lines


def _safe(text: str) -> str:
    """Return a name from a table such that it stays in its cell."""
    return "".join(c if c.isprintable() and c not in "|<>`" else " " for c in text)


def _between(interval: Sequence[float] | None) -> str:
    return "" if not interval else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _number(value: Any) -> str:
    if value is None:
        return "not known"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
