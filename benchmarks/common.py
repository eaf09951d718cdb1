"""What every benchmark shares: one core, warm-up apart, median and spread, provenance.

A benchmark is a module ``benchmarks/NAME.py`` with a docstring whose first line says what it
measures and a function ``main(argv) -> int``::

    from benchmarks import common

    def main(argv: list[str]) -> int:
        args = common.arguments(argv, __doc__)
        files = common.data_files(args, "emodb", "*.flac", limit=40 if args.quick else None)
        peer = common.need("opensmile").peer  # or skips, with the reason
        with common.one_core():
            took = common.interleaved({"ours": lambda: work(files), "peer": peer})
        rows = {name: timing.against(seconds) for name, timing in took.items()}
        common.write("name", args, rows, files)
        return 0
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from prosody.runs.benchmark import Timing, decode, interleaved, machine, samples, stretches

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"

# The distributions whose version can change a figure.
PACKAGES = (
    "prosody-sincerity", "numpy", "scipy", "librosa", "numba", "onnxruntime", "soundfile", "soxr",
    "earshot", "av", "opensmile", "praat-parselmouth", "swift-f0",
)  # fmt: skip


__all__ = ["Timing", "interleaved", "machine"]


class Skip(Exception):  # noqa: N818 - it is no error
    """A benchmark, or a part of it, cannot run here; the message says why."""


def arguments(argv: Sequence[str], doc: str | None) -> argparse.Namespace:
    """Read the options every benchmark has.

    Parameters
    ----------
    argv : sequence of str
        What stands after the benchmark's name.
    doc : str or None
        The module's docstring; its first line becomes the help text.

    Returns
    -------
    argparse.Namespace
        ``profile`` and ``quick``, ``data`` (folder), ``files`` (own recordings, may be empty),
        ``out`` (folder of results), ``repeats``, and ``on_samples``: False until the sample calls
        stand in for data that is not there.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks NAME", description=(doc or "").strip().split("\n")[0]
    )
    parser.add_argument(
        "--profile",
        choices=("quick", "full"),
        default="full",
        help="quick: less data and a file of its own; full: the published figures",
    )
    parser.add_argument("--data", type=Path, default=DATA, help=argparse.SUPPRESS)
    parser.add_argument(
        "--files",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="your own recordings in place of the data set",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="where the JSON goes (default: benchmarks/results)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        metavar="N",
        help="timed runs after the warm-up, 5 or more (default: 5)",
    )
    args = parser.parse_args(list(argv))
    args.quick, args.on_samples = args.profile == "quick", False
    args.repeats = max(5, args.repeats)
    return args


def data_files(
    args: argparse.Namespace, folder: str, pattern: str, *, limit: int | None = None
) -> list[Path]:
    """Return the sorted files of one data set, or the user's own where ``--files`` names some.

    With `limit`, every k-th file is taken, so that a quick run still covers all speakers.

    Raises
    ------
    Skip
        If the folder or the files are not there.
    """
    if args.files:
        return [Path(f) for f in args.files]
    files = sorted((args.data / folder).glob(pattern))
    if not files:
        raise Skip(f"no {folder}/{pattern} in the data folder (--data DIR, or --files FILE ...)")
    if limit is not None and len(files) > limit:
        files = files[:: -(-len(files) // limit)]
    return files


def sound_files(
    args: argparse.Namespace,
    folder: str,
    pattern: str,
    *,
    limit: int | None = None,
    cut: bool = False,
) -> list[Path]:
    """Return the files of a data set as `data_files` does, or the sample calls where it is not.

    With `cut` clips of their speech stand in, of about 3 s at 16 kHz, the first two letters of
    whose names tell the speaker, as those of EmoDB do.
    """
    try:
        return data_files(args, folder, pattern, limit=limit)
    except Skip as reason:
        print(f"{reason}: the sample calls instead")
        args.on_samples = True
        calls = sorted(samples().glob("*.wav"))
        return _clips(calls) if cut else calls


def _clips(calls: Sequence[Path]) -> list[Path]:
    import soundfile
    import soxr

    place = ROOT / ".cache" / "sample-clips"
    place.mkdir(parents=True, exist_ok=True)
    out = []
    for number, call in enumerate(calls):
        for side, (y, sr) in zip("ab", decode([call]), strict=False):
            for i, piece in enumerate(stretches([(y, sr)], 60.0)[0]):
                out.append(place / f"{number}{side}-{i:02d}.wav")
                soundfile.write(out[-1], soxr.resample(piece, sr, 16000), 16000)
    return out


def sample_tracks() -> list[tuple[Path, NDArray[np.float32], int, NDArray[np.float64]]]:
    """Return each side of the sample calls that have word times: file, sound, rate, words [n, 2].

    The agent's side of a call comes before the customer's.
    """
    from prosody import transcripts

    out = []
    for path in sorted(samples().glob("*.wav")):
        beside = [
            p for p in path.parent.glob(f"{path.stem}.*") if p.suffix in transcripts.EXTENSIONS
        ]
        turns = transcripts.read(beside[0]).turns
        for role, (y, sr) in zip(("agent", "customer"), decode([path]), strict=True):
            words = sorted((w.start_s, w.end_s) for t in turns if t.role == role for w in t.words)
            if words:
                out.append((path, y, sr, np.array(words)))
    return out


def need(module: str, extra: str = "bench") -> ModuleType:
    """Import a module that only benchmarks use, or skip with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Skip(
            f"{module} is not installed: pip install 'prosody-sincerity[{extra}]' ({error})"
        ) from error


def able(works: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, str]]:
    """Call each; return what came of those that can run here, and why the others cannot."""
    found: dict[str, T] = {}
    skipped: dict[str, str] = {}
    for name, work in works.items():
        try:
            found[name] = work()
        except Skip as reason:
            skipped[name] = str(reason)
    return found, skipped


def agents(folder: Path) -> Iterator[tuple[NDArray[np.float32], int, list[Any], list[Path]]]:
    """Yield sound, rate, turns and both files of the agent's side of HarperValley's calls."""
    import soundfile

    for wav in sorted((folder / "agent").glob("*.wav")):
        script = folder / "transcript" / f"{wav.stem}.json"
        turns = json.loads(script.read_text(encoding="utf-8"))
        own = [turn for turn in turns if turn["speaker_role"] == "agent"]
        yield *soundfile.read(wav, dtype="float32"), own, [wav, script]


def pyplot() -> Any:
    """Return matplotlib's pyplot, which draws into files alone and names nothing at random."""
    matplotlib = need("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "prosody"
    return importlib.import_module("matplotlib.pyplot")


def save(figure: Any, path: Path, **how: Any) -> None:
    """Write a figure; the same one gives the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date" if path.suffix == ".svg" else "Software": None}, **how)
    pyplot().close(figure)


@contextlib.contextmanager
def one_core() -> Iterator[int | None]:
    """Keep this process on one core while the block runs, where the system can (Linux).

    Yields
    ------
    int or None
        The core, or None where processes cannot be pinned.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    core = max(before)  # core 0 serves most interrupts
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def cost(*args: Any) -> tuple[int, dict[str, float]]:
    """Run ``prosody``; return its exit code, and what it took.

    Returns
    -------
    int
    dict
        Wall and CPU seconds of all its processes, memory of the largest worker and of the run's
        own process, and of the busiest worker its seconds on a core and waiting for one.
    """
    import resource

    from running import Watcher, start

    def used() -> float:
        taken = resource.getrusage(resource.RUSAGE_CHILDREN)
        return taken.ru_utime + taken.ru_stime

    before, began = used(), time.monotonic()
    process = start(*args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watcher = Watcher(process.pid)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watcher.join(timeout=5)
    return code, {
        "seconds": seconds,
        "cpu_seconds": used() - before,
        "peak_worker_mb": watcher.peak_mb,
        "peak_main_mb": watcher.main_mb,
        "busiest_worker_cpu_s": watcher.cpu_s,
        "busiest_worker_waited_s": watcher.waited_s,
    }


def peak_memory_mb() -> float | None:
    """Return the largest resident size of this process so far in MB (None on Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform != "darwin" else 1024**2), 1)


def data_hash(files: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and bytes of the files, in order of their names."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda f: f.name):
        digest.update(file.name.encode() + b"\0")
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the packages that can change a figure, where installed."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def commit() -> str:
    """Return the commit of the checkout; ``+changes`` where files differ from it, '' without git.

    The results themselves do not count as changes: writing one must not mark the next.
    """

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changes = git("status", "--porcelain", "-uno", "--", ".", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+changes" if changes else "")


def write(
    name: str,
    args: argparse.Namespace,
    results: Mapping[str, Any],
    files: Sequence[Path] = (),
    *,
    skipped: Mapping[str, str] | None = None,
) -> Path:
    """Write one result with everything needed to repeat it; returns the file.

    Parameters
    ----------
    name : str
        The benchmark.
    args : argparse.Namespace
        From `arguments`. A quick profile, or own files, gets a file name of its own, so that it
        never overwrites the published figures; so do the sample calls.
    results : mapping
        Rows of figures (units in the names; NaN is written as null).
    files : sequence of Path
        The recordings used; their number and hash are recorded, their place is not.
    skipped : mapping, optional
        Parts that could not run, and why.
    """
    suffix = ".own" if args.files else ".quick" if args.quick else ""
    suffix = ".samples" if args.on_samples else suffix
    out = Path(args.out) / f"{name}{suffix}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "benchmark": name,
        "profile": args.profile,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "data": {"files": len(files), "sha256": data_hash(files) if files else ""},
        "peak_memory_mb": peak_memory_mb(),
        "results": results,
        "skipped": dict(skipped or {}),
    }
    text = json.dumps(_plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    out.write_text(text, encoding="utf-8")
    print(f"wrote {out.name}")
    return out


def _plain(value: Any) -> Any:
    """Turn NumPy values, paths and NaN into what JSON has."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Return rows as an aligned text table (floats to four significant digits).

    What is within a cell gets a column each.
    """
    if not rows:
        return "(nothing)"
    rows = [_flat(row) for row in rows]
    names = list(columns or rows[0])

    def text(value: Any) -> str:
        if value is None:
            return "-"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    cells = [names, *[[text(row.get(n)) for n in names] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in row.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        out |= {f"{name} {key}".strip(): v for key, v in inner.items()}
    return out
