"""Measures for a rated table that has none: it names recordings and windows instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prosody.errors import UsageError
from prosody.measures import table
from prosody.tables.table_files import Floats, numbers

PATHS = ("recording", "path", "file", "clip")
SOUND = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aiff", ".au", ".gsm", ".wma", ".webm")


def names_recordings(header: Sequence[str], rows: Sequence[Sequence[str]], folder: Path) -> int:
    """Return the column that names recordings, or -1: one of whose files is there, or of sounds."""
    lower = [h.lower() for h in header]
    columns = [lower.index(name) for name in PATHS if name in lower]
    for at in columns:
        if any(_is_file(folder / r[at].strip()) for r in rows):
            return at
    for at in columns:
        if any(Path(r[at].strip()).suffix.lower() in SOUND for r in rows):
            return at
    return -1


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a cell may hold anything
        return False


def measure_rows(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], at: int
) -> dict[str, Floats]:
    """Measure each row's window.

    Parameters
    ----------
    path : path
        The table; recordings are named relative to its folder.
    header, rows : sequences
        Its cells: a recording, and where given start_s, end_s, channel.
    at : int
        Column of the recording.

    Returns
    -------
    dict of str to ndarray [shape=(n,)]
        The measures of the sound, by name.
    """
    from prosody.audio.recording import Recording
    from prosody.errors import RecordingError
    from prosody.measures.measure import measure

    lower = [h.lower() for h in header]

    def given(name: str, default: float) -> Floats:
        if name not in lower:
            return np.full(len(rows), default)
        column = [r[lower.index(name)] for r in rows]
        found = numbers(column, path, name)
        return np.where(np.isnan(found), default, found)

    start, end, channel = given("start_s", 0.0), given("end_s", np.inf), given("channel", 0.0)
    out = np.full((len(rows), len(table.ACOUSTIC)), np.nan)
    wanted: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        wanted.setdefault(row[at].strip(), []).append(i)
    for name, mine in wanted.items():
        row = f"{path}: row {mine[0] + 2}"
        if not name:
            raise UsageError(f"{row}: no recording is named.", "Fill it in, or leave out the row.")
        try:
            with Recording(path.parent / name) as recording:
                sr, length = recording.info.sr_hz, recording.info.duration_s
                for i in mine:
                    if not 0 <= start[i] < min(end[i], length):
                        raise UsageError(
                            f"{path}: row {i + 2}: the window {start[i]:g} to {end[i]:g} s is "
                            f"empty or outside of {name} ({length:.2f} s).",
                            "Mend start_s and end_s (seconds from the start of the recording).",
                        )
                ordered = sorted(mine, key=lambda i: start[i])
                sounds = [
                    recording.read(start[i], min(end[i], length), int(channel[i])) for i in ordered
                ]
        except RecordingError as error:
            raise UsageError(
                f"{row}: {error.message}",
                error.remedy or "Recordings are named from the folder of the table on.",
            ) from error
        except ValueError as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{row}: {error}.", "Mend or leave out that row.") from error
        out[ordered] = measure(sounds, sr)
    return {n: out[:, i] for i, n in enumerate(table.ACOUSTIC)}
