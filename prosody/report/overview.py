"""The overview: how many, how they sounded, what to hear first, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from prosody.report import speak, totals
from prosody.report.apology import file_name
from prosody.report.chart import shares
from prosody.report.complaints import Complaints, complaints
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, figure, grid, listing, paragraph, section
from prosody.report.tables import WholeRun
from prosody.results.read import Run, number
from prosody.statistics import intervals
from prosody.words import clock

LIST = 8  # apologies in a list of the overview


class Overview(WholeRun):
    """Makes the overview; `listed` are the complaints that met no apology."""

    def __init__(
        self,
        frame: Frame,
        run: Run,
        names: Mapping[str, str],
        pages: Mapping[int, int],
        listed: Complaints,
    ) -> None:
        super().__init__(frame, run, names, pages)
        self.listed = listed

    def _percent(self, share: float) -> str:
        return f"{figure(100 * share, 0, self.lang)}\N{NO-BREAK SPACE}%"

    def _range(self, low: float, high: float) -> str:
        return f"{figure(100 * low, 0, self.lang)}\N{EN DASH}{self._percent(high)}"

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
        else:
            parts.append(paragraph(say["no_apologies"]))
        parts.append(self._others())
        if self.judged and run.apologies:
            parts += [self._verdicts(), self._first(), self._withheld()]
        elif run.apologies:
            parts.append(self._missed())
        parts += [self._complaints(), self._rules(), self._teams(), self._failures()]
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

    def _others(self) -> Html | None:
        """Return what else agents said that has the words of an apology and is none."""
        names = self.say["act"]
        found = Counter(
            str(act.get("act"))
            for line in self.run.lines
            for act in line.get("acts") or ()
            if act.get("role") != "customer"
        )
        told = [f"{names[k]}: {found[k]}" for k in names if k != "apology" and found[k]]
        return (
            paragraph(self.say["overview"]["others"].format(acts=", ".join(told))) if told else None
        )

    def _verdicts(self) -> Html | None:
        rows = [r for r in self.run.apologies if r.get("verdict")]
        if not rows:
            return None
        say, screen = self.say["judged"], self.say["screen"]["verdict"]
        counts = Counter(str(r["verdict"]) for r in rows)
        table = []
        for name in totals.VERDICTS:
            low, high = intervals.wilson(counts[name], len(rows))
            word = join((tag("span", class_=f"swatch {name}", aria_hidden="true"), screen[name]))
            table.append([word, counts[name], self._percent(counts[name] / len(rows)),
                          self._range(low, high)])  # fmt: skip
        said = ", ".join(f"{screen[n]} {counts[n]}" for n in totals.VERDICTS)
        chances = [r["sincere"]["p"] for r in rows if r["sincere"].get("p") is not None]
        n, low, high = intervals.expected(chances)
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
                more += f"; {self.say['judged']['side']} {round(100 * p)}\N{NO-BREAK SPACE}%"
            items.append(join((link, tag("span", more, class_="small")), " "))
        return listing(items, class_="hear")

    def _complaints(self) -> Html | None:
        found = complaints(self.run)
        if not found:
            return None
        say = self.say["overview"]
        one = len(found) == 1
        label = say["see_complaints_one"] if one else say["see_complaints"].format(n=len(found))
        return section(
            self.say["page"]["complaints"],
            self.listed.links(LIST),
            tag("p", tag("a", label, href="complaints.html", class_="go"))
            if len(found) > LIST
            else None,
        )

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
            low, high = intervals.wilson(rule.counts["met"], rule.graded)
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
        low, high = intervals.wilson(count, of)
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
