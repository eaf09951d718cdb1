"""Finds the files of a run again: the sounds of each call, and its transcript.

Results name files as they were named when the run was made. Where a name holds a pseudonym, or a
file was moved, it is found by its content. Whatever is not found leaves a page without sound or
words; none of it stops a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prosody.errors import ProsodyError
from prosody.transcripts.turns import Transcript, Turn


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a call: where it lies, whose it is, and when it begins on the call's clock."""

    path: Any
    channel: int
    role: str
    offset_s: float


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one call.

    Attributes
    ----------
    signals : tuple of Signal
        That of the voice that was measured first; empty where that one was not found.
    both : bool
        Whether everybody in the call is heard in them.
    """

    signals: tuple[Signal, ...] = ()
    both: bool = True

    def number(self, signal: Signal) -> int:
        """Return how a row names a signal (its ``channel``).

        Of a call in several files a row counts files, of one file it counts channels.
        """
        several = len({str(s.path) for s in self.signals}) > 1
        return self.signals.index(signal) if several else signal.channel


class Finder:
    """Finds sounds and transcripts.

    Parameters
    ----------
    folders : sequence of Path
        Folders to look in, by content, for recordings that do not lie where the results say.
    transcripts : Path, optional
        Folder with transcripts, as given to ``prosody analyze``.
    """

    def __init__(self, folders: Sequence[Path] = (), transcripts: Path | None = None) -> None:
        self.folders, self.transcripts = tuple(folders), transcripts
        self._by_hash: dict[str, Path] | None = None
        self._found: dict[tuple[str, str], Any] = {}
        self._calls: dict[str, Any] = {}

    def files(self, record: dict[str, Any]) -> Files:
        """Return the files of a recording."""
        tracks = record.get("tracks") or _tracks_of_old(record)
        signals = []
        for track in tracks:
            path = self._path(str(track.get("file") or ""), str(track.get("sha256") or ""))
            if path is not None:
                offset = float(track.get("offset_s") or 0.0)
                role = str(track.get("role"))
                role = role if role in ("agent", "customer") else "unknown"
                signals.append(Signal(path, int(track.get("channel") or 0), role, offset))
            elif not signals:
                return Files()
        return Files(tuple(signals), len(signals) == len(tracks))

    def _path(self, name: str, sha256: str) -> Any:
        from prosody.audio import storage

        if (name, sha256) not in self._found:
            found = None
            try:
                path = storage.path_of(name)
                found = path if name and path.is_file() else None
            except (ProsodyError, OSError, ValueError):
                pass
            self._found[name, sha256] = found or self._known().get(sha256 or "-")
        return self._found[name, sha256]

    def _known(self) -> dict[str, Path]:
        if self._by_hash is None:
            from prosody.audio.recording import content_hash
            from prosody.calls.collect import walk

            self._by_hash = {}
            for folder in self.folders:
                for path in walk(folder) if folder.is_dir() else [folder]:
                    try:
                        self._by_hash.setdefault(content_hash(path), path)
                    except (ProsodyError, OSError):
                        continue
        return self._by_hash

    def look_up(self, records: Iterable[dict[str, Any]]) -> None:
        """Find which transcript belongs to which of many calls, reading each folder once."""
        from prosody.calls.collect import collect

        paths = {str(s.path): s.path for record in records for s in self.files(record).signals}
        if not paths:
            return
        try:
            for call in collect(list(paths.values()), transcripts=self.transcripts):
                for source in call.sources:
                    self._calls[str(source.path)] = call
        except (ProsodyError, OSError, ValueError):
            return

    def turns(self, record: dict[str, Any]) -> tuple[Turn, ...]:
        """Return the transcript of a recording, on the call's clock; empty where none is found."""
        signals = self.files(record).signals
        if record.get("source") == "clips" or not signals:
            return ()
        if str(signals[0].path) not in self._calls:
            self.look_up([record])
        call = self._calls.get(str(signals[0].path))
        if call is None:
            return ()
        try:
            found = _read(call, str(record.get("language") or ""))
        except (ProsodyError, OSError, ValueError):
            return ()
        roles = record.get("roles") or {}
        starts = [found.track_start_s.get(s.role, 0.0) for s in signals]  # type: ignore[call-overload]
        shift = min(starts) if len(starts) > 1 else 0.0
        return tuple(
            replace(
                t,
                start_s=t.start_s - shift,
                end_s=t.end_s - shift,
                role=roles[str(t.channel)]
                if t.role == "unknown" and str(t.channel) in roles
                else t.role,
            )
            for t in found.turns
        )


def _read(call: Any, language: str) -> Transcript:
    """Return the transcript of a call, or those of its tracks as one."""
    from prosody import transcripts

    if call.transcript is not None:
        return transcripts.read(call.transcript, language=language)
    parts = [(s, transcripts.read(s.transcript, language=language))
             for s in call.sources if s.transcript is not None]  # fmt: skip
    turns = [replace(t, role=s.role) for s, part in parts for t in part.turns]
    turns.sort(key=lambda t: (t.start_s, t.end_s))
    return replace(parts[0][1], turns=tuple(turns)) if parts else Transcript((), "")


def _tracks_of_old(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what results from before ``tracks`` say: the recording, and its channels."""
    file = {"file": record.get("recording"), "sha256": record.get("recording_sha256")}
    roles = record.get("roles") or {"0": "unknown"}
    return [{**file, "channel": int(c), "role": r} for c, r in roles.items() if str(c).isdigit()]
