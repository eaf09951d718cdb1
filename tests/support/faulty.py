"""What goes wrong in workers, for the tests: stands in for `prosody.runs.task` there."""

from __future__ import annotations

import ctypes
import os
import time

from prosody.runs import task

real_examine = task.run


def examine(job, number, call, known=""):
    """Crash, hang, or swell, as the recording's name says."""
    name = call.call_id
    if "segfault" in name:
        ctypes.string_at(0)
    if "exit" in name:
        os._exit(3)
    if "hang" in name:
        time.sleep(600)
    if "swell" in name:
        kept = [bytearray(b"x") * (50 << 20) for _ in range(40)]
        time.sleep(600)
        del kept
    if "grow" in name:
        globals().setdefault("leak", []).append(bytearray(b"x") * (250 << 20))
    outcome = real_examine(job, number, call, known)
    outcome.examined.record.message = str(os.getpid())
    return outcome


class Faulty(task.TaskSpec):
    """Work that puts the above in place of the real function when a worker unpacks it."""

    __slots__ = ()

    def __reduce__(self):
        return _unpack, (self.options, self.redact, self.digest)


def _unpack(*parts):
    task.run = examine
    return Faulty(*parts)
