"""Does a transcript fit the sound: its clock, and every turn by itself.

What a transcript says of when somebody speaks is held against when there is voice on that
speaker's channel. The seconds of voice under the words, for every turn and every shift, tell the
clock's offset and drift, a break in it, and which turns lie where nobody speaks.

Shares are told as kappa: 0 is what the same words would hit by chance on a channel that speaks so
much, 1 is all of them. That makes a channel that nearly always speaks (one channel for two people)
comparable with one that rarely does. Thresholds were chosen on HarperValley and the samples with
made faults (``python -m benchmarks clocks``).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans, join, overlap_s, subtract
from prosody.transcripts.document import fill
from prosody.transcripts.turns import Turn, Word

Floats = NDArray[np.float64]
State = Literal["fits", "corrected", "unsure", "broken", "unknown"]
Fault = Literal["", "no_voice", "conflict", "pace", "elsewhere", "words", "clock"]

STEP_S = 0.1  # between the shifts that are tried
REACH_S = 30.0  # the furthest offset looked for, either way
MOST_RATE = 0.035  # the most drift looked for, seconds in a second
CLOSE_S = 0.3  # a smaller displacement is none
SAME_KAPPA = 0.05  # shifts that differ by less fit equally well
RATE_KAPPA = 0.03  # what a drift has to gain over a plain offset
BREAK_KAPPA = 0.1  # what two clocks have to gain over one
BROKEN_KAPPA = 0.8  # and what they need, since two clocks also fit by chance more easily
SURE_KAPPA = 0.9  # what fits so well needs no search
CLEAR_KAPPA = 0.25  # by which a fit must stand out from all that lie over 2 s away
FIT_KAPPA, FEW_KAPPA = 0.6, 0.4  # what a clock needs, and one of few turns
MIN_TURNS, MIN_S = 5, 8.0  # fewer turns or seconds of words tell no clock
DRIFT_TURNS = 8  # fewer fit by chance where a drift may be chosen, too
_FAR_S = 2.0
_MOST_TURNS = 600  # looked at, spread over the call
_JOIN_S = 0.15  # between words of one phrase

MIN_SHARE = 0.6  # of a turn's words that must lie under voice
ELSEWHERE_SHARE = 0.15  # by which a turn may fit better somewhere else
_AROUND_S = 20.0  # turns that near share a turn's clock
_NEAR_S = 4.0  # so far a single turn is looked for
_CONFLICT_SHARE, _CONFLICT_S = 0.35, 1.0  # of a turn over which the same voice says something else
_INSIDE_S, _OWN_SHARE = 0.2, 0.9  # of what another does not cover must then be voice of its own
MOST_LETTERS_PER_S = 40.0  # the fastest speakers reach about 25
_GAP_S = 1.5  # a longer gap between words may be a wrong stamp


@dataclass(frozen=True, slots=True)
class Evidence:
    """Stretches of words and the voice each should lie under.

    Attributes
    ----------
    spans : float64 [n, 2]
        Start and end of each stretch of words, seconds on the transcript's clock.
    turn, side : int64 [n]
        Whose stretch it is: the turn's position, and which of `voices` it should lie under.
    voices : tuple of float64 [k, 2]
        Where there is voice, seconds of the recording.
    """

    spans: Spans
    turn: NDArray[np.int64]
    side: NDArray[np.int64]
    voices: tuple[Spans, ...]

    @property
    def length_s(self) -> Floats:
        """Seconds of each stretch."""
        return np.asarray(self.spans[:, 1] - self.spans[:, 0])

    @property
    def first(self) -> NDArray[np.intp]:
        """Position of each turn's first stretch."""
        return np.flatnonzero(np.diff(self.turn, prepend=-1))

    def only(self, side: int) -> Evidence:
        """Return what one voice should lie over."""
        keep = self.side == side
        return replace(self, spans=self.spans[keep], turn=self.turn[keep], side=self.side[keep])

    def scaled(self, by: float) -> Evidence:
        """Return the same with the transcript's times multiplied."""
        return replace(self, spans=self.spans * by)

    def under(self, lags_s: Floats, rate: float = 0.0, offset_s: float = 0.0) -> Floats:
        """Return the seconds of voice under each stretch at each shift, ``[n, lags]``."""
        out = np.zeros((len(self.spans), len(lags_s)))
        for k, voice in enumerate(self.voices):
            mine = self.side == k
            if not mine.any() or not len(voice):
                continue
            at = voice.ravel()
            filled = np.concatenate([[0.0], np.cumsum(voice[:, 1] - voice[:, 0])])
            before = np.stack([filled[:-1], filled[1:]], axis=1).ravel()
            spans = self.spans[mine] * (1.0 + rate) + offset_s
            out[mine] = np.interp(spans[:, 1, None] + lags_s, at, before) - np.interp(
                spans[:, 0, None] + lags_s, at, before
            )
        return out

    def by_turn(self, lags_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Return of each turn the seconds of voice under it, its words' length and their middle.

        ``[turns, lags]`` and twice ``[turns]``, in the order of the turns.
        """
        first = self.first
        length = np.add.reduceat(self.length_s, first)
        middle = np.add.reduceat(self.length_s * self.spans.mean(axis=1), first) / length
        return np.add.reduceat(self.under(lags_s), first, axis=0), length, middle


def evidence(turns: Sequence[Turn], sides: Sequence[int], voices: Sequence[Spans]) -> Evidence:
    """Gather when turns say that somebody speaks.

    Parameters
    ----------
    turns : sequence of Turn
    sides : sequence of int
        For each turn which of `voices` it should lie under; -1 leaves it out.
    voices : sequence of float64 [k, 2]
        Voice activity, seconds of the recording.
    """
    spans, owners, under = [], [], []
    for i, (turn, side) in enumerate(zip(turns, sides, strict=True)):
        found = phrases(turn)
        if side >= 0 and len(found):
            spans.append(found)
            owners += [i] * len(found)
            under += [side] * len(found)
    return Evidence(
        np.concatenate(spans) if spans else np.zeros((0, 2)),
        np.array(owners, np.int64),
        np.array(under, np.int64),
        tuple(np.asarray(v, np.float64).reshape(-1, 2) for v in voices),
    )


def phrases(turn: Turn) -> Spans:
    """Return where a turn has words, ``[n, 2]``: by its word times, else the whole turn."""
    spans = (
        [(w.start_s, w.end_s) for w in turn.words]
        if turn.has_word_times
        else [(turn.start_s, turn.end_s)]
    )
    out: list[list[float]] = []
    for start, end in sorted(spans):  # a dozen words: quicker than through an array
        if not (end > start and math.isfinite(start + end)):
            continue
        if out and start - out[-1][1] <= _JOIN_S:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return np.array(out, np.float64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Clock:
    """How a transcript's clock lies to that of the sound.

    Time in the sound is ``t * (1 + rate) + offset_s``. ``kappa`` tells how much of the words then
    lies under voice (1: all, 0: as by chance), ``given`` the same without correction, ``second``
    of the best shift that lies far away. A clock that is ``broken`` (frames were lost) changes from
    ``before_s`` to ``after_s`` at about ``break_s``.
    """

    state: State = "unknown"
    offset_s: float = 0.0
    rate: float = 0.0
    kappa: float = math.nan
    given: float = math.nan
    second: float = math.nan
    break_s: float = math.nan
    before_s: float = math.nan
    after_s: float = math.nan

    def at(self, time_s: float) -> float:
        """Return when something in the transcript is in the sound."""
        return time_s * (1.0 + self.rate) + self.offset_s


def moved(turn: Turn, clock: Clock) -> Turn:
    """Return a turn on the clock of the sound."""
    at = clock.at
    words = tuple(replace(w, start_s=at(w.start_s), end_s=at(w.end_s)) for w in turn.words)
    return replace(turn, start_s=at(turn.start_s), end_s=at(turn.end_s), words=words)


def estimate(found: Evidence, duration_s: float) -> Clock:
    """Tell a transcript's clock from what was said under voice.

    Parameters
    ----------
    found : Evidence
    duration_s : float
        Length of the recording.

    Returns
    -------
    Clock
        ``fits``: as it is. ``corrected``: offset and drift put it right, surely. ``broken``: one
        clock before and another after some moment. ``unsure``: it does not fit, and nothing else
        clearly does. ``unknown``: there are no times to tell it from.
    """
    found = _thinned(found)
    length, total = found.length_s, float(found.length_s.sum())
    if total <= 0:
        return Clock()
    used = [k for k in range(len(found.voices)) if (found.side == k).any()]
    voiced = {k: float(np.diff(found.voices[k], axis=1).sum()) for k in used}
    by_chance = sum(
        float(length[found.side == k].sum()) * min(voiced[k] / max(duration_s, 1e-9), 1.0)
        for k in used
    )
    chance = min(0.97, by_chance / total)

    def kappa(share: float) -> float:
        return (share - chance) / (1.0 - chance)

    begin, end = float(found.spans[:, 0].min()), float(found.spans[:, 1].max())
    lags = _lags(REACH_S)
    zero = len(lags) // 2
    under, weight, middle = found.by_turn(lags)
    hit = float(under[:, zero].sum())
    given, recall = hit / total, hit / max(sum(voiced.values()), 1e-9)
    flat = under.sum(axis=0) / total
    curve, rate = flat, 0.0
    # One stray time far behind the sound is no reason to look for a drift that would reach it.
    last = min(max(abs(begin), abs(end)), duration_s * (1 + MOST_RATE) + REACH_S)
    step = min(0.0025, 0.3 / max(last, 60.0))
    still = abs(float(lags[flat.argmax()])) <= CLOSE_S
    if not (still and kappa(float(flat.max())) >= SURE_KAPPA):  # else no drift could gain anything
        rates = np.arange(-round(MOST_RATE / step), round(MOST_RATE / step) + 1) * step
        wide = found.by_turn(_lags(REACH_S + MOST_RATE * last))[0]
        curves = np.stack([_shifted(wide, len(lags), r * middle) for r in rates]) / total
        best = int(curves.max(axis=1).argmax())
        if kappa(float(curves[best].max())) - kappa(float(flat.max())) > RATE_KAPPA:
            curve, rate = curves[best], float(rates[best])
    peak, at = float(curve.max()), int(curve.argmax())
    near = np.flatnonzero(curve >= peak - 0.005)
    offset = float(lags[near[np.abs(near - at) <= 5]].mean())
    if rate:
        rate, offset = _refined(found, rate, offset, step)
    away = np.abs(lags - lags[at]) > _FAR_S
    second = float(curve[away].max())
    displaced = max(abs(rate * begin + offset), abs(rate * end + offset))
    best_k, given_k, second_k = kappa(peak), kappa(given), kappa(second)
    enough = len(under) >= MIN_TURNS and total >= MIN_S
    clear = best_k - second_k >= CLEAR_KAPPA
    figures = {"kappa": given_k, "given": given_k, "second": second_k}
    if enough and best_k < 1.0 - BREAK_KAPPA:  # else two clocks could not gain enough
        broken = _broken(under, middle, weight, lags)
        certain = kappa(broken[0] / total) if broken is not None else 0.0
        if broken is not None and certain >= BROKEN_KAPPA and certain - best_k > BREAK_KAPPA:
            return Clock("broken", kappa=certain, given=given_k, second=second_k, break_s=broken[1],
                         before_s=broken[2], after_s=broken[3])  # fmt: skip
    # One channel with two voices is nearly all voice: there, that all of it has words counts.
    whole = recall >= 0.85 and given >= 0.7
    as_it_is = displaced <= CLOSE_S or best_k - given_k <= SAME_KAPPA or not enough
    least = FIT_KAPPA if enough else FEW_KAPPA
    if as_it_is and (whole or (given_k >= least and (clear or not enough))):
        return Clock("fits", **figures)
    sure = enough and clear and best_k >= FIT_KAPPA and (not rate or len(under) >= DRIFT_TURNS)
    return Clock("corrected" if sure else "unsure", offset, rate, best_k, given_k, second_k)


def _thinned(found: Evidence) -> Evidence:
    """Leave out turns of a very long call, evenly: a clock needs no more than some hundreds."""
    owners = np.unique(found.turn)
    if len(owners) <= _MOST_TURNS:
        return found
    kept = owners[np.unique(np.linspace(0, len(owners) - 1, _MOST_TURNS).round().astype(int))]
    keep = np.isin(found.turn, kept)
    return replace(found, spans=found.spans[keep], turn=found.turn[keep], side=found.side[keep])


def _lags(reach_s: float) -> Floats:
    """Return the shifts up to a reach, either way."""
    most = round(reach_s / STEP_S)
    return np.arange(-most, most + 1, dtype=np.float64) * STEP_S


def _shifted(under: Floats, lags: int, by_s: Floats) -> Floats:
    """Return the sum over turns, each shifted by seconds of its own, in the middle ``[lags]``."""
    most = under.shape[1] - lags
    first = np.clip(most // 2 + np.round(by_s / STEP_S).astype(int), 0, most)
    rows = np.lib.stride_tricks.sliding_window_view(under, lags, axis=1)
    return np.asarray(rows[np.arange(len(under)), first].sum(axis=0))


def _refined(found: Evidence, rate: float, offset_s: float, step: float) -> tuple[float, float]:
    """Return rate and offset in the middle of what fits best nearby."""
    fine = np.arange(-0.4, 0.41, 0.05)
    rates = rate + np.linspace(-step, step, 9)
    score = np.stack([found.under(fine, r, offset_s).sum(axis=0) for r in rates])
    a, b = np.nonzero(score >= score.max() - 0.003 * found.length_s.sum())
    return float(rates[a].mean()), float(offset_s + fine[b].mean())


def _broken(
    under: Floats, middle: Floats, weight: Floats, lags: Floats
) -> tuple[float, float, float, float] | None:
    """Return the seconds hit by the best two offsets, when they change, and both of them."""
    order = np.argsort(middle)
    left = np.cumsum(under[order], axis=0)
    right = left[-1] - left
    time = np.cumsum(weight[order])
    # A clock needs some turns on both sides.
    first, last = MIN_TURNS // 2, len(order) - MIN_TURNS // 2
    cuts = np.arange(first, last)
    cuts = cuts[(time[cuts - 1] >= MIN_S / 2) & (time[-1] - time[cuts - 1] >= MIN_S / 2)]
    if not len(cuts):
        return None
    both = left[cuts - 1].max(axis=1) + right[cuts - 1].max(axis=1)
    cut = int(cuts[both.argmax()])
    before, after = (float(lags[side[cut - 1].argmax()]) for side in (left, right))
    if abs(before - after) <= 2 * CLOSE_S:
        return None
    earlier, following = float(middle[order[cut - 1]]), float(middle[order[cut]])
    if following + after < earlier + before:  # what is said later would come earlier
        return None
    at = (earlier + following) / 2
    return float(both.max()), at, before, after


# --- turn by turn -------------------------------------------------------------------------------


def faults(turns: Sequence[Turn], sides: Sequence[int], voices: Sequence[Spans]) -> list[Fault]:
    """Say of each turn on the clock of the sound what does not fit, '' where it does.

    Parameters
    ----------
    turns : sequence of Turn
    sides : sequence of int
        As in `evidence`.
    voices : sequence of float64 [k, 2]

    Returns
    -------
    list of str
        ``no_voice``: most of it lies where nobody speaks. ``conflict``: the same voice says
        something else at that time. ``pace``: nobody speaks that fast. ``elsewhere``: it, or all
        that is said around it, clearly fits better somewhere else.
    """
    found = evidence(turns, sides, voices)
    out: list[Fault] = ["no_voice" if side >= 0 else "" for side in sides]
    if not len(found.spans):
        return out
    lags = _lags(REACH_S)
    zero, close = len(lags) // 2, round(CLOSE_S / STEP_S) + 1
    under, weight, middle = found.by_turn(lags)
    gain, count = _around(under, weight, middle, slice(zero - close, zero + close + 1))
    near = round(_NEAR_S / STEP_S)
    order = np.argsort(found.spans[:, 0], kind="stable")
    starts, longest = found.spans[order, 0], float(found.length_s.max())
    first = found.first
    for k, mine in enumerate(np.split(found.spans, first[1:])):
        i = int(found.turn[first[k]])
        low = np.searchsorted(starts, mine[0, 0] - _NEAR_S - longest)
        high = np.searchsorted(starts, mine[-1, 1] + _NEAR_S)
        beside = order[low:high]
        beside = beside[(found.turn[beside] != i) & (found.side[beside] == sides[i])]
        others = join(found.spans[beside], 0.0)
        length, voiced = float(weight[k]), float(under[k, zero])
        conflict = float(overlap_s(others, mine).sum()) if len(others) else 0.0
        better = 0.0
        if conflict or voiced < (1.0 - ELSEWHERE_SHARE) * length:  # else nothing could be better
            free = evidence([turns[i]], [0], [subtract(found.voices[sides[i]], others)])
            here = free.under(lags[zero - near : zero + near + 1]).sum(axis=0) / length
            better = float(here.max() - here[near - close : near + close + 1].max())
            aside = [
                k for k in beside if _aside(turns[i], turns[found.turn[k]], mine, found.spans[k])
            ]
            if aside and float(here[near]) * length >= _OWN_SHARE * (length - conflict):
                conflict -= float(overlap_s(join(found.spans[aside], 0.0), mine).sum())
        if conflict > _CONFLICT_SHARE * length or conflict > _CONFLICT_S:
            out[i] = "conflict"
        elif voiced < MIN_SHARE * length:
            out[i] = "no_voice"
        elif len(turns[i].text) > MOST_LETTERS_PER_S * max(voiced, 1e-6):
            out[i] = "pace"
        elif better > ELSEWHERE_SHARE or (gain[k] > ELSEWHERE_SHARE and count[k] >= 3):
            out[i] = "elsewhere"
        else:
            out[i] = ""
    return out


def _aside(turn: Turn, other: Turn, mine: Spans, span: NDArray[np.float64]) -> bool:
    """Whether somebody else says something short inside of a turn ("thank you"), on its channel."""
    two = {turn.role, other.role} == {"agent", "customer"}
    return two and mine[0, 0] + _INSIDE_S < span[0] and span[1] < mine[-1, 1] - _INSIDE_S


def _around(
    under: Floats, weight: Floats, middle: Floats, close: slice
) -> tuple[Floats, NDArray[np.int64]]:
    """Return how much better the turns around each would fit elsewhere, and how many they are."""
    order = np.argsort(middle)
    at = middle[order]
    sums = np.concatenate([np.zeros((1, under.shape[1])), np.cumsum(under[order], axis=0)])
    times = np.concatenate([[0.0], np.cumsum(weight[order])])
    low = np.searchsorted(at, middle - _AROUND_S)
    high = np.searchsorted(at, middle + _AROUND_S, side="right")
    share = (sums[high] - sums[low]) / np.maximum(times[high] - times[low], 1e-9)[:, None]
    return share.max(axis=1) - share[:, close].max(axis=1), high - low


def _about_s(text: str) -> float:
    """Return about how long a word takes to say."""
    return 0.15 + 0.07 * len(text)


def mended(turn: Turn) -> tuple[Turn, bool]:
    """Put words whose times cannot be right between their neighbours.

    A first word stamped ten seconds early, a word out of order, or one that lasts for seconds would
    stretch whatever window begins or ends with it.

    Returns
    -------
    turn : Turn
    trusted : bool
        False where too few words keep their time to know when the turn was.
    """
    words, n = turn.words, len(turn.words)
    if not turn.has_word_times or n < 2:
        return turn, True
    starts = [w.start_s for w in words]
    ends = [w.end_s for w in words]
    most = [3 * _about_s(w.text) + 0.6 for w in words]
    ordered = all(b >= a - 0.05 for a, b in pairwise(starts))
    long = [e - s > m for s, e, m in zip(starts, ends, most, strict=True)]
    gaps = max((b - a for a, b in zip(ends, starts[1:], strict=False)), default=0.0)
    if ordered and gaps <= _GAP_S and not any(long):
        return turn, True
    kept = list(range(n)) if ordered else _longest_rising(starts)
    first = kept[0]
    for i in kept:
        if long[i] and i == first:  # its end fits the next word, so its start is what is wrong
            starts[i] = max(starts[i], ends[i] - 2 * _about_s(words[i].text))
        elif long[i]:
            ends[i] = starts[i] + most[i]
    groups = [[first]]
    for a, b in pairwise(kept):
        if starts[b] - ends[a] > _GAP_S:
            groups.append([b])
        else:
            groups[-1].append(b)
    few = max(1, round(0.15 * n))
    most_words = max(map(len, groups))
    while len(groups[0]) <= few and len(groups[0]) < most_words:
        groups.pop(0)
    while len(groups[-1]) <= few and len(groups[-1]) < most_words:
        groups.pop()
    if len(groups) > 1 and max(map(len, groups)) <= 2:
        return turn, False
    good = {i for group in groups for i in group}
    if len(good) == n and not any(long):
        return turn, True
    if len(good) < max(2, 0.6 * n):
        return turn, False
    low, high = min(good), max(good)
    start = starts[low] - sum(_about_s(w.text) for w in words[:low])
    end = ends[high] + sum(_about_s(w.text) for w in words[high + 1 :])
    timed = [
        Word(w.text, starts[i], ends[i]) if i in good else Word(w.text, math.nan, math.nan)
        for i, w in enumerate(words)
    ]
    return replace(turn, words=fill(timed, start, end), start_s=start, end_s=end), True


def _longest_rising(values: Sequence[float]) -> list[int]:
    """Return the positions of the longest run of values that never falls."""
    tails: list[float] = []
    ends: list[int] = []
    before: list[int] = []
    for i, value in enumerate(values):
        j = bisect_right(tails, value)
        before.append(ends[j - 1] if j else -1)
        tails[j : j + 1] = [value]
        ends[j : j + 1] = [i]
    out, i = [], ends[-1]
    while i >= 0:
        out.append(i)
        i = before[i]
    return out[::-1]


# --- all of it ----------------------------------------------------------------------------------

_LEG_S = 0.6  # two tracks whose clocks differ by more do not begin together
_BREAK_DOUBT_S = 10.0  # so long before a break is noticed it may already have been


@dataclass(frozen=True, slots=True)
class Fitted:
    """A transcript's turns on the clock of the sound, and what does not fit.

    Attributes
    ----------
    turns : tuple of Turn
        With mended words; moved where the clock is ``corrected``.
    faults : tuple of str
        For each turn, '' where it fits: as of `faults`, ``words`` (too few of its word times can
        be right) or ``clock``.
    clock : Clock
    late_s : tuple of float
        For each voice how much later it begins than its track says; all 0 but where the two legs
        of a call do not begin together.
    """

    turns: tuple[Turn, ...]
    faults: tuple[Fault, ...]
    clock: Clock
    late_s: tuple[float, ...]


def fitted(
    turns: Sequence[Turn], sides: Sequence[int], voices: Sequence[Spans], duration_s: float
) -> Fitted:
    """Put turns on the clock of the sound, as surely as that can be done.

    Parameters
    ----------
    turns : sequence of Turn
    sides : sequence of int
        For each turn which of `voices` it should lie under; -1 for none.
    voices : sequence of float64 [k, 2]
        Voice activity, seconds of the recording.
    duration_s : float
    """
    whole = [mended(turn) for turn in turns]
    made = [turn for turn, _ in whole]
    # A dead channel says nothing about the clock.
    heard = [side if side >= 0 and len(voices[side]) else -1 for side in sides]
    found = evidence(made, heard, voices)
    clock = estimate(found, duration_s)
    late = [0.0] * len(voices)
    if len(voices) == 2 and clock.state in ("unsure", "broken", "fits", "corrected"):
        one, other = (estimate(found.only(k), duration_s) for k in (0, 1))
        if _legs(clock, one, other):
            # The transcript stands; one of the two tracks began later than the other.
            base = min((one, other), key=lambda c: abs(c.offset_s))
            late = [base.offset_s - c.offset_s for c in (one, other)]
            voices = [v + s for v, s in zip(voices, late, strict=True)]
            clock = base
    if clock.state == "corrected":
        made = [moved(turn, clock) for turn in made]
    codes: list[Fault]
    if clock.state == "unsure":
        codes = ["clock" if side >= 0 else "" for side in sides]
    else:
        codes = [
            code or ("" if trusted or side < 0 else "words")
            for code, (_, trusted), side in zip(
                faults(made, heard, voices), whole, sides, strict=True
            )
        ]
    if clock.state == "broken":
        until = clock.break_s - _BREAK_DOUBT_S if abs(clock.before_s) <= CLOSE_S + STEP_S else 0.0
        codes = [
            code or ("clock" if side >= 0 and turn.end_s > until else "")
            for code, turn, side in zip(codes, made, sides, strict=True)
        ]
    return Fitted(tuple(made), tuple(codes), clock, tuple(late))


def _legs(joint: Clock, one: Clock, other: Clock) -> bool:
    """Whether each of two tracks has a sure clock of its own that differs from the other's."""
    sure = all(c.state in ("fits", "corrected") and c.kappa >= FIT_KAPPA for c in (one, other))
    if joint.state in ("fits", "corrected") and min(one.kappa, other.kappa) <= joint.kappa:
        return False  # one clock for both is as good
    moved = any(c.state == "corrected" for c in (one, other))
    same_rate = abs(one.rate - other.rate) < 0.002
    return sure and moved and same_rate and abs(one.offset_s - other.offset_s) > _LEG_S
