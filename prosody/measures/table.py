"""The table of measures: one list that the code, the docs, the judge and the tests all read.

A measure is one number with a unit, a definition and a source. ``docs/measures.md``, the columns of
``prosody features``, ``--schema egemaps``, the inputs of the judge and the sentences that explain a
judgement are generated from or checked against this list. Missing is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Family = Literal["pitch", "loudness", "balance", "tempo", "words"]
Relative = Literal["difference", "log2_ratio", "none"]

EGEMAPS = "Eyben et al. 2016, IEEE Trans. Affective Computing 7(2), eGeMAPS"
VERSION = "1"
"""Of the definitions. A judge that was made for another one is refused."""
LEAST_S = 0.02
"""Smallest duration of a window, where a measure does not ask for more."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table.

    Parameters
    ----------
    name : str
        Column name; carries the unit where there is one.
    family : Family
        The step that computes it; ``words`` needs a transcript with word times.
    unit : str
        Unit as printed in documents.
    definition : str
        What it is, in one or two sentences.
    relative : Relative
        How it is compared with the baseline: ``difference`` (same unit, column ``<name>_rel``),
        ``log2_ratio`` (dimensionless, column ``<name>_log2ratio``) or ``none``.
    formula : str
        The computation, where the definition does not already say it.
    source : str
        Paper, standard, or "this project".
    egemaps : str
        openSMILE's functional of the same meaning; empty where there is none.
    egemaps_norm : bool
        True where openSMILE reports the standard deviation divided by the mean and ours is the
        standard deviation; the mean's column is then needed to convert.
    min_s : float
        Smallest duration of the window in seconds for which a value is given.
    missing : str
        What a missing value (NaN, null) means, beside a window that is too short or silent.
    fit_for_judging : bool
        Whether the relative measure survives telephone lines well enough to be judged on
        (``benchmarks/results/telephone.json``).
    """

    name: str
    family: Family
    unit: str
    definition: str
    relative: Relative = "difference"
    formula: str = ""
    source: str = EGEMAPS
    egemaps: str = ""
    egemaps_norm: bool = False
    min_s: float = LEAST_S
    missing: str = ""
    fit_for_judging: bool = True

    @property
    def relative_name(self) -> str:
        """Column name of the relative measure ('' where there is none)."""
        suffix = {"difference": "_rel", "log2_ratio": "_log2ratio", "none": ""}[self.relative]
        return self.name + suffix if suffix else ""

    @property
    def fit_absolute(self) -> bool:
        """Whether the value itself survives telephone lines as well as the relative one has to."""
        return self.name in FIT_ABSOLUTE


# By the rule of ``fit_for_judging``. The tilt of the spectrum is not here, though lines change it
# little: it is also the microphone's, and microphones are not among the lines.
FIT_ABSOLUTE = frozenset({
    "pitch_mean_st", "pitch_sd_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st",
    "pitch_range_st", "pitch_start_st", "pitch_final_slope_st_per_s", "voiced_share",
    "loudness_cv", "loudness_trend_per_s", "flux_cv", "loudness_peaks_per_s",
    "voiced_segments_per_s", "voiced_segment_sd_s", "unvoiced_segment_mean_s",
    "unvoiced_segment_sd_s", "pause_share",
})  # fmt: skip


_F0 = "F0semitoneFrom27.5Hz_sma3nz_"
_L = "loudness_sma3_"
OURS = "this project"
_NO_VOICE = "fewer than 3 voiced frames"
_NO_RISE = "no rising stretch"
_NO_FALL = "no falling stretch"
_ONE_SLOPE = "fewer than two such stretches"
_VOICELESS = "no voiced frame"
_ALL_VOICED = "no unvoiced frame with sound"
_TURNS = "stretches run between peaks and valleys that differ by a tenth of the range or more; "


def _pitch(name: str, unit: str, definition: str, egemaps: str = "", **more: Any) -> Measure:
    more.setdefault("missing", _NO_VOICE)
    more.setdefault("source", EGEMAPS if egemaps else OURS)
    name_there = _F0 + egemaps if egemaps else ""
    return Measure(name, "pitch", unit, definition, egemaps=name_there, **more)


def _loudness(name: str, unit: str, definition: str, egemaps: str = "", **more: Any) -> Measure:
    more.setdefault("relative", "log2_ratio")
    more.setdefault("source", EGEMAPS if egemaps else OURS)
    name_there = _L + egemaps if egemaps else ""
    return Measure(name, "loudness", unit, definition, egemaps=name_there, **more)


def _voiced(name: str, unit: str, definition: str, egemaps: str = "", **more: Any) -> Measure:
    more.setdefault("missing", _VOICELESS)
    more.setdefault("source", EGEMAPS if egemaps else OURS)
    return Measure(name, "balance", unit, definition, egemaps=egemaps, **more)


def _tempo(name: str, unit: str, definition: str, egemaps: str = "", **more: Any) -> Measure:
    more.setdefault("relative", "log2_ratio")
    more.setdefault("source", EGEMAPS if egemaps else OURS)
    return Measure(name, "tempo", unit, definition, egemaps=egemaps, **more)


_ST = "st re 27.5 Hz"
_UNFIT: dict[str, Any] = {"fit_for_judging": False}

# fmt: off
MEASURES: tuple[Measure, ...] = (
    # pitch: over voiced frames, smoothed over three of them
    _pitch("pitch_mean_st", _ST, "Mean pitch over voiced frames.", "amean",
           formula="pitch = 12 log2(F0 / 27.5 Hz), F0 of 65 to 500 Hz"),
    _pitch("pitch_sd_st", "st", "Standard deviation of pitch over voiced frames.", "stddevNorm",
           egemaps_norm=True, formula="over n, not n - 1"),
    _pitch("pitch_p20_st", _ST, "20th percentile of pitch.", "percentile20.0",
           formula="interpolated at 0.2 (n - 1) of the sorted frames"),
    _pitch("pitch_p50_st", _ST, "Median pitch.", "percentile50.0"),
    _pitch("pitch_p80_st", _ST, "80th percentile of pitch.", "percentile80.0"),
    _pitch("pitch_range_st", "st", "80th minus 20th percentile of pitch.", "pctlrange0-2"),
    _pitch("pitch_rise_mean_st_per_s", "st/s", "Mean slope of the rising stretches.",
           "meanRisingSlope", missing=_NO_RISE, **_UNFIT,
           formula=_TURNS + "unvoiced frames are left out of the contour"),
    _pitch("pitch_rise_sd_st_per_s", "st/s", "Standard deviation of the rising slopes.",
           "stddevRisingSlope", missing=_ONE_SLOPE, **_UNFIT),
    _pitch("pitch_fall_mean_st_per_s", "st/s",
           "Mean slope of the falling stretches, as a positive number.",
           "meanFallingSlope", missing=_NO_FALL, **_UNFIT),
    _pitch("pitch_fall_sd_st_per_s", "st/s", "Standard deviation of the falling slopes.",
           "stddevFallingSlope", missing=_ONE_SLOPE, **_UNFIT),
    _pitch("pitch_start_st", _ST, "Median pitch of the first 0.2 s of voiced frames."),
    _pitch("pitch_final_slope_st_per_s", "st/s",
           "Least-squares slope of pitch over the voiced frames of the 0.5 s before voice ends.",
           missing="fewer than 10 voiced frames (0.1 s) in that stretch"),
    _pitch("voiced_share", "share", "Voiced frames over all frames.", missing=""),
    _pitch("pitch_out_of_range_share", "share",
           "Frames whose pitch is below 65 or above 500 Hz over all frames with a pitch; they have "
           "none here and count as unvoiced.", relative="none", missing="no pitch at all", **_UNFIT,
           formula="outside / (outside + voiced); by the lag after which the sound repeats itself"),
    # loudness: eGeMAPS auditory loudness (no calibrated unit), smoothed over three frames
    _loudness("loudness_mean", "auditory loudness", "Mean loudness.", "amean",
              formula="sum over 26 mel bands (20 Hz to 8 kHz or half the rate) of (0.000303 w P)"
              "^0.33; P the band's power at full scale 1, w the equal-loudness weight. A gain of "
              "g dB multiplies it by 10^(0.033 g)"),
    _loudness("loudness_cv", "ratio", "Standard deviation over mean of loudness.", "stddevNorm"),
    _loudness("loudness_p20", "auditory loudness", "20th percentile of loudness.",
              "percentile20.0", **_UNFIT),
    _loudness("loudness_p50", "auditory loudness", "Median loudness.", "percentile50.0"),
    _loudness("loudness_p80", "auditory loudness", "80th percentile of loudness.",
              "percentile80.0"),
    _loudness("loudness_range", "auditory loudness", "80th minus 20th percentile of loudness.",
              "pctlrange0-2"),
    _loudness("loudness_rise_mean_per_s", "auditory loudness/s",
              "Mean slope of the rising stretches.", "meanRisingSlope", missing=_NO_RISE,
              formula=_TURNS + "the ways from the first value to the first turn and from the last "
              "turn to the last value count"),
    _loudness("loudness_rise_sd_per_s", "auditory loudness/s",
              "Standard deviation of the rising slopes.", "stddevRisingSlope",
              missing=_ONE_SLOPE, **_UNFIT),
    _loudness("loudness_fall_mean_per_s", "auditory loudness/s",
              "Mean slope of the falling stretches, as a positive number.", "meanFallingSlope",
              missing=_NO_FALL),
    _loudness("loudness_fall_sd_per_s", "auditory loudness/s",
              "Standard deviation of the falling slopes.", "stddevFallingSlope",
              missing=_ONE_SLOPE, **_UNFIT),
    _loudness("loudness_trend_per_s", "share of the mean/s",
              "Least-squares slope of loudness over the window, divided by its mean.",
              relative="difference", min_s=0.3),
    _loudness("level_dbfs", "dB re full scale",
              "Root-mean-square level of the window; a full-scale sine is -3.01.",
              relative="difference", min_s=0.0, formula="10 log10(mean of y^2), offset taken out",
              **_UNFIT),
    # spectral balance: 20 ms Hamming-windowed power spectra every 10 ms
    _voiced("alpha_ratio_db", "dB",
            "Energy above 1 kHz (to 5 kHz or half the rate) over energy below it, voiced frames; "
            "openSMILE's sign, so speech is negative.", "alphaRatioV_sma3nz_amean"),
    _voiced("hammarberg_db", "dB",
            "Strongest bin of 0-2 kHz over strongest of 2-5 kHz, voiced frames.",
            "hammarbergIndexV_sma3nz_amean"),
    _voiced("slope_0_500_db_per_hz", "dB/Hz",
            "Least-squares slope of the log spectrum over 0-500 Hz, voiced frames.",
            "slopeV0-500_sma3nz_amean", **_UNFIT,
            formula="openSMILE's = 1.2 slope - 0.0008 band_level_0_500_db (it counts one bin too "
            "few, so its slope depends on level)"),
    _voiced("slope_500_1500_db_per_hz", "dB/Hz",
            "Least-squares slope of the log spectrum over 500-1500 Hz, voiced frames.",
            "slopeV500-1500_sma3nz_amean",
            formula="openSMILE's = 1.545 slope - 0.000545 band_level_500_1500_db"),
    _voiced("h1_h2_db", "dB", "First over second harmonic, voiced frames.", **_UNFIT,
            formula="strongest bins within 30 Hz, 60 ms Gaussian window"),
    _voiced("h2_h3_db", "dB",
            "Second over third harmonic, voiced frames. This is what openSMILE writes under the "
            "name H1-H2 (its harmonics count from one too high).",
            "logRelF0-H1-H2_sma3nz_amean", **_UNFIT),
    _voiced("band_level_0_500_db", "dB",
            "Mean of the log spectrum of 0-500 Hz, voiced frames (converts slopes to openSMILE's).",
            **_UNFIT),
    _voiced("band_level_500_1500_db", "dB",
            "Mean of the log spectrum of 500-1500 Hz, voiced frames (converts slopes to "
            "openSMILE's).", **_UNFIT),
    Measure("flux", "balance", "auditory", "Mean spectral flux over all frames.", "log2_ratio",
            formula="root mean square, over the bins of 0-5 kHz, of the change in magnitude from "
            "the frame before", egemaps="spectralFlux_sma3_amean", min_s=0.03),
    Measure("flux_cv", "balance", "ratio", "Standard deviation over mean of spectral flux.",
            "log2_ratio", egemaps="spectralFlux_sma3_stddevNorm", min_s=0.03),
    _voiced("flux_voiced", "auditory", "Mean spectral flux over voiced frames.",
            "spectralFluxV_sma3nz_amean", relative="log2_ratio"),
    _voiced("flux_unvoiced", "auditory", "Mean spectral flux over unvoiced frames.",
            "spectralFluxUV_sma3nz_amean", relative="log2_ratio", missing=_ALL_VOICED, **_UNFIT),
    *(
        Measure(f"mfcc{i}", "balance", "none", f"Mean of MFCC {i} over all frames.",
                formula="cosine transform of 26 log mel bands, liftered with 22 (HTK)",
                egemaps=f"mfcc{i}_sma3_amean", fit_for_judging=i == 1)
        for i in (1, 2, 3, 4)
    ),
    *(
        _voiced(f"mfcc{i}_voiced", "none", f"Mean of MFCC {i} over voiced frames.",
                f"mfcc{i}V_sma3nz_amean", fit_for_judging=i == 1)
        for i in (1, 2, 3, 4)
    ),
    _voiced("alpha_ratio_unvoiced_db", "dB", "Alpha ratio over unvoiced frames.",
            "alphaRatioUV_sma3nz_amean", missing=_ALL_VOICED, **_UNFIT),
    _voiced("hammarberg_unvoiced_db", "dB", "Hammarberg index over unvoiced frames.",
            "hammarbergIndexUV_sma3nz_amean", missing=_ALL_VOICED, **_UNFIT),
    _voiced("slope_0_500_unvoiced_db_per_hz", "dB/Hz", "Spectral slope 0-500 Hz, unvoiced frames.",
            "slopeUV0-500_sma3nz_amean", missing=_ALL_VOICED, **_UNFIT),
    _voiced("slope_500_1500_unvoiced_db_per_hz", "dB/Hz",
            "Spectral slope 500-1500 Hz, unvoiced frames.", "slopeUV500-1500_sma3nz_amean",
            missing=_ALL_VOICED),
    _voiced("band_level_0_500_unvoiced_db", "dB",
            "Mean of the log spectrum of 0-500 Hz, unvoiced frames.", missing=_ALL_VOICED,
            **_UNFIT),
    _voiced("band_level_500_1500_unvoiced_db", "dB",
            "Mean of the log spectrum of 500-1500 Hz, unvoiced frames.", missing=_ALL_VOICED,
            **_UNFIT),
    # tempo from the sound
    _tempo("loudness_peaks_per_s", "1/s",
           "Loudness peaks per second, a proxy of the syllable rate.", "loudnessPeaksPerSec",
           formula="peaks that rise and fall by a tenth of the window's range", min_s=0.3),
    _tempo("voiced_segments_per_s", "1/s",
           "Continuous voiced stretches (of at least 30 ms) per second.", "VoicedSegmentsPerSec",
           min_s=0.3),
    _tempo("voiced_segment_mean_s", "s", "Mean length of the voiced stretches.",
           "MeanVoicedSegmentLengthSec", missing="no voiced stretch",
           formula="openSMILE's is 0.01 s shorter (it counts steps, not frames)"),
    _tempo("voiced_segment_sd_s", "s", "Standard deviation of their length.",
           "StddevVoicedSegmentLengthSec", missing="no voiced stretch"),
    _tempo("unvoiced_segment_mean_s", "s",
           "Mean length of the unvoiced stretches (of at least 30 ms), the ends included.",
           "MeanUnvoicedSegmentLength", missing="no unvoiced stretch"),
    _tempo("unvoiced_segment_sd_s", "s", "Standard deviation of their length.",
           "StddevUnvoicedSegmentLength", missing="no unvoiced stretch"),
    _tempo("pause_share", "share", "Share of the window that is pause.", relative="difference",
           formula="stretches of 0.15 s or more without voice in which loudness stays in the "
           "lowest quarter between its 5th and 95th percentile; digital silence is 1", min_s=0.3),
    _tempo("duration_s", "s", "Length of the window.", relative="none", min_s=0.0, **_UNFIT),
    # tempo from words: only where a transcript has word times, never mixed with the above
    Measure("speech_rate_syll_per_s", "words", "syllables/s",
            "Syllables of the words over the time from the first to the last word, pauses "
            "included.", "log2_ratio", source=OURS, missing="no words with times", min_s=0.0),
    Measure("articulation_rate_syll_per_s", "words", "syllables/s",
            "Syllables of the words over the time of the words, pauses left out.", "log2_ratio",
            source=OURS, missing="no words with times", min_s=0.0),
    Measure("sorry_length_log2ratio", "words", "log2 ratio",
            "Seconds per syllable of the apologising word over the median seconds per syllable of "
            "the same agent's other words in the recording.", "none",
            source="Martinuzzi & Schertz 2021 (longer in real apologies)",
            missing="no apologising word with its time, or fewer than 8 other words",
            min_s=0.0),
)
# fmt: on

BY_NAME: Mapping[str, Measure] = {m.name: m for m in MEASURES}
BY_EGEMAPS: Mapping[str, Measure] = {m.egemaps: m for m in MEASURES if m.egemaps}
NAMES: tuple[str, ...] = tuple(m.name for m in MEASURES)
ACOUSTIC: tuple[str, ...] = tuple(m.name for m in MEASURES if m.family != "words")
RELATIVE_NAMES: tuple[str, ...] = tuple(m.relative_name for m in MEASURES if m.relative_name)


def relative(
    values: NDArray[np.float64], baseline: NDArray[np.float64], names: tuple[str, ...] = NAMES
) -> NDArray[np.float64]:
    """Compare measures with a baseline.

    Parameters
    ----------
    values, baseline : ndarray [shape=(n, len(names))]
        Measures of windows and of their baselines, in the units of the table; NaN is missing.
    names : tuple of str
        The measures that the columns hold.

    Returns
    -------
    ndarray [shape=(n, k)]
        One column for each of `names` that has a relative measure, in order: the difference, or the
        base-2 logarithm of the ratio (NaN where either is missing or not positive).
    """
    kept, ratio = _compared(names)
    x, b = values[:, kept], baseline[:, kept]
    out = np.asarray(x - b)
    ok = (x > 0) & (b > 0) & ratio
    out[:, ratio] = np.nan
    out[ok] = np.log2(x[ok]) - np.log2(b[ok])
    return out


@lru_cache(maxsize=8)
def _compared(names: tuple[str, ...]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return which of `names` have a relative measure, and which of those as a ratio."""
    kinds = [BY_NAME[name].relative for name in names]
    kept = np.array([i for i, kind in enumerate(kinds) if kind != "none"], np.intp)
    return kept, np.array([kinds[i] != "difference" for i in kept], bool)
