"""What the wheel holds: everything that is needed, and nothing at the top that collides."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import licences
import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOMES = {"prosody": "prosody", "cli": "prosody/cli", "models": "prosody/models"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources, with the setuptools that is installed."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in (*HOMES, "samples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--wheel-dir", str(place), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


@pytest.mark.slow
def test_only_prosody_is_a_top_level_name(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"prosody"}


@pytest.mark.slow
def test_every_module_and_data_file_is_in_the_wheel(wheel):
    inside = set(wheel.namelist())
    expected = set()
    for home, place in HOMES.items():
        for path in (ROOT / home).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected.add(f"{place}/{path.relative_to(ROOT / home).as_posix()}")
    assert expected - inside == set()
    assert "prosody/cli/__init__.py" in inside
    assert "prosody/models/sincerity.onnx" in inside


@pytest.mark.slow
def test_nothing_else_is_in_the_wheel(wheel):
    folders = {name.split("/")[1] for name in wheel.namelist()}
    assert not folders & {"tests", "benchmarks", "recipes"}
    sounds = {name for name in wheel.namelist() if name.endswith(".wav")}
    assert len(sounds) == 2  # what `prosody benchmark` runs on where nothing else is given
    assert not [name for name in wheel.namelist() if name.endswith(".pyc")]


@pytest.mark.slow
def test_the_command_and_all_licences_are_in_the_wheel(wheel):
    (info,) = {n.split("/")[0] for n in wheel.namelist() if ".dist-info/" in n}
    assert "prosody = prosody.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    licences = {n for n in wheel.namelist() if n.startswith(f"{info}/licenses/")}
    ours = ("LICENSE", "models/LICENSE", "prosody/resynthesis/WORLD.LICENSE")
    assert licences == {f"{info}/licenses/{name}" for name in ours}


def test_cli_and_models_are_found_under_prosody_only():
    assert importlib.util.find_spec("prosody.cli") is not None
    assert importlib.util.find_spec("prosody.models") is not None


def pins(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split(";")[0].strip() for line in lines if line and not line.startswith("#")]


def requirements(*extras):
    project = PROJECT["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [line for line in lines if not line.startswith("prosody-sincerity")]


def name_of(requirement):
    head = requirement
    for mark in "=<>!~[;, ":
        head = head.split(mark)[0]
    return head.lower().replace("_", "-")


def locked_names():
    return {name_of(pin) for pin in pins(ROOT / "requirements/constraints.txt")}


def test_the_lock_pins_every_direct_dependency():
    locked = locked_names()
    wanted = {name_of(r) for r in requirements(*PROJECT["project"]["optional-dependencies"])}
    assert wanted - locked == set()
    assert all("==" in pin for pin in pins(ROOT / "requirements/constraints.txt"))


def test_every_licence_is_in_the_table_and_permissive():
    """No GPL and nothing for research only comes with what a user installs."""
    table, locked = licences.table(), locked_names()
    for name, (licence, _) in table.items():
        assert licence in licences.ALLOWED or licences.ALSO.get(name) == licence, name
        assert name in locked, f"{name} is not in the lock"
    for name in licences.brought():
        licence = licences.licence_of(name)
        assert licence in licences.ALLOWED or licences.ALSO.get(name) == licence, (name, licence)
        if name in locked:
            assert table.get(name, ("is not in the table",))[0] == licence, name


def test_the_lowest_versions_are_those_that_pyproject_allows():
    lowest = dict(pin.split("==") for pin in pins(ROOT / "requirements/lowest.txt"))
    extras = runpy.run_path(str(ROOT / "requirements/lock.py"))["EXTRAS"]
    for requirement in requirements(*extras):
        floors = [part[2:] for part in requirement[len(name_of(requirement)) :].split(",")
                  if part.startswith((">=", "=="))]  # fmt: skip
        pinned = lowest[name_of(requirement)]
        for floor in floors:
            assert Version(pinned) == Version(floor), f"{requirement}: tested with {pinned}"


def test_no_list_of_versions_names_a_place():
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(encoding="utf-8")
