"""Fit one axis: a straight line for each difference from the speaker's own other speech.

Everything that is estimated is estimated from the rows given, the strength of the ridge included
(by leaving speakers out inside), so that a caller who leaves speakers out outside gets figures in
which nothing was chosen on the speakers that are tested. What an axis says of a clip is written
once, as the graph of :mod:`prosody.fit.graph`; training reads its terms from there, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.fit import graph
from prosody.fit.axis import Axis, Noise, relative_name
from prosody.statistics.intervals import Z_80
from prosody.tables.rated_table import Floats, Rated

STRENGTHS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 1000.0, 3000.0)
LEAST_SD = 1e-6


def terms(rated: Rated, measures: Sequence[str], scale: Floats) -> Floats:
    """Return the terms of clips, as the judge's graph makes them. Shape (n, p)."""
    p = len(measures)
    nothing = np.zeros((p, p))
    plain = Axis(tuple(measures), scale, np.ones(p), 0.0, 1.0, nothing, nothing)
    return graph.predict(plain, rated)[2][:, :p]


def scales(rated: Rated, measures: Sequence[str]) -> Floats:
    """Return the root mean square of each difference; 1 where there is none. Shape (p,)."""
    rel = rated.matrix([relative_name(m) for m in measures]).astype(np.float64)
    known = ~np.isnan(rel)
    square = np.sum(np.nan_to_num(rel) ** 2, axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(square > 0, np.sqrt(square), 1.0)


def balanced(speaker: NDArray[np.str_]) -> Floats:
    """Return weights of mean 1 that take half of a speaker's excess of clips away (a root)."""
    _, index, count = np.unique(speaker, return_inverse=True, return_counts=True)
    w = 1 / count[index].astype(np.float64) ** 0.5
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


def folds(speaker: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
    """Return test masks that leave speakers out, one by one or in at most 24 groups."""
    names = np.unique(speaker)
    part = np.arange(len(names)) % min(24, len(names))
    # Spread neighbours in the alphabet (often recorded together) over the folds.
    return [np.isin(speaker, names[part == i]) for i in range(part.max() + 1)]


def out_of_fold(x: Floats, y: Floats, speaker: NDArray[np.str_], strength: float) -> Floats:
    """Return ridge predictions of each speaker from the others. Shape (n,)."""
    out = np.zeros(len(y))
    for test in folds(speaker):
        coef, bias = ridge(x[~test], y[~test], strength, np.ones(int(np.sum(~test))))
        out[test] = x[test] @ coef + bias
    return out


def choose(
    z: Floats, y: Floats, speaker: NDArray[np.str_], weight: Floats, level: float | None = None
) -> tuple[float, Floats]:
    """Choose the ridge strength with the least error on speakers left out.

    Returns
    -------
    strength : float
    error : ndarray [shape=(n,)]
        Of each clip, predicted from the other speakers at that strength.
    """
    strengths = np.array(STRENGTHS)
    error = np.zeros((len(strengths), len(y)))
    for test in folds(speaker):
        w, x = weight[~test], z[~test]
        mx = np.average(x, axis=0, weights=w)
        my = float(np.average(y[~test], weights=w)) if level is None else level
        a = (x - mx) * w[:, None]
        gram, along = a.T @ (x - mx), a.T @ (y[~test] - my)
        # All strengths at once.
        penalty = strengths[:, None, None] * np.eye(z.shape[1])
        coef = np.linalg.solve(gram + penalty, np.repeat(along[None, :, None], len(strengths), 0))
        error[:, test] = y[test] - my - coef[:, :, 0] @ (z[test] - mx).T
    cost = np.average(error**2, axis=1, weights=weight)
    best = int(np.argmin(cost))
    return float(strengths[best]), error[best]


def root(covariance: Floats) -> Floats:
    """Return r with r @ r.T equal to a covariance."""
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def weights_root(
    z: Floats, error: Floats, speaker: NDArray[np.str_], weight: Floats, strength: float
) -> Floats:
    """Return a root of the covariance of ridge weights, speakers taken as clusters.

    The sandwich of Liang & Zeger (1986): a speaker's clips err alike, so it is speakers that count.
    """
    bread = np.linalg.inv((z * weight[:, None]).T @ z + strength * np.eye(z.shape[1]))
    scores = (z - np.average(z, axis=0, weights=weight)) * (weight * error)[:, None]
    per_speaker = np.stack([scores[speaker == s].sum(axis=0) for s in np.unique(speaker)])
    return np.asarray(bread @ root(per_speaker.T @ per_speaker))


def residual(error: Floats, z: Floats, unlike: Floats) -> float:
    """Return the residual spread with which 80 % intervals hold 80 % of the clips left out."""
    beside = np.sum((z @ unlike) ** 2, axis=1)
    return float(np.sqrt(max(np.quantile((error / Z_80) ** 2 - beside, 0.8), LEAST_SD**2)))


def fit_axis(
    rated: Rated,
    measures: Sequence[str],
    *,
    level: float | None = None,
    noise: Noise | None = None,
) -> Axis:
    """Fit one axis to rated clips.

    Parameters
    ----------
    rated : Rated
        Rows without a rating are passed over.
    measures : sequence of str
    level : float, optional
        Mean of the ratings where it is known; see :func:`ridge`.
    noise : Noise, optional
        What noise adds to the interval; measured elsewhere.

    Raises
    ------
    UsageError
        If no clip can be held against other speech of its speaker.
    """
    rated = rated.take(~np.isnan(rated.rating))
    scale = scales(rated, measures)
    z = terms(rated, measures, scale)
    if not np.any(z):
        raise UsageError(
            "No clip can be held against other speech of its speaker.",
            "Give several clips a speaker, or the columns of 'prosody analyze' with baseline_s.",
        )
    y, weight = rated.rating, balanced(rated.speaker)
    strength, error = choose(z, y, rated.speaker, weight, level)
    coef, bias = ridge(z, y, strength, weight, level)
    unlike = weights_root(z, error, rated.speaker, weight, strength)
    return Axis(
        tuple(measures),
        scale,
        coef,
        bias,
        residual(error, z, unlike),
        unlike,
        root(np.cov(z.T)),
        noise,
    )
