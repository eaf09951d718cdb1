"""A power cut, simulated: what a run wrote, with everything dropped that was not synced.

``strace`` writes down each write, sync, rename and removal of the run's own process (workers write
nothing). From that, the results folder is built as a disk may hold it when the power fails after
any one of them: what was synced is there; of what was not, every write is there, not there, or
there up to the middle of a sector, at random; creations, renames and removals since the last sync
happened up to some point, in order, as on file systems that keep a log of them (ext4, XFS, NTFS).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import common

SECTOR = 512
_CALLS = (
    "openat,creat,close,write,pwrite64,lseek,ftruncate,fsync,fdatasync,"
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,dup,fcntl"
)
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True)
class Trace:
    """What happened to the files of a folder, in order.

    ``events`` are ("create", path, file), ("rename", path, path), ("remove", path),
    ("write", file, offset, bytes), ("size", file, length) and ("sync", file); files are numbers.
    """

    root: str
    events: list[tuple[Any, ...]] = field(default_factory=list)
    _files: dict[str, int] = field(default_factory=dict)
    _open: dict[int, list[int]] = field(default_factory=dict)  # fd: [file, position]

    def feed(self, line: str) -> None:
        """Take in one line of strace."""
        match = _LINE.match(line)
        if not match or int(match[3]) < 0:
            return
        call, args, result = match[1], match[2], int(match[3])
        paths = [os.fsdecode(_bytes(t)) for t in _TEXT.findall(args)]
        if call in ("openat", "creat"):
            self._opened(paths[0], args, result)
        elif call in ("rename", "renameat", "renameat2"):
            self._renamed(*paths[:2])
        elif call in ("unlink", "unlinkat", "rmdir"):
            if self._ours(paths[0]):
                self._files.pop(paths[0], None)
                self.events.append(("remove", paths[0]))
        else:
            self._on_open(call, args, result)

    def _ours(self, path: str) -> bool:
        return path.startswith(self.root)

    def _opened(self, path: str, args: str, fd: int) -> None:
        self._open.pop(fd, None)
        if not self._ours(path):
            return
        if "O_DIRECTORY" in args or (path not in self._files and "O_CREAT" not in args):
            self._open[fd] = [-1, 0]  # a folder: its sync is a sync of names
            return
        if path not in self._files:
            self._files[path] = len(self.events) + 1
            self.events.append(("create", path, self._files[path]))
        file = self._files[path]
        if "O_TRUNC" in args:
            self.events.append(("size", file, 0))
        self._open[fd] = [file, 0]

    def _renamed(self, old: str, new: str) -> None:
        if not self._ours(old):
            return
        for path in [p for p in self._files if p == old or p.startswith(old + "/")]:
            self._files[new + path[len(old) :]] = self._files.pop(path)
        self.events.append(("rename", old, new))

    def _on_open(self, call: str, args: str, result: int) -> None:
        fd = int(args.split(",", 1)[0])
        if fd not in self._open:
            return
        here = self._open[fd]
        if call == "close":
            del self._open[fd]
        elif call in ("dup", "fcntl"):
            if call == "dup" or "F_DUPFD" in args:
                self._open[result] = here
        elif call == "lseek":
            here[1] = result
        elif call in ("fsync", "fdatasync"):
            self.events.append(("sync", here[0]))
        elif call == "ftruncate":
            self.events.append(("size", here[0], int(args.rsplit(",", 1)[1])))
        else:
            match = _TEXT.search(args)
            assert match is not None
            data = _bytes(match[1])[:result]
            at = int(args.rsplit(",", 1)[1]) if call == "pwrite64" else here[1]
            self.events.append(("write", here[0], at, data))
            if call == "write":
                here[1] += len(data)


def record(command: list[str], out: Path, log: Path) -> Trace:
    """Run a command to its end under strace and return what it did to files below `out`.

    Raises
    ------
    Skip
        If there is no strace, or it may not look at processes here.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise common.Skip("no strace (Linux only)")
    done = subprocess.run(
        [strace, "-o", str(log), "-xx", "-s", "16777216", "-e", f"trace={_CALLS}",
         "-e", "signal=none", *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise common.Skip(f"strace ended with {done.returncode}: {done.stderr[-200:]}")
    trace = Trace(str(out))
    with log.open(encoding="ascii") as lines:
        for line in lines:
            trace.feed(line)
    return trace


def build(trace: Trace, cut: int, to: Path, rng: random.Random | None) -> None:
    """Write the folder as it is after `cut` events into `to`.

    Parameters
    ----------
    trace : Trace
    cut : int
    to : Path
    rng : random.Random, optional
        Decides what of the writes without a sync was lost; None loses nothing.
    """
    events = trace.events[:cut]
    synced: dict[int, int] = {}
    last = -1
    for i, event in enumerate(events):
        if event[0] == "sync":
            synced[event[1]] = last = i
    named = [i for i, e in enumerate(events) if e[0] in ("create", "rename", "remove")]
    late = [i for i in named if i > last]
    lost = set(late[rng.randint(0, len(late)) :]) if rng else set()
    names: dict[str, int] = {}
    contents: dict[int, bytearray] = {}
    for i, event in enumerate(events):
        kind = event[0]
        if kind in ("create", "rename", "remove"):
            if i not in lost:
                _name(names, event)
            continue
        if kind == "sync":
            continue
        body = contents.setdefault(event[1], bytearray())
        unsafe = rng is not None and i > synced.get(event[1], -1)
        if kind == "size":
            if not (unsafe and rng and rng.random() < 0.5):
                length = event[2]
                del body[length:]
                body.extend(bytes(length - len(body)))
            continue
        at, data = event[2], event[3]
        if unsafe and rng is not None:
            fate = rng.random()
            if fate < 0.4:
                continue
            if fate < 0.6:  # some of its sectors
                data = data[: rng.randint(0, len(data) // SECTOR) * SECTOR]
        body.extend(bytes(max(0, at - len(body))))
        body[at : at + len(data)] = data
    for path, file in names.items():
        place = to / os.path.relpath(path, trace.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes(contents.get(file, b"")))


def _name(names: dict[str, int], event: tuple[Any, ...]) -> None:
    if event[0] == "create":
        names[event[1]] = event[2]
    elif event[0] == "remove":
        names.pop(event[1], None)
    else:
        old, new = event[1:]
        moved = [p for p in names if p == old or p.startswith(old + "/")]
        for path in moved:
            names[new + path[len(old) :]] = names.pop(path)
