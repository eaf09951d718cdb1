"""Hearing a stretch of a call on a page: player, waveform, times to click, the words around it.

The browser's own audio element plays, also without scripts. With scripts wavesurfer.js draws the
waveform from peaks that are in the page, so that nothing has to be fetched or decoded for it.
"""

from __future__ import annotations

import math
from typing import Any

from prosody.report.html import Html, data, tag
from prosody.report.page import Frame, paragraph, section
from prosody.report.sound import Clip
from prosody.words import clock

MOST_TURNS = 80


class Player:
    """Makes what plays a clip.

    Parameters
    ----------
    frame : Frame
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.words: dict[str, str] = frame.say["apology"]

    def show(self, got: Clip, sound: str, play: str) -> Html:
        """Return the player of a clip.

        Parameters
        ----------
        got : Clip
        sound : str
            Where its sound lies, from the page.
        play : str
            What the first button says.
        """
        words, window = self.words, got.window
        buttons = [self.play(play, *window, got, class_="strong")]
        if got.start_s < window[0] - 0.1 or got.end_s > window[1] + 0.1:
            buttons.append(self.play(words["play_around"], got.start_s, got.end_s, got))
        audio = tag(
            "audio",
            controls=True,
            preload="metadata",
            src=sound,
            aria_label=words["player"],
            data_start=f"{got.start_s:.3f}",
        )
        notes = []
        if len(got.samples) > 1:
            left, right = (words.get(r, "") for r in got.roles)
            known = "unknown" not in got.roles
            notes.append(words["ears" if known else "two_ears"].format(left=left, right=right))
        if not got.both:
            notes.append(words["one_side"])
        return tag(
            "div",
            tag("div", *buttons, class_="buttons"),
            self._wave(got),
            audio,
            *(paragraph(n, "small") for n in notes),
            class_="player",
        )

    def _wave(self, got: Clip) -> Html:
        """Return where the waveform is drawn; hidden until a script draws it."""
        length = max(0.1, got.end_s - got.start_s)
        at = [100 * min(1.0, max(0.0, (t - got.start_s) / length)) for t in got.window]
        mark = tag(
            "svg",
            tag("rect", x=f"{at[0]:.2f}%", width=f"{at[1] - at[0]:.2f}%", y="0", height="100%",
                class_="window"),
            width="100%", height="100%", class_="mark", aria_hidden="true",
        )  # fmt: skip
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
            data_start=f"{got.start_s:.3f}",
            data_length=f"{length:.3f}",
            data_roles=" ".join(got.roles),
        )

    def play(
        self, label: str, start: float, end: float, got: Clip | None, class_: str | None = None
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

    def at(self, start: Any, end: Any, got: Clip | None) -> Html | None:
        """Return what plays the words at a time, where the time is known."""
        if not isinstance(start, (int, float)) or not math.isfinite(start):
            return None
        stop = float(end) if isinstance(end, (int, float)) else float(start) + 3
        label = self.words["play_at"].format(at=clock(float(start)))
        return self.play(label, float(start), stop, got, class_="small")

    def transcript(self, got: Clip | None, *, customer: bool = False) -> Html:
        """Return what was said around the window, its own turn marked.

        Parameters
        ----------
        got : Clip, optional
        customer : bool
            Whether the window is of the customer, not of the agent.
        """
        words = self.words
        if got is None or not got.turns:
            return section(words["transcript"], paragraph(words["no_transcript"], class_="small"))
        start, end = got.window
        items = []
        for turn in got.turns[:MOST_TURNS]:
            role = words.get(turn.role, words["unknown"])
            stop = turn.end_s if math.isfinite(turn.end_s) else turn.start_s + 5
            silent = turn.role == "customer" and not got.both
            heard = self.at(max(turn.start_s, got.start_s), stop, None if silent else got)
            mine = (turn.role == "customer") == customer
            own = mine and turn.start_s < end and stop > start
            items.append(
                tag("div", tag("dt", role, " ", heard), tag("dd", turn.text[:4000]),
                    class_=f"turn {turn.role}{' own' if own else ''}")
            )  # fmt: skip
        return section(words["transcript"], tag("dl", *items, class_="transcript"))
