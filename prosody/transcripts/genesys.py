"""Genesys Cloud speech and text analytics: the transcript JSON behind the transcript URL."""

from __future__ import annotations

import math
from typing import Any

from prosody.transcripts.document import Document, align
from prosody.transcripts.reader import Reader
from prosody.transcripts.turns import Transcript, Turn, Word

# A number of milliseconds between these (1973 and 5138) is a date, not a place in a call.
_EPOCH_MS, _LAST_MS = 1e11, 1e14


def _recognises(document: Document) -> bool:
    data = document.json
    listed = data.get("transcripts") if isinstance(data, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return isinstance(first, dict) and isinstance(first.get("phrases"), list)


def _length_s(document: Document, item: dict[str, Any], place: str) -> float:
    value = item.get("duration")
    if isinstance(value, dict):
        value = value.get("milliseconds")
    return document.time(value, f"{place}.duration", per_s=1000)


def _start_s(document: Document, item: dict[str, Any], place: str, origin_ms: float) -> float:
    offset = item.get("offset")
    if isinstance(offset, dict) and offset.get("milliseconds") is not None:
        return document.time(offset["milliseconds"], f"{place}.offset", per_s=1000)
    value = document.maybe(item, "startTimeMs", (int, float), place)
    if value is not None and _EPOCH_MS < value < _LAST_MS:
        return document.time(value - origin_ms, f"{place}.startTimeMs", per_s=1000)
    return document.time(value, f"{place}.startTimeMs", per_s=1000)


def _origin_ms(document: Document, transcript: dict[str, Any]) -> float:
    """Return the date that dated phrases count from: the recording's start if it is written."""
    dates = [
        p["startTimeMs"]
        for p in transcript.get("phrases", [])
        if isinstance(p, dict)
        and isinstance(p.get("startTimeMs"), (int, float))
        and _EPOCH_MS < p["startTimeMs"] < _LAST_MS
    ]
    if not dates:
        return 0.0
    for holder in (transcript, document.json):
        for key in ("startTime", "conversationStartTime"):
            value = holder.get(key)
            if isinstance(value, (int, float)) and _EPOCH_MS < value <= min(dates):
                document.note(f"times are dates; they were counted from '{key}'")
                return float(value)
    document.note("times are dates; they were counted from the first phrase")
    return float(min(dates))


def _parse(document: Document) -> Transcript:
    turns: list[Turn] = []
    language = ""
    for at, transcript in document.items(document.json, "transcripts"):
        language = language or document.maybe(transcript, "language", str, at) or ""
        origin_ms = _origin_ms(document, transcript)
        for place, phrase in document.items(transcript, "phrases", at):
            start_s = _start_s(document, phrase, place, origin_ms)
            length_s = _length_s(document, phrase, place)
            words = []
            for where, word in document.items(phrase, "words", place):
                begin_s = _start_s(document, word, where, origin_ms)
                words.append(
                    Word(
                        document.get(word, "word", str, where),
                        begin_s,
                        begin_s + _length_s(document, word, where),
                    )
                )
            plain = document.get(phrase, "text", str, place)
            text = document.maybe(phrase, "decoratedText", str, place) or plain
            turns.append(
                document.turn(
                    place,
                    start_s,
                    start_s + length_s if math.isfinite(length_s) else math.nan,
                    text,
                    speaker=document.maybe(phrase, "participantPurpose", str, place) or "",
                    words=align(" ".join(text.split()), words),
                )
            )
    return document.finish(turns, "Genesys Cloud transcript JSON", language=language)


READERS = [Reader("Genesys Cloud transcript JSON", _recognises, _parse)]
