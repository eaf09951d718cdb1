"""Who speaks on which channel: what is said, what is found out, and what is never guessed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

from prosody.audio.recording import Recording
from prosody.calls.call_windows import turns
from prosody.calls.collect import Call, Source, collect
from prosody.calls.windows import Window
from prosody.errors import RoleError, UsageError
from prosody.examine import roles
from prosody.examine.role_evidence import named_by_wording, says
from prosody.examine.sound import Sound
from prosody.examine.spoken import Words
from prosody.transcripts.turns import Transcript, Turn, Word

SR = 8000
# Who speaks when, in both the sound and the transcripts below.
LEFT = [(0.0, 3.0), (8.0, 11.0), (16.0, 19.0)]
RIGHT = [(4.0, 7.0), (12.0, 15.0)]


def talk(seed: int, spans: list[tuple[float, float]], seconds: float = 20.0) -> np.ndarray:
    t = np.arange(round(seconds * SR)) / SR
    on = np.zeros(len(t), bool)
    for start, end in spans:
        on |= (t >= start) & (t < end)
    noise = np.random.default_rng(seed).normal(size=len(t))
    return (0.1 * noise * on).astype(np.float32)


@pytest.fixture
def call(tmp_path):
    """Write channels to one file and return the call of it."""

    def make(*channels: np.ndarray, name: str = "call.wav") -> Call:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        sf.write(path, np.stack(channels, axis=1), SR, "PCM_16")
        return collect([path])[0]

    return make


@pytest.fixture
def two(call):
    return call(talk(1, LEFT), talk(2, RIGHT))


def said(text="x", **about) -> Transcript:
    """Left speaks and right answers; ``about`` gives fields for (left, right)."""
    turns = [
        Turn(start, end, text, **{name: pair[side] for name, pair in about.items()})
        for side, spans in enumerate((LEFT, RIGHT))
        for start, end in spans
    ]
    return Transcript(tuple(sorted(turns, key=lambda t: t.start_s)), "test")


def by_channel(roles) -> dict[int, str]:
    return {track.channel: track.role for track in roles.tracks}


def codes(roles) -> set[str]:
    return {remark.code for remark in roles.remarks}


def speech(_source: int, channel: int) -> np.ndarray:
    return np.array([LEFT, RIGHT][channel])


def assign(call, transcript, option="auto", *, speech=None, marked=(), clip=False):
    """Open the files, and tell the roles; `speech` stands for voice activity where it is given."""

    class Given(Sound):
        def voice(self, source, channel):
            return speech(source, channel)

    with ExitStack() as stack:
        files = tuple(stack.enter_context(Recording(s.path)) for s in call.sources)
        sound = Given(files) if speech is not None else Sound(files)
        return roles.assign(call, Words(transcript), option, sound=sound, marked=marked, clip=clip)[
            0
        ]


# --- what the user says -------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "agent"), [("left", 0), ("0", 0), ("right", 1), ("1", 1)])
def test_the_user_says_which_channel(two, option, agent):
    roles = assign(two, None, option)
    assert by_channel(roles) == {agent: "agent", 1 - agent: "customer"}
    assert roles.layout == "split"
    # The user's word stands above the transcript's.
    other = said(
        role=("customer", "agent") if agent == 0 else ("agent", "customer"), channel=(0, 1)
    )
    assert by_channel(assign(two, other, option))[agent] == "agent"


@pytest.mark.parametrize("channel", [(0, 1), (None, None)])
def test_a_transcript_that_says_otherwise_is_remarked_on(two, channel):
    transcript = said(role=("agent", "customer"), channel=channel)
    doubtful = assign(two, transcript, "right", speech=speech)
    assert by_channel(doubtful) == {0: "customer", 1: "agent"}  # the user's word stands
    assert [r.code for r in doubtful.remarks] == ["agent_channel_doubtful"]
    assert "channel 1; by the transcript it is channel 0" in doubtful.remarks[0].text
    assert assign(two, transcript, "left", speech=speech).remarks == ()
    assert assign(two, said(), "right", speech=speech).remarks == ()


def test_an_option_that_is_none(two):
    with pytest.raises(UsageError, match=r"'centre'.*auto, left, right, 0, 1, mono"):
        assign(two, None, "centre")


def test_a_side_holds_for_what_has_two_channels(call):
    roles = assign(call(talk(1, LEFT)), None, "left")
    assert roles.layout == "mono"
    assert codes(roles) == {"role_unknown"}


def test_two_different_channels_are_never_mixed_down(two):
    with pytest.raises(RoleError, match=r"never mixed down.*--agent-channel left or right"):
        assign(two, None, "mono")


# --- auto ---------------------------------------------------------------------------------------


def test_nothing_tells(two):
    with pytest.raises(RoleError, match=r"no transcript says.*--agent-channel") as caught:
        assign(two, None)
    assert caught.value.code == "role_unknown"
    with pytest.raises(RoleError, match="neither transcript nor wording tells"):
        assign(two, said(), speech=speech)
    with pytest.raises(RoleError, match="nor wording tells"):
        assign(two, said(channel=(0, 1)), speech=speech)


def test_a_transcript_that_names_nobody_and_fits_nowhere_is_told_by_that_cause(two):
    late = replace(said(), turns=tuple(replace(t, end_s=t.start_s + 0.4) for t in said().turns))
    with pytest.raises(RoleError, match=r"times do not fit.*--transcript-offset") as caught:
        assign(two, late, speech=lambda _, c: np.array([[[3.2, 3.8]], [[7.2, 7.8]]][c]))
    assert caught.value.code == "clock"


def test_labels_that_nobody_knows_ask_for_the_agents_label(two):
    with pytest.raises(
        RoleError, match=r"2 speakers.*--agent-speaker NAME \(SPEAKER_00, SPEAKER_01"
    ):
        assign(two, said(speaker=("SPEAKER_00", "SPEAKER_01")), speech=speech)
    with pytest.raises(RoleError) as caught:
        assign(two, said(speaker=("Noor Bakker", "Sam")), speech=speech)
    assert "Noor" not in str(caught.value)


def test_a_late_transcript_that_names_its_roles_tells_the_channel(two):
    turns = said(role=("agent", "customer")).turns
    late = tuple(replace(t, start_s=t.start_s + 3, end_s=t.end_s + 3) for t in turns)
    assert by_channel(assign(two, Transcript(late, "test"), speech=speech)) == {
        0: "agent", 1: "customer",
    }  # fmt: skip


def marks(role: str, start_s: float, end_s: float, channel: int | None = None) -> tuple[Turn, ...]:
    return turns([Window(start_s, end_s, "sorry", role=role, channel=channel)])


def test_windows_that_name_roles_tell_the_channel(two):
    heard = assign(two, None, marked=marks("agent", 12.5, 14.0), speech=speech)
    assert by_channel(heard) == {1: "agent", 0: "customer"}
    assert codes(heard) == {"roles_from_voice"}
    assert "agent of the windows file is heard on channel 1" in heard.remarks[0].text
    # A channel that is named needs no listening, and stands above what the transcript says.
    named = assign(
        two, said(role=("customer", "agent")), marked=marks("agent", 5.0, 5.1, 0), speech=speech
    )
    assert by_channel(named) == {0: "agent", 1: "customer"}
    assert named.remarks == ()
    doubtful = assign(two, None, "left", marked=marks("agent", 12.5, 14.0), speech=speech)
    assert codes(doubtful) == {"agent_channel_doubtful"}
    assert "by the windows file it is channel 1" in doubtful.remarks[0].text


@pytest.mark.parametrize(
    "about", [("customer", 12.5, 14.0), ("unknown", 12.5, 14.0), ("agent", 3.0, 4.0),
              ("agent", 2.0, 5.0), ("agent", 12.5, 12.6)],
)  # fmt: skip
def test_windows_that_do_not_tell(two, about):
    with pytest.raises(RoleError, match="which is the agent's"):
        assign(two, None, marked=marks(*about), speech=speech)


def test_the_transcript_says_channel_and_role(two):
    transcript = said(role=("customer", "agent"), channel=(0, 1))
    assert by_channel(assign(two, transcript)) == {1: "agent", 0: "customer"}


def test_a_transcript_that_contradicts_itself_is_not_followed(two):
    turns = said(role=("agent", "customer"), channel=(0, 1)).turns
    mixed = tuple(replace(t, role="customer" if i < 3 else "agent") for i, t in enumerate(turns))
    with pytest.raises(RoleError):
        assign(two, Transcript(mixed, "test"), speech=lambda *_: np.zeros((0, 2)))


@pytest.mark.parametrize("agent", [0, 1])
@pytest.mark.parametrize("words", [False, True])
def test_when_the_roles_speak_tells_the_channel(two, agent, words):
    transcript = said(role=("agent", "customer") if agent == 0 else ("customer", "agent"))
    if words:  # turns that run on; words that do not
        spread = [
            replace(t, start_s=max(0.0, t.start_s - 1), end_s=t.end_s + 1,
                    words=(Word("x", t.start_s, t.end_s),))
            for t in transcript.turns
        ]  # fmt: skip
        transcript = Transcript(tuple(spread), "test")
    roles = assign(two, transcript, speech=speech)
    assert by_channel(roles)[agent] == "agent"
    assert "roles_from_voice" in codes(roles)


def test_speech_at_the_same_time_does_not_tell(two):
    def always(_source: int, _channel: int) -> np.ndarray:
        return np.array([[0.0, 20.0]])

    with pytest.raises(RoleError, match="nor wording tells"):
        assign(two, said(role=("agent", "customer")), speech=always)


@pytest.mark.parametrize(
    "text",
    ["Thank you for calling, how can I help you today?", "Goedemorgen, waarmee kan ik u helpen?",
     "Welkom bij Vandaan, u spreekt met Els."],
)  # fmt: skip
@pytest.mark.parametrize("label", ["channel", "speaker"])
def test_the_greeting_tells_where_only_one_greets(two, text, label):
    marks = (0, 1) if label == "channel" else ("S0", "S1")
    transcript = said(**{label: marks})
    first = transcript.turns[0]
    greeted = replace(transcript, turns=(replace(first, text=text), *transcript.turns[1:]))
    named, remark = named_by_wording(greeted)
    assert remark is not None
    assert remark.code == "roles_from_greeting"
    roles = assign(two, named, speech=speech)
    assert by_channel(roles) == {0: "agent", 1: "customer"}


def test_a_greeting_of_both_sides_does_not_tell_and_one_among_three_does():
    text = "thank you for calling"
    both = said(text, channel=(0, 1))
    assert named_by_wording(both) == (both, None)
    three = said(channel=(0, 1))
    three = replace(
        three, turns=(*three.turns, Turn(30, 31, text, channel=2), Turn(32, 33, "x", channel=3))
    )
    assert {t.role for t in named_by_wording(three)[0].turns if t.channel == 2} == {"agent"}
    known = said(text, role=("agent", "customer"), channel=(0, 1))
    assert named_by_wording(known) == (known, None)


# --- one channel --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("This is Anna speaking, how are you?", "greeting", True),
        ("This is a shame, speaking for myself.", "greeting", False),
        ("Good morning, thanks for calling.", "welcome", True),
        ("Ik kijk het even voor u na", "business", True),
        ("Mijn slimme meter doet het niet", "customer", True),
        ("Oh, mijn hemel", "customer", False),
        ("Voor al uw vragen over uw rekening kiest u 2.", "tape", True),
    ],
)
def test_wording_of_one_side_is_known(text, kind, found):
    assert says(text, kind) is found


def test_one_channel_without_roles_is_remarked_on(call):
    mono = call(talk(1, LEFT) + talk(2, RIGHT))
    roles = assign(mono, said())
    assert (roles.layout, by_channel(roles), codes(roles)) == (
        "mono", {0: "unknown"}, {"role_unknown"},
    )  # fmt: skip
    assert roles.of("agent") == roles.tracks


def test_one_channel_with_roles_in_the_transcript(call):
    roles = assign(call(talk(1, LEFT)), said(role=("agent", "customer")))
    assert (roles.layout, codes(roles)) == ("mono", set())


@pytest.mark.parametrize("option", ["auto", "mono", "left"])
def test_the_same_sound_on_both_channels_is_one_channel(call, option):
    mix = talk(1, LEFT) + talk(2, RIGHT)
    roles = assign(call(mix, mix), None, option)
    assert roles.layout == "mono"
    assert codes(roles) == {"same_audio", "role_unknown"}


def test_where_all_is_silent_it_does_not_matter_whose_silence_it_is(call):
    zero = np.zeros(5 * SR, np.float32)
    roles = assign(call(zero, zero), said(role=("agent", "customer")))
    assert by_channel(roles) == {0: "agent", 1: "customer"}
    assert "silent_channel" in codes(roles)


@pytest.mark.parametrize("at", [0.0, -1.0])
def test_a_dead_side_is_named_by_its_cause(call, at):
    dead = np.full(160000, at, np.float32)
    roles = assign(call(talk(1, LEFT), dead), None, "left")
    code = "silent_channel" if at == 0.0 else "full_scale_channel"
    (remark,) = [r for r in roles.remarks if r.code == code]
    assert "customer's track" in remark.text
    assert "not recorded" in remark.text


def test_mono_where_one_channel_is_silent(call):
    roles = assign(call(np.zeros(160000, np.float32), talk(1, LEFT)), None, "mono")
    assert (by_channel(roles), roles.layout) == ({1: "unknown"}, "mono")
    assert "silent_channel" in codes(roles)


def test_leakage_is_remarked_on(call):
    a, b = talk(1, LEFT), talk(2, RIGHT)
    roles = assign(call(a + 0.1 * b, b), None, "left")
    (remark,) = roles.remarks
    assert remark.code == "bleed"
    assert "Channel 1 is heard in channel 0, 20 dB softer" in remark.text


# --- clips --------------------------------------------------------------------------------------


def test_clips(call, two):
    one = call(talk(1, LEFT), name="one.wav")
    assert assign(one, None, clip=True).layout == "clip"
    assert assign(one, None, clip=True).remarks == ()
    assert by_channel(assign(two, None, "right", clip=True)) == {1: "unknown"}
    roles = assign(two, None, clip=True)  # one speaker: the first channel, and it says so
    assert (by_channel(roles), codes(roles)) == ({0: "unknown"}, {"clip_channel"})


# --- pairs and manifests ------------------------------------------------------------------------


@pytest.fixture
def pair(call, tmp_path):
    def make(*agent: np.ndarray) -> Call:
        call(*(agent or (talk(1, LEFT),)), name="p/7_agent.wav")
        call(talk(2, RIGHT, 22.0), name="p/7_klant.wav")
        return collect([tmp_path / "p"])[0]

    return make


def test_a_pair_has_its_roles_whatever_else_is_said(pair):
    transcript = said(role=("customer", "agent"), channel=(0, 1))
    roles = assign(pair(), transcript, "right")
    assert [(t.source, t.role, t.offset_s) for t in roles.tracks] == [
        (0, "agent", 0.0), (1, "customer", 0.0),
    ]  # fmt: skip
    assert codes(roles) == {"unequal_tracks"}


def test_a_track_that_begins_later(pair):
    transcript = replace(said(role=("agent", "customer")), track_start_s={"agent": 2.0})
    roles = assign(pair(), transcript)
    assert [track.offset_s for track in roles.tracks] == [2.0, 0.0]
    assert codes(roles) == {"late_track"}
    # Only differences count: the call's clock begins with its first track.
    later = replace(transcript, track_start_s={"agent": 7.0, "customer": 5.0})
    assert [track.offset_s for track in assign(pair(), later).tracks] == [2.0, 0.0]


def test_a_half_with_two_channels(pair):
    a = talk(1, LEFT)
    assert "same_audio" in codes(assign(pair(a, a), None))
    silent = assign(pair(np.zeros_like(a), a), None)
    assert [track.channel for track in silent.tracks] == [1, 0]
    with pytest.raises(RoleError, match=r"track of the agent alone.*manifest"):
        assign(pair(a, talk(3, RIGHT)), None)


def test_a_pair_of_the_same_mix_is_one_channel(call, tmp_path):
    mix = talk(1, LEFT) + talk(2, RIGHT)
    call(mix, name="q/7_agent.wav")
    call(0.5 * mix, name="q/7_caller.wav")
    roles = assign(collect([tmp_path / "q"])[0], None)
    assert (roles.layout, by_channel(roles), codes(roles)) == (
        "mono", {0: "unknown"}, {"same_audio"},
    )  # fmt: skip


def test_leakage_between_the_tracks_of_a_pair(call, tmp_path):
    a, b = talk(1, LEFT), talk(2, RIGHT)
    call(a[SR:] + 0.1 * b[SR:], name="q/7_agent.wav")  # begins a second later
    call(b, name="q/7_caller.wav")
    transcript = replace(said(role=("agent", "customer")), track_start_s={"agent": 1.0})
    roles = assign(collect([tmp_path / "q"])[0], transcript)
    assert codes(roles) == {"late_track", "bleed"}
    assert "customer's track is heard in the agent's track, 20 dB softer" in str(roles.remarks)


def test_a_name_that_says_a_role_does_not_split_two_channels(call):
    """What is called after the agent and has both voices is told like any other recording."""
    both = call(talk(1, LEFT), talk(2, RIGHT), name="7_agent.wav")
    assert both.sources[0].role == "agent"
    assert by_channel(assign(both, None, "right")) == {1: "agent", 0: "customer"}
    with pytest.raises(RoleError, match=r"no transcript says"):
        assign(both, None)
    alone = call(talk(1, LEFT), name="8_agent.wav")
    assert by_channel(assign(alone, None)) == {0: "agent"}


def test_a_manifest_names_channels(two, tmp_path):
    path = two.sources[0].path
    named = Call("1", (Source(path, 1, "agent"), Source(path, 0, "customer")), str(path))
    assert by_channel(assign(named, None)) == {1: "agent", 0: "customer"}
    wrong = Call("1", (Source(path, 2, "agent"),), str(path))
    with pytest.raises(RoleError, match="no channel 2, there are 2"):
        assign(wrong, None)
    only = Call("1", (Source(path, 1),), str(path))
    assert by_channel(assign(only, None)) == {1: "unknown"}


# --- real calls ---------------------------------------------------------------------------------


@pytest.mark.data
def test_tracks_of_real_calls_lie_where_their_words_do(data):
    """Words of the transcript fall on speech of the right track, at the right offset only."""
    from prosody.arrays import overlap_s
    from prosody.audio.activity import speech_of
    from prosody.audio.recording import Recording
    from prosody.examine.role_evidence import times_of
    from prosody.transcripts import read

    late = 0
    for call in collect([data / "harpervalley"])[::2]:
        transcript = read(call.transcript)
        for track in assign(call, transcript).tracks:
            with Recording(track.path) as recording:
                heard = speech_of(recording, track.channel)
            times = times_of([t for t in transcript.turns if t.role == track.role])
            times = times[np.argsort(times[:, 0])]
            length = np.sum(times[:, 1] - times[:, 0])
            share = np.sum(overlap_s(heard + track.offset_s, times)) / length
            assert share > 0.7, (call.call_id, track.role)  # some words were never spoken
            if track.offset_s > 1:
                late += 1
                assert np.sum(overlap_s(heard, times)) / length < share - 0.2
    assert late >= 1


@pytest.mark.data
def test_real_calls_written_as_two_channels_are_told_apart_by_voice(data, tmp_path):
    from prosody.transcripts import read

    for i, pair in enumerate(collect([data / "harpervalley"])):
        transcript = read(pair.transcript)
        tracks = [sf.read(s.path, dtype="float32")[0] for s in pair.sources]
        starts = [round(transcript.track_start_s.get(s.role, 0) * SR) for s in pair.sources]
        n = max(len(y) + at for y, at in zip(tracks, starts, strict=True))
        both = np.zeros((n, 2), np.float32)
        for side, (y, at) in enumerate(zip(tracks, starts, strict=True)):
            both[at : at + len(y), side if i % 2 else 1 - side] = y
        path = tmp_path / f"{pair.call_id}.wav"
        sf.write(path, both, SR, "ULAW")
        roles = assign(collect([path])[0], transcript)
        agent = 0 if i % 2 else 1
        assert by_channel(roles) == {agent: "agent", 1 - agent: "customer"}
        assert codes(roles) <= {"roles_from_voice"}


@pytest.mark.parametrize("speaks", ["agent", "customer", "nobody"])
@pytest.mark.parametrize("live", [0, 1])
def test_beside_a_dead_channel_the_words_tell_whose_the_other_is(speaks, live):
    spans = np.array([[0.5, 4.0], [9.0, 13.0], [20.0, 22.0], [27.0, 33.0], [41.0, 46.0]])
    turns = [Turn(a, b, "een twee drie vier", "agent") for a, b in spans.tolist()]
    turns += [Turn(a, b, "een twee drie vier", "customer")
              for a, b in zip(spans[:-1, 1] + 0.5, spans[1:, 0] - 0.5, strict=True)]  # fmt: skip
    turns.sort(key=lambda t: t.start_s)
    heard = [[t.start_s, t.end_s] for t in turns if t.role == speaks] or [[100.0, 101.0]]
    voices = [np.zeros((0, 2)), np.zeros((0, 2))]
    voices[live] = np.array(heard)
    found = roles._by_live_channel(turns, voices, live, 110.0)
    if speaks == "nobody":
        assert found is None
    else:
        assert found.agent == (live if speaks == "agent" else 1 - live)
