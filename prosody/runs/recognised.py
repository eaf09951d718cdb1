"""Recognised words of a run: what to recognise with, and what is kept of it in the run's folder.

A `Plan` is called by what opens a call. It recognises all channels of the call together and keeps
the outcome under a hash of sound, model and language, so that nothing is recognised twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np

from prosody.audio.recording import content_hash
from prosody.calls.call import Call
from prosody.examine import two_voices
from prosody.examine.recognise import (
    RECOGNISED,
    SR_HZ,
    Channel,
    Recognised,
    Recogniser,
    load,
    recognise,
)
from prosody.examine.sound import Signal, Sound
from prosody.language import lexicon
from prosody.results import parquet
from prosody.results.records import plain
from prosody.results.write import write_json
from prosody.transcripts.turns import Role, Transcript, Turn, Word

# In a run's folder: what was recognised. The number changes with how words are recognised.
CACHE = "recognised"
_MADE = "3"
# Sound on which a model's speed is tried.
TRIED_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to recognise with, and where to keep words.

    ``folder`` holds the model, ``name`` is how it is called and ``digest`` tells it from others;
    ``evidence`` the languages in which its words may count (None: not known, so all). ``voices``
    is the model that tells two voices on one channel apart ('' for none).
    ``cache`` is a folder for what was recognised; ``out`` a run's folder, in which ``transcripts/``
    then holds one readable file per call. Where things lie does not change what is found.
    """

    folder: Path = field(repr=False)
    name: str
    digest: str
    language: str = "auto"
    evidence: tuple[str, ...] | None = None
    cache: Path | None = field(default=None, repr=False)
    out: Path | None = field(default=None, repr=False)
    voices: str = ""

    def load(self) -> Recogniser:
        """Open the model; done once in each process."""
        return load(self.folder, self.name)

    def about(self) -> dict[str, Any]:
        """Return what ``run.json`` says of it: name, digest of its files, and where it runs."""
        return {"name": self.name, "digest": self.digest, "device": self.load().device}

    @property
    def size_bytes(self) -> int:
        """Size of the model's files."""
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())

    @property
    def memory_bytes(self) -> int:
        """Memory that the models take, about: their files, and room to work in.

        The one for voices is opened by the first call in mono, which any worker may meet.
        """
        voices = two_voices.MEMORY_BYTES if self.voices else 0
        return round(1.5 * self.size_bytes) + (200 << 20) + voices

    def owes(self, call: Call) -> bool:
        """Whether a readable file of this call's recognised words is wanted and not there."""
        own = call.transcript or any(s.transcript for s in call.sources)
        return self.out is not None and not own and not place(self.out, call.call_id).is_file()

    def cost(self) -> float:
        """Return the seconds that a second of sound takes here, tried on noise (loads the model).

        Speech costs more, since its words have to be written; that is for the caller to allow for.
        """
        recogniser = self.load()
        noise = np.random.default_rng(0).normal(0, 0.05, round(TRIED_S * SR_HZ)).astype(np.float32)
        language = self.language if self.language != "auto" else "en"
        took = []
        for _ in range(2):  # the first also makes plans and fills caches
            start = time.perf_counter()
            recogniser([noise], language)
            took.append(time.perf_counter() - start)
        return min(took) / TRIED_S

    def __call__(self, call: Call, sound: Sound, signals: Sequence[Signal]) -> Recognised:
        """Recognise the words of a call.

        Parameters
        ----------
        call : Call
        sound : Sound
            Its open files.
        signals : sequence of (source, channel)
            What to listen to: each sound once.

        Returns
        -------
        Recognised
            A turn of a file whose role is known has that role, any other its channel: its signal's
            place among those of the call.
        """
        language = call.language if self.language == "auto" else self.language
        # Only where both speakers may be on the one channel there is.
        one = len(signals) == 1 and call.sources[signals[0][0]].role == "unknown"
        mixed = self.voices if one else ""
        kept = None
        if self.cache is not None:
            files = [content_hash(r.path) for r in sound.recordings]
            how = [self.digest, mixed, language, str(self.evidence), str(signals), _MADE]
            key = "\n".join([*files, *how])
            kept = self.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        found = None if kept is None else _recognised(kept)
        if found is None:
            found = self._recognise(sound, signals, language, mixed)
            if kept is not None:
                _keep(found, kept)
                found = _recognised(kept) or found  # as a later run reads it, to the last digit
        turns = []
        for turn in found.transcript.turns:
            signal = signals[turn.channel or 0]
            role = call.sources[signal[0]].role
            if role != "unknown":
                turn = replace(turn, role=role, channel=None)
            elif not turn.speaker:
                turn = replace(turn, channel=sound.signals.index(signal))
            turns.append(turn)
        found = replace(found, transcript=replace(found.transcript, turns=tuple(turns)))
        if self.out is not None:
            write(found.transcript, place(self.out, call.call_id))
        return found

    def _recognise(
        self, sound: Sound, signals: Sequence[Signal], language: str, mixed: str
    ) -> Recognised:
        channels = [
            Channel(
                sound.activity(source, number).speech,
                partial(sound.recordings[source].read, channel=number),
                sound.recordings[source].info.sr_hz,
                sound.recordings[source].info.duration_s,
            )
            for source, number in signals
        ]
        found = recognise(
            channels, self.load(), language, known=lexicon.languages(), evidence=self.evidence
        )
        if not mixed or found.poor:
            return found
        turns, apart = two_voices.named(found.transcript.turns, channels[0])
        return replace(found, transcript=replace(found.transcript, turns=turns), apart=apart)


def as_dict(transcript: Transcript) -> dict[str, Any]:
    """Return a transcript in the form of WhisperX's JSON, which the readers read."""
    return {
        "language": transcript.language,
        "source": transcript.source,
        "segments": [
            {
                "start": t.start_s,
                "end": t.end_s,
                "text": t.text,
                "channel": t.channel,
                "speaker": t.speaker or t.role,
                "words": [{"word": w.text, "start": w.start_s, "end": w.end_s} for w in t.words],
            }
            for t in transcript.turns
        ],
    }


def place(out: Path, call_id: str) -> Path:
    """Return where a run keeps the recognised words of a call for people to read."""
    # A call's id may hold anything; a file's name may not. Where it had to be changed, a hash tells
    # it from others that would become the same.
    name = re.sub(r"[^\w.-]+", "_", call_id)
    if name != call_id:
        name += "-" + hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return out / "transcripts" / f"{name}.json"


def write(transcript: Transcript, path: Path) -> None:
    """Write a transcript, whole or not at all."""
    write_json(path, as_dict(transcript))


def forget(out: Path, call_ids: Iterable[str]) -> None:
    """Remove recognised words of calls from a run's folder.

    What is cached does not say of which call it is: all of it goes, and is recognised again when it
    is needed. A transcript that was not recognised here is somebody's own, and stays.
    """
    parquet.remove(out / CACHE)
    for path in {place(out, call_id) for call_id in call_ids}:
        found = _read(path)
        if found is not None and found.source.startswith(RECOGNISED):
            path.unlink()


def forget_all(out: Path) -> list[str]:
    """Remove everything that was recognised from a run's folder; returns what was there."""
    cache, folder = out / CACHE, out / "transcripts"
    gone = []
    if cache.is_dir() and not cache.is_symlink():
        gone.append(f"{CACHE}/")
        parquet.remove(cache)
    ours = [
        path
        for path in (folder.glob("*.json") if folder.is_dir() else ())
        if (found := _read(path)) is not None and found.source.startswith(RECOGNISED)
    ]
    for path in ours:
        path.unlink()
    if ours:
        gone.append(f"{folder.name}/")
        with contextlib.suppress(OSError):
            folder.rmdir()  # what is somebody's own stays
    return gone


def _seal(kept: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _keep(found: Recognised, path: Path) -> None:
    """Write to the cache, with a hash: another letter on the disk would be another word."""
    rest = {k: v for k, v in asdict(found).items() if k != "transcript"}
    kept = plain({**as_dict(found.transcript), **rest})
    write_json(path, {**kept, "sha256": _seal(kept)})


def _recognised(path: Path) -> Recognised | None:
    """Return what was recognised from the cache; None where there is none, or it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("sha256") != _seal(data):
            return None
        apart = math.nan if data["apart"] is None else data["apart"]
        return Recognised(_transcript(data), data["doubts"], data["speech_s"], data["poor"], apart)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(path: Path) -> Transcript | None:
    """Return a transcript that was written here; None where there is none."""
    try:
        return _transcript(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _transcript(data: dict[str, Any]) -> Transcript:
    turns = tuple(
        Turn(
            s["start"],
            s["end"],
            s["text"],
            "unknown",
            tuple(Word(w["word"], w["start"], w["end"]) for w in s["words"]),
            s["channel"],
            "" if s["speaker"] in get_args(Role) else s["speaker"],
        )
        for s in data["segments"]
    )
    return Transcript(turns, data["source"], data["language"])
