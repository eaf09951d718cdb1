"""What noise does to ratings: how far it moves them, and what is left when that is taken out.

Three corpora (acted German, read English, agents on a telephone), each with pink noise, white noise
and babble, at 8 kHz; each clip against its speaker's others in the same noise. Every corpus and
kind counts alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _judge_voices as voices
from benchmarks import common, telephone
from prosody.judge.judge import Judge
from prosody.tables.rated_table import Floats

LEVELS_DB = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)
TALKERS = 12
# Apart from these nothing is fitted to: below, clips are withheld; above, noise changes nothing.
FITTED_DB = (8.0, 35.0)

Sound = NDArray[np.float32]


def corpora(args: Any) -> dict[str, tuple[list[Sound], list[str]]]:
    """Return clips at 8 kHz and who speaks."""
    out = {}
    for name, pattern, who in (("emodb", "*.flac", slice(0, 2)), ("fda", "*.wav", slice(0, 2))):
        files = common.data_files(args, name, pattern, limit=80 if args.quick else None)
        sounds, sr = voices.read(files)
        narrow = [telephone.resample(y, sr, 8000) for y in sounds]
        out[name] = narrow, [f.name[who] for f in files]
    rated, sounds, _ = voices.turns(args)
    out["harpervalley"] = sounds, rated.speaker.tolist()
    return out


def babble(clips: list[Sound], seed: int = 3) -> Callable[[int], Sound]:
    """Return a maker of noise: as many talkers at once, their clips one after another."""
    rng = np.random.default_rng(seed)
    length = max(len(c) for c in clips) * 2
    total = np.zeros(length)
    for _ in range(TALKERS):
        chosen = rng.permutation(len(clips))[:20]
        one = np.resize(np.concatenate([clips[i] for i in chosen]), length)
        total += one / one.std()

    def make(size: int) -> Sound:
        at = int(rng.integers(0, length - size))
        return np.asarray(total[at : at + size], dtype=np.float32)

    return make


def noise(args: Any, judge: Judge) -> dict[str, Any]:
    """Return what noise does to the judge's ratings, and the lines that describe it.

    Ratings are the judge's before its own correction: it is not told of the noise.
    """
    from prosody.measures.measure import measure

    sets = corpora(args)
    kinds: dict[str, Callable[[int], Sound]] = {
        "pink": telephone.pink,
        "white": lambda size: np.random.default_rng(1).standard_normal(size).astype(np.float32),
        "babble": babble(sets["emodb"][0]),
    }

    def ratings(sounds: list[Sound], speakers: list[str]) -> dict[str, Floats]:
        names = [str(i) for i in range(len(sounds))]
        rated = voices.rated_of(names, speakers, measure(sounds, 8000), sounds, 8000)
        judged = judge.judge(rated.columns)
        return {axis: judged.axes[axis].rating for axis in judge.axes}

    moved: dict[str, dict[str, list[Floats]]] = {a: {} for a in judge.axes}
    for name, (sounds, speakers) in sets.items():
        clean = ratings(sounds, speakers)
        for kind, make in kinds.items():
            for level_db in LEVELS_DB:
                heard = [telephone.over(y, make(len(y)), level_db) for y in sounds]
                noisy = ratings(heard, speakers)
                for axis in judge.axes:
                    moved[axis].setdefault(f"{name}, {kind}", []).append(noisy[axis] - clean[axis])
    out: dict[str, Any] = {"snr_db": list(LEVELS_DB)}
    for axis, by_set in moved.items():
        out[axis] = _described(by_set)
    return out


def _described(by_set: dict[str, list[Floats]]) -> dict[str, Any]:
    """Return mean shift, mean square, the fitted lines, and what they leave."""
    levels = np.array(LEVELS_DB)
    used = (levels >= FITTED_DB[0]) & (levels <= FITTED_DB[1])
    each = np.array([[float(m.mean()) for m in moved] for moved in by_set.values()])
    shift = each.mean(axis=0)
    per_db, at_0 = np.polyfit(levels[used], shift[used], 1)
    # Only what all corpora and kinds of noise have in common may be taken out.
    common = np.all(each[:, used] > 0) or np.all(each[:, used] < 0)
    quiet_db = -at_0 / per_db if common else 0.0
    taken = -per_db * np.maximum(quiet_db - levels, 0.0)
    left = np.array([
        [float(np.mean((m - t) ** 2)) for m, t in zip(moved, taken, strict=True)]
        for moved in by_set.values()
    ]).mean(axis=0)  # fmt: skip
    slope, start = np.polyfit(levels[used], np.log(left[used]), 1)
    square = [[float(np.mean(m**2)) for m in moved] for moved in by_set.values()]
    return {
        "shift": shift.tolist(),
        "shift_of": {name: row.tolist() for name, row in zip(by_set, each, strict=True)},
        "mean_square": np.mean(square, axis=0).tolist(),
        "left": left.tolist(),
        "fit": {
            "shift_per_db": float(-per_db) if common else 0.0,
            "quiet_db": float(quiet_db),
            "log_variance": float(start),
            "variance_per_db": float(slope),
        },
    }
