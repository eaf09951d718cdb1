"""What is rated: cut, at one loudness (against the figures of BS.1770), and under which name."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import SAMPLES, synthetic_voice

from prosody.errors import UsageError
from prosody.rating import clip as clip_module
from prosody.rating import clips as sounds
from prosody.rating import loudness_norm
from prosody.results import read
from prosody.tables.rated_table import read_table

pytest_plugins = ("rating_fixtures",)


def test_a_full_scale_tone_of_997_hz_has_the_loudness_the_standard_gives():
    y = np.sin(2 * np.pi * 997 * np.arange(48000 * 5) / 48000).astype(np.float32)
    assert loudness_norm.loudness_lufs(y, 48000) == pytest.approx(-3.01, abs=0.02)
    assert loudness_norm.loudness_lufs(y * 0.1, 48000) == pytest.approx(-23.01, abs=0.02)


def test_the_filters_are_those_of_the_standard_at_48_khz():
    shelf, high_pass = loudness_norm.k_weighting(48000)
    # ITU-R BS.1770-4, tables 1 and 2
    assert shelf[:3] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285])
    assert shelf[4:] == pytest.approx([-1.69065929318241, 0.73248077421585])
    assert high_pass[4:] == pytest.approx([-1.99004745483398, 0.99007225036621])


@pytest.mark.parametrize("sr", [8000, 16000])
def test_pauses_do_not_make_a_clip_louder(sr):
    y = synthetic_voice(4, sr)
    paused = np.concatenate([y, np.zeros(4 * sr, np.float32)])
    assert loudness_norm.loudness_lufs(paused, sr) == pytest.approx(
        loudness_norm.loudness_lufs(y, sr), abs=0.3
    )
    assert np.isnan(loudness_norm.loudness_lufs(np.zeros(sr, np.float32), sr))
    assert np.isfinite(loudness_norm.loudness_lufs(y[: sr // 5], sr))


def test_gains_bring_all_to_one_loudness_and_clip_nothing():
    loud, peak = [-30.0, -20.0, -12.0, -40.0], [-12.0, -3.0, -1.0, -5.0]
    gain, target = loudness_norm.gains_db(loud, peak)
    after = np.array(loud) + gain
    assert after[:3] == pytest.approx([target] * 3)  # -18 - ... room is enough for all three
    assert target == loudness_norm.TARGET_LUFS
    assert after[3] < target  # a click: it alone stays softer
    assert np.all(np.array(peak) + gain <= loudness_norm.PEAK_DBFS + 1e-9)
    gain, target = loudness_norm.gains_db([-30.0, -26.0], [-2.0, -10.0])
    assert target == -29.0  # the first one's peaks stand 28 dB above it
    assert np.array([-30, -26]) + gain == pytest.approx([-29, -29])


def test_sounds_come_out_equally_loud(folder):
    made = sounds.gather(folder)
    assert len(made.clips) == 14
    found = []
    for clip in made.clips:
        y, sr = soundfile.read(io.BytesIO(clip.wav()), dtype="float32")
        found.append(loudness_norm.loudness_lufs(y, sr))
        assert np.max(np.abs(y)) < 1
        assert len(y) / sr == pytest.approx(clip.duration_s, abs=0.01)
    assert np.ptp(found) < 0.3
    assert len(made.anchors) == sounds.ANCHORS


def test_apologies_of_a_run_are_cut_with_padding_and_named_as_fit_names_them(analysed):
    bare = sounds.gather(analysed, padding_s=0.0, anchors="none")
    padded = sounds.gather(analysed, padding_s=1.0, anchors="none")
    table = read_table(analysed / "apologies.csv", need_rating=False)
    assert sorted(c.name for c in bare.clips) == sorted(table.clip)
    for row in read.read(analysed).apologies:
        name = read.clip_id(row)
        clip = next(c for c in bare.clips if c.name == name)
        longer = next(c for c in padded.clips if c.name == name)
        assert clip.duration_s == pytest.approx(row["end_s"] - row["start_s"], abs=0.01)
        assert clip.duration_s < longer.duration_s <= clip.duration_s + 2.01
    assert not bare.anchors


def test_a_padding_ends_where_the_voice_is_softest():
    y = np.full(8000, 0.5, np.float32)
    y[4000:4400] = 0.0  # 50 ms of silence, half a second out
    assert clip_module._quietest(y, 8000, 8000) == 8000 - 4400
    assert clip_module._quietest(np.zeros(8000, np.float32), 8000, 8000) == 0  # all of it is kept
    assert clip_module._quietest(y[:100], 8000, 100) == 0


def test_what_cannot_be_heard_is_left_out_and_said(tmp_path, folder):
    for path in sorted(folder.glob("*.wav"))[:2]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 8000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEjunkjunk")
    soundfile.write(tmp_path / "call.wav", 0.1 * np.ones(8000 * 61), 8000)
    made = sounds.gather(tmp_path)
    assert len(made.clips) == 2
    assert set(made.left_out) == {"silent.wav", "broken.wav", "call.wav"}
    assert "at most 60 s" in made.left_out["call.wav"]
    with pytest.raises(UsageError, match="no such file"):
        sounds.gather(tmp_path / "none")


def test_anchors_are_given_or_chosen(tmp_path, folder):
    names = [p.name for p in sorted(folder.glob("*.wav"))]
    table = tmp_path / "anchors.csv"
    table.write_text(
        f"clip,sincere,engaged,label\n{names[0]},10,,acted\n{names[1]},90,80,\n", encoding="utf-8"
    )
    made = sounds.gather(folder, anchors=str(table))
    assert [(a.sincere, a.engaged, a.label) for a in made.anchors] == [
        (10, None, "acted"), (90, 80, ""),
    ]  # fmt: skip
    assert {a.clip.name for a in made.anchors}.isdisjoint(c.name for c in made.clips)
    assert len(made.clips) == 12
    with pytest.raises(UsageError, match="expected 1 to 4"):
        sounds.gather(folder, anchors=str(folder))
    table.write_text(f"clip,sincere\n{names[0]},110\n", encoding="utf-8")
    with pytest.raises(UsageError, match="outside 0 to 100"):
        sounds.gather(folder, anchors=str(table))


def test_only_the_clips_of_a_table(tmp_path, folder):
    name = sorted(p.name for p in folder.glob("*.wav"))[3]
    (tmp_path / "chosen.csv").write_text(f"clip,weight\n{name},2\n", encoding="utf-8")
    assert [c.name for c in sounds.gather(folder, only_in=tmp_path / "chosen.csv").clips] == [name]
    (tmp_path / "chosen.csv").write_text("clip,weight\nother,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="1 of its 1 clips are not here"):
        sounds.gather(folder, only_in=tmp_path / "chosen.csv")


def test_recordings_that_were_moved_are_found_by_content(analysed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    lines = list(read.read_lines(analysed / "recordings.jsonl"))
    run = tmp_path / "results"
    shutil.copytree(analysed, run)
    for line in lines:
        name = Path(line["recording"]).name
        shutil.copy(SAMPLES / name, elsewhere / f"x-{name}")
    for name in ("recordings.jsonl", "apologies.jsonl", "run.json"):
        text = (run / name).read_text(encoding="utf-8")
        (run / name).write_text(text.replace(str(SAMPLES), "/gone"), encoding="utf-8")
    table = tmp_path / "chosen.csv"
    first = read.clip_id(read.read(run).apologies[0])
    table.write_text(f"clip\n{first}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="none of the 6 recordings"):
        sounds.gather(run, only_in=table)
    assert len(sounds.gather(run, recordings=[elsewhere]).clips) == 6
    assert [c.name for c in sounds.gather(run, recordings=[elsewhere], only_in=table).clips] == [
        first
    ]
