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


def _agents(document: Document, transcript: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Return from when to when (ms) each agent of a call that was passed on took part."""
    listed = document.json.get("participants") or transcript.get("participants")
    found: dict[str, tuple[float, float]] = {}
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("participantPurpose") not in ("agent", "internal"):
            continue
        who = str(one.get("userId") or one.get("participantId") or len(found))
        start, end = one.get("startTimeMs"), one.get("endTimeMs")
        if isinstance(start, (int, float)) and not isinstance(start, bool):
            stop = float(end) if isinstance(end, (int, float)) else math.inf
            first, last = found.get(who, (math.inf, -math.inf))
            found[who] = (min(first, float(start)), max(last, stop))
    ordered = sorted(found.values())
    return [(a, b, f"agent {i}") for i, (a, b) in enumerate(ordered, 1)]


def _speaker(
    document: Document,
    phrase: dict[str, Any],
    place: str,
    agents: list[tuple[float, float, str]],
) -> str:
    """Return who speaks: the participant's purpose, and which agent where there are several."""
    purpose = document.maybe(phrase, "participantPurpose", str, place) or ""
    at = phrase.get("startTimeMs")
    if purpose != "internal" or len(agents) < 2 or not isinstance(at, (int, float)):
        return purpose
    # The later one: who passes a call on often stays on the line for a moment.
    inside = [name for start, end, name in agents if start <= at <= end]
    return inside[-1] if inside else purpose


def _parse(document: Document) -> Transcript:
    turns: list[Turn] = []
    language = ""
    for at, transcript in document.items(document.json, "transcripts"):
        language = language or document.maybe(transcript, "language", str, at) or ""
        origin_ms = _origin_ms(document, transcript)
        agents = _agents(document, transcript)
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
                    speaker=_speaker(document, phrase, place, agents),
                    words=align(" ".join(text.split()), words),
                )
            )
    return document.finish(turns, "Genesys Cloud transcript JSON", language=language)


READERS = [Reader("Genesys Cloud transcript JSON", _recognises, _parse)]
