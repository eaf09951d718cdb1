"""One speaker of an open call: the usual way to speak, and apologies measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans, overlap_s, subtract
from prosody.audio.recording import Recording
from prosody.errors import UsageError
from prosody.examine import baseline, gates
from prosody.examine.apology_window import ApologyWindow, cut
from prosody.examine.baseline import Baseline
from prosody.examine.open_call import OpenCall, Speaker
from prosody.measures import table
from prosody.message import Message
from prosody.results.records import ApologyRecord, CallRecord
from prosody.settings import Settings
from prosody.transcripts.turns import Act
from prosody.words import load as words

Floats = NDArray[np.float64]
_AT = {name: i for i, name in enumerate(table.NAMES)}
_ACOUSTIC = [_AT[name] for name in table.ACOUSTIC]


_BARE_WORDS = 2  # "sorry", "I'm sorry"; with what for there are more


def _bare(act: Act) -> bool:
    """Tell whether an apology is no more than a "sorry", which as often corrects a word."""
    return act.form == "sorry" and len(act.text.split()) <= _BARE_WORDS


@dataclass(frozen=True, slots=True)
class Measuring:
    """How the apologies of one speaker are measured.

    Attributes
    ----------
    opened : OpenCall
    who : Speaker
    settings : Settings
    lang : str
        Language of the remarks.
    given : Baseline or None
        A baseline measured elsewhere (`baseline_of`), instead of the rest of the call.
    """

    opened: OpenCall
    who: Speaker
    settings: Settings
    lang: str = "en"
    given: Baseline | None = None

    def rows(self, acts: Sequence[Act], record: CallRecord) -> tuple[list[ApologyRecord], Baseline]:
        """Measure apologies and the baseline in one batch; return the rows and the baseline."""
        opened, chosen = self.opened, self.settings
        speech = opened.speech(self.who.track)
        cuts = [self._cut(a, speech) for a in acts]
        windows = np.array([[c.start_s, c.end_s] for c in cuts]).reshape(-1, 2)
        own = opened.own_speech(self.who)
        stretches = baseline.stretches(own, windows, chosen.baseline)
        sounds, measured = self._measure(np.concatenate([windows, stretches]))
        n = len(acts)
        if self.given is not None:
            usual = self.given.at_least(chosen.baseline.min_s)
        else:
            seconds = float(overlap_s(own, stretches).sum())
            usual = Baseline.of(measured[n:], seconds, chosen.baseline.min_s)
        relative = usual.relative(measured[:n])
        common = self._baseline_remarks(usual.seconds)
        qualities = self._qualities(sounds[:n], measured[:n], windows, speech)
        qualities = [self._fitting(*one) for one in zip(qualities, cuts, acts, strict=True)]
        if usual.seconds <= 0:
            qualities = [
                q if gates.OUTSIDE in q.gates else replace(q, gates=(*q.gates, gates.NO_BASELINE))
                for q in qualities
            ]
        track = self.who.track
        rows = [
            ApologyRecord(
                recording=record.recording,
                recording_sha256=record.recording_sha256,
                call_id=record.call_id,
                channel=track.channel if len(opened.recordings) == 1 else track.source,
                role=act.role,
                text=act.text,
                start_s=float(windows[i, 0]),
                end_s=float(windows[i, 1]),
                form=act.form,
                source=opened.source,
                language=opened.language,
                measures=measured[i],
                relative=relative[i],
                baseline_s=usual.seconds,
                started_at=record.started_at,
                agent=record.agent,
                agent_speaker=self.who.name,
                team=record.team,
                i_form=act.i_form,
                gates=found.gates,
                remarks=(
                    *common,
                    *([self._remark("bare_sorry")] if _bare(act) else ()),
                    *(self._remark(c) for c in cuts[i].remarks),
                    *(self._remark(c) for c in found.remarks),
                ),
                snr_db=found.snr_db,
                quality=found.numbers,
                conduct=record.conduct,
            )
            for i, (act, found) in enumerate(zip(acts, qualities, strict=True))
        ]
        return rows, usual

    def _fitting(self, found: gates.Quality, window: ApologyWindow, act: Act) -> gates.Quality:
        """Return what is known of a window's sound, with the gates of one that cannot be right."""
        if "window_beyond" in window.remarks:
            found = replace(found, gates=(gates.OUTSIDE,), numbers=())
        fault = self.opened.fault_of(act)
        if self.opened.source not in ("transcript", "asr") or not fault:
            return found
        return replace(
            found,
            gates=(*found.gates, gates.CLOCK),
            remarks=(*found.remarks, f"clock_{fault}" if fault != "clock" else "clock"),
        )

    def _cut(self, act: Act, speech: Spans) -> ApologyWindow:
        turn = self.opened.turns[act.turn].text if act.turn >= 0 else ""
        return cut(
            act,
            speech,
            self.opened.duration_s,
            source=self.opened.source,
            turn_text=turn,
            chosen=self.settings.windows,
        )

    def _measure(self, windows: Spans) -> tuple[list[NDArray[np.float32]], Floats]:
        """Return the sound and all measures (`table.NAMES`) of windows of this voice."""
        from prosody.measures import measure, tempo

        opened = self.opened
        sounds = opened.read(self.who.track, windows)
        values = np.full((len(windows), len(table.NAMES)), np.nan)
        values[:, _ACOUSTIC] = measure.measure(
            sounds, opened.recordings[self.who.track.source].info.sr_hz
        )
        words = opened.words_of(self.who)
        if words:
            spoken = tempo.SpokenWords(words, opened.language)
            for i, (start, end) in enumerate(windows):
                rates = spoken.rates((float(start), float(end)))
                for name in (m.name for m in table.MEASURES if m.family == "words"):
                    values[i, _AT[name]] = getattr(rates, name)
        return sounds, values

    def _qualities(
        self, sounds: Sequence[NDArray[np.float32]], measured: Floats, windows: Spans, speech: Spans
    ) -> list[gates.Quality]:
        sr = self.opened.recordings[self.who.track.source].info.sr_hz
        voiced_s = np.nan_to_num(measured[:, _AT["voiced_share"]] * measured[:, _AT["duration_s"]])
        speech_s = overlap_s(speech, windows)
        music_s = overlap_s(self.opened.music(self.who.track), windows)
        return [
            gates.check(
                sound,
                sr,
                speech_s=float(speech_s[i]),
                voiced_s=float(voiced_s[i]),
                noise_db=self.opened.noise_db(self.who.track, *windows[i].tolist()),
                music_s=float(music_s[i]),
                gates=self.settings.gates,
            )
            for i, sound in enumerate(sounds)
        ]

    def _baseline_remarks(self, baseline_s: float) -> list[Message]:
        limits = self.settings.baseline
        if self.who.role == "unknown" and self.opened.source != "clips":
            return [self._remark("role_unknown")]
        if baseline_s < limits.min_s:
            return [self._remark("no_baseline")]
        return [self._remark("short_baseline", baseline_s)] if baseline_s < limits.short_s else []

    def _remark(self, code: str, seconds: float | None = None) -> Message:
        if seconds is None:
            seconds = self.settings.windows.max_s
        return Message(code, words("screen", self.lang)["remark"][code].format(seconds=seconds))


def baseline_of(path: Path, settings: Settings) -> Baseline:
    """Return the baseline of one voice from a recording of ordinary speech (`ordinary_speech`)."""
    measured, seconds = ordinary_speech(path, settings)
    return Baseline.of(measured, seconds, settings.baseline.min_s, table.ACOUSTIC)


def ordinary_speech(path: Path, settings: Settings) -> tuple[Floats, float]:
    """Measure stretches of a recording of ordinary speech.

    Parameters
    ----------
    path : Path
        One voice; of several channels the one with most speech is taken.
    settings : Settings

    Returns
    -------
    measured : float64 [n, len(table.ACOUSTIC)]
    seconds : float
        Speech in them.

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
        return measure.measure(sounds, recording.info.sr_hz), held
