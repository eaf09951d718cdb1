"""Copy the judge's figures from ``results/judge.json`` into the tables of its card.

``python -m benchmarks._card`` writes what stands between ``<!-- table NAME -->`` and
``<!-- end -->`` in models/MODEL_CARD.md; ``--check`` only says whether it is still true (a test
runs that). What is said around the tables is written by hand.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "models" / "MODEL_CARD.md"
RESULTS = ROOT / "benchmarks" / "results" / "judge.json"
MARK = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Found = Mapping[str, Any]

FIGURES = (
    "spearman", "spearman_within_sentence", "spearman_within_speaker", "uar", "uar_half", "rmse",
    "coverage_80",
)  # fmt: skip
HEAD = (
    "", "Spearman", "within sentence", "within speaker", "UAR at 0", "UAR, surest half", "RMSE",
    "80 % interval covers",
)  # fmt: skip
# Measured by the holders of the eight speakers that were kept back, once, for the nine measures as
# straight differences, before this judge was made; and for judge 0.1.0 (docs/judge.md).
KEPT_BACK = {
    "judge 0.1.0, as it was published (its own folds)": (0.574, 0.466, 0.471, 0.719, 0.842),
    "judge 0.1.0, on the eight": (0.359, 0.205, 0.524, 0.609, 0.658),
    "nine measures, straight differences, on the eight": (0.512, 0.367, 0.515, 0.679, None),
}


def number(value: float | None, digits: int = 3) -> str:
    """Write a number below 1 without its 0, as tables of correlations do; '-' for none."""
    if value is None or math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def signed(value: float, digits: int = 2) -> str:
    """Write a difference with its sign."""
    return f"{value:+.{digits}f}"


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.0f} %"


def span(ends: Sequence[float], digits: int = 2) -> str:
    """Write an interval."""
    return f"{number(ends[0], digits)} to {number(ends[1], digits)}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _figures(found: Found, keys: Sequence[str] = FIGURES) -> list[str]:
    return [number(found.get(k)) for k in keys]


def strangers(got: Found) -> str:
    """Return the card's first table: corpora and speakers that nothing was fitted to."""
    rows = []
    for name, title in (("emodb", "EmoDB"), ("emotale", "EmoTale")):
        for emotion, f in got[name]["emotions"].items():
            shares = [f[v] for v in ("sincere", "forced", "unclear", "flatter", "livelier")]
            rows.append([f"{title}, {emotion}", str(f["n"]), *(percent(x) for x in shares)])
    head = ("acted clips", "n", "`sincere`", "`forced`", "`unclear`", "*flatter*", "*livelier*")
    return grid(head, rows)


def kept_back(got: Found) -> str:
    """Return what came out on the eight speakers that were kept back."""
    rows = [[n, *(number(x) for x in f)] for n, f in KEPT_BACK.items()]
    return grid(HEAD[:6], rows)


def pairs(got: Found) -> str:
    """Return how often the likelier of two takes of one person was rated higher."""
    found = got["sincere"]["pairs"]
    kinds = [n for n in found if n not in ("spread", "told")]
    rows = [
        [
            f"two takes, {n}",
            str(found[n]["pairs"]),
            *(percent(found[n][k]) for k in ("right", "surest_half", "surest_fifth")),
        ]
        for n in kinds
    ]
    own = got["sincere"]["usual"]
    rows.append(
        ["a take against the speaker's others", str(own["n"])]
        + [percent(own[k]) for k in ("right", "surest_half", "surest_fifth")]
    )
    return grid(("", "n", "right", "surest half", "surest fifth"), rows)


def told(got: Found) -> str:
    """Return whether probabilities of pairs hold."""
    two, own = got["sincere"]["pairs"]["told"], got["sincere"]["usual"]["told"]

    def cells(found: Found, name: str) -> list[str]:
        f = found.get(name)
        return [str(f["n"]), percent(f["right"])] if f else ["-", "-"]

    rows = [[n, *cells(two, n), *cells(own, n)] for n in sorted({*two, *own})]
    head = ("told with a probability of", "pairs", "came out so", "takes against own others",
            "came out so")  # fmt: skip
    return grid(head, rows)


def accuracy(got: Found) -> str:
    """Return the figures on the 24 speakers, each judged by the others."""
    found = got["sincere"]
    spans = found["intervals"]
    between = [span(spans[k]) if k in spans else "" for k in FIGURES]
    rows = [
        ["**the judge**", *_figures(found["unseen_speakers"])],
        ["interval", *between],
        *([n, *_figures(f)] for n, f in found["gender"].items()),
        ["wording only", *_figures(found["wording only"])],
    ]
    plain = {**found["lower, softer, darker, equal weights"]}
    for gone in ("uar", "uar_half", "rmse", "coverage_80"):
        plain.pop(gone)
    rows.append(["lower, softer, darker, equal weights, no fit", *_figures(plain)])
    rows += [[f"with a baseline of {n}", *_figures(f)] for n, f in found["baseline"].items()]
    return grid(HEAD, rows)


def verdicts(got: Found) -> str:
    """Return how often each verdict is given on SinA-C, speakers left out, and is right."""
    found = got["sincere"]["verdicts"]
    rows = [
        ["given", *(percent(found[v]) for v in ("sincere", "forced", "unclear"))],
        ["right", *(percent(found["right"].get(v, math.nan)) for v in ("sincere", "forced")), "-"],
    ]
    return grid((f"SinA-C, {found['n']} clips", "`sincere`", "`forced`", "`unclear`"), rows)


def thresholds(got: Found) -> str:
    """Return what each threshold would give; the rule in docs/judge.md reads these rows."""
    rows = []
    for row in got["sweep"]:
        for word in ("sincere", "forced"):
            f = row[word]
            cells = [f["sinac"], f["right"], *(f[e] for e in EMOTIONS)]
            shown = ["-" if c is None else percent(c) for c in cells]
            rows.append([f"`{word}` from {number(row['p'], 2)}", *shown])
    head = ("", "of SinA-C", "of these right", *(f"EmoDB, {e}" for e in EMOTIONS))
    return grid(head, rows)


EMOTIONS = ("neutral", "anger", "happiness", "sadness")


def noise(got: Found) -> str:
    """Return how far noise moves ratings and animation."""
    found, rows = got["noise"], []
    for where in ("in both", "in the clip only"):
        for what in ("rating", "animation"):
            f = found[where][what]
            rows.append([f"{what}, noise {where}: mean", *(signed(x) for x in f["mean"])])
            rows.append(["root mean square", *(number(x, 2) for x in f["root_mean_square"])])
        within = found[where]["rating"]["within_.1"]
        rows.append(["ratings moved by .1 or less", *(percent(x) for x in within)])
        even = found[where]["rating_by_measure"]["loudness_cv_log2ratio"]
        rows.append(["of the mean by `loudness_cv`", *(signed(x) for x in even)])
        kinds = len(found["kinds"])
        for what, title, of in (
            ("became_sincere", "clips that became `sincere`", found["clips"]),
            ("no_longer_sincere", "no longer `sincere`", found["sincere without noise"]),
        ):
            rows.append([title, *(f"{x} of {of * kinds}" for x in found[where][what])])
    return grid(("voice over noise", *(f"{x:g} dB" for x in found["snr_db"])), rows)


def lines(got: Found) -> str:
    """Return how far lines move ratings, clip and baseline on the same one."""
    rows = [
        [name, signed(f["mean"]), number(f["root_mean_square"], 2), percent(f["within_.1"])]
        for name, f in got["lines"].items()
    ]
    return grid(("line", "mean", "root mean square", "moved by .1 or less"), rows)


TABLES: dict[str, Callable[[Found], str]] = {
    f.__name__: f
    for f in (strangers, kept_back, pairs, told, accuracy, verdicts, thresholds, noise, lines)
}


def tables(got: Found) -> dict[str, str]:
    """Return every table whose figures are there."""
    out = {}
    for name, make in TABLES.items():
        with contextlib.suppress(KeyError):  # a part that was skipped
            out[name] = make(got)
    return out


def filled(card: str, got: Found) -> str:
    """Return the card with every table as the results have it."""
    return MARK.sub(lambda m: f"{m[1]}{TABLES[m[2]](got)}\n{m[3]}", card)


def main(argv: list[str]) -> int:
    """Write the tables, or with ``--check`` say whether they are true."""
    got = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    card = CARD.read_text(encoding="utf-8")
    missing = set(TABLES) - {m[2] for m in MARK.finditer(card)}
    if missing:
        print(f"{CARD.name}: no place for {', '.join(sorted(missing))}.")
        return 1
    made = filled(card, got)
    if "--check" in argv:
        if made != card:
            print(f"{CARD.name} is not what results/judge.json says: python -m benchmarks._card")
        return int(made != card)
    CARD.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
