"""Where ratings vary: by clip, by rater, and the rest; and the two-way intraclass correlations.

Model: rating = mean + clip + rater + rest, clips and raters drawn at random (Shrout & Fleiss 1979,
case 2). Not every rater has to have every clip. The variances are estimated by fitting constants
(Henderson 1953, method 3), which needs no shape of distribution and, where nothing is missing, is
the analysis of variance that the published formulas rest on. What is missing must not be missing
because of how it sounded; raters and clips that share nothing with the others are held together by
nothing but the assumption that they come from the same populations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody.tables.rated_table import Floats

NAN = math.nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; NaN where it cannot be told."""

    value: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of ratings, in the ratings' unit squared.

    Parameters
    ----------
    clip, rater, rest : float
        As estimated: below 0 where chance has it; NaN where the design cannot tell.
    clips, raters, ratings : int
        Those that were counted.
    clips_per_rater, raters_per_clip : float
        What stands in the place of n and k in the formulas for complete designs; the same there.
    raters_mean : float
        Harmonic mean of the number of raters of a clip: what the mean over raters rests on.
    df_rest : int
        Degrees of freedom of the rest.
    complete : bool
        Whether every rater rated every clip.
    """

    clip: float = NAN
    rater: float = NAN
    rest: float = NAN
    clips: int = 0
    raters: int = 0
    ratings: int = 0
    clips_per_rater: float = NAN
    raters_per_clip: float = NAN
    raters_mean: float = NAN
    df_rest: int = 0
    complete: bool = False

    @property
    def known(self) -> bool:
        """Whether the three variances could be estimated and there is any variance at all."""
        return math.isfinite(self.clip + self.rater + self.rest) and (
            max(self.clip, self.rater, self.rest) > 0
        )

    def shares(self) -> dict[str, float]:
        """Return which share of the variance lies where; what is below 0 counts as 0."""
        values = {n: max(0.0, getattr(self, n)) for n in ("clip", "rater", "rest")}
        total = sum(values.values())
        if not self.known or total <= 0:
            return dict.fromkeys(values, NAN)
        return {n: v / total for n, v in values.items()}


def components(matrix: Floats) -> Components:
    """Return the variances of ratings.

    Parameters
    ----------
    matrix : ndarray [shape=(clips, raters)]
        NaN where a rater did not rate a clip.
    """
    given = ~np.isnan(matrix)
    rows, columns = given.any(axis=1), given.any(axis=0)
    x, given = matrix[np.ix_(rows, columns)], given[np.ix_(rows, columns)]
    n, k = x.shape
    total = int(given.sum())
    if total == 0:
        return Components()
    per_clip, per_rater = given.sum(axis=1), given.sum(axis=0)
    found = {
        "clips": n,
        "raters": k,
        "ratings": total,
        "raters_mean": float(n / np.sum(1 / per_clip)),
        "complete": total == n * k,
    }
    y = np.where(given, x - np.mean(x[given]), 0.0)
    by_clip, by_rater = y.sum(axis=1), y.sum(axis=0)
    effect, right, rank = _raters_after_clips(y, given)
    groups = k - rank  # sets of raters and clips that share nothing
    raters_after = float(effect @ right)
    clips_alone = float(np.sum(by_clip**2 / per_clip))
    raters_alone = float(np.sum(by_rater**2 / per_rater))
    clips_after = clips_alone + raters_after - raters_alone
    df = total - (n + k - groups)
    all_of_it = float(np.sum(y**2))
    rest_sum = all_of_it - clips_alone - raters_after
    # Rounding, not variance, where everything is explained.
    tiny = 1e-12 * max(all_of_it, 1e-300)
    rest = (rest_sum if rest_sum > tiny else 0.0) / df if df > 0 else NAN
    if n < 2 or k < 2 or df <= 0 or n <= groups or k <= groups:
        return Components(rest=rest, df_rest=max(0, df), **found)
    clip = (clips_after - (n - groups) * rest) / (total - k)
    rater = (raters_after - (k - groups) * rest) / (total - n)
    return Components(
        clip=clip if abs(clip) > tiny else 0.0,
        rater=rater if abs(rater) > tiny else 0.0,
        rest=rest,
        clips_per_rater=(total - n) / (k - groups),
        raters_per_clip=(total - k) / (n - groups),
        df_rest=df,
        **found,
    )


def _raters_after_clips(y: Floats, given: NDArray[np.bool_]) -> tuple[Floats, Floats, int]:
    """Return the raters' effects by least squares with the clips' taken out, and their rank."""
    per_clip = np.maximum(given.sum(axis=1), 1)
    shared = given / per_clip[:, None]
    left = np.diag(given.sum(axis=0).astype(float)) - given.T.astype(float) @ shared
    right = y.sum(axis=0) - shared.T @ y.sum(axis=1)
    effect, _, rank, _ = np.linalg.lstsq(left, right, rcond=1e-10)
    return effect, right, int(rank)


def levels(matrix: Floats) -> Floats:
    """Return by how much each rater rates higher than the others, on the same clips.

    Parameters
    ----------
    matrix : ndarray [shape=(clips, raters)]

    Returns
    -------
    ndarray [shape=(raters,)]
        Around 0; by least squares, so that who had the better clips is not the milder rater.
    """
    given = ~np.isnan(matrix)
    if not given.any():
        return np.zeros(matrix.shape[1])
    y = np.where(given, matrix - np.mean(matrix[given]), 0.0)
    effect, _, _ = _raters_after_clips(y, given)
    out: Floats = effect - effect.mean()
    return out


def icc2(found: Components, raters: float = 1.0) -> Estimate:
    """Return ICC(2,1), or ICC(2,k) of the mean of several raters, with its 95 % interval.

    Absolute agreement: raters who use other parts of the scale count against it. Shrout & Fleiss
    (1979); interval by McGraw & Wong (1996), exact figures of theirs where the design is complete.
    Elsewhere n and k are what the design is worth (`clips_per_rater`, `raters_per_clip`), and the
    interval is approximate.
    """
    if not found.known:
        return Estimate()
    error = found.rater + found.rest
    bottom = found.clip + error
    if bottom <= 0:
        return Estimate()
    single = found.clip / bottom
    low, high = _interval(found, single)
    return Estimate(*(reliability_of_mean(v, raters) for v in (single, low, high)))


def icc3(found: Components, raters: float = 1.0) -> Estimate:
    """Return the same without the raters' levels (consistency, ICC(C,1) of McGraw & Wong).

    This is what counts where each rater is standardised before averaging, as `prosody fit` does.
    """
    if not found.known or found.clip + found.rest <= 0:
        return Estimate()
    single = found.clip / (found.clip + found.rest)
    if found.rest == 0:
        return Estimate(single, single, single)
    from scipy.stats import f

    k, df1, df2 = found.raters_per_clip, found.clips - 1, found.df_rest
    ratio = 1 + k * found.clip / found.rest
    low, high = ratio / float(f.ppf(0.975, df1, df2)), ratio * float(f.ppf(0.975, df2, df1))
    bounds = [(v - 1) / (v + k - 1) for v in (low, high)]
    return Estimate(*(reliability_of_mean(v, raters) for v in (single, *bounds)))


def _interval(found: Components, single: float) -> tuple[float, float]:
    from scipy.stats import f

    n, k = found.clips_per_rater, found.raters_per_clip
    rest = found.rest
    rows, columns = rest + k * found.clip, rest + n * found.rater
    if single >= 1:
        return 1.0, 1.0
    # Mean squares below 0 are chance in small designs; the formula knows none.
    rows, columns = max(rows, 0.0), max(columns, 0.0)
    a = k * single / (n * (1 - single))
    b = 1 + k * single * (n - 1) / (n * (1 - single))
    spread = (a * columns) ** 2 / max(found.raters - 1, 1) + (b * rest) ** 2 / found.df_rest
    if spread <= 0:
        return NAN, NAN
    v = (a * columns + b * rest) ** 2 / spread
    df = found.clips - 1
    if v <= 0:
        return NAN, NAN
    lower_f, upper_f = float(f.ppf(0.975, df, v)), float(f.ppf(0.975, v, df))
    other = k * columns + (k * n - k - n) * rest
    low = n * (rows - lower_f * rest) / (lower_f * other + n * rows)
    top = n * (upper_f * rows - rest)
    high = top / (other + n * upper_f * rows)
    return low, high


def reliability_of_mean(single: float, raters: float) -> float:
    """Return the reliability of the mean of several ratings (Spearman 1910, Brown 1910)."""
    if not math.isfinite(single):
        return NAN
    bottom = 1 + (raters - 1) * single
    return raters * single / bottom if bottom > 0 else NAN


def ratings_for(single: float, target: float = 0.8) -> float:
    """Return how many ratings a clip reach a reliability of the mean; NaN if no number does."""
    if not 0 < single <= 1:
        return NAN
    if single == 1:
        return 1.0
    # A hair less, so that 8.000000001 for a figure known to three digits stays 8.
    return float(max(1, math.ceil(target * (1 - single) / ((1 - target) * single) - 1e-9)))
