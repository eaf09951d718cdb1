"""One analysis, from what was asked to results: the command line, Python and clusters come here."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from prosody import __version__
from prosody.calls import places, pseudonyms
from prosody.calls.call import Call
from prosody.calls.collect import collect
from prosody.errors import UsageError
from prosody.examine.examine import Options, check_request
from prosody.examine.speaker import baseline_of
from prosody.judge.judge import Judge
from prosody.judge.rows import compare_takes, judge_rows
from prosody.results import write
from prosody.results.look import Look
from prosody.results.records import SCHEMA_VERSION
from prosody.runs import batch, executors, purge, task
from prosody.runs.batch import Run
from prosody.runs.journal import Journal
from prosody.runs.recognised import Plan


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an analysis; the fields are the options of ``prosody analyze``.

    ``out`` None keeps nothing on disk: the rows are in the `Run`, and gone with it.
    """

    paths: Sequence[str | os.PathLike[str]] = ()
    options: Options = field(default_factory=Options)
    out: Path | None = None
    manifest: str | os.PathLike[str] | None = None
    meta_from: str | None = None
    transcripts: str | os.PathLike[str] | None = None
    windows: str | os.PathLike[str] | None = None
    model: Path | None = None
    measures_only: bool = False
    agents_as_is: bool = False
    redact: bool = False
    fresh: bool = False
    shard: str | None = None
    engine: str = "local"
    scheduler: str | None = None
    workers: int | None = None
    memory: str | None = None
    time_limit_s: float = task.TIME_LIMIT_S
    formats: Sequence[str] = ()
    textgrid: bool = False
    look: Look = field(default_factory=Look)


class Watch(batch.Watch, Protocol):
    """Whoever is told how an analysis goes, from its beginning."""

    def found(self, journal: Journal, removed: Sequence[str]) -> None:
        """Take note of what an earlier run left, and what of it was removed."""

    def warn(self, text: str) -> None:
        """Take note of something that is not right and stops nothing."""


@contextmanager
def analyze(request: Request, watch: Watch) -> Iterator[Run]:
    """Do what is asked; the run can be read for as long as the context lasts.

    Everything that can be refused is looked at before the first recording is measured: options,
    recordings, the baseline of ``--baseline``, the judge, the engine.

    Raises
    ------
    ProsodyError
        If the request cannot be carried out. A recording that cannot be read is a row.
    """
    options, settings = request.options, request.options.settings
    formats = write.check_formats([*request.formats, *write.usual_formats(options.lang)])
    given = collect(
        request.paths,
        manifest=request.manifest,
        meta_from=request.meta_from,
        transcripts=request.transcripts,
        windows=request.windows,
        clips=options.clips,
    )
    check_request(given, options)
    part = given if request.shard is None else batch.shard_of(given, request.shard)
    calls = pseudonyms.pseudonymise(part, agents=not request.agents_as_is, redacted=request.redact)
    if calls != part and (warning := pseudonyms.exposed()):
        watch.warn(warning)
    if options.baseline is not None:
        baseline_of(options.baseline, settings)
    if options.customer_voice and request.measures_only:
        raise UsageError(
            "--customer-voice with --measures-only: how lively a voice is comes near a judgement.",
            "Leave one of the two out.",
        )
    judge = None if request.measures_only else Judge.load(request.model)
    spec = task.make(options, redact=request.redact)
    engine = executors.starter(
        request.engine,
        scheduler=request.scheduler,
        workers=request.workers,
        memory=request.memory,
        time_limit_s=request.time_limit_s,
    )
    with Journal(request.out, fresh=request.fresh) as journal:
        removed = purge.begin(journal, request.out, redact=request.redact) if request.out else []
        watch.found(journal, removed)
        judging = None if judge is None else (
            task.judge_digest(judge, options),
            lambda rows: judge_rows(rows, judge, settings, lang=options.lang),
        )  # fmt: skip
        run = batch.run(calls, spec, journal, engine, judging, watch=watch)
        takes = list(journal.apologies()) if options.clips and judge else []
        if judge and takes:
            compare_takes(takes, judge, one_voice=options.baseline is not None)
        journal.compared(takes)
        run.inputs = judge.inputs if judge else ()
        run.names_agents = request.agents_as_is and any(call.agent for call in calls)
        if request.out:
            run.files = write.write_from(
                journal,
                request.out,
                _header(request, run, judge, given, calls),
                formats=formats,
                inputs=run.inputs,
                measures_only=request.measures_only,
                textgrid=request.textgrid,
                look=request.look,
            )
        yield run


def _header(
    request: Request, run: Run, judge: Judge | None, given: Sequence[Call], calls: Sequence[Call]
) -> dict[str, Any]:
    """Return what ``run.json`` says of a run beside its files."""
    options = request.options
    used = {
        "name": judge.name, "sha256": judge.sha256, "shipped": request.model is None
    } if judge else None  # fmt: skip
    asked = {
        name: getattr(options, name)
        for name in ("agent_channel", "agent_speaker", "transcript_offset_s", "transcript_unit",
                     "clips", "language", "lang", "customer_voice")
    } | {
        name: getattr(request, name)
        for name in ("measures_only", "agents_as_is", "redact", "shard", "engine")
    }  # fmt: skip
    asked["agent_speaker"] = options.agent_speaker or None
    head = header(run, settings=options.settings, command=asked, model=used) | {
        "roots": [] if request.redact else places.roots(calls),
        "pseudonym_key": pseudonyms.fingerprint(calls),
        "cover": None if request.shard is None else batch.cover_of(given, request.shard),
    }
    if isinstance(options.asr, Plan):
        head["recogniser"] = options.asr.about()
    if run.journal.saved is not None:
        head["journal_saved"] = run.journal.saved
    return head


def header(
    run: Run, *, settings: Any, command: dict[str, Any], model: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what every ``run.json`` says: versions, settings, model, counts."""
    packages: dict[str, str | None] = {}
    for name in ("prosody-sincerity", "numpy", "scipy", "librosa", "onnxruntime", "soundfile",
                 "soxr"):  # fmt: skip
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    return {
        "schema_version": SCHEMA_VERSION,
        "prosody_version": __version__,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 2),
        "python": sys.version.split()[0],
        "system": platform.system(),
        "packages": packages,
        "model": model,
        "settings": settings.as_dict(),
        "settings_sha256": settings.digest(),
        "command": command,
        "complete": run.left == 0,
        "inputs": run.total,
        "reused": run.reused,
        # What nobody judged is not counted as judged by nobody (a run with --measures-only).
        "counts": {k: v for k, v in run.counts().items() if model is not None or k != "judged"},
        "note": "Judgements are predicted listener impressions, not what a speaker felt or is.",
    }
