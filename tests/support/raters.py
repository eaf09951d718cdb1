"""Tables of made raters, for tests of agreement."""

from __future__ import annotations

import csv
import math

NAN = math.nan


COLUMNS = ("clip", "rater", "axis", "rating", "is_repeat", "cannot_hear", "remark")


def write(path, rows, columns=COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(rows)
    return path


def long(matrix, axis="sincere", start=0):
    """Return a matrix of ratings as rows of the long form."""
    return [
        [f"c{i + start:03d}", f"r{j}", axis, f"{value:g}", "", "", ""]
        for i, row in enumerate(matrix)
        for j, value in enumerate(row)
        if not math.isnan(value)
    ]


def simulated(rng, clips, raters, clip, rater, rest, kept=1.0):
    """Return ratings whose variances are known."""
    x = (
        rng.normal(0, math.sqrt(clip), (clips, 1))
        + rng.normal(0, math.sqrt(rater), (1, raters))
        + rng.normal(0, math.sqrt(rest), (clips, raters))
    )
    x[rng.random(x.shape) > kept] = NAN
    return x
