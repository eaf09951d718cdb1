"""The shipped judge on voices that nobody rated: what it says of them, and whether it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from prosody.fit import metrics as fig
from prosody.judge.judge import Judge, Judgements
from prosody.measures import table
from prosody.tables.rated_table import Floats, Rated, add_relative

Sounds = list[NDArray[np.float32]]
ASTERISK = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
FILLETS = Path("/usr/share/games/fillets-ng/sound")
ENGLISH_APOLOGIES = (
    "im-sorry", "sorry", "vm-sorry", "sorry-youre-having-problems", "followme/sorry",
)  # fmt: skip
DUTCH_APOLOGIES = (
    "stairs/nl/sch-m-moc0", "stairs/nl/sch-m-moc1", "cabin1/nl/k1-v-promin",
    "cabin2/nl/ka2-v-napad", "barrel/nl/bar-m-promin", "hole/nl/m-nedame0",
    "fdto/nl/nacekala-m", "electromagnet/nl/shoot-1",
)  # fmt: skip
EMOTIONS = {"W": "anger", "N": "neutral", "F": "happiness", "T": "sadness", "L": "boredom"}
BASELINE_S = 120.0


def read(files: list[Path]) -> tuple[Sounds, int]:
    """Return the sounds of files, resampled to the rate of the first; one channel each."""
    import soundfile
    import soxr

    sounds: Sounds = []
    rate = 0
    for file in files:
        y, sr = soundfile.read(file, dtype="float32", always_2d=True)
        rate = rate or sr
        one = y[:, 0] if sr == rate else soxr.resample(y[:, 0], sr, rate)
        sounds.append(np.ascontiguousarray(one, dtype=np.float32))
    return sounds, rate


def rated_of(
    names: list[str], speakers: list[str], values: Floats, sounds: Sounds, sr: int
) -> Rated:
    """Return measures as a table, relative to the same speaker's other clips."""
    columns = {n: values[:, i] for i, n in enumerate(table.ACOUSTIC)}
    columns["duration_s"] = np.array([len(y) / sr for y in sounds])
    blank = Rated(
        np.array(names),
        np.array(speakers),
        np.array([""] * len(names)),
        np.full(len(names), np.nan),
        columns,
    )
    out = add_relative(blank)
    out.columns["baseline_s"][:] = np.minimum(out.columns["baseline_s"], BASELINE_S)  # type: ignore[index]
    return out


def measured(files: list[Path], speakers: list[str]) -> tuple[Rated, Sounds, int]:
    """Measure files and compare each with the same speaker's others."""
    from prosody.measures.measure import measure

    sounds, sr = read(files)
    return rated_of([f.name for f in files], speakers, measure(sounds, sr), sounds, sr), sounds, sr


def verdicts(judged: Judgements, keep: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Return how often each verdict and hint occurs."""
    keep = np.ones(len(judged), dtype=bool) if keep is None else keep
    word = np.array(judged.verdict)[keep]
    return {
        "n": int(keep.sum()),
        **{v: float(np.mean(word == v)) for v in ("sincere", "forced", "unclear")},
        "hint_recited": float(np.mean(np.array(judged.hint)[keep] == "recited")),
        "sincere_rating": float(judged.axes["sincere"].rating[keep].mean()),
        "engaged_rating": float(judged.axes["engaged"].rating[keep].mean()),
    }


def bored(args: Any, judge: Judge, seed: int = 1) -> dict[str, Any]:
    """Return how often a neutral clip of a speaker is judged more engaged than her bored one."""
    files = common.data_files(args, "emodb_cut", "*.flac")
    rated, _, _ = measured(files, [f.name[:2] for f in files])
    judged = judge.judge(rated.columns)
    is_bored = np.array([f.name[5] == "L" for f in files])
    out: dict[str, Any] = {}
    for axis in judge.axes:
        rating = judged.axes[axis].rating
        each = []
        for s in np.unique(rated.speaker):
            i = rated.speaker == s
            above = rating[i & ~is_bored][:, None] - rating[i & is_bored]
            each.append(float(np.mean(above > 0) + 0.5 * np.mean(above == 0)))
        rng = np.random.default_rng(seed)
        drawn = [np.mean(rng.choice(each, len(each))) for _ in range(2000)]
        low, high = np.percentile(drawn, [2.5, 97.5])
        out[axis] = {"auc": float(np.mean(each)), "interval": [low, high], "speakers": each}
    out["verdicts"] = {"bored": verdicts(judged, is_bored), "neutral": verdicts(judged, ~is_bored)}
    return out


def emotions(args: Any, judge: Judge) -> tuple[dict[str, Any], tuple[Rated, Sounds, int]]:
    """Return verdicts by emotion, and the rating against how natural the clip was found."""
    files = common.data_files(args, "emodb", "*.flac")
    rated, sounds, sr = measured(files, [f.name[:2] for f in files])
    judged = judge.judge(rated.columns)
    emotion = np.array([EMOTIONS.get(f.name[5], "") for f in files])
    out: dict[str, Any] = {
        "verdicts": {
            e: verdicts(judged, emotion == e)
            for e in np.unique(emotion)
            if e and np.sum(emotion == e) >= 10
        }
    }
    heard = args.data / "emodb" / "ratings_erkennung.txt"
    natural = {}
    for line in heard.read_text(encoding="latin-1").splitlines():
        found = re.match(r"\d+\s+(\S+)\.wav\s+([\d,]+)\s+([\d,]+)", line)
        if found:
            natural[found.group(1)] = float(found.group(3).replace(",", "."))
    truth = np.array([natural.get(f.stem, np.nan) for f in files])
    ok = ~np.isnan(truth)
    group = np.array([f"{f.name[5]}{f.name[2:5]}" for f in files])
    rating = judged.axes["sincere"].rating
    out["found_natural"] = {
        "clips": int(ok.sum()),
        "spearman": fig.spearman(truth[ok], rating[ok]),
        "spearman_within_emotion_and_sentence": fig.spearman_within(
            truth[ok], rating[ok], group[ok]
        ),
    }
    return out, (rated, sounds, sr)


def turns(args: Any) -> tuple[Rated, Sounds, int]:
    """Return stretches of speech of the agents of HarperValley, each against the call's others."""
    from prosody.audio.activity import speech
    from prosody.measures.measure import measure

    files = common.data_files(args, "harpervalley", "agent/*.wav")
    sounds: Sounds = []
    names, speakers, rate = [], [], 0
    for file in files:
        (y,), rate = read([file])
        for start, end in speech(y, rate, min_pause_s=0.5):
            if 1.0 <= end - start <= 15.0:
                sounds.append(y[round(start * rate) : round(end * rate)])
                names.append(f"{file.stem} {start:.2f}")
                speakers.append(file.stem)
    return rated_of(names, speakers, measure(sounds, rate), sounds, rate), sounds, rate


def shift(judge: Judge) -> tuple[dict[str, Any], dict[str, str]]:
    """Return how apologies differ from other lines of the same voices."""
    out, skipped = {}, {}
    groups: dict[str, tuple[list[Path], list[str], list[str]]] = {}
    if ASTERISK.is_dir():
        others = [f for f in sorted(ASTERISK.rglob("*.wav")) if f.stat().st_size > 24_000][::2]
        apologies = [ASTERISK / f"{a}.wav" for a in ENGLISH_APOLOGIES]
        files = [*apologies, *(f for f in others if f not in apologies and "sorry" not in f.name)]
        groups["english prompts (Asterisk)"] = (
            files,
            ["one"] * len(files),
            [str(a) for a in apologies],
        )
    else:
        skipped["english prompts"] = "Debian's asterisk-core-sounds-en-wav is not installed"
    if FILLETS.is_dir():
        voiced = re.compile(r"(?:^|-)([mv])(?:-|\d*$)")
        files, speakers = [], []
        apologies = [FILLETS / f"{a}.ogg" for a in DUTCH_APOLOGIES]
        for f in sorted(FILLETS.glob("*/nl/*.ogg")):
            found = voiced.search(f.stem)
            if found and (f in apologies or len(files) % 1 == 0) and f.stat().st_size > 12_000:
                files.append(f)
                speakers.append(found.group(1))
        keep = [i for i, f in enumerate(files) if f in apologies or i % 3 == 0]
        groups["dutch lines (Fish Fillets)"] = (
            [files[i] for i in keep],
            [speakers[i] for i in keep],
            [str(a) for a in apologies],
        )
    else:
        skipped["dutch lines"] = "Debian's fillets-ng-data-nl is not installed"
    for name, (files, speakers, apologies) in groups.items():
        rated, _, _ = measured(files, speakers)
        judged = judge.judge(rated.columns)
        is_apology = np.array([str(f) in apologies for f in files])
        out[name] = {
            "apologies": verdicts(judged, is_apology),
            "other_lines": verdicts(judged, ~is_apology),
        }
        for axis in judge.axes:
            rating = judged.axes[axis].rating
            a, b = rating[is_apology], rating[~is_apology]
            error = float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))
            out[name][f"{axis}_shift"] = {
                "shift": float(a.mean() - b.mean()),
                "standard_error": error,
            }
    return out, skipped
