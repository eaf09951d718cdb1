"""A table on a terminal: as wide as that, 140 letters in a log, no colour where unwanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any


def printable(text: Any) -> str:
    """Return text without characters that could steer the terminal (names are hostile input)."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def sheet(
    title: str | None,
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    texts: Sequence[int] = (0,),
) -> None:
    """Print a table; columns in `texts` hold words, the others numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(
        width=None if sys.stdout.isatty() else 140,
        highlight=False,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )
    out = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title=title, title_justify="left"
    )
    for i, name in enumerate(head):
        out.add_column(name, justify="left" if i in texts else "right", overflow="fold")
    for row in rows:
        out.add_row(*(Text(printable(cell)) for cell in row))
    console.print()
    console.print(out)
    console.print()
