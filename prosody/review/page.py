"""The local page of ``prosody review``: a report whose answers go into the results.

The pages are those of the report, served from this machine only unless others are let in by
invitation, as for ``prosody rate``. Below ``/api/review/``: ``answers`` (GET: one's own, of one
call) and ``answer`` (POST: one more). With a calibration session ``/review/calibration`` lists its
calls, and shows where reviewers differ once one has answered all of them.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from prosody.rating import invitations as invite
from prosody.rating.invitations import Guest
from prosody.rating.store import Store
from prosody.report.html import Html, tag
from prosody.report.page import document, script_of, style_of, texts
from prosody.review import answers as kept
from prosody.review import calibration
from prosody.review.answers import Answer, Reviews
from prosody.web.app import body, refuse
from prosody.web.sessions import Session, visitor_of
from prosody.words import load

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_NONCE = re.compile(r"nonce-([0-9a-f]{32})")
_ICON = '<link rel="icon" href="data:,">'
_SCRIPTS = ("page.js", "table.js")


class ReviewPage:
    """The page, as the application takes it.

    Parameters
    ----------
    report : Path
        Folder of the report.
    reviews : Reviews
    store : Store
        Its database holds the answers and the invitations; closed when the server stops.
    session : str
        Name of the calibration session; '' for none.
    calls : sequence of (int, str)
        Its calls: number of the page and recording.
    lang : str
        Of the pages.
    axes : tuple of str
        What the run judged.
    """

    name = "review"
    assets: Sequence[str] = ()
    limits: Mapping[str, int] = {"/api/review/": 16 * 1024}

    def __init__(
        self,
        report: Path,
        reviews: Reviews,
        store: Store,
        *,
        session: str = "",
        calls: Sequence[tuple[int, str]] = (),
        lang: str = "en",
        axes: tuple[str, ...] = (),
    ) -> None:
        self.report, self.reviews, self.store = report, reviews, store
        self.session, self.calls, self.lang = session, list(calls), lang
        self.home = "/review/calibration" if session else "/review/index.html"
        self.outside = ""
        listed = json.loads((report / "report.json").read_text(encoding="utf-8"))["files"]
        self.files = frozenset(str(f) for f in listed)
        self._joining = threading.Lock()
        # The server's policy runs no script that stands in a page: they get addresses.
        self._code = {
            script_of(name, axes=axes, player=player): f"{name[:-3]}-{int(player)}.js"
            for name in _SCRIPTS
            for player in (False, True)
        }

    # --- what the application asks of a page

    def routes(self) -> Sequence[BaseRoute]:
        """Return the addresses of the page."""
        return [
            Route("/review/calibration", self._calibration),
            Route("/review/script/{name}", self._script),
            Route("/review/{path:path}", self._file),
            Route("/api/review/answers", self._answers),
            Route("/api/review/answer", self._answer, methods=["POST"]),
        ]

    def admit(self, token: str) -> tuple[str, Any] | None:
        """Return where an invitation leads and whose it is, also where it is over."""
        guest = invite.guest_of(self.store, token)
        return None if guest is None else (self.home, guest)

    def forget(self, visitor: Session) -> None:
        """Keep nothing of a visitor who leaves: what was answered is in the store."""

    def open(self) -> None:
        """Write the table anew: after a kill it may lack the last answer."""
        self.reviews.export()

    def close(self) -> None:
        """Write the table and let go of the database."""
        self.reviews.export()
        self.store.let_go()

    # --- pages of the report

    async def _file(self, request: Request) -> Response:
        if self._over(request):
            return refuse(request, 410, "invitation_over")
        name = request.path_params["path"]
        if name not in self.files:  # a fixed list: nothing else of the disk can be asked for
            raise HTTPException(404)
        path = self.report / name
        if path.suffix != ".html":
            return FileResponse(path)
        source = await run_in_threadpool(path.read_text, "utf-8")
        return HTMLResponse(self.served(source, request.scope))

    def served(self, source: str, scope: Any) -> str:
        """Return a page of the report under the server's policy instead of its own."""
        old = _NONCE.search(source[:4000])
        source = _POLICY.sub("", source, count=1)
        if old:
            scope["prosody.nonce_used"] = True
            source = source.replace(old[1], scope["prosody.nonce"])
            source = source.replace("<style>", f'<style nonce="{scope["prosody.nonce"]}">', 1)

        def address(found: re.Match[str]) -> str:
            name = self._code.get(found[1])
            return f'<script src="/review/script/{name}"></script>' if name else ""

        source = source.replace("</title>", f"</title>{_ICON}", 1)
        return _INLINE.sub(address, source)

    async def _script(self, request: Request) -> Response:
        name = request.path_params["name"]
        code = next((c for c, known in self._code.items() if known == name), None)
        if code is None:
            raise HTTPException(404)
        return Response(code, media_type="text/javascript; charset=utf-8")

    # --- who answers

    def _guest(self, request: Request) -> Guest:
        who = visitor_of(request).who
        return who if isinstance(who, Guest) else Guest(None)

    def _over(self, request: Request) -> bool:
        """Whether whoever asks came by an invitation that no longer holds."""
        guest = self._guest(request)
        if guest.invitation is None:
            return False
        found = invite.by_id(self.store, guest.invitation)
        return found is None or found.state != "open"

    def _reviewer(self, request: Request, given: str = "") -> str:
        """Return the name of whoever asks: that of the invitation, else what they give."""
        guest = self._guest(request)
        if guest.invitation is None:
            known = visitor_of(request).kept
            if given:
                known["reviewer"] = given
            return str(known.get("reviewer", ""))
        with self._joining:
            rater = self.store.invited(guest.invitation)
            if rater is None and given:
                rater = self.store.add_rater(given, lambda _: [], guest.invitation)
        return "" if rater is None else rater.name

    # --- answers

    async def _answers(self, request: Request) -> Response:
        if self._over(request):
            return refuse(request, 410, "invitation_over")
        call = request.query_params.get("recording", "")
        who = self._reviewer(request)
        mine = [a for a in self._mine(who) if a.recording == call] if who else []
        out = [{"kind": a.kind, "what": a.what, "start": a.start_s, "machine": a.machine,
                "answer": a.answer, "why": a.why} for a in mine]  # fmt: skip
        fixed = who if self._guest(request).invitation is not None else ""
        return JSONResponse({"answers": out, "who": fixed})

    def _mine(self, who: str) -> list[Answer]:
        found = [a for a in self.reviews.all() if a.reviewer.casefold() == who.casefold()
                 and a.session == self.session]  # fmt: skip
        return kept.latest(found)

    async def _answer(self, request: Request) -> Response:
        if self._over(request):
            return refuse(request, 410, "invitation_over")
        try:
            data = json.loads(await body(request))
            answer = kept.check(data)
            given = str(data.get("who") or "").strip()[:40]
        except (ValueError, TypeError, AttributeError, RecursionError):
            return refuse(request, 400, "bad_request")
        who = await run_in_threadpool(self._reviewer, request, given)
        done = replace(answer, reviewer=who or "reviewer", session=self.session)
        await run_in_threadpool(self.reviews.add, done)
        return JSONResponse({"kept": True})

    # --- calibration

    async def _calibration(self, request: Request) -> Response:
        if not self.session:
            raise HTTPException(404)
        if self._over(request):
            return refuse(request, 410, "invitation_over")
        page = await run_in_threadpool(self._calibrated, self._reviewer(request))
        request.scope["prosody.nonce_used"] = True
        style = f'<style nonce="{request.scope["prosody.nonce"]}">'
        return HTMLResponse(page.replace("<style>", f"{_ICON}{style}", 1))

    def _calibrated(self, who: str) -> str:
        """Return the list of calls, or, when all are answered, where reviewers differ."""
        say = load("review", self.lang)["calibration"]
        every = self.reviews.all()
        mine = {a.recording for a in self._mine(who)} if who else set()
        order = ".".join(str(n) for n, _ in self.calls)
        items = [
            tag("li", tag("a", say["call"].format(n=i),
                          href=f"/review/calls/{n:05d}.html#in={order}&blind=1&blind-review=1"),
                " ", say["done"] if recording in mine else "")
            for i, (n, recording) in enumerate(self.calls, 1)
        ]  # fmt: skip
        parts: list[Any] = [tag("h1", say["title"]), tag("p", say["lead"]), tag("ol", *items)]
        if all(recording in mine for _, recording in self.calls):
            parts += self._differences(every, say)
        else:
            parts.append(tag("p", say["later"]))
        return _plain(say["title"], parts, self.lang)

    def _differences(self, every: list[Answer], say: Mapping[str, str]) -> list[Html]:
        where = {recording: i for i, (_, recording) in enumerate(self.calls, 1)}
        found = calibration.differences(every, self.session)
        names = sorted({n for d in found for n in d.answers})
        rules = texts(self.lang)["rules"]
        rows = []
        for one in found[:200]:
            recording, _, what, start = one.item
            label = rules[what]["name"] if what in rules and "name" in rules[what] else what
            label = say.get(f"what_{what}", label)
            head = tag("th", f"{where.get(recording, '?')}: {label} {start}", scope="row")
            answers = (one.answers.get(n, "") for n in names)
            rows.append(tag("tr", head, *(tag("td", say.get(f"said_{v}", v)) for v in answers)))
        out = [tag("h2", say["differ"])]
        if rows:
            head = tag("tr", *(tag("th", h, scope="col") for h in (say["item"], *names)))
            out.append(tag("table", tag("thead", head), tag("tbody", *rows)))
        else:
            out.append(tag("p", say["all_agree"]))
        steady = calibration.drift(every)
        if steady:
            out.append(tag("h2", say["drift"]))
            out.append(tag("ul", *(tag("li", _steady(d, say)) for d in steady)))
        return out


def _steady(one: calibration.Drift, say: Mapping[str, str]) -> str:
    """Return how one reviewer's answers compare with earlier ones, of rules and of impressions."""
    parts = [say["steady"].format(same=one.same, of=one.of)] if one.of else []
    if math.isfinite(one.impression_points):
        parts.append(say["steady_points"].format(points=f"{one.impression_points:.0f}"))
    return f"{one.reviewer}: {'; '.join(parts)}"


def _plain(title: str, parts: Sequence[Any], lang: str) -> str:
    inside = tag("body", tag("main", *parts, id="content"))
    page = document(title, inside, lang, style_of(judged=False, player=False), "")
    return _POLICY.sub("", page, count=1)
