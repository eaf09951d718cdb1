"""Two clips of one person: heard in turn, "which of the two sounded more sincere?"."""

from __future__ import annotations

import io
import itertools
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from prosody.errors import UsageError
from prosody.rating.clip import Clip
from prosody.rating.clips import ClipSet
from prosody.rating.sequence import BLOCK, Trial, sequence

BETWEEN_S = 0.7
MOST_OF_ONE = 3
"""Comparisons that one clip is in: more clips are worth more than more comparisons of a few."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips, in the order in which they are heard; to the page it is one clip."""

    first: Clip
    second: Clip

    @property
    def name(self) -> str:
        """Both names, one to a line."""
        return f"{self.first.name}\n{self.second.name}"

    @property
    def agent(self) -> str:
        """Who speaks in both."""
        return self.first.agent

    @property
    def second_s(self) -> float:
        """When the second begins."""
        return self.first.duration_s + BETWEEN_S

    @property
    def duration_s(self) -> float:
        """How long both take."""
        return self.second_s + self.second.duration_s

    def wav(self) -> bytes:
        """Return both with a silence between them, 16-bit WAV."""
        import soundfile
        import soxr

        sounds = [c.played() for c in (self.first, self.second)]
        sr = max(rate for _, rate in sounds)
        one, two = (y if r == sr else soxr.resample(y, r, sr) for y, r in sounds)
        out = io.BytesIO()
        both = np.concatenate([one, np.zeros(round(BETWEEN_S * sr), np.float32), two])
        soundfile.write(out, both, sr, "PCM_16", format="WAV")
        return out.getvalue()


def alike(a: str, b: str) -> float:
    """Return how many of their words two texts share, 0 to 1; 0 where one is not known."""
    one, two = ({*re.findall(r"\w+", t.casefold())} for t in (a, b))
    return len(one & two) / len(one | two) if one and two else 0.0


def choose(clips: Sequence[Clip], seed: int = 0) -> list[tuple[Clip, Clip]]:
    """Return the pairs to compare: two clips of one agent, those with the same words first.

    Clips that carry a ``pair`` are compared with its other member and nothing else.

    Raises
    ------
    UsageError
        If there is none.
    """
    if any(c.pair for c in clips):
        given: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            given[clip.pair].append(clip)
        odd = next((k for k, v in given.items() if k and len(v) != 2), None)
        if odd:
            raise UsageError(f"Pair {odd} has {len(given[odd])} clips, expected 2.", "")
        return [(v[0], v[1]) for k, v in given.items() if k]
    rng = random.Random(f"{seed}/pairs")
    members: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.agent:
            members[clip.agent].append(clip)
    known = [p for group in members.values() for p in itertools.combinations(group, 2)]
    rng.shuffle(known)
    known.sort(key=lambda p: -round(alike(p[0].text, p[1].text), 1))
    count: Counter[str] = Counter()
    out = []
    for one, two in known:
        if max(count[one.name], count[two.name]) < MOST_OF_ONE:
            count.update((one.name, two.name))
            out.append((one, two))
    if not out:
        raise UsageError(
            f"{len(clips)} clips, and no two of one agent: there is nothing to compare.",
            "Name agents in the table (a column agent), or in file names with --meta-from.",
        )
    return out


def of(found: ClipSet, seed: int = 0) -> ClipSet:
    """Return a set of pairs in place of its clips; its second half is the first reversed."""
    single = [c for c in found.clips if isinstance(c, Clip)]
    pairs = [Pair(a, b) for a, b in choose(single, seed)]
    both = [*pairs, *(Pair(p.second, p.first) for p in pairs)]
    return replace(found, clips=tuple(both))


def order(found: ClipSet, rater: int, seed: int, block: int = BLOCK) -> list[Trial]:
    """Return what one rater hears: as often one way round as the other, repeats reversed."""
    half = len(found.clips) // 2
    trials = sequence([p.agent for p in found.clips[:half]], rater, seed, block=block)
    turned = {i: (i + rater) % 2 == 1 for i in range(half)}
    return [Trial(t.clip + half * (turned[t.clip] != t.is_repeat), t.is_repeat) for t in trials]
