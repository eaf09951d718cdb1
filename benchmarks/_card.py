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

WHOLE = ("spearman", "spearman_within_sentence", "uar", "uar_half", "rmse", "coverage_80")
WHOLE_HEAD = (
    *("", "Spearman", "within sentence", "UAR at 0", "UAR, surest half", "RMSE"),
    "80 % interval covers",
)
FEW = ("spearman", "uar", "uar_half", "rmse", "coverage_80")
FEW_HEAD = ("", "Spearman", "UAR at 0", "UAR, surest half", "RMSE", "80 % interval covers")
WITHIN = "within speaker"


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


def _figures(found: Found, keys: Sequence[str] = WHOLE) -> list[str]:
    return [number(found.get(k)) for k in keys]


def _with_speaker(name: str, found: Found) -> list[str]:
    return [name, *_figures(found), number(found["speaker_macro"]["spearman_within_speaker"])]


def accuracy(got: Found) -> str:
    """Return the main table of *sincere*."""
    sincere = got["sincere"]
    ours = sincere["unseen_speakers"]
    return grid(
        (*WHOLE_HEAD, WITHIN),
        [
            ["target", ".50", ".39", ".70", ".80", ".53", ".75 to .85", ""],
            _with_speaker("**the judge**", ours),
            ["interval", *(span(ours["intervals"][k]) for k in WHOLE), ""],
            _with_speaker("without P-26 (125 clips)", ours["without_P-26"]),
            _with_speaker("baseline of three other clips", ours["three_other_clips"]),
            *([n, *_figures(f), "-"] for n, f in ours["groups"]["gender"].items()),
            *(_with_speaker(n, f) for n, f in sincere["must_beat"].items()),
        ],
    )


def decided(got: Found) -> str:
    """Return differences of Spearman with their intervals."""
    return grid(
        ("the judge's Spearman", "difference", "interval", "decided"),
        [
            [
                name,
                signed(f["difference"]),
                " to ".join(signed(x) for x in f["interval"]),
                "yes" if f["decided"] else "no",
            ]
            for name, f in got["sincere"]["decided"].items()
        ],
    )


def baselines(got: Found) -> str:
    """Return what a shorter baseline costs."""
    keys = ("spearman", "rmse", "coverage_80", "mean_sd")
    return grid(
        ("", "Spearman", "RMSE", "covers", "mean sd"),
        [[n, *_figures(f, keys)] for n, f in got["sincere"]["coverage"].items()],
    )


def lines(got: Found) -> str:
    """Return what a line costs."""
    return grid(
        ("line", *WHOLE_HEAD[1:], "mean sd", "mean shift"),
        [
            [n, *_figures(f), number(f["mean_sd"]), signed(f["shift"])]
            for n, f in got["sincere"]["lines"].items()
        ],
    )


def noise(got: Found) -> str:
    """Return how far noise moves ratings."""
    found = got["noise"]
    rows = []
    for axis in ("sincere", "engaged"):
        root = [math.sqrt(x) for x in found[axis]["mean_square"]]
        rows += [
            [f"*{axis}*, moved by (root mean square)", *(number(x, 2) for x in root)],
            [f"*{axis}*, of it common to all", *(signed(x) for x in found[axis]["shift"])],
        ]
    return grid(("voice over noise", *(f"{x:g} dB" for x in found["snr_db"])), rows)


def forced(got: Found) -> str:
    """Return how many flags are right."""
    found = got["sincere"]["unseen_speakers"]["forced"]
    head = [f"{k[:-1]} %" for k in found["precision"]]
    row = [*(number(x, 2) for x in found["precision"].values()), number(found["recall"], 2)]
    return grid((*head, "finds"), [row])


def takes(got: Found) -> str:
    """Return how often two takes differ as they are told to."""
    found = got["sincere"]["takes"]["told"]
    return grid(
        ("told with a probability of", "pairs", "came out so"),
        [
            [name.replace("0.", "."), str(f["pairs"]), percent(f["right"])]
            for name, f in found.items()
        ],
    )


def engaged(got: Found) -> str:
    """Return the main table of *engaged*."""
    ours = got["engaged"]["unseen_speakers"]
    return grid(
        FEW_HEAD,
        [
            ["target", ".52", "", "", "", ".75 to .85"],
            ["**the judge**", *_figures(ours, FEW)],
            ["interval", *(span(ours["intervals"][k]) for k in FEW)],
            *([n, *_figures(f, FEW)] for n, f in ours["groups"]["gender"].items()),
            *([f"tried: {n}", *_figures(f, FEW)] for n, f in got["engaged"]["tried"].items()),
        ],
    )


def scales(got: Found) -> str:
    """Return the other scales of NSC."""
    return grid(
        ("scale", "reliability", "Spearman", "interval"),
        [
            [n, number(f["reliability"], 2), number(f["spearman"], 2), span(f["interval"])]
            for n, f in got["engaged"]["secondary"].items()
        ],
    )


def verdicts(got: Found) -> str:
    """Return how often each verdict occurs."""
    voices = {
        "SinA-C, unseen speakers": got["verdicts_sinac"],
        **{f"EmoDB, {n}": f for n, f in got["emotions"]["verdicts"].items()},
        **{f"EmoDB 2 s, {n}": f for n, f in got["bored"]["verdicts"].items()},
        "HarperValley, agents' turns": got["turns"],
    }
    for name, found in got["shift"].items():
        named = name[:1].upper() + name[1:]
        voices[f"{named}, apologies"] = found["apologies"]
        voices[f"{named}, other lines"] = found["other_lines"]
    keys = ("sincere", "forced", "unclear", "hint_recited")
    return grid(
        ("voices", "n", "sincere", "forced", "unclear", "of all, hint `recited`"),
        [[n, str(f["n"]), *(percent(f[k]) for k in keys)] for n, f in voices.items()],
    )


def falls(got: Found) -> str:
    """Return how often low engagement is called clear."""
    return grid(
        ("low engagement at", "false alarms", "finds"),
        [
            [t, percent(f["false_alarms"]), percent(f["finds"])]
            for t, f in got["engaged"]["clear_falls"].items()
        ],
    )


def agreement(got: Found) -> str:
    """Return ratings by our measures against those by openSMILE's and Praat's."""
    columns = {
        "ours and openSMILE's": "correlation",
        "openSMILE's with our voicing and pitch": "correlation_with_our_voicing",
        "ours, and on Praat's pitch": "correlation_of_ours_with_praat",
        "openSMILE's, and on Praat's pitch": "correlation_of_opensmile_with_praat",
        "on Praat's pitch (ac), and on Praat's (cc)": "correlation_of_praats_two_methods",
        "openSMILE's, and its own at 16 kHz": "correlation_of_opensmile_with_itself_at_16_khz",
    }
    rows = []
    for label, where in {
        "emodb": "EmoDB, {} clips",
        "harpervalley": "HarperValley, {} turns",
    }.items():
        found = got[f"agreement_{label}"]
        for axis in ("sincere", "engaged"):
            rows.append(
                [f"{where.format(found['clips'])}, *{axis}*"]
                + [number(found[axis].get(k)) for k in columns.values()]
            )
    for axis in ("sincere", "engaged"):
        rows.append(
            [f"both together, *{axis}*", number(got["agreement_pooled"][axis])]
            + ["-"] * (len(columns) - 1)
        )
    return grid(("", *columns), rows)


def clean(got: Found) -> str:
    """Return whose ratings of a line come nearer to those of the clean sound."""
    found = got["through_lines"]
    head = ("EmoDB", *(f"*{a}*, {who}" for a in found for who in ("ours", "openSMILE's")))
    return grid(
        head,
        [
            [line, *(number(found[a][line][who]) for a in found for who in ("ours", "opensmile"))]
            for line in next(iter(found.values()))
        ],
    )


def tried(got: Found) -> str:
    """Return what did not help."""
    sincere = got["sincere"]
    return grid(
        (*WHOLE_HEAD, WITHIN),
        [
            _with_speaker("**the judge**", sincere["unseen_speakers"]),
            *(_with_speaker(n, f) for n, f in sincere["tried"].items()),
        ],
    )


TABLES: dict[str, Callable[[Found], str]] = {
    f.__name__: f
    for f in (
        *(accuracy, decided, baselines, lines, noise, forced, takes, engaged, scales, verdicts),
        *(falls, agreement, clean, tried),
    )
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
