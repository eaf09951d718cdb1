"""List the speech, let SwiftF0 hear it, keep sound and labels in one file."""

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

RATE_HZ = 16000
LABEL_HZ = 250
"""Labels every 4 ms."""
SHIFTS = (0, 64, 128, 192)
"""Samples by which the sound is shifted: SwiftF0's 16 ms frames become a 4 ms grid."""
SPEEDS = (0.93, 1.075)
"""Played slower and faster, so that an accident of one pitch is outvoted."""
CAP_S = 600.0
DEV_CAP_S = 100.0

Array = NDArray[np.floating[Any]]


@dataclass
class Clip:
    """One clip: sound at 16 kHz, and per 4 ms confidence, log F0 and its spread over hearings."""

    voice: str
    dev: bool
    samples: Array
    confidence: Array
    log_f0: Array
    spread: Array


def listing(path: Path) -> list[tuple[str, str, bool]]:
    """Return (file, voice, dev) of all speech that a list names, each voice up to its cap."""
    import soundfile

    found: dict[str, tuple[str, bool, float, float]] = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        dev = entry.get("dev", [])
        for file in sorted(glob.glob(os.path.expandvars(entry["files"]), recursive=True)):  # noqa: PTH207
            match = re.search(entry["group"], file)
            if not match or not file.endswith((".wav", ".flac", ".ogg")):
                continue
            try:
                info = soundfile.info(file)
            except soundfile.SoundFileError:
                continue
            if info.duration < 0.25 or info.samplerate < 8000:
                continue
            held = dev == ["*"] or match.group(1) in dev
            cap = DEV_CAP_S if held else entry.get("cap_s", CAP_S)
            found.setdefault(file, (f"{name}/{match.group(1)}", held, info.duration, cap))
    order = list(found.items())
    random.Random(1).shuffle(order)
    total: defaultdict[str, float] = defaultdict(float)
    chosen = []
    for file, (voice, held, seconds, cap) in order:
        if total[voice] == 0 or total[voice] + seconds <= cap:
            total[voice] += seconds
            chosen.append((file, voice, held))
    return sorted(chosen)


def label(path: Path) -> Iterator[Clip]:
    """Yield all listed clips with the labels that SwiftF0 gives them, undegraded."""
    import soundfile
    import soxr
    from swift_f0 import SwiftF0

    detector = SwiftF0(threads=1, spin=False)
    for file, voice, dev in listing(path):
        y, sr = soundfile.read(file, dtype="float32", always_2d=True)
        y = soxr.resample(y.mean(axis=1), sr, RATE_HZ)
        if np.abs(y).max() < 1e-3:
            continue
        y = 0.7 * y / np.abs(y).max()
        yield Clip(voice, dev, y, *_hear(detector, y))


def _hear(detector: Any, y: Array) -> tuple[Array, Array, Array]:
    import soxr

    times = np.arange(len(y) * LABEL_HZ // RATE_HZ) / LABEL_HZ
    at, confidence, log_f0 = (
        np.concatenate(part) for part in zip(*(_once(detector, y, s) for s in SHIFTS), strict=True)
    )
    order = np.argsort(at)
    nearest = np.round((times - at[order[0]]) * LABEL_HZ).astype(int)
    nearest = order[np.clip(nearest, 0, len(order) - 1)]
    sure, pitch = [confidence[nearest]], [log_f0[nearest]]
    for speed in SPEEDS:
        other = soxr.resample(y, RATE_HZ * speed, RATE_HZ)
        for shift in SHIFTS[::2]:
            at, confidence, log_f0 = _once(detector, other, shift)
            at, log_f0 = at * speed, log_f0 - np.log(speed)
            frame = np.searchsorted(at, times - 0.008 * speed)
            sure.append(np.interp(times, at, confidence))
            pitch.append(log_f0[np.clip(frame, 0, len(at) - 1)])
    spread = np.abs(np.stack(pitch) - np.median(pitch, axis=0)).max(axis=0)
    smooth = np.convolve(sure[0], [0.25, 0.5, 0.25], "same")
    return 0.5 * smooth + 0.5 * np.mean(sure[1:], axis=0), pitch[0], spread


def _once(detector: Any, y: Array, shift: int) -> tuple[Array, Array, Array]:
    lead = 1024 - shift  # four of SwiftF0's hops, less the shift
    found = detector.detect(np.pad(y, (lead, 1024)), RATE_HZ, 55, 560)
    at = (np.arange(len(found.confidence)) * 256 - lead) / RATE_HZ
    return at, found.confidence, np.log(found.pitch_hz)


def save(clips: Iterator[Clip], path: Path) -> int:
    """Write clips into one file; returns how many."""
    kept = list(clips)
    np.savez(
        path,
        voice=np.array([c.voice for c in kept]),
        dev=np.array([c.dev for c in kept]),
        sizes=np.array([[len(c.samples), len(c.confidence)] for c in kept]),
        samples=np.concatenate([np.round(c.samples * 32767).astype(np.int16) for c in kept]),
        confidence=np.concatenate([c.confidence for c in kept]).astype(np.float16),
        log_f0=np.concatenate([c.log_f0 for c in kept]).astype(np.float32),
        spread=np.concatenate([c.spread for c in kept]).astype(np.float16),
    )
    return len(kept)


def load(path: Path) -> list[Clip]:
    """Read what `save` wrote."""
    z = np.load(path)
    cuts = np.cumsum(z["sizes"], axis=0)[:-1]
    parts = [np.split(z["samples"], cuts[:, 0])]
    parts += [np.split(z[n], cuts[:, 1]) for n in ("confidence", "log_f0", "spread")]
    return [
        Clip(
            str(voice), bool(dev), y.astype(np.float32) / 32767, *(p.astype(float) for p in labels)
        )
        for voice, dev, y, *labels in zip(z["voice"], z["dev"], *parts, strict=True)
    ]
