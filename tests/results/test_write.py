import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.errors import UsageError
from prosody.measures import table
from prosody.results import records
from prosody.results import write as results
from prosody.results.records import Apology, Line, Remark


def apology(**changes):
    measures = np.full(len(table.NAMES), np.nan)
    measures[0] = -1.5
    given_values = {
        "recording": "b.wav",
        "recording_sha256": "00",
        "call_id": "b",
        "channel": 0,
        "role": "agent",
        "start_s": 1.0,
        "end_s": 2.0,
        "text": "het spijt me écht",
        "form": "spijt",
        "source": "transcript",
        "language": "nl",
        "measures": measures,
        "relative": np.full(len(table.RELATIVE_NAMES), np.nan),
        "baseline_s": 30.0,
    }
    return Apology(**{**given_values, **changes})


JUDGED = {
    "axes": {
        "sincere": {
            "rating": 0.1,
            "sd": 0.5,
            "low": -0.5,
            "high": 0.7,
            "p": 0.58,
            "contributions": {"pitch_mean_st_rel": 0.2},
        }
    },
    "verdict": "unclear",
    "reasons": ({"measure": "pitch_mean_st", "text": "lower", "time_s": 1.0},),
}


def write(folder, apologies, lines=None, **how):
    lines = lines or [Line(a.recording, a.call_id) for a in apologies]
    return results.write_run(folder, lines, apologies, {"schema_version": 1}, **how)


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f))


def test_missing_is_null_in_jsonl_and_empty_in_csv(tmp_path):
    write(tmp_path, [apology()])
    row = json.loads((tmp_path / "apologies.jsonl").read_text(encoding="utf-8"))
    assert row["measures"]["pitch_mean_st"] == -1.5
    assert row["measures"]["pitch_sd_st"] is None
    assert row["verdict"] is None
    (flat,) = read_csv(tmp_path / "apologies.csv")
    assert flat["pitch_mean_st"] == "-1.5"
    assert flat["pitch_sd_st"] == ""
    assert flat["verdict"] == ""


def test_csv_has_what_excel_needs_for_dutch_letters(tmp_path):
    write(tmp_path, [apology()])
    raw = (tmp_path / "apologies.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert "écht".encode() in raw
    assert b"\r\n" in raw


@pytest.mark.parametrize("evil", ["=1+1", "+31 6", "-2", "@SUM(A1)", "\t=1", " =cmd|'/c calc'!A0"])
def test_text_cells_never_execute(tmp_path, evil):
    write(tmp_path, [apology(text=evil, recording=evil)], [Line(evil, "b")])
    (flat,) = read_csv(tmp_path / "apologies.csv")
    assert flat["text"][0] == "'"
    assert flat["recording"][0] == "'"


@given(st.text())
def test_any_text_survives_as_one_cell_that_is_no_formula(text):
    out = io.StringIO()
    results.write_csv(out, [{"a": text, "b": 1}], ["a", "b"])
    ((cell, number),) = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    assert number == "1"
    assert not cell or cell[0] not in "=+-@\t\r\n"


def test_rows_are_sorted_by_recording_then_start(tmp_path):
    write(
        tmp_path,
        [apology(start_s=5.0), apology(recording="a.wav"), apology(start_s=2.0)],
        [Line("b.wav", "b"), Line("a.wav", "b")],
    )
    order = [(r["recording"], float(r["start_s"])) for r in read_csv(tmp_path / "apologies.csv")]
    assert order == [("a.wav", 1.0), ("b.wav", 2.0), ("b.wav", 5.0)]
    lines = (tmp_path / "recordings.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(x)["recording"] for x in lines] == ["a.wav", "b.wav"]


def test_measures_only_has_no_column_of_a_judgement(tmp_path):
    write(tmp_path, [apology(**JUDGED)], measures_only=True, inputs=("pitch_mean_st_rel",))
    (flat,) = read_csv(tmp_path / "apologies.csv")
    row = json.loads((tmp_path / "apologies.jsonl").read_text(encoding="utf-8"))
    for name in [*flat, *row]:
        assert not name.startswith(("verdict", "kind", "hint", "sincere", "engaged", "reason"))


def test_columns_do_not_depend_on_the_rows(tmp_path):
    inputs = ("pitch_mean_st_rel",)
    write(tmp_path / "none", [], inputs=inputs)
    write(tmp_path / "one", [apology(**JUDGED)], inputs=inputs)
    head = [
        (tmp_path / f / "apologies.csv").read_text(encoding="utf-8-sig").splitlines()[0]
        for f in ("none", "one")
    ]
    assert head[0] == head[1]
    (flat,) = read_csv(tmp_path / "one" / "apologies.csv")
    assert flat["sincere_from_pitch_mean_st_rel"] == "0.2"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        results.write_json(path, {"a": object()})
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_parquet_carries_units(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    write(tmp_path, [apology(**JUDGED)], formats=("jsonl", "csv", "parquet"))
    got = pq.read_table(tmp_path / "apologies.parquet")
    assert got.schema.field("pitch_mean_st").metadata[b"unit"] == b"st re 27.5 Hz"
    assert got["pitch_sd_st"].to_pylist() == [None]
    assert got["start_s"].to_pylist() == [1.0]


def book(folder, rows_=None, lang="nl"):
    openpyxl = pytest.importorskip("openpyxl", reason="the xlsx extra is not installed")
    rows_ = [apology(text="=1+1", **JUDGED)] if rows_ is None else rows_
    results.write_run(folder, [], rows_, {"command": {"lang": lang}}, formats=("csv", "xlsx"))
    return openpyxl.load_workbook(folder / "apologies.xlsx")


def test_xlsx_has_numbers_as_numbers_and_text_as_text(tmp_path):
    sheet = book(tmp_path).active
    cells = dict(zip([c.value for c in sheet[1]], sheet[2], strict=True))
    assert cells["start_s"].value == 1
    assert cells["pitch_mean_st"].data_type == "n"
    assert cells["text"].data_type == "s"
    assert cells["sincere_p"].number_format == "0%"
    assert cells["channel"].number_format == "General"
    assert cells["text"].alignment.wrap_text
    assert sheet.column_dimensions["A"].width > 30
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref.startswith("A1:")


def test_xlsx_without_rows_still_has_its_header_and_filter(tmp_path):
    sheet = book(tmp_path, []).active
    assert sheet.max_row == 1
    assert sheet.auto_filter.ref.endswith("1")


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_xlsx_explains_every_column_in_the_language_of_the_run(tmp_path, lang):
    whole = book(tmp_path, lang=lang)
    names = [c.value for c in whole.worksheets[0][1]]
    assert names == results.flat_columns()
    title, rule = {
        "en": ("columns", "A true apology"),
        "nl": ("kolommen", "Een echt excuus"),
    }[lang]
    legend = {r[0].value: (r[1].value, r[2].value) for r in whole[title].iter_rows(min_row=2)}
    assert list(legend) == names
    assert all(meaning for _, meaning in legend.values())
    assert rule in legend["conduct_real"][1]
    assert legend["pitch_mean_st_rel"][0] == "st"


def test_small_units_keep_their_digits_and_a_contribution_is_explained():
    from prosody.results.xlsx import explained, number_format

    assert number_format("slope_0_500_db_per_hz") == "0.0000"
    assert number_format("end_s") == "0.00"
    assert explained("engaged_from_pause_share", "en")[1].endswith("added to engaged_rating.")


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="Choose from jsonl, csv, parquet, xlsx"):
        results.check_formats(["xls"])


def test_remarks_become_words_in_csv_and_objects_in_jsonl():
    row = apology(remarks=(Remark("short_baseline", "Only 8 s."),))
    assert records.flat(row)["remarks"] == "Only 8 s."
    assert records.nested(row)["remarks"] == [{"code": "short_baseline", "text": "Only 8 s."}]


@pytest.mark.parametrize("sign", "\uff1d\uff0b\uff0d\uff20")
def test_full_width_signs_are_signs(sign):
    assert results.safe_cell(f"{sign}1+1") == f"'{sign}1+1"
    assert results.safe_cell(f" {sign}1+1") == f"' {sign}1+1"


NO_TEXT = "a\ufffeb\uffffc\ud800d\x00e"


def test_no_character_spoils_a_format(tmp_path):
    from prosody.results.serialise import pack, unpack

    assert unpack(pack({"text": NO_TEXT}))["text"] == "a\ufffdb\ufffdc\ufffdd\x00e"
    row = apology(text=NO_TEXT, remarks=(Remark("x", NO_TEXT),), **JUDGED)
    results.write_run(
        tmp_path, [Line(NO_TEXT, NO_TEXT)], [row], {"command": {}}, formats=results.FORMATS
    )
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(tmp_path / "apologies.xlsx")
    cells = [c.value for line in book.worksheets[0].iter_rows() for c in line]
    assert "a\ufffdb\ufffdc\ufffdd\ufffde" in cells
    for path in tmp_path.rglob("*"):
        if path.suffix in (".csv", ".jsonl"):
            text = path.read_text(encoding="utf-8")
            assert "a\ufffdb\ufffdc\ufffdd" in text
            assert not set(text) & set("\ufffe\uffff\x00")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(results.ResultsError, match="cannot be written"):
        results.write_json(tmp_path / "file" / "x.json", {})
