"""A table of clips and its ratings: on one scale, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import UsageError
from prosody.measures import table
from prosody.rating.agreement import read_long
from prosody.rating.paired import Compared, read_pairs
from prosody.rating.ratings import Panel
from prosody.tables.rated_table import Floats, Rated, read_table, stem

FULL_SCALE = 100.0
MIDDLE = 50.0
AS_IS = "as in the table"
# With fewer measures two clips may be alike by chance.
LEAST_TO_TELL = 4
# Columns that say how a clip sounded, and not how long it was.
_TOLD = {*table.NAMES, *table.RELATIVE_NAMES} - {"duration_s"}


@dataclass(frozen=True, slots=True)
class Ready:
    """Rated clips as a judge is fitted to or checked on.

    Parameters
    ----------
    rated : Rated
        Every clip once, on one scale, those of others below.
    panel : Panel or None
        The single ratings, where there are any.
    middle : float
        Where the middle of the scale lies.
    scale : str
        What was done to the ratings.
    notes : list of str
        What was left out and what is odd, in words.
    """

    rated: Rated
    panel: Panel | None
    middle: float
    scale: str
    notes: list[str]


def prepared(
    path: Path,
    ratings: Path | None,
    axis: str,
    *,
    names: Mapping[str, str | None] | None = None,
    pairs: Path | None = None,
    sets: Sequence[Path] = (),
    spread: float = 1.0,
) -> Ready:
    """Return rated clips on one scale; see :func:`load`, :func:`on_scale`, :func:`with_sets`."""
    rated, panel, notes = load(path, ratings, axis, names=names, pairs=pairs)
    rated, doubled = once(rated)
    if doubled:
        notes.append(f"{doubled} rows stand twice and count once.")
    rated, middle, scale = on_scale(rated, panel, spread)
    if sets:
        own = replace(rated, rating=rated.rating - middle)
        rated, middle = with_sets(own, sets, axis), 0.0
    if scale == AS_IS and rated.rating.min(initial=np.inf) >= 0:
        notes.append(
            "Ratings: no rating lies below 0, and 0 counts as the middle, as of standardised "
            "ratings. Bring others to 0 to 100, of which 50 is the middle."
        )
    return Ready(rated, panel, middle, scale, notes)


def once(rated: Rated) -> tuple[Rated, int]:
    """Return the table without rows that stand twice, and how many those were.

    Rows of one speaker with the same rating and the same measures are the same clip, whatever it is
    called; a table of few measures cannot tell.
    """
    names = sorted(n for n, v in rated.columns.items() if len(np.unique(v[~np.isnan(v)])) > 2)
    if len(names) < LEAST_TO_TELL:
        return rated, 0
    values = np.stack([rated.rating, *(rated.columns[n] for n in names)], axis=1)
    keys = [(s, v.tobytes()) for s, v in zip(rated.speaker.tolist(), values, strict=True)]
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    keep = np.array([first[key] == i for i, key in enumerate(keys)], dtype=bool)
    return rated.take(keep), int(np.sum(~keep))


def load(
    path: Path,
    ratings: Path | None,
    axis: str,
    *,
    names: Mapping[str, str | None] | None = None,
    pairs: Path | None = None,
) -> tuple[Rated, Panel | None, list[str]]:
    """Read a table and join long ratings and paired comparisons to it where they are given.

    Parameters
    ----------
    path : path
        The table.
    ratings : path, optional
        Ratings of single listeners.
    axis : str
    names : mapping of str to str or None, optional
        What columns are called in the table, see :func:`prosody.tables.rated_table.read_table`.
    pairs : path, optional
        Comparisons of two clips, see :func:`prosody.rating.paired.read_pairs`.

    Returns
    -------
    rated : Rated
        Only clips that have a rating.
    panel : Panel or None
    notes : list of str
        What was left out, in words.
    """
    notes: list[str] = []
    panel = None
    if ratings is None:
        rated = read_table(path, need_rating=pairs is None, names=names)
    else:
        panel = read_long(ratings, axis)
        whole = read_table(path, need_rating=False, names=names)
        rated, lost = _joined(whole, panel)
        if np.all(np.isnan(rated.rating)):
            raise UsageError(
                f"{ratings}: none of its {len(panel.clips)} clips is in {path}: "
                f"'{panel.clips[0]}' against '{rated.clip[0]}'.",
                "Use the same names in the column 'clip' of both (folder and ending may differ).",
            )
        if lost:
            notes.append(
                f"Ratings of {len(lost)} of {len(panel.clips)} clips were left out: those clips "
                f"are not in the table, for example '{lost[0]}'."
            )
    if pairs is not None:
        counts = np.sum(~np.isnan(panel.matrix), axis=1) if panel else np.zeros(0)
        raters = dict(zip(panel.clips.tolist(), counts.tolist(), strict=True)) if panel else {}
        rated, added = _with_pairs(rated, read_pairs(pairs, axis), raters)
        notes.append(f"{pairs}: {added}")
    known = ~np.isnan(rated.rating)
    if not known.all():
        notes.append(
            f"{int(np.sum(~known))} of {len(known)} rows without a rating were left out, for "
            f"example '{rated.clip[~known][0]}'."
        )
    rated = rated.take(known)
    if "gates" in rated.groups:
        shut = np.char.strip(rated.groups["gates"]) != ""
        rated = replace(rated, groups={k: v for k, v in rated.groups.items() if k != "gates"})
        if shut.any():
            notes.append(
                f"{int(shut.sum())} rows that are never judged (column 'gates') were left out, for "
                f"example '{rated.clip[shut][0]}'."
            )
            rated = rated.take(~shut)
    silent = np.all([np.isnan(v) for k, v in rated.columns.items() if k in _TOLD], axis=0)
    if np.any(silent):
        notes.append(
            f"{int(np.sum(silent))} rows without any measure (too short, or no voice) were left "
            f"out, for example '{rated.clip[silent][0]}'."
        )
        rated = rated.take(~silent)
    return rated, panel, notes


def with_sets(rated: Rated, folders: Sequence[Path], axis: str) -> Rated:
    """Return a table with rated sets of others (`prosody ratings export`) below it.

    Ratings of all are z scores of raters less the middle of their scale; speakers are kept apart,
    and the group ``set`` says whose a row is. Only measures that all of them have are kept.

    Parameters
    ----------
    rated : Rated
        The own table; its ratings have their middle at 0.
    folders : sequence of path
        Each holds ``clips.csv`` and ``ratings.csv``.
    axis : str
    """
    parts, names = [rated], ["own"]
    for folder in folders:
        found, panel, _ = load(folder / "clips.csv", folder / "ratings.csv", axis)
        assert panel is not None
        parts.append(replace(found, rating=found.rating - panel.middle))
        names.append(folder.name or str(folder))
    if len(set(names)) < len(names):
        names = ["own", *(f"{n} ({i + 1})" for i, n in enumerate(names[1:]))]
    common = set.intersection(*(set(p.columns) for p in parts))
    groups = set.intersection(*(set(p.groups) for p in parts))

    def all_of(values: Iterable[Any]) -> Any:
        return np.concatenate(list(values))

    return replace(
        rated,
        clip=all_of(p.clip for p in parts),
        speaker=all_of(
            np.char.add(f"{n}: " if n != "own" else "", p.speaker)
            for n, p in zip(names, parts, strict=True)
        ),
        sentence=all_of(p.sentence for p in parts),
        rating=all_of(p.rating for p in parts),
        columns={c: all_of(p.columns[c] for p in parts) for c in sorted(common)},
        groups={g: all_of(p.groups[g] for p in parts) for g in sorted(groups)}
        | {"set": all_of(np.full(len(p), n) for n, p in zip(names, parts, strict=True))},
    )


def _with_pairs(rated: Rated, compared: Compared, raters: Mapping[str, float]) -> tuple[Rated, str]:
    """Return the table with what comparisons say beside its ratings, and that in words.

    A comparison says how a clip lies among the speaker's own. So scores, on the scale of what
    ratings differ by within speakers, stand around the mean of the speaker's rated clips (or 0),
    and count half a rating for each comparison.
    """
    scored, _ = _joined(rated, Panel(compared.clips, compared.score[:, None]))
    answers, _ = _joined(rated, Panel(compared.clips, compared.answers[:, None].astype(np.float64)))
    score, weight = scored.rating, np.nan_to_num(answers.rating) / 2
    index = np.unique(rated.speaker, return_inverse=True)[1]

    def mean(values: Floats) -> Floats:
        known = ~np.isnan(values)
        total = np.bincount(index, np.nan_to_num(values))
        return (total / np.maximum(np.bincount(index, known), 1))[index]

    given = rated.rating
    score = score - mean(score)
    off = given - mean(given)
    scale = np.nanstd(off) if np.sum(~np.isnan(given)) > 1 and np.nanstd(off) > 0 else 1.0
    spread = np.nanstd(score)
    score = mean(given) + score / (spread if spread > 0 else 1.0) * scale
    before = np.array([raters.get(c, 1.0) for c in rated.clip]) * ~np.isnan(given)
    total = before + weight * ~np.isnan(score)
    sum_of = before * np.nan_to_num(given) + weight * np.nan_to_num(score)
    rating = np.where(total > 0, sum_of / np.where(total > 0, total, 1.0), np.nan)
    return replace(rated, rating=rating), (
        f"{int(compared.answers.sum()) // 2} comparisons of {int(np.sum(weight > 0))} clips count."
    )


def join(rated: Rated, panel: Panel) -> Rated:
    """Return the table with the panel's mean ratings, matched by clip name."""
    return _joined(rated, panel)[0]


def _joined(rated: Rated, panel: Panel) -> tuple[Rated, list[str]]:
    """Return the table with mean ratings, and the rated clips that it does not have.

    Names are compared as they are; then without folder, ending and case, where that leaves them
    apart in the table and among the ratings: of two files of one name only the path tells which.
    """
    mean = dict(zip(panel.clips.tolist(), panel.mean.tolist(), strict=True))
    short = {k: stem(k).casefold() for k in mean}
    often = Counter(short.values())
    by_stem = {s: k for k, s in short.items() if often[s] == 1}
    clips = [str(c) for c in rated.clip]
    here = Counter(stem(c).casefold() for c in set(clips))
    of_row: list[str | None] = []
    for clip in clips:
        name = stem(clip).casefold()
        of_row.append(clip if clip in mean else by_stem.get(name) if here[name] == 1 else None)
    used = Counter(k for k in of_row if k is not None)
    twice = next((k for k, n in used.items() if n > 1), None)
    if twice is not None:
        raise UsageError(
            f"The clip '{twice}' stands in {used[twice]} rows of the table, and its rating would "
            "count for each.",
            "Give every row a name of its own in the column 'clip', as the ratings have it.",
        )
    rating = np.array([np.nan if k is None else mean[k] for k in of_row])
    return replace(rated, rating=rating), [k for k in mean if k not in used]


def on_scale(rated: Rated, panel: Panel | None, spread: float = 1.0) -> tuple[Rated, float, str]:
    """Bring ratings to a spread around 0.

    Parameters
    ----------
    rated : Rated
        Only clips that have a rating.
    panel : Panel, optional
        Where the ratings come from single listeners: they are z scores already.
    spread : float
        Standard deviation that ratings from 0 to 100 are brought to.

    Returns
    -------
    rated : Rated
    middle : float
        Where the middle of the scale then lies: 50 of 100. The table's mean, 0, where the ends of
        the scale are not known.
    scale : str
        What was done, in words.
    """
    if panel is not None:
        return rated, panel.middle, "z scores of each rater, mean over raters"
    known = rated.rating
    if len(known) < 2 or not known.std() > 0 or known.min() < 0:
        return rated, 0.0, AS_IS
    scaled = replace(rated, rating=(known - known.mean()) / known.std() * spread)
    if 10 < known.max() <= FULL_SCALE:
        middle = float((MIDDLE - known.mean()) / known.std()) * spread
        return scaled, middle, "0 to 100, standardised over the table"
    if known.mean() < 2:  # standardised ratings of clips that were all liked
        return rated, 0.0, AS_IS
    return (
        scaled,
        0.0,
        f"{known.min():g} to {known.max():g}, standardised over the table; its mean counts as "
        "the middle, since the ends of the scale are not known",
    )
