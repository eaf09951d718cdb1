"""The detectors of each language: what is a complaint, a solution, a promise; one TOML file each.

Patterns are those of :mod:`prosody.language.patterns`, matched against stretches whose sentences
end in a full stop. A rule is a table with ``pattern`` (one or a list), ``unless`` (patterns that,
where they overlap what was found, take it away), ``examples`` and ``counter`` (sentences it must
and must not find: both are tests). ``veto`` is an ``unless`` for every rule of the detector;
``needs_when`` marks a commitment that is too loose to be one without a time.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from prosody.conduct.text import Stretch, stretch, tokens_of
from prosody.errors import UsageError
from prosody.language import lexicon as wordings
from prosody.language.patterns import AnyOf, PatternError
from prosody.transcripts.turns import Turn

DETECTORS = ("complaint", "understanding", "responsibility", "solution", "escape")
"""Detectors of what is graded; ``promise`` has parts (commit, when, vague, now)."""

HELPERS = ("further", "waiting", "holding", "beholding", "identifying")
"""Further detectors: another complaint, a wait, a wait on the line, "to see this", who are you."""

PROMISE_PARTS = ("commit", "when", "vague", "now")


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern found in a stretch: tokens ``first`` to ``last`` (exclusive)."""

    rule: str
    stretch: int
    first: int
    last: int
    who: str = ""
    needs_when: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule of a detector."""

    name: str
    pattern: AnyOf
    unless: AnyOf | None
    examples: tuple[str, ...]
    counter: tuple[str, ...]
    needs_when: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the rules know about one language."""

    language: str
    spelled: dict[str, str]
    fillers: frozenset[str]
    backchannels: frozenset[str]
    detectors: dict[str, tuple[Rule, ...]]
    nouns: dict[str, Any]
    persons: dict[str, frozenset[str]]
    felt: AnyOf
    particles: frozenset[str]
    contentless: frozenset[str]
    conjunctions: frozenset[str]
    joins: frozenset[str]
    sorry: frozenset[str]
    function: frozenset[str]

    def find(self, detector: str, stretches: list[Stretch], role: str = "") -> list[Hit]:
        """Return what a detector finds in the stretches of one role, in order, none overlapping."""
        out: list[Hit] = []
        for index, piece in enumerate(stretches):
            if role and piece.role != role:
                continue
            found: list[Hit] = []
            for rule in self.detectors[detector]:
                found += search(rule, piece, index)
            # The longest wording wins where two overlap.
            kept: list[Hit] = []
            for hit in sorted(found, key=lambda h: (h.first - h.last, h.first)):
                if all(hit.last <= o.first or hit.first >= o.last for o in kept):
                    kept.append(hit)
            out += sorted(kept, key=lambda h: h.first)
        return out

    def line(self, text: str, role: str = "agent") -> Stretch:
        """Return one utterance without times as a stretch, for trying a detector."""
        turn = Turn(float("nan"), float("nan"), text)
        return stretch(role, tokens_of(turn, 0, self.spelled, self.fillers))  # type: ignore[arg-type]


def search(rule: Rule, piece: Stretch, index: int = 0) -> list[Hit]:
    """Return where one rule applies in a stretch, from left to right."""
    barred: list[tuple[int, int]] | None = None  # looked for when it is needed, which is seldom
    hits = []
    at = 0
    while (match := rule.pattern.search(piece.text, at)) is not None:
        begin, end = match.span()
        if barred is None:
            barred = list(rule.unless.spans(piece.text)) if rule.unless else []
        at = begin + 1
        if any(begin < b and a < end for a, b in barred):
            continue
        at = max(end, begin + 1)
        who = next((v for v in match.groupdict().values() if v), "")
        last = piece.token_at(end - 2) + 1
        hits.append(
            Hit(rule.name, index, max(piece.token_at(begin), 0), last, who.strip(), rule.needs_when)
        )
    return hits


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _rules(where: str, tables: Any, classes: dict[str, Any]) -> tuple[Rule, ...]:
    rules = []
    veto = [p for t in tables for p in t.get("veto", ())]
    for number, table in enumerate(tables):
        try:
            rules.append(
                Rule(
                    name=str(table.get("id", number)),
                    pattern=AnyOf(_several(table["pattern"]), classes, ""),
                    unless=AnyOf([*table.get("unless", ()), *veto], classes, "")
                    if table.get("unless") or veto
                    else None,
                    examples=tuple(table["examples"]),
                    counter=tuple(table.get("counter", ())),
                    needs_when=bool(table.get("needs_when", False)),
                )
            )
        except (KeyError, PatternError, re.error) as error:
            raise UsageError(
                f"{where}, rule {number + 1}: {error!r}.",
                "See the top of en.toml in prosody/language.",
            ) from error
    return tuple(rules)


def languages() -> tuple[str, ...]:
    """Return the languages that have a file of detectors, sorted."""
    names = (f.name for f in resources.files("prosody.conduct").iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


@lru_cache(maxsize=16)
def lexicon(language: str) -> Lexicon:
    """Return the detectors of a language, read and compiled once.

    Raises
    ------
    UsageError
        If there is no such language, or its file has a rule that cannot be read.
    """
    if language not in languages():
        raise UsageError(
            f"There are no conduct rules for the language '{language}'.",
            f"Known: {', '.join(languages())}.",
        )
    file = resources.files("prosody.conduct") / f"{language}.toml"
    return parse(file.read_text(encoding="utf-8"), language)


def _heard(language: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return how the language's file of acts writes out single words, and its fillers."""
    if language not in wordings.languages():
        return {}, frozenset()
    how = wordings.load(language).cleaning
    spelled = {words[0]: " ".join(new) for words, new in how.spelling.items() if len(words) == 1}
    return spelled, how.fillers


def parse(text: str, language: str) -> Lexicon:
    """Compile the text of a language's file.

    Raises
    ------
    UsageError
        If a section is missing or a rule cannot be read; names the section and the rule.
    """
    name = f"{language}.toml"
    data = tomllib.loads(text)
    try:
        words, nouns = data["text"], data["nouns"]
        spelled, fillers = _heard(language)
        classes = {**data.get("classes", {}), "function": nouns["function"]}
        # A number is no name of the thing that an apology is for.
        nouns = {**nouns, "empty": [*nouns["empty"], *classes.get("count", ())]}
        parts = {d: data[d] for d in (*DETECTORS, *HELPERS)}
        parts |= {f"promise.{p}": data["promise"][p] for p in PROMISE_PARTS}
        return Lexicon(
            language=language,
            spelled=spelled | words["spelled"],
            fillers=fillers | frozenset(words["fillers"]),
            backchannels=frozenset(words["backchannels"]),
            detectors={d: _rules(f"{name} [{d}]", t, classes) for d, t in parts.items()},
            nouns=nouns,
            persons={who: frozenset(words[who]) for who in ("i", "we", "you")},
            felt=AnyOf(classes["felt"], classes, ""),
            particles=frozenset(words["particles"]),
            function=frozenset(nouns["function"]),
            sorry=frozenset(words["sorry"]),
            joins=frozenset(words["joins"]),
            conjunctions=frozenset(words["conjunctions"]),
            contentless=frozenset((*nouns["function"], *nouns["verbs"], *words["sorry"])),
        )
    except KeyError as error:
        raise UsageError(f"{name}: {error} is missing.", "nl.toml and en.toml have it.") from error
