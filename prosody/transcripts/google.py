"""Google Speech-to-Text (v1, v2) and CCAI / Customer Experience Insights JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prosody.transcripts.document import Document, align
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.reader import Reader
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


def _words(document: Document, items: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, Word]]:
    out = []
    for at, item in items:
        # 0 s is left out by protobuf's JSON
        start = _any(item, "startTime", "startOffset", "start_time", "start_offset")
        end = _any(item, "endTime", "endOffset", "end_time", "end_offset")
        begin_s = (
            0.0 if start is None and end is not None else _time(document, start, f"{at} start")
        )
        speaker = _any(item, "speakerLabel", "speaker_label", "speakerTag", "speaker_tag")
        out.append(
            (
                "" if speaker in (None, 0, "", "0") else str(speaker),
                Word(
                    document.get(item, "word", str, at), begin_s, _time(document, end, f"{at} end")
                ),
            )
        )
    return out


def _parse_speech(document: Document) -> Transcript:
    found = _results(document)
    assert found is not None  # only called when recognised
    language = ""
    turns: list[Turn] = []
    last_tagged: dict[int | None, list[Spoken]] = {}
    for place, item in document.objects(found[1], found[0]):
        choices = document.items(item, "alternatives", place)
        if not choices:
            continue
        at, best = choices[0]
        tag = _any(item, "channelTag", "channel_tag")
        channel = int(tag) - 1 if isinstance(tag, int) and tag > 0 else None
        language = language or str(_any(item, "languageCode", "language_code") or "")
        words = _words(document, document.items(best, "words", at))
        text = document.maybe(best, "transcript", str, at) or " ".join(w.text for _, w in words)
        if any(speaker for speaker, _ in words):
            # with speaker tags the last result repeats every word of the recording
            spoken = [Spoken(w, at, speaker, channel) for speaker, w in words]
            before = last_tagged.get(channel)
            if before and spoken[0].word.start_s > before[-1].word.start_s:
                spoken = [*before, *spoken]
            last_tagged[channel] = spoken
            continue
        end = _any(item, "resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
        if not words and not text.strip():
            continue
        turns.append(
            document.turn(
                at,
                math.nan,
                math.nan if words else _time(document, end, f"{place} end"),
                text,
                speaker="" if channel is None else f"channel {tag}",
                channel=channel,
                words=align(" ".join(text.split()), [w for _, w in words]),
            )
        )
    if last_tagged:
        turns = []
        for spoken in last_tagged.values():
            turns.extend(join(document, spoken))
    return document.finish(
        _starts(document, turns), "Google Speech-to-Text JSON", language=language
    )


def _starts(document: Document, turns: list[Turn]) -> list[Turn]:
    """Begin results without word times where the one before on their channel ends."""
    out: list[Turn] = []
    ends: dict[int | None, float] = {}
    for turn in turns:
        if math.isnan(turn.start_s) and math.isfinite(turn.end_s):
            document.note("results without word times were begun where the one before ended")
            turn = Turn(
                min(ends.get(turn.channel, 0.0), turn.end_s),
                turn.end_s,
                turn.text,
                turn.role,
                turn.words,
                turn.channel,
                turn.speaker,
            )
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
    turns: list[Turn] = []
    for place, item in document.objects(found[1], found[0]):
        tag = _any(item, "channelTag", "channel_tag")
        person = _any(item, "segmentParticipant", "segment_participant")
        label = person.get("role") if isinstance(person, dict) else ""
        text = document.get(item, "text", str, place)
        words = [w for _, w in _words(document, document.items(item, "words", place))]
        channel = tag - 1 if isinstance(tag, int) and tag > 0 else None
        role: Role | None = channels.get(tag) if isinstance(tag, int) and not label else None
        turns.append(
            document.turn(
                place,
                math.nan,
                math.nan,
                text,
                speaker=str(label or ""),
                role=role,
                channel=channel,
                words=align(" ".join(text.split()), words),
            )
        )
    return document.finish(
        turns,
        "Google CCAI Insights JSON",
        language=str(_any(data, "languageCode", "language_code") or ""),
    )


def _is_entries(document: Document) -> bool:
    data = document.json
    listed = data.get("entries") if isinstance(data, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return isinstance(first, dict) and {"text", "start_timestamp_usec"} <= first.keys()


def _parse_entries(document: Document) -> Transcript:
    entries = document.items(document.json, "entries")
    raw = [float(document.get(e, "start_timestamp_usec", (int, float), p)) for p, e in entries]
    origin = raw[0] if raw and raw[0] > 1e14 else 0.0  # microseconds since 1970
    if origin:
        document.note("times were counted from the first entry")
    starts = [
        document.time(t - origin, f"{p}.start_timestamp_usec", per_s=1e6)
        for t, (p, _) in zip(raw, entries, strict=True)
    ]
    document.note("entries have no end: each was ended where the next begins")
    turns = [
        document.turn(
            place,
            start_s,
            max(next_s, start_s),
            document.get(item, "text", str, place),
            speaker=document.maybe(item, "role", str, place) or "",
        )
        for (place, item), start_s, next_s in zip(
            entries, starts, [*starts[1:], math.nan], strict=True
        )
    ]
    return document.finish(turns, "Google CCAI conversation data JSON")


READERS = [
    Reader("Google CCAI Insights JSON", lambda d: _insights(d) is not None, _parse_insights),
    Reader("Google CCAI conversation data JSON", _is_entries, _parse_entries),
    Reader("Google Speech-to-Text JSON", lambda d: _results(d) is not None, _parse_speech),
]
