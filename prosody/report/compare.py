"""Two runs side by side: another month, another judge, other settings. One page, no script needed.

Shares are compared with the range that chance allows (`report.clustered`: rows of one agent or of
one call are not independent), and where that range holds zero the page says that nothing is
decided. The same stretch of sound in both runs is compared one by one. Nothing is compared per
person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prosody.report import speak, totals
from prosody.report.folder import Folder, short
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, figure, grid, listing, paragraph, section, texts
from prosody.results import read as results
from prosody.results.read import Run, clip_id, number
from prosody.results.records import RULES
from prosody.statistics import bootstrap
from prosody.statistics.bootstrap import Counts
from prosody.words import clock

MOST_CHANGED = 500
# From this share of common apologies on, two runs are two looks at the same calls.
MOSTLY = 0.9
_WITHHELD = "withheld"


def compare(first: Path, second: Path, out: Path | None = None, *, lang: str | None = None) -> Path:
    """Write the page that compares two runs, and return it.

    Parameters
    ----------
    first, second : Path
        What ``prosody analyze --out`` wrote, twice.
    out : Path, optional
        Folder for the page; ``compare`` in `second` by default.
    lang : str, optional
        Language of the page; that of the second run by default.

    Raises
    ------
    UsageError
        If one holds no finished run, or `out` holds something else.
    """
    a, b = results.read(first), results.read(second)
    lang = lang or str(b.command.get("lang") or "en")
    texts(lang)
    out = out or second / "compare"
    axes = a.axes and b.axes
    made = texts(lang)["page"]["made"].format(
        date=str(b.head.get("finished_at") or "")[:10], version=b.head.get("prosody_version")
    )
    frame = Frame(lang, f"{a.ident}{b.ident}", made, axes=axes)
    folder = Folder(out)
    folder.put("index.html", Comparison(frame, a, b).page())
    folder.finish()
    return out / "index.html"


class Comparison:
    """Makes the page.

    Parameters
    ----------
    frame : Frame
    a, b : Run
        The first and the second run.
    """

    def __init__(self, frame: Frame, a: Run, b: Run) -> None:
        self.frame, self.a, self.b = frame, a, b
        self.say, self.lang = frame.say, frame.lang
        self.words: dict[str, str] = self.say["compare"]
        before = {clip_id(r): r for r in a.apologies}
        self.pairs = [(before[c], r) for r in b.apologies if (c := clip_id(r)) in before]
        after = {clip_id(r) for r in b.apologies}
        common = 2 * len(before.keys() & after) / max(1, len(before) + len(after))
        self.same_calls = common >= MOSTLY
        # Rows are clustered alike in all tables, so that one sentence holds for all ranges.
        agents = [bootstrap.agents_of(run.recordings) for run in (a, b)]
        self.fewest = min(map(len, agents))
        self.by_agent = self.fewest >= bootstrap.LEAST_AGENTS
        self.decided: list[str] = []
        self.asked = 0

    def page(self) -> str:
        """Return it."""
        say = self.words
        parts = [self._counts()]
        if self.frame.judged:
            parts.append(self._verdicts())
        rules = self._rules()
        parts += [rules] if rules else []
        parts += [
            *(paragraph(text, "small") for text in self._about_ranges()),
            self._same(),
            self._settings(),
        ]
        # What the tables decide is known once they are made, and stands before them.
        return self.frame.page(
            say["title"],
            tag("h1", say["title"]),
            self._which(),
            self._summary(),
            *parts,
            menu=False,
        )

    def _which(self) -> Html:
        say, about = self.words, self.say["about"]
        names = _names(self.a.folder, self.b.folder)
        rows: list[list[Any]] = []
        for key, name, run in (("before", names[0], self.a), ("after", names[1], self.b)):
            row: list[Any] = [say[key], name, str(run.head.get("finished_at") or "")[:10]]
            if self.frame.judged:
                model = run.head.get("model") or {}
                row.append(str(model.get("name") or about["none"]))
            rows.append(row)
        head = [say["run"], say["folder"], say["made"]]
        return grid(None, head + ([about["model"]] if self.frame.judged else []), rows)

    def _summary(self) -> Html:
        """Say what is decided, and what else than the calls may be behind it."""
        say, notes = self.words, []
        if self.same_calls:
            notes.append(say["same_calls"])
        elif not self.asked:
            notes.append(say["nothing_to_compare"])
        if self.frame.judged and _judge(self.a) != _judge(self.b):
            notes.append(say["other_judge"])
        elif self._differences():
            notes.append(say["other_settings"])
        for run, key in ((self.a, "before"), (self.b, "after")):
            if run.head.get("complete") is False:
                notes.append(say["incomplete"].format(run=say[key]))
        found: Html | None = None
        if self.asked and not self.same_calls:
            found = listing(self.decided) if self.decided else paragraph(say["undecided"], "lead")
            by_chance = figure(self.asked / 20, 1, self.lang)
            notes.append(say["by_chance"].format(asked=self.asked, n=by_chance))
        return section(say["summary"], found, *(paragraph(n) for n in notes))

    def _about_ranges(self) -> list[str]:
        """Say what the ranges hold for."""
        say = self.words
        if self.same_calls:
            return [say["same_range"]]
        if self.by_agent:
            return [say["range_text"], say["by_agent"].format(n=self.fewest)]
        if self.fewest:
            few = say["few_agents"].format(n=self.fewest, least=bootstrap.LEAST_AGENTS)
            return [say["range_text"], say["by_call"], few]
        return [say["range_text"], say["by_call"], say["no_agents"]]

    def _counted(self, rows: Iterable[tuple[dict[str, Any], bool]]) -> Counts:
        """Return per agent, or per call, how many of how many rows are so."""
        return bootstrap.count(
            (bootstrap.cluster_of(row, by_agent=self.by_agent), so) for row, so in rows
        )

    # --- shares ---------------------------------------------------------------------------------

    def _head(self, first: str) -> list[Any]:
        say = self.words
        more = [] if self.same_calls else [say["says"]]
        return [first, say["before"], say["after"], say["difference"], *more]

    def _row(self, *cells: Any) -> list[Any]:
        """Return a line that decides nothing."""
        return [*cells] if self.same_calls else [*cells, ""]

    def _counts(self) -> Html:
        say = self.say["overview"]
        rows: list[list[Any]] = []
        for key in ("recordings", "apologies", "failed"):
            x, y = (_count(run, key) for run in (self.a, self.b))
            signed = f"{y - x:+d}".replace("-", "\N{MINUS SIGN}") if y != x else "0"
            rows.append(self._row(say[key], x, y, signed))
        for key in ("with_apology", "complaint_share"):
            rows.append(
                self._share(
                    self.words[key],
                    *(self._counted(_part(run, key)) for run in (self.a, self.b)),
                )
            )
        head = self._head(self.words["what"])
        return section(self.say["page"]["overview"], grid(None, head, rows, class_="numbers"))

    def _share(self, label: str, x: Counts, y: Counts) -> list[Any]:
        """Return a line of a table: both shares, their difference, and what it says."""
        parts = [self._percent(*bootstrap.total(counts)) for counts in (x, y)]
        if not (x and y):
            return self._row(label, *parts, "\N{EN DASH}")
        d, low, high = bootstrap.difference(x, y)
        figures = [figure(100 * v, 0, self.lang) for v in (d, low, high)]
        plus = "+" if d > 0 and figures[0] != "0" else ""
        range_ = self.words["range"].format(low=figures[1], high=figures[2])
        shown = join((plus + figures[0], tag("span", range_, class_="small")), " ")
        if self.same_calls:
            return self._row(label, *parts, shown)
        self.asked += 1
        sure = low > 0 or high < 0
        says = self.words["higher" if d > 0 else "lower"] if sure else self.words["may_be_chance"]
        if sure:
            key = "decided_up" if d > 0 else "decided_down"
            sizes = (abs(d), *sorted((abs(low), abs(high))))
            points = [figure(100 * size, 1, self.lang) for size in sizes]
            self.decided.append(
                self.words[key].format(what=label, before=parts[0], after=parts[1],
                                       points=points[0], low=points[1], high=points[2])
            )  # fmt: skip
        return [label, *parts, shown, tag("strong", says) if sure else says]

    def _percent(self, count: int, of: int) -> str:
        if not of:
            return "\N{EN DASH}"
        return f"{figure(100 * count / of, 0, self.lang)}\N{NO-BREAK SPACE}% ({count}/{of})"

    def _verdicts(self) -> Html:
        words, say = self.say["screen"]["verdict"], self.say["judged"]
        judged = [[r for r in run.apologies if r.get("verdict")] for run in (self.a, self.b)]
        rows = [
            self._share(
                words[v], *(self._counted((r, r["verdict"] == v) for r in part) for part in judged)
            )
            for v in totals.VERDICTS
        ]
        head = self._head(say["sounded"])
        return section(say["verdicts"], grid(None, head, rows, class_="numbers"),
                       paragraph(say["impression"], "small"))  # fmt: skip

    def _rules(self) -> Html | None:
        rows = []
        for name in RULES:
            both = [
                self._counted(totals.graded_by(name, run.recordings)) for run in (self.a, self.b)
            ]
            if any(both):
                rows.append(self._share(self.say["rules"][name]["name"], *both))
        if not rows:
            return None
        say = self.say["overview"]
        head = self._head(say["rule"])
        return section(say["conduct"], grid(None, head, rows, class_="numbers"))

    # --- the same sound, twice ------------------------------------------------------------------

    def _same(self) -> Html:
        """Return what became of the stretches of sound that both runs hold."""
        say = self.words
        if not self.pairs:
            return section(say["changed"], paragraph(say["no_overlap"]))
        one = len(self.pairs) == 1
        same = paragraph(say["same_one"] if one else say["same"].format(n=len(self.pairs)))
        if not self.frame.judged:
            return section(self.say["page"]["apologies"], same)
        changed = [(x, y) for x, y in self.pairs if self._said(x) != self._said(y)]
        names = short([str(r.get("recording")) for _, r in changed])
        rows = [
            [f"{names[str(y.get('recording'))]} {clock(number(y, 'start_s'))}",
             str(y.get("text") or "")[:160], self._said(x), self._said(y)]
            for x, y in changed[:MOST_CHANGED]
        ]  # fmt: skip
        words = self.say["calls"]
        head = [words["call"], words["said"], say["before"], say["after"]]
        more = f"{MOST_CHANGED} / {len(changed)}" if len(changed) > MOST_CHANGED else None
        return section(
            say["changed"],
            same,
            self._moves(),
            paragraph(say["changed_text"], "small") if rows else None,
            grid(None, head, rows) if rows else paragraph(say["none"]),
            paragraph(more) if more else None,
        )

    def _moves(self) -> Html:
        """Return how many went from which outcome to which."""
        words = self.say["screen"]["verdict"]
        kinds = (*totals.VERDICTS, _WITHHELD)
        moves = Counter((x.get("verdict") or _WITHHELD, y.get("verdict") or _WITHHELD)
                        for x, y in self.pairs)  # fmt: skip
        there = [k for k in kinds if any(k in move for move in moves)]
        rows: list[list[Any]] = [
            [words[a], *(moves[a, b] or "\N{EN DASH}" for b in there)] for a in there
        ]
        head = [self.words["from_to"], *(words[b] for b in there)]
        return grid(None, head, rows, class_="numbers")

    def _said(self, row: dict[str, Any]) -> str:
        return speak.verdict(row, self.say)

    # --- what differs ---------------------------------------------------------------------------

    def _differences(self) -> list[list[Any]]:
        facts = [_facts(run, self.say, judged=self.frame.judged) for run in (self.a, self.b)]
        none = self.say["about"]["none"]
        return [
            [key, facts[0].get(key, none), facts[1].get(key, none)]
            for key in sorted({*facts[0], *facts[1]})
            if facts[0].get(key) != facts[1].get(key)
        ]

    def _settings(self) -> Html:
        say, rows = self.words, self._differences()
        head = [self.say["about"]["how"], say["before"], say["after"]]
        body = grid(None, head, rows) if rows else paragraph(say["nothing_differs"])
        return section(say["differs"], body)


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Return the shortest names of two folders that tell them apart."""
    one, other = a.resolve().parts, b.resolve().parts
    depth = next((n for n in range(1, 5) if one[-n:] != other[-n:]), 1)
    return "/".join(one[-depth:]) or str(a), "/".join(other[-depth:]) or str(b)


def _judge(run: Run) -> str:
    return str((run.head.get("model") or {}).get("sha256"))


def _count(run: Run, what: str) -> int:
    if what == "recordings":
        return len(run.recordings)
    if what == "apologies":
        return len(run.apologies)
    return sum(record.get("status") == what for record in run.recordings)


def _part(run: Run, what: str) -> list[tuple[dict[str, Any], bool]]:
    """Return the recordings that count, and which of them are so."""
    if what == "with_apology":
        read = [record for record in run.recordings if record.get("status") != "failed"]
        return [(record, record.get("status") == "ok") for record in read]
    known = [(record, record.get("complaint_without_apology")) for record in run.recordings]
    return [(record, bool(so)) for record, so in known if so is not None]


def _facts(run: Run, say: dict[str, Any], *, judged: bool) -> dict[str, str]:
    """Return what decides the results of a run, flat."""
    about = say["about"]
    out = {"prosody": str(run.head.get("prosody_version"))}
    if judged:
        model = run.head.get("model") or {}
        out[about["model"]] = f"{model.get('name', '')} {str(model.get('sha256') or '')[:16]}"
    for group, values in (run.head.get("settings") or {}).items():
        # Those of `prosody coach` decide nothing here.
        if isinstance(values, dict) and group != "coach" and (judged or group != "verdict"):
            out |= {f"{group}.{k}": str(v) for k, v in values.items()}
    left = ("lang", "engine")  # no result depends on them
    out |= dict(speak.setting(k, v, say) for k, v in run.command.items() if k not in left)
    return out
