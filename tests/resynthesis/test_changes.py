"""A voice with one thing changed: that thing moves, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from places import synthetic_voice

pytest.importorskip("pyworld", reason="needs the extra studio")

from prosody.measures import measure, table
from prosody.resynthesis import changes, vocoder
from prosody.resynthesis.vocoder import Voice

SR = 16_000


@pytest.fixture(scope="module")
def voice() -> Voice:
    y = synthetic_voice(3.0, SR, f0_hz=140.0)
    got = measure.frames(y, SR)
    return vocoder.analyse(y, SR, got.f0_hz, got.time_s)


def measured(voice: Voice) -> dict[str, float]:
    sound = vocoder.synthesise(voice)
    return dict(zip(table.ACOUSTIC, measure.measure([sound], voice.sr_hz)[0], strict=True))


@pytest.fixture(scope="module")
def plain(voice: Voice) -> dict[str, float]:
    return measured(voice)


def test_what_is_taken_apart_and_put_together_sounds_the_same(plain: dict[str, float]) -> None:
    y = synthetic_voice(3.0, SR, f0_hz=140.0)
    own = dict(zip(table.ACOUSTIC, measure.measure([y], SR)[0], strict=True))
    assert plain["pitch_p50_st"] == pytest.approx(own["pitch_p50_st"], abs=0.3)
    assert plain["loudness_mean"] == pytest.approx(own["loudness_mean"], rel=0.15)
    assert plain["duration_s"] == pytest.approx(own["duration_s"], abs=0.02)


@pytest.mark.parametrize(
    ("change", "moves", "by"),
    [
        (lambda v: changes.pitch_level(v, -2.0), "pitch_p50_st", -2.0),
        (lambda v: changes.level(v, -6.0), "level_dbfs", -6.0),
        (lambda v: changes.pace(v, 0.8), "duration_s", 0.75),
    ],
)
def test_one_thing_moves_by_what_was_asked(
    voice: Voice, plain: dict[str, float], change: Callable[[Voice], Voice], moves: str, by: float
) -> None:
    changed = measured(change(voice))
    assert changed[moves] - plain[moves] == pytest.approx(by, abs=0.15 * abs(by) + 0.05)
    for name in {"pitch_p50_st", "duration_s", "pitch_range_st"} - {moves}:
        assert changed[name] == pytest.approx(plain[name], abs=0.25), name


def test_range_is_wider_around_the_same_middle(voice: Voice) -> None:
    wider = changes.pitch_range(voice, 1.3)
    known = np.isfinite(voice.f0_hz)
    own, changed = (np.log2(v.f0_hz[known]) for v in (voice, wider))
    assert np.median(changed) == pytest.approx(np.median(own))
    assert np.ptp(changed) == pytest.approx(1.3 * np.ptp(own))


def test_a_pause_is_put_where_the_voice_is_softest(voice: Voice) -> None:
    longer = changes.pause(voice, 1.5, 0.5)
    assert len(longer.f0_hz) == len(voice.f0_hz) + 100
    silent = np.convolve(np.isnan(longer.f0_hz), np.ones(100), "valid")
    assert silent.max() == 100
    at_s = float(longer.time_s[int(np.argmax(silent))])
    assert abs(at_s - 1.5) < changes.NEAR_S + 0.3


def test_the_end_grows_louder_and_the_beginning_stays(voice: Voice) -> None:
    firmer = changes.end_loudness(voice, 4.0)
    gain = 10 * np.log10(firmer.power.mean(axis=1) / voice.power.mean(axis=1))
    assert np.allclose(gain[: len(gain) // 2], 0.0)
    assert np.allclose(gain[-20:], 4.0)


def test_tilt_leaves_the_level_of_each_frame(voice: Voice) -> None:
    darker = changes.tilt(voice, -2.0)
    assert np.allclose(darker.power.sum(axis=1), voice.power.sum(axis=1))
    assert (darker.power[:, -1] < voice.power[:, -1]).all()


def test_unvoiced_sound_has_no_pitch_to_change() -> None:
    y: Any = (0.05 * np.random.default_rng(0).standard_normal(SR)).astype("f4")
    got = measure.frames(y, SR)
    noise = vocoder.analyse(y, SR, np.full_like(got.f0_hz, np.nan), got.time_s)
    assert np.isnan(changes.pitch_range(noise, 1.5).f0_hz).all()
    assert np.isfinite(vocoder.synthesise(changes.pitch_level(noise, 2.0))).all()
