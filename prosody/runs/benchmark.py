"""How fast this machine works: each step from file to judgement, and whole runs with workers.

``prosody benchmark`` and ``python -m benchmarks speed`` both measure with it. A step is run once
unmeasured (it loads libraries and models), then several times; what counts is the median CPU time.
Contenders take turns in one process, so that a busy minute hits all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.audio.recording import Recording
from prosody.calls.collect import Call
from prosody.errors import UsageError

Sound = NDArray[np.float32]
Work = Callable[[], object]
LOW_HZ, HIGH_HZ = 65.0, 500.0
MOST_S = 40.0
"""Speech that the measures are timed on: enough for a steady figure, in a few seconds."""
PYIN_S = 4.0
NIGHT_H = 8.0
BUSY_SPREAD, BUSY_LOAD = 0.2, 0.5
"""From here on the machine had other things to do: runs differ, or others wait for its cores."""
RUN_S = 1200.0
"""Sound that a timed run of the command works through at least, by repeating the recordings."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of the timed runs, and of the first one, which also loads and compiles."""

    first_s: float
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median CPU time of a run, all threads of the process together."""
        return statistics.median(self.cpu_s)

    def against(self, audio_s: float) -> dict[str, float]:
        """Return the figures of one row: speed as times real time, and how much runs differ.

        Parameters
        ----------
        audio_s : float
            Seconds of audio (one channel) that one run works through.
        """
        median = self.median_s
        return {
            "x_real_time": round(audio_s / median, 1),
            "cpu_s_per_hour": round(median / audio_s * 3600, 3),
            "median_s": round(median, 6),
            "min_s": round(min(self.cpu_s), 6),
            "max_s": round(max(self.cpu_s), 6),
            "spread_share": round((max(self.cpu_s) - min(self.cpu_s)) / median, 3),
            "wall_median_s": round(statistics.median(self.wall_s), 6),
            "first_s": round(self.first_s, 6),
            "runs": len(self.cpu_s),
            "audio_s": round(audio_s, 3),
        }


def interleaved(works: Mapping[str, Work], *, repeats: int = 5) -> dict[str, Timing]:
    """Time several contenders turn by turn, so that a busy minute hits all of them alike."""
    first: dict[str, float] = {}
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for name, work in works.items():
        start = time.perf_counter()
        work()
        first[name] = time.perf_counter() - start
    for _ in range(max(5, repeats)):
        for name, work in works.items():
            gc.collect()
            w, c = time.perf_counter(), time.process_time()
            work()
            cpu[name].append(max(time.process_time() - c, 1e-9))
            wall[name].append(time.perf_counter() - w)
    return {n: Timing(first[n], tuple(wall[n]), tuple(cpu[n])) for n in works}


def machine() -> dict[str, Any]:
    """Return what of the machine can change a time (no name, no path, no user)."""
    cpu = platform.processor()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_1min": None if load is None else round(load, 2),
    }


def decode(files: Sequence[Path]) -> list[tuple[Sound, int]]:
    """Read every channel of every file, in blocks, as a run does."""
    out: list[tuple[Sound, int]] = []
    for file in files:
        with Recording(file) as recording:
            sound = np.concatenate(list(recording.blocks()), axis=1)
            out += [(channel, recording.info.sr_hz) for channel in sound]
    return out


def stretches(sounds: Sequence[tuple[Sound, int]], most_s: float) -> tuple[list[Sound], int]:
    """Cut speech into stretches of about 3 s, at most `most_s` in all, spread over the sounds.

    Of the rate that most of the sounds have: a batch has one.
    """
    from prosody.audio.activity import speech
    from prosody.examine import baseline
    from prosody.settings import Settings

    rates = [rate for _, rate in sounds]
    sr = max(set(rates), key=rates.count)
    pieces: list[Sound] = []
    for y, rate in sounds:
        if rate == sr:
            spans = baseline.stretches(speech(y, sr), np.empty((0, 2)), Settings().baseline)
            pieces += [y[round(a * sr) : round(b * sr)] for a, b in spans]
    if not pieces:
        raise UsageError(
            "There is no speech in these recordings.", "Name recordings of calls, or no path."
        )
    keep = max(1, int(most_s * sr // max(1.0, float(np.mean([len(p) for p in pieces])))))
    if len(pieces) > keep:
        places = np.linspace(0, len(pieces) - 1, keep).round().astype(int)
        pieces = [pieces[i] for i in places]
    return pieces, sr


def families(pieces: Sequence[Sound], sr: int) -> dict[str, Work]:
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


def judging(values: NDArray[np.float64], windows: int) -> Work:
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


def peers(pieces: Sequence[Sound], sr: int) -> tuple[dict[str, tuple[Work, float]], dict[str, str]]:
    """Return what others offer for the same stretches, with seconds of sound, and who is missing.

    openSMILE and Praat where they are installed; librosa's pYIN, which is, on fewer stretches.
    """
    works: dict[str, tuple[Work, float]] = {}
    missing: dict[str, str] = {}
    seconds = sum(map(len, pieces)) / sr
    try:
        import opensmile

        smile = opensmile.Smile(
            opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1
        )
        works["openSMILE eGeMAPSv02, 88 functionals"] = (
            lambda: [smile.process_signal(p, sr) for p in pieces],
            seconds,
        )
    except ImportError as error:
        missing["openSMILE"] = str(error)
    try:
        import parselmouth

        sounds = [parselmouth.Sound(p.astype(np.float64), sr) for p in pieces]
        for name, way in (("autocorrelation", "ac"), ("cross-correlation", "cc")):
            works[f"Praat pitch ({name})"] = (
                lambda way=f"to_pitch_{way}": [  # type: ignore[misc]
                    getattr(s, way)(0.01, LOW_HZ, pitch_ceiling=HIGH_HZ) for s in sounds
                ],
                seconds,
            )
    except ImportError as error:
        missing["Praat"] = str(error)
    few = [p for i, p in enumerate(pieces) if sum(map(len, pieces[:i])) < PYIN_S * sr]

    def pyin() -> object:
        import librosa

        from prosody.measures import by_librosa

        by_librosa.ready()
        return [
            librosa.pyin(p, fmin=LOW_HZ, fmax=HIGH_HZ, sr=sr, hop_length=sr // 100) for p in few
        ]

    works["librosa.pyin"] = (pyin, sum(map(len, few)) / sr)
    return works, missing


def whole_calls(calls: Sequence[Call]) -> Work:
    """Return the work of everything that a run does with some calls, but for writing."""
    from prosody.examine.examine import Examiner, Options
    from prosody.judge.judge import Judge
    from prosody.judge.rows import judge_rows
    from prosody.settings import Settings

    examiner, judge = Examiner(Options()), Judge.load()

    def once() -> object:
        rows = [row for call in calls for row in examiner(call).apologies]
        judge_rows(rows, judge, Settings())
        return rows

    return once


def with_words(calls: Sequence[Call]) -> list[Call]:
    """Return the calls of which something says where the apologies are."""
    return [c for c in calls if c.transcript or c.windows or any(s.transcript for s in c.sources)]


def duration_s(call: Call) -> float:
    """Return how long a call is."""
    lengths = []
    for source in call.sources:
        with Recording(source.path) as recording:
            lengths.append(recording.info.duration_s)
    return max(lengths)


def run(folder: Path, copies: int, workers: int) -> tuple[float, float]:
    """Run the command over copies of a folder of calls; return seconds and peak memory in MB."""
    import psutil

    with tempfile.TemporaryDirectory() as place:
        inside = Path(place) / "in"
        for i in range(copies):
            shutil.copytree(folder, inside / f"{i:03d}")
        code = "from prosody.cli import main; main()"
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code, "analyze", str(inside), "--out", str(Path(place) / "out"),
             "--workers", str(workers), "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        peak = 0
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                own = psutil.Process(process.pid)
                for each in (own, *own.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        peak = max(peak, each.memory_info().rss)
            time.sleep(0.1)
        seconds = time.perf_counter() - began
    if process.returncode not in (0, 1):
        raise UsageError(
            f"prosody analyze ended with {process.returncode} on these recordings.",
            "Run it by itself to see why.",
        )
    return seconds, peak / 2**20


@dataclasses.dataclass(frozen=True)
class Throughput:
    """What a run does with so many workers: its speed without its start, start, and memory."""

    workers: int
    x_real_time: float
    start_s: float
    peak_worker_mb: float

    def in_a_night_h(self) -> float:
        """Return how many hours of calls a night of work is enough for."""
        return max(0.0, NIGHT_H - self.start_s / 3600) * self.x_real_time


def throughput(calls: Sequence[Call], workers: int, most: float) -> Throughput:
    """Time runs of the command over calls with words: a short one for its start, and a long one.

    On a busy machine the two may differ by chance alone: it is never said to be faster than `most`,
    in times real time.
    """
    audio_s = sum(map(duration_s, calls))
    copies = max(2, int(np.ceil(RUN_S / audio_s)))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "calls"
        for i, call in enumerate(calls):
            _copy(call, folder / f"{i:03d}")
        short_s, _ = run(folder, 1, workers)
        long_s, peak_mb = run(folder, copies, workers)
    speed = min(most, audio_s * (copies - 1) / max(long_s - short_s, 1e-3))
    return Throughput(workers, speed, max(0.0, short_s - audio_s / speed), peak_mb)


def _copy(call: Call, folder: Path) -> None:
    folder.mkdir(parents=True)
    files = [call.transcript, call.windows]
    files += [path for s in call.sources for path in (s.path, s.transcript)]
    for path in files:
        if path is not None:
            shutil.copy(path, folder)


STEPS = (
    "read", "activity", "pitch", "loudness", "balance", "tempo", "measures", "judge", "whole",
)  # fmt: skip
_NAMED = {
    "pitch": "pitch: tracking and measures",
    "loudness": "loudness: measures",
    "balance": "balance: measures",
    "tempo": "tempo: measures",
    "measures": "all measures",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One step: its timing and the seconds of sound that a run of it works through."""

    step: str
    timing: Timing
    audio_s: float
    peer: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """What was measured on this machine.

    Attributes
    ----------
    recordings, audio_s : int, float
        How many recordings, and seconds of all their channels.
    rows : tuple of Row
        Steps of `STEPS`, then peers under their names.
    throughputs : tuple of Throughput
        Whole runs with one worker and with as many as there are cores; empty where nothing says
        in any recording where the apologies are.
    missing : mapping
        Peers that are not installed, and why.
    busy : bool
        The machine had other things to do: the figures are too low.
    """

    recordings: int
    audio_s: float
    rows: tuple[Row, ...]
    throughputs: tuple[Throughput, ...]
    missing: Mapping[str, str]
    machine: Mapping[str, Any]
    busy: bool

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, with units in their names."""
        return {
            "machine": dict(self.machine),
            "busy": self.busy,
            "recordings": self.recordings,
            "audio_s": round(self.audio_s, 1),
            "steps": [
                {"step": r.step, "peer": r.peer, **r.timing.against(r.audio_s)} for r in self.rows
            ],
            "runs": [
                {**dataclasses.asdict(t), "hours_of_calls_in_8_h": round(t.in_a_night_h(), 1)}
                for t in self.throughputs
            ],
            "missing": dict(self.missing),
        }


def benchmark(
    calls: Sequence[Call],
    *,
    progress: Callable[[str, int, int], object] | None = None,
) -> Report:
    """Measure this machine on some recordings.

    Parameters
    ----------
    calls : sequence of Call
        Whole calls are timed on those with a transcript; everything else on all.
    progress : callable, optional
        Called with what is measured now, how many parts are done, and how many there are.

    Raises
    ------
    ProsodyError
        If a recording cannot be read, or there is no speech in any.
    """
    from prosody.audio.activity import activity
    from prosody.measures.measure import measure

    report = progress or (lambda *_: None)
    known = with_words(calls)
    workers = sorted({1, os.cpu_count() or 1}) if known else []
    total = 3 + len(workers)
    report("read", 0, total)
    files = list(dict.fromkeys(s.path for c in calls for s in c.sources))
    sounds = decode(files)
    audio_s = sum(len(y) / sr for y, sr in sounds)
    rows = []
    took = interleaved(
        {
            "read": lambda: decode(files),
            "activity": lambda: [activity(y, sr) for y, sr in sounds],
        },
    )
    rows += [Row(step, timing, audio_s) for step, timing in took.items()]
    report("measures", 1, total)
    pieces, sr = stretches(sounds, MOST_S)
    speech_s = sum(map(len, pieces)) / sr
    works = families(pieces, sr)
    ours = {step: works[name] for step, name in _NAMED.items()}
    ours["judge"] = judging(measure(pieces, sr), len(pieces))
    others, missing = peers(pieces, sr)
    took = interleaved(ours | {name: work for name, (work, _) in others.items()})
    rows += [Row(step, took[step], speech_s) for step in ours]
    report("whole", 2, total)
    if known:
        timing = interleaved({"whole": whole_calls(known)})["whole"]
        seconds = sum(map(duration_s, known))
        rows.append(Row("whole", timing, seconds))
        alone = seconds / timing.median_s
    rows += [Row(name, took[name], seconds, peer=True) for name, (_, seconds) in others.items()]
    throughputs: list[Throughput] = []
    for number in workers:
        report("workers", 3 + len(throughputs), total)
        throughputs.append(throughput(known, number, number * alone))
    report("", total, total)
    about = machine()
    spread = statistics.median(r.timing.against(r.audio_s)["spread_share"] for r in rows)
    load = about["load_1min"]
    # Our own work is one core of the load of the last minute.
    crowded = load is not None and load - 1 > BUSY_LOAD * (about["cores"] or 1)
    return Report(
        len(files), audio_s, tuple(rows), tuple(throughputs), missing, about,
        busy=bool(spread > BUSY_SPREAD or crowded),
    )  # fmt: skip


def samples() -> Path:
    """Return the folder of the sample calls.

    Raises
    ------
    UsageError
        If they are not there.
    """
    from importlib.resources import files

    with contextlib.suppress(ModuleNotFoundError):
        found = Path(str(files("prosody.samples")))
        if found.is_dir():
            return found
    beside = Path(__file__).resolve().parents[2] / "samples"
    if beside.is_dir():
        return beside
    raise UsageError("The sample calls are not there.", "Name recordings: prosody benchmark calls/")
