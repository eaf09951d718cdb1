"""A rated set that may leave a house: measures and single ratings, no sound, no words, no names.

Nobody has ratings of Dutch, or of real calls, and no team may give its recordings away. What stands
here tells a judge what it needs and hardly anything about a person. It is still personal data as
long as somebody could know the voice from its measures; the data sheet says so.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prosody.errors import UsageError
from prosody.measures import table
from prosody.rating.ratings import Answers, read_answers
from prosody.results.write import atomic, write_csv
from prosody.tables.rated_table import Rated, read_table, stem

LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
}
# So many speakers stand behind every stated value, and behind every combination of them.
SPEAKERS_TOGETHER = 5
STATED = ("gender", "language", "site")
# A judge needs no more, and more would help to find a clip again.
DIGITS = 4
FILES = ("clips.csv", "ratings.csv", "DATASHEET.md")


@dataclass(frozen=True, slots=True)
class Shared:
    """What was written, and what was coarsened or left out so that nobody stands out."""

    folder: Path
    clips: int
    speakers: int
    raters: int
    notes: tuple[str, ...]


def export(
    path: Path,
    ratings: Path,
    folder: Path,
    *,
    licence: str,
    names: Mapping[str, str | None] | None = None,
) -> Shared:
    """Write what may leave a house: ``clips.csv``, ``ratings.csv`` and ``DATASHEET.md``.

    Parameters
    ----------
    path : path
        Table of clips with measures, as for :func:`prosody.fit.make.fit`.
    ratings : path
        Ratings of single listeners.
    folder : path
        Made where it is missing; it may not hold another set.
    licence : str
        One of :data:`LICENCES`.
    names : mapping, optional
        What columns are called in the table.

    Raises
    ------
    UsageError
        If too few speakers would stand together, or a file cannot be read; says which.
    """
    if licence not in LICENCES:
        raise UsageError(f"--licence {licence!r}.", f"Choose from {', '.join(LICENCES)}.")
    if any((folder / name).exists() for name in FILES):
        raise UsageError(f"{folder}: holds a set already.", "Name another folder.")
    rated = read_table(path, need_rating=False, names=names)
    answers = read_answers(ratings)
    notes: list[str] = []
    rated = _rated_only(rated, answers, notes)
    count = len(np.unique(rated.speaker))
    if count < SPEAKERS_TOGETHER:
        raise UsageError(
            f"{path}: {count} speakers have rated clips, and fewer than {SPEAKERS_TOGETHER} would "
            "stand out.",
            "Nothing was written.",
        )
    groups = _together(rated, notes)
    # A key that nobody keeps: the same person has other names in another set.
    key = secrets.token_bytes(32)

    def hashed(name: str) -> str:
        return hashlib.blake2b(name.encode(), key=key, digest_size=6).hexdigest()

    clip = {stem(c).casefold(): hashed(c) for c in rated.clip.tolist()}
    measures = [n for n in (*table.NAMES, *table.RELATIVE_NAMES) if n in rated.columns]
    measures = [n for n in measures if n != "level_dbfs"]  # the microphone's, and a house's line
    rows = []
    for i in np.argsort([hashed(f"order {c}") for c in rated.clip.tolist()]):
        row: dict[str, object] = {
            "clip": clip[stem(str(rated.clip[i])).casefold()],
            "speaker": hashed(str(rated.speaker[i])),
            **{name: values[i] for name, values in groups.items()},
        }
        for name in (*measures, "baseline_s", "snr_db"):
            if name in rated.columns and np.isfinite(rated.columns[name][i]):
                row[name] = float(f"{rated.columns[name][i]:.{DIGITS}g}")
        rows.append(row)
    given = [
        {
            "clip": clip[stem(c).casefold()],
            "rater": hashed(r),
            "axis": a or "sincere",
            "rating": "" if deaf or not np.isfinite(v) else f"{v:g}",
            "is_repeat": int(again),
            "cannot_hear": int(deaf),
        }
        for c, r, a, v, again, deaf in zip(
            answers.clip.tolist(), answers.rater.tolist(), answers.axis.tolist(),
            answers.rating.tolist(), answers.repeat.tolist(), answers.deaf.tolist(), strict=True,
        )
        if stem(c).casefold() in clip
    ]  # fmt: skip
    given.sort(key=lambda r: (r["rater"], r["clip"], r["is_repeat"]))
    columns = ["clip", "speaker", *groups]
    columns += [n for n in (*measures, "baseline_s", "snr_db") if n in rated.columns]
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / FILES[0], rows, columns)
    write_csv(folder / FILES[1], given, list(given[0]))
    raters = len({r["rater"] for r in given})
    out = Shared(folder, len(rows), count, raters, tuple(notes))
    with atomic(folder / FILES[2], mode="w", encoding="utf-8") as sheet:
        sheet.write(_sheet(out, licence, groups))
    return out


def _rated_only(rated: Rated, answers: Answers, notes: list[str]) -> Rated:
    """Return clips that somebody rated."""
    heard = {stem(c).casefold() for c in answers.clip.tolist()}
    keep = np.array([stem(c).casefold() in heard for c in rated.clip.tolist()], dtype=bool)
    if not keep.any():
        raise UsageError(
            "None of the rated clips is in the table.", "Use the same names in the column 'clip'."
        )
    if not keep.all():
        notes.append(f"{int(np.sum(~keep))} clips without a rating were left out.")
    return rated.take(keep)


def _together(rated: Rated, notes: list[str]) -> dict[str, list[str]]:
    """Return stated groups in which every value, and every combination, has enough speakers.

    Rare values become ``other``; where a combination is still rare, or ``other`` itself is, the
    column with the most values goes whole.
    """
    groups = {n: rated.groups[n].astype(object) for n in STATED if n in rated.groups}
    for name, values in groups.items():
        rare = [
            value
            for value in np.unique(values.astype(str)).tolist()
            if value and len(np.unique(rated.speaker[values == value])) < SPEAKERS_TOGETHER
        ]
        values[np.isin(values.astype(str), rare)] = "other"
        if rare:
            notes.append(
                f"{name}: {len(rare)} value{'s' if len(rare) > 1 else ''} with fewer than "
                f"{SPEAKERS_TOGETHER} speakers became 'other'."
            )
    while groups:
        sets: dict[tuple[str, ...], set[str]] = {}
        for *stated, speaker in zip(*groups.values(), rated.speaker.tolist(), strict=True):
            sets.setdefault(tuple(stated), set()).add(speaker)
        if min(len(s) for s in sets.values()) >= SPEAKERS_TOGETHER:
            break
        worst = max(groups, key=lambda n: len(set(groups[n])))
        del groups[worst]
        notes.append(
            f"{worst} was left out: together with the rest it would leave fewer than "
            f"{SPEAKERS_TOGETHER} speakers in a group."
        )
    return {name: [str(v) for v in values] for name, values in groups.items()}


def _sheet(made: Shared, licence: str, groups: Mapping[str, list[str]]) -> str:
    stated = ", ".join(groups) or "none"
    notes = "\n".join(f"- {line}" for line in made.notes) or "- nothing"
    return f"""# Data sheet

Ratings of how sincere spoken apologies sounded, with what was measured of each clip. Written by
`prosody ratings export`.

| | |
|---|---|
| clips, speakers, raters | {made.clips}, {made.speakers}, {made.raters} |
| stated of speakers | {stated} |
| licence | {licence}, {LICENCES[licence]} |

**What is in it.** `clips.csv`: measures (docs/measures.md of prosody), differences from the same
speaker's other speech, seconds of that speech and level above the noise, {DIGITS} significant
digits. `ratings.csv`: every single answer, 0 (put on) to 100 (sincere).

**What is not.** No sound, no words, no wording, no names, no files, no times. Clips, speakers and
raters have names made with a key that was thrown away, in an order that tells nothing.

**Nobody stands out.** At least {SPEAKERS_TOGETHER} speakers share every stated value and every
combination. For that:

{notes}

Measures of a voice may still be matched by somebody who has the recordings. It is personal data as
long as that is so: pass it on under an agreement, or only where speakers and raters agreed.

**Fill in before you pass it on.** Which calls, which language and line, when; who the speakers are
and what they agreed to; who rated, how many, what they were asked and paid; for what it may be
used, and whom to write to when somebody wants to be taken out.
"""
