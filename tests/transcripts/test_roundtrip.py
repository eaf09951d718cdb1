"""Turns written in each format are read back; damaged files never give anything but our error."""

import csv
import io
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prosody.errors import TranscriptError
from prosody.transcripts import read
from prosody.transcripts.document import clean
from prosody.transcripts.turns import Turn, Word

WORD = st.text(
    st.characters(categories=("Ll", "Lu"), max_codepoint=0x24F), min_size=1, max_size=8
).filter(lambda w: clean(w) == w and not w.lower().startswith(("sil", "sp", "xx")))


@st.composite
def calls(draw):
    """Turns of two speakers with word times in whole hundredths; overlaps allowed."""
    turns = []
    for index in range(draw(st.integers(1, 5))):
        role = draw(st.sampled_from(["agent", "customer"]))
        at = draw(st.integers(0, 30_000)) + index * 31_000
        words = []
        for text in draw(st.lists(WORD, min_size=1, max_size=6)):
            length = draw(st.integers(5, 60))
            words.append(Word(text, at / 100, (at + length) / 100))
            at += length + draw(st.integers(0, 20))
        text = " ".join(w.text for w in words)
        turns.append(Turn(words[0].start_s, words[-1].end_s, text, role, tuple(words)))
    return sorted(turns, key=lambda t: (t.start_s, t.end_s))


def clock(seconds, mark="."):
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"


def ms(seconds):
    return round(seconds * 1000)


def vtt(turns):
    cues = [
        f"{clock(t.start_s)} --> {clock(t.end_s)}\n<v {t.role}>"
        + " ".join(f"<{clock(w.start_s)}>{w.text}" for w in t.words)
        for t in turns
    ]
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"


def srt(turns):
    return "\n\n".join(
        f"{i}\n{clock(t.start_s, ',')} --> {clock(t.end_s, ',')}\n{t.role}: {t.text}"
        for i, t in enumerate(turns, 1)
    )


def table(turns, mark=","):
    out = io.StringIO()
    rows = csv.writer(out, delimiter=mark)
    rows.writerow(["start_s", "end_s", "role", "text"])
    rows.writerows([t.start_s, t.end_s, t.role, t.text] for t in turns)
    return out.getvalue()


def grid(turns):
    lines = ['"ooTextFile"', '"TextGrid"', "0", "9999", "<exists>", "2"]
    for role in ("agent", "customer"):
        own = [w for t in turns if t.role == role for w in t.words]
        lines += ['"IntervalTier"', f'"{role} words"', "0", "9999", str(len(own))]
        for w in own:
            lines += [f"{w.start_s:.3f}", f"{w.end_s:.3f}", f'"{w.text}"']
    return "\n".join(lines)


def ctm(turns):
    side = {"agent": "A", "customer": "B"}
    words = [(w, side[t.role]) for t in turns for w in t.words]
    words.sort(key=lambda p: p[0].start_s)
    return "\n".join(
        f"call {s} {w.start_s:.2f} {w.end_s - w.start_s:.2f} {w.text}" for w, s in words
    )


def whisper(turns):
    return {
        "text": "",
        "language": "nl",
        "segments": [
            {
                "id": i,
                "start": t.start_s,
                "end": t.end_s,
                "text": " " + t.text,
                "speaker": t.role,
                "words": [
                    {"word": " " + w.text, "start": w.start_s, "end": w.end_s} for w in t.words
                ],
            }
            for i, t in enumerate(turns)
        ],
    }


def whisperx(turns):
    return {**whisper(turns), "word_segments": []}


def faster(turns):
    return {"info": {"language": "nl"}, "segments": whisper(turns)["segments"]}


def cpp(turns):
    def span(x):
        return {"from": ms(x.start_s), "to": ms(x.end_s)}

    return {
        "result": {"language": "nl"},
        "transcription": [
            {
                "offsets": span(t),
                "text": " " + t.text,
                "tokens": [{"text": " " + w.text, "offsets": span(w)} for w in t.words],
            }
            for t in turns
        ],
    }


def analytics(turns):
    def span(x):
        return {"BeginOffsetMillis": ms(x.start_s), "EndOffsetMillis": ms(x.end_s)}

    return {
        "Transcript": [
            {
                **span(t),
                "Content": t.text,
                "ParticipantRole": t.role.upper(),
                "Items": [{"Type": "pronunciation", "Content": w.text, **span(w)} for w in t.words],
            }
            for t in turns
        ]
    }


def transcribe(turns):
    return {
        "results": {
            "transcripts": [],
            "items": [
                {
                    "type": "pronunciation",
                    "start_time": f"{w.start_s:.3f}",
                    "end_time": f"{w.end_s:.3f}",
                    "speaker_label": t.role,
                    "alternatives": [{"content": w.text}],
                }
                for t in turns
                for w in t.words
            ],
        }
    }


def google(turns):
    tag = {"agent": 1, "customer": 2}
    return {
        "results": [
            {
                "channelTag": tag[t.role],
                "alternatives": [
                    {
                        "transcript": t.text,
                        "words": [
                            {
                                "startTime": f"{w.start_s:.3f}s",
                                "endTime": f"{w.end_s:.3f}s",
                                "word": w.text,
                            }
                            for w in t.words
                        ],
                    }
                ],
            }
            for t in turns
        ]
    }


def insights(turns):
    role = {"agent": "HUMAN_AGENT", "customer": "END_USER"}
    return {
        "transcript": {
            "transcriptSegments": [
                {
                    "text": t.text,
                    "segmentParticipant": {"role": role[t.role]},
                    "words": [
                        {
                            "startOffset": f"{w.start_s:.3f}s",
                            "endOffset": f"{w.end_s:.3f}s",
                            "word": w.text,
                        }
                        for w in t.words
                    ],
                }
                for t in turns
            ]
        }
    }


def azure(turns):
    def span(x):
        ticks = round(x.start_s * 1e7)
        return {"offsetInTicks": ticks, "duration": f"PT{x.end_s - x.start_s:.3f}S"}

    return {
        "recognizedPhrases": [
            {
                "recognitionStatus": "Success",
                "speaker": t.role,
                **span(t),
                "nBest": [
                    {"display": t.text, "words": [{"word": w.text, **span(w)} for w in t.words]}
                ],
            }
            for t in turns
        ]
    }


def deepgram(turns):
    return {
        "results": {
            "channels": [{"alternatives": []}],
            "utterances": [
                {
                    "start": t.start_s,
                    "end": t.end_s,
                    "speaker": t.role,
                    "transcript": t.text,
                    "words": [
                        {"word": w.text, "start": w.start_s, "end": w.end_s} for w in t.words
                    ],
                }
                for t in turns
            ],
        }
    }


def assembly(turns):
    def word(x):
        return {"text": x.text, "start": ms(x.start_s), "end": ms(x.end_s)}

    return {
        "text": "",
        "words": [],
        "utterances": [
            {**word(t), "speaker": t.role, "words": [word(w) for w in t.words]} for t in turns
        ],
    }


def genesys(turns):
    purpose = {"agent": "internal", "customer": "external"}

    def span(x):
        return {
            "startTimeMs": ms(x.start_s),
            "duration": {"milliseconds": ms(x.end_s) - ms(x.start_s)},
        }

    return {
        "transcripts": [
            {
                "phrases": [
                    {
                        "text": t.text,
                        "participantPurpose": purpose[t.role],
                        **span(t),
                        "words": [{"word": w.text, **span(w)} for w in t.words],
                    }
                    for t in turns
                ]
            }
        ]
    }


def harper(turns):
    role = {"agent": "agent", "customer": "caller"}
    return [
        {
            "speaker_role": role[t.role],
            "offset_ms": ms(t.start_s),
            "start_ms": ms(t.start_s),
            "duration_ms": ms(t.end_s) - ms(t.start_s),
            "transcript": t.text,
            "human_transcript": t.text,
            "word_offsets_ms": [ms(w.start_s) - ms(t.start_s) for w in t.words],
            "word_durations_ms": [ms(w.end_s) - ms(w.start_s) for w in t.words],
        }
        for t in turns
    ]


# writer -> what the format keeps: roles, turns as they were, word times
FORMATS = {
    "WebVTT": (vtt, "roles turns words starts"),
    "SRT": (srt, "roles turns"),
    "CSV": (table, "roles turns"),
    "TSV": (lambda t: table(t, "\t"), "roles turns"),
    "Praat TextGrid": (grid, "roles words"),
    "CTM": (ctm, "words"),
    "Whisper JSON": (whisper, "roles turns words"),
    "WhisperX JSON": (whisperx, "roles turns words"),
    "faster-whisper JSON": (faster, "roles turns words"),
    "whisper.cpp JSON": (cpp, "turns words"),
    "Amazon Call Analytics or Contact Lens JSON": (analytics, "roles turns words"),
    "Amazon Transcribe JSON": (transcribe, "roles words"),
    "Google Speech-to-Text JSON": (google, "turns words"),
    "Google CCAI Insights JSON": (insights, "roles turns words"),
    "Azure batch transcription JSON": (azure, "roles turns words"),
    "Deepgram JSON": (deepgram, "roles turns words"),
    "AssemblyAI JSON": (assembly, "roles turns words"),
    "Genesys Cloud transcript JSON": (genesys, "roles turns words"),
    "HarperValley JSON": (harper, "roles turns words"),
}


def written(content):
    return content if isinstance(content, str) else json.dumps(content)


@pytest.mark.parametrize("name", FORMATS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=calls())
def test_what_was_written_is_read(tmp_path, name, turns):
    write, keeps = FORMATS[name]
    path = tmp_path / "call.any"
    path.write_text(written(write(turns)), encoding="utf-8")
    back = read(path)
    assert back.source == name
    spoken = sorted((w.start_s, w.end_s, w.text) for t in turns for w in t.words)
    if "words" in keeps:
        got = sorted((w.start_s, w.end_s, w.text) for t in back.turns for w in t.words)
        assert [w for *_, w in got] == [w for *_, w in spoken]
        for (start, end, _), (want_start, want_end, _) in zip(got, spoken, strict=True):
            assert start == pytest.approx(want_start, abs=2e-3)
            if "starts" not in keeps:  # a cue's inner stamps say only where words begin
                assert end == pytest.approx(want_end, abs=2e-3)
    if "turns" in keeps:
        assert [t.text for t in back.turns] == [t.text for t in turns]
        for got_turn, turn in zip(back.turns, turns, strict=True):
            assert got_turn.start_s == pytest.approx(turn.start_s, abs=2e-3)
            assert got_turn.end_s == pytest.approx(turn.end_s, abs=2e-3)
    if "roles" in keeps:
        want = {r: " ".join(t.text for t in turns if t.role == r) for r in ("agent", "customer")}
        have = {
            r: " ".join(t.text for t in back.turns if t.role == r) for r in ("agent", "customer")
        }
        assert sorted(have["agent"].split()) == sorted(want["agent"].split())
        assert sorted(have["customer"].split()) == sorted(want["customer"].split())


HOSTILE = [
    None, True, -5, -1e9, 1e308, math.inf, math.nan, 10**400, "", "x", "NaN", "PT", "1e9s",
    "=1+1", "<v >", [], {}, [[]], [None], {"seconds": "x"}, "a" * 10_000, "\ud800",
]  # fmt: skip


def outcome(path):
    """Return the transcript or our error; any other exception fails the test."""
    try:
        return read(path), None
    except TranscriptError as error:
        return None, error


def places(data, path=()):
    """Yield the path of every value inside of JSON data."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("name", [n for n in FORMATS if n.endswith("JSON")])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=calls(), data=st.data())
def test_a_hostile_value_gives_turns_or_our_error(tmp_path, name, turns, data):
    content = FORMATS[name][0](turns)
    spot = data.draw(st.sampled_from(list(places(content))))
    holder = content
    for key in spot[:-1]:
        holder = holder[key]
    holder[spot[-1]] = data.draw(st.sampled_from(HOSTILE))
    path = tmp_path / "call.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    back, error = outcome(path)
    if back is None:
        assert str(path) in error.message
        assert "found" in error.message
        return
    for turn in back.turns:
        times = [turn.start_s, turn.end_s, *(t for w in turn.words for t in (w.start_s, w.end_s))]
        assert all(math.isnan(t) or 0 <= t < 1e7 for t in times)
        assert all(math.isfinite(t) for t in times[2:])


def four_turns():
    """Four turns of four words, a second apart."""
    turns = []
    for i, role in enumerate(["agent", "customer"] * 2):
        at = [10.0 * i + 0.5 * k for k in range(4)]
        words = tuple(Word(f"w{'abcd'[i]}{'efgh'[k]}", at[k], at[k] + 0.4) for k in range(4))
        text = " ".join(w.text for w in words)
        turns.append(Turn(words[0].start_s, words[-1].end_s, text, role, words))
    return turns


def odd_entries(content):
    """Yield (holder, key) of every entry of lists of three and more, and all that is in one."""
    for spot in places(content):
        holders, inside = [content], content
        for key in spot[:-1]:
            inside = inside[key]
            holders.append(inside)
        if any(isinstance(h, list) and len(h) > 2 for h in holders):
            yield inside, spot[-1]


@pytest.mark.parametrize("name", [n for n in FORMATS if n.endswith("JSON")])
@pytest.mark.parametrize("odd", [5, "soon"])
def test_one_odd_entry_costs_no_more_than_its_turn(tmp_path, name, odd):
    """The rest is read, and what was passed over or left out is noted."""
    path = tmp_path / "call.json"
    content = FORMATS[name][0](four_turns())
    path.write_text(json.dumps(content), encoding="utf-8")
    whole = read(path)
    said = [t.text for t in whole.turns]
    seen = 0
    for holder, key in list(odd_entries(content)):
        own, holder[key] = holder[key], odd
        path.write_text(json.dumps(content), encoding="utf-8")
        back, error = outcome(path)
        assert error is None, (key, own, error)
        assert len(set(said) - {t.text for t in back.turns}) <= 1
        if isinstance(own, dict) and isinstance(holder, list):
            assert any("passed over" in a or "cannot be read" in a for a in back.assumptions)
            seen += 1
        holder[key] = own
    assert seen > 3


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=calls(), data=st.data())
def test_a_cut_or_spoilt_file_gives_turns_or_our_error(tmp_path, turns, data):
    name = data.draw(st.sampled_from(sorted(FORMATS)))
    text = written(FORMATS[name][0](turns))
    at = data.draw(st.integers(0, len(text)))
    spoil = data.draw(st.sampled_from(["", "\x00", "-->", '"', "\n\n", "9" * 50, "<", "\t", ",,"]))
    keep = data.draw(st.booleans())
    path = tmp_path / "call.txt"
    path.write_text(text[:at] + spoil + (text[at:] if keep else ""), encoding="utf-8")
    back, error = outcome(path)
    assert back is not None or str(path) in error.message
