"""Many calls in one run: what is done stays done, the rest is examined, all judged in blocks.

Knows nothing of sound. An engine (local processes, Dask, Ray) brings outcomes one by one; each goes
into the journal, and from the journal the results are written.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Protocol

from prosody.calls import pseudonyms
from prosody.calls.call import Call
from prosody.errors import UsageError
from prosody.examine.examine import Options
from prosody.examine.gates import closed
from prosody.results.records import ApologyRecord, CallRecord
from prosody.runs.journal import Journal
from prosody.runs.recognised import Plan
from prosody.runs.task import Outcome, TaskSpec, file_hash, key_of, stamp_of, writable

BLOCK = 1024  # apologies judged in one go


class Engine(Protocol):
    """Whatever examines calls: gives outcomes as they come, in any order."""

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""

    def next(self, timeout_s: float = 0.2) -> Outcome | None:
        """Return the next outcome, or None where there is none yet."""

    def stop(self) -> None:
        """Take no new calls; those in hand are finished."""

    def kill(self) -> None:
        """End now."""


class Watch(Protocol):
    """Whoever is told how a run goes."""

    def given(self, calls: Sequence[Call], options: Options) -> None:
        """Take note of what will be examined, and how; not called where nothing is left to do."""

    def begin(self, total: int, kept: int) -> None:
        """Take note of how many recordings there are, and how many were done before."""

    def __call__(self, record: CallRecord, withheld: int) -> None:
        """Take note of one more recording, and how many of its apologies are not judged."""

    def interrupted(self) -> None:
        """Take note that the run was told to stop."""


@dataclass(slots=True)
class Run:
    """What a run found; the rows stay in the journal and are read when asked for.

    ``files`` are those that were written, ``inputs`` the judge's; ``names_agents`` says whether
    agents stand in it under their own names.
    """

    journal: Journal
    total: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    reused: int = 0
    files: Sequence[str] = ()
    inputs: tuple[str, ...] = ()
    names_agents: bool = False
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> Iterator[CallRecord]:
        """One record per input that is done, in order of name."""
        return self.journal.records()

    @property
    def apologies(self) -> Iterator[ApologyRecord]:
        """One row per apology, in order of recording and start."""
        return self.journal.apologies()

    def counts(self) -> dict[str, int]:
        """Return how many recordings and apologies ended up where."""
        if not self._counts:
            self._counts = self.journal.counts()
        return self._counts

    @property
    def left(self) -> int:
        """How many inputs are not done (after an interruption)."""
        return self.total - self.counts()["recordings"]

    def exit_code(self) -> int:
        """Return 0 all read, 1 some failed, 2 none could be read, 130 interrupted."""
        if self.interrupted:
            return 130
        counts = self.counts()
        if counts["recordings"] and counts["failed"] == counts["recordings"]:
            return 2
        return 1 if counts["failed"] else 0

    def head(self, most: int = 200) -> Preview:
        """Return the first rows, for a screen."""
        rows = list(islice(self.apologies, most + 1))
        records = list(islice(self.records, 5 * most))
        return Preview(records, rows[:most], self.counts(), more=len(rows) > most)


@dataclass(slots=True)
class Preview:
    """The first rows of a run."""

    records: list[CallRecord]
    apologies: list[ApologyRecord]
    numbers: dict[str, int]
    more: bool = False

    def counts(self) -> dict[str, int]:
        """Return the counts of the whole run."""
        return self.numbers


def idents(calls: Sequence[Call]) -> list[str]:
    """Return a name for each input that no other has: two paths with one sound are two."""
    seen: dict[str, int] = {}
    out = []
    for name in _names(calls):
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}\x1f{seen[name]}")
    return out


def _names(calls: Sequence[Call]) -> list[str]:
    """Return what names each input: its place, its call, its channels and its other files."""
    out = []
    for call in writable(calls):
        parts = [call.name, call.call_id]
        parts.append(",".join("" if s.channel is None else str(s.channel) for s in call.sources))
        if more := "\n".join(s.place for s in call.sources[1:]):
            parts.append(hashlib.sha256(more.encode(errors="replace")).hexdigest()[:12])
        out.append("\x1f".join(parts))
    return out


def shard_of(calls: Sequence[Call], text: str) -> list[Call]:
    """Return the calls of shard ``i/n``; where a call goes depends on its place alone.

    The calls as they were collected: pseudonyms are other ones on every machine.

    Raises
    ------
    UsageError
        If the text is no shard.
    """
    first, _, rest = text.partition("/")
    if not (first.isdecimal() and rest.isdecimal() and 1 <= int(first) <= int(rest)):
        raise UsageError(f"--shard {text}: no shard.", "Examples: 1/4, 2/4, 3/4, 4/4.")
    i, n = int(first), int(rest)
    return [
        call
        for call, name in zip(calls, _names(calls), strict=True)
        if int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) % n == i - 1
    ]


def cover_of(calls: Sequence[Call], shard: str) -> dict[str, Any]:
    """Return what a merge needs to see that its parts are all of something, and nothing twice."""
    listed = "\n".join(sorted(_names(calls)))
    digest = hashlib.sha256(listed.encode()).hexdigest()
    return {"shard": shard, "calls": len(calls), "sha256": digest}


@contextmanager
def _signals() -> Iterator[dict[str, int]]:
    """Count Ctrl-C (and SIGTERM) in place of being torn out of what is under way."""
    heard = {"n": 0}
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, frame: Any) -> None:
        heard["n"] += 1

    before = {s: signal.signal(s, hear) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    calls: Sequence[Call],
    spec: TaskSpec,
    journal: Journal,
    engine: Callable[[TaskSpec, list[tuple[int, Call, str]]], Engine],
    judge: tuple[str, Callable[[Sequence[ApologyRecord]], None]] | None = None,
    *,
    watch: Watch | None = None,
) -> Run:
    """Examine what is not done yet, judge what is not judged yet.

    Parameters
    ----------
    calls : sequence of Call
    spec : TaskSpec
        What is done with each of them.
    journal : Journal
        What is done already; takes up everything new.
    engine : callable
        Makes the engine for the tasks that are left.
    judge : (str, callable), optional
        What judgements depend on (`task.judge_digest`), and what judges rows in place, many at a
        time. Left out with ``--measures-only``.
    watch : Watch, optional
    """
    began = time.monotonic()
    calls = writable(calls)
    names = idents(calls)
    journal.reached("running")
    journal.want(names)
    stamps = [stamp_of(call, spec) for call in calls]
    _renamed(calls, names, stamps, spec, journal)
    gates = spec.options.settings.gates
    journal.regate(asdict(gates), lambda numbers: closed(numbers, gates))
    tasks = []
    asr = spec.options.asr
    for i, (call, name) in enumerate(zip(calls, names, strict=True)):
        stamp, key, _ = journal.known(name)
        if isinstance(asr, Plan) and asr.owes(call):
            tasks.append((i, call, ""))  # opened once more; its words are kept
        elif not (stamp and key and stamp == stamps[i]):
            tasks.append((i, call, key))
    out = Run(journal, total=len(calls), reused=len(calls) - len(tasks))
    if watch:
        if tasks:
            watch.given([call for _, call, _ in tasks], spec.options)
        watch.begin(len(calls), out.reused)
    with _signals() as heard:
        done = set()
        if tasks:
            done = _collected(engine(spec, tasks), journal, names, stamps, heard, watch)
        out.interrupted = heard["n"] > 0
        if out.interrupted:
            # Rows of an earlier run, with other settings or of another sound, are not this one's.
            journal.leave_out(names[i] for i, *_ in tasks if i not in done)
        else:
            journal.prune()
        if judge is None:
            journal.drop_judgements()
        elif heard["n"] < 2:
            _judge(journal, *judge)
        else:  # stopped before that: what another judge said does not stand under this one's name
            journal.drop_judgements(but=judge[0])
    journal.commit()
    out.seconds = time.monotonic() - began
    return out


def _renamed(
    calls: Sequence[Call],
    names: Sequence[str],
    stamps: Sequence[str],
    spec: TaskSpec,
    journal: Journal,
) -> None:
    """Take up again, by its content, what was measured under a name that is not there any more."""
    left = journal.unwanted()
    for call, name, stamp in zip(calls, names, stamps, strict=True):
        if not left or journal.known(name)[1]:
            continue
        key = key_of(call, spec)
        if not (same := left.get(key.partition(".")[0])):
            continue
        old, record, rows = journal.take(same.pop())
        places = {file_hash(s.path): s.place for s in call.sources[1:]}
        record.tracks = tuple(
            t | {"file": places.get(t["sha256"], call.name)} for t in record.tracks
        )
        record.recording, record.call_id = call.name, call.call_id
        for row in rows:
            row.recording, row.call_id = call.name, call.call_id
        pseudonyms.hide(record, call)
        journal.add(name, stamp if old == key else "", old, record, rows)


def _collected(
    engine: Engine,
    journal: Journal,
    names: Sequence[str],
    stamps: Sequence[str],
    heard: dict[str, int],
    watch: Watch | None,
) -> set[int]:
    """Put outcomes into the journal as they come; returns the numbers of the calls that did."""
    obeyed = 0
    done: set[int] = set()
    try:
        while not engine.done:
            if heard["n"] > obeyed:
                obeyed = heard["n"]
                if obeyed > 1:
                    engine.kill()
                    break
                engine.stop()
                if watch:
                    watch.interrupted()
            got = engine.next()
            if got is None:
                continue
            done.add(got.number)
            name, stamp = names[got.number], stamps[got.number]
            record: CallRecord | None
            if got.conduct is not None:
                record = journal.recast(name, stamp, got.key, *got.conduct)
                withheld = record.withheld
            elif got.examined is None:
                journal.stamp(name, stamp)
                record, withheld = None, 0
            else:
                record, rows = got.examined.record, got.examined.apologies
                withheld = sum(bool(r.gates) for r in rows)
                journal.add(name, stamp, got.key, record, rows)
            if watch and record is not None:
                watch(record, withheld)
    except BaseException:
        engine.kill()
        raise
    journal.commit()
    return done


def _judge(
    journal: Journal, judged_by: str, judge: Callable[[Sequence[ApologyRecord]], None]
) -> None:
    for block in journal.unjudged(judged_by, BLOCK):
        judge([row for _, row in block])
        journal.judged(judged_by, block)
