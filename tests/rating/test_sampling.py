from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.rating import power as foretold
from prosody.rating import sampling as sm
from prosody.results import read as results
from prosody.results.records import SCHEMA_VERSION
from prosody.tables.rated_table import read_table


def population(agents=30, mean=40, seed=1):
    """Return rows of a run whose ratings are known, and which of them a listener finds forced."""
    rng = np.random.default_rng(seed)
    rows, forced = [], []
    for a in range(agents):
        own = rng.normal(0, 0.4)
        for i in range(max(1, int(rng.lognormal(math.log(mean), 0.8)))):
            rating, engaged = rng.normal(), rng.normal()
            row = {
                "recording": f"calls/{a:03d}-{i // 2}.wav",
                "recording_sha256": f"{a:06d}{i // 2:06d}" + "0" * 52,
                "call_id": f"{a}-{i // 2}",
                "agent": f"agent-{a:03d}",
                "language": "en" if rng.random() < 0.2 else "nl",
                "channel": 0,
                "start_s": 10.0 + i % 2 * 20,
                "end_s": 13.0 + i % 2 * 20,
                "verdict": "unclear",
                "gates": [],
                "sincere": {"rating": rating, "p": 1 / (1 + math.exp(-rating))},
                "engaged": {"rating": engaged, "p": 1 / (1 + math.exp(-engaged))},
                "measures": {"pitch_p50_st": 30.0 + own},
                "relative": {"pitch_p50_st_rel": float(rng.normal())},
                "baseline_s": 20.0,
            }
            rows.append(row)
            forced.append(0.7 * rating + 0.7 * rng.normal() + own < -1.1)
    return rows, np.array(forced)


def run_of(folder, rows, **command):
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(
        json.dumps({"schema_version": SCHEMA_VERSION, "command": {"lang": "en", **command}})
    )
    lines = {r["recording"]: {"recording": r["recording"], "status": "ok"} for r in rows}
    for name, line in lines.items():
        line["sr_hz"] = 16000 if sum(name.encode()) % 3 == 0 else 8000
    for name, values in (("recordings", lines.values()), ("apologies", rows)):
        text = "".join(json.dumps(v) + "\n" for v in values)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    rows, forced = population()
    folder = run_of(tmp_path_factory.mktemp("run") / "results", rows)
    frame = sm.frame_of(results.read(folder))
    side = dict(zip((results.clip_id(r) for r in rows), forced, strict=True))
    return folder, frame, np.array([side[c] for c in frame.clip.tolist()])


@pytest.fixture(scope="module")
def draws(known):
    """Many samples of one run."""
    return [sm.draw(known[1], 150, seed=seed) for seed in range(400)]


def test_size_halves_and_limit_are_kept_whatever_the_seed(known):
    _, frame, _ = known
    for seed in range(30):
        made = sm.draw(frame, 120, seed=seed)
        assert len(made) == len(set(made.chosen.tolist())) == 120
        assert made.random.sum() == 60
        assert np.unique(frame.agent[made.chosen], return_counts=True)[1].max() <= 8
        assert np.all((made.probability > 0) & (made.probability <= 1))
        assert np.isfinite(made.random_weight).tolist() == made.random.tolist()


def test_every_apology_comes_with_the_probability_that_is_told(known, draws):
    _, frame, _ = known
    n = len(draws)
    count = np.zeros(len(frame))
    chance = np.full(len(frame), np.nan)
    for made in draws:
        count[made.chosen] += 1
        chance[made.chosen] = made.probability
    drawn = np.isfinite(chance)
    p = chance[drawn]
    z = (count[drawn] / n - p) / np.sqrt(p * (1 - p) / n)
    assert drawn.mean() > 0.99
    assert np.abs(z).max() < 5
    assert 0.85 < z.std() < 1.15
    _, agent = np.unique(frame.agent, return_inverse=True)
    whole, _ = sm.probabilities(frame, agent, 150, 8)
    np.testing.assert_allclose(whole[drawn], p)
    assert whole.sum() == pytest.approx(150)


def test_the_weights_give_the_base_rate_without_bias_and_the_plain_share_does_not(known, draws):
    _, frame, forced = known
    truth = forced.mean()
    whole, random, enriched = [], [], []
    for made in draws:
        is_forced = forced[made.chosen]
        whole.append(np.sum(made.weight * is_forced) / len(frame))
        random.append(np.nansum(made.random_weight * is_forced) / len(frame))
        enriched.append(is_forced[~made.random].mean())
    for estimate in (whole, random):
        error = np.std(estimate) / math.sqrt(len(estimate))
        assert abs(np.mean(estimate) - truth) < 4 * error
    # Otherwise the test would hold for any weights.
    assert np.mean(enriched) - truth > 8 * np.std(enriched) / math.sqrt(len(enriched))


def test_the_random_half_is_nearly_self_weighting_where_agents_are_alike():
    rows, _ = population(agents=40, mean=40)
    frame = sm.Frame(
        rows,
        np.array([f"{i:05d}" for i in range(len(rows))]),
        np.array([f"a{i % 40}" for i in range(len(rows))]),
        np.array(["nl"] * len(rows)),
        np.array(["narrowband"] * len(rows)),
        *sm._kinds(rows, "judge"),
    )
    made = sm.draw(frame, 100, seed=3)
    weight = made.random_weight[made.random]
    assert foretold.kish(weight) > 0.9 * len(weight)
    assert weight.sum() == pytest.approx(len(rows), rel=0.2)


def test_the_same_seed_gives_the_same_clips_in_any_order_of_rows(known, tmp_path):
    _, frame, _ = known
    rows = [frame.rows[i] for i in np.random.default_rng(0).permutation(len(frame))]
    other = sm.frame_of(results.read(run_of(tmp_path / "again", rows)))
    a, b = sm.draw(frame, 90, seed=4), sm.draw(other, 90, seed=4)
    assert frame.clip[a.chosen].tolist() == other.clip[b.chosen].tolist()
    assert a.weight.tolist() == b.weight.tolist()
    assert sm.draw(frame, 90, seed=5).chosen.tolist() != a.chosen.tolist()


def test_languages_and_lines_come_in_proportion(known):
    _, frame, _ = known
    for names in (frame.language, frame.line):
        share = np.mean(names == names[0])
        drawn = [
            np.mean(names[(m := sm.draw(frame, 150, seed=s)).chosen][m.random] == names[0])
            for s in range(40)
        ]
        assert abs(np.mean(drawn) - share) < 0.05
    assert set(frame.line) == {"narrowband", "wideband"}


def test_the_enriched_half_has_more_of_every_kind(known):
    _, frame, _ = known
    made = sm.draw(frame, 150, seed=1)
    plain, rich = (np.bincount(frame.kind[made.chosen][half], minlength=len(frame.kinds))
                   for half in (made.random, ~made.random))  # fmt: skip
    assert plain[0] > 2 * rich[0]
    assert np.all(rich[1:] > plain[1:])


def test_few_apologies_all_come_with_weight_one():
    rows, _ = population(agents=5, mean=4)
    rows = [r for r in rows if r["start_s"] == 10.0][:9]
    frame = sm.Frame(
        rows, np.array([f"{i}" for i in range(9)]), np.array([f"a{i % 3}" for i in range(9)]),
        np.array(["nl"] * 9), np.array(["narrowband"] * 9), *sm._kinds(rows, "judge"),
    )  # fmt: skip
    made = sm.draw(frame, 300)
    assert sorted(made.chosen.tolist()) == list(range(9))
    np.testing.assert_allclose(made.weight, 1)
    assert made.random.sum() == 5
    np.testing.assert_allclose(made.random_weight[made.random], 9 / 5)
    assert len(sm.draw(frame, 300, per_agent=2)) == 6
    assert len(sm.draw(frame, 1)) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.integers(1, 80),
    st.integers(1, 9),
    st.integers(0, 5),
)
def test_any_team_is_drawn_from_within_its_limits(sizes, n, per_agent, seed):
    agent = np.repeat([f"a{i}" for i in range(len(sizes))], sizes)
    rng = np.random.default_rng(seed)
    total = len(agent)
    frame = sm.Frame(
        [{} for _ in agent], np.array([f"{i:04d}" for i in range(total)]), agent,
        rng.choice(["nl", "en"], total), rng.choice(["narrowband", "unknown"], total),
        rng.integers(0, 4, total), ("other", "x", "y", "z"),
    )  # fmt: skip
    made = sm.draw(frame, n, seed=seed, per_agent=per_agent)
    assert len(made) == min(n, sum(min(s, per_agent) for s in sizes))
    assert len(set(made.chosen.tolist())) == len(made)
    assert np.unique(agent[made.chosen], return_counts=True)[1].max() <= per_agent
    assert made.random.sum() == (len(made) + 1) // 2
    assert np.all(made.weight >= 1 - 1e-9)


def test_probabilities_fill_up_to_their_limits():
    sizes = np.array([1, 1, 2, 4.0])
    group = np.array([0, 0, 1, 1])
    plain = sm.fill(sizes, 1.0, np.ones(4), group, np.full(2, 9.0))
    np.testing.assert_allclose(plain, sizes / 8)
    limited = sm.fill(sizes, 1.5, np.ones(4), group, np.array([9, 0.6]))
    np.testing.assert_allclose(limited, [0.45, 0.45, 0.2, 0.4], rtol=1e-6)
    most = sm.fill(sizes, 99, np.ones(4), group, np.array([1.0, 9]))
    np.testing.assert_allclose(most, [0.5, 0.5, 1, 1], rtol=1e-6)


def test_gated_and_doubled_apologies_are_left_out_and_counted(tmp_path):
    rows, _ = population(agents=4, mean=6)
    rows[0] |= {"gates": ["too_short"], "verdict": None}
    copy = rows[1] | {"recording": "calls/copy.wav"}
    run = results.read(run_of(tmp_path / "r", [*rows, copy]))
    frame = sm.frame_of(run)
    assert frame.left_out == {"gated": 1, "twice": 1}
    assert len(frame) == len(rows) - 1
    again = sm.frame_of(results.read(run_of(tmp_path / "s", [copy, *rows[::-1]])))
    assert [r["recording"] for r in again.rows] == [r["recording"] for r in frame.rows]
    assert len(sm.frame_of(run, gated=True)) == len(rows)


def test_where_nothing_was_judged_measures_or_chance_choose(tmp_path):
    rows, _ = population(agents=6, mean=10)
    rows = [
        {k: v for k, v in r.items() if k not in ("verdict", "sincere", "engaged")} for r in rows
    ]
    run = results.read(run_of(tmp_path / "r", rows, measures_only=True))
    frame = sm.frame_of(run)
    assert "pitch_p50_st_rel_low" in frame.kinds
    assert len(set(frame.kind.tolist())) > 2
    assert sm.frame_of(run, enrich="none").kinds == ("other",)
    with pytest.raises(UsageError, match="nothing was judged in this run"):
        sm.frame_of(run, enrich="judge")


@pytest.mark.parametrize(
    ("sr", "line"),
    [(8000, "narrowband"), (11025, "wideband"), (48000, "wideband"), (None, "unknown"),
     (0, "unknown"), ("8000", "unknown")],
)  # fmt: skip
def test_lines(sr, line):
    assert sm.line_of(sr) == line


# --- what the ratings will be good for


def test_widths_of_spearman_are_those_of_the_protocol():
    # Published widths for .50: .24-.69 with 50 clips, .33-.64 with 100, .38-.60 with 200.
    for n, low, high in ((50, 0.24, 0.69), (100, 0.33, 0.64), (200, 0.38, 0.60)):
        found = foretold.correlation_interval(0.5, n)
        assert found == (pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))


def test_the_width_of_uar_is_that_of_simulated_classifiers():
    rng = np.random.default_rng(0)
    a = rng.binomial(45, 0.75, 20000) / 45
    b = rng.binomial(255, 0.75, 20000) / 255
    low, high = foretold.uar_interval(0.75, 45, 255)
    inside = np.mean(((a + b) / 2 >= low) & ((a + b) / 2 <= high))
    assert 0.93 < inside < 0.97


def test_clips_of_one_agent_are_worth_less_than_their_number():
    assert foretold.clustered(300, 300, 300) == 300
    assert foretold.clustered(300, 300, 40) == pytest.approx(300 / (1 + 6.5 * 0.29))
    assert foretold.kish(np.ones(50)) == pytest.approx(50)
    assert foretold.kish(np.array([1.0, 0, 0])) == 1


def test_what_fit_needs_is_what_is_told(known):
    _, frame, _ = known
    found = foretold.prospects(sm.draw(frame, 150), asked=150, raters=5)
    assert found["fit"] == {"clips": True, "speakers": True, "reliability": True,
                            "more_clips": 0, "more_speakers": 0, "adapt": True}  # fmt: skip
    assert found["base_rate"]["low"] < 0.15 < found["base_rate"]["high"]
    wide, narrow = found["base_rate"], found["base_rate"]["all"]
    assert narrow["high"] - narrow["low"] < wide["high"] - wide["low"]
    assert wide["agents_high"] > wide["high"]
    few = foretold.prospects(sm.draw(frame, 40), asked=40, raters=3)["fit"]
    assert (few["clips"], few["more_clips"], few["reliability"]) == (False, 60, False)
    assert few["adapt"]


# --- the command


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_on_a_run(known, tmp_path):
    folder, frame, _ = known
    for lang, words in (("en", "Enough for `prosody fit`"), ("nl", "Genoeg voor `prosody fit`")):
        out = tmp_path / f"{lang}.csv"
        done = CliRunner().invoke(
            app, ["sample", str(folder), "--n", "120", "--seed", "7", "--out", str(out),
                  "--lang", lang],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert words in done.stdout
    assert (tmp_path / "en.csv").read_bytes() == (tmp_path / "nl.csv").read_bytes()
    rows = read(tmp_path / "en.csv")
    assert len(rows) == 120
    assert {r["half"] for r in rows} == {"random", "enriched"}
    names = set(frame.clip.tolist())
    for row in rows:
        assert row["clip"] in names
        assert float(row["weight"]) == pytest.approx(1 / float(row["inclusion_probability"]))
        assert row["stratum"] == f"{row['language']}/{row['line']}"
        assert bool(row["random_weight"]) == (row["half"] == "random")
        assert float(row["end_s"]) > float(row["start_s"])


def test_the_table_is_one_that_fit_reads(known, tmp_path):
    folder, frame, _ = known
    out = tmp_path / "clips.csv"
    sm.draw(frame, 60).write(out)
    rated = read_table(out, need_rating=False)
    assert len(rated) == 60
    assert set(rated.speaker.tolist()) <= set(frame.agent.tolist())
    assert rated.own_baseline
    assert {"pitch_p50_st", "pitch_p50_st_rel", "baseline_s"} <= set(rated.columns)
    assert folder.is_dir()


def test_json_tells_the_same_and_only_that(known, tmp_path):
    folder, _, _ = known
    done = CliRunner().invoke(
        app, ["sample", str(folder), "--n", "50", "--out", str(tmp_path / "c.csv"), "--json"]
    )
    found = json.loads(done.stdout)
    assert (found["clips"], found["clips_random"], found["clips_enriched"]) == (50, 25, 25)
    assert [r["raters"] for r in found["raters"]] == [3, 5, 8, 10]
    assert found["raters"][1]["reliability"] == pytest.approx(0.68, abs=0.005)
    assert not found["fit"]["clips"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--enrich", "luck"], "--enrich 'luck'"),
        (["--out", "nowhere/at/all/c.csv"], "there is no folder"),
        (["--out", "."], "a folder, expected a file"),
    ],
)
def test_wrong_requests_say_what_is_wrong(known, tmp_path, args, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, _, _ = known
    done = CliRunner().invoke(app, ["sample", str(folder), "--out", "c.csv", *args])
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)


def test_a_run_without_apologies_or_with_gated_ones_only(tmp_path):
    rows, _ = population(agents=2, mean=3)
    none = run_of(tmp_path / "none", [])
    gated = run_of(
        tmp_path / "gated", [r | {"gates": ["too_short"], "verdict": None} for r in rows]
    )
    for folder, message in ((none, "no apology to choose from"), (gated, "are gated")):
        done = CliRunner().invoke(app, ["sample", str(folder), "--out", str(tmp_path / "c.csv")])
        assert isinstance(done.exception, UsageError)
        assert message in str(done.exception)
        assert not (tmp_path / "c.csv").exists()
    done = CliRunner().invoke(
        app, ["sample", str(gated), "--out", str(tmp_path / "c.csv"), "--gated", "--lang", "nl"]
    )
    assert done.exit_code == 0, done.output
    assert len(read(tmp_path / "c.csv")) == len(rows)


def test_the_samples_analysed_chosen_and_joined_with_rate(analysed, tmp_path):
    done = CliRunner().invoke(app, ["sample", str(analysed), "--out", str(tmp_path / "c.csv")])
    assert done.exit_code == 0, done.output
    assert "The run names no agents" in done.stdout
    assert "needs 94 clips more" in done.stdout
    rows = read(tmp_path / "c.csv")
    assert len(rows) == 6
    clips = pytest.importorskip("prosody.rating.clips")
    known, missing = clips.from_results(analysed)
    assert not missing
    chosen = clips.only(known, tmp_path / "c.csv")
    assert {c.name for c in chosen} == {r["clip"] for r in rows}
    # The table by itself is enough, and names the same stretches of the same files.
    made = {c.name: c for c in clips.gather(analysed, anchors="none").clips}
    alone = {c.name: c for c in clips.gather(tmp_path / "c.csv", anchors="none").clips}
    assert alone.keys() == made.keys()
    for name, clip in alone.items():
        assert (clip.path, clip.channel, clip.start_s, clip.end_s, clip.duration_s) == (
            made[name].path, made[name].channel, made[name].start_s, made[name].end_s,
            made[name].duration_s,
        )  # fmt: skip


def test_of_a_call_in_several_files_the_one_that_holds_the_voice_is_named():
    row = {"recording": "a.wav", "recording_sha256": "x", "channel": 1}
    tracks = [
        {"file": "a.wav", "sha256": "x", "channel": 0, "offset_s": 0.0},
        {"file": "b.wav", "sha256": "y", "channel": 0, "offset_s": 1.5},
    ]
    assert sm._track(row, {"tracks": tracks}) == ("b.wav", "y", 0, 1.5)
    both = [{"file": "a.wav", "sha256": "x", "channel": c, "offset_s": 0.0} for c in (0, 1)]
    assert sm._track(row, {"tracks": both}) == ("a.wav", "x", 1, 0.0)
    assert sm._track(row, {}) == ("a.wav", "x", 1, 0.0)


# --- from ratings of a sample back to the run


def test_the_base_rate_of_a_run_from_ratings_of_its_sample(known, tmp_path):
    from prosody.rating.base_rate import base_rate, read_weights

    _, frame, forced = known
    truth = forced.mean()
    shares, halves, inside = [], [], 0
    for seed in range(40):
        made = sm.draw(frame, 150, seed=seed)
        made.write(tmp_path / "c.csv")
        weights = read_weights(tmp_path / "c.csv")
        clips = [
            {"clip": str(frame.clip[i]), "mean": 20.0 if forced[i] else 70.0} for i in made.chosen
        ]
        found = base_rate(clips, weights)
        shares.append(found["share"])
        halves.append(found["random_half"]["share"])
        inside += found["low"] <= truth <= found["high"]
        assert (found["n_clips"], found["n_unrated"]) == (150, 0)
        assert found["random_half"]["n_clips"] == 75
    for values in (shares, halves):
        assert abs(np.mean(values) - truth) < 4 * np.std(values) / math.sqrt(len(values))
    assert (
        inside >= 34
    )  # 38 are expected; fewer than 34 come by chance less than once in a thousand


def test_a_share_of_nothing_or_all_has_an_interval():
    from prosody.rating.base_rate import share

    agents = np.array([f"a{i % 5}" for i in range(20)])
    none = share(np.zeros(20), np.ones(20), agents)
    assert none["share"] == none["low"] == 0
    assert 0.2 < none["high"] < 0.7  # five agents, not twenty clips
    assert math.isnan(share(np.zeros(0), np.zeros(0), agents[:0])["share"])


def test_agreement_tells_the_base_rate_with_the_table_of_the_sample(known, tmp_path):
    _, frame, forced = known
    made = sm.draw(frame, 60)
    made.write(tmp_path / "c.csv")
    rng = np.random.default_rng(0)
    with (tmp_path / "r.csv").open("w", encoding="utf-8") as file:
        file.write("clip,rater,axis,rating,is_repeat,cannot_hear,remark\n")
        for i in made.chosen[1:]:
            for rater in "rst":
                value = int(np.clip((25 if forced[i] else 70) + rng.normal(0, 5), 0, 100))
                file.write(f"{frame.clip[i]},{rater},sincere,{value},0,0,\n")
    args = ["agreement", str(tmp_path / "r.csv"), "--clips", str(tmp_path / "c.csv")]
    done = CliRunner().invoke(app, [*args, "--json"])
    found = json.loads(done.stdout)["axes"]["sincere"]["base_rate"]
    rest = made.chosen[1:]
    expected = np.sum(made.weight[1:] * forced[rest]) / made.weight[1:].sum()
    assert found["share"] == pytest.approx(expected, abs=1e-5)
    assert found["n_unrated"] == 1
    for lang, word in (("en", "on the side of put on"), ("nl", "aan de kant van gemaakt")):
        done = CliRunner().invoke(app, [*args, "--lang", lang, "--page", str(tmp_path / lang)])
        assert done.exit_code == 0, done.output
        assert word in done.stdout
        assert word in (tmp_path / lang / "index.html").read_text(encoding="utf-8")
    other = tmp_path / "other.csv"
    other.write_text("clip,weight,random_weight,agent\nx,1,,a\n", encoding="utf-8")
    done = CliRunner().invoke(app, [*args[:2], "--clips", str(other)])
    assert "none of its clips is in" in str(done.exception)
    done = CliRunner().invoke(app, [*args[:2], "--clips", str(tmp_path / "r.csv")])
    assert "no column 'weight'" in str(done.exception)
