"""Tables of recordings and of rules: a row for every recording, a row for every rule of a call.

What is in them is said here once; CSV, Parquet and workbook only write it. They are made from the
rows of ``recordings.jsonl``, so that results of any age give the same columns. ``recording`` joins
all tables; ``clip`` joins tables of apologies to ratings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prosody.measures.conversation import COLUMNS as CONVERSATION
from prosody.results import reasons_to_hear
from prosody.results.parquet import date_of
from prosody.results.records import RULES

_ACTS: Final = (
    ("repairs", "repair"),
    ("sympathies", "sympathy"),
    ("interruptions", "interruption"),
)
# Who is the agent was told by what; the remark's code says it.
_EVIDENCE: Final = ("roles_from_greeting", "roles_from_voice", "role_unknown")

RECORDINGS: Final = (
    "recording", "call_id", "date", "started_at", "agent", "team", "language", "status", "hear",
    "complaint", "complaint_without_apology", "complaint_start_s", "apologies", "apologised",
    "judged", "withheld", "rules_met", "rules_not_met", "rules_missed",
    *(name for name, _ in _ACTS), "duration_s", "role_evidence", "source",
    "code", "message", "remedy", "remarks", *CONVERSATION, "recording_sha256",
)  # fmt: skip
_JUDGED: Final = ("judged", "withheld")
APART: Final = frozenset(
    {"recording_sha256", "agent_talk_s", "customer_talk_s", "silence_s", "overlap_s",
     "longest_wait_start_s", "message"}
)  # fmt: skip
"""Columns that the first sheet of a workbook leaves to the table: it has at most 40."""
CONDUCT: Final = (
    "recording", "call_id", "date", "rule", "status", "value", "value_text", "unit", "default",
    "strength", "role", "agent_speaker", "words", "start_s", "end_s", "times_s", "remark",
    "advice",
)  # fmt: skip
TEXTS: Final = frozenset({
    "recording", "call_id", "started_at", "agent", "team", "language", "status", "hear",
    "apologised", "rules_missed", "role_evidence", "source", "code", "message", "remedy",
    "remarks", "recording_sha256", "rule", "value_text", "unit", "strength", "role", "words",
    "agent_speaker",
    "times_s", "remark", "advice",
})  # fmt: skip
FLAGS: Final = frozenset({"complaint", "complaint_without_apology"})
DATES: Final = frozenset({"date"})
COUNTS: Final = frozenset({
    "apologies", "judged", "withheld", "rules_met", "rules_not_met", "agent_cut_ins",
    "customer_cut_ins", *(name for name, _ in _ACTS),
})  # fmt: skip


def recording_columns(*, measures_only: bool = False) -> list[str]:
    """Return the columns of the table of recordings."""
    return [c for c in RECORDINGS if not (measures_only and c in _JUDGED)]


def recording_row(
    record: Mapping[str, Any],
    apologies: Sequence[Mapping[str, Any]] = (),
    *,
    measures_only: bool = False,
) -> dict[str, Any]:
    """Return one recording as a flat row.

    Parameters
    ----------
    record : mapping
        As in ``recordings.jsonl``.
    apologies : sequence of mapping
        Its apologies; of each only ``verdict`` is looked at.
    measures_only : bool
        Leave out what is about a judgement.
    """
    found = reasons_to_hear.complaint_words(record)
    status = {n: (record.get("conduct") or {}).get(n) for n in RULES}
    graded = {n: r.get("status") for n, r in status.items() if isinstance(r, Mapping)}
    missed = [n for n in RULES if graded.get(n) == "not_met"]
    acts = [a for a in record.get("acts") or () if isinstance(a, Mapping)]
    remarks = [r for r in record.get("remarks") or () if isinstance(r, Mapping)]
    talk = record.get("conversation") or {}
    out: dict[str, Any] = {
        **{name: record.get(name) for name in RECORDINGS},
        "date": date_of(str(record.get("started_at") or "")),
        "hear": " ".join(reasons_to_hear.reasons(record, apologies, judged=not measures_only)),
        "complaint": reasons_to_hear.complained(record),
        "complaint_start_s": found[0].get("start_s") if found else None,
        "apologised": _who_when(acts),
        "rules_met": sum(s == "met" for s in graded.values()) if graded else None,
        "rules_not_met": len(missed) if graded else None,
        "rules_missed": " ".join(missed),
        **{name: sum(a.get("act") == act and a.get("role") != "customer" for a in acts)
           for name, act in _ACTS},
        "role_evidence": _evidence(record, remarks),
        "remarks": " ".join(str(r.get("text") or "") for r in remarks),
        **{name: _number(name, talk.get(name)) for name in CONVERSATION},
    }  # fmt: skip
    if record.get("status") == "failed":
        unknown = ("apologies", "judged", "withheld", *(name for name, _ in _ACTS))
        out |= dict.fromkeys(unknown)
    return {name: out[name] for name in recording_columns(measures_only=measures_only)}


def conduct_rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rules of one call, each as a row; a call without a transcript has none."""
    for rule in RULES:
        result = (record.get("conduct") or {}).get(rule)
        if not isinstance(result, Mapping):
            continue
        words = [w for w in result.get("words") or () if isinstance(w, Mapping)]
        first = words[0] if words else {}
        value = result.get("value")
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        starts = [w["start_s"] for w in words if isinstance(w.get("start_s"), (int, float))]
        yield {
            "recording": record.get("recording"),
            "call_id": record.get("call_id"),
            "date": date_of(str(record.get("started_at") or "")),
            "rule": rule,
            "status": result.get("status"),
            "value": float(value) if is_number else None,  # type: ignore[arg-type]
            "value_text": value if isinstance(value, str) else "",
            "unit": result.get("unit"),
            "default": result.get("default"),
            "strength": result.get("strength"),
            "role": first.get("role"),
            "agent_speaker": ", ".join(
                dict.fromkeys(str(w["agent_speaker"]) for w in words if w.get("agent_speaker"))
            ),
            "words": " ... ".join(str(w.get("text") or "") for w in words),
            "start_s": first.get("start_s"),
            "end_s": first.get("end_s"),
            "times_s": " ".join(f"{start:.1f}" for start in starts),
            "remark": result.get("remark"),
            "advice": result.get("advice"),
        }


def _number(name: str, value: Any) -> Any:
    """Return a measure of the talk; a count is a whole number."""
    known = isinstance(value, float) and math.isfinite(value)
    return int(value) if known and name in COUNTS else value


def _who_when(acts: Sequence[Mapping[str, Any]]) -> str:
    """Return who apologised when: ``agent 0:25, customer 1:03``."""
    from prosody.words import clock

    apologies = [a for a in acts if a.get("act") == "apology"]
    return ", ".join(
        f"{a.get('role') or 'unknown'} {clock(float(a['start_s']))}"
        if isinstance(a.get("start_s"), (int, float))
        else str(a.get("role") or "unknown")
        for a in apologies
    )


def _evidence(record: Mapping[str, Any], remarks: Sequence[Mapping[str, Any]]) -> str:
    """Return by what it was told who is the agent; '' for a recording that was not read."""
    if record.get("status") == "failed":
        return ""
    found = record.get("role_evidence")
    if isinstance(found, str) and found:
        return found
    codes = {str(r.get("code")) for r in remarks}
    return next((code for code in _EVIDENCE if code in codes), "named")


def kind_of(column: str) -> Any:
    """Return the Arrow type of a column of the tables of recordings and of rules."""
    import pyarrow as pa

    if column in DATES:
        return pa.date32()
    if column in FLAGS:
        return pa.bool_()
    if column in COUNTS:
        return pa.int64()
    return pa.string() if column in TEXTS else pa.float64()
