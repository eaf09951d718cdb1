"""One web application for every page in the browser: practise (`coach`) and rate (`rate`).

A page plugs in as a :class:`Page`. What it has to bring::

    class Rate:
        name = "rate"                       # the words table, the log, the cookie's neighbour
        home = "/rate"                      # where its link leads
        assets = ("rate.html", "rate.js")   # files of web/assets it wants served
        limits = {"/api/answers": 4096}     # largest bodies, bytes; 64 KB where nothing is said

        def routes(self): return [
            Route("/rate", page("rate.html")),               # HTML from assets, with its nonce
            Route("/api/answers", self.answer, methods=["POST"]),
        ]
        def admit(self, token): ...         # (home, who) for an invitation of its own, or None
        def forget(self, visitor): ...      # a visitor leaves: wipe what is hers
        def open(self): ...                 # before the first request: load, warm up (blocking)
        def close(self): ...                # after the last

and then ``serve([Rate(...)], ...)`` of `prosody.web.serve`. In an endpoint
``visitor_of(request)`` is whose request it is (``who`` is what `admit` gave, ``kept`` a dict of
hers), ``language(request)`` the reader's language, ``body(request)`` the whole body within its
limit, ``refuse(request, status, code)`` the answer to something wrong: JSON
``{code, message, remedy}`` with sentences from ``words/NAME.LANG.toml`` ``[refused.CODE]`` (the
page's table first, then ``studio``). A `ProsodyError` that an endpoint raises becomes such an
answer by itself (422). Requests without a cookie never reach a page; see `prosody.web.sessions`.

In HTML, ``__NONCE__`` becomes the nonce of the answer's Content-Security-Policy (put it in
``<meta name="csp-nonce" content="__NONCE__">`` and give it to wavesurfer as ``cspNonce``) and
``__LANG__`` the reader's language. Addresses: ``/assets/NAME`` and ``/vendor/NAME``, by name from
fixed lists; they need no cookie, since they are the same for everybody.

The contract of the coach's interface is in docs/coach.md. Beyond what was first agreed on: a take
has ``sentence``, a problem ``stops`` (it keeps the take from being judged), a reason ``toward``
(the side it moves the impression to), a change ``change`` (its size), the start ``lang``. A
baseline sentence that is not ``ok`` is not taken in and has an empty ``id``. In a comparison ``p``
is that of the more likely of the two, also where ``which`` is null. Refusals: 409 ``too_many``,
``memory``, ``wiped``, ``no_folder``; 413 ``too_large``; 422 what is wrong with the sound; 503
``busy``.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from prosody import web, words
from prosody.errors import ProsodyError
from prosody.message import failure
from prosody.web.sessions import RequestGuard, Session, Sessions, TooMany

BODY_S = 60.0
"""Longest time in which a body may arrive."""
SWEEP_S = 60.0
"""So often those who were away for long are looked for, also where nobody else comes."""
COMMON = ("studio.css", "studio.js", "studio.svg", "favicon.svg")
"""Assets of every page, as far as they exist."""
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "woff2": "font/woff2",
    "json": "application/json",
    "wav": "audio/wav",
}


class Page(Protocol):
    """What `prosody coach` and `prosody rate` are, seen from the application."""

    name: str
    home: str
    assets: Sequence[str]
    limits: Mapping[str, int]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the addresses of the page."""

    def admit(self, token: str) -> tuple[str, Any] | None:
        """Return where an invitation leads and whose it is; None where it is none of ours."""

    def forget(self, visitor: Session) -> None:
        """Wipe what belongs to a visitor who leaves."""

    def open(self) -> None:
        """Make ready, before the first request."""

    def close(self) -> None:
        """Clear up, after the last."""


@cache
def asset(name: str) -> bytes:
    """Return one file of ``web/assets``; callers give names of fixed lists only."""
    return (files("prosody.web") / "assets" / name).read_bytes()


def assets_of(name: str) -> tuple[str, ...]:
    """Return the files of ``web/assets`` that begin with a page's name, as they are now."""
    found = (f.name for f in (files("prosody.web") / "assets").iterdir() if f.is_file())
    return tuple(sorted(n for n in found if n.startswith(name) and n.rsplit(".", 1)[-1] in TYPES))


def language(request: HTTPConnection) -> str:
    """Return the reader's language: ``lang=`` of the address, else what the browser prefers."""
    known = words.languages("studio")
    asked = request.query_params.get("lang", "")
    if asked in known:
        return asked
    wanted = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        wanted.append((-weight, place, tag[:2].lower()))
    return next((tag for _, _, tag in sorted(wanted) if tag in known), "en")


def refusal(request: HTTPConnection, code: str, **values: object) -> dict[str, str]:
    """Return code, message and remedy of a refusal in the reader's language."""
    lang = language(request)
    for table in (*request.scope.get("prosody.tables", ()), "studio"):
        refused = words.load(table, lang).get("refused", {}).get(code)
        if refused:
            return {
                "code": code,
                "message": refused["message"].format(**values),
                "remedy": refused["remedy"].format(**values),
            }
    return {"code": code, "message": code, "remedy": ""}


def refuse(request: HTTPConnection, status: int, code: str, **values: object) -> JSONResponse:
    """Return the answer to something wrong; see `refusal`."""
    return JSONResponse(refusal(request, code, **values), status)


async def body(request: Request) -> bytes:
    """Return the whole body; what is too large or too slow ends in a refusal of its own."""
    async with asyncio.timeout(BODY_S):
        return await request.body()


def page(name: str) -> Any:
    """Return an endpoint that serves an HTML file of the assets."""

    async def endpoint(request: Request) -> Response:
        return show(request, asset(name).decode("utf-8"))

    return endpoint


def show(request: HTTPConnection, text: str, status: int = 200) -> HTMLResponse:
    """Return HTML with the nonce and the language of this answer put in."""
    if "__NONCE__" in text:
        request.scope["prosody.nonce_used"] = True
        text = text.replace("__NONCE__", request.scope["prosody.nonce"])
    return HTMLResponse(text.replace("__LANG__", language(request)), status)


def _shown_refusal(request: HTTPConnection, status: int, code: str) -> Response:
    """Return a refusal as JSON to scripts, as a page to people."""
    refused = refusal(request, code)
    accepts = request.headers.get("accept", "")
    if request.url.path.startswith(("/api/", "/assets/", "/vendor/")) or "text/html" not in accepts:
        return JSONResponse(refused, status)
    text = (
        '<!doctype html><html lang="__LANG__"><meta charset="utf-8"><title>prosody</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/assets/studio.css">'
        '<div class="top"></div><main class="page narrow"><div class="card state">'
        f"<h1>{html.escape(refused['message'])}</h1>"
        f"<p>{html.escape(refused['remedy'])}</p></div></main></html>"
    )
    return show(request, text, status)


def make_app(
    pages: Sequence[Page],
    *,
    token: str,
    hosts: Sequence[str],
    scheme: str = "http",
    cookie: str = "prosody",
    most_visitors: int = 200,
    once: str | None = None,
) -> ASGIApp:
    """Make the application of some pages, guarded.

    Parameters
    ----------
    pages : sequence of Page
        The main link leads to the home of the first.
    token : str
        Of the main link.
    hosts : sequence of str
        ``name:port`` of every name the pages may be asked for under (`safety.names_of`).
    scheme : {'http', 'https'}
    cookie : str
        Name of the cookie; browsers do not keep the cookies of two ports apart.
    most_visitors : int

    once : str, optional
        A second token, good for one visit soon after the start (`safety.Sessions.ticket`).

    Returns
    -------
    ASGI application
    """

    def admit(asked: str) -> tuple[str, Any] | None:
        return next((f for p in pages if (f := p.admit(asked)) is not None), None)

    def forget(visitor: Session) -> None:
        for one in pages:
            one.forget(visitor)

    sessions = Sessions(
        token, pages[0].home, admit=admit, forget=forget, most=most_visitors, cookie=cookie
    )
    names = {n for p in pages for n in p.assets} | set(COMMON)

    async def come_in(request: Request) -> Response:
        known: Session | None = request.scope["prosody.visitor"]
        asked = request.query_params.get("token")
        if asked is None:
            if known is None:
                return _shown_refusal(request, 403, "no_session")
            return RedirectResponse(known.home, 303)
        try:
            visitor = sessions.enter(asked, known)
        except TooMany:
            return _shown_refusal(request, 503, "full")
        if visitor is None:
            return _shown_refusal(request, 403, "wrong_token")
        if request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            out: Response = RedirectResponse(visitor.home, 303)
        else:
            # From a link on another site (web mail) a redirect would still count as that site's,
            # and the browser would hold the strict cookie back: go on from a page of our own.
            out = show(
                request,
                '<!doctype html><html lang="__LANG__"><meta charset="utf-8"><title>prosody</title>'
                f'<meta http-equiv="refresh" content="0;url={html.escape(visitor.home)}"></html>',
            )
        out.headers["set-cookie"] = sessions.crumb(visitor, secure=scheme == "https")
        return out

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names:
            raise HTTPException(404)
        try:
            data = asset(name)
        except FileNotFoundError:
            raise HTTPException(404) from None
        return Response(data, media_type=TYPES.get(name.rsplit(".", 1)[-1], "text/plain"))

    async def vendor(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in web.NAMES:
            raise HTTPException(404)
        return Response(
            web.vendored(name), media_type=TYPES.get(name.rsplit(".", 1)[-1], "text/plain")
        )

    async def went_wrong(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            code = {404: "not_found", 405: "not_found", 413: "too_large"}.get(
                error.status_code, "bad_request"
            )
            return _shown_refusal(request, error.status_code, code)
        if isinstance(error, ProsodyError):
            message, remedy = failure(error, language(request))
            body = {"code": error.code, "message": message, "remedy": remedy}
            return JSONResponse(body, 422)
        if isinstance(error, ClientDisconnect):  # the tab was closed: nobody reads the answer
            return Response(status_code=400)
        if isinstance(error, TimeoutError):
            return refuse(request, 408, "too_slow")
        return refuse(request, 500, "internal_error")

    async def sweeping() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            sessions.sweep()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        for one in pages:
            await loop.run_in_executor(None, one.open)
        if once:
            sessions.ticket(once)
        sweeper = asyncio.create_task(sweeping())
        try:
            yield
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            sessions.close()
            for one in pages:
                await loop.run_in_executor(None, one.close)

    inner = Starlette(
        routes=[
            Route("/", come_in),
            Route("/assets/{name}", static),
            Route("/vendor/{name}", vendor),
            *(r for p in pages for r in p.routes()),
        ],
        exception_handlers={
            HTTPException: went_wrong,
            ProsodyError: went_wrong,
            TimeoutError: went_wrong,
            ClientDisconnect: went_wrong,
            Exception: went_wrong,  # Starlette answers with it and raises it again, to be logged
        },
        lifespan=lifespan,
    )
    tables = tuple(p.name for p in pages if p.name in _tables())

    async def with_tables(scope: Scope, receive: Receive, send: Send) -> None:
        scope["prosody.tables"] = tables
        await guard(scope, receive, send)

    def refused(scope: Scope, status: int, code: str) -> ASGIApp:
        return _shown_refusal(HTTPConnection(scope), status, code)

    limits = {k: v for p in pages for k, v in p.limits.items()}
    guard = RequestGuard(
        inner,
        sessions=sessions,
        hosts=hosts,
        scheme=scheme,
        open_paths=("/assets/", "/vendor/"),
        limits=limits,
        refuse=refused,
    )
    return with_tables


@cache
def _tables() -> frozenset[str]:
    """Return the subjects of which there are tables of words."""
    return frozenset(
        f.name.split(".")[0] for f in files("prosody.words").iterdir() if f.name.endswith(".toml")
    )
