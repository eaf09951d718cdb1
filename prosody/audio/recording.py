"""One sound file: what it is, and its samples in blocks or windows.

A file is believed only as far as it was checked: the format comes from its content, the length is
held against its size, and nothing is ever read as a whole. Everything that can be wrong with a file
is a :class:`RecordingError` whose ``code`` is one of :data:`CODES`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from prosody.audio.checks import (
    CODES,
    MAX_HOURS,
    NOT_WHOLE,
    limits,
    open_decoder,
    open_file,
    refuse,
    remarks,
    too_long,
)
from prosody.audio.decode import Decoder, Samples, checked
from prosody.audio.headers import Header, inspect
from prosody.audio.sniff import Found, read_head, sniff
from prosody.audio.storage import path_of, size_of
from prosody.errors import RecordingError
from prosody.message import Message

__all__ = ["CODES", "Info", "Recording", "Samples", "content_hash", "probe"]


@dataclass(frozen=True, slots=True)
class Info:
    """What a file is.

    Attributes
    ----------
    format, subtype : str
        Container and coding, for people: ``WAV``, ``ULAW``.
    sr_hz, channels, frames : int
        Sample rate, number of channels, samples per channel.
    duration_s : float
        ``frames / sr_hz``.
    decoder : str
        ``soundfile`` or ``av``.
    remarks : tuple of Message
        ``renamed``, ``open_ended``, ``more_tracks``.
    """

    path: Path
    format: str
    subtype: str
    sr_hz: int
    channels: int
    frames: int
    duration_s: float
    decoder: str
    size_bytes: int
    remarks: tuple[Message, ...] = field(default=())


class Recording:
    """An open sound file; use it in a ``with`` statement.

    Parameters
    ----------
    path : path
        The file. Its name does not matter, except for headerless formats (``.vox``, ``.ul`` ...).

    Attributes
    ----------
    info : Info
        What the file is.

    Raises
    ------
    RecordingError
        If the file cannot be used; ``code`` is one of :data:`CODES`.

    Notes
    -----
    Not safe for use by several threads at once: there is one position in the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path_of(path)  # a Path, or what stands for a URL
        self._file = open_file(self.path)
        try:
            self._decoder, self.info = self._begin()
        except BaseException:
            self._file.close()
            raise
        self._stream: Iterator[Samples] | None = None
        self._held: Samples | None = None
        self._at = 0

    def _begin(self) -> tuple[Decoder, Info]:
        path, file = self.path, self._file
        size = size_of(file)
        found = sniff(read_head(file), path.name)
        header = inspect(file, found) if found.audio else Header()
        refuse(path, found, header, size)
        decoder, by = open_decoder(path, file, found, header)
        try:
            limits(path, found, decoder)
            frames = decoder.frames
            if frames < 0:  # nothing says how long it is: count
                frames = sum(block.shape[1] for block in self._counted(decoder))
            elif found.demuxer == "flac":
                self._has_its_end(decoder, found)
        except BaseException:
            decoder.close()
            raise
        return decoder, Info(
            path=path,
            format=found.name,
            subtype=decoder.subtype,
            sr_hz=decoder.sr_hz,
            channels=decoder.channels,
            frames=frames,
            duration_s=frames / decoder.sr_hz,
            decoder=by,
            size_bytes=size,
            remarks=remarks(path, found, header, decoder),
        )

    def _counted(
        self, decoder: Decoder, start: int = 0, wanted: int | None = None
    ) -> Iterator[Samples]:
        """Stream, checking every block, and stop at the longest length allowed."""
        count = start
        for block in decoder.blocks(start, wanted):
            count += block.shape[1]
            if count > MAX_HOURS * 3600 * decoder.sr_hz:
                raise too_long(self.path)
            yield checked(self.path, block)

    def _has_its_end(self, decoder: Decoder, found: Found) -> None:
        """Read the last moment of a FLAC file, whose header gives a length but no size."""
        try:
            last = next(decoder.blocks(max(0, decoder.frames - 1), 1), None)
        except RecordingError:
            last = None
        if last is None or not last.size:
            raise RecordingError(
                f"{self.path}: {found.name} of {decoder.frames / decoder.sr_hz:.1f} s by its "
                "header, whose end is missing.",
                NOT_WHOLE,
                code="truncated",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream = self._held = None
        self._decoder.close()
        self._file.close()

    def blocks(self, seconds: float = 30.0) -> Iterator[Samples]:
        """Yield the sound in order, as float32 ``[channels, n]``.

        Parameters
        ----------
        seconds : float
            Length of a block; shorter where that would be more than about 2 MB of samples, and at
            the end.

        Raises
        ------
        RecordingError
            ``damaged``, ``truncated`` or ``bad_samples``, when the stream gets there.
        """
        self._stream = self._held = None
        most = max(1, round(seconds * self.info.sr_hz))
        count = 0
        for block in self._counted(self._decoder):
            count += block.shape[1]
            for at in range(0, block.shape[1], most):
                yield block[:, at : at + most]
        missing_s = (self.info.frames - count) / self.info.sr_hz
        if missing_s > max(1.0, 0.02 * self.info.duration_s):
            raise RecordingError(
                f"{self.path}: {count / self.info.sr_hz:.1f} s of sound, its header promises "
                f"{self.info.duration_s:.1f} s: the end is missing.",
                NOT_WHOLE,
                code="truncated",
            )

    def _frame(self, time_s: float) -> int:
        frame = max(0, round(min(time_s, 3600.0 * MAX_HOURS) * self.info.sr_hz))
        return min(frame, self.info.frames) if self._decoder.exact else frame

    def read(self, start_s: float, end_s: float, channel: int | None = 0) -> Samples:
        """Return one channel of one window, float32 ``[n]``; of all of them ``[channels, n]``.

        Parameters
        ----------
        start_s, end_s : float
            Seconds from the start of the file; the window is cut to what there is.
        channel : int or None
            From 0; None is all, in one pass.

        Notes
        -----
        Formats that cannot seek (GSM, .vox, everything FFmpeg reads) are decoded from the start
        when a window begins before the last one read: ask in order of time, or use
        :meth:`read_all`, which does.
        """
        if channel is not None and not 0 <= channel < self.info.channels:
            raise ValueError(f"{self.path} has {self.info.channels} channels, no channel {channel}")
        start, end = self._frame(start_s), self._frame(end_s)
        asked = slice(None) if channel is None else channel
        nothing = np.zeros((self.info.channels, 0), np.float32)[asked]
        if end <= start:
            return nothing
        if self._decoder.can_seek or self._stream is None or start < self._at:
            self._stream, self._held = self._counted(self._decoder, 0), None
            self._at = 0
            if self._decoder.can_seek:
                self._stream = self._counted(self._decoder, start, end - start)
                self._at = start
        pieces = []
        while self._at < end:
            block = self._held if self._held is not None else next(self._stream, None)
            self._held = None
            if block is None:
                break
            stop = self._at + block.shape[1]
            if stop > start:
                pieces.append(block[asked, max(0, start - self._at) : end - self._at].copy())
            if stop > end:
                self._held = block
                break
            self._at = stop
        return np.concatenate(pieces, axis=-1) if pieces else nothing

    def read_all(self, windows: Iterable[tuple[float, float]], channel: int = 0) -> list[Samples]:
        """Return several windows of one channel, in the order asked, in one pass over the file."""
        asked = list(windows)
        order = sorted(range(len(asked)), key=lambda i: asked[i][0])
        out: dict[int, Samples] = {i: self.read(*asked[i], channel) for i in order}
        return [out[i] for i in range(len(asked))]


def probe(path: str | os.PathLike[str]) -> Info:
    """Return what a file is, without reading its sound (except where only that tells its length).

    Raises
    ------
    RecordingError
        As for :class:`Recording`.
    """
    with Recording(path) as recording:
        return recording.info


def content_hash(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the file's bytes, in hex."""
    digest = hashlib.sha256()
    with open_file(path_of(path)) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
