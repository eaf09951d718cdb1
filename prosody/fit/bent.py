"""Fit an axis whose terms may be bent: a smooth line for each, so that contributions stay exact.

What sounds sincere is often neither little nor much of something. Every term gets a line through
eight nodes; before any rating is seen, lines are taken to be small and smooth (a Gaussian process
at the nodes), so one ridge regression finds all of them at once. How smooth and how small is chosen
on speakers left out, as everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prosody.fit.model import AxisModel, Floats, Terms
from prosody.fit.train import (
    FULL_TAU_S,
    Spec,
    assemble,
    balanced,
    make_terms,
    out_of_fold,
    ridge,
)
from prosody.judge.judge import Z_80
from prosody.tables.rated_table import Rated

# In units of a term's spread; the outermost are where terms are cut.
NODES: Floats = np.array([-3.0, -2.0, -1.25, -0.5, 0.5, 1.25, 2.0, 3.0])
KNOTS: Floats = NODES[1:-1]
# The share of a line's variance that is a straight line's, before any rating is seen.
STRAIGHT = 0.3
# Over how much of a term a line bends; 4 is all but straight.
WIDTHS = (0.7, 1.0, 1.5, 4.0)
# In clips: so many speak against a spread that grows, before any rating is seen.
WIDENING_PRIOR = 10.0
STRENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on speakers left out.

    Parameters
    ----------
    width : float
        Smoothness of the lines.
    strength : float
        Strength of the ridge.
    held_out : ndarray [shape=(n,)]
        What each clip adds to the mean, told by the other speakers.
    """

    width: float
    strength: float
    held_out: Floats


def hats(z: Floats) -> Floats:
    """Return where terms lie between nodes: weights of the nodes. Shape (n, p, nodes)."""
    z = np.clip(z, NODES[0], NODES[-1])
    low = np.clip(np.searchsorted(NODES, z, side="right") - 1, 0, len(NODES) - 2)
    part = (z - NODES[low]) / (NODES[low + 1] - NODES[low])
    out = np.zeros((*z.shape, len(NODES)))
    np.put_along_axis(out, low[..., None], (1 - part)[..., None], axis=2)
    np.put_along_axis(out, low[..., None] + 1, part[..., None], axis=2)
    return out


def root(width: float, terms: int) -> Floats:
    """Return a root of the covariance of a line's values at the nodes. Shape (nodes, nodes)."""
    gap = NODES[:, None] - NODES
    covariance = STRAIGHT * np.outer(NODES, NODES) + (1 - STRAIGHT) * np.exp(
        -0.5 * (gap / width) ** 2
    )
    values, vectors = np.linalg.eigh(covariance / terms)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def choose_bends(
    z: Floats,
    y: Floats,
    speaker: NDArray[np.str_],
    weight: Floats,
    widths: Sequence[float] = WIDTHS,
    strengths: Sequence[float] = STRENGTHS,
) -> Choice:
    """Choose smoothness and strength by the error on speakers left out, one by one.

    Leaving one out needs no new fit: with ``H`` the matrix that turns ratings into predictions, the
    errors of a speaker's clips are ``(I - H[g, g])^-1 (y - H y)[g]``.
    """
    h = hats(z)
    scale = np.sqrt(weight)
    target = (y - np.average(y, weights=weight)) * scale
    rows = [np.flatnonzero(speaker == name) for name in np.unique(speaker)]
    best: tuple[float, Choice] | None = None
    for width in sorted(widths, reverse=True):
        phi = (h @ root(width, z.shape[1])).reshape(len(z), -1)
        phi = (phi - np.average(phi, axis=0, weights=weight)) * scale[:, None]
        # There are far fewer nodes than clips, so directions are those of the nodes.
        values, vectors = np.linalg.eigh(phi.T @ phi)
        turned = phi @ vectors
        told = turned.T @ target
        for strength in sorted(strengths, reverse=True):
            shrunk = turned / (np.maximum(values, 0.0) + strength)
            error_in = target - shrunk @ told
            left = np.zeros(len(y))
            for i in rows:
                own = np.eye(len(i)) - shrunk[i] @ turned[i].T
                left[i] = np.linalg.solve(own, error_in[i])
            error = float(np.mean(left**2))
            if best is None or error < best[0]:
                best = error, Choice(width, strength, (target - left) / scale)
    assert best is not None
    return best[1]


def fit_bent(
    rated: Rated,
    wanted: Sequence[Spec],
    *,
    cut: float = 0.0,
    balance: float = 0.5,
    level: float | None = None,
    habits: Rated | None = None,
    share: float = 0.8,
    widths: Sequence[float] = WIDTHS,
    wider: Collection[str] = (),
) -> AxisModel:
    """Fit one axis to rated clips, a bent line for every term.

    Parameters are those of :func:`prosody.fit.train.fit_axis`; relative measures are taken as they
    stand where there is a baseline. `wider` names measures with whose habit the spread of the
    ratings may grow.
    """
    rated = rated.take(~np.isnan(rated.rating))
    terms = make_terms(rated, wanted, habits=habits)
    terms = replace(terms, tau_s=np.full(len(wanted), FULL_TAU_S))
    inputs = (*terms.columns(), "baseline_s")
    z, *_ = terms.evaluate(rated.matrix(inputs), inputs)
    y, weight = rated.rating, balanced(rated.speaker, balance)
    chosen = choose_bends(z, y, rated.speaker, weight, widths)
    # The interval takes the lines as straight: clips far from the others are judged less surely.
    straight = chosen.strength * len(wanted)
    _, unlike = out_of_fold(z, y, rated.speaker, weight, straight, level)
    middle = float(np.average(y, weights=weight)) if level is None else level
    off = np.abs(y - middle - chosen.held_out) / np.sqrt(1 + unlike)
    grows = np.zeros(len(wanted))
    which = [i for i, spec in enumerate(wanted) if spec.habit and spec.measure in wider]
    grows[which] = widening(z[:, which], off, weight)
    noise = max(float(np.quantile(off / np.exp(z @ grows), share) / Z_80) ** 2, 1e-12)
    turn = root(chosen.width, len(wanted))
    phi = (hats(z) @ turn).reshape(len(z), -1)
    weights, bias = ridge(phi, y, chosen.strength, weight, level)
    lines = weights.reshape(len(wanted), -1) @ turn.T
    axis = drawn(terms, lines, bias, z, weight, straight, noise, cut)
    return replace(axis, wider=grows) if which else axis


def widening(z: Floats, off: Floats, weight: Floats) -> Floats:
    """Return by how much the logarithm of the residuals' spread grows with each term. Shape (k,).

    Harvey's multiplicative heteroscedasticity (Econometrica 44, 1976) by maximum likelihood: a
    gamma regression of squared residuals with a logarithmic link, drawn a little towards none.

    Parameters
    ----------
    z : ndarray [shape=(n, k)]
    off : ndarray [shape=(n,)]
        Sizes of the residuals on speakers left out.
    weight : ndarray [shape=(n,)]
    """
    x = np.column_stack([np.ones(len(z)), z])
    prior = np.diag([0.0, *[WIDENING_PRIOR] * z.shape[1]])
    gram = (x * weight[:, None]).T @ x + prior
    growth = np.zeros(x.shape[1])
    growth[0] = np.log(max(float(np.average(off**2, weights=weight)), 1e-24))
    for _ in range(50):
        more = off**2 / np.exp(x @ growth) - 1.0
        step = np.linalg.solve(gram, (x * weight[:, None]).T @ more - prior @ growth)
        growth = growth + np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(growth[1:] / 2.0)


def drawn(
    terms: Terms,
    lines: Floats,
    bias: float,
    z: Floats,
    weight: Floats,
    strength: float,
    noise: float,
    cut: float = 0.0,
) -> AxisModel:
    """Return an axis from the values of its lines at the nodes (shape (p, nodes))."""
    slopes = np.diff(lines, axis=1) / np.diff(NODES)
    middle = len(NODES) // 2
    at_0 = (lines[:, middle - 1] + lines[:, middle]) / 2
    average = np.average(np.sum(hats(z) * lines, axis=2), axis=0, weights=weight)
    coef = slopes[:, middle - 1]
    straight = assemble(terms, coef, bias + float(average.sum()), z, weight, strength, noise, cut)
    bent = replace(straight, knots=KNOTS, bends=np.diff(slopes, axis=1), offset=at_0 - average)
    added = z * bent.slope(z)
    off, gone = z - z.mean(axis=0), added - added.mean(axis=0)
    spread = np.sqrt(np.mean(off**2, axis=0))
    sign = np.where(np.sum(off * gone, axis=0) < 0, -1.0, 1.0)
    effect = sign * np.sqrt(np.mean(gone**2, axis=0)) / np.where(spread > 0, spread, 1.0)
    return replace(bent, effect=effect)
