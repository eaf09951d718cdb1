"""Make the shipped judge again: ``python -m prosody.fit --sinac CSV --out FILE``."""

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


def main(argv: Sequence[str] | None = None) -> int:
    """Fit the axis and write the judge with its card."""
    parser = argparse.ArgumentParser(prog="python -m prosody.fit", description=__doc__)
    parser.add_argument("--sinac", type=Path, required=True, help="SinA-C: sinac_dev24.csv")
    parser.add_argument("--out", type=Path, default=Path("models/sincerity.onnx"))
    args = parser.parse_args(argv)
    rated = recipe.read_sinac(args.sinac)
    axis = recipe.fit_sincere(rated)
    rating, sd, held = evaluate.cross_validate(rated, recipe.fit_sincere)
    figures = fig.figures(rated.rating, rating, sd, rated.sentence)
    about = card.axis_info(
        axis,
        rated,
        training=card.SINAC,
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
        card.frame(
            axes, {"sincere": about}, name=card.NAME, licence=card.LICENCE, version=card.VERSION
        ),
    )
    shown = plain(Judge.load(args.out).card)
    beside = args.out.with_suffix(".json")
    beside.write_text(json.dumps(shown, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{args.out}: {args.out.stat().st_size} bytes")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
