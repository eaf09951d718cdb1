"""Two voices on one channel: how often they are told apart, and how much speech goes wrong then.

The limit (`two_voices.LEAST_GAIN`) was fixed on ``harpervalley``: eight real calls whose two sides
were mixed to one channel. Then dialogues were put together of speakers that nobody had listened to
this way: sentences of two speakers in turn, 8 kHz, up to 6 dB apart, pauses of .3 to .8 s, a little
noise (``emotale_en``: acted English, every mood; ``emodb_neutral``: acted German, neutral). As many
dialogues of one speaker with himself show whether one voice is taken for two. ``right_share`` is
the share of speech given to the right voice, where two were told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from benchmarks import common
from prosody.audio import activity
from prosody.examine import two_voices
from prosody.examine.recognise import Channel
from prosody.transcripts.turns import Turn

SR_HZ, SEED, DIALOGUES, ALONE, LINES = 8000, 5, 16, 8, 6

Whose = Callable[[float, float], int]


def told(y: np.ndarray, whose: Whose) -> tuple[float, float]:
    """Return how far apart the voices of a sound lie, and the share of speech that is right."""
    speech = activity.speech(y, SR_HZ, min_pause_s=0.25)
    speech = speech[speech[:, 1] - speech[:, 0] >= two_voices.SHORTEST_S]
    turns = [Turn(a, b, "said", "unknown", (), 0) for a, b in speech.tolist()]
    channel = Channel(
        speech, lambda a, b: y[round(a * SR_HZ) : round(b * SR_HZ)], SR_HZ, len(y) / SR_HZ
    )
    named, apart = two_voices.named(turns, channel)
    seconds = np.array([t.end_s - t.start_s for t in named])
    truth = np.array([whose(t.start_s, t.end_s) for t in named])
    right = float(seconds @ (truth == [t.speaker == "voice 2" for t in named]) / seconds.sum())
    return apart, max(right, 1 - right)


def mixed(agents: Sequence[Path]) -> list[tuple[float, float]]:
    """Return what is told of calls whose two sides were mixed."""
    out = []
    for path in agents:
        callers = path.parents[1] / "caller" / path.name
        sides = [soundfile.read(p, dtype="float32")[0] for p in (path, callers)]
        both = np.stack([y[: min(map(len, sides))] for y in sides])

        def louder(a: float, b: float, both: np.ndarray = both) -> int:
            return int(np.argmax((both[:, round(a * SR_HZ) : round(b * SR_HZ)] ** 2).sum(axis=1)))

        out.append(told(both.sum(axis=0), louder))
    return out


def dialogue(
    one: Sequence[str], other: Sequence[str], gain: float, rng: np.random.Generator, lines: int
) -> tuple[np.ndarray, Whose]:
    """Return sentences of two speakers in turn, and who speaks when."""
    pieces, spans, at_s = [], [], 0.0
    for k in range(lines):
        for side, files in enumerate((one, other)):
            y, sr = soundfile.read(files[k % len(files)], dtype="float32")
            y = soxr.resample(y, sr, SR_HZ)
            y *= 0.05 / np.sqrt(np.mean(y**2)) * (gain if side else 1.0)
            pause = round(SR_HZ * rng.uniform(0.3, 0.8))
            spans.append((at_s, at_s + len(y) / SR_HZ, side))
            pieces += [y, np.zeros(pause, np.float32)]
            at_s += (len(y) + pause) / SR_HZ
    sound = np.concatenate(pieces)

    def whose(a: float, b: float) -> int:
        shared = [0.0, 0.0]
        for start, end, side in spans:
            shared[side] += max(0.0, min(b, end) - max(a, start))
        return int(shared[1] > shared[0])

    return sound + rng.normal(0, 0.0005, len(sound)).astype(np.float32), whose


def put_together(
    speakers: dict[str, list[str]], rng: np.random.Generator
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return what is told of dialogues of two speakers, and of one with himself."""
    names = sorted(name for name, files in speakers.items() if len(files) >= LINES - 1)
    two, one = [], []
    for _ in range(DIALOGUES):
        a, b = rng.choice(names, 2, replace=False)
        files = [list(rng.permutation(speakers[n])) for n in (a, b)]
        two.append(told(*dialogue(*files, 10 ** rng.uniform(-0.3, 0.3), rng, LINES)))
    for name in names[:ALONE]:
        files = list(rng.permutation(speakers[name]))
        half = len(files) // 2
        one.append(told(*dialogue(files[:half], files[half:], 1.0, rng, min(LINES, half))))
    return two, one


def row(found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return how many were told apart, and how well."""
    sure = [right for apart, right in found if apart >= two_voices.LEAST_GAIN]
    return {
        "calls": len(found),
        "told_apart": len(sure),
        "right_share": float(np.mean(sure)) if sure else None,
        "least_right_share": min(sure, default=None),
    }


def main(argv: list[str]) -> int:
    """Run the benchmark."""
    args = common.arguments(argv, __doc__)
    if two_voices.model_here() is None:
        raise common.Skip("the extra 'voices' is not installed")
    calls = common.data_files(args, "harpervalley/agent", "*.wav")
    acted = {
        "emotale_en": (common.data_files(args, "emotale", "EN_*.flac"), slice(3, 6)),
        "emodb_neutral": (common.data_files(args, "emodb", "?????N*.flac"), slice(0, 2)),
    }
    results: dict[str, Any] = {"model": two_voices.model_name(), "seed": SEED}
    results["harpervalley"] = row(mixed(calls))
    rng = np.random.default_rng(SEED)
    for name, (files, whose) in acted.items():
        speakers = defaultdict(list)
        for path in files:
            speakers[path.name[whose]].append(str(path))
        two, one = put_together(speakers, rng)
        results[name] = row(two)
        results[f"{name}_one_voice"] = {k: row(one)[k] for k in ("calls", "told_apart")}
    print(common.table([{"data": k, **v} for k, v in results.items() if isinstance(v, dict)]))
    common.write(
        "voices", args, results, [*calls, *(f for files, _ in acted.values() for f in files)]
    )
    return 0
