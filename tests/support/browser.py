"""A real headless Chromium for tests of pages: the system's own, with nothing of the network."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

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


FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that may be used; without a file of its own it beeps."""


def plays(path) -> tuple[str, ...]:
    """Return the flags of a microphone that plays a WAV file, over and over."""
    return (*FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={path}")


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[object]:
    """Give a browser, or skip the test and say why."""
    with chromiums() as start:
        yield start(*flags)


@contextlib.contextmanager
def chromiums() -> Iterator[Callable[..., object]]:
    """Give what starts browsers, each with flags of its own; all end together."""
    sync = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (dev)")
    named = (os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("google-chrome"))
    path = next((p for p in named if p), None)
    if path is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    with sync.sync_playwright() as driver:
        started = []

        def start(*flags: str) -> object:
            args = [*FLAGS, *flags]
            started.append(driver.chromium.launch(executable_path=path, args=args))
            return started[-1]

        try:
            yield start
        finally:
            for one in started:
                one.close()


def until(page, expression: str, seconds: float = 15.0) -> None:
    """Wait until an expression holds; asked from outside, for a strict policy forbids eval."""
    for _ in range(round(seconds / 0.05)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


class Watched:
    """A tab that keeps what a page asked for and complained of."""

    def __init__(self, browser, **how) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.fetched: list[str] = []
        self.console: list[str] = []
        self.page.on("request", lambda r: self.fetched.append(r.url))
        self.page.on("console", lambda m: self.console.append(m.text))
        self.page.on("pageerror", lambda e: self.console.append(str(e)))
        self.page.on("dialog", lambda d: (self.console.append(f"dialog {d.message}"), d.dismiss()))

    def open(self, path) -> object:
        """Open a file as a reader does, from the disk."""
        self.page.goto(path.resolve().as_uri())
        return self.page

    def outside(self) -> list[str]:
        """Return what was asked for that does not lie on the disk or in the page."""
        return [u for u in self.fetched if not u.startswith(("file:", "blob:", "data:"))]

    def beyond(self, origin: str) -> list[str]:
        """Return what was asked for that the server at `origin` does not give."""
        return [u for u in self.fetched if not u.startswith((f"{origin}/", "blob:", "data:"))]
