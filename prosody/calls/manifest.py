"""What a team knows about its recordings: a manifest, or file names that say it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prosody.audio.storage import is_url, path_of
from prosody.calls.call import Call, Source
from prosody.calls.names import PRESETS, started_at
from prosody.calls.role_words import AGENT_WORDS, CUSTOMER_WORDS, channel_of, role_of
from prosody.errors import UsageError
from prosody.files import decode, rows
from prosody.message import Message
from prosody.transcripts.turns import Role

FIELDS = (
    "path", "call_id", "started_at", "channel", "role", "agent", "team", "language", "transcript",
    "windows", "agent_speaker",
)  # fmt: skip
# The same columns as Dutch people, and other tools, call them.
ALSO = {
    "bestand": "path", "bestandsnaam": "path", "opname": "path", "file": "path",
    "filename": "path", "file_name": "path", "recording": "path", "audio": "path",
    "gespreks-id": "call_id", "gespreks_id": "call_id", "gespreksid": "call_id",
    "gesprek": "call_id", "gespreksnummer": "call_id", "conversation_id": "call_id",
    "conversationid": "call_id", "contact_id": "call_id", "contactid": "call_id",
    "datum": "started_at", "begin": "started_at", "starttijd": "started_at", "tijd": "started_at",
    "date": "started_at", "start_time": "started_at", "datetime": "started_at",
    "kanaal": "channel", "rol": "role", "medewerker": "agent", "adviseur": "agent",
    "employee": "agent", "afdeling": "team", "department": "team", "queue": "team",
    "taal": "language", "transcriptie": "transcript", "vensters": "windows",
    "spreker_medewerker": "agent_speaker", "medewerker_spreker": "agent_speaker",
}  # fmt: skip
_META = ("call_id", "started_at", "channel", "role", "agent", "team", "language", "agent_speaker")


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
    cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]", first)]
    # A windows file has a column recording, too.
    return any(c == "path" or (ALSO.get(c) == "path" and c != "recording") for c in cells)


def _named(header: Sequence[str]) -> dict[str, str]:
    """Return what the columns of a manifest are called here, by what they are called there."""
    out: dict[str, str] = {}
    for name in header:
        ours = ALSO.get(name, name)
        out[name] = ours if ours not in header and ours not in out.values() else name
    return out


def beside(base: Path, name: str) -> Path:
    """Return the file that a manifest names: a URL, or a path from the manifest's folder."""
    found: Path = path_of(name) if is_url(name) else base / name
    return found


def _check_header(path: Path, header: Sequence[str]) -> tuple[Message, ...]:
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
    return (Message.of("columns_not_used", columns=", ".join(unknown)),)


def _channel(value: str, where: str) -> int | None:
    try:
        return channel_of(value)
    except ValueError:
        expected = "Expected left, right, 0, 1 or nothing."
        raise UsageError(f"{where}: channel '{value}'.", expected) from None


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


def read_manifest(manifest: Path) -> list[Call]:
    """Return the calls a manifest lists; rows with one ``call_id`` (or one path) are one call."""
    header, lines, _ = rows(manifest, decode(manifest, UsageError), UsageError)
    names = _named(header)
    header = [names[name] for name in header]
    lines = [(number, {names.get(n, n): c for n, c in row.items()}) for number, row in lines]
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
                beside(base, row["path"]),
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
        asked = [n for n in ("transcript", "windows", *_META[1:]) if n not in ("channel", "role")]
        meta: dict[str, Any] = {name: _merged(where, only, name) for name in asked}
        files = {n: beside(base, meta[n]) if meta[n] else None for n in ("transcript", "windows")}
        for n in ("transcript", "windows"):
            meta.pop(n, None)
        calls.append(
            Call(
                call_id=only[0].get("call_id") or sources[0].path.stem,
                sources=sources,
                name=str(sources[0].path),
                transcript=files["transcript"],
                windows=files["windows"],
                remarks=remarks,
                **meta,
            )
        )
    return calls


def _pattern(meta_from: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(PRESETS.get(meta_from, meta_from))
    except re.error as error:
        raise UsageError(
            f"--meta-from: '{meta_from}' is no regular expression ({error}).",
            r"Example: (?P<agent>\w+)_(?P<started_at>\d{8})_(?P<call_id>\d+)"
            f"; or one of {', '.join(PRESETS)}.",
        ) from error
    wrong = [name for name in pattern.groupindex if name not in _META]
    if wrong or not pattern.groupindex:
        what = f"no field is called '{wrong[0]}'" if wrong else "it names no group"
        raise UsageError(
            f"--meta-from: {what}.",
            f"Groups are written (?P<name>...); names: {', '.join(_META)}. Ready-made ones: "
            f"{', '.join(PRESETS)}.",
        )
    return pattern


def from_names(calls: list[Call], meta_from: str) -> list[Call]:
    """Fill empty fields from file names; files with one call_id and two roles become a pair."""
    pattern = _pattern(meta_from)
    out: list[Call] = []
    pairs: dict[tuple[str, str], int] = {}
    for call in calls:
        match = pattern.search(call.sources[0].path.name)
        values = {k: v or "" for k, v in match.groupdict().items()} if match else {}
        if not values:
            out.append(replace(call, remarks=(*call.remarks, Message.of("no_meta"))))
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
            started_at=call.started_at
            or started_at(values.get("started_at", ""))
            or values.get("started_at", ""),
            agent_speaker=call.agent_speaker or values.get("agent_speaker", ""),
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
