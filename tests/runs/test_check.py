"""Before a run: what is told of recordings, and what needs attention."""

import json
import shutil

import pytest
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody.calls.collect import collect
from prosody.examine.examine import Options
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


def test_every_call_is_told_and_what_is_wrong_is_grouped(folder):
    looks = check.check(collect([folder]), Options())
    by_name = {one.recording.rsplit("/", 1)[-1]: one for one in looks}
    good = by_name["good.wav"]
    assert (good.does, good.clock, good.roles, good.language) == (
        "judge", "fits", "transcript", "nl",
    )  # fmt: skip
    assert (by_name["alone.wav"].does, by_name["alone.wav"].code) == ("fail", "no_words")
    assert by_name["broken.wav"].does == "fail"
    assert {group["code"] for group in check.attention(looks)} >= {"no_words"}
    assert check.summary(looks)[0] == "3 recordings: 1 can be analysed, 2 not."


def test_the_command_tells_and_exits_by_what_needs_attention(folder):
    got = CliRunner().invoke(app, ["check", str(folder)])
    assert got.exit_code == 1
    assert "no_words" in got.output
    fine = CliRunner().invoke(app, ["check", "--json", str(folder / "good.wav")])
    assert fine.exit_code == 0
    assert json.loads(fine.output)["clock"] == "fits"
