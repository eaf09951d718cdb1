"""The customer's own nouns, and whether the apology names one of them.

No part-of-speech tagger: a word counts as a noun when it stands where nouns stand (after "my",
"de", "een" ..., or after a preposition, with at most two other words between) and is not on the
list of function words, common verbs and empty nouns ("ongemak", "issue"). Inflection is taken off
by a few rules per language; Dutch compounds match by their first or last part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from prosody.conduct.text import BREAK, Token

SHORTEST_PART = 4
"""Letters of the shortest part by which a compound is recognised ("huis" in "huissleutel")."""

REACH = 3
"""How many words after "my", "the" ... a noun may stand."""

NEAR = 3
"""How many words apart the two words of an expression may stand."""


def keys(word: str, nouns: dict[str, Any]) -> frozenset[str]:
    """Return the forms under which a word is compared: itself, and without its inflection.

    Parameters
    ----------
    word : str
        Lower case.
    nouns : dict
        The section ``[nouns]`` of a language: ``endings`` (ending, what replaces it, letters that
        must be left), ``double`` (whether double letters say nothing about the word, as in
        Dutch), ``final`` (last letters that change with inflection).

    Notes
    -----
    Every ending that fits is taken off, one at a time: "pakketje" is both pakk(etje) and
    pakket(je). Two words are the same when they share a form.
    """
    bare = word.removesuffix("'s").replace("'", "")
    forms = {bare}
    for ending, instead, left in nouns["endings"]:
        if bare.endswith(ending) and len(bare) - len(ending) >= left:
            forms.add(bare.removesuffix(ending) + instead)
    if nouns.get("double"):
        forms = {re.sub(r"(.)\1", r"\1", f) for f in forms}
    final = nouns.get("final", {})
    return frozenset(f[:-1] + final.get(f[-1], f[-1]) for f in forms if f)


def same(one: frozenset[str], other: frozenset[str], *, compounds: bool) -> bool:
    """Return whether two words, as their forms, name one thing."""
    if one & other:
        return True
    if not compounds:
        return False
    for a in one:
        for b in other:
            short, long = sorted((a, b), key=len)
            if len(short) < SHORTEST_PART or len(long) - len(short) < 3:
                continue
            if long.startswith(short) or long.endswith(short):
                return True
    return False


def said(tokens: Iterable[Token], nouns: dict[str, Any]) -> list[Token]:
    """Return the tokens that stand as content nouns.

    Parameters
    ----------
    tokens : iterable of Token
        In order.
    nouns : dict
        The section ``[nouns]`` of a language: ``before`` (words after which a noun stands) and
        ``function``, ``verbs``, ``empty`` (words that are none), ``participles`` (expressions:
        nouns only right after one of ``articles``).
    """
    before = set(nouns["before"])
    articles = set(nouns["articles"])
    participle = re.compile("|".join(nouns["participles"]))
    stop = {*nouns["function"], *nouns["verbs"], *nouns["empty"]}
    found: list[Token] = []
    reach = 0
    last = ""
    for token in tokens:
        word, previous = token.text, last
        last = word
        if word == BREAK:
            reach = 0
        elif word in before:
            reach = REACH
        elif word in nouns["function"] or word in nouns["verbs"]:
            reach = 0
        elif reach > 0:
            reach -= 1
            if participle.fullmatch(word) and previous not in articles:
                continue
            if len(word) >= 3 and not word[0].isdigit() and word not in stop:
                found.append(token)
    return found


def _pairs(
    tokens: Sequence[Token], nouns: dict[str, Any]
) -> dict[tuple[str, str], tuple[int, Token]]:
    """Return pairs of words near each other in a sentence, one of which carries meaning."""
    stop = {*nouns["function"], *nouns["verbs"], *nouns["empty"]}
    out: dict[tuple[str, str], tuple[int, Token]] = {}
    for i, first in enumerate(tokens):
        for second in tokens[i + 1 : i + 1 + NEAR]:
            if BREAK in (first.text, second.text):
                break
            pair = sorted((first.text, second.text))
            content = [w for w in pair if w not in nouns["function"] and not w[0].isdigit()]
            if len(content) == 2 and any(w not in stop for w in content) and pair[0] != pair[1]:
                out.setdefault((pair[0], pair[1]), (i, first))
    return out


def _expressions(
    agent: Sequence[Token], customer: Sequence[Token], nouns: dict[str, Any], known: set[int]
) -> list[tuple[int, Token]]:
    """Return what both said in two words: "vrij genomen" and "vrij hebt genomen"."""
    theirs, found = _pairs(customer, nouns), []
    for pair, (i, _) in _pairs(agent, nouns).items():
        if pair in theirs and i not in known:
            found.append((i, theirs[pair][1]))
    return found


def shared(
    agent: Sequence[Token], customer: Sequence[Token], nouns: dict[str, Any]
) -> list[tuple[int, Token]]:
    """Return the agent's tokens (their index first) that name one of the customer's nouns.

    It is enough that the word stands as a noun with one of the two: "ik heb net pizza laten
    bezorgen", "sorry voor die verkeerde pizza". An expression of two words counts as well, whatever
    they are ("vrij genomen"). A number does not.
    """
    stop = {*nouns["function"], *nouns["verbs"], *nouns["empty"]}
    compounds = bool(nouns.get("compounds"))
    named = {id(t) for t in (*said(customer, nouns), *said(agent, nouns))}
    # Of a word that is said often the first that stands as a noun will do.
    words: dict[str, Token] = {}
    for token in customer:
        if token.text != BREAK and token.text not in stop and len(token.text) >= 3:
            known = words.get(token.text)
            if known is None or (id(known) not in named and id(token) in named):
                words[token.text] = token
    theirs = [(keys(text, nouns), token) for text, token in words.items()]
    out = []
    for index, token in enumerate(agent):
        if token.text == BREAK or token.text in stop or len(token.text) < 3:
            continue
        own = keys(token.text, nouns)
        match = next(
            (
                t
                for k, t in theirs
                if (id(token) in named or id(t) in named) and same(own, k, compounds=compounds)
            ),
            None,
        )
        if match is not None:
            out.append((index, match))
    out += _expressions(agent, customer, nouns, {i for i, _ in out})
    return sorted(out, key=lambda found: found[0])
