"""Speed of all measures and of each step, beside openSMILE, Praat's pitch and librosa's pyin.

Timed is the arithmetic from samples in memory to one row of measures per clip; not timed are
reading files, imports and the first call (reported apart as ``first_s``). One process, one core,
one thread, contenders in turn, five runs or more, median of CPU time. Ours gets all clips in one
call, as `prosody features` does; the peers get clip by clip, as their interfaces have it.

``scale`` times batches of one-second windows ten times as many (time per window should not grow),
and ``cold_start`` the whole command `prosody features` on one short clip, imports included.
"""

from __future__ import annotations

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

Sound = NDArray[np.float32]
BLOCK_S = 60.0
PYIN_S = 20.0
"""librosa.pyin is so slow that this much audio is enough to time it."""


def steps(clips: list[Sound], sr: int) -> dict[str, Callable[[], object]]:
    """Return what is timed of ours: the whole, the whole but pitch, and each step."""
    from prosody.measures import measure, pitch, spectrum
    from prosody.measures.grid import lay_out, power_spectra

    groups = [clips[a:b] for a, b in measure._blocks([len(c) for c in clips], BLOCK_S * sr)]
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


def peers(
    clips: list[Sound], sr: int
) -> tuple[dict[str, tuple[Callable[[], object], float]], dict[str, str]]:
    """Return the peers with the seconds each works through, and those that are not installed."""
    found: dict[str, tuple[Callable[[], object], float]] = {}
    missing: dict[str, str] = {}
    seconds = sum(map(len, clips)) / sr
    try:
        opensmile = common.need("opensmile")
        for level, name in (("Functionals", "functionals"), ("LowLevelDescriptors", "frames only")):
            smile = opensmile.Smile(
                opensmile.FeatureSet.eGeMAPSv02,
                getattr(opensmile.FeatureLevel, level),
                num_workers=1,
            )

            def run(smile: Any = smile) -> None:
                for y in clips:
                    smile.process_signal(y, sr)

            found[f"openSMILE eGeMAPSv02 {name}"] = (run, seconds)
    except common.Skip as reason:
        missing["openSMILE"] = str(reason)
    try:
        parselmouth = common.need("parselmouth")

        def praat() -> None:
            for y in clips:
                parselmouth.Sound(y.astype(np.float64), sr).to_pitch_ac(0.01, 65, pitch_ceiling=500)

        found["Praat pitch (ac)"] = (praat, seconds)
    except common.Skip as reason:
        missing["Praat"] = str(reason)
    import librosa

    few: list[Sound] = []
    while sum(map(len, few)) < PYIN_S * sr and len(few) < len(clips):
        few.append(clips[len(few)])

    def pyin() -> None:
        for y in few:
            librosa.pyin(y, fmin=65, fmax=500, sr=sr, frame_length=sr // 16, hop_length=sr // 100)

    found["librosa.pyin"] = (pyin, sum(map(len, few)) / sr)
    return found, missing


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


def main(argv: list[str]) -> int:
    """Time everything, print one table per rate, write the results."""
    import soundfile

    args = common.arguments(argv, __doc__)
    files = common.sound_files(args, "emodb", "*.flac", limit=40 if args.quick else 120, cut=True)
    sounds = [soundfile.read(f, dtype="float32") for f in files]
    sets = {
        f"{sr / 1000:g} kHz": [y for y, s in sounds if s == sr] for sr in {s for _, s in sounds}
    }
    rates = {f"{sr / 1000:g} kHz": sr for sr in {s for _, s in sounds}}
    if not args.files and (args.data / "harpervalley").is_dir():
        turns, more = parity.turns(args.data / "harpervalley")
        sets["8 kHz"], rates["8 kHz"] = [y for y, _ in turns], 8000
        files = [*files, *more]
    results: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    with common.one_core():
        for name, clips in sets.items():
            sr, seconds = rates[name], sum(map(len, clips)) / rates[name]
            ours = steps(clips, sr)
            others, missing = peers(clips, sr)
            skipped |= missing
            timings = common.interleaved(
                ours | {k: work for k, (work, _) in others.items()}, repeats=args.repeats
            )
            audio = dict.fromkeys(ours, seconds) | {k: s for k, (_, s) in others.items()}
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
    return 0


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
    matplotlib = common.need("matplotlib")
    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    sets = [k for k in results if "rows" in results[k]]
    figure, grid = plt.subplots(1, len(sets), figsize=(6 * len(sets), 3.6), squeeze=False)
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
    figure.savefig(path)
    plt.close(figure)
