"""Whether somebody speaks livelier or flatter than usual: measured, not predicted.

The mean of two differences from the speaker's own other speech, pitch level and loudness level, in
units of how much ordinary speech varies. The weights were written down and not fitted to ratings;
within a speaker the mean follows rated arousal at about .8 (models/MODEL_CARD.md). It describes
beside the verdict and never changes it: what listeners called sincere and what is flat lie nearly
on one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Word = Literal["flatter", "usual", "livelier"]

# EmoDB's neutral clips differ from the speaker's other neutral ones by a spread of 1.17 st and
# 0.237 octaves of loudness, and the mean of both, each in its spread, by one of 0.78.
WEIGHTS: Mapping[str, float] = {
    "pitch_mean_st_rel": 1 / (1.17 * 2 * 0.78),
    "loudness_mean_log2ratio": 1 / (0.237 * 2 * 0.78),
}
# Values that at most one in ten ordinary clips passes on that side.
FLATTER, LIVELIER = -1.1, 1.45
# Those clips had about 20 s of baseline; a shorter one is a noisier view of what is usual.
MEASURED_S, TAU_S = 20.0, 3.93
# Noise in the clip, in its baseline or in both moves the value; variance exp(a + b snr_db).
NOISE = (3.21, -0.19)


@dataclass(frozen=True, slots=True)
class Animation:
    """How lively n clips are against their speakers' ordinary speech.

    Parameters
    ----------
    value, sd, low, high : ndarray [shape=(n,)]
        0 is as usual and 1 the spread of ordinary speech; `sd` is that spread, wider with a short
        baseline and noise; `low` and `high` an 80 % interval. NaN without a baseline.
    p : ndarray [shape=(n,)]
        Share of the speaker's ordinary speech that is flatter than this.
    word : list of str or None
        ``flatter``, ``usual`` or ``livelier``.
    parts : mapping of str to ndarray [shape=(n,)]
        What each difference adds to the value.
    """

    value: Floats
    sd: Floats
    low: Floats
    high: Floats
    p: Floats
    word: list[Word | None]
    parts: Mapping[str, Floats]


def animation(columns: Mapping[str, Any], *, min_baseline_s: float = 0.0) -> Animation:
    """Measure the animation of n clips.

    Parameters
    ----------
    columns : mapping of str to array [shape=(n,)]
        ``pitch_mean_st_rel``, ``loudness_mean_log2ratio``, ``baseline_s``, ``snr_db``; NaN is
        missing. A clip needs both differences and a baseline.
    min_baseline_s : float
        Less is no baseline.
    """
    from scipy.special import ndtr, ndtri

    n = max((np.size(v) for v in columns.values()), default=0)

    def column(name: str) -> Floats:
        return np.asarray(columns.get(name, np.full(n, np.nan)), dtype=np.float64).reshape(n)

    parts = {name: column(name) * weight for name, weight in WEIGHTS.items()}
    seconds, snr_db = column("baseline_s"), column("snr_db")
    known = (seconds > 0) & (seconds >= min_baseline_s)
    value = np.where(known, np.sum(list(parts.values()), axis=0), np.nan)
    short = TAU_S * np.maximum(1 / np.where(known, seconds, np.inf) - 1 / MEASURED_S, 0.0)
    noisy = np.exp(NOISE[0] + NOISE[1] * np.clip(snr_db, 0.0, 60.0))
    known = np.isfinite(value)
    extra = short + np.where(np.isfinite(snr_db), noisy, 0.0)
    sd = np.where(known, np.sqrt(1.0 + extra), np.nan)
    in_sd = value / sd
    word: list[Word | None] = [
        None if not np.isfinite(z) else "flatter" if z < FLATTER else
        "livelier" if z > LIVELIER else "usual"
        for z in in_sd
    ]  # fmt: skip
    p = np.asarray(ndtr(in_sd), dtype=np.float64)
    wide = ndtri(0.9) * sd
    return Animation(value, sd, value - wide, value + wide, p, word, parts)
