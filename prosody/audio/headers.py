"""What a container's header promises: codec, channels, rate, and how long the file should be.

Only headers are read, a few kilobytes at most. The promise is held against the size of the file,
so that a recording that lost its end is noticed before its first half is taken for the whole.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from prosody.audio.sniff import Found, MpegFrame, mpeg_frame

_MAX_CHUNKS = 4096
_AFTER_ODD = (b"data", b"fmt ", b"fact", b"LIST", b"bext", b"cue ", b"smpl", b"JUNK", b"iXML")
# Written by recorders that stream and cannot go back to fill in the length: ffmpeg and others write
# all ones, sox and mplayer 0x7ffff000. The sound then goes on to the end of the file.
_OPEN_ENDED = ((0xFFFFFF00, 0xFFFFFFFF), (0x7FFFF000, 0x7FFFFFFF))
WAV_CODECS = {
    0x01: "PCM",
    0x02: "MS ADPCM",
    0x03: "float",
    0x06: "A-law",
    0x07: "mu-law",
    0x11: "IMA ADPCM",
    0x14: "G.723 ADPCM",
    0x22: "TrueSpeech",
    0x31: "GSM 6.10",
    0x34: "VoxWare",
    0x38: "NMS ADPCM",
    0x40: "G.721 ADPCM",
    0x42: "G.723.1",
    0x45: "G.726",
    0x50: "MPEG layer I/II",
    0x55: "MP3",
    0x57: "AMR-NB",
    0x58: "AMR-WB",
    0x64: "G.726",
    0x65: "G.722",
    0x83: "G.729",
    0xFF: "AAC",
    0x160: "WMA 1",
    0x161: "WMA 2",
    0x162: "WMA Pro",
    0xA109: "Speex",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says; None and '' where it says nothing that can be read cheaply.

    Attributes
    ----------
    channels, sr_hz : int or None
    codec : str
        For people, where the container can hold several.
    promised_bytes : int or None
        The smallest size the whole file must have.
    slack_bytes : int
        How much may be missing: a tenth of a second, since some recorders miscount a little.
    open_ended : bool
        The recorder did not fill in the length.
    broken : str
        Why the file cannot be whole, where the promise is not a number of bytes.
    edit : (int, int, bytes) or None
        Where in the file how many bytes should be which others: a length that was never filled in,
        a first frame with the number of frames, the byte after a chunk of odd length.
    bits : int
        Of a sample of plain PCM; 0 for other codecs.
    """

    channels: int | None = None
    sr_hz: int | None = None
    codec: str = ""
    promised_bytes: int | None = None
    slack_bytes: int = 0
    open_ended: bool = False
    broken: str = ""
    edit: tuple[int, int, bytes] | None = None
    bits: int = 0


def _wav(file: BinaryIO, size: int) -> Header:
    file.seek(0)
    riff = file.read(12)
    order = ">" if riff[:4] == b"RIFX" else "<"
    out, long_size = Header(), None
    for _ in range(_MAX_CHUNKS):
        at = file.tell()
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, length = chunk[:4], struct.unpack(order + "I", chunk[4:])[0]
        if name == b"data":
            start = at + 8
            if long_size is not None and length == 0xFFFFFFFF:
                length = long_size
            elif any(low <= length <= high for low, high in _OPEN_ENDED):
                return replace(out, open_ended=start + length > size)
            elif length == 0 and size > start:  # libsndfile would believe it
                rest = min(size - start, 0xFFFFFFFF)
                told = struct.pack(order + "I", rest)
                return replace(out, open_ended=True, edit=(at + 4, 4, told))
            return replace(out, promised_bytes=start + length)
        if name == b"fmt ":
            body = file.read(min(length, 40))
            if len(body) >= 16:
                tag, channels, sr_hz, rate = struct.unpack(order + "HHII", body[:12])
                if tag == 0xFFFE and len(body) >= 26:
                    tag = struct.unpack(order + "H", body[24:26])[0]
                codec = WAV_CODECS.get(tag, f"codec 0x{tag:x}")
                slack = max(64, min(rate, 1 << 22) // 10)
                bits = struct.unpack(order + "H", body[14:16])[0] if tag == 1 else 0
                out = Header(channels, sr_hz, codec, slack_bytes=slack, bits=bits, edit=out.edit)
        elif name == b"ds64":
            body = file.read(min(length, 28))
            if len(body) >= 16:
                long_size = struct.unpack("<Q", body[8:16])[0]
        end = at + 8 + length
        if length % 2:
            file.seek(end)
            if file.read(4) in _AFTER_ODD:  # the byte after an odd length was never written
                out = replace(out, edit=(end, 0, b"\0"))
                file.seek(end)
                continue
        file.seek(end + length % 2)
    return replace(out, broken="the header ends before any sound begins")


def _aiff(file: BinaryIO, size: int) -> Header:
    out = Header()
    file.seek(12)
    for _ in range(_MAX_CHUNKS):
        at = file.tell()
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        length = struct.unpack(">I", chunk[4:])[0]
        if chunk[:4] == b"COMM":
            body = file.read(min(length, 18))
            if len(body) >= 2:
                out = replace(out, channels=struct.unpack(">H", body[:2])[0])
        elif chunk[:4] == b"SSND" and length:
            out = replace(out, promised_bytes=at + 8 + length, slack_bytes=256)
        file.seek(at + 8 + length + length % 2)
    return out


def _au(file: BinaryIO, size: int) -> Header:
    file.seek(0)
    head = file.read(24)
    if len(head) < 24:
        return Header(broken="the header is cut off")
    start, length, _, sr_hz, channels = struct.unpack(
        (">" if head[:4] == b".snd" else "<") + "5I", head[4:]
    )
    if length == 0xFFFFFFFF:
        return Header(channels, sr_hz, open_ended=True)
    return Header(channels, sr_hz, promised_bytes=start + length, slack_bytes=256)


def _ogg(file: BinaryIO, size: int) -> Header:
    """Look at the last page: a page says how long it is."""
    tail = min(size, 1 << 17)  # a page is at most 65,307 bytes
    file.seek(size - tail)
    data = file.read(tail)
    at = data.rfind(b"OggS")
    while at >= 0:
        page = data[at:]
        if len(page) < 27 or len(page) < 27 + page[26]:
            return Header(broken="the last page is cut off")
        if page[4] == 0:  # the version is always 0: not a chance find inside of packed sound
            whole = 27 + page[26] + sum(page[27 : 27 + page[26]])
            if whole > len(page):
                return Header(broken="the last page is cut off")
            return Header()
        at = data.rfind(b"OggS", 0, at)
    return Header()


def _mp3(file: BinaryIO, size: int) -> Header:
    """Read the Xing/Info or VBRI header, which most encoders write into the first frame."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        if start >= size:
            return Header(broken="the file ends within its ID3 tag")
    file.seek(start)
    data = file.read(8192)
    at = next((i for i in range(len(data)) if mpeg_frame(data, i)), None)
    if at is None:
        return Header()
    frame = mpeg_frame(data, at)
    assert frame is not None
    out = Header(frame.channels, frame.sr_hz)
    side = (
        (17 if frame.channels == 1 else 32) if frame.mpeg1 else (9 if frame.channels == 1 else 17)
    )
    tag = data[at + 4 + side : at + 4 + side + 16]
    if tag[:4] in (b"Xing", b"Info") and len(tag) == 16:
        flags = struct.unpack(">I", tag[4:8])[0]
        where = 8 + 4 * (flags & 1)
        if flags & 2:
            length = struct.unpack(">I", tag[where : where + 4])[0]
            return replace(out, promised_bytes=start + at + length, slack_bytes=2 * frame.size)
    vbri = data[at + 36 : at + 36 + 14]
    if vbri[:4] == b"VBRI" and len(vbri) == 14:
        length = struct.unpack(">I", vbri[10:14])[0]
        return replace(out, promised_bytes=start + at + length, slack_bytes=2 * frame.size)
    if tag[:4] in (b"Xing", b"Info"):
        return out
    # Without such a header libmpg123 takes the first frames' bit rate for all of them, and where
    # that varies the end is lost: say how many frames there are.
    count = _mpeg_frames(file, start + at, frame)
    return replace(out, edit=(start + at, 0, _xing(data[at : at + 4], side, count)))


def _mpeg_frames(file: BinaryIO, start: int, first: MpegFrame) -> int:
    """Return how many MPEG frames of the first one's kind follow each other."""
    file.seek(start)
    data, at, count = file.read(1 << 20), 0, 0
    kind = (first.layer, first.sr_hz)
    sizes: dict[bytes, int] = {}
    while True:
        if at + 4 > len(data):
            more = file.read(1 << 20)
            if not more:
                return count
            data, at = data[at:] + more, 0
            continue
        head = data[at : at + 3]
        size = sizes.get(head)
        if size is None:
            frame = mpeg_frame(data, at)
            size = frame.size if frame is not None and (frame.layer, frame.sr_hz) == kind else 0
            sizes[head] = size
        if size:
            count, at = count + 1, at + size
            if at > len(data):  # the frame reaches beyond what was read
                file.seek(at - len(data), os.SEEK_CUR)
                data, at = b"", 0
        else:  # a tag, or damage: on to the next frame
            found = data.find(b"\xff", at + 1)
            at = found if found >= 0 else len(data)


def _xing(head: bytes, side: int, frames: int) -> bytes:
    """Return a first frame that names the number of frames, of the kind of a file's frames."""
    # Bit rate 9 of the table is large enough in every version; no padding, no check sum.
    word = struct.unpack(">I", head)[0] & ~(0xF << 12) & ~(1 << 9) | 9 << 12 | 1 << 16
    frame = struct.pack(">I", word) + bytes(side) + b"Xing" + struct.pack(">II", 1, frames)
    made = mpeg_frame(frame, 0)
    assert made is not None
    return frame + bytes(made.size - len(frame))


def _mp4(file: BinaryIO, size: int) -> Header:
    at, index = 0, False
    for _ in range(_MAX_CHUNKS):
        if at + 8 > size:
            break
        file.seek(at)
        box = file.read(16)
        length = struct.unpack(">I", box[:4])[0]
        if length == 1 and len(box) == 16:
            length = struct.unpack(">Q", box[8:])[0]
        elif length == 0:  # to the end of the file
            length = size - at
        if length < 8:
            break
        index = index or box[4:8] in (b"moov", b"moof")
        if at + length > size and box[4:8].isalnum():
            return Header(promised_bytes=at + length)
        at += length
    return Header() if index else Header(broken="the index (moov), written last, is not there")


def _vint(data: bytes) -> tuple[int, int]:
    """Return an EBML variable-length number and its width; -1 stands for 'unknown'."""
    if not data or not data[0]:
        return -1, 0
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1)
    return (-1 if value == (1 << 7 * width) - 1 else value), width


def _matroska(file: BinaryIO, size: int) -> Header:
    file.seek(4)
    length, width = _vint(file.read(8))
    if width == 0 or length < 0:
        return Header()
    at = 4 + width + length
    if at >= size:  # the first element alone promises more, up to more than any file can hold
        return Header(promised_bytes=at)
    file.seek(at)
    data = file.read(12)
    if data[:4] != b"\x18\x53\x80\x67":
        return Header()
    length, width = _vint(data[4:])
    return Header(promised_bytes=at + 4 + width + length) if width and length >= 0 else Header()


_READERS = {
    "wav": _wav,
    "aiff": _aiff,
    "au": _au,
    "ogg": _ogg,
    "mp3": _mp3,
    "mov": _mp4,
    "matroska": _matroska,
}


def inspect(file: BinaryIO, found: Found) -> Header:
    """Read what the header promises; an empty ``Header`` for formats that promise nothing."""
    reader = _READERS.get(found.demuxer)
    if reader is None or found.raw_subtype:
        return Header()
    size = file.seek(0, os.SEEK_END)
    try:
        return reader(file, size)
    except (struct.error, OverflowError, ValueError):
        return Header(broken="the header is cut off")
    finally:
        file.seek(0)
