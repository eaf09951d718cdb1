"""Invitations to rate: one unguessable link per rater, which ends by itself and can be taken back.

Only hashes of the links are kept: who reads the database cannot walk in. The rater who came by a
link is found again by it, on whatever machine it is opened.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from prosody.errors import UsageError
from prosody.rating.store import Store

DAYS = 14.0
RETURN_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation. `state` is ``open``, ``expired`` or ``revoked``."""

    id: int
    expires_s: float
    revoked_s: float | None

    @property
    def state(self) -> str:
        """Whether it can still be used."""
        if self.revoked_s is not None:
            return "revoked"
        return "open" if time.time() < self.expires_s else "expired"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who a link belongs to: an invitation, or a browser of this machine that comes back."""

    invitation: int | None
    rater: int | None = None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make(store: Store, days: float = DAYS) -> tuple[Invitation, str]:
    """Return a new invitation and its token, which is kept nowhere."""
    if not 0 < days <= 366:
        raise UsageError(f"An invitation for {days:g} days, expected more than 0, at most 366.", "")
    token, now = secrets.token_urlsafe(24), time.time()
    ident = store.write(
        "INSERT INTO invitations (digest, made_s, expires_s) VALUES (?, ?, ?)",
        _digest(token),
        now,
        now + days * 86400,
    )
    return Invitation(ident, now + days * 86400, None), token


def by_id(store: Store, ident: int) -> Invitation | None:
    """Return an invitation."""
    row = store.one("SELECT id, expires_s, revoked_s FROM invitations WHERE id = ?", ident)
    return None if row is None else Invitation(*row)


def every(store: Store) -> list[Invitation]:
    """Return all invitations, in order of making."""
    rows = store.all("SELECT id, expires_s, revoked_s FROM invitations ORDER BY id")
    return [Invitation(*r) for r in rows]


def revoke(store: Store, ident: int) -> Invitation:
    """Take an invitation back; answers already given stay.

    Raises
    ------
    UsageError
        If there is no such invitation.
    """
    found = _known(store, ident)
    store.write(
        "UPDATE invitations SET revoked_s = ? WHERE id = ? AND revoked_s IS NULL",
        time.time(),
        ident,
    )
    return by_id(store, ident) or found


def restore(store: Store, ident: int) -> Invitation:
    """Let an invitation that was taken back hold again, until the time it had.

    Raises
    ------
    UsageError
        If there is no such invitation.
    """
    found = _known(store, ident)
    store.write("UPDATE invitations SET revoked_s = NULL WHERE id = ?", ident)
    return by_id(store, ident) or found


def _known(store: Store, ident: int) -> Invitation:
    found = by_id(store, ident)
    if found is None:
        known = ", ".join(str(i.id) for i in every(store)) or "none"
        raise UsageError(f"There is no invitation {ident}.", f"There are: {known}.")
    return found


def way_back(store: Store, guest: Guest, rater: int) -> str:
    """Return a token with which a page that is still open comes in again after a restart."""
    token = secrets.token_urlsafe(24)
    store.write("DELETE FROM returns WHERE expires_s < ?", time.time())
    store.write(
        "INSERT INTO returns VALUES (?, ?, ?, ?)",
        _digest(token),
        guest.invitation,
        rater,
        time.time() + RETURN_S,
    )
    return token


def guest_of(store: Store, token: str) -> Guest | None:
    """Return whose link this is, whatever its state; None where it is none of ours."""
    digest = _digest(token)
    row = store.one("SELECT id FROM invitations WHERE digest = ?", digest)
    if row is not None:
        return Guest(int(row[0]))
    row = store.one(
        "SELECT invitation, rater FROM returns WHERE digest = ? AND expires_s > ?",
        digest,
        time.time(),
    )
    return None if row is None else Guest(row[0], int(row[1]))
