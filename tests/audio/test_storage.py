"""Recordings elsewhere: the same rows from ``memory://`` and from an S3 server on loopback."""

from __future__ import annotations

import subprocess
import sys

import pytest
import running
from places import SAMPLES, nearly

from prosody import analyze
from prosody.audio import storage
from prosody.audio.recording import Recording, content_hash, probe
from prosody.calls.collect import collect
from prosody.errors import MissingExtraError, ProsodyError, RecordingError, UsageError

FILES = sorted(p for p in SAMPLES.iterdir() if p.suffix in (".wav", ".json", ".vtt", ".csv"))

SERVER = """
import sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
s3.create_bucket(Bucket="calls")
for path in sys.argv[1:]:
    s3.upload_file(path, "calls", "jan/" + path.rsplit("/", 1)[-1])
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def memory():
    upath = pytest.importorskip("upath", reason="no driver for remote files is installed")
    root = upath.UPath("memory://calls")
    for path in FILES:
        (root / "jan" / path.name).write_bytes(path.read_bytes())
    yield root
    root.fs.store.clear()


def without_names(rows):
    return [{k: v for k, v in row.items() if k != "recording"} for row in rows]


def test_what_is_a_url():
    assert storage.is_url("s3://bucket/x.wav")
    for path in ("calls/x.wav", "c:\\calls", "C:/calls", "a:b", "s3:/x", ""):
        assert not storage.is_url(path)


@pytest.mark.slow
def test_rows_from_memory_are_those_from_disk(memory):
    rows = analyze("memory://calls")
    assert rows[0]["recording"] == "memory://calls/jan/1-plain-apology-nl.wav"
    assert without_names(rows) == without_names(analyze(SAMPLES))


def test_a_check_looks_at_remote_calls_too(memory):
    from prosody.calls.collect import collect
    from prosody.examine.examine import Options
    from prosody.runs import check

    looks = check.check(collect(["memory://calls"]), Options())
    assert {(one.does, one.clock) for one in looks} == {("judge", "fits")}


def test_a_remote_recording_is_read_by_ranges(memory, monkeypatch):
    path = SAMPLES / "1-plain-apology-nl.wav"
    url = "memory://calls/jan/1-plain-apology-nl.wav"
    assert content_hash(url) == content_hash(path)
    assert probe(url).duration_s == probe(path).duration_s
    with Recording(url) as there, Recording(path) as here:
        assert (there.read(20.0, 21.0, 1) == here.read(20.0, 21.0, 1)).all()


def test_transcripts_lie_beside_or_in_a_folder_of_their_own(memory):
    (call, *_) = collect(["memory://calls"])
    assert str(call.transcript) == "memory://calls/jan/1-plain-apology-nl.json"
    assert call.name == "memory://calls/jan/1-plain-apology-nl.wav"
    (call, *_) = collect(["memory://calls"], transcripts="memory://calls/jan")
    assert call.transcript is not None


def test_a_manifest_names_urls(memory, tmp_path):
    sheet = tmp_path / "calls.csv"
    sheet.write_text(
        "path,call_id,transcript\n"
        "memory://calls/jan/1-plain-apology-nl.wav,one,memory://calls/jan/1-plain-apology-nl.json\n"
    )
    assert [r["call_id"] for r in analyze([], manifest=sheet)] == ["one"]


def test_a_manifest_names_windows_by_url(memory, tmp_path):
    (memory / "where" / "one.csv").write_bytes(b"start_s,end_s,text\n29.0,31.0,het spijt me\n")
    wav = "memory://calls/jan/1-plain-apology-nl.wav"
    sheet = tmp_path / "calls.csv"
    sheet.write_text(f"path,call_id,windows\n{wav},one,memory://calls/where/one.csv\n")
    (row,) = analyze([], manifest=sheet)
    assert (row["start_s"], row["end_s"], row["source"]) == (29.0, 31.0, "windows")
    sheet.write_text(f"path,call_id,windows\n{wav},one,memory://calls/where/none.csv\n")
    with pytest.raises(ProsodyError, match=r"none\.csv"):
        analyze([], manifest=sheet)


def test_what_is_not_there_becomes_an_error_with_a_remedy(memory):
    with pytest.raises(RecordingError, match="no such file") as refused:
        probe("memory://calls/none.wav")
    assert refused.value.code == "not_found"
    assert refused.value.remedy


def test_a_place_that_does_not_exist_is_refused():
    pytest.importorskip("upath", reason="no driver for remote files is installed")
    with pytest.raises((UsageError, MissingExtraError), match="nowhere"):
        collect(["nowhere://calls"])


def test_without_the_driver_the_line_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    for kind, extra in (("s3", "s3"), ("gs", "gs"), ("az", "az")):
        with pytest.raises(MissingExtraError, match=rf"prosody-sincerity\[{extra}\]"):
            storage.path_of(f"{kind}://bucket/x.wav")


@pytest.mark.slow
def test_the_command_reads_from_a_real_s3_server(analysed, tmp_path, monkeypatch):
    pytest.importorskip("s3fs", reason="the s3 extra is not installed")
    pytest.importorskip("moto.server", reason="moto is not installed")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, *(p.as_posix() for p in FILES)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        address = server.stdout.readline().strip()
        for name in ("AWS_ENDPOINT_URL", "FSSPEC_S3_ENDPOINT_URL"):
            monkeypatch.setenv(name, address)
        there, none = ("analyze", "s3://calls/jan"), ("analyze", "s3://no-such-bucket", "--clips")
        done = running.finish(*there, "--out", tmp_path / "s3", "--workers", 1)
        again = running.finish(*there, "--out", tmp_path / "s3", "--workers", 0)
        gone = running.finish(*none, "--out", tmp_path / "no", "--workers", 0)
        server.stdin.close()
    assert done.returncode == 0, done.stderr
    there = running.rows(tmp_path / "s3" / "apologies.jsonl")
    here = running.rows(analysed / "apologies.jsonl")
    assert there[0]["recording"].startswith("s3://calls/jan/")
    assert without_names(there) == nearly(without_names(here))
    assert "4/4 recordings were done already" in again.stderr
    assert gone.returncode in (1, 2)
    assert "Traceback" not in gone.stderr
