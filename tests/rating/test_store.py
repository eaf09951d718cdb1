"""Answers: on the disk at once, in the table at once, and there after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT
from rating import rows_of

from prosody.errors import UsageError
from prosody.rating import sequence as seq
from prosody.rating.agreement import read_long
from prosody.rating.ratings_csv import items_of
from prosody.rating.store import Answer, Store, database_of


def begun(out: Path, n: int = 6) -> tuple[Store, int]:
    store = Store(out)
    store.begin([f"c{i}" for i in range(n)], 0)
    rater = store.add_rater("ann", lambda number: seq.sequence([""] * n, number))
    return store, rater.id


def test_answers_reach_the_table_at_once_and_fit_reads_it(tmp_path):
    out = tmp_path / "r.csv"
    store, ann = begun(out)
    store.save(ann, 0, Answer(10, 20, remark='=SUM(A1), "so"'))
    assert [r["rating"] for r in rows_of(out)] == ["10", "20"]
    for i in range(1, 7):
        store.save(ann, i, Answer(15.0 * i, 90 - 10.0 * i, items={"near": 5.0}))
    store.save(ann, 6, Answer(cannot_hear=True))
    got = rows_of(out)
    assert len(got) == 14
    assert [r["cannot_hear"] for r in got[-2:]] == ["1", "1"]
    assert [r["rating"] for r in got[-2:]] == ["", ""]
    assert got[0]["remark"] == '\'=SUM(A1), "so"'
    assert {r["is_repeat"] for r in got} == {"0", "1"}
    assert len(rows_of(items_of(out))) == 5
    panel = read_long(out, "sincere")
    assert set(panel.clips) <= {f"c{i}" for i in range(6)}
    assert read_long(out, "engaged").matrix.shape[1] == 1
    before = out.read_bytes()
    store.save(ann, 0, store.answer(ann, 0))  # sent twice: nothing changes
    assert out.read_bytes() == before
    store.close()
    store.close()


def test_a_study_goes_on_with_the_same_clips_only(tmp_path):
    out = tmp_path / "r.csv"
    store, ann = begun(out)
    store.save(ann, 0, Answer(1, 2))
    trials = [store.trial(ann, i) for i in range(7)]
    store.close()
    store = Store(out)
    assert store.begin([f"c{i}" for i in range(6)], None) == 0
    assert [store.trial(ann, i) for i in range(7)] == trials
    with pytest.raises(UsageError, match="1 of them are not here now and 0 others"):
        store.begin([f"c{i}" for i in range(5)], None)
    with pytest.raises(UsageError, match="begun with 0"):
        store.begin([f"c{i}" for i in range(6)], 3)
    store.close()
    database_of(out).unlink()
    with pytest.raises(UsageError, match="does not lie beside it"):
        Store(out)
    (tmp_path / "x.sqlite").write_bytes(b"no database, but long enough to look at" * 40)
    with pytest.raises(UsageError, match="no database of ratings"):
        Store(tmp_path / "x.csv")


def test_a_database_that_cannot_be_opened_is_said(tmp_path):
    database_of(tmp_path / "r.csv").mkdir()
    with pytest.raises(UsageError, match="unable to open") as caught:
        Store(tmp_path / "r.csv")
    assert "may write" in caught.value.remedy


def test_pseudonyms_are_unique_and_made_where_none_is_given(tmp_path):
    store, _ = begun(tmp_path / "r.csv")

    def trials(number):
        return seq.sequence([""] * 6, number)

    assert store.add_rater("", trials).name == "listener-2"
    assert store.add_rater("Zoë 2", trials).name == "Zoë 2"
    with pytest.raises(UsageError, match="taken"):
        store.add_rater("ANN", trials)
    for bad in ("=cmd", "a" * 25, "-x", "a\nb", "a,b"):
        with pytest.raises(UsageError, match="no pseudonym"):
            store.add_rater(bad, trials)
    assert [r.number for r in store.raters()] == [0, 1, 2]
    store.close()


def test_a_table_that_is_open_elsewhere_loses_nothing(tmp_path, monkeypatch):
    out = tmp_path / "r.csv"
    store, ann = begun(out)
    store.export()

    def locked(*_, **__):
        raise PermissionError("in use")

    with monkeypatch.context() as held:
        held.setattr("prosody.rating.ratings_csv.append", locked)
        store.save(ann, 0, Answer(1, 2))
    assert rows_of(out) == []
    store.save(ann, 1, Answer(3, 4))
    assert [r["rating"] for r in rows_of(out)] == ["1", "2", "3", "4"]
    store.close()


KILLED = """
import sys
from pathlib import Path
from prosody.rating import sequence as seq
from prosody.rating.store import Answer, Store
store = Store(Path(sys.argv[1]))
store.begin([f"c{i}" for i in range(500)], 0)
ann = store.add_rater("ann", lambda number: seq.sequence([""] * 500, number)).id
for i in range(500):
    store.save(ann, i, Answer(i % 101, 50.0))
    print(i, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_minus_nine_loses_no_answer_that_was_confirmed(tmp_path):
    out = tmp_path / "r.csv"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(out)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        last = -1
        for line in process.stdout:
            last = int(line)
            if last >= 40:
                process.send_signal(signal.SIGKILL)
                break
        rest = process.stdout.read().split()
        last = int(rest[-1]) if rest else last
    store = Store(out)
    ann = store.named("ann").id
    assert store.progress(ann).answered >= last + 1
    for i in range(last + 1):
        assert store.answer(ann, i).sincere == i % 101
    store.export()
    assert len(rows_of(out)) == 2 * store.progress(ann).answered
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_what_sqlite_puts_beside_it_is_for_the_owner_alone(tmp_path):
    before = os.umask(0o022)
    try:
        store = Store(tmp_path / "ratings.csv")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.glob("*.sqlite*")}
        store.close()
    finally:
        os.umask(before)
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}, modes
