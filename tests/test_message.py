"""What is said of recordings: complete in every language, with the values filled in."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path

import pytest

import prosody
from prosody import words
from prosody.audio.recording import CODES
from prosody.errors import MissingExtraError, RecordingError
from prosody.message import Message, assumed, failure, nameless

SOURCES = Path(prosody.__file__).parent
ROOMS = ("audio", "calls", "examine")
LANGUAGES = [lang for lang in words.languages("screen") if lang != "en"]


def codes_in_the_code() -> set[str]:
    modules = [path for room in ROOMS for path in (SOURCES / room).glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in modules)
    # What a transcript made us assume has a table of its own.
    return set(re.findall(r'Message(?:\.of)?\(\s*"(\w+)"', text)) - {"assumed"}


def test_there_are_other_languages_and_remarks():
    assert "nl" in LANGUAGES
    assert {
        "bleed",
        "same_audio",
        "late_track",
        "renamed",
        "roles_from_voice",
    } <= codes_in_the_code()


def test_a_name_that_stands_beside_a_message_is_not_in_it_again():
    error = RecordingError("a.wav: found a PDF.", "Look.", code="not_audio")
    dutch, _ = failure(error, "nl")
    assert "(a.wav: " in dutch
    assert "a.wav" not in nameless(dutch, "a.wav")
    assert nameless(error.message, "a.wav") == "found a PDF."
    assert nameless("b.wav: like a.wav: no.", "a.wav") == "b.wav: like a.wav: no."


@pytest.mark.parametrize(
    "path", ["/calls/x/a.wav", "calls (1)/x/a.wav", "C:\\my calls\\x\\a.wav", "x/a.wav"]
)
def test_a_name_below_a_folder_takes_the_whole_path_out_of_the_message(path):
    error = RecordingError(f"{path}: found a PDF (b: c).", "Look.", code="not_audio")
    dutch, _ = failure(error, "nl")
    assert nameless(error.message, "x/a.wav") == "found a PDF (b: c)."
    assert nameless(dutch, "x/a.wav") == dutch.replace(f"{path}: ", "")
    for other in (f"{path}2: no.", "/calls/ax/a.wav: no.", "b.wav: like x/a.wav: no.",
                  f"b.wav: like {path}: no."):  # fmt: skip
        assert nameless(other, "x/a.wav") == other


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_remark_and_refusal_has_its_sentence(lang):
    table = words.load("reading", lang)
    assert codes_in_the_code() <= set(table["remark"])
    assert set(CODES) <= set(table["failed"])
    assert set(CODES) <= set(table["remedy"])


def test_values_are_filled_in_and_named_in_the_language():
    said = Message("late_track", "The agent's track begins 2.05 s after the other one.",
                  values={"role": "agent", "seconds": "2.05"})  # fmt: skip
    assert said.to("nl").text == ("Het spoor van de medewerker begint 2,05 s later dan het andere.")
    assert said.to("nl").code == "late_track"
    assert said.to("en") is said
    assert said.to("xx") is said


def test_a_remark_is_filled_from_its_table():
    one, some = (Message.of("invented_lines", count=n).text for n in (1, 3))
    assert one == "1 line has no voice under it: a recogniser may have invented it. Left out."
    assert some.startswith("3 lines have no voice under them")
    bleed = Message.of("bleed", one="the agent's track", other="channel 1", db=20)
    assert str(bleed) == (
        "The agent's track is heard in channel 1, 20 dB softer. "
        "Measures of soft or overlapping speech may be off."
    )
    assert bleed.to("nl").text.startswith("Er lekt geluid door: het spoor van de medewerker is")
    assert "12,345 s" in Message.of("clock_unit", end=12345, seconds=60).text
    unused = Message.of("columns_not_used", columns="rate")  # a name that is a reason, too
    assert unused.text.endswith(": rate.")
    assert unused.to("nl").text.endswith(": rate.")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_both_tables_have_the_same_remarks_and_reasons(lang):
    own, other = words.load("reading", "en"), words.load("reading", lang)
    assert set(own["remark"]) == set(other["remark"]) - {"role_unknown"}
    assert set(own["why"]) == set(other["why"])
    assert set(own["advice"]) <= set(own["remark"])


def test_what_has_no_sentence_or_no_values_stays_as_it_is():
    for said in (Message("assumed", "milliseconds"), Message("late_track", "no values")):
        assert said.to("nl") is said


def test_sentences_ask_for_no_value_that_is_not_given():
    given = {"suffix", "format", "used", "unused", "role", "other", "columns", "one", "db",
             "seconds", "channel", "file", "names", "language", "sure", "count", "percent", "end",
             "time", "times", "why", "of", "apart", "least"}  # fmt: skip
    for lang in LANGUAGES:
        for sentence in words.load("reading", lang)["remark"].values():
            asked = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
            assert asked <= given, sentence


def test_refusals_keep_their_details():
    error = RecordingError("a.wav: WAV of 7 bytes.", "Copy it again.", code="truncated")
    message, remedy = failure(error, "nl")
    assert message == "Het einde van het bestand ontbreekt. (a.wav: WAV of 7 bytes.)"
    assert "kopieer" in remedy
    assert failure(error, "en") == ("a.wav: WAV of 7 bytes.", "Copy it again.")
    other = RecordingError("a.wav: odd.", "Look.", code="internal")
    assert failure(other, "nl") == ("a.wav: odd.", "Look.")


def test_the_line_that_installs_is_that_of_the_extra_that_is_missing():
    line = 'pip install "prosody-sincerity[dask]"'
    error = MissingExtraError("--engine dask needs distributed.", f"Install it with: {line}")
    message, remedy = failure(error, "nl")
    assert remedy == f"Installeer: {line}"
    assert message.endswith("(--engine dask needs distributed.)")
    assert failure(MissingExtraError("x.", "Ask."), "nl")[1] == "Ask."


@pytest.mark.data
def test_real_remarks_in_dutch(data):
    from prosody.calls.collect import collect
    from prosody.examine.open_call import open_call

    texts = set()
    for call in collect([data / "harpervalley" / "agent", data / "harpervalley" / "caller"]):
        with open_call(call) as opened:
            texts |= {r.to("nl").text for r in opened.roles.remarks}
    assert "Het spoor van de medewerker begint 2,05 s later dan het andere." in texts
    assert not any("track" in text for text in texts)


def assumptions_in_the_code() -> list[tuple[str, dict[str, str]]]:
    """Sentences given to ``note`` or `assumed`, with the names of their values."""
    out = []
    for path in [*(SOURCES / "transcripts").glob("*.py"), *(SOURCES / "examine").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = [n for n in tree.body if isinstance(n, ast.Assign)]
        constants = {ast.unparse(n.targets[0]): n.value for n in assigned}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and "assumed" in (
                getattr(node.func, "id", ""),
                getattr(node.func, "attr", "").replace("note", "assumed"),
            ):
                (given,) = (constants.get(ast.unparse(one), one) for one in node.args)
                if isinstance(given, ast.Constant):
                    values = {str(k.arg): "1.5" for k in node.keywords}
                    out.append((str(given.value), values))
                else:
                    assert ast.unparse(given) == "sentence"
    return out


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_assumption_about_a_transcript_has_its_sentence(lang):
    found = assumptions_in_the_code()
    assert len(found) > 20
    for sentence, values in found:
        english = assumed(sentence, **values)
        other = english.to(lang)
        assert other.text != english.text, sentence
        assert "{" not in english.text + other.text
        assert other.text.count("1,5") == english.text.count("1.5") == len(values)


def test_a_role_and_a_number_in_an_assumption_are_said_in_dutch():
    english = assumed("the {a}'s own track starts {b} s into the call", a="agent", b="2.051")
    assert english.to("nl").text == (
        "het eigen spoor van de medewerker begint 2,051 s na het begin van het gesprek"
    )
    assert english.to("en").text == "the agent's own track starts 2.051 s into the call"


def test_put_on_is_one_word_in_dutch():
    found = {
        name: words.load(name, "nl")
        for name in ("screen", "report", "rate", "coach", "coach_page", "reasons", "agreement")
    }
    said = json.dumps(found, ensure_ascii=False)
    assert said.count("gemaakt") > 8
    assert "opgelegd" not in said
    assert found["screen"]["verdict"]["forced"] == "gemaakt"
    assert found["report"]["judged"]["axis_sincere_low"] == "gemaakt"
