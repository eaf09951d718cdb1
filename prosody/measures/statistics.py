"""Statistics of many segments at once: means, percentiles, slopes over one long array of frames.

A `Runs` says where each segment lies in the long array. Every function reduces all segments
together; there is no loop over them. A segment without values gives NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
FLAT = 1e-5
"""Neighbours that differ by a smaller share of their value are level."""
Mask = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Where each segment's values lie in one long array.

    Attributes
    ----------
    count : ndarray [shape=(n,), int64]
        Values of each segment, in order; zero is allowed.
    start : ndarray [shape=(n,), int64]
        Position of the first value of each segment.
    full : ndarray [shape=(n,), bool]
        Segments that have values.
    first : ndarray [shape=(full.sum(),), int64]
        Position of the first value of those.
    """

    count: IntArray
    start: IntArray = field(init=False)
    full: Mask = field(init=False)
    first: IntArray = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every statistic asks for."""
        start, full = np.cumsum(self.count) - self.count, self.count > 0
        for name, value in (("start", start), ("full", full), ("first", start[full])):
            object.__setattr__(self, name, value)

    @property
    def ids(self) -> IntArray:
        """Segment of each value [shape=(total,)]."""
        return np.repeat(np.arange(len(self.count)), self.count)

    def where(self, mask: Mask) -> Runs:
        """Return the runs that remain when only the values under `mask` are kept."""
        return Runs(_reduced(mask, self, np.int64))


def _reduced(x: NDArray[Any], runs: Runs, kind: type) -> NDArray[Any]:
    if len(runs.first) and len(runs.first) == len(runs.count):
        return np.asarray(np.add.reduceat(x, runs.first, axis=0, dtype=kind))
    out = np.zeros((len(runs.count), *x.shape[1:]), kind)
    if len(runs.first):
        out[runs.full] = np.add.reduceat(x, runs.first, axis=0, dtype=kind)
    return out


def sums(x: Values, runs: Runs) -> Doubles:
    """Add up each segment's values.

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    runs : Runs

    Returns
    -------
    ndarray [shape=(n,) or (n, k), float64]
        0 for segments without values.
    """
    return _reduced(x, runs, np.float64)


def means(x: Values, runs: Runs) -> Doubles:
    """Return each segment's mean.

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    runs : Runs

    Returns
    -------
    ndarray [shape=(n,) or (n, k), float64]
        In the unit of `x`; NaN for segments without values.
    """
    number = np.where(runs.full, runs.count, np.nan)
    return sums(x, runs) / (number if x.ndim == 1 else number[:, None])


def mean_sd(x: Values, runs: Runs) -> tuple[Doubles, Doubles]:
    """Return each segment's mean and standard deviation (over n, not n - 1).

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    runs : Runs

    Returns
    -------
    mean, sd : ndarray [shape=(n,) or (n, k), float64]
        In the unit of `x`; NaN for segments without values, an sd of 0 for those with one.
    """
    mean = means(x, runs)
    gap = x - np.repeat(mean, runs.count, axis=0)
    return mean, np.sqrt(means(gap * gap, runs))


def percentiles(x: Values, runs: Runs, shares: tuple[float, ...]) -> Doubles:
    """Return percentiles of each segment, interpolated between the sorted values.

    Parameters
    ----------
    x : ndarray [shape=(total,)]
    runs : Runs
    shares : tuple of float
        0 to 1; share ``p`` lies at position ``p * (count - 1)``.

    Returns
    -------
    ndarray [shape=(n, len(shares)), float64]
    """
    ordered = _sorted_within(x, runs)
    out = np.full((len(runs.count), len(shares)), np.nan)
    last = runs.count[runs.full][:, None] - 1
    place = last * np.array(shares)
    below = place.astype(np.int64)
    base = runs.first[:, None]
    low, high = ordered[base + below], ordered[base + np.minimum(below + 1, last)]
    out[runs.full] = low + (place - below) * (high - low)
    return out


def _sorted_within(x: Values, runs: Runs) -> Doubles:
    """Sort the values of each segment: one sort of all, the segment's number before the value."""
    if len(x) == 0:
        return np.empty(0)
    low, span = float(x.min()), float(np.ptp(x)) or 1.0
    # half a unit per segment: 1e-10 of the span is lost in a batch of a million segments
    ids = runs.ids
    key = (x.astype(np.float64) - low) * (0.5 / span) + ids
    key.sort()
    return np.asarray((key - ids) * (2.0 * span) + low)


def shift(x: Values, runs: Runs, by: int) -> Values:
    """Return for each value its neighbour in the same segment.

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    runs : Runs
    by : int
        1 for the neighbour before, -1 for the one after.

    Returns
    -------
    ndarray [shape and dtype of `x`]
        The first (last) value of a segment is its own neighbour.
    """
    out = np.empty_like(x)
    if by > 0:
        out[1:], edge = x[:-1], runs.start
    else:
        out[:-1], edge = x[1:], runs.start + runs.count - 1
    edge = edge[runs.full]
    out[edge] = x[edge]
    return out


def smooth(x: Values, runs: Runs) -> Values:
    """Average each value with its two neighbours (openSMILE's sma3).

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    runs : Runs

    Returns
    -------
    ndarray [shape of `x`]
        A segment's first and last value stand in for what lies beyond them.
    """
    return (shift(x, runs, 1) + x + shift(x, runs, -1)) / 3


def smooth_where(x: Values, mask: Mask, runs: Runs) -> Values:
    """Average each value under `mask` with those neighbours that are under it too (sma3nz).

    Parameters
    ----------
    x : ndarray [shape=(total,) or (total, k)]
    mask : ndarray [shape=(total,), bool]
    runs : Runs

    Returns
    -------
    ndarray [shape=(mask.sum(),) or (mask.sum(), k)]
        Only the values under the mask.
    """
    opening = np.zeros(len(mask), bool)
    opening[runs.first] = True
    at = np.flatnonzero(mask)
    values = x[at]
    # Which values have the one before them in the list as their neighbour in time, too.
    joined = (at[1:] - at[:-1] == 1) & ~opening[at[1:]]
    number = np.ones(len(at))
    number[1:] += joined
    number[:-1] += joined
    if x.ndim > 1:
        joined, number = joined[:, None], number[:, None]
    total = values.copy()
    total[1:] += np.where(joined, values[:-1], 0)
    total[:-1] += np.where(joined, values[1:], 0)
    return np.asarray(total / number, dtype=x.dtype)


def line_slopes(x: Values, time: Values, runs: Runs) -> Doubles:
    """Return the least-squares slope of each segment.

    Parameters
    ----------
    x, time : ndarray [shape=(total,)]
    runs : Runs

    Returns
    -------
    ndarray [shape=(n,), float64]
        Unit of `x` per unit of `time`; NaN for segments with fewer than two values.
    """
    t = time - np.repeat(means(time, runs), runs.count)
    spread = sums(t * t, runs)
    out = np.full(len(runs.count), np.nan)
    np.divide(sums(t * x, runs), spread, out=out, where=spread > 0)
    return out


@dataclass(frozen=True, slots=True)
class Turns:
    """Turning points of all segments: peaks and valleys that stand out.

    Attributes
    ----------
    at : ndarray [shape=(m,), int64]
        Positions in the long array, in order.
    high : ndarray [shape=(m,), bool]
        Peak (True) or valley.
    segment : ndarray [shape=(m,), int64]
        Segment that each belongs to.
    """

    at: IntArray
    high: Mask
    segment: IntArray


def turning_points(x: Values, runs: Runs, share: float = 0.1) -> Turns:
    """Find the peaks and valleys that differ from their neighbours by a share of the range.

    Parameters
    ----------
    x : ndarray [shape=(total,)]
        A smoothed contour, finite.
    runs : Runs
    share : float
        Of the segment's range (maximum minus minimum); smaller swings are passed over.

    Returns
    -------
    Turns
        Alternating, the ends of a segment not among them. All segments are thinned together: in
        each round every swing that is too small and smaller than its neighbours is taken out. The
        segment's first value is where the first swing starts from; a last peak or valley stays
        even if the segment ends before the contour has turned back.
    """
    first = runs.first
    least = np.zeros(len(runs.count))
    if len(first):
        least[runs.full] = share * (np.maximum.reduceat(x, first) - np.minimum.reduceat(x, first))
    opening = np.zeros(len(x), bool)
    opening[first] = True
    ids = runs.ids
    # A level stretch (digital silence) counts as one value, at its first frame.
    changed = opening.copy()
    changed[1:] |= np.abs(x[1:] - x[:-1]) > FLAT * np.abs(x[1:])
    kept = np.flatnonzero(changed)
    level = x[kept]
    way = np.sign(level[1:] - level[:-1])
    up = np.zeros(len(x), bool)
    up[kept[1:]] = way > 0
    starts = opening[kept]
    turn = starts.copy()
    turn[1:-1] |= (way[1:] != way[:-1]) & ~starts[2:]
    at = kept[turn]
    while True:
        segment = ids[at]
        inside = segment[1:] == segment[:-1]
        swing = np.full(len(at) + 1, np.inf)  # one more on either side
        swing[1:-1][inside] = np.abs(x[at[1:]] - x[at[:-1]])[inside]
        small = swing[1:-1] < least[segment[:-1]]
        thin = np.flatnonzero(small & (swing[1:-1] <= swing[:-2]) & (swing[1:-1] < swing[2:]))
        if len(thin) == 0:
            break
        last = ~np.append(inside[1:], False)[thin]
        gone = np.zeros(len(at), bool)
        gone[thin + 1] = True
        gone[thin[~last & ~opening[at[thin]]]] = True
        at = at[~gone]
    at = at[~opening[at]]
    return Turns(at, up[at], ids[at])


def turning_slopes(x: Values, turns: Turns, runs: Runs, step_s: float) -> Doubles:
    """Return mean and sd of the slopes from valley to peak and from peak to valley.

    Parameters
    ----------
    x : ndarray [shape=(total,)]
    turns : Turns
        Of `x`.
    runs : Runs
        Of `x`.
    step_s : float
        Seconds between two values.

    Returns
    -------
    ndarray [shape=(n, 4), float64]
        Rising mean, rising sd, falling mean, falling sd (falling as positive numbers), per second.
        The ways from a segment's first value to its first turn and from its last turn to its last
        value count in the means (the last not in the sd, since it is not finished); without any
        turn the segment is one slope. An sd needs two slopes.
    """
    n = len(runs.count)
    long = np.flatnonzero(runs.count > 1)
    first, last = runs.start[long], (runs.start + runs.count - 1)[long]
    at = np.concatenate([turns.at, first, last])
    segment = np.concatenate([turns.segment, long, long])
    # -1 valley, 1 peak, 0 end of the segment
    kind = np.concatenate([np.where(turns.high, 1, -1), np.zeros(2 * len(long), np.int64)])
    order = np.argsort(at, kind="stable")
    at, segment, kind = at[order], segment[order], kind[order]
    inside = (segment[1:] == segment[:-1]) & (at[1:] > at[:-1])
    level = x[at].astype(np.float64)
    slope = (level[1:] - level[:-1])[inside] / ((at[1:] - at[:-1])[inside] * step_s)
    rising = np.where(kind[1:] != 0, kind[1:], -kind[:-1])[inside]
    rising = np.where(rising == 0, np.sign(slope), rising)
    finished = kind[1:][inside] != 0
    # Two groups for each segment, what rises and what falls; what stays level is in neither.
    group = 2 * segment[1:][inside] + (rising < 0)
    order = np.argsort(group, kind="stable")
    order = order[rising[order] != 0]
    way, finished = (rising * slope)[order], finished[order]
    groups = Runs(np.bincount(group[order], minlength=2 * n))
    ended = groups.where(finished)
    sd = mean_sd(way[finished], ended)[1]
    sd[ended.count < 2] = np.nan
    return np.stack([means(way, groups), sd], axis=1).reshape(n, 4)
