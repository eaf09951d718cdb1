"""The pages as a process of their own, for tests that talk to them."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CODE = "import sys; from prosody.cli import main; main()"


class Running:
    """A server process and a client that speaks to it over HTTP."""

    def __init__(self, process: subprocess.Popen[str], link: str) -> None:
        self.process, self.link = process, link
        self.parts = urlsplit(link)
        self.crumb = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, bytes]:
        line = http.client.HTTPConnection(
            self.parts.hostname or "", self.parts.port or 0, timeout=60
        )
        try:
            sent = {"cookie": self.crumb} if self.crumb else {}
            line.request(method, path, body, {**sent, **headers})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            line.close()

    def enter(self) -> None:
        status, headers, _ = self.ask("GET", f"/?{self.parts.query}")
        assert status == 303
        self.crumb = headers["set-cookie"].split(";")[0]


@contextmanager
def coach(folder: Path, *args: str, **env: str) -> Iterator[Running]:
    """Start `prosody coach`, and see to it that it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "coach", "--no-browser", "--port=0", "--workers=1", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder),
             **env},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        if not link:
            pytest.fail(f"no link: {process.communicate(timeout=10)[1]}")
        yield Running(process, link)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)
