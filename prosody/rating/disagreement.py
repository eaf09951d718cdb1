"""Clips that raters hear differently: more so than chance would have it."""

from __future__ import annotations

import math

import numpy as np

from prosody.tables.rated_table import Floats

NAN = math.nan
NULL_DRAWS = 20000
# Of the clips that are named as disputed, about this share would be by chance.
FALSE_DISCOVERIES = 0.1


def spreads(even: Floats) -> tuple[Floats, Floats]:
    """Return how far the ratings of each clip lie apart, and how often chance alone does that.

    Parameters
    ----------
    even : ndarray [shape=(clips, raters)]
        Ratings without the raters' levels.

    Returns
    -------
    spread : ndarray [shape=(clips,)]
        Standard deviation of the ratings of a clip; NaN below two.
    p : ndarray [shape=(clips,)]
        Share of clips with as many ratings that would lie as far apart if all clips were alike in
        this. Drawn from the deviations themselves, since ratings between 0 and 100 are not normal.
    """
    known = ~np.isnan(even)
    count = known.sum(axis=1)
    usable = count >= 2

    def apart(x: Floats) -> tuple[Floats, Floats]:
        off = x - (np.nansum(x, axis=1) / np.maximum(count, 1))[:, None]
        return off, np.nansum(off**2, axis=1)

    off, square = apart(even)
    spread = np.where(usable, np.sqrt(square / np.maximum(count - 1, 1)), NAN)
    p = np.full(len(even), NAN)
    # A rater who is all over the scale makes no clip disputed: each counts by their own spread.
    own = np.sqrt(np.nansum(off**2, axis=0) / np.maximum(known.sum(axis=0), 1))
    off, square = apart(even / np.where(own > 0, own, 1.0))
    # Deviations from a mean of n are too small by this.
    pool = (off * np.sqrt(count / np.maximum(count - 1, 1))[:, None])[known & usable[:, None]]
    if len(pool) < 8 or not np.any(pool):
        return spread, p
    rng = np.random.default_rng(1)
    draws = int(min(200_000, max(NULL_DRAWS, 20 * len(even))))
    for n in np.unique(count[usable]):
        null = np.concatenate(
            [
                rng.choice(pool, (min(5000, draws - start), int(n))).var(axis=1) * n
                for start in range(0, draws, 5000)
            ]
        )
        null.sort()
        mine = count == n
        above = len(null) - np.searchsorted(null, square[mine] * (1 - 1e-12), side="left")
        p[mine] = (1 + above) / (1 + len(null))
    return spread, p


def false_discovery(p: Floats) -> Floats:
    """Return p values corrected for their number (Benjamini & Hochberg 1995); NaN becomes 1."""
    out = np.ones(len(p))
    known = np.flatnonzero(np.isfinite(p))
    if len(known):
        from scipy.stats import false_discovery_control

        out[known] = false_discovery_control(np.clip(p[known], 0.0, 1.0))
    return out
