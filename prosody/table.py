"""The table of measures: one list that the code, the docs, the judge and the tests all read.

A measure is one number with a unit, a definition and a source. ``docs/measures.md``, the columns of
``prosody features``, ``--schema egemaps``, the inputs of the judge and the sentences that explain a
judgement are generated from or checked against this list. Missing is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Family = Literal["pitch", "loudness", "balance", "tempo", "words"]
Relative = Literal["difference", "log2_ratio", "none"]

EGEMAPS = "Eyben et al. 2016, IEEE Trans. Affective Computing 7(2), eGeMAPS"


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
        What it is, in one or two sentences, with the formula where it is not obvious.
    relative : Relative
        How it is compared with the baseline: ``difference`` (same unit, column ``<name>_rel``),
        ``log2_ratio`` (dimensionless, column ``<name>_log2ratio``) or ``none``.
    source : str
        Paper, standard, or "this project".
    egemaps : str
        openSMILE's functional of the same meaning; empty where there is none.
    egemaps_norm : bool
        True where openSMILE reports the standard deviation divided by the mean and ours is the
        standard deviation; the mean's column is then needed to convert.
    min_s : float
        Smallest duration in seconds for which a value is given.
    fit_for_judging : bool
        Whether the relative measure survives telephone lines well enough to be judged on
        (``benchmarks/results/telephone.json``).
    """

    name: str
    family: Family
    unit: str
    definition: str
    relative: Relative = "difference"
    source: str = EGEMAPS
    egemaps: str = ""
    egemaps_norm: bool = False
    min_s: float = 0.0
    fit_for_judging: bool = True

    @property
    def relative_name(self) -> str:
        """Column name of the relative measure ('' where there is none)."""
        suffix = {"difference": "_rel", "log2_ratio": "_log2ratio", "none": ""}[self.relative]
        return self.name + suffix if suffix else ""


_F0 = "F0semitoneFrom27.5Hz_sma3nz_"
_L = "loudness_sma3_"
OURS = "this project"

MEASURES: tuple[Measure, ...] = (
    # pitch: semitones re 27.5 Hz over voiced frames
    Measure("pitch_mean_st", "pitch", "st re 27.5 Hz", "Mean pitch over voiced frames.",
            egemaps=_F0 + "amean"),
    Measure("pitch_sd_st", "pitch", "st", "Standard deviation of pitch over voiced frames.",
            egemaps=_F0 + "stddevNorm", egemaps_norm=True),
    Measure("pitch_p20_st", "pitch", "st re 27.5 Hz", "20th percentile of pitch.",
            egemaps=_F0 + "percentile20.0"),
    Measure("pitch_p50_st", "pitch", "st re 27.5 Hz", "Median pitch.",
            egemaps=_F0 + "percentile50.0"),
    Measure("pitch_p80_st", "pitch", "st re 27.5 Hz", "80th percentile of pitch.",
            egemaps=_F0 + "percentile80.0"),
    Measure("pitch_range_st", "pitch", "st", "80th minus 20th percentile of pitch.",
            egemaps=_F0 + "pctlrange0-2"),
    Measure("pitch_rise_mean_st_per_s", "pitch", "st/s", "Mean slope of the rising stretches.",
            egemaps=_F0 + "meanRisingSlope", fit_for_judging=False),
    Measure("pitch_rise_sd_st_per_s", "pitch", "st/s", "Standard deviation of the rising slopes.",
            egemaps=_F0 + "stddevRisingSlope", fit_for_judging=False),
    Measure("pitch_fall_mean_st_per_s", "pitch", "st/s", "Mean slope of the falling stretches.",
            egemaps=_F0 + "meanFallingSlope", fit_for_judging=False),
    Measure("pitch_fall_sd_st_per_s", "pitch", "st/s", "Standard deviation of the falling slopes.",
            egemaps=_F0 + "stddevFallingSlope", fit_for_judging=False),
    Measure("pitch_start_st", "pitch", "st re 27.5 Hz",
            "Median pitch of the first 0.2 s of voiced frames.", source=OURS),
    Measure("pitch_final_slope_st_per_s", "pitch", "st/s",
            "Least-squares slope of pitch over the last 0.5 s that hold voice.", source=OURS),
    Measure("voiced_share", "pitch", "share", "Voiced frames over all frames.", source=OURS),
    # loudness: eGeMAPS auditory loudness (no calibrated unit)
    Measure("loudness_mean", "loudness", "auditory loudness", "Mean loudness.", "log2_ratio",
            egemaps=_L + "amean"),
    Measure("loudness_cv", "loudness", "ratio", "Standard deviation over mean of loudness.",
            "log2_ratio", egemaps=_L + "stddevNorm"),
    Measure("loudness_p20", "loudness", "auditory loudness", "20th percentile of loudness.",
            "log2_ratio", egemaps=_L + "percentile20.0", fit_for_judging=False),
    Measure("loudness_p50", "loudness", "auditory loudness", "Median loudness.", "log2_ratio",
            egemaps=_L + "percentile50.0"),
    Measure("loudness_p80", "loudness", "auditory loudness", "80th percentile of loudness.",
            "log2_ratio", egemaps=_L + "percentile80.0"),
    Measure("loudness_range", "loudness", "auditory loudness",
            "80th minus 20th percentile of loudness.", "log2_ratio", egemaps=_L + "pctlrange0-2"),
    Measure("loudness_rise_mean_per_s", "loudness", "auditory loudness/s",
            "Mean slope of the rising stretches.", "log2_ratio", egemaps=_L + "meanRisingSlope"),
    Measure("loudness_rise_sd_per_s", "loudness", "auditory loudness/s",
            "Standard deviation of the rising slopes.", "log2_ratio",
            egemaps=_L + "stddevRisingSlope", fit_for_judging=False),
    Measure("loudness_fall_mean_per_s", "loudness", "auditory loudness/s",
            "Mean slope of the falling stretches.", "log2_ratio", egemaps=_L + "meanFallingSlope"),
    Measure("loudness_fall_sd_per_s", "loudness", "auditory loudness/s",
            "Standard deviation of the falling slopes.", "log2_ratio",
            egemaps=_L + "stddevFallingSlope", fit_for_judging=False),
    Measure("loudness_trend_per_s", "loudness", "share of the mean/s",
            "Least-squares slope of loudness over the window, divided by its mean.", source=OURS),
    Measure("level_dbfs", "loudness", "dB re full scale",
            "Root-mean-square level of the window; a full-scale sine is -3.01.", source=OURS,
            fit_for_judging=False),
    # spectral balance
    Measure("alpha_ratio_db", "balance", "dB",
            "Energy of 50-1000 Hz over 1-5 kHz, voiced frames (openSMILE's sign: high over low).",
            egemaps="alphaRatioV_sma3nz_amean"),
    Measure("hammarberg_db", "balance", "dB",
            "Strongest peak of 0-2 kHz over strongest of 2-5 kHz, voiced frames.",
            egemaps="hammarbergIndexV_sma3nz_amean"),
    Measure("slope_0_500_db_per_hz", "balance", "dB/Hz", "Spectral slope 0-500 Hz, voiced frames.",
            egemaps="slopeV0-500_sma3nz_amean", fit_for_judging=False),
    Measure("slope_500_1500_db_per_hz", "balance", "dB/Hz",
            "Spectral slope 500-1500 Hz, voiced frames.", egemaps="slopeV500-1500_sma3nz_amean"),
    Measure("h1_h2_db", "balance", "dB", "First over second harmonic, voiced frames.", source=OURS, fit_for_judging=False),
    Measure("h2_h3_db", "balance", "dB",
            "Second over third harmonic, voiced frames. This is what openSMILE writes under the "
            "name H1-H2 (its harmonics count from one too high).",
            egemaps="logRelF0-H1-H2_sma3nz_amean", fit_for_judging=False),
    Measure("band_level_0_500_db", "balance", "dB",
            "Mean of the log spectrum of 0-500 Hz, voiced frames (converts slopes to openSMILE's).",
            source=OURS, fit_for_judging=False),
    Measure("band_level_500_1500_db", "balance", "dB",
            "Mean of the log spectrum of 500-1500 Hz, voiced frames (converts slopes to "
            "openSMILE's).", source=OURS, fit_for_judging=False),
    Measure("flux", "balance", "auditory", "Mean spectral flux over all frames.", "log2_ratio",
            egemaps="spectralFlux_sma3_amean"),
    Measure("flux_cv", "balance", "ratio", "Standard deviation over mean of spectral flux.",
            "log2_ratio", egemaps="spectralFlux_sma3_stddevNorm"),
    Measure("flux_voiced", "balance", "auditory", "Mean spectral flux over voiced frames.",
            "log2_ratio", egemaps="spectralFluxV_sma3nz_amean"),
    Measure("flux_unvoiced", "balance", "auditory", "Mean spectral flux over unvoiced frames.",
            "log2_ratio", egemaps="spectralFluxUV_sma3nz_amean", fit_for_judging=False),
    *(
        Measure(f"mfcc{i}", "balance", "none", f"Mean of MFCC {i} over all frames.",
                egemaps=f"mfcc{i}_sma3_amean", fit_for_judging=i == 1)
        for i in (1, 2, 3, 4)
    ),
    *(
        Measure(f"mfcc{i}_voiced", "balance", "none", f"Mean of MFCC {i} over voiced frames.",
                egemaps=f"mfcc{i}V_sma3nz_amean", fit_for_judging=i == 1)
        for i in (1, 2, 3, 4)
    ),
    Measure("alpha_ratio_unvoiced_db", "balance", "dB", "Alpha ratio over unvoiced frames.",
            egemaps="alphaRatioUV_sma3nz_amean", fit_for_judging=False),
    Measure("hammarberg_unvoiced_db", "balance", "dB", "Hammarberg index over unvoiced frames.",
            egemaps="hammarbergIndexUV_sma3nz_amean", fit_for_judging=False),
    Measure("slope_0_500_unvoiced_db_per_hz", "balance", "dB/Hz",
            "Spectral slope 0-500 Hz, unvoiced frames.", egemaps="slopeUV0-500_sma3nz_amean", fit_for_judging=False),
    Measure("slope_500_1500_unvoiced_db_per_hz", "balance", "dB/Hz",
            "Spectral slope 500-1500 Hz, unvoiced frames.",
            egemaps="slopeUV500-1500_sma3nz_amean"),
    Measure("band_level_0_500_unvoiced_db", "balance", "dB",
            "Mean of the log spectrum of 0-500 Hz, unvoiced frames.", source=OURS,
            fit_for_judging=False),
    Measure("band_level_500_1500_unvoiced_db", "balance", "dB",
            "Mean of the log spectrum of 500-1500 Hz, unvoiced frames.", source=OURS,
            fit_for_judging=False),
    # tempo
    Measure("loudness_peaks_per_s", "tempo", "1/s",
            "Loudness peaks per second, a proxy of the syllable rate.", "log2_ratio",
            egemaps="loudnessPeaksPerSec"),
    Measure("voiced_segments_per_s", "tempo", "1/s", "Continuous voiced segments per second.",
            "log2_ratio", egemaps="VoicedSegmentsPerSec"),
    Measure("voiced_segment_mean_s", "tempo", "s", "Mean length of the voiced segments.",
            "log2_ratio", egemaps="MeanVoicedSegmentLengthSec"),
    Measure("voiced_segment_sd_s", "tempo", "s", "Standard deviation of their length.",
            "log2_ratio", egemaps="StddevVoicedSegmentLengthSec"),
    Measure("unvoiced_segment_mean_s", "tempo", "s", "Mean length of the unvoiced segments.",
            "log2_ratio", egemaps="MeanUnvoicedSegmentLength"),
    Measure("unvoiced_segment_sd_s", "tempo", "s", "Standard deviation of their length.",
            "log2_ratio", egemaps="StddevUnvoicedSegmentLength"),
    Measure("pause_share", "tempo", "share",
            "Share of the window that is pause (no speech for at least 0.15 s).", source=OURS),
    Measure("duration_s", "tempo", "s", "Length of the window.", "none", source=OURS,
            fit_for_judging=False),
    # tempo from words: only where a transcript has word times, never mixed with the above
    Measure("speech_rate_syll_per_s", "words", "syllables/s",
            "Syllables of the words over the window, pauses included.", "log2_ratio", source=OURS),
    Measure("articulation_rate_syll_per_s", "words", "syllables/s",
            "Syllables of the words over the time of the words, pauses left out.", "log2_ratio",
            source=OURS),
    Measure("sorry_length_log2ratio", "words", "log2 ratio",
            "Seconds per syllable of the apologising word over the median seconds per syllable of "
            "the same agent's other words in the recording.", "none",
            source="Martinuzzi & Schertz 2021 (longer in real apologies)"),
)

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
    columns = []
    for i, name in enumerate(names):
        kind = BY_NAME[name].relative
        if kind == "none":
            continue
        x, b = values[:, i], baseline[:, i]
        if kind == "difference":
            columns.append(x - b)
        else:
            ok = (x > 0) & (b > 0)
            columns.append(np.log2(np.where(ok, x, np.nan)) - np.log2(np.where(ok, b, np.nan)))
    return np.stack(columns, axis=1) if columns else np.empty((len(values), 0))
