"""The twelve rules in their order: what each is called, rests on, and is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from prosody.conduct.dialogue import Dialogue
from prosody.conduct.result import Promise, RuleResult, Said, Status, Strength

ORDER = (
    "real", "heard_first", "delay", "short", "once", "i_form", "responsibility", "specific",
    "understanding", "solution", "no_escape", "promise",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """One rule.

    ``setting`` names the field of ``Settings().conduct`` that it is held against. The ``needs_*``
    say what must be known before the rule can say anything.
    """

    id: str
    strength: Strength
    check: Callable[[Dialogue], RuleResult]
    unit: str = ""
    setting: str = ""
    needs_apology: bool = True
    needs_roles: bool = False
    needs_text: bool = True


RULES: dict[str, Definition] = {}


def rule(
    name: str, *, strength: Strength, unit: str = "", setting: str = "", **needs: bool
) -> Callable[[Callable[[Dialogue], RuleResult]], Callable[[Dialogue], RuleResult]]:
    """Register a rule under its id."""

    def register(check: Callable[[Dialogue], RuleResult]) -> Callable[[Dialogue], RuleResult]:
        RULES[name] = Definition(name, strength, check, unit, setting, **needs)
        return check

    return register


def outcome(
    status: Status,
    value: float | int | str | None = None,
    words: tuple[Said, ...] = (),
    *,
    remarks: tuple[str, ...] = (),
    flagged: bool = False,
    promises: tuple[Promise, ...] = (),
) -> RuleResult:
    """Return what a rule found; its name, unit, default and strength are filled in by `apply`."""
    return RuleResult("", status, value, "", words, None, "", "weak", remarks, flagged, promises)


def cannot_tell(reason: str, words: tuple[Said, ...] = ()) -> RuleResult:
    """Return that a rule says nothing, and why."""
    return outcome("cannot_tell", None, words, remarks=(reason,))


def apply(definition: Definition, dialogue: Dialogue, doubt: str = "") -> RuleResult:
    """Return the result of one rule over one call; ``doubt`` says why it cannot tell anyway."""
    if doubt:
        result = cannot_tell(doubt)
    elif definition.needs_text and not dialogue.stretches:
        result = cannot_tell("no_text")
    elif definition.needs_apology and not dialogue.apologies:
        result = cannot_tell("no_apology")
    elif definition.needs_roles and not dialogue.roles_known:
        result = cannot_tell("role_unknown")
    else:
        result = definition.check(dialogue)
    default = getattr(dialogue.settings.conduct, definition.setting) if definition.setting else None
    unit = definition.unit if result.value is not None else ""
    return replace(
        result,
        rule=definition.id,
        unit=unit,
        default=default,
        setting=f"conduct.{definition.setting}" if definition.setting else "",
        strength=definition.strength,
        words=tuple(sorted(result.words, key=lambda w: (w.start_s, w.end_s))),
    )
