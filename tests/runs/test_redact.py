"""``--redact``: numbers, addresses and names are masked before anything is written."""

from __future__ import annotations

import contextlib
import faulthandler
import sqlite3
import zipfile
import zlib

import pytest
import running
from command import prosody
from hypothesis import given
from hypothesis import strategies as st
from places import SAMPLES

from prosody.calls import masking
from prosody.runs import redact


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
    assert masking.text(said) == masked


@given(st.text(alphabet="abcdé0123456789 .-/+", max_size=60))
def test_no_digit_is_left(said):
    assert not any("0" <= c <= "9" for c in masking.text(said))


@given(st.text(max_size=200))
def test_any_text_can_be_masked_and_masking_again_changes_nothing_that_matters(said):
    once = masking.text(said)
    assert not any("0" <= c <= "9" for c in masking.text(once))


PLANTED = ("Zonderland", "Quirk", "0612345678", "06-98765432", "Kerkstraat", "q@post.example")
TRANSCRIPT = (
    "start_s,end_s,speaker,text\n"
    "20.0,24.0,{label},Met Quirk. Sorry mevrouw Zonderland 0612345678.\n"
    "25.6,28.3,agent,Sorry mevrouw Zonderland dat {number} niet op Kerkstraat 12 is.\n"
)


def _plant(folder):
    """Write calls with names, numbers, addresses and labels wherever a user can put them."""
    folder.mkdir()
    wav = (SAMPLES / "1-plain-apology-nl.wav").read_bytes()
    names = [
        "0612345678.wav", "mevrouw Zonderland.wav", "q@post.example_06-98765432.wav",
        "Zonderland_cut.wav", "Zonderland_bad.wav", "Zonderland_two.wav", "Kerkstraat 12.wav",
        "Zonderland_windows.wav",
    ]  # fmt: skip
    rows = ["path,call_id,agent,team,started_at,language,windows,Zonderland 0612345678"]
    for i, name in enumerate(names):
        path = folder / name
        path.write_bytes(wav[:9000] if "cut" in name else wav)
        text = TRANSCRIPT.format(label=PLANTED[i % len(PLANTED)], number=PLANTED[2 + i % 2])
        if "bad" in name:
            text = text.replace("25.6", "Zonderland 0612345678 q@post.example")
        path.with_suffix(".csv").write_text(text)
        if "two" in name:
            path.with_suffix(".vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nQuirk: hi\n")
        windows = ""
        if "windows" in name:
            windows = "mevrouw Zonderland windows.csv"
            (folder / windows).write_text("recording,start_s,end_s\nQuirk,1,2\n")
        rows.append(
            f"{name},c{i} Zonderland 0612345678,Quirk,team 06-98765432,{PLANTED[2]},nl,{windows},x"
        )
    (folder / "calls.csv").write_text("\n".join(rows) + "\n")
    return len(names)


def _all_that_was_written(out, done):
    yield "screen", (done.stdout + done.stderr).encode()
    for path in out.rglob("*"):
        yield "name", str(path.relative_to(out)).encode()
        if not path.is_file():
            continue
        yield path.name, path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as book:
                yield from ((path.name, book.read(n)) for n in book.namelist())
    db = sqlite3.connect(out / "journal.sqlite")
    for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
        for row in db.execute(f'select * from "{table}"'):
            for cell in row:
                data = cell if isinstance(cell, bytes) else str(cell).encode()
                with contextlib.suppress(zlib.error):
                    data = zlib.decompress(data)
                yield f"journal, {table}", data
    db.close()


@pytest.mark.parametrize("lang", ["en", pytest.param("nl", marks=pytest.mark.slow)])
def test_nothing_planted_anywhere_is_found_in_anything_written(tmp_path, lang):
    n = _plant(tmp_path / "in")
    out = tmp_path / "out"
    # As a process of its own once: libraries write to the screen past Python.
    analyze = running.finish if lang == "en" else prosody
    done = analyze(
        "analyze", "--manifest", tmp_path / "in" / "calls.csv", "--redact", "--workers", "0",
        "--agent-channel", "left", "--textgrid", "--format", "xlsx", "--json-progress",
        "--lang", lang, "--out", out,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    lines = running.rows(out / "recordings.jsonl")
    assert len({line["recording"] for line in lines}) == len(lines) == n
    assert sorted({line["code"] for line in lines}) == ["", "bad_transcript", "truncated"]
    assert prosody("report", out).returncode == 0
    for where, data in _all_that_was_written(out, done):
        for word in PLANTED:
            assert word.lower().encode() not in data.lower(), (where, word)


def test_a_fault_of_ours_quotes_nothing():
    from prosody.examine.examine import Examined
    from prosody.results.records import CallRecord

    line = CallRecord(
        "recording-1.wav", "call-1", code="internal_error", message="KeyError: 'Quirk'"
    )
    assert "Quirk" not in redact.examined(Examined(line)).record.message


def test_redacted_names_are_the_same_in_every_run_and_find_their_windows(tmp_path):
    wav = SAMPLES / "1-plain-apology-nl.wav"
    (tmp_path / "Zonderland.wav").write_bytes(wav.read_bytes())
    (tmp_path / "w.csv").write_text("recording,start_s,end_s\nZonderland,25.6,28.3\n")
    seen = set()
    for run, out in ((running.finish, tmp_path / "one"), (prosody, tmp_path / "two")):
        done = run(
            "analyze", tmp_path / "Zonderland.wav", "--windows", tmp_path / "w.csv", "--redact",
            "--workers", "0", "--agent-channel", "left", "--out", out,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (row,) = running.rows(out / "apologies.jsonl")
        seen.add((row["recording"], row["call_id"]))
    assert len(seen) == 1
    assert seen.pop()[0].startswith("recording-")


@pytest.mark.parametrize("unit", ["vijftien", "a-", "A-", "a@", "1!", "vijf ", "mr ", "aa", "  "])
def test_the_worst_megabyte_ends(unit):
    """Exponential or quadratic, it would not end while anybody waits."""
    faulthandler.dump_traceback_later(120, exit=True)
    try:
        said = (unit * (1 << 20))[: 1 << 20]
        assert not any(c.isdigit() for c in masking.text(f"{said}x"))
        masking.text(f"mevrouw {said}")
    finally:
        faulthandler.cancel_dump_traceback_later()
