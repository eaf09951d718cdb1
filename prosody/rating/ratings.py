"""Ratings of single listeners: bring raters to one scale, average, and say how reliable it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.results.records import AXES
from prosody.tables.table_files import Floats, numbers, read_rows

# Engaged against recited: items of the NSC questionnaire, and whether they count reversed.
NSC_ENGAGED = {
    "mitfuehlend": 1,
    "herzlich": 1,
    "gelangweilt": -1,
    "gleichgueltig": -1,
    "distanziert": -1,
    "verstaendnislos": -1,
}


@dataclass(frozen=True, slots=True)
class Panel:
    """Ratings of one axis.

    Parameters
    ----------
    clips : ndarray of str [shape=(n,)]
    matrix : ndarray [shape=(n, raters)]
        Ratings as z scores of each rater; NaN where a rater did not hear a clip.
    middle : float
        Where the middle of the scale (50) lies on the mean rater's z scores.
    dropped : mapping of str to str
        Raters left out, and why.
    agreement : dict, optional
        How well all raters agree, on their own scales (`prosody.rating.agreement.brief`).
    idle : tuple of str
        Raters who gave one value throughout, or rated one clip: they have no scale, and no say.
    """

    clips: NDArray[np.str_]
    matrix: Floats
    middle: float = 0.0
    dropped: dict[str, str] | None = None
    agreement: dict[str, Any] | None = None
    idle: tuple[str, ...] = ()

    @property
    def mean(self) -> Floats:
        """Mean over raters, per clip."""
        count = np.sum(~np.isnan(self.matrix), axis=1)
        total = np.nansum(self.matrix, axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @property
    def raters_per_clip(self) -> float:
        """Harmonic mean of the number of raters of a clip."""
        count = np.sum(~np.isnan(self.matrix), axis=1)
        count = count[count > 0]
        return float(len(count) / np.sum(1 / count)) if len(count) else 0.0

    def reliability(self) -> dict[str, Any]:
        """Return ICC(1), ICC(1,k) and Krippendorff's alpha (interval) with the numbers behind them.

        Raters need not have heard the same clips. After standardising raters, their means are
        equal, so the one-way ICC is also the two-way one; k is the harmonic mean of raters a clip.
        """
        single, mean = icc(self.matrix)
        return {
            "icc_single": single,
            "icc_mean": mean,
            "krippendorff_alpha": krippendorff_alpha(self.matrix),
            "raters": int(np.sum(np.any(~np.isnan(self.matrix), axis=0))),
            "raters_per_clip": round(self.raters_per_clip, 2),
            "clips": int(np.sum(np.any(~np.isnan(self.matrix), axis=1))),
            **({"agreement": self.agreement} if self.agreement else {}),
        }


def icc(matrix: Floats) -> tuple[float, float]:
    """Return the one-way intraclass correlation of one rating and of the mean rating.

    Shrout & Fleiss (1979), ICC(1,1) and ICC(1,k), for unequal numbers of raters by the usual
    k0 = (N - sum k_i^2 / N) / (n - 1). NaN where fewer than two clips have two raters.
    """
    keep = np.sum(~np.isnan(matrix), axis=1) >= 1
    x = matrix[keep]
    count = np.sum(~np.isnan(x), axis=1)
    n, total = len(x), int(count.sum())
    if n < 2 or total <= n:
        return float("nan"), float("nan")
    means = np.nansum(x, axis=1) / count
    grand = np.nansum(x) / total
    between = float(np.sum(count * (means - grand) ** 2) / (n - 1))
    within = float(np.nansum((x - means[:, None]) ** 2) / (total - n))
    k0 = (total - float(np.sum(count**2)) / total) / (n - 1)
    if between <= 0:
        return 0.0, 0.0
    single = (between - within) / (between + (k0 - 1) * within)
    return single, (between - within) / between


def krippendorff_alpha(matrix: Floats) -> float:
    """Return Krippendorff's alpha for interval data; units with one rating are passed over.

    Krippendorff (2011), "Computing Krippendorff's alpha-reliability".
    """
    count = np.sum(~np.isnan(matrix), axis=1)
    x = matrix[count >= 2]
    m = count[count >= 2]
    if len(x) < 2:
        return float("nan")
    n = int(m.sum())
    # Sum of squared differences of all pairs = 2 (m sum x^2 - (sum x)^2) within a unit.
    pairs = 2 * (m * np.nansum(x**2, axis=1) - np.nansum(x, axis=1) ** 2)
    observed = float(np.sum(pairs / (m - 1)) / n)
    expected = 2 * (n * np.nansum(x**2) - np.nansum(x) ** 2) / (n * (n - 1))
    return 1 - observed / expected if expected > 0 else float("nan")


def standardise(values: Floats) -> Floats:
    """Return z scores per rater (column); raters with fewer than 2 clips or no spread are dropped.

    Parameters
    ----------
    values : ndarray [shape=(clips, raters)]
    """
    count = np.sum(~np.isnan(values), axis=0)
    mean = np.nansum(values, axis=0) / np.maximum(count, 1)
    var = np.nansum((values - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
    ok = (count >= 2) & (var > 0)
    z = (values - mean) / np.sqrt(np.where(ok, var, 1.0))
    return np.where(ok, z, np.nan)


def _wide(
    clip: NDArray[np.str_], rater: NDArray[np.str_], value: Floats
) -> tuple[NDArray[np.str_], NDArray[np.str_], Floats]:
    """Return clips, raters and their matrix; several ratings of one clip by one rater average."""
    clips, ci = np.unique(clip, return_inverse=True)
    raters, ri = np.unique(rater, return_inverse=True)
    total = np.zeros((len(clips), len(raters)))
    count = np.zeros_like(total)
    ok = ~np.isnan(value)
    np.add.at(total, (ci[ok], ri[ok]), value[ok])
    np.add.at(count, (ci[ok], ri[ok]), 1.0)
    return clips, raters, np.where(count > 0, total / np.maximum(count, 1), np.nan)


def read_nsc(path: Path | str, items: dict[str, int] | None = None) -> Panel:
    """Read the ratings of the NSC corpus in its own form: one row per listener and clip.

    Parameters
    ----------
    path : path
        ``ratings_dev.csv``: sample_heard, listener_pseudonym and 34 scales.
    items : dict, optional
        Scales that count, with +1 or -1; engagement by default. Each is standardised per listener
        before they are averaged.
    """
    path = Path(path)
    header, rows = read_rows(path)
    items = items or NSC_ENGAGED
    at = {h: i for i, h in enumerate(header)}
    clip = np.array([r[at["sample_heard"]] for r in rows])
    rater = np.array([r[at["listener_pseudonym"]] for r in rows])
    stack = []
    for name, sign in items.items():
        clips, _, wide = _wide(clip, rater, numbers([r[at[name]] for r in rows], path, name))
        stack.append(sign * standardise(wide))
    cube = np.stack(stack)
    count = np.sum(~np.isnan(cube), axis=0)
    return Panel(clips, np.where(count > 0, np.nansum(cube, axis=0) / np.maximum(count, 1), np.nan))


TRUE = {"1", "true", "yes", "ja", "j", "y", "x", "waar", "wahr"}
FALSE = {"", "0", "false", "no", "nee", "n", "onwaar", "falsch"}
# So many ratings that all lie in the lowest tenth of the scale were given on another one.
MANY_RATINGS, LOWEST = 20, 10
MIN_REPEATS, MIN_REPEAT_R = 4, 0.4
# Below these nothing is fitted; below the second pair an older judge is not even adapted.
MIN_CLIPS, MIN_SPEAKERS, MIN_RELIABILITY = 100, 15, 0.6
MIN_ADAPT_CLIPS, MIN_ADAPT_SPEAKERS = 30, 5


@dataclass(frozen=True, slots=True)
class Answers:
    """Ratings in the long form as they were given: one entry per answer.

    Parameters
    ----------
    clip, rater, axis : ndarray of str [shape=(n,)]
        ``axis`` is '' throughout where the file has no such column.
    rating : ndarray [shape=(n,)]
        0 to 100; NaN where there is none.
    repeat, deaf : ndarray of bool [shape=(n,)]
        Whether the rater had the clip before; whether she said that she cannot hear it.
    """

    clip: NDArray[np.str_]
    rater: NDArray[np.str_]
    axis: NDArray[np.str_]
    rating: Floats
    repeat: NDArray[np.bool_]
    deaf: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.clip)

    def take(self, keep: NDArray[np.bool_]) -> Answers:
        """Return some of the answers."""
        return Answers(
            self.clip[keep],
            self.rater[keep],
            self.axis[keep],
            self.rating[keep],
            self.repeat[keep],
            self.deaf[keep],
        )

    def about(self, axis: str) -> Answers:
        """Return the answers on one axis; all of them where the file names none."""
        return self.take((self.axis == axis) | (self.axis == ""))


def read_answers(path: Path | str) -> Answers:
    """Read ratings in the long form: clip, rater, axis, rating, is_repeat, cannot_hear, remark.

    Parameters
    ----------
    path : path
        CSV; ``axis`` is ``sincere`` or ``engaged``, ``rating`` 0 to 100.

    Raises
    ------
    UsageError
        If a column is missing or a cell holds no rating; says which.
    """
    path = Path(path)
    header, rows = read_rows(path)
    lower = [h.lower() for h in header]
    for need in ("clip", "rater", "rating"):
        if need not in lower:
            raise UsageError(
                f"{path}: no column '{need}'; found {', '.join(header[:8])}"
                f"{' ...' if len(header) > 8 else ''}.",
                "Ratings are long form: clip, rater, axis, rating, is_repeat, cannot_hear, remark.",
            )
    at = {h: i for i, h in enumerate(lower)}

    def text(name: str) -> NDArray[np.str_]:
        return np.array([r[at[name]].strip() if name in at else "" for r in rows], dtype=np.str_)

    def flag(name: str) -> NDArray[np.bool_]:
        said = [cell.lower() for cell in text(name)]
        odd = next((i for i, cell in enumerate(said) if cell not in TRUE | FALSE), None)
        if odd is not None:
            raise UsageError(
                f"{path}: row {odd + 2}, column '{name}' holds {said[odd]!r}, expected true or "
                "false.",
                "Write 1 or 0, true or false, ja or nee; an empty cell is no.",
            )
        return np.array([cell in TRUE for cell in said], dtype=bool)

    axis = np.char.lower(text("axis"))
    strange = np.flatnonzero(~np.isin(axis, AXES))
    if "axis" in at and len(strange):
        raise UsageError(
            f"{path}: row {strange[0] + 2}: axis {str(axis[strange[0]])!r}, expected sincere or "
            "engaged.",
            "Write one of these words in every row, or leave the column out.",
        )
    for name in ("clip", "rater"):
        nobody = np.flatnonzero(text(name) == "")
        if len(nobody):
            raise UsageError(
                f"{path}: row {nobody[0] + 2}, column '{name}' is empty.",
                f"Every rating says of which clip and by whom it is: fill in '{name}'.",
            )
    deaf = flag("cannot_hear")
    # What stands beside "cannot hear" is no rating, whatever it is.
    cells = ["" if d else r[at["rating"]] for r, d in zip(rows, deaf, strict=True)]
    rating = numbers(cells, path, "rating")
    outside = np.flatnonzero((rating < 0) | (rating > 100))
    if len(outside):
        raise UsageError(
            f"{path}: row {outside[0] + 2}: a rating of {rating[outside[0]]:g}, expected 0 to 100.",
            "Ratings are 0 to 100.",
        )
    known = rating[~np.isnan(rating)]
    if len(known) >= MANY_RATINGS and known.max() <= LOWEST:
        low, high = known.min(), known.max()
        raise UsageError(
            f"{path}: all {len(known)} ratings lie between {low:g} and {high:g}, expected a scale "
            "from 0 to 100.",
            "Bring them to it, so that the middle of your scale becomes 50: from 1 to 7, for "
            "example, (rating - 1) / 6 x 100.",
        )
    return Answers(text("clip"), text("rater"), axis, rating, flag("is_repeat"), deaf)


def panel_of(given: Answers, path: Path | str) -> Panel:
    """Return the ratings of one axis as a panel; `path` is where they come from, for messages."""
    clip, rater, value, repeat = given.clip, given.rater, given.rating, given.repeat
    dropped: dict[str, str] = {}
    for name in np.unique(rater[repeat]):
        r = repeat_correlation(clip, rater, value, repeat, name)
        if r is not None and not r >= MIN_REPEAT_R:
            dropped[str(name)] = f"repeats correlate {r:.2f}, at least {MIN_REPEAT_R} is needed"
    keep = ~np.isin(rater, list(dropped)) if dropped else np.ones(len(rater), dtype=bool)
    if not keep.any():
        raise UsageError(
            f"{path}: every rater contradicts their own repeats: {'; '.join(dropped.values())}.",
            "Collect ratings again, with fewer clips in a block.",
        )
    clips, raters, wide = _wide(clip[keep], rater[keep], value[keep])
    z = standardise(wide)
    used = ~np.isnan(z)
    if not used.any():
        raise UsageError(
            f"{path}: no rater used more than one value of the scale: nothing tells clips apart.",
            "Collect ratings that differ.",
        )
    count = np.sum(~np.isnan(wide), axis=0)
    mean = np.nansum(wide, axis=0) / np.maximum(count, 1)
    var = np.nansum((wide - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
    ok = (count >= 2) & (var > 0)
    middle = float(np.mean((50 - mean[ok]) / np.sqrt(var[ok])))
    return Panel(clips, z, middle, dropped, idle=tuple(str(r) for r in raters[~ok]))


def repeat_correlation(
    clip: NDArray[np.str_],
    rater: NDArray[np.str_],
    value: Floats,
    repeat: NDArray[np.bool_],
    name: str,
) -> float | None:
    """Return how a rater's repeats correlate with the first time; None with fewer than four."""
    mine = rater == name
    first = dict(zip(clip[mine & ~repeat], value[mine & ~repeat], strict=True))
    again = [
        (first[c], v)
        for c, v in zip(clip[mine & repeat], value[mine & repeat], strict=True)
        if np.isfinite(first.get(c, np.nan)) and np.isfinite(v)
    ]
    if len(again) < MIN_REPEATS:
        return None
    a, b = np.array(again).T
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
