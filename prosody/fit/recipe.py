"""The recipe of the shipped judge: which measures, which corpora, which settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from prosody.fit.model import AxisModel
from prosody.fit.ratings import Panel, read_long, read_nsc
from prosody.fit.tables import Rated, read_table
from prosody.fit.train import Spec, fit_axis, specs

SINCERE_FAMILIES = ("pitch", "loudness", "tempo", "balance")
ENGAGED_FAMILIES = ("pitch", "loudness", "tempo")


def sincere_specs(rated: Rated) -> list[Spec]:
    """Return the terms of the axis *sincere* that the table can give."""
    return specs(relative=True, families=SINCERE_FAMILIES, names=tuple(rated.columns))


def engaged_specs(rated: Rated) -> list[Spec]:
    """Return the terms of the axis *engaged*: absolute, since its corpus has one clip a speaker."""
    return specs(relative=False, families=ENGAGED_FAMILIES, names=tuple(rated.columns))


def fit_sincere(rated: Rated) -> AxisModel:
    """Fit the axis *sincere*."""
    return fit_axis(rated, sincere_specs(rated))


def fit_engaged(rated: Rated) -> AxisModel:
    """Fit the axis *engaged*."""
    return fit_axis(rated, engaged_specs(rated))


FIT = {"sincere": fit_sincere, "engaged": fit_engaged}


def join(rated: Rated, panel: Panel) -> Rated:
    """Return the table with the panel's mean ratings, matched by clip name (suffix or not)."""
    mean = dict(zip(panel.clips.tolist(), panel.mean.tolist(), strict=True))
    short = {Path(k).stem: v for k, v in mean.items()}
    rating = np.array([mean.get(c, short.get(Path(c).stem, np.nan)) for c in rated.clip.tolist()])
    return replace(rated, rating=rating)


def read_sinac(path: Path | str) -> Rated:
    """Read the table of SinA-C: ratings and functionals in one file."""
    return read_table(path)


def read_nsc_folder(folder: Path | str, items: dict[str, int] | None = None) -> tuple[Rated, Panel]:
    """Read NSC: functionals and single ratings from a folder."""
    folder = Path(folder)
    panel = read_nsc(folder / "ratings_dev.csv", items)
    rated = join(read_table(folder / "egemaps_dev.csv", need_rating=False), panel)
    return rated.take(~np.isnan(rated.rating)), panel


__all__ = [
    "FIT",
    "fit_engaged",
    "fit_sincere",
    "join",
    "read_long",
    "read_nsc_folder",
    "read_sinac",
]
