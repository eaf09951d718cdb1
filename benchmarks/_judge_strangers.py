"""The shipped judge on corpora that nobody rated for sincerity: EmoDB, EmoTale, noise.

A clip is held against the same speaker's neutral clips, a neutral one against the other neutral
ones, and judged as it is in use: nothing here is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common, telephone
from prosody.fit import metrics as fig
from prosody.judge.judge import Judge
from prosody.measures import table
from prosody.measures.animation import animation
from prosody.measures.measure import measure

Sounds = list[NDArray[np.float32]]
Floats = NDArray[np.float64]
EMOTIONS = {"W": "anger", "N": "neutral", "F": "happiness", "T": "sadness"}
BASELINE_S = 120.0
LEVELS_DB = (10.0, 15.0, 20.0, 25.0, 30.0, 40.0)
TALKERS = 12


def read(files: Sequence[Path]) -> tuple[Sounds, int]:
    """Return the sounds of files of one rate, one channel each, and the rate."""
    import soundfile

    sounds, rates = zip(*(soundfile.read(f, dtype="float32") for f in files), strict=True)
    assert len(set(rates)) == 1
    return list(sounds), int(rates[0])


def against_neutral(
    values: Floats,
    usual: Floats,
    speaker: NDArray[np.str_],
    neutral: NDArray[np.bool_],
    seconds: Floats,
) -> dict[str, Floats]:
    """Return the judge's columns: each clip against its speaker's (other) neutral clips.

    Parameters
    ----------
    values, usual : ndarray [shape=(n, measures)]
        Measures of the clips as they are judged, and as they are in the baseline.
    speaker, neutral, seconds : ndarray [shape=(n,)]
    """
    baseline, held_s = np.full(values.shape, np.nan), np.zeros(len(values))
    for i in range(len(values)):
        others = (speaker == speaker[i]) & neutral
        others[i] = False
        if others.sum() >= 2:
            baseline[i] = np.nanmedian(usual[others], axis=0)
            held_s[i] = min(seconds[others].sum(), BASELINE_S)
    names = [
        m.relative_name for m in table.MEASURES if m.name in table.ACOUSTIC and m.relative_name
    ]
    rel = table.relative(values, baseline, table.ACOUSTIC)
    return {**dict(zip(names, rel.T, strict=True)), "baseline_s": held_s}


def by_emotion(judge: Judge, columns: dict[str, Floats], emotion: Any) -> dict[str, Any]:
    """Return verdicts, ratings and animation of each emotion."""
    judged = judge.judge(columns)
    lively = animation(columns)
    word, told = np.array(judged.verdict), np.array(lively.word)
    rating = judged.axes["sincere"].rating
    out = {}
    for name in sorted(set(emotion) - {""}):
        mine = (emotion == name) & (columns["baseline_s"] > 0)
        out[name] = {
            "n": int(mine.sum()),
            **{v: float(np.mean(word[mine] == v)) for v in ("sincere", "forced", "unclear")},
            "rating": float(rating[mine].mean()),
            "animation": float(np.median(lively.value[mine])),
            **{w: float(np.mean(told[mine] == w)) for w in ("flatter", "livelier")},
        }
    return out


def emodb(args: Any, judge: Judge) -> tuple[dict[str, Any], list[Path]]:
    """Return what is said of EmoDB, on which thresholds and animation's spread were set."""
    files = common.data_files(args, "emodb", "*.flac")
    sounds, sr = read(files)
    values = measure(sounds, sr)
    speaker = np.array([f.name[:2] for f in files])
    emotion = np.array([EMOTIONS.get(f.name[5], "") for f in files])
    neutral = emotion == "neutral"
    seconds = np.array([len(y) / sr for y in sounds])
    columns = against_neutral(values, values, speaker, neutral, seconds)
    judged, lively = judge.judge(columns), animation(columns)
    axis = judged.axes["sincere"]
    known = np.isfinite(lively.value) & (emotion != "")
    both = np.corrcoef(lively.value[known], axis.rating[known])[0, 1]
    spread = {
        n: float(np.nanstd(columns[n][neutral]))
        for n in ("pitch_mean_st_rel", "loudness_mean_log2ratio")
    }
    return {
        "emotions": by_emotion(judge, columns, emotion),
        "animation_with_rating": float(both),
        "neutral_spread": {**spread, "animation": float(np.nanstd(lively.value[neutral]))},
        "p_by_emotion": {e: axis.p_sincere_side[emotion == e] for e in EMOTIONS.values()},
    }, files


def emotale(args: Any, judge: Judge) -> tuple[dict[str, Any], list[Path]]:
    """Return what is said of EmoTale: looked at once, when judge and thresholds were fixed."""
    from prosody.tables.table_files import read_rows

    listing = args.data / "emotale" / "emotale.csv"
    if not listing.is_file():
        raise common.Skip("no emotale/emotale.csv in the data folder (--data DIR)")
    header, rows = read_rows(listing)
    at = {name: i for i, name in enumerate(header)}
    files = [listing.with_name(f"{r[at['clip']]}.flac") for r in rows]
    sounds, sr = read(files)
    values = measure(sounds, sr)
    # Somebody who speaks both languages has a baseline in each.
    speaker = np.array([f"{r[at['language']]} {r[at['speaker']]}" for r in rows])
    emotion = np.array([r[at["style"]] for r in rows])
    arousal = np.array([float(r[at["mean_arousal"]] or "nan") for r in rows])
    seconds = np.array([len(y) / sr for y in sounds])
    columns = against_neutral(values, values, speaker, emotion == "neutral", seconds)
    lively = animation(columns).value
    within = []
    for name in np.unique(speaker):
        mine = (speaker == name) & np.isfinite(lively) & np.isfinite(arousal)
        if mine.sum() >= 5:
            within.append(fig.spearman(arousal[mine], lively[mine]))
    language = np.array([r[at["language"]] for r in rows])
    return {
        "emotions": by_emotion(judge, columns, emotion),
        "by_language": {
            str(lang): by_emotion(judge, columns, np.where(language == lang, emotion, ""))
            for lang in np.unique(language)
        },
        "speakers": len(within),
        "animation_with_arousal": {
            "spearman_within_speaker": float(np.mean(within)),
            "lowest": float(np.min(within)),
        },
    }, [listing, *files]


def lines(args: Any, judge: Judge) -> dict[str, Any]:
    """Return how far lines move ratings, with clip and baseline on the same one, as in a call."""
    files = common.data_files(args, "emodb", "*.flac")[::3]
    sounds, sr = read(files)
    speaker = np.array([f.name[:2] for f in files])
    seconds = np.array([len(y) / sr for y in sounds])
    every = np.ones(len(files), dtype=bool)

    def rated(values: Floats) -> Floats:
        columns = against_neutral(values, values, speaker, every, seconds)
        return judge.judge(columns).axes["sincere"].rating

    before, out = rated(measure(sounds, sr)), {}
    for line in telephone.LINES:
        moved = rated(measure(*telephone.after(sounds, speaker, line))) - before
        out[line] = {
            "mean": float(moved.mean()),
            "root_mean_square": float(np.sqrt(np.mean(moved**2))),
            "within_.1": float(np.mean(np.abs(moved) <= 0.1)),
        }
    return out


def babble(clips: Sounds, seed: int = 3) -> Callable[[int], NDArray[np.float32]]:
    """Return a maker of noise: as many talkers at once, their clips one after another."""
    rng = np.random.default_rng(seed)
    length = max(len(c) for c in clips) * 2
    total = np.zeros(length)
    for _ in range(TALKERS):
        one = np.resize(
            np.concatenate([clips[i] for i in rng.permutation(len(clips))[:20]]), length
        )
        total += one / one.std()

    def make(size: int) -> NDArray[np.float32]:
        at = int(rng.integers(0, length - size))
        return np.asarray(total[at : at + size], dtype=np.float32)

    return make


def noise(args: Any, judge: Judge) -> dict[str, Any]:
    """Return how far noise moves ratings and animation, with it in the baseline and without.

    EmoDB at 8 kHz, every other clip, with pink noise, white noise and babble.
    """
    files = common.data_files(args, "emodb", "*.flac")[::2]
    wide, sr = read(files)
    sounds = [telephone.resample(y, sr, 8000) for y in wide]
    speaker = np.array([f.name[:2] for f in files])
    seconds = np.array([len(y) / 8000 for y in sounds])
    every = np.ones(len(files), dtype=bool)
    kinds: dict[str, Callable[[int], NDArray[np.float32]]] = {
        "pink": telephone.pink,
        "white": lambda size: np.random.default_rng(1).standard_normal(size).astype(np.float32),
        "babble": babble(sounds),
    }

    def told(values: Floats, usual: Floats, snr_db: float) -> dict[str, Any]:
        columns = against_neutral(values, usual, speaker, every, seconds)
        columns["snr_db"] = np.full(len(files), snr_db)
        judged = judge.judge(columns)
        axis = judged.axes["sincere"]
        return {
            "rating": axis.rating,
            "animation": animation(columns).value,
            "parts": axis.contributions,
            "sincere": np.array(judged.verdict) == "sincere",
        }

    clean = measure(sounds, 8000)
    quiet = told(clean, clean, np.nan)
    moved: dict[str, dict[str, list[Floats]]] = {}
    turned: dict[str, list[tuple[int, int]]] = {}
    for make in kinds.values():
        for level_db in LEVELS_DB:
            noisy = measure([telephone.over(y, make(len(y)), level_db) for y in sounds], 8000)
            for where, usual in (("in both", noisy), ("in the clip only", clean)):
                now, found = told(noisy, usual, level_db), moved.setdefault(where, {})
                for what in ("rating", "animation", "parts"):
                    found.setdefault(f"{what} {level_db:g}", []).append(now[what] - quiet[what])
                was, is_now = quiet["sincere"], now["sincere"]
                turned.setdefault(f"{where} {level_db:g}", []).append(
                    (int(np.sum(is_now & ~was)), int(np.sum(was & ~is_now)))
                )
    out: dict[str, Any] = {"snr_db": list(LEVELS_DB), "clips": len(files), "kinds": list(kinds)}
    out["sincere without noise"] = int(quiet["sincere"].sum())
    square: dict[str, list[list[float]]] = {"rating": [], "animation": []}
    for where, found in moved.items():
        out[where] = {}
        for what in ("rating", "animation"):
            each = [np.concatenate(found[f"{what} {level:g}"]) for level in LEVELS_DB]
            each = [e[np.isfinite(e)] for e in each]
            mean_square = [float(np.mean(e**2)) for e in each]
            square[what].append(mean_square)
            out[where][what] = {
                "mean": [float(e.mean()) for e in each],
                "root_mean_square": [float(np.sqrt(s)) for s in mean_square],
                "within_.1": [float(np.mean(np.abs(e) <= 0.1)) for e in each],
            }
        for i, what in enumerate(("became_sincere", "no_longer_sincere")):
            out[where][what] = [
                sum(pair[i] for pair in turned[f"{where} {level:g}"]) for level in LEVELS_DB
            ]
        parts = [np.mean(np.concatenate(found[f"parts {level:g}"]), axis=0) for level in LEVELS_DB]
        out[where]["rating_by_measure"] = {
            name: [float(p[i]) for p in parts]
            for i, name in enumerate(judge.inputs)
            if max(abs(p[i]) for p in parts) > 0
        }
        up = [np.percentile(np.concatenate(found[f"rating {x:g}"]), 95) for x in LEVELS_DB]
        slope, start = np.polyfit(LEVELS_DB, np.log(up), 1)
        out[where]["rises_at_most"] = {"log_rise": float(start), "per_db": float(slope)}
    for what, both in square.items():
        slope, start = np.polyfit(LEVELS_DB, np.log(np.mean(both, axis=0)), 1)
        out[f"{what}_variance"] = {"log_variance": float(start), "per_db": float(slope)}
    return out
