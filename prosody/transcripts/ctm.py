"""NIST CTM: one word a line, ``file channel start duration word [confidence ...]``."""

from __future__ import annotations

import re
from functools import partial

from prosody.transcripts.document import Document, Reader
from prosody.transcripts.joining import Spoken, join
from prosody.transcripts.turns import Transcript, Word

_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s+(\S+)(?:\s+.*)?$")
_NO_WORD = re.compile(r"<[^<>]*>$|\[[^\[\]]*\]$|\((?:%\w+|\W*)\)$|@\w*$", re.IGNORECASE)


def _recognises(document: Document) -> bool:
    lines = [ln.strip() for ln in document.text[:20_000].split("\n")]
    lines = [ln for ln in lines if ln and not ln.startswith((";;", "#"))][:3]
    return bool(lines) and all(_LINE.match(line) for line in lines[: max(1, len(lines) - 1)])


def _row(document: Document, place: str, line: str) -> list[tuple[str, str, Word, str]]:
    if not line or line.startswith((";;", "#")):
        return []
    match = _LINE.match(line)
    if match is None:
        raise document.bad(place, line, "file channel start duration word")
    if _NO_WORD.match(match[5]):
        return []
    start_s = document.time(match[3], place)
    word = Word(match[5], start_s, start_s + document.time(match[4], place))
    return [(match[1], match[2], word, place)]


def _parse(document: Document) -> Transcript:
    rows = document.each(
        ((f"line {i}", line.strip()) for i, line in enumerate(document.text.split("\n"), 1)),
        partial(_row, document),
    )
    names = list(dict.fromkeys(name for name, *_ in rows))
    if len(names) > 1:
        own = [n for n in names if n.rsplit("/", 1)[-1] in (document.path.stem, document.path.name)]
        if not own:
            raise document.bad("column 1", f"{len(names)} recordings", "the words of one recording")
        document.note("only the words of this recording were read")
        rows = [r for r in rows if r[0] == own[0]]
    labels = sorted({channel for _, channel, *_ in rows})
    number_of = _channels(document, labels)
    spoken = [
        Spoken(
            word,
            place,
            label if number_of.get(label) is None else f"channel {label}",
            number_of.get(label),
        )
        for _, label, word, place in sorted(rows, key=lambda r: r[2].start_s)
    ]
    return document.finish(join(document, spoken), "CTM")


def _channels(document: Document, labels: list[str]) -> dict[str, int | None]:
    """Return label -> channel from 0: A, B ... or 1, 2 ... or 0, 1 ...; one label says nothing."""
    if len(labels) < 2:
        return {}
    if all(re.fullmatch("[A-Ha-h]", label) for label in labels):
        return {label: ord(label.upper()) - ord("A") for label in labels}
    if all(label.isdigit() and int(label) < 64 for label in labels):
        first = 0 if "0" in labels else 1
        if first:
            document.note("channels 1, 2 ... were taken as the first, second ...")
        return {label: int(label) - first for label in labels}
    return {}


READERS = [Reader("CTM", _recognises, _parse)]
