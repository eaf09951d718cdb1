"""Figures of the judge on the two rated corpora: every speaker judged by the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _judge_lines as lines
from prosody.fit import evaluate, recipe
from prosody.fit import metrics as fig
from prosody.fit.bent import fit_bent
from prosody.fit.model import AxisModel, JudgeModel
from prosody.fit.train import Spec, balanced, fit_axis, folds, ridge, specs
from prosody.judge.judge import Z_80, verdicts
from prosody.measures import table
from prosody.rating.ratings import read_nsc
from prosody.settings import Settings
from prosody.tables.rated_table import NOMINAL_CLIP_S, Floats, Rated, nanmedian

BOOTSTRAPS = 1000
# Scales of the questionnaire that matter to a trainer; -1 turns the German pole round.
SECONDARY = {
    "genuine": {"aufgesetzt": -1}, "unaffected": {"unaffektiert": 1},
    "irritated": {"nicht_genervt": -1}, "friendly": {"freundlich": 1},
    "relaxed": {"entspannt": 1}, "competent": {"inkompetent": -1},
}  # fmt: skip
BALANCE_FREE = ("pitch", "loudness", "tempo")
# What says who speaks more than how.
LEVELS = ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st", "pitch_start_st")
CHANCE = "chance (the others' mean)"
DECIDE = ("straight lines", "differences only", "all measures, straight (one recording chain)")


def few_others(rated: Rated, others: int, seed: int = 0) -> Rated:
    """Return the table with a baseline of `others` random other clips of each speaker.

    0 leaves no baseline at all.
    """
    names = tuple(n for n in table.NAMES if n in rated.columns)
    values = np.stack([rated.columns[n] for n in names], axis=1)
    rng = np.random.default_rng(seed)
    baseline = np.full(values.shape, np.nan)
    for i in range(len(rated)):
        pool = np.flatnonzero(rated.speaker == rated.speaker[i])
        pool = pool[pool != i]
        if others and len(pool):
            take = rng.choice(pool, min(others, len(pool)), replace=False)
            baseline[i] = nanmedian(values[take], axis=0)
    columns = dict(rated.columns)
    kept = [table.BY_NAME[n].relative_name for n in names if table.BY_NAME[n].relative != "none"]
    columns.update(zip(kept, table.relative(values, baseline, names).T, strict=True))
    columns["baseline_s"] = np.full(len(rated), others * NOMINAL_CLIP_S)
    return replace(rated, columns=columns)


def difference(rated: Rated, a: Floats, b: Floats, bootstraps: int = BOOTSTRAPS) -> dict[str, Any]:
    """Return Spearman of a minus that of b, with an interval by resampling speakers."""
    names, index = np.unique(rated.speaker, return_inverse=True)
    rows = [np.flatnonzero(index == i) for i in range(len(names))]
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(bootstraps):
        take = np.concatenate([rows[i] for i in rng.integers(0, len(names), len(names))])
        drawn.append(
            fig.spearman(rated.rating[take], a[take]) - fig.spearman(rated.rating[take], b[take])
        )
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = fig.spearman(rated.rating, a) - fig.spearman(rated.rating, b)
    return {"difference": found, "interval": [low, high], "decided": bool(low > 0 or high < 0)}


def _plain_fit(design: Callable[[Rated], Floats], strength: float) -> Callable[..., Any]:
    """Return a cross-validated ridge on a design of one's own, with a constant interval."""

    def run(rated: Rated) -> tuple[Floats, Floats]:
        x, weight = design(rated), balanced(rated.speaker)
        out, sd = np.zeros(len(rated)), np.zeros(len(rated))
        for test in folds(rated.speaker):
            mean, spread = np.nanmean(x[~test], axis=0), np.nanstd(x[~test], axis=0)
            z = np.clip(np.nan_to_num((x - mean) / np.where(spread > 0, spread, 1)), -3, 3)
            coef, bias = ridge(z[~test], rated.rating[~test], strength, weight[~test])
            out[test] = z[test] @ coef + bias
            left = rated.rating[~test] - z[~test] @ coef - bias
            sd[test] = np.quantile(np.abs(left), 0.8) / Z_80
        return out, sd

    return run


def _columns(rated: Rated, names: list[str]) -> Floats:
    return np.stack([rated.columns[n] for n in names], axis=1)


def _nothing(rated: Rated) -> Floats:
    """Know nothing of a clip: what is left is the mean of the others."""
    return np.zeros((len(rated), 1))


def _sentence_design(rated: Rated) -> Floats:
    return (rated.sentence[:, None] == np.unique(rated.sentence)).astype(float)


def _neutral(fit: Callable[[Rated], AxisModel]) -> Callable[[Rated], AxisModel]:
    """Fit to ratings with the mean of their sentence taken out."""

    def run(rated: Rated) -> AxisModel:
        mean = {s: rated.rating[rated.sentence == s].mean() for s in np.unique(rated.sentence)}
        wording = np.array([mean[s] for s in rated.sentence])
        return fit(replace(rated, rating=rated.rating - wording + rated.rating.mean()))

    return run


def _ranked(fit: Callable[[Rated], AxisModel]) -> Callable[[Rated], AxisModel]:
    """Fit to normal scores of the ratings' ranks, brought back to their spread."""

    def run(rated: Rated) -> AxisModel:
        from scipy.special import ndtri
        from scipy.stats import rankdata

        scores = ndtri((rankdata(rated.rating) - 0.5) / len(rated))
        return fit(replace(rated, rating=scores * rated.rating.std()))

    return run


def _robust_z(rated: Rated) -> Rated:
    """Divide relative measures by the speaker's own spread (interquartile, shrunken)."""
    columns = dict(rated.columns)
    for name in table.RELATIVE_NAMES:
        if name not in columns:
            continue
        x = columns[name].copy()
        whole = float(np.subtract(*np.nanpercentile(x, [75, 25])))
        for s in np.unique(rated.speaker):
            i = rated.speaker == s
            own = float(np.subtract(*np.nanpercentile(x[i], [75, 25])))
            x[i] = x[i] / np.sqrt((own**2 * i.sum() + whole**2 * 10) / (i.sum() + 10)) * whole
        columns[name] = x
    return replace(rated, columns=columns)


Fit = Callable[[Rated], AxisModel]


def _bent(wanted: Callable[[Rated], list[Spec]], **more: Any) -> Fit:
    def run(rated: Rated) -> AxisModel:
        return fit_bent(rated, wanted(rated), **{"level": 0.0, **more})

    return run


def _straight(wanted: Callable[[Rated], list[Spec]], **more: Any) -> Fit:
    def run(rated: Rated) -> AxisModel:
        return fit_axis(rated, wanted(rated), **{"level": 0.0, **more})

    return run


def _everything(rated: Rated) -> list[Spec]:
    """All measures twice, also those that a telephone spoils: for one recording chain only."""
    names = tuple(rated.columns)
    return [
        spec
        for rel in (True, False)
        for spec in specs(relative=rel, families=recipe.FAMILIES, names=names, fit_only=False)
    ]


def _no_habits(rated: Rated) -> list[Spec]:
    return [s for s in recipe.call_specs(rated) if not s.habit]


def _no_differences(rated: Rated) -> list[Spec]:
    return [s for s in recipe.call_specs(rated) if not s.relative]


def _no_pitch_level(rated: Rated) -> list[Spec]:
    return [s for s in recipe.call_specs(rated) if s.relative or s.measure not in LEVELS]


def _no_voicing(rated: Rated) -> list[Spec]:
    return [
        s
        for s in recipe.call_specs(rated)
        if s.measure != "voiced_share" and "segment" not in s.measure
    ]


def tried() -> dict[str, Fit]:
    """Return what else was fitted to SinA-C, on the same folds."""
    calls = recipe.call_specs
    sincere: Fit = partial(recipe.fit_sincere, level=0.0)
    return {
        "straight lines": _straight(calls, whole=True),
        "straight lines, differences only": _straight(recipe.relative_specs, whole=True),
        "differences only": _bent(recipe.relative_specs),
        "without habits": _bent(_no_habits),
        "values and habits only": _bent(_no_differences),
        "without the level of pitch": _bent(_no_pitch_level),
        "without shares and lengths of voice": _bent(_no_voicing),
        "all measures, straight (one recording chain)": _straight(_everything),
        "all measures, bent (one recording chain)": _bent(_everything),
        "wording taken out of the target": _neutral(sincere),
        "ranks as target": _ranked(sincere),
        "every clip counts alike": _bent(calls, balance=0.0),
        "every speaker counts alike": _bent(calls, balance=1.0),
        "level of the ratings estimated": _bent(calls, level=None),
    }


def _short(rated: Rated, rating: Floats, sd: Floats) -> dict[str, Any]:
    found = fig.figures(rated.rating, rating, sd, rated.sentence)
    return {**found, "speaker_macro": fig.speaker_macro(rated.rating, rating, sd, rated.speaker)}


def sincere(path: Path, pairs: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return every figure of the axis *sincere*, and what is told of speakers left out."""
    rated = recipe.read_sinac(path)
    rating, sd, models = evaluate.cross_validate(rated, recipe.fit_sincere)
    ours = evaluate.report(rated, rating, sd, bootstraps=BOOTSTRAPS)
    out: dict[str, Any] = {"unseen_speakers": ours, "takes": takes(rated, rating, sd)}
    without = rated.take(rated.speaker != "P-26")
    other, other_sd, _ = evaluate.cross_validate(without, recipe.fit_sincere)
    ours["without_P-26"] = _short(without, other, other_sd)
    ours["three_other_clips"] = _short(rated, *evaluate.by_folds(few_others(rated, 3), models))

    baselines: dict[str, Any] = {}
    pace, level = "loudness_peaks_per_s_log2ratio", "pitch_p50_st_rel"
    timing = [
        m.relative_name
        for m in table.MEASURES
        if m.family == "tempo" and m.relative_name in rated.columns
    ]
    runs = {
        "wording only": (_sentence_design, 1.0),
        "timing only (the table has no duration)": (lambda r: _columns(r, timing), 30.0),
        "two features: tempo and pitch level": (lambda r: _columns(r, [pace, level]), 10.0),
        CHANCE: (_nothing, 1.0),
    }
    predictions = {}
    for name, (design, strength) in runs.items():
        predictions[name], spread = _plain_fit(design, strength)(rated)
        baselines[name] = _short(rated, predictions[name], spread)
    out["must_beat"] = baselines
    out["decided"] = {
        f"against {other}": difference(rated, rating, predictions[other])
        for other in ("wording only", "two features: tempo and pitch level")
    }
    out["tried"] = {}
    for name, fit in tried().items():
        held_out, spread, _ = evaluate.cross_validate(rated, fit)
        out["tried"][name] = _short(rated, held_out, spread)
        if name in DECIDE:
            out["decided"][f"against {name}"] = difference(rated, rating, held_out)
    held_out, spread, _ = evaluate.cross_validate(_robust_z(rated), recipe.fit_sincere)
    out["tried"]["in units of the speaker's own spread"] = _short(rated, held_out, spread)

    out["coverage"] = {}
    for seconds in (0, 10, 30, 60):
        found = evaluate.by_folds(few_others(rated, round(seconds / NOMINAL_CLIP_S)), models)
        out["coverage"][f"baseline of {seconds} s"] = {
            **_short(rated, *found),
            "mean_sd": float(found[1].mean()),
        }
    out["lines"] = {}
    for line in pairs["after"] if pairs else ():
        found = evaluate.by_folds(lines.heard(rated, pairs, line), models)
        out["lines"][line] = {
            **_short(rated, *found),
            "shift": float(np.mean(found[0] - rating)),
            "mean_sd": float(found[1].mean()),
        }
    return out, {"rated": rated, "rating": rating, "sd": sd}


def takes(rated: Rated, rating: Floats, sd: Floats) -> dict[str, Any]:
    """Return whether two takes of one speaker and sentence differ as surely as they are told to.

    For :mod:`prosody.coach.compare`: `variance_ratio` is the variance of what is wrong with a
    difference over the sum of two ratings' own; `likeliest` is the widening of the difference's
    spread under which the outcomes are likeliest, and `told` how often pairs came out as told.
    """
    from prosody.coach.compare import WIDER

    a, b = np.triu_indices(len(rated), 1)
    same = (rated.speaker[a] == rated.speaker[b]) & (rated.sentence[a] == rated.sentence[b])
    same &= rated.rating[a] != rated.rating[b]
    a, b = a[same], b[same]
    truth, said = rated.rating[a] - rated.rating[b], rating[a] - rating[b]
    spread = np.hypot(sd[a], sd[b])
    sign = np.where(truth > 0, 1.0, -1.0)
    widths = np.arange(0.6, 2.01, 0.05)
    likely = [np.log(fig.ndtr(sign * said / (w * spread))).sum() for w in widths]
    p = fig.ndtr(np.abs(said) / (WIDER * spread))
    right = said * truth > 0
    steps = ((0.6, 0.7), (0.7, 0.8), (0.8, 0.9))
    return {
        "pairs": len(a),
        "variance_ratio": float(np.mean((truth - said) ** 2) / np.mean(spread**2)),
        "likeliest": float(widths[int(np.argmax(likely))]),
        "widened_by": WIDER,
        "told": {
            f"{low:g} to {high:g}": {
                "pairs": int(np.sum((p >= low) & (p < high))),
                "right": float(np.mean(right[(p >= low) & (p < high)])),
            }
            for low, high in steps
        },
    }


def both(folder: Path, held_out: dict[str, Any]) -> dict[str, Any]:
    """Return how often each verdict occurs on SinA-C, every speaker judged by the others."""
    rated = held_out["rated"]
    nsc, _ = recipe.read_nsc_folder(folder)
    rating, sd = np.zeros(len(rated)), np.zeros(len(rated))
    for test in folds(rated.speaker):
        model = recipe.fit_engaged(nsc, rated.take(~test))
        inputs = JudgeModel({"axis": model}).inputs
        rating[test], sd[test], _ = model.predict(rated.take(test).matrix(inputs), inputs)
    p = fig.ndtr(held_out["rating"] / held_out["sd"])
    word, _, hint = verdicts(p, fig.ndtr(rating / sd), Settings(), recited_decides=False)
    said, good = np.array(word), rated.rating > 0
    return {
        "n": len(rated),
        **{v: float(np.mean(said == v)) for v in ("sincere", "forced", "unclear")},
        "hint_recited": float(np.mean(np.array(hint) == "recited")),
        "right": {
            "sincere": float(np.mean(good[said == "sincere"])),
            "forced": float(np.mean(~good[said == "forced"])),
        },
        "false_alarms": {
            "sincere": float(np.mean(said[~good] == "sincere")),
            "forced": float(np.mean(said[good] == "forced")),
        },
    }


def clear_falls(rated: Rated, rating: Floats, sd: Floats) -> dict[str, dict[str, float]]:
    """Return how often low engagement is called clear, by the probability asked for."""
    p, good = fig.ndtr(-rating / sd), rated.rating > 0
    return {
        f"{t:g}": {
            "false_alarms": float(np.mean(p[good] >= t)),
            "finds": float(np.mean(p[~good] >= t)),
        }
        for t in (0.7, 0.8, 0.85, 0.9, 0.95)
    }


def engaged(folder: Path, styles: Rated) -> dict[str, Any]:
    """Return every figure of the axis *engaged*."""
    rated, panel = recipe.read_nsc_folder(folder)
    rated = replace(rated, groups={"gender": genders(folder, rated)})

    def fit(r: Rated) -> AxisModel:
        return recipe.fit_engaged(r, styles)

    rating, sd, _ = evaluate.cross_validate(rated, fit)
    out = {
        "unseen_speakers": evaluate.report(rated, rating, sd, panel=panel, bootstraps=BOOTSTRAPS)
    }
    out["clear_falls"] = clear_falls(rated, rating, sd)
    plain = tuple(rated.columns)
    habit = [Spec(m, relative=False) for m in recipe.HABIT]
    loud = specs(relative=False, families=BALANCE_FREE, names=plain)
    wide = specs(relative=False, families=BALANCE_FREE, names=plain, gain_free=False)
    others: dict[str, Fit] = {
        "straight lines": _straight(lambda _: habit),
        "pitch, loudness, tempo; gain taken out": _bent(lambda _: loud),
        "all that survives the telephone": _bent(_values),
        "pitch, loudness, tempo (one recording chain)": _bent(lambda _: wide),
        "the same, straight": _straight(lambda _: wide),
        "two features: tempo and pitch level": _straight(
            lambda _: [Spec("loudness_peaks_per_s", False), Spec("pitch_p50_st", False)]
        ),
    }
    out["tried"] = {}
    for name, other in others.items():
        r, s, _ = evaluate.cross_validate(rated, other)
        out["tried"][name] = _short(rated, r, s)
    out["tried"][CHANCE] = _short(rated, *_plain_fit(_nothing, 1.0)(rated))
    out["secondary"] = {}
    for name, items in SECONDARY.items():
        scale = read_nsc(folder / "ratings_dev.csv", items)
        other = evaluate.join(rated, scale)
        other = other.take(~np.isnan(other.rating))
        r, s, _ = evaluate.cross_validate(other, recipe.fit_engaged)
        found = scale.reliability()
        out["secondary"][name] = {
            "reliability": found["icc_mean"],
            "spearman": fig.spearman(other.rating, r),
            "interval": fig.intervals(other.rating, r, s, other.sentence, other.speaker, n=300)[
                "spearman"
            ],
        }
    return out


def _values(rated: Rated) -> list[Spec]:
    return [s for s in recipe.call_specs(rated) if not s.relative and not s.habit]


def genders(folder: Path, rated: Rated) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Return the gender of each clip's speaker, from the ratings file (never an input)."""
    from prosody.tables.rated_table import read_rows

    header, rows = read_rows(folder / "ratings_dev.csv")
    clip, gender = header.index("sample_heard"), header.index("speaker_gender")
    known = {r[clip]: r[gender] for r in rows}
    return np.array([known.get(c, "") for c in rated.clip])
