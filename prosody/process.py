"""One warm process for work that may crash, hang or swell: only that process is lost.

Each is a pool of one (loky's executor): in a shared pool one crash would break it as a whole. It is
spawned, computes in one thread, does not hear Ctrl-C (who started it decides), and is not outlived
by who started it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from prosody.threads import ONE_THREAD


class Process:
    """A process and what it is doing.

    Parameters
    ----------
    warm : callable
        What it does first: load everything, so that the first piece of work is not slower.
    args
        What `warm` is given.

    Attributes
    ----------
    ready : Future
        What `warm` returned, or the error that it ended with.
    """

    def __init__(self, warm: Callable[..., Any], *args: Any) -> None:
        from loky import ProcessPoolExecutor

        self.pool = ProcessPoolExecutor(
            max_workers=1, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD
        )
        # Inherited: Ctrl-C must not end a process while it still loads.
        masks = hasattr(signal, "pthread_sigmask")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
        try:
            self.ready: Future[Any] = self.pool.submit(warm, *args)
        except BaseException:
            self.stop()
            raise
        finally:
            if masks:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        """Give it a piece of work.

        Raises
        ------
        BrokenProcessPool
            If it is no more.
        """
        job: Future[Any] = self.pool.submit(task, *args)
        return job

    def stop(self) -> None:
        """End it, whatever it does."""
        self.pool.shutdown(wait=True, kill_workers=True)


def _begin(parent: int) -> None:
    for name in ("SIGINT", "SIGTERM"):
        if name == "SIGINT" or sys.platform != "win32":
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """End this process with the one that started it: it would wait for ever, holding sound."""
    import psutil

    while psutil.pid_exists(parent) and (os.name == "nt" or os.getppid() == parent):
        time.sleep(0.5)
    os._exit(0)
