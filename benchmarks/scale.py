"""Cost per recording from 10 to 100,000, two workers against one, and a ten-hour recording.

Start-up, journal and writing the results are part of every figure. ``--up-to N`` ends at so many
recordings; ``--profile quick``: up to 100. Each part is kept as soon as it is measured, so that a
run that was stopped goes on with the next; ``--anew`` measures all of them once more.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import running

from benchmarks import common

QUICK, FULL = (10, 30, 100), (10, 100, 1_000, 10_000, 100_000)
# What is reckoned with before anything is measured: seconds of a start, and of each recording.
START_S, EACH_S = 5.0, 0.02
CLIP_S, CLIP_BYTES = 0.002, 8_200  # making one; keeping one
KEPT = common.ROOT / ".cache" / "scale.json"


def timed(*args: Any) -> dict[str, float]:
    """Return what ``prosody`` takes for something that it can do."""
    code, took = common.cost(*args)
    if code:
        raise SystemExit(f"prosody {' '.join(map(str, args))} ended with {code}")
    return took


def small(folder: Path, n: int) -> dict[str, float]:
    """Return the cost of a run over one-second clips, and of the same run with nothing to do."""
    place = folder / f"clips-{n}"
    clips, to = running.clips(place / "in", n), place / "out"
    args = ("analyze", clips, "--clips", "--out", to, "--workers", 2, "--quiet")
    first, again = timed(*args), timed(*args)
    if (lines := len(running.rows(to / "recordings.jsonl"))) != n:
        raise SystemExit(f"{n} recordings gave {lines} lines")
    out = {
        "recordings": n,
        **first,
        "ms_per_recording": 1e3 * first["seconds"] / n,
        "cpu_ms_per_recording": 1e3 * first["cpu_seconds"] / n,
        "again_seconds": again["seconds"],
        "again_cpu_seconds": again["cpu_seconds"],
        "journal_kb_per_recording": (to / "journal.sqlite").stat().st_size / 1024 / n,
    }
    shutil.rmtree(place)
    return out


def long_calls(folder: Path, n: int, minutes: float) -> Path:
    """Write `n` calls of so many minutes: the samples' third call again and again, with windows.

    Each call starts at another place of it, so that no two are alike.
    """
    import numpy as np
    import soundfile

    y, sr = soundfile.read(common.ROOT / "samples" / "3-four-times-sorry-nl.wav", dtype="float32")
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["recording,start_s,end_s"]
    total = round(60 * minutes * sr)
    for i in range(n):
        left = total
        with soundfile.SoundFile(
            folder / f"long-{i}.wav", "w", sr, y.shape[1], subtype="ULAW"
        ) as file:
            piece = np.roll(y, -i * 977, axis=0)
            while left > 0:
                file.write(piece[:left])
                left -= len(piece)
        length = len(y) / sr
        for k in range(max(1, int(60 * minutes / length))):
            lines.append(f"long-{i},{k * length + 11:.2f},{k * length + 13:.2f}")
    (folder / "windows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def long_run(folder: Path, out: Path, workers: int) -> dict[str, float]:
    """Run over a folder that `long_calls` made, from nothing."""
    return timed(
        "analyze", folder, "--windows", folder / "windows.csv", "--agent-channel", "left",
        "--out", out, "--workers", workers, "--quiet", "--fresh",
    )  # fmt: skip


def gain(folder: Path, calls: int, minutes: float, repeats: int) -> dict[str, Any]:
    """Return what a second worker gives on long calls; its rows must be those of one worker.

    One and two take turns, and the medians are compared. Start-up is measured by itself, on calls
    of a few seconds, and taken off in ``gain``; in ``gain_with_start`` it is left in.
    """
    long = long_calls(folder / "long", calls, minutes)
    short = long_calls(folder / "short", 2, 0.3)
    runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    starts: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers in (1, 2):
            starts[workers].append(long_run(short, folder / "start", workers))
            runs[workers].append(long_run(long, folder / f"out-{workers}", workers))
        if running.results(folder / "out-1") != running.results(folder / "out-2"):
            raise SystemExit("two workers gave other rows than one")

    def middle(workers: int, name: str, of: dict[int, list[dict[str, float]]] = runs) -> float:
        return statistics.median(run[name] for run in of[workers])

    start = {w: middle(w, "seconds", starts) for w in (1, 2)}
    one, two = middle(1, "seconds"), middle(2, "seconds")
    cpu = middle(1, "cpu_seconds")
    working_s = cpu - middle(1, "cpu_seconds", starts)
    return {
        "calls": calls,
        "minutes_each": minutes,
        "channels": 2,
        "repeats": repeats,
        "one_worker_seconds": one,
        "two_workers_seconds": two,
        "all_seconds": {str(w): [r["seconds"] for r in runs[w]] for w in (1, 2)},
        "start_seconds": {str(w): start[w] for w in (1, 2)},
        "gain": (one - start[1]) / (two - start[2]),
        "gain_with_start": one / two,
        # On a machine that others use, too: what the busiest worker had to do, and how long it
        # stood ready while somebody else had the core.
        "busiest_worker_cpu_s": {str(w): middle(w, "busiest_worker_cpu_s") for w in (1, 2)},
        "busiest_worker_waited_s": {str(w): middle(w, "busiest_worker_waited_s") for w in (1, 2)},
        "one_worker_cpu_seconds": cpu,
        "two_workers_cpu_seconds": middle(2, "cpu_seconds"),
        "x_real_time_per_core": 60.0 * minutes * calls / working_s,
        "peak_worker_mb": max(r["peak_worker_mb"] for w in (1, 2) for r in runs[w]),
        "same_rows": True,
    }


def ten_hours(folder: Path, hours: float) -> dict[str, float]:
    """Return the cost of one recording of so many hours."""
    took = long_run(long_calls(folder / "ten", 1, 60 * hours), folder / "ten-out", 1)
    size = (folder / "ten" / "long-0.wav").stat().st_size / 1e6
    return {"hours": hours, "channels": 2, "file_mb": size, **took}


def whole_calls(folder: Path, copies: int) -> dict[str, float]:
    """Return what calls with a transcript cost and leave behind: the samples, many times over.

    Their words are read, their conduct is held against the rules, their apologies are judged. The
    cost of one is that of `copies` runs over the samples less that of one, without start-up.
    """
    import soundfile

    kinds = {".wav", ".json", ".vtt", ".srt", ".csv"}
    files = [p for p in (common.ROOT / "samples").iterdir() if p.suffix in kinds]
    spoken_s = [soundfile.info(p).duration for p in files if p.suffix == ".wav"]
    for i in range(copies):
        place = folder / "calls" / f"{i:03d}"
        place.mkdir(parents=True)
        for path in files:
            shutil.copy(path, place)
    once = timed("analyze", folder / "calls" / "000", "--out", folder / "once", "--quiet")
    out = folder / "out"
    took = timed("analyze", folder / "calls", "--out", out, "--quiet")
    calls = len(running.rows(out / "recordings.jsonl"))
    if calls != copies * len(spoken_s):
        raise SystemExit(f"{copies} copies of {len(spoken_s)} calls gave {calls} lines")
    journal = (out / "journal.sqlite").stat().st_size
    total = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    more = calls - len(spoken_s)
    return {
        "calls": calls,
        "seconds_each": sum(spoken_s) / len(spoken_s),
        "cpu_ms_per_call": 1e3 * (took["cpu_seconds"] - once["cpu_seconds"]) / max(1, more),
        "journal_kb_per_call": journal / 1024 / calls,
        "results_kb_per_call": (total - journal) / 1024 / calls,
        **took,
    }


def plot(path: Path, rows: list[dict[str, float]]) -> None:
    """Draw cost per recording, and of a run with nothing to do, against their number."""
    figure, (left, right) = common.pyplot().subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    n = [r["recordings"] for r in rows]
    left.loglog(n, [r["seconds"] for r in rows], "o-", label="first run, two workers")
    left.loglog(n, [r["cpu_seconds"] for r in rows], "^-", label="its CPU time, all processes")
    left.loglog(n, [r["again_seconds"] for r in rows], "s--", label="again, nothing to do")
    per = rows[-1]["cpu_seconds"] / n[-1]
    left.loglog(n, [per * k for k in n], ":", color="grey", label=f"{1e3 * per:.1f} ms each")
    left.set(xlabel="recordings of one second", ylabel="seconds")
    left.legend(fontsize=8)
    right.semilogx(n, [r["peak_main_mb"] for r in rows], "o-", label="main process")
    right.semilogx(n, [r["peak_worker_mb"] for r in rows], "^-", label="largest worker")
    right.set(xlabel="recordings of one second", ylabel="memory, MB", ylim=(0, None))
    right.legend(fontsize=8)
    common.save(figure, path)


class Kept:
    """Parts that were measured already, by this commit and profile."""

    def __init__(self, profile: str, *, anew: bool) -> None:
        self.mark = f"{common.commit()} {profile}"
        self.parts: dict[str, Any] = {}
        if not anew and KEPT.is_file():
            held = json.loads(KEPT.read_text(encoding="utf-8"))
            self.parts = held["parts"] if held["mark"] == self.mark else {}

    def __call__(self, name: str, guess_s: float, measure: Callable[[], Any]) -> Any:
        """Return a part's figures, measured now unless they are there."""
        if name in self.parts:
            print(f"{name}: measured already (--anew measures it again)", flush=True)
            return self.parts[name]
        print(f"{name}: about {_minutes(guess_s)}", flush=True)
        self.parts[name] = measure()
        KEPT.parent.mkdir(exist_ok=True)
        text = json.dumps({"mark": self.mark, "parts": self.parts})
        KEPT.with_suffix(".part").write_text(text, encoding="utf-8")
        KEPT.with_suffix(".part").replace(KEPT)
        print(json.dumps(self.parts[name]), flush=True)
        return self.parts[name]


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def many(folder: Path, sizes: tuple[int, ...], kept: Kept) -> list[dict[str, float]]:
    """Return the cost of runs of growing size, with what the next will take told beforehand."""
    rows: list[dict[str, float]] = []
    start_s, each_s = START_S, EACH_S
    for n in sizes:
        if rows:
            last = rows[-1]
            start_s = rows[0]["seconds"]
            each_s = max(last["seconds"] - start_s, EACH_S / 4) / last["recordings"]
            again_s = last["again_seconds"] / last["recordings"] * n
        else:
            again_s = start_s
        room = shutil.disk_usage(folder).free
        if 2 * n * CLIP_BYTES > room:
            print(f"{n} recordings: {room >> 20} MB free is not enough", flush=True)
            break
        guess = start_s + n * (each_s + CLIP_S) + again_s
        rows.append(kept(f"{n} recordings", guess, lambda n=n: small(folder, n)))
    return rows


def growth(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return how cost grows from the last size but one to the last: 1 is in proportion."""
    a, b = rows[-2:]

    def exponent(name: str) -> float:
        return math.log(b[name] / a[name]) / math.log(b["recordings"] / a["recordings"])

    more = b["recordings"] - a["recordings"]
    return {
        "from": a["recordings"],
        "to": b["recordings"],
        "exponent_seconds": exponent("seconds"),
        "exponent_cpu_seconds": exponent("cpu_seconds"),
        "next_recording_cpu_ms": 1e3 * (b["cpu_seconds"] - a["cpu_seconds"]) / more,
        "next_recording_ms": 1e3 * (b["seconds"] - a["seconds"]) / more,
    }


def main(argv: list[str]) -> int:
    """Measure and write the figures and the plot."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--up-to", type=int, default=FULL[-1], metavar="N")
    own.add_argument("--anew", action="store_true")
    mine, rest = own.parse_known_args(argv)
    args = common.arguments(rest, __doc__)
    sizes = tuple(n for n in (QUICK if args.quick else FULL) if n <= mine.up_to)
    calls, minutes, repeats = (2, 1.0, 1) if args.quick else (8, 15.0, 3)
    hours = 0.1 if args.quick else 10.0
    kept = Kept(args.profile, anew=mine.anew)
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spoken_s = 60 * minutes * calls
        two = kept(
            "two workers against one", repeats * (spoken_s * 1.5 / 150 + 20),
            lambda: gain(folder / "gain", calls, minutes, repeats),
        )  # fmt: skip
        ten = kept(
            f"{hours:g} hours in one recording", 10 + 3600 * hours / 150,
            lambda: ten_hours(folder / "hours", hours),
        )  # fmt: skip
        copies = 3 if args.quick else 50
        whole = kept(
            "whole calls", 10 + 0.4 * copies, lambda: whole_calls(folder / "whole", copies)
        )
        rows = many(folder, sizes, kept)
    results = {
        "recordings": rows,
        "growth": growth(rows) if len(rows) > 1 else {},
        "long_calls": two,
        "one_long_recording": ten,
        "whole_calls": whole,
    }
    if len(sizes) < len(QUICK if args.quick else FULL):
        skipped["more recordings"] = f"--up-to {mine.up_to}"
    try:
        plot(Path(args.out) / ("scale.quick.svg" if args.quick else "scale.svg"), rows)
    except common.Skip as reason:
        skipped["plot"] = str(reason)
    common.write("scale", args, results, skipped=skipped)
    print(json.dumps({k: v for k, v in results.items() if k != "recordings"}, indent=1))
    return 0
