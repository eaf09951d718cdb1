"""Local workers: when a decoder crashes, hangs or swells, its recording gets a row with a code.

The process (`prosody.process`) is ended and a new one takes its place; the run goes on.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prosody.calls.call import Call
from prosody.errors import ProsodyError, UsageError
from prosody.process import Process
from prosody.runs.task import TIME_LIMIT_S, TIME_SHARE, Outcome, TaskSpec, failed

START_LIMIT_S = 100.0
STARTS = 3
LOOK_EVERY_S = 0.1
MB = 1 << 20
# What one worker needs beside the call in hand, and when it has grown enough to be replaced.
WORKER_MB = 500
GROWN_MB = 200
# So little of a file is done within `Limits.time_s`, however long it lasts: nobody asks how long.
SMALL_BYTES = 1 << 17

Task = tuple[int, Call, str]


class WorkerError(ProsodyError):
    """No worker can be started at all."""

    code = "workers"


def parse_memory(text: str) -> int:
    """Return bytes of ``4GB``, ``900 MB`` or a plain number of bytes.

    Raises
    ------
    UsageError
        If it is no amount.
    """
    sizes = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    cleaned = text.strip().upper().removesuffix("B").removesuffix("I").strip()
    unit = cleaned[-1:] if cleaned[-1:] in sizes else ""
    try:
        amount = float(cleaned.removesuffix(unit) if unit else cleaned)
    except ValueError:
        amount = 0.0
    if not 0 < amount < 1e15:
        raise UsageError(f"--memory {text}: no amount of memory.", "Examples: 4GB, 900MB.")
    return int(amount * sizes[unit])


def how_many(
    asked: int | None, calls: int, memory: int | None, *, model_bytes: int = 0
) -> tuple[int, int]:
    """Return the number of workers and the memory that each may take, in bytes.

    Parameters
    ----------
    asked : int, optional
        ``--workers``; by default one for each processor this process may use.
    calls : int
        There are never more workers than calls.
    memory : int, optional
        ``--memory`` in bytes; by default four fifths of what is free now.
    model_bytes : int
        What a recogniser takes in each worker.
    """
    import psutil

    least = WORKER_MB * MB + model_bytes

    free = psutil.virtual_memory().available
    budget = memory if memory is not None else int(0.8 * free)
    if budget < least and (memory is not None or model_bytes):
        needed = f"one worker needs {least // MB} MB"
        if model_bytes:
            needed += f", {model_bytes // MB} MB of it for the recogniser"
        raise UsageError(
            f"{'--memory' if memory is not None else 'Free memory'}: {budget // MB} MB; {needed}.",
            "Give it more."
            if not model_bytes
            else "Give it more, or take a smaller recogniser (prosody recognisers).",
        )
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    n = min(asked if asked is not None else cores, calls, budget // least)
    n = max(1, n)
    return n, budget // n


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may cost: seconds (and seconds for each second of sound), and memory."""

    time_s: float = TIME_LIMIT_S
    time_share: float = TIME_SHARE
    memory_bytes: int = 4096 * MB


class _Gone(Exception):  # noqa: N818 -- it is an event, and becomes a row
    """The worker in hand is no more; code, message and remedy for the row."""


class _Worker:
    """One process, replaced when it is gone."""

    def __init__(self, spec: TaskSpec, limits: Limits) -> None:
        self.spec, self.limits = spec, limits
        self.process: Process | None = None

    def start(self) -> None:
        """Start the process; one that dies while it loads is no reason to end the run."""
        import psutil

        from prosody.runs import task

        # Everything is loaded before it answers, a recogniser too: growth counts from here.
        size = getattr(self.spec.options.asr, "size_bytes", 0)
        for more in range(STARTS - 1, -1, -1):
            try:
                self.process = Process(task.warm, self.spec)
                found = self.process.ready.result(START_LIMIT_S + START_LIMIT_S * size / 1e9)
                self.seen = psutil.Process(found.pid)
            except Exception as error:
                self.stop()
                if not more:
                    raise WorkerError(
                        f"No worker process can be started ({type(error).__name__}: {error}).",
                        "Run with --workers 0 to see what is wrong, or give more --memory.",
                    ) from error
            else:
                self.rest_bytes, self.cost = found.rss_bytes, found.recognise_cost
                return

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.stop()

    def run(self, task: Task) -> Outcome:
        from prosody.runs import task as module

        number, call, known = task
        if self.process is None:
            self.start()
        assert self.process is not None
        try:
            seconds = 0.0
            if self.spec.options.asr or not _small(call):
                asked = self.process.submit(module.length_s, call)
                seconds = self._wait(asked, self.limits.time_s, call)
            words_s = module.recognition_s(self.spec, seconds, self.cost)
            limit = self.limits.time_s + self.limits.time_share * seconds + words_s
            job = self.process.submit(module.run, self.spec, number, call, known)
            outcome: Outcome = self._wait(job, limit, call, seconds, words_s)
        except _Gone as gone:
            self.stop()
            return failed(number, call, *gone.args)
        grown = GROWN_MB * MB + getattr(self.spec.options.asr, "memory_bytes", 0)
        if outcome.rss_bytes > self.rest_bytes + grown:
            self.stop()
        return outcome

    def _wait(
        self,
        job: Future[Any],
        limit_s: float,
        call: Call,
        length_s: float = 0.0,
        words_s: float = 0.0,
    ) -> Any:
        """Wait for a job while time and memory last; `words_s` of the time is for recognising."""
        import psutil

        end = time.monotonic() + limit_s
        while True:
            try:
                return job.result(timeout=LOOK_EVERY_S)
            except NotYet:
                if job.done():  # it raised this itself
                    raise
            except Exception as error:
                raise _Gone(
                    "worker_died",
                    f"{call.name}: the process that read it ended ({_short(error)}).",
                    "The file makes a decoder crash, or the machine ran out of memory. The other "
                    "recordings are not touched; convert this one to WAV and try again.",
                ) from error
            if time.monotonic() > end:
                raise _late(call, limit_s, length_s, words_s)
            try:
                rss = self.seen.memory_info().rss
            except psutil.Error:
                continue  # it is gone; the job says so
            if rss > self.limits.memory_bytes:
                most, rest = self.limits.memory_bytes // MB, self.rest_bytes // MB
                model = ", the recogniser among them" if self.spec.options.asr else ""
                raise _Gone(
                    "memory_limit",
                    f"{call.name}: needs more than {most} MB; {rest} MB of them were taken "
                    f"before it{model}.",
                    "Raise --memory or lower --workers.",
                )


def _small(call: Call) -> bool:
    try:
        return sum(Path(s.path).stat().st_size for s in call.sources) <= SMALL_BYTES
    except (OSError, TypeError, ValueError):  # it lies elsewhere, or cannot be asked
        return False


def _late(call: Call, limit_s: float, length_s: float, words_s: float) -> _Gone:
    if words_s:
        return _Gone(
            "time_limit",
            f"{call.name}: not done after {limit_s:.0f} s, {words_s:.0f} s of them for recognising "
            f"the words of {length_s:.0f} s of sound.",
            "The machine has become much busier than when the recogniser was loaded, or the model "
            "does not come to an end: lower --workers, raise --time-limit, or take a smaller "
            "recogniser (prosody recognisers).",
        )
    return _Gone(
        "time_limit",
        f"{call.name}: not done after {limit_s:.0f} s.",
        "Far longer than its length explains: convert the file to WAV, or raise --time-limit.",
    )


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    marks = text.rsplit("exit codes of the workers are", 1)
    return marks[1].strip(" .") if len(marks) > 1 else f"{type(error).__name__}: {text[:200]}"


class LocalEngine:
    """Calls examined by worker processes of this machine.

    Parameters
    ----------
    spec : TaskSpec
    tasks : sequence of (number, Call, known key)
    workers : int
    limits : Limits
    """

    def __init__(
        self, spec: TaskSpec, tasks: Sequence[Task], *, workers: int, limits: Limits | None = None
    ) -> None:
        self._ahead = iter(tasks)
        self._lock = threading.Lock()
        self._stopping = False
        self._out: queue.Queue[Outcome | Exception | None] = queue.Queue()
        self._workers = [_Worker(spec, limits or Limits()) for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(w,), daemon=True) for w in self._workers
        ]
        self._running = len(self._threads)
        for thread in self._threads:
            thread.start()

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopping else next(self._ahead, None)

    def _serve(self, worker: _Worker) -> None:
        try:
            while (task := self._next()) is not None:
                self._out.put(worker.run(task))
        except Exception as error:
            self._out.put(error)
        finally:
            worker.stop()
            self._out.put(None)

    def next(self, timeout_s: float = 0.2) -> Outcome | None:
        """Return the next outcome, or None where there is none yet (`done` tells which)."""
        try:
            got = self._out.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(got, Exception):
            raise got
        if got is None:
            self._running -= 1
        return got

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self._running == 0 and self._out.empty()

    def stop(self) -> None:
        """Take no new calls; those in hand are finished."""
        self._stopping = True

    def kill(self) -> None:
        """End now; calls in hand are lost (and done again next time)."""
        self._stopping = True
        for worker in self._workers:
            worker.stop()


class InProcess:
    """Calls examined in this process, one after another: for tests and for finding faults."""

    def __init__(
        self,
        spec: TaskSpec,
        tasks: Sequence[Task],
        *,
        run: Callable[..., Outcome] | None = None,
    ) -> None:
        from prosody.runs import task as module

        self._spec, self._ahead, self.done = spec, list(reversed(tasks)), not tasks
        self._run = run or module.run

    def next(self, timeout_s: float = 0.2) -> Outcome | None:
        """Examine one more call."""
        if not self._ahead:
            self.done = True
            return None
        outcome = self._run(self._spec, *self._ahead.pop())
        self.done = not self._ahead
        return outcome

    def stop(self) -> None:
        """Take no new calls."""
        self._ahead, self.done = [], True

    kill = stop
