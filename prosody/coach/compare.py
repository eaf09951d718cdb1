"""Two takes held against each other: aligned in time, what changed, which sounded more sincere.

Moments are matched by dynamic time warping over loudness, voicing and pitch around each take's own
middle. On clips whose course was bent in a known way it is off by 18 ms on average where even steps
are off by 113; on takes of one sentence by one speaker (EmoDB, 60 pairs) it lies 36 ms (median)
from an alignment by twenty cepstral coefficients, even steps 93 ms.

From where on a listener would notice (``[coach]`` of the settings):

- pace 10 %: a listener notices 5 % (Quené 2007, J. Phonetics 35), but the same recording with noise
  up to 6 dB apart counts 5 % (80 of 100) to 10 % (95 of 100) more or fewer syllables;
- pitch range, and the end of the line, 1.5 semitones: two movements in speech are told apart from
  1.5 to 2 semitones on, 't Hart 1981 (JASA 69), Rietveld & Gussenhoven 1985 (J. Phonetics 13);
- pitch of the voice 1 semitone: a choice, between what trained ears tell in steady vowels (under
  half a semitone) and the figure above;
- loudness 2 dB: a choice, twice the just noticeable difference of level (1 dB, Zwicker & Fastl),
  since takes are heard apart and nobody sits still before a microphone;
- a pause 0.25 s: Goldman-Eisler 1968; de Jong & Bosker 2013.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.coach.session import Take
from prosody.examine.gates import NO_BASELINE
from prosody.judge import reasons
from prosody.judge.judge import Judge
from prosody.judge.rows import WHOLE_S, second_more_sincere
from prosody.measures import table
from prosody.results.records import ApologyRecord
from prosody.settings import Settings
from prosody.words import decimal_mark, load

Floats = NDArray[np.float64]

_MEASURE = {m.relative_name: m.name for m in table.MEASURES if m.relative_name}
_GROUPS = {
    "pace": ("pace",),
    "pitch": ("pitch_level",),
    "range": ("pitch_span", "pitch_movement"),
    "loudness": ("loudness", "evenness"),
    "end": ("pitch_end", "end"),
    "pauses": ("pauses",),
    "pause_time": ("pauses",),
}
"""What a listener hears as one thing (`reasons.GROUPS`), by the change that is told."""

STEP_S = 0.02
MOST_STEPS = 1500
"""Longer takes are aligned in coarser steps: time and memory grow with the product."""
QUIET_DB = 40.0
"""So far below its loudest moment a take counts as silent."""
VOICED_WEIGHT = 0.5
PITCH_ST = 24.0
LEAST_MOVE = 0.05
"""Standard deviations of ratings; a change that moves it less is told without a side."""
BAND = 0.25
"""The second take may run ahead of or behind the first by this share of its length."""


def align(a_json: str, b_json: str) -> dict[str, list[float]]:
    """Return which moment of the second take belongs to which of the first.

    Parameters
    ----------
    a_json, b_json : str
        Lines of both takes (`contours.Contours.as_json`).

    Returns
    -------
    dict
        ``a_time_s`` in even steps, ``b_time_s`` the moments of the second that go with them (they
        never go back), and ``time_share``, how far into the first each is, 0 to 1.
    """
    a, b = json.loads(a_json), json.loads(b_json)
    longest = max(len(a["time_s"]), len(b["time_s"]), 1) * float(a["step_s"])
    every = max(1, math.ceil(max(STEP_S, longest / MOST_STEPS) / float(a["step_s"]) - 1e-9))
    a_s, b_s = (np.array(x["time_s"][::every], dtype=np.float64) for x in (a, b))
    if len(a_s) < 2 or len(b_s) < 2:
        return {"time_share": [], "a_time_s": [], "b_time_s": []}
    ours, theirs = warped(_shape(a, every), _shape(b, every)).T
    matched = np.bincount(ours, weights=b_s[theirs]) / np.bincount(ours)
    share = (a_s - a_s[0]) / (a_s[-1] - a_s[0])
    return {
        "time_share": np.round(share, 4).tolist(),
        "a_time_s": np.round(a_s, 3).tolist(),
        "b_time_s": np.round(np.maximum.accumulate(matched), 3).tolist(),
    }


def warped(a: Floats, b: Floats) -> NDArray[np.int64]:
    """Return the pairs of steps that dynamic time warping matches, ``[k, 2]``, from the first on.

    What `librosa.sequence.dtw` finds within a band of `BAND`, step by step, without compiling for
    half a minute where nothing is compiled yet.

    Parameters
    ----------
    a, b : array, ``[features, steps]``
        Both takes, each of two steps or more.
    """
    n, m = a.shape[1], b.shape[1]
    cost = np.sqrt(sum((x[:, None] - y) ** 2 for x, y in zip(a, b, strict=True)))
    ahead = np.arange(m) - np.arange(n)[:, None]
    width = max(1, round(BAND * min(n, m)))
    cost[(ahead >= width + max(0, m - n)) | (ahead <= -width - max(0, n - m))] = np.inf
    # A step of both, of the second, of the first: each diagonal needs the two before it, no more.
    moves = np.array([(1, 1), (0, 1), (1, 0)])
    took = np.zeros((n, m), np.int8)
    before, last = np.full((2, n + 1), np.inf)  # one longer: what lies before the first step
    last[1] = cost[0, 0]
    for k in range(1, n + m - 1):
        i = np.arange(max(0, k - m + 1), min(n, k + 1))
        ways = np.stack([before[i], last[i + 1], last[i]])
        took[i, k - i] = ways.argmin(0)
        before, last = last, np.full(n + 1, np.inf)
        last[i + 1] = ways.min(0) + cost[i, k - i]
    path = [(n - 1, m - 1)]
    while (at := path[-1]) != (0, 0):
        path.append(tuple((at - moves[took[at]]).tolist()))
    return np.array(path[::-1])


def _shape(drawn: dict[str, Any], every: int) -> Floats:
    """Return what is matched, ``[3, n]``: loudness, voicing, and pitch around the take's middle."""
    level = np.array(drawn["loudness_db"], dtype=np.float64)
    pitch = np.array([math.nan if v is None else v for v in drawn["f0_st"]], dtype=np.float64)
    loud = np.clip(1.0 + (level - level.max(initial=-90.0)) / QUIET_DB, 0.0, 1.0)
    voiced = np.isfinite(pitch)
    middle = float(np.median(pitch[voiced])) if voiced.any() else 0.0
    moved = np.where(voiced, np.nan_to_num(pitch - middle) / PITCH_ST, 0.0)
    return np.stack([loud, VOICED_WEIGHT * voiced, moved])[:, ::every]


def changes(
    a: Take, b: Take, settings: Settings, lang: str, listener: Judge | None = None
) -> list[dict[str, Any]]:
    """Return what changed from the first take to the second, the most audible first.

    Each change is told with its size, whether a listener would notice it, and, with a judge, to
    which side it moved the impression. Pitch and loudness of two voices (an example, and one's
    own) are not compared.
    """
    limits, same_voice = settings.coach, "example" not in (a.kind, b.kind)
    noisy = unlike_noise(a, b, settings)
    one, two = a.measured.row.columns(), b.measured.row.columns()
    pause_s = [sum(hi - lo for lo, hi in t.measured.pauses) for t in (a, b)]
    count = len(b.measured.pauses) - len(a.measured.pauses)
    found: list[tuple[str, float, float, int, float]] = []

    def add(name: str, change: float, least: float, decimals: int, size: float) -> None:
        if math.isfinite(change) and round(abs(size), decimals) > 0:
            found.append((name, change / least if least else math.inf, size, decimals, least))

    ratio = two["loudness_peaks_per_s"] / one["loudness_peaks_per_s"]
    pace = ratio - 1 if one["loudness_peaks_per_s"] > 0 else math.nan
    if not noisy:  # noise hides soft syllables: the same recording at 20 dB may count 20 % fewer
        add("pace", pace, limits.notice_pace_share, 0, 100 * pace)
    if same_voice:
        level = b.measured.level_db - a.measured.level_db
        pitch = two["pitch_p50_st"] - one["pitch_p50_st"]
        add("pitch", pitch, limits.notice_pitch_st, 1, pitch)
        add("loudness", level, limits.notice_loudness_db, 0, level)
    width = two["pitch_range_st"] - one["pitch_range_st"]
    add("range", width, limits.notice_range_st, 1, width)
    end = b.measured.end_st - a.measured.end_st
    add("end", end, limits.notice_range_st, 1, end)
    add("pauses", count, 1.0, 0, float(count))
    if not count:
        silence = pause_s[1] - pause_s[0]
        add("pause_time", silence, limits.notice_pause_s, 1, silence)
    say, toward = load("coach", lang)["change"], load("reasons", lang)["toward"]["sincere"]
    moved = moves(a, b, listener) if listener is not None and same_voice and not noisy else {}
    out = []
    for name, weight, size, decimals, _ in sorted(found, key=lambda f: -abs(f[1])):
        side = "higher" if size > 0 else "lower"
        if name == "pauses" and abs(count) == 1:
            side = f"one_{side}"
        text = say[name][side].format(x=_number(size, decimals, lang))
        by = sum(moved.get(group, 0.0) for group in _GROUPS[name])
        pull = toward["up" if by > 0 else "down"] if abs(by) >= LEAST_MOVE else None
        out.append({"measure": name, "text": text, "noticeable": abs(weight) >= 1.0,
                    "change": round(size, 3), "toward": pull})  # fmt: skip
    return out


def moves(a: Take, b: Take, listener: Judge) -> dict[str, float]:
    """Return by how much each group of measures moved the rating from the first to the second."""
    relative = table.relative(b.measured.row.measures[None], a.measured.row.measures[None])
    columns = dict(zip(table.RELATIVE_NAMES, relative.T, strict=True))
    judged = listener.judge({**columns, "baseline_s": np.array([WHOLE_S])})
    out: dict[str, float] = {}
    if "sincere" not in judged.axes:
        return out
    for name, value in zip(judged.inputs, judged.axes["sincere"].contributions[0], strict=True):
        group = reasons.GROUP_OF.get(_MEASURE.get(name, name), "")
        out[group] = out.get(group, 0.0) + float(np.nan_to_num(value))
    return out


def unlike_noise(a: Take, b: Take, settings: Settings) -> bool:
    """Whether the noise around two takes differs so much that impressions cannot be compared.

    Noise alone moves what the judge predicts: the same speech at 20 dB was called more sincere than
    at 38 dB.
    """
    apart = abs(a.measured.snr_db - b.measured.snr_db)
    return bool(apart > settings.coach.unlike_noise_db)


def _number(value: float, decimals: int, lang: str) -> str:
    text = f"{abs(value):.{decimals}f}"
    return decimal_mark(text.removesuffix(".0"), lang)


def which(
    a: ApologyRecord | None,
    b: ApologyRecord | None,
    noticeable: bool,
    listener: Judge,
    settings: Settings,
    lang: str,
    *,
    noisy: bool = False,
) -> dict[str, Any]:
    """Return which take sounded more sincere, with the probability; None where it is open.

    Parameters
    ----------
    a, b : ApologyRecord or None
        Measured rows of one person; None, or gated by how the sound is, where there is nothing to
        say. They are held against each other, so that no ordinary speech is needed.
    noticeable : bool
        Whether a listener would notice any change at all.
    listener : Judge
    settings : Settings
    lang : str
    noisy : bool
        Whether their noise differs too much (`unlike_noise`).

    Returns
    -------
    dict
        ``which`` (``a``, ``b`` or None), ``text``, and ``p``, the probability of the more likely of
        the two, 0.5 to 1, with ``low`` and ``high``, its 80 % interval (None where one was not
        compared).
    """
    say = load("coach", lang)["which"]
    heard = a is not None and b is not None and not ({*a.gates, *b.gates} - {NO_BASELINE})
    found = second_more_sincere(a, b, listener) if heard and a and b else None
    if found is None:
        return {"which": None, "text": say["withheld"], "p": None, "low": None, "high": None}
    if noisy:
        nothing = {"p": None, "low": None, "high": None}
        return {"which": None, "text": say["unlike_noise"], **nothing}
    p, low, high = found
    side, sure = ("b", p) if p >= 0.5 else ("a", 1 - p)
    ends = (low, high) if side == "b" else (1 - high, 1 - low)
    chance = {"p": round(sure, 3), "low": round(ends[0], 3), "high": round(ends[1], 3)}
    if sure >= settings.coach.which_p:
        return {"which": side, "text": say[side].format(n=round(100 * sure)), **chance}
    if not noticeable:
        return {"which": None, "text": say["same"], **chance}
    nth = say["second" if side == "b" else "first"]
    return {"which": None, "text": say["open"].format(n=round(100 * sure), nth=nth), **chance}
