"""What a reader is asked about what was found: agree or not, and why.

The machine's value stays in sight. Answers stay in the browser until they are exported, or, on the
local page of ``prosody review``, go into the results.
"""

from __future__ import annotations

from prosody.report.form import Form
from prosody.report.html import Html, join, tag
from prosody.report.page import Frame, listing, paragraph, section

ABOUT_JUDGEMENTS = frozenset({"put_on", "not_judged"})
"""Reasons to hear a call that would give a judgement away before somebody has rated."""
ANSWERS = ("agree", "disagree", "cannot_tell")
_BLIND = ("yes", "no", "cannot_tell")
MOST_WHY = 500


class Review:
    """Makes the questions of a page."""

    def __init__(self, frame: Frame) -> None:
        self.words: dict[str, str] = frame.say["review"]
        kinds = ("rule", "apology", "call", "question")
        self._buttons = {kind: self._buttons_of(kind) for kind in kinds}

    def ask(self, kind: str, what: str, machine: str, start_s: float | None) -> Html | None:
        """Return the question whether a reader agrees; None where nothing was decided.

        Parameters
        ----------
        kind : str
            ``rule``, ``apology``, ``call``, or ``question`` (which has no machine's value).
        what : str
            The rule, the question, or what the call is said to hold.
        machine : str
            What was found.
        start_s : float, optional
            Where, seconds of the call.
        """
        if machine == "shown":
            return None
        return tag(
            "div",
            self._buttons[kind],
            class_="ask",
            role="group",
            aria_label=self.words["ask"],
            data_kind=kind,
            data_what=what,
            data_machine=machine,
            data_start="" if start_s is None else f"{start_s:.2f}",
        )  # fmt: skip

    def _buttons_of(self, kind: str) -> Html:
        names = _BLIND if kind == "question" else ANSWERS
        # In a calibration nobody sees what was found, so nobody can agree with it.
        blind = ("met", "not_met", "cannot_tell") if kind == "rule" else _BLIND
        buttons = [
            tag("button", self.words[n], type="button", data_answer=n, aria_pressed="false",
                data_blind=b, data_blind_label=self.words[b])
            for n, b in zip(names, blind, strict=True)
        ]  # fmt: skip
        why = tag("input", type="text", class_="why", maxlength=str(MOST_WHY), hidden=True,
                  placeholder=self.words["why"], aria_label=self.words["why"])  # fmt: skip
        return join((*buttons, why))

    def questions(self, form: Form) -> Html | None:
        """Return the questions of a form that only people answer."""
        items = [
            tag("div", tag("p", tag("span", one.section, class_="question"), one.text),
                self.ask("question", one.ident, "", None))
            for one in form.questions
        ]  # fmt: skip
        return listing(items, class_="conduct asked") if items else None

    def export(self) -> Html:
        """Return who reviews, and how to take the answers along."""
        words = self.words
        options = [tag("option", words[n], value=n) for n in ("reviewer", "agent")]
        return section(
            words["title"],
            paragraph(words["text"]),
            tag("p", tag("label", words["name"], for_="reviewer"),
                tag("input", type="text", id="reviewer", maxlength="40", autocomplete="off"),
                class_="field"),
            tag("p", tag("label", words["as"], for_="as"), tag("select", *options, id="as"),
                class_="field"),
            tag("p", tag("button", words["export"], type="button", id="export-reviews"),
                class_="buttons"),
            tag("p", "", id="review-state", role="status", class_="small",
                data_saved=words["saved"], data_kept=words["kept"], data_failed=words["failed"],
                data_blind=words["blind"]),
            class_="review",
        )  # fmt: skip
