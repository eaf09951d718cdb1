"""Where apologies are, as a person marked them: CSV, Praat TextGrid, Audacity labels.

The format is told from the content. Times are seconds from the start of the recording.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast, get_args

from prosody.calls.role_words import channel_of, role_of
from prosody.errors import TranscriptError
from prosody.files import decode, rows
from prosody.transcripts.turns import ActKind, Role

COLUMNS = ("recording", "start_s", "end_s", "text", "role", "act", "channel")
_ACTS: tuple[str, ...] = get_args(ActKind)
_ACT_WORDS = {name: name for name in _ACTS} | {
    "apologies": "apology", "sorry": "apology", "excuus": "apology", "excuses": "apology",
    "repairs": "repair",
}  # fmt: skip
_FORMATS = (
    "Expected a CSV with the columns start_s,end_s (and recording,text,role,act,channel as "
    "needed), a Praat TextGrid, or Audacity labels."
)
_NUMBER = r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
_LABEL = re.compile(rf"\s*({_NUMBER})\t\s*({_NUMBER})(?:\t(.*))?")
# Praat reads numbers, quoted strings and flags that stand free, and passes over everything else;
# its long and its short text format are the same to it.
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"]|"")*")|(?P<number>(?<!\S)[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\S))'
    r"|(?P<flag><\w+>)|(?P<open>\")"
)


@dataclass(frozen=True, slots=True)
class Window:
    """One marked stretch; ``act`` and ``channel`` are None where the file does not say."""

    start_s: float
    end_s: float
    text: str = ""
    role: Role = "unknown"
    act: ActKind | None = None
    channel: int | None = None


def _wrong(path: Path, place: str, found: str, expected: str) -> TranscriptError:
    where = f"{path}, {place}" if place else str(path)
    return TranscriptError(f"{where}: found {found}.", f"Expected {expected}.", code="bad_windows")


def _window(
    path: Path, place: str, start: str, end: str, text: str = "", role: Role = "unknown",
    act: ActKind | None = None, channel: int | None = None,
) -> Window:  # fmt: skip
    """Check the times of one window."""
    times = []
    for name, value in (("start", start), ("end", end)):
        try:
            time_s = float(value.replace(",", "."))
        except ValueError:
            time_s = math.nan
        if not (math.isfinite(time_s) and 0 <= time_s < 1e6):
            expected = "seconds from the start of the recording, such as 62.5"
            raise _wrong(path, place, f"{name} '{value[:40]}'", expected)
        times.append(time_s)
    # One without length is a slip of the hand at one window: its row says so, and the rest is done.
    if times[1] < times[0]:
        found = f"a window from {times[0]:g} to {times[1]:g}"
        raise _wrong(path, place, found, "an end after its start")
    return Window(times[0], times[1], " ".join(text.split()), role, act, channel)


# --- CSV ----------------------------------------------------------------------------------------


def _csv(path: Path, text: str) -> dict[str, list[Window]]:
    header, lines, _ = rows(path, text, TranscriptError)
    for needed in ("start_s", "end_s"):
        if needed not in header:
            close = difflib.get_close_matches(needed, header, n=1, cutoff=0.5)
            hint = f"; did you mean it by '{close[0]}'? Times are in seconds" if close else ""
            raise _wrong(path, "line 1", f"no column '{needed}'", f"{needed}{hint}")
    for name in header:
        if name and name not in COLUMNS and header.count("recording") == 0:
            close = difflib.get_close_matches(name, ("recording",), n=1, cutoff=0.8)
            if close:
                raise _wrong(path, "line 1", f"column '{name}'", "'recording'")
    out: dict[str, list[Window]] = {}
    for number, row in lines:
        place = f"line {number}"
        said_role, said_act = row.get("role", ""), row.get("act", "").lower()
        role = role_of(said_role)
        if role == "unknown" and said_role.lower() not in ("", "unknown", "onbekend"):
            raise _wrong(path, place, f"role '{said_role[:40]}'", "agent, customer or nothing")
        act = _ACT_WORDS.get(said_act)
        if said_act and act is None:
            raise _wrong(path, place, f"act '{said_act[:40]}'", f"one of {', '.join(_ACTS)}")
        side = row.get("channel", "")
        try:
            channel = channel_of(side)
        except ValueError:
            expected = "left, right, 0, 1 or nothing"
            raise _wrong(path, place, f"channel '{side[:40]}'", expected) from None
        window = _window(
            path, place, row.get("start_s", ""), row.get("end_s", ""), row.get("text", ""), role,
            cast("ActKind | None", act), channel,
        )  # fmt: skip
        name = row.get("recording", "")
        if out and ("" in out) != (name == ""):
            found = (
                f"recording '{name[:40]}' beside rows that {'name none' if name else 'name one'}"
            )
            raise _wrong(path, place, found, "a recording in every row, or in none")
        out.setdefault(name, []).append(window)
    return out


# --- Audacity -----------------------------------------------------------------------------------


def _labels(path: Path, text: str) -> dict[str, list[Window]]:
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("\\"):  # a second line holds frequencies
            continue
        match = _LABEL.fullmatch(line)
        if match is None:
            expected = "start, tab, end, tab, label (seconds)"
            raise _wrong(path, f"line {number}", f"'{line[:40]}'", expected)
        label = (match[3] or "").strip()
        name, colon, rest = label.partition(":")
        role = role_of(name) if colon else "unknown"
        kind = _ACT_WORDS.get(label.lower())
        out.append(
            _window(
                path,
                f"line {number}",
                match[1],
                match[2],
                "" if kind else rest if role != "unknown" else label,
                role,
                cast("ActKind | None", kind),
            )
        )
    return {"": out}


# --- TextGrid -----------------------------------------------------------------------------------


class _Tokens:
    """The free-standing numbers, strings and flags of a Praat text file, in order."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text
        self._found = _TOKEN.finditer(text)
        self._at = self._counted = 0
        self._line = 1

    def place(self) -> str:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return f"line {self._line}"

    def take(self, kind: str, what: str) -> str:
        match = next(self._found, None)
        if match is None:
            self._at = len(self._text)
            raise _wrong(self._path, self.place(), "the end of the file", what)
        self._at = match.start()
        if match.lastgroup != kind:
            found = " ".join(match[0][:40].split())
            raise _wrong(self._path, self.place(), f"'{found}'", what)
        return match[0][1:-1].replace('""', '"') if kind == "text" else match[0]

    def count(self, what: str) -> int:
        value = self.take("number", what)
        if not value.isdigit() or len(value) > 9:
            raise _wrong(self._path, self.place(), f"'{value[:40]}'", what)
        return int(value)


def _tier_meaning(name: str) -> tuple[Role, ActKind | None]:
    """Return what the name of a tier says: whose it is, and which act."""
    words = re.findall(r"[^\W_]+", name.lower())
    role = next((r for r in map(role_of, words) if r != "unknown"), "unknown")
    act = next((_ACT_WORDS[w] for w in words if w in _ACT_WORDS), None)
    return cast("Role", role), cast("ActKind | None", act)


def _textgrid(path: Path, text: str) -> dict[str, list[Window]]:
    tokens = _Tokens(path, text)
    for expected in ("ooTextFile", "TextGrid"):
        found = tokens.take("text", f'"{expected}"')
        if found != expected:
            raise _wrong(path, tokens.place(), f"'{found[:40]}'", f'"{expected}"')
    tokens.take("number", "the start of the file in seconds")
    tokens.take("number", "the end of the file in seconds")
    if tokens.take("flag", "<exists>") != "<exists>":
        raise _wrong(path, tokens.place(), "no tiers", "a TextGrid with a tier of intervals")
    tiers: list[tuple[str, list[Window]]] = []
    for _ in range(tokens.count("the number of tiers")):
        kind, name = tokens.take("text", "the class of a tier"), tokens.take("text", "its name")
        tokens.take("number", "its start")
        tokens.take("number", "its end")
        role, act = _tier_meaning(name)
        windows = []
        for _ in range(tokens.count("the number of intervals")):
            start = tokens.take("number", "a time in seconds")
            place = tokens.place()
            if kind == "TextTier":
                tokens.take("text", "the label of a point")
                continue
            end = tokens.take("number", "a time in seconds")
            label = tokens.take("text", "the label of an interval")
            if label.strip():
                windows.append(_window(path, place, start, end, label, role, act))
        if kind == "IntervalTier":
            tiers.append((name, windows))
        elif kind != "TextTier":
            raise _wrong(path, tokens.place(), f"a tier of class '{kind[:40]}'", "IntervalTier")
    named = [t for t in tiers if _tier_meaning(t[0]) != ("unknown", None)]
    if not named and len(tiers) != 1:
        names = ", ".join(f"'{name[:40]}'" for name, _ in tiers) or "none"
        raise _wrong(
            path,
            "",
            f"tiers {names}",
            "one tier of intervals, or tiers named agent, customer or apology",
        )
    windows = [window for _, tier in (named or tiers) for window in tier]
    return {"": sorted(windows, key=lambda w: (w.start_s, w.end_s))}


# --- all together -------------------------------------------------------------------------------


def read_windows(path: str | os.PathLike[str]) -> dict[str, list[Window]]:
    """Read a windows file.

    Parameters
    ----------
    path : path
        CSV (columns :data:`COLUMNS`; only ``start_s`` and ``end_s`` are needed), Praat TextGrid
        (long or short text form) or Audacity labels.

    Returns
    -------
    dict
        Recording, as the file names it, to its windows; '' where the file names none.

    Raises
    ------
    TranscriptError
        Code ``bad_windows`` or ``bad_transcript``; names file, line and what was expected.
    """
    path = Path(path)
    try:
        status = path.stat()
        key = (status.st_mtime_ns, status.st_size)
    except OSError:
        key = (0, 0)
    # One file may hold the windows of thousands of calls, and is asked for by each.
    return {name: list(windows) for name, windows in _read(path, key).items()}


@lru_cache(maxsize=4)
def _read(path: Path, version: tuple[int, int]) -> dict[str, list[Window]]:
    text = decode(path, TranscriptError)
    start = text.lstrip()[:4096]
    first = start.split("\n", 1)[0]
    if "ooTextFile" in first:
        return _textgrid(path, text)
    if _LABEL.fullmatch(first.rstrip("\r")):
        return _labels(path, text)
    cells = [cell.strip().strip('"').lower() for cell in re.split(r"[,;\t]", first)]
    known = sum(cell in COLUMNS for cell in cells)
    if known or any(re.match(r"(start|begin|end|einde)", cell) for cell in cells):
        return _csv(path, text)
    what = f"'{first[:40]}' in its first line" if first.strip() else "an empty file"
    raise TranscriptError(f"{path}: found {what}.", _FORMATS, code="bad_windows")
