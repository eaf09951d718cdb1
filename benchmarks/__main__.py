"""``python -m benchmarks [NAME ... | all] [--profile quick|full] [--list]``.

Each benchmark runs in a process of its own, so that memory peaks, caches and first-call compiling
of one do not reach the next. Whatever follows the names goes to the benchmarks unchanged.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from benchmarks.common import Skip

HERE = Path(__file__).resolve().parent
FRAME = {"__init__", "__main__", "common"}
ALONE = {"mutation"}  # takes hours and looks at the tests: run where it is named


def known() -> dict[str, str]:
    """Return the benchmarks and what each measures, without importing them."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        if path.stem not in FRAME and not path.stem.startswith("_"):
            doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            found[path.stem] = doc.split("\n")[0]
    return found


def run_one(name: str, argv: list[str]) -> int:
    """Run one benchmark in this process; 0 done, 75 skipped."""
    module = __import__(f"benchmarks.{name}", fromlist=["main"])
    try:
        return int(module.main(argv) or 0)
    except Skip as reason:
        print(f"{name}: skipped: {reason}")
        return 75


def main(argv: list[str]) -> int:
    """Run the named benchmarks, or all; 0 when none failed, 2 for an unknown name."""
    benchmarks = known()
    split = next((i for i, a in enumerate(argv) if a.startswith("-")), len(argv))
    names, options = argv[:split], argv[split:]
    if "--list" in options or (options and options[0] in ("-h", "--help") and not names):
        print(__doc__.strip(), end="\n\n")
        width = max(map(len, benchmarks), default=0)
        for name, doc in benchmarks.items():
            print(f"  {name:<{width}}  {doc}")
        return 0
    if options[:1] == ["--here"]:  # the process of its own
        return run_one(names[0], options[1:])
    unknown = [n for n in names if n not in benchmarks and n != "all"]
    if unknown:
        print(
            f"no benchmark '{unknown[0]}'; there are: all, {', '.join(benchmarks)}", file=sys.stderr
        )
        return 2
    if not names or "all" in names:
        names = [n for n in benchmarks if n not in ALONE]
    outcome = {}
    for name in names:
        print(f"== {name}: {benchmarks[name]}", flush=True)
        outcome[name] = subprocess.run(
            [sys.executable, "-m", "benchmarks", name, "--here", *options],
            check=False,
        ).returncode
    failed = [n for n, code in outcome.items() if code not in (0, 75)]
    skipped = [n for n, code in outcome.items() if code == 75]
    if len(names) > 1 or failed:
        print(
            f"{len(names) - len(failed) - len(skipped)} done, {len(skipped)} skipped"
            f"{' (' + ', '.join(skipped) + ')' if skipped else ''}, {len(failed)} failed"
            f"{' (' + ', '.join(failed) + ')' if failed else ''}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
