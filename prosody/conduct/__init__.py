"""Rules over words and timing of a whole call.

Twelve rules (``docs/conduct.md`` explains each with its source) look at what was said and when:
nothing here hears a voice. :func:`assess` gives one result per rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prosody import words
from prosody.conduct import content, timing, wording
from prosody.conduct.detectors import languages, lexicon
from prosody.conduct.dialogue import read
from prosody.conduct.result import Promise, RuleResult, Said
from prosody.conduct.rules import ORDER, RULES, apply
from prosody.errors import UsageError
from prosody.language import lexicon as acts_lexicon
from prosody.settings import Settings
from prosody.transcripts.turns import Act, Turn

__all__ = [
    "ORDER", "RULES", "Promise", "RuleResult", "Said", "advice", "assess", "both", "complains",
    "languages", "remark", "texts",
]  # fmt: skip

# The rules register themselves when their modules load.
assert {*RULES} == {*ORDER}, (content, timing, wording)


def assess(
    turns: Sequence[Turn],
    acts: Sequence[Act],
    *,
    language: str = "auto",
    settings: Settings | None = None,
    doubt: str = "",
) -> dict[str, RuleResult]:
    """Hold a whole call against the twelve rules.

    Parameters
    ----------
    turns : sequence of Turn
        The transcript, of both roles. Word times make the timing exact; without them turn times are
        used and the result says so; without any times the rules about time cannot tell.
    acts : sequence of Act
        What `prosody.language.acts.find` found in these turns (``Act.turn`` indexes them).
    language : str
        ``nl``, ``en`` (any language with a file in ``prosody/conduct``), or ``auto``.
    settings : Settings, optional
        The defaults that the rules are held against.
    doubt : str
        Why the words are no evidence: a remark's code, with which every rule then cannot tell.

    Returns
    -------
    dict
        Rule id to result, in the order of `ORDER`.
    """
    return both(turns, acts, language=language, settings=settings, doubt=doubt)[0]


def complains(turns: Sequence[Turn], acts: Sequence[Act], *, language: str = "auto") -> bool | None:
    """Return whether the customer complains.

    None where it is not known who the customer is, or where the agent was sorry "to see this": then
    nobody can say that the complaint went without a "sorry".
    """
    return both(turns, acts, language=language)[1]


def both(
    turns: Sequence[Turn],
    acts: Sequence[Act],
    *,
    language: str = "auto",
    settings: Settings | None = None,
    doubt: str = "",
) -> tuple[dict[str, RuleResult], bool | None]:
    """Return what `assess` and `complains` do, from one reading of the call."""
    call = read(turns, acts, lexicon(_language(turns, language)), settings or Settings())
    complains = bool(call.complaints) if call.roles_known and not call.felt_sorry else None
    return {name: apply(RULES[name], call, doubt) for name in ORDER}, complains


def _language(turns: Sequence[Turn], language: str) -> str:
    """Return the language asked for, or the one that the turns' function words speak for."""
    if language not in ("", "auto"):
        return language
    code, _, _ = acts_lexicon.guess([t.text for t in turns])
    return code if code in languages() else languages()[0]


def advice(rule: str, status: str, lang: str) -> str:
    """Return the plain advice on a rule for a status; empty where there is nothing to advise."""
    return str(_table(rule, lang).get("advice", {}).get(status, ""))


def remark(code: str, lang: str) -> str:
    """Return the sentence for a remark's code."""
    return str(words.load("conduct", lang)["remarks"][code])


def texts(result: RuleResult, lang: str) -> dict[str, str]:
    """Return the words for a result: ``name``, ``question``, ``status``, ``remark``, ``advice``."""
    table = _table(result.rule, lang)
    return {
        "name": table["name"],
        "question": table["question"],
        "status": words.load("conduct", lang)["status"][result.status],
        "remark": " ".join(remark(code, lang) for code in result.remarks),
        "advice": advice(result.rule, "flagged" if result.flagged else result.status, lang),
    }


def _table(rule: str, lang: str) -> dict[str, Any]:
    table = words.load("conduct", lang)
    if rule not in ORDER:
        raise UsageError(f"There is no conduct rule '{rule}'.", f"Known: {', '.join(ORDER)}.")
    return dict(table[rule])
