"""Does a transcript fit the sound? Made calls: turns drawn at random, voice exactly under them."""

from dataclasses import replace

import numpy as np
import pytest

from prosody.transcripts import alignment
from prosody.transcripts.alignment import (
    Clock,
    estimate,
    evidence,
    faults,
    fitted,
    mended,
    moved,
    phrases,
)
from prosody.transcripts.turns import Turn, Word


def said(start_s, length_s, role="agent", text="", words=True):
    """A turn of words of a third of a second each."""
    n = max(2, round(length_s / 0.33))
    step = length_s / n
    texts = text.split() or [f"word{i}" for i in range(n)]
    step = length_s / len(texts)
    timed = tuple(
        Word(t, start_s + i * step, start_s + (i + 1) * step) for i, t in enumerate(texts)
    )
    return Turn(start_s, start_s + length_s, " ".join(texts), role, timed if words else ())


def call(seed=1, turns=24):
    """Two people in turn, with pauses; returns turns, sides, voices and length."""
    rng = np.random.default_rng(seed)
    at, out = 1.0, []
    for i in range(turns):
        length = float(rng.uniform(1.0, 6.0))
        out.append(said(at, length, "agent" if i % 2 == 0 else "customer"))
        at += length + float(rng.uniform(0.3, 1.5))
    sides = [0 if t.role == "agent" else 1 for t in out]
    voices = tuple(
        np.array([(t.start_s - 0.05, t.end_s + 0.05) for t, s in zip(out, sides, strict=True)
                  if s == k]) for k in (0, 1)
    )  # fmt: skip
    return out, sides, voices, at


def changed(turns, offset_s=0.0, rate=0.0):
    """What a transcript would say whose clock is off: sound time is t * (1 + rate) + offset."""
    wrong = Clock("corrected", offset_s, rate)
    return [moved(t, wrong) for t in turns]


def off_s(clock, turns, truth):
    return max(abs(clock.at(t.start_s) - u.start_s) for t, u in zip(turns, truth, strict=True))


def test_a_transcript_that_fits_is_left_as_it_is():
    turns, sides, voices, end = call()
    clock = estimate(evidence(turns, sides, voices), end)
    assert clock.state == "fits"
    assert (clock.offset_s, clock.rate) == (0.0, 0.0)
    assert clock.kappa > 0.9


@pytest.mark.parametrize("offset_s", [-20.0, -3.0, -0.7, 0.7, 4.0, 20.0])
def test_an_offset_is_found_and_put_right(offset_s):
    turns, sides, voices, end = call()
    wrong = changed(turns, offset_s)
    clock = estimate(evidence(wrong, sides, voices), end)
    assert clock.state == "corrected"
    assert clock.offset_s == pytest.approx(-offset_s, abs=0.15)
    assert off_s(clock, wrong, turns) < 0.2


@pytest.mark.parametrize("rate", [-0.03, -0.02, 0.01, 0.03])
def test_a_drift_is_found_and_put_right(rate):
    turns, sides, voices, end = call()
    wrong = changed(turns, 2.0, rate)
    clock = estimate(evidence(wrong, sides, voices), end)
    assert clock.state == "corrected"
    assert off_s(clock, wrong, turns) < 0.35


def test_a_drift_that_few_turns_show_is_withheld():
    """Six turns a minute apart lie under voice with a drift; as many drifts do by chance."""
    long = [said(60.0 * i + 1.0, 2.0 + 0.5 * (i % 3)) for i in range(6)]
    voices = (np.array([(t.start_s, t.end_s) for t in long]),)
    wrong = changed(long, 0.0, 0.03)
    clock = estimate(evidence(wrong, [0] * 6, voices), 310.0)
    assert clock.state == "unsure"
    assert clock.rate == pytest.approx(-0.03, abs=0.002)


def test_a_short_turn_inside_of_anothers_is_no_conflict_on_one_channel():
    one = said(1.0, 1.65, "agent")
    other = said(1.7, 0.62, "customer")
    far = [said(10.0 * i, 2.0, "agent") for i in range(1, 5)]
    turns = [one, other, *far]
    voice = np.array([(t.start_s, t.end_s) for t in (one, *far)])
    assert faults(turns, [0] * len(turns), (voice,))[0] == ""
    hers = [one, replace(other, role="agent"), *far]  # nobody says two things at once
    assert faults(hers, [0] * len(turns), (voice,))[0] == "conflict"


def test_without_word_times_the_turns_tell_the_clock():
    turns, sides, voices, end = call()
    wrong = [replace(t, words=()) for t in changed(turns, 3.0)]
    clock = estimate(evidence(wrong, sides, voices), end)
    assert clock.state == "corrected"
    assert clock.offset_s == pytest.approx(-3.0, abs=0.15)


def test_one_channel_of_two_people_tells_the_clock_by_its_pauses():
    turns, _, voices, end = call()
    both = np.concatenate(voices)
    both = both[np.argsort(both[:, 0])]
    wrong = changed(turns, 5.0)
    clock = estimate(evidence(wrong, [0] * len(wrong), (both,)), end)
    assert clock.state == "corrected"
    assert clock.offset_s == pytest.approx(-5.0, abs=0.15)


def test_the_transcript_of_another_call_fits_nowhere():
    turns, sides, _, _ = call(1)
    _, _, voices, end = call(2)
    assert estimate(evidence(turns, sides, voices), end).state == "unsure"


def test_one_time_far_behind_the_sound_is_no_drift(monkeypatch):
    """And no reason to look at the shifts of a hundred hours, which takes gigabytes."""
    turns, sides, voices, end = call(1)
    stray = replace(turns[5], end_s=362_439.0, words=())
    asked = []
    of_lags = alignment._lags
    monkeypatch.setattr(alignment, "_lags", lambda reach: asked.append(reach) or of_lags(reach))
    clock = estimate(evidence([*changed(turns, 9.0), stray], [*sides, 0], voices), end)
    assert clock.state != "fits"
    assert max(asked) < 2 * alignment.REACH_S + end


def test_no_times_tell_nothing():
    nan = float("nan")
    turns = [Turn(nan, nan, "hello there", "agent")]
    assert estimate(evidence(turns, [0], (np.zeros((0, 2)),)), 10.0).state == "unknown"


def test_lost_frames_show_as_a_break_and_withhold_what_comes_after():
    turns, sides, voices, end = call()
    cut, gap = turns[12].start_s - 0.2, 4.0
    shorter = tuple(np.where(v < cut, v, v - gap) for v in voices)
    found = fitted(turns, sides, shorter, end - gap)
    assert found.clock.state == "broken"
    assert found.clock.after_s - found.clock.before_s == pytest.approx(-gap, abs=0.2)
    assert found.clock.break_s == pytest.approx(cut, abs=8.0)
    assert all(found.faults[13:])
    assert not any(found.faults[:9])


def test_a_leg_that_begins_late_is_moved_and_the_turns_stay():
    turns, sides, voices, end = call()
    late = (voices[0] - 4.0, voices[1])  # the agent's file begins four seconds late
    found = fitted(turns, sides, late, end)
    assert found.late_s == pytest.approx((4.0, 0.0), abs=0.15)
    assert not any(found.faults)
    assert found.turns[0].start_s == turns[0].start_s


def test_a_turn_without_voice_does_not_fit():
    turns, sides, voices, _ = call()
    gone = (voices[0][voices[0][:, 0] != turns[4].start_s - 0.05], voices[1])
    assert faults(turns, sides, gone)[4] == "no_voice"
    assert sum(map(bool, faults(turns, sides, gone))) == 1


@pytest.mark.parametrize("by_s", [-17.0, -2.5, 3.0, 9.0])
def test_a_single_turn_far_off_is_never_taken_where_it_stands(by_s):
    turns, sides, voices, _ = call()
    wrong = [*turns]
    wrong[8] = moved(turns[8], Clock("corrected", by_s))
    assert faults(wrong, sides, voices)[8]


def test_two_turns_of_one_voice_at_one_time_are_in_conflict():
    turns, sides, voices, _ = call()
    again = replace(turns[2], text="something else")
    found = faults([*turns, again], [*sides, 0], voices)
    assert found[2] == found[-1] == "conflict"


def test_nobody_says_fourteen_words_in_three_quarters_of_a_second():
    text = "I am so very sorry that you had to wait for such a long time"
    turn = said(5.0, 0.75, text=text)
    assert faults([turn], [0], [np.array([[5.0, 5.75]])]) == ["pace"]
    slow = said(5.0, 3.5, text=text)
    assert faults([slow], [0], [np.array([[5.0, 8.5]])]) == [""]


def test_a_first_word_stamped_early_goes_to_its_neighbours():
    turn = said(20.0, 2.0, text="it was really our fault")
    words = (replace(turn.words[0], start_s=10.0, end_s=10.3), *turn.words[1:])
    got, trusted = mended(replace(turn, words=words, start_s=10.0))
    assert trusted
    assert got.start_s == pytest.approx(20.0, abs=0.5)
    assert got.words[0].end_s <= got.words[1].start_s + 1e-9
    assert [w.text for w in got.words] == [w.text for w in turn.words]


def test_a_first_word_that_lasts_ten_seconds_begins_where_its_end_says():
    turn = said(20.0, 2.0, text="it was really our fault")
    words = (replace(turn.words[0], start_s=10.0), *turn.words[1:])
    got, _ = mended(replace(turn, words=words, start_s=10.0))
    assert 19.0 < got.start_s < 20.3


def test_words_out_of_order_are_put_between_their_neighbours():
    turn = said(20.0, 3.0)
    words = [*turn.words]
    words[4] = replace(words[4], start_s=3.0, end_s=3.2)
    got, trusted = mended(replace(turn, words=tuple(words)))
    assert trusted
    starts = [w.start_s for w in got.words]
    assert starts == sorted(starts)
    assert got.words[4].start_s == pytest.approx(turn.words[4].start_s, abs=0.4)


def test_a_turn_whose_words_lie_scattered_is_not_trusted():
    scattered = tuple(Word(t, s, s + 0.3) for t, s in (("okay", 5.0), ("bye", 12.0), ("now", 31.0)))
    assert mended(Turn(5.0, 31.3, "okay bye now", "agent", scattered))[1] is False


def test_usual_words_stay_as_they_are():
    turn = said(20.0, 3.0)
    assert mended(turn) == (turn, True)


def test_phrases_join_words_and_leave_pauses():
    words = (Word("a", 1.0, 1.3), Word("b", 1.35, 1.6), Word("c", 3.0, 3.2))
    assert phrases(Turn(1.0, 3.2, "a b c", "agent", words)).tolist() == [[1.0, 1.6], [3.0, 3.2]]


def test_a_twentieth_of_the_words_stamped_anywhere_never_moves_a_window_far():
    rng = np.random.default_rng(3)
    turns, *_ = call()
    for turn in turns:
        words = tuple(
            replace(w, start_s=w.start_s + d, end_s=w.end_s + d)
            for w in turn.words
            for d in [float(rng.uniform(-10, 10)) if rng.random() < 0.05 else 0.0]
        )
        got, trusted = mended(replace(turn, words=words))
        if trusted:
            assert got.words[0].start_s > turn.start_s - 2.0
            assert got.words[-1].end_s < turn.end_s + 2.0
