"""Which files make up which call.

A call is one recording with its channels, or a pair of recordings, one per speaker. Here paths,
folders, pairs and manifests become a list of :class:`Call`, in a fixed order; no sound is read, and
nothing is refused that could still become a row with a reason.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prosody.errors import UsageError
from prosody.recording import Remark
from prosody.sniff import AUDIO_SUFFIXES, is_audio
from prosody.textfiles import decode, rows
from prosody.turns import Role
from prosody.vocabulary import AGENT_WORDS, CUSTOMER_WORDS, ROLE_WORDS, role_of
from prosody.windows import read_windows

_PAIR = re.compile(rf"(?P<id>.+)[-_. ](?P<role>{'|'.join(ROLE_WORDS)})", re.IGNORECASE)

# Best first: formats that know their word times stand before those that do not.
TRANSCRIPT_SUFFIXES = (".json", ".textgrid", ".ctm", ".vtt", ".srt", ".csv", ".tsv", ".txt")
WINDOWS_SUFFIXES = (".TextGrid", ".textgrid", ".csv", ".tsv", ".txt")
_TRANSCRIPT_FOLDERS = ("transcript", "transcripts")

FIELDS = (
    "path", "call_id", "started_at", "channel", "role", "agent", "team", "language", "transcript",
    "windows",
)  # fmt: skip
_META = ("call_id", "started_at", "channel", "role", "agent", "team", "language")
_CHANNELS = {"": None, "left": 0, "l": 0, "0": 0, "right": 1, "r": 1, "1": 1}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a call; ``channel`` None means all of its channels."""

    path: Path
    channel: int | None = None
    role: Role = "unknown"
    transcript: Path | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What one call is made of; text fields are '' where nothing is known.

    ``name`` is the (agent's) file as the user gave it and names the call in all results.
    ``transcript`` is the transcript of the whole call; transcripts of single tracks stand with
    their :class:`Source`.
    """

    call_id: str
    sources: tuple[Source, ...]
    name: str
    transcript: Path | None = None
    windows: Path | None = None
    started_at: str = ""
    agent: str = ""
    team: str = ""
    language: str = ""
    remarks: tuple[Remark, ...] = field(default=())


# --- folders ------------------------------------------------------------------------------------


def _begins_like_audio(path: str) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
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


def _half(path: Path) -> tuple[tuple[str, ...], Role, str]:
    """Return (key of the pair, role, call id) of a file; role is unknown where it is no half."""
    match = _PAIR.fullmatch(path.stem)
    if match:
        role = ROLE_WORDS[match["role"].lower()]
        return ("name", str(path.parent), match["id"], path.suffix.lower()), role, match["id"]
    role = role_of(path.parent.name)
    key = ("folder", str(path.parent.parent), path.name.lower())
    return key, role, path.stem


def _pairs(files: Sequence[Path]) -> list[Call]:
    """Make calls of files: a pair where exactly one agent's and one customer's belong together."""
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
            calls.append(Call(path.stem, (Source(path, None, role),), str(path)))
    return calls


# --- what lies beside ---------------------------------------------------------------------------


def _beside(folder: Path, stems: Iterable[str], taken: set[str]) -> tuple[Path | None, list[Path]]:
    """Return the transcript of one of the stems in a folder, and the others that were there."""
    found = []
    for stem in stems:
        for suffix in TRANSCRIPT_SUFFIXES:
            for ending in (
                suffix,
                suffix.upper(),
                ".TextGrid" if suffix == ".textgrid" else suffix,
            ):
                path = folder / (stem + ending)
                if str(path) not in taken and path.is_file() and path not in found:
                    found.append(path)
                    break
    return (found[0], found[1:]) if found else (None, [])


def _folders(path: Path, transcripts: Path | None) -> list[Path]:
    """Return the folders in which the transcript of a file is looked for, in order."""
    out = [transcripts] if transcripts is not None else []
    out.append(path.parent)
    places = [path.parent]
    if role_of(path.parent.name) != "unknown":
        places.append(path.parent.parent)
    out.extend(place / name for place in places for name in _TRANSCRIPT_FOLDERS)
    return out


def _with_transcript(call: Call, transcripts: Path | None) -> Call:
    taken = {str(source.path) for source in call.sources}
    remarks = list(call.remarks)
    if call.transcript is None:
        stems = [call.call_id]
        if len(call.sources) == 1:
            stems.insert(0, call.sources[0].path.stem)
            stems.append(call.sources[0].path.name)  # call.wav.vtt, as some tools name it
        for folder in _folders(call.sources[0].path, transcripts):
            found, others = _beside(folder, dict.fromkeys(stems), taken)
            if found is not None:
                call = replace(call, transcript=found)
                if others:
                    names = ", ".join(other.name for other in others)
                    text = f"Several transcripts are there: {found.name} was used, not {names}."
                    remarks.append(Remark("several_transcripts", text))
                break
    if call.transcript is None and len(call.sources) > 1:
        sources = []
        for source in call.sources:
            own = source.transcript
            if own is None and _PAIR.fullmatch(source.path.stem):
                for folder in _folders(source.path, transcripts):
                    own, _ = _beside(folder, [source.path.stem], taken)
                    if own is not None:
                        break
            sources.append(replace(source, transcript=own))
        call = replace(call, sources=tuple(sources))
    return replace(call, remarks=tuple(remarks))


# --- manifests and file names -------------------------------------------------------------------


def is_manifest(path: Path) -> bool:
    """Whether a CSV file's first line names a ``path`` column."""
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            first = file.read(4096).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    first = first.lstrip().split("\n", 1)[0].lower()
    return "path" in [cell.strip().strip('"') for cell in re.split(r"[,;\t]", first)]


def _check_header(path: Path, header: Sequence[str]) -> tuple[Remark, ...]:
    if "path" not in header:
        raise UsageError(
            f"{path}: the manifest has no column 'path' (found: {', '.join(header)}).",
            f"Expected columns: {', '.join(FIELDS)}; all but path may be left out.",
        )
    double = sorted({name for name in header if name and header.count(name) > 1})
    if double:
        raise UsageError(f"{path}: column '{double[0]}' is there twice.", "Keep one of them.")
    unknown = [name for name in header if name and name not in FIELDS]
    for name in unknown:
        close = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.8)
        if close and close[0] not in header:
            raise UsageError(f"{path}: there is no column '{name}'.", f"Did you mean '{close[0]}'?")
    if not unknown:
        return ()
    return (Remark("columns_not_used", f"Columns of the manifest not used: {', '.join(unknown)}."),)


def _channel(value: str, where: str) -> int | None:
    key = value.lower()
    if key in _CHANNELS:
        return _CHANNELS[key]
    if key.isascii() and key.isdigit() and len(key) <= 2:
        return int(key)
    raise UsageError(f"{where}: channel '{value}'.", "Expected left, right, 0, 1 or nothing.")


def _role(value: str, where: str) -> Role:
    role = role_of(value)
    if role == "unknown" and value.strip().lower() not in ("", "unknown"):
        known = ", ".join((*AGENT_WORDS, *CUSTOMER_WORDS))
        raise UsageError(f"{where}: role '{value}'.", f"Expected one of {known}, or nothing.")
    return role


def _merged(where: str, rows: Sequence[Mapping[str, str]], name: str) -> str:
    values = list(dict.fromkeys(row[name] for row in rows if row.get(name)))
    if len(values) > 1:
        raise UsageError(
            f"{where}: one call has two values of {name}: '{values[0]}' and '{values[1]}'.",
            "Give rows of one call the same value, or different call_ids.",
        )
    return values[0] if values else ""


def _read_manifest(manifest: Path) -> list[Call]:
    header, lines, _ = rows(manifest, decode(manifest, UsageError), UsageError)
    if not lines:
        raise UsageError(
            f"{manifest}: the manifest has no rows.", f"Expected columns: {', '.join(FIELDS)}."
        )
    remarks = _check_header(manifest, header)
    base = manifest.parent
    groups: dict[tuple[str, str], list[tuple[int, dict[str, str]]]] = {}
    for number, row in lines:
        if not row.get("path"):
            raise UsageError(f"{manifest}, line {number}: no path.", "Every row names a recording.")
        key = ("id", row["call_id"]) if row.get("call_id") else ("path", row["path"])
        groups.setdefault(key, []).append((number, row))
    calls = []
    for group in groups.values():
        where = f"{manifest}, line {group[0][0]}"
        only = [row for _, row in group]
        sources = tuple(
            Source(
                base / row["path"],
                _channel(row.get("channel", ""), f"{manifest}, line {number}"),
                _role(row.get("role", ""), f"{manifest}, line {number}"),
            )
            for number, row in group
        )
        marks = [(source.path, source.channel) for source in sources]
        if len(set(marks)) < len(marks):
            raise UsageError(
                f"{manifest}, line {group[-1][0]}: {group[-1][1]['path']} is there twice.",
                "Give each row of one recording its own channel, or each call its own call_id.",
            )
        if len(sources) > 1 and sorted(s.role for s in sources) != ["agent", "customer"]:
            raise UsageError(
                f"{where}: {len(sources)} rows make one call ({group[0][1]['path']} ...), with "
                f"roles {', '.join(s.role for s in sources)}.",
                "A call of two rows needs one agent and one customer in column role.",
            )
        sources = tuple(sorted(sources, key=lambda s: s.role))
        meta = {name: _merged(where, only, name) for name in ("transcript", "windows", *_META[1:])
                if name not in ("channel", "role")}  # fmt: skip
        beside = {n: base / meta.pop(n) if meta[n] else None for n in ("transcript", "windows")}
        for n in ("transcript", "windows"):
            meta.pop(n, None)
        calls.append(
            Call(
                call_id=only[0].get("call_id") or sources[0].path.stem,
                sources=sources,
                name=str(sources[0].path),
                transcript=beside["transcript"],
                windows=beside["windows"],
                remarks=remarks,
                **meta,
            )
        )
    return calls


def _pattern(meta_from: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(meta_from)
    except re.error as error:
        raise UsageError(
            f"--meta-from: '{meta_from}' is no regular expression ({error}).",
            r"Example: (?P<agent>\w+)_(?P<started_at>\d{8})_(?P<call_id>\d+)",
        ) from error
    wrong = [name for name in pattern.groupindex if name not in _META]
    if wrong or not pattern.groupindex:
        what = f"no field is called '{wrong[0]}'" if wrong else "it names no group"
        raise UsageError(
            f"--meta-from: {what}.", f"Groups are written (?P<name>...); names: {', '.join(_META)}."
        )
    return pattern


def _from_names(calls: list[Call], meta_from: str) -> list[Call]:
    """Fill empty fields from file names; files with one call_id and two roles become a pair."""
    pattern = _pattern(meta_from)
    out: list[Call] = []
    pairs: dict[tuple[str, str], int] = {}
    for call in calls:
        match = pattern.search(call.sources[0].path.name)
        values = {k: v or "" for k, v in match.groupdict().items()} if match else {}
        if not values:
            text = "The file's name does not fit --meta-from; its fields stay empty."
            out.append(replace(call, remarks=(*call.remarks, Remark("no_meta", text))))
            continue
        where = f"--meta-from on {call.name}"
        channel = _channel(values.pop("channel", ""), where)
        role = role_of(values.pop("role", ""))
        call_id = values.pop("call_id", "")
        if len(call.sources) == 1:
            source = call.sources[0]
            source = replace(
                source,
                channel=source.channel if source.channel is not None else channel,
                role=source.role if source.role != "unknown" else role,
            )
            call = replace(call, sources=(source,))
        call = replace(
            call,
            started_at=call.started_at or values.get("started_at", ""),
            agent=call.agent or values.get("agent", ""),
            team=call.team or values.get("team", ""),
            language=call.language or values.get("language", ""),
        )
        if call_id:
            call = replace(call, call_id=call_id)
            key = (str(call.sources[0].path.parent), call_id)
            other = out[pairs[key]] if key in pairs else None
            if (
                other is not None
                and len(other.sources) == len(call.sources) == 1
                and {other.sources[0].role, call.sources[0].role} == {"agent", "customer"}
            ):
                both = tuple(sorted((*other.sources, *call.sources), key=lambda s: s.role))
                agents = call if call.sources[0].role == "agent" else other
                out[pairs[key]] = replace(agents, sources=both, name=str(both[0].path))
                continue
            pairs[key] = len(out)
        out.append(call)
    return out


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
        CSV with the columns :data:`FIELDS`; paths in it are relative to its folder.
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
    listed = [Path(path) for path in paths]
    calls: list[Call] = []
    manifests = [Path(manifest)] if manifest is not None else []
    files: dict[str, Path] = {}
    for path in listed:
        if path.is_dir():
            files.update((str(found), found) for found in walk(path))
        elif is_manifest(path):
            manifests.append(path)
        else:
            files[str(path)] = path
    for one in manifests:
        calls.extend(_read_manifest(one))
    known = {_same(source.path) for call in calls for source in call.sources}
    rest = [files[name] for name in sorted(files) if _same(files[name]) not in known]
    if clips:
        calls.extend(Call(path.stem, (Source(path),), str(path)) for path in rest)
    else:
        calls.extend(_pairs(rest))
    if meta_from is not None:
        calls = _from_names(calls, meta_from)
    if not calls:
        where = ", ".join(str(path) for path in [*listed, *manifests]) or "nothing"
        raise UsageError(
            f"No recordings found in {where}.",
            "Name recordings, or a folder with recordings (WAV, FLAC, MP3, Ogg, M4A ...).",
        )
    folder = Path(transcripts) if transcripts is not None else None
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--transcripts {folder}: there is no such folder.", "Check the path.")
    if not clips:
        calls = [_with_transcript(call, folder) for call in calls]
    if windows is not None:
        calls = _with_windows(calls, Path(windows))
    return sorted(calls, key=lambda call: (call.name, call.sources[0].channel or 0))


def _same(path: Path) -> str:
    return os.path.normpath(path.absolute())
