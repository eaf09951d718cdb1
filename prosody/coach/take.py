"""One take listened to: from the bytes that came in to all the page shows but the judgement.

This is the heavy work; it runs in a worker process (`prosody.web.processes`). A take is read by
the same code as every recording, brought to one channel, and stored as FLAC, sample for sample:
what is measured is what is kept, so that ``prosody analyze --clips`` on the kept file says the
same. Dead air before and after the speech is cut, since a listener would not count it as a pause.
"""

from __future__ import annotations

import io
import math
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans
from prosody.coach.contours import Contours
from prosody.errors import ProsodyError, RecordingError, UsageError
from prosody.examine.baseline import Baseline
from prosody.results.records import ApologyRecord
from prosody.settings import Settings

Signal = NDArray[np.float32]

MOST_HZ = 48_000
LONG_EDGE_S = 0.8
"""Longer silence before the first or after the last word is dead air and is cut ..."""
EDGE_S = 0.3
"""... to this, which still shows how noisy the room is."""
SLACK_S = 1.0
"""A take that is longer than allowed by no more than this is cut: pages stop a little late."""
ELSEWHERE_DB = 20.0
"""The second channel is taken where it is so much louder: a voice is on that one only."""
GAP_S = 0.8
"""Silence between the sentences of a baseline: longer than any pause that is bridged."""
CLIPPED_AROUND_S = 0.5
_COMES_OF = {
    "music": ("too_little_voice", "too_noisy", "clipped"),
    "digital_silence": ("too_little_voice",),
}
"""What is not told beside its cause."""
USUAL_SHARE = (0.2, 0.8)

# 16 bits hold everything these say; all others are stored with 24.
_COARSE = frozenset(("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "GSM610", "pcm_s16le"))


@dataclass(slots=True)
class Problem:
    """Something wrong with a recording: its code, and where in it if that can be said."""

    code: str
    start_s: float | None = None
    end_s: float | None = None
    stops: bool = False


@dataclass(slots=True)
class Measured:
    """A take, measured against nothing yet.

    Attributes
    ----------
    flac : bytes
        The sound, one channel.
    row : ApologyRecord
        As `examine.examine` measures it, without a baseline.
    drawn : Contours
        Pitch, loudness and waveform.
    lines_json : str
        The same as the page reads it.
    pauses : list of (float, float)
        Start and end of the silences within, seconds.
    speech_s : float
        Seconds of speech.
    speech : ndarray [shape=(k, 2)]
        Where that is.
    end_st, end_db : float
        Pitch at the end against the middle, semitones; loudness of the end against the whole; NaN
        where there is too little voice.
    problems : list of Problem
    level_db, snr_db, clipped_share : float
        Of the speech, dB re full scale; above the noise; share of samples.
    """

    flac: bytes
    sr_hz: int
    duration_s: float
    row: ApologyRecord
    drawn: Contours
    lines_json: str
    pauses: list[tuple[float, float]]
    speech_s: float
    speech: Spans
    end_st: float
    end_db: float
    level_db: float
    snr_db: float
    clipped_share: float
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing keeps it from being judged."""
        return not any(p.stops for p in self.problems)


def listen(data: bytes, folder: str, max_s: float, settings: Settings) -> Measured:
    """Read, cut and measure a take.

    Parameters
    ----------
    data : bytes
        A sound file of any kind that is read at all; told by its content.
    folder : str
        Where its file may stand for a moment.
    max_s : float
        Longer takes are refused.
    settings : Settings

    Raises
    ------
    ProsodyError
        If it is no sound, damaged, or too long; names no path.
    """
    from prosody.audio import activity
    from prosody.coach import contours
    from prosody.examine import gates

    y, sr, coarse = read(data, folder, max_s)
    whole_s = len(y) / sr
    listener = activity.Listener(sr)
    listener.push(y)
    voice = listener.finish()
    noise_db = gates.noise_db(voice.level_db, voice.frame_s, voice.speech, 0.0, whole_s)
    first, last = _edges(voice.speech, whole_s)
    low, high = round(first * sr), min(len(y), round(last * sr))
    y, speech = y[low:high], np.clip(voice.speech - first, 0.0, last - first)
    samples, flac = encode(y, sr, coarse)
    row = as_analyzed(flac, folder, settings)
    found = gates.check(samples, sr, noise_db=noise_db, gates=settings.gates)
    drawn = contours.draw(samples, sr)
    row.gates = tuple(g for g in gates.GATES if g in row.gates or g in found.gates)
    row.snr_db = found.snr_db
    gaps = contours.pauses(speech, settings.coach.notice_pause_s)
    return Measured(
        flac=flac,
        sr_hz=sr,
        duration_s=len(samples) / sr,
        row=row,
        drawn=drawn,
        lines_json=drawn.as_json(),
        pauses=[(float(a), float(b)) for a, b in gaps],
        speech_s=float((speech[:, 1] - speech[:, 0]).sum()),
        speech=speech,
        end_st=contours.end_st(drawn),
        end_db=contours.end_db(drawn, speech),
        level_db=found.level_dbfs,
        snr_db=found.snr_db,
        clipped_share=found.clipped_share,
        problems=_problems(row.gates, found, samples, sr, settings),
    )


def read(data: bytes, folder: str, max_s: float) -> tuple[Signal, int, bool]:
    """Return the channel with the voice, its rate, and whether 16 bits hold it."""
    from prosody.audio.recording import Recording

    with _as_file(data, folder) as path, Recording(path) as recording:
        info = recording.info
        pieces, count = [], 0
        most, refused = (math.ceil(s * info.sr_hz) for s in (max_s, max_s + SLACK_S))
        for block in recording.blocks():
            count += block.shape[1]
            if count > refused:
                raise RecordingError(
                    f"The recording is longer than {max_s:g} s.",
                    f"Keep it under {max_s:g} s; an apology need not be longer.",
                    code="take_too_long",
                )
            pieces.append(block[:2].copy())
        y = voiced_channel(pieces)[:most]
        coarse = info.subtype in _COARSE
    if info.sr_hz > MOST_HZ:
        import soxr

        y = np.asarray(soxr.resample(y, info.sr_hz, MOST_HZ), dtype=np.float32)
        return y, MOST_HZ, False
    return y, info.sr_hz, coarse


def voiced_channel(pieces: list[NDArray[np.float32]]) -> Signal:
    """Return the first channel of blocks ``[channels, n]``, the second where only that speaks."""
    if not pieces:
        return np.zeros(0, np.float32)
    y = np.concatenate(pieces, axis=1)
    power = np.square(y, dtype=np.float64).sum(axis=1)
    other = len(y) > 1 and power[1] > 10 ** (ELSEWHERE_DB / 10) * power[0]
    return np.asarray(y[int(other)], np.float32)


class _as_file:  # noqa: N801 - used as a word: `with _as_file(...)`
    """Bytes as a file that only this user may read, for as long as it is needed.

    The path stands in no error: whoever sent the bytes never named one.
    """

    def __init__(self, data: bytes, folder: str) -> None:
        self.data, self.folder = data, folder

    def __enter__(self) -> Path:
        handle, name = tempfile.mkstemp(prefix="take-", dir=self.folder)  # made with mode 0600
        self.path = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(self.data)
        return self.path

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.path.unlink(missing_ok=True)
        if isinstance(error, ProsodyError):
            message = error.message.replace(f"{self.path}: ", "").replace(str(self.path), "")
            message = message[:1].upper() + message[1:]
            raise RecordingError(message, error.remedy, code=error.code) from None


def _edges(speech: Any, duration_s: float) -> tuple[float, float]:
    """Return where a take begins and ends once dead air is cut off."""
    if not len(speech):
        return 0.0, duration_s
    first, last = float(speech[0, 0]), float(speech[-1, 1])
    low = first - EDGE_S if first > LONG_EDGE_S else 0.0
    high = last + EDGE_S if duration_s - last > LONG_EDGE_S else duration_s
    return low, high


def encode(y: Signal, sr: int, coarse: bool) -> tuple[Signal, bytes]:
    """Return a signal as FLAC, and as it reads back from there."""
    import soundfile

    # As integers: libsndfile scales floats by 32767 on the way in and by 1/32768 on the way out.
    bits = 16 if coarse else 24
    top = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(y.astype(np.float64) * top), -top, top - 1)
    stored = whole.astype(np.int16) if coarse else whole.astype(np.int32) << 8
    out = io.BytesIO()
    soundfile.write(out, stored, sr, format="FLAC", subtype=f"PCM_{bits}")
    return (whole / top).astype(np.float32), out.getvalue()


def as_analyzed(flac: bytes, folder: str, settings: Settings) -> ApologyRecord:
    """Measure a take exactly as ``prosody analyze --clips`` does."""
    from prosody.calls.collect import Call, Source
    from prosody.examine import examine

    with _as_file(flac, folder) as path:
        call = Call("take", (Source(path),), "take")
        done = examine.examine(call, examine.Options(clips=True, settings=settings))
        if done.record.status == "failed":
            raise RecordingError(done.record.message, done.record.remedy, code=done.record.code)
        if not done.apologies:
            raise RecordingError("There is nothing to hear.", "Record it again.", code="empty")
        return done.apologies[0]


def _problems(
    gates: tuple[str, ...], found: Any, y: Signal, sr: int, settings: Settings
) -> list[Problem]:
    out = []
    mere = {g for cause, others in _COMES_OF.items() if cause in gates for g in others}
    for gate in (g for g in gates if g not in mere):
        start, end = clipped_place(y, sr) if gate == "clipped" else (None, None)
        out.append(Problem(gate, start, end, stops=True))
    if found.level_dbfs < settings.coach.min_level_dbfs and "digital_silence" not in gates:
        out.append(Problem("too_soft"))
    if found.snr_db < settings.coach.noisy_snr_db and not {"too_noisy", "music"} & {*gates}:
        out.append(Problem("noisy"))
    return out


def clipped_place(y: Signal, sr: int) -> tuple[float, float]:
    """Return the half second with most samples at the largest value."""
    at_rail = np.abs(y) >= 0.985 * np.abs(y).max(initial=0.0)
    width = min(len(y), round(CLIPPED_AROUND_S * sr))
    held = np.concatenate([[0], np.cumsum(at_rail)])
    start = int(np.argmax(held[width:] - held[:-width])) if width else 0
    return start / sr, (start + width) / sr


def join(flacs: list[bytes]) -> bytes:
    """Return several sounds as one, with silence between them, at the highest of their rates."""
    import soundfile
    import soxr

    sounds = [soundfile.read(io.BytesIO(f), dtype="float32") for f in flacs]
    sr = max(rate for _, rate in sounds)
    pieces: list[Signal] = []
    for y, rate in sounds:
        same = y if rate == sr else np.asarray(soxr.resample(y, rate, sr), dtype=np.float32)
        pieces += [np.zeros(round(GAP_S * sr), np.float32)] if pieces else []
        pieces.append(same)
    coarse = all(
        rate == sr and soundfile.info(io.BytesIO(f)).subtype == "PCM_16"
        for f, (_, rate) in zip(flacs, sounds, strict=True)
    )
    return encode(np.concatenate(pieces), sr, coarse)[1]


@dataclass(slots=True)
class OwnBaseline:
    """How somebody usually speaks: what takes are held against.

    ``baseline`` is None where there is too little speech. ``spread`` is where a measure mostly
    lies: from the 20th to the 80th percentile of the stretches.
    """

    flac: bytes
    baseline: Baseline | None
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds of speech it rests on."""
        return self.baseline.seconds if self.baseline is not None else 0.0


def own_baseline(flacs: list[bytes], folder: str, settings: Settings) -> OwnBaseline:
    """Measure the baseline sentences of a visitor together.

    They are joined to one recording, which is also what is kept: ``--baseline`` of the command line
    on that file gives the same.
    """
    from prosody.examine.speaker import ordinary_speech
    from prosody.measures import table

    joined = join(flacs)
    with _as_file(joined, folder) as path:
        try:
            measured, seconds = ordinary_speech(path, settings)
        except UsageError:
            return OwnBaseline(joined, None)
    low, high = np.nanquantile(measured, USUAL_SHARE, axis=0)
    spread = {
        name: (float(a), float(b))
        for name, a, b in zip(table.ACOUSTIC, low, high, strict=True)
        if math.isfinite(a) and math.isfinite(b)
    }
    known = Baseline.of(measured, seconds, settings.baseline.min_s, table.ACOUSTIC)
    return OwnBaseline(joined, known, spread)


def wav(flac: bytes) -> bytes:
    """Return a stored sound as a WAV file that every browser plays."""
    import soundfile

    y, sr = soundfile.read(io.BytesIO(flac), dtype="int16")
    out = io.BytesIO()
    soundfile.write(out, y, sr, format="WAV", subtype="PCM_16")
    return out.getvalue()
