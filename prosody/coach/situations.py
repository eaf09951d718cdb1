"""What there is to practise: situations with a sentence each, and ordinary texts.

A trainer's own come from a folder, one TOML file each, with an example to imitate where she has
one (docs/coach.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from prosody.errors import ProsodyError, UsageError

MOST_BYTES = 20_000
LETTERS = {"title": 80, "story": 800, "sentence": 400, "suggestions": 400, "example": 200}
NEEDED = ("title", "story", "sentence")
MOST_SUGGESTIONS = 6
REMEDY = (
    'Expected in [nl] or [en]: title, story, sentence; suggestions = ["..."] and example = "..."'
)

Own = Mapping[str, Sequence[Mapping[str, Any]]]
"""By language: what the page shows of each situation, and ``path`` of its example or None."""


@cache
def _table() -> dict[str, Any]:
    text = (files("prosody.coach") / "situations.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def situations(lang: str) -> list[dict[str, Any]]:
    """Return every situation in a language: id, title, story, sentence, suggestions."""
    return [{"id": one["id"], **one[lang]} for one in _table()["situation"]]


def baseline_sentences(lang: str) -> list[str]:
    """Return the ordinary sentences that show how somebody usually speaks."""
    return list(_table()["usual"][lang])


def own(folder: Path, max_s: float) -> Own:
    """Read a trainer's situations, in order of their files' names.

    Parameters
    ----------
    folder : Path
        One ``.toml`` each, with a table per language (``[nl]``, ``[en]``), and the sounds they
        name.
    max_s : float
        Longest example, seconds.

    Raises
    ------
    UsageError
        Names file, place, what was found and what was expected.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder.", "Name one with a TOML file each.")
    known = _table()["usual"]
    out: dict[str, list[dict[str, Any]]] = {lang: [] for lang in known}
    for path in sorted(folder.glob("*.toml")):
        read = _read(path)
        if not read or not read.keys() <= known.keys():
            odd = ", ".join(f"[{k}]" for k in read if k not in known) or "nothing"
            raise UsageError(f"{path}: holds {odd}, expected [nl], [en] or both.", REMEDY)
        for lang, given in read.items():
            out[lang].append({"id": f"own-{path.stem}", **_checked(path, lang, given, max_s)})
    if not any(out.values()):
        raise UsageError(f"{folder}: holds no .toml file.", REMEDY)
    return out


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES // 1000} kB")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:  # TOML and UTF-8 among them
        raise UsageError(f"{path}: cannot be read as TOML ({error}).", REMEDY) from error


def _checked(path: Path, lang: str, given: Any, max_s: float) -> dict[str, Any]:
    """Return one language of a situation, each value of its kind and length."""
    place = f"{path}: [{lang}]"
    if not isinstance(given, dict):
        raise UsageError(f"{place}: found {given!r:.40}, expected a table.", REMEDY)
    for name in (*given, *NEEDED):
        if name not in LETTERS:
            raise UsageError(f"{place}: {name} is not known.", REMEDY)
        value, most = given.get(name), LETTERS[name]
        texts = value if name == "suggestions" and isinstance(value, list) else [value]
        if not all(isinstance(t, str) and 0 < len(t.strip()) <= most for t in texts):
            found = "missing" if value is None else f"{value!r:.60}"
            raise UsageError(f"{place}: {name} is {found}, expected up to {most} letters.", REMEDY)
    suggestions = given.get("suggestions", [])
    if isinstance(suggestions, str) or len(suggestions) > MOST_SUGGESTIONS:
        raise UsageError(
            f"{place}: suggestions: expected a list of up to {MOST_SUGGESTIONS}.", REMEDY
        )
    example = path.parent / given["example"] if given.get("example") else None
    if example is not None:
        _heard(f"{place}: example", example, path.parent, max_s)
    return {**given, "suggestions": suggestions, "path": example}


def _heard(place: str, example: Path, folder: Path, max_s: float) -> None:
    """Refuse an example that is elsewhere, no sound, or too long."""
    from prosody.audio.recording import Recording

    if example.resolve().parent != folder.resolve():
        raise UsageError(f"{place}: {example.name} is elsewhere.", "Put the sound beside the file.")
    try:
        with Recording(example) as recording:
            seconds = recording.info.duration_s
    except ProsodyError as error:
        raise UsageError(f"{place}: {error.message}", error.remedy) from error
    if seconds > max_s:
        raise UsageError(
            f"{place}: {example.name} takes {seconds:.0f} s, expected at most {max_s:g}.",
            "Cut it, or leave it out.",
        )
