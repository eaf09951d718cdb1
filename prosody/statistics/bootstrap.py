"""Chance in the difference of two shares: for rows that come in clusters.

The apologies of one agent, or of one call, are more alike than those of two: counted as
independent they would decide too much. So whole clusters are drawn again, with all their rows (a
cluster bootstrap: Davison and Hinkley, "Bootstrap methods and their application", 1997, section
3.8; Cameron, Gelbach and Miller, "Bootstrap-based improvements for inference with clustered
errors", 2008). An agent who is in both runs is drawn for both at once. Quantiles are those further
out that make up for few clusters (Hesterberg, "What teachers should know about the bootstrap",
2015, section 5.3), and the range is never narrower than that of independent rows, which also
holds where a share is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from prosody.statistics import intervals

# With fewer agents than this what lies between them cannot be told; calls are drawn instead.
LEAST_AGENTS: Final = 6
DRAWS: Final = 4000
_AT_ONCE = 2_000_000  # numbers drawn in one go, so that memory stays small

Counts = Mapping[str, tuple[int, int]]


def agents_of(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the agents that rows name."""
    return {str(row["agent"]) for row in rows if row.get("agent")}


def cluster_of(row: Mapping[str, Any], *, by_agent: bool) -> str:
    """Return the cluster of a row: its agent where one is given, else its call."""
    if by_agent and row.get("agent"):
        return f"agent {row['agent']}"
    return f"call {row.get('recording')}"


def count(rows: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """Return per cluster how many of how many rows are so.

    Parameters
    ----------
    rows : iterable of (str, bool)
        The cluster of each row, and whether it is so.
    """
    out: dict[str, tuple[int, int]] = {}
    for name, so in rows:
        k, n = out.get(name, (0, 0))
        out[name] = k + so, n + 1
    return out


def total(counts: Counts) -> tuple[int, int]:
    """Return how many of how many, all clusters together."""
    return sum(k for k, _ in counts.values()), sum(n for _, n in counts.values())


def difference(a: Counts, b: Counts, *, seed: int = 1) -> tuple[float, float, float]:
    """Return the share of b less that of a, with its range of 95 %.

    Parameters
    ----------
    a, b : mapping
        Per cluster how many of how many, in the first and the second run.
    seed : int
        Of the draws; the same counts give the same range.

    Returns
    -------
    d, low, high : float
        (nan, -1, 1) where one of them is empty.
    """
    so, of = (x + y for x, y in zip(total(a), total(b), strict=True))
    if 2 * so > of:  # the same draws for a share and for what is left of it
        d, low, high = difference(_rest(a), _rest(b), seed=seed)
        return -d, -high, -low
    d, low, high = intervals.difference(*total(a), *total(b))
    least = min(sum(n > 0 for _, n in run.values()) for run in (a, b))
    if least < 2:
        return d, -1.0, 1.0
    rng = np.random.default_rng(seed)
    shared = a.keys() & b.keys()
    # Runs without a cluster in common are drawn apart, each as large as it is.
    parts = [a.keys() | b.keys()] if shared else [a.keys(), b.keys()]
    none = (0, 0)
    drawn: NDArray[np.float64] = np.zeros((DRAWS, 4))
    for part in parts:
        drawn += _draw([(*a.get(name, none), *b.get(name, none)) for name in part], rng)
    drawn = drawn[(drawn[:, 1] > 0) & (drawn[:, 3] > 0)]
    found = drawn[:, 2] / drawn[:, 3] - drawn[:, 0] / drawn[:, 1]
    tail = _tail(least)
    ends = np.quantile(found, [tail, 1 - tail])
    return d, min(low, float(ends[0])), max(high, float(ends[1]))


def _rest(counts: Counts) -> dict[str, tuple[int, int]]:
    return {name: (n - k, n) for name, (k, n) in counts.items()}


def _draw(rows: Sequence[tuple[int, ...]], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return sums over clusters drawn with replacement, ``[draws, 4]``."""
    # Clusters with the same counts are one kind: a hundred thousand calls are a few dozen kinds.
    kinds, times = np.unique(np.array(rows, dtype=np.float64), axis=0, return_counts=True)
    step = max(1, _AT_ONCE // len(kinds))
    size = len(rows)
    return np.concatenate(
        [
            rng.multinomial(size, times / size, size=min(step, DRAWS - i)) @ kinds
            for i in range(0, DRAWS, step)
        ]
    )


def _tail(clusters: int) -> float:
    """Return what is left out on either side, for so many clusters."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(-np.sqrt(clusters / (clusters - 1)) * -stdtrit(clusters - 1, 0.025)))
