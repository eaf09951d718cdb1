"""Takes as files: sound as FLAC, what was measured and judged as JSON, or both in a ZIP.

Names are made here; no name and no path ever comes from the browser.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from prosody import __version__
from prosody.coach.session import Take
from prosody.coach.take import OwnBaseline
from prosody.judge.judge import Judge
from prosody.measures import table
from prosody.results.records import ApologyRecord, plain
from prosody.results.write import atomic
from prosody.settings import Settings
from prosody.web.app import refuse

FORMS = {"flac": "audio/flac", "json": "application/json", "zip": "application/zip"}
SCHEMA = 1
_NAMING = threading.Lock()


def stem(take: Take) -> str:
    """Return what the files of a take are called: its number, kind and time."""
    stamp = re.sub(r"\D", "", take.created)[:14]
    return f"{take.name or take.kind}-{stamp}" if stamp else take.name or take.kind


def files(
    take: Take,
    row: ApologyRecord,
    about: Mapping[str, Any],
    own: OwnBaseline | None,
    listener: Judge,
    settings: Settings,
) -> dict[str, bytes]:
    """Return the files of a take by name.

    With its baseline there are three: ``prosody analyze TAKE.flac --clips --baseline
    BASELINE.flac`` gives the judgement again.
    """
    name = stem(take)
    out = {f"{name}.flac": take.measured.flac}
    known = {k: v for k, v in about.items() if k not in ("id", "lines", "told_ms", "measures")}
    record = {
        "schema": "prosody-take",
        "schema_version": SCHEMA,
        "prosody": __version__,
        **known,
        "measures": dict(zip(table.NAMES, row.measures, strict=True)),
        "relative": dict(zip(table.RELATIVE_NAMES, row.relative, strict=True)),
        "gates": list(row.gates),
        "baseline_s": row.baseline_s,
        "judge": {"name": listener.name, "sha256": listener.card["sha256"]},
        "settings_sha256": settings.digest(),
        "claim": "Predicted listener impression, not what the speaker felt.",
    }
    if own is not None:
        out[f"{name}-baseline.flac"] = own.flac
    text = json.dumps(plain(record), ensure_ascii=False, indent=2, allow_nan=False)
    out[f"{name}.json"] = (text + "\n").encode()
    return out


def form(found: Mapping[str, bytes], what: str) -> tuple[str, bytes, str]:
    """Return name, bytes and content type of one of `FORMS`."""
    sound = next(n for n in found if n.endswith(".flac"))
    if what != "zip":
        name = sound if what == "flac" else sound.removesuffix(".flac") + ".json"
        return name, found[name], FORMS[what]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return sound.removesuffix(".flac") + ".zip", packed.getvalue(), FORMS["zip"]


def write(found: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write files to a folder, whole or not at all; nothing that is there is written over."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = next(n for n in found if n.endswith(".flac")).removesuffix(".flac")
    nth, tail = 1, ""
    names = []
    with _NAMING:  # first takes of two visits in one second have one name
        while any((folder / n.replace(sound, sound + tail, 1)).exists() for n in found):
            nth += 1
            tail = f"-{nth}"
        for name, data in found.items():
            target = folder / name.replace(sound, sound + tail, 1)
            with atomic(target, mode="wb") as file:
                file.write(data)
            if os.name == "posix":
                target.chmod(0o600)  # a voice is for its owner
            names.append(target.name)
    return names


def part(request: Request, data: bytes, kind: str) -> Response:
    """Return bytes, or the range of them that the request asks for (players seek that way)."""
    asked = request.headers.get("range", "").strip()
    headers = {"accept-ranges": "bytes"}
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", asked)
    if not found or found.group() == "bytes=-":
        return Response(data, media_type=kind, headers=headers)
    first, last = found.groups()
    if first:
        start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
    else:
        start, stop = max(0, len(data) - int(last)), len(data)
    if start >= stop:
        out = refuse(request, 416, "bad_range")
        out.headers["content-range"] = f"bytes */{len(data)}"
        return out
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Response(data[start:stop], 206, media_type=kind, headers=headers)
