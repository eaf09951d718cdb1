"""How often the intervals that are printed hold the truth: of agreement, and of differences.

Data with a known truth are made up again and again.

- ``agreement``: ratings, for the interval of ICC(2,1). So many clips and raters, a share of the
  cells filled, and a share of the variance between clips and between raters' levels. The truth is
  the share of the clips; whether the estimate is unbiased is told, too. Where raters are few and
  differ much in level, the interval of McGraw & Wong (1996) is known to be narrow.
- ``clusters``: two runs without a true difference, for the ranges of `prosody compare` where rows
  come in clusters: agents (or calls) whose own share is drawn from a beta distribution, with so
  many apologies each. Counted is how often the range of 95 % holds 0: with rows taken as
  independent (Newcombe), and with whole clusters drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import common
from prosody.statistics import bootstrap, intervals
from prosody.statistics.variance_components import components, icc2

# Clips, raters, share of the cells that is filled, variance between clips, between raters' levels.
RATINGS = (
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
# Clusters in each run, apologies in each, intraclass correlation, true share, same agents twice.
RUNS = (
    (6, 20, 0.2, 0.2, False),
    (8, 20, 0.2, 0.2, True),
    (12, 20, 0.2, 0.2, False),
    (12, 30, 0.1, 0.1, False),
    (30, 20, 0.1, 0.2, False),
    (30, 20, 0.2, 0.2, True),
    (100, 10, 0.2, 0.1, False),
    (300, 2, 0.4, 0.15, False),
    (40, 1, 0.3, 0.15, False),
)


def of_ratings(case: tuple[int, int, float, float, float], times: int, seed: int) -> dict[str, Any]:
    """Return mean estimate and how often the 95 % interval of ICC(2,1) holds the truth."""
    clips, raters, kept, between, level = case
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(times):
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
        "designs": times,
        "mean_estimate": round(float(np.mean(value)), 4),
        "covered": round(float(np.mean((low <= between) & (between <= high))), 4),
        "too_low": round(float(np.mean(high < between)), 4),
        "width": round(float(np.mean(high - low)), 4),
    }  # fmt: skip


def of_runs(case: tuple[int, int, float, float, bool], times: int, seed: int) -> dict[str, Any]:
    """Return how often each kind of range of a difference holds 0, over so many pairs of runs."""
    clusters, each, rho, share, same = case
    rng = np.random.default_rng(seed)
    spread = (1 - rho) / rho
    held, width = np.zeros(2), np.zeros(2)
    for i in range(times):
        p = rng.beta(share * spread, (1 - share) * spread, (2, clusters))
        if same:
            p[1] = p[0]
        n = 1 + rng.poisson(each - 1, (2, clusters))
        k = rng.binomial(n, p)
        a, b = (
            {f"{j if same else (side, j)}": (int(k[side, j]), int(n[side, j]))
             for j in range(clusters)}
            for side in (0, 1)
        )  # fmt: skip
        both = (
            intervals.difference(*bootstrap.total(a), *bootstrap.total(b)),
            bootstrap.difference(a, b, seed=i),
        )
        for at, (_, low, high) in enumerate(both):
            held[at] += low <= 0 <= high
            width[at] += high - low
    return {
        "clusters": clusters, "apologies_each": each, "intraclass": rho, "share": share,
        "same_clusters": same, "pairs": times,
        "independent": {"covered": held[0] / times, "width": round(width[0] / times, 4)},
        "clustered": {"covered": held[1] / times, "width": round(width[1] / times, 4)},
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """Run all cases; each kind of interval has a result of its own."""
    args = common.arguments(argv, __doc__)
    for name, covered, cases, times in (
        ("agreement", of_ratings, RATINGS, 2000), ("clusters", of_runs, RUNS, 1000),
    ):  # fmt: skip
        rows = [covered(c, 100 if args.quick else times, seed) for seed, c in enumerate(cases)]
        print(f"\n{name}\n{common.table(rows)}")
        common.write(name, args, {"of 95 %": rows})
    return 0
