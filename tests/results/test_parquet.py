"""Apologies as a dataset, one folder per date."""

from __future__ import annotations

import pytest

from prosody.results.parquet import date_of


@pytest.mark.parametrize(
    ("started_at", "date"),
    [
        ("2026-02-28T09:30:00", "2026-02-28"),
        ("20260501", "2026-05-01"),
        ("2026/05/01 09:30", "2026-05-01"),
        ("2028-02-29", "2028-02-29"),
        ("2026-02-29", ""),
        ("2026-02-31", ""),
        ("2026-13-01", ""),
        ("0000-01-01", ""),
        ("\u0662\u0660\u0662\u0666-05-01", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_a_date_is_one_that_there_is(started_at, date):
    assert date_of(started_at) == date
