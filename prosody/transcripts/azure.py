"""Azure Speech: batch transcription and fast transcription JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
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
    def made(at: str, word: dict[str, Any]) -> list[Word]:
        return [Word(document.get(word, name, str, at), *_span(document, word, at))]

    return document.words(item, key, place, made)


def _who(document: Document, item: dict[str, Any], place: str) -> tuple[str, int | None]:
    speaker = document.maybe(item, "speaker", (int, str), place)
    channel = document.maybe(item, "channel", int, place)
    if speaker is None and channel is not None:
        speaker = f"channel {channel}"
    return "" if speaker is None else str(speaker), channel


_NOT_HEARD = "phrases that were not recognised were passed over"


def _turn(
    document: Document, place: str, item: dict[str, Any], text: str, words: list[Word]
) -> list[Turn]:
    speaker, channel = _who(document, item, place)
    return [
        document.turn(
            place,
            *_span(document, item, place),
            text,
            speaker=speaker,
            channel=channel,
            words=align(" ".join(text.split()), words),
        )
    ]


def _batch_turn(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    status = document.maybe(item, "recognitionStatus", str, place)
    choices = document.items(item, "nBest", place)
    if (status and status != "Success") or not choices:
        document.note(_NOT_HEARD)
        return []
    at, best = choices[0]
    text = document.maybe(best, "display", str, at) or document.get(best, "lexical", str, at)
    words = _timed(document, best, "displayWords", "displayText", at) or _timed(
        document, best, "words", "word", at
    )
    return _turn(document, place, item, text, words)


def _fast_turn(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    words = _timed(document, item, "words", "text", place)
    return _turn(document, place, item, document.get(item, "text", str, place), words)


def _parse(
    document: Document, key: str, made: Callable[..., list[Turn]], source: str
) -> Transcript:
    phrases = document.items(document.json, key)
    turns = document.each(phrases, partial(made, document))
    if len({p.get("channel") for _, p in phrases}) < 2:  # a mono file says channel 0, too
        turns = [
            replace(t, channel=None, speaker="" if t.speaker == "channel 0" else t.speaker)
            for t in turns
        ]
    language = next((p["locale"] for _, p in phrases if isinstance(p.get("locale"), str)), "")
    return document.finish(turns, source, language=language)


def _sdk(document: Document) -> list[Any]:
    """Return the results that the Speech SDK gave one by one: a list, or one a line."""
    data = document.json_lines if document.json_lines is not None else document.json
    if isinstance(data, dict):
        data = [data]
    known = listed(data, "RecognitionStatus", "Offset") or listed(data, "NBest", "Offset")
    return list(data) if known else []


def _parse_sdk(document: Document) -> Transcript:
    turns = document.each(document.objects(_sdk(document), "results"), partial(_result, document))
    languages = [i.get("PrimaryLanguage") for i in _sdk(document) if isinstance(i, dict)]
    language = next((str(t.get("Language") or "") for t in languages if isinstance(t, dict)), "")
    if len({t.channel for t in turns}) < 2:  # a mono file says channel 0, too
        turns = [replace(t, channel=None) for t in turns]
    return document.finish(turns, "Azure Speech SDK results", language=language)


def _result(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    if item.get("RecognitionStatus", "Success") not in ("Success", 0):
        document.note(_NOT_HEARD)
        return []
    choices = document.items(item, "NBest", place)
    best = choices[0][1] if choices else {}
    text = str(best.get("Display") or item.get("DisplayText") or best.get("Lexical") or "")
    key = "DisplayWords" if best.get("DisplayWords") else "Words"

    def timed(at: str, word: dict[str, Any]) -> list[Word]:
        name = "DisplayText" if "DisplayText" in word else "Word"
        return [Word(document.get(word, name, str, at), *_ticks(document, word, at))]

    words = document.words(best, key, place, timed)
    return [
        document.turn(
            place,
            *_ticks(document, item, place),
            text,
            speaker=str(item.get("SpeakerId") or ""),
            channel=document.maybe(item, "Channel", int, place),
            words=align(" ".join(text.split()), words),
        )
    ]


def _ticks(document: Document, item: dict[str, Any], place: str) -> tuple[float, float]:
    start_s = document.time(
        document.get(item, "Offset", (int, float), place), f"{place}.Offset", per_s=TICKS_PER_S
    )
    length_s = document.time(
        document.get(item, "Duration", (int, float), place), f"{place}.Duration", per_s=TICKS_PER_S
    )
    return start_s, start_s + length_s


READERS = [
    Reader("Azure Speech SDK results", lambda document: bool(_sdk(document)), _parse_sdk),
    Reader(
        "Azure batch transcription JSON",
        _is_batch,
        lambda d: _parse(d, "recognizedPhrases", _batch_turn, "Azure batch transcription JSON"),
    ),
    Reader(
        "Azure fast transcription JSON",
        _is_fast,
        lambda d: _parse(d, "phrases", _fast_turn, "Azure fast transcription JSON"),
    ),
]
