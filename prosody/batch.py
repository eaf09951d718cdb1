"""Many calls: examine each, judge together, count. Knows nothing of sound."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Protocol

from prosody import __version__
from prosody.rows import SCHEMA_VERSION, Apology, Line


class Examine(Protocol):
    """Whatever turns one call into its rows (`pipeline.examine` with its options)."""

    def __call__(self, call: Any, /) -> Any: ...


@dataclass(slots=True)
class Run:
    """What a run found: one line per input, one row per apology."""

    lines: list[Line] = field(default_factory=list)
    apologies: list[Apology] = field(default_factory=list)
    seconds: float = 0.0

    def counts(self) -> dict[str, int]:
        """Return how many recordings and apologies ended up where."""
        return {
            "recordings": len(self.lines),
            "ok": sum(x.status == "ok" for x in self.lines),
            "no_apology": sum(x.status == "no_apology" for x in self.lines),
            "failed": sum(x.status == "failed" for x in self.lines),
            "complaint_without_apology": sum(bool(x.complaint_without_apology) for x in self.lines),
            "apologies": len(self.apologies),
            "judged": sum(a.verdict is not None for a in self.apologies),
            "withheld": sum(bool(a.gates) for a in self.apologies),
        }

    def exit_code(self) -> int:
        """Return 0 when all were read, 1 when some failed, 2 when none could be read."""
        failed = sum(x.status == "failed" for x in self.lines)
        if self.lines and failed == len(self.lines):
            return 2
        return 1 if failed else 0


def run(
    calls: Sequence[Any],
    examine: Examine,
    judge: Callable[[Sequence[Apology]], None] | None = None,
    *,
    progress: Callable[[int, int, Line], None] | None = None,
) -> Run:
    """Examine calls one after another and judge all their apologies at once.

    Parameters
    ----------
    calls : sequence of Call
    examine : callable
        One call in, its line and measured apologies out; never raises for an expected failure.
    judge : callable, optional
        Judges rows in place, many at a time. Left out with ``--measures-only``.
    progress : callable, optional
        Told after every call: how many are done, of how many, and the call's line.
    """
    began = time.monotonic()
    out = Run()
    for i, call in enumerate(calls, start=1):
        done = examine(call)
        out.lines.append(done.line)
        out.apologies += done.apologies
        if progress:
            progress(i, len(calls), done.line)
    if judge and out.apologies:
        judge(out.apologies)
    by_recording = {(x.recording, x.call_id): x for x in out.lines}
    for row in out.apologies:
        line = by_recording[row.recording, row.call_id]
        line.judged += row.verdict is not None
        line.withheld += bool(row.gates)
    out.seconds = time.monotonic() - began
    return out


def header(
    done: Run, *, settings: Any, command: dict[str, Any], model: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what ``run.json`` says of a run: versions, settings, model, counts."""
    packages = {}
    for name in ("prosody-sincerity", "numpy", "scipy", "librosa", "onnxruntime", "soundfile",
                 "soxr", "earshot"):  # fmt: skip
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    return {
        "schema_version": SCHEMA_VERSION,
        "prosody_version": __version__,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(done.seconds, 2),
        "python": sys.version.split()[0],
        "system": platform.system(),
        "packages": packages,
        "model": model,
        "settings": settings.as_dict(),
        "settings_sha256": settings.digest(),
        "command": command,
        "counts": done.counts(),
        "note": "Judgements are predicted listener impressions, not what a speaker felt or is.",
    }
