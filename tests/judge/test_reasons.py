from __future__ import annotations

import math
import re

import pytest

from prosody.judge import reasons
from prosody.measures import table
from prosody.words import load

LANGS = ("en", "nl")


@pytest.mark.parametrize("lang", LANGS)
def test_every_measure_has_its_sentences_in_both_directions(lang):
    words = load("reasons", lang)["measure"]
    assert set(words) == set(table.NAMES)
    for name, lines in words.items():
        assert set(lines) == {"higher", "lower"}, name
        assert lines["higher"] != lines["lower"], name
        for line in lines.values():
            assert "{x}" in line, name
            assert set(re.findall(r"{(\w+)}", line)) <= {"x", "than"}, name
            assert "{than}" in line or name == "sorry_length_log2ratio", name


def test_languages_have_the_same_keys():
    def keys(d, at=""):
        return {f"{at}.{k}" for k in d} | {
            x for k, v in d.items() if isinstance(v, dict) for x in keys(v, f"{at}.{k}")
        }

    assert keys(load("reasons", "en")) == keys(load("reasons", "nl"))


def test_every_measure_is_heard_as_one_group():
    assert sorted(reasons.GROUP_OF) == sorted(table.NAMES)
    assert len([m for g in reasons.GROUPS.values() for m in g]) == len(table.NAMES)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", table.NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_sentence_of_every_measure(name, sign, lang):
    value, unit = reasons.printed(name, sign * 0.5)
    said = reasons.sentence(name, value, unit, lang)
    assert math.copysign(1, value) == sign
    assert "{" not in said
    assert re.search(r"\d", said)
    assert not said.startswith(("you ", "je "))


def test_a_difference_becomes_the_sentence_of_the_issue():
    found = reasons.reasons(
        {"pitch_start_st_rel": -2.1}, {"pitch_start_st_rel": 0.2}, "en", versus="you"
    )
    assert [r.text for r in found] == ["you started 2.1 semitones lower than your usual"]
    assert found[0].toward == "more sincere"


def test_a_ratio_becomes_per_cent():
    columns = {"loudness_peaks_per_s_log2ratio": math.log2(1.18)}
    added = {"loudness_peaks_per_s_log2ratio": -0.2}
    (en,) = reasons.reasons(columns, added, "en")
    (nl,) = reasons.reasons(columns, added, "nl")
    assert en.text == "spoke 18 % faster than in the rest of the call"
    assert nl.text == "sprak 18 % sneller dan in de rest van het gesprek"
    assert (en.value, en.unit, en.toward) == (pytest.approx(18), "percent", "more put on")


def test_dutch_numbers_have_a_comma():
    (nl,) = reasons.reasons({"pitch_start_st_rel": 1.5}, {"pitch_start_st_rel": 1.0}, "nl")
    assert "1,5 halve tonen" in nl.text


def test_a_group_is_told_once_with_its_sum():
    columns = {"pitch_p50_st_rel": -2.0, "pitch_mean_st_rel": -2.2, "loudness_cv_log2ratio": 0.5}
    added = {"pitch_p50_st_rel": 0.2, "pitch_mean_st_rel": 0.15, "loudness_cv_log2ratio": -0.3}
    found = reasons.reasons(columns, added)
    assert [r.group for r in found] == ["pitch_level", "evenness"]
    assert found[0].contribution == pytest.approx(0.35)


def test_within_a_group_the_sum_decides():
    columns = {"pitch_p50_st_rel": -2.0, "pitch_mean_st_rel": -2.2}
    assert reasons.reasons(columns, {"pitch_p50_st_rel": 0.2, "pitch_mean_st_rel": -0.2}) == []


def test_never_more_than_three_and_strongest_first():
    names = ["pitch_start_st_rel", "h1_h2_db_rel", "pause_share_rel", "loudness_trend_per_s_rel"]
    found = reasons.reasons(
        dict.fromkeys(names, 3.0), {n: 0.1 * (i + 1) for i, n in enumerate(names)}, n=9
    )
    assert [r.column for r in found] == names[:0:-1]


def test_direction_keeps_one_side():
    columns = {"pitch_start_st_rel": -2.0, "pause_share_rel": 0.3}
    added = {"pitch_start_st_rel": 0.2, "pause_share_rel": -0.3}
    assert [r.group for r in reasons.reasons(columns, added, direction=1)] == ["pitch_start"]
    assert [r.group for r in reasons.reasons(columns, added, direction=-1)] == ["pauses"]


def test_what_no_listener_would_notice_is_not_told():
    assert reasons.reasons({"pitch_start_st_rel": 0.1}, {"pitch_start_st_rel": 0.5}) == []


def test_missing_measures_give_no_reason():
    assert reasons.reasons({"pitch_start_st_rel": math.nan}, {"pitch_start_st_rel": 0.5}) == []
    assert reasons.reasons({}, {"pitch_start_st_rel": 0.5}) == []


def test_a_value_is_no_reason_since_it_says_who_speaks():
    assert reasons.reasons({"loudness_peaks_per_s": 5.0}, {"loudness_peaks_per_s": -0.2}) == []


def test_reasons_point_to_a_time():
    columns = {"pitch_start_st_rel": -2.0, "loudness_trend_per_s_rel": 0.5, "h1_h2_db_rel": 3.0}
    found = reasons.reasons(columns, dict.fromkeys(columns, 0.2), window=(10.0, 14.0))
    at = {r.measure: (r.start_s, r.end_s) for r in found}
    assert at == {
        "pitch_start_st": (10.0, 10.6),
        "loudness_trend_per_s": (13.0, 14.0),
        "h1_h2_db": (10.0, 14.0),
    }


def test_advice_only_on_what_can_be_changed():
    columns = {"h1_h2_db_rel": 3.0, "loudness_peaks_per_s_log2ratio": 0.5}
    added = {"h1_h2_db_rel": -0.5, "loudness_peaks_per_s_log2ratio": -0.2}
    found = reasons.reasons(columns, added)
    assert [r.group for r in found] == ["tone", "pace"]
    assert reasons.advice(found) == "Try it a little slower."
    assert reasons.advice(found, "nl") == "Probeer het iets langzamer."
    assert reasons.advice(found[:1]) == ""


def test_advice_never_speaks_against_what_helped():
    found = reasons.reasons({"pause_share_rel": 0.3}, {"pause_share_rel": 0.4})
    assert reasons.advice(found) == ""


def test_advice_knows_which_end_is_more():
    columns = {"voiced_segment_mean_s_log2ratio": 0.8}
    found = reasons.reasons(columns, {"voiced_segment_mean_s_log2ratio": -0.4})
    assert reasons.advice(found) == "Try it a little more briskly."


def test_how_alike_stretches_are_is_told_and_not_advised_on():
    found = reasons.reasons({"voiced_segment_sd_s_log2ratio": 1.0},
                            {"voiced_segment_sd_s_log2ratio": -0.4})  # fmt: skip
    assert [r.measure for r in found] == ["voiced_segment_sd_s"]
    assert reasons.advice(found) == ""


@pytest.mark.parametrize("lang", LANGS)
def test_every_measure_that_can_be_advised_on_has_its_advice(lang):
    advised = {m for m in table.NAMES if reasons.advised(m)}
    assert {reasons.GROUP_OF[m] for m in advised} == set(reasons.CHANGEABLE)
    anatomy = {"pitch_p50_st", "pitch_mean_st", "h1_h2_db", "mfcc1", "level_dbfs", "alpha_ratio_db"}
    assert not advised & anatomy
    for kind in ("reasons", "coach"):
        words = load(kind, lang)["advice"]
        assert set(words) == set(reasons.CHANGEABLE)
        assert all(set(w) == {"higher", "lower"} for w in words.values())


def test_a_difference_at_the_end_does_not_say_which_way_it_went():
    # 5 st/s above a habit of -10 is still a fall.
    (r,) = reasons.reasons(
        {"pitch_final_slope_st_per_s_rel": 5}, {"pitch_final_slope_st_per_s_rel": 1}
    )
    assert "rose more, or fell less" in r.text
