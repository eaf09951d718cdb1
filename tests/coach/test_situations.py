"""A trainer's own situations: what is read from a folder, and what is refused and why."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from places import synthetic_voice

from prosody.coach import situations
from prosody.errors import UsageError

BUS = """
[nl]
title = "De bus kwam niet"
story = "Meneer Vos stond een uur in de regen."
sentence = "Het spijt me dat de bus niet kwam; u had droog thuis moeten zijn."
suggestions = ["Mijn excuses, dat had niet mogen gebeuren."]
example = "bus.wav"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bus.toml").write_text(BUS, encoding="utf-8")
    soundfile.write(tmp_path / "bus.wav", synthetic_voice(2.0, 16_000), 16_000, subtype="PCM_16")
    return tmp_path


def test_own_situations_come_with_their_example_in_their_language(folder: Path) -> None:
    own = situations.own(folder, 60.0)
    (bus,) = own["nl"]
    assert bus["id"] == "own-bus"
    assert bus["path"] == folder / "bus.wav"
    assert bus["suggestions"] == ["Mijn excuses, dat had niet mogen gebeuren."]
    assert own["en"] == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("[nl]", "[de]", "holds [de], expected [nl], [en]"),
        ("[nl]", "", "expected [nl], [en]"),
        ("title =", "titel =", "[nl]: titel is not known"),
        ('story = "Meneer Vos stond een uur in de regen."', "", "story is missing"),
        ('title = "De bus kwam niet"', "title = 7", "title is 7, expected up to 80"),
        ("De bus kwam niet", "x" * 81, "expected up to 80 letters"),
        ('["Mijn excuses, dat had niet mogen gebeuren."]', '"Mijn excuses"', "expected a list"),
        ('["Mijn', '[1, "Mijn', "suggestions is [1, "),
        ('example = "bus.wav"', 'example = "../bus.wav"', "is elsewhere"),
        ('example = "bus.wav"', 'example = "none.wav"', "none.wav"),
        ('example = "bus.wav"', 'example = "bus.toml"', "bus.toml"),
        ("[nl]", "[nl", "cannot be read as TOML"),
        (BUS, "x = 1", "holds [x]"),
        (BUS, "nl = 1", "[nl]: found 1, expected a table"),
        (BUS, "# " + "x" * 20_000, "more than 20 kB"),
    ],
)
def test_what_is_wrong_names_file_place_and_remedy(
    folder: Path, old: str, new: str, found: str
) -> None:
    assert old in BUS
    (folder / "bus.toml").write_text(BUS.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        situations.own(folder, 60.0)
    assert found in error.value.message
    assert "bus.toml" in error.value.message
    assert error.value.remedy


def test_a_folder_without_situations_and_an_example_too_long_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="takes 2 s, expected at most 1"):
        situations.own(folder, 1.0)
    (folder / "bus.toml").unlink()
    with pytest.raises(UsageError, match=r"holds no \.toml file"):
        situations.own(folder, 60.0)
    with pytest.raises(UsageError, match="no such folder"):
        situations.own(folder / "none", 60.0)
