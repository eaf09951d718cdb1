"""Before a run: what can be read, who is who, whether the clocks fit. Nothing is measured.

Every recording is opened and its transcript read; of a number of them, spread over all, a minute is
listened to, by the same steps that open a call (`prosody.examine.open_call`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from prosody.audio import activity
from prosody.audio.activity import ChannelActivity
from prosody.audio.crosstalk import Crosstalk, compare
from prosody.audio.decode import Samples
from prosody.audio.recording import Recording
from prosody.calls.call import Call
from prosody.errors import ProsodyError
from prosody.examine import roles
from prosody.examine.examine import Options
from prosody.examine.sound import Sound
from prosody.examine.spoken import Words, words_of
from prosody.examine.timed import on_the_clock

LISTENED_S = 60.0
LISTENED_CALLS = 100  # spread over all of them, so that a thousand take seconds
_TOLD = {
    "roles_from_voice": "transcript, by voice",
    "roles_from_greeting": "wording",
    "role_unknown": "not told",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one call looks like.

    ``does`` is what a run would do: ``judge``, ``withhold`` or ``fail``; ``code`` and ``remedy``
    say what needs attention ('' where nothing does). ``clock`` is ``fits``, ``corrected``, what is
    wrong, or '' where it was not listened to.
    """

    recording: str
    duration_s: float
    channels: int
    transcript: str
    roles: str
    language: str
    clock: str
    does: str
    code: str = ""
    message: str = ""
    remedy: str = ""


class _Glimpse(Sound):
    """The first minute of a call."""

    @property
    def duration_s(self) -> float:
        return max(self.length_s(i) for i in range(len(self.recordings)))

    def length_s(self, source: int) -> float:
        return min(LISTENED_S, self.recordings[source].info.duration_s)

    def all_of(self, source: int) -> Sequence[ChannelActivity]:
        if source not in self._known:
            info = self.recordings[source].info
            blocks = _first(self.recordings[source])
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
        return compare((block[rows] for block in _first(files[0])), files[0].info.sr_hz)


def _first(recording: Recording) -> Iterator[Samples]:
    left = round(LISTENED_S * recording.info.sr_hz)
    for block in recording.blocks():
        yield block[:, :left]
        left -= block.shape[1]
        if left <= 0:
            return


def look(call: Call, options: Options, *, listen: bool = True) -> Look:
    """Look at one call; whatever is wrong with it is told and not raised."""
    seen = Look(call.name, 0.0, 0, "", "", "", "", "judge")
    try:
        with ExitStack() as stack:
            files = tuple(stack.enter_context(Recording(s.path)) for s in call.sources)
            seen = replace(
                seen,
                duration_s=max(f.info.duration_s for f in files),
                channels=sum(f.info.channels for f in files),
            )
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
            return _told(call, words, files, options, seen, listen=listen)
    except (ProsodyError, MemoryError, OSError) as error:
        known = error if isinstance(error, ProsodyError) else ProsodyError(str(error))
        return replace(
            seen, does="fail", code=known.code, message=known.message, remedy=known.remedy
        )


def _told(
    call: Call,
    words: Words,
    files: tuple[Recording, ...],
    options: Options,
    seen: Look,
    *,
    listen: bool,
) -> Look:
    found = words.transcript
    if found is None:
        if call.windows or options.asr:
            return replace(seen, transcript="windows" if call.windows else "recognised")
        return replace(
            seen,
            does="fail",
            code="no_words",
            message="No transcript was found.",
            remedy="Name their folder with --transcripts, mark windows, or recognise with --asr.",
        )
    seen = replace(seen, transcript=found.source, language=call.language or found.language)
    codes = {r.code for r in words.remarks}
    if any(s.role != "unknown" for s in call.sources):
        seen = replace(seen, roles="file names or manifest")
    elif any(t.role != "unknown" for t in found.turns):
        seen = replace(seen, roles="wording" if "roles_from_greeting" in codes else "transcript")
    if not listen:
        return seen
    near = tuple(t for t in found.turns if not t.start_s > LISTENED_S)
    words = replace(words, transcript=replace(found, turns=near))
    sound = _Glimpse(files)
    told, words = roles.assign(call, words, options.agent_channel, sound=sound)
    timed = on_the_clock(call, words, told, sound)
    codes |= {r.code for r in (*told.remarks, *words.remarks, *timed.remarks)}
    if told.layout == "mono" and not any(t.role == "agent" for t in timed.turns):
        seen = replace(
            seen,
            roles="not told",
            does="withhold",
            code="role_unknown",
            message="One channel, and nothing tells the speakers apart.",
            remedy="Name the agent's label with --agent-speaker, or give roles in the transcript.",
        )
    elif not seen.roles:
        seen = replace(seen, roles=next((v for k, v in _TOLD.items() if k in codes), "channels"))
    wrong = next((r for r in timed.remarks if r.code.startswith(("clock_", "header_"))), None)
    state = timed.clock.state
    clock = {"fits": "fits", "corrected": "corrected"}.get(state, wrong.code if wrong else state)
    if state in ("unsure", "broken") and wrong is not None:
        return replace(seen, clock=clock, does="withhold", code=wrong.code, message=wrong.text,
                       remedy=wrong.remedy)  # fmt: skip
    return replace(seen, clock=clock)


def check(calls: Sequence[Call], options: Options) -> list[Look]:
    """Look at every call, and listen to a minute of some."""
    step = max(1, -(-len(calls) // LISTENED_CALLS))
    return [look(c, options, listen=i % step == 0) for i, c in enumerate(calls)]


def summary(looks: Sequence[Look]) -> list[str]:
    """Return three lines: what can be read, who is who, and the clocks."""
    fails = sum(one.does == "fail" for one in looks)
    with_words = sum(bool(one.transcript) for one in looks)
    told = Counter(one.roles or "not told" for one in looks if one.transcript)
    clocks = Counter(one.clock for one in looks if one.clock)
    shown = ", ".join(f"{n} by {how}" if how != "not told" else f"{n} {how}"
                      for how, n in told.most_common())  # fmt: skip
    fit = ", ".join(f"{n} {how}" for how, n in clocks.most_common())
    return [
        f"{len(looks)} recordings: {len(looks) - fails} can be analysed, {fails} not.",
        f"{with_words} have words; the agent is told: {shown or 'nowhere'}.",
        f"Clocks listened to for a minute: {sum(clocks.values())}; {fit or 'none'}.",
    ]


def attention(looks: Iterable[Look]) -> list[dict[str, Any]]:
    """Return every kind of thing that needs attention: how many, an example, what helps."""
    groups: dict[str, list[Look]] = {}
    for one in looks:
        if one.code:
            groups.setdefault(one.code, []).append(one)
    return [
        {
            "code": code,
            "recordings": len(found),
            "does": found[0].does,
            "example": found[0].recording,
            "message": found[0].message,
            "remedy": found[0].remedy,
        }
        for code, found in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]


def as_dict(one: Look) -> dict[str, Any]:
    """Return a look as JSON holds it."""
    return asdict(one)
