"""Which files make up which call: folders, pairs, manifests, names, and what lies beside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from prosody.calls.collect import collect, walk
from prosody.errors import UsageError

WAV = b"RIFF\x24\0\0\0WAVEfmt "  # looks like sound; collecting reads no more than that


@pytest.fixture
def put(tmp_path):
    def put(*names: str, content: bytes | str = WAV) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return put


def shape(calls):
    """Call id and (file name, role) of its sources."""
    return [(c.call_id, [(s.path.name, s.role) for s in c.sources]) for c in calls]


def test_a_folder_gives_its_recordings_in_order_of_name(put):
    root = put("b.wav", "a.MP3", "sub/c.opus", "sub/deeper/d.gsm", "Z.flac")
    put("notes.txt", content="hello")
    names = [call.name for call in collect([root])]
    assert names == ["Z.flac", "a.MP3", "b.wav", "sub/c.opus", "sub/deeper/d.gsm"]
    assert collect([root]) == collect([str(root), root])


def test_what_is_no_sound_is_no_input_unless_named(put):
    root = put("a.wav")
    text = "README LICENSE.txt x.json x.csv x.rttm x.vtt .hidden.wav ._a.wav __MACOSX/a.wav"
    put(*text.split(), content="hello")
    assert [Path(c.name).name for c in collect([root])] == ["a.wav"]
    named = collect([root / "README", root / "x.json"])
    assert [Path(c.name).name for c in named] == ["README", "x.json"]


def test_sound_under_another_name_is_an_input_of_a_folder(put):
    root = put("a.dat", "recording", "text.txt")
    put("other.dat", content="hello")
    assert [Path(c.name).name for c in collect([root])] == ["a.dat", "recording", "text.txt"]


def test_a_broken_file_with_a_sound_ending_is_an_input(put):
    root = put("a.wav", content="this is text")
    assert len(collect([root])) == 1


def test_a_path_that_is_not_there_is_an_input(tmp_path):
    assert collect([tmp_path / "gone.wav"])[0].call_id == "gone"


def test_nothing_found_is_a_usage_error(put):
    with pytest.raises(UsageError, match=r"No recordings found in .*WAV, FLAC"):
        collect([put("notes.txt", content="hello")])


@pytest.mark.parametrize("separator", ["_", "-", " ", "."])
@pytest.mark.parametrize(
    ("agent", "customer"),
    [("agent", "caller"), ("Agent", "Customer"), ("medewerker", "klant"), ("agent", "client")],
)
def test_pairs_by_name(put, separator, agent, customer):
    root = put(f"17{separator}{customer}.wav", f"17{separator}{agent}.wav", "18_agent_x.wav")
    calls = collect([root])
    assert shape(calls)[0] == (
        "17",
        [(f"17{separator}{agent}.wav", "agent"), (f"17{separator}{customer}.wav", "customer")],
    )
    assert Path(calls[0].name).name == f"17{separator}{agent}.wav"
    assert shape(calls)[1] == ("18_agent_x", [("18_agent_x.wav", "unknown")])


def test_a_half_keeps_its_role(put):
    assert shape(collect([put("17_agent.wav")])) == [("17_agent", [("17_agent.wav", "agent")])]


def test_halves_that_are_not_one_to_one_are_not_paired(put):
    root = put("17_agent.wav", "17_caller.wav", "17_klant.wav")
    assert all(len(call.sources) == 1 for call in collect([root]))
    assert len(collect([root])) == 3


def test_pairs_do_not_cross_folders_or_endings(put):
    root = put("x/17_agent.wav", "y/17_caller.wav", "18_agent.wav", "18_caller.mp3")
    assert [len(call.sources) for call in collect([root])] == [1, 1, 1, 1]


def test_pairs_by_folder(put):
    root = put("agent/1.wav", "caller/1.wav", "agent/2.wav", "other/3.wav", "klant/2.wav")
    assert shape(collect([root])) == [
        ("1", [("1.wav", "agent"), ("1.wav", "customer")]),
        ("2", [("2.wav", "agent"), ("2.wav", "customer")]),
        ("3", [("3.wav", "unknown")]),
    ]


def test_the_folder_of_a_client_is_no_side(put):
    """One side needs the other: folders are called client for other reasons too."""
    root = put("client/1.wav", "client/2.wav")
    assert {s.role for c in collect([root]) for s in c.sources} == {"unknown"}
    put("agent/2.wav")
    calls = collect([root])
    assert [[s.role for s in c.sources] for c in calls] == [["agent", "customer"], ["customer"]]
    assert [r.code for r in calls[1].remarks] == ["one_side"]


def test_recordings_of_the_same_name_in_two_folders(put):
    root = put("calls/mon/1.wav", "calls/tue/1.wav")
    put("words/1.vtt", content="x")
    calls = collect([root / "calls"], transcripts=root / "words")
    assert [[r.code for r in c.remarks] for c in calls] == [["shared_transcript"]] * 2
    put("words/mon/1.vtt", "words/tue/1.vtt", content="x")
    calls = collect([root / "calls"], transcripts=root / "words")
    assert [c.transcript.parent.name for c in calls] == ["mon", "tue"]
    assert [c.remarks for c in calls] == [(), ()]


def test_clips_are_never_paired_and_have_no_transcript(put):
    root = put("17_agent.wav", "17_caller.wav", "17.json")
    assert [len(c.sources) for c in collect([root], clips=True)] == [1, 1, 1]
    assert all(c.transcript is None for c in collect([root], clips=True))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_links_in_a_ring_pipes_and_dead_links(put):
    root = put("a/x.wav")
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    (root / "again").symlink_to(root / "a", target_is_directory=True)
    (root / "dead.wav").symlink_to(root / "nowhere.wav")
    (root / "self").symlink_to(root / "self")
    os.mkfifo(root / "pipe.wav")
    os.mkfifo(root / "pipe")
    names = sorted(path.name for path in walk(root))
    assert names == ["dead.wav", "pipe.wav", "x.wav"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_becomes_a_row(put):
    root = put("a.wav", "closed/b.wav")
    (root / "closed").chmod(0)
    try:
        assert sorted(path.name for path in walk(root)) == ["a.wav", "closed"]
    finally:
        (root / "closed").chmod(0o700)


def test_a_folder_that_the_system_refuses_becomes_a_row_also_for_root(put, monkeypatch):
    root, real = put("a.wav", "closed/b.wav", "open/c.wav"), os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [Path(c.name).name for c in collect([root])] == ["a.wav", "closed", "c.wav"]


# --- what lies beside ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["1.vtt", "transcript/1.json", "transcripts/1.srt", "1.csv", "1.JSON"]
)
def test_a_transcript_is_found(put, where):
    root = put("1.wav", "2.wav")
    put(where, content="x")
    first, second = collect([root])
    assert first.transcript == root / where
    assert second.transcript is None


def test_a_transcript_beside_the_folders_of_a_pair(put):
    root = put("agent/1.wav", "caller/1.wav")
    put("transcript/1.json", "metadata/1.json", content="[]")
    assert collect([root])[0].transcript == root / "transcript" / "1.json"
    assert collect([root / "agent" / "1.wav"])[0].transcript == root / "transcript" / "1.json"


def test_the_transcript_of_a_pair_whose_id_comes_from_its_names(put):
    root = put("ann_7_agent.wav", "ann_7_caller.wav")
    put("ann_7.vtt", content="WEBVTT")
    (call,) = collect([root], meta_from=r"(?P<agent>[a-z]+)_(?P<call_id>\d+)")
    assert (call.call_id, call.agent) == ("7", "ann")
    assert call.transcript == root / "ann_7.vtt"


def test_a_given_folder_of_transcripts_comes_first(put):
    root = put("calls/1.wav")
    put("calls/1.vtt", "words/1.json", content="x")
    assert collect([root / "calls"]).pop().transcript == root / "calls" / "1.vtt"
    given = collect([root / "calls"], transcripts=root / "words")
    assert given[0].transcript == root / "words" / "1.json"
    with pytest.raises(UsageError, match="no such folder"):
        collect([root / "calls"], transcripts=root / "nothing")


def test_several_transcripts_are_remarked_on(put):
    root = put("1.wav")
    put("1.json", "1.srt", content="x")
    call = collect([root])[0]
    assert call.transcript == root / "1.json"
    assert [r.code for r in call.remarks] == ["several_transcripts"]
    assert "1.srt" in call.remarks[0].text


def test_transcripts_of_the_tracks_of_a_pair(put):
    root = put("1_agent.wav", "1_caller.wav")
    put("1_agent.json", "1_caller.json", content="x")
    call = collect([root])[0]
    assert call.transcript is None
    assert [s.transcript.name for s in call.sources] == ["1_agent.json", "1_caller.json"]


# --- windows ------------------------------------------------------------------------------------


def test_one_windows_file_that_names_recordings_is_for_all(put):
    root = put("1.wav", "2.wav")
    put("w.csv", content="recording,start_s,end_s\n1.wav,1,2\n2.wav,3,4\n")
    assert all(c.windows == root / "w.csv" for c in collect([root], windows=root / "w.csv"))


def test_one_windows_file_that_names_none_is_for_one_call_only(put):
    root = put("1.wav", "2.wav")
    put("w.csv", content="start_s,end_s\n1,2\n")
    assert collect([root / "1.wav"], windows=root / "w.csv")[0].windows == root / "w.csv"
    with pytest.raises(UsageError, match="does not say which of the 2 recordings"):
        collect([root], windows=root / "w.csv")


def test_a_folder_of_windows(put):
    root = put("1.wav", "2.wav")
    put("w/1.TextGrid", content="x")
    first, second = collect([root], windows=root / "w")
    assert first.windows == root / "w" / "1.TextGrid"
    assert second.windows is None


# --- manifests ----------------------------------------------------------------------------------

FULL = (
    "path,call_id,started_at,channel,role,agent,team,language,transcript,windows,queue\n"
    "a.wav,A1,2026-11-01T09:00,,,Els,Noord,nl,words/a.vtt,w.csv,7\n"
    "b_left.wav,B2,,0,Agent,,,,,,\n"
    "b_right.wav,B2,,left,klant,,,,,,\n"
    "c.wav,,,right,agent,,,,,,\n"
    "c.wav,,,left,customer,,,,,,\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_manifest(tmp_path, encoding, separator):
    path = tmp_path / "m.csv"
    path.write_bytes(FULL.replace("Els", "Élise").replace(",", separator).encode(encoding))
    one, two, three = collect([], manifest=path)
    assert (one.call_id, one.started_at, one.agent, one.team, one.language) == (
        "A1", "2026-11-01T09:00", "Élise", "Noord", "nl",
    )  # fmt: skip
    assert one.transcript == tmp_path / "words/a.vtt"
    assert one.windows == tmp_path / "w.csv"
    assert one.sources[0].path == tmp_path / "a.wav"
    assert [(s.path.name, s.channel, s.role) for s in two.sources] == [
        ("b_left.wav", 0, "agent"), ("b_right.wav", 0, "customer"),
    ]  # fmt: skip
    assert [(s.path.name, s.channel, s.role) for s in three.sources] == [
        ("c.wav", 1, "agent"), ("c.wav", 0, "customer"),
    ]  # fmt: skip
    assert three.agent == three.started_at == ""
    assert [r.code for r in one.remarks] == ["columns_not_used"]


def test_a_manifest_given_as_a_path_and_files_beside_it(put):
    root = put("a.wav", "b.wav")
    put("m.csv", content="path,agent\na.wav,Els\n")
    calls = collect([root / "m.csv", root])
    assert [(c.call_id, c.agent) for c in calls] == [("a", "Els"), ("b", "")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column 'path'|no rows"),
        ("path\n", "no rows"),
        ("sound,agent\na.wav,x\n", "no column 'path'.*sound, agent"),
        ("path,agnet\na.wav,x\n", "no column 'agnet'.*Did you mean 'agent'"),
        ("path,path\na.wav,x\n", "'path' is there twice"),
        ("path,channel\na.wav,middle\n", "line 2: channel 'middle'.*left, right"),
        ("path,role\na.wav,boss\n", "line 2: role 'boss'"),
        ("path,agent\n,x\n", "line 2: no path"),
        ("path\na.wav\na.wav\n", "line 3: a.wav is there twice"),
        ("path,call_id\na.wav,1\nb.wav,1\n", "2 rows make one call"),
        ("path,call_id,role,agent\na.wav,1,agent,x\nb.wav,1,klant,y\n", "two values of agent"),
        ("path,agent\na.wav,x,y\n", "line 2: found 3 cells, expected 2"),
    ],
)
def test_a_manifest_that_is_wrong(put, content, words):
    root = put("m.csv", content=content)
    with pytest.raises(UsageError, match=words):
        collect([], manifest=root / "m.csv")


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        collect([], manifest=tmp_path / "m.csv")


# --- file names ---------------------------------------------------------------------------------


def test_fields_from_file_names(put):
    root = put("els_20261101_17.wav", "jan_20261102_18.wav", "odd.wav")
    calls = collect([root], meta_from=r"(?P<agent>\w+?)_(?P<started_at>\d{8})_(?P<call_id>\d+)")
    assert [(c.agent, c.started_at, c.call_id) for c in calls] == [
        ("els", "20261101", "17"), ("jan", "20261102", "18"), ("", "", "odd"),
    ]  # fmt: skip
    assert [[r.code for r in c.remarks] for c in calls] == [[], [], ["no_meta"]]


def test_roles_from_file_names_make_pairs(put):
    root = put("17-A.wav", "17-klant.wav", "rx_17_agent.wav", "tx_17_klant.wav")
    calls = collect([root], meta_from=r"^(?P<call_id>\d+)-(?P<role>klant|A)")
    assert len(calls[0].sources) == 1  # 'A' is no role
    calls = collect([root], meta_from=r"[rt]x_(?P<call_id>\d+)_(?P<role>\w+)")
    pair = next(c for c in calls if len(c.sources) == 2)
    assert shape([pair]) == [
        ("17", [("rx_17_agent.wav", "agent"), ("tx_17_klant.wav", "customer")])
    ]


def test_the_manifest_comes_before_file_names(put):
    root = put("els_1.wav")
    put("m.csv", content="path,agent\nels_1.wav,Els\n")
    call = collect([root / "m.csv"], meta_from=r"(?P<agent>\w+)_(?P<team>\d)")[0]
    assert (call.agent, call.team) == ("Els", "1")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "no regular expression"), (r"\d+", "names no group"), ("(?P<naam>x)", "called 'naam'")],
)
def test_an_expression_that_is_wrong(put, pattern, words):
    with pytest.raises(UsageError, match=words):
        collect([put("a.wav")], meta_from=pattern)


@pytest.mark.data
def test_real_pairs(data):
    calls = collect([data / "harpervalley"])
    assert len(calls) == 8
    assert all(len(c.sources) == 2 and c.transcript and c.transcript.is_file() for c in calls)


# --- where people keep them ---------------------------------------------------------------------


def test_transcripts_beside_the_folder_of_recordings(put):
    put("calls/transcript/17.json", "x/transcripts/a/9.vtt", content="x")
    root = put("calls/audio/17.wav", "x/recordings/a/9.wav")
    found = {c.call_id: c.transcript for c in collect([root])}
    assert found["17"] == root / "calls/transcript/17.json"
    assert found["9"] == root / "x/transcripts/a/9.vtt"


def test_a_corpus_of_agent_and_caller_folders_with_its_transcripts_beside(put):
    put("transcript/17.json", content="x")
    root = put("audio/agent/17.wav", "audio/caller/17.wav")
    (call,) = collect([root])
    assert [s.role for s in call.sources] == ["agent", "customer"]
    assert call.transcript == root / "transcript/17.json"


@pytest.mark.parametrize(
    "name",
    [
        "17_nl.vtt", "17.nl-NL.vtt", "17-en.srt", "17_transcript.json", "17_nl_transcript.json",
        "17.wav.vtt",
    ],
)  # fmt: skip
def test_a_transcript_with_something_behind_the_name(put, name):
    put(name, content="x")
    (call,) = collect([put("17.wav")])
    assert call.transcript == call.sources[0].path.parent / name


def test_the_plain_name_goes_before_a_longer_one(put):
    put("17.vtt", "17_nl.vtt", content="x")
    (call,) = collect([put("17.wav")])
    assert call.transcript == call.sources[0].path.parent / "17.vtt"
    assert [r.code for r in call.remarks] == ["several_transcripts"]


def test_left_and_right_are_one_call_whose_sides_nobody_named(put):
    put("17.json", content="x")
    root = put("17_left.wav", "17_right.wav", "18-L.wav", "18-R.wav", "19_left.wav")
    calls = {c.call_id: c for c in collect([root])}
    assert [s.path.name for s in calls["17"].sources] == ["17_left.wav", "17_right.wav"]
    assert {s.role for s in calls["17"].sources} == {"unknown"}
    assert calls["17"].transcript == root / "17.json"
    assert len(calls["18"].sources) == 2
    assert len(calls["19_left"].sources) == 1


def test_dutch_columns_of_a_manifest(put):
    content = (
        "Bestandsnaam;Medewerker;Afdeling;Datum;Gespreks-ID;Kleur\n"
        "a.wav;Noor;Facturen;2026-11-30;g1;rood\n"
    )
    root = put("m.csv", content=content)
    (call,) = collect([root / "m.csv"])
    assert (call.agent, call.team, call.started_at, call.call_id) == (
        "Noor", "Facturen", "2026-11-30", "g1",
    )  # fmt: skip
    assert call.remarks[0].values == {"columns": "kleur"}


def test_a_start_in_a_name_is_understood_unasked(put):
    (call,) = collect([put("20261130-142233_17.wav")])
    assert call.started_at == "2026-11-30T14:22:33"


def test_ready_made_forms_of_names(put):
    root = put("out-0612-204-20261130-142233-1796048553.12.wav")
    (call,) = collect([root], meta_from="asterisk")
    assert (call.call_id, call.started_at) == ("1796048553.12", "2026-11-30T14:22:33")
    with pytest.raises(UsageError, match="asterisk"):
        collect([root], meta_from="(")
