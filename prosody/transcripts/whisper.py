"""The Whisper family: openai-whisper, faster-whisper, WhisperX and whisper.cpp JSON."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Turn, Word


def _segments(document: Document) -> list[Any] | None:
    data = document.json
    if isinstance(data, dict):
        data = data.get("segments")
    if isinstance(document.json, dict) and data is None and _top_words(document):
        return []
    if not isinstance(data, list):
        return None
    if not data:
        return data if isinstance(document.json, dict) and "text" in document.json else None
    return data if listed(data, "start", "end", "text") else None


def _top_words(document: Document) -> bool:
    """Tell the words beside the segments that OpenAI's ``verbose_json`` has."""
    data = document.json
    return (
        isinstance(data, dict)
        and "text" in data
        and listed(data.get("words"), "word", "start", "end")
    )


def _timed(document: Document, place: str, word: dict[str, Any]) -> list[Word]:
    text = document.get(word, "word" if "word" in word else "text", str, place)
    return [Word(text.strip(), *document.times(word, place))]


def _is_whisper(document: Document) -> bool:
    data = document.json
    if isinstance(data, dict) and not (
        {"language", "info", "word_segments"} & data.keys() or {"text", "segments"} == data.keys()
    ):
        return False
    return _segments(document) is not None


def _parse(document: Document) -> Transcript:
    data = document.json
    top = data if isinstance(data, dict) else {}
    info = top.get("info")
    language = top.get("language") or (info.get("language") if isinstance(info, dict) else "")
    segments = _segments(document) or []
    turns: list[Turn] = []
    timed = partial(_timed, document)
    top_words = document.words(top, "words", "", timed) if _top_words(document) else []
    if not segments:
        turns = join(document, [Spoken(word, "words") for word in top_words])

    def made(place: str, item: dict[str, Any]) -> list[Turn]:
        words = document.words(item, "words", place, timed) or _within(top_words, item)
        speaker = document.maybe(item, "speaker", (str, int), place)
        turn = document.turn(
            place,
            *document.times(item, place),
            document.get(item, "text", str, place),
            speaker="" if speaker is None else str(speaker),
            channel=document.maybe(item, "channel", int, place),
            words=words,
        )
        return _by_speaker(document, place, item, turn)

    turns += document.each(document.objects(segments, "segments"), made)
    if "word_segments" in top:
        source = "WhisperX JSON"
    elif isinstance(data, list) or "info" in top:
        source = "faster-whisper JSON"
    else:
        source = "Whisper JSON"
    return document.finish(turns, source, language=language if isinstance(language, str) else "")


def _by_speaker(document: Document, place: str, item: dict[str, Any], turn: Turn) -> list[Turn]:
    """Return a segment as turns where WhisperX heard several speakers in it, word by word."""
    if not turn.words:
        return [turn]
    speakers = [w.get("speaker") for w in item.get("words") or () if isinstance(w, dict)]
    names = [str(name) for name in speakers if name is not None]
    if len(set(names)) < 2 or len(speakers) != len(turn.words):
        return [turn]
    out: list[list[tuple[str, Word]]] = []
    last = names[0]
    for name, word in zip(speakers, turn.words, strict=True):
        last = last if name is None else str(name)
        if not out or out[-1][-1][0] != last:
            out.append([])
        out[-1].append((last, word))
    return [
        document.turn(
            place,
            group[0][1].start_s,
            group[-1][1].end_s,
            " ".join(word.text for _, word in group),
            speaker=group[0][0],
            channel=turn.channel,
            words=[word for _, word in group],
        )
        for group in out
    ]


def _within(words: list[Word], item: dict[str, Any]) -> list[Word]:
    """Return the words whose middle lies in a segment, if they are exactly the segment's words."""
    try:
        start_s, end_s = float(item["start"]), float(item["end"])
    except (KeyError, TypeError, ValueError):
        return []
    inside = [w for w in words if start_s <= (w.start_s + w.end_s) / 2 < end_s]
    return list(align(str(item.get("text", "")), inside))


def _is_cpp(document: Document) -> bool:
    data = document.json
    return (
        isinstance(data, dict)
        and isinstance(data.get("transcription"), list)
        and ("result" in data or "params" in data or "systeminfo" in data)
    )


def _cpp_times(document: Document, item: dict[str, Any], place: str) -> tuple[float, float]:
    offsets = document.maybe(item, "offsets", dict, place) or {}
    return document.times(offsets, f"{place}.offsets", ("from", "to"), per_s=1000)


def _cpp_words(document: Document, place: str, item: dict[str, Any]) -> list[Word]:
    """Join whisper.cpp's tokens to words: a token that begins with a space begins a word."""
    words: list[Word] = []

    def heard(at: str, token: dict[str, Any]) -> list[Word]:
        text = document.get(token, "text", str, at)
        if not text.strip() or text.startswith("[_") or text.startswith("<|"):
            return words[-1:]
        start_s, end_s = _cpp_times(document, token, at)
        if words and not text.startswith(" "):
            last = words[-1]
            later = max((t for t in (last.end_s, end_s) if math.isfinite(t)), default=math.nan)
            words[-1] = Word(last.text + text, last.start_s, later)
        else:
            words.append(Word(text.strip(), start_s, end_s))
        return words[-1:]

    document.words(item, "tokens", place, heard)
    return words


def _cpp_turn(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    speaker = document.maybe(item, "speaker", (str, int), place)
    speaker = "" if speaker in (None, "?") else str(speaker)
    channel = int(speaker) if speaker in ("0", "1") else None
    if channel is not None:
        document.note("whisper.cpp's speakers 0 and 1 were taken as the left and right channel")
    return [
        document.turn(
            place,
            *_cpp_times(document, item, place),
            document.get(item, "text", str, place),
            speaker=speaker,
            channel=channel,
            words=_cpp_words(document, place, item),
        )
    ]


def _parse_cpp(document: Document) -> Transcript:
    result = document.maybe(document.json, "result", dict, "") or {}
    phrases = document.items(document.json, "transcription")
    turns = document.each(phrases, partial(_cpp_turn, document))
    language = result.get("language")
    return document.finish(
        turns, "whisper.cpp JSON", language=language if isinstance(language, str) else ""
    )


READERS = [
    Reader("whisper.cpp JSON", _is_cpp, _parse_cpp),
    Reader("Whisper, faster-whisper or WhisperX JSON", _is_whisper, _parse),
]
