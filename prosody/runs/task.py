"""The function that every engine runs: one call in, its rows and the key they stand for out.

A row is good for as long as everything it was made of stays the same: the sound, the transcript,
the windows, what is known of the call, the settings and the versions of what measures and finds.
Their hash is the key. Here the key is made, and here, in whatever process this runs, one call is
examined.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosody import __version__
from prosody.calls import pseudonyms
from prosody.calls.call import Call
from prosody.examine.examine import Examined, Examiner, Options, conduct_of
from prosody.results.records import CallRecord
from prosody.runs.recognised import Plan

if TYPE_CHECKING:
    import psutil

# Seconds that any call may take, and what is added for each second of sound. Measuring takes a
# thirtieth of the sound's length on one slow core, so that a worker past this limit hangs.
TIME_LIMIT_S = 60.0
TIME_SHARE = 0.25

# What a row rests on, as rooms and files of this package: a change in one of them makes the rows
# anew; a change in the command line, the report or the pages does not.
_RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "lexicon": ("language/",),
    "conduct": ("conduct/", "words/conduct"),
    "measures": (
        "arrays.py", "errors.py", "files.py", "message.py", "settings.py", "words/reading",
        "audio/", "calls/", "transcripts/", "measures/", "examine/", "results/records.py",
        "models/",
    ),
    "judge": ("judge/", "words/reasons"),
}  # fmt: skip
_LIBRARIES = ("numpy", "scipy", "soundfile", "soxr", "onnxruntime", "av")


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What is done with every call of a run; small, so that it travels with the calls.

    ``digest`` covers everything that is measured and found but the call itself; ``conduct`` what
    the rules of conduct rest on beside that. (Gates and verdicts are the journal's to hold against
    other thresholds: `journal.Journal.regate`, `judge_digest`.)
    """

    options: Options
    redact: bool
    digest: str
    conduct: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of one call.

    ``examined`` is None where the known key still holds; ``key`` is '' where the rows should be
    made again next time (a file that could not be read may be readable then). Where only the rules
    of conduct changed, ``conduct`` holds what they say now, and whether a complaint got no apology.
    """

    number: int
    key: str
    examined: Examined | None
    rss_bytes: int = 0
    conduct: tuple[dict[str, Any], bool | None] | None = None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@lru_cache(maxsize=1)
def _sources() -> dict[str, str]:
    """Return a hash for each module and each table of words of this package."""
    home = Path(__file__).resolve().parent.parent
    found: dict[str, str] = {}
    for path in sorted(home.rglob("*")):
        if path.suffix in (".py", ".toml") and path.is_file():
            name = path.relative_to(home).as_posix()
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in ("activity", "music", "pitch"):
        network = resources.files("prosody.models").joinpath(f"{name}.onnx")
        found[f"models/{name}.onnx"] = hashlib.sha256(network.read_bytes()).hexdigest()
    return found


def _digest_of(part: str) -> str:
    """Return what stands for the code and words that a part of a row rests on."""
    return _digest({k: v for k, v in _sources().items() if k.startswith(_RESTS_ON[part])})[:16]


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return what the rows depend on beside the call: versions, and hashes of code and words."""
    out = {part: _digest_of(part) for part in ("lexicon", "conduct", "measures")}
    for library in _LIBRARIES:
        try:
            out[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            out[library] = ""
    return {"prosody": __version__, **out}


def make(options: Options, *, redact: bool = False) -> TaskSpec:
    """Return the work of a run."""
    chosen = options.settings.as_dict()
    later = ("verdict", "gates", "conduct", "coach")  # what changes nothing that is measured
    settings = {k: v for k, v in chosen.items() if k not in later}
    voice = file_hash(options.baseline) if options.baseline is not None else ""
    asked = {f.name: getattr(options, f.name) for f in fields(options)}
    rest = {k: repr(v) for k, v in asked.items() if k not in ("settings", "baseline")}
    rest["redact"] = str(redact)
    made_by = dict(versions())
    rules = _digest([chosen["conduct"], made_by.pop("conduct")])[:16]
    return TaskSpec(options, redact, _digest([settings, voice, rest, made_by]), rules)


def judge_digest(judge: Any, options: Options) -> str:
    """Return what a judgement depends on beside the row: judge, thresholds, words."""
    return _digest(
        [judge.sha256, asdict(options.settings.verdict), options.lang, _digest_of("judge")]
    )


# --- one call ---------------------------------------------------------------------------------


def files_of(call: Call) -> list[Any]:
    """Return every file a call is made of, the sound first."""
    beside = [s.transcript for s in call.sources] + [call.transcript, call.windows]
    return [*(s.path for s in call.sources), *(p for p in beside if p is not None)]


def known_of(call: Call, spec: TaskSpec) -> str:
    """Return the hash of what is known of a call beside its files' content.

    What it is called is not among it, except where rows depend on that: a windows file finds its
    calls by name, and ``--redact`` masks the names wherever they are said.
    """
    beside = [p and p.name for p in (*(s.transcript for s in call.sources), call.transcript)]
    sources = [(s.channel, s.role) for s in call.sources]
    text = [call.started_at, call.agent, call.team, call.language, call.agent_speaker]
    remarks = [(r.code, str(r)) for r in call.remarks]
    named = [call.name, call.call_id] if call.windows is not None or spec.redact else []
    return _digest([sources, beside, text, remarks, named])


def stamp_of(call: Call, spec: TaskSpec) -> str:
    """Return what can be told without reading: while this stays, the key need not be made.

    Size, both times and the number of each file; '' where one of them cannot be asked. The
    second time (ctime) moves with every change of the content, even when the first is set back.
    """
    from prosody.audio import storage

    marks = []
    for path in files_of(call):
        mark = storage.stamp(path)
        if not mark:
            return ""
        marks.append(mark)
    return _digest([marks, known_of(call, spec), spec.digest, spec.conduct])


@lru_cache(maxsize=256)
def _hash_of(path: str, mark: tuple[Any, ...]) -> str:
    return _read_hash(path)


def _read_hash(path: Any) -> str:
    from prosody.audio.recording import content_hash

    return content_hash(path)


def file_hash(path: Any) -> str:
    """Return the SHA-256 of a small file that many calls may share (windows, transcripts)."""
    from prosody.audio import storage

    mark = storage.stamp(path)
    if mark and not storage.is_url(path):
        return _hash_of(str(path), tuple(mark))
    return _read_hash(path)


def key_of(call: Call, spec: TaskSpec) -> str:
    """Return the key of a call, or '' where a file of it cannot be read.

    Before the dot stands what is measured and found, behind it the rules of conduct.
    """
    try:
        sound = [_read_hash(s.path) for s in call.sources]
        rest = [file_hash(p) for p in files_of(call)[len(sound) :]]
    except (OSError, ValueError):
        return ""
    return f"{_digest([sound, rest, known_of(call, spec), spec.digest])}.{spec.conduct}"


def length_s(call: Call) -> float:
    """Return how long a call is by its files' headers; 0 where they cannot be read."""
    from prosody.audio.recording import probe

    longest = 0.0
    for source in call.sources:
        try:
            longest = max(longest, probe(source.path).duration_s)
        except Exception:  # examining says what is wrong with it
            continue
    return longest


@lru_cache(maxsize=2)
def _examiner(digest: str, options: Options) -> Examiner:
    return Examiner(options)


# What recognising may cost, in times what the model took for as much noise when it was loaded: for
# two channels, for words that have to be written, and for a machine that became busier.
RECOGNISE_TIMES = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A process that has loaded everything: its number, its memory, and the recogniser's cost."""

    pid: int
    rss_bytes: int
    recognise_cost: float


def recognition_s(spec: TaskSpec, seconds: float, cost: float) -> float:
    """Return the seconds that recognising a call of so many seconds may take; 0 without a model."""
    return 0.0 if spec.options.asr is None else RECOGNISE_TIMES * cost * seconds


@lru_cache(maxsize=1)
def warm(spec: TaskSpec) -> Ready:
    """Load and compile everything that a call will need, once in each process."""
    import numpy as np

    from prosody.audio import activity
    from prosody.measures import measure

    noise = np.random.default_rng(0).normal(0, 0.05, 8000).astype(np.float32)
    activity.activity(noise, 8000)
    measure.measure([noise], 8000)
    _examiner(spec.digest, spec.options)
    plan = spec.options.asr
    cost = plan.cost() if isinstance(plan, Plan) else 0.0
    return Ready(os.getpid(), _rss(), cost)  # the recogniser is part of what it takes


def run(spec: TaskSpec, number: int, call: Call, known: str = "") -> Outcome:
    """Examine one call, unless its key is the one that is known.

    Parameters
    ----------
    spec : TaskSpec
    number : int
        The call's place in the run; comes back with the outcome.
    call : Call
    known : str
        Key of rows that are there already.
    """
    key = key_of(call, spec)
    if key and key == known:
        return Outcome(number, key, None, _rss())
    if key and known and key.partition(".")[0] == known.partition(".")[0]:
        try:
            return Outcome(number, key, None, _rss(), _conduct(spec, call))
        except Exception:  # what is wrong with it now is said by the row that is made anew
            pass
    done = _examiner(spec.digest, spec.options)(call)
    pseudonyms.hide(done.record, call)
    if spec.redact:
        from prosody.runs import redact

        done = redact.examined(done, call.hides)
    return Outcome(number, "" if done.record.status == "failed" else key, done, _rss())


def _conduct(spec: TaskSpec, call: Call) -> tuple[dict[str, Any], bool | None]:
    """Return what the rules say of a call that is measured already."""
    found, silent = conduct_of(call, spec.options)
    record = CallRecord(call.name, call.call_id, conduct=found)
    pseudonyms.hide(record, call)
    if spec.redact:
        from prosody.runs import redact

        record = redact.examined(Examined(record), call.hides).record
    return record.conduct, silent


def failed(number: int, call: Call, code: str, message: str, remedy: str) -> Outcome:
    """Return the outcome of a call that cost its worker."""
    record = CallRecord(
        call.name,
        call.call_id,
        status="failed",
        code=code,
        message=message,
        remedy=remedy,
        started_at=call.started_at,
        agent=call.agent,
        team=call.team,
        language=call.language,
    )
    pseudonyms.hide(record, call)
    return Outcome(number, "", Examined(record))


def writable(calls: Sequence[Call]) -> list[Call]:
    """Return the calls with names that UTF-8 can hold; the files keep their own.

    A file name on disk is bytes, and Python carries those that are no text as lone surrogates.
    """

    def clean(text: str) -> str:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    out = []
    for call in calls:
        changes: dict[str, Any] = {
            n: clean(v)
            for n in ("name", "call_id", "started_at", "agent", "team", "language", "agent_speaker")
            if clean(v := getattr(call, n)) != v
        }
        out.append(replace(call, **changes) if changes else call)
    return out


def _rss() -> int:
    return int(_process(os.getpid()).memory_info().rss)


@lru_cache(maxsize=1)
def _process(pid: int) -> psutil.Process:
    import psutil

    return psutil.Process(pid)
