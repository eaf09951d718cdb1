"""Words from sound: word errors, apologies found and what it costs, with a model that is here.

``python -m benchmarks asr`` takes the best recogniser on this machine (``--model NAME`` or a
folder: another) and recognises calls whose words are known, through
`prosody.examine.recognise`:

- ``prompts``: English telephone prompts (Debian's asterisk-core-sounds-en-wav, one voice),
- ``lines``: acted Dutch lines (Debian's fillets-ng-data-nl, two voices), at 8 kHz,
- ``harpervalley``: English telephone role plays between people (``../shared``), both sides.

Prompts and lines are put into calls of ten, with pauses of about a second. The limits that refuse
words as evidence were chosen on calls that are not among these (every second of the first eight of
either language, and the first four role plays). The word error rate is the Levenshtein distance
over words (lower case, no punctuation) over the number of words that were said; an apology is found
where the lexicon finds one in what was recognised of a line, as it does in its text.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from prosody.audio import activity
from prosody.errors import UsageError
from prosody.examine import recognise
from prosody.language import acts, lexicon
from prosody.transcripts import recognisers
from prosody.transcripts.turns import Turn

HARPER = "harpervalley"
PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
FILLETS = Path("/usr/share/games/fillets-ng")
SR_HZ = 8000
A_CALL = 10


@dataclass(frozen=True, slots=True)
class Line:
    """What is said in one file."""

    path: Path
    text: str


def prompts() -> list[Line]:
    """Return English prompts of at least four words, with their texts."""
    if not PROMPT_TEXTS.is_file():
        return []
    out = []
    for line in gzip.decompress(PROMPT_TEXTS.read_bytes()).decode(errors="replace").splitlines():
        name, _, text = line.partition(":")
        path = PROMPTS / f"{name.strip()}.wav"
        text = re.sub(r"[\[(].*?[\])]", "", text).strip()
        if not line.startswith(";") and path.is_file() and len(text.split()) >= 4:
            out.append(Line(path, text))
    return out


def acted() -> list[Line]:
    """Return acted Dutch lines of at least three words, with their texts."""
    pair = re.compile(r'dialogId\("([^"]+)".*?\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)', re.DOTALL)
    out = []
    for script in sorted(FILLETS.glob("script/*/dialogs_nl.lua")):
        text = script.read_text(encoding="utf-8", errors="replace")
        for name, said in pair.findall(text):
            path = FILLETS / "sound" / script.parent.name / "nl" / f"{name}.ogg"
            if path.is_file() and len(said.split()) >= 3:
                out.append(Line(path, said.replace("\\", "")))
    return out


def plain(text: str) -> list[str]:
    """Return words in lower case without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the Levenshtein distance over words."""
    row = np.arange(len(heard) + 1)
    for i, word in enumerate(said, start=1):
        wrong = np.array([word != other for other in heard], dtype=int)
        best = np.minimum(row[1:] + 1, row[:-1] + wrong)
        new = np.concatenate([[i], best])
        # What is inserted costs one a word: a running minimum along the row.
        steps = np.arange(len(new))
        row = np.minimum.accumulate(new - steps) + steps
    return int(row[-1])


def apologises(text: str, language: str) -> bool:
    """Return whether the lexicon finds an apology in one utterance."""
    found = acts.find([Turn(0.0, 5.0, text, "agent")], language)
    return any(a.kind == "apology" for a in found)


def samples(path: Path) -> np.ndarray:
    """Return the first channel of a file at 8 kHz."""
    import soundfile
    from soxr import resample

    y, sr = soundfile.read(path, dtype="float32", always_2d=True)
    return y[:, 0] if sr == SR_HZ else resample(y[:, 0], sr, SR_HZ)


def channel(y: np.ndarray) -> recognise.Channel:
    """Return what is recognised of one channel of samples at 8 kHz."""
    return recognise.Channel(
        activity.speech(y, SR_HZ),
        lambda a, b: y[round(a * SR_HZ) : round(b * SR_HZ)],
        SR_HZ,
        len(y) / SR_HZ,
    )


def assembled(lines: Sequence[Line]) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Put lines into one call with pauses of about a second; returns samples and where each is."""
    rng = np.random.default_rng(1)
    parts, spans, at = [], [], 0
    for line in lines:
        pause = rng.normal(0, 1e-4, round(SR_HZ * rng.uniform(0.7, 1.5))).astype(np.float32)
        y = samples(line.path)
        parts += [pause, y]
        spans.append(((at + len(pause)) / SR_HZ, (at + len(pause) + len(y)) / SR_HZ))
        at += len(pause) + len(y)
    return np.concatenate(parts), spans


def calls(lines: Sequence[Line], wanted: int) -> list[list[Line]]:
    """Put lines into calls; those on which limits were chosen are left out."""
    seen = {line.path for k in range(4) for line in lines[2 * k :: 8][:A_CALL]}
    rest = [line for line in lines if line.path not in seen]
    sorry = [line for line in rest if "sorry" in line.text.lower() or "apolog" in line.text.lower()
             or "spijt" in line.text.lower() or "pardon" in line.text.lower()]  # fmt: skip
    step = max(1, len(rest) // (wanted * A_CALL))
    others = [line for line in rest[::step] if line not in sorry]
    chosen = others[: wanted * A_CALL - len(sorry)]
    for i, line in enumerate(sorry):
        chosen.insert(i * max(1, len(chosen) // max(1, len(sorry))), line)
    return [chosen[i : i + A_CALL] for i in range(0, len(chosen), A_CALL)][:wanted]


class Tally:
    """Adds up what became of calls."""

    def __init__(self) -> None:
        self.n: Counter[str] = Counter()
        self.poor: Counter[str] = Counter()

    def call(
        self, found: recognise.Recognised, language: str, took_s: float, length_s: float
    ) -> None:
        """Add one call."""
        self.n.update(calls=1, cpu=took_s, speech=found.speech_s, length=length_s)
        self.n["right"] += found.transcript.language == language
        self.poor[found.poor or "evidence"] += 1

    def words(self, said: str, heard: str) -> None:
        """Add words that were said, and what was recognised of them."""
        self.n["errors"] += distance(plain(said), plain(heard))
        self.n["words"] += len(plain(said))

    def line(self, said: str, heard: str, language: str) -> None:
        """Add whether an apology was found."""
        kind = "sorry" if apologises(said, language) else "other"
        self.n[kind] += 1
        self.n[f"{kind}_found"] += apologises(heard, language)

    def row(self) -> dict[str, Any]:
        """Return the figures."""
        n = self.n
        out = {
            "calls": n["calls"],
            "words": n["words"],
            "word_error_rate": round(n["errors"] / max(1, n["words"]), 3),
            "language_settled_right": n["right"],
            "taken_as": dict(self.poor),
            "cpu_s_per_min_of_speech": round(60 * n["cpu"] / max(1.0, n["speech"]), 1),
            "cpu_s_per_min_of_call": round(60 * n["cpu"] / max(1.0, n["length"]), 1),
        }
        if n["sorry"] or n["other"]:
            out |= {"apologies_in_the_text": n["sorry"], "apologies_found": n["sorry_found"],
                    "other_lines": n["other"], "false_apologies": n["other_found"]}  # fmt: skip
        return out


def of_lines(
    every: Sequence[Line], model: recognise.Recogniser, language: str, wanted: int
) -> tuple[dict[str, Any], list[Path]]:
    """Recognise calls made of lines. What is no evidence is counted with all its words."""
    tally, files = Tally(), []
    for lines in calls(every, wanted):
        y, spans = assembled(lines)
        start = time.process_time()
        found = recognise.recognise([channel(y)], model, known=lexicon.languages())
        tally.call(found, language, time.process_time() - start, len(y) / SR_HZ)
        words = [w for t in found.transcript.turns for w in t.words]
        for line, (a, b) in zip(lines, spans, strict=True):
            mine = [w.text for w in words if a - 0.3 <= (w.start_s + w.end_s) / 2 < b + 0.3]
            tally.words(line.text, " ".join(mine))
            tally.line(line.text, " ".join(mine), language)
        files += [line.path for line in lines]
    return tally.row(), files


def of_people(
    folder: Path, model: recognise.Recogniser, wanted: int
) -> tuple[dict[str, Any], list[Path]]:
    """Recognise role plays between people: both sides together."""
    tally, files = Tally(), []
    for path in sorted((folder / "agent").glob("*.wav"))[4:][:wanted]:
        sides = {role: samples(folder / role / path.name) for role in ("agent", "caller")}
        start = time.process_time()
        found = recognise.recognise(
            [channel(y) for y in sides.values()], model, known=lexicon.languages()
        )
        longest = max(map(len, sides.values())) / SR_HZ
        tally.call(found, "en", time.process_time() - start, longest)
        said = json.loads((folder / "transcript" / f"{path.stem}.json").read_text("utf-8"))
        for number, role in enumerate(sides):
            human = " ".join(t["human_transcript"] for t in said if t["speaker_role"] == role)
            heard = [t.text for t in found.transcript.turns if t.channel == number]
            tally.words(re.sub(r"\[.*?\]|<.*?>", "", human), " ".join(heard))
        files.append(path)
    return tally.row(), files


def main(argv: list[str]) -> int:
    """Run the benchmark; skipped without a model or without the texts."""
    asked = argv.pop(argv.index("--model") + 1) if "--model" in argv else ""
    argv = [a for a in argv if a != "--model"]
    args = common.arguments(argv, __doc__)
    try:
        folder = _folder(asked)
    except UsageError as error:
        raise common.Skip(str(error)) from error
    card = recognisers.card_of(folder)
    model = recognise.load(folder, card.name if card else folder.name)
    wanted = 2 if args.quick else 8
    results: dict[str, Any] = {}
    files: list[Path] = []
    for name, language, lines in (("prompts", "en", prompts()), ("lines", "nl", acted())):
        if lines:
            results[name], more = of_lines(lines, model, language, wanted)
            files += more
            print(name, results[name])
    if (args.data / HARPER).is_dir():
        results[HARPER], more = of_people(args.data / HARPER, model, wanted)
        files += more
        print(HARPER, results[HARPER])
    if not results:
        raise common.Skip("neither asterisk-core-sounds-en(-wav) nor fillets-ng-data(-nl) is here")
    told = {"model": model.name, "device": model.device, "memory_mb": round(_rss_bytes() / 1e6)}
    common.write("asr", args, {**told, **results}, files)
    return 0


def _rss_bytes() -> int:
    """Return the memory of this process, in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def _folder(asked: str) -> Path:
    if not asked:
        return recognisers.best_here()[1]
    if Path(asked).is_dir():
        return Path(asked)
    card = recognisers.find(asked)
    if (folder := recognisers.where(card)) is None:
        raise UsageError(f"{card.name} is not here.", f"prosody recognisers get {card.name}")
    return folder
