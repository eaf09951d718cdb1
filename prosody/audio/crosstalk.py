"""How much of one channel is heard in the other.

Two channels of one call can be the same signal (a mono mix written twice), or one can leak into the
other (echo of the line, an open headset). Both would turn the customer's words into the agent's.

Leakage is estimated by Wiener's regression of the quiet channel on the loud one, frequency by
frequency, in half-second windows where the one is clearly louder than the other. The regression
finds delayed and filtered copies, and does not take the quiet channel's own noise for leakage;
what regression on unrelated sound would give by chance is subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from prosody.audio.recording import Recording

Signal = NDArray[np.float32]
Complex = NDArray[np.complex64]

MAX_S = 600.0  # looked at, from the start of the call
SAME_DB = -25.0  # a difference this far below the sound is no second voice
BLEED_DB = -35.0  # reported from here up
_WINDOW_S = 0.5
_LOUDER_DB = 6.0
_FLOOR_DB = -55.0  # windows below this (dBFS) hold no speech
_MIN_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Crosstalk:
    """What two channels share.

    Attributes
    ----------
    same : bool
        They carry the same signal, up to a gain.
    difference_db : float
        Power of what is left of the second after the first is taken out (at the best gain, or
        filtered and a little delayed), re the second's power; NaN where one is silent.
    bleed_db : (float, float)
        Level of the first channel within the second re the first, and the other way round; NaN
        where it cannot be told, ``-inf`` where there is none to be found.
    silent : (bool, bool)
        A channel never leaves digital silence (or its constant).
    """

    same: bool
    difference_db: float
    bleed_db: tuple[float, float]
    silent: tuple[bool, bool]


class _Sums:
    """Cross spectra of the windows in which one channel is the louder one."""

    def __init__(self, bins: int) -> None:
        self.count = 0
        self.loud = np.zeros(bins)
        self.quiet = np.zeros(bins)
        self.cross = np.zeros(bins, np.complex128)

    def add(self, use: NDArray[np.bool_], loud: Signal, quiet: Signal, cross: Complex) -> None:
        """Add the power of both channels, and what they share, in the windows that are used."""
        if use.any():
            chosen = use.astype(np.float32)
            self.count += int(use.sum())
            self.loud += chosen @ loud
            self.quiet += chosen @ quiet
            self.cross += chosen @ cross

    def shared(self) -> NDArray[np.float64]:
        """Return the power in the quiet channel that follows the loud one, per bin."""
        shared = np.abs(self.cross) ** 2 / np.maximum(self.loud, 1e-30)
        chance = (self.quiet - shared) / max(1, self.count - 1)
        return np.asarray(shared - chance)

    def difference_db(self) -> float:
        if self.count < _MIN_WINDOWS or not self.quiet.sum() > 0:
            return math.nan
        left = 1.0 - float(np.sum(self.shared()) / np.sum(self.quiet))
        return 10.0 * math.log10(max(left, 1e-12))

    def bleed_db(self) -> float:
        if self.count < _MIN_WINDOWS or not self.loud.sum() > 0:
            return math.nan
        shared = self.shared()
        chance = (self.quiet - shared) / max(1, self.count - 1)
        share = float(np.sum(shared)) / float(np.sum(self.loud))
        # Three standard errors of the chance part: below that there is nothing to be found.
        doubt = 3.0 * float(np.sqrt(np.sum(chance**2))) / float(np.sum(self.loud))
        return 10.0 * math.log10(share) if share > doubt else -math.inf


def compare(blocks: Iterable[Signal], sr: int) -> Crosstalk:
    """Compare the first two channels of a stream of ``[channels, n]`` blocks.

    Parameters
    ----------
    blocks : iterable of float32 [channels, n]
        At least two channels.
    sr : int
        Sample rate, Hz.

    Returns
    -------
    Crosstalk
        Of at most the first ten minutes.
    """
    from scipy import fft

    size = max(64, round(_WINDOW_S * sr))
    taper = np.hanning(size).astype(np.float32)
    sums = tuple(_Sums(size // 2 + 1) for _ in range(2))
    both_sums = _Sums(size // 2 + 1)
    products, totals, samples = np.zeros((2, 2)), np.zeros(2), 0
    highest, lowest = np.full(2, -np.inf), np.full(2, np.inf)
    rest = np.zeros((2, 0), np.float32)
    left = round(MAX_S * sr)
    for block in blocks:
        both = np.concatenate([rest, block[:2, :left]], axis=1)
        new = both[:, rest.shape[1] :].astype(np.float64)
        left -= new.shape[1]
        products += new @ new.T
        totals += new.sum(axis=1)
        samples += new.shape[1]
        highest = np.maximum(highest, new.max(axis=1, initial=-np.inf))
        lowest = np.minimum(lowest, new.min(axis=1, initial=np.inf))
        count = both.shape[1] // size
        rest = both[:, count * size :]
        windows = both[:, : count * size].reshape(2, count, size)
        # A constant is no sound: 8-bit files come half a step or a whole one below zero, on both
        # channels alike, and that is as loud as a leak.
        windows = windows - windows.mean(axis=2, keepdims=True)
        level = 10 * np.log10(np.einsum("ijk,ijk->ij", windows, windows) / size + 1e-12)
        heard = level.max(axis=0) > _FLOOR_DB
        level = level[:, heard]
        spectra = fft.rfft(windows[:, heard] * taper, axis=2, overwrite_x=True)
        power = spectra.real**2 + spectra.imag**2
        cross = np.conj(spectra[0]) * spectra[1]
        both_sums.add(np.ones(level.shape[1], bool), power[0], power[1], cross)
        for one, shared in ((0, cross), (1, np.conj(cross))):
            use = (level[one] > _FLOOR_DB) & (level[one] > level[1 - one] + _LOUDER_DB)
            sums[one].add(use, power[one], power[1 - one], shared)
        if left <= 0:
            break
    products -= np.outer(totals, totals) / max(samples, 1)
    flat = highest - lowest < 1e-4
    silent = (bool(flat[0]), bool(flat[1]))
    difference = math.nan
    if products[0, 0] > 0 and products[1, 1] > 0 and not any(silent):
        unlike = 1.0 - products[0, 1] ** 2 / (products[0, 0] * products[1, 1])
        difference = np.nanmin([10.0 * math.log10(max(unlike, 1e-12)), both_sums.difference_db()])
    return Crosstalk(
        same=bool(difference < SAME_DB),
        difference_db=float(difference),
        bleed_db=(sums[0].bleed_db(), sums[1].bleed_db()),
        silent=silent,
    )


def from_start(recording: Recording, channel: int, silence: int) -> Iterator[Signal]:
    """Yield one channel after some silence, so that tracks of one call share its clock.

    Parameters
    ----------
    recording : Recording
    channel : int
        From 0.
    silence : int
        Samples of nothing before it.

    Yields
    ------
    float32 [n]
    """
    if silence:
        yield np.zeros(silence, np.float32)
    for block in recording.blocks():
        yield block[channel]


def side_by_side(one: Iterator[Signal], other: Iterator[Signal]) -> Iterator[Signal]:
    """Put two streams of one rate side by side, up to the end of the shorter.

    Parameters
    ----------
    one, other : iterator of float32 [n]
        Blocks of any lengths.

    Yields
    ------
    float32 [2, n]
    """
    held = [np.zeros(0, np.float32)] * 2
    while True:
        for side, stream in enumerate((one, other)):
            if not len(held[side]):
                held[side] = next(stream, held[side])
        n = min(len(held[0]), len(held[1]))
        if not n:
            return
        yield np.stack([held[0][:n], held[1][:n]])
        held = [held[0][n:], held[1][n:]]
