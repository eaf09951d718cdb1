"""What a file holds: told from its content and never from its name alone.

The name decides only for the headerless telephone formats (``.vox``, ``.ul``, ``.g729`` ...), which
have no signature, and only when the content shows none of something else.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    Attributes
    ----------
    name : str
        For people: ``WAV``, ``M4A/MP4``, ``plain text``, ``a PDF document`` ...
    audio : bool
        Whether it is a sound (or film) format at all.
    soundfile : bool
        Whether libsndfile is worth a try.
    demuxer : str
        FFmpeg's name of the container; it is forced on FFmpeg, so that nothing can be smuggled in
        that fetches or includes other files (playlists). Empty: FFmpeg is not tried.
    raw_subtype, raw_sr_hz
        For headerless sound: libsndfile's subtype and the rate that goes with the name.
    weak : bool
        The signature is so short that a text or headerless sound may begin with it by chance.
    """

    name: str
    audio: bool = True
    soundfile: bool = False
    demuxer: str = ""
    raw_subtype: str = ""
    raw_sr_hz: int = 0
    weak: bool = False


# Headerless telephone sound: nothing in the content tells, so the name must.
HEADERLESS = {
    ".vox": Found("Dialogic ADPCM (.vox)", soundfile=True, raw_subtype="VOX_ADPCM", raw_sr_hz=8000),
    ".gsm": Found("raw GSM 6.10", soundfile=True, raw_subtype="GSM610", raw_sr_hz=8000),
    ".ul": Found("raw mu-law", soundfile=True, raw_subtype="ULAW", raw_sr_hz=8000),
    ".al": Found("raw A-law", soundfile=True, raw_subtype="ALAW", raw_sr_hz=8000),
    ".sln": Found("raw 16-bit PCM", soundfile=True, raw_subtype="PCM_16", raw_sr_hz=8000),
    ".sln16": Found("raw 16-bit PCM", soundfile=True, raw_subtype="PCM_16", raw_sr_hz=16000),
    ".g722": Found("raw G.722", demuxer="g722"),
    ".g729": Found("raw G.729", demuxer="g729"),
    ".g723_1": Found("raw G.723.1", demuxer="g723_1"),
}
HEADERLESS |= {
    ".ulaw": HEADERLESS[".ul"],
    ".pcmu": HEADERLESS[".ul"],
    ".alaw": HEADERLESS[".al"],
    ".pcma": HEADERLESS[".al"],
    ".g723": HEADERLESS[".g723_1"],
}

_ENDINGS = (
    "3ga 3gp aac ac3 aif aifc aiff amr ape asf au avi awb caf flac flv m4a m4b mka mkv mov mp2 mp3 "
    "mp4 mpeg mpg oga ogg opus rf64 snd sph spx tta voc w64 wav wav49 wave webm weba wma wv"
)
AUDIO_SUFFIXES = frozenset(HEADERLESS) | {f".{name}" for name in _ENDINGS.split()}

# (offset, signature, what it is); the first that fits.
_SIGNATURES: tuple[tuple[int, bytes, Found], ...] = (
    (0, b"fLaC", Found("FLAC", soundfile=True, demuxer="flac")),
    (0, b"riff\x2e\x91\xcf\x11", Found("W64", soundfile=True, demuxer="w64")),
    (0, b"caff", Found("CAF", soundfile=True, demuxer="caf")),
    (0, b".snd", Found("AU", soundfile=True, demuxer="au")),
    (0, b"dns.", Found("AU", soundfile=True)),
    (0, b"NIST_1A", Found("NIST Sphere", soundfile=True, demuxer="nistsphere")),
    (0, b"Creative Voice File", Found("VOC", soundfile=True, demuxer="voc")),
    (0, b"#!AMR-WB\n", Found("AMR-WB", demuxer="amr")),
    (0, b"#!AMR\n", Found("AMR", demuxer="amr")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Found("WMA/ASF", demuxer="asf")),
    (0, b"\x1a\x45\xdf\xa3", Found("WebM/Matroska", demuxer="matroska")),
    (0, b"FLV\x01", Found("Flash video", demuxer="flv")),
    (0, b"wvpk", Found("WavPack", demuxer="wv")),
    (0, b"MAC ", Found("Monkey's Audio", demuxer="ape")),
    (0, b"TTA1", Found("TTA", demuxer="tta")),
    (0, b"\x0b\x77", Found("AC-3", demuxer="ac3", weak=True)),
    (0, b"#!SILK", Found("Skype SILK")),
    (0, b"\x02#!SILK", Found("WeChat SILK")),
    (4, b"ftyp", Found("M4A/MP4", demuxer="mov")),
    (4, b"moov", Found("M4A/MP4", demuxer="mov")),
    (4, b"mdat", Found("M4A/MP4", demuxer="mov")),
    (4, b"wide", Found("M4A/MP4", demuxer="mov")),
    (0, b"ADIF", Found("AAC (ADIF)")),
    (0, b"DSD ", Found("DSF", demuxer="dsf")),
    (0, b"\x00\x00\x01\xba", Found("MPEG programme stream", demuxer="mpeg")),
    (0, b"MThd", Found("MIDI notes", audio=False)),
    (0, b"PK\x03\x04", Found("a ZIP archive or office document", audio=False)),
    (0, b"PK\x05\x06", Found("an empty ZIP archive", audio=False)),
    (0, b"%PDF", Found("a PDF document", audio=False)),
    (0, b"\x89PNG", Found("a PNG picture", audio=False)),
    (0, b"\xff\xd8\xff", Found("a JPEG picture", audio=False, weak=True)),
    (0, b"GIF8", Found("a GIF picture", audio=False)),
    (0, b"BM", Found("a BMP picture", audio=False, weak=True)),
    (0, b"\x1f\x8b", Found("gzip-compressed data", audio=False, weak=True)),
    (0, b"BZh", Found("bzip2-compressed data", audio=False, weak=True)),
    (0, b"\xfd7zXZ", Found("xz-compressed data", audio=False)),
    (0, b"7z\xbc\xaf", Found("a 7-Zip archive", audio=False)),
    (0, b"Rar!", Found("a RAR archive", audio=False)),
    (0, b"\x28\xb5\x2f\xfd", Found("zstd-compressed data", audio=False)),
    (0, b"\x7fELF", Found("a program", audio=False)),
    (0, b"MZ", Found("a Windows program", audio=False, weak=True)),
    (0, b"SQLite format 3", Found("a database", audio=False)),
    (0, b"\xd0\xcf\x11\xe0", Found("an old Office document", audio=False)),
    (0, b"Salted__", Found("encrypted data (openssl)", audio=False)),
    (0, b"-----BEGIN PGP", Found("encrypted data (PGP)", audio=False)),
)

_MP3 = Found("MP3", soundfile=True, demuxer="mp3")
_MP2 = Found("MPEG audio layer I/II", soundfile=True, demuxer="mp3")
_AAC = Found("AAC (ADTS)", demuxer="aac")
_OGG_CODECS = (
    (b"\x01vorbis", Found("Ogg Vorbis", soundfile=True, demuxer="ogg")),
    (b"OpusHead", Found("Ogg Opus", soundfile=True, demuxer="ogg")),
    (b"\x7fFLAC", Found("Ogg FLAC", soundfile=True, demuxer="ogg")),
    (b"Speex   ", Found("Ogg Speex", demuxer="ogg")),
)
_BITRATES = {  # kbit/s by (MPEG 1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True)
class MpegFrame:
    """The header of one MPEG audio frame."""

    layer: int
    sr_hz: int
    channels: int
    size: int
    samples: int
    mpeg1: bool


def mpeg_frame(data: bytes, at: int) -> MpegFrame | None:
    """Return the MPEG audio frame that begins at ``at``, None where none does (or free format)."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    rate_index, bit_index = data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or bit_index in (0, 15):
        return None
    mpeg1 = version == 3
    sr = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BITRATES[mpeg1, layer][bit_index] * 1000
    padding = data[at + 2] >> 1 & 1
    samples = {1: 384, 2: 1152, 3: 1152 if mpeg1 else 576}[layer]
    size = (12 * bits // sr + padding) * 4 if layer == 1 else samples // 8 * bits // sr + padding
    channels = 1 if data[at + 3] >> 6 == 3 else 2
    return MpegFrame(layer, sr, channels, size, samples, mpeg1) if size > 4 else None


def _mpeg(head: bytes) -> Found | None:
    """Find two MPEG audio frames (or ADTS frames) in a row near the start."""
    for at in range(min(len(head), 8192)):
        if head[at] != 0xFF:
            continue
        frame = mpeg_frame(head, at)
        if frame is not None:
            after = mpeg_frame(head, at + frame.size)
            if after is not None and (after.layer, after.sr_hz) == (frame.layer, frame.sr_hz):
                return _MP3 if frame.layer == 3 else _MP2
        if at == 0 and len(head) > 7 and head[1] & 0xF6 == 0xF0:  # ADTS: sync and layer 0
            size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
            if size > 7 and head[size : size + 1] == b"\xff" and head[size + 1] & 0xF6 == 0xF0:
                return _AAC
    return None


def _text(head: bytes) -> Found | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) >= 4:
        try:
            shown = head[: len(head) // 2 * 2].decode("utf-16", errors="strict")
        except UnicodeDecodeError:
            return None
        seen = "".join(shown[1:64].split())
        return Found("plain text (UTF-16)", audio=False) if seen.isprintable() else None
    printable = bytes(string.printable, "ascii")
    body = head.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in body or not body:
        return None
    odd = len(body.translate(None, printable))
    if odd > 0.3 * len(body):
        return None
    if odd:  # accents are fine when they are UTF-8 (the last character may be cut), or few
        try:
            body[:-4].decode("utf-8")
        except UnicodeDecodeError:
            if odd > 0.05 * len(body):
                return None
    start = body.lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Found("a web page (HTML)", audio=False)
    if start.startswith(b"<?xml"):
        return Found("XML text", audio=False)
    if start.startswith((b"{", b"[")):
        return Found("JSON text", audio=False)
    if start.startswith(b"#extm3u"):
        return Found("a playlist", audio=False)
    return Found("plain text", audio=False)


def _gsm(head: bytes) -> bool:
    """Whether the head looks like GSM 6.10 frames: 33 bytes each, the first nibble 0xD."""
    marks = head[: len(head) // 33 * 33 : 33]
    return len(marks) >= 4 and all(mark >> 4 == 0xD for mark in marks)


def _signed(head: bytes) -> Found | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        if head[8:12] == b"WAVE":
            return Found("WAV", soundfile=True, demuxer="wav")
        if head[8:12] == b"AVI ":
            return Found("AVI", demuxer="avi")
        return Found(f"RIFF of type {head[8:12].decode('latin-1')!r}", audio=False)
    if head[:4] == b"FORM":
        if head[8:12] in (b"AIFF", b"AIFC"):
            return Found("AIFF", soundfile=True, demuxer="aiff")
        if head[8:12] in (b"8SVX", b"16SV"):
            return Found("IFF/SVX", soundfile=True)
    if head[:4] == b"OggS":
        first = head[28 : 28 + 80] if len(head) > 27 and head[26] == 1 else head[:256]
        for mark, found in _OGG_CODECS:
            if first.startswith(mark) or (head[26:27] != b"\1" and mark in first):
                return found
        return Found("Ogg", soundfile=True, demuxer="ogg")
    if head[:3] == b"ID3":
        return _MP3
    for at, mark, found in _SIGNATURES:
        if head[at : at + len(mark)] == mark:
            return found
    return None


def sniff(head: bytes, name: str = "") -> Found:
    """Return what a file holds.

    Parameters
    ----------
    head : bytes
        The first ``HEAD_BYTES`` of the file (all of it, if it is shorter).
    name : str, optional
        The file's name; used for headerless formats only.
    """
    signed = _signed(head)
    if signed is not None and not signed.weak:
        return signed
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return Found("MPEG transport stream", demuxer="mpegts")
    text = _text(head)
    if text is not None:
        return text
    if head and not head.strip(b"\0"):
        return Found("nothing but zero bytes", audio=False)
    suffix = PurePath(name).suffix.lower()
    if suffix in HEADERLESS:
        return HEADERLESS[suffix]
    if signed is not None:
        return signed
    return _mpeg(head) or (HEADERLESS[".gsm"] if _gsm(head) else Found("unknown", audio=False))


def is_audio(head: bytes) -> bool:
    """Whether a file begins with a signature that only sound (or film) files have."""
    found = _signed(head)
    return found is not None and found.audio and not found.weak


def read_head(file: BinaryIO) -> bytes:
    """Read the first bytes and go back to the start."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head
