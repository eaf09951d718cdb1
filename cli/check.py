"""``prosody check``: before a run, what will be done and what not."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from prosody.cli import app
from prosody.cli._options import given


@app.command(
    short_help="Before a run: what can be read, who is who, whether the clocks fit.",
    epilog="Example: prosody check calls/ --transcripts transcripts/ --agent-channel left",
)
def check(
    paths: list[str] = typer.Argument(help="Recordings, folders, manifests or URLs."),
    manifest: str | None = given("--manifest", help="CSV that lists recordings."),
    transcripts: Path | None = given("--transcripts", help="Folder with transcripts."),
    windows: Path | None = given("--windows", help="Where the apologies are."),
    agent_channel: str = typer.Option(
        "auto", "--agent-channel", help="Where the agent is: auto, left, right, 0, 1 or mono."
    ),
    agent_speaker: str | None = given("--agent-speaker", help="The agent's name in transcripts."),
    transcript_offset: float = typer.Option(
        0.0, "--transcript-offset", help="Seconds to add to the times of transcripts."
    ),
    transcript_unit: str = typer.Option(
        "auto", "--transcript-unit", help="What the numbers of transcripts count: auto, s or ms."
    ),
    language: str = typer.Option("auto", "--language", help="Language spoken: nl, en or auto."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object per recording."),
) -> None:
    """Look at recordings and transcripts before they are analysed; nothing is measured.

    Says which recordings can be read, which have words, how the agent is told, and, after listening
    to a minute of up to a hundred of them, whether the transcripts' clocks fit. Exit code 1 where
    something needs attention.
    """
    from prosody.calls.collect import collect
    from prosody.examine.examine import Options
    from prosody.runs import check as looking

    calls = collect(paths, manifest=manifest, transcripts=transcripts, windows=windows)
    options = Options(
        agent_channel=agent_channel,
        agent_speaker=agent_speaker or "",
        transcript_offset_s=transcript_offset,
        transcript_unit=transcript_unit,
        language=language,
    )
    looks = looking.check(calls, options)
    needs = looking.attention(looks)
    if as_json:
        for one in looks:
            typer.echo(json.dumps(looking.as_dict(one), ensure_ascii=False))
    else:
        for line in looking.summary(looks):
            typer.echo(line)
        for group in needs:
            name = Path(group["example"]).name
            typer.echo(f"\n{group['recordings']} x {group['code']} ({group['does']}), as {name}:")
            typer.echo(f"  {group['message']}")
            typer.echo(f"  {group['remedy']}")
    raise typer.Exit(1 if needs else 0)
