"""The pages about all calls: overview, table of apologies, complaints, failures, about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from prosody.report import speak, totals
from prosody.report.apology import file_name
from prosody.report.chart import shares
from prosody.report.html import Html, data, join, tag
from prosody.report.page import Frame, clock, figure, grid, listing, paragraph, section
from prosody.report.results import Run, clip_id, number
from prosody.rows import RULES

LIST = 8  # apologies in a list of the overview
FAILED_MOST = 2000


class Overview:
    """Makes the pages about all calls.

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

    def _percent(self, share: float) -> str:
        return f"{figure(100 * share, 0, self.lang)} %"

    def _range(self, low: float, high: float) -> str:
        return f"{figure(100 * low, 0, self.lang)}\N{EN DASH}{self._percent(high)}"

    def _name(self, row: dict[str, Any]) -> str:
        return self.names.get(str(row.get("recording")), str(row.get("recording")))

    # --- overview -------------------------------------------------------------------------------

    def index(self) -> str:
        """Return the overview."""
        say, run = self.say["overview"], self.run
        count = len(run.lines)
        lead = say["lead_one"] if count == 1 else say["lead"].format(calls=count)
        inputs = run.head.get("inputs")
        parts: list[Html | None] = [tag("h1", self.say["page"]["title"]), paragraph(lead, "lead")]
        if run.head.get("complete") is False:
            parts.append(paragraph(say["incomplete"].format(done=count, inputs=inputs), "note"))
        parts.append(self._counts())
        if run.apologies:
            label = say["see_all"].format(n=len(run.apologies))
            label = say["see_one"] if len(run.apologies) == 1 else label
            parts.append(tag("p", tag("a", label, href="apologies.html", class_="go")))
        if self.judged:
            parts += [self._verdicts(), self._first(), self._withheld()]
        else:
            parts.append(self._missed())
        parts += [self._rules(), self._teams(), self._failures()]
        return self.frame.page(self.say["page"]["title"], *parts, here="index.html")

    def _counts(self) -> Html:
        say, lines = self.say["overview"], self.run.lines
        status = Counter(str(line.get("status")) for line in lines)
        numbers = (
            (len(lines), "recordings", None),
            (len(self.run.apologies), "apologies", "apologies.html"),
            (status["no_apology"], "no_apology", None),
            (sum(bool(line.get("complaint_without_apology")) for line in lines), "complaint",
             "complaints.html"),
            (status["failed"], "failed", "failed.html"),
        )  # fmt: skip
        items = [
            tag("div", tag("dt", tag("a", say[k], href=to) if to and n else say[k]),
                tag("dd", figure(n, 0, self.lang)))
            for n, k, to in numbers
        ]  # fmt: skip
        return tag("dl", *items, class_="counts")

    def _verdicts(self) -> Html | None:
        rows = [r for r in self.run.apologies if r.get("verdict")]
        if not rows:
            return None
        say, screen = self.say["judged"], self.say["screen"]["verdict"]
        counts = Counter(str(r["verdict"]) for r in rows)
        table = []
        for name in totals.VERDICTS:
            low, high = totals.wilson(counts[name], len(rows))
            word = join((tag("span", class_=f"swatch {name}", aria_hidden="true"), screen[name]))
            table.append([word, counts[name], self._percent(counts[name] / len(rows)),
                          self._range(low, high)])  # fmt: skip
        said = ", ".join(f"{screen[n]} {counts[n]}" for n in totals.VERDICTS)
        chances = [r["sincere"]["p"] for r in rows if r["sincere"].get("p") is not None]
        n, low, high = totals.expected(chances)
        together = say["expected"].format(
            n=figure(n, 0, self.lang), judged=len(chances), low=figure(low, 0, self.lang),
            high=figure(high, 0, self.lang),
        )  # fmt: skip
        model = self.run.head.get("model") or {}
        judge = say["model"].format(name=model.get("name", "?"))
        judge += f" {say['weights']}" if model.get("shipped") else ""
        head = [say["sounded"], self.say["overview"]["count"], say["share"], say["range"]]
        return section(
            say["verdicts"],
            shares([(n, counts[n]) for n in totals.VERDICTS], said),
            grid(None, head, table, class_="numbers"),
            paragraph(together) if len(chances) > 1 else None,
            paragraph(say["verdicts_text"], "small"),
            paragraph(say["caution"], "small"),
            paragraph(judge, "small"),
        )

    def _first(self) -> Html:
        say = self.say["judged"]
        rows = [(i, r) for i, r in enumerate(self.run.apologies) if r.get("verdict")]
        rows.sort(key=lambda e: (number(e[1]["sincere"], "p", 0.5), e[0]))
        forced = [e for e in rows if e[1]["verdict"] == "forced"][:LIST]
        sincere = [e for e in reversed(rows) if e[1]["verdict"] == "sincere"][:LIST]
        halves = [
            section(say[title], self._links(found) if found else paragraph(say["none_such"]))
            for title, found in (("forced_first", forced), ("sincere_first", sincere))
        ]
        return tag("div", *halves, class_="halves")

    def _links(self, found: list[tuple[int, dict[str, Any]]]) -> Html:
        items = []
        for i, row in found:
            at = clock(number(row, "start_s"))
            words = str(row.get("text") or "") or self.say["apology"]["title"].format(
                call=self._name(row), at=at
            )
            link = tag("a", words, href=f"apologies/{file_name(self.pages[i])}")
            more = f"{self._name(row)}, {at}"
            p = row["sincere"].get("p")
            if self.judged and isinstance(p, (int, float)):
                more += f"; {self.say['judged']['side']} {round(100 * p)} %"
            items.append(join((link, tag("span", more, class_="small")), " "))
        return listing(items, class_="hear")

    def _missed(self) -> Html | None:
        first: dict[str, int] = {}
        for i, row in enumerate(self.run.apologies):
            first.setdefault(str(row.get("recording")), i)
        found = []
        for name, i in first.items():
            _, _, missed = totals.graded(self.lines.get(name, {}))
            if missed:
                found.append((-len(missed), i))
        if not found:
            return None
        rows = [(i, self.run.apologies[i]) for _, i in sorted(found)[:LIST]]
        return section(self.say["overview"]["missed_first"], self._links(rows))

    def _withheld(self) -> Html | None:
        say = self.say["judged"]
        why: Counter[str] = Counter()
        for row in self.run.apologies:
            if not row.get("verdict"):
                why.update(str(g) for g in row.get("gates") or ("not_judged",))
        known = {**self.say["screen"]["gate"], "not_judged": self.say["table"]["not_judged"]}
        items = [f"{known.get(g, g)}: {n}" for g, n in why.most_common()]
        body = listing(items) if items else paragraph(self.say["overview"]["withheld_none"])
        return section(say["withheld"], body,
                       paragraph(say["withheld_text"], "small") if items else None)  # fmt: skip

    def _rules(self) -> Html | None:
        found = totals.rules(self.run.lines)
        if not found:
            return None
        say, rules = self.say["overview"], self.say["rules"]
        rows: list[list[Any]] = []
        for name, rule in found.items():
            low, high = totals.wilson(rule.counts["met"], rule.graded)
            none = "\N{EN DASH}"
            rows.append([
                join((tag("span", rules[name]["name"], class_="rule"),
                      tag("span", rules[name]["question"], class_="question")), " "),
                rule.counts["met"] if rule.graded else none,
                rule.counts["not_met"] if rule.graded else none,
                rule.counts["cannot_tell"],
                rule.counts["shown"] or none,
                join((self._percent(rule.counts["met"] / rule.graded), " ",
                      tag("span", f"({self._range(low, high)})", class_="small")))
                if rule.graded else none,
            ])  # fmt: skip
        head = [say[n] for n in ("rule", "met", "not_met", "cannot_tell", "shown", "share_met")]
        return section(
            say["conduct"],
            grid(None, head, rows, class_="numbers rules"),
            paragraph(say["conduct_text"], "small"),
        )

    def _teams(self) -> Html | None:
        found, hidden = totals.teams(self.run.apologies, self.run.lines)
        if not found and not hidden:
            return None
        say, screen = self.say["overview"], self.say["screen"]["verdict"]
        rows: list[list[Any]] = []
        for team in found:
            row: list[Any] = [team.name, team.agents, team.apologies]
            if self.judged:
                for name in totals.VERDICTS:
                    row.append(self._share(team.verdicts[name], team.judged))
            row.append(self._share(team.met, team.graded))
            rows.append(row)
        head = [say["team"], say["agents"], say["apologies"]]
        head += [screen[n] for n in totals.VERDICTS] if self.judged else []
        head.append(say["rules_met"])
        said = say["teams_hidden_one"] if hidden == 1 else say["teams_hidden"].format(n=hidden)
        return section(
            say["teams"],
            grid(None, head, rows, class_="numbers") if rows else None,
            paragraph(said) if hidden else None,
            paragraph(say["teams_text"], "small"),
        )

    def _share(self, count: int, of: int) -> Html | str:
        if not of:
            return "\N{EN DASH}"
        low, high = totals.wilson(count, of)
        return join((self._percent(count / of), " ",
                     tag("span", f"({self._range(low, high)})", class_="small")))  # fmt: skip

    def _failures(self) -> Html:
        say = self.say["overview"]
        failed = [line for line in self.run.lines if line.get("status") == "failed"]
        if not failed:
            return section(say["failures"], paragraph(say["none_failed"]))
        counts = Counter(str(line.get("code")) for line in failed)
        remedies = {str(line.get("code")): speak.failure(line, self.lang, self.same)[1]
                    for line in reversed(failed)}  # fmt: skip
        rows = [[code, n, remedies[code]] for code, n in counts.most_common()]
        return section(
            say["failures"],
            grid(None, [say["code"], say["count"], say["remedy"]], rows),
            paragraph(say["failures_text"], "small"),
            tag("p", tag("a", say["see_failed"].format(n=len(failed)), href="failed.html",
                         class_="go")),
        )  # fmt: skip

    # --- the table ------------------------------------------------------------------------------

    def apologies(self) -> str:
        """Return the page with the table of all apologies."""
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
                aria_sort="none", class_=kind)
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
            paragraph(say["caption"], "small"),
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
        )

    # --- complaints, failures, about ------------------------------------------------------------

    def complaints(self) -> str:
        """Return the page of calls with a complaint and no apology."""
        say = self.say["complaints"]
        found = [line for line in self.run.lines if line.get("complaint_without_apology")]
        untold = sum(line.get("complaint_without_apology") is None and
                     line.get("status") != "failed" for line in self.run.lines)  # fmt: skip
        parts = [tag("h1", self.say["page"]["complaints"])]
        parts.append(paragraph(say["lead"] if found else say["none"], "lead"))
        if untold:
            parts.append(
                paragraph(say["untold_one"] if untold == 1 else say["untold"].format(n=untold))
            )
        for line in found:
            quotes = []
            for rule in ("real", "heard_first", "delay"):
                result = (line.get("conduct") or {}).get(rule) or {}
                quotes += [w for w in result.get("words") or () if w.get("role") == "customer"]
            once = {(w.get("start_s"), w.get("text")): w for w in quotes}.values()
            said = [join((self._when(w), tag("q", str(w.get("text") or "")[:600])), " ")
                    for w in once]  # fmt: skip
            other = [
                join((self._when(a), tag("q", str(a.get("text") or "")[:300]),
                      tag("span", self.say["act"].get(a.get("act"), ""), class_="small")), " ")
                for a in line.get("acts") or () if a.get("role") != "customer"
            ]  # fmt: skip
            parts.append(
                section(
                    self._name(line),
                    tag("h3", say["said"]) if said else None,
                    listing(said) if said else None,
                    tag("h3", say["heard"]) if other else None,
                    listing(other[:12]) if other else None,
                    class_="call",
                )
            )
        return self.frame.page(self.say["page"]["complaints"], *parts, here="complaints.html")

    def _when(self, said: dict[str, Any]) -> Html | None:
        start = said.get("start_s")
        known = isinstance(start, (int, float))
        return tag("span", clock(number(said, "start_s")), class_="at") if known else None

    def failed(self) -> str:
        """Return the page of recordings that were not read."""
        say = self.say["overview"]
        lines = [line for line in self.run.lines if line.get("status") == "failed"]
        rows = [
            [self._name(line), str(line.get("code")), *speak.failure(line, self.lang, self.same)]
            for line in lines[:FAILED_MOST]
        ]
        head = [self.say["apology"]["recording"], say["code"], say["message"], say["remedy"]]
        body = grid(None, head, rows, class_="failures") if rows else None
        return self.frame.page(
            self.say["page"]["failed"],
            tag("h1", self.say["page"]["failed"]),
            paragraph(self.say["failed"]["lead"] if rows else say["none_failed"], "lead"),
            body,
            paragraph(f"{FAILED_MOST} / {len(lines)}") if len(lines) > FAILED_MOST else None,
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
            facts.append([key, say["none"] if value is None else str(value)])
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
