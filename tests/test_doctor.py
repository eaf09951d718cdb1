"""The doctor finds what works, and above all what does not."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib import metadata

import numpy as np
import pytest
import soundfile
from command import prosody
from places import ROOT

from prosody import doctor
from prosody.words import load


def by_name(checks):
    return {check.name: check for check in checks}


def test_every_format_of_the_base_install_works():
    with_sndfile = [name for name, *_ in doctor._SNDFILE]
    found = by_name(doctor.formats())
    assert {found[name].status for name in with_sndfile} == {"works"}


def test_formats_of_the_av_extra_work_where_it_is_installed():
    pytest.importorskip("av", reason="needs the extra av")
    found = by_name(doctor.formats())
    for name in ("M4A (AAC)", "WebM (Opus)", "WMA"):
        assert (found[name].status, found[name].note) == ("works", "")


def test_without_the_av_extra_the_line_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    found = by_name(doctor.formats())
    assert found["M4A (AAC)"].status == "missing"
    assert found["M4A (AAC)"].remedy == 'pip install "prosody-sincerity[av]"'
    assert found["WAV mu-law"].status == "works"


def test_another_tone_is_not_taken_for_the_right_one(tmp_path):
    t = np.arange(8000) / 8000
    soundfile.write(tmp_path / "a.wav", 0.4 * np.sin(2 * np.pi * 600 * t), 8000)
    assert "600 Hz" in doctor._heard(tmp_path / "a.wav")


def test_half_a_tone_is_not_taken_for_a_whole_one(tmp_path):
    soundfile.write(tmp_path / "a.wav", doctor._tone(8000)[:2000], 8000)
    assert "came back" in doctor._heard(tmp_path / "a.wav")


def test_a_decoder_that_breaks_is_a_finding_not_a_crash(monkeypatch):
    def broken(path):
        raise RuntimeError("no such\ncodec")

    monkeypatch.setattr(doctor, "_heard", broken)
    wrong = [check for check in doctor.formats() if check.status == "fails"]
    assert "WAV PCM 16-bit" in {check.name for check in wrong}
    assert {check.note for check in wrong} == {"RuntimeError: no such codec"}
    assert all(check.remedy.startswith("pip install") for check in wrong)


def test_an_extra_that_is_not_installed_is_missing_and_no_failure(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    found = by_name(doctor.extras())
    assert {check.status for check in found.values()} == {"missing"}
    assert found["parquet"].remedy == 'pip install "prosody-sincerity[parquet]"'


def test_an_extra_that_is_installed_but_broken_fails(monkeypatch):
    pytest.importorskip("openpyxl", reason="needs the extra xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert by_name(doctor.extras())["xlsx"].status == "fails"


def test_the_models_answer():
    found = {check.name.split()[0]: check for check in doctor.models()}
    assert {name: check.status for name, check in found.items()} == {
        "judge": "works", "pitch": "works", "speech": "works",
    }  # fmt: skip
    assert "axes sincere" in found["judge"].note


def test_json_for_a_bug_report():
    done = prosody("doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    assert report["versions"]["prosody"] == metadata.version("prosody-sincerity")
    assert {"name", "status", "by", "note", "remedy"} == set(report["formats"][0])


def test_a_damaged_judge_is_named_and_ends_with_1(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"not a model")
    done = prosody("doctor", "--model", str(tmp_path / "mine.onnx"))
    assert done.returncode == 1
    assert "FAILS" in done.stdout
    assert "mine.onnx" in done.stdout
    assert "Remedy:" in done.stdout


def test_it_speaks_dutch_and_has_one_line_for_all_extras():
    done = prosody("doctor", "--lang", "nl")
    assert done.returncode == 0
    assert "formaten" in done.stdout
    assert "pagina's om te oefenen" in done.stdout
    assert "Alles wat nodig is, werkt." in done.stdout
    assert done.stdout.count("pip install") <= 1


def test_every_extra_for_users_is_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for_users = set(project["optional-dependencies"]) - {"bench", "dev", "test"}
    assert {extra for extra, *_ in doctor._EXTRAS} == for_users
    for lang in ("en", "nl"):
        assert set(load("screen", lang)["doctor"]["purpose"]) == for_users
