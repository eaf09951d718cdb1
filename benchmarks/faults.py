"""Runs killed, stopped, short of disk and power, and damaged journals: nothing lost, nothing twice.

Every fault is followed by the same command once more, and what that gives is compared with a run
that nobody disturbed (50 kills; ``--profile quick``: 8).

A power cut is simulated: ``strace`` writes down each write, sync, rename and removal of the run's
own process (workers write nothing). From that, the results folder is built as a disk may hold it
when the power fails after any one of them: what was synced is there; of what was not, every write
is there, not there, or there up to the middle of a sector, at random; creations, renames and
removals since the last sync happened up to some point, in order, as on file systems that keep a log
of them (ext4, XFS, NTFS).

Damage has a result of its own. After each, to the database or its write-ahead log, of a finished
run or of one that was killed, the folder is used once more. Counted is whether the rows are those
of an undisturbed folder, or it was refused with a remedy; anything else ends the benchmark.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import damaged
import psutil
import running

from benchmarks import common
from prosody.errors import ProsodyError
from prosody.runs import merge

PHASES = ("starting", "measuring", "judging and writing")
WHO = ("the run", "a worker", "the run and its workers")
FILES = ("apologies.jsonl", "recordings.jsonl")


def _command(clips: Path, out: Path, *more: Any) -> tuple[Any, ...]:
    return ("analyze", clips, "--clips", "--out", out, "--workers", 2, *more)


def compare(out: Path, whole: Path) -> dict[str, int]:
    """Return how many rows are lost, there twice, or other than in an undisturbed run."""
    found = {"lost": 0, "twice": 0, "other": 0}
    for name in FILES:
        mine, theirs = running.rows(out / name), running.rows(whole / name)

        def key(row: dict[str, Any]) -> str:
            return json.dumps([row["recording"], row.get("start_s")])

        count = Counter(map(key, mine))
        found["lost"] += sum(key(r) not in count for r in theirs)
        found["twice"] += sum(n - 1 for n in count.values())
        expected = {key(r): r for r in theirs}
        found["other"] += sum(
            bool(running.differences(r, expected.get(key(r))))
            for r in mine
        )  # fmt: skip
    return found


def half(out: Path) -> int:
    """Return how many results under their own name are not whole; a journal in part is an error."""
    bad = 0
    for name in FILES:
        path = out / name
        if path.exists():
            text = path.read_text(encoding="utf-8")
            try:
                [json.loads(line) for line in text.splitlines()]
            except ValueError:
                bad += 1
            bad += bool(text) and not text.endswith("\n")
    return bad


def once_more(calls: Path, out: Path, whole: Path, worst: Counter[str]) -> int:
    """Run the same command again and add to `worst` how its rows differ; returns its exit code."""
    again = running.finish(*_command(calls, out, "--quiet"))
    worst.update(compare(out, whole))
    return again.returncode


class Story:
    """Follows the progress of a run, so that it can be hit in a phase of one's choice."""

    def __init__(self, clips: Path, out: Path) -> None:
        self.process = running.start(*_command(clips, out, "--json-progress"), stdout=-3)
        self.began = time.monotonic()

    def until(self, phase: str) -> None:
        """Wait until a phase begins (or the run ends)."""
        if phase == "starting":
            return
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not line.startswith("{"):
                continue
            event = json.loads(line)
            if event["event"] == "begin" and phase == "measuring":
                return
            if event["event"] == "progress" and event["done"] == event["total"]:
                return

    def finish(self) -> int:
        """Let it end by itself."""
        self.process.communicate(timeout=600)
        return self.process.returncode


def lengths(clips: Path, out: Path) -> dict[str, float]:
    """Return how long each phase of an undisturbed run takes, in seconds."""
    story = Story(clips, out)
    times = [story.began]
    for phase in PHASES[1:]:
        story.until(phase)
        times.append(time.monotonic())
    code = story.finish()
    if code:
        raise SystemExit(f"a run that nobody disturbed ended with {code}")
    times.append(time.monotonic())
    return {p: b - a for p, a, b in zip(PHASES, times[:-1], times[1:], strict=True)}


def kill(story: Story, who: str, rng: random.Random) -> str:
    """Kill -9 one of them; returns what was hit."""
    process = story.process
    if who == "a worker":
        try:
            workers = running.workers_of(process.pid, timeout_s=0.5)
            os.kill(rng.choice(workers), signal.SIGKILL)
            return who
        except (AssertionError, ProcessLookupError, psutil.Error):
            who = "the run"  # there is no worker (yet, or any more)
    with contextlib.suppress(ProcessLookupError):
        if who == "the run":
            process.send_signal(signal.SIGKILL)
        else:
            for pid in [c.pid for c in psutil.Process(process.pid).children()]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.send_signal(signal.SIGKILL)
    return who


def kills(folder: Path, n: int, clips: int) -> dict[str, Any]:
    """Kill a run `n` times at random moments of all its phases, and let each go on to its end."""
    rng = random.Random(5)
    calls, whole = running.clips(folder / "clips", clips), folder / "whole"
    took = lengths(calls, whole)
    hit: Counter[str] = Counter()
    phases: Counter[str] = Counter()
    worst: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    done_at_kill = []
    missed, i = 0, 0
    while i < n:
        out, phase, who = folder / "out", PHASES[i % 3], WHO[i // 3 % 3]
        story = Story(calls, out)
        story.until(phase)
        time.sleep(rng.uniform(0, took[phase]))
        if story.process.poll() is not None:  # too late: that phase was shorter this time
            story.finish()
            shutil.rmtree(out)
            took[phase] *= 0.9
            missed += 1
            continue
        who = kill(story, who, rng)
        code = story.finish()
        i += 1
        hit[who] += 1
        phases[phase] += 1
        kept = running.in_journal(out, strict=who != "a worker")
        done_at_kill.append(kept)
        worst["half"] += half(out)
        if who == "a worker":
            # One recording may have cost its worker; the run itself goes on.
            survived[f"ended with {code}"] += 1
            worst["without a row after a worker died"] += clips - len(
                {r["recording"] for r in running.rows(out / "recordings.jsonl")}
            )
        codes[str(once_more(calls, out, whole, worst))] += 1
        worst["left half-written"] += len(list(out.glob(".*.part*")))
        shutil.rmtree(out)
        print(f"kill {i}: {who}, {phase}: {kept} of {clips} were kept", flush=True)
    return {
        "kills": n,
        "ended_before_the_kill": missed,
        "recordings": clips,
        "phases": dict(phases),
        "killed": dict(hit),
        "in_journal_at_kill": done_at_kill,
        "runs_whose_worker_died": dict(survived),
        "exit_codes_when_resumed": dict(codes),
        "rows": dict(worst),
    }


def stops(folder: Path, n: int, clips: int) -> dict[str, Any]:
    """Press Ctrl-C at random moments of measuring; exit 130, rows whole, and the rest later."""
    rng = random.Random(6)
    calls, whole = running.clips(folder / "clips", clips), folder / "whole"
    took = lengths(calls, whole)
    codes: Counter[str] = Counter()
    worst: Counter[str] = Counter()
    written: list[int] = []
    while len(written) < n:
        out = folder / "out"
        story = Story(calls, out)
        story.until("measuring")
        time.sleep(rng.uniform(0, took["measuring"]))
        # As a terminal does: to the workers, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(story.process.pid, (signal.SIGINT, signal.SIGTERM)[len(written) % 2])
        if (code := story.finish()) == 0:  # all was measured before it heard
            shutil.rmtree(out)
            took["measuring"] *= 0.8
            continue
        if not (out / "apologies.jsonl").exists():  # stopped in the middle of writing
            codes[f"{code} in writing, then {once_more(calls, out, whole, worst)}"] += 1
            shutil.rmtree(out)
            took["measuring"] *= 0.8
            continue
        codes[str(code)] += 1
        rows = running.rows(out / "recordings.jsonl")
        heard = running.rows(out / "apologies.jsonl")
        written.append(len(rows))
        worst["half"] += half(out) + (len(heard) != len(rows))
        worst["not judged"] += sum(not (r["verdict"] or r["gates"]) for r in heard)
        codes[f"then {once_more(calls, out, whole, worst)}"] += 1
        shutil.rmtree(out)
    return {
        "stops": n,
        "recordings": clips,
        "exit_codes": dict(codes),
        "rows_written_when_stopped": written,
        "rows": dict(worst),
    }


def workers(folder: Path, clips: int, faults: int) -> dict[str, Any]:
    """Crash and stop workers while a run goes on; each fault may cost one recording a row."""
    calls = running.clips(folder / "clips", clips)
    out = folder / "out"
    process = running.start(*_command(calls, out, "--time-limit", 2, "--json-progress"), stdout=-3)
    assert process.stderr is not None
    sent: Counter[str] = Counter()
    for line in process.stderr:
        # A worker that crashes says so, too, and not in JSON.
        if '"event": "progress"' not in line or sum(sent.values()) >= faults:
            continue
        kind = ("SIGSEGV", "SIGKILL", "SIGSTOP")[sum(sent.values()) % 3]
        try:
            os.kill(running.workers_of(process.pid, timeout_s=2)[0], getattr(signal, kind))
            sent[kind] += 1
        except (AssertionError, ProcessLookupError, psutil.Error):
            continue
    code = process.wait()
    lines = running.rows(out / "recordings.jsonl")
    return {
        "recordings": clips,
        "faults": dict(sent),
        "exit_code": code,
        "rows": len(lines),
        "codes": dict(Counter(line["code"] or line["status"] for line in lines)),
        "one_row_each": len({line["recording"] for line in lines}) == len(lines) == clips,
    }


@contextlib.contextmanager
def small_disk(place: Path, megabytes: float) -> Iterator[Callable[[float], None]]:
    """Give a disk of so many megabytes, and what makes it larger.

    Raises
    ------
    Skip
        If this user may not mount one.
    """
    place.mkdir(parents=True)
    size = f"size={round(megabytes * 1024)}k"
    try:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise common.Skip(f"no disk of a chosen size can be made here ({error})") from error
    if made.returncode:
        raise common.Skip(f"no disk of a chosen size can be made here ({made.stderr.strip()})")

    def larger(megabytes: float) -> None:
        size = f"remount,size={round(megabytes * 1024)}k"
        subprocess.run(["mount", "-o", size, str(place)], check=True)

    try:
        yield larger
    finally:
        subprocess.run(["umount", str(place)], check=True)


def full_disk(folder: Path, clips: int) -> dict[str, Any]:
    """Let disks of many sizes run full, in the journal and in the results; then make room."""
    calls, whole = running.clips(folder / "clips", clips), folder / "whole"
    done = running.finish(*_command(calls, whole, "--quiet"))
    if done.returncode:
        raise SystemExit(done.stderr)
    need = sum(f.stat().st_size for f in whole.rglob("*") if f.is_file()) / (1 << 20)
    worst: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    where: Counter[str] = Counter()
    shares = (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)
    for share in shares:
        with small_disk(folder / f"disk-{share}", share * need) as larger:
            out = folder / f"disk-{share}" / "out"
            first = running.finish(*_command(calls, out, "--quiet"))
            codes[str(first.returncode)] += 1
            worst["without a remedy"] += first.returncode != 0 and "room" not in first.stderr
            worst["tracebacks"] += "Traceback" in first.stderr
            in_results = "results cannot be written" in first.stderr
            where["results" if in_results else "journal"] += 1
            worst["half"] += half(out) if out.exists() else 0
            larger(4 * need + 16)
            codes[f"then {once_more(calls, out, whole, worst)}"] += 1
            worst["left half-written"] += len(list(out.glob(".*.part*")))
    return {
        "disks": len(shares),
        "needed_mb": need,
        "recordings": clips,
        "exit_codes": dict(codes),
        "where_it_was_full": dict(where),
        "rows": dict(worst),
    }


# --- power ----------------------------------------------------------------------------------------

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


def power(folder: Path, clips: int, cuts: int, resumed: int) -> dict[str, Any]:
    """Cut the power at random writes; what was synced must be there, and all of it whole."""
    rng = random.Random(8)
    calls, whole = running.clips(folder / "clips", clips), folder / "whole"
    command = running.command(*_command(calls, whole, "--quiet"))
    trace = record(command, whole, folder / "strace.log")
    kinds = Counter(e[0] for e in trace.events)
    worst: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    kept = []
    marks = sorted(rng.sample(range(1, len(trace.events)), min(cuts, len(trace.events) - 1)))
    for i, cut in enumerate(marks):
        at = folder / "at"
        build(trace, cut, at, rng)
        safe = folder / "safe"
        last = max((k for k in range(cut) if trace.events[k][0] == "sync"), default=0)
        build(trace, last + 1, safe, None)
        try:
            kept.append(running.in_journal(at))
            worst["lost though synced"] += max(0, running.in_journal(safe) - kept[-1])
        except (AssertionError, sqlite3.DatabaseError) as error:
            worst["damaged journals"] += 1
            print(f"cut {cut}: {error}", flush=True)
        worst["half"] += half(at)
        if i % max(1, len(marks) // resumed) == 0:
            codes[str(once_more(calls, at, whole, worst))] += 1
        for place in (at, safe):
            shutil.rmtree(place, ignore_errors=True)
    return {
        "cuts": len(marks),
        "resumed": sum(codes.values()),
        "recordings": clips,
        "events": dict(kinds),
        "in_journal_after_a_cut": [min(kept), max(kept)] if kept else [],
        "exit_codes_when_resumed": dict(codes),
        "rows": dict(worst),
    }


# --- damage ---------------------------------------------------------------------------------------


def use(act: str, folder: Path, out: Path, into: Path, expected: Any, *, finished: bool) -> str:
    """Use a damaged folder, and return how that ended; raises where rows are not as they were."""
    try:
        if act == "analyze":
            saved, _ = damaged.go(folder, out)
            right = damaged.rows_of(out) == expected
            end = "same rows, nothing to tell" if saved is None else "same rows, told"
        elif act == "forget":
            merge.forget("003", out)
            left = [r for r in damaged.rows_of(out)[1] if r["call_id"] != "003"] if finished else []
            right = not finished or (
                len(left) == len(damaged.rows_of(out)[1]) == damaged.CALLS - 1
                and len(damaged.rows_of(out)[0]) == 2 * (damaged.CALLS - 1)
            )
            end = "forgotten"
        else:
            merge.merge([out], into)
            right, end = damaged.rows_of(into) == expected, "same rows, nothing to tell"
    except ProsodyError as error:
        if not error.remedy:
            raise
        return "refused with a remedy"
    if not right:
        raise AssertionError(f"{act}: the rows are others")
    return end


def damage(home: Path, rounds: int) -> list[dict[str, Any]]:
    """Damage and use again, so many times; returns how that ended."""
    ends: Counter[tuple[str, str]] = Counter()
    folder, whole, half = damaged.made(home / "made")
    expected = damaged.rows_of(whole)
    out, into = home / "out", home / "into"
    for seed in range(rounds):
        rng = random.Random(seed)
        finished = rng.random() < 0.5
        for old in (out, into):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(whole if finished else half, out)
        for _ in range(rng.choice((1, 1, 1, 2))):
            file = rng.choice(sorted(out.glob("journal.sqlite*")))
            damaged.damage(file, rng.choice(damaged.HOW), rng)
        act = rng.choice(("analyze", "analyze", "forget", "merge"))
        try:
            ends[act, use(act, folder, out, into, expected, finished=finished)] += 1
        except Exception:
            print(f"seed {seed}: {act} of a {'finished' if finished else 'killed'} run")
            raise
    return [{"command": a, "end": e, "count": n} for (a, e), n in sorted(ends.items())]


def main(argv: list[str]) -> int:
    """Run all of them and write the figures; 1 where a row was lost, there twice, or half."""
    args = common.arguments(argv, __doc__)
    quick = args.quick
    with tempfile.TemporaryDirectory(prefix="prosody-damage-") as folder:
        rounds = 200 if quick else 2000
        ends = damage(Path(folder), rounds)
    print(common.table(ends))
    common.write("damage", args, {"rounds": [{"count": rounds}], "ends": ends})
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "kills": lambda p: kills(p, 8 if quick else 50, 60 if quick else 300),
        "stops": lambda p: stops(p, 2 if quick else 10, 100 if quick else 400),
        "workers": lambda p: workers(p, 300 if quick else 4000, 3 if quick else 12),
        "full_disk": lambda p: full_disk(p, 60 if quick else 300),
        "power": lambda p: power(p, 40 if quick else 250, 20 if quick else 400, 4 if quick else 20),
    }
    results: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                results[name] = part(Path(folder))
            except common.Skip as reason:
                skipped[name] = str(reason)
                continue
        print(f"{name}: {json.dumps(results[name])}", flush=True)
    bad = {n: r["rows"] for n, r in results.items() if n != "workers" and any(r["rows"].values())}
    common.write("faults", args, results, skipped=skipped)
    if bad:
        print(f"not as it should be: {json.dumps(bad)}")
    return 1 if bad or not results["workers"]["one_row_each"] else 0
