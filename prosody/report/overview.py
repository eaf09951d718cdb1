"""The overview page: three sentences, the calls to hear first, and what stands behind them."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any
from urllib.parse import urlencode

from prosody.report import speak, totals
from prosody.report.call import NONE, file_name
from prosody.report.chart import shares
from prosody.report.html import Html, join, tag
from prosody.report.page import figure, grid, listing, paragraph, section
from prosody.report.tables import WholeRun, other_acts
from prosody.results import reasons_to_hear
from prosody.results.read import number
from prosody.statistics import intervals

FIRST = 5  # calls that the third sentence names
LIST = 10  # in the list below it
LEAST_SHARE_OF = 5  # calls; of fewer no share is said where there are others


def filtered(**chosen: str) -> str:
    """Return a link to the table of calls with filters set."""
    return f"calls.html#{urlencode(chosen)}"


class Overview(WholeRun):
    """Makes the overview."""

    def _percent(self, share: float) -> str:
        return f"{figure(100 * share, 0, self.lang)}\N{NO-BREAK SPACE}%"

    def _range(self, low: float, high: float) -> str:
        return f"{figure(100 * low, 0, self.lang)}\N{EN DASH}{self._percent(high)}"

    def index(self) -> str:
        """Return the overview."""
        say, run = self.say["overview"], self.run
        inputs, count = run.head.get("inputs"), len(run.recordings)
        parts: list[Html | None] = [
            tag("h1", self.say["page"]["overview"], class_="unseen"),
            paragraph(self._about(), "file"),
            self._sentences(),
        ]
        if run.head.get("complete") is False:
            parts.append(paragraph(say["incomplete"].format(done=count, inputs=inputs), "note"))
        parts += [self._list(), self._rules(), self._counts(), self._others()]
        if self.judged and run.apologies:
            parts += [self._verdicts(), self._withheld()]
        parts += [self._teams(), self._failures()]
        return self.frame.page(self.say["page"]["title"], *parts, here="index.html")

    # --- three sentences ------------------------------------------------------------------------

    def _about(self) -> str:
        """Return what was run: how much, from when, of which team, judged by what."""
        say = self.say["overview"]
        dates = sorted({d for c in self.calls if (d := self.date(c.record))})
        period = ""
        if dates:
            key = "period" if len(dates) > 1 else "period_one"
            period = say[key].format(first=dates[0], last=dates[-1])
        names = sorted({str(record.get("team") or "") for record in self.run.recordings} - {""})
        teams = ""
        if len(names) == 1:
            teams = say["team_one"].format(name=names[0])
        elif names:
            teams = say["teams_some"].format(n=len(names))
        model = (self.run.head.get("model") or {}).get("name", "?")
        judged = say["judged_by"].format(name=model) if self.judged else say["measured_only"]
        calls = len(self.run.recordings)
        return str(say["run_one" if calls == 1 else "run"].format(
            calls=calls, read=self._read(), minutes=self._minutes(), period=period, teams=teams,
            judged=judged,
        ))  # fmt: skip

    def _read(self) -> int:
        """Return in how many calls words could be looked at."""
        return sum(bool(record.get("conduct")) for record in self.run.recordings)

    def _minutes(self) -> str:
        seconds = sum(number(record, "duration_s") for record in self.run.recordings)
        return figure(math.ceil(seconds / 60), 0, self.lang)

    def _sentences(self) -> Html:
        if not self.calls:
            return paragraph(self.say["overview"]["none_read"], "in-three")
        names = []
        for call in self.calls[:FIRST]:
            if call.reasons:
                names.append(tag("a", call.name, href=file_name(call.page)))
        third = self.say["overview"]["third" if names else "third_none"]
        last = join((third, join(names, ", "), "." if names else ""))
        first = [t for t in (self._first(), self._second()) if t]
        return tag("p", join([*first, last], " "), class_="in-three")

    def _first(self) -> str:
        """Return the rule most often missed: after complaints where there are enough of them."""
        say = self.say["overview"]
        if not self.run.apologies:
            felt = sum(reasons_to_hear.felt(c.record) for c in self.calls)
            return str(say["first_felt" if felt else "first_no_apology"].format(
                n=felt, calls=len(self.calls), minutes=self._minutes(), transcripts=self._read()
            ))  # fmt: skip
        spoken = [record for record in self.run.recordings if record.get("apologies")]
        after = [record for record in spoken if reasons_to_hear.complained(record)]
        for key, records in (("first_complaint", after), ("first_apology", spoken)):
            found = totals.rules(records)
            most = [(r.counts["not_met"] / r.graded, r.graded, name) for name, r in found.items()
                    if r.graded >= (LEAST_SHARE_OF if key == "first_complaint" else 1)]  # fmt: skip
            if most and max(most)[0] > 0:
                share, of, name = max(most)
                text = say[key].format(
                    share=self._percent(share),
                    of=of,
                    missed=self.say["missed"][name],
                    n=found[name].counts["not_met"],
                )
                return str(text)
            if most and key == "first_apology":
                return str(say["first_all_met"].format(of=max(of for _, of, _ in most)))
        return str(say["first_no_rules"])

    def _second(self) -> str:
        say = self.say["overview"]
        complaints = sum(bool(reasons_to_hear.complained(c.record)) for c in self.calls)
        alone = sum(bool(c.record.get("complaint_without_apology")) for c in self.calls)
        if not complaints:
            return str(say["second_none"])
        if not alone:
            return str(say["second_all"].format(n=complaints))
        if alone == complaints == 1:
            return str(say["second_of_one"])
        return str(say["second_one" if alone == 1 else "second"].format(n=alone, of=complaints))

    # --- the list -------------------------------------------------------------------------------

    def _list(self) -> Html:
        say = self.say["overview"]
        items = []
        for call in [c for c in self.calls if c.reasons][:LIST]:
            why = self.why(call.reasons)
            link = tag("a", call.name, href=file_name(call.page))
            quote = tag("q", call.quote, class_="small") if call.quote else None
            items.append(join((link, why, quote)))
        text = say["hear_text"].format(judged=say["hear_text_judged"] if self.judged else "")
        all_calls = say["all_calls"].format(n=len(self.calls))
        to_all = tag("p", tag("a", all_calls, href="calls.html", class_="go"))
        if not items:
            return to_all
        listed = tag("ol", *(tag("li", i) for i in items), class_="hear")
        return section(say["hear_first"], listed, to_all, paragraph(text, "small"))

    # --- behind them ----------------------------------------------------------------------------

    def _counts(self) -> Html:
        say, records = self.say["overview"], self.run.recordings
        status = Counter(str(record.get("status")) for record in records)
        numbers = (
            (len(records), "recordings", "calls.html"),
            (status["ok"], "with_apology", filtered(apology="yes")),
            (status["no_apology"], "no_apology", filtered(apology="no")),
            (sum(bool(record.get("complaint_without_apology")) for record in records), "complaint",
             filtered(why="complaint_without_apology")),
            (status["poor_words"], "poor_words", filtered(apology="unknown")),
            (status["failed"], "failed", "failed.html"),
        )  # fmt: skip
        items = [
            tag("div", tag("dt", tag("a", say[k], href=to) if n else say[k]),
                tag("dd", figure(n, 0, self.lang)))
            for n, k, to in numbers if n or k != "poor_words"
        ]  # fmt: skip
        poor = paragraph(say["poor_text"], "small") if status["poor_words"] else None
        return join((tag("dl", *items, class_="counts"), poor))

    def _others(self) -> Html | None:
        """Return what else agents said that has the words of an apology, and for whom not known."""
        say, names = self.say["overview"], self.say["act"]
        found = Counter(act for call in self.calls for act in other_acts(call.record))
        counts = [
            join((tag("a", names[k], href=filtered(act=k)), f": {found[k]}"))
            for k in names
            if found[k]
        ]
        untold = sum(
            record.get("complaint_without_apology") is None
            and not reasons_to_hear.felt(record)
            and record.get("status") not in ("failed", "poor_words")
            for record in self.run.recordings
        )
        parts: list[Any] = []
        if counts:
            before, _, after = say["other_acts"].partition("{acts}")
            parts.append(paragraph(join((before, join(counts, ", "), after))))
        if untold:
            key = "untold_one" if untold == 1 else "untold"
            parts.append(paragraph(say[key].format(n=untold)))
        return join(parts) if parts else None

    def _rules(self) -> Html | None:
        found = totals.rules(self.run.recordings)
        if not found:
            return None
        say, rules = self.say["overview"], self.say["rules"]
        ordered = sorted(found.items(), key=lambda e: (-e[1].counts["not_met"], -e[1].graded))
        rows: list[list[Any]] = []
        for name, rule in ordered:
            if self.frame.form and not self.frame.form.has(name):
                continue
            low, high = intervals.wilson(rule.counts["not_met"], rule.graded)
            missed = rule.counts["not_met"]
            asked = (self.frame.form and self.frame.form.words(name)) or rules[name]["question"]
            rows.append([
                join((tag("span", rules[name]["name"], class_="rule"),
                      tag("span", asked, class_="question")), " "),
                tag("a", missed, href=filtered(rule=name)) if missed else
                (0 if rule.graded else NONE),
                join((self._percent(missed / rule.graded), " ",
                      tag("span", f"({self._range(low, high)})", class_="small")))
                if rule.graded else NONE,
                rule.counts["met"] if rule.graded else NONE,
                rule.counts["cannot_tell"],
                rule.counts["shown"] or NONE,
            ])  # fmt: skip
        head = [say[n] for n in ("rule", "not_met", "share_missed", "met", "cannot_tell", "shown")]
        return section(
            say["conduct"],
            grid(None, head, rows, class_="numbers rules"),
            paragraph(say["conduct_text"], "small"),
        )

    def _verdicts(self) -> Html | None:
        rows = [r for r in self.run.apologies if r.get("verdict")]
        if not rows:
            return None
        say, screen = self.say["judged"], self.say["screen"]["verdict"]
        counts = Counter(str(r["verdict"]) for r in rows)
        calls = Counter(v for c in self.calls for v in {r.get("verdict") for r in c.rows})
        table = []
        for name in totals.VERDICTS:
            low, high = intervals.wilson(counts[name], len(rows))
            word = join((tag("span", class_=f"swatch {name}", aria_hidden="true"), screen[name]))
            shown = tag("a", counts[name], href=filtered(sounded=name)) if counts[name] else 0
            within = say["in_call" if calls[name] == 1 else "in_calls"].format(n=calls[name])
            shown = join((shown, " ", tag("span", within, class_="small")))
            table.append([word, shown, self._percent(counts[name] / len(rows)),
                          self._range(low, high)])  # fmt: skip
        counted = ", ".join(f"{screen[n]} {counts[n]}" for n in totals.VERDICTS)
        chances = [r["sincere"]["p"] for r in rows if r["sincere"].get("p") is not None]
        n, low, high = intervals.expected(chances)
        together = say["expected"].format(
            n=figure(n, 0, self.lang), judged=len(chances), low=figure(low, 0, self.lang),
            high=figure(high, 0, self.lang),
        )  # fmt: skip
        model = self.run.head.get("model") or {}
        judge = say["model"].format(name=model.get("name", "?"))
        judge += f" {say['weights']}" if model.get("shipped") else ""
        head = [say["sounded"], self.say["overview"]["apologies"], say["share"], say["range"]]
        return section(
            say["verdicts"],
            self.learnt(),
            shares([(n, counts[n]) for n in totals.VERDICTS], counted),
            grid(None, head, table, class_="numbers"),
            paragraph(together) if len(chances) > 1 else None,
            paragraph(say["verdicts_text"], "small"),
            paragraph(say["caution"], "small"),
            paragraph(judge, "small"),
            class_="judged-only",
        )

    def _withheld(self) -> Html | None:
        say = self.say["judged"]
        why: Counter[str] = Counter()
        for row in self.run.apologies:
            if not row.get("verdict"):
                why.update(str(g) for g in row.get("gates") or ("not_judged",))
        if not why:
            return paragraph(self.say["overview"]["withheld_none"], "small judged-only")
        known = {**self.say["screen"]["gate"], "not_judged": self.say["calls"]["not_judged"]}
        items = [f"{known.get(g, g)}: {n}" for g, n in why.most_common()]
        return section(say["withheld"], listing(items), paragraph(say["withheld_text"], "small"),
                       class_="judged-only")  # fmt: skip

    def _teams(self) -> Html | None:
        found, hidden = totals.teams(self.run.apologies, self.run.recordings)
        if not found and not hidden:
            return None
        say, screen = self.say["overview"], self.say["screen"]["verdict"]
        sentence = say["teams_hidden_one"] if hidden == 1 else say["teams_hidden"].format(n=hidden)
        if not found:
            return paragraph(f"{sentence} {say['teams_text']}", "small")
        rows: list[list[Any]] = []
        for team in found:
            row: list[Any] = [team.name, team.agents, team.apologies]
            if self.judged:
                for name in totals.VERDICTS:
                    row.append(tag("span", self._share(team.verdicts[name], team.judged),
                                   class_="judged-only"))  # fmt: skip
            row.append(self._share(team.met, team.graded))
            rows.append(row)
        head = [say["team"], say["agents"], say["apologies"]]
        head += [screen[n] for n in totals.VERDICTS] if self.judged else []
        head.append(say["rules_met"])
        return section(
            say["teams"],
            grid(None, head, rows, class_="numbers"),
            paragraph(sentence) if hidden else None,
            paragraph(say["teams_text"], "small"),
        )

    def _share(self, count: int, of: int) -> Html | str:
        if not of:
            return NONE
        low, high = intervals.wilson(count, of)
        return join((self._percent(count / of), " ",
                     tag("span", f"({self._range(low, high)})", class_="small")))  # fmt: skip

    def _failures(self) -> Html:
        say = self.say["overview"]
        failed = [record for record in self.run.recordings if record.get("status") == "failed"]
        if not failed:
            return paragraph(say["none_failed"], "small")
        counts = Counter(str(record.get("code")) for record in failed)
        remedies = {str(record.get("code")): speak.failure(record, self.lang, self.frame.same)[1]
                    for record in reversed(failed)}  # fmt: skip
        rows = [
            [speak.fault(code, self.lang), n, remedies[code]] for code, n in counts.most_common()
        ]
        return section(
            say["failures"],
            grid(None, [say["fault"], say["count"], say["remedy"]], rows),
            paragraph(say["failures_text"], "small"),
            tag("p", tag("a", say["see_failed"].format(n=len(failed)), href="failed.html",
                         class_="go")),
        )  # fmt: skip
