"""openSMILE's names: what is renamed, what is converted, and back."""

import json

import numpy as np
import pytest
from places import ROOT

from prosody.measures.egemaps import UNLIKE, from_egemaps, to_egemaps
from prosody.measures.measure import measure
from prosody.measures.table import ACOUSTIC, BY_EGEMAPS, BY_NAME, MEASURES
from prosody.tables.rated_table import from_egemaps as for_judges


@pytest.fixture
def measured(voice):
    return measure([voice(3.0, 16000, seed=i) for i in range(4)], 16000)


def test_every_measure_with_an_egemaps_name_is_written_once(measured):
    columns, values = to_egemaps(measured)
    assert sorted(columns) == sorted([*BY_EGEMAPS, "equivalentSoundLevel_dBp"])
    assert values.shape == (4, len(columns))


def test_deviations_are_divided_by_the_mean_and_back(measured):
    columns, values = to_egemaps(measured)
    there = dict(zip(columns, values.T, strict=True))
    norm = there["F0semitoneFrom27.5Hz_sma3nz_stddevNorm"]
    sd = measured[:, ACOUSTIC.index("pitch_sd_st")]
    np.testing.assert_allclose(norm, sd / measured[:, ACOUSTIC.index("pitch_mean_st")])
    np.testing.assert_allclose(from_egemaps(there)["pitch_sd_st"], sd)


def test_a_round_trip_keeps_everything_but_slopes_and_restores_those_nearly(measured):
    columns, values = to_egemaps(measured)
    back = from_egemaps(dict(zip(columns, values.T, strict=True)))
    for m in MEASURES:
        if m.egemaps and not m.name.startswith("slope_"):
            ours = measured[:, ACOUSTIC.index(m.name)]
            np.testing.assert_allclose(back[m.name], ours, rtol=1e-9, err_msg=m.name)
    assert "slope_0_500_unvoiced_db_per_hz" not in back
    assert {"slope_0_500_db_per_hz", "slope_500_1500_db_per_hz", "voiced_share"} <= back.keys()


def test_openSMILE_s_slopes_move_with_level_and_ours_do_not(voice):  # noqa: N802
    y = voice(3.0, 16000)
    plain, soft = measure([y, y * np.float32(0.1)], 16000)
    i = ACOUSTIC.index("slope_0_500_db_per_hz")
    assert soft[i] == pytest.approx(plain[i], abs=1e-4)
    columns, values = to_egemaps(np.stack([plain, soft]))
    there = values[:, columns.index("slopeV0-500_sma3nz_amean")]
    assert there[1] - there[0] == pytest.approx(20 * 0.0008, rel=0.01)


def test_zero_of_openSMILE_is_missing():  # noqa: N802
    zero = np.zeros(1)
    back = from_egemaps(
        {
            "F0semitoneFrom27.5Hz_sma3nz_amean": zero,
            "F0semitoneFrom27.5Hz_sma3nz_percentile50.0": zero,
            "alphaRatioV_sma3nz_amean": zero,
            "loudness_sma3_stddevRisingSlope": zero,
            "loudness_sma3_amean": zero + 0.5,
            "something else": zero,
        }
    )
    assert set(back) == {
        *("pitch_mean_st", "pitch_p50_st", "alpha_ratio_db"),
        *("loudness_rise_sd_per_s", "loudness_mean"),
    }
    assert all(np.isnan(back[n]).all() for n in back if n != "loudness_mean")


def test_columns_that_a_conversion_needs_and_has_not_leave_the_measure_out():
    assert "pitch_sd_st" not in from_egemaps({"F0semitoneFrom27.5Hz_sma3nz_stddevNorm": np.ones(2)})
    assert to_egemaps(np.ones((2, 1)), ["pitch_sd_st"])[0] == []
    assert to_egemaps(np.ones((2, 1)), ["duration_s"])[1].shape == (2, 0)


@pytest.mark.data
def test_correlation_with_openSMILE_over_clips(data):  # noqa: N802
    opensmile = pytest.importorskip("opensmile")
    import soundfile

    files = sorted((data / "emodb").glob("*.flac"))[::14]
    clips = [soundfile.read(f, dtype="float32")[0] for f in files]
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1
    )
    columns, ours = to_egemaps(measure(clips, 16000))
    theirs = np.array([smile.process_signal(y, 16000).iloc[0][columns] for y in clips], float)
    least = {
        "loudness_sma3_amean": 0.9999,
        "loudness_sma3_stddevNorm": 0.9999,
        "loudness_sma3_meanRisingSlope": 0.97,
        "loudnessPeaksPerSec": 0.99,
        "spectralFlux_sma3_amean": 0.9999,
        "alphaRatioV_sma3nz_amean": 0.98,
        "hammarbergIndexV_sma3nz_amean": 0.98,
        "slopeV0-500_sma3nz_amean": 0.98,
        "slopeV500-1500_sma3nz_amean": 0.97,
        "mfcc1_sma3_amean": 0.9999,
        "mfcc4_sma3_amean": 0.9999,
        "logRelF0-H1-H2_sma3nz_amean": 0.9,
        "F0semitoneFrom27.5Hz_sma3nz_percentile50.0": 0.98,
    }
    for column, expected in least.items():
        i = columns.index(column)
        assert np.corrcoef(ours[:, i], theirs[:, i])[0, 1] > expected, column


def test_what_only_shares_a_name_with_ours_is_what_parity_says():
    path = ROOT / "benchmarks" / "results" / "parity.json"
    found = json.loads(path.read_text(encoding="utf-8"))["results"]["eGeMAPSv02"]
    unlike = {
        BY_EGEMAPS[column].name
        for column, where in found.items()
        if column in BY_EGEMAPS and where["emodb"]["r"] ** 2 < 0.5
    }
    assert unlike == UNLIKE
    columns = {BY_NAME[name].egemaps: np.ones(2) for name in (*UNLIKE, "pitch_mean_st")}
    assert set(for_judges(columns)) == {"pitch_mean_st"}
