"""Cost per recording from 10 to 100,000, two workers against one, and a ten-hour recording.

Start-up, journal and writing the results are part of every figure. ``--profile quick``: up to 100.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _run, common
from benchmarks.fuzz import Watcher

QUICK, FULL = (10, 30, 100), (10, 100, 1_000, 10_000, 100_000)


def timed(*args: Any) -> dict[str, float]:
    """Run ``prosody`` and return its seconds and the memory of its largest worker."""
    began = time.monotonic()
    process = _run.start(*args, stdout=-3, stderr=-3)
    watcher = Watcher(process.pid)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watcher.join(timeout=5)
    if code:
        raise SystemExit(f"prosody {' '.join(map(str, args))} ended with {code}")
    return {"seconds": seconds, "peak_worker_mb": watcher.peak_mb}


def many(folder: Path, sizes: tuple[int, ...]) -> list[dict[str, float]]:
    """Return the cost of runs over one-second clips, and of the same runs with nothing to do."""
    out = []
    for n in sizes:
        clips = _run.clips(folder / f"clips-{n}", n)
        to = folder / f"out-{n}"
        args = ("analyze", clips, "--clips", "--out", to, "--workers", 2, "--quiet")
        first, again = timed(*args), timed(*args)
        if len(_run.rows(to / "recordings.jsonl")) != n:
            raise SystemExit(f"{n} recordings gave another number of lines")
        out.append(
            {
                "recordings": n,
                "seconds": first["seconds"],
                "ms_per_recording": 1e3 * first["seconds"] / n,
                "again_seconds": again["seconds"],
                "journal_mb": (to / "journal.sqlite").stat().st_size / (1 << 20),
                "peak_worker_mb": first["peak_worker_mb"],
            }
        )
        print(json.dumps(out[-1]), flush=True)
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
    """Run over a folder that `long_calls` made."""
    return timed(
        "analyze", folder, "--windows", folder / "windows.csv", "--agent-channel", "left",
        "--out", out, "--workers", workers, "--quiet",
    )  # fmt: skip


def plot(path: Path, rows: list[dict[str, float]]) -> None:
    """Draw cost per recording against the number of recordings."""
    plt = common.need("matplotlib.pyplot")
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    n = [r["recordings"] for r in rows]
    axes.loglog(n, [r["seconds"] for r in rows], "o-", label="first run")
    axes.loglog(n, [r["again_seconds"] for r in rows], "s--", label="again, nothing to do")
    per = rows[-1]["seconds"] / rows[-1]["recordings"]
    axes.loglog(n, [per * k for k in n], ":", color="grey", label=f"{1e3 * per:.1f} ms each")
    axes.set(xlabel="recordings of one second", ylabel="seconds, two workers")
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def main(argv: list[str]) -> int:
    """Measure and write the figures and the plot."""
    args = common.arguments(argv, __doc__)
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = many(folder, QUICK if args.quick else FULL)
        calls = long_calls(folder / "long", 2 if args.quick else 8, 1.0 if args.quick else 30.0)
        one = long_run(calls, folder / "one", 1)
        two = long_run(calls, folder / "two", 2)
        hours = 0.1 if args.quick else 10.0
        ten = long_run(long_calls(folder / "ten", 1, 60 * hours), folder / "ten-out", 1)
    results = {
        "recordings": rows,
        "long_calls": {
            "calls": 2 if args.quick else 8,
            "minutes_each": 1.0 if args.quick else 30.0,
            "one_worker": one,
            "two_workers": two,
            "gain": one["seconds"] / two["seconds"],
        },
        "one_long_recording": {"hours": hours, "channels": 2, **ten},
    }
    try:
        plot(Path(args.out) / ("scale.quick.svg" if args.quick else "scale.svg"), rows)
    except common.Skip as reason:
        skipped["plot"] = str(reason)
    common.write("scale", args, results, skipped=skipped)
    print(json.dumps({k: v for k, v in results.items() if k != "recordings"}, indent=1))
    return 0
