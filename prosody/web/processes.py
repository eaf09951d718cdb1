"""Where the heavy work is done: warm processes beside the server, and a folder that is wiped.

Each process is a pool of one, so that a sound that crashes or hangs a decoder takes nothing with
it: that process is replaced, and the take is refused. The loop of the server only waits.

The folder holds a take's bytes while they are read, readable by this user alone. It is wiped when
the server stops, and at the next start if it was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from prosody.errors import RecordingError
from prosody.threads import ONE_THREAD

PREFIX = "prosody-studio-"
LIMIT_S = 30.0
"""Longest time for one piece of work."""
START_LIMIT_S = 120.0
AGAIN_S = 1.0
"""After so long a process that did not start is tried again."""
MOST_WAITING = 100

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - a state, and no error of ours
    """So much is waiting that nothing more is taken."""


def wipe_stale(parent: Path | None = None) -> int:
    """Wipe folders of servers that are gone (killed, or the machine went down); return how many.

    A folder carries the number of its process, and in a file when that process began: a number is
    given again, a beginning is not. Only folders of this user are touched, and no links.
    """
    import psutil

    gone = 0
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        try:
            pid = int(folder.name.removeprefix(PREFIX).split("-")[0])
            about = folder.lstat()
        except (OSError, ValueError):
            continue
        if not folder.is_dir() or folder.is_symlink():
            continue
        if hasattr(os, "getuid") and about.st_uid != os.getuid():
            continue
        try:
            began = float((folder / "began").read_text(encoding="ascii"))
        except (OSError, ValueError):
            began = 0.0
            if time.time() - about.st_mtime < 60:
                continue  # just being made
        with contextlib.suppress(psutil.Error):
            if abs(psutil.Process(pid).create_time() - began) < 2.0:
                continue
        shutil.rmtree(folder, ignore_errors=True)
        gone += 1
    return gone


def make_folder(parent: Path | None = None) -> Path:
    """Make a folder that only this user may enter, and that can be known as stale later."""
    import psutil

    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))  # mode 0700
    began = psutil.Process().create_time()
    (folder / "began").write_text(f"{began}", encoding="ascii")
    return folder


def _begin(parent: int) -> None:
    """Make a worker ready: deaf to Ctrl-C (the server decides), and gone when the server is."""
    import psutil

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One that outlives its server would wait forever, with somebody's voice in memory.
    with contextlib.suppress(psutil.Error):
        server = psutil.Process(parent)

        def watch() -> None:
            while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
                time.sleep(1.0)
            os._exit(0)

        def safely() -> None:
            try:
                watch()
            except psutil.Error:
                os._exit(0)

        threading.Thread(target=safely, daemon=True).start()


class Workroom:
    """Some warm processes and a folder.

    Parameters
    ----------
    warm : callable
        ``warm(folder)``, run once in every process before it takes work.
    count : int, optional
        Processes; by default one for each processor, at most four.
    parent : Path, optional
        Where the folder is made; the system's place for such by default.
    """

    def __init__(
        self, warm: Callable[[str], Any], count: int | None = None, parent: Path | None = None
    ) -> None:
        if count is None:
            usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
            count = max(1, min(4, len(usable)))
        self.count, self._warm, self._parent = count, warm, parent
        self._idle: list[ProcessPoolExecutor] = []
        self._askers: list[tuple[bool, int, asyncio.Future[ProcessPoolExecutor]]] = []
        self._asked = 0
        self._pools: set[ProcessPoolExecutor] = set()
        self._closed = False
        self._replacing: set[asyncio.Task[None]] = set()
        self.folder = Path()

    def open(self) -> list[Any]:
        """Wipe what others left, make the folder, start the processes and warm them up.

        Returns
        -------
        list
            What warming up gave in each process.
        """
        wipe_stale(self._parent)
        self.folder = make_folder(self._parent)
        try:
            pools = [self._start() for _ in range(self.count)]
            warming = [p.submit(self._warm, str(self.folder)) for p in pools]
            out = [w.result(START_LIMIT_S) for w in warming]
        except BaseException:
            self.close()
            raise
        self._idle = pools
        return out

    def close(self) -> None:
        """Stop everything and wipe the folder."""
        self._closed = True
        for pool in list(self._pools):
            self._kill(pool)
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    async def run(self, task: Callable[..., T], *args: Any, soon: bool = False) -> T:
        """Do a piece of work in the next process that is free.

        Parameters
        ----------
        task : callable
        args
        soon : bool
            Go before what waits already: for what takes a moment only.

        Raises
        ------
        Busy
            If too much is waiting.
        RecordingError
            ``crashed`` or ``timed_out`` where the process did not survive it.
        """
        loop = asyncio.get_running_loop()
        while True:
            pool = await self._free_one(loop, soon)
            try:
                work = loop.run_in_executor(pool, task, *args)
            except BrokenProcessPool:  # it died while it had nothing to do: no fault of this work
                self._renew(pool)
            else:
                break
        try:
            # Shielded: when the asker goes away the process still is busy until it is done.
            out = await asyncio.wait_for(asyncio.shield(work), LIMIT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            self._renew(pool)
            code = "timed_out" if isinstance(error, TimeoutError) else "crashed"
            raise RecordingError(
                "Reading this recording took too long."
                if code == "timed_out"
                else "Reading this recording made the reader crash.",
                "Record it again, or save it as WAV first.",
                code=code,
            ) from None
        except asyncio.CancelledError:
            work.add_done_callback(lambda _: self._free(pool))
            raise
        except BaseException:
            self._free(pool)
            raise
        self._free(pool)
        return out

    async def _free_one(self, loop: asyncio.AbstractEventLoop, soon: bool) -> ProcessPoolExecutor:
        if self._idle:
            return self._idle.pop()
        if len(self._askers) >= MOST_WAITING:
            raise Busy
        turn: asyncio.Future[ProcessPoolExecutor] = loop.create_future()
        self._asked += 1
        heapq.heappush(self._askers, (not soon, self._asked, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free(turn.result())  # it was given a process and will not use it
            raise

    def _free(self, pool: ProcessPoolExecutor) -> None:
        """Give a process to whoever is next."""
        while self._askers:
            _, _, turn = heapq.heappop(self._askers)
            if not turn.done():
                turn.set_result(pool)
                return
        self._idle.append(pool)

    def _renew(self, pool: ProcessPoolExecutor) -> None:
        """Put a new process in the place of one that is gone or hangs."""
        self._kill(pool)
        job = asyncio.create_task(self._replace())
        self._replacing.add(job)
        job.add_done_callback(self._replacing.discard)

    async def _replace(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            pool = None
            try:
                pool = self._start()
                warming = loop.run_in_executor(pool, self._warm, str(self.folder))
                await asyncio.wait_for(warming, START_LIMIT_S)
            except Exception:
                # Memory may be short for a moment; without this one, all might wait for ever.
                if pool is not None:
                    self._kill(pool)
                await asyncio.sleep(AGAIN_S)
            else:
                self._free(pool)
                return

    def _start(self) -> ProcessPoolExecutor:
        before = {k: os.environ.get(k) for k in ONE_THREAD}
        os.environ.update(ONE_THREAD)  # read when numpy is loaded, in the process that starts now
        try:
            pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), _begin, (os.getpid(),)
            )
            pool.submit(os.getpid)  # starts it
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        self._pools.add(pool)
        return pool

    def _kill(self, pool: ProcessPoolExecutor) -> None:
        self._pools.discard(pool)
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(5.0)
