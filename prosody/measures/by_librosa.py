"""Pitch, energy and tempo once more: as a textbook computes them with librosa.

One segment at a time and with librosa's own functions: pYIN for pitch, mel spectra for loudness,
RMS for level, peak picking for the rate of syllables. It shares definitions with the fast path, no
arithmetic, and is what that is held against (``python -m benchmarks parity``, docs/measures.md).
pYIN makes it about fifty times slower. Where librosa has no equal, a column is NaN: the balance of
the spectrum, and slopes between turning points.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.measures.grid import HOP_S, MAX_RATE_HZ
from prosody.measures.table import ACOUSTIC

FRAME_S = 0.020
PITCH_FRAME_S = 0.064
FMIN_HZ, FMAX_HZ = 65.0, 500.0
START_FRAMES, FINAL_S = 20, 0.5
LEAST_FRAMES = 3
PEAK_SHARE = 0.025
"""A peak of loudness stands this share of the range above the mean of the 0.2 s around it."""
PAUSE_FRAMES = 15
COMPILE_S = 600.0

Doubles = NDArray[np.float64]
Signal = NDArray[np.float32]
Mask = NDArray[np.bool_]


def by_librosa(segments: Sequence[NDArray[np.floating[Any]]], sr: int) -> Doubles:
    """Measure segments of sound with librosa.

    Parameters
    ----------
    segments : sequence of ndarray [shape=(n_i,), float]
        One channel each, full scale is 1.
    sr : int
        Sampling rate in Hz.

    Returns
    -------
    ndarray [shape=(n, len(ACOUSTIC)), float64]
        In the order of `table.ACOUSTIC`, as `measure.measure` gives them; NaN is missing.
    """
    ready()
    out = np.full((len(segments), len(ACOUSTIC)), np.nan)
    for i, segment in enumerate(segments):
        found = _measured(np.asarray(segment, np.float32), sr)
        out[i] = [found.get(name, np.nan) for name in ACOUSTIC]
    return out


@lru_cache(maxsize=1)
def ready() -> None:
    """Compile what librosa needs, or read what was compiled, one process after the other.

    numba keeps its code on the disk. Processes that write it at once give one name to the code of
    different functions, and from then on librosa crashes on this machine.
    """
    with one_at_a_time(Path(tempfile.gettempdir()) / f"prosody-librosa-{_user()}.lock"):
        _measured(np.sin(np.cumsum(np.linspace(0.1, 0.3, 4000))).astype(np.float32), 8000)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait for other processes of this user; where no lock can be had, go on without."""
    with ExitStack() as held:
        with suppress(sqlite3.Error):
            lock = held.enter_context(closing(sqlite3.connect(path, timeout=COMPILE_S)))
            lock.execute("BEGIN EXCLUSIVE")
        yield


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _measured(y: Signal, sr: int) -> dict[str, float]:
    import librosa

    found = {"duration_s": float(librosa.get_duration(y=y, sr=sr))}
    y = np.nan_to_num(y, nan=0.0, posinf=0.0, neginf=0.0)
    if sr > MAX_RATE_HZ:
        y = librosa.resample(y, orig_sr=sr, target_sr=MAX_RATE_HZ, res_type="soxr_hq")
        sr = MAX_RATE_HZ
    if len(y) < round(FRAME_S * sr) or not np.any(y):
        return found
    y = y - y.mean()
    loudness = _loudness(y, sr)
    f0, voiced = _pitch(y, sr, len(loudness))
    return found | _of_pitch(f0, voiced) | _of_energy(y, loudness) | _of_tempo(loudness, voiced)


def _pitch(y: Signal, sr: int, frames: int) -> tuple[Doubles, Mask]:
    """Return F0 and voicing of the frames whose centres lie one hop and more into the segment."""
    import librosa

    hop = round(HOP_S * sr)
    f0, voiced, _ = librosa.pyin(
        y, fmin=FMIN_HZ, fmax=FMAX_HZ, sr=sr, frame_length=round(PITCH_FRAME_S * sr),
        hop_length=hop, fill_na=np.nan,
    )  # fmt: skip
    return f0[1 : frames + 1], voiced[1 : frames + 1]


def _loudness(y: Signal, sr: int) -> Doubles:
    """Return auditory loudness, smoothed over three frames."""
    import librosa

    from prosody.measures.loudness import BANDS, COMPRESSION, LOUDNESS_SCALE, LOW_HZ, equal_loudness

    frame, top = round(FRAME_S * sr), min(8000.0, sr / 2)
    power = librosa.feature.melspectrogram(
        y=y, sr=sr, n_fft=1 << (frame - 1).bit_length(), win_length=frame, center=False,
        hop_length=round(HOP_S * sr), window="hamming", n_mels=BANDS, fmin=LOW_HZ, fmax=top,
        htk=True, norm=None,
    )  # fmt: skip
    centres = librosa.mel_frequencies(n_mels=BANDS + 2, fmin=LOW_HZ, fmax=top, htk=True)[1:-1]
    weight = equal_loudness(centres) * LOUDNESS_SCALE
    loudness = np.sum((power * weight[:, None]) ** COMPRESSION, axis=0)
    padded = np.pad(loudness, 1, mode="edge")
    return np.asarray(librosa.util.frame(padded, frame_length=3, hop_length=1).mean(axis=0))


def _of_pitch(f0_hz: Doubles, voiced: Mask) -> dict[str, float]:
    import librosa

    out = {"voiced_share": float(np.mean(voiced))}
    tone = librosa.hz_to_midi(f0_hz[voiced]) - librosa.note_to_midi("A0")  # A0 is 27.5 Hz
    if len(tone) < LEAST_FRAMES:
        return out
    low, middle, high = np.quantile(tone, [0.2, 0.5, 0.8]).tolist()
    out |= {
        "pitch_mean_st": float(tone.mean()), "pitch_sd_st": float(tone.std()),
        "pitch_p20_st": low, "pitch_p50_st": middle, "pitch_p80_st": high,
        "pitch_range_st": high - low, "pitch_start_st": float(np.median(tone[:START_FRAMES])),
    }  # fmt: skip
    time = librosa.frames_to_time(np.flatnonzero(voiced), sr=round(1 / HOP_S), hop_length=1)
    last = time > time[-1] - FINAL_S + 1e-9
    if last.sum() >= round(0.1 / HOP_S):
        out["pitch_final_slope_st_per_s"] = float(np.polyfit(time[last], tone[last], 1)[0])
    return out


def _of_energy(y: Signal, loudness: Doubles) -> dict[str, float]:
    import librosa

    low, middle, high = np.quantile(loudness, [0.2, 0.5, 0.8]).tolist()
    rms = librosa.feature.rms(y=y, frame_length=len(y), hop_length=len(y), center=False)
    level = librosa.amplitude_to_db(rms, ref=1.0, amin=1e-10, top_db=None)
    mean = float(loudness.mean())
    out = {
        "level_dbfs": float(level[0, 0]), "loudness_mean": mean,
        "loudness_cv": float(loudness.std()) / mean, "loudness_p20": low, "loudness_p50": middle,
        "loudness_p80": high, "loudness_range": high - low,
    }  # fmt: skip
    if len(loudness) * HOP_S >= 0.3:
        time = np.arange(len(loudness)) * HOP_S
        out["loudness_trend_per_s"] = float(np.polyfit(time, loudness, 1)[0]) / mean
    return out


def _of_tempo(loudness: Doubles, voiced: Mask) -> dict[str, float]:
    import librosa

    seconds = len(loudness) * HOP_S
    quiet, loud = np.quantile(loudness, [0.05, 0.95])
    peaks = librosa.util.peak_pick(
        loudness.astype(np.float32), pre_max=3, post_max=4, pre_avg=10, post_avg=11,
        delta=PEAK_SHARE * float(np.ptp(loudness)), wait=5,
    )  # fmt: skip
    on, off = (np.array([n for n in _lengths(m) if n >= LEAST_FRAMES]) for m in (voiced, ~voiced))
    pauses = _lengths((loudness <= quiet + 0.25 * (loud - quiet)) & ~voiced)
    out = {
        "loudness_peaks_per_s": len(peaks) / seconds,
        "voiced_segments_per_s": len(on) / seconds,
        "pause_share": float(sum(n for n in pauses if n >= PAUSE_FRAMES)) / len(loudness),
    }
    for name, lengths in (("voiced", on), ("unvoiced", off)):
        if len(lengths):
            out[f"{name}_segment_mean_s"] = float(lengths.mean()) * HOP_S
            out[f"{name}_segment_sd_s"] = float(lengths.std()) * HOP_S
    return out


def _lengths(mask: Mask) -> list[int]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [int(n) for n in np.diff(edges)[::2]]
