"""Runs that are killed 50 times, whose workers die and hang: nothing lost, nothing twice.

``--profile quick``: 8 kills.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from benchmarks import _run, common


def kills(folder: Path, n: int, clips: int) -> dict[str, Any]:
    """Kill a run `n` times and compare what it gives with that of a run left alone."""
    calls = _run.clips(folder / "clips", clips)
    began = time.monotonic()
    whole = _run.finish("analyze", calls, "--clips", "--out", folder / "whole", "--workers", 2)
    seconds = time.monotonic() - began
    told = _run.kill_again_and_again(calls, folder / "killed", kills=n, longest_s=seconds, seed=3)
    rounds = told["rounds"]
    expected = _run.results(folder / "whole")
    return {
        "kills": n,
        "kills_with_work_left": sum(k < clips for done in rounds for k in done),
        "recordings": clips,
        "runs_that_finished": len(told["finished"]),
        "exit_codes": sorted({whole.returncode, *told["exit_codes"]}),
        "never_fewer_done": all(done == sorted(done) for done in rounds),
        "same_files": all(files == expected for files in told["finished"]),
        "seconds_undisturbed": seconds,
        "done_at_kill": rounds,
    }


def workers(folder: Path, clips: int, faults: int) -> dict[str, Any]:
    """Crash and stop workers while a run goes on; each fault may cost one recording a row."""
    calls = _run.clips(folder / "clips", clips)
    out = folder / "out"
    process = _run.start(
        "analyze", calls, "--clips", "--out", out, "--workers", 2, "--time-limit", 2,
        "--json-progress", stdout=-3,
    )  # fmt: skip
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


def main(argv: list[str]) -> int:
    """Run both and write the figures; 1 where something was lost."""
    args = common.arguments(argv, __doc__)
    with tempfile.TemporaryDirectory() as folder:
        killed = kills(Path(folder) / "kills", 8 if args.quick else 50, 200 if args.quick else 1500)
        died = workers(
            Path(folder) / "workers", 300 if args.quick else 4000, 3 if args.quick else 12
        )
    results = {"kills": killed, "workers": died}
    common.write("faults", args, results)
    print(json.dumps(results, indent=1))
    good = killed["same_files"] and killed["never_fewer_done"] and died["one_row_each"]
    return 0 if good else 1
