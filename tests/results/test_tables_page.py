"""The queries of docs/tables.md, as they stand there, over the results of the samples."""

import re

import pytest
from places import ROOT

PAGE = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"<!-- query: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def results(analysed):
    """The folder in which ``results`` lies."""
    return analysed.parent


def test_the_page_has_queries_for_both():
    assert {kind for kind, _ in QUERIES} == {"duckdb", "pandas"}
    assert len(QUERIES) == 4


def test_duckdb_answers(results, monkeypatch):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    monkeypatch.chdir(results)
    rules, alone, talk = (duckdb.sql(q).fetchall() for kind, q in QUERIES if kind == "duckdb")
    assert rules[0][0] in ("responsibility", "specific")
    assert all(0 <= share <= 1 for _, _, share in rules)
    assert alone == []  # every complaint of the samples met an apology
    assert [(complaint, calls) for complaint, calls, _ in talk] == [(False, 1), (True, 3)]
    assert all(0.6 < share < 0.8 for _, _, share in talk)


def test_pandas_answers(results, monkeypatch):
    pytest.importorskip("pandas", reason="pandas is not installed")
    monkeypatch.chdir(results)
    (code,) = (q for kind, q in QUERIES if kind == "pandas")
    names: dict[str, object] = {}
    exec(code, names)
    answer = names["answer"]
    assert set(answer.columns) == {"recording", "text", "hear", "response_after_s"}
    assert len(answer) == 5  # four apologies of one call, one of another
