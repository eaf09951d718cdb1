"""Results of made-up calls, and what damages a journal: flipped bits, cut files, pages lost.

The calls go through the real journal, results, `forget` and `merge`; no sound is read.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import running

from prosody.calls.collect import collect
from prosody.examine.examine import Examined, Options
from prosody.measures.table import NAMES, RELATIVE_NAMES
from prosody.results import write
from prosody.results.records import ApologyRecord, CallRecord
from prosody.runs import batch, task
from prosody.runs.analyze import header
from prosody.runs.journal import Journal
from prosody.runs.processes import InProcess
from prosody.runs.task import Outcome

CALLS = 40
PAGE = 4096


def apology(name: str, **changes: Any) -> ApologyRecord:
    """Return a made-up row."""
    base: dict[str, Any] = {
        "recording": name, "recording_sha256": "0", "call_id": name, "channel": 0,
        "role": "agent", "start_s": 1.25, "end_s": 2.5, "text": "het spijt me", "form": "spijt",
        "source": "transcript", "language": "nl",
        "measures": np.linspace(-1 / 3, 1e9, len(NAMES)),
        "relative": np.full(len(RELATIVE_NAMES), np.nan), "baseline_s": 30.0,
    }  # fmt: skip
    return ApologyRecord(**(base | changes))


class Engine:
    """Finds two apologies in every call, the second of them gated; is killed after so many."""

    def __init__(self, most: int | None = None) -> None:
        self.names: list[str] = []
        self.most = most

    def __call__(self, job: Any, tasks: Any) -> InProcess:
        """Start."""

        def examine(job: Any, number: int, call: Any, known: str) -> Outcome:
            key = task.key_of(call, job)
            if key == known:
                return Outcome(number, key, None)
            if self.most is not None and len(self.names) >= self.most:
                raise KeyboardInterrupt
            self.names.append(call.call_id)
            rows = [apology(call.name), apology(call.name, start_s=4.5, gates=("too_short",))]
            return Outcome(
                number, key, Examined(CallRecord(call.name, call.call_id, apologies=2), rows)
            )

        return InProcess(job, tasks, run=examine)


def judge(rows: Sequence[ApologyRecord]) -> None:
    """Judge all alike."""
    for row in rows:
        row.axes, row.verdict = {"sincere": {"p": 0.5}}, "unclear"


def go(
    folder: Path, out: Path, engine: Engine | None = None, *, named: str = "one"
) -> tuple[int | None, list[str]]:
    """Run as `prosody analyze` does; returns how many a damaged journal kept, and who was done."""
    engine = engine or Engine()
    with Journal(out) as journal:
        done = batch.run(collect([folder], clips=True), task.make(Options(clips=True)), journal,
                         engine, (named, judge))  # fmt: skip
        run = header(done, settings=Options().settings, command={"lang": "en"},
                           model={"name": named, "sha256": "0" * 64, "shipped": True})  # fmt: skip
        write.write_from(journal, out, run, formats=("jsonl", "csv"))
        return journal.saved, engine.names


def rows_of(out: Path) -> list[list[dict[str, Any]]]:
    """Return all rows of a folder in a fixed order."""
    names = ("apologies.jsonl", "recordings.jsonl")
    return [sorted(running.rows(out / n), key=json.dumps) for n in names]


def made(home: Path) -> tuple[Path, Path, Path]:
    """Make calls, the folder of a finished run, and that of one that was killed half-way."""
    folder, whole, live, half = (home / n for n in ("calls", "whole", "live", "half"))
    folder.mkdir(parents=True)
    for i in range(CALLS):
        (folder / f"{i:03d}.wav").write_bytes(f"sound {i}".encode())
    go(folder, whole)
    with contextlib.suppress(KeyboardInterrupt):
        go(folder, live, Engine(most=CALLS // 2))
    # What a kill leaves: the journal copied while it is open, its log beside it.
    journal = Journal(live)
    journal.want([])
    shutil.copytree(live, half)
    journal.close()
    return folder, whole, half


# --- what goes wrong ----------------------------------------------------------------------------


def flip(data: bytearray, rng: random.Random) -> None:
    """Flip a bit, or eight."""
    for _ in range(rng.choice((1, 1, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(data: bytearray, rng: random.Random) -> None:
    """Cut the file short."""
    del data[rng.randrange(len(data) + 1) :]


def over(data: bytearray, rng: random.Random) -> None:
    """Lay one page over another."""
    pages = max(1, len(data) // PAGE)
    a, b = rng.randrange(pages) * PAGE, rng.randrange(pages) * PAGE
    data[a : a + PAGE] = data[b : b + PAGE]


def zero(data: bytearray, rng: random.Random) -> None:
    """Lose what a page held."""
    at = rng.randrange(max(1, len(data) // PAGE)) * PAGE
    data[at : at + PAGE] = bytes(len(data[at : at + PAGE]))


def twice(data: bytearray, rng: random.Random) -> None:
    """Put a page in twice, so that all behind it is moved."""
    at = rng.randrange(max(1, len(data) // PAGE)) * PAGE
    data[at:at] = data[at : at + PAGE]


HOW = (flip, cut, over, zero, twice)


def damage(path: Path, how: Callable[[bytearray, random.Random], None], rng: random.Random) -> None:
    """Damage a file."""
    data = bytearray(path.read_bytes())
    how(data, rng)
    path.write_bytes(data)
