"""Workers may crash, hang or swell: it costs one recording a row, and the run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import faulty
import psutil
import pytest
import running
import soundfile
from command import prosody
from places import synthetic_voice

from prosody.calls.call import Call, Source
from prosody.calls.collect import collect
from prosody.errors import UsageError
from prosody.examine.examine import Options
from prosody.runs import batch, executors
from prosody.runs import processes as workers
from prosody.runs import task as work
from prosody.runs.journal import Journal
from prosody.runs.processes import MB, Limits, LocalEngine, how_many, parse_memory
from prosody.runs.task import Outcome


def run(folder, out, *, workers=1, **limits):
    job = work.make(Options(clips=True))
    job = faulty.Faulty(job.options, job.redact, job.digest)
    with Journal(out) as journal:
        batch.run(
            collect([folder], clips=True), job, journal,
            lambda job, tasks: LocalEngine(job, tasks, workers=workers, limits=Limits(**limits)),
        )  # fmt: skip
        return {line.call_id: line for line in journal.records()}


def clips(folder, *names):
    folder.mkdir()
    for i, name in enumerate(names):
        soundfile.write(folder / f"{name}.wav", synthetic_voice(1.0, seed=i), 8000)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_crash_and_a_hang_cost_one_recording_each(tmp_path, workers):
    names = ("a", "b-segfault", "c", "d-hang", "e", "f-exit", "g")
    folder = clips(tmp_path / "calls", *names)
    lines = run(folder, tmp_path / "out", workers=workers, time_s=3.0)
    codes = {name: line.code for name, line in lines.items()}
    assert codes == {
        "a": "", "b-segfault": "worker_died", "c": "", "d-hang": "time_limit", "e": "",
        "f-exit": "worker_died", "g": "",
    }  # fmt: skip
    assert "SIGSEGV" in lines["b-segfault"].message or sys.platform != "linux"
    assert all(line.remedy for line in lines.values() if line.code)
    assert all(line.status == "ok" for line in lines.values() if not line.code)


@pytest.mark.slow
def test_a_worker_that_takes_too_much_memory_is_ended(tmp_path):
    folder = clips(tmp_path / "calls", "a", "b-swell", "c")
    lines = run(folder, tmp_path / "out", memory_bytes=900 * MB)
    assert {n: x.code for n, x in lines.items()} == {"a": "", "b-swell": "memory_limit", "c": ""}


@pytest.mark.slow
def test_a_worker_that_has_grown_is_replaced(tmp_path):
    folder = clips(tmp_path / "calls", "a", "b", "c-grow", "d")
    pids = {n: x.message for n, x in run(folder, tmp_path / "out").items()}
    assert pids["a"] == pids["b"] == pids["c-grow"] != pids["d"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_workers_killed_or_stopped_from_outside(tmp_path):
    # Long enough that a worker is hardly ever between two of them when it is stopped.
    folder = running.clips(tmp_path / "clips", 24, seconds=40.0)
    out = tmp_path / "out"
    process = running.start("analyze", folder, "--clips", "--out", out, "--workers", 2,
                         "--time-limit", 3, "--json-progress")  # fmt: skip
    assert '"begin"' in process.stderr.readline()
    assert '"progress"' in process.stderr.readline()
    first, second = running.workers_of(process.pid, at_least=2)
    _loaded(first, second)
    os.kill(first, signal.SIGSEGV)
    os.kill(second, signal.SIGSTOP)  # what a hang looks like
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    lines = running.rows(out / "recordings.jsonl")
    assert len(lines) == 24
    codes = [line["code"] for line in lines if line["code"]]
    assert sorted(codes) == ["time_limit", "worker_died"]
    assert not psutil.pid_exists(second)
    again = prosody("analyze", folder, "--clips", "--out", out)
    assert again.returncode == 0, again.stderr
    assert "22/24 recordings were done already" in again.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_workers_do_not_outlive_a_run_that_was_killed(tmp_path):
    folder = running.clips(tmp_path / "clips", 300)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = running.start("analyze", folder, "--clips", "--out", tmp_path / "out", **silent)
    workers = running.workers_of(process.pid)
    process.kill()
    process.wait()
    end = time.monotonic() + 30
    while any(map(_alive, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(_alive, workers))


def _loaded(*pids):
    """Wait until processes hold the libraries: one stopped while it loads is another matter."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if all(psutil.Process(pid).memory_info().rss > 90 << 20 for pid in pids):
            return
        time.sleep(0.05)


def _alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
def test_each_worker_has_one_thread_for_arithmetic(tmp_path):
    folder = running.clips(tmp_path / "clips", 60)
    process = running.start("analyze", folder, "--clips", "--out", tmp_path / "out")
    (worker, *_) = running.workers_of(process.pid)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    assert [psutil.Process(worker).environ()[n] for n in names] == ["1", "1", "1"]
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_only_a_file_of_some_size_is_asked_how_long_it_lasts(tmp_path):
    path = tmp_path / "a.wav"
    call = Call("a", (Source(path), Source(path)), "a.wav")
    assert not workers._small(call)  # it is not there
    path.write_bytes(bytes(workers.SMALL_BYTES // 2))
    assert workers._small(call)
    path.write_bytes(bytes(workers.SMALL_BYTES // 2 + 1))
    assert not workers._small(call)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("4GB", 4 << 30), ("900 mb", 900 << 20), ("1.5G", 3 << 29), ("1GiB", 1 << 30), ("7", 7)],
)
def test_amounts_of_memory(text, bytes_):
    assert parse_memory(text) == bytes_


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "many", "nan", "inf"])
def test_what_is_no_amount_of_memory(text):
    with pytest.raises(UsageError, match="no amount of memory"):
        parse_memory(text)


def test_memory_decides_how_many_work():
    assert how_many(8, 100, 2000 * MB) == (4, 500 * MB)
    assert how_many(8, 2, 64000 * MB)[0] == 2
    assert how_many(1, 100, 2000 * MB) == (1, 2000 * MB)
    with pytest.raises(UsageError, match="one worker needs 500 MB"):
        how_many(1, 1, 100 * MB)


def test_memory_caps_what_is_in_flight(monkeypatch):
    lock, limits, here, most = threading.Lock(), [], [], []

    class Slow:
        def __init__(self, work, own):
            limits.append(own.memory_bytes)

        def run(self, task):
            with lock:
                here.append(task)
                most.append(len(here))
            time.sleep(0.01)
            with lock:
                here.remove(task)
            return Outcome(task[0], "key", None)

        def stop(self):
            pass

    monkeypatch.setattr(workers, "_Worker", Slow)
    tasks = [(i, Call(f"{i}", (Source(Path(f"{i}.wav")),), f"{i}.wav"), "") for i in range(24)]
    begin = executors.starter("local", workers=8, memory="1600MB")
    engine, done = begin(None, tasks), []
    while not engine.done:
        got = engine.next(1.0)
        done += [] if got is None else [got.number]
    assert sorted(done) == list(range(24))
    assert limits == [1600 * MB // 3] * 3
    assert max(most) <= 3
