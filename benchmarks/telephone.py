"""Which measures survive the telephone: intraclass correlation of clean and degraded clips.

Every clip goes through every line below and is measured before and after, absolutely and relative
to a baseline: the median of the same speaker's other clips *through the same line*. The figure is
the intraclass correlation for absolute agreement, ICC(A,1) of McGraw & Wong 1996: 1 where the
line changes nothing, lower both for scatter and for a shift.

Clean is the wideband clip. Lines are 8 kHz unless said otherwise. A measure is fit for judging
when its relative form keeps .8 on at least three quarters of the lines and .6 on the usual chain;
``fit_for_judging`` in `prosody.measures.table` holds the outcome, and ``fit_absolute`` that of
the same rule for the value itself; this benchmark fails when the table calls fit what is not.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Sound = NDArray[np.float32]
Matrix = NDArray[np.float64]
GAP_S = 0.4
LEAST = 0.8
LEAST_USUAL = 0.6
USUAL = "telephone"
SEED = 20


def resample(y: Sound, old: int, new: int) -> Sound:
    """Resample, so that what a recorder would do is done by one known filter."""
    import soxr

    return np.asarray(soxr.resample(y, old, new, quality="HQ"), dtype=np.float32)


def through(y: Sound, sr: int, suffix: str, *options: str, tool: str = "ffmpeg") -> Sound:
    """Code and decode 16-bit sound with a command-line tool, aligned with the original."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        source, coded, back = (Path(folder) / n for n in ("in.wav", f"coded.{suffix}", "out.wav"))
        soundfile.write(source, y, sr, subtype="PCM_16")
        if tool == "sox":
            steps = [["sox", source, *options, coded], ["sox", coded, "-r", str(sr), back]]
        else:
            quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i"]
            steps = [
                [*quiet, source, *options, coded],
                [*quiet, coded, "-ar", str(sr), "-ac", "1", back],
            ]
        for step in steps:
            subprocess.run([str(s) for s in step], check=True, capture_output=True)
        out = soundfile.read(back, dtype="float32")[0]
    return aligned(out, y)


def aligned(out: Sound, y: Sound) -> Sound:
    """Shift `out` by the delay (up to a quarter of a second) that fits `y` best."""
    n = min(len(y), len(out), 2**18)
    size = 2 * n
    spectrum = np.fft.rfft(out[:n], size) * np.conj(np.fft.rfft(y[:n], size))
    near = np.fft.irfft(spectrum, size)
    lags = np.concatenate([np.arange(2000), np.arange(-2000, 0)])
    lag = int(lags[np.argmax(near[lags])])
    moved = out[lag:] if lag >= 0 else np.concatenate([np.zeros(-lag, np.float32), out])
    return np.pad(moved, (0, max(0, len(y) - len(moved))))[: len(y)]


def band(y: Sound, sr: int) -> Sound:
    """Pass 300 to 3400 Hz within half a decibel, as an analogue line does (ITU-T G.712)."""
    from scipy.signal import cheby1, sosfilt

    sos = cheby1(4, 0.5, (300, 3400), "bandpass", fs=sr, output="sos")
    return np.asarray(sosfilt(sos, y), "f4")


def pink(size: int) -> Sound:
    """Return noise whose power falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(SEED).standard_normal(size))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.asarray(np.fft.irfft(spectrum, size), dtype=np.float32)


def over(y: Sound, other: Sound, snr_db: float) -> Sound:
    """Add a sound at `snr_db` below the speech (its frames above a tenth of the loudest)."""
    blocks = np.sqrt(np.mean(y[: len(y) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
    speech = np.sqrt(np.mean(blocks[blocks > blocks.max() / 10] ** 2))
    return (y + other / other.std() * speech * 10 ** (-snr_db / 20)).astype(np.float32)


def noise(y: Sound, snr_db: float) -> Sound:
    """Add pink noise at `snr_db` below the speech."""
    return over(y, pink(len(y)), snr_db)


def gain_control(y: Sound, sr: int) -> Sound:
    """Bring speech towards -20 dBFS: 12 dB up or down at most, half a second to follow."""
    from scipy.signal import lfilter

    hop = sr // 100
    power = np.mean(y[: len(y) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    keep = np.exp(-1 / 50)
    speech = np.where(power > 1e-5, power, 0)  # silence leaves the gain where it was
    weight = lfilter([1 - keep], [1, -keep], (speech > 0).astype(float))
    level = lfilter([1 - keep], [1, -keep], speech) / np.maximum(weight, 1e-9)
    gain_db = np.clip(-20 - 10 * np.log10(np.maximum(level, 1e-9)), -12, 12)
    at = np.arange(len(y)) / hop
    gain = np.interp(at, np.arange(len(gain_db)) + 0.5, gain_db)
    return np.clip(y * 10 ** (gain / 20), -1, 1).astype(np.float32)


def packet_loss(y: Sound, sr: int, share: float = 0.02) -> Sound:
    """Replace packets of 20 ms by silence, as recorders without concealment do."""
    packet = sr // 50
    lost = np.random.default_rng(SEED).random(-(-len(y) // packet)) < share
    return np.where(np.repeat(lost, packet)[: len(y)], np.float32(0), y)


def mu_law(y: Sound) -> Sound:
    """Code in G.711 mu-law."""
    return through(y, 8000, "wav", "-acodec", "pcm_mulaw")


def _narrow(work: Callable[[Sound], Sound]) -> Callable[[Sound], tuple[Sound, int]]:
    return lambda y: (work(resample(y, 16000, 8000)), 8000)


LINES: dict[str, Callable[[Sound], tuple[Sound, int]]] = {
    "8 kHz": _narrow(lambda y: y),
    "300-3400 Hz": _narrow(lambda y: band(y, 8000)),
    "G.711 mu-law": _narrow(mu_law),
    "G.711 A-law": _narrow(lambda y: through(y, 8000, "wav", "-acodec", "pcm_alaw")),
    "GSM 6.10": _narrow(lambda y: through(y, 8000, "gsm", "-acodec", "libgsm")),
    "AMR-NB 12.2 kbit/s": _narrow(lambda y: through(y, 8000, "amr-nb", "-C", "7", tool="sox")),
    "AMR-NB 5.9 kbit/s": _narrow(lambda y: through(y, 8000, "amr-nb", "-C", "2", tool="sox")),
    "Opus 12 kbit/s": _narrow(
        lambda y: through(y, 8000, "opus", "-c:a", "libopus", "-b:a", "12k", "-application", "voip")
    ),
    "Opus 24 kbit/s, 16 kHz": lambda y: (
        through(y, 16000, "opus", "-c:a", "libopus", "-b:a", "24k", "-application", "voip"),
        16000,
    ),
    "MP3 32 kbit/s": _narrow(
        lambda y: through(y, 8000, "mp3", "-c:a", "libmp3lame", "-b:a", "32k")
    ),
    "noise 25 dB": _narrow(lambda y: noise(y, 25)),
    "noise 15 dB": _narrow(lambda y: noise(y, 15)),
    "gain control": _narrow(lambda y: gain_control(y, 8000)),
    "2 % packet loss": _narrow(lambda y: packet_loss(mu_law(y), 8000)),
    "telephone": _narrow(lambda y: mu_law(noise(band(y, 8000), 25))),
}
"""``telephone`` is the usual chain: 300-3400 Hz, 25 dB of noise, mu-law."""


def icc(x: Matrix, y: Matrix) -> float:
    """Return ICC(A,1) of two measurements of the same clips; NaN below ten pairs."""
    ok = np.isfinite(x) & np.isfinite(y)
    if ok.sum() < 10:
        return float("nan")
    table = np.stack([x[ok], y[ok]], axis=1)
    n, k = table.shape
    grand = table.mean()
    rows = k * ((table.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((table.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    rest = ((table - grand) ** 2).sum() - rows * (n - 1) - columns * (k - 1)
    error = rest / ((n - 1) * (k - 1))
    below = rows + (k - 1) * error + k / n * (columns - error)
    return float((rows - error) / below) if below > 0 else float("nan")


def baselines(values: Matrix, speakers: NDArray[np.str_]) -> Matrix:
    """Return for each clip the median of the same speaker's other clips."""
    out = np.full(values.shape, np.nan)
    for speaker in np.unique(speakers):
        of = np.flatnonzero(speakers == speaker)
        for i in of:
            out[i] = np.nanmedian(values[of[of != i]], axis=0)
    return out


def joined(clips: Sequence[Sound], sr: int) -> tuple[Sound, list[tuple[int, int]]]:
    """Put clips into one sound with pauses, so that a coder runs as it does in a call."""
    gap = np.zeros(round(GAP_S * sr), np.float32)
    parts, spans, at = [gap], [], len(gap)
    for clip in clips:
        spans.append((at, at + len(clip)))
        parts += [clip, gap]
        at += len(clip) + len(gap)
    return np.concatenate(parts), spans


def after(clips: Sequence[Sound], speakers: NDArray[np.str_], line: str) -> tuple[list[Sound], int]:
    """Return all clips as `line` leaves them; each speaker's clips pass it as one call."""
    out: list[Sound] = [np.zeros(0, np.float32)] * len(clips)
    sr = 0
    for speaker in np.unique(speakers):
        of = np.flatnonzero(speakers == speaker)
        call, spans = joined([clips[i] for i in of], 16000)
        heard, sr = LINES[line](call)
        for i, (a, b) in zip(of, spans, strict=True):
            out[i] = heard[round(a * sr / 16000) : round(b * sr / 16000)]
    return out, sr


def degraded(clips: Sequence[Sound], speakers: NDArray[np.str_], line: str) -> Matrix:
    """Measure all clips after `line`."""
    from prosody.measures.measure import measure

    return measure(*after(clips, speakers, line))


def main(argv: list[str]) -> int:
    """Run all lines, print both tables, write the results and the figure."""
    import warnings

    import soundfile

    from prosody.measures.measure import measure
    from prosody.measures.table import ACOUSTIC, BY_NAME, relative

    args = common.arguments(argv, __doc__)
    for tool in ("ffmpeg", "sox"):
        if shutil.which(tool) is None:
            raise common.Skip(f"{tool} is not installed (apt-get install {tool} libsox-fmt-all)")
    files = common.sound_files(args, "emodb", "*.flac", limit=80 if args.quick else None, cut=True)
    clips = [soundfile.read(f, dtype="float32")[0] for f in files]
    speakers = np.array([f.name[:2] for f in files])
    names = tuple(n for n in ACOUSTIC if BY_NAME[n].relative != "none")
    clean = measure(clips, 16000)
    results: dict[str, dict[str, dict[str, float]]] = {"absolute": {}, "relative": {}}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        clean_rel = relative(clean, baselines(clean, speakers), ACOUSTIC)
        for line in LINES:
            values = degraded(clips, speakers, line)
            rel = relative(values, baselines(values, speakers), ACOUSTIC)
            at = {n: i for i, n in enumerate(ACOUSTIC)}
            for j, name in enumerate(names):
                i = at[name]
                results["absolute"].setdefault(name, {})[line] = icc(clean[:, i], values[:, i])
                results["relative"].setdefault(name, {})[line] = icc(clean_rel[:, j], rel[:, j])
            typical = np.nanmedian([results["relative"][n][line] for n in names])
            print(f"{line}: median of the relative measures {typical:.3f}", flush=True)
    verdict, as_it_is = judged(results["relative"]), judged(results["absolute"])
    rows = [
        {
            "measure": name,
            **{f"abs {k}": round(v, 3) for k, v in _summary(results["absolute"][name]).items()},
            **{f"rel {k}": round(v, 3) for k, v in _summary(results["relative"][name]).items()},
            USUAL: round(results["relative"][name][USUAL], 3),
            "fit": verdict[name],
            "table": BY_NAME[name].fit_for_judging,
            "fit as it is": as_it_is[name],
            "table ": BY_NAME[name].fit_absolute,
        }
        for name in names
    ]
    print(common.table(rows))
    found = {"icc": results, "fit_for_judging": verdict, "fit_absolute": as_it_is}
    path = common.write("telephone", args, found, files)
    plot(results["relative"], path.with_suffix(".svg"))
    wrong = [n for n in names if BY_NAME[n].fit_for_judging and not verdict[n]]
    wrong += [n for n in names if BY_NAME[n].fit_absolute and not as_it_is[n]]
    if wrong and not args.quick and not args.files:
        print(f"prosody/table.py calls fit what is not: {', '.join(wrong)}")
        return 1
    return 0


def _summary(lines: dict[str, float]) -> dict[str, float]:
    values = np.array(list(lines.values()))
    return {
        "median": float(np.median(values)),
        "quartile": float(np.percentile(values, 25)),
        "worst": float(np.min(values)),
    }


def judged(results: dict[str, dict[str, float]]) -> dict[str, bool]:
    """Decide from correlations, relative or absolute, which measures survive."""
    out = {}
    for name, lines in results.items():
        out[name] = bool(_summary(lines)["quartile"] >= LEAST and lines[USUAL] >= LEAST_USUAL)
    return out


def plot(results: dict[str, dict[str, float]], path: Path) -> None:
    """Draw the relative correlations, measures by lines."""
    names = sorted(results, key=lambda n: -np.median(list(results[n].values())))
    grid = np.array([list(results[n].values()) for n in names])
    figure, axes = common.pyplot().subplots(figsize=(9, 0.19 * len(names) + 2.2))
    image = axes.imshow(grid, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_xticks(range(len(LINES)), list(LINES), rotation=55, ha="right", fontsize=7)
    for (i, j), value in np.ndenumerate(grid):
        label = f"{value:.2f}".replace("0.", ".", 1) if value < 0.995 else "1"
        colour = "white" if value < 0.6 else "black"
        axes.text(j, i, label, ha="center", va="center", fontsize=4.5, color=colour)
    axes.set_title("Relative measures, clean against the line: ICC(A,1)", fontsize=9)
    figure.colorbar(image, shrink=0.5)
    figure.tight_layout()
    common.save(figure, path)
