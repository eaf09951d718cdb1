"""The key for pseudonyms: whole or not there, and never silently another one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from prosody.calls import pseudonyms
from prosody.calls.call import Call, Source
from prosody.errors import UsageError


@pytest.fixture
def key_at(tmp_path, monkeypatch):
    path = tmp_path / "config" / "agents.key"
    monkeypatch.setenv("PROSODY_KEY_FILE", str(path))
    return path


def test_the_key_is_made_once_and_is_for_its_owner_alone(key_at):
    made = pseudonyms.key()
    assert len(made) == 64
    assert pseudonyms.key() == made
    assert [p.name for p in key_at.parent.iterdir()] == [key_at.name]
    if os.name == "posix":
        assert stat.S_IMODE(key_at.stat().st_mode) == 0o600
    assert pseudonyms.exposed() == ""


def test_a_full_disk_leaves_no_key_and_not_an_empty_one(key_at, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        pseudonyms.key()
    assert list(key_at.parent.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setenv("PROSODY_KEY_FILE", str(key_at))
    assert len(pseudonyms.key()) == 64


def test_a_key_that_another_run_made_meanwhile_counts(key_at, monkeypatch):
    link = os.link

    def later(source, target):
        key_at.write_text("ab" * 32)
        link(source, target)

    monkeypatch.setattr(os, "link", later)
    assert pseudonyms.key() == b"ab" * 32


def test_a_file_system_without_links_gets_a_key_too(key_at, monkeypatch):
    def no(source, target):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no)
    assert len(pseudonyms.key()) == 64
    assert [p.name for p in key_at.parent.iterdir()] == [key_at.name]


@pytest.mark.parametrize("held", [b"", b"\n", b"ab" * 31, b"ab" * 33, b"xy" * 32, b"\xff" * 64])
def test_anything_but_64_hex_digits_is_refused_in_one_line(key_at, held):
    key_at.parent.mkdir()
    key_at.write_bytes(held)
    with pytest.raises(UsageError, match="64 hexadecimal digits") as error:
        pseudonyms.key()
    assert "\n" not in str(error.value)
    assert key_at.read_bytes() == held


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_key_that_others_can_read_is_told_of(key_at):
    pseudonyms.key()
    key_at.chmod(0o644)
    assert "chmod 600" in pseudonyms.exposed()


@pytest.mark.parametrize(
    "written",
    [
        "Zebedeus Quirk 001.wav", "zebedeus_quirk_002.wav", "ZebedeusQuirk003.wav",
        "callzebedeusquirk4.wav", "ZEBEDEUS-QUIRK.wav", "quirk, zebedeus.wav", "Quirk_Zebedeus.wav",
        "a/Zébédeus Quirk/b.wav", "Ze\u0301be\u0301deus  quirk.wav",
    ],
)  # fmt: skip
def test_an_agent_is_hidden_however_the_name_is_written(written):
    hides = (("Zebedeus Quirk", "agent-1"),)
    shown = pseudonyms.instead(written, hides)
    assert "agent-1" in shown
    assert not pseudonyms._part_left(shown, hides)


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("Ann", "planning.wav", "planning.wav"),
        ("Ann", "Ann_7.wav", "agent-1_7.wav"),
        ("ann", "callAnn7.wav", "callagent-17.wav"),
        ("Zoë", "zoe-1.wav", "agent-1-1.wav"),
        ("Zoe\u0308", "Zo\u00eb1.wav", "agent-11.wav"),
        ("Jan Al", "kanjanalyse.wav", "kanjanalyse.wav"),
        ("12", "call 12.wav", "call agent-1.wav"),
    ],
)
def test_what_is_a_name_and_what_only_looks_like_one(name, text, shown):
    assert pseudonyms.instead(text, ((name, "agent-1"),)) == shown


def test_a_part_of_a_name_that_remains_is_said(key_at):
    def call(place):
        return Call("c", (Source(Path(place), place=place),), place, agent="Zebedeus Quirk")

    whole, part, other = pseudonyms.pseudonymise(
        [call("zebedeus_quirk.wav"), call("z.quirk_1.wav"), call("call_1.wav")]
    )
    assert [r.code for r in part.remarks] == ["name_part"]
    assert "quirk" not in str(part.remarks[0]).casefold()
    assert whole.remarks == other.remarks == ()
