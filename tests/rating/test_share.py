"""What may leave a house: nothing that names, dates or quotes, and nobody who stands out."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import rated as synthetic
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.rating import share


@pytest.fixture
def given(tmp_path):
    rows = synthetic.make(speakers=16, clips=8)
    for i, row in enumerate(rows):
        row |= {"language": "nl" if i < 96 else "en", "site": "Utrecht" if i < 16 else "Breda",
                "text": "het spijt me", "started_at": "2026-05-01T10:00:00"}  # fmt: skip
    long = [{**r, "rater": f"Anna-{r['rater']}"} for r in synthetic.ratings(rows)]
    return (
        synthetic.write(tmp_path / "Clips van mei.csv", rows, drop=("rating",)),
        synthetic.write(tmp_path / "r.csv", long),
        rows,
    )


def test_nothing_that_names_dates_or_quotes_leaves(given, tmp_path):
    table, ratings, _ = given
    made = share.export(table, ratings, tmp_path / "set", licence="CC-BY-4.0")
    assert (made.clips, made.speakers, made.raters) == (128, 16, 8)
    content = b"".join((tmp_path / "set" / n).read_bytes() for n in share.FILES)
    for secret in (b"agent-", b"Anna", b"s00c00", b"spijt", b"2026-05", b"S1", b"Clips van mei"):
        assert secret not in content, secret


def test_rare_values_are_coarsened_or_left_out_and_it_is_said(given, tmp_path):
    table, ratings, _ = given
    made = share.export(table, ratings, tmp_path / "set", licence="CC0-1.0")
    with (tmp_path / "set" / "clips.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    stated = [n for n in share.STATED if n in rows[0]]
    sets = {}
    for row in rows:
        sets.setdefault(tuple(row[n] for n in stated), set()).add(row["speaker"])
    assert min(map(len, sets.values())) >= share.SPEAKERS_TOGETHER
    assert "site: 1 value with fewer than 5 speakers became 'other'." in made.notes
    assert all("Utrecht" not in (tmp_path / "set" / n).read_text("utf-8") for n in share.FILES)


def test_names_differ_from_set_to_set(given, tmp_path):
    table, ratings, _ = given
    names = []
    for part in ("a", "b"):
        share.export(table, ratings, tmp_path / part, licence="CC0-1.0")
        with (tmp_path / part / "clips.csv").open(encoding="utf-8-sig") as file:
            names.append({r["speaker"] for r in csv.DictReader(file)})
    assert not names[0] & names[1]


def test_too_few_speakers_and_a_strange_licence_are_refused(tmp_path):
    rows = synthetic.make(speakers=4, clips=5)
    table = synthetic.write(tmp_path / "t.csv", rows, drop=("rating",))
    ratings = synthetic.write(tmp_path / "r.csv", synthetic.ratings(rows))
    with pytest.raises(UsageError, match="4 speakers have rated clips, and fewer than 5"):
        share.export(table, ratings, tmp_path / "set", licence="CC0-1.0")
    with pytest.raises(UsageError, match="--licence 'mine'"):
        share.export(table, ratings, tmp_path / "set", licence="mine")
    assert not (tmp_path / "set").exists()


def test_a_judge_learns_from_a_set_as_from_the_table_itself(given, tmp_path):
    pytest.importorskip("onnx")
    from prosody.fit import evaluate, make

    table, ratings, _ = given
    share.export(table, ratings, tmp_path / "theirs", licence="CC0-1.0")
    alone = make.fit(table, ("sincere",), ratings=ratings)
    again = make.fit(
        tmp_path / "theirs" / "clips.csv", ("sincere",), ratings=tmp_path / "theirs" / "ratings.csv"
    )
    for one, two in zip(alone.axes["sincere"].coef, again.axes["sincere"].coef, strict=True):
        assert one == pytest.approx(two, abs=0.01)
    own = synthetic.make(speakers=15, clips=7, seed=4)
    own_table = synthetic.write(tmp_path / "own.csv", own, drop=("rating",))
    own_ratings = synthetic.write(tmp_path / "own_r.csv", synthetic.ratings(own, raters=5, seed=9))
    both = make.fit(own_table, ("sincere",), ratings=own_ratings, sets=[tmp_path / "theirs"])
    training = both.metadata["axes"]["sincere"]["training"]
    assert (training["clips"], training["speakers"]) == (128 + 105, 31)
    assert any("set theirs: 128 clips; Spearman on your own speakers" in r for r in both.remarks)
    # A judge whose middle is not the mean is checked on several sets from that middle.
    assert abs(alone.axes["sincere"].cut) > 0.2
    make.save(alone, tmp_path / "j.onnx")
    found = evaluate.evaluate(
        own_table, "sincere", model=tmp_path / "j.onnx", ratings=own_ratings,
        sets=[tmp_path / "theirs"], in_sample=True, bootstraps=20,
    )  # fmt: skip
    assert abs(found["groups"]["set"]["theirs"]["mean_error"]) < 0.1


def test_the_command_exports(given, tmp_path):
    table, ratings, _ = given
    args = ["ratings", "export", str(table), "--ratings", str(ratings), "--out"]
    done = CliRunner().invoke(app, [*args, str(tmp_path / "s"), "--licence", "CC-BY-4.0"])
    assert done.exit_code == 0, done.output
    assert "128 clips of 16 speakers, 8 raters" in done.output
    assert np.all([(tmp_path / "s" / n).is_file() for n in share.FILES])
