"""Sound files in many formats, whole and spoiled."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from prosody.audio.recording import CODES, Recording
from prosody.errors import RecordingError

SR = 8000


def sound(seconds: float = 2.0, sr: int = SR, channels: int = 1) -> np.ndarray:
    """Two different glides with a little noise: every stretch differs from every other."""
    t = np.arange(round(seconds * sr)) / sr
    rows = [
        0.3 * np.sin(2 * np.pi * (200 + 150 * k + 90 * t) * t)
        + 0.01 * np.random.default_rng(k).normal(size=len(t))
        for k in range(channels)
    ]
    return np.stack(rows, axis=1).astype(np.float32)


FORMATS = [
    ("pcm8.wav", "WAV", "PCM_U8", 2, 0.999),
    ("pcm16.wav", "WAV", "PCM_16", 2, 0.9999),
    ("pcm24.wav", "WAV", "PCM_24", 2, 0.9999),
    ("pcm32.wav", "WAV", "PCM_32", 1, 0.9999),
    ("float.wav", "WAV", "FLOAT", 2, 0.9999),
    ("mulaw.wav", "WAV", "ULAW", 2, 0.999),
    ("alaw.wav", "WAV", "ALAW", 2, 0.999),
    ("ima.wav", "WAV", "IMA_ADPCM", 2, 0.99),
    ("ms.wav", "WAV", "MS_ADPCM", 2, 0.99),
    ("gsm.wav", "WAV", "GSM610", 1, 0.9),
    ("g721.wav", "WAV", "G721_32", 1, 0.99),
    ("nms.wav", "WAV", "NMS_ADPCM_32", 1, 0.99),
    ("rf64.wav", "RF64", "PCM_16", 2, 0.9999),
    ("wave64.w64", "W64", "PCM_16", 2, 0.9999),
    ("raw.gsm", "RAW", "GSM610", 1, 0.9),
    ("dialogic.vox", "RAW", "VOX_ADPCM", 1, 0.99),
    ("raw.ulaw", "RAW", "ULAW", 1, 0.999),
    ("raw.alaw", "RAW", "ALAW", 1, 0.999),
    ("raw.sln", "RAW", "PCM_16", 1, 0.9999),
    ("flac.flac", "FLAC", "PCM_16", 2, 0.9999),
    ("mp3.mp3", "MP3", "MPEG_LAYER_III", 2, 0.95),
    ("vorbis.ogg", "OGG", "VORBIS", 2, 0.95),
    ("opus.opus", "OGG", "OPUS", 2, 0.9),
    ("aiff.aiff", "AIFF", "PCM_16", 2, 0.9999),
    ("au.au", "AU", "ULAW", 2, 0.999),
    ("caf.caf", "CAF", "PCM_16", 2, 0.9999),
]


BY_FFMPEG = [  # name, codec, container, rate, channels, least correlation
    ("aac.m4a", "aac", "ipod", 16000, 2, 0.95),
    ("aac.aac", "aac", "adts", 16000, 2, 0.95),
    ("wma.wma", "wmav2", "asf", 16000, 2, 0.9),
    ("opus.webm", "libopus", "webm", 48000, 2, 0.9),
    ("opus.mka", "libopus", "matroska", 48000, 1, 0.9),
    ("g722.g722", "g722", "g722", 16000, 1, 0.95),
    ("speex.spx", "libspeex", "ogg", 8000, 1, 0.8),
    ("alac.m4a", "alac", "ipod", 8000, 2, 0.9999),
    ("g7231.wav", "g723_1", "wav", 8000, 1, 0.4),
    ("wavpack.wv", "wavpack", "wv", 8000, 2, 0.999),
]


def encode(av, path: Path, codec: str, container: str, sr: int, values: np.ndarray) -> None:
    layout = "mono" if values.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=sr, layout=layout)
        stream.codec_context.bit_rate = 6300 if codec == "g723_1" else 32000 * values.shape[1]
        pcm = (values * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
        frame.sample_rate = sr
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)


def wav_header(**change: int) -> bytes:
    v = {"tag": 1, "channels": 1, "sr": SR, "rate": 2 * SR, "align": 2, "bits": 16, "data": 16000}
    v |= change
    fmt = struct.pack("<HHIIHH", v["tag"], v["channels"], v["sr"], v["rate"], v["align"], v["bits"])
    return (
        b"RIFF" + struct.pack("<I", min(36 + v["data"], 0xFFFFFFFF)) + b"WAVEfmt "
        + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", v["data"])
    )  # fmt: skip


PCM = (0.1 * 32767 * np.sin(np.arange(8000) / 5)).astype("<i2").tobytes()


def refusal(path: Path) -> RecordingError:
    """The error of opening, or else of reading to the end; it must have a code and a remedy."""
    with pytest.raises(RecordingError) as caught, Recording(path) as recording:
        for _ in recording.blocks():
            pass
    error = caught.value
    assert error.code in CODES
    assert error.remedy
    assert str(path) in error.message
    return error
