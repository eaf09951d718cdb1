"""Copy figures from ``results/`` and the demo's output into the README, four pages and the card.

``python -m benchmarks._readme`` writes what stands between marks like ``<!-- figures -->`` and
``<!-- /figures -->``, so that it is never typed; ``--check`` only says whether it is still true (a
test runs that). What is said around the tables is written by hand.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, ROOT
from prosody import __version__
from prosody.measures.table import EGEMAPS, LEAST_S, MEASURES, OURS, Measure
from prosody.runs.benchmark import BUSY_SPREAD
from prosody.runs.processes import WORKER_MB

Found = Mapping[str, Any]


@functools.cache
def record(name: str) -> dict[str, Any]:
    """Return what one benchmark wrote."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def result(name: str) -> dict[str, Any]:
    """Return the figures of one benchmark."""
    return dict(record(name)["results"])


def command(benchmark: str, name: str = "") -> str:
    """Return the command that measured, and on which version where that is another than this.

    `name` is that of the result, where the benchmark writes more than one.
    """
    version = record(name or benchmark)["versions"]["prosody-sincerity"]
    return f"`python -m benchmarks {benchmark}`" + (
        f", on {version}" if version != __version__ else ""
    )


# --- how figures are written ----------------------------------------------------------------------


def number(value: float | None, digits: int = 3) -> str:
    """Write a number below 1 without its 0, as tables of correlations do; '-' for none."""
    if value is None or math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def signed(value: float, digits: int = 2) -> str:
    """Write a difference with its sign."""
    return f"{value:+.{digits}f}"


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.0f} %"


def span(ends: Sequence[float], digits: int = 2) -> str:
    """Write an interval."""
    return f"{number(ends[0], digits)} to {number(ends[1], digits)}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _sure(found: Found) -> list[str]:
    return [percent(found[k]) for k in ("right", "surest_half", "surest_fifth")]


# --- README ---------------------------------------------------------------------------------------


LINES = ("clean", "telephone")


def pitch() -> str:
    """Return the table of pitch trackers."""
    rows = [
        [name]
        + [f"{100 * row[k]['frame_error']:.1f} %" if k in row else "-" for k in LINES]
        + [f"{row[f'speed_{k}']['x_real_time']:,.0f}" for k in LINES]
        for name, row in result("pitch").items()
    ]
    return (
        "**Pitch** against a laryngograph (50 sentences, F0 frame error: voicing errors and errors "
        "over 20 %), clean and through a telephone (`python -m benchmarks pitch`):\n\n"
        + grid(("tracker", *LINES, "x real time, 16 kHz", "8 kHz"), rows)
    )


def measures() -> str:
    """Return the table of speeds."""
    both = result("measures")
    names = {
        "all measures": "prosody, all measures",
        "all but pitch": "prosody, all but pitch",
        "openSMILE eGeMAPSv02 functionals": "openSMILE eGeMAPSv02",
    }
    rates = ("16 kHz", "8 kHz")
    rows = [
        [shown, *(f"{both[rate]['rows'][k]['x_real_time']:,.0f}" for rate in rates)]
        for k, shown in names.items()
    ]
    return (
        f"**Speed** on one core, in times real time ({command('speed', 'measures')}):\n\n"
        + grid(("", *rates), rows)
    )


def parity() -> str:
    """Return how the measures agree with openSMILE's, in one paragraph."""
    found = result("parity")
    targets, v02 = found["targets"], found["eGeMAPSv02"]
    met = [k for k in targets if v02[k]["all"]["r"] >= targets[k]]
    lowest = min(v02[k]["all"]["r"] for k in met if targets[k] >= 0.99)
    return (
        f"**Parity** with openSMILE eGeMAPSv02 over 404 clips ({command('parity')}): "
        f"{len(met)} of {len(targets)} functionals reach the correlation asked of them; loudness, "
        f"flux, spectral balance and MFCC means {lowest:.3f} or more. The others rest on which "
        "frames are voiced and at what pitch ([docs/parity.md](docs/parity.md))."
    )


REAL = {
    "en.tsv": ("alone", "English: service talk, telephone talk, meetings, chat"),
    "en_context.jsonl": ("with_neighbours", "English: turns with their neighbours"),
    "nl.tsv": ("alone", "Dutch: chat and prose"),
    "nl.telephone.tsv": ("alone", "Dutch: telephone, written for this by a stranger to the rules"),
}


def words() -> str:
    """Return what is found in text at first sight, and how the rules of conduct agree."""
    kinds: dict[str, list[Found]] = {}  # sets of one kind, "..., third set", in one row
    for name, row in result("looks").items():
        kinds.setdefault(re.sub(r", [\w ]+ set$", "", name), []).append(row)

    def row(kind: str, values: Callable[[Found], Sequence[float | None]]) -> list[str]:
        sets = kinds[kind]
        cells = [_over_sets(column, sets) for column in zip(*map(values, sets), strict=True)]
        return [kind, str(len(sets)), str(sum(s["lines"] for s in sets)), *cells]

    acts = [
        row(k, lambda s: (s.get("0.1.0", {}).get("right"), s["right"], *s["apology"], *s["repair"]))
        for k, sets in kinds.items()
        if "right" in sets[0]
    ]
    openings = [
        row(k, lambda s: (s["precision"], s["recall"]))
        for k, sets in kinds.items()
        if "complaints" in sets[0]
    ]
    held = result("conduct")["golden"]["found_acts_held_out"]
    seen = ("lines", "sets", "n")
    return "\n".join(
        [
            "**Words** on lines that no hand of the rules wrote, at first sight, before anybody "
            "had looked at them (expect this in a new centre): the mean over the sets, with the "
            "worst and the best. Labelled before they were run, most by who knew the rules; each "
            "set is in `benchmarks/results/looks.json`, what they are in tests/corpus/README.md:",
            "",
            grid(
                (*seen, "right, 0.1.0", "right", "apology, precision", "recall",
                 "repair, precision", "recall"),
                acts,
            ),
            "",
            grid((*seen, "complaints, precision", "recall"), openings),
            "",
            "The conduct rules agree with the expected outcome in "
            f"{100 * held['agreement_share']:.0f} % of {held['calls'] * 12} judgements "
            f"on {held['calls']} held-out calls of our own (`python -m benchmarks conduct`).",
        ]
    )  # fmt: skip


def _over_sets(values: Sequence[float | None], sets: Sequence[Found]) -> str:
    """Write a figure of several sets as their mean by lines, the lowest and the highest."""
    known = [(v, s["lines"]) for v, s in zip(values, sets, strict=True) if v is not None]
    if not known:
        return "-"
    mean = sum(v * n for v, n in known) / sum(n for _, n in known)
    low, high = min(known)[0], max(known)[0]
    return f"{mean:.2f}" + (f" ({low:.2f} to {high:.2f})" if len(known) > 1 else "")


def tuned() -> str:
    """Return what is found in lines that were tuned on since, for docs/conduct.md."""
    acts = result("acts")
    rows = [
        [name, str(got["lines"]), f"{got['accuracy']:.2f}"]
        + [f"{got[k]['precision']:.2f} / {got[k]['recall']:.2f}" for k in ("apology", "repair")]
        for file, (how, name) in REAL.items()
        if (got := acts.get(f"real {file}", {}).get(how))
    ]
    return (
        "Most were tuned on since (`python -m benchmarks acts --lines FILE` runs your own); lines "
        "whose label is unsure are left out; apology and repair are precision / recall:\n\n"
        + grid(("lines", "n", "right", "apology", "repair"), rows)
    )


def judge() -> str:
    """Return what the judge reaches on strangers and on speakers it has not heard."""
    got = result("judge")
    found = got["sincere"]
    ours, takes = found["unseen_speakers"], found["pairs"]
    rows = (
        ("of the same words", takes["same words, rated at least .2 apart"]),
        ("of any words", takes["any words, rated at least .2 apart"]),
        ("a take against the speaker's others, all", found["usual"]),
    )

    def share(corpus: str, emotion: str, word: str) -> str:
        return percent(got[corpus]["emotions"][emotion][word])

    return "\n".join(
        [
            "**The judge** (`python -m benchmarks judge`; its [card](models/MODEL_CARD.md) has the "
            "rest). What it does best is to tell two takes of one person apart; speakers it was "
            "not fitted on, ratings at least .2 apart:",
            "",
            grid(
                ("two takes", "right", "surest half", "surest fifth"),
                [[name, *_sure(f)] for name, f in rows],
            ),
            "",
            "Between people it is weak. On SinA-C's acted, read English apologies (24 speakers, "
            f"each judged by the others) it has Spearman {ours['spearman']:.2f}, within a sentence "
            f"{ours['spearman_within_sentence']:.2f}, within a speaker "
            f"{ours['spearman_within_speaker']:.2f}; wording alone has "
            f"{found['wording only']['spearman']:.2f} over all. On acted speech of other "
            "corpora, against the speaker's own neutral clips, `forced` is "
            f"said of {share('emodb', 'neutral', 'forced')} (EmoDB) and "
            f"{share('emotale', 'neutral', 'forced')} (EmoTale) of neutral clips and of "
            f"{share('emodb', 'anger', 'forced')} of angry ones, `sincere` of hardly any. None of "
            "this is of real calls or of Dutch: there it is an extrapolation, and `unclear` is its "
            "most frequent word.",
        ]
    )


def figures() -> str:
    """Return all figures of the README."""
    return "\n\n".join([words(), judge(), pitch(), measures(), parity()])


def demo() -> str:
    """Return the table that the demo prints, one row of each recording."""
    code = "from prosody.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, "analyze", "samples", "--out", f"{folder}/out", "--quiet"],
            cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
    lines, seen, shown = [], set(), True
    for line in done.stdout.rstrip().splitlines():
        if not line.startswith(" "):  # of each recording the first row
            first = line.split()[0]
            shown = first not in seen or not first.endswith(".wav")
            seen.add(first)
        if shown:
            lines.append(line.rstrip())
    return "\n".join(["```text", *lines, "```"])


# --- pages of docs --------------------------------------------------------------------------------


ALIKE = 0.99  # rows at or above it are only counted


def beside_opensmile() -> str:
    """Return every functional that has a target, for docs/parity.md."""
    found = result("parity")
    targets, v02 = found["targets"], found["eGeMAPSv02"]
    rows = []
    for name in [n for n in v02 if n in targets]:
        r = [v02[name][k]["r"] for k in ("emodb", "harpervalley", "all")]
        for part, sets in (("their_pitch", ("emodb", "harpervalley")),
                           ("laryngograph", ("ours", "openSMILE"))):  # fmt: skip
            r += [found[part].get(name, {}).get(k, {}).get("r") for k in sets]
        if v02[name]["all"]["r"] >= ALIKE:
            continue
        bias = v02[name]["all"]["bias_over_sd"]
        cells = ("-" if v is None else f"{v:.3f}" for v in r)
        rows.append([name, f"{targets[name]:.2f}", *cells, f"{bias:+.2f}"])
    head = ("functional", "target", "EmoDB", "HarperValley", "all", "own pitch, EmoDB",
            "own pitch, HarperValley", "laryngograph, ours", "laryngograph, openSMILE",
            "bias")  # fmt: skip
    alike = sum(name in targets for name in v02) - len(rows)
    return (
        grid(head, rows) + f"\n\nThe {alike} others have {number(ALIKE, 2)} or more over all clips."
    )


TITLES = {
    "pitch": "Pitch", "loudness": "Loudness", "balance": "Spectral balance",
    "tempo": "Tempo, from the sound", "words": "Tempo, from the words of a transcript",
}  # fmt: skip
# What the head of the page says of every measure over frames of a kind.
FRAMES_LACK = ("fewer than 3 voiced frames", "no voiced frame", "no unvoiced frame with sound")
FIT = {(True, True): "fit as it is", (True, False): "fit", (False, False): "not fit"}


def every_measure() -> str:
    """Return one entry per measure, librosa's equal beside it, for docs/measures.md."""
    lines = []
    for family, title in TITLES.items():
        lines += [f"## {title}", ""]
        for m in MEASURES:
            if m.family == family:
                definition = f"{m.definition[:-1]}: {m.formula}." if m.formula else m.definition
                lines += [f"### `{m.name}`", "", definition, "", _facts(m), ""]
    return "\n".join(lines)


def _facts(m: Measure) -> str:
    source = m.source if m.source != OURS and not m.egemaps else ""
    facts = {
        "": m.unit,
        " ": f"`{m.relative_name}`" if m.relative_name else "",
        "from": f"{m.min_s:g} s" if m.min_s != LEAST_S else "",
        "missing:": "" if m.missing in FRAMES_LACK else m.missing,
        "eGeMAPS": f"`{m.egemaps}`" if m.egemaps else "",
        "source:": "Eyben et al. 2016" if source == EGEMAPS else source,
        "librosa r": beside_librosa(m.name),
    }
    parts = [f"{key} {value}".strip() for key, value in facts.items() if value]
    return "; ".join([*parts, FIT[m.fit_for_judging, m.fit_absolute]])


def beside_librosa(name: str) -> str:
    """Return correlation and median difference with librosa's measure; '' where it has none."""
    rows = [
        (corpus.split(",")[0], row)
        for corpus, rows in result("by_librosa").items()
        for row in rows
        if row["measure"] == name and row["r"] is not None
    ]
    return " and ".join(
        f"{number(row['r'], 2)}, {row['median_difference']:+.2g} ({corpus})" for corpus, row in rows
    )


def report() -> str:
    """Return what a report costs, for docs/report.md."""

    def seconds(row: Found, name: str, decimals: int) -> str:
        return f"{row[name]:.{decimals}f} s" if name in row else "-"

    rows = [
        [f"{row['apologies']:,}", str(row.get("calls", "-")), f"{row['with_sound']:,}",
         seconds(row, "cpu_s", 0), seconds(row, "seconds", 0), f"{row['peak_mb']:.0f} MB",
         f"{row['html_mb']:.0f} MB", f"{row['sound_mb']:.0f} MB", f"{row['table_mb']:.2f} MB",
         seconds(row, "open_calls_cpu_s", 2), seconds(row, "sort_s", 2)]
        for row in result("report").values()
    ]  # fmt: skip
    head = ("apologies", "calls", "with sound", "CPU", "wall", "memory", "pages", "sound",
            "table of calls", "CPU to open it", "to sort it")  # fmt: skip
    return (
        "Made-up runs of the demo calls, by one process, reading the recordings included "
        "(`python -m benchmarks report`); opened in Chromium. Wall time on a busy machine:\n\n"
        + grid(head, rows)
    )


# What a million calls a day would need. These are assumed, as the page says; all else is measured.
CALLS, DAY_S = 1_000_000, 86_400
MINUTES, CHANNELS, SR_HZ, BUSY_SHARE = 6, 2, 8_000, 0.7


def million() -> str:
    """Return what was measured of long runs, and what a million calls a day would need of it."""
    import soundfile

    scale, asr, machine = result("scale"), result("asr"), record("scale")["machine"]
    long, ten, last = scale["long_calls"], scale["one_long_recording"], scale["recordings"][-1]
    whole, count = scale["whole_calls"], f"{last['recordings']:,}"
    made, *praat = (r for r in result("stages")["rows"] if r["set"] == "made call")
    apart = f", runs {x:.0%} apart" if (x := made["spread_share"]) > BUSY_SPREAD else ""
    beside = "".join(
        f"; Praat's pitch of one of its channels: {r['x_real_time']:,.0f}" for r in praat
    )
    # What `scale.long_calls` repeats, with one window each time.
    sample = soundfile.info(ROOT / "samples" / "3-four-times-sorry-nl.wav")
    measured = [
        [made["stage"], f"{made['x_real_time']:,.0f} times real time on one core{apart}{beside}"],
        [f"{long['calls']} two-channel calls of {long['minutes_each']:g} minutes, a window every "
         f"{sample.frames / sample.samplerate:.0f} s",
         f"{long['x_real_time_per_core']:.0f} times real time on one core, workers below "
         f"{long['peak_worker_mb']:.0f} MB"],
        [f"one recording of {ten['hours']:g} hours, {ten['file_mb']:.0f} MB",
         f"{ten['cpu_seconds']:.0f} CPU seconds, {ten['peak_worker_mb']:.0f} MB at the most"],
        [f"{count} recordings of one second, start-up, journal and results included",
         f"{last['cpu_ms_per_recording']:.1f} ms of CPU each; cost grows with their number to the "
         f"power {scale['growth']['exponent_cpu_seconds']:.2f}"],
        ["the same again, nothing to do", f"{last['again_cpu_seconds']:.0f} s of CPU in all"],
        [f"the run's own process at {count}", f"{last['peak_main_mb']:.0f} MB"],
        [f"{whole['calls']} calls of {whole['seconds_each']:.0f} s with their transcripts: found, "
         "measured, judged, conduct",
         f"{whole['cpu_ms_per_call']:.0f} ms of CPU each; {whole['journal_kb_per_call']:.0f} kB of "
         f"journal, {whole['results_kb_per_call']:.0f} kB of results"],
    ]  # fmt: skip
    # A call of the samples as measured, words and conduct too; the rest of its minutes is heard.
    read_s = whole["cpu_ms_per_call"] / 1e3
    heard_s = (60 * MINUTES - whole["seconds_each"]) / long["x_real_time_per_core"]
    cores = CALLS * (heard_s + read_s) / DAY_S
    planned = cores / BUSY_SHARE
    sound_mb = 60 * MINUTES * CHANNELS * SR_HZ / 1e6  # G.711: one byte a sample
    kept_kb = whole["journal_kb_per_call"] + whole["results_kb_per_call"]
    # The words of two people's calls where those were measured, else of any.
    words_s = next(asr[k] for k in ("harpervalley", "prompts", "lines") if k in asr)[
        "cpu_s_per_min_of_call"
    ]
    needed = [
        ["processors",
         f"{read_s + heard_s:.2f} s of one core a call: a call of the samples, and the rest of "
         f"{MINUTES} minutes at the speed of long calls. That is {cores:.1f} cores day and night, "
         f"**{planned:.0f} cores** with the reserve"],
        ["memory", f"{WORKER_MB} MB for each worker (what `--memory` reckons with): "
         f"{planned * WORKER_MB / 1024:.0f} GB"],
        ["reading", f"{sound_mb:.1f} MB a call: {CALLS * sound_mb / 1e6:.1f} TB a day, "
         f"{CALLS * sound_mb / DAY_S:.0f} MB/s around the clock, from wherever recordings lie"],
        ["keeping", f"{kept_kb:.0f} kB a call: {CALLS * kept_kb * 1024 / 1e9:.0f} GB a day, if all "
         "calls were like the samples, with an apology each"],
        ["if words must be recognised, too",
         f"{CALLS * words_s * MINUTES / DAY_S:,.0f} cores more, at the {words_s:g} s of CPU that "
         f"{asr['model']} takes for each minute of a call: a platform's transcripts cost none"],
    ]  # fmt: skip
    return "\n".join(
        [
            f"Measured (`python -m benchmarks speed`, `asr`; {command('scale')}) on "
            f"{machine['cores']} cores of {machine['cpu']}, load "
            f"{machine['load_1min']:g} when it ended; CPU time is that of all processes:",
            "",
            grid(("measured", "figure"), measured),
            "",
            f"**Assumed**: {MINUTES} minutes a call, {CHANNELS} channels at {SR_HZ} Hz as G.711, a "
            "transcript there already, calls spread over the day, processors "
            f"{100 * BUSY_SHARE:.0f} % busy (the rest is for peaks, restarts and a lost "
            "machine), cores as fast as these, and a disk and network that keep up.",
            "",
            grid(("needed for 1,000,000 calls a day", ""), needed),
        ]
    )


# --- the judge's card -----------------------------------------------------------------------------


FIGURES = (
    "spearman", "spearman_within_sentence", "spearman_within_speaker", "uar", "uar_half", "rmse",
    "coverage_80",
)  # fmt: skip
HEAD = (
    "", "Spearman", "within sentence", "within speaker", "UAR at 0", "UAR, surest half", "RMSE",
    "80 % interval covers",
)  # fmt: skip
# Measured by the holders of the eight speakers that were kept back, once, for the nine measures as
# straight differences, before this judge was made; and for judge 0.1.0 (docs/judge.md).
KEPT_BACK = {
    "judge 0.1.0, as it was published (its own folds)": (0.574, 0.466, 0.471, 0.719, 0.842),
    "judge 0.1.0, on the eight": (0.359, 0.205, 0.524, 0.609, 0.658),
    "nine measures, straight differences, on the eight": (0.512, 0.367, 0.515, 0.679, None),
}


def _figures(found: Found, keys: Sequence[str] = FIGURES) -> list[str]:
    return [number(found.get(k)) for k in keys]


def strangers(got: Found) -> str:
    """Return the card's first table: corpora and speakers that nothing was fitted to."""
    rows = []
    for name, title in (("emodb", "EmoDB"), ("emotale", "EmoTale")):
        for emotion, f in got[name]["emotions"].items():
            shares = [f[v] for v in ("sincere", "forced", "unclear", "flatter", "livelier")]
            rows.append([f"{title}, {emotion}", str(f["n"]), *(percent(x) for x in shares)])
    head = ("acted clips", "n", "`sincere`", "`forced`", "`unclear`", "*flatter*", "*livelier*")
    return grid(head, rows)


def kept_back(got: Found) -> str:
    """Return what came out on the eight speakers that were kept back."""
    rows = [[n, *(number(x) for x in f)] for n, f in KEPT_BACK.items()]
    return grid(HEAD[:6], rows)


def pairs(got: Found) -> str:
    """Return how often the likelier of two takes of one person was rated higher."""
    found = got["sincere"]["pairs"]
    kinds = [n for n in found if n not in ("spread", "told")]
    rows = [[f"two takes, {n}", str(found[n]["pairs"]), *_sure(found[n])] for n in kinds]
    own = got["sincere"]["usual"]
    rows.append(["a take against the speaker's others", str(own["n"]), *_sure(own)])
    return grid(("", "n", "right", "surest half", "surest fifth"), rows)


def told(got: Found) -> str:
    """Return whether probabilities of pairs hold."""
    two, own = got["sincere"]["pairs"]["told"], got["sincere"]["usual"]["told"]

    def cells(found: Found, name: str) -> list[str]:
        f = found.get(name)
        return [str(f["n"]), percent(f["right"])] if f else ["-", "-"]

    rows = [[n, *cells(two, n), *cells(own, n)] for n in sorted({*two, *own})]
    head = ("told with a probability of", "pairs", "came out so", "takes against own others",
            "came out so")  # fmt: skip
    return grid(head, rows)


def accuracy(got: Found) -> str:
    """Return the figures on the 24 speakers, each judged by the others."""
    found = got["sincere"]
    spans = found["intervals"]
    between = [span(spans[k]) if k in spans else "" for k in FIGURES]
    rows = [
        ["**the judge**", *_figures(found["unseen_speakers"])],
        ["interval", *between],
        *([n, *_figures(f)] for n, f in found["gender"].items()),
        ["wording only", *_figures(found["wording only"])],
    ]
    plain = {**found["lower, softer, darker, equal weights"]}
    for gone in ("uar", "uar_half", "rmse", "coverage_80"):
        plain.pop(gone)
    rows.append(["lower, softer, darker, equal weights, no fit", *_figures(plain)])
    rows += [[f"with a baseline of {n}", *_figures(f)] for n, f in found["baseline"].items()]
    return grid(HEAD, rows)


def verdicts(got: Found) -> str:
    """Return how often each verdict is given on SinA-C, speakers left out, and is right."""
    found = got["sincere"]["verdicts"]
    rows = [
        ["given", *(percent(found[v]) for v in ("sincere", "forced", "unclear"))],
        ["right", *(percent(found["right"].get(v, math.nan)) for v in ("sincere", "forced")), "-"],
    ]
    return grid((f"SinA-C, {found['n']} clips", "`sincere`", "`forced`", "`unclear`"), rows)


def thresholds(got: Found) -> str:
    """Return what each threshold would give; the rule in results/judge_plan.md reads these rows."""
    rows = []
    for row in got["sweep"]:
        for word in ("sincere", "forced"):
            f = row[word]
            cells = [f["sinac"], f["right"], *(f[e] for e in EMOTIONS)]
            shown = ["-" if c is None else percent(c) for c in cells]
            rows.append([f"`{word}` from {number(row['p'], 2)}", *shown])
    head = ("", "of SinA-C", "of these right", *(f"EmoDB, {e}" for e in EMOTIONS))
    return grid(head, rows)


EMOTIONS = ("neutral", "anger", "happiness", "sadness")


def noise(got: Found) -> str:
    """Return how far noise moves ratings and animation."""
    found, rows = got["noise"], []
    for where in ("in both", "in the clip only"):
        for what in ("rating", "animation"):
            f = found[where][what]
            rows.append([f"{what}, noise {where}: mean", *(signed(x) for x in f["mean"])])
            rows.append(["root mean square", *(number(x, 2) for x in f["root_mean_square"])])
        within = found[where]["rating"]["within_.1"]
        rows.append(["ratings moved by .1 or less", *(percent(x) for x in within)])
        even = found[where]["rating_by_measure"]["loudness_cv_log2ratio"]
        rows.append(["of the mean by `loudness_cv`", *(signed(x) for x in even)])
        kinds = len(found["kinds"])
        for what, title, of in (
            ("became_sincere", "clips that became `sincere`", found["clips"]),
            ("no_longer_sincere", "no longer `sincere`", found["sincere without noise"]),
        ):
            rows.append([title, *(f"{x} of {of * kinds}" for x in found[where][what])])
    return grid(("voice over noise", *(f"{x:g} dB" for x in found["snr_db"])), rows)


def lines(got: Found) -> str:
    """Return how far lines move ratings, clip and baseline on the same one."""
    rows = [
        [name, signed(f["mean"]), number(f["root_mean_square"], 2), percent(f["within_.1"])]
        for name, f in got["lines"].items()
    ]
    return grid(("line", "mean", "root mean square", "moved by .1 or less"), rows)


CARD = (strangers, kept_back, pairs, told, accuracy, verdicts, thresholds, noise, lines)


def card(got: Found) -> dict[str, str]:
    """Return every table of the judge's card whose figures are there."""
    out = {}
    for make in CARD:
        with contextlib.suppress(KeyError):  # a part that was skipped
            out[make.__name__] = make(got)
    return out


# --- what stands where ----------------------------------------------------------------------------

README = ROOT / "README.md"
PAGES: dict[Path, Mapping[str, Callable[[], str]]] = {
    README: {"figures": figures},
    ROOT / "docs" / "measures.md": {"measures": every_measure},
    ROOT / "docs" / "parity.md": {"openSMILE": beside_opensmile},
    ROOT / "docs" / "report.md": {"figures": report},
    ROOT / "docs" / "running.md": {"million": million},
    ROOT / "docs" / "conduct.md": {"words": tuned},
    ROOT / "models" / "MODEL_CARD.md": {
        make.__name__: lambda make=make: make(result("judge")) for make in CARD
    },
}


def filled(text: str, name: str, content: str) -> str:
    """Return `text` with `content` between the marks called `name`, which must be there."""
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    out, n = mark.subn(lambda m: f"{m[1]}{content}\n{m[2]}", text)
    if n != 1:
        raise SystemExit(f"found {n} places for <!-- {name} -->, expected 1.")
    return out


def main(argv: list[str]) -> int:
    """Write all pages, or with ``--check`` compare their figures."""
    wrong = []
    for page, parts in PAGES.items():
        before = after = page.read_text(encoding="utf-8")
        for name, make in parts.items():
            after = filled(after, name, make())
        if after != before:
            wrong.append(page.name)
            if "--check" not in argv:
                page.write_text(after, encoding="utf-8")
    if "--check" in argv:
        if wrong:
            print(f"{', '.join(wrong)}: other figures than benchmarks/results; run this without "
                  "--check")  # fmt: skip
        return int(bool(wrong))
    README.write_text(filled(README.read_text(encoding="utf-8"), "demo", demo()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
