"""The floor plan: few files at the top, no circles, and a page that names every room."""

from __future__ import annotations

import subprocess
import sys

import rooms
from places import ROOT


def test_at_most_twelve_files_stand_at_the_top():
    assert len(list((ROOT / "prosody").glob("*.py"))) <= 12


def test_no_modules_import_each_other_in_a_circle():
    assert rooms.circles(rooms.imports()) == set()


def test_no_two_rooms_import_each_other():
    between = rooms.between_rooms(rooms.imports())
    both = {(a, b) for a in between for b in between[a] if a in between.get(b, set()) and a < b}
    assert both == set()


def test_measures_and_words_know_nothing_of_calls_and_pages():
    between = rooms.between_rooms(rooms.imports())
    assert between.get("measures", set()) <= {"transcripts"}
    assert between.get("words", set()) == set()
    assert not between["audio"] & {"calls", "examine", "judge", "results", "runs"}
    assert not between["judge"] & {"runs", "report", "fit"}


def test_the_architecture_lists_every_file_as_its_docstring_says():
    text = rooms.PAGE.read_text(encoding="utf-8")
    listed = text.split(rooms.START)[1].split(rooms.END)[0]
    assert listed == rooms.listing(), "python tests/support/rooms.py writes the list anew"


def test_a_call_is_analysed_without_librosa():
    call = ROOT / "samples" / "1-plain-apology-nl.wav"
    code = f"""import sys, prosody
assert list(prosody.analyze([{str(call)!r}]))
print(*sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"librosa", "numba"}.isdisjoint(done.stdout.split())
    assert "onnxruntime" in done.stdout.split()


def test_help_loads_nothing_heavy():
    code = "import sys, prosody.cli; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT.parent
    )
    loaded = set(done.stdout.split())
    heavy = {"numpy", "scipy", "librosa", "numba", "onnxruntime", "soundfile", "soxr", "pyarrow",
             "openpyxl", "starlette", "uvicorn", "psutil", "loky"}  # fmt: skip
    assert loaded & heavy == set()
