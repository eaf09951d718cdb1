"""Which licences come with what a user installs; ``python tests/support/licences.py`` writes them.

Read from what each package says of itself, so in an environment with every extra that users have.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "requirements" / "licences.tsv"
EXTRAS = (
    "asr",
    "voices",
    "whisper",
    "av",
    "parquet",
    "s3",
    "gs",
    "az",
    "dask",
    "ray",
    "xlsx",
    "studio",
    "fit",
)

# What stands in the names of licences, the first that fits: (what to look for, what it is).
_KNOWN = (
    ("lgpl", "LGPL"), ("gpl", "GPL"), ("mpl-2", "MPL-2.0"), ("mozilla", "MPL-2.0"),
    ("apache", "Apache-2.0"), ("bsd", "BSD"), ("isc", "ISC"), ("psf", "PSF-2.0"),
    ("python software foundation", "PSF-2.0"), ("mit", "MIT"),
)  # fmt: skip
# Which say nothing of it in their metadata; their licence files do.
_SAYS_NOTHING = {"pyworld-prebuilt": "MIT"}

ALLOWED = {"MIT", "BSD", "ISC", "PSF-2.0", "Apache-2.0", "MPL-2.0"}
# Weak copyleft, used as a library of its own that anybody can replace: docs/architecture.md.
ALSO = {"soxr": "LGPL"}


def licence_of(name: str) -> str:
    """Return the licence of an installed package by its short name, or what it says itself."""
    about = metadata.metadata(name)
    said = about.get("License-Expression") or "; ".join(
        line.rsplit(" :: ", 1)[-1]
        for line in about.get_all("Classifier") or []
        if line.startswith("License ::")
    )
    said = said or (about.get("License") or "").split("\n")[0] or _SAYS_NOTHING.get(name, "")
    return next((short for part, short in _KNOWN if part in said.lower()), said)


def brought() -> dict[str, set[str]]:
    """Return the packages that are installed here, and by which extras each is brought."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: dict[str, set[str]] = {}
    for extra in ("base", *EXTRAS):
        given = project["optional-dependencies"].get(extra, project["dependencies"])
        ahead = [Requirement(line) for line in given]
        seen = set()
        while ahead:
            need = ahead.pop()
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            for option in {"", *need.extras} - {e for n, e in seen if n == name}:
                seen.add((name, option))
                try:
                    further = metadata.requires(name) or []
                except metadata.PackageNotFoundError:
                    continue
                found.setdefault(name, set()).add(extra)
                ahead += [
                    one
                    for one in map(Requirement, further)
                    if one.marker is None or one.marker.evaluate({"extra": option})
                ]
    return found


def table() -> dict[str, tuple[str, str]]:
    """Return (licence, extras) of every package of the written table."""
    rows = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()[1:]]
    return {name: (licence, extras) for name, licence, extras in rows}


def main() -> None:
    """Write the table; packages that are not installed here are missing from it."""
    lines = ["package\tlicence\tcomes with"]
    for name, extras in sorted(brought().items()):
        by = "base" if "base" in extras else ", ".join(sorted(extras))
        lines.append(f"{name}	{licence_of(name)}	{by}")
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
