"""A take in the page: what is measured, how it is told, and that it is what `analyze` says."""

from __future__ import annotations

import io
import json
import math
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from places import synthetic_voice

pytest.importorskip("starlette", reason="needs the extra studio")

from starlette.testclient import TestClient

import prosody
from prosody import words
from prosody.coach import compare, contours, export, feedback, session, situations, take
from prosody.coach.page import MAX_BYTES, Coach
from prosody.coach.take import Measured, Problem
from prosody.errors import RecordingError
from prosody.examine.baseline import Baseline
from prosody.judge.judge import Judge
from prosody.measures import table
from prosody.settings import Coach as CoachSettings
from prosody.settings import Settings
from prosody.web import processes
from prosody.web.app import make_app

HOST = "127.0.0.1:8737"
SR = 16_000
SETTINGS = Settings()


def wav(y: Any, sr: int = SR, subtype: str = "PCM_16") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, y, sr, format="WAV", subtype=subtype)
    return out.getvalue()


def spoken(seconds: float = 3.0, seed: int = 0, **how: Any) -> Any:
    return synthetic_voice(seconds, SR, seed=seed, **how)


def room(seconds: float, seed: int = 9, level: float = 1e-3) -> Any:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * SR))).astype("f4")


# --- what is drawn


def test_lines_of_a_tone_are_its_pitch_its_level_and_its_peak() -> None:
    t = np.arange(SR) / SR
    y = (0.5 * sum(np.sin(2 * np.pi * 110 * k * t) / k for k in range(1, 15))).astype("f4")
    y *= 0.5 / np.abs(y).max()
    drawn = contours.draw(y, SR)
    inner = slice(10, -10)
    assert np.allclose(np.diff(drawn.time_s), 0.01)
    assert np.allclose(drawn.f0_st[inner], 24.0, atol=0.05)  # 110 Hz is two octaves above 27.5
    rms_db = 20 * math.log10(float(np.sqrt(np.mean(y**2))))
    assert np.allclose(drawn.level_db[inner], rms_db, atol=0.5)
    assert drawn.peaks.max() == pytest.approx(0.5, abs=1e-3)
    told_lines = json.loads(drawn.as_json())
    assert {len(v) for k, v in told_lines.items() if k != "step_s"} == {len(drawn.time_s)}


def test_lines_of_silence_have_no_pitch_and_a_floor() -> None:
    drawn = contours.draw(np.zeros(SR, "f4"), SR)
    assert np.isnan(drawn.f0_st).all()
    assert (drawn.level_db == contours.FLOOR_DB).all()
    assert json.loads(drawn.as_json())["f0_st"][0] is None


def test_lines_of_nothing_are_empty() -> None:
    assert json.loads(contours.draw(np.zeros(10, "f4"), SR).as_json())["time_s"] == []


def test_pauses_are_the_gaps_long_enough() -> None:
    speech = np.array([[0.0, 1.0], [1.2, 2.0], [2.25, 3.0], [4.0, 5.0]])
    assert contours.pauses(speech, 0.25).tolist() == [[2.0, 2.25], [3.0, 4.0]]
    assert contours.pauses(np.zeros((0, 2)), 0.25).shape == (0, 2)


def test_the_end_is_told_against_the_middle() -> None:
    time_s = np.arange(100) * 0.01
    f0 = np.where(np.arange(100) < 80, 30.0, 26.0)
    drawn = contours.Contours(time_s, f0, f0, f0)
    assert contours.end_st(drawn) == -4.0
    assert math.isnan(contours.end_st(replace(drawn, f0_st=np.full(100, np.nan))))


# --- reading


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "ULAW", "FLOAT"])
def test_what_is_stored_is_what_came_in(subtype: str, tmp_path: Path) -> None:
    y, _ = soundfile.read(io.BytesIO(wav(spoken(1.0), subtype=subtype)), dtype="float32")
    got, sr, coarse = take.read(wav(spoken(1.0), subtype=subtype), str(tmp_path), 60)
    assert (sr, coarse) == (SR, subtype in ("PCM_16", "ULAW"))
    np.testing.assert_array_equal(got, y)
    back, flac = take.encode(got, sr, coarse)
    again, _ = soundfile.read(io.BytesIO(flac), dtype="float32")
    np.testing.assert_array_equal(back, again)
    np.testing.assert_allclose(back, y, atol=0 if subtype != "FLOAT" else 2**-23)
    assert list(tmp_path.iterdir()) == []


def test_the_first_channel_is_taken_and_high_rates_come_down(tmp_path: Path) -> None:
    two = np.stack([spoken(1.0), np.zeros(SR, "f4")], axis=1)
    got, _, _ = take.read(wav(two), str(tmp_path), 60)
    assert np.abs(got).max() > 0.1
    got, sr, _ = take.read(wav(spoken(1.0), 96_000), str(tmp_path), 60)
    assert sr == 48_000
    assert len(got) == pytest.approx(SR / 2, abs=2)


def test_errors_name_no_path(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="plain text") as caught:
        take.listen(b"hello, this is a letter\n" * 20, str(tmp_path), 60, SETTINGS)
    assert caught.value.code == "not_audio"
    assert str(tmp_path) not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_too_long_a_take_is_refused_also_where_the_header_lies(tmp_path: Path) -> None:
    data = bytearray(wav(room(3.0)))
    with pytest.raises(RecordingError, match=r"longer than 1\.9 s") as caught:
        take.listen(bytes(data), str(tmp_path), 1.9, SETTINGS)
    assert caught.value.code == "take_too_long"


def test_a_take_a_little_too_long_is_cut_at_the_limit(tmp_path: Path) -> None:
    got = take.read(wav(spoken(3.5)), str(tmp_path), 3.0)
    assert len(got[0]) == 3 * SR
    with pytest.raises(RecordingError, match="longer than 3 s"):
        take.read(wav(spoken(4.1)), str(tmp_path), 3.0)


def test_a_voice_on_the_second_channel_only_is_heard(tmp_path: Path) -> None:
    y = spoken(1.0)
    for channels, expected in (([0 * y, y], y), ([y, 0 * y], y), ([y, 0.5 * y], y)):
        got, _, _ = take.read(wav(np.stack(channels, axis=1)), str(tmp_path), 60.0)
        assert np.allclose(got, expected, atol=1e-4)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return take.listen(wav(spoken()), str(tmp_path_factory.mktemp("room")), 60, SETTINGS)


def test_a_take_is_measured_as_analyze_measures_it(plain: Measured, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(wav(spoken()))
    (row,) = prosody.analyze(path, clips=True)
    ours = feedback.measures_of(plain.row)
    for name, value in row["measures"].items():
        assert ours[name] == (value if value is None else pytest.approx(value, rel=1e-5)), name


def test_dead_air_is_cut_and_its_noise_still_heard(tmp_path: Path) -> None:
    y = np.concatenate([room(2.0), spoken(3.0), room(1.5, seed=8)])
    got = take.listen(wav(y), str(tmp_path), 60, SETTINGS)
    assert got.duration_s < 4.2
    # Room noise of 1e-3 lies at -60 dBFS; the voice's loud moments some 45 dB above.
    assert 30 < got.snr_db < 60
    assert got.ok


def test_short_edges_stay(plain: Measured) -> None:
    assert plain.duration_s == 3.0


# --- quality first


def problems_of(y: Any, tmp_path: Path) -> dict[str, Problem]:
    got = take.listen(wav(y), str(tmp_path), 60, SETTINGS)
    return {p.code: p for p in got.problems}


def test_a_clean_take_has_no_problem(plain: Measured) -> None:
    assert plain.problems == []


def test_clipping_is_told_with_its_place(tmp_path: Path) -> None:
    y = spoken(4.0, level=0.4)
    y[2 * SR : 3 * SR] = np.clip(10 * y[2 * SR : 3 * SR], -0.5, 0.5)
    found = problems_of(y, tmp_path)
    assert found["clipped"].stops
    assert found["clipped"].start_s is not None
    assert 1.6 < found["clipped"].start_s < 3.0


def test_noise_is_warned_of_and_then_stops(tmp_path: Path) -> None:
    quiet, loud = 0.012, 0.05
    y = np.concatenate([np.zeros(SR, "f4"), spoken(4.0), np.zeros(SR, "f4")])
    some = problems_of(y + room(6.0, level=quiet), tmp_path)
    assert "too_noisy" not in some
    assert not some["noisy"].stops
    much = problems_of(y + room(6.0, level=loud), tmp_path)
    assert much["too_noisy"].stops
    assert "noisy" not in much


def test_soft_short_and_empty_takes(tmp_path: Path) -> None:
    assert "too_soft" in problems_of(spoken(3.0, level=0.2) * 0.004, tmp_path)
    assert "too_short" in problems_of(spoken(0.3), tmp_path)
    assert [*problems_of(np.zeros(2 * SR, "f4"), tmp_path)] == ["digital_silence"]


def test_music_is_told_as_music_alone(tmp_path: Path) -> None:
    n, chords = SR // 3, (262, 330, 392, 523, 392, 330, 294, 349, 440, 349) * 2
    t = np.arange(n) / SR

    def note(hz: float) -> Any:
        return np.exp(-2 * t) * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))

    y = np.concatenate([note(f) + note(1.26 * f) + note(f / 2) for f in chords])
    assert [*problems_of((0.2 * y / np.abs(y).max()).astype("f4"), tmp_path)] == ["music"]


def test_every_problem_gate_and_refusal_has_words_in_both_languages() -> None:
    from prosody.examine.gates import GATES

    for lang in ("nl", "en"):
        say = words.load("coach", lang)
        assert set(say["quality"]) == {*GATES, "noisy", "too_soft"}
        assert all(v["message"] and v["remedy"] for v in say["quality"].values())
    one, two = (words.load("coach", lang) for lang in ("nl", "en"))
    assert keys(one) == keys(two)
    assert keys(words.load("studio", "nl")) == keys(words.load("studio", "en"))


def keys(tree: Any, at: str = "") -> set[str]:
    if not isinstance(tree, dict):
        return {at}
    return {k for name, sub in tree.items() for k in keys(sub, f"{at}.{name}")}


def test_advice_covers_all_that_a_speaker_can_change() -> None:
    from prosody.judge.reasons import CHANGEABLE

    for lang in ("nl", "en"):
        say = words.load("coach", lang)["advice"]
        assert set(say) == set(CHANGEABLE)
        assert all(set(v) == {"higher", "lower"} for v in say.values())


def test_situations_stand_in_both_languages() -> None:
    for lang in ("nl", "en"):
        found = situations.situations(lang)
        ids = [s["id"] for s in found]
        assert {"late_parcel", "wrong_invoice", "broken_promise", "long_wait"} <= set(ids)
        assert len(ids) == len(set(ids)) >= 6
        for one in found:
            assert all(one[k] for k in ("title", "story", "sentence"))
            assert len(one["suggestions"]) >= 1
        texts = situations.baseline_sentences(lang)
        assert len(texts) == 3  # the third is for who reads fast
        # Aloud people read 183 words a minute (Brysbaert, "How many words do we read per
        # minute?", 2019); with a fifth of that as pauses it is what needs no remark.
        words = sum(len(text.split()) for text in texts[:2])
        assert 0.8 * 60 * words / 183 > SETTINGS.baseline.short_s
        assert max(len(text.split()) for text in texts) <= 50  # and nobody reads for long


def test_the_sentences_are_apologies_and_the_ordinary_ones_are_none() -> None:
    from prosody.language import acts
    from prosody.transcripts.turns import Turn

    for lang in ("nl", "en"):
        for one in situations.situations(lang):
            for text in (one["sentence"], *one["suggestions"]):
                found = acts.find((Turn(0.0, 4.0, text, "agent"),), lang)
                assert [a.kind for a in found] == ["apology"], text
        for text in situations.baseline_sentences(lang):
            assert not acts.find((Turn(0.0, 5.0, text, "agent"),), lang)


# --- told


def test_a_judgement_always_carries_its_uncertainty(plain: Measured) -> None:
    usual = take.OwnBaseline(b"", Baseline(plain.row.measures, 30.0))
    row = feedback.judge(plain, usual, Judge.load(None), SETTINGS)
    assert feedback.judgement(feedback.judge(plain, None, Judge.load(None), SETTINGS), "en") is None
    for lang in ("nl", "en"):
        said = feedback.judgement(row, lang)
        assert said is not None
        assert said["uncertainty"]
        assert set(said["axes"]["sincere"]) == {"rating", "low", "high", "p", "sd"}
        assert said["axes"]["sincere"]["low"] < said["axes"]["sincere"]["high"]


@pytest.mark.parametrize(
    ("p", "word"),
    [(0.99, "nearly all"), (0.8, "about 8 of 10"), (0.52, "either way"), (0.2, "about 2 of 10"),
     (0.01, "hardly any")],
)  # fmt: skip
def test_uncertainty_is_told_in_tenths(plain: Measured, p: float, word: str) -> None:
    row = replace(plain.row, verdict="unclear", axes={"sincere": axis(0.0, p=p)})
    said = feedback.judgement(row, "en")
    assert said is not None
    assert word in said["uncertainty"]


def axis(rating: float, sd: float = 0.5, p: float = 0.5) -> dict[str, Any]:
    return {"rating": rating, "sd": sd, "low": rating - sd, "high": rating + sd, "p": p,
            "contributions": {}}  # fmt: skip


@pytest.mark.parametrize("verdict", ["sincere", "put_on", "recited", "unclear", "hint"])
def test_headlines_speak_of_listeners(plain: Measured, verdict: str) -> None:
    word = {"put_on": "forced", "recited": "forced", "hint": "unclear"}.get(verdict, verdict)
    row = replace(
        plain.row,
        verdict=word,
        kind=verdict if word == "forced" else None,
        hint="recited" if verdict == "hint" else None,
        axes={"sincere": axis(0.0), "engaged": axis(0.0, p=0.1)},
    )
    for lang, listeners in (("en", "isteners"), ("nl", "uisteraars")):
        said = feedback.judgement(row, lang)
        assert said is not None
        assert listeners in said["headline"]
        if verdict in ("recited", "hint"):
            assert "9" in said["uncertainty"]


def test_gated_takes_have_no_judgement(tmp_path: Path) -> None:
    got = take.listen(wav(spoken(0.3)), str(tmp_path), 60, SETTINGS)
    row = feedback.judge(got, None, Judge.load(None), SETTINGS)
    assert feedback.judgement(row, "en") is None
    assert feedback.reasons(row, got, "en") == []
    assert feedback.advice(row, [], "en") is None


def test_a_judgement_that_was_under_way_when_the_baseline_changed_is_made_again(
    coach: Coach, plain: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session.Visit(session.Store())
    made = one.add("take", "", plain)
    values = np.zeros(len(table.NAMES))
    real = feedback.judge

    def slow(*args: Any) -> Any:
        row = real(*args)
        one.baseline = take.OwnBaseline(b"", Baseline(values, 30.0))  # a sentence came in meanwhile
        return row

    with monkeypatch.context() as held:
        held.setattr(feedback, "judge", slow)
        assert coach.judged(made, one.baseline).baseline_s == 0.0
    row = coach.judged(made, one.baseline)
    assert row.baseline_s == 30.0
    assert coach.judged(made, one.baseline) is row


def test_what_cannot_be_known_without_a_baseline_is_said() -> None:
    def said(usual: take.OwnBaseline | None, spoken_s: float, kind: str = "take") -> str:
        return " ".join(feedback.cannot_know(kind, usual, spoken_s, SETTINGS, "en"))

    values = np.zeros(len(table.NAMES))
    assert "two ordinary sentences" in said(None, 0.0)
    assert "hold only 3.2 s" in said(take.OwnBaseline(b"", None), 3.2)
    assert "only 12 s" in said(take.OwnBaseline(b"", Baseline(values, 12.0)), 12.0)
    assert "usual" not in said(take.OwnBaseline(b"", Baseline(values, 40.0)), 40.0)
    assert "example" in said(None, 0.0, "example")


def test_advice_is_the_changeable_thing_that_lowered_it_most(plain: Measured) -> None:
    relative = np.full(len(table.RELATIVE_NAMES), np.nan)
    at = {n: i for i, n in enumerate(table.RELATIVE_NAMES)}
    relative[at["loudness_peaks_per_s_log2ratio"]] = 0.5
    relative[at["pitch_p50_st_rel"]] = 4.0
    added = {"pitch_p50_st_rel": -0.9, "loudness_peaks_per_s_log2ratio": -0.4}
    row = replace(
        plain.row,
        relative=relative,
        verdict="forced",
        kind="put_on",
        axes={"sincere": {**axis(-1.0), "contributions": added}},
    )
    # Pitch weighs more, but nobody should be told to have another voice.
    assert feedback.advice(row, [], "en") == "Try it a little slower."
    assert feedback.advice(replace(row, verdict="sincere", kind=None), [], "en") is None
    raised = {**axis(1.0), "contributions": {"loudness_peaks_per_s_log2ratio": 0.4}}
    assert feedback.advice(replace(row, axes={"sincere": raised}), [], "en") is None


# --- two takes


def test_aligning_a_take_with_itself_is_the_identity(plain: Measured) -> None:
    got = compare.align(plain.lines_json, plain.lines_json)
    assert got["a_time_s"] == got["b_time_s"]
    assert got["time_share"][0] == 0
    assert got["time_share"][-1] == 1


def test_a_take_spoken_slower_in_one_half_is_followed(tmp_path: Path) -> None:
    # Words of their own loudness and pitch; in the second take the first half lasts twice as long.
    marks = [(0.3, 150, 1.0), (0.5, 110, 0.5), (0.2, 200, 0.8), (0.4, 130, 0.4), (0.3, 170, 0.9),
             (0.5, 100, 0.6)]  # fmt: skip

    def say(stretch: list[float]) -> Any:
        pieces = [room(0.1)]
        for (seconds, hz, level), factor in zip(marks, stretch, strict=True):
            t = np.arange(round(seconds * factor * SR)) / SR
            tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12))
            pieces += [(0.1 * level * tone * np.hanning(len(t)) ** 0.3).astype("f4"), room(0.08)]
        return np.concatenate(pieces)

    def middles(stretch: list[float]) -> list[float]:
        at, out = 0.1, []
        for (seconds, _, _), factor in zip(marks, stretch, strict=True):
            out.append(at + seconds * factor / 2)
            at += seconds * factor + 0.08
        return out

    even, slow = [1.0] * 6, [2.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    a, b = (contours.draw(say(s), SR).as_json() for s in (even, slow))
    got = compare.align(a, b)
    followed = np.interp(middles(even), got["a_time_s"], got["b_time_s"])
    np.testing.assert_allclose(followed, middles(slow), atol=0.12)
    assert np.all(np.diff(got["b_time_s"]) >= 0)
    # Even steps alone would be wrong by half a second in the middle.
    linear = np.array(middles(even)) * len(say(slow)) / len(say(even))
    assert np.abs(linear - middles(slow)).max() > 0.3


@pytest.mark.parametrize("seed", range(8))
def test_the_steps_matched_are_librosas(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    from librosa import sequence

    for name in ("__dtw_calc_accu_cost", "__dtw_backtracking"):  # compiling takes half a minute
        monkeypatch.setattr(sequence, name, getattr(sequence, name).py_func)
    rng = np.random.default_rng(seed)
    a, b = (np.cumsum(rng.normal(size=(3, n)), axis=1) for n in rng.integers(3, 60, 2))
    if seed % 2:
        a, b = a.round(), b.round()
    _, path = sequence.dtw(a, b, global_constraints=True, band_rad=compare.BAND)
    np.testing.assert_array_equal(compare.warped(a, b), path[::-1])


def test_aligning_takes_of_nothing_gives_nothing() -> None:
    empty = contours.draw(np.zeros(10, "f4"), SR).as_json()
    assert compare.align(empty, empty)["a_time_s"] == []


def a_take(measured: Measured, kind: session.Kind = "take", **changed: Any) -> session.Take:
    values = dict(zip(table.NAMES, measured.row.measures.tolist(), strict=True))
    own = {k: changed.pop(k) for k in list(changed) if k in values}
    row = replace(measured.row, measures=np.array([{**values, **own}[n] for n in table.NAMES]))
    return session.Take("k", kind, "n", "", "", replace(measured, row=row, **changed))


def texts(a: session.Take, b: session.Take, lang: str = "en") -> dict[str, tuple[str, bool]]:
    found = compare.changes(a, b, SETTINGS, lang)
    return {c["measure"]: (c["text"], c["noticeable"]) for c in found}


def test_changes_are_plain_numbers_and_small_ones_are_said_to_be_small(plain: Measured) -> None:
    a = a_take(plain, loudness_peaks_per_s=5.0, pitch_p50_st=30.0, pitch_range_st=6.0,
               end_st=0.0, level_db=-20.0, pauses=[])  # fmt: skip
    b = a_take(plain, loudness_peaks_per_s=4.1, pitch_p50_st=30.4, pitch_range_st=6.0,
               end_st=-2.0, level_db=-21.0, pauses=[(1.0, 1.5)])  # fmt: skip
    assert texts(a, b) == {
        "pace": ("18 % slower", True),
        "end": ("ends 2 semitones lower", True),
        "pauses": ("one pause more", True),
        "pitch": ("0.4 semitones higher", False),
        "loudness": ("1 dB softer", False),
    }
    assert texts(a, b, "nl")["end"] == ("eindigt 2 halve tonen lager", True)
    assert texts(b, a)["pauses"] == ("one pause less", True)
    # The most audible stands first.
    assert compare.changes(a, b, SETTINGS, "en")[0]["measure"] == "pace"


def test_the_same_take_has_no_changes(plain: Measured) -> None:
    assert compare.changes(a_take(plain), a_take(plain), SETTINGS, "en") == []


def test_two_voices_are_not_compared_in_pitch_and_loudness(plain: Measured) -> None:
    a = a_take(plain, "example", pitch_p50_st=20.0, level_db=-40.0)
    b = a_take(plain, pitch_p50_st=35.0, level_db=-10.0)
    assert not set(texts(a, b)) & {"pitch", "loudness"}


def test_what_is_noticed_can_be_set(plain: Measured) -> None:
    a, b = a_take(plain, pitch_p50_st=30.0), a_take(plain, pitch_p50_st=30.4)
    keen = Settings(coach=CoachSettings(notice_pitch_st=0.3))
    (found,) = compare.changes(a, b, keen, "en")
    assert found["noticeable"]


def test_missing_measures_change_nothing(plain: Measured) -> None:
    nothing = {n: math.nan for n in ("loudness_peaks_per_s", "pitch_p50_st", "pitch_range_st")}
    a = a_take(plain, **nothing, end_st=math.nan)
    assert compare.changes(a, a_take(plain), SETTINGS, "en") == []


def test_which_sounded_more_sincere_comes_with_its_probability(
    plain: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Judge.load(None)

    def told_of(p: float, noticeable: bool = True, **how: Any) -> Any:
        monkeypatch.setattr(compare, "second_more_sincere", lambda *_: (p, p - 0.1, p + 0.05))
        return compare.which(plain.row, plain.row, noticeable, listener, SETTINGS, "en", **how)

    won = told_of(0.88)
    assert (won["which"], won["p"], won["low"], won["high"]) == ("b", 0.88, 0.78, 0.93)
    won = told_of(0.12)
    assert (won["which"], won["p"], won["low"], won["high"]) == ("a", 0.88, 0.83, 0.98)
    even = told_of(0.55, noticeable=False)
    assert even["which"] is None
    assert even["text"] == "No difference a listener would notice."
    still_open = told_of(0.55)
    assert still_open["which"] is None
    assert "55 in 100" in still_open["text"]
    noisy = told_of(0.88, noisy=True)
    assert (noisy["which"], noisy["p"]) == (None, None)
    assert "noise differs too much" in noisy["text"]
    monkeypatch.undo()
    assert compare.which(None, plain.row, True, listener, SETTINGS, "en")["which"] is None
    gated = replace(plain.row, gates=("clipped",))
    assert compare.which(gated, plain.row, True, listener, SETTINGS, "en")["p"] is None


def test_a_pair_is_held_against_itself_also_without_ordinary_speech(plain: Measured) -> None:
    told_of = compare.which(plain.row, plain.row, False, Judge.load(None), SETTINGS, "en")
    assert told_of["p"] == pytest.approx(0.5, abs=0.01)


# --- a visit


def test_a_visit_is_bounded(plain: Measured) -> None:
    store = session.Store(most_bytes=10 * (len(plain.flac) + len(plain.lines_json)))
    one = session.Visit(store)
    for _ in range(10):
        one.add("take", "", plain)
    with pytest.raises(session.Full, match="memory"):
        one.add("take", "", plain)
    one.clear()
    assert store.held == 0
    assert one.epoch == 1
    with one.place("take"):
        one.coming += session.MOST_TAKES - 1
        with pytest.raises(session.Full, match="too_many"), one.place("take"):
            pass
        with one.place("baseline"):
            pass


def test_a_sentence_read_again_takes_the_place_of_the_first(plain: Measured) -> None:
    one = session.Visit(session.Store())
    for text in ("a", "b", "a"):
        one.add("baseline", text, plain)
    assert [t.sentence for t in one.sentences] == ["b", "a"]
    for i in range(20):
        one.add("baseline", f"{i}", plain)
    assert len(one.sentences) == session.MOST_SENTENCES
    assert one.store.held == session.MOST_SENTENCES * one.sentences[0].size
    assert one.takes == {}


def test_kept_files_never_write_over_others(plain: Measured, tmp_path: Path) -> None:
    found = {"take-1.flac": b"a", "take-1.json": b"b"}
    assert export.write(found, tmp_path / "new") == ["take-1.flac", "take-1.json"]
    assert export.write(found, tmp_path / "new") == ["take-1-2.flac", "take-1-2.json"]
    if os.name == "posix":
        assert (tmp_path / "new" / "take-1.flac").stat().st_mode & 0o077 == 0


def test_takes_of_one_name_that_are_kept_at_once_are_all_kept(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(k: int) -> list[str]:
        return export.write({"take-1.flac": b"%d" % k, "take-1.json": b"%d" % k}, tmp_path)

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(one, range(16)))
    held = {
        (tmp_path / sound).read_bytes(): (tmp_path / about).read_bytes() for sound, about in names
    }
    assert held == {b"%d" % k: b"%d" % k for k in range(16)}


# --- the workroom


def crash() -> None:
    os._exit(3)


def ask_pid() -> int:
    return os.getpid()


def sleepy(seconds: float) -> None:
    time.sleep(seconds)


def no_warming(folder: str) -> None:
    pass


def test_a_worker_that_crashes_or_hangs_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr(processes, "LIMIT_S", 1.0)

    async def go() -> tuple[int, int, int]:
        first = await house.run(ask_pid)
        with pytest.raises(RecordingError, match="crash") as caught:
            await house.run(crash)
        assert caught.value.code == "crashed"
        monkeypatch.setattr(processes, "LIMIT_S", 20.0)
        second = await house.run(ask_pid)
        monkeypatch.setattr(processes, "LIMIT_S", 0.5)
        with pytest.raises(RecordingError, match="too long"):
            await house.run(sleepy, 30.0)
        monkeypatch.setattr(processes, "LIMIT_S", 20.0)
        return first, second, await house.run(ask_pid)

    house = processes.Processes(no_warming, 1, tmp_path)
    house.open()
    try:
        assert house.folder.parent == tmp_path
        if os.name == "posix":
            assert house.folder.stat().st_mode & 0o077 == 0
        first, second, third = asyncio.run(go())
        assert len({first, second, third, os.getpid()}) == 4
    finally:
        house.close()
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_died_while_it_had_nothing_to_do_costs_nobody_a_take(tmp_path: Path) -> None:
    import asyncio

    async def go() -> tuple[int, int]:
        first = await house.run(ask_pid)
        (process,) = house._processes
        for one in process.pool._processes.values():
            psutil.Process(one.pid).kill()
        for _ in range(1000):
            if process.pool._flags.broken:
                break
            await asyncio.sleep(0.01)
        assert process.pool._flags.broken
        return first, await asyncio.wait_for(house.run(ask_pid), 60)

    house = processes.Processes(no_warming, 1, tmp_path)
    house.open()
    try:
        first, second = asyncio.run(go())
    finally:
        house.close()
    assert first != second


def test_a_worker_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr(processes, "AGAIN_S", 0.0)
    house = processes.Processes(no_warming, 1, tmp_path)
    house.open()
    start, failed = house._start, []

    def short_of_memory() -> Any:
        if len(failed) < 2:
            failed.append(1)
            raise OSError("Cannot allocate memory")
        return start()

    async def go() -> int:
        with pytest.raises(RecordingError, match="crash"):
            await house.run(crash)
        return await asyncio.wait_for(house.run(ask_pid), 60)

    monkeypatch.setattr(house, "_start", short_of_memory)
    try:
        assert asyncio.run(go()) != os.getpid()
    finally:
        house.close()
    assert len(failed) == 2


def test_what_is_quick_goes_before_what_waits_and_who_leaves_loses_nothing(
    tmp_path: Path,
) -> None:
    import asyncio

    done: list[str] = []

    async def go() -> None:
        async def piece(name: str, seconds: float, soon: bool = False) -> None:
            await house.run(sleepy, seconds, soon=soon)
            done.append(name)

        first = asyncio.create_task(piece("first", 0.4))
        await asyncio.sleep(0.05)
        long = [asyncio.create_task(piece(f"long {i}", 0.01)) for i in range(3)]
        left = asyncio.create_task(piece("left", 0.01))
        quick = asyncio.create_task(piece("quick", 0.0, soon=True))
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.gather(first, *long, quick)
        # Somebody who leaves while his work is being done does not take the process along.
        gone = asyncio.create_task(piece("gone", 0.3))
        await asyncio.sleep(0.05)
        gone.cancel()
        await piece("last", 0.0)

    house = processes.Processes(no_warming, 1, tmp_path)
    house.open()
    try:
        asyncio.run(asyncio.wait_for(go(), 60))
    finally:
        house.close()
    assert done == ["first", "quick", "long 0", "long 1", "long 2", "last"]


def broken_warming(folder: str) -> None:
    raise RuntimeError("no model here")


def test_a_house_that_cannot_be_opened_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no model"):
        processes.Processes(broken_warming, 1, tmp_path).open()
    assert list(tmp_path.iterdir()) == []


def test_a_server_whose_page_cannot_be_made_ready_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prosody.errors import ProsodyError
    from prosody.web import serve

    page, said = Coach(workers=1), []

    def broken() -> None:
        raise RuntimeError("no model here")

    monkeypatch.setattr(page, "open", broken)
    with pytest.raises(ProsodyError, match="did not start"):
        serve.serve([page], serve.Where(port=0), browser=False, announce=said.append)
    assert said == []


def test_an_error_of_the_work_comes_back_as_it_is(tmp_path: Path) -> None:
    import asyncio

    house = processes.Processes(no_warming, 1, tmp_path)
    house.open()
    try:
        with pytest.raises(RecordingError, match="plain text") as caught:
            asyncio.run(house.run(take.listen, b"a letter\n" * 30, str(house.folder), 60, SETTINGS))
        assert caught.value.code == "not_audio"
        assert caught.value.remedy
    finally:
        house.close()


def test_only_folders_that_servers_left_behind_are_wiped(tmp_path: Path) -> None:
    mine = processes.make_folder(tmp_path)
    gone = tmp_path / f"{processes.PREFIX}999999999-abc"
    again = tmp_path / f"{processes.PREFIX}{os.getpid()}-reused"  # its number was given again
    for folder in (gone, again):
        folder.mkdir()
        (folder / "began").write_text("1000.0")
        (folder / "take-x").write_bytes(b"a voice")
    other = tmp_path / f"{processes.PREFIX}notes"
    other.mkdir()
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_text("stays")
    if os.name == "posix":
        (tmp_path / f"{processes.PREFIX}999999998-link").symlink_to(target)
    assert processes.wipe_stale(tmp_path) == 2
    assert mine.is_dir()
    assert other.is_dir()
    assert (target / "file").is_file()
    assert not gone.exists()
    assert not again.exists()


# --- over HTTP


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    return Coach(
        workers=1,
        parent=tmp_path_factory.mktemp("parent"),
        keep_in=tmp_path_factory.mktemp("kept") / "takes",
    )


@pytest.fixture(scope="module")
def house(coach: Coach) -> Iterator[TestClient]:
    app = make_app([coach], token="secret", hosts=[HOST])
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(house: TestClient) -> Iterator[TestClient]:
    house.cookies.clear()
    house.get("/?token=secret")
    yield house
    house.post("/api/forget")


def send(client: TestClient, y: Any, **asked: str) -> Any:
    return client.post("/api/takes", params=asked, content=wav(y))


def test_the_page_begins_with_all_it_needs(client: TestClient) -> None:
    for lang in ("nl", "en"):
        got = client.get(f"/api/start?lang={lang}").json()
        assert got["languages"] == ["en", "nl"]
        assert got["limits"]["max_s"] >= 30
        assert len(got["baseline_sentences"]) == 3
        assert got["words"]["page"]["title"]
        assert got["judge"]["research"] is True
        assert got["keep"] == {"folder": True}


def test_a_take_comes_back_in_the_form_agreed_on(client: TestClient) -> None:
    answer = send(client, spoken(), kind="take", lang="en", sentence="I'm sorry.")
    assert answer.status_code == 200
    got = answer.json()
    assert {"id", "kind", "name", "created", "duration_s", "sr_hz", "quality", "lines", "range",
            "pauses", "numbers", "words", "judgement", "reasons", "next", "cannot_know",
            "measures", "told_ms"} <= set(got)  # fmt: skip
    assert (got["kind"], got["duration_s"], got["sr_hz"]) == ("take", 3.0, SR)
    assert got["quality"]["ok"] is True
    assert got["range"] is None
    assert len(got["reasons"]) <= 3
    assert all({"text", "start_s", "end_s", "measure"} <= set(r) for r in got["reasons"])
    assert got["cannot_know"]
    assert set(got["measures"]) == set(table.NAMES)
    assert len(got["lines"]["time_s"]) == pytest.approx(300, abs=3)


def test_a_take_with_its_baseline_is_judged_as_analyze_judges_the_kept_files(
    client: TestClient, tmp_path: Path
) -> None:
    first = send(client, spoken(seed=3, f0_hz=150.0), kind="take").json()
    for i, text in enumerate(("one", "two")):
        made = send(client, spoken(5.0, seed=i), kind="baseline", sentence=text).json()
        assert made["judgement"] is None
        assert made["quality"]["ok"]
    listed = client.get("/api/takes?lang=en").json()
    assert listed["baseline"]["sentences"] == ["one", "two"]
    assert listed["baseline"]["seconds"] > 5
    (got,) = listed["takes"]  # judged again, now against the baseline
    assert got["range"]["low_st"] < got["range"]["mid_st"] < got["range"]["high_st"]
    assert first["judgement"] is None
    assert first["no_baseline"] is True
    assert got["no_baseline"] is False
    answer = client.get(f"/api/takes/{got['id']}/keep?what=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path)
        names = packed.namelist()
    (usual,) = [n for n in names if n.endswith("baseline.flac")]
    (sound,) = [n for n in names if n.endswith(".flac") and n != usual]
    (row,) = prosody.analyze(tmp_path / sound, clips=True, baseline=tmp_path / usual)
    assert row["verdict"] == got["judgement"]["verdict"]
    for one in got["judgement"]["axes"]:
        for name in ("rating", "sd", "low", "high", "p"):
            ours = got["judgement"]["axes"][one][name]
            assert ours == pytest.approx(row[one][name], abs=1e-5), (one, name)
    assert [r["measure"] for r in got["reasons"]] == [r["measure"] for r in row["reasons"]]
    record = json.loads((tmp_path / sound.replace(".flac", ".json")).read_text(encoding="utf-8"))
    for name, value in row["relative"].items():
        ours = record["relative"][name]
        assert ours == (value if value is None else pytest.approx(value, rel=1e-4, abs=1e-5)), name
    assert record["baseline_s"] == pytest.approx(row["baseline_s"])
    assert len(record["judge"]["sha256"]) == 64


@pytest.mark.data
def test_real_takes_are_judged_as_analyze_judges_them(
    client: TestClient, data: Path, tmp_path: Path
) -> None:
    own = sorted((data / "emodb").glob("03*.flac"))
    if len(own) < 8:
        pytest.skip("EmoDB is not here")
    usual = [f.read_bytes() for f in own if f.stem[5] == "N"][:4]
    others = [f for f in own if f.stem[5] != "N"][:3]
    for i, sound in enumerate(usual):
        answer = client.post(f"/api/takes?kind=baseline&sentence={i}", content=sound)
        assert answer.json()["quality"]["ok"]
    path = tmp_path / "usual.flac"
    path.write_bytes(take.join(usual))
    rows = prosody.analyze(others, clips=True, baseline=path)
    for sound, row in zip(others, rows, strict=True):
        got = client.post("/api/takes?kind=take", content=sound.read_bytes()).json()
        assert got["judgement"]["verdict"] == row["verdict"]
        for one in got["judgement"]["axes"]:
            ours = got["judgement"]["axes"][one]["rating"]
            assert ours == pytest.approx(row[one]["rating"], abs=1e-4)


def test_a_spoiled_baseline_sentence_is_not_taken_in(client: TestClient) -> None:
    got = send(client, spoken(0.3), kind="baseline", sentence="one", lang="nl").json()
    assert not got["quality"]["ok"]
    assert got["quality"]["problems"][0]["remedy"]
    assert client.get("/api/takes").json()["baseline"]["sentences"] == []


def test_too_little_baseline_is_said(client: TestClient) -> None:
    send(client, spoken(2.0), kind="baseline", sentence="one")
    got = send(client, spoken(), kind="take", lang="en").json()
    assert got["range"] is None
    assert "5 s are needed" in got["cannot_know"][0]


def test_an_example_is_nobodys_usual_voice(client: TestClient) -> None:
    for i in range(2):
        send(client, spoken(5.0, seed=i), kind="baseline", sentence=str(i))
    got = send(client, spoken(), kind="example", lang="en").json()
    assert got["range"] is None
    assert "example" in got["cannot_know"][0]


def test_two_takes_compared(client: TestClient) -> None:
    a = send(client, spoken()).json()["id"]
    b = send(client, spoken(f0_hz=160.0)).json()["id"]
    got = client.get(f"/api/compare?a={a}&b={b}&lang=en").json()
    sizes = {len(got["aligned"][k]) for k in ("time_share", "a_time_s", "b_time_s")}
    assert sizes == {150}
    by = {c["measure"]: c for c in got["changes"]}
    assert by["pitch"]["noticeable"]  # 120 to 160 Hz are 5 semitones
    assert by["pitch"]["text"].endswith("semitones higher")
    assert got["verdict"]["which"] in ("a", "b", None)
    assert 0.5 <= got["verdict"]["p"] <= 1
    assert client.get(f"/api/compare?a={a}&b={a}").json()["code"] == "same"
    assert client.get(f"/api/compare?a={a}&b=zzz").status_code == 404


def test_sound_is_given_whole_and_in_parts(client: TestClient) -> None:
    y = spoken(1.5)
    key = send(client, y).json()["id"]
    whole = client.get(f"/api/takes/{key}/sound")
    assert whole.headers["content-type"] == "audio/wav"
    back, sr = soundfile.read(io.BytesIO(whole.content), dtype="float32")
    assert sr == SR
    np.testing.assert_allclose(back, soundfile.read(io.BytesIO(wav(y)), dtype="float32")[0])
    data, path = whole.content, f"/api/takes/{key}/sound"
    for asked, expected in (
        ("bytes=0-43", data[:44]),
        ("bytes=100-", data[100:]),
        ("bytes=-10", data[-10:]),
    ):
        part = client.get(path, headers={"range": asked})
        assert (part.status_code, part.content) == (206, expected)
        assert part.headers["content-range"].endswith(f"/{len(data)}")
    assert client.get(path, headers={"range": "bytes=99999999-"}).status_code == 416
    assert client.get(path, headers={"range": "bytes=5-2"}).status_code == 416
    for asked in ("lines=1-2", "bytes=-", "bytes=a-b", "bytes=0-1,3-4"):
        assert client.get(path, headers={"range": asked}).status_code == 200


def test_keeping_writes_to_the_folder_named_at_the_start(client: TestClient, coach: Coach) -> None:
    key = send(client, spoken(1.5)).json()["id"]
    assert client.get(f"/api/takes/{key}/keep?what=flac").content[:4] == b"fLaC"
    record = client.get(f"/api/takes/{key}/keep?what=json").json()
    assert "lines" not in record
    assert record["claim"].startswith("Predicted")
    told_back = client.post(f"/api/takes/{key}/keep").json()
    assert coach.keep_in is not None
    for name in told_back["files"]:
        assert (coach.keep_in / name).is_file()
        assert os.sep not in name
    assert client.get(f"/api/takes/{key}/keep?what=../../etc/passwd").status_code == 400


def test_keeping_without_a_folder_says_how(client: TestClient, coach: Coach) -> None:
    key = send(client, spoken(1.5)).json()["id"]
    coach.keep_in, folder = None, coach.keep_in
    try:
        answer = client.post(f"/api/takes/{key}/keep?lang=nl")
    finally:
        coach.keep_in = folder
    assert (answer.status_code, answer.json()["code"]) == (409, "no_folder")
    assert "--keep" in answer.json()["remedy"]


def test_wiping_one_and_wiping_all(client: TestClient, coach: Coach) -> None:
    a, b = (send(client, spoken(1.5)).json()["id"] for _ in range(2))
    assert client.delete(f"/api/takes/{a}").status_code == 204
    assert client.delete(f"/api/takes/{a}").status_code == 404
    assert client.get(f"/api/takes/{a}/sound").status_code == 404
    assert [t["id"] for t in client.get("/api/takes").json()["takes"]] == [b]
    assert client.post("/api/forget").status_code == 204
    assert client.get("/api/takes").json() == {
        "baseline": {"seconds": 0.0, "sentences": []},
        "takes": [],
    }
    assert coach.store.held == 0
    assert [p.name for p in coach.processes.folder.iterdir()] == ["began"]


def test_two_visits_know_nothing_of_each_other(client: TestClient, house: TestClient) -> None:
    key = send(client, spoken(1.5)).json()["id"]
    one = client.cookies.get("prosody")
    client.cookies.clear()
    client.get("/?token=secret")
    assert client.get("/api/takes").json()["takes"] == []
    for path in (f"/api/takes/{key}/sound", f"/api/takes/{key}/keep", f"/api/compare?a={key}&b=x"):
        assert client.get(path).status_code == 404
    assert client.delete(f"/api/takes/{key}").status_code == 404
    client.post("/api/forget")
    client.cookies.clear()
    client.cookies.set("prosody", one)
    assert [t["id"] for t in client.get("/api/takes").json()["takes"]] == [key]


def test_a_take_that_is_listened_to_while_all_is_wiped_is_wiped_too(
    client: TestClient, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    listened = coach.processes.run

    async def wiped_meanwhile(task: Any, *args: Any) -> Any:
        out = await listened(task, *args)
        for visitor_visit in seen:
            visitor_visit.clear()
        return out

    seen: list[session.Visit] = []
    whose = coach.visit

    def noted(request: Any) -> session.Visit:
        seen.append(whose(request))
        return seen[-1]

    monkeypatch.setattr(coach, "visit", noted)
    monkeypatch.setattr(coach.processes, "run", wiped_meanwhile)
    answer = send(client, spoken(1.5), lang="en")
    assert (answer.status_code, answer.json()["code"]) == (409, "wiped")
    assert coach.store.held == 0
    assert client.get("/api/takes").json()["takes"] == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"a letter to nobody\n" * 9, "not_audio"),
        (b"<html><script>alert(1)</script></html>", "not_audio"),
        (b"%PDF-1.7 " + b"x" * 100, "not_audio"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", None),
        (os.urandom(500), None),
        (b"ID3" + b"\0" * 200, None),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 100, None),
    ],
)
def test_what_is_no_sound_is_refused_in_words(
    client: TestClient, content: bytes, code: str | None
) -> None:
    for lang in ("nl", "en"):
        answer = client.post(f"/api/takes?lang={lang}", content=content)
        assert answer.status_code == 422
        said = answer.json()
        assert said["code"] == (code or said["code"])
        assert said["message"]
        assert said["remedy"]
        assert "/" not in said["message"] or "prosody-studio" not in said["message"]


def test_limits_of_size_length_kind_and_number(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client.post("/api/takes?lang=en", content=b"x" * (MAX_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = client.post("/api/takes", content=wav(np.zeros(62 * 8000, "f4"), 8000))
    assert (answer.status_code, answer.json()["code"]) == (422, "take_too_long")
    assert send(client, spoken(1.0), kind="song").json()["code"] == "bad_kind"
    assert client.post("/api/takes/x/y", content=b"x" * 70_000).status_code == 413
    monkeypatch.setattr(session, "MOST_TAKES", 1)
    assert send(client, spoken(1.5)).status_code == 200
    answer = send(client, spoken(1.5))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")


def test_what_is_on_its_way_in_has_a_limit_too(
    client: TestClient, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = wav(spoken(1.5))
    monkeypatch.setattr(coach.store, "most_bytes", len(data) + 100_000)
    with coach.store.arriving(100_001):
        answer = client.post("/api/takes?lang=en", content=data)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        # Where nothing is said of the length, it may be as long as may be.
        assert client.post("/api/takes", content=iter([data])).status_code == 503
    assert coach.store.coming == 0
    assert client.post("/api/takes", content=data).status_code == 200
    assert coach.store.coming == 0


def test_hostile_keys_and_sentences_change_nothing(client: TestClient) -> None:
    text = "<script>alert(1)</script>" + "é" * 1000
    got = send(client, spoken(1.5), sentence=text).json()
    assert got["sentence"] == text[:400]
    for key in ("..", "%2e%2e%2fsecret", "../../etc/passwd", "x" * 5000, "%00"):
        assert client.get(f"/api/takes/{key}/sound").status_code in (403, 404)
