"""What ratings of a sample will be good for: said before anybody has rated.

Widths of 95 % intervals for a given number of clips and raters, with the assumptions they rest on,
and whether `prosody fit` will take the ratings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from prosody.rating.ratings import (
    MIN_ADAPT_CLIPS,
    MIN_ADAPT_SPEAKERS,
    MIN_CLIPS,
    MIN_RELIABILITY,
    MIN_SPEAKERS,
)
from prosody.rating.sampling import Sample
from prosody.statistics.intervals import Z_95, wilson
from prosody.statistics.variance_components import reliability_of_mean
from prosody.tables.rated_table import Floats

BASE_RATE, CORRELATION, RECALL = 0.15, 0.5, 0.75
# Of one rating by one listener: what studies of this kind find (docs/rating.md).
SINGLE = 0.30
# Share of the variance of ratings that lies between speakers: .29 in SinA-C (24 speakers, one-way
# intraclass correlation). Clips of one agent resemble each other, and tell less than their number.
BETWEEN_AGENTS = 0.29
# Listening once, moving two sliders, going on; and one repeat in eight.
ANSWER_S, REPEATS = 10.0, 1.125
RATERS = (3, 5, 8, 10)


def kish(weight: Floats) -> float:
    """Return how many equally weighted clips a weighted mean is worth (Kish 1965)."""
    total = float(np.sum(weight**2))
    return float(np.sum(weight)) ** 2 / total if total > 0 else 0.0


def clustered(n: float, clips: float, agents: float) -> float:
    """Return how many independent clips `n` are worth where agents have several each."""
    each = clips / agents if agents else 1.0
    return n / (1 + max(0.0, each - 1) * BETWEEN_AGENTS)


def correlation_interval(r: float, n: float) -> tuple[float, float]:
    """Return the interval of Spearman's correlation (Bonett & Wright 2000)."""
    if n <= 3:
        return -1.0, 1.0
    half = Z_95 * math.sqrt((1 + r * r / 2) / (n - 3))
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def share_interval(share: float, n: float) -> tuple[float, float]:
    """Return the interval of a share by Wilson's method, for a number that need not be whole."""
    return wilson(share * n, n) if n > 0 else (0.0, 1.0)


def uar_interval(recall: float, forced: float, others: float) -> tuple[float, float]:
    """Return the interval of the mean of two recalls, each of which is `recall`."""
    if forced < 1 or others < 1:
        return 0.0, 1.0
    sd = math.sqrt(recall * (1 - recall) * (1 / forced + 1 / others)) / 2
    return max(0.0, recall - Z_95 * sd), min(1.0, recall + Z_95 * sd)


def prospects(sample: Sample, *, asked: int, raters: int = 5) -> dict[str, Any]:
    """Return what ratings of a sample will be good for.

    Parameters
    ----------
    sample : Sample
    asked : int
        How many clips were wanted.
    raters : int
        Raters per clip.

    Returns
    -------
    dict
        Plain values. Of each figure with an interval, ``low`` and ``high`` hold where clips are
        independent, ``agents_low`` and ``agents_high`` where agents differ as SinA-C's speakers do.
    """
    frame = sample.frame
    n = len(sample)
    chosen = sample.chosen
    counts = np.unique(frame.agent[chosen], return_counts=True)[1]
    agents = len(counts)
    random = sample.random
    half = kish(sample.random_weight[random])
    whole = kish(sample.weight)
    random_agents = len(np.unique(frame.agent[chosen][random]))
    length = [
        float(frame.rows[i]["end_s"]) - float(frame.rows[i]["start_s"])
        for i in chosen
        if frame.rows[i].get("end_s") is not None and frame.rows[i].get("start_s") is not None
    ]
    each_s = (float(np.mean(length)) if length else 3.0) + ANSWER_S
    return {
        "clips": n,
        "clips_asked": asked,
        "clips_random": int(random.sum()),
        "clips_enriched": int((~random).sum()),
        "agents": agents,
        "most_per_agent": int(counts.max()) if n else 0,
        "agents_named": frame.agents_named,
        "run": {
            "apologies": len(frame),
            "agents": len(np.unique(frame.agent)),
            "gated_left_out": frame.left_out.get("gated", 0),
            "twice_left_out": frame.left_out.get("twice", 0),
        },
        "strata": _strata(sample),
        "kinds": {
            name: int(np.sum(frame.kind[chosen][~random] == k))
            for k, name in enumerate(frame.kinds)
        },
        "base_rate": {
            "assumed": BASE_RATE,
            **_pair(share_interval, BASE_RATE, half, int(random.sum()), random_agents),
            "clips_worth": half,
            "all": _pair(share_interval, BASE_RATE, whole, n, agents) | {"clips_worth": whole},
        },
        "correlation": {
            "assumed": CORRELATION,
            **_pair(correlation_interval, CORRELATION, n, n, agents),
        },
        "uar": {
            "assumed": RECALL,
            "forced_clips": BASE_RATE * n,
            **_pair(
                lambda r, k: uar_interval(r, BASE_RATE * k, (1 - BASE_RATE) * k),
                RECALL, n, n, agents,
            ),
        },
        "single_rating_reliability": SINGLE,
        "raters": [
            {
                "raters": k,
                "reliability": reliability_of_mean(SINGLE, k),
                "highest_correlation": math.sqrt(reliability_of_mean(SINGLE, k)),
                "hours_per_rater": n * REPEATS * each_s / 3600,
                "chosen": k == raters,
            }
            for k in sorted({*RATERS, raters})
        ],
        "fit": {
            "clips": n >= MIN_CLIPS,
            "speakers": agents >= MIN_SPEAKERS,
            "reliability": reliability_of_mean(SINGLE, raters) >= MIN_RELIABILITY,
            "more_clips": max(0, MIN_CLIPS - n),
            "more_speakers": max(0, MIN_SPEAKERS - agents),
            "adapt": n >= MIN_ADAPT_CLIPS and agents >= MIN_ADAPT_SPEAKERS,
        },
    }  # fmt: skip


def _pair(interval: Any, value: float, n: float, clips: int, agents: int) -> dict[str, float]:
    low, high = interval(value, n)
    a_low, a_high = interval(value, clustered(n, clips, agents))
    return {"low": low, "high": high, "agents_low": a_low, "agents_high": a_high}


def _strata(sample: Sample) -> list[dict[str, Any]]:
    frame = sample.frame
    out = []
    for name in np.unique(frame.stratum):
        mine = frame.stratum == name
        language, line = str(name).split("/", 1)
        out.append(
            {
                "language": language,
                "line": line,
                "apologies": int(mine.sum()),
                "clips": int(mine[sample.chosen].sum()),
                "random": int(mine[sample.chosen][sample.random].sum()),
                "agents": len(np.unique(frame.agent[sample.chosen][mine[sample.chosen]])),
            }
        )
    return out
