"""Stretches of time: joined, taken out of each other, measured against each other.

A set of spans is float64 ``[k, 2]``: start and end in seconds, sorted by start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.float64]


def runs(on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where each run of True begins and ends.

    Parameters
    ----------
    on : ndarray [shape=(n,), bool]

    Returns
    -------
    ndarray [shape=(k, 2), int64]
        Positions in `on`, the end exclusive, in order.
    """
    edged = np.zeros(len(on) + 2, dtype=bool)
    edged[1:-1] = on
    return np.flatnonzero(edged[1:] != edged[:-1]).reshape(-1, 2)


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


def union(one: Spans, other: Spans) -> Spans:
    """Return the times that either of two sets of spans covers, sorted and disjoint.

    Parameters
    ----------
    one, other : ndarray [shape=(k, 2)], [shape=(m, 2)]

    Returns
    -------
    ndarray [shape=(n, 2)]
    """
    both = np.concatenate([one, other])
    return join(both[np.argsort(both[:, 0], kind="stable")], 0.0)


def subtract(spans: Spans, holes: Spans) -> Spans:
    """Return `spans` without the times that `holes` cover.

    Parameters
    ----------
    spans, holes : ndarray [shape=(k, 2)], [shape=(m, 2)]
        Start and end in seconds, sorted by start.

    Returns
    -------
    ndarray [shape=(n, 2)]
        Sorted by start; nothing of no length among them.
    """
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
