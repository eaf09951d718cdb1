"""Praat TextGrid: tiers of utterances, tiers of words, or both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from prosody.transcripts.document import Document, Reader, align
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Turn, Word

# Praat itself reads the free-standing numbers and quoted strings and passes over the rest, so
# the long and the short text form are one format.
_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|(?<![\w\[<.])([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w\]>])|(<\w+>)'
)
_SILENT = re.compile(r"(?:<[^<>]{0,20}>|\[[^\[\]]{0,30}\]|sil|sp|spn|xxx|-+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Interval:
    start_s: float
    end_s: float
    text: str
    place: str


def _recognises(document: Document) -> bool:
    head = document.text[:300]
    return "ooTextFile" in head and "TextGrid" in head


class _Tokens:
    """The strings and numbers of the file in order, each with its line."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: Iterator[re.Match[str]] = _TOKEN.finditer(document.text)
        self._line, self._at = 1, 0

    def _next(self) -> tuple[re.Match[str], str]:
        match = next(self._found, None)
        if match is None:
            raise self._document.bad("the end of the file", "no more values", "another interval")
        self._line += self._document.text.count("\n", self._at, match.start())
        self._at = match.start()
        return match, f"line {self._line}"

    def text(self) -> tuple[str, str]:
        match, place = self._next()
        if match[1] is None:
            raise self._document.bad(place, match[0], "a text in quotes")
        return match[1].replace('""', '"'), place

    def number(self) -> tuple[float, str]:
        match, place = self._next()
        if match[2] is None:
            raise self._document.bad(place, match[0], "a number")
        return float(match[2]), place

    def count(self) -> int:
        value, place = self.number()
        if not value.is_integer():  # nor is infinity
            raise self._document.bad(place, value, "a whole number")
        return int(value)

    def flag(self) -> str:
        match, place = self._next()
        if match[3] is None:
            raise self._document.bad(place, match[0], "<exists>")
        return match[3]


def _tiers(document: Document) -> list[tuple[str, list[_Interval]]]:
    tokens = _Tokens(document)
    for _ in range(2):
        tokens.text()
    for _ in range(2):
        tokens.number()
    if tokens.flag() != "<exists>":
        return []
    tiers = []
    for _ in range(tokens.count()):
        kind, place = tokens.text()
        if kind not in ("IntervalTier", "TextTier"):
            raise document.bad(place, kind, "IntervalTier or TextTier")
        name, _ = tokens.text()
        for _ in range(2):
            tokens.number()
        rows = []
        for _ in range(tokens.count()):
            start_s, place = tokens.number()
            end_s = tokens.number()[0] if kind == "IntervalTier" else start_s
            rows.append((place, (start_s, end_s, tokens.text()[0])))
        if kind == "IntervalTier":
            tiers.append((name, document.each(rows, partial(_interval, document))))
    return tiers


def _interval(document: Document, place: str, row: tuple[float, float, str]) -> list[_Interval]:
    start_s, end_s = (document.time(value, place) for value in row[:2])
    document.span(start_s, end_s, place)
    text = " ".join(row[2].split())
    return [] if _SILENT.match(text) else [_Interval(start_s, end_s, text, place)]


def _speaker(name: str) -> str:
    """Return a tier's speaker: the name without "words", "phones", "utterances"."""
    pieces = re.split(r"\s*[-_:/ ]\s*", name.strip())
    kinds = {
        "word", "words", "phone", "phones", "utterance", "utterances", "woorden", "zinnen",
        "sentences", "transcript", "text", "segments", "orthography", "ort", "mau", "kan",
    }  # fmt: skip
    return " ".join(p for p in pieces if p.lower() not in kinds)


def _parse(document: Document) -> Transcript:
    turns: list[Turn] = []
    words: dict[str, list[_Interval]] = {}
    spoken: dict[str, list[_Interval]] = {}
    for name, intervals in _tiers(document):
        if re.search(r"\b(phones?|phonemes?|syll\w*|notes?|comments?|mau|kan)\b", name.lower()):
            document.note("tiers without words were passed over")
            continue
        single = sum(len(i.text.split()) == 1 for i in intervals)
        is_words = re.search(r"\b(words?|woorden|ort)\b", name.lower()) or (
            len(intervals) >= 8 and single >= 0.95 * len(intervals)
        )
        holder = words if is_words else spoken
        holder.setdefault(_speaker(name), []).extend(intervals)
    for speaker, intervals in spoken.items():
        timed = words.pop(speaker, [])
        at = 0
        for interval in sorted(intervals, key=lambda i: i.start_s):
            while at < len(timed) and timed[at].end_s <= interval.start_s:
                at += 1
            inside = []
            for word in timed[at:]:
                if word.start_s >= interval.end_s:
                    break
                inside.append(Word(word.text, word.start_s, word.end_s))
            turns.append(
                document.turn(
                    interval.place,
                    interval.start_s,
                    interval.end_s,
                    interval.text,
                    speaker=speaker,
                    words=align(interval.text, inside),
                )
            )
    for speaker, intervals in words.items():
        turns.extend(
            join(
                document,
                [
                    Spoken(Word(i.text, i.start_s, i.end_s), i.place, speaker)
                    for i in sorted(intervals, key=lambda i: i.start_s)
                ],
            )
        )
    return document.finish(turns, "Praat TextGrid")


READERS = [Reader("Praat TextGrid", _recognises, _parse)]
