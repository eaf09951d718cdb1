"""One axis of a judge: straight lines of differences, and what noise adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from prosody.measures import table
from prosody.tables.rated_table import NOMINAL_CLIP_S, Floats

# Seconds of baseline at which a difference counts for half: the variance of a median over n clips
# is pi/2 times that of their mean.
TAU_S = float(np.pi / 2 * NOMINAL_CLIP_S)
# Differences are cut at so many times their spread: beyond it nothing was learned.
LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Noise:
    """What noise around a voice adds to the variance of its rating.

    Parameters
    ----------
    log_variance, per_db : float
        ``exp(log_variance + per_db * snr_db)``.
    """

    log_variance: float
    per_db: float


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a judge: straight lines of differences.

    Parameters
    ----------
    measures : tuple of str
        Of which the difference from the speaker's other speech counts.
    scale : ndarray [shape=(p,)]
        The difference that is one unit of a term: its root mean square where it was fitted.
    coef : ndarray [shape=(p,)]
        What one unit adds to the rating.
    bias : float
        Rating of a clip that does not differ from the speaker's other speech.
    residual_sd : float
        Standard deviation of a panel's mean around the rating where everything is known.
    unlike : ndarray [shape=(p, p)]
        Root of the covariance of the weights, speakers taken as clusters: clips far from usual are
        judged less surely.
    spread : ndarray [shape=(p, p)]
        Root of the covariance of the terms: what is not known of a clip may have moved so much.
    noise : Noise, optional
    cut : float
        Ratings above lie on the sincere (engaged) side.
    """

    measures: tuple[str, ...]
    scale: Floats
    coef: Floats
    bias: float
    residual_sd: float
    unlike: Floats
    spread: Floats
    noise: Noise | None = None
    cut: float = 0.0

    def scaled(self, slope: float) -> Axis:
        """Return the axis for ratings times `slope`; its bias and residual stay."""
        noise = self.noise and Noise(
            self.noise.log_variance + 2.0 * float(np.log(slope)), self.noise.per_db
        )
        return replace(self, coef=self.coef * slope, unlike=self.unlike * slope, noise=noise)


def relative_name(measure: str) -> str:
    """Return the column with a measure's difference from the speaker's other speech."""
    return table.BY_NAME[measure].relative_name
