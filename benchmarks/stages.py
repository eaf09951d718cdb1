"""Speed of each stage from file to judgement, beside openSMILE, Praat and librosa.

Decoding and voice activity run over whole recordings. Everything after them runs on stretches of
about three seconds of speech, as apologies and their baselines are: ours in one batch, the peers
stretch by stretch, as their interfaces have it. The families of measures share work, which has a
row of its own (`grid`, `spectra`); `all measures` is the whole as `prosody features` does it.
The judge is timed with everything around it, from columns to verdicts; its audio is the windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Sound = NDArray[np.float32]
LOW_HZ, HIGH_HZ = 65.0, 500.0
SETS = (("telephone 8 kHz", "harpervalley", "*/*.wav"), ("wideband 16 kHz", "emodb", "*.flac"))


def decode(files: Sequence[Path]) -> list[tuple[Sound, int]]:
    """Read every channel of every file, in blocks, as `prosody` does."""
    from prosody.audio.recording import Recording

    out: list[tuple[Sound, int]] = []
    for file in files:
        with Recording(file) as recording:
            blocks = list(recording.blocks())
            sound = np.concatenate(blocks, axis=1)
            out += [(channel, recording.info.sr_hz) for channel in sound]
    return out


def stretches(sounds: Sequence[tuple[Sound, int]], most_s: float) -> tuple[list[Sound], int]:
    """Cut speech into stretches of about 3 s, at most `most_s` in all, spread over the sounds."""
    from prosody.audio.activity import speech
    from prosody.examine import baseline
    from prosody.settings import Settings

    (sr,) = {rate for _, rate in sounds}
    pieces: list[Sound] = []
    for y, _ in sounds:
        spans = baseline.stretches(speech(y, sr), np.empty((0, 2)), Settings().baseline)
        pieces += [y[round(a * sr) : round(b * sr)] for a, b in spans]
    keep = max(1, int(most_s * sr // max(1.0, float(np.mean([len(p) for p in pieces])))))
    if len(pieces) > keep:
        places = np.linspace(0, len(pieces) - 1, keep).round().astype(int)
        pieces = [pieces[i] for i in places]
    return pieces, sr


def families(pieces: Sequence[Sound], sr: int) -> dict[str, Callable[[], object]]:
    """Return the measures by family; what one needs from another is made outside its clock."""
    from prosody.measures import grid as frames
    from prosody.measures import measure, pitch, spectrum
    from prosody.measures import statistics as fn

    def lay_out() -> frames.Grid:
        narrow = [frames.resample(p, sr) for p in pieces]
        return frames.lay_out([y for y, _ in narrow], narrow[0][1])

    grid = lay_out()
    runs = fn.Runs(grid.count)
    level = spectrum.levels(grid)
    f0 = pitch.track(grid)
    voiced = ~np.isnan(f0)
    loudness = fn.smooth(level.loudness, runs)

    def pitch_family() -> object:
        return measure._pitch_columns(pitch.track(grid), voiced, runs, grid.hop_s)

    def balance_family() -> object:
        spectrum.harmonics(grid, f0)
        return measure._balance_columns(level, voiced, runs)

    return {
        "grid (resample, lay out)": lay_out,
        "spectra (shared by loudness and balance)": lambda: spectrum.levels(grid),
        "pitch: tracking": lambda: pitch.track(grid),
        "pitch: tracking and measures": pitch_family,
        "loudness: measures": lambda: measure._loudness_columns(loudness, voiced, runs, grid),
        "balance: measures": balance_family,
        "tempo: measures": lambda: measure._tempo_columns(voiced, runs, grid),
        "all measures": lambda: measure.measure(pieces, sr),
    }


def judging(values: NDArray[np.float64], windows: int) -> Callable[[], object]:
    """Return the judge at work on the measures of `windows` apologies, as one batch."""
    from prosody.examine import baseline
    from prosody.judge.judge import Judge
    from prosody.measures import table

    judge = Judge.load()
    rows = np.resize(values, (windows, values.shape[1]))
    habit = np.broadcast_to(baseline.median(values), rows.shape)
    names = table.ACOUSTIC
    related = [table.BY_NAME[n].relative_name for n in names if table.BY_NAME[n].relative_name]
    columns = dict(zip(names, rows.T, strict=True))
    columns |= dict(zip(related, table.relative(rows, habit, names).T, strict=True))
    columns["baseline_s"] = np.full(windows, 60.0)
    return lambda: judge.judge(columns)


def peers(pieces: Sequence[Sound], sr: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what others offer for the same stretches, and who is missing."""
    works: dict[str, Any] = {}
    missing: dict[str, str] = {}

    def opensmile() -> None:
        lib = common.need("opensmile")
        smile = lib.Smile(lib.FeatureSet.eGeMAPSv02, lib.FeatureLevel.Functionals, num_workers=1)
        works["openSMILE eGeMAPSv02, 88 functionals"] = lambda: [
            smile.process_signal(p, sr) for p in pieces
        ]

    def praat() -> None:
        lib = common.need("parselmouth")
        sounds = [lib.Sound(p.astype(np.float64), sr) for p in pieces]
        works["Praat pitch (autocorrelation)"] = lambda: [
            s.to_pitch_ac(0.01, LOW_HZ, pitch_ceiling=HIGH_HZ) for s in sounds
        ]
        works["Praat pitch (cross-correlation)"] = lambda: [
            s.to_pitch_cc(0.01, LOW_HZ, pitch_ceiling=HIGH_HZ) for s in sounds
        ]

    def pyin() -> None:
        lib = common.need("librosa")
        works["librosa.pyin"] = lambda: [
            lib.pyin(p, fmin=LOW_HZ, fmax=HIGH_HZ, sr=sr, hop_length=sr // 100) for p in pieces
        ]

    for name, add in (("openSMILE", opensmile), ("Praat", praat), ("librosa.pyin", pyin)):
        try:
            add()
        except common.Skip as reason:
            missing[name] = str(reason)
    return works, missing


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
    others, missing = peers(pieces, sr)
    took = common.interleaved(works | others, repeats=repeats)
    mean_s = speech_s / len(pieces)
    audio = {"judge: one apology": mean_s, "judge: 10,000 apologies, one call": 1e4 * mean_s}
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


def sets(args: Any) -> list[tuple[str, list[Path]]]:
    """Return the recordings by name; own files by their rate, as a batch has one."""
    if args.files:
        from prosody.audio.recording import probe

        by_rate: dict[int, list[Path]] = {}
        for file in map(Path, args.files):
            by_rate.setdefault(probe(file).sr_hz, []).append(file)
        return [(f"own files, {rate} Hz", files) for rate, files in sorted(by_rate.items())]
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
    columns = ["set", "stage", "x_real_time", "median_s", "spread_share", "first_s", "ratio"]
    print(common.table(rows, columns))
    for name, reason in skipped.items():
        print(f"{name}: skipped: {reason}")
    common.write("stages", args, {"pinned": core is not None, "rows": rows}, used, skipped=skipped)
    return 0
