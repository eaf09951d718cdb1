"""Genesys Cloud speech and text analytics: the transcript JSON behind the transcript URL."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
from prosody.transcripts.turns import Transcript, Turn, Word

# A number of milliseconds between these (1973 and 5138) is a date, not a place in a call.
_EPOCH_MS, _LAST_MS = 1e11, 1e14


def _recognises(document: Document) -> bool:
    data = document.json
    return isinstance(data, dict) and listed(data.get("transcripts"), "phrases")


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
        for _, p in document.items(transcript, "phrases")
        if isinstance(p.get("startTimeMs"), (int, float))
        and _EPOCH_MS < p["startTimeMs"] < _LAST_MS
    ]
    if not dates:
        return 0.0
    for holder in (transcript, document.json):
        for key in ("startTime", "conversationStartTime"):
            value = holder.get(key)
            if isinstance(value, (int, float)) and _EPOCH_MS < value <= min(dates):
                document.note("times are dates; they were counted from '{a}'", a=key)
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


def _phrase(
    document: Document,
    origin_ms: float,
    agents: list[tuple[float, float, str]],
    place: str,
    phrase: dict[str, Any],
) -> list[Turn]:
    def timed(at: str, word: dict[str, Any]) -> list[Word]:
        begin_s = _start_s(document, word, at, origin_ms)
        end_s = begin_s + _length_s(document, word, at)
        return [Word(document.get(word, "word", str, at), begin_s, end_s)]

    start_s = _start_s(document, phrase, place, origin_ms)
    plain = document.get(phrase, "text", str, place)
    text = document.maybe(phrase, "decoratedText", str, place) or plain
    words = document.words(phrase, "words", place, timed)
    return [
        document.turn(
            place,
            start_s,
            start_s + _length_s(document, phrase, place),
            text,
            speaker=_speaker(document, phrase, place, agents),
            words=align(" ".join(text.split()), words),
        )
    ]


def _parse(document: Document) -> Transcript:
    turns: list[Turn] = []
    language = ""
    for at, transcript in document.items(document.json, "transcripts"):
        language = language or document.maybe(transcript, "language", str, at) or ""
        origin_ms = _origin_ms(document, transcript)
        agents = _agents(document, transcript)
        made = partial(_phrase, document, origin_ms, agents)
        turns += document.each(document.items(transcript, "phrases", at), made)
    return document.finish(turns, "Genesys Cloud transcript JSON", language=language)


READERS = [Reader("Genesys Cloud transcript JSON", _recognises, _parse)]
