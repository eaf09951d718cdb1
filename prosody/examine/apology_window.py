"""Where exactly to measure: the window around one apology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosody.settings import Windows
from prosody.transcripts.turns import Act


@dataclass(frozen=True, slots=True)
class ApologyWindow:
    """A window in seconds, and the codes of what is to be remarked on about it."""

    start_s: float
    end_s: float
    remarks: tuple[str, ...] = ()


def cut(
    act: Act,
    speech: NDArray[np.float64],
    duration_s: float,
    *,
    source: str,
    turn_text: str,
    chosen: Windows,
) -> ApologyWindow:
    """Return the window to measure for an apology.

    Parameters
    ----------
    act : Act
        Its times are the apologising clause where words have times, else the whole turn; windows
        from a file are taken as they are.
    speech : ndarray [shape=(k, 2)]
        Where the track holds speech, seconds.
    duration_s : float
        End of the recording.
    source : {'windows', 'transcript', 'clips'}
        Where the act comes from.
    turn_text : str
        Text of the act's turn, to tell where in it the apology stands.
    chosen : Windows
        Padding and longest window.
    """
    start, end = act.start_s, act.end_s
    remarks: list[str] = []
    if source in ("transcript", "asr"):
        if not act.has_word_times:
            remarks.append("whole_turn")
            inside = speech[(speech[:, 1] > start) & (speech[:, 0] < end)]
            if len(inside):
                start, end = max(start, inside[0, 0]), min(end, inside[-1, 1])
            if end - start > chosen.max_s:
                remarks[0] = "window_cut"
                start, end = _around(act.text, turn_text, start, end, chosen.max_s)
        start, end = start - chosen.pad_s, end + chosen.pad_s
        if end - start > chosen.max_s + 2 * chosen.pad_s:
            end = start + chosen.max_s
            remarks.append("window_cut")
    low, high = max(0.0, start), min(duration_s, end)
    if start >= duration_s:
        remarks = ["window_beyond"]
    elif source == "windows" and act.end_s <= act.start_s:
        remarks.append("window_empty")
    elif source == "windows" and (low > start + 0.01 or high < end - 0.01):
        remarks.append("window_outside")
    return ApologyWindow(low, max(low, high), tuple(dict.fromkeys(remarks)))


def _around(
    text: str, turn_text: str, start: float, end: float, most_s: float
) -> tuple[float, float]:
    """Return `most_s` seconds of a long turn around its apology, placed by its letters.

    Without word times the share of the turn's letters before the apology is the best guess of the
    share of its time.
    """
    at = turn_text.find(text) if text else -1
    middle = (at + len(text) / 2) / max(1, len(turn_text)) if at >= 0 else 0.0
    low = start + middle * (end - start) - most_s / 2
    low = min(max(low, start), end - most_s)
    return low, low + most_s
