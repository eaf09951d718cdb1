"""Who speaks on which channel.

The user's word comes first (``--agent-channel``, file names, the manifest), then the transcript.
What neither says is never guessed: it is a :class:`RoleError` that names the option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from prosody.calls import Call
from prosody.crosstalk import BLEED_DB, Crosstalk, compare
from prosody.errors import RoleError, UsageError
from prosody.recording import Recording, Remark
from prosody.turns import Role, Transcript, Turn

AgentChannel = Literal["auto", "left", "right", "0", "1", "mono"]
AGENT_CHANNELS: tuple[str, ...] = get_args(AgentChannel)
_CHANNEL = {"left": 0, "0": 0, "right": 1, "1": 1}
_REMEDY = "Say which with --agent-channel left or right, or give roles in a transcript or manifest."

MIN_TURN_S = 0.3  # shorter turns say little about who speaks where
CLEAR_SHARE = 0.8  # of the turns' time must agree
CLEAR_MARGIN = 0.3  # by which one way round must fit the voices better than the other
MAX_LENGTH_GAP_S = 0.5

# What only the one who answers for a company says. Wording, not proof: used when nothing else is
# there, only when one side says it and the other does not, and always remarked on.
_GREETING = re.compile(
    r"\b(?:thank(?:s| you) for calling|how (?:can|may) i (?:help|assist)|"
    r"is there anything else i can (?:help|do)|anything else i can (?:help|assist) you|"
    r"(?:can|may) i have your (?:name|account|order|date)|"
    r"(?:hoe|waarmee|waar) kan ik (?:u|je|jou) (?:mee )?(?:helpen|van dienst zijn)|"
    r"wat kan ik voor (?:u|je|jou) (?:doen|betekenen)|(?:u|je) spreekt met|"
    r"bedankt voor (?:het|uw|je) (?:bellen|wachten)|welkom bij|"
    r"kan ik (?:u|je) (?:verder )?(?:nog )?(?:ergens|met iets) (?:anders )?(?:mee )?"
    r"(?:helpen|van dienst)|"
    r"mag ik (?:uw|je) (?:postcode|klantnummer|geboortedatum|ordernummer))\b",
    re.IGNORECASE,
)

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


# --- evidence -----------------------------------------------------------------------------------


def _length(turn: Turn) -> float:
    length = turn.end_s - turn.start_s
    return length if math.isfinite(length) and length > 0 else 0.0


def _covered(spans: Segments, times: Segments) -> NDArray[np.float64]:
    """Return how many seconds of each of ``times`` lie within ``spans`` (sorted, apart)."""
    if not len(spans):
        return np.zeros(len(times))
    edges = spans.ravel()
    held = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])

    def until(t: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.searchsorted(edges, t)
        whole = held[index // 2]
        inside = index % 2 == 1
        start = edges[np.minimum(np.maximum(index - 1, 0), len(edges) - 1)]
        return whole + np.where(inside, t - start, 0.0)

    out: NDArray[np.float64] = until(times[:, 1]) - until(times[:, 0])
    return out


def _times(turns: Sequence[Turn]) -> Segments:
    """Return the times of words, or of turns where words have none, ``[n, 2]``."""
    spans = [
        (w.start_s, w.end_s)
        for t in turns
        for w in (t.words if t.has_word_times else ())
        if w.end_s > w.start_s
    ] + [(t.start_s, t.end_s) for t in turns if not t.has_word_times and _length(t) >= MIN_TURN_S]
    return np.array(spans, float).reshape(-1, 2)


def _fit(turns: Sequence[Turn], here: Segments, there: Segments) -> tuple[float, float]:
    """Return how much more the turns' time is spoken here than there (-1 to 1), and that time."""
    times = _times(turns)
    total = float(np.sum(times[:, 1] - times[:, 0]))
    if total <= 0:
        return 0.0, 0.0
    more = float(np.sum(_covered(here, times) - _covered(there, times)))
    return more / total, total


def _by_channel(turns: Sequence[Turn], channels: int) -> dict[int, Role] | None:
    """Return channel -> role where the transcript names both for nearly all its time."""
    time: dict[tuple[int, Role], float] = {}
    for turn in turns:
        if turn.channel is not None and turn.role != "unknown":
            key = (turn.channel, turn.role)
            time[key] = time.get(key, 0.0) + max(_length(turn), 0.01)
    out: dict[int, Role] = {}
    for channel in {c for c, _ in time}:
        agent, customer = time.get((channel, "agent"), 0.0), time.get((channel, "customer"), 0.0)
        role: Role = "agent" if agent > customer else "customer"
        if max(agent, customer) < CLEAR_SHARE * (agent + customer) or channel >= channels:
            return None
        out[channel] = role
    if "agent" not in out.values() or list(out.values()).count("agent") > 1:
        return None
    return out


def _by_voice(turns: Sequence[Turn], speech: Sequence[Segments]) -> int | None:
    """Return the agent's channel by when the roles speak, None where it is not clear."""
    agent = [t for t in turns if t.role == "agent"]
    customer = [t for t in turns if t.role == "customer"]
    for_agent, agent_s = _fit(agent, speech[0], speech[1])
    for_customer, customer_s = _fit(customer, speech[1], speech[0])
    if agent_s + customer_s < 2.0:
        return None
    margin = (for_agent * agent_s + for_customer * customer_s) / (agent_s + customer_s)
    if abs(margin) < CLEAR_MARGIN:
        return None
    return 0 if margin > 0 else 1


def _greeter(turns: Sequence[Turn]) -> str | None:
    """Return the label (channel or speaker) that alone says what an agent says."""
    said: dict[str, int] = {}
    for turn in turns:
        label = str(turn.channel) if turn.channel is not None else turn.speaker
        if label:
            said[label] = said.get(label, 0) + bool(_GREETING.search(turn.text))
    greeters = [label for label, count in said.items() if count]
    return greeters[0] if len(greeters) == 1 and len(said) == 2 else None


def named_by_greeting(transcript: Transcript) -> tuple[Transcript, Remark | None]:
    """Give turns without roles the roles that the greeting tells, where it is clear.

    Only for transcripts that tell two speakers (or channels) apart without saying who they are.
    """
    if any(turn.role != "unknown" for turn in transcript.turns):
        return transcript, None
    greeter = _greeter(transcript.turns)
    if greeter is None:
        return transcript, None

    def role(turn: Turn) -> Role:
        label = str(turn.channel) if turn.channel is not None else turn.speaker
        return "unknown" if not label else "agent" if label == greeter else "customer"

    turns = tuple(replace(turn, role=role(turn)) for turn in transcript.turns)
    text = "Roles taken from the wording: only one speaker greets or offers help as an agent does."
    remark = Remark("roles_from_greeting", text, "If that is wrong, use --agent-channel.")
    return replace(transcript, turns=turns), remark


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


def bleed_remarks(found: Crosstalk) -> tuple[Remark, ...]:
    """Say what two channels share, as far as it matters."""
    out = []
    if found.same:
        out.append(
            Remark("same_audio", "Both channels carry the same sound; they were read as one.")
        )
        return tuple(out)
    for channel in (0, 1):
        level = found.bleed_db[channel]
        if level > BLEED_DB:
            out.append(
                Remark(
                    "bleed",
                    f"Channel {channel} is heard in channel {1 - channel}, {-level:.0f} dB softer.",
                    "Measures of soft or overlapping speech may be off.",
                )
            )
        if found.silent[channel]:
            out.append(Remark("silent_channel", f"Channel {channel} is silent throughout."))
    return tuple(out)


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
            )
        )
    late = [track for track in tracks if track.offset_s > 0.05]
    remarks.extend(
        Remark("late_track", f"The {t.role}'s track begins {t.offset_s:.2f} s after the other one.")
        for t in late
    )
    return Roles(tuple(tracks), "split", tuple(remarks))


def assign(
    call: Call,
    transcript: Transcript | None,
    agent_channel: str = "auto",
    *,
    recordings: Sequence[Recording] | None = None,
    speech: SpeechOf | None = None,
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
        if len(call.sources) > 1 or call.sources[0].role != "unknown":
            return _from_sources(call, transcript, recordings)
        only = call.sources[0].channel
        info = recordings[0].info
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
        return _channels(recordings, transcript, agent_channel, found, speech, clip)


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
    clip: bool,
) -> Roles:
    """Decide for one file of two channels or more."""
    info, remarks = recordings[0].info, bleed_remarks(found)
    two = info.channels == 2
    if agent_channel in _CHANNEL and not found.same:
        agent = _CHANNEL[agent_channel]
        if clip:
            return Roles(_shared(recordings, agent), "clip", remarks)
        return Roles(_split(recordings, agent), "split", remarks)
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
    turns = transcript.turns if transcript is not None else ()
    roles = _by_channel(turns, info.channels)
    if roles is not None:
        agent = next(channel for channel, role in roles.items() if role == "agent")
        return Roles(_split(recordings, agent), "split", remarks)
    if two and any(turn.role == "agent" for turn in turns):
        voices = _voices(recordings, speech)
        by_voice = _by_voice(turns, voices)
        if by_voice is not None:
            text = f"The transcript's agent is heard on channel {by_voice} (by when they speak)."
            return Roles(
                _split(recordings, by_voice), "split", (*remarks, Remark("roles_from_voice", text))
            )
    why = "no transcript says" if transcript is None else "the transcript does not tell"
    raise RoleError(
        f"{info.path}: {info.channels} channels, and {why} which is the agent's.", _REMEDY
    )


def _voices(recordings: Sequence[Recording], speech: SpeechOf | None) -> list[Segments]:
    if speech is not None:
        return [speech(0, 0), speech(0, 1)]
    from prosody.activity import voices_of

    return [voice.speech for voice in voices_of(recordings[0])[:2]]
