"""Subtitles as people have them: odd cues, captions that roll, speakers in every place."""

import pytest

from prosody.errors import TranscriptError
from prosody.transcripts import read


def turns(tmp_path, text, name="x.vtt"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read(tmp_path / name)


def told(transcript):
    return [(t.start_s, t.speaker, t.role, t.text) for t in transcript.turns]


def test_the_speaker_as_name_of_the_cue(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\n\nAgent\n00:02.000 --> 00:04.000\nGood morning.\n\n"
        "Customer\n00:05.000 --> 00:07.000\nHello.\n\nAgent\n00:08.000 --> 00:09.000\nSorry.\n"
    ))  # fmt: skip
    assert [(t.role, t.text) for t in got.turns] == [
        ("agent", "Good morning."), ("customer", "Hello."), ("agent", "Sorry."),
    ]  # fmt: skip


def test_the_speaker_on_a_line_of_its_own(tmp_path):
    got = turns(tmp_path, (
        "1\n00:00:02,000 --> 00:00:04,000\nMedewerker:\nGoedemorgen.\n\n"
        "2\n00:00:05,000 --> 00:00:07,000\nKlant:\nHallo.\n"
    ), "x.srt")  # fmt: skip
    assert [(t.role, t.text) for t in got.turns] == [
        ("agent", "Goedemorgen."), ("customer", "Hallo."),
    ]  # fmt: skip


def test_a_blank_line_between_time_and_text(tmp_path):
    got = turns(tmp_path, (
        "1\n00:00:02,000 --> 00:00:04,000\n\nAgent: Good morning.\n\n"
        "2\n00:00:05,000 --> 00:00:07,000\n \nCustomer: Hello\nthere.\n"
    ), "x.srt")  # fmt: skip
    assert [t.text for t in got.turns] == ["Good morning.", "Hello there."]


def test_one_odd_cue_is_passed_over_with_its_place(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\n00:xx.000 --> 00:04.000\ntwo\n\n"
        "00:05.000 --> 00:06.000\nthree\n"
    ))  # fmt: skip
    assert [t.text for t in got.turns] == ["one", "three"]
    assert "passed over 1 of 3 entries that cannot be read: line 6" in got.assumptions


def test_a_file_of_odd_cues_is_refused_with_the_first(tmp_path):
    with pytest.raises(TranscriptError, match="line 3"):
        turns(tmp_path, "WEBVTT\n\nsoon --> later\none\n")


def test_captions_that_roll_are_read_once_with_their_word_times(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\nKind: captions\nLanguage: nl\n\n"
        "00:00:01.000 --> 00:00:03.000 align:start position:0%\n \n"
        "het<00:00:01.400><c> spijt</c><00:00:01.800><c> ons</c>\n\n"
        "00:00:03.000 --> 00:00:03.010 align:start position:0%\nhet spijt ons\n \n\n"
        "00:00:03.010 --> 00:00:05.000 align:start position:0%\nhet spijt ons\n"
        "dat<00:00:03.400><c> u</c><00:00:03.700><c> wacht</c>\n\n"
        "00:00:05.000 --> 00:00:05.010 align:start position:0%\ndat u wacht\n \n\n"
        "00:00:05.010 --> 00:00:07.000 align:start position:0%\ndat u wacht\n"
        "op<00:00:05.500><c> antwoord</c>\n"
    ))  # fmt: skip
    assert [t.text for t in got.turns] == ["het spijt ons", "dat u wacht", "op antwoord"]
    assert [w.start_s for w in got.turns[0].words] == [1.0, 1.4, 1.8]
    assert any("roll" in note for note in got.assumptions)


def test_what_is_said_twice_is_no_rolling_caption(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nhello?\n\n00:02.000 --> 00:03.000\nhello?\n\n"
        "00:03.000 --> 00:04.000\nhello?\n"
    ))  # fmt: skip
    assert len(got.turns) == 3


def test_teams(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\n\n6f0c2d1e-aaaa-bbbb-cccc-000000000001/12-0\n"
        "00:00:03.400 --> 00:00:05.000\n<v Noor Bakker>Good morning.</v>\n\n"
        "6f0c2d1e-aaaa-bbbb-cccc-000000000001/14-0\n"
        "00:00:06.000 --> 00:00:07.000\n<v Sam>Hello.</v>\n"
    ))  # fmt: skip
    assert [(t.speaker, t.text) for t in got.turns] == [
        ("Noor Bakker", "Good morning."), ("Sam", "Hello."),
    ]  # fmt: skip


def test_zoom(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT\r\n\r\n1\r\n00:00:02.700 --> 00:00:05.300\r\nNoor Bakker: Good morning.\r\n\r\n"
        "2\r\n00:00:06.000 --> 00:00:07.000\r\nSam: Hello.\r\n\r\n"
        "3\r\n00:00:08.000 --> 00:00:09.000\r\nNoor Bakker: How can I help?\r\n"
    ))  # fmt: skip
    assert [t.speaker for t in got.turns] == ["Noor Bakker", "Sam", "Noor Bakker"]
    assert got.turns[2].text == "How can I help?"


def test_webex(tmp_path):
    got = turns(tmp_path, (
        'WEBVTT\n\n1 "Noor Bakker" (2834516480)\n00:00:02.700 --> 00:00:05.300\nGood morning.\n\n'
        '2 "Sam" (2834516481)\n00:00:06.000 --> 00:00:07.000\nHello.\n'
    ))  # fmt: skip
    assert [(t.speaker, t.text) for t in got.turns] == [
        ("Noor Bakker", "Good morning."), ("Sam", "Hello."),
    ]  # fmt: skip


def test_notes_styles_and_cues_without_numbers_after_each_other(tmp_path):
    got = turns(tmp_path, (
        "WEBVTT - made here\n\nNOTE\nnot said\n\nSTYLE\n::cue { color: red }\n\n"
        "00:01.000 --> 00:02.000\none\n00:03.000 --> 00:04.000\ntwo\n"
    ))  # fmt: skip
    assert [t.text for t in got.turns] == ["one", "two"]
