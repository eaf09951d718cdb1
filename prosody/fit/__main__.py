"""Make the shipped judge again: ``python -m prosody.fit --sinac CSV --nsc DIR --out FILE``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from prosody.fit import card, evaluate, recipe
from prosody.fit import metrics as fig
from prosody.fit.graph import write
from prosody.fit.model import AxisModel, JudgeModel
from prosody.judge.judge import Judge
from prosody.tables.rated_table import Rated


def unseen(rated: Rated, fit: Callable[[Rated], AxisModel]) -> dict[str, Any]:
    """Return the figures for the card: every speaker judged by the others."""
    rating, sd, _ = evaluate.cross_validate(rated, fit)
    found = fig.figures(rated.rating, rating, sd, rated.sentence)
    return {
        "how": "every speaker judged by the others, all choices inside",
        **{k: round(v, 3) if np.isfinite(v) else None for k, v in found.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Fit both axes and write the judge with its card."""
    parser = argparse.ArgumentParser(prog="python -m prosody.fit", description=__doc__)
    parser.add_argument("--sinac", type=Path, required=True, help="SinA-C: sinac_dev24.csv")
    parser.add_argument("--nsc", type=Path, required=True, help="NSC: folder with its two tables")
    parser.add_argument("--out", type=Path, default=Path("models/sincerity.onnx"))
    args = parser.parse_args(argv)
    sinac = recipe.read_sinac(args.sinac)
    nsc, panel = recipe.read_nsc_folder(args.nsc)
    fits: dict[str, Callable[[Rated], AxisModel]] = {
        "sincere": recipe.fit_sincere,
        "engaged": partial(recipe.fit_engaged, styles=sinac),
    }
    data = {"sincere": sinac, "engaged": nsc}
    model = JudgeModel({axis: fit(data[axis]) for axis, fit in fits.items()})
    figures = {axis: unseen(data[axis], fit) for axis, fit in fits.items()}
    about = card.metadata(model, data, figures)
    about["axes"]["engaged"]["training"]["reliability"] = evaluate.plain(panel.reliability())
    write(args.out, model, about)
    beside = args.out.with_suffix(".json")
    shown = evaluate.plain(Judge.load(args.out).card)
    beside.write_text(json.dumps(shown, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{args.out}: {args.out.stat().st_size} bytes, {len(model.inputs)} inputs")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
