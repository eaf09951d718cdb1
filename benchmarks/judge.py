"""How well the judge does: unseen speakers, strangers' corpora, noise, speed; it makes the card.

SinA-C's 24 speakers are each judged by a fit to the others. Intervals resample speakers.

The shipped judge on strangers' corpora, which nobody rated for sincerity: a clip is held against
the same speaker's neutral clips, a neutral one against the other neutral ones, and judged as it is
in use: nothing is fitted. EmoDB sets thresholds and the spread of animation; EmoTale only checks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _readme, common, telephone
from prosody.fit import evaluate, recipe
from prosody.fit import metrics as fig
from prosody.fit.train import balanced, folds, ridge
from prosody.judge import judge as judges
from prosody.judge.judge import Z_80, Judge
from prosody.judge.pairs import more_sincere, spread_of
from prosody.measures import table
from prosody.measures.animation import animation
from prosody.measures.measure import measure
from prosody.settings import Settings
from prosody.tables.rated_table import (
    NOMINAL_CLIP_S,
    Floats,
    Rated,
    leave_one_out_median,
    read_table,
)
from prosody.tables.table_files import read_rows

BOOTSTRAPS = 1000
APART = 0.2
EMOTIONS = {"W": "anger", "N": "neutral", "F": "happiness", "T": "sadness"}
BASELINE_S = 120.0
LEVELS_DB = (10.0, 15.0, 20.0, 25.0, 30.0, 40.0)
TALKERS = 12
Sound = NDArray[np.float32]
Sounds = list[Sound]
Held = tuple[Floats, Floats]


def spoken(rated: Rated, held: Held) -> dict[str, Any]:
    """Return every figure of one set of predictions."""
    rating, sd = held
    found = fig.figures(rated.rating, rating, sd, rated.sentence)
    macro = fig.speaker_macro(rated.rating, rating, sd, rated.speaker)
    return {**found, "spearman_within_speaker": macro["spearman_within_speaker"]}


def by_design(rated: Rated, design: Floats) -> Held:
    """Return a plain ridge on a design of its own, every speaker judged by the others."""
    out, sd, weight = np.zeros(len(rated)), np.zeros(len(rated)), balanced(rated.speaker)
    for test in folds(rated.speaker):
        coef, bias = ridge(design[~test], rated.rating[~test], 1.0, weight[~test])
        out[test] = design[test] @ coef + bias
        left = rated.rating[~test] - design[~test] @ coef - bias
        sd[test] = np.quantile(np.abs(left), 0.8) / Z_80
    return out, sd


def equal_weights(rated: Rated) -> Floats:
    """Return the plain sum "lower, softer, darker than usual", each in units of its spread."""
    parts = {"pitch_mean_st_rel": -1, "loudness_mean_log2ratio": -1, "alpha_ratio_db_rel": -1}
    out = np.zeros(len(rated))
    for name, sign in parts.items():
        out += sign * np.nan_to_num(rated.columns[name]) / np.nanstd(rated.columns[name])
    return out


def few_others(rated: Rated, clips: int, seed: int = 1) -> Rated:
    """Return the table with each clip held against so many of the speaker's other clips."""
    rng = np.random.default_rng(seed)
    names = tuple(n for n in table.NAMES if n in rated.columns)
    values = np.stack([rated.columns[n] for n in names], axis=1)
    baseline = np.full(values.shape, np.nan)
    for i in range(len(rated)):
        others = np.flatnonzero(rated.speaker == rated.speaker[i])
        others = others[others != i]
        take = rng.choice(others, min(clips, len(others)), replace=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            baseline[i] = np.nanmedian(values[take], axis=0)
    rel = table.relative(values, baseline, names)
    kept = [table.BY_NAME[n].relative_name for n in names if table.BY_NAME[n].relative != "none"]
    columns = {**rated.columns, **dict(zip(kept, rel.T, strict=True))}
    columns["baseline_s"] = np.full(len(rated), clips * NOMINAL_CLIP_S)
    return replace(rated, columns=columns)


def pairs(rated: Rated, rating: Floats) -> dict[str, Any]:
    """Return how well takes of one speaker are told apart, and whether probabilities hold."""
    a, b = np.triu_indices(len(rated), 1)
    same = (rated.speaker[a] == rated.speaker[b]) & (rated.rating[a] != rated.rating[b])
    a, b = a[same], b[same]
    said, truth = rating[a] - rating[b], rated.rating[a] - rated.rating[b]
    words, speaker = rated.sentence[a] == rated.sentence[b], rated.speaker[a]
    p = np.zeros(len(a))
    for name in np.unique(speaker):
        mine = speaker == name
        p[mine] = more_sincere(said[mine], spread_of(said[~mine], truth[~mine])).p
    sure, right = np.maximum(p, 1 - p), said * truth > 0
    order = np.argsort(-sure, kind="stable")

    def shares(keep: Any) -> dict[str, Any]:
        mine = order[keep[order]]
        n = len(mine)
        return {
            "pairs": n,
            "right": float(right[mine].mean()),
            "surest_half": float(right[mine[: n // 2]].mean()),
            "surest_fifth": float(right[mine[: n // 5]].mean()),
        }

    far = np.abs(truth) >= APART
    every = np.ones(len(a), dtype=bool)
    return {
        "spread": spread_of(said, truth),
        "same words": shares(words),
        "same words, rated at least .2 apart": shares(words & far),
        "any words": shares(every),
        "any words, rated at least .2 apart": shares(far),
        "told": bins(sure, right),
    }


def bins(p: Floats, right: Any) -> dict[str, dict[str, float]]:
    """Return how often it came out as told, by the probability that was told."""
    out = {}
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        mine = (p >= low) & (p < low + 0.1 + 1e-9 * (low == 0.9))
        if mine.sum() >= 10:
            out[f"{low:.1f} to {low + 0.1:.1f}"] = {
                "n": int(mine.sum()),
                "told": float(p[mine].mean()),
                "right": float(right[mine].mean()),
            }
    return out


def usual(rated: Rated, differences: Floats) -> dict[str, Any]:
    """Return whether takes are rated above the speaker's other takes as often as is told."""
    others, _ = leave_one_out_median(rated.rating[:, None], rated.speaker)
    truth = rated.rating - others[:, 0]
    p = np.zeros(len(rated))
    for name in np.unique(rated.speaker):
        mine = rated.speaker == name
        spread = spread_of(differences[~mine], truth[~mine])
        p[mine] = more_sincere(differences[mine], spread).p
    sure, right = np.maximum(p, 1 - p), (p > 0.5) == (truth > 0)
    order = np.argsort(-sure, kind="stable")
    return {
        "spread": spread_of(differences, truth),
        "n": len(rated),
        "right": float(right.mean()),
        "surest_half": float(right[order[: len(order) // 2]].mean()),
        "surest_fifth": float(right[order[: len(order) // 5]].mean()),
        "told": bins(sure, right),
    }


def verdicts(rated: Rated, held: Held) -> dict[str, Any]:
    """Return how often each verdict is given, and how often it is right."""
    p = fig.ndtr(held[0] / held[1])
    word = np.array(judges.verdicts(p, None, Settings(), recited_decides=False)[0])
    good = rated.rating > 0
    said = word != "unclear"
    right = np.where(word == "sincere", good, ~good)
    return {
        "n": len(rated),
        **{v: float(np.mean(word == v)) for v in ("sincere", "forced", "unclear")},
        "right": {
            "any verdict": float(right[said].mean()),
            **{v: float(right[word == v].mean()) for v in ("sincere", "forced") if v in word},
        },
    }


def sweep(rated: Rated, held: Held, emodb: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each threshold would give: the rule of results/judge_plan.md reads its rows."""
    p = fig.ndtr(held[0] / held[1])
    good, rows = rated.rating > 0, []
    for t in np.arange(0.60, 0.951, 0.05):
        sincere, forced = p >= t - 1e-9, 1 - p >= t - 1e-9
        row: dict[str, Any] = {"p": round(float(t), 2)}
        row["sincere"] = {
            "sinac": float(sincere.mean()),
            "right": float(good[sincere].mean()) if sincere.any() else None,
            **{e: float(np.mean(q >= t - 1e-9)) for e, q in emodb.items()},
        }
        row["forced"] = {
            "sinac": float(forced.mean()),
            "right": float((~good)[forced].mean()) if forced.any() else None,
            **{e: float(np.mean(1 - q >= t - 1e-9)) for e, q in emodb.items()},
        }
        rows.append(row)
    return rows


def sincere(file: Path) -> tuple[dict[str, Any], Rated, Held]:
    """Return every figure of SinA-C."""
    rated = read_table(file)
    rating, sd, axes = evaluate.cross_validate(rated, recipe.fit_sincere)
    held = rating, sd
    bias = np.zeros(len(rated))
    for test, axis in zip(folds(rated.speaker), axes, strict=True):
        bias[test] = axis.bias
    out: dict[str, Any] = {
        "unseen_speakers": spoken(rated, held),
        "intervals": fig.intervals(
            rated.rating, rating, sd, rated.sentence, rated.speaker, n=BOOTSTRAPS
        ),
        "gender": fig.by_group(rated, rating, sd)["gender"],
        "wording only": spoken(
            rated, by_design(rated, (rated.sentence[:, None] == np.unique(rated.sentence)) * 1.0)
        ),
        "lower, softer, darker, equal weights": spoken(
            rated, (equal_weights(rated), np.full(len(rated), np.nan))
        ),
        "pairs": pairs(rated, rating),
        "usual": usual(rated, rating - bias),
        "verdicts": verdicts(rated, held),
        "calibration": evaluate.calibration(rated.rating, rating, sd),
    }
    out["baseline"] = {}
    for seconds in (5, 10, 30):
        few = few_others(rated, round(seconds / NOMINAL_CLIP_S))
        found = evaluate.by_folds(few, axes)
        figures = spoken(rated, found)
        out["baseline"][f"{seconds} s"] = {**figures, "mean_sd": float(found[1].mean())}
    return out, rated, held


# --- strangers ------------------------------------------------------------------------------------


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


def babble(clips: Sounds, seed: int = 3) -> Callable[[int], Sound]:
    """Return a maker of noise: as many talkers at once, their clips one after another."""
    rng = np.random.default_rng(seed)
    length = max(len(c) for c in clips) * 2
    total = np.zeros(length)
    for _ in range(TALKERS):
        one = np.resize(
            np.concatenate([clips[i] for i in rng.permutation(len(clips))[:20]]), length
        )
        total += one / one.std()

    def make(size: int) -> Sound:
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
    kinds: dict[str, Callable[[int], Sound]] = {
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


def speed(judge: Judge, args: Any) -> dict[str, float]:
    """Return rows judged a second, in one session with one thread."""
    rows = 100_000
    matrix = np.random.default_rng(0).normal(0, 1, (rows, len(judge.inputs))).astype(np.float32)
    with common.one_core():
        works = {"judge": lambda: judge.run(matrix)}
        took = common.interleaved(works, repeats=args.repeats)["judge"]
    return {"rows": rows, "median_s": took.median_s, "rows_per_s": rows / took.median_s}


def main(argv: Sequence[str]) -> int:
    """Run all parts that the data allow, print the card's tables, write the results."""
    warnings.filterwarnings("ignore", "Feature set", UserWarning)  # the corpora's version
    args = common.arguments(argv, __doc__)
    judge = Judge.load()
    results: dict[str, Any] = {
        "judge": {"name": judge.name, "sha256": judge.sha256, "bytes": judge.path.stat().st_size}
    }
    skipped: dict[str, str] = {}
    files: list[Path] = []
    sinac = args.data / "sinac" / "sinac_dev24.csv"
    rated, held = None, None
    if sinac.is_file():
        results["sincere"], rated, held = sincere(sinac)
        files.append(sinac)
    else:
        skipped["sincere"] = "no sinac/sinac_dev24.csv in the data folder (--data DIR)"
    looks, missing = common.able({p.__name__: partial(p, args, judge) for p in (emodb, emotale)})
    for name, (found, used) in looks.items():
        results[name] = found
        files += used
    if rated is not None and held is not None and "emodb" in results:
        results["sweep"] = sweep(rated, held, results["emodb"].pop("p_by_emotion"))
    moved, still = common.able({p.__name__: partial(p, args, judge) for p in (noise, lines)})
    results |= moved
    skipped |= missing | still
    results["speed"] = speed(judge, args)
    for name, made in _readme.card(results).items():
        print(f"\n{name}\n{made}")
    common.write("judge", args, results, files, skipped=skipped)
    for what, why in skipped.items():
        print(f"skipped {what}: {why}")
    return 0
