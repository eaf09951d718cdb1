"""``prosody merge`` and ``prosody forget`` on results that exist; the dataset in other readers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib

import pytest
import running
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.results.records import CallRecord
from prosody.runs import merge, recognised
from prosody.runs.journal import Journal
from prosody.transcripts.turns import Transcript, Turn

MANIFEST = """path,call_id,started_at,agent,team
1-plain-apology-nl.wav,call-1,2026-05-01T09:30:00,Ann de Boer,north
2-recited-apology-en.wav,call-2,2026-05-02 10:00,Bob,north
3-four-times-sorry-nl.wav,call-3,20260502,Ann de Boer,south
4-no-apology-en.wav,call-4,,Carl,south
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    for path in SAMPLES.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    (folder / "calls.csv").write_text(MANIFEST)
    out = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patch:  # the key that conftest sets for each test
        patch.setenv("PROSODY_KEY_FILE", str(tmp_path_factory.getbasetemp() / "agents.key"))
        done = prosody("analyze", "--manifest", folder / "calls.csv", "--textgrid", "--out", out,
                       "--workers", 0)  # fmt: skip
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def out(made, tmp_path):
    return shutil.copytree(made, tmp_path / "out")


def prosody(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def in_any_file(out, text):
    return [p.name for p in out.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def unpacked(out):
    """Return all that the bytes of the journal unpack to, those of free pages included."""
    found = []
    for path in out.glob("journal.sqlite*"):
        data = path.read_bytes()
        at = data.find(b"\x78\x01")  # how a row begins
        while at >= 0:
            row = zlib.decompressobj()
            try:
                for i in range(at, len(data), 16):
                    found.append(row.decompress(data[i : i + 16]))
                    if row.eof:
                        break
            except zlib.error:  # the rest lies on another page
                pass
            at = data.find(b"\x78\x01", at + 1)
    return b"".join(found)


def test_an_agents_name_stands_in_no_file(made):
    assert not in_any_file(made, "Ann de Boer")
    agents = {line["agent"] for line in running.rows(made / "recordings.jsonl")}
    assert len(agents) == 3
    assert all(a.startswith("agent-") for a in agents)


def test_a_call_is_forgotten_everywhere(out):
    assert in_any_file(out, "call-1")
    done = prosody("forget", "call-1", "--out", out)
    assert done.exit_code == 0, done.output
    assert not in_any_file(out, "call-1")
    assert not in_any_file(out, "Het spijt me dat u voor niets")
    assert not (out / "textgrids" / "1-plain-apology-nl.TextGrid").exists()
    assert len(running.rows(out / "recordings.jsonl")) == 3
    header = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert header["forgotten"] == 1
    assert header["counts"]["recordings"] == 3


def test_the_journals_packed_rows_forget_too(out):
    said = b"Het spijt me dat u voor niets"
    assert said in unpacked(out)
    assert prosody("forget", "call-1", "--out", out).exit_code == 0
    left = unpacked(out)
    assert b"call-3" in left
    assert said not in left
    assert b"call-1" not in left


def test_what_the_parts_forgot_is_counted_together(out, tmp_path):
    parts = [shutil.copytree(out, tmp_path / name) for name in ("a", "b")]
    for part, call in zip(parts, ("call-1", "call-2"), strict=True):
        merge.forget(call, part)
    merge.merge(parts, tmp_path / "both")
    header = json.loads((tmp_path / "both" / "run.json").read_text(encoding="utf-8"))
    assert header["forgotten"] == 2


def test_recognised_words_are_forgotten_too_and_nobody_elses_transcript(out):
    said = (Turn(0.0, 1.0, "mijn naam is Jansen", "agent", (), 0),)
    recognised.write(
        Transcript(said, "recognised by a model", "nl"), out / "recognised" / "0af1.json"
    )
    for call, source in (("call-1", "recognised by a model"), ("call-2", "recognised by a model"),
                         ("call-3", "typed")):  # fmt: skip
        recognised.write(Transcript(said, source, "nl"), recognised.place(out, call))
    for call in ("call-1", "call-3"):
        assert prosody("forget", call, "--out", out).exit_code == 0
    assert in_any_file(out, "Jansen") == ["call-2.json", "call-3.json"]


@pytest.mark.parametrize("version", [2, 99])
def test_a_journal_of_another_version_is_left_as_it_is(out, tmp_path, version):
    db = sqlite3.connect(out / "journal.sqlite")
    db.execute(f"pragma user_version = {version}")
    db.close()
    for wanted in (("forget", "call-1", "--out", out), ("merge", out, "--out", tmp_path / "all")):
        assert "another version" in str(prosody(*wanted).exception)
    db = sqlite3.connect(out / "journal.sqlite")
    assert db.execute("select count(*) from recordings").fetchone() == (4,)
    db.close()
    assert len(running.rows(out / "recordings.jsonl")) == 4


def test_beside_results_of_before_an_unfinished_run_forgets_nothing(out):
    with Journal(out, fresh=True) as journal:
        journal.want(["x"])
        journal.add("x", "s", "k", CallRecord("1-plain-apology-nl.wav", "call-1"), [])
    assert "never finished" in str(prosody("forget", "call-1", "--out", out).exception)
    with Journal(out) as journal:
        assert journal.known("x")[1] == "k"
    for name in ("run.json", "recordings.jsonl", "apologies.jsonl"):
        (out / name).unlink()
    assert prosody("forget", "call-1", "--out", out).exit_code == 0
    with Journal(out) as journal:
        assert journal.known("x")[1] == ""


@pytest.mark.parametrize("by_name", [True, False])
def test_an_agent_is_forgotten_by_name_or_pseudonym(out, by_name):
    lines = {line["call_id"]: line for line in running.rows(out / "recordings.jsonl")}
    pseudonym = lines["call-1"]["agent"]
    done = prosody("forget", "Ann de Boer" if by_name else pseudonym, "--out", out)
    assert done.exit_code == 0, done.output
    left = [line["call_id"] for line in running.rows(out / "recordings.jsonl")]
    assert left == ["call-2", "call-4"]
    assert not in_any_file(out, pseudonym)


def test_a_recording_is_forgotten_by_its_file_name(out):
    assert prosody("forget", "4-no-apology-en.wav", "--out", out).exit_code == 0
    assert len(running.rows(out / "recordings.jsonl")) == 3


def test_reports_of_before_go_too(out):
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("call-1")
    assert prosody("forget", "call-1", "--out", out).exit_code == 0
    assert not (out / "report").exists()


@pytest.mark.parametrize("who", ["call-9", "%", "", "call_1", "4-NO-APOLOGY-EN.WAV"])
def test_nobody_of_that_name(out, who):
    before = running.results(out)
    done = prosody("forget", who, "--out", out)
    assert done.exit_code != 0
    assert "no call and no agent" in str(done.exception)
    assert running.results(out) == before


def test_a_folder_without_results(tmp_path):
    assert "no results" in str(prosody("forget", "x", "--out", tmp_path).exception)
    assert "no results" in str(prosody("merge", tmp_path, "--out", tmp_path / "x").exception)
    assert not (tmp_path / "journal.sqlite").exists()


def test_runs_made_in_different_ways_are_not_merged(out, tmp_path):
    other = tmp_path / "other"
    assert (
        prosody("analyze", SAMPLES, "--measures-only", "--workers", 0, "--out", other).exit_code
        == 0
    )
    done = prosody("merge", out, other, "--out", tmp_path / "both")
    assert "do not belong together" in str(done.exception)


@pytest.mark.parametrize(
    "name", ["measures_only", "lang", "redact", "clips", "agents_as_is", "customer_voice"]
)
def test_what_was_asked_otherwise_belongs_together_with_nothing(tmp_path, name):
    plain = {"command": {}, "model": {"sha256": "a"}, "settings_sha256": "s"}
    one, other = (tmp_path / "a", plain), (tmp_path / "b", plain | {"command": {name: True}})
    merge._agree(one, one)
    with pytest.raises(UsageError, match=rf"a and .*b do not belong together: {name} is False and"):
        merge._agree(one, other)


@pytest.mark.parametrize(
    ("key", "name"),
    [("schema_version", "schema_version"), ("prosody_version", "prosody_version"),
     ("settings_sha256", "settings_sha256"), ("model", "judge"),
     ("pseudonym_key", "key of the pseudonyms")],
)  # fmt: skip
def test_runs_of_another_version_setting_judge_or_key_are_named(tmp_path, key, name):
    one = {"command": {}, key: {"sha256": "a"} if key == "model" else "a"}
    other = {"command": {}, key: {"sha256": "b"} if key == "model" else "b"}
    with pytest.raises(UsageError, match=f"together: {name} is a and b") as said:
        merge._agree((tmp_path, one), (tmp_path, other))
    assert said.value.remedy == "Merge runs with the same version, settings and judge."


def test_a_recording_in_both_parts_is_taken_once(out, tmp_path):
    twin = shutil.copytree(out, tmp_path / "twin")
    done = prosody("merge", out, twin, "--out", tmp_path / "both")
    assert done.exit_code == 0, done.output
    assert running.results(tmp_path / "both") == running.results(out)
    header = json.loads((tmp_path / "both" / "run.json").read_text(encoding="utf-8"))
    assert header["merged"] == {"parts": 2, "double": 4}
    assert header["inputs"] == 4


# --- the dataset ------------------------------------------------------------------------------


def rows_by_call(made):
    return {r["call_id"]: r for r in running.rows(made / "apologies.jsonl")}


def test_the_dataset_has_a_folder_per_date(made):
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    folders = sorted(p.name for p in (made / "apologies.parquet").iterdir())
    assert folders == ["date=2026-05-01", "date=2026-05-02"]


def test_duckdb_reads_it(made):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    place = made / "apologies.parquet" / "**" / "*.parquet"
    found = duckdb.sql(
        f"select date, count(*), min(start_s) from read_parquet('{place}', hive_partitioning=true)"
        " group by date order by date"
    ).fetchall()
    assert [(str(d), n) for d, n, _ in found] == [("2026-05-01", 1), ("2026-05-02", 5)]


def test_polars_reads_it(made):
    polars = pytest.importorskip("polars", reason="Polars is not installed")
    frame = polars.read_parquet(made / "apologies.parquet", hive_partitioning=True)
    assert frame.height == 6
    assert frame.filter(polars.col("call_id") == "call-3").height == 4


def test_pandas_reads_it(made):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    frame = pandas.read_parquet(made / "apologies.parquet")
    assert sorted(frame["call_id"]) == ["call-1", "call-2", *["call-3"] * 4]
    assert frame["pitch_p50_st"].notna().all()


def _part(tmp_path, name, **changes):
    """Return a head as a part of a run has it."""
    head = {
        "schema_version": 1, "prosody_version": "1", "settings_sha256": "s", "model": None,
        "inputs": 6, "pseudonym_key": "", "cover": None,
        "command": {"agents_as_is": False, "redact": False, "measures_only": False},
    }  # fmt: skip
    command = changes.pop("command", {})
    return tmp_path / name, {**head, **changes, "command": {**head["command"], **command}}


def test_names_in_clear_and_pseudonyms_do_not_go_together(tmp_path):
    clear = _part(tmp_path, "clear", command={"agents_as_is": True})
    with pytest.raises(UsageError, match="agents_as_is"):
        merge._agree(clear, _part(tmp_path, "other"))
    one, two = (_part(tmp_path, k, pseudonym_key=k) for k in ("k1", "k2"))
    with pytest.raises(UsageError, match="key of the pseudonyms"):
        merge._agree(one, two)
    merge._agree(one, _part(tmp_path, "nobody named"))


@pytest.mark.parametrize(
    ("shards", "says"),
    [
        (["1/2", "2/2"], ""),
        (["2/3", "3/3", "1/3"], "hold 18 of 12"),
        (["1/3", "3/3"], "Part 2 is missing"),
        (["1/2", "1/2", "2/2"], "Part 1 is there twice"),
        (["1/2", "2/3"], "of 2 and of 3"),
        (["1/2", ""], "is no part"),
        (["", ""], ""),
    ],
)
def test_parts_must_be_all_and_each_once(tmp_path, shards, says):
    heads = [
        _part(tmp_path, f"p{i}", cover={"shard": s, "calls": 12, "sha256": "d"} if s else None)
        for i, s in enumerate(shards)
    ]
    if says:
        with pytest.raises(UsageError, match=says):
            merge._cover(heads)
    else:
        merge._cover(heads)


def test_parts_of_other_recordings_are_refused(tmp_path):
    heads = [
        _part(tmp_path, f"p{i}", cover={"shard": f"{i}/2", "calls": 12, "sha256": str(i)})
        for i in (1, 2)
    ]
    with pytest.raises(UsageError, match="not the same"):
        merge._cover(heads)
