"""Make the shipped judge again: ``python -m recipes.judge --sinac CSV --out FILE``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from prosody.fit import card, evaluate, recipe
from prosody.fit import metrics as fig
from prosody.fit.graph import write
from prosody.judge.judge import Judge
from prosody.results.records import plain
from prosody.tables.rated_table import read_table

NAME, VERSION = "prosody sincerity", "0.2.0"
LICENCE = "research and evaluation until a team fits its own judge; see models/LICENSE"
SINAC = {
    "corpus": "SinA-C",
    "title": "Sincere Apology Corpus (Baird, Coutinho, Hirschberg, Schuller, Interspeech 2019)",
    "question": "how sincere the apology sounds",
    "speech": "read English, acted in four styles: fast, lively, monotone, slow; no calls",
    "languages": ["en"],
    "scale": "mean of 13 to 17 listeners, standardised",
    "licence": "ratings and functionals posted publicly without a licence",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Fit the axis and write the judge with its card."""
    parser = argparse.ArgumentParser(prog="python -m recipes.judge", description=__doc__)
    parser.add_argument("--sinac", type=Path, required=True, help="SinA-C: sinac_dev24.csv")
    parser.add_argument("--out", type=Path, default=Path("models/sincerity.onnx"))
    args = parser.parse_args(argv)
    rated = read_table(args.sinac)
    axis = recipe.fit_sincere(rated)
    rating, sd, held = evaluate.cross_validate(rated, recipe.fit_sincere)
    figures = fig.figures(rated.rating, rating, sd, rated.sentence)
    about = card.axis_info(
        axis,
        rated,
        training=SINAC,
        decides=True,
        figures={
            "how": "every speaker judged by the others, all choices inside",
            **{k: round(v, 3) for k, v in figures.items()},
        },
        pairs=evaluate.pair_spreads(rated, rating, held),
    )
    axes = {"sincere": axis}
    write(
        args.out,
        axes,
        card.frame(axes, {"sincere": about}, name=NAME, licence=LICENCE, version=VERSION),
    )
    shown = plain(Judge.load(args.out).card)
    beside = args.out.with_suffix(".json")
    beside.write_text(json.dumps(shown, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{args.out}: {args.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
