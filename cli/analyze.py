"""``prosody analyze``: from recordings to judged apologies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from prosody.cli import app
from prosody.cli._options import (
    AGENT_CHANNEL,
    AGENT_SPEAKER,
    LANG,
    LANGUAGE,
    MANIFEST,
    MODEL,
    SETTINGS,
    TRANSCRIPT_OFFSET,
    TRANSCRIPT_UNIT,
    TRANSCRIPTS,
    WINDOWS,
    chosen,
    given,
)

from prosody.errors import UsageError

if TYPE_CHECKING:
    from prosody.runs.recognised import Plan

# What --asr without a name means.
BEST = "best"

PATHS = typer.Argument(
    None,
    help="Recordings, folders of recordings, manifests, or URLs of them (s3://, gs://, az://).",
    show_default=False,
)


@app.command(
    short_help="Find apologies in recordings and judge how they sound.",
    epilog="Example: prosody analyze calls/ --transcripts transcripts/ --agent-channel left "
    "--out results",
)
def analyze(
    paths: list[str] | None = PATHS,
    out: Path = typer.Option(
        Path("prosody-results"), "--out", "-o", help="Folder for the results; made if missing."
    ),
    manifest: str | None = MANIFEST,
    meta_from: str | None = given(
        "--meta-from",
        metavar="REGEX|FORM",
        help="Take agent, team, call_id, started_at, language from file names, by named groups: "
        "'(?P<agent>[a-z]+)_(?P<call_id>\\d+)'; or a form: genesys, amazon-connect, asterisk, "
        "date-number, number-date, agent-date.",
    ),
    agent_channel: str = AGENT_CHANNEL,
    agent_speaker: str | None = AGENT_SPEAKER,
    transcript_offset: float = TRANSCRIPT_OFFSET,
    transcript_unit: str = TRANSCRIPT_UNIT,
    windows: Path | None = WINDOWS,
    transcripts: Path | None = TRANSCRIPTS,
    clips: bool = typer.Option(
        False, "--clips", help="Each file is one apology, whole (practice takes)."
    ),
    baseline: Path | None = given(
        "--baseline", help="Ordinary speech of the same voice, for --clips."
    ),
    asr: str | None = given(
        "--asr",
        metavar="[NAME|DIR]",
        help="Recognise the words of recordings without a transcript: with the model of this name "
        "(prosody recognisers), in this folder, or, without a NAME, the best that is here.",
    ),
    download: bool = typer.Option(
        False, "--download", help="Fetch the model that --asr names first, if it is not here."
    ),
    write_transcripts: bool = typer.Option(
        False, "--write-transcripts", help="Keep recognised words as JSON in --out, transcripts/."
    ),
    language: str = LANGUAGE,
    lang: str = LANG,
    model: Path | None = MODEL,
    measures_only: bool = typer.Option(
        False, "--measures-only", help="Measure, but judge nothing, anywhere."
    ),
    customer_voice: bool = typer.Option(
        False,
        "--customer-voice",
        help="Measure how lively the customer sounds before and after an apology. Ask counsel "
        "first: docs/responsible-use.md.",
    ),
    formats: list[str] | None = given(
        "--format",
        help="Also write xlsx (with --lang nl it always is), parquet (a folder by date) or "
        "parquet-file; may be repeated.",
    ),
    csv_dialect: str = typer.Option(
        "standard",
        "--csv-dialect",
        help="Signs of the CSV: standard (comma and point, for programs) or nl (semicolon and "
        "decimal comma, for a Dutch Excel).",
    ),
    columns: str = typer.Option(
        "en", "--columns", help="Language of column names in CSV and workbook: en or nl."
    ),
    settings_file: Path | None = SETTINGS,
    agents_as_is: bool = typer.Option(
        False, "--agents-as-is", help="Write agents' names instead of pseudonyms."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print one JSON object per apology instead of the table."
    ),
    textgrid: bool = typer.Option(
        False, "--textgrid", help="Also write a Praat TextGrid per recording."
    ),
    redact: bool = typer.Option(
        False, "--redact", help="Mask numbers, addresses and names in all text that is written."
    ),
    fresh: bool = typer.Option(
        False, "--fresh", help="Begin anew: forget what an earlier run in --out did."
    ),
    workers: int | None = given(
        "--workers",
        min=0,
        help="Worker processes; one per processor by default, 0 for none (to find faults).",
    ),
    memory: str | None = given(
        "--memory",
        help="Memory for all workers together, such as 4GB; four fifths of what is free by "
        "default.",
    ),
    time_limit: float = typer.Option(
        60.0,
        "--time-limit",
        min=1.0,
        help="Seconds any recording may take; a quarter of its length is added.",
    ),
    shard: str | None = given(
        "--shard",
        metavar="I/N",
        help="Do only part I of N of the recordings, each part in an --out of its own; "
        "'prosody merge' joins them.",
    ),
    engine: str = typer.Option("local", "--engine", help="Who works: local, dask or ray."),
    scheduler: str | None = given(
        "--scheduler", help="Address of the Dask scheduler or Ray cluster."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress; failures only."),
    json_progress: bool = typer.Option(
        False, "--json-progress", help="Progress as one JSON object per line, on stderr."
    ),
) -> None:
    """Find the apologies in recordings and say how each would sound to a listener.

    Where the apologies are is taken from --windows, else from a transcript (--transcripts, or
    beside the recording under the same name), else, with --clips, each file is one apology. Every
    judgement is a predicted listener impression; it says nothing about what the speaker felt.

    Stopped or killed, the same command goes on where it was; recordings that changed, and those
    that failed, are done again.
    """
    from prosody.cli._screen import Progress, closing, show

    from prosody.examine.examine import Options
    from prosody.results.look import Look
    from prosody.results.records import nested
    from prosody.runs.analyze import Request
    from prosody.runs.analyze import analyze as run_of
    from prosody.words import load as words

    request = Request(
        paths=paths or [],
        options=Options(
            agent_channel=agent_channel,
            agent_speaker=agent_speaker or "",
            transcript_offset_s=transcript_offset,
            transcript_unit=transcript_unit,
            clips=clips,
            baseline=baseline,
            language=language,
            lang=lang,
            settings=chosen(settings_file),
            customer_voice=customer_voice,
            asr=_plan(
                asr,
                language,
                out,
                download=download,
                keep=write_transcripts,
                redact=redact,
                lang=lang,
            ),
        ),
        out=out,
        manifest=manifest,
        meta_from=meta_from,
        transcripts=transcripts,
        windows=windows,
        model=model,
        measures_only=measures_only,
        agents_as_is=agents_as_is,
        redact=redact,
        fresh=fresh,
        shard=shard,
        engine=engine,
        scheduler=scheduler,
        workers=workers,
        memory=memory,
        time_limit_s=time_limit,
        formats=formats or [],
        textgrid=textgrid,
        look=Look(csv_dialect, columns),
    )
    progress = Progress(quiet=quiet, as_json=json_progress, lang=lang, measures_only=measures_only)
    with run_of(request, progress) as run:
        if as_json:
            for row in run.apologies:
                typer.echo(json.dumps(nested(row, measures_only=measures_only), ensure_ascii=False))
        else:
            show(run.head(), lang=lang, measures_only=measures_only)
        if json_progress:
            progress.end(run, str(out), run.files)
        else:
            if run.names_agents:
                typer.echo(words("screen", lang)["table"]["as_is"], err=True)
            closing(
                run, str(out), run.files,
                shipped=model is None, lang=lang, measures_only=measures_only,
            )  # fmt: skip
        raise typer.Exit(run.exit_code())


def _plan(
    asked: str | None,
    language: str,
    out: Path,
    *,
    download: bool,
    keep: bool,
    redact: bool,
    lang: str = "en",
) -> Plan | None:
    """Return what to recognise with; the model is opened once here, so that a wrong one stops."""
    if asked is None:
        if download:
            raise UsageError("--download was given without --asr.", "Add --asr NAME.")
        return None
    from prosody.examine.two_voices import model_name
    from prosody.runs.recognised import CACHE, Plan
    from prosody.transcripts import recognisers

    if keep and redact:
        raise UsageError(
            "--write-transcripts with --redact: a transcript holds every word as it was heard.",
            "Leave one of the two out.",
        )
    model = model_folder(asked, language, download=download, lang=lang)
    card = recognisers.card_of(model)
    name = card.name if card else model.name
    cache = None if redact else out / CACHE  # it holds the words as they were heard
    digest = recognisers.digest(model)
    evidence = card.evidence if card else None
    kept = out if keep else None
    voices = model_name()
    plan = Plan(model, name, digest, language, evidence, cache, kept, voices)
    plan.load()
    return plan


def model_folder(asked: str, language: str, *, download: bool = False, lang: str = "en") -> Path:
    """Return the folder of the model that is meant; one that is not here is fetched if agreed."""
    from prosody.cli.recognisers import fetch

    from prosody.transcripts import recognisers

    if asked == BEST:
        return recognisers.best_here("" if language == "auto" else language)[1]
    if Path(asked).is_dir():
        return Path(asked).resolve()
    card = recognisers.find(asked)
    if (folder := recognisers.where(card)) is not None:
        return folder
    if not download and sys.stdin.isatty():
        download = typer.confirm(f"Download {card.name} ({card.size})? Nothing else is sent.")
    if download:
        return fetch(card, lang=lang)
    raise UsageError(
        f"--asr {asked}: {card.name} is not on this machine, and nothing is fetched unasked.",
        card.remedy,
    )
