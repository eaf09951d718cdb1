"""Azure Speech: batch transcription and fast transcription JSON."""

from __future__ import annotations

from dataclasses import replace
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


def _sdk(document: Document) -> list[Any]:
    """Return the results that the Speech SDK gave one by one: a list, or one a line."""
    data = document.json_lines if document.json_lines is not None else document.json
    if isinstance(data, dict):
        data = [data]
    first = data[0] if isinstance(data, list) and data else None
    known = isinstance(first, dict) and (
        {"RecognitionStatus", "Offset"} <= first.keys() or {"NBest", "Offset"} <= first.keys()
    )
    return list(data) if known and isinstance(data, list) else []


def _is_sdk(document: Document) -> bool:
    return bool(_sdk(document))


def _parse_sdk(document: Document) -> Transcript:
    language = ""
    left_out = 0

    def made(place: str, item: dict[str, Any]) -> list[Turn]:
        nonlocal language, left_out
        if item.get("RecognitionStatus", "Success") not in ("Success", 0):
            left_out += 1
            return []
        choices = document.items(item, "NBest", place)
        best = choices[0][1] if choices else {}
        text = best.get("Display") or item.get("DisplayText") or best.get("Lexical") or ""
        spoken = best.get("DisplayWords") or best.get("Words") or []
        words = []
        for at, word in document.objects(spoken, f"{place}.Words"):
            name = "DisplayText" if "DisplayText" in word else "Word"
            words.append(Word(document.get(word, name, str, at), *_ticks(document, word, at)))
        primary = item.get("PrimaryLanguage")
        if isinstance(primary, dict):
            language = language or str(primary.get("Language") or "")
        channel = document.maybe(item, "Channel", int, place)
        start_s, end_s = _ticks(document, item, place)
        return [
            document.turn(
                place,
                start_s,
                end_s,
                str(text),
                speaker=str(item.get("SpeakerId") or ""),
                channel=channel,
                words=align(" ".join(str(text).split()), words),
            )
        ]

    turns = document.each(document.objects(_sdk(document), "results"), made)
    if left_out:
        document.note("phrases that were not recognised were passed over")
    if len({t.channel for t in turns}) < 2:  # a mono file says channel 0, too
        turns = [replace(t, channel=None) for t in turns]
    return document.finish(turns, "Azure Speech SDK results", language=language)


def _ticks(document: Document, item: dict[str, Any], place: str) -> tuple[float, float]:
    start_s = document.time(
        document.get(item, "Offset", (int, float), place), f"{place}.Offset", per_s=TICKS_PER_S
    )
    length_s = document.time(
        document.get(item, "Duration", (int, float), place), f"{place}.Duration", per_s=TICKS_PER_S
    )
    return start_s, start_s + length_s


READERS = [
    Reader("Azure Speech SDK results", _is_sdk, _parse_sdk),
    Reader("Azure batch transcription JSON", _is_batch, _parse_batch),
    Reader("Azure fast transcription JSON", _is_fast, _parse_fast),
]
