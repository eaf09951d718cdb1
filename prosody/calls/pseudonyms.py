"""Pseudonyms of agents: in results unless the user asks otherwise.

A pseudonym is a keyed hash: the same agent gets the same one in every run on this machine, and
nobody without the key can turn a name into it. The key lies in the user's configuration, never in
the results.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import shlex
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prosody.audio.sniff import AUDIO_SUFFIXES
from prosody.calls import masking
from prosody.calls.call import Call, Source
from prosody.errors import UsageError
from prosody.message import Message
from prosody.results.records import CallRecord


def key_file() -> Path:
    """Return where the key lies: the user's configuration folder of this system."""
    if set_by_user := os.environ.get("PROSODY_KEY_FILE"):
        return Path(set_by_user)
    if os.name == "nt":
        home = Path(os.environ.get("APPDATA") or Path.home())
    else:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "prosody" / "agents.key"


def key() -> bytes:
    """Return the key, made on first use (readable by its owner only).

    Raises
    ------
    UsageError
        If it cannot be kept, or the file holds anything but 64 hex digits: a run with another key
        would give every agent another pseudonym, and an empty one would protect nobody.
    """
    path = key_file()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_key(path)
        with path.open("rb") as file:
            found = file.read(1024).strip()
    except OSError as error:
        raise UsageError(
            f"The key for agents' pseudonyms cannot be kept at {path}: {error.strerror}.",
            "Set PROSODY_KEY_FILE to a file that can be written, or use --agents-as-is.",
        ) from error
    if not re.fullmatch(rb"[0-9a-fA-F]{64}", found):
        raise UsageError(
            f"{path}: found {len(found)} bytes that are no key for agents' pseudonyms; expected "
            "64 hexadecimal digits.",
            "Put the key of earlier runs back. Without it, remove this file: a new key is made, "
            "and agents get other pseudonyms than in earlier runs.",
        )
    return found


def _make_key(path: Path) -> None:
    """Put a new key in its place whole, or not at all: first aside, then linked."""
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32))
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:  # another run made one at the same moment: that one counts
            return
        except OSError:  # a file system without links
            if not path.exists():
                Path(aside).replace(path)
    finally:
        Path(aside).unlink(missing_ok=True)


def exposed() -> str:
    """Return a warning where other users of this machine can read the key, else ''."""
    path = key_file()
    if os.name == "nt" or not path.is_file() or not path.stat().st_mode & 0o077:
        return ""
    return (
        f"{path}: others on this machine can read the key, and with it find out who a pseudonym "
        f"is. Run: chmod 600 {shlex.quote(str(path))}"
    )


def pseudonym(name: str, secret: bytes, kind: str = "agent") -> str:
    """Return the pseudonym of an agent's name, or of another `kind` of name ('' stays '')."""
    if not name.strip():
        return ""
    folded = name.strip().casefold().encode("utf-8", "surrogateescape")
    return f"{kind}-" + hmac.new(secret, folded, hashlib.sha256).hexdigest()[:10]


def pseudonymise(
    calls: Sequence[Call], *, agents: bool = True, redacted: bool = False
) -> list[Call]:
    """Return the calls as results may name them.

    Parameters
    ----------
    calls : sequence of Call
    agents : bool
        Replace agents' names, in file names as they are shown, too.
    redacted : bool
        Replace the names of files and calls whole: no pattern tells a customer's name or number in
        them from anything else. What else is known of a call is masked.

    Returns
    -------
    list of Call
        The files themselves are still opened under their own names.
    """
    if not redacted and not (agents and any(c.agent.strip() for c in calls)):
        return list(calls)
    secret = key()
    out = []
    for call in calls:
        name = call.agent.strip() if agents else ""
        hides = ((name, pseudonym(name, secret)),) if name else ()
        if redacted:
            out.append(_redacted(call, hides, secret))
        elif hides:
            shown = instead(call.name, hides), instead(call.call_id, hides)
            left = any(_part_left(text, hides) for text in shown)
            out.append(
                replace(
                    call,
                    agent=hides[0][1],
                    name=shown[0],
                    call_id=shown[1],
                    remarks=(*call.remarks, Message.of("name_part")) if left else call.remarks,
                    hides=hides,
                )
            )
        else:
            out.append(call)
    return out


_DATE = re.compile(r"\d{4}-?\d\d-?\d\d([T ]?\d\d:?\d\d(:?\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")


def _redacted(call: Call, hides: tuple[tuple[str, str], ...], secret: bytes) -> Call:
    def stand_in(source: Source) -> str:
        suffix = source.path.suffix.lower()
        kept = suffix if suffix in AUDIO_SUFFIXES else ""
        return pseudonym(source.place or str(source.path), secret, "recording") + kept

    call_id = pseudonym(call.call_id, secret, "call")
    pairs = {str(s.path): stand_in(s) for s in call.sources}
    pairs |= {s.place: pairs[str(s.path)] for s in call.sources if s.place}
    name = pairs[str(call.sources[0].path)]
    pairs |= {call.name: name, call.call_id: call_id}
    for path in (*(s.path for s in call.sources), call.transcript, call.windows,
                 *(s.transcript for s in call.sources)):  # fmt: skip
        if path is not None:
            ending = "" if path.suffix.lower() in AUDIO_SUFFIXES else path.suffix
            for text in (str(path), path.name, ending):
                pairs.setdefault(text, "[file]")
    whole = sorted(pairs.items(), key=lambda pair: -len(pair[0]))  # a path before its parts
    team = call.team
    return replace(
        call,
        agent=hides[0][1] if hides else call.agent,
        name=name,
        call_id=call_id,
        team=team if masking.text(team) == team else pseudonym(team, secret, "team"),
        started_at=call.started_at if _DATE.fullmatch(call.started_at.strip()) else "",
        language=call.language if re.fullmatch(r"[A-Za-z]{2,3}(-\w{2,4})?", call.language) else "",
        # One or two characters are no name, and stand in every sentence.
        hides=(*hides, *((text, other) for text, other in whole if len(text) > 2)),
    )


def instead(text: str, hides: Sequence[tuple[str, str]]) -> str:
    """Return `text` with names replaced by what stands for them.

    An agent's name is found however it is written: large or small, with accents or without, its
    parts joined by anything or nothing, the last one first. Other names are files: as they are.
    """
    for name, other in hides:
        if other.startswith("agent-"):
            text = _without(text, name, other)
        else:
            # Between letters "ann" is not Ann ("planning.wav"), beside "_" or digits it is.
            inside = rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])"
            as_it_is = other.replace("\\", r"\\")
            text = re.sub(inside, as_it_is, text, flags=re.IGNORECASE)
    return text


def _folded(text: str) -> tuple[str, list[int]]:
    """Return text without case and accents, and for each letter of it its place in `text`."""
    out, at = [], []
    for i, letter in enumerate(text):
        for part in unicodedata.normalize("NFKD", letter):
            if not unicodedata.combining(part):
                out.append(part.casefold())
                at += [i] * len(out[-1])
    return "".join(out), at


# A name of several words and so many letters is nothing else, also in the middle of a word.
_LONG = 8


def _without(text: str, name: str, other: str) -> str:
    words = re.findall(r"[^\W_]+", _folded(name)[0])
    if not words:
        return text.replace(name, other)
    orders = [words] if len(words) == 1 else [words, [words[-1], *words[:-1]]]
    pattern = "|".join(r"[\W_]*".join(map(re.escape, order)) for order in orders)
    composed = unicodedata.normalize("NFC", text)
    folded, at = _folded(composed)
    sure = len(words) > 1 and sum(map(len, words)) >= _LONG
    out, done = [], 0
    for found in re.finditer(pattern, folded):
        first, last = at[found.start()], at[found.end() - 1]
        if first >= done and (sure or (_begins(composed, first) and _ends(composed, last))):
            out += [composed[done:first], other]
            done = last + 1
    return "".join(out) + composed[done:] if out else text


def _begins(text: str, i: int) -> bool:
    """Whether a word begins at a letter: "Ann" in "callAnn", not in "planning"."""
    before = text[i - 1 : i]
    return not before.isalpha() or (before.islower() and text[i].isupper())


def _ends(text: str, i: int) -> bool:
    after = text[i + 1 : i + 2]
    return not after.isalpha() or (after.isupper() and text[i].islower())


def _part_left(text: str, hides: Sequence[tuple[str, str]]) -> bool:
    """Whether a part of an agent's name still stands in a text."""
    for name, other in hides:
        folded = _folded(text.replace(other, " "))[0]
        for word in re.findall(r"[^\W\d_]{3,}", _folded(name)[0]):
            if re.search(rf"(?<![^\W\d_]){word}(?![^\W\d_])", folded):
                return True
            if len(word) > 4 and word in folded:
                return True
    return False


def hide(record: CallRecord, call: Call) -> None:
    """Take hidden names out of what is said of a recording: errors and remarks quote paths."""
    if not call.hides:
        return
    record.tracks = tuple({**t, "file": instead(t["file"], call.hides)} for t in record.tracks)
    record.message = instead(record.message, call.hides)
    record.remedy = instead(record.remedy, call.hides)
    record.remarks = tuple(
        replace(
            r,
            text=instead(r.text, call.hides),
            remedy=instead(r.remedy, call.hides),
            values={k: instead(v, call.hides) for k, v in r.values.items()},
        )
        for r in record.remarks
    )


def fingerprint(calls: Sequence[Call]) -> str:
    """Return a mark of the key that made the calls' pseudonyms; '' where there are none."""
    if not any(other.startswith(_MADE) for call in calls for _, other in call.hides):
        return ""
    return hmac.new(key(), b"fingerprint of this key", hashlib.sha256).hexdigest()[:16]


_MADE = ("agent-", "recording-", "call-")


def names_of(who: str) -> list[str]:
    """Return under which names an agent may stand in results: as given, and as a pseudonym.

    No key is made here: without one, no pseudonym can have been written.
    """
    found = [who]
    if key_file().is_file():
        found.append(pseudonym(who, key()))
    return [name for name in found if name]
