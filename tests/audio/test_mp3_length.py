"""The length of an MP3 file is what was decoded, not what its first frames let one guess."""

import numpy as np
import pytest
import soundfile as sf

from prosody.audio.recording import Recording, probe
from prosody.audio.sniff import mpeg_frame

SR = 16_000


def without_header(path):
    """Take the first frame, which holds the encoder's count, out of a file."""
    data = path.read_bytes()
    at = next(i for i in range(len(data)) if mpeg_frame(data, i))
    assert b"Xing" in data[at : at + 64] or b"Info" in data[at : at + 64]
    path.write_bytes(data[:at] + data[at + mpeg_frame(data, at).size :])


@pytest.mark.parametrize("channels", [1, 2])
def test_variable_rate_without_a_header_is_read_to_its_end(tmp_path, channels):
    rng = np.random.default_rng(1)
    t = np.arange(12 * SR) / SR
    # Loud noise first and silence after it: the first frames' rate is far from that of the rest.
    y = np.where(t < 2, 0.5 * rng.standard_normal(len(t)), 0.001 * np.sin(2000 * t))
    y[-SR // 2 :] = 0.3 * np.sin(2 * np.pi * 440 * t[-SR // 2 :])
    path = tmp_path / "a.mp3"
    sf.write(path, np.repeat(np.clip(y, -1, 1)[:, None], channels, axis=1), SR, format="MP3",
             subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.5)  # fmt: skip
    without_header(path)
    assert abs(sf.info(path).frames / SR - 12) > 0.5  # what the library guesses
    assert probe(path).duration_s == pytest.approx(12.0, abs=0.15)
    with Recording(path) as recording:
        whole = np.concatenate(list(recording.blocks()), axis=1)
        assert whole.shape == (channels, recording.info.frames)
        assert np.abs(recording.read(11.6, 11.9)).max() > 0.2  # the tone at the end
        np.testing.assert_allclose(
            recording.read(3.0, 3.2), whole[0, 3 * SR : round(3.2 * SR)], atol=1e-6
        )
