"""Models that recognise words: which there are, which are here, and fetching one by name.

``recognisers.toml`` holds the list. `get` is the only thing in this package that fetches anything:
from the address of the list, by plain requests without cookies or identifiers, and only for a name
that the user gave. What comes is checked against the sizes and hashes of the list.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path

from prosody.errors import ProsodyError, UsageError, install_line

HUB = "https://huggingface.co"
BLOCK = 1 << 20
TRIES, WAIT_S, TIMEOUT_S = 5, 2.0, 60.0
# Beside what a model itself takes on the disk.
SPARE_BYTES = 200 << 20
_MODULES = {"onnx-asr": "onnx_asr", "faster-whisper": "faster_whisper"}
_EXTRAS = {"onnx-asr": "asr", "faster-whisper": "whisper"}

Progress = Callable[[str, int, int], None]


class DownloadError(ProsodyError, OSError):
    """A model cannot be fetched: no connection, no room, or not the file that was expected."""

    code = "download"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model: its name, bytes and SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WordErrors:
    """A published share of wrong words in one language: on which speech, and where it is said.

    ``speech`` is ``telephone``, ``meetings``, ``debates`` or ``acted``; with ``more`` the share is
    a bound: more than that.
    """

    language: str
    wrong_share: float
    speech: str
    corpus: str
    source: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One model of the list.

    ``library`` reads it; ``languages`` is how many it knows, ``evidence`` holds those in which its
    words may count (see ``recognisers.toml``).
    """

    name: str
    library: str
    repository: str
    revision: str
    licence: str
    languages: int
    evidence: tuple[str, ...]
    files: tuple[File, ...]
    words: tuple[WordErrors, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(f.bytes for f in self.files)

    @property
    def size(self) -> str:
        """Size as people read it."""
        mb = self.bytes / 1e6
        return f"{mb / 1000:.1f} GB" if mb >= 1000 else f"{mb:.0f} MB"

    @property
    def installed(self) -> bool:
        """Whether the library that reads it is installed."""
        return is_installed(self.library)

    @property
    def remedy(self) -> str:
        """What to do to have it: fetch it, and install what reads it, where that is missing."""
        steps = [] if where(self) else [f"Fetch it once: prosody recognisers get {self.name} "
                                        f"({self.size})."]  # fmt: skip
        return " ".join([*steps, *([] if self.installed else [f"Install: {self.install}"])])

    @property
    def install(self) -> str:
        """The command that installs the library."""
        return install_of(self.library)


def is_installed(library: str) -> bool:
    """Whether ``onnx-asr`` or ``faster-whisper`` is installed."""
    return importlib.util.find_spec(_MODULES[library]) is not None


def install_of(library: str) -> str:
    """Return the command that installs one of them."""
    return install_line(_EXTRAS[library])


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Card]:
    """Return the list, best first."""
    text = resources.files("prosody.transcripts").joinpath("recognisers.toml").read_text("utf-8")
    return {
        name: Card(
            name,
            about["library"],
            about["repository"],
            about["revision"],
            about["licence"],
            about["languages"],
            tuple(about["evidence"]),
            tuple(File(**f) for f in about["files"]),
            tuple(WordErrors(**w) for w in about["words"]),
        )
        for name, about in tomllib.loads(text).items()
    }


def find(name: str) -> Card:
    """Return the model that a name means: its own, or one that is enough to tell it.

    ``parakeet``, ``Parakeet-TDT-0.6b-v3``, ``nemo-parakeet-tdt-0.6b-v3``, ``whisper:small`` and
    ``large-v3`` are all understood.

    Raises
    ------
    UsageError
        If no model, or more than one, has such a name; the nearest are named.
    """
    cards = catalogue()
    parts = _parts(name)
    exact = [c for c in cards.values() if parts in (_parts(c.name), _parts(c.name)[1:])]
    fitting = exact or [c for c in cards.values() if parts and set(parts) <= set(_parts(c.name))]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f"{name}: several recognisers have such a name.",
            f"Say which: {', '.join(c.name for c in fitting)}.",
        )
    flat = {" ".join(_parts(n)): n for n in cards}
    near = [flat[n] for n in get_close_matches(" ".join(parts), list(flat), n=3, cutoff=0.4)]
    raise UsageError(
        f"{name}: there is no recogniser of this name, and no such folder.",
        f"The nearest: {', '.join(near or cards)}. All of them: prosody recognisers.",
    )


def _parts(name: str) -> list[str]:
    """Return the words and numbers of a name that tell models apart."""
    bare = name.lower().rsplit("/", 1)[-1].replace("_", "-")
    parts = re.findall(r"[a-z]+\d*|\d+(?:\.\d+)?b?", bare)
    return [p for p in parts if p not in ("nemo", "nvidia", "openai", "faster", "systran", "onnx")]


def home() -> Path:
    """Return where models are kept: ``$PROSODY_RECOGNISERS``, else the user's data folder."""
    if given := os.environ.get("PROSODY_RECOGNISERS"):
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "prosody" / "recognisers"


def where(card: Card) -> Path | None:
    """Return the folder of a model that is on this machine whole, else None.

    Looks where `get` puts it, and where the hub's own tools keep what they fetched.
    """
    hub = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub"
    theirs = hub / f"models--{card.repository.replace('/', '--')}" / "snapshots" / card.revision
    for folder in (home() / card.name, theirs):
        if all(_size(folder / f.name) == f.bytes for f in card.files):
            return folder
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def card_of(folder: Path) -> Card | None:
    """Return which model of the list lies in a folder, told by the size of its largest file."""
    for card in catalogue().values():
        largest = max(card.files, key=lambda f: f.bytes)
        if _size(folder / largest.name) == largest.bytes:
            return card
    return None


def digest(folder: Path) -> str:
    """Return what tells two models apart: names and sizes of the files."""
    files = sorted(f for f in folder.iterdir() if f.is_file() and f.suffix != ".part")
    sizes = "\n".join(f"{f.name}:{f.stat().st_size}" for f in files)
    return hashlib.sha256(sizes.encode()).hexdigest()


def best_here(language: str = "") -> tuple[Card, Path]:
    """Return the best model that is on this machine and can be used, and its folder.

    Parameters
    ----------
    language : str
        Prefer a model whose words may count in this language.

    Raises
    ------
    UsageError
        If there is none; says how to get one.
    """
    here = [(card, folder) for card in catalogue().values() if (folder := where(card))]
    usable = [(card, folder) for card, folder in here if card.installed]
    usable.sort(key=lambda pair: bool(language) and language not in pair[0].evidence)
    if usable:
        return usable[0]
    first = here[0][0] if here else next(iter(catalogue().values()))
    raise UsageError(
        f"--asr: there is no recogniser in {home()} that can be used.",
        first.remedy,
    )


def get(card: Card, folder: Path | None = None, *, progress: Progress | None = None) -> Path:
    """Fetch a model, or what is missing of it, and check every file.

    Parameters
    ----------
    card : Card
    folder : Path, optional
        Where to; by default a folder of its name in `home`.
    progress : callable, optional
        Called with a file's name, bytes that are there, and bytes in all.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        If there is no connection or no room, or a file is not the one of the list. What came so far
        stays (``.part``): the same command goes on there.
    """
    base = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise UsageError(f"HF_ENDPOINT={base}: no address.", f"Expected one such as {HUB}.")
    folder = folder or home() / card.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(folder).free
    except OSError as error:
        raise DownloadError(
            f"{folder}: cannot be written ({error}).", "Choose another folder: --to FOLDER."
        ) from error
    missing = [f for f in card.files if not _is(folder / f.name, f)]
    needed = sum(f.bytes - max(_size(_part(folder / f.name)), 0) for f in missing)
    if room < needed + SPARE_BYTES:
        raise DownloadError(
            f"{folder}: {room / 1e9:.1f} GB free; {card.name} needs {needed / 1e9:.1f} GB more.",
            "Make room, or choose another disk: --to FOLDER.",
            code="no_room",
        )
    for file in missing:
        url = f"{base}/{card.repository}/resolve/{card.revision}/{file.name}"
        _fetch(url, folder / file.name, file, progress)
    return folder


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _is(path: Path, file: File) -> bool:
    if _size(path) != file.bytes:
        return False
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() == file.sha256


def _fetch(url: str, path: Path, file: File, progress: Progress | None) -> None:
    """Fetch one file, going on where an earlier try ended."""
    part = _part(path)
    for more in range(TRIES - 1, -1, -1):
        before = max(_size(part), 0)
        try:
            _append(url, part, file, progress)
            break
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise DownloadError(
                    f"{url}: {error.code} {error.reason}.",
                    "The model is not there (any more), or a proxy does not let it through. "
                    "Another: prosody recognisers.",
                ) from error
            if not more:
                raise DownloadError(
                    f"{url}: {_said(error)}; {max(_size(part), 0):,} of {file.bytes:,} bytes are "
                    "here.",
                    "Check the connection (a proxy: set https_proxy); the same command goes on "
                    "where this one stopped.",
                ) from error
            time.sleep(0.0 if max(_size(part), 0) > before else WAIT_S * (TRIES - more))
    if not _is(part, file):
        part.unlink()
        raise DownloadError(
            f"{url}: not the file that was expected (its SHA-256 differs); it was removed.",
            "Try again; if it stays so, something between here and there changes files.",
            code="checksum",
        )
    part.replace(path)


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error or type(error).__name__)


def _append(url: str, part: Path, file: File, progress: Progress | None) -> None:
    have = max(_size(part), 0)
    if have > file.bytes:
        part.unlink()
        have = 0
    if have == file.bytes:
        return
    request = urllib.request.Request(url, headers={"User-Agent": "prosody"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if have and answer.status != 206:  # a server that begins anew
            have = 0
        with part.open("ab" if have else "wb") as out:
            while block := answer.read(BLOCK):
                out.write(block)
                have += len(block)
                if progress:
                    progress(file.name, have, file.bytes)
                if have > file.bytes:
                    return
    if have < file.bytes:
        raise ConnectionError(f"the connection ended after {have:,} of {file.bytes:,} bytes")
