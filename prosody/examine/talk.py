"""The talk around an apology: who spoke when, and pace and loudness of both sides beside their own.

Who speaks is told by the voices where each has a track of its own, else by the times of the
transcript; where neither tells, nothing is said. What is usual for the customer is measured like
the agent's baseline, in less of the call, and only where there is an apology. How lively the
customer sounds is measured only where a run is asked for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans
from prosody.examine import baseline
from prosody.examine.open_call import OpenCall, spans_of
from prosody.examine.roles import Track
from prosody.measures import conversation, table
from prosody.measures.animation import animation
from prosody.results.records import ApologyRecord
from prosody.settings import Settings

NEAR_S: Final = 15.0
"""What the customer says within this before and after an apology."""
LEAST_S: Final = 1.0
"""Less speech than this tells nothing of pace and loudness."""
USUAL_S: Final = 15.0
"""Seconds of the customer's other speech that are measured."""
_PACE, _LOUD = "loudness_peaks_per_s", "loudness_p50"
_AT = [table.ACOUSTIC.index(n) for n in (_PACE, _LOUD, "pitch_mean_st", "loudness_mean")]


def sides(opened: OpenCall) -> tuple[Spans, Spans] | None:
    """Return where the agent and where the customer speak; None where it cannot be told."""
    if opened.source == "clips":
        return None
    tracks = {t.role: t for t in opened.roles.tracks}
    bleeding = any(r.code == "bleed" for r in opened.roles.remarks)
    if opened.roles.layout != "mono" and {"agent", "customer"} <= tracks.keys() and not bleeding:
        return opened.voice(tracks["agent"]), opened.voice(tracks["customer"])
    agent, customer = (
        spans_of([t for t in opened.turns if t.role == role]) for role in ("agent", "customer")
    )
    return (agent, customer) if len(agent) and len(customer) else None


def describe(
    opened: OpenCall,
    rows: Sequence[ApologyRecord],
    settings: Settings,
    *,
    customer_voice: bool = False,
) -> dict[str, float]:
    """Return how the talk of a call was shared, and put into its rows what was around each.

    Parameters
    ----------
    opened : OpenCall
    rows : sequence of ApologyRecord
        Get their ``around``.
    settings : Settings
    customer_voice : bool
        Whether they get `conversation.CUSTOMER_VOICE`, too.

    Returns
    -------
    dict
        `conversation.COLUMNS`; empty where it is not known who speaks.
    """
    found = sides(opened)
    if found is None:
        return {}
    agent, customer = found
    theirs = _customer(opened, customer, rows, settings, lively=customer_voice)
    for i, row in enumerate(rows):
        if row.role != "agent":
            continue
        window = (row.start_s, row.end_s)
        relative = dict(zip(table.RELATIVE_NAMES, row.relative.tolist(), strict=True))
        row.around = {
            **conversation.around(agent, customer, window),
            "agent_pace_ratio": _ratio(relative.get(f"{_PACE}_log2ratio")),
            "agent_loudness_ratio": _ratio(relative.get(f"{_LOUD}_log2ratio")),
            **theirs.get(i, {}),
        }
    return conversation.measure(agent, customer).as_dict()


def _ratio(log2: float | None) -> float:
    return math.nan if log2 is None else float(2.0**log2)


def _customer(
    opened: OpenCall,
    speech: Spans,
    rows: Sequence[ApologyRecord],
    settings: Settings,
    *,
    lively: bool,
) -> dict[int, dict[str, float]]:
    """Return what the customer's voice does around each apology, beside what is usual for it."""
    track = next((t for t in opened.roles.tracks if t.role == "customer"), None)
    if track is None or opened.roles.layout == "mono" or not rows:
        return {}
    near = [
        (i, when, _cut(speech, low, high))
        for i, row in enumerate(rows)
        for when, low, high in (
            ("before", row.start_s - NEAR_S, row.start_s),
            ("after", row.end_s, row.end_s + NEAR_S),
        )
    ]
    taken = [spans for _, _, spans in near if len(spans)]
    if not taken:
        return {}
    aside = np.concatenate(taken)
    aside = aside[np.argsort(aside[:, 0], kind="stable")]
    chosen = replace(settings.baseline, max_s=min(USUAL_S, settings.baseline.max_s))
    usual_at = baseline.stretches(speech, aside, chosen)
    usual_s = float((usual_at[:, 1] - usual_at[:, 0]).sum())
    if usual_s < settings.baseline.min_s:
        return {}
    values = _measured(opened, track, np.concatenate([usual_at, *taken]), pitched=lively)
    with np.errstate(all="ignore"):
        usual = _median(values[: len(usual_at)])
    out: dict[int, dict[str, float]] = {}
    at = len(usual_at)
    for i, when, spans in near:
        here = values[at : at + len(spans)]
        at += len(spans)
        lengths = spans[:, 1] - spans[:, 0]
        if lengths.sum() < LEAST_S:
            continue
        mean = _mean(here, lengths)
        ratios = out.setdefault(i, {})
        for j, name in enumerate(("pace", "loudness")):
            if usual[j] > 0:
                ratios[f"customer_{name}_{when}_ratio"] = float(mean[j] / usual[j])
        if not lively:
            continue
        with np.errstate(all="ignore"):
            found = animation({
                "pitch_mean_st_rel": [mean[2] - usual[2]],
                "loudness_mean_log2ratio": [np.log2(mean[3] / usual[3])],
                "baseline_s": [usual_s],
            })  # fmt: skip
        ratios[f"customer_animation_{when}"] = float(found.value[0])
    return out


def _mean(values: NDArray[np.float64], lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each column by length; NaN where nothing is known."""
    weight = np.isfinite(values) * lengths[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values * weight, axis=0) / weight.sum(axis=0))


def _cut(speech: Spans, low: float, high: float) -> Spans:
    """Return the stretches of speech between two times; none under half a second."""
    cut = np.clip(speech, low, high)
    return cut[cut[:, 1] - cut[:, 0] >= 0.5]


def _measured(
    opened: OpenCall, track: Track, windows: Spans, *, pitched: bool
) -> NDArray[np.float64]:
    from prosody.measures import measure

    sr = opened.recordings[track.source].info.sr_hz
    return measure.measure(opened.read(track, windows), sr, pitched=pitched)[:, _AT]


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else math.nan
                     for c in values.T])  # fmt: skip
