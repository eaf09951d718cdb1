"""The frame of the benchmarks: what it times, writes and skips. No figure is asserted."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mutate import mutate_field
from places import ROOT

from benchmarks import __main__ as runner
from benchmarks import common, fuzz, speed


@pytest.fixture
def args(tmp_path):
    return common.arguments(["--profile", "quick", "--out", str(tmp_path)], "x")


def test_contenders_take_turns_and_the_warm_up_is_not_among_the_runs():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "ab"}
    timing = common.interleaved(works, repeats=5)["a"]
    assert order == ["a", "b"] * 6
    assert (len(timing.cpu_s), len(timing.wall_s)) == (5, 5)


def test_figures_of_a_row():
    row = common.Timing(9.0, (1.0,) * 5, (1.0, 2.0, 2.0, 2.0, 4.0)).against(60.0)
    assert (row["x_real_time"], row["median_s"], row["first_s"]) == (30.0, 2.0, 9.0)
    assert (row["min_s"], row["max_s"], row["spread_share"]) == (1.0, 4.0, 1.5)
    assert row["cpu_s_per_hour"] == 120.0


def test_a_result_says_how_it_came_about_and_names_no_place(args, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"sound")
    out = common.write(
        "try", args, {"x": np.float64("nan"), "y": np.arange(2)}, [tmp_path / "a.wav"]
    )
    text = out.read_text(encoding="utf-8")
    found = json.loads(text)
    assert out.name == "try.quick.json"
    assert found["results"] == {"x": None, "y": [0, 1]}
    assert found["data"]["files"] == 1
    assert {"machine", "versions", "commit", "profile", "peak_memory_mb"} <= found.keys()
    assert str(tmp_path) not in text


def test_the_hash_of_data_follows_content_and_name_but_not_order(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"2")
    first = common.data_hash([a, b])
    assert common.data_hash([b, a]) == first
    b.write_bytes(b"3")
    assert common.data_hash([a, b]) != first


def test_own_files_take_the_place_of_the_data_set_and_never_its_results(tmp_path):
    args = common.arguments(["--files", "a.wav", "--out", str(tmp_path)], "x")
    assert common.data_files(args, "emodb", "*.flac") == [Path("a.wav")]
    args.files = []
    args.data = tmp_path
    with pytest.raises(common.Skip, match="no emodb"):
        common.data_files(args, "emodb", "*.flac")


def test_a_missing_peer_is_skipped_with_the_line_that_installs_it():
    with pytest.raises(common.Skip, match=r"prosody-sincerity\[bench\]"):
        common.need("no_such_peer")


def test_what_can_run_runs_and_the_rest_says_why_not():
    found, skipped = common.able({"one": lambda: 1, "two": lambda: common.need("no_such_peer")})
    assert found == {"one": 1}
    assert list(skipped) == ["two"]


def test_every_benchmark_says_what_it_measures():
    found = runner.known()
    assert "speed" in found
    assert all(doc.endswith(".") for doc in found.values())


@pytest.mark.parametrize("name", runner.known())
def test_every_benchmark_can_be_imported(name):
    """What a benchmark takes from the tests moves with them."""
    assert callable(__import__(f"benchmarks.{name}", fromlist=["main"]).main)


def test_a_field_changes_and_the_rest_of_a_text_stays():
    rng, text = random.Random(5), fuzz.windows()["own.csv"]
    for _ in range(300):
        changed = mutate_field(text, rng)
        same = sum(line in changed.splitlines() for line in text.splitlines())
        assert same >= len(text.splitlines()) - 1


def test_an_unknown_name_is_refused_with_the_known_ones(capsys):
    assert runner.main(["no-such"]) == 2
    assert "speed" in capsys.readouterr().err


def test_skipping_is_no_failure(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "asr"], env={**os.environ, "PROSODY_RECOGNISERS": "."},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "asr: skipped: --asr: there is no recogniser" in done.stdout


def test_without_data_the_samples_stand_in(tmp_path):
    args = common.arguments(["--data", str(tmp_path)], "")
    clips = common.sound_files(args, "emodb", "*.flac", cut=True)
    assert args.on_samples
    assert {c.name[:2] for c in clips} >= {"0a", "0b", "1a", "3b"}
    tracks = common.sample_tracks()
    assert len(tracks) == 6
    assert all(0 <= words[0, 0] < words[-1, 1] <= len(y) / sr for _, y, sr, words in tracks)


def test_the_stages_run_on_speech_like_sound():
    sr = 8000
    t = np.arange(3 * sr) / sr
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 25))
    sound = (0.1 * buzz * (1 - np.cos(2 * np.pi * 3 * t))).astype(np.float32)
    works = speed.families([sound, sound[:sr]], sr)
    results = {name: work() for name, work in works.items()}
    assert results["all measures"].shape[0] == 2
    judged = speed.judging(results["all measures"], 3)()
    assert len(judged) == 3
