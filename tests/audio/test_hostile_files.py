"""Hostile files: thousands of damaged ones are refused or read, one by one, within bounds."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import read_files
import soundfile as sf
from mutate import mutate
from sounds import BY_FFMPEG, FORMATS, PCM, SR, encode, refusal, sound, wav_header

from prosody.audio.recording import Recording
from prosody.errors import RecordingError

MEMORY_MB = 1600  # of addresses, libraries included
EACH = 12


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One short file of every format that can be written here."""
    folder = tmp_path_factory.mktemp("seeds")
    for name, form, subtype, channels, _ in FORMATS:
        values = sound(0.6, channels=channels)
        sf.write(folder / name, values if channels > 1 else values[:, 0], SR, subtype, format=form)
    try:
        import av
    except ImportError:
        av = None
    for name, codec, container, sr, channels, _ in BY_FFMPEG if av else ():
        try:
            encode(av, folder / name, codec, container, sr, sound(0.6, sr, channels))
        except (av.error.FFmpegError, ValueError):
            (folder / name).unlink(missing_ok=True)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read_apart(folder: Path, seconds: float = 120.0) -> Counter[str]:
    """Read all files of a folder in a process of its own; return what came of them."""
    reader = Path(read_files.__file__)
    done = subprocess.run(
        [sys.executable, str(reader), str(folder), str(MEMORY_MB)],
        capture_output=True, text=True, errors="replace", timeout=seconds, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    return Counter(line.split()[1] for line in lines if line.startswith("end "))


def test_damaged_files_of_every_format(seeds, tmp_path):
    rng = random.Random(6)
    for name, data in seeds.items():
        for i in range(EACH):
            damaged = mutate(data, rng, list(seeds.values()))
            (tmp_path / f"{i:02d}{name}").write_bytes(damaged)
    codes = read_apart(tmp_path)
    assert sum(codes.values()) == EACH * len(seeds)
    assert codes["ok"] > 0
    assert len(codes) > 4


def test_every_format_under_every_other_name(seeds, tmp_path):
    endings = sorted({Path(name).suffix for name in seeds})
    for name, data in seeds.items():
        for ending in random.Random(name).sample(endings, 4):
            (tmp_path / f"{name}{ending}").write_bytes(data)
    codes = read_apart(tmp_path)
    # Only what has no signature at all depends on its name.
    headerless = {"raw.ulaw", "raw.alaw", "raw.sln", "dialogic.vox", "g722.g722"}
    assert codes["ok"] >= 4 * len(set(seeds) - headerless)


def test_a_header_with_a_thousand_lies(tmp_path):
    rng = random.Random(1)
    edges = [0, 1, 2, 3, 255, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    for i in range(150):
        change = {
            "tag": rng.choice([1, 3, 6, 7, 2, 0x11, 0x31, 0x55, 0xFFFE, 0x83, 65535]),
            "channels": rng.choice([0, 1, 2, 8, 9, 64, 1024, 65535]),
            "sr": rng.choice([*edges, 8000, 10_000_000]),
            "rate": rng.choice([*edges, 16000]),
            "align": rng.choice([0, 1, 2, 4, 65535]),
            "bits": rng.choice([0, 1, 4, 8, 12, 16, 24, 32, 64, 65535]),
            "data": rng.choice([*edges, 16000]),
        }
        keep = rng.sample(sorted(change), rng.randrange(1, 7))
        (tmp_path / f"{i:03d}.wav").write_bytes(wav_header(**{k: change[k] for k in keep}) + PCM)
    assert sum(read_apart(tmp_path).values()) == 150


@pytest.mark.parametrize(
    "length", [b"\x01\xff\xff\xff\xff\xff\xff\xfe", b"\x10\xff\xff\xff", b"\x7f"]
)
def test_a_matroska_header_longer_than_any_file(tmp_path, length):
    path = tmp_path / "x.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + length + b"\x42\x86\x81\x01" * 4)
    with pytest.raises(RecordingError) as caught:
        Recording(path)
    assert caught.value.code in ("truncated", "damaged", "unsupported_format", "missing_extra")


def test_a_chunk_list_without_end(tmp_path):
    path = tmp_path / "chunks.wav"
    path.write_bytes(wav_header()[:36] + (b"junk" + struct.pack("<I", 0)) * 200_000)
    assert refusal(path).code in ("truncated", "unsupported_format")


def test_a_playlist_opens_nothing(tmp_path):
    """FFmpeg would follow it to any file or address; it is text to us, whatever it is called."""
    secret = tmp_path / "secret.wav"
    sf.write(secret, np.zeros(8000), SR)
    for name in ("a.m3u8", "a.mp4", "a.wav", "a.aac"):
        path = tmp_path / name
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n")
        assert refusal(path).code == "not_audio"
    path = tmp_path / "b.wav"
    path.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    assert refusal(path).code == "not_audio"


def test_packed_silence_in_ogg_costs_time_not_memory(tmp_path):
    """Minutes of silence in a few kilobytes."""
    path = tmp_path / "bomb.opus"
    with sf.SoundFile(path, "w", SR, 1, "OPUS", format="OGG") as out:
        for _ in range(3):
            out.write(np.zeros(60 * SR, np.float32))
    assert path.stat().st_size < 60_000
    with Recording(path) as recording:
        assert sum(block.shape[1] for block in recording.blocks()) == 180 * SR


def test_an_ogg_that_says_it_lasts_for_years(tmp_path):
    path = tmp_path / "years.opus"
    sf.write(path, sound(0.6)[:, 0], SR, format="OGG", subtype="OPUS")
    data = bytearray(path.read_bytes())
    last = data.rfind(b"OggS")
    data[last + 6 : last + 14] = struct.pack("<q", 1 << 50)  # the position of the last sample
    data[last + 22 : last + 26] = bytes(4)
    data[last + 22 : last + 26] = struct.pack("<I", ogg_checksum(bytes(data[last:])))
    path.write_bytes(data)
    try:  # libsndfile refuses it; FFmpeg, where it is there, goes by what there is
        with Recording(path) as recording:
            assert recording.info.duration_s < 1
    except RecordingError as error:
        code = error.code
        assert code in ("too_long", "truncated", "damaged", "missing_extra")


def ogg_checksum(page: bytes) -> int:
    """Return the CRC of an Ogg page: the usual polynomial, not reflected."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc
