"""Write constraints.txt (the newest versions that fit) and lowest.txt (the oldest allowed).

Run by ``make lock``, which installs uv beside it. Markers in constraints.txt let one file hold for
Python 3.11 to 3.13: librosa 1.0 and NumPy 2.5 need 3.12, so 3.11 stays on the last that run there.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
UV = Path(sys.executable).with_name("uv")
FLAGS = ["--universal", "--python-version", "3.11", "--no-annotate", "--no-header", "--quiet"]

# Whose oldest versions `make lowest` runs: the base and these extras. The others need a cluster, a
# cloud or a model to do anything. Test tools stay at the locked versions.
EXTRAS = ("av", "dask", "fit", "parquet", "s3", "studio", "xlsx")


def tools() -> set[str]:
    """Return the names of the test tools."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    lines: list[str] = project["project"]["optional-dependencies"]["test"]
    return {re.split(r"[\[<>=!~ ]", line)[0] for line in lines} - {project["project"]["name"]}


def compile_pins(*args: str, stdin: str = "") -> str:
    """Return the pins that uv finds."""
    return subprocess.run(
        [str(UV), "pip", "compile", *FLAGS, *args],
        cwd=HERE.parent, input=stdin, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def main() -> None:
    """Write both files."""
    newest = compile_pins("--upgrade", "--all-extras", "pyproject.toml")
    (HERE / "constraints.txt").write_text(
        "# Every version that `make demo`, `make test` and CI install, Python 3.11 to 3.13.\n"
        "# Written by `make lock`.\n" + newest
    )
    kept = tools()
    pins = [line for line in newest.splitlines() if line.split("==")[0] in kept]
    # Click before 8.3.1 tells a wrong value with "(env var: 'None')".
    pins.append("click==8.3.1")
    extras = [f"--extra={name}" for name in EXTRAS]
    oldest = compile_pins(
        "--upgrade", "--resolution=lowest-direct", *extras, "pyproject.toml", "-",
        stdin="\n".join(pins),
    )  # fmt: skip
    (HERE / "lowest.txt").write_text(
        "# The oldest versions of the direct dependencies that pyproject.toml allows, on\n"
        "# Python 3.11; `make lowest` tests with them. Written by `make lock`.\n" + oldest
    )


if __name__ == "__main__":
    main()
