"""The page to rate: a listener hears one clip after another and says how each sounded.

Addresses below ``/api/rate/``: ``start`` (who, how far, texts), ``rater`` (POST: begin or
continue), ``leave`` (POST), ``trial?at=``, ``sound?at=``, ``anchor?n=``, ``answer`` (POST), and for
whoever started the server ``invitations`` (GET, POST to make one) and ``revoke`` (POST). A clip is
asked for by its place in the rater's sequence; its name, its agent and what a judge thinks of it
never leave the server.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from prosody import words
from prosody.errors import ProsodyError, UsageError
from prosody.rating import invitations
from prosody.rating.clips import ClipSet, Heard
from prosody.rating.invitations import Guest
from prosody.rating.pair_clips import Pair, order
from prosody.rating.sequence import BLOCK, Trial, sequence
from prosody.rating.store import MOST_REMARK, Answer, Rater, Store
from prosody.results.records import AXES
from prosody.web.app import body, language, page, refusal, refuse
from prosody.web.sessions import Session, visitor_of

ITEMS = ("interested", "near", "concerned", "understanding")
"""Short further items, 0 to 100; the engaged items of the NSC questionnaire (docs/rating.md)."""
EARLY_S = 0.25
"""An answer may come so much before the sound can have ended: clocks and buffers differ."""
HELD = 64  # sounds kept ready


class Refused(Exception):  # noqa: N818 - an answer to the browser, and no fault
    """Something the browser asked for is not possible now."""

    def __init__(self, status: int, code: str, **values: object) -> None:
        self.status, self.code, self.values = status, code, values


class Rate:
    """The page, as `prosody.web.app` takes it.

    Parameters
    ----------
    clips : ClipSet
    store : Store
        Closed when the server stops.
    seed : int
        Of the study.
    items : bool
        Whether the four short items are asked, too.
    days : float
        How long invitations made on the page last.
    block : int
        Hearings between pauses.
    """

    name = "rate"
    home = "/rate"
    assets: Sequence[str] = (
        "rate.html", "rate.css", "rate.js", "rate_api.js", "rate_examples.js", "rate_form.js",
        "rate_sound.js", "rate_team.js", "coach_dom.js", "coach_words.js",
    )  # fmt: skip
    limits: Mapping[str, int] = {"/api/rate/": 8 * 1024}

    def __init__(
        self,
        clips: ClipSet,
        store: Store,
        *,
        seed: int = 0,
        items: bool = False,
        days: float = invitations.DAYS,
        block: int = BLOCK,
    ) -> None:
        self.clips, self.store, self.seed = clips, store, seed
        self.pairs = store.pairs
        self.items = ITEMS if items and not self.pairs else ()
        self.days, self.block = days, block
        self.outside = ""  # how other machines reach this one, once that is known
        self._joining = threading.Lock()
        self._wav: Callable[[Any], bytes] = lru_cache(HELD)(lambda heard: bytes(heard.wav()))

    # --- what the application asks of a page

    def routes(self) -> Sequence[BaseRoute]:
        """Return the addresses of the page."""
        gets = {"start": self._start, "trial": self._trial, "invitations": self._invitations}
        posts = {
            "rater": self._begin,
            "leave": self._leave,
            "answer": self._answer,
            "invitations": self._invite,
            "revoke": self._revoke,
        }
        return [
            Route("/rate", page("rate.html")),
            Route("/api/rate/sound", self._endpoint(self._sound)),
            Route("/api/rate/anchor", self._endpoint(self._anchor)),
            *(Route(f"/api/rate/{n}", self._endpoint(f)) for n, f in gets.items()),
            *(
                Route(f"/api/rate/{n}", self._endpoint(f), methods=["POST"])
                for n, f in posts.items()
            ),
        ]

    def admit(self, token: str) -> tuple[str, Any] | None:
        """Return where an invitation leads and whose it is, also where it is over."""
        guest = invitations.guest_of(self.store, token)
        return None if guest is None else (self.home, guest)

    def forget(self, visitor: Session) -> None:
        """Keep nothing of a visitor who leaves: what she answered is in the store."""

    def open(self) -> None:
        """Write the table anew: after a kill it may lack the last answer."""
        self.store.export()

    def close(self) -> None:
        """Write the table and let go of the database."""
        self.store.close()

    # --- who is there

    def _endpoint(self, work: Callable[[Request, dict[str, Any]], Any]) -> Any:
        """Return an endpoint around plain blocking work; dictionaries are answered as JSON."""

        async def endpoint(request: Request) -> Response:
            try:
                data = _object(await body(request)) if request.method == "POST" else {}
                found = await run_in_threadpool(work, request, data)
            except Refused as refused:
                return refuse(request, refused.status, refused.code, **refused.values)
            return found if isinstance(found, Response) else JSONResponse(found)

        return endpoint

    def _guest(self, request: Request) -> Guest:
        """Return who asks, if the invitation still holds."""
        who = visitor_of(request).who
        guest = who if isinstance(who, Guest) else Guest(None)
        if guest.invitation is not None:
            found = invitations.by_id(self.store, guest.invitation)
            state = "revoked" if found is None else found.state
            if state != "open":
                raise Refused(410, f"invitation_{state}")
        return guest

    def _rater(self, request: Request) -> Rater | None:
        """Return the rater who asks; None before one was chosen."""
        guest, kept = self._guest(request), visitor_of(request).kept
        if guest.invitation is not None:
            found = self.store.invited(guest.invitation)
            # A link may have been passed on: whoever opens it in another browser is asked first.
            known = found is not None and found.id in (kept.get("rater"), guest.rater)
            return found if known else None
        if "rater" not in kept:
            kept["rater"] = guest.rater
        return None if kept["rater"] is None else self.store.rater(kept["rater"])

    def _need_rater(self, request: Request) -> Rater:
        rater = self._rater(request)
        if rater is None:
            raise Refused(409, "no_rater")
        return rater

    def _host(self, request: Request) -> None:
        if self._guest(request).invitation is not None:
            raise Refused(403, "not_yours")

    def _progress(self, rater: Rater) -> dict[str, Any]:
        found = self.store.progress(rater.id)
        return {"name": rater.name, "answered": found.answered, "of": found.of}

    # --- beginning

    def _start(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        lang = language(request)
        out: dict[str, Any] = {
            "language": lang,
            "languages": list(words.languages("rate")),
            "words": self._words(lang),
            "state": "ready",
        }
        try:
            guest, rater = self._guest(request), self._rater(request)
        except Refused as refused:
            # No error of the page: it opens, says so in both languages, and asks nothing.
            return out | {"state": "over", "refused": refusal(request, refused.code)}
        out |= {
            "host": guest.invitation is None,
            "rater": None if rater is None else self._progress(rater),
            "block": self.block,
            "items": list(self.items),
            "pairs": self.pairs,
            "anchors": [
                {"n": i, "label": a.label, "sincere": a.sincere, "engaged": a.engaged}
                for i, a in enumerate(self.clips.anchors)
            ],
            "longest_remark": MOST_REMARK,
        }
        if guest.invitation is None:
            here = (r for r in self.store.raters() if r.invitation is None)
            out["raters"] = [self._progress(r) for r in here]
        elif rater is None and (used := self.store.invited(guest.invitation)) is not None:
            out["in_use_by"] = used.name
        if rater is not None:
            out["again"] = self._again(request, guest, rater)
        return out

    def _words(self, lang: str) -> dict[str, Any]:
        """Return the texts of the page; where pairs are compared, with theirs over them."""
        table = words.load("rate", lang)
        if not self.pairs:
            return table
        return table | {name: {**table[name], **own} for name, own in table["pairs"].items()}

    def _again(self, request: Request, guest: Guest, rater: Rater) -> str:
        kept = visitor_of(request).kept
        if kept.get("again_for") != rater.id:
            kept["again"] = invitations.way_back(self.store, guest, rater.id)
            kept["again_for"] = rater.id
        return str(kept["again"])

    def _begin(self, request: Request, data: dict[str, Any]) -> dict[str, Any]:
        guest = self._guest(request)
        name, known = data.get("name", ""), data.get("known") is True
        if not isinstance(name, str):
            raise Refused(400, "bad_request")
        with self._joining:
            rater = None
            if guest.invitation is not None:
                rater = self.store.invited(guest.invitation)
                if rater is not None and self._rater(request) is None and not known:
                    raise Refused(409, "in_use", name=rater.name)
            if rater is None and known and guest.invitation is None:
                rater = self.store.named(name)
                if rater is None or rater.invitation is not None:
                    raise Refused(404, "no_such_rater")
            if rater is None:
                try:
                    rater = self.store.add_rater(name, self._sequence, guest.invitation)
                except UsageError as error:
                    raise Refused(422, error.code, name=name.strip()) from error
        visitor_of(request).kept["rater"] = rater.id
        return self._progress(rater) | {"again": self._again(request, guest, rater)}

    def _sequence(self, number: int) -> list[Trial]:
        if self.pairs:
            return order(self.clips, number, self.seed, self.block)
        return sequence([c.agent for c in self.clips.clips], number, self.seed, block=self.block)

    def _leave(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        self._host(request)
        visitor_of(request).kept["rater"] = None
        return {"left": True}

    # --- rating

    def _at(self, rater: Rater, asked: Any) -> int:
        """Return a place the rater may be at: the first without an answer, or one step back."""
        found = self.store.progress(rater.id)
        if asked is None:
            return found.answered
        if isinstance(asked, bool) or not isinstance(asked, int):
            raise Refused(400, "bad_request")
        if not max(0, found.answered - 1) <= asked < min(found.of, found.answered + 1):
            raise Refused(409, "not_now", at=found.answered + 1)
        return asked

    def _trial(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        rater = self._need_rater(request)
        found = self.store.progress(rater.id)
        at = self._at(rater, _whole(request.query_params.get("at")))
        if at >= found.of:
            return {"state": "finished", "at": at, "answered": found.answered, "of": found.of}
        trial = self.store.trial(rater.id, at)
        assert trial is not None
        known = self.store.answer(rater.id, at)
        shown = None
        if known is not None:
            chosen = None if known.sincere is None else "a" if known.sincere > 50 else "b"
            shown = {"chosen": chosen if self.pairs else None, "sincere": known.sincere,
                     "engaged": known.engaged, "items": known.items,
                     "cannot_hear": known.cannot_hear, "remark": known.remark}  # fmt: skip
        heard = self.clips.clips[trial.clip]
        return {
            "state": "rate",
            "second_s": round(heard.second_s, 3) if isinstance(heard, Pair) else None,
            "at": at,
            "answered": found.answered,
            "of": found.of,
            "duration_s": round(heard.duration_s, 3),
            "answer": shown,
        }

    def _sound(self, request: Request, _: dict[str, Any]) -> Response:
        rater = self._need_rater(request)
        at = self._at(rater, _whole(request.query_params.get("at")))
        trial = self.store.trial(rater.id, at)
        if trial is None:
            raise Refused(404, "not_found")
        data = self._read(self.clips.clips[trial.clip])
        self.store.note_fetched(rater.id, at)
        return Response(data, media_type="audio/wav")

    def _anchor(self, request: Request, _: dict[str, Any]) -> Response:
        self._guest(request)
        n = _whole(request.query_params.get("n"))
        if n is None or not 0 <= n < len(self.clips.anchors):
            raise Refused(404, "not_found")
        return Response(self._read(self.clips.anchors[n].clip), media_type="audio/wav")

    def _read(self, clip: Heard) -> bytes:
        try:
            return self._wav(clip)
        except (ProsodyError, OSError, ValueError) as error:
            # The message names the file, which a rater must not see.
            raise Refused(404, "no_sound") from error

    def _answer(self, request: Request, data: dict[str, Any]) -> dict[str, Any]:
        rater = self._need_rater(request)
        if "at" not in data:
            raise Refused(400, "bad_request")
        at = self._at(rater, data["at"])
        answer = self._checked(data)
        trial = self.store.trial(rater.id, at)
        if trial is None:
            raise Refused(409, "not_now", at=at + 1)
        if not answer.cannot_hear:
            sent = self.store.fetched(rater.id, at)
            length = self.clips.clips[trial.clip].duration_s
            # A clock that was set back tells nothing; then the page's own word has to do.
            if sent is None or 0 <= time.time() - sent < length - EARLY_S:
                raise Refused(409, "not_heard")
        self.store.save(rater.id, at, answer)
        return self._progress(rater)

    def _checked(self, data: dict[str, Any]) -> Answer:
        """Return an answer whose values are what they should be."""
        deaf = data.get("cannot_hear", False)
        remark, items = data.get("remark", ""), data.get("items") or {}
        if not isinstance(deaf, bool) or not isinstance(remark, str) or not isinstance(items, dict):
            raise Refused(400, "bad_request")
        if re.search("[\ud800-\udfff]", remark):  # no text at all
            raise Refused(400, "bad_request")
        if len(remark) > MOST_REMARK:
            raise Refused(422, "remark_too_long", most=MOST_REMARK)
        if deaf:
            return Answer(cannot_hear=True, remark=remark.strip())
        if self.pairs:
            if data.get("chosen") not in ("a", "b"):
                raise Refused(422, "not_chosen")
            return Answer(100.0 if data["chosen"] == "a" else 0.0, remark=remark.strip())
        sincere, engaged = (_rating(data.get(axis)) for axis in AXES)
        if set(items) - set(self.items):
            raise Refused(400, "bad_request")
        rated = {k: _rating(items[k]) for k in ITEMS if k in items}
        return Answer(sincere, engaged, remark=remark.strip(), items=rated)

    # --- invitations, for whoever started the server

    def _invitations(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        self._host(request)
        out = []
        for one in invitations.every(self.store):
            rater = self.store.invited(one.id)
            out.append(
                {
                    "id": one.id,
                    "state": one.state,
                    "expires_s": one.expires_s,
                    "rater": None if rater is None else self._progress(rater),
                }
            )
        return {"invitations": out, "days": self.days, "network": bool(self.outside)}

    def _invite(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        self._host(request)
        made, token = invitations.make(self.store, self.days)
        base = self.outside or str(request.base_url).rstrip("/")
        return {"id": made.id, "link": f"{base}/?token={token}", "expires_s": made.expires_s}

    def _revoke(self, request: Request, data: dict[str, Any]) -> dict[str, Any]:
        self._host(request)
        ident = data.get("id")
        if isinstance(ident, bool) or not isinstance(ident, int):
            raise Refused(400, "bad_request")
        change = invitations.restore if data.get("undo") is True else invitations.revoke
        return {"id": ident, "state": change(self.store, ident).state}


def _object(data: bytes) -> dict[str, Any]:
    """Return the JSON object of a body."""
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_request") from error
    if not isinstance(found, dict):
        raise Refused(400, "bad_request")
    return found


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Refused(400, "bad_request")
    return int(text)


def _rating(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(422, "not_rated")
    if not (math.isfinite(value) and 0 <= value <= 100):
        raise Refused(422, "not_rated")
    return float(value)
