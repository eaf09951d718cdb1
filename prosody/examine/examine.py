"""One call in, rows out: from files to measured apologies, then to judged ones.

``examine`` does everything for one call except the judging, so that the apologies of many calls
can be judged together. An expected failure comes back as a line with a code and a remedy, never as
a traceback.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prosody.audio import storage
from prosody.calls.collect import Call
from prosody.errors import ProsodyError, RecordingError, UsageError
from prosody.examine import talk
from prosody.examine.baseline import Baseline
from prosody.examine.open_call import OpenCall, describe, open_call
from prosody.examine.roles import check
from prosody.examine.speaker import Measuring, baseline_of
from prosody.examine.spoken import NO_WORDS, SEARCHED, WordsFromSound
from prosody.measures import table
from prosody.message import failure as failure_said
from prosody.results.records import ApologyRecord, CallRecord
from prosody.settings import Settings
from prosody.words import load as words


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are examined; the same for all calls of a run.

    ``baseline`` is a file with ordinary speech of the voice in the clips; ``lang`` the language of
    remarks and reasons, ``language`` the one that is spoken; ``asr`` recognises words where
    there is no transcript. ``agent_speaker`` is the transcripts' label of the agent,
    ``transcript_offset_s`` what to add to their times, ``transcript_unit`` what their numbers count
    (``auto``, ``s`` or ``ms``). ``customer_voice`` measures how lively the customer sounds.
    """

    agent_channel: str = "auto"
    agent_speaker: str = ""
    transcript_offset_s: float = 0.0
    transcript_unit: str = "auto"
    clips: bool = False
    baseline: Path | None = None
    language: str = "auto"
    lang: str = "en"
    settings: Settings = field(default_factory=Settings)
    asr: WordsFromSound | None = None
    customer_voice: bool = False


@dataclass(slots=True)
class Examined:
    """One call, measured: its record and its apologies (not yet judged)."""

    record: CallRecord
    apologies: list[ApologyRecord] = field(default_factory=list)


def check_request(calls: Sequence[Call], options: Options) -> None:
    """Refuse a run that cannot give anything, before it starts.

    Raises
    ------
    UsageError
        For a wrong option, or where nothing says in any recording where the apologies are.
    """
    from prosody.language import lexicon

    check(options.agent_channel)
    words("screen", options.lang)
    if options.language != "auto":
        lexicon.load(options.language)
    if options.baseline is not None and not options.clips:
        raise UsageError(
            "--baseline was given without --clips.",
            "A call has its own baseline; --baseline is for practice takes.",
        )
    given = any(c.transcript or c.windows or any(s.transcript for s in c.sources) for c in calls)
    if not options.clips and not given and options.asr is None:
        files = [source.path for call in calls for source in call.sources]
        if files and not any(storage.is_url(path) or path.exists() for path in files):
            # A mistyped name has no transcript beside it either; that is not what to tell.
            raise UsageError(
                f"{files[0]}: there is no such file or folder.",
                "Check the path, and that a link does not point nowhere.",
                code="not_found",
            )
        left = sorted({name for call in calls for name in call.unpaired})[:10]
        near = f" Transcripts that belong to no recording: {', '.join(left)}." if left else ""
        raise UsageError(
            f"Nothing says where the apologies are: {SEARCHED}.{near}",
            NO_WORDS,
            code="no_words",
        )


class Examiner:
    """``examine`` with its options and the baseline of ``--baseline``, ready for many calls."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.baseline = (
            None if options.baseline is None else baseline_of(options.baseline, options.settings)
        )

    def __call__(self, call: Call) -> Examined:
        """Examine one call; even a fault of ours costs this call a row and not the run.

        With ``PROSODY_STRICT`` set in the environment (tests, development) a fault is raised.
        """
        try:
            with storage.beside(call) as here:
                return examine(here, self.options, baseline=self.baseline)
        except Exception as error:
            if os.environ.get("PROSODY_STRICT"):
                raise
            return Examined(
                CallRecord(
                    call.name,
                    call.call_id,
                    status="failed",
                    code="internal_error",
                    message=f"{call.name}: {type(error).__name__}: {error}.",
                    remedy="This is a fault in prosody: set PROSODY_STRICT=1 to see where, and "
                    "report it.",
                    started_at=call.started_at,
                    agent=call.agent,
                    team=call.team,
                )
            )


def examine(call: Call, options: Options, *, baseline: Baseline | None = None) -> Examined:
    """Find and measure the apologies of one call.

    Parameters
    ----------
    call : Call
        The files of one call and what is known about them.
    options : Options
    baseline : Baseline, optional
        A baseline measured elsewhere (`speaker.baseline_of`).

    Returns
    -------
    Examined
        The call's record (``ok``, ``no_apology``, or ``failed`` with code and remedy) and one row
        per apology, measured but not judged.
    """
    record = CallRecord(
        call.name,
        call.call_id,
        started_at=call.started_at,
        agent=call.agent,
        team=call.team,
        language=call.language,
    )
    try:
        return _examine(call, options, record, baseline)
    except (ProsodyError, MemoryError, OSError) as error:
        known = (
            error
            if isinstance(error, ProsodyError)
            else RecordingError(
                f"{call.name}: {type(error).__name__}: {error}.", "Check the file and the machine."
            )
        )
        record.status, record.code = "failed", known.code
        record.message, record.remedy = failure_said(known, options.lang)
        return Examined(record)


def _open(call: Call, options: Options) -> AbstractContextManager[OpenCall]:
    return open_call(
        call,
        agent_channel=options.agent_channel,
        agent_speaker=options.agent_speaker,
        transcript_offset_s=options.transcript_offset_s,
        transcript_unit=options.transcript_unit,
        clips=options.clips,
        language=options.language,
        settings=options.settings,
        asr=options.asr,
    )


def _examine(
    call: Call, options: Options, record: CallRecord, baseline: Baseline | None
) -> Examined:
    with _open(call, options) as opened:
        for name, value in describe(opened).items():
            setattr(record, name, value)
        record.remarks = tuple(r.to(options.lang) for r in opened.remarks)
        record.acts = tuple(
            {
                "act": a.kind,
                "role": a.role,
                "start_s": a.start_s,
                "end_s": a.end_s,
                "form": a.form,
                "text": a.text,
                "agent_speaker": opened.agent_of(a) if a.role == "agent" else "",
            }
            for a in opened.acts
        )
        if opened.turns or opened.poor:
            held = _conduct(opened, options)
            record.conduct, record.complaint, record.complaint_without_apology = held
        rows: list[ApologyRecord] = []
        for who, acts in opened.speakers():
            measuring = Measuring(opened, who, options.settings, options.lang, baseline)
            found, usual = measuring.rows(acts, record)
            rows += found
            # Of several agents the one who speaks most stands for the call.
            if who.role == "agent" and not usual.seconds <= record.baseline_s:
                record.baseline_s = usual.seconds
                record.baseline = dict(zip(table.NAMES, usual.values.tolist(), strict=True))
        record.conversation = talk.describe(
            opened, rows, options.settings, customer_voice=options.customer_voice
        )
    rows.sort(key=lambda r: (r.start_s, r.channel))
    record.apologies = len(rows)
    nothing = "poor_words" if opened.poor and opened.source == "asr" else "no_apology"
    record.status = "ok" if rows else nothing
    return Examined(record, rows)


def conduct_of(call: Call, options: Options) -> tuple[dict[str, Any], bool | None]:
    """Hold a call against the rules of conduct alone: nothing is measured.

    Returns
    -------
    conduct : dict
        As in `CallRecord.conduct`; empty without a transcript.
    complaint_without_apology : bool or None

    Raises
    ------
    ProsodyError
        If the call cannot be read (any more).
    """
    with (
        storage.beside(call) as here,
        _open(here, options) as opened,
    ):
        if not opened.turns and not opened.poor:
            return {}, None
        found, _, alone = _conduct(opened, options)
        return found, alone


def _conduct(opened: OpenCall, options: Options) -> tuple[dict[str, Any], bool | None, bool | None]:
    """Return every rule, whether the customer complains, and whether nobody apologised for it."""
    from prosody import conduct

    language = opened.language if opened.language in conduct.languages() else "auto"
    found, complains = conduct.both(
        opened.turns,
        opened.acts,
        language=language,
        settings=options.settings,
        doubt="poor_words" if opened.poor else "",
    )
    out = {}
    for rule, result in found.items():
        texts = conduct.texts(result, options.lang)
        made = result.as_dict()
        for place in (*made["words"], *made.get("promises", ())):  # who of several agents it was
            known = place["role"] == "agent" and place["start_s"] is not None
            place["agent_speaker"] = opened.agent_at(place["start_s"]) if known else ""
        out[rule] = {**made, "advice": texts["advice"], "remark": texts["remark"]}
    if opened.poor:
        return out, None, None
    silent = not any(a.kind == "apology" and a.role != "customer" for a in opened.acts)
    if complains and silent and opened.recognised is not None and opened.recognised.doubts:
        return out, complains, None  # an apology may lie where no words could be relied on
    return out, complains, None if complains is None else complains and silent
