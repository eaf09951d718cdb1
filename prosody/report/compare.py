"""Two runs side by side: another month, another judge, other settings. One page, no script needed.

Shares are compared with the range that chance allows; the same stretch of sound in both runs is
compared one by one. Nothing is compared per person.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from prosody.report import results, speak, totals
from prosody.report.folder import Folder, short
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, clock, figure, grid, paragraph, section, texts
from prosody.report.results import Run, clip_id, number
from prosody.rows import RULES

MOST_CHANGED = 500


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
    judged = not (a.measures_only or b.measures_only)
    made = texts(lang)["page"]["made"].format(
        date=str(b.head.get("finished_at") or "")[:10], version=b.head.get("prosody_version")
    )
    frame = Frame(lang, f"{a.ident}{b.ident}", made, judged=judged)
    folder = Folder(out)
    folder.put("index.html", _Comparison(frame, a, b).page())
    folder.finish()
    return out / "index.html"


class _Comparison:
    def __init__(self, frame: Frame, a: Run, b: Run) -> None:
        self.frame, self.a, self.b = frame, a, b
        self.say, self.lang = frame.say, frame.lang

    def page(self) -> str:
        say = self.say["compare"]
        names = [_name(run.folder) for run in (self.a, self.b)]
        lead = say["lead"].format(a=names[0], b=names[1])
        parts: list[Html | None] = [tag("h1", say["title"]), paragraph(lead, "lead")]
        parts.append(self._counts())
        if self.frame.judged:
            parts.append(self._verdicts())
        parts += [self._rules(), paragraph(say["range_text"], "small"), self._same(),
                  self._settings()]  # fmt: skip
        return self.frame.page(say["title"], *parts, menu=False)

    def _head(self, first: str) -> list[Any]:
        say = self.say["compare"]
        return [first, say["before"], say["after"], say["difference"]]

    def _counts(self) -> Html:
        say = self.say["overview"]
        rows = []
        for key in ("recordings", "apologies", "no_apology", "complaint", "failed"):
            x, y = (_count(run, key) for run in (self.a, self.b))
            rows.append(
                [say[key], x, y, f"{y - x:+d}".replace("-", "\N{MINUS SIGN}") if y != x else "0"]
            )
        return section(self.say["page"]["overview"],
                       grid(None, self._head(self.say["compare"]["what"]), rows,
                            class_="numbers"))  # fmt: skip

    def _share(self, label: Any, x: int, of_x: int, y: int, of_y: int) -> list[Any]:
        if not (of_x and of_y):
            none = "\N{EN DASH}"
            return [label, self._part(x, of_x), self._part(y, of_y), none]
        d, low, high = totals.difference(x, of_x, y, of_y)
        said = [figure(100 * v, 0, self.lang) for v in (d, low, high)]
        plus = "+" if d > 0 and not said[0].startswith("0") else ""
        span = tag("span", f"({said[1]} \N{HORIZONTAL ELLIPSIS} {said[2]})", class_="small")
        return [label, self._part(x, of_x), self._part(y, of_y), join((plus + said[0], span), " ")]

    def _part(self, count: int, of: int) -> str:
        if not of:
            return "\N{EN DASH}"
        return f"{figure(100 * count / of, 0, self.lang)} % ({count}/{of})"

    def _verdicts(self) -> Html:
        counts = [Counter(str(r["verdict"]) for r in run.apologies if r.get("verdict"))
                  for run in (self.a, self.b)]  # fmt: skip
        words = self.say["screen"]["verdict"]
        rows = [
            self._share(words[v], counts[0][v], counts[0].total(), counts[1][v], counts[1].total())
            for v in totals.VERDICTS
        ]
        say = self.say["judged"]
        head = [say["sounded"], *self._head("")[1:]]
        return section(say["verdicts"], grid(None, head, rows, class_="numbers"),
                       paragraph(say["impression"], "small"))  # fmt: skip

    def _rules(self) -> Html | None:
        found = [totals.rules(run.lines) for run in (self.a, self.b)]
        rows = []
        for name in RULES:
            x, y = (f.get(name, totals.Rule()) for f in found)
            if x.graded or y.graded:
                label = self.say["rules"][name]["name"]
                rows.append(self._share(label, x.counts["met"], x.graded, y.counts["met"],
                                        y.graded))  # fmt: skip
        if not rows:
            return None
        say = self.say["overview"]
        return section(say["conduct"], grid(None, self._head(say["rule"]), rows, class_="numbers"))

    def _same(self) -> Html:
        """Return what became of the stretches of sound that both runs hold."""
        say = self.say["compare"]
        before = {clip_id(r): r for r in self.a.apologies}
        pairs = [(before[c], r) for r in self.b.apologies if (c := clip_id(r)) in before]
        if not pairs:
            return section(say["changed"], paragraph(say["no_overlap"]))
        same = paragraph(say["same"].format(n=len(pairs)))
        if not self.frame.judged:
            return section(self.say["page"]["apologies"], same)
        changed = [(x, y) for x, y in pairs if self._said(x) != self._said(y)]
        names = short([str(r.get("recording")) for _, r in changed])
        rows = [
            [f"{names[str(y.get('recording'))]} {clock(number(y, 'start_s'))}",
             str(y.get("text") or "")[:160], self._said(x), self._said(y)]
            for x, y in changed[:MOST_CHANGED]
        ]  # fmt: skip
        words = self.say["table"]
        head = [words["call"], words["words"], say["before"], say["after"]]
        more = f"{MOST_CHANGED} / {len(changed)}" if len(changed) > MOST_CHANGED else None
        return section(
            say["changed"],
            same,
            paragraph(say["changed_text"], "small"),
            grid(None, head, rows) if rows else paragraph(say["none"]),
            paragraph(more) if more else None,
        )

    def _said(self, row: dict[str, Any]) -> str:
        return speak.verdict(row, self.say)

    def _settings(self) -> Html:
        say, about = self.say["compare"], self.say["about"]
        facts = [_facts(run, about, judged=self.frame.judged) for run in (self.a, self.b)]
        none = about["none"]
        rows = [
            [key, facts[0].get(key, none), facts[1].get(key, none)]
            for key in sorted({*facts[0], *facts[1]})
            if facts[0].get(key) != facts[1].get(key)
        ]
        head = [about["how"], say["before"], say["after"]]
        body = grid(None, head, rows) if rows else paragraph(say["nothing_differs"])
        return section(say["differs"], body)


def _name(folder: Path) -> str:
    return folder.resolve().name or str(folder)


def _count(run: Run, what: str) -> int:
    if what == "recordings":
        return len(run.lines)
    if what == "apologies":
        return len(run.apologies)
    if what == "complaint":
        return sum(bool(line.get("complaint_without_apology")) for line in run.lines)
    return sum(line.get("status") == what for line in run.lines)


def _facts(run: Run, say: dict[str, str], *, judged: bool) -> dict[str, str]:
    """Return what decides the results of a run, flat."""
    out = {"prosody": str(run.head.get("prosody_version"))}
    if judged:
        model = run.head.get("model") or {}
        out[say["model"]] = f"{model.get('name', '')} {str(model.get('sha256') or '')[:16]}"
    for group, values in (run.head.get("settings") or {}).items():
        if isinstance(values, dict) and (judged or group != "verdict"):
            out |= {f"{group}.{k}": str(v) for k, v in values.items()}
    out |= {k: str(v) for k, v in run.command.items()}
    return out
