"""AssemblyAI JSON: utterances with speakers or channels, else words joined to turns."""

from __future__ import annotations

from typing import Any

from prosody.transcripts.document import Document
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.reader import Reader
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


def _words(document: Document, item: dict[str, Any], place: str) -> list[Spoken]:
    out = []
    for at, word in document.items(item, "words", place):
        times = [document.time(word.get(k), f"{at}.{k}", per_s=1000) for k in ("start", "end")]
        speaker, channel = _who(document, word, at)
        out.append(Spoken(Word(document.get(word, "text", str, at), *times), at, speaker, channel))
    return out


def _parse(document: Document) -> Transcript:
    data = document.json
    status = document.maybe(data, "status", str, "")
    if status and status != "completed":
        raise document.bad("status", status, "a completed transcript")
    turns: list[Turn] = []
    for place, item in document.items(data, "utterances"):
        speaker, channel = _who(document, item, place)
        turns.append(
            document.turn(
                place,
                document.time(item.get("start"), f"{place}.start", per_s=1000),
                document.time(item.get("end"), f"{place}.end", per_s=1000),
                document.get(item, "text", str, place),
                speaker=speaker,
                channel=channel,
                words=[s.word for s in _words(document, item, place)],
            )
        )
    if not turns:
        turns = join(document, _words(document, data, ""))
    return document.finish(
        turns, "AssemblyAI JSON", language=document.maybe(data, "language_code", str, "")
    )


READERS = [Reader("AssemblyAI JSON", _recognises, _parse)]
