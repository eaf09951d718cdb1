"""Subtitles as transcripts: WebVTT and SRT, with speakers where they name them."""

from __future__ import annotations

import re
from collections import Counter

from prosody.transcripts.document import Document, align, parse_time, role_of
from prosody.transcripts.reader import Reader
from prosody.transcripts.turns import Transcript, Turn, Word

_ARROW = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)(?:\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,200})>")
_INNER = re.compile(r"<(\d[\d:.]{3,20})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|</?>|\{\\[^{}]{0,100}\}")
_LABEL = re.compile(r"^\s*(?:>>\s*|-\s+)?(?:\[([^\]:]{1,40})\]:?|([^\W\d_][\w .'()-]{0,38}):)\s+")
_MACHINE = re.compile(
    r"(?:speaker|spk|spreker|channel|ch|kanaal|participant|deelnemer)[ _-]?\w{1,3}$", re.IGNORECASE
)


def _is_vtt(document: Document) -> bool:
    return re.match(r"\s*WEBVTT(?:[ \t\n]|$)", document.text) is not None


def _is_srt(document: Document) -> bool:
    head = [line for line in document.text[:4000].split("\n") if line.strip()][:2]
    return any(
        _ARROW.match(line) and parse_time(_ARROW.match(line)[1]) is not None  # type: ignore[index]
        for line in head
    )


def _cues(document: Document) -> list[tuple[int, float, float, list[str]]]:
    """Return (line number, start, end, payload lines) of every cue."""
    cues: list[tuple[int, float, float, list[str]]] = []
    block: list[str] = []
    lines = document.text.split("\n")
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
            continue
        first = number - len(block)
        at = next((i for i, text in enumerate(block[:2]) if "-->" in text), None)
        if at is None:
            keyword = block[0].split()[0].upper() if block else ""
            known = (
                not block
                or keyword in ("NOTE", "STYLE", "REGION")
                or (keyword.startswith("WEBVTT") and not cues)
            )
            if not known:
                raise document.bad(f"line {first}", block[0], "a line 'start --> end'")
        else:
            place = f"line {first + at}"
            match = _ARROW.match(block[at])
            if not match:
                raise document.bad(place, block[at], "'start --> end'")
            times = []
            for text in match.groups():
                if ":" not in text:
                    raise document.bad(place, text, "a time such as 00:01:02.500")
                times.append(document.time(text, place))
            start_s, end_s = document.span(times[0], times[1], place)
            cues.append((first + at, start_s, end_s, block[at + 1 :]))
        block = []
    return cues


def _inner_words(
    document: Document, line: int, start_s: float, end_s: float, text: str
) -> list[Word]:
    """Return words by the time stamps inside a cue (``<00:00:01.500>``), if there are any."""
    parts = _INNER.split(text)
    if len(parts) < 3:
        return []
    stamps = [start_s, *(document.time(t, f"line {line}") for t in parts[1::2]), end_s]
    words: list[Word] = []
    for chunk, begin, end in zip(parts[0::2], stamps, stamps[1:], strict=False):
        spoken = _TAG.sub("", chunk).split()
        for i, word in enumerate(spoken):
            step = max(end - begin, 0.0) / len(spoken)
            words.append(Word(word, begin + i * step, begin + (i + 1) * step))
    return words


def _labelled(texts: list[str]) -> bool:
    """Return whether "Name: text" is how this file names speakers (and not ordinary text)."""
    labels = [m[1] or m[2] for t in texts if (m := _LABEL.match(t))]
    counts = Counter(labels)
    return (
        bool(labels)
        and len(labels) >= 0.5 * len(texts)
        and len(counts) <= 8
        and (len(labels) > len(counts))
    )


def _parse(document: Document, source: str) -> Transcript:
    cues = _cues(document)
    named = _labelled([" ".join(lines) for *_, lines in cues])
    turns: list[Turn] = []
    for line, start_s, end_s, lines in cues:
        speaker, pieces = "", [("", " ".join(lines))]
        joined = " ".join(lines)
        if voices := list(_VOICE.finditer(joined)):
            ends = [v.start() for v in voices[1:]] + [len(joined)]
            pieces = [(v[1], joined[v.end() : e]) for v, e in zip(voices, ends, strict=True)]
            before = joined[: voices[0].start()]
            if _TAG.sub("", before).strip():
                pieces.insert(0, ("", before))
        elif all(_LABEL.match(text) for text in lines) and len(lines) > 1:
            pieces = [("", text) for text in lines]
        for speaker, text in pieces:
            label = _LABEL.match(text)
            if not speaker and label:
                name = label[1] or label[2]
                if named or role_of(name) != "unknown" or _MACHINE.match(name.strip()):
                    speaker, text = name, text[label.end() :]
            words = _inner_words(document, line, start_s, end_s, text)
            plain = _TAG.sub("", _INNER.sub("", text))
            turn = document.turn(f"line {line}", start_s, end_s, plain, speaker=speaker)
            if words:
                turn = document.turn(
                    f"line {line}",
                    start_s,
                    end_s,
                    plain,
                    speaker=speaker,
                    words=align(turn.text, words),
                )
            turns.append(turn)
        if len(pieces) > 1:
            document.note("cues with several speakers: each was given the time of the whole cue")
    return document.finish(turns, source)


READERS = [
    Reader("WebVTT", _is_vtt, lambda document: _parse(document, "WebVTT")),
    Reader("SRT", _is_srt, lambda document: _parse(document, "SRT")),
]
