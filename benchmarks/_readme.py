"""Copy figures from ``results/`` and the demo's output into README.md.

``python -m benchmarks._readme`` writes what stands between the ``<!-- figures -->`` and
``<!-- demo -->`` marks, so that it is never typed; ``--check`` only says whether the figures are
still true (a test runs that).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def result(name: str) -> dict[str, Any]:
    """Return the figures of one benchmark."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["results"])


def pitch() -> str:
    """Return the table of pitch trackers."""
    rows = []
    for name, row in result("pitch").items():
        errors = [
            f"{100 * row[k]['frame_error']:.1f} %" if k in row else "-"
            for k in ("clean", "telephone")
        ]
        speed = [f"{row[k]['x_real_time']:,.0f}" for k in ("speed_clean", "speed_telephone")]
        rows.append(f"| {name} | {errors[0]} | {errors[1]} | {speed[0]} | {speed[1]} |")
    return "\n".join(
        [
            "**Pitch** against a laryngograph (50 sentences, F0 frame error: voicing errors and "
            "errors over 20 %), clean and through a telephone (`python -m benchmarks pitch`):",
            "",
            "| tracker | clean | telephone | x real time, 16 kHz | 8 kHz |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def measures() -> str:
    """Return the table of speeds."""
    both = result("measures")
    names = {
        "all measures": "prosody, all measures",
        "all but pitch": "prosody, all but pitch",
        "openSMILE eGeMAPSv02 functionals": "openSMILE eGeMAPSv02",
        "Praat pitch (ac)": "Praat, pitch (ac) alone",
        "librosa.pyin": "librosa.pyin alone",
    }
    rows = [
        f"| {said} | {both['16 kHz']['rows'][k]['x_real_time']:,.0f} | "
        f"{both['8 kHz']['rows'][k]['x_real_time']:,.0f} |"
        for k, said in names.items()
    ]
    return "\n".join(
        [
            "**Speed** on one core, in times real time (`python -m benchmarks measures`):",
            "",
            "| | 16 kHz | 8 kHz |",
            "|---|---|---|",
            *rows,
        ]
    )


def words() -> str:
    """Return what is found in text, and how the rules of conduct agree."""
    acts, conduct = result("acts"), result("conduct")
    rows = []
    for part in acts:
        if re.fullmatch(r"(en|nl) (held_out|fresh)", part):
            got = acts[part]
            others = min(
                v["precision"] if (v := got[k]) else 1.0
                for k in ("repair", "sympathy", "interruption")
                if k in got
            )
            recall = min(
                got[k]["recall"] for k in ("repair", "sympathy", "interruption") if k in got
            )
            rows.append(
                f"| {part.replace('_', ' ')} | {got['lines']} | "
                f"{got['apology']['precision']:.2f} / {got['apology']['recall']:.2f} | "
                f"{others:.2f} / {recall:.2f} |"
            )
    held = conduct["golden"]["found_acts_held_out"]
    return "\n".join(
        [
            "**Words**: precision / recall on lines not tuned on (`python -m benchmarks acts`); "
            "deliberately hard wordings score lower, see tests/corpus/README.md:",
            "",
            "| lines | n | apology | lowest of the other acts |",
            "|---|---|---|---|",
            *rows,
            "",
            "The conduct rules agree with the expected outcome in "
            f"{100 * held['agreement_share']:.0f} % of {held['calls'] * 12} judgements "
            f"on {held['calls']} held-out calls (`python -m benchmarks conduct`).",
        ]
    )


def judge() -> str:
    """Return what the judge reaches on speakers it has not heard."""
    got = result("judge")
    known, calls = got["sincere"]["known_line"], got["sincere"]["as_in_calls"]
    wording = got["sincere"]["must_beat"]["wording only"]
    engaged, bored = got["engaged"], got["bored"]["engaged"]
    engaged_calls = engaged["as_in_calls"]

    def row(name: str, r: dict[str, Any]) -> str:
        return (
            f"| {name} | {r['spearman']:.2f} | {r['spearman_within_sentence']:.2f} | "
            f"{r['uar']:.2f} | {r['uar_half']:.2f} | {100 * r['coverage_80']:.0f} % |"
        )

    return "\n".join(
        [
            "**The judge**, on speakers it was not fitted on (`python -m benchmarks judge`): "
            "*sincere*, on SinA-C's acted, read English apologies (24 speakers):",
            "",
            "| | Spearman | within sentence | UAR | UAR, surest half | 80 % interval covers |",
            "|---|---|---|---|---|---|",
            row("as in calls: what survives the telephone, against the own voice", calls),
            row("all measures, one known recording chain (`evaluate` only)", known),
            "| wording alone | "
            f"{wording['spearman']:.2f} | - | {wording['uar']:.2f} | {wording['uar_half']:.2f} | "
            f"{100 * wording['coverage_80']:.0f} % |",
            "",
            "*Engaged*, on 239 German speakers in telephone role plays: Spearman "
            f"{engaged_calls['spearman']:.2f} as in calls. Within a speaker it tells bored from "
            f"neutral clips with an AUC of {bored['auc']:.2f} (95 % interval "
            f"{bored['interval'][0]:.2f} to {bored['interval'][1]:.2f}). "
            "None of these ratings are of real calls or of Dutch: what the judge says of them is "
            "an extrapolation, and `unclear` is its most frequent word. "
            "The [card](models/MODEL_CARD.md) has everything else.",
        ]
    )


def demo() -> str:
    """Return the table that the demo prints."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from prosody.cli import main; main()",
                "analyze",
                "samples",
                "--out",
                str(Path(folder) / "out"),
                "--quiet",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        )
    lines = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
    return "\n".join(["```text", *lines, "```"])


def filled(text: str, name: str, content: str) -> str:
    """Return `text` with `content` between the marks called `name`."""
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return mark.sub(lambda m: f"{m[1]}{content}\n{m[2]}", text)


def figures() -> str:
    """Return all figures of the README."""
    return "\n\n".join([pitch(), measures(), words(), judge()])


def main(argv: list[str]) -> int:
    """Write README.md, or with ``--check`` compare its figures."""
    before = README.read_text(encoding="utf-8")
    after = filled(before, "figures", figures())
    if "--check" in argv:
        if before != after:
            print("README.md: figures differ from benchmarks/results; run this without --check")
        return int(before != after)
    README.write_text(filled(after, "demo", demo()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
