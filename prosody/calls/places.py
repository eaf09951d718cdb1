"""Where a recording lies below what the user named: its name in every result.

The same folder can be typed in many ways (``calls``, ``.``, ``/mnt/b/calls``) and mounted anywhere.
What lies below it stays the same, and so do names in results, shards, the journal's keys and the
order of rows.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from prosody.audio import storage
from prosody.calls.call import Call


def placed(calls: Sequence[Call], roots: Iterable[Any]) -> list[Call]:
    """Return the calls named by the places of their files.

    Parameters
    ----------
    calls : sequence of Call
    roots : paths
        Folders that were named, and those of files and manifests that were.

    Returns
    -------
    list of Call
        With `Source.place` and, of the first source, ``name``: the path below the outermost root
        that holds it, with ``/``; below none, the file's name. Files that would have the same
        place are told apart by the folders above them. A URL is the same everywhere, and stays.
    """
    above = {_parts(root) for root in dict.fromkeys(roots)}  # of many named files few folders
    parts = {str(s.path): _parts(s.path) for call in calls for s in call.sources}
    depth = {path: _depth(one, above) for path, one in parts.items()}
    while True:
        same = defaultdict(list)
        for path, one in parts.items():
            same["/".join(one[-depth[path] :])].append(path)
        double = [p for paths in same.values() if len(paths) > 1 for p in paths]
        longer = [p for p in double if depth[p] < len(parts[p])]
        if not longer:
            break
        for path in longer:
            depth[path] += 1
    place = {path: "/".join(one[-depth[path] :]) for path, one in parts.items()}
    out = []
    for call in calls:
        sources = tuple(
            replace(s, place=str(s.path) if storage.is_url(s.path) else place[str(s.path)])
            for s in call.sources
        )
        out.append(replace(call, sources=sources, name=sources[0].place))
    return out


def _parts(path: Any) -> tuple[str, ...]:
    return tuple(part for part in _whole(path).split("/") if part)


def _whole(path: Any) -> str:
    """Return an absolute path with ``/``; letters composed, as not every system keeps them."""
    if not storage.is_url(path):  # links stay as they were typed
        path = Path(os.path.normpath(Path(path).absolute())).as_posix()
    return unicodedata.normalize("NFC", str(path))


def _depth(path: tuple[str, ...], roots: Set[tuple[str, ...]]) -> int:
    """Return how many parts of a path lie below the outermost of the roots that hold it."""
    return next((len(path) - k for k in range(len(path)) if path[:k] in roots), 1)


def roots(calls: Iterable[Call]) -> list[str]:
    """Return the folders below which the places of calls lie, but those that name somebody."""
    from prosody.calls.pseudonyms import instead

    found = set()
    for call in calls:
        for source in call.sources:
            text = _whole(source.path)
            root = text.removesuffix(source.place)
            if source.place and root != text and instead(root, call.hides) == root:
                found.add(root)
    return sorted(found)
