"""Fit one axis: terms from the data, ridge weights, and an honest residual.

Everything that is estimated is estimated from the rows given, the strength of the ridge included
(by leaving speakers out inside), so that a caller who leaves speakers out outside gets figures in
which nothing was chosen on the speakers that are tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody import table
from prosody.fit.model import AxisModel, Floats, Terms, log2
from prosody.fit.tables import NOMINAL_CLIP_S, Rated

STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
# The variance of a median over n is pi/2 times that of a mean.
MEDIAN_LOSS = float(np.pi / 2)
# Absolute values of these say as much about line, handset and voice as about the moment: without a
# baseline they are taken as unknown, not guessed.
LINE_DEPENDENT = ("loudness", "balance")
GAIN_FREE = ("loudness_cv", "flux_cv", "loudness_trend_per_s")


@dataclass(frozen=True, slots=True)
class Spec:
    """One term: a measure, relative to the speaker or as it is."""

    measure: str
    relative: bool = True

    @property
    def level(self) -> bool:
        """Whether an absolute term must be freed of the gain of the line."""
        m = table.BY_NAME[self.measure]
        scales = m.family == "loudness" or self.measure.startswith("flux")
        return not self.relative and scales and self.measure not in GAIN_FREE


def specs(
    *, relative: bool, families: Sequence[str], names: Sequence[str] | None = None
) -> list[Spec]:
    """Return a term for every measure of the families that is fit for judging.

    Parameters
    ----------
    relative : bool
        Relative or absolute terms.
    families : sequence of str
    names : sequence of str, optional
        Measures that there are values of.
    """
    return [
        Spec(m.name, relative)
        for m in table.MEASURES
        if m.family in families
        and m.fit_for_judging
        and m.relative != "none"
        and not (not relative and m.name == "loudness_mean")
        and (names is None or m.name in names)
    ]


def make_terms(rated: Rated, wanted: Sequence[Spec], limit: float = 3.0) -> Terms:
    """Estimate centre, spread, fallback and baseline constant of every term."""
    p = len(wanted)
    centre, scale = np.zeros(p), np.ones(p)
    fallback, tau = np.zeros(p), np.ones(p)
    loud = log2(rated.columns["loudness_mean"]) if "loudness_mean" in rated.columns else None
    for i, spec in enumerate(wanted):
        m = table.BY_NAME[spec.measure]
        x = rated.columns.get(spec.measure, np.full(len(rated), np.nan))
        x = log2(x) if m.relative == "log2_ratio" else x
        if spec.level and loud is not None:
            x = x - loud
        ok = ~np.isnan(x)
        centre[i] = float(np.median(x[ok])) if ok.any() else 0.0
        if not spec.relative:
            scale[i] = float(np.std(x[ok])) if ok.any() else 1.0
            fallback[i] = 1.0
        else:
            rel = rated.columns.get(m.relative_name, np.full(len(rated), np.nan))
            known = rel[~np.isnan(rel)]
            scale[i] = float(np.sqrt(np.mean(known**2))) if len(known) else 1.0
            within, between = _variances(x[ok], rated.speaker[ok])
            if between > 0 and within > 0:
                tau[i] = MEDIAN_LOSS * NOMINAL_CLIP_S * (1 + within / between)
                if m.family not in LINE_DEPENDENT or spec.measure in GAIN_FREE:
                    fallback[i] = within / (within + between)
            else:
                tau[i] = MEDIAN_LOSS * NOMINAL_CLIP_S
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    return Terms(
        tuple(s.measure for s in wanted),
        np.array([s.relative for s in wanted], dtype=bool),
        np.array([s.level for s in wanted], dtype=bool),
        centre,
        scale,
        fallback,
        tau,
        limit,
    )


def _variances(x: Floats, speaker: NDArray[np.str_]) -> tuple[float, float]:
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


def ridge(x: Floats, y: Floats, strength: float, weight: Floats) -> tuple[Floats, float]:
    """Return weights and bias of a ridge regression (the bias is not penalised)."""
    mx: Floats = np.average(x, axis=0, weights=weight).astype(np.float64)
    my = float(np.average(y, weights=weight))
    root = np.sqrt(weight)[:, None]
    a = (x - mx) * root
    b = (y - my) * root[:, 0]
    coef: Floats = np.linalg.solve(a.T @ a + strength * np.eye(x.shape[1]), a.T @ b)
    return coef, my - float(mx @ coef)


def folds(speaker: NDArray[np.str_], most: int = 24) -> list[NDArray[np.bool_]]:
    """Return test masks that leave speakers out, one by one or in at most `most` groups."""
    names = np.unique(speaker)
    part = np.arange(len(names)) % min(most, len(names))
    # Spread neighbours in the alphabet (often recorded together) over the folds.
    return [np.isin(speaker, names[part == i]) for i in range(part.max() + 1)]


def out_of_fold(
    x: Floats, y: Floats, speaker: NDArray[np.str_], weight: Floats, strength: float, most: int = 24
) -> Floats:
    """Return ridge predictions of each speaker from the others."""
    out = np.zeros(len(y))
    for test in folds(speaker, most):
        coef, bias = ridge(x[~test], y[~test], strength, weight[~test])
        out[test] = x[test] @ coef + bias
    return out


def fit_axis(
    rated: Rated,
    wanted: Sequence[Spec],
    *,
    cut: float = 0.0,
    strengths: Sequence[float] = STRENGTHS,
    balance: float = 0.5,
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
    """
    ok = ~np.isnan(rated.rating)
    rated = rated.take(ok)
    terms = make_terms(rated, wanted)
    inputs = (*terms.columns(), "baseline_s")
    z, _, _ = terms.evaluate(rated.matrix(inputs), inputs)
    y, weight = rated.rating, balanced(rated.speaker, balance)
    best: tuple[float, float] | None = None
    for strength in sorted(strengths, reverse=True):
        held_out = out_of_fold(z, y, rated.speaker, weight, strength)
        error = float(np.average((y - held_out) ** 2, weights=weight))
        if best is None or error < best[0]:
            best = (error, strength)
    assert best is not None
    coef, bias = ridge(z, y, best[1], weight)
    return AxisModel(
        terms,
        np.empty(0),
        coef[None, :],
        bias,
        np.atleast_2d(np.cov(z.T)),
        float(np.sqrt(best[0])),
        cut,
    )
