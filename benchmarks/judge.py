"""How well the judge does: rated corpora by unseen speakers, unrated voices, speed.

Everything that is fitted or chosen is fitted and chosen without the speakers that are tested.
Intervals resample speakers. Writes ``judge.json`` and the risk-coverage curves.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _card, common
from benchmarks import _judge_agreement as peers
from benchmarks import _judge_corpora as corpora
from benchmarks import _judge_lines as lines
from benchmarks import _judge_noise as noises
from benchmarks import _judge_voices as voices


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


def rated(args: Any, results: dict[str, Any], skipped: dict[str, str]) -> list[Path]:
    """Add the figures of the two rated corpora; return the files that they are from."""
    table, folder = args.data / "sinac" / "sinac_dev24.csv", args.data / "nsc"
    if not table.is_file():
        skipped["sincere"] = "no sinac/sinac_dev24.csv in the data folder (--data DIR)"
        skipped["engaged"] = "its differences between takes are learned from SinA-C"
        return []
    pairs = None
    try:
        pairs = lines.paired(args)
    except (common.Skip, FileNotFoundError) as reason:
        skipped["lines"] = f"EmoDB through telephone lines: {reason}"
    results["sincere"], held_out = corpora.sincere(table, pairs)
    if not (folder / "ratings_dev.csv").is_file():
        skipped["engaged"] = "no nsc folder in the data folder (--data DIR)"
        return [table]
    results["engaged"] = corpora.engaged(folder, held_out["rated"])
    results["verdicts_sinac"] = corpora.both(folder, held_out)
    return [table, *sorted(folder.glob("*.csv"))]


def unrated(args: Any, judge: Any, results: dict[str, Any], skipped: dict[str, str]) -> None:
    """Add what the shipped judge says of voices that nobody rated, and of other measures."""
    agreed: dict[str, Any] = {}

    def bored() -> None:
        results["bored"] = voices.bored(args, judge)

    def emotions() -> None:
        results["emotions"], sounds = voices.emotions(args, judge)
        agreed["emodb"] = peers.agreement(judge, *sounds)
        results["through_lines"] = peers.through_lines(judge, *sounds)

    def turns() -> None:
        sounds = voices.turns(args)
        results["turns"] = voices.verdicts(judge.judge(sounds[0].columns))
        agreed["harpervalley"] = peers.agreement(judge, *sounds)

    def noise() -> None:
        results["noise"] = noises.noise(args, judge)

    for part in (bored, emotions, turns, noise):
        try:
            part()
        except common.Skip as reason:
            skipped[part.__name__] = str(reason)
    if agreed:
        results["agreement_pooled"] = peers.pooled(agreed, judge.axes)
    results |= {f"agreement_{label}": told for label, told in agreed.items()}
    results["shift"], more = voices.shift(judge)
    skipped |= more


def curves(results: dict[str, Any]) -> dict[str, Any]:
    """Return UAR by the share that is judged."""
    wording = results["sincere"]["must_beat"]["wording only"]["uar"]
    out = {
        "sincere": results["sincere"]["unseen_speakers"]["risk_coverage"],
        "wording only": [{"share": s, "uar": wording} for s in (0.1, 1.0)],
    }
    if "engaged" in results:
        out["engaged"] = results["engaged"]["unseen_speakers"]["risk_coverage"]
    return out


def main(argv: list[str]) -> int:
    """Run all parts that the data allow, print the card's tables, write the results."""
    warnings.simplefilter("ignore", RuntimeWarning)
    warnings.filterwarnings("ignore", "Feature set", UserWarning)  # the corpora's version
    from prosody.judge.judge import Judge

    args = common.arguments(argv, __doc__)
    if args.quick:
        corpora.BOOTSTRAPS = 100
    judge = Judge.load()
    results: dict[str, Any] = {"judge": {"name": judge.name, "sha256": judge.sha256}}
    skipped: dict[str, str] = {}
    files = rated(args, results, skipped)
    unrated(args, judge, results, skipped)
    results["speed"] = speed(judge, args)
    for name, made in _card.tables(results).items():
        print(f"\n{name}\n{made}")
    print(f"\nspeed: a million rows in {results['speed']['million_rows_s']:.1f} s")
    common.write("judge", args, results, files, skipped=skipped)
    if "sincere" in results:
        corpora.fig.write_svg(
            Path(args.out) / f"judge_risk_coverage{'.quick' if args.quick else ''}.svg",
            curves(results),
            "Right side (UAR) when only the surest are judged; unseen speakers",
        )
    for what, why in skipped.items():
        print(f"skipped {what}: {why}")
    return 0
