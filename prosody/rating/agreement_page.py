"""The page of `prosody agreement`: figures with their meaning, plots, tables. Without a script."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from prosody import __version__
from prosody.errors import UsageError
from prosody.rating.agreement_words import Words
from prosody.report.chart import shares
from prosody.report.html import Html, join, tag, text
from prosody.report.page import asset, document, grid, listing, paragraph, policy, section
from prosody.report.plots import Mark, Plot, forest, legend
from prosody.statistics.variance_components import reliability_of_mean

MOST_POINTS, MOST_CLIPS = 3000, 40
_MARK = 'data-page="agreement"'


def write(found: dict[str, Any], folder: Path, lang: str = "en") -> Path:
    """Write the page into a folder, and return it.

    Parameters
    ----------
    found : dict
        As `prosody.rating.agreement.agreement` gives it.
    folder : Path
        Made where it is missing. An earlier page of this kind is replaced.
    lang : str
        ``nl`` or ``en``.

    Raises
    ------
    UsageError
        If the folder cannot be made, or holds another page.
    """
    from prosody.results.write import atomic

    path = folder / "index.html"
    body = page(found, lang)
    try:
        if path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise UsageError(f"{path}: another page is there.", "Name another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(path, mode="w", encoding="utf-8", errors="replace") as out:
            out.write(body)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}).", "Name another folder."
        ) from error
    return path


def page(found: dict[str, Any], lang: str) -> str:
    """Return the page as HTML."""
    words = Words(lang)
    say = words.say["page"]
    style = asset("report.css") + asset("agreement.css")
    axes = found["axes"]
    links = [tag("a", words.say["axis"][name], href=f"#{name}") for name in axes]
    body = tag(
        "body",
        tag("a", say["skip"], href="#content", class_="skip"),
        tag(
            "header",
            tag("p", say["name"], class_="name"),
            tag("nav", *links, aria_label=say["contents"]) if len(links) > 1 else None,
        ),
        tag(
            "main",
            tag("h1", say["title"]),
            paragraph(words.say["say"]["no_judgement"], "note"),
            *(_Axis(name, one, words).section() for name, one in axes.items()),
            id="content",
            tabindex="-1",
        ),
        tag("footer", tag("p", f"{say['made'].format(version=__version__)} {say['offline']}")),
        data_page="agreement",
    )
    return document(say["title"], body, lang, style, policy(style, ""))


def _words(sentence: str) -> Html:
    """Return a sentence with commands set as such."""
    parts = text(sentence).split("`")
    return join(tag("code", Html(p)) if i % 2 else Html(p) for i, p in enumerate(parts))


class _Axis:
    """What the page says of one axis."""

    def __init__(self, name: str, axis: dict[str, Any], words: Words) -> None:
        self.name, self.axis, self.words = name, axis, words
        self.say, self.table = words.say["page"], words.say["table"]

    def section(self) -> Html:
        words, axis = self.words, self.axis
        heads = [self.table[n] for n in ("figure", "value", "interval")]
        rows = [
            [join([_words(name), tag("span", _words(meaning), class_="question")]), value, span]
            for name, value, span, meaning in words.figures(axis)
        ]
        remarks = [_words(line) for line in words.remarks(axis)]
        return tag(
            "section",
            tag("h2", words.say["axis"][self.name]),
            paragraph(words.lead(axis), "lead"),
            paragraph(words.grade(axis), "grade"),
            listing(remarks) if remarks else None,
            grid(self._title("figures_title"), heads, rows, class_="figures"),
            *(paragraph(sentence, "note") for sentence in words.base_rate(self.name, axis)),
            self._variance(),
            self._curve(),
            self._raters(),
            self._repeats(),
            self._clips(),
            id=self.name,
            class_="axis-part",
        )

    def _title(self, key: str) -> str:
        """Return the caption of a table; with the axis, so that no two are called the same."""
        return f"{self.table[key]} ({self.words.say['axis'][self.name]})"

    def _part(self, heading: str, *body: Any) -> Html:
        return section(heading, *body, level=3)

    def _variance(self) -> Html | None:
        found = self.axis["variance_shares"]
        if not math.isfinite(found["clip"]):
            return None
        percent = {name: self.words.percent(value) for name, value in found.items()}
        bar = shares(
            [(f"of-{name}", round(1000 * value)) for name, value in found.items()],
            self.say["variance_alt"].format(**percent),
        )
        signs = legend(*((f"of-{n}", f"{self.say[f'part_{n}']}: {percent[n]} %") for n in found))
        return self._part(
            self.say["variance"],
            tag("figure", bar, signs),
            paragraph(self.words.variance(self.axis)),
        )

    def _curve(self) -> Html | None:
        axis, words = self.axis, self.words
        one, low, high = (axis[f"icc2_1{end}"] for end in ("", "_low", "_high"))
        if not one > 0:
            return None
        now, needed = axis["ratings_per_clip"], axis["ratings_for_reliability_80"]
        most = int(min(60, max(10, math.ceil(now) + 2, (needed if needed <= 60 else 0) + 3)))
        plot = Plot((1, most), (0, 1))
        steps = [1 + (most - 1) * i / 100 for i in range(101)]
        parts = []
        if math.isfinite(low) and math.isfinite(high):
            upper = [(k, reliability_of_mean(high, k)) for k in steps]
            lower = [(k, max(0.0, reliability_of_mean(max(low, 0.0), k))) for k in steps]
            parts.append(plot.line([*upper, *reversed(lower)], "band-area", close=True))
        every = 1 if most <= 12 else 5 if most <= 40 else 10
        ticks = [(1.0, "1"), *((float(k), str(k)) for k in range(every, most + 1, every) if k > 1)]
        parts += [
            plot.frame(ticks, [(v / 5, words.number(v / 5, 1)) for v in range(6)]),
            plot.level(0.8, "target"),
            plot.level(0.6, "least"),
            plot.line([(k, reliability_of_mean(one, k)) for k in steps], "curve"),
            plot.upright(now, "now"),
            plot.dot(now, axis["icc2_k"], "point", 6),
            plot.names(self.say["curve_x"]),
        ]
        label = self.say["curve_alt" if needed <= most else "curve_alt_never"].format(
            most=most,
            one=words.number(one),
            now=words.count(round(now, 1)),
            value=words.number(axis["icc2_k"]),
            needed=words.number(needed, 0),
        )
        signs = legend(
            *(
                (name, self.say[f"legend_{name}"])
                for name in ("mean", "band", "now", "target", "fit")
            )
        )
        return self._part(
            self.say["curve"],
            tag("figure", plot.whole(label, *parts), signs),
            paragraph(self.say["curve_text"], "small"),
        )

    def _raters(self) -> Html:
        words, axis, say = self.words, self.axis, self.say
        raters = axis["raters"]
        table = grid(
            self._title("raters_title"),
            list(words.raters_head()),
            list(words.raters(axis)),
            class_="raters",
        )
        parts: list[Any] = []
        if any(math.isfinite(r["correlation_with_rest"]) for r in raters):
            marks = [(r["rater"], [self._mark(r, "correlation_with_rest", "rest"),
                                   self._mark(r, "repeat_correlation", "again")])
                     for r in raters]  # fmt: skip
            ticks = [(v / 2, words.number(v / 2, 1)) for v in range(-2, 3)]
            signs = legend(("rest", say["legend_rest"]), ("again", say["legend_again"]))
            parts.append(tag("figure", forest(marks, (-1, 1), ticks, say["agree_alt"]), signs))
        parts += [paragraph(words.say["say"]["raters_text"], "small"), table]
        out = [self._part(say["agree"], *parts)]
        if any(math.isfinite(r["sd"]) for r in raters):
            marks = [
                (r["rater"], [Mark(r["mean"], r["mean"] - r["sd"], r["mean"] + r["sd"], "use")])
                for r in raters
            ]
            ticks = [(float(v), str(v)) for v in (0, 25, 50, 75, 100)]
            out.append(
                self._part(
                    say["scale"], tag("figure", forest(marks, (0, 100), ticks, say["scale_alt"]))
                )
            )
        return join(out)

    @staticmethod
    def _mark(rater: dict[str, Any], key: str, class_: str) -> Mark:
        return Mark(rater[key], rater[f"{key}_low"], rater[f"{key}_high"], class_)

    def _repeats(self) -> Html | None:
        pairs = self.axis.get("repeat_pairs") or []
        if len(pairs) < 3:
            return None
        plot = Plot((0, 100), (0, 100), 300)
        ticks = [(float(v), str(v)) for v in (0, 25, 50, 75, 100)]
        dots = [plot.dot(a, b, "dot") for a, b in pairs[:MOST_POINTS]]
        label = self.say["repeats_alt"].format(
            n=len(pairs), r=self.words.number(self.axis["repeats"]["correlation"])
        )
        names = plot.names(self.say["repeats_x"], self.say["repeats_y"])
        line = plot.line([(0, 0), (100, 100)], "same")
        picture = plot.whole(label, plot.frame(ticks, ticks), line, *dots, names)
        return self._part(self.say["repeats"], tag("figure", picture, class_="square"))

    def _clips(self) -> Html | None:
        clips = [c for c in self.axis["clips"] if math.isfinite(c["spread"])]
        if not clips:
            return None
        words, say = self.words, self.say
        top = max(10.0, 10 * math.ceil(max(c["spread"] for c in clips) / 10))
        plot = Plot((0, 100), (0, top))
        step = 10 if top <= 50 else 20
        up = [(float(v), str(v)) for v in range(0, int(top) + 1, step)]
        shown = clips[:MOST_POINTS]
        dots = [
            plot.dot(c["mean"], c["spread"], "dot odd" if c["more_than_chance"] else "dot",
                     6 if c["more_than_chance"] else 3.5)
            for c in reversed(shown)
        ]  # fmt: skip
        n = sum(c["more_than_chance"] for c in clips)
        typical = self.axis["typical_disagreement"]
        parts = [plot.frame([(float(v), str(v)) for v in (0, 25, 50, 75, 100)], up), *dots]
        if math.isfinite(typical):
            parts.append(plot.level(typical, "target"))
        parts.append(plot.names(say["clips_x"], say["clips_y"]))
        label = say["clips_alt"].format(n=n, of=len(clips))
        signs = legend(
            ("clip", say["legend_clip"]),
            ("odd", say["legend_disputed"]),
            ("target", say["legend_typical"]),
        )
        most = words.clips(self.axis, MOST_CLIPS)
        title = self._title("clips_title")
        return self._part(
            say["clips"],
            tag("figure", plot.whole(label, *parts), signs),
            paragraph(words.disputed(self.axis)),
            paragraph(words.say["say"]["clips_text"], "small"),
            grid(title, list(words.clips_head()), list(most)),
            paragraph(say["more_clips"].format(n=len(most), of=len(clips)), "small")
            if len(most) < len(clips)
            else None,
        )
