"""The links that `prosody rate` prints, and the warnings that belong to them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from prosody.rating import invitations
from prosody.rating.page import Rate
from prosody.rating.store import Store
from prosody.web.serve import EVERYWHERE, Where, addresses

PLAIN = (
    "Warning: without --cert and --key everything crosses the network unencrypted, links included: "
    "whoever listens in can hear the clips and answer in somebody's place. Use a network you trust."
)
NOBODY = "No invitations were made. --invite 5 makes five, or make them on the page."


@dataclass(slots=True)
class Links:
    """Prints the opening link and new invitations once the server answers.

    Parameters
    ----------
    page : Rate
        It makes links, too.
    store : Store
    asked : Where
        As the command line has it.
    count : int
        Invitations to make.
    days : float
        How long they hold.
    say : callable
    """

    page: Rate
    store: Store
    asked: Where
    count: int = 0
    days: float = invitations.DAYS
    say: Callable[[str], None] = print

    def where(self) -> Where:
        """Return where to serve: at the port of last time if it is free, for links name it."""
        last = self.store.get("port")
        if self.asked.port is None and last and _free(self.asked.host, int(last)):
            return replace(self.asked, port=int(last))
        return self.asked

    def announce(self, link: str) -> None:
        """Print everything that can be opened now."""
        parts = urlsplit(link)
        self.store.put("port", str(parts.port))
        self.say(f"Rate here: {link}")
        base = f"{parts.scheme}://{self.outside(parts.hostname or '')}:{parts.port}"
        if self.asked.network:
            self.page.outside = base
        for _ in range(self.count):
            made, token = invitations.make(self.store, self.days)
            until = datetime.fromtimestamp(made.expires_s).astimezone()
            self.say(f"Invitation {made.id}, until {until:%Y-%m-%d %H:%M}: {base}/?token={token}")
        if self.asked.network:
            if not self.asked.tls:
                self.say(PLAIN)
            if not self.count and not invitations.every(self.store):
                self.say(NOBODY)

    def outside(self, shown: str) -> str:
        """Return the name under which other machines reach this one."""
        if self.asked.names or self.asked.host not in EVERYWHERE:
            return f"[{shown}]" if ":" in shown else shown
        return addresses()[0]


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return False
    return True
