"""One sound file: what it is, and its samples in blocks or windows.

A file is believed only as far as it was checked: the format comes from its content, the length is
held against its size, and nothing is ever read as a whole. Everything that can be wrong with a file
is a :class:`RecordingError` whose ``code`` is one of :data:`CODES`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from prosody.containers import Header, inspect
from prosody.decode import INSTALL_LINE, AvFile, Decoder, Samples, SoundFile, checked, has_av
from prosody.errors import RecordingError
from prosody.sniff import HEADERLESS, Found, read_head, sniff

MAX_CHANNELS = 8
MIN_SR_HZ, MAX_SR_HZ = 6000, 384_000
MAX_HOURS = 24.0

CODES = {
    "not_found": "there is no such file",
    "no_access": "the file or folder may not be read",
    "not_a_file": "a folder, pipe or device stands where a file should",
    "empty": "no bytes, or no sound in them",
    "not_audio": "the content is something other than sound",
    "truncated": "the end of the file is missing",
    "damaged": "the sound cannot be decoded to its end",
    "no_channels": "the header says there are no channels, or there is no sound track",
    "too_many_channels": f"more than {MAX_CHANNELS} channels",
    "unsupported_rate": f"a sample rate outside {MIN_SR_HZ} to {MAX_SR_HZ} Hz",
    "unsupported_format": "a sound format that neither libsndfile nor FFmpeg reads",
    "missing_extra": "a sound format that needs the av extra",
    "bad_samples": "samples that are not numbers, or far out of scale",
    "too_long": f"longer than {MAX_HOURS:g} hours",
}

_COPY_AGAIN = "Copy it again from where it was made, and check that the copy has the same size."


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a recording that does not stop it: a stable code and a sentence."""

    code: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


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
    remarks : tuple of Remark
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
    remarks: tuple[Remark, ...] = field(default=())


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; pipes and devices are refused without waiting on them."""
    try:
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except FileNotFoundError as error:
        raise RecordingError(
            f"{path}: there is no such file.",
            "Check the path, and that a link does not point nowhere.",
            code="not_found",
        ) from error
    except PermissionError as error:
        if path.is_dir():
            raise _not_a_file(path, "a folder") from error
        raise RecordingError(
            f"{path}: may not be read.",
            "Give the user who runs this read access.",
            code="no_access",
        ) from error
    except (OSError, ValueError) as error:
        kind = getattr(error, "errno", None)
        if kind in (errno.ENXIO, errno.EISDIR):
            raise _not_a_file(path, "a pipe, socket or folder") from error
        raise RecordingError(
            f"{path}: cannot be opened ({error}).", "Check the path and the disk.", code="not_found"
        ) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode) and not os.access(path, os.R_OK | os.X_OK):
            raise RecordingError(
                f"{path}: a folder that may not be read.",
                "Give the user who runs this read access.",
                code="no_access",
            )
        raise _not_a_file(path, "a folder" if stat.S_ISDIR(mode) else "a pipe or device")
    return os.fdopen(handle, "rb")


def _not_a_file(path: Path, what: str) -> RecordingError:
    return RecordingError(
        f"{path}: found {what}, expected a sound file.",
        "Name the recording itself, or the folder it is in.",
        code="not_a_file",
    )


def _refuse(path: Path, found: Found, header: Header, size: int) -> None:
    """Refuse what the content and the header alone show to be unusable."""
    if size == 0:
        raise RecordingError(f"{path}: the file is empty (0 bytes).", _COPY_AGAIN, code="empty")
    if not found.audio:
        what = "content that is no known sound format" if found.name == "unknown" else found.name
        raise RecordingError(
            f"{path}: found {what}, expected a sound file.",
            "Export the recording again as WAV, or leave this file out.",
            code="not_audio",
        )
    if header.channels == 0:
        raise RecordingError(
            f"{path}: {found.name} whose header says 0 channels.",
            "Export the recording again; this header cannot be right.",
            code="no_channels",
        )
    promised = header.promised_bytes
    if promised is not None and promised - size > min(header.slack_bytes, max(64, promised // 50)):
        raise RecordingError(
            f"{path}: {found.name} of {size} bytes, its header promises {promised}: the end is "
            "missing.",
            _COPY_AGAIN + " To use what there is, convert it to a new WAV file first.",
            code="truncated",
        )
    if header.broken:
        raise RecordingError(
            f"{path}: {found.name} that breaks off: {header.broken}.", _COPY_AGAIN, code="truncated"
        )


def _limits(path: Path, found: Found, decoder: Decoder) -> None:
    if decoder.channels < 1:
        raise RecordingError(f"{path}: no channels.", "Export it again.", code="no_channels")
    if decoder.channels > MAX_CHANNELS:
        raise RecordingError(
            f"{path}: {found.name} with {decoder.channels} channels, expected 1 to {MAX_CHANNELS}.",
            "Export the channels of the two speakers alone.",
            code="too_many_channels",
        )
    if not MIN_SR_HZ <= decoder.sr_hz <= MAX_SR_HZ:
        raise RecordingError(
            f"{path}: {found.name} at {decoder.sr_hz} samples per second, expected {MIN_SR_HZ} to "
            f"{MAX_SR_HZ}.",
            "Export the recording again at 8000 Hz or more; the header may be wrong.",
            code="unsupported_rate",
        )
    if decoder.frames == 0:
        raise RecordingError(
            f"{path}: {found.name} with a header and no sound after it.", _COPY_AGAIN, code="empty"
        )
    if decoder.frames > MAX_HOURS * 3600 * decoder.sr_hz:
        raise _too_long(path)


def _too_long(path: Path) -> RecordingError:
    return RecordingError(
        f"{path}: longer than {MAX_HOURS:g} hours.",
        "Cut the recording into calls first; a header may also promise more than there is.",
        code="too_long",
    )


def _unreadable(path: Path, found: Found, header: Header, error: Exception | None) -> Exception:
    """Say why nothing could open the file."""
    name = f"{found.name} ({header.codec})" if header.codec else found.name
    reason = " ".join(str(error).split())[:200] if error else ""
    if found.demuxer and header.codec not in _NOT_BY_FFMPEG and not has_av():
        return RecordingError(
            f"{path}: found {name}, which needs the av extra"
            + (f" (libsndfile: {reason})." if reason else "."),
            f"Install it: {INSTALL_LINE}",
            code="missing_extra",
        )
    return RecordingError(
        f"{path}: found {name}, which cannot be decoded" + (f" ({reason})." if reason else "."),
        "Export the recording again as WAV; if other programs play it, tell us about the format.",
        code="unsupported_format",
    )


def _decoder(path: Path, file: BinaryIO, found: Found, header: Header) -> tuple[Decoder, str]:
    """Open the file with the first way of reading that can."""
    failure: Exception | None = None
    if found.soundfile:
        import soundfile

        try:
            return SoundFile(path, file, found), "soundfile"
        except (soundfile.LibsndfileError, RuntimeError, OSError, ValueError) as error:
            failure = error
    rate = header.sr_hz
    if rate is not None and not MIN_SR_HZ <= rate <= MAX_SR_HZ:
        raise RecordingError(
            f"{path}: {found.name} at {rate} samples per second, expected {MIN_SR_HZ} to "
            f"{MAX_SR_HZ}.",
            "Export the recording again at 8000 Hz or more; the header may be wrong.",
            code="unsupported_rate",
        )
    if (header.channels or 1) > MAX_CHANNELS:
        raise RecordingError(
            f"{path}: {found.name} with {header.channels} channels, expected 1 to {MAX_CHANNELS}.",
            "Export the channels of the two speakers alone.",
            code="too_many_channels",
        )
    if found.demuxer and header.codec not in _NOT_BY_FFMPEG and has_av():
        try:
            return AvFile(path, file, found), "av"
        except RecordingError:
            raise
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            failure = failure if found.soundfile and failure else error
    raise _unreadable(path, found, header, failure)


# FFmpeg takes these for something else and decodes noise, or not at all.
_NOT_BY_FFMPEG = ("G.721 ADPCM", "G.723 ADPCM", "NMS ADPCM")

_SUFFIXES = {
    "WAV": (".wav", ".wave", ".wav49", ".rf64", ".bwf"),
    "FLAC": (".flac",),
    "MP3": (".mp3",),
    "AIFF": (".aif", ".aiff", ".aifc"),
    "AU": (".au", ".snd"),
    "M4A/MP4": (".m4a", ".mp4", ".m4b", ".3gp", ".3ga", ".mov", ".aac"),
    "WMA/ASF": (".wma", ".asf"),
    "WebM/Matroska": (".webm", ".mka", ".mkv", ".weba"),
    "AMR": (".amr", ".3gp"),
}


def _remarks(path: Path, found: Found, header: Header, decoder: Decoder) -> tuple[Remark, ...]:
    out = []
    suffix = path.suffix.lower()
    claimed = next((name for name, ends in _SUFFIXES.items() if suffix in ends), "")
    if not claimed and suffix in HEADERLESS:
        claimed = HEADERLESS[suffix].name
    if claimed and claimed != found.name and suffix not in _SUFFIXES.get(found.name, ()):
        out.append(
            Remark("renamed", f"Named {suffix}, holds {found.name}; it was read by its content.")
        )
    if header.open_ended:
        out.append(
            Remark(
                "open_ended",
                "The recorder did not write the length; the sound was read to the file's end.",
            )
        )
    if getattr(decoder, "tracks", 1) > 1:
        out.append(Remark("more_tracks", "The file has several sound tracks; the first was read."))
    return tuple(out)


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
        self.path = Path(path)
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
        size = os.fstat(file.fileno()).st_size
        found = sniff(read_head(file), path.name)
        header = inspect(file, found) if found.audio else Header()
        _refuse(path, found, header, size)
        decoder, by = _decoder(path, file, found, header)
        try:
            _limits(path, found, decoder)
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
            remarks=_remarks(path, found, header, decoder),
        )

    def _counted(self, decoder: Decoder, start: int = 0) -> Iterator[Samples]:
        """Stream, checking every block, and stop at the longest length allowed."""
        count = start
        for block in decoder.blocks(start):
            count += block.shape[1]
            if count > MAX_HOURS * 3600 * decoder.sr_hz:
                raise _too_long(self.path)
            yield checked(self.path, block)

    def _has_its_end(self, decoder: Decoder, found: Found) -> None:
        """Read the last moment of a FLAC file, whose header gives a length but no size."""
        try:
            last = next(decoder.blocks(max(0, decoder.frames - 1)), None)
        except RecordingError:
            last = None
        if last is None or not last.size:
            raise RecordingError(
                f"{self.path}: {found.name} of {decoder.frames / decoder.sr_hz:.1f} s by its "
                "header, whose end is missing.",
                _COPY_AGAIN,
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
                _COPY_AGAIN,
                code="truncated",
            )

    def _frame(self, time_s: float) -> int:
        frame = max(0, round(min(time_s, 3600.0 * MAX_HOURS) * self.info.sr_hz))
        return min(frame, self.info.frames) if self._decoder.exact else frame

    def read(self, start_s: float, end_s: float, channel: int = 0) -> Samples:
        """Return one channel of one window, float32 ``[n]``.

        Parameters
        ----------
        start_s, end_s : float
            Seconds from the start of the file; the window is cut to what there is.
        channel : int
            From 0.

        Notes
        -----
        Formats that cannot seek (GSM, .vox, everything FFmpeg reads) are decoded from the start
        when a window begins before the last one read: ask in order of time, or use
        :meth:`read_all`, which does.
        """
        if not 0 <= channel < self.info.channels:
            raise ValueError(f"{self.path} has {self.info.channels} channels, no channel {channel}")
        start, end = self._frame(start_s), self._frame(end_s)
        if end <= start:
            return np.zeros(0, np.float32)
        if self._decoder.can_seek or self._stream is None or start < self._at:
            self._stream, self._held = self._counted(self._decoder, 0), None
            self._at = 0
            if self._decoder.can_seek:
                self._stream, self._at = self._counted(self._decoder, start), start
        pieces = []
        while self._at < end:
            block = self._held if self._held is not None else next(self._stream, None)
            self._held = None
            if block is None:
                break
            stop = self._at + block.shape[1]
            if stop > start:
                pieces.append(block[channel, max(0, start - self._at) : end - self._at].copy())
            if stop > end:
                self._held = block
                break
            self._at = stop
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

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
    with open_file(Path(path)) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
