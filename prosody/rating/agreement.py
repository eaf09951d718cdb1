"""How well raters agree: each with the others and with themselves, and where they do not.

Nothing here says who is right. Two people may hear the same apology differently, and a low figure
may come from the clips (nothing to tell them apart), the question, the line or the room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.rating.disagreement import FALSE_DISCOVERIES, false_discovery, spreads
from prosody.rating.ratings import (
    MIN_REPEATS,
    Answers,
    Panel,
    krippendorff_alpha,
    panel_of,
    read_answers,
    repeat_correlation,
    standardise,
)
from prosody.results.records import AXES
from prosody.statistics.intervals import Z_95
from prosody.statistics.variance_components import (
    Components,
    components,
    icc2,
    icc3,
    levels,
    ratings_for,
)
from prosody.tables.rated_table import Floats

NAN = math.nan
TARGET = 0.8
BOOTSTRAPS = 2000
FEW_CLIPS = 30


@dataclass(frozen=True, slots=True)
class Arranged:
    """The answers on one axis as a table of clips and raters.

    Parameters
    ----------
    clips, raters : ndarray of str
    matrix : ndarray [shape=(clips, raters)]
        The first rating of each clip by each rater; NaN where there is none.
    again : ndarray [shape=(repeats, 4)]
        Clip and rater (their numbers), first rating, later rating.
    deaf : ndarray of int [shape=(clips, raters)]
        How often the answer was "cannot hear".
    unmarked : int
        Later ratings that are not marked as repeats; they count as such all the same.
    """

    clips: NDArray[np.str_]
    raters: NDArray[np.str_]
    matrix: Floats
    again: Floats
    deaf: NDArray[np.intp]
    unmarked: int = 0


def arrange(given: Answers) -> Arranged:
    """Return the answers on one axis as a table; a rater's later ratings of a clip are repeats."""
    clips, ci = np.unique(given.clip, return_inverse=True)
    raters, ri = np.unique(given.rater, return_inverse=True)
    shape = (len(clips), len(raters))
    deaf = np.zeros(shape, dtype=np.intp)
    np.add.at(deaf, (ci[given.deaf], ri[given.deaf]), 1)
    rows = np.flatnonzero(~np.isnan(given.rating) & ~given.deaf)
    # Marked repeats come after the others, each in the order of the file.
    rows = rows[np.argsort(given.repeat[rows], kind="stable")]
    _, first, place = np.unique(
        ci[rows] * max(1, len(raters)) + ri[rows], return_index=True, return_inverse=True
    )
    matrix = np.full(shape, NAN)
    at = rows[first]
    matrix[ci[at], ri[at]] = given.rating[at]
    later = np.ones(len(rows), dtype=bool)
    later[first] = False
    more, before = rows[later], at[place[later]]
    again = np.stack(
        [ci[more].astype(float), ri[more].astype(float), given.rating[before], given.rating[more]],
        axis=1,
    )
    return Arranged(clips, raters, matrix, again, deaf, int(np.sum(~given.repeat[more])))


def agreement(path: Path | str, axis: str = "both", sample: Path | None = None) -> dict[str, Any]:
    """Return how well the raters of a file agree.

    Parameters
    ----------
    path : path
        Ratings in the long form (`prosody.rating.ratings.read_answers`).
    axis : {'both', 'sincere', 'engaged'}
        With ``both`` those that occur.
    sample : path, optional
        The table of `prosody sample` that the clips come from: gives ``base_rate``, how often the
        mean rating lies below the middle in the whole run.

    Returns
    -------
    dict
        Plain values, as ``prosody agreement --json`` prints them; NaN where nothing can be told.

    Raises
    ------
    UsageError
        If the file holds no answers on that axis.
    """
    given = read_answers(path)
    wanted = AXES if axis == "both" else (axis,)
    named = {str(a) for a in np.unique(given.axis)}
    if named == {""}:  # a file without the column is about what is asked for, by itself sincere
        wanted = wanted[:1]
    parts = {a: given.about(a) for a in wanted}
    parts = {a: part for a, part in parts.items() if len(part)}
    if not parts:
        raise UsageError(
            f"{path}: no answer on the axis '{axis}'; found {', '.join(sorted(named))}.",
            "Give another --axis.",
        )
    axes = {a: of_axis(part, path) for a, part in parts.items()}
    if sample is not None:
        _add_base_rates(axes, Path(sample), path)
    used = given.take(np.isin(given.axis, ["", *parts]))
    heard = ~np.isnan(used.rating)
    return {
        "n_clips": len(np.unique(used.clip)),
        "n_raters": len(np.unique(used.rater)),
        "n_ratings": int(heard.sum()),
        "n_cannot_hear": int(used.deaf.sum()),
        "cannot_hear_share": _share(int(used.deaf.sum()), int((heard | used.deaf).sum())),
        "axes": axes,
    }


def _add_base_rates(axes: dict[str, Any], sample: Path, path: Path | str) -> None:
    from prosody.rating.base_rate import base_rate, read_weights

    weights = read_weights(sample)
    for one in axes.values():
        one["base_rate"] = base_rate(one["clips"], weights)
    if not any(c["clip"] in weights for one in axes.values() for c in one["clips"]):
        raise UsageError(
            f"{path}: none of its clips is in {sample}.",
            "Give the table that 'prosody sample' wrote for these ratings.",
        )


def of_axis(given: Answers, path: Path | str = "") -> dict[str, Any]:
    """Return the figures of one axis; see `agreement`."""
    got = arrange(given)
    found = components(got.matrix)
    fit = _as_fitted(given, path)
    n_deaf, n_heard = int(got.deaf.sum()), int(np.sum(~np.isnan(got.matrix))) + len(got.again)
    out: dict[str, Any] = {
        "n_clips": len(got.clips),
        "n_raters": len(got.raters),
        "n_ratings": n_heard,
        "n_repeats": len(got.again),
        "n_cannot_hear": n_deaf,
        "cannot_hear_share": _share(n_deaf, n_deaf + n_heard),
        **_figures(got.matrix, found),
        "repeats": _repeats(got),
        "fit": fit,
        "repeat_pairs": got.again[:, 2:].tolist(),
        "raters": _raters(got, given, fit["dropped_raters"]),
        "clips": _clips(got),
    }
    out["remarks"] = _remarks(got, found, out)
    return out


def _figures(matrix: Floats, found: Components) -> dict[str, Any]:
    k = found.raters_mean
    single, mean = icc2(found), icc2(found, k)
    alike, alike_mean = icc3(found), icc3(found, k)
    alpha, alpha_low, alpha_high = alpha_interval(matrix)
    needed = [ratings_for(v, TARGET) for v in (single.value, single.high, single.low)]
    return {
        "ratings_per_clip": k,
        "complete": found.complete,
        "icc2_1": single.value,
        "icc2_1_low": single.low,
        "icc2_1_high": single.high,
        "icc2_k": mean.value,
        "icc2_k_low": mean.low,
        "icc2_k_high": mean.high,
        "icc_consistency_1": alike.value,
        "icc_consistency_1_low": alike.low,
        "icc_consistency_1_high": alike.high,
        "icc_consistency_k": alike_mean.value,
        "icc_consistency_k_low": alike_mean.low,
        "icc_consistency_k_high": alike_mean.high,
        "krippendorff_alpha": alpha,
        "krippendorff_alpha_low": alpha_low,
        "krippendorff_alpha_high": alpha_high,
        "variance_shares": found.shares(),
        "typical_disagreement": math.sqrt(found.rest) if found.rest >= 0 else NAN,
        "ratings_for_reliability_80": needed[0],
        "ratings_for_reliability_80_low": needed[1],
        "ratings_for_reliability_80_high": needed[2],
        "more_ratings_per_clip": _more(needed[0], k),
        "more_ratings_per_clip_low": _more(needed[1], k),
        "more_ratings_per_clip_high": _more(needed[2], k),
    }


def brief(given: Answers) -> dict[str, Any]:
    """Return the figures of one axis without those of single raters and clips, as JSON holds them.

    They stand on the card of a judge that is fitted to these ratings.
    """
    got = arrange(given)
    return dict(plain(_figures(got.matrix, components(got.matrix))))


def _share(count: int, of: int) -> float:
    return count / of if of else NAN


def _more(needed: float, now: float) -> float:
    """Return how many more ratings of each clip; NaN where no number reaches it."""
    return max(0.0, math.ceil(needed - now - 1e-9)) if math.isfinite(needed + now) else NAN


def alpha_interval(matrix: Floats) -> tuple[float, float, float]:
    """Return Krippendorff's alpha (interval data) and its 95 % interval by resampling clips.

    The same figure as `prosody.rating.ratings.krippendorff_alpha`, from sums per clip.
    """
    value = float(krippendorff_alpha(matrix))
    count = np.sum(~np.isnan(matrix), axis=1)
    x = matrix[count >= 2]
    m = count[count >= 2].astype(float)
    if len(x) < 3 or not math.isfinite(value):
        return value, NAN, NAN
    x = x - np.nanmean(x)  # alpha does not depend on the level, rounding does
    total, square = np.nansum(x, axis=1), np.nansum(x**2, axis=1)
    within = 2 * (m * square - total**2) / (m - 1)
    rng = np.random.default_rng(1)
    drawn = np.full(BOOTSTRAPS, NAN)
    for start in range(0, BOOTSTRAPS, 100):  # 100 at a time: 10,000 clips stay under 10 MB
        size = min(100, BOOTSTRAPS - start)
        w = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), size=size).astype(float)
        ratings = w @ m
        expected = 2 * (ratings * (w @ square) - (w @ total) ** 2) / (ratings * (ratings - 1))
        observed = (w @ within) / ratings
        ok = expected > 0
        drawn[start : start + size][ok] = 1 - observed[ok] / expected[ok]
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else (NAN, NAN)
    return value, float(low), float(high)


def correlation(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Return Pearson's correlation of two columns where both are there, with its 95 % interval."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both] - a[both].mean() if both.any() else a[both], b[both]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return NAN, NAN, NAN
    b = b - b.mean()
    r = float(a @ b / np.sqrt((a @ a) * (b @ b)))
    if len(a) < 4 or abs(r) >= 1:
        return max(-1.0, min(1.0, r)), NAN, NAN
    half = Z_95 / math.sqrt(len(a) - 3)
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _as_fitted(given: Answers, path: Path | str) -> dict[str, Any]:
    """Return the reliability that `prosody fit` goes by, and whom it leaves out."""
    from prosody.rating.ratings import MIN_RELIABILITY

    heard = given.take(~np.isnan(given.rating) & ~given.deaf)
    out = {"reliability": NAN, "needed": MIN_RELIABILITY, "enough": False, "dropped_raters": {}}
    if not len(heard):
        return out
    try:
        panel = panel_of(heard, path)
    except UsageError:  # everybody contradicts themselves, or nobody used the scale
        contradict = {
            str(n): f"{r:.2f}"
            for n in np.unique(heard.rater[heard.repeat])
            if (r := repeat_correlation(heard.clip, heard.rater, heard.rating, heard.repeat, n))
            is not None
        }
        return out | {"dropped_raters": contradict}
    value = float(panel.reliability()["icc_mean"])
    return out | {
        "reliability": value,
        "enough": value >= MIN_RELIABILITY,
        "dropped_raters": dict(panel.dropped or {}),
    }


def _repeats(got: Arranged) -> dict[str, Any]:
    """Return how the second time was like the first, over all raters."""
    if not len(got.again):
        return {"n": 0, "correlation": NAN, "typical_difference": NAN}
    rater, first, second = got.again[:, 1].astype(int), got.again[:, 2], got.again[:, 3]
    # Each rater's own level taken out, so that raters who differ do not look consistent.
    counts = np.bincount(rater)[rater]
    both = np.bincount(rater, first + second)[rater] / (2 * counts)
    r, low, high = correlation(first - both, second - both)
    return {
        "n": len(got.again),
        "correlation": r,
        "correlation_low": low,
        "correlation_high": high,
        "typical_difference": float(np.median(np.abs(first - second))),
    }


def _raters(got: Arranged, given: Answers, dropped: dict[str, str]) -> list[dict[str, Any]]:
    z = standardise(got.matrix)
    known = ~np.isnan(z)
    total, count = np.nansum(z, axis=1), known.sum(axis=1)
    raw_known = ~np.isnan(got.matrix)
    raw_total, raw_count = np.nansum(got.matrix, axis=1), raw_known.sum(axis=1)
    out = []
    for j, name in enumerate(got.raters):
        mine = got.matrix[:, j]
        own = mine[~np.isnan(mine)]
        others = count - known[:, j]
        rest = np.where(
            others > 0, (total - np.nan_to_num(z[:, j])) / np.maximum(others, 1), np.nan
        )
        r, low, high = correlation(mine, rest)
        shared = raw_known[:, j] & (raw_count > 1)
        mean_of_others = (raw_total - np.nan_to_num(mine))[shared] / (raw_count[shared] - 1)
        pairs = got.again[got.again[:, 1] == j]
        again = correlation(pairs[:, 2], pairs[:, 3]) if len(pairs) >= MIN_REPEATS else (NAN,) * 3
        n_deaf = int(got.deaf[:, j].sum())
        out.append(
            {
                "rater": str(name),
                "n_ratings": len(own) + len(pairs),
                "n_clips": len(own),
                "n_cannot_hear": n_deaf,
                "cannot_hear_share": _share(n_deaf, n_deaf + len(own) + len(pairs)),
                "mean": float(own.mean()) if len(own) else NAN,
                "sd": float(own.std(ddof=1)) if len(own) > 1 else NAN,
                "level": float(np.mean(mine[shared] - mean_of_others)) if shared.any() else NAN,
                "correlation_with_rest": r,
                "correlation_with_rest_low": low,
                "correlation_with_rest_high": high,
                "n_repeats": len(pairs),
                "repeat_correlation": again[0],
                "repeat_correlation_low": again[1],
                "repeat_correlation_high": again[2],
                "repeat_typical_difference": float(np.median(np.abs(pairs[:, 2] - pairs[:, 3])))
                if len(pairs)
                else NAN,
                "left_out_by_fit": str(name) in dropped,
            }
        )
    return out


def _clips(got: Arranged) -> list[dict[str, Any]]:
    """Return the clips, those that raters disagree on most first."""
    known = ~np.isnan(got.matrix)
    count = known.sum(axis=1)
    even = got.matrix - levels(got.matrix)
    spread, p = spreads(even)
    q = false_discovery(p)
    mean = np.where(count > 0, np.nansum(got.matrix, axis=1) / np.maximum(count, 1), NAN)
    low = np.where(known, got.matrix, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, got.matrix, -np.inf).max(axis=1, initial=-np.inf)
    # Those least likely by chance first, then by spread; of one rating nothing is known: last.
    order = np.lexsort((got.clips, -np.nan_to_num(spread, nan=-1.0), np.nan_to_num(p, nan=2.0)))
    return [
        {
            "clip": str(got.clips[i]),
            "n_ratings": int(count[i]),
            "n_cannot_hear": int(got.deaf[i].sum()),
            "mean": float(mean[i]),
            "low": float(low[i]) if count[i] else NAN,
            "high": float(high[i]) if count[i] else NAN,
            "spread": float(spread[i]),
            "p": float(p[i]),
            "more_than_chance": bool(q[i] <= FALSE_DISCOVERIES),
        }
        for i in order
    ]


def _remarks(got: Arranged, found: Components, out: dict[str, Any]) -> list[str]:
    """Return codes of what a reader should know; the words are in ``words/agreement``."""
    rated = found.ratings
    codes = []
    if not rated:
        codes.append("nobody_heard")
    elif found.raters < 2:
        codes.append("one_rater")
    elif found.clips < 2:
        codes.append("one_clip")
    elif found.df_rest == 0:
        codes.append("no_overlap")
    elif not found.known:
        codes.append("constant")
    else:
        if not found.complete:
            codes.append("incomplete")
        if found.clips < FEW_CLIPS:
            codes.append("few_clips")
        if not out["icc2_1"] > 0:
            codes.append("no_agreement")
    if rated and not len(got.again):
        codes.append("no_repeats")
    if got.unmarked:
        codes.append("unmarked_repeats")
    if out["fit"]["dropped_raters"]:
        codes.append("dropped_raters")
    return codes


def plain(value: Any) -> Any:
    """Return figures as JSON holds them: NaN and infinities become null, six decimals."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) >= 2 else round(value, 6)
    return value


def read_long(path: Path | str, axis: str) -> Panel:
    """Read ratings in the long form: clip, rater, axis, rating, is_repeat, cannot_hear, remark.

    Parameters
    ----------
    path : path
        CSV; ``axis`` is ``sincere`` or ``engaged`` (a file without the column is about `axis`),
        ``rating`` 0 to 100. Rows with ``cannot_hear`` are left out. Raters whose repeats correlate
        below .4 (at least four repeats) are left out, and named.
    axis : str
        The axis that is wanted.
    """
    path = Path(path)
    every = read_answers(path)
    given = every.about(axis)
    given = given.take(~given.deaf & ~np.isnan(given.rating))
    if not len(given):
        others = sorted({str(a) for a in every.axis} - {axis})
        raise UsageError(
            f"{path}: no rating on the axis '{axis}'"
            + (f", only on {', '.join(others)}." if any(others) else "."),
            f"Give ratings of that axis{', or --axis ' + others[0] if any(others) else ''}.",
        )
    return replace(panel_of(given, path), agreement=brief(given))
