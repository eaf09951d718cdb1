"""Who examines the calls: processes of this machine, or a cluster of Dask or Ray.

All run the same function (`task.run`) on the same calls and give the same rows. Only so many
calls are handed out at a time, so that a million of them need no more memory than a hundred.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager, suppress
from typing import Any

from prosody import NO_TELEMETRY
from prosody.errors import MissingExtraError, ProsodyError, UsageError, install_line
from prosody.runs.processes import (
    InProcess,
    Limits,
    LocalEngine,
    Task,
    how_many,
    parse_memory,
)
from prosody.runs.task import TIME_SHARE, Outcome, TaskSpec, failed
from prosody.threads import ONE_THREAD, one_thread

NAMES = ("local", "dask", "ray")
_PACKAGE = {"dask": "distributed", "ray": "ray"}
_IN_FLIGHT = 4  # calls handed out for each worker of a cluster


class ClusterError(ProsodyError):
    """The cluster cannot be reached, or has no workers."""

    code = "cluster"


def starter(
    name: str,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    memory: str | None = None,
    time_limit_s: float = 60.0,
) -> Callable[[TaskSpec, list[Task]], Any]:
    """Return what makes the engine of a run, once its tasks are known.

    Raises
    ------
    UsageError
        If there is no such engine, or options do not go together.
    MissingExtraError
        If its package is not installed.
    """
    if name not in NAMES:
        raise UsageError(f"--engine {name}: not known.", f"Choose from {', '.join(NAMES)}.")
    if scheduler is not None and name == "local":
        raise UsageError("--scheduler was given without --engine.", "Add --engine dask or ray.")
    if name == "dask" and scheduler is None:
        raise UsageError(
            "--engine dask needs the address of a scheduler.",
            "Add --scheduler tcp://HOST:8786, or a scheduler file.",
        )
    if name != "local":
        if importlib.util.find_spec(_PACKAGE[name]) is None:
            raise MissingExtraError(
                f"--engine {name} needs the package {_PACKAGE[name]}, which is not installed.",
                f"Install it with: {install_line(name)}",
            )
        return lambda spec, tasks: ClusterEngine(
            _CLUSTERS[name](scheduler), spec, tasks, time_limit_s
        )
    budget = None if memory is None else parse_memory(memory)

    def local(spec: TaskSpec, tasks: list[Task]) -> Any:
        # memory:// is a place within one process, so its recordings are examined in this one.
        only_here = (
            str(s.path).startswith("memory:") for _, call, _ in tasks for s in call.sources
        )
        if workers == 0 or any(only_here):
            return InProcess(spec, tasks)
        model = getattr(spec.options.asr, "memory_bytes", 0) if isinstance(spec, TaskSpec) else 0
        n, each = how_many(workers, len(tasks), budget, model_bytes=model)
        limits = Limits(time_s=time_limit_s, memory_bytes=each)
        return LocalEngine(spec, tasks, workers=n, limits=limits)

    how_many(workers or None, 1, budget)  # an impossible --memory is said before anything starts
    return local


def on_cluster(spec: TaskSpec, task: Task, time_limit_s: float) -> Outcome:
    """Examine one call in a worker of a cluster; a hang ends that worker process.

    The cluster starts a new one in its place and says that this one died.
    """
    from prosody.runs import task as module

    one_thread()
    if spec != module.make(spec.options, redact=spec.redact):
        raise ClusterError(
            "A worker of the cluster has other versions of prosody or of what it measures with.",
            "Install the same versions on all machines: rows would differ from worker to worker.",
        )
    number, call, known = task
    seconds = module.length_s(call)
    cost = 0.0 if spec.options.asr is None else module.warm(spec).recognise_cost
    words_s = module.recognition_s(spec, seconds, cost)
    with _DEADLINES.of(time_limit_s + TIME_SHARE * seconds + words_s):
        return module.run(spec, number, call, known)


class _Deadlines:
    """Ends the process at the first deadline of any of its threads.

    faulthandler's timer needs no Python, so that it also ends what hangs in a decoder; but there is
    one for the whole process, and a Dask worker may have several threads. It is always set to the
    deadline that comes first.
    """

    def __init__(self) -> None:
        self._lock, self._ends = threading.Lock(), []  # type: tuple[threading.Lock, list[float]]

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Give a piece of work so many seconds."""
        end = time.monotonic() + seconds
        self._change(self._ends.append, end)
        try:
            yield
        finally:
            self._change(self._ends.remove, end)

    def _change(self, how: Callable[[float], None], end: float) -> None:
        with self._lock:
            how(end)
            with suppress(AttributeError, ValueError, RuntimeError):  # no stderr to write to
                if self._ends:
                    left = max(0.001, min(self._ends) - time.monotonic())
                    faulthandler.dump_traceback_later(left, exit=True, file=sys.__stderr__ or 2)
                else:
                    faulthandler.cancel_dump_traceback_later()


_DEADLINES = _Deadlines()


def _died(task: Task, error: BaseException | str) -> Outcome:
    number, call, _ = task
    return failed(
        number,
        call,
        "worker_died",
        f"{call.name}: the worker that read it ended ({str(error)[:200]}).",
        "The file makes a decoder crash or hang, or the worker ran out of memory; its log says "
        "which. The other recordings are not touched.",
    )


class ClusterEngine:
    """Calls examined by a cluster, through an executor of `concurrent.futures`.

    Parameters
    ----------
    cluster : Executor
        With ``slots``, the calls that it examines at the same time, and ``share``, which puts what
        all calls need on its machines once.
    spec : TaskSpec
    tasks : sequence of (number, Call, known key)
    time_limit_s : float
    """

    def __init__(
        self, cluster: Any, spec: TaskSpec, tasks: Sequence[Task], time_limit_s: float
    ) -> None:
        self._cluster, self._limit_s = cluster, time_limit_s
        self._spec = cluster.share(spec)
        self._ahead: Iterator[Task] = iter(tasks)
        self._task_of: dict[Future[Outcome], Task] = {}
        for _ in range(_IN_FLIGHT * max(1, cluster.slots)):
            self._submit()

    def _submit(self) -> None:
        task = next(self._ahead, None)
        if task is not None:
            job = self._cluster.submit(on_cluster, self._spec, task, self._limit_s)
            self._task_of[job] = task

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        if not self._task_of:
            self._cluster.shutdown()
        return not self._task_of

    def next(self, timeout_s: float = 0.2) -> Outcome | None:
        """Return the next outcome, or None where there is none yet."""
        ready, _ = wait(self._task_of, timeout_s, return_when=FIRST_COMPLETED)
        if not ready:
            return None
        job = ready.pop()
        task = self._task_of.pop(job)
        self._submit()
        try:
            return job.result()
        except Exception as error:
            cause = getattr(error, "cause", error)  # Ray's errors wrap that of the function
            if isinstance(cause, ProsodyError):
                raise cause from None
            return _died(task, error)

    def stop(self) -> None:
        """Take no new calls; those in hand are finished, those handed out but not begun too."""
        self._ahead = iter(())

    def kill(self) -> None:
        """End now."""
        self.stop()
        for job in self._task_of:
            job.cancel()
        self._task_of.clear()
        self._cluster.shutdown(wait=False)


def _dask(scheduler: str | None) -> Any:
    """Return an executor over the workers of a Dask cluster (its address, or a scheduler file)."""
    from distributed import Client

    assert scheduler is not None
    try:
        where = {"address": scheduler} if "://" in scheduler else {"scheduler_file": scheduler}
        connect: Any = Client  # Dask's own functions have no types
        client = connect(**where, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"--scheduler {scheduler}: no Dask scheduler answers ({error}).",
            "Check the address, and that scheduler and workers run this version of Dask.",
        ) from error
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    cluster = client.get_executor(pure=False, retries=0)
    cluster.slots = sum(int(w["nthreads"]) for w in workers)
    cluster.share = lambda spec: client.scatter(spec, broadcast=True, hash=False)
    cluster.shutdown = lambda wait=True: client.close()
    return cluster


class _Ray(Executor):
    """A Ray cluster (``--scheduler ADDRESS``, or one of this machine) as an executor."""

    def __init__(self, scheduler: str | None) -> None:
        import ray

        if not ray.is_initialized():
            try:
                ray.init(
                    address=scheduler,
                    log_to_driver=False,
                    runtime_env={"env_vars": {**ONE_THREAD, **NO_TELEMETRY}},
                    include_dashboard=False,
                )
            except (ConnectionError, ValueError, RuntimeError, TypeError) as error:
                raise ClusterError(
                    f"--scheduler {scheduler}: no Ray cluster answers ({error}).",
                    "Check the address, and that it runs this version of Ray and Python.",
                ) from error
        self.slots = int(ray.cluster_resources().get("CPU", 1))
        self.share, self._cancel = ray.put, ray.cancel
        self._remote = ray.remote(num_cpus=1, max_retries=0)
        self._jobs: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        ref = self._remote(fn).remote(*args, **kwargs)
        job: Future[Any] = ref.future()
        self._jobs[job] = ref
        job.add_done_callback(lambda done: self._jobs.pop(done, None))
        return job

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for ref in () if wait else list(self._jobs.values()):
            self._cancel(ref, force=True)


_CLUSTERS: dict[str, Callable[[str | None], Any]] = {"dask": _dask, "ray": _Ray}
