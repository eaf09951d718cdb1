"""Read tables of rated clips: our measures, openSMILE's columns, or a corpus' own.

Whatever the columns are called, the result is one :class:`Rated`: absolute measures under the
names of :mod:`prosody.measures.table`, relative ones against the same speaker's other clips, and
ratings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.measures import table
from prosody.tables.table_files import numbers, read_rows

__all__ = ["Rated", "numbers", "read_results", "read_rows", "read_table"]

Floats = NDArray[np.float64]

# What a column may be called, most specific first. SinA-C and NSC have their own words.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "clip": (
        "clip", "audio_file_name", "sample_heard", "fragment", "file", "name", "filename",
        "bestand", "recording", "opname",
    ),
    "speaker": (
        "speaker", "speaker_id", "agent", "medewerker", "spreker", "speaker_pseudonym",
    ),
    "rating": ("rating", "goldenstandard_value", "score", "oordeel", "cijfer"),
    "sentence": ("sentence", "sentence_id", "zin"),
    "style": ("style", "sentence_type"),
    "gender": ("gender", "sex", "speaker_gender", "geslacht"),
    "language": ("language", "taal"),
    "site": ("site", "team"),
}  # fmt: skip
GROUPS = ("gender", "language", "site", "style")
# Of so many ratings one that lies so many times the middle half's width away is none.
MANY, STRAY = 20, 10.0
# Seconds of speech taken for one clip where the table does not say how long it was.
NOMINAL_CLIP_S = 2.5


@dataclass(frozen=True, slots=True)
class Rated:
    """A table of clips.

    Parameters
    ----------
    clip, speaker, sentence : ndarray of str [shape=(n,)]
        Names; '' where the table has none.
    rating : ndarray [shape=(n,)]
        The panel's mean on the axis at hand; NaN where there is none.
    columns : mapping of str to ndarray [shape=(n,)]
        Measures under our names: absolute, relative and ``baseline_s``.
    groups : mapping of str to ndarray of str
        ``gender``, ``language``, ``site``, ``style`` where the table has them, and ``gates``: what
        withholds a judgement.
    own_baseline : bool
        True where the relative columns stood in the table, False where they were computed from
        the same speaker's other clips.
    header : tuple of str
        The columns of the table, as they are called there.
    voices_known : bool
        False where nothing says who speaks; every clip then counts as a voice of its own.
    """

    clip: NDArray[np.str_]
    speaker: NDArray[np.str_]
    sentence: NDArray[np.str_]
    rating: Floats
    columns: Mapping[str, Floats]
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    own_baseline: bool = False
    header: tuple[str, ...] = ()
    voices_known: bool = True

    def __len__(self) -> int:
        return len(self.clip)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Rated:
        """Return some of the rows; relative columns stay as they are."""
        return replace(
            self,
            clip=self.clip[keep],
            speaker=self.speaker[keep],
            sentence=self.sentence[keep],
            rating=self.rating[keep],
            columns={k: v[keep] for k, v in self.columns.items()},
            groups={k: v[keep] for k, v in self.groups.items()},
        )

    def matrix(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return the named columns as the judge takes them: float32 [n, k], NaN where missing."""
        nan = np.full(len(self), np.nan)
        return np.stack([self.columns.get(n, nan) for n in names], axis=1).astype(np.float32)


def from_egemaps(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Turn openSMILE's functionals (eGeMAPSv01a or v02) into our measures.

    openSMILE writes 0 where a statistic has no stretch to stand on; slopes and lengths of exactly
    0 are therefore missing here, as they are when we measure ourselves. So are all numbers of
    measures that only share their name with ours (:data:`prosody.measures.egemaps.UNLIKE`).
    """
    from prosody.measures.egemaps import UNLIKE
    from prosody.measures.egemaps import from_egemaps as convert

    out = {name: values for name, values in convert(columns).items() if name not in UNLIKE}
    for name in out:
        if "_rise_" in name or "_fall_" in name or "segment" in name:
            out[name] = np.where(out[name] == 0, np.nan, out[name])
    return out


def leave_one_out_median(
    values: Floats, speaker: NDArray[np.str_]
) -> tuple[Floats, NDArray[np.intp]]:
    """Return for each clip the median of the same speaker's other clips, and their number.

    Parameters
    ----------
    values : ndarray [shape=(n, m)]
    speaker : ndarray of str [shape=(n,)]

    Returns
    -------
    baseline : ndarray [shape=(n, m)]
        NaN where the speaker has no other clip (or none with a value).
    others : ndarray of int [shape=(n,)]
    """
    out = np.full(values.shape, np.nan)
    others = np.zeros(len(values), dtype=np.intp)
    for name in np.unique(speaker):
        rows = np.flatnonzero(speaker == name)
        others[rows] = len(rows) - 1
        if len(rows) < 2:
            continue
        block = values[rows]
        # [clip left out, clip, measure]; a speaker has tens of clips, not thousands.
        for start in range(0, len(rows), 64):
            part = np.arange(start, min(start + 64, len(rows)))
            cube = np.broadcast_to(block, (len(part), *block.shape)).copy()
            cube[np.arange(len(part)), part] = np.nan
            out[rows[part]] = nanmedian(cube, axis=1)
    return out, others


def nanmedian(x: Floats, axis: int) -> Floats:
    """Return the median over an axis without NaN; NaN, and no warning, where nothing is left."""
    count = np.sum(~np.isnan(x), axis=axis, keepdims=True)
    ordered = np.sort(x, axis=axis)  # NaN last
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, x.shape[axis] - 1), axis=axis)
    mean = np.where(count > 0, (low + high) / 2, np.nan)
    return np.squeeze(mean, axis=axis)


def add_relative(rated: Rated) -> Rated:
    """Add relative columns and ``baseline_s`` from the same speaker's other clips."""
    names = tuple(n for n in table.NAMES if n in rated.columns)
    values = np.stack([rated.columns[n] for n in names], axis=1)
    baseline, others = leave_one_out_median(values, rated.speaker)
    columns = dict(rated.columns)
    rel = table.relative(values, baseline, names)
    kept = [table.BY_NAME[n].relative_name for n in names if table.BY_NAME[n].relative != "none"]
    columns.update(zip(kept, rel.T, strict=True))
    lengths = rated.columns.get("duration_s", np.full(len(rated), NOMINAL_CLIP_S))
    lengths = np.where(np.isfinite(lengths), lengths, NOMINAL_CLIP_S)
    total = {s: float(lengths[rated.speaker == s].sum()) for s in np.unique(rated.speaker)}
    others_s = np.array([total[s] for s in rated.speaker]) - lengths
    columns["baseline_s"] = np.where(others > 0, others_s, 0.0)
    return replace(rated, columns=columns, own_baseline=False)


def _find(header: Sequence[str], what: str) -> str | None:
    lower = {h.lower(): h for h in header}
    return next((lower[a.lower()] for a in ALIASES[what] if a.lower() in lower), None)


def _called(header: Sequence[str], name: str, path: Path) -> str:
    """Return the column that a user names, in whatever case."""
    lower = {h.lower(): h for h in header}
    if name.strip().lower() not in lower:
        raise UsageError(
            f"{path}: no column '{name}'; found {', '.join(header)}.",
            "Give the name of a column.",
        )
    return lower[name.strip().lower()]


def _check_stray(path: Path, column: str, rating: Floats) -> None:
    """Refuse single ratings that are far from all others: a code for "missing", a slip."""
    known = rating[~np.isnan(rating)]
    if len(known) < MANY:
        return
    low, middle, high, most = np.percentile(known, [25, 50, 75, 90])
    far = np.abs(rating - middle) > STRAY * (high - low) if high > low else rating != rating
    inside = (rating >= 0) & (rating <= 100)
    if most > 10 and np.mean(inside[~np.isnan(rating)]) >= 0.9:  # 0 to 100
        far |= ~inside & ~np.isnan(rating)
    if np.any(far):
        at = int(np.argmax(far))
        raise UsageError(
            f"{path}: row {at + 2}, column '{column}' holds {rating[at]:g}, and half of all "
            f"ratings lie between {low:g} and {high:g}.",
            "Mend it, or leave the cell empty where there is no rating.",
        )


def read_table(
    path: Path | str, *, need_rating: bool = True, names: Mapping[str, str | None] | None = None
) -> Rated:
    """Read a table of clips.

    Parameters
    ----------
    path : path
        CSV with the columns clip, speaker, rating, and optionally sentence, gender, language,
        site; measures under our names or under eGeMAPS names, or instead of them recordings with
        windows (recording, start_s, end_s, channel), which are then measured.
    need_rating : bool
        Whether a table without ratings is an error (it is not when they are joined later).
    names : mapping of str to str or None, optional
        What columns are called in this table: ``{"speaker": "medewerker"}``. None: as usual.

    Raises
    ------
    UsageError
        If a column that is needed is missing, or a cell holds no number; says which.
    """
    path = Path(path)
    header, rows = read_rows(path)
    cells = {h: [r[i] for r in rows] for i, h in enumerate(header)}
    found = {what: _find(header, what) for what in ALIASES}
    for what, theirs in (names or {}).items():
        if theirs:
            found[what] = _called(header, theirs, path)
    for what in ("speaker", *(("rating",) if need_rating else ())):
        if found[what] is None and not (what == "speaker" and found["clip"]):
            raise UsageError(
                f"{path}: no column '{what}'; found {', '.join(header)}.",
                f"Name it one of: {', '.join(ALIASES[what])}."
                + (" Ratings of single listeners go with --ratings." if what == "rating" else ""),
            )
    known = {*table.NAMES, *table.RELATIVE_NAMES, "baseline_s", "snr_db"}
    columns = {h: numbers(cells[h], path, h) for h in header if h in known}
    smile = {h: numbers(cells[h], path, h) for h in header if h in table.BY_EGEMAPS}
    for name, values in from_egemaps(smile).items():
        columns.setdefault(name, values)
    if not any(n in columns for n in (*table.NAMES, *table.RELATIVE_NAMES)):
        from prosody.tables import measure_clips

        if {"rater", "rating"} <= {h.lower() for h in header}:
            raise UsageError(
                f"{path}: ratings of single listeners, expected a table of clips with measures "
                "or recordings.",
                f"Give the clips as TABLE, and these with --ratings {path}.",
            )
        at = measure_clips.names_recordings(header, rows, path.parent)
        if at < 0:
            raise UsageError(
                f"{path}: no measures among its {len(header)} columns, and no recordings.",
                "Expected our names (prosody features), openSMILE's eGeMAPS functionals, or a "
                "column 'recording' with sounds beside the table, and start_s and end_s.",
            )
        columns |= measure_clips.measure_rows(path, header, rows, at)
    n = len(rows)

    def text(what: str, default: str = "") -> NDArray[np.str_]:
        name = found[what]
        return np.array([c.strip() for c in cells[name]] if name else [default] * n, dtype=np.str_)

    clip = text("clip")
    if "clip" not in header and set(_RUN) <= set(header):
        clip = np.array(_as_rated(cells, path), dtype=np.str_)
    elif found["clip"] is None:
        clip = np.array([f"row {i + 2}" for i in range(n)], dtype=np.str_)
    speaker = text("speaker")
    if found["speaker"] == "agent" and "call_id" in cells:
        # A run whose agents are not known: one call is one voice.
        calls = [c.strip() for c in cells["call_id"]]
        speaker = np.array([s or c for s, c in zip(speaker, calls, strict=True)], dtype=np.str_)
    voices_known = True
    if found["speaker"] is None:
        named = [speaker_of(c) for c in clip]
        voices_known = all(named)
        speaker = np.array([s or stem(c) for s, c in zip(named, clip, strict=True)], dtype=np.str_)
    elif not np.all(speaker != ""):
        raise UsageError(
            f"{path}: row {np.flatnonzero(speaker == '')[0] + 2}, column '{found['speaker']}' is "
            "empty, expected who speaks.",
            "Fill it in, with any name or number, or leave the row out.",
        )
    rating = np.full(n, np.nan)
    if found["rating"]:
        rating = numbers(cells[found["rating"]], path, found["rating"])
        _check_stray(path, found["rating"], rating)
    rated = Rated(
        clip,
        speaker,
        text("sentence"),
        rating,
        columns,
        {g: text(g) for g in GROUPS if found[g]}
        | ({"gates": np.array(cells["gates"], dtype=np.str_)} if "gates" in cells else {}),
        own_baseline=any(r in columns for r in table.RELATIVE_NAMES),
        header=tuple(header),
        voices_known=voices_known,
    )
    if not rated.own_baseline:
        return add_relative(rated)
    columns.setdefault("baseline_s", np.full(n, np.nan))
    return rated


# With these columns a table holds the apologies of a run, several of which may share a recording.
_RUN = ("recording", "recording_sha256", "channel", "start_s")


def _as_rated(cells: Mapping[str, Sequence[str]], path: Path) -> list[str]:
    """Return the names under which ``prosody rate`` and the report know the apologies of a run."""
    from prosody.results.read import clip_id

    channel, start_s = (numbers(cells[n], path, n) for n in ("channel", "start_s"))
    return [
        clip_id({"recording": r, "recording_sha256": h, "channel": int(c), "start_s": float(s)})
        for r, h, c, s in zip(
            cells["recording"],
            cells["recording_sha256"],
            np.nan_to_num(channel),
            start_s,
            strict=True,
        )
    ]


def stem(clip: str) -> str:
    """Return a clip's name without its folders (of Windows, too) and the ending of a sound."""
    name = re.split(r"[\\/]", clip.strip())[-1]
    return re.sub(r"\.([A-Za-z][A-Za-z0-9]{1,4}|3gpp?)$", "", name)


def speaker_of(clip: str) -> str:
    """Return the speaker that a file name of the known corpora names, '' for other names."""
    match = re.match(r"\d+_(P-\d+)_|([mw]\d{3}_[a-z]+)_stimulus", stem(clip))
    return str(match.group(1) or match.group(2)) if match else ""


FILES = ("apologies.jsonl", "apologies.csv", "apologies.parquet", "apologies.xlsx")


def read_results(path: Path | str) -> Rated:
    """Read the apologies of an analyzed folder: measures, agent, and what withholds a judgement.

    Parameters
    ----------
    path : path
        The folder, or its apologies as JSONL, CSV, Parquet or XLSX.
    """
    path = Path(path)
    if path.is_dir() and path.suffix != ".parquet":
        found = [path / n for n in FILES if (path / n).exists()]
        if not found:
            raise UsageError(
                f"{path}: none of {', '.join(FILES)}.",
                "Give the folder that 'prosody analyze --out' wrote.",
            )
        path = found[0]
    if path.suffix == ".jsonl":
        try:
            rows = [json.loads(t) for t in path.read_text(encoding="utf-8").splitlines() if t]
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise UsageError(f"{path}: {error}.", "Expected apologies.jsonl of a run.") from error
    else:
        header, cells = read_rows(path)
        rows = [dict(zip(header, c, strict=True)) for c in cells]
    known = [*table.NAMES, *table.RELATIVE_NAMES, "baseline_s", "snr_db"]
    flat = [
        {**r, **(r.get("measures") or {}), **(r.get("relative") or {})}
        if isinstance(r.get("measures"), dict)
        else r
        for r in rows
    ]
    columns = {
        k: numbers(["" if r.get(k) is None else str(r[k]) for r in flat], path, k)
        for k in known
        if any(k in r for r in flat)
    }
    if not columns:
        raise UsageError(f"{path}: no measures.", "Expected the apologies of a run.")

    def text(*names: str) -> NDArray[np.str_]:
        return np.array(
            [str(next((r[n] for n in names if r.get(n)), "")) for r in flat], dtype=np.str_
        )

    return Rated(
        text("recording"),
        text("agent", "call_id", "recording"),
        text("text"),
        np.full(len(flat), np.nan),
        columns,
        # An empty list of a JSON line is none, as an empty cell is.
        {"gates": text("gates"), "agent": text("agent")},
        own_baseline=True,
    )
