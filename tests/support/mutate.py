"""Damage files as disks, networks, recorders and ill-wishers do."""

from __future__ import annotations

import json
import random
import re
from typing import Any

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


# What programs put where something else was agreed on.
_ODD = (None, True, False, 0, -1, 1e308, -1e-308, 2**63, 10**400, float("nan"), float("inf"), "",
        " ", "NaN", "1e999", "-1", "PT-5S", "99:99:99", "\u0000", "\ud800", "x" * 20_000, [], {},
        [[]], [None], {"": None}, "<script>alert(1)</script>", "=1+1")  # fmt: skip


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Return a JSON document that is still JSON, with some values other than agreed.

    Anything else than JSON comes back as it is.
    """
    try:
        root = json.loads(data)
    except ValueError:
        return data
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = [(None, None), *_places(root)]
        parent, key = rng.choice(places)
        if parent is None:
            root = rng.choice((root, [root], {"results": root}, rng.choice(_ODD)))
            continue
        match rng.randrange(6):
            case 0:
                del parent[key]
            case 1:
                parent[key] = [parent[key]] if rng.random() < 0.5 else {"a": parent[key]}
            case 2 if isinstance(parent, list):
                parent.extend([parent[key]] * rng.choice((1, 300)))
            case 3:  # deeper than anybody's stack
                for _ in range(rng.choice((10, 100_000))):
                    parent[key] = [parent[key]]
            case 4:
                other, name = rng.choice(places)
                parent[key] = (
                    root
                    if other is None and rng.random() < 0.1
                    else (
                        parent[key]
                        if other is None
                        else other.get(name, 0)
                        if isinstance(other, dict)
                        else len(other)
                    )
                )
            case _:
                parent[key] = rng.choice(_ODD)
    try:
        return json.dumps(root).encode()
    except (RecursionError, ValueError):  # too deep for the writer (or a ring): write a deep one
        return b"[" * 100_000 + b"]" * 100_000


# A field is a number, a time or a word: what lies between the marks of every kind of text file.
_FIELD = re.compile(rb"[^\s,;:<>\"{}\[\]=]+")
_ODD_FIELDS = (
    b"", b"0", b"-1", b"-0.5", b"1e308", b"nan", b"inf", b"9" * 400, b"0,5", b"1.234,5", b"1e-400",
    b"00:00", b"99:99:99.999", b"2026-02-31", b"x" * 20_000, b"agent", b"klant", b"null", b"TRUE",
    b'"', b"'", b"=1+1", b"<v ", b"-->", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbf\xbf",
)  # fmt: skip


def mutate_field(data: bytes, rng: random.Random) -> bytes:
    """Return a text file that is valid but for one field: another value, gone, twice, or swapped.

    A field is what lies between blanks and marks: a cell, a time, half a time, a word, a keyword.
    """
    fields = [found.span() for found in _FIELD.finditer(data)]
    if not fields:
        return data
    (start, end), (other, until) = rng.choice(fields), rng.choice(fields)
    field = data[start:end]
    match rng.randrange(5):
        case 0:
            new = data[other:until]
        case 1:
            new = field + rng.choice((b",", b";", b"\t", b" ", b"\n", b":", b".")) + field
        case 2:
            new = field[: len(field) // 2]
        case _:
            new = rng.choice(_ODD_FIELDS)
    return data[:start] + new + data[end:]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value in a document."""
    out: list[tuple[Any, Any]] = []
    ahead = [value]
    while ahead:
        one = ahead.pop()
        keys = (
            range(len(one)) if isinstance(one, list) else list(one) if isinstance(one, dict) else ()
        )
        for key in keys:
            out.append((one, key))
            if len(out) < 5000:
                ahead.append(one[key])
    return out
