"""Runs of the command, for tests and benchmarks: small recordings, kills, what a run left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from command import prosody
from places import SAMPLES

from prosody.results.serialise import unpack

START = "import sys; from prosody.cli import main; main()"
APOLOGY = "Het spijt me dat u voor niets vrij hebt genomen."
FILES = ("apologies.jsonl", "apologies.csv", "recordings.jsonl")


def clips(folder: Path, n: int, *, seconds: float = 1.0, sr: int = 8000) -> Path:
    """Write `n` clips of a voice-like sound, no two alike, in folders of a thousand."""
    import soundfile

    rng = np.random.default_rng(7)
    t = np.arange(round(seconds * sr)) / sr
    for i in range(n):
        f0 = 110.0 + 0.002 * i + 15 * np.sin(2 * np.pi * 0.7 * t + i)
        phase = 2 * np.pi * np.cumsum(f0) / sr
        y = sum(np.cos(k * phase) / k for k in range(1, 12))
        y = 0.1 * y * np.clip(np.sin(2 * np.pi * 3 * t) + 0.7, 0, 1)
        y += 1e-3 * rng.standard_normal(len(t))
        place = folder / f"{i // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"clip-{i:06d}.wav", y.astype(np.float32), sr, subtype="ULAW")
    return folder


def command(*args: Any) -> list[str]:
    """Return the command line of ``prosody`` in this environment."""
    return [sys.executable, "-c", START, *map(str, args)]


def start(*args: Any, **how: Any) -> subprocess.Popen[str]:
    """Start ``prosody`` in a process group of its own."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    env = {k: v for k, v in os.environ.items() if k != "PROSODY_STRICT"}
    return subprocess.Popen(command(*args), start_new_session=True, **{"env": env, **pipe, **how})


def finish(*args: Any) -> subprocess.CompletedProcess[str]:
    """Run ``prosody`` to its end."""
    process = start(*args)
    out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(args, process.returncode, out, err)


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def results(folder: Path) -> dict[str, bytes]:
    """Return the files of a run that depend on nothing but its inputs."""
    return {name: (folder / name).read_bytes() for name in FILES}


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Return where two values of rows differ: everything exactly, judgements to 1e-6.

    The judge computes in float32, and the last bit depends on which rows share a block.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(set(one) | set(other))
        return [d for k in keys for d in differences(one.get(k), other.get(k), f"{where}.{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{where}[{i}]")]
    judged = any(part in where for part in (".sincere.", ".engaged.", ".contribution"))
    if judged and isinstance(one, float) and isinstance(other, float):
        return [] if abs(one - other) <= 1e-6 else [where]
    return [] if one == other else [where]


def in_journal(folder: Path, *, strict: bool = True) -> int:
    """Return how many recordings a journal holds; each must be there whole.

    Opened after a run was killed; 0 where there is no journal yet. Without `strict`, recordings
    that failed may be among them.
    """
    path = folder / "journal.sqlite"
    if not path.exists():
        return 0
    db = sqlite3.connect(path)
    try:
        (state,) = db.execute("pragma integrity_check").fetchone()
        if state != "ok":
            raise AssertionError(f"the journal is damaged: {state}")
        if not db.execute("select 1 from sqlite_master where name = 'recordings'").fetchone():
            return 0
        found = db.execute("select status, apologies, found from recordings").fetchall()
    finally:
        db.close()
    wrong = any(not (n == len(unpack(rows)) == (status == "ok")) for status, n, rows in found)
    if wrong or (strict and any(status == "failed" for status, *_ in found)):
        raise AssertionError("a recording is there in part")
    return len(found)


def kill_again_and_again(
    folder: Path, out: Path, *, kills: int, longest_s: float, seed: int = 0, workers: int = 2
) -> dict[str, Any]:
    """Start a run and kill it at a random moment, so many times; then let it finish.

    A run that ends before its moment comes has gone on from all kills before it: what it gave is
    kept, and the next begins anew in an empty folder.

    Returns
    -------
    dict
        ``rounds`` (for each folder, how many recordings were in the journal after each kill),
        ``finished`` (the files of every run that ended by itself), ``exit_codes`` of those.
    """
    rng = random.Random(seed)
    arguments = ("analyze", folder, "--clips", "--out", out, "--workers", workers, "--quiet")
    rounds: list[list[int]] = [[]]
    finished, codes, killed = [], [], 0
    while True:
        process = start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            moment = rng.uniform(0.05, longest_s) if killed < kills else None
            codes.append(process.wait(timeout=moment))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            rounds[-1].append(in_journal(out))
            continue
        finished.append(results(out))
        if killed >= kills:
            return {"rounds": rounds, "finished": finished, "exit_codes": codes}
        shutil.rmtree(out)
        rounds.append([])


class Watcher(threading.Thread):
    """Looks what the processes of a run take: memory, and (Linux) how long they wait for a core.

    Attributes
    ----------
    main_mb, peak_mb : float
        Largest memory of the run's own process, and of any of its workers.
    cpu_s, waited_s : float
        Of the busiest worker: seconds on a core, and seconds ready to run while others had it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak_mb, self.main_mb = pid, 0.0, 0.0
        self._shares: dict[int, tuple[float, float]] = {}

    @property
    def cpu_s(self) -> float:
        """Seconds on a core of the busiest worker."""
        return max((cpu for cpu, _ in self._shares.values()), default=0.0)

    @property
    def waited_s(self) -> float:
        """Seconds that the busiest worker waited for a core."""
        return max(self._shares.values(), default=(0.0, 0.0))[1]

    def run(self) -> None:
        """Look until the run has ended."""
        try:
            process = psutil.Process(self.pid)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                self.main_mb = max(self.main_mb, process.memory_info().rss / (1 << 20))
                for child in process.children(recursive=True):
                    try:
                        rss = child.memory_info().rss / (1 << 20)
                        self._look(child.pid)
                    except (psutil.Error, OSError):
                        continue
                    self.peak_mb = max(self.peak_mb, rss)
                time.sleep(0.2)
        except psutil.Error:
            return

    def _look(self, pid: int) -> None:
        place = Path(f"/proc/{pid}/schedstat")
        if place.exists():
            on, waiting, _ = place.read_text(encoding="ascii").split()
            self._shares[pid] = (int(on) / 1e9, int(waiting) / 1e9)


def workers_of(pid: int, *, at_least: int = 1, timeout_s: float = 60) -> list[int]:
    """Return the process numbers of a run's workers, once there are enough."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = []
        run = psutil.Process(pid)
        if run.status() == psutil.STATUS_ZOMBIE:
            break  # it has ended
        for child in run.children():
            try:
                if "loky.backend.popen_loky_posix" in " ".join(child.cmdline()):
                    found.append(child.pid)
            except psutil.Error:
                continue
        if len(found) >= at_least:
            return found
        time.sleep(0.02)
    raise AssertionError("no workers were started")


def demo(folder: Path) -> Path:
    """Analyse the demo calls, and one of them with its apology taken out of the transcript.

    `folder` gets ``calls`` and ``demo``, the results, which are returned.
    """
    calls, out = folder / "calls", folder / "demo"
    calls.mkdir(parents=True)
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix in (".wav", ".json", ".vtt", ".csv"):
            shutil.copy(path, calls / path.name)
    first = "1-plain-apology-nl"
    shutil.copy(calls / f"{first}.wav", calls / "5-complaint-nl.wav")
    said = json.loads((calls / f"{first}.json").read_text(encoding="utf-8"))
    for segment in said["segments"]:
        if APOLOGY in segment["text"]:
            segment["text"] = "Ik kijk het voor u na."
            segment.pop("words", None)
    body = json.dumps(said, ensure_ascii=False)
    (calls / "5-complaint-nl.json").write_text(body, encoding="utf-8")
    done = prosody("analyze", calls, "--out", out, "--lang", "en", "-q")
    if done.returncode:
        raise SystemExit(done.stderr)
    return out
