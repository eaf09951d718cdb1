"""One voice: what is usual for it, and its apologies measured against that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans, overlap_s, subtract
from prosody.audio.recording import Recording, Remark
from prosody.errors import UsageError
from prosody.examine import baseline, gates
from prosody.examine.apology_window import Cut, cut
from prosody.examine.open_call import Heard
from prosody.examine.roles import Track
from prosody.measures import table
from prosody.results.records import Apology, Line
from prosody.settings import Settings
from prosody.transcripts.turns import Act, Role
from prosody.words import load as words

Floats = NDArray[np.float64]
Habit = tuple[Floats, float]  # median of each acoustic measure, and the seconds they rest on
_AT = {name: i for i, name in enumerate(table.NAMES)}
_ACOUSTIC = [_AT[name] for name in table.ACOUSTIC]


class Voice:
    """One voice on one track of an open call.

    Parameters
    ----------
    heard : Heard
    track : Track
    role : {'agent', 'customer', 'unknown'}
    settings : Settings
    lang : str
        Language of the remarks.
    voice : Habit, optional
        A baseline measured elsewhere (`voice_of`), instead of the rest of the call.
    """

    def __init__(
        self,
        heard: Heard,
        track: Track,
        role: Role,
        settings: Settings,
        lang: str,
        voice: Habit | None = None,
    ) -> None:
        self.heard, self.track, self.role = heard, track, role
        self.settings, self.voice = settings, voice
        self.texts: dict[str, str] = words("screen", lang)["remark"]

    def rows(self, acts: Sequence[Act], line: Line) -> list[Apology]:
        """Measure apologies and the baseline in one batch, and make the rows."""
        heard, chosen = self.heard, self.settings
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
            baseline_s = float(overlap_s(own, stretches).sum())
        if baseline_s < chosen.baseline.min_s:
            habit, baseline_s = np.full_like(habit, np.nan), 0.0
        if self.role == "agent":
            line.baseline_s = baseline_s
            line.baseline = dict(zip(table.NAMES, habit.tolist(), strict=True))
        relative = table.relative(measured[:n], np.repeat(habit[None], n, axis=0))
        common = self._baseline_remarks(baseline_s)
        lacking = () if baseline_s > 0 else (gates.NO_BASELINE,)
        qualities = [
            replace(found, gates=(gates.OUTSIDE,), numbers=())
            if "window_beyond" in cut.remarks
            else replace(found, gates=(*found.gates, *lacking))
            for found, cut in zip(
                self._qualities(sounds[:n], measured[:n], windows, speech), cuts, strict=True
            )
        ]
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
                gates=found.gates,
                remarks=(
                    *common,
                    *(self._remark(c) for c in cuts[i].remarks),
                    *(self._remark(c) for c in found.remarks),
                ),
                snr_db=found.snr_db,
                quality=found.numbers,
                conduct=line.conduct,
            )
            for i, (act, found) in enumerate(zip(acts, qualities, strict=True))
        ]

    def _cut(self, act: Act, speech: Spans) -> Cut:
        turn = self.heard.turns[act.turn].text if act.turn >= 0 else ""
        return cut(
            act,
            speech,
            self.heard.duration_s,
            source=self.heard.source,
            turn_text=turn,
            chosen=self.settings.windows,
        )

    def _measure(self, windows: Spans) -> tuple[list[NDArray[np.float32]], Floats]:
        """Return the sound and all measures (`table.NAMES`) of windows of this voice."""
        from prosody.measures import measure
        from prosody.measures.measure import tempo

        heard = self.heard
        sounds = heard.read(self.track, windows)
        values = np.full((len(windows), len(table.NAMES)), np.nan)
        values[:, _ACOUSTIC] = measure.measure(
            sounds, heard.recordings[self.track.source].info.sr_hz
        )
        said = heard.words_of(self.role)
        if said:
            spoken = tempo.SpokenWords(said, heard.language)
            for i, (start, end) in enumerate(windows):
                rates = spoken.rates((float(start), float(end)))
                for name in (m.name for m in table.MEASURES if m.family == "words"):
                    values[i, _AT[name]] = getattr(rates, name)
        return sounds, values

    def _qualities(
        self, sounds: Sequence[NDArray[np.float32]], measured: Floats, windows: Spans, speech: Spans
    ) -> list[gates.Quality]:
        sr = self.heard.recordings[self.track.source].info.sr_hz
        voiced_s = np.nan_to_num(measured[:, _AT["voiced_share"]] * measured[:, _AT["duration_s"]])
        speech_s = overlap_s(speech, windows)
        music_s = overlap_s(self.heard.music(self.track), windows)
        return [
            gates.check(
                sound,
                sr,
                speech_s=float(speech_s[i]),
                voiced_s=float(voiced_s[i]),
                noise_db=self.heard.noise_db(self.track, *windows[i].tolist()),
                music_s=float(music_s[i]),
                gates=self.settings.gates,
            )
            for i, sound in enumerate(sounds)
        ]

    def _baseline_remarks(self, baseline_s: float) -> list[Remark]:
        limits = self.settings.baseline
        if self.role == "unknown" and self.heard.source != "clips":
            return [self._remark("role_unknown")]
        if baseline_s < limits.min_s:
            return [self._remark("no_baseline")]
        return [self._remark("short_baseline", baseline_s)] if baseline_s < limits.short_s else []

    def _remark(self, code: str, seconds: float | None = None) -> Remark:
        if seconds is None:
            seconds = self.settings.windows.max_s
        return Remark(code, self.texts[code].format(seconds=seconds))


def voice_of(path: Path, settings: Settings) -> Habit:
    """Measure a recording of ordinary speech as the baseline of one voice.

    Parameters
    ----------
    path : Path
        One voice; of several channels the one with most speech is taken.
    settings : Settings

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
    from prosody.audio import activity
    from prosody.measures import measure

    chosen = settings.baseline
    with Recording(path) as recording:
        speech = [subtract(a.speech, a.music) for a in activity.activity_of(recording)]
        seconds = [float((s[:, 1] - s[:, 0]).sum()) for s in speech]
        channel = int(np.argmax(seconds))
        cutting = baseline.stretches(speech[channel], np.empty((0, 2)), chosen)
        held = float(overlap_s(speech[channel], cutting).sum())
        if held < chosen.min_s:
            raise UsageError(
                f"--baseline {path}: {held:.1f} s of speech, expected at least {chosen.min_s:g} s.",
                "Record some ordinary sentences of the same voice.",
            )
        sounds = recording.read_all([(float(a), float(b)) for a, b in cutting], channel)
        return baseline.median(measure.measure(sounds, recording.info.sr_hz)), held
