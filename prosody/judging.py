"""Judge rows: apologies of a run, or rows of a table, all at once.

The judge sees columns; this module makes them from rows and puts what comes back into the rows.
A gated apology keeps its measures and its reason and gets no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from prosody import table
from prosody.errors import UsageError
from prosody.judge import Judge, Judgements
from prosody.rows import Apology, plain
from prosody.settings import Gates, Settings


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


def judge_rows(
    rows: Sequence[Apology], judge: Judge, settings: Settings, *, lang: str = "en"
) -> None:
    """Judge apologies in place, in one call; gated ones are left without a verdict.

    Parameters
    ----------
    rows : sequence of Apology
    judge : Judge
    settings : Settings
        Probabilities that a verdict needs.
    lang : str
        Language of the reasons.
    """
    from prosody import explain

    open_rows = [r for r in rows if not r.gates]
    if not open_rows:
        return
    each = [r.columns() for r in open_rows]
    columns = {name: np.array([c[name] for c in each]) for name in each[0]}
    judged = judge.judge(columns, settings)
    for i, row in enumerate(open_rows):
        row.axes = {axis: axis_dict(judged, axis, i) for axis in judged.axes}
        row.verdict = judged.verdict[i]
        row.kind = judged.kind[i] or None
        row.hint = judged.hint[i] or None
        why = explain.explain(
            judge,
            judged,
            i,
            each[i],
            lang,
            versus="baseline" if row.source == "clips" else "call",  # a take is no part of a call
            window=(row.start_s, row.end_s),
        )
        row.reasons = tuple(asdict(r) for r in why)


def judge_table(
    path: Path, judge: Judge, settings: Settings
) -> tuple[list[str], list[dict[str, Any]]]:
    """Judge a CSV table of measures.

    Parameters
    ----------
    path : Path
        One row per apology; measures under our names or openSMILE's (``eGeMAPS``) names.
    judge : Judge
    settings : Settings

    Returns
    -------
    columns : list of str
        The table's own, then the judgement's.
    rows : list of dict

    Raises
    ------
    UsageError
        If the table cannot be read or holds nothing the judge can use.

    Notes
    -----
    A row with something in its column ``gates`` is not judged, nor one that ``duration_s`` and
    ``voiced_share`` show to be too short or to hold too little voice: silence has no tone.
    """
    from prosody.fit.tables import numbers, read_rows

    head, cells = read_rows(path)
    given = {name: [r[i] for r in cells] for i, name in enumerate(head)}
    known = set(judge.inputs) | set(table.NAMES) | set(table.BY_EGEMAPS)
    values = {name: numbers(given[name], path, name) for name in head if name in known}
    columns = _ours(values)
    usable = [name for name in judge.inputs if name in columns and name != "baseline_s"]
    if not usable:
        raise UsageError(
            f"{path}: none of its {len(head)} columns is a measure that the judge uses.",
            f"Expected columns such as {', '.join(judge.inputs[:3])}; "
            "'prosody features' makes them, 'prosody model' lists them all.",
        )
    judged = judge.judge(columns, settings)
    gates = _gates(given, columns, settings.gates, len(cells))
    added = ["gates", "verdict", "kind", "hint"]
    for axis in judged.axes:
        added += [f"{axis}_{n}" for n in ("rating", "sd", "low", "high", "p")]
        added += [f"{axis}_from_{n}" for n in judged.inputs]
    out = []
    for i in range(len(cells)):
        row: dict[str, Any] = {name: given[name][i] for name in head}
        row["gates"] = gates[i]
        if gates[i]:
            # An earlier judgement of a withheld row may not stand beside its gate either.
            out.append(row | dict.fromkeys(added[1:]))
            continue
        row |= {"verdict": judged.verdict[i], "kind": judged.kind[i], "hint": judged.hint[i]}
        for axis in judged.axes:
            got = axis_dict(judged, axis, i)
            row |= {f"{axis}_{n}": plain(got[n]) for n in ("rating", "sd", "low", "high", "p")}
            row |= {
                f"{axis}_from_{n}": plain(got["contributions"].get(n, 0.0)) for n in judged.inputs
            }
        out.append(row)
    return [*head, *(c for c in added if c not in head)], out


def _gates(
    given: Mapping[str, Sequence[str]], columns: Mapping[str, Any], limits: Gates, rows: int
) -> list[str]:
    """Return the gates of each row, with spaces between: the table's own, and what it shows."""
    told = given.get("gates", [""] * rows)
    missing = np.full(rows, np.nan)
    duration_s = np.asarray(columns.get("duration_s", missing))
    voiced_s = np.asarray(columns.get("voiced_share", missing)) * duration_s
    seen = {
        "too_short": duration_s < limits.min_duration_s,
        "too_little_voice": voiced_s < limits.min_voiced_s,
    }
    return [
        told[i].strip() or " ".join(name for name, shut in seen.items() if shut[i])
        for i in range(rows)
    ]


def _ours(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns under our names; openSMILE's are converted where ours are not there."""
    from prosody.measures import from_egemaps

    theirs = {k: v for k, v in values.items() if k in table.BY_EGEMAPS and k not in table.BY_NAME}
    out = dict(from_egemaps(theirs)) if theirs else {}
    return {**out, **{k: v for k, v in values.items() if k not in table.BY_EGEMAPS}}
