"""The words with which people name the two roles, in file names, columns and tiers."""

from __future__ import annotations

from prosody.turns import Role

AGENT_WORDS = ("agent", "medewerker", "employee", "operator", "rep", "adviseur")
CUSTOMER_WORDS = ("caller", "customer", "client", "klant", "beller", "cust")
ROLE_WORDS: dict[str, Role] = {
    **dict.fromkeys(AGENT_WORDS, "agent"),
    **dict.fromkeys(CUSTOMER_WORDS, "customer"),
}


def role_of(word: str) -> Role:
    """Return the role a word stands for, ``unknown`` where it stands for none."""
    return ROLE_WORDS.get(word.strip().lower(), "unknown")
