"""Tables and ratings as people have them: what their spreadsheets save, and what they get wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import rated as synthetic
from hypothesis import given
from hypothesis import strategies as st

from prosody.errors import UsageError
from prosody.fit import join
from prosody.fit.reference_models import naive
from prosody.rating import agreement, ratings
from prosody.tables import rated_table, table_files

ROWS = synthetic.make(speakers=6, clips=8)


@pytest.fixture
def table(tmp_path):
    return synthetic.write(tmp_path / "t.csv", ROWS)


def as_excel_saves(source: Path, target: Path, encoding: str, before: str = "") -> Path:
    """Write a CSV again with semicolons and decimal commas, as Excel does in the Netherlands."""
    with source.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))

    def comma(cell):
        return cell.replace(".", ",") if cell.replace(".", "").lstrip("-").isdigit() else cell

    with target.open("w", encoding=encoding, newline="") as out:
        out.write(before)
        csv.writer(out, delimiter=";").writerows([[comma(c) for c in r] for r in rows])
    return target


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("before", ["", "sep=;\r\n"])
def test_csv_as_a_dutch_excel_saves_it(table, tmp_path, encoding, before):
    rows = [{**r, "speaker": r["speaker"].replace("agent", "Zoë")} for r in ROWS]
    source = synthetic.write(tmp_path / "names.csv", rows)
    got = rated_table.read_table(as_excel_saves(source, tmp_path / "e.csv", encoding, before))
    want = rated_table.read_table(table)
    assert got.speaker[0] == "Zoë-00"
    np.testing.assert_allclose(got.rating, want.rating)
    np.testing.assert_allclose(got.columns["pitch_p50_st"], want.columns["pitch_p50_st"])


def test_excel_and_parquet_are_read(table, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    arrow = pytest.importorskip("pyarrow.csv")
    from pyarrow import parquet

    book = openpyxl.Workbook()
    for row in [list(ROWS[0]), *(r.values() for r in ROWS)]:
        book.active.append(list(row))
    book.active.append([None] * 3)
    book.save(tmp_path / "t.xlsx")
    parquet.write_table(arrow.read_csv(table), tmp_path / "t.parquet")
    want = rated_table.read_table(table)
    for name in ("t.xlsx", "t.parquet"):
        got = rated_table.read_table(tmp_path / name)
        assert got.clip.tolist() == want.clip.tolist()
        np.testing.assert_allclose(got.rating, want.rating)


def test_rows_of_a_sheet_may_end_before_its_header(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook(write_only=True)  # as this project's own workbooks are written
    sheet = book.create_sheet("apologies")
    for row in (["clip", "rating", "remark"], ["a.wav", 1.5, None], ["b.wav", None, "loud"]):
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    header, rows = table_files.read_rows(tmp_path / "t.xlsx")
    assert header == ["clip", "rating", "remark"]
    assert rows == [["a.wav", "1.5", ""], ["b.wav", "", "loud"]]


def test_a_number_that_names_somebody_stays_whole(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["clip", "speaker", "rating", "pitch_p50_st"])
    book.active.append(["a.wav", 12, 1.5, 30.25])
    book.active.append(["b.wav", 12.0, "=1/0", 31])
    book.save(tmp_path / "t.xlsx")
    rated = rated_table.read_table(tmp_path / "t.xlsx")
    assert rated.speaker.tolist() == ["12", "12"]
    assert np.isnan(rated.rating[1])  # a formula that was never computed is no number


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "an old Excel file"),
        (b"PK\x03\x04 no zip", "cannot be read as an Excel sheet"),
        (b"PAR1 no parquet", "cannot be read as Parquet"),
        (b"\x00\x01\x02binary", "binary data, expected a table"),
        (b"clip,speaker\n", "no rows"),
        (b"", "no rows"),
        (b"a,b\n1,2,3\n", "row 2 has 3 cells, expected 2"),
        (b"a,b\n1\n", "row 2 has 1 cells, expected 2.*cut off"),
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b'a,b\n1,"' + b"x" * 1_200_000 + b'"\n', "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    for package in {"old Excel": (), "Excel sheet": ("openpyxl",), "Parquet": ("pyarrow",)}.get(
        message.removeprefix("cannot be read as ").removeprefix("an "), ()
    ):
        pytest.importorskip(package)
    path = tmp_path / "t"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as refused:
        table_files.read_rows(path)
    assert str(path) in str(refused.value)


def test_a_cell_without_end_is_refused(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(b'a,b\n1,"' + b"x" * 20_000 + b'"\n')
    limit = csv.field_size_limit(10_000)  # of the whole process: others may have set it
    try:
        with pytest.raises(UsageError, match="line 2: cannot be read as CSV"):
            table_files.read_rows(path)
    finally:
        csv.field_size_limit(limit)


def test_what_a_spreadsheet_leaves_behind_is_passed_over(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("clip,speaker,rating,,\na,x,1,,\n,,,,\n\nb,x,#N/B,,\n")
    header, rows = table_files.read_rows(path)
    assert header == ["clip", "speaker", "rating"]
    assert rows == [["a", "x", "1"], ["b", "x", "#N/B"]]
    assert np.isnan(table_files.numbers([r[2] for r in rows], path, "rating")).tolist() == [
        False,
        True,
    ]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2,
                 max_size=2),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_cells_come_back_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("h") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["clip", "b"], *([f"_{a}", b] for a, b in rows)])
    _, got = table_files.read_rows(path)
    assert [g[0] for g in got] == [f"_{a}" for a, _ in rows]


def test_names_that_were_made_safe_for_spreadsheets_match_again(tmp_path):
    from prosody.results.write import safe_cell

    path = synthetic.write(tmp_path / "t.csv", [{"clip": safe_cell("-a.wav"), "b": 1}])
    assert table_files.read_rows(path)[1][0][0] == "-a.wav"


def test_names_in_single_quotes_are_the_names(tmp_path):
    path = tmp_path / "smile.csv"
    path.write_text("name;frameTime\n'03a01Fa';0\n'it''s';0\n")
    assert [r[0] for r in table_files.read_rows(path)[1]] == ["03a01Fa", "it''s"]


def test_nobody_is_taken_for_a_speaker(tmp_path):
    rows = [{**r, "speaker": "" if i == 3 else r["speaker"]} for i, r in enumerate(ROWS)]
    with pytest.raises(UsageError, match=r"row 5, column 'speaker' is empty"):
        rated_table.read_table(synthetic.write(tmp_path / "t.csv", rows))
    path = synthetic.write(tmp_path / "u.csv", ROWS, drop=("speaker",))
    assert not rated_table.read_table(path).voices_known
    assert rated_table.read_table(path, names={"speaker": "GENDER"}).voices_known
    with pytest.raises(UsageError, match="no column 'agent'; found clip, "):
        rated_table.read_table(path, names={"speaker": "agent"})


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.removesuffix(".wav"),
        lambda c: f"clips/{c}",
        lambda c: f"C:\\calls\\{c}",
        lambda c: c.upper(),
        lambda c: c.replace(".wav", ".flac"),
    ],
    ids=["no ending", "folder", "Windows", "case", "other ending"],
)
def test_ratings_find_their_clips(table, tmp_path, change):
    plain = synthetic.ratings(ROWS, raters=3)
    other = [{**r, "clip": change(r["clip"])} for r in plain]
    want, *_ = join.load(table, synthetic.write(tmp_path / "r.csv", plain), "sincere")
    got, _, said = join.load(table, synthetic.write(tmp_path / "o.csv", other), "sincere")
    np.testing.assert_allclose(got.rating, want.rating)
    assert said == []


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    rows = [{**r, "clip": f"{'ab'[i % 2]}/{i // 2}.wav"} for i, r in enumerate(ROWS)]
    table = synthetic.write(tmp_path / "t.csv", rows)
    long = synthetic.ratings(rows, raters=2)
    rated, *_ = join.load(table, synthetic.write(tmp_path / "r.csv", long), "sincere")
    assert len(rated) == len(rows)
    bare = [{**r, "clip": r["clip"][2:]} for r in long]
    with pytest.raises(UsageError, match=r"none of its 24 clips is in .*: '0\.wav' against"):
        join.load(table, synthetic.write(tmp_path / "b.csv", bare), "sincere")


def test_what_has_no_partner_is_said(table, tmp_path):
    long = synthetic.ratings(ROWS, raters=2)
    for i, row in enumerate(long):
        row["clip"] = row["clip"] if i % 2 else f"gone-{row['clip']}"
    rated, _, said = join.load(table, synthetic.write(tmp_path / "r.csv", long), "sincere")
    assert len(rated) == 24
    assert said[0].startswith("Ratings of 24 of 48 clips were left out: those clips are not in")
    assert said[1] == "24 of 48 rows without a rating were left out, for example 's00c00.wav'."


def test_a_clip_that_stands_twice_is_refused(tmp_path):
    table = synthetic.write(tmp_path / "t.csv", [*ROWS, ROWS[0]])
    long = synthetic.write(tmp_path / "r.csv", synthetic.ratings(ROWS, raters=2))
    with pytest.raises(UsageError, match=r"'s00c00\.wav' stands in 2 rows"):
        join.load(table, long, "sincere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: {"rating": 1 + r["rating"] * 6 / 100}, "expected a scale from 0 to 100.*x 100"),
        (lambda _: {"cannot_hear": "maybe"}, "'cannot_hear' holds 'maybe', expected true or false"),
        (lambda _: {"axis": "oprecht"}, "row 2: axis 'oprecht', expected sincere or engaged"),
        (lambda _: {"rater": ""}, "row 2, column 'rater' is empty"),
        (lambda _: {"rating": "60 %"}, "row 2, column 'rating' holds '60 %', expected a number"),
        (lambda _: {"rating": 50}, "no rater used more than one value"),
    ],
)
def test_ratings_that_cannot_be_meant(tmp_path, change, message):
    long = [{**r, **change(r)} for r in synthetic.ratings(ROWS, raters=2)]
    with pytest.raises(UsageError, match=message):
        agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "sincere")


def test_dutch_flags_are_read(tmp_path):
    long = synthetic.ratings(ROWS, raters=2)
    long[0] |= {"cannot_hear": "WAAR", "rating": ""}
    long[1] |= {"cannot_hear": "ONWAAR"}
    given = ratings.read_answers(synthetic.write(tmp_path / "r.csv", long))
    assert given.deaf.tolist()[:3] == [True, False, False]


def test_a_rater_without_a_scale_is_named(tmp_path):
    long = synthetic.ratings(ROWS, raters=3)
    for row in long:
        row["rating"] = 70 if row["rater"] == "r1" else row["rating"]
    panel = agreement.read_long(synthetic.write(tmp_path / "r.csv", long), "sincere")
    assert panel.idle == ("r1",)
    assert panel.dropped == {}


@pytest.mark.parametrize(
    ("values", "middle", "scale"),
    [
        (np.linspace(-1, 1, 9), 0.0, "as in the table"),
        (np.linspace(0.5, 1.5, 9), 0.0, "as in the table"),
        (np.linspace(0, 80, 9), (50 - 40) / np.linspace(0, 80, 9).std(), "0 to 100"),
        (np.linspace(1, 7, 9), 0.0, "1 to 7, standardised over the table; its mean counts"),
    ],
)
def test_scales_of_wide_ratings(table, values, middle, scale):
    rated = rated_table.read_table(table).take(np.arange(9))
    rated = rated_table.replace(rated, rating=values)
    got, at, said = join.on_scale(rated, None)
    assert at == pytest.approx(middle)
    assert said.startswith(scale)
    if scale != "as in the table":
        assert got.rating.std() == pytest.approx(1)


def test_results_are_read_in_every_form(tmp_path):
    pytest.importorskip("openpyxl")
    pytest.importorskip("pyarrow")
    from prosody.measures.table import NAMES, RELATIVE_NAMES
    from prosody.results import write
    from prosody.results.records import ApologyRecord

    def apology(i):
        measures = np.full(len(NAMES), float(i + 1))
        return ApologyRecord(
            f"c{i}.wav", "", f"c{i}", 0, "agent", 0.0, 1.0, "sorry", "sorry", "", "transcript",
            measures, np.full(len(RELATIVE_NAMES), 0.5), 30.0, agent=f"a{i % 3}",
            gates=("too_short",) if i == 4 else (),
        )  # fmt: skip

    made = [apology(i) for i in range(6)]
    write.write_run(tmp_path, [], made, {}, formats=("jsonl", "csv", "parquet", "xlsx"))
    for name in ("", "apologies.jsonl", "apologies.csv", "apologies.parquet", "apologies.xlsx"):
        rated = rated_table.read_results(tmp_path / name)
        assert [bool(g) for g in rated.groups["gates"]] == [i == 4 for i in range(6)], name
        assert rated.speaker[4] == "a1"
        np.testing.assert_allclose(rated.columns[NAMES[0]], np.arange(6) + 1.0)
    with pytest.raises(UsageError, match=r"none of apologies\.jsonl, apologies\.csv"):
        rated_table.read_results(tmp_path.parent)


def test_what_is_had_for_nothing(table):
    rated = rated_table.read_table(table)
    found = naive(rated)
    assert set(found) == {"wording only", "tempo and pitch level", "chance"}
    assert found["tempo and pitch level"]["spearman"] > 0.6  # the rule of these ratings
    assert abs(found["wording only"]["spearman"]) < 0.5
    assert found["chance"]["uar"] == 0.5
    assert np.isnan(found["chance"]["spearman"])
    alone = rated_table.replace(rated, columns={}, sentence=np.array([""] * len(rated)))
    assert set(naive(alone)) == {"chance"}


def test_what_is_never_judged_is_nothing_to_learn_from(tmp_path):
    rows = [{**r, "gates": "too_noisy" if i < 3 else ""} for i, r in enumerate(ROWS)]
    rows[5] |= dict.fromkeys(synthetic.COLUMNS, "")
    rated, _, said = join.load(synthetic.write(tmp_path / "t.csv", rows), None, "sincere")
    assert len(rated) == len(rows) - 4
    assert "gates" not in rated.groups
    assert said[0].startswith("3 rows that are never judged (column 'gates') were left out")
    assert said[1].startswith("1 rows without any measure")


def test_ratings_in_the_place_of_the_table_are_recognised(tmp_path):
    path = synthetic.write(tmp_path / "r.csv", synthetic.ratings(ROWS, raters=1))
    with pytest.raises(UsageError, match="ratings of single listeners, expected a table of clips"):
        rated_table.read_table(path)
    with pytest.raises(UsageError, match=r"no rating on the axis 'engaged', only on sincere\."):
        agreement.read_long(path, "engaged")
