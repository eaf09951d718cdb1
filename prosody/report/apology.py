"""The page of one apology: to hear it, see it, read why, and say how it sounded to you."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from prosody import table
from prosody.report import speak
from prosody.report.chart import Picture, interval
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, clock, figure, grid, listing, paragraph, section
from prosody.report.results import clip_id, number
from prosody.report.sound import Extract
from prosody.rows import AXES, RULES

MEASURES = (
    "pitch_p50_st", "pitch_range_st", "loudness_p50", "loudness_cv", "loudness_peaks_per_s",
    "articulation_rate_syll_per_s", "pause_share", "voiced_share", "duration_s",
)  # fmt: skip


@dataclass(slots=True)
class Sheet:
    """What one page shows.

    Parameters
    ----------
    number : int
        Of the page, from 1.
    row, line : dict
        The apology and its recording, as the results have them.
    name : str
        Of the recording, for people.
    got : Extract, optional
        Its sound and lines.
    silence : str
        Why there is no sound, where there is none.
    neighbours : (int, int)
        Pages before and after; 0 for none.
    others : list of (int, dict)
        Other apologies of the recording, with their pages.
    """

    number: int
    row: dict[str, Any]
    line: dict[str, Any]
    name: str
    got: Extract | None = None
    silence: str = ""
    neighbours: tuple[int, int] = (0, 0)
    others: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


def file_name(number_: int) -> str:
    """Return the name of a page."""
    return f"{number_:05d}.html"


class ApologyPage:
    """Makes the page of one apology.

    Parameters
    ----------
    frame : Frame
    judged : bool
        Whether this run judged; otherwise nothing about judgements is in the page.
    same : bool
        Whether the run speaks the report's language already.
    """

    def __init__(self, frame: Frame, *, judged: bool, same: bool) -> None:
        self.frame, self.judged, self.same = frame, judged, same
        self.say = frame.say
        self.words: dict[str, str] = self.say["apology"]

    def make(self, sheet: Sheet) -> str:
        """Return the page."""
        row, words = sheet.row, self.words
        start = number(row, "start_s")
        title = words["title"].format(call=sheet.name, at=clock(start))
        seconds = figure(number(row, "end_s") - start, 1, self.frame.lang)
        role = words.get(str(row.get("role")), words["unknown"])
        quote = str(row.get("text") or "")
        parts = [
            tag("p", words["by"].format(role=role, at=clock(start), seconds=seconds),
                class_="by"),
            tag("h1", tag("q", quote) if quote else title, class_="quote"),
            tag("p", sheet.name, class_="file"),
            self._player(sheet),
            self._picture(sheet),
        ]  # fmt: skip
        if self.judged:
            parts += [self._verdict(sheet), self._rate(sheet)]
        parts += [self._conduct(sheet), self._transcript(sheet), self._numbers(sheet)]
        if not self.judged:
            parts.append(self._note(sheet))
        parts += [self._others(sheet), self._facts(sheet), self._turn_page(sheet)]
        return self.frame.page(
            title, tag("article", *parts, data_clip=clip_id(row), class_="apology"), up="../"
        )

    # --- hearing and seeing ---------------------------------------------------------------------

    def _player(self, sheet: Sheet) -> Html:
        got, words = sheet.got, self.words
        if got is None:
            return paragraph(words["no_sound"].format(why=sheet.silence), class_="note")
        start, end = number(sheet.row, "start_s"), number(sheet.row, "end_s")
        buttons = [
            self._play(words["play"], start, end, got, class_="strong"),
            self._play(words["play_around"], got.start_s, got.end_s, got),
        ]
        audio = tag(
            "audio",
            controls=True,
            preload="metadata",
            src=f"../sound/{sheet.number:05d}.wav",
            aria_label=words["player"],
            data_start=f"{got.start_s:.3f}",
        )
        stereo = paragraph(words["two_ears"], "small") if len(got.samples) > 1 else None
        return tag("div", tag("div", *buttons, class_="buttons"), audio, stereo, class_="player")

    def _play(
        self, label: str, start: float, end: float, got: Extract | None, class_: str | None = None
    ) -> Html:
        """Return a button that plays a stretch, or its time where the page has no sound of it."""
        if got is None or start < got.start_s - 0.5 or start > got.end_s:
            return tag("span", clock(start), class_="at")
        return tag(
            "button",
            label,
            type="button",
            class_=f"play {class_ or ''}".strip(),
            data_from=f"{start:.3f}",
            data_to=f"{end:.3f}",
        )

    def _at(self, start: Any, end: Any, got: Extract | None) -> Html | None:
        """Return what plays the words at a time, where the time is known."""
        if not isinstance(start, (int, float)) or not math.isfinite(start):
            return None
        stop = float(end) if isinstance(end, (int, float)) else float(start) + 3
        label = self.words["play_at"].format(at=clock(float(start)))
        return self._play(label, float(start), stop, got, class_="small")

    def _picture(self, sheet: Sheet) -> Html | None:
        got, words, lang = sheet.got, self.words, self.frame.lang
        if got is None:
            return None
        row = sheet.row
        usual = speak.known(sheet.line.get("baseline")) if number(row, "baseline_s") > 0 else {}
        here = speak.known(row.get("measures"))
        picture = Picture(got, (number(row, "start_s"), number(row, "end_s")), usual)
        span = here.get("pitch_range_st")
        said = {"pitch": "", "loudness": words["loudness_said"].format(pauses=len(got.pauses))}
        if span is not None and {"pitch_p50_st", "pitch_range_st"} <= usual.keys():
            off = here.get("pitch_p50_st", usual["pitch_p50_st"]) - usual["pitch_p50_st"]
            said["pitch"] = words["pitch_said"].format(
                middle=figure(off, 1, lang),
                span=figure(span, 1, lang),
                usual=figure(usual["pitch_range_st"], 1, lang),
            )
        elif span is not None:
            said["pitch"] = words["pitch_said_alone"].format(span=figure(span, 1, lang))
        legend = [("pitch", words["pitch" if picture.has_usual else "pitch_alone"]),
                  ("loud", words["loudness"])]  # fmt: skip
        legend += [("band", words["usual"])] if picture.has_usual else []
        legend.append(("window", words["window"]))
        legend += [("pause", words["pause"])] if got.pauses else []
        items = [
            tag("li", tag("span", class_=f"swatch {k}", aria_hidden="true"), t) for k, t in legend
        ]
        drawn = tag(
            "div",
            picture.svg(said, lang),
            class_="chart",
            data_start=f"{got.start_s:.3f}",
            data_end=f"{got.end_s:.3f}",
        )
        return section(
            words["picture"],
            tag("figure", drawn, tag("figcaption", tag("ul", *items, class_="legend"))),
        )

    # --- the judgement --------------------------------------------------------------------------

    def _verdict(self, sheet: Sheet) -> Html:
        row, say, lang = sheet.row, self.say["judged"], self.frame.lang
        if not row.get("verdict"):
            why = speak.gates(row, self.say)
            return section(
                say["not_judged"].format(why=why or self.say["table"]["not_judged"]),
                paragraph(say["withheld_text"]),
                class_="verdict none",
            )
        p = (row.get("sincere") or {}).get("p")
        parts = [paragraph(say["impression"], class_="small")]
        if isinstance(p, (int, float)):
            parts.append(paragraph(say["side_text"].format(n=round(100 * p))))
        reasons = []
        for one in row.get("reasons") or ():
            said, side = speak.reason(one, lang)
            text = said[:1].upper() + said[1:] + "."
            heard = self._at(one.get("start_s"), one.get("end_s"), sheet.got)
            toward = tag("span", say["toward"].format(side=side), class_="toward") if side else ""
            reasons.append(join((text, toward, heard), " "))
        parts += [
            tag("h3", say["why"]),
            listing(reasons, class_="reasons") if reasons else paragraph(say["no_reasons"]),
            paragraph(say["why_text"], class_="small"),
            tag("h3", say["axes"]),
            *(a for a in (self._axis(axis, row.get(axis)) for axis in AXES) if a),
            paragraph(say["axes_text"], class_="small"),
        ]
        inside = tag("div", *parts, class_="judgement")
        veil = tag(
            "p",
            say["hidden"],
            " ",
            tag("button", say["show_now"], type="button", class_="show"),
            class_="veil",
            hidden=True,
        )
        heading = say["heading"].format(verdict=speak.verdict(row, self.say))
        return tag(
            "section",
            veil,
            tag("div", tag("h2", heading), inside, class_="unveiled"),
            class_=f"verdict {row['verdict']}",
        )

    def _axis(self, axis: str, got: dict[str, Any] | None) -> Html | None:
        if not got or got.get("rating") is None:
            return None
        say, lang = self.say["judged"], self.frame.lang
        rating, low, high = (number(got, k) for k in ("rating", "low", "high"))
        ends = say[f"axis_{axis}_low"], say[f"axis_{axis}_high"]
        said = say["axis_said"].format(
            low_name=ends[0],
            high_name=ends[1],
            rating=figure(rating, 1, lang),
            low=figure(low, 1, lang),
            high=figure(high, 1, lang),
        )
        names = tag("p", tag("span", ends[0]), tag("span", ends[1]), class_="ends")
        return tag("div", names, interval(rating, low, high, said), class_="axis")

    def _rate(self, sheet: Sheet) -> Html:
        say, words = self.say["judged"], self.words
        sliders = []
        for axis in AXES:
            ident = f"rate-{axis}"
            sliders.append(
                tag(
                    "div",
                    tag("label", say[f"slider_{axis}"], for_=ident),
                    tag("input", type="range", id=ident, min="0", max="100", step="1", value="50",
                        data_axis=axis, class_="slider", aria_describedby=f"{ident}-ends"),
                    tag("p", tag("span", say[f"axis_{axis}_low"]),
                        tag("output", say["not_moved"], for_=ident, data_none=say["not_moved"]),
                        tag("span", say[f"axis_{axis}_high"]), class_="ends",
                        id=f"{ident}-ends"),
                    class_="axis",
                )
            )  # fmt: skip
        cannot = tag(
            "label",
            tag("input", type="checkbox", id="cannot-hear"),
            f" {say['cannot_hear']}",
            class_="check",
        )
        blind = tag(
            "label",
            tag("input", type="checkbox", id="blind"),
            f" {say['rate_first']}",
            class_="check",
        )
        return section(
            say["rate"],
            paragraph(say["rate_text"]),
            blind,
            *sliders,
            cannot,
            *self._remark(),
            tag(
                "p",
                tag("label", words["rater"], for_="rater"),
                tag("input", type="text", id="rater", maxlength="40", autocomplete="off"),
                class_="field",
            ),
            tag(
                "p",
                tag("button", words["export"], type="button", id="export"),
                tag("button", words["delete"], type="button", id="delete"),
                class_="buttons",
            ),
            paragraph(words["export_text"], class_="small"),
            class_="rate",
        )

    def _remark(self) -> list[Html]:
        words = self.words
        return [
            tag(
                "p",
                tag("label", words["remark"], for_="remark"),
                tag("textarea", id="remark", rows="3", maxlength="2000"),
                class_="field",
            ),
            tag("p", "", id="saved", role="status", data_text=words["saved"], class_="small"),
        ]

    def _note(self, sheet: Sheet) -> Html:
        return section(self.words["note"], *self._remark(), class_="rate")

    # --- words, timing, numbers -----------------------------------------------------------------

    def _conduct(self, sheet: Sheet) -> Html | None:
        results = sheet.line.get("conduct") or {}
        if not results:
            return None
        items = []
        for name in RULES:
            result = results.get(name)
            if not isinstance(result, dict):
                continue
            said = speak.rule(result, self.say)
            heard = [
                self._at(w.get("start_s"), w.get("end_s"), sheet.got)
                for w in (result.get("words") or ())[:6]
            ]
            notes = [tag("p", t, class_="remark") for t in (said["remark"], said["advice"]) if t]
            status = tag("span", said["status"], class_=f"status {result.get('status')}")
            value = f" {said['value']}" if said["value"] else ""
            items.append(
                join(
                    (
                        tag("h3", said["name"]),
                        tag("p", said["question"], class_="question"),
                        tag("p", status, value, class_="outcome"),
                        tag("div", tag("div", join(heard, " ")), *notes, class_="evidence"),
                    )
                )
            )
        return section(self.words["conduct"], listing(items, class_="conduct"))

    def _transcript(self, sheet: Sheet) -> Html:
        words, got = self.words, sheet.got
        if got is None or not got.turns:
            return section(words["transcript"], paragraph(words["no_transcript"], class_="small"))
        start, end = number(sheet.row, "start_s"), number(sheet.row, "end_s")
        items = []
        for turn in got.turns[:80]:
            role = words.get(turn.role, words["unknown"])
            stop = turn.end_s if math.isfinite(turn.end_s) else turn.start_s + 5
            silent = turn.role == "customer" and not got.both
            heard = self._at(max(turn.start_s, got.start_s), stop, None if silent else got)
            own = turn.start_s < end and stop > start and turn.role != "customer"
            items.append(
                tag("div", tag("dt", role, " ", heard), tag("dd", turn.text[:4000]),
                    class_=f"turn {turn.role}{' own' if own else ''}")
            )  # fmt: skip
        return section(words["transcript"], tag("dl", *items, class_="transcript"))

    def _numbers(self, sheet: Sheet) -> Html:
        words, lang = self.words, self.frame.lang
        here = speak.known(sheet.row.get("measures"))
        usual = (
            speak.known(sheet.line.get("baseline")) if number(sheet.row, "baseline_s") > 0 else {}
        )
        rows = []
        for name in MEASURES:
            if name not in table.BY_NAME or name not in here:
                continue
            places = speak.decimals(name)
            there = "" if name == "duration_s" else usual.get(name)
            rows.append([
                words[name],
                figure(here[name], places, lang),
                figure(there, places, lang) if isinstance(there, float) else "\N{EN DASH}",
            ])  # fmt: skip
        head = [words["measure"], words["here"], words["there"]]
        return section(words["numbers"], grid(None, head, rows, class_="numbers"))

    def _others(self, sheet: Sheet) -> Html | None:
        if not sheet.others:
            return None
        items = [
            tag("a", f"{clock(number(row, 'start_s'))} {row.get('text') or ''}",
                href=file_name(n))
            for n, row in sheet.others[:40]
        ]  # fmt: skip
        return section(self.words["also"], listing(items))

    def _facts(self, sheet: Sheet) -> Html:
        words, row, lang = self.words, sheet.row, self.frame.lang
        facts = [
            (words["recording"], str(row.get("recording"))),
            (words["channel"], str(row.get("channel"))),
            (words["language"], str(row.get("language") or "\N{EN DASH}")),
            (words["baseline"], f"{figure(number(row, 'baseline_s'), 0, lang)} s"),
        ]
        snr = row.get("snr_db")
        if isinstance(snr, (int, float)):
            facts.append((words["snr"], f"{figure(float(snr), 0, lang)} dB"))
        remarks = [speak.remark(r, row, self.say, self.same) for r in row.get("remarks") or ()]
        remarks += [str(r.get("text") or "") for r in sheet.line.get("remarks") or ()]
        return section(
            words["remarks"],
            listing(remarks) if remarks else None,
            tag("dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in facts), class_="facts"),
            class_="small",
        )

    def _turn_page(self, sheet: Sheet) -> Html:
        before, after = sheet.neighbours
        links = []
        if before:
            links.append(tag("a", self.words["previous"], href=file_name(before), rel="prev"))
        if after:
            links.append(tag("a", self.words["next"], href=file_name(after), rel="next"))
        return tag("nav", *links, class_="turn-page", aria_label=self.say["page"]["apologies"])
