"""Plots as SVG: letters keep their size, across in per cent, upwards in pixels.

Whatever is drawn is said once more in words (`aria_label`) and stands in a table beside it. Names
are never in the drawing; where rows have names these are text of the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prosody.report.html import Html, join, tag

LEFT, WIDE = 9.0, 88.0  # per cent of the width, where the plot begins and how wide it is
TOP, BOTTOM = 10, 50  # pixels above and below it
_UNITS = 1000  # of the inner picture, for lines that are stretched


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with two axes.

    Parameters
    ----------
    x, y : (float, float)
        From where to where.
    height : int
        Of the area itself, pixels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    height: int = 260

    def across(self, value: float) -> str:
        """Return where a value lies across, as SVG writes it."""
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return f"{LEFT + WIDE * min(1.0, max(0.0, share)):.2f}%"

    def up(self, value: float) -> str:
        """Return where a value lies upwards."""
        return f"{TOP + self._down(value) * self.height:.1f}"

    def _down(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return 1 - min(1.0, max(0.0, share))

    def frame(self, x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]]) -> Html:
        """Return grid lines and what stands at them."""
        end = f"{TOP + self.height}"
        parts = []
        for value, label in y:
            at = self.up(value)
            parts.append(self.level(value, "grid"))
            parts.append(tag("text", label, x=f"{LEFT - 1.5}%", y=f"{float(at) + 4:.1f}",
                             class_="tick end"))  # fmt: skip
        for value, label in x:
            at = self.across(value)
            parts.append(tag("line", x1=at, x2=at, y1=end, y2=f"{TOP + self.height + 5}",
                             class_="grid"))  # fmt: skip
            parts.append(tag("text", label, x=at, y=f"{TOP + self.height + 20}",
                             class_="tick middle"))  # fmt: skip
        return join(parts)

    def names(self, x: str, y: str = "") -> Html:
        """Return what the axes are called."""
        middle = f"{LEFT + WIDE / 2}%"
        parts = [tag("text", x, x=middle, y=f"{TOP + self.height + 39}", class_="tick middle")]
        if y:
            parts.append(tag("text", y, x=f"{LEFT + 1}%", y=f"{TOP + 14}", class_="tick over"))
        return join(parts)

    def level(self, value: float, class_: str) -> Html:
        """Return a line across the plot."""
        at = self.up(value)
        return tag("line", x1=f"{LEFT}%", x2=f"{LEFT + WIDE}%", y1=at, y2=at, class_=class_)

    def upright(self, value: float, class_: str) -> Html:
        """Return a line from bottom to top."""
        at = self.across(value)
        return tag("line", x1=at, x2=at, y1=str(TOP), y2=str(TOP + self.height), class_=class_)

    def dot(self, x: float, y: float, class_: str, size: float = 4) -> Html:
        """Return a point."""
        return tag("circle", cx=self.across(x), cy=self.up(y), r=f"{size:g}", class_=class_)

    def line(
        self, points: Iterable[tuple[float, float]], class_: str, *, close: bool = False
    ) -> Html:
        """Return a line through points, or an area."""
        low, high = self.x
        path = "L".join(
            f"{(a - low) / (high - low) * _UNITS:.1f} {self._down(b) * _UNITS:.1f}"
            for a, b in points
        )
        return tag(
            "svg",
            tag("path", d=f"M{path}{'Z' if close else ''}", class_=class_),
            x=f"{LEFT}%",
            y=str(TOP),
            width=f"{WIDE}%",
            height=str(self.height),
            viewBox=f"0 0 {_UNITS} {_UNITS}",
            preserveAspectRatio="none",
            aria_hidden="true",
        )

    def whole(self, label: str, *parts: Html) -> Html:
        """Return the picture; `label` says in words what it shows."""
        return tag("svg", *parts, role="img", aria_label=label, width="100%",
                   height=str(self.height + TOP + BOTTOM), class_="plot")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with its interval in a row of names; NaN draws nothing."""

    value: float
    low: float
    high: float
    class_: str


def forest(
    named: Sequence[tuple[str, Sequence[Mark]]],
    span: tuple[float, float],
    ticks: Sequence[tuple[float, str]],
    label: str,
) -> Html:
    """Return one row per name with its marks over a common scale.

    Parameters
    ----------
    named : sequence of (str, marks)
        The names are text beside the drawing.
    span : (float, float)
        The scale.
    ticks : sequence of (float, str)
    label : str
        The same in words.
    """

    def at(value: float) -> str:
        share = (value - span[0]) / (span[1] - span[0])
        return f"{2 + 96 * min(1.0, max(0.0, share)):.2f}%"

    grid = [tag("line", x1=at(v), x2=at(v), y1="0", y2="100%", class_="grid") for v, _ in ticks]
    out = []
    for name, marks in named:
        drawn = []
        for i, mark in enumerate(marks):
            y = f"{100 * (i + 1) / (len(marks) + 1):.1f}%"
            if math.isfinite(mark.low) and math.isfinite(mark.high):
                drawn.append(tag("line", x1=at(mark.low), x2=at(mark.high), y1=y, y2=y,
                                 class_=f"whisker {mark.class_}"))  # fmt: skip
            if math.isfinite(mark.value):
                drawn.append(tag("circle", cx=at(mark.value), cy=y, r="4.5",
                                 class_=f"point {mark.class_}"))  # fmt: skip
        out.append(
            tag(
                "div",
                tag("span", name, class_="who"),
                tag("svg", join(grid), *drawn, width="100%", height="100%", aria_hidden="true"),
                class_="row",
            )
        )
    below = [tag("text", text, x=at(v), y="14", class_="tick middle") for v, text in ticks]
    foot = tag(
        "div",
        tag("span", class_="who"),
        tag("svg", *below, width="100%", height="20", aria_hidden="true"),
        class_="row foot",
    )
    return tag("div", *out, foot, role="img", aria_label=label,
               class_="forest many" if len(named) > 30 else "forest")  # fmt: skip


def legend(*entries: tuple[str, str]) -> Html:
    """Return what the signs mean: (class of the swatch, words)."""
    return tag(
        "ul",
        *(tag("li", tag("span", class_=f"swatch {name}"), words) for name, words in entries),
        class_="legend",
    )
