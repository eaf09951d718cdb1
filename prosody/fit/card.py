"""What a judge says about itself: metadata of the ONNX file, and the card made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from prosody import judge
from prosody.fit.check import fitted_on
from prosody.fit.model import Axis, JudgeModel, parts
from prosody.fit.tables import Rated
from prosody.settings import Settings

TRAINING = {
    "sincere": {
        "corpus": "SinA-C",
        "title": "Sincere Apology Corpus (Baird, Coutinho, Hirschberg, Schuller, Interspeech 2019)",
        "question": "how sincere the apology sounds",
        "speech": "read English, acted in four styles: fast, lively, monotone, slow; no calls",
        "language": "en",
        "scale": "mean of 13 to 17 listeners, standardised",
        "licence": "posted publicly without a licence",
    },
    "engaged": {
        "corpus": "NSC",
        "title": "Nautilus Speaker Characterization (Fernandez Gallardo & Weiss)",
        "question": "mean of affectionate, hearty and reversed bored, indifferent, distant, "
        "unsympathetic",
        "speech": "semi-spontaneous German, telephone role plays; no apologies",
        "language": "de",
        "scale": "z scores of each listener, mean over listeners and six scales",
        "licence": "posted publicly without a licence",
    },
}


def training(axis: str, rated: Rated) -> dict[str, Any]:
    """Return what one axis was fitted on: counts and hashed speakers, nothing clip by clip."""
    return {
        **TRAINING[axis],
        "clips": len(rated),
        "speakers": len(np.unique(rated.speaker)),
        "fitted_on": fitted_on(rated),
    }


# Whether a voice is high or low says who speaks, not how: never told against "most speakers".
ANATOMY = ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_start_st")


def typical(axis: Axis) -> dict[str, float]:
    """Return the population's centre of absolute columns, in their own units."""
    t = parts(axis)[0].terms
    return {
        m: float(np.round(2.0 ** t.centre[i] if t.log[i] else t.centre[i], 4))
        for i, m in enumerate(t.measures)
        if (not t.relative[i] or t.guess[i]) and not t.level[i] and m not in ANATOMY
    }


def metadata(model: JudgeModel, data: Mapping[str, Rated]) -> dict[str, Any]:
    """Return the metadata of the shipped judge."""
    units = judge.input_units()
    verdict = Settings().verdict
    return {
        "format": judge.FORMAT,
        "format_version": judge.FORMAT_VERSION,
        "name": "prosody sincerity",
        "version": "0.1",
        "measures_version": judge.measures_version(),
        "inputs": list(model.inputs),
        "line_dependent": [n for n in model.inputs if judge.line_dependent(n)],
        "units": {n: units[n] for n in model.inputs},
        "axes": {
            name: {
                "bias": float(np.float32(parts(axis)[0].bias)),
                "cut": parts(axis)[0].cut,
                "residual_sd": round(parts(axis)[0].residual_sd, 4),
                "rating_sd": round(float(np.std(data[name].rating)), 4),
                "decides": name == "sincere",
                "typical": typical(axis),
                "training": training(name, data[name]),
            }
            for name, axis in model.axes.items()
        },
        "languages": {"fitted": ["en", "de"], "meant_for": ["nl", "en"]},
        "thresholds": {
            "sincere_p": verdict.sincere_p,
            "forced_p": verdict.forced_p,
            "recited_p": verdict.recited_p,
        },
        "licence": "research and evaluation until a team fits its own judge; see models/LICENSE",
        "claim": "predicted impression of listeners; not what a speaker felt or meant",
    }


def text(shown: judge.Judge) -> str:
    """Return what a judge says about itself, for reading on a terminal."""
    card = shown.card
    lines = [
        f"{shown.name}",
        f"  file       {shown.path}",
        f"  sha256     {shown.sha256}",
        f"  measures   version {card.get('measures_version')}",
        f"  licence    {card.get('licence', 'not said')}",
        f"  claim      {card.get('claim', 'predicted impression of listeners')}",
    ]
    for axis in shown.axes:
        info = shown.axis_info(axis)
        about = info.get("training", {})
        lines += [
            "",
            f"axis {axis}",
            f"  fitted on  {about.get('corpus', '?')}: {about.get('clips', '?')} clips of "
            f"{about.get('speakers', '?')} speakers",
            f"  speech     {about.get('speech', 'not said')}",
            f"  scale      {about.get('scale', 'not said')}; cut at {info.get('cut', 0.0):g}, "
            f"residual sd {info.get('residual_sd', float('nan')):g}",
            f"  decides    {'yes' if info.get('decides') else 'no, only a hint'}",
        ]
        figures = info.get("figures", {})
        lines += [f"  {k:<24} {v}" for k, v in figures.items() if not isinstance(v, (dict, list))]
    units = judge.input_units()
    lines += ["", "needs (missing ones widen the interval)"]
    lines += [f"  {n:<36} {units[n]}" for n in shown.inputs]
    return "\n".join(lines)
