"""A rated set with a known rule, for the tests of the judge and of fitting one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

COLUMNS = (
    "pitch_p50_st", "pitch_range_st", "loudness_mean", "loudness_cv", "alpha_ratio_db", "mfcc1",
    "loudness_peaks_per_s", "unvoiced_segment_mean_s",
)  # fmt: skip
RULE = {"pitch_p50_st": -0.25, "loudness_peaks_per_s": -1.2}  # per semitone; per doubling


def make(speakers=24, clips=10, noise=0.2, seed=0):
    """Return rows of a table in which two relative measures and chance make the rating."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(speakers):
        habit = {
            "pitch_p50_st": rng.normal(28, 5), "pitch_range_st": rng.normal(5, 1),
            "loudness_mean": rng.normal(0, 0.5), "loudness_cv": rng.normal(-1, 0.2),
            "alpha_ratio_db": rng.normal(-15, 3), "mfcc1": rng.normal(20, 4),
            "loudness_peaks_per_s": rng.normal(1.8, 0.2),
            "unvoiced_segment_mean_s": rng.normal(-2.5, 0.3),
        }  # fmt: skip
        moved = {k: rng.normal(0, spread(k), clips) for k in habit}
        for c in range(clips):
            row = {"clip": f"s{s:02d}c{c:02d}.wav", "speaker": f"agent-{s:02d}"}
            row["sentence"] = f"S{c % 4}"
            row["gender"] = "female" if s % 2 else "male"
            for name in COLUMNS:
                value = habit[name] + moved[name][c]
                if name in ("pitch_p50_st", "pitch_range_st", "alpha_ratio_db", "mfcc1"):
                    row[name] = value
                else:
                    row[name] = 2.0**value
            row["rating"] = sum(RULE[k] * moved[k][c] for k in RULE) + rng.normal(0, noise)
            rows.append(row)
    return rows


def spread(name):
    """Return by how much clips of a speaker differ in a measure (octaves of a ratio)."""
    return 2.0 if name.endswith(("_st", "_db", "mfcc1")) else 0.3


def write(path: Path, rows, drop=()):
    """Write rows as CSV."""
    names = [n for n in rows[0] if n not in drop]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, names, extrasaction="ignore")
        out.writeheader()
        out.writerows(rows)
    return path


def ratings(rows, raters=8, noise=0.5, seed=1, axis="sincere"):
    """Return long ratings, 0 to 100, of raters who use the scale differently."""
    rng = np.random.default_rng(seed)
    out = []
    for r in range(raters):
        centre, width = rng.normal(55, 8), rng.uniform(8, 16)
        for row in rows:
            heard = float(row["rating"]) + rng.normal(0, noise)
            value = float(np.clip(centre + width * heard, 0, 100))
            out.append({"clip": row["clip"], "rater": f"r{r}", "axis": axis, "rating": value,
                        "is_repeat": "", "cannot_hear": "", "remark": ""})  # fmt: skip
    return out
