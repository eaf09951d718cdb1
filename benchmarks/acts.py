"""Find the acts in the corpus of lines: precision and recall per act, on held-out lines.

The lines in ``tests/corpus`` were written before the lexicons were tuned. ``LANG.tsv`` is split by
a fixed hash of the line into a part to tune on and a part held out; ``LANG.more.tsv`` was written
later and tuned on; ``LANG.other.tsv`` by another hand that had not read the lexicons, and tuned on
after its first measurement (``tests/corpus/README.md`` has what it gave at first sight);
``LANG.fresh.tsv`` was never tuned on. ``LANG.spoken.tsv`` and ``LANG.spoken_held_out.tsv`` are
two halves, drawn at random, of a set written as calls are heard: the first was tuned on. Each line
stands alone: no speaker, no neighbours, no times. A line's act is ``apology`` if any act in it is
one, else its first act, else ``none``. Precision of an act depends on how many lines of each kind
there are; ``not_apology`` is the share of the other lines that are not called an apology.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from benchmarks import common

CORPUS = common.ROOT / "tests" / "corpus"
ACTS = ("apology", "repair", "sympathy", "interruption", "none")
LANGUAGES = ("en", "nl")
HELD_OUT = ("held_out", "fresh", "spoken_held_out")

Line = tuple[str, str]  # act, text


def held_out(text: str) -> bool:
    """Tell whether a line of the first corpus belongs to the part that is not tuned on."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def lines(language: str, name: str) -> list[Line]:
    """Return the lines of one file of the corpus; none where it is not there."""
    path = CORPUS / name.format(language)
    if not path.is_file():
        return []
    rows = path.read_text(encoding="utf-8").splitlines()[1:]
    return [(act, text) for act, text in (row.split("\t", 1) for row in rows)]


def parts(language: str) -> dict[str, list[Line]]:
    """Return the lines of each part by its name."""
    first = lines(language, "{}.tsv")
    return {
        "tuned_on": [x for x in first if not held_out(x[1])] + lines(language, "{}.more.tsv"),
        "other": lines(language, "{}.other.tsv"),
        "held_out": [x for x in first if held_out(x[1])],
        "fresh": lines(language, "{}.fresh.tsv"),
        "spoken": lines(language, "{}.spoken.tsv"),
        "spoken_held_out": lines(language, "{}.spoken_held_out.tsv"),
    }


def found(rows: Iterable[Line], language: str) -> list[str]:
    """Return the act that the program gives each line."""
    from prosody.language.acts import find_in_lines

    out = []
    for _, _, acts in find_in_lines([text for _, text in rows], language):
        kinds = [a.kind for a in acts]
        out.append("apology" if "apology" in kinds else kinds[0] if kinds else "none")
    return out


def figures(rows: list[Line], got: list[str]) -> dict[str, object]:
    """Return precision and recall per act, and the confusions."""
    pairs = Counter((act, g) for (act, _), g in zip(rows, got, strict=True))
    told, given = Counter(act for act, _ in rows), Counter(got)
    out: dict[str, object] = {"lines": len(rows)}
    for act in ACTS:
        right = pairs[act, act]
        out[act] = {
            "lines": told[act],
            "precision": round(right / given[act], 4) if given[act] else None,
            "recall": round(right / told[act], 4) if told[act] else None,
        }
    others = len(rows) - told["apology"]
    wrong = given["apology"] - pairs["apology", "apology"]
    out["not_apology"] = round(1 - wrong / others, 4) if others else None
    out["accuracy"] = round(sum(pairs[a, a] for a in ACTS) / len(rows), 4)
    out["confused"] = {f"{a} as {g}": n for (a, g), n in sorted(pairs.items()) if a != g}
    return out


def main(argv: list[str]) -> int:
    """Write and print the figures; the lines themselves are not printed."""
    args = common.arguments(argv, __doc__)
    results: dict[str, object] = {}
    for language in LANGUAGES:
        for part, rows in parts(language).items():
            if not rows:
                continue
            for how in (language, "auto"):
                row = figures(rows, found(rows, how))
                results[f"{language} {part}" + (" (language auto)" if how == "auto" else "")] = row
                if how == language:
                    print(
                        f"{language} {part}: {row['lines']} lines, accuracy {row['accuracy']}, "
                        f"not an apology {row['not_apology']}"
                    )
                    for act in ACTS:
                        one = row[act]
                        print(
                            f"  {act:<13} {one['lines']:>4} precision {one['precision']}"  # type: ignore[index]
                            f" recall {one['recall']}"
                        )  # type: ignore[index]
    common.write("acts", args, results, sorted(CORPUS.glob("*.tsv")))
    return 0
