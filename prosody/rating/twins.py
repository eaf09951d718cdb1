"""Twins for raters: a clip's unchanged resynthesis beside the same with one thing changed.

What listeners choose between the two is due to that one thing, so that some hundred comparisons
tell which cue a team's customers hear. The vocoder's own shift is in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import MissingExtraError, ProsodyError, UsageError, install_line
from prosody.measures.table import ACOUSTIC, NAMES, RELATIVE_NAMES
from prosody.rating.clip import Clip
from prosody.rating.sampling import Sample

COLUMNS = ("clip", "path", "pair", "change", "agent", "language", *NAMES, *RELATIVE_NAMES,
           "baseline_s")  # fmt: skip
LEAST_VOICED = 50
"""Voiced frames of 10 ms; with less there is no pitch to change."""
HIGHEST_PEAK = 0.98


def make(
    sample: Sample,
    clips: Mapping[str, Clip],
    out: Path,
    *,
    seed: int = 0,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, str]:
    """Write two sounds for each clip and ``twins.csv``; every change comes equally often.

    Parameters
    ----------
    sample : Sample
    clips : mapping of str to Clip
        By name, where its recording was found.
    out : Path
        A new or empty folder.
    seed : int
    watch : callable
        Gets how many clips were made, of how many.

    Returns
    -------
    dict of str to str
        What was left out, and why.

    Raises
    ------
    UsageError, MissingExtraError
        If the folder holds something, nothing could be made, or there is no vocoder.
    """
    from prosody.results.write import write_csv
    from prosody.resynthesis import changes, vocoder

    if not vocoder.available():
        raise MissingExtraError(
            "Twins need the vocoder of the extra studio.", f"Install it: {install_line('studio')}"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: not empty.", "Name a new folder for the twins.")
    out.mkdir(parents=True, exist_ok=True)
    names = np.random.default_rng(seed).permutation(list(changes.ONE_THING))
    rows: list[dict[str, Any]] = []
    left: dict[str, str] = {}
    for done, i in enumerate(sample.chosen, 1):
        name, known = str(sample.frame.clip[i]), sample.frame.rows[i]
        change = str(names[len(rows) // 2 % len(names)])
        try:
            shift, relative = _write(clips.get(name), change, out, len(rows) // 2 + 1)
        except ProsodyError as error:
            left[name] = error.message
            continue
        finally:
            watch(done, len(sample))
        for twin, moved in (("same", 0.0), ("changed", 1.0)):
            file = _file(len(rows) // 2 + 1, twin)
            rows.append(
                {
                    "clip": file, "path": file, "pair": file.split("-")[0],
                    "change": change if moved else "",
                    "agent": str(sample.frame.agent[i]), "language": str(sample.frame.language[i]),
                    **_added(known.get("measures"), NAMES, moved * shift),
                    **_added(known.get("relative"), RELATIVE_NAMES, moved * relative),
                    "baseline_s": known.get("baseline_s"),
                }
            )  # fmt: skip
    if not rows:
        raise UsageError(
            f"None of {len(sample)} clips could be changed: {next(iter(left.values()))}", ""
        )
    write_csv(out / "twins.csv", rows, COLUMNS)
    return left


def _file(number: int, twin: str) -> str:
    return f"{number:03}-{twin}.flac"


def _write(clip: Clip | None, change: str, out: Path, number: int) -> tuple[Any, Any]:
    """Write both sounds; return what the change moved: measures ``[NAMES]``, and relative ones."""
    import soundfile

    from prosody.measures import measure, table
    from prosody.resynthesis import changes, vocoder

    if clip is None:
        raise ProsodyError("its recording is not where the results say", "")
    y, sr = clip.sound()
    got = measure.frames(y, sr)
    if np.isfinite(got.f0_hz).sum() < LEAST_VOICED:
        raise ProsodyError("it has too little voice to change", "")
    voice = vocoder.analyse(y, sr, got.f0_hz, got.time_s)
    sounds = [vocoder.synthesise(v) for v in (voice, changes.ONE_THING[change](voice))]
    gain = min(1.0, HIGHEST_PEAK / max(float(np.abs(s).max(initial=1e-9)) for s in sounds))
    for twin, sound in zip(("same", "changed"), sounds, strict=True):
        soundfile.write(out / _file(number, twin), gain * sound, voice.sr_hz, "PCM_16")
    both = np.full((2, len(NAMES)), np.nan)
    both[:, [NAMES.index(n) for n in ACOUSTIC]] = measure.measure(sounds, voice.sr_hz)
    return both[1] - both[0], table.relative(both[1:], both[:1])[0]


def _added(known: Any, names: tuple[str, ...], moved: Any) -> dict[str, Any]:
    values = known if isinstance(known, dict) else {}
    own = np.array([np.nan if values.get(n) is None else values[n] for n in names], dtype=float)
    # What was not looked at in the change (words, the call) stays as it was.
    return dict(zip(names, (own + np.nan_to_num(moved)).tolist(), strict=True))
