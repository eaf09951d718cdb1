import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from places import SAMPLES

import prosody
from prosody.calls.collect import collect
from prosody.errors import UsageError
from prosody.examine.examine import Examiner, Options, check_request, examine
from prosody.judge.judge import Judge
from prosody.judge.rows import judge_rows
from prosody.measures import table
from prosody.settings import Gates, Settings


def examined(path, **how):
    options = Options(**{k: v for k, v in how.items() if k in Options.__dataclass_fields__})
    where = {k: v for k, v in how.items() if k not in Options.__dataclass_fields__}
    return [examine(c, options) for c in collect([path], clips=options.clips, **where)]


@pytest.fixture(scope="module")
def samples():
    return {e.record.recording.rsplit("/", 1)[-1][:1]: e for e in examined(SAMPLES)}


def test_samples_give_the_acts_they_were_written_for(samples):
    found = {
        k: [a["act"] for a in e.record.acts if a["role"] == "agent"] for k, e in samples.items()
    }
    assert "apology" in found["1"]
    assert "apology" in found["2"]
    assert found["3"].count("apology") == 4
    assert "apology" not in found["4"]
    assert "repair" in found["4"]
    assert samples["4"].record.status == "no_apology"


def test_rows_have_measures_a_baseline_and_times_inside_the_call(samples):
    for e in samples.values():
        for row in e.apologies:
            assert 0 <= row.start_s < row.end_s <= e.record.duration_s
            assert row.baseline_s > 10
            measures = dict(zip(table.NAMES, row.measures, strict=True))
            assert measures["duration_s"] == pytest.approx(row.end_s - row.start_s, abs=0.01)
            assert np.isfinite(measures["pitch_p50_st"])
            assert np.isfinite(measures["speech_rate_syll_per_s"]) or row.source != "transcript"


def test_conduct_stands_with_the_call_and_with_each_apology(samples):
    third = samples["3"]
    assert third.record.conduct["once"]["status"] == "not_met"
    assert third.apologies[0].conduct == third.record.conduct
    assert samples["1"].record.conduct["once"]["status"] == "met"


def test_a_batch_judges_each_as_it_is_judged_alone_in_any_order(samples):
    judge = Judge.load()
    rows = [r for e in samples.values() for r in e.apologies]
    judge_rows(rows, judge, Settings())
    together = [json.dumps(r.axes) for r in rows]
    alone = []
    for row in rows:
        row.axes = {}
        judge_rows([row], judge, Settings())
        alone.append(row.axes)
    for one, other in zip(together, alone, strict=True):
        for axis, got in json.loads(one).items():
            for name in ("rating", "sd", "p"):
                assert got[name] == pytest.approx(other[axis][name], abs=1e-5)
    judge_rows(rows[::-1], judge, Settings())
    assert rows[0].axes["sincere"]["rating"] == pytest.approx(
        alone[0]["sincere"]["rating"], abs=1e-5
    )


def test_a_gated_apology_has_no_verdict_but_keeps_its_measures():
    strict = Settings(gates=Gates(min_duration_s=10))
    (first,) = examined(SAMPLES / "1-plain-apology-nl.wav", settings=strict)
    judge_rows(first.apologies, Judge.load(), strict)
    row = first.apologies[0]
    assert "too_short" in row.gates
    assert row.verdict is None
    assert row.axes == {}
    assert np.isfinite(row.measures[table.NAMES.index("pitch_p50_st")])


def test_clips_have_no_baseline_unless_one_is_given(write_wav):
    import soundfile

    agent, sr = soundfile.read(SAMPLES / "2-recited-apology-en.wav", dtype="float32")
    clip = write_wav("take.wav", agent[27 * sr : 31 * sr, 0], sr)
    (alone,) = examined(clip, clips=True)
    (row,) = alone.apologies
    assert row.baseline_s == 0
    assert np.isnan(row.relative).all()
    assert [r.code for r in row.remarks] == ["no_baseline"]
    habit = write_wav("habit.wav", agent[:, 0], sr)
    (call,) = collect([clip], clips=True)
    (row,) = Examiner(Options(clips=True, baseline=habit))(call).apologies
    assert row.baseline_s > 10
    assert np.isfinite(row.relative[table.RELATIVE_NAMES.index("pitch_p50_st_rel")])
    short = write_wav("short.wav", agent[: 2 * sr, 0], sr)
    with pytest.raises(UsageError, match="expected at least 5 s"):
        Examiner(Options(clips=True, baseline=short))


def test_a_windows_file_says_where_to_measure(tmp_path):
    windows = tmp_path / "w.csv"
    windows.write_text("recording,start_s,end_s,text\n2-recited-apology-en.wav,28.0,30.0,we are\n")
    (row,) = prosody.analyze(SAMPLES / "2-recited-apology-en.wav", windows=windows)
    assert (row["start_s"], row["end_s"], row["text"]) == (28.0, 30.0, "we are")
    assert row["source"] == "windows"
    assert row["baseline_s"] > 10


@pytest.mark.data
def test_harpervalley_is_measured_whole_and_its_repair_is_not_judged(data):
    calls = examined(data / "harpervalley")
    assert len(calls) == 8
    assert {c.record.status for c in calls} == {"no_apology"}
    agents = [a for c in calls for a in c.record.acts if a["role"] == "agent"]
    assert [a["act"] for a in agents] == ["repair"]
    assert "what" in agents[0]["text"]
    call = next(c for c in calls if "a7ccc3379af44b9f" in c.record.recording)
    assert call.record.acts
    assert call.record.roles == {"0": "agent", "1": "customer"}


def test_without_any_source_the_error_names_the_four_ways(write_wav, voice):
    calls = collect([write_wav("call.wav", voice(3))])
    with pytest.raises(UsageError, match=r"--asr.*--transcripts.*--windows.*--clips"):
        check_request(calls, Options())
    failed = examine(calls[0], Options())
    assert failed.record.status == "failed"
    assert failed.record.code == "no_words"
    assert "--clips" in failed.record.remedy


def test_a_stereo_call_whose_agent_cannot_be_told_names_the_option(write_wav, voice, tmp_path):
    two = np.stack([voice(6), voice(6, f0_hz=200, seed=1)[::-1]], axis=1)
    wav = write_wav("call.wav", two)
    wav.with_suffix(".srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nsorry about that\n")
    (one,) = examined(wav)
    assert one.record.status == "failed"
    assert "--agent-channel" in one.record.remedy
    (record,) = examined(wav, agent_channel="left")
    assert record.record.status in ("ok", "no_apology")


def test_a_mono_call_without_roles_takes_either_speaker_and_no_baseline(write_wav, voice):
    wav = write_wav("call.wav", voice(30))
    wav.with_suffix(".srt").write_text(
        "1\n00:00:01,000 --> 00:00:03,000\nI am so sorry about the delay.\n"
    )
    (one,) = examined(wav)
    (row,) = one.apologies
    assert row.role == "unknown"
    assert row.baseline_s == 0
    assert "role_unknown" in [r.code for r in row.remarks]


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("I'm sorry.", True),
        ("Sorry.", True),
        ("Sorry about the wait.", False),
        ("My apologies.", False),
        ("Het spijt me.", False),
    ],
)
def test_no_more_than_a_sorry_is_to_be_listened_to_first(write_wav, voice, text, bare):
    wav = write_wav("call.wav", voice(30))
    wav.with_suffix(".srt").write_text(f"1\n00:00:01,000 --> 00:00:03,000\nAgent: {text}\n")
    (one,) = examined(wav)
    (row,) = one.apologies
    assert ("bare_sorry" in [r.code for r in row.remarks]) is bare


def test_two_apologies_in_one_turn_without_word_times_are_one_row(write_wav, voice):
    wav = write_wav("call.wav", voice(30))
    wav.with_suffix(".srt").write_text(
        "1\n00:00:01,000 --> 00:00:09,000\n"
        "I am so sorry about the delay. Let me look. And I apologise for the wrong invoice.\n"
    )
    (one,) = examined(wav)
    assert [a["act"] for a in one.record.acts] == ["apology", "apology"]
    (row,) = one.apologies
    assert "delay" in row.text
    assert "invoice" in row.text


def test_a_whole_call_is_no_clip_and_is_refused_before_it_is_heard(tmp_path):
    with soundfile.SoundFile(tmp_path / "call.wav", "w", 8000, 1, subtype="ULAW") as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, np.int16))
    done = examine(collect([tmp_path], clips=True)[0], Options(clips=True))
    assert (done.record.status, done.record.code) == ("failed", "clip_too_long")
    assert "60 minutes" in done.record.message
    assert "--windows" in done.record.remedy
    dutch = examine(collect([tmp_path], clips=True)[0], Options(clips=True, lang="nl"))
    assert "heel gesprek" in dutch.record.message


def test_a_window_of_more_than_five_minutes_is_refused(tmp_path):
    soundfile.write(tmp_path / "call.wav", np.zeros(8000 * 360, np.int16), 8000, "ULAW")
    (tmp_path / "w.csv").write_text("start_s,end_s\n1,302\n", encoding="utf-8")
    call = collect([tmp_path / "call.wav"], windows=tmp_path / "w.csv")[0]
    done = examine(call, Options(agent_channel="mono"))
    assert (done.record.status, done.record.code) == ("failed", "bad_windows")
    assert "at most 300 s" in done.record.message


def test_rules_of_conduct_are_asked_in_the_language_of_the_call(monkeypatch):
    from prosody import conduct
    from prosody.examine import examine as module

    asked = []
    monkeypatch.setattr(conduct, "both", lambda *a, **how: asked.append((a, how)) or ({}, None))
    settings = Settings()
    for language, poor in (("nl", False), ("en", True), ("qq", False)):
        opened = SimpleNamespace(language=language, turns=["t"], acts=[], poor=poor)
        assert module._conduct(opened, Options(settings=settings)) == ({}, None, None)
    assert [a for a, _ in asked] == [(["t"], [])] * 3
    assert [how["language"] for _, how in asked] == ["nl", "en", "auto"]
    assert [how["doubt"] for _, how in asked] == ["", "poor_words", ""]
    assert all(how["settings"] is settings for _, how in asked)
