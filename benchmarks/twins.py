"""Twins: the same recording with one thing changed, and what that does to every measure.

What moves with what is known here from causes, not from correlations: pitch level, pitch range,
pace, loudness of the end, a pause and the tilt of the spectrum are changed one at a time by the
vocoder (`prosody.resynthesis`). Every change is held against the *unchanged resynthesis*; what
taking apart and putting together does by itself stands in a row of its own. A measure that moves
when something else was changed is found here. Voices: EmoDB, EmoTale, and Dutch ones. One picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from prosody.resynthesis.changes import ONE_THING

LONGEST_S = 8.0
SLIP_ST = 6.0
LEAST_SHOWN = 0.5
SETS = {"emodb": "*.flac", "emotale": "*.flac", "dutch": "*.*"}
LIMIT = {"emodb": 30, "emotale": 20, "dutch": 9}
SOUNDS = (".flac", ".wav", ".mp3", ".ogg")


def twins(path: Path) -> dict[str, Any] | None:
    """Return measures of a recording, of its unchanged resynthesis and of every change."""
    import soundfile

    from prosody.measures import measure
    from prosody.resynthesis import vocoder

    y, sr = soundfile.read(io.BytesIO(path.read_bytes()), dtype="float32", always_2d=True)
    y = y[: round(LONGEST_S * sr), 0]
    got = measure.frames(y, sr)
    if np.isfinite(got.f0_hz).sum() < 50:  # half a second of voice
        return None
    voice = vocoder.analyse(y, sr, got.f0_hz, got.time_s)
    same = vocoder.synthesise(voice)
    sounds, slips, clicks = [same], [], []
    for change in ONE_THING.values():
        changed = change(voice)
        sound = vocoder.synthesise(changed)
        sounds.append(sound)
        track = measure.frames(sound, voice.sr_hz)
        wanted = vocoder.pitch_at(changed.f0_hz, changed.time_s, track.time_s)
        both = np.isfinite(wanted) & np.isfinite(track.f0_hz)
        off = 12 * np.log2(track.f0_hz[both] / wanted[both])
        slips.append(float(np.mean(np.abs(off) > SLIP_ST)) if both.any() else 0.0)
        clicks.append(float(_sharpest(sound) / max(_sharpest(same), 1e-9)))
    values = measure.measure(sounds, voice.sr_hz)
    own = measure.measure([y], sr)[0]
    return {"own": own, "same": values[0], "changed": values[1:], "slips": slips, "clicks": clicks}


def _sharpest(y: Any) -> float:
    """Return the largest second difference against the sound's own level: a click stands out."""
    return float(np.max(np.abs(np.diff(y, 2)), initial=0.0) / max(np.sqrt(np.mean(y**2)), 1e-9))


def effects(before: Any, after: Any, judge: Any) -> dict[str, Any]:
    """Return what moved from one set of rows to another: measures, animation, rating, [n, ...]."""
    from prosody.judge.rows import WHOLE_S
    from prosody.measures import table
    from prosody.measures.animation import animation

    full = np.full((2, len(before), len(table.NAMES)), np.nan)
    at = [table.NAMES.index(n) for n in table.ACOUSTIC]
    full[0][:, at], full[1][:, at] = before, after
    relative = table.relative(full[1], full[0])
    columns = dict(zip(table.RELATIVE_NAMES, relative.T, strict=True))
    columns["baseline_s"] = np.full(len(before), WHOLE_S)
    judged = judge.judge(columns)
    rating = judged.axes["sincere"].rating
    level = judge.judge({k: 0 * v if k != "baseline_s" else v for k, v in columns.items()})
    return {
        "relative": relative,
        "rating": rating - level.axes["sincere"].rating,
        "animation": animation(columns).value,
    }


def row(moved: Mapping[str, Any], spread: Any) -> dict[str, Any]:
    """Return one change as it is published: medians over voices, and how many agree in sign."""
    from prosody.measures import table

    relative = np.asarray(moved["relative"])
    known = np.isfinite(relative).any(axis=0)
    middle = np.full(relative.shape[1], np.nan)
    middle[known] = np.nanmedian(relative[:, known], axis=0)
    agree = np.nanmean(np.sign(relative) == np.sign(middle), axis=0)
    measures = {}
    for i, name in enumerate(table.RELATIVE_NAMES):
        if not np.isfinite(middle[i]) or not np.isfinite(spread[i]) or spread[i] <= 0:
            continue
        measures[name] = {
            "median": round(float(middle[i]), 4),
            "in_spreads": round(float(middle[i] / spread[i]), 3),
            "same_sign_share": round(float(agree[i]), 3),
        }
    out: dict[str, Any] = {"measures": measures}
    for name in ("rating", "animation"):
        values = np.asarray(moved[name])
        values = values[np.isfinite(values)]
        out[name] = {
            "mean": round(float(values.mean()), 4),
            "median": round(float(np.median(values)), 4),
            "median_absolute": round(float(np.median(np.abs(values))), 4),
            "same_sign_share": round(float(np.mean(values * np.median(values) > 0)), 3),
        }  # fmt: skip
    return out


def spreads(values: Any) -> Any:
    """Return how much each measure differs from recording to recording, as relative measures do."""
    from prosody.measures import table

    wide = np.zeros((len(values), len(table.NAMES)))
    wide[:, [table.NAMES.index(n) for n in table.ACOUSTIC]] = values
    middle = np.nanmedian(wide, axis=0, keepdims=True)
    relative = table.relative(wide, np.repeat(middle, len(wide), axis=0))
    out = np.full(relative.shape[1], np.nan)
    known = np.isfinite(relative).any(axis=0)
    out[known] = np.nanstd(relative[:, known], axis=0)
    return out


def picture(results: Mapping[str, Any], out: Path) -> None:
    """Draw what moves with what: one row a change, one column a measure."""
    rows = [("resynthesis alone", results["unchanged"]), *results["changes"].items()]
    names = [
        n
        for n in results["unchanged"]["measures"]
        if max(abs(r["measures"].get(n, {}).get("in_spreads", 0)) for _, r in rows) >= LEAST_SHOWN
    ]
    grid = np.array(
        [[r["measures"].get(n, {}).get("in_spreads", np.nan) for n in names]
         + [r["animation"]["median"], r["rating"]["median"]] for _, r in rows]
    )  # fmt: skip
    size = (0.33 * grid.shape[1] + 3, 0.36 * len(rows) + 3.2)
    figure, axes = common.pyplot().subplots(figsize=size)
    axes.imshow(grid, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axes.set_xticks(range(grid.shape[1]), [*names, "animation", "rating"], rotation=90, fontsize=7)
    axes.set_yticks(range(len(rows)), [n for n, _ in rows], fontsize=8)
    for (i, j), value in np.ndenumerate(grid):
        if np.isfinite(value) and abs(value) >= 0.1:
            shade = "white" if abs(value) > 1.2 else "black"
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=5.5, color=shade)
    axes.set_title("What moves when one thing is changed (medians, in spreads over recordings; "
                   "animation and rating in their own units)", fontsize=8)  # fmt: skip
    figure.tight_layout()
    common.save(figure, out)


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    args = common.arguments(argv, __doc__)
    common.need("pyworld", "studio")
    from prosody.judge.judge import Judge

    found: list[tuple[str, dict[str, Any]]] = []
    used: list[Path] = []
    there = {n: p for n, p in SETS.items() if (args.data / n).is_dir()} or {"emodb": SETS["emodb"]}
    for name, pattern in there.items():
        limit = LIMIT[name] // 6 if args.quick else LIMIT[name]
        files = common.sound_files(args, name, pattern, limit=max(limit, 3), cut=True)
        for path in files:
            if path.suffix.lower() in SOUNDS and (got := twins(path)) is not None:
                found.append((name, got))
                used.append(path)
    if not found:
        raise common.Skip("no recording in which pitch can be changed")
    judge = Judge.load()
    own, same = (np.stack([g[k] for _, g in found]) for k in ("own", "same"))
    spread = spreads(same)
    results: dict[str, Any] = {
        "recordings": {n: sum(s == n for s, _ in found) for n in SETS},
        "unchanged": row(effects(own, same, judge), spread),
        "changes": {},
        "by_set": {},
    }
    for k, name in enumerate(ONE_THING):
        after = np.stack([g["changed"][k] for _, g in found])
        results["changes"][name] = row(effects(same, after, judge), spread) | {
            "octave_slips_share": round(float(np.mean([g["slips"][k] for _, g in found])), 5),
            "sharpest_p95": round(float(np.quantile([g["clicks"][k] for _, g in found], 0.95)), 3),
        }
    for name in SETS:
        which = np.array([s == name for s, _ in found])
        if not which.any():
            continue
        moved = [effects(same[which], np.stack([g["changed"][k] for s, g in found if s == name]),
                         judge) for k in range(len(ONE_THING))]  # fmt: skip
        results["by_set"][name] = {
            change: {w: round(float(np.nanmedian(m[w])), 4) for w in ("rating", "animation")}
            for change, m in zip(ONE_THING, moved, strict=True)
        }
    shown = [
        {"changed": n, "rating": r["rating"]["median"], "animation": r["animation"]["median"],
         "rating, same sign": r["rating"]["same_sign_share"],
         "octave slips": r.get("octave_slips_share", ""), "sharpest": r.get("sharpest_p95", "")}
        for n, r in [("resynthesis alone", results["unchanged"]), *results["changes"].items()]
    ]  # fmt: skip
    print(common.table(shown))
    picture(results, common.write("twins", args, results, used).with_suffix(".svg"))
    return 0
