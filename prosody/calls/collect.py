"""Which files make up which call.

A call is one recording with its channels, or a pair of recordings, one per speaker. Here paths,
folders, pairs and manifests become a list of :class:`Call`, in a fixed order; no sound is read, and
nothing is refused that could still become a row with a reason.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from prosody.audio import storage
from prosody.audio.sniff import AUDIO_SUFFIXES, is_audio
from prosody.calls.call import Call, Source
from prosody.calls.manifest import from_names, is_manifest, read_manifest
from prosody.calls.names import started_at
from prosody.calls.places import placed
from prosody.calls.role_words import ROLE_WORDS, role_of
from prosody.calls.windows import read_windows
from prosody.errors import UsageError
from prosody.message import Message
from prosody.transcripts import EXTENSIONS, is_transcript
from prosody.transcripts.turns import Role

__all__ = ["Call", "Source", "collect", "walk"]

_PAIR = re.compile(rf"(?P<id>.+)[-_. ](?P<role>{'|'.join(ROLE_WORDS)})", re.IGNORECASE)

WINDOWS_SUFFIXES = (".TextGrid", ".textgrid", ".csv", ".tsv", ".txt")
_TRANSCRIPT_FOLDERS = (
    "transcript", "transcripts", "transcripties", "transcriptions", "transcription", "subtitles",
    "captions", "text",
)  # fmt: skip
# What tools add to a recording's name: call_nl.vtt, call.en-GB.srt, call_transcript.json.
_ADDED = re.compile(
    r"(?P<stem>.+?)[-_. ](?:(?:nl|en|de|fr|es|it|pt|pl|tr|ar|da|sv|nb|no|fi|cs|hu|ro|el|uk)"
    r"(?:[-_][a-z]{2})?|dutch|nederlands|english|engels|auto|transcript(?:ion|ie)?|subtitles|"
    r"captions)",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"(?P<id>.+)[-_. ](?P<side>left|links|l|ch0|channel[-_]?0|in|rx|right|rechts|r|ch1|"
    r"channel[-_]?1|out|tx)",
    re.IGNORECASE,
)
_LEFT = ("left", "links", "l", "ch0", "channel0", "in", "rx")
_LOOKED_INTO, _NAMED = 20, 5  # files that may be transcripts of no recording, and those named

# --- folders ------------------------------------------------------------------------------------


def _begins_like_audio(path: str) -> bool:
    try:
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # POSIX, Windows
        handle = os.open(path, os.O_RDONLY | flags)
    except OSError:
        return False
    try:
        return is_audio(os.read(handle, 512))
    except OSError:
        return False
    finally:
        os.close(handle)


def _is_input(entry: os.DirEntry[str]) -> bool:
    """Whether a file found in a folder is a recording: by its ending, else by how it begins."""
    if Path(entry.name).suffix.lower() in AUDIO_SUFFIXES:
        return True
    try:
        return entry.is_file() and _begins_like_audio(entry.path)
    except OSError:
        return False


def walk(folder: Path) -> Iterator[Path]:
    """Yield the recordings in a folder and below, in order of name.

    Hidden files are passed over, folders reached twice (links in a ring) are walked once, and a
    folder that may not be read is yielded itself, so that it becomes a row that says so.
    """
    if storage.is_url(folder):  # opening each file to see how it begins would cost too much there
        yield from (f for f in storage.walk(folder) if f.suffix.lower() in AUDIO_SUFFIXES)
        return
    seen: set[tuple[int, int]] = set()
    ahead = [folder]
    while ahead:
        here = ahead.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen and status.st_ino:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as found:
                entries = sorted((e for e in found if e.name[0] != "."), key=lambda e: e.name)
        except OSError:
            yield here
            continue
        below = []
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False
            if is_folder:
                if entry.name != "__MACOSX":
                    below.append(here / entry.name)
            elif _is_input(entry):
                yield here / entry.name
        ahead.extend(reversed(below))


class _Names(dict[Path, frozenset[str]]):
    """What each folder holds, read once: asking for every possible name takes far longer."""

    def __init__(self) -> None:
        super().__init__()
        self._stems: dict[Path, dict[str, list[str]]] = {}

    def __missing__(self, folder: Path) -> frozenset[str]:
        stems: dict[str, list[str]] = {}
        here = sorted(storage.names_in(folder))
        for name in here:
            stem, suffix = Path(name).stem, Path(name).suffix
            if suffix.lower() in EXTENSIONS:
                keys = [stem]
                while match := _ADDED.fullmatch(keys[-1]):
                    keys.append(match["stem"])
                for key in keys:
                    stems.setdefault(key.casefold(), []).append(name)
        self._stems[folder] = stems
        self[folder] = names = frozenset(n.casefold() for n in here)
        return names

    def transcripts(self, folder: Path, stem: str) -> list[str]:
        """Return the transcripts of a name in a folder: under just that name first."""
        if not self[folder]:
            return []
        key = stem.casefold()
        found = self._stems[folder].get(key, [])
        order = {suffix: i for i, suffix in enumerate(EXTENSIONS)}

        def rank(name: str) -> tuple[bool, int, str]:
            own, suffix = Path(name).stem, Path(name).suffix
            return own.casefold() != key, order[suffix.lower()], name

        return sorted(found, key=rank)

    def unpaired(self, folder: Path, stems: Iterable[str], used: set[Path]) -> list[str]:
        """Return the transcripts in a folder that belong to none of the names of recordings."""
        if not self[folder]:
            return []
        known = self._stems[folder]
        taken = {name for stem in stems for name in known.get(stem.casefold(), ())}
        left = {name for names in known.values() for name in names} - taken
        near = [folder / name for name in sorted(left)[:_LOOKED_INTO]]
        return [p.name for p in near if p not in used and (storage.is_url(p) or is_transcript(p))]


def _half(path: Path) -> tuple[tuple[str, ...], Role, str]:
    """Return (key of the pair, role, call id) of a file; role is unknown where it is no half."""
    match = _PAIR.fullmatch(path.stem)
    if match:
        role = ROLE_WORDS[match["role"].lower()]
        return ("name", str(path.parent), match["id"], path.suffix.lower()), role, match["id"]
    role = role_of(path.parent.name)
    key = ("folder", str(path.parent.parent), path.name.lower())
    return key, role, path.stem


def _pairs(files: Sequence[Path], names: _Names) -> list[Call]:
    """Make calls of files: a pair where exactly one agent's and one customer's belong together.

    A file alone keeps the role its own name gives. That of its folder counts only where a folder
    for the other side stands beside it: ``client/`` may be the client whose calls these are.
    """
    halves: dict[tuple[str, ...], list[tuple[Path, Role, str]]] = {}
    order: list[tuple[str, ...]] = []
    for path in files:
        key, role, call_id = _half(path)
        if role == "unknown":
            key = ("file", str(path))
        if key not in halves:
            order.append(key)
        halves.setdefault(key, []).append((path, role, call_id))
    calls = []
    for key in order:
        group = halves[key]
        roles = [role for _, role, _ in group]
        if sorted(roles) == ["agent", "customer"]:
            group = sorted(group, key=lambda half: half[1])
            sources = tuple(Source(path, None, role) for path, role, _ in group)
            calls.append(Call(group[0][2], sources, str(group[0][0])))
            continue
        for path, role, _ in group:
            if key[0] == "folder":
                sides = {role_of(name) for name in names[path.parent.parent]}
                role = role if {"agent", "customer"} <= sides else "unknown"
            other = "customer" if role == "agent" else "agent"
            one_side = Message.of("one_side", role=role, other=other)
            remarks = () if role == "unknown" else (one_side,)
            calls.append(Call(path.stem, (Source(path, None, role),), str(path), remarks=remarks))
    return calls


def _sided(files: Sequence[Path]) -> tuple[list[Call], list[Path]]:
    """Return the calls whose two channels lie in files of their own, and the other files.

    ``17_left.wav`` and ``17_right.wav`` are one call whose sides nobody has named yet.
    """
    halves: dict[tuple[str, str, str], dict[int, list[Path]]] = {}
    for path in files:
        if match := _SIDE.fullmatch(path.stem):
            is_left = re.sub(r"[-_]", "", match["side"].lower()) in _LEFT
            key = (str(path.parent), match["id"], path.suffix.lower())
            halves.setdefault(key, {}).setdefault(0 if is_left else 1, []).append(path)
    calls, used = [], set()
    for (_, call_id, _), sides in halves.items():
        if sorted(sides) == [0, 1] and all(len(found) == 1 for found in sides.values()):
            left, right = sides[0][0], sides[1][0]
            calls.append(Call(call_id, (Source(left), Source(right)), str(left)))
            used |= {left, right}
    return calls, [path for path in files if path not in used]


# --- what lies beside ---------------------------------------------------------------------------


def _beside(
    folder: Path, stems: Iterable[str], taken: set[str], names: _Names
) -> tuple[Path | None, list[Path]]:
    """Return the transcript of one of the stems in a folder, and the others that were there."""
    found: list[Path] = []
    for stem in stems:
        for name in names.transcripts(folder, stem):
            path = folder / name
            if str(path) not in taken and path not in found and path.is_file():
                found.append(path)
    return (found[0], found[1:]) if found else (None, [])


@lru_cache(maxsize=1024)
def _folders(here: Path, transcripts: Path | None) -> tuple[Path, ...]:
    """Return the folders in which transcripts of a folder's files are looked for, in order."""
    # A folder of transcripts may have the same folders in it as that of the recordings.
    out = [transcripts / here.name, transcripts] if transcripts is not None else []
    out.append(here)
    # Beside the folder of the recordings: audio/ and transcript/, agent/ and caller/ within audio/.
    tops = [here, here.parent, here.parent.parent]
    for top in tops:
        for name in _TRANSCRIPT_FOLDERS:
            out.append(top / name)
            if top != here:
                out.append(top / name / here.name)
    return tuple(dict.fromkeys(out))


def _stems(call: Call) -> list[str]:
    """Return the names a call's transcript may have, most specific first."""
    first = call.sources[0].path
    if len(call.sources) == 1:  # also call.wav.vtt, as some tools name it
        return list(dict.fromkeys([first.stem, call.call_id, first.name]))
    # what the names of a pair share, where the call's id was told otherwise
    return list(dict.fromkeys([call.call_id, *sorted({_half(s.path)[2] for s in call.sources})]))


def _with_unpaired(calls: list[Call], transcripts: Path | None, names: _Names) -> list[Call]:
    """Give calls without a transcript the names of those near them that no recording has."""
    known = {stem for c in calls for stem in (*_stems(c), *(s.path.stem for s in c.sources))}
    used = {p for c in calls for p in (c.transcript, *(s.transcript for s in c.sources)) if p}
    left: dict[Path, list[str]] = {}
    out = []
    for call in calls:
        if not (call.transcript or call.windows or any(s.transcript for s in call.sources)):
            near = _folders(call.sources[0].path.parent, transcripts)
            left |= {f: names.unpaired(f, known, used) for f in near if f not in left}
            found = [name for folder in near for name in left[folder]]
            call = replace(call, unpaired=tuple(found[:_NAMED]))
        out.append(call)
    return out


def _with_transcript(call: Call, transcripts: Path | None, names: _Names) -> Call:
    taken = {str(source.path) for source in call.sources}
    remarks = list(call.remarks)
    if call.transcript is None:
        stems = _stems(call)
        for folder in _folders(call.sources[0].path.parent, transcripts):
            found, others = _beside(folder, stems, taken, names)
            if found is not None:
                call = replace(call, transcript=found)
                if others:
                    unused = ", ".join(other.name for other in others)
                    which = {"used": found.name, "unused": unused}
                    remarks.append(Message.of("several_transcripts", **which))
                break
    if call.transcript is None and len(call.sources) > 1:
        sources = []
        for source in call.sources:
            own = source.transcript
            half = _PAIR.fullmatch(source.path.stem) or _SIDE.fullmatch(source.path.stem)
            if own is None and half:
                for folder in _folders(source.path.parent, transcripts):
                    own, _ = _beside(folder, [source.path.stem], taken, names)
                    if own is not None:
                        break
            sources.append(replace(source, transcript=own))
        call = replace(call, sources=tuple(sources))
    return replace(call, remarks=tuple(remarks))


def _told_apart(calls: list[Call]) -> list[Call]:
    """Remark on a transcript that was found for several calls: their names are the same."""
    found = Counter(call.transcript for call in calls if call.transcript is not None)
    return [
        replace(call, remarks=(*call.remarks, Message.of("shared_transcript")))
        if call.transcript is not None and found[call.transcript] > 1
        else call
        for call in calls
    ]


def _with_windows(calls: list[Call], given: Path) -> list[Call]:
    """Give each call without windows the file, or the one of its name in a folder of them."""
    if given.is_dir():
        out = []
        for call in calls:
            stems = dict.fromkeys([call.sources[0].path.stem, call.call_id])
            places = (given / (s + end) for s in stems for end in WINDOWS_SUFFIXES)
            found = call.windows or next((p for p in places if p.is_file()), None)
            out.append(replace(call, windows=found))
        return out
    named = set(read_windows(given))
    open_calls = [call for call in calls if call.windows is None]
    if named == {""} and len(open_calls) > 1:
        raise UsageError(
            f"--windows {given}: the file does not say which of the {len(open_calls)} recordings "
            "its windows belong to.",
            "Use a CSV with a column recording, or a folder with one file per recording.",
        )
    return [call if call.windows else replace(call, windows=given) for call in calls]


# --- all together -------------------------------------------------------------------------------


def collect(
    paths: Iterable[str | os.PathLike[str]],
    *,
    manifest: str | os.PathLike[str] | None = None,
    meta_from: str | None = None,
    transcripts: str | os.PathLike[str] | None = None,
    windows: str | os.PathLike[str] | None = None,
    clips: bool = False,
) -> list[Call]:
    """Return the calls that paths, folders and a manifest stand for, in a fixed order.

    Parameters
    ----------
    paths : paths
        Files (always taken, whatever they are called), folders (searched for recordings), and
        manifests (CSV files with a column ``path``).
    manifest : path, optional
        CSV with the columns ``prosody.manifest.FIELDS``; paths in it start from its folder.
    meta_from : str, optional
        Regular expression with named groups, searched in file names.
    transcripts : path, optional
        Folder with transcripts of the same names; otherwise they lie beside the recording or in a
        folder ``transcript`` or ``transcripts`` beside it.
    windows : path, optional
        For calls that do not name their own: one file, which says which recording each window is
        of, or a folder with a file of the recording's name for each.
    clips : bool
        Each file is one apology by itself: no pairs, no transcripts.

    Raises
    ------
    UsageError
        If nothing was found, or a manifest or the expression is wrong.
    """
    listed = [storage.path_of(path) for path in paths]
    calls: list[Call] = []
    names = _Names()
    manifests = [storage.path_of(manifest)] if manifest is not None else []
    files: dict[str, Path] = {}
    roots: list[Any] = []
    for path in listed:
        roots.append(path if storage.is_folder(path) else path.parent)
        if storage.is_folder(path):
            files.update((str(found), found) for found in walk(path))
        elif is_manifest(path):
            manifests.append(path)
        else:
            files[str(path)] = path
    for one in manifests:
        roots.append(one.parent)
        calls.extend(read_manifest(one))
    known = {_same(source.path) for call in calls for source in call.sources}
    rest = [files[name] for name in sorted(files) if _same(files[name]) not in known]
    if clips:
        calls.extend(Call(path.stem, (Source(path),), str(path)) for path in rest)
    else:
        sided, rest = _sided(rest)
        calls.extend(sided)
        calls.extend(_pairs(rest, names))
    if meta_from is not None:
        calls = from_names(calls, meta_from)
    calls = [
        c if c.started_at else replace(c, started_at=started_at(c.sources[0].path.stem))
        for c in calls
    ]
    if not calls:
        where = ", ".join(str(path) for path in [*listed, *manifests])
        raise UsageError(
            f"No recordings found in {where}." if where else "No recordings were named.",
            "Name recordings, or a folder with recordings (WAV, FLAC, MP3, Ogg, M4A ...).",
            code="no_recordings",
        )
    folder = storage.path_of(transcripts) if transcripts is not None else None
    if folder is not None and not storage.is_folder(folder):
        raise UsageError(f"--transcripts {folder}: there is no such folder.", "Check the path.")
    if not clips:
        calls = _told_apart([_with_transcript(call, folder, names) for call in calls])
        calls = _with_unpaired(calls, folder, names)
    if windows is not None:
        calls = _with_windows(calls, Path(windows))
    calls = placed(calls, roots)
    return sorted(calls, key=lambda call: (call.name, call.sources[0].channel or 0))


def _same(path: Path) -> str:
    return str(path) if storage.is_url(path) else os.path.normpath(path.absolute())
