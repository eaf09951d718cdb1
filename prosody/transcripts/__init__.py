"""Transcripts of any platform, recognised by their content, read into turns.

One module per family; each has ``READERS``, a list of :class:`Reader`. The first reader that
recognises a document reads it; file names do not matter. docs/formats.md lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from prosody.errors import TranscriptError
from prosody.transcripts.document import Document, Reader, load
from prosody.transcripts.turns import Transcript

# The order matters only where one format could pass for another: plain tables come last.
FAMILIES = (
    "harpervalley", "genesys", "amazon", "deepgram", "google", "azure", "assemblyai", "whisper",
    "subtitles", "praat", "table", "ctm",
)  # fmt: skip
EXTENSIONS = (".json", ".vtt", ".srt", ".textgrid", ".ctm", ".csv", ".tsv")


def readers() -> Iterator[Reader]:
    """Yield every reader in the order in which they are tried."""
    for family in FAMILIES:
        yield from import_module(f"prosody.transcripts.{family}").READERS


def reader_for(document: Document) -> Reader:
    """Return the first reader that knows the document.

    Raises
    ------
    TranscriptError
        If the document is empty, damaged JSON, or of no known format.
    """
    if not document.text.strip():
        raise document.bad("the file", "nothing in it", "a transcript")
    for reader in readers():
        if reader.recognises(document):
            return reader
    known = ", ".join(r.name for r in readers())
    raise document.bad("line 1", document.text.strip()[:60], f"one of: {known}")


def is_transcript(path: Path) -> bool:
    """Whether a file looks like a transcript of a known format."""
    try:
        return bool(reader_for(load(path)))
    except TranscriptError:
        return False


def read(path: Path | str, *, language: str = "") -> Transcript:
    """Read a transcript of whatever format.

    Parameters
    ----------
    path : path
        The file.
    language : str
        The language spoken, when the user knows it; it replaces what the file says.

    Returns
    -------
    Transcript
        Turns in order of start, times in seconds from the start of the recording.

    Raises
    ------
    TranscriptError
        With the file, the place in it, what was found and what was expected.
    """
    document = load(path)
    transcript = reader_for(document).parse(document)
    if language and language != "auto":
        transcript = replace(transcript, language=language)
    return transcript


read_transcript = read

__all__ = ["EXTENSIONS", "Reader", "TranscriptError", "read", "read_transcript", "readers"]
