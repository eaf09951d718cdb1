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
Doubles = NDArray[np.float64]

MAX_S = 600.0  # looked at, from the start of the call
SAME_DB = -25.0  # a difference this far below the sound is no second voice
BLEED_DB = -35.0  # reported from here up
_WINDOW_S = 0.5
_LOUDER_DB = 6.0
_FLOOR_DB = -55.0  # windows below this (dBFS) hold no speech
_MIN_WINDOWS = 12
_AT_ONCE = 16  # windows: their spectra stay in the cache


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


@dataclass(frozen=True, slots=True)
class _Sums:
    """Power and cross spectra of the windows in which one channel is the louder one."""

    count: int
    loud: Doubles
    quiet: Doubles
    cross: NDArray[np.complex128]

    def shared(self) -> Doubles:
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


def compare(blocks: Iterable[Signal], sr: int, until_s: float = MAX_S) -> Crosstalk:
    """Compare the first two channels of a stream of ``[channels, n]`` blocks.

    Parameters
    ----------
    blocks : iterable of float32 [channels, n]
        At least two channels.
    sr : int
        Sample rate, Hz.
    until_s : float
        What comes later is not looked at.
    """
    from scipy import fft

    size = max(64, round(_WINDOW_S * sr))
    taper = np.hanning(size).astype(np.float32)
    # Of all windows, of those in which the first channel is louder, and the second.
    count, power = np.zeros(3, int), np.zeros((2, 3, size // 2 + 1))
    cross = np.zeros((3, size // 2 + 1), np.complex128)
    products = np.zeros(3)  # of the first with itself, of both, of the second with itself
    highest, lowest = np.full(2, -np.inf), np.full(2, np.inf)
    rest = np.zeros((2, 0), np.float32)
    left = round(until_s * sr)
    for block in blocks:
        new = block[:2, :left]
        left -= new.shape[1]
        highest = np.maximum(highest, new.max(axis=1, initial=-np.inf))
        lowest = np.minimum(lowest, new.min(axis=1, initial=np.inf))
        both = np.concatenate([rest, new], axis=1)
        whole = both.shape[1] // size
        rest = both[:, whole * size :]
        windows = both[:, : whole * size].reshape(2, whole, size)
        for lo in range(0, whole, _AT_ONCE):
            part, squares = _centred(windows[:, lo : lo + _AT_ONCE])
            products += squares.sum(axis=1)
            level = 10 * np.log10(squares[::2] / size + 1e-12)
            heard = level.max(axis=0) > _FLOOR_DB
            level = level[:, heard]
            louder = (level > _FLOOR_DB) & (level > level[::-1] + _LOUDER_DB)
            used = np.concatenate([np.ones_like(louder[:1]), louder])
            spectra = fft.rfft(part[:, heard] * taper, axis=2, overwrite_x=True)
            chosen = used.astype(np.float32)
            count += used.sum(axis=1)
            power += chosen @ (spectra.real**2 + spectra.imag**2)
            cross += chosen @ (np.conj(spectra[0]) * spectra[1])
        if left <= 0:
            break
    if rest.size:
        products += _centred(rest[:, None])[1].sum(axis=1)
    everywhere, *sums = (
        _Sums(int(count[k]), power[one, k], power[1 - one, k], cross[k])
        for k, one in enumerate((0, 0, 1))
    )
    flat = highest - lowest < 1e-4
    silent = (bool(flat[0]), bool(flat[1]))
    difference = math.nan
    if products[0] > 0 and products[2] > 0 and not any(silent):
        unlike = 1.0 - products[1] ** 2 / (products[0] * products[2])
        difference = np.nanmin([10.0 * math.log10(max(unlike, 1e-12)), everywhere.difference_db()])
    return Crosstalk(
        same=bool(difference < SAME_DB),
        difference_db=float(difference),
        bleed_db=(sums[0].bleed_db(), sums[1].bleed_db()),
        silent=silent,
    )


def _centred(windows: Signal) -> tuple[Signal, Doubles]:
    """Take their constant out of windows ``[2, n, size]``; return their products, too, ``[3, n]``.

    A constant is no sound: 8-bit files come half a step or a whole one below zero, on both channels
    alike, and that is as loud as a leak.
    """
    part = windows - windows.mean(axis=2, keepdims=True)
    pairs = ((0, 0), (0, 1), (1, 1))
    return part, np.stack([np.einsum("jk,jk->j", part[a], part[b]) for a, b in pairs]).astype(float)


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
