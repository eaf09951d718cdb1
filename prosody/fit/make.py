"""A team's own judge: from its ratings, adapted to few ratings, or centred on its calls.

Below the minimum nothing is fitted, and it is said what is missing: a judge from too few ratings
would look like one and be none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import UsageError
from prosody.fit import card, card_page, evaluate, graph, recipe
from prosody.fit import metrics as fig
from prosody.fit.axis import Axis
from prosody.fit.join import Ready, once, prepared
from prosody.fit.train import balanced, choose, known_level, residual, ridge, terms, weights_root
from prosody.judge.judge import Judge, default_model
from prosody.rating.ratings import (
    MIN_ADAPT_CLIPS,
    MIN_ADAPT_SPEAKERS,
    MIN_CLIPS,
    MIN_RELIABILITY,
    MIN_SPEAKERS,
    Panel,
)
from prosody.results.records import AXES, plain
from prosody.tables.rated_table import Floats, Rated, read_results

# A centre from n apologies is off by about the ratings' spread over the root of n: .09 at 50.
MIN_CENTRE_CLIPS, MIN_CENTRE_SPEAKERS = 50, 10


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the judge, what is said about it, and how it was made."""

    axes: dict[str, Axis]
    metadata: dict[str, Any]
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    """For whoever made it, not for the card: who and what was left out, by name."""


def missing(rated: Rated, panel: Panel | None, *, adapt: bool = False) -> list[str]:
    """Return what a table lacks for a fit (or for an adaptation), in words; empty if nothing."""
    clips, speakers = len(rated), len(np.unique(rated.speaker))
    least_clips = MIN_ADAPT_CLIPS if adapt else MIN_CLIPS
    least_speakers = MIN_ADAPT_SPEAKERS if adapt else MIN_SPEAKERS
    out = []
    if clips < least_clips:
        out.append(f"{clips} rated clips, {least_clips - clips} more are needed ({least_clips})")
    if speakers < least_speakers:
        out.append(
            f"{speakers} speakers, {least_speakers - speakers} more are needed ({least_speakers})"
        )
    if panel is not None and not adapt:
        found = panel.reliability()
        value = found["icc_mean"]
        if not np.isfinite(value):
            out.append(
                f"ratings of {found['raters']} rater{'s' if found['raters'] > 1 else ''} without a "
                f"clip that two of them rated, so that nobody knows how far to rely on them "
                f"(several raters a clip, at best 5 or more; reliability of {MIN_RELIABILITY} is "
                "needed)"
            )
        elif not value >= MIN_RELIABILITY:
            more = _raters_needed(found["icc_single"])
            out.append(
                f"reliability of the mean rating {value:.2f}, {MIN_RELIABILITY} is needed"
                + (f" (about {more} raters a clip)" if more else "")
            )
    if clips and not float(np.std(rated.rating)) > 0:
        out.append("ratings that differ: all are the same")
    return out


def _raters_needed(single: float) -> int:
    """Return by Spearman and Brown how many raters a clip reach the minimum; 0 if none do."""
    if not 0 < single < 1:
        return 0
    return int(np.ceil(MIN_RELIABILITY * (1 - single) / ((1 - MIN_RELIABILITY) * single)))


def fit(
    table: Path,
    axes: tuple[str, ...],
    *,
    ratings: Path | None = None,
    group: str | None = None,
    sentence: str | None = None,
    rating: str | None = None,
    pairs: Path | None = None,
    sets: Sequence[Path] = (),
    start: Path | None = None,
    name: str = "judge",
    anyway: bool = False,
) -> Made:
    """Fit a judge to a rated table, or adapt one to it.

    Parameters
    ----------
    table : path
        Measures (or recordings with windows) of rated clips.
    axes : tuple of str
        ``sincere``, ``engaged`` or both.
    ratings : path, optional
        Ratings of single listeners, long form.
    group, sentence : str, optional
        Columns that hold speaker and wording, where they are called otherwise.
    rating : str, optional
        Column that holds the mean rating, where it is called otherwise.
    pairs : path, optional
        Comparisons of two clips, beside or instead of ratings.
    sets : sequence of path
        Rated sets of others (`prosody ratings export`), fitted to together with the table.
    start : path, optional
        A judge to start from.
    name : str
        Name of the new judge.
    anyway : bool
        Make also a judge that is no better than chance.

    Raises
    ------
    UsageError
        If the table is below the minimum, or the judge no better than chance on speakers left out;
        says which.
    """
    old = graph.load(start) if start is not None else None
    if len(axes) > 1 and ratings is None and pairs is None:
        raise UsageError(
            "Two axes need two ratings a clip.",
            "Give --ratings with the column 'axis', or one --axis.",
        )
    models: dict[str, Axis] = {}
    info: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    remarks: list[str] = []
    names = {"speaker": group, "sentence": sentence, "rating": rating}
    for axis in axes:
        ready = prepared(table, ratings, axis, names=names, pairs=pairs, sets=sets)
        if not ready.rated.voices_known:
            raise UsageError(
                f"{table}: no column says who speaks; found {', '.join(ready.rated.header)}.",
                "Add a column 'speaker', name it with --group, or measure with 'prosody features "
                "--meta-from' where file names tell: a judge that is checked on voices it knows "
                "looks better than it is.",
            )
        data = [*ready.notes, *_raters_left_out(ready.panel)]
        if sets:
            data += _added(ready.rated)
        if "ends of the scale" in ready.scale:
            data.append(f"ratings of {ready.scale}. Bring them to 0 to 100 to have 50 count as it.")
        before = None if old is None or axis not in old[0] else old[0][axis]
        earlier = {} if before is None or old is None else old[1]["axes"][axis].get("training", {})
        models[axis], info[axis], how, more = _one_axis(axis, ready, before, earlier, table, anyway)
        notes.append(f"{axis}: {how}.")
        remarks += [f"{axis}: {one}" for one in (*data, *more)]
    if old is not None:
        for axis, model in old[0].items():
            if axis not in models:
                models[axis] = model
                info[axis] = old[1]["axes"][axis]
                notes.append(f"{axis}: kept as it was.")
    joined = {a: models[a] for a in AXES if a in models}
    licence = "the ratings' owner decides"
    if old is not None:
        licence = f"starts from {old[1].get('name')}: {old[1].get('licence', 'see its card')}"
    meta = card.frame(joined, {a: info[a] for a in joined}, name=name, licence=licence)
    meta["made"] = notes
    command = ["prosody fit TABLE", "--ratings RATINGS" if ratings else ""]
    command += ["--pairs PAIRS" if pairs else ""]
    command += [f"--axis {'both' if len(axes) > 1 else axes[0]}"]
    command += ["--from-model MODEL" if old else "", "--out judge.onnx"]
    meta["command"] = " ".join(part for part in command if part)
    meta["made_from"] = {
        what: hashlib.sha256(file.read_bytes()).hexdigest()
        for what, file in (("TABLE", table), ("RATINGS", ratings), ("PAIRS", pairs))
        if file is not None and file.is_file()
    }
    if old is not None:
        meta["from"] = {"name": old[1].get("name"), "sha256": old[1]["sha256"]}
    return Made(joined, meta, tuple(notes), tuple(remarks))


def _one_axis(
    axis: str,
    ready: Ready,
    before: Axis | None,
    earlier: Mapping[str, Any],
    table: Path,
    anyway: bool,
) -> tuple[Axis, dict[str, Any], str, list[str]]:
    """Return an axis fitted to ratings or adapted to them, its card, how it was made, remarks."""
    rated, cut, remarks = ready.rated, ready.middle, []
    lacking = missing(rated, ready.panel)
    make: Callable[[Rated], Axis]
    if before is None:
        if lacking:
            raise UsageError(
                f"{table}: too little to fit the axis {axis}: {'; '.join(lacking)}.",
                "Nothing was fitted. Collect what is missing, or adapt a judge that has this axis: "
                f"--from-model takes {MIN_ADAPT_CLIPS} clips of {MIN_ADAPT_SPEAKERS} speakers.",
            )
        make = partial(recipe.fit_table, level=known_level(rated.rating))
        how = "fitted: all weights from these ratings"
    else:
        if few := missing(rated, ready.panel, adapt=True):
            raise UsageError(
                f"{table}: too little to adapt the axis {axis}: {'; '.join(few)}.",
                "Nothing was changed.",
            )
        known = evaluate.known_to(earlier, rated)
        if known.any():
            remarks.append(
                f"{int(known.sum())} of {len(rated)} rows are of speakers that the older judge was "
                "fitted on: the figures flatter."
            )
        make = partial(adapt_level if lacking else adapt_weights, before, cut=cut)
        how = "weights adapted, starting from the older judge's"
        if lacking:
            how = f"only level and slope adapted; for the weights: {'; '.join(lacking)}"
    model = replace(make(rated), cut=cut)
    predicted, sd, held = evaluate.cross_validate(rated, make)
    if before is not None:
        remarks += _gained(rated, before, predicted, lacking)
    spreads = evaluate.pair_spreads(rated, predicted, held)
    info = _axis_info(axis, model, ready, how, predicted, sd, earlier, spreads)
    low, high = info["intervals"].get("spearman", (np.nan, np.nan))
    if not low > 0:
        chance = (
            f"no better than chance on speakers left out: Spearman {info['figures']['spearman']} "
            f"(95 % interval {low:.2f} to {high:.2f})"
        )
        if not anyway:
            raise UsageError(
                f"{table}: a judge of {axis} fitted to this is {chance}.",
                "Nothing was written. Collect more ratings, of clips that differ more; --anyway "
                "writes it all the same.",
            )
        remarks.append(f"this judge is {chance}.")
    return model, info, how, remarks


def _gained(rated: Rated, before: Axis, adapted: Floats, lacking: Sequence[str]) -> list[str]:
    """Return what an adaptation gained on speakers left out, and whether a fresh fit is better."""
    old = graph.predict(before, rated)[0]
    # New weights have to beat more than another level of the ratings.
    level, slope = (0.0, 1.0) if lacking else _line(old, rated.rating, rated.speaker)
    error = (rated.rating - level - slope * old) ** 2 - (rated.rating - adapted) ** 2
    names, index = np.unique(rated.speaker, return_inverse=True)
    each = np.bincount(index, error, len(names)), np.bincount(index, minlength=len(names))
    drawn = np.random.default_rng(1).integers(0, len(names), (2000, len(names)))
    gain = each[0][drawn].sum(axis=1) / each[1][drawn].sum(axis=1) / np.var(rated.rating)
    low, high = np.percentile(gain, [2.5, 97.5])
    mean = float(error.mean() / np.var(rated.rating))
    against = "as it was" if lacking else "its level and slope taken as known"
    gained = (
        f"against the older judge, {against}, the squared error on speakers left out "
        f"{'fell' if mean > 0 else 'rose'} by {abs(mean):.0%} of the ratings' variance "
        f"(95 % interval of the fall {low:.0%} to {high:.0%})"
    )
    out = [gained + ("." if low > 0 else ": nothing was gained that could not be chance.")]
    if not lacking:
        whole = partial(recipe.fit_table, level=known_level(rated.rating))
        fresh, _, _ = evaluate.cross_validate(rated, whole)
        ours, theirs = (fig.spearman(rated.rating, x) for x in (adapted, fresh))
        if theirs > ours:
            out.append(
                f"a fit without --from-model has Spearman {theirs:.3f} on speakers left out, this "
                f"one {ours:.3f}: fit afresh."
            )
    return out


def _added(rated: Rated) -> list[str]:
    """Return what each set of others adds on the own speakers left out."""
    kind = rated.groups["set"]
    own = kind == "own"

    def figure(keep: np.ndarray[Any, Any]) -> float:
        part = rated.take(keep)
        whole = partial(recipe.fit_table, level=known_level(part.rating))
        predicted, _, _ = evaluate.cross_validate(part, whole)
        mine = own[keep]
        return fig.spearman(part.rating[mine], predicted[mine])

    every = figure(np.ones(len(rated), dtype=bool))
    return [
        f"set {name}: {int(np.sum(kind == name))} clips; Spearman on your own speakers left out is "
        f"{every:.3f} with it and {figure(kind != name):.3f} without."
        for name in np.unique(kind).tolist()
        if name != "own"
    ]


def _raters_left_out(panel: Panel | None) -> list[str]:
    """Return who has no say among the raters, and why."""
    if panel is None:
        return []
    notes = [f"rater {name} was left out: {why}." for name, why in (panel.dropped or {}).items()]
    notes += [f"rater {name} {why}, and has a say." for name, why in (panel.doubtful or {}).items()]
    idle = "gave one value throughout, or rated one clip"
    return notes + [f"rater {name} has no say: {idle}." for name in panel.idle]


def _axis_info(
    axis: str,
    model: Axis,
    ready: Ready,
    how: str,
    rating: Floats,
    sd: Floats,
    earlier: Mapping[str, Any],
    pairs: Mapping[str, float],
) -> dict[str, Any]:
    """Return what the card says of one axis; `earlier` is the training of the judge before it."""
    rated, panel, cut = ready.rated, ready.panel, ready.middle
    found = fig.figures(rated.rating, rating, sd, rated.sentence, cut)
    languages = set(rated.groups.get("language", np.array([], dtype=str)).tolist()) - {""}
    about = card.axis_info(
        model,
        rated,
        training={
            "corpus": "a table of its own",
            "scale": ready.scale,
            "how": how,
            "languages": sorted(languages | set(earlier.get("languages", ()))),
            "reliability": None if panel is None else plain(panel.reliability()),
            # Who they are is nobody's business who gets the judge.
            "raters_left_out": 0 if panel is None else len(panel.dropped or {}) + len(panel.idle),
        },
        pairs=pairs,
        # One axis may decide alone only where that was shown, and a fit does not show it.
        decides=axis == "sincere",
        figures={
            "how": "every speaker predicted from the others",
            **{k: round(v, 3) if np.isfinite(v) else None for k, v in found.items()},
        },
    )
    both = {*about["training"]["fitted_on"], *earlier.get("fitted_on", ())}
    about["training"]["fitted_on"] = sorted(both)
    return {**about, **card.checked(axis, rated, rating, sd, cut)}


def _line(x: Floats, y: Floats, speaker: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return level and slope of y on x, every speaker with less than proportional weight."""
    weight = balanced(speaker)
    mx, my = float(np.average(x, weights=weight)), float(np.average(y, weights=weight))
    var = float(np.average((x - mx) ** 2, weights=weight))
    slope = float(np.average((x - mx) * (y - my), weights=weight)) / var if var > 0 else 0.0
    if slope <= 0:
        raise UsageError(
            "The older judge orders these clips against their ratings "
            f"(slope {slope:.2f}), so it cannot be adapted to them.",
            f"Collect {MIN_CLIPS} clips of {MIN_SPEAKERS} speakers and fit without --from-model.",
        )
    return my - slope * mx, slope


def adapt_level(axis: Axis, rated: Rated, cut: float = 0.0) -> Axis:
    """Return the axis with its level and slope fitted to rated clips; its weights' ratios stay."""
    predicted = graph.predict(axis, rated)[0]
    level, slope = _line(predicted, rated.rating, rated.speaker)
    scaled = replace(axis.scaled(slope), bias=level + slope * axis.bias, cut=cut)
    error = rated.rating - level - slope * predicted
    z = terms(rated, axis.measures, axis.scale)
    return replace(scaled, residual_sd=residual(error, z, scaled.unlike))


def adapt_weights(axis: Axis, rated: Rated, cut: float = 0.0) -> Axis:
    """Return the axis with its weights fitted to rated clips, drawn towards the older ones."""
    predicted = graph.predict(axis, rated)[0]
    level, slope = _line(predicted, rated.rating, rated.speaker)
    rest = rated.rating - level - slope * predicted
    z, weight = terms(rated, axis.measures, axis.scale), balanced(rated.speaker)
    strength, error = choose(z, rest, rated.speaker, weight)
    coef, bias = ridge(z, rest, strength, weight)
    unlike = weights_root(z, error, rated.speaker, weight, strength)
    scaled = axis.scaled(slope)
    return replace(
        scaled,
        coef=scaled.coef + coef,
        bias=level + slope * axis.bias + bias,
        unlike=unlike,
        residual_sd=residual(error, z, unlike),
        cut=cut,
    )


def centre(results: Path, start: Path | None = None, name: str = "judge") -> Made:
    """Centre a judge on unrated apologies, so that a team's middle one lies on the cut.

    Read speech is not conversation: all real apologies may be shifted the same way, and without
    ratings only the common shift can be seen. This takes it out, and assumes that the team's
    apologies are middling; it cannot tell whether they are.

    Parameters
    ----------
    results : path
        Folder of ``prosody analyze``, or its apologies.jsonl or .csv.
    start : path, optional
        The judge; the shipped one by default.
    """
    path = start or default_model()
    found, old = graph.load(path)
    rated = read_results(results)
    rated = rated.take(rated.groups["gates"] == "")
    if not np.any(rated.groups["agent"] != ""):
        raise UsageError(
            f"{results}: nothing says which agent speaks in these calls, and a centre is that of "
            "many agents.",
            "Analyze again with a manifest that has a column 'agent', or --meta-from.",
        )
    rated = rated.take(rated.groups["agent"] != "")
    rated, _ = once(rated)
    agents = len(np.unique(rated.speaker))
    if len(rated) < MIN_CENTRE_CLIPS or agents < MIN_CENTRE_SPEAKERS:
        raise UsageError(
            f"{results}: {len(rated)} judged apologies of {agents} agents, "
            f"{MIN_CENTRE_CLIPS} of {MIN_CENTRE_SPEAKERS} are needed to centre a judge.",
            "Nothing was changed. Analyze more calls, of more agents.",
        )
    axes: dict[str, Axis] = {}
    info = dict(old["axes"])
    notes = []
    for axis, before in found.items():
        predicted = graph.predict(before, rated)[0]
        # Every agent counts alike: the median over agents of their medians.
        middles = [np.median(predicted[rated.speaker == s]) for s in np.unique(rated.speaker)]
        shift = before.cut - float(np.median(middles))
        axes[axis] = replace(before, bias=before.bias + shift)
        notes.append(
            f"{axis}: moved by {shift:+.2f}, on {len(rated)} unrated apologies of {agents} agents."
        )
        info[axis] = {
            **info[axis],
            "bias": float(np.float32(axes[axis].bias)),
            "centred": {"by": round(shift, 4), "apologies": len(rated), "agents": agents},
        }
    licence = f"starts from {old.get('name')}: {old.get('licence', 'see its card')}"
    meta = card.frame(axes, info, name=name, licence=licence)
    meta["made"] = notes
    meta["command"] = "prosody fit --centre-on RESULTS --out judge.onnx"
    meta["from"] = {"name": old.get("name"), "sha256": old["sha256"]}
    return Made(axes, meta, tuple(notes))


def save(made: Made, out: Path) -> list[Path]:
    """Write the judge, its card in Markdown, and its card in JSON beside it."""
    graph.write(out, made.axes, made.metadata)
    shown = Judge.load(out)
    markdown, data = out.with_suffix(".md"), out.with_suffix(".json")
    markdown.write_text(card_page.markdown(shown), encoding="utf-8")
    content: Mapping[str, Any] = plain(shown.card)
    data.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return [out, markdown, data]
