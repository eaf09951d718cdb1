"""What is rated: sounds of a folder, or the apologies of a run, cut, at one loudness, nameless.

The page knows a clip only by its place in a rater's sequence. Names, agents and judgements stay
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from prosody.errors import ProsodyError, UsageError
from prosody.rating import loudness_norm
from prosody.rating.clip import Clip

PADDING_S = 0.5
ANCHORS, LEAST_FOR_ANCHORS = 4, 12


class Heard(Protocol):
    """What a listener hears in one go: a clip, or two of them (`pair_clips`)."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def agent(self) -> str: ...  # noqa: D102
    @property
    def duration_s(self) -> float: ...  # noqa: D102
    def wav(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Everything that is rated in one study, ordered by name.

    Parameters
    ----------
    clips : tuple of Clip or Pair
    anchors : tuple of Anchor
    left_out : dict of str to str
        What could not be read, and why.
    """

    clips: tuple[Heard, ...]
    anchors: tuple[Anchor, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """An agreed example that stays at hand; the agreed ratings and words where there are any."""

    clip: Clip
    sincere: float | None = None
    engaged: float | None = None
    label: str = ""


def is_results(path: Path) -> bool:
    """Whether a folder holds the results of a run."""
    return path.is_dir() and (path / "apologies.jsonl").is_file()


def from_results(
    folder: Path, *, padding_s: float = PADDING_S, recordings: Sequence[Path] = ()
) -> tuple[list[Clip], dict[str, str]]:
    """Return the apologies of a run, and those whose recording was not found, with the reason."""
    from prosody.report.files import Finder
    from prosody.results import read

    run = read.read(folder)
    records = {record.get("recording"): record for record in run.recordings}
    finder = Finder(recordings)
    out: dict[str, Clip] = {}
    missing: dict[str, str] = {}
    for row in run.apologies:
        name, track = read.clip_id(row), int(row.get("channel") or 0)
        files = finder.files(records.get(row["recording"]) or row)
        if not files.signals:
            missing[name] = "its recording is not where the results say"
            continue
        # Only the voice that was measured, on the clock of its own file.
        signal = next((s for s in files.signals if files.number(s) == track), files.signals[0])
        start, end = (read.number(row, n) - signal.offset_s for n in ("start_s", "end_s"))
        agent = str(row.get("agent") or row.get("call_id") or "")
        text = str(row.get("text") or "")
        out[name] = Clip(name, signal.path, agent, start, end, signal.channel, padding_s, text=text)
    return list(out.values()), missing


def is_sample(path: Path) -> bool:
    """Whether a file is a table that ``prosody sample`` wrote."""
    if not path.is_file() or path.suffix.lower() != ".csv":
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline(4000).split(",")
    return {"clip", "file", "file_sha256", "inclusion_probability"} <= {*header}


def from_sample(
    path: Path, *, padding_s: float = PADDING_S, recordings: Sequence[Path] = ()
) -> tuple[list[Clip], dict[str, str]]:
    """Return the clips of a table of ``prosody sample``, and those whose file was not found."""
    from prosody.report.files import Finder
    from prosody.tables.rated_table import numbers, read_rows

    header, rows = read_rows(path)
    cells = {h: [r[i] for r in rows] for i, h in enumerate(header)}
    times = {n: numbers(cells[n], path, n)
             for n in ("start_s", "end_s", "file_channel", "file_offset_s")}  # fmt: skip
    finder = Finder(recordings)
    out: list[Clip] = []
    missing: dict[str, str] = {}
    for i, name in enumerate(cells["clip"]):
        channel = int(np.nan_to_num(times["file_channel"][i]))
        track = {"file": cells["file"][i], "sha256": cells["file_sha256"][i], "channel": channel}
        signals = finder.files({"tracks": [track]}).signals
        start, end = (times[n][i] - times["file_offset_s"][i] for n in ("start_s", "end_s"))
        if not signals or not np.isfinite(end - start):
            missing[name] = "its recording is not where the table says"
            continue
        agent, text = cells["agent"][i], cells["text"][i] if "text" in cells else ""
        window = signals[0].path, agent, float(start), float(end), channel, padding_s
        out.append(Clip(name, *window, text=text))
    return out, missing


def from_sounds(path: Path, *, meta_from: str | None = None) -> list[Clip]:
    """Return the sounds of a folder, or those that a manifest (CSV with ``path``) names."""
    from prosody.calls.collect import collect

    calls = collect([path], clips=True, meta_from=meta_from)
    stems = Counter(Path(str(c.sources[0].path)).stem for c in calls)
    pairs = _pairs_in(path)
    out = []
    for call in calls:
        file = call.sources[0].path
        name = Path(str(file))
        # `prosody fit` joins by the file's name without its ending; where that is not enough, by
        # the whole path.
        shown = name.name if stems[name.stem] == 1 else name.as_posix()
        pair = pairs.get(str(name.resolve()), "")
        out.append(Clip(shown, file, call.agent, pair=pair))
    return out


def _pairs_in(path: Path) -> dict[str, str]:
    """Return the pairs that a manifest names in a column ``pair``, by the file of each clip."""
    from prosody.tables.rated_table import read_rows

    if not path.is_file() or path.suffix.lower() != ".csv":
        return {}
    header, rows = read_rows(path)
    if not {"path", "pair"} <= {*header}:
        return {}
    at, pair = header.index("path"), header.index("pair")
    return {str((path.parent / r[at]).resolve()): r[pair].strip() for r in rows}


def only(clips: Sequence[Clip], chosen: Path, known: Collection[str] = ()) -> list[Clip]:
    """Return the clips that a table (a column ``clip``) names, as ``prosody sample`` writes it.

    `known` are clips that are not here for a reason that is said elsewhere.
    """
    from prosody.tables.rated_table import read_rows

    header, rows = read_rows(chosen)
    if "clip" not in header:
        raise UsageError(
            f"{chosen}: no column 'clip'; found {', '.join(header[:8])}.",
            "Give the table that 'prosody sample' wrote.",
        )
    wanted = {r[header.index("clip")].strip() for r in rows}
    lacking = wanted - {c.name for c in clips} - set(known)
    if lacking:
        raise UsageError(
            f"{chosen}: {len(lacking)} of its {len(wanted)} clips are not here, for example "
            f"{sorted(lacking)[0]}.",
            "Give the results or the folder that the table was chosen from.",
        )
    return [c for c in clips if c.name in wanted]


def read_anchors(path: Path, clips: Sequence[Clip]) -> list[Anchor]:
    """Return agreed examples: at most four sounds of a folder, or the rows of a table.

    Parameters
    ----------
    path : path
        A folder, or a CSV with the column ``clip`` (a sound beside the table, or the name of a clip
        of the set) and, where agreed, ``sincere``, ``engaged`` (0-100) and ``label``.
    clips : sequence of Clip
        The set.
    """
    if path.is_dir():
        found = [Anchor(c) for c in from_sounds(path)]
    else:
        found = _anchor_rows(path, {c.name: c for c in clips})
    if not 1 <= len(found) <= ANCHORS:
        raise UsageError(
            f"{path}: {len(found)} examples, expected 1 to {ANCHORS}.",
            "Agree on four: clearly put on, clearly sincere, clearly recited, clearly engaged.",
        )
    return found


def _anchor_rows(path: Path, known: dict[str, Clip]) -> list[Anchor]:
    from prosody.tables.rated_table import numbers, read_rows

    header, rows = read_rows(path)
    if "clip" not in header:
        raise UsageError(f"{path}: no column 'clip'; found {', '.join(header[:8])}.", "")
    cells = {h: [r[i] for r in rows] for i, h in enumerate(header)}
    agreed = {
        axis: numbers(cells[axis], path, axis) if axis in cells else np.full(len(rows), np.nan)
        for axis in ("sincere", "engaged")
    }
    out = []
    for i, name in enumerate(c.strip() for c in cells["clip"]):
        values = [float(agreed[a][i]) for a in ("sincere", "engaged")]
        if any(v < 0 or v > 100 for v in values):
            raise UsageError(f"{path}: row {i + 2}: an agreed rating outside 0 to 100.", "")
        clip = known.get(name) or Clip(name, path.parent / name)
        label = cells["label"][i].strip() if "label" in cells else ""
        shown = [None if np.isnan(v) else v for v in values]
        out.append(Anchor(clip, shown[0], shown[1], label))
    return out


def choose_anchors(clips: Sequence[Clip], seed: int = 0) -> list[Anchor]:
    """Return four clips of as many agents to hear first; nothing is said of how they sound."""
    import random

    if len(clips) < LEAST_FOR_ANCHORS:
        return []
    shuffled = list(clips)
    random.Random(f"{seed}/anchors").shuffle(shuffled)
    first: dict[str, Clip] = {}
    for clip in shuffled:
        first.setdefault(clip.agent or clip.name, clip)
    chosen = [*first.values(), *(c for c in shuffled if c not in first.values())]
    return [Anchor(c) for c in chosen[:ANCHORS]]


def matched(
    clips: Sequence[Clip],
    anchors: Sequence[Anchor] = (),
    *,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> ClipSet:
    """Read every clip once and give all one loudness; what cannot be read is left out, by name.

    Raises
    ------
    UsageError
        If nothing is left, or an anchor cannot be read.
    """
    every = list(dict.fromkeys([*clips, *(a.clip for a in anchors)]))
    loudness: dict[Clip, float] = {}
    peak: dict[Clip, float] = {}
    length: dict[Clip, float] = {}
    left_out: dict[Clip, str] = {}
    for done, clip in enumerate(every, 1):
        try:
            y, sr = clip.sound()
        except (ProsodyError, OSError, ValueError) as error:
            left_out[clip] = str(error)
            continue
        finally:
            watch(done, len(every))
        found = loudness_norm.loudness_lufs(y, sr)
        if np.isnan(found):
            left_out[clip] = "nothing can be heard in it"
            continue
        loudness[clip], peak[clip] = found, loudness_norm.peak_dbfs(y)
        length[clip] = len(y) / sr
    for anchor in anchors:
        if anchor.clip in left_out:
            raise UsageError(
                f"The example {anchor.clip.name}: {left_out[anchor.clip].rstrip('.')}.",
                "Give examples that can be heard.",
            )
    gain, _ = loudness_norm.gains_db([*loudness.values()], [*peak.values()])
    gains = dict(zip(loudness, gain.tolist(), strict=True))

    def ready(clip: Clip) -> Clip:
        return replace(clip, gain_db=gains[clip], duration_s=length[clip])

    kept = sorted((ready(c) for c in clips if c in gains), key=lambda c: c.name)
    if not kept:
        why = next(iter(left_out.values()), "there are no clips")
        raise UsageError(
            f"There is nothing to rate: {why.rstrip('.')}.",
            "Name a folder with sounds, or the results of 'prosody analyze'; --recordings FOLDER "
            "finds recordings that were moved.",
        )
    made = tuple(replace(a, clip=ready(a.clip)) for a in anchors)
    return ClipSet(tuple(kept), made, {c.name: why for c, why in left_out.items()})


def gather(
    path: Path,
    *,
    only_in: Path | None = None,
    padding_s: float = PADDING_S,
    recordings: Sequence[Path] = (),
    meta_from: str | None = None,
    anchors: str | None = None,
    seed: int = 0,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> ClipSet:
    """Return everything that is to be rated, as ``prosody rate`` asks for it.

    Parameters
    ----------
    path : path
        A folder of sounds, a manifest, the results of a run, or a table of ``prosody sample``.
    only_in : path, optional
        A table that chooses among them.
    padding_s : float
        Around an apology of a run.
    recordings : sequence of path
        Folders to find the recordings of a run in, by content.
    meta_from : str, optional
        Regular expression that finds the agent in the name of a sound.
    anchors : str, optional
        A folder or a table of agreed examples; ``none`` for none.
    seed : int
        Of the study.
    watch : callable
        Gets how many clips were read, of how many.
    """
    if not path.exists():
        raise UsageError(
            f"{path}: there is no such file or folder.",
            "Name a folder with sounds, or the results of 'prosody analyze'.",
        )
    missing: dict[str, str] = {}
    if is_results(path):
        found, missing = from_results(path, padding_s=padding_s, recordings=recordings)
    elif is_sample(path):
        found, missing = from_sample(path, padding_s=padding_s, recordings=recordings)
    else:
        found = from_sounds(path, meta_from=meta_from)
    twice = [n for n, k in Counter(c.name for c in found).items() if k > 1]
    if twice:
        raise UsageError(f"Two clips are called {twice[0]}.", "Give them names of their own.")
    if missing and not found:
        raise UsageError(
            f"{path}: none of the {len(missing)} recordings is where the results say.",
            "Start where 'prosody analyze' was started, or name the folder: --recordings FOLDER.",
        )
    if only_in is not None:
        found = only(found, only_in, missing)
    agreed: list[Anchor] = []
    if anchors is None:
        agreed = choose_anchors(found, seed)
    elif anchors != "none":
        agreed = read_anchors(Path(anchors), found)
        # What stays at hand with its agreed rating is not rated as well.
        rest = {a.clip.path for a in agreed if a.clip.end_s == float("inf")}
        names = {a.clip.name for a in agreed}
        found = [c for c in found if c.name not in names and c.path not in rest]
    made = matched(found, agreed, watch=watch)
    return replace(made, left_out=missing | made.left_out)
