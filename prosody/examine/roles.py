"""Who speaks on which channel.

The user's word comes first (``--agent-channel``, file names, the manifest), then the transcript.
What neither says is never guessed: it is a :class:`RoleError` that names the option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from prosody.audio.crosstalk import BLEED_DB, Crosstalk, compare, from_start, side_by_side
from prosody.audio.recording import Recording, Remark
from prosody.calls.collect import Call
from prosody.errors import RoleError, UsageError
from prosody.examine.role_evidence import (
    MIN_MARKED_S,
    MIN_TOLD_S,
    by_channel,
    by_voice,
    named_by_greeting,
)
from prosody.transcripts.turns import Role, Transcript, Turn

__all__ = [
    "AGENT_CHANNELS",
    "Roles",
    "Track",
    "assign",
    "bleed_remarks",
    "check",
    "named_by_greeting",
]

AgentChannel = Literal["auto", "left", "right", "0", "1", "mono"]
AGENT_CHANNELS: tuple[str, ...] = get_args(AgentChannel)
_CHANNEL = {"left": 0, "0": 0, "right": 1, "1": 1}
_REMEDY = (
    "Say which with --agent-channel left or right, or give roles in a transcript, windows file or "
    "manifest."
)

MAX_LENGTH_GAP_S = 0.5
_WINDOWS = "windows file"

Segments = NDArray[np.float64]
SpeechOf = Callable[[int, int], Segments]


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
    remarks: tuple[Remark, ...] = ()

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


def _split(recordings: Sequence[Recording], agent: int) -> tuple[Track, ...]:
    info = recordings[0].info
    others = [c for c in range(info.channels) if c != agent]
    rest: Role = "customer" if len(others) == 1 else "unknown"
    return (
        Track(0, info.path, agent, "agent"),
        *(Track(0, info.path, channel, rest) for channel in others),
    )


def _shared(recordings: Sequence[Recording], channel: int = 0) -> tuple[Track, ...]:
    return (Track(0, recordings[0].info.path, channel),)


def bleed_remarks(
    found: Crosstalk, names: Sequence[str] = ("channel 0", "channel 1")
) -> tuple[Remark, ...]:
    """Say what two channels share, as far as it matters."""
    out = []
    if found.same:
        out.append(
            Remark(
                "same_audio",
                f"{_capital(names[0])} and {names[1]} carry the same sound; they were read as one.",
            )
        )
        return tuple(out)
    for channel in (0, 1):
        level = found.bleed_db[channel]
        if level > BLEED_DB:
            out.append(
                Remark(
                    "bleed",
                    f"{_capital(names[channel])} is heard in {names[1 - channel]}, "
                    f"{-level:.0f} dB softer.",
                    "Measures of soft or overlapping speech may be off.",
                    {
                        "one": names[channel],
                        "other": names[1 - channel],
                        "db": f"{-level:.0f}",
                    },
                )
            )
        if found.silent[channel]:
            text = f"{_capital(names[channel])} is silent throughout."
            out.append(Remark("silent_channel", text, values={"one": names[channel]}))
    return tuple(out)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _from_sources(
    call: Call, transcript: Transcript | None, recordings: Sequence[Recording]
) -> Roles:
    """Roles that file names or the manifest gave."""
    remarks: list[Remark] = []
    offsets: Mapping[Role, float] = (transcript.track_start_s if transcript else None) or {}
    tracks = []
    for index, (source, recording) in enumerate(zip(call.sources, recordings, strict=True)):
        info, channel = recording.info, source.channel
        if channel is None:
            channel = 0
            if info.channels > 1:
                found = compare(recording.blocks(), info.sr_hz)
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
        remarks.append(
            Remark(
                "unequal_tracks",
                f"The two tracks differ by {max(ends) - min(ends):.1f} s in length; they were "
                "taken to begin together.",
                values={"seconds": f"{max(ends) - min(ends):.1f}"},
            )
        )
    late = [track for track in tracks if track.offset_s > 0.05]
    remarks.extend(
        Remark(
            "late_track",
            f"The {t.role}'s track begins {t.offset_s:.2f} s after the other one.",
            values={"role": t.role, "seconds": f"{t.offset_s:.2f}"},
        )
        for t in late
    )
    if len(tracks) == 2:
        found = _compared(tracks, recordings)
        remarks.extend(bleed_remarks(found, tuple(f"the {track.role}'s track" for track in tracks)))
        if found.same:  # a mix given twice: whose words are whose only the transcript can tell
            return Roles((replace(tracks[0], role="unknown"),), "mono", tuple(remarks))
    return Roles(tuple(tracks), "split", tuple(remarks))


def _compared(tracks: Sequence[Track], recordings: Sequence[Recording]) -> Crosstalk:
    """Compare the two tracks of a pair, on the call's clock."""
    one, other = (recordings[track.source] for track in tracks)
    rows = [track.channel for track in tracks]
    sr = one.info.sr_hz
    if one is other or one.path == other.path:
        return compare((block[rows] for block in one.blocks()), sr)
    if other.info.sr_hz != sr:
        return compare((), sr)
    starts = [round(track.offset_s * sr) for track in tracks]
    streams = [
        from_start(recordings[track.source], track.channel, at)
        for track, at in zip(tracks, starts, strict=True)
    ]
    return compare(side_by_side(*streams), sr)


def assign(
    call: Call,
    transcript: Transcript | None,
    agent_channel: str = "auto",
    *,
    recordings: Sequence[Recording] | None = None,
    speech: SpeechOf | None = None,
    marked: Sequence[Turn] = (),
    clip: bool = False,
) -> Roles:
    """Decide who is heard on which channel.

    Parameters
    ----------
    call : Call
        Its sources may already have roles (file names, manifest).
    transcript : Transcript or None
        Its turns may name roles, channels or speakers.
    agent_channel : {'auto', 'left', 'right', '0', '1', 'mono'}
        What the user says. It does not overrule roles of a pair or manifest.
    recordings : sequence of Recording, optional
        The open files, one per source; opened here where they are not given.
    speech : callable, optional
        ``speech(source, channel)`` gives the voice activity in seconds of the file; computed here
        where it is not given, and only where the decision needs it.
    marked : sequence of Turn
        What a windows file says of roles: the user's own word, too.
    clip : bool
        The file is one apology by one speaker.

    Raises
    ------
    RoleError
        Where it cannot be told; the remedy names the option.
    """
    check(agent_channel)
    with ExitStack() as stack:
        if recordings is None:
            recordings = [stack.enter_context(Recording(s.path)) for s in call.sources]
        only = call.sources[0].channel
        info = recordings[0].info
        named = call.sources[0].role != "unknown" and (only is not None or info.channels == 1)
        if len(call.sources) > 1 or named:
            return _from_sources(call, transcript, recordings)
        if only is not None and only >= info.channels:
            raise RoleError(
                f"{info.path}: no channel {only}, there are {info.channels}.",
                "Correct the channel in the manifest; it counts from 0.",
            )
        if only is not None:
            return Roles(_shared(recordings, only), "clip" if clip else "mono")
        if info.channels == 1:
            return _one_channel(recordings, transcript, agent_channel, clip)
        found = compare(recordings[0].blocks(), info.sr_hz)
        return _channels(recordings, transcript, agent_channel, found, speech, marked, clip)


def _one_channel(
    recordings: Sequence[Recording], transcript: Transcript | None, agent_channel: str, clip: bool
) -> Roles:
    if clip:
        return Roles(_shared(recordings), "clip")
    if agent_channel in _CHANNEL:
        raise RoleError(
            f"{recordings[0].info.path}: one channel, where --agent-channel {agent_channel} "
            "expects two.",
            "Use --agent-channel mono (or auto) for recordings with both speakers on one channel.",
        )
    remarks: tuple[Remark, ...] = ()
    if not any(turn.role != "unknown" for turn in (transcript.turns if transcript else ())):
        remarks = (
            Remark(
                "role_unknown",
                "One channel and no roles: apologies of either speaker, without a baseline.",
                "Give roles in a transcript to have the agent's alone.",
            ),
        )
    return Roles(_shared(recordings), "mono", remarks)


def _channels(
    recordings: Sequence[Recording],
    transcript: Transcript | None,
    agent_channel: str,
    found: Crosstalk,
    speech: SpeechOf | None,
    marked: Sequence[Turn],
    clip: bool,
) -> Roles:
    """Decide for one file of two channels or more."""
    info, remarks = recordings[0].info, bleed_remarks(found)
    two = info.channels == 2
    if agent_channel in _CHANNEL and not found.same:
        agent = _CHANNEL[agent_channel]
        if clip:
            return Roles(_shared(recordings, agent), "clip", remarks)
        told = _told(recordings, transcript, speech, marked) if two else None
        doubt = () if told is None or told.agent == agent else (_doubt(agent, told),)
        return Roles(_split(recordings, agent), "split", (*remarks, *doubt))
    layout: Literal["mono", "clip"] = "clip" if clip else "mono"
    if found.same and two:
        shared = _one_channel(recordings, transcript, "mono", clip)
        return replace(shared, remarks=remarks + shared.remarks)
    if (agent_channel == "mono" or clip) and two and any(found.silent):
        live = 1 if found.silent[0] else 0
        return Roles(_shared(recordings, live), layout, remarks)
    if clip:
        # A take has one speaker; a stereo microphone or a room makes its channels differ.
        text = f"{info.channels} different channels; channel 0 was measured, nothing mixed."
        remark = Remark("clip_channel", text, "Choose another with --agent-channel right.")
        return Roles(_shared(recordings, 0), "clip", (*remarks, remark))
    if agent_channel == "mono":
        raise RoleError(
            f"{info.path}: {info.channels} different channels; they are never mixed down.",
            "Choose one with --agent-channel left or right.",
        )
    if two and all(found.silent):
        # Whose silence is whose does not matter: the gates withhold what is judged of it.
        return Roles(_split(recordings, 0), "split", remarks)
    told = _told(recordings, transcript, speech, marked)
    if told is not None:
        if told.heard:
            text = (
                f"The agent of the {told.file} is heard on channel {told.agent} (by when they "
                "speak)."
            )
            remarks = (
                *remarks,
                Remark(
                    "roles_from_voice",
                    text,
                    values={"file": told.file, "channel": str(told.agent)},
                ),
            )
        return Roles(_split(recordings, told.agent), "split", remarks)
    why = "no transcript says" if transcript is None else "the transcript does not tell"
    raise RoleError(
        f"{info.path}: {info.channels} channels, and {why} which is the agent's.", _REMEDY
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """The agent's channel as a file tells it: by its number, or by when the agent is heard."""

    agent: int
    file: str
    heard: bool


def _told(
    recordings: Sequence[Recording],
    transcript: Transcript | None,
    speech: SpeechOf | None,
    marked: Sequence[Turn],
) -> _Told | None:
    """Return what transcript and windows tell of the channels; what a person marked goes first."""
    channels = recordings[0].info.channels
    said = {_WINDOWS: marked, "transcript": transcript.turns if transcript is not None else ()}
    for file, turns in said.items():
        roles = by_channel(turns, channels)
        if roles is not None:
            agent = next(channel for channel, role in roles.items() if role == "agent")
            return _Told(agent, file, heard=False)
    for file in ("transcript", _WINDOWS):
        turns = said[file]
        if channels == 2 and any(turn.role == "agent" for turn in turns):
            # A person who marked a second of an apology listened to just that second.
            least_s = MIN_MARKED_S if file == _WINDOWS else MIN_TOLD_S
            agent_on = by_voice(turns, _voices(recordings, speech), least_s=least_s)
            if agent_on is not None:
                return _Told(agent_on, file, heard=True)
    return None


def _doubt(agent: int, told: _Told) -> Remark:
    return Remark(
        "agent_channel_doubtful",
        f"--agent-channel says that the agent is on channel {agent}; by the {told.file} it is "
        f"channel {told.agent}.",
        "Listen to one call, and correct the one that is wrong.",
        {"channel": str(agent), "other": str(told.agent), "file": told.file},
    )


def _voices(recordings: Sequence[Recording], speech: SpeechOf | None) -> list[Segments]:
    if speech is not None:
        return [speech(0, 0), speech(0, 1)]
    from prosody.audio.activity import activity_of

    return [voice.speech for voice in activity_of(recordings[0])[:2]]
