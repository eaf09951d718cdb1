"""Who may talk to the pages: one link, one cookie per visitor, and nothing from other sites.

The pages hold people's voices, so whatever else runs in the same browser must not reach them:

- the opening link carries a token; it is exchanged for a cookie that scripts cannot read and other
  sites cannot send (``HttpOnly``, ``SameSite=Strict``), and is gone from the address after that;
- the address that the default browser is started with holds another token, good for one visit
  within two minutes: other users of the machine can read command lines (``ps``);
- the ``Host`` must be one of our own names: a site that lets its name point here (DNS rebinding)
  is refused;
- ``Origin`` and ``Sec-Fetch-Site`` must be our own for everything that changes something;
- a body is cut off at the limit of its address, whatever its header says;
- every answer has a Content-Security-Policy under which nothing is fetched from elsewhere, nothing
  inline runs, and nobody may frame it.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BODY = 64 * 1024
"""Largest body of an address that names no limit of its own, bytes."""
MOST_VISITORS = 200
MOST_OF_ONE = 5
"""Browsers that one invitation may be open in at once."""
BODY_S = 60.0
"""For so long a body may arrive; the headers have `prosody.web.serve.HEADERS_S`."""
TICKET_S = 120.0
"""For so long the link that starts the browser can be used, once."""
IDLE_S = 4 * 3600.0
"""A visitor who was away for so long is forgotten."""
SAFE_METHODS = ("GET", "HEAD")

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(slots=True, eq=False)
class Session:
    """One browser that came in by a link.

    Attributes
    ----------
    key : str
        What its cookie holds.
    home : str
        The address it begins at.
    who : object
        What the page's ``admit`` returned for its link (a rater, say); None for the main link.
    kept : dict
        For the pages: whatever belongs to this visitor and goes when it is forgotten.
    """

    key: str
    home: str
    who: Any = None
    kept: dict[str, Any] = field(default_factory=dict)
    last_s: float = field(default_factory=time.monotonic)


class TooMany(Exception):  # noqa: N818 - a state of the house, and no error of ours
    """There are as many visitors as there may be, all of them active."""


class Sessions:
    """Exchanges tokens for cookies and knows the visitors.

    Parameters
    ----------
    token : str
        Of the link that ``prosody coach`` or ``prosody rate`` prints.
    home : str
        Where that link leads.
    admit : callable
        ``admit(token) -> (home, who) | None`` for other links, such as invitations.
    forget : callable
        Called with a visitor that leaves.
    most : int
        Visitors at once; the one away longest goes when another comes, if it was away for a while.
    """

    AWAY_S = 600.0

    def __init__(
        self,
        token: str,
        home: str,
        *,
        admit: Callable[[str], tuple[str, Any] | None] = lambda token: None,
        forget: Callable[[Session], None] = lambda visitor: None,
        most: int = MOST_VISITORS,
        cookie: str = "prosody",
    ) -> None:
        self.token, self.home, self.most, self.cookie = token, home, most, cookie
        self._admit, self._forget = admit, forget
        self._visitors: dict[str, Session] = {}
        self._tickets: dict[str, float] = {}
        self._crowded: list[Any] = []
        self.tell: Callable[[str], object] = lambda news: sys.stderr.write(f"{news}\n")

    def __len__(self) -> int:
        return len(self._visitors)

    def visitor(self, headers: Headers) -> Session | None:
        """Return the visitor whose cookie a request carries."""
        # Cookies of every program on this machine's name arrive here; whatever form they have,
        # ours is found among them (http.cookies would stop at the first odd one).
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            known = self._visitors.get(value) if name == self.cookie else None
            if known is not None:
                known.last_s = time.monotonic()
                return known
        return None

    def ticket(self, token: str) -> None:
        """Let one browser in by a token, once and soon, as the main link does."""
        self._tickets[token] = time.monotonic() + TICKET_S

    def _main(self, token: str) -> bool:
        """Whether a token is that of the main link, or a ticket; which is used up by that."""
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return True
        return self._tickets.pop(token, 0.0) > time.monotonic()

    def enter(self, token: str, known: Session | None) -> Session | None:
        """Let somebody in who has a token; None where the token is none of ours.

        The same browser stays the same visitor, so that opening the link again loses nothing.

        Raises
        ------
        TooMany
            If the house is full.
        """
        if self._main(token):
            home, who = self.home, None
        else:
            found = self._admit(token)
            if found is None:
                return None
            home, who = found
        if known is not None and known.who == who:
            known.home = home
            return known
        self._one_of(who)
        self._room()
        visitor = Session(secrets.token_urlsafe(32), home, who)
        self._visitors[visitor.key] = visitor
        return visitor

    def leave(self, visitor: Session) -> None:
        """Forget a visitor and everything that belongs to it."""
        if self._visitors.pop(visitor.key, None) is not None:
            self._forget(visitor)

    def close(self) -> None:
        """Forget everybody."""
        for visitor in list(self._visitors.values()):
            self.leave(visitor)

    def sweep(self) -> None:
        """Forget who was away for long."""
        now = time.monotonic()
        for visitor in list(self._visitors.values()):
            if now - visitor.last_s > IDLE_S:
                self.leave(visitor)

    def _one_of(self, who: Any) -> None:
        """Keep one invitation from filling the house: its browser away longest makes room."""
        mine = [v for v in self._visitors.values() if who is not None and v.who == who]
        if len(mine) >= MOST_OF_ONE:
            self.leave(min(mine, key=lambda v: v.last_s))
            if who not in self._crowded:
                self._crowded.append(who)
                self.tell(
                    f"An invitation is open in more than {MOST_OF_ONE} browsers ({who}): the one "
                    "away longest was closed. If it was passed on, take it back with --revoke."
                )

    def _room(self) -> None:
        self.sweep()
        now = time.monotonic()
        if len(self._visitors) >= self.most:
            oldest = min(self._visitors.values(), key=lambda v: v.last_s)
            if now - oldest.last_s < self.AWAY_S:
                raise TooMany
            self.leave(oldest)

    def crumb(self, visitor: Session, *, secure: bool) -> str:
        """Return the value of ``Set-Cookie`` for a visitor."""
        tail = "; Secure" if secure else ""
        return f"{self.cookie}={visitor.key}; HttpOnly; SameSite=Strict; Path=/{tail}"


class RequestGuard:
    """The first thing every request meets, and the last that every answer passes.

    Parameters
    ----------
    app : ASGI application
    sessions : Sessions
    hosts : sequence of str
        ``name:port`` of every name under which the pages may be asked for.
    scheme : str
        ``http`` or ``https``.
    open_paths : sequence of str
        Beginnings of addresses that need no cookie.
    limits : mapping of str to int
        Largest body of an address, bytes; a key that ends in ``/`` covers what lies below it.
    refuse : callable
        ``refuse(scope, status, code) -> ASGI application``: the answer to a refused request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: Sessions,
        hosts: Sequence[str],
        scheme: str,
        open_paths: Sequence[str],
        limits: Mapping[str, int],
        refuse: Callable[[Scope, int, str], ASGIApp],
    ) -> None:
        self.app, self.sessions, self.scheme = app, sessions, scheme
        self.hosts = frozenset(h.lower() for h in hosts)
        self.open_paths, self.limits, self.refuse = tuple(open_paths), dict(limits), refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, and put the headers on the answer."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # a websocket is not answered: there are none
        scope["prosody.nonce"] = secrets.token_urlsafe(16)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                used = scope.get("prosody.nonce_used")
                nonce = f" 'nonce-{scope['prosody.nonce']}'" if used else ""
                headers["content-security-policy"] = CSP.format(nonce=nonce)
            await send(message)

        reason = self._wrong(scope)
        if reason is not None:
            await self.refuse(scope, *reason)(scope, receive, dressed)
            return
        await self.app(scope, self._metered(scope, receive), dressed)

    def _wrong(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and code of what is wrong with a request, or None."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return 403, "wrong_host"
        safe = scope["method"] in SAFE_METHODS
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{self.scheme}://{hosts[0].lower()}":
            return 403, "wrong_origin"
        site = headers.get("sec-fetch-site", "none")
        walks_in = safe and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not walks_in:
            return 403, "wrong_origin"
        visitor = self.sessions.visitor(headers)
        scope["prosody.visitor"] = visitor
        path: str = scope["path"]
        if visitor is None and path != "/" and not path.startswith(self.open_paths):
            return 403, "no_session"
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return 400, "bad_request"
        return (413, "too_large") if int(length) > self._limit(path) else None

    def _limit(self, path: str) -> int:
        if path in self.limits:
            return self.limits[path]
        below = [k for k in self.limits if k.endswith("/") and path.startswith(k)]
        return self.limits[max(below, key=len)] if below else SMALL_BODY

    def _metered(self, scope: Scope, receive: Receive) -> Receive:
        left = self._limit(scope["path"])
        end = time.monotonic() + BODY_S
        whole = False

        async def metered() -> Message:
            nonlocal left, whole
            if whole:  # what comes now is that the browser left, whenever that is
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                raise HTTPException(408) from None
            whole = not message.get("more_body", False)
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise HTTPException(413)
            return message

        return metered


def visitor_of(request: HTTPConnection) -> Session:
    """Return whose request this is; only addresses behind the link may ask."""
    found: Session | None = request.scope.get("prosody.visitor")
    if found is None:
        raise LookupError("this address is open to everybody: it has no visitor")
    return found


def names_of(host: str, port: int, *, also: Sequence[str] = ()) -> list[str]:
    """Return every ``name:port`` under which a server bound to a host may be asked for.

    Parameters
    ----------
    host : str
        The address it is bound to; ``0.0.0.0`` and ``::`` stand for all of this machine's.
    port : int
    also : sequence of str
        Further names, such as the one in a certificate.
    """
    import socket

    import psutil

    names = {"127.0.0.1", "localhost", "::1", host, *also}
    if host in ("0.0.0.0", "::", ""):
        names |= {socket.gethostname(), socket.getfqdn()}
        for addresses in psutil.net_if_addrs().values():
            kinds = (socket.AF_INET, socket.AF_INET6)
            names |= {a.address.split("%")[0] for a in addresses if a.family in kinds}
        names -= {"0.0.0.0", "::", ""}
    bare = [f"[{n}]" if ":" in n and not n.startswith("[") else n for n in sorted(names)]
    usual = [n for n in bare if port in (80, 443)]
    return [f"{n}:{port}" for n in bare] + usual
