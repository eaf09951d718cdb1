"""Step 1 of opening a call, its tracks: files, and where there is voice on their channels."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from prosody.arrays import Spans, join, overlap_s
from prosody.audio import activity
from prosody.audio.activity import ChannelActivity
from prosody.audio.crosstalk import Crosstalk, compare, from_start, side_by_side
from prosody.audio.recording import Recording

IN_MUSIC_S = 1.0

Signal = tuple[int, int]
"""A channel of a file of the call: (source, channel)."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The open files of a call, one per source.

    What a channel holds is computed when it is first asked for, once, in one pass over its file.
    """

    recordings: tuple[Recording, ...]
    _known: dict[int, list[ChannelActivity]] = field(default_factory=dict, repr=False)
    _compared: dict[Any, Crosstalk] = field(default_factory=dict, repr=False)

    @property
    def duration_s(self) -> float:
        """Seconds of the longest file."""
        return max(r.info.duration_s for r in self.recordings)

    @property
    def whole(self) -> bool:
        """Whether the files are listened to until their end."""
        return all(self.length_s(i) >= r.info.duration_s for i, r in enumerate(self.recordings))

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Every signal, in order: of one file, or of several."""
        return tuple((s, c) for s, r in enumerate(self.recordings) for c in range(r.info.channels))

    def crosstalk(
        self,
        one: Signal,
        other: Signal,
        *,
        offsets_s: tuple[float, float] = (0.0, 0.0),
    ) -> Crosstalk:
        """Compare two signals, each beginning so many seconds into the call."""
        key = (one, other, offsets_s)
        if key not in self._compared:
            self._compared[key] = self._compare(one, other, offsets_s)
        return self._compared[key]

    def _compare(self, one: Signal, other: Signal, offsets_s: tuple[float, float]) -> Crosstalk:
        files = [self.recordings[source] for source, _ in (one, other)]
        sr = files[0].info.sr_hz
        if files[0].path == files[1].path:
            rows, blocks = [one[1], other[1]], files[0].blocks()
            if one[0] not in self._known:  # it will be asked for: one pass over the file is enough
                known = self._known[one[0]] = []
                blocks = activity.overhear(blocks, sr, files[0].info.channels, known)
            found = compare((block[rows] for block in blocks), sr)
            deque(blocks, maxlen=0)
            return found
        if files[1].info.sr_hz != sr:
            return compare((), sr)
        streams = [
            from_start(file, channel, round(at * sr))
            for file, (_, channel), at in zip(files, (one, other), offsets_s, strict=True)
        ]
        return compare(side_by_side(*streams), sr)

    def length_s(self, source: int) -> float:
        """Return the seconds of a file."""
        return self.recordings[source].info.duration_s

    def activity(self, source: int, channel: int) -> ChannelActivity:
        """Return what a channel of a file holds, in seconds of that file."""
        return self.all_of(source)[channel]

    def all_of(self, source: int) -> Sequence[ChannelActivity]:
        """Return what every channel of a file holds."""
        if source not in self._known:
            self._known[source] = activity.activity_of(self.recordings[source])
        return self._known[source]

    def voice(self, source: int, channel: int) -> Spans:
        """Return where somebody speaks on a channel of a file, seconds of that file.

        Somebody may speak over music; short bursts inside of it are of the music.
        """
        held = self.activity(source, channel)
        length_s = held.speech[:, 1] - held.speech[:, 0]
        inside = overlap_s(held.music, held.speech) >= length_s
        return held.speech[(length_s >= IN_MUSIC_S) | ~inside]


def together(spans: Sequence[Spans]) -> Spans:
    """Return where any of several has something."""
    everything = np.concatenate([np.zeros((0, 2)), *spans])
    return join(everything[np.argsort(everything[:, 0], kind="stable")], 0.0)
