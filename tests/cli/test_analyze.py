"""``prosody analyze``, ``features`` and ``judge`` from outside, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from command import prosody
from places import SAMPLES

from prosody.measures import table


def from_outside(*args):
    """Run the command as a process of its own, whose every warning is an error."""
    code = "import sys; from prosody.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PROSODY_STRICT": "1"},
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    return from_outside("analyze", SAMPLES, "--out", out), out


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f))


def lines_of(path):
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()]


def test_the_samples_end_with_zero_and_all_files(run):
    done, out = run
    assert done.returncode == 0, done.stderr
    names = {p.name for p in out.iterdir()}
    assert {"apologies.jsonl", "apologies.csv", "recordings.jsonl", "run.json"} <= names
    rows = rows_of(out / "apologies.csv")
    assert len(rows) == 6
    assert [r["recording"] for r in rows] == sorted(r["recording"] for r in rows)
    assert len(lines_of(out / "recordings.jsonl")) == 4
    header = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert header["schema_version"] == 2
    assert header["counts"]["apologies"] == 6
    assert len(header["model"]["sha256"]) == 64


def test_table_on_stdout_progress_and_licence_on_stderr(run):
    done, _ = run
    assert "Het spijt me" in done.stdout
    assert "recordings" in done.stderr
    assert "research and evaluation" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr  # no colours where there is no terminal
    assert "listener impression" in done.stdout


def test_json_prints_one_object_per_apology(tmp_path):
    done = prosody("analyze", SAMPLES, "--json", "--quiet", "--out", tmp_path / "out")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 6
    assert rows == lines_of(tmp_path / "out" / "apologies.jsonl")


@pytest.mark.parametrize(("lang", "said"), [("en", "no such file or folder"), ("nl", "is er niet")])
def test_a_mistyped_folder_is_what_is_told_of(tmp_path, lang, said):
    done = prosody("analyze", tmp_path / "callz", "--out", tmp_path / "out", "--lang", lang)
    assert done.returncode == 2
    assert said in done.stderr
    assert "three ways" not in done.stderr


def test_measures_only_leaves_judgement_out_everywhere(tmp_path):
    out = tmp_path / "out"
    done = prosody("analyze", SAMPLES, "--measures-only", "--out", out)
    assert done.returncode == 0
    text = (out / "apologies.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    text += (out / "apologies.jsonl").read_text(encoding="utf-8").splitlines()[0]
    for word in ("verdict", "sincere", "engaged", "reason", "hint"):
        assert word not in text
    assert "unclear" not in done.stdout
    assert "pitch, Hz" in done.stdout
    assert f"prosody report {out}" in done.stderr
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["model"] is None


def test_broken_files_become_rows_and_the_rest_is_done(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    good = SAMPLES / "1-plain-apology-nl.wav"
    for name in (good.name, "renamed.mp3"):
        shutil.copy(good, folder / name)
    shutil.copy(good.with_suffix(".json"), folder / "1-plain-apology-nl.json")
    shutil.copy(good.with_suffix(".json"), folder / "renamed.json")
    whole = good.read_bytes()
    for name, content in {
        "truncated.wav": whole[: len(whole) // 2],
        "empty.wav": b"",
        "text.wav": b"this is no sound at all\n" * 50,
        "nochannels.wav": whole[:22] + b"\0\0" + whole[24:],
    }.items():
        (folder / name).write_bytes(content)
        shutil.copy(good.with_suffix(".json"), (folder / name).with_suffix(".json"))
    out = tmp_path / "out"
    done = prosody("analyze", folder, "--out", out)
    assert done.returncode == 1, done.stderr
    lines = {
        x["recording"].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]: x
        for x in lines_of(out / "recordings.jsonl")
    }
    assert len(lines) == 6
    assert lines[good.name]["status"] == "ok"
    assert lines["renamed.mp3"]["status"] == "ok"
    for name in ("truncated.wav", "empty.wav", "text.wav", "nochannels.wav"):
        assert lines[name]["status"] == "failed"
        assert lines[name]["code"]
        assert lines[name]["message"]
        assert lines[name]["remedy"]
    codes = {lines[n]["code"] for n in ("truncated.wav", "empty.wav", "text.wav", "nochannels.wav")}
    assert codes == {"truncated", "empty", "not_audio", "no_channels"}
    assert len(rows_of(out / "apologies.csv")) == 2


def test_nothing_readable_is_two_and_nothing_to_go_on_names_the_three_ways(tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    done = prosody("analyze", bad, "--clips", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert len(lines_of(tmp_path / "out" / "recordings.jsonl")) == 1
    shutil.copy(SAMPLES / "4-no-apology-en.wav", tmp_path / "alone.wav")
    done = prosody("analyze", tmp_path / "alone.wav", "--out", tmp_path / "out2")
    assert done.returncode == 2
    for way in ("--windows", "--transcripts", "--clips"):
        assert way in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--agent-channel", "middle"], "left"),
        (["--lang", "de"], "Known: en, nl"),
        (["--format", "xls"], "Choose from"),
        (["--settings", "missing.toml"], "missing.toml"),
        (["--model", "missing.onnx"], "missing.onnx"),
        (["--meta-from", "(?P<agnt>x)"], "agent"),
    ],
)
def test_wrong_options_say_what_is_right(tmp_path, args, says):
    done = prosody("analyze", SAMPLES, "--out", tmp_path / "out", *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_met_with_a_suggestion(tmp_path):
    team = tmp_path / "team.toml"
    team.write_text("[conduct]\nmax_apologie = 3\n")
    done = prosody("analyze", SAMPLES, "--settings", team, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "Did you mean 'max_apologies'?" in done.stderr


def test_a_setting_changes_the_rule_and_the_hash(run, tmp_path):
    team = tmp_path / "team.toml"
    team.write_text("[conduct]\nmax_apologies = 9\n[windows]\npad_s = 0.0\n")
    out = tmp_path / "out"
    assert prosody("analyze", SAMPLES, "--settings", team, "--out", out).returncode == 0
    before = json.loads((run[1] / "run.json").read_text(encoding="utf-8"))
    after = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert before["settings_sha256"] != after["settings_sha256"]
    assert after["settings"]["conduct"]["max_apologies"] == 9


def test_agents_are_pseudonyms_unless_asked(tmp_path):
    wav = SAMPLES / "1-plain-apology-nl.wav"
    named = tmp_path / "Annemiek_call.wav"
    shutil.copy(wav, named)
    shutil.copy(wav.with_suffix(".json"), named.with_suffix(".json"))
    manifest = tmp_path / "calls.csv"
    manifest.write_text(
        "path,call_id,agent,team,started_at\n"
        "Annemiek_call.wav,c1,Annemiek,north,2026-11-02T09:30:00\n"
    )
    key = {"PROSODY_KEY_FILE": str(tmp_path / "key")}
    out = tmp_path / "out"
    done = prosody("analyze", "--manifest", manifest, "--out", out, **key)
    assert done.returncode == 0, done.stderr
    everything = "".join(
        p.read_text(encoding="utf-8-sig")
        for p in out.iterdir()
        if p.suffix in (".csv", ".json", ".jsonl")
    )
    assert "nnemiek" not in everything + done.stdout
    (row,) = rows_of(out / "apologies.csv")
    assert row["agent"].startswith("agent-")
    assert (row["team"], row["call_id"]) == ("north", "c1")
    again = tmp_path / "again"
    prosody("analyze", "--manifest", manifest, "--out", again, **key)
    assert rows_of(again / "apologies.csv")[0]["agent"] == row["agent"]
    plain = tmp_path / "plain"
    assert "under their own names" not in done.stderr
    done = prosody("analyze", "--manifest", manifest, "--agents-as-is", "--out", plain, **key)
    assert "under their own names" in done.stderr
    assert rows_of(plain / "apologies.csv")[0]["agent"] == "Annemiek"


def test_no_message_quotes_an_agents_name_out_of_a_path(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    wav = SAMPLES / "1-plain-apology-nl.wav"
    (folder / "Annemiek_1.wav").write_bytes(wav.read_bytes()[:9000])  # cut off
    shutil.copy(wav, folder / "Annemiek_2.wav")
    (folder / "Annemiek_2.json").write_text('{"no": "transcript"}')
    shutil.copy(wav, folder / "Annemiek_3.wav")
    for ending in (".json", ".vtt"):
        shutil.copy(wav.with_suffix(".json"), folder / f"Annemiek_3{ending}")
    out = tmp_path / "out"
    done = prosody(
        *("analyze", folder, "--meta-from", r"(?P<agent>[A-Za-z]+)_(?P<call_id>\d)"),
        *("--out", out),
        PROSODY_KEY_FILE=str(tmp_path / "key"),
    )
    assert done.returncode == 1, done.stderr
    lines = lines_of(out / "recordings.jsonl")
    assert [x["code"] for x in lines] == ["truncated", "bad_transcript", ""]
    assert "several_transcripts" in [r["code"] for r in lines[2]["remarks"]]
    written = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file())
    assert b"nnemiek" not in written
    assert "nnemiek" not in done.stdout + done.stderr


def assert_differences_are_asked_for(done):
    assert done.returncode == 2
    assert "is a measure that the judge uses" in done.stderr
    assert "differences from the speaker's other speech" in done.stderr
    assert "_rel" in done.stderr
    assert "baseline_s" in done.stderr
    assert "'prosody analyze'" in done.stderr
    assert not done.stdout


def test_features_writes_one_row_per_channel_without_the_differences_for_a_judge(tmp_path):
    wav = SAMPLES / "2-recited-apology-en.wav"
    done = prosody("features", wav)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["channel"] for r in rows] == ["0", "1"]
    assert set(table.ACOUSTIC) <= rows[0].keys()
    measured = tmp_path / "measures.csv"
    assert prosody("features", wav, "--out", measured).returncode == 0
    assert_differences_are_asked_for(prosody("judge", measured))


def test_measures_of_a_run_are_judged_as_the_run_would_have_judged_them(run, tmp_path):
    out = tmp_path / "out"
    assert prosody("analyze", SAMPLES, "--measures-only", "--out", out).returncode == 0
    judged = prosody("judge", out / "apologies.csv")
    assert judged.returncode == 0, judged.stderr
    got = list(csv.DictReader(io.StringIO(judged.stdout)))
    at_once = rows_of(run[1] / "apologies.csv")
    assert [r["verdict"] for r in got] == [r["verdict"] for r in at_once]
    assert {r["verdict"] for r in got} <= {"sincere", "forced", "unclear"}
    for row, same in zip(got, at_once, strict=True):
        assert float(row["sincere_sd"]) > 0
        assert float(row["sincere_rating"]) == pytest.approx(
            float(same["sincere_rating"]), abs=1e-3
        )


def test_a_row_that_is_withheld_is_not_judged_in_a_table_either(tmp_path):
    table_of = tmp_path / "measures.csv"
    table_of.write_text(
        "recording,duration_s,voiced_share,pitch_mean_st_rel,pitch_p80_st_rel,baseline_s,"
        "gates,verdict\n"
        "a,2.0,0.5,-1,-1,30,,\n"
        "b,2.0,0.01,,,30,,\n"
        "c,0.2,0.9,-1,-1,30,,sincere\n"
        "d,2.0,0.5,-1,-1,30,too_noisy,sincere\n"
        "e,2.0,0.5,-1,-1,,,sincere\n"
    )
    done = prosody("judge", table_of)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["gates"] for r in rows] == ["", "too_little_voice", "too_short too_little_voice",
                                          "too_noisy", "no_baseline"]  # fmt: skip
    assert rows[0]["verdict"]
    for row in rows[1:]:
        assert not row["verdict"]
        assert not row["sincere_rating"]


def test_takes_are_compared_with_the_recording_that_was_given(tmp_path):
    import soundfile

    y, sr = soundfile.read(SAMPLES / "2-recited-apology-en.wav")
    # Played faster, the take is higher and quicker than the voice that it is held against.
    soundfile.write(tmp_path / "take.wav", y[int(27.9 * sr) : int(31.6 * sr), 0], sr * 5 // 4)
    soundfile.write(tmp_path / "voice.wav", y[:, 0], sr)
    done = prosody(
        *("analyze", "--clips", tmp_path / "take.wav", "--baseline", tmp_path / "voice.wav"),
        *("--out", tmp_path / "out"),
    )
    assert done.returncode == 0, done.stderr
    row = rows_of(tmp_path / "out" / "apologies.csv")[0]
    reasons = " ".join(row[f"reason_{i}"] for i in (1, 2, 3))
    assert "than in the baseline recording" in reasons
    assert "rest of the call" not in done.stdout


def test_progress_speaks_the_readers_language_and_names_a_file_once(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    for ending in (".wav", ".json"):
        shutil.copy(SAMPLES / f"1-plain-apology-nl{ending}", folder)
    (folder / "empty.wav").touch()
    dutch = prosody("analyze", folder, "--lang", "nl", "--out", tmp_path / "a")
    assert "2/2 opnamen" in dutch.stderr
    assert "recordings," not in dutch.stderr
    plain = prosody(
        *("analyze", folder, "--measures-only", "--out", tmp_path / "b"), FORCE_COLOR="1"
    )
    assert "judged" not in plain.stderr
    (failure,) = (x for x in plain.stderr.splitlines() if ": empty:" in x)
    assert failure.count("empty.wav") == 1


def test_no_color_leaves_no_escape_codes_at_all(tmp_path):
    wav = SAMPLES / "1-plain-apology-nl.wav"
    coloured = prosody("analyze", wav, "--out", tmp_path / "out", FORCE_COLOR="1")
    assert "\x1b[" in coloured.stdout
    bare = prosody("analyze", wav, "--out", tmp_path / "out", FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b" not in bare.stdout


def test_a_language_that_is_not_known_stops_at_once(tmp_path):
    done = prosody("analyze", SAMPLES, "--language", "fr", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "Known languages: en, nl" in done.stderr
    assert not (tmp_path / "out").exists()


def test_features_under_opensmiles_names_have_no_differences_to_judge_either(tmp_path):
    measured = tmp_path / "smile.csv"
    prosody(
        "features", SAMPLES / "2-recited-apology-en.wav", "--schema", "egemaps", "--out", measured
    )
    head = measured.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert "F0semitoneFrom27.5Hz_sma3nz_amean" in head
    assert "loudnessPeaksPerSec" in head
    assert_differences_are_asked_for(prosody("judge", measured))


def test_frames_are_a_table_every_ten_milliseconds(tmp_path):
    done = prosody("features", SAMPLES / "2-recited-apology-en.wav", "--frames")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == ["recording", "channel", "time_s", "f0_hz", "voiced", "loudness"]
    times = np.array([float(r["time_s"]) for r in rows if r["channel"] == "0"])
    assert np.diff(times) == pytest.approx(0.01, abs=2e-4)
    voiced = [r for r in rows if r["voiced"] == "1"]
    assert voiced
    assert all(60 <= float(r["f0_hz"]) <= 510 for r in voiced)
    assert all(r["f0_hz"] == "" for r in rows if r["voiced"] == "0")


def test_features_of_a_folder_goes_on_after_a_broken_file(tmp_path):
    shutil.copy(SAMPLES / "4-no-apology-en.wav", tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"")
    done = prosody("features", tmp_path)
    assert done.returncode == 1
    assert "b.wav: empty" in done.stderr
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == 2


def test_a_table_without_measures_is_refused(tmp_path):
    strange = tmp_path / "t.csv"
    strange.write_text("a,b\n1,2\n")
    assert_differences_are_asked_for(prosody("judge", strange))


def test_windows_without_length_or_beyond_the_end_have_rows_that_say_so(tmp_path):
    marks = tmp_path / "marks.csv"
    marks.write_text(
        "recording,start_s,end_s,text,role\n"
        "1-plain-apology-nl,12,14,good,agent\n"
        "1-plain-apology-nl,20,20,point,agent\n"
        "1-plain-apology-nl,45,60,over the end,agent\n"
        "1-plain-apology-nl,1000,1002,beyond,agent\n",
        encoding="utf-8",
    )
    call = SAMPLES / "1-plain-apology-nl.wav"
    done = prosody("analyze", call, "--windows", marks, "--out", tmp_path / "out", "--lang", "nl")
    assert done.returncode == 0, done.stderr
    rows = {r["text"]: r for r in lines_of(tmp_path / "out" / "apologies.jsonl")}
    said = {name: {r["code"]: r["text"] for r in row["remarks"]} for name, row in rows.items()}
    assert rows["good"]["verdict"]
    assert rows["point"]["gates"] == ["too_short", "too_little_voice"]
    assert said["point"] == {
        "window_empty": "Het fragment heeft geen lengte: het begint en eindigt op hetzelfde moment."
    }
    assert "window_outside" in said["over the end"]
    assert rows["beyond"]["gates"] == ["outside_recording"]
    assert list(said["beyond"]) == ["window_beyond"]
    assert rows["beyond"]["verdict"] is None
    assert rows["beyond"]["measures"]["pitch_p50_st"] is None
    assert "het fragment ligt buiten de opname" in done.stdout


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_a_wrong_agent_channel_is_remarked_on(tmp_path, lang):
    call = SAMPLES / "1-plain-apology-nl.wav"
    done = prosody(
        "analyze", call, "--agent-channel", "right", "--out", tmp_path / "out", "--lang", lang
    )
    assert done.returncode == 0, done.stderr
    line = lines_of(tmp_path / "out" / "recordings.jsonl")[0]
    found = {r["code"]: r["text"] for r in line["remarks"]}["agent_channel_doubtful"]
    volgens = {"nl": "volgens het transcript is dat kanaal 0", "en": "by the transcript it is"}
    assert volgens[lang] in found


def test_the_table_says_who_speaks_where_it_is_not_the_agent(tmp_path):
    import soundfile as sf

    y, sr = sf.read(SAMPLES / "1-plain-apology-nl.wav")
    sf.write(tmp_path / "call.wav", y.sum(axis=1), sr)
    said = json.loads((SAMPLES / "1-plain-apology-nl.json").read_text(encoding="utf-8"))
    for one in said["segments"]:
        one.pop("speaker")
        for word in one["words"]:
            word.pop("speaker", None)
    (tmp_path / "call.json").write_text(json.dumps(said), encoding="utf-8")
    done = prosody("analyze", tmp_path, "--out", tmp_path / "out", "--workers", 0)
    assert "(speaker: unknown)" in " ".join(done.stdout.split())
    (row,) = rows_of(tmp_path / "out" / "apologies.csv")
    assert (row["role"], row["conduct_real"]) == ("unknown", "cannot_tell")


def test_a_corpus_of_agent_caller_and_transcript_folders_needs_no_option(tmp_path):
    """As HarperValley is laid out: a track for each side, the agent's begins later."""
    import soundfile as sf

    y, sr = sf.read(SAMPLES / "2-recited-apology-en.wav", dtype="int16")
    later = 0.5
    for side, track in (("agent", y[round(later * sr) :, 0]), ("caller", y[:, 1])):
        (tmp_path / "audio" / side).mkdir(parents=True)
        sf.write(tmp_path / "audio" / side / "17.wav", track, sr)
    said = json.loads((SAMPLES / "2-recited-apology-en.json").read_text(encoding="utf-8"))
    segments = [
        {
            "speaker_role": "agent" if one["speaker"] == "agent" else "caller",
            "offset_ms": round(1000 * one["start"]),
            "start_ms": round(1000 * (one["start"] - later * (one["speaker"] == "agent"))),
            "duration_ms": round(1000 * (one["end"] - one["start"])),
            "human_transcript": one["text"].strip(),
        }
        for one in said["segments"]
    ]
    (tmp_path / "transcript").mkdir()
    (tmp_path / "transcript" / "17.json").write_text(json.dumps(segments), encoding="utf-8")
    done = prosody("analyze", tmp_path, "--out", tmp_path / "out", "--workers", 0)
    assert done.returncode == 0
    (row,) = rows_of(tmp_path / "out" / "apologies.csv")
    assert (row["role"], row["verdict"] != "", row["gates"]) == ("agent", True, "")
    assert float(row["start_s"]) == pytest.approx(28.0, abs=0.5)
    (line,) = rows_of(tmp_path / "out" / "recordings.csv")
    assert "0.50 s after the other" in line["remarks"]
