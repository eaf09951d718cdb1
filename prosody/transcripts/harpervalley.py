"""HarperValleyBank (Gridspace-Stanford) JSON: a list of segments with word offsets.

The caller's and the agent's tracks are files of their own, and the agent's may start later:
``start_ms`` counts from the start of the role's own file, ``offset_ms`` on the common clock. Turns
here are on the common clock; the difference becomes the transcript's ``track_start_s``.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from prosody.transcripts.document import Document, Reader, align, listed
from prosody.transcripts.turns import Role, Transcript, Turn, Word

_SAME_CLOCK_S = 0.01  # offsets of a millisecond are rounding, not a later start


def recognises(document: Document) -> bool:
    """Tell a list whose objects have ``word_offsets_ms`` and ``speaker_role``."""
    return listed(document.json, "speaker_role", "offset_ms")


def parse(document: Document) -> Transcript:
    """Read segments; the human transcript is preferred, with the machine's word times."""
    later: dict[Role, list[float]] = {}

    def made(place: str, item: dict[str, Any]) -> list[Turn]:
        start_s, length_s = (
            document.time(
                document.get(item, key, (int, float), place), f"{place}.{key}", per_s=1000
            )
            for key in ("offset_ms", "duration_ms")
        )
        heard = document.maybe(item, "transcript", str, place) or ""
        text = document.maybe(item, "human_transcript", str, place) or heard
        turn = document.turn(
            place,
            start_s,
            start_s + length_s,
            text,
            speaker=document.maybe(item, "speaker_role", str, place) or "",
            words=_words(document, item, place, start_s, heard, text),
        )
        own_s = document.time(item.get("start_ms"), f"{place}.start_ms", per_s=1000)
        if math.isfinite(own_s):
            later.setdefault(turn.role, []).append(start_s - own_s)
        return [turn]

    turns = document.each(document.objects(document.json, "segments"), made)
    starts: dict[Role, float] = {role: median(gaps) for role, gaps in later.items()}
    starts = {role: round(gap, 3) for role, gap in starts.items() if abs(gap) > _SAME_CLOCK_S}
    for role, gap in sorted(starts.items()):
        document.note("the {a}'s own track starts {b} s into the call", a=role, b=f"{gap:.3f}")
    return document.finish(turns, "HarperValley JSON", language="en", track_start_s=starts)


def _words(
    document: Document, item: dict[str, Any], place: str, start_s: float, heard: str, text: str
) -> tuple[Word, ...]:
    """Return the words of a text by the times of the recognised ones."""
    offsets = document.maybe(item, "word_offsets_ms", list, place) or []
    lengths = document.maybe(item, "word_durations_ms", list, place) or []
    spoken = heard.split()
    if not spoken or not len(spoken) == len(offsets) == len(lengths):
        if offsets or lengths:
            document.note("segments whose word times do not fit their words were read without them")
        return ()
    timed = []
    for i, (word, offset, length) in enumerate(zip(spoken, offsets, lengths, strict=True)):
        begin = start_s + document.time(offset, f"{place}.word_offsets_ms[{i}]", per_s=1000)
        span = document.time(length, f"{place}.word_durations_ms[{i}]", per_s=1000)
        timed.append(Word(word, begin, begin + span))
    if text != heard:
        document.note("words of the human transcript have the times of the recognised ones")
    return align(text, timed)


READERS = [Reader("HarperValley JSON", recognises, parse)]
