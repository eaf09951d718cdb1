"""Step 2 of opening a call, its words: read or recognised, and who the file says speaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from prosody.arrays import Spans, overlap_s
from prosody.calls.call import Call
from prosody.errors import TranscriptError
from prosody.examine import two_voices
from prosody.examine.recognise import RECOGNISED, Recognised
from prosody.examine.role_evidence import (
    agents_by_wording,
    announcements,
    named_by_user,
    named_by_wording,
    said_once,
    wording_remark,
)
from prosody.examine.sound import Signal, Sound, together
from prosody.message import Message, assumed
from prosody.transcripts import read
from prosody.transcripts.alignment import CLOSE_S, Clock, estimate, evidence, moved
from prosody.transcripts.turns import Role, Transcript, Turn, in_order

# A turn without a role belongs to the channel that speaks for this much more of its time.
CLEAR_SHARE = 0.5
_WORD_S = 0.12  # a word alone is heard with so much around it
_UNIT_RATIO = 20.0  # turns that run so many times past the sound are in another unit


NO_WORDS = (
    "Say where the apologies are, in one of four ways: --asr (the words are recognised here; once "
    "before that: prosody recognisers get parakeet), --transcripts DIR (or a transcript under the "
    "same name beside the recording), --windows FILE (CSV, Praat TextGrid or Audacity labels), or "
    "--clips (each file is one apology)."
)
SEARCHED = (
    "no transcript has the recording's name, beside it, in --transcripts, or in a folder "
    "transcript, transcripts, captions ... beside it and up to two folders above"
)


def no_words(call: Call) -> TranscriptError:
    """Return the error of a call of which nothing says where its apologies are.

    It does not name transcripts of no recording: a file may have somebody's name.
    """
    near = "; some near it belong to no recording (prosody check names them)" * bool(call.unpaired)
    text = f"{call.name}: nothing says where the apologies are: {SEARCHED}{near}."
    return TranscriptError(text, NO_WORDS, code="no_words")


class WordsFromSound(Protocol):
    """Recognises the words of an open call (`prosody.runs.recognised.Plan`)."""

    def __call__(self, call: Call, sound: Sound, signals: Sequence[Signal]) -> Recognised:
        """Return the words; a turn of a file whose role is known has it, any other its channel."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a call, as far as a transcript or a recogniser tells.

    Attributes
    ----------
    transcript : Transcript or None
        Without announcements; roles as the file, the user or the wording tell them.
    remarks : tuple of Message
    recognised : Recognised or None
        Where the words were recognised from the sound: how far they are evidence.
    unit_guessed : str
        ``ms`` or ``s`` where the times were taken in another unit than the file's, because only so
        they can lie in the recording; the clock has to confirm it.
    """

    transcript: Transcript | None = None
    remarks: tuple[Message, ...] = ()
    recognised: Recognised | None = None
    unit_guessed: str = ""


def words_of(
    call: Call,
    sound: Sound,
    *,
    language: str = "auto",
    asr: WordsFromSound | None = None,
    offset_s: float = 0.0,
    unit: str = "auto",
    agent_speaker: str = "",
) -> Words:
    """Read or recognise the words of a call.

    Parameters
    ----------
    call : Call
    sound : Sound
    language : str
        Language spoken, or ``auto``.
    asr : WordsFromSound, optional
        What recognises words where there is no transcript.
    offset_s : float
        Seconds to add to the transcript's times, as the user says.
    unit : {'auto', 's', 'ms'}
        What the transcript's numbers count, as the user says.
    agent_speaker : str
        The transcript's label of the agent, or several with commas, as the user says.
    """
    found = read_transcript(call, language)
    recognised = None
    doubts: list[Message] = []
    if found is None and asr is not None:
        found, recognised, doubts = _recognised(call, sound, asr)
    if found is None:
        return Words()
    remarks = [*doubts, *found.notes]
    found, guessed = _in_seconds(found, unit, sound.duration_s)
    if offset_s:
        found = replace(found, turns=tuple(later(t, offset_s) for t in found.turns))
    speaker = call.agent_speaker or agent_speaker
    steps: list[Callable[[Transcript], tuple[Transcript, Message | None]]] = [
        said_once, _without_announcements, named_by_wording,
    ]  # fmt: skip
    if speaker:
        found, missing = named_by_user(found, speaker)
        steps = steps if missing else steps[:2]  # what the user says stands
        remarks += [missing] if missing else []
    for step in steps:
        found, remark = step(found)
        remarks += [remark] if remark else []
    return Words(found, tuple(remarks), recognised, guessed)


def spoken(call: Call, transcript: Transcript, asked: str) -> tuple[str, bool]:
    """Return the language (asked for, else told, else from the words), and whether it is sure."""
    from prosody.language import lexicon

    if given := asked if asked != "auto" else call.language or transcript.language:
        return given, True
    code, _, sure = lexicon.guess([t.text for t in transcript.turns])
    return code, sure


def read_transcript(call: Call, language: str = "auto") -> Transcript | None:
    """Read the call's transcript, or those of its tracks, as one; None where there is none."""
    spoken = call.language if language == "auto" else language
    if call.transcript is not None:
        return read(call.transcript, language=spoken)
    parts = [
        (s, read(s.transcript, language=spoken)) for s in call.sources if s.transcript is not None
    ]
    if not parts:
        return None
    turns = in_order(replace(t, role=s.role) for s, one in parts for t in one.turns)
    notes = tuple(dict.fromkeys(note for _, one in parts for note in one.notes))
    return replace(parts[0][1], turns=turns, notes=notes)


def distinct(call: Call, sound: Sound) -> tuple[Signal, ...]:
    """Return the signals that the call is made of, each sound once (mono may be written twice)."""
    out: list[Signal] = []
    for signal in sound.signals:
        named = call.sources[signal[0]].channel in (None, signal[1])
        if named and not any(sound.crosstalk(one, signal).same for one in out):
            out.append(signal)
    return tuple(out)


def _recognised(
    call: Call, sound: Sound, words: WordsFromSound
) -> tuple[Transcript, Recognised, list[Message]]:
    """Recognise the words of every signal; the remarks say so, and what is doubtful of them."""
    signals = distinct(call, sound)
    if {source for source, _ in signals} != set(range(len(call.sources))):
        # One mix given as both sides: the file that words are read from says nobody's role.
        call = replace(call, sources=tuple(replace(s, role="unknown") for s in call.sources))
    found = words(call, sound, signals)
    made = found.transcript
    name = made.source.removeprefix(f"{RECOGNISED} ")
    note = assumed("the words were recognised by {a}: some may be wrong", a=name)
    remarks = []
    if found.poor:
        remarks.append(Message.of("poor_words", why=found.poor, name=name))
        made = replace(made, turns=())
    elif found.doubts:
        lost_s = round(sum(found.doubts.values()))
        remarks.append(Message.of("doubtful_words", seconds=lost_s, of=round(found.speech_s)))
    if math.isfinite(found.apart):
        code = "two_voices" if two_voices.are_two(found.apart) else "alike_voices"
        shown = {"apart": f"{found.apart:.2f}", "least": f"{two_voices.LEAST_GAIN:.2f}"}
        remarks.append(Message.of(code, **shown))
    return replace(made, notes=(note,)), found, remarks


def later(turn: Turn, by_s: float) -> Turn:
    """Return a turn moved in time."""
    words = tuple(replace(w, start_s=w.start_s + by_s, end_s=w.end_s + by_s) for w in turn.words)
    return replace(turn, start_s=turn.start_s + by_s, end_s=turn.end_s + by_s, words=words)


def scaled(turn: Turn, by: float) -> Turn:
    """Return a turn with its times multiplied."""
    words = tuple(replace(w, start_s=w.start_s * by, end_s=w.end_s * by) for w in turn.words)
    return replace(turn, start_s=turn.start_s * by, end_s=turn.end_s * by, words=words)


def end_s(turns: tuple[Turn, ...]) -> float:
    """Return when the last turn ends; NaN where no turn has a time."""
    return max((t.end_s for t in turns if math.isfinite(t.end_s)), default=math.nan)


def _in_seconds(found: Transcript, unit: str, duration_s: float) -> tuple[Transcript, str]:
    """Return a transcript in seconds, and the unit that was taken where it is another one.

    What the user says is done where the times cannot be right as they are, so that one option
    serves a folder in which only some transcripts are in the other unit.
    """
    end = end_s(found.turns)
    by, other = 1.0, ""
    if end > _UNIT_RATIO * duration_s:
        by, other = 1e-3, "ms"
    elif 0 < end < duration_s / _UNIT_RATIO and found.unit == "ms":
        by, other = 1e3, "s"
    fits = end * by <= 1.5 * duration_s
    if not other or not (fits or unit == other) or unit not in ("auto", other):
        return found, ""
    return replace(found, turns=tuple(scaled(t, by) for t in found.turns)), other


def _without_announcements(found: Transcript) -> tuple[Transcript, Message | None]:
    out = announcements(found.turns)
    if not out:
        return found, None
    kept = tuple(t for i, t in enumerate(found.turns) if i not in out)
    return replace(found, turns=kept), Message.of("announcements", count=len(out))


def corrected(clock: Clock, until_s: float) -> Message:
    """Say how a transcript's clock was put right."""
    seconds = abs(clock.offset_s)
    if abs(clock.rate) * max(until_s, 0.0) <= CLOSE_S:
        code = "clock_late" if clock.offset_s < 0 else "clock_early"
        return Message.of(code, seconds=f"{seconds:.1f}")
    code = "clock_fast" if clock.rate < 0 else "clock_slow"
    off = f" and begins {seconds:.1f} s off" if seconds > CLOSE_S else ""
    return Message.of(code, percent=f"{abs(clock.rate) * 100:.1f}", off=off)


# --- transcripts without speakers ---------------------------------------------------------------


def put_on_channels(
    found: Transcript, speech: tuple[Spans, ...], duration_s: float
) -> tuple[Transcript, tuple[Message, ...]]:
    """Put turns without speakers on the channels that speak then, and tell the agent by wording.

    Parameters
    ----------
    found : Transcript
        Nobody is told apart in it.
    speech : tuple of float64 [k, 2]
        Where there is speech on each of the call's signals, seconds.
    duration_s : float

    Returns
    -------
    transcript : Transcript
        Turns with channels, on the clock of the sound, and with roles where the wording tells
        them; as it was where it does not fit the sound.
    remarks : tuple of Message
    """
    clock = estimate(evidence(found.turns, [0] * len(found.turns), (together(speech),)), duration_s)
    if clock.state not in ("fits", "corrected"):
        return found, ()
    turns = [moved(t, clock) for t in found.turns] if clock.state == "corrected" else found.turns
    made = tuple(part for turn in turns for part in by_voice(turn, speech))
    agents = agents_by_wording([(str(t.channel), t.text) for t in made if t.channel is not None])
    known = {t.channel for t in found.turns}  # as recognised words have it, of one side or both
    remarks = [] if {t.channel for t in made} == known else [Message.of("channels_from_voice")]
    if clock.state == "corrected":
        remarks.append(corrected(clock, end_s(found.turns)))
    if agents is not None and len(agents.labels) == 1:
        agent = int(agents.labels[0])

        def role(turn: Turn) -> Role:
            if turn.channel is None:
                return "unknown"
            return "agent" if turn.channel == agent else "customer"

        made = tuple(replace(t, role=role(t)) for t in made)
        remarks.append(wording_remark(agents))
    return replace(found, turns=in_order(made)), tuple(remarks)


def by_voice(turn: Turn, speech: tuple[Spans, ...]) -> list[Turn]:
    """Return a turn on the channel that clearly speaks then; in parts where words change channel.

    A turn in which no channel clearly speaks keeps no channel.
    """
    if not turn.has_word_times or len(turn.words) < 2:
        return [replace(turn, channel=_clearly(_under(speech, turn.start_s, turn.end_s)))]
    spans = np.array([(w.start_s - _WORD_S, w.end_s + _WORD_S) for w in turn.words])
    under = np.stack([overlap_s(s, spans) for s in speech])
    whole = _clearly(under.sum(axis=1))
    best = np.where(under.max(axis=0) > 0, under.argmax(axis=0), -1)
    # A word that two channels cover goes with the words before it.
    top = np.sort(under, axis=0)
    unclear = top[-1] - top[-2] < CLEAR_SHARE * np.maximum(top[-1], 1e-9)
    channels: list[int] = []
    for channel, doubtful in zip(best.tolist(), unclear.tolist(), strict=True):
        last = channels[-1] if channels else (whole if whole is not None else -1)
        channels.append(last if doubtful or channel < 0 else channel)
    runs: list[list[int]] = []
    for i, channel in enumerate(channels):
        if runs and channels[runs[-1][0]] == channel:
            runs[-1].append(i)
        else:
            runs.append([i])
    # One word alone on the other channel is a stamp that is off, or a "yes" of the other side.
    if len([r for r in runs if len(r) > 1]) < 2:
        return [replace(turn, channel=whole)]
    out = []
    for run in runs:
        words = tuple(turn.words[i] for i in run)
        channel = channels[run[0]]
        out.append(
            replace(
                turn,
                start_s=words[0].start_s,
                end_s=words[-1].end_s,
                text=" ".join(w.text for w in words),
                words=words,
                channel=channel if channel >= 0 else None,
            )
        )
    return out


def _under(speech: tuple[Spans, ...], start_s: float, stop_s: float) -> np.ndarray:
    span = np.array([[start_s, stop_s]])
    return np.array([float(overlap_s(s, span)[0]) for s in speech])


def _clearly(under: np.ndarray) -> int | None:
    """Return the channel with clearly most voice, None where there is none."""
    order = np.argsort(-under)
    most, next_most = under[order[0]], under[order[1]] if len(order) > 1 else 0.0
    if most <= 0 or most - next_most < CLEAR_SHARE * most:
        return None
    return int(order[0])
