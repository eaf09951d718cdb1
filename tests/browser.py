"""A real headless Chromium for tests of pages: the system's own, with nothing of the network."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    """Give a browser, or skip the test and say why."""
    sync = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (dev)")
    named = (os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("google-chrome"))
    path = next((p for p in named if p), None)
    if path is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*FLAGS])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A tab that keeps what a page asked for and complained of."""

    def __init__(self, browser, **how) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.fetched: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda r: self.fetched.append(r.url))
        self.page.on("console", lambda m: self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("dialog", lambda d: (self.said.append(f"dialog {d.message}"), d.dismiss()))

    def open(self, path) -> object:
        """Open a file as a reader does, from the disk."""
        self.page.goto(path.resolve().as_uri())
        return self.page

    def outside(self) -> list[str]:
        """Return what was asked for that does not lie on the disk or in the page."""
        return [u for u in self.fetched if not u.startswith(("file:", "blob:", "data:"))]
