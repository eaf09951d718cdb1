"""Results of a run, read back: from its JSONL files, checked as hostile input.

Rows of 100,000 calls with all their measures do not fit in memory at once, so apologies are read
in two passes: `Run.apologies` holds what tables and totals need, `Run.whole` gives complete rows
one by one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from prosody.errors import UsageError
from prosody.results.records import AXES, SCHEMA_VERSION, clip_name

# What tables and totals need of an apology; a complete row is thirty times as large.
_BRIEF = (
    "recording", "recording_sha256", "call_id", "agent", "agent_speaker", "team", "language",
    "channel", "role", "start_s", "end_s", "text", "source", "verdict", "kind", "hint", "gates",
)  # fmt: skip
# Version 2 only adds: animation, comparisons of takes, what stands around an apology.
READABLE = (1, SCHEMA_VERSION)
_AGAIN = "Make the results again: prosody analyze ... --out DIR"


@dataclass(slots=True)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : Path
    head : dict
        ``run.json``.
    recordings : list of dict
        One per recording, as in ``recordings.jsonl``.
    apologies : list of dict
        One per apology, in brief: identity, verdict, and per axis only ``p``, in order of
        recording and time.
    scattered : frozenset of str
        Recordings whose apologies do not stand together in the file (written by hand).
    """

    folder: Path
    head: dict[str, Any]
    recordings: list[dict[str, Any]]
    apologies: list[dict[str, Any]] = field(default_factory=list)
    scattered: frozenset[str] = frozenset()

    @property
    def command(self) -> dict[str, Any]:
        """How the run was asked for."""
        return dict(self.head.get("command") or {})

    @property
    def judged(self) -> bool:
        """Whether anything may be shown about judgements: not with ``--measures-only``."""
        return not self.command.get("measures_only")

    @property
    def axes(self) -> tuple[str, ...]:
        """What the run's judge rates: () if nothing; the second axis only judges of one's own."""
        if not self.judged:
            return ()
        rated = {a for row in self.apologies for a in AXES if row[a]["p"] is not None}
        return tuple(a for a in AXES if a == AXES[0] or a in rated)

    @property
    def limits(self) -> dict[str, float]:
        """The thresholds of verdicts, by name; empty where the results do not hold them all.

        Results of schema version 1 have ``dull_p``, too.
        """
        found = (self.head.get("settings") or {}).get("verdict") or {}
        names = ["sincere_p", "forced_p", *(["dull_p"] if "dull_p" in found else [])]
        out = {name: number(found, name, math.nan) for name in names}
        return out if all(0 <= limit <= 1 for limit in out.values()) else {}

    @property
    def ident(self) -> str:
        """A name of this run by its content: notes kept in a browser belong to it."""
        digest = hashlib.sha256()
        for row in self.apologies:
            digest.update(f"{clip_id(row)}\n".encode())
        return digest.hexdigest()[:12]

    def whole(self) -> Iterator[dict[str, Any]]:
        """Yield every apology with all its measures, in the order of the file."""
        yield from read_lines(self.folder / "apologies.jsonl")


def clip_id(row: dict[str, Any]) -> str:
    """Return the name of an apology in ratings: the same in every run over the same sound."""
    return clip_name(
        str(row.get("recording_sha256") or ""),
        str(row.get("recording")),
        int(row.get("channel") or 0),
        number(row, "start_s"),
    )


def name_of(names: Mapping[str, str], row: Mapping[str, Any]) -> str:
    """Return what people call the recording of a row."""
    recording = str(row.get("recording"))
    return names.get(recording, recording)


def number(row: dict[str, Any], name: str, otherwise: float = 0.0) -> float:
    """Return a number of a row; missing ones become `otherwise`."""
    value = row.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return otherwise


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file.

    Raises
    ------
    UsageError
        If the file is missing or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for i, line in enumerate(lines, 1):
                if line.strip():
                    value = json.loads(line)
                    if not isinstance(value, dict):
                        raise UsageError(
                            f"{path}, line {i}: {line[:40]!r}, expected a JSON object.", _AGAIN
                        )
                    yield value
    except FileNotFoundError as error:
        raise UsageError(
            f"{path.parent}: there is no {path.name}, so these are no whole results of a run.",
            "Pages are made of run.json, recordings.jsonl and apologies.jsonl, not of tables: name "
            "the folder that 'prosody analyze --out' wrote, or copy them from there.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path}: cannot be read ({str(error)[:120]}).", _AGAIN) from error


def read(folder: Path) -> Run:
    """Read the results of a run.

    Raises
    ------
    UsageError
        If `folder` holds no finished run, or one of another schema.
    """
    try:
        head = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(*_no_run(folder)) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / 'run.json'}: cannot be read ({error}).", _AGAIN) from error
    if not isinstance(head, dict) or head.get("schema_version") not in READABLE:
        found = head.get("schema_version") if isinstance(head, dict) else None
        raise UsageError(
            f"{folder / 'run.json'}: schema_version {found!r}, "
            f"expected {' or '.join(map(str, READABLE))}.",
            _AGAIN,
        )
    run = Run(folder, head, list(read_lines(folder / "recordings.jsonl")))
    _locate(run.recordings, [root for root in head.get("roots") or () if isinstance(root, str)])
    run.apologies = [_brief(row) for row in run.whole()]
    blocks = Counter(name for name, _ in groupby(str(r["recording"]) for r in run.apologies))
    run.scattered = frozenset(name for name, n in blocks.items() if n > 1)
    run.apologies.sort(key=order)
    return run


def _no_run(folder: Path) -> tuple[str, str]:
    """Return what is found where results were expected, and what to do."""
    name = "Name the folder that 'prosody analyze --out' wrote."
    if not folder.exists():
        return f"{folder}: there is no such folder.", name
    if not folder.is_dir():
        return f"{folder}: a file, expected a folder with the results of a run.", name
    if (folder / "journal.sqlite").is_file():
        return (
            f"{folder}: there is no run.json, so no finished run.",
            "Start 'prosody analyze' again as before: it goes on where it was.",
        )
    if (folder / "report.json").is_file():
        return f"{folder}: a report, expected the results it was made from.", name
    if any(folder.glob("*.parquet")) or any(folder.glob("*.csv")):
        return (
            f"{folder}: tables, but no run.json, so no whole results of a run.",
            f"{name} Pages are made of its run.json, recordings.jsonl and apologies.jsonl.",
        )
    return f"{folder}: there is no run.json, so no results of a run.", name


def order(row: dict[str, Any]) -> tuple[str, float, int]:
    """Return where an apology stands among others: by recording, then time."""
    return str(row.get("recording")), number(row, "start_s"), int(row.get("channel") or 0)


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    out = {name: row.get(name) for name in _BRIEF}
    for axis in AXES:
        out[axis] = {"p": (row.get(axis) or {}).get("p")}
    return out


def _locate(records: list[dict[str, Any]], roots: Sequence[str]) -> None:
    """Put whole paths in the place of those below a run's folders, where the files still lie."""
    for record in records:
        for track in record.get("tracks") or ():
            place = track.get("file") if isinstance(track, dict) else None
            if isinstance(place, str) and place and not Path(place).is_absolute():
                whole = (Path(root) / place for root in roots)
                track["file"] = next((str(p) for p in whole if p.is_file()), place)
