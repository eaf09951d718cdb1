"""Amazon Transcribe, Transcribe Call Analytics and Contact Lens JSON."""

from __future__ import annotations

import re
from typing import Any

from prosody.transcripts.document import Document, align
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.reader import Reader
from prosody.transcripts.turns import Transcript, Turn, Word


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
    for place, item in document.items(results, "items", "results"):
        choices = document.items(item, "alternatives", place)
        if not choices:
            raise document.bad(f"{place}.alternatives", "nothing", "at least one alternative")
        text = document.get(choices[0][1], "content", str, choices[0][0])
        channel = document.maybe(item, "channel_label", str, place) or ""
        if item.get("type") == "punctuation":
            if spoken and _channel(channel) == spoken[-1].channel:
                last = spoken[-1]
                word = Word(last.word.text + text, last.word.start_s, last.word.end_s)
                spoken[-1] = Spoken(word, last.place, last.speaker, last.channel)
            continue
        speaker = document.maybe(item, "speaker_label", str, place)
        spoken.append(
            Spoken(
                Word(
                    text,
                    document.time(item.get("start_time"), f"{place}.start_time"),
                    document.time(item.get("end_time"), f"{place}.end_time"),
                ),
                place,
                speaker or by_start.get(str(item.get("start_time")), "") or channel,
                _channel(channel),
            )
        )
    turns = join(document, spoken)
    if not spoken:
        turns = [
            _segment(document, p, s)
            for p, s in document.items(results, "audio_segments", "results")
        ]
    return document.finish(
        turns,
        "Amazon Transcribe JSON",
        language=document.maybe(results, "language_code", str, "results"),
    )


def _segment(document: Document, place: str, item: dict[str, Any]) -> Turn:
    channel = document.maybe(item, "channel_label", str, place) or ""
    return document.turn(
        place,
        document.time(item.get("start_time"), f"{place}.start_time"),
        document.time(item.get("end_time"), f"{place}.end_time"),
        document.get(item, "transcript", str, place),
        speaker=document.maybe(item, "speaker_label", str, place) or channel,
        channel=_channel(channel),
    )


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
    listed = data.get("Transcript", data.get("Segments"))
    first = listed[0] if isinstance(listed, list) and listed else None
    if isinstance(first, dict) and isinstance(first.get("Transcript"), dict):
        first = first["Transcript"]
    return isinstance(first, dict) and {"BeginOffsetMillis", "Content"} <= first.keys()


def _parse_analytics(document: Document) -> Transcript:
    data = document.json
    roles: dict[str, str] = {}
    for place, person in document.items(data, "Participants"):
        name = document.maybe(person, "ParticipantId", str, place)
        if name:
            roles[name] = document.maybe(person, "ParticipantRole", str, place) or ""
    turns: list[Turn] = []
    for place, item in _analytics_turns(document) or []:
        words: list[Word] = []
        for at, piece in document.items(item, "Items", place):
            text = document.get(piece, "Content", str, at)
            if piece.get("Type") == "punctuation":
                if words:
                    words[-1] = Word(words[-1].text + text, words[-1].start_s, words[-1].end_s)
                continue
            words.append(
                Word(
                    text,
                    document.time(
                        piece.get("BeginOffsetMillis"), f"{at}.BeginOffsetMillis", per_s=1000
                    ),
                    document.time(
                        piece.get("EndOffsetMillis"), f"{at}.EndOffsetMillis", per_s=1000
                    ),
                )
            )
        text = document.get(item, "Content", str, place)
        name = document.maybe(item, "ParticipantId", str, place) or ""
        turns.append(
            document.turn(
                place,
                document.time(
                    item.get("BeginOffsetMillis"), f"{place}.BeginOffsetMillis", per_s=1000
                ),
                document.time(item.get("EndOffsetMillis"), f"{place}.EndOffsetMillis", per_s=1000),
                text,
                speaker=document.maybe(item, "ParticipantRole", str, place)
                or roles.get(name, "")
                or name,
                words=align(" ".join(text.split()), words),
            )
        )
    return document.finish(
        turns,
        "Amazon Call Analytics or Contact Lens JSON",
        language=document.maybe(data, "LanguageCode", str, ""),
    )


READERS = [
    Reader("Amazon Call Analytics or Contact Lens JSON", _is_analytics, _parse_analytics),
    Reader("Amazon Transcribe JSON", _is_transcribe, _parse_transcribe),
]
