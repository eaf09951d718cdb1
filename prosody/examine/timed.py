"""Step 4 of opening a call, its turns on the clock of the sound: what fits, and what does not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from prosody.arrays import Spans, overlap_s, subtract
from prosody.calls.call import Call
from prosody.examine.role_evidence import plain
from prosody.examine.roles import DOUBTFUL, Roles, Track
from prosody.examine.sound import Sound, together
from prosody.examine.spoken import Words, by_voice, corrected, end_s, later
from prosody.message import Message
from prosody.transcripts.alignment import (
    CLOSE_S,
    Clock,
    Fault,
    Fitted,
    estimate,
    evidence,
    fitted,
    phrases,
)
from prosody.transcripts.turns import Role, Transcript, Turn

# How many times slower a sound runs whose header names one rate where another was written.
_WRONG_RATES = (3.0, 2.0, 1.5, 6.0, 5.5125, 2.75625, 2.0 / 3.0, 0.5, 1.0 / 3.0, 0.91875, 1.08844)
_LOST_VOICE_S = 30.0  # a turn that lies where nobody speaks was looked for this far around
_UNCLAIMED_SHARE = 0.7  # of its length must be voice that no other turn has
_MUSIC_SHARE = 0.8  # of a line over music


@dataclass(frozen=True, slots=True)
class Timed:
    """The turns of a call on its clock.

    Attributes
    ----------
    turns : tuple of Turn
        Those that somebody says: invented and doubled lines are left out.
    faults : tuple of str
        For each turn what does not fit (`alignment.faults`), '' where it does.
    clock : Clock
    roles : Roles
        With the offsets of tracks that begin late.
    remarks : tuple of Message
    """

    turns: tuple[Turn, ...] = ()
    faults: tuple[Fault, ...] = ()
    clock: Clock = field(default_factory=Clock)
    roles: Roles | None = None
    remarks: tuple[Message, ...] = ()


def on_the_clock(call: Call, words: Words, known: Roles, sound: Sound) -> Timed:
    """Put the turns of a call on the clock of its sound.

    Parameters
    ----------
    call : Call
    words : Words
        With a transcript.
    known : Roles
    sound : Sound
    """
    transcript = words.transcript
    if transcript is None:
        return Timed(roles=known)
    turns = _from_the_earliest(transcript, call)
    turns = _with_channels_roles(turns, known)
    tracks = known.tracks
    voices = [sound.voice(t.source, t.channel) + t.offset_s for t in tracks]
    music = [sound.activity(t.source, t.channel).music + t.offset_s for t in tracks]
    duration_s = max(t.offset_s + sound.length_s(t.source) for t in tracks)
    split = known.layout == "split"
    named: list[Role] = [t.role for t in tracks]
    if split:
        voices.append(together(voices))  # whoever it is that speaks
        music.append(together(music))
    sides = [_side(turn, named, split=split) for turn in turns]
    remarks: list[Message] = []
    # A split call's own two legs are told apart; whoever it is that speaks belongs to neither.
    two = split and len(tracks) == 2 and not any(s == 2 for s in sides)
    found = _first_fit(turns, sides, voices[:2] if two else voices, duration_s)
    if split and any(s == len(tracks) for s in sides):
        turns = _spread(found.turns, sides, voices, tracks, remarks)
        sides = [_side(turn, named, split=True) for turn in turns]
        again = fitted(turns, sides, voices, duration_s)
        found = replace(again, clock=found.clock) if again.clock.state == "fits" else again
    late = max(found.late_s[: len(tracks)], default=0.0)
    if any(found.late_s):
        low = min(found.late_s)
        tracks = tuple(
            replace(t, offset_s=t.offset_s + s - low)
            for t, s in zip(tracks, found.late_s, strict=False)
        )
        # The call's clock begins with its earliest track.
        found = replace(found, turns=tuple(later(t, -low) for t in found.turns))
        voices = [v + s - low for v, s in zip(voices, found.late_s, strict=False)]
        music = [m + s - low for m, s in zip(music, found.late_s, strict=False)]
        slow = max(tracks, key=lambda t: t.offset_s)
        remarks.append(Message.of("late_track", role=slow.role, seconds=f"{late - low:.2f}"))
    # Where the user names the other channel, that is the cause.
    if found.clock.state != "unsure" or not any(r.code == DOUBTFUL for r in known.remarks):
        remarks += _said_of_clock(found.clock, words, turns, sides, voices, duration_s)
    ends_s = math.inf  # of a glimpse nothing is known beyond
    if sound.whole:
        ends_s = max(t.offset_s + sound.length_s(t.source) for t in tracks)
    kept, faults, more = _real(found, sides, voices, music, ends_s)
    return Timed(kept, faults, found.clock, replace(known, tracks=tracks), (*remarks, *more))


def _first_fit(
    turns: tuple[Turn, ...], sides: Sequence[int], voices: Sequence[Spans], duration_s: float
) -> Fitted:
    """Put turns on the clock of the sound; where its end is lost, by those that begin before."""
    found = fitted(turns, sides, voices, duration_s)
    past = [turn.start_s >= duration_s for turn in turns]
    if found.clock.state != "unsure" or not any(past):
        return found
    inside = [-1 if beyond else side for side, beyond in zip(sides, past, strict=True)]
    again = fitted(turns, inside, voices, duration_s)
    if again.clock.state != "fits":
        return found
    lost: list[Fault] = ["no_voice" if b else f for f, b in zip(again.faults, past, strict=True)]
    return replace(again, faults=tuple(lost))


def _from_the_earliest(transcript: Transcript, call: Call) -> tuple[Turn, ...]:
    """Return turns counted from where the earliest track begins, as the transcript tells it."""
    starts = transcript.track_start_s
    known = [starts.get(s.role, 0.0) for s in call.sources if s.role != "unknown"]
    shift = min(known) if len(known) > 1 else 0.0
    return tuple(later(t, -shift) for t in transcript.turns) if shift else transcript.turns


def _with_channels_roles(turns: tuple[Turn, ...], known: Roles) -> tuple[Turn, ...]:
    """Give turns without a role that of the channel the transcript names."""
    if known.layout != "split":
        return turns
    of = {t.channel if not t.source else t.source: t.role for t in known.tracks}
    return tuple(
        replace(t, role=of.get(t.channel, "unknown"))
        if t.role == "unknown" and t.channel is not None
        else t
        for t in turns
    )


def _side(turn: Turn, named: Sequence[Role], *, split: bool) -> int:
    """Return which voice a turn should lie under: its role's, else whoever speaks."""
    if not split:
        return 0
    return (
        named.index(turn.role) if turn.role in named[:2] and turn.role != "unknown" else len(named)
    )


def _spread(
    turns: tuple[Turn, ...],
    sides: Sequence[int],
    voices: Sequence[Spans],
    tracks: Sequence[Track],
    remarks: list[Message],
) -> tuple[Turn, ...]:
    """Give turns without a role that of the track that clearly speaks then."""
    out: list[Turn] = []
    speech = tuple(voices[: len(tracks)])
    for turn, side in zip(turns, sides, strict=True):
        if side < len(tracks):
            out.append(turn)
            continue
        for part in by_voice(replace(turn, channel=None), speech):
            role: Role = tracks[part.channel].role if part.channel is not None else "unknown"
            out.append(replace(part, role=role, channel=turn.channel))
    if any(t.role == "unknown" for t in out):
        remarks.append(Message.of("turns_without_role"))
    return tuple(out)


# --- what is said of it -------------------------------------------------------------------------


def _said_of_clock(
    clock: Clock,
    words: Words,
    turns: Sequence[Turn],
    sides: Sequence[int],
    voices: Sequence[Spans],
    duration_s: float,
) -> list[Message]:
    """Say what is wrong with a transcript's clock, by its true cause as far as that shows."""
    end, lasts_s = end_s(tuple(turns)), round(duration_s)
    if clock.state in ("fits", "corrected", "unknown"):
        out = [corrected(clock, end)] if clock.state == "corrected" else []
        if words.unit_guessed:
            ms = words.unit_guessed == "ms"
            read_s = round(end * (1000.0 if ms else 0.001))
            out.append(Message.of("unit_ms" if ms else "unit_s", end=read_s, seconds=lasts_s))
        speech_end = max((float(v[-1, 1]) for v in voices if len(v)), default=0.0)
        if 0 < end < 0.5 * speech_end:
            out.append(Message.of("transcript_short", end=round(end), seconds=round(speech_end)))
        return out
    if clock.state == "broken":
        shift = clock.after_s - clock.before_s
        way = "behind" if shift < 0 else "ahead of"
        by = f"{abs(shift):.1f}"
        return [Message.of("clock_broken", time=round(clock.break_s), seconds=by, way=way)]
    if end > 20 * duration_s:
        return [Message.of("clock_unit", end=round(end), seconds=lasts_s)]
    # Where nothing fits, which channel is whose is told no better.
    ways = [evidence(turns, [s if s > 1 else s ^ swap for s in sides], voices)
            for swap in (0, 1)[: len(voices)]]  # fmt: skip
    for times in _WRONG_RATES:
        if not 0.8 <= end * times / duration_s <= 1.1:
            continue
        stretched = [estimate(found.scaled(times), duration_s) for found in ways]
        if any(
            c.state == "fits" or (c.state == "corrected" and abs(c.offset_s) < 2.0)
            for c in stretched
        ):
            how = f"{times:.2g} times as long as" if times > 1 else f"only {times:.2g} times"
            return [Message.of("header_rate", times=f"{times:.2g}", how=how)]
    if end > duration_s + 2.0:
        return [Message.of("clock_beyond", end=round(end), seconds=lasts_s)]
    return [Message.of("clock_unsure")]


# --- lines that nobody says ---------------------------------------------------------------------


def _real(
    found: Fitted,
    sides: Sequence[int],
    voices: Sequence[Spans],
    music: Sequence[Spans],
    ends_s: float,
) -> tuple[tuple[Turn, ...], tuple[Fault, ...], list[Message]]:
    """Leave out lines that were invented; those after the end of the sound were not."""
    turns, faults = found.turns, found.faults
    if found.clock.state not in ("fits", "corrected"):
        return turns, faults, []
    past = {i for i, turn in enumerate(turns) if turn.end_s > ends_s + CLOSE_S}
    gone = set(_invented(turns, faults, sides, voices, music)) - past
    keep = [i for i in range(len(turns)) if i not in gone]
    remarks = [Message.of("invented_lines", count=len(gone))] if gone else []
    if len(past) > 1:  # one line may be stamped wrong
        end = max(turns[i].end_s for i in past)
        remarks.append(Message.of("sound_short", end=round(end), seconds=round(ends_s)))
    return tuple(turns[i] for i in keep), tuple(faults[i] for i in keep), remarks


def _invented(
    turns: Sequence[Turn],
    faults: Sequence[Fault],
    sides: Sequence[int],
    voices: Sequence[Spans],
    music: Sequence[Spans],
) -> list[int]:
    """Return lines without voice that cannot be a line of another moment.

    A line that only stands at the wrong time has left its voice somewhere near, without words; one
    that stands there several times has not. Over music a line that stands there several times is
    invented also where somebody sings.
    """
    silent = [i for i, fault in enumerate(faults) if fault == "no_voice" and len(voices[sides[i]])]
    over = [
        i
        for i, turn in enumerate(turns)
        if sides[i] >= 0
        and overlap_s(music[sides[i]], phrases(turn)).sum()
        > _MUSIC_SHARE * (turn.end_s - turn.start_s)
    ]
    often = Counter(plain(turns[i].text) for i in {*silent, *over})
    out = [i for i in over if i not in silent and often[plain(turns[i].text)] > 2]
    for i in silent:
        spans = phrases(turns[i])
        if not len(spans):
            continue
        length = float(np.diff(spans, axis=1).sum())
        others = [
            phrases(t) for k, t in enumerate(turns) if k not in silent and sides[k] == sides[i]
        ]
        free = subtract(voices[sides[i]], together(others))
        near = np.array([[spans[0, 0] - _LOST_VOICE_S, spans[-1, 1] + _LOST_VOICE_S]])
        free = free[(free[:, 1] - free[:, 0] >= _UNCLAIMED_SHARE * length)]
        if often[plain(turns[i].text)] > 1 or float(overlap_s(free, near)[0]) <= 0:
            out.append(i)
    return out
