"""Measure the clips of a rated table that names recordings and windows instead of measures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prosody import table
from prosody.errors import UsageError
from prosody.fit.tables import Floats, numbers

PATHS = ("recording", "path", "file", "clip")
SOUND = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aiff", ".au", ".gsm", ".wma", ".webm")


def names_recordings(header: Sequence[str], rows: Sequence[Sequence[str]], folder: Path) -> int:
    """Return the column that names recordings which exist, or -1."""
    for name in PATHS:
        if name in header:
            at = header.index(name)
            cell = rows[0][at].strip()
            if Path(cell).suffix.lower() in SOUND and (folder / cell).is_file():
                return at
    return -1


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
    from prosody.errors import RecordingError
    from prosody.measures import measure
    from prosody.recording import Recording

    def given(name: str, default: float) -> Floats:
        if name not in header:
            return np.full(len(rows), default)
        column = [r[list(header).index(name)] for r in rows]
        found = numbers(column, path, name)
        return np.where(np.isnan(found), default, found)

    start, end, channel = given("start_s", 0.0), given("end_s", np.inf), given("channel", 0.0)
    out = np.full((len(rows), len(table.ACOUSTIC)), np.nan)
    wanted: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        wanted.setdefault(row[at].strip(), []).append(i)
    for name, mine in wanted.items():
        try:
            with Recording(path.parent / name) as recording:
                sr, length = recording.info.sr_hz, recording.info.duration_s
                ordered = sorted(mine, key=lambda i: start[i])
                sounds = [
                    recording.read(start[i], min(end[i], length), int(channel[i])) for i in ordered
                ]
        except (RecordingError, ValueError) as error:
            raise UsageError(f"{path}: {name}: {error}", "Mend or leave out that row.") from error
        out[ordered] = measure(sounds, sr)
    return {n: out[:, i] for i, n in enumerate(table.ACOUSTIC)}
