"""Tables are measured before they are read."""

from __future__ import annotations

import zipfile

import pytest

from prosody.errors import UsageError
from prosody.tables import table_files


@pytest.mark.slow
def test_a_cell_in_the_last_corner_of_a_sheet_is_refused(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["clip", "rating"])
    sheet.append(["a", 1])
    path = tmp_path / "t.xlsx"
    book.save(path)
    parts = {}
    with zipfile.ZipFile(path) as found:
        parts = {n: found.read(n) for n in found.namelist()}
    name = "xl/worksheets/sheet1.xml"
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    parts[name] = parts[name].replace(b"</sheetData>", corner)
    with zipfile.ZipFile(path, "w") as out:
        for n, data in parts.items():
            out.writestr(n, data)
    with pytest.raises(UsageError, match="a row of 16384 cells"):
        table_files.read_rows(path)


@pytest.mark.parametrize("bound", ["MAX_SHEETS", "MAX_TEXT_BYTES", "MAX_SHEET_BYTES"])
def test_a_workbook_is_measured_before_it_is_read(tmp_path, monkeypatch, bound):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["clip"])
    book.active.append(["a"])
    book.save(tmp_path / "t.xlsx")
    assert table_files.read_rows(tmp_path / "t.xlsx") == (["clip"], [["a"]])
    monkeypatch.setattr(table_files, bound, 0)
    with pytest.raises(UsageError, match="when unpacked"):
        table_files.read_rows(tmp_path / "t.xlsx")


@pytest.mark.slow
def test_parquet_is_measured_before_it_is_read(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    wide = pa.table({f"c{i}": [1] for i in range(table_files.MAX_COLUMNS + 1)})
    parquet.write_table(wide, tmp_path / "wide.parquet")
    text = pa.table({"clip": pa.array(["x" * (2 << 20)] * 300)})
    parquet.write_table(text, tmp_path / "text.parquet")
    # A text that stands once in the file and in each of its rows: a kilobyte is 27 GB.
    rows = pa.array([0] * 30_000, pa.int32())
    once = pa.DictionaryArray.from_arrays(rows, pa.array(["x" * 900_000]))
    parquet.write_table(pa.table({"clip": once}), tmp_path / "once.parquet", compression="zstd")
    every = pa.table({"clip": pa.DictionaryArray.from_arrays(rows, pa.array(["a"]))})
    parquet.write_table(every, tmp_path / "every.parquet")
    for name in ("text", "once", "every"):
        assert (tmp_path / f"{name}.parquet").stat().st_size < 1 << 20
    assert len(table_files.read_rows(tmp_path / "every.parquet")[1]) == 30_000
    monkeypatch.setattr(table_files, "MAX_HELD_CELLS", 29_999)
    for name in ("wide", "text", "once", "every"):
        with pytest.raises(UsageError, match="expected at most"):
            table_files.read_rows(tmp_path / f"{name}.parquet")


def test_a_column_of_tables_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"clip": ["a"], "parts": [[1, 2]]}), tmp_path / "t.parquet")
    with pytest.raises(UsageError, match="column 'parts' is a table of its own"):
        table_files.read_rows(tmp_path / "t.parquet")


def test_what_is_not_held_whole_comes_in_parts_that_fit(monkeypatch):
    rows = [["x" * 10, "y"]] * 100
    parts = list(table_files.in_parts(iter(rows), 30))
    assert [len(p) for p in parts] == [30, 30, 30, 10]
    for bound, most in (("PART_CELLS", 8), ("PART_CHARACTERS", 44)):
        with monkeypatch.context() as small:
            small.setattr(table_files, bound, most)
            assert {len(p) for p in table_files.in_parts(iter(rows), 30)} == {4}


def test_a_row_of_a_csv_has_a_bound(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "," * 9000 + "\n")
    with pytest.raises(UsageError, match="a row of 9001 cells"):
        table_files.read_rows(path)
