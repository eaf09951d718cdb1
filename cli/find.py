"""``prosody find``: where the apologies are, as JSON lines."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import typer
from prosody.cli import app

from prosody.errors import UsageError

_BREAKS = "\x85\u2028\u2029"


@app.command(
    short_help="Apologies and what resembles them, in transcripts.",
    epilog="Example: prosody find transcripts/ --language nl   or: prosody find --lines lines.txt",
)
def find(
    transcripts: list[Path] = typer.Argument(None, help="Transcript files, or folders of them."),
    language: str = typer.Option("auto", help="Language spoken: nl, en or auto."),
    lines: Path | None = typer.Option(
        None, help="One utterance per line (UTF-8, no header, no times); - is standard input."
    ),
) -> None:
    """Find apologies, repairs, sympathy and interruptions in transcripts.

    Prints one JSON line per act found; with --lines one JSON line per input line.
    """
    from prosody.language import lexicon

    if language != "auto" and language not in lexicon.languages():
        known = ", ".join(("auto", *lexicon.languages()))
        raise UsageError(f"--language {language} is not known.", f"Known: {known}.")
    if (lines is None) == (not transcripts):
        raise UsageError(
            "Expected either transcript files or --lines FILE.", "See prosody find --help."
        )
    if lines is not None:
        _lines(lines, language)
    else:
        _transcripts(transcripts, language)


def _print(row: dict[str, Any]) -> None:
    clean = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
    text = json.dumps(clean, ensure_ascii=False)
    for mark in _BREAKS:  # some readers take these for ends of lines
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    sys.stdout.write(text + "\n")


def _lines(path: Path, language: str) -> None:
    from prosody.language.acts import find_in_lines

    if str(path) == "-":
        raw = sys.stdin.buffer.read()
    else:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}.", "Give a text file, UTF-8.") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8.", "Save it as UTF-8.") from None
    utterances = text.replace("\r\n", "\n").split("\n")
    if utterances and not utterances[-1]:
        utterances.pop()  # the end of the last line, not an empty one
    for number, (utterance, code, acts) in enumerate(find_in_lines(utterances, language), 1):
        main = next((a for a in acts if a.kind == "apology"), acts[0] if acts else None)
        _print(
            {
                "line": number,
                "act": main.kind if main else "none",
                "form": main.form if main else "",
                "i_form": main.i_form if main else None,
                "language": code,
                "text": utterance,
                "acts": [{"act": a.kind, "form": a.form, "text": a.text} for a in acts],
            }
        )


def _files(paths: list[Path]) -> list[Path]:
    from prosody.transcripts import EXTENSIONS

    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS)
            if not inside:
                raise UsageError(f"{path}: no transcripts in it.", f"Read are {EXTENSIONS}.")
            found.extend(inside)
        else:
            found.append(path)
    return found


def _transcripts(paths: list[Path], language: str) -> None:
    from prosody.errors import TranscriptError
    from prosody.language import lexicon
    from prosody.language.acts import find as find_acts
    from prosody.transcripts import read

    failed = read_any = False
    for path in _files(paths):
        try:
            transcript = read(path)
        except TranscriptError as error:
            typer.echo(f"prosody: {error}", err=True)
            failed = True
            continue
        read_any = True
        spoken = transcript.language if transcript.language in lexicon.languages() else "auto"
        code = spoken if language == "auto" else language
        if code == "auto":
            guessed, _, sure = lexicon.guess([t.text for t in transcript.turns])
            if not sure:
                typer.echo(
                    f"prosody: {path}: not sure of the language, read as {guessed}; "
                    "--language nl|en decides.",
                    err=True,
                )
        for act in find_acts(transcript.turns, code):
            _print(
                {
                    "recording": str(path),
                    "start_s": _seconds(act.start_s),
                    "end_s": _seconds(act.end_s),
                    "role": act.role,
                    "act": act.kind,
                    "form": act.form,
                    "text": act.text,
                    "has_word_times": act.has_word_times,
                    "i_form": act.i_form,
                }
            )
    if failed:
        raise typer.Exit(1 if read_any else 2)


def _seconds(value: float) -> float:
    return value if math.isnan(value) else round(value, 3)
