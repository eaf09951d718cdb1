"""Ratings of single listeners: bring raters to one scale, average, and say how reliable it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.results.records import AXES
from prosody.statistics.intervals import Z_95
from prosody.tables.table_files import MISSING, Floats, numbers, read_rows


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
    doubtful : mapping of str to str
        Raters who have a say and agree with nobody.
    """

    clips: NDArray[np.str_]
    matrix: Floats
    middle: float = 0.0
    dropped: dict[str, str] | None = None
    agreement: dict[str, Any] | None = None
    idle: tuple[str, ...] = ()
    doubtful: dict[str, str] | None = None

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


TRUE = {"1", "true", "yes", "ja", "j", "y", "x", "waar", "wahr"}
FALSE = {"", "0", "false", "no", "nee", "n", "onwaar", "falsch"}
# So many ratings that all lie in the lowest tenth of the scale were given on another one.
MANY_RATINGS, LOWEST = 20, 10
MIN_REPEATS, MIN_REPEAT_R = 4, 0.4
MANY_REPEATS = 8
# A rater whose correlation with the mean of the others surely lies below this agrees with nobody.
NO_AGREEMENT = 0.25
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


_NUMBER = re.compile(r"-?\d+([.,]\d+)?")
# What columns are called elsewhere.
CALLED = {
    "fragment": "clip", "bestand": "clip", "file": "clip", "luisteraar": "rater",
    "beoordelaar": "rater", "listener": "rater", "as": "axis", "oordeel": "rating",
    "cijfer": "rating", "score": "rating", "herhaling": "is_repeat", "opmerking": "remark",
}  # fmt: skip


def _long(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return a table of ratings in the long form: as it is, or one with a column for each rater."""
    named = [h if h.lower() in CALLED.values() else CALLED.get(h.lower(), h) for h in header]
    lower = [h.lower() for h in named]
    if "clip" not in lower or {"rating", "rater"} & set(lower):
        return named, rows
    at = lower.index("clip")
    axis = [i for i, h in enumerate(lower) if h == "axis"]
    raters = [i for i in range(len(named)) if i != at and i not in axis and _rated(rows, i)]
    if len(raters) < 2:
        return named, rows
    melted = [
        [row[at], named[i], row[i], *(row[k] for k in axis)]
        for row in rows
        for i in raters
        if row[i].strip()
    ]
    return ["clip", "rater", "rating", *(["axis"] if axis else [])], melted


def _rated(rows: list[list[str]], column: int) -> bool:
    """Return whether a column holds ratings: numbers, empty or missing cells, and some numbers."""
    cells = [row[column].strip().lower() for row in rows]
    given = [c for c in cells if c not in MISSING]
    return bool(given) and all(_NUMBER.fullmatch(c) for c in given)


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
    header, rows = _long(*read_rows(path))
    lower = [h.lower() for h in header]
    for need in ("clip", "rater", "rating"):
        if need not in lower:
            raise UsageError(
                f"{path}: no column '{need}'; found {', '.join(header)}.",
                "Ratings are long form: clip, rater, axis, rating, is_repeat, cannot_hear, remark.",
            )
    at = {h: i for i, h in enumerate(lower)}

    def text(name: str) -> NDArray[np.str_]:
        return np.array([r[at[name]].strip() if name in at else "" for r in rows], dtype=np.str_)

    def flag(name: str) -> NDArray[np.bool_]:
        cells = [cell.lower() for cell in text(name)]
        odd = next((i for i, cell in enumerate(cells) if cell not in TRUE | FALSE), None)
        if odd is not None:
            raise UsageError(
                f"{path}: row {odd + 2}, column '{name}' holds {cells[odd]!r}, expected true or "
                "false.",
                "Write 1 or 0, true or false, ja or nee; an empty cell is no.",
            )
        return np.array([cell in TRUE for cell in cells], dtype=bool)

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
    _check_scales(path, text("rater"), rating)
    _check_doubled(path, header, rows)
    return Answers(text("clip"), text("rater"), axis, rating, flag("is_repeat"), deaf)


def _check_scales(path: Path, rater: NDArray[np.str_], rating: Floats) -> None:
    """Refuse ratings on another scale than 0 to 100: of everybody, or of one rater."""
    known = ~np.isnan(rating)
    for name in ["", *np.unique(rater[known]).tolist()]:
        mine = rating[known if not name else known & (rater == name)]
        if len(mine) >= MANY_RATINGS and mine.max() <= LOWEST:
            whose = f"of rater {name}, all" if name else "all"
            raise UsageError(
                f"{path}: {whose} {len(mine)} ratings lie between {mine.min():g} and "
                f"{mine.max():g}, expected a scale from 0 to 100.",
                "Bring them to it, so that the middle of your scale becomes 50: from 1 to 7, for "
                "example, (rating - 1) / 6 x 100.",
            )


def _check_doubled(path: Path, header: list[str], rows: list[list[str]]) -> None:
    """Refuse a file that holds the same answers twice, as after pasting it a second time."""
    first: dict[tuple[str, ...], int] = {}
    double = [
        (first[key], i) for i, row in enumerate(rows)
        if first.setdefault(key := tuple(row), i) != i
    ]  # fmt: skip
    # Without times, a repeat may look like the answer before it; half of a file does not.
    dated = bool({"time", "position"} & {h.lower() for h in header})
    if double and (dated or len(double) >= len(rows) / 3):
        a, b = double[0]
        raise UsageError(
            f"{path}: {len(double)} of {len(rows)} rows stand there twice, row {b + 2} as row "
            f"{a + 2} for example.",
            "Leave the second out: an answer that counts twice makes raters agree with themselves.",
        )


def panel_of(given: Answers, path: Path | str) -> Panel:
    """Return the ratings of one axis as a panel; `path` is where they come from, for messages."""
    clip, rater, value, _repeat = given.clip, given.rater, given.rating, given.repeat
    dropped, doubtful = careless(given)
    keep = ~np.isin(rater, list(dropped)) if dropped else np.ones(len(rater), dtype=bool)
    if not keep.any():
        raise UsageError(
            f"{path}: every rater contradicts their own repeats: {'; '.join(dropped.values())}.",
            "Collect ratings again, with fewer clips in a block.",
        )
    # Where the middle of the scale lies is a matter of all who used it.
    every = _wide(clip, rater, value)[2]
    clips, raters, wide = _wide(clip[keep], rater[keep], value[keep])
    z = standardise(wide)
    used = ~np.isnan(z)
    if not used.any():
        raise UsageError(
            f"{path}: no rater used more than one value of the scale: nothing tells clips apart.",
            "Collect ratings that differ.",
        )
    ok = ~np.all(np.isnan(z), axis=0)
    mean, sd = np.nanmean(every, axis=0), np.nanstd(every, axis=0)
    off = np.divide(50 - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    middle = float(off[sd > 0].mean())
    if not np.nanmin(z) <= middle <= np.nanmax(z):
        at = int(np.argmax(np.abs(off)))
        raise UsageError(
            f"{path}: the middle of the scale, 50, lies outside of what the raters used; most of "
            f"all of rater {np.unique(rater)[at]}, whose {np.sum(~np.isnan(every[:, at]))} clips "
            f"have {np.nanmin(every[:, at]):g} to {np.nanmax(every[:, at]):g}.",
            "Check that ratings run from 0 (put on) to 100 (sincere), all of one scale.",
        )
    idle = tuple(str(r) for r in raters[~ok])
    return Panel(clips, z, middle, dropped, idle=idle, doubtful=doubtful)


def careless(given: Answers) -> tuple[dict[str, str], dict[str, str]]:
    """Return raters who are left out, and raters who agree with nobody, each with the reason.

    A few noisy repeats tell little: a rater whose repeats truly correlate .6 falls below .4 in 29 %
    of cases at four repeats. So a rater is left out only where the upper end of the 95 % interval
    lies below .4 (with few repeats only if there is no agreement with the others), or where repeats
    are low and there surely is no agreement with the others.
    """
    clip, rater, value, repeat = given.clip, given.rater, given.rating, given.repeat
    _clips, raters, wide = _wide(clip[~repeat], rater[~repeat], value[~repeat])
    z = standardise(wide)
    dropped: dict[str, str] = {}
    doubtful: dict[str, str] = {}
    for i, name in enumerate(raters.tolist()):
        others = np.delete(z, i, axis=1)
        heard = np.sum(~np.isnan(others), axis=1)
        rest = np.nansum(others, axis=1) / np.maximum(heard, 1)
        both = ~np.isnan(z[:, i]) & (heard > 0)
        with_rest, upper_rest = correlation(z[both, i], rest[both])
        alone = both.sum() >= MANY_RATINGS and upper_rest < NO_AGREEMENT
        r = repeat_correlation(clip, rater, value, repeat, name)
        if r is not None:
            count = int(np.sum((rater == name) & repeat))
            few = count < MANY_REPEATS and with_rest >= MIN_REPEAT_R
            surely = upper_end(r, count) < MIN_REPEAT_R and not few
            if surely or (alone and r < MIN_REPEAT_R):
                dropped[name] = f"repeats correlate {r:.2f}, at least {MIN_REPEAT_R} is needed"
                continue
        if alone:
            doubtful[name] = f"agrees with nobody ({with_rest:.2f} with the mean of the others)"
    return dropped, doubtful


def correlation(a: Floats, b: Floats) -> tuple[float, float]:
    """Return a correlation and the upper end of its 95 % interval; NaN and 1 without one."""
    if len(a) < MIN_REPEATS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan"), 1.0
    r = float(np.corrcoef(a, b)[0, 1])
    return r, upper_end(r, len(a))


def upper_end(r: float, n: int) -> float:
    """Return the upper end of the 95 % interval of a correlation of n pairs (Fisher's z)."""
    if n <= 3:
        return 1.0
    return float(np.tanh(np.arctanh(np.clip(r, -0.999, 0.999)) + Z_95 / np.sqrt(n - 3)))


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
