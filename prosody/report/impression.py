"""How an apology would probably sound, and how it sounded to whoever reads the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prosody.report import speak
from prosody.report.chart import interval
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, figure, listing, paragraph, section
from prosody.report.player import Player
from prosody.report.sound import Clip
from prosody.results.read import number


class Impression:
    """Makes the parts of a page about impressions: the judge's, and the reader's own.

    Parameters
    ----------
    frame : Frame
    player : Player
    limits : mapping
        Thresholds of verdicts, as `Run.limits` gives them.
    """

    def __init__(self, frame: Frame, player: Player, limits: Mapping[str, float]) -> None:
        self.frame, self.player, self.limits = frame, player, limits
        self.say = frame.say
        self.words: dict[str, str] = self.say["call"]
        self._rate: dict[int, Html] = {}

    def verdict(self, row: dict[str, Any], got: Clip | None) -> Html:
        """Return the judgement of an apology with its reasons, or why there is none."""
        say, lang = self.say["judged"], self.frame.lang
        if not row.get("verdict"):
            why = speak.gates(row, self.say)
            return section(
                say["not_judged"].format(why=why or self.say["calls"]["not_judged"]),
                paragraph(say["withheld_text"]),
                class_="verdict none judged-only",
                level=3,
            )
        p = (row.get("sincere") or {}).get("p")
        parts: list[Html | None] = [paragraph(say["impression"], class_="small")]
        if isinstance(p, (int, float)):
            parts.append(paragraph(say["side_text"].format(n=round(100 * p))))
            parts.append(self._unclear(row, p))
            if lively := speak.animation(row, self.say):
                parts.append(paragraph(say["animation"].format(words=lively)))
        reasons = []
        for one in row.get("reasons") or ():
            sentence, side = speak.reason(one, lang, take=row.get("source") == "clips")
            text = sentence[:1].upper() + sentence[1:] + "."
            heard = self.player.at(one.get("start_s"), one.get("end_s"), got)
            toward = tag("span", say["toward"].format(side=side), class_="toward") if side else ""
            reasons.append(join((text, toward, heard), " "))
        parts += [
            tag("h4", say["why"]),
            listing(reasons, class_="reasons") if reasons else paragraph(say["no_reasons"]),
            paragraph(say["why_text"], class_="small"),
            tag("h4", say["axes"]),
            *(a for a in (self._axis(axis, row.get(axis)) for axis in self.frame.axes) if a),
            paragraph(say["axes_text"], class_="small"),
        ]
        inside = tag("div", *parts, class_="judgement")
        veil = tag(
            "p",
            say["hidden"],
            " ",
            tag("button", say["show_now"], type="button", class_="show"),
            class_="veil",
        )
        heading = say["heading"].format(verdict=speak.verdict(row, self.say))
        return tag(
            "section",
            veil,
            tag("div", tag("h3", heading), inside, class_="unveiled"),
            class_=f"verdict {row['verdict']}",
        )

    def _unclear(self, row: dict[str, Any], p: float) -> Html | None:
        """Return why a judged apology is neither sincere nor forced, by the run's own limits."""
        limits = self.limits
        if row["verdict"] != "unclear" or not limits:
            return None
        percent = {k.removesuffix("_p"): round(100 * limit) for k, limit in limits.items()}
        if p < limits["sincere_p"]:
            text = self.say["judged"]["unclear_between"]
            return paragraph(
                text.format(sincere=percent["sincere"], forced=100 - percent["forced"]), "small"
            )
        engaged = number(row.get("engaged") or {}, "p", 1.0)
        if 1 - engaged < limits.get("dull_p", 1.0):
            return paragraph(self.say["judged"]["unclear_noise"], "small")
        text = self.say["judged"]["unclear_dull"]
        return paragraph(text.format(n=round(100 * (1 - engaged)), dull=percent["dull"]), "small")

    def _axis(self, axis: str, got: dict[str, Any] | None) -> Html | None:
        if not got or got.get("rating") is None:
            return None
        say, lang = self.say["judged"], self.frame.lang
        rating, low, high = (number(got, k) for k in ("rating", "low", "high"))
        ends = say[f"axis_{axis}_low"], say[f"axis_{axis}_high"]
        sentence = say["axis_said"].format(
            low_name=ends[0],
            high_name=ends[1],
            rating=figure(rating, 1, lang),
            low=figure(low, 1, lang),
            high=figure(high, 1, lang),
        )
        names = tag("p", tag("span", ends[0]), tag("span", ends[1]), class_="ends")
        return tag("div", names, interval(rating, low, high, sentence), class_="axis")

    def rate(self, n: int) -> Html:
        """Return the reader's own rating of apology `n`: sliders and a remark."""
        if n not in self._rate:  # the same on every page
            self._rate[n] = self._sliders(n)
        return self._rate[n]

    def _sliders(self, n: int) -> Html:
        say, words = self.say["judged"], self.words
        sliders = []
        for axis in self.frame.axes:
            ident = f"rate-{axis}-{n}"
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
            tag("input", type="checkbox", class_="cannot-hear"),
            f" {say['cannot_hear']}",
            class_="check",
        )
        return tag(
            "details",
            tag("summary", say["rate"]),
            paragraph(say["rate_text"]),
            *sliders,
            cannot,
            *self._remark(n),
            tag("p", tag("button", words["delete"], type="button", class_="delete"),
                class_="buttons"),
            class_="rate",
        )  # fmt: skip

    def _remark(self, n: int) -> list[Html]:
        words = self.words
        return [
            tag(
                "p",
                tag("label", words["remark"], for_=f"remark-{n}"),
                tag("textarea", id=f"remark-{n}", class_="remark-of", rows="2", maxlength="2000"),
                class_="field",
            ),
            tag("p", "", role="status", data_text=words["saved"], class_="saved small"),
        ]

    def note(self, n: int) -> Html:
        """Return the reader's remark alone, for runs that do not judge."""
        return tag("details", tag("summary", self.words["note"]), *self._remark(n), class_="rate")
