"""The page to practise: takes come in, what a listener would probably hear goes out.

The addresses and what they give are written down in docs/coach.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from prosody import __version__, words
from prosody.coach import compare, export, feedback, model_voice, situations, take, word_times
from prosody.coach.numbers import numbers
from prosody.coach.session import MOST_TAKES, Full, Kind, Store, Take, Visit
from prosody.coach.take import OwnBaseline
from prosody.errors import ProsodyError
from prosody.examine.gates import NO_BASELINE
from prosody.judge.judge import Judge
from prosody.results.records import ApologyRecord
from prosody.resynthesis import vocoder
from prosody.settings import Settings
from prosody.transcripts.turns import Word
from prosody.web import app
from prosody.web.app import body, language, refuse
from prosody.web.processes import Busy, Processes
from prosody.web.sessions import Session, visitor_of

MAX_S = 60.0
MAX_BYTES = 24_000_000
"""A minute of stereo at 48 kHz in 32 bits."""
LONGEST_SENTENCE = 400
KINDS = ("take", "baseline", "example")


class Making:
    """Versions of one take that are being made; what was asked for comes first."""

    def __init__(self, take: Take, visit: Visit, place: tuple[float, int] | None) -> None:
        self.take, self.visit, self.place = take, visit, place
        loop = asyncio.get_running_loop()
        self.made: dict[str, asyncio.Future[None]] = {
            how: loop.create_future() for how in model_voice.HOWS
        }
        self.asked: list[str] = []
        self.work: asyncio.Task[None]


class Coach:
    """The page of ``prosody coach``.

    Parameters
    ----------
    model : Path, optional
        A judge of one's own; the shipped one by default.
    settings : Settings, optional
    keep_in : Path, optional
        Folder that takes may be kept in.
    lang : str, optional
        Language of the page; what the browser prefers by default.
    workers : int, optional
        Processes that listen.
    parent : Path, optional
        Where the folder for the moment is made.
    versions : bool
        Whether one's own take can be heard changed, where the vocoder is installed.
    own : Path, optional
        Folder with a trainer's situations, shown before those that come along.
    recogniser : Path, optional
        Folder of a model that tells what was said.
    """

    name = "coach"

    def __init__(
        self,
        *,
        model: Path | None = None,
        settings: Settings | None = None,
        keep_in: Path | None = None,
        lang: str | None = None,
        workers: int | None = None,
        parent: Path | None = None,
        versions: bool = True,
        own: Path | None = None,
        recogniser: Path | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.keep_in = keep_in
        self.own = situations.own(own, MAX_S) if own is not None else {}
        self.home = f"/coach?lang={lang}" if lang else "/coach"
        self.assets: Sequence[str] = app.assets_of("coach")
        self.limits: Mapping[str, int] = {"/api/takes": MAX_BYTES}
        self.shipped = model is None
        self.listener = Judge.load(model)
        self.store = Store()
        self.processes = Processes(warm, workers, parent)
        # One process beside those that listen, behind them in line for the processor.
        able = versions is not False and vocoder.available()
        self.voice_processes = Processes(model_voice.warm, 1, parent) if able else None
        self._making: dict[str, Making] = {}
        warm_up = partial(word_times.warm, str(recogniser))
        self.word_processes = Processes(warm_up, 1, parent) if recogniser else None
        self.recogniser = recogniser

    def routes(self) -> Sequence[BaseRoute]:
        """Return the addresses of the page."""
        return [
            Route("/coach", app.page("coach.html")),
            Route("/api/start", self.start),
            Route("/api/situations/{key}/example", self.example),
            Route("/api/takes", self.takes),
            Route("/api/takes", self.listen, methods=["POST"]),
            Route("/api/takes/{key}", self.delete, methods=["DELETE"]),
            Route("/api/takes/{key}/sound", self.sound),
            Route("/api/takes/{key}/words", self.words),
            Route("/api/takes/{key}/versions/{how}", self.version),
            Route("/api/takes/{key}/versions/{how}/sound", self.version_sound),
            Route("/api/takes/{key}/keep", self.give),
            Route("/api/takes/{key}/keep", self.keep, methods=["POST"]),
            Route("/api/compare", self.compare),
            Route("/api/forget", self.forget_all, methods=["POST"]),
        ]

    def admit(self, token: str) -> tuple[str, Any] | None:
        """Return None: there are no invitations to practise."""
        return None

    def forget(self, visitor: Session) -> None:
        """Wipe the takes of a visitor who leaves."""
        visit = visitor.kept.pop("coach", None)
        if visit is not None:
            visit.clear()

    def open(self) -> None:
        """Start and warm the processes, and tell a first take, so that nobody's is the first."""
        measured = self.processes.open()[0]
        for room in (self.voice_processes, self.word_processes):
            if room is not None:
                room.open()
        for lang in words.languages("coach"):
            visit = Visit(Store())
            self._text(visit.add("take", "", measured), visit, lang)

    def close(self) -> None:
        """Stop the processes and wipe the folder."""
        for room in (self.processes, self.voice_processes, self.word_processes):
            if room is not None:
                room.close()

    def visit(self, request: Request) -> Visit:
        """Return the takes of whoever asks."""
        found: Visit = visitor_of(request).kept.setdefault("coach", Visit(self.store))
        return found

    async def start(self, request: Request) -> Response:
        """Tell what the page needs before anything is recorded."""
        lang = language(request)
        judge_says = words.load("coach", lang)["judge"]
        note = judge_says["research"] if self.shipped else judge_says["own"]
        own = [
            {**s, "path": None, "example": s["path"] is not None} for s in self.own.get(lang, ())
        ]
        return JSONResponse(
            {
                "version": __version__,
                "lang": lang,
                "languages": list(words.languages("coach")),
                "limits": {
                    "max_s": MAX_S,
                    "max_bytes": MAX_BYTES,
                    "baseline_s": self.settings.baseline.min_s,
                    "baseline_short_s": self.settings.baseline.short_s,
                },
                "situations": own + situations.situations(lang),
                "baseline_sentences": situations.baseline_sentences(lang),
                "words": words.load("coach_page", lang),
                "judge": {
                    "research": self.shipped,
                    "note": note.format(name=self.listener.name),
                },
                "keep": {"folder": self.keep_in is not None},
                "versions": self.voice_processes is not None,
                "recognises": self.word_processes is not None,
            }
        )

    async def example(self, request: Request) -> Response:
        """Give the sound of a trainer's example, by the name of its situation."""
        own = self.own.get(language(request), ())
        key = request.path_params["key"]
        path = next((s["path"] for s in own if s["id"] == key), None)
        if path is None:
            return refuse(request, 404, "no_take")
        data = await asyncio.to_thread(path.read_bytes)
        return Response(data, media_type="application/octet-stream")

    async def listen(self, request: Request) -> Response:
        """Take in a sound, and tell how it would probably be heard."""
        visit, lang = self.visit(request), language(request)
        kind: Kind = request.query_params.get("kind", "take")  # type: ignore[assignment]
        if kind not in KINDS:
            return refuse(request, 400, "bad_kind")
        sentence = request.query_params.get("sentence", "")[:LONGEST_SENTENCE]
        try:
            announced = int(request.headers.get("content-length", MAX_BYTES))
            with visit.place(kind), self.store.arriving(announced):
                data = await body(request)
                began = time.perf_counter()
                made = await self._listened(visit, kind, sentence, data)
            if kind != "baseline":
                await asyncio.to_thread(self.judged, made, visit.baseline)
            made.told_ms = round(1000 * (time.perf_counter() - began), 1)
            answer = await self._answer([made], visit, lang)
            if self._can_change(made) and not self._making:
                self._make(made, visit, lang)  # while she reads
            return answer
        except Full as error:
            status = 503 if error.code == "busy" else 409
            return refuse(request, status, error.code, most=MOST_TAKES)
        except Busy:
            return refuse(request, 503, "busy")
        except ProsodyError as error:
            if words.load("coach", lang)["refused"].get(error.code):
                return refuse(request, 422, error.code)
            raise

    async def _listened(self, visit: Visit, kind: Kind, sentence: str, data: bytes) -> Take:
        room, epoch = self.processes, visit.epoch
        measured = await room.run(take.listen, data, str(room.folder), MAX_S, self.settings)
        if kind == "baseline" and not measured.ok:
            # Not taken in: a spoiled baseline would spoil every judgement after it.
            return Take("", kind, "", "", sentence, measured)
        if epoch != visit.epoch:
            raise Full("wiped")
        made = visit.add(kind, sentence, measured)
        if kind == "baseline":
            await self._measure_usual(visit)
        return made

    async def _measure_usual(self, visit: Visit) -> None:
        room, flacs = self.processes, [t.measured.flac for t in visit.sentences]
        if not flacs:
            visit.baseline = None
            return
        own = await room.run(take.own_baseline, flacs, str(room.folder), self.settings)
        # Another sentence may have come in meanwhile; then its own round has the last word.
        if flacs == [t.measured.flac for t in visit.sentences]:
            visit.baseline = own

    async def takes(self, request: Request) -> Response:
        """Tell every take of this visit, and what is known of the usual voice."""
        visit = self.visit(request)
        found = await self._texts(list(visit.takes.values()), visit, language(request))
        seconds = visit.baseline.seconds if visit.baseline is not None else 0.0
        about = {
            "seconds": round(seconds or visit.spoken_s, 1),
            "sentences": [t.sentence for t in visit.sentences],
        }
        text = f'{{"baseline":{json.dumps(about)},"takes":[{",".join(found)}]}}'
        return Response(text, media_type="application/json")

    async def _answer(self, takes: list[Take], visit: Visit, lang: str) -> Response:
        (text,) = await self._texts(takes, visit, lang)
        return Response(text, media_type="application/json")

    async def _texts(self, takes: list[Take], visit: Visit, lang: str) -> list[str]:
        """Return takes as JSON; judged and written beside the loop."""
        return await asyncio.to_thread(lambda: [self._text(t, visit, lang) for t in takes])

    def _text(self, one: Take, visit: Visit, lang: str) -> str:
        about = json.dumps(self._about(one, visit, lang), ensure_ascii=False)
        # The lines were written when the take was listened to: they are long, and never change.
        return f'{about[:-1]},"lines":{one.measured.lines_json}}}'

    def _can_change(self, one: Take) -> bool:
        short = one.measured.duration_s <= model_voice.LONGEST_S
        return self.voice_processes is not None and one.kind == "take" and one.measured.ok and short

    def _make(self, one: Take, visit: Visit, lang: str) -> Making:
        """Make the versions of a take, or return what is under way."""
        known = self._making.get(one.key)
        if known is None:
            known = self._making[one.key] = Making(
                one, visit, word_times.pause_place(self._words(one), lang)
            )
            known.work = asyncio.create_task(self._made(known))
            known.work.add_done_callback(lambda _: self._making.pop(one.key, None))
        return known

    async def _made(self, making: Making) -> None:
        room, one = self.voice_processes, making.take
        assert room is not None
        at_s = making.place[0] if making.place else float("nan")
        left = {h: made for h, made in making.made.items() if h not in one.versions}
        try:
            while left and making.visit.find(one.key) is one:
                how = next((h for h in making.asked if h in left), next(iter(left)))
                made = await room.run(model_voice.render, one.measured.flac, at_s, how)
                making.visit.add_version(one, made)
                left.pop(how).set_result(None)
        except (Busy, Full, ProsodyError) as error:
            for wanted in left.values():
                wanted.set_exception(error)
                wanted.exception()  # whoever asked is told; nobody may have asked
        finally:
            for wanted in left.values():
                if not wanted.done():
                    wanted.set_result(None)  # wiped meanwhile
            with suppress(Busy, ProsodyError):
                await room.run(model_voice.forget)

    async def version(self, request: Request) -> Response:
        """Tell of one version of a take: lines, and the number that was changed."""
        found, visit, lang = self._find(request), self.visit(request), language(request)
        how = request.path_params["how"]
        if found is None or how not in model_voice.HOWS or not self._can_change(found):
            return refuse(request, 404, "no_take" if found is None else "no_version")
        try:
            if how not in found.versions:
                making = self._make(found, visit, lang)
                making.asked.append(how)
                await asyncio.shield(making.made[how])
        except Full as error:
            return refuse(request, 409, error.code, most=MOST_TAKES)
        except Busy:
            return refuse(request, 503, "busy")
        made = found.versions.get(how)
        if made is None:
            return refuse(request, 404, "no_take")
        note = ""
        if how == "pause" and (place := word_times.pause_place(self._words(found), lang)):
            word = self._words(found)[place[1]].text.strip(",;:.!?")
            note = words.load("coach", lang)["versions"]["pause_after"].format(word=word)
        about = json.dumps(
            {
                "how": how,
                "note": note,
                "duration_s": round(made.duration_s, 3),
                "aim": {
                    "name": made.aim,
                    "value": feedback.rounded(made.value, 3),
                    "own": feedback.rounded(made.own, 3),
                    "within": model_voice.WITHIN[made.aim],
                    "digits": 0 if made.aim in ("pauses", "pitch", "end") else 1,
                },
            },
            ensure_ascii=False,
        )
        text = f'{about[:-1]},"lines":{made.lines_json}}}'
        return Response(text, media_type="application/json")

    async def version_sound(self, request: Request) -> Response:
        """Give the sound of a version: WAV to play, FLAC to save."""
        found = self._find(request)
        made = found.versions.get(request.path_params["how"]) if found else None
        if made is None:
            return refuse(request, 404, "no_take" if found is None else "no_version")
        if request.query_params.get("form") == "flac":
            return Response(made.flac, media_type="audio/flac")
        data = await asyncio.to_thread(take.wav, made.flac)
        return export.part(request, data, "audio/wav")

    def _words(self, one: Take) -> tuple[Word, ...]:
        measured = one.measured
        return one.said or word_times.word_times(one.sentence, measured.speech, measured.pauses)

    async def words(self, request: Request) -> Response:
        """Tell the words of a take as a recogniser hears them, else where the sentence lies."""
        found = self._find(request)
        if found is None or self.word_processes is None:
            return refuse(request, 404, "no_take")
        if not found.said:
            asked = found.measured.flac, str(self.recogniser), language(request)
            try:
                said = await self.word_processes.run(word_times.recognised_words, *asked)
            except Busy:
                return refuse(request, 503, "busy")
            found.said = tuple(said)
        return JSONResponse({"words": _timed(self._words(found))})

    def judged(self, one: Take, own: OwnBaseline | None) -> ApologyRecord:
        """Return the row of a take as judged against how its visitor usually speaks."""
        own = own if one.kind == "take" else None
        known = one.judged
        if known is None or known[0] is not own:
            known = own, feedback.judge(one.measured, own, self.listener, self.settings)
            one.judged = known
        return known[1]

    def _about(self, one: Take, visit: Visit, lang: str) -> dict[str, Any]:
        measured, own = one.measured, visit.baseline if one.kind == "take" else None
        row = measured.row if one.kind == "baseline" else self.judged(one, own)
        texts = [t.measured for t in visit.sentences] if one.kind == "take" else []
        out: dict[str, Any] = {
            "id": one.key,
            "kind": one.kind,
            "name": one.name,
            "created": one.created,
            "sentence": one.sentence,
            "duration_s": round(measured.duration_s, 3),
            "sr_hz": measured.sr_hz,
            "quality": {
                "ok": measured.ok,
                "problems": feedback.problems(measured, lang),
                "snr_db": feedback.rounded(measured.snr_db, 1),
                "level_db": feedback.rounded(measured.level_db, 1),
                "clipped_share": feedback.rounded(measured.clipped_share, 5),
            },
            "range": feedback.usual_range(own),
            "pauses": [{"start_s": round(a, 3), "end_s": round(b, 3)} for a, b in measured.pauses],
            "numbers": numbers(measured, own, texts),
            "words": _timed(self._words(one) if one.kind != "baseline" else ()),
            "voiced": bool(np.isfinite(measured.drawn.f0_st).any()),
            "versions": self._can_change(one),
            "judgement": None,
            "reasons": [],
            "next": None,
            "cannot_know": [],
            "measures": feedback.measures_of(row),
            "told_ms": one.told_ms,
        }
        if one.kind != "baseline":
            known = feedback.cannot_know(one.kind, own, visit.spoken_s, self.settings, lang)
            out |= {
                "judgement": feedback.judgement(row, lang),
                "reasons": feedback.reasons(row, measured, lang),
                "next": feedback.advice(row, out["numbers"]["first"], lang),
                "cannot_know": known if not set(row.gates) - {NO_BASELINE} else [],
                "no_baseline": row.verdict is None and set(row.gates) == {NO_BASELINE},
            }
        return out

    def _find(self, request: Request) -> Take | None:
        return self.visit(request).find(request.path_params["key"])

    async def delete(self, request: Request) -> Response:
        """Wipe one take."""
        visit, found = self.visit(request), self._find(request)
        if found is None:
            return refuse(request, 404, "no_take")
        if visit.remove(found):
            await self._measure_usual(visit)
        return Response(status_code=204)

    async def forget_all(self, request: Request) -> Response:
        """Wipe everything of this visit."""
        self.visit(request).clear()
        return Response(status_code=204)

    async def sound(self, request: Request) -> Response:
        """Give the sound of a take as WAV, or a part of it."""
        found = self._find(request)
        if found is None:
            return refuse(request, 404, "no_take")
        data = await asyncio.to_thread(take.wav, found.measured.flac)
        return export.part(request, data, "audio/wav")

    async def give(self, request: Request) -> Response:
        """Give the kept form of a take for the browser to save."""
        found, what = self._find(request), request.query_params.get("what", "zip")
        if found is None:
            return refuse(request, 404, "no_take")
        if what not in export.FORMS:
            return refuse(request, 400, "bad_request")
        files = await asyncio.to_thread(self._kept, found, self.visit(request), language(request))
        name, data, kind = export.form(files, what)
        return Response(
            data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'}
        )

    async def keep(self, request: Request) -> Response:
        """Write the kept form of a take to the folder of ``--keep``."""
        found = self._find(request)
        if found is None:
            return refuse(request, 404, "no_take")
        if self.keep_in is None:
            return refuse(request, 409, "no_folder")
        files = await asyncio.to_thread(self._kept, found, self.visit(request), language(request))
        try:
            names = await asyncio.to_thread(export.write, files, self.keep_in)
        except OSError:
            return refuse(request, 507, "cannot_keep")
        return JSONResponse({"folder": self.keep_in.name, "files": names})

    def _kept(self, found: Take, visit: Visit, lang: str) -> dict[str, bytes]:
        own = visit.baseline if found.kind == "take" else None
        row = found.measured.row if found.kind == "baseline" else self.judged(found, own)
        return export.files(
            found, row, self._about(found, visit, lang), own, self.listener, self.settings
        )

    async def compare(self, request: Request) -> Response:
        """Hold two takes against each other."""
        visit, lang = self.visit(request), language(request)
        a, b = (visit.find(request.query_params.get(k, "")) for k in ("a", "b"))
        if a is None or b is None:
            return refuse(request, 404, "no_take")
        if a is b:
            return refuse(request, 400, "same")
        try:
            lines = await self.processes.run(
                compare.align, a.measured.lines_json, b.measured.lines_json, soon=True
            )
        except Busy:
            return refuse(request, 503, "busy")
        changes = compare.changes(a, b, self.settings, lang, self.listener)
        # An example is somebody else's voice: people are not compared.
        one, two = (t.measured.row if t.kind == "take" else None for t in (a, b))
        heard = any(c["noticeable"] for c in changes)
        noisy = compare.unlike_noise(a, b, self.settings)
        verdict = compare.which(one, two, heard, self.listener, self.settings, lang, noisy=noisy)
        return JSONResponse({"aligned": lines, "changes": changes, "verdict": verdict})


def _timed(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [
        {"text": w.text, "start_s": round(w.start_s, 3), "end_s": round(w.end_s, 3)} for w in words
    ]


def warm(folder: str) -> take.Measured:
    """Load and compile everything a take needs, once, in a worker process; return a first take."""
    import numpy as np

    settings = Settings()
    sr, t = 16_000, np.arange(48_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    y = (0.1 * buzz * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)
    _, flac = take.encode(y, sr, coarse=True)
    measured = take.listen(flac, folder, MAX_S, settings)
    take.own_baseline([flac, flac], folder, settings)
    compare.align(measured.lines_json, measured.lines_json)
    return measured
