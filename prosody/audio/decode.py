"""Turn sound files into samples: libsndfile first, FFmpeg (the ``av`` extra) second.

Both give the same three things: what the file is, a stream of blocks, and, where the format allows
it, a jump to a sample. Channels stay apart, nothing is resampled, and never more than one block is
in memory.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from prosody.audio.sniff import Found
from prosody.audio.storage import is_url
from prosody.errors import RecordingError

BLOCK_SAMPLES = 1 << 19  # samples of all channels together that one read may hold (2 MB)
# How far before a window decoding begins: a frame of MP3 borrows bits from the ones before it, and
# libsndfile's first samples after a jump to the end of a Vorbis file can be wrong.
_PREROLL = {"MPEG_LAYER_I": 4096, "MPEG_LAYER_II": 4096, "MPEG_LAYER_III": 16 * 1152,
            "VORBIS": 8192, "OPUS": 8192}  # fmt: skip
_LARGEST = 16.0  # float sound beyond this (+24 dBFS) is not on the scale of -1 to 1

Samples = NDArray[np.float32]


class Decoder(Protocol):
    """What both ways of reading offer.

    ``frames`` is -1 where only reading to the end would tell, and ``exact`` says whether it can
    be trusted to the sample. ``can_seek`` says whether ``blocks(start)`` is quick for any start.
    """

    sr_hz: int
    channels: int
    frames: int
    exact: bool
    subtype: str
    can_seek: bool

    def blocks(self, start: int = 0, wanted: int | None = None) -> Iterator[Samples]:
        """Yield ``[channels, n]`` from frame ``start`` on, until the end of the sound.

        ``wanted`` frames are needed of it: no more is decoded at a time than helps.
        """

    def close(self) -> None:
        """Let go of the file."""


def damaged(path: Path, name: str, error: Exception | str) -> RecordingError:
    """Return the error for sound that stops making sense."""
    reason = " ".join(str(error).split())[:200]
    return RecordingError(
        f"{path}: {name} whose sound cannot be read ({reason}).",
        "If the original plays to its end, copy it again; if not, convert what plays to a new WAV "
        "file.",
        code="damaged",
    )


def checked(path: Path, block: Samples) -> Samples:
    """Return the block, refusing samples that are no numbers or far out of scale."""
    peak = float(np.max(np.abs(block), initial=0.0))  # NaN and infinity come through the maximum
    if not peak <= _LARGEST:
        found = f"samples of {peak:g}" if math.isfinite(peak) else "samples that are no numbers"
        raise RecordingError(
            f"{path}: found {found}, expected -1 to 1.",
            "The file is damaged or was written on another scale: export it again as 16-bit PCM.",
            code="bad_samples",
        )
    return block


def _skipping(blocks: Iterator[Samples], skip: int) -> Iterator[Samples]:
    """Leave out the first ``skip`` frames of a stream."""
    for block in blocks:
        if skip >= block.shape[1]:
            skip -= block.shape[1]
            continue
        yield block[:, skip:] if skip else block
        skip = 0


class Edited(io.RawIOBase):
    """A file as if other bytes stood in it: `gone` of its own left out, and `data` in their place.

    So a header says what its recorder never filled in, without the file being touched.
    """

    def __init__(self, file: BinaryIO, at: int, gone: int, data: bytes) -> None:
        self._file, self._from, self._data, self._at = file, at, data, 0
        self._more = len(data) - gone

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        view = memoryview(buffer).cast("B")
        start, low, high = self._at, self._from, self._from + len(self._data)
        if start < low:
            self._file.seek(start)
            got = self._file.read(min(len(view), low - start))
        elif start < high:
            got = self._data[start - low : start - low + len(view)]
        else:
            self._file.seek(start - self._more)
            got = self._file.read(len(view))
        view[: len(got)] = got
        self._at += len(got)
        return len(got)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as in a file with the other bytes in it."""
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            offset += self._file.seek(0, os.SEEK_END) + self._more
        self._at = max(0, offset)
        return self._at

    def tell(self) -> int:
        """Return the place in the file with the other bytes in it."""
        return self._at


class SoundFile:
    """libsndfile, through ``soundfile``."""

    exact = True

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        found: Found,
        edit: tuple[int, int, bytes] | None = None,
    ) -> None:
        import soundfile

        self._lib, self._edit = soundfile, edit
        self._path, self._source, self._found = path, file, found
        self._file = self._open()
        self._fresh = True
        self.sr_hz = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        frames = int(self._file.frames)
        self.frames = frames if 0 <= frames < 1 << 60 else -1  # libsndfile's way to say unknown
        self.subtype = str(self._file.subtype)
        self.can_seek = bool(self._file.seekable())
        self._preroll = _PREROLL.get(self.subtype, 0)

    def _open(self) -> Any:
        raw: dict[str, Any] = {}
        if self._found.raw_subtype:
            raw = {
                "format": "RAW",
                "subtype": self._found.raw_subtype,
                "samplerate": self._found.raw_sr_hz,
                "channels": 1,
            }
        self._source.seek(0)
        if self._edit is not None:
            return self._lib.SoundFile(Edited(self._source, *self._edit), **raw)
        # Descriptors do not cross C libraries on Windows, and what lies elsewhere has none.
        if os.name == "nt" or is_url(self._path):
            return self._lib.SoundFile(self._source, **raw)
        # By descriptor, libsndfile never sees the name and cannot guess from it.
        handle = os.dup(self._source.fileno())
        os.lseek(handle, 0, os.SEEK_SET)  # the buffer's seek may not have moved the descriptor
        try:
            return self._lib.SoundFile(handle, closefd=True, **raw)
        except BaseException:
            with suppress(OSError):
                os.close(handle)
            raise

    def _raw_blocks(self, size: int) -> Iterator[Samples]:
        while True:
            try:
                block = self._file.read(size, dtype="float32", always_2d=True)
            except (self._lib.LibsndfileError, RuntimeError, OSError) as error:
                raise damaged(self._path, self._found.name, error) from error
            if not len(block):
                return
            yield np.ascontiguousarray(block.T)

    def blocks(self, start: int = 0, wanted: int | None = None) -> Iterator[Samples]:
        """Yield ``[channels, n]`` from frame ``start`` on."""
        at, size = 0, max(1024, BLOCK_SAMPLES // self.channels)
        try:
            if self.can_seek:
                at = max(0, min(start, max(self.frames, 0)) - self._preroll)
                self._file.seek(at)
            elif not self._fresh:
                self._file.close()
                self._file = self._open()
        except (self._lib.LibsndfileError, RuntimeError, OSError) as error:
            raise damaged(self._path, self._found.name, error) from error
        self._fresh = False
        if self.can_seek and wanted is not None:
            size = min(size, max(1024, start - at + wanted))
        return _skipping(self._raw_blocks(size), start - at)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


# How FFmpeg's sample formats become -1 to 1.
_SCALES = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 2.0**63}


class _Source:
    """A file as PyAV reads it, with errors kept for us.

    PyAV holds one error of the file at a time, and prints the second to the screen.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        """Return bytes, none after an error."""
        try:
            return self._file.read(size)
        except (OSError, ValueError) as error:
            self.error = self.error or error
            return b""

    def seek(self, at: int, whence: int = os.SEEK_SET) -> int:
        """Return the new place, or -1 where the file has no such place."""
        try:
            return self._file.seek(at, whence)
        except (OSError, ValueError):
            return -1  # to FFmpeg that is an error like others

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()


class AvFile:
    """FFmpeg, through PyAV: M4A, WMA, WebM, AMR, G.729 and whatever else it decodes.

    The container format is the sniffed one and the bytes come from our own open file, so that a
    playlist or a reference in a hostile file cannot make FFmpeg open anything else.
    """

    can_seek = False  # packets of most such formats do not start at a known sample

    def __init__(self, path: Path, file: BinaryIO, found: Found) -> None:
        import av

        self._av = av
        self._path, self._source, self._found = path, file, found
        self._container: Any = None
        self._errors: tuple[type[Exception], ...] = (
            av.error.FFmpegError, OSError, ValueError, RuntimeError, LookupError,
        )  # fmt: skip
        try:
            stream = self._start()
            first = next(self._frames(), None)
        except RecordingError:
            self.close()
            raise
        except self._errors as error:
            self.close()
            raise ValueError(str(error)) from error
        if first is None:
            self.close()
            raise RecordingError(
                f"{path}: {found.name} without any sound in it.",
                "Check that the recording was exported with its sound.",
                code="empty",
            )
        self.sr_hz, self.channels = int(first.sample_rate), len(first.layout.channels)
        self.subtype = str(stream.codec_context.name)
        self.tracks: int = len(stream.container.streams.audio)
        self.exact = False
        self.frames = self._declared(stream)

    def _start(self) -> Any:
        self.close()
        self._source.seek(0)
        self._io = _Source(self._source)
        # Titles in odd encodings are no reason to refuse; PyAV 19 never does, and has no such word.
        old = int(self._av.__version__.split(".")[0]) < 19
        lenient: dict[str, Any] = {"metadata_errors": "ignore"} if old else {}
        self._container = self._av.open(self._io, mode="r", format=self._found.demuxer, **lenient)
        if not self._container.streams.audio:
            raise RecordingError(
                f"{self._path}: {self._found.name} without a sound track.",
                "Check that the recording was exported with its sound.",
                code="no_channels",
            )
        stream = self._container.streams.audio[0]
        if stream.codec_context is None:
            raise ValueError("no decoder for its sound")
        stream.codec_context.thread_count = 1
        return stream

    def _declared(self, stream: Any) -> int:
        seconds: Fraction | float | None = None
        if self._found.demuxer in ("mov", "matroska", "asf", "flv", "wav", "aiff"):
            if stream.duration and stream.time_base:
                seconds = stream.duration * stream.time_base
            elif self._container.duration:
                seconds = self._container.duration / 1e6
        return round(seconds * self.sr_hz) if seconds and 0 < seconds < 1e9 else -1

    def _frames(self) -> Iterator[Any]:
        """Yield decoded frames; packets that cannot be decoded are an error, not skipped."""
        yield from self._container.decode(self._container.streams.audio[0])

    def _samples(self, frame: Any) -> Samples:
        if frame.sample_rate != self.sr_hz or len(frame.layout.channels) != self.channels:
            raise ValueError(
                f"it changes from {self.channels} channels at {self.sr_hz} Hz to "
                f"{len(frame.layout.channels)} at {frame.sample_rate} Hz"
            )
        values = frame.to_ndarray()
        if not frame.format.is_planar:
            values = values.reshape(-1, self.channels).T
        scale = _SCALES.get(frame.format.packed.name)
        if scale is None:
            return np.ascontiguousarray(values, dtype=np.float32)
        shift = 128.0 if scale == 128.0 else 0.0
        return np.ascontiguousarray((values - np.float32(shift)) / np.float32(scale), np.float32)

    def _raw_blocks(self) -> Iterator[Samples]:
        size = max(1024, BLOCK_SAMPLES // self.channels)
        held: list[Samples] = []
        count = 0
        try:
            self._start()
            for frame in self._frames():
                held.append(self._samples(frame))
                count += held[-1].shape[1]
                if count >= size:
                    yield np.concatenate(held, axis=1)
                    held, count = [], 0
            if self._io.error is not None:
                raise self._io.error
        except RecordingError:
            raise
        except self._errors as error:
            raise damaged(self._path, self._found.name, error) from error
        if held:
            yield np.concatenate(held, axis=1)

    def blocks(self, start: int = 0, wanted: int | None = None) -> Iterator[Samples]:
        """Yield ``[channels, n]`` from frame ``start`` on; always decodes from the beginning."""
        return _skipping(self._raw_blocks(), start)

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
            self._container = None


def has_av() -> bool:
    """Whether the ``av`` extra is installed (without loading it)."""
    from importlib.util import find_spec

    return find_spec("av") is not None
