"""``prosody check``: before a run, what will be done and what not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import (
    AGENT_CHANNEL,
    AGENT_SPEAKER,
    LANG,
    LANGUAGE,
    MANIFEST,
    TRANSCRIPT_OFFSET,
    TRANSCRIPT_UNIT,
    TRANSCRIPTS,
    WINDOWS,
)


@app.command(
    short_help="Before a run: what can be read, who is who, whether the clocks fit.",
    epilog="Example: prosody check calls/ --transcripts transcripts/ --agent-channel left",
)
def check(
    paths: list[str] = typer.Argument(help="Recordings, folders, manifests or URLs."),
    manifest: str | None = MANIFEST,
    transcripts: Path | None = TRANSCRIPTS,
    windows: Path | None = WINDOWS,
    agent_channel: str = AGENT_CHANNEL,
    agent_speaker: str | None = AGENT_SPEAKER,
    transcript_offset: float = TRANSCRIPT_OFFSET,
    transcript_unit: str = TRANSCRIPT_UNIT,
    language: str = LANGUAGE,
    lang: str = LANG,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object per recording."),
) -> None:
    """Look at recordings and transcripts before they are analysed; nothing is measured.

    Says which recordings can be read, which have words, how the agent is told, and, after listening
    to a minute of up to a hundred of them, whether the transcripts' clocks fit. Exit code 1 where
    something needs attention.
    """
    from prosody.cli._sheet import printable, sheet

    from prosody.calls.collect import collect
    from prosody.examine.examine import Options
    from prosody.runs import check as looking
    from prosody.words import load as words

    calls = collect(paths, manifest=manifest, transcripts=transcripts, windows=windows)
    options = Options(
        agent_channel=agent_channel,
        agent_speaker=agent_speaker or "",
        transcript_offset_s=transcript_offset,
        transcript_unit=transcript_unit,
        language=language,
        lang=lang,
    )
    say = words("screen", lang)["check"]
    looks = looking.check(calls, options)
    if as_json:
        for one in looks:
            typer.echo(json.dumps(asdict(one), ensure_ascii=False))
    else:
        for line in looking.summary(looks, lang):
            typer.echo(line)
        if left := sorted({name for call in calls for name in call.unpaired}):
            typer.echo(printable(say["unpaired"].format(names=", ".join(left[:10]))))
        kinds = looking.kinds(looks)
        rows = [
            (count, one.transcript or "-", say["same"] if one.same else one.channels or "-",
             say.get(one.roles, "-"), one.language or "-", say.get(one.clock, one.clock) or "-",
             say[one.does])
            for count, one in kinds
        ]  # fmt: skip
        sheet(None, say["head"], rows, texts=(1, 3, 4, 5, 6))
        for count, one in kinds:
            if one.code:
                typer.echo(printable(f"{count} x {one.code}: {one.recording}: {one.message}"))
                typer.echo(printable(f"  {one.remedy}" if one.remedy else ""))
    raise typer.Exit(1 if any(one.code for one in looks) else 0)
