"""Workers may crash, hang or swell: it costs one recording a row, and the run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

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


class Stand:
    """What stands in for a worker's process: it answers at once, or fails as it is told to."""

    def __init__(self, found, answer=None):
        self.found, self.answer, self.waited_s, self.stopped = found, answer, [], False
        self.ready = self

    def result(self, timeout):
        self.waited_s.append(timeout)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def submit(self, *_):
        future = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer is not None:
            future.set_result(self.answer)
        return future

    def stop(self):
        self.stopped = True


@pytest.fixture
def hired(monkeypatch, tmp_path):
    """Give a worker whose processes are these, one after the other, and its call."""
    (tmp_path / "a.wav").write_bytes(b"")
    (call,) = collect([tmp_path / "a.wav"], clips=True)

    def hire(*stands, asr=None, **limits):
        ahead = iter(stands)
        monkeypatch.setattr(workers, "Process", lambda *_: next(ahead))
        options = SimpleNamespace(asr=asr)
        worker = workers._Worker(SimpleNamespace(options=options), Limits(**limits))
        return worker, lambda: worker.run((0, call, ""))

    return hire


READY = work.Ready(os.getpid(), 50 * MB, 2.0)


def test_a_process_has_longer_to_load_a_large_recogniser(hired):
    for asr, seconds in ((None, 100.0), (SimpleNamespace(size_bytes=int(1.5e9)), 250.0)):
        stand = Stand(READY)
        worker, _ = hired(stand, asr=asr)
        worker.start()
        assert stand.waited_s == [seconds]
        assert (worker.rest_bytes, worker.cost) == (50 * MB, 2.0)


def test_two_processes_may_die_while_they_load_and_the_third_ends_the_run(hired):
    dying = [Stand(OSError("no room")) for _ in range(3)]
    worker, _ = hired(*dying[:2], Stand(READY))
    worker.start()
    assert worker.process.found is READY
    worker, _ = hired(*dying)
    with pytest.raises(workers.WorkerError, match=r"OSError: no room") as said:
        worker.start()
    assert "--workers 0" in said.value.remedy
    assert worker.process is None
    assert all(d.stopped for d in dying)


def test_what_a_lost_worker_costs_says_why_and_what_helps(hired):
    stand = Stand(READY, RuntimeError("gone. The exit codes of the workers are {SIGSEGV(-11)}"))
    record = hired(stand)[1]().examined.record
    assert record.code == "worker_died"
    assert record.message == "a.wav: the process that read it ended ({SIGSEGV(-11)})."
    assert record.remedy.startswith("The file makes a decoder crash, or the machine ran out")
    assert record.remedy.endswith("The other recordings are not touched; convert this one to WAV "
                                  "and try again.")  # fmt: skip
    assert stand.stopped


def test_too_long_and_too_much_are_rows_that_say_the_limit(hired, monkeypatch):
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.01)
    late, call = hired(Stand(READY), time_s=0.0, time_share=0.0)
    record = call().examined.record
    assert (record.code, record.message) == ("time_limit", "a.wav: not done after 0 s.")
    assert "raise --time-limit" in record.remedy
    assert late.process is None
    record = hired(Stand(READY), memory_bytes=MB)[1]().examined.record
    assert record.code == "memory_limit"
    assert record.message == "a.wav: needs more than 1 MB; 50 MB of them were taken before it."
    assert record.remedy == "Raise --memory or lower --workers."
    asr = SimpleNamespace(size_bytes=0, memory_bytes=0)
    slow = workers._late(SimpleNamespace(name="a"), 30.0, 7.0, 20.0)
    assert "30 s, 20 s of them for recognising the words of 7 s" in slow.args[1]
    assert "smaller recogniser" in slow.args[2]
    monkeypatch.setattr(work, "recognition_s", lambda *_: 0.0)
    worker, _ = hired(Stand(READY), asr=asr, memory_bytes=MB)
    worker.start()
    with pytest.raises(workers._Gone) as gone:
        worker._wait(Future(), 9.0, SimpleNamespace(name="a"))
    assert "the recogniser among them" in gone.value.args[1]


@pytest.mark.parametrize(("more", "asr_mb", "stays"), [(0, 0, True), (1, 0, False), (1, 1, True)])
def test_a_worker_stays_until_it_has_grown_by_more_than_it_may(
    hired, monkeypatch, more, asr_mb, stays
):
    monkeypatch.setattr(work, "recognition_s", lambda *_: 0.0)
    rss = READY.rss_bytes + (workers.GROWN_MB + more) * MB
    stand = Stand(READY, Outcome(0, "k", None, rss))
    asr = SimpleNamespace(size_bytes=0, memory_bytes=asr_mb * MB) if asr_mb else None
    if asr:
        stand.submit = lambda task, *_: done(0.0 if task is work.length_s else stand.answer)
    worker, call = hired(stand, asr=asr)
    assert call().key == "k"
    assert (worker.process is not None) == stays


def done(value):
    future = Future()
    future.set_result(value)
    return future
