"""Writing the results of a run: JSONL and CSV always, Parquet and XLSX with their extras.

Every file is written beside its final name and moved into place when it is whole, so that a reader
never sees half a file. CSV cells that a spreadsheet would execute are made safe, and the file
starts with a byte-order mark, without which Excel breaks Dutch characters.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from prosody.errors import MissingExtraError, ProsodyError, UsageError, install_line
from prosody.files import storable
from prosody.measures import table
from prosody.results import parquet, records
from prosody.results.records import Apology, Line

if TYPE_CHECKING:
    from prosody.runs.journal import Journal

FORMATS = ("jsonl", "csv", "parquet", "xlsx")
EXTRA = {"parquet": "pyarrow", "xlsx": "openpyxl"}

# A cell that begins like this is a formula to Excel, LibreOffice and Google Sheets (OWASP, "CSV
# injection"); a leading apostrophe makes it text.
# Their full-width forms count, too: East Asian editions take them for the same.
_FORMULA = re.compile(r"^[\t\r\n]|^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_TEXT_LIMIT = 32_767  # characters in one cell of a spreadsheet


def safe_cell(value: Any) -> Any:
    """Return `value` such that no spreadsheet executes it; numbers stay numbers."""
    if isinstance(value, str):
        value = storable(value)[: _TEXT_LIMIT - 1]
        return f"'{value}" if _FORMULA.match(value) else value
    return value


class ResultsError(ProsodyError):
    """The results cannot be written: the disk is full, or gone."""

    code = "results"


@contextmanager
def atomic(path: Path, **how: Any) -> Any:
    """Open a file that takes the name `path` only when it has been written whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise ResultsError(
            f"{path}: cannot be written ({error.strerror or error}).",
            "Name another file or folder, or see whether you may write there.",
        ) from error
    try:
        with os.fdopen(fd, **how) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        # mkstemp makes files that only their owner may read; results are for the team.
        Path(name).chmod(0o666 & ~parquet.umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document (UTF-8, indented, null for NaN)."""
    with atomic(path, mode="w", encoding="utf-8") as out:
        json.dump(records.plain(value), out, ensure_ascii=False, indent=2, allow_nan=False)
        out.write("\n")


def write_jsonl(path: Path, objects: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object per line (UTF-8, null for NaN)."""
    with jsonl_writer(path) as put:
        for one in objects:
            put(one)


def write_csv(
    path: Path | IO[str], table_rows: Sequence[dict[str, Any]], columns: Sequence[str]
) -> None:
    """Write a CSV that Excel opens: byte-order mark, CRLF, nothing that executes.

    Parameters
    ----------
    path : Path or text file
        A path is written atomically and with the byte-order mark; a file object as it is.
    table_rows : sequence of dict
    columns : sequence of str
        The header; a row's missing columns are empty.
    """
    whole = (
        csv_writer(path, columns) if isinstance(path, Path) else nullcontext(_sheet(path, columns))
    )
    with whole as put:
        for row in table_rows:
            put(row)


@contextmanager
def parquet_writer(path: Path, columns: Sequence[str]) -> Any:
    """Give a function that takes flat rows."""
    _need("parquet")
    with parquet.writer(path, columns) as put:
        yield put


@contextmanager
def csv_writer(path: Path, columns: Sequence[str]) -> Any:
    """Give a function that takes flat rows."""
    with atomic(path, mode="w", encoding="utf-8-sig", newline="", errors="replace") as out:
        yield _sheet(out, columns)


@contextmanager
def csv_blocks(path: Path | IO[str], columns: Sequence[str], texts: Collection[str]) -> Any:
    """Give a function that takes columns of some rows at a time, in the order of `columns`.

    Only `texts` may hold what a spreadsheet would execute: of many numbers none is looked at, and
    none below 0 becomes text.
    """
    whole = (
        atomic(path, mode="w", encoding="utf-8-sig", newline="", errors="replace")
        if isinstance(path, Path)
        else nullcontext(path)
    )
    with whole as out:
        sheet = csv.writer(out)
        sheet.writerow([safe_cell(c) for c in columns])

        def put(block: Sequence[Sequence[Any]]) -> None:
            made = [
                [safe_cell(v) for v in values] if name in texts else values
                for name, values in zip(columns, block, strict=True)
            ]
            sheet.writerows(zip(*made, strict=True))

        yield put


@contextmanager
def jsonl_writer(path: Path) -> Any:
    """Give a function that takes one object per line."""
    with atomic(path, mode="w", encoding="utf-8") as out:

        def put(one: dict[str, Any]) -> None:
            out.write(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n")

        yield put


def _sheet(out: IO[str], columns: Sequence[str]) -> Callable[[dict[str, Any]], None]:
    sheet = csv.writer(out)
    sheet.writerow(columns)

    def put(row: dict[str, Any]) -> None:
        sheet.writerow(["" if (v := row.get(c)) is None else safe_cell(v) for c in columns])

    return put


@contextmanager
def xlsx_writer(path: Path, columns: Sequence[str], *, lang: str = "en") -> Any:
    """Give a function that takes flat rows; `lang` is that of the sheet about the columns."""
    _need("xlsx")
    from prosody.results import xlsx

    with (
        atomic(path, mode="wb") as out,
        xlsx.writer(out, columns, safe_cell, lang=lang, path=path) as put,
    ):
        yield put


def _need(fmt: str) -> None:
    if importlib.util.find_spec(EXTRA[fmt]) is None:
        raise MissingExtraError(
            f"--format {fmt} needs the package {EXTRA[fmt]}, which is not installed.",
            f"Install it with: {install_line(fmt)}",
        )


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats to write: JSONL and CSV always, Parquet where its extra is there.

    Raises
    ------
    UsageError
        For a format that does not exist.
    MissingExtraError
        For one that was asked for but is not installed.
    """
    for fmt in formats:
        if fmt not in FORMATS:
            raise UsageError(f"--format {fmt} is not known.", f"Choose from {', '.join(FORMATS)}.")
        if fmt in EXTRA:
            _need(fmt)
    chosen = {"jsonl", "csv", *formats}
    if importlib.util.find_spec("pyarrow"):
        chosen.add("parquet")
    return tuple(f for f in FORMATS if f in chosen)


def write_run(
    folder: Path,
    lines: Iterable[Line],
    apologies: Iterable[Apology],
    run: dict[str, Any],
    *,
    formats: Sequence[str] = ("jsonl", "csv"),
    inputs: tuple[str, ...] = (),
    measures_only: bool = False,
) -> list[str]:
    """Write everything a run gives back, row by row.

    Parameters
    ----------
    folder : Path
        Made where it is missing. Only the files named below are touched.
    lines : iterable of Line
        One for every input; a list is sorted here, anything else is in order already.
    apologies : iterable of Apology
        The same holds.
    run : dict
        The run's header: settings, versions, model, counts; the hashes of the files are added.
    formats : sequence of str
        As `check_formats` returned them.
    inputs : tuple of str
        The judge's inputs (they name the contribution columns).
    measures_only : bool
        Leave every column of a judgement out.

    Returns
    -------
    list of str
        Names of the files in `folder`, in the order in which a reader would open them.
    """
    if isinstance(lines, (list, tuple)):
        lines = sorted(lines, key=lambda x: x.recording)
    if isinstance(apologies, (list, tuple)):
        apologies = sorted(apologies, key=lambda x: (x.recording, x.start_s, x.channel))
    columns = flat_columns(inputs, measures_only=measures_only)
    lang = str(run.get("command", {}).get("lang", "en"))
    writers: dict[str, Callable[[Path], Any]] = {
        "csv": lambda p: csv_writer(p, columns),
        "xlsx": lambda p: xlsx_writer(p, columns, lang=lang),
        "parquet": lambda p: parquet_writer(p, columns),
        "jsonl": jsonl_writer,
    }
    folder.mkdir(parents=True, exist_ok=True)
    parquet.sweep(folder)
    paths = {fmt: folder / f"apologies.{fmt}" for fmt in writers}
    with ExitStack() as stack:
        puts = {
            fmt: stack.enter_context(write(paths[fmt]))
            for fmt, write in writers.items()
            if fmt in formats
        }
        wide = [put for fmt, put in puts.items() if fmt != "jsonl"]
        for apology in apologies:
            if wide:
                row = records.flat(apology, inputs=inputs, measures_only=measures_only)
                for put in wide:
                    put(row)
            if "jsonl" in puts:
                puts["jsonl"](records.nested(apology, measures_only=measures_only))
    for fmt, path in paths.items():
        if fmt not in formats:
            # A file of an earlier run with other formats would contradict this one.
            parquet.remove(path)
    write_jsonl(
        folder / "recordings.jsonl",
        (records.nested_line(x, measures_only=measures_only) for x in lines),
    )
    kept = [paths[fmt] for fmt in puts if fmt != "parquet"] + [folder / "recordings.jsonl"]
    write_json(folder / "run.json", {**run, "files": {p.name: _sha256(p) for p in kept}})
    return [*(paths[fmt].name for fmt in puts), "recordings.jsonl", "run.json"]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(folder: Path) -> list[str]:
    """Return which results are not as their run wrote them; none where ``run.json`` cannot say."""
    try:
        head = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        told = {name: head["files"][name] for name in ("apologies.jsonl", "recordings.jsonl")}
        return [name for name, digest in told.items() if _sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def flat_columns(inputs: tuple[str, ...] = (), *, measures_only: bool = False) -> list[str]:
    """Return the columns of the flat files, in order (the same for every run of one judge)."""
    import numpy as np

    empty = Apology(
        "",
        "",
        "",
        0,
        "",
        0.0,
        0.0,
        "",
        "",
        "",
        "",
        np.full(len(table.NAMES), np.nan),
        np.full(len(table.RELATIVE_NAMES), np.nan),
        0.0,
    )
    return list(records.flat(empty, inputs=inputs, measures_only=measures_only))


def write_from(
    journal: Journal,
    folder: Path,
    run: dict[str, Any],
    *,
    formats: Sequence[str],
    inputs: Sequence[str] = (),
    measures_only: bool = False,
    textgrid: bool = False,
) -> list[str]:
    """Write everything from the journal, and note in it how, so that it can be written again.

    Parameters
    ----------
    journal : Journal
    folder, run, formats, inputs, measures_only
        As for `write_run`.
    textgrid : bool
        Also write a Praat TextGrid per recording.

    Returns
    -------
    list of str
    """
    how = {
        "formats": list(formats),
        "inputs": list(inputs),
        "measures_only": measures_only,
        "textgrid": textgrid,
    }
    journal.note("how", how)
    journal.note("run", records.plain(run))
    journal.reached("writing")
    try:
        files = write_run(
            folder,
            journal.lines(),
            journal.apologies(),
            run,
            formats=formats,
            inputs=tuple(inputs),
            measures_only=measures_only,
        )
        if textgrid:
            from prosody.results import textgrid as grids

            grids.write_all(folder / grids.FOLDER, journal, measures_only=measures_only)
            files.append(f"{grids.FOLDER}/")
        else:
            parquet.remove(folder / "textgrids")
    except OSError as error:
        raise ResultsError(
            f"{folder}: the results cannot be written ({error.strerror or error}).",
            "Make room on the disk, or close the file in the program that has it open, and start "
            "the same command again: what was measured is in the "
            "journal, and nothing of it is measured again.",
        ) from error
    journal.reached("whole")
    return files


def write_again(journal: Journal, folder: Path, **changes: Any) -> list[str]:
    """Write the results of a journal as they were written last, with changes to the header."""
    how, run = journal.noted("how"), journal.noted("run")
    if how is None or run is None:
        raise UsageError(
            f"{folder}: its run was never finished.", "Start 'prosody analyze' there once more."
        )
    counts = journal.counts()
    if how["measures_only"]:
        counts.pop("judged")
    run |= {"counts": counts, **changes}
    how["formats"] = check_formats([f for f in how["formats"] if f in EXTRA])
    return write_from(journal, folder, run, **how)
