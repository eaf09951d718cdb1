"""The platforms' own JSON, and files of researchers: a fixture each, after their documentation."""

import json

import pytest

from prosody.errors import TranscriptError
from prosody.transcripts import read


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def said(transcript):
    return [(t.role, t.speaker, t.channel, t.text) for t in transcript.turns]


def pronounced(text, start, end, **more):
    return {
        "type": "pronunciation",
        "start_time": start,
        "end_time": end,
        "alternatives": [{"confidence": "0.99", "content": text}],
        **more,
    }


def test_amazon_transcribe_with_speakers(tmp_path):
    data = {
        "jobName": "job",
        "accountId": "1",
        "status": "COMPLETED",
        "results": {
            "transcripts": [{"transcript": "I'm sorry. Okay."}],
            "speaker_labels": {
                "speakers": 2,
                "segments": [
                    {
                        "start_time": "0.0",
                        "end_time": "0.9",
                        "speaker_label": "spk_0",
                        "items": [
                            {"start_time": "0.0", "end_time": "0.3", "speaker_label": "spk_0"},
                            {"start_time": "0.3", "end_time": "0.9", "speaker_label": "spk_0"},
                        ],
                    },
                    {
                        "start_time": "1.0",
                        "end_time": "1.4",
                        "speaker_label": "spk_1",
                        "items": [{"start_time": "1.0", "speaker_label": "spk_1"}],
                    },
                ],
            },
            "items": [
                pronounced("I'm", "0.0", "0.3"),
                pronounced("sorry", "0.3", "0.9"),
                {"type": "punctuation", "alternatives": [{"content": "."}]},
                pronounced("Okay", "1.0", "1.4"),
                {"type": "punctuation", "alternatives": [{"content": "."}]},
            ],
        },
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.source == "Amazon Transcribe JSON"
    assert said(t) == [
        ("unknown", "spk_0", None, "I'm sorry."),
        ("unknown", "spk_1", None, "Okay."),
    ]
    assert [w.text for w in t.turns[0].words] == ["I'm", "sorry."]
    assert t.turns[0].end_s == 0.9
    assert any("do not say who is the agent" in a for a in t.assumptions)
    assert not any("spk_0" in a for a in t.assumptions)


def test_amazon_transcribe_with_channels(tmp_path):
    items = [
        pronounced("hello", "0.0", "0.5", channel_label="ch_0"),
        pronounced("hi", "0.2", "0.4", channel_label="ch_1"),
        pronounced("there", "0.5", "0.9", channel_label="ch_0"),
    ]
    data = {"results": {"transcripts": [], "items": items, "language_code": "en-US"}}
    t = read(write(tmp_path, "x.json", data))
    assert t.language == "en"
    assert said(t) == [
        ("unknown", "ch_0", 0, "hello there"),
        ("unknown", "ch_1", 1, "hi"),
    ]


CALL_ANALYTICS = {
    "JobStatus": "COMPLETED",
    "LanguageCode": "nl-NL",
    "Participants": [{"ParticipantRole": "AGENT"}, {"ParticipantRole": "CUSTOMER"}],
    "Transcript": [
        {
            "Id": "a",
            "BeginOffsetMillis": 1000,
            "EndOffsetMillis": 2500,
            "Content": "Het spijt me.",
            "ParticipantRole": "AGENT",
            "LoudnessScores": [70.1],
            "Items": [
                {
                    "Type": "pronunciation",
                    "Content": "Het",
                    "BeginOffsetMillis": 1000,
                    "EndOffsetMillis": 1300,
                },
                {
                    "Type": "pronunciation",
                    "Content": "spijt",
                    "BeginOffsetMillis": 1300,
                    "EndOffsetMillis": 2000,
                },
                {
                    "Type": "pronunciation",
                    "Content": "me",
                    "BeginOffsetMillis": 2000,
                    "EndOffsetMillis": 2500,
                },
                {"Type": "punctuation", "Content": "."},
            ],
        }
    ],
}


def test_amazon_call_analytics(tmp_path):
    t = read(write(tmp_path, "x.json", CALL_ANALYTICS))
    assert t.source == "Amazon Call Analytics or Contact Lens JSON"
    assert t.language == "nl"
    assert said(t) == [("agent", "AGENT", None, "Het spijt me.")]
    assert [(w.text, w.start_s) for w in t.turns[0].words] == [
        ("Het", 1.0),
        ("spijt", 1.3),
        ("me.", 2.0),
    ]


def test_contact_lens_names_participants_by_id(tmp_path):
    data = {
        "Version": "1.1.0",
        "Channel": "VOICE",
        "Participants": [
            {"ParticipantId": "p1", "ParticipantRole": "CUSTOMER"},
            {"ParticipantId": "p2", "ParticipantRole": "AGENT"},
        ],
        "Transcript": [
            {"BeginOffsetMillis": 0, "EndOffsetMillis": 900, "Content": "Hi", "ParticipantId": "p1"}
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.turns[0].role == "customer"
    live = {"Segments": [{"Transcript": {**data["Transcript"][0], "ParticipantRole": "AGENT"}}]}
    assert read(write(tmp_path, "y.json", live)).turns[0].role == "agent"


def test_google_speech_with_channels_and_words_at_zero(tmp_path):
    data = {
        "results": [
            {
                "alternatives": [
                    {
                        "transcript": "Hello, there.",
                        "confidence": 0.9,
                        "words": [
                            {"endTime": "0.400s", "word": "Hello,"},
                            {"startTime": "0.400s", "endTime": "0.800s", "word": "there."},
                        ],
                    }
                ],
                "channelTag": 1,
                "resultEndTime": "1.0s",
                "languageCode": "en-us",
            },
            {
                "alternatives": [{"transcript": "Hi."}],
                "channelTag": 2,
                "resultEndTime": "2.5s",
                "languageCode": "en-us",
            },
        ]
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.language == "en"
    assert said(t) == [
        ("unknown", "channel 1", 0, "Hello, there."),
        ("unknown", "channel 2", 1, "Hi."),
    ]
    assert t.turns[0].words[0].start_s == 0.0
    assert (t.turns[1].start_s, t.turns[1].end_s) == (0.0, 2.5)
    assert any("without word times" in a for a in t.assumptions)


def test_google_speech_with_speaker_tags_repeats_nothing(tmp_path):
    def word(text, start, tag):
        return {
            "startTime": f"{start}s",
            "endTime": f"{start + 0.4}s",
            "word": text,
            "speakerTag": tag,
        }

    data = {
        "response": {
            "results": [
                {"alternatives": [{"transcript": "sorry", "words": [word("sorry", 1.0, 0)]}]},
                {
                    "alternatives": [
                        {"words": [word("sorry", 1.0, 1), word("what", 1.5, 1), word("no", 2.0, 2)]}
                    ]
                },
            ]
        }
    }
    t = read(write(tmp_path, "x.json", data))
    assert said(t) == [("unknown", "1", None, "sorry what"), ("unknown", "2", None, "no")]


def test_google_speech_v2_and_protobuf_durations(tmp_path):
    words = [
        {"start_offset": {"seconds": 1, "nanos": 500000000}, "end_offset": "1.9s", "word": "hi"}
    ]
    t = read(
        write(
            tmp_path,
            "x.json",
            {"results": [{"alternatives": [{"transcript": "hi", "words": words}]}]},
        )
    )
    assert t.turns[0].words[0].start_s == 1.5


def test_google_ccai_insights(tmp_path):
    data = {
        "name": "projects/p/locations/l/conversations/c",
        "languageCode": "en-US",
        "callMetadata": {"customerChannel": 1, "agentChannel": 2},
        "transcript": {
            "transcriptSegments": [
                {
                    "text": "Hello?",
                    "channelTag": 1,
                    "words": [{"startOffset": "0.1s", "endOffset": "0.5s", "word": "Hello?"}],
                },
                {
                    "text": "I'm sorry",
                    "channelTag": 2,
                    "segmentParticipant": {"role": "HUMAN_AGENT"},
                    "words": [
                        {"startOffset": "1s", "endOffset": "1.5s", "word": "I'm"},
                        {"startOffset": "1.5s", "endOffset": "2s", "word": "sorry"},
                    ],
                },
                {
                    "text": "Press one",
                    "channelTag": 2,
                    "segmentParticipant": {"role": "AUTOMATED_AGENT"},
                    "words": [
                        {"startOffset": "3s", "endOffset": "3.5s", "word": "Press"},
                        {"startOffset": "3.5s", "endOffset": "4s", "word": "one"},
                    ],
                },
            ]
        },
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.source == "Google CCAI Insights JSON"
    assert [u.role for u in t.turns] == ["customer", "agent", "unknown"]
    assert [u.channel for u in t.turns] == [0, 1, 1]


@pytest.mark.parametrize("origin", [0, 1_700_000_000_000_000])
def test_google_ccai_conversation_data(tmp_path, origin):
    data = {
        "entries": [
            {
                "start_timestamp_usec": origin + 1_000_000,
                "text": "Hello",
                "role": "CUSTOMER",
                "user_id": 1,
            },
            {
                "start_timestamp_usec": origin + 5_000_000,
                "text": "Sorry",
                "role": "AGENT",
                "user_id": 2,
            },
        ]
    }
    t = read(write(tmp_path, "x.json", data))
    first = 0.0 if origin else 1.0
    assert [u.start_s for u in t.turns] == [first, first + 4]
    assert t.turns[0].end_s == first + 4
    assert [u.role for u in t.turns] == ["customer", "agent"]
    assert any("without an end" in a for a in t.assumptions)


def azure_phrase(**more):
    return {
        "recognitionStatus": "Success",
        "channel": 0,
        "speaker": 1,
        "offset": "PT0.07S",
        "duration": "PT1.59S",
        "offsetInTicks": 700000.0,
        "durationInTicks": 15900000.0,
        "locale": "en-US",
        "nBest": [
            {
                "confidence": 0.9,
                "lexical": "sorry about that",
                "display": "Sorry about that.",
                "words": [
                    {"word": "sorry", "offsetInTicks": 700000.0, "durationInTicks": 5000000.0},
                    {"word": "about", "offset": "PT0.6S", "duration": "PT0.4S"},
                    {"word": "that", "offsetMilliseconds": 1000, "durationMilliseconds": 660},
                ],
            }
        ],
        **more,
    }


def test_azure_batch_in_ticks_iso_and_milliseconds(tmp_path):
    data = {
        "source": "https://x",
        "durationInTicks": 1,
        "combinedRecognizedPhrases": [],
        "recognizedPhrases": [
            azure_phrase(),
            {"recognitionStatus": "NoMatch", "channel": 0, "offset": "PT9S", "duration": "PT1S"},
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert said(t) == [("unknown", "1", None, "Sorry about that.")]
    assert [w.start_s for w in t.turns[0].words] == pytest.approx([0.07, 0.6, 1.0])
    assert t.turns[0].words[2].text == "that."
    assert any("passed over" in a for a in t.assumptions)


def test_azure_two_channels(tmp_path):
    data = {"recognizedPhrases": [azure_phrase(), azure_phrase(channel=1, speaker=None)]}
    t = read(write(tmp_path, "x.json", data))
    assert [u.channel for u in t.turns] == [0, 1]
    assert t.turns[1].speaker == "channel 1"


def test_azure_fast_transcription(tmp_path):
    data = {
        "durationMilliseconds": 2000,
        "combinedPhrases": [{"text": "Sorry."}],
        "phrases": [
            {
                "offsetMilliseconds": 80,
                "durationMilliseconds": 900,
                "text": "Sorry.",
                "locale": "nl-NL",
                "words": [
                    {"text": "Sorry.", "offsetMilliseconds": 80, "durationMilliseconds": 900}
                ],
            }
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert (t.source, t.language) == ("Azure fast transcription JSON", "nl")
    assert t.turns[0].end_s == pytest.approx(0.98)


def deepgram_word(text, start, speaker=None):
    word = {"word": text.strip(".,").lower(), "start": start, "end": start + 0.3, "confidence": 1}
    return word | {"punctuated_word": text} | ({} if speaker is None else {"speaker": speaker})


def test_deepgram_with_utterances_of_two_channels(tmp_path):
    data = {
        "metadata": {"channels": 2},
        "results": {
            "channels": [{"alternatives": []}, {"alternatives": [], "detected_language": "nl"}],
            "utterances": [
                {
                    "start": 0.0,
                    "end": 0.3,
                    "channel": 1,
                    "transcript": "Sorry.",
                    "words": [deepgram_word("Sorry.", 0.0)],
                }
            ],
        },
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.language == "nl"
    assert said(t) == [("unknown", "channel 1", 1, "Sorry.")]


def test_deepgram_without_utterances_joins_words_by_speaker_and_pause(tmp_path):
    words = [
        deepgram_word("I'm", 0.0, 0),
        deepgram_word("sorry.", 0.3, 0),
        deepgram_word("Okay.", 0.7, 1),
        deepgram_word("Bye.", 9.0, 1),
    ]
    data = {"results": {"channels": [{"alternatives": [{"transcript": "", "words": words}]}]}}
    t = read(write(tmp_path, "x.json", data))
    assert [(u.speaker, u.text) for u in t.turns] == [
        ("0", "I'm sorry."),
        ("1", "Okay."),
        ("1", "Bye."),
    ]


def test_assemblyai_utterances_in_milliseconds(tmp_path):
    word = {"text": "Sorry.", "start": 250, "end": 650, "confidence": 0.9, "speaker": "A"}
    data = {
        "id": "x",
        "language_code": "en_us",
        "status": "completed",
        "text": "Sorry.",
        "words": [word],
        "utterances": [
            {"speaker": "A", "text": "Sorry.", "start": 250, "end": 650, "words": [word]}
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert (t.source, t.language) == ("AssemblyAI JSON", "en")
    assert said(t) == [("unknown", "A", None, "Sorry.")]
    assert t.turns[0].words[0].end_s == 0.65
    without = {**data, "utterances": None}
    assert said(read(write(tmp_path, "y.json", without))) == said(t)


def test_assemblyai_channels_count_from_one(tmp_path):
    word = {"text": "Hi", "start": 0, "end": 100, "channel": "2", "speaker": "2"}
    data = {"text": "Hi", "words": [word], "utterances": [{**word, "words": [word]}]}
    t = read(write(tmp_path, "x.json", data))
    assert said(t) == [("unknown", "channel 2", 1, "Hi")]


def test_assemblyai_that_failed_says_so(tmp_path):
    data = {"status": "error", "text": None, "words": None, "utterances": None}
    with pytest.raises(TranscriptError, match=r"status: found 'error'"):
        read(write(tmp_path, "x.json", data))


@pytest.mark.parametrize("origin", [0, 1_700_000_000_000])
def test_genesys_cloud(tmp_path, origin):
    data = {
        "conversationId": "c",
        "communicationId": "s",
        "mediaType": "call",
        "startTime": origin,
        "transcripts": [
            {
                "language": "nl-nl",
                "phrases": [
                    {
                        "text": "sorry daarvoor",
                        "decoratedText": "Sorry daarvoor.",
                        "startTimeMs": origin + 1500,
                        "duration": {"milliseconds": 900},
                        "participantPurpose": "internal",
                        "words": [
                            {
                                "word": "sorry",
                                "startTimeMs": origin + 1500,
                                "duration": {"milliseconds": 400},
                            },
                            {
                                "word": "daarvoor",
                                "startTimeMs": origin + 1900,
                                "duration": {"milliseconds": 500},
                            },
                        ],
                    },
                    {
                        "text": "oké",
                        "startTimeMs": origin + 3000,
                        "participantPurpose": "external",
                    },
                ],
            }
        ],
    }
    t = read(write(tmp_path, "x.json", data))
    assert t.language == "nl"
    assert [(u.role, u.text) for u in t.turns] == [
        ("agent", "Sorry daarvoor."),
        ("customer", "oké"),
    ]
    assert t.turns[0].start_s == 1.5
    assert t.turns[0].end_s == pytest.approx(2.4)
    assert [w.text for w in t.turns[0].words] == ["Sorry", "daarvoor."]


LONG_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "agent - words"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1
            text = ""
        intervals [2]:
            xmin = 1
            xmax = 1.5
            text = "I'm"
        intervals [3]:
            xmin = 1.5
            xmax = 2
            text = "sorry"
    item [2]:
        class = "IntervalTier"
        name = "agent - phones"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 4
            text = "ah"
    item [3]:
        class = "IntervalTier"
        name = "klant"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 2.5
            xmax = 4
            text = "hij zei ""ja"" tegen mij"
"""


def test_textgrid_long_form_with_words_and_utterances(tmp_path):
    t = read(write(tmp_path, "x.TextGrid", LONG_GRID))
    assert t.source == "Praat TextGrid"
    assert [(u.role, u.text, u.start_s, u.has_word_times) for u in t.turns] == [
        ("agent", "I'm sorry", 1.0, True),
        ("customer", 'hij zei "ja" tegen mij', 2.5, False),
    ]
    assert any("tiers without words" in a for a in t.assumptions)


def test_textgrid_short_form(tmp_path):
    text = (
        'File type = "ooTextFile"\n"TextGrid"\n\n0\n2\n<exists>\n1\n"IntervalTier"\n"Agent"\n'
        '0\n2\n1\n0.5\n1.5\n"sorry"\n'
    )
    t = read(write(tmp_path, "x.TextGrid", text))
    assert [(u.role, u.start_s, u.end_s) for u in t.turns] == [("agent", 0.5, 1.5)]


def test_textgrid_of_endless_intervals_is_refused(tmp_path):
    with pytest.raises(TranscriptError, match="a whole number"):
        read(write(tmp_path, "x.TextGrid", LONG_GRID.replace("size = 3", "size = " + "9" * 400, 1)))


def test_textgrid_that_ends_early_names_the_place(tmp_path):
    text = LONG_GRID[: LONG_GRID.index('text = "I\'m"')]
    with pytest.raises(TranscriptError, match=r"the end of the file: found .*no more values"):
        read(write(tmp_path, "x.TextGrid", text))


def test_ctm_with_two_channels_and_several_files(tmp_path):
    text = (
        ";; made by us\n"
        "call7 A 0.00 0.40 hello 0.9\ncall7 B 0.20 0.30 hi 0.9\ncall7 A 0.45 0.30 there\n"
        "call7 A 0.80 0.20 <eps>\nother A 1.0 0.2 no\n"
    )
    t = read(write(tmp_path, "call7.ctm", text))
    assert said(t) == [
        ("unknown", "channel A", 0, "hello there"),
        ("unknown", "channel B", 1, "hi"),
    ]
    assert any("only the words of this recording" in a for a in t.assumptions)
    with pytest.raises(TranscriptError, match="the words of one recording"):
        read(write(tmp_path, "unrelated.ctm", text))


def test_ctm_with_a_damaged_line(tmp_path):
    text = "c 1 0.0 0.4 hello\nc 1 0.5 0.4 you\nc 1 zero 0.3 hi\n"
    found = read(write(tmp_path, "x.ctm", text))
    assert [t.text for t in found.turns] == ["hello you"]
    assert any("passed over 1 of" in a and a.endswith("line 3") for a in found.assumptions)


def test_openai_verbose_json_with_words_beside_the_segments(tmp_path):
    words = [
        {"word": w, "start": i * 0.5, "end": i * 0.5 + 0.4} for i, w in enumerate(["a", "b", "c"])
    ]
    data = {
        "task": "transcribe",
        "language": "dutch",
        "duration": 2,
        "text": "A b c.",
        "words": words,
    }
    t = read(write(tmp_path, "x.json", data))
    assert (t.source, t.language) == ("Whisper JSON", "nl")
    assert t.turns[0].text == "a b c"
    with_segments = {**data, "segments": [{"id": 0, "start": 0.0, "end": 2.0, "text": " A b c."}]}
    t = read(write(tmp_path, "y.json", with_segments))
    assert [w.text for w in t.turns[0].words] == ["A", "b", "c."]


def test_speech_sdk_results_one_a_line(tmp_path):
    """Detailed results as the Speech SDK hands them over, written one after the other."""

    def phrase(text, offset_s, length_s, speaker, words):
        return {
            "Id": "a1", "RecognitionStatus": "Success", "DisplayText": text,
            "Offset": round(offset_s * 1e7), "Duration": round(length_s * 1e7), "Channel": 0,
            "SpeakerId": speaker,
            "NBest": [{
                "Confidence": 0.9, "Lexical": text.lower(), "ITN": text, "MaskedITN": text,
                "Display": text,
                "Words": [{"Word": w, "Offset": round(a * 1e7), "Duration": round(d * 1e7)}
                          for w, a, d in words],
            }],
        }  # fmt: skip

    lines = [
        phrase("Good morning.", 1.0, 1.0, "Guest-1", [("good", 1.0, 0.4), ("morning", 1.5, 0.5)]),
        {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 30000000, "Duration": 10000000},
        phrase("I'm sorry.", 5.0, 0.8, "Guest-2", [("i'm", 5.0, 0.3), ("sorry", 5.3, 0.5)]),
    ]
    path = tmp_path / "x.json"
    path.write_text("\n".join(json.dumps(one) for one in lines), encoding="utf-8")
    got = read(path)
    assert got.source == "Azure Speech SDK results"
    assert [(t.start_s, t.speaker, t.text) for t in got.turns] == [
        (1.0, "Guest-1", "Good morning."), (5.0, "Guest-2", "I'm sorry."),
    ]  # fmt: skip
    assert got.turns[1].words[1].start_s == pytest.approx(5.3)
    path.write_text(json.dumps(lines), encoding="utf-8")
    assert read(path).turns == got.turns


def test_genesys_tells_the_agents_of_a_call_that_was_passed_on(tmp_path):
    start = 1_700_000_000_000
    data = {
        "conversationId": "c1",
        "startTime": start,
        "participants": [
            {"participantId": "p0", "participantPurpose": "customer", "startTimeMs": start},
            {"participantId": "p1", "participantPurpose": "agent", "userId": "u1",
             "startTimeMs": start, "endTimeMs": start + 20_000},
            {"participantId": "p2", "participantPurpose": "agent", "userId": "u2",
             "startTimeMs": start + 18_000, "endTimeMs": start + 60_000},
        ],
        "transcripts": [{"language": "en-us", "phrases": [
            {"text": text, "startTimeMs": start + at, "duration": {"milliseconds": 1000},
             "participantPurpose": who}
            for text, at, who in (
                ("good morning", 1000, "internal"), ("hello", 3000, "external"),
                ("I will put you through", 9000, "internal"), ("billing", 25_000, "internal"),
            )
        ]}],
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(data), encoding="utf-8")
    got = read(tmp_path / "x.json")
    assert [(t.speaker, t.role) for t in got.turns] == [
        ("agent 1", "agent"), ("external", "customer"), ("agent 1", "agent"), ("agent 2", "agent"),
    ]  # fmt: skip


def test_whisperx_segments_in_which_two_people_speak_are_parted(tmp_path):
    words = [("sorry", 1.0, "A"), ("about", 1.3, "A"), ("that", 1.6, "A"), ("okay", 2.5, "B")]
    data = {"word_segments": [], "language": "en", "segments": [{
        "start": 1.0, "end": 2.9, "text": "sorry about that okay", "speaker": "A",
        "words": [{"word": w, "start": s, "end": s + 0.3, "speaker": who} for w, s, who in words],
    }]}  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(data), encoding="utf-8")
    assert [(t.speaker, t.text) for t in read(tmp_path / "x.json").turns] == [
        ("A", "sorry about that"), ("B", "okay"),
    ]  # fmt: skip
