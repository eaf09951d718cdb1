"""Statistics of paired comparisons: which of two sounded more sincere, and how often.

"Which of the two?" is a steadier question than a slider. What is asked is two takes of one person,
the same words first, so scores say how a clip lies among the speaker's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.results.records import AXES
from prosody.statistics.intervals import wilson
from prosody.tables.table_files import Floats, open_rows, read_rows

COLUMNS = ("clip_a", "clip_b", "rater", "chosen")
# Before any answer scores are taken to have this spread; one clip that always wins stays finite.
PRIOR_SD = 1.0
STEPS, CLOSE = 100, 1e-9


@dataclass(frozen=True, slots=True)
class Compared:
    """Scores of clips that were compared.

    Parameters
    ----------
    clips : ndarray of str [shape=(n,)]
    score : ndarray [shape=(n,)]
        In logits: a difference of 1 is chosen in 73 of 100 comparisons. Mean 0.
    answers : ndarray of int [shape=(n,)]
        Comparisons that each clip was in.
    """

    clips: NDArray[np.str_]
    score: Floats
    answers: NDArray[np.intp]


def read_pairs(path: Path | str, axis: str) -> Compared:
    """Read comparisons and score their clips.

    Parameters
    ----------
    path : path
        One row per answer: ``clip_a, clip_b, rater, chosen`` (``a`` or ``b``; empty: cannot say),
        and ``axis`` where there are two.
    axis : str
        The axis that is wanted.

    Raises
    ------
    UsageError
        If a column is missing or a cell says neither a nor b; says which.
    """
    path = Path(path)
    header, rows = read_rows(path)
    at = {h.lower(): i for i, h in enumerate(header)}
    for need in COLUMNS:
        if need not in at:
            raise UsageError(
                f"{path}: no column '{need}'; found {', '.join(header)}.",
                f"Comparisons have the columns {', '.join(COLUMNS)}.",
            )
    first, second, won = [], [], []
    for number, row in enumerate(rows, 2):
        named = row[at["axis"]].strip().lower() if "axis" in at else axis
        chosen = row[at["chosen"]].strip().lower()
        if named not in AXES:
            raise UsageError(
                f"{path}: row {number}: axis {named!r}.", f"Write {' or '.join(AXES)}."
            )
        if chosen not in ("a", "b", ""):
            raise UsageError(
                f"{path}: row {number}: chosen {chosen!r}, expected a or b.",
                "Leave the cell empty where the rater could not say.",
            )
        a, b = row[at["clip_a"]].strip(), row[at["clip_b"]].strip()
        if not a or not b or a == b:
            raise UsageError(f"{path}: row {number}: two clips are compared.", "Name both.")
        if chosen and named == axis:
            first.append(a)
            second.append(b)
            won.append(chosen == "a")
    if not won:
        raise UsageError(f"{path}: no comparison on the axis '{axis}'.", "Give some.")
    return bradley_terry(np.array(first), np.array(second), np.array(won))


def is_comparisons(path: Path | str) -> bool:
    """Whether a table holds comparisons and no ratings of single clips."""
    return set(COLUMNS) <= {h.lower() for h in open_rows(path)[0]}


def summary(path: Path | str, twins: Path | None = None) -> dict[str, Any]:
    """Return what comparisons say of the question and, for twins, of each change.

    Parameters
    ----------
    path : path
        What ``prosody rate --pairs`` wrote.
    twins : path, optional
        ``twins.csv`` of ``prosody sample --twins``.

    Returns
    -------
    dict
        ``comparisons``, ``raters``, ``cannot_say_share``; ``first`` and ``same_again``: how often
        the clip heard first was chosen, and the same one again when a pair came once more; and
        ``changes``, the most telling first: how often each was chosen over its unchanged twin. All
        three as ``share``, ``low``, ``high`` (95 %, Wilson: answers taken as independent), ``n``.
    """
    header, rows = read_rows(Path(path))
    at = {h.lower(): i for i, h in enumerate(header)}
    answers = [[row[at[c]].strip() for c in COLUMNS] for row in rows]
    changed: dict[str, str] = {}
    if twins is not None:
        names, table = read_rows(twins)
        if not {"clip", "change"} <= {*names}:
            raise UsageError(f"{twins}: no columns clip and change.", "Give the twins.csv.")
        changed = {r[names.index("clip")]: r[names.index("change")] for r in table}
    first, again = [], []
    before: dict[tuple[str, ...], str] = {}
    won: dict[str, list[bool]] = {}
    for a, b, rater, chosen in answers:
        if not chosen:
            continue
        winner = a if chosen.lower() == "a" else b
        first.append(winner == a)
        pair = (rater, *sorted((a, b)))
        if pair in before:
            again.append(winner == before[pair])
        before.setdefault(pair, winner)
        change = changed.get(a) or changed.get(b)
        if change:
            won.setdefault(change, []).append(bool(changed.get(winner)))
    cues = [{"change": name, **_share(w)} for name, w in won.items()]
    return {
        "comparisons": len(answers),
        "raters": len({t[2] for t in answers}),
        "cannot_say_share": sum(not t[3] for t in answers) / max(1, len(answers)),
        "first": _share(first),
        "same_again": _share(again),
        "changes": sorted(cues, key=lambda c: -abs(c["share"] - 0.5)),
    }


def _share(values: list[bool]) -> dict[str, float]:
    low, high = wilson(sum(values), len(values))
    return {"share": sum(values) / len(values) if values else math.nan, "low": low, "high": high,
            "n": len(values)}  # fmt: skip


def bradley_terry(
    first: NDArray[np.str_], second: NDArray[np.str_], won: NDArray[np.bool_]
) -> Compared:
    """Return the scores under which the answers are likeliest, given a prior of :data:`PRIOR_SD`.

    Bradley & Terry (1952): the first is chosen with a probability of 1 / (1 + exp(b - a)). Found by
    Newton's method; the prior makes it strictly concave, so that every set of answers has scores.

    Parameters
    ----------
    first, second : ndarray of str [shape=(n,)]
    won : ndarray of bool [shape=(n,)]
        Whether the first was chosen.
    """
    clips, index = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = index[: len(first)], index[len(first) :]
    score = np.zeros(len(clips))
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(score[b] - score[a]))
        more = np.bincount(a, won - p, len(clips)) - np.bincount(b, won - p, len(clips))
        slope = more - score / PRIOR_SD**2
        curve = np.eye(len(clips)) / PRIOR_SD**2
        w = p * (1 - p)
        np.add.at(curve, (a, a), w)
        np.add.at(curve, (b, b), w)
        np.add.at(curve, (a, b), -w)
        np.add.at(curve, (b, a), -w)
        step = np.linalg.solve(curve, slope)
        score = score + step
        if np.abs(step).max() < CLOSE:
            break
    return Compared(clips, score - score.mean(), np.bincount(index, minlength=len(clips)))
