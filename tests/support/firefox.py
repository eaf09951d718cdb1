"""A real headless Firefox for tests of pages, spoken to over WebDriver BiDi.

Playwright speaks that too (channel ``moz-firefox``), but opens no page in an ESR of 153: it always
sends ``emulation.setMediaFeaturesOverride``, which that one does not know yet. So here is as much
of a WebSocket and of BiDi as a test needs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PREFERENCES = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,  # a microphone that hums
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "remote.prefs.recommended": True,
}


SOUNDS = """new Promise((done) => {
  const context = new AudioContext();
  context.onstatechange = () => done(true);
  context.resume();
  setTimeout(() => done(false), 3000);
})"""


class Firefox:
    """One tab of a Firefox."""

    def __init__(self, address: str) -> None:
        host, port = re.fullmatch(r"ws://([\d.]+):(\d+)", address).groups()
        self.line = socket.create_connection((host, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.line.sendall(
            f"GET /session HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += self._read(1)
        assert b" 101 " in said, said
        self.count, self.events = 0, []
        self.ask("session.new", capabilities={})
        (tree,) = self.ask("browsingContext.getTree")["contexts"]
        self.tab = tree["context"]
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.count += 1
        self._send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            answer = json.loads(self._message())
            if answer.get("id") != self.count:
                self.events.append(answer)
                continue
            assert answer["type"] == "success", answer
            return answer["result"]

    def open(self, address: str) -> None:
        """Go to an address."""
        self.ask("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def size(self, width: int, height: int) -> None:
        """Set the size of the page."""
        wanted = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self.tab, viewport=wanted)

    def evaluate(self, expression: str) -> Any:
        """Return a JSON value of the page, a promise's too; counts as done by a person."""
        answer = self.ask(
            "script.evaluate", expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.tab}, awaitPromise=True, userActivation=True,
        )  # fmt: skip
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def until(self, expression: str, seconds: float = 30.0) -> None:
        """Wait until an expression holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.evaluate(f"Boolean({expression})"):
                return
            time.sleep(0.1)
        raise AssertionError(f"never came true: {expression}")

    def click(self, selector: str) -> None:
        """Click on the first that fits."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def picture(self, path: Path) -> None:
        """Keep what is seen as PNG."""
        answer = self.ask("browsingContext.captureScreenshot", context=self.tab)
        path.write_bytes(base64.b64decode(answer["data"]))

    @property
    def console(self) -> list[str]:
        """What pages complained of."""
        logs = [e["params"] for e in self.events if e.get("method") == "log.entryAdded"]
        return [p["text"] for p in logs if p["level"] in ("error", "warn")]

    @property
    def fetched(self) -> list[str]:
        """What pages asked for."""
        sent = [e for e in self.events if e.get("method") == "network.beforeRequestSent"]
        return [e["params"]["request"]["url"] for e in sent]

    def _send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        head = b"\x81"
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 1 << 16:
            head += b"\xfe" + struct.pack(">H", len(data))
        else:
            head += b"\xff" + struct.pack(">Q", len(data))
        whole = (mask * (len(data) // 4 + 1))[: len(data)]
        hidden = (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(
            len(data), "big"
        )
        self.line.sendall(head + mask + hidden)

    def _message(self) -> bytes:
        out, last = b"", False
        while not last:
            first, size = self._read(2)
            last = bool(first & 0x80)
            if size == 126:
                (size,) = struct.unpack(">H", self._read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._read(8))
            piece = self._read(size)
            if first & 0x0F in (0, 1):  # text and what goes on with it
                out += piece
            else:
                last = False
        return out

    def _read(self, size: int) -> bytes:
        out = b""
        while len(out) < size:
            piece = self.line.recv(size - len(out))
            assert piece, "Firefox hung up"
            out += piece
        return out


@contextlib.contextmanager
def sound_device(folder: str) -> Iterator[dict[str, str]]:
    """Give the environment of a sound device: without any Firefox plays and hears nothing."""
    path = shutil.which("pulseaudio")
    if path is None or "PULSE_SERVER" in os.environ:
        yield {}
        return
    place = f"unix:{folder}/sound.sock"
    process = subprocess.Popen(
        [path, "-n", "--daemonize=no", "--exit-idle-time=-1", "-L", "module-null-sink", "-L",
         f"module-native-protocol-unix auth-anonymous=1 socket={folder}/sound.sock"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder},
    )  # fmt: skip
    try:
        for _ in range(100):
            if Path(f"{folder}/sound.sock").exists():
                break
            time.sleep(0.05)
        yield {"PULSE_SERVER": place}
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def firefox(**preferences: Any) -> Iterator[Firefox]:
    """Give a Firefox, or skip the test and say why."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("there is no Firefox here (Debian: apt-get install firefox-esr)")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        sound_device(folder) as device,
    ):
        wanted = PREFERENCES | preferences
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in wanted.items()]
        (Path(folder) / "user.js").write_text("\n".join(lines), encoding="utf-8")
        log = Path(folder) / "said"
        with log.open("w") as out:
            process = subprocess.Popen(
                [path, "--headless", "--remote-debugging-port", "0", "--profile", folder],
                stdout=out, stderr=out, env={**os.environ, "HOME": folder, **device},
            )  # fmt: skip
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                found = re.search(r"WebDriver BiDi listening on (\S+)", log.read_text())
                if found:
                    break
                time.sleep(0.2)
            else:
                raise AssertionError(log.read_text())
            one = Firefox(found[1])
            if not one.evaluate(SOUNDS):
                one.line.close()
                pytest.skip("there is no sound device here (Debian: apt-get install pulseaudio)")
            yield one
            one.line.close()
        finally:
            process.terminate()
            process.wait(20)
