"""Transcripts whose clock is off: which turns are taken rightly, corrected, withheld, or wrongly.

HarperValley's calls and the samples, with made faults: offsets of -20 to 20 s, drifts to 3 %, both,
single turns displaced, 5 % of words stamped wrong. Every agent's turn of three words or more stands
for a row: it is wrong where it is not withheld and the window that would be measured has less than
half in common with the true one (intersection over union). Thresholds were chosen on these calls,
with other random numbers: a regression test, no claim. Times with words, and as whole turns; both
voices on channels of their own, and on one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from benchmarks import common
from prosody import transcripts
from prosody.arrays import Spans, join
from prosody.audio.activity import activity_of
from prosody.audio.recording import Recording
from prosody.transcripts.alignment import Clock, fitted, moved, phrases
from prosody.transcripts.turns import Turn

TIMES, SEED = 8, 777
LEAST_S, LEAST_WORDS = 0.7, 3
Case = tuple[list[Turn], list[int], list[Spans], float]  # turns, which they are, voices, length


def calls(args: argparse.Namespace) -> dict[str, tuple[list[Turn], list[Spans], float]]:
    """Return turns, the agent's and the customer's voice, and the length of every call."""
    out = {}
    try:
        paths = common.data_files(args, "harpervalley", "transcript/*.json")
    except common.Skip as reason:
        print(f"{reason}: the sample calls alone")
        paths, args.on_samples = [], True
    for path in paths:
        found = transcripts.read(path)
        voices, ends = [], []
        for role, folder in (("agent", "agent"), ("customer", "caller")):
            late = found.track_start_s.get(role, 0.0)  # type: ignore[call-overload]
            with Recording(path.parents[1] / folder / f"{path.stem}.wav") as sound:
                voices.append(activity_of(sound)[0].speech + late)
                ends.append(sound.info.duration_s + late)
        out[path.stem] = (list(found.turns), voices, max(ends))
    for path in sorted((common.ROOT / "samples").glob("*.wav")):
        beside = next(p for p in path.parent.glob(f"{path.stem}.*")
                      if p.suffix in transcripts.EXTENSIONS)  # fmt: skip
        with Recording(path) as sound:
            voices = [a.speech for a in activity_of(sound)]
            out[path.stem] = (list(transcripts.read(beside).turns), voices, sound.info.duration_s)
    return out


def window(turn: Turn, voice: Spans) -> tuple[float, float]:
    """Return the stretch that would be measured: a turn's words, trimmed to the voice."""
    spans = phrases(turn)
    if not len(spans):
        return -9.0, -8.0
    start, end = float(spans[0, 0]), float(spans[-1, 1])
    inside = voice[(voice[:, 1] > start) & (voice[:, 0] < end)]
    return (max(start, inside[0, 0]), min(end, inside[-1, 1])) if len(inside) else (start, end)


def common_share(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return intersection over union of two stretches."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / max(max(a[1], b[1]) - min(a[0], b[0]), 1e-9)


def is_row(turn: Turn) -> bool:
    """Whether a turn stands for a row."""
    return (
        turn.role == "agent"
        and len(turn.text.split()) >= LEAST_WORDS
        and not turn.text.startswith("[")
        and turn.end_s - turn.start_s > LEAST_S
    )


def shifted(turn: Turn, by_s: float) -> Turn:
    """Return a turn moved in time."""
    return moved(turn, Clock("corrected", by_s))


def faults(rng: np.random.Generator) -> dict[str, Callable[..., Case]]:
    """Return every made fault: (turns, voices, length) in, what a program would be given out."""

    def untouched(turns: list[Turn], voices: list[Spans], end: float) -> Case:
        return turns, list(range(len(turns))), voices, end

    def clock(offset_s: float, rate: float) -> Callable[..., Case]:
        def make(turns: list[Turn], voices: list[Spans], end: float) -> Case:
            made = [(moved(t, Clock("corrected", offset_s, rate)), i) for i, t in enumerate(turns)]
            kept = [(t, i) for t, i in made if t.start_s >= 0]  # an export begins at 0
            return [t for t, _ in kept], [i for _, i in kept], voices, end

        return make

    def single(turns: list[Turn], voices: list[Spans], end: float) -> Case:
        i = int(rng.choice([k for k, t in enumerate(turns) if is_row(t)]))
        by = float(rng.uniform(1.0, 20.0) * rng.choice([-1, 1]))
        by = by if turns[i].start_s + by >= 0 else -by
        made = [shifted(t, by) if k == i else t for k, t in enumerate(turns)]
        order = sorted(range(len(made)), key=lambda k: made[k].start_s)
        return [made[k] for k in order], order, voices, end

    def stamped(turns: list[Turn], voices: list[Spans], end: float) -> Case:
        made = []
        for turn in turns:
            words = []
            for word in turn.words:
                by = float(rng.uniform(-10, 10)) if rng.random() < 0.05 else 0.0
                start = max(0.0, word.start_s + by)
                words.append(replace(word, start_s=start, end_s=start + word.end_s - word.start_s))
            made.append(replace(turn, words=tuple(words)))
        return made, list(range(len(turns))), voices, end

    return {
        "untouched": untouched,
        "offset": lambda *call: clock(float(rng.uniform(-20, 20)), 0.0)(*call),
        "drift": lambda *call: clock(0.0, float(rng.uniform(-0.03, 0.03)))(*call),
        "offset_and_drift": lambda *call: clock(
            float(rng.uniform(-20, 20)), float(rng.uniform(-0.03, 0.03))
        )(*call),
        "single_turn": single,
        "words_stamped": stamped,
    }


def outcomes(
    known: dict[str, tuple[list[Turn], list[Spans], float]],
    make: Callable[..., Case],
    times: int,
    *,
    words: bool,
    mono: bool,
) -> Counter[str]:
    """Count what becomes of the rows."""
    out: Counter[str] = Counter()
    for turns, voices, end in known.values():
        truth = turns if words else [replace(t, words=()) for t in turns]
        both = np.concatenate(voices)
        heard = [join(both[np.argsort(both[:, 0])], 0.0)] if mono else voices
        for _ in range(times):
            given, which, sounds, length = make(list(truth), heard, end)
            sides = [0 if mono else ("agent", "customer").index(t.role) for t in given]
            got = fitted(given, sides, sounds, length)
            for turn, fault, i in zip(got.turns, got.faults, which, strict=True):
                if not is_row(truth[i]):
                    continue
                right = common_share(window(turn, sounds[0]), window(truth[i], sounds[0])) >= 0.5
                if fault:
                    out["withheld"] += 1
                elif not right:
                    out["wrong"] += 1
                else:
                    out["corrected" if got.clock.state == "corrected" else "right"] += 1
    return out


def main(argv: Sequence[str]) -> int:
    """Run it."""
    args = common.arguments(argv, __doc__)
    known = calls(args)
    times = 3 if args.quick else TIMES
    rows = []
    for words, mono in ((True, False), (False, False), (True, True), (False, True)):
        rng = np.random.default_rng(SEED)
        for name, make in faults(rng).items():
            if name == "words_stamped" and not words:
                continue
            count = outcomes(known, make, 1 if name == "untouched" else times,
                             words=words, mono=mono)  # fmt: skip
            total = sum(count.values())
            rows.append(
                {
                    "channels": 1 if mono else 2,
                    "times_of": "words" if words else "turns",
                    "fault": name,
                    "rows": total,
                    **{k: count[k] for k in ("right", "corrected", "withheld", "wrong")},
                    "withheld_share": round(count["withheld"] / max(total, 1), 4),
                }
            )
    print(common.table(rows))
    common.write("clocks", args, {"rows": rows})
    return 0
