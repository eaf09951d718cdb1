"""Which changed lines no test notices: mutants drawn at random, each against its room's tests.

A mutant is this program with one thing changed: an operator, a number, a name, an argument inside a
function (as mutmut changes them), a number at the top of a module, or a line of a table of words.
It is *noticed* when a test of its room fails, or hangs. Of the room's tests those run that pass
through the changed line, its own file first; where a fixture passes through it, all of that file;
where it is read as a module loads, or is a table, all of the room. What survives is either an equal
program or a line that nothing guards; both are listed, to be looked at.

Needs mutmut (development only). Takes an hour or more in full; ``--mutants 20`` gives an
impression, ``--room measures`` looks at one room.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import common

ROOMS = ("measures", "language", "conduct", "examine", "judge", "runs")
TIME_LIMIT_S = 900.0
NO_TESTS = 5  # pytest's exit code
# Of ten mutants so many come from functions, from numbers at the top of modules, from tables.
SHARES = {"function": 0.8, "constant": 0.1, "table": 0.1}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed file: where, what it was, what it became, and the whole text."""

    room: str
    path: Path
    kind: str
    line: int
    was: str
    became: str
    text: str


def of_functions(path: Path, text: str, draw: random.Random) -> Mutant | None:
    """Return one of the changes that mutmut makes inside functions; None where there is none."""
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    module, found, *_ = create_mutations(path.name, text)
    inside = [m for m in found if m.contained_by_top_level_function is not None]
    if not inside:
        return None
    chosen = draw.choice(inside)
    changed = deep_replace(module, chosen.original_node, chosen.mutated_node).code  # type: ignore[union-attr]
    return _compared(path, "function", text, changed)


def of_constants(path: Path, text: str, draw: random.Random) -> Mutant | None:
    """Return the module with one number at its top changed by half; None where there is none."""
    numbers = [
        number
        for node in ast.parse(text).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for number in ast.walk(node)
        if isinstance(number, ast.Constant) and type(number.value) in (int, float) and number.value
    ]
    if not numbers:
        return None
    number = draw.choice(numbers)
    lines = text.splitlines(keepends=True)
    row = lines[number.lineno - 1].encode()
    value = type(number.value)(number.value * 1.5 + (1 if isinstance(number.value, int) else 0))
    lines[number.lineno - 1] = (
        row[: number.col_offset] + repr(value).encode() + row[number.end_col_offset :]
    ).decode()
    return _compared(path, "constant", text, "".join(lines))


def of_tables(path: Path, text: str, draw: random.Random) -> Mutant | None:
    """Return the table without one of its patterns; None where there is none."""
    lines = text.splitlines(keepends=True)
    rows = [i for i, line in enumerate(lines) if re.fullmatch(r'\s+"[^"]+",\s*', line)]
    if not rows:
        return None
    chosen = draw.choice(rows)
    return _compared(path, "table", text, "".join(lines[:chosen] + lines[chosen + 1 :]))


def _compared(path: Path, kind: str, was: str, became: str) -> Mutant | None:
    if was == became:
        return None
    a, b = was.splitlines(), became.splitlines()
    first = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b) - 1)
    return Mutant(path.parts[1], path, kind, first + 1, a[first].strip(), b[first].strip(), became)


def drawn(count: int, seed: int, rooms: Sequence[str], place: Path) -> Iterator[Mutant]:
    """Yield `count` mutants of the rooms: files by their length, kinds by `SHARES`."""
    draw = random.Random(seed)
    files: dict[str, list[Path]] = {".py": [], ".toml": []}
    for room in rooms:
        for path in sorted((place / "prosody" / room).rglob("*")):
            if path.suffix in files:
                files[path.suffix].append(path.relative_to(place))
    makers = {"function": of_functions, "constant": of_constants, "table": of_tables}
    made = 0
    while made < count:
        kind = draw.choices(list(SHARES), list(SHARES.values()))[0]
        among = files[".toml" if kind == "table" else ".py"]
        texts = {p: (place / p).read_text(encoding="utf-8") for p in among}
        path = draw.choices(among, [len(t) for t in texts.values()])[0]
        if (mutant := makers[kind](path, texts[path], draw)) is not None:
            made += 1
            yield mutant


def _statement(text: str, line: int) -> range:
    """Return the lines of the statement around a line: of a long one, most are never passed."""
    around = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return min(around, key=len, default=range(line, line + 1))


def laid_out(place: Path) -> None:
    """Copy the project as it installs, so that it is found before the one that is installed."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis")
    for name in ("prosody", "tests", "samples", "benchmarks", "docs", "models", "cli"):
        shutil.copytree(common.ROOT / name, place / name, ignore=ignore)
    for name in ("cli", "models"):
        shutil.copytree(common.ROOT / name, place / "prosody" / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "Makefile"):
        shutil.copy(common.ROOT / name, place / name)


# Which test a line is passed through for: of what its fixtures pass through, only the file, since
# another of the file may be what looks at it.
CONTEXTS = """
import coverage, pytest
now = coverage.Coverage.current()
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    now.switch_context(item.nodeid.split("::")[0]); yield
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    now.switch_context(item.nodeid); yield
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    now.switch_context(item.nodeid.split("::")[0]); yield; now.switch_context("")
"""


class Room:
    """A room's quick tests in a copy of the project, and which of them pass through a line."""

    def __init__(self, place: Path, name: str) -> None:
        self.place, self.name, self.said = place, name, ""
        self._ways: dict[str, dict[int, list[str]]] = {}

    def looked_at(self) -> bool:
        """Run all tests once, noting the lines each passes through; whether they pass."""
        from coverage import CoverageData

        data = self.place / f".coverage-{self.name}"
        (self.place / "contexts.py").write_text(CONTEXTS, encoding="utf-8")
        if not self._passes(["-m", "coverage", "run", f"--data-file={data}", "--source=prosody"],
                            ["-p", "contexts", f"tests/{self.name}"]):  # fmt: skip
            return False
        found = CoverageData(basename=str(data))
        found.read()
        for file in found.measured_files():
            path = str(Path(file).relative_to(self.place))
            self._ways[path] = found.contexts_by_lineno(file)
        return True

    def notices(self, mutant: Mutant, was: str) -> bool:
        """Return whether a test fails, or none ends in time, with a changed file in its place."""
        ways = self._ways.get(str(mutant.path))
        passing = (
            {""}
            if ways is None
            else {c for n in _statement(was, mutant.line) for c in ways.get(n, ())}
        )
        own = f"tests/{self.name}/test_{mutant.path.stem}.py"
        files = {c for c in passing if c and "::" not in c}
        tests = {c for c in passing if c.split("::")[0] not in files} | files
        chosen = sorted(tests - {""}, key=lambda c: (c.split("::")[0] != own, c))
        if chosen and not self._passes([], chosen):
            return True
        return "" in passing and not self._passes([], [f"tests/{self.name}"])

    def _passes(self, through: list[str], tests: list[str]) -> bool:
        try:
            done = subprocess.run(
                [sys.executable, *through, "-m", "pytest", "-x", "-q", "-n", "0", "-m", "not slow",
                 "-p", "no:cacheprovider", *tests],
                cwd=self.place, capture_output=True, timeout=TIME_LIMIT_S, check=False,
                env={**os.environ, "PYTHONPATH": str(self.place), "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        self.said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        return done.returncode in (0, NO_TESTS)


def main(argv: Sequence[str]) -> int:
    """Draw mutants, run the tests of their rooms, write the share that was noticed."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0, help="stop drawing after so many")
    parser.add_argument("--room", action="append", choices=ROOMS)
    options, rest = parser.parse_known_args(list(argv))
    args = common.arguments(rest, __doc__)
    count = options.mutants or (20 if args.quick else 300)
    common.need("mutmut", "dev")
    rooms = options.room or ROOMS
    seen: Counter[tuple[str, bool]] = Counter()
    survived = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "copy"
        place.mkdir()
        laid_out(place)
        tests = {name: Room(place, name) for name in rooms}
        for room in tests.values():
            if not room.looked_at():
                print(f"the tests of {room.name} fail as they are:\n{room.said}", file=sys.stderr)
                return 1
        for number, mutant in enumerate(drawn(count, options.seed, rooms, place), 1):
            if options.minutes and time.monotonic() - begin > 60 * options.minutes:
                break
            target = place / mutant.path
            kept = target.read_text(encoding="utf-8")
            target.write_text(mutant.text, encoding="utf-8")
            noticed = tests[mutant.room].notices(mutant, kept)
            target.write_text(kept, encoding="utf-8")
            seen[mutant.room, noticed] += 1
            word = "noticed" if noticed else "SURVIVED"
            print(
                f"{number}/{count} {word} {mutant.path}:{mutant.line} {mutant.became}",
                flush=True,
            )
            if not noticed:
                survived.append(
                    {"file": str(mutant.path), "line": mutant.line, "kind": mutant.kind,
                     "was": mutant.was, "became": mutant.became}
                )  # fmt: skip
    rows = [
        {"room": name, "mutants": seen[name, True] + seen[name, False],
         "noticed_share": seen[name, True] / max(1, seen[name, True] + seen[name, False])}
        for name in rooms
    ]  # fmt: skip
    total = sum(seen.values())
    share = (total - len(survived)) / max(1, total)
    print(common.table(rows))
    print(f"noticed: {share:.0%} of {total} mutants, in {time.monotonic() - begin:.0f} s")
    found = {"mutants": total, "noticed_share": share, "seed": options.seed, "by_room": rows}
    common.write("mutation", args, found | {"survived": survived})
    return 0
