"""A report of 5,000 apologies: seconds and memory to make it, its size, and how fast it opens.

The run is made up: its rows are those of real analyses of the demo calls, repeated under other
names, of many agents and teams; verdicts and conduct are drawn, so that pages have something to
show. Nothing of it says anything about calls. Five hundred have sound, as by default. CPU seconds
are those of the process that makes it, and of the page's own thread in Chromium until it can be
used: a busy machine changes them little.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import running

from benchmarks import common

FULL, QUICK = (500, 5_000), (100,)
SHARED = ("recording", "recording_sha256", "call_id", "agent", "team", "conduct", "started_at")
FAILED = (
    ("truncated", "{}: it ends in the middle of its sound.", "Copy it again from the recorder."),
    ("not_audio", "{}: no sound in a known format.", "Export it again as WAV or FLAC."),
    ("empty", "{}: 0 bytes.", "Copy it again from the recorder."),
)


def make(folder: Path, apologies: int) -> Path:
    """Write the results of a made-up run of so many apologies, with recordings to hear.

    The last team has a single agent. Some recordings have a complaint and no apology, or neither;
    some were not read.
    """
    results, rng = running.demo(folder), random.Random(1)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in running.rows(results / "apologies.jsonl"):
        rows.setdefault(row["recording"], []).append(row)
    lines = {line["recording"]: line for line in running.rows(results / "recordings.jsonl")}
    complaint = next(name for name in lines if "5-complaint" in name)
    silent = next(name for name in lines if "4-no-apology" in name)
    shown, outcomes = [], []
    number = 0

    def put(source: str) -> tuple[dict[str, Any], str]:
        nonlocal number
        number += 1
        name = Path("month", f"day-{number % 28 + 1:02d}", f"call-{number:05d}.wav")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for beside in (folder / "calls").glob(f"{Path(source).stem}.*"):
            os.link(beside, folder / name.with_suffix(beside.suffix))
        line = json.loads(json.dumps(lines[source]))
        agent = rng.randrange(40)
        team = f"team {'ABCD'[agent % 4] if agent else 'E'}"
        sound = hashlib.sha256(f"{number}".encode()).hexdigest()  # no two calls alike
        known = {"recording": str(name), "call_id": name.stem, "agent": f"agent-{agent:010x}",
                 "team": team, "recording_sha256": sound,
                 "started_at": f"2026-11-{number % 28 + 1:02d}T09:{number % 60:02d}"}  # fmt: skip
        for track in line.get("tracks", ()):
            track["file"] = str(name)
        line |= known
        shown.append(line)
        return line, str(name)

    while len(outcomes) < apologies:
        source = rng.choice(list(rows))
        line, _ = put(source)
        for rule, result in line["conduct"].items():  # what was apologised for stays one
            if rule != "real" and result["status"] in ("met", "not_met") and rng.random() < 0.4:
                result["status"] = rng.choice(("met", "met", "not_met"))
        for row in rows[source][: apologies - len(outcomes)]:
            made = json.loads(json.dumps(row))
            made |= {k: line[k] for k in SHARED}
            outcomes.append(_judged(made, rng))
        line["apologies"] = min(len(rows[source]), line["apologies"])
    for source in 12 * [complaint] + 12 * [silent]:
        put(source)
    for i in range(8):
        line, name = put(silent)
        code, message, remedy = FAILED[i % len(FAILED)]
        line |= {"status": "failed", "code": code, "message": message.format(name),
                 "remedy": remedy, "conduct": {}, "complaint_without_apology": None}  # fmt: skip
    shown.sort(key=lambda line: line["recording"])
    outcomes.sort(key=lambda row: (row["recording"], row["start_s"]))
    out = folder / "results"
    out.mkdir()
    for name, objects in (("apologies", outcomes), ("recordings", shown)):
        with (out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(o, ensure_ascii=False) + "\n" for o in objects)
    head = json.loads((results / "run.json").read_text(encoding="utf-8"))
    head |= {"inputs": len(shown), "roots": [f"{folder}/"], "files": {}}
    (out / "run.json").write_text(json.dumps(head), encoding="utf-8")
    return out


def _judged(row: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Draw how an apology came out."""
    if rng.random() < 0.06:
        return row | {"verdict": None, "kind": None, "hint": None, "sincere": None,
                      "engaged": None, "reasons": [], "gates": [rng.choice(
                          ("too_short", "too_noisy", "clipped"))]}  # fmt: skip
    p = rng.betavariate(3, 2)
    verdict = "sincere" if p > 0.8 else "forced" if p < 0.25 else "unclear"
    rating = 2.4 * (p - 0.5)
    row["sincere"] |= {"p": p, "rating": rating, "low": rating - 0.7, "high": rating + 0.7}
    kind = "put_on" if verdict == "forced" else None
    return row | {"verdict": verdict, "kind": kind, "hint": None, "gates": []}


def made(folder: Path, n: int) -> dict[str, Any]:
    """Return what a report of `n` apologies costs."""
    results = make(folder, n)
    code, took = common.cost("report", results, "--quiet")
    if code:
        raise SystemExit("prosody report failed")
    pages = results / "report"
    files = [p for p in pages.rglob("*") if p.is_file()]
    size = {
        kind: sum(p.stat().st_size for p in files if p.suffix == f".{kind}")
        for kind in ("html", "flac", "csv", "js")
    }
    single = sorted(p.stat().st_size for p in (pages / "calls").iterdir())
    return {
        "apologies": n,
        "calls": len(single),
        "with_sound": len([p for p in files if p.suffix == ".flac"]),
        "seconds": took["seconds"],
        "cpu_s": took["cpu_seconds"],
        "ms_per_apology": 1e3 * took["seconds"] / n,
        "peak_mb": max(took["peak_main_mb"], took["peak_worker_mb"]),
        "files": len(files),
        "html_mb": size["html"] / 1e6,
        "sound_mb": size["flac"] / 1e6,
        "searched_mb": size["js"] / 1e6,
        "clips_csv_mb": size["csv"] / 1e6,
        "table_mb": (pages / "calls.html").stat().st_size / 1e6,
        "page_median_kb": single[len(single) // 2] / 1e3,
        "largest_page_kb": max(p.stat().st_size for p in files if p.suffix == ".html") / 1e3,
        **opened(pages),
    }


def opened(pages: Path) -> dict[str, float]:
    """Return CPU seconds to open pages, and seconds to sort and filter; empty without Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        return {}
    out: dict[str, float] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in ("index", "calls"):
            page = browser.new_page()
            tools = page.context.new_cdp_session(page)
            tools.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto((pages / f"{name}.html").as_uri())
            told = tools.send("Performance.getMetrics")["metrics"]
            used = {m["name"]: m["value"] for m in told}
            out[f"open_{name}_cpu_s"] = used["TaskDuration"]
        # Asked in one breath, so that the talk with the browser is not measured.
        out["sort_s"] = page.evaluate(
            "() => { const b = document.querySelectorAll('button[data-sort]')[2];"
            " const t = performance.now(); b.click(); return (performance.now() - t) / 1000; }"
        )
        out["filter_s"] = page.evaluate(
            "() => { const s = document.querySelector('#search'); s.value = 'sorry';"
            " const t = performance.now(); s.dispatchEvent(new Event('input', {bubbles: true}));"
            " return (performance.now() - t) / 1000; }"
        )
        browser.close()
    return out


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    args = common.arguments(argv, __doc__)
    rows = {}
    for n in QUICK if args.quick else FULL:
        with tempfile.TemporaryDirectory(prefix="prosody-report-") as folder:
            rows[str(n)] = made(Path(folder), n)
    print(common.table(list(rows.values())))
    common.write("report", args, rows, sorted((common.ROOT / "samples").glob("*.wav")))
    return 0
