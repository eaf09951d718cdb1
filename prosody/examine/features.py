"""Measures and contours of whole files: ``prosody features``, without looking for apologies.

Files are read in blocks, so that memory does not grow with their length. ``features`` is the same
in Python, for samples, a file or a list of files.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.audio import crosstalk
from prosody.audio.recording import Recording
from prosody.calls.collect import Call, Source
from prosody.errors import ProsodyError, UsageError
from prosody.measures import measure, table
from prosody.measures.by_librosa import by_librosa
from prosody.message import Message
from prosody.results.records import plain
from prosody.results.rows import pandas

# One row of functionals says little about more than this, and costs memory in proportion.
LONGEST_S = 600.0
# Contours are tracked in blocks; the path search and the smoothing look this far to both sides.
BLOCK_S, CONTEXT_S = 60.0, 1.0
SCHEMAS = ("prosody", "egemaps")
METHODS = ("prosody", "librosa")
NARROW_HZ = 8000
"""Sound of a lower rate is measured, and said to be: its spectrum ends before that of speech."""
GLANCE_S = 60.0
"""Channels that differ within this time are not compared further."""
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


def check(schema: str = "prosody", method: str = "prosody") -> None:
    """Refuse names of columns and methods that there are not.

    Raises
    ------
    UsageError
    """
    columns(schema)
    if method not in METHODS:
        raise UsageError(f"--method {method} is not known.", f"Choose from {', '.join(METHODS)}.")


def in_order(windows: Sequence[Span], what: str) -> None:
    """Refuse windows that end before they begin.

    Raises
    ------
    UsageError
        Names the first of them.
    """
    for number, (start, end) in enumerate(windows, start=1):
        if not start <= end:
            raise UsageError(
                f"{what}: window {number} runs from {start:g} to {end:g} s.",
                "Expected its start before its end, in seconds.",
            )


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
    method: str = "prosody",
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
    method : str
        ``prosody``, or ``librosa``: the textbook's computation, about fifty times slower.

    Yields
    ------
    dict
        A row with `columns(schema)`; missing is None.
    """
    head = columns(schema)
    in_order(windows or (), name)
    with Recording(source.path) as recording:
        info = recording.info
        asked = list(windows) if windows is not None else spans(info.duration_s, every_s)
        channels = range(info.channels) if source.channel is None else [source.channel]
        for channel in channels:
            for lo, hi in measure.blocks([b - a for a, b in asked], BLOCK_S):
                sounds = recording.read_all(asked[lo:hi], channel)
                if method == "librosa":
                    values = by_librosa(sounds, info.sr_hz)
                else:
                    values = measure.measure(sounds, info.sr_hz)
                if schema == "egemaps":
                    values = measure.to_egemaps(values, table.ACOUSTIC)[1]
                for (start, end), row in zip(asked[lo:hi], values.tolist(), strict=True):
                    times = (start, end) if schema == "prosody" else (_delta(start), _delta(end))
                    got = [name, channel, *times, *row]
                    yield {c: plain(v) for c, v in zip(head, got, strict=True)}


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
    method: str = "prosody",
    remark: Any = None,
    failed: Any = None,
    progress: Any = None,
) -> int:
    """Write the table of many files as CSV to an open text file; return how many files failed.

    A file that cannot be read is told to `failed` (name, error) and left out; the rest go on. Where
    file names tell who speaks, the table ends with the columns `fit` and `evaluate` know a clip by.
    """
    from prosody.results.write import safe_cell
    from prosody.tables.rated_table import speaker_of, stem

    sheet = csv.writer(out)
    head = list(FRAME_COLUMNS) if frames else columns(schema)
    speakers = [c.agent or speaker_of(c.name) for c in calls]
    named = not frames and any(speakers)
    sheet.writerow([*head, *(("clip", "speaker") if named else ())])
    wrong = done = 0
    total = sum(len(c.sources) for c in calls)
    for call, speaker in zip(calls, speakers, strict=True):
        for source in call.sources:
            name = str(source.path)
            if remark:
                for one in call.remarks:
                    remark(name, one.text)
            try:
                source, said = once(source)
                for text in said if remark else ():
                    remark(name, text)
                if frames:
                    for cells in frames_of(source, name):
                        sheet.writerow([safe_cell(cells[0]), *cells[1:]])
                else:
                    asked = None if windows is None else _windows_for(source.path, windows)
                    rows = rows_of(
                        source, name, schema=schema, every_s=every_s, windows=asked, method=method
                    )
                    who = [stem(name), speaker] if named else []
                    for row in rows:
                        cells = [*row.values(), *who]
                        sheet.writerow(["" if v is None else safe_cell(v) for v in cells])
            except ProsodyError as error:
                wrong += 1
                if failed:
                    failed(name, error)
            done += 1
            if progress:
                progress(done, total)
    return wrong


def once(source: Source) -> tuple[Source, tuple[str, ...]]:
    """Return a file with the one channel to measure where two carry the same sound.

    The second value is what there is to say of the file.
    """
    said: tuple[str, ...] = ()
    with Recording(source.path) as recording:
        sr_hz = recording.info.sr_hz
        if sr_hz < NARROW_HZ:
            said = (narrow(sr_hz),)
        if source.channel is None and recording.info.channels == 2:
            until_s = (GLANCE_S, crosstalk.MAX_S)
            if all(crosstalk.compare(recording.blocks(), sr_hz, t).same for t in until_s):
                same = Message.of("same_audio", one="channel 0", other="channel 1")
                return replace(source, channel=0), (*said, same.text)
    return source, said


def _windows_for(path: Path, windows: dict[str, list[Span]]) -> list[Span]:
    for key in (str(path), path.name, path.stem, ""):
        if key in windows:
            return windows[key]
    return []


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Measures of windows of files, one row each, with the index that tables of features have.

    Attributes
    ----------
    file : tuple of str
    channel : ndarray [shape=(n,), int64]
        From 0.
    start_s, end_s : ndarray [shape=(n,), float64]
        Seconds from the start of the file.
    names : tuple of str
        Columns.
    values : ndarray [shape=(n, m), float64]
        NaN is missing.
    """

    file: tuple[str, ...]
    channel: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def to_pandas(self) -> Any:
        """Return a data frame whose index is file, start_s, end_s (and channel, where several).

        Raises
        ------
        MissingExtraError
            Without pandas.
        """
        pd = pandas()
        levels: dict[str, Any] = {"file": self.file}
        if len(self.channel) and self.channel.any():
            levels["channel"] = self.channel
        levels |= {"start_s": self.start_s, "end_s": self.end_s}
        index = pd.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
        return pd.DataFrame(self.values, index=index, columns=list(self.names))


def features(
    sound: NDArray[np.floating[Any]] | str | Path | Sequence[str | Path],
    sr: int | None = None,
    windows: Any = None,
    *,
    schema: str = "prosody",
    method: str = "prosody",
) -> measure.Features | FeatureTable:
    """Measure samples, a file, or files.

    Parameters
    ----------
    sound : ndarray [shape=(n,), float], path or sequence of paths
        One channel of samples (full scale is 1), or sound files: each channel, but the first alone
        where two carry the same sound.
    sr : int, optional
        Sampling rate in Hz; for samples only.
    windows : ndarray [shape=(k, 2)] or mapping, optional
        Start and end in seconds, for the samples or for every file; for files also by file. By
        default each file is one row (files over 600 s one row per 600 s).
    schema : str
        ``prosody``, or ``egemaps``: the 48 of openSMILE's 88 columns that mean the same here.
    method : str
        ``prosody``, or ``librosa``: the textbook's computation, about fifty times slower.

    Returns
    -------
    Features or FeatureTable
        For samples, and for files.

    Raises
    ------
    ProsodyError
        For a file that cannot be read, samples that are not finite, or windows that end before
        they begin.

    Examples
    --------
    >>> table = features(["a.wav", "b.wav"], windows={"a.wav": [(0.5, 2.0)]})  # doctest: +SKIP
    >>> table.to_pandas()  # doctest: +SKIP
    """
    check(schema, method)
    if isinstance(sound, np.ndarray):
        return _of_samples(sound, sr, windows, schema, method)
    if sr is not None:
        raise UsageError("A rate was given with a file.", "A file has its own: leave `sr` out.")
    files = [sound] if isinstance(sound, (str, os.PathLike)) else list(sound)
    names = columns(schema)[4:]
    rows: list[tuple[str, int, float, float, list[float]]] = []
    for file in files:
        asked = windows.get(file, []) if isinstance(windows, Mapping) else windows
        spans_ = None if asked is None else [(float(a), float(b)) for a, b in asked]
        source, _ = once(Source(Path(file)))
        for row in rows_of(source, str(file), windows=spans_, method=method):
            given = [np.nan if row[n] is None else row[n] for n in table.ACOUSTIC]
            rows.append((str(file), row["channel"], row["start_s"], row["end_s"], given))
    values = np.array([row[4] for row in rows], np.float64).reshape(-1, len(table.ACOUSTIC))
    if schema == "egemaps":
        values = measure.to_egemaps(values, table.ACOUSTIC)[1]
    return FeatureTable(
        tuple(row[0] for row in rows),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
        np.array([row[3] for row in rows], np.float64),
        tuple(names),
        values,
    )


def _of_samples(
    y: NDArray[np.floating[Any]], sr: int | None, windows: Any, schema: str, method: str
) -> measure.Features:
    if sr is None:
        raise UsageError("Samples were given without their rate.", "Give it: features(y, 16000).")
    wrong = int(np.count_nonzero(~np.isfinite(y)))
    if wrong:
        raise UsageError(
            f"{wrong} of {y.size} samples are not finite (NaN or infinite).",
            "Put something else in their place, for example: np.nan_to_num(y).",
        )
    if windows is not None:
        shape = np.shape(windows)
        if len(shape) == 2 and shape[1] == 2:
            in_order(np.asarray(windows, np.float64).tolist(), "The windows")
    if sr < NARROW_HZ:
        warnings.warn(narrow(sr), UserWarning, stacklevel=3)
    found = measure.features(y, sr, windows)
    values = found.values
    if method == "librosa":
        spans_ = np.array([[0.0, len(y) / sr]]) if windows is None else np.asarray(windows)
        edges = np.clip(np.round(spans_ * sr).astype(np.int64), 0, len(y))
        values = by_librosa([y[a:b] for a, b in edges.tolist()], sr)
    names = found.names
    if schema == "egemaps":
        names, values = tuple(columns(schema)[4:]), measure.to_egemaps(values, found.names)[1]
    return measure.Features(names, values, found.voiced_s)


def narrow(sr_hz: int) -> str:
    """Return what there is to say of sound with less than a telephone's band."""
    return (
        f"{sr_hz} Hz: the sound ends at {sr_hz / 2000:g} kHz, speech does not. Measures of "
        "loudness and balance are of that band alone, and not to be compared with other recordings."
    )
