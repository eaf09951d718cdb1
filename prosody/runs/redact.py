"""Rows of a run with ``--redact``: every text from outside masked before it reaches the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from prosody.calls import pseudonyms
from prosody.calls.masking import NAME, text
from prosody.examine.examine import Examined
from prosody.message import Message


def examined(done: Examined, hides: Sequence[tuple[str, str]] = ()) -> Examined:
    """Return a call's rows with every text masked that is not this program's own.

    Parameters
    ----------
    done : Examined
    hides : sequence of (str, str)
        Names known to belong to the call (`Call.hides`): masked wherever they are said.
    """
    record = done.record
    known = [(name, NAME) for name, other in hides if other.startswith("agent-")]

    def masked(said: str) -> str:
        return text(pseudonyms.instead(said, known))

    record.acts = tuple({**act, "text": masked(act.get("text") or "")} for act in record.acts)
    record.conduct = {rule: _masked(result, masked) for rule, result in record.conduct.items()}
    if record.code in _QUOTING_ERRORS:
        record.message = f"{record.recording}: {LEFT_OUT}"
    record.remarks = tuple(_remark(r) for r in record.remarks)
    rows = []
    for row in done.apologies:
        remarks = tuple(_remark(r) for r in row.remarks)
        rows.append(replace(row, text=masked(row.text), remarks=remarks, conduct=record.conduct))
    return Examined(record, rows)


LEFT_OUT = "what was found in the file is left out; a run without --redact says it."
# Errors that quote what a file holds, or what a library said of it.
_QUOTING_ERRORS = {"bad_transcript", "bad_windows", "internal_error"}
# Remarks that quote what was said or written in a file: the first are masked as other texts are,
# the second list names, which have no form to be known by.
_QUOTING = {"greeting", "roles_from_greeting"}
_LISTING = {"columns_not_used", "no_window", "several_transcripts"}


def _remark(remark: Message) -> Message:
    if remark.code in _QUOTING:
        return replace(remark, text=text(remark.text))
    if remark.code in _LISTING:
        return replace(remark, text=remark.text.partition(":")[0], remedy="", values={})
    return remark


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Mask the texts of a rule's evidence; names of rules and numbers stay."""
    if isinstance(value, dict):
        return {
            k: mask(v) if k == "text" and isinstance(v, str) else _masked(v, mask)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_masked(v, mask) for v in value]
    return value
