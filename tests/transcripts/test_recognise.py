"""Words from sound: the loading code and the joining of tokens, with small models made here."""

import importlib
import json

import numpy as np
import pytest
from places import SAMPLES

from prosody import transcripts
from prosody.audio.activity import activity_of
from prosody.audio.recording import Recording
from prosody.errors import MissingExtraError, UsageError
from prosody.transcripts import recognise
from prosody.transcripts.turns import Word

onnx = pytest.importorskip("onnx", reason="the fit extra is not installed")


def test_tokens_become_words_with_times():
    words = recognise.words_of_tokens([" sor", "ry", " a", "bout"], [0.5, 0.7, 1.0, 1.1], 3.0)
    assert [w.text for w in words] == ["sorry", "about"]
    assert (words[0].start_s, words[0].end_s) == (0.5, pytest.approx(0.88))
    assert words[1].start_s == 1.0
    assert words[1].end_s == pytest.approx(1.1 + 0.08 + 0.2)


def test_a_word_ends_where_the_next_begins_and_within_the_sound():
    words = recognise.words_of_tokens(["\u2581excuses", "\u2581echt"], [1.0, 1.1], 1.3)
    assert words[0] == Word("excuses", 1.0, 1.1)
    assert words[1].end_s == 1.3
    assert recognise.words_of_tokens([], [], 1.0) == ()
    assert recognise.words_of_tokens(["ja"], [0.0], 1.0)[0].text == "ja"


def test_stretches_are_joined_and_never_too_long():
    speech = np.array([[0, 2], [2.3, 4], [6, 50], [50.2, 51]])
    got = recognise.stretches(speech)
    assert got[0] == (0, 4)
    assert all(b - a <= recognise.LONGEST_S for a, b in got)
    assert got[-1][1] == 51
    assert sum(b - a for a, b in got) == pytest.approx(4 + 44 + 0.8, abs=0.3)


VOCABULARY = ["\u2581sor", "ry", "<blk>"]


def save(nodes, inputs, outputs, constants, path):
    from onnx import TensorProto, helper, numpy_helper

    kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(n, kinds[k], s) for n, k, s in inputs],
        [helper.make_tensor_value_info(n, kinds[k], s) for n, k, s in outputs],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def vocabulary(folder, kind):
    (folder / "vocab.txt").write_text(
        "".join(f"{token} {i}\n" for i, token in enumerate(VOCABULARY)), encoding="utf-8"
    )
    (folder / "config.json").write_text(
        json.dumps({"model_type": kind, "features_size": 80, "subsampling_factor": 8})
    )


@pytest.fixture
def ctc(tmp_path):
    """A CTC model that hears "sor" where the sound is louder than its mean, else nothing."""
    from onnx import helper as h

    folder = tmp_path / "ctc"
    folder.mkdir()
    vocabulary(folder, "nemo-conformer-ctc")
    zero = np.zeros((1, 1, 1), np.float32)
    save(
        [
            h.make_node("ReduceMean", ["audio_signal"], ["loud"], axes=[1], keepdims=1),
            h.make_node(
                "AveragePool", ["loud"], ["pooled"], kernel_shape=[8], strides=[8], ceil_mode=1
            ),
            h.make_node("Transpose", ["pooled"], ["score"], perm=[0, 2, 1]),
            h.make_node("Mul", ["score", "no"], ["none"]),
            h.make_node("Sub", ["none", "one"], ["never"]),
            h.make_node("Concat", ["score", "never", "none"], ["logprobs"], axis=2),
            h.make_node("Identity", ["length"], ["unused"]),
        ],
        [("audio_signal", "f", ["b", 80, "t"]), ("length", "i", ["b"])],
        [("logprobs", "f", ["b", "s", 3]), ("unused", "i", ["b"])],
        {"no": zero, "one": zero + 9},
        folder / "model.onnx",
    )
    return folder


@pytest.fixture
def tdt(tmp_path):
    """A transducer with durations that says "sor", then "ry", at every stretch of loud sound."""
    from onnx import helper as h

    folder = tmp_path / "tdt"
    folder.mkdir()
    vocabulary(folder, "nemo-conformer-tdt")
    eight = np.array([8], np.int64)
    save(
        [
            h.make_node("ReduceMean", ["audio_signal"], ["loud"], axes=[1], keepdims=1),
            h.make_node(
                "AveragePool", ["loud"], ["outputs"], kernel_shape=[8], strides=[8], ceil_mode=1
            ),
            h.make_node("Add", ["length", "seven"], ["more"]),
            h.make_node("Div", ["more", "eight"], ["encoded_lengths"]),
        ],
        [("audio_signal", "f", ["b", 80, "t"]), ("length", "i", ["b"])],
        [("outputs", "f", ["b", 1, "s"]), ("encoded_lengths", "i", ["b"])],
        {"seven": eight - 1, "eight": eight},
        folder / "encoder-model.onnx",
    )
    # Logits: "sor" where it is loud and the last token was not "sor"; "ry" right after "sor".
    save(
        [
            h.make_node("Squeeze", ["encoder_outputs", "axes"], ["loud"]),
            h.make_node("Cast", ["targets"], ["last"], to=1),
            h.make_node("Squeeze", ["last", "axes2"], ["token"]),
            h.make_node("Equal", ["token", "zero"], ["was"]),
            h.make_node("Cast", ["was"], ["after"], to=1),
            h.make_node("Mul", ["after", "nine"], ["ry"]),
            h.make_node("Concat", ["loud", "ry", "blank", "steps"], ["flat"], axis=0),
            h.make_node("Reshape", ["flat", "shape"], ["outputs"]),
            h.make_node("Identity", ["input_states_1"], ["output_states_1"]),
            h.make_node("Identity", ["input_states_2"], ["output_states_2"]),
            h.make_node("Identity", ["target_length"], ["unused"]),
        ],
        [
            ("encoder_outputs", "f", [1, 1, 1]),
            ("targets", "i", [1, 1]),
            ("target_length", "i", [1]),
            ("input_states_1", "f", [1, 1, 1]),
            ("input_states_2", "f", [1, 1, 1]),
        ],
        [
            ("outputs", "f", [1, 1, 1, 8]),
            ("output_states_1", "f", [1, 1, 1]),
            ("output_states_2", "f", [1, 1, 1]),
            ("unused", "i", [1]),
        ],
        {
            "axes": np.array([1, 2]),
            "axes2": np.array([1]),
            "zero": np.zeros(1, np.float32),
            "blank": np.full(1, 0.01, np.float32),
            "nine": np.full(1, 9, np.float32),
            "steps": np.array([0, 0, 0, 0, 1], np.float32),
            "shape": np.array([1, 1, 1, 8]),
        },
        folder / "decoder_joint-model.onnx",
    )
    return folder


def bursts(seconds=3.0, at=((0.8, 1.4), (2.0, 2.5))):
    rng = np.random.default_rng(0)
    y = 1e-3 * rng.standard_normal(round(seconds * 16000))
    t = np.arange(len(y)) / 16000
    for a, b in at:
        y += 0.3 * rng.standard_normal(len(y)) * ((t >= a) & (t < b))
    return y.astype(np.float32)


@pytest.mark.parametrize("kind", ["ctc", "tdt"])
def test_the_real_loading_code_reads_a_folder(kind, request):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    folder = request.getfixturevalue(kind)
    (said,) = recognise.load(str(folder))([bursts()], "")
    wanted = {"ctc": "sor", "tdt": "sorry"}[kind]
    assert {w.text for w in said.words} == {wanted}
    assert said.text.split()[0] == wanted
    assert said.words[0].start_s == pytest.approx(0.8, abs=0.17)
    assert all(0 <= w.start_s < w.end_s <= 3.0 for w in said.words)


def test_channels_are_recognised_apart_and_kept_in_the_cache(ctc, tmp_path, monkeypatch):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    plan = recognise.Plan(str(ctc), cache=tmp_path / "cache")
    with Recording(SAMPLES / "2-recited-apology-en.wav") as recording:
        made = recognise.transcribe(recording, activity_of(recording), plan)
        assert {t.channel for t in made.turns} == {0, 1}
        assert [t.start_s for t in made.turns] == sorted(t.start_s for t in made.turns)
        assert all(t.role == "unknown" for t in made.turns)
        monkeypatch.setattr(recognise, "_channel", None)  # a second time nothing is recognised
        assert recognise.transcribe(recording, activity_of(recording), plan) == made


def test_what_is_written_out_can_be_read_as_a_transcript(ctc, tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    with Recording(SAMPLES / "2-recited-apology-en.wav") as recording:
        made = recognise.transcribe(
            recording, activity_of(recording), recognise.Plan(str(ctc), "en")
        )
    recognise.write(made, tmp_path / "call.json")
    read = transcripts.read(tmp_path / "call.json")
    assert [t.text for t in read.turns] == [t.text for t in made.turns]
    assert read.turns[0].words[0].start_s == pytest.approx(made.turns[0].words[0].start_s)


def test_nothing_is_downloaded_unasked(tmp_path):
    with pytest.raises(UsageError, match="nothing is downloaded unasked"):
        recognise.load("nemo-parakeet-tdt-0.6b-v3")


def test_a_folder_without_a_model_says_what_was_expected(tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    with pytest.raises(UsageError, match=r"Expected \.onnx files"):
        recognise.load(str(tmp_path))


def test_a_missing_library_names_the_line_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"")
    monkeypatch.setattr(recognise.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install faster-whisper"):
        recognise.load(str(tmp_path))


def test_analyze_recognises_what_has_no_transcript(tdt, tmp_path):
    import shutil
    import subprocess
    import sys

    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    shutil.copy(SAMPLES / "2-recited-apology-en.wav", tmp_path / "call.wav")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-c",
        "from prosody.cli import main; main()",
        "analyze",
        str(tmp_path / "call.wav"),
        "--agent-channel",
        "left",
        "--asr",
        str(tdt),
        "--language",
        "en",
        "--write-transcripts",
        "--workers",
        "0",
        "--out",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = (out / "recordings.jsonl").read_text(encoding="utf-8").splitlines()
    assert "recognised by tdt" in line
    written = transcripts.read(out / "transcripts" / "call.json")
    assert {t.channel for t in written.turns} <= {0, 1}
    assert any((out / "recognised").iterdir())


def test_with_redact_no_recognised_word_is_kept(tmp_path, monkeypatch):
    plan = importlib.import_module("prosody.cli.analyze")._plan
    monkeypatch.setattr(recognise, "load", lambda model, download: None)
    how = {"download": True, "keep": False, "redact": True}
    assert plan("model", "nl", tmp_path, **how).cache is None
    assert (
        plan("model", "nl", tmp_path, **{**how, "redact": False}).cache
        == tmp_path / recognise.CACHE
    )
    with pytest.raises(UsageError, match="--write-transcripts with --redact"):
        plan("model", "nl", tmp_path, **{**how, "keep": True})


def test_two_calls_never_share_a_file(tmp_path):
    ids = ["2026/05/01 a", "2026 05 01 a", "2026_05_01_a", "a:b", "a?b", "ok-1"]
    places = [recognise.place(tmp_path, call_id) for call_id in ids]
    assert len({p.name for p in places}) == len(ids)
    assert places[-1].name == "ok-1.json"
