"""Animation: zero at the speaker's own ordinary speech, surer with more of it, no prediction."""

from __future__ import annotations

import numpy as np
import pytest

from prosody.measures.animation import FLATTER, LIVELIER, animation


def told(pitch_st, loudness_log2, baseline_s=60.0, snr_db=np.nan, **how):
    columns = {
        "pitch_mean_st_rel": pitch_st,
        "loudness_mean_log2ratio": loudness_log2,
        "baseline_s": baseline_s,
        "snr_db": snr_db,
    }
    return animation({k: np.atleast_1d(v) for k, v in columns.items()}, **how)


def test_as_usual_is_zero_and_usual():
    found = told(0.0, 0.0)
    assert found.value[0] == 0
    assert found.p[0] == 0.5
    assert found.word == ["usual"]


def test_pitch_and_loudness_weigh_alike_in_units_of_ordinary_speech():
    higher, louder = told(1.17, 0.0), told(0.0, 0.237)
    assert higher.value[0] == pytest.approx(louder.value[0])
    assert told(1.17, 0.237).value[0] == pytest.approx(2 * higher.value[0])


def test_low_and_soft_is_flatter_and_high_and_loud_livelier():
    assert told(-2.0, -0.3).word == ["flatter"]
    assert told(2.0, 0.4).word == ["livelier"]
    assert told(-2.0, 0.4).word == ["usual"]  # one against the other


def test_little_other_speech_and_noise_make_it_less_sure():
    long, short, noisy = told(-1.2, -0.2), told(-1.2, -0.2, 6.0), told(-1.2, -0.2, snr_db=12.0)
    assert long.value[0] == short.value[0] == noisy.value[0]
    assert long.sd[0] < short.sd[0]
    assert long.sd[0] < noisy.sd[0]
    assert long.word == ["flatter"]
    assert short.word == noisy.word == ["usual"]


@pytest.mark.parametrize("seconds", [0.0, np.nan, 4.0])
def test_nothing_is_told_against_nothing(seconds):
    found = told(-3.0, -1.0, seconds, min_baseline_s=5.0)
    assert found.word == [None]
    assert np.isnan([found.value[0], found.sd[0], found.p[0]]).all()


def test_one_missing_difference_is_enough_to_say_nothing():
    assert told(np.nan, -1.0).word == [None]


def test_parts_add_up_and_a_batch_is_its_members():
    rng = np.random.default_rng(0)
    pitch, loud, seconds = rng.normal(0, 2, 9), rng.normal(0, 0.4, 9), rng.uniform(5, 90, 9)
    whole = told(pitch, loud, seconds, np.full(9, 20.0))
    np.testing.assert_allclose(sum(whole.parts.values()), whole.value)
    for i in range(9):
        one = told(pitch[i], loud[i], seconds[i], 20.0)
        assert (one.value[0], one.sd[0], one.word[0]) == (
            whole.value[i],
            whole.sd[i],
            whole.word[i],
        )


def test_limits_are_values_that_few_ordinary_clips_pass():
    # A normal spread of 1 has a tenth beyond 1.28; EmoDB's own tails stand in the constants.
    assert FLATTER < 0 < LIVELIER
    assert min(-FLATTER, LIVELIER) >= 1.0
