"""Before a run: what is told of recordings, and what needs attention."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody.calls.collect import collect
from prosody.examine.examine import Options
from prosody.message import Message
from prosody.runs import check


@pytest.fixture
def folder(tmp_path):
    name = "1-plain-apology-nl"
    shutil.copy(SAMPLES / f"{name}.wav", tmp_path / "good.wav")
    shutil.copy(SAMPLES / f"{name}.json", tmp_path / "good.json")
    shutil.copy(SAMPLES / f"{name}.wav", tmp_path / "alone.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_every_call_is_told_and_what_is_alike_is_grouped(folder):
    looks = check.check(collect([folder]), Options())
    by_name = {one.recording.rsplit("/", 1)[-1]: one for one in looks}
    good = by_name["good.wav"]
    assert (good.does, good.clock, good.roles, good.language) == (
        "judge", "fits", "transcript", "nl",
    )  # fmt: skip
    assert (by_name["alone.wav"].does, by_name["alone.wav"].code) == ("fail", "no_words")
    assert by_name["broken.wav"].does == "fail"
    assert sorted(count for count, _ in check.kinds([*looks, good])) == [1, 1, 2]
    assert check.summary(looks)[0] == "3 recordings: 1 can be analysed, 2 not."
    assert check.summary(looks[:1], "nl", of=9)[0].startswith("1 van 9 opnamen bekeken: 0 te")


def test_the_command_tells_and_exits_by_what_needs_attention(folder):
    (folder / "other.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nSorry.\n")
    (folder / "plan.json").write_text("{}")
    got = CliRunner().invoke(app, ["check", str(folder)])
    assert got.exit_code == 1
    assert "no_words" in got.output
    assert "no recording: other.vtt" in got.output
    assert "plan.json" not in got.output
    fine = CliRunner().invoke(app, ["check", "--json", str(folder / "good.wav")])
    assert fine.exit_code == 0
    assert json.loads(fine.output)["clock"] == "fits"


def test_mono_that_is_written_as_stereo_is_told(tmp_path):
    y, sr = soundfile.read(SAMPLES / "1-plain-apology-nl.wav", dtype="float32")
    soundfile.write(tmp_path / "a.wav", np.repeat(y.mean(axis=1)[:, None], 2, axis=1), sr)
    shutil.copy(SAMPLES / "1-plain-apology-nl.json", tmp_path / "a.json")
    got = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert got.exit_code == 0
    assert "2, the same" in got.output


def test_a_minute_that_does_not_tell_is_followed_by_more(tmp_path, monkeypatch):
    """Lines invented in the first minute make a clock look wrong that is right."""
    name = "1-plain-apology-nl"
    shutil.copy(SAMPLES / f"{name}.wav", tmp_path / "call.wav")
    shutil.copy(SAMPLES / f"{name}.json", tmp_path / "call.json")
    calls = collect([tmp_path])
    heard = []
    real = check._listened

    def listened(call, words, sound, options, seen):
        heard.append(sound.until_s)
        looked = real(call, words, sound, options, seen)
        if sound.until_s == 10.0:
            looked = check.replace(
                looked, clock="clock_unsure", code="clock_unsure", does="withhold"
            )
        return looked

    monkeypatch.setattr(check, "LISTENED_S", (10.0, 300.0))
    monkeypatch.setattr(check, "_listened", listened)
    assert check.check(calls, Options())[0].clock == "fits"
    assert heard == [10.0, 300.0]


def test_a_channel_that_is_not_the_agents_is_named_as_the_cause(folder):
    looks = check.check(collect([folder / "good.wav"]), Options(agent_channel="right"))
    assert [(one.does, one.code) for one in looks] == [("withhold", "agent_channel_doubtful")]


@pytest.mark.parametrize(("more", "said"), [(["--lang", "nl"], "2 opnamen: 1 te"), (["-q"], "")])
def test_a_run_begins_with_what_a_check_says(tmp_path, more, said):
    name = "1-plain-apology-nl"
    shutil.copy(SAMPLES / f"{name}.wav", tmp_path / "good.wav")
    shutil.copy(SAMPLES / f"{name}.json", tmp_path / "good.json")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    out = str(tmp_path / "out")
    got = CliRunner().invoke(
        app, ["analyze", str(tmp_path), "--out", out, "--workers", "0", "--measures-only", *more]
    )
    assert got.stderr.startswith(said)
    assert ("te analyseren" in got.stderr) == bool(said)


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [
        ((), "transcript"),
        (("clock",), "transcript"),
        (("clock", "roles_from_voice"), "voice"),
        (("roles_from_greeting", "roles_from_voice"), "wording"),
    ],
)
def test_how_the_agent_is_told_without_listening(tmp_path, codes, wanted):
    (tmp_path / "a.wav").write_bytes(b"")
    (call,) = collect([tmp_path])
    said = SimpleNamespace(turns=[SimpleNamespace(role="unknown"), SimpleNamespace(role="agent")])
    words = SimpleNamespace(transcript=said, remarks=[Message(code, "", "") for code in codes])
    assert check._named(call, words) == wanted
    named = replace(call, sources=tuple(replace(s, role="agent") for s in call.sources))
    assert check._named(named, words) == "names"
    assert check._named(call, SimpleNamespace(transcript=None, remarks=())) == ""
    said.turns.pop()
    assert check._named(call, words) == ""
