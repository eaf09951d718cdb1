"""Counts over a run: each with the range that chance allows; none about a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prosody.results.records import RULES

VERDICTS = ("sincere", "unclear", "forced")
# A total of fewer would be about persons.
LEAST_AGENTS, LEAST_APOLOGIES = 5, 30
# What a rule remarks where it needs an apology, or a complaint that lacks one, and there is none.
_NO_APOLOGY = frozenset({"no_apology", "no_complaint"})


@dataclass(slots=True)
class Rule:
    """How one conduct rule came out over the calls it applies to."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def graded(self) -> int:
        """Calls in which the rule was met or not."""
        return self.counts["met"] + self.counts["not_met"]


def results(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each rule found in one call; all counts, filters and pages rest on this.

    A rule about an apology does not apply to a call without one: its status is then ``""``.
    """
    found = record.get("conduct") or {}
    out = {n: found[n] for n in RULES if isinstance(found.get(n), dict)}
    if not record.get("apologies"):
        for name, result in out.items():
            if _NO_APOLOGY.intersection(result.get("remarks") or ()):
                out[name] = result | {"status": "", "remarks": []}
    return out


def rules(records: Iterable[dict[str, Any]]) -> dict[str, Rule]:
    """Return how each rule came out, over the calls it applies to."""
    out = {name: Rule() for name in RULES}
    for record in records:
        for name, result in results(record).items():
            if result.get("status"):
                out[name].counts[str(result["status"])] += 1
    return {name: rule for name, rule in out.items() if rule.counts}


def graded_by(
    name: str, records: Iterable[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the calls that one rule graded, and whether they met it."""
    for record in records:
        status = results(record).get(name, {}).get("status")
        if status in ("met", "not_met"):
            yield record, status == "met"


def graded(record: dict[str, Any]) -> tuple[int, int, list[str]]:
    """Return of one call how many rules were met, how many graded, and which were not met."""
    status = {n: r.get("status") for n, r in results(record).items()}
    missed = [n for n, s in status.items() if s == "not_met"]
    met = sum(s == "met" for s in status.values())
    return met, met + len(missed), missed


@dataclass(slots=True)
class Team:
    """Totals of one team: never of fewer than 5 agents or 30 apologies."""

    name: str
    agents: int
    apologies: int
    verdicts: Counter[str]
    judged: int
    met: int
    graded: int


def teams(
    apologies: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> tuple[list[Team], int]:
    """Return the teams that are large enough, in order of name, and how many are not."""
    members: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in apologies:
        if name := str(row.get("team") or "").strip():
            rows[name].append(row)
            if row.get("agent"):
                members[name].add(str(row["agent"]))
    conduct: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for record in records:
        if name := str(record.get("team") or "").strip():
            met, of, _ = graded(record)
            conduct[name][0] += met
            conduct[name][1] += of
    out, hidden = [], 0
    for name in sorted(rows):
        if len(members[name]) < LEAST_AGENTS or len(rows[name]) < LEAST_APOLOGIES:
            hidden += 1
            continue
        verdicts = Counter(str(r["verdict"]) for r in rows[name] if r.get("verdict"))
        out.append(
            Team(name, len(members[name]), len(rows[name]), verdicts, verdicts.total(),
                 *conduct[name])
        )  # fmt: skip
    return out, hidden
