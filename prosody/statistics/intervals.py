"""Ranges that chance allows for shares, their differences, and counts of independent events."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Half the width of a 95 % and an 80 % interval, in standard deviations of a normal distribution.
Z_95, Z_80 = 1.959963984540054, 1.2815515655446004


def wilson(count: float, of: float, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of a share by Wilson's method; (0, 1) where there is nothing.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if of <= 0:
        return 0.0, 1.0
    share = count / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    below = 1 + z * z / of
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def difference(a: int, of_a: int, b: int, of_b: int) -> tuple[float, float, float]:
    """Return the share of b less that of a, with its interval by Newcombe's method 10.

    Newcombe (1998), "Interval estimation for the difference between independent proportions".
    """
    if of_a <= 0 or of_b <= 0:
        return math.nan, -1.0, 1.0
    p, q = a / of_a, b / of_b
    (low_a, high_a), (low_b, high_b) = wilson(a, of_a), wilson(b, of_b)
    d = q - p
    return (
        d,
        d - math.sqrt((q - low_b) ** 2 + (high_a - p) ** 2),
        d + math.sqrt((high_b - q) ** 2 + (p - low_a) ** 2),
    )


def expected(chances: Sequence[float]) -> tuple[float, float, float]:
    """Return how many of independent events are to be expected, with the 80 % range."""
    total = sum(chances)
    half = Z_80 * math.sqrt(sum(p * (1 - p) for p in chances))
    return total, max(0.0, total - half), min(float(len(chances)), total + half)
