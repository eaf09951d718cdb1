"""Measures and contours of whole files, without looking for apologies: ``prosody features``.

Files are read in blocks, so that memory does not grow with their length.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prosody.audio.recording import Recording
from prosody.calls.collect import Call, Source
from prosody.errors import ProsodyError, UsageError
from prosody.measures import measure, table
from prosody.results.records import plain

# One row of functionals says little about more than this, and costs memory in proportion.
LONGEST_S = 600.0
# Contours are tracked in blocks; the path search and the smoothing look this far to both sides.
BLOCK_S, CONTEXT_S = 60.0, 1.0
SCHEMAS = ("prosody", "egemaps")
FRAME_COLUMNS = ("recording", "channel", "time_s", "f0_hz", "voiced", "loudness")

Span = tuple[float, float]


def columns(schema: str) -> list[str]:
    """Return the header of the table of measures in one of `SCHEMAS`."""
    if schema not in SCHEMAS:
        raise UsageError(f"--schema {schema} is not known.", f"Choose from {', '.join(SCHEMAS)}.")
    if schema == "egemaps":
        empty = np.empty((0, len(table.ACOUSTIC)))
        return ["file", "channel", "start", "end", *measure.to_egemaps(empty, table.ACOUSTIC)[0]]
    return ["recording", "channel", "start_s", "end_s", *table.ACOUSTIC]


def spans(duration_s: float, every_s: float | None) -> list[Span]:
    """Cut a file of `duration_s` into rows: one, or one per `every_s` seconds."""
    step = every_s or (duration_s if duration_s <= LONGEST_S else LONGEST_S)
    edges = np.arange(0.0, duration_s, step) if step > 0 else np.zeros(1)
    # A rest shorter than a tenth of a row joins the row before it.
    if len(edges) > 1 and duration_s - edges[-1] < 0.1 * step:
        edges = edges[:-1]
    return list(zip(edges.tolist(), [*edges[1:].tolist(), duration_s], strict=True))


def rows_of(
    source: Source,
    name: str,
    *,
    schema: str = "prosody",
    every_s: float | None = None,
    windows: Sequence[Span] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one row of measures per channel and window of a file.

    Parameters
    ----------
    source : Source
        The file, and the one channel of it to measure (None: all).
    name : str
        What to call the recording.
    schema : str
        ``prosody`` (our names) or ``egemaps`` (openSMILE's).
    every_s : float, optional
        Seconds per row; by default the file is one row, files over 600 s one row per 600 s.
    windows : sequence of (start_s, end_s), optional
        Rows for these windows instead.

    Yields
    ------
    dict
        A row with `columns(schema)`; missing is None.
    """
    head = columns(schema)
    with Recording(source.path) as recording:
        info = recording.info
        asked = list(windows) if windows is not None else spans(info.duration_s, every_s)
        channels = range(info.channels) if source.channel is None else [source.channel]
        for channel in channels:
            for lo, hi in _groups(asked):
                sounds = recording.read_all(asked[lo:hi], channel)
                values = measure.measure(sounds, info.sr_hz)
                if schema == "egemaps":
                    values = measure.to_egemaps(values, table.ACOUSTIC)[1]
                for (start, end), row in zip(asked[lo:hi], values.tolist(), strict=True):
                    times = (start, end) if schema == "prosody" else (_delta(start), _delta(end))
                    got = [name, channel, *times, *row]
                    yield {c: plain(v) for c, v in zip(head, got, strict=True)}


def _groups(asked: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Group windows so that a group holds at most about `BLOCK_S` seconds (or one window)."""
    lo, held = 0, 0.0
    for i, (start, end) in enumerate(asked):
        if i > lo and held + end - start > BLOCK_S:
            yield lo, i
            lo, held = i, 0.0
        held += end - start
    if lo < len(asked):
        yield lo, len(asked)


def _delta(seconds: float) -> str:
    """Return a time as the openSMILE package's index has it (a pandas Timedelta)."""
    whole, micro = divmod(round(seconds * 1e6), 1_000_000)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    return f"{hours // 24} days {hours % 24:02d}:{m:02d}:{s:02d}.{micro:06d}"


def frames_of(source: Source, name: str) -> Iterator[list[Any]]:
    """Yield the contours of a file, one row (`FRAME_COLUMNS`) per 10 ms and channel."""
    with Recording(source.path) as recording:
        info = recording.info
        channels = range(info.channels) if source.channel is None else [source.channel]
        for channel in channels:
            for start, end in spans(info.duration_s, BLOCK_S):
                early = max(0.0, start - CONTEXT_S)
                sound = recording.read(early, min(info.duration_s, end + CONTEXT_S), channel)
                got = measure.frames(sound, info.sr_hz)
                at = got.time_s + early
                last = end >= info.duration_s
                keep = (at >= start) & ((at < end) | last)
                for t, f0, voiced, loudness in zip(
                    at[keep].tolist(),
                    got.f0_hz[keep].tolist(),
                    got.voiced[keep].tolist(),
                    got.loudness[keep].tolist(),
                    strict=True,
                ):
                    yield [
                        name,
                        channel,
                        round(t, 4),
                        "" if f0 != f0 else round(f0, 3),
                        int(voiced),
                        "" if loudness != loudness else round(loudness, 6),
                    ]


def write(
    calls: Sequence[Call],
    out: Any,
    *,
    schema: str = "prosody",
    frames: bool = False,
    every_s: float | None = None,
    windows: dict[str, list[Span]] | None = None,
    failed: Any = None,
    progress: Any = None,
) -> int:
    """Write the table of many files as CSV to an open text file; return how many files failed.

    A file that cannot be read is told to `failed` (name, error) and left out; the rest go on.
    """
    from prosody.results.write import safe_cell

    sheet = csv.writer(out)
    head = list(FRAME_COLUMNS) if frames else columns(schema)
    sheet.writerow(head)
    wrong = done = 0
    total = sum(len(c.sources) for c in calls)
    for call in calls:
        for source in call.sources:
            name = str(source.path)
            try:
                if frames:
                    for cells in frames_of(source, name):
                        sheet.writerow([safe_cell(cells[0]), *cells[1:]])
                else:
                    asked = None if windows is None else _windows_for(source.path, windows)
                    for row in rows_of(source, name, schema=schema, every_s=every_s, windows=asked):
                        sheet.writerow(["" if v is None else safe_cell(v) for v in row.values()])
            except ProsodyError as error:
                wrong += 1
                if failed:
                    failed(name, error)
            done += 1
            if progress:
                progress(done, total)
    return wrong


def _windows_for(path: Path, windows: dict[str, list[Span]]) -> list[Span]:
    for key in (str(path), path.name, path.stem, ""):
        if key in windows:
            return windows[key]
    return []
