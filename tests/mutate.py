"""Damage files as disks, networks, recorders and ill-wishers do."""

from __future__ import annotations

import random

# Values that headers choke on: nothing, one, the largest, the sign bit, and plausible lies.
_EDGES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 10_000_000,
          0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)  # fmt: skip


def mutate(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return the data after one to six changes; most of them near the start, where headers are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if not out:
            break
        near = min(len(out), rng.choice((16, 48, 128, 1024, len(out))))
        at = rng.randrange(near)
        match rng.randrange(10):
            case 0:  # one bit
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.randrange(256)
            case 2 | 3:  # a number of a header
                width, order = rng.choice((1, 2, 4, 4, 8)), rng.choice(("little", "big"))
                value = rng.choice(_EDGES) & ((1 << 8 * width) - 1)
                out[at : at + width] = value.to_bytes(width, order)
            case 4:  # the end is lost
                del out[rng.randrange(len(out)) :]
            case 5:  # a hole
                del out[at : at + rng.choice((1, 2, 4, 100, 5000))]
            case 6:  # the same again
                long = rng.choice((1, 4, 64, 2000))
                out[at:at] = out[at : at + long] * rng.choice((1, 2, 20))
            case 7:  # a piece of another file
                other = rng.choice(others)
                start = rng.randrange(max(1, len(other)))
                out[at : at + 64] = other[start : start + rng.choice((4, 64, 3000))]
            case 8:  # noise, or a sector of zeros
                long = rng.choice((4, 512, 4096))
                out[at : at + long] = rng.choice((rng.randbytes(long), bytes(long)))
            case 9:  # text in it
                out[at:at] = rng.choice((b"\r\n", b"<script>", b"\xef\xbb\xbf", b"%s%n", b"\0"))
    return bytes(out)
