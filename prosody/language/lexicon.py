"""The wordings of each language: one readable TOML file per language, no code.

``load("nl")`` gives the compiled :class:`Lexicon` of ``nl.toml`` in this folder, or of a folder
named in the environment variable ``PROSODY_LEXICON`` (a team's own, or a third language). The
format of the files is explained at the top of ``en.toml``; patterns in
:mod:`prosody.language.patterns`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from prosody.errors import SettingsError
from prosody.language.patterns import Pattern, PatternError
from prosody.language.tokens import Cleaning, fold, tokens

TESTS = (
    "cut_off",
    "goes_on",
    "broken_noun",
    "said_again",
    "fragment",
    "noun_after",
    "restart",
    "taken_up",
    "own_doing",
    "asks",
    "within",
    "quoted",
    "alike",
)
"""The tests of structure that a rule can ask for (``prosody.language.structure``)."""

ACTS = ("apology", "repair", "sympathy", "interruption", "none")


@dataclass(frozen=True, slots=True)
class Rule:
    """One wording: what it looks like, what it does, and examples that are its tests.

    ``when`` and ``never`` name tests of structure: one holds, none of these. ``before`` and
    ``after`` are patterns on the other role's last and next turn; ``unless_asked`` on the speaker's
    own last turns; ``echo`` asks that the other role then says part of the last turn again;
    ``role`` is who has to speak (empty: anybody). ``i_form`` None means: read from
    the matched words. ``extend`` False keeps the complement ("for the delay") out of the window.
    """

    id: str
    act: str
    patterns: tuple[Pattern, ...]
    before: tuple[Pattern, ...]
    after: tuple[Pattern, ...]
    role: str
    unless_asked: tuple[Pattern, ...]
    echo: bool
    when: tuple[str, ...]
    never: tuple[str, ...]
    i_form: bool | None
    extend: bool
    examples: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """The words that tests of structure need (``prosody.language.structure``)."""

    phrase_words: frozenset[str]  # stand in an apologising phrase: "i", "am", "so"
    beg: frozenset[str]  # the heads themselves: two in a row are one phrase
    turns_back: frozenset[str]  # "no", "or": what follows takes something back
    open_end: frozenset[str]  # no clause ends so: "the", "of", "we"
    open_before_noun: frozenset[str]  # nor so, when a phrase follows: "to", "because"
    complement_opens: frozenset[str]  # begin what one is sorry for
    determiners: frozenset[str]  # begin a phrase: "the", "in", "next"
    verbs: frozenset[str]  # the commonest: with one of them a clause is whole
    subjects: frozenset[str]  # of "is" and "was", so that a clause may end there: "here it is"
    persons: frozenset[str]
    joins: frozenset[str]  # "and", "or"
    restates: frozenset[str]  # verbs after "you" that tell what to do, and may tell it anew
    negations: frozenset[str]
    question_words: frozenset[str]
    answers: frozenset[str]  # begin an answer without a verb: numbers, days
    past_ends: tuple[str, ...]  # how a verb of the past ends


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A language, compiled."""

    code: str
    name: str
    function_words: frozenset[str]
    cleaning: Cleaning
    heads: Mapping[str, str]  # form -> class
    sets: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    first_person: frozenset[str]
    plural_person: frozenset[str]
    behalf: tuple[str, ...]  # "namens", "on behalf of": not in the I-form after all
    very: frozenset[str]  # how sorry: "so", "really"
    called: frozenset[str]  # whom one speaks to: "sir", "Mrs"
    leads: frozenset[str]  # single words that may stand before a sentence
    before: frozenset[str]
    complement: frozenset[str]
    stop: frozenset[str]
    soft_stop: frozenset[str]  # ends a clause only beside a person ("can i", "i will")
    conjunctions: frozenset[str]
    subjects: frozenset[str]  # begin a new clause in a complement ...
    links: frozenset[str]  # ... unless one of these stood before them: "voor wat ik zei"
    max_complement: int
    by_head: Mapping[str, tuple[tuple[Rule, Pattern], ...]]  # what can match a class, in order
    phrase: Pattern  # the phrase around a head word: "i am so sorry"
    structure: Structure
    numbers: frozenset[str]


_TABLES = tuple(k for k in Structure.__dataclass_fields__ if k != "past_ends")


def _expanded(value: Any, sets: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the single words of a table of structure; an entry "<set>" takes in a set."""
    words: list[str] = []
    for entry in _words(value):
        words += sets[entry[1:-1]] if entry.startswith("<") else [entry]
    return frozenset(words)


def folder() -> Path | None:
    """Return the team's own folder of lexicons, if the environment names one."""
    name = os.environ.get("PROSODY_LEXICON", "")
    return Path(name) if name else None


def languages() -> tuple[str, ...]:
    """Return the codes of all languages that have a lexicon."""
    own = folder()
    names = {f.name for f in files(__package__).iterdir()}
    if own and own.is_dir():
        names |= {f.name for f in own.iterdir()}
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


def load(code: str) -> Lexicon:
    """Return the lexicon of a language.

    Raises
    ------
    SettingsError
        If there is none, or its file is not right; names file, rule and pattern.
    """
    return _load(code, str(folder() or ""))


@lru_cache(maxsize=16)
def _load(code: str, own: str) -> Lexicon:
    path = Path(own) / f"{code}.toml" if own else None
    if path and path.is_file():
        lexicon = parse(path.read_text(encoding="utf-8"), str(path))
        for rule in lexicon.rules:  # somebody's own: what is wrong in it is said at once
            for pattern in (*rule.patterns, *rule.before, *rule.after):
                try:
                    pattern.compiled()
                except re.error as error:
                    raise SettingsError(
                        f"{path}: rule '{rule.id}': {error}.",
                        "See the top of en.toml for the format.",
                    ) from error
        return lexicon
    resource = files(__package__).joinpath(f"{code}.toml")
    if not code.isalpha() or not resource.is_file():
        raise SettingsError(
            f"There is no lexicon for language '{code}'.",
            f"Known languages: {', '.join(languages())}.",
        )
    return parse(resource.read_text(encoding="utf-8"), f"{code}.toml")


def parse(text: str, name: str) -> Lexicon:
    """Compile the text of a lexicon file; ``name`` is for errors."""
    try:
        data = tomllib.loads(text)
        return _build(data)
    except (tomllib.TOMLDecodeError, PatternError, KeyError, TypeError, AttributeError) as error:
        what = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
        raise SettingsError(f"{name}: {what}.", "See the top of en.toml for the format.") from error


def _words(value: Any) -> tuple[str, ...]:
    """Return a list of entries: a TOML list, or one string split at commas."""
    entries = value.split(",") if isinstance(value, str) else value
    return tuple(" ".join(e.split()) for e in entries if e.strip())


def _build(data: dict[str, Any]) -> Lexicon:
    language, text, clause = data["language"], data["text"], data["clause"]
    table = data.get("structure", {})
    heads = {form: kind for kind, forms in data["heads"].items() for form in _words(forms)}
    spelling = {
        tuple(fold(k).split()): tuple(v.split()) for k, v in text.get("spelling", {}).items()
    }
    sets: dict[str, tuple[str, ...]] = {}
    for key, value in data["sets"].items():  # a set may use the sets above it: "<kin>"
        entries: list[str] = []
        for entry in _words(value):
            entries.extend(sets[entry[1:-1]] if entry.startswith("<") else [entry])
        sets[key] = tuple(entries)
    person = data["person"]
    rules = tuple(_rule(r, sets, data.get("short", {})) for r in data["rule"])
    return Lexicon(
        code=language["code"],
        name=language["name"],
        function_words=frozenset(language["words"].split()),
        cleaning=Cleaning(
            spelling=spelling,
            longest={k[0]: len(k) for k in sorted(spelling, key=len)},
            fillers=frozenset(_words(text.get("fillers", ()))),
            titles=frozenset(_words(text.get("titles", ()))),
            join=frozenset(form for form in heads if len(form) >= 5),
        ),
        heads=heads,
        sets=sets,
        rules=rules,
        first_person=frozenset(_words(person["i"])),
        plural_person=frozenset(_words(person["we"])),
        behalf=_words(person.get("behalf", ())),
        very=frozenset(sets.get("very", ())),
        called=frozenset(
            (*sets.get("voc", ()), *sets.get("tail", ()), *_words(text.get("titles", ())))
        ),
        leads=frozenset(sets.get("lead", ())),
        before=frozenset(_words(clause["before"])),
        complement=frozenset(_words(clause["complement"])),
        stop=frozenset(_words(clause["stop"])),
        soft_stop=frozenset(_words(clause.get("soft_stop", ()))),
        conjunctions=frozenset(_words(clause.get("conjunctions", ()))),
        subjects=frozenset(_words(clause.get("subjects", ()))),
        links=frozenset(_words(clause.get("links", ()))),
        max_complement=int(clause.get("max_words", 18)),
        phrase=Pattern(table.get("phrase", "@*"), sets),
        structure=Structure(
            **{name: _expanded(table.get(name, ()), sets) for name in _TABLES},
            past_ends=_words(table.get("past_ends", ())),
        ),
        numbers=frozenset(sets.get("number", ())),
        by_head={
            kind: tuple(
                (r, p) for r in rules for p in r.patterns if p.heads is None or kind in p.heads
            )
            for kind in set(heads.values())
        },
    )


def _rule(
    rule: dict[str, Any], sets: Mapping[str, Sequence[str]], short: Mapping[str, str]
) -> Rule:
    known = {
        "id",
        "act",
        "match",
        "before",
        "after",
        "role",
        "unless_asked",
        "echo",
        "when",
        "never",
        "i_form",
        "extend",
        "examples",
        "not",
        "why",
    }
    name = rule["id"]
    if unknown := set(rule) - known:
        raise PatternError(f"rule '{name}' has an unknown key '{sorted(unknown)[0]}'")
    if rule["act"] not in ACTS:
        raise PatternError(f"rule '{name}': act '{rule['act']}', expected one of {ACTS}")
    if unknown := {*_words(rule.get("when", ())), *_words(rule.get("never", ()))} - {*TESTS}:
        raise PatternError(f"rule '{name}' asks for an unknown test '{sorted(unknown)[0]}'")
    if not rule.get("examples"):
        raise PatternError(f"rule '{name}' has no examples")

    def compiled(key: str) -> tuple[Pattern, ...]:
        value = rule.get(key, ())
        try:
            patterns = [value] if isinstance(value, str) else value
            return tuple(Pattern(_written_out(p, short), sets) for p in patterns)
        except PatternError as error:
            raise PatternError(f"rule '{name}', {key}: {error}") from None

    return Rule(
        id=name,
        act=rule["act"],
        patterns=compiled("match"),
        before=compiled("before"),
        after=compiled("after"),
        role=str(rule.get("role", "")),
        unless_asked=compiled("unless_asked"),
        echo=bool(rule.get("echo", False)),
        when=_words(rule.get("when", ())),
        never=_words(rule.get("never", ())),
        i_form=rule.get("i_form"),
        extend=bool(rule.get("extend", True)),
        examples=tuple(rule["examples"]),
        others=tuple(rule.get("not", ())),
    )


def _written_out(pattern: str, short: Mapping[str, str]) -> str:
    for name, text in short.items():
        pattern = pattern.replace("{" + name + "}", text)
    return pattern


def guess(texts: Sequence[str], *, least: int = 3) -> tuple[str, float, bool]:
    """Guess the language from its function words.

    Parameters
    ----------
    texts : sequence of str
        All turns of a call, or a single line.
    least : int
        Function words needed to be sure.

    Returns
    -------
    code, share, sure : str, float, bool
        The best language, the share of the words that are its function words, and whether that
        is enough to rely on: ``least`` of them, and at least twice as many as of any other.
    """
    words = [w for text in texts for w in fold(text).replace("'", " ").split()]
    words = [w.strip('.,?!;:"()') for w in words]
    counts = sorted(
        ((sum(map(load(code).function_words.__contains__, words)), code) for code in languages()),
        key=lambda pair: (-pair[0], pair[1]),
    )
    best, code = counts[0]
    second = counts[1][0] if len(counts) > 1 else 0
    return code, best / max(len(words), 1), best >= least and best >= 2 * second


__all__ = ["ACTS", "Lexicon", "Rule", "guess", "languages", "load", "parse", "tokens"]
