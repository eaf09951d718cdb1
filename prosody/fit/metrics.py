"""Figures of a judge on rated clips: how well it orders them, how sure it may be, for whom.

All take the panel's mean, the predicted rating and its standard deviation. Intervals resample
speakers, never clips: clips of one speaker are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from prosody.statistics.intervals import Z_80
from prosody.tables.rated_table import Floats, Rated

LEAST_IN_SENTENCE = 4
# Of fewer speakers no interval can be had by resampling them.
LEAST_SPEAKERS = 5
BOOTSTRAPS = 1000


def ranks(values: Floats) -> Floats:
    """Return ranks from 1, ties with their mean: in a third of the time SciPy takes."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def spearman(a: Floats, b: Floats) -> float:
    """Return Spearman's correlation; NaN where one side does not vary."""
    if len(a) < 3:
        return float("nan")
    ra, rb = ranks(a), ranks(b)
    ra, rb = ra - ra.mean(), rb - rb.mean()
    norm = float(np.sqrt((ra @ ra) * (rb @ rb)))
    return float(ra @ rb) / norm if norm > 0 else float("nan")


def spearman_within(a: Floats, b: Floats, group: NDArray[np.str_]) -> float:
    """Return the mean of Spearman's correlation over groups of at least four clips."""
    found = [
        spearman(a[group == g], b[group == g])
        for g in np.unique(group)
        if g and np.sum(group == g) >= LEAST_IN_SENTENCE
    ]
    found = [f for f in found if np.isfinite(f)]
    return float(np.mean(found)) if found else float("nan")


def uar(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Return unweighted average recall of two classes; NaN where one of them does not occur."""
    if truth.all() or not truth.any():
        return float("nan")
    return float((predicted[truth].mean() + (~predicted[~truth]).mean()) / 2)


def surest(p: Floats, share: float = 0.5) -> NDArray[np.intp]:
    """Return the clips whose side is surest, in order of their place in the table."""
    keep = max(1, int(len(p) * share))
    return np.sort(np.argsort(-np.abs(p - 0.5), kind="stable")[:keep])


def figures(
    truth: Floats, rating: Floats, sd: Floats, sentence: NDArray[np.str_], cut: float = 0.0
) -> dict[str, float]:
    """Return the figures of the table in the model card.

    Parameters
    ----------
    truth, rating, sd : ndarray [shape=(n,)]
        The panel's mean, its prediction, and the standard deviation of that.
    sentence : ndarray of str [shape=(n,)]
        Wording of each clip; '' where unknown.
    cut : float
        Ratings above lie on the sincere side.
    """
    p = ndtr((rating - cut) / sd)
    half = surest(p)
    side = truth > cut
    return {
        "spearman": spearman(truth, rating),
        "spearman_within_sentence": spearman_within(truth, rating, sentence),
        "uar": uar(side, rating > cut),
        "uar_half": uar(side[half], rating[half] > cut),
        "coverage_80": float(np.mean(np.abs(truth - rating) <= Z_80 * sd)),
        "rmse": float(np.sqrt(np.mean((truth - rating) ** 2))),
    }


def intervals(
    truth: Floats,
    rating: Floats,
    sd: Floats,
    sentence: NDArray[np.str_],
    speaker: NDArray[np.str_],
    cut: float = 0.0,
    n: int = BOOTSTRAPS,
) -> dict[str, list[float]]:
    """Return 95 % intervals of :func:`figures` by resampling speakers; none of fewer than five."""
    names, index = np.unique(speaker, return_inverse=True)
    if len(names) < LEAST_SPEAKERS:
        return {}
    rows = [np.flatnonzero(index == i) for i in range(len(names))]
    rng = np.random.default_rng(1)
    drawn: dict[str, list[float]] = {}
    for _ in range(n):
        take = np.concatenate([rows[i] for i in rng.integers(0, len(names), len(names))])
        for key, value in figures(truth[take], rating[take], sd[take], sentence[take], cut).items():
            drawn.setdefault(key, []).append(value)
    out = {}
    for key, values in drawn.items():
        known = np.array(values)[np.isfinite(values)]
        if len(known) >= n / 2:
            out[key] = [float(v) for v in np.percentile(known, [2.5, 97.5])]
    return out


def by_group(
    rated: Rated, rating: Floats, sd: Floats, cut: float = 0.0
) -> dict[str, dict[str, dict[str, float]]]:
    """Return figures for each value of each group column (gender, language, site, style)."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name, values in rated.groups.items():
        for value in np.unique(values):
            i = values == value
            if not value or i.sum() < LEAST_IN_SENTENCE:
                continue
            found = figures(rated.rating[i], rating[i], sd[i], rated.sentence[i], cut)
            out.setdefault(name, {})[str(value)] = {
                "n": int(i.sum()),
                "speakers": len(np.unique(rated.speaker[i])),
                **{k: found[k] for k in ("spearman", "uar", "coverage_80", "rmse")},
                "mean_error": float(np.mean(rating[i] - rated.rating[i])),
            }
    return out


def speaker_macro(
    truth: Floats, rating: Floats, sd: Floats, speaker: NDArray[np.str_]
) -> dict[str, float]:
    """Return figures in which every speaker counts alike, however many clips she has."""
    rho, square, inside = [], [], []
    for name in np.unique(speaker):
        i = speaker == name
        rho.append(spearman(truth[i], rating[i]))
        square.append(float(np.mean((truth[i] - rating[i]) ** 2)))
        inside.append(float(np.mean(np.abs(truth[i] - rating[i]) <= Z_80 * sd[i])))
    known = [r for r in rho if np.isfinite(r)]
    return {
        "spearman_within_speaker": float(np.mean(known)) if known else float("nan"),
        "rmse": float(np.sqrt(np.mean(square))),
        "coverage_80": float(np.mean(inside)),
    }


def risk_coverage(
    truth: Floats, rating: Floats, sd: Floats, cut: float = 0.0
) -> list[dict[str, float]]:
    """Return UAR on the surest share of the clips, from a tenth to all."""
    p = ndtr((rating - cut) / sd)
    side = truth > cut
    out = []
    for share in np.arange(1, 11) / 10:
        keep = surest(p, float(share))
        out.append({"share": float(share), "uar": uar(side[keep], rating[keep] > cut)})
    return out


def forced_precision(
    truth: Floats, rating: Floats, sd: Floats, threshold: float, cut: float = 0.0
) -> dict[str, Any]:
    """Return how often "forced" is right where forced is rarer than in the corpus.

    Recall and false alarms come from the corpus; the precision at a base rate follows from them by
    Bayes' rule.
    """
    flagged = ndtr((cut - rating) / sd) >= threshold
    bad = truth <= cut
    hit = float(flagged[bad].mean()) if bad.any() else float("nan")
    alarm = float(flagged[~bad].mean()) if (~bad).any() else float("nan")
    precision = {
        f"{round(r * 100)}%": r * hit / (r * hit + (1 - r) * alarm)
        if hit + alarm > 0
        else float("nan")
        for r in (0.05, 0.15, 0.30)
    }
    return {"threshold": threshold, "recall": hit, "false_alarms": alarm, "precision": precision}


def rounded(value: Any, digits: int = 4) -> Any:
    """Return figures with so many digits behind the point as they are good for."""
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return round(value, digits) if isinstance(value, float) else value


def svg_head(width: int, height: int, left: int, title: str) -> list[str]:
    """Return how a plot begins: size, white ground, and a title `left` from the edge (pixels)."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="22" font-size="14">{title}</text>',
    ]


def risk_coverage_svg(curves: Mapping[str, list[dict[str, float]]], title: str) -> str:
    """Return a plot of risk-coverage curves as SVG."""
    width, height, left, top = 560, 360, 60, 40
    inner_w, inner_h = width - left - 150, height - top - 60
    low, high = 0.5, 1.0
    colours = ("#1b6ca8", "#c2571a", "#4a7c2c", "#7a4a9e", "#555555")

    def x(share: float) -> float:
        return left + share * inner_w

    def y(value: float) -> float:
        return top + (high - max(low, min(high, value))) / (high - low) * inner_h

    parts = svg_head(width, height, left, title)
    for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        parts.append(
            f'<line x1="{left}" x2="{left + inner_w}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#ddd"/><text x="{left - 8}" y="{y(value) + 4:.1f}" '
            f'text-anchor="end">{value:.1f}</text>'
        )
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(
            f'<text x="{x(share):.1f}" y="{top + inner_h + 18}" '
            f'text-anchor="middle">{share * 100:.0f} %</text>'
        )
    parts.append(
        f'<text x="{left + inner_w / 2}" y="{top + inner_h + 40}" text-anchor="middle">'
        "share of the clips that is judged, surest first</text>"
        f'<text transform="translate(16 {top + inner_h / 2}) rotate(-90)" '
        'text-anchor="middle">UAR</text>'
    )
    for i, (name, curve) in enumerate(curves.items()):
        points = [p for p in curve if np.isfinite(p["uar"])]
        colour = colours[i % len(colours)]
        line = " ".join(f"{x(p['share']):.1f},{y(p['uar']):.1f}" for p in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = top + 14 + 18 * i
        parts.append(
            f'<rect x="{left + inner_w + 12}" y="{at - 9}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{left + inner_w + 28}" y="{at}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
