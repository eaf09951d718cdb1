"""Features of samples and files in Python, and what is told rather than swallowed."""

from __future__ import annotations

import numpy as np
import pytest
from prosody.cli import app
from typer.testing import CliRunner

import prosody
from prosody.errors import UsageError
from prosody.examine.features import FeatureTable, features
from prosody.measures.measure import Features
from prosody.measures.table import ACOUSTIC


@pytest.fixture
def files(voice, write_wav):
    both = np.stack([voice(2.0, 8000), voice(2.0, 8000, seed=2)], axis=1)
    return write_wav("one.wav", voice(3.0, 16000), 16000), write_wav("two.wav", both, 8000)


def test_files_and_windows_give_a_table_with_their_index(files):
    one, two = files
    found = prosody.features([one, two], windows={one: [(0.5, 1.5), (1.0, 3.0)], two: [(0.0, 2.0)]})
    assert isinstance(found, FeatureTable)
    assert found.file == (str(one), str(one), str(two), str(two))
    assert found.channel.tolist() == [0, 0, 0, 1]
    assert found.start_s.tolist() == [0.5, 1.0, 0.0, 0.0]
    assert found.end_s.tolist() == [1.5, 3.0, 2.0, 2.0]
    assert found.names == ACOUSTIC
    assert found.values[:, ACOUSTIC.index("duration_s")].tolist() == [1.0, 2.0, 2.0, 2.0]


def test_one_file_and_samples(files, voice):
    y = voice(3.0, 16000)
    whole, samples = features(files[0]), features(y, 16000)
    assert isinstance(samples, Features)
    np.testing.assert_allclose(whole.values, samples.values, rtol=0.02, atol=0.02)
    ege = features(files[0], schema="egemaps")
    assert ege.values.shape == (1, len(ege.names))
    assert len(ege.names) == 48


def test_a_data_frame_has_the_index_people_know(files):
    pd = pytest.importorskip("pandas")
    frame = features(files[0], windows=[(0.0, 1.0), (1.0, 2.0)]).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.names == ["file", "start_s", "end_s"]
    assert list(frame.columns) == list(ACOUSTIC)
    assert features(files[1]).to_pandas().index.names == ["file", "channel", "start_s", "end_s"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda y: features(y), "without their rate"),
        (lambda y: features(y, 8000, [(2.0, 1.0)]), "window 1 runs from 2 to 1 s"),
        (lambda y: features(np.append(y, np.nan), 8000), "1 of 16001 samples are not finite"),
        (lambda y: features(y, 8000, method="praat"), "--method praat"),
        (lambda y: features("a.wav", 8000), "leave `sr` out"),
    ],
)
def test_odd_input_is_told(voice, call, says):
    with pytest.raises(UsageError) as caught:
        call(voice(2.0, 8000))
    assert says in f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize("gain", [1.0, -1.0, 0.9])
def test_mono_that_is_written_as_stereo_is_measured_once_and_told(gain, voice, write_wav):
    y = voice(2.0, 8000)
    mono = write_wav("mono.wav", y, 8000)
    twice = write_wav("twice.wav", np.stack([y, gain * y], axis=1), 8000)
    found = features([mono, twice])
    assert found.channel.tolist() == [0, 0]
    np.testing.assert_array_equal(*found.values)
    done = CliRunner().invoke(app, ["features", str(twice), "--out", "-"])
    assert done.exit_code == 0, done.output
    assert "carry the same sound" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_narrow_band_is_told(voice):
    with pytest.warns(UserWarning, match="ends at 2 kHz"):
        found = features(voice(2.0, 4000), 4000)
    assert np.isfinite(found.values[0, ACOUSTIC.index("pitch_p50_st")])
    features(voice(1.0, 8000), 8000)  # what telephones have is not narrow: a warning would fail
    with pytest.warns(UserWarning, match="ends at 3.9995 kHz"):
        features(voice(1.0, 7999), 7999)


@pytest.mark.parametrize("method", ["prosody", "librosa"])
def test_the_command_takes_a_method(files, method):
    done = CliRunner().invoke(app, ["features", str(files[0]), "--method", method, "--out", "-"])
    assert done.exit_code == 0, done.output
    head, row = (line.split(",") for line in done.stdout.splitlines()[-2:])
    cells = dict(zip(head, row, strict=True))
    assert float(cells["level_dbfs"]) < 0
    assert bool(cells["alpha_ratio_db"]) == (method == "prosody")


@pytest.mark.parametrize(
    "more", [["--schema", "egemaps"], ["--every", "2"], ["--method", "librosa"]]
)
def test_contours_have_columns_of_their_own(files, more):
    done = CliRunner().invoke(app, ["features", str(files[0]), "--frames", *more, "--out", "-"])
    assert isinstance(done.exception, UsageError)
    assert "--frames" in done.exception.message


def test_clip_and_speaker_are_told_where_file_names_tell(files, tmp_path):
    (tmp_path / "takes").mkdir()
    for name in ("anna_1.wav", "anna_2.wav", "jan_1.wav"):
        (tmp_path / "takes" / name).write_bytes(files[0].read_bytes())
    args = ["features", str(tmp_path / "takes"), "--out", "-"]
    plain = CliRunner().invoke(app, args).stdout.splitlines()[0]
    assert plain.split(",")[-1] == "duration_s"
    named = CliRunner().invoke(app, [*args, "--meta-from", "(?P<agent>[a-z]+)_"])
    rows = [line.split(",")[-2:] for line in named.stdout.splitlines()]
    assert rows == [["clip", "speaker"], ["anna_1", "anna"], ["anna_2", "anna"], ["jan_1", "jan"]]


def test_frames_name_file_channel_and_time(write_wav, voice):
    path = write_wav("a.wav", np.stack([voice(1.0), voice(1.0, f0_hz=200.0)], axis=1))
    done = CliRunner().invoke(app, ["features", str(path), "--frames", "--out", "-"])
    assert done.exit_code == 0, done.output
    head, *rows = (line.split(",") for line in done.stdout.splitlines())
    assert head == ["recording", "channel", "time_s", "f0_hz", "voiced", "loudness"]
    assert {r[0] for r in rows} == {str(path)}
    for channel in "01":
        times = [float(r[2]) for r in rows if r[1] == channel]
        np.testing.assert_allclose(np.diff(times), 0.01, atol=1e-6)
        assert len(times) >= 95
