"""The recipe of the shipped judge: which measures, which corpora, which settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from prosody.fit.bent import fit_bent
from prosody.fit.evaluate import join
from prosody.fit.model import SNR, AxisModel, Noise, Terms
from prosody.fit.train import FULL_TAU_S, Spec, balanced, fit_axis, specs
from prosody.measures import table
from prosody.rating.ratings import Panel, read_nsc
from prosody.tables.rated_table import Rated, read_table

FAMILIES = ("pitch", "loudness", "tempo", "balance")
# What is said of a speaker's habit from a window of a few seconds as from a minute.
HABIT = ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_range_st")
# Ratings of high voices lie further from what is predicted of them.
WIDER = ("pitch_p50_st",)
# Measured on the judge that is shipped: "noise" in benchmarks/results/judge.json.
NOISE = {
    "sincere": Noise(0.0108, 39.0, -2.11, -0.090),
    "engaged": Noise(0.0, 0.0, -2.74, -0.125),
}
# Takes of one speaker that were asked to be fast or lively, and monotone or slow.
ANIMATED = {"PS-F": 1.0, "PS-L": 1.0, "PS-M": -1.0, "PS-S": -1.0}


def relative_specs(rated: Rated) -> list[Spec]:
    """Return a relative term for every measure that survives the telephone."""
    return specs(relative=True, families=FAMILIES, names=tuple(rated.columns))


def call_specs(rated: Rated) -> list[Spec]:
    """Return all that survives the telephone: differences, values, and the speaker's habits.

    A value counts twice, as the clip's and as the speaker's habit: takes are heard otherwise than
    voices.
    """
    as_they_are = [
        Spec(m.name, relative=False)
        for m in table.MEASURES
        if m.fit_absolute and m.name in rated.columns
    ]
    habits = [replace(s, habit=True) for s in as_they_are]
    return [*relative_specs(rated), *as_they_are, *habits]


def fit_sincere(
    rated: Rated, level: float | None = 0.0, noise: Noise = NOISE["sincere"]
) -> AxisModel:
    """Fit the axis *sincere*, a bent line for every term.

    SinA-C's ratings were standardised over the corpus: their level is 0.
    """
    rated, level = before_noise(rated, noise, level)
    axis = fit_bent(rated, call_specs(rated), level=level, wider=WIDER)
    return replace(axis, noise=noise)


def before_noise(rated: Rated, noise: Noise, level: float | None) -> tuple[Rated, float | None]:
    """Return ratings, and their known level, as they have to be before noise is taken out of them.

    What a judge takes out was not heard by the listeners, so its lines are fitted to ratings that
    still hold it. Nothing changes where ``snr_db`` is not known.
    """
    rated = rated.take(~np.isnan(rated.rating))
    if SNR not in rated.columns:
        return rated, level
    shift, _ = noise.at(rated.columns[SNR])
    if level is not None:
        level += float(np.average(shift, weights=balanced(rated.speaker)))
    return replace(rated, rating=rated.rating + shift), level


def fit_engaged(
    rated: Rated,
    styles: Rated | None = None,
    level: float | None = 0.0,
    noise: Noise = NOISE["engaged"],
) -> AxisModel:
    """Fit the axis *engaged* to clips of many speakers, one each.

    Differences between speakers come from `rated`, differences between takes of one speaker from
    `styles`: lively and fast against monotone and slow, since no ratings of engagement exist within
    a speaker. A clip is then the speaker's habit, weighed as speakers are, plus its deviation,
    weighed as takes are. Of the habit only :data:`HABIT` is used in calls: loudness and tempo of a
    window of three seconds are not on the scale of a minute of dialogue.

    Parameters
    ----------
    rated : Rated
        NSC.
    styles : Rated, optional
        SinA-C; without it every difference counts as one between speakers.
    """
    names = tuple(rated.columns)
    rated = rated.take(~np.isnan(rated.rating))
    habit = [Spec(m, relative=False) for m in HABIT if m in names]
    heard, known = before_noise(rated, noise, level)
    between = replace(fit_bent(heard, habit, level=known, habits=styles), noise=noise)
    if styles is None:
        return between
    step = float(np.std(rated.rating))
    target = np.array([ANIMATED.get(s, np.nan) for s in styles.groups["style"].tolist()]) * step
    within = specs(relative=True, families=FAMILIES, names=names, gain_free=True)
    return merge(between, fit_axis(replace(styles, rating=target), within, whole=True))


def merge(base: AxisModel, takes: AxisModel) -> AxisModel:
    """Join an axis between speakers with one between takes of a speaker.

    The first then looks at the speaker's habit, the second at the deviation from it.
    """
    t = takes.terms
    p, q = len(base.rest), len(takes.rest)

    def both(name: str) -> Any:
        return np.concatenate([getattr(base.terms, name), getattr(t, name)])

    terms = Terms(
        measures=(*base.terms.measures, *t.measures),
        relative=both("relative"),
        level=both("level"),
        centre=both("centre"),
        scale=both("scale"),
        within=both("within"),
        # What a take is against the habit is not guessed from how the voice sounds.
        guess=np.zeros(p + q, dtype=bool),
        habit=np.arange(p + q) < p,
        tau_s=np.full(p + q, FULL_TAU_S),
        limit=base.terms.limit,
    )
    posterior = np.zeros((p + q, p + q))
    posterior[:p, :p] = base.posterior
    # Takes of one speaker vary within what speakers vary in: no baseline, no more uncertainty.
    return AxisModel(
        terms,
        np.concatenate([base.coef, takes.coef]),
        base.bias,
        np.pad(base.spread, ((0, 0), (0, q))),
        np.pad(base.rest, (0, q)),
        posterior,
        np.pad(base.expected, (0, q)),
        base.residual_sd,
        base.cut,
        base.knots,
        np.pad(base.bends, ((0, q), (0, 0))),
        np.concatenate([base.coef if base.effect is None else base.effect, takes.coef]),
        None if base.offset is None else np.pad(base.offset, (0, q)),
        None if base.wider is None else np.pad(base.wider, (0, q)),
        base.noise,
    )


def fit_table(rated: Rated, level: float | None = None, axis: str = "sincere") -> AxisModel:
    """Fit either axis to a table of its own.

    Where speakers have several clips, differences within them count, as for *sincere*; a table with
    one clip a speaker only tells speakers apart. What noise does depends on `axis`, what is rated.
    """
    noise = NOISE[axis]
    several = len(np.unique(rated.speaker)) < len(rated) or rated.own_baseline
    if several:
        return fit_sincere(rated, level, noise)
    return fit_engaged(rated, level=level, noise=noise)


def read_sinac(path: Path | str) -> Rated:
    """Read the table of SinA-C: ratings and functionals in one file."""
    return read_table(path)


def read_nsc_folder(folder: Path | str, items: dict[str, int] | None = None) -> tuple[Rated, Panel]:
    """Read NSC: functionals and single ratings from a folder."""
    folder = Path(folder)
    panel = read_nsc(folder / "ratings_dev.csv", items)
    rated = join(read_table(folder / "egemaps_dev.csv", need_rating=False), panel)
    return rated.take(~np.isnan(rated.rating)), panel
