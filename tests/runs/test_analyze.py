"""One analysis: the same request for the command line and Python."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import command
import pytest
import running
from places import SAMPLES, nearly

import prosody
from prosody.calls import pseudonyms
from prosody.errors import MissingExtraError, ModelError, ProsodyError, UsageError
from prosody.examine import examine
from prosody.measures import table
from prosody.results import rows, schema, write
from prosody.results.records import CallRecord

CALL = SAMPLES / "1-plain-apology-nl.wav"


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(f"path,agent\n{CALL},Zebedeus Quirk\n", encoding="utf-8")
    return path


def test_rows_are_mappings_with_attributes_and_those_of_the_command_line(tmp_path):
    found = prosody.analyze(CALL, lang="nl")
    command.prosody("analyze", CALL, "--lang", "nl", "--out", tmp_path)
    assert json.loads(json.dumps(found, allow_nan=False)) == nearly(
        running.rows(tmp_path / "apologies.jsonl")
    )
    assert found.recordings == nearly(running.rows(tmp_path / "recordings.jsonl"))
    (row, *_) = found
    assert row.verdict == row["verdict"]
    assert set(row.measures) == set(table.NAMES)
    with pytest.raises(AttributeError, match="no 'verdicts'"):
        row.verdicts  # noqa: B018
    bare = prosody.analyze(CALL, measures_only=True)
    assert "verdict" not in bare[0]


def test_the_types_of_rows_name_the_keys_of_the_schemas():
    assert set(rows.Apology.__annotations__) == set(schema.apology()["properties"])
    assert set(rows.Recording.__annotations__) == set(CallRecord.__dataclass_fields__)


def test_a_table_for_pandas_has_the_columns_of_the_csv(monkeypatch):
    pytest.importorskip("pandas")
    found = prosody.analyze(CALL)
    frame = found.to_pandas()
    assert len(frame) == len(found)
    assert list(frame.columns)[:3] == write.flat_columns()[:3]
    assert frame.pitch_p50_st[0] == found[0].measures["pitch_p50_st"]
    missing = [name for name, value in found[0].measures.items() if value is None]
    assert all(math.isnan(frame[name].mean()) for name in missing)
    assert list(found.recordings.to_pandas().recording) == [CALL.name]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pandas"):
        found.to_pandas()


def test_agents_are_pseudonyms_as_on_the_command_line(manifest):
    (hidden, *_) = prosody.analyze([], manifest=manifest)
    assert hidden.agent == pseudonyms.pseudonym("Zebedeus Quirk", pseudonyms.key())
    assert "Quirk" not in json.dumps(hidden)
    (clear, *_) = prosody.analyze([], manifest=manifest, agents_as_is=True)
    assert clear.agent == "Zebedeus Quirk"


def test_a_key_that_others_can_read_is_warned_of(manifest):
    pseudonyms.key()
    pseudonyms.key_file().chmod(0o644)
    try:
        with pytest.warns(UserWarning, match="chmod 600"):
            prosody.analyze([], manifest=manifest, measures_only=True)
    finally:
        pseudonyms.key_file().chmod(0o600)


def test_what_cannot_be_read_raises_or_becomes_a_row(tmp_path, write_wav, voice):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    good = write_wav("good.wav", voice(2.0), 16000)
    with pytest.raises(ProsodyError, match=r"bad\.wav") as raised:
        prosody.analyze([tmp_path / "bad.wav", good], clips=True)
    seen = []
    found = prosody.analyze(
        [tmp_path / "bad.wav", good], clips=True, on_error="row",
        progress=lambda *numbers: seen.append(numbers),
    )  # fmt: skip
    assert [row.recording for row in found] == ["good.wav"]
    failed, ok = found.recordings
    assert (failed.status, failed.code, ok.status) == ("failed", raised.value.code, "ok")
    assert failed.remedy
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(UsageError, match="on_error='skip'"):
        prosody.analyze(good, clips=True, on_error="skip")


def test_nothing_is_measured_before_the_judge_is_accepted(tmp_path, monkeypatch):
    def heard(*_, **__):
        raise AssertionError("a recording was opened first")

    monkeypatch.setattr(examine, "open_call", heard)
    (tmp_path / "judge.onnx").write_bytes(b"no judge")
    with pytest.raises(ModelError):
        prosody.analyze(CALL, model=tmp_path / "judge.onnx")


def test_nothing_is_kept_on_disk_without_a_folder_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prosody.analyze(CALL, measures_only=True)
    assert not list(tmp_path.iterdir())


def test_every_argument_arrives_where_the_command_line_puts_it(monkeypatch, tmp_path):
    from prosody.runs import analyze as runs

    class Asked(Exception):  # noqa: N818
        pass

    def analyze(request, _watch):
        raise Asked(request)

    monkeypatch.setattr(runs, "analyze", analyze)
    words = {name: f"the {name}" for name in ("manifest", "meta_from", "transcripts", "windows")}
    options = {"agent_channel": "left", "agent_speaker": "S1", "clips": True, "language": "nl",
               "lang": "en"}  # fmt: skip
    flags = {"measures_only": True, "agents_as_is": True, "redact": True, "workers": 3}
    with pytest.raises(Asked) as asked:
        prosody.analyze(tmp_path, baseline="b.wav", model="m.onnx", **words, **options, **flags)
    (request,) = asked.value.args
    assert request.paths == [tmp_path]
    assert {name: getattr(request, name) for name in words | flags} == words | flags
    assert {name: getattr(request.options, name) for name in options} == options
    assert (request.options.baseline, request.model) == (Path("b.wav"), Path("m.onnx"))
    for given, paths in (("a.wav", ["a.wav"]), (("a", "b"), ["a", "b"])):
        with pytest.raises(Asked) as asked:
            prosody.analyze(given)
        plain = asked.value.args[0]
        assert plain.paths == paths
        assert (plain.options.baseline, plain.model, plain.workers) == (None, None, 0)
    with pytest.raises(UsageError, match="on_error='no' is not known"):
        prosody.analyze(tmp_path, on_error="no")
