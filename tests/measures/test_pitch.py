"""The pitch tracker: sounds of known pitch, batches, and real voices against a laryngograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from prosody.measures import grid as frames
from prosody.measures import pitch

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
RATES = [8000, 11025, 16000, 44100, 48000]


def track(*segments, sr=16000):
    heard = [frames.resample(np.asarray(y, dtype=np.float32), sr)[0] for y in segments]
    grid = frames.lay_out(heard, frames.analysis_rate(sr))
    return np.split(pitch.track(grid), np.cumsum(grid.count)[:-1])


def pulses(f0_hz, sr=16000, *, harmonics=range(1, 200), slope=1.0):
    """Harmonics falling by 6 dB an octave (slope 1) below 90 % of half the rate."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / sr
    y = np.zeros(len(phase))
    for h in harmonics:
        y += np.where(h * f0_hz < 0.45 * sr, np.sin(h * phase + 0.7 * h * h), 0.0) * h**-slope
    return 0.3 * y / np.abs(y).max()


def vowel(f0_hz, sr=16000):
    """Pulses through three formants."""
    y = pulses(f0_hz, sr, slope=0.5)
    for centre, width in ((600, 80), (1200, 100), (2500, 150)):
        pole = np.exp(-np.pi * width / sr + 2j * np.pi * centre / sr)
        y = signal.lfilter([1.0], np.real(np.poly([pole, pole.conj()])), y)
    return 0.3 * y / np.abs(y).max()


def telephone(y, sr=16000):
    band = signal.butter(6, [300, 3400], "bandpass", fs=sr, output="sos")
    return signal.sosfilt(band, y)


def cents(found, expected):
    return 1200 * np.log2(found / expected)


def steady(hz, seconds=1.0, sr=16000):
    return np.full(int(seconds * sr), float(hz))


@pytest.mark.parametrize("hz", [70, 90, 120, 160, 220, 300, 400, 480])
@pytest.mark.parametrize("make", [pulses, vowel])
def test_steady_voice(hz, make):
    (found,) = track(make(steady(hz)))
    inner = found[5:-5]
    assert np.isfinite(inner).mean() > 0.97
    assert np.nanmax(np.abs(cents(inner, hz))) < 15
    assert abs(np.nanmedian(cents(inner, hz))) < 3


@pytest.mark.parametrize("hz", [80, 110, 150, 200, 250, 330])
def test_missing_fundamental_on_the_telephone(hz):
    (found,) = track(telephone(vowel(steady(hz))))
    inner = found[8:-5]
    assert np.isfinite(inner).mean() > 0.97
    assert np.nanmax(np.abs(cents(inner, hz))) < 50


@pytest.mark.parametrize("harmonics", [range(1, 24), range(2, 12), range(3, 12), range(3, 24)])
@pytest.mark.parametrize("hz", [90, 120, 150, 200, 250])
def test_harmonics_alone_give_the_pitch_of_their_spacing(hz, harmonics):
    (found,) = track(pulses(steady(hz), harmonics=harmonics, slope=0.5))
    assert np.isfinite(found[5:-5]).mean() > 0.97
    assert np.nanmax(np.abs(cents(found[5:-5], hz))) < 15


@pytest.mark.parametrize("hz", [100, 150, 220, 330, 440])
def test_pure_tone(hz):
    (found,) = track(0.3 * np.sin(2 * np.pi * hz * np.arange(16000) / 16000))
    voiced = np.isfinite(found[5:-5])
    assert voiced.mean() > 0.97
    assert np.abs(cents(found[5:-5][voiced], hz)).max() < 10


@pytest.mark.parametrize("ends", [(90, 180), (180, 90), (200, 420), (420, 200)])
def test_glide_of_an_octave_in_a_second(ends):
    truth = np.geomspace(*ends, 16000)
    (found,) = track(vowel(truth))
    expected = truth[(np.arange(len(found)) + 1) * 160 - 1]
    inner = slice(6, -6)
    assert np.isfinite(found[inner]).mean() > 0.97
    assert np.nanmax(np.abs(cents(found[inner], expected[inner]))) < 60
    assert abs(np.nanmedian(cents(found[inner], expected[inner]))) < 12


@pytest.mark.parametrize("strong", [2, 3])
def test_octave_trap_strong_harmonic(strong):
    # One harmonic 20 dB above the rest, as a narrow formant makes it.
    f0 = steady(130)
    y = pulses(f0) + pulses(f0, harmonics=[strong]) * 3
    (found,) = track(y)
    assert np.nanmax(np.abs(cents(found[5:-5], 130))) < 60


@pytest.mark.parametrize("hz", [80, 100, 125, 160, 200, 250, 320, 400])
def test_pulse_train(hz):
    y = np.zeros(16000)
    y[:: 16000 // hz] = 0.5
    (found,) = track(y)
    assert np.isfinite(found[5:-5]).mean() > 0.97
    assert np.nanmax(np.abs(cents(found[5:-5], hz))) < 10


def test_octave_trap_uneven_periods():
    # Every other pulse 15 % weaker (diplophonia): still the pitch of the pulses.
    y = np.zeros(16000)
    y[::100] = 1.0
    y[::200] = 0.85
    (found,) = track(0.3 * signal.lfilter([1.0], [1.0, -1.6, 0.8], y) / 4)
    assert abs(cents(np.nanmedian(found), 160)) < 50


@pytest.mark.parametrize("sr", RATES)
def test_rates_agree(sr):
    truth = np.geomspace(100, 200, sr)
    (found,) = track(vowel(truth, sr), sr=sr)
    hop = frames.hop_samples(frames.analysis_rate(sr)) / frames.analysis_rate(sr)
    expected = 100 * 2 ** ((np.arange(len(found)) + 1) * hop)
    inner = slice(6, -6)
    assert np.isfinite(found[inner]).mean() > 0.95
    assert np.nanmax(np.abs(cents(found[inner], expected[inner]))) < 60


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize("kind", ["silence", "offset", "noise", "quiet noise", "hum"])
def test_no_voice_no_pitch(kind, sr):
    rng = np.random.default_rng(3)
    t = np.arange(2 * sr) / sr
    y = {
        "silence": np.zeros(2 * sr),
        "offset": np.full(2 * sr, 0.3),
        "noise": 0.1 * rng.standard_normal(2 * sr),
        "quiet noise": 1e-4 * rng.standard_normal(2 * sr),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * t) + 0.03 * rng.standard_normal(2 * sr),
    }[kind]
    (found,) = track(y, sr=sr)
    assert np.isnan(found).mean() > {"hum": 0.95, "silence": 0.999, "offset": 0.999}.get(kind, 0.98)


def test_gain_and_polarity_change_nothing():
    y = vowel(np.geomspace(110, 170, 16000))
    (found,) = track(y)
    for gain in (0.01, -1.0, 3.0):
        (other,) = track(gain * y)
        assert np.array_equal(np.isnan(found), np.isnan(other))
        np.testing.assert_allclose(other, found, rtol=1e-3)


def test_voice_starts_and_ends_where_it_does():
    y = np.zeros(32000)
    y[8000:24000] = vowel(steady(150, 1.0))
    y += 1e-4 * np.random.default_rng(1).standard_normal(len(y))
    (found,) = track(y)
    voiced = (np.flatnonzero(np.isfinite(found)) + 1) * 0.01
    assert voiced[0] == pytest.approx(0.5, abs=0.03)
    assert voiced[-1] == pytest.approx(1.5, abs=0.03)


@pytest.mark.parametrize("sr", [8000, 11025, 16000])
def test_batch_gives_what_its_members_give_alone(sr):
    rng = np.random.default_rng(7)
    segments = [
        vowel(np.geomspace(rng.uniform(80, 300), rng.uniform(80, 300), int(s * sr)), sr)
        for s in (0.02, 0.2, 1.0, 0.5, 3.3, 0.1)
    ]
    segments.insert(3, np.zeros(0))
    segments.insert(2, 0.1 * rng.standard_normal(sr // 2))
    alone = [track(y, sr=sr)[0] for y in segments]
    for order in (np.arange(len(segments)), rng.permutation(len(segments))):
        together = track(*[segments[i] for i in order], sr=sr)
        for i, found in zip(order, together, strict=True):
            assert np.array_equal(np.isnan(found), np.isnan(alone[i]))
            np.testing.assert_allclose(found, alone[i], rtol=1e-5)


@pytest.mark.parametrize("part", ["BLOCK_FRAMES", "STRETCH", "CHUNK_FRAMES"])
def test_long_segment_is_tracked_alike_in_parts(monkeypatch, part):
    y = vowel(np.tile(np.geomspace(90, 250, 16000), 5))
    y = y + np.random.default_rng(6).normal(0, y.std() / 2, len(y))  # so that neighbours matter
    (whole,) = track(y)
    monkeypatch.setattr(pitch, part, 97)
    (parts,) = track(y)
    assert np.array_equal(np.isnan(whole), np.isnan(parts))
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_range_is_kept():
    rng = np.random.default_rng(5)
    sweep = vowel(np.geomspace(40, 800, 48000))
    (found,) = track(sweep + 0.001 * rng.standard_normal(len(sweep)))
    inside = found[np.isfinite(found)]
    assert len(inside) > 100
    assert inside.min() >= pitch.FMIN_HZ
    assert inside.max() <= pitch.FMAX_HZ
    assert found.dtype == np.float32


def test_nothing_gives_nothing():
    assert all(len(f) == 0 for f in track(np.zeros(0), np.zeros(100)))


def test_semitones():
    assert pitch.semitones(np.array([27.5, 55.0, 440.0])) == pytest.approx([0, 12, 48])


@pytest.mark.data
@pytest.mark.parametrize("line", ["clean", "telephone"])
def test_real_voices_against_a_laryngograph(line):
    """A guard against breaking it (loose bounds); benchmarks/pitch.py has the figures."""
    soundfile = pytest.importorskip("soundfile")
    files = sorted((DATA / "fda").glob("*.wav"))[::10]
    if not files:
        pytest.skip("no ../shared/data/fda")
    wrong = total = 0
    for file in files:
        y, sr = soundfile.read(file, dtype="float32")
        truth = np.loadtxt(file.with_suffix(".f0ref"))
        (found,) = track(telephone(y, sr) if line == "telephone" else y, sr=sr)
        at = np.clip(np.round((np.arange(len(truth)) * 0.015) / 0.01).astype(int) - 1, 0, None)
        heard = np.nan_to_num(found)[np.minimum(at, len(found) - 1)]
        both = (truth > 0) & (heard > 0)
        wrong += ((truth > 0) != (heard > 0)).sum()
        wrong += (np.abs(heard[both] / truth[both] - 1) > 0.2).sum()
        total += len(truth)
    assert wrong / total < 0.06


# --- what is no voice ---------------------------------------------------------------------------


@pytest.mark.parametrize("line", [lambda y: y, telephone], ids=["clean", "telephone"])
@pytest.mark.parametrize("ends", [(350, 800), (900, 300), (48, 62), (64, 46)])
def test_out_of_range_there_is_no_pitch_and_it_is_counted(ends, line):
    true = np.geomspace(*ends, 48000)
    grid = frames.lay_out([line(pulses(true)).astype(np.float32)], 16000)
    found, outside = pitch.contour(grid)
    true = true[(np.arange(len(found)) + 1) * 160]
    voiced, far = ~np.isnan(found), (true < 62) | (true > 520)
    assert outside[far].mean() > (0.95 if ends[0] > 100 else 0.6)
    assert voiced[far].mean() < 0.01
    near = voiced & ~far
    assert np.median(np.abs(cents(found[near], true[near]))) < 20 if near.any() else True
    if ends[0] > 100:
        assert voiced[(true > 70) & (true < 480)].mean() > 0.9


def hum(mains_hz, numbers, seconds=4.0, sr=8000):
    t = np.arange(round(seconds * sr)) / sr
    y = np.sum([np.sin(2 * np.pi * mains_hz * h * t + h) / h**0.7 for h in numbers], axis=0)
    noise = np.random.default_rng(0).normal(size=len(t)) * y.std() / 30
    return (0.02 * (y + noise) / y.std()).astype(np.float32)


HUMS = {"odd": (1, 3, 5, 7, 9), "even": (2, 4, 6, 8), "third": (3,), "all": tuple(range(1, 10))}


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("kind", HUMS)
def test_hum_is_no_voice(kind, mains_hz):
    found = track(hum(mains_hz, HUMS[kind]), sr=8000)[0]
    assert np.isfinite(found).mean() < 0.05


@pytest.mark.parametrize("kind", HUMS)
def test_hum_in_the_pauses_is_no_voice_and_the_voice_stays(kind, voice):
    clean = np.concatenate(
        [np.zeros(8000, np.float32), voice(2.0, 8000), np.zeros(8000, np.float32)]
    )
    sound = clean + 0.1 * clean.std() * hum(50, HUMS[kind]) / 0.02
    quiet = np.ones(399, bool)
    quiet[95:305] = False
    before, after = (np.isfinite(track(y, sr=8000)[0]) for y in (clean, sound))
    assert after[quiet].mean() < 0.1
    assert after[before].mean() > 0.9
