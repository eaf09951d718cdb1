"""A results folder that something wrote into: what is sound stays, the rest is done again, told."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3

import command
import pytest
import running
from damaged import (
    CALLS,
    HOW,
    PAGE,
    Engine,
    damage,
    go,
    judge,
    made,
    rows_of,
    zero,
)  # fmt: skip
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody.calls.collect import collect
from prosody.errors import ProsodyError, UsageError
from prosody.examine.examine import Options
from prosody.results import write
from prosody.runs import batch, merge, purge, task
from prosody.runs.analyze import header
from prosody.runs.journal import Journal, JournalError, seal

N = CALLS


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return made(tmp_path_factory.mktemp("damage") / "made")


@pytest.fixture(scope="module")
def finished(both):
    return both[0], both[1]


@pytest.fixture(scope="module")
def half(both):
    """A folder whose run was killed: a write-ahead log, no results."""
    assert (both[2] / "journal.sqlite-wal").stat().st_size
    return both[0], both[2]


def refused(out, tmp_path):
    """Forget and merge: both say that the run was never finished, and change nothing."""
    before = rows_of(out)
    for wanted in (
        lambda: merge.forget("003", out),
        lambda: merge.merge([out], tmp_path / "m"),
    ):
        with pytest.raises(UsageError, match=r"never finished.*analyze"):
            wanted()
    assert rows_of(out) == before


def again(folder, out, whole):
    """Run again over damage: the rows are those of an undisturbed run, or it is said why not."""
    before = rows_of(whole)
    refused = ""
    try:
        go(folder, out)
    except UsageError as error:
        refused = error.remedy
    if refused:
        assert "--fresh" in refused
        return "refused"
    assert rows_of(out) == before
    with Journal(out, made=True) as journal:
        assert journal.counts()["recordings"] == N
    return "whole"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", ["finished", "half"])
def test_a_damaged_journal_gives_the_rows_of_a_sound_one_or_says_why_not(
    kind, how, request, finished, tmp_path
):
    folder, whole = request.getfixturevalue(kind)
    outcomes = {}
    for seed in range(8):
        rng = random.Random(f"{how.__name__} {seed}")
        out = shutil.copytree(whole, tmp_path / str(seed))
        file = rng.choice(sorted(out.glob("journal.sqlite*")))
        damage(file, how, rng)
        got = again(folder, out, finished[1])
        outcomes[got] = outcomes.get(got, 0) + 1
    assert outcomes.get("whole", 0) >= 4, outcomes


def page_of(out, table):
    """Return the number of a leaf page of a table, and how many recordings it holds."""
    with contextlib.closing(sqlite3.connect(out / "journal.sqlite")) as db:
        (root,) = db.execute(
            "select rootpage from sqlite_master where name = ?", (table,)
        ).fetchone()
    data = (out / "journal.sqlite").read_bytes()
    page = data[(root - 1) * PAGE : root * PAGE]
    assert page[0] == 5, "an inner page of a table"
    first = int.from_bytes(page[12:14], "big")
    return int.from_bytes(page[first : first + 4], "big")


def test_a_lost_page_costs_its_own_recordings_and_no_others(finished, tmp_path):
    folder, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    at = (page_of(out, "recordings") - 1) * PAGE
    data = bytearray((out / "journal.sqlite").read_bytes())
    data[at : at + PAGE] = bytes(PAGE)
    (out / "journal.sqlite").write_bytes(data)
    saved, names = go(folder, out)
    assert 0 < len(names) < N / 2
    assert saved == N - len(names)
    assert rows_of(out) == rows_of(whole)
    assert not list(out.glob("*.saved*"))


@pytest.mark.parametrize(
    "change",
    [
        "update recordings set apologies = apologies + 1 where call_id = '003'",
        "update recordings set judged = 0 where call_id = '003'",
        "update recordings set judge = 'another' where call_id = '003'",
        "update recordings set ident = 'x' where call_id = '003'",
        "update recordings set key = 'x' where call_id = '003'",
        "update recordings set agent = 'x' where call_id = '003'",
        "update recordings set call_id = 'x' where call_id = '003'",
        "update recordings set status = x'ff' where call_id = '003'",
        "update recordings set wanted = 2 where call_id = '003'",
        "update recordings set found = judgements where call_id = '003'",
        "update recordings set seal = seal + 1 where call_id = '003'",
    ],
)
def test_what_sqlite_itself_finds_in_order_is_found_too(change, finished, tmp_path):
    folder, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    with contextlib.closing(sqlite3.connect(out / "journal.sqlite")) as db:
        db.execute(change)
        db.commit()
    with pytest.raises(UsageError, match=r"damaged.*was expected.*prosody analyze"):
        Journal(out, made=True)
    saved, names = go(folder, out)
    assert (saved, len(names)) == (N - 1, 1)
    assert rows_of(out) == rows_of(whole)


@pytest.mark.parametrize("how", HOW)
def test_what_forgets_and_merges_refuses_a_damaged_journal_and_changes_nothing(
    how, finished, tmp_path
):
    _, whole = finished
    refused, remedies = 0, []
    for seed in range(6):
        rng = random.Random(seed)
        out = shutil.copytree(whole, tmp_path / f"{seed}")
        damage(out / "journal.sqlite", how, rng)
        before = rows_of(out)
        remedy = ""
        try:
            assert merge.forget("003", out)
        except ProsodyError as error:
            remedy = error.remedy
        if remedy:
            refused += 1
            assert "prosody analyze" in remedy
            assert rows_of(out) == before
        else:  # nothing that matters was hit
            assert len(running.rows(out / "recordings.jsonl")) == N - 1
            assert len(running.rows(out / "apologies.jsonl")) == 2 * (N - 1)
        out = shutil.copytree(whole, tmp_path / f"m{seed}")
        damage(out / "journal.sqlite", how, rng)
        try:
            _, counts = merge.merge([out], tmp_path / f"all{seed}")
        except ProsodyError as error:
            remedies.append(error.remedy)
        else:
            assert (counts["recordings"], counts["apologies"]) == (N, 2 * N)
    assert all("prosody analyze" in r for r in remedies)
    assert refused


def test_a_damage_that_sqlite_cannot_even_quote_as_text_is_told(finished, tmp_path):
    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    data = (out / "journal.sqlite").read_bytes()
    hit = data.replace(b"status text not null", b"status text not n\xf5ll")
    (out / "journal.sqlite").write_bytes(hit)
    assert hit != data
    with pytest.raises(UsageError, match=r"damaged.*prosody analyze"):
        Journal(out, made=True)
    with pytest.raises(UsageError, match="--fresh"):
        Journal(out)
    Journal(out, fresh=True).close()


def test_a_journal_that_breaks_under_way_says_so_and_goes_on_next_time(finished, tmp_path):
    folder, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")

    def broken(journal):
        with journal:
            damage(journal.path, zero, random.Random(1))
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    with pytest.raises(JournalError, match=r"damaged while it was in use.*same 'prosody analyze'"):
        broken(Journal(out))
    again(folder, out, whole)


def test_what_was_saved_and_not_yet_done_again_is_nobodys_to_forget_or_merge(finished, tmp_path):
    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    with contextlib.closing(sqlite3.connect(out / "journal.sqlite")) as db:
        db.execute("update recordings set apologies = 1 where call_id = '003'")
        db.commit()
    with Journal(out) as journal:  # killed here
        assert (journal.saved, journal.state) == (N - 1, "running")
    refused(out, tmp_path)


def test_the_seal_tells_values_and_kinds_apart():
    rows = [(1, "a"), (1.0, "a"), ("1", "a"), (1, b"a"), (1, None), ("1a",), (1, "a", None)]
    assert len({seal(*row) for row in rows}) == len(rows)


# --- killed, then forgotten or merged ---------------------------------------------------------


class Killed(BaseException):
    pass


def test_killed_while_another_judge_judges_nothing_of_both_is_mixed(finished, tmp_path):
    folder, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")

    def dies(rows):
        judge(rows[:10])
        raise Killed

    with pytest.raises(Killed), Journal(out) as journal:
        batch.run(collect([folder], clips=True), task.make(Options(clips=True)), journal,
                  Engine(), ("two", dies))  # fmt: skip
    refused(out, tmp_path)
    go(folder, out)
    assert merge.forget("003", out)
    assert len(running.rows(out / "recordings.jsonl")) == N - 1


def test_stopped_with_other_settings_the_results_hold_its_own_rows_only(
    finished, tmp_path, monkeypatch
):
    folder, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    other = task.make(Options(clips=True, language="nl"))
    engine = Engine()
    heard = {"n": 0}
    monkeypatch.setattr(batch, "_signals", lambda: contextlib.nullcontext(heard))

    with Journal(out) as journal:
        calls = collect([folder], clips=True)

        class Five:
            def __init__(self):
                self.inner = engine(other, [(i, c, "") for i, c in enumerate(calls)])
                self.left = 5

            @property
            def done(self):
                return not self.left

            def next(self, timeout_s=0.2):
                self.left -= 1
                heard["n"] = int(self.left == 0)
                return self.inner.next()

            def stop(self):
                self.left = 0

            def kill(self):
                self.left = 0

        done = batch.run(calls, other, journal, lambda *_: Five(), ("one", judge))
        assert done.interrupted
        assert (done.counts()["recordings"], done.left) == (5, N - 5)
        run = header(done, settings=Options().settings, command={"lang": "en"},
                           model={"name": "one", "sha256": "0" * 64})  # fmt: skip
        assert run["complete"] is False
        write.write_from(journal, out, run, formats=("jsonl", "csv"))
    assert len(running.rows(out / "recordings.jsonl")) == 5
    assert merge.forget("000", out)  # what lies outside the results does not come in by this
    assert len(running.rows(out / "recordings.jsonl")) == 4
    _, counts = merge.merge([out], tmp_path / "all")
    assert counts["recordings"] == 4
    monkeypatch.undo()
    assert again(folder, out, whole) == "whole"  # and the rows of before were not lost


def test_killed_while_it_forgets_the_next_time_finishes_it(finished, tmp_path, monkeypatch):
    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")

    def dies(*_, **__):
        raise Killed

    monkeypatch.setattr(write, "write_run", dies)
    with pytest.raises(Killed):
        merge.forget("003", out)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="no call and no agent"):
        merge.forget("003", out)
    assert "003" not in {r["call_id"] for r in running.rows(out / "recordings.jsonl")}
    assert len(running.rows(out / "apologies.jsonl")) == 2 * (N - 1)


def test_a_log_that_was_lost_is_noticed_by_the_results_beside_it(finished, tmp_path):
    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    head = json.loads((out / "run.json").read_text(encoding="utf-8"))
    (out / "run.json").write_text(json.dumps(head | {"finished_at": "2031-01-01T00:00:00+00:00"}))
    for wanted in (
        lambda: merge.forget("003", out),
        lambda: merge.merge([out], tmp_path / "m"),
    ):
        with pytest.raises(UsageError, match="results are of another run than its journal"):
            wanted()


# --- from outside -----------------------------------------------------------------------------


def prosody(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.mark.parametrize("name", ["apologies.jsonl", "recordings.jsonl", "run.json"])
def test_damaged_results_are_told_of_or_refused_by_whoever_reads_them(analysed, name, tmp_path):
    seen = set()
    for seed in range(10):
        rng = random.Random(f"{name} {seed}")
        out = shutil.copytree(analysed, tmp_path / str(seed))
        damage(out / name, rng.choice(HOW[:2]), rng)
        if (out / name).read_bytes() == (analysed / name).read_bytes():
            continue
        for wanted in (("report", out, "--no-audio", "-q"), ("compare", analysed, out)):
            done = prosody(*wanted)
            if done.exception is not None:
                assert isinstance(done.exception, ProsodyError), (seed, done.exception)
                assert done.exception.remedy
                seen.add("refused")
            elif name != "run.json":
                assert f"{name}: changed since the run wrote it" in done.stderr
                seen.add("told")
    assert seen
    assert not write.changed(analysed)


@pytest.mark.slow
def test_analyze_says_that_a_journal_was_damaged_and_gives_the_same_rows(analysed, tmp_path):
    out = shutil.copytree(analysed, tmp_path / "out")
    with contextlib.closing(sqlite3.connect(out / "journal.sqlite")) as db:
        db.execute("update recordings set judged = 9 where name like '3-%'")
        db.commit()
    (out / "apologies.jsonl").write_text("{}\n")
    done = command.prosody("analyze", SAMPLES, "--out", out, "-q", "--lang", "nl")
    assert done.returncode == 0, done.stderr
    assert "was beschadigd. Opnamen die nog gaaf zijn en blijven staan: 3" in done.stderr
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["journal_saved"] == 3
    assert not write.changed(out)
    english = command.prosody("analyze", SAMPLES, "--out", out)
    assert "damaged" not in english.stderr
    assert len(running.rows(out / "recordings.jsonl")) == 4


# --- redacted after all -----------------------------------------------------------------------


def test_what_an_earlier_run_left_in_clear_goes_before_a_redacted_one_begins(finished, tmp_path):
    from prosody.runs import recognised
    from prosody.transcripts.turns import Transcript, Turn

    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    said = (Turn(0.0, 1.0, "mijn naam is Jansen", "agent", (), 0),)
    recognised.write(
        Transcript(said, "recognised by a model", "nl"), out / "recognised" / "0af1.json"
    )
    recognised.write(Transcript(said, "recognised by a model", "nl"), recognised.place(out, "001"))
    recognised.write(Transcript(said, "typed", "nl"), recognised.place(out, "002"))
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("Jansen")
    (out / "notes.txt").write_text("mine")
    with Journal(out) as journal:
        gone = purge.begin(journal, out, redact=True)
        assert journal.counts()["recordings"] == 0
        assert not purge.begin(journal, out, redact=True)
    assert {"recognised/", "transcripts/", "apologies.jsonl", "report"} <= set(gone)
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert left == {"journal.sqlite", "transcripts/002.json", "notes.txt"}
    assert b"het spijt me" not in (out / "journal.sqlite").read_bytes()


@pytest.mark.parametrize("stopped_after", range(5))
def test_who_is_stopped_while_clearing_up_goes_on(finished, tmp_path, monkeypatch, stopped_after):
    _, whole = finished
    out = shutil.copytree(whole, tmp_path / "out")
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("Jansen")
    removed = []

    def remove(path):
        if len(removed) == stopped_after:
            raise KeyboardInterrupt
        removed.append(path.name)
        really(path)

    really = purge.parquet.remove
    monkeypatch.setattr(purge.parquet, "remove", remove)
    journal = Journal(out)
    with contextlib.suppress(KeyboardInterrupt):
        purge.begin(journal, out, redact=True)
    journal.close()
    monkeypatch.undo()
    with Journal(out) as journal:
        purge.begin(journal, out, redact=True)
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert left == {"journal.sqlite"}


def test_where_no_run_was_before_nothing_is_removed(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "mine.txt").write_text("mine")
    (tmp_path / "transcripts").mkdir()
    (tmp_path / "transcripts" / "a.json").write_text("{}")
    with Journal(tmp_path) as journal:
        assert purge.begin(journal, tmp_path, redact=True) == []
    assert (tmp_path / "report" / "mine.txt").exists()
    assert (tmp_path / "transcripts" / "a.json").exists()
