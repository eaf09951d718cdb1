"""The pages with tables over a whole run: all calls, what was not read, about the run."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prosody.report import review, speak, totals
from prosody.report.call import NONE, file_name
from prosody.report.html import Html, data, join, tag
from prosody.report.page import Frame, grid, paragraph, section
from prosody.results import reasons_to_hear
from prosody.results.parquet import date_of
from prosody.results.read import Run, clip_id, name_of, number
from prosody.results.records import RULES
from prosody.transcripts.turns import Turn
from prosody.words import clock

FAILED_MOST = 500  # of one kind
LONGEST_QUOTE = 100  # letters
TEXTS = "texts.js"


@dataclass(frozen=True, slots=True)
class Call:
    """One call in the order of the list: its page, its record, its apologies in brief."""

    page: int
    record: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    name: str
    reasons: tuple[str, ...]
    quote: str


def ranked(run: Run, names: dict[str, str]) -> list[Call]:
    """Return the calls that were read, those most worth hearing first.

    By the weight of their reasons, then by rules missed, then by date and name; never by anything
    about a person.
    """
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in run.apologies:
        rows[str(row.get("recording"))].append(row)
    found = []
    for record in run.recordings:
        if record.get("status") == "failed":
            continue
        own = rows.get(str(record.get("recording")), [])
        why = reasons_to_hear.reasons(record, own, judged=run.judged)
        missed = len(totals.graded(record)[2])
        key = (-reasons_to_hear.weight(why), -missed, str(record.get("started_at") or ""),
               str(record.get("recording")))  # fmt: skip
        found.append((key, record, own, why))
    found.sort(key=lambda e: e[0])
    return [
        Call(i, record, tuple(own), name_of(names, record), why, _quote(record, own))
        for i, (_, record, own, why) in enumerate(found, 1)
    ]


def other_acts(record: dict[str, Any]) -> set[str]:
    """Return what a call holds that has the words of an apology and is none; not the customer's."""
    acts = [a for a in record.get("acts") or () if isinstance(a, dict)]
    return {str(a.get("act")) for a in acts if a.get("role") != "customer"} - {"apology"}


def _quote(record: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Return the words that tell most of a call: the complaint that nobody met, or the apology."""
    quotes = [str(w.get("text") or "") for w in reasons_to_hear.complaint_words(record)]
    if rows:
        quotes = [str(r.get("text") or "") for r in rows]
    words = next((s for s in quotes if s), "")
    return words if len(words) <= LONGEST_QUOTE else f"{words[:LONGEST_QUOTE]} ..."


def in_sentence(quote: str, turns: Sequence[Turn], start_s: float) -> str:
    """Return quoted words from the start of their sentence, in the turn nearest to a time."""
    words = quote.removesuffix(" ...")
    near = [t for t in turns if words and words in t.text]
    if not near:
        return quote
    turn = min(near, key=lambda t: max(t.start_s - start_s, start_s - t.end_s, 0.0))
    before = turn.text[: turn.text.index(words)]
    lead = re.split(r"(?<=[.?!])\s+", before)[-1]
    room = LONGEST_QUOTE - len(quote)
    if len(lead) > room:
        lead = f"... {lead[-room:].partition(' ')[2]}" if room > 0 else ""
    return lead + quote


class WholeRun:
    """What pages over a whole run are made from.

    Parameters
    ----------
    frame : Frame
    run : Run
    calls : sequence of Call
        In the order of the list.
    """

    def __init__(self, frame: Frame, run: Run, calls: Sequence[Call]) -> None:
        self.frame, self.run, self.calls = frame, run, calls
        self.say, self.lang = frame.say, frame.lang
        self.judged = frame.judged

    def why(self, reasons: Sequence[str]) -> Html:
        """Return why a call is worth hearing, the weightiest in front."""
        names = self.say["hear"]
        sentences = [
            tag("span", names[r], class_="judged-only" if r in review.ABOUT_JUDGEMENTS else None)
            for r in reasons
        ]
        return tag("span", *sentences, class_="why")

    def learnt(self) -> Html | None:
        """Return what the shipped judge was learnt from, wherever its judgements are summed up."""
        shipped = self.judged and (self.run.head.get("model") or {}).get("shipped")
        return paragraph(self.say["judged"]["learnt"]) if shipped else None

    def date(self, record: dict[str, Any]) -> str:
        """Return the date of a call; '' where it is not known."""
        return date_of(str(record.get("started_at") or ""))


class Tables(WholeRun):
    """Makes the pages with tables; `names` are those of recordings, for people."""

    def __init__(
        self, frame: Frame, run: Run, calls: Sequence[Call], names: dict[str, str]
    ) -> None:
        super().__init__(frame, run, calls)
        self.names = names

    def calls_page(self) -> str:
        """Return the page with the table of all calls.

        The rows stand in the page for readers without JavaScript and for print; with it they are
        taken from there, fifty at a time.
        """
        say = self.say["calls"]
        columns = [("order", "number"), ("call", "text"), ("why", "number"), ("said", "text"),
                   ("missed", "number"), ("length", "number")]  # fmt: skip
        top = [
            tag("th", tag("button", say[key], type="button", data_sort=key), scope="col",
                aria_sort="none", class_="wide-only" if key in ("order", "length") else None)
            for key, _ in columns
        ]  # fmt: skip
        plain = [tag("th", say[key], scope="col") for key, _ in columns]
        rows = join(self._row(call) for call in self.calls)
        still = tag("table", tag("thead", tag("tr", *plain)), tag("tbody", rows), class_="calls")
        table = tag(
            "table",
            tag("caption", say["caption"], class_="unseen"),
            tag("thead", tag("tr", *top)),
            tag("tbody", id="rows"),
            class_="calls",
        )
        words = {k: say[k] for k in ("shown", "none", "searching")}
        parts = [
            tag("h1", self.say["page"]["calls"]),
            tag("form", *self._controls(), class_="filters", id="filters"),
            tag("p", id="count", role="status", class_="small"),
            tag("div", table, class_="wide js-only", role="region", aria_label=say["caption"],
                tabindex="0"),
            tag("noscript", still, id="all-rows"),
            tag("nav", tag("button", say["previous"], type="button", id="previous"),
                tag("button", say["next"], type="button", id="next"), class_="pager",
                aria_label=say["pager"]),
            self._export() if self.judged and self.run.apologies else None,
            review.Review(self.frame).export(),
            data("data", {"words": words, "judged": self.judged, "texts": TEXTS,
                          "nonce": self.frame.nonce}),
        ]  # fmt: skip
        return self.frame.page(
            self.say["page"]["calls"], *parts, here="calls.html", script="table.js", wide=True
        )

    def _controls(self) -> list[Html]:
        say = self.say["calls"]
        any_ = ("", say["any"])
        controls = [self._field("search", say["search"], tag("input", type="search", id="search"))]
        reasons = {r for c in self.calls for r in c.reasons}
        if reasons:
            options = [any_, *((r, self.say["hear"][r]) for r in reasons_to_hear.WEIGHTS
                               if r in reasons)]  # fmt: skip
            controls.append(self._choice("why", say["why_filter"], options))
        missed = {m for c in self.calls for m in totals.graded(c.record)[2]}
        if missed:
            options = [any_, *((m, self.say["rules"][m]["name"]) for m in RULES if m in missed)]
            controls.append(self._choice("rule", say["rule_missed"], options))
        yes_no = [any_, ("yes", say["yes"]), ("no", say["no"])]
        controls.append(self._choice("complaint", say["complaint"], yes_no))
        poor = any(c.record.get("status") == "poor_words" for c in self.calls)
        unknown = [("unknown", say["poor_words"])] if poor else []
        controls.append(self._choice("apology", say["apology"], [*yes_no, *unknown]))
        acts = {a for c in self.calls for a in other_acts(c.record)}
        if acts:
            options = [any_, *((a, n) for a, n in self.say["act"].items() if a in acts)]
            controls.append(self._choice("act", say["act"], options))
        if self.judged and self.run.apologies:
            screen = self.say["screen"]["verdict"]
            options = [any_, *((n, screen[n]) for n in totals.VERDICTS), ("-", say["not_judged"])]
            sounded = self._choice("sounded", self.say["judged"]["filter_verdict"], options)
            controls.append(tag("div", sounded, class_="judged-only"))
            controls.append(self._choice("rated", say["rated"], yes_no))
        controls.append(self._choice("reviewed", say["reviewed"], yes_no))
        controls.append(tag("button", say["reset"], type="button", id="clear"))
        return controls

    def _row(self, call: Call) -> Html:
        """Return one call as a row; what filters look at stands in its attributes."""
        say = self.say["calls"]
        _, of, missed = totals.graded(call.record)
        verdicts = [str(r.get("verdict") or "-") for r in call.rows]
        complaint = reasons_to_hear.complained(call.record)
        date = self.date(call.record)
        seconds = number(call.record, "duration_s", -1.0)
        poor = call.record.get("status") == "poor_words"
        parts: list[Any] = [tag("q", call.quote) if call.quote else None]
        if who := next((w for r in call.rows if (w := speak.unlike_agent(r, self.say))), None):
            parts.append(who)
        if call.rows and self.judged:
            words = "; ".join(dict.fromkeys(speak.verdict(r, self.say) for r in call.rows))
            parts.append(tag("span", words, class_="question judged-only"))
        elif not call.rows:
            key = (
                "poor_words" if poor else "felt" if reasons_to_hear.felt(call.record) else "nothing"
            )
            parts.append(tag("span", say[key], class_="question"))
        rules = [self.say["rules"][m]["name"] for m in missed]
        return tag(
            "tr",
            tag("td", call.page, class_="wide-only"),
            tag("th", tag("a", call.name, href=file_name(call.page)),
                tag("span", date, class_="question") if date else None, scope="row"),
            tag("td", self.why(call.reasons)),
            tag("td", *parts),
            tag("td", f"{len(missed)} / {of}" if of else NONE,
                tag("span", ", ".join(rules), class_="question") if rules else None),
            tag("td", clock(seconds) if seconds >= 0 else NONE, class_="wide-only"),
            data_page=call.page,
            data_why=" ".join(call.reasons),
            data_weight=reasons_to_hear.weight(call.reasons),
            data_rule=" ".join(missed),
            data_missed=len(missed),
            data_sounded=" ".join(verdicts) if self.judged else None,
            data_complaint="" if complaint is None else "yes" if complaint else "no",
            data_act=" ".join(sorted(other_acts(call.record))),
            data_apology="yes" if call.rows else "unknown" if poor else "no",
            data_length=f"{seconds:.1f}",
            data_clips=" ".join(clip_id(r) for r in call.rows) if self.judged else None,
            data_call=str(call.record.get("recording")),
        )  # fmt: skip

    def _field(self, ident: str, label: str, control: Html) -> Html:
        return tag("p", tag("label", label, for_=ident), control, class_="field")

    def _choice(self, ident: str, label: str, options: list[tuple[str, str]]) -> Html:
        inside = [tag("option", t, value=v) for v, t in options]
        return self._field(ident, label, tag("select", *inside, id=ident))

    def _export(self) -> Html:
        words, say = self.say["call"], self.say["judged"]
        return section(
            say["rate"],
            tag("p", "", id="rated-share", data_text=say["rated_share"]),
            tag("p", tag("label", words["rater"], for_="rater"),
                tag("input", type="text", id="rater", maxlength="40", autocomplete="off"),
                class_="field"),
            tag("p", tag("button", words["export"], type="button", id="export"), class_="buttons"),
            paragraph(words["export_text"], "small"),
            class_="own-ratings",
        )  # fmt: skip

    def failed(self) -> str:
        """Return the page of recordings that were not read."""
        say = self.say["overview"]
        records = [record for record in self.run.recordings if record.get("status") == "failed"]
        found: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
        for record in records:
            message, remedy = speak.failure(record, self.lang, self.frame.same)
            found[str(record.get("code")), remedy].append([name_of(self.names, record), message])
        head = [self.say["call"]["recording"], say["message"]]
        parts = []
        for (code, remedy), rows in sorted(found.items(), key=lambda e: (-len(e[1]), e[0])):
            body = [
                paragraph(remedy) if remedy else None,
                grid(None, head, rows[:FAILED_MOST], label=f"{code}: {remedy[:120]}",
                     class_="failures"),
                paragraph(f"{FAILED_MOST} / {len(rows)}") if len(rows) > FAILED_MOST else None,
            ]  # fmt: skip
            parts.append(section(f"{speak.fault(code, self.lang)} ({len(rows)})", *body))
        return self.frame.page(
            self.say["page"]["failed"],
            tag("h1", self.say["page"]["failed"]),
            paragraph(self.say["failed"]["lead"] if records else say["none_failed"], "lead"),
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
                self.learnt(),
                paragraph(say["people_text"]),
                paragraph(say["pseudonyms_text"]),
            ),
            section(say["run"], grid(None, [say["how"], say["value"]], facts)),
            here="about.html",
        )
