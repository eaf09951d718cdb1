"""A report of 5,000 apologies: seconds and memory to make it, its size, and how fast it opens.

The run is made up of the demo calls (`_made_run`); five hundred calls have sound, as by default.
CPU seconds are those of the process that makes it, and of the page's own thread in Chromium until
it can be used: a busy machine changes them little.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _made_run, _run, common

FULL, QUICK = (500, 5_000), (100,)


def made(folder: Path, n: int) -> dict[str, Any]:
    """Return what a report of `n` apologies costs."""
    results = _made_run.make(folder, n)
    began = time.monotonic()
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = _run.start("report", results, "--quiet", stdout=-3, stderr=-3)
    watcher = _run.Watcher(process.pid)
    watcher.start()
    if process.wait():
        raise SystemExit("prosody report failed")
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher.join(timeout=5)
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
        "seconds": seconds,
        "cpu_s": used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime,
        "ms_per_apology": 1e3 * seconds / n,
        "peak_mb": max(watcher.main_mb, watcher.peak_mb),
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
    common.write("report", args, rows, sorted(_made_run.DEMO.glob("*.wav")))
    return 0
