"""Deepgram JSON: utterances where they were asked for, else words joined to turns."""

from __future__ import annotations

from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Turn, Word


def _recognises(document: Document) -> bool:
    data = document.json
    results = data.get("results") if isinstance(data, dict) else None
    return isinstance(results, dict) and isinstance(results.get("channels"), list)


def _who(document: Document, item: dict[str, Any], place: str, channel: int | None) -> str:
    if channel is not None:
        return f"channel {channel}"
    speaker = document.maybe(item, "speaker", (int, str), place)
    return "" if speaker is None else str(speaker)


def _word(
    document: Document, channel: int | None, place: str, word: dict[str, Any]
) -> list[Spoken]:
    text = document.maybe(word, "punctuated_word", str, place)
    text = text or document.get(word, "word", str, place)
    timed = Word(text, *document.times(word, place))
    return [Spoken(timed, place, _who(document, word, place, channel), channel)]


def _utterance(document: Document, several: bool, place: str, item: dict[str, Any]) -> list[Turn]:
    channel = document.maybe(item, "channel", int, place) if several else None
    words = document.words(item, "words", place, partial(_word, document, channel))
    return [
        document.turn(
            place,
            *document.times(item, place),
            document.get(item, "transcript", str, place),
            speaker=_who(document, item, place, channel),
            channel=channel,
            words=[s.word for s in words],
        )
    ]


def _parse(document: Document) -> Transcript:
    results = document.get(document.json, "results", dict, "")
    channels = document.items(results, "channels", "results")
    several = len(channels) > 1
    languages = [c.get("detected_language") for _, c in channels]
    turns = document.each(
        document.items(results, "utterances", "results"), partial(_utterance, document, several)
    )
    if not turns:
        for i, (place, channel) in enumerate(channels):
            made = partial(_word, document, i if several else None)
            for at, best in document.items(channel, "alternatives", place)[:1]:
                turns += join(document, document.each(document.items(best, "words", at), made))
    language = next((one for one in languages if isinstance(one, str)), "")
    return document.finish(turns, "Deepgram JSON", language=language)


READERS = [Reader("Deepgram JSON", _recognises, _parse)]
