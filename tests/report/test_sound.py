"""The sound of a page, as it is written."""

from __future__ import annotations

import numpy as np
import soundfile

from prosody.report.sound import Clip, write_sound


def test_sixteen_bits_come_back_as_they_were_and_what_is_too_loud_is_cut(tmp_path):
    whole = np.array([[-32768, -1, 0, 1, 32767] * 40, [5, -7, 12345, -20000, 3] * 40], np.int16)
    loud = whole.astype(np.float32) / 32768
    loud[1, :2] = 1.5, -1.5
    write_sound(tmp_path / "a.flac", Clip(0, 1, 8000, loud, ("agent", "customer"), (0, 1)))
    got, sr = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert sr == 8000
    np.testing.assert_array_equal(got.T[0], whole[0])
    np.testing.assert_array_equal(got.T[1, :2], [32767, -32768])
    np.testing.assert_array_equal(got.T[1, 2:], whole[1, 2:])
