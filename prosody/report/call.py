"""The page of one call: what happened, to hear and to read; what was missed first.

One screen answers what, why, and lets it be heard; what explains it follows below. A reader can
say of each rule and each find whether they agree (`review`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prosody.measures import table
from prosody.report import review, speak, totals
from prosody.report.chart import Picture
from prosody.report.html import Html, join, tag
from prosody.report.impression import Impression
from prosody.report.page import Frame, figure, grid, listing, paragraph, section
from prosody.report.player import Mark, Player
from prosody.report.sound import Clip, Contours
from prosody.results import reasons_to_hear
from prosody.results.read import clip_id, number
from prosody.transcripts.turns import Turn
from prosody.words import clock

MEASURES = (
    "pitch_p50_st", "pitch_range_st", "loudness_p50", "loudness_peaks_per_s",
    "articulation_rate_syll_per_s", "pause_share", "duration_s",
)  # fmt: skip
MOST_APOLOGIES = 20
LONGEST_LEAD_S = 10  # heard of a turn before the complaint in it
NONE = "\N{EN DASH}"


@dataclass(slots=True)
class Sheet:
    """What one page shows.

    Parameters
    ----------
    number : int
        Of the page, from 1, in the order of the list.
    of : int
        Pages there are.
    record : dict
        The call, as ``recordings.jsonl`` has it.
    rows : list of dict
        Its apologies, whole.
    name : str
        Of the recording, for people.
    reasons : tuple of str
        Why it deserves to be heard.
    turns : sequence of Turn
    got : Clip, optional
        Its sound.
    silence : str
        Why there is none.
    drawn : dict
        Contours by position in ``rows``.
    """

    number: int
    of: int
    record: dict[str, Any]
    rows: list[dict[str, Any]]
    name: str
    reasons: tuple[str, ...] = ()
    turns: Sequence[Turn] = ()
    got: Clip | None = None
    silence: str = ""
    drawn: dict[int, Contours] = field(default_factory=dict)


def file_name(number_: int) -> str:
    """Return the name of a page, from the folder of the report."""
    return f"calls/{number_:05d}.html"


def sound_name(number_: int) -> str:
    """Return the name of the sound of a page, from the folder of the report."""
    return f"sound/{number_:05d}.flac"


class CallPage:
    """Makes the page of one call.

    Parameters
    ----------
    frame : Frame
    limits : mapping
        Thresholds of verdicts, as `Run.limits` gives them.
    """

    def __init__(self, frame: Frame, limits: Mapping[str, float]) -> None:
        self.frame, self.judged = frame, frame.judged
        self.say, self.lang = frame.say, frame.lang
        self.words: dict[str, str] = self.say["call"]
        self.player = Player(frame)
        self.impression = Impression(frame, self.player, limits)
        self.review = review.Review(frame)

    def make(self, sheet: Sheet) -> str:
        """Return the page."""
        marks = self.marks(sheet)
        left = [self._player(sheet, marks), self._transcript(sheet, marks)]
        right = [self._said(sheet), self._rules(sheet), self._whole(sheet), self._talk(sheet)]
        body = [
            self._turn_page(sheet),
            tag("h1", self._headline(sheet), class_="headline"),
            paragraph(self._facts_line(sheet), "file"),
            self._reasons(sheet),
            tag("div", tag("div", *left, class_="hear-it"), tag("div", *right, class_="why-it"),
                class_="two"),
            *(self._apology(sheet, i) for i in range(min(len(sheet.rows), MOST_APOLOGIES))),
            self._facts(sheet),
            self.review.export(),
        ]  # fmt: skip
        return self.frame.page(
            f"{sheet.name}: {self._headline(sheet)}",
            tag("article", *body, class_="call", data_call=str(sheet.record.get("recording")),
                data_sound=str(sheet.record.get("recording_sha256") or "")[:12],
                data_page=str(sheet.number)),
            up="../",
            here="calls.html",
            player=sheet.got is not None,
            wide=True,
        )  # fmt: skip

    # --- what it is about -----------------------------------------------------------------------

    def _headline(self, sheet: Sheet) -> str:
        """Return the verdict line: what was heard, in so many words."""
        words, record = self.words, sheet.record
        if record.get("complaint_without_apology"):
            headline = words["head_complaint"]
        elif not sheet.rows:
            poor = record.get("status") == "poor_words"
            felt = reasons_to_hear.felt(record)
            headline = words["head_poor" if poor else "head_felt" if felt else "head_none"]
        elif len(sheet.rows) == 1:
            headline = words["head_one"].format(at=clock(number(sheet.rows[0], "start_s")))
        else:
            times = ", ".join(clock(number(r, "start_s")) for r in sheet.rows[:4])
            times += " ..." if len(sheet.rows) > 4 else ""
            headline = words["head_some"].format(n=len(sheet.rows), at=times)
        _, of, missed = totals.graded(record)
        if of and sheet.rows:
            key = "head_missed_none" if not missed else "head_missed"
            headline += words[key].format(n=len(missed), of=of)
        return headline

    def _facts_line(self, sheet: Sheet) -> Html:
        record = sheet.record
        parts: list[Any] = [sheet.name]
        if record.get("started_at"):
            parts.append(str(record["started_at"])[:16].replace("T", " "))
        seconds = number(record, "duration_s", math.nan)
        if math.isfinite(seconds):
            parts.append(self.words["length"].format(at=clock(seconds)))
        return join(parts, " \N{MIDDLE DOT} ")

    def _reasons(self, sheet: Sheet) -> Html | None:
        names = self.say["hear"]
        reasons = [
            tag("li", names[r], class_="judged-only" if r in review.ABOUT_JUDGEMENTS else None)
            for r in sheet.reasons
        ]
        return tag("ul", *reasons, class_="reasons-to-hear") if reasons else None

    def marks(self, sheet: Sheet) -> list[Mark]:
        """Return everything in the call that the page points at, the most telling first."""
        out, names = [], self.say["act"]
        for act in sheet.record.get("acts") or ():
            if isinstance(act, dict) and act.get("act") in names:
                out.append(self._mark(str(act["act"]), act, names[act["act"]]))
        for words in reasons_to_hear.complaint_words(sheet.record):
            out.append(self._mark("complaint", words, self.words["complaint"]))
        for rule, result in totals.results(sheet.record).items():
            for words in result.get("words") or ():
                if isinstance(words, dict) and words.get("text"):
                    out.append(self._mark("evidence", words, self.say["rules"][rule]["name"]))
        return out

    def _mark(self, kind: str, found: dict[str, Any], label: str) -> Mark:
        start = number(found, "start_s", math.nan)
        end = number(found, "end_s", start + 3)
        return Mark(kind, start, end, str(found.get("text") or ""), label,
                    str(found.get("role") or ""))  # fmt: skip

    # --- hearing and reading --------------------------------------------------------------------

    def _player(self, sheet: Sheet, marks: Sequence[Mark]) -> Html:
        if sheet.got is None:
            why = self.words["no_sound"].format(why=sheet.silence)
            return paragraph(why, class_="note")
        first = [m for m in marks if m.kind != "evidence" and math.isfinite(m.start_s)]
        # One complaint may rest on words beside each other.
        shown = {(m.kind, clock(m.start_s)): m for m in reversed(first)}
        buttons = [
            self.player.play(f"{m.label} {clock(m.start_s)}", self._from(sheet, m), m.end_s,
                             sheet.got, f"play jump {m.kind}")
            for m in sorted(shown.values(), key=lambda m: m.start_s)[:8]
        ]  # fmt: skip
        return tag(
            "div",
            self.player.show(sheet.got, f"../{sound_name(sheet.number)}", first),
            tag("div", *buttons, class_="buttons jumps") if buttons else None,
        )

    def _from(self, sheet: Sheet, mark: Mark) -> float:
        """Return where to begin to hear a find: a complaint, a second before its turn begins."""
        if mark.kind != "complaint" or sheet.got is None:
            return mark.start_s
        turns = [t.start_s for t in sheet.turns if t.start_s <= mark.start_s <= t.end_s]
        begin = max((t for t in turns if mark.start_s - t < LONGEST_LEAD_S), default=mark.start_s)
        return max(sheet.got.start_s, begin - 1)

    def _transcript(self, sheet: Sheet, marks: Sequence[Mark]) -> Html:
        if sheet.turns:
            shown = self.player.transcript(sheet.turns, sheet.got, marks)
        else:
            why = "not_kept" if sheet.record.get("source") == "asr" else "no_transcript"
            shown = paragraph(self.words[why], class_="note")
        return section(self.words["transcript"], shown, class_="words")

    def _said(self, sheet: Sheet) -> Html | None:
        """Return the apologies in a few lines, each a link to what is known of it."""
        items = []
        for i, row in enumerate(sheet.rows[:MOST_APOLOGIES], 1):
            quote = str(row.get("text") or "") or self.say["act"]["apology"]
            link = tag("a", tag("q", quote[:120]), href=f"#a{i}")
            start = number(row, "start_s")
            heard = self.player.at(start, row.get("end_s"), sheet.got)
            parts: list[Any] = [heard, link, speak.unlike_agent(row, self.say)]
            if self.judged:
                verdict = speak.verdict(row, self.say)
                parts.append(tag("span", verdict, class_=f"pill judged-only {row.get('verdict')}"))
            items.append(join(parts, " "))
        if not items:
            return None
        key = "apology" if len(items) == 1 else "apologies"
        return section(self.words[key], listing(items, class_="said"))

    # --- rules ----------------------------------------------------------------------------------

    def _rules(self, sheet: Sheet) -> Html:
        words = self.words
        found = totals.results(sheet.record)
        if not found:
            return section(words["rules"], paragraph(words["no_rules"]))
        by: dict[str, list[Html]] = {}
        for name, result in found.items():
            status = str(result.get("status"))
            if self.frame.form and not self.frame.form.has(name):
                continue
            by.setdefault(status, []).append(self._rule(name, result, sheet))
        parts: list[Any] = []
        if self.frame.form:
            parts.append(self.review.questions(self.frame.form))
        missed = by.get("not_met", [])
        if missed:
            parts.append(listing(missed, class_="conduct missed"))
        elif by.get("met"):
            parts.append(paragraph(words["none_missed"]))
        for status in ("met", "shown", "cannot_tell", ""):
            if by.get(status):
                title = words[f"rules_{status or 'not_applicable'}"].format(n=len(by[status]))
                body = listing(by[status], class_="conduct")
                parts.append(tag("details", tag("summary", title), body))
        heading = words["rules_missed"] if missed else words["rules"]
        return section(heading, *parts, class_="rules")

    def _rule(self, name: str, result: dict[str, Any], sheet: Sheet) -> Html:
        result_words = speak.rule(result, self.say)
        if self.frame.form:
            result_words["question"] = self.frame.form.words(name) or result_words["question"]
        heard = [
            join((self.player.at(w.get("start_s"), w.get("end_s"), sheet.got),
                  tag("q", str(w.get("text") or "")[:160])), " ")
            for w in (result.get("words") or ())[:4]
            if isinstance(w, dict)
        ]  # fmt: skip
        status = str(result.get("status"))
        value = f" ({result_words['value']})" if result_words["value"] and status else ""
        more = [t for t in (result_words["remark"], result_words["advice"]) if t]
        return join(
            (
                tag("h3", result_words["name"], " ",
                    tag("span", result_words["status"] or self.words["not_applicable"], value,
                        class_=f"status {status}")),
                tag("p", result_words["question"], class_="question"),
                listing(heard, class_="heard-words") if heard else None,
                *(tag("p", t, class_="remark") for t in more),
                self.review.ask("rule", name, status or "cannot_tell", None),
            )
        )  # fmt: skip

    def _whole(self, sheet: Sheet) -> Html:
        """Ask of the whole call: whether the customer complained, and the agent apologised."""
        words, items = self.review.words, []
        complained = reasons_to_hear.complained(sheet.record)
        apologised = None if sheet.record.get("status") == "poor_words" else bool(sheet.rows)
        found = (
            ("complaint", complained, "complaint" if complained else "no_complaint"),
            ("apologised", apologised, "apologised" if apologised else "not_apologised"),
        )
        for what, is_so, key in found:
            if is_so is not None:
                machine = "yes" if is_so else "no"
                finding = tag("span", words[key], class_="found-said")
                asked = tag("span", words[f"ask_{what}"], class_="asked-blind")
                items.append(join((finding, asked, self.review.ask("call", what, machine, None))))
        return tag("div", listing(items, class_="conduct"), class_="js-only")

    # --- one apology ----------------------------------------------------------------------------

    def _apology(self, sheet: Sheet, i: int) -> Html:
        row, words = sheet.rows[i], self.words
        start = number(row, "start_s")
        seconds = figure(number(row, "end_s") - start, 1, self.lang)
        role = self.say["player"].get(str(row.get("role")), self.say["player"]["unknown"])
        quote = str(row.get("text") or "")
        parts: list[Any] = [
            tag("h2", tag("q", quote) if quote else words["apology"], class_="quote"),
            tag("p", words["by"].format(role=role, at=clock(start), seconds=seconds), " ",
                self.player.play(words["play"], start, number(row, "end_s"), sheet.got),
                class_="by"),
            self.review.ask("apology", "apology", "apology", start),
            self._picture(sheet, i),
        ]  # fmt: skip
        if self.judged:
            parts += [self.impression.verdict(row, sheet.got), self.impression.rate(i + 1)]
        else:
            parts.append(self.impression.note(i + 1))
        parts += [self._around(row), self._numbers(sheet, row), self._remarks(sheet, row)]
        return tag("section", *parts, id=f"a{i + 1}", class_="apology", data_clip=clip_id(row),
                   data_start=f"{start:.2f}")  # fmt: skip

    def _usual(self, sheet: Sheet, row: dict[str, Any]) -> dict[str, float]:
        return speak.known(sheet.record.get("baseline")) if number(row, "baseline_s") > 0 else {}

    def _picture(self, sheet: Sheet, i: int) -> Html | None:
        got, words, lang = sheet.drawn.get(i), self.words, self.lang
        if got is None:
            return None
        row = sheet.rows[i]
        usual, here = self._usual(sheet, row), speak.known(row.get("measures"))
        picture = Picture(got, got.window, usual)
        span = here.get("pitch_range_st")
        captions = {"pitch": "", "loudness": words["loudness_said"].format(pauses=len(got.pauses))}
        if span is not None and {"pitch_p50_st", "pitch_range_st"} <= usual.keys():
            off = here.get("pitch_p50_st", usual["pitch_p50_st"]) - usual["pitch_p50_st"]
            captions["pitch"] = words["pitch_said"].format(
                middle=figure(off, 1, lang),
                span=figure(span, 1, lang),
                usual=figure(usual["pitch_range_st"], 1, lang),
            )
        elif span is not None:
            captions["pitch"] = words["pitch_said_alone"].format(span=figure(span, 1, lang))
        legend = [("pitch", words["pitch" if picture.has_usual else "pitch_alone"]),
                  ("loud", words["loudness"])]  # fmt: skip
        legend += [("band", words["usual"])] if picture.has_usual else []
        legend.append(("window", words["window"]))
        legend += [("pause", words["pause"])] if got.pauses else []
        items = [
            tag("li", tag("span", class_=f"swatch {k}", aria_hidden="true"), t) for k, t in legend
        ]
        drawn = tag(
            "div",
            picture.svg(captions, lang, words["axis_pitch"], words["axis_time"]),
            class_="chart",
            data_start=f"{got.start_s:.3f}",
            data_end=f"{got.end_s:.3f}",
        )
        return tag("figure", drawn, tag("figcaption", tag("ul", *items, class_="legend")))

    def _numbers(self, sheet: Sheet, row: dict[str, Any]) -> Html:
        words, lang = self.words, self.lang
        here, usual = speak.known(row.get("measures")), self._usual(sheet, row)
        rows = []
        for name in MEASURES:
            if name not in table.BY_NAME or name not in here:
                continue
            places = speak.decimals(name)
            there = "" if name == "duration_s" else usual.get(name)
            rows.append([
                words[name],
                figure(here[name], places, lang),
                figure(there, places, lang) if isinstance(there, float) else NONE,
            ])  # fmt: skip
        head = [words["measure"], words["here"], words["there"]]
        return tag("details", tag("summary", words["numbers"]),
                   grid(None, head, rows, class_="numbers"))  # fmt: skip

    def _remarks(self, sheet: Sheet, row: dict[str, Any]) -> Html | None:
        remarks = [
            speak.remark(r, row, self.say, self.frame.same) for r in row.get("remarks") or ()
        ]
        return listing(remarks, class_="small") if remarks else None

    def _around(self, row: dict[str, Any]) -> Html | None:
        """Return what the talk did before and after an apology, in sentences with units."""
        words, near = self.words, speak.known(row.get("around"))
        items = []
        for name in near:
            ratio = name.endswith("_ratio")
            value = 100 * (near[name] - 1) if ratio else near[name]
            plus = "+" if ratio and round(value) > 0 else ""
            shown = plus + figure(value, 0 if ratio else 1, self.lang)
            kind = "percent" if ratio else "s" if name.endswith("_s") else "spread"
            items.append(f"{words[name]}: {words[f'unit_{kind}'].format(n=shown)}")
        return tag("details", tag("summary", words["around"]), listing(items)) if items else None

    # --- the talk, and the recording ------------------------------------------------------------

    def _talk(self, sheet: Sheet) -> Html | None:
        """Return how the talk was shared, where the results know it."""
        talk = speak.known(sheet.record.get("conversation"))
        if not talk:
            return None
        words, lang = self.words, self.lang

        def percent(name: str) -> str:
            return f"{figure(100 * talk[name], 0, lang)}\N{NO-BREAK SPACE}%"

        def seconds(name: str) -> str:
            return f"{figure(talk[name], 1, lang)}\N{NO-BREAK SPACE}s"

        rows: list[list[Any]] = []
        for name in ("agent_talk_share", "silence_share", "overlap_share"):
            if name in talk:
                rows.append([words[name], percent(name)])
        if "longest_wait_s" in talk:
            start = talk.get("longest_wait_start_s", math.nan)
            end = start + talk["longest_wait_s"]
            heard = self.player.at(start - 2, end + 2, sheet.got)
            rows.append([words["longest_wait_s"], join((seconds("longest_wait_s"), heard), " ")])
        rows += [[words[n], seconds(n)] for n in ("agent_response_s", "customer_response_s")
                 if n in talk]  # fmt: skip
        rows += [[words[n], figure(talk[n], 0, lang)] for n in ("agent_cut_ins", "customer_cut_ins")
                 if n in talk]  # fmt: skip
        head = [words["measure"], words["value"]]
        return section(
            words["talk"],
            grid(None, head, rows, class_="numbers"),
            paragraph(words["talk_text"], "small"),
        )

    def _facts(self, sheet: Sheet) -> Html:
        words, record, lang = self.words, sheet.record, self.lang
        facts = [
            (words["recording"], str(record.get("recording"))),
            (words["language"], str(record.get("language") or NONE)),
            (words["baseline"], f"{figure(number(record, 'baseline_s'), 0, lang)} s"),
        ]
        remarks = [str(r.get("text") or "") for r in record.get("remarks") or ()]
        return section(
            words["remarks"],
            listing(remarks) if remarks else None,
            tag("dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in facts), class_="facts"),
            class_="small",
        )

    def _turn_page(self, sheet: Sheet) -> Html:
        """Return previous and next: in the order of the list, or of the filter one came from."""
        words, links = self.words, []
        links.append(tag("a", words["back"], href="../calls.html", id="back"))
        if sheet.number > 1:
            links.append(tag("a", words["previous"], href=f"{sheet.number - 1:05d}.html",
                             rel="prev"))  # fmt: skip
        if sheet.number < sheet.of:
            links.append(tag("a", words["next"], href=f"{sheet.number + 1:05d}.html", rel="next"))
        where = words["place_in"].format(n=sheet.number, of=sheet.of)
        links.append(tag("span", where, id="where", data_text=words["place_in"]))
        return tag("nav", *links, class_="turn-page", aria_label=words["pages"])
