"""Whether probabilities hold: of clips that are given 70 %, about 70 % should lie on that side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from prosody.fit.metrics import svg_head
from prosody.statistics.intervals import wilson
from prosody.tables.rated_table import Floats

BINS = 5
LEAST = 5


def calibration(
    truth: Floats, rating: Floats, sd: Floats, cut: float = 0.0
) -> list[dict[str, float]]:
    """Return how often clips lie on the sincere side, by the probability that was given to it.

    Parameters
    ----------
    truth, rating, sd : ndarray [shape=(n,)]
        The panel's mean, its prediction, and the standard deviation of that.
    cut : float
        Ratings above lie on the sincere side.

    Returns
    -------
    list of dict
        Of each fifth between 0 and 1 with at least five clips: ``low``, ``high`` (its ends), ``n``,
        ``p`` (mean probability), ``share`` (of clips on the side), ``share_low``, ``share_high``
        (95 %, Wilson; as if clips were independent, so rather too narrow).
    """
    p = ndtr((rating - cut) / sd)
    side = truth > cut
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    out = []
    for i in range(BINS):
        mine = place == i
        n = int(mine.sum())
        if n < LEAST:
            continue
        share = float(side[mine].mean())
        low, high = wilson(share * n, n)
        out.append(
            {
                "low": i / BINS,
                "high": (i + 1) / BINS,
                "n": n,
                "p": float(p[mine].mean()),
                "share": share,
                "share_low": low,
                "share_high": high,
            }
        )
    return out


def reliability_svg(points: Sequence[dict[str, Any]], title: str) -> str:
    """Return a reliability diagram as SVG: on the line, probabilities are what they say."""
    size, left, top = 300, 60, 40

    def x(value: float) -> float:
        return left + value * size

    def y(value: float) -> float:
        return top + (1 - value) * size

    parts = svg_head(size + 120, size + 110, left, title)
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(
            f'<line x1="{left}" x2="{x(1):.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#ddd"/><text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f'{value * 100:.0f} %</text><text x="{x(value):.1f}" y="{y(0) + 18:.1f}" '
            f'text-anchor="middle">{value * 100:.0f} %</text>'
        )
    parts += [
        f'<line x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}" stroke="#888" '
        'stroke-dasharray="4 4"/>',
        f'<text x="{x(0.5):.1f}" y="{y(0) + 40:.1f}" text-anchor="middle">'
        "probability of that side, as predicted</text>",
        f'<text transform="translate(14 {y(0.5):.1f}) rotate(-90)" text-anchor="middle">'
        "share that lay there</text>",
    ]
    for one in points:
        at = x(one["p"])
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(one["share_low"]):.1f}" '
            f'y2="{y(one["share_high"]):.1f}" stroke="#1b6ca8" stroke-width="2"/>'
            f'<circle cx="{at:.1f}" cy="{y(one["share"]):.1f}" r="4" fill="#1b6ca8"/>'
            f'<text x="{at + 7:.1f}" y="{y(one["share"]) + 4:.1f}">{one["n"]}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
