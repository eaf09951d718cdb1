"""Damaged recordings and transcripts of every kind through the real command: one row each.

10,000 of them (``--profile quick``: 200). The run must end by itself, with one row for each, no
fault of ours among the codes, and no worker above its memory.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _run, common

sys.path.insert(0, str(common.ROOT / "tests"))

from mutate import mutate

WORDS = "Goedemiddag met de klantenservice. Het spijt me dat u zo lang moest wachten."
MEMORY = "2000MB"
LIMIT_S = 30


def sounds() -> dict[str, bytes]:
    """Return one short recording of two voices in every format that can be written here."""
    import soundfile

    t = np.arange(3 * 8000) / 8000
    wave = sum(np.cos(2 * np.pi * 120 * k * t) / k for k in range(1, 9))
    left = 0.1 * wave * (np.sin(2 * np.pi * 2 * t) > 0)
    rng = np.random.default_rng(0)
    two = np.stack([left, 1e-3 * rng.standard_normal(len(t))], axis=1).astype(np.float32)
    kinds = {
        "ulaw.wav": ("WAV", "ULAW"), "alaw.wav": ("WAV", "ALAW"), "pcm16.wav": ("WAV", "PCM_16"),
        "pcm8.wav": ("WAV", "PCM_U8"), "float.wav": ("WAV", "FLOAT"), "gsm.wav": ("WAV", "GSM610"),
        "ima.wav": ("WAV", "IMA_ADPCM"), "rf64.wav": ("RF64", "PCM_16"), "x.flac": ("FLAC", None),
        "vorbis.ogg": ("OGG", "VORBIS"), "opus.ogg": ("OGG", "OPUS"), "x.mp3": ("MP3", None),
        "x.aiff": ("AIFF", None), "x.au": ("AU", None), "x.caf": ("CAF", "PCM_16"),
        "x.w64": ("W64", None),
    }  # fmt: skip
    made = {}
    for name, (fmt, subtype) in kinds.items():
        out = io.BytesIO()
        data = two[:, :1] if subtype == "GSM610" else two
        try:
            soundfile.write(out, data, 8000, format=fmt, subtype=subtype)
        except (soundfile.LibsndfileError, ValueError):
            continue
        made[name] = out.getvalue()
    return {**made, **_by_ffmpeg(two)}


def _by_ffmpeg(two: Any) -> dict[str, bytes]:
    try:
        import av
    except ImportError:
        return {}
    made = {}
    for name, fmt, codec in (("x.m4a", "mp4", "aac"), ("x.webm", "webm", "libopus"),
                             ("x.wma", "asf", "wmav2"), ("x.mka", "matroska", "flac")):  # fmt: skip
        out = io.BytesIO()
        try:
            with av.open(out, "w", format=fmt) as file:
                stream = file.add_stream(codec, rate=16000 if codec != "libopus" else 48000)
                frame = av.AudioFrame.from_ndarray(
                    np.repeat(two[:, 0], 2)[None].copy(), format="fltp", layout="mono"
                )
                frame.sample_rate = 16000
                for packet in (*stream.encode(frame), *stream.encode(None)):
                    file.mux(packet)
        except (av.error.FFmpegError, ValueError):
            continue
        made[name] = out.getvalue()
    return made


def transcripts() -> dict[str, bytes]:
    """Return one transcript of each kind, as text."""
    samples = common.ROOT / "samples"
    said = {p.suffix: p.read_bytes() for p in sorted(samples.iterdir()) if p.suffix != ".wav"}
    words = [
        {"word": w, "start": 0.2 * i, "end": 0.2 * i + 0.18} for i, w in enumerate(WORDS.split())
    ]
    segment = {"id": 0, "start": 0.0, "end": 2.8, "text": WORDS, "words": words,
               "speaker": "AGENT"}  # fmt: skip
    starts = [1e3 * float(w["start"]) for w in words]
    harper = [{"start_ms": 0, "duration_ms": 2800, "speaker_role": "agent", "index": 1,
               "human_transcript": WORDS, "word_durations_ms": [180] * len(words),
               "word_start_ms": starts, "offset_ms": 0, "channel_index": 1}]  # fmt: skip
    grid = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\n'
        'tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n        class = "IntervalTier"\n'
        '        name = "agent"\n        xmin = 0\n        xmax = 3\n'
        "        intervals: size = 1\n        intervals [1]:\n            xmin = 0\n"
        f'            xmax = 3\n            text = "{WORDS}"\n'
    )
    ctm = "".join(f"x A {w['start']:.2f} 0.18 {w['word']} 0.9\n" for w in words)
    return {
        "a.json": said.get(".json", b"{}"), "a.vtt": said.get(".vtt", b"WEBVTT\n"),
        "a.csv": f"start_s,end_s,role,text\n0,2.8,agent,{WORDS}\n".encode(),
        "a.srt": f"1\n00:00:00,000 --> 00:00:02,800\nAgent: {WORDS}\n".encode(),
        "b.json": json.dumps({"segments": [segment], "language": "nl"}).encode(),
        "c.json": json.dumps(harper).encode(), "a.TextGrid": grid.encode(), "a.ctm": ctm.encode(),
    }  # fmt: skip


def cases(n: int, seed: int) -> Iterator[tuple[str, bytes, str, bytes]]:
    """Yield names and contents: a damaged recording, or a damaged transcript beside a whole one."""
    rng = random.Random(seed)
    voices, said = sounds(), transcripts()
    whole = [*voices.values(), *said.values()]
    for i in range(n):
        voice, text = rng.choice(sorted(voices)), rng.choice(sorted(said))
        sound, words = voices[voice], said[text]
        if i % 2:
            sound = mutate(sound, rng, whole)
        else:
            words = mutate(words, rng, whole)
        yield (
            f"{i:06d}-{voice}",
            sound,
            f"{i:06d}-{voice.rsplit('.', 1)[0]}{Path(text).suffix}",
            words,
        )


def fuzz(folder: Path, n: int, *, seed: int = 0, keep: Path | None = None) -> dict[str, Any]:
    """Run the command over `n` damaged inputs and count what became of them.

    ``faults`` are rows that only a fault of ours explains; their files are copied to `keep`.
    """
    calls = folder / "calls"
    calls.mkdir()
    names = []
    for voice, sound, text, words in cases(n, seed):
        (calls / voice).write_bytes(sound)
        (calls / text).write_bytes(words)
        names.append(voice)
    out = folder / "out"
    began = time.monotonic()
    process = _run.start(
        "analyze", calls, "--agent-channel", "left", "--language", "nl", "--out", out, "--quiet",
        "--workers", 2, "--memory", MEMORY, "--time-limit", LIMIT_S, stdout=-3, stderr=-3,
    )  # fmt: skip
    watcher = _run.Watcher(process.pid)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watcher.join(timeout=5)
    lines = _run.rows(out / "recordings.jsonl")
    found = Counter(Path(line["recording"]).name for line in lines)
    codes = Counter(line["code"] or line["status"] for line in lines)
    ours = ("internal_error", "worker_died", "time_limit", "memory_limit")
    faults = [line for line in lines if line["code"] in ours]
    if keep is not None and faults:
        keep.mkdir(parents=True, exist_ok=True)
        for line in faults:
            path = Path(line["recording"])
            for file in calls.glob(f"{path.stem}.*"):
                (keep / file.name).write_bytes(file.read_bytes())
    return {
        "inputs": n,
        "exit_code": code,
        "rows": len(lines),
        "without_a_row": sum(name not in found for name in names),
        "with_two_rows": sum(k > 1 for k in found.values()),
        "codes": dict(codes.most_common()),
        "faults": [[line["code"], line["message"][-300:]] for line in faults],
        "seconds": seconds,
        "peak_worker_mb": watcher.peak_mb,
    }


def main(argv: list[str]) -> int:
    """Run it and write the figures; 1 where a row is missing or a fault was found."""
    args = common.arguments(argv, __doc__)
    with tempfile.TemporaryDirectory() as folder:
        keep = common.ROOT / ".cache" / "fuzz"
        told = fuzz(Path(folder), 200 if args.quick else 10_000, keep=keep)
    print(json.dumps(told, indent=1))
    common.write("fuzz", args, told)
    bad = told["faults"] or told["without_a_row"] or told["with_two_rows"]
    return 1 if bad or told["exit_code"] not in (0, 1) else 0
