"""Find the acts in labelled lines: real ones that anybody brings, and the project's own.

``--lines FILE ...`` takes anybody's labelled lines: TSV with ``act``, ``line`` and, if known,
``source`` (a header is allowed; ``context`` after the source means that the label rests on the
neighbours), or JSONL with ``label``, ``text``, ``before`` and ``after`` (pairs of speaker and
words), ``speaker``, ``unsure``. The language is guessed, or told by ``--language``. Lines are never
written anywhere, only figures. ``--group spoken=oasis,swda`` adds a row for the sources that begin
so. Lines with neighbours are measured with and without them.

    python -m benchmarks acts --lines mine.tsv more.jsonl --group spoken=calls

Lines labelled ``complaint`` and ``none`` are what a customer says: of those it is measured whether
a complaint is found. ``--look "NAME"`` records the figures in ``results/looks.json`` as those of
the first look at these lines; a name is recorded once. Then nothing else is run.

Without ``--lines`` the lines in ``tests/corpus`` are run: the Dutch telephone lines, and what the
project wrote itself, which is a regression test and no claim (``tests/corpus/README.md`` says why).
A line's act is ``apology`` if any act in it is one, else its first act, else ``none``. Precision of
an act depends on how many lines of each kind there are; ``not_apology`` is the share of the other
lines that are not called an apology.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import common

CORPUS = common.ROOT / "tests" / "corpus"
ACTS = ("apology", "repair", "sympathy", "interruption", "none")
LANGUAGES = ("en", "nl")

LOOKS = common.ROOT / "benchmarks" / "results" / "looks.json"
"""What lines gave when they were first seen; since then most are tuned on."""

Line = tuple[str, str]  # act, text


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled line with what is known of where it stands."""

    act: str
    text: str
    source: str = ""
    speaker: str = ""
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    unsure: bool = False


def held_out(text: str) -> bool:
    """Tell whether a line of the first corpus belongs to the part that is not tuned on."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def lines(language: str, name: str) -> list[Line]:
    """Return the lines of one file of the corpus; none where it is not there."""
    path = CORPUS / name.format(language)
    if not path.is_file():
        return []
    return [(row.act, row.text) for row in read(path)]


def read(path: Path) -> list[Labelled]:
    """Return the labelled lines of a TSV or JSONL file.

    Raises
    ------
    SystemExit
        If a line cannot be read; says which, what was expected, and what to do.
    """
    rows = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not raw.strip():
            continue
        try:
            row = _json(raw) if raw.lstrip().startswith("{") else _tabs(raw)
        except (KeyError, ValueError) as error:
            raise SystemExit(
                f"{path.name}, line {number}: {error!r}; expected act<TAB>line[<TAB>source], or "
                "JSON with label and text."
            ) from None
        if row.act in ("act", "label") and number == 1:
            continue  # the header
        if row.act not in (*ACTS, "complaint"):
            raise SystemExit(
                f"{path.name}, line {number}: found the act '{row.act}', expected one of "
                f"{', '.join(ACTS)}."
            )
        rows.append(row)
    return rows


def _tabs(raw: str) -> Labelled:
    act, text, *more = raw.split("\t")
    source, speaker, unsure = (*more, "", "", "")[:3]
    return Labelled(act, text, source, speaker, unsure=unsure == "unsure")


def _json(raw: str) -> Labelled:
    row = json.loads(raw)
    sides = {k: tuple((str(s), str(t)) for s, t in row.get(k, ())) for k in ("before", "after")}
    source = str(row.get("source", row.get("id", "")))
    speaker = str(row.get("speaker", ""))
    unsure = bool(row.get("unsure", False))
    return Labelled(str(row["label"]), str(row["text"]), source, speaker, unsure=unsure, **sides)


def parts(language: str) -> dict[str, list[Line]]:
    """Return the project's own lines of each part by its name."""
    first = lines(language, "{}.tsv")
    return {
        "tuned_on": [x for x in first if not held_out(x[1])] + lines(language, "{}.more.tsv"),
        "other": lines(language, "{}.other.tsv"),
        "held_out": [x for x in first if held_out(x[1])],
        "fresh": lines(language, "{}.fresh.tsv"),
        "spoken": lines(language, "{}.spoken.tsv"),
        "spoken_held_out": lines(language, "{}.spoken_held_out.tsv"),
    }


def _strongest(kinds: Sequence[str]) -> str:
    return "apology" if "apology" in kinds else kinds[0] if kinds else "none"


def found(rows: Iterable[Line], language: str) -> list[str]:
    """Return the act that the program gives each line."""
    from prosody.language.acts import find_in_lines

    texts = [text for _, text in rows]
    return [_strongest([a.kind for a in acts]) for *_, acts in find_in_lines(texts, language)]


def found_among(rows: Iterable[Labelled], language: str) -> list[str]:
    """Return the act that the program gives each line with its neighbours around it."""
    from prosody.language.acts import find
    from prosody.transcripts.turns import Turn

    out = []
    for row in rows:
        talk = [*row.before, (row.speaker or "a", row.text), *row.after]
        turns = [Turn(10.0 * i, 10.0 * i + 8, t, speaker=s) for i, (s, t) in enumerate(talk)]
        acts = find(turns, language)
        out.append(_strongest([a.kind for a in acts if a.turn == len(row.before)]))
    return out


def figures(rows: Sequence[Line], got: Sequence[str]) -> dict[str, object]:
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
    out["accuracy"] = round(sum(pairs[a, a] for a in ACTS) / len(rows), 4) if rows else None
    out["confused"] = {f"{a} as {g}": n for (a, g), n in sorted(pairs.items()) if a != g}
    return out


def _guessed(path: Path) -> str:
    from prosody.language import lexicon

    return lexicon.guess([r.text for r in read(path)])[0]


def real(path: Path, language: str, groups: dict[str, tuple[str, ...]]) -> dict[str, object]:
    """Return the figures of a file of labelled lines: alone, with neighbours, in groups."""
    every = read(path)
    rows = [r for r in every if not r.unsure]
    code = language if language != "auto" else _guessed(path)
    pairs = [(r.act, r.text) for r in rows]
    got = found(pairs, code)
    out: dict[str, object] = {"language": code, "unsure_left_out": len(every) - len(rows)}
    out["alone"] = figures(pairs, got)
    if any(r.before or r.after for r in rows):
        out["with_neighbours"] = figures(pairs, found_among(rows, code))
    for name, starts in groups.items():
        inside = [r.source.startswith(starts) for r in rows]
        for label, keep in ((name, True), (f"not {name}", False)):
            some = [i for i, x in enumerate(inside) if x is keep]
            if any(inside) and some:
                out[label] = figures([pairs[i] for i in some], [got[i] for i in some])
    return out


def complaints(path: Path, language: str) -> dict[str, object]:
    """Return precision and recall of complaints in a file of what customers say."""
    from prosody.conduct.detectors import lexicon

    rows = [r for r in read(path) if not r.unsure]
    words = lexicon(language)
    got = [bool(words.find("complaint", [words.line(r.text, "customer")])) for r in rows]
    told = [r.act == "complaint" for r in rows]
    both = sum(a and b for a, b in zip(got, told, strict=True))
    return {
        "lines": len(rows),
        "complaints": sum(told),
        "precision": round(both / sum(got), 4) if any(got) else None,
        "recall": round(both / sum(told), 4) if any(told) else None,
    }


def record(name: str, row: Mapping[str, object]) -> None:
    """Write down what lines gave when they were first seen.

    Raises
    ------
    SystemExit
        If the name was recorded before: only the first look counts.
    """
    looks = json.loads(LOOKS.read_text(encoding="utf-8"))
    if name in looks["results"]:
        raise SystemExit(f"'{name}' was looked at before, and only the first look counts.")
    looks["results"][name] = row
    LOOKS.write_text(json.dumps(looks, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _short(row: dict[str, object]) -> dict[str, object]:
    """Return of the figures of lines what a first look is remembered by."""
    best = row.get("with_neighbours", row["alone"])
    assert isinstance(best, dict)
    pairs = {a: [best[a]["precision"], best[a]["recall"]] for a in ("apology", "repair")}
    return {"language": row["language"], "lines": best["lines"], "right": best["accuracy"], **pairs}


def _shown(name: str, row: dict[str, object]) -> None:
    print(f"{name}: {row['lines']} lines, right {row['accuracy']}, not an apology "
          f"{row['not_apology']}")  # fmt: skip
    for act in ACTS:
        one = row[act]
        print(
            f"  {act:<13} {one['lines']:>4} precision {one['precision']}"  # type: ignore[index]
            f" recall {one['recall']}"  # type: ignore[index]
        )


def main(argv: list[str]) -> int:
    """Write and print the figures; the lines themselves are not printed."""
    own = argparse.ArgumentParser(prog="python -m benchmarks acts", add_help=False)
    own.add_argument("--lines", type=Path, nargs="+", default=[], metavar="FILE")
    own.add_argument("--language", default="auto", choices=("auto", *LANGUAGES))
    own.add_argument("--look", metavar="NAME")
    own.add_argument("--group", action="append", default=[], metavar="NAME=START,START")
    mine, rest = own.parse_known_args(argv)
    args = common.arguments(rest, __doc__)
    groups = {n: tuple(s.split(",")) for n, s in (g.split("=", 1) for g in mine.group)}
    results: dict[str, object] = {}
    for path in [p for p in mine.lines if any(r.act == "complaint" for r in read(p))]:
        mine.lines.remove(path)
        code = mine.language if mine.language != "auto" else _guessed(path)
        found_here = {"language": code, **complaints(path, code)}
        results[f"complaints {path.name}"] = found_here
        print(f"{path.name}: {found_here}")
        if mine.look:
            record(mine.look, found_here)
    if mine.look:
        for path in mine.lines:
            row = _short(real(path, mine.language, {}))
            record(mine.look, row)
            print(f"{path.name}: {row}")
        return 0
    telephone = CORPUS / "nl.telephone.tsv"
    for path in (*mine.lines, telephone):
        row = real(path, mine.language if path != telephone else "nl", groups)
        results[f"real {path.name}"] = row
        for key, value in row.items():
            if isinstance(value, dict):
                _shown(f"{path.name} {key}", value)
    for language in LANGUAGES:
        for part, rows in parts(language).items():
            if rows:
                row = figures(rows, found(rows, language))
                results[f"own {language} {part}"] = row
                _shown(f"own {language} {part}", row)
    common.write("acts", args, results, sorted(CORPUS.glob("*.tsv")))
    return 0
