"""What one visitor has recorded: takes and ordinary sentences, in memory, bounded, then gone."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from prosody.coach.model_voice import Version
from prosody.coach.take import Measured, OwnBaseline
from prosody.results.records import ApologyRecord
from prosody.transcripts.turns import Word

Kind = Literal["take", "baseline", "example"]

MOST_TAKES = 30
"""Takes and examples in one visit."""
MOST_SENTENCES = 6
"""Ordinary sentences in one visit; the oldest goes when another comes."""
MOST_BYTES = 400_000_000
"""Sound that all visits together may hold, about 100 minutes at 48 kHz; and once more for what is
on its way in."""


class Full(Exception):  # noqa: N818 - a state, and no error of ours
    """There is no room for another take; ``code`` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True, eq=False)
class Take:
    """One take of a visitor.

    ``judged`` is the baseline it was held against and its row as judged then, in one piece: a
    judgement that was under way when the baseline changed does not pass for a new one. ``told_ms``
    is how long it took from the last byte to the answer. ``said`` is what a recogniser heard.
    """

    key: str
    kind: Kind
    name: str
    created: str
    sentence: str
    measured: Measured
    judged: tuple[OwnBaseline | None, ApologyRecord] | None = None
    told_ms: float = 0.0
    versions: dict[str, Version] = field(default_factory=dict)
    said: tuple[Word, ...] = ()

    @property
    def size(self) -> int:
        """Bytes it holds, about."""
        own = len(self.measured.flac) + len(self.measured.lines_json)
        return own + sum(v.size for v in self.versions.values())


@dataclass(slots=True)
class Store:
    """What all visits hold together."""

    most_bytes: int = MOST_BYTES
    held: int = 0
    coming: int = 0

    @contextmanager
    def arriving(self, size: int) -> Iterator[None]:
        """Hold room for what is on its way in or waits to be listened to; refused if too much."""
        if self.coming + size > self.most_bytes:
            raise Full("busy")
        self.coming += size
        try:
            yield
        finally:
            self.coming -= size

    def take_in(self, size: int) -> None:
        """Count something in, or refuse it."""
        if self.held + size > self.most_bytes:
            raise Full("memory")
        self.held += size

    def let_go(self, size: int) -> None:
        """Count something out."""
        self.held -= size


@dataclass(slots=True, eq=False)
class Visit:
    """The takes of one visitor, and how she usually speaks.

    ``coming`` counts takes that are being listened to, ``epoch`` how often everything was wiped:
    what was listened to meanwhile is not taken in.
    """

    store: Store
    takes: dict[str, Take] = field(default_factory=dict)
    sentences: list[Take] = field(default_factory=list)
    baseline: OwnBaseline | None = None
    count: int = 0
    coming: int = 0
    epoch: int = 0

    @property
    def spoken_s(self) -> float:
        """Seconds of speech in the ordinary sentences."""
        return sum(t.measured.speech_s for t in self.sentences)

    def everything(self) -> Iterator[Take]:
        """Yield takes and ordinary sentences."""
        yield from self.takes.values()
        yield from self.sentences

    @contextmanager
    def place(self, kind: Kind) -> Iterator[None]:
        """Hold a place for a take while it is listened to; refused where there is none."""
        counts = kind != "baseline"
        if counts and len(self.takes) + self.coming >= MOST_TAKES:
            raise Full("too_many")
        self.coming += counts
        try:
            yield
        finally:
            self.coming -= counts

    def add(self, kind: Kind, sentence: str, measured: Measured) -> Take:
        """Add a take; an ordinary sentence takes the place of an earlier reading of it."""
        take = Take(
            key=secrets.token_urlsafe(9),
            kind=kind,
            name="",
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            sentence=sentence,
            measured=measured,
        )
        self.store.take_in(take.size)
        self.count += 1
        take.name = f"{kind}-{self.count}"
        if kind != "baseline":
            self.takes[take.key] = take
            return take
        for old in [t for t in self.sentences if t.sentence == sentence]:
            self._drop_sentence(old)
        self.sentences.append(take)
        if len(self.sentences) > MOST_SENTENCES:
            self._drop_sentence(self.sentences[0])
        return take

    def add_version(self, take: Take, made: Version) -> None:
        """Add what was made of a take; it goes when the take goes."""
        if self.find(take.key) is take:
            self.store.take_in(made.size)
            take.versions[made.how] = made

    def find(self, key: str) -> Take | None:
        """Return a take or an ordinary sentence by its id."""
        return self.takes.get(key) or next((t for t in self.sentences if t.key == key), None)

    def remove(self, take: Take) -> bool:
        """Remove a take; return whether the baseline has to be measured again."""
        if self.takes.pop(take.key, None) is not None:
            self.store.let_go(take.size)
            return False
        self._drop_sentence(take)
        return True

    def clear(self) -> None:
        """Forget everything."""
        for take in list(self.everything()):
            self.store.let_go(take.size)
        self.epoch += 1
        self.takes.clear()
        self.sentences.clear()
        self.baseline = None

    def _drop_sentence(self, take: Take) -> None:
        self.sentences.remove(take)
        self.store.let_go(take.size)
