"""Recipe of the shipped judge: what the plan in benchmarks/results/judge_plan.md decided."""

from __future__ import annotations

import numpy as np

from prosody.errors import UsageError
from prosody.fit.axis import Axis, Noise, relative_name
from prosody.fit.train import fit_axis
from prosody.tables.rated_table import Rated

# By the rule of benchmarks/results/judge_plan.md, which was written before anything was fitted.
MEASURES = (
    "pitch_mean_st", "pitch_p20_st", "pitch_p80_st", "pitch_range_st",
    "loudness_mean", "loudness_cv", "loudness_peaks_per_s",
    "alpha_ratio_db", "hammarberg_db",
)  # fmt: skip
# A table that lacks the mean may have the median.
INSTEAD = {"pitch_mean_st": "pitch_p50_st", "loudness_mean": "loudness_p50"}
# Measured on EmoDB with pink noise, white noise and babble ("noise" in
# benchmarks/results/judge.json); the same for either axis, in units of the ratings.
NOISE = Noise(-2.56, -0.166)


def measures_of(rated: Rated) -> tuple[str, ...]:
    """Return those of :data:`MEASURES` whose difference from other speech the table has.

    Raises
    ------
    UsageError
        If it has none.
    """
    out = []
    for name in MEASURES:
        for measure in (name, INSTEAD.get(name, name)):
            values = rated.columns.get(relative_name(measure))
            if values is not None and not np.all(np.isnan(values)):
                out.append(measure)
                break
    if not out:
        raise UsageError(
            "No clip can be held against other speech of its speaker in any measure of a judge.",
            f"Give several clips a speaker, with measures such as {', '.join(MEASURES[:3])} "
            "('prosody features' makes them).",
        )
    return tuple(out)


def fit_table(rated: Rated, level: float | None = None) -> Axis:
    """Fit either axis to a rated table, by the recipe of the shipped judge."""
    return fit_axis(rated, measures_of(rated), level=level, noise=NOISE)


def fit_sincere(rated: Rated) -> Axis:
    """Fit the shipped judge's axis: SinA-C's ratings were standardised, so their level is 0."""
    return fit_table(rated, level=0.0)
