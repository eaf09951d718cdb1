"""The pages in the browser under load: thirty visitors at once against real server processes.

First `prosody coach`, a process as the command starts it, asked over HTTP: one visitor alone, take
after take; then thirty, each with its own cookie. Everybody opens the page with its assets and
reads two ordinary sentences, then speaks takes of ten seconds at a set rate (arrivals are drawn
beforehand and do not wait for answers) and asks for what the page asks for in between: the list of
takes, the sound in parts, a comparison. Then `prosody rate`: thirty listeners who hear each clip to
its end, think for two seconds, and answer. The client runs on the same machine and takes its share
of the cores; what a visitor waits for is measured at the client, body included.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import running
import soundfile
import soxr

from benchmarks import common

VISITORS = 30
TAKE_S = 10.0
RATES_PER_S = (1.0, 1.5, 3.0)
LIMIT_MS = {"page": 200.0, "api": 200.0, "take": 1000.0}
SR = 48_000


def sounds(files: Sequence[Path], count: int) -> list[bytes]:
    """Return takes of ten seconds at 48 kHz in 16 bits, as a browser sends them."""
    out = []
    for i in range(count):
        pieces: list[Any] = []
        for k in range(20):
            y, sr = soundfile.read(files[(i * 7 + k) % len(files)], dtype="float32")
            pieces.append(soxr.resample(y, sr, SR))
            if sum(map(len, pieces)) >= TAKE_S * SR:
                break
        held = io.BytesIO()
        sound = np.concatenate(pieces)[: round(TAKE_S * SR)]
        soundfile.write(held, sound, SR, format="WAV", subtype="PCM_16")
        out.append(held.getvalue())
    return out


class Waits:
    """How long answers took, by what was asked, in ms."""

    def __init__(self) -> None:
        self.ms: dict[str, list[float]] = {}
        self.kinds: dict[str, str] = {}
        self.wrong: list[str] = []

    async def ask(
        self, client: Any, kind: str, name: str, method: str, path: str, **how: Any
    ) -> Any:
        """Ask, wait for the whole answer, and note how long it took."""
        began = time.perf_counter()
        try:
            answer = await client.request(method, path, **how)
        except Exception as error:
            self.wrong.append(f"{name}: {type(error).__name__}")
            return None
        self.ms.setdefault(name, []).append(1000 * (time.perf_counter() - began))
        self.kinds[name] = kind
        if answer.status_code >= 400:
            self.wrong.append(f"{name}: {answer.status_code}")
        return answer

    def failures(self) -> dict[str, Any]:
        """Return how many answers were none, and which kinds of that there were."""
        return {"failed": len(self.wrong), "failures": sorted(set(self.wrong))[:10]}

    def table(self) -> list[dict[str, Any]]:
        """Return one row per address, and one per kind."""
        rows = [_row(n, self.kinds[n], v) for n, v in sorted(self.ms.items())]
        for kind in ("page", "api", "take"):
            all_of = [v for n, vs in self.ms.items() if self.kinds[n] == kind for v in vs]
            if all_of:
                rows.append(_row(f"all: {kind}", kind, all_of))
        return rows


def _row(name: str, kind: str, ms: Sequence[float]) -> dict[str, Any]:
    p50, p95 = np.percentile(ms, [50, 95])
    return {
        "asked": name, "kind": kind, "n": len(ms), "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1), "max_ms": round(max(ms), 1),
        "within": bool(p95 <= LIMIT_MS[kind]),
    }  # fmt: skip


def start(folder: str, *args: str) -> tuple[subprocess.Popen[str], str, float]:
    """Start a server; return it, its link, and the seconds until it was ready."""
    began = time.perf_counter()
    process = running.start(
        *args,
        "--no-browser",
        "--port",
        0,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": folder},
    )
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://\S+token=\S+", line)
        if found:
            return process, found.group(), time.perf_counter() - began
    raise common.Skip(f"prosody {args[0]} does not start")


async def enter(waits: Waits, link: str, page: str) -> Any:
    """Open a page as a browser does; return the visitor's client."""
    from prosody.web.app import assets_of

    assets = [f"/assets/{n}" for n in ("studio.css", *assets_of(page))]
    assets += ["/vendor/wavesurfer.esm.js", "/vendor/uPlot.esm.js"] if page == "coach" else []
    httpx = common.need("httpx2", "test")
    client = httpx.AsyncClient(base_url=link.split("/?")[0], timeout=60, verify=False)
    await waits.ask(client, "page", "opening link", "GET", link)
    await waits.ask(client, "page", "the page", "GET", f"/{page}")
    for name in assets:
        await waits.ask(client, "page", "assets", "GET", name)
    begins = "/api/start?lang=nl" if page == "coach" else "/api/rate/start?lang=nl"
    await waits.ask(client, "api", "start", "GET", begins)
    return client


async def alone(link: str, takes: Sequence[bytes]) -> list[float]:
    """Return the ms of each of a visitor's takes, one after the other, nobody else there."""
    waits = Waits()
    client = await enter(waits, link, "coach")
    for i in range(2):
        await waits.ask(client, "take", "sentence", "POST",
                        f"/api/takes?kind=baseline&sentence={i}", content=takes[i])  # fmt: skip
    for i in range(20):
        await waits.ask(client, "take", "take", "POST", "/api/takes", content=takes[i % len(takes)])
    await client.post("/api/forget")
    await client.aclose()
    return waits.ms["take"]


async def together(link: str, takes: Sequence[bytes], per_s: float, seconds: float) -> Waits:
    """Let thirty visitors practise at once for a while."""
    waits, rng = Waits(), np.random.default_rng(7)
    clients = await asyncio.gather(*(enter(waits, link, "coach") for _ in range(VISITORS)))
    for i in range(2):
        for client in clients:  # they arrive one after the other, in a minute or so
            await waits.ask(client, "take", "sentence", "POST",
                            f"/api/takes?kind=baseline&sentence={i}", content=takes[i])  # fmt: skip
    gaps = rng.exponential(1 / per_s, round(per_s * seconds))
    at = np.cumsum(gaps)
    who = rng.permuted(np.resize(np.arange(VISITORS), len(at)))
    made: dict[int, list[str]] = {}
    zero = time.perf_counter()

    async def speak(moment: float, v: int, sound: bytes) -> None:
        await asyncio.sleep(max(0.0, zero + moment - time.perf_counter()))
        client = clients[v]
        answer = await waits.ask(client, "take", "take", "POST", "/api/takes", content=sound)
        if answer is None or answer.status_code != 200:
            return
        key = answer.json()["id"]
        mine = made.setdefault(v, [])
        mine.append(key)
        await waits.ask(client, "api", "sound", "GET", f"/api/takes/{key}/sound",
                        headers={"range": "bytes=0-262143"})  # fmt: skip
        await waits.ask(client, "api", "takes", "GET", "/api/takes?lang=nl")
        if len(mine) > 1:
            path = f"/api/compare?a={mine[-2]}&b={mine[-1]}"
            await waits.ask(client, "api", "compare", "GET", path)
        if len(mine) > 4:
            await waits.ask(client, "api", "delete", "DELETE", f"/api/takes/{mine.pop(0)}")

    async def look() -> None:
        """Somebody opens the page while the others speak."""
        while time.perf_counter() - zero < at[-1]:
            await asyncio.sleep(0.5)
            client = clients[int(rng.integers(VISITORS))]
            await waits.ask(client, "page", "the page", "GET", "/coach")
            await waits.ask(client, "api", "start", "GET", "/api/start?lang=en")

    spoken = (speak(float(t), int(v), takes[i % len(takes)])
              for i, (t, v) in enumerate(zip(at, who, strict=True)))  # fmt: skip
    await asyncio.gather(look(), *spoken)
    for client in clients:
        await client.post("/api/forget")
        await client.aclose()
    return waits


async def rating(link: str, seconds: float) -> Waits:
    """Let thirty listeners rate at once for a while."""
    waits, rng = Waits(), np.random.default_rng(7)
    clients = await asyncio.gather(*(enter(waits, link, "rate") for _ in range(VISITORS)))
    zero = time.perf_counter()

    async def listen(client: Any, n: int) -> None:
        await asyncio.sleep(float(rng.uniform(0, 4)))
        await waits.ask(client, "api", "rater", "POST", "/api/rate/rater", json={"name": f"l{n}"})
        while time.perf_counter() - zero < seconds:
            trial = await waits.ask(client, "api", "trial", "GET", "/api/rate/trial")
            if trial is None or trial.json().get("state") != "rate":
                return
            at, length = trial.json()["at"], trial.json()["duration_s"]
            await waits.ask(client, "api", "sound", "GET", f"/api/rate/sound?at={at}")
            await asyncio.sleep(length + float(rng.uniform(1.0, 3.0)))
            told = {"at": at, "sincere": float(rng.integers(101)),
                    "engaged": float(rng.integers(101))}  # fmt: skip
            await waits.ask(client, "api", "answer", "POST", "/api/rate/answer", json=told)

    await asyncio.gather(*(listen(c, n) for n, c in enumerate(clients)))
    for client in clients:
        await client.aclose()
    return waits


def main(argv: list[str]) -> int:
    """Start the servers, ask them, and write down how long it took."""
    args = common.arguments(argv, __doc__)
    common.need("httpx2", "test")
    common.need("uvicorn", "studio")
    files = common.sound_files(args, "emodb", "*.flac", limit=60, cut=True)
    takes = sounds(files, 6)
    seconds = 10.0 if args.quick else 60.0
    results: dict[str, Any] = {
        "visitors": VISITORS, "take_s": TAKE_S, "take_bytes": len(takes[0]), "limit_ms": LIMIT_MS,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        process, link, ready_s = start(folder, "coach")
        try:
            results["ready_s"] = round(ready_s, 2)
            single = asyncio.run(alone(link, takes))
            results["alone"] = {
                "first_ms": round(single[0], 1),
                "median_ms": round(statistics.median(single), 1),
                "max_ms": round(max(single), 1),
                "n": len(single),
            }
            print(f"alone: {results['alone']}")
            results["together"] = []
            for per_s in RATES_PER_S[:1] if args.quick else RATES_PER_S:
                waits = asyncio.run(together(link, takes, per_s, seconds))
                rows = waits.table()
                print(f"{VISITORS} visitors, {per_s:g} takes of {TAKE_S:g} s a second")
                print(common.table(rows))
                results["together"].append(
                    {"takes_per_s": per_s, "seconds": seconds, "rows": rows, **waits.failures()}
                )  # fmt: skip
            own = psutil.Process(process.pid)
            held = [own, *own.children(recursive=True)]
            results["memory_mb"] = round(sum(p.memory_info().rss for p in held) / 2**20)
        finally:
            process.terminate()
            process.wait(30)
        clips = Path(folder) / "clips"
        clips.mkdir()
        for file in files:
            shutil.copy(file, clips)
        out = str(Path(folder) / "ratings.csv")
        process, link, ready_s = start(folder, "rate", str(clips), "--out", out)
        try:
            waits = asyncio.run(rating(link, seconds))
            rows = waits.table()
            print(f"{VISITORS} listeners rate")
            print(common.table(rows))
            answers = len(waits.ms.get("answer", []))
            results["rating"] = {
                "ready_s": round(ready_s, 2), "seconds": seconds, "answers": answers,
                "rows": rows, **waits.failures(),
            }  # fmt: skip
        finally:
            process.terminate()
            process.wait(30)
    common.write("studio", args, results, list(files))
    return 0
