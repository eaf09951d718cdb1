"""The window around an apology: padded, cut to speech, inside the recording, never too long."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from prosody.examine.apology_window import cut
from prosody.settings import Windows

SPEECH = np.array([[2.0, 4.0], [5.0, 9.0], [30.0, 58.0]])


def window(start_s, end_s, *, timed=True, text="sorry", turn="sorry", source="transcript", **how):
    act = SimpleNamespace(start_s=start_s, end_s=end_s, has_word_times=timed, text=text)
    got = cut(act, SPEECH, 60.0, source=source, turn_text=turn,
              chosen=Windows(**{"pad_s": 0.5, "max_s": 10.0} | how))  # fmt: skip
    return got.start_s, got.end_s, got.remarks


@pytest.mark.parametrize("source", ["transcript", "asr"])
def test_a_clause_with_word_times_is_padded(source):
    assert window(3.0, 5.0, source=source) == (2.5, 5.5, ())
    assert window(3.0, 13.0, source=source) == (2.5, 13.5, ())
    assert window(3.0, 13.5, source=source) == (2.5, 12.5, ("window_cut",))


@pytest.mark.parametrize("source", ["windows", "clips"])
def test_a_window_of_a_file_is_taken_as_it_is(source):
    assert window(3.0, 55.0, source=source, timed=False) == (3.0, 55.0, ())


def test_a_turn_without_word_times_is_cut_to_what_is_heard_in_it():
    assert window(1.0, 8.0, timed=False) == (1.5, 8.5, ("whole_turn",))
    assert window(3.0, 20.0, timed=False) == (2.5, 9.5, ("whole_turn",))
    assert window(10.0, 12.0, timed=False) == (9.5, 12.5, ("whole_turn",))  # nobody is heard
    assert window(4.0, 5.0, timed=False) == (3.5, 5.5, ("whole_turn",))  # what touches is not in it


@pytest.mark.parametrize(
    ("turn", "middle_s"),
    [
        ("sorry" + "x" * 95, 35.0),  # not before the turn
        ("x" * 45 + "sorry" + "x" * 50, 30.0 + 0.475 * 28),
        ("x" * 95 + "sorry", 53.0),  # nor after it
        ("nothing of it", 35.0),
    ],
)
def test_of_a_long_turn_the_letters_tell_where_the_apology_is(turn, middle_s):
    start_s, end_s, remarks = window(30.0, 58.0, timed=False, turn=turn)
    assert (start_s, end_s) == (pytest.approx(middle_s - 5.5), pytest.approx(middle_s + 5.5))
    assert remarks == ("window_cut",)


def test_a_window_stays_inside_the_recording_and_says_where_it_did_not():
    assert window(0.2, 1.0) == (0.0, 1.5, ())
    assert window(59.0, 59.9) == (58.5, 60.0, ())
    assert window(59.0, 60.01, source="windows") == (59.0, 60.0, ())
    assert window(59.0, 60.02, source="windows") == (59.0, 60.0, ("window_outside",))
    assert window(-0.02, 3.0, source="windows") == (0.0, 3.0, ("window_outside",))
    assert window(60.0, 61.0, source="windows") == (60.0, 60.0, ("window_beyond",))
    assert window(61.0, 62.0) == (60.5, 60.5, ("window_beyond",))
    assert window(5.0, 5.0, source="windows") == (5.0, 5.0, ("window_empty",))
    assert window(5.0, 4.0, source="windows") == (5.0, 5.0, ("window_empty",))
