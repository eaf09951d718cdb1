"""``prosody find`` from outside."""

import json

import pytest
from prosody.cli import app
from typer.testing import CliRunner

from prosody.errors import UsageError

RUN = CliRunner()

CALL = (
    "start_s,end_s,role,text\n"
    "0,2,agent,goedemiddag waar kan ik u mee helpen\n"
    "2,6,customer,ik wacht nu al drie weken op mijn pakket\n"
    "6.5,9,agent,dat spijt me heel erg\n"
    "9,10,customer,sorry?\n"
)


def rows(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_transcripts_give_one_line_per_act(tmp_path):
    (tmp_path / "call.csv").write_text(CALL, encoding="utf-8")
    result = RUN.invoke(app, ["find", str(tmp_path / "call.csv")])
    assert result.exit_code == 0
    first, second = rows(result)
    assert list(first)[:7] == ["recording", "start_s", "end_s", "role", "act", "form", "text"]
    assert first["recording"].endswith("call.csv")
    assert (first["start_s"], first["end_s"], first["role"]) == (6.5, 9.0, "agent")
    assert (first["act"], first["text"]) == ("apology", "dat spijt me heel erg")
    assert (second["act"], second["role"]) == ("repair", "customer")


def test_a_folder_and_a_broken_file(tmp_path):
    (tmp_path / "good.csv").write_text(CALL, encoding="utf-8")
    (tmp_path / "bad.srt").write_text("no subtitles at all", encoding="utf-8")
    result = RUN.invoke(app, ["find", str(tmp_path), "--language", "nl"])
    assert result.exit_code == 1
    assert len(rows(result)) == 2
    assert "bad.srt" in result.stderr
    alone = RUN.invoke(app, ["find", str(tmp_path / "bad.srt")])
    assert (alone.exit_code, alone.stdout) == (2, "")


def test_lines_give_exactly_one_line_each_in_order(tmp_path):
    lines = ["Sorry?", "", "het spijt me\ttoch", "u hoeft geen sorry te zeggen", "  ", "=1+1", "é"]
    path = tmp_path / "lines.txt"
    path.write_bytes("\r\n".join(lines).encode())
    result = RUN.invoke(app, ["find", "--lines", str(path), "--language", "nl"])
    assert result.exit_code == 0
    got = rows(result)
    assert [r["text"] for r in got] == lines
    assert [r["act"] for r in got] == [
        "repair", "none", "apology", "none", "none", "none", "none",
    ]  # fmt: skip
    assert [r["line"] for r in got] == list(range(1, 8))


@pytest.mark.parametrize(("content", "count"), [("", 0), ("\n", 1), ("a\n\n", 2), ("a\n\nb", 3)])
def test_empty_lines_count(tmp_path, content, count):
    path = tmp_path / "lines.txt"
    path.write_text(content, encoding="utf-8")
    assert len(rows(RUN.invoke(app, ["find", "--lines", str(path)]))) == count


def test_separators_of_unicode_do_not_break_lines(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("sorry\u2028daarvoor\x0c\x85hoor\n", encoding="utf-8")
    assert len(rows(RUN.invoke(app, ["find", "--lines", str(path)]))) == 1


def test_standard_input():
    result = RUN.invoke(app, ["find", "--lines", "-", "--language", "en"], input="I'm sorry.\n")
    assert rows(result)[0]["act"] == "apology"


@pytest.mark.parametrize(
    "arguments",
    [["find"], ["find", "x.srt", "--lines", "y"], ["find", "x.srt", "--language", "klingon"]],
)
def test_wrong_use_is_a_usage_error(arguments):
    result = RUN.invoke(app, arguments)
    assert isinstance(result.exception, UsageError)


def test_lines_that_are_not_utf8_are_a_usage_error(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\xff")
    result = RUN.invoke(app, ["find", "--lines", str(tmp_path / "x")])
    assert isinstance(result.exception, UsageError)
