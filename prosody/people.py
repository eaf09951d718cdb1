"""Agents are pseudonyms in results unless the user asks otherwise.

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
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prosody.call import Call
from prosody.errors import UsageError
from prosody.rows import Line


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
    """Return the key, made on first use (readable by its owner only)."""
    path = key_file()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w", encoding="ascii") as out:
                out.write(secrets.token_hex(32))
        return path.read_bytes().strip()
    except FileExistsError:  # another run made it at the same moment
        return path.read_bytes().strip()
    except OSError as error:
        raise UsageError(
            f"The key for agents' pseudonyms cannot be kept at {path}: {error.strerror}.",
            "Set PROSODY_KEY_FILE to a file that can be written, or use --agents-as-is.",
        ) from error


def pseudonym(name: str, secret: bytes) -> str:
    """Return the pseudonym of an agent's name ('' stays '')."""
    if not name.strip():
        return ""
    folded = name.strip().casefold().encode()
    return "agent-" + hmac.new(secret, folded, hashlib.sha256).hexdigest()[:10]


def pseudonymise(calls: Sequence[Call]) -> list[Call]:
    """Return the calls with agents' names replaced, in file names as they are shown, too.

    The files themselves are still opened under their own names.
    """
    if not any(c.agent.strip() for c in calls):
        return list(calls)
    secret = key()
    out = []
    for call in calls:
        name = call.agent.strip()
        if not name:
            out.append(call)
            continue
        hides = (name, pseudonym(name, secret))
        out.append(
            replace(
                call,
                agent=hides[1],
                name=_instead(call.name, hides),
                call_id=_instead(call.call_id, hides),
                hides=hides,
            )
        )
    return out


def _instead(text: str, hides: tuple[str, str]) -> str:
    """Return `text` with one name replaced by what stands for it."""
    name, other = hides
    if not name:
        return text
    # Between letters "ann" is not Ann ("planning.wav"), beside "_" or digits it is.
    inside = rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])"
    return re.sub(inside, other, text, flags=re.IGNORECASE)


def hide(line: Line, call: Call) -> None:
    """Take the agent's name out of what is said of a recording: errors and remarks quote paths."""
    if not call.hides[0]:
        return
    line.tracks = tuple({**t, "file": _instead(t["file"], call.hides)} for t in line.tracks)
    line.message = _instead(line.message, call.hides)
    line.remedy = _instead(line.remedy, call.hides)
    line.remarks = tuple(
        replace(
            r,
            text=_instead(r.text, call.hides),
            remedy=_instead(r.remedy, call.hides),
            values={k: _instead(v, call.hides) for k, v in r.values.items()},
        )
        for r in line.remarks
    )


def names_of(who: str) -> list[str]:
    """Return under which names an agent may stand in results: as given, and as a pseudonym.

    No key is made here: without one, no pseudonym can have been written.
    """
    found = [who]
    if key_file().is_file():
        found.append(pseudonym(who, key()))
    return [name for name in found if name]
