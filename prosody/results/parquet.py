"""Apologies as a Parquet dataset, one folder per date: DuckDB, pandas, Polars and Power BI read it.

``apologies.parquet/date=2026-05-01/part-0.parquet``; calls whose date is not known lie in Hive's
partition for that, which reads as a missing date. Where no date is known at all, there are no
partitions: readers cannot tell the type of a column without a value. Each column of
a measure carries its unit and its definition in the schema.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from prosody.measures import table
from prosody.results import records

NO_DATE = "__HIVE_DEFAULT_PARTITION__"
# Rows held before they are written; all dates together, so that shuffled dates stay bounded.
HELD_ROWS = 5000

_DATE = re.compile(r"\s*([0-9]{4})[-/.]?([0-9]{2})[-/.]?([0-9]{2})")
_TEXT = {
    "recording", "recording_sha256", "call_id", "started_at", "agent", "agent_speaker", "team",
    "language", "role", "text", "form", "source", "verdict", "kind", "hint", "animation_word",
    "reason_1", "reason_2", "reason_3", "gates", "remarks", "clip",
}  # fmt: skip
_ABOUT = {
    "start_s": ("s", "Start of the measured window, from the start of the recording."),
    "end_s": ("s", "End of the measured window, from the start of the recording."),
    "baseline_s": ("s", "Speech of the same voice that the relative measures compare with."),
    "snr_db": ("dB", "Speech in the window over the noise around it."),
}


def date_of(started_at: str) -> str:
    """Return the date (``2026-05-01``) that a time begins with, or '' where there is none."""
    match = _DATE.match(started_at)
    try:
        return date.fromisoformat("-".join(match.groups())).isoformat() if match else ""
    except ValueError:  # 30 February
        return ""


def is_text(name: str) -> bool:
    """Whether a flat column holds text (everything else holds numbers)."""
    if name.startswith("conduct_"):
        rule = name.removeprefix("conduct_").removesuffix("_value")
        return not name.endswith("_value") or rule in records.WORDED_RULES
    return name in _TEXT


def _about(name: str) -> dict[str, str] | None:
    """Return unit and definition of a column, for its metadata."""
    if measure := table.BY_NAME.get(name):
        return {"unit": measure.unit, "definition": measure.definition}
    for ending, unit in (("_rel", None), ("_log2ratio", "octaves (log2 of a ratio)")):
        if measure := table.BY_NAME.get(name.removesuffix(ending)):
            meaning = f"{measure.name} against the same voice's baseline in the recording"
            return {"unit": unit or measure.unit, "definition": meaning}
    if name in _ABOUT:
        return dict(zip(("unit", "definition"), _ABOUT[name], strict=True))
    return None


def schema(columns: Sequence[str]) -> Any:
    """Return the Arrow schema of the flat columns."""
    import pyarrow as pa

    def kind(name: str) -> Any:
        if name == "i_form":
            return pa.bool_()
        if name == "channel":
            return pa.int32()
        return pa.string() if is_text(name) else pa.float64()

    return pa.schema([pa.field(n, kind(n), metadata=_about(n)) for n in columns])


@contextmanager
def file_writer(
    path: Path, columns: Sequence[str], kinds: Callable[[str], Any] | None = None
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that takes flat rows of one Parquet file, which is there when it is whole.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    kinds : callable, optional
        Column to Arrow type; by default that of the table of apologies.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = schema(columns)
    if kinds is not None:
        made = pa.schema([pa.field(n, kinds(n), metadata=_about(n)) for n in columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.file.part")
    remove(part)
    held: list[list[Any]] = [[] for _ in columns]
    days = {f.name for f in made if pa.types.is_date(f.type)}
    try:
        with pq.ParquetWriter(part, made) as file:

            def flush() -> None:
                arrays = [pa.array(c, k) for c, k in zip(held, made.types, strict=True)]
                file.write_table(pa.Table.from_arrays(arrays, schema=made))
                for column in held:
                    column.clear()

            def put(row: dict[str, Any]) -> None:
                for column, name in zip(held, columns, strict=True):
                    value = row.get(name)
                    if name in days:
                        value = date.fromisoformat(value) if value else None
                    column.append(value)
                if len(held[0]) >= HELD_ROWS:
                    flush()

            yield put
            flush()
        with part.open("rb+") as out:
            os.fsync(out.fileno())
        swap(part, path)
    except BaseException:
        remove(part)
        raise


@contextmanager
def writer(folder: Path, columns: Sequence[str]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that takes flat rows; the dataset takes its name when all are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = schema(columns)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    # Values by date and column: a fraction of the room that as many dicts would take.
    held: dict[str, list[list[Any]]] = {}
    files: dict[str, Any] = {}
    count = 0
    try:
        part.chmod(0o777 & ~umask())
        with ExitStack() as stack:

            def flush(day: str) -> None:
                if day not in files:
                    place = part / f"date={day or NO_DATE}"
                    place.mkdir()
                    files[day] = stack.enter_context(
                        pq.ParquetWriter(place / "part-0.parquet", made)
                    )
                values = zip(held.pop(day), made.types, strict=True)
                arrays = [pa.array(column, kind) for column, kind in values]
                files[day].write_table(pa.Table.from_arrays(arrays, schema=made))

            def put(row: dict[str, Any]) -> None:
                nonlocal count
                day = date_of(row.get("started_at") or "")
                if day not in held:
                    held[day] = [[] for _ in columns]
                for column, name in zip(held[day], columns, strict=True):
                    column.append(row.get(name))
                count += 1
                if sum(len(one[0]) for one in held.values()) >= HELD_ROWS:
                    flush(max(held, key=lambda d: len(held[d][0])))

            yield put
            for day in sorted(held):
                flush(day)
            if not count:  # an empty dataset still has its columns
                held[""] = [[] for _ in columns]
                flush("")
        if set(files) == {""}:
            place = part / f"date={NO_DATE}"
            (place / "part-0.parquet").replace(part / "part-0.parquet")
            place.rmdir()
        for file in part.rglob("*.parquet"):
            with file.open("rb+") as out:
                os.fsync(out.fileno())
        swap(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def swap(part: Path, folder: Path) -> None:
    """Put a folder in the place of another (or of a file of that name)."""
    old = folder.with_name(f"{part.name}.old")
    if folder.exists():
        folder.replace(old)
    part.replace(folder)
    remove(old)


def remove(path: Path) -> None:
    """Remove a file or folder of an earlier run."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written under names of ours."""
    for name in ("apologies", "recordings", "conduct", "run"):
        for left in folder.glob(f".{name}.*.part*"):
            remove(left)


def umask() -> int:
    """Return the permissions that this process takes away from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
