"""The frame of every page: one file with its style and script in it, closed to the outside.

A page opened from ``file://`` has no origin of its own, so browsers differ on what ``'self'`` means
there. Style and script therefore stand in the page, and its Content-Security-Policy names exactly
them, by hash: no other script runs, whatever a transcript holds, and nothing is fetched but
sound that lies in the same folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from prosody.report.form import Form
from prosody.report.html import Html, join, tag, text
from prosody.words import decimal_mark, load

# Where wavesurfer.js lies in a report, once for all pages.
PLAYER = "player/wavesurfer.min.js"
# The pages one can go to from everywhere, with their names in words/report.*.toml.
MENU = (
    ("index.html", "overview"),
    ("calls.html", "calls"),
    ("failed.html", "failed"),
    ("about.html", "about"),
)


@lru_cache(maxsize=8)
def asset(name: str) -> str:
    """Return a style sheet or script of this package."""
    return (resources.files("prosody.report") / "assets" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=32)
def script_of(name: str, *, axes: tuple[str, ...], player: bool = False) -> str:
    """Return a page's script, with the export of ratings where there is something to rate."""
    more = "  var AXES = " + json.dumps(axes) + ";\n" + asset("export.js") if axes else ""
    code = asset("common.js") + (asset("player.js") if player else "") + asset(name)
    return code.replace("  /* EXPORT */\n", more)


@lru_cache(maxsize=32)
def style_of(*, judged: bool, player: bool) -> str:
    """Return a page's style sheet."""
    more = asset("player.css") if player else ""
    return asset("report.css") + more + (asset("judged.css") if judged else "")


@lru_cache(maxsize=64)
def source_hash(source: str) -> str:
    """Return how a Content-Security-Policy names a style or script."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() + "'"


def policy(style: str, script: str, nonce: str = "") -> str:
    """Return the Content-Security-Policy of a page: nothing from outside, only its own script.

    With a `nonce`, wavesurfer.js, which lies beside the pages, may run too, and set its own style.
    """
    more = f" 'nonce-{nonce}'" if nonce else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {source_hash(style)}{more}",
            f"script-src {source_hash(script)}{more}",
            "media-src 'self' file:",  # sound beside the page; Firefox knows no 'self' there
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def document(title: str, body: Html, lang: str, style: str, allowed: str) -> str:
    """Return a whole HTML file: its policy first, its style in it, nothing for search engines."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{text(allowed)}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(style)),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang=lang) + "\n"


def texts(lang: str) -> dict[str, Any]:
    """Return all tables that a report speaks with, by subject."""
    return {**load("report", lang), "screen": load("screen", lang), "rules": load("conduct", lang)}


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages of a report share.

    Parameters
    ----------
    lang : str
    ident : str
        Of the run; what a reader enters is kept under it.
    made : str
        When and with what the results were made.
    same : bool
        Whether the run speaks the reader's language already.
    axes : tuple of str
        What was judged; if nothing, no page holds a word about judgements.
    nonce : str
        Names the one script that lies beside the pages; chosen anew for each report, so that no
        recording can know it.
    form : Form, optional
        A team's own words for rules, and its own questions.
    """

    lang: str
    ident: str
    made: str
    same: bool = False
    axes: tuple[str, ...] = ()
    form: Form | None = None
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def judged(self) -> bool:
        """Whether anything was judged."""
        return bool(self.axes)

    @property
    def say(self) -> dict[str, Any]:
        """The words of the reader's language."""
        return texts(self.lang)

    def page(
        self,
        title: str,
        *body: Any,
        here: str = "",
        up: str = "",
        script: str = "page.js",
        menu: bool = True,
        player: bool = False,
        wide: bool = False,
    ) -> str:
        """Return a whole page.

        Parameters
        ----------
        title : str
        *body : Html
        here : str
            The menu's entry for this page.
        up : str
            ``../`` for pages in a folder.
        script : str
            Name of the script, one of this package's.
        menu : bool
            Whether the page belongs to a report, with others to go to.
        player : bool
            Whether something can be heard on it.
        wide : bool
            Whether it needs the whole width of a screen.
        """
        say = self.say["page"]
        style = style_of(judged=self.judged, player=player)
        code = script_of(script, axes=self.axes, player=player)
        nonce = self.nonce
        links = [
            tag("a", say[name], href=up + file, aria_current="page" if file == here else None)
            for file, name in MENU
        ]
        whole = f"{title} - {say['title']}" if title != say["title"] else title
        inside = tag(
            "body",
            tag("a", say["skip"], href="#content", class_="skip"),
            tag(
                "header",
                tag("p", say["title"], class_="name"),
                tag("nav", *links, aria_label=say["menu"]) if menu else None,
                self._blind() if menu and self.judged else None,
            ),
            tag(
                "main",
                tag(
                    "noscript",
                    tag("p", say["sound_needs" if player else "script_needed"], class_="note"),
                ),
                *body,
                id="content",
                tabindex="-1",
            ),
            tag("footer", tag("p", f"{self.made} {say['offline']}")),
            tag("script", src=up + PLAYER, nonce=nonce, id="wavesurfer") if player else None,
            tag("script", Html(code)),
            data_run=self.ident,
            class_="wide-page" if wide else None,
        )
        return document(whole, inside, self.lang, style, policy(style, code, nonce))

    def _blind(self) -> Html:
        """Return the switch that hides judgements, on every page, until a reader has rated."""
        box = tag("input", type="checkbox", id="blind")
        return tag("label", box, f" {self.say['judged']['rate_first']}", class_="blind js-only")


def figure(value: float, decimals: int, lang: str) -> str:
    """Return a number as people write it in a language."""
    out = f"{value:.{decimals}f}"
    if float(out) == 0:
        out = out.lstrip("-")
    return decimal_mark(out.replace("-", "\N{MINUS SIGN}"), lang)


def grid(
    caption: str | None,
    head: list[Any],
    rows: list[list[Any]],
    *,
    label: str = "",
    **attributes: Any,
) -> Html:
    """Return a table whose first column names its rows; scrolls by itself where it is too wide.

    `label` names it for screen readers where it has no caption.
    """
    top = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in head)))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", c) for c in row[1:]))
            for row in rows]  # fmt: skip
    named = tag("caption", caption) if caption else None
    label = caption or label or str(head[0])
    return tag(
        "div",
        tag("table", named, top, tag("tbody", *body), **attributes),
        class_="wide",
        role="region",
        aria_label=label,
        tabindex="0",
    )


def section(heading: str, *body: Any, class_: str | None = None, level: int = 2) -> Html:
    """Return a part of a page under its heading."""
    return tag("section", tag(f"h{level}", heading), *body, class_=class_)


def paragraph(value: Any, class_: str | None = None) -> Html:
    """Return one paragraph."""
    return tag("p", value, class_=class_)


def listing(items: list[Any], class_: str | None = None) -> Html:
    """Return a list."""
    return tag("ul", join(tag("li", i) for i in items), class_=class_)
