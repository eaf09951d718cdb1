"""Agreement of the measures with openSMILE's functionals and with librosa's, clip by clip.

All clips of EmoDB (16 kHz) and every agent turn of at least half a second of HarperValley (8 kHz)
are measured by `prosody.measures.measure`, written with openSMILE's names and conversions
(`prosody.measures.egemaps`), and compared with openSMILE's own eGeMAPSv02 and eGeMAPSv01a: the
correlation over clips, and the mean difference as a share of the spread (standard deviation) of
openSMILE's values, for both data sets, for all clips together, and for those of them that would
be judged (no gate for length or voice closes; in 0.07 s of voice a tracker's one slip is all).

Two more comparisons tell where differences come from. *Their pitch*: the same with openSMILE's own
pitch contour in place of ours, so that only definitions differ. *Laryngograph*: pitch and voicing
measures of the FDA sentences, of our contour and of openSMILE's, each against the contour of
the electrodes at the larynx: who is nearer the truth.

*librosa*: the same clips as librosa's own functions measure them. Correlation over clips, and the
median difference (ours less librosa's, in the measure's unit). ``docs/parity.md`` shows all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Sound = NDArray[np.float32]
Clip = tuple[Sound, int]
Matrix = NDArray[np.float64]
LEAST_TURN_S = 0.5
SETS = ("eGeMAPSv02", "eGeMAPSv01a")
TITLES = {"emodb": "EmoDB, 16 kHz", "harpervalley": "HarperValley, 8 kHz"}

_F0, _L = "F0semitoneFrom27.5Hz_sma3nz_", "loudness_sma3_"
TARGETS: dict[str, float] = {
    **dict.fromkeys(
        [
            *(_L + k for k in ("amean", "stddevNorm", "percentile20.0", "percentile50.0")),
            *(_L + k for k in ("percentile80.0", "pctlrange0-2")),
            *("loudnessPeaksPerSec", "spectralFlux_sma3_amean", "alphaRatioV_sma3nz_amean"),
            *("hammarbergIndexV_sma3nz_amean", "slopeV0-500_sma3nz_amean"),
            *("slopeV500-1500_sma3nz_amean", *(f"mfcc{i}_sma3_amean" for i in (1, 2, 3, 4))),
        ],
        0.99,
    ),
    **dict.fromkeys(
        [_F0 + k for k in ("amean", "percentile20.0", "percentile50.0", "percentile80.0")], 0.97
    ),
    **dict.fromkeys(
        [
            *(_F0 + "pctlrange0-2", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec"),
            "MeanUnvoicedSegmentLength",
        ],
        0.90,
    ),
    **dict.fromkeys(
        [
            p + k + "Slope"
            for p in (_F0, _L)
            for k in ("meanRising", "stddevRising", "meanFalling", "stddevFalling")
        ],
        0.85,
    ),
}
"""What the correlation is to reach; where pitch decides, openSMILE's own errors limit it."""


def turns(folder: Path) -> tuple[list[Clip], list[Path]]:
    """Return the agent's turns of all calls, and the files they came from."""
    clips, files = [], []
    for y, sr, own, both in common.agents(folder):
        files += both
        for turn in own:
            start = turn["start_ms"] / 1000
            end = start + turn["duration_ms"] / 1000
            clip = y[round(start * sr) : round(end * sr)]
            if len(clip) >= LEAST_TURN_S * sr:
                clips.append((clip, sr))
    return clips, files


def theirs(smile: Any, clips: list[Clip], columns: list[str]) -> Matrix:
    """Return openSMILE's functionals; its 0 for "nothing there" stays 0."""
    rows = [smile.process_signal(y, sr).iloc[0] for y, sr in clips]
    return np.array([[row.get(c, np.nan) for c in columns] for row in rows], dtype=np.float64)


def agreement(ours: Matrix, other: Matrix) -> dict[str, float]:
    """Return correlation, mean difference over their spread, and the number of clips."""
    ok = np.isfinite(ours) & np.isfinite(other)
    x, t = ours[ok], other[ok]
    if ok.sum() < 3 or t.std() == 0 or x.std() == 0:
        return {"r": float("nan"), "bias_over_sd": float("nan"), "clips": int(ok.sum())}
    return {
        "r": round(float(np.corrcoef(x, t)[0, 1]), 4),
        "bias_over_sd": round(float((x - t).mean() / t.std()), 4),
        "clips": int(ok.sum()),
    }


def with_their_pitch(
    smile: Any, clips: list[Clip], lead_s: float = 0.0
) -> tuple[list[str], Matrix]:
    """Measure clips with openSMILE's F0 in place of ours, `lead_s` later than it says."""
    contours = []
    for y, sr in clips:
        st = smile.process_signal(y, sr)["F0semitoneFrom27.5Hz_sma3nz"].to_numpy(np.float64)
        contours.append(np.where(st > 0, 27.5 * 2 ** (st / 12), np.nan))
    return given(clips, contours, 0.01 - lead_s, 0.01)


def given(
    clips: list[Clip],
    contours: list[NDArray[np.float64]],
    first_s: float,
    step_s: float,
) -> tuple[list[str], Matrix]:
    """Measure clips with given contours: frame `i` of a contour lies at ``first_s + i step_s``."""
    from prosody.measures.grid import lay_out, resample
    from prosody.measures.measure import measure_grid, to_egemaps

    rows = []
    for (y, sr), contour in zip(clips, contours, strict=True):
        grid = lay_out([resample(y, sr)[0]], min(sr, 16000))
        time = (np.arange(grid.total) + 1) * grid.hop_s
        place = (time - first_s) / step_s
        near = np.clip(np.rint(place).astype(int), 0, len(contour) - 1)
        low = np.clip(np.floor(place).astype(int), 0, len(contour) - 1)
        high = np.minimum(low + 1, len(contour) - 1)
        part = np.clip(place - low, 0, 1)
        between = contour[low] * (1 - part) + contour[high] * part
        f0 = np.where(np.isnan(between), contour[near], between)
        outside = (place < -0.5) | (place > len(contour) - 0.5)
        f0 = np.where(np.isnan(contour[near]) | outside, np.nan, f0)
        rows.append(measure_grid(grid, f0.astype(np.float32))[0])
    return to_egemaps(np.concatenate(rows))


def laryngograph(folder: Path, opensmile: Any) -> tuple[dict[str, Any], list[Path]]:
    """Compare pitch and voicing measures with those of the laryngograph's contour."""
    import soundfile

    from prosody.measures.measure import measure, to_egemaps

    files = sorted(folder.glob("*.f0ref"))
    if not files:
        return {}, []
    sounds = [f.with_suffix(".wav") for f in files]
    clips = [soundfile.read(f, dtype="float32") for f in sounds]
    truth = [np.loadtxt(f, ndmin=2)[:, -1] for f in files]
    truth = [np.where(t > 0, t, np.nan) for t in truth]
    names, true = given(clips, truth, 0.0, 0.015)
    mine = to_egemaps(np.concatenate([measure([y], sr) for y, sr in clips]))[1]
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1
    )
    other = theirs(smile, clips, names)
    found = {}
    for i, name in enumerate(names):
        if name.startswith(_F0) or "VoicedSeg" in name or "UnvoicedSeg" in name:
            found[name] = {
                "ours": agreement(mine[:, i], true[:, i]),
                "openSMILE": agreement(other[:, i], true[:, i]),
            }
    return found, [*files, *sounds]


def by_rate(measure: Callable[[list[Sound], int], Matrix], clips: list[Clip]) -> Matrix:
    """Return the measures of clips [n, measures]; those of one rate in one batch."""
    from prosody.measures.table import ACOUSTIC

    values = np.full((len(clips), len(ACOUSTIC)), np.nan)
    for sr in {sr for _, sr in clips}:
        of = [i for i, clip in enumerate(clips) if clip[1] == sr]
        values[of] = measure([clips[i][0] for i in of], sr)
    return values


def librosa(ours: Matrix, clips: list[Clip]) -> list[dict[str, Any]]:
    """Return how alike our measures are to librosa's."""
    from prosody.measures.by_librosa import by_librosa
    from prosody.measures.table import ACOUSTIC, BY_NAME

    other, rows = by_rate(by_librosa, clips), []
    for i, column in enumerate(ACOUSTIC):
        both = np.isfinite(ours[:, i]) & np.isfinite(other[:, i])
        if both.sum() < 10:
            continue
        a, b = ours[both, i], other[both, i]
        spread = np.std(a) * np.std(b)
        rows.append(
            {
                "measure": column,
                "unit": BY_NAME[column].unit,
                "clips": int(both.sum()),
                "r": float(np.corrcoef(a, b)[0, 1]) if spread > 0 else np.nan,
                "median_difference": float(np.median(a - b)),
            }
        )
    return rows


def main(argv: list[str]) -> int:
    """Measure, compare, print, write and draw; librosa's part has a result of its own."""
    import soundfile

    from prosody.measures.measure import measure

    args = common.arguments(argv, __doc__)
    files = common.sound_files(args, "emodb", "*.flac", limit=60 if args.quick else None, cut=True)
    first = "clips" if args.files or args.on_samples else "emodb"
    sets = {first: [soundfile.read(f, dtype="float32") for f in files]}
    if not args.files and (args.data / "harpervalley").is_dir():
        sets["harpervalley"], more = turns(args.data / "harpervalley")
        files = [*files, *more]
    raw = {name: by_rate(measure, clips) for name, clips in sets.items()}
    step = 4 if args.quick else 1
    alike = {TITLES.get(n, n): librosa(raw[n][::step], c[::step]) for n, c in sets.items()}
    for name, rows in alike.items():
        print(f"\n{name}, beside librosa\n{common.table(rows)}")
    common.write("by_librosa", args, alike, files)
    return beside_opensmile(args, sets, raw, files)


def beside_opensmile(
    args: Any, sets: dict[str, list[Clip]], raw: dict[str, Matrix], files: list[Path]
) -> int:
    """Hold all sets against openSMILE, and both against the laryngograph."""
    from prosody.measures.measure import to_egemaps
    from prosody.measures.table import ACOUSTIC, BY_EGEMAPS
    from prosody.settings import Settings

    opensmile = common.need("opensmile")
    gates = Settings().gates
    at = {n: i for i, n in enumerate(ACOUSTIC)}
    ours, judged, names = {}, {}, []
    for name, values in raw.items():
        length = values[:, at["duration_s"]]
        judged[name] = (length >= gates.min_duration_s) & (
            length * values[:, at["voiced_share"]] >= gates.min_voiced_s
        )
        names, ours[name] = to_egemaps(values, ACOUSTIC)
    results: dict[str, Any] = {"targets": TARGETS}
    other: dict[str, Matrix] = {}
    for version in SETS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v01a is deprecated; that is why it is compared
            smile = opensmile.Smile(
                opensmile.FeatureSet[version], opensmile.FeatureLevel.Functionals, num_workers=1
            )
            got = {name: theirs(smile, clips, names) for name, clips in sets.items()}
        other = other or got
        pairs = {name: (ours[name], got[name]) for name in sets}
        if len(sets) > 1:
            a, b = (np.concatenate([d[n] for n in sets]) for d in (ours, got))
            held = np.concatenate([judged[n] for n in sets])
            pairs |= {"all": (a, b), "judged": (a[held], b[held])}
        results[version] = {
            column: {name: agreement(a[:, i], b[:, i]) for name, (a, b) in pairs.items()}
            for i, column in enumerate(names)
        }
        print(f"\n{version}")
        print(common.table(_rows(results[version], BY_EGEMAPS)))
    contours = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors, num_workers=1
    )
    # openSMILE's pitch frame i is centred at 10 i + 30 ms and paired with ours at 10 i + 10 ms;
    # measures pair voicing 20 ms later themselves, so the contour is laid where it was heard.
    same = {n: with_their_pitch(contours, clips, -0.02)[1] for n, clips in sets.items()}
    results["their_pitch"] = {
        column: {n: agreement(same[n][:, i], other[n][:, i]) for n in sets}
        for i, column in enumerate(names)
    }
    print("\nwith openSMILE's own pitch contour")
    print(common.table(_rows(results["their_pitch"], BY_EGEMAPS)))
    if not args.files and (args.data / "fda").is_dir():
        results["laryngograph"], more = laryngograph(args.data / "fda", opensmile)
        files = [*files, *more]
        print("\nagainst the laryngograph (FDA)")
        print(common.table(_rows(results["laryngograph"], BY_EGEMAPS)))
    version = SETS[0]
    results["below_target"] = {}
    for column, least in TARGETS.items():
        for where, figures in results[version][column].items():
            if figures["r"] < least:
                results["below_target"].setdefault(column, {})[where] = figures["r"]
    for column, where in results["below_target"].items():
        print(f"below {TARGETS[column]}: {column} {where}")
    path = common.write("parity", args, results, files)
    plot(names, ours, other, path.with_suffix(".svg"))
    return 0


def _rows(found: dict[str, Any], by_name: Any) -> list[dict[str, Any]]:
    rows = []
    for column, figures in found.items():
        row: dict[str, Any] = {"column": column, "target": TARGETS.get(column)}
        for name, f in figures.items():
            row |= {f"{name} r": f["r"], f"{name} bias/sd": f["bias_over_sd"]}
        row["ours"] = by_name[column].name if column in by_name else ""
        rows.append(row)
    return rows


def plot(names: list[str], ours: dict[str, Matrix], other: dict[str, Matrix], path: Path) -> None:
    """Draw our value against openSMILE's for the measures with a target."""
    columns = [c for c in names if c in TARGETS]
    across = 6
    down = -(-len(columns) // across)
    figure, grid = common.pyplot().subplots(down, across, figsize=(2.1 * across, 2.1 * down))
    for axes in grid.ravel()[len(columns) :]:
        axes.remove()
    for axes, column in zip(grid.ravel(), columns, strict=False):
        i = names.index(column)
        x = np.concatenate([m[:, i] for m in other.values()])
        y = np.concatenate([m[:, i] for m in ours.values()])
        ok = np.isfinite(x) & np.isfinite(y)
        low, high = np.percentile(np.concatenate([x[ok], y[ok]]), [0.5, 99.5])
        axes.plot([low, high], [low, high], color="0.7", lw=0.8)
        for name, marker in zip(ours, ("C0o", "C1s"), strict=False):
            axes.plot(
                other[name][:, i],
                ours[name][:, i],
                marker,
                ms=1.5,
                alpha=0.6,
                mew=0,
                rasterized=True,
            )
        margin = 0.05 * (high - low) or 1.0
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(low - margin, high + margin)
        axes.tick_params(labelsize=5)
        title = column.replace("semitoneFrom27.5Hz", "").replace("_sma3nz", "")
        axes.set_title(title.replace("_sma3", ""), fontsize=6)
    figure.suptitle(
        "openSMILE eGeMAPSv02 (x) and prosody (y): EmoDB (blue), HarperValley (orange)", fontsize=9
    )
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    common.save(figure, path, dpi=160)
