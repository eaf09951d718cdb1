"""AssemblyAI JSON: utterances with speakers or channels, else words joined to turns."""

from __future__ import annotations

from functools import partial
from typing import Any

from prosody.transcripts.document import Document, Reader
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Turn, Word


def _recognises(document: Document) -> bool:
    data = document.json
    return isinstance(data, dict) and (
        {"words", "text"} <= data.keys()
        and bool(
            {"utterances", "audio_url", "acoustic_model", "language_code", "speech_model"}
            & data.keys()
        )
        and "segments" not in data
    )


def _who(document: Document, item: dict[str, Any], place: str) -> tuple[str, int | None]:
    """Return label and channel; with several channels the speaker is the channel's number."""
    speaker = document.maybe(item, "speaker", (str, int), place)
    channel = document.maybe(item, "channel", (str, int), place)
    number = int(channel) - 1 if channel is not None and str(channel).isdigit() else None
    if number is not None and number >= 0:
        return f"channel {channel}" if speaker in (None, channel) else str(speaker), number
    return "" if speaker is None else str(speaker), None


def _word(document: Document, place: str, word: dict[str, Any]) -> list[Spoken]:
    timed = Word(document.get(word, "text", str, place), *document.times(word, place, per_s=1000))
    return [Spoken(timed, place, *_who(document, word, place))]


def _utterance(document: Document, place: str, item: dict[str, Any]) -> list[Turn]:
    speaker, channel = _who(document, item, place)
    return [
        document.turn(
            place,
            *document.times(item, place, per_s=1000),
            document.get(item, "text", str, place),
            speaker=speaker,
            channel=channel,
            words=[s.word for s in document.words(item, "words", place, partial(_word, document))],
        )
    ]


def _parse(document: Document) -> Transcript:
    data = document.json
    status = document.maybe(data, "status", str, "")
    if status and status != "completed":
        raise document.bad("status", status, "a completed transcript")
    turns = document.each(document.items(data, "utterances"), partial(_utterance, document))
    if not turns:
        words = document.each(document.items(data, "words"), partial(_word, document))
        turns = join(document, words)
    return document.finish(
        turns, "AssemblyAI JSON", language=document.maybe(data, "language_code", str, "")
    )


READERS = [Reader("AssemblyAI JSON", _recognises, _parse)]
