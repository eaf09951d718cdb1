"""The table of measures."""

import numpy as np
import pytest

from prosody.measures import table


def test_names_are_told_once():
    assert len(set(table.NAMES)) == len(table.NAMES)
    assert len(table.BY_EGEMAPS) == sum(bool(m.egemaps) for m in table.MEASURES)
    assert len(set(table.RELATIVE_NAMES)) == len(table.RELATIVE_NAMES)


@pytest.mark.parametrize("m", table.MEASURES, ids=lambda m: m.name)
def test_units_stand_in_the_name(m):
    endings = {"st": "_st", "st re 27.5 Hz": "_st", "st/s": "_st_per_s", "dB": "_db", "s": "_s"}
    endings |= {"dB/Hz": "_db_per_hz", "1/s": "_per_s", "syllables/s": "_syll_per_s"}
    endings |= {"share": "_share", "dB re full scale": "_dbfs"}
    if m.unit in endings:
        assert m.name.endswith(endings[m.unit])
    assert m.definition.endswith(".")
    assert not m.formula.endswith(".")  # the page puts it before the definition's full stop
    assert m.source


def test_relative_measures_are_differences_or_logarithms_of_ratios():
    names = ("pitch_p50_st", "loudness_mean", "duration_s")
    values = np.array([[30.0, 2.0, 1.0], [30.0, 0.0, 1.0], [np.nan, 1.0, 1.0]])
    baseline = np.array([[28.0, 0.5, 9.0], [np.nan, 1.0, 9.0], [1.0, -1.0, 9.0]])
    got = table.relative(values, baseline, names)
    np.testing.assert_allclose(got, [[2.0, 2.0], [np.nan, np.nan], [np.nan, np.nan]])


def test_what_is_fit_as_it_is_is_fit_as_a_difference_and_no_tilt():
    assert set(table.NAMES) >= table.FIT_ABSOLUTE
    for m in table.MEASURES:
        if m.fit_absolute:
            assert m.fit_for_judging, m.name
            assert m.family != "balance" or m.name == "flux_cv", m.name
