"""Words in a row become turns: for formats that give words with times but no utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from prosody.transcripts.document import Document
from prosody.transcripts.turns import Role, Turn, Word

PAUSE_S = 0.8  # a longer pause begins a new turn


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word and who said it."""

    word: Word
    place: str
    speaker: str = ""
    channel: int | None = None
    role: Role | None = None


def join(document: Document, spoken: Iterable[Spoken], *, mark: str = " ") -> list[Turn]:
    """Return turns: words of one speaker without a long pause, each speaker and channel apart.

    A word without times joins the words before it.
    """
    groups: list[list[Spoken]] = []
    open_groups: dict[int | None, list[Spoken]] = {}
    for item in spoken:
        group = open_groups.get(item.channel)
        if group and group[-1].speaker == item.speaker:
            ends = [s.word.end_s for s in group if math.isfinite(s.word.end_s)]
            late = bool(ends) and item.word.start_s - ends[-1] > PAUSE_S  # NaN: not late
            if not late:
                group.append(item)
                continue
        group = [item]
        groups.append(group)
        open_groups[item.channel] = group
    if groups:
        document.note("words were joined to turns at pauses over {a} s", a=f"{PAUSE_S:g}")

    def made(place: str, group: list[Spoken]) -> list[Turn]:
        first, words = group[0], [s.word for s in group]
        return [
            document.turn(
                place,
                math.nan,
                math.nan,
                mark.join(w.text for w in words),
                speaker=first.speaker,
                role=first.role,
                channel=first.channel,
                words=words,
            )
        ]

    return document.each(((g[0].place, g) for g in groups), made)
