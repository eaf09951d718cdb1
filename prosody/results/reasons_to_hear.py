"""Why a call deserves to be heard: plain reasons from its results, and their order.

A reason is a fact about one call that somebody can check by listening. Its weight only orders
calls; it is no score of a call, and nothing of it is added up over a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

WEIGHTS: Final[Mapping[str, int]] = {
    "complaint_without_apology": 20,
    "no_solution": 4,
    "felt": 3,
    "not_owned": 3,
    "repeated": 3,
    "reservation": 2,
    "put_on": 2,
    "not_judged": 1,
}
"""Reasons, the heaviest first; each counts once for a call. The first outweighs all others."""
# Rules whose "not met" is a reason.
_BY_RULE: Final[Mapping[str, str]] = {
    "solution": "no_solution",
    "responsibility": "not_owned",
    "once": "repeated",
    "no_escape": "reservation",
}


def reasons(
    record: Mapping[str, Any], apologies: Iterable[Mapping[str, Any]] = (), *, judged: bool = True
) -> tuple[str, ...]:
    """Return why one call deserves to be heard, the weightiest reason first; often none.

    Parameters
    ----------
    record : mapping
        The call, as in ``recordings.jsonl``.
    apologies : iterable of mapping
        Its apologies, as in ``apologies.jsonl`` (only ``verdict`` is looked at).
    judged : bool
        Whether the run judged; otherwise no reason is about a judgement.

    Returns
    -------
    tuple of str
        Keys of `WEIGHTS`.
    """
    if record.get("status") == "failed":
        return ()
    found = set()
    if record.get("complaint_without_apology"):
        found.add("complaint_without_apology")
    if felt(record):
        found.add("felt")
    conduct = record.get("conduct") or {}
    for rule, reason in _BY_RULE.items():
        result = conduct.get(rule)
        if isinstance(result, Mapping) and result.get("status") == "not_met":
            found.add(reason)
    verdicts = [row.get("verdict") for row in apologies]
    if judged and "forced" in verdicts:
        found.add("put_on")
    if judged and complained(record) and any(not v for v in verdicts):
        found.add("not_judged")
    return tuple(reason for reason in WEIGHTS if reason in found)


def weight(found: Iterable[str]) -> int:
    """Return where reasons put a call among others; 0 for none."""
    return sum(WEIGHTS.get(reason, 0) for reason in found)


def felt(record: Mapping[str, Any]) -> bool:
    """Return whether the only "sorry" was sympathy with the thing at hand ("sorry to see this").

    Then nobody can say that a complaint got no apology.
    """
    real = (record.get("conduct") or {}).get("real")
    return isinstance(real, Mapping) and "sorry_as_sympathy" in (real.get("remarks") or ())


def complained(record: Mapping[str, Any]) -> bool | None:
    """Return whether a complaint was recognised in a call; None where it cannot be told.

    Results from before ``complaint`` was kept (schema version 1) tell it by the customer's words
    that rules rest on.
    """
    known = record.get("complaint")
    if isinstance(known, bool):
        return known
    if record.get("complaint_without_apology"):
        return True
    if record.get("complaint_without_apology") is None:
        return None
    return bool(complaint_words(record))


def complaint_words(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the customer's words that were taken for a complaint, in order of time.

    Returns
    -------
    list of dict
        ``start_s``, ``end_s``, ``text``, ``role``; those without a time come last.
    """
    found: list[dict[str, Any]] = []
    for rule in ("real", "heard_first", "delay"):
        result = (record.get("conduct") or {}).get(rule)
        words = result.get("words") if isinstance(result, Mapping) else ()
        found += [w for w in words or () if isinstance(w, dict) and w.get("role") == "customer"]
    once = {(w.get("start_s"), w.get("text")): w for w in found}
    return sorted(once.values(), key=_time)


def _time(words: Mapping[str, Any]) -> float:
    start = words.get("start_s")
    return float(start) if isinstance(start, (int, float)) else float("inf")
