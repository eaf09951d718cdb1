"""Check a judge against rated clips: apply it, or refit its recipe leaving speakers out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from prosody.errors import UsageError
from prosody.fit import metrics as fig
from prosody.fit.axis import Axis
from prosody.fit.calibration import calibration
from prosody.fit.graph import predict as run
from prosody.fit.join import prepared
from prosody.fit.train import folds, known_level
from prosody.judge.judge import Judge
from prosody.judge.pairs import spread_of
from prosody.rating.ratings import Panel
from prosody.settings import Settings
from prosody.statistics.intervals import Z_95
from prosody.tables.rated_table import Floats, Rated, leave_one_out_median, speaker_of

SALT = "prosody-judge:"
# So much of a figure may be luck of choosing before it is told.
BEARABLE = 0.05
Fit = Callable[[Rated], Axis]
NO_VOICES = (
    "No column says who speaks: every row counts as a voice of its own, without a baseline, and "
    "intervals are too narrow. Add a column 'speaker', or name it with --group."
)


def name_hash(name: str) -> str:
    """Return the salted hash under which a judge remembers a speaker it was fitted on.

    Speakers are remembered, not clips: a judge that knows the voice is not tested by another clip
    of it. A hash, because a team's agents have names.
    """
    return hashlib.sha256((SALT + name.strip().lower()).encode()).hexdigest()[:12]


def aliases(clip: str, speaker: str) -> set[str]:
    """Return the names under which a row's speaker may be known."""
    names = {speaker, speaker_of(clip)}
    for name in tuple(names):
        part = re.fullmatch(r"[mw]\d{3}_([a-z]+)", name)
        if part:
            names.add(part.group(1))
    return {n for n in names if n}


def known_to(training: Mapping[str, Any], rated: Rated) -> NDArray[np.bool_]:
    """Return which rows are of speakers whose hashes a judge keeps with its training."""
    known = set(training.get("fitted_on", []))
    out = np.zeros(len(rated), dtype=bool)
    if known:
        for i, (clip, speaker) in enumerate(zip(rated.clip, rated.speaker, strict=True)):
            out[i] = any(name_hash(n) in known for n in aliases(str(clip), str(speaker)))
    return out


def fitted_on(rated: Rated) -> list[str]:
    """Return the hashes of a table's speakers, sorted."""
    names: set[str] = set()
    for clip, speaker in zip(rated.clip, rated.speaker, strict=True):
        names |= aliases(str(clip), str(speaker))
    return sorted({name_hash(n) for n in names})


def predict(judge: Judge, axis: str, rated: Rated) -> tuple[Floats, Floats]:
    """Return rating and standard deviation of an axis."""
    judged = judge.judge(rated.columns).axes[axis]
    return judged.rating, judged.sd


def cross_validate(rated: Rated, fit: Fit) -> tuple[Floats, Floats, list[Axis]]:
    """Return predictions of each speaker by an axis fitted to the others.

    Parameters
    ----------
    rated : Rated
    fit : callable
        The whole recipe: everything that is estimated or chosen is inside.
    """
    axes = [fit(rated.take(~test)) for test in folds(rated.speaker)]
    return *by_folds(rated, axes), axes


def by_folds(rated: Rated, axes: list[Axis]) -> tuple[Floats, Floats]:
    """Return what the axes of :func:`cross_validate` say of each speaker on other columns."""
    rating, sd = np.full(len(rated), np.nan), np.full(len(rated), np.nan)
    for test, axis in zip(folds(rated.speaker), axes, strict=True):
        rating[test], sd[test], _ = run(axis, rated.take(test))
    return rating, sd


def pair_spreads(rated: Rated, rating: Floats, axes: list[Axis]) -> dict[str, float]:
    """Return how far differences of takes of one speaker are off, for probabilities of pairs.

    Parameters
    ----------
    rated : Rated
    rating : ndarray [shape=(n,)]
        Predicted by the axes of :func:`cross_validate`, each speaker by the others.
    axes : list of Axis

    Returns
    -------
    dict
        ``takes_spread`` of one take against another, ``usual_spread`` of one against the median of
        the speaker's others; see :func:`prosody.judge.pairs.more_sincere`. Empty where no speaker
        has three takes.
    """
    a, b = np.triu_indices(len(rated), 1)
    same = rated.speaker[a] == rated.speaker[b]
    a, b = a[same], b[same]
    others, count = leave_one_out_median(rated.rating[:, None], rated.speaker)
    several = count >= 2
    if not several.any():
        return {}
    bias = np.zeros(len(rated))
    for test, axis in zip(folds(rated.speaker), axes, strict=True):
        bias[test] = axis.bias
    truth = rated.rating - others[:, 0]
    return {
        "takes_spread": spread_of(rating[a] - rating[b], rated.rating[a] - rated.rating[b]),
        "usual_spread": spread_of((rating - bias)[several], truth[several]),
    }


def report(
    rated: Rated,
    rating: Floats,
    sd: Floats,
    *,
    cut: float = 0.0,
    panel: Panel | None = None,
    bootstraps: int = fig.BOOTSTRAPS,
) -> dict[str, Any]:
    """Return every figure of a judge on a table, as ``prosody evaluate --json`` prints it."""
    truth, speaker, sentence = rated.rating, rated.speaker, rated.sentence
    found = fig.figures(truth, rating, sd, sentence, cut)
    return {
        "n": len(rated),
        "speakers": len(np.unique(speaker)),
        **found,
        "intervals": fig.intervals(truth, rating, sd, sentence, speaker, cut, bootstraps),
        "speaker_macro": fig.speaker_macro(truth, rating, sd, speaker),
        "groups": fig.by_group(rated, rating, sd, cut),
        "reliability": None if panel is None else panel.reliability(),
        "calibration": calibration(truth, rating, sd, cut),
        "risk_coverage": fig.risk_coverage(truth, rating, sd, cut),
        "forced": fig.forced_precision(truth, rating, sd, Settings().verdict.forced_p, cut),
    }


def too_many(found: Mapping[str, Any], variants: int) -> str:
    """Return a warning where more variants were compared than these speakers can bear; '' if not.

    The best of n equal judges looks better than it is by about the greatest of n normal numbers
    times the standard error of one figure; that is half the width of the 95 % interval over 1.96.
    """
    low, high = found["intervals"].get("spearman", (0.0, 0.0))
    error = (high - low) / 2 / Z_95
    # Blom's approximation of the greatest of n normal numbers.
    luck = float(ndtri((variants - 0.375) / (variants + 0.25))) * error if variants > 1 else 0.0
    if luck <= BEARABLE:
        return ""
    return (
        f"The best of {variants} variants on {found['speakers']} speakers looks about {luck:.2f} "
        f"better in Spearman than it is: {found['spearman']:.2f} may be "
        f"{found['spearman'] - luck:.2f}. Fix one form beforehand, or keep raters and "
        "speakers that nobody looks at (docs/judge.md)."
    )


def evaluate(
    table: Path,
    axis: str,
    *,
    model: Path | None = None,
    ratings: Path | None = None,
    cv: bool = False,
    in_sample: bool = False,
    bootstraps: int = fig.BOOTSTRAPS,
    group: str | None = None,
    sentence: str | None = None,
    rating: str | None = None,
    sets: Sequence[Path] = (),
    variants: int | None = None,
) -> dict[str, Any]:
    """Check a judge, or with `cv` the recipe, against a rated table.

    Parameters
    ----------
    table : path
        See :func:`prosody.tables.rated_table.read_table`.
    axis : str
        ``sincere`` or ``engaged``.
    model : path, optional
        A judge; the shipped one by default.
    ratings : path, optional
        Ratings of single listeners, joined by clip.
    cv : bool
        Refit to this table leaving speakers out, instead of applying a judge.
    in_sample : bool
        Whether speakers that the judge was fitted on are let through.
    bootstraps : int
        Resamples of speakers behind the intervals.
    group, sentence, rating : str, optional
        Columns that hold speaker, wording and mean rating, where they are called otherwise.
    sets : sequence of path
        Rated sets of others (`prosody ratings export`), checked together with the table; figures
        of each stand among the groups.
    variants : int, optional
        How many judges or recipes were looked at on these clips, this one included.

    Returns
    -------
    dict
        n, speakers, spearman, spearman_within_sentence, uar, uar_half, coverage_80, rmse, groups,
        intervals, speaker_macro, reliability, calibration, risk_coverage, forced, remarks, axis,
        judge.

    Raises
    ------
    UsageError
        If rows are of speakers that the judge was fitted on, or nothing is rated.
    """
    from prosody.fit import recipe

    names = {"speaker": group, "sentence": sentence, "rating": rating}
    judge = None if cv else Judge.load(model)
    if judge and axis not in judge.axes:
        raise UsageError(
            f"{judge.path}: has no axis '{axis}', only {', '.join(judge.axes)}.",
            f"Give --axis {judge.axes[0]}.",
        )
    info = judge.axis_info(axis) if judge else {}
    spread = float(info.get("rating_sd", 1.0))
    ready = prepared(table, ratings, axis, names=names, sets=sets, spread=spread)
    rated, scale = ready.rated, ready.scale
    remarks = ready.notes + ([] if rated.voices_known else [NO_VOICES])
    if len(rated) < 3:
        raise UsageError(f"{table}: {len(rated)} rated rows, expected at least 3.", "")
    if judge is None:
        if not rated.voices_known:
            raise UsageError(
                f"{table}: no column says who speaks, and --cv leaves speakers out.",
                "Add a column 'speaker', or name it with --group.",
            )
        if len(np.unique(rated.speaker)) < 3:
            raise UsageError(
                f"{table}: {len(np.unique(rated.speaker))} speakers, cross-validation needs 3.", ""
            )
        fit, cut = partial(recipe.fit_table, level=known_level(rated.rating)), ready.middle
        predicted, sd, _ = cross_validate(rated, fit)
        name = "recipe refitted, each speaker judged by the others"
    else:
        name, cut = judge.name, float(info.get("cut", 0.0))
        known = known_to(info.get("training", {}), rated)
        if known.any() and not in_sample:
            speakers = np.unique(rated.speaker[known])
            raise UsageError(
                f"{table}: {int(known.sum())} of {len(rated)} rows are of speakers that {name} was "
                f"fitted on ({', '.join(speakers[:4])}{' ...' if len(speakers) > 4 else ''}).",
                "Leave them out, use --cv, or --in-sample to see the flattering figures.",
            )
        if known.any():
            remarks.append(f"{int(known.sum())} rows are of speakers that the judge was fitted on.")
        predicted, sd = predict(judge, axis, rated)
        if sets:  # whose ratings are told from the middle of their scales
            predicted, cut = predicted - cut, 0.0
    if "standardised over" in scale:
        of_judge = "; its mean counts as the mean of the ratings that the judge was fitted on"
        remarks.append(f"Ratings: {scale}{'' if cv else of_judge}.")
    if rated.voices_known and not rated.own_baseline:
        alone = not np.any(rated.columns.get("baseline_s", np.zeros(1)) > 0)
        remarks.append(
            "No baseline: every speaker has one clip."
            if alone
            else "Baseline: the median of the same speaker's other clips."
        )
    out = report(rated, predicted, sd, cut=cut, panel=ready.panel, bootstraps=bootstraps)
    if variants and (warning := too_many(out, variants)):
        remarks.append(warning)
    return {**out, "axis": axis, "judge": name, "remarks": remarks}
