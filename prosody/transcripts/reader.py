"""What a reader of one format is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prosody.transcripts.document import Document
from prosody.transcripts.turns import Transcript


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: its name, how it is recognised, how it is read.

    ``recognises`` looks at content only and never raises for a document of another format;
    ``parse`` raises :class:`~prosody.errors.TranscriptError` with the place.
    """

    name: str
    recognises: Callable[[Document], bool]
    parse: Callable[[Document], Transcript]
