"""The reader of ONNX files, byte by byte: what it takes, and what it refuses and why."""

from __future__ import annotations

import struct

import pytest

from prosody.errors import ModelError
from prosody.judge import onnx_check


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def number(at, value):
    return varint(at << 3) + varint(value)


def part(at, *content):
    body = b"".join(content)
    return varint(at << 3 | 2) + varint(len(body)) + body


def node(operator, *more):
    return part(1, part(4, operator.encode()), *more)


def port(at, name, dtype=1, dims=()):
    shape = part(2, *(part(1, b"" if d is None else number(1, d)) for d in dims))
    return part(at, part(1, name), part(2, part(1, number(1, dtype), shape)))


OUT = port(12, b"y")


@pytest.fixture
def read(tmp_path):
    def read(*parts):
        path = tmp_path / "j.onnx"
        path.write_bytes(b"".join(parts))
        return onnx_check.read(path)

    return read


def test_everything_that_is_looked_at_is_read(read):
    weights = part(5, number(1, 2), number(2, 1), part(8, b"w"), part(9, struct.pack("<2f", 1, 2)))
    packed = part(5, part(1, varint(300)), part(8, b"v"), part(9, b"\0" * 300))
    graph = (node("Add"), node("Mul"), weights, packed, port(11, b"x", 7, (None, 300)), OUT)
    given = (number(1, 8), part(8, number(2, 17)), part(7, *graph),
             part(14, part(1, b"key"), part(2, b"value")), part(14, part(1, b"alone")))  # fmt: skip
    data, found = read(*given)
    assert data == b"".join(given)
    assert (found.ir_version, found.opset) == (8, 17)
    assert found.operators == {"Add", "Mul"}
    assert found.initializers == {"w", "v"}
    assert found.metadata == {"key": "value"}
    (x,), (y,) = found.inputs, found.outputs
    assert (x.name, x.dtype, x.shape) == ("x", 7, (None, 300))
    assert (y.name, y.dtype) == ("y", 1)
    assert found.refused == ""


TENSOR = (part(8, b"w"), number(2, 1))
TWO = number(1, 2)
SIMPLE = node("Add")


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        ((part(5, *TENSOR, part(13, b"f")),), "tensor 'w' keeps its data outside the file"),
        ((part(5, *TENSOR, number(14, 1)),), "tensor 'w' keeps its data outside the file"),
        ((part(5, *TENSOR, number(1, 33), part(9, b"\0" * 4)),), "tensor 'w' claims more elements"),
        ((part(5, *TENSOR, TWO, part(9, struct.pack("<2f", 1, float("inf")))),), "no numbers"),
        ((part(5, *TENSOR, part(9, struct.pack("<f", 1e9))),), "holds values beyond"),
        ((part(15, b""),), "sparse constants"),
        ((node("Add", part(5, part(6, b""))),), "a node holds a graph of its own"),
        ((node("Add", part(5, part(11, b""))),), "a node holds a graph of its own"),
        ((node("Add", part(5, part(22, b""))),), "sparse constants"),
        ((node("Add", part(5, part(23, b""))),), "sparse constants"),
        ((node("Add", part(5, part(5, *TENSOR, part(13, b"f")))),), "tensor 'w' keeps"),
        ((node("Shell"), node("Open")), "operators that a judge does not need: Open, Shell"),
        ((node("Add", part(7, b"own")),), "does not need: own::Add"),
    ],
)
def test_what_a_graph_may_not_hold_is_named(read, graph, why):
    with pytest.raises(ModelError, match=why):
        read(part(7, SIMPLE, *graph, OUT))


@pytest.mark.parametrize(
    "graph",
    [
        (part(5, *TENSOR, number(14, 0)),),
        (part(5, *TENSOR, number(1, 32), part(9, b"\0" * 4)),),
        (part(5, *TENSOR, part(9, struct.pack("<f", float("nan")))),),
        (part(5, *TENSOR, TWO, part(9, struct.pack("<2f", -1000, 1000))),),
        (part(5, number(2, 7), TWO, part(9, b"\xff" * 16)),),
        (node("Add", part(7, b"ai.onnx")),),
        (node("Add", part(5, number(20, 1))),),
    ],
)
def test_what_it_may_hold_is_read(read, graph):
    assert read(part(7, SIMPLE, *graph, OUT))[1].refused == ""


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((part(20, b""),), "functions or training steps of its own"),
        ((part(25, b""),), "functions or training steps of its own"),
        ((part(8, part(1, b"own"), number(2, 1)),), "operators of the domain 'own'"),
    ],
)
def test_what_a_file_may_not_hold_is_named(read, parts, why):
    with pytest.raises(ModelError, match=why):
        read(part(7, SIMPLE, OUT), *parts)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((number(1, 8)[:-1],), r"not an ONNX file, or damaged \(cut off\)"),
        ((b"\x0a\x05ab",), r"damaged \(cut off\)"),
        ((b"\x02\x00",), r"damaged \(cut off\)"),  # field 0
        ((b"\x0d\0\0\0",), r"damaged \(cut off\)"),  # 4 bytes, of which 3 are there
        ((b"\x09" + b"\0" * 7,), r"damaged \(cut off\)"),  # 8
        ((b"\x0b",), r"damaged \(wire type 3\)"),
        ((b"\x88" + b"\x80" * 10 + b"\0\1",), r"damaged \(cut off\)"),  # a number of 77 bits
        ((number(7, 1),), "a number where a message was expected"),
        ((part(14, number(1, 1), part(2, b"")),), "a number where text was expected"),
        ((part(7, SIMPLE),), "not an ONNX file, or empty"),
        ((part(7, OUT),), "not an ONNX file, or empty"),
    ],
)
def test_what_is_damaged_or_empty_says_so_and_what_was_expected(read, parts, why):
    with pytest.raises(ModelError, match=why) as said:
        read(*parts)
    assert said.value.remedy == "Expected a judge (an .onnx file)."


def test_a_file_is_read_up_to_the_largest_size_and_no_further(read, monkeypatch, tmp_path):
    given = (part(7, SIMPLE, OUT), b"\x0d" + b"\0" * 4, b"\x09" + b"\0" * 8)
    monkeypatch.setattr(onnx_check, "MAX_BYTES", len(b"".join(given)))
    read(*given)
    with pytest.raises(ModelError, match="larger than") as said:
        read(*given, b"\0")
    assert said.value.remedy == "A judge is a few kilobytes."
    with pytest.raises(ModelError, match=r"none: No such file") as said:
        onnx_check.read(tmp_path / "none")
    assert said.value.remedy == "Give the path of a judge (an .onnx file)."
