"""Speed of each stage from file to judgement, beside openSMILE, Praat and librosa.

Decoding and voice activity run over whole recordings. Everything after them runs on stretches of
about three seconds of speech, as apologies and their baselines are: ours in one batch, the peers
stretch by stretch, as their interfaces have it. The families of measures share work, which has a
row of its own (`grid`, `spectra`); `all measures` is the whole as `prosody features` does it.
The judge is timed with everything around it, from columns to verdicts; its audio is the windows.
A whole call of a quarter of an hour (a sample call over and over, with one moment of apologies) is
examined and judged from its files; beside it stands Praat's pitch of one of its two channels.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from prosody.runs.benchmark import (
    decode,
    families,
    judging,
    peers,
    samples,
    stretches,
    whole_calls,
)  # fmt: skip

Sound = NDArray[np.float32]
CALL_S = 900.0
APOLOGIES = re.compile(r"(?i)\b(sorry|excuses|excuus|spijt|verontschuldig\w*)\b")
SETS = (("telephone 8 kHz", "harpervalley", "*/*.wav"), ("wideband 16 kHz", "emodb", "*.flac"))


def measured(
    name: str, files: list[Path], most_s: float, repeats: int
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the rows of one set of recordings."""
    from prosody.audio.activity import speech
    from prosody.measures import measure

    rows: list[dict[str, Any]] = []

    def add(stage: str, took: common.Timing, audio_s: float, **more: Any) -> None:
        rows.append({"set": name, "stage": stage, **took.against(audio_s), **more})

    sounds = decode(files)
    whole_s = sum(len(y) / sr for y, sr in sounds)
    took = common.interleaved(
        {
            "file to samples (decode)": lambda: decode(files),
            "voice activity": lambda: [speech(y, sr) for y, sr in sounds],
        },
        repeats=repeats,
    )
    for stage, timing in took.items():
        add(stage, timing, whole_s)

    pieces, sr = stretches(sounds, most_s)
    speech_s = sum(map(len, pieces)) / sr
    works: dict[str, Callable[[], object]] = dict(families(pieces, sr))
    values = measure.measure(pieces, sr)
    works["judge: as many apologies as stretches, one call"] = judging(values, len(pieces))
    works["judge: one apology"] = judging(values, 1)
    works["judge: 10,000 apologies, one call"] = judging(values, 10_000)
    works["all measures, one stretch at a time"] = lambda: [
        measure.measure([p], sr) for p in pieces
    ]
    others, missing = peers(pieces, sr)
    took = common.interleaved(works | {n: w for n, (w, _) in others.items()}, repeats=repeats)
    mean_s = speech_s / len(pieces)
    audio = {"judge: one apology": mean_s, "judge: 10,000 apologies, one call": 1e4 * mean_s}
    audio |= {n: seconds for n, (_, seconds) in others.items()}
    for stage, timing in took.items():
        by = {"peer": True} if stage in others else {}
        add(stage, timing, audio.get(stage, speech_s), stretches=len(pieces), **by)
    smile = next((n for n in others if n.startswith("openSMILE")), None)
    if smile:
        ours = took["all measures"].median_s
        rows.append({
            "set": name, "stage": "all measures, as times openSMILE's speed",
            "ratio": round(took[smile].median_s / ours, 2),
        })  # fmt: skip
    return rows, missing


def long_call(folder: Path) -> Path:
    """Write a call of a quarter of an hour with its transcript; returns the folder."""
    import soundfile

    name = "3-four-times-sorry-nl"
    y, sr = soundfile.read(samples() / f"{name}.wav", dtype="float32")
    copies = int(CALL_S * sr / len(y)) + 1
    sound = np.tile(y, (copies, 1))[: round(CALL_S * sr)]
    soundfile.write(folder / "call.wav", sound, sr, subtype="ULAW")
    head, cues = (samples() / f"{name}.vtt").read_text(encoding="utf-8").split("\n\n", 1)
    parts = [head]
    cues = re.sub(r"\b\d\d:(?=\d\d:\d\d\.)", "", cues)  # no call of ours lasts an hour
    for i in range(copies):
        said = cues if i == 0 else APOLOGIES.sub("nou", cues)
        parts.append(_later(said, i * len(y) / sr).strip())
    (folder / "call.vtt").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return folder


def _later(cues: str, by_s: float) -> str:
    """Return subtitles whose times (minutes and seconds) are so much later."""

    def moved(match: re.Match[str]) -> str:
        minutes, rest = divmod(60 * int(match[1]) + float(match[2]) + by_s, 60)
        return f"{int(minutes // 60):02d}:{int(minutes % 60):02d}:{rest:06.3f}"

    return re.sub(r"(\d+):(\d\d\.\d{3})", moved, cues)


def whole(repeats: int) -> list[dict[str, Any]]:
    """Return the row of a whole call, and of Praat on one of its channels."""
    from prosody.calls.collect import collect

    with tempfile.TemporaryDirectory() as place:
        calls = collect([long_call(Path(place))])
        works: dict[str, Callable[[], object]] = {
            "whole call of 15 minutes, two channels, with transcript": whole_calls(calls)
        }
        try:
            praat = common.need("parselmouth")
            y, sr = decode([calls[0].sources[0].path])[0]
            sound = praat.Sound(y.astype(np.float64), sr)
            works["Praat pitch (autocorrelation) of one channel of that call"] = lambda: (
                sound.to_pitch_ac(0.01, 65.0, pitch_ceiling=500.0)
            )
        except common.Skip as reason:
            print(f"whole call: without Praat: {reason}")
        took = common.interleaved(works, repeats=repeats)
    return [
        {"set": "made call", "stage": stage, **timing.against(CALL_S)}
        for stage, timing in took.items()
    ]


def sets(args: Any) -> list[tuple[str, list[Path]]]:
    """Return the recordings by name; own files by their rate, as a batch has one."""
    if args.files:
        from prosody.audio.recording import probe

        by_rate: dict[int, list[Path]] = {}
        for file in map(Path, args.files):
            by_rate.setdefault(probe(file).sr_hz, []).append(file)
        return [(f"own files, {rate} Hz", files) for rate, files in sorted(by_rate.items())]
    if not any((args.data / folder).is_dir() for _, folder, _ in SETS):
        files = common.sound_files(args, SETS[0][1], SETS[0][2])
        return [("sample calls", files)]
    limit = 4 if args.quick else None
    found = []
    for name, folder, pattern in SETS:
        try:
            most = limit if folder == "harpervalley" else 20 if args.quick else None
            found.append((name, common.data_files(args, folder, pattern, limit=most)))
        except common.Skip as reason:
            print(f"{name}: skipped: {reason}")
    if not found:
        raise common.Skip("no recordings: give your own with --files")
    return found


def main(argv: list[str]) -> int:
    """Time all stages and write ``results/stages.json``."""
    args = common.arguments(argv, __doc__)
    rows: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    used: list[Path] = []
    with common.one_core() as core:
        for name, files in sets(args):
            print(f"{name}: {len(files)} files", flush=True)
            found, missing = measured(name, files, 15.0 if args.quick else 120.0, args.repeats)
            rows += found
            skipped |= missing
            used += files
        rows += whole(args.repeats)
    columns = ["set", "stage", "x_real_time", "median_s", "spread_share", "first_s", "ratio"]
    print(common.table(rows, columns))
    for name, reason in skipped.items():
        print(f"{name}: skipped: {reason}")
    common.write("stages", args, {"pinned": core is not None, "rows": rows}, used, skipped=skipped)
    return 0
