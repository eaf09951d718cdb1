"""Step 3 of opening a call, who speaks on which channel.

The user's word comes first (``--agent-channel``, file names, the manifest), then the transcript.
What neither says is never guessed: it is a :class:`RoleError` that names the option.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from prosody.arrays import Spans
from prosody.audio.activity import SILENCE_DB
from prosody.audio.crosstalk import BLEED_DB, Crosstalk
from prosody.calls.call import Call
from prosody.errors import RoleError, UsageError
from prosody.examine.role_evidence import (
    MIN_MARKED_S,
    MIN_TOLD_S,
    NEUTRAL,
    by_channel,
    by_voice,
    label_of,
)
from prosody.examine.sound import Sound, together
from prosody.examine.spoken import Words, put_on_channels
from prosody.message import Message
from prosody.transcripts.alignment import SURE_KAPPA, Clock, estimate, evidence
from prosody.transcripts.turns import Role, Transcript, Turn

__all__ = ["AGENT_CHANNELS", "Roles", "Track", "assign", "bleed_remarks", "check"]

AgentChannel = Literal["auto", "left", "right", "0", "1", "mono"]
AGENT_CHANNELS: tuple[str, ...] = get_args(AgentChannel)
_CHANNEL = {"left": 0, "0": 0, "right": 1, "1": 1}
_REMEDY = (
    "Say which with --agent-channel left or right, or give roles in a transcript, windows file or "
    "manifest."
)
_SPEAKERS = "Say which with --agent-speaker NAME ({names}) or --agent-channel left or right."

MAX_LENGTH_GAP_S = 0.5
_FULL_SCALE, _FULL_DB = 0.9, -1.0
_WINDOWS = "windows file"
DOUBTFUL = "agent_channel_doubtful"

# By which a transcript must fit one way round better than the other, in kappa.
CLEAR_KAPPA = 0.2


@dataclass(frozen=True, slots=True)
class Track:
    """One signal of a call.

    ``offset_s`` is when the file begins on the call's clock: time in the call = time in the file +
    ``offset_s``. ``role`` is ``unknown`` where both speakers are on the track, or nothing tells.
    """

    source: int
    path: Path
    channel: int
    role: Role = "unknown"
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Roles:
    """The tracks of a call and what is to be known about them.

    ``layout`` is ``split`` (each speaker has a track), ``mono`` (one track holds them both; the
    turns' own roles count) or ``clip``.
    """

    tracks: tuple[Track, ...]
    layout: Literal["split", "mono", "clip"]
    remarks: tuple[Message, ...] = ()

    def of(self, role: Role) -> tuple[Track, ...]:
        """Return the tracks on which a role is heard: its own, else the shared one."""
        own = tuple(track for track in self.tracks if track.role == role)
        return own or tuple(track for track in self.tracks if track.role == "unknown")


def check(agent_channel: str) -> None:
    """Refuse a value of ``--agent-channel`` that is none."""
    if agent_channel not in AGENT_CHANNELS:
        raise UsageError(
            f"--agent-channel '{agent_channel}'.", f"Expected one of {', '.join(AGENT_CHANNELS)}."
        )


# --- decisions ----------------------------------------------------------------------------------


def _split(sound: Sound, agent: int) -> tuple[Track, ...]:
    signals = list(sound.signals)
    ordered = [signals[agent], *(one for k, one in enumerate(signals) if k != agent)]
    rest: Role = "customer" if len(ordered) == 2 else "unknown"
    return tuple(
        Track(source, sound.recordings[source].info.path, channel, rest if k else "agent")
        for k, (source, channel) in enumerate(ordered)
    )


def _shared(sound: Sound, signal: int = 0) -> tuple[Track, ...]:
    source, channel = sound.signals[signal]
    return (Track(source, sound.recordings[source].info.path, channel),)


def bleed_remarks(
    found: Crosstalk, names: Sequence[str] = ("channel 0", "channel 1")
) -> tuple[Message, ...]:
    """Say what two channels share, as far as it matters."""
    out = []
    if found.same:
        return (Message.of("same_audio", one=names[0], other=names[1]),)
    for channel in (0, 1):
        level = found.bleed_db[channel]
        if level > BLEED_DB:
            one, other = names[channel], names[1 - channel]
            out.append(Message.of("bleed", one=one, other=other, db=round(-level)))
    return tuple(out)


def _dead_remarks(known: Roles, sound: Sound) -> tuple[Message, ...]:
    """Say which signals hold nothing at all, and whether they stand at zero or at full scale."""
    out = []
    roles = {(t.source, t.channel): t.role for t in known.tracks}
    for source, channel in sound.signals:
        level_db = sound.activity(source, channel).level_db
        silent = level_db.max(initial=SILENCE_DB) <= SILENCE_DB
        if not silent and np.median(level_db) < _FULL_DB:
            continue
        start_s = sound.length_s(source) / 2
        held = sound.recordings[source].read(start_s, start_s + 0.1, channel)
        full = len(held) > 0 and abs(float(held[0])) > _FULL_SCALE and float(np.ptp(held)) == 0.0
        if not silent and not full:
            continue
        role = roles.get((source, channel), "unknown")
        one = "the recording" if len(sound.signals) == 1 else f"channel {channel}"
        one = one if role == "unknown" else f"the {role}'s track"
        out.append(Message.of("full_scale_channel" if full else "silent_channel", one=one))
    return tuple(out)


def _from_sources(call: Call, transcript: Transcript | None, sound: Sound) -> Roles:
    """Roles that file names or the manifest gave."""
    recordings = sound.recordings
    remarks: list[Message] = []
    offsets: Mapping[Role, float] = (transcript.track_start_s if transcript else None) or {}
    tracks = []
    for index, (source, recording) in enumerate(zip(call.sources, recordings, strict=True)):
        info, channel = recording.info, source.channel
        if channel is None:
            channel = 0
            if info.channels > 1:
                found = sound.crosstalk((index, 0), (index, 1))
                if found.same or found.silent[1]:
                    remarks.extend(bleed_remarks(found))
                elif found.silent[0]:
                    channel = 1
                    remarks.extend(bleed_remarks(found))
                else:
                    raise RoleError(
                        f"{info.path}: {info.channels} different channels, where a track of the "
                        f"{source.role} alone was expected.",
                        "Name the channel in a manifest (columns path, channel, role).",
                    )
        elif channel >= info.channels:
            raise RoleError(
                f"{info.path}: no channel {channel}, there are {info.channels}.",
                "Correct the channel in the manifest; it counts from 0.",
            )
        tracks.append(
            Track(index, info.path, channel, source.role, float(offsets.get(source.role, 0.0)))
        )
    first = min((track.offset_s for track in tracks), default=0.0)
    tracks = [replace(track, offset_s=track.offset_s - first) for track in tracks]
    paths = {track.path for track in tracks}
    ends = [track.offset_s + recordings[track.source].info.duration_s for track in tracks]
    if len(paths) > 1 and max(ends) - min(ends) > MAX_LENGTH_GAP_S and not offsets:
        remarks.append(Message.of("unequal_tracks", seconds=f"{max(ends) - min(ends):.1f}"))
    late = [track for track in tracks if track.offset_s > 0.05]
    remarks.extend(Message.of("late_track", role=t.role, seconds=f"{t.offset_s:.2f}") for t in late)
    if len(tracks) == 2:
        one, other = ((t.source, t.channel) for t in tracks)
        found = sound.crosstalk(one, other, offsets_s=(tracks[0].offset_s, tracks[1].offset_s))
        remarks.extend(bleed_remarks(found, tuple(f"the {track.role}'s track" for track in tracks)))
        if found.same:  # a mix given twice: whose words are whose only the transcript can tell
            return Roles((replace(tracks[0], role="unknown"),), "mono", tuple(remarks))
    return Roles(tuple(tracks), "split", tuple(remarks))


def assign(
    call: Call,
    words: Words,
    agent_channel: str = "auto",
    *,
    sound: Sound,
    marked: Sequence[Turn] = (),
    clip: bool = False,
) -> tuple[Roles, Words]:
    """Decide who is heard on which channel.

    Parameters
    ----------
    call : Call
        Its sources may already have roles (file names, manifest).
    words : Words
        The turns of its transcript may name roles, channels or speakers.
    agent_channel : {'auto', 'left', 'right', '0', '1', 'mono'}
        What the user says. It does not overrule roles of a pair or manifest, and holds for what has
        two channels.
    sound : Sound
        The call's open files.
    marked : sequence of Turn
        What a windows file says of roles: the user's own word, too.
    clip : bool
        The file is one apology by one speaker.

    Returns
    -------
    roles : Roles
    words : Words
        As given; turns of a transcript without speakers are put on the channels that speak then.

    Raises
    ------
    RoleError
        Where it cannot be told; the remedy names the option.
    """
    check(agent_channel)
    found, words = _assigned(call, words, agent_channel, sound, marked, clip=clip)
    return replace(found, remarks=(*found.remarks, *_dead_remarks(found, sound))), words


def _assigned(
    call: Call,
    words: Words,
    agent_channel: str,
    sound: Sound,
    marked: Sequence[Turn],
    *,
    clip: bool,
) -> tuple[Roles, Words]:
    transcript = words.transcript
    only, info = call.sources[0].channel, sound.recordings[0].info
    named = call.sources[0].role != "unknown" and (only is not None or info.channels == 1)
    if named or any(s.role != "unknown" for s in call.sources[1:]):
        return _from_sources(call, transcript, sound), words
    if only is not None and only >= info.channels:
        raise RoleError(
            f"{info.path}: no channel {only}, there are {info.channels}.",
            "Correct the channel in the manifest; it counts from 0.",
        )
    if only is not None:
        return Roles(_shared(sound, only), "clip" if clip else "mono"), words
    if len(sound.signals) == 1:
        return _one_channel(sound, transcript, clip), words
    found = sound.crosstalk(*sound.signals[:2])
    apart = len(sound.signals) == 2 and not found.same and not any(found.silent)
    if apart and not clip and transcript is not None and _without_roles(transcript):
        speech = tuple(sound.voice(*signal) for signal in sound.signals)
        transcript, remarks = put_on_channels(transcript, speech, sound.duration_s)
        words = replace(words, transcript=transcript, remarks=(*words.remarks, *remarks))
    return _channels(sound, transcript, agent_channel, found, marked, clip), words


def _without_roles(transcript: Transcript) -> bool:
    """Whether a transcript does not even tell two speakers apart."""
    turns = transcript.turns
    return not any(t.role != "unknown" for t in turns) and len({label_of(t) for t in turns}) < 2


def _one_channel(sound: Sound, transcript: Transcript | None, clip: bool) -> Roles:
    if clip:
        return Roles(_shared(sound), "clip")
    remarks: tuple[Message, ...] = ()
    turns = transcript.turns if transcript else ()
    if not any(turn.role != "unknown" for turn in turns):
        some = len({turn.speaker for turn in turns if turn.speaker}) > 1
        remarks = (
            Message(
                "role_unknown",
                "One channel and no roles: apologies of either speaker, without a baseline.",
                f"Name the agent's label with --agent-speaker ({_labels(turns)})."
                if some
                else "Give speakers or roles in a transcript to have the agent's alone.",
            ),
        )
    return Roles(_shared(sound), "mono", remarks)


def _channels(
    sound: Sound,
    transcript: Transcript | None,
    agent_channel: str,
    found: Crosstalk,
    marked: Sequence[Turn],
    clip: bool,
) -> Roles:
    """Decide for two channels or more, of one file or of two."""
    info, remarks = sound.recordings[0].info, bleed_remarks(found)
    count = len(sound.signals)
    two = count == 2
    if agent_channel in _CHANNEL and not found.same:
        agent = _CHANNEL[agent_channel]
        if clip:
            return Roles(_shared(sound, agent), "clip", remarks)
        other = _agent_on(sound, transcript, marked) if two else None
        if other is not None and other.doubts(agent):
            names = {"channel": agent, "other": other.agent, "file": other.file}
            remarks = (*remarks, Message.of(DOUBTFUL, **names))
        return Roles(_split(sound, agent), "split", remarks)
    layout: Literal["mono", "clip"] = "clip" if clip else "mono"
    if found.same and two:
        shared = _one_channel(sound, transcript, clip)
        return replace(shared, remarks=remarks + shared.remarks)
    if (agent_channel == "mono" or clip) and two and any(found.silent):
        live = 1 if found.silent[0] else 0
        return Roles(_shared(sound, live), layout, remarks)
    if clip:
        # A take has one speaker; a stereo microphone or a room makes its channels differ.
        remark = Message.of("clip_channel", count=count)
        return Roles(_shared(sound, 0), "clip", (*remarks, remark))
    if agent_channel == "mono":
        raise RoleError(
            f"{info.path}: {count} different channels; they are never mixed down.",
            "Choose one with --agent-channel left or right.",
        )
    if two and all(found.silent):
        # Whose silence is whose does not matter: the gates withhold what is judged of it.
        return Roles(_split(sound, 0), "split", remarks)
    other = _agent_on(sound, transcript, marked)
    if other is not None:
        if other.heard:
            where = Message.of("roles_from_voice", file=other.file, channel=other.agent)
            remarks = (*remarks, where)
        return Roles(_split(sound, other.agent), "split", remarks)
    raise _untold(sound, transcript)


def _untold(sound: Sound, transcript: Transcript | None) -> RoleError:
    """Return the error of a call whose agent cannot be told, with its true cause."""
    path, count = sound.recordings[0].info.path, len(sound.signals)
    if transcript is None:
        return RoleError(
            f"{path}: {count} channels, and no transcript says which is the agent's.", _REMEDY
        )
    speakers = sorted({t.speaker for t in transcript.turns if t.speaker})
    if len(speakers) > 1:
        return RoleError(
            f"{path}: {count} channels, and nothing tells which of the transcript's "
            f"{len(speakers)} speakers is the agent.",
            _SPEAKERS.format(names=_labels(transcript.turns)),
        )
    if _without_roles(transcript):
        speech = together([sound.voice(*signal) for signal in sound.signals])
        turns = transcript.turns
        clock = estimate(evidence(turns, [0] * len(turns), (speech,)), sound.duration_s)
        if clock.state not in ("fits", "corrected"):
            return RoleError(
                f"{path}: the transcript names nobody, and its times do not fit the sound, so "
                "that nothing tells which channel is the agent's.",
                "Say which with --agent-channel left or right, and correct the times with "
                "--transcript-offset SECONDS or --transcript-unit ms|s.",
                code="clock",
            )
    return RoleError(
        f"{path}: {count} channels, and neither transcript nor wording tells which is the agent's.",
        _REMEDY,
    )


def _labels(turns: Sequence[Turn]) -> str:
    """Return the speakers' labels that name nobody: another may be a customer's name."""
    found = sorted({t.speaker for t in turns if NEUTRAL.fullmatch(t.speaker)})
    return ", ".join(found) or "as the transcript has it"


@dataclass(frozen=True, slots=True)
class _AgentOn:
    """The agent's channel as a file tells it: by its number, or by when the agent is heard.

    ``sure`` is False where the transcript fits the sound neither way round: then nothing is judged,
    whichever channel it is.
    """

    agent: int
    file: str
    heard: bool
    sure: bool = True

    def doubts(self, agent: int) -> bool:
        """Whether this says surely that it is another channel."""
        return self.sure and self.agent != agent


def _agent_on(
    sound: Sound, transcript: Transcript | None, marked: Sequence[Turn]
) -> _AgentOn | None:
    """Return what transcript and windows tell of the channels; what a person marked goes first."""
    channels = len(sound.signals)
    files = {_WINDOWS: marked, "transcript": transcript.turns if transcript is not None else ()}
    for file, turns in files.items():
        roles = by_channel(turns, channels)
        if roles is not None:
            agent = next(channel for channel, role in roles.items() if role == "agent")
            return _AgentOn(agent, file, heard=False)
    if channels != 2:
        return None
    voices = [sound.voice(*signal) for signal in sound.signals]
    doubtful: _AgentOn | None = None
    if any(turn.role == "agent" for turn in files["transcript"]):
        found = _by_clock(files["transcript"], voices, sound.duration_s)
        if found is not None and found.sure:
            return found
        doubtful = found
    if any(turn.role == "agent" for turn in marked):
        # A person who marked a second of an apology listened to just that second.
        agent_on = by_voice(marked, voices, least_s=MIN_MARKED_S)
        if agent_on is not None:
            return _AgentOn(agent_on, _WINDOWS, heard=True)
    return doubtful


def _by_clock(turns: Sequence[Turn], voices: Sequence[Spans], duration_s: float) -> _AgentOn | None:
    """Return the agent's channel: the way round in which the turns fit the voices, at any shift."""
    dead = [k for k, voice in enumerate(voices) if not len(voice)]
    if len(dead) == 2:
        return None
    if len(dead) == 1:
        return _by_live_channel(turns, voices, 1 - dead[0], duration_s)
    plain = by_voice(turns, voices, least_s=MIN_TOLD_S)
    ways = {}
    for agent in (0, 1) if plain != 1 else (1, 0):
        sides = [{"agent": agent, "customer": 1 - agent}.get(t.role, -1) for t in turns]
        found = evidence(turns, sides, voices)
        joint = estimate(found, duration_s)
        if agent == plain and joint.state == "fits" and joint.kappa >= SURE_KAPPA:
            return _AgentOn(agent, "transcript", heard=True)  # no shift makes the other way better
        legs = [estimate(found.only(k), duration_s) for k in (0, 1)]
        ways[agent] = (joint, legs)
    scores = {agent: _score(*way) for agent, way in ways.items()}
    better = 0 if scores[0] >= scores[1] else 1
    joint, legs = ways[better]
    sure = joint.state in ("fits", "corrected", "broken") or all(
        c.state in ("fits", "corrected") for c in legs
    )
    if sure and abs(scores[0] - scores[1]) >= CLEAR_KAPPA:
        return _AgentOn(better, "transcript", heard=True)
    # Few words tell no clock, but may well tell whose channel it is.
    if plain is not None and sure:
        return _AgentOn(plain, "transcript", heard=True)
    speech = together(voices)
    both = estimate(evidence(turns, [0] * len(turns), (speech,)), duration_s)
    if both.state in ("fits", "corrected") and sure:
        return None  # the times fit, but the channels do not tell the speakers apart
    return _AgentOn(better, "transcript", heard=True, sure=False)


def _by_live_channel(
    turns: Sequence[Turn], voices: Sequence[Spans], live: int, duration_s: float
) -> _AgentOn | None:
    """Return the agent's channel where the other one is dead: whose turns lie under its voice."""
    fit = {}
    for role in ("agent", "customer"):
        sides = [live if t.role == role else -1 for t in turns]
        fit[role] = estimate(evidence(turns, sides, voices), duration_s)
    best = max(fit, key=lambda role: -1.0 if math.isnan(fit[role].kappa) else fit[role].kappa)
    if fit[best].state not in ("fits", "corrected"):
        return None
    return _AgentOn(live if best == "agent" else 1 - live, "transcript", heard=True)


def _score(joint: Clock, legs: Sequence[Clock]) -> float:
    """Return how well turns fit one way round; each leg may have a clock of its own."""
    own = [c.kappa for c in legs if c.state in ("fits", "corrected")]
    joint_k = -1.0 if math.isnan(joint.kappa) else joint.kappa
    return max(joint_k, sum(own) / 2 if len(own) == 2 else -1.0)
