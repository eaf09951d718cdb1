"""Calls with a complaint and no apology: the list, and a page to hear each.

What a complaint is was told by its words. The page plays the customer's turn in which they stand,
so that whoever reads it can judge by ear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, figure, listing, paragraph, section
from prosody.report.player import Player
from prosody.report.sound import Clip
from prosody.results.read import Run, name_of, number
from prosody.transcripts.turns import Turn
from prosody.words import clock

LONGEST_S = 60.0
MOST_OTHER = 12
LONGEST_LINK = 160  # letters


def complaints(run: Run) -> list[dict[str, Any]]:
    """Return the lines of calls with a complaint and no apology, in order of name."""
    found = [line for line in run.lines if line.get("complaint_without_apology")]
    return sorted(found, key=lambda line: str(line.get("recording")))


def file_name(number_: int) -> str:
    """Return the page of a complaint."""
    return f"complaints/{number_:05d}.html"


def quotes(line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the customer's words that were taken for a complaint, in order of time."""
    found: list[dict[str, Any]] = []
    for rule in ("real", "heard_first", "delay"):
        result = (line.get("conduct") or {}).get(rule)
        words = result.get("words") if isinstance(result, dict) else ()
        found += [w for w in words or () if isinstance(w, dict) and w.get("role") == "customer"]
    once = {(w.get("start_s"), w.get("text")): w for w in found}
    return sorted(once.values(), key=lambda w: number(w, "start_s", math.inf))


@dataclass(slots=True)
class Complaint:
    """One of them, with what its page shows.

    ``window`` is the customer's turn, or what is known of it; None where no time is known.
    """

    number: int
    line: dict[str, Any]
    name: str
    window: tuple[float, float] | None = None
    text: str = ""
    got: Clip | None = None
    silence: str = ""
    last: bool = False

    def place(self, turns: Sequence[Turn]) -> None:
        """Find the customer's turn in which the complaint stands."""
        said = quotes(self.line)
        known = [w for w in said if isinstance(w.get("start_s"), (int, float))]
        self.text = " ".join(str(w.get("text") or "") for w in said[:1])
        if not known:
            return
        start = number(known[0], "start_s")
        end = number(known[0], "end_s", start + 3.0)
        for turn in turns:
            if turn.role == "customer" and turn.start_s - 0.05 <= start < turn.end_s:
                start, end, self.text = turn.start_s, turn.end_s, turn.text
                break
        self.window = max(0.0, start), max(start + 0.1, min(end, start + LONGEST_S))


class Complaints:
    """Makes the list and the pages.

    Parameters
    ----------
    frame : Frame
    run : Run
    names : mapping
        Of recordings, for people.
    """

    def __init__(self, frame: Frame, run: Run, names: Mapping[str, str]) -> None:
        self.frame, self.run, self.names = frame, run, names
        self.say = frame.say
        self.words: dict[str, str] = self.say["complaints"]
        self.player = Player(frame)
        self.said: dict[int, str] = {}  # by the number of the page: the customer's turn

    def name(self, line: dict[str, Any]) -> str:
        """Return the name of a recording."""
        return name_of(self.names, line)

    def links(self, most: int) -> Html:
        """Return the first complaints as a list that leads to their pages."""
        items = []
        for i, line in enumerate(complaints(self.run)[:most], 1):
            said = quotes(line)
            words = self.said.get(i) or (str(said[0].get("text") or "") if said else "")
            words = words if len(words) <= LONGEST_LINK else f"{words[:LONGEST_LINK]} ..."
            name = self.name(line)
            more = name if not said else f"{name}, {clock(number(said[0], 'start_s'))}"
            link = tag("a", words or name, href=file_name(i))
            items.append(join((link, tag("span", more, class_="small")), " "))
        return listing(items, class_="hear")

    def index(self) -> str:
        """Return the page that lists them all."""
        words, found = self.words, complaints(self.run)
        untold = sum(line.get("complaint_without_apology") is None and
                     line.get("status") != "failed" for line in self.run.lines)  # fmt: skip
        parts = [tag("h1", self.say["page"]["complaints"])]
        parts.append(paragraph(words["lead"] if found else words["none"], "lead"))
        if untold:
            one = words["untold_one"]
            parts.append(paragraph(one if untold == 1 else words["untold"].format(n=untold)))
        for i, line in enumerate(found, 1):
            found_in = quotes(line)
            texts = [str(w.get("text") or "") for w in found_in]
            texts[:1] = [self.said.get(i) or texts[0]] if texts else []
            said = [join((self._when(w), tag("q", text[:600])), " ")
                    for w, text in zip(found_in, texts, strict=True)]  # fmt: skip
            parts.append(
                section(
                    self.name(line),
                    listing(said) if said else None,
                    tag("p", tag("a", words["hear"].format(call=self.name(line)),
                                 href=file_name(i), class_="go")),
                    class_="call",
                )
            )  # fmt: skip
        return self.frame.page(self.say["page"]["complaints"], *parts, here="complaints.html")

    def page(self, one: Complaint) -> str:
        """Return the page of one call."""
        words, line = self.words, one.line
        self.said[one.number] = one.text
        parts: list[Html | None] = []
        if one.window is not None:
            start, end = one.window
            seconds = figure(end - start, 1, self.frame.lang)
            by = self.say["apology"]["by"]
            role = self.say["apology"]["customer"]
            parts.append(paragraph(by.format(role=role, at=clock(start), seconds=seconds), "by"))
        title = words["title"].format(call=one.name)
        parts += [
            tag("h1", tag("q", one.text[:600]) if one.text else title, class_="quote"),
            tag("p", one.name, class_="file"),
            paragraph(words["page_lead"]),
        ]
        if one.got is None:
            why = self.say["apology"]["no_sound"].format(why=one.silence)
            parts.append(paragraph(why, class_="note"))
        else:
            parts.append(self.player.show(one.got, f"../sound/c{one.number:05d}.wav",
                                          words["play"]))  # fmt: skip
        parts += [self.player.transcript(one.got, customer=True), self._other(line, one.got),
                  self._turn_page(one)]  # fmt: skip
        return self.frame.page(title, tag("article", *parts, class_="apology"), up="../",
                               player=one.got is not None)  # fmt: skip

    def _other(self, line: dict[str, Any], got: Clip | None) -> Html:
        """Return what the agent said that resembles an apology and is none."""
        items = [
            join((self.player.at(a.get("start_s"), a.get("end_s"), got),
                  tag("q", str(a.get("text") or "")[:300]),
                  tag("span", self.say["act"].get(a.get("act"), ""), class_="small")), " ")
            for a in (line.get("acts") or ())[:200]
            if isinstance(a, dict) and a.get("role") != "customer"
        ]  # fmt: skip
        body = listing(items[:MOST_OTHER]) if items else paragraph(self.words["nothing_like_it"])
        return section(self.words["heard"], body)

    def _turn_page(self, one: Complaint) -> Html:
        links = [tag("a", self.words["all"], href="../complaints.html")]
        for there, key, rel in (
            (one.number > 1, "previous", "prev"),
            (not one.last, "next", "next"),
        ):
            if there:
                to = one.number + (1 if rel == "next" else -1)
                links.append(tag("a", self.words[key], href=f"{to:05d}.html", rel=rel))
        return tag("nav", *links, class_="turn-page", aria_label=self.say["page"]["complaints"])

    def _when(self, said: dict[str, Any]) -> Html | None:
        start = said.get("start_s")
        known = isinstance(start, (int, float))
        return tag("span", clock(number(said, "start_s")), class_="at") if known else None
