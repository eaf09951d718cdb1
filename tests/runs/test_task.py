"""What a row rests on: when it may be used again, and when it has to be made anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from places import SAMPLES

from prosody.calls.call import Call, Source
from prosody.examine.examine import Options
from prosody.runs import task
from prosody.settings import Settings

SOUND = SAMPLES / "4-no-apology-en.wav"
CALL = Call("1", (Source(SOUND),), "a.wav", agent="agent-1", team="north", language="en")


@pytest.fixture
def work():
    return task.make(Options(settings=Settings()))


@pytest.mark.parametrize(
    "known",
    [{"agent": "agent-2"}, {"team": "south"}, {"language": "nl"}, {"started_at": "2026-05-01"},
     {"agent_speaker": "SPEAKER_01"}],
)  # fmt: skip
def test_what_is_known_of_a_call_is_part_of_its_key_and_of_its_stamp(work, known):
    other = replace(CALL, **known)
    assert task.key_of(CALL, work) == task.key_of(replace(CALL), work) != ""
    assert task.key_of(other, work) != task.key_of(CALL, work)
    assert task.stamp_of(other, work) != task.stamp_of(CALL, work)


@pytest.mark.parametrize("known", [{"name": "b.wav"}, {"call_id": "2"}])
def test_what_a_call_is_called_is_no_part_of_its_key_but_where_rows_depend_on_it(work, known):
    assert task.key_of(replace(CALL, **known), work) == task.key_of(CALL, work)
    marked = replace(CALL, windows=SOUND)
    assert task.key_of(replace(marked, **known), work) != task.key_of(marked, work)
    masked = replace(work, redact=True)
    assert task.key_of(replace(CALL, **known), masked) != task.key_of(CALL, masked)


@pytest.mark.parametrize("part", ["measures", "lexicon", "prosody", "numpy", "onnxruntime"])
def test_a_change_of_code_or_library_makes_the_digest_another(work, monkeypatch, part):
    known = task.versions()
    assert known[part]
    monkeypatch.setattr(task, "versions", lambda: known | {part: "another"})
    assert task.make(work.options).digest != work.digest


def test_a_change_of_the_rules_of_conduct_leaves_the_measures_as_they_are(work, monkeypatch):
    known = task.versions()
    monkeypatch.setattr(task, "versions", lambda: known | {"conduct": "another"})
    changed = task.make(work.options)
    assert changed.digest == work.digest
    assert changed.conduct != work.conduct


def test_recognising_may_take_thirty_times_what_it_cost_when_the_model_was_loaded(work):
    assert task.recognition_s(work, 60.0, 0.5) == 0.0
    listens = replace(work, options=replace(work.options, asr=object()))
    assert task.recognition_s(listens, 60.0, 0.5) == 900.0
