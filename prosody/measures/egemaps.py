"""To and from openSMILE's eGeMAPS functionals: names, and what differs in meaning.

Three things differ, each found by comparing numbers with openSMILE's own:

- its standard deviations are divided by the mean (``stddevNorm``);
- its voiced stretches are one frame (10 ms) shorter than they last;
- its spectral slopes are fitted to one bin more than the formula counts. That stretches the slope
  and makes it depend on level: with ``b`` the band's mean level in dB, openSMILE's value is
  ``1.2 s - 0.0008 b`` for 0-500 Hz and ``1.545 s - 0.000545 b`` for 500-1500 Hz. Ours is ``s``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.measures.grid import HOP_S
from prosody.measures.table import ACOUSTIC, BY_EGEMAPS, BY_NAME, MEASURES

Doubles = NDArray[np.float64]

LEVEL = "equivalentSoundLevel_dBp"
SLOPES = {
    "slope_0_500_db_per_hz": (1.2, -8.0e-4, "band_level_0_500_db"),
    "slope_500_1500_db_per_hz": (32 * 2992 / 61952, -33 * 32 / 1936000, "band_level_500_1500_db"),
}
UNVOICED_SLOPES = {
    name.replace("_db", "_unvoiced_db", 1): (*terms[:2], terms[2].replace("_db", "_unvoiced_db"))
    for name, terms in SLOPES.items()
}
_ALL_SLOPES = SLOPES | UNVOICED_SLOPES
"""Ours to openSMILE's (31.25 Hz bins, rates of 8 and 16 kHz): factor, per dB, level of the band."""

_F0 = "F0semitoneFrom27.5Hz_sma3nz_"
_BAND_LEVEL_FROM = (
    "slopeV0-500_sma3nz_amean",
    "slopeV500-1500_sma3nz_amean",
    "alphaRatioV_sma3nz_amean",
    "hammarbergIndexV_sma3nz_amean",
    "mfcc1V_sma3nz_amean",
    "mfcc2V_sma3nz_amean",
    "mfcc3V_sma3nz_amean",
    "mfcc4V_sma3nz_amean",
)
_BAND_LEVEL = {
    "band_level_0_500_db": (
        *(-72.65161, -9.80039, -0.10197, -0.64809, 0.59876, 0.29897, 0.03576, -0.04803),
        *(-6.57091, 19.0513),
    ),
    "band_level_500_1500_db": (
        *(-56.25075, -23.85078, 0.61099, -0.36745, 0.52951, 0.13577, -0.16251, -0.0854),
        *(-8.11398, 16.01651),
    ),
}
"""Band level less overall level, regressed on the columns above, the share of voice and 1 (342
clips of EmoDB). With it our slopes are restored from openSMILE's with a correlation of .998
and .991 over speakers that were left out."""


UNLIKE = frozenset({
    "pitch_sd_st", "pitch_rise_mean_st_per_s", "pitch_rise_sd_st_per_s",
    "pitch_fall_mean_st_per_s", "pitch_fall_sd_st_per_s",
})  # fmt: skip
"""Measures of which ours and openSMILE's share less than half their variance on clean speech
(``benchmarks/results/parity.json``): what was learned of one cannot be told of the other. Against
the laryngograph openSMILE's spread of pitch has .64, ours .98: errors of an octave spread far."""


def to_egemaps(values: Doubles, names: Sequence[str] = ACOUSTIC) -> tuple[list[str], Doubles]:
    """Rename measures to openSMILE's eGeMAPS columns and convert where the meaning differs.

    Parameters
    ----------
    values : ndarray [shape=(n, len(names))]
    names : sequence of str
        Measures of `prosody.measures.table`; those without an eGeMAPS name, or without the
        measure that their conversion needs, are left out.

    Returns
    -------
    columns : list of str
    values : ndarray [shape=(n, len(columns)), float64]
        Missing stays NaN where openSMILE writes 0.
    """
    at = {name: values[:, i] for i, name in enumerate(names)}
    columns, out = [], []
    for m in MEASURES:
        if not m.egemaps or m.name not in at or not _needs(m.name) <= at.keys():
            continue
        x = at[m.name]
        if m.egemaps_norm:
            x = x / np.abs(at[_mean_of(m.name)])
        elif m.name == "voiced_segment_mean_s":
            x = x - HOP_S
        elif m.name in _ALL_SLOPES:
            factor, per_db, level = _ALL_SLOPES[m.name]
            x = factor * x + per_db * at[level]
        columns.append(m.egemaps)
        out.append(x)
    if "level_dbfs" in at:
        columns.append(LEVEL)
        out.append(at["level_dbfs"])
    return columns, np.stack(out, axis=1) if out else np.empty((len(values), 0))


def from_egemaps(columns: Mapping[str, NDArray[Any]]) -> dict[str, Doubles]:
    """Turn openSMILE's eGeMAPS functionals (v01a, v01b or v02) into measures of the table.

    Parameters
    ----------
    columns : mapping of str to ndarray [shape=(n,)]
        Column name to values, as openSMILE writes them.

    Returns
    -------
    dict of str to ndarray [shape=(n,), float64]
        Only measures that the columns hold (slopes also need the level, the voiced balance and the
        voiced stretches; those of unvoiced frames cannot be had). openSMILE's 0 for "no voice"
        or "fewer than two slopes" becomes NaN.
    """
    wanted = {*BY_EGEMAPS, LEVEL}
    have = {k: np.asarray(x, dtype=np.float64) for k, x in columns.items() if k in wanted}
    out: dict[str, Doubles] = {}
    for m in MEASURES:
        if m.egemaps not in have:
            continue
        x = have[m.egemaps]
        if m.egemaps_norm:
            mean = have.get(BY_NAME[_mean_of(m.name)].egemaps)
            if mean is None:
                continue
            x = x * np.abs(mean)
        elif m.name == "voiced_segment_mean_s":
            x = x + HOP_S
        elif m.name.endswith(("_sd_per_s", "_sd_st_per_s")):
            x = np.where(x == 0, np.nan, x)
        out[m.name] = x
    if {"VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec"} <= have.keys():
        out["voiced_share"] = _voiced_share(have)
    if LEVEL in have:
        out["level_dbfs"] = have[LEVEL]
    out.update(_slopes(have, out))
    if _F0 + "amean" in have:
        voiceless = have[_F0 + "amean"] == 0
        for name in out:
            if name.startswith(_VOICED_ONLY):
                out[name] = np.where(voiceless, np.nan, out[name])
    return out


_VOICED_ONLY = (
    *("pitch_", "h2_h3", "band_level", "flux_voiced", "alpha_ratio_db", "hammarberg_db"),
    *("slope_0_500_db", "slope_500_1500_db", "voiced_segment_mean", "voiced_segment_sd"),
    *(f"mfcc{i}_voiced" for i in (1, 2, 3, 4)),
)


def _slopes(have: Mapping[str, Doubles], out: dict[str, Doubles]) -> dict[str, Doubles]:
    """Take the dependence on level out of openSMILE's slopes; drop them where that cannot be."""
    found = {name: out.pop(name) for name in _ALL_SLOPES if name in out}
    if LEVEL not in have or "voiced_share" not in out or not have.keys() >= set(_BAND_LEVEL_FROM):
        return {}
    level, known = have[LEVEL], [have[name] for name in _BAND_LEVEL_FROM]
    for i, name in enumerate(SLOPES):  # the predictors may not depend on level either
        known[i] = known[i] - SLOPES[name][1] * level
    known += [_voiced_share(have, 0.0), np.ones(len(level))]
    result: dict[str, Doubles] = {}
    for name, (factor, per_db, band) in SLOPES.items():
        pairs = zip(_BAND_LEVEL[band], known, strict=True)
        result[band] = level + np.sum([weight * column for weight, column in pairs], axis=0)
        result[name] = (found[name] - per_db * result[band]) / factor
    return result


def _voiced_share(have: Mapping[str, Doubles], frame_s: float = HOP_S) -> Doubles:
    length = have["MeanVoicedSegmentLengthSec"] + frame_s
    return np.clip(have["VoicedSegmentsPerSec"] * length, 0.0, 1.0)


def _mean_of(name: str) -> str:
    return name.replace("_sd_", "_mean_")


def _needs(name: str) -> set[str]:
    if name in _ALL_SLOPES:
        return {_ALL_SLOPES[name][2]}
    return {_mean_of(name)} if BY_NAME[name].egemaps_norm else set()
