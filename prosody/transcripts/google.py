"""Google Speech-to-Text (v1, v2) and CCAI / Customer Experience Insights JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Role, Transcript, Turn, Word


def _any(item: Mapping[str, Any], *names: str) -> Any:
    """Return the first of the names that is there: camelCase and snake_case are both written."""
    return next((item[n] for n in names if item.get(n) is not None), None)


def _time(document: Document, value: Any, place: str) -> float:
    """Return seconds: ``1.5s``, a number, or a protobuf duration ``{seconds, nanos}``."""
    if isinstance(value, dict):
        whole = document.time(value.get("seconds") or 0, f"{place}.seconds")
        return whole + document.time(value.get("nanos") or 0, f"{place}.nanos", per_s=1e9)
    return document.time(value, place)


def _results(document: Document) -> tuple[str, list[Any]] | None:
    data = document.json
    if isinstance(data, dict) and isinstance(data.get("response"), dict):
        data = data["response"]  # the long-running operation around it
    if not isinstance(data, dict) or not isinstance(data.get("results"), list):
        return None
    for item in data["results"]:
        if isinstance(item, dict) and isinstance(item.get("alternatives"), list):
            return "results", data["results"]
    return None


def _word(document: Document, place: str, item: dict[str, Any]) -> list[tuple[str, Word]]:
    # 0 s is left out by protobuf's JSON
    start = _any(item, "startTime", "startOffset", "start_time", "start_offset")
    end = _any(item, "endTime", "endOffset", "end_time", "end_offset")
    begin_s = 0.0 if start is None and end is not None else _time(document, start, f"{place} start")
    speaker = _any(item, "speakerLabel", "speaker_label", "speakerTag", "speaker_tag")
    text = document.get(item, "word", str, place)
    word = Word(text, begin_s, _time(document, end, f"{place} end"))
    return [("" if speaker in (None, 0, "", "0") else str(speaker), word)]


def _parse_speech(document: Document) -> Transcript:
    found = _results(document)
    assert found is not None  # only called when recognised
    last_tagged: dict[int | None, list[Spoken]] = {}
    results = document.objects(found[1], found[0])
    turns = document.each(results, partial(_result, document, last_tagged))
    if last_tagged:
        turns = [turn for spoken in last_tagged.values() for turn in join(document, spoken)]
    languages = (_any(item, "languageCode", "language_code") for _, item in results)
    language = next((str(code) for code in languages if code), "")
    return document.finish(
        _starts(document, turns), "Google Speech-to-Text JSON", language=language
    )


def _result(
    document: Document,
    last_tagged: dict[int | None, list[Spoken]],
    place: str,
    item: dict[str, Any],
) -> list[Turn]:
    choices = document.items(item, "alternatives", place)
    if not choices:
        return []
    at, best = choices[0]
    tag = _any(item, "channelTag", "channel_tag")
    channel = int(tag) - 1 if isinstance(tag, int) and tag > 0 else None
    words = document.words(best, "words", at, partial(_word, document))
    text = document.maybe(best, "transcript", str, at) or " ".join(w.text for _, w in words)
    if any(speaker for speaker, _ in words):
        # with speaker tags the last result repeats every word of the recording
        spoken = [Spoken(w, at, speaker, channel) for speaker, w in words]
        before = last_tagged.get(channel)
        if before and spoken[0].word.start_s > before[-1].word.start_s:
            spoken = [*before, *spoken]
        last_tagged[channel] = spoken
        return []
    end = _any(item, "resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
    if not words and not text.strip():
        return []
    return [
        document.turn(
            at,
            math.nan,
            math.nan if words else _time(document, end, f"{place} end"),
            text,
            speaker="" if channel is None else f"channel {tag}",
            channel=channel,
            words=align(" ".join(text.split()), [w for _, w in words]),
        )
    ]


def _starts(document: Document, turns: list[Turn]) -> list[Turn]:
    """Begin results without word times where the one before on their channel ends."""
    out: list[Turn] = []
    ends: dict[int | None, float] = {}
    for turn in turns:
        if math.isnan(turn.start_s) and math.isfinite(turn.end_s):
            document.note("results without word times were begun where the one before ended")
            turn = replace(turn, start_s=min(ends.get(turn.channel, 0.0), turn.end_s))
        ends[turn.channel] = turn.end_s
        out.append(turn)
    return out


def _insights(document: Document) -> tuple[str, list[Any]] | None:
    data = document.json
    if isinstance(data, dict) and isinstance(data.get("conversation"), dict):
        data = data["conversation"]
    inner = data.get("transcript") if isinstance(data, dict) else None
    listed = (
        _any(inner, "transcriptSegments", "transcript_segments")
        if isinstance(inner, dict)
        else None
    )
    return ("transcript.transcriptSegments", listed) if isinstance(listed, list) else None


def _parse_insights(document: Document) -> Transcript:
    found = _insights(document)
    assert found is not None  # only called when recognised
    data = document.json.get("conversation", document.json)
    meta = _any(data, "callMetadata", "call_metadata")
    channels: dict[int, Role] = {}
    if isinstance(meta, dict):
        sides: tuple[tuple[Role, str, str], ...] = (
            ("agent", "agentChannel", "agent_channel"),
            ("customer", "customerChannel", "customer_channel"),
        )
        for side, camel, snake in sides:
            if isinstance(value := _any(meta, camel, snake), int):
                channels[value] = side
    segments = document.objects(found[1], found[0])
    turns = document.each(segments, partial(_segment, document, channels))
    return document.finish(
        turns,
        "Google CCAI Insights JSON",
        language=str(_any(data, "languageCode", "language_code") or ""),
    )


def _segment(
    document: Document, channels: dict[int, Role], place: str, item: dict[str, Any]
) -> list[Turn]:
    tag = _any(item, "channelTag", "channel_tag")
    person = _any(item, "segmentParticipant", "segment_participant")
    label = person.get("role") if isinstance(person, dict) else ""
    text = document.get(item, "text", str, place)
    words = [w for _, w in document.words(item, "words", place, partial(_word, document))]
    return [
        document.turn(
            place,
            math.nan,
            math.nan,
            text,
            speaker=str(label or ""),
            role=channels.get(tag) if isinstance(tag, int) and not label else None,
            channel=tag - 1 if isinstance(tag, int) and tag > 0 else None,
            words=align(" ".join(text.split()), words),
        )
    ]


def _is_entries(document: Document) -> bool:
    data = document.json
    return isinstance(data, dict) and listed(data.get("entries"), "text", "start_timestamp_usec")


def _parse_entries(document: Document) -> Transcript:
    entries = document.items(document.json, "entries")
    raw = [e.get("start_timestamp_usec") for _, e in entries]
    first = next((t for t in raw if isinstance(t, (int, float)) and t > 1e14), 0)
    if first:  # microseconds since 1970
        document.note("times were counted from the first entry")

    def made(place: str, item: dict[str, Any]) -> list[Turn]:
        at = document.get(item, "start_timestamp_usec", (int, float), place)
        return [
            document.turn(
                place,
                document.time(at - first, f"{place}.start_timestamp_usec", per_s=1e6),
                math.nan,
                document.get(item, "text", str, place),
                speaker=document.maybe(item, "role", str, place) or "",
            )
        ]

    turns = document.each(entries, made)
    return document.finish(turns, "Google CCAI conversation data JSON")


READERS = [
    Reader("Google CCAI Insights JSON", lambda d: _insights(d) is not None, _parse_insights),
    Reader("Google CCAI conversation data JSON", _is_entries, _parse_entries),
    Reader("Google Speech-to-Text JSON", lambda d: _results(d) is not None, _parse_speech),
]
