"""Voice activity, and the talk reckoned from it, against word times of calls; music; others.

The data set ``harpervalley`` has both tracks of real calls (8 kHz) and a recogniser's word times.
Speech is where words are, with gaps up to 0.25 s between them filled; a frame of 10 ms is right
where it is called what it is. The recogniser also wrote words where nobody spoke (faint echoes of
the other side), and did not write breath and laughter: no detector can reach 1. Our decisions were
chosen on every second call (``tuned_on``); the figures to quote are those of the others:
``held_out`` as they are, and with pink noise 10 dB below the speech (``held_out_noise``). The calls
as they are have hardly any noise, and there an energy threshold does as well as anything.

Music is that of Debian's `asterisk-moh-opsound-wav`, as it is and down a telephone line (300 to
3400 Hz, mu-law), by seconds; it took no part in training or in any choice. Speech is no music:
EmoDB (eight of its ten speakers were heard in training), EmoTale, Dutch voices and the calls, each
as it is and down the line; what counts is the share of clips that would be withheld.

Contenders: energy (librosa's split, 30 dB), earshot at its calibrated 0.5 without anything around
it, and Silero VAD (its sequence model, threshold 0.5) where the package ``silero-vad`` lies in the
environment. All get the same 16 kHz samples, but ours, which gets the file's own.

The measures of `conversation` have a result of their own, as written down before the first look:
they are applied to our voice activity on each track, to which words are unknown, and to the given
word times, both on the clock of the call by the starts that the transcripts give. Reported are,
over calls, the median and the largest absolute difference, and the mean difference (ours less
theirs). Nothing of `conversation` was chosen on any of these calls.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from prosody.arrays import Spans, join
from prosody.audio.activity import activity, speech
from prosody.measures import conversation

Array = NDArray[np.float32]
Detector = Callable[[Array, int], Spans]

STEP_S = 0.01
FILLED_S = 0.25
SHOWN = (
    "agent_talk_share", "silence_share", "overlap_share", "longest_wait_s", "agent_response_s",
    "customer_response_s", "agent_cut_ins", "customer_cut_ins",
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """One side of a call, where its words are in it and in the call, and when it starts there."""

    path: Path
    samples: Array
    sr_hz: int
    words: Spans
    held_out: bool
    in_call: Spans
    late_s: float = 0.0


def load(args: Any) -> list[Track]:
    """Read tracks and words, the agent's before the customer's; every second call is held out."""
    import soundfile

    try:
        transcripts = common.data_files(args, "harpervalley", "transcript/*.json")
    except common.Skip as reason:
        print(f"{reason}: the sample calls instead, which were made, not spoken")
        args.on_samples = True
        found = common.sample_tracks()
        return [Track(*one, bool(i // 2 % 2), one[-1]) for i, one in enumerate(found)]
    tracks = []
    for i, path in enumerate(transcripts):
        segments = json.loads(path.read_text(encoding="utf-8"))
        for role in ("agent", "caller"):
            sound = path.parent.parent / role / f"{path.stem}.wav"
            samples, sr = soundfile.read(sound, dtype="float32")
            own = [s for s in segments if s["speaker_role"] == role]
            late_s = float(np.median([s["offset_ms"] - s["start_ms"] for s in own])) / 1000
            words, in_call = (said(own, start) for start in ("start_ms", "offset_ms"))
            tracks.append(Track(sound, samples, sr, words, i % 2 == 1, in_call, late_s))
    return tracks


def said(segments: Sequence[Mapping[str, Any]], start: str) -> Spans:
    """Return where the words of some segments are, in seconds from what `start` counts from."""
    words = [
        (segment[start] + at, segment[start] + at + long)
        for segment in segments
        for at, long in zip(segment["word_offsets_ms"], segment["word_durations_ms"], strict=True)
    ]
    return np.array(sorted(words), float).reshape(-1, 2) / 1000


def wide(samples: Array, sr: int) -> Array:
    """Resample to 16 kHz, as the other detectors want it."""
    import soxr

    return np.asarray(soxr.resample(samples, sr, 16000), np.float32)


def spans_of(on: NDArray[np.bool_], step_s: float) -> Spans:
    """Return runs of True as times."""
    edges = np.flatnonzero(np.diff(on.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2) * step_s


def bare() -> Detector:
    """Earshot at its calibrated threshold, frame by frame."""
    earshot = common.need("earshot")

    def detect(samples: Array, sr: int) -> Spans:
        values = np.clip(wide(samples, sr), -1, 1)
        frames = values[: len(values) // 256 * 256].reshape(-1, 256)
        detector = earshot.Detector()
        scores = np.array([detector.predict_f32(frame) for frame in frames])
        return spans_of(scores > 0.5, 0.016)

    return detect


def silero() -> Detector:
    """Silero's sequence model by onnxruntime alone (the package's own code needs torch)."""
    found = util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise common.Skip("silero-vad is not installed: pip install --no-deps silero-vad")
    runtime = common.need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = Path(found.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    if not model.is_file():
        raise common.Skip(f"this silero-vad has no {model.name} (6.2 has)")
    session = runtime.InferenceSession(os.fspath(model), options)

    def detect(samples: Array, sr: int) -> Spans:
        values = wide(samples, sr)
        values = np.concatenate([np.zeros(64, np.float32), values[: len(values) // 512 * 512]])
        frames = np.lib.stride_tricks.sliding_window_view(values, 576)[::512]
        state = np.zeros((1, 1, 128), np.float32)
        scores = session.run(None, {"input": np.ascontiguousarray(frames), "h": state, "c": state})[
            0
        ]
        return spans_of(scores.ravel() > 0.5, 0.032)

    return detect


def energy() -> Detector:
    """Librosa's split at 30 dB below the loudest frame."""
    librosa = common.need("librosa")

    def detect(samples: Array, sr: int) -> Spans:
        values = wide(samples, sr)
        return np.asarray(librosa.effects.split(values, top_db=30), float) / 16000

    return detect


PEERS: Mapping[str, Callable[[], Detector]] = {
    "prosody": lambda: speech,
    "earshot, bare": bare,
    "silero-vad sequence": silero,
    "energy (librosa split)": energy,
}


def on_grid(spans: Spans, count: int) -> NDArray[np.bool_]:
    """Return which of ``count`` frames of 10 ms have their middle within a span."""
    middle = (np.arange(count) + 0.5) * STEP_S
    depth = np.searchsorted(np.sort(spans[:, 0]), middle, side="right") - np.searchsorted(
        np.sort(spans[:, 1]), middle, side="right"
    )
    return np.asarray(depth > 0)


def figures(tracks: list[Track], found: list[Spans]) -> dict[str, float]:
    """Return agreement with the words over all frames of some tracks."""
    counts = np.zeros(4)
    for track, spans in zip(tracks, found, strict=True):
        n = int(len(track.samples) / track.sr_hz / STEP_S)
        # The reference is phrases, not words: short gaps are filled.
        is_on, told = (on_grid(join(s, FILLED_S), n) for s in (spans, track.words))
        counts += [
            np.sum(is_on & told), np.sum(is_on & ~told), np.sum(~is_on & told),
            np.sum(~is_on & ~told),
        ]  # fmt: skip
    hit, false, missed, rest = counts
    return {
        "accuracy": round((hit + rest) / counts.sum(), 4),
        "recall": round(hit / (hit + missed), 4),
        "precision": round(hit / (hit + false), 4),
        "f1": round(2 * hit / (2 * hit + false + missed), 4),
    }


def noisy(track: Track, seed: int) -> Track:
    """Return a track with pink noise 10 dB below its speech."""
    n = len(track.samples)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1.0), n)
    frames = on_grid(track.words, int(n / track.sr_hz / STEP_S))
    said = np.repeat(frames, round(STEP_S * track.sr_hz))
    power = float(np.mean(np.square(track.samples[: len(said)][said[:n]])))
    noise *= np.sqrt(power / 10) / np.sqrt(np.mean(np.square(noise)))
    return replace(track, samples=(track.samples + noise).astype(np.float32))


def zeros_called_speech(detect: Detector, tracks: list[Track]) -> float:
    """Return the share of exact digital silence (runs of 0.1 s and more) called speech."""
    silent = called = 0.0
    for track in tracks:
        runs = spans_of(track.samples == 0, 1 / track.sr_hz)
        runs = runs[runs[:, 1] - runs[:, 0] >= 0.1] + [0.05, -0.05]
        n = int(len(track.samples) / track.sr_hz / STEP_S)
        still = on_grid(runs, n)
        silent += still.sum()
        called += np.sum(still & on_grid(detect(track.samples, track.sr_hz), n))
    return round(called / max(silent, 1), 4)


MUSIC = Path("/usr/share/asterisk/moh")
SPEECH = (("emodb", "*.flac"), ("emotale", "**/*.*"), ("dutch", "*.*"))


def telephone(y: Array, sr: int) -> tuple[Array, int]:
    """Send sound down a telephone line: 8 kHz, 300 to 3400 Hz, mu-law."""
    import soxr

    from benchmarks.telephone import band
    from recipes.pitch.degrade import mu_law

    narrow = band(np.asarray(soxr.resample(y, sr, 8000), np.float32), 8000)
    return np.asarray(mu_law(np.clip(narrow, -1, 1)), np.float32), 8000


def sounds(files: list[Path]) -> list[tuple[Array, int]]:
    """Read the first channel of every sound file."""
    import soundfile

    out = []
    for file in files:
        if file.suffix in (".wav", ".flac", ".mp3", ".ogg"):
            y, sr = soundfile.read(file, dtype="float32", always_2d=True)
            out.append((np.ascontiguousarray(y[:, 0]), sr))
    return out


def shares(clips: list[tuple[Array, int]]) -> dict[str, list[float]]:
    """Return the share of each clip that is called music, as it is and down the line."""

    def share(y: Array, sr: int) -> float:
        found = activity(y, sr).music
        return float(np.sum(found[:, 1] - found[:, 0]) / (len(y) / sr))

    return {
        "as it is": [share(y, sr) for y, sr in clips],
        "telephone": [share(*telephone(y, sr)) for y, sr in clips],
    }


def music(args: Any, tracks: list[Track]) -> dict[str, Any]:
    """Return how much of the music is found, and how much speech is taken for it."""
    from prosody.settings import Gates

    out: dict[str, Any] = {}
    files = sorted(MUSIC.glob("*.wav"))
    if files:
        clips = sounds(files)
        lengths = np.array([len(y) / sr for y, sr in clips])
        out["found_share_of_seconds"] = {
            way: round(float(np.dot(found, lengths) / lengths.sum()), 4)
            for way, found in shares(clips).items()
        }
    limit = Gates().max_music_share
    for folder, pattern in SPEECH:
        clips = sounds(sorted((args.data / folder).glob(pattern))[:: 4 if args.quick else 1])
        if clips:
            found = shares(clips)
            out[f"{folder}_withheld_share"] = {"clips": len(clips)} | {
                way: round(float(np.mean(np.array(each) > limit)), 4) for way, each in found.items()
            }
    calls = [(t.samples, t.sr_hz) for t in tracks]
    if calls:
        out["calls_share_of_time"] = {
            way: round(float(np.mean(found)), 5) for way, found in shares(calls).items()
        }
    return out


def talk(tracks: Sequence[Track]) -> dict[str, Any]:
    """Return how far our measures of `conversation` are from those of the words, one by one."""
    calls = [
        [
            conversation.measure(*sides).as_dict()
            for sides in (
                [speech(t.samples, t.sr_hz) + t.late_s for t in call],
                [join(t.in_call, FILLED_S) for t in call],
            )
        ]
        for call in zip(tracks[::2], tracks[1::2], strict=True)
    ]
    out: dict[str, Any] = {}
    for part, some in (("held_out", calls[1::2]), ("all", calls)):
        out[part] = {}
        for name in SHOWN:
            off = [a[name] - b[name] for a, b in some if math.isfinite(a[name] - b[name])]
            sizes = np.abs(off)
            out[part][name] = {
                "calls": len(off),
                "median_difference": float(np.median(sizes)),
                "largest_difference": float(sizes.max()),
                "mean_ours_less_theirs": float(np.mean(off)),
                "theirs_mean": float(np.nanmean([b[name] for _, b in some])),
            }
    return out


def main(argv: list[str]) -> int:
    """Measure all detectors that are installed; print and write."""
    args = common.arguments(argv, __doc__)
    tracks = load(args)
    detectors, skipped = common.able(PEERS)
    rows: dict[str, dict[str, Any]] = {}
    seconds = sum(len(t.samples) / t.sr_hz for t in tracks)
    parts = {
        "held_out": [t for t in tracks if t.held_out],
        "tuned_on": [t for t in tracks if not t.held_out],
    }
    parts["held_out_noise"] = [noisy(t, i) for i, t in enumerate(parts["held_out"])]
    if tracks:
        with common.one_core():
            for name, detect in detectors.items():
                rows[name] = {
                    part: figures(some, [detect(t.samples, t.sr_hz) for t in some])
                    for part, some in parts.items()
                }
                rows[name]["digital_silence_called_speech"] = zeros_called_speech(detect, tracks)
            works = {
                name: (lambda d=detect: [d(t.samples, t.sr_hz) for t in tracks])
                for name, detect in detectors.items()
            }
            for name, timing in common.interleaved(works, repeats=args.repeats).items():
                rows[name]["speed"] = timing.against(seconds)
        print(
            common.table(
                [
                    {
                        "detector": name,
                        **{
                            k: row["held_out"][k] for k in ("f1", "recall", "precision", "accuracy")
                        },
                        "f1 in noise": row["held_out_noise"]["f1"],
                        "silence called speech": row["digital_silence_called_speech"],
                        "x real time": row["speed"]["x_real_time"],
                    }
                    for name, row in rows.items()
                ]
            )
        )
    rows["music"] = music(args, tracks)
    print(json.dumps(rows["music"], indent=1))
    files = [t.path for t in tracks]
    common.write("activity", args, rows, files, skipped=skipped)
    talks = talk(tracks)
    print(common.table([{"measure": n, **row} for n, row in talks["held_out"].items()]))
    common.write("conversation", args, talks, files)
    return 0
