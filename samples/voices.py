"""Three synthesisers behind one call: text in, sound and the times of its words out.

``speak(voice, text, style)`` returns float32 sound, its rate, and ``(word, start_s, end_s)`` for
every word. No voice is a person's: see README.md for the licences.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Words = list[tuple[str, float, float]]


@dataclass(frozen=True)
class Style:
    """How a line is spoken.

    `tempo` and `pitch` are factors, `span` one of the pitch movement (0 = none).
    """

    tempo: float = 1.0
    pitch: float = 1.0
    span: float = 1.0
    gain_db: float = 0.0


def speak(voice: str, text: str, style: Style) -> tuple[Sound, int, Words]:
    """Speak one line.

    Parameters
    ----------
    voice : str
        ``engine:name``, for example ``espeak:nl+f3``, ``flite:rms`` or ``hibari:heart``.
    text : str
        Plain words and punctuation; numbers written out.
    style : Style
        flite knows no `span`.
    """
    engine, name = voice.split(":")
    sound, sr, words = {"espeak": _espeak, "flite": _flite, "hibari": _hibari}[engine](
        name, text, style
    )
    return (sound * np.float32(10 ** (style.gain_db / 20))).astype(np.float32), sr, words


def _fit(text: str, starts: list[float], ends: list[float]) -> Words:
    """Join the words as written with their times; both have to be as many."""
    written = text.split()
    if not len(written) == len(starts) == len(ends):
        raise ValueError(f"{len(written)} words, {len(starts)} times in: {text}")
    return list(zip(written, starts, ends, strict=True))


def _trim(sound: Sound, sr: int, starts: list[float], ends: list[float]) -> list[float]:
    """Move ends of words back over the silence that follows them."""
    trimmed = []
    for start, end in zip(starts, ends, strict=True):
        piece = np.abs(sound[int(start * sr) : int(end * sr)])
        loud = np.flatnonzero(piece > 0.02 * max(float(np.abs(sound).max()), 1e-6))
        trimmed.append(start + (int(loud[-1]) + 1) / sr if len(loud) else end)
    return trimmed


# --- espeak-ng, through its library: it reports where each word begins ---


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD, _END = 1, 5


@functools.cache
def _library() -> tuple[Any, int]:
    name = ctypes.util.find_library("espeak-ng")
    if not name:
        raise SystemExit("libespeak-ng is missing: apt-get install espeak-ng")
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(2, 0, None, 0)  # 2: give the sound back, synchronously
    return library, rate


def _espeak(name: str, text: str, style: Style) -> tuple[Sound, int, Words]:
    library, sr = _library()
    pieces: list[NDArray[np.int16]] = []
    marks: list[tuple[int, int, int]] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if count and samples:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type in (_WORD, _END):
                marks.append((events[i].type, events[i].text_position, events[i].audio_position))
            i += 1
        return 0

    callback = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(name.encode()):
        raise SystemExit(f"espeak-ng has no voice {name}")
    library.espeak_SetParameter(_RATE, round(172 * style.tempo), 0)
    library.espeak_SetParameter(_PITCH, round(50 * style.pitch), 0)
    library.espeak_SetParameter(_RANGE, round(60 * style.span), 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
    library.espeak_Synchronize()
    sound = np.concatenate(pieces).astype(np.float32) / 32768
    # One mark for each word as written: espeak-ng may split one ("zeventien") or join two.
    places = [m.start() + 1 for m in re.finditer(r"\S+", text)]
    at = {p: t / 1000 for kind, p, t in reversed(marks) if kind == _WORD}
    starts: list[float | None] = [at.get(p) for p in places]
    filled = _between(starts, len(sound) / sr)
    ends = [*filled[1:], len(sound) / sr]
    return sound, sr, _fit(text, filled, _trim(sound, sr, filled, ends))


def _between(starts: list[float | None], end: float) -> list[float]:
    """Give words without a time of their own (said in one with their neighbour) a share of it."""
    known = [(i, t) for i, t in enumerate(starts) if t is not None] + [(len(starts), end)]
    return [float(np.interp(i, [k for k, _ in known], [t for _, t in known]))
            for i in range(len(starts))]  # fmt: skip


# --- flite: prints the end of every sound; words get theirs by the number of their sounds ---


def _flite_run(name: str, text: str, tempo: float, path: Path) -> list[tuple[str, float]]:
    out = subprocess.run(
        ["flite", "-voice", name, "--setf", f"duration_stretch={1 / tempo}", "-psdur",
         "-t", text, "-o", str(path)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [(p, float(t)) for p, t in (item.split(":") for item in out.split())]


def _flite(name: str, text: str, style: Style) -> tuple[Sound, int, Words]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        sounds = _flite_run(name, text, style.tempo, path)
        with wave.open(str(path)) as handle:
            sr = handle.getframerate()
            sound = np.frombuffer(handle.readframes(handle.getnframes()), "<i2")
        # how many sounds each word has: of growing beginnings of the line, so that "a" is said
        # as in the sentence
        counts, before = [], 0
        written = text.split()
        for i in range(1, len(written) + 1):
            part = _flite_run(name, " ".join(written[:i]), style.tempo, Path(folder) / "x.wav")
            spoken = sum(p != "pau" for p, _ in part)
            counts.append(spoken - before)
            before = spoken
    times, last = [], 0.0
    for phone, end in sounds:
        if phone != "pau":
            times.append((last, end))
        last = end
    if sum(counts) != len(times):
        raise ValueError(f"flite: {sum(counts)} sounds by words, {len(times)} in all: {text}")
    starts, ends, i = [], [], 0
    for count in counts:
        starts.append(times[i][0])
        ends.append(times[i + count - 1][1])
        i += count
    return sound.astype(np.float32) / 32768, sr, _fit(text, starts, ends)


# --- hibari: its network hands over the pitch line before the sound is made ---


LEAD_S = 0.15


@functools.cache
def _network() -> tuple[Any, Any]:
    import onnx
    import onnxruntime
    from hibari import Hibari

    tts = Hibari()
    model = onnx.load(tts.model_path)
    # the frames of each sound, which the network computes but does not give out
    frames = next(n.output[0] for n in model.graph.node
                  if n.op_type == "Clip" and n.input[0].startswith("/Round"))  # fmt: skip
    model.graph.output.append(onnx.helper.make_tensor_value_info(frames, 1, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return tts, session


def _hibari(name: str, text: str, style: Style) -> tuple[Sound, int, Words]:
    from hibari import dsp

    tts, session = _network()
    pieces, starts, ends, offset = [], [], [], 0.0
    for sentence in tts.split_sentences(text):
        (phonemes,) = tts.phonemize(sentence)
        feed = {"ids": np.asarray([tts.ids(phonemes)], np.int64),
                "speed": np.asarray([style.tempo], np.float32)}  # fmt: skip
        *parts, frames = session.run(None, feed)
        lh, th, ln, lr, phi, f0 = (p[0] for p in parts)
        voiced = f0 > 40
        if voiced.any():
            log = np.log2(np.where(voiced, f0, 1.0))
            middle = np.median(log[voiced])
            line = 2 ** (middle + style.span * (log - middle)) * style.pitch
            f0 = np.where(voiced, line, f0).astype(np.float32)
        sound = dsp.synth(lh, th, ln, lr, phi, f0, np.random.default_rng(7))
        frames = np.ravel(frames)
        edges = np.concatenate([[0], np.cumsum(frames)]) * (len(sound) / frames.sum()) / dsp.SR
        cut = max(0.0, float(edges[1]) - LEAD_S)  # it begins every sentence with a long silence
        pieces.append(sound[round(cut * dsp.SR) :])
        position = 1  # 0 is the silence before the first sound
        for word in phonemes.split(" "):
            symbols = [c for c in word if c in tts.vocab]
            said = [i for i, c in enumerate(symbols) if c not in '.,!?;:—…"()“”']
            starts.append(offset + float(edges[position + said[0]]) - cut)
            ends.append(offset + float(edges[position + said[-1] + 1]) - cut)
            position += len(symbols) + 1  # and the space
        offset += len(pieces[-1]) / dsp.SR
    return np.concatenate(pieces), dsp.SR, _fit(text, starts, ends)
