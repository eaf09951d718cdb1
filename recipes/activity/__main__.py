"""Command line of the recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

ABOUT = {
    "description": "voice activity and music of prosody, see models/ACTIVITY.md",
    "license": "MIT",
    "made_by": "recipes/activity",
}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(prog="python -m recipes.activity", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("clips", help="speech with labels, and music, into one file")
    one.add_argument("out", type=Path)
    one.add_argument("--sound", type=Path, default=Path(__file__).with_name("sound.toml"))
    one = steps.add_parser("mix", help="features and labels of made-up sides of calls")
    one.add_argument("clips", type=Path)
    one.add_argument("out", type=Path)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--sides", type=int, default=160)
    one.add_argument("--apart", action="store_true", help="of the voices kept out of training")
    one = steps.add_parser("train", help="train on all files that a pattern names")
    one.add_argument("sides")
    one.add_argument("out", type=Path)
    one.add_argument("--minutes", type=float, default=6.0, help="of CPU")
    one.add_argument("--start", default="", help="weights to go on from")
    one.add_argument("--rate", type=float, default=4e-3)
    one = steps.add_parser("check", help="errors on sides kept apart")
    one.add_argument("weights", type=Path)
    one.add_argument("sides")
    one = steps.add_parser("export", help="both ONNX files")
    one.add_argument("weights", type=Path)
    one.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.step == "clips":
        from recipes.activity import clips

        print(clips.save(clips.read(args.sound), args.out), "clips")
        return
    if args.step == "mix":
        from recipes.activity import mix

        mix.write(args.clips, args.out, args.seed, args.sides, apart=args.apart)
        return
    from recipes.activity import network

    if args.step == "train":
        network.train(args.sides, args.out, args.minutes, args.start, args.rate)
    elif args.step == "check":
        for name, share in network.check(args.weights, args.sides).items():
            print(f"{name}: {100 * share:.2f} %")
    else:
        network.export(args.weights, args.folder, ABOUT)


if __name__ == "__main__":
    main()
