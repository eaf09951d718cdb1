"""What file names say."""

import re

import pytest

from prosody.calls.names import PRESETS, started_at


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("20261130-142233_x", "2026-11-30T14:22:33"),
        ("call 2026-11-30T14.22", "2026-11-30T14:22:00"),
        ("2026-11-30T14:22:33Z", "2026-11-30T14:22:33Z"),
        ("2026_11_30_14_22_33", "2026-11-30T14:22:33"),
        ("202611301422", "2026-11-30T14:22:00"),
        ("2026-11-30 14h22m33", "2026-11-30T14:22:33"),
        ("30-11-2026 14.22", "2026-11-30T14:22:00"),
        ("1764512553.12", "2025-11-30T14:22:33Z"),
        ("1764512553000_a", "2025-11-30T14:22:33Z"),
    ],
)
def test_a_start_in_every_usual_form(name, start):
    assert started_at(name) == start


@pytest.mark.parametrize(
    "name", ["17", "20261130", "0612345678", "1234567890", "a7ccc3379af44b9f", "20261399-142233"]
)
def test_other_numbers_are_no_start(name):
    assert started_at(name) == ""


@pytest.mark.parametrize(
    ("preset", "name", "fields"),
    [
        ("genesys", "0f8fad5b-d9cb-469f-a165-70867728950e_r1.wav",
         {"call_id": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("date-number", "20261130-142233_0612.wav",
         {"started_at": "20261130-142233", "call_id": "0612"}),
        ("number-date", "0612-20261130142233.wav",
         {"call_id": "0612", "started_at": "20261130142233"}),
        ("agent-date", "noor.b_2026-11-30_14.22.wav",
         {"agent": "noor.b", "started_at": "2026-11-30_14.22"}),
    ],
)  # fmt: skip
def test_presets(preset, name, fields):
    assert re.search(PRESETS[preset], name).groupdict() == fields
