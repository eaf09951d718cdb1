"""Look into an ONNX file without running it: an ONNX file is input, not trusted code.

A reader of the protobuf wire format that knows just enough of ONNX's schema to list operators,
inputs, outputs and metadata, so that a judge is refused before any runtime sees it and without the
``onnx`` package. Field numbers: onnx.proto3, ONNX 1.17.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import ModelError

MAX_BYTES = 5_000_000
# What all intermediate values of one call may take together. A batch of BLOCK rows of the shipped
# judge takes a tenth of it; a file of a few kilobytes may ask for terabytes.
MAX_MEMORY_BYTES = 256 << 20
MAX_SECONDS = 20.0
# No scale, weight or limit of a judge of speech is larger.
MAX_NUMBER = 1e6

# Arithmetic on whole batches; nothing that loops, branches, allocates by value or names a file.
ALLOWED = frozenset(
    {
        "Abs", "Add", "And", "Cast", "Clip", "Concat", "Constant", "Div", "Equal", "Erf", "Exp",
        "Gather", "Gemm", "Greater", "Identity", "IsNaN", "Less", "Log", "MatMul", "Max", "Min",
        "Mul", "Neg", "Not", "Or", "Pow", "ReduceSum", "Relu", "Sigmoid", "Sqrt", "Squeeze", "Sub",
        "Tanh", "Unsqueeze", "Where",
    }
)  # fmt: skip
FLOAT, DOUBLE = 1, 11


@dataclass(slots=True)
class Port:
    """An input or output: name, element type and shape (None = any)."""

    name: str = ""
    dtype: int = 0
    shape: tuple[int | None, ...] = ()


@dataclass(slots=True)
class OnnxFile:
    """What a file says about itself."""

    ir_version: int = 0
    opset: int = 0
    operators: set[str] = field(default_factory=set)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    refused: str = ""


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > len(data) - at or number == 0:
            raise ValueError("cut off")
        yield number, data[at : at + size]
        at += size


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a number where text was expected")
    return bytes(value).decode("utf-8")


def _view(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message was expected")
    return value


def _tensor(data: memoryview, out: OnnxFile) -> str:
    name, size, dims, kind, values = "", 0, [], 0, b""
    for number, value in _fields(data):
        if number == 2 and isinstance(value, int):
            kind = value
        elif number in (4, 9, 10) and not isinstance(value, int):
            values += value
        if number == 8:
            name = _text(value)
        elif number == 13 or (number == 14 and value == 1):
            out.refused = out.refused or f"tensor '{name}' keeps its data outside the file"
        elif number == 1:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif not isinstance(value, int):
            size += len(value)
    # At least one bit per element: no tensor may promise more than the file can hold.
    if math.prod(dims) > max(size, 1) * 8:
        out.refused = out.refused or f"tensor '{name}' claims more elements than it holds"
    width = {FLOAT: 4, DOUBLE: 8}.get(kind, 0)
    if width:
        held = np.frombuffer(values[: len(values) // width * width], f"<f{width}")
        # A single number that is none may stand for "missing"; among weights it spoils all answers.
        if math.prod(dims) > 1 and not np.isfinite(held).all():
            out.refused = out.refused or f"tensor '{name}' holds values that are no numbers"
        if np.any(np.isfinite(held) & (np.abs(held) > MAX_NUMBER)):
            out.refused = out.refused or f"tensor '{name}' holds values beyond {MAX_NUMBER:g}"
    return name


def _packed(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _node(data: memoryview, out: OnnxFile) -> None:
    operator = domain = ""
    for number, value in _fields(data):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            for n, v in _fields(_view(value)):
                if n in (6, 11):
                    out.refused = out.refused or "a node holds a graph of its own"
                elif n in (5, 10):
                    _tensor(_view(v), out)
                elif n in (22, 23):
                    out.refused = out.refused or "sparse constants"
    out.operators.add(f"{domain}::{operator}" if domain not in ("", "ai.onnx") else operator)


def _port(data: memoryview) -> Port:
    port = Port()
    for number, value in _fields(data):
        if number == 1:
            port.name = _text(value)
        elif number == 2:
            for n, tensor_type in _fields(_view(value)):
                if n != 1:
                    continue
                for m, part in _fields(_view(tensor_type)):
                    if m == 1 and isinstance(part, int):
                        port.dtype = part
                    elif m == 2:
                        port.shape = tuple(
                            next(
                                (
                                    int(v)
                                    for k, v in _fields(_view(d))
                                    if k == 1 and isinstance(v, int)
                                ),
                                None,
                            )
                            for f, d in _fields(_view(part))
                            if f == 1
                        )
    return port


def _graph(data: memoryview, out: OnnxFile) -> None:
    for number, value in _fields(data):
        if number == 1:
            _node(_view(value), out)
        elif number == 5:
            out.initializers.add(_tensor(_view(value), out))
        elif number == 15:
            out.refused = out.refused or "sparse constants"
        elif number == 11:
            out.inputs.append(_port(_view(value)))
        elif number == 12:
            out.outputs.append(_port(_view(value)))


def _model(data: memoryview) -> OnnxFile:
    out = OnnxFile()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            out.ir_version = value
        elif number == 7:
            _graph(_view(value), out)
        elif number == 8:
            parts = dict(_fields(_view(value)))
            domain = _text(parts[1]) if 1 in parts else ""
            if domain in ("", "ai.onnx"):
                version = parts.get(2, 0)
                out.opset = version if isinstance(version, int) else 0
            else:
                out.refused = out.refused or f"operators of the domain '{domain}'"
        elif number == 14:
            parts = dict(_fields(_view(value)))
            if 1 in parts and 2 in parts:
                out.metadata[_text(parts[1])] = _text(parts[2])
        elif number in (20, 25):
            out.refused = out.refused or "functions or training steps of its own"
    return out


def read(path: Path | str) -> tuple[bytes, OnnxFile]:
    """Read and check an ONNX file.

    Returns
    -------
    data : bytes
        The file, read once: what is checked is what is run.
    found : OnnxFile

    Raises
    ------
    ModelError
        If the file is missing, too large, damaged, uses operators outside :data:`ALLOWED`, or
        reaches outside itself. Says which.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(
            f"{path}: {error.strerror or error}.", "Give the path of a judge (an .onnx file)."
        ) from error
    if len(data) > MAX_BYTES:
        raise ModelError(
            f"{path}: larger than {MAX_BYTES // 1_000_000} MB.", "A judge is a few kilobytes."
        )
    try:
        found = _model(memoryview(data))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path}: not an ONNX file, or damaged ({error}).", "Expected a judge (an .onnx file)."
        ) from error
    if not found.operators or not found.outputs:
        raise ModelError(
            f"{path}: not an ONNX file, or empty.", "Expected a judge (an .onnx file)."
        )
    strange = sorted(found.operators - ALLOWED)
    if strange:
        found.refused = (
            found.refused or f"operators that a judge does not need: {', '.join(strange)}"
        )
    if found.refused:
        raise ModelError(
            f"{path}: refused, it has {found.refused}.",
            "A judge holds only arithmetic on its own numbers; write one with 'prosody fit'.",
        )
    return data, found


@cache
def _bounded_memory() -> None:
    """Give sessions that ask for it an allocator with an upper bound, once for this process."""
    import onnxruntime as ort

    about = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                              ort.OrtMemType.DEFAULT)  # fmt: skip
    # Grow by what is asked for, not by doubling, so that the bound is that of what is used.
    limits = ort.OrtArenaCfg({"max_mem": MAX_MEMORY_BYTES, "arena_extend_strategy": 1})
    ort.create_and_register_allocator(about, limits)


def session(data: bytes, path: Path, *, optimised: bool = True) -> Any:
    """Return a session of onnxruntime whose memory is bounded.

    Parameters
    ----------
    data : bytes
        As `read` returned it.
    path : Path
        What the file is called in errors.
    optimised : bool
        Whether the graph may be worked out in advance where nothing depends on the input; what a
        file nobody has tried yet may make large.

    Raises
    ------
    ModelError
        If onnxruntime cannot load it.
    """
    import onnxruntime as ort

    _bounded_memory()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many classes, all of them mean this
        raise cannot_run(path, error) from error


def cannot_run(path: Path, error: Exception) -> ModelError:
    """Return the error for a graph that fails while it is loaded or run."""
    reason = " ".join(str(error).split())[-200:] or "it asks for too much memory"
    return ModelError(
        f"{path}: onnxruntime cannot run it ({reason}).",
        "Expected a judge written by 'prosody fit', which needs less than "
        f"{MAX_MEMORY_BYTES >> 20} MB.",
    )


def run(session: Any, path: Path, names: Sequence[str], matrix: Any) -> list[Any]:
    """Run a graph once; what fails, or takes longer than `MAX_SECONDS`, is a `ModelError`."""
    import onnxruntime as ort

    how = ort.RunOptions()
    timer = threading.Timer(MAX_SECONDS, setattr, (how, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        return list(session.run(list(names), {"columns": matrix}, how))
    except Exception as error:
        raise cannot_run(path, error) from error
    finally:
        timer.cancel()
