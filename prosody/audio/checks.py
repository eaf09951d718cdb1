"""Which files are let in: which way of reading opens them, and why the others are refused.

Everything that can be wrong with a file is a :class:`RecordingError` whose ``code`` is one of
:data:`CODES`, with a message that says what was found and a remedy that says what to do.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from prosody.audio.decode import AvFile, Decoder, SoundFile, has_av
from prosody.audio.headers import Header
from prosody.audio.sniff import HEADERLESS, Found
from prosody.audio.storage import is_url, open_url
from prosody.errors import RecordingError, install_line
from prosody.message import Message

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
    "clip_too_long": "longer than 5 minutes, with --clips",
    "too_long": f"longer than {MAX_HOURS:g} hours",
}

NOT_WHOLE = (
    "If the original is larger, copy it again; if it is not, its end was never written: convert "
    "what there is to a new WAV file."
)
NOTHING_IN_IT = "If the original holds sound, copy it again; if not, nothing was recorded."


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; pipes and devices are refused without waiting on them."""
    if is_url(path):
        return open_url(path)
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


def refuse(path: Path, found: Found, header: Header, size: int) -> None:
    """Refuse what the content and the header alone show to be unusable."""
    if size == 0:
        raise RecordingError(f"{path}: the file is empty (0 bytes).", NOTHING_IN_IT, code="empty")
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
    if 0 < header.bits < 8:  # libsndfile would read whole bytes, which is noise
        raise RecordingError(
            f"{path}: {found.name} with {header.bits} bits a sample, expected 8 or more.",
            "Export the recording again as 16-bit PCM.",
            code="unsupported_format",
        )
    promised = header.promised_bytes
    if promised is not None and promised - size > min(header.slack_bytes, max(64, promised // 50)):
        raise RecordingError(
            f"{path}: {found.name} of {size} bytes, its header promises {promised}: the end is "
            "missing.",
            NOT_WHOLE,
            code="truncated",
        )
    if header.broken:
        raise RecordingError(
            f"{path}: {found.name} that breaks off: {header.broken}.", NOT_WHOLE, code="truncated"
        )


def _channels_and_rate(path: Path, found: Found, channels: int, sr_hz: int | None) -> None:
    if channels > MAX_CHANNELS:
        raise RecordingError(
            f"{path}: {found.name} with {channels} channels, expected 1 to {MAX_CHANNELS}.",
            "Export the channels of the two speakers alone.",
            code="too_many_channels",
        )
    if sr_hz is not None and not MIN_SR_HZ <= sr_hz <= MAX_SR_HZ:
        raise RecordingError(
            f"{path}: {found.name} at {sr_hz} samples per second, expected {MIN_SR_HZ} to "
            f"{MAX_SR_HZ}.",
            "Export the recording again at 8000 Hz or more; the header may be wrong.",
            code="unsupported_rate",
        )


def limits(path: Path, found: Found, decoder: Decoder) -> None:
    """Refuse channels, rates and lengths that no call has."""
    if decoder.channels < 1:
        raise RecordingError(f"{path}: no channels.", "Export it again.", code="no_channels")
    _channels_and_rate(path, found, decoder.channels, decoder.sr_hz)
    if decoder.frames == 0:
        raise RecordingError(
            f"{path}: {found.name} with a header and no sound after it.",
            NOTHING_IN_IT,
            code="empty",
        )
    if decoder.frames > MAX_HOURS * 3600 * decoder.sr_hz:
        raise too_long(path)


def too_long(path: Path) -> RecordingError:
    """Return the error for a recording beyond the longest length."""
    return RecordingError(
        f"{path}: longer than {MAX_HOURS:g} hours.",
        "Cut the recording into calls first; a header may also promise more than there is.",
        code="too_long",
    )


def unreadable(path: Path, found: Found, header: Header, error: Exception | None) -> Exception:
    """Say why nothing could open the file."""
    name = f"{found.name} ({header.codec})" if header.codec else found.name
    reason = " ".join(str(error).split())[:200] if error else ""
    if found.demuxer and header.codec not in _NOT_BY_FFMPEG and not has_av():
        return RecordingError(
            f"{path}: found {name}, which needs the av extra"
            + (f" (libsndfile: {reason})." if reason else "."),
            f"Install it: {install_line('av')}",
            code="missing_extra",
        )
    return RecordingError(
        f"{path}: found {name}, which cannot be decoded" + (f" ({reason})." if reason else "."),
        "Export the recording again as WAV; if other programs play it, tell us about the format.",
        code="unsupported_format",
    )


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


def remarks(path: Path, found: Found, header: Header, decoder: Decoder) -> tuple[Message, ...]:
    """Say what is odd about a file that can be read."""
    out = []
    suffix = path.suffix.lower()
    claimed = next((name for name, ends in _SUFFIXES.items() if suffix in ends), "")
    if not claimed and suffix in HEADERLESS:
        claimed = HEADERLESS[suffix].name
    if claimed and claimed != found.name and suffix not in _SUFFIXES.get(found.name, ()):
        out.append(Message.of("renamed", suffix=suffix, format=found.name))
    if header.open_ended:
        out.append(Message.of("open_ended"))
    if header.edit is not None and not header.edit[1] and found.demuxer == "wav":
        out.append(Message.of("no_pad_byte"))
    if getattr(decoder, "tracks", 1) > 1:
        out.append(Message.of("more_tracks"))
    return tuple(out)


def open_decoder(path: Path, file: BinaryIO, found: Found, header: Header) -> tuple[Decoder, str]:
    """Open the file with the first way of reading that can."""
    failure: Exception | None = None
    if found.soundfile:
        import soundfile

        try:
            return SoundFile(path, file, found, header.edit), "soundfile"
        except (soundfile.LibsndfileError, RuntimeError, OSError, ValueError) as error:
            failure = error
    _channels_and_rate(path, found, header.channels or 1, header.sr_hz)
    if found.demuxer and header.codec not in _NOT_BY_FFMPEG and has_av():
        try:
            return AvFile(path, file, found), "av"
        except RecordingError:
            raise
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            failure = failure if found.soundfile and failure else error
    raise unreadable(path, found, header, failure)
