"""``python -m benchmarks._pictures [report|coach]``: make the pictures of docs/img anew.

``report.png`` is a page of the demo calls. The voice of ``coach-*.png`` is that of the first demo
call, as rendered: its other turns are the ordinary texts, its apology is the first take, and the
same played slower, lower and softer the second. It needs Chromium and Playwright (extra dev).
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import running
import soundfile
import soxr

from benchmarks.common import ROOT

OUT = ROOT / "docs" / "img"
CALL = ROOT / "samples" / "1-plain-apology-nl"
SR = 48_000
APOLOGY = (25.6, 31.0)
SHOWN = "2-recited-apology-en.wav"


def sounds(folder: Path) -> dict[str, Path]:
    """Write the ordinary texts, both takes and what the microphone of the phone hears."""
    y, sr = soundfile.read(CALL.with_suffix(".wav"), dtype="float32")
    agent = y[:, 0]
    turns = json.loads(CALL.with_suffix(".json").read_text(encoding="utf-8"))["segments"]
    other = [
        agent[round(t["start"] * sr) : round((t["end"] + 0.2) * sr)]
        for t in turns
        if t["speaker"] == "agent" and not APOLOGY[0] - 1 < t["start"] < APOLOGY[1]
    ]
    half = len(other) // 2
    take = agent[round(APOLOGY[0] * sr) : round(APOLOGY[1] * sr)]
    made = {
        "one": (np.concatenate(other[:half]), sr),
        "two": (np.concatenate(other[half:]), sr),
        "take": (take, sr),
        "slower": (0.5 * soxr.resample(take, sr, round(1.12 * sr)), sr),
        "phone": (soxr.resample(take, sr, SR), SR),
    }
    for name, (signal, rate) in made.items():
        soundfile.write(folder / f"{name}.wav", signal, rate, subtype="PCM_16")
    return {name: folder / f"{name}.wav" for name in made}


def until(page: Any, expression: str) -> None:
    """Wait until an expression holds; asked from outside, for the policy forbids eval."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise SystemExit(f"never came true: {expression}")


def practise(page: Any, link: str, made: dict[str, Path]) -> None:
    """Take the pictures of a desk: the situations, a take, two takes."""
    page.goto(link)
    until(page, "!document.querySelector('#choose').hidden")
    keep(page.screenshot(), "coach-start")
    page.locator("[data-situation='late_parcel']").click()
    for n, name in enumerate(("one", "two"), 1):
        page.locator("#file").set_input_files(str(made[name]))
        until(page, f"document.querySelectorAll('#usual-sentences .done').length === {n}")
    page.locator("#usual-next").click()
    for n, name in enumerate(("take", "slower"), 1):
        page.locator("#file").set_input_files(str(made[name]))
        until(page, f"document.querySelectorAll('#takes .rows li').length === {n}")
        if n == 1:
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(800)
            page.set_viewport_size({"width": 1280, "height": 1100})
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(500)
            keep(page.screenshot(), "coach-result")
    until(page, "document.querySelector('#compare .verdict')")
    page.wait_for_timeout(500)
    keep(page.locator("#compare").screenshot(), "coach-compare")


def record(page: Any, link: str) -> None:
    """Take the picture of a phone that records an ordinary text."""
    page.goto(link)
    until(page, "!document.querySelector('#choose').hidden")
    page.locator("[data-situation='late_parcel']").click()
    page.locator("#record").click()
    until(page, "document.querySelector('#recorder').dataset.state === 'recording'")
    page.wait_for_timeout(2300)
    page.evaluate("document.querySelector('#usual-sentences').scrollIntoView()")
    page.wait_for_timeout(300)
    keep(page.screenshot(), "coach-phone")
    page.locator("#record").click()


def keep(shot: bytes, name: str) -> None:
    """Write a picture in few colours."""
    from PIL import Image

    path = OUT / f"{name}.png"
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(128).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def report(browser: Any, folder: Path) -> None:
    """Take the picture of a call's page."""
    pages = folder / "pages"
    results = running.demo(folder)
    done = running.finish("report", results, "--out", pages, "--lang", "en", "-q")
    if done.returncode:
        raise SystemExit(done.stderr)
    found = (f for f in sorted((pages / "calls").iterdir()) if SHOWN in f.read_text("utf-8"))
    page = browser(()).new_page(viewport={"width": 1280, "height": 1100})
    page.goto(next(found).as_uri())
    page.wait_for_timeout(500)
    page.evaluate("document.querySelector('audio').currentTime = 11")
    page.wait_for_timeout(500)
    keep(page.screenshot(), "report")


def coach(browser: Any, folder: Path) -> None:
    """Take the pictures of the coach, at a desk and on a phone."""
    made = sounds(folder)
    server = running.start("coach", "--no-browser", "--port", "0", stderr=None)
    try:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        heard = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                 f"--use-file-for-fake-audio-capture={made['phone']}")  # fmt: skip
        opened = browser(heard)
        desk = opened.new_context(locale="en-GB", viewport={"width": 1280, "height": 760})
        practise(desk.new_page(), link, made)
        phone = opened.new_context(
            locale="nl-NL", viewport={"width": 390, "height": 844}, device_scale_factor=1.5,
            color_scheme="dark", permissions=["microphone"],
        )  # fmt: skip
        record(phone.new_page(), link)
    finally:
        server.terminate()
        server.wait()


def main(names: list[str]) -> int:
    """Write the pictures of the named pages, or all."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:

        def browser(more: Sequence[str]) -> Any:
            return p.chromium.launch(executable_path=path, args=["--no-sandbox", *more])

        for take in (report, coach):
            if not names or take.__name__ in names:
                with tempfile.TemporaryDirectory(prefix="prosody-picture-") as folder:
                    take(browser, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
