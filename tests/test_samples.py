"""The rendered calls are what their README says: the demo and the documents lean on them."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from places import ROOT

from prosody import find_acts, read_transcript
from prosody.audio.recording import Recording
from prosody.measures.measure import features

SAMPLES = ROOT / "samples"
CALLS = sorted(SAMPLES.glob("*.wav"))
EXPECTED = {
    "1-plain-apology-nl": ["apology"],
    "2-recited-apology-en": ["apology"],
    "3-four-times-sorry-nl": ["apology"] * 4,
    "4-no-apology-en": ["repair"],
}


def transcript_of(call):
    (path,) = (p for p in SAMPLES.glob(f"{call.stem}.*") if p.suffix != ".wav")
    return read_transcript(path)


def test_there_are_four_and_they_are_small():
    assert [call.stem for call in CALLS] == sorted(EXPECTED)
    listed = subprocess.run(
        ["git", "ls-files", "samples"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    files = [ROOT / name for name in listed] or [p for p in SAMPLES.iterdir() if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 3_000_000


@pytest.mark.parametrize("call", CALLS, ids=lambda p: p.stem)
def test_a_call_is_a_telephone_call(call):
    with Recording(call) as recording:
        info = recording.info
        sound = np.concatenate(list(recording.blocks()), axis=1)
    assert (info.sr_hz, info.channels, info.subtype) == (8000, 2, "ULAW")
    assert 40 <= info.duration_s <= 90
    assert np.mean(sound == 0, axis=1).max() < 0.2  # line noise, no digital silence
    assert np.abs(sound).max() < 0.95  # and nothing clipped
    power = np.abs(np.fft.rfft(sound[0])) ** 2
    hz = np.fft.rfftfreq(sound.shape[1], 1 / 8000)
    outside = power[(hz < 200) | (hz > 3700)].sum()
    assert outside < 0.01 * power.sum()


@pytest.mark.parametrize("call", CALLS, ids=lambda p: p.stem)
def test_who_speaks_when_is_as_the_transcript_says(call):
    turns = transcript_of(call).turns
    assert {t.role for t in turns} == {"agent", "customer"}
    with Recording(call) as recording:
        channels = [recording.read(0, 99, c) for c in (0, 1)]
    for turn in turns:
        a, b = round(turn.start_s * 8000), round(turn.end_s * 8000)
        levels = [float(np.sqrt(np.mean(y[a:b] ** 2))) for y in channels]
        own = 0 if turn.role == "agent" else 1
        assert levels[own] > 10 * levels[1 - own]


@pytest.mark.parametrize("call", CALLS, ids=lambda p: p.stem)
def test_words_lie_inside_their_turns_in_order(call):
    transcript = transcript_of(call)
    if call.stem != "4-no-apology-en":
        assert all(t.has_word_times for t in transcript.turns)
    for turn in transcript.turns:
        starts = [w.start_s for w in turn.words]
        assert starts == sorted(starts)
        assert all(turn.start_s - 0.01 <= w.start_s < w.end_s <= turn.end_s + 0.01
                   for w in turn.words)  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda p: p.stem)
def test_the_agent_says_what_the_sample_is_for(call):
    turns = transcript_of(call).turns
    found = [act.kind for act in find_acts(turns, call.stem[-2:]) if act.role == "agent"]
    assert found == EXPECTED[call.stem]


@pytest.mark.parametrize("call", CALLS, ids=lambda p: p.stem)
def test_there_is_enough_other_speech_for_a_baseline(call):
    turns = transcript_of(call).turns
    sorry = {act.turn for act in find_acts(turns, call.stem[-2:]) if act.kind == "apology"}
    other = [t for i, t in enumerate(turns) if t.role == "agent" and i not in sorry]
    # turns that hold an apology hold other speech, too; they are left out of this sum
    least = 20.0 if call.stem != "3-four-times-sorry-nl" else 2.0
    assert sum(t.end_s - t.start_s for t in other) >= least


def test_the_recited_apology_is_flat():
    call = SAMPLES / "2-recited-apology-en.wav"
    turns = [t for t in transcript_of(call).turns if t.role == "agent"]
    with Recording(call) as recording:
        y = recording.read(0, 99, 0)
    found = features(y, 8000, np.array([[t.start_s, t.end_s] for t in turns]))
    spread = found.values[:, found.names.index("pitch_range_st")]
    flat = next(i for i, t in enumerate(turns) if "apologize" in t.text)
    assert spread[flat] < 1.0
    assert np.delete(spread, flat).min() > 3.0
