import csv
import datetime
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosody.errors import UsageError
from prosody.measures import conversation, table
from prosody.results import read, records, sheets
from prosody.results import write as results
from prosody.results.look import Look
from prosody.results.records import ApologyRecord, CallRecord, Message


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
    return ApologyRecord(**{**given_values, **changes})


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
    lines = lines or [CallRecord(a.recording, a.call_id) for a in apologies]
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
    write(tmp_path, [apology(text=evil, recording=evil)], [CallRecord(evil, "b")])
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
        [CallRecord("b.wav", "b"), CallRecord("a.wav", "b")],
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


def call(recording="b.wav", **changes):
    """A recording with a complaint, rules, acts and how the talk was shared."""
    said = {"start_s": 4.5, "end_s": 6.0, "text": "=al de derde keer", "role": "customer"}
    rules = {
        "real": {"rule": "real", "status": "met", "value": 1, "unit": "apologies", "words": [said],
                 "default": None, "strength": "strong", "advice": "", "remark": ""},
        "i_form": {"rule": "i_form", "status": "shown", "value": "we", "unit": "form", "words": [],
                   "default": None, "strength": "weak", "advice": "", "remark": ""},
        "solution": {"rule": "solution", "status": "not_met", "value": None, "unit": "",
                     "words": [], "default": 30, "strength": "medium", "advice": "Zeg het.",
                     "remark": "Er volgde niets."},
    }  # fmt: skip
    acts = tuple({"act": a, "role": r, "start_s": t, "end_s": t + 1, "form": "", "text": "sorry"}
                 for a, r, t in (("apology", "agent", 25.0), ("apology", "customer", 63.2),
                                 ("repair", "agent", 70.0)))  # fmt: skip
    talk = conversation.Conversation(agent_talk_s=30.5, agent_talk_share=0.61, agent_cut_ins=2.0)
    given = {"started_at": "2026-05-01T09:30", "conduct": rules, "acts": acts, "complaint": True,
             "complaint_without_apology": False, "apologies": 1, "judged": 1, "withheld": 0,
             "duration_s": 80.25, "conversation": talk.as_dict()}  # fmt: skip
    return CallRecord(recording, "b", **{**given, **changes})


FAILED = {"status": "failed", "code": "empty", "message": "0 bytes.", "remedy": "Copy it again.",
          "conduct": {}, "acts": (), "conversation": {}, "complaint": None, "started_at": "",
          "complaint_without_apology": None, "duration_s": np.nan}  # fmt: skip


def book(folder, rows_=None, lang="nl", **how):
    openpyxl = pytest.importorskip("openpyxl", reason="the xlsx extra is not installed")
    rows_ = [apology(text="=1+1", **JUDGED)] if rows_ is None else rows_
    lines = [call(), call("c.wav", **FAILED)]
    how = {"formats": ("csv", "xlsx"), **how}
    results.write_run(folder, lines, rows_, {"command": {"lang": lang}}, **how)
    return openpyxl.load_workbook(folder / "apologies.xlsx")


def test_xlsx_has_numbers_as_numbers_text_as_text_and_dates_as_dates(tmp_path):
    whole = book(tmp_path)
    assert whole.sheetnames == ["opnamen", "excuses", "regels", "maten", "kolommen"]
    cells = {
        name: dict(zip([c.value for c in whole[name][1]], whole[name][2], strict=True))
        for name in whole.sheetnames
    }
    assert cells["opnamen"]["date"].value == datetime.datetime(2026, 5, 1)
    assert cells["opnamen"]["agent_talk_share"].number_format == "0%"
    assert cells["opnamen"]["complaint"].value is True
    assert cells["excuses"]["start_s"].value == 1
    assert cells["excuses"]["text"].data_type == "s"
    assert cells["excuses"]["text"].alignment.wrap_text
    assert cells["excuses"]["sincere_p"].number_format == "0%"
    assert cells["maten"]["channel"].number_format == "General"
    assert cells["regels"]["words"].value == "'=al de derde keer"
    assert cells["maten"]["pitch_mean_st"].data_type == "n"
    assert whole["opnamen"].max_row == 3  # whoever failed has a row, too
    assert whole["opnamen"].freeze_panes == "B2"
    assert whole["excuses"].auto_filter.ref.startswith("A1:")


def test_the_first_sheet_can_be_read_and_measures_stand_apart(tmp_path):
    whole = book(tmp_path)
    heads = {n: [c.value for c in whole[n][1]] for n in whole.sheetnames}
    assert len(heads["opnamen"]) <= sheets.FIRST_MOST
    assert len(heads["excuses"]) <= sheets.FIRST_MOST
    # Nothing of the flat table is lost, and every sheet has the key.
    flat = set(results.flat_columns())
    conduct = {c for c in flat if c.startswith("conduct_")}
    there = set(heads["excuses"]) | set(heads["maten"])
    assert flat - conduct - there == {"recording_sha256"}
    assert all("recording" in heads[n] for n in ("opnamen", "excuses", "regels", "maten"))


def test_xlsx_without_rows_still_has_its_header_and_filter(tmp_path):
    sheet = book(tmp_path, [])["excuses"]
    assert sheet.max_row == 1
    assert sheet.auto_filter.ref.endswith("1")


@pytest.mark.parametrize("lang", ["en", "nl"])
@pytest.mark.parametrize("columns", ["en", "nl"])
def test_xlsx_explains_every_column_in_the_language_of_the_run(tmp_path, lang, columns):
    whole = book(tmp_path, lang=lang, look=Look("standard", columns))
    title = {"en": "columns", "nl": "kolommen"}[lang]
    legend = [tuple(c.value for c in r) for r in whole[title].iter_rows(min_row=2)]
    for name in whole.sheetnames[:-1]:
        heads = [c.value for c in whole[name][1]]
        assert len(set(heads)) == len(heads)
        assert [head for sheet, head, _, _ in legend if sheet == name and head] == heads
    assert all(meaning for _, _, _, meaning in legend)


def test_dutch_columns_have_dutch_names_and_outcomes(tmp_path):
    look = Look("nl", "nl")
    results.write_run(tmp_path, [call()], [apology(**JUDGED)], {}, look=look)
    text = (tmp_path / "recordings.csv").read_text(encoding="utf-8-sig")
    heads, row = (line.split(";") for line in text.splitlines()[:2])
    cells = dict(zip(heads, row, strict=True))
    assert cells["klacht"] == "True"
    assert cells["lengte_s"] == "80,25"  # a Dutch Excel reads it as a number
    assert cells["aandeel_spraak_medewerker"] == "0,61"
    assert "voldaan" in (tmp_path / "conduct.csv").read_text(encoding="utf-8-sig")
    row = json.loads((tmp_path / "apologies.jsonl").read_text(encoding="utf-8"))
    assert row["verdict"] == "unclear"  # for programs everything stays as it is


def test_a_look_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="Choose from standard, nl"):
        Look("de")
    with pytest.raises(UsageError, match="Choose from en, nl"):
        Look(columns="de")


def test_tables_of_the_whole_run_join_by_recording(tmp_path):
    lines = [call(), call("c.wav", **FAILED)]
    forced = apology(**{**JUDGED, "verdict": "forced"})
    results.write_run(tmp_path, lines, [forced], {})
    first, failed = read_csv(tmp_path / "recordings.csv")
    assert first["date"] == "2026-05-01"
    assert first["apologised"] == "agent 0:25, customer 1:03"
    assert (first["rules_met"], first["rules_not_met"]) == ("1", "1")
    assert first["rules_missed"] == "solution"
    assert first["hear"] == "no_solution put_on"
    assert first["complaint_start_s"] == "4.5"
    assert first["repairs"] == "1"
    assert (failed["status"], failed["code"], failed["apologies"]) == ("failed", "empty", "")
    rules = read_csv(tmp_path / "conduct.csv")
    assert [r["rule"] for r in rules] == ["real", "i_form", "solution"]
    assert rules[0]["value"] == "1.0"
    assert rules[1]["value_text"] == "we"
    assert rules[0]["words"][0] == "'"  # nothing executes
    assert {r["recording"] for r in rules} == {"b.wav"}
    (row,) = read_csv(tmp_path / "apologies.csv")
    assert row["recording"] == first["recording"]
    nested = json.loads((tmp_path / "apologies.jsonl").read_text(encoding="utf-8"))
    assert row["clip"] == read.clip_id(nested)


def test_parquet_of_the_whole_run_has_types_and_is_one_file_where_asked(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    lines = [call(), call("c.wav", **FAILED)]
    for fmt in ("parquet", "parquet-file"):
        results.write_run(tmp_path, lines, [apology()], {}, formats=("csv", fmt))
        got = pq.read_table(tmp_path / "recordings.parquet")
        assert got["date"].to_pylist() == [datetime.date(2026, 5, 1), None]
        assert got["complaint"].to_pylist() == [True, None]
        assert got["apologies"].to_pylist() == [1, None]
        assert got["agent_cut_ins"].to_pylist() == [2, None]
        assert pq.read_table(tmp_path / "conduct.parquet").num_rows == 3
        assert (tmp_path / "apologies.parquet").is_file() == (fmt == "parquet-file")
        assert pq.read_table(tmp_path / "apologies.parquet")["start_s"].to_pylist() == [1.0]
    with pytest.raises(UsageError, match="one file"):
        results.check_formats(["parquet", "parquet-file"])
    results.write_run(tmp_path, lines, [apology()], {}, formats=("csv",))
    assert not list(tmp_path.glob("*.parquet"))  # of an earlier run


def test_small_units_keep_their_digits_and_a_contribution_is_explained():
    from prosody.results.xlsx import number_format

    assert number_format("slope_0_500_db_per_hz") == "0.0000"
    assert number_format("end_s") == "0.00"
    said = sheets.explained("measures", "engaged_from_pause_share", "en")[1]
    assert said.endswith("added to engaged_rating.")


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="Choose from xlsx, csv, parquet, parquet-file, jsonl"):
        results.check_formats(["xls"])


def test_remarks_become_words_in_csv_and_objects_in_jsonl():
    row = apology(remarks=(Message("short_baseline", "Only 8 s."),))
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
    row = apology(text=NO_TEXT, remarks=(Message("x", NO_TEXT),), **JUDGED)
    results.write_run(
        tmp_path, [CallRecord(NO_TEXT, NO_TEXT)], [row], {"command": {}}, formats=results.FORMATS
    )
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(tmp_path / "apologies.xlsx")
    cells = [c.value for line in book.worksheets[0].iter_rows() for c in line]
    assert "a\ufffdb\ufffdc\ufffdd\ufffde" in cells
    for path in tmp_path.rglob("*"):
        # No rule was held against this call.
        if path.suffix in (".csv", ".jsonl") and path.stem != "conduct":
            text = path.read_text(encoding="utf-8")
            assert "a\ufffdb\ufffdc\ufffdd" in text
            assert not set(text) & set("\ufffe\uffff\x00")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(results.ResultsError, match="cannot be written"):
        results.write_json(tmp_path / "file" / "x.json", {})
