"""Hostile inputs through the real command: the run ends, with one row each and nothing outside."""

from __future__ import annotations

import csv
import os
import struct

import numpy as np
import pytest
import running
import soundfile
from places import synthetic_voice

from benchmarks import fuzz

EVIL = [
    "=cmd|' /C calc'!A0.wav", "@SUM(1+1).wav", "a\nb.wav", "quote\".wav", "'.wav",
    "rtl\u202egnp.wav", "<script>alert(1)<.wav", "x..%2f..%2fx.wav", "--out.wav", " .wav",
]  # fmt: skip


def wav(sr=8000, channels=1, bits=16, data=b"\0\0" * 8000, fmt=1, promised=None):
    """Return a WAV with a header that says whatever it is told to."""
    size = len(data) if promised is None else promised
    align = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", fmt, channels, sr, min(sr * align, 2**32 - 1), align & 0xFFFF, bits
    )
    return (
        b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt "
        + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size) + data
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder in which hardly anything is what it should be, and what a run of it left."""
    folder = tmp_path_factory.mktemp("hostile") / "calls"
    (folder / "deep" / "deeper").mkdir(parents=True)
    good = folder / "good.wav"
    soundfile.write(good, synthetic_voice(2.0), 8000)
    for name in EVIL:
        try:
            (folder / name).write_bytes(good.read_bytes())
        except OSError:  # Windows takes none of these
            continue
    bad = np.full(8000, np.nan, np.float32)
    infinite = np.full(8000, np.inf, np.float32)
    made = {
        "channels64.wav": wav(channels=64, data=b"\0\0" * 64 * 100),
        "one-hz.wav": wav(sr=1), "ten-mhz.wav": wav(sr=10_000_000),
        "hundred-hours.wav": wav(promised=8000 * 2 * 3600 * 100 % 2**32),
        "nan.wav": wav(bits=32, fmt=3, data=bad.tobytes()),
        "inf.wav": wav(bits=32, fmt=3, data=infinite.tobytes()),
        "nothing.wav": b"", "text.wav": b"hello", "channels0.wav": wav(channels=0),
        "formula.csv": b"=1+1", "deep/deeper/x.wav": good.read_bytes(),
    }  # fmt: skip
    for name, data in made.items():
        (folder / name).write_bytes(data)
    # Hours of silence in a few kilobytes.
    with soundfile.SoundFile(folder / "bomb.flac", "w", 8000, 1, subtype="PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, np.int16))
    if os.name == "posix":
        os.mkfifo(folder / "pipe.wav")
        (folder / "deep" / "ring").symlink_to(folder)
        (folder / "dangling.wav").symlink_to("nowhere")
        (folder / "self.wav").symlink_to("self.wav")
    out, before = folder.parent / "out", {*folder.parent.rglob("*")}
    process = running.start("analyze", ".", "--clips", "--out", out, "--memory", "1200MB",
                         "--workers", 2, "--format", "xlsx", cwd=folder)  # fmt: skip
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1, said
    # Nothing is written but under --out.
    assert {p for p in folder.parent.rglob("*") if out not in p.parents} - before == {out}
    return folder, out, said


@pytest.mark.slow
def test_a_folder_of_hostile_files_gives_one_row_each(run):
    folder, out, said = run
    assert "Traceback" not in said
    assert "\x1b" not in said
    lines = running.rows(out / "recordings.jsonl")
    names = [line["recording"] for line in lines]
    files = [p for p in folder.rglob("*.wav") if "ring" not in p.parts]
    files = [p.relative_to(folder).as_posix() for p in [*files, folder / "bomb.flac"]]
    assert sorted(names) == sorted(files)
    codes = {line["recording"].rsplit("/", 1)[-1]: line["code"] for line in lines}
    assert codes.pop("bomb.flac") == "clip_too_long"
    assert not {"internal_error", "worker_died", "time_limit", "memory_limit"} & set(codes.values())
    for name in ("channels64.wav", "one-hz.wav", "ten-mhz.wav", "hundred-hours.wav", "nan.wav",
                 "inf.wav", "nothing.wav", "text.wav", "channels0.wav"):  # fmt: skip
        assert codes[name], name
    assert codes["good.wav"] == codes["x.wav"] == ""
    if os.name == "posix":
        assert codes["pipe.wav"] == "not_a_file"
        assert codes["dangling.wav"]
        assert codes["self.wav"]


@pytest.mark.slow
def test_packed_silence_and_a_path_through_a_file_cost_a_row_each(tmp_path):
    folder, minutes = tmp_path / "calls", 20
    folder.mkdir()
    kinds = {"opus": ("OGG", "OPUS"), "ogg": ("OGG", "VORBIS"), "flac": ("FLAC", "PCM_16")}
    marked = ["recording,start_s,end_s"]
    for ending, (kind, coding) in kinds.items():
        path = folder / f"bomb.{ending}"
        with soundfile.SoundFile(path, "w", 8000, 1, subtype=coding, format=kind) as file:
            for _ in range(minutes):
                file.write(np.zeros(8000 * 60, np.float32))
        assert path.stat().st_size < 8000 * 60 * minutes / 20
        marked.append(f"bomb.{ending},{60 * minutes - 5},{60 * minutes - 3}")
    windows = tmp_path / "windows.csv"
    windows.write_text("\n".join(marked) + "\n")
    through = folder / "bomb.flac" / "deeper.wav"
    process = running.start("analyze", folder, through, "--windows", windows, "--workers", 1,
                         "--measures-only", "--out", tmp_path / "out")  # fmt: skip
    watch = running.Watcher(process.pid)
    watch.start()
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 1, stderr
    assert watch.peak_mb < 500
    lines = {line["call_id"]: line for line in running.rows(tmp_path / "out" / "recordings.jsonl")}
    assert len(running.rows(tmp_path / "out" / "recordings.jsonl")) == 4
    assert lines["deeper"]["code"] == "not_found"
    rows = running.rows(tmp_path / "out" / "apologies.jsonl")
    assert len(rows) == 3
    assert all("too_little_voice" in row["gates"] for row in rows)


@pytest.mark.slow
def test_names_cannot_execute_in_a_spreadsheet(run):
    _, out, _ = run
    with (out / "apologies.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        for name in ("recording", "call_id", "text", "agent"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.slow
def test_damaged_files_and_transcripts_through_the_command(tmp_path):
    counts = fuzz.fuzz(tmp_path, 150, seed=11)
    assert counts["exit_code"] == 1
    assert counts["rows"] == 150
    assert counts["without_a_row"] == counts["with_two_rows"] == 0
    assert counts["faults"] == []
    assert counts["peak_worker_mb"] < 500
    assert set(counts["codes"]) == set(fuzz.DAMAGED)
    assert len({code for count in counts["codes"].values() for code in count}) >= 5
