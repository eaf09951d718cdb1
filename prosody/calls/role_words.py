"""Words that name roles and channels: in file names, columns and tiers."""

from __future__ import annotations

from prosody.transcripts.turns import Role

AGENT_WORDS = ("agent", "medewerker", "employee", "operator", "rep", "adviseur")
CUSTOMER_WORDS = ("caller", "customer", "client", "klant", "beller", "cust")
ROLE_WORDS: dict[str, Role] = {
    **dict.fromkeys(AGENT_WORDS, "agent"),
    **dict.fromkeys(CUSTOMER_WORDS, "customer"),
}

_SIDES = {"left": 0, "l": 0, "links": 0, "right": 1, "r": 1, "rechts": 1}


def channel_of(word: str) -> int | None:
    """Return the channel a word stands for, None where it says nothing.

    Raises
    ------
    ValueError
        For anything else: expected are left, right, and numbers from 0.
    """
    key = word.strip().lower()
    if not key:
        return None
    if key in _SIDES:
        return _SIDES[key]
    if key.isascii() and key.isdigit() and len(key) <= 2:
        return int(key)
    raise ValueError(key)


def role_of(word: str) -> Role:
    """Return the role a word stands for, ``unknown`` where it stands for none."""
    return ROLE_WORDS.get(word.strip().lower(), "unknown")
