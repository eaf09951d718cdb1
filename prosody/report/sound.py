"""What a page plays and draws of one apology: its window with ten seconds around it.

The recordings are found again by the names in the results, or among ``--recordings`` by content.
Every expected failure leaves a page without sound that says why; none stops a report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from prosody.errors import ProsodyError
from prosody.recording import Recording, content_hash
from prosody.report.results import number
from prosody.turns import Turn

AROUND_S = 10.0
# Browsers play 16-bit PCM everywhere, and telephone speech has nothing above 8 kHz.
MOST_HZ = 16000
LEAST_PAUSE_S = 0.25


@dataclass(slots=True)
class Extract:
    """Sound around one apology, and what is drawn of it. Times are seconds of the call.

    Attributes
    ----------
    start_s, end_s : float
        What the clip covers.
    sr_hz : int
    samples : float32 [channels, n]
        The voice that was measured; where the other one has a channel of its own, that one second.
    both : bool
        Whether both speakers can be heard.
    time_s, pitch_st, loudness : ndarray [m]
        Contours every 10 ms; pitch in semitones re 27.5 Hz, NaN where unvoiced.
    pauses : list of (float, float)
        Silences within the apology.
    turns : tuple of Turn
        What the transcript has around it.
    """

    start_s: float
    end_s: float
    sr_hz: int
    samples: NDArray[np.float32]
    time_s: NDArray[np.float64]
    pitch_st: NDArray[np.float64]
    loudness: NDArray[np.float64]
    both: bool = True
    pauses: list[tuple[float, float]] = field(default_factory=list)
    turns: tuple[Turn, ...] = ()


class Finder:
    """Finds the files of a run again.

    Parameters
    ----------
    folders : sequence of Path
        Folders to look in, by content, for recordings that do not lie where the results say (their
        names hold pseudonyms, or they were moved).
    transcripts : Path, optional
        Folder with transcripts, as given to ``prosody analyze``.
    """

    def __init__(self, folders: Sequence[Path] = (), transcripts: Path | None = None) -> None:
        self.folders, self.transcripts = tuple(folders), transcripts
        self._by_hash: dict[str, Path] | None = None

    def path(self, line: dict[str, Any]) -> Any:
        """Return the file of a recording's line, or None."""
        from prosody import remote

        name = str(line.get("recording") or "")
        try:
            path = remote.path_of(name)
            if name and path.is_file():
                return path
        except (ProsodyError, OSError, ValueError):
            pass
        return self._known().get(str(line.get("recording_sha256") or "-"))

    def _known(self) -> dict[str, Path]:
        if self._by_hash is None:
            from prosody.calls import walk

            self._by_hash = {}
            for folder in self.folders:
                for path in walk(folder) if folder.is_dir() else [folder]:
                    try:
                        self._by_hash.setdefault(content_hash(path), path)
                    except (ProsodyError, OSError):
                        continue
        return self._by_hash

    def turns(self, line: dict[str, Any], path: Any) -> tuple[Turn, ...]:
        """Return the transcript of a recording; empty where there is none to be found."""
        from prosody import transcripts
        from prosody.calls import collect

        if line.get("source") == "clips":
            return ()
        try:
            call = collect([path], transcripts=self.transcripts)[0]
            if call.transcript is None:
                return ()
            found = transcripts.read(call.transcript, language=str(line.get("language") or ""))
        except (ProsodyError, OSError, ValueError):
            return ()
        roles = line.get("roles") or {}
        return tuple(
            replace(t, role=roles[str(t.channel)])
            if t.role == "unknown" and str(t.channel) in roles
            else t
            for t in found.turns
        )


def extract(
    path: Any, row: dict[str, Any], line: dict[str, Any], turns: Sequence[Turn] = ()
) -> Extract:
    """Read the sound around an apology and measure its contours.

    Raises
    ------
    ProsodyError
        If the recording cannot be read.
    """
    from prosody import activity, measures
    from prosody.frames import resample

    start, end = number(row, "start_s"), number(row, "end_s")
    with Recording(path) as recording:
        sr, length = recording.info.sr_hz, recording.info.duration_s
        low = max(0.0, start - AROUND_S)
        high = min(max(low, length), end + AROUND_S)
        count = recording.info.channels
        channel = min(int(row.get("channel") or 0), count - 1)
        order = [channel, *(c for c in range(count) if c != channel)][:2]
        sounds = [recording.read(low, high, c) for c in order]
    if sr > MOST_HZ:
        sr, sounds = MOST_HZ, [resample(y, sr)[0] for y in sounds]
    y, least = sounds[0], min(len(s) for s in sounds)
    got = measures.frames(y, sr)
    with np.errstate(invalid="ignore"):
        pitch = 12 * np.log2(got.f0_hz.astype(np.float64) / 27.5)
    inside = y[max(0, round((start - low) * sr)) : max(0, round((end - low) * sr))]
    spans = activity.speech(inside, sr, min_pause_s=LEAST_PAUSE_S) + start
    gaps = [(float(a), float(b)) for a, b in zip(spans[:-1, 1], spans[1:, 0], strict=True)]
    return Extract(
        low,
        low + len(y) / sr,
        sr,
        np.stack([s[:least] for s in sounds]),
        got.time_s + low,
        pitch,
        got.loudness.astype(np.float64),
        int(line.get("channels") or 0) <= count,
        [g for g in gaps if g[1] - g[0] >= LEAST_PAUSE_S],
        tuple(t for t in turns if _near(t, low, high)),
    )


def _near(turn: Turn, low: float, high: float) -> bool:
    return (
        math.isfinite(turn.start_s)
        and turn.start_s < high
        and (not math.isfinite(turn.end_s) or turn.end_s > low)
    )


def write_wav(path: Path, got: Extract) -> None:
    """Write the sound of an extract as a browser plays it."""
    soundfile.write(path, np.clip(got.samples.T, -1, 1), got.sr_hz, "PCM_16", format="WAV")
