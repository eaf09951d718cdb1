"""What a page plays: the right files, both sides in step, and the table that fits join by."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody import report
from prosody.errors import UsageError
from prosody.report import page, sound
from prosody.report.files import Files, Finder, Signal
from prosody.results import read

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "harpervalley"


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == code, done.output
    return done.stdout


def clicks(path: Path, sr: int, seconds: float, *at: float) -> Path:
    """Write silence with a click of one sample at each time, scaled to survive resampling."""
    y = np.zeros(round(sr * seconds), np.float32)
    for t in at:
        y[round(t * sr) : round(t * sr) + sr // 100] = 0.5
    soundfile.write(path, y, sr, subtype="PCM_16")
    return path


def starts(y: np.ndarray, sr: int) -> list[float]:
    """Return when something begins."""
    loud = np.abs(y) > 0.2
    return [round(i / sr, 2) for i in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1]


def line_of(*tracks: tuple[Path, int, str, float]) -> dict:
    return {
        "recording": str(tracks[0][0]),
        "tracks": [
            {"file": str(p), "sha256": hashlib.sha256(p.read_bytes()).hexdigest(), "channel": c,
             "role": r, "offset_s": o}
            for p, c, r, o in tracks
        ],
    }  # fmt: skip


# --- both sides on one clock --------------------------------------------------------------------


@pytest.mark.parametrize("rates", [(8000, 8000), (8000, 16000), (16000, 8000)])
def test_a_pair_is_heard_on_the_calls_clock(tmp_path, rates):
    agent = clicks(tmp_path / "a.wav", rates[0], 30, 13.0)  # 15.0 on the clock of the call
    customer = clicks(tmp_path / "c.wav", rates[1], 32, 15.5)
    line = line_of((agent, 0, "agent", 2.0), (customer, 0, "customer", 0.0))
    got = sound.clip(Finder().files(line))
    assert (got.roles, got.both, got.sr_hz) == (("agent", "customer"), True, max(rates))
    assert (got.start_s, round(got.end_s, 3)) == (0.0, 32.0)
    assert starts(got.samples[0], got.sr_hz) == [15.0]
    assert starts(got.samples[1], got.sr_hz) == [15.5]


def test_before_a_file_begins_there_is_silence(tmp_path):
    agent = clicks(tmp_path / "a.wav", 8000, 10, 0.5)
    customer = clicks(tmp_path / "c.wav", 8000, 20, 1.0)
    line = line_of((agent, 0, "agent", 4.0), (customer, 0, "customer", 0.0))
    got = sound.clip(Finder().files(line))
    assert got.start_s == 0.0
    assert starts(got.samples[0], 8000) == [4.5]
    assert starts(got.samples[1], 8000) == [1.0]
    assert not got.samples[0, :32000].any()


def test_of_one_file_a_row_names_the_channel(tmp_path):
    y = np.zeros((16000, 2), np.float32)
    y[8000:8100, 1] = 0.5
    soundfile.write(tmp_path / "x.wav", y, 8000)
    line = line_of((tmp_path / "x.wav", 1, "agent", 0.0), (tmp_path / "x.wav", 0, "customer", 0.0))
    got = sound.clip(Finder().files(line))
    assert (got.roles, got.tracks) == (("agent", "customer"), (1, 0))
    assert starts(got.samples[0], 8000) == [1.0]
    assert not got.samples[1].any()


def test_without_the_other_file_one_side_is_heard_and_it_says_so(tmp_path):
    agent = clicks(tmp_path / "a.wav", 8000, 10, 3.0)
    customer = clicks(tmp_path / "c.wav", 8000, 10)
    line = line_of((agent, 0, "agent", 0.0), (customer, 0, "customer", 0.0))
    moved = customer.rename(tmp_path / "elsewhere.wav")
    got = sound.clip(Finder().files(line))
    assert (len(got.samples), got.both) == (1, False)
    assert Finder([moved]).files(line).both  # by content
    agent.unlink()
    assert Finder().files(line) == Files()


def test_results_from_before_files_were_named_still_play(tmp_path):
    agent = clicks(tmp_path / "a.wav", 8000, 10, 3.0)
    line = {"recording": str(agent), "roles": {"0": "agent", "1": "customer"}, "channels": 2}
    got = sound.clip(Finder().files(line))
    assert (len(got.samples), got.both) == (1, False)


def test_of_a_very_long_call_the_half_hour_around_what_it_is_about_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "MOST_S", 90.0)
    files = Files((Signal(clicks(tmp_path / "a.wav", 8000, 300, 200.0), 0, "agent", 0.0),))
    got = sound.clip(files, 200.0)
    assert (got.start_s, got.end_s, got.whole) == (140.0, 230.0, False)
    assert starts(got.samples[0], 8000) == [60.0]
    assert sound.clip(files, 290.0).end_s == 300.0
    assert sound.clip(files).start_s == 0.0


def test_peaks_are_shares_of_the_loudest_sample():
    y = np.zeros((2, 8000), np.float32)
    y[0, 4000], y[1, 100] = -0.5, 0.25
    got = sound.Clip(0.0, 1.0, 8000, y, ("agent", "customer"), (0, 1)).peaks()
    assert [len(row) for row in got] == [800, 800]
    assert (got[0][400], got[1][10], sorted(got[1])[-2]) == (100, 50, 0)
    silent = sound.Clip(0.0, 1.0, 8000, np.zeros((1, 8000), np.float32), ("agent",), (0,))
    assert silent.peaks() == [[0] * 800]


def test_contours_are_of_the_voice_that_the_row_names(tmp_path):
    t = np.arange(8000 * 6) / 8000
    y = np.zeros((len(t), 2), np.float32)
    y[:, 1] = 0.3 * np.sign(np.sin(2 * np.pi * 110 * t)) * ((t > 2) & (t < 4))
    soundfile.write(tmp_path / "x.wav", y, 8000)
    line = line_of((tmp_path / "x.wav", 0, "customer", 0.0), (tmp_path / "x.wav", 1, "agent", 0.0))
    got = sound.clip(Finder().files(line))
    own = sound.contours(got, {"start_s": 2.0, "end_s": 4.0, "channel": 1})
    other = sound.contours(got, {"start_s": 2.0, "end_s": 4.0, "channel": 0})
    assert (own.start_s, own.end_s) == (0.5, 5.5)
    assert own.loudness.max() > 100 * max(other.loudness.max(), 1e-6)
    assert abs(np.nanmedian(own.pitch_st) - 24) < 0.5  # 110 Hz is two octaves above 27.5


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    """The first demo call as two files, each with a transcript of its own; analysed."""
    folder = tmp_path_factory.mktemp("pair")
    calls = folder / "calls"
    calls.mkdir()
    y, sr = soundfile.read(SAMPLES / "1-plain-apology-nl.wav", dtype="int16")
    soundfile.write(calls / "x-agent.wav", y[:, 0], sr)
    soundfile.write(calls / "x-customer.wav", y[:, 1], sr)
    said = json.loads((SAMPLES / "1-plain-apology-nl.json").read_text(encoding="utf-8"))
    for speaker in ("agent", "customer"):
        one = {**said, "segments": [s for s in said["segments"] if s["speaker"] == speaker]}
        (calls / f"x-{speaker}.json").write_text(json.dumps(one), encoding="utf-8")
    out = folder / "results"
    run("analyze", calls, "--out", out, "--workers", 0, "-q")
    return out


def test_a_pair_is_played_in_stereo_and_its_words_stand_beside(pair, tmp_path):
    assert report.make(pair, tmp_path / "report").with_sound == 1
    got, _ = soundfile.read(tmp_path / "report/sound/00001.flac", always_2d=True)
    calls = pair.parent / "calls"
    for channel, name in enumerate(("x-agent.wav", "x-customer.wav")):
        y, _ = soundfile.read(calls / name)
        assert len(got) == len(y)
        assert np.abs(got[:, channel] - y).max() < 2 / 32768
    source = (tmp_path / "report/calls/00001.html").read_text(encoding="utf-8")
    assert "bezorger gisteren heeft afgezegd" in source  # the agent's transcript
    assert "Dus ik zit hier voor niets" in source  # the customer's
    assert 'data-roles="agent customer"' in source


def test_words_that_the_run_recognised_lie_with_its_results(pair, tmp_path):
    results_ = tmp_path / "results"
    shutil.copytree(pair, results_)
    calls = tmp_path / "calls"
    shutil.copytree(pair.parent / "calls", calls)
    kept = results_ / "transcripts"
    kept.mkdir()
    for path in calls.glob("*.json"):
        path.rename(kept / path.name)
    for name in ("apologies", "recordings"):
        text = (results_ / f"{name}.jsonl").read_text(encoding="utf-8")
        text = text.replace(str(pair.parent / "calls"), str(calls))
        (results_ / f"{name}.jsonl").write_text(text, encoding="utf-8")
    report.make(results_)
    source = (results_ / "report/calls/00001.html").read_text(encoding="utf-8")
    assert "bezorger gisteren heeft afgezegd" in source


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="HarperValley is not beside the project")
def test_a_real_pair_is_put_on_its_clock(tmp_path):
    run("analyze", DATA / "agent", DATA / "caller", "--transcripts", DATA / "transcript",
        "--out", tmp_path / "out", "--workers", 0, "-q")  # fmt: skip
    lines = read.read(tmp_path / "out").recordings
    late = [line for line in lines if line["tracks"][0]["offset_s"] > 1.9]
    assert len(late) == 4
    finder = Finder(transcripts=DATA / "transcript")
    for line in late:
        got = sound.clip(finder.files(line))
        assert got.roles == ("agent", "customer")
        assert got.both
        # Who the transcript says speaks is who is heard: words and sound share a clock.
        right = total = 0
        for turn in finder.turns(line):
            a, b = (round((t - got.start_s) * got.sr_hz) for t in (turn.start_s, turn.end_s))
            power = (got.samples[:, max(0, a) : max(0, b)] ** 2).sum(axis=1)
            if turn.role in got.roles and power.sum() > 0:
                right += power.argmax() == got.roles.index(turn.role)
                total += 1
        assert right >= 0.8 * total > 2


# --- what is no run -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["report", "compare"])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        ((), "there is no such folder"),
        (("call.wav",), "there is no run.json, so no results"),
        (("apologies.parquet",), "tables, but no run.json"),
        (("journal.sqlite",), "no finished run"),
        (("report.json",), "a report, expected the results"),
        (("run.json",), "there is no recordings.jsonl"),
        (None, "a file, expected a folder"),
    ],
)
def test_what_is_no_run_is_named(tmp_path, pair, command, made, said):
    folder = tmp_path / "folder"
    if made is None:
        folder.write_text("x")
    elif made:
        folder.mkdir()
        for name in made:
            shutil.copy(pair / "run.json", folder / name)
    words = [command, str(folder), *([str(pair)] if command == "compare" else [])]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert folder.name in str(done.exception)


def test_a_run_of_failures_and_a_run_without_apologies_have_their_pages(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / "a.wav").write_text("no sound")
    (calls / "b.wav").write_bytes(b"")
    run("analyze", calls, "--clips", "--out", tmp_path / "bad", "-q", "--workers", 0, code=2)
    shutil.copy(SAMPLES / "4-no-apology-en.wav", tmp_path)
    shutil.copy(SAMPLES / "4-no-apology-en.csv", tmp_path)
    run("analyze", tmp_path / "4-no-apology-en.wav", "--out", tmp_path / "none", "-q",
        "--workers", 0)  # fmt: skip
    for name, lang in (("bad", "nl"), ("none", "en")):
        index = Path(run("report", tmp_path / name, "--lang", lang, "-q").strip())
        said = page.texts(lang)["overview"]["first_no_apology" if name == "none" else "none_read"]
        said = said.format(calls=1, minutes=1, transcripts=1)
        assert said in index.read_text(encoding="utf-8")
        assert (index.parent / "calls.html").is_file()
        assert not (index.parent / "clips.csv").exists()
        assert "clips.csv" not in (index.parent / "calls.html").read_text(encoding="utf-8")
    failed = (tmp_path / "bad/report/failed.html").read_text(encoding="utf-8")
    assert "De inhoud is geen geluid (1)" in failed
    assert "Het bestand is leeg (1)" in failed
    run("compare", tmp_path / "bad", tmp_path / "none", "--lang", "nl")


def test_merged_shards_give_the_report_of_the_whole(tmp_path):
    for i in (1, 2):
        run("analyze", SAMPLES, "--shard", f"{i}/2", "--out", tmp_path / str(i), "-q",
            "--workers", 0)  # fmt: skip
    run("merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "all")
    assert report.make(tmp_path / "all").with_sound == 4
    assert 0 < report.make(tmp_path / "1").pages < 4


# --- clips.csv and ratings ----------------------------------------------------------------------


def test_exported_ratings_join_the_clips_of_a_report_and_are_fitted(tmp_path, pair):
    """What the pages export, for 20 voices and 3 listeners, through ``prosody fit``."""
    rng = random.Random(3)
    folder = tmp_path / "results"
    folder.mkdir()
    row = next(read.read_lines(pair / "apologies.jsonl"))
    rows, truth = [], {}
    for i in range(120):
        made = json.loads(json.dumps(row))
        sha = hashlib.sha256(str(i).encode()).hexdigest()
        made |= {"recording": f"{i:03d}.wav", "recording_sha256": sha, "agent": f"agent-{i % 20}"}
        for group in ("measures", "relative"):
            for name, value in made[group].items():
                made[group][name] = None if value is None else value + rng.gauss(0, 1)
        truth[read.clip_id(made)] = made["relative"]["pitch_mean_st_rel"]
        rows.append(made)
    (folder / "apologies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    lines = [{"recording": r["recording"], "status": "ok", "apologies": 1} for r in rows]
    (folder / "recordings.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    shutil.copy(pair / "run.json", folder)
    report.make(folder, audio=False)
    table = folder / "report/clips.csv"
    with table.open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [c["clip"] for c in listed] == list(truth)
    for made in (folder / "report/calls").iterdir():
        found = re.search(r'data-clip="([^"]+)"', made.read_text(encoding="utf-8"))
        assert found[1] in truth
    header = re.search(r'var lines = \["([^"]+)"\]', page.asset("export.js"))[1]
    ratings = tmp_path / "ratings.csv"
    with ratings.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(header + "\r\n")
        sheet = csv.writer(file, quoting=csv.QUOTE_ALL)
        for clip, value in truth.items():
            for who in ("ann", "bob", "eve"):
                rating = min(100, max(0, round(50 + 12 * value + rng.gauss(0, 6))))
                sheet.writerow([clip, who, "sincere", rating, 0, 0, ""])
    out = tmp_path / "judge.onnx"
    said = run("fit", table, "--ratings", ratings, "--axis", "sincere", "--group", "speaker",
               "--out", out)  # fmt: skip
    assert out.is_file()
    spearman = re.search(r"spearman (-?[\d.]+)", said)
    assert spearman, said
    assert float(spearman[1]) > 0.5


def test_the_same_sound_under_two_names_is_one_clip(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("a", "b"):
        for end in (".wav", ".json"):
            shutil.copy(SAMPLES / f"1-plain-apology-nl{end}", calls / f"{name}{end}")
    run("analyze", calls, "--out", tmp_path / "out", "-q", "--workers", 0)
    assert report.make(tmp_path / "out", audio=False).pages == 2
    table = (tmp_path / "out/report/clips.csv").read_text(encoding="utf-8-sig")
    assert len(table.splitlines()) == 2


def test_a_clips_name_holds_nothing_but_its_numbers():
    row = {"recording_sha256": '=cmd("x")' + "0" * 60, "channel": 1, "start_s": 2.5}
    assert re.fullmatch(r"[0-9a-f]{12}-1-2500", read.clip_id(row))
    row["recording_sha256"] = "ab" * 32
    assert read.clip_id(row) == "abababababab-1-2500"
