"""How would this apology sound? Measures and judges spoken apologies in recorded calls.

The names below load their modules when first used, so that ``import prosody`` and
``prosody --help`` stay fast: librosa, numba and onnxruntime load only where they are needed.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

# Nothing leaves the machine. These libraries report on their use unless told not to before they
# load: onnxruntime (to Microsoft, with an identifier of the machine), Ray and huggingface_hub.
NO_TELEMETRY = {
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
os.environ.update(NO_TELEMETRY)  # worker processes inherit it, or import this module first

__version__ = "0.2.0"

_HOME = {
    "analyze": "prosody.runs.python",
    "features": "prosody.examine.features",
    "find_acts": "prosody.language.acts",
    "read_transcript": "prosody.transcripts",
    "Judge": "prosody.judge.judge",
    "MEASURES": "prosody.measures.table",
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
