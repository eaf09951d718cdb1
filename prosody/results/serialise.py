"""Rows as the journal keeps them: JSON, compressed; nothing in it is executed when it is read."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from prosody.files import storable
from prosody.message import Message
from prosody.results.records import ApologyRecord, CallRecord

# What a judge adds to an apology; kept apart from what was measured.
JUDGEMENT = ("axes", "verdict", "kind", "hint", "animation", "reasons")


def pack(value: Any) -> bytes:
    """Return a value as compressed JSON; NaN stays NaN, which JSON proper has not."""

    def other(thing: Any) -> Any:
        if isinstance(thing, Message):
            return {f.name: getattr(thing, f.name) for f in fields(Message)}
        if isinstance(thing, (np.ndarray, np.generic)):
            return thing.tolist()
        raise TypeError(f"{type(thing).__name__} cannot be kept")

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=other)
    return zlib.compress(storable(text).encode(), 1)


def unpack(data: bytes) -> Any:
    """Return what `pack` was given, with lists for tuples and arrays."""
    return json.loads(zlib.decompress(data))


def record_of(kept: dict[str, Any]) -> CallRecord:
    """Return a recording's record from its fields as they were kept."""
    kept["remarks"] = tuple(Message(**r) for r in kept["remarks"])
    kept["acts"], kept["tracks"] = tuple(kept["acts"]), tuple(kept.get("tracks", ()))
    return CallRecord(**kept)


def apology_of(
    kept: dict[str, Any], judgement: dict[str, Any] | None, conduct: dict[str, Any]
) -> ApologyRecord:
    """Return an apology from what was measured, its judgement, and the conduct of its call."""
    for name in ("gates", "quality"):
        kept[name] = tuple(kept[name])
    kept["remarks"] = tuple(Message(**r) for r in kept["remarks"])
    for name in ("measures", "relative"):
        kept[name] = np.array(kept[name], dtype=np.float64)
    row = ApologyRecord(**kept, conduct=conduct)
    for name, value in (judgement or {}).items():
        setattr(row, name, tuple(value) if name == "reasons" else value)
    return row
