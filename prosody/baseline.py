"""The agent's other speech in the same recording, cut so that it is measured like an apology.

A baseline is not one long average: measures such as the pitch range or pauses per second depend on
the length of the window. So the other speech is cut into stretches about as long as an apology,
each is measured by itself, and the median over the stretches is what an apology is compared with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prosody import settings

# Pauses shorter than this belong to the stretch: an apology has such pauses inside it, too.
JOIN_S = 0.5
# Shorter stretches ("yes", "mm-hm") say little about how somebody speaks.
SHORTEST_S = 1.0

Spans = NDArray[np.float64]


def join(spans: Spans, gap_s: float) -> Spans:
    """Join spans that lie closer together than `gap_s`.

    Parameters
    ----------
    spans : ndarray [shape=(k, 2)]
        Start and end in seconds, sorted by start.
    gap_s : float >= 0
        Longest gap that is bridged, seconds.

    Returns
    -------
    ndarray [shape=(m, 2)], m <= k
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    if len(spans) < 2:
        return spans
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.concatenate([[True], spans[1:, 0] - reach[:-1] > gap_s])
    last = np.concatenate([first[1:], [True]])
    return np.stack([spans[first, 0], reach[last]], axis=1)


def subtract(spans: Spans, holes: Spans) -> Spans:
    """Return `spans` without the times that `holes` cover (both in seconds, both sorted)."""
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    for low, high in join(holes, 0.0):
        before = np.stack([spans[:, 0], np.minimum(spans[:, 1], low)], axis=1)
        after = np.stack([np.maximum(spans[:, 0], high), spans[:, 1]], axis=1)
        spans = np.concatenate([before, after])
        spans = spans[spans[:, 1] > spans[:, 0]]
    return spans[np.argsort(spans[:, 0], kind="stable")]


def overlap_s(spans: Spans, windows: Spans) -> NDArray[np.float64]:
    """Return the seconds of `spans` inside each of `windows` (sorted, disjoint spans).

    Parameters
    ----------
    spans : ndarray [shape=(k, 2)]
    windows : ndarray [shape=(n, 2)]

    Returns
    -------
    ndarray [shape=(n,)]
        Seconds, 0 where nothing overlaps.
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    windows = np.asarray(windows, dtype=np.float64).reshape(-1, 2)
    if not len(spans):
        return np.zeros(len(windows))
    # Seconds of speech before any time t: a piecewise linear function with the spans as its steps.
    at = spans.ravel()
    filled = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    before = np.stack([filled[:-1], filled[1:]], axis=1).ravel()
    return np.asarray(np.interp(windows[:, 1], at, before) - np.interp(windows[:, 0], at, before))


def stretches(speech: Spans, exclude: Spans, chosen: settings.Baseline) -> Spans:
    """Cut the other speech of a role into stretches to measure, spread over the recording.

    Parameters
    ----------
    speech : ndarray [shape=(k, 2)]
        Where the role speaks, seconds, sorted.
    exclude : ndarray [shape=(m, 2)]
        Windows that may not be part of the baseline: the apologies themselves.
    chosen : settings.Baseline
        ``chunk_s`` long stretches, ``max_s`` in all.

    Returns
    -------
    ndarray [shape=(n, 2)]
        Stretches of about ``chunk_s`` (never over 1.5 times that), sorted.
    """
    whole = join(subtract(speech, exclude), JOIN_S)
    # Joining may bridge an excluded window that is shorter than a pause: take it out again.
    whole = subtract(whole, exclude)
    lengths = whole[:, 1] - whole[:, 0]
    pieces = np.maximum(1, np.round(lengths / chosen.chunk_s)).astype(int)
    step = np.repeat(lengths / pieces, pieces)
    rank = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = np.repeat(whole[:, 0], pieces) + rank * step
    cut = np.stack([start, start + step], axis=1)
    cut = cut[step >= SHORTEST_S]
    most = int(chosen.max_s // chosen.chunk_s)
    if len(cut) > most:
        cut = cut[np.unique(np.linspace(0, len(cut) - 1, most).round().astype(int))]
    return cut


def median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each measure over the stretches.

    Parameters
    ----------
    values : ndarray [shape=(n, m)]
        One row per stretch; NaN is missing.

    Returns
    -------
    ndarray [shape=(m,)]
        NaN where fewer than two stretches have a value: one stretch is no habit.
    """
    out = np.full(values.shape[1], np.nan)
    enough = np.isfinite(values).sum(axis=0) >= 2
    if enough.any():
        out[enough] = np.nanmedian(values[:, enough], axis=0)
    return out
