"""The numbers of a take, and beside each what is usual for this voice.

Six are shown first, all of which a speaker can do something about; the rest is for whoever wants to
know. What is usual comes from the ordinary texts of the same visit: medians over their stretches
for what the judge looks at too, over the texts themselves for pauses, level and the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from prosody.coach.contours import REFERENCE_HZ
from prosody.coach.take import Measured, OwnBaseline
from prosody.measures import table

PACE, RANGE, PITCH = "loudness_peaks_per_s", "pitch_range_st", "pitch_p50_st"
END_DB = 1.5
"""Ends within so much of the usual ones count as usual: there are only two or three."""


def numbers(
    one: Measured, own: OwnBaseline | None, texts: Sequence[Measured]
) -> dict[str, list[dict[str, Any]]]:
    """Return the numbers of a take, ``first`` and ``more``.

    Each has ``name``, ``value``, ``digits`` (decimals) and, where known, ``own``, and ``low`` and
    ``high``, the usual range that can be practised towards. Missing is None.

    Parameters
    ----------
    one : Measured
    own : Usual or None
        How its speaker usually speaks.
    texts : sequence of Measured
        The ordinary texts of the same speaker.
    """
    row = one.row.columns()
    known: dict[str, float] = {}
    if own is not None and own.baseline is not None:
        known = dict(zip(table.NAMES, own.baseline.values, strict=True))
    spread = own.spread if own is not None else {}
    per_s = sum(len(t.pauses) for t in texts) / max(sum(t.speech_s for t in texts), 1e-9)
    pauses = per_s * one.speech_s if texts else math.nan
    ends = [t.end_db for t in texts if math.isfinite(t.end_db)]
    low_pauses = max(1.0, math.floor(pauses)) if texts else math.nan
    first = [
        _number("pace", row[PACE], known.get(PACE), 1, spread.get(PACE)),
        _number("pauses", float(len(one.pauses)), round(pauses) if texts else None, 0,
                (low_pauses, low_pauses + 1) if texts else None),
        _number("range", row[RANGE], known.get(RANGE), 1, spread.get(RANGE)),
        _number("pitch", _hz(row[PITCH]), _hz(known.get(PITCH, math.nan)), 0),
        _number("loudness", one.level_db,
                float(np.median([t.level_db for t in texts])) if texts else None, 0),
        _number("end", one.end_db, float(np.median(ends)) if ends else None, 0,
                (min(ends) - END_DB, max(ends) + END_DB) if ends else None),
    ]  # fmt: skip
    more = [
        _number("length", one.duration_s, None, 1),
        _number("speech", one.speech_s, None, 1),
        _number("noise", one.snr_db, None, 0),
    ]
    return {"first": first, "more": more}


def _hz(semitones: float) -> float:
    return float(REFERENCE_HZ * 2.0 ** (semitones / 12.0))


def _number(
    name: str,
    value: float,
    usual: float | None,
    digits: int,
    between: tuple[float, float] | None = None,
) -> dict[str, Any]:
    low, high = between or (math.nan, math.nan)
    values = {"value": value, "usual": usual, "low": low, "high": high}
    number = {
        k: round(float(v), 3) if v is not None and math.isfinite(v) else None
        for k, v in values.items()
    }
    return {"name": name, "digits": digits, **number}
