"""How well the judge does: unseen speakers, strangers' corpora, noise, speed; it makes the card.

SinA-C's 24 speakers are each judged by a fit to the others. EmoDB sets thresholds and the spread of
animation; EmoTale only checks. Intervals resample speakers. Writes ``judge.json``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _judge_strangers as strangers
from benchmarks import _readme, common
from prosody.fit import evaluate, recipe
from prosody.fit import metrics as fig
from prosody.fit.train import balanced, folds, ridge
from prosody.judge import judge as judges
from prosody.judge.judge import Z_80, Judge
from prosody.judge.pairs import more_sincere, spread_of
from prosody.settings import Settings
from prosody.tables.rated_table import NOMINAL_CLIP_S, Floats, Rated, leave_one_out_median

BOOTSTRAPS = 1000
APART = 0.2
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
    from dataclasses import replace

    from prosody.measures import table

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


def sincere(table: Path) -> tuple[dict[str, Any], Rated, Held]:
    """Return every figure of SinA-C."""
    rated = recipe.read_sinac(table)
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


def speed(judge: Judge, args: Any) -> dict[str, float]:
    """Return rows judged a second, in one session with one thread."""
    rows = 100_000
    matrix = np.random.default_rng(0).normal(0, 1, (rows, len(judge.inputs))).astype(np.float32)
    with common.one_core():
        took = common.timed(lambda: judge.run(matrix), repeats=args.repeats)
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
    table = args.data / "sinac" / "sinac_dev24.csv"
    rated, held = None, None
    if table.is_file():
        results["sincere"], rated, held = sincere(table)
        files.append(table)
    else:
        skipped["sincere"] = "no sinac/sinac_dev24.csv in the data folder (--data DIR)"
    for name, part in (("emodb", strangers.emodb), ("emotale", strangers.emotale)):
        try:
            results[name], used = part(args, judge)
            files += used
        except common.Skip as reason:
            skipped[name] = str(reason)
    if rated is not None and held is not None and "emodb" in results:
        results["sweep"] = sweep(rated, held, results["emodb"].pop("p_by_emotion"))
    for name, moving in (("noise", strangers.noise), ("lines", strangers.lines)):
        try:
            results[name] = moving(args, judge)
        except common.Skip as reason:
            skipped[name] = str(reason)
    results["speed"] = speed(judge, args)
    for name, made in _readme.card(results).items():
        print(f"\n{name}\n{made}")
    common.write("judge", args, results, files, skipped=skipped)
    for what, why in skipped.items():
        print(f"skipped {what}: {why}")
    return 0
