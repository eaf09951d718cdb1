"""Pitch against a laryngograph: error and speed, ours beside SwiftF0, Praat, openSMILE and pYIN.

Each sentence of the data set ``fda`` (``NAME.wav`` beside ``NAME.f0ref``: F0 in Hz every 15 ms,
0 = unvoiced) goes through every tracker as it is and through a telephone line (300-3400 Hz,
mu-law, 8 kHz). The error is the F0 frame error: frames whose voicing is wrong plus frames more
than 20 % off, over all frames of the reference. The reference's time is known to within one of its
steps, so each tracker gets the one offset within 30 ms, the same for all sentences, that suits it
best. All trackers search 65 to 500 Hz; those that decide voicing by themselves are left to do so.

Low and high voices, and what is none, are made here, whatever data there is (`edges`): voices of
66 to 90 and of 330 to 480 Hz, glides from 110 down to 45 and from 400 up to 700 Hz, and mains hum.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Array = NDArray[np.floating[Any]]
Track = tuple[Array, Array]  # times in s, F0 in Hz (NaN or 0 = unvoiced)
Tracker = Callable[[Array, int], Track]

LOW_HZ, HIGH_HZ = 65.0, 500.0
STEP_S = 0.015
GROSS = 0.2
OFFSETS_S = np.arange(-30, 31) / 1000


@dataclass(frozen=True)
class Sentence:
    """One recording with its reference (Hz every 15 ms, 0 = unvoiced)."""

    path: Path
    samples: Array
    sr_hz: int
    reference_hz: Array


def telephone(samples: Array, sr: int) -> tuple[Array, int]:
    """Return what the far end of a G.711 line hears: 300-3400 Hz, mu-law, 8 kHz."""
    import soxr
    from scipy import signal

    narrow = soxr.resample(samples, sr, 8000)
    band = signal.butter(4, [300, 3400], "bandpass", fs=8000, output="sos")
    narrow = signal.sosfilt(band, narrow)
    narrow *= 0.5 / np.abs(narrow).max()
    companded = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(companded * 127) / 127
    line = np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255
    return line.astype(np.float32), 8000


def ours(samples: Array, sr: int) -> Track:
    """Track with `prosody.measures.pitch`."""
    from prosody.measures import grid as frames
    from prosody.measures import pitch

    narrow, rate = frames.resample(samples, sr)
    grid = frames.lay_out([narrow], rate)
    return (np.arange(grid.total) + 1) * grid.hop_s, pitch.track(grid)


def swift() -> Tracker:
    """SwiftF0, voiced from confidence 0.5 on, as its author calibrated it."""
    detector = common.need("swift_f0").SwiftF0(threads=1, spin=False)

    def track(samples: Array, sr: int) -> Track:
        found = detector.detect(samples, sr, LOW_HZ, HIGH_HZ)
        return found.timestamps, np.where(found.confidence >= 0.5, found.pitch_hz, 0.0)

    return track


def praat(method: str) -> Tracker:
    """Praat's autocorrelation (ac) or cross-correlation (cc) at its default thresholds."""
    sound = common.need("parselmouth").Sound

    def track(samples: Array, sr: int) -> Track:
        heard = sound(samples.astype(np.float64), sr)
        make = heard.to_pitch_ac if method == "ac" else heard.to_pitch_cc
        found = make(0.01, LOW_HZ, pitch_ceiling=HIGH_HZ)
        return found.xs(), found.selected_array["frequency"]

    return track


def opensmile() -> Tracker:
    """Read openSMILE's F0 back from the low-level descriptors of eGeMAPSv02."""
    module = common.need("opensmile")
    smile = module.Smile(
        feature_set=module.FeatureSet.eGeMAPSv02,
        feature_level=module.FeatureLevel.LowLevelDescriptors,
    )
    name = "F0semitoneFrom27.5Hz_sma3nz"

    def track(samples: Array, sr: int) -> Track:
        found = smile.process_signal(samples, sr)
        semitone = found[name].to_numpy()
        hz = np.where(semitone > 0, 27.5 * 2 ** (semitone / 12), 0.0)
        return np.arange(len(hz)) * 0.01 + 0.03, hz

    return track


def pyin() -> Tracker:
    """Librosa's pYIN with its own voicing."""
    librosa = common.need("librosa")

    def track(samples: Array, sr: int) -> Track:
        hop = round(sr * 0.01)
        frame = 1 << int(np.ceil(np.log2(sr * 0.06)))
        hz, voiced, _ = librosa.pyin(
            samples, fmin=LOW_HZ, fmax=HIGH_HZ, sr=sr, hop_length=hop, frame_length=frame
        )
        return np.arange(len(hz)) * hop / sr, np.where(voiced, hz, 0.0)

    return track


PEERS: Mapping[str, Callable[[], Tracker]] = {
    "prosody": lambda: ours,
    "swift-f0": swift,
    "praat ac": lambda: praat("ac"),
    "praat cc": lambda: praat("cc"),
    "openSMILE": opensmile,
    "librosa pYIN": pyin,
}


def at(times: Array, track: Track) -> Array:
    """Read a track at given times: between two voiced frames in log F0, else the nearest; 0 = no.

    Parameters
    ----------
    times : ndarray [shape=(n,)]
        Seconds.
    track : tuple
        Ascending times of frames and their F0 in Hz.

    Returns
    -------
    ndarray [shape=(n,)]
    """
    grid, hz = np.asarray(track[0], dtype=float), np.nan_to_num(np.asarray(track[1], dtype=float))
    if len(grid) < 2:
        return np.zeros(len(times))
    left = np.clip(np.searchsorted(grid, times) - 1, 0, len(grid) - 2)
    share = np.clip((times - grid[left]) / (grid[left + 1] - grid[left]), 0.0, 1.0)
    before, after = hz[left], hz[left + 1]
    log = np.log(np.maximum([before, after], 1.0))
    between = np.exp((1 - share) * log[0] + share * log[1])
    nearest = np.where(share < 0.5, before, after)
    return np.asarray(np.where((before > 0) & (after > 0), between, nearest))


def errors(references: Sequence[Array], tracks: Sequence[Track]) -> dict[str, float]:
    """Count a tracker's errors over all sentences, at its best single offset.

    Returns
    -------
    dict
        Shares of all frames: ``frame_error`` = ``false_voiced`` + ``missed_voiced`` + ``gross``;
        ``gross_of_voiced`` (over frames that both call voiced), ``fine_cents`` (median absolute
        deviation of the others), ``offset_s``.
    """
    best: dict[str, float] = {}
    frames = sum(map(len, references))
    for offset in OFFSETS_S:
        heard = np.concatenate(
            [
                at(np.arange(len(r)) * STEP_S + offset, t)
                for r, t in zip(references, tracks, strict=True)
            ]
        )
        truth = np.concatenate(list(references))
        both = (truth > 0) & (heard > 0)
        off = np.abs(heard[both] / truth[both] - 1) > GROSS
        false = float(((truth == 0) & (heard > 0)).sum()) / frames
        missed = float(((truth > 0) & (heard == 0)).sum()) / frames
        gross = float(off.sum()) / frames
        if not best or false + missed + gross < best["frame_error"]:
            cents = 1200 * np.abs(np.log2(heard[both] / truth[both])[~off])
            best = {
                "frame_error": false + missed + gross,
                "false_voiced": false,
                "missed_voiced": missed,
                "gross": gross,
                "gross_of_voiced": float(off.mean()),
                "fine_cents": float(np.median(cents)),
                "offset_s": float(offset),
            }
    return best


def made() -> dict[str, tuple[Array, Array]]:
    """Return low and high voices, glides and hum, six seconds at 16 kHz each, and their F0.

    F0 is that of each sample, 0 of hum. Thirty harmonics under three resonances, noise 40 dB below.
    """
    sr = 16000
    t, rng = np.arange(6 * sr) / sr, np.random.default_rng(0)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * t / 3)  # there and back, twice
    contours = {
        name: low * (high / low) ** swing
        for name, (low, high) in {
            "low voice": (66, 90), "high voice": (330, 480),
            "low glide": (110, 45), "high glide": (400, 700),
        }.items()
    }  # fmt: skip
    out = {}
    for name, hz in contours.items():
        phase, y = 2 * np.pi * np.cumsum(hz) / sr, np.zeros(len(t))
        for h in range(1, 31):
            gain = sum(1 / (1 + ((h * hz - f) / 120) ** 2) for f in (600, 1400, 2600))
            y += np.where(h * hz < 7000, (0.05 + gain) / h, 0.0) * np.sin(h * phase)
        out[name] = (0.2 * y / y.std(), hz)
    hum = np.sum([np.sin(2 * np.pi * 50 * h * t) / h for h in (1, 2, 3, 5, 7)], axis=0)
    out["hum"] = (0.003 * hum, np.zeros(len(t)))
    return {
        name: ((y + 0.01 * y.std() * rng.standard_normal(len(t))).astype(np.float32), hz)
        for name, (y, hz) in out.items()
    }


def edges(tracker: Tracker) -> dict[str, dict[str, float]]:
    """Return how a tracker does where voices end.

    Returns
    -------
    dict
        For clean sound and a telephone line: ``low_right_share`` and ``high_right_share`` (of the
        frames between 65 and 500 Hz, within 20 %), ``outside_pitched_share`` (of the frames more
        than a semitone beyond that get a pitch nevertheless) and ``hum_voiced_share``.
    """
    found: dict[str, dict[str, float]] = {}
    for line in ("clean", "telephone"):
        right: dict[str, list[NDArray[np.bool_]]] = {"low": [], "high": []}
        beyond, hum = [], np.zeros(0)
        for name, (y, hz) in made().items():
            times = np.arange(0.1, 5.9, 0.01)
            heard = at(
                times, tracker(*(telephone(y, 16000) if line == "telephone" else (y, 16000)))
            )
            truth = hz[np.round(times * 16000).astype(int)]
            if name == "hum":
                hum = heard > 0
                continue
            inside = (truth >= LOW_HZ) & (truth <= HIGH_HZ)
            good = (heard > 0) & (np.abs(heard / truth - 1) <= GROSS)
            right[name.split()[0]].append(good[inside])
            outside = (truth < LOW_HZ / 2 ** (1 / 12)) | (truth > HIGH_HZ * 2 ** (1 / 12))
            beyond.append(heard[outside] > 0)
        found[line] = {
            f"{k}_right_share": float(np.concatenate(v).mean()) for k, v in right.items()
        }
        found[line] |= {
            "outside_pitched_share": float(np.concatenate(beyond).mean()),
            "hum_voiced_share": float(hum.mean()),
        }
    return found


def load(args: argparse.Namespace) -> list[Sentence]:
    """Read the sentences and their references."""
    import soundfile

    sentences = []
    for path in common.data_files(args, "fda", "*.wav", limit=10 if args.quick else None):
        samples, sr = soundfile.read(path, dtype="float32")
        reference = np.loadtxt(path.with_suffix(".f0ref"), ndmin=1)
        sentences.append(Sentence(path, samples, sr, reference))
    return sentences


def speed(
    trackers: Mapping[str, Tracker], sounds: Mapping[str, list[tuple[Array, int]]], repeats: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Time every tracker on the same sounds, one sentence a call, turn by turn."""
    took: dict[str, dict[str, dict[str, float]]] = {name: {} for name in trackers}
    for line, heard in sounds.items():
        seconds = sum(len(y) / sr for y, sr in heard)
        works: dict[str, Callable[[], object]] = {
            name: partial(_each, tracker, heard) for name, tracker in trackers.items()
        }
        if "prosody" in trackers:
            works["prosody, one batch"] = partial(_batch, heard)
        for name, timing in common.interleaved(works, repeats=repeats).items():
            took.setdefault(name, {})[line] = timing.against(seconds)
    return took


def _each(tracker: Tracker, heard: Sequence[tuple[Array, int]]) -> list[Track]:
    return [tracker(y, sr) for y, sr in heard]


def _batch(heard: Sequence[tuple[Array, int]]) -> Array:
    from prosody.measures import grid as frames
    from prosody.measures import pitch

    rate = frames.analysis_rate(heard[0][1])
    return pitch.track(frames.lay_out([frames.resample(y, sr)[0] for y, sr in heard], rate))


def plot(rows: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """Draw what the errors are made of, clean and telephone, beside the speed."""
    names = [n for n in rows if "clean" in rows[n]]
    figure, (left, right) = common.pyplot().subplots(
        1, 2, figsize=(10, 0.55 * len(names) + 1.6), sharey=True, layout="constrained"
    )
    kinds = {
        "missed_voiced": ("voiced, missed", "#4477aa"),
        "false_voiced": ("unvoiced, called voiced", "#ccbb44"),
        "gross": ("more than 20 % off", "#cc3311"),
    }
    for k, line in enumerate(("clean", "telephone")):
        place = np.arange(len(names)) + (k - 0.5) * 0.38
        base = np.zeros(len(names))
        for kind, (label, colour) in kinds.items():
            share = np.array([100 * rows[n][line][kind] for n in names])
            left.barh(
                place, share, 0.34, base, color=colour, alpha=1 - 0.35 * k,
                label=label if k == 0 else None,
            )  # fmt: skip
            base += share
        for y, x in zip(place, base, strict=True):
            left.text(x + 0.15, y, f"{x:.1f} {line}", va="center", fontsize=7)
        fast = [rows[n][f"speed_{line}"]["x_real_time"] for n in names]
        right.barh(place, fast, 0.34, color="#228833", alpha=1 - 0.35 * k)
        for y, x in zip(place, fast, strict=True):
            right.text(x * 1.05, y, f"{x:,.0f} {line}", va="center", fontsize=7)
    left.set_yticks(np.arange(len(names)), names)
    left.invert_yaxis()
    left.set_xlim(0, left.get_xlim()[1] * 1.18)
    left.set_xlabel("F0 frame error, % of all frames (laryngograph)")
    left.legend(fontsize=7, loc="upper right")
    right.set_xscale("log")
    right.set_xlim(right.get_xlim()[0], right.get_xlim()[1] * 4)
    right.set_xlabel("times real time, one core, one sentence a call")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    common.save(figure, out, dpi=130)


def main(argv: list[str]) -> int:
    """Measure errors and speed of all trackers that are installed; print, write, draw."""
    args = common.arguments(argv, __doc__)
    try:
        sentences = load(args)
    except common.Skip as reason:
        print(f"{reason}: made sounds alone")
        sentences, args.on_samples = [], True
    trackers, skipped = common.able(PEERS)
    import soxr

    references = [s.reference_hz for s in sentences]
    # Every tracker gets the same samples; 16 kHz is what recordings of speech mostly have.
    sounds = {
        "clean": [(soxr.resample(s.samples, s.sr_hz, 16000), 16000) for s in sentences],
        "telephone": [telephone(s.samples, s.sr_hz) for s in sentences],
    }
    rows: dict[str, dict[str, Any]] = {name: {} for name in trackers}
    with common.one_core():
        for name, tracker in trackers.items():
            rows[name]["edges"] = edges(tracker)
            for line, heard in sounds.items() if sentences else ():
                rows[name][line] = errors(references, [tracker(y, sr) for y, sr in heard])
        for name, lines in speed(trackers, sounds, args.repeats).items() if sentences else ():
            for line, took in lines.items():
                rows.setdefault(name, {})[f"speed_{line}"] = took
    ends = [
        {"tracker": name, "line": line} | row["edges"][line]
        for name, row in rows.items()
        for line in row.get("edges", ())
    ]
    print(common.table(ends))
    if not sentences:
        common.write("pitch", args, rows, skipped=skipped)
        return 0
    print(
        common.table(
            [
                {
                    "tracker": name,
                    "clean %": _percent(row, "clean"),
                    "telephone %": _percent(row, "telephone"),
                    "x real time, 16 kHz": row["speed_clean"]["x_real_time"],
                    "x real time, 8 kHz": row["speed_telephone"]["x_real_time"],
                }
                for name, row in rows.items()
            ]
        )
    )
    path = common.write("pitch", args, rows, [s.path for s in sentences], skipped=skipped)
    plot(rows, path.with_suffix(".png"))
    return 0


def _percent(row: Mapping[str, Any], line: str) -> float | None:
    return round(100 * row[line]["frame_error"], 2) if line in row else None
