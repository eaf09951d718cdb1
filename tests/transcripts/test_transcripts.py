"""Every reader on a fixture of its platform's format, round trips, and hostile input."""

import json
import math
from pathlib import Path

import pytest

from prosody.errors import TranscriptError
from prosody.transcripts import read
from prosody.transcripts.document import align, fill, parse_time, role_of
from prosody.transcripts.turns import Word


def write(tmp_path, name, content):
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


VTT = """WEBVTT - call 12

NOTE exported by us

1
00:00:01.000 --> 00:00:02.500 align:start
<v Agent Sanne>Goedemiddag &amp; welkom</v>

00:02.600 --> 00:04.000
<v Klant>ik wacht <i>al</i> een uur</v>

00:04.000 --> 00:06.000
<v Agent Sanne><00:04.200>het <00:04.400>spijt <00:04.900>me
"""


def test_webvtt_has_voices_tags_entities_and_word_times(tmp_path):
    t = read(write(tmp_path, "x.txt", VTT))
    assert t.source == "WebVTT"
    assert [(u.role, u.text) for u in t.turns] == [
        ("agent", "Goedemiddag & welkom"),
        ("customer", "ik wacht al een uur"),
        ("agent", "het spijt me"),
    ]
    assert t.turns[1].start_s == 2.6
    assert [w.start_s for w in t.turns[2].words] == [4.2, 4.4, 4.9]
    assert not t.turns[0].has_word_times
    assert t.turns[2].has_word_times


def test_srt_with_labels_in_the_text(tmp_path):
    srt = (
        "1\n00:00:01,000 --> 00:00:02,000\n[SPEAKER_00]: Hello there\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\n[SPEAKER_01]: Time: that is 12:30\n"
    )
    t = read(write(tmp_path, "x.vtt", srt))
    assert t.source == "SRT"
    assert [(u.speaker, u.text) for u in t.turns] == [
        ("SPEAKER_00", "Hello there"),
        ("SPEAKER_01", "Time: that is 12:30"),
    ]
    assert any("do not say who is the agent" in a for a in t.assumptions)


def test_a_colon_in_ordinary_text_is_no_speaker(tmp_path):
    srt = "1\n00:00:01,000 --> 00:00:02,000\nLuister: het spijt me\n"
    assert read(write(tmp_path, "x.srt", srt)).turns[0].text == "Luister: het spijt me"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("WEBVTT\n\n00:01.000 --> nonsense\nhi\n", r"x: line 3: found 'nonsense', expected a time"),
        ("WEBVTT\n\n00:05.000 --> 00:01.000\nhi\n", "an end .1 s. before the start"),
        ("WEBVTT\n\nhello\nthere\n", "line 3.*expected a line 'start --> end'"),
        ("1\n00:00:01,000 --> 99999:00:01,000\nhi\n", "expected a time"),
        ("", "nothing in it"),
        ("hello there", "expected one of"),
        ('{"segments": [', "expected JSON"),
        ("[" * 100_000, "nested very deeply|expected JSON"),
        ('[{"speaker_role": "agent", "offset_ms": "soon"}]', r"segments\[0\].offset_ms"),
        ('[{"speaker_role": "agent", "offset_ms": -9e9}]', "expected a time from 0"),
        ('[{"speaker_role": "agent", "offset_ms": NaN}]', "expected a time"),
        ('[{"speaker_role": "agent", "offset_ms": 1e400}]', "expected a time"),
        ("start_s,end_s,role,text\n1.0,x,agent,hi\n", "line 2, end: found 'x', expected a time"),
        ("start_s,end_s,role,text\n1.0\n", "line 2: found"),
        ("start_s,end_s,channel,text\n1,2,middle,hi\n", "line 2, channel"),
    ],
)
def test_malformed_input_names_file_place_and_expectation(tmp_path, text, match):
    with pytest.raises(TranscriptError, match=match):
        read(write(tmp_path, "x", text))


def test_binary_is_refused(tmp_path):
    (tmp_path / "x.srt").write_bytes(b"RIFF\x00\x00\x00\xffWAVE")
    with pytest.raises(TranscriptError, match=r"binary data|NUL"):
        read(tmp_path / "x.srt")


def test_csv_in_our_own_columns(tmp_path):
    t = read(write(tmp_path, "x.csv", 'start_s,end_s,role,text\n1.5,2.5,agent,"sorry, meneer"\n'))
    (turn,) = t.turns
    assert (turn.start_s, turn.end_s, turn.role, turn.text) == (1.5, 2.5, "agent", "sorry, meneer")


def test_csv_of_a_dutch_excel(tmp_path):
    (tmp_path / "x.csv").write_bytes(
        "start_s;end_s;rol;tekst\n1,5;2,5;Medewerker;één uur\n".encode("cp1252")
    )
    t = read(tmp_path / "x.csv")
    assert (t.turns[0].start_s, t.turns[0].role, t.turns[0].text) == (1.5, "agent", "één uur")
    assert any("Windows-1252" in a for a in t.assumptions)


def test_tsv_of_whisper_is_in_milliseconds(tmp_path):
    t = read(write(tmp_path, "x.tsv", 'start\tend\ttext\n1500\t2500\tit is "fine\n'))
    assert (t.turns[0].start_s, t.turns[0].end_s) == (1.5, 2.5)
    assert t.turns[0].text == 'it is "fine'
    assert any("milliseconds" in a for a in t.assumptions)


WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 2.0,
            "text": " I waited 12 minutes",
            "speaker": "SPEAKER_01",
            "words": [
                {"word": "I", "start": 0.5, "end": 0.6, "score": 0.9},
                {"word": "waited", "start": 0.7, "end": 1.0, "score": 0.9},
                {"word": "12"},
                {"word": "minutes", "start": 1.5, "end": 2.0, "score": 0.9},
            ],
        }
    ],
    "word_segments": [],
    "language": "en",
}


def test_whisperx_words_without_times_get_their_neighbours(tmp_path):
    t = read(write(tmp_path, "x.json", WHISPERX))
    assert t.source == "WhisperX JSON"
    assert t.language == "en"
    assert t.turns[0].words[2].start_s == pytest.approx(1.1, abs=0.2)
    assert any("words around them" in a for a in t.assumptions)


def test_openai_whisper_with_nan_in_a_field_we_do_not_read(tmp_path):
    text = (
        '{"text": " Sorry.", "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": 1.0, '
        '"text": " Sorry.", "avg_logprob": NaN}], "language": "en"}'
    )
    t = read(write(tmp_path, "x.json", text))
    assert t.turns[0].text == "Sorry."
    assert t.source == "Whisper JSON"


def test_faster_whisper_dumped_with_info(tmp_path):
    data = {
        "info": {"language": "nl", "duration": 3.0},
        "segments": [
            {
                "id": 1,
                "start": 0.0,
                "end": 1.2,
                "text": " Het spijt me.",
                "words": [
                    {"start": 0.0, "end": 0.3, "word": " Het", "probability": 0.9},
                    {"start": 0.3, "end": 0.8, "word": " spijt", "probability": 0.9},
                    {"start": 0.8, "end": 1.2, "word": " me.", "probability": 0.9},
                ],
            }
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert (t.source, t.language) == ("faster-whisper JSON", "nl")
    assert [w.text for w in t.turns[0].words] == ["Het", "spijt", "me."]


def test_whisper_cpp_joins_tokens_to_words(tmp_path):
    data = {
        "systeminfo": "",
        "params": {"language": "en"},
        "result": {"language": "en"},
        "transcription": [
            {
                "timestamps": {"from": "00:00:00,000", "to": "00:00:02,000"},
                "offsets": {"from": 0, "to": 2000},
                "text": " I apologize.",
                "tokens": [
                    {"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}},
                    {"text": " I", "offsets": {"from": 0, "to": 200}},
                    {"text": " apolog", "offsets": {"from": 200, "to": 900}},
                    {"text": "ize", "offsets": {"from": 900, "to": 1500}},
                    {"text": ".", "offsets": {"from": 1500, "to": 2000}},
                ],
            }
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.source == "whisper.cpp JSON"
    assert [(w.text, w.start_s, w.end_s) for w in t.turns[0].words] == [
        ("I", 0.0, 0.2),
        ("apologize.", 0.2, 2.0),
    ]


HARPER = Path(__file__).resolve().parents[2] / "../shared/data/harpervalley/transcript"


def test_harpervalley_gives_the_start_of_the_agents_track(tmp_path):
    item = {
        "speaker_role": "agent",
        "offset_ms": 5000,
        "start_ms": 2950,
        "duration_ms": 1000,
        "transcript": "hello you",
        "human_transcript": "hello to you",
        "word_offsets_ms": [0, 600],
        "word_durations_ms": [400, 400],
    }
    t = read(write(tmp_path, "x.json", [item]))
    assert t.track_start_s == {"agent": 2.05}
    assert t.turns[0].start_s == 5.0
    assert [w.text for w in t.turns[0].words] == ["hello", "to", "you"]
    assert t.turns[0].words[2].start_s == pytest.approx(5.6)


@pytest.mark.data
@pytest.mark.skipif(not HARPER.is_dir(), reason="../shared/data/harpervalley is not here")
def test_harpervalley_calls_have_words_and_roles():
    for path in sorted(HARPER.glob("*.json")):
        t = read(path)
        assert {u.role for u in t.turns} == {"agent", "customer"}
        assert all(u.has_word_times for u in t.turns)


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("AGENT", "agent"),
        ("Agent (Sanne)", "agent"),
        ("customer service rep", "agent"),
        ("END_USER", "customer"),
        ("caller", "customer"),
        ("internal", "agent"),
        ("Klant", "customer"),
        ("spk_0", "unknown"),
        ("ch_1", "unknown"),
        ("agent or customer", "unknown"),
        ("", "unknown"),
    ],
)
def test_roles_of_labels(label, role):
    assert role_of(label) == role


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("1.500s", 1.5),
        ("900ms", 0.9),
        ("00:01:02,500", 62.5),
        ("1:02.5", 62.5),
        ("PT1M2.5S", 62.5),
        ("PT0.04S", 0.04),
    ],
)
def test_times_in_all_their_spellings(text, seconds):
    assert parse_time(text) == pytest.approx(seconds)


def test_align_copies_and_shares_out():
    timed = [Word("a", 0, 1), Word("b", 1, 2), Word("c", 2, 3)]
    assert [w.start_s for w in align("A, b x c.", timed)] == pytest.approx([0, 1, 1.5, 2], abs=0.51)
    assert align("", timed) == ()


def test_fill_never_leaves_nan():
    words = [Word("a", math.nan, math.nan), Word("b", 1.0, 2.0), Word("c", math.nan, math.nan)]
    assert all(math.isfinite(w.start_s) and math.isfinite(w.end_s) for w in fill(words, 0.0, 4.0))
