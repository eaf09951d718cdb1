"""Subtitles as transcripts: WebVTT and SRT, with speakers where they name them.

What people have is seldom what the standards say: lines of one blank, blank lines between time and
text, the speaker as the name of a cue or on a line of its own, captions that roll. Everything from
one line of times to the next is one cue, so none of these loses words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from prosody.errors import TranscriptError
from prosody.transcripts.document import Document, Reader, align, is_machine, parse_time, role_of
from prosody.transcripts.turns import Transcript, Turn, Word

_ARROW = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)(?:\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,200})>")
_INNER = re.compile(r"<(\d[\d:.]{3,20})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|</?>|\{\\[^{}]{0,100}\}")
_LABEL = re.compile(r"^\s*(?:>>\s*|-\s+)?(?:\[([^\]:]{1,40})\]:?|([^\W\d_][\w .'()-]{0,38}):)\s+")
_ALONE = re.compile(r"^\s*(?:\[([^\]:]{1,40})\]:?|([^\W\d_][\w .'()-]{0,38}):?)\s*$")
_NUMBERED = re.compile(
    r"(?:speaker|spk|spreker|channel|ch|kanaal|participant|deelnemer)[ _-]?\w{1,3}$", re.IGNORECASE
)
# Webex: the name of a cue is its number, the speaker in quotes, and the speaker's number.
_WEBEX = re.compile(r'^\d+\s+"([^"]{1,80})"\s+\(\d+\)$')
_BLOCKS = ("NOTE", "STYLE", "REGION")
_ROLLING_GAP_S = 0.5  # captions that roll follow each other at once
_ROLLING_SHARE = 0.3  # of the cues repeat the line before: the captions roll


@dataclass(frozen=True, slots=True)
class _Cue:
    """One cue: the line its times stand on, its name, and the lines under it."""

    line: int
    start_s: float
    end_s: float
    name: str
    lines: tuple[str, ...]


def _is_srt(document: Document) -> bool:
    head = [line for line in document.text[:4000].split("\n") if line.strip()][:2]
    return any(
        _ARROW.match(line) and parse_time(_ARROW.match(line)[1]) is not None  # type: ignore[index]
        for line in head
    )


def _without_notes(lines: list[str]) -> list[str]:
    """Empty the lines of a WebVTT file's comments and styles, and of its header."""
    out, inside = list(lines), False
    for i, line in enumerate(lines):
        begins = not i or not lines[i - 1]
        word = line.split()[0].upper() if line.split() else ""
        if begins and (word in _BLOCKS or (not i and word.startswith("WEBVTT"))):
            inside = "-->" not in line
        elif not line or "-->" in line:
            inside = False
        if inside:
            out[i] = ""
    return out


def _cues(document: Document) -> list[_Cue]:
    """Return every cue; those whose times make no sense are passed over and noted."""
    lines = _without_notes(document.text.split("\n"))
    arrows = [i for i, line in enumerate(lines) if "-->" in line]
    names: dict[int, int] = {}  # line of times -> line of the cue's name
    for at in arrows:
        above = at - 1
        if above >= 0 and lines[above].strip() and "-->" not in lines[above]:
            free = above == 0 or not lines[above - 1].strip()
            if free or lines[above].strip().isdigit():
                names[at] = above
    cues, odd = [], []
    before = [i for i in range(arrows[0] if arrows else len(lines)) if lines[i].strip()]
    for i in before:
        header = len(lines[i]) < 80 and re.match(r"^[\w-]+\s*[:=]", lines[i])
        if i != names.get(arrows[0] if arrows else -1) and not header:
            odd.append(document.bad(f"line {i + 1}", lines[i], "a line 'start --> end'"))
    for at, following in pairwise([*arrows, len(lines)]):
        stop = names.get(following, following)
        text = tuple(line for line in lines[at + 1 : stop] if line.strip())
        try:
            match = _ARROW.match(lines[at])
            if not match:
                raise document.bad(f"line {at + 1}", lines[at], "'start --> end'")
            times = []
            for value in match.groups():
                if ":" not in value:
                    raise document.bad(f"line {at + 1}", value, "a time such as 00:01:02.500")
                times.append(document.time(value, f"line {at + 1}"))
            start_s, end_s = document.span(times[0], times[1], f"line {at + 1}")
        except TranscriptError as error:
            odd.append(error)
            continue
        cues.append(_Cue(at + 1, start_s, end_s, lines[names[at]].strip() if at in names else "",
                         text))  # fmt: skip
    document.passed_over(odd, read=len(cues))
    return cues


def _unrolled(document: Document, cues: list[_Cue]) -> list[_Cue]:
    """Take the line out that rolling captions repeat from the cue before."""

    def plain(line: str) -> str:
        return " ".join(_TAG.sub("", _INNER.sub("", line)).split())

    out, again = [], 0
    shown: list[str] = []
    end_s = -math.inf
    for cue in cues:
        fresh = list(cue.lines)
        rolls = cue.start_s - end_s < _ROLLING_GAP_S  # else somebody said it again
        end_s = cue.end_s
        while fresh and rolls and plain(fresh[0]) in shown and not _INNER.search(fresh[0]):
            fresh.pop(0)
        again += 0 < len(fresh) < len(cue.lines)
        shown = [plain(line) for line in cue.lines]
        out.append(replace(cue, lines=tuple(fresh)))
    if len(cues) < 3 or again < _ROLLING_SHARE * len(cues):
        return cues
    document.note("the captions roll: lines shown again were read once")
    return [cue for cue in out if cue.lines]


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


def _is_name(label: str) -> bool:
    """Whether a label by itself can only be a speaker."""
    label = label.strip()
    return role_of(label) != "unknown" or is_machine(label) or bool(_NUMBERED.match(label))


def _names(labels: list[str], of: int) -> bool:
    """Whether labels are how this file names speakers (and not ordinary text)."""
    counts = Counter(labels)
    most = len(labels) >= 0.5 * of
    return most and len(counts) <= 8 and len(labels) > len(counts)


def _alone(cue: _Cue) -> str:
    """Return what stands on a line of its own above a cue's text, as a label would."""
    match = _ALONE.match(cue.lines[0]) if len(cue.lines) > 1 else None
    return (match[1] or match[2]).strip() if match else ""


def _parse(document: Document, source: str) -> Transcript:
    cues = _unrolled(document, _cues(document))
    labels = [m[1] or m[2] for c in cues if (m := _LABEL.match(" ".join(c.lines)))]
    named = _names(labels, len(cues))
    own = [c.name for c in cues if c.name and not c.name.isdigit() and not _WEBEX.match(c.name)]
    by_name = _names(own, len(cues)) or any(_is_name(name) for name in own)
    lone = [label for c in cues if (label := _alone(c)) and label + ":" == c.lines[0].strip()]
    by_line = _names(lone, len(cues))
    turns: list[Turn] = []
    odd: list[TranscriptError] = []
    for cue in cues:
        try:
            turns += _turns(document, cue, named=named, by_name=by_name, by_line=by_line)
        except TranscriptError as error:
            odd.append(error)
    document.passed_over(odd, read=len(turns))
    return document.finish(turns, source)


def _turns(
    document: Document, cue: _Cue, *, named: bool, by_name: bool, by_line: bool
) -> list[Turn]:
    """Return what is said in one cue: a turn, or one for each voice in it."""
    lines = list(cue.lines)
    of_cue = ""
    if webex := _WEBEX.match(cue.name):
        of_cue = webex[1]
    elif by_name and cue.name and not cue.name.isdigit():
        of_cue = cue.name
    elif (label := _alone(cue)) and (by_line or _is_name(label)):
        of_cue, lines = label, lines[1:]
    speaker, joined = "", " ".join(lines)
    pieces = [("", joined)]
    if voices := list(_VOICE.finditer(joined)):
        ends = [v.start() for v in voices[1:]] + [len(joined)]
        pieces = [(v[1], joined[v.end() : e]) for v, e in zip(voices, ends, strict=True)]
        before = joined[: voices[0].start()]
        if _TAG.sub("", before).strip():
            pieces.insert(0, ("", before))
    elif all(_LABEL.match(text) for text in lines) and len(lines) > 1:
        pieces = [("", text) for text in lines]
    out = []
    for speaker, text in pieces:
        label_found = _LABEL.match(text)
        if not speaker and label_found:
            name = label_found[1] or label_found[2]
            if named or _is_name(name):
                speaker, text = name, text[label_found.end() :]
        speaker = speaker or of_cue
        place = f"line {cue.line}"
        words = _inner_words(document, cue.line, cue.start_s, cue.end_s, text)
        plain = _TAG.sub("", _INNER.sub("", text))
        turn = document.turn(place, cue.start_s, cue.end_s, plain, speaker=speaker)
        if words:
            turn = document.turn(
                place,
                cue.start_s,
                cue.end_s,
                plain,
                speaker=speaker,
                words=align(turn.text, words),
            )
        out.append(turn)
    if len(pieces) > 1:
        document.note("cues with several speakers: each was given the time of the whole cue")
    return out


READERS = [
    Reader(
        "WebVTT",
        lambda document: re.match(r"\s*WEBVTT(?:[ \t\n]|$)", document.text) is not None,
        lambda document: _parse(document, "WebVTT"),
    ),
    Reader("SRT", _is_srt, lambda document: _parse(document, "SRT")),
]
