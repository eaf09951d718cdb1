"""What every transcript reader stands on: the file's text, times, roles, and clear errors.

Transcripts come from anywhere, so they are hostile until shown otherwise: the size of the file,
the depth of its JSON and every time in it are checked here, once, for all readers. A reader asks
for values by :class:`Document` methods and never has to think of NaN, negative times or a missing
key; what it had to assume it adds to ``notes``, which become the transcript's assumptions.
"""

from __future__ import annotations

import html
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from prosody.errors import TranscriptError
from prosody.message import Message, assumed
from prosody.transcripts.turns import Role, Transcript, Turn, Unit, Word, in_order

MAX_BYTES = 128 * 2**20  # word-level JSON of a ten-hour call is about a quarter of this
# A later time is damage. It is above a day in milliseconds: a wrong unit is told from the sound.
MAX_TIME_S = 1e8
MAX_BEFORE_S = 600.0  # an export that was shifted may begin before the recording
MAX_EARLY_S = 0.5  # some recognisers start the first word a little before 0
# A turn whose end nobody says, and that no other follows, lasts about as long as its words.
_TURN_S, _LETTER_S = 0.5, 0.07

_AGENT = frozenset(
    [
        "agent", "advisor", "adviseur", "advocate", "employee", "medewerker", "medewerkster",
        "operator", "rep", "representative", "service", "internal", "consultant", "staff", "csr",
        "klantenservice", "collega", "colleague",
    ]
)  # fmt: skip
_CUSTOMER = frozenset(
    [
        "customer", "caller", "client", "klant", "beller", "consument", "consumer", "external",
        "enduser", "user", "member", "patient", "guest", "subscriber",
    ]
)  # fmt: skip
# Voices that are nobody's: announcements, menus, assistants.
_MACHINE = frozenset([
    "automated", "announcement", "assistant", "autoattendant", "bandje", "bot", "chatbot",
    "computer", "ivr", "keuzemenu", "machine", "menu", "meldtekst", "music", "muziek", "omroep",
    "prompt", "recording", "robot", "spraakcomputer", "system", "systeem", "tape", "virtual",
    "virtueel", "voicebot", "voicemail", "voiceresponse", "wachtmuziek", "welkomsttekst",
])  # fmt: skip
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,9})?)$")
_ISO = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$", re.IGNORECASE)
_FIRST = 20  # entries of a list by which a format is recognised: one may be odd
T = TypeVar("T")
_SECONDS = re.compile(r"(-?\d+(?:[.,]\d+)?)\s*(ms|s)?$")


@dataclass
class Document:
    """One transcript file, decoded; ``notes`` collects what the reader had to assume."""

    path: Path
    text: str
    notes: list[Message] = field(default_factory=list)

    @cached_property
    def json(self) -> Any:
        """Return the parsed JSON, or None where the file does not begin like JSON."""
        if self.text.lstrip()[:1] not in ("{", "[") or self.json_lines is not None:
            return None
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            found = (
                repr(self.text[error.pos : error.pos + 20])
                if error.pos < len(self.text)
                else ("the end of the file")
            )
            raise self.bad(
                f"line {error.lineno} column {error.colno}", found, f"JSON ({error.msg.lower()})"
            ) from None
        except RecursionError:
            raise self.bad("the file", "JSON nested very deeply", "a transcript") from None
        except ValueError:  # a whole number of thousands of digits
            raise self.bad("the file", "a number of absurd length", "JSON with times") from None

    @cached_property
    def json_lines(self) -> list[Any] | None:
        """Return one value a line (JSON Lines), or None where the file is something else."""
        lines = [line for line in self.text.split("\n") if line.strip()]
        if len(lines) < 2 or not all(line.lstrip()[:1] == "{" for line in lines):
            return None
        try:
            return [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            return None

    def bad(self, place: str, found: Any, expected: str) -> TranscriptError:
        """Return the error that names file, place, what was found and what was expected."""
        shown = found if isinstance(found, str) and " " in found else repr(found)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return TranscriptError(
            f"{self.path}: {place}: found {shown}, expected {expected}.",
            "Export the transcript again, or see docs/formats.md for what is read.",
        )

    def note(self, sentence: str, **values: object) -> None:
        """Record an assumption once; `values` fill its sentence."""
        found = assumed(sentence, **values)
        if found not in self.notes:
            self.notes.append(found)

    def passed_over(self, odd: Sequence[TranscriptError], *, read: int) -> None:
        """Note what could not be read; where that is most of the file, the first error stands.

        Only the places are noted: what stands there may be what somebody said.
        """
        if odd and len(odd) >= read:
            raise odd[0]
        places = [str(error).split(": found ")[0].rpartition(": ")[2] for error in odd]
        if places:
            shown = ", ".join(places[:4]) + (" ..." if len(places) > 4 else "")
            of = read + len(odd)
            self.note(
                "passed over {a} of {b} entries that cannot be read: {c}", a=len(odd), b=of, c=shown
            )

    def each(
        self, items: Iterable[tuple[str, Any]], make: Callable[[str, Any], list[T]]
    ) -> list[T]:
        """Return what `make` makes of items and their places; odd items are noted."""
        out: list[T] = []
        odd: list[TranscriptError] = []
        read = 0
        for place, item in items:
            try:
                out += make(place, item)
                read += 1
            except TranscriptError as error:
                odd.append(error)
        self.passed_over(odd, read=read)
        return out

    def words(
        self, data: Any, key: str, place: str, make: Callable[[str, Any], list[T]]
    ) -> list[T]:
        """Return what `make` makes of the words of a turn; nothing where most of them are odd."""
        try:
            return self.each(self.items(data, key, place), make)
        except TranscriptError:
            self.note("the words of some turns cannot be read: those turns have no word times")
            return []

    def get(self, data: Any, key: str, kind: type | tuple[type, ...], place: str) -> Any:
        """Return ``data[key]``, which has to be there and of the kind asked."""
        value = self.maybe(data, key, kind, place)
        if value is None:
            names = _names(kind)
            raise self.bad(f"{place}.{key}" if place else key, "nothing", names)
        return value

    def maybe(self, data: Any, key: str, kind: type | tuple[type, ...], place: str) -> Any:
        """Return ``data[key]``, or None where it is missing or null; a wrong kind is an error."""
        if not isinstance(data, dict):
            raise self.bad(place or "the file", type(data).__name__, "an object {...}")
        value = data.get(key)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        raise self.bad(f"{place}.{key}" if place else key, value, _names(kind))

    def items(self, data: Any, key: str, place: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Return the objects of the list ``data[key]``, each with its place; missing is empty."""
        values = self.maybe(data, key, list, place) or []
        inside = f"{place}.{key}" if place else key
        return self.objects(values, inside)

    def objects(self, values: Sequence[Any], place: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the objects of a list, each with its place; anything else in it is noted."""

        def made(at: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
            if not isinstance(value, dict):
                raise self.bad(at, value, "an object {...}")
            return [(at, value)]

        return self.each(((f"{place}[{i}]", value) for i, value in enumerate(values)), made)

    def time(self, value: Any, place: str, *, per_s: float = 1.0) -> float:
        """Return a time in seconds.

        Parameters
        ----------
        value : number, str or None
            A number of units (``per_s`` of them in a second: 1000 for ms, 1e7 for ticks), a
            number as text, ``1.5s``, ``hh:mm:ss,mmm`` or an ISO 8601 duration. None is NaN.
        place : str
            Where it stands, for the error.
        per_s : float
            Units in one second; only for plain numbers.
        """
        if value is None or value == "":
            return math.nan
        if isinstance(value, str):
            seconds = parse_time(value, per_s)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = float(value) / per_s if abs(value) < 1e300 else math.inf
        else:
            seconds = None
        if seconds is None or math.isnan(seconds):
            raise self.bad(place, value, "a time")
        if -MAX_EARLY_S <= seconds < 0:
            self.note("times a little before 0 were taken as 0")
            return 0.0
        if -MAX_BEFORE_S <= seconds < 0:
            self.note("some times lie before the start of the recording")
        elif not 0 <= seconds <= MAX_TIME_S:
            raise self.bad(place, value, f"a time from 0 to {MAX_TIME_S:.0f} s")
        return seconds

    def times(
        self,
        item: dict[str, Any],
        place: str,
        keys: tuple[str, str] = ("start", "end"),
        *,
        per_s: float = 1.0,
    ) -> tuple[float, float]:
        """Return the start and the end that stand in an object; as `time` reads them."""
        start, end = (self.time(item.get(k), f"{place}.{k}", per_s=per_s) for k in keys)
        return start, end

    def span(self, start_s: float, end_s: float, place: str) -> tuple[float, float]:
        """Return start and end, checked to be in order; a hair of disorder is forgiven."""
        if end_s < start_s:
            if start_s - end_s > 0.1:
                raise self.bad(
                    place, f"an end ({end_s:g} s) before the start ({start_s:g} s)", "start <= end"
                )
            self.note("ends up to 0.1 s before their start were taken as the start")
            end_s = start_s
        return start_s, end_s

    def turn(
        self,
        place: str,
        start_s: float,
        end_s: float,
        text: str,
        *,
        speaker: str = "",
        role: Role | None = None,
        channel: int | None = None,
        words: Iterable[Word] = (),
    ) -> Turn:
        """Return a turn; times that are missing come from its words, and the role from its label.

        Words without times get theirs from their neighbours, which is noted.
        """
        words = tuple(words)
        if words:
            finite = [t for w in words for t in (w.start_s, w.end_s) if math.isfinite(t)]
            if math.isnan(start_s) and finite:
                start_s = min(finite)
            if math.isnan(end_s) and finite:
                end_s = max(finite)
            if finite:
                if any(math.isnan(w.start_s) or math.isnan(w.end_s) for w in words):
                    self.note("words without times got theirs from the words around them")
                    words = fill(words, start_s, end_s)
            else:
                words = ()
        start_s, end_s = self.span(start_s, end_s, place)
        if channel is not None and not 0 <= channel < 64:
            raise self.bad(place, channel, "a channel from 0 to 63")
        speaker = clean(speaker)[:200]
        return Turn(
            start_s=start_s,
            end_s=end_s,
            text=clean(text),
            role=role_of(speaker) if role is None else role,
            words=words,
            channel=channel,
            speaker=speaker,
        )

    def finish(
        self,
        turns: Iterable[Turn],
        source: str,
        *,
        language: str | None = "",
        track_start_s: Mapping[Role, float] | None = None,
        unit: Unit = "s",
    ) -> Transcript:
        """Return the transcript in order of time, with everything that was assumed."""
        kept = self._closed(in_order(t for t in turns if t.text))
        unknown = sorted({t.speaker for t in kept if t.role == "unknown" and t.speaker})
        if unknown:
            # How many, and not which: a label may be a customer's name.
            self.note("speaker labels that do not say who is the agent: {a}", a=len(unknown))
        elif kept and all(t.role == "unknown" and t.channel is None for t in kept):
            self.note("the transcript does not say who speaks")
        if kept and not any(t.words for t in kept):
            self.note("the transcript has no word times")
        if any(math.isnan(t.start_s) for t in kept):
            self.note("some turns have no times")
        return Transcript(
            turns=kept,
            source=source,
            language=language_code(language or ""),
            notes=tuple(self.notes),
            track_start_s=dict(track_start_s or {}),
            unit=unit,
        )

    def _closed(self, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        """Give a turn without an end the start of the next as its end."""
        out = list(turns)
        starts = [t.start_s for t in turns]
        for i, turn in enumerate(turns):
            if math.isfinite(turn.end_s) or not math.isfinite(turn.start_s):
                continue
            later = [s for s in starts[i + 1 :] if s > turn.start_s]
            about = turn.start_s + _TURN_S + _LETTER_S * len(turn.text)
            out[i] = replace(turn, end_s=later[0] if later else about)
            self.note("turns without an end were taken to stop at the next turn")
        return tuple(out)


def _names(kind: type | tuple[type, ...]) -> str:
    words = {
        list: "a list [...]",
        dict: "an object {...}",
        str: "text",
        int: "a number",
        float: "a number",
    }
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(dict.fromkeys(words.get(k, k.__name__) for k in kinds))


def listed(values: Any, *keys: str) -> bool:
    """Whether this is a list in which one of the first entries is an object with these keys."""
    return isinstance(values, list) and any(
        isinstance(v, dict) and set(keys) <= v.keys() for v in values[:_FIRST]
    )


def load(path: Path | str) -> Document:
    """Read and decode one file: UTF-8, UTF-16 with its mark, or (noted) Windows-1252."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TranscriptError(
                f"{path}: {size / 2**20:.0f} MB, expected a transcript of at most "
                f"{MAX_BYTES // 2**20} MB.",
                "Split it, or export it without alternatives and tokens.",
            )
        raw = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        raise TranscriptError(
            f"{path}: {error.strerror or error}.", "Check the path and that it can be read."
        ) from error
    notes: list[Message] = []
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw.decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\x00" in raw[:4096] or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise TranscriptError(
                f"{path}: byte {error.start}: found binary data, expected a text file.",
                "Give the transcript, not the recording; docs/formats.md lists what is read.",
            ) from None
        text = raw.decode("cp1252", errors="replace")
        notes.append(assumed("the file is not UTF-8 and was read as Windows-1252"))
    if "\x00" in text:
        raise TranscriptError(
            f"{path}: character {text.index(chr(0))}: found a NUL, expected a text file.",
            "Give the transcript, not the recording; docs/formats.md lists what is read.",
        )
    return Document(path, text.replace("\r\n", "\n").replace("\r", "\n"), notes)


def parse_time(text: str, per_s: float = 1.0) -> float | None:
    """Return seconds for ``12.5``, ``12.5s``, ``900ms``, ``1:02:03,5`` or ``PT1M2.5S``."""
    text = text.strip()
    if len(text) > 40:
        return None
    if m := _SECONDS.match(text):
        number = float(m[1].replace(",", "."))
        return number / {"ms": 1000.0, "s": 1.0, None: per_s}[m[2]]
    if m := _CLOCK.match(text):
        return (int(m[1] or 0) * 60 + int(m[2])) * 60 + float(m[3].replace(",", "."))
    if (m := _ISO.match(text)) and any(m.groups()):
        days, hours, minutes, seconds = (float(g or 0) for g in m.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None


def _words_of(label: str) -> set[str]:
    label = re.sub(r"customer[ _-]?(service|care)", "service", label.lower())
    label = re.sub(r"end[_ ]user", "user", label)
    return set(re.findall(r"[^\W\d_]+", label))


def is_machine(label: str) -> bool:
    """Whether a speaker label names an announcement, a menu or an assistant, and no person."""
    return bool(_words_of(label) & _MACHINE)


def role_of(label: str) -> Role:
    """Return the role that a speaker label names, ``unknown`` where it names none or both."""
    words = _words_of(label)
    if words & _MACHINE:
        return "unknown"
    agent, customer = bool(words & _AGENT), bool(words & _CUSTOMER)
    if agent == customer:
        return "unknown"
    return "agent" if agent else "customer"


def language_code(tag: str) -> str:
    """Return ``nl`` for ``nl-NL``, ``dutch``, ``nl_BE``; '' where it is no language."""
    tag = tag.strip().lower()
    tag = {"dutch": "nl", "flemish": "nl", "english": "en", "german": "de", "french": "fr"}.get(
        tag, tag
    )
    return tag[:2] if re.fullmatch(r"[a-z]{2}([-_].*)?", tag) else ""


def clean(text: str) -> str:
    """Return text as people read it: entities resolved, one line, no control characters."""
    text = unicodedata.normalize("NFC", html.unescape(text))
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
            for c in text
            if unicodedata.category(c) not in ("Cf", "Cs", "Co") and c not in "\ufffe\uffff"
        )
    return " ".join(text.split())


def fill(words: Sequence[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """Return words all with times: gaps are shared out evenly between the known neighbours."""
    edges = [w.start_s for w in words] + [end_s]
    known = [i for i, t in enumerate(edges) if math.isfinite(t)]
    if not known or known[0] != 0:
        edges[0] = start_s
        known.insert(0, 0)
    for a, b in zip(known, [*known[1:], len(words)], strict=False):
        for i in range(a + 1, b):
            edges[i] = edges[a] + (edges[b] - edges[a]) * (i - a) / (b - a)
    return tuple(
        Word(w.text, edges[i], w.end_s if math.isfinite(w.end_s) else max(edges[i], edges[i + 1]))
        for i, w in enumerate(words)
    )


def align(text: str, timed: Sequence[Word]) -> tuple[Word, ...]:
    """Give the words of a (corrected, punctuated) text the times of the recognised words.

    Where both have the same words the times are copied; where they differ the stretch is shared
    out evenly. The result has one word for each whitespace-separated word of the text.
    """
    spoken = text.split()
    if not spoken or not timed:
        return ()
    if len(spoken) == len(timed):
        return tuple(Word(s, w.start_s, w.end_s) for s, w in zip(spoken, timed, strict=True))
    if len(spoken) > 5000:
        return ()
    a = [re.sub(r"\W", "", s.lower()) for s in spoken]
    b = [re.sub(r"\W", "", w.text.lower()) for w in timed]
    out = [Word(s, math.nan, math.nan) for s in spoken]
    for i, j, n in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        for k in range(n):
            w = timed[j + k]
            out[i + k] = Word(spoken[i + k], w.start_s, w.end_s)
    return fill(out, timed[0].start_s, timed[-1].end_s)


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: its name, how it is recognised, how it is read.

    ``recognises`` looks at content only and never raises for a document of another format;
    ``parse`` raises :class:`~prosody.errors.TranscriptError` with the place.
    """

    name: str
    recognises: Callable[[Document], bool]
    parse: Callable[[Document], Transcript]
