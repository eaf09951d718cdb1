"""How often the interval of ICC(2,1) holds the truth, and whether its estimate is unbiased.

Ratings with known variances are made up again and again: so many clips and raters, a share of the
cells filled, and a share of the variance between clips and between raters' levels. The truth is the
share of the clips. Where raters are few and differ much in level, the interval of McGraw &
Wong (1996) is known to be narrow; these figures say by how much.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import common
from prosody.statistics.variance_components import components, icc2

# Clips, raters, share of the cells that is filled, variance between clips, between raters' levels.
CASES = (
    (60, 5, 1.0, 0.3, 0.05),
    (300, 5, 1.0, 0.3, 0.05),
    (100, 5, 0.6, 0.3, 0.05),
    (60, 10, 1.0, 0.3, 0.1),
    (100, 10, 0.5, 0.3, 0.1),
    (300, 15, 0.33, 0.2, 0.1),
    (300, 30, 0.17, 0.3, 0.1),
    (300, 30, 0.17, 0.3, 0.2),
    # Few raters of very different level.
    (60, 5, 1.0, 0.3, 0.2),
    (100, 5, 0.6, 0.3, 0.2),
    (300, 5, 0.6, 0.3, 0.2),
    (300, 5, 1.0, 0.3, 0.2),
    (60, 5, 1.0, 0.6, 0.2),
    (300, 5, 1.0, 0.6, 0.2),
    (300, 10, 1.0, 0.3, 0.2),
)


def covered(case: tuple[int, int, float, float, float], runs: int, seed: int) -> dict[str, Any]:
    """Return mean estimate and how often the 95 % interval holds the truth."""
    clips, raters, kept, between, level = case
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        x = (
            rng.normal(0, np.sqrt(between), (clips, 1))
            + rng.normal(0, np.sqrt(level), (1, raters))
            + rng.normal(0, np.sqrt(1 - between - level), (clips, raters))
        )
        x[rng.random(x.shape) > kept] = np.nan
        got = icc2(components(x))
        found.append((got.value, got.low, got.high))
    value, low, high = np.array(found).T
    return {
        "clips": clips, "raters": raters, "filled": kept, "truth": between, "rater_levels": level,
        "designs": runs,
        "mean_estimate": round(float(np.mean(value)), 4),
        "covered": round(float(np.mean((low <= between) & (between <= high))), 4),
        "too_low": round(float(np.mean(high < between)), 4),
        "width": round(float(np.mean(high - low)), 4),
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """Run all cases."""
    args = common.arguments(argv, __doc__)
    rows = [covered(case, 100 if args.quick else 2000, seed) for seed, case in enumerate(CASES)]
    print(common.table(rows))
    common.write("agreement", args, {"of 95 %": rows})
    return 0
