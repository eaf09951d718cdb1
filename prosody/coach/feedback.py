"""A take in words: how it would probably be heard, how sure that is, why, and what to try next.

The judgement is that of ``prosody analyze --clips --baseline``: the same relative measures, the
same judge, the same thresholds. What differs is only whom it is told to: the speaker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prosody.coach.highlights import place
from prosody.coach.take import Measured, OwnBaseline
from prosody.examine.baseline import Baseline
from prosody.examine.gates import NO_BASELINE
from prosody.judge import reasons as explain
from prosody.judge.judge import Judge
from prosody.judge.rows import judge_rows
from prosody.measures import table
from prosody.results.records import AXES, ApologyRecord, plain
from prosody.settings import Settings
from prosody.words import decimal_mark, load

_MEASURE = {m.relative_name: m.name for m in table.MEASURES if m.relative_name}
_ADVISED = {"pace": "pace", "pauses": "pauses", "loudness": "loudness"}
NEARLY = 0.95
"""A probability above this is told as nearly all, below its complement as hardly any."""
HALF = 0.07
"""Within this of a half it is told as half."""


def against(row: ApologyRecord, own: OwnBaseline | None, settings: Settings) -> ApologyRecord:
    """Return a row compared with how its speaker usually speaks (None: nothing is known)."""
    known = own.baseline if own is not None and own.baseline is not None else Baseline.none()
    known = known.at_least(settings.baseline.min_s)
    lacking = () if known.seconds > 0 else (NO_BASELINE,)
    return replace(
        row,
        relative=known.relative(row.measures[None])[0],
        baseline_s=known.seconds,
        gates=(*row.gates, *lacking),
    )


def judge(
    measured: Measured, own: OwnBaseline | None, listener: Judge, settings: Settings
) -> ApologyRecord:
    """Return the judged row of a take; without a verdict where its recording is not good enough."""
    row = against(measured.row, own, settings)
    judge_rows([row], listener, settings)
    return row


def judgement(row: ApologyRecord, lang: str) -> dict[str, Any] | None:
    """Return verdict, headline, uncertainty and both axes; None where nothing was judged."""
    if row.verdict is None:
        return None
    say = load("coach", lang)
    if row.verdict == "forced":
        headline = say["headline"][row.kind or "put_on"]
    elif row.verdict == "unclear" and row.hint == "recited":
        headline = say["headline"]["unclear_recited"]
    else:
        headline = say["headline"][row.verdict]
    axes = {
        axis: {k: row.axes[axis][k] for k in ("rating", "low", "high", "p", "sd")}
        for axis in AXES
        if axis in row.axes
    }
    lively = row.animation
    out = {
        "verdict": row.verdict,
        "animation": lively and {**lively, "text": say["animation"][lively["word"]]},
        "kind": row.kind,
        "hint": row.hint,
        "headline": headline,
        "uncertainty": _uncertainty(row, say["uncertainty"]),
        "axes": axes,
    }
    return dict(plain(out))


def _uncertainty(row: ApologyRecord, say: Mapping[str, str]) -> str:
    by_engaged = row.kind == "recited" or (row.verdict == "unclear" and row.hint == "recited")
    if "sincere" not in row.axes or (by_engaged and "engaged" in row.axes):
        return say["engaged"].format(n=_of_ten(1 - row.axes["engaged"]["p"]))
    p = row.axes["sincere"]["p"]
    if abs(p - 0.5) < HALF:
        return say["half"]
    if p > NEARLY:
        return say["all"]
    return say["none"] if p < 1 - NEARLY else say["sure"].format(n=_of_ten(p))


def _of_ten(p: float) -> int:
    return min(9, max(1, round(10 * p)))


def reasons(row: ApologyRecord, measured: Measured, lang: str) -> list[dict[str, Any]]:
    """Return the reasons, strongest first, as said to the speaker, each with where to listen."""
    toward = load("reasons", lang)["toward"]
    out = []
    for r in row.reasons:
        start, end = place(
            r["group"],
            r["value"] > 0,
            measured.drawn,
            measured.pauses,
            (r["start_s"], r["end_s"]),
        )
        out.append(
            {
                "text": _sentence(r["measure"], r["value"], r["unit"], lang),
                "start_s": round(start, 3),
                "end_s": round(end, 3),
                "measure": r["measure"],
                "toward": toward[r["axis"]]["up" if r["contribution"] > 0 else "down"],
            }
        )
    return out


def _sentence(measure: str, value: float, unit: str, lang: str) -> str:
    say = load("coach", lang)
    line = load("reasons", lang)["measure"][measure]["higher" if value > 0 else "lower"]
    text = line.format(x=explain.number(value, unit, lang), than=say["usual"])
    return str(say["you"].format(text=text))


def advice(row: ApologyRecord, known: Sequence[Mapping[str, Any]], lang: str) -> str | None:
    """Return one thing to try next: what lowered the rating most of all that a speaker can change.

    Where one of the numbers (`numbers.numbers`) is about it, it stands in the advice with what is
    usual. None where it sounded sincere, and where nothing that can be changed stood out.
    """
    if row.verdict in (None, "sincere"):
        return None
    by_engaged = row.kind == "recited" or (row.verdict == "unclear" and row.hint == "recited")
    axis = "engaged" if "engaged" in row.axes and by_engaged else "sincere"
    if axis not in row.axes:
        return None
    added = {
        column: value
        for column, value in row.axes[axis]["contributions"].items()
        if explain.advised(_MEASURE.get(column, column))
    }
    found = explain.reasons(row.columns(), added, n=1, axis=axis, direction=-1)
    if not found:
        return None
    reason = found[0]
    high = (reason.value > 0) != (reason.measure in explain.FEWER_IS_MORE)
    say = load("coach", lang)
    text = str(say["advice"][reason.group]["higher" if high else "lower"])
    for one in known:
        if _ADVISED.get(reason.group) != one["name"] or one["usual"] is None:
            continue
        if one["value"] is None or (one["value"] > one["usual"]) != high:
            continue  # the number says otherwise than the measure: then it explains nothing
        value, usual = (_decimal(one[k], one["digits"], lang) for k in ("value", "usual"))
        text = f"{text} {say['advice_number'][one['name']].format(value=value, usual=usual)}"
    return text


def _decimal(value: float, digits: int, lang: str) -> str:
    return decimal_mark(f"{value:.{digits}f}".replace("-", "\u2212"), lang)


def problems(measured: Measured, lang: str) -> list[dict[str, Any]]:
    """Return what is wrong with a recording, worst first, each with its remedy."""
    say = load("coach", lang)["quality"]
    out = []
    for one in sorted(measured.problems, key=lambda p: not p.stops):
        problem: dict[str, Any] = {"code": one.code, **say[one.code], "stops": one.stops}
        if one.start_s is not None:
            problem |= {"start_s": round(one.start_s, 3), "end_s": round(one.end_s or 0.0, 3)}
        out.append(problem)
    return out


def cannot_know(
    kind: str, own: OwnBaseline | None, spoken_s: float, settings: Settings, lang: str
) -> list[str]:
    """Return what a judgement of a take cannot rest on.

    ``spoken_s`` is the speech in the ordinary sentences, whether or not it was enough.
    """
    say, limits = load("coach", lang)["cannot_know"], settings.baseline
    if kind == "example":
        return [say["example"]]
    out = []
    if own is None or own.baseline is None or own.seconds < limits.min_s:
        code = "short_of_baseline" if spoken_s else "no_baseline"
        out.append(
            say[code].format(seconds=_seconds(spoken_s, lang), least=_seconds(limits.min_s, lang))
        )
    elif own.seconds < limits.short_s:
        out.append(say["short_baseline"].format(seconds=_seconds(own.seconds, lang)))
    return [*out, say["words"]]


def _seconds(value: float, lang: str) -> str:
    text = f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    return decimal_mark(text, lang)


def usual_range(own: OwnBaseline | None) -> dict[str, float] | None:
    """Return where the voice usually moves: the middle 60 % of its pitch, semitones; or None."""
    if own is None or own.baseline is None:
        return None
    at = dict(zip(table.NAMES, own.baseline.values.tolist(), strict=True))
    marks = {"low_st": "pitch_p20_st", "mid_st": "pitch_p50_st", "high_st": "pitch_p80_st"}
    out = {name: at[measure] for name, measure in marks.items()}
    return dict(plain(out)) if all(math.isfinite(v) for v in out.values()) else None


def measures_of(row: ApologyRecord) -> dict[str, Any]:
    """Return measures by name; missing is None."""
    return dict(plain(dict(zip(table.NAMES, row.measures.tolist(), strict=True))))


def rounded(value: float, decimals: int) -> float | None:
    """Return a number as it is told; None where it is missing."""
    return round(value, decimals) if math.isfinite(value) else None
