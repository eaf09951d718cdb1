"""Run one step of the recipe; see the package's docstring."""

from __future__ import annotations

import argparse
from pathlib import Path

import recipes.pitch

ABOUT = {
    "name": "prosody-pitch",
    "version": "1",
    "inputs": "features [1, n, 374]: of measures.pitch, 8 kHz, every 10 ms; there [1, 1, n]: 1, 0",
    "output": "answer [1, 81, n]: log odds of 80 half-semitone steps from 58 Hz, then of voicing",
    "range_hz": "65-500",
    "training": "distilled from SwiftF0 0.3 on read and acted speech, plus synthesis; see PITCH.md",
    "licence": "MIT",
}


def main() -> None:
    """Read the command line and do the step."""
    parser = argparse.ArgumentParser(
        description=recipes.pitch.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    step = parser.add_subparsers(dest="step", required=True)
    one = step.add_parser("label")
    one.add_argument("speech", type=Path)
    one.add_argument("out", type=Path)
    one = step.add_parser("pool")
    one.add_argument("labels", type=Path)
    one.add_argument("out", type=Path)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--hours", type=float, default=2.5)
    one.add_argument(
        "--shares", type=float, nargs=3, default=(0.05, 0.2, 0.1), help="no voice, synthesis, WORLD"
    )
    one = step.add_parser("train")
    one.add_argument("pools")
    one.add_argument("out", type=Path)
    one.add_argument("--minutes", type=float, default=60)
    one.add_argument("--rate", type=float, default=3e-3)
    one.add_argument("--start", default="", help="weights to go on from")
    one = step.add_parser("check")
    one.add_argument("labels", type=Path)
    one.add_argument("weights", type=Path)
    one = step.add_parser("export")
    one.add_argument("weights", type=Path)
    one.add_argument("out", type=Path)
    args = parser.parse_args()
    if args.step == "label":
        from recipes.pitch import speech

        print(speech.save(speech.label(args.speech), args.out), "clips")
    elif args.step == "pool":
        from recipes.pitch import pool, speech

        clips = [c for c in speech.load(args.labels) if not c.dev]
        pool.make(clips, args.out, args.seed, args.hours, tuple(args.shares))
    elif args.step == "train":
        from recipes.pitch import network

        network.train(args.pools, args.out, args.minutes, args.rate, args.start)
    elif args.step == "check":
        from recipes.pitch import network, speech

        clips = [c for c in speech.load(args.labels) if c.dev]
        for way, error in network.check(clips, args.weights).items():
            print(way, {name: f"{100 * value:.2f} %" for name, value in error.items()})
    else:
        from recipes.pitch import network

        network.export(args.weights, args.out, ABOUT)


if __name__ == "__main__":
    main()
