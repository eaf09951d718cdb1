"""How would this apology sound? Measures and judges spoken apologies in recorded calls.

The names below load their modules when first used, so that ``import prosody`` and
``prosody --help`` stay fast: librosa, numba and onnxruntime load only where they are needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "analyze": "prosody.analysis",
    "features": "prosody.measures",
    "find_acts": "prosody.acts",
    "read_transcript": "prosody.transcripts",
    "Judge": "prosody.judge",
    "MEASURES": "prosody.table",
    "Settings": "prosody.settings",
    "ProsodyError": "prosody.errors",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'prosody' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
