"""Agreement of the conduct rules with hand-made expectations, and precision of their detectors.

Three things are measured:

- the golden calls (``tests/golden/*.json``): 12 whole calls per language with the expected outcome
  of every rule, once with the acts as annotated and once with the acts that the program finds;
- the corpora of single utterances (``tests/corpus/conduct_*.tsv``): precision and recall of each
  detector;
- the real calls without complaints (HarperValley): whatever is graded there is a false alarm.

``held_out`` marks what was not looked at while the detectors were tuned on the rest of the same
batch; ``fresh`` lines were written after the tuning and measured without looking; ``spoken`` and
``spoken_held_out`` are two halves, drawn at random, of a later set, of which the first was tuned
on. One author wrote the calls, the lines and the detectors: other people's wordings will come out
lower.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import common
from prosody import conduct, transcripts
from prosody.conduct.detectors import lexicon
from prosody.language import acts as finder
from prosody.transcripts.turns import Act, Turn

GOLDEN = common.ROOT / "tests" / "golden"
CORPUS = common.ROOT / "tests" / "corpus"
DETECTORS = {
    "agent": ("understanding", "responsibility", "solution", "escape", "promise"),
    "customer": ("complaint",),
}
TOLERANCE_S = {"annotated": 0.05, "found": 1.5}
"""With found acts the end of the apologising clause may differ by a word or two."""


def annotated_acts(golden: dict[str, Any]) -> list[Act]:
    """Return the acts of a golden call as they were annotated."""
    return [
        Act(a["kind"], a["start_s"], a["end_s"], a["text"], "annotated", "agent", a["turn"], True,
            a["i_form"])
        for a in golden["acts"]
    ]  # fmt: skip


def expected_value(golden: dict[str, Any], name: str, turns: Sequence[Turn] = ()) -> float:
    """Return the seconds that follow from the marks in an annotated call.

    ``delay``: from the end of the complaint to the main apology, the first one after the complaint
    began; ``solution``: from the end of that apology to the solution, without the customer's turns.
    """
    marks, main = golden["marks"], golden["acts"][golden["main"]]
    if name == "delay":
        return float(main["start_s"] - marks["complaint_end_s"])
    from_s, to_s = main["end_s"], marks["solution_s"]
    hers = (t for t in turns if t.role == "customer")
    spoken_s = sum(max(0.0, min(t.end_s, to_s) - max(t.start_s, from_s)) for t in hers)
    return float(to_s - from_s - spoken_s)


def differences(
    golden: dict[str, Any],
    results: dict[str, conduct.RuleResult],
    tolerance_s: float,
    turns: Sequence[Turn] = (),
) -> dict[str, str]:
    """Return for each rule that came out otherwise than expected what differs."""
    out = {}
    for rule, want in golden["expected"].items():
        got = results[rule]
        wrong = []
        if got.status != want["status"]:
            wrong.append(f"status {got.status}, expected {want['status']}")
        value = want.get("value")
        if value in ("delay", "solution"):
            value = expected_value(golden, value, turns)
            near = isinstance(got.value, float) and abs(got.value - value) <= tolerance_s
            if not near:
                wrong.append(f"value {got.value}, expected {value:.2f} s")
        elif value is not None and got.value != value:
            wrong.append(f"value {got.value}, expected {value}")
        if "flagged" in want and got.flagged != want["flagged"]:
            wrong.append(f"flagged {got.flagged}, expected {want['flagged']}")
        missing = set(want.get("remarks", ())) - set(got.remarks)
        if missing:
            wrong.append(f"remarks {got.remarks}, expected {sorted(missing)}")
        for promise in want.get("promises", ()):
            listed = [p.as_dict() for p in got.promises]
            if not any(all(p[k] == v for k, v in promise.items()) for p in listed):
                wrong.append(f"promises {listed}, expected {promise}")
        if wrong:
            out[rule] = "; ".join(wrong)
    return out


def golden_files() -> list[Path]:
    """Return the golden calls in order of their names."""
    return sorted(GOLDEN.glob("*.json"))


def golden_call(path: Path) -> tuple[tuple[Turn, ...], dict[str, Any], str]:
    """Return turns, annotation and language of a golden call, read as any transcript is."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return transcripts.read(path).turns, data["golden"], data["language"]


def golden_rows() -> dict[str, Any]:
    """Return agreement per rule and what disagrees, with annotated and with found acts."""
    agreed: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    status: dict[tuple[str, str], list[bool]] = defaultdict(list)
    disagree: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for path in golden_files():
        turns, golden, language = golden_call(path)
        part = "held_out" if golden["held_out"] else "tuned"
        for how in ("annotated", "found"):
            acts = annotated_acts(golden) if how == "annotated" else finder.find(turns, language)
            results = conduct.assess(turns, acts, language=language)
            wrong = differences(golden, results, TOLERANCE_S[how], turns)
            for rule in conduct.ORDER:
                agreed[how, part, rule].append(rule not in wrong)
                status[how, part].append("status" not in wrong.get(rule, ""))
            if wrong and part == "tuned":
                disagree[how][path.stem] = wrong
    rows: dict[str, Any] = {}
    for how in ("annotated", "found"):
        for part in ("tuned", "held_out"):
            rules = {r: agreed[how, part, r] for r in conduct.ORDER}
            everything = [x for r in rules.values() for x in r]
            rows[f"{how}_acts_{part}"] = {
                "calls": len(rules["real"]),
                "agreement_share": round(sum(everything) / len(everything), 4),
                "status_agreement_share": round(sum(status[how, part]) / len(status[how, part]), 4),
                "per_rule": {r: f"{sum(x)} of {len(x)}" for r, x in rules.items()},
            }
        rows[f"{how}_acts_disagree"] = disagree[how]
    return rows


def corpus_lines(language: str) -> list[tuple[str, str, frozenset[str], str]]:
    """Return (split, role, labels, text) of the corpus of single utterances."""
    path = CORPUS / f"conduct_{language}.tsv"
    rows = [r.split("\t") for r in path.read_text(encoding="utf-8").splitlines() if r]
    if rows[0] != ["split", "role", "labels", "text"]:
        raise ValueError(f"{path}: the header is {rows[0]}, expected split, role, labels, text")
    return [
        (s, r, frozenset(labels.split(",")) - {"none"}, text) for s, r, labels, text in rows[1:]
    ]


def detected(language: str, role: str, text: str) -> frozenset[str]:
    """Return what the detectors of a role find in one utterance.

    ``promise`` means a concrete one, with who, what and when.
    """
    words = lexicon(language)
    piece = words.line(text)
    found = {d for d in DETECTORS[role] if d != "promise" and words.find(d, [piece])}
    if role == "agent":
        turns = [Turn(0.0, 5.0, text, "agent"), Turn(5.0, 6.0, "ok", "customer")]
        listed = conduct.assess(turns, [], language=language)["promise"].promises
        if any(p.concrete for p in listed):
            found.add("promise")
    return frozenset(found)


def _score(pairs: Iterable[tuple[bool, bool]]) -> dict[str, Any]:
    count = Counter(pairs)
    hit, miss, false = count[True, True], count[True, False], count[False, True]
    return {
        "lines": hit + miss,
        "precision": round(hit / (hit + false), 4) if hit + false else math.nan,
        "recall": round(hit / (hit + miss), 4) if hit + miss else math.nan,
        "false_alarms": false,
        "missed": miss,
    }


def corpus_rows() -> dict[str, Any]:
    """Return precision and recall of each detector, apart for what was and was not looked at."""
    rows: dict[str, Any] = {}
    for language in conduct.languages():
        lines = [
            (s, role, want, detected(language, role, text))
            for s, role, want, text in corpus_lines(language)
        ]
        for split in ("tuned", "held_out", "fresh", "spoken", "spoken_held_out"):
            row: dict[str, Any] = {}
            for role, detectors in DETECTORS.items():
                part = [(want, got) for s, r, want, got in lines if (s, r) == (split, role)]
                row[f"lines_{role}"] = len(part)
                for d in detectors:
                    row[d] = _score((d in want, d in got) for want, got in part)
            rows[f"{language}_{split}"] = row
    return rows


def real_rows(folder: Path) -> dict[str, Any]:
    """Return what the rules grade in real calls for information, where nobody complains."""
    graded: Counter[str] = Counter()
    files = sorted((folder / "harpervalley" / "transcript").glob("*.json"))
    complaints = 0
    for path in files:
        turns = transcripts.read(path).turns
        acts = finder.find(turns, "en")
        complaints += conduct.complains(turns, acts, language="en") is True
        for name, result in conduct.assess(turns, acts, language="en").items():
            graded[f"{name} {result.status}"] += result.status in ("met", "not_met")
    return {
        "calls": len(files),
        "complaints_found": complaints,
        "graded": {k: n for k, n in sorted(graded.items()) if n},
    }


def main(argv: list[str]) -> int:
    """Measure and write ``results/conduct.json``."""
    args = common.arguments(argv, __doc__)
    files = [*golden_files(), *sorted(CORPUS.glob("conduct_*.tsv"))]
    rows = {"golden": golden_rows(), "corpus": corpus_rows(), "real": real_rows(args.data)}
    common.write("conduct", args, rows, files)
    return 0
