"""A calibration session: reviewers answer to the same calls blind, then see where they differ."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prosody.review.answers import Answer, latest

CALLS = 10
FAR = 25.0
"""Impressions of two reviewers further apart than this (of 100) are worth talking about."""


def choose(recordings: Sequence[str], worth: Sequence[int], calls: int, seed: int) -> list[str]:
    """Return the calls of a session: half of those worth hearing, half of all others, drawn.

    Parameters
    ----------
    recordings : sequence of str
    worth : sequence of int
        Weight of each call's reasons; 0 for none.
    calls : int
    seed : int
    """
    rng = random.Random(seed)
    first = [r for r, w in zip(recordings, worth, strict=True) if w > 0]
    rest = [r for r, w in zip(recordings, worth, strict=True) if w <= 0]
    half = min(len(first), max(calls // 2, calls - len(rest)))
    chosen = rng.sample(first, half) + rng.sample(rest, min(len(rest), calls - half))
    rng.shuffle(chosen)
    return chosen


@dataclass(frozen=True, slots=True)
class Difference:
    """One item on which reviewers differ: who said what."""

    item: tuple[str, str, str, str]
    answers: dict[str, str]


def differences(answers: Iterable[Answer], session: str) -> list[Difference]:
    """Return what reviewers of a session differ on, the most divided first."""
    by: dict[tuple[str, str, str, str], dict[str, str]] = defaultdict(dict)
    for one in latest(a for a in answers if a.session == session):
        if one.as_ == "reviewer":
            answer = one.answer if one.kind == "impression" else one.value or "cannot_tell"
            by[one.item][one.reviewer] = answer
    out = []
    for item, answered in by.items():
        if len(answered) < 2:
            continue
        if item[1] == "impression":
            numbers = [float(v) for v in answered.values()]
            if max(numbers) - min(numbers) < FAR:
                continue
        elif len(set(answered.values())) == 1:
            continue
        out.append(Difference(item, dict(answered)))
    return sorted(out, key=lambda d: (-_divided(d), d.item))


def _divided(one: Difference) -> float:
    values = list(one.answers.values())
    if one.item[1] == "impression":
        numbers = [float(v) for v in values]
        return (max(numbers) - min(numbers)) / 100
    most = max(values.count(v) for v in set(values))
    return 1 - most / len(values)


@dataclass(frozen=True, slots=True)
class Drift:
    """How steady one reviewer's answers to the same items are, over sessions and time."""

    reviewer: str
    same: int
    of: int
    impression_points: float


def drift(answers: Iterable[Answer]) -> list[Drift]:
    """Return how each reviewer's answers compare with their own earlier ones, by name.

    The first and the last answer to each item are compared where they were given in different
    sessions; ``impression_points`` is the mean distance of impressions (0 to 100), NaN for none.
    """
    first: dict[tuple[str, ...], Answer] = {}
    last: dict[tuple[str, ...], Answer] = {}
    for one in sorted(answers, key=lambda a: a.time):
        if one.as_ == "reviewer" and one.answer:
            key: tuple[str, ...] = (one.reviewer, *one.item)
            first.setdefault(key, one)
            last[key] = one
    out: dict[str, list[tuple[Answer, Answer]]] = defaultdict(list)
    for key, one in last.items():
        if one.session != first[key].session:
            out[key[0]].append((first[key], one))
    found = []
    for name in sorted(out):
        pairs = [(a, b) for a, b in out[name] if a.kind != "impression"]
        far = [abs(float(a.answer) - float(b.answer)) for a, b in out[name]
               if a.kind == "impression"]  # fmt: skip
        same = sum(a.value == b.value for a, b in pairs)
        mean = sum(far) / len(far) if far else math.nan
        found.append(Drift(name, same, len(pairs), mean))
    return found
