"""Tempo against truth: clicks, synthesised speech of known rate, and the word times of calls.

- ``clicks``: bursts of noise at 2 to 8 a second, in silence and in noise, at 8 and 16 kHz; the
  error of loudness peaks per second.
- ``synthesis``: espeak-ng speaks Dutch and English sentences at seven rates; the truth is the
  number of syllables in its own phonemes over the time it speaks. Given are the error of loudness
  peaks per second, and its correlation with the truth.
- ``calls``: agent turns of HarperValley of at least 1.5 s; the truth is the syllables of the
  (machine-made) transcript over the time from first to last word; once for loudness peaks, which
  know no words.
- ``counter``: the syllable counter for written words against the syllables espeak-ng pronounces.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Sound = NDArray[np.float32]
RATES_WPM = (110, 130, 150, 175, 200, 230, 260)
SENTENCES = {
    "en": (
        "I am really sorry about the delay of your delivery.",
        "Let me check that for you and call you back before noon.",
        "We apologise for the inconvenience this has caused.",
        "Your new card will be sent to your home address on Monday.",
        "Could you please give me your account number once again?",
        "The technician came by at ten but nobody opened the door.",
    ),
    "nl": (
        "Het spijt mij oprecht dat uw bestelling nog niet binnen is.",
        "Ik zoek het even voor u op en bel u vanmiddag terug.",
        "Onze excuses voor het ongemak dat u heeft gehad.",
        "De nieuwe pas wordt maandag naar uw huisadres gestuurd.",
        "Mag ik uw klantnummer en uw postcode nog een keer noteren?",
        "De monteur stond om tien uur voor de deur maar er was niemand.",
    ),
}
VOWELS = {
    "en": re.compile(r"(?:iə|aɪ|aʊ|eɪ|oʊ|əʊ|ɔɪ|ɪə|eə|ʊə|aɪə|[aɐɑɒæʌəɚɛɜeɪiɔoʊu])[ːɹ]?|(?:l̩|n̩)"),
    "nl": re.compile(r"(?:ɛɪ|ʌʊ|œy|ʌy|ɔʏ|[aɑɛeəɪiɔoʏøuyœɵʌ])ː?"),
}
WORDS_NL = """
adres afspraak annuleren avond bedankt bedrag begrijp bel bestelling betaling binnen collega
dat de deur en euro even excuses factuur februari gehad geld gestuurd gisteren het huisadres
ik internet is januari klacht klantnummer levering maandag maar manager melding meneer
mevrouw mij mogelijk moment monteur morgen naar natuurlijk niemand niet nieuwe nog noteren
nummer ochtend ongemak onze op oplossing opnieuw oprecht pakket pas postcode probleem
rekening spijt stond straat telefoon terug terugstorten u uw vandaag vanmiddag verbinding
verontschuldigingen vervelend verzekering voor vriendelijk wachten woensdag wordt zaterdag
zoek zondag
"""


def espeak(*options: str) -> str:
    """Run espeak-ng and return what it prints."""
    return subprocess.run(
        ["espeak-ng", *options], check=True, capture_output=True, text=True
    ).stdout


def pronounced(text: str, language: str) -> int:
    """Return the syllables in espeak-ng's phonemes of a text."""
    ipa = espeak("-q", "--ipa", "-v", language, text).replace("ˈ", "").replace("ˌ", "")
    return len(VOWELS[language].findall(ipa))


def spoken(text: str, language: str, wpm: int) -> tuple[Sound, int]:
    """Return espeak-ng's speech without the silence around it."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "say.wav"
        espeak("-v", language, "-s", str(wpm), "-w", str(path), text)
        y, sr = soundfile.read(path, dtype="float32")
    loud = np.flatnonzero(np.abs(y) > 0.01 * np.abs(y).max())
    return y[loud[0] : loud[-1] + 1], sr


def score(found: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """Return bias, mean absolute error, relative error and correlation of a rate."""
    error = found - truth
    varies = len(truth) > 2 and truth.std() > 0
    return {
        "n": len(truth),
        "truth_per_s": round(float(truth.mean()), 3),
        "bias_per_s": round(float(error.mean()), 3),
        "mean_abs_error_per_s": round(float(np.abs(error).mean()), 3),
        "relative_error": round(float(np.mean(np.abs(error) / truth)), 3),
        "r": round(float(np.corrcoef(found, truth)[0, 1]), 3) if varies else float("nan"),
    }


def peaks(sounds: list[Sound], sr: int) -> NDArray[np.float64]:
    """Return loudness peaks per second."""
    from prosody.measures.measure import measure
    from prosody.measures.table import ACOUSTIC

    return measure(sounds, sr)[:, ACOUSTIC.index("loudness_peaks_per_s")]


def clicks() -> dict[str, Any]:
    """Count bursts of 60 ms at known rates."""
    rng = np.random.default_rng(1)
    found = {}
    for sr in (8000, 16000):
        for level in (0.0, 0.01):
            rates = np.arange(2.0, 8.5, 0.5)
            sounds = []
            for rate in rates:
                t = np.arange(5 * sr) / sr
                on = (t * rate + 0.3) % 1 < 0.06 * rate
                sounds.append((0.2 * on + level) * rng.standard_normal(len(t)))
            name = f"{sr // 1000} kHz, {'in noise of -26 dB' if level else 'in silence'}"
            found[name] = score(peaks([s.astype(np.float32) for s in sounds], sr), rates)
    return found


def synthesis() -> dict[str, Any]:
    """Compare loudness peaks with the syllables that espeak-ng speaks."""
    found = {}
    for language, sentences in SENTENCES.items():
        counts = {text: pronounced(text, language) for text in sentences}
        said = [(text, *spoken(text, language, w)) for text in sentences for w in RATES_WPM]
        sr = said[0][2]
        truth = np.array([counts[text] * sr / len(y) for text, y, _ in said])
        found[f"{language}, {sr} Hz"] = score(peaks([y for _, y, _ in said], sr), truth)
    return found


def calls(folder: Path) -> tuple[dict[str, Any], list[Path]]:
    """Compare loudness peaks, and rates from words, with the word times of calls."""
    from prosody.measures.tempo import SpokenWords
    from prosody.transcripts.turns import Word

    sounds, speech, articulation, files = [], [], [], []
    for y, sr, own, both in common.agents(folder):
        files += both
        for turn in own:
            texts = turn["transcript"].split()
            if len(texts) != len(turn["word_offsets_ms"]):
                continue
            times = zip(texts, turn["word_offsets_ms"], turn["word_durations_ms"], strict=True)
            start = turn["start_ms"] / 1000
            words = [Word(w, start + o / 1000, start + (o + d) / 1000) for w, o, d in times]
            if not words or words[-1].end_s - words[0].start_s < 1.5:
                continue
            rates = SpokenWords(words, "en").rates((words[0].start_s, words[-1].end_s))
            sounds.append(y[round(words[0].start_s * sr) : round(words[-1].end_s * sr)])
            speech.append(rates.speech_rate_syll_per_s)
            articulation.append(rates.articulation_rate_syll_per_s)
    if not sounds:
        return {}, []
    rate = peaks(sounds, 8000)
    return {
        "loudness peaks and speech rate": score(rate, np.array(speech)),
        "loudness peaks and articulation rate": score(rate, np.array(articulation)),
    }, files


def counter(folder: Path) -> dict[str, Any]:
    """Compare the syllable counter with espeak-ng's phonemes, word by word."""
    from prosody.measures.tempo import syllables

    scripts = sorted((folder / "transcript").glob("*.json"))
    turns = [t for s in scripts for t in json.loads(s.read_text(encoding="utf-8"))]
    texts = " ".join(t["human_transcript"] for t in turns).lower().split()
    english = sorted({w for w in texts if re.fullmatch(r"[a-z']+", w)})
    found = {}
    for language, words in (("en", english), ("nl", WORDS_NL.split())):
        if not words:
            continue
        truth = np.array([pronounced(w, language) for w in words])
        ours = np.array([syllables(w, language) for w in words])
        wrong = [f"{w} {a} for {b}" for w, a, b in zip(words, ours, truth, strict=True) if a != b]
        found[language] = {
            "words": len(words),
            "same": round(float(np.mean(ours == truth)), 3),
            "sum_ratio": round(float(ours.sum() / truth.sum()), 4),
            "differ": wrong[:40],
        }
    return found


def main(argv: list[str]) -> int:
    """Run the four comparisons, print and write them."""
    args = common.arguments(argv, __doc__)
    results: dict[str, Any] = {"clicks": clicks()}
    skipped = {}
    results["calls"], files = calls(args.data / "harpervalley")
    if shutil.which("espeak-ng"):
        results["synthesis"] = synthesis()
        results["counter"] = counter(args.data / "harpervalley")
        results["espeak_ng"] = espeak("--version").split("Data")[0].strip()
    else:
        skipped["synthesis, counter"] = "espeak-ng is not installed (apt-get install espeak-ng)"
    for name in ("clicks", "synthesis", "calls"):
        if results.get(name):
            print(f"\n{name}")
            print(common.table([{"what": k, **v} for k, v in results[name].items()]))
    for language, figures in results.get("counter", {}).items():
        print(f"counter {language}: {figures}")
    common.write("tempo", args, results, files, skipped=skipped)
    return 0
