"""The talk around an apology, from voices on their own tracks or from a transcript's times."""

import json
import math
import shutil
from types import SimpleNamespace

import pytest
from places import SAMPLES

from prosody.calls.collect import collect
from prosody.examine import talk
from prosody.examine.examine import Options, examine
from prosody.measures.conversation import CUSTOMER_VOICE
from prosody.message import Message
from prosody.results.records import nested
from prosody.transcripts.turns import Turn


def examined(folder, **how):
    (call,) = collect([folder / "x.wav"])
    return examine(call, Options(**how))


@pytest.fixture
def pair(tmp_path):
    for end in (".wav", ".json"):
        shutil.copy(SAMPLES / f"1-plain-apology-nl{end}", tmp_path / f"x{end}")
    return tmp_path


def test_voices_tell_who_speaks_and_what_is_around_the_apology(pair):
    got = examined(pair)
    turns = json.loads((pair / "x.json").read_text(encoding="utf-8"))["segments"]
    talk = got.record.conversation
    words = {who: sum(w["end"] - w["start"] for s in turns if s["speaker"] == who
                      for w in s["words"]) for who in ("agent", "customer")}  # fmt: skip
    wanted = words["agent"] / sum(words.values())
    assert abs(talk["agent_talk_share"] - wanted) < 0.03
    (row,) = got.apologies
    assert set(row.around) >= {"response_before_s", "response_after_s", "agent_pace_ratio"}
    assert -0.5 < row.around["response_before_s"] < 2
    assert 0.5 < row.around["customer_loudness_before_ratio"] < 2
    column = "loudness_peaks_per_s_log2ratio"
    from prosody.measures import table

    relative = dict(zip(table.RELATIVE_NAMES, row.relative, strict=True))
    assert math.isclose(row.around["agent_pace_ratio"], 2 ** relative[column])


def test_on_one_channel_the_transcript_tells_and_the_customers_voice_is_not_measured(pair):
    import soundfile

    y, sr = soundfile.read(pair / "x.wav", dtype="int16")
    soundfile.write(pair / "x.wav", y.sum(axis=1, dtype="int16"), sr)
    got = examined(pair)
    assert 0.6 < got.record.conversation["agent_talk_share"] < 0.8
    (row,) = got.apologies
    assert math.isfinite(row.around["response_before_s"])
    assert "customer_pace_before_ratio" not in row.around


def test_a_complaint_is_kept_also_where_it_met_an_apology(pair):
    got = examined(pair)
    assert (got.record.complaint, got.record.complaint_without_apology) == (True, False)


def test_how_lively_the_customer_sounds_is_told_only_where_it_was_asked_for(pair):
    import soundfile

    assert not set(CUSTOMER_VOICE) & set(examined(pair).apologies[0].around)
    (row,) = examined(pair, customer_voice=True).apologies
    before, after = (row.around[name] for name in CUSTOMER_VOICE)
    assert math.isclose(nested(row)["around"]["customer_animation_after"], after, abs_tol=1e-6)
    y, sr = soundfile.read(pair / "x.wav")
    y[round(row.end_s * sr) : round((row.end_s + 15) * sr), 1] *= 0.4
    soundfile.write(pair / "x.wav", y, sr)
    (row,) = examined(pair, customer_voice=True).apologies
    assert math.isclose(row.around["customer_animation_before"], before, abs_tol=0.1)
    # 8 dB softer: three tenths of the loudness, which is 1.3 octaves down or so.
    assert row.around["customer_animation_after"] < after - 1


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, "tracks"),
        ({"layout": "mono"}, "turns"),
        ({"remarks": (Message("bleed", "", ""),)}, "turns"),
        ({"remarks": (Message("other", "", ""),)}, "tracks"),
        ({"tracks": ("agent",)}, "turns"),
        ({"source": "clips"}, None),
        ({"layout": "mono", "turns": ("agent",)}, None),
    ],
)
def test_two_tracks_tell_who_speaks_unless_they_are_one_or_bleed(how, wanted):
    given = {"layout": "split", "remarks": (), "source": "transcript"} | how
    roles = how.get("turns", ("agent", "customer"))
    opened = SimpleNamespace(
        source=given["source"],
        roles=SimpleNamespace(
            layout=given["layout"], remarks=given["remarks"],
            tracks=[SimpleNamespace(role=r) for r in how.get("tracks", ("agent", "customer"))],
        ),
        turns=[Turn(i + 1.0, i + 2.0, "hm", role) for i, role in enumerate(roles)],
        voice=lambda track: {"agent": "a", "customer": "c"}[track.role],
    )  # fmt: skip
    found = talk.sides(opened)
    if wanted == "turns":
        assert [spans.tolist() for spans in found] == [[[1.0, 2.0]], [[2.0, 3.0]]]
    else:
        assert found == {"tracks": ("a", "c"), None: None}[wanted]
