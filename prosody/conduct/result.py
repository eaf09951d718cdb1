"""What a rule says about a call."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["met", "not_met", "cannot_tell", "shown"]
Strength = Literal["strong", "medium", "weak"]


@dataclass(frozen=True, slots=True)
class Said:
    """Words that a rule rests on, with the time to listen at (``nan`` where not known)."""

    start_s: float
    end_s: float
    text: str
    role: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; an unknown time is None."""
        return {
            "start_s": _number(self.start_s),
            "end_s": _number(self.end_s),
            "text": self.text,
            "role": self.role,
        }


@dataclass(frozen=True, slots=True)
class Promise:
    """One commitment: who does what, and when (empty where it was not said)."""

    who: str
    what: str
    when: str
    said: Said

    @property
    def concrete(self) -> bool:
        """Whether it names a who, a what and a when."""
        return bool(self.who and self.what and self.when)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "who": self.who,
            "what": self.what,
            "when": self.when,
            "concrete": self.concrete,
            **self.said.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The outcome of one rule over one call.

    Parameters
    ----------
    rule : str
        Its id, one of the twelve.
    status : str
        ``met``, ``not_met``, ``cannot_tell``, or ``shown`` where nothing is graded.
    value, unit
        What was measured. None and an empty unit where nothing was.
    words : tuple of Said
        What it rests on, in order of time.
    default, setting
        The value it was held against, and the setting that changes it; None where there is none.
    strength : str
        Of the evidence that the rule matters: ``strong``, ``medium`` or ``weak``.
    remarks : tuple of str
        Codes; their texts stand in ``words/conduct.LANG.toml``. For ``cannot_tell`` the first is
        the reason.
    flagged : bool
        Whether one of the remarks deserves a look although the rule is not graded.
    promises : tuple of Promise
        Only for the rule ``promise``.
    """

    rule: str
    status: Status
    value: float | int | str | None = None
    unit: str = ""
    words: tuple[Said, ...] = ()
    default: float | int | None = None
    setting: str = ""
    strength: Strength = "weak"
    remarks: tuple[str, ...] = ()
    flagged: bool = False
    promises: tuple[Promise, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values that any JSON writer takes (no NaN)."""
        out: dict[str, Any] = {
            "rule": self.rule,
            "status": self.status,
            "value": _number(self.value) if isinstance(self.value, float) else self.value,
            "unit": self.unit,
            "words": [w.as_dict() for w in self.words],
            "default": self.default,
            "setting": self.setting,
            "strength": self.strength,
            "remarks": list(self.remarks),
            "flagged": self.flagged,
        }
        if self.rule == "promise":
            out["promises"] = [p.as_dict() for p in self.promises]
        return out


def _number(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
