"""``--redact``: numbers, addresses and names are masked before anything is written."""

from __future__ import annotations

import json
import sqlite3
import sys
import zlib

import pytest
from conftest import ROOT, SAMPLES
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks import _run
from prosody import redact


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("Het spijt me, mevrouw De Vries.", "Het spijt me, mevrouw [name]."),
        ("sorry meneer van den berg dat het", "sorry meneer [name] dat het"),
        ("Sorry, mevrouw, dat begrijp ik.", "Sorry, mevrouw, dat begrijp ik."),
        ("mevrouw ik begrijp het", "mevrouw ik begrijp het"),
        ("Dank u, de heer Jan-Willem Bakker, tot ziens", "Dank u, de heer [name], tot ziens"),
        ("I'm sorry, Mrs. O'Brien.", "I'm sorry, Mrs. [name]."),
        ("Thank you Mr Smith for calling", "Thank you Mr [name] for calling"),
        ("sorry mister jones we will", "sorry mister [name] we will"),
        ("uw nummer is 06-12 34 56 78.", "uw nummer is [number]."),
        ("rekening NL91 ABNA 0417 1643 00 klopt", "rekening [number] klopt"),
        ("nul zes een twee drie vier", "[number]"),
        ("it is four one two double five", "it is [number]"),
        ("vierentwintig tachtig euro", "[number] euro"),
        ("one moment please", "one moment please"),
        ("een ogenblik", "een ogenblik"),
        ("u woont op de Kerkstraat 12 toch", "u woont op de [address] toch"),
        ("dat is 1234 AB Utrecht", "dat is [address] Utrecht"),
        ("at 221 Baker Street, London", "at [address], London"),
        ("mail naar jan@voorbeeld.nl graag", "mail naar [address] graag"),
        ("het pakket is onderweg", "het pakket is onderweg"),
        ("", ""),
    ],
)
def test_what_is_masked(said, masked):
    assert redact.text(said) == masked


@given(st.text(alphabet="abcdé0123456789 .-/+", max_size=60))
def test_no_digit_is_left(said):
    assert not any("0" <= c <= "9" for c in redact.text(said))


@given(st.text(max_size=200))
def test_any_text_can_be_masked_and_masking_again_changes_nothing_that_matters(said):
    once = redact.text(said)
    assert not any("0" <= c <= "9" for c in redact.text(once))


@pytest.mark.slow
def test_masked_text_is_in_no_file_of_the_run(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "a.wav").write_bytes((SAMPLES / "1-plain-apology-nl.wav").read_bytes())
    secret = "Sorry mevrouw Zonderland dat het pakket 0612345678 nog niet op Kerkstraat 12 is."
    (folder / "a.csv").write_text(f"start_s,end_s,role,text\n25.6,28.3,agent,{secret}\n")
    done = _run.finish("analyze", folder, "--redact", "--agent-channel", "left", "--textgrid",
                       "--out", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = _run.rows(tmp_path / "out" / "apologies.jsonl")
    assert "[name]" in rows[0]["text"]
    assert json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["command"]["redact"]
    written = [p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()]
    db = sqlite3.connect(tmp_path / "out" / "journal.sqlite")
    written += [zlib.decompress(b) for (b,) in db.execute("select line from recordings")]
    written += [zlib.decompress(b) for (b,) in db.execute("select made from apologies")]
    db.close()
    written += [done.stdout.encode(), done.stderr.encode()]
    for word in (b"Zonderland", b"0612345678", b"Kerkstraat"):
        assert not any(word in data for data in written)
