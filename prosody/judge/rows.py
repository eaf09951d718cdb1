"""Judging many rows at once: apologies of a run, or rows of a table.

The judge sees columns; this module makes them from rows and puts what comes back into the rows.
A gated apology keeps its measures and its reason and gets no verdict. Animation describes beside
the verdict; where a team's judge has the axis *engaged*, that stands in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.examine.gates import NO_BASELINE
from prosody.judge.judge import Judge, Judgements
from prosody.measures import table
from prosody.measures.animation import Animation, animation
from prosody.results.records import ANIMATION as ANIMATION_NUMBERS
from prosody.results.records import ApologyRecord
from prosody.settings import Settings

# The other take is no sample of what is usual: it is what is compared with, and counts whole.
WHOLE_S = 1e6
# One other take is no habit.
LEAST_OTHERS = 2
UNNAMED = "one voice"
ANIMATION = tuple(f"animation_{n}" for n in ANIMATION_NUMBERS)


def axis_dict(judged: Judgements, axis: str, i: int) -> dict[str, Any]:
    """Return one axis of one row: rating, sd, 80 % interval, probability, contributions."""
    got = judged.axes[axis]
    parts = got.contributions[i]
    return {
        "rating": float(got.rating[i]),
        "sd": float(got.sd[i]),
        "low": float(got.low[i]),
        "high": float(got.high[i]),
        "p": float(got.p_sincere_side[i]),
        "bias": got.bias,
        "contributions": {
            name: float(parts[k]) for k, name in enumerate(judged.inputs) if parts[k] != 0
        },
    }


def animation_dict(found: Animation, i: int) -> dict[str, Any] | None:
    """Return the animation of one row: value, sd, 80 % interval, p, word; None without one."""
    if found.word[i] is None:
        return None
    numbers = {"value": found.value, "sd": found.sd, "low": found.low, "high": found.high}
    return {
        **{name: float(values[i]) for name, values in numbers.items()},
        "p": float(found.p[i]),
        "word": found.word[i],
        "contributions": {name: float(part[i]) for name, part in found.parts.items()},
    }


def judge_rows(
    rows: Sequence[ApologyRecord], judge: Judge, settings: Settings, *, lang: str = "en"
) -> None:
    """Judge apologies in place, in one call; gated ones are left without a verdict.

    Parameters
    ----------
    rows : sequence of ApologyRecord
    judge : Judge
    settings : Settings
        Probabilities that a verdict needs.
    lang : str
        Language of the reasons.
    """
    from prosody.judge import reasons

    open_rows = [r for r in rows if not r.gates]
    if not open_rows:
        return
    each = [r.columns() for r in open_rows]
    columns = {name: np.array([c[name] for c in each]) for name in each[0]}
    judged = judge.judge(columns, settings)
    lively = animation(columns, min_baseline_s=settings.baseline.min_s)
    for i, row in enumerate(open_rows):
        row.axes = {axis: axis_dict(judged, axis, i) for axis in judged.axes}
        row.animation = None if "engaged" in judged.axes else animation_dict(lively, i)
        row.verdict = judged.verdict[i]
        row.kind = judged.kind[i] or None
        row.hint = judged.hint[i] or None
        why = reasons.explain(
            judge,
            judged,
            i,
            each[i],
            lang,
            versus="baseline" if row.source == "clips" else "call",  # a take is no part of a call
            window=(row.start_s, row.end_s),
        )
        row.reasons = tuple(asdict(r) for r in why)


def second_more_sincere(
    first: ApologyRecord, second: ApologyRecord, judge: Judge
) -> tuple[float, float, float] | None:
    """Return how probable it is that the second of two takes of one person sounds more sincere.

    The takes are held against each other, so that no other speech is needed.

    Returns
    -------
    p, low, high : float
        The probability, and its 80 % interval; None where the judge was not checked for that.
    """
    relative = table.relative(second.measures[None], first.measures[None])
    columns = dict(zip(table.RELATIVE_NAMES, relative.T, strict=True))
    columns["baseline_s"] = np.array([WHOLE_S])
    columns["snr_db"] = np.array([np.fmin(first.snr_db, second.snr_db)])
    found = judge.more_sincere(columns, "take")
    return None if found is None else (float(found.p[0]), float(found.low[0]), float(found.high[0]))


def compare_takes(rows: Sequence[ApologyRecord], judge: Judge, *, one_voice: bool = False) -> None:
    """Hold each take against the other takes of the same speaker, in place.

    Needs two others: one take is no habit. Nobody is compared with anybody else.

    Parameters
    ----------
    rows : sequence of ApologyRecord
        Takes, each a recording of its own; who speaks stands in `agent`. Where that is nowhere
        said, nothing is compared.
    judge : Judge
    one_voice : bool
        Whether takes of an unnamed speaker are all of one, as with a baseline recording.
    """
    from prosody.tables.rated_table import leave_one_out_median

    speakers = {id(r): r.agent or (UNNAMED if one_voice else "") for r in rows}
    takes = [r for r in rows if speakers[id(r)] and not set(r.gates) - {NO_BASELINE}]
    if not takes:
        return
    speaker = np.array([speakers[id(r)] for r in takes])
    values = np.stack([r.measures for r in takes])
    usual, others = leave_one_out_median(values, speaker)
    lengths = np.nan_to_num(values[:, table.NAMES.index("duration_s")])
    names, index = np.unique(speaker, return_inverse=True)
    total = np.bincount(index, lengths, len(names))[index]
    relative = table.relative(values, usual)
    columns = dict(zip(table.RELATIVE_NAMES, relative.T, strict=True))
    columns["baseline_s"] = total - lengths
    columns["snr_db"] = np.array([r.snr_db for r in takes])
    found = judge.more_sincere(columns, "usual")
    if found is None:
        return
    for i, row in enumerate(takes):
        if others[i] >= LEAST_OTHERS:
            row.more_sincere = {
                "p": float(found.p[i]),
                "low": float(found.low[i]),
                "high": float(found.high[i]),
                "others": int(others[i]),
            }


def judge_table(
    path: Path, judge: Judge, settings: Settings, *, at_once: int = 50_000
) -> tuple[list[str], set[str], Iterator[list[list[Any]]]]:
    """Judge a table of measures.

    Parameters
    ----------
    path : Path
        One row per apology; measures under our names or openSMILE's (``eGeMAPS``) names.
    judge : Judge
    settings : Settings
    at_once : int
        Rows that are read and judged at once: a table may have millions.

    Returns
    -------
    columns : list of str
        The table's own, then the judgement's.
    texts : set of str
        Columns of the table that may hold anything.
    blocks : iterator of list of list
        The same columns with their values, some rows at a time; None where there is none.

    Raises
    ------
    UsageError
        If the table cannot be read or holds nothing the judge can use.

    Notes
    -----
    A row with something in its column ``gates`` is not judged, nor one without enough
    ``baseline_s``, nor one that ``duration_s`` and ``voiced_share`` show to be too short or to hold
    too little voice: silence has no tone.
    """
    from prosody.tables.table_files import in_parts, open_rows

    head, rows = open_rows(path)
    known = {*judge.inputs, *table.NAMES, *table.RELATIVE_NAMES, *table.BY_EGEMAPS} & {*head}
    nothing = np.empty(0)
    usable = {*_ours(dict.fromkeys(known, nothing))} & {*judge.inputs} - {"baseline_s", "snr_db"}
    if not usable:
        raise UsageError(
            f"{path}: none of its {len(head)} columns is a measure that the judge uses.",
            f"Expected differences from the speaker's other speech, such as "
            f"{', '.join(judge.inputs[:3])}, and baseline_s; 'prosody analyze' writes them, "
            "'prosody model' lists them all.",
        )
    added = ["gates", "verdict", "kind", "hint", *ANIMATION]
    for axis in judge.axes:
        added += [f"{axis}_{n}" for n in ("rating", "sd", "low", "high", "p")]
        added += [f"{axis}_from_{n}" for n in judge.inputs]
    columns = [*head, *(c for c in added if c not in head)]

    def blocks() -> Iterator[list[list[Any]]]:
        first = 2
        for block in in_parts(rows, at_once):
            given = {name: [r[i] for r in block] for i, name in enumerate(head)}
            judged = _judged(path, given, known, judge, settings, first)
            # An earlier judgement that stood in the table is replaced.
            yield [judged[c] if c in judged else given[c] for c in columns]
            first += len(block)

    return columns, {"gates", *head} - known, blocks()


def _judged(
    path: Path,
    given: Mapping[str, Sequence[str]],
    known: Collection[str],
    judge: Judge,
    settings: Settings,
    first: int,
) -> dict[str, list[Any]]:
    """Return the columns of a judgement for some rows; `first` is the first one's number."""
    from prosody.tables.table_files import numbers

    values = {n: numbers(cells, path, n, first) for n, cells in given.items() if n in known}
    columns = _ours(values)
    judged = judge.judge(columns, settings)
    gates = _gates(given, columns, settings, len(judged))
    lively = animation(
        {**dict.fromkeys(judge.inputs, np.full(len(judged), np.nan)), **columns},
        min_baseline_s=settings.baseline.min_s,
    )
    out: dict[str, list[Any]] = {
        "verdict": list(judged.verdict),
        "kind": list(judged.kind),
        "hint": list(judged.hint),
        **{
            f"animation_{n}": _short(getattr(lively, n))
            for n in ("value", "sd", "low", "high", "p")
        },
        "animation_word": [w or "" for w in lively.word],
    }
    if "engaged" in judge.axes:
        out |= {name: [None] * len(judged) for name in ANIMATION}
    for axis, got in judged.axes.items():
        numbers_of = {"rating": got.rating, "sd": got.sd, "low": got.low, "high": got.high}
        numbers_of["p"] = got.p_sincere_side
        out |= {f"{axis}_{n}": _short(v) for n, v in numbers_of.items()}
        for i, name in enumerate(judged.inputs):
            out[f"{axis}_from_{name}"] = _short(got.contributions[:, i])
    for i, shut in enumerate(gates):
        if shut:
            for cells in out.values():
                cells[i] = None
    return {"gates": gates, **out}


def _short(values: NDArray[np.float64]) -> list[Any]:
    """Return values with nine significant digits, as all results have them; None for NaN."""
    known = np.isfinite(values)
    size = np.where(known & (values != 0), np.abs(values), 1.0)
    unit = 10.0 ** np.clip(8 - np.floor(np.log10(size)), 0, 22)
    out: list[Any] = (np.round(np.where(known, values, 0.0) * unit) / unit).tolist()
    for i in np.flatnonzero(~known):
        out[i] = None
    return out


def _gates(
    given: Mapping[str, Sequence[str]], columns: Mapping[str, Any], settings: Settings, rows: int
) -> list[str]:
    """Return the gates of each row, with spaces between: the table's own, and what it shows."""
    gated = given.get("gates", [""] * rows)
    missing = np.full(rows, np.nan)
    duration_s = np.asarray(columns.get("duration_s", missing))
    voiced_s = np.asarray(columns.get("voiced_share", missing)) * duration_s
    baseline_s = np.nan_to_num(np.asarray(columns.get("baseline_s", missing)))
    seen = {
        "too_short": duration_s < settings.gates.min_duration_s,
        "too_little_voice": voiced_s < settings.gates.min_voiced_s,
        NO_BASELINE: (baseline_s < settings.baseline.min_s) | ~(baseline_s > 0),
    }
    return [
        gated[i].strip() or " ".join(name for name, shut in seen.items() if shut[i])
        for i in range(rows)
    ]


def _ours(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns under our names; openSMILE's are converted where ours are not there."""
    from prosody.tables.rated_table import from_egemaps

    theirs = {k: v for k, v in values.items() if k in table.BY_EGEMAPS and k not in table.BY_NAME}
    out = dict(from_egemaps(theirs)) if theirs else {}
    return {**out, **{k: v for k, v in values.items() if k not in table.BY_EGEMAPS}}
