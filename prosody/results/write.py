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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from prosody.errors import MissingExtraError, ProsodyError, UsageError, install_line
from prosody.files import storable
from prosody.measures import table
from prosody.measures.conversation import CUSTOMER_VOICE
from prosody.results import call_tables, parquet, records
from prosody.results.look import Look
from prosody.results.records import ApologyRecord, CallRecord
from prosody.results.sheets import Sheet, workbook

if TYPE_CHECKING:
    from prosody.runs.journal import Journal

FORMATS = ("xlsx", "csv", "parquet", "parquet-file", "jsonl")
EXTRA = {"parquet": "pyarrow", "parquet-file": "pyarrow", "xlsx": "openpyxl"}

_TABLES = ("recordings", "apologies", "conduct")
NAMES = {
    "xlsx": ("apologies.xlsx",),
    "csv": tuple(f"{name}.csv" for name in _TABLES),
    "parquet": tuple(f"{name}.parquet" for name in _TABLES),
    "parquet-file": tuple(f"{name}.parquet" for name in _TABLES),
    "jsonl": ("apologies.jsonl", "recordings.jsonl"),
}
"""What each format writes, in the order in which a reader would open it."""

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
def csv_writer(path: Path, columns: Sequence[str], look: Look | None = None) -> Any:
    """Give a function that takes flat rows; `look` says how people of a country read them."""
    with atomic(path, mode="w", encoding="utf-8-sig", newline="", errors="replace") as out:
        yield _sheet(out, columns, look)


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


def _sheet(
    out: IO[str], columns: Sequence[str], look: Look | None = None
) -> Callable[[dict[str, Any]], None]:
    shown = look or Look()
    sheet = csv.writer(out, delimiter=shown.delimiter)
    sheet.writerow(shown.heads(columns))
    if shown == Look():

        def put(row: dict[str, Any]) -> None:
            sheet.writerow(["" if (v := row.get(c)) is None else safe_cell(v) for c in columns])

    else:

        def put(row: dict[str, Any]) -> None:
            cells = [(c, row.get(c)) for c in columns]
            sheet.writerow(
                ["" if v is None else shown.number(safe_cell(shown.value(c, v))) for c, v in cells]
            )

    return put


@contextmanager
def xlsx_writer(
    path: Path, sheets: Sequence[Sheet], *, lang: str = "en", look: Look | None = None
) -> Any:
    """Give a function that takes the name of a sheet and a flat row."""
    _need("xlsx")
    from prosody.results import xlsx

    with (
        atomic(path, mode="wb") as out,
        xlsx.writer(out, sheets, safe_cell, lang=lang, look=look, path=path) as put,
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
    if {"parquet", "parquet-file"} <= chosen:
        raise UsageError(
            "--format parquet and --format parquet-file: both would be apologies.parquet.",
            "Choose a folder by date (parquet) or one file (parquet-file).",
        )
    if importlib.util.find_spec("pyarrow") and "parquet-file" not in chosen:
        chosen.add("parquet")
    return tuple(f for f in FORMATS if f in chosen)


def usual_formats(lang: str) -> tuple[str, ...]:
    """Return what is written without being asked for: a workbook where Excel reads no plain CSV."""
    return ("xlsx",) if lang == "nl" and importlib.util.find_spec(EXTRA["xlsx"]) else ()


def write_run(
    folder: Path,
    calls: Iterable[CallRecord],
    apologies: Iterable[ApologyRecord],
    run: dict[str, Any],
    *,
    formats: Sequence[str] = ("jsonl", "csv"),
    inputs: tuple[str, ...] = (),
    measures_only: bool = False,
    look: Look | None = None,
) -> list[str]:
    """Write everything a run gives back, row by row.

    Parameters
    ----------
    folder : Path
        Made where it is missing. Only the files named below are touched.
    lines : iterable of CallRecord
        One for every input; a list is sorted here, anything else is in order already.
    apologies : iterable of ApologyRecord
        The same holds.
    run : dict
        The run's header: settings, versions, model, counts; the hashes of the files are added.
    formats : sequence of str
        As `check_formats` returned them.
    inputs : tuple of str
        The judge's inputs (they name the contribution columns).
    measures_only : bool
        Leave every column of a judgement out.
    look : Look, optional
        How CSV and workbook are shown; as programs read them by default.

    Returns
    -------
    list of str
        Names of the files in `folder`, in the order in which a reader would open them.
    """
    if isinstance(calls, (list, tuple)):
        calls = sorted(calls, key=lambda x: x.recording)
    if isinstance(apologies, (list, tuple)):
        apologies = sorted(apologies, key=lambda x: (x.recording, x.start_s, x.channel))
    columns = flat_columns(inputs, measures_only=measures_only)
    if run.get("command", {}).get("customer_voice"):
        columns += CUSTOMER_VOICE
    folder.mkdir(parents=True, exist_ok=True)
    parquet.sweep(folder)
    verdicts: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:
        tables = _Tables(stack, folder, formats, look)
        if "xlsx" in formats:
            sheets = workbook(columns, measures_only=measures_only)
            lang = str(run.get("command", {}).get("lang", "en"))
            book = xlsx_writer(folder / "apologies.xlsx", sheets, lang=lang, look=look)
            tables.book = stack.enter_context(book)
        puts = tables.open("apologies", columns, "apologies", "measures")
        nested = stack.enter_context(jsonl_writer(folder / "apologies.jsonl"))
        for apology in apologies:
            if puts:
                row = records.flat(apology, inputs=inputs, measures_only=measures_only)
                for put in puts:
                    put(row)
            nested(records.nested(apology, measures_only=measures_only))
            verdicts.setdefault(apology.recording, []).append({"verdict": apology.verdict})
        recorded = call_tables.recording_columns(measures_only=measures_only)
        puts = tables.open("recordings", recorded, "recordings")
        put_rules = tables.open("conduct", call_tables.CONDUCT, "conduct")
        nested = stack.enter_context(jsonl_writer(folder / "recordings.jsonl"))
        for record in calls:
            one = records.nested_record(record, measures_only=measures_only)
            nested(one)
            row = call_tables.recording_row(
                one, verdicts.pop(record.recording, ()), measures_only=measures_only
            )
            for put in puts:
                put(row)
            for rule in call_tables.conduct_rows(one) if put_rules else ():
                for put in put_rules:
                    put(rule)
    for name in _unasked(formats):
        # A file of an earlier run with other formats would contradict this one.
        parquet.remove(folder / name)
    files = [name for fmt in FORMATS if fmt in formats for name in NAMES[fmt]]
    kept = [name for name in files if (folder / name).is_file()]
    write_json(
        folder / "run.json", {**run, "files": {name: _sha256(folder / name) for name in kept}}
    )
    return [*files, "run.json"]


@dataclass(slots=True)
class _Tables:
    """Opens tables in every format that was asked for, under one stack."""

    stack: ExitStack
    folder: Path
    formats: Sequence[str]
    look: Look | None
    book: Callable[[str, dict[str, Any]], None] | None = None

    def open(
        self, name: str, columns: Sequence[str], *sheets: str
    ) -> list[Callable[[dict[str, Any]], None]]:
        """Return what writes a row of a table, also into `sheets` of the workbook."""
        made: list[Any] = []
        if "csv" in self.formats:
            made.append(csv_writer(self.folder / f"{name}.csv", columns, self.look))
        path = self.folder / f"{name}.parquet"
        if name == "apologies" and "parquet" in self.formats:
            made.append(parquet_writer(path, columns))
        elif {"parquet", "parquet-file"} & set(self.formats):
            kinds = None if name == "apologies" else call_tables.kind_of
            made.append(parquet.file_writer(path, columns, kinds))
        into = [partial(self.book, sheet) for sheet in sheets] if self.book else []
        return [*(self.stack.enter_context(one) for one in made), *into]


def _unasked(formats: Sequence[str]) -> set[str]:
    """Return names of files that this run does not write."""
    wanted = {name for fmt in formats for name in NAMES[fmt]}
    return {name for names in NAMES.values() for name in names} - wanted


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(folder: Path) -> list[str]:
    """Return which results are not as their run wrote them; none where ``run.json`` cannot say."""
    try:
        head = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        digests = {name: head["files"][name] for name in ("apologies.jsonl", "recordings.jsonl")}
        return [name for name, digest in digests.items() if _sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def flat_columns(inputs: tuple[str, ...] = (), *, measures_only: bool = False) -> list[str]:
    """Return the columns of the flat files, in order (the same for every run of one judge)."""
    import numpy as np

    empty = ApologyRecord(
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
    look: Look | None = None,
) -> list[str]:
    """Write everything from the journal, and note in it how, so that it can be written again.

    Parameters
    ----------
    journal : Journal
    folder, run, formats, inputs, measures_only, look
        As for `write_run`.
    textgrid : bool
        Also write a Praat TextGrid per recording.
    """
    how = {
        "formats": list(formats),
        "inputs": list(inputs),
        "measures_only": measures_only,
        "textgrid": textgrid,
        "look": None if look is None else [look.dialect, look.columns],
    }
    journal.note("how", how)
    journal.note("run", records.plain(run))
    journal.reached("writing")
    try:
        files = write_run(
            folder,
            journal.records(),
            journal.apologies(),
            run,
            formats=formats,
            inputs=tuple(inputs),
            measures_only=measures_only,
            look=look,
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
    look = how.pop("look", None)
    how["look"] = None if look is None else Look(*look)
    how["formats"] = check_formats([f for f in how["formats"] if f in EXTRA])
    return write_from(journal, folder, run, **how)
