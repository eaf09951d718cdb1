"""One call, opened: who speaks on which track, what was said, and where the apologies are.

Everything that comes before measuring. Times are seconds on the call's clock: 0 is where its
earliest track begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from prosody import transcripts
from prosody.arrays import Spans, join, overlap_s, subtract, union
from prosody.audio import activity
from prosody.audio.activity import ChannelActivity
from prosody.audio.recording import Recording, Remark, Samples, content_hash
from prosody.calls import call_windows
from prosody.calls.collect import Call
from prosody.calls.windows import Window
from prosody.errors import RecordingError, TranscriptError
from prosody.examine import gates, roles
from prosody.examine.roles import Roles, Track
from prosody.settings import Settings
from prosody.transcripts.recognise import Recognised
from prosody.transcripts.turns import Act, Role, Transcript, Turn, Word

WindowSource = Literal["windows", "transcript", "asr", "clips"]

NO_WORDS = (
    "Say where the apologies are, in one of four ways: --asr (the words are recognised here; once "
    "before that: prosody recognisers get parakeet), --transcripts DIR (or a transcript under the "
    "same name beside the recording), --windows FILE (CSV, Praat TextGrid or Audacity labels), or "
    "--clips (each file is one apology)."
)
# Why recognised words are no evidence.
POOR = {
    "weak_language": "the model errs too often in this language",
    "other_language": "the call sounds like a language that is not known here",
    "no_language": "they are not the words of any language that is known here",
    "loops": "the model wrote the same words again and again",
    "rate": "there are far too many of them, or too few, for so much speech",
    "unsure": "the model itself gives them little probability",
}
# A turn without a role belongs to the track that speaks for this much more of its time.
CLEAR_SHARE = 0.5
# A window is measured in one piece, which takes about 16 MB a minute at 8 kHz.
MAX_WINDOW_S = 300.0


class WordsFromSound(Protocol):
    """Recognises the words of an open call (`prosody.runs.recognised.Plan`)."""

    def __call__(
        self,
        call: Call,
        recordings: Sequence[Recording],
        voices: Sequence[Sequence[ChannelActivity]],
    ) -> Recognised:
        """Return the words; a turn of a file whose role is known has it, any other its channel."""
        ...


@dataclass(slots=True)
class Heard:
    """An open call.

    Attributes
    ----------
    recordings : tuple of Recording
        The open files, one per source.
    roles : Roles
        Which track is whose.
    source : {'windows', 'transcript', 'asr', 'clips'}
        Where the acts come from.
    turns : tuple of Turn
        The transcript on the call's clock, roles filled in where they could be told.
    acts : list of Act
        Every act found, of every role.
    language : str
        ``nl``, ``en`` or '' where it is not known.
    transcript : bool
        Whether there is a transcript (its turns may be none).
    recognised : Recognised or None
        Where the words were recognised from the sound: how far they are evidence.
    """

    call: Call
    recordings: tuple[Recording, ...]
    roles: Roles
    source: WindowSource
    turns: tuple[Turn, ...] = ()
    acts: list[Act] = field(default_factory=list)
    language: str = ""
    remarks: list[Remark] = field(default_factory=list)
    transcript: bool = False
    recognised: Recognised | None = None
    _voices: dict[int, list[ChannelActivity]] = field(default_factory=dict)

    @property
    def poor(self) -> str:
        """Why the words are no evidence; '' where they are, or were not recognised here."""
        return "" if self.recognised is None else self.recognised.poor

    @property
    def duration_s(self) -> float:
        """Seconds from the start of the earliest track to the end of the last."""
        return max(
            t.offset_s + self.recordings[t.source].info.duration_s for t in self.roles.tracks
        )

    def speech(self, track: Track) -> Spans:
        """Return where the track holds speech."""
        return self._voice(track).speech + track.offset_s

    def music(self, track: Track) -> Spans:
        """Return where music or ringing is heard on the track."""
        return self._voice(track).music + track.offset_s

    def noise_db(self, track: Track, start_s: float, end_s: float) -> float:
        """Return the level of the noise around a window of a track, dBFS (NaN: cannot be told)."""
        voice, at = self._voice(track), track.offset_s
        heard = union(voice.speech, voice.music)
        return gates.noise_db(voice.level_db, voice.frame_s, heard, start_s - at, end_s - at)

    def _voice(self, track: Track) -> ChannelActivity:
        return voices(self.recordings, self._voices, track.source)[track.channel]

    def read(self, track: Track, spans: Spans) -> list[Samples]:
        """Return the sound of several windows of a track, in the order asked."""
        local = spans - track.offset_s
        return self.recordings[track.source].read_all(
            [(float(a), float(b)) for a, b in local], track.channel
        )

    def voices(self) -> list[tuple[Track, Role, list[Act]]]:
        """Return every voice whose apologies are judged, each with them (there may be none).

        That is the agent's; where nobody's role is known, either speaker's (role ``unknown``).
        """
        out: list[tuple[Track, Role, list[Act]]] = []
        for track in self.roles.tracks:
            mine = [a for a in self.acts if a.kind == "apology" and self._on(track, a)]
            shared = self.roles.layout == "mono"
            known: list[Role] = [track.role] if not shared else [a.role for a in mine]
            if shared and any(t.role == "agent" for t in self.turns):
                known.append("agent")
            for role in dict.fromkeys(known):
                own = _once([a for a in mine if not shared or a.role == role])
                if own or role == "agent":
                    out.append((track, role, own))
        return out

    def _on(self, track: Track, act: Act) -> bool:
        if self.roles.layout == "split":
            return track.role == act.role == "agent"
        return act.role != "customer"

    def own_speech(self, track: Track, role: Role) -> Spans:
        """Return where one role and nothing else is heard on a track; empty where unknown."""
        speech = subtract(self.speech(track), self.music(track))
        if role == "unknown" or self.source == "clips":
            return np.empty((0, 2))
        shared = self.roles.layout == "mono"
        bleeding = any(r.code == "bleed" for r in self.roles.remarks)
        if not shared and not (bleeding and self.turns):
            return speech
        # Both voices are (softly) on this track: the transcript says when it is this role's turn.
        mine = spans_of([t for t in self.turns if t.role == role])
        others = spans_of([t for t in self.turns if t.role != role])
        quiet = subtract(np.array([[0.0, self.duration_s]]), mine)
        return subtract(subtract(speech, quiet), others)

    def words_of(self, role: Role) -> list[Word]:
        """Return the timed words of a role."""
        return [w for t in self.turns if t.role == role and t.has_word_times for w in t.words]


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


def voices(
    recordings: Sequence[Recording], cache: dict[int, list[ChannelActivity]], source: int
) -> list[ChannelActivity]:
    """Return what every channel of a file holds, computed once in one pass over the file."""
    if source not in cache:
        cache[source] = activity.activity_of(recordings[source])
    return cache[source]


def spans_of(turns: Sequence[Turn]) -> Spans:
    """Return when somebody speaks in turns: by word times where there are, else whole turns."""
    spans = [(w.start_s, w.end_s) for t in turns if t.has_word_times for w in t.words]
    spans += [(t.start_s, t.end_s) for t in turns if not t.has_word_times]
    known = [(a, b) for a, b in spans if math.isfinite(a) and math.isfinite(b) and b > a]
    return join(np.array(sorted(known), dtype=np.float64).reshape(-1, 2), 0.0)


@contextmanager
def hear(
    call: Call,
    *,
    agent_channel: str = "auto",
    clips: bool = False,
    language: str = "auto",
    settings: Settings | None = None,
    asr: WordsFromSound | None = None,
) -> Iterator[Heard]:
    """Open a call, tell its roles, and find its acts.

    Parameters
    ----------
    call : Call
    agent_channel : str
        ``auto``, ``left``, ``right``, ``0``, ``1`` or ``mono``.
    clips : bool
        Each file is one apology.
    language : str
        Language spoken, or ``auto``: the call's own, else the transcript's, else from its words.
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
        files = tuple(stack.enter_context(Recording(s.path)) for s in call.sources)
        if clips:
            _refuse_long_clips(call, files)
        cache: dict[int, list[ChannelActivity]] = {}
        transcript = None if clips else _transcript(call, language)
        recognised = None
        remarks = [r for f in files for r in f.info.remarks] + list(call.remarks)
        if transcript is None and asr is not None and not clips:
            transcript, recognised, doubts = _recognised(call, files, cache, asr)
            remarks += doubts
        if transcript is not None:
            remarks += [Remark("assumed", text) for text in transcript.assumptions]
            transcript, by_greeting = roles.named_by_greeting(transcript)
            remarks += [by_greeting] if by_greeting else []
        marks = call_windows.of(call) if call.windows and not clips else None
        told = roles.assign(
            call,
            transcript,
            agent_channel,
            marked=call_windows.turns(marks or ()),
            recordings=files,
            clip=clips,
            speech=lambda s, c: voices(files, cache, s)[c].speech,
        )
        words: WindowSource = "transcript" if recognised is None else "asr"
        source: WindowSource = "clips" if clips else "windows" if call.windows else words
        heard = Heard(
            call, files, told, source, remarks=remarks + list(told.remarks),
            recognised=recognised, _voices=cache,
        )  # fmt: skip
        if transcript is not None:
            heard.transcript = True
            heard.turns = _placed(transcript, call, heard)
            heard.language = (
                transcript.language
                if heard.poor
                else _language(call, transcript, language, heard.remarks)
            )
        else:
            heard.language = language if language != "auto" else call.language
        heard.acts = _acts(heard, marks, chosen)
        yield heard


def _transcript(call: Call, language: str) -> Transcript | None:
    """Read the call's transcript, or those of its tracks, as one."""
    spoken = call.language if language == "auto" else language
    if call.transcript is not None:
        return transcripts.read(call.transcript, language=spoken)
    parts = [
        (s, transcripts.read(s.transcript, language=spoken))
        for s in call.sources
        if s.transcript is not None
    ]
    if not parts:
        return None
    turns = [replace(t, role=s.role) for s, one in parts for t in one.turns]
    turns.sort(key=lambda t: (math.inf if math.isnan(t.start_s) else t.start_s, t.end_s))
    first = parts[0][1]
    notes = tuple(dict.fromkeys(text for _, one in parts for text in one.assumptions))
    return replace(first, turns=tuple(turns), assumptions=notes)


def _recognised(
    call: Call,
    files: Sequence[Recording],
    cache: dict[int, list[ChannelActivity]],
    words: WordsFromSound,
) -> tuple[Transcript, Recognised, list[Remark]]:
    """Recognise the words of every track; the remarks say so, and what is doubtful of them."""
    found = words(call, files, [voices(files, cache, i) for i in range(len(files))])
    made = found.transcript
    note = f"the words were {made.source}: some may be wrong"
    remarks = []
    if found.poor:
        remarks.append(
            Remark(
                "poor_words",
                f"The words were {made.source}, and are no evidence: {POOR[found.poor]}. Nothing "
                "is concluded from what is, or is not, among them.",
                "Take a better recogniser (prosody recognisers), a transcript, or --windows; where "
                "the language is not right, --language.",
                {"why": found.poor, "language": made.language or "?"},
            )
        )
        made = replace(made, turns=())
    elif found.doubts:
        remarks.append(
            Remark(
                "doubtful_words",
                f"{sum(found.doubts.values()):.0f} of {found.speech_s:.0f} s of speech gave no "
                "words to rely on, and are left out.",
                "",
                {"seconds": f"{sum(found.doubts.values()):.0f}", "of": f"{found.speech_s:.0f}"},
            )
        )
    return replace(made, assumptions=(note,)), found, remarks


def _placed(transcript: Transcript, call: Call, heard: Heard) -> tuple[Turn, ...]:
    """Put turns on the call's clock and give those without a role the track that speaks then."""
    starts = transcript.track_start_s
    known = [starts.get(s.role, 0.0) for s in call.sources if s.role != "unknown"]
    shift = min(known) if len(known) > 1 else 0.0
    turns = [_shifted(t, -shift) for t in transcript.turns] if shift else list(transcript.turns)
    if heard.roles.layout != "split" or all(t.role != "unknown" for t in turns):
        return tuple(turns)
    by_channel = {t.channel: t.role for t in heard.roles.tracks}
    out = []
    for turn in turns:
        role = turn.role
        if role == "unknown" and turn.channel is not None:
            role = by_channel.get(turn.channel, "unknown")
        if role == "unknown" and turn.end_s > turn.start_s:
            role = _speaker_of(turn, heard)
        out.append(replace(turn, role=role))
    if any(t.role == "unknown" for t in out):
        heard.remarks.append(
            Remark(
                "turns_without_role",
                "The transcript does not say who speaks in some turns, and "
                "neither do the channels; apologies in them are left out.",
                "Give speakers or channels in the transcript.",
            )
        )
    return tuple(out)


def _shifted(turn: Turn, by_s: float) -> Turn:
    words = tuple(replace(w, start_s=w.start_s + by_s, end_s=w.end_s + by_s) for w in turn.words)
    return replace(turn, start_s=turn.start_s + by_s, end_s=turn.end_s + by_s, words=words)


def _speaker_of(turn: Turn, heard: Heard) -> Role:
    """Return the role on whose track there clearly is more speech during a turn."""
    span = np.array([[turn.start_s, turn.end_s]])
    said = sorted(
        ((float(overlap_s(heard.speech(t), span)[0]), t.role) for t in heard.roles.tracks),
        reverse=True,
    )
    if len(said) > 1 and said[0][0] - said[1][0] < CLEAR_SHARE * max(said[0][0], 1e-9):
        return "unknown"
    return said[0][1] if said[0][0] > 0 else "unknown"


def _language(call: Call, transcript: Transcript, asked: str, remarks: list[Remark]) -> str:
    from prosody.language import lexicon

    given = asked if asked != "auto" else call.language or transcript.language
    if given:
        return given
    code, _, sure = lexicon.guess([t.text for t in transcript.turns])
    if not sure:
        remarks.append(
            Remark(
                "language_unsure",
                f"The words do not clearly tell the language; taken as '{code}'.",
                "Give it with --language.",
                {"language": code},
            )
        )
    return code


def _acts(heard: Heard, marks: list[Window] | None, settings: Settings) -> list[Act]:
    if heard.source == "clips":
        return [
            Act("apology", t.offset_s, heard.duration_s, "", role=t.role)
            for t in heard.roles.tracks
        ]
    if heard.source == "windows":
        return _from_windows(heard, marks)
    if heard.transcript:
        from prosody.language import acts

        return acts.find(
            heard.turns, heard.language or "auto", join_gap_s=settings.windows.join_gap_s
        )
    raise TranscriptError(
        f"{heard.call.name}: nothing says where the apologies are.", NO_WORDS, code="no_words"
    )


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


def _from_windows(heard: Heard, marks: list[Window] | None) -> list[Act]:
    if marks is None:
        heard.remarks.append(call_windows.nothing(heard.call))
    split = heard.roles.layout == "split"
    sides = {t.channel: t.role for t in heard.roles.tracks} if split else {}
    out = call_windows.acts(marks or (), sides, "agent" if split else "unknown")
    for act in out:
        if min(act.end_s, heard.duration_s) - act.start_s > MAX_WINDOW_S:
            raise TranscriptError(
                f"{heard.call.name}: a window from {act.start_s:g} to {act.end_s:g} s; expected an "
                f"apology, of at most {MAX_WINDOW_S:g} s.",
                "Check the times: seconds from the start of the recording.",
                code="bad_windows",
            )
    if any(a.role == "customer" for a in out):
        heard.remarks.append(
            Remark("other_role", "Windows of the customer are not judged: only the agent's are.")
        )
    return out


def _tracks(heard: Heard) -> tuple[dict[str, Any], ...]:
    """Return where each signal of the call lies, and when it begins on the call's clock."""
    call, out = heard.call, []
    hashes: dict[int, str] = {}
    for track in heard.roles.tracks:
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
    return str(call.sources[source].path).encode("utf-8", "backslashreplace").decode("utf-8")


def describe(heard: Heard) -> dict[str, Any]:
    """Return what the recording's line says of the files."""
    info, tracks = heard.recordings[0].info, _tracks(heard)
    return {
        "recording_sha256": tracks[0]["sha256"],
        "duration_s": heard.duration_s,
        "sr_hz": info.sr_hz,
        "channels": sum(r.info.channels for r in heard.recordings),
        "format": f"{info.format} {info.subtype}".strip(),
        "roles": {str(i): t.role for i, t in enumerate(heard.roles.tracks)},
        "tracks": tracks,
        "language": heard.language,
        "source": heard.source,
    }
