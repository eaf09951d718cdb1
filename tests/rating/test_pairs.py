"""Which of the two? Pairs of clips: what is compared, in what order, what is written, twins."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import pytest
import soundfile
from rating import rows_of
from starlette.testclient import TestClient

from prosody.errors import UsageError
from prosody.rating import clips as sounds
from prosody.rating import pair_clips, paired
from prosody.rating.clip import Clip
from prosody.rating.page import Rate
from prosody.rating.store import Store
from prosody.web.app import make_app

pytest_plugins = ("rating_fixtures",)

AGENT = r"(?P<agent>agent\d)"


def clips(words: dict[str, list[str]]) -> list[Clip]:
    return [
        Clip(f"{agent}-{i}.wav", "", agent, text=text, duration_s=1.0)
        for agent, texts in words.items()
        for i, text in enumerate(texts)
    ]


def test_pairs_are_of_one_person_the_same_words_first():
    known = clips({"ann": ["I am sorry.", "sorry, I am", "We called you."], "bea": ["Sorry."] * 3})
    found = pair_clips.choose(known, seed=3)
    assert all(a.agent == b.agent for a, b in found)
    alike = [pair_clips.alike(a.text, b.text) for a, b in found]
    assert alike == sorted(alike, reverse=True)
    assert alike[:4] == [1.0] * 4
    many = pair_clips.choose(clips({"ann": ["Sorry."] * 12}))
    count = Counter(c.name for pair in many for c in pair)
    assert max(count.values()) == pair_clips.MOST_OF_ONE
    with pytest.raises(UsageError, match="no two of one agent"):
        pair_clips.choose(clips({"ann": ["Sorry."], "bea": ["Sorry."]}))


def test_pairs_that_are_given_are_taken_as_they_are():
    known = [replace(c, pair="1" if i < 2 else "") for i, c in enumerate(clips({"a": ["x"] * 4}))]
    assert [(a.name, b.name) for a, b in pair_clips.choose(known)] == [("a-0.wav", "a-1.wav")]
    with pytest.raises(UsageError, match="Pair 1 has 3 clips"):
        pair_clips.choose([replace(c, pair="1") for c in known[:3]])


def test_every_pair_comes_as_often_one_way_round_as_the_other_and_repeats_turn(folder):
    found = pair_clips.of(sounds.gather(folder, meta_from=AGENT))
    half = len(found.clips) // 2
    first: Counter[int] = Counter()
    for rater in range(8):
        trials = pair_clips.order(found, rater, 0)
        once = {t.clip % half: t.clip for t in trials if not t.is_repeat}
        assert len(once) == len([t for t in trials if not t.is_repeat])
        assert all(once[t.clip % half] != t.clip for t in trials if t.is_repeat)
        first.update(t.clip for t in trials if not t.is_repeat)
    turned = sum(n for clip, n in first.items() if clip >= half)
    assert turned / sum(first.values()) == pytest.approx(0.5, abs=0.1)


def test_a_listener_hears_both_and_the_table_is_one_that_fit_reads(folder, tmp_path):
    store = Store(tmp_path / "c.csv")
    found = pair_clips.of(sounds.gather(folder, meta_from=AGENT))
    store.begin([c.name for c in found.clips], None, pairs=True)
    page = Rate(found, store, items=True)
    served = make_app([page], token="main", hosts=["rate.test:80", "rate.test"])
    with TestClient(
        served, base_url="http://rate.test", headers={"origin": "http://rate.test"}
    ) as me:
        me.get("/?token=main")
        start = me.get("/api/rate/start?lang=nl").json()
        assert start["pairs"] is True
        assert start["items"] == []
        assert start["words"]["rate"]["question"] == "Welke van de twee klinkt oprechter?"
        assert start["words"]["rate"]["next"] == "Volgende"
        me.post("/api/rate/rater", json={"name": "ann"})
        for at, chosen in enumerate(("a", "b", None)):
            trial = me.get(f"/api/rate/trial?at={at}").json()
            y, sr = soundfile.read(io.BytesIO(me.get(f"/api/rate/sound?at={at}").content))
            assert len(y) / sr == pytest.approx(trial["duration_s"], abs=0.01)
            assert abs(y[round((trial["second_s"] - 0.4) * sr)]) == 0
            sent = {"at": at, "chosen": chosen} if chosen else {"at": at, "cannot_hear": True}
            early = me.post("/api/rate/answer", json={"at": at, "chosen": "a"})
            assert early.json()["code"] == "not_heard"
            store.write("UPDATE trials SET fetched_s = fetched_s - 60 WHERE position = ?", at)
            assert me.post("/api/rate/answer", json=sent).status_code == 200
            shown = me.get(f"/api/rate/trial?at={at}").json()["answer"]
            assert shown["chosen"] == chosen
        wrong = me.post("/api/rate/answer", json={"at": 3, "sincere": 50, "engaged": 50})
        assert wrong.json()["code"] == "not_chosen"
        rows = rows_of(tmp_path / "c.csv")
        assert [r["chosen"] for r in rows] == ["a", "b", ""]
        one = store.trial(1, 0)
        assert found.clips[one.clip].name == f"{rows[0]['clip_a']}\n{rows[0]['clip_b']}"
        compared = paired.read_pairs(tmp_path / "c.csv", "sincere")
        assert compared.answers.sum() == 4
        assert float(compared.score[compared.clips == rows[0]["clip_a"]][0]) > 0
    again = Store(tmp_path / "c.csv")  # closed and opened: the table is written anew, the same
    assert rows_of(tmp_path / "c.csv") == rows
    assert again.pairs
    again.let_go()


def test_comparisons_of_twins_tell_which_change_was_chosen(tmp_path):
    table = tmp_path / "twins.csv"
    table.write_text("clip,change\n1-same,\n1-changed,pace +15 %\n2-same,\n2-changed,range x1.3\n")
    answers = [("1-same", "1-changed", "b")] * 9 + [("1-changed", "1-same", "b")]
    answers += [("2-same", "2-changed", "a"), ("2-changed", "2-same", "")]
    out = tmp_path / "c.csv"
    lines = [f"{a},{b},r{i},{c}" for i, (a, b, c) in enumerate(answers)]
    lines.append("1-changed,1-same,r0,a")  # once more, turned, and the same choice
    out.write_text("\n".join(["clip_a,clip_b,rater,chosen", *lines]) + "\n")
    assert paired.is_comparisons(out)
    assert not paired.is_comparisons(table)
    summary = paired.summary(out, table)
    assert (summary["comparisons"], summary["raters"]) == (13, 12)
    assert summary["cannot_say_share"] == pytest.approx(1 / 13)
    assert summary["first"]["share"] == pytest.approx(2 / 12)
    assert (summary["same_again"]["share"], summary["same_again"]["n"]) == (1.0, 1)
    changes = {c["change"]: c for c in summary["changes"]}
    assert changes["pace +15 %"]["share"] == pytest.approx(10 / 11)
    assert changes["pace +15 %"]["low"] > 0.5
    assert changes["range x1.3"]["share"] == 0.0


def test_twins_of_a_run_are_written_rated_and_fitted(analysed, tmp_path):
    pytest.importorskip("pyworld", reason="needs the extra studio")
    from prosody.cli import app
    from typer.testing import CliRunner

    from prosody.fit.join import load
    from prosody.tables.rated_table import numbers, read_rows

    run = CliRunner().invoke
    out = tmp_path / "twins"
    made = run(app, ["sample", str(analysed), "--twins", "--gated", "--n", "4", "--out", str(out)])
    assert made.exit_code == 0, made.output
    header, rows = read_rows(out / "twins.csv")
    assert len(rows) >= 4
    cells = {h: [r[i] for r in rows] for i, h in enumerate(header)}
    assert Counter(cells["pair"]).most_common()[0][1] == 2
    assert sum(bool(c) for c in cells["change"]) == len(rows) // 2
    what = next(c for c in cells["change"] if c.startswith(("pitch", "tilt", "pace", "range")))
    i = cells["change"].index(what)
    name = {"pitch": "pitch_p50_st_rel", "pace": "loudness_peaks_per_s_log2ratio",
            "range": "pitch_range_st_rel", "tilt": "alpha_ratio_db_rel"}  # fmt: skip
    value = numbers(cells[name[what.split()[0]]], out, "value")
    up = "+" in what or "x1.3" in what
    assert (value[i] > value[i - 1]) == up  # the twin before it is unchanged
    found = pair_clips.choose([*sounds.gather(out / "twins.csv").clips])
    assert {tuple(sorted((a.name, b.name))) for a, b in found} == {
        (f"{p}-changed.flac", f"{p}-same.flac") for p in cells["pair"]
    }
    lines = [f"{a.name},{b.name},r,a" for a, b in found]
    (tmp_path / "c.csv").write_text("\n".join(["clip_a,clip_b,rater,chosen", *lines]) + "\n")
    said = run(app, ["agreement", str(tmp_path / "c.csv"), "--clips", str(out / "twins.csv")])
    assert what in said.output
    rated, *_ = load(out / "twins.csv", None, "sincere", pairs=tmp_path / "c.csv")
    assert len(rated) == len(rows)
    again = run(app, ["sample", str(analysed), "--twins", "--out", str(out)])
    assert isinstance(again.exception, UsageError)
    assert "not empty" in str(again.exception)
