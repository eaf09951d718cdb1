"""What `prosody check` tells before a run: what can be read, who is who, whether clocks fit.

Every recording is opened and its transcript read; of a number of them, spread over all, a minute is
listened to (more where a minute does not tell), by the same steps that open a call
(`prosody.examine.open_call`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from prosody.audio import activity
from prosody.audio.activity import ChannelActivity
from prosody.audio.crosstalk import Crosstalk, compare
from prosody.audio.decode import Samples
from prosody.audio.recording import Recording
from prosody.audio.storage import beside, is_url
from prosody.calls.call import Call
from prosody.errors import ProsodyError
from prosody.examine import roles
from prosody.examine.examine import Options
from prosody.examine.sound import Sound
from prosody.examine.spoken import Words, no_words, spoken, words_of
from prosody.examine.timed import on_the_clock
from prosody.message import failure as failure_said
from prosody.message import nameless
from prosody.words import load as texts

LISTENED_S = (60.0, 300.0)  # the second where the first does not tell
LISTENED_CALLS = 100  # spread over all of them, so that a thousand take seconds
FETCHED_CALLS = 20  # before a run, of those that lie elsewhere
_TOLD = {
    "roles_from_voice": "voice",
    "roles_from_greeting": "wording",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one call looks like.

    ``does`` is what a run would do: ``judge``, ``withhold`` or ``fail``; ``code``, ``message`` and
    ``remedy`` say what needs attention ('' where nothing does). ``roles`` is how the agent is told:
    ``names`` (of files, or a manifest), ``transcript``, ``voice``, ``wording``, ``channels``,
    ``nothing``. ``clock`` is ``fits``, ``corrected``, what is wrong, or '' where it was not
    listened to. With ``same`` two channels carry one sound, which is mono.
    """

    recording: str
    duration_s: float = 0.0
    channels: int = 0
    transcript: str = ""
    roles: str = ""
    language: str = ""
    clock: str = ""
    does: str = "judge"
    code: str = ""
    message: str = ""
    remedy: str = ""
    same: bool = False


@dataclass(frozen=True, slots=True)
class _Glimpse(Sound):
    """The beginning of a call."""

    until_s: float = LISTENED_S[0]

    @property
    def duration_s(self) -> float:
        return max(self.length_s(i) for i in range(len(self.recordings)))

    def length_s(self, source: int) -> float:
        return min(self.until_s, self.recordings[source].info.duration_s)

    def all_of(self, source: int) -> Sequence[ChannelActivity]:
        if source not in self._known:
            info = self.recordings[source].info
            blocks = _first(self.recordings[source], self.until_s)
            self._known[source] = activity.listen(blocks, info.sr_hz, info.channels)
        return self._known[source]

    def crosstalk(
        self,
        one: tuple[int, int],
        other: tuple[int, int],
        *,
        offsets_s: tuple[float, float] = (0.0, 0.0),
    ) -> Crosstalk:
        files = [self.recordings[source] for source, _ in (one, other)]
        if files[0].path != files[1].path:  # two files: what they share is looked at in the run
            return compare((), files[0].info.sr_hz)
        rows = [one[1], other[1]]
        return compare(
            (block[rows] for block in _first(files[0], self.until_s)), files[0].info.sr_hz
        )


def _first(recording: Recording, until_s: float) -> Iterator[Samples]:
    left = round(until_s * recording.info.sr_hz)
    for block in recording.blocks():
        yield block[:, :left]
        left -= block.shape[1]
        if left <= 0:
            return


def look(call: Call, options: Options, *, listen: bool = True) -> Look:
    """Look at one call; whatever is wrong with it is told and not raised."""
    seen = Look(call.name)
    try:
        with ExitStack() as stack:
            call = stack.enter_context(beside(call))
            files = tuple(stack.enter_context(Recording(s.path)) for s in call.sources)
            length_s = max(f.info.duration_s for f in files)
            seen = replace(seen, duration_s=length_s, channels=sum(f.info.channels for f in files))
            if options.clips:
                return seen
            words = words_of(
                call,
                Sound(files),
                language=options.language,
                offset_s=options.transcript_offset_s,
                unit=options.transcript_unit,
                agent_speaker=options.agent_speaker,
            )
            if words.transcript is None:
                if not (call.windows or options.asr):
                    raise no_words(call)
                return replace(seen, transcript="windows" if call.windows else "asr")
            seen = replace(
                seen,
                transcript=words.transcript.source,
                language=spoken(call, words.transcript, options.language)[0],
                roles=_named(call, words),
            )
            for until_s in LISTENED_S if listen else ():
                heard = _listened(call, words, _Glimpse(files, until_s=until_s), options, seen)
                if not heard.code or length_s <= until_s:
                    return heard
            return heard if listen else seen
    except (ProsodyError, MemoryError, OSError) as error:
        known = error if isinstance(error, ProsodyError) else ProsodyError(str(error))
        message, remedy = failure_said(known, options.lang)
        message = nameless(message, call.name)
        return replace(seen, does="fail", code=known.code, message=message, remedy=remedy)


def _named(call: Call, words: Words) -> str:
    """Return how the agent is told without listening, '' where that does not tell."""
    if any(s.role != "unknown" for s in call.sources):
        return "names"
    if words.transcript and any(t.role != "unknown" for t in words.transcript.turns):
        return next((_TOLD[r.code] for r in words.remarks if r.code in _TOLD), "transcript")
    return ""


def _listened(call: Call, words: Words, sound: _Glimpse, options: Options, seen: Look) -> Look:
    """Listen to the beginning of a call."""
    found = words.transcript
    assert found is not None
    near = tuple(t for t in found.turns if not t.start_s > sound.until_s)
    words = replace(words, transcript=replace(found, turns=near))
    assigned, words = roles.assign(call, words, options.agent_channel, sound=sound)
    timed = on_the_clock(call, words, assigned, sound)
    remarks = (*assigned.remarks, *words.remarks, *timed.remarks)
    wrong = next(
        (r for r in remarks if r.code.startswith(("clock_", "header_", roles.DOUBTFUL))), None
    )
    state = timed.clock.state
    clock = state if wrong is None or state in ("fits", "corrected") else wrong.code
    how = next((_TOLD[r.code] for r in remarks if r.code in _TOLD), "channels")
    same = any(r.code == "same_audio" for r in assigned.remarks)
    seen = replace(seen, clock=clock, roles=seen.roles or how, same=same)
    if assigned.layout == "mono" and not any(t.role == "agent" for t in timed.turns):
        wrong = next((r for r in assigned.remarks if r.code == "role_unknown"), None)
        seen = replace(seen, roles="nothing")
    elif state not in ("unsure", "broken"):
        dead = [r for r in assigned.remarks if r.code in ("silent_channel", "full_scale_channel")]
        heard = ("the recording", "the agent's track")
        wrong = next((r for r in dead if r.values["one"] in heard), None)
    if wrong is None:
        return seen
    shown = wrong.to(options.lang)
    return replace(seen, does="withhold", code=wrong.code, message=shown.text, remedy=shown.remedy)


def check(calls: Sequence[Call], options: Options, *, most: int | None = None) -> list[Look]:
    """Look at every call, or at so many spread over all, and listen to a minute of some."""
    if most is not None:
        if any(is_url(source.path) for call in calls for source in call.sources):
            most = min(most, FETCHED_CALLS)
        calls = calls[:: max(1, -(-len(calls) // most))]
    step = max(1, -(-len(calls) // LISTENED_CALLS))
    return [look(c, options, listen=i % step == 0) for i, c in enumerate(calls)]


def summary(looks: Sequence[Look], lang: str = "en", *, of: int = 0) -> list[str]:
    """Return three lines: what can be read, who is who, and the clocks.

    Parameters
    ----------
    looks : sequence of Look
    lang : str
        Language of the lines.
    of : int
        How many calls there are, where not all were looked at.
    """
    say = texts("screen", lang)["check"]
    fails = sum(one.does == "fail" for one in looks)
    ways = Counter(one.roles or "later" for one in looks if one.transcript)
    clocks = Counter(one.clock for one in looks if one.clock)

    def counted(found: Counter[str], none: str) -> str:
        return ", ".join(f"{n} {say.get(how, how)}" for how, n in found.most_common()) or none

    seen = f"{len(looks)} {say['recordings'][len(looks) != 1]}"
    if of > len(looks):
        seen = say["some"].format(count=len(looks), of=of)
    return [
        say["read"].format(seen=seen, can=len(looks) - fails, fails=fails),
        say["words"].format(count=sum(ways.values()), by=counted(ways, "-")),
        say["clocks"].format(count=sum(clocks.values()), by=counted(clocks, "-")),
    ]


def kinds(looks: Iterable[Look]) -> list[tuple[int, Look]]:
    """Return how many calls look alike, with one of them for each kind, the most first."""
    groups: dict[tuple[Any, ...], list[Look]] = {}
    for one in looks:
        key = (one.transcript, one.channels, one.same, one.roles, one.language, one.clock, one.code)
        groups.setdefault(key, []).append(one)
    return sorted(((len(found), found[0]) for found in groups.values()), key=lambda k: -k[0])
