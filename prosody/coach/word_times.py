"""About when each word of a known sentence was said: written under the line of pitch.

Where no recogniser is asked for, letters are spread over the speech, and a pause moves the
nearest end of a word to it, one behind a comma or full stop before others. Against a recogniser's
word times (45 telephone utterances of HarperValleyBank, 375 words) the start of a word is off by
a median of 0.11 s; with each utterance's own offset taken out by 0.054 s, where words spread
evenly are off by 0.085 and letters spread evenly by 0.060. Weighing syllables by voicing and
loudness (0.058), or by dynamic programming, was no better. Good for reading along, and for where
a pause may go; no measure and no judgement rests on it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prosody.arrays import Spans
from prosody.transcripts.turns import Turn, Word

Floats = NDArray[np.float64]

WORD = 2.0
"""A word takes as long as its letters and so many more."""
NEAR_S, STOP_S = 0.35, 0.3
"""A pause draws the end of a word from so far away, in speech; behind a comma so much farther."""
POSSIBLE_PER_S = (4.0, 40.0)
"""Letters a second; beyond that something else was said."""
STOPS = (",", ";", ":", ".", "!", "?", "\u2026")


def word_times(
    sentence: str, speech: Spans, pauses: Sequence[tuple[float, float]]
) -> tuple[Word, ...]:
    """Return every word with its start and end; nothing where it cannot be told.

    Parameters
    ----------
    sentence : str
        What was to be said.
    speech : ndarray [shape=(k, 2)]
        Stretches of speech, seconds.
    pauses : sequence of (float, float)
        Silences between them that a listener hears.
    """
    words = sentence.split()
    lengths = speech[:, 1] - speech[:, 0]
    total = float(lengths.sum())
    letters = np.array([len(w) + WORD for w in words])
    if not words or total <= 0:
        return ()
    if not POSSIBLE_PER_S[0] < float(letters.sum()) / total < POSSIBLE_PER_S[1]:
        return ()
    spoken = np.array([np.clip(a - speech[:, 0], 0.0, lengths).sum() for a, _ in pauses])
    ends = _drawn(words, total * np.cumsum(letters) / letters.sum(), spoken)
    starts = np.concatenate([[0.0], ends[:-1]])
    done = np.concatenate([[0.0], np.cumsum(lengths)])  # speech before each stretch
    last = len(speech) - 1
    after = np.clip(np.searchsorted(done, starts + 1e-9, "right") - 1, 0, last)
    before = np.clip(np.searchsorted(done, ends - 1e-9, "right") - 1, 0, last)
    from_s = speech[after, 0] + starts - done[after]
    to_s = speech[before, 0] + ends - done[before]
    return tuple(Word(w, float(a), float(b)) for w, a, b in zip(words, from_s, to_s, strict=True))


def _drawn(words: Sequence[str], ends: Floats, pauses: Floats) -> Floats:
    """Return ends of words with those nearest to pauses put there, the others in proportion."""
    put = {0.0: 0.0, float(ends[-1]): float(ends[-1])}
    stops = np.array([w.endswith(STOPS) for w in words[:-1]], dtype=bool)
    for at in pauses:
        away = np.abs(ends[:-1] - at)
        near = np.where(stops, away - STOP_S, away)
        if not len(near) or near.min() > NEAR_S:
            continue
        end = float(ends[int(np.argmin(near))])
        if end in put:
            continue
        before = max(k for k in put if k < end)
        after = min(k for k in put if k > end)
        if put[before] < at < put[after]:
            put[end] = float(at)
    known = sorted(put)
    return np.interp(ends, known, [put[k] for k in known])


def pause_place(words: Sequence[Word], lang: str) -> tuple[float, int] | None:
    """Return where a pause suits the apology: the time, and the word that it follows.

    Before the apology where something is said before it, else after its clause (a comma or
    semicolon), else nowhere.
    """
    from prosody.language import acts

    if len(words) < 3:
        return None
    text = " ".join(w.text for w in words)
    turn = Turn(words[0].start_s, words[-1].end_s, text, "agent", tuple(words))
    found = [a for a in acts.find([turn], language=lang) if a.kind == "apology"]
    first = next((i for i, w in enumerate(words) if found and w.end_s > found[0].start_s), 0)
    if first >= 2:
        return words[first].start_s, first - 1
    for i, word in enumerate(words[1:-1], 1):
        if word.text.endswith(STOPS):
            return word.end_s, i
    return None


def recognised_words(flac: bytes, model: str, lang: str) -> list[Word]:
    """Return what was said in a take by a recogniser; nothing where its words are no evidence.

    Runs in a process of its own (`warm`).

    Parameters
    ----------
    flac : bytes
    model : str
        Folder of a recogniser.
    lang : str
    """
    import soundfile

    from prosody.audio import activity
    from prosody.examine import recognise

    y, sr = soundfile.read(io.BytesIO(flac), dtype="float32")
    channel = recognise.Channel(
        activity.speech(y, sr), lambda a, b: y[round(a * sr) : round(b * sr)], sr, len(y) / sr
    )
    found = recognise.recognise([channel], recognise.load(Path(model)), lang)
    return [w for turn in found.transcript.turns for w in turn.words]


def warm(model: str, folder: str) -> None:
    """Open the recogniser, so that nobody's take is the first."""
    from prosody.examine import recognise

    recognise.load(Path(model))
