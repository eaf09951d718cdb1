"""What `prosody benchmark` says of a machine; no figure is asserted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody.calls.collect import collect
from prosody.errors import UsageError
from prosody.runs import benchmark as engine


@pytest.fixture
def report():
    timing = engine.Timing(1.0, (0.1,) * 5, (0.1, 0.1, 0.1, 0.1, 0.15))
    rows = (engine.Row("pitch", timing, 60.0), engine.Row("openSMILE", timing, 30.0, peer=True))
    runs = (engine.Throughput(2, 300.0, 3.6, 200.0),)
    return engine.Report(2, 120.0, rows, runs, {"Praat": "no module"}, engine.machine(), busy=True)


def test_a_night_is_its_hours_times_the_speed_less_the_start():
    assert engine.Throughput(1, 100.0, 3600.0, 0.0).in_a_night_h() == 700.0


@pytest.mark.parametrize(("long_s", "speed"), [(12.0, 60.0), (3.0, 90.0), (2.9, 90.0)])
def test_no_run_is_faster_than_its_calls(monkeypatch, long_s, speed):
    seconds = {1: 3.0, 10: long_s}
    monkeypatch.setattr(engine, "duration_s", lambda call: 60.0)
    monkeypatch.setattr(engine, "_copy", lambda *_: None)
    monkeypatch.setattr(engine, "RUN_S", 600.0)
    monkeypatch.setattr(engine, "run", lambda folder, copies, workers: (seconds[copies], 100.0))
    found = engine.throughput([None], 1, 90.0)
    assert (found.x_real_time, found.start_s) == (speed, max(0.0, 3.0 - 60.0 / speed))


def test_calls_with_words_are_those_that_can_be_judged(tmp_path, write_wav, voice):
    write_wav("alone.wav", voice(1.0, 8000))
    assert engine.with_words(collect([tmp_path], clips=True)) == []
    assert len(engine.with_words(collect([SAMPLES]))) == 4


def test_samples_are_there():
    assert list(engine.samples().glob("1-*.wav"))


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_the_table_is_for_people(monkeypatch, report, lang):
    monkeypatch.setattr(engine, "benchmark", lambda *_, **__: report)
    done = CliRunner().invoke(app, ["benchmark", str(SAMPLES), "--lang", lang])
    assert done.exit_code == 0, done.output
    assert "600" in done.output  # 60 s in 0.1 s
    assert "--workers 2" in done.output
    assert "Praat" in done.output
    assert {"en": "busy", "nl": "andere dingen bezig"}[lang] in done.output


def test_json_is_for_machines(monkeypatch, report):
    monkeypatch.setattr(engine, "benchmark", lambda *_, **__: report)
    found = json.loads(CliRunner().invoke(app, ["benchmark", str(SAMPLES), "--json"]).stdout)
    assert found["steps"][0]["x_real_time"] == 600.0
    assert found["runs"][0]["hours_of_calls_in_8_h"] == pytest.approx(2399.7)
    assert found["busy"] is True


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_run_is_the_command_over_copies(monkeypatch, tmp_path, code):
    (tmp_path / "a.wav").write_bytes(b"")
    seen = []

    class Process:
        pid, returncode = os.getpid(), code

        def __init__(self, typed, **_):
            inside = Path(typed[4])
            files = sorted(p.relative_to(inside).as_posix() for p in inside.rglob("*.wav"))
            seen.append((typed[3], files, Path(typed[6]) == inside.parent / "out", typed[5::2],
                         typed[8:]))  # fmt: skip
            self.left = 2

        def poll(self):
            self.left -= 1
            return None if self.left else code

    monkeypatch.setattr(engine.subprocess, "Popen", Process)
    if code < 2:  # some that fail is no fault of the machine
        seconds, peak_mb = engine.run(tmp_path, 2, 3)
        assert seconds > 0
        assert peak_mb > 30
    else:
        with pytest.raises(UsageError, match="ended with 2 on these"):
            engine.run(tmp_path, 2, 3)
    assert seen == [("analyze", ["000/a.wav", "001/a.wav"], True, ["--out", "--workers", "--quiet"],
                     ["3", "--quiet"])]  # fmt: skip


def test_speed_is_told_without_the_start_and_never_above_what_is_possible(monkeypatch):
    asked = []

    def run(folder, copies, workers):
        asked.append((sorted(p.name for p in folder.iterdir()), copies, workers))
        return 5.0 + 2.0 * copies, 100.0 * copies

    calls = collect([SAMPLES])[:2]
    audio_s = sum(map(engine.duration_s, calls))
    monkeypatch.setattr(engine, "run", run)
    monkeypatch.setattr(engine, "RUN_S", 3.5 * audio_s)
    found = engine.throughput(calls, 3, 1e6)
    assert asked == [(["000", "001"], 1, 3), (["000", "001"], 4, 3)]
    assert found.workers == 3
    assert found.x_real_time == pytest.approx(audio_s / 2.0)
    assert found.start_s == pytest.approx(5.0)
    assert found.peak_worker_mb == 400.0
    monkeypatch.setattr(engine, "RUN_S", 0.0)
    assert engine.throughput(calls, 1, 2.0).x_real_time == 2.0
    assert asked[-1][1] == 2  # never less than two, to tell the start apart


@pytest.mark.slow
def test_it_measures(monkeypatch):
    """Everything once, on a little of one sample, without the peers and in short runs."""
    monkeypatch.setattr(engine, "MOST_S", 4.0)
    monkeypatch.setattr(engine, "peers", lambda *_: ({}, {}))
    monkeypatch.setattr(engine, "RUN_S", 1.0)
    monkeypatch.setattr(engine.os, "cpu_count", lambda: 1)
    seen = []
    report = engine.benchmark(
        collect([SAMPLES / "1-plain-apology-nl.wav"]), progress=lambda *n: seen.append(n)
    )
    assert [r.step for r in report.rows] == list(engine.STEPS)
    assert seen[-1][1] == seen[-1][2]
    (run,) = report.throughputs
    assert run.workers == 1
    assert run.x_real_time > 1
    assert run.peak_worker_mb > 50
