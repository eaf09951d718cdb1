"""Make the shipped judge again: ``python -m prosody.fit --sinac CSV --nsc DIR --out FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from prosody.fit import recipe
from prosody.fit.card import metadata
from prosody.fit.graph import write
from prosody.fit.model import JudgeModel


def main(argv: Sequence[str] | None = None) -> int:
    """Fit both axes and write the judge with its card."""
    parser = argparse.ArgumentParser(prog="python -m prosody.fit", description=__doc__)
    parser.add_argument("--sinac", type=Path, required=True, help="SinA-C: sinac_dev24.csv")
    parser.add_argument("--nsc", type=Path, required=True, help="NSC: folder with its two tables")
    parser.add_argument("--out", type=Path, default=Path("models/sincerity.onnx"))
    args = parser.parse_args(argv)
    sinac = recipe.read_sinac(args.sinac)
    nsc, _ = recipe.read_nsc_folder(args.nsc)
    model = JudgeModel(
        {"sincere": recipe.fit_sincere(sinac), "engaged": recipe.fit_engaged(nsc, sinac)}
    )
    write(args.out, model, metadata(model, {"sincere": sinac, "engaged": nsc}))
    print(f"{args.out}: {args.out.stat().st_size} bytes, {len(model.inputs)} inputs")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
