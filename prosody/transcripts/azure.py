"""Azure Speech: batch transcription and fast transcription JSON."""

from __future__ import annotations

from typing import Any

from prosody.transcripts.document import Document, align
from prosody.transcripts.reader import Reader
from prosody.transcripts.turns import Transcript, Turn, Word

TICKS_PER_S = 1e7  # a tick is 100 ns


def _is_batch(document: Document) -> bool:
    data = document.json
    return isinstance(data, dict) and isinstance(data.get("recognizedPhrases"), list)


def _is_fast(document: Document) -> bool:
    data = document.json
    return (
        isinstance(data, dict)
        and isinstance(data.get("phrases"), list)
        and ("combinedPhrases" in data or "durationMilliseconds" in data)
    )


def _span(document: Document, item: dict[str, Any], place: str) -> tuple[float, float]:
    """Return start and end from milliseconds, ticks or ISO 8601, whichever is written."""
    values = []
    for name in ("offset", "duration"):
        for suffix, per_s in (("Milliseconds", 1e3), ("InTicks", TICKS_PER_S), ("", TICKS_PER_S)):
            value = item.get(name + suffix)
            if value is not None:
                values.append(document.time(value, f"{place}.{name}{suffix}", per_s=per_s))
                break
        else:
            raise document.bad(f"{place}.{name}", "nothing", "a time")
    return values[0], values[0] + values[1]


def _timed(document: Document, item: dict[str, Any], key: str, name: str, place: str) -> list[Word]:
    words = []
    for at, word in document.items(item, key, place):
        words.append(Word(document.get(word, name, str, at), *_span(document, word, at)))
    return words


def _who(document: Document, item: dict[str, Any], place: str) -> tuple[str, int | None]:
    speaker = document.maybe(item, "speaker", (int, str), place)
    channel = document.maybe(item, "channel", int, place)
    if speaker is None and channel is not None:
        speaker = f"channel {channel}"
    return "" if speaker is None else str(speaker), channel


def _parse_batch(document: Document) -> Transcript:
    turns: list[Turn] = []
    language = ""
    phrases = document.items(document.json, "recognizedPhrases")
    for place, item in phrases:
        status = document.maybe(item, "recognitionStatus", str, place)
        choices = document.items(item, "nBest", place)
        if (status and status != "Success") or not choices:
            document.note("phrases that were not recognised were passed over")
            continue
        at, best = choices[0]
        text = document.maybe(best, "display", str, at) or document.get(best, "lexical", str, at)
        words = _timed(document, best, "displayWords", "displayText", at) or _timed(
            document, best, "words", "word", at
        )
        language = language or document.maybe(item, "locale", str, place) or ""
        speaker, channel = _who(document, item, place)
        start_s, end_s = _span(document, item, place)
        turns.append(
            document.turn(
                place,
                start_s,
                end_s,
                text,
                speaker=speaker,
                channel=channel,
                words=align(" ".join(text.split()), words),
            )
        )
    return document.finish(
        _mono(phrases, turns), "Azure batch transcription JSON", language=language
    )


def _mono(phrases: list[tuple[str, dict[str, Any]]], turns: list[Turn]) -> list[Turn]:
    """Forget channel 0 where it is the only one: a mono file says it too."""
    if len({p.get("channel") for _, p in phrases}) > 1:
        return turns
    return [
        Turn(
            t.start_s,
            t.end_s,
            t.text,
            t.role,
            t.words,
            None,
            "" if t.speaker == "channel 0" else t.speaker,
        )
        for t in turns
    ]


def _parse_fast(document: Document) -> Transcript:
    turns: list[Turn] = []
    language = ""
    phrases = document.items(document.json, "phrases")
    for place, item in phrases:
        text = document.get(item, "text", str, place)
        speaker, channel = _who(document, item, place)
        language = language or document.maybe(item, "locale", str, place) or ""
        start_s, end_s = _span(document, item, place)
        turns.append(
            document.turn(
                place,
                start_s,
                end_s,
                text,
                speaker=speaker,
                channel=channel,
                words=align(" ".join(text.split()), _timed(document, item, "words", "text", place)),
            )
        )
    return document.finish(
        _mono(phrases, turns), "Azure fast transcription JSON", language=language
    )


READERS = [
    Reader("Azure batch transcription JSON", _is_batch, _parse_batch),
    Reader("Azure fast transcription JSON", _is_fast, _parse_fast),
]
