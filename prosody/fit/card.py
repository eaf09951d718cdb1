"""What a judge says about itself: metadata of the ONNX file, and the cards made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from prosody import __version__
from prosody.fit import metrics as fig
from prosody.fit.calibration import calibration
from prosody.fit.evaluate import fitted_on, plain
from prosody.fit.model import AxisModel, JudgeModel
from prosody.fit.reference_models import naive
from prosody.judge import judge
from prosody.settings import Settings
from prosody.tables.rated_table import Floats, Rated

TRAINING = {
    "sincere": {
        "corpus": "SinA-C",
        "title": "Sincere Apology Corpus (Baird, Coutinho, Hirschberg, Schuller, Interspeech 2019)",
        "question": "how sincere the apology sounds",
        "speech": "read English, acted in four styles: fast, lively, monotone, slow; no calls",
        "languages": ["en"],
        "scale": "mean of 13 to 17 listeners, standardised",
        "licence": "ratings and functionals posted publicly without a licence",
    },
    "engaged": {
        "corpus": "NSC",
        "title": "Nautilus Speaker Characterization (Fernandez Gallardo & Weiss)",
        "question": "mean of affectionate, hearty and reversed bored, indifferent, distant, "
        "unsympathetic",
        "speech": "semi-spontaneous German, telephone role plays; no apologies",
        "languages": ["de"],
        "scale": "z scores of each listener, mean over listeners and six scales",
        "licence": "ratings and functionals posted publicly without a licence",
        "within_speakers": "SinA-C's styles, fast and lively against monotone and slow; unrated",
    },
}
# Whether a voice is high or low says who speaks, not how: never told against "most speakers".
ANATOMY = ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_start_st")
# Fewer speakers than this are people, not a group.
GROUP_SPEAKERS = 5
BOOTSTRAPS = 500
CLAIM = "predicted impression of listeners; not what a speaker felt or meant"


def typical(axis: AxisModel) -> dict[str, float]:
    """Return the population's centre of absolute columns, in their own units."""
    out: dict[str, float] = {}
    t = axis.terms
    for i, m in enumerate(t.measures):
        if (not t.relative[i] or t.guess[i]) and not t.level[i] and m not in ANATOMY:
            out[m] = float(np.round(2.0 ** t.centre[i] if t.log[i] else t.centre[i], 4))
    return out


def axis_info(
    axis: AxisModel,
    rated: Rated,
    *,
    training: Mapping[str, Any],
    decides: bool,
    figures: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a judge's metadata say about one axis: counts and hashed names, no clips."""
    return {
        "bias": float(np.float32(axis.bias)),
        "cut": axis.cut,
        "residual_sd": round(axis.residual_sd, 4),
        "rating_sd": round(float(np.std(rated.rating)), 4),
        "decides": decides,
        "typical": typical(axis),
        "training": {
            **training,
            "clips": len(rated),
            "speakers": len(np.unique(rated.speaker)),
            "fitted_on": fitted_on(rated),
        },
        "figures": dict(figures or {}),
    }


def checked(axis: str, rated: Rated, rating: Floats, sd: Floats, cut: float) -> dict[str, Any]:
    """Return the figures that are tables: per group, by share judged, and of a clear fall."""
    groups = {
        name: {value: g for value, g in values.items() if g["speakers"] >= GROUP_SPEAKERS}
        for name, values in fig.by_group(rated, rating, sd, cut).items()
    }
    verdict = Settings().verdict
    needed_p = verdict.forced_p if axis == "sincere" else verdict.recited_p
    between = fig.intervals(
        rated.rating, rating, sd, rated.sentence, rated.speaker, cut, BOOTSTRAPS
    )
    found: dict[str, Any] = {
        "intervals": between,
        "naive": naive(rated, cut),
        "groups": {name: values for name, values in groups.items() if values},
        "calibration": calibration(rated.rating, rating, sd, cut),
        "risk_coverage": fig.risk_coverage(rated.rating, rating, sd, cut),
        "forced": fig.forced_precision(rated.rating, rating, sd, needed_p, cut),
    }
    return dict(plain(fig.rounded(found)))


def frame(
    model: JudgeModel, axes: Mapping[str, Mapping[str, Any]], *, name: str, licence: str
) -> dict[str, Any]:
    """Return the metadata of a judge around what is said of its axes."""
    units = judge.input_units()
    verdict = Settings().verdict
    fitted = {x for a in axes.values() for x in a["training"].get("languages", ())}
    return {
        "format": judge.FORMAT,
        "format_version": judge.FORMAT_VERSION,
        "name": name,
        "version": __version__,
        "measures_version": judge.measures_version(),
        "inputs": list(model.inputs),
        "units": {n: units[n] for n in model.inputs},
        "line_dependent": [n for n in model.inputs if judge.line_dependent(n)],
        "axes": {k: dict(v) for k, v in axes.items()},
        "languages": sorted(fitted),
        "thresholds": {
            "sincere_p": verdict.sincere_p,
            "forced_p": verdict.forced_p,
            "dull_p": verdict.dull_p,
            "recited_p": verdict.recited_p,
        },
        "licence": licence,
        "claim": CLAIM,
    }


def metadata(
    model: JudgeModel, data: Mapping[str, Rated], figures: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the metadata of the shipped judge."""
    axes = {
        name: axis_info(
            axis,
            data[name],
            training=TRAINING[name],
            decides=name == "sincere",
            figures=(figures or {}).get(name),
        )
        for name, axis in model.axes.items()
    }
    return frame(
        model,
        axes,
        name="prosody sincerity",
        licence="research and evaluation until a team fits its own judge; see models/LICENSE",
    )


def text(shown: judge.Judge) -> str:
    """Return what a judge says about itself, for reading on a terminal."""
    info = shown.card
    lines = [
        f"{shown.name}",
        f"  file       {shown.path}",
        f"  sha256     {shown.sha256}",
        f"  measures   version {info.get('measures_version')}",
        f"  licence    {info.get('licence', 'not said')}",
        f"  claim      {info.get('claim', CLAIM)}",
        *(f"  made       {said}" for said in info.get("made", [])),
    ]
    for axis in shown.axes:
        about = shown.axis_info(axis)
        training = about.get("training", {})
        lines += [
            "",
            f"axis {axis}",
            f"  fitted on  {training.get('corpus', '?')}: {training.get('clips', '?')} clips of "
            f"{training.get('speakers', '?')} speakers",
            f"  speech     {training.get('speech', 'not said')}",
            f"  scale      {training.get('scale', 'not said')}",
            f"  cut        {about.get('cut', 0.0):.2f}; residual sd "
            f"{about.get('residual_sd', float('nan')):.2f}",
            f"  decides    {'yes' if about.get('decides') else 'no, only a hint'}",
        ]
        figures = about.get("figures", {})
        lines += [f"  {k:<26} {v}" for k, v in figures.items() if not isinstance(v, (dict, list))]
    units = judge.input_units()
    star = "; * not used in calls: a telephone changes it" if shown.line_dependent else ""
    lines += ["", f"needs (missing ones widen the interval{star})"]
    lines += [
        f"  {n:<40} {units[n]}{' *' if n in shown.line_dependent else ''}" for n in shown.inputs
    ]
    return "\n".join(lines)
