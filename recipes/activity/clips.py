"""Speech with labels, and music, from folders into one file."""

from __future__ import annotations

import glob
import os
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
RATE_HZ = 8000
LABEL = 64
"""Samples of one label: 8 ms."""
CAP_S, APART_CAP_S, MUSIC_CAP_S = 500.0, 100.0, 240.0
LEAST_S = 0.25
DEEP_DB, OVER_NOISE_DB = 33.0, 6.0
"""Speech is no further below its loud frames, and so far above a noise that never stops."""
SILERO = 0.35
FILLED, LEAST = 15, 5
"""Labels of the longest gap that is filled (stops of consonants) and of the shortest burst."""


@dataclass(frozen=True)
class Clip:
    """One clip at 8 kHz; `on` has a label every 8 ms and is empty for music."""

    kind: str
    voice: str
    apart: bool
    samples: NDArray[np.int16]
    on: NDArray[np.bool_]


def listing(path: Path) -> list[tuple[str, str, str, bool, float]]:
    """Return (file, kind, voice, apart, cap in seconds) of all listed sound, shuffled."""
    found = []
    for kind, sets in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for name, entry in sets.items():
            apart = entry.get("apart", [])
            for file in sorted(glob.glob(os.path.expandvars(entry["files"]), recursive=True)):  # noqa: PTH207
                match = re.search(entry["group"], file)
                if match and (kind == "music" or "music" not in Path(file).name):
                    held = apart == ["*"] or match.group(1) in apart
                    cap = APART_CAP_S if held else entry.get("cap_s", CAP_S)
                    found.append((file, kind, f"{name}/{match.group(1)}", held, cap))
    random.Random(1).shuffle(found)
    return found


def read(path: Path) -> Iterator[Clip]:
    """Yield the listed clips, speech with labels."""
    import soundfile
    import soxr

    silero = _silero()
    seconds: defaultdict[str, float] = defaultdict(float)
    for file, kind, voice, apart, cap in listing(path):
        if kind == "speech" and seconds[voice] > cap:
            continue
        try:
            sr = soundfile.info(file).samplerate
            y = soundfile.read(file, round(MUSIC_CAP_S * sr), dtype="float32", always_2d=True)[0]
        except soundfile.SoundFileError:
            continue
        y = y.mean(axis=1)
        top = np.abs(y).max(initial=0)
        if len(y) < LEAST_S * sr or sr < RATE_HZ or top < 1e-3:
            continue
        narrow = soxr.resample(0.7 * y / top, sr, RATE_HZ)
        on = np.zeros(0, bool)
        if kind == "speech":
            on = label(narrow, silero(soxr.resample(0.7 * y / top, sr, 16000)))
            narrow = narrow[: len(on) * LABEL]
            if on.mean() < 0.15:
                continue
        seconds[voice] += len(y) / sr
        samples = np.round(np.clip(narrow, -1, 1) * 32767).astype(np.int16)
        yield Clip(kind, voice, apart, samples, on)


def label(y: Array, odds: Array) -> NDArray[np.bool_]:
    """Say for every 8 ms of a clean clip whether somebody speaks: by its level and by Silero."""
    from scipy import ndimage

    from prosody.arrays import runs

    n = len(y) // LABEL
    power = np.mean(np.square(y[: n * LABEL].reshape(n, LABEL)), axis=1)
    level = 10 * np.log10(ndimage.uniform_filter1d(power, 3) + 1e-12)
    floor, top = np.percentile(level, [3, 95])
    edge = max(top - DEEP_DB, floor + OVER_NOISE_DB if floor < top - 30 else -np.inf)
    odds = np.repeat(odds, 4)[:n]
    odds = ndimage.maximum_filter1d(np.pad(odds, (0, n - len(odds))), 17)
    on = (level > edge) & (odds > SILERO)
    for a, b in runs(~on):
        on[a:b] |= a > 0 and b < n and b - a <= FILLED
    for a, b in runs(on):
        on[a:b] &= b - a >= LEAST
    return on


def _silero() -> Any:
    from importlib import util

    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    place = Path(util.find_spec("silero_vad").origin).parent / "data"  # type: ignore[union-attr,arg-type]
    session = onnxruntime.InferenceSession(
        os.fspath(place / "silero_vad_16k_sequence.onnx"), options
    )

    def odds(y: Array) -> Array:
        """Return the odds of speech of every 32 ms."""
        padded = np.concatenate([np.zeros(64, np.float32), np.pad(y, (512, 1024))])
        padded = padded[: 64 + (len(padded) - 64) // 512 * 512]
        frames = np.lib.stride_tricks.sliding_window_view(padded, 576)[::512]
        state = np.zeros((1, 1, 128), np.float32)
        asked = {"input": np.ascontiguousarray(frames), "h": state, "c": state}
        return session.run(None, asked)[0].ravel()[1:]

    return odds


def save(clips: Iterator[Clip], path: Path) -> int:
    """Write clips into one file; returns how many."""
    kept = list(clips)
    np.savez(
        path,
        kind=[c.kind for c in kept],
        voice=[c.voice for c in kept],
        apart=[c.apart for c in kept],
        sizes=[[len(c.samples), len(c.on)] for c in kept],
        samples=np.concatenate([c.samples for c in kept]),
        on=np.concatenate([c.on for c in kept]),
    )
    return len(kept)


def load(path: Path, *, apart: bool) -> tuple[dict[str, list[Clip]], list[Clip]]:
    """Return speech by voice, and music, of training or of what is kept apart."""
    z = np.load(path)
    cuts = np.cumsum(z["sizes"], axis=0)[:-1]
    sounds, labels = np.split(z["samples"], cuts[:, 0]), np.split(z["on"], cuts[:, 1])
    speech: dict[str, list[Clip]] = {}
    music = []
    for row in zip(z["kind"], z["voice"], z["apart"], sounds, labels, strict=True):
        clip = Clip(str(row[0]), str(row[1]), bool(row[2]), row[3], row[4])
        if clip.apart != apart:
            continue
        if clip.kind == "music":
            music.append(clip)
        else:
            speech.setdefault(clip.voice, []).append(clip)
    return speech, music
