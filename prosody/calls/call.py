"""A call and its files: what it is made of, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from prosody.message import Message
from prosody.transcripts.turns import Role


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a call; ``channel`` None means all of its channels.

    ``place`` is where it lies below what the user named, '' where nobody asked.
    """

    path: Path
    channel: int | None = None
    role: Role = "unknown"
    transcript: Path | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call is made of; text fields are '' where nothing is known.

    ``name`` is the place of the (agent's) file and names the call in all results.
    ``transcript`` is the transcript of the whole call; transcripts of single tracks stand with
    their :class:`Source`; ``unpaired`` are the names of some near a call without one that belong to
    no recording. ``agent_speaker`` is the transcript's label of the agent. ``hides`` are
    the names that no result may show, each with what stands for it there; ``name``, ``call_id``
    and ``agent`` then are what stands for them already.
    """

    call_id: str
    sources: tuple[Source, ...]
    name: str
    transcript: Path | None = None
    windows: Path | None = None
    started_at: str = ""
    agent: str = ""
    team: str = ""
    language: str = ""
    agent_speaker: str = ""
    remarks: tuple[Message, ...] = field(default=())
    hides: tuple[tuple[str, str], ...] = ()
    unpaired: tuple[str, ...] = ()
