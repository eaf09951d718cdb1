"""When a judgement is withheld because of how the sound is.

Each gate is one number held against one threshold of ``Settings().gates``. A gated apology keeps
its measures; it has no verdict. Numbers that cannot be told are NaN and gate nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import runs
from prosody.settings import Gates

GATES = ("too_short", "too_little_voice", "clipped", "too_noisy", "digital_silence", "music")
# Not held against any sound: there is none at that time.
OUTSIDE = "outside_recording"
# Not held against the sound either: too little other speech of the voice to compare with.
NO_BASELINE = "no_baseline"
# The words of a transcript are not where it says that they are.
CLOCK = "clock"

NOISE_AROUND_S = 15.0  # noise is looked for this far before and after a window
_NOISE_FRAMES_S = 0.3  # less of it tells nothing
_NOISE_SHARE = 0.2
_EDGE_S = 0.1  # next to speech a frame still holds its tail
SILENT_DB = -100.0  # frames below this are digital silence, with nothing to hear in them
_QUIET_DB = -45.0  # softer speech is remarked on
NOISY_DB = 25.0  # less speech over noise is remarked on: it moves ratings and animation
FRAME_S = 0.02
_FLAT_S = 0.005  # so long at one value is no sound
_FULL_SCALE = 0.9
_RAIL_SHARE = 0.985  # within this of the largest value counts as at the rail
_RAIL_RUN = 2  # samples in a row: a single peak may touch its own maximum

Signal = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    """The numbers behind the gates, and the gates that closed.

    Attributes
    ----------
    duration_s, voiced_s : float
        Length of the window, and of voice in it.
    clipped_share : float
        Share of samples that lie in flat runs at the largest value, 0 to 1.
    snr_db : float
        Speech over the noise around it; NaN where it cannot be told.
    digital_silence_share : float
        Share of samples in runs of one constant value, 0 to 1.
    level_dbfs : float
        RMS of the speech, dB re full scale.
    gates : tuple of str
        Of :data:`GATES`, in that order.
    numbers : tuple of float
        What each gate of :data:`GATES` is held against, in that order: with them other thresholds
        need no sound (`closed`).
    remarks : tuple of str
        ``quiet``: the speech is very soft; ``noisy``: there is noise around it; ``full_scale``:
        what looks clipped stands still at full scale. Codes of the texts in ``words``.
    """

    duration_s: float
    voiced_s: float
    clipped_share: float
    snr_db: float
    digital_silence_share: float
    level_dbfs: float
    gates: tuple[str, ...]
    numbers: tuple[float, ...] = ()
    remarks: tuple[str, ...] = ()


def _share_in_runs(on: NDArray[np.bool_], shortest: int) -> float:
    """Return the share of samples in runs of True of at least ``shortest`` samples."""
    if not len(on):
        return 0.0
    lengths = np.diff(runs(on), axis=1)[:, 0]
    return float(lengths[lengths >= shortest].sum()) / len(on)


def clipped_share(y: Signal) -> float:
    """Return the share of samples in flat tops.

    Parameters
    ----------
    y : float32 [n]
        One window.

    Returns
    -------
    float
        0 to 1.

    Notes
    -----
    The rail is the window's own largest value, each polarity for itself, since sound that was
    clipped is often made softer afterwards. Speech that is not clipped touches its largest value
    once or twice; clipped speech stays there, sample after sample, many times.
    """
    if len(y) < 2:
        return 0.0
    total = 0.0
    for half in (y, -y):
        rail = float(half.max())
        if rail > 1e-3:
            total += _share_in_runs(half >= _RAIL_SHARE * rail, _RAIL_RUN)
    return total


def digital_silence_share(y: Signal, sr: int) -> float:
    """Return the share of samples that stand still at one value for 5 ms or more.

    Parameters
    ----------
    y : float32 [n]
        One window.
    sr : int
        Sample rate, Hz.

    Returns
    -------
    float
        0 to 1; 0 without samples.
    """
    if len(y) < 2:
        return float(len(y))
    still = np.diff(y) == 0
    lengths = np.diff(runs(still), axis=1)[:, 0] + 1
    return float(lengths[lengths >= max(2, round(_FLAT_S * sr))].sum()) / len(y)


def _stands(y: Signal, sr: int) -> bool:
    """Whether a window stands still at full scale for 5 ms or more: no clipping does."""
    still = (np.abs(y[1:]) > _FULL_SCALE) & (np.diff(y) == 0)
    return bool(_share_in_runs(still, max(2, round(_FLAT_S * sr)) - 1))


def frame_power(y: Signal, sr: int) -> NDArray[np.float64]:
    """Return the power of each 20 ms of a signal.

    Parameters
    ----------
    y : float32 [n]
        Samples, -1 to 1.
    sr : int
        Sample rate, Hz.

    Returns
    -------
    float64 [k]
        Mean square, full scale is 1; the last stretch may be shorter, and without samples there
        is none.
    """
    if not len(y):
        return np.zeros(0)
    starts = np.arange(0, len(y), max(1, round(FRAME_S * sr)))
    squares = np.square(y, dtype=np.float64)
    return np.add.reduceat(squares, starts) / np.diff(np.append(starts, len(y)))


def noise_db(
    level_db: NDArray[np.floating], frame_s: float, speech: NDArray[np.float64],
    start_s: float, end_s: float,
) -> float:  # fmt: skip
    """Return the level of the noise around a window.

    Parameters
    ----------
    level_db : float [n]
        Level of each frame of the channel, dBFS.
    frame_s : float
        Length of a frame.
    speech : float64 [k, 2]
        Where anybody speaks on the channel.
    start_s, end_s : float
        The window.

    Returns
    -------
    float
        Level (dBFS) that a fifth of the frames without speech from 15 s before to 15 s after stay
        below. The others hold breaths and tails of words, most of all where a telephone sends exact
        silence in between: with noise of 20 dB a fifth tells 19 to 22 dB, the median 14 to 21. NaN
        where less than 0.3 s of such frames hold any sound at all: exact silence says nothing
        about the noise under the words.
    """
    first = max(0, int((start_s - NOISE_AROUND_S) / frame_s))
    last = min(len(level_db), math.ceil((end_s + NOISE_AROUND_S) / frame_s))
    if last <= first:
        return math.nan
    middle = (np.arange(first, last) + 0.5) * frame_s
    after = np.searchsorted(speech[:, 0] - _EDGE_S, middle) - 1
    ends = np.append(speech[:, 1] + _EDGE_S, -np.inf)
    levels = level_db[first:last][middle > ends[after]]
    levels = levels[levels > SILENT_DB]
    if len(levels) * frame_s < _NOISE_FRAMES_S:
        return math.nan
    return float(np.quantile(levels, _NOISE_SHARE))


def closed(numbers: Sequence[float], limits: Gates) -> tuple[str, ...]:
    """Return the gates that close on these numbers (`Quality.numbers`), in order of `GATES`."""
    duration_s, voice_s, clipped, snr_db, silence, music = numbers
    shut = (
        duration_s < limits.min_duration_s,
        voice_s < limits.min_voiced_s,
        clipped > limits.max_clipped_share,
        snr_db < limits.min_snr_db,
        silence > limits.max_digital_silence_share,
        music > limits.max_music_share,
    )
    return tuple(name for name, is_shut in zip(GATES, shut, strict=True) if is_shut)


def check(
    y: Signal,
    sr: int,
    *,
    speech_s: float = math.nan,
    voiced_s: float = math.nan,
    noise_db: float = math.nan,
    music_s: float = math.nan,
    gates: Gates | None = None,
) -> Quality:
    """Hold one window against the gates.

    Parameters
    ----------
    y : float32 [n]
        The window, -1 to 1.
    sr : int
        Sample rate, Hz.
    speech_s : float
        Seconds of voice activity in it; NaN where it was not looked for.
    voiced_s : float
        Seconds of voiced sound in it, by the pitch tracker.
    noise_db : float
        Level of the noise around it (:func:`noise_db`), dBFS.
    music_s : float
        Seconds of music in it, also under speech; NaN where it was not looked for.
    gates : Gates, optional
        Thresholds; the documented ones by default.
    """
    limits = gates if gates is not None else Gates()
    power = frame_power(y, sr)
    # Speech frames stand clear of the noise; without knowing the noise, those near the loudest do.
    floor = 10 ** (noise_db / 10) * 2.0 if math.isfinite(noise_db) else power.max(initial=0) / 1e3
    loud = power[power > floor]
    spoken = float(loud.mean()) if len(loud) else 0.0
    level = 10 * math.log10(spoken) if spoken > 0 else -math.inf
    snr = math.nan
    if math.isfinite(noise_db) and len(y):
        noise = 10 ** (noise_db / 10)
        snr = 10 * math.log10(max(spoken - noise, 1e-3 * noise) / noise)
    clipped, silence = clipped_share(y), digital_silence_share(y, sr)
    duration = len(y) / sr
    # A beep is voiced and no speech; a whisper is speech and not voiced.
    voice = [seconds for seconds in (voiced_s, speech_s) if math.isfinite(seconds)]
    music = music_s / duration if duration > 0 else math.nan
    numbers = (duration, min(voice, default=math.inf), clipped, snr, silence, music)
    return Quality(
        duration_s=duration,
        voiced_s=voiced_s,
        clipped_share=clipped,
        snr_db=snr,
        digital_silence_share=silence,
        level_dbfs=level,
        gates=closed(numbers, limits),
        numbers=numbers,
        remarks=(
            *(("quiet",) if len(y) and level < _QUIET_DB else ()),
            *(("noisy",) if snr <= NOISY_DB else ()),
            *(("full_scale",) if clipped > limits.max_clipped_share and _stands(y, sr) else ()),
        ),
    )
