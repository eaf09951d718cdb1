"""A recording is known by its place below what was named, however that is typed or mounted."""

from __future__ import annotations

import shutil

import pytest

from prosody.calls.collect import collect
from prosody.calls.places import roots
from prosody.runs import batch


@pytest.fixture
def calls(tmp_path):
    for name in ("a/x.wav", "b/x.wav", "b/deep/y.wav", "z.wav"):
        path = tmp_path / "calls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "calls"


def names(*paths, **how):
    return [call.name for call in collect(paths, **how)]


def test_a_folder_typed_in_any_way_gives_the_same_names(calls, monkeypatch, tmp_path):
    wanted = ["a/x.wav", "b/deep/y.wav", "b/x.wav", "z.wav"]
    assert names(calls) == wanted
    monkeypatch.chdir(calls)
    assert names(".") == names("../calls") == names("a/..") == wanted
    moved = tmp_path / "other place" / "disk"
    shutil.copytree(calls, moved)
    assert names(moved) == wanted


def test_files_of_one_name_are_told_apart_by_the_folders_above_them(calls):
    assert names(calls / "a" / "x.wav") == ["x.wav"]
    assert names(calls / "a", calls / "b") == ["a/x.wav", "b/x.wav", "deep/y.wav"]
    assert names(calls / "b" / "x.wav", calls) == names(calls)


def test_a_manifest_names_places_below_its_folder(calls):
    (calls / "list.csv").write_text(f"path\n./a/x.wav\n{calls}/b/x.wav\n")
    assert names(manifest=calls / "list.csv") == ["a/x.wav", "b/x.wav"]


def test_the_folders_are_known_where_they_name_nobody(calls):
    found = collect([calls])
    assert roots(found) == [f"{calls.resolve().as_posix()}/"]
    from dataclasses import replace

    assert roots([replace(c, hides=(("calls", "agent-1"),)) for c in found]) == []


def test_shards_are_the_same_on_every_machine(tmp_path, monkeypatch):
    """Other folders, other keys, agents in file names: every call is in one shard, and once."""
    from prosody.calls.pseudonyms import pseudonymise

    parts = []
    for i, where in enumerate(("mnt/calls", "home/of somebody/calls")):
        folder = tmp_path / where
        folder.mkdir(parents=True)
        for n in range(12):
            (folder / f"Zebedeus_{n:02d}.wav").write_bytes(b"x")
        monkeypatch.setenv("PROSODY_KEY_FILE", str(tmp_path / f"key{i}"))
        monkeypatch.chdir(folder.parent)
        given = collect(["calls"] if i else [folder], meta_from="(?P<agent>[A-Za-z]+)_")
        part = batch.shard_of(given, f"{i + 1}/2")
        assert pseudonymise(part)[0].name.startswith("agent-")
        parts += [call.sources[0].path.name for call in part]
    assert sorted(parts) == [f"Zebedeus_{n:02d}.wav" for n in range(12)]
