"""Which of two takes by one person sounds more sincere: what the judge tells best.

Between people a judge is weak; of two takes of one person it is right more often, and it knows how
often. Both spreads below were chosen by likelihood on pairs of speakers left out, and stand in the
judge's file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from prosody.statistics.intervals import Z_80

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MoreSincere:
    """Probabilities that listeners find one more sincere than another, with 80 % intervals."""

    p: Floats
    low: Floats
    high: Floats


def more_sincere(difference: ArrayLike, spread: float, unknown_sd: ArrayLike = 0.0) -> MoreSincere:
    """Return how probable it is that listeners find the first of two more sincere.

    Parameters
    ----------
    difference : array_like
        Rating of the first minus that of the second (or of what is usual).
    spread : float
        Standard deviation of what is wrong with a difference between takes of one speaker.
    unknown_sd : array_like
        What is not known of the difference: short baseline, noise, missing measures, and weights
        that were learned from few speakers. It draws the probability to one half, and makes the
        interval.
    """
    from scipy.special import ndtr

    d, unknown = np.asarray(difference, dtype=np.float64), np.asarray(unknown_sd, dtype=np.float64)
    return MoreSincere(
        np.asarray(ndtr(d / np.hypot(spread, unknown)), dtype=np.float64),
        np.asarray(ndtr((d - Z_80 * unknown) / spread), dtype=np.float64),
        np.asarray(ndtr((d + Z_80 * unknown) / spread), dtype=np.float64),
    )


def spread_of(difference: ArrayLike, truth: ArrayLike) -> float:
    """Return the spread under which the outcomes of pairs are likeliest.

    Parameters
    ----------
    difference, truth : array_like [shape=(n,)]
        Predicted and rated differences; pairs that were rated alike are passed over.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_ndtr

    d, t = np.asarray(difference, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    known = t != 0
    towards = d[known] * np.sign(t[known])
    found = minimize_scalar(
        lambda log: -float(np.sum(log_ndtr(towards / np.exp(log)))),
        bounds=(-4.0, 4.0),
        method="bounded",
    )
    return float(np.exp(found.x))
