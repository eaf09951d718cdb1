"""Amazon Transcribe, Transcribe Call Analytics and Contact Lens JSON."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Turn, Word

_TIMES, _OFFSETS = ("start_time", "end_time"), ("BeginOffsetMillis", "EndOffsetMillis")


def _is_transcribe(document: Document) -> bool:
    data = document.json
    results = data.get("results") if isinstance(data, dict) else None
    return isinstance(results, dict) and (
        {"transcripts", "items"} <= results.keys()
        or {"transcripts", "audio_segments"} <= results.keys()
    )


def _channel(label: str) -> int | None:
    match = re.fullmatch(r"ch_(\d{1,2})", label)
    return int(match[1]) if match else None


def _speakers(document: Document, results: dict[str, Any]) -> dict[str, str]:
    """Return start time (as written) -> speaker, from the older separate list of labels."""
    out: dict[str, str] = {}
    labels = document.maybe(results, "speaker_labels", dict, "results") or {}
    for place, segment in document.items(labels, "segments", "results.speaker_labels"):
        for _, item in document.items(segment, "items", place):
            speaker = item.get("speaker_label", segment.get("speaker_label"))
            if isinstance(speaker, str):
                out[str(item.get("start_time"))] = speaker
    return out


def _parse_transcribe(document: Document) -> Transcript:
    data = document.json
    results = document.get(data, "results", dict, "")
    by_start = _speakers(document, results)
    spoken: list[Spoken] = []

    def heard(place: str, item: dict[str, Any]) -> list[Spoken]:
        choices = document.items(item, "alternatives", place)
        if not choices:
            raise document.bad(f"{place}.alternatives", "nothing", "at least one alternative")
        text = document.get(choices[0][1], "content", str, choices[0][0])
        channel = document.maybe(item, "channel_label", str, place) or ""
        if item.get("type") == "punctuation":
            if spoken and _channel(channel) == spoken[-1].channel:
                spoken[-1] = replace(spoken[-1], word=_ended(spoken[-1].word, text))
            return []
        speaker = document.maybe(item, "speaker_label", str, place)
        speaker = speaker or by_start.get(str(item.get("start_time")), "") or channel
        word = Word(text, *document.times(item, place, _TIMES))
        spoken.append(Spoken(word, place, speaker, _channel(channel)))
        return spoken[-1:]

    document.each(document.items(results, "items", "results"), heard)
    turns = join(document, spoken)
    if not spoken:
        segments = document.items(results, "audio_segments", "results")
        turns = document.each(segments, partial(_segment, document))
    return document.finish(
        turns,
        "Amazon Transcribe JSON",
        language=document.maybe(results, "language_code", str, "results"),
    )


def _ended(word: Word, by: str) -> Word:
    """Return a word with the punctuation that follows it."""
    return Word(word.text + by, word.start_s, word.end_s)


def _segment(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    channel = document.maybe(item, "channel_label", str, place) or ""
    return [
        document.turn(
            place,
            *document.times(item, place, _TIMES),
            document.get(item, "transcript", str, place),
            speaker=document.maybe(item, "speaker_label", str, place) or channel,
            channel=_channel(channel),
        )
    ]


def _analytics_turns(document: Document) -> list[tuple[str, dict[str, Any]]] | None:
    data = document.json
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("Transcript"), list):
        return document.items(data, "Transcript")
    if isinstance(data.get("Segments"), list):  # Contact Lens in real time
        return [
            (f"{place}.Transcript", item["Transcript"])
            for place, item in document.items(data, "Segments")
            if isinstance(item.get("Transcript"), dict)
        ]
    return None


def _is_analytics(document: Document) -> bool:
    data = document.json
    if not isinstance(data, dict):
        return False
    found = data.get("Transcript", data.get("Segments"))
    if isinstance(found, list) and listed(found, "Transcript"):
        found = [one.get("Transcript") for one in found if isinstance(one, dict)]
    return listed(found, "BeginOffsetMillis", "Content")


def _analytics_turn(
    document: Document, roles: dict[str, str], place: str, item: dict[str, Any]
) -> list[Turn]:
    words: list[Word] = []

    def heard(at: str, piece: dict[str, Any]) -> list[Word]:
        text = document.get(piece, "Content", str, at)
        if piece.get("Type") != "punctuation":
            words.append(Word(text, *document.times(piece, at, _OFFSETS, per_s=1000)))
        elif words:
            words[-1] = _ended(words[-1], text)
        return words[-1:]

    document.words(item, "Items", place, heard)
    text = document.get(item, "Content", str, place)
    name = document.maybe(item, "ParticipantId", str, place) or ""
    role = document.maybe(item, "ParticipantRole", str, place) or roles.get(name, "")
    return [
        document.turn(
            place,
            *document.times(item, place, _OFFSETS, per_s=1000),
            text,
            speaker=role or name,
            words=align(" ".join(text.split()), words),
        )
    ]


def _parse_analytics(document: Document) -> Transcript:
    data = document.json
    roles: dict[str, str] = {}
    for place, person in document.items(data, "Participants"):
        name = document.maybe(person, "ParticipantId", str, place)
        if name:
            roles[name] = document.maybe(person, "ParticipantRole", str, place) or ""
    made = partial(_analytics_turn, document, roles)
    turns = document.each(_analytics_turns(document) or [], made)
    return document.finish(
        turns,
        "Amazon Call Analytics or Contact Lens JSON",
        language=document.maybe(data, "LanguageCode", str, ""),
    )


READERS = [
    Reader("Amazon Call Analytics or Contact Lens JSON", _is_analytics, _parse_analytics),
    Reader("Amazon Transcribe JSON", _is_transcribe, _parse_transcribe),
]
