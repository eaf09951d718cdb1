"""What a results folder may hold in clear: recognised words, pages, sound.

``--redact`` masks what is written from then on. What an earlier run without it left in the same
folder is masked by nobody, so a run with it takes that away before it begins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prosody.results import parquet
from prosody.runs import recognised

if TYPE_CHECKING:
    from prosody.runs.journal import Journal

_PAGES = ("report", "compare", "review", "review.stamp")
# By these it is known that results lie here, so they go last: who is stopped half-way goes on.
_SIGNS = ("apologies.jsonl", "run.json")
_RESULTS = (
    "textgrids", "apologies.csv", "apologies.xlsx", "apologies.parquet", "recordings.jsonl",
    "recordings.csv", "recordings.parquet", "conduct.csv", "conduct.parquet",
    *_SIGNS,
)  # fmt: skip


def remove_pages(out: Path) -> list[str]:
    """Remove the pages made from results; returns what was there."""
    return _remove(out, _PAGES)


def begin(journal: Journal, out: Path, *, redact: bool) -> list[str]:
    """Leave nothing of runs without ``--redact`` to one with it; returns what was removed.

    Rows in the journal go, too: with other settings they are made again in any case, and a run
    that is stopped half-way would write the old ones out. A transcript that was not recognised
    here is somebody's own, and stays.
    """
    if bool(journal.noted("redacted")) == redact:
        return []
    gone: list[str] = []
    if redact:
        there = journal.holds_a_run() or any((out / name).is_file() for name in _SIGNS)
        gone = recognised.forget_all(out) + (_remove(out, _PAGES + _RESULTS) if there else [])
        journal.forget_all()
    journal.note("redacted", redact)
    return gone


def _remove(out: Path, names: tuple[str, ...]) -> list[str]:
    there = [name for name in names if (out / name).exists()]
    for name in there:
        parquet.remove(out / name)
    return there
