"""The page of one apology: to hear it, see it, read why, and say how it sounded to you."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prosody.measures import table
from prosody.report import speak
from prosody.report.chart import Picture
from prosody.report.html import Html, join, tag
from prosody.report.impression import Impression
from prosody.report.page import Frame, figure, grid, listing, paragraph, section
from prosody.report.player import Player
from prosody.report.sound import Extract
from prosody.results.read import clip_id, number
from prosody.results.records import RULES
from prosody.words import clock

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
    limits : mapping
        Thresholds of verdicts, as `Run.limits` gives them.
    """

    def __init__(
        self, frame: Frame, *, judged: bool, same: bool, limits: Mapping[str, float]
    ) -> None:
        self.frame, self.judged, self.same = frame, judged, same
        self.say = frame.say
        self.words: dict[str, str] = self.say["apology"]
        self.player = Player(frame)
        self.impression = Impression(frame, self.player, limits)

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
            parts += [self.impression.verdict(row, sheet.got), self.impression.rate()]
        parts += [self._conduct(sheet), self.player.transcript(sheet.got), self._numbers(sheet)]
        if not self.judged:
            parts.append(self.impression.note())
        parts += [self._others(sheet), self._facts(sheet), self._turn_page(sheet)]
        return self.frame.page(
            title,
            tag("article", *parts, data_clip=clip_id(row), class_="apology"),
            up="../",
            player=sheet.got is not None,
        )

    def _player(self, sheet: Sheet) -> Html:
        if sheet.got is None:
            return paragraph(self.words["no_sound"].format(why=sheet.silence), class_="note")
        return self.player.show(sheet.got, f"../sound/{sheet.number:05d}.wav", self.words["play"])

    # --- seeing ---------------------------------------------------------------------------------

    def _picture(self, sheet: Sheet) -> Html | None:
        got, words, lang = sheet.got, self.words, self.frame.lang
        if got is None:
            return None
        row = sheet.row
        usual = speak.known(sheet.line.get("baseline")) if number(row, "baseline_s") > 0 else {}
        here = speak.known(row.get("measures"))
        picture = Picture(got, got.window, usual)
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
                self.player.at(w.get("start_s"), w.get("end_s"), sheet.got)
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
