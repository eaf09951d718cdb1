"""The two kinds of rows that come out: one per apology, one per recording.

``ApologyRecord`` and ``CallRecord`` hold plain values, so that they can cross a process boundary
and be written as JSON. ``nested`` is the form of the JSONL files and of ``prosody.analyze``;
``flat`` the form of CSV, Parquet and XLSX. Missing numbers are NaN here and null / empty in files.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.files import storable
from prosody.measures import table
from prosody.measures.conversation import AROUND, CUSTOMER_VOICE
from prosody.message import Message

SCHEMA_VERSION = 2
_HASH = re.compile(r"[0-9a-f]{64}")

RULES = (
    "real", "heard_first", "delay", "short", "once", "i_form", "responsibility", "specific",
    "understanding", "solution", "no_escape", "promise",
)  # fmt: skip
# Rules whose measured value is a word; of all others it is a number.
WORDED_RULES = ("i_form",)
AXES = ("sincere", "engaged")
# What stands of an axis, and of animation, in a flat row.
AXIS_NUMBERS = ("rating", "sd", "low", "high", "p")
ANIMATION = ("value", "sd", "low", "high", "p", "word")
# Why a judgement may be withheld: what `examine.gates` holds the sound against, and what is told
# before measuring.
GATES = (
    "too_short", "too_little_voice", "clipped", "too_noisy", "digital_silence", "music",
    "outside_recording", "no_baseline", "clock",
)  # fmt: skip


@dataclass(slots=True)
class ApologyRecord:
    """One apology: what was said, how it was measured, how it would be heard.

    ``measures`` is ordered as `table.NAMES`, ``relative`` as `table.RELATIVE_NAMES`; ``quality``
    are the numbers behind the gates (`gates.GATES`), for other thresholds later. The judgement
    fields stay empty until a judge has seen the row, and for gated rows. ``around`` is what the
    talk did before and after (`conversation.AROUND`).
    """

    recording: str
    recording_sha256: str
    call_id: str
    channel: int
    role: str
    start_s: float
    end_s: float
    text: str
    form: str
    source: str
    language: str
    measures: NDArray[np.float64]
    relative: NDArray[np.float64]
    baseline_s: float
    started_at: str = ""
    agent: str = ""
    agent_speaker: str = ""
    team: str = ""
    i_form: bool | None = None
    gates: tuple[str, ...] = ()
    remarks: tuple[Message, ...] = ()
    snr_db: float = math.nan
    quality: tuple[float, ...] = ()
    axes: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: str | None = None
    kind: str | None = None
    hint: str | None = None
    animation: dict[str, Any] | None = None
    more_sincere: dict[str, Any] | None = None
    reasons: tuple[dict[str, Any], ...] = ()
    conduct: dict[str, dict[str, Any]] = field(default_factory=dict)
    around: dict[str, float] = field(default_factory=dict)

    def columns(self) -> dict[str, float]:
        """Return every number a judge may ask for, by column name."""
        return {
            **dict(zip(table.NAMES, self.measures.tolist(), strict=True)),
            **dict(zip(table.RELATIVE_NAMES, self.relative.tolist(), strict=True)),
            "baseline_s": self.baseline_s,
            "snr_db": self.snr_db,
        }


@dataclass(slots=True)
class CallRecord:
    """What became of one recording: there is exactly one for every input.

    ``baseline`` holds the agent's usual measures in this recording (medians over stretches of
    ``baseline_s`` seconds of speech), also where there is no apology. ``tracks`` are the signals of
    the call in the order of ``roles``, each with its file, the file's hash, its channel there, its
    role, and ``offset_s``: time in the call = time in the file + ``offset_s``. ``conversation`` is
    how the talk was shared (`conversation.COLUMNS`), empty where it is not known.
    """

    recording: str
    call_id: str
    status: str = "ok"
    code: str = ""
    message: str = ""
    remedy: str = ""
    recording_sha256: str = ""
    duration_s: float = math.nan
    sr_hz: int | None = None
    channels: int | None = None
    format: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    tracks: tuple[dict[str, Any], ...] = ()
    language: str = ""
    source: str = ""
    started_at: str = ""
    agent: str = ""
    team: str = ""
    apologies: int = 0
    judged: int = 0
    withheld: int = 0
    complaint: bool | None = None
    complaint_without_apology: bool | None = None
    baseline_s: float = math.nan
    baseline: dict[str, float] = field(default_factory=dict)
    acts: tuple[dict[str, Any], ...] = ()
    conduct: dict[str, dict[str, Any]] = field(default_factory=dict)
    conversation: dict[str, float] = field(default_factory=dict)
    remarks: tuple[Message, ...] = ()


def clip_name(sha256: str, recording: str, channel: int, start_s: float) -> str:
    """Return the name of an apology in ratings: the same in every run over the same sound."""
    if not _HASH.fullmatch(sha256):
        sha256 = hashlib.sha256(recording.encode(errors="replace")).hexdigest()
    return f"{sha256[:12]}-{channel}-{round(1000 * start_s)}"


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: NaN and infinities become null, arrays lists."""
    kind = type(value)  # asked of hundreds of values a row, most of them of these kinds
    if kind is float:
        # Nine significant digits: more than any measure carries, and the files stay readable.
        return float(f"{value:.9g}") if math.isfinite(value) else None
    if kind is str:
        return storable(value)
    if kind is int or kind is bool or value is None:
        return value
    if isinstance(value, Message):
        return {"code": value.code, "text": storable(str(value))}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    return plain(float(value)) if isinstance(value, float) else value


_IDENTITY = (
    "recording", "recording_sha256", "call_id", "started_at", "agent", "agent_speaker", "team",
    "language", "channel", "role", "start_s", "end_s", "text", "form", "i_form", "source",
)  # fmt: skip


def nested(row: ApologyRecord, *, measures_only: bool = False) -> dict[str, Any]:
    """Return an apology as one JSON object (a line of ``apologies.jsonl``)."""
    out: dict[str, Any] = {name: getattr(row, name) for name in _IDENTITY}
    if not measures_only:
        out |= {"verdict": row.verdict, "kind": row.kind, "hint": row.hint}
        out |= {axis: row.axes.get(axis) for axis in AXES}
        out["animation"] = row.animation
        out["p_more_sincere_than_own_usual"] = row.more_sincere
        out["reasons"] = list(row.reasons)
    out["gates"] = list(row.gates)
    out["remarks"] = list(row.remarks)
    out["baseline_s"] = row.baseline_s
    out["snr_db"] = row.snr_db
    out["measures"] = dict(zip(table.NAMES, row.measures.tolist(), strict=True))
    out["relative"] = dict(zip(table.RELATIVE_NAMES, row.relative.tolist(), strict=True))
    out["conduct"] = row.conduct
    out["around"] = _around(row)
    return dict(plain(out))


def flat(
    row: ApologyRecord, *, inputs: tuple[str, ...] = (), measures_only: bool = False
) -> dict[str, Any]:
    """Return an apology as one flat row; the same columns for every row of a run.

    Parameters
    ----------
    row : ApologyRecord
    inputs : tuple of str
        The judge's inputs, in order: they name the contribution columns.
    measures_only : bool
        Leave every column of a judgement out.
    """
    out: dict[str, Any] = {name: getattr(row, name) for name in _IDENTITY}
    if not measures_only:
        out |= {"verdict": row.verdict, "kind": row.kind, "hint": row.hint}
        for axis in AXES:
            got = row.axes.get(axis) or {}
            for name in AXIS_NUMBERS:
                out[f"{axis}_{name}"] = got.get(name)
        for name in ANIMATION:
            out[f"animation_{name}"] = (row.animation or {}).get(name)
        compared = row.more_sincere or {}
        out["p_more_sincere_than_own_usual"] = compared.get("p")
        out["p_more_sincere_than_own_usual_low"] = compared.get("low")
        out["p_more_sincere_than_own_usual_high"] = compared.get("high")
        for i in range(3):
            out[f"reason_{i + 1}"] = row.reasons[i]["text"] if i < len(row.reasons) else ""
    out["gates"] = " ".join(row.gates)
    out["remarks"] = " ".join(str(r) for r in row.remarks)
    out["baseline_s"] = row.baseline_s
    out["snr_db"] = row.snr_db
    for rule in RULES:
        got = row.conduct.get(rule) or {}
        out[f"conduct_{rule}"] = got.get("status", "")
        value = got.get("value")
        wanted = str if rule in WORDED_RULES else (int, float)
        out[f"conduct_{rule}_value"] = value if isinstance(value, wanted) else None
    out["clip"] = clip_name(row.recording_sha256, row.recording, row.channel,
                            plain(row.start_s))  # fmt: skip
    out |= _around(row)
    out |= dict(zip(table.NAMES, row.measures.tolist(), strict=True))
    out |= dict(zip(table.RELATIVE_NAMES, row.relative.tolist(), strict=True))
    if not measures_only:
        for axis in AXES:
            parts = (row.axes.get(axis) or {}).get("contributions") or {}
            out |= {f"{axis}_from_{name}": parts.get(name) for name in inputs}
    return {k: plain(v) for k, v in out.items()}


def _around(row: ApologyRecord) -> dict[str, float | None]:
    """Return what was measured around an apology; of the customer's voice only if asked for."""
    asked = (name for name in CUSTOMER_VOICE if name in row.around)
    return {name: row.around.get(name) for name in (*AROUND, *asked)}


def nested_record(record: CallRecord, *, measures_only: bool = False) -> dict[str, Any]:
    """Return a recording's record as one JSON object (a line of ``recordings.jsonl``)."""
    out = {name: getattr(record, name) for name in CallRecord.__dataclass_fields__}
    if measures_only:
        out.pop("judged")
    return dict(plain(out))
