"""Tables of any length are judged a part at a time, and come back with numbers as numbers."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest
from damaged import apology
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError
from prosody.judge.judge import Judge
from prosody.judge.rows import compare_takes, judge_table
from prosody.measures import table as measures
from prosody.results.write import csv_blocks
from prosody.settings import Settings


@pytest.fixture(scope="module")
def judge():
    return Judge.load()


@pytest.fixture
def table(tmp_path, judge):
    rng = np.random.default_rng(0)
    # One difference that no judge takes: what it passes over stays a number, too.
    names = [*(n for n in judge.inputs if n != "snr_db"), "mfcc1_rel"]
    values = rng.normal(0, 1, (23, len(names)))
    values[:, names.index("baseline_s")] = 40.0
    with (tmp_path / "t.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["note", *names])
        out.writerows([f"=1+{i}", *(f"{v:.6g}" for v in row)] for i, row in enumerate(values))
    return tmp_path / "t.csv"


def written(table, judge, at_once):
    columns, texts, blocks = judge_table(table, judge, Settings(), at_once=at_once)
    out = io.StringIO()
    with csv_blocks(out, columns, texts) as put:
        for block in blocks:
            put(block)
    out.seek(0)
    return list(csv.DictReader(out))


def test_parts_of_a_table_are_judged_as_the_whole(table, judge):
    whole, parts = written(table, judge, 1000), written(table, judge, 5)
    assert len(whole) == len(parts) == 23
    for a, b in zip(whole, parts, strict=True):
        assert a["verdict"] == b["verdict"]
        assert float(a["sincere_rating"]) == pytest.approx(float(b["sincere_rating"]), abs=1e-5)


def test_contributions_sum_to_the_rating_and_numbers_stay_numbers(table, judge):
    bias = judge.axis_info("sincere")["bias"]
    below = 0
    for row in written(table, judge, 10):
        parts = [float(v) for k, v in row.items() if k.startswith("sincere_from_")]
        assert bias + sum(parts) == pytest.approx(float(row["sincere_rating"]), abs=1e-5)
        assert row["note"].startswith("'=1+")  # what a spreadsheet would execute is text
        measures = [row[n] for n in (*judge.inputs, "mfcc1_rel") if n in row]
        assert not any(m.startswith("'") for m in measures)
        below += sum(m.startswith("-") for m in measures)
    assert below > 100


def test_a_fault_names_its_row_also_in_a_later_part(table, judge):
    lines = table.read_text().splitlines()
    lines[17] = lines[17].replace(lines[17].split(",")[1], "many", 1)
    table.write_text("\n".join(lines))
    with pytest.raises(UsageError, match=r"row 18, column '.*' holds 'many', expected a number"):
        written(table, judge, 5)


def test_nothing_is_left_of_a_table_that_fails_half_way(table, tmp_path):
    table.write_text(table.read_text() + "cut,off\n")
    done = CliRunner().invoke(app, ["judge", str(table), "--out", str(tmp_path / "o.csv")])
    assert isinstance(done.exception, UsageError)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_excel_and_parquet_are_judged_alike(table, tmp_path, judge, name):
    with table.open() as file:
        rows = [
            [c if i == 0 else float(c) for i, c in enumerate(r)] for r in [*csv.reader(file)][1:]
        ]
    head = table.read_text().splitlines()[0].split(",")
    if name == "t.xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in [head, *rows]:
            book.active.append([f" {c}" if isinstance(c, str) and c[0] == "=" else c for c in row])
        book.save(tmp_path / name)
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        columns = [list(c) for c in zip(*rows, strict=True)]
        parquet.write_table(pa.table(dict(zip(head, columns, strict=True))), tmp_path / name)
    want, got = written(table, judge, 10), written(tmp_path / name, judge, 10)
    for a, b in zip(want, got, strict=True):
        assert float(a["sincere_rating"]) == pytest.approx(float(b["sincere_rating"]), abs=1e-5)


def test_a_word_for_the_animation_stands_beside_its_number(table, judge):
    rows = [r for r in written(table, judge, 50) if not r["gates"]]
    words = {r["animation_word"] for r in rows}
    assert {"livelier", "flatter"} <= words <= {"livelier", "flatter", "usual"}
    middle = {w: np.mean([float(r["animation_value"]) for r in rows if r["animation_word"] == w])
              for w in words}  # fmt: skip
    assert middle["flatter"] < 0 < middle["livelier"]


def test_a_take_is_held_against_the_others_of_its_speaker_and_their_length():
    at, n = measures.NAMES.index("duration_s"), measures.NAMES.index("loudness_mean")
    rows = []
    for agent, seconds, loud in (("a", 2.0, 1.0), ("a", 3.0, 2.0), ("a", 4.0, 8.0), ("b", 9.0, 4.0),
                                 ("", 1.0, 1.0), ("b", 5.0, 1.0)):  # fmt: skip
        values = np.full(len(measures.NAMES), 1.0)
        values[at], values[n] = seconds, loud
        rows.append(apology("x", agent=agent, measures=values, snr_db=10.0 + seconds))
    rows.append(apology("x", agent="a", gates=("clipped",)))
    given = {}

    class Judge:
        def more_sincere(self, columns, kind):
            given.update(columns, kind=kind)
            spread = np.arange(5) / 10
            return SimpleNamespace(p=spread, low=spread - 0.1, high=spread + 0.1)

    compare_takes(rows, Judge())
    assert given["kind"] == "usual"
    assert given["baseline_s"].tolist() == [7.0, 6.0, 5.0, 5.0, 9.0]
    assert given["snr_db"].tolist() == [12.0, 13.0, 14.0, 19.0, 15.0]
    log2 = given["loudness_mean_log2ratio"]  # of the middle of the others
    np.testing.assert_allclose(2.0**log2, [1 / 5, 2 / 4.5, 8 / 1.5, 4, 1 / 4], rtol=1e-6)
    assert [r.more_sincere and r.more_sincere["others"] for r in rows] == [2, 2, 2, *[None] * 4]
    assert rows[1].more_sincere == {"p": 0.1, "low": 0.0, "high": 0.2, "others": 2}
    compare_takes(rows, Judge(), one_voice=True)  # the unnamed are then one, too
    assert len(given["baseline_s"]) == 6
