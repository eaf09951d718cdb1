"""A call is opened in steps: what its words say is held against what its sound does."""

import json
import shutil

import numpy as np
import pytest
from places import SAMPLES

from prosody.calls.collect import collect
from prosody.examine.open_call import open_call

NAME = "1-plain-apology-nl"


@pytest.fixture
def call(tmp_path):
    """Write the first sample with its transcript changed; returns the call."""

    def make(change=lambda segments: segments, **more):
        shutil.copy(SAMPLES / f"{NAME}.wav", tmp_path / "call.wav")
        data = json.loads((SAMPLES / f"{NAME}.json").read_text(encoding="utf-8"))
        data["segments"] = change(data["segments"])
        (tmp_path / "call.json").write_text(json.dumps(data | more), encoding="utf-8")
        return collect([tmp_path / "call.wav"])[0]

    return make


def moved(by_s=0.0, times=1.0):
    def change(segments):
        for one in [*segments, *(w for s in segments for w in s.get("words", ()))]:
            one["start"], one["end"] = one["start"] * times + by_s, one["end"] * times + by_s
        return segments

    return change


def apology(opened):
    return next(a for a in opened.acts if a.kind == "apology" and a.role == "agent")


def codes(opened):
    return {r.code for r in opened.remarks}


def test_a_sample_fits_as_it_is(call):
    with open_call(call()) as opened:
        assert not any(opened.faults)
        assert codes(opened) == {"roles_from_voice"}


@pytest.mark.parametrize(
    ("change", "code"), [(moved(3.0), "clock_late"), (moved(1.0, 1.02), "clock_fast")]
)
def test_a_clock_that_is_off_is_put_right_and_said(call, change, code):
    with open_call(call()) as opened:
        true = apology(opened)
    with open_call(call(change)) as opened:
        assert code in codes(opened)
        assert apology(opened).start_s == pytest.approx(true.start_s, abs=0.3)
        assert not opened.fault_of(apology(opened))


def test_milliseconds_are_read_where_everything_then_fits(call):
    with open_call(call(moved(times=1000.0))) as opened:
        assert "unit_ms" in codes(opened)
        assert apology(opened).end_s < 50
        assert not opened.fault_of(apology(opened))
    with open_call(call(moved(times=1000.0)), transcript_unit="s") as opened:
        assert "clock_unit" in codes(opened)
        assert opened.fault_of(apology(opened)) == "clock"


def test_the_user_may_say_how_far_a_transcript_is_off(call):
    with open_call(call(moved(3.0)), transcript_offset_s=-3.0) as opened:
        assert not codes(opened) & {"clock_late", "clock_early"}
        assert not any(opened.faults)


def test_the_transcript_of_another_call_withholds_everything(call):
    other = json.loads((SAMPLES / "2-recited-apology-en.json").read_text(encoding="utf-8"))
    with open_call(call(lambda _: moved(times=0.55)(other["segments"]))) as opened:
        assert codes(opened) & {"clock_unsure", "clock_beyond", "clock_broken"}
        assert all(opened.faults)


def test_a_line_invented_where_nobody_speaks_takes_no_part(call):
    def change(segments):
        other = max((s for s in segments if s["speaker"] == "customer"),
                    key=lambda s: s["end"] - s["start"])  # fmt: skip
        for start in (other["start"] + 0.3, other["start"] + 1.3):
            segments.append({"start": start, "end": start + 0.8, "speaker": "agent",
                             "text": "Sorry voor het ongemak.", "words": []})  # fmt: skip
        return segments

    with open_call(call()) as opened:
        apologies = len(opened.acts)
    with open_call(call(change)) as opened:
        assert "invented_lines" in codes(opened)
        assert len(opened.acts) == apologies


def test_a_tape_that_thanks_for_calling_is_no_agent(call):
    def change(segments):
        text = "Thank you for calling. We are sorry, all our advisers are busy."
        return [{"start": 0.0, "end": 0.4, "speaker": "agent", "text": text, "words": []},
                *segments]  # fmt: skip

    with open_call(call(change)) as opened:
        assert "announcements" in codes(opened)


@pytest.mark.parametrize("ends_s", [20.0, 40.0])
def test_a_recording_that_lost_its_end_is_named_as_that(call, ends_s):
    import soundfile as sf

    one = call()
    path = one.sources[0].path
    y, sr = sf.read(path)
    sf.write(path, y[: round(ends_s * sr)], sr)
    with open_call(one) as opened:
        assert "sound_short" in codes(opened)
        assert not codes(opened) & {"invented_lines", "clock_beyond", "clock_unsure"}
        for turn, fault in zip(opened.turns, opened.faults, strict=True):
            assert bool(fault) == (turn.start_s >= ends_s) or turn.end_s > ends_s


def test_an_announcement_is_nobodys_line(call):
    def change(segments):
        text = "Onze excuses, al onze medewerkers zijn op dit moment in gesprek."
        line = {"start": 0.0, "end": 0.4, "speaker": "IVR", "text": text, "words": []}
        return [line, *segments]

    with open_call(call(change)) as opened:
        assert "announcements" in codes(opened)
        assert not any("medewerkers zijn" in t.text for t in opened.turns)


def test_lines_told_for_both_sides_are_read_once(call):
    def change(segments):
        doubles = [s | {"speaker": "customer"} for s in segments if s["speaker"] == "agent"]
        return segments + doubles

    with open_call(call()) as opened:
        turns = len(opened.turns)
    with open_call(call(change)) as opened:
        assert "doubled_lines" in codes(opened)
        assert len(opened.turns) == turns
        assert apology(opened).role == "agent"


def test_of_an_export_doubled_whole_the_channels_tell_who_speaks(call):
    def change(segments):
        other = {"agent": "customer", "customer": "agent"}
        return segments + [s | {"speaker": other[s["speaker"]]} for s in segments]

    with open_call(call()) as opened:
        whole, true = len(opened.turns), apology(opened)
    with open_call(call(change)) as opened:
        assert {"doubled_lines", "roles_from_greeting"} <= codes(opened)
        assert len(opened.turns) == whole
        assert apology(opened).start_s == pytest.approx(true.start_s, abs=0.1)
        assert not any(opened.faults)


def test_one_doubled_line_is_no_second_agents(call):
    def change(segments):
        one = next(s for s in segments if "spijt" in s["text"])
        return [*segments, one | {"speaker": "customer"}]

    with open_call(call(change)) as opened:
        assert apology(opened).role == "agent"
        assert not any(opened.agents)


def swapped(segments):
    other = {"agent": "customer", "customer": "agent"}
    return [s | {"speaker": other[s["speaker"]]} for s in segments]


def test_roles_that_are_clearly_the_wrong_way_round_are_turned(call):
    with open_call(call()) as opened:
        true = [(t.role, t.text) for t in opened.turns]
    with open_call(call(swapped)) as opened:
        assert "roles_swapped" in codes(opened)
        assert [(t.role, t.text) for t in opened.turns] == true
    with open_call(call(swapped), agent_speaker="agent") as opened:  # the user's word stands
        assert "roles_swapped" not in codes(opened)
        assert [t.role for t in opened.turns] != [role for role, _ in true]


@pytest.mark.parametrize("times", [0.5, 1.5, 2.0])
def test_a_wrong_sample_rate_is_named_whichever_way_and_whoever_speaks_where(call, times):
    import soundfile as sf

    one = call()
    path = one.sources[0].path
    y, sr = sf.read(path)
    sf.write(path, np.repeat(y, 2, axis=0)[:, ::-1], round(2 * sr / times))
    with open_call(one) as opened:
        assert "header_rate" in codes(opened)
        assert set(opened.faults) == {"clock"}


def test_somebody_who_speaks_over_music_is_heard(call):
    """A radio in the room is no fault of the transcript's clock."""
    import soundfile as sf

    one = call()
    path = one.sources[0].path
    y, sr = sf.read(path)
    beat = np.arange(len(y)) / sr % 0.5
    chord = sum(np.sin(2 * np.pi * f * beat) for f in (220, 277, 330, 440)) * np.exp(-3 * beat)
    y[:, 0] += 0.01 * chord
    sf.write(path, y, sr)
    with open_call(one) as opened:
        assert opened.music(opened.roles.of("agent")[0]).sum() > 0
        assert not any(opened.faults)
        assert codes(opened) == {"roles_from_voice"}


def test_plain_whisper_is_put_on_the_channels_and_the_agent_told_by_wording(call):
    def change(segments):
        for one in segments:
            one.pop("speaker")
            for word in one["words"]:
                word.pop("speaker", None)
        return segments

    with open_call(call()) as opened:
        roles = [t.role for t in opened.turns]
    with open_call(call(change)) as opened:
        assert {"channels_from_voice", "roles_from_greeting"} <= codes(opened)
        assert [t.role for t in opened.turns] == roles


def test_turns_that_stay_on_their_channel_were_not_put_there(call):
    def change(segments):
        mine = [s | {"channel": 0} for s in segments if s["speaker"] == "agent"]
        for one in mine:
            one.pop("speaker")
            for word in one["words"]:
                word.pop("speaker", None)
        return mine

    with open_call(call(change), agent_channel="left") as opened:
        assert {t.role for t in opened.turns} == {"agent"}
        assert "channels_from_voice" not in codes(opened)


def test_the_agents_label_may_be_named(call):
    def change(segments):
        for one in segments:
            one["speaker"] = {"agent": "SPEAKER_01", "customer": "SPEAKER_00"}[one["speaker"]]
            for word in one["words"]:
                word.pop("speaker", None)
        return segments

    with open_call(call(change), agent_speaker="speaker_01") as opened:
        assert apology(opened).role == "agent"
        assert opened.roles.tracks[0].role == "agent"


def test_two_agents_have_their_own_speech_each(call):
    def change(segments):
        mine = [s for s in segments if s["speaker"] == "agent"]
        for one in mine[len(mine) // 2 :]:
            one["speaker"] = "agent 2"
        for one in mine[: len(mine) // 2]:
            one["speaker"] = "agent 1"
        for one in mine:
            for word in one["words"]:
                word.pop("speaker", None)
        return segments

    with open_call(call(change)) as opened:
        who = [speaker for speaker, _ in opened.speakers()]
        assert [w.name for w in who] == ["agent 1", "agent 2"]
        first, second = (opened.own_speech(w) for w in who)
        assert first[-1, 1] < second[0, 0]


def test_who_of_two_agents_did_what_is_told_of_every_word(call):
    from prosody.examine.examine import Options, examine

    def change(segments):
        mine = [s for s in segments if s["speaker"] == "agent"]
        first = next(i for i, s in enumerate(mine) if "spijt" in s["text"])
        for i, one in enumerate(mine):
            one["speaker"] = f"agent {1 + (i >= first)}"
        return segments

    line = examine(call(change), Options()).record
    apologies = [a for a in line.acts if a["act"] == "apology"]
    assert {a["agent_speaker"] for a in apologies} == {"agent 2"}
    promises = [p for rule in line.conduct.values() for p in rule.get("promises", ())]
    assert promises
    for place in (*promises, *(w for rule in line.conduct.values() for w in rule["words"])):
        assert (place["agent_speaker"] != "") == (place["role"] == "agent")
    assert line.conduct["real"]["words"][0]["agent_speaker"] == "agent 2"


def test_nothing_outside_of_the_agents_turns_is_her_voice(call):
    def change(segments):
        return [s for s in segments if s["speaker"] != "agent" or s["start"] < 20]

    with open_call(call(change)) as opened:
        who, _ = opened.speakers()[0]
        last = max(t.end_s for t in opened.turns if t.role == "agent")
        assert opened.own_speech(who)[-1, 1] <= last + 0.2
        assert opened.speech(who.track)[-1, 1] > last + 5
