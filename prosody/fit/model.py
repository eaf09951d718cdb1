"""The form of a judge: an additive model of measures that says how sure it is.

One axis is a sum of one curve per measure. A measure is looked at either relative to the same
speaker's other speech, or as it is. What is missing counts as average, and widens the interval.

For a relative measure with a baseline of ``b`` seconds, let the clip's deviation from the speaker's
habit be ``d ~ N(0, s2)``, the speaker's habit ``m ~ N(mu, t2)`` and the baseline a noisy view of it
with variance ``kappa / b``. The best guess of ``d`` given clip and baseline is then
``w * relative + (1 - w) * a * (absolute - mu)`` with ``w = b / (b + tau)``, ``a = s2 / (s2 + t2)``,
``tau = kappa * (1/s2 + 1/t2)``, and its error variance is ``(1 - w) * (1 - a) * s2``. So a full, a
short and no baseline are one formula, and the interval grows by itself.

This module is the NumPy reference; :mod:`prosody.fit.graph` writes the same as ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody import table

Floats = NDArray[np.float64]
LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True)
class Terms:
    """The measures of one axis and how each is turned into a number of order one.

    Parameters
    ----------
    measures : tuple of str
        Names of absolute measures, one per term.
    relative : ndarray of bool [shape=(p,)]
        Whether the term looks at the relative measure.
    level : ndarray of bool [shape=(p,)]
        Absolute terms that scale with the gain of the line: their logarithm is taken relative to
        the logarithm of mean loudness, so that gain changes nothing.
    centre, scale : ndarray [shape=(p,)]
        Population mean of the absolute measure (after logarithm and gain), and the spread that
        one unit of the term stands for.
    fallback : ndarray [shape=(p,)]
        ``a`` above: how much of an absolute deviation is the clip's own; 0 switches it off, 1 for
        absolute terms.
    tau_s : ndarray [shape=(p,)]
        Seconds of baseline at which it counts for half.
    limit : float
        Terms are cut at +- this many units: beyond it nothing was learned.
    """

    measures: tuple[str, ...]
    relative: NDArray[np.bool_]
    level: NDArray[np.bool_]
    centre: Floats
    scale: Floats
    fallback: Floats
    tau_s: Floats
    limit: float = 3.0

    @property
    def log(self) -> NDArray[np.bool_]:
        """Measures that are compared as ratios are taken as base-2 logarithms."""
        return np.array([table.BY_NAME[m].relative == "log2_ratio" for m in self.measures])

    @property
    def relative_names(self) -> tuple[str, ...]:
        """Columns with the relative measures of the terms."""
        return tuple(table.BY_NAME[m].relative_name for m in self.measures)

    def columns(self) -> tuple[str, ...]:
        """Return every column that the terms read, without ``baseline_s``."""
        names: list[str] = []
        for i, measure in enumerate(self.measures):
            if self.relative[i]:
                names.append(self.relative_names[i])
            if not self.relative[i] or self.fallback[i] != 0:
                names.append(measure)
            if self.level[i]:
                names.append("loudness_mean")
        return tuple(dict.fromkeys(names))

    def evaluate(
        self, columns: NDArray[np.floating], inputs: tuple[str, ...]
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Turn input columns into terms.

        Parameters
        ----------
        columns : ndarray [shape=(n, k)]
            Measures in the order of `inputs`; NaN where missing.

        Returns
        -------
        z : ndarray [shape=(n, p)]
            Terms, within +- `limit`; 0 where nothing is known.
        unknown : ndarray [shape=(n, p)]
            Share of the term's variance that is not known, 0 to 1.
        from_relative : ndarray of bool [shape=(n, p)]
            Whether a relative measure stood behind the term.
        """
        at = {name: i for i, name in enumerate(inputs)}
        x = np.asarray(columns, dtype=np.float64)
        nan = np.full(len(x), np.nan)

        def pick(name: str) -> Floats:
            return x[:, at[name]] if name in at else nan

        absolute = np.stack([pick(m) for m in self.measures], axis=1)
        absolute = np.where(self.log, log2(absolute), absolute)
        gain = log2(pick("loudness_mean"))[:, None]
        absolute = np.where(self.level, absolute - gain, absolute)
        rel = np.stack([pick(r) for r in self.relative_names], axis=1)
        has_abs = ~np.isnan(absolute) & (self.fallback != 0)
        has_rel = ~np.isnan(rel) & self.relative
        seconds = np.nan_to_num(pick("baseline_s"), nan=0.0)[:, None]
        weight = np.where(has_rel, seconds / (seconds + self.tau_s), 0.0)
        from_abs = np.where(has_abs, self.fallback * (absolute - self.centre), 0.0)
        u = weight * np.where(has_rel, rel, 0.0) + (1 - weight) * from_abs
        z = np.clip(u / self.scale, -self.limit, self.limit)
        unknown = (1 - weight) * np.where(has_abs, 1 - self.fallback, 1.0)
        return z, unknown, has_rel & (weight > 0)


def log2(x: Floats) -> Floats:
    """Return the base-2 logarithm, NaN where it does not exist."""
    return np.log2(np.where(x > 0, x, np.nan))


@dataclass(frozen=True, slots=True)
class AxisModel:
    """One axis of a judge.

    Parameters
    ----------
    terms : Terms
    knots : ndarray [shape=(h,)]
        Where curves may bend, in units of a term; empty for a linear model.
    coef : ndarray [shape=(1 + h, p)]
        Slope of each term, then its change of slope at each knot.
    bias : float
    covariance : ndarray [shape=(p, p)]
        Covariance of the terms over clips, for the interval where some are missing.
    residual_sd : float
        Standard deviation of a panel's mean around the rating when everything is known.
    cut : float
        Ratings above lie on the sincere (engaged) side.
    """

    terms: Terms
    knots: Floats
    coef: Floats
    bias: float
    covariance: Floats
    residual_sd: float
    cut: float = 0.0

    def curves(self, z: Floats) -> Floats:
        """Return what each term adds to the rating; 0 at z = 0. Shape (n, p)."""
        out: Floats = z * self.coef[0]
        for knot, change in zip(self.knots, self.coef[1:], strict=True):
            out = out + change * (np.maximum(z - knot, 0.0) - max(-knot, 0.0))
        return out

    @property
    def slope(self) -> Floats:
        """Mean slope of each curve between -1 and 1. Shape (p,)."""
        ends = self.curves(np.stack([np.ones(len(self.coef[0])), -np.ones(len(self.coef[0]))]))
        return np.asarray((ends[0] - ends[1]) / 2)

    def predict(
        self, columns: NDArray[np.floating], inputs: tuple[str, ...]
    ) -> tuple[Floats, Floats, Floats]:
        """Return rating [n], its standard deviation [n] and contributions [n, len(inputs)]."""
        z, unknown, from_relative = self.terms.evaluate(columns, inputs)
        added = self.curves(z)
        out = np.zeros((len(z), len(inputs)))
        at = {name: i for i, name in enumerate(inputs)}
        for i, measure in enumerate(self.terms.measures):
            if self.terms.relative[i]:
                out[:, at[self.terms.relative_names[i]]] += np.where(
                    from_relative[:, i], added[:, i], 0.0
                )
            if measure in at and self.terms.fallback[i] != 0:
                out[:, at[measure]] += np.where(from_relative[:, i], 0.0, added[:, i])
        spread = self.slope * np.sqrt(unknown)
        missing = np.einsum("np,pq,nq->n", spread, self.covariance, spread)
        sd = np.sqrt(self.residual_sd**2 + np.maximum(missing, 0.0))
        return self.bias + out.sum(axis=1), sd, out


@dataclass(frozen=True, slots=True)
class JudgeModel:
    """Axes that share one table of input columns."""

    axes: dict[str, AxisModel]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input columns in order: the table's, then ``baseline_s``."""
        used = {c for a in self.axes.values() for c in a.terms.columns()}
        order = [*table.RELATIVE_NAMES, *table.NAMES]
        return (*(n for n in order if n in used), "baseline_s")
