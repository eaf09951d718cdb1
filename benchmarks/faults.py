"""Runs that are killed 50 times, stopped, short of disk and of power: nothing lost, nothing twice.

``--profile quick``: 8 kills. Every fault is followed by the same command once more, and what that
gives is compared with a run that nobody disturbed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks import _power, _run, common

PHASES = ("starting", "measuring", "judging and writing")
WHO = ("the run", "a worker", "the run and its workers")
FILES = ("apologies.jsonl", "recordings.jsonl")


def _command(clips: Path, out: Path, *more: Any) -> tuple[Any, ...]:
    return ("analyze", clips, "--clips", "--out", out, "--workers", 2, *more)


def compare(out: Path, whole: Path) -> dict[str, int]:
    """Return how many rows are lost, there twice, or other than in an undisturbed run."""
    found = {"lost": 0, "twice": 0, "other": 0}
    for name in FILES:
        mine, theirs = _run.rows(out / name), _run.rows(whole / name)

        def key(row: dict[str, Any]) -> str:
            return json.dumps([row["recording"], row.get("start_s")])

        count = Counter(map(key, mine))
        found["lost"] += sum(key(r) not in count for r in theirs)
        found["twice"] += sum(n - 1 for n in count.values())
        expected = {key(r): r for r in theirs}
        found["other"] += sum(
            bool(_run.differences(r, expected.get(key(r))))
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


class Story:
    """Follows the progress of a run, so that it can be hit in a phase of one's choice."""

    def __init__(self, clips: Path, out: Path) -> None:
        self.process = _run.start(*_command(clips, out, "--json-progress"), stdout=-3)
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
            workers = _run.workers_of(process.pid, timeout_s=0.5)
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
    calls, whole = _run.clips(folder / "clips", clips), folder / "whole"
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
        kept = _run.in_journal(out, strict=who != "a worker")
        done_at_kill.append(kept)
        worst["half"] += half(out)
        if who == "a worker":
            # One recording may have cost its worker; the run itself goes on.
            survived[f"ended with {code}"] += 1
            worst["without a row after a worker died"] += clips - len(
                {r["recording"] for r in _run.rows(out / "recordings.jsonl")}
            )
        again = _run.finish(*_command(calls, out, "--quiet"))
        codes[str(again.returncode)] += 1
        worst.update(compare(out, whole))
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
    calls, whole = _run.clips(folder / "clips", clips), folder / "whole"
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
        codes[str(code)] += 1
        rows = _run.rows(out / "recordings.jsonl")
        heard = _run.rows(out / "apologies.jsonl")
        written.append(len(rows))
        worst["half"] += half(out) + (len(heard) != len(rows))
        worst["not judged"] += sum(not (r["verdict"] or r["gates"]) for r in heard)
        again = _run.finish(*_command(calls, out, "--quiet"))
        codes[f"then {again.returncode}"] += 1
        worst.update(compare(out, whole))
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
    calls = _run.clips(folder / "clips", clips)
    out = folder / "out"
    process = _run.start(*_command(calls, out, "--time-limit", 2, "--json-progress"), stdout=-3)
    assert process.stderr is not None
    sent: Counter[str] = Counter()
    for line in process.stderr:
        # A worker that crashes says so, too, and not in JSON.
        if '"event": "progress"' not in line or sum(sent.values()) >= faults:
            continue
        kind = ("SIGSEGV", "SIGKILL", "SIGSTOP")[sum(sent.values()) % 3]
        try:
            os.kill(_run.workers_of(process.pid, timeout_s=2)[0], getattr(signal, kind))
            sent[kind] += 1
        except (AssertionError, ProcessLookupError, psutil.Error):
            continue
    code = process.wait()
    lines = _run.rows(out / "recordings.jsonl")
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
    calls, whole = _run.clips(folder / "clips", clips), folder / "whole"
    done = _run.finish(*_command(calls, whole, "--quiet"))
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
            first = _run.finish(*_command(calls, out, "--quiet"))
            codes[str(first.returncode)] += 1
            worst["without a remedy"] += first.returncode != 0 and "room" not in first.stderr
            worst["tracebacks"] += "Traceback" in first.stderr
            in_results = "results cannot be written" in first.stderr
            where["results" if in_results else "journal"] += 1
            worst["half"] += half(out) if out.exists() else 0
            larger(4 * need + 16)
            again = _run.finish(*_command(calls, out, "--quiet"))
            codes[f"then {again.returncode}"] += 1
            worst.update(compare(out, whole))
            worst["left half-written"] += len(list(out.glob(".*.part*")))
    return {
        "disks": len(shares),
        "needed_mb": need,
        "recordings": clips,
        "exit_codes": dict(codes),
        "where_it_was_full": dict(where),
        "rows": dict(worst),
    }


def power(folder: Path, clips: int, cuts: int, resumed: int) -> dict[str, Any]:
    """Cut the power at random writes; what was synced must be there, and all of it whole."""
    rng = random.Random(8)
    calls, whole = _run.clips(folder / "clips", clips), folder / "whole"
    command = _run.command(*_command(calls, whole, "--quiet"))
    trace = _power.record(command, whole, folder / "strace.log")
    kinds = Counter(e[0] for e in trace.events)
    worst: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    kept = []
    marks = sorted(rng.sample(range(1, len(trace.events)), min(cuts, len(trace.events) - 1)))
    for i, cut in enumerate(marks):
        at = folder / "at"
        _power.build(trace, cut, at, rng)
        safe = folder / "safe"
        last = max((k for k in range(cut) if trace.events[k][0] == "sync"), default=0)
        _power.build(trace, last + 1, safe, None)
        try:
            kept.append(_run.in_journal(at))
            worst["lost though synced"] += max(0, _run.in_journal(safe) - kept[-1])
        except (AssertionError, sqlite3.DatabaseError) as error:
            worst["damaged journals"] += 1
            print(f"cut {cut}: {error}", flush=True)
        worst["half"] += half(at)
        if i % max(1, len(marks) // resumed) == 0:
            again = _run.finish(*_command(calls, at, "--quiet"))
            codes[str(again.returncode)] += 1
            worst.update(compare(at, whole))
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


def main(argv: list[str]) -> int:
    """Run all of them and write the figures; 1 where a row was lost, there twice, or half."""
    args = common.arguments(argv, __doc__)
    quick = args.quick
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
