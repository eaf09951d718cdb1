"""Warm processes beside the pages' server: the heavy work, and a folder that is wiped.

A sound that crashes or hangs a decoder costs its process (`prosody.process`) and nothing else: that
is replaced, and the take is refused. The loop of the server only waits.

The folder holds a take's bytes while they are read, readable by this user alone. It is wiped when
the server stops, and at the next start if it was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from prosody.errors import RecordingError
from prosody.process import Process

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


class Processes:
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
        self._idle: list[Process] = []
        self._askers: list[tuple[bool, int, asyncio.Future[Process]]] = []
        self._asked = 0
        self._processes: set[Process] = set()
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
            started = [self._start() for _ in range(self.count)]
            out = [process.ready.result(START_LIMIT_S) for process in started]
        except BaseException:
            self.close()
            raise
        self._idle = started
        return out

    def close(self) -> None:
        """Stop everything and wipe the folder."""
        self._closed = True
        for process in list(self._processes):
            self._kill(process)
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
            If too much is waiting, or the page is closing.
        RecordingError
            ``crashed`` or ``timed_out`` where the process did not survive it.
        """
        while True:
            process = await self._free_one(soon)
            if self._closed:  # work that was begun while the page was open, and that nobody awaits
                raise Busy
            try:
                work: asyncio.Future[T] = asyncio.wrap_future(process.submit(task, *args))
            except BrokenProcessPool:  # it died while it had nothing to do: no fault of this work
                self._renew(process)
            else:
                break
        try:
            # Shielded: when the asker goes away the process still is busy until it is done.
            out = await asyncio.wait_for(asyncio.shield(work), LIMIT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            self._renew(process)
            code = "timed_out" if isinstance(error, TimeoutError) else "crashed"
            raise RecordingError(
                "Reading this recording took too long."
                if code == "timed_out"
                else "Reading this recording made the reader crash.",
                "Record it again, or save it as WAV first.",
                code=code,
            ) from None
        except asyncio.CancelledError:
            work.add_done_callback(lambda _: self._free(process))
            raise
        except BaseException:
            self._free(process)
            if self._closed:  # stopped in the middle of it
                raise Busy from None
            raise
        self._free(process)
        return out

    async def _free_one(self, soon: bool) -> Process:
        if self._idle:
            return self._idle.pop()
        if len(self._askers) >= MOST_WAITING:
            raise Busy
        turn: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heapq.heappush(self._askers, (not soon, self._asked, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free(turn.result())  # it was given a process and will not use it
            raise

    def _free(self, process: Process) -> None:
        """Give a process to whoever is next."""
        while self._askers:
            _, _, turn = heapq.heappop(self._askers)
            if not turn.done():
                turn.set_result(process)
                return
        self._idle.append(process)

    def _renew(self, process: Process) -> None:
        """Put a new process in the place of one that is gone or hangs."""
        self._kill(process)
        job = asyncio.create_task(self._replace())
        self._replacing.add(job)
        job.add_done_callback(self._replacing.discard)

    async def _replace(self) -> None:
        while not self._closed:
            process = None
            try:
                process = self._start()
                await asyncio.wait_for(asyncio.wrap_future(process.ready), START_LIMIT_S)
            except Exception:
                # Memory may be short for a moment; without this one, all might wait for ever.
                if process is not None:
                    self._kill(process)
                await asyncio.sleep(AGAIN_S)
            else:
                self._free(process)
                return

    def _start(self) -> Process:
        process = Process(self._warm, str(self.folder))
        self._processes.add(process)
        return process

    def _kill(self, process: Process) -> None:
        self._processes.discard(process)
        process.stop()
