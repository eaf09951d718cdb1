"""Recognised words in a run: what is kept, what a call's line says, and what a run may cost."""

import json
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import soundfile
from command import prosody
from places import SAMPLES

from prosody import transcripts
from prosody.audio.recording import Recording
from prosody.calls.call import Call, Source
from prosody.errors import UsageError
from prosody.examine import two_voices
from prosody.examine.examine import Options, examine
from prosody.examine.recognise import Recognised
from prosody.examine.sound import Sound
from prosody.examine.spoken import distinct
from prosody.runs import processes, recognised, task
from prosody.runs.processes import MB, how_many
from prosody.transcripts import recognisers
from prosody.transcripts.turns import Transcript, Turn, Word

CALL = SAMPLES / "2-recited-apology-en.wav"


@pytest.fixture
def tdt(tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    pytest.importorskip("onnx", reason="the fit extra is not installed")
    import small_recognisers

    return small_recognisers.tdt(tmp_path / "tdt")


def plan(folder, **more):
    return recognised.Plan(folder, folder.name, recognisers.digest(folder), "en", **more)


def one(path=CALL, **more):
    return Call(path.stem, (Source(path),), path.name, **more)


@contextmanager
def opened(call):
    """Open a call's files; gives what a plan is called with."""
    with ExitStack() as stack:
        sound = Sound(tuple(stack.enter_context(Recording(s.path)) for s in call.sources))
        yield call, sound, distinct(call, sound)


def test_both_channels_are_recognised_and_kept(tdt, tmp_path, monkeypatch):
    words = plan(tdt, cache=tmp_path / "cache")
    with opened(one()) as heard:
        made = words(*heard)
        assert {t.channel for t in made.transcript.turns} == {0, 1}
        assert all(t.role == "unknown" for t in made.transcript.turns)
        monkeypatch.setattr(recognised, "recognise", None)  # a second time nothing is recognised
        assert words(*heard) == made
        (kept,) = (tmp_path / "cache").iterdir()
        kept.write_text(kept.read_text("utf-8").replace("sorry", "sarry"), "utf-8")
        with pytest.raises(TypeError):  # damaged: recognised again
            words(*heard)


def test_channels_of_known_sides_give_turns_their_role(tdt, tmp_path):
    sides = (Source(CALL, 0, "agent"), Source(CALL, 1, "customer"))
    with opened(one()) as heard, opened(Call("c", sides, "c.wav")) as known:
        alone, made = plan(tdt)(*heard), plan(tdt)(*known)
    assert {(t.role, t.channel) for t in made.transcript.turns} == {
        ("agent", None), ("customer", None)}  # fmt: skip
    for channel, role in enumerate(("agent", "customer")):  # each is read on its own channel alone
        assert [t.text for t in made.transcript.turns if t.role == role] == [
            t.text for t in alone.transcript.turns if t.channel == channel]  # fmt: skip


@pytest.fixture(params=[1.0, -1.0, 0.97], ids=["equal", "inverted", "a little softer"])
def twice(tmp_path, request):
    """A call in mono, and the same written as stereo."""
    y, sr = soundfile.read(CALL, dtype="float32")
    mixed = y.mean(axis=1)
    soundfile.write(tmp_path / "mono.wav", mixed, sr, subtype="PCM_16")
    both = np.stack([mixed, request.param * mixed], axis=1)
    soundfile.write(tmp_path / "stereo.wav", both, sr, subtype="PCM_16")
    return tmp_path / "mono.wav", tmp_path / "stereo.wav"


def test_mono_that_is_written_as_stereo_is_heard_once(tdt, twice):
    made = []
    for path in twice:
        with opened(one(path)) as heard:
            assert heard[2] == ((0, 0),)
            made.append(plan(tdt)(*heard))
    assert made[0] == made[1]
    record = examine(one(twice[1]), Options(agent_channel="left", asr=plan(tdt))).record
    assert [m.code for m in record.remarks].count("same_audio") == 1


def test_a_mix_that_is_given_as_both_sides_is_nobodys(twice):
    seen = []

    def words(call, sound, signals):
        seen.append((signals, [s.role for s in call.sources]))
        return Recognised(Transcript((), "recognised by fake", "en"), {}, 20.0)

    sides = (Source(twice[0], role="agent"), Source(twice[1], role="customer"))
    record = examine(Call("c", sides, "c.wav"), Options(asr=words)).record
    assert seen == [(((0, 0),), ["unknown", "unknown"])]
    assert "same_audio" in [m.code for m in record.remarks]


def test_what_is_written_out_can_be_read_as_a_transcript(tdt, tmp_path):
    with opened(one()) as heard:
        made = plan(tdt, out=tmp_path)(*heard).transcript
    read = transcripts.read(tmp_path / "transcripts" / f"{CALL.stem}.json")
    assert [t.text for t in read.turns] == [t.text for t in made.turns]
    assert read.turns[0].words[0].start_s == pytest.approx(made.turns[0].words[0].start_s)


def test_two_calls_never_share_a_file(tmp_path):
    ids = ["2026/05/01 a", "2026 05 01 a", "2026_05_01_a", "a:b", "a?b", "ok-1"]
    places = [recognised.place(tmp_path, call_id) for call_id in ids]
    assert len({p.name for p in places}) == len(ids)
    assert places[-1].name == "ok-1.json"


def test_one_channel_gets_two_speakers_where_a_model_tells_voices_apart(tdt, tmp_path, monkeypatch):
    y, sr = soundfile.read(CALL, dtype="float32")
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, y.sum(axis=1), sr)
    monkeypatch.setattr(two_voices, "model_here", lambda: tmp_path)
    seen = []

    def embed(sounds):
        seen.append(len(sounds))
        return np.eye(2, dtype=np.float32)[np.arange(len(sounds)) % 2]

    monkeypatch.setattr(two_voices, "load", lambda path: embed)
    real = recognised.recognise  # the small model's words are poor, and then nobody is named
    monkeypatch.setattr(recognised, "recognise", lambda *a, **k: replace(real(*a, **k), poor=""))
    words = plan(tdt, cache=tmp_path / "cache", voices="a model")
    with opened(one(mono)) as heard:
        made = words(*heard)
        assert {(t.speaker, t.channel) for t in made.transcript.turns} == {
            ("voice 1", None), ("voice 2", None)
        }  # fmt: skip
        assert made.apart > two_voices.LEAST_GAIN
        asked = len(seen)
        assert words(*heard) == made  # as it was kept
        assert len(seen) == asked
        alone = plan(tdt, cache=tmp_path / "cache")(*heard)
        assert {t.speaker for t in alone.transcript.turns} == {""}
        # One side of a call in a file of its own is one voice, whatever it sounds like.
        side = Call("mono", (Source(mono, role="agent"),), "mono.wav")
        made = words(side, *heard[1:])
        assert {(t.role, t.speaker) for t in made.transcript.turns} == {("agent", "")}
        assert len(seen) == asked


def test_the_model_for_voices_is_opened_by_the_first_call_in_mono(tdt, twice, monkeypatch):
    opened_models = []
    monkeypatch.setattr(two_voices, "model_here", lambda: tdt)
    monkeypatch.setattr(
        two_voices, "load", lambda path: opened_models.append(path) or (lambda s: np.eye(len(s)))
    )
    real = recognised.recognise
    monkeypatch.setattr(recognised, "recognise", lambda *a, **k: replace(real(*a, **k), poor=""))
    words = plan(tdt, voices="a model")
    assert words.cost() > 0
    with opened(one()) as heard:
        words(*heard)
    assert not opened_models
    with opened(one(twice[0])) as heard:
        words(*heard)
    assert opened_models == [tdt]


def test_where_a_model_lies_does_not_change_what_was_found(tmp_path):
    job = task.make(Options(asr=recognised.Plan(tmp_path / "a", "m", "0", cache=tmp_path)))
    same = task.make(Options(asr=recognised.Plan(tmp_path / "b", "m", "0", out=tmp_path)))
    other = task.make(Options(asr=recognised.Plan(tmp_path / "a", "m", "1")))
    voices = task.make(Options(asr=recognised.Plan(tmp_path / "a", "m", "0", voices="v 1")))
    assert job.digest == same.digest != other.digest
    assert voices.digest != job.digest


# --- what a call's line says ---------------------------------------------------------------------


def heard(text, *, poor="", doubts=None, role="agent"):
    """Return something that hears these words, said by the agent from 2 s on."""
    said = text.split()
    words = tuple(Word(w, 2 + 0.4 * i, 2.3 + 0.4 * i) for i, w in enumerate(said))
    turns = (
        Turn(0.2, 1.5, "my order has not arrived and i am angry", "customer"),
        Turn(2.0, words[-1].end_s, text, role, words),
    )
    made = Transcript(turns, "recognised by fake", "en")
    return lambda call, sound, signals: Recognised(made, doubts or {}, 20.0, poor)


def record_of(words):
    return examine(one(), Options(agent_channel="left", language="en", asr=words)).record


def test_recognised_words_are_evidence_like_any():
    line = record_of(heard("i am so sorry about that"))
    assert (line.status, line.source, line.apologies) == ("ok", "asr", 1)


@pytest.mark.parametrize("poor", ["unsure", "loops", "rate", "weak_language", "no_language"])
@pytest.mark.parametrize("text", ["i am so sorry about that", "the parcel is in the van"])
def test_poor_words_are_no_evidence_of_anything(text, poor):
    line = record_of(heard(text, poor=poor))
    assert (line.status, line.apologies, line.acts) == ("poor_words", 0, ())
    assert {r["status"] for r in line.conduct.values()} == {"cannot_tell"}
    assert line.complaint_without_apology is None
    (said,) = [r for r in line.remarks if r.code == "poor_words"]
    assert "prosody recognisers" in str(said)


def test_a_complaint_without_an_apology_is_only_said_where_all_words_can_be_relied_on():
    assert record_of(heard("the parcel is in the van")).complaint_without_apology is True
    line = record_of(heard("the parcel is in the van", doubts={"loops": 3.0}))
    assert (line.status, line.complaint_without_apology) == ("no_apology", None)
    assert "3 of 20 s of speech gave no words to rely on" in " ".join(map(str, line.remarks))


# --- the command line ----------------------------------------------------------------------------


def test_analyze_recognises_what_has_no_transcript(tdt, tmp_path):
    shutil.copy(CALL, tmp_path / "call.wav")
    out = tmp_path / "out"
    done = prosody(
        "analyze", tmp_path / "call.wav", "--agent-channel", "left", "--language", "en",
        "--write-transcripts", "--workers", "0", "--out", out, "--asr", tdt,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = (out / "recordings.jsonl").read_text(encoding="utf-8").splitlines()
    assert "recognised by tdt" in line
    written = transcripts.read(out / "transcripts" / "call.json")
    assert {t.channel for t in written.turns} <= {0, 1}
    assert any((out / "recognised").iterdir())
    shutil.rmtree(out / "transcripts")  # or they were not asked for the first time
    again = prosody(
        "analyze", tmp_path / "call.wav", "--agent-channel", "left", "--language", "en",
        "--write-transcripts", "--workers", "0", "--out", out, "--asr", tdt,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert transcripts.read(out / "transcripts" / "call.json") == written
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["recogniser"] == {
        "name": "tdt", "digest": recognisers.digest(tdt), "device": "CPU"}  # fmt: skip


@pytest.mark.slow
def test_workers_load_the_model_before_their_first_call(tdt, tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(CALL, folder / f"{name}.wav")
    out = tmp_path / "out"
    done = prosody("analyze", folder, "--agent-channel", "left", "--workers", "1", "--out", out,
                   "--language", "en", "--asr", tdt)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (out / "recordings.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["source"] == "asr" for line in lines)
    assert len(lines) == 2


def test_without_a_name_the_best_recogniser_is_meant():
    named = import_module("prosody.cli")._named
    assert named(["analyze", "calls", "--asr"]) == ["analyze", "calls", "--asr=best"]
    assert named(["analyze", "--asr", "--out", "x"]) == ["analyze", "--asr=best", "--out", "x"]
    assert named(["analyze", "--asr", "parakeet"]) == ["analyze", "--asr", "parakeet"]
    assert named([]) == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--asr", "parakeet"), "prosody recognisers get parakeet-tdt-0.6b-v3 (670 MB)"),
        (("--asr", "wisper-small"), "The nearest: whisper-small"),
        (("--asr",), "there is no recogniser in"),
        (("--download",), "--download was given without --asr"),
        ((), "one of four ways: --asr"),
    ],
)
def test_a_folder_of_recordings_is_told_what_to_do(args, told, tmp_path):
    shutil.copy(CALL, tmp_path / "call.wav")
    env = {"PROSODY_RECOGNISERS": str(tmp_path), "HF_HOME": str(tmp_path)}
    done = prosody("analyze", tmp_path / "call.wav", "--out", tmp_path / "out", *args, **env)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_with_redact_no_recognised_word_is_kept(tdt, tmp_path):
    made = import_module("prosody.cli.analyze")._plan
    how = {"download": False, "keep": False, "redact": True}
    assert made(str(tdt), "nl", tmp_path, **how).cache is None
    cache = made(str(tdt), "nl", tmp_path, **{**how, "redact": False}).cache
    assert cache == tmp_path / recognised.CACHE
    with pytest.raises(UsageError, match="--write-transcripts with --redact"):
        made(str(tdt), "nl", tmp_path, **{**how, "keep": True})


# --- what a run may cost -------------------------------------------------------------------------


def test_workers_are_as_many_as_have_room_for_the_model():
    assert how_many(8, 100, 4000 * MB, model_bytes=1500 * MB) == (2, 2000 * MB)
    with pytest.raises(UsageError, match=r"1500 MB of it for the recogniser.*smaller recogniser"):
        how_many(1, 1, 1000 * MB, model_bytes=1500 * MB)


def test_what_a_worker_takes_before_its_first_call_includes_the_model(tdt, monkeypatch):
    loaded = []
    monkeypatch.setattr(recognised.Plan, "cost", lambda self: loaded.append(self) or 0.1)
    monkeypatch.setattr(task, "_rss", lambda: 300 * len(loaded))
    ready = task.warm.__wrapped__(task.make(Options(asr=plan(tdt))))
    assert (ready.rss_bytes, ready.recognise_cost) == (300, 0.1)


def test_time_for_recognising_is_told_as_such():
    late = processes._late(one(), 400.0, 900.0, 115.0)
    code, message, remedy = late.args
    assert code == "time_limit"
    assert "400 s, 115 s of them for recognising the words of 900 s" in message
    assert "WAV" not in remedy
    assert "WAV" in processes._late(one(), 60.0, 900.0, 0.0).args[2]


def test_the_limit_follows_the_models_measured_speed(tdt):
    words = plan(tdt)
    cost = words.cost()
    assert 0 < cost < 1
    job = task.make(Options(asr=words))
    assert task.recognition_s(job, 900.0, 0.1) == pytest.approx(90 * task.RECOGNISE_TIMES)
    assert task.recognition_s(task.make(Options()), 900.0, 0.1) == 0
    assert words.memory_bytes > words.size_bytes > 1000
    with_voices = plan(tdt, voices="a model")
    assert with_voices.memory_bytes - words.memory_bytes == two_voices.MEMORY_BYTES
