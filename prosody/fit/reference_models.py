"""What a judge has to beat: the wording, the length, tempo and pitch level, and chance.

Each is a straight line through one or two numbers, fitted to other speakers, so that a card shows
how much of a judge's figure is had for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prosody.fit import metrics as fig
from prosody.fit.train import out_of_fold
from prosody.tables.rated_table import Floats, Rated

TWO = (
    ("loudness_peaks_per_s_log2ratio", "loudness_peaks_per_s"),
    ("pitch_p50_st_rel", "pitch_p50_st"),
)
DURATION = (("duration_s",),)


def naive(rated: Rated, cut: float = 0.0) -> dict[str, dict[str, float]]:
    """Return the figures of judges that hear nothing, or next to nothing; speakers left out.

    Parameters
    ----------
    rated : Rated
    cut : float
        Ratings above lie on the sincere side.

    Returns
    -------
    dict
        ``wording only``, ``duration only``, ``tempo and pitch level``, ``chance``: those that the
        table has the columns for, each with spearman, uar and rmse.
    """
    designs: dict[str, Floats | None] = {
        "wording only": _wording(rated),
        "duration only": _columns(rated, DURATION),
        "tempo and pitch level": _columns(rated, TWO),
        "chance": np.zeros((len(rated), 0)),
    }
    out = {}
    for name, x in designs.items():
        if x is None:
            continue
        # Nearly plain least squares; a wording that only one speaker said stays finite.
        rating = out_of_fold(x, rated.rating, rated.speaker, 1e-3)
        found = fig.figures(rated.rating, rating, np.ones(len(rated)), rated.sentence, cut)
        out[name] = {k: found[k] for k in ("spearman", "uar", "rmse")}
        if name == "chance":
            # Leaving a speaker out moves the others' mean away from hers: no skill, nor its lack.
            out[name] |= {"spearman": float("nan"), "uar": 0.5}
    return out


def _wording(rated: Rated) -> Floats | None:
    kinds = np.unique(rated.sentence)
    if len(kinds) < 2 or len(kinds) > len(rated) / 4:
        return None
    return np.asarray(rated.sentence[:, None] == kinds[1:], dtype=np.float64)


def _columns(rated: Rated, wanted: tuple[tuple[str, ...], ...]) -> Floats | None:
    """Return the first known column of each, missing values at their mean; None without."""
    known: Mapping[str, Floats] = rated.columns
    out = []
    for names in wanted:
        column = next((known[n] for n in names if n in known and _varies(known[n])), None)
        if column is None:
            return None
        out.append(np.where(np.isnan(column), np.nanmean(column), column) - np.nanmean(column))
    return np.stack(out, axis=1)


def _varies(column: Floats) -> bool:
    seen = column[~np.isnan(column)]
    return bool(len(seen) > 2 and np.ptp(seen) > 0)
