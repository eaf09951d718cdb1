"""A call opened in five steps: tracks, words, roles, turns on the clock, acts.

Everything that comes before measuring. Each step is a value that does not change once it is made:
`sound.Sound`, `spoken.Words`, `roles.Roles`, `timed.Timed`, and the acts, with which an `OpenCall`
is whole.

Times are seconds on the call's clock: 0 is where its earliest track begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from prosody.arrays import Spans, join, subtract, union
from prosody.audio.activity import ChannelActivity
from prosody.audio.recording import Recording, Samples, content_hash
from prosody.calls import call_windows
from prosody.calls.call import Call
from prosody.calls.windows import Window
from prosody.errors import RecordingError, TranscriptError
from prosody.examine import gates, roles
from prosody.examine.recognise import Recognised
from prosody.examine.role_evidence import agents_apart
from prosody.examine.roles import Roles, Track
from prosody.examine.sound import Sound
from prosody.examine.spoken import Words, WordsFromSound, no_words, spoken, words_of
from prosody.examine.timed import Timed, on_the_clock
from prosody.message import Message
from prosody.settings import Settings
from prosody.transcripts.alignment import Fault, phrases
from prosody.transcripts.turns import Act, Role, Turn, Word

WindowSource = Literal["windows", "transcript", "asr", "clips"]

# A window is measured in one piece, which takes about 16 MB a minute at 8 kHz.
MAX_WINDOW_S = 300.0
# Turns whose words have no times are loose at their ends; pauses inside a turn are its own.
TURN_EDGE_S, TURN_PAUSE_S = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody whose apologies are looked at: a role on a track, and which agent of several."""

    track: Track
    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """An open call.

    Attributes
    ----------
    call : Call
    sound : Sound
        The open files.
    roles : Roles
        Which track is whose.
    source : {'windows', 'transcript', 'asr', 'clips'}
        Where the acts come from.
    turns : tuple of Turn
        What is said, on the call's clock, with roles where they could be told.
    faults : tuple of str
        For each turn what does not fit the sound, '' where it does.
    agents : tuple of str
        For each turn which agent speaks it, where there are several.
    acts : tuple of Act
        Every act found, of every role.
    language : str
        ``nl``, ``en`` or '' where it is not known.
    transcript : bool
        Whether there is a transcript (its turns may be none).
    recognised : Recognised or None
        Where the words were recognised from the sound: how far they are evidence.
    """

    call: Call
    sound: Sound
    roles: Roles
    source: WindowSource
    turns: tuple[Turn, ...] = ()
    faults: tuple[Fault, ...] = ()
    agents: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    language: str = ""
    remarks: tuple[Message, ...] = ()
    transcript: bool = False
    recognised: Recognised | None = None

    @property
    def poor(self) -> str:
        """Why the words are no evidence; '' where they are, or were not recognised here."""
        return "" if self.recognised is None else self.recognised.poor

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The open files, one per source."""
        return self.sound.recordings

    @property
    def duration_s(self) -> float:
        """Seconds from the start of the earliest track to the end of the last."""
        return max(
            t.offset_s + self.recordings[t.source].info.duration_s for t in self.roles.tracks
        )

    def speech(self, track: Track) -> Spans:
        """Return where the track holds speech."""
        return self._activity(track).speech + track.offset_s

    def voice(self, track: Track) -> Spans:
        """Return where somebody speaks on the track (`Sound.voice`)."""
        return self.sound.voice(track.source, track.channel) + track.offset_s

    def music(self, track: Track) -> Spans:
        """Return where music or ringing is heard on the track."""
        return self._activity(track).music + track.offset_s

    def noise_db(self, track: Track, start_s: float, end_s: float) -> float:
        """Return the level of the noise around a window of a track, dBFS (NaN: cannot be told)."""
        held, at = self._activity(track), track.offset_s
        heard = union(held.speech, held.music)
        return gates.noise_db(held.level_db, held.frame_s, heard, start_s - at, end_s - at)

    def _activity(self, track: Track) -> ChannelActivity:
        return self.sound.activity(track.source, track.channel)

    def read(self, track: Track, spans: Spans) -> list[Samples]:
        """Return the sound of several windows of a track, in the order asked."""
        local = spans - track.offset_s
        return self.recordings[track.source].read_all(
            [(float(a), float(b)) for a, b in local], track.channel
        )

    def speakers(self) -> list[tuple[Speaker, list[Act]]]:
        """Return everybody whose apologies are judged, each with them (there may be none).

        That is the agent, or each of several; where nobody's role is known, either speaker (role
        ``unknown``).
        """
        out: list[tuple[Speaker, list[Act]]] = []
        names = [n for n in dict.fromkeys(self.agents) if n]
        for track in self.roles.tracks:
            mine = [a for a in self.acts if a.kind == "apology" and self._on(track, a)]
            shared = self.roles.layout == "mono"
            known: list[Role] = [track.role] if not shared else [a.role for a in mine]
            if shared and any(t.role == "agent" for t in self.turns):
                known.append("agent")
            for role in dict.fromkeys(known):
                own = [a for a in mine if not shared or a.role == role]
                for name in names if role == "agent" and names else [""]:
                    his = _once([a for a in own if not name or self.agent_of(a) == name])
                    if his or role == "agent":
                        out.append((Speaker(track, role, name), his))
        return out

    def agent_of(self, act: Act) -> str:
        """Return which agent of several an act is by; '' where there is one."""
        if act.turn >= 0:
            return self.agents[act.turn] if self.agents else ""
        return self.agent_at((act.start_s + act.end_s) / 2)

    def agent_at(self, time_s: float) -> str:
        """Return which agent of several speaks nearest to a time; '' where there is one."""
        named = [
            (max(turn.start_s - time_s, time_s - turn.end_s, 0.0), name)
            for turn, name in zip(self.turns, self.agents, strict=True)
            if name
        ]
        return min(named)[1] if named else ""

    def fault_of(self, act: Act) -> Fault:
        """Return what does not fit of the turn an act is in."""
        return self.faults[act.turn] if 0 <= act.turn < len(self.faults) else ""

    def _on(self, track: Track, act: Act) -> bool:
        if self.roles.layout == "split":
            return track.role == act.role == "agent"
        return act.role != "customer"

    def own_speech(self, speaker: Speaker) -> Spans:
        """Return where somebody speaks and nobody else does; empty where that is not known.

        Where a transcript says when the agent speaks, nothing outside of it is her voice: music and
        announcements come over her channel, too.
        """
        speech = subtract(self.speech(speaker.track), self.music(speaker.track))
        if speaker.role == "unknown" or self.source == "clips":
            return np.empty((0, 2))
        shared = self.roles.layout == "mono"
        if not self.turns:
            return np.empty((0, 2)) if shared else speech
        mine = [t for t in self._fitting(speaker.role, speaker.name) if t.end_s > t.start_s]
        own = np.array([(a - TURN_EDGE_S, b + TURN_EDGE_S) for t in mine
                        for a, b in join(phrases(t), TURN_PAUSE_S)]).reshape(-1, 2)  # fmt: skip
        own = join(own[np.argsort(own[:, 0], kind="stable")], 0.0)
        quiet = subtract(np.array([[0.0, self.duration_s]]), own)
        found = subtract(speech, quiet)
        if shared or any(r.code == "bleed" for r in self.roles.remarks):
            # Both voices are (softly) on this track.
            found = subtract(found, spans_of([t for t in self.turns if t.role != speaker.role]))
        return found

    def _fitting(self, role: Role, name: str) -> list[Turn]:
        """Return the turns of somebody that fit the sound."""
        faults = self.faults or ("",) * len(self.turns)
        agents = self.agents or ("",) * len(self.turns)
        return [
            turn
            for turn, fault, agent in zip(self.turns, faults, agents, strict=True)
            if turn.role == role and not fault and (not name or agent == name)
        ]

    def words_of(self, speaker: Speaker) -> list[Word]:
        """Return the timed words of somebody."""
        turns = self._fitting(speaker.role, speaker.name)
        return [w for t in turns if t.has_word_times for w in t.words]


def spans_of(turns: Sequence[Turn]) -> Spans:
    """Return when somebody speaks in turns: by word times where there are, else whole turns."""
    found = np.concatenate([np.zeros((0, 2)), *(phrases(turn) for turn in turns)])
    return join(found[np.argsort(found[:, 0], kind="stable")], 0.0)


def _once(acts: Sequence[Act]) -> list[Act]:
    """Join acts that share one window: without word times, all apologies of a turn do."""
    out: dict[tuple[float, float], Act] = {}
    for act in acts:
        span = (act.start_s, act.end_s)
        if span in out:
            text = f"{out[span].text} ... {act.text}"
            out[span] = replace(out[span], text=text)
        else:
            out[span] = act
    return list(out.values())


@contextmanager
def open_call(
    call: Call,
    *,
    agent_channel: str = "auto",
    agent_speaker: str = "",
    clips: bool = False,
    language: str = "auto",
    transcript_offset_s: float = 0.0,
    transcript_unit: str = "auto",
    settings: Settings | None = None,
    asr: WordsFromSound | None = None,
) -> Iterator[OpenCall]:
    """Open a call, tell its roles, and find its acts.

    Parameters
    ----------
    call : Call
    agent_channel : str
        ``auto``, ``left``, ``right``, ``0``, ``1`` or ``mono``.
    agent_speaker : str
        The transcript's label of the agent; several with commas.
    clips : bool
        Each file is one apology.
    language : str
        Language spoken, or ``auto``: the call's own, else the transcript's, else from its words.
    transcript_offset_s : float
        Seconds to add to the transcript's times.
    transcript_unit : {'auto', 's', 'ms'}
        What its numbers count.
    settings : Settings, optional
    asr : WordsFromSound, optional
        What recognises words where there is no transcript.

    Raises
    ------
    ProsodyError
        If a file cannot be read, the roles cannot be told, or nothing says where apologies are.
    """
    chosen = settings or Settings()
    with ExitStack() as stack:
        sound = Sound(tuple(stack.enter_context(Recording(s.path)) for s in call.sources))
        if clips:
            _refuse_long_clips(call, sound.recordings)
        words = (
            Words()
            if clips
            else words_of(
                call,
                sound,
                language=language,
                asr=asr,
                offset_s=transcript_offset_s,
                unit=transcript_unit,
                agent_speaker=agent_speaker,
            )
        )
        marks = call_windows.of(call) if call.windows and not clips else None
        who, words = roles.assign(
            call,
            words,
            agent_channel,
            sound=sound,
            marked=call_windows.turns(marks or ()),
            clip=clips,
        )
        timed = on_the_clock(call, words, who, sound)
        yield _with_acts(call, sound, words, timed, marks, language, chosen, clips=clips)


def _with_acts(
    call: Call,
    sound: Sound,
    words: Words,
    timed: Timed,
    marks: list[Window] | None,
    language: str,
    settings: Settings,
    *,
    clips: bool,
) -> OpenCall:
    """Find the acts of a call: the last step."""
    assert timed.roles is not None
    lang, unsure = _language(call, words, timed.turns, language)
    from_words: WindowSource = "transcript" if words.recognised is None else "asr"
    opened = OpenCall(
        call,
        sound,
        timed.roles,
        "clips" if clips else "windows" if call.windows else from_words,
        turns=timed.turns,
        faults=timed.faults,
        agents=agents_apart(timed.turns),
        language=lang,
        remarks=(
            *(r for f in sound.recordings for r in f.info.remarks),
            *call.remarks,
            *words.remarks,
            *timed.roles.remarks,
            *timed.remarks,
            *unsure,
        ),
        transcript=words.transcript is not None,
        recognised=words.recognised,
    )
    if opened.source == "windows":
        acts, remarks = _from_windows(opened, marks)
        return replace(opened, acts=acts, remarks=(*opened.remarks, *remarks))
    return replace(opened, acts=_acts(opened, settings))


def _language(
    call: Call, words: Words, turns: Sequence[Turn], asked: str
) -> tuple[str, tuple[Message, ...]]:
    transcript = words.transcript
    if transcript is None:
        return (asked if asked != "auto" else call.language), ()
    if words.recognised is not None and words.recognised.poor:
        return transcript.language, ()
    code, sure = spoken(call, replace(transcript, turns=tuple(turns)), asked)
    if sure:
        return code, ()
    return code, (Message.of("language_unsure", language=code),)


def _acts(opened: OpenCall, settings: Settings) -> tuple[Act, ...]:
    if opened.source == "clips":
        return tuple(
            Act("apology", t.offset_s, opened.duration_s, "", role=t.role)
            for t in opened.roles.tracks
        )
    if opened.transcript:
        from prosody.language import acts

        return tuple(
            acts.find(
                opened.turns, opened.language or "auto", join_gap_s=settings.windows.join_gap_s
            )
        )
    raise no_words(opened.call)


def _refuse_long_clips(call: Call, files: Sequence[Recording]) -> None:
    """Refuse a whole call as a clip: it is no apology, and a window is measured in one piece."""
    longest = max(f.info.duration_s for f in files)
    if longest > MAX_WINDOW_S:
        raise RecordingError(
            f"{call.name}: {longest / 60:.0f} minutes; with --clips each file is one apology, of "
            f"at most {MAX_WINDOW_S / 60:g} minutes.",
            "Leave --clips out and say where the apologies are, with --windows or a transcript.",
            code="clip_too_long",
        )


def _from_windows(
    opened: OpenCall, marks: list[Window] | None
) -> tuple[tuple[Act, ...], tuple[Message, ...]]:
    remarks = [call_windows.nothing(opened.call)] if marks is None else []
    split = opened.roles.layout == "split"
    sides = {t.channel: t.role for t in opened.roles.tracks} if split else {}
    out = call_windows.acts(marks or (), sides, "agent" if split else "unknown")
    for act in out:
        if min(act.end_s, opened.duration_s) - act.start_s > MAX_WINDOW_S:
            raise TranscriptError(
                f"{opened.call.name}: a window from {act.start_s:g} to {act.end_s:g} s; expected "
                f"an apology, of at most {MAX_WINDOW_S:g} s.",
                "Check the times: seconds from the start of the recording.",
                code="bad_windows",
            )
    if any(a.role == "customer" for a in out):
        remarks.append(Message.of("other_role"))
    return tuple(out), tuple(remarks)


def _tracks(opened: OpenCall) -> tuple[dict[str, Any], ...]:
    """Return where each signal of the call lies, and when it begins on the call's clock."""
    call, out = opened.call, []
    hashes: dict[int, str] = {}
    for track in opened.roles.tracks:
        if track.source not in hashes:
            hashes[track.source] = content_hash(call.sources[track.source].path)
        out.append(
            {
                "file": call.name if track.source == 0 else _written(call, track.source),
                "sha256": hashes[track.source],
                "channel": track.channel,
                "role": track.role,
                "offset_s": track.offset_s,
            }
        )
    return tuple(out)


def _written(call: Call, source: int) -> str:
    """Return a file's name as UTF-8 can hold it."""
    place = call.sources[source].place or str(call.sources[source].path)
    return place.encode("utf-8", "backslashreplace").decode("utf-8")


def describe(opened: OpenCall) -> dict[str, Any]:
    """Return what the recording's line says of the files."""
    info, tracks = opened.recordings[0].info, _tracks(opened)
    return {
        "recording_sha256": tracks[0]["sha256"],
        "duration_s": opened.duration_s,
        "sr_hz": info.sr_hz,
        "channels": sum(r.info.channels for r in opened.recordings),
        "format": f"{info.format} {info.subtype}".strip(),
        "roles": {str(i): t.role for i, t in enumerate(opened.roles.tracks)},
        "tracks": tracks,
        "language": opened.language,
        "source": opened.source,
    }
