"""``prosody coach`` from outside: a process, its link, what it leaves behind."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import soundfile
from command import prosody
from places import synthetic_voice
from served import CODE, Running, coach

from prosody.web import serve

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")

SR = 16_000
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and modes of POSIX")


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("prosody-studio-"))


def sound(seconds: float = 3.0) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, synthetic_voice(seconds, SR), SR, format="WAV", subtype="PCM_16")
    return out.getvalue()


def children(pid: int) -> list[Any]:
    import psutil

    return psutil.Process(pid).children(recursive=True)


def gone_within(processes: list[Any], seconds: float) -> bool:
    import psutil

    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with coach(tmp_path_factory.mktemp("run")) as found:
        found.enter()
        yield found


def test_the_link_is_on_loopback_and_carries_a_token(running: Running) -> None:
    assert running.parts.scheme == "http"
    assert running.parts.hostname == "127.0.0.1"
    assert len(running.parts.query) > 30


@posix
@pytest.mark.slow
def test_the_browser_is_started_with_a_link_that_nobody_can_use_after_it(tmp_path: Path) -> None:
    link = tmp_path / "told"
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {link}.part && mv {link}.part {link}\n')
    browser.chmod(0o700)
    with coach(tmp_path / "run", "--browser", BROWSER=str(browser)) as found:
        until = time.monotonic() + 30
        while not link.exists() and time.monotonic() < until:
            time.sleep(0.05)
        opened = urlsplit(link.read_text())
        assert (opened.hostname, opened.port) == (found.parts.hostname, found.parts.port)
        assert opened.query != found.parts.query
        assert found.ask("GET", f"/?{opened.query}")[0] == 303
        assert found.ask("GET", f"/?{opened.query}")[0] == 403
        assert found.ask("GET", f"/?{found.parts.query}")[0] == 303


def test_a_newcomer_gets_feedback(running: Running) -> None:
    status, headers, page = running.ask("GET", "/coach")
    assert status == 200
    assert b"<html" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    status, _, text = running.ask("GET", "/api/start?lang=nl")
    assert len(json.loads(text)["situations"]) >= 6
    status, _, text = running.ask("POST", "/api/takes?kind=take&lang=nl", sound())
    assert status == 200
    got = json.loads(text)
    assert got["judgement"] is None  # without other speech of this voice there is no verdict
    assert got["told_ms"] > 0
    status, headers, data = running.ask("GET", f"/api/takes/{got['id']}/sound", range="bytes=0-3")
    assert (status, data) == (206, b"RIFF")
    assert running.ask("POST", "/api/forget")[0] == 204


def test_nobody_else_gets_anything(running: Running) -> None:
    stranger = Running(running.process, running.link)
    assert stranger.ask("GET", "/api/takes")[0] == 403
    assert stranger.ask("POST", "/api/takes", sound())[0] == 403
    assert stranger.ask("GET", "/?token=guess")[0] == 403
    assert running.ask("GET", "/api/takes", host="rebound.example:80")[0] == 403
    assert running.ask("POST", "/api/forget", origin="http://evil.example")[0] == 403
    own = f"http://127.0.0.1:{running.parts.port}"
    assert running.ask("POST", "/api/forget", origin=own)[0] == 204


def test_paths_reach_no_files(running: Running) -> None:
    for path in ("/assets/../coach.py", "/assets/%2e%2e/coach.py", "/vendor/..%2f__init__.py",
                 "/api/takes/..%2f..%2fetc/sound", "//etc/passwd"):  # fmt: skip
        assert running.ask("GET", path)[0] in (403, 404), path


def test_a_body_without_end_is_cut_off(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.parts.port or 0), timeout=30) as line:
        head = (
            f"POST /api/takes HTTP/1.1\r\nHost: 127.0.0.1:{running.parts.port}\r\n"
            f"Cookie: {running.crumb}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        line.sendall(head.encode())
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        answer = b""
        with suppress(OSError):
            for _ in range(60):  # 60 MB and no end
                line.sendall(chunk)
        with suppress(OSError):
            answer = line.recv(1000)
    assert not answer or b" 413 " in answer.split(b"\r\n")[0]
    assert running.ask("GET", "/api/takes")[0] == 200


def test_only_loopback_is_listened_on(running: Running) -> None:
    import psutil

    found = [c.laddr.ip for c in psutil.Process(running.process.pid).net_connections("tcp")
             if c.status == psutil.CONN_LISTEN]  # fmt: skip
    assert found == ["127.0.0.1"]


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_stops_cleanly_and_wipes(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(f"{name} is ignored here (nohup), and by what is started here")
    with coach(tmp_path) as one:
        one.enter()
        assert one.ask("POST", "/api/takes", sound())[0] == 200
        assert left_in(tmp_path)
        for folder in left_in(tmp_path):
            assert (tmp_path / folder).stat().st_mode & 0o077 == 0
            assert [p.name for p in (tmp_path / folder).iterdir()] == ["began"]
        below = children(one.process.pid)
        one.process.send_signal(number)
        _, said = one.process.communicate(timeout=30)
        assert one.process.returncode == 0, said
        assert "Traceback" not in said
        assert "wiped" in said
        assert gone_within(below, 10)
    assert left_in(tmp_path) == []


@posix
def test_a_killed_server_leaves_no_process_and_the_next_start_wipes(tmp_path: Path) -> None:
    with coach(tmp_path) as one:
        below = children(one.process.pid)
        stale = set(left_in(tmp_path))  # a folder for takes, and one for the vocoder's
        assert stale
        for folder in stale:
            (tmp_path / folder / "take-in-the-middle").write_bytes(sound())
        one.process.kill()
        one.process.wait(timeout=10)
        assert gone_within(below, 15)
    assert set(left_in(tmp_path)) == stale
    with coach(tmp_path) as two:
        fresh = set(left_in(tmp_path))
        assert len(fresh) == len(stale)
        assert not fresh & stale
        # A second server beside it leaves the first one's folder alone.
        with coach(tmp_path) as three:
            assert fresh < set(left_in(tmp_path))
            assert len(left_in(tmp_path)) == 2 * len(fresh)
            assert two.parts.port != three.parts.port


def test_from_everywhere_takes_are_kept_in_the_folder_named_in_the_language_asked_for(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "my takes"
    how = ("--keep", str(kept), "--lang", "nl", "--host", "0.0.0.0", "--allow-network")
    with coach(tmp_path / "run", *how) as one:
        assert one.parts.hostname == serve.addresses()[0]  # the first of the links printed
        status, headers, _ = one.ask("GET", f"/?{one.parts.query}")
        assert (status, headers["location"]) == (303, "/coach?lang=nl")
        one.crumb = headers["set-cookie"].split(";")[0]
        got = json.loads(one.ask("POST", "/api/takes", sound())[2])
        status, _, text = one.ask("POST", f"/api/takes/{got['id']}/keep")
        assert (status, json.loads(text)["folder"]) == (200, "my takes")
    assert sorted(p.suffix for p in kept.iterdir()) == [".flac", ".json"]
    row = prosody("analyze", str(kept), "--clips", "--out", str(tmp_path / "out"))
    assert row.returncode == 0, row.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--host", "0.0.0.0"], "--allow-network"),
        (["--host", "203.0.113.7", "--allow-network"], "Cannot listen"),
        (["--cert", "a.pem"], "belong together"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem"], "no such file"),
        (["--lang", "fr"], "no texts"),
        (["--model", "none.onnx"], "none.onnx"),
        (["--settings", "none.toml"], "none.toml"),
    ],
)
def test_what_cannot_be_served_is_a_usage_error(args: list[str], said: str, tmp_path: Path) -> None:
    done = prosody("coach", "--no-browser", "--port", "0", *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_with_a_certificate_it_speaks_https_and_the_cookie_is_for_https_alone(
    tmp_path: Path,
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    tls = ["--cert", str(cert), "--key", str(key), "--name", "localhost"]
    with coach(tmp_path / "run", *tls) as one:
        assert one.link.startswith("https://localhost:")
        line = http.client.HTTPSConnection(
            "localhost", one.parts.port, timeout=30, context=ssl.create_default_context(cafile=cert)
        )
        line.request("GET", f"/?{one.parts.query}")
        answer = line.getresponse()
        answer.read()
        assert answer.status == 303
        crumb = answer.headers["set-cookie"]
        assert crumb.endswith("; Secure")
        for origin, status in ((f"https://localhost:{one.parts.port}", 204),
                               (f"http://localhost:{one.parts.port}", 403)):  # fmt: skip
            line.request("POST", "/api/forget", headers={"cookie": crumb.split(";")[0],
                                                         "origin": origin})  # fmt: skip
            answer = line.getresponse()
            answer.read()
            assert answer.status == status
        line.close()


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = prosody("coach", "--no-browser", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_without_the_extra_the_remedy_is_said() -> None:
    code = "import sys; sys.modules['starlette'] = None; sys.modules['uvicorn'] = None\n" + CODE
    done = subprocess.run(
        [sys.executable, "-c", code, "coach", "--no-browser"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert 'pip install "prosody-sincerity[studio]"' in done.stderr


def test_help_needs_no_extra_and_has_an_example() -> None:
    code = "import sys; sys.modules['starlette'] = None\n" + CODE
    done = subprocess.run(
        [sys.executable, "-c", code, "coach", "--help"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Example: prosody coach" in done.stdout
