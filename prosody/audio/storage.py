"""Recordings that lie elsewhere: ``s3://``, ``gs://``, ``az://`` and whatever else fsspec opens.

A URL becomes a `UPath` (universal-pathlib), which looks like a `Path` to everything that collects
calls. Sound is read by ranges, through fsspec's cache of blocks; transcripts and windows are small
and are fetched whole, for the time that one call is examined.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from prosody.errors import MissingExtraError, RecordingError, UsageError, install_line

if TYPE_CHECKING:
    from prosody.calls.call import Call

# Two letters at least: "c:\\calls" is no URL.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
BLOCK_BYTES = 1 << 20
# What drivers call the things that change with the content.
_MARKS = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "created", "generation",
          "md5Hash")  # fmt: skip


def is_url(path: Any) -> bool:
    """Whether a path is (or was made from) a URL."""
    return bool(_URL.match(path)) if isinstance(path, str) else not isinstance(path, PurePath)


def path_of(path: Any) -> Any:
    """Return a `Path`, or for a URL the path-like object that opens it.

    Raises
    ------
    MissingExtraError
        If the driver of this kind of URL is not installed.
    UsageError
        If there is no such kind of URL.
    """
    if not isinstance(path, str) or not is_url(path):
        return path if is_url(path) else Path(path)
    kind = path.split("://", 1)[0].lower()
    extra = EXTRAS.get(kind, "s3")
    try:
        from upath import UPath
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: recordings elsewhere need a driver that is not installed.",
            f"Install it with: {install_line(extra)}",
        ) from error
    try:
        made = UPath(path)
        made.fs  # noqa: B018 -- loads the driver now, where its absence can be told
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: needs the driver for {kind}://, which is not installed ({error}).",
            f"Install it with: {install_line(extra)}",
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{path}: '{kind}' is no place that recordings can be read from ({error}).",
            "Examples: s3://bucket/calls, gs://bucket/calls, az://container/calls.",
        ) from error
    return made


def _asked(path: Any, what: Any) -> Any:
    """Return what a driver answers; whatever it raises becomes our error."""
    try:
        return what()
    except FileNotFoundError as error:
        raise RecordingError(
            f"{path}: there is no such file.", "Check the address.", code="not_found"
        ) from error
    except PermissionError as error:
        raise RecordingError(
            f"{path}: may not be read.", "Give the account that runs this access.",
            code="no_access",
        ) from error  # fmt: skip
    except Exception as error:  # each driver has errors of its own
        raise RecordingError(
            f"{path}: cannot be reached ({type(error).__name__}: {str(error)[:200]}).",
            "Check the address, the credentials and the network, and start again: what is done "
            "stays done.",
            code="not_reached",
        ) from error


def open_url(path: Any) -> BinaryIO:
    """Open a remote file for reading by ranges.

    Raises
    ------
    RecordingError
        ``not_found``, ``no_access`` or ``not_reached``.
    """
    file: BinaryIO = _asked(
        path,
        lambda: path.fs.open(path.path, "rb", block_size=BLOCK_BYTES, cache_type="readahead"),
    )
    return file


def is_folder(path: Any) -> bool:
    """Whether a path, here or elsewhere, is a folder."""
    return bool(_asked(path, path.is_dir) if is_url(path) else path.is_dir())


def names_in(folder: Any) -> list[str]:
    """Return the names of what lies in a folder; none where it cannot be read."""
    try:
        if is_url(folder):
            found = folder.fs.ls(folder.path, detail=False)
            return [name.rstrip("/").rsplit("/", 1)[-1] for name in found]
        return [p.name for p in Path(folder).iterdir()]
    except Exception:  # a folder that is not there holds nothing
        return []


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file, here or elsewhere, in bytes."""
    try:
        return os.fstat(file.fileno()).st_size
    except (OSError, AttributeError):
        at = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(at)
        return int(end)


def walk(folder: Any) -> Iterator[Any]:
    """Yield every file below a remote folder, in order of name (hidden ones are left out)."""
    found = _asked(folder, lambda: sorted(folder.fs.find(folder.path)))
    base = folder.path.rstrip("/")
    for name in found:
        below = name[len(base) :].lstrip("/") if name.startswith(base) else name.rsplit("/", 1)[-1]
        parts = below.split("/")
        if below and not any(p.startswith(".") or p == "__MACOSX" for p in parts):
            yield folder / below


def stamp(path: Any) -> list[Any]:
    """Return what changes when a file does, without reading it; [] where it cannot be told."""
    try:
        if is_url(path):
            info = path.fs.info(path.path)
            marks = [info.get(k) for k in _MARKS]
            return [str(m) for m in marks] if any(m for m in marks[1:]) else []
        state = Path(path).stat()
    except Exception:  # whatever it is, reading the file says it better
        return []
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]


@contextmanager
def beside(call: Call) -> Iterator[Call]:
    """Give the call with its remote transcripts and windows fetched to files of the same names."""
    wanted = [call.transcript, call.windows, *(s.transcript for s in call.sources)]
    if not any(p is not None and is_url(p) for p in wanted):
        yield call
        return
    with tempfile.TemporaryDirectory(prefix="prosody-") as folder:

        def fetched(path: Any, part: str) -> Any:
            if path is None or not is_url(path):
                return path
            place = Path(folder) / part / path.name
            place.parent.mkdir(exist_ok=True)
            try:
                place.write_bytes(_asked(path, path.read_bytes))
            except RecordingError:
                return place  # reading it says that it is not there
            return place

        sources = tuple(
            replace(s, transcript=fetched(s.transcript, str(i))) for i, s in enumerate(call.sources)
        )
        yield replace(
            call,
            transcript=fetched(call.transcript, "call"),
            windows=fetched(call.windows, "windows"),
            sources=sources,
        )
