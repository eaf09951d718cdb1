"""Deepgram JSON: utterances where they were asked for, else words joined to turns."""

from __future__ import annotations

from typing import Any

from prosody.transcripts.document import Document
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.reader import Reader
from prosody.transcripts.turns import Transcript, Turn, Word


def _recognises(document: Document) -> bool:
    data = document.json
    results = data.get("results") if isinstance(data, dict) else None
    return isinstance(results, dict) and isinstance(results.get("channels"), list)


def _words(document: Document, item: dict[str, Any], place: str) -> list[tuple[str, str, Word]]:
    out = []
    for at, word in document.items(item, "words", place):
        text = document.maybe(word, "punctuated_word", str, at) or document.get(
            word, "word", str, at
        )
        speaker = document.maybe(word, "speaker", (int, str), at)
        times = [document.time(word.get(k), f"{at}.{k}") for k in ("start", "end")]
        out.append((at, "" if speaker is None else str(speaker), Word(text, *times)))
    return out


def _parse(document: Document) -> Transcript:
    results = document.get(document.json, "results", dict, "")
    channels = document.items(results, "channels", "results")
    several = len(channels) > 1
    language = next(
        (
            c["detected_language"]
            for _, c in channels
            if isinstance(c.get("detected_language"), str)
        ),
        "",
    )
    turns: list[Turn] = []
    for place, item in document.items(results, "utterances", "results"):
        number = document.maybe(item, "channel", int, place)
        speaker = document.maybe(item, "speaker", (int, str), place)
        label = f"channel {number}" if several else "" if speaker is None else str(speaker)
        turns.append(
            document.turn(
                place,
                document.time(item.get("start"), f"{place}.start"),
                document.time(item.get("end"), f"{place}.end"),
                document.get(item, "transcript", str, place),
                speaker=label,
                channel=number if several else None,
                words=[w for _, _, w in _words(document, item, place)],
            )
        )
    if not turns:
        for i, (place, channel) in enumerate(channels):
            choices = document.items(channel, "alternatives", place)
            if choices:
                words = _words(document, choices[0][1], choices[0][0])
                turns.extend(
                    join(
                        document,
                        [
                            Spoken(
                                w,
                                at,
                                f"channel {i}" if several else speaker,
                                i if several else None,
                            )
                            for at, speaker, w in words
                        ],
                    )
                )
    return document.finish(turns, "Deepgram JSON", language=language)


READERS = [Reader("Deepgram JSON", _recognises, _parse)]
