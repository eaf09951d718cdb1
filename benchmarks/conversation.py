"""How the talk is shared by our voice activity, beside the word times of telephone calls.

Written down before the first look. The data set ``harpervalley`` has both tracks of calls and times
of every word, made by others. `conversation.measure` is applied twice to each call: to the spans of
our voice activity on each track (no word is looked at), and to the given word times, gaps up to
0.25 s between words filled, as in the benchmark ``activity``. Both are put on the clock of the call
by the starts that the transcripts give. Reported for every measure over all calls: the median and
the largest absolute difference, and the mean difference (ours less theirs). Decisions of voice
activity were chosen on every second of these calls; the others are ``held_out``, and theirs are the
figures to quote. Nothing of `conversation` was chosen on any of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import common
from prosody.arrays import Spans, join
from prosody.audio.activity import speech
from prosody.measures import conversation

FILLED_S = 0.25
SHOWN = (
    "agent_talk_share", "silence_share", "overlap_share", "longest_wait_s", "agent_response_s",
    "customer_response_s", "agent_cut_ins", "customer_cut_ins",
)  # fmt: skip


def both(path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the measures of one call: ours, and those of the given times."""
    segments = json.loads(path.read_text(encoding="utf-8"))
    heard, told = [], []
    for role in ("agent", "caller"):
        own = [s for s in segments if s["speaker_role"] == role]
        late_s = float(np.median([s["offset_ms"] - s["start_ms"] for s in own])) / 1000
        samples, sr = soundfile.read(
            path.parent.parent / role / f"{path.stem}.wav", dtype="float32"
        )
        heard.append(speech(samples, sr) + late_s)
        words = sorted(
            (s["offset_ms"] + at, s["offset_ms"] + at + long)
            for s in own
            for at, long in zip(s["word_offsets_ms"], s["word_durations_ms"], strict=True)
        )
        told.append(join(np.array(words, float).reshape(-1, 2) / 1000, FILLED_S))
    return measured(heard, told)


def measured(
    heard: Sequence[Spans], told: Sequence[Spans]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the measures of two sides as they are heard, and as they are told."""
    return conversation.measure(*heard).as_dict(), conversation.measure(*told).as_dict()


def compared(calls: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, Any]:
    """Return how far ours are from theirs, measure by measure."""
    out = {}
    for name in SHOWN:
        off = [a[name] - b[name] for a, b in calls if math.isfinite(a[name] - b[name])]
        sizes = np.abs(off)
        out[name] = {
            "calls": len(off),
            "median_difference": float(np.median(sizes)),
            "largest_difference": float(sizes.max()),
            "mean_ours_less_theirs": float(np.mean(off)),
            "theirs_mean": float(np.nanmean([b[name] for _, b in calls])),
        }
    return out


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    args = common.arguments(argv, __doc__)
    try:
        paths = common.data_files(args, "harpervalley", "transcript/*.json")
        calls = [both(path) for path in paths]
    except common.Skip as reason:
        print(f"{reason}: the sample calls instead, which were made, not spoken")
        args.on_samples = True
        tracks = common.sample_tracks()
        paths = [path for path, *_ in tracks[::2]]
        sides = [(speech(y, sr), join(words, FILLED_S)) for _, y, sr, words in tracks]
        calls = [
            measured(*zip(*pair, strict=True)) for pair in zip(sides[::2], sides[1::2], strict=True)
        ]
    results = {"held_out": compared(calls[1::2]), "all": compared(calls)}
    rows = [{"measure": n, **{k: round(v, 3) for k, v in r.items()}}
            for n, r in results["held_out"].items()]  # fmt: skip
    print(common.table(rows))
    common.write("conversation", args, results, paths)
    return 0
