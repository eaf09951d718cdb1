"""``python -m benchmarks._report_picture``: make docs/img/report.png anew, from the demo calls.

It needs Chromium and Playwright (extra dev).
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import _made_run, _run

OUT = _made_run.ROOT / "docs" / "img" / "report.png"
WIDE, HIGH = 1280, 1100
CALL = "2-recited-apology-en.wav"


def main() -> int:
    """Write the picture."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory(prefix="prosody-picture-") as folder, sync_playwright() as p:
        results = _made_run.demo(Path(folder))
        pages = Path(folder) / "pages"
        done = _run.finish("report", results, "--out", pages, "--lang", "en", "-q")
        if done.returncode:
            raise SystemExit(done.stderr)
        found = (f for f in sorted((pages / "calls").iterdir()) if CALL in f.read_text("utf-8"))
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
        page.goto(next(found).as_uri())
        page.wait_for_timeout(500)
        page.evaluate("document.querySelector('audio').currentTime = 11")
        page.wait_for_timeout(500)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    shot.quantize(128).save(OUT, optimize=True)
    print(f"{OUT.relative_to(_made_run.ROOT)}: {OUT.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
