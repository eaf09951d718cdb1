"""Nothing leaves the machine: no socket to a network, and nothing foreign in a new home folder."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from command import prosody
from places import SAMPLES

GUARD = Path(__file__).parent / "support" / "offline_guard.py"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="seccomp, x86-64"
)

COMMAND = "from prosody.cli import main; main()"
COACH = """
import asyncio, sys
from prosody.coach.page import Coach
if __name__ == "__main__":
    coach = Coach(workers=1)
    coach.open()
    coach.close()
"""


@pytest.fixture
def offline(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    script = tmp_path / "script.py"

    def run(code, *args):
        script.write_text(code)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "PROSODY_"))}
        for name in ("ORT_DISABLE_TELEMETRY", "PYTHONDONTWRITEBYTECODE"):
            kept.pop(name, None)
        return subprocess.run(
            [sys.executable, GUARD, script, *map(str, args)],
            env={**kept, "HOME": str(home)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    run.home = home
    return run


def test_the_guard_ends_who_opens_a_socket(offline):
    assert offline("import socket; socket.socket(socket.AF_UNIX)").returncode == 0
    for family in ("AF_INET", "AF_INET6"):
        assert offline(f"import socket; socket.socket(socket.{family})").returncode == -31, family


def test_the_guard_sees_what_a_library_opens(offline):
    """onnxruntime without our word to it; where no such version is installed, nothing to see."""
    tracker = resources.files("prosody.models") / "pitch.onnx"
    code = (
        f"import onnxruntime, time; onnxruntime.InferenceSession({str(tracker)!r}); time.sleep(3)"
    )
    done = offline(code)
    if done.returncode == 0 and not list(offline.home.rglob("*")):
        pytest.skip("this onnxruntime does not report")
    assert done.returncode == -31 or list(offline.home.rglob("*"))


@pytest.mark.parametrize(
    "args",
    [
        ("analyze", SAMPLES, "--out", "out", "--quiet", "--workers", "1"),
        ("features", SAMPLES / "1-plain-apology-nl.wav"),
    ],
    ids=lambda args: args[0],
)
def test_a_command_opens_no_socket_and_leaves_nothing_at_home(offline, args):
    done = offline(COMMAND, *args)
    assert done.returncode == 0, done.stderr
    assert list(offline.home.rglob("*")) == []


def test_recognising_words_opens_no_socket_and_leaves_nothing_at_home(offline, tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    pytest.importorskip("onnx", reason="the fit extra is not installed")
    import small_recognisers

    model = small_recognisers.tdt(tmp_path / "model")
    call = tmp_path / "call.wav"  # without the transcript that lies beside the sample
    call.write_bytes((SAMPLES / "2-recited-apology-en.wav").read_bytes())
    done = offline(COMMAND, "analyze", call, "--out", "out", "--asr", model, "--language", "en",
                   "--agent-channel", "left", "--workers", "0")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "recognised by model" in (tmp_path / "out" / "recordings.jsonl").read_text("utf-8")
    assert list(offline.home.rglob("*")) == []


def test_a_judge_opens_no_socket(offline, tmp_path):
    sample = SAMPLES / "1-plain-apology-nl.wav"
    measured = prosody("analyze", sample, "--out", tmp_path / "out", "--measures-only")
    assert measured.returncode == 0, measured.stderr
    done = offline(COMMAND, "judge", "out/apologies.csv")
    assert done.returncode == 0, done.stderr
    assert "sincere_rating" in done.stdout
    assert list(offline.home.rglob("*")) == []


def test_the_processes_of_the_page_open_no_socket(offline):
    done = offline(COACH)
    assert done.returncode == 0, done.stderr
    assert list(offline.home.rglob("*")) == []
