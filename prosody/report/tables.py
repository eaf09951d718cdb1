"""The pages with tables over a whole run: all apologies, what was not read, about the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from prosody.report import speak, totals
from prosody.report.html import Html, data, tag
from prosody.report.page import Frame, grid, paragraph, section
from prosody.results.read import Run, clip_id, name_of, number
from prosody.results.records import RULES

FAILED_MOST = 500  # of one kind


class WholeRun:
    """What pages over a whole run are made from.

    Parameters
    ----------
    frame : Frame
    run : Run
    names : mapping
        Of recordings, for people.
    pages : mapping
        Index of an apology in ``run.apologies`` to its page.
    """

    def __init__(
        self, frame: Frame, run: Run, names: Mapping[str, str], pages: Mapping[int, int]
    ) -> None:
        self.frame, self.run, self.names, self.pages = frame, run, names, pages
        self.say, self.lang = frame.say, frame.lang
        self.judged = not run.measures_only
        self.same = run.command.get("lang") == frame.lang
        self.lines = {str(line.get("recording")): line for line in run.lines}

    def _name(self, row: Mapping[str, Any]) -> str:
        return name_of(self.names, row)


class Tables(WholeRun):
    """Makes the pages with tables."""

    def apologies(self) -> str:
        """Return the page with the table of all apologies."""
        if not self.run.apologies:
            none = paragraph(self.say["overview"]["no_apologies"], "lead")
            title = self.say["page"]["apologies"]
            return self.frame.page(title, tag("h1", title), none, here="apologies.html")
        say, judged = self.say["table"], self.judged
        screen = self.say["screen"]["verdict"]
        rows, languages = [], set()
        graded: dict[str, tuple[int, int, list[int]]] = {}
        for i, row in enumerate(self.run.apologies):
            name = str(row.get("recording"))
            if name not in graded:
                met, of, missed = totals.graded(self.lines.get(name, {}))
                graded[name] = met, of, [RULES.index(m) for m in missed]
            language = str(row.get("language") or "")
            languages.add(language)
            start = number(row, "start_s")
            line: list[Any] = [self.pages[i], self._name(row), round(start, 2),
                               round(number(row, "end_s") - start, 2),
                               str(row.get("text") or "")[:160], language, *graded[name],
                               clip_id(row)]  # fmt: skip
            if judged:
                p = row["sincere"].get("p") if row.get("verdict") else None
                why = "" if row.get("verdict") else speak.gates(row, self.say)
                line += [row.get("verdict") or "", speak.verdict(row, self.say),
                         None if p is None else round(float(p), 4), why]  # fmt: skip
            rows.append(line)
        columns = [("call", "text"), ("at", "number"), ("words", "text"), ("length", "number"),
                   ("conduct", "number")]  # fmt: skip
        heads = [(say[k], k, kind) for k, kind in columns]
        if judged:
            own = self.say["judged"]
            heads[3:3] = [(own["sounded"], "sounded", "text"), (own["side"], "side", "number")]
        top = [
            tag("th", tag("button", label, type="button", data_sort=key), scope="col",
                aria_sort="none",
                class_=f"{kind} wide-only" if key in ("call", "length", "conduct") else kind)
            for label, key, kind in heads
        ]  # fmt: skip
        table = tag(
            "table",
            tag("caption", say["caption"], class_="unseen"),
            tag("thead", tag("tr", *top)),
            tag("tbody", id="rows"),
        )
        controls = [self._field("search", say["search"], tag("input", type="search", id="search"))]
        if judged:
            options = [("", say["any"]), *((n, screen[n]) for n in totals.VERDICTS)]
            if any(not r.get("verdict") for r in self.run.apologies):
                options.append(("-", say["not_judged"]))
            controls.append(self._choice("sounded", self.say["judged"]["filter_verdict"], options))
        ever = {m for _, _, missed in graded.values() for m in missed}
        if ever:
            names = [("", say["any"])]
            names += [(str(m), self.say["rules"][RULES[m]]["name"]) for m in sorted(ever)]
            controls.append(self._choice("rule", say["rule_missed"], names))
        if len(languages) > 1:
            options = [("", say["any"]), *((n or "-", n or "-") for n in sorted(languages))]
            controls.append(self._choice("language", say["language"], options))
        if judged:
            options = [("", say["any"]), ("yes", say["yes"]), ("no", say["no"])]
            controls.append(self._choice("rated", say["rated"], options))
        controls.append(tag("button", say["reset"], type="button", id="clear"))
        words = {k: say[k] for k in ("shown", "none", "sort_by", "page")}
        parts = [
            tag("h1", self.say["page"]["apologies"]),
            tag("form", *controls, class_="filters", id="filters"),
            paragraph(say["caption"], "small wide-only"),
            tag("p", id="count", role="status", class_="small"),
            tag("div", table, class_="wide", role="region", aria_label=say["caption"],
                tabindex="0"),
            tag("nav", tag("button", say["previous"], type="button", id="previous"),
                tag("button", say["next"], type="button", id="next"), class_="pager",
                aria_label=say["pager"]),
            self._export() if judged else None,
            data("data", {"rows": rows, "judged": judged, "words": words}),
        ]  # fmt: skip
        return self.frame.page(
            self.say["page"]["apologies"], *parts, here="apologies.html", script="table.js"
        )

    def _field(self, ident: str, label: str, control: Html) -> Html:
        return tag("p", tag("label", label, for_=ident), control, class_="field")

    def _choice(self, ident: str, label: str, options: list[tuple[str, str]]) -> Html:
        inside = [tag("option", t, value=v) for v, t in options]
        return self._field(ident, label, tag("select", *inside, id=ident))

    def _export(self) -> Html:
        words, say = self.say["apology"], self.say["judged"]
        return section(
            say["rate"],
            tag("p", "", id="rated-share", data_text=say["rated_share"]),
            tag("p", tag("button", words["export"], type="button", id="export"), class_="buttons"),
            paragraph(words["export_text"], "small"),
            class_="own-ratings",
        )

    def failed(self) -> str:
        """Return the page of recordings that were not read."""
        say = self.say["overview"]
        lines = [line for line in self.run.lines if line.get("status") == "failed"]
        found: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
        for line in lines:
            message, remedy = speak.failure(line, self.lang, self.same)
            found[str(line.get("code")), remedy].append([self._name(line), message])
        head = [self.say["apology"]["recording"], say["message"]]
        parts = []
        for (code, remedy), rows in sorted(found.items(), key=lambda e: (-len(e[1]), e[0])):
            body = [
                paragraph(remedy) if remedy else None,
                grid(None, head, rows[:FAILED_MOST], label=f"{code}: {remedy[:120]}",
                     class_="failures"),
                paragraph(f"{FAILED_MOST} / {len(rows)}") if len(rows) > FAILED_MOST else None,
            ]  # fmt: skip
            parts.append(section(f"{code} ({len(rows)})", *body))
        return self.frame.page(
            self.say["page"]["failed"],
            tag("h1", self.say["page"]["failed"]),
            paragraph(self.say["failed"]["lead"] if lines else say["none_failed"], "lead"),
            *parts,
            here="failed.html",
        )

    def about(self) -> str:
        """Return the page that says what this is, and what was run."""
        say, head = self.say["about"], self.run.head
        facts: list[list[Any]] = [
            ["prosody", str(head.get("prosody_version"))],
            [say["settings"], str(head.get("settings_sha256"))[:16]],
        ]
        if self.judged:
            model = head.get("model") or {}
            sha = str(model.get("sha256") or "")[:16]
            facts.append([say["model"], f"{model.get('name', say['none'])} {sha}"])
        for key, value in sorted(self.run.command.items()):
            facts.append([*speak.setting(key, value, self.say)])
        return self.frame.page(
            self.say["page"]["about"],
            tag("h1", self.say["page"]["about"]),
            section(
                say["what"],
                paragraph(say["what_text"]),
                paragraph(say["judgement_text"]) if self.judged else None,
                paragraph(say["people_text"]),
                paragraph(say["pseudonyms_text"]),
            ),
            section(say["run"], grid(None, [say["how"], say["value"]], facts)),
            here="about.html",
        )
