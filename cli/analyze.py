"""``prosody analyze``: from recordings to judged apologies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import typer
from prosody.cli import app

PATHS = typer.Argument(None, help="Recordings or folders of recordings.", show_default=False)
LANG = typer.Option("en", "--lang", help="Language of everything you read: nl or en.")


@app.command(
    epilog="Example: prosody analyze calls/ --transcripts transcripts/ --agent-channel left "
    "--out results"
)
def analyze(
    paths: Optional[list[Path]] = PATHS,  # noqa: UP045 -- Typer reads it in its own way
    out: Path = typer.Option(
        Path("prosody-results"), "--out", "-o", help="Folder for the results; made if missing."
    ),
    manifest: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--manifest",
        help="CSV that lists recordings: path, call_id, started_at, channel, "
        "role, agent, team, language, transcript, windows.",
        show_default=False,
    ),
    meta_from: Optional[str] = typer.Option(  # noqa: UP045
        None,
        "--meta-from",
        metavar="REGEX",
        show_default=False,
        help="Take agent, team, call_id, started_at, language from file names, by named groups: "
        "'(?P<agent>[a-z]+)_(?P<call_id>\\d+)'.",
    ),
    agent_channel: str = typer.Option(
        "auto", "--agent-channel", help="Where the agent is: auto, left, right, 0, 1 or mono."
    ),
    windows: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--windows",
        help="Where the apologies are: CSV, Praat TextGrid or Audacity labels.",
        show_default=False,
    ),
    transcripts: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--transcripts",
        help="Folder with one transcript per recording, same name.",
        show_default=False,
    ),
    clips: bool = typer.Option(
        False, "--clips", help="Each file is one apology, whole (practice takes)."
    ),
    baseline: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--baseline",
        help="Ordinary speech of the same voice, for --clips.",
        show_default=False,
    ),
    language: str = typer.Option("auto", "--language", help="Language spoken: nl, en or auto."),
    lang: str = LANG,
    model: Optional[Path] = typer.Option(  # noqa: UP045
        None,
        "--model",
        help="A judge of your own; the shipped one by default.",
        show_default=False,
    ),
    measures_only: bool = typer.Option(
        False, "--measures-only", help="Measure, but judge nothing, anywhere."
    ),
    formats: Optional[list[str]] = typer.Option(  # noqa: UP045
        None,
        "--format",
        help="Also write parquet or xlsx (repeat the option for both).",
        show_default=False,
    ),
    settings_file: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--settings", help="TOML file with your own thresholds.", show_default=False
    ),
    agents_as_is: bool = typer.Option(
        False, "--agents-as-is", help="Write agents' names instead of pseudonyms."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print one JSON object per apology instead of the table."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress."),
) -> None:
    """Find the apologies in recordings and say how each would sound to a listener.

    Where the apologies are is taken from --windows, else from a transcript (--transcripts, or
    beside the recording under the same name), else, with --clips, each file is one apology. Every
    judgement is a predicted listener impression; it says nothing about what the speaker felt.
    """
    from prosody.cli._screen import Progress, closing, show

    from prosody import batch, people, results
    from prosody import settings as settings_module
    from prosody.calls import collect
    from prosody.judge import Judge
    from prosody.judging import judge_rows
    from prosody.pipeline import Examiner, Options, check_request
    from prosody.rows import nested

    chosen = settings_module.load(settings_file) if settings_file else settings_module.Settings()
    options = Options(
        agent_channel=agent_channel,
        clips=clips,
        baseline=baseline,
        language=language,
        lang=lang,
        settings=chosen,
    )
    wanted = results.check_formats(formats or [])
    calls = collect(
        paths or [],
        manifest=manifest,
        meta_from=meta_from,
        transcripts=transcripts,
        windows=windows,
        clips=clips,
    )
    if not agents_as_is:
        calls = people.pseudonymise(calls)
    check_request(calls, options)
    judge = None if measures_only else Judge.load(model)
    progress = Progress(len(calls), quiet=quiet)
    done = batch.run(
        calls,
        Examiner(options),
        None if judge is None else lambda rows: judge_rows(rows, judge, chosen, lang=lang),
        progress=progress,
    )
    run = batch.header(
        done,
        settings=chosen,
        command={
            "agent_channel": agent_channel,
            "clips": clips,
            "language": language,
            "measures_only": measures_only,
            "agents_as_is": agents_as_is,
        },
        model=None
        if judge is None
        else {"name": judge.name, "sha256": judge.sha256, "shipped": model is None},
    )
    inputs = () if judge is None else judge.inputs
    files = results.write_run(
        out,
        done.lines,
        done.apologies,
        run,
        formats=wanted,
        inputs=inputs,
        measures_only=measures_only,
    )
    if as_json:
        for row in sorted(done.apologies, key=lambda a: (a.recording, a.start_s, a.channel)):
            typer.echo(json.dumps(nested(row, measures_only=measures_only), ensure_ascii=False))
    else:
        show(done, lang=lang, measures_only=measures_only)
    closing(done, str(out), files, lang=lang, shipped=model is None, measures_only=measures_only)
    raise typer.Exit(done.exit_code())
