"""Speed of each stage from file to judgement, and of all measures, beside openSMILE and others.

``stages``: decoding and voice activity run over whole recordings. Everything after them runs on
stretches of about three seconds of speech, as apologies and their baselines are: ours in one batch,
the peers stretch by stretch, as their interfaces have it. The families of measures share work,
which has a row of its own (`grid`, `spectra`); `all measures` is the whole as `prosody features`
does it. The judge is timed with everything around it, from columns to verdicts; its audio is the
windows. A whole call of a quarter of an hour (a sample call over and over, with one moment of
apologies) is examined and judged from its files; beside it stands Praat's pitch of one of its two
channels.

``measures``: the arithmetic from samples in memory to one row of measures per clip, and its steps;
not timed are reading files, imports and the first call (reported apart as ``first_s``). Ours gets
all clips in one call, as `prosody features` does; openSMILE, Praat and librosa's pYIN get clip by
clip, as their interfaces have it. ``scale`` times batches of one-second windows ten times as many
(time per window should not grow), and ``cold_start`` the whole command `prosody features` on one
short clip, imports included.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common, parity
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
BLOCK_S = 60.0
PYIN_S = 20.0
"""librosa.pyin is so slow that this much audio is enough to time it."""
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


# --- all measures ---------------------------------------------------------------------------------


def steps(clips: list[Sound], sr: int) -> dict[str, Callable[[], object]]:
    """Return what is timed of ours: the whole, the whole but pitch, and each step."""
    from prosody.measures import measure, pitch, spectrum
    from prosody.measures.grid import lay_out, power_spectra

    groups = [clips[a:b] for a, b in measure.blocks([len(c) for c in clips], BLOCK_S * sr)]
    grids = [lay_out(g, sr) for g in groups]
    f0 = [pitch.track(g) for g in grids]
    pairs = list(zip(grids, f0, strict=True))

    def transforms() -> None:
        for grid in grids:
            for _ in power_spectra(grid):
                pass

    return {
        "all measures": lambda: measure.measure(clips, sr),
        "all but pitch": lambda: [
            measure.measure_grid(lay_out(g, sr), f) for g, f in zip(groups, f0, strict=True)
        ],
        "step: grid": lambda: [lay_out(g, sr) for g in groups],
        "step: transforms only": transforms,
        "step: spectra to levels": lambda: [spectrum.levels(g) for g in grids],
        "step: harmonics": lambda: [spectrum.harmonics(g, f) for g, f in pairs],
        "step: pitch": lambda: [pitch.track(g) for g in grids],
    }


def others(
    clips: list[Sound], sr: int
) -> tuple[dict[str, Callable[[], object]], dict[str, float], dict[str, str]]:
    """Return others' work on the clips, the seconds each works through, and who is missing."""
    few: list[Sound] = []
    while sum(map(len, few)) < PYIN_S * sr and len(few) < len(clips):
        few.append(clips[len(few)])

    def smile(level: str) -> Callable[[], object]:
        module = common.need("opensmile")
        made = module.Smile(
            module.FeatureSet.eGeMAPSv02, getattr(module.FeatureLevel, level), num_workers=1
        )
        return lambda: [made.process_signal(y, sr) for y in clips]

    def praat() -> Callable[[], object]:
        sound = common.need("parselmouth").Sound
        return lambda: [
            sound(y.astype(np.float64), sr).to_pitch_ac(0.01, 65, pitch_ceiling=500) for y in clips
        ]

    def pyin() -> Callable[[], object]:
        track = common.need("librosa").pyin
        how = {"fmin": 65, "fmax": 500, "sr": sr, "frame_length": sr // 16, "hop_length": sr // 100}
        return lambda: [track(y, **how) for y in few]

    found, missing = common.able(
        {
            "openSMILE eGeMAPSv02 functionals": lambda: smile("Functionals"),
            "openSMILE eGeMAPSv02 frames only": lambda: smile("LowLevelDescriptors"),
            "Praat pitch (ac)": praat,
            "librosa.pyin": pyin,
        }
    )
    seconds = dict.fromkeys(found, sum(map(len, clips)) / sr)
    return found, seconds | {"librosa.pyin": sum(map(len, few)) / sr}, missing


def scale(clip: Sound, sr: int, most: int) -> dict[str, float]:
    """Time `most` one-second windows of one recording, and a tenth of them."""
    from prosody.measures.measure import features

    y = np.tile(clip, 60 * sr // len(clip) + 1)[: 60 * sr]
    out = {}
    for number in (most // 10, most):
        start = (np.arange(number) * 0.37) % 58.9
        windows = np.stack([start, start + 1.0], axis=1)
        before = time.process_time()
        features(y, sr, windows)
        out[f"ms_per_window_of_{number}"] = (time.process_time() - before) / number * 1e3
    out["growth"] = out[f"ms_per_window_of_{most}"] / out[f"ms_per_window_of_{most // 10}"]
    return {k: round(v, 4) for k, v in out.items()}


def cold_start(file: Path) -> dict[str, float]:
    """Time `prosody features FILE` from nothing, five times."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from prosody.cli import main; main()"]
        command += ["features", str(file), "--out"]
        for i in range(6):
            before = time.perf_counter()
            subprocess.run([*command, f"{folder}/{i}.csv"], check=True, capture_output=True)
            took.append(time.perf_counter() - before)
    return {
        "first_s": round(took[0], 3),
        "median_s": round(statistics.median(took[1:]), 3),
        "max_s": round(max(took), 3),
    }


def of_measures(args: Any) -> None:
    """Time all measures and their steps, print one table per rate, write the results."""
    import soundfile

    files = common.sound_files(args, "emodb", "*.flac", limit=40 if args.quick else 120, cut=True)
    sounds = [soundfile.read(f, dtype="float32") for f in files]
    sets: dict[int, list[Sound]] = {}
    for y, sr in sounds:
        sets.setdefault(sr, []).append(y)
    if not args.files and (args.data / "harpervalley").is_dir():
        turns, more = parity.turns(args.data / "harpervalley")
        sets[8000] = [y for y, _ in turns]
        files = [*files, *more]
    results: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    with common.one_core():
        for sr, clips in sets.items():
            name, seconds = f"{sr / 1000:g} kHz", sum(map(len, clips)) / sr
            ours = steps(clips, sr)
            peer, audio, missing = others(clips, sr)
            skipped |= missing
            audio |= dict.fromkeys(ours, seconds)
            timings = common.interleaved(ours | peer, repeats=args.repeats)
            rows = {k: t.against(audio[k]) for k, t in timings.items()}
            results[name] = {"rows": rows} | ratios(rows)
            print(f"\n{name}, {seconds:.0f} s of speech in {len(clips)} clips")
            show = ("x_real_time", "cpu_s_per_hour", "spread_share", "first_s")
            print(common.table([{"what": k, **{c: r[c] for c in show}} for k, r in rows.items()]))
            for key, ratio in ratios(rows).items():
                print(f"{key}: {ratio}")
        longest = max(sounds, key=lambda s: len(s[0]))
        results["scale"] = scale(longest[0], longest[1], 5_000 if args.quick else 100_000)
    print("scale:", results["scale"])
    results["cold_start"] = cold_start(files[0])
    print("cold start:", results["cold_start"])
    path = common.write("measures", args, results, files, skipped=skipped)
    plot(results, path.with_suffix(".svg"))


def ratios(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return how many times as fast as openSMILE's functionals and Praat's pitch ours are."""
    found = {}
    for ours in ("all measures", "all but pitch"):
        for other in ("openSMILE eGeMAPSv02 functionals", "Praat pitch (ac)"):
            if other in rows:
                ratio = rows[ours]["x_real_time"] / rows[other]["x_real_time"]
                found[f"{ours} / {other}"] = round(ratio, 2)
    return found


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw times real time of everything, on a logarithmic scale."""
    sets = [k for k in results if "rows" in results[k]]
    size = (6 * len(sets), 3.6)
    figure, grid = common.pyplot().subplots(1, len(sets), figsize=size, squeeze=False)
    for axes, name in zip(grid[0], sets, strict=True):
        rows = results[name]["rows"]
        labels = list(rows)[::-1]
        speeds = [rows[k]["x_real_time"] for k in labels]
        colours = ["C0" if k.startswith(("all", "step")) else "0.6" for k in labels]
        axes.barh(labels, speeds, color=colours)
        for i, speed in enumerate(speeds):
            axes.text(speed, i, f" {speed:,.0f}", va="center", fontsize=7)
        axes.set_xscale("log")
        axes.set_xlim(right=max(speeds) * 4)
        axes.tick_params(labelsize=7)
        axes.set_title(f"{name}: times real time, one core", fontsize=9)
    figure.tight_layout()
    common.save(figure, path)


def main(argv: list[str]) -> int:
    """Time all stages, then all measures; each has a result of its own."""
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
    of_measures(args)
    return 0
