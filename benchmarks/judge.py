"""How well the judge does: rated corpora by unseen speakers, unrated voices, speed.

Everything that is fitted or chosen is fitted and chosen without the speakers that are tested.
Intervals resample speakers. Writes ``judge.json`` and the risk-coverage curves.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _judge_agreement as peers
from benchmarks import _judge_corpora as corpora
from benchmarks import _judge_lines as lines
from benchmarks import _judge_noise as noises
from benchmarks import _judge_voices as voices
from benchmarks import common

KEYS = ("spearman", "spearman_within_sentence", "uar", "uar_half", "rmse", "coverage_80")


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    macro = found.get("speaker_macro", {})
    return {
        "": name,
        **{k: round(found[k], 3) if np.isfinite(found[k]) else None for k in KEYS},
        "within_speaker": round(macro.get("spearman_within_speaker", float("nan")), 3),
    }


def speed(judge: Any, args: Any) -> dict[str, float]:
    """Return rows judged a second, in one session with one thread."""
    rows = 100_000 if args.quick else 1_000_000
    rng = np.random.default_rng(0)
    matrix = rng.normal(0, 1, (rows, len(judge.inputs))).astype(np.float32)
    with common.one_core():
        took = common.timed(lambda: judge.run(matrix[: rows // 10]), repeats=args.repeats)
    return {
        "rows": rows // 10,
        "median_s": took.median_s,
        "rows_per_s": rows / 10 / took.median_s,
        "million_rows_s": 1e6 / (rows / 10 / took.median_s),
    }


def main(argv: list[str]) -> int:
    """Run all parts that the data allow, print the tables, write the results."""
    warnings.simplefilter("ignore", RuntimeWarning)
    warnings.filterwarnings("ignore", "Feature set", UserWarning)  # the corpora's version
    from prosody.judge import Judge

    args = common.arguments(argv, __doc__)
    if args.quick:
        corpora.BOOTSTRAPS = 100
    judge = Judge.load()
    results: dict[str, Any] = {"judge": {"name": judge.name, "sha256": judge.sha256}}
    skipped: dict[str, str] = {}
    files: list[Path] = []

    table = args.data / "sinac" / "sinac_dev24.csv"
    held_out = None
    if table.is_file():
        pairs = None
        try:
            pairs = lines.paired(args)
        except (common.Skip, FileNotFoundError) as reason:
            skipped["lines"] = f"EmoDB through telephone lines: {reason}"
        results["sincere"], held_out = corpora.sincere(table, pairs)
        files.append(table)
        found = results["sincere"]
        ours = found["unseen_speakers"]
        print(common.table([
            _row("sincere", ours),
            _row("without P-26", ours["without_P-26"]),
            _row("three other clips", ours["three_other_clips"]),
            *(_row(n, f) for n, f in found["must_beat"].items()),
            *(_row(n, f) for n, f in found["tried"].items()),
            *(_row(n, f) for n, f in found["coverage"].items()),
            *(_row(f"through {n}", f) for n, f in found["lines"].items()),
        ]))  # fmt: skip
        print("two takes of a speaker", found["takes"])
        for name, curve in found["decided"].items():
            print(f"{name}: {curve['difference']:+.3f} {np.round(curve['interval'], 3)}")
    else:
        skipped["sincere"] = "no sinac/sinac_dev24.csv in the data folder (--data DIR)"

    folder = args.data / "nsc"
    if (folder / "ratings_dev.csv").is_file() and held_out is not None:
        results["engaged"] = corpora.engaged(folder, held_out["rated"])
        results["verdicts_sinac"] = corpora.both(folder, held_out)
        files += sorted(folder.glob("*.csv"))
        found = results["engaged"]
        print(common.table([
            _row("engaged", found["unseen_speakers"]),
            *(_row(n, f) for n, f in found["tried"].items()),
        ]))  # fmt: skip
        print(
            common.table(
                [{"": g, **v} for g, v in found["unseen_speakers"]["groups"]["gender"].items()]
            )
        )
        print(common.table([{"": n, **v} for n, v in found["secondary"].items()]))
        print("clear falls", found["clear_falls"])
        print("verdicts", results["verdicts_sinac"])
    else:
        skipped["engaged"] = "no nsc folder in the data folder (--data DIR)"

    parts = {
        "bored": lambda: voices.bored(args, judge),
        "emotions": lambda: voices.emotions(args, judge),
        "turns": lambda: voices.turns(args),
        "noise": lambda: noises.noise(args, judge),
    }
    agreed: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            found = part()
        except common.Skip as reason:
            skipped[name] = str(reason)
            continue
        if name == "noise":
            results[name] = found
            for axis in judge.axes:
                print(f"noise, {axis}: {found[axis]['fit']}")
            continue
        if name == "bored":
            results[name] = found
            for axis in judge.axes:
                told = found[axis]
                print(f"bored below neutral, {axis}: AUC {told['auc']:.3f} {told['interval']}")
            continue
        label = "emodb" if name == "emotions" else "harpervalley"
        sounds = found[1] if name == "emotions" else found
        if name == "emotions":
            results[name] = found[0]
            print(common.table([{"": e, **v} for e, v in found[0]["verdicts"].items()]))
            print(found[0]["found_natural"])
        else:
            results["turns"] = voices.verdicts(judge.judge(found[0].columns))
            print("harpervalley turns", results["turns"])
        try:
            agreed[label] = peers.agreement(judge, *sounds)
            if name == "emotions":
                results["through_lines"] = peers.through_lines(judge, *sounds)
                print("nearer to openSMILE on clean sound", results["through_lines"])
        except common.Skip as reason:
            skipped[f"agreement_{label}"] = str(reason)
    if agreed:
        results["agreement_pooled"] = peers.pooled(agreed, judge.axes)
        print("agreement, all clips together", results["agreement_pooled"])
    for label, told in agreed.items():
        results[f"agreement_{label}"] = told
        print(label, told)
    results["shift"], more = voices.shift(judge)
    skipped |= more
    for name, found in results["shift"].items():
        print(name, {k: v for k, v in found.items() if k.endswith("shift")})
    results["speed"] = speed(judge, args)
    print("speed", results["speed"])
    common.write("judge", args, results, files, skipped=skipped)
    if "sincere" in results:
        curves = {
            "sincere": results["sincere"]["unseen_speakers"]["risk_coverage"],
            "wording only": [
                {"share": s, "uar": results["sincere"]["must_beat"]["wording only"]["uar"]}
                for s in (0.1, 1.0)
            ],
        }
        if "engaged" in results:
            curves["engaged"] = results["engaged"]["unseen_speakers"]["risk_coverage"]
        corpora.fig.write_svg(
            Path(args.out) / f"judge_risk_coverage{'.quick' if args.quick else ''}.svg",
            curves,
            "Right side (UAR) when only the surest are judged; unseen speakers",
        )
    for what, why in skipped.items():
        print(f"skipped {what}: {why}")
    return 0
