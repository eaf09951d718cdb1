"""Dask and Ray run the same function and give the same rows."""

from __future__ import annotations

import json
import sys

import pytest
import running
from command import prosody
from places import SAMPLES

from prosody.calls.collect import collect
from prosody.errors import MissingExtraError
from prosody.examine.examine import Options
from prosody.runs import executors, task

# A cluster for a process of its own: it starts threads and sockets that outlive a fixture.
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                      host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def cluster(tmp_path):
    import subprocess

    pytest.importorskip("distributed", reason="the dask extra is not installed")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    out = tmp_path_factory.mktemp("local")
    done = running.finish("analyze", SAMPLES, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return out


def assert_same(one, other):
    for name in ("apologies.jsonl", "recordings.jsonl"):
        assert not running.differences(running.rows(one / name), running.rows(other / name))


@pytest.mark.slow
def test_two_dask_workers_give_the_rows_of_this_machine(cluster, local, tmp_path):
    done = running.finish("analyze", SAMPLES, "--engine", "dask", "--scheduler", cluster,
                       "--out", tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path, local)
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["command"]["engine"] == "dask"
    again = prosody("analyze", SAMPLES, "--out", tmp_path)
    assert "4/4 recordings were done already" in again.stderr


@pytest.mark.slow
def test_ray_gives_the_rows_of_this_machine(local, tmp_path):
    pytest.importorskip("ray", reason="the ray extra is not installed")
    done = running.finish("analyze", SAMPLES, "--engine", "ray", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path, local)


@pytest.mark.slow
def test_no_scheduler_is_said_and_not_waited_for(tmp_path):
    pytest.importorskip("distributed", reason="the dask extra is not installed")
    done = running.finish("analyze", SAMPLES, "--engine", "dask", "--scheduler",
                       "tcp://127.0.0.1:1", "--out", tmp_path)  # fmt: skip
    assert done.returncode == 2
    assert "no Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_whose_package_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(executors.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"prosody-sincerity\[ray\]"):
        executors.starter("ray")


def test_the_function_of_a_cluster_gives_the_row_of_the_function_here():
    job = task.make(Options())
    (call, *_) = collect([SAMPLES])
    one = executors.on_cluster(job, (7, call, ""), 60.0)
    two = task.run(job, 7, call)
    assert (one.number, one.key) == (7, two.key)
    assert one.examined.record.acts == two.examined.record.acts
    assert executors.on_cluster(job, (7, call, one.key), 60.0).examined is None


def test_a_cluster_of_another_version_is_refused():
    job = task.make(Options())
    other = task.TaskSpec(job.options, job.redact, "other")
    with pytest.raises(executors.ClusterError, match="same versions on all machines"):
        executors.on_cluster(other, (0, collect([SAMPLES])[0], ""), 60.0)


def test_threads_of_a_worker_share_the_one_timer(monkeypatch):
    """The deadline that comes first is the one that is set, also when another thread is done."""
    left = []
    monkeypatch.setattr(
        executors.faulthandler, "dump_traceback_later", lambda s, **_: left.append(round(s))
    )
    monkeypatch.setattr(
        executors.faulthandler, "cancel_dump_traceback_later", lambda: left.append(None)
    )
    deadlines = executors._Deadlines()
    with deadlines.of(100):
        with deadlines.of(500):
            pass
        with deadlines.of(20):
            pass
    assert left == [100, 100, 100, 20, 100, None]
