"""How often something is heard in a whole run: from the ratings of a sample with weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.rating.power import kish, share_interval
from prosody.statistics.intervals import Z_95
from prosody.tables.rated_table import Floats, numbers, read_rows

MIDDLE = 50.0


def read_weights(path: Path) -> dict[str, tuple[float, float, str]]:
    """Return of each clip of a sample: weight, weight in the random half, agent.

    Parameters
    ----------
    path : path
        The table that ``prosody sample`` wrote.

    Raises
    ------
    UsageError
        If the table has no such columns, or a weight is no number above 0.
    """
    header, rows = read_rows(path)
    need = ("clip", "weight", "random_weight", "agent")
    for name in need:
        if name not in header:
            raise UsageError(
                f"{path}: no column '{name}'; found {', '.join(header[:8])}.",
                "Give the table that 'prosody sample' wrote.",
            )
    at = [header.index(name) for name in need]
    weight = numbers([r[at[1]] for r in rows], path, "weight")
    random = numbers([r[at[2]] for r in rows], path, "random_weight")
    if not np.all(weight > 0) or np.any(random <= 0):
        raise UsageError(f"{path}: a weight that is no number above 0.", "Do not change weights.")
    return {
        r[at[0]].strip(): (float(w), float(own), r[at[3]].strip())
        for r, w, own in zip(rows, weight, random, strict=True)
    }


def base_rate(
    clips: Sequence[dict[str, Any]], weights: dict[str, tuple[float, float, str]]
) -> dict[str, Any]:
    """Return the share of a run's apologies whose mean rating lies below the middle of the scale.

    Parameters
    ----------
    clips : sequence of dict
        ``clip`` and ``mean``, as `prosody.rating.agreement` gives them.
    weights : dict
        As `read_weights` gives them.

    Returns
    -------
    dict
        ``share``, ``low``, ``high``: from all rated clips, weighted; the same under
        ``random_half`` from that half alone; ``n_clips``, ``n_agents``, ``n_unrated``.
    """
    rated = [c for c in clips if c["clip"] in weights and math.isfinite(c["mean"])]
    known = [weights[c["clip"]] for c in rated]
    below = np.array([c["mean"] < MIDDLE for c in rated], dtype=float)
    weight, random = (np.array([k[i] for k in known], dtype=float) for i in (0, 1))
    agent = np.array([k[2] for k in known], dtype=np.str_)
    half = np.isfinite(random)
    return {
        **share(below, weight, agent),
        "n_clips": len(rated),
        "n_agents": len(np.unique(agent)),
        "n_unrated": len(weights) - len(rated),
        "random_half": {
            **share(below[half], random[half], agent[half]),
            "n_clips": int(half.sum()),
        },
    }


def share(true: Floats, weight: Floats, agent: NDArray[np.str_]) -> dict[str, float]:
    """Return a weighted share with its 95 % interval; clips of one agent are not independent.

    Linearised, agents as clusters (Särndal, Swensson & Wretman 1992, chapter 5), on the scale of
    log odds; by Wilson's method on the weights' worth where everything is on one side.
    """
    if not len(true):
        return {"share": math.nan, "low": math.nan, "high": math.nan}
    p = float(np.sum(weight * true) / np.sum(weight))
    _, cluster = np.unique(agent, return_inverse=True)
    agents = int(cluster.max()) + 1
    if not 0 < p < 1 or agents < 2:
        low, high = share_interval(p, kish(np.bincount(cluster, weight).astype(np.float64)))
        return {"share": p, "low": low, "high": high}
    off = np.bincount(cluster, weight * (true - p)) / np.sum(weight)
    sd = math.sqrt(agents / (agents - 1) * float(np.sum(off**2)))
    # Never narrower than as many independent clips of equal weight would have it.
    sd = max(sd, math.sqrt(p * (1 - p) / len(true)))
    middle, half = math.log(p / (1 - p)), Z_95 * sd / (p * (1 - p))
    low, high = (1 / (1 + math.exp(-v)) for v in (middle - half, middle + half))
    return {"share": p, "low": low, "high": high}
