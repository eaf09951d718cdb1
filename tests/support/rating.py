"""How tests of rating read a table back."""

from __future__ import annotations

import csv
from pathlib import Path


def rows_of(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
