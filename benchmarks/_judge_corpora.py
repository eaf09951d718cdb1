"""Figures of the judge on the two rated corpora: every speaker judged by the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from prosody import table
from prosody.fit import check, recipe
from prosody.fit import figures as fig
from prosody.fit.model import Axis, AxisModel
from prosody.fit.ratings import read_nsc
from prosody.fit.tables import NOMINAL_CLIP_S, Floats, Rated, nanmedian
from prosody.fit.train import Spec, balanced, fit_axis, folds, ridge, specs
from prosody.judge import Z_80

BOOTSTRAPS = 1000
# Scales of the questionnaire that matter to a trainer; -1 turns the German pole round.
SECONDARY = {
    "genuine": {"aufgesetzt": -1}, "unaffected": {"unaffektiert": 1},
    "irritated": {"nicht_genervt": -1}, "friendly": {"freundlich": 1},
    "relaxed": {"entspannt": 1}, "competent": {"inkompetent": -1},
}  # fmt: skip
BALANCE_FREE = ("pitch", "loudness", "tempo")


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


def _few_in_calls(others: int, rated: Rated) -> Rated:
    return check.as_in_calls(few_others(rated, others))


def perturbed(rated: Rated, icc: dict[str, float], seed: int = 0) -> Rated:
    """Return the table with relative measures disturbed as a telephone line disturbs them."""
    rng = np.random.default_rng(seed)
    columns = dict(rated.columns)
    for name, value in icc.items():
        column = table.BY_NAME[name].relative_name
        if column in columns and 0 < value < 1:
            known = columns[column]
            spread = float(np.nanstd(known)) * np.sqrt(1 / value - 1)
            columns[column] = known + rng.normal(0, spread, len(known))
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


def _absolute(rated: Rated) -> AxisModel:
    wanted = specs(relative=False, families=recipe.FAMILIES, names=tuple(rated.columns))
    return fit_axis(rated, wanted, level=0.0)


def _relative_all(rated: Rated) -> AxisModel:
    wanted = specs(
        relative=True, families=recipe.FAMILIES, names=tuple(rated.columns), fit_only=False
    )
    return fit_axis(rated, wanted, level=0.0)


def _relative_plain(rated: Rated) -> AxisModel:
    wanted = specs(relative=True, families=BALANCE_FREE, names=tuple(rated.columns))
    return fit_axis(rated, wanted, level=0.0)


def _full_fit_only(rated: Rated) -> AxisModel:
    names = tuple(rated.columns)
    both = [
        spec
        for rel in (True, False)
        for spec in specs(relative=rel, families=recipe.FAMILIES, names=names)
    ]
    return fit_axis(rated, both, level=0.0)


def _short(rated: Rated, rating: Floats, sd: Floats) -> dict[str, Any]:
    found = fig.figures(rated.rating, rating, sd, rated.sentence)
    return {**found, "speaker_macro": fig.speaker_macro(rated.rating, rating, sd, rated.speaker)}


def sincere(path: Path, icc: dict[str, float] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return every figure of the axis *sincere*, and out-of-fold predictions of its calls."""
    rated = recipe.read_sinac(path)
    full, full_sd, _ = check.cross_validate(rated, recipe.fit_sincere)
    call, call_sd, _ = check.cross_validate(rated, recipe.fit_sincere, columns=check.as_in_calls)
    out: dict[str, Any] = {
        "known_line": check.report(rated, full, full_sd, bootstraps=BOOTSTRAPS),
        "as_in_calls": check.report(rated, call, call_sd, bootstraps=BOOTSTRAPS),
    }
    without = rated.take(rated.speaker != "P-26")
    for name, columns in (("known_line", None), ("as_in_calls", check.as_in_calls)):
        rating, sd, _ = check.cross_validate(without, recipe.fit_sincere, columns=columns)
        out[name]["without_P-26"] = _short(without, rating, sd)

    def three(r: Rated) -> Rated:
        return few_others(r, 3)

    for name, columns in (
        ("known_line", three),
        ("as_in_calls", partial(_few_in_calls, 3)),
    ):
        rating, sd, _ = check.cross_validate(rated, recipe.fit_sincere, columns=columns)
        out[name]["three_other_clips"] = _short(rated, rating, sd)

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
        "chance (the others' mean)": (lambda r: np.zeros((len(r), 1)), 1.0),
    }
    predictions = {}
    for name, (design, strength) in runs.items():
        predictions[name], sd = _plain_fit(design, strength)(rated)
        baselines[name] = _short(rated, predictions[name], sd)
    out["must_beat"] = baselines
    out["decided"] = {
        f"{ours} against {other}": difference(rated, mine, predictions[other])
        for ours, mine in (("known line", full), ("as in calls", call))
        for other in ("wording only", "two features: tempo and pitch level")
    }
    out["decided"]["known line against as in calls"] = difference(rated, full, call)

    call_fit = partial(recipe.fit_call, level=0.0)
    full_fit = partial(recipe.fit_full, level=0.0)
    tried: dict[str, Callable[[Rated], AxisModel]] = {
        "relative, pitch + loudness + tempo": _relative_plain,
        "relative, all measures (also unfit ones)": _relative_all,
        "relative + absolute, fit measures only": _full_fit_only,
        "absolute, fit measures only": _absolute,
        "relative, wording taken out of the target": _neutral(call_fit),
        "relative, ranks as target": _ranked(call_fit),
        "relative, every clip counts alike": lambda r: fit_axis(
            r, recipe.relative_specs(r), balance=0.0, level=0.0
        ),
        "relative, every speaker counts alike": lambda r: fit_axis(
            r, recipe.relative_specs(r), balance=1.0, level=0.0
        ),
        "relative, level of the ratings estimated": recipe.fit_call,
        "known line, level of the ratings estimated": recipe.fit_full,
        "known line, wording taken out of the target": _neutral(full_fit),
        "known line, ranks as target": _ranked(full_fit),
    }
    out["tried"] = {}
    for name, fit in tried.items():
        rating, sd, _ = check.cross_validate(rated, fit)
        out["tried"][name] = _short(rated, rating, sd)
    scaled = _robust_z(rated)
    rating, sd, _ = check.cross_validate(scaled, call_fit)
    out["tried"]["relative, in units of the speaker's own spread"] = _short(rated, rating, sd)

    out["coverage"] = {}
    for seconds in (0, 10, 30, 60):
        others = round(seconds / NOMINAL_CLIP_S)
        rating, sd, _ = check.cross_validate(
            rated,
            recipe.fit_sincere,
            columns=partial(_few_in_calls, others),
        )
        out["coverage"][f"baseline of {seconds} s"] = {
            **_short(rated, rating, sd),
            "mean_sd": float(sd.mean()),
        }
    if icc is not None:
        rating, sd, _ = check.cross_validate(
            rated, recipe.fit_sincere, columns=lambda r: check.as_in_calls(perturbed(r, icc))
        )
        out["coverage"]["telephone errors in every measure"] = {
            **_short(rated, rating, sd),
            "mean_sd": float(sd.mean()),
        }
    return out, {"rated": rated, "rating": call, "sd": call_sd}


def engaged(folder: Path, styles: Rated) -> dict[str, Any]:
    """Return every figure of the axis *engaged*."""
    rated, panel = recipe.read_nsc_folder(folder)
    rated = replace(rated, groups={"gender": genders(folder, rated)})

    def fit(r: Rated) -> Axis:
        return recipe.fit_engaged(r, styles)

    rating, sd, _ = check.cross_validate(rated, fit)
    out = {"unseen_speakers": check.report(rated, rating, sd, panel=panel, bootstraps=BOOTSTRAPS)}
    call, call_sd, _ = check.cross_validate(rated, fit, columns=check.as_in_calls)
    out["as_in_calls"] = check.report(rated, call, call_sd, panel=panel, bootstraps=BOOTSTRAPS)
    tried = {
        "gain taken out": specs(relative=False, families=BALANCE_FREE, names=tuple(rated.columns)),
        "with balance": specs(relative=False, families=recipe.FAMILIES, names=tuple(rated.columns)),
        "pitch only": specs(relative=False, families=("pitch",), names=tuple(rated.columns)),
        "two features: tempo and pitch level": [
            Spec("loudness_peaks_per_s", False),
            Spec("pitch_p50_st", False),
        ],
    }
    out["tried"] = {}
    for name, wanted in tried.items():
        r, s, _ = check.cross_validate(rated, lambda x, w=wanted: fit_axis(x, w, level=0.0))
        out["tried"][name] = _short(rated, r, s)
    out["secondary"] = {}
    for name, items in SECONDARY.items():
        scale = read_nsc(folder / "ratings_dev.csv", items)
        other = check.join(rated, scale)
        other = other.take(~np.isnan(other.rating))
        r, s, _ = check.cross_validate(other, recipe.fit_engaged)
        found = scale.reliability()
        out["secondary"][name] = {
            "reliability": found["icc_mean"],
            "spearman": fig.spearman(other.rating, r),
            "interval": fig.intervals(other.rating, r, s, other.sentence, other.speaker, n=300)[
                "spearman"
            ],
        }
    return out


def genders(folder: Path, rated: Rated) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Return the gender of each clip's speaker, from the ratings file (never an input)."""
    from prosody.fit.tables import read_rows

    header, rows = read_rows(folder / "ratings_dev.csv")
    clip, gender = header.index("sample_heard"), header.index("speaker_gender")
    known = {r[clip]: r[gender] for r in rows}
    return np.array([known.get(c, "") for c in rated.clip])
