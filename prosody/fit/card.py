"""What a judge says about itself: metadata of the ONNX file, and the cards made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from prosody import __version__
from prosody.fit import metrics as fig
from prosody.fit.axis import Axis
from prosody.fit.calibration import calibration
from prosody.fit.evaluate import fitted_on
from prosody.fit.graph import inputs_of
from prosody.fit.reference_models import naive
from prosody.judge import judge
from prosody.measures import table
from prosody.results.records import plain
from prosody.settings import Settings
from prosody.tables.rated_table import Floats, Rated

# Fewer speakers than this are people, not a group.
GROUP_SPEAKERS = 5
BOOTSTRAPS = 500
CLAIM = "predicted impression of listeners; not what a speaker felt or meant"


def axis_info(
    axis: Axis,
    rated: Rated,
    *,
    training: Mapping[str, Any],
    decides: bool,
    figures: Mapping[str, Any] | None = None,
    pairs: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return what a judge's metadata say about one axis: counts and hashed names, no clips."""
    return {
        "bias": float(np.float32(axis.bias)),
        "cut": axis.cut,
        "residual_sd": round(axis.residual_sd, 4),
        "rating_sd": round(float(np.std(rated.rating)), 4),
        "decides": decides,
        "pairs": {k: round(v, 4) for k, v in (pairs or {}).items()},
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
    axes: Mapping[str, Axis],
    about: Mapping[str, Mapping[str, Any]],
    *,
    name: str,
    licence: str,
    version: str = __version__,
) -> dict[str, Any]:
    """Return the metadata of a judge around what is said of its axes."""
    units, inputs = judge.input_units(), inputs_of(axes)
    verdict = Settings().verdict
    fitted = {x for a in about.values() for x in a["training"].get("languages", ())}
    return {
        "format": judge.FORMAT,
        "format_version": judge.FORMAT_VERSION,
        "name": name,
        "version": version,
        "measures_version": table.VERSION,
        "inputs": list(inputs),
        "units": {n: units[n] for n in inputs},
        "axes": {k: dict(v) for k, v in about.items()},
        "languages": sorted(fitted),
        "thresholds": {k: getattr(verdict, k) for k in ("sincere_p", "forced_p")},
        "licence": licence,
        "claim": CLAIM,
    }


def text(shown: judge.Judge) -> str:
    """Return which file a judge is and what it needs, for reading on a terminal."""
    units = judge.input_units()
    lines = [
        f"{shown.name}",
        f"  file       {shown.path}",
        f"  sha256     {shown.sha256}",
        f"  measures   version {shown.card.get('measures_version')}",
        "",
        "needs (missing ones widen the interval)",
        *(f"  {n:<40} {units[n]}" for n in shown.inputs),
    ]
    return "\n".join(lines)
