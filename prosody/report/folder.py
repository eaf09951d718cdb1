"""The folder of a report: whole files or none, nothing outside it, nothing left over."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from prosody.errors import UsageError
from prosody.report.page import PLAYER
from prosody.report.sound import Clip, write_sound

LIST = "report.json"
_KIND = "prosody report"
_ENDINGS = (".html", ".flac", ".wav", ".csv", ".js")
BESIDE = (PLAYER, "player/LICENSE.txt")


class Folder:
    """The folder of a report: files are written whole, and an earlier report's are removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[str] = []
        self.before: set[str] = set()
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path}: not a folder.", "Name a new folder, or an earlier report.")
        if path.is_dir() and any(path.iterdir()):
            self.before = self._earlier()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be made ({error.strerror}).", "Name another folder with --out."
            ) from error
        # From here on the list says what may be removed, also if this is cut short.
        self._list(sorted(self.before))

    def _earlier(self) -> set[str]:
        try:
            kept = json.loads((self.path / LIST).read_text(encoding="utf-8"))
            if kept["kind"] == _KIND:
                return {str(f) for f in kept["files"] if _inside(str(f))}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UsageError(
            f"{self.path}: the folder holds other things than a report.",
            "Name a new folder with --out, or an earlier report, which is then replaced.",
        )

    def _list(self, files: list[str]) -> None:
        body = json.dumps({"kind": _KIND, "files": files}, indent=0)
        self._write(LIST, body.encode())

    def _place(self, name: str) -> tuple[Path, Path]:
        """Return where a file is written first, and where it goes then."""
        path = self.path / name
        part = path.with_name(f".{path.name}.part")
        # Nothing is ever written elsewhere.
        if any(p.is_symlink() for p in (part, path, *path.parents[: len(Path(name).parts) - 1])):
            raise UsageError(f"{path}: a link, expected a file of a report.", "Remove it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return part, path

    def _write(self, name: str, body: bytes) -> None:
        part, path = self._place(name)
        part.write_bytes(body)
        part.replace(path)

    def put(self, name: str, body: str) -> None:
        """Write a text file."""
        self._write(name, body.encode("utf-8", errors="replace"))
        self.files.append(name)

    @contextlib.contextmanager
    def lines(self, name: str, *, mark: bool = True) -> Iterator[Callable[[str], object]]:
        """Give what writes a text file line by line; a file without any is not kept.

        `mark` puts a byte-order mark before it, without which Excel breaks Dutch letters.
        """
        part, path = self._place(name)
        with part.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.write("\ufeff" if mark else "")
            empty = file.tell()
            yield file.write
            kept = file.tell() > empty
        if kept:
            part.replace(path)
            self.files.append(name)
        else:
            part.unlink()

    def put_sound(self, name: str, got: Clip) -> None:
        """Write the sound of a clip."""
        part, path = self._place(name)
        write_sound(part, got)
        part.replace(path)
        self.files.append(name)

    def size_mb(self) -> float:
        """Return the megabytes of what was written."""
        return sum((self.path / name).stat().st_size for name in self.files) / 1e6

    def finish(self) -> None:
        """Remove what an earlier report left, and keep the list of files."""
        for name in self.before - set(self.files):
            (self.path / name).unlink(missing_ok=True)
        self._list(sorted(self.files))


def _inside(name: str) -> bool:
    """Whether a name in the list of an earlier report stays within its folder."""
    path = PurePosixPath(name)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and (path.suffix in _ENDINGS or name in BESIDE)
        and "\\" not in name
    )


def short(paths: Sequence[str]) -> dict[str, str]:
    """Return names for people: without the folder that all recordings share."""
    unique = list(dict.fromkeys(paths))
    parents = [p.replace("\\", "/").split("/")[:-1] for p in unique]
    common = 0
    if parents:
        for parts in zip(*parents, strict=False):
            if len(set(parts)) > 1:
                break
            common += 1
    return {p: "/".join(p.replace("\\", "/").split("/")[common:]) or p for p in unique}
