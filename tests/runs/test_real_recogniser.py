"""The way of a team that has only recordings, with a real model on real speech: two commands.

`PROSODY_TEST_RECOGNISER` names a folder with the files of ``whisper-base`` (`.ci/run` makes it of
two packages); they are served on loopback as the hub serves them. English prompts become a call,
acted Dutch lines another. No figure is claimed here: benchmarks/asr.py counts.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from soxr import resample

from prosody.transcripts import recognisers

MODEL = os.environ.get("PROSODY_TEST_RECOGNISER", "")
PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
LINES = Path("/usr/share/games/fillets-ng/sound")
SR_HZ = 8000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL, reason="PROSODY_TEST_RECOGNISER names no folder"),
    pytest.mark.skipif(not PROMPTS.is_dir(), reason="needs asterisk-core-sounds-en-wav"),
]

# What an agent says before and after, for a baseline; and what is an apology. No menu ("press 1"):
# everything that the same voice says up to one is taken for an announcement.
TALK = (
    "agent-user", "conf-getconfno", "vm-enter-num-to-call", "agent-alreadyon", "demo-nogo",
    "demo-congrats", "privacy-prompt", "queue-thankyou", "demo-abouttotry",
)  # fmt: skip
SORRY = ("im-sorry", "sorry-youre-having-problems")


def read(path):
    y, sr = soundfile.read(path, dtype="float32", always_2d=True)
    return y[:, 0] if sr == SR_HZ else resample(y[:, 0], sr, SR_HZ)


def write_call(path, files):
    """Put files on the left channel, a second apart; on the other side is faint noise."""
    rng = np.random.default_rng(1)
    parts = []
    for file in files:
        parts += [1e-4 * rng.standard_normal(SR_HZ).astype(np.float32), read(file)]
    left = np.concatenate(parts)
    right = 1e-4 * rng.standard_normal(len(left)).astype(np.float32)
    soundfile.write(path, np.stack([left, right], axis=1), SR_HZ, subtype="ULAW")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Fetch the model by its name, from a hub on loopback; returns the environment to use it in."""

    class Hub(SimpleHTTPRequestHandler):
        def translate_path(self, path):
            return str(Path(MODEL) / Path(path).name)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("models")
    env = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(folder / "none"),
        "PROSODY_RECOGNISERS": str(folder),
        "no_proxy": "127.0.0.1",
    }
    got = prosody("recognisers", "get", "whisper-base", env=env)
    server.shutdown()
    server.server_close()
    assert got.returncode == 0, got.stderr
    for file in recognisers.find("whisper-base").files:
        assert file.sha256 in got.stderr
    return {**env, "HF_ENDPOINT": "http://127.0.0.1:9"}  # from here on nothing can be fetched


def prosody(*args, env):
    command = [sys.executable, "-c", "from prosody.cli import main; main()", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def analyzed(home, tmp_path, files):
    calls = tmp_path / "calls"
    calls.mkdir()
    write_call(calls / "call.wav", files)
    out = tmp_path / "results"
    done = prosody("analyze", calls, "--asr", "--agent-channel", "left", "--out", out,
                   "--workers", "1", env=home)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr
    (line,) = (out / "recordings.jsonl").read_text("utf-8").splitlines()
    rows = (out / "apologies.jsonl").read_text("utf-8").splitlines()
    return json.loads(line), [json.loads(row) for row in rows]


def test_two_commands_give_judged_apologies(home, tmp_path):
    names = [*TALK[:5], SORRY[0], *TALK[5:], SORRY[1]]
    line, rows = analyzed(home, tmp_path, [PROMPTS / f"{name}.wav" for name in names])
    assert (line["status"], line["source"], line["language"]) == ("ok", "asr", "en")
    assert "recognised by whisper-base" in json.dumps(line["remarks"])
    said = " ".join(row["text"].lower() for row in rows)
    assert said.count("sorry") == 2
    assert len(rows) == 2
    for row in rows:
        assert (row["verdict"] is not None) != bool(row["gates"]), row
    assert line["baseline_s"] > 10
    run = json.loads((tmp_path / "results" / "run.json").read_text("utf-8"))
    assert run["recogniser"]["name"] == "whisper-base"


@pytest.mark.skipif(not LINES.is_dir(), reason="needs fillets-ng-data-nl")
@pytest.mark.parametrize("named", ["whisper-base", "a folder of one's own"])
def test_dutch_of_a_small_model_is_no_evidence(home, tmp_path, named):
    """By what is known of the model; and, where nothing is known of it, by its own confidence."""
    lines = sorted(LINES.glob("*/nl/*.ogg"))[::125]
    assert len(lines) > 10
    env = home
    if named != "whisper-base":
        own = tmp_path / "own"
        own.mkdir()
        for file in Path(home["PROSODY_RECOGNISERS"], "whisper-base").iterdir():
            (own / file.name).write_bytes(file.read_bytes())
        with (own / "model.bin").open("ab") as model:
            model.write(b"\0")  # no longer the model of the list
    else:
        own = None
    calls = tmp_path / "calls"
    calls.mkdir()
    write_call(calls / "call.wav", lines)
    out = tmp_path / "results"
    asr = ("--asr",) if own is None else ("--asr", own)
    done = prosody("analyze", calls, "--agent-channel", "left", "--out", out, "--workers", "1",
                   *asr, env=env)  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = json.loads((out / "recordings.jsonl").read_text("utf-8"))
    assert (line["status"], line["language"], line["apologies"]) == ("poor_words", "nl", 0)
    assert {r["status"] for r in line["conduct"].values()} == {"cannot_tell"}
    assert line["complaint_without_apology"] is None
    (why,) = [r["text"] for r in line["remarks"] if r["code"] == "poor_words"]
    assert "errs too often" in why if own is None else "little probability" in why
