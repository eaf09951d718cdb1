"""What was said, by whom, when: the words every later step speaks in.

Times are seconds from the start of the recording (float64). ``nan`` means not known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prosody.message import Message

Role = Literal["agent", "customer", "unknown"]
Unit = Literal["s", "ms"]
ActKind = Literal["apology", "repair", "sympathy", "interruption"]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word with its times in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """What one role says without giving way.

    ``words`` is empty where the transcript has no word times. ``channel`` is the channel the
    transcript names, if it names one. ``speaker`` is the transcript's own label, unchanged.
    """

    start_s: float
    end_s: float
    text: str
    role: Role = "unknown"
    words: tuple[Word, ...] = ()
    channel: int | None = None
    speaker: str = ""

    @property
    def has_word_times(self) -> bool:
        """Whether every word of the text has its times."""
        return bool(self.words) and all(math.isfinite(w.start_s + w.end_s) for w in self.words)


@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of one recording in order of start, and how they were read.

    ``notes`` are messages about what the reader had to assume (times taken as ms, no
    speaker labels, ...); they end up in the recording's line of the results.

    ``track_start_s`` is for calls whose roles lie in files of their own: when the role's file
    starts on the transcript's clock (all times here are on that clock). A time in the role's own
    file is ``t - track_start_s.get(role, 0)``.
    """

    turns: tuple[Turn, ...]
    source: str
    language: str = ""
    notes: tuple[Message, ...] = ()
    track_start_s: Mapping[Role, float] = field(default_factory=dict, hash=False)
    unit: Unit = "s"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the reader had to assume, in English."""
        return tuple(map(str, self.notes))


@dataclass(frozen=True, slots=True)
class Act:
    """One found "sorry" (or the like) and what it does.

    ``turn`` indexes the transcript's turns (-1 when the window came from a file).
    ``start_s`` to ``end_s`` is the apologising clause with its intensifiers; without word times it
    is the whole turn and ``has_word_times`` is False, so that voice activity may trim it.
    ``form`` names the wording that matched (the lexicon's id). ``i_form`` is True for "I" forms,
    False for "we"/passive ones, None where the wording names nobody ("sorry").
    """

    kind: ActKind
    start_s: float
    end_s: float
    text: str
    form: str = ""
    role: Role = "unknown"
    turn: int = -1
    has_word_times: bool = False
    i_form: bool | None = None
    words: tuple[Word, ...] = field(default=())


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return turns sorted by start, then end; unknown starts keep their place at the end."""
    return tuple(
        sorted(turns, key=lambda t: (math.inf if math.isnan(t.start_s) else t.start_s, t.end_s))
    )
