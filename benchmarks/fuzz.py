"""Damaged recordings, transcripts, windows and manifests: one row each, or one line that refuses.

10,000 recordings with what lies beside them, of every kind, go through the real command
(``--profile quick``: 200); half of the texts are valid but for one field. The run must end by
itself, with one row for each, no fault of ours among the codes, and no worker above its memory. As
many manifests as one in ten of that, each with one field changed, must give calls or be refused.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import _run, _seeds, common
from prosody.calls.collect import collect
from prosody.errors import ProsodyError

sys.path.insert(0, str(common.ROOT / "tests" / "support"))

from mutate import mutate, mutate_field, mutate_json

MEMORY = "2000MB"
LIMIT_S = 30
DAMAGED = (
    "recording", "transcript", "field of a transcript", "values of a transcript", "windows",
    "field of windows",
)  # fmt: skip
OURS = ("internal_error", "worker_died", "time_limit", "memory_limit", "unreadable")


def cases(n: int, seed: int) -> Iterator[tuple[str, str, bytes, str, bytes]]:
    """Yield what is damaged, then name and content of a recording and of what lies beside it."""
    rng = random.Random(seed)
    voices, said, where = _seeds.sounds(), _seeds.transcripts(), _seeds.windows()
    spoken = {k: v for k, v in said.items() if k.endswith(".json")}
    whole = [*voices.values(), *said.values(), *where.values()]
    good = "pcm16.wav"
    for i in range(n):
        what = DAMAGED[(0, 0, 0, 1, 2, 2, 3, 4, 5, 5)[i % 10]]
        voice = rng.choice(sorted(voices)) if what == "recording" else good
        kinds = where if "windows" in what else spoken if "values" in what else said
        # Beside a damaged recording lies a transcript with roles, so that all of it is examined.
        text = "own.csv" if what == "recording" else rng.choice(sorted(kinds))
        sound, words = voices[voice], kinds[text]
        if what == "recording":
            sound = mutate(sound, rng, whole)
        elif what == "values of a transcript":
            words = mutate_json(words, rng)
        elif what.startswith("field"):
            words = mutate_field(words, rng)
        else:
            words = mutate(words, rng, whole)
        stem = f"{i:06d}-{voice.rsplit('.', 1)[0]}"
        yield what, f"{stem}{Path(voice).suffix}", sound, f"{stem}{Path(text).suffix}", words


def fuzz(folder: Path, n: int, *, seed: int = 0, keep: Path | None = None) -> dict[str, Any]:
    """Run the command over `n` damaged inputs and count what became of them.

    ``faults`` are rows that only a fault of ours explains; their files are copied to `keep`.
    """
    calls, where = folder / "calls", folder / "windows"
    calls.mkdir()
    where.mkdir()
    damaged: dict[str, str] = {}
    seeds: Counter[str] = Counter()
    roles = _seeds.transcripts()["own.csv"]
    for what, voice, sound, text, words in cases(n, seed):
        (calls / voice).write_bytes(sound)
        ((where if "windows" in what else calls) / text).write_bytes(words)
        if "windows" in what:  # a transcript says who speaks where
            (calls / voice).with_suffix(".csv").write_bytes(roles)
        damaged[voice] = what
        seeds[what] += 1
    out = folder / "out"
    began = time.monotonic()
    process = _run.start(
        "analyze", calls, "--windows", where, "--language", "nl",
        "--out", out, "--quiet", "--workers", 2, "--memory", MEMORY, "--time-limit", LIMIT_S,
        stdout=-3, stderr=-3,
    )  # fmt: skip
    watcher = _run.Watcher(process.pid)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watcher.join(timeout=5)
    lines = _run.rows(out / "recordings.jsonl")
    found = Counter(Path(line["recording"]).name for line in lines)
    codes: dict[str, Counter[str]] = {what: Counter() for what in seeds}
    for line in lines:
        what = damaged[Path(line["recording"]).name]
        codes[what][line["code"] or line["status"]] += 1
    faults = [line for line in lines if line["code"] in OURS]
    if keep is not None and faults:
        keep.mkdir(parents=True, exist_ok=True)
        for line in faults:
            path = Path(line["recording"])
            for file in (*calls.glob(f"{path.stem}.*"), *where.glob(f"{path.stem}.*")):
                (keep / file.name).write_bytes(file.read_bytes())
    return {
        "inputs": n,
        "seed": seed,
        "kinds": {
            "recordings": sorted(_seeds.sounds()),
            "transcripts": sorted(_seeds.transcripts()),
            "windows": sorted(_seeds.windows()),
        },
        "damaged": dict(seeds),
        "exit_code": code,
        "rows": len(lines),
        "without_a_row": sum(name not in found for name in damaged),
        "with_two_rows": sum(k > 1 for k in found.values()),
        "hangs": sum(line["code"] == "time_limit" for line in lines),
        "crashes": sum(line["code"] in ("worker_died", "internal_error") for line in lines),
        "codes": {what: dict(count.most_common()) for what, count in codes.items()},
        "faults": [[line["code"], line["message"][-300:]] for line in faults],
        "seconds": seconds,
        "peak_worker_mb": watcher.peak_mb,
        "peak_main_mb": watcher.main_mb,
    }


def manifests(folder: Path, n: int, *, seed: int = 0) -> dict[str, Any]:
    """Read `n` manifests, valid but for one field, and count what became of them."""
    names = [f"{i}.wav" for i in range(3)]
    for name in names:
        (folder / name).write_bytes(_seeds.sounds()["pcm16.wav"])
    rng = random.Random(seed)
    valid = _seeds.manifest(names)
    became: Counter[str] = Counter()
    faults = []
    for i in range(n):
        path = folder / f"{i}.csv"
        path.write_bytes(mutate_field(valid, rng))
        try:
            became[f"{len(collect([path]))} calls"] += 1
        except ProsodyError as error:
            one_line = "\n" not in str(error)
            became["refused in one line" if one_line else "refused in several"] += 1
        except Exception as error:
            faults.append(f"{type(error).__name__}: {error}"[:300])
        path.unlink()
    return {"inputs": n, "became": dict(became.most_common()), "faults": faults}


def main(argv: list[str]) -> int:
    """Run it and write the figures; 1 where a row is missing or a fault was found."""
    args = common.arguments(argv, __doc__)
    with tempfile.TemporaryDirectory() as folder:
        keep = common.ROOT / ".cache" / "fuzz"
        n = 200 if args.quick else 10_000
        told = fuzz(Path(folder), n, keep=keep)
    with tempfile.TemporaryDirectory() as folder:
        told["manifests"] = manifests(Path(folder), n // 10)
    print(json.dumps(told, indent=1))
    common.write("fuzz", args, told)
    bad = (
        told["faults"]
        or told["manifests"]["faults"]
        or told["without_a_row"]
        or told["with_two_rows"]
    )
    return 1 if bad or told["exit_code"] not in (0, 1) else 0
