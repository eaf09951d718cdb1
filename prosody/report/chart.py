"""Drawings as SVG: the pitch and loudness of an apology, and the bars of its two impressions.

Lines are drawn in a stretched inner picture and words in an outer one that is not, so that letters
keep their size on a phone. Nothing here holds text from a recording.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prosody.report.html import Html, join, tag
from prosody.report.page import figure
from prosody.report.sound import Contours
from prosody.words import clock

WIDE = 2000  # units of the inner picture
PITCH_PX, LOUD_PX, TIME_PX = 170, 80, 22
STEP_S = 0.02


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Return an SVG path through the points, lifted where `y` is NaN."""
    out, drawing = [], False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if math.isnan(b):
            drawing = False
            continue
        out.append(f"{'L' if drawing else 'M'}{a:.0f} {b:.1f}")
        drawing = True
    return "".join(out)


def _band(low: float, high: float) -> Html:
    return tag("rect", x="0", y=f"{min(low, high):.1f}", width=str(WIDE),
               height=f"{abs(high - low):.1f}", class_="band")  # fmt: skip


class Picture:
    """The pitch and loudness lines of one extract.

    Parameters
    ----------
    got : Contours
    window : (float, float)
        The apology, seconds of the call.
    usual : dict
        The agent's baseline measures; empty where there is none.
    """

    def __init__(self, got: Contours, window: tuple[float, float], usual: dict[str, float]) -> None:
        self.got, self.window, self.usual = got, window, usual
        self.length_s = max(0.1, got.end_s - got.start_s)
        step = max(1, round(STEP_S / 0.01))
        self.time = got.time_s[::step]
        self.pitch, self.loud = got.pitch_st[::step], got.loudness[::step]
        inside = (got.time_s >= window[0]) & (got.time_s <= window[1])
        voiced = got.pitch_st[inside & np.isfinite(got.pitch_st)]
        middle = float(np.median(voiced)) if len(voiced) else math.nan
        known = usual.get("pitch_p50_st")
        self.has_usual = known is not None
        everywhere = got.pitch_st[np.isfinite(got.pitch_st)]
        fallback = float(np.median(everywhere)) if len(everywhere) else 0.0
        self.zero = known if known is not None else middle if len(voiced) else fallback

    def x(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where a time lies, in units of the inner picture."""
        return (time_s - self.got.start_s) / self.length_s * WIDE

    def percent(self, time_s: float) -> str:
        """Return where a time lies, as SVG writes it."""
        share = (time_s - self.got.start_s) / self.length_s
        return f"{100 * min(1.0, max(0.0, share)):.2f}%"

    def svg(self, labels: dict[str, str], lang: str, pitch: str, time: str) -> Html:
        """Return the whole picture.

        Parameters
        ----------
        labels : dict
            ``pitch`` and ``loudness``: what each line says, in a sentence for those who cannot see
            it.
        lang : str
        pitch, time : str
            The unit of each axis, as it stands in the picture.
        """
        low, high = self._pitch_range()
        start, end = self.percent(self.window[0]), self.percent(self.window[1])
        width = f"{float(end[:-1]) - float(start[:-1]):.2f}%"
        whole = PITCH_PX + LOUD_PX + TIME_PX
        marks = [tag("rect", x=start, y="0", width=width, height=str(PITCH_PX + LOUD_PX),
                     class_="window")]  # fmt: skip
        for a, b in self.got.pauses:
            wide = f"{100 * (b - a) / self.length_s:.2f}%"
            marks.append(tag("rect", x=self.percent(a), y=str(PITCH_PX), width=wide,
                             height=str(LOUD_PX), class_="pause"))  # fmt: skip
        words = [
            tag("text", self._sign(value, lang), x="4", y=f"{max(13.0, y - 4):.0f}", class_="tick")
            for value, y in self._ticks(low, high)
        ]
        top = self._ticks(low, high)[-1][1]
        words.append(tag("text", pitch, x="34", y=f"{max(13.0, top - 4):.0f}", class_="tick"))
        times = [tag("text", time, x="4", y=str(whole - 5), class_="tick")]
        step = next(s for s in (1, 2, 5, 10, 60) if self.length_s / s <= 12 or s == 60)
        first = math.ceil(self.got.start_s / step) * step
        for t in range(first, int(self.got.end_s) + 1, step):
            share = (t - self.got.start_s) / self.length_s
            if 0.14 <= share <= 0.97:
                times.append(tag("text", clock(t), x=self.percent(t), y=str(whole - 5),
                                 class_="tick time"))  # fmt: skip
        return tag(
            "svg",
            join(marks),
            self._inner(0, PITCH_PX, self._pitch(low, high)),
            self._inner(PITCH_PX, LOUD_PX, self._loudness()),
            join(words),
            join(times),
            tag("line", x1="0", x2="0", y1="0", y2=str(PITCH_PX + LOUD_PX), class_="head"),
            role="img",
            aria_label=f"{labels['pitch']} {labels['loudness']}",
            width="100%",
            height=str(whole),
            class_="picture",
        )

    def _inner(self, top: int, height: int, content: Html) -> Html:
        return tag("svg", content, x="0", y=str(top), width="100%", height=str(height),
                   viewBox=f"0 0 {WIDE} {height}", preserveAspectRatio="none")  # fmt: skip

    def _pitch_range(self) -> tuple[float, float]:
        there = self.pitch[np.isfinite(self.pitch)] - self.zero
        low, high = np.percentile(there, [2, 98]) if len(there) else (-6.0, 6.0)
        return max(-18.0, min(-6.0, float(low) - 1)), min(18.0, max(6.0, float(high) + 1))

    def _y(self, value: float, low: float, high: float) -> float:
        return 8 + (high - value) / (high - low) * (PITCH_PX - 16)

    def _ticks(self, low: float, high: float) -> list[tuple[int, float]]:
        return [(v, self._y(v, low, high)) for v in (-12, -6, 0, 6, 12) if low <= v <= high]

    def _sign(self, value: int, lang: str) -> str:
        return f"+{value}" if value > 0 else figure(value, 0, lang)

    def _pitch(self, low: float, high: float) -> Html:
        parts = []
        if self.has_usual and {"pitch_p20_st", "pitch_p80_st"} <= self.usual.keys():
            edges = [self.usual[n] - self.zero for n in ("pitch_p20_st", "pitch_p80_st")]
            parts.append(_band(*(self._y(e, low, high) for e in edges)))
        parts += [
            tag("line", x1="0", x2=str(WIDE), y1=f"{y:.1f}", y2=f"{y:.1f}",
                class_="zero" if value == 0 else "grid")
            for value, y in self._ticks(low, high)
        ]  # fmt: skip
        values = self.pitch - self.zero
        values = np.where((values < low - 1) | (values > high + 1), np.nan, values)
        y = 8 + (high - values) / (high - low) * (PITCH_PX - 16)
        parts.append(tag("path", d=_line(self.x(self.time), y), class_="pitch"))
        return join(parts)

    def _loudness(self) -> Html:
        usual = [self.usual.get(n) for n in ("loudness_p20", "loudness_p80")]
        top = max([float(np.percentile(self.loud, 99.5)) if len(self.loud) else 1.0,
                   1.2 * (usual[1] or 0.0), 1e-6])  # fmt: skip

        def y(v: NDArray[np.float64]) -> NDArray[np.float64]:
            return LOUD_PX - np.clip(v / top, 0, 1) * (LOUD_PX - 10)

        parts = []
        if usual[0] is not None and usual[1] is not None:
            low, high = y(np.array(usual, np.float64)).tolist()
            parts.append(_band(low, high))
        if len(self.time):
            x = self.x(self.time)
            line = _line(x, y(self.loud))
            parts.append(tag("path", d=f"{line}L{x[-1]:.0f} {LOUD_PX}L{x[0]:.0f} {LOUD_PX}Z",
                             class_="loud"))  # fmt: skip
        parts.append(tag("line", x1="0", x2=str(WIDE), y1="0.5", y2="0.5", class_="zero"))
        return join(parts)


def interval(rating: float, low: float, high: float, label: str) -> Html:
    """Return one impression as a bar from `low` to `high` with a mark at the best guess.

    Parameters
    ----------
    rating, low, high : float
        In standard deviations of listeners' ratings; 0 is the middle, and what lies beyond 2 is
        drawn at the end.
    label : str
        The same in words.
    """

    def at(value: float) -> float:
        return 25 * (min(2.0, max(-2.0, value)) + 2)

    a, b = at(low), at(high)
    parts: Sequence[Html] = (
        tag("line", x1="0%", x2="100%", y1="16", y2="16", class_="scale"),
        tag("line", x1="50%", x2="50%", y1="2", y2="30", class_="middle"),
        tag("rect", x=f"{a:.2f}%", y="9", width=f"{max(0.5, b - a):.2f}%", height="14", rx="7",
            class_="likely"),
        tag("line", x1=f"{at(rating):.2f}%", x2=f"{at(rating):.2f}%", y1="4", y2="28",
            class_="best"),
    )  # fmt: skip
    return tag("svg", *parts, role="img", aria_label=label, width="100%", height="32",
               class_="interval")  # fmt: skip


def shares(parts: Sequence[tuple[str, int]], label: str) -> Html:
    """Return counts as one bar, in the order given.

    Parameters
    ----------
    parts : sequence of (str, int)
        Class of the piece, and how many.
    label : str
        The same in words.
    """
    total = sum(n for _, n in parts) or 1
    at, drawn = 0.0, []
    for name, n in parts:
        wide = 100 * n / total
        drawn.append(tag("rect", x=f"{at:.3f}%", y="0", width=f"{wide:.3f}%", height="26",
                         class_=f"part {name}"))  # fmt: skip
        at += wide
    return tag("svg", *drawn, role="img", aria_label=label, width="100%", height="26",
               class_="shares")  # fmt: skip
