"""Recordings: every format, windows, hashes, and every way in which a file can be wrong."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from sounds import BY_FFMPEG, FORMATS, PCM, SR, encode, refusal, sound, wav_header

from prosody.audio import checks, decode, sniff
from prosody.audio.recording import Recording, content_hash, probe
from prosody.errors import RecordingError, install_line

RNG = np.random.default_rng(440)


# name, format, subtype, channels, least correlation with the source


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    for name, form, subtype, channels, _ in FORMATS:
        values = sound(channels=channels)
        sf.write(folder / name, values if channels > 1 else values[:, 0], SR, subtype, format=form)
    return folder


def best_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Correlation at the best lag up to 0.1 s: codecs delay."""
    n = min(len(x), len(y))
    x, y = x[:n], y[:n]
    by_lag = np.fft.irfft(np.fft.rfft(y, 2 * n) * np.conj(np.fft.rfft(x, 2 * n)))
    near = np.concatenate([by_lag[: n // 20], by_lag[-n // 20 :]])
    return float(near.max() / (np.linalg.norm(x) * np.linalg.norm(y)))


@pytest.mark.parametrize(("name", "form", "subtype", "channels", "least"), FORMATS)
def test_formats_of_libsndfile(files, name, form, subtype, channels, least):
    with Recording(files / name) as recording:
        info = recording.info
        assert (info.sr_hz, info.channels, info.decoder) == (SR, channels, "soundfile")
        assert info.duration_s == pytest.approx(2.0, abs=0.03)
        assert info.subtype == subtype
        whole = np.concatenate(list(recording.blocks(0.3)), axis=1)
        assert whole.dtype == np.float32
        assert whole.shape == (channels, info.frames)
        source = sound(channels=channels)
        for channel in range(channels):
            assert best_correlation(source[:, channel], whole[channel]) > least
        # Windows, in any order, are what the stream held there.
        for start, end in [(0.5, 0.7), (0.1, 0.3), (1.9, 9.0), (0.3, 0.31), (0.0, 2.0), (1.1, 1.3)]:
            for channel in range(channels):
                window = recording.read(start, end, channel)
                expected = whole[channel, round(start * SR) : round(end * SR)]
                np.testing.assert_allclose(window, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "codec", "container", "sr", "channels", "least"), BY_FFMPEG, ids=lambda v: str(v)
)
def test_formats_of_ffmpeg(tmp_path, name, codec, container, sr, channels, least):
    av = pytest.importorskip("av", reason="the av extra is not installed")
    path = tmp_path / name
    values = sound(sr=sr, channels=channels)
    try:
        encode(av, path, codec, container, sr, values)
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg does not write {codec}: {error}")
    with Recording(path) as recording:
        info = recording.info
        assert (info.sr_hz, info.channels, info.decoder) == (sr, channels, "av")
        whole = np.concatenate(list(recording.blocks()), axis=1)
        assert info.duration_s == pytest.approx(2.0, abs=0.15)
        assert np.max(np.abs(whole)) <= 1.1
        for channel in range(channels):
            assert best_correlation(values[:, channel], whole[channel]) > least
        for start, end in [(0.5, 0.7), (0.1, 0.3), (0.3, 0.9)]:
            expected = whole[0, round(start * sr) : round(end * sr)]
            np.testing.assert_array_equal(recording.read(start, end), expected)


@pytest.mark.parametrize("name", ["mp3.mp3", "vorbis.ogg", "opus.opus", "flac.flac", "ima.wav"])
def test_windows_anywhere_are_what_the_stream_holds(files, name):
    """Jumps into packed sound are where decoders err; near the end most of all."""
    rng = np.random.default_rng(7)
    with Recording(files / name) as recording:
        whole = np.concatenate(list(recording.blocks()), axis=1)[1]
        starts = [*rng.uniform(0, 2, 40), *np.linspace(1.9, 2.0, 40)]
        for start in starts:
            end = start + rng.choice([0.001, 0.05, 0.3, 3.0])
            expected = whole[round(start * SR) : round(end * SR)]
            np.testing.assert_allclose(recording.read(start, end, 1), expected, atol=1e-5)


def test_all_channels_of_a_window_are_those_of_each(files):
    with Recording(files / "flac.flac") as recording:
        for start, end in [(0.5, 0.7), (1.9, 5.0), (3.0, 4.0)]:
            each = [recording.read(start, end, channel) for channel in (0, 1)]
            np.testing.assert_array_equal(recording.read(start, end, None), np.stack(each))


def test_read_all_gives_windows_in_the_order_asked(files):
    with Recording(files / "gsm.wav") as recording:  # cannot seek
        whole = np.concatenate(list(recording.blocks()), axis=1)[0]
        asked = [(1.5, 1.6), (0.2, 0.4), (0.3, 1.7), (1.9, 5.0), (3.0, 4.0), (0.5, 0.5)]
        for (start, end), window in zip(asked, recording.read_all(asked), strict=True):
            expected = whole[round(start * SR) : round(end * SR)]
            np.testing.assert_array_equal(window, expected)


def test_blocks_can_be_read_again_and_between_windows(files):
    with Recording(files / "raw.gsm") as recording:
        first = np.concatenate(list(recording.blocks()), axis=1)
        recording.read(0.5, 0.6)
        second = np.concatenate(list(recording.blocks(0.05)), axis=1)
    np.testing.assert_array_equal(first, second)


def test_a_channel_that_is_not_there(files):
    with Recording(files / "gsm.wav") as recording, pytest.raises(ValueError, match="no channel 1"):
        recording.read(0, 1, 1)


@pytest.mark.parametrize(
    ("name", "called"),
    [("mp3.mp3", "x.wav"), ("mulaw.wav", "x.mp3"), ("opus.opus", "x.m4a"), ("flac.flac", "x.gsm"),
     ("raw.gsm", "x.bin"), ("gsm.wav", "x"), ("aiff.aiff", "x.vox")],
)  # fmt: skip
def test_the_content_decides_not_the_name(files, tmp_path, name, called):
    path = tmp_path / called
    path.write_bytes((files / name).read_bytes())
    with Recording(path) as renamed, Recording(files / name) as original:
        assert renamed.info.format == original.info.format
        a, b = (np.concatenate(list(r.blocks()), axis=1) for r in (renamed, original))
        codes = {remark.code for remark in renamed.info.remarks}
        assert ("renamed" in codes) == ("." in called and called != "x.bin")
        assert not original.info.remarks
    np.testing.assert_array_equal(a, b)


def test_content_hash_is_the_sha256_of_the_bytes(files):
    data = (files / "mp3.mp3").read_bytes()
    assert content_hash(files / "mp3.mp3") == hashlib.sha256(data).hexdigest()


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "empty", "0 bytes"),
        (wav_header(data=0), "empty", "no sound"),
        (b"Dear customer, this is a text.\n" * 20, "not_audio", "plain text"),
        ("Geachte klant, één tekst met accenten.\n".encode() * 20, "not_audio", "plain text"),
        (("Tekst\n" * 40).encode("utf-16"), "not_audio", "UTF-16"),
        (b'{"call": 1}', "not_audio", "JSON"),
        (b"<html><body>404 not found</body></html>", "not_audio", "web page"),
        (b"%PDF-1.7\n\xe2\xe3", "not_audio", "PDF"),
        (b"PK\x03\x04" + bytes(200), "not_audio", "ZIP"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not_audio", "PNG"),
        (bytes(5000), "not_audio", "zero bytes"),
        (bytes(np.random.default_rng(1).integers(0, 256, 5000, np.uint8)), "not_audio", "no known"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "not_audio", "playlist"),
        (wav_header(channels=0) + PCM, "no_channels", "0 channels"),
        (wav_header(channels=64, align=128) + PCM, "too_many_channels", "64 channels"),
        (wav_header(channels=65535) + PCM, "too_many_channels", "65535 channels"),
        (wav_header(sr=1, rate=2) + PCM, "unsupported_rate", "1 samples per second"),
        (wav_header(sr=10_000_000, rate=20_000_000) + PCM, "unsupported_rate", "10000000"),
        (wav_header() + PCM[:9000], "truncated", "promises 16044"),
        (wav_header(data=0xABA95000) + PCM, "truncated", "promises"),  # 100 hours of mu-law
        (wav_header()[:20], "truncated", "breaks off"),
        (wav_header()[:40], "truncated", "breaks off"),
        (wav_header(tag=0x4444) + PCM, "unsupported_format", "codec 0x4444"),
        (b"#!SILK_V3" + bytes(range(200)), "unsupported_format", "SILK"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_refusals_by_content(tmp_path, content, code, words):
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    error = refusal(path)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize(
    "name",
    ["pcm16.wav", "mulaw.wav", "gsm.wav", "ima.wav", "rf64.wav", "flac.flac", "mp3.mp3", "au.au",
     "vorbis.ogg", "opus.opus", "aiff.aiff"],
)  # fmt: skip
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_file_that_lost_its_end_is_refused(files, tmp_path, name, share):
    data = (files / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * share)])
    assert refusal(path).code in ("truncated", "damaged", "not_audio")
    if share > 0.02:
        assert refusal(path).code == "truncated"


@pytest.mark.parametrize("name", ["aac.m4a", "wma.wma", "opus.webm"])
def test_a_file_of_ffmpeg_that_lost_its_end_is_refused(tmp_path, name):
    av = pytest.importorskip("av", reason="the av extra is not installed")
    _, codec, container, sr, channels, _ = next(row for row in BY_FFMPEG if row[0] == name)
    path = tmp_path / name
    encode(av, path, codec, container, sr, sound(8.0, sr, channels))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    # A packet of WMA that is cut in two cannot be told from one that is damaged.
    assert refusal(path).code in (("truncated", "damaged") if name == "wma.wma" else ("truncated",))


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_length_that_was_never_filled_in_is_read_to_the_end(tmp_path, length):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_header(data=length) + PCM)
    with Recording(path) as recording:
        assert recording.info.frames == 8000
        assert [remark.code for remark in recording.info.remarks] == ["open_ended"]
        whole = np.concatenate(list(recording.blocks()), axis=1)[0]
    np.testing.assert_array_equal(whole, np.frombuffer(PCM, "<i2") / np.float32(32768))


def test_a_length_that_is_off_by_a_header_is_let_pass(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_header(data=16044) + PCM)
    assert probe(path).frames == 8000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 32767.0])
def test_samples_that_are_no_sound_are_refused(tmp_path, bad):
    path = tmp_path / "call.wav"
    values = sound()[:, 0]
    values[9000] = bad
    sf.write(path, values, SR, "FLOAT")
    assert refusal(path).code == "bad_samples"
    with Recording(path) as recording, pytest.raises(RecordingError, match=r"expected -1 to 1"):
        recording.read(1.0, 1.5)


def test_a_length_beyond_all_calls_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.wav"
    samples = int((checks.MAX_HOURS + 0.1) * 3600 * SR)
    with path.open("wb") as file:  # sparse: takes no room
        file.write(wav_header(tag=7, rate=SR, align=1, bits=8, data=samples))
        file.truncate(44 + samples)
    assert refusal(path).code == "too_long"


def test_a_missing_extra_names_the_format_and_the_line_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "has_av", lambda: False)
    path = tmp_path / "call.wav"  # renamed: the content tells
    path.write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0\0\0\0\x08moov")
    error = refusal(path)
    assert error.code == "missing_extra"
    assert "M4A" in error.message
    assert install_line("av") in error.remedy
    path.write_bytes(wav_header(tag=0x83, rate=1000, align=10, bits=0) + PCM)
    error = refusal(path)
    assert error.code == "missing_extra"
    assert "G.729" in error.message


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    assert refusal(tmp_path / "nothing.wav").code == "not_found"
    assert refusal(tmp_path).code == "not_a_file"
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert refusal(tmp_path / "gone.wav").code == "not_found"
    (tmp_path / "ring.wav").symlink_to(tmp_path / "ring.wav")
    assert refusal(tmp_path / "ring.wav").code == "not_found"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        assert refusal(tmp_path / "pipe.wav").code == "not_a_file"
        assert refusal(Path("/dev/null")).code == "not_a_file"
        with pytest.raises(RecordingError, match="pipe"):
            content_hash(tmp_path / "pipe.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_access(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_header() + PCM)
    path.chmod(0)
    assert refusal(path).code == "no_access"


@pytest.mark.parametrize(
    "name",
    [
        "new\nline.wav",
        'quo"te.wav',
        "\u202egpj.wav",
        "é ü.wav",
        "-x.wav",
        os.fsdecode(b"\xff\xfe.wav"),
    ],
)
def test_names_of_any_kind(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(wav_header() + PCM)
    assert probe(path).frames == 8000


def test_a_long_recording_is_never_in_memory(tmp_path):
    """Two hours of two channels (230 MB as samples) under a limit on address space."""
    path = tmp_path / "long.wav"
    samples = 2 * 3600 * SR * 2
    with path.open("wb") as file:
        file.write(wav_header(tag=7, channels=2, rate=2 * SR, align=2, bits=8, data=samples))
        file.truncate(44 + samples)
    code = (
        "import resource, sys; from prosody.audio.recording import Recording, content_hash\n"
        "with Recording(sys.argv[1]) as r:\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    n = sum(b.shape[1] for b in r.blocks()); r.read(7000, 7010, 1); content_hash(r.path)\n"
        "    print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    pytest.importorskip("resource", reason="memory is measured on POSIX only")
    out = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    frames, grown_kb = map(int, out.stdout.split())
    assert frames == 2 * 3600 * SR
    assert grown_kb < 40_000


@pytest.mark.parametrize("before", [b"fmt ", b"data"])
def test_an_odd_chunk_without_its_pad_byte_is_read_as_it_was_meant(tmp_path, before):
    whole = wav_header() + PCM
    at = whole.index(before)
    path = tmp_path / "call.wav"
    path.write_bytes(whole[:at] + b"LIST" + struct.pack("<I", 5) + b"INFOx" + whole[at:])
    with Recording(path) as recording:
        assert [remark.code for remark in recording.info.remarks] == ["no_pad_byte"]
        got = np.concatenate(list(recording.blocks()), axis=1)[0]
        np.testing.assert_array_equal(got, np.frombuffer(PCM, "<i2") / np.float32(32768))
        np.testing.assert_array_equal(recording.read(0.5, 0.75), got[4000:6000])
    path.write_bytes(whole[:at] + b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + whole[at:])
    assert probe(path).remarks == ()


def test_copying_again_is_advised_only_where_it_may_help(files, tmp_path):
    path = tmp_path / "call.wav"
    for content in (b"", wav_header(data=0), wav_header() + PCM[:9000], wav_header()[:40]):
        path.write_bytes(content)
        assert refusal(path).remedy.startswith("If the original ")


def test_a_flac_bomb_streams(tmp_path):
    """Hours of constant sound pack into a few kilobytes; they cost time, not memory."""
    path = tmp_path / "bomb.flac"
    with sf.SoundFile(path, "w", SR, 1, "PCM_16") as out:
        for _ in range(60):
            out.write(np.zeros(60 * SR, np.int16))
    assert path.stat().st_size < 500_000
    with Recording(path) as recording:
        assert recording.info.duration_s == pytest.approx(3600)
        assert max(block.size for block in recording.blocks()) <= decode.BLOCK_SAMPLES


def test_a_header_that_promises_more_than_flac_holds(tmp_path):
    memory = io.BytesIO()
    sf.write(memory, sound()[:, 0], SR, "PCM_16", format="FLAC")
    data = bytearray(memory.getvalue())
    data[21] |= 0x0F  # the top bits of the number of samples
    data[22] = 0xFF
    path = tmp_path / "lies.flac"
    path.write_bytes(data)
    assert refusal(path).code in ("truncated", "too_long")


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_than_8_bits_a_sample_are_refused(tmp_path, bits):
    path = tmp_path / "bits.wav"
    sf.write(path, np.zeros(8000), 8000, "PCM_U8")
    data = bytearray(path.read_bytes())
    data[34:36] = bits.to_bytes(2, "little")
    path.write_bytes(data)
    assert refusal(path).code == "unsupported_format"
    data[34:36] = (8).to_bytes(2, "little")
    path.write_bytes(data)
    assert probe(path).frames == 8000


def test_errors_of_the_file_reach_nobodys_screen(tmp_path, capfd):
    av = pytest.importorskip("av")
    path = tmp_path / "call.m4a"
    encode(av, path, "aac", "mp4", 16000, RNG.normal(0, 0.1, (16000 * 60, 1)))
    whole = path.read_bytes()

    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > len(whole) // 2:
                raise OSError("the disk is gone")
            return super().read(size)

    found = sniff.sniff(whole[:4096], path.name)
    with pytest.raises((RecordingError, ValueError)):
        for _ in decode.AvFile(path, Failing(whole), found).blocks():
            pass
    assert "dropped" not in capfd.readouterr().err
