"""One call in, rows out: from files to measured apologies, then to judged ones.

``examine`` does everything for one call except the judging, so that the apologies of many calls
can be judged together. ``analyze`` does both, for the Python user. An expected failure comes back
as a line with a code and a remedy, never as a traceback.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody import baseline, remote, table
from prosody.asr import Plan
from prosody.calls import Call
from prosody.cutting import Cut, cut
from prosody.errors import ProsodyError, RecordingError, UsageError
from prosody.hearing import NO_WORDS, Heard, describe, file_hash, hear
from prosody.recording import Recording, Remark
from prosody.roles import Track, check
from prosody.rows import Apology, Line, nested
from prosody.said import failure as failure_said
from prosody.said import remark as remark_said
from prosody.settings import Settings
from prosody.turns import Act, Role
from prosody.words import load as words

Spans = NDArray[np.float64]
Floats = NDArray[np.float64]
_AT = {name: i for i, name in enumerate(table.NAMES)}
_ACOUSTIC = [_AT[name] for name in table.ACOUSTIC]


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are examined; the same for all calls of a run.

    ``baseline`` is a file with ordinary speech of the voice in the clips; ``lang`` the language of
    remarks and reasons, ``language`` the one that is spoken; ``asr`` says what to recognise words
    with where there is no transcript.
    """

    agent_channel: str = "auto"
    clips: bool = False
    baseline: Path | None = None
    language: str = "auto"
    lang: str = "en"
    settings: Settings = field(default_factory=Settings)
    asr: Plan | None = None


@dataclass(slots=True)
class Examined:
    """One call, measured: its line and its apologies (not yet judged)."""

    line: Line
    apologies: list[Apology] = field(default_factory=list)


def check_request(calls: Sequence[Call], options: Options) -> None:
    """Refuse a run that cannot give anything, before it starts.

    Raises
    ------
    UsageError
        For a wrong option, or where nothing says in any recording where the apologies are.
    """
    from prosody import lexicon

    check(options.agent_channel)
    words("screen", options.lang)
    if options.language != "auto":
        lexicon.load(options.language)
    if options.baseline is not None and not options.clips:
        raise UsageError(
            "--baseline was given without --clips.",
            "A call has its own baseline; --baseline is for practice takes.",
        )
    told = any(c.transcript or c.windows or any(s.transcript for s in c.sources) for c in calls)
    if not options.clips and not told and options.asr is None:
        raise UsageError("Nothing says where the apologies are.", NO_WORDS)


class Examiner:
    """``examine`` with its options and the baseline of ``--baseline``, ready for many calls."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.voice = None if options.baseline is None else voice_of(options.baseline, options)

    def __call__(self, call: Call) -> Examined:
        """Examine one call; even a fault of ours costs this call a row and not the run.

        With ``PROSODY_STRICT`` set in the environment (tests, development) a fault is raised.
        """
        try:
            with remote.beside(call) as here:
                return examine(here, self.options, voice=self.voice)
        except Exception as error:
            if os.environ.get("PROSODY_STRICT"):
                raise
            return Examined(
                Line(
                    call.name,
                    call.call_id,
                    status="failed",
                    code="internal_error",
                    message=f"{call.name}: {type(error).__name__}: {error}.",
                    remedy="This is a fault in prosody: set PROSODY_STRICT=1 to see where, and "
                    "report it.",
                    started_at=call.started_at,
                    agent=call.agent,
                    team=call.team,
                )
            )


def examine(call: Call, options: Options, *, voice: tuple[Floats, float] | None = None) -> Examined:
    """Find and measure the apologies of one call.

    Parameters
    ----------
    call : Call
        The files of one call and what is known about them.
    options : Options
    voice : (ndarray [shape=(len(ACOUSTIC),)], float), optional
        A baseline measured elsewhere (`voice_of`) and its seconds of speech.

    Returns
    -------
    Examined
        The call's line (``ok``, ``no_apology``, or ``failed`` with code and remedy) and one row per
        apology, measured but not judged.
    """
    line = Line(
        call.name,
        call.call_id,
        started_at=call.started_at,
        agent=call.agent,
        team=call.team,
        language=call.language,
    )
    try:
        return _examine(call, options, line, voice)
    except (ProsodyError, MemoryError, OSError) as error:
        known = (
            error
            if isinstance(error, ProsodyError)
            else RecordingError(
                f"{call.name}: {type(error).__name__}: {error}.", "Check the file and the machine."
            )
        )
        line.status, line.code = "failed", known.code
        line.message, line.remedy = failure_said(known, options.lang)
        return Examined(line)


def _examine(
    call: Call, options: Options, line: Line, voice: tuple[Floats, float] | None
) -> Examined:
    with hear(
        call,
        agent_channel=options.agent_channel,
        clips=options.clips,
        language=options.language,
        settings=options.settings,
        asr=options.asr,
    ) as heard:
        for name, value in describe(heard).items():
            setattr(line, name, value)
        line.recording_sha256 = file_hash(call, heard.roles.tracks[0])
        line.remarks = tuple(remark_said(r, options.lang) for r in heard.remarks)
        line.acts = tuple(
            {
                "act": a.kind,
                "role": a.role,
                "start_s": a.start_s,
                "end_s": a.end_s,
                "form": a.form,
                "text": a.text,
            }
            for a in heard.acts
        )
        if heard.turns:
            line.conduct, line.complaint_without_apology = _conduct(heard, options)
        rows: list[Apology] = []
        for track, role, acts in heard.voices():
            rows += _Voice(heard, track, role, options, voice).rows(acts, line)
    rows.sort(key=lambda r: (r.start_s, r.channel))
    line.apologies = len(rows)
    line.status = "ok" if rows else "no_apology"
    return Examined(line, rows)


def _conduct(heard: Heard, options: Options) -> tuple[dict[str, Any], bool | None]:
    from prosody import conduct

    language = heard.language if heard.language in conduct.languages() else "auto"
    found = conduct.assess(heard.turns, heard.acts, language=language, settings=options.settings)
    out = {}
    for rule, result in found.items():
        texts = conduct.texts(result, options.lang)
        out[rule] = {**result.as_dict(), "advice": texts["advice"], "remark": texts["remark"]}
    complains = conduct.complains(heard.turns, heard.acts, language=language)
    silent = not any(a.kind == "apology" and a.role != "customer" for a in heard.acts)
    return out, None if complains is None else complains and silent


class _Voice:
    """One voice on one track: its baseline, and the rows of its apologies."""

    def __init__(
        self,
        heard: Heard,
        track: Track,
        role: Role,
        options: Options,
        voice: tuple[Floats, float] | None,
    ) -> None:
        self.heard, self.track, self.role = heard, track, role
        self.options, self.voice = options, voice
        self.texts: dict[str, str] = words("screen", options.lang)["remark"]

    def rows(self, acts: Sequence[Act], line: Line) -> list[Apology]:
        """Measure apologies and the baseline in one batch, and make the rows."""
        heard, chosen = self.heard, self.options.settings
        speech = heard.speech(self.track)
        cuts = [self._cut(a, speech) for a in acts]
        windows = np.array([[c.start_s, c.end_s] for c in cuts]).reshape(-1, 2)
        own = heard.own_speech(self.track, self.role)
        stretches = baseline.stretches(own, windows, chosen.baseline)
        sounds, measured = self._measure(np.concatenate([windows, stretches]))
        n = len(acts)
        habit, baseline_s = baseline.median(measured[n:]), 0.0
        if self.voice is not None:
            habit, baseline_s = np.full(len(table.NAMES), np.nan), self.voice[1]
            habit[_ACOUSTIC] = self.voice[0]
        else:
            baseline_s = float(baseline.overlap_s(own, stretches).sum())
        if baseline_s < chosen.baseline.min_s:
            habit, baseline_s = np.full_like(habit, np.nan), 0.0
        if self.role == "agent":
            line.baseline_s = baseline_s
            line.baseline = dict(zip(table.NAMES, habit.tolist(), strict=True))
        relative = table.relative(measured[:n], np.repeat(habit[None], n, axis=0))
        common = self._baseline_remarks(baseline_s)
        qualities = self._qualities(sounds[:n], measured[:n], windows, speech)
        track_number = self.track.channel if len(heard.recordings) == 1 else self.track.source
        return [
            Apology(
                recording=line.recording,
                recording_sha256=line.recording_sha256,
                call_id=line.call_id,
                channel=track_number,
                role=act.role,
                text=act.text,
                start_s=float(windows[i, 0]),
                end_s=float(windows[i, 1]),
                form=act.form,
                source=heard.source,
                language=heard.language,
                measures=measured[i],
                relative=relative[i],
                baseline_s=baseline_s,
                started_at=line.started_at,
                agent=line.agent,
                team=line.team,
                i_form=act.i_form,
                gates=quality.gates,
                remarks=(
                    *common,
                    *(self._remark(c) for c in cuts[i].remarks),
                    *(self._remark(c) for c in quality.remarks),
                ),
                snr_db=quality.snr_db,
                conduct=line.conduct,
            )
            for i, (act, quality) in enumerate(zip(acts, qualities, strict=True))
        ]

    def _cut(self, act: Act, speech: Spans) -> Cut:
        turn = self.heard.turns[act.turn].text if act.turn >= 0 else ""
        return cut(
            act,
            speech,
            self.heard.duration_s,
            source=self.heard.source,
            turn_text=turn,
            chosen=self.options.settings.windows,
        )

    def _measure(self, windows: Spans) -> tuple[list[NDArray[np.float32]], Floats]:
        """Return the sound and all measures (`table.NAMES`) of windows of this voice."""
        from prosody import measures, tempo

        heard = self.heard
        sounds = heard.read(self.track, windows)
        values = np.full((len(windows), len(table.NAMES)), np.nan)
        values[:, _ACOUSTIC] = measures.measure(
            sounds, heard.recordings[self.track.source].info.sr_hz
        )
        said = heard.words_of(self.role)
        if said:
            for i, (start, end) in enumerate(windows):
                rates = tempo.word_rates(said, (float(start), float(end)), heard.language)
                for name in (m.name for m in table.MEASURES if m.family == "words"):
                    values[i, _AT[name]] = getattr(rates, name)
        return sounds, values

    def _qualities(
        self, sounds: Sequence[NDArray[np.float32]], measured: Floats, windows: Spans, speech: Spans
    ) -> list[Any]:
        from prosody import quality

        sr = self.heard.recordings[self.track.source].info.sr_hz
        voiced_s = np.nan_to_num(measured[:, _AT["voiced_share"]] * measured[:, _AT["duration_s"]])
        speech_s = baseline.overlap_s(speech, windows)
        return [
            quality.check(
                sound,
                sr,
                speech_s=float(speech_s[i]),
                voiced_s=float(voiced_s[i]),
                noise_db=self.heard.noise_db(self.track, *windows[i].tolist()),
                gates=self.options.settings.gates,
            )
            for i, sound in enumerate(sounds)
        ]

    def _baseline_remarks(self, baseline_s: float) -> list[Remark]:
        limits = self.options.settings.baseline
        if self.role == "unknown" and self.heard.source != "clips":
            return [self._remark("role_unknown")]
        if baseline_s < limits.min_s:
            return [self._remark("no_baseline")]
        return [self._remark("short_baseline", baseline_s)] if baseline_s < limits.short_s else []

    def _remark(self, code: str, seconds: float | None = None) -> Remark:
        if seconds is None:
            seconds = self.options.settings.windows.max_s
        return Remark(code, self.texts[code].format(seconds=seconds))


def voice_of(path: Path, options: Options) -> tuple[Floats, float]:
    """Measure a recording of ordinary speech as the baseline of one voice.

    Parameters
    ----------
    path : Path
        One voice; of several channels the first that holds speech is taken.
    options : Options

    Returns
    -------
    values : ndarray [shape=(len(ACOUSTIC),)]
        Median of each measure over stretches of the speech.
    baseline_s : float
        Seconds of speech they rest on.

    Raises
    ------
    ProsodyError
        If the file cannot be read or holds too little speech.
    """
    from prosody import activity, measures

    chosen = options.settings.baseline
    with Recording(path) as recording:
        speech = [v.speech for v in activity.voices_of(recording)]
        seconds = [float((s[:, 1] - s[:, 0]).sum()) for s in speech]
        channel = int(np.argmax(seconds))
        cutting = baseline.stretches(speech[channel], np.empty((0, 2)), chosen)
        held = float(baseline.overlap_s(speech[channel], cutting).sum())
        if held < chosen.min_s:
            raise UsageError(
                f"--baseline {path}: {held:.1f} s of speech, expected at least {chosen.min_s:g} s.",
                "Record some ordinary sentences of the same voice.",
            )
        sounds = recording.read_all([(float(a), float(b)) for a, b in cutting], channel)
        return baseline.median(measures.measure(sounds, recording.info.sr_hz)), held


def analyze(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    transcripts: str | os.PathLike[str] | None = None,
    windows: str | os.PathLike[str] | None = None,
    manifest: str | os.PathLike[str] | None = None,
    clips: bool = False,
    baseline: str | os.PathLike[str] | None = None,
    agent_channel: str = "auto",
    language: str = "auto",
    lang: str = "en",
    model: str | os.PathLike[str] | None = None,
    measures_only: bool = False,
    settings: Settings | None = None,
) -> list[dict[str, Any]]:
    """Find, measure and judge the apologies in recordings.

    Parameters
    ----------
    path : path or sequence of paths
        Recordings or folders; for transcripts, windows and roles see the options of the same names
        on the command line (``prosody analyze --help``).
    transcripts, windows, manifest, baseline, model : path, optional
    clips, measures_only : bool
    agent_channel, language, lang : str
    settings : Settings, optional

    Returns
    -------
    list of dict
        One per apology, as in ``apologies.jsonl``: times in seconds, measures with units in their
        names, missing numbers None. A gated apology has ``verdict`` None and its reason in
        ``gates``.

    Raises
    ------
    ProsodyError
        If a recording cannot be read (on the command line that becomes a line of the results).

    Examples
    --------
    >>> rows = analyze("samples", lang="nl")  # doctest: +SKIP
    >>> rows[0]["verdict"], rows[0]["measures"]["pitch_p50_st"]  # doctest: +SKIP
    """
    from prosody.calls import collect
    from prosody.judge import Judge
    from prosody.judging import judge_rows

    options = Options(
        agent_channel=agent_channel,
        clips=clips,
        language=language,
        lang=lang,
        baseline=None if baseline is None else Path(baseline),
        settings=settings or Settings(),
    )
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    calls = collect(paths, manifest=manifest, transcripts=transcripts, windows=windows, clips=clips)
    check_request(calls, options)
    rows: list[Apology] = []
    examiner = Examiner(options)
    for call in calls:
        done = examiner(call)
        if done.line.status == "failed":
            raise RecordingError(done.line.message, done.line.remedy, code=done.line.code)
        rows += done.apologies
    if not measures_only:
        judge_rows(
            rows, Judge.load(None if model is None else Path(model)), options.settings, lang=lang
        )
    return [nested(r, measures_only=measures_only) for r in rows]
