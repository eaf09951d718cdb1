"""Words from sound: word errors and apologies found with a recogniser from a folder.

``python -m benchmarks asr --model DIR`` recognises prompts (English, Debian's
asterisk-core-sounds-en, 8 kHz) and acted lines (Dutch,
fillets-ng-data-nl) whose texts are known, through the code of ``prosody analyze --asr``. The word
error rate is the Levenshtein distance over words (lower case, no punctuation) over the number of
words in the text; "apologies found" asks whether the
lexicon finds an apology in what was recognised where it finds one in the text.
"""

from __future__ import annotations

import gzip
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import common
from prosody.audio.activity import activity_of
from prosody.audio.recording import Recording
from prosody.language import acts
from prosody.transcripts import recognise as asr
from prosody.transcripts.turns import Turn

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
FILLETS = Path("/usr/share/games/fillets-ng")
LIMIT = 150
ENGLISH_APOLOGIES = ("im-sorry", "sorry", "vm-sorry", "sorry-youre-having-problems",
                     "followme/sorry")  # fmt: skip
DUTCH_APOLOGIES = ("sch-m-moc0", "sch-m-moc1", "k1-v-promin", "ka2-v-napad", "bar-m-promin",
                   "m-nedame0", "nacekala-m", "shoot-1")  # fmt: skip


def prompts() -> Iterator[tuple[Path, str, bool]]:
    """Yield English prompts: file, text, whether it is one of the apologies."""
    if not PROMPT_TEXTS.is_file():
        return
    for line in gzip.decompress(PROMPT_TEXTS.read_bytes()).decode(errors="replace").splitlines():
        name, _, text = line.partition(":")
        path = PROMPTS / f"{name.strip()}.wav"
        if not line.startswith(";") and path.is_file() and len(text.split()) >= 2:
            yield path, re.sub(r"[\[(].*?[\])]", "", text), name.strip() in ENGLISH_APOLOGIES


def lines() -> Iterator[tuple[Path, str, bool]]:
    """Yield acted Dutch lines: file, text, whether it is one of the apologies."""
    pair = re.compile(r'dialogId\("([^"]+)".*?\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)', re.DOTALL)
    for script in sorted(FILLETS.glob("script/*/dialogs_nl.lua")):
        text = script.read_text(encoding="utf-8", errors="replace")
        for name, said in pair.findall(text):
            path = FILLETS / "sound" / script.parent.name / "nl" / f"{name}.ogg"
            if path.is_file() and len(said.split()) >= 3:
                yield path, said.replace("\\", ""), name in DUTCH_APOLOGIES


def plain(text: str) -> list[str]:
    """Return words in lower case without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def distance(said: list[str], heard: list[str]) -> int:
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


def recognise(items: list[tuple[Path, str, bool]], model: str, language: str) -> dict[str, object]:
    """Recognise files with known texts and compare."""
    errors = total = 0
    audio_s = took_s = 0.0
    hits = wanted = false = others = 0
    for path, text, _ in items:
        with Recording(path) as recording:
            voices = activity_of(recording)[:1]
            audio_s += recording.info.duration_s
            start = time.process_time()
            made = asr.transcribe(recording, voices, asr.Plan(model, language))
            took_s += time.process_time() - start
        heard = " ".join(t.text for t in made.turns)
        said = plain(text)
        errors += distance(said, plain(heard))
        total += len(said)
        if apologises(text, language):
            wanted += 1
            hits += apologises(heard, language)
        else:
            others += 1
            false += apologises(heard, language)
    return {"files": len(items), "words": total, "word_error_rate": round(errors / total, 3),
            "apologies_in_the_text": wanted, "apologies_found": hits,
            "other_lines": others, "false_apologies": false,
            "x_real_time": round(audio_s / took_s, 1)}  # fmt: skip


def main(argv: list[str]) -> int:
    """Run the benchmark; skipped without a model or without the texts."""
    model = argv.pop(argv.index("--model") + 1) if "--model" in argv else ""
    argv = [a for a in argv if a != "--model"]
    args = common.arguments(argv, __doc__)
    if not model:
        raise common.Skip("no model: give --model DIR (onnx-asr or faster-whisper)")
    limit = 30 if args.quick else LIMIT
    results, files = {}, []
    for language, source in (("en", prompts()), ("nl", lines())):
        every = list(source)
        if not every:
            print(f"{language}: the package with the recordings is not installed", file=sys.stderr)
            continue
        step = max(1, len(every) // limit)
        chosen = [item for i, item in enumerate(every) if i % step == 0 or item[2]]
        results[language] = recognise(chosen, model, language)
        files += [path for path, _, _ in chosen]
        print(language, results[language])
    if not results:
        raise common.Skip("neither asterisk-core-sounds-en(-wav) nor fillets-ng-data(-nl) is here")
    common.write("asr", args, {"model": Path(model).name, **results}, files)
    return 0
