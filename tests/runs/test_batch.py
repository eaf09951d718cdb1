"""A run: what is done stays done, once; a kill, a stop, a full disk take nothing away."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import running
from command import prosody
from damaged import apology
from places import SAMPLES

from prosody import settings
from prosody.calls.call import Call, Source
from prosody.calls.collect import collect
from prosody.errors import UsageError
from prosody.examine.examine import Examined, Options
from prosody.measures.table import NAMES
from prosody.message import Message
from prosody.results import write
from prosody.results.records import CallRecord
from prosody.runs import batch, executors, task
from prosody.runs.journal import Journal, JournalError
from prosody.runs.processes import InProcess
from prosody.runs.task import Outcome


@pytest.fixture
def calls(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.wav").write_bytes(name.encode())
    return folder


class Counting:
    """An engine that examines nothing, and remembers what it was asked for."""

    def __init__(self):
        self.names = []

    def __call__(self, job, tasks):
        def examine(job, number, call, known):
            key = task.key_of(call, job)
            if key == known:
                return Outcome(number, key, None)
            self.names.append(call.call_id)
            rows = [apology(call.name), apology(call.name, start_s=0.5, gates=("too_short",))]
            line = CallRecord(
                call.name, call.call_id, apologies=2, remarks=(Message("a", "b", "c"),)
            )
            return Outcome(number, key, Examined(line, rows))

        return InProcess(job, tasks, run=examine)


def go(folder, out, *, fresh=False, options=None, judge=None, paths=None):
    counting = Counting()
    with Journal(out, fresh=fresh) as journal:
        done = batch.run(
            collect(paths or [folder], clips=True),
            task.make(options or Options(clips=True)), journal, counting, judge,
        )  # fmt: skip
        counts = done.counts()
        rows, lines = list(done.apologies), list(done.records)
    return counting.names, counts, rows, lines


# --- the journal ------------------------------------------------------------------------------


def test_rows_come_out_of_the_journal_as_they_went_in(tmp_path):
    row = apology("a", gates=("clipped",), remarks=(Message("x", "y", "z"),), i_form=None)
    line = CallRecord(
        "a", "1", acts=({"act": "apology", "start_s": float("nan")},), conduct={"r": {}}
    )
    with Journal(tmp_path) as journal:
        journal.want(["i"])
        journal.add("i", "stamp", "key", line, [row])
        (back,), (line_back,) = journal.apologies(), journal.records()
    assert np.array_equal(back.measures, row.measures)
    assert np.isnan(back.relative).all()
    assert (back.gates, back.remarks, back.i_form) == (row.gates, row.remarks, None)
    assert back.conduct == {"r": {}}
    assert line_back.remarks == line.remarks
    assert (line_back.apologies, line_back.withheld) == (1, 1)
    with Journal(tmp_path) as journal:
        again = journal.recast("i", "stamp", "other key", {"r": {}}, None)
    assert (again.apologies, again.withheld) == (1, 1)
    assert {type(again.apologies), type(again.withheld)} == {int}  # SQLite's total() is a float


def test_two_runs_on_one_folder_refuse_each_other(tmp_path):
    with Journal(tmp_path), pytest.raises(UsageError, match="Another run is writing"):
        Journal(tmp_path)
    with Journal(tmp_path, fresh=True):
        pass


def test_a_damaged_journal_is_refused_and_fresh_begins_anew(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="--fresh"):
        Journal(tmp_path)
    with Journal(tmp_path, fresh=True) as journal:
        assert journal.counts()["recordings"] == 0


def test_a_full_disk_stops_the_run_and_keeps_what_was_done(tmp_path):
    with Journal(tmp_path) as journal:
        journal.want([str(i) for i in range(5000)])
        journal.add("0", "s", "k", CallRecord("0", "0"), [apology("0")])
        journal.commit()
        pages = journal._db.execute("pragma page_count").fetchone()[0]
        journal._db.execute(f"pragma max_page_count = {pages + 20}")  # what a full disk says

        def fill():
            for i in range(1, 5000):
                noise = np.random.default_rng(i).normal(size=len(NAMES))
                journal.add(
                    str(i), "s", "k", CallRecord(str(i), ""), [apology(str(i), measures=noise)]
                )

        with pytest.raises(JournalError, match=r"full.*goes on where it stopped"):
            fill()
    with Journal(tmp_path) as journal:
        journal.want([str(i) for i in range(5000)])
        counts = journal.counts()
    assert 1 <= counts["recordings"] == counts["apologies"]


def test_a_disk_that_is_full_from_the_start_asks_for_room_and_not_for_a_fresh_start(
    tmp_path, monkeypatch
):
    real = Journal._open

    def full(self, **how):
        real(self, **how)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(Journal, "_open", full)
    with pytest.raises(JournalError, match="Make room"):
        Journal(tmp_path)


def test_a_disk_that_is_full_for_the_results_keeps_the_journal(calls, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path) as journal:
        journal.want(["a"])
        journal.add("a", "s", "k", CallRecord("a", "a"), [apology("a")])
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(write.ResultsError, match=r"No space left.*nothing of it is measured"):
            write.write_from(journal, tmp_path, {}, formats=("jsonl", "csv"))
    assert not list(tmp_path.glob(".*.part"))
    assert not (tmp_path / "apologies.jsonl").exists()
    with Journal(tmp_path) as journal:
        assert journal.counts()["recordings"] == 1


# --- judging and giving back ------------------------------------------------------------------


def test_judging_goes_through_all_rows_once_whatever_the_size_of_a_block(tmp_path):
    with Journal(tmp_path) as journal:
        journal.want([f"i{n}" for n in range(7)])
        for n in (3, 1, 6, 0, 5, 2, 4):
            rows = [apology(f"r{n % 3}", start_s=float(k), text=f"{n}.{k}") for k in range(3)]
            rows.append(apology(f"r{n % 3}", start_s=9.0, gates=("clipped",)))
            journal.add(f"i{n}", "s", "k", CallRecord(f"r{n % 3}", "", conduct={"n": n}), rows)
        seen = []
        for block in journal.unjudged("j", 4):
            assert len(block) <= 4
            seen += [row.text for _, row in block]
            for _, row in block:
                row.verdict = "unclear"
            journal.judged("j", block)
        assert sorted(seen) == [f"{n}.{k}" for n in range(7) for k in range(3)]
        assert list(journal.unjudged("j", 4)) == []
        back = list(journal.apologies())
    assert [(r.recording, r.start_s) for r in back] == sorted(
        (r.recording, r.start_s) for r in back
    )
    assert all(r.conduct == {"n": int(r.text[0])} for r in back if not r.gates)
    assert [r.verdict for r in back if r.gates] == [None] * 7


def test_what_is_wanted_can_change_from_run_to_run(tmp_path):
    with Journal(tmp_path) as journal:
        for idents in (["a", "b"], ["b", "c"], ["c", "a"]):
            journal.want(idents)
            for ident in idents:
                if not journal.known(ident)[1]:
                    journal.add(ident, "s", "k", CallRecord(ident, ident), [apology(ident)])
            assert [line.recording for line in journal.records()] == sorted(idents)
            assert [r.recording for r in journal.apologies()] == sorted(idents)
        journal.want(["a", "b", "c"])
        assert journal.counts()["recordings"] == 3


# --- what is done again -----------------------------------------------------------------------


def test_started_again_nothing_is_done_again(calls, tmp_path):
    first = go(calls, tmp_path / "out")
    again = go(calls, tmp_path / "out")
    assert first[0] == ["a", "b", "c"]
    assert again[0] == []
    assert first[1] == again[1]
    assert first[1]["apologies"] == 6
    assert [r.start_s for r in again[2]] == [0.5, 1.25] * 3


def test_changed_sound_is_done_again_and_only_that(calls, tmp_path):
    go(calls, tmp_path / "out")
    (calls / "b.wav").write_bytes(b"other")
    assert go(calls, tmp_path / "out")[0] == ["b"]


def test_same_size_and_time_do_not_hide_a_change(calls, tmp_path):
    go(calls, tmp_path / "out")
    state = (calls / "b.wav").stat()
    (calls / "b.wav").write_bytes(b"B")
    os.utime(calls / "b.wav", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert go(calls, tmp_path / "out")[0] == ["b"]


def test_a_copy_with_new_times_is_known_by_its_content(calls, tmp_path):
    go(calls, tmp_path / "out")
    os.utime(calls / "c.wav", (1, 1))
    assert go(calls, tmp_path / "out")[0] == []


def test_settings_redo_what_they_touch(calls, tmp_path):
    go(calls, tmp_path / "out")
    verdict = settings.Settings(verdict=settings.Verdict(sincere_p=0.9))
    windows = settings.Settings(windows=settings.Windows(pad_s=0.2))
    assert go(calls, tmp_path / "out", options=Options(clips=True, settings=verdict))[0] == []
    assert go(calls, tmp_path / "out", options=Options(clips=True, settings=windows))[0] != []


def sorry(folder, **groups):
    """Run over the samples; returns what was measured, judged, and the rows."""
    chosen, judged = settings.Settings(**groups), []

    def judge(rows):
        judged.extend(rows)
        for row in rows:
            row.verdict = "unclear"

    with Journal(folder) as journal:
        batch.run(
            collect([SAMPLES]), task.make(Options(settings=chosen)), journal, InProcess,
            ("a judge", judge),
        )  # fmt: skip
        return len(judged), list(journal.apologies()), list(journal.records())


@pytest.fixture(scope="module")
def sorry_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sorry")
    return folder, sorry(folder)


@pytest.fixture
def measured(monkeypatch):
    from prosody.measures import measure as measures

    times = []
    real = measures.measure

    def measure(sounds, sr, **how):
        times.append(len(sounds))
        return real(sounds, sr, **how)

    monkeypatch.setattr(measures, "measure", measure)
    return times


def test_other_gates_are_held_against_what_was_measured_already(tmp_path, measured, sorry_once):
    once, (judged, rows, _) = sorry_once
    shutil.copy(once / "journal.sqlite", tmp_path)
    assert judged == sum(not r.gates for r in rows) > 2
    made = len(measured)
    longest = max(r.end_s - r.start_s for r in rows)
    gates = settings.Gates(min_duration_s=longest - 0.01)
    judged, after, lines = sorry(tmp_path, gates=gates)
    assert (len(measured), judged) == (made, 0)
    shut = [r for r in after if "too_short" in r.gates]
    assert len(shut) == len(after) - sum(r.end_s - r.start_s >= gates.min_duration_s for r in after)
    assert all(r.verdict is None and not r.axes for r in shut)
    assert sum(line.withheld for line in lines) == sum(bool(r.gates) for r in after)
    fresh = sorry(tmp_path / "fresh", gates=gates)[1]
    assert len(measured) > made
    assert [r.gates for r in fresh] == [r.gates for r in after]
    made = len(measured)
    judged, back, _ = sorry(tmp_path)  # and back: those that came in again are judged, no others
    came_in = sum(bool(a.gates) and not b.gates for a, b in zip(after, back, strict=True))
    assert (len(measured), judged) == (made, came_in)
    assert [(r.gates, r.verdict) for r in back] == [(r.gates, r.verdict) for r in rows]


def test_other_rules_of_conduct_measure_nothing_and_judge_nothing(tmp_path, measured, sorry_once):
    once, (_, rows, _) = sorry_once
    shutil.copy(once / "journal.sqlite", tmp_path)
    made = len(measured)
    strict = settings.Conduct(max_apology_s=0.5, max_apologies=1)
    judged, after, lines = sorry(tmp_path, conduct=strict)
    assert (len(measured), judged) == (made, 0)
    assert [r.verdict for r in after] == [r.verdict for r in rows]
    assert [r.conduct["short"] for r in after] != [r.conduct["short"] for r in rows]
    _, fresh, fresh_lines = sorry(tmp_path / "fresh", conduct=strict)
    assert [r.conduct for r in fresh] == [r.conduct for r in after]
    assert [line.conduct for line in fresh_lines] == [line.conduct for line in lines]
    silent = [line.complaint_without_apology for line in lines]
    assert silent == [line.complaint_without_apology for line in fresh_lines]
    made = len(measured)
    assert sorry(tmp_path, conduct=strict)[0] == 0
    assert len(measured) == made


def test_another_judge_judges_again_without_measuring(calls, tmp_path):
    seen = []

    def judge(rows):
        seen.append(len(rows))
        for row in rows:
            row.verdict, row.reasons = "unclear", ({"text": "x"},)

    go(calls, tmp_path / "out", judge=("one", judge))
    names, counts, rows, _ = go(calls, tmp_path / "out", judge=("one", judge))
    assert (names, seen) == ([], [3])
    assert (counts["judged"], counts["withheld"]) == (3, 3)
    assert [r.verdict for r in rows] == [None, "unclear"] * 3
    assert rows[1].reasons == ({"text": "x"},)
    go(calls, tmp_path / "out", judge=("two", judge))
    assert seen == [3, 3]
    _, counts, rows, _ = go(calls, tmp_path / "out")  # --measures-only
    assert counts["judged"] == 0
    assert all(r.verdict is None for r in rows)


def test_stopped_before_judging_only_this_judges_word_is_left(calls, tmp_path, monkeypatch):
    def judge(rows):
        for row in rows:
            row.verdict = "unclear"

    @contextmanager
    def stopped_twice():
        yield {"n": 2}

    go(calls, tmp_path / "out", judge=("one", judge))
    monkeypatch.setattr(batch, "_signals", stopped_twice)
    assert go(calls, tmp_path / "out", judge=("one", judge))[1]["judged"] == 3
    _, counts, rows, _ = go(calls, tmp_path / "out", judge=("two", judge))
    assert counts["judged"] == 0
    assert all(r.verdict is None for r in rows)


def test_two_paths_with_the_same_sound_are_two_recordings(calls, tmp_path):
    shutil.copy(calls / "a.wav", calls / "d.wav")
    assert go(calls, tmp_path / "out")[1]["recordings"] == 4


def test_what_is_no_longer_asked_for_leaves_the_results(calls, tmp_path):
    go(calls, tmp_path / "out")
    _, counts, rows, lines = go(calls, tmp_path / "out", paths=[calls / "a.wav"])
    assert counts["recordings"] == len(lines) == 1
    assert {r.call_id for r in rows} == {"a.wav"}
    assert go(calls, tmp_path / "out")[0] == ["b", "c"]


def test_failures_are_tried_again(calls, tmp_path):
    job = task.make(Options(clips=True))
    (calls / "a.wav").unlink()
    (calls / "a.wav").symlink_to("nowhere")
    outcome = task.run(job, 0, collect([calls / "a.wav"], clips=True)[0])
    assert outcome.examined.record.code == "not_found"
    assert outcome.key == ""


def test_shards_cover_everything_once(calls):
    found = collect([calls], clips=True)
    parts = [batch.shard_of(found, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(c.name for part in parts for c in part) == [c.name for c in found]
    for wrong in ("0/3", "4/3", "1", "a/b", "-1/2"):
        with pytest.raises(UsageError, match="no shard"):
            batch.shard_of(found, wrong)


def test_names_that_are_no_text_can_be_written(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"caf\xe9 \xff.wav")).write_bytes(b"x")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text only")
    (folder / "line\nbreak'\"\u202e.wav").write_bytes(b"y")
    _, counts, rows, _ = go(folder, tmp_path / "out")
    assert counts["recordings"] == 2
    assert any("\\udcff" in r.recording for r in rows)


def test_a_watch_hears_what_happens(calls, tmp_path):
    events = []

    class Watch:
        def given(self, calls, options):
            events.append(([call.call_id for call in calls], options.clips))

        def begin(self, total, kept):
            events.append((total, kept))

        def __call__(self, line, withheld):
            events.append((line.call_id, withheld))

        def interrupted(self):
            events.append("stop")

    some = collect([calls], clips=True)
    with Journal(tmp_path / "out") as journal:
        for these in (some[:2], some, some):  # what was done is not looked at once more
            batch.run(these, task.make(Options(clips=True)), journal, Counting(), watch=Watch())
    first = [(["a", "b"], True), (2, 0), ("a", 1), ("b", 1)]
    assert events == [*first, (["c"], True), (3, 2), ("c", 1), (3, 3)]


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="Choose from local, dask, ray"):
        executors.starter("spark")
    with pytest.raises(UsageError, match="--scheduler was given"):
        executors.starter("local", scheduler="tcp://x:1")
    with pytest.raises(UsageError, match="needs the address"):
        executors.starter("dask")


def differences(one, other):
    names = ("apologies.jsonl", "recordings.jsonl")
    return [
        d
        for n in names
        for d in running.differences(running.rows(one / n), running.rows(other / n))
    ]


# --- from outside -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = running.clips(tmp_path_factory.mktemp("many") / "clips", 60)
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    began = time.monotonic()
    done = running.finish("analyze", folder, "--clips", "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return folder, out, time.monotonic() - began


@pytest.mark.slow
def test_two_workers_give_the_rows_of_one(many, tmp_path):
    folder, undisturbed, _ = many
    done = running.finish("analyze", folder, "--clips", "--out", tmp_path, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert running.results(tmp_path) == running.results(undisturbed)


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_or_there_twice(many, tmp_path):
    folder, undisturbed, seconds = many
    out = tmp_path / "out"
    events = running.kill_again_and_again(folder, out, kills=4, longest_s=1.2 * seconds, seed=1)
    assert set(events["exit_codes"]) == {0}
    assert all(done == sorted(done) for done in events["rounds"])  # what was done stayed done
    expected = running.results(undisturbed)
    assert all(files == expected for files in events["finished"])
    assert not list(out.glob(".*.part*"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent in another way there")
def test_stopped_it_writes_what_it_has_and_goes_on_later(many, tmp_path):
    folder, undisturbed, _ = many
    process = running.start("analyze", folder, "--clips", "--out", tmp_path, "--json-progress")
    assert json.loads(process.stderr.readline())["event"] == "begin"
    assert json.loads(process.stderr.readline())["event"] == "progress"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    header = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    kept = running.rows(tmp_path / "recordings.jsonl")
    assert header["complete"] is False
    assert 1 <= len(kept) == header["counts"]["recordings"] < header["inputs"] == 60
    assert len(running.rows(tmp_path / "apologies.jsonl")) == len(kept)
    assert all(r["verdict"] or r["gates"] for r in running.rows(tmp_path / "apologies.jsonl"))
    done = running.finish("analyze", folder, "--clips", "--out", tmp_path, "--workers", 1)
    assert done.returncode == 0
    assert f"{len(kept)}/60 recordings were done already" in done.stderr
    assert not differences(tmp_path, undisturbed)


@pytest.mark.slow
def test_a_second_run_on_the_folder_of_a_first_is_refused(many, tmp_path):
    folder, _, _ = many
    first = running.start("analyze", folder, "--clips", "--out", tmp_path, "--json-progress")
    assert json.loads(first.stderr.readline())["event"] == "begin"
    second = prosody("analyze", folder, "--clips", "--out", tmp_path)
    assert second.returncode == 2
    assert "Another run is writing" in second.stderr
    first.communicate(timeout=120)
    assert first.returncode == 0


@pytest.mark.slow
def test_shards_merged_are_one_run(analysed, tmp_path):
    parts = []
    for i in (1, 2):
        parts.append(tmp_path / f"part{i}")
        done = prosody("analyze", SAMPLES, "--shard", f"{i}/2", "--out", parts[-1])
        assert done.returncode == 0, done.stderr
    merged = prosody("merge", *parts, "--out", tmp_path / "merged")
    assert merged.returncode == 0, merged.stderr
    assert not differences(tmp_path / "merged", analysed)
    header = json.loads((tmp_path / "merged" / "run.json").read_text(encoding="utf-8"))
    assert header["merged"] == {"parts": 2, "double": 0}
    assert header["counts"]["recordings"] == 4


def test_a_journal_of_another_version_is_begun_anew(tmp_path):
    with Journal(tmp_path) as journal:
        journal.want(["0"])
        journal.add("0", "s", "k", CallRecord("0", "0"), [])
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("pragma user_version = 99")
    db.close()
    with Journal(tmp_path) as journal:
        assert journal.known("0") == ("", "", "")


def test_what_stops_a_run_is_said_in_the_readers_language(tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = ("analyze", tmp_path / "empty", "--out", tmp_path / "out")
    for lang in (("--lang", "nl"), ("--lang=nl",)):
        done = prosody(*wrong, *lang)
        assert done.returncode == 2
        assert "Er zijn geen opnamen gevonden." in done.stderr
        assert "Noem opnamen" in done.stderr
    english = prosody(*wrong)
    assert "No recordings found in" in english.stderr
    assert "opnamen" not in english.stderr


def test_what_is_not_judged_is_not_counted_as_judged_and_one_is_one(tmp_path):
    sample = SAMPLES / "2-recited-apology-en.wav"
    done = prosody("analyze", sample, "--measures-only", "--out", tmp_path)
    assert done.returncode == 0
    assert "1 recording: 1 apology measured" in done.stderr
    counts = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["counts"]
    assert "judged" not in counts
    assert counts["apologies"] == 1
    done = prosody("analyze", sample, "--lang", "nl", "--out", tmp_path)
    assert "1 opname: 1 excuus (1 beoordeeld" in done.stderr
    counts = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["counts"]
    assert counts["judged"] == 1


@pytest.mark.parametrize("there", ["folder", "fifo", "file"])
def test_a_place_that_cannot_be_a_journal_is_one_line_and_two(calls, tmp_path, there):
    out = tmp_path / "out"
    if there == "file":
        out.write_text("")
    else:
        out.mkdir()
        at = out / "journal.sqlite"
        at.mkdir() if there == "folder" else os.mkfifo(at)
    done = prosody("analyze", calls, "--clips", "--out", out)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_journal_that_may_not_be_opened_is_refused_and_not_a_fault(tmp_path, monkeypatch):
    connect = sqlite3.connect

    def no(path, **how):
        if str(tmp_path) in str(path):  # and no other: who counts lines keeps a database, too
            raise sqlite3.OperationalError("unable to open database file")
        return connect(path, **how)

    monkeypatch.setattr(sqlite3, "connect", no)
    with pytest.raises(UsageError, match="cannot be"):
        Journal(tmp_path / "out")


def test_a_folder_typed_otherwise_is_not_measured_again(calls, tmp_path, monkeypatch):
    out, work = tmp_path / "out", task.make(Options(clips=True))
    moved = tmp_path / "another disk"
    shutil.copytree(calls, moved)
    monkeypatch.chdir(calls.parent)
    counts = []
    for given in (calls, "calls", "./calls/../calls", moved):
        engine = Counting()
        with Journal(out) as journal:
            done = batch.run(collect([given], clips=True), work, journal, engine)
            assert [line.recording for line in done.records] == ["a.wav", "b.wav", "c.wav"]
        counts.append(len(engine.names))
    assert counts == [3, 0, 0, 0]


def test_what_was_done_is_used_again_by_its_content_under_another_name(calls, tmp_path):
    out = tmp_path / "out"
    assert go(calls, out)[0] == ["a", "b", "c"]
    (tmp_path / "more").mkdir()
    (calls / "a.wav").rename(tmp_path / "more" / "other.wav")
    (calls / "c.wav").write_bytes(b"another sound")
    (tmp_path / "more" / "new.wav").write_bytes(b"new")
    measured, counts, rows, lines = go(None, out, paths=[calls, tmp_path / "more"])
    assert measured == ["c", "new"]
    assert [line.recording for line in lines] == ["b.wav", "c.wav", "new.wav", "other.wav"]
    assert [(r.recording, r.call_id) for r in rows if r.start_s == 0.5][-1] == (
        "other.wav",
        "other",
    )
    assert counts["apologies"] == 8
    measured, _, _, lines = go(tmp_path, out)  # from another depth
    assert measured == []
    assert {"calls/b.wav", "more/other.wav"} <= {line.recording for line in lines}
    (tmp_path / "more" / "twin.wav").write_bytes(b"new")  # of two with one sound, one is done
    measured, counts, _, _ = go(tmp_path, out)
    assert (measured, counts["recordings"]) == (["twin"], 5)


def test_files_of_a_pair_keep_their_own_names_when_they_move(tmp_path):
    from prosody.runs.batch import idents

    sides = [tmp_path / name / f"{name}.wav" for name in ("agent", "customer")]
    for path in sides:
        path.parent.mkdir()
        path.write_bytes(path.name.encode())
    out, work = tmp_path / "out", task.make(Options(clips=True))

    def call(*places):
        sources = tuple(Source(p, place=at) for p, at in zip(sides, places, strict=True))
        return Call("1", sources, places[0])

    old, new = call("agent.wav", "customer.wav"), call("a/agent.wav", "a/customer.wav")
    line = CallRecord(
        old.name, "1", tracks=tuple({"file": p.name, "sha256": task.file_hash(p)} for p in sides)
    )
    assert idents([old]) != idents([replace(old, sources=(old.sources[0], new.sources[1]))])
    with Journal(out) as journal:
        journal.want([])
        journal.add(*idents([old]), "", task.key_of(old, work), line, [])
        done = batch.run([new], work, journal, None)
        (found,) = done.records
    assert [t["file"] for t in found.tracks] == ["a/agent.wav", "a/customer.wav"]


def test_the_key_holds_what_measures_and_nothing_else():
    assert "onnxruntime" in task.versions()
    assert "librosa" not in task.versions()
