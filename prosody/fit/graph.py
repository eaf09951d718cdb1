"""The formula of a judge, as an ONNX graph: what an axis says of clips, written once.

Emitted node by node with ``onnx.helper``: converters are silently wrong for some pipelines, and
these few nodes are easier to read than a converter's output. Training, checking and use all run
this graph, so there is no second formula that could differ. Opset 17, IR 10.

With ``b`` seconds of baseline, a difference counts ``w = b / (b + TAU_S)``, and 0 where it is
missing; the share ``1 - w`` of its variance is not known. Then, over terms ``z = w * difference /
scale`` cut at +-LIMIT,

    contribution = coef * z,  rating = bias + sum of contributions,
    variance = residual + |z @ unlike|^2 + |sqrt(1 - w) * coef @ spread|^2 + noise(snr_db).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import MissingExtraError, ModelError, install_line
from prosody.fit.axis import LIMIT, TAU_S, Axis, Noise, relative_name
from prosody.judge import onnx_check
from prosody.judge.judge import Judge
from prosody.measures import table
from prosody.tables.rated_table import Floats, Rated

OPSET, IR = 17, 10
SNR, BASELINE = "snr_db", "baseline_s"
# Beyond these nothing was measured, and a clip of digital silence has no bounds.
SNR_RANGE_DB = (0.0, 60.0)


def inputs_of(axes: Mapping[str, Axis]) -> tuple[str, ...]:
    """Return the columns that axes read, in order of the table; last snr_db and baseline_s."""
    used = {relative_name(m) for axis in axes.values() for m in axis.measures}
    return (*(n for n in table.RELATIVE_NAMES if n in used), SNR, BASELINE)


class _Graph:
    """Nodes and constants of a graph that grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def const(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value, dtype=dtype), name)
        return name

    def node(self, op: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        from onnx import helper

        out = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], **attributes))
        return out


def _emit(g: _Graph, name: str, axis: Axis, inputs: tuple[str, ...]) -> None:
    """Add the nodes of one axis."""
    at = [inputs.index(relative_name(m)) for m in axis.measures]

    def const(what: str, value: Any, dtype: Any = np.float32) -> str:
        return g.const(f"{name}_{what}", value, dtype)

    def column(what: str, index: Any) -> str:
        return g.node("Gather", "columns", g.const(what, index, np.int64), axis=1)

    def known(value: str, missing: str) -> str:
        return g.node("Where", missing, g.const("zero", 0.0), value)

    def squares(value: str) -> str:
        return g.node("ReduceSum", g.node("Mul", value, value), last, keepdims=0)

    last, one = g.const("last", [1], np.int64), g.const("one", 1.0)
    difference = column(f"{name}_at", at)
    missing = g.node("IsNaN", difference)
    seconds = column("baseline_at", [inputs.index(BASELINE)])
    seconds = known(seconds, g.node("IsNaN", seconds))
    weight = g.node("Div", seconds, g.node("Add", seconds, g.const("tau_s", TAU_S)))
    weight = known(weight, missing)
    z = g.node("Mul", weight, known(difference, missing))
    z = g.node("Div", z, const("scale", axis.scale))
    z = g.node("Clip", z, g.const("low", -LIMIT), g.const("high", LIMIT))
    coef = const("coef", axis.coef)
    place = np.zeros((len(at), len(inputs)))
    place[np.arange(len(at)), at] = 1.0
    added = g.node("Mul", z, coef)
    added = g.node("MatMul", added, const("place", place), out=f"{name}_contributions")
    total = g.node("ReduceSum", added, last, keepdims=0)
    g.node("Add", total, const("bias", axis.bias), out=f"{name}_rating")

    unlike = squares(g.node("MatMul", z, const("unlike", axis.unlike)))
    lost = g.node("Mul", g.node("Sqrt", g.node("Sub", one, weight)), coef)
    unknown = squares(g.node("MatMul", lost, const("spread", axis.spread)))
    variance = g.node("Add", g.node("Add", unlike, unknown), const("residual", axis.residual_sd**2))
    if axis.noise is not None:
        snr = column("snr_at", inputs.index(SNR))
        silent = g.node("IsNaN", snr)
        ends = [g.const(f"snr_{i}", v) for i, v in enumerate(SNR_RANGE_DB)]
        heard = g.node("Clip", known(snr, silent), *ends)
        grows = g.node("Mul", heard, const("noise_per_db", axis.noise.per_db))
        noisy = g.node("Exp", g.node("Add", grows, const("noise_at_0", axis.noise.log_variance)))
        variance = g.node("Add", variance, known(noisy, silent))
    g.node("Sqrt", variance, out=f"{name}_sd")


def build(axes: Mapping[str, Axis], metadata: Mapping[str, Any], *, check: bool = True) -> bytes:
    """Return the ONNX file of a judge.

    Parameters
    ----------
    axes : mapping of str to Axis
    metadata : mapping
        Written into ``metadata_props``; values that are not text are written as JSON.
    check : bool
        Let ``onnx`` check the graph.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtraError(
            "Writing a judge needs the package onnx.", install_line("fit")
        ) from error
    inputs = inputs_of(axes)
    g = _Graph()
    outputs: list[tuple[str, list[Any]]] = []
    for name, axis in axes.items():
        _emit(g, name, axis, inputs)
        outputs += [(f"{name}_rating", ["clips"]), (f"{name}_sd", ["clips"])]
        outputs += [(f"{name}_contributions", ["clips", len(inputs)])]
    graph = helper.make_graph(
        g.nodes,
        "prosody_judge",
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["clips", len(inputs)])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs],
        list(g.constants.values()),
    )
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="prosody.fit",
    )
    texts = {
        k: v if isinstance(v, str) else json.dumps(v, sort_keys=True, separators=(",", ":"))
        for k, v in metadata.items()
    }
    helper.set_model_props(proto, texts)
    if check:
        onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def predict(axis: Axis, rated: Rated) -> tuple[Floats, Floats, Floats]:
    """Return rating [n], its standard deviation [n] and contributions [n, measures] of clips."""
    import onnxruntime

    inputs = inputs_of({"axis": axis})
    session = onnxruntime.InferenceSession(
        build({"axis": axis}, {}, check=False), providers=["CPUExecutionProvider"]
    )
    names = ["axis_rating", "axis_sd", "axis_contributions"]
    out = session.run(names, {"columns": rated.matrix(inputs)})
    rating, sd, contributions = (np.asarray(o, dtype=np.float64) for o in out)
    return rating, sd, contributions[:, [inputs.index(relative_name(m)) for m in axis.measures]]


def load(path: Path | str) -> tuple[dict[str, Axis], dict[str, Any]]:
    """Read a judge that this module wrote back into its parameters, and its metadata.

    Raises
    ------
    ModelError
        If the file is no judge, or a judge of another form.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingExtraError(
            "Adapting a judge needs the package onnx.", install_line("fit")
        ) from error
    card = Judge.load(path).card  # refuses what is no judge of this version
    data, _ = onnx_check.read(path)
    proto = onnx.load_from_string(data)
    found = {c.name: numpy_helper.to_array(c).astype(np.float64) for c in proto.graph.initializer}
    inputs = tuple(card["inputs"])
    of_relative = {m.relative_name: m.name for m in table.MEASURES if m.relative_name}
    axes: dict[str, Axis] = {}
    try:
        for name, info in card["axes"].items():
            got = {k.removeprefix(f"{name}_"): v for k, v in found.items() if k.startswith(name)}
            noisy = "noise_at_0" in got
            axes[name] = Axis(
                tuple(of_relative[inputs[int(i)]] for i in got["at"]),
                got["scale"],
                got["coef"],
                float(got["bias"]),
                float(np.sqrt(got["residual"])),
                got["unlike"],
                got["spread"],
                Noise(float(got["noise_at_0"]), float(got["noise_per_db"])) if noisy else None,
                float(info.get("cut", 0.0)),
            )
    except KeyError as error:
        raise ModelError(
            f"{path}: a judge of another form (no {error}).", "Fit it again with 'prosody fit'."
        ) from error
    return axes, card


def write(path: Path | str, axes: Mapping[str, Axis], metadata: Mapping[str, Any]) -> None:
    """Write a judge to a file, whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    part.write_bytes(build(axes, metadata))
    part.replace(path)
