"""What a run looks like on a terminal: progress on stderr, then a table to read."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

import typer

from prosody.calls.call import Call
from prosody.examine.examine import Options
from prosody.measures.table import NAMES
from prosody.message import nameless
from prosody.results.records import ApologyRecord, CallRecord
from prosody.runs.batch import Preview, Run
from prosody.runs.journal import Journal
from prosody.words import clock, decimal_mark
from prosody.words import load as words

# What the table shows of measures where nothing is judged: heading, and whose number it is.
_MEASURES = {
    "length": "duration_s",
    "pitch": "pitch_p50_st",
    "range": "pitch_range_st",
    "pace": "loudness_peaks_per_s",
}

# Without a terminal a line now and then is enough: logs are read, not watched.
QUIET_STEP_S = 10.0
# Before a run so many recordings, spread over all, are looked at: some seconds.
LOOKED_AT = 1000


class Progress:
    """Progress with rate, counts and an estimate of the time left, on stderr.

    Parameters
    ----------
    quiet : bool
        Tell nothing but failures.
    as_json : bool
        One JSON object per line, for a scheduler that reads along.
    lang : str
        Language of what is told.
    measures_only : bool
        Nothing is judged, so nothing is told of judging.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        as_json: bool = False,
        lang: str = "en",
        measures_only: bool = False,
    ) -> None:
        self.quiet, self.as_json, self.measures_only = quiet, as_json, measures_only
        self.say: dict[str, str] = words("screen", lang)["progress"]
        self.began = self.shown_s = time.monotonic()
        self.total = self.kept = self.done = self.failed = self.judged = self.withheld = 0
        dumb = os.environ.get("TERM") == "dumb"
        self.live = sys.stderr.isatty() and not (as_json or quiet or dumb)

    def given(self, calls: Sequence[Call], options: Options) -> None:
        """Tell what a check says of the recordings, before any of them is measured."""
        from prosody.runs import check

        if not (self.quiet or self.as_json or options.clips):
            looks = check.check(calls, options, most=LOOKED_AT)
            for line in check.summary(looks, options.lang, of=len(calls)):
                typer.echo(line, err=True)

    def begin(self, total: int, kept: int) -> None:
        """Tell how many recordings there are, and how many an earlier run did."""
        self.total = total
        self.kept = self.done = kept
        self.began = self.shown_s = time.monotonic()
        if self.as_json:
            self._put_json("begin")
        elif kept and not self.quiet:
            typer.echo(self.say["kept"].format(kept=kept, total=total), err=True)

    def found(self, journal: Journal, removed: Sequence[str]) -> None:
        """Tell what became of what was there: a journal that was damaged or old, words in clear."""
        news = [("removed", ", ".join(removed))] if removed else []
        if journal.saved is not None:
            news.append(("saved", str(journal.saved)))
        elif journal.anew:
            news.append(("anew", ""))
        for event, what in news:
            if self.as_json:
                typer.echo(json.dumps({"event": f"journal_{event}", "what": what}), err=True)
            else:  # also with --quiet: nothing is lost or removed without a word
                typer.echo(self.say[event].format(what=what, path=journal.path), err=True)

    def warn(self, text: str) -> None:
        """Tell what is not right and stops nothing."""
        typer.echo(text, err=True)

    def __call__(self, record: CallRecord, withheld: int) -> None:
        """Tell that one more recording is done."""
        self.done += 1
        self.judged += record.apologies - withheld
        self.withheld += withheld
        if record.status == "failed":
            self.failed += 1
            self._failure(record)
        now = time.monotonic()
        if self.as_json:
            first = self.done == self.kept + 1
            if first or now - self.shown_s >= 1.0 or self.done == self.total:
                self.shown_s = now
                self._put_json("progress")
        elif not self.quiet and (
            self.live or self.done == self.total or now - self.shown_s >= QUIET_STEP_S
        ):
            self.shown_s = now
            self._clear()
            typer.echo(self._text(), err=True, nl=not self.live or self.done == self.total)

    def end(self, run: Run, folder: str, files: Sequence[str]) -> None:
        """Tell a scheduler how it ended."""
        self._put_json("end", counts=run.counts(), left=run.left, folder=folder, files=list(files))

    def interrupted(self) -> None:
        """Tell that the recordings in hand are finished and then the run ends."""
        if self.as_json:
            self._put_json("interrupted")
        elif not self.quiet:
            self._clear()
            typer.echo(self.say["stopping"], err=True)

    @property
    def rate(self) -> float:
        """Recordings per second in this run."""
        return (self.done - self.kept) / max(1e-9, time.monotonic() - self.began)

    def _text(self) -> str:
        rate = self.rate
        pace = f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"
        left = clock((self.total - self.done) / rate) if rate else "?"
        return self.say["measured" if self.measures_only else "judged"].format(
            done=self.done,
            total=self.total,
            pace=pace,
            found=self.judged + self.withheld,
            judged=self.judged,
            withheld=self.withheld,
            failed=self.failed,
            left=left,
        )

    def _put_json(self, event: str, **more: Any) -> None:
        rate = self.rate
        numbers = {
            "event": event,
            "done": self.done,
            "total": self.total,
            "judged": self.judged,
            "withheld": self.withheld,
            "failed": self.failed,
            "per_s": round(rate, 3),
            "left_s": round((self.total - self.done) / rate, 1) if rate else None,
            **more,
        }
        typer.echo(json.dumps(numbers, ensure_ascii=False), err=True)

    def _failure(self, record: CallRecord) -> None:
        if self.as_json:
            self._put_json(
                "failure",
                recording=record.recording,
                code=record.code,
                message=record.message,
                remedy=record.remedy,
            )
            return
        self._clear()
        # Most messages begin with the file's name; it stands before the code already.
        message = nameless(record.message, record.recording)
        failure = f"{record.recording}: {record.code}: {message} {record.remedy}"
        typer.echo(_printable(failure), err=True)

    def _clear(self) -> None:
        if self.live:
            typer.echo("\r\x1b[2K", err=True, nl=False)


def show(run: Preview, *, lang: str, measures_only: bool = False) -> None:
    """Print the table of apologies and what else was heard, on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from prosody.report.folder import short

    texts = {**words("screen", lang), "lang": lang}
    say: dict[str, str] = texts["table"]
    names = {
        p: _printable(n) for p, n in short([record.recording for record in run.records]).items()
    }
    # Without a terminal rich assumes 80 columns; a log has no edge, so give the words room.
    console = Console(
        width=None if sys.stdout.isatty() else 140,
        highlight=False,
        # NO_COLOR is taken at its strictest: no bold and no dim either.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )
    if run.apologies:
        sheet = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        sheet.add_column(say["recording"], overflow="fold", max_width=28)
        sheet.add_column(say["time"], justify="right", no_wrap=True)
        worded = any(row.text for row in run.apologies)
        if worded:
            sheet.add_column(say["words"], overflow="fold", ratio=2)
        if measures_only:
            for name in _MEASURES:
                sheet.add_column(say[name], justify="right")
        else:
            sheet.add_column(say["verdict"], max_width=18)
            sheet.add_column(say["score"], justify="right", no_wrap=True)
            sheet.add_column(say["why"], overflow="fold", ratio=4)
        for row in sorted(run.apologies, key=lambda a: (a.recording, a.start_s)):
            cells = [Text(names[row.recording]), Text(clock(row.start_s))]
            if worded:
                cells.append(Text(_printable(f"{row.text or '-'}{_who(row, say)}")))
            if measures_only:
                cells += [Text(_measured(row, name, lang)) for name in _MEASURES]
            else:
                cells += [_verdict(row, texts), Text(_score(row)), Text(_why(row, texts))]
            sheet.add_row(*cells)
        console.print(sheet)
    else:
        console.print(say["none"])
    _others(run.records, names, texts, console)
    if run.apologies and not measures_only:
        console.print(say["score_text"], style="dim")
        console.print(say["impression"], style="dim")


def _who(row: ApologyRecord, say: dict[str, str]) -> str:
    """Return who speaks, where that is not the agent."""
    if row.source == "clips" or row.role == "agent":
        return ""
    return f" ({say['speaker']}: {say[row.role]})"


def _measured(row: ApologyRecord, heading: str, lang: str) -> str:
    """Return one measure of an apology as the table shows it; a dash where it is missing."""
    value = float(row.measures[NAMES.index(_MEASURES[heading])])
    if not math.isfinite(value):
        return "-"
    if heading == "pitch":  # semitones are for comparing; a single voice is told in Hz
        return f"{27.5 * 2 ** (value / 12):.0f}"
    return decimal_mark(f"{value:.1f}", lang)


def _verdict(row: ApologyRecord, texts: dict[str, Any]) -> Any:
    from rich.text import Text

    if row.verdict is None:
        return Text(texts["verdict"]["withheld"], style="dim")
    word = texts["verdict"][row.verdict]
    if row.kind:
        word += f"\n({texts['kind'][row.kind]})"
    elif row.hint:
        word += f"\n({texts['hint'][row.hint]})"
    elif (lively := (row.animation or {}).get("word")) in texts["animation"]:
        word += f"\n({texts['animation'][lively]})"
    colour = {"sincere": "green", "forced": "yellow"}.get(row.verdict, "")
    return Text(word, style=colour)


def _score(row: ApologyRecord) -> str:
    p = (row.axes.get("sincere") or {}).get("p")
    return "" if p is None or row.verdict is None else f"{100 * p:.0f} %"


def _why(row: ApologyRecord, texts: dict[str, Any]) -> str:
    if row.gates:
        return "; ".join(texts["gate"].get(g, g) for g in row.gates)
    parts = [str(r["text"]) for r in row.reasons[:2]]
    if not parts:
        parts = [r.text for r in row.remarks[:1]]
    return "\n".join(parts)


def _others(
    records: Sequence[CallRecord], names: dict[str, str], texts: dict[str, Any], console: Any
) -> None:
    """Print what else was heard: acts that are no apologies, complaints nobody apologised for."""
    from rich.text import Text

    say = texts["table"]
    for record in records:
        name = names[record.recording]
        for act in record.acts:
            if act["act"] != "apology" and act["role"] != "customer":
                kind = texts["act"][act["act"]]
                text = f'{name} {clock(act["start_s"])} "{act["text"]}": {kind}, {say["also"]}'
                console.print(Text(_printable(text)), style="dim")
        if record.complaint_without_apology:
            console.print(Text(_printable(f"{name}: {say['complaint']}")))
        if record.apologies and record.conduct:
            console.print(Text(_printable(f"{name}: {_conduct(record, texts)}")))


def _conduct(record: CallRecord, texts: dict[str, Any]) -> str:
    """Return one sentence about the rules of conduct in a call: how many met, which not."""
    say, rules = texts["table"], words("conduct", texts["lang"])
    graded = [r for r in record.conduct.values() if r["status"] in ("met", "not_met")]
    met = sum(r["status"] == "met" for r in graded)
    parts = [say["conduct"].format(met=met, graded=len(graded))]
    wrong = [_rule(r, rules) for r in graded if r["status"] == "not_met"]
    look = [_rule(r, rules) for r in record.conduct.values() if r["flagged"]]
    parts += [f"{rules['status']['not_met']}: {', '.join(wrong)}"] if wrong else []
    parts += [f"{say['look']}: {', '.join(look)}"] if look else []
    return "; ".join(parts)


def _rule(result: dict[str, Any], rules: dict[str, Any]) -> str:
    name = str(rules[result["rule"]]["name"])
    heard = [w["start_s"] for w in result["words"] if w["start_s"] is not None]
    return f"{name} ({clock(heard[-1])})" if heard else name


def _printable(text: str) -> str:
    """Return `text` without characters that could steer the terminal (names are hostile input)."""
    return "".join(c if c.isprintable() else " " for c in text)


def closing(
    run: Run, folder: str, files: Sequence[str], *, lang: str, shipped: bool, measures_only: bool
) -> None:
    """Print where the results are and under which licence the judge stands, on stderr."""
    say: dict[str, Any] = words("screen", lang)["table"]
    counts = run.counts()
    typer.echo(
        say["counts_measured" if measures_only else "counts"].format(
            calls=_counted(counts["recordings"], say["recordings"]),
            apologies=_counted(counts["apologies"], say["apologies"]),
            judged=counts["judged"],
            withheld=counts["withheld"],
            none=counts["no_apology"],
            failed=counts["failed"],
        ),
        err=True,
    )
    if shipped and not measures_only:
        typer.echo(say["weights"], err=True)
    typer.echo(say["files"].format(folder=folder, files=", ".join(files)), err=True)
    typer.echo(say["next"].format(folder=shlex.quote(folder)), err=True)


def _counted(n: int, names: Sequence[str]) -> str:
    """Return a number with the word for one or for several."""
    return f"{n} {names[n != 1]}"
