"""Hearing a call on a page: player, waveform of both sides, times to click, everything said.

The browser's own audio element plays, also without scripts. With scripts wavesurfer.js draws the
waveform from peaks that are in the page, so that nothing has to be fetched or decoded for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prosody.report.html import Html, data, join, tag, text
from prosody.report.page import Frame, paragraph
from prosody.report.sound import Clip
from prosody.transcripts.turns import Turn
from prosody.words import clock

MOST_TURNS = 2000


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a call that a page points at: an act, a complaint, or words a rule rests on."""

    kind: str
    start_s: float
    end_s: float
    text: str
    label: str
    role: str = ""


class Player:
    """Makes what plays a call."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.words: dict[str, str] = frame.say["player"]

    def show(self, got: Clip, sound: str, marks: Sequence[Mark]) -> Html:
        """Return the player of a call.

        Parameters
        ----------
        got : Clip
        sound : str
            Where its sound lies, from the page.
        marks : sequence of Mark
            What is marked in the waveform.
        """
        words = self.words
        audio = tag(
            "audio",
            controls=True,
            preload="metadata",
            src=sound,
            aria_label=words["player"],
            data_start=f"{got.start_s:.3f}",
            data_length=f"{got.end_s - got.start_s:.3f}",
        )
        notes = []
        if len(got.samples) > 1:
            left, right = (words.get(r, "") for r in got.roles)
            if "unknown" not in got.roles:
                notes.append(words["ears"].format(left=left, right=right))
        if not got.both:
            notes.append(words["one_side"])
        if not got.whole:
            notes.append(words["part"].format(start=clock(got.start_s), end=clock(got.end_s)))
        return tag(
            "div",
            self._wave(got, marks),
            audio,
            *(paragraph(n, "small") for n in notes),
            class_="player",
        )

    def _wave(self, got: Clip, marks: Sequence[Mark]) -> Html:
        """Return where the waveform is drawn; hidden until a script draws it."""
        length = max(0.1, got.end_s - got.start_s)

        def at(t: float) -> float:
            return 100 * min(1.0, max(0.0, (t - got.start_s) / length))

        drawn = [
            tag("rect", x=f"{at(m.start_s):.2f}%", y="0", height="100%",
                width=f"{max(0.3, at(m.end_s) - at(m.start_s)):.2f}%", class_=f"mark-{m.kind}")
            for m in marks
            if m.start_s < got.end_s and m.end_s > got.start_s
        ]  # fmt: skip
        mark = tag("svg", *drawn, width="100%", height="100%", class_="marks", aria_hidden="true")
        who = [tag("span", self.words.get(r, self.words["unknown"]), class_="who")
               for r in got.roles] if len(got.roles) > 1 else []  # fmt: skip
        return tag(
            "div",
            mark,
            tag("div", class_="drawn"),
            *who,
            data("peaks", got.peaks()),
            class_="wave",
            hidden=True,
            role="slider",
            tabindex="0",
            aria_label=self.words["place"],
            aria_valuemin="0",
            aria_valuemax=f"{length:.1f}",
            aria_valuenow="0",
            aria_valuetext=clock(got.start_s),
            aria_orientation="horizontal",
            data_roles=" ".join(got.roles),
        )

    def play(
        self, label: Any, start: float, end: float, got: Clip | None, class_: str = "play small"
    ) -> Html:
        """Return a button that plays a stretch; only its label where the page has no sound."""
        if got is None or start < got.start_s - 0.5 or start > got.end_s:
            return tag("span", label, class_=class_.replace("play", "still", 1))
        return tag(
            "button",
            label,
            type="button",
            class_=class_,
            data_from=f"{max(start, got.start_s):.3f}",
            data_to=f"{end:.3f}",
        )

    def at(self, start: Any, end: Any, got: Clip | None) -> Html | None:
        """Return what plays the words at a time, where the time is known."""
        if not isinstance(start, (int, float)) or not math.isfinite(start):
            return None
        known = isinstance(end, (int, float)) and math.isfinite(end)
        stop = float(end) if known else float(start) + 3
        return self.play(clock(float(start)), float(start), stop, got)

    def transcript(
        self, turns: Sequence[Turn], got: Clip | None, marks: Sequence[Mark] = ()
    ) -> Html:
        """Return everything that was said, with what was found in it to click.

        Parameters
        ----------
        turns : sequence of Turn
        got : Clip, optional
            The sound.
        marks : sequence of Mark
            What is marked in the words.
        """
        words = self.words
        items = []
        for turn in turns[:MOST_TURNS]:
            role = words.get(turn.role, words["unknown"])
            stop = turn.end_s if math.isfinite(turn.end_s) else turn.start_s + 5
            silent = turn.role == "customer" and got is not None and not got.both
            heard = None if silent else got
            there = [m for m in marks if _within(m, turn)]
            items.append(
                tag("div", tag("dt", role, " ", self.at(turn.start_s, stop, heard)),
                    tag("dd", self._marked(turn.text[:4000], there, heard)),
                    class_=f"turn {turn.role}")
            )  # fmt: skip
        return tag("dl", *items, class_="transcript", tabindex="0", aria_label=words["transcript"])

    def _marked(self, words: str, marks: Sequence[Mark], got: Clip | None) -> Html:
        """Return a turn's words with what was found in them as buttons; no two overlap."""
        places: list[tuple[int, int, Mark]] = []
        for mark in marks:
            for piece in mark.text.split(" ... "):
                begin = words.find(piece) if piece else -1
                free = all(begin >= b or begin + len(piece) <= a for a, b, _ in places)
                if begin >= 0 and free:
                    places.append((begin, begin + len(piece), mark))
        out: list[Html] = []
        at = 0
        for begin, end, mark in sorted(places, key=lambda p: p[0]):
            out.append(text(words[at:begin]))
            out.append(
                tag("span", self.play(words[begin:end], mark.start_s, mark.end_s, got,
                                      f"play heard {mark.kind}"),
                    tag("span", mark.label, class_="what"), class_="found")
                if math.isfinite(mark.start_s)
                else tag("span", tag("span", words[begin:end], class_=f"still heard {mark.kind}"),
                         tag("span", mark.label, class_="what"), class_="found")
            )  # fmt: skip
            at = end
        return join([*out, text(words[at:])])


def _within(mark: Mark, turn: Turn) -> bool:
    if mark.role and turn.role != mark.role and "unknown" not in (mark.role, turn.role):
        return False
    if not math.isfinite(mark.start_s) or not math.isfinite(turn.start_s):
        return mark.text.split(" ... ")[0] in turn.text
    end = turn.end_s if math.isfinite(turn.end_s) else math.inf
    return turn.start_s - 0.3 <= mark.start_s < end + 0.3
