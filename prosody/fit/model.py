"""The form of a judge: an additive model of measures that says how sure it is.

One axis is a sum of terms, each by a line of its own, straight or bent. A term looks at a measure
relative to the same speaker's other speech, as it is, or as the speaker's habit is. What is missing
counts as average, and widens the interval.

For a measure with a baseline of ``b`` seconds, let the clip's deviation from the speaker's habit be
``d ~ N(0, s2)``, the habit ``m ~ N(mu, t2)``, and the baseline a noisy view of the habit with
variance ``kappa / b``. The best guess of ``d`` given clip and baseline is then
``w * relative + (1 - w) * a * (absolute - mu)`` with ``w = b / (b + tau)``, ``a = s2 / (s2 + t2)``,
``tau = kappa * (1/s2 + 1/t2)``, and its error variance is ``(1 - w) * (1 - a) * s2``. So a full, a
short and no baseline are one formula, and the interval grows by itself. In the same way the best
guess of ``d + m``, where the absolute value is unknown, is ``w * relative``; a share ``w * a`` of
its variance is then known.

This module is the NumPy reference; :mod:`prosody.fit.graph` writes the same as ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from prosody.measures import table

Floats = NDArray[np.float64]
LN2 = float(np.log(2.0))
NEAR_0 = 1e-6
# Column with the level of the speech over that of the noise around it.
SNR = "snr_db"
# Beyond these nothing was measured, and a clip of digital silence has no bounds.
SNR_RANGE_DB = (0.0, 60.0)


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
    within : ndarray [shape=(p,)]
        ``a`` above: the share of the measure's variance that lies within speakers.
    guess : ndarray of bool [shape=(p,)]
        Relative terms that may be guessed from the absolute value where the baseline is short or
        missing. Not for what depends on line and handset.
    habit : ndarray of bool [shape=(p,)]
        Absolute terms that look at the speaker's habit: the deviation is taken out, where known.
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
    within: Floats
    guess: NDArray[np.bool_]
    habit: NDArray[np.bool_]
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
            names.append(self.relative_names[i])
            if not self.relative[i] or self.guess[i]:
                names.append(measure)
            if self.level[i]:
                names += ["loudness_mean", table.BY_NAME["loudness_mean"].relative_name]
        return tuple(dict.fromkeys(names))

    def evaluate(
        self, columns: NDArray[np.floating], inputs: tuple[str, ...]
    ) -> tuple[Floats, Floats, Floats, Floats]:
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
        from_relative : ndarray [shape=(n, p)]
            The part of `z` that the relative measure tells; the absolute one tells the rest.
        by_relative : ndarray [shape=(n, p)]
            Share of the term's variance that is known from the relative measure.
        """
        at = {name: i for i, name in enumerate(inputs)}
        x = np.asarray(columns, dtype=np.float64)
        nan = np.full(len(x), np.nan)

        def pick(name: str) -> Floats:
            return x[:, at[name]] if name in at else nan

        absolute = np.stack([pick(m) for m in self.measures], axis=1)
        absolute = np.where(self.log, log2(absolute), absolute)
        rel = np.stack([pick(r) for r in self.relative_names], axis=1)
        gain = log2(pick("loudness_mean"))[:, None]
        gain_rel = pick(table.BY_NAME["loudness_mean"].relative_name)[:, None]
        absolute = np.where(self.level, absolute - gain, absolute) - self.centre
        rel = np.where(self.level, rel - gain_rel, rel)
        has_abs = ~np.isnan(absolute) & (self.guess | ~self.relative)
        seconds = np.nan_to_num(pick("baseline_s"), nan=0.0)[:, None]
        weight = np.where(np.isnan(rel), 0.0, seconds / (seconds + self.tau_s))
        deviation = weight * np.nan_to_num(rel) / self.scale
        known = np.where(self.habit, -weight, 0.0)
        weight = np.where(~self.relative, np.where(has_abs, known, ~self.habit * weight), weight)
        share = np.where(self.relative, (1 - weight) * self.within, 1.0)
        by_rel = weight * np.nan_to_num(rel) / self.scale
        by_abs = np.where(has_abs, share * np.nan_to_num(absolute), 0.0) / self.scale
        # Cut at the limit, both parts alike.
        cut = self.limit / np.maximum(np.abs(by_rel + by_abs), self.limit)
        z = (by_rel + by_abs) * cut
        unknown = np.where(
            self.relative,
            (1 - weight) * np.where(has_abs, 1 - self.within, 1.0),
            np.where(has_abs, 0.0, 1 - weight * self.within),
        )
        by_relative = weight * np.where(self.habit, 0.0, np.where(self.relative, 1.0, self.within))
        # A value is the habit and the deviation from it: each part is told from its own column.
        value = ~self.relative & ~self.habit
        own = np.where(value & has_abs, deviation, by_rel)
        return z, unknown, np.where(self.habit, 0.0, own * cut), by_relative


def log2(x: Floats) -> Floats:
    """Return the base-2 logarithm, NaN where it does not exist."""
    return np.log2(np.where(x > 0, x, np.nan))


@dataclass(frozen=True, slots=True)
class Noise:
    """What noise around a voice does to a rating, by the distance of the two in dB (``snr_db``).

    Parameters
    ----------
    shift_per_db, quiet_db : float
        Every decibel below `quiet_db` moves the rating by so much, which is taken out.
    log_variance, variance_per_db : float
        What is left has the variance ``exp(log_variance + variance_per_db * snr_db)``.
    """

    shift_per_db: float
    quiet_db: float
    log_variance: float
    variance_per_db: float

    def at(self, snr_db: Floats) -> tuple[Floats, Floats]:
        """Return shift and variance; 0 where the level of the noise is not known. Shape (n,)."""
        heard = np.clip(np.nan_to_num(snr_db), *SNR_RANGE_DB)
        shift = self.shift_per_db * np.maximum(self.quiet_db - heard, 0.0)
        variance = np.exp(self.log_variance + self.variance_per_db * heard)
        known = ~np.isnan(snr_db)
        return np.where(known, shift, 0.0), np.where(known, variance, 0.0)

    def scaled(self, slope: float) -> Noise:
        """Return the same for ratings times `slope`."""
        more = self.log_variance + 2.0 * float(np.log(slope))
        return replace(self, shift_per_db=self.shift_per_db * slope, log_variance=more)


@dataclass(frozen=True, slots=True)
class AxisModel:
    """One axis of a judge.

    Parameters
    ----------
    terms : Terms
    coef : ndarray [shape=(p,)]
        Weight of each term.
    bias : float
    spread : ndarray [shape=(r, p)]
        Root of the covariance of the terms over clips (its strongest directions; what they leave of
        each term's variance stands in `rest`), for the interval where some are missing.
    rest : ndarray [shape=(p,)]
    posterior : ndarray [shape=(p, p)]
        Covariance of the weights given the training data: clips unlike those that were learned from
        are judged less surely.
    expected : ndarray [shape=(p,)]
        What a term adds to that variance on average, where it is not known.
    residual_sd : float
        Standard deviation of a panel's mean around the rating when everything is known, for terms
        of 0.
    cut : float
        Ratings above lie on the sincere (engaged) side.
    knots : ndarray [shape=(m,)]
        Where the terms' lines bend, in units of the terms, none of them 0. Beyond a knot, seen from
        0, a line goes on at another slope.
    bends : ndarray [shape=(p, m)]
        By how much the slope changes there; `coef` is the slope around 0.
    effect : ndarray [shape=(p,)], optional
        Slope of the straight line that moves the rating as much as the bent one; `coef` by default.
    offset : ndarray [shape=(p,)], optional
        What a term of 0 adds, if it is known to be 0: a bent line may be high in its middle. What
        is not known adds its average, 0.
    wider : ndarray [shape=(p,)], optional
        By how much the logarithm of `residual_sd` grows with a unit of each term: panels spread
        further over some voices than over others. Nowhere by default.
    noise : Noise, optional
        What noise around the voice does; nothing by default, and where its level is not known.
    """

    terms: Terms
    coef: Floats
    bias: float
    spread: Floats
    rest: Floats
    posterior: Floats
    expected: Floats
    residual_sd: float
    cut: float = 0.0
    knots: Floats = field(default_factory=lambda: np.zeros(0))
    bends: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    effect: Floats | None = None
    offset: Floats | None = None
    wider: Floats | None = None
    noise: Noise | None = None

    def slope(self, z: Floats) -> Floats:
        """Return what a unit of each term adds, where the term stands. Shape (n, p)."""
        if not len(self.knots):
            return np.broadcast_to(self.coef, z.shape)
        beyond = np.maximum(z[:, :, None] * np.sign(self.knots) - np.abs(self.knots), 0.0)
        bent = np.sum(beyond * self.bends, axis=2)
        # Nothing is bent at 0, where the division would fail.
        return np.asarray(self.coef + bent / np.where(np.abs(z) < NEAR_0, 1.0, z))

    def predict(
        self, columns: NDArray[np.floating], inputs: tuple[str, ...]
    ) -> tuple[Floats, Floats, Floats]:
        """Return rating [n], its standard deviation [n] and contributions [n, len(inputs)]."""
        z, unknown, from_relative, by_relative = self.terms.evaluate(columns, inputs)
        out = np.zeros((len(z), len(inputs)))
        at = {name: i for i, name in enumerate(inputs)}
        slope = self.slope(z)
        by_rel, by_abs = from_relative * slope, (z - from_relative) * slope
        if self.offset is not None:
            by_rel = by_rel + self.offset * by_relative
            by_abs = by_abs + self.offset * (1 - unknown - by_relative)
        for i, measure in enumerate(self.terms.measures):
            out[:, at[self.terms.relative_names[i]]] += by_rel[:, i]
            if not self.terms.relative[i] or self.terms.guess[i]:
                out[:, at[measure]] += by_abs[:, i]
        variance = self.variance(z, unknown)
        if self.noise is not None and SNR in at:
            heard = np.asarray(columns[:, at[SNR]], dtype=np.float64)
            shift, added = self.noise.at(heard)
            out[:, at[SNR]] -= shift
            variance = variance + added
        return self.bias + out.sum(axis=1), np.sqrt(variance), out

    def variance(self, z: Floats, unknown: Floats) -> Floats:
        """Return the variance of a panel's mean around the rating. Shape (n,).

        Without what noise adds.
        """
        effect = self.coef if self.effect is None else self.effect
        lost = effect * np.sqrt(unknown)
        missing = np.sum((lost @ self.spread.T) ** 2, axis=1) + lost**2 @ self.rest
        unlike = np.sum((z @ self.posterior) * z, axis=1) + unknown @ self.expected
        own = self.residual_sd**2 * np.exp(
            2.0 * (z @ self.wider) if self.wider is not None else 0.0
        )
        return np.asarray(own + missing + np.maximum(unlike, 0.0))


@dataclass(frozen=True, slots=True)
class JudgeModel:
    """Axes that share one table of input columns."""

    axes: dict[str, AxisModel]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input columns in order: relative ones, absolute ones, ``snr_db``, ``baseline_s``."""
        used = {c for a in self.axes.values() for c in a.terms.columns()}
        used |= {SNR for a in self.axes.values() if a.noise is not None}
        order = [*table.RELATIVE_NAMES, *table.NAMES, SNR]
        return (*(n for n in order if n in used), "baseline_s")
