"""The agent's other speech in the same recording: cut so that it is measured like an apology.

A baseline is not one long average: measures such as the pitch range or pauses per second depend on
the length of the window. So the other speech is cut into stretches about as long as an apology,
each is measured by itself, and the median over the stretches is what an apology is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody import settings
from prosody.arrays import Spans, join, subtract
from prosody.measures import table

# Pauses shorter than this belong to the stretch: an apology has such pauses inside it, too.
JOIN_S = 0.5
# Shorter stretches ("yes", "mm-hm") say little about how somebody speaks.
SHORTEST_S = 1.0


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


@dataclass(frozen=True, slots=True)
class Baseline:
    """How somebody usually speaks: what an apology is held against.

    Attributes
    ----------
    values : float64 [len(table.NAMES)]
        Usual value of each measure; NaN where it is not known.
    seconds : float
        Seconds of speech they rest on; 0 where there is no baseline.
    """

    values: NDArray[np.float64]
    seconds: float

    @classmethod
    def none(cls) -> Baseline:
        """Return what is known of somebody who has hardly spoken: nothing."""
        return cls(np.full(len(table.NAMES), np.nan), 0.0)

    @classmethod
    def of(
        cls,
        measured: NDArray[np.float64],
        seconds: float,
        min_s: float,
        names: tuple[str, ...] = table.NAMES,
    ) -> Baseline:
        """Return the median over stretches, or `none` where they are less than `min_s` in all.

        Parameters
        ----------
        measured : float64 [n, len(names)]
            Measures of stretches of somebody's other speech.
        seconds : float
            Speech in them.
        min_s : float
        names : tuple of str
            The measures that the columns hold; the others stay unknown.
        """
        if seconds < min_s:
            return cls.none()
        values = np.full(len(table.NAMES), np.nan)
        values[[table.NAMES.index(name) for name in names]] = median(measured)
        return cls(values, seconds)

    def at_least(self, min_s: float) -> Baseline:
        """Return this, or `none` where it rests on less speech."""
        return self if self.seconds >= min_s else self.none()

    def relative(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return windows compared with this, ``[n, len(table.RELATIVE_NAMES)]``.

        Parameters
        ----------
        measured : float64 [n, len(table.NAMES)]
        """
        return table.relative(measured, np.repeat(self.values[None], len(measured), axis=0))


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
