"""From contributions to sentences: why it probably sounded as it did, with numbers to check.

Contributions are exact, so the sentences are too: what is told first moved the predicted rating
most. Measures that say the same thing (four of pitch level, say) are told once, by the one that
says it best. The words stand in one table per language: ``words/reasons.LANG.toml``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from prosody.measures import table
from prosody.words import decimal_mark, load

if TYPE_CHECKING:
    from prosody.judge.judge import Judge, Judgements

Versus = Literal["call", "baseline", "you", "others"]

# What a listener hears as one thing. A group is told once, and stands for the sum of its measures.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "pitch_level": (
        "pitch_p50_st", "pitch_mean_st", "pitch_p20_st", "pitch_p80_st",
        "pitch_out_of_range_share",
    ),
    "pitch_start": ("pitch_start_st",),
    "pitch_span": ("pitch_range_st", "pitch_sd_st"),
    "pitch_movement": (
        "pitch_rise_mean_st_per_s", "pitch_fall_mean_st_per_s", "pitch_rise_sd_st_per_s",
        "pitch_fall_sd_st_per_s",
    ),
    "pitch_end": ("pitch_final_slope_st_per_s",),
    "loudness": (
        "loudness_mean", "loudness_p50", "loudness_p80", "loudness_p20", "level_dbfs",
        "band_level_0_500_db", "band_level_500_1500_db", "band_level_0_500_unvoiced_db",
        "band_level_500_1500_unvoiced_db",
    ),
    "evenness": ("loudness_cv", "loudness_range"),
    "attack": (
        "loudness_rise_mean_per_s", "loudness_fall_mean_per_s", "loudness_rise_sd_per_s",
        "loudness_fall_sd_per_s", "flux", "flux_voiced", "flux_cv", "flux_unvoiced",
    ),
    "end": ("loudness_trend_per_s",),
    "tone": (
        "alpha_ratio_db", "hammarberg_db", "slope_500_1500_db_per_hz", "slope_0_500_db_per_hz",
        "h1_h2_db", "h2_h3_db", "mfcc1", "mfcc2", "mfcc3", "mfcc4", "mfcc1_voiced",
        "mfcc2_voiced", "mfcc3_voiced", "mfcc4_voiced",
    ),
    "consonants": (
        "alpha_ratio_unvoiced_db", "hammarberg_unvoiced_db", "slope_0_500_unvoiced_db_per_hz",
        "slope_500_1500_unvoiced_db_per_hz",
    ),
    "pace": (
        "loudness_peaks_per_s", "articulation_rate_syll_per_s", "speech_rate_syll_per_s",
        "voiced_segments_per_s", "voiced_segment_mean_s", "voiced_segment_sd_s", "duration_s",
    ),
    "sorry": ("sorry_length_log2ratio",),
    "pauses": ("pause_share", "unvoiced_segment_mean_s", "unvoiced_segment_sd_s", "voiced_share"),
}  # fmt: skip
GROUP_OF: Mapping[str, str] = {m: g for g, members in GROUPS.items() for m in members}

# Pace and the like can be changed by the speaker; pitch level and tone belong to the voice.
CHANGEABLE = ("pace", "pauses", "end", "evenness", "loudness")
# How alike stretches and gaps are is told, but it is no matter of faster or slower; and how loud it
# was recorded, and where in the spectrum that was, is the line's and the voice's.
NOT_ADVISED = frozenset(
    {"voiced_segment_sd_s", "unvoiced_segment_sd_s", "level_dbfs", "pitch_out_of_range_share"}
    | {m for m in GROUPS["loudness"] if m.startswith("band_level_")}
)
# Which end of a measure is "more" of the thing the advice is about, where it is the low end.
FEWER_IS_MORE = ("voiced_segment_mean_s", "voiced_share", "duration_s")

# The smallest difference that is told, in printed units: below it a listener hears none.
LEAST: Mapping[str, float] = {
    "st": 0.3,
    "st/s": 2.0,
    "percent": 4.0,
    "points": 2.0,
    "dB": 0.5,
    "dB/kHz": 1.0,
    "steps": 0.5,
    "s": 0.05,
}
DECIMALS: Mapping[str, int] = {
    "st": 1,
    "st/s": 0,
    "percent": 0,
    "points": 0,
    "dB": 1,
    "dB/kHz": 1,
    "steps": 1,
    "s": 2,
}
# Parts of the window that a measure is about, in seconds from its start or end.
PART_S: Mapping[str, tuple[str, float]] = {
    "pitch_start_st": ("start", 0.6),
    "pitch_final_slope_st_per_s": ("end", 0.8),
    "loudness_trend_per_s": ("end", 1.0),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in words.

    Parameters
    ----------
    measure, column : str
        The measure that is told, and the input column that it was read from.
    group : str
        What a listener hears as one thing; see :data:`GROUPS`.
    value : float
        Difference from the comparison, in printed units (see `unit`), with its sign.
    unit : str
        ``st``, ``st/s``, ``percent``, ``points``, ``dB``, ``dB/kHz``, ``steps`` or ``s``.
    contribution : float
        What the whole group added to the rating.
    axis, toward : str
        The axis, and in words the side to which it moved the impression.
    text : str
        The sentence, verb first.
    start_s, end_s : float or None
        Where to listen.
    """

    measure: str
    column: str
    group: str
    value: float
    unit: str
    contribution: float
    axis: str
    toward: str
    text: str
    start_s: float | None = None
    end_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def printed(measure: str, difference: float) -> tuple[float, str]:
    """Turn a difference (or a log2 ratio) into the number and unit that are printed.

    Parameters
    ----------
    measure : str
    difference : float
        In the unit of the relative measure.

    Returns
    -------
    value : float
        With its sign.
    unit : str
        Key of :data:`DECIMALS`.
    """
    m = table.BY_NAME[measure]
    if m.relative == "log2_ratio" or measure == "sorry_length_log2ratio":
        return (2.0**difference - 1) * 100, "percent"
    if m.unit.startswith("share of the mean"):
        return difference * 100, "percent"
    if m.unit == "share":
        return difference * 100, "points"
    if m.unit == "dB/Hz":
        return difference * 1000, "dB/kHz"
    if m.unit.startswith("st/s"):
        return difference, "st/s"
    if m.unit.startswith("st"):
        return difference, "st"
    if m.unit.startswith("dB"):
        return difference, "dB"
    return difference, "s" if m.unit == "s" else "steps"


def number(value: float, unit: str, lang: str) -> str:
    """Return the size of a value as people write it in a language."""
    return decimal_mark(f"{abs(value):.{DECIMALS[unit]}f}", lang)


def sentence(measure: str, value: float, unit: str, lang: str, versus: Versus = "call") -> str:
    """Return the sentence of one measure; `value` and `unit` as :func:`printed` gives them."""
    words = load("reasons", lang)
    line = words["measure"][measure]["higher" if value > 0 else "lower"]
    text = line.format(x=number(value, unit, lang), than=words["than"][versus])
    return str(words["you"].format(text=text) if versus == "you" else text)


_MEASURE = {m.relative_name: m.name for m in table.MEASURES if m.relative_name} | {
    "sorry_length_log2ratio": "sorry_length_log2ratio"
}


def reasons(
    columns: Mapping[str, float],
    contributions: Mapping[str, float],
    lang: str = "en",
    n: int = 3,
    *,
    axis: str = "sincere",
    direction: int = 0,
    versus: Versus = "call",
    window: tuple[float, float] | None = None,
) -> list[Reason]:
    """Return the strongest reasons in words, strongest first.

    Parameters
    ----------
    columns : mapping of str to float
        Measures of one apology by column name; NaN or absent is missing.
    contributions : mapping of str to float
        What each column added to the rating.
    lang : str
        ``nl`` or ``en``.
    n : int
        At most so many, and never more than three.
    axis : str
        ``sincere`` or ``engaged``: the axis of the contributions.
    direction : int
        1 or -1 keeps reasons that raised or lowered the rating, 0 all.
    versus : str
        ``call``: compared with the rest of the call; ``baseline``: with another recording;
        ``you``: spoken to the speaker; ``others``: with most speakers.
    window : (float, float), optional
        Start and end of the apology in seconds; reasons then point to a time in it.

    Returns
    -------
    list of Reason
        Empty where nothing was measured, or nothing differs so much that a listener would notice.
    """
    groups: dict[str, tuple[float, list[tuple[float, str]]]] = {}
    for column, added in contributions.items():
        group = GROUP_OF.get(_MEASURE.get(column, ""))
        if group is None or not added:
            continue
        total, members = groups.get(group, (0.0, []))
        groups[group] = (total + added, [*members, (added, column)])
    words = load("reasons", lang)
    out: list[Reason] = []
    for group, (total, members) in sorted(groups.items(), key=lambda g: -abs(g[1][0])):
        if len(out) >= min(n, 3):
            break
        if not total or (direction and total * direction < 0):
            continue
        same = [m for m in members if m[0] * total > 0]
        for _, column in sorted(same, key=lambda m: -abs(m[0])):
            difference = columns.get(column, math.nan)
            if difference is None or not math.isfinite(difference):
                continue
            measure = _MEASURE[column]
            value, unit = printed(measure, difference)
            if abs(value) < LEAST[unit]:
                continue
            text = sentence(measure, value, unit, lang, versus)
            start, end = _place(measure, window)
            out.append(
                Reason(
                    measure,
                    column,
                    group,
                    value,
                    unit,
                    total,
                    axis,
                    words["toward"][axis]["up" if total > 0 else "down"],
                    text,
                    start,
                    end,
                )
            )
            break
    return out


def _place(measure: str, window: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Return where in the window a measure is heard."""
    if window is None:
        return None, None
    start, end = window
    side, length = PART_S.get(measure, ("", 0.0))
    if side == "start":
        return start, min(end, start + length)
    if side == "end":
        return max(start, end - length), end
    return start, end


def explain(
    judge: Judge,
    judged: Judgements,
    row: int,
    columns: Mapping[str, float],
    lang: str = "en",
    *,
    versus: Versus = "call",
    window: tuple[float, float] | None = None,
) -> list[Reason]:
    """Return the reasons behind the verdict of one row.

    A verdict is explained by what pointed its way: ``sincere`` by what raised the rating,
    ``forced`` and the hint ``recited`` by what lowered it, on the axis that decided. ``unclear``
    is explained by the strongest on either side, with ``toward`` to tell them apart.
    """
    verdict, kind, hint = judged.verdict[row], judged.kind[row], judged.hint[row]
    engaged = "engaged" in judged.axes and (kind == "recited" or (hint and verdict == "unclear"))
    axis = "engaged" if engaged or "sincere" not in judged.axes else "sincere"
    direction = 1 if verdict == "sincere" else -1 if verdict == "forced" or engaged else 0
    added = judged.axes[axis].contributions[row]
    return reasons(
        columns,
        dict(zip(judged.inputs, added.tolist(), strict=True)),
        lang,
        axis=axis,
        direction=direction,
        versus=versus,
        window=window,
    )


def advised(measure: str) -> bool:
    """Return whether a speaker can be advised on a measure: she can change it, and knows how."""
    return GROUP_OF.get(measure) in CHANGEABLE and measure not in NOT_ADVISED


def advice(found: Sequence[Reason], lang: str = "en") -> str:
    """Return one thing to try next, from the strongest reason that lowered the rating.

    Only what a speaker can change is advised on (:func:`advised`); '' where there is nothing.
    """
    for reason in found:
        if reason.contribution < 0 and advised(reason.measure):
            high = (reason.value > 0) != (reason.measure in FEWER_IS_MORE)
            return str(load("reasons", lang)["advice"][reason.group]["higher" if high else "lower"])
    return ""
