"""Words from sound, for recordings without a transcript (extra ``asr``; only when asked for).

Each channel is recognised by itself, one stretch of voice activity at a time, with a model the user
has: a folder for ``onnx-asr`` (for example Parakeet-TDT-0.6b-v3, which knows Dutch and English)
or for ``faster-whisper``. Nothing is downloaded unless the user names a model and agrees. What was
recognised is kept in a cache keyed by the sound, the model and the language.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from prosody.audio.activity import ChannelActivity
from prosody.audio.recording import Recording, content_hash
from prosody.errors import MissingExtraError, UsageError, install_line
from prosody.transcripts.turns import Transcript, Turn, Word

SR_HZ: Final = 16_000
# In a run's folder: what was recognised; and how its source is called.
CACHE = "recognised"
RECOGNISED = "recognised by"
# Recognisers lose their way beyond this (onnx-asr's README names 20 to 30 s).
LONGEST_S = 20.0
JOIN_S = 0.6  # pauses shorter than this stay inside a stretch
PAD_S = 0.2  # words may begin softly, before voice activity says so
# A token that no other follows lasts about as long as it would take to say.
TOKEN_S, LETTER_S = 0.08, 0.05

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to recognise with: a model's folder or name, the language, and where to keep words.

    ``cache`` is a folder for what was recognised; ``out`` a run's folder, in which ``transcripts/``
    then holds one readable file per call.
    """

    model: str
    language: str = "auto"
    cache: Path | None = None
    download: bool = False
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was recognised in one stretch; ``words`` is empty where the model has no times."""

    text: str
    words: tuple[Word, ...]


class Recogniser(Protocol):
    """Turns stretches of 16 kHz sound into words with times from the start of each stretch."""

    digest: str

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        """Recognise stretches; ``language`` is '' where it is not known."""
        ...


def words_of_tokens(
    tokens: Sequence[str], times_s: Sequence[float], end_s: float
) -> tuple[Word, ...]:
    """Join a recogniser's tokens into words.

    Parameters
    ----------
    tokens : sequence of str
        Pieces of words; one that begins with a space (or ``▁``) begins a word.
    times_s : sequence of float
        When each token begins, seconds.
    end_s : float
        End of the sound.

    Returns
    -------
    tuple of Word
        A word ends where the next token begins, or after the time that its last token would
        take to say, whichever comes first.
    """
    starts = [*map(float, times_s), end_s]
    groups: list[tuple[str, float, float]] = []
    for i, token in enumerate(tokens):
        piece = token.replace("\u2581", " ")
        said_s = TOKEN_S + LETTER_S * len(piece.strip())
        stop = max(starts[i], min(starts[i + 1], starts[i] + said_s, end_s))
        if piece[:1].isspace() or not groups:
            groups.append((piece.strip(), starts[i], stop))
        else:
            text, begin, _ = groups[-1]
            groups[-1] = (text + piece.strip(), begin, stop)
    return tuple(Word(text, begin, stop) for text, begin, stop in groups if text)


class _OnnxAsr:
    """A model that ``onnx-asr`` reads, from a folder."""

    def __init__(self, model: str, folder: Path | None) -> None:
        import onnx_asr
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        names = [p.name for p in folder.glob("*.onnx")] if folder else []
        int8 = bool(names) and all(".int8" in n for n in names)
        try:
            self._model = onnx_asr.load_model(
                model,
                folder,
                quantization="int8" if int8 else None,
                sess_options=options,
                providers=["CPUExecutionProvider"],
            ).with_timestamps()
        except Exception as error:  # the library and onnxruntime raise many classes
            raise UsageError(
                f"--asr {folder or model}: cannot be loaded ({error}).",
                "Expected a folder as onnx-asr's model pages offer it (config.json, vocab.txt and "
                "the .onnx files).",
            ) from error
        self.digest = _digest(folder, model)

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        out = []
        for sound in sounds:
            got = self._model.recognize(sound, sample_rate=SR_HZ, language=language or None)
            tokens, times = got.tokens or [], got.timestamps or []
            end = len(sound) / SR_HZ
            words = words_of_tokens(tokens, times, end) if len(tokens) == len(times) else ()
            out.append(Spoken(" ".join(got.text.split()), words))
        return out


class _FasterWhisper:
    """A CTranslate2 Whisper model, with its own word times."""

    def __init__(self, model: str, folder: Path | None, *, download: bool) -> None:
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(
                str(folder or model),
                device="cpu",
                compute_type="int8",
                cpu_threads=1,
                local_files_only=not download,
            )
        except Exception as error:
            raise UsageError(
                f"--asr {folder or model}: cannot be loaded ({error}).",
                "Expected a folder with a CTranslate2 Whisper model (model.bin, config.json, "
                "tokenizer.json).",
            ) from error
        self.digest = _digest(folder, model)

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        out = []
        for sound in sounds:
            parts, _ = self._model.transcribe(
                sound,
                language=language or None,
                word_timestamps=True,
                beam_size=5,
                condition_on_previous_text=False,
                vad_filter=False,
            )
            words = tuple(
                Word(w.word.strip(), float(w.start), float(w.end))
                for part in parts
                for w in part.words or ()
            )
            out.append(Spoken(" ".join(w.text for w in words), words))
        return out


def _digest(folder: Path | None, model: str) -> str:
    """Return what tells two models apart: names and sizes of the files, or the model's name."""
    files = sorted(folder.iterdir()) if folder else []
    said = [model, *(f"{f.name}:{f.stat().st_size}" for f in files if f.is_file())]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


@lru_cache(maxsize=2)
def load(model: str, *, download: bool = False) -> Recogniser:
    """Load a recogniser.

    Parameters
    ----------
    model : str
        A folder, or the name of a model (``nemo-parakeet-tdt-0.6b-v3``, ``whisper:small``), which
        needs `download` unless it is already in the library's own cache.
    download : bool
        The user agreed to a download.

    Raises
    ------
    MissingExtraError
        If the library that reads this model is not installed.
    UsageError
        If the folder holds no model, or a name was given without agreeing to a download.
    """
    folder = Path(model) if Path(model).is_dir() else None
    if folder is None and not download:
        raise UsageError(
            f"--asr {model}: there is no such folder, and nothing is downloaded unasked.",
            "Name a folder with a model, or add --download to fetch the model of this name.",
        )
    if (folder is not None and (folder / "model.bin").is_file()) or model.startswith("whisper:"):
        _need("faster_whisper", "faster-whisper")
        return _FasterWhisper(model.removeprefix("whisper:"), folder, download=download)
    _need("onnx_asr", "onnx-asr")
    return _OnnxAsr(_kind(folder) if folder else model, folder)


def _kind(folder: Path) -> str:
    """Return which of onnx-asr's kinds of model lies in a folder."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8")).get(
            "model_type", ""
        )
    except (OSError, ValueError, AttributeError):
        told = ""
    if isinstance(told, str) and told:
        return told
    names = {p.name for p in folder.glob("*.onnx")}
    if any(n.startswith("decoder_joint") for n in names):
        return "nemo-conformer-tdt"
    if names:
        return "nemo-conformer-ctc"
    raise UsageError(
        f"--asr {folder}: no model in this folder.",
        "Expected .onnx files with vocab.txt and config.json (onnx-asr), or model.bin "
        "(faster-whisper).",
    )


def _need(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(
            f"--asr needs the package {package} for this model, which is not installed.",
            f"Install it with: {install_line('asr')}"
            if package == "onnx-asr"
            else f"Install it with: pip install {package}",
        )


def transcribe(recording: Recording, voices: Sequence[ChannelActivity], plan: Plan) -> Transcript:
    """Recognise every channel of a recording.

    Parameters
    ----------
    recording : Recording
        Open; read one stretch at a time.
    voices : sequence of ChannelActivity
        Voice activity per channel.
    plan : Plan

    Returns
    -------
    Transcript
        One turn per stretch, with its channel and without roles; words have times where the
        model gives them.
    """
    recogniser = load(plan.model, download=plan.download)
    language = "" if plan.language == "auto" else plan.language
    cached = None
    if plan.cache is not None:
        key = "\n".join([content_hash(recording.path), recogniser.digest, language, "1"])
        cached = plan.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        if (known := _read(cached, sealed=True)) is not None:
            return known
    turns: list[Turn] = []
    for channel, voice in enumerate(voices):
        turns += _channel(recording, channel, voice, recogniser, language)
    turns.sort(key=lambda t: (t.start_s, t.channel))
    made = Transcript(tuple(turns), f"{RECOGNISED} {Path(plan.model).name}", language)
    if cached is None:
        return made
    _keep(made, cached)
    return _read(cached, sealed=True) or made  # what a later run will read, to the last digit


def _channel(
    recording: Recording,
    channel: int,
    voice: ChannelActivity,
    recogniser: Recogniser,
    language: str,
) -> list[Turn]:
    from soxr import resample

    end_s = recording.info.duration_s
    out = []
    for start, stop in stretches(voice.speech):
        low, high = max(0.0, start - PAD_S), min(end_s, stop + PAD_S)
        sound = recording.read(low, high, channel)
        if recording.info.sr_hz != SR_HZ:
            sound = resample(sound, recording.info.sr_hz, SR_HZ)
        (said,) = recogniser([np.ascontiguousarray(sound, dtype=np.float32)], language)
        if not said.text:
            continue
        words = tuple(Word(w.text, w.start_s + low, w.end_s + low) for w in said.words)
        span = (words[0].start_s, words[-1].end_s) if words else (start, stop)
        out.append(Turn(*span, said.text, "unknown", words, channel))
    return out


def stretches(speech: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Join voice activity over short pauses, and cut what is longer than a recogniser takes.

    Parameters
    ----------
    speech : ndarray [shape=(k, 2)]
        Seconds, sorted.

    Returns
    -------
    list of (start_s, end_s)
        None longer than `LONGEST_S`; cut at pauses where there are any.
    """
    out: list[tuple[float, float]] = []
    for start, end in speech.tolist():
        # A pause short enough to bridge, and room for both: go on with the stretch.
        if out and start - out[-1][1] <= JOIN_S and end - out[-1][0] <= LONGEST_S:
            out[-1] = (out[-1][0], end)
            continue
        pieces = int(np.ceil((end - start) / LONGEST_S)) or 1
        edges = np.linspace(start, end, pieces + 1).tolist()
        out.extend(pairwise(edges))
    return out


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


def forget(out: Path, call_ids: Iterable[str]) -> None:
    """Remove recognised words of calls from a run's folder.

    What is cached does not say of which call it is: all of it goes, and is recognised again when it
    is needed. A transcript that was not recognised here is somebody's own, and stays.
    """
    from prosody.results import parquet

    parquet.remove(out / CACHE)
    for path in {place(out, call_id) for call_id in call_ids}:
        found = _read(path)
        if found is not None and found.source.startswith(RECOGNISED):
            path.unlink()


def forget_all(out: Path) -> list[str]:
    """Remove everything that was recognised from a run's folder; returns what was there."""
    from prosody.results import parquet

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


def _keep(transcript: Transcript, path: Path) -> None:
    """Write to the cache, with a hash: another letter on the disk would be another word."""
    from prosody.results.records import plain
    from prosody.results.write import write_json

    kept = plain(as_dict(transcript))
    write_json(path, {**kept, "sha256": _seal(kept)})


def write(transcript: Transcript, path: Path) -> None:
    """Write a transcript, whole or not at all."""
    from prosody.results.write import write_json

    write_json(path, as_dict(transcript))


def _read(path: Path, *, sealed: bool = False) -> Transcript | None:
    """Return a transcript from the cache; None where there is none, or it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if sealed and data.pop("sha256") != _seal(data):
            return None
        turns = tuple(
            Turn(
                s["start"],
                s["end"],
                s["text"],
                "unknown",
                tuple(Word(w["word"], w["start"], w["end"]) for w in s["words"]),
                s["channel"],
            )
            for s in data["segments"]
        )
        return Transcript(turns, data["source"], data["language"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
