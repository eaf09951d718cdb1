"""Tempo from the sound and, separately, from the syllables of words.

From the sound: loudness peaks (a proxy of the syllable rate), stretches with and without voice,
pauses. From the words of a transcript: speech and articulation rate and the length of "sorry".
The two never stand in for each other: a measure of words without word times is NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.measures.statistics import Doubles, Mask, Runs, Turns, Values, mean_sd
from prosody.transcripts.turns import Word

Counts = NDArray[np.int64]
LEAST_STRETCH_FRAMES = 3
"""Voice, or a gap in it, of less than 30 ms is the tracker's noise."""
PAUSE_S = 0.15
"""Shorter gaps are stops and devoiced stretches, not pauses."""
PAUSE_BELOW = 0.25
"""Of the way from the quiet (5th percentile) to the loud (95th) of a segment's loudness."""


def peak_rate(turns: Turns, runs: Runs, step_s: float) -> Doubles:
    """Return loudness peaks per second, a proxy of the syllable rate.

    Parameters
    ----------
    turns : Turns
        Turning points of the smoothed loudness.
    runs : Runs
        Of the loudness.
    step_s : float
        Seconds between two values.

    Returns
    -------
    ndarray [shape=(n,), float64]
        Peaks that rise and fall by a tenth of the range; NaN without frames.
    """
    peaks = np.bincount(turns.segment[turns.high], minlength=len(runs.count))
    return _rate(peaks, runs.count * step_s)


def _rate(number: NDArray[Any], amount: NDArray[Any]) -> Doubles:
    out = np.full(len(amount), np.nan)
    np.divide(number, amount, out=out, where=amount > 0)
    return out


def stretches(mask: Mask, runs: Runs) -> tuple[Counts, Counts]:
    """Return the segment and the length in frames of each stretch of frames under `mask`."""
    if len(mask) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ids = runs.ids
    fresh = np.ones(len(mask), bool)
    fresh[1:] = (mask[1:] != mask[:-1]) | (ids[1:] != ids[:-1])
    start = np.flatnonzero(fresh)
    length = np.diff(np.append(start, len(mask)))
    kept = mask[start]
    return ids[start[kept]], length[kept]


def voice_rhythm(voiced: Mask, runs: Runs, step_s: float) -> Doubles:
    """Measure the stretches with and without voice.

    Parameters
    ----------
    voiced : ndarray [shape=(total,), bool]
    runs : Runs
    step_s : float

    Returns
    -------
    ndarray [shape=(n, 5), float64]
        Voiced stretches (of at least 30 ms) per second; mean and sd of their length in seconds;
        mean and sd of the length of unvoiced stretches. NaN where there is none.
    """
    n = len(runs.count)
    ids, length = _lasting(*stretches(voiced, runs))
    number = np.bincount(ids, minlength=n)
    seconds = runs.count * step_s
    rate = _rate(number, seconds)
    on = mean_sd(length * step_s, Runs(number))
    ids, length = _lasting(*stretches(~voiced, runs))
    off = mean_sd(length * step_s, Runs(np.bincount(ids, minlength=n)))
    return np.stack([rate, *on, *off], axis=1)


def _lasting(ids: Counts, length: Counts) -> tuple[Counts, Counts]:
    kept = length >= LEAST_STRETCH_FRAMES
    return ids[kept], length[kept]


def pause_share(
    loudness: Values, extremes: Doubles, voiced: Mask, runs: Runs, step_s: float
) -> Doubles:
    """Return the share of each segment that is pause.

    Parameters
    ----------
    loudness : ndarray [shape=(total,)]
        Smoothed loudness.
    extremes : ndarray [shape=(n, 2)]
        Its 5th and 95th percentile in each segment.
    voiced : ndarray [shape=(total,), bool]
    runs : Runs
    step_s : float

    Returns
    -------
    ndarray [shape=(n,), float64]
        0 to 1. A pause is a stretch of at least 0.15 s without voice in which loudness stays in
        the lowest quarter between the extremes.
    """
    quiet, loud = extremes.T
    edge = np.repeat(quiet + PAUSE_BELOW * (loud - quiet), runs.count)
    ids, length = stretches((loudness <= edge) & ~voiced, runs)
    long = length * step_s >= PAUSE_S - 1e-9
    paused = np.bincount(ids[long], weights=length[long], minlength=len(runs.count))
    return _rate(paused, runs.count)


_VOWELS = "aeiouyàáâäãåèéêëìíîïòóôöõùúûüýÿæœø"
_GROUP = re.compile(f"[{_VOWELS}]+")
_DUTCH_NUCLEUS = re.compile(
    # long vowels and diphthongs first, then any single vowel; a diaeresis starts a new syllable
    r"aai|ooi|oei|eeuw|ieuw|aa|ee|oo|uu|ie|oe|eu|ui|ei|ij|au|ou|[aeiouyàáâèéêìíîòóôùúûäëïöü]"
)
_ENGLISH_HIATUS = re.compile(
    # two vowels in writing that are two syllables
    r"(?<![ctgsx])i(?:a|u|o(?!n))|(?<![ctgsxln])ion|[ct]iat|[bdlnrv]ien|(?<![qg])ua|eo(?![pu])"
    r"|creat|[aeouy]ings?$|(?<=[aeiouy][^aeiouy])ea$"
)
_ENGLISH_SYLLABIC_N = re.compile(r"[dsz]n['’]t$")  # didn't, wasn't; not don't
_ENGLISH_KNOWN = {
    **{"business": 2, "evening": 2, "wednesday": 2, "people": 2, "area": 3},
    **{"hundred": 2, "sacred": 2, "naked": 2},
}
_NUMBER = re.compile(r"\d")
_DIGITS = {
    "en": (2, 1, 1, 1, 1, 1, 1, 2, 1, 1),
    "nl": (1, 1, 1, 1, 1, 1, 1, 2, 1, 2),
}


def syllables(word: str, language: str = "en") -> int:
    """Count the syllables of a written word.

    Parameters
    ----------
    word : str
        One token; digits are read one by one.
    language : str
        ``nl`` or ``en`` (anything else counts as English).

    Returns
    -------
    int
        0 where nothing is pronounced (punctuation).
    """
    dutch = language.lower().startswith("nl")
    digits = _DIGITS["nl" if dutch else "en"]
    spoken = sum(digits[int(d)] for d in _NUMBER.findall(word) if d.isascii())
    text = re.sub(r"[^\w]|[\d_]", "", word.lower())
    if not text:
        return spoken
    if dutch:
        return spoken + max(1, len(_DUTCH_NUCLEUS.findall(text)))
    return spoken + _english(text) + bool(_ENGLISH_SYLLABIC_N.search(word.lower()))


def _english(text: str) -> int:
    if text in _ENGLISH_KNOWN:
        return _ENGLISH_KNOWN[text]
    number = len(_GROUP.findall(text)) + len(_ENGLISH_HIATUS.findall(text))
    silent = re.search(r"[^aeiouy](?:e|es|ed)$", text)
    spoken_end = re.search(r"(?:[^aeiouy]le|[sxz]es|[cs]hes|[cg]es|[td]ed|[^aeiouy]les)$", text)
    if silent and not spoken_end:
        number -= 1
    if re.match(r"some(?=[a-z]{2})", text):
        number -= 1
    return max(1, number)


@dataclass(frozen=True, slots=True)
class WordRates:
    """Tempo from words: syllables per second and the length of the apologising word.

    Attributes
    ----------
    speech_rate_syll_per_s : float
        Syllables over the window from first to last word, pauses included.
    articulation_rate_syll_per_s : float
        Syllables over the time of the words themselves.
    sorry_length_log2ratio : float
        log2 of seconds per syllable of the apologising word over the median of the same
        speaker's other words.
    """

    speech_rate_syll_per_s: float = math.nan
    articulation_rate_syll_per_s: float = math.nan
    sorry_length_log2ratio: float = math.nan


_SORRY = re.compile(
    r"^(?:sorry|excuses?|spijt|verontschuldig\w*|apolog\w*|pardon|regret\w*|forgive|betreur\w*"
    r"|excuus|bad)$"
)
LEAST_OTHER_WORDS = 8
"""Fewer other words give no stable median of seconds per syllable."""


class SpokenWords:
    """Timed words of one speaker, ready for the rates of many windows.

    Parameters
    ----------
    words : sequence of Word
    language : str
        ``nl`` or ``en``, for the syllable counter.

    Attributes
    ----------
    per_syllable : ndarray [shape=(n,), float64]
        Seconds per syllable of each word; NaN without syllables.
    """

    def __init__(self, words: Sequence[Word], language: str = "en") -> None:
        self._words = words
        times = np.array([(w.start_s, w.end_s) for w in words], dtype=np.float64).reshape(-1, 2)
        self._start, self._end = times.T
        self._middle = np.where(self._end > self._start, times.mean(axis=1), np.nan)
        self._count = np.array([_counted(w.text, language) for w in words], dtype=np.int64)
        self.per_syllable = _rate(self._end - self._start, self._count)

    def rates(self, window: tuple[float, float]) -> WordRates:
        """Return the rates in one window, start and end in seconds.

        Only words with their middle inside count. NaN where there are no timed words, no
        apologising word, or too few others outside to hold it against.
        """
        inside = (self._middle >= window[0]) & (self._middle <= window[1])
        count = self._count[inside]
        total = int(count.sum())
        if total == 0:
            return WordRates()
        start, end = self._start[inside], self._end[inside]
        spoken = float((end - start)[count > 0].sum())
        others = self.per_syllable[~inside & np.isfinite(self._middle)]
        return WordRates(
            total / float(end.max() - start.min()),
            total / spoken,
            self._sorry_length(np.flatnonzero(inside), others),
        )

    def _sorry_length(self, inside: Counts, others: Doubles) -> float:
        others = others[np.isfinite(others) & (others > 0)]
        if len(others) < LEAST_OTHER_WORDS:
            return math.nan
        for i in inside.tolist():
            if _SORRY.match(re.sub(r"\W", "", self._words[i].text.lower())):
                own = float(self.per_syllable[i])
                return math.log2(own / float(np.median(others))) if own > 0 else math.nan
        return math.nan


_counted = lru_cache(maxsize=1 << 15)(syllables)
