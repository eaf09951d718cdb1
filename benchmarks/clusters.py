"""How often ranges of `prosody compare` hold the truth where rows come in clusters.

Two runs without a true difference are made up again and again: agents (or calls) whose own share
is drawn from a beta distribution, with so many apologies each. Counted is how often the range of
95 % holds 0: with rows taken as independent (Newcombe), and with whole clusters drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import common
from prosody.statistics import bootstrap, intervals

# Clusters in each run, apologies in each, intraclass correlation, true share, same agents twice.
CASES = (
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


def covered(case: tuple[int, int, float, float, bool], runs: int, seed: int) -> dict[str, Any]:
    """Return how often each kind of range holds the truth, over so many pairs of runs."""
    clusters, each, rho, share, same = case
    rng = np.random.default_rng(seed)
    spread = (1 - rho) / rho
    held, width = np.zeros(2), np.zeros(2)
    for i in range(runs):
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
        "same_clusters": same, "pairs": runs,
        "independent": {"covered": held[0] / runs, "width": round(width[0] / runs, 4)},
        "clustered": {"covered": held[1] / runs, "width": round(width[1] / runs, 4)},
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """Run all cases."""
    args = common.arguments(argv, __doc__)
    rows = [covered(case, 100 if args.quick else 1000, seed) for seed, case in enumerate(CASES)]
    for row in rows:
        print(
            f"{row['clusters']:4d} clusters of {row['apologies_each']:2d}, rho {row['intraclass']}"
            f"{', the same twice' if row['same_clusters'] else ''}: independent "
            f"{row['independent']['covered']:.3f}, clustered {row['clustered']['covered']:.3f}"
        )
    common.write("clusters", args, {"of 95 %": rows})
    return 0
