"""Fit one axis: terms from the data, ridge weights, and an honest residual.

Everything that is estimated is estimated from the rows given, the strength of the ridge included
(by leaving speakers out inside), so that a caller who leaves speakers out outside gets figures in
which nothing was chosen on the speakers that are tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prosody.fit.model import AxisModel, Floats, Terms, log2
from prosody.judge.judge import Z_80
from prosody.measures import table
from prosody.tables.rated_table import NOMINAL_CLIP_S, Rated

STRENGTHS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 1000.0, 3000.0)
# The variance of a median over n is pi/2 times that of a mean.
MEDIAN_LOSS = float(np.pi / 2)
# Seconds of baseline that count for half where speakers differ as much as takes of one speaker do
# not at all; see prosody.fit.model.
FULL_TAU_S = MEDIAN_LOSS * NOMINAL_CLIP_S
LOUDNESS = "loudness_mean"
# Level is the microphone's, duration the wording's.
NEVER = ("level_dbfs", "duration_s")
# Directions of the terms' covariance that the interval keeps.
SPREAD_RANK = 12
GAIN_FREE = ("loudness_cv", "flux_cv", "loudness_trend_per_s")


@dataclass(frozen=True, slots=True)
class Spec:
    """One term: a measure, relative to the speaker or as it is.

    Parameters
    ----------
    measure : str
    relative : bool
    level : bool
        Whether the term is freed of the gain of line and handset: loudness and flux are then taken
        relative to mean loudness.
    habit : bool
        Whether an absolute term looks at the speaker's habit instead of the clip.
    """

    measure: str
    relative: bool = True
    level: bool = False
    habit: bool = False


def scales_with_gain(measure: str) -> bool:
    """Return whether a measure grows with the gain of the line."""
    if measure in GAIN_FREE:
        return False
    return table.BY_NAME[measure].family == "loudness" or measure.startswith("flux")


def specs(
    *,
    relative: bool,
    families: Sequence[str],
    names: Sequence[str],
    gain_free: bool | None = None,
    fit_only: bool = True,
) -> list[Spec]:
    """Return a term for every measure of the families that is fit for judging.

    Parameters
    ----------
    relative : bool
        Relative or absolute terms.
    families : sequence of str
    names : sequence of str
        Measures that there are values of.
    gain_free : bool, optional
        Whether terms are freed of the gain; by default absolute ones are, and relative ones are not
        (one call has one gain).
    fit_only : bool
        Leave out what does not survive the telephone (``fit_for_judging`` of the table).
    """
    free = not relative if gain_free is None else gain_free
    return [
        Spec(m.name, relative, free and scales_with_gain(m.name))
        for m in table.MEASURES
        if m.family in families
        and (m.fit_for_judging or not fit_only)
        and m.name not in NEVER
        and m.relative != "none"
        and m.name in names
        and not (free and m.name == "loudness_mean")
    ]


def make_terms(
    rated: Rated, wanted: Sequence[Spec], *, habits: Rated | None = None, limit: float = 3.0
) -> Terms:
    """Estimate centre, spread and what a baseline is worth, of every term.

    Parameters
    ----------
    rated : Rated
        The clips that the terms are for.
    wanted : sequence of Spec
    habits : Rated, optional
        Clips with several per speaker, to part variance within speakers from that between them;
        `rated` itself by default.
    limit : float
        Cut of the terms, in units of their spread.
    """
    p = len(wanted)
    centre, scale, within, tau = np.zeros(p), np.ones(p), np.ones(p), np.full(p, FULL_TAU_S)
    guess = np.zeros(p, dtype=bool)
    for i, spec in enumerate(wanted):
        x = _values(rated, spec)
        ok = ~np.isnan(x)
        centre[i] = float(np.median(x[ok])) if ok.any() else 0.0
        shown = _values(habits, spec) if habits is not None else x
        whose = habits.speaker if habits is not None else rated.speaker
        known = ~np.isnan(shown)
        inside, between = variances(shown[known], whose[known])
        if inside > 0 and between > 0:
            within[i] = inside / (inside + between)
            tau[i] = FULL_TAU_S * (1 + inside / between)
        if spec.relative:
            rel = _relative_values(rated, spec)
            rel = rel[~np.isnan(rel)]
            scale[i] = float(np.sqrt(np.mean(rel**2))) if len(rel) else 1.0
            # What a line changes is taken as unknown without a baseline, not guessed.
            guess[i] = between > 0 and table.BY_NAME[spec.measure].fit_absolute
        elif ok.any():
            scale[i] = float(np.std(x[ok]))
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    return Terms(
        tuple(s.measure for s in wanted),
        np.array([s.relative for s in wanted], dtype=bool),
        np.array([s.level for s in wanted], dtype=bool),
        centre,
        scale,
        within,
        guess,
        np.array([s.habit for s in wanted], dtype=bool),
        tau,
        limit,
    )


def _values(rated: Rated, spec: Spec) -> Floats:
    """Return the absolute values of a term: logarithm of ratios, gain taken out."""
    x = rated.columns.get(spec.measure, np.full(len(rated), np.nan))
    x = log2(x) if table.BY_NAME[spec.measure].relative == "log2_ratio" else x
    if spec.level and LOUDNESS in rated.columns:
        x = x - log2(rated.columns[LOUDNESS])
    return x


def _relative_values(rated: Rated, spec: Spec) -> Floats:
    none = np.full(len(rated), np.nan)
    rel = rated.columns.get(table.BY_NAME[spec.measure].relative_name, none)
    if spec.level:
        rel = rel - rated.columns.get(table.BY_NAME[LOUDNESS].relative_name, none)
    return rel


def variances(x: Floats, speaker: NDArray[np.str_]) -> tuple[float, float]:
    """Return the variance within speakers and between their habits (one-way, unbalanced)."""
    names, index, count = np.unique(speaker, return_inverse=True, return_counts=True)
    n, k = len(x), len(names)
    if k < 2 or n <= k:
        return 0.0, 0.0
    means = np.bincount(index, x) / count
    within = float(np.sum((x - means[index]) ** 2) / (n - k))
    k0 = (n - float(np.sum(count**2)) / n) / (k - 1)
    between = float(np.sum(count * (means - x.mean()) ** 2) / (k - 1))
    return within, max((between - within) / k0, 0.0)


def balanced(speaker: NDArray[np.str_], power: float = 0.5) -> Floats:
    """Return weights of mean 1 that take `power` of a speaker's excess of clips away."""
    _, index, count = np.unique(speaker, return_inverse=True, return_counts=True)
    w = 1 / count[index].astype(np.float64) ** power
    return np.asarray(w / w.mean())


def ridge(
    x: Floats, y: Floats, strength: float, weight: Floats, level: float | None = None
) -> tuple[Floats, float]:
    """Return weights and bias of a ridge regression (the bias is not penalised).

    With `level` the rating of an average clip is not estimated but known: ratings that were
    standardised have mean 0, and estimating it again from a few speakers only adds noise.
    """
    mx = np.average(x, axis=0, weights=weight)
    my = float(np.average(y, weights=weight)) if level is None else level
    root = np.sqrt(weight)[:, None]
    a = (x - mx) * root
    b = (y - my) * root[:, 0]
    coef = np.linalg.solve(a.T @ a + strength * np.eye(x.shape[1]), a.T @ b)
    return np.asarray(coef, dtype=np.float64), my - float(mx @ coef)


def known_level(rating: Floats) -> float | None:
    """Return 0 where ratings were standardised over the table, else None."""
    known = rating[~np.isnan(rating)]
    return 0.0 if len(known) and abs(known.mean()) <= 0.02 * known.std() else None


def folds(speaker: NDArray[np.str_], most: int = 24) -> list[NDArray[np.bool_]]:
    """Return test masks that leave speakers out, one by one or in at most `most` groups."""
    names = np.unique(speaker)
    part = np.arange(len(names)) % min(most, len(names))
    # Spread neighbours in the alphabet (often recorded together) over the folds.
    return [np.isin(speaker, names[part == i]) for i in range(part.max() + 1)]


def out_of_fold(
    x: Floats,
    y: Floats,
    speaker: NDArray[np.str_],
    weight: Floats,
    strength: float,
    level: float | None = None,
    most: int = 24,
) -> tuple[Floats, Floats]:
    """Return ridge predictions of each speaker from the others, and how unlike them each clip is.

    The second is the variance of the prediction by the uncertain weights, in units of the noise.
    """
    out, unlike = np.zeros(len(y)), np.zeros(len(y))
    for test in folds(speaker, most):
        rest = ~test
        coef, bias = ridge(x[rest], y[rest], strength, weight[rest], level)
        out[test] = x[test] @ coef + bias
        inverse = posterior(x[rest], weight[rest], strength)
        unlike[test] = np.sum((x[test] @ inverse) * x[test], axis=1)
    return out, unlike


def posterior(z: Floats, weight: Floats, strength: float) -> Floats:
    """Return the covariance of ridge weights in units of the noise. Shape (p, p)."""
    gram = (z * weight[:, None]).T @ z + strength * np.eye(z.shape[1])
    return np.asarray(np.linalg.inv(gram), dtype=np.float64)


def choose(
    z: Floats,
    y: Floats,
    speaker: NDArray[np.str_],
    weight: Floats,
    strengths: Sequence[float],
    level: float | None = None,
    share: float = 0.8,
) -> tuple[float, float]:
    """Choose the ridge strength on speakers left out, and measure the noise there.

    Returns
    -------
    strength : float
        With the least mean squared error.
    noise : float
        Variance of ratings around a prediction from certain weights, such that the 80 % interval
        holds `share` of the clips of speakers left out.
    """
    best: tuple[float, float, float] | None = None
    for strength in sorted(strengths, reverse=True):
        held_out, unlike = out_of_fold(z, y, speaker, weight, strength, level)
        error = float(np.average((y - held_out) ** 2, weights=weight))
        if best is None or error < best[0]:
            shape = np.abs(y - held_out) / np.sqrt(1 + unlike)
            best = (error, strength, float(np.quantile(shape, share) / Z_80) ** 2)
    assert best is not None
    return best[1], max(best[2], 1e-12)


def assemble(
    terms: Terms,
    coef: Floats,
    bias: float,
    z: Floats,
    weight: Floats,
    strength: float,
    noise: float,
    cut: float = 0.0,
) -> AxisModel:
    """Return a linear axis with its interval.

    The ridge is the posterior mean of a Bayesian regression: beside the constant noise, clips that
    are unlike the training data have a wider interval, by the posterior of the weights.
    """
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(z.T)))
    top = np.argsort(values)[::-1][:SPREAD_RANK]
    spread = (vectors[:, top] * np.sqrt(np.maximum(values[top], 0.0))).T
    rest: Floats = np.maximum(np.var(z, axis=0, ddof=1) - np.sum(spread**2, axis=0), 0.0)
    covariance = noise * posterior(z, weight, strength)
    expected = np.maximum(np.sum(covariance * np.atleast_2d(np.cov(z.T)), axis=1), 0.0)
    return AxisModel(
        terms, coef, bias, spread, rest, covariance, expected, float(np.sqrt(noise)), cut
    )


def fit_axis(
    rated: Rated,
    wanted: Sequence[Spec],
    *,
    cut: float = 0.0,
    strengths: Sequence[float] = STRENGTHS,
    balance: float = 0.5,
    level: float | None = None,
    habits: Rated | None = None,
    whole: bool = False,
    share: float = 0.8,
) -> AxisModel:
    """Fit one axis to rated clips.

    Parameters
    ----------
    rated : Rated
        Rows with a rating.
    wanted : sequence of Spec
        Terms to use.
    cut : float
        Rating that parts the two sides.
    strengths : sequence of float
        Ridge strengths to choose from, by the error on speakers left out.
    balance : float
        0 counts every clip alike, 1 every speaker.
    level : float, optional
        Mean of the ratings where it is known; see :func:`ridge`.
    habits : Rated, optional
        See :func:`make_terms`.
    whole : bool
        Take relative measures as they stand where there is a baseline, instead of drawing those in
        which speakers hardly differ towards what the absolute value says: that is right for more
        clips of one corpus, and wrong where a call is faster or louder than what the corpus read.
    share : float
        Share of the clips of speakers left out that the 80 % interval is made to hold.
    """
    rated = rated.take(~np.isnan(rated.rating))
    terms = make_terms(rated, wanted, habits=habits)
    if whole:
        terms = replace(terms, tau_s=np.full(len(wanted), FULL_TAU_S))
    inputs = (*terms.columns(), "baseline_s")
    z, *_ = terms.evaluate(rated.matrix(inputs), inputs)
    y, weight = rated.rating, balanced(rated.speaker, balance)
    strength, noise = choose(z, y, rated.speaker, weight, strengths, level, share)
    coef, bias = ridge(z, y, strength, weight, level)
    return assemble(terms, coef, bias, z, weight, strength, noise, cut)
