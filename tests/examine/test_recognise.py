"""Words from sound: the loading code and the joining of tokens, with small models made here."""

import math
from itertools import pairwise

import numpy as np
import pytest

from prosody.errors import MissingExtraError, UsageError
from prosody.examine import recognise
from prosody.examine.recognise import Channel, Spoken
from prosody.transcripts import recognisers
from prosody.transcripts.turns import Word


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


def loud(seconds, at, sr=16_000):
    rng = np.random.default_rng(0)
    y = 1e-3 * rng.standard_normal(round(seconds * sr))
    t = np.arange(len(y)) / sr
    for a, b in at:
        y += 0.3 * rng.standard_normal(len(y)) * ((t >= a) & (t < b))
    return y.astype(np.float32)


def channel(y, spans, sr=16_000):
    return Channel(
        np.array(spans, dtype=float).reshape(-1, 2),
        lambda a, b: y[round(a * sr) : round(b * sr)],
        sr,
        len(y) / sr,
    )


class Fake:
    """Says what it is told to, and keeps what it was asked."""

    name, digest, device = "fake", "0", "CPU"

    def __init__(self, say, *, window_s=0.0, told=None):
        self.say, self.window_s, self.told = say, window_s, told or {}
        self.batches, self.asked, self.tried = [], [], []

    def languages(self, sounds):
        self.tried.append([len(s) / 16_000 for s in sounds])
        return self.told

    def __call__(self, sounds, language):
        self.batches.append([round(len(s) / 16_000, 2) for s in sounds])
        self.asked.append(language)
        return [self.say(s) for s in sounds]


def one_word(sound):
    """One sure word in the middle of the sound."""
    middle = len(sound) / 32_000
    return Spoken("sorry", (Word("sorry", middle - 0.1, middle + 0.1),), (-0.1,))


def test_both_channels_are_recognised_in_one_batch():
    y = loud(12, ())
    fake = Fake(one_word)
    both = [channel(y, [(1, 3), (6, 8)]), channel(y, [(4, 5), (9, 11)])]
    got = recognise.recognise(both, fake, "en")
    assert len(fake.batches) == 1
    assert sorted(fake.batches[0]) == pytest.approx([1.4, 2.4, 2.4, 2.4])
    turns = got.transcript.turns
    assert [(t.channel, round(t.start_s, 1)) for t in turns] == [
        (0, 1.9), (1, 4.4), (0, 6.9), (1, 9.9)]  # fmt: skip
    assert got.poor == ""
    assert got.speech_s == pytest.approx(7.0)


def test_a_long_call_is_recognised_in_batches_that_memory_holds():
    y = loud(400, ())
    fake = Fake(one_word)
    recognise.recognise([channel(y, [(i * 20, i * 20 + 18) for i in range(19)])], fake, "en")
    assert len(fake.batches) > 3
    assert all(len(b) * max(b) <= recognise.BATCH_S for b in fake.batches)


def test_a_model_that_hears_whole_windows_gets_full_ones_and_times_stay_right():
    y = loud(60, ())
    spans = [(2, 4), (10, 13), (30, 31), (50, 58)]

    def every_second(sound):
        times = np.arange(0.5, len(sound) / 16_000, 1.0)
        words = tuple(Word(f"w{i}", t - 0.1, t + 0.1) for i, t in enumerate(times))
        return Spoken(" ".join(w.text for w in words), words, (-0.1,) * len(words))

    fake = Fake(every_second, window_s=30.0)
    got = recognise.recognise([channel(y, spans), channel(y, [(20, 22)])], fake, "en")
    # 2.4 + 3.4 + 1.4 + 8.4 s of one channel fill one window; the other has its own.
    assert sorted(fake.batches[0]) == pytest.approx([2.4, 15.6])
    for turn in got.transcript.turns:
        inside = [(a, b) for a, b in (spans if turn.channel == 0 else [(20, 22)])
                  if a - 0.21 <= turn.start_s and turn.end_s <= b + 0.21]  # fmt: skip
        assert len(inside) == 1
    assert [len(t.words) for t in got.transcript.turns] == [2, 4, 2, 1, 9]


def test_stretches_that_touch_are_not_read_twice():
    pieces = recognise._pieces([channel(loud(50, ()), [(1, 45)])])
    edges = [(p.low_s, p.high_s) for p in pieces]
    assert edges[0][0] == pytest.approx(0.8)
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))
    assert edges[-1][1] == pytest.approx(45.2)


def test_the_language_is_settled_once_from_the_longest_stretches_of_both_sides():
    y = loud(120, ())
    fake = Fake(one_word, told={"nl": 0.7, "de": 0.3})
    both = [channel(y, [(1, 15), (20, 38), (50, 51)]), channel(y, [(40, 41)])]
    got = recognise.recognise(both, fake, known=("nl", "en"))
    assert fake.tried == [[pytest.approx(18.4), pytest.approx(1.4)]]
    assert set(fake.asked) == {"nl"}
    assert got.transcript.language == "nl"


def test_a_language_that_is_given_is_not_tried():
    fake = Fake(one_word, told={"de": 1.0})
    got = recognise.recognise([channel(loud(5, ()), [(1, 3)])], fake, "nl", known=("nl", "en"))
    assert not fake.tried
    assert got.transcript.language == "nl"


def test_a_language_that_nobody_knows_here_is_not_recognised():
    fake = Fake(one_word, told={"de": 0.9, "nl": 0.1})
    got = recognise.recognise([channel(loud(5, ()), [(1, 3)])], fake, known=("nl", "en"))
    assert (got.poor, got.transcript.turns, fake.batches) == ("other_language", (), [])


@pytest.mark.parametrize(
    ("text", "language", "poor"),
    [
        ("i am very sorry that your order has not arrived yet", "en", ""),
        ("het spijt me dat u zo lang op de bestelling moet wachten", "nl", "weak_language"),
        ("hmm", "", ""),
    ],
)
def test_a_model_that_cannot_tell_the_language_tells_it_by_its_words(text, language, poor):
    fake = Fake(lambda sound: Spoken(text, (), (-0.1,)))
    got = recognise.recognise(
        [channel(loud(9, ()), [(1, 5)])], fake, known=("nl", "en"), evidence=("en",)
    )
    assert fake.asked == [""]
    assert (got.transcript.language, got.poor) == (language, poor)


LINE = "i am very sorry that your order has not arrived yet"


@pytest.mark.parametrize(
    ("text", "seconds", "logprob", "why"),
    [
        (LINE, 4.0, -0.2, ""),
        (LINE, 4.0, math.nan, ""),
        (LINE, 4.0, -1.2, "unsure"),
        (LINE, 1.0, -0.1, "rate"),
        ("yes", 12.0, -0.1, "rate"),
        ("", 8.0, math.nan, "rate"),
        ("", 1.0, math.nan, ""),
        ("yes", 0.3, -0.1, ""),
        ("sorry voor het ongemak " * 5, 12.0, -0.1, "loops"),
        ("thank you for watching " * 4, 10.0, -0.1, "loops"),
        ("no " * 6, 3.0, -0.2, ""),
        ("no " * 40, 12.0, -0.2, "loops"),
        ("ja ja ja dat klopt ja ja dat is goed ja", 4.0, -0.2, ""),
        ("my number is four four four four four four four", 4.0, -0.2, ""),
    ],
)
def test_words_that_are_no_evidence(text, seconds, logprob, why):
    assert (
        recognise.doubt(Spoken(text, (), () if math.isnan(logprob) else (logprob,)), seconds) == why
    )


def saying(text, logprob=-0.1):
    return Fake(lambda sound: Spoken(text, (), (logprob,) * len(text.split())))


def test_stretches_that_are_no_evidence_are_left_out_and_counted():
    said = iter([LINE, LINE, LINE, "sorry for that " * 9])
    fake = Fake(lambda sound: Spoken(next(said), (), (-0.1,)))
    spans = [(1, 6), (10, 15), (20, 25), (30, 33)]
    got = recognise.recognise([channel(loud(40, ()), spans)], fake, "en")
    assert [t.text for t in got.transcript.turns] == [LINE] * 3
    assert got.doubts == {"loops": pytest.approx(3.0)}
    assert got.poor == ""


@pytest.mark.parametrize(
    ("fake", "evidence", "why"),
    [
        (saying(LINE), None, ""),
        (saying(LINE), ("en",), ""),
        (saying(LINE), ("nl",), "weak_language"),
        (saying(LINE, -0.6), None, "unsure"),
        (saying("sorry for that " * 9), None, "loops"),
        (
            saying("blorp zint quax frobel dwim snark plugh xyzzy garble wumpus"),
            None,
            "no_language",
        ),
        (saying(""), None, "rate"),
    ],
)
def test_poor_words_say_why(fake, evidence, why):
    spans = [(i * 10 + 1, i * 10 + 8) for i in range(4)]
    got = recognise.recognise([channel(loud(45, ()), spans)], fake, "en", evidence=evidence)
    assert got.poor == why


def test_a_call_without_speech_is_no_poor_one():
    got = recognise.recognise([channel(loud(5, ()), [])], saying(LINE), known=("nl", "en"))
    assert (got.poor, got.transcript.turns, got.speech_s) == ("", (), 0)


@pytest.mark.parametrize("kind", ["ctc", "tdt"])
def test_the_real_loading_code_reads_a_folder(kind, tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    pytest.importorskip("onnx", reason="the fit extra is not installed")
    import small_recognisers

    recognise.load.cache_clear()
    model = recognise.load(getattr(small_recognisers, kind)(tmp_path / kind))
    at = ((0.8, 1.4), (2.0, 2.5))
    short, said = model([loud(1.0, ()), loud(3.0, at)], "")
    wanted = {"ctc": "sor", "tdt": "sorry"}[kind]
    assert {w.text for w in said.words} == {wanted}
    assert said.words[0].start_s == pytest.approx(0.8, abs=0.17)
    assert all(0 <= w.start_s < w.end_s <= 3.0 for w in said.words)
    assert len(said.logprobs) >= len(said.words)
    assert (model.name, model.device) == (kind, "CPU")
    assert not short.words or short.words[-1].end_s <= 1.0


def test_a_graphics_card_is_used_where_onnxruntime_has_one(tmp_path, monkeypatch):
    onnx_asr = pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    import onnxruntime

    (tmp_path / "model.onnx").write_bytes(b"")
    asked = {}

    class Model:
        def with_timestamps(self):
            return self

    def load_model(kind, folder, **options):
        asked.update(options)
        return Model()

    offered = ["CUDAExecutionProvider", "AzureExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    monkeypatch.setattr(onnx_asr, "load_model", load_model)
    recognise.load.cache_clear()
    assert recognise.load(tmp_path).device == "CUDA"
    assert asked["providers"] == ["CUDAExecutionProvider", "CPUExecutionProvider"]


def test_a_folder_without_a_model_says_what_was_expected(tmp_path):
    pytest.importorskip("onnx_asr", reason="the asr extra is not installed")
    with pytest.raises(UsageError, match=r"Expected \.onnx files"):
        recognise.load(tmp_path)


@pytest.mark.parametrize("kind", ["whisper", "whisper-ort", "nemo-conformer-aed"])
def test_a_model_without_word_times_is_refused(kind, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
    (tmp_path / "model.onnx").write_bytes(b"")
    monkeypatch.setattr(recognisers, "is_installed", lambda library: False)
    with pytest.raises(UsageError, match="no times of the words") as error:
        recognise.load(tmp_path)
    assert "faster-whisper" in error.value.remedy


def test_a_whisper_model_without_its_tokenizer_fetches_none(tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"")
    monkeypatch.setattr(recognisers, "is_installed", lambda library: True)
    with pytest.raises(UsageError, match=r"tokenizer\.json is missing"):
        recognise.load(tmp_path)


def test_a_missing_library_names_the_line_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"")
    monkeypatch.setattr(recognisers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"prosody-sincerity\[whisper\]"):
        recognise.load(tmp_path)
