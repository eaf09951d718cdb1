"""Words from sound, for recordings without a transcript.

`recognise` takes the channels of one call and a model, and gives a transcript and what can be said
for it: how sure the model was, and how much of the speech it made no credible words of. It does not
care who calls it, reads one stretch of sound after another, and fetches nothing. `load` opens a
model from a folder; `prosody.transcripts.recognisers` knows which there are.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from prosody.errors import MissingExtraError, UsageError
from prosody.language.lexicon import guess
from prosody.transcripts import recognisers
from prosody.transcripts.turns import Transcript, Turn, Word

SR_HZ: Final = 16_000
# How the source of a transcript is called that was made here.
RECOGNISED = "recognised by"
# Recognisers lose their way beyond this (onnx-asr's README names 20 to 30 s).
LONGEST_S = 20.0
JOIN_S = 0.6  # pauses shorter than this stay inside a stretch
PAD_S = 0.2  # words may begin softly, before voice activity says so
# Sound that is recognised at once: more makes better use of a core, and takes more memory.
BATCH_S = 120.0
# The language is told from this much of the longest stretches of each channel.
CLEAREST_S = 28.0
# What is no evidence (see `doubt` and `_poor`). Nobody says more words a second than this, or in a
# long stretch of speech fewer; nobody says one word, or several, so many times on end.
MOST_WORDS_PER_S, LEAST_WORDS_PER_S, LONG_S = 8.0, 0.3, 6.0
LOOPS_OF_ONE, LOOPS = 10, 4
# The probability that a model gives its own words, as a geometric mean: over a stretch, and over a
# call. Chosen on calls recognised with Whisper base: English 0.75 and more (0 to 26 % of the words
# wrong), acted Dutch 0.50 to 0.58 (50 to 58 % wrong). benchmarks/asr.py counts on other calls.
LEAST_SURE, LEAST_SURE_CALL = 0.40, 0.65
# The words of a call are no evidence where more of its speech than this is doubtful.
MOST_DOUBTFUL = 0.3
# Of the words of either language a good third are function words; of no language, few.
LEAST_FUNCTION_WORDS, ENOUGH_WORDS = 0.15, 30
BEAM = 5
ONNX_FILES = ".onnx files with vocab.txt and config.json, as onnx-asr's model pages offer them"
WHISPER_FILES = (
    "model.bin, config.json, tokenizer.json and a vocabulary, as faster-whisper reads them"
)
# Of these kinds onnx-asr gives no time of any word. Spread over their stretch, words of telephone
# role plays are off by .17 s in the median and .70 s in one of ten, and 28 % of windows of three
# words lie mostly beside them; taken whole, a stretch is three to five times an apology's length.
NO_TIMES = ("whisper", "whisper-ort", "nemo-conformer-aed")
GPUS = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "ROCMExecutionProvider",
        "DmlExecutionProvider", "CoreMLExecutionProvider")  # fmt: skip
# A token that no other follows lasts about as long as it would take to say.
TOKEN_S, LETTER_S = 0.08, 0.05

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a call: where somebody speaks, and how to read it.

    ``speech`` holds start and end of stretches, seconds, shape (k, 2); ``read`` returns the samples
    from one time to another at ``sr_hz``; ``end_s`` is the channel's length.
    """

    speech: NDArray[np.float64]
    read: Callable[[float, float], Sound]
    sr_hz: int
    end_s: float

    def at(self, low_s: float, high_s: float, sr_hz: int = SR_HZ) -> Sound:
        """Return the samples from one time to another, at the rate that a model wants."""
        from soxr import resample

        sound = self.read(low_s, high_s)
        if self.sr_hz != sr_hz:
            sound = resample(sound, self.sr_hz, sr_hz)
        return np.ascontiguousarray(sound, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was recognised in one sound.

    ``words`` is empty where the model has no times. ``logprobs`` are the natural logarithms of the
    probability that the model gave each of its words (or tokens); empty where it does not tell.
    """

    text: str
    words: tuple[Word, ...] = ()
    logprobs: tuple[float, ...] = ()

    @property
    def logprob(self) -> float:
        """Mean of ``logprobs``; NaN where the model does not tell."""
        return float(np.mean(self.logprobs)) if self.logprobs else math.nan


class Recogniser(Protocol):
    """A loaded model: turns 16 kHz sounds into words with times from the start of each.

    ``window_s`` is how much it hears whatever it is given (a Whisper model: 30 s), 0 where the work
    grows with the sound; ``device`` is where it runs.
    """

    name: str
    digest: str
    device: str
    window_s: float

    def languages(self, sounds: Sequence[Sound]) -> dict[str, float]:
        """Return how probable each language is; empty where the model cannot tell."""
        ...

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        """Recognise sounds; ``language`` is '' where it is not known."""
        ...


# --- which sound is recognised together ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of one channel, with the little before and after it that is read, too."""

    channel: int
    start_s: float
    end_s: float
    low_s: float
    high_s: float


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
        out.extend(itertools.pairwise(edges))
    return out


def _pieces(channels: Sequence[Channel]) -> list[_Piece]:
    out = []
    for number, channel in enumerate(channels):
        found = stretches(channel.speech)
        for i, (start, end) in enumerate(found):
            # Nothing is read twice: of a pause between two stretches each gets at most its half.
            before = found[i - 1][1] if i else 0.0
            after = found[i + 1][0] if i + 1 < len(found) else channel.end_s
            low = max(start - PAD_S, (start + before) / 2 if i else 0.0)
            high = min(end + PAD_S, (end + after) / 2 if i + 1 < len(found) else channel.end_s)
            out.append(_Piece(number, start, end, low, high))
    return out


def _packs(pieces: Sequence[_Piece], window_s: float) -> list[list[_Piece]]:
    """Put stretches of a channel together for a model that always hears a whole window."""
    out: list[list[_Piece]] = []
    filled = 0.0
    for piece in pieces:
        length = piece.high_s - piece.low_s
        if out and out[-1][0].channel == piece.channel and filled + length <= window_s - 2.0:
            out[-1].append(piece)
            filled += length
        else:
            out.append([piece])
            filled = length
    return out


def _batches(packs: Sequence[list[_Piece]], least_s: float) -> Iterator[list[list[_Piece]]]:
    """Group packs of both channels, alike in length, into what is recognised at once."""
    batch: list[list[_Piece]] = []
    for pack in sorted(packs, key=lambda p: -sum(x.high_s - x.low_s for x in p)):
        longest = max(sum(x.high_s - x.low_s for x in (batch or [pack])[0]), least_s)
        if batch and (len(batch) + 1) * longest > BATCH_S:
            yield batch
            batch = []
        batch.append(pack)
    if batch:
        yield batch


# --- recognising --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recognised:
    """The words of one call.

    ``transcript`` has one turn per stretch, with its channel and without roles; stretches that are
    no evidence are not among them. ``doubts`` holds the seconds of those, by reason (`doubt`);
    ``speech_s`` is how much speech there was. ``poor`` says why the words of the whole call are no
    evidence, and is empty where they are: one of the reasons of `doubt`, ``other_language``,
    ``weak_language`` (the model errs too often in it), ``no_language``. ``apart`` is how far apart
    two voices on a single channel lie (`prosody.examine.two_voices`); NaN where that was not asked.
    """

    transcript: Transcript
    doubts: dict[str, float] = field(default_factory=dict)
    speech_s: float = 0.0
    poor: str = ""
    apart: float = math.nan


def recognise(
    channels: Sequence[Channel],
    recogniser: Recogniser,
    language: str = "",
    *,
    known: Sequence[str] = (),
    evidence: Sequence[str] | None = None,
) -> Recognised:
    """Recognise the channels of one call, together.

    Parameters
    ----------
    channels : sequence of Channel
    recogniser : Recogniser
    language : str
        The language of the call; '' settles it once, from the clearest speech of all channels.
    known : sequence of str
        Languages whose words mean something here: in another nothing is recognised.
    evidence : sequence of str, optional
        Languages in which this model's words may count; all by default.
    """
    pieces = _pieces(channels)
    speech_s = sum(p.end_s - p.start_s for p in pieces)
    source = f"{RECOGNISED} {recogniser.name}"
    chosen = language or settle(channels, pieces, recogniser)
    if known and chosen and chosen not in known:
        return Recognised(Transcript((), source, chosen), {}, speech_s, "other_language")
    spoken = _spoken(channels, pieces, recogniser, chosen)
    if not chosen:  # a model that cannot tell it: from its words, where they are clear
        code, _, clear = guess([s.text for s in spoken.values()])
        chosen = code if clear else ""
    doubts: dict[str, float] = {}
    turns = []
    for piece, one in spoken.items():
        seconds = piece.end_s - piece.start_s
        why = doubt(one, seconds)
        if why:
            doubts[why] = doubts.get(why, 0.0) + seconds
        elif one.text:
            span = (one.words[0].start_s, one.words[-1].end_s) if one.words else (
                piece.start_s, piece.end_s)  # fmt: skip
            turns.append(Turn(*span, one.text, "unknown", one.words, piece.channel))
    turns.sort(key=lambda t: (t.start_s, t.channel))
    sure = Spoken("", (), tuple(p for one in spoken.values() for p in one.logprobs)).logprob
    poor = _poor(turns, doubts, speech_s, sure, chosen, evidence)
    return Recognised(Transcript(tuple(turns), source, chosen), doubts, speech_s, poor)


def settle(channels: Sequence[Channel], pieces: Sequence[_Piece], recogniser: Recogniser) -> str:
    """Tell the language of a call from the longest stretches of all channels; '' where it cannot.

    One channel may hold next to nothing ("yes", "yes"): seconds of speech weigh.
    """
    sounds = []
    for number, channel in enumerate(channels):
        mine = sorted((p for p in pieces if p.channel == number), key=lambda p: p.start_s - p.end_s)
        lengths = np.cumsum([p.high_s - p.low_s for p in mine])
        chosen = mine[: max(1, int(np.sum(lengths <= CLEAREST_S)))]
        if chosen:
            sounds.append(np.concatenate([channel.at(p.low_s, p.high_s) for p in chosen]))
    chances = recogniser.languages(sounds) if sounds else {}
    return max(chances, key=lambda code: chances[code]) if chances else ""


def _spoken(
    channels: Sequence[Channel],
    pieces: Sequence[_Piece],
    recogniser: Recogniser,
    language: str,
) -> dict[_Piece, Spoken]:
    """Recognise all stretches; times are seconds from the start of the recording."""
    found: dict[_Piece, Spoken] = {}
    packs = _packs(pieces, recogniser.window_s) if recogniser.window_s else [[p] for p in pieces]
    for batch in _batches(packs, recogniser.window_s):
        sounds = [
            np.concatenate([channels[p.channel].at(p.low_s, p.high_s) for p in pack])
            for pack in batch
        ]
        for pack, said in zip(batch, recogniser(sounds, language), strict=True):
            found.update(_apart(pack, said))
    return {piece: found[piece] for piece in pieces}


def _apart(pack: Sequence[_Piece], said: Spoken) -> dict[_Piece, Spoken]:
    """Give the words of a pack to its stretches, each with times on the recording's clock."""
    ends = np.cumsum([p.high_s - p.low_s for p in pack])
    middles = [(w.start_s + w.end_s) / 2 for w in said.words]
    owner = np.minimum(np.searchsorted(ends, middles, side="right"), len(pack) - 1)
    out = {}
    for i, piece in enumerate(pack):
        shift = piece.low_s - (float(ends[i - 1]) if i else 0.0)
        mine = [j for j, whose in enumerate(owner) if whose == i]
        words = tuple(
            Word(
                said.words[j].text,
                min(max(said.words[j].start_s + shift, piece.low_s), piece.high_s),
                min(max(said.words[j].end_s + shift, piece.low_s), piece.high_s),
            )
            for j in mine
        )
        if len(pack) == 1:
            out[piece] = Spoken(said.text, words, said.logprobs)
        else:
            sure = tuple(said.logprobs[j] for j in mine)
            out[piece] = Spoken(" ".join(w.text for w in words), words, sure)
    return out


# --- what is no evidence ------------------------------------------------------------------------


def doubt(said: Spoken, seconds: float) -> str:
    """Return why the words of a stretch are no evidence; '' where nothing speaks against them.

    ``loops``: the same few words again and again, which Whisper models write over noise and music.
    ``rate``: more words than anybody says in that time, or next to none in long speech.
    ``unsure``: the model itself gives its words little probability.
    """
    words = re.findall(r"[\w']+", said.text.lower())
    if loops(words):
        return "loops"
    if words and len(words) / max(seconds, 0.5) > MOST_WORDS_PER_S:
        return "rate"
    if seconds >= LONG_S and len(words) / seconds < LEAST_WORDS_PER_S:
        return "rate"
    if said.logprob < math.log(LEAST_SURE):  # False where the model does not tell (NaN)
        return "unsure"
    return ""


def loops(words: Sequence[str]) -> bool:
    """Whether one to eight words stand there again and again, and hardly anything else."""
    for size in range(1, 9):
        least = LOOPS_OF_ONE if size == 1 else LOOPS
        if len(words) < size * least:
            break
        same = [a == b for a, b in zip(words, words[size:], strict=False)]
        longest = max((sum(1 for _ in run) for alike, run in itertools.groupby(same) if alike),
                      default=0)  # fmt: skip
        if longest + size >= size * least and longest + size >= len(words) / 2:
            return True
    return False


def _poor(
    turns: Sequence[Turn],
    doubts: Mapping[str, float],
    speech_s: float,
    sure: float,
    language: str,
    evidence: Sequence[str] | None,
) -> str:
    """Return why the words of a call are no evidence; '' where they are."""
    if evidence is not None and language and language not in evidence:
        return "weak_language"
    if sum(doubts.values()) > MOST_DOUBTFUL * speech_s:
        return max(doubts, key=lambda why: doubts[why])
    if sure < math.log(LEAST_SURE_CALL):
        return "unsure"
    texts = [t.text for t in turns]
    enough = sum(len(t.split()) for t in texts) >= ENOUGH_WORDS
    return "no_language" if enough and guess(texts)[1] < LEAST_FUNCTION_WORDS else ""


# --- models -------------------------------------------------------------------------------------


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


def session_options() -> Any:
    """Return the options of a network that leaves the other cores to other workers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


class _OnnxAsr:
    """A model that ``onnx-asr`` reads."""

    window_s = 0.0

    def __init__(self, folder: Path, name: str) -> None:
        import onnx_asr
        import onnxruntime

        providers = [p for p in onnxruntime.get_available_providers() if p in GPUS]
        nets = [p.name for p in folder.rglob("*.onnx") if not p.name.startswith("nemo")]
        try:
            self._model = onnx_asr.load_model(
                _kind(folder),
                folder,
                quantization="int8" if nets and all("int8" in n for n in nets) else None,
                sess_options=session_options(),
                providers=[*providers, "CPUExecutionProvider"],
            ).with_timestamps()
        except UsageError:
            raise
        except Exception as error:  # the library and onnxruntime raise many classes
            raise _unreadable(folder, error, ONNX_FILES) from error
        self.name, self.digest = name, recognisers.digest(folder)
        self.device = providers[0].removesuffix("ExecutionProvider") if providers else "CPU"

    def languages(self, sounds: Sequence[Sound]) -> dict[str, float]:
        return {}

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        out = []
        found = self._model.recognize(list(sounds), sample_rate=SR_HZ, language=language or None)
        for sound, got in zip(sounds, found, strict=True):
            tokens, times = got.tokens or [], got.timestamps or []
            end_s = len(sound) / SR_HZ
            words = words_of_tokens(tokens, times, end_s) if len(tokens) == len(times) else ()
            out.append(Spoken(" ".join(got.text.split()), words, tuple(got.logprobs or ())))
        return out


class _FasterWhisper:
    """A CTranslate2 Whisper model, with its own word times."""

    window_s = 30.0

    def __init__(self, folder: Path, name: str) -> None:
        import ctranslate2
        from faster_whisper import BatchedInferencePipeline, WhisperModel
        from tqdm import tqdm

        if not hasattr(tqdm, "_lock"):
            # faster-whisper makes a bar that it never shows, and the first bar of a process makes a
            # semaphore between processes: of a worker that is ended it would be left behind.
            tqdm.set_lock(threading.RLock())
        self.device = "cuda" if ctranslate2.get_cuda_device_count() else "CPU"
        try:
            self._model = WhisperModel(
                str(folder),
                device=self.device.lower(),
                compute_type="auto" if self.device == "cuda" else "int8",
                cpu_threads=1,
                local_files_only=True,
            )
        except Exception as error:
            raise _unreadable(folder, error, WHISPER_FILES) from error
        self._many = BatchedInferencePipeline(self._model)
        self.name, self.digest = name, recognisers.digest(folder)

    def languages(self, sounds: Sequence[Sound]) -> dict[str, float]:
        total: Counter[str] = Counter()
        for sound in sounds:
            for code, p in self._model.detect_language(sound)[2]:
                total[code] += p * len(sound)
        return dict(total)

    def __call__(self, sounds: Sequence[Sound], language: str) -> list[Spoken]:
        edges = np.concatenate([[0], np.cumsum([len(s) for s in sounds])]) / SR_HZ
        parts, _ = self._many.transcribe(
            np.concatenate(sounds),
            language=language or None,
            clip_timestamps=[{"start": a, "end": b} for a, b in itertools.pairwise(edges.tolist())],
            word_timestamps=True,
            batch_size=len(sounds),
            beam_size=BEAM,
            temperature=0.0,
        )
        words: list[list[Any]] = [[] for _ in sounds]
        for part in parts:
            # `start` is the first word's, which may lie before the sound; `seek` is the sound's.
            at_s = (part.seek + 1.01) / self._model.frames_per_second
            words[int(np.searchsorted(edges[1:-1], at_s, side="right"))] += part.words or ()
        return [
            Spoken(
                " ".join(w.word.strip() for w in mine),
                tuple(Word(w.word.strip(), w.start - edge, w.end - edge) for w in mine),
                tuple(math.log(max(w.probability, 1e-6)) for w in mine),
            )
            for mine, edge in zip(words, edges.tolist(), strict=False)
        ]


@lru_cache(maxsize=1)
def load(folder: Path, name: str = "") -> Recogniser:
    """Open a model.

    Parameters
    ----------
    folder : Path
        With the files of a model for onnx-asr (``.onnx``, ``config.json``, ``vocab.txt``) or for
        faster-whisper (``model.bin``).
    name : str
        How it is called in what is told; the folder's name by default.

    Raises
    ------
    MissingExtraError
        If the library that reads this model is not installed.
    UsageError
        If the folder holds no model, or one that cannot be read.
    """
    whisper = (folder / "model.bin").is_file()
    if not whisper and (kind := _kind(folder)) in NO_TIMES:
        raise UsageError(
            f"--asr {folder}: onnx-asr gives no times of the words of this kind of model ({kind}), "
            "so that nobody knows where to measure.",
            "Take Whisper as faster-whisper reads it, or Parakeet: prosody recognisers.",
        )
    library = "faster-whisper" if whisper else "onnx-asr"
    if not recognisers.is_installed(library):
        raise MissingExtraError(
            f"--asr {folder}: this model needs the package {library}, which is not installed.",
            f"Install it with: {recognisers.install_of(library)}",
        )
    # Both libraries can fetch what is missing; here nothing is fetched but by name.
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if whisper and not (folder / "tokenizer.json").is_file():
        raise _unreadable(folder, "tokenizer.json is missing", WHISPER_FILES)
    return (_FasterWhisper if whisper else _OnnxAsr)(folder, name or folder.name)


def _unreadable(folder: Path, why: object, expected: str) -> UsageError:
    return UsageError(f"--asr {folder}: cannot be loaded ({why}).", f"Expected {expected}.")


def _kind(folder: Path) -> str:
    """Return which of onnx-asr's kinds of model lies in a folder."""
    try:
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type", "")
    except (OSError, ValueError, AttributeError):
        kind = ""
    if isinstance(kind, str) and kind:
        return kind
    names = {p.name for p in folder.glob("*.onnx")}
    if any(n.startswith("decoder_joint") for n in names):
        return "nemo-conformer-tdt"
    if names:
        return "nemo-conformer-ctc"
    raise UsageError(
        f"--asr {folder}: no model in this folder.", f"Expected {ONNX_FILES}, or {WHISPER_FILES}."
    )
