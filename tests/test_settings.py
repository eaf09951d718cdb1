"""Settings: a file of them is taken as written, or refused by name."""

import pytest

from prosody import settings
from prosody.errors import SettingsError


def load(folder, text):
    path = folder / "team.toml"
    path.write_text(text, encoding="utf-8")
    return settings.load(path)


def test_what_is_left_out_keeps_its_default(tmp_path):
    got = load(tmp_path, "[gates]\nmin_snr_db = 12\n")
    assert got.gates.min_snr_db == 12
    assert got.gates.min_duration_s == settings.Gates().min_duration_s
    assert got.verdict == settings.Verdict()
    assert load(tmp_path, "") == settings.Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gate]\n", r"team\.toml: there is no section \[gate\].*gates"),
        ("[gates]\nmin_snr = 8\n", r"min_snr.*min_snr_db"),
        ("[verdict]\nsincere_p = 1.5\n", r"sincere_p.*1\.5"),
        ("[verdict]\nsincere_p = nan\n", "sincere_p"),
        ('[verdict]\nsincere_p = "high"\n', "sincere_p.*high"),
        ("[verdict]\nsincere_p = true\n", "sincere_p"),
        ("[conduct]\nmax_apologies = 1.5\n", "max_apologies"),
        ("gates = 3\n", "gates"),
        ("[gates\n", r"team\.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(SettingsError, match=said):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        settings.load(tmp_path / "nowhere.toml")


def test_the_hash_tells_settings_apart(tmp_path):
    other = load(tmp_path, "[gates]\nmin_snr_db = 12\n")
    assert other.digest() != settings.Settings().digest()
    assert load(tmp_path, "").digest() == settings.Settings().digest()


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 9999, ".".join("a" * 30_000) + " = 1",
     ".".join("a" * 200_000) + " = 1", "#" * 100_000],
    ids=["nested", "long number", "dots", "more dots", "large"],
)  # fmt: skip
def test_what_no_settings_file_holds_is_one_line(tmp_path, text):
    with pytest.raises(SettingsError) as error:
        load(tmp_path, text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000
