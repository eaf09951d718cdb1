"""How well rules do by what people say: precision, recall and kappa, with their ranges.

What counts as found is what a reviewer would have to act on: a rule that was not met, a complaint,
an apology. Answers "cannot tell", of people or of prosody, are outside every denominator and are
counted apart. Several reviewers of one call are no independent calls, so ranges come from drawing
whole calls again.

Recall is that among the calls that were reviewed: if those were chosen because something was found
in them, it is too high. Calls that a calibration session draws are a fair sample.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prosody.review.answers import Answer, latest
from prosody.statistics.intervals import Z_95, wilson

POSITIVE: Final = {"rule": "not_met", "apology": "yes", "call": "yes"}
DRAWS: Final = 2000
HALF_WIDTH: Final = 0.1
"""Reviews are enough when precision is known to within 10 percentage points."""
LEAST_CALLS: Final = 5
"""Of fewer calls no range is given."""

Range = tuple[float, float, float]
NOTHING: Final[Range] = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one rule or find does by people's answers.

    Attributes
    ----------
    kind, what : str
    calls, answers : int
        Reviewed, "cannot tell" left out.
    cannot_tell : int
        Answers left out because people or prosody could not tell.
    precision, recall, kappa : (value, low, high)
        95 % ranges; NaN where there is nothing to reckon with.
    needed : int
        Further answers to finds until precision is known to within 10 percentage points; 0 where
        it is.
    """

    kind: str
    what: str
    calls: int
    answers: int
    cannot_tell: int
    precision: Range
    recall: Range
    kappa: Range
    needed: int


def measure(answers: Iterable[Answer], *, seed: int = 0) -> list[Agreement]:
    """Return the agreement of every rule and find that people answered to.

    Parameters
    ----------
    answers : iterable of Answer
        Only what still holds of them counts; objections of agents and a team's own questions have
        no machine's value to compare with and are left out.
    seed : int
        Of the draws.
    """
    by: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for one in latest(answers):
        if one.kind in POSITIVE and one.as_ == "reviewer":
            by[one.kind, one.what].append(one)
    return [_one(kind, what, found, seed) for (kind, what), found in sorted(by.items())]


def _one(kind: str, what: str, answers: Sequence[Answer], seed: int) -> Agreement:
    positive, outside = POSITIVE[kind], 0
    cells: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for one in answers:
        machine = "yes" if kind == "apology" else one.machine
        if not one.value or machine not in ("met", "not_met", "yes", "no"):
            outside += 1
            continue
        cells[one.recording][machine == positive, one.value == positive] += 1
    order = ((True, True), (True, False), (False, True), (False, False))
    table = np.array([[c[k] for k in order] for c in cells.values()], float).reshape(-1, 4)
    precision, recall, kappa = _ranges(table, seed)
    if kind == "apology":  # only finds are asked about: what was not found nobody was asked
        recall = kappa = NOTHING
    return Agreement(kind, what, len(table), int(table.sum()), outside, precision, recall, kappa,
                     _needed(table.sum(axis=0)))  # fmt: skip


def shares(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return precision, recall and Cohen's kappa of tables of counts.

    Parameters
    ----------
    cells : ndarray [shape=(n, 4)]
        Found and so, found and not so, not found but so, neither.

    Returns
    -------
    ndarray [shape=(n, 3)]
        NaN where a denominator is 0. Cohen (1960), "A coefficient of agreement for nominal
        scales".
    """
    tp, fp, fn, tn = cells.T
    whole = cells.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = (tp + tn) / whole
        chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / whole**2
        return np.stack([tp / (tp + fp), tp / (tp + fn), (agreed - chance) / (1 - chance)], axis=1)


def _ranges(table: NDArray[np.float64], seed: int) -> tuple[Range, Range, Range]:
    if not len(table):
        return NOTHING, NOTHING, NOTHING
    value = shares(table.sum(axis=0)[None])[0]
    if len(table) < LEAST_CALLS:
        return tuple((float(v), math.nan, math.nan) for v in value)  # type: ignore[return-value]
    n = len(table)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    drawn = shares(weights.astype(float) @ table)
    tp, fp, fn, _ = table.sum(axis=0)
    out: list[Range] = []
    for i, (count, of) in enumerate(((tp, tp + fp), (tp, tp + fn), (math.nan, math.nan))):
        known = drawn[np.isfinite(drawn[:, i]), i]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (math.nan, math.nan)
        if of == of and of > 0:
            # Where all agree every draw agrees: a share of few is never that sure.
            a, b = wilson(count, of)
            low, high = min(low, a), max(high, b)
        out.append((float(value[i]), float(low), float(high)))
    return out[0], out[1], out[2]


def _needed(cells: NDArray[np.float64]) -> int:
    """Return how many further answers to finds bring precision to within 10 points."""
    tp, fp = float(cells[0]), float(cells[1])
    share = (tp + 1) / (tp + fp + 2)  # of few answers, not all or nothing
    wanted = Z_95**2 * share * (1 - share) / HALF_WIDTH**2
    return max(0, math.ceil(wanted - (tp + fp)))
