"""Write a judge as one ONNX file that describes itself.

Emitted node by node with ``onnx.helper``: converters are silently wrong for some pipelines, and
these few nodes are easier to read than a converter's output. Opset 17, IR 10.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prosody.errors import MissingExtraError, ModelError, install_line
from prosody.fit.model import (
    LN2,
    NEAR_0,
    SNR,
    SNR_RANGE_DB,
    AxisModel,
    JudgeModel,
    Noise,
    Terms,
)
from prosody.judge import onnx_check
from prosody.judge.judge import Judge
from prosody.measures.table import BY_NAME, MEASURES

OPSET, IR = 17, 10


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

        out = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], **attributes))
        return out


def _log2(g: _Graph, x: str) -> str:
    positive = g.node("Greater", x, g.const("zero", 0.0))
    safe = g.node("Where", positive, x, g.const("nan", np.nan))
    return g.node("Mul", g.node("Log", safe), g.const("log2_e", 1.0 / LN2))


def _slope(g: _Graph, z: str, axis: AxisModel, const: Callable[..., str]) -> str:
    """Return what a unit of each term adds: one number each, or bent where the line bends."""
    coef = const("coef", axis.coef)
    if not len(axis.knots):
        return coef
    side = const("side", np.sign(axis.knots))
    wide = g.node("Unsqueeze", z, g.const("behind", [2], np.int64))
    beyond = g.node("Sub", g.node("Mul", wide, side), const("knots", np.abs(axis.knots)))
    bent = g.node("Mul", g.node("Relu", beyond), const("bends", axis.bends))
    bent = g.node("ReduceSum", bent, g.const("behind", [2], np.int64), keepdims=0)
    near = g.node("Less", g.node("Abs", z), g.const("near_0", NEAR_0))
    return g.node("Add", coef, g.node("Div", bent, g.node("Where", near, g.const("one", 1.0), z)))


def _noise(g: _Graph, noise: Noise, at: int, const: Callable[..., str]) -> tuple[str, str]:
    """Return what noise takes from a rating and adds to its variance; 0 where it is not known."""
    snr = g.node("Gather", "columns", const("snr_at", at, np.int64), axis=1)
    zero, unknown = g.const("zero", 0.0), g.node("IsNaN", snr)
    heard = g.node("Where", unknown, zero, snr)
    heard = g.node("Max", heard, g.const("snr_low", SNR_RANGE_DB[0]))
    heard = g.node("Min", heard, g.const("snr_high", SNR_RANGE_DB[1]))
    grows = g.node("Mul", heard, const("noise_per_db", noise.variance_per_db))
    added = g.node("Exp", g.node("Add", grows, const("noise_at_0", noise.log_variance)))
    below = g.node("Relu", g.node("Sub", const("quiet_db", noise.quiet_db), heard))
    taken = g.node("Mul", below, const("shift_per_db", -noise.shift_per_db))
    return g.node("Where", unknown, zero, taken), g.node("Where", unknown, zero, added)


def _fit(g: _Graph, name: str, axis: AxisModel, inputs: tuple[str, ...]) -> None:
    t, p, k = axis.terms, len(axis.terms.measures), len(inputs)
    at = {n: i for i, n in enumerate(inputs)}

    def const(what: str, value: Any, dtype: Any = np.float32) -> str:
        return g.const(f"{name}_{what}", value, dtype)

    # A column that the axis does not read points at baseline_s and is masked out below.
    nowhere = at["baseline_s"]
    uses_abs = ~t.relative | t.guess
    rel_at = [at[n] for n in t.relative_names]
    abs_at = [at[n] if uses_abs[i] else nowhere for i, n in enumerate(t.measures)]
    rel = g.node("Gather", "columns", const("rel_at", rel_at, np.int64), axis=1)
    absolute = g.node("Gather", "columns", const("abs_at", abs_at, np.int64), axis=1)
    absolute = g.node("Where", const("log", t.log, np.bool_), _log2(g, absolute), absolute)
    if t.level.any():
        level = const("level", t.level, np.bool_)
        loud = const("loudness_at", [at["loudness_mean"]], np.int64)
        gain = _log2(g, g.node("Gather", "columns", loud, axis=1))
        absolute = g.node("Where", level, g.node("Sub", absolute, gain), absolute)
        loud = const("loudness_rel_at", [at[BY_NAME["loudness_mean"].relative_name]], np.int64)
        gain = g.node("Gather", "columns", loud, axis=1)
        rel = g.node("Where", level, g.node("Sub", rel, gain), rel)
    zero, one = g.const("zero", 0.0), g.const("one", 1.0)
    is_rel = const("relative", t.relative, np.bool_)
    no_abs = g.node("Or", g.node("IsNaN", absolute), const("not_abs", ~uses_abs, np.bool_))
    no_rel = g.node("IsNaN", rel)
    b = g.node("Gather", "columns", const("baseline_at", [nowhere], np.int64), axis=1)
    b = g.node("Where", g.node("IsNaN", b), zero, b)
    weight = g.node("Div", b, g.node("Add", b, const("tau_s", t.tau_s)))
    weight = whole = g.node("Where", no_rel, zero, weight)
    instead = g.node("Or", is_rel, no_abs)  # absolute terms take the relative only in need
    if t.habit.any():  # a habit is what is left when the deviation is taken out
        weight = g.node(
            "Where",
            instead,
            g.node("Mul", weight, const("not_habit", ~t.habit)),
            g.node("Mul", weight, const("habit", -1.0 * t.habit)),
        )
    else:
        weight = g.node("Where", instead, weight, zero)
    rest = g.node("Sub", one, weight)
    within = const("within", t.within)
    share = g.node("Where", is_rel, g.node("Mul", rest, within), one)
    from_abs = g.node("Mul", share, g.node("Sub", absolute, const("centre", t.centre)))
    from_abs = g.node("Where", no_abs, zero, from_abs)
    from_rel = g.node("Mul", weight, g.node("Where", no_rel, zero, rel))
    scale, limit = const("scale", t.scale), const("high", t.limit)
    from_rel = g.node("Div", from_rel, scale)
    from_abs = g.node("Div", from_abs, scale)
    z = g.node("Add", from_rel, from_abs)
    # Cut at the limit, both parts alike.
    cut = g.node("Div", limit, g.node("Max", g.node("Abs", z), limit))
    z = g.node("Mul", z, cut)

    # Each part goes to the column that tells it: of a value, the deviation from the habit to the
    # relative one. A habit is told from the absolute one. A column takes from few terms, so
    # gathering is smaller and faster than a sparse matrix.
    own = g.node("Mul", whole, g.node("Where", no_rel, zero, rel))
    own = g.node("Where", instead, from_rel, g.node("Div", own, scale))
    by_rel = g.node("Mul", own, cut)
    if t.habit.any():
        by_rel = g.node("Mul", by_rel, const("not_habit", ~t.habit))
    slope = _slope(g, z, axis, const)
    by_abs = g.node("Mul", g.node("Sub", z, by_rel), slope)
    by_rel = g.node("Mul", by_rel, slope)
    if_rel = g.node("Mul", rest, g.node("Where", no_abs, one, const("without", 1 - t.within)))
    if_abs = g.node("Sub", one, g.node("Mul", weight, within))
    if_abs = g.node("Where", no_abs, if_abs, zero)
    unknown = g.node("Where", is_rel, if_rel, if_abs)
    if axis.offset is not None:
        told = np.where(t.habit, 0.0, np.where(t.relative, 1.0, t.within))
        known = g.node("Mul", weight, const("told", told))
        other = g.node("Sub", g.node("Sub", one, unknown), known)
        offset = const("offset", axis.offset)
        by_rel = g.node("Add", by_rel, g.node("Mul", known, offset))
        by_abs = g.node("Add", by_abs, g.node("Mul", other, offset))
    takes: list[list[int]] = [[] for _ in range(k)]
    for i in range(p):
        takes[rel_at[i]].append(i)
        if uses_abs[i]:
            takes[abs_at[i]].append(p + i)
    none = 2 * p  # a column of zeros, for columns that take from fewer terms than others
    zeros = g.node("Mul", g.node("Where", g.node("IsNaN", b), zero, b), zero)
    shares = g.node("Concat", by_rel, by_abs, zeros, axis=1)
    deep = max(len(t) for t in takes)
    parts = []
    for d in range(deep):
        index = [t[d] if d < len(t) else none for t in takes]
        parts.append(g.node("Gather", shares, const(f"takes{d}", index, np.int64), axis=1))
    contributions = parts[0]
    for part in parts[1:]:
        contributions = g.node("Add", contributions, part)
    noisy = _noise(g, axis.noise, at[SNR], const) if axis.noise is not None else None
    if noisy:
        column = const("snr_column", np.arange(k) == at[SNR])
        taken = g.node("Unsqueeze", noisy[0], g.const("last_axis", [1], np.int64))
        contributions = g.node("Add", contributions, g.node("Mul", taken, column))
    contributions = g.node("Identity", contributions, out=f"{name}_contributions")
    columns_axis = g.const("last_axis", [1], np.int64)
    total = g.node("ReduceSum", contributions, columns_axis, keepdims=0)
    g.node("Add", total, const("bias", axis.bias), out=f"{name}_rating")

    effect = const("coef", axis.coef)
    if axis.effect is not None:
        effect = const("effect", axis.effect)
    lost = g.node("Mul", g.node("Sqrt", unknown), effect)
    missing = g.node("MatMul", lost, const("spread", axis.spread.T))
    missing = g.node("ReduceSum", g.node("Mul", missing, missing), columns_axis, keepdims=0)
    rest_of = g.node("Mul", g.node("Mul", lost, lost), const("rest", axis.rest))
    missing = g.node("Add", missing, g.node("ReduceSum", rest_of, columns_axis, keepdims=0))
    used = np.flatnonzero(np.diag(axis.posterior))
    zs = z if len(used) == p else g.node("Gather", z, const("used", used, np.int64), axis=1)
    posterior = const("posterior", axis.posterior[np.ix_(used, used)])
    unlike = g.node("Mul", g.node("MatMul", zs, posterior), zs)
    unlike = g.node("Relu", g.node("ReduceSum", unlike, columns_axis, keepdims=0))
    average = g.node("Mul", unknown, const("expected", axis.expected))
    unlike = g.node("Add", unlike, g.node("ReduceSum", average, columns_axis, keepdims=0))
    own = const("residual", axis.residual_sd**2)
    if axis.wider is not None:
        grows = g.node("Mul", z, const("wider", 2.0 * axis.wider))
        own = g.node(
            "Mul", own, g.node("Exp", g.node("ReduceSum", grows, columns_axis, keepdims=0))
        )
    variance = g.node("Add", g.node("Add", missing, unlike), own)
    if noisy:
        variance = g.node("Add", variance, noisy[1])
    g.node("Sqrt", variance, out=f"{name}_sd")


def _axis(g: _Graph, name: str, axis: AxisModel, inputs: tuple[str, ...]) -> list[tuple[str, int]]:
    _fit(g, name, axis, inputs)
    return [(f"{name}_rating", 0), (f"{name}_sd", 0), (f"{name}_contributions", len(inputs))]


def build(model: JudgeModel, metadata: Mapping[str, Any]) -> bytes:
    """Return the ONNX file of a judge.

    Parameters
    ----------
    model : JudgeModel
    metadata : mapping
        Written into ``metadata_props``; values that are not text are written as JSON. ``inputs``
        and ``axes`` are filled in here.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtraError(
            "Writing a judge needs the package onnx.", install_line("fit")
        ) from error
    inputs = model.inputs
    g = _Graph()
    outputs = [o for name, axis in model.axes.items() for o in _axis(g, name, axis, inputs)]
    graph = helper.make_graph(
        g.nodes,
        "prosody_judge",
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["clips", len(inputs)])],
        [
            helper.make_tensor_value_info(o, TensorProto.FLOAT, ["clips", w] if w else ["clips"])
            for o, w in outputs
        ],
        list(g.constants.values()),
    )
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="prosody.fit",
    )
    props = {
        k: v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in metadata.items()
    }
    helper.set_model_props(proto, props)
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def load(path: Path | str) -> tuple[JudgeModel, dict[str, Any]]:
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
    axes: dict[str, AxisModel] = {}
    try:
        for name, info in card["axes"].items():
            cut = float(info.get("cut", 0.0))
            axes[name] = _parameters(found, name, inputs, cut)
    except KeyError as error:
        raise ModelError(
            f"{path}: a judge of another form (no {error}).", "Fit it again with 'prosody fit'."
        ) from error
    return JudgeModel(axes), card


def _parameters(
    found: Mapping[str, Any], name: str, inputs: tuple[str, ...], cut: float
) -> AxisModel:
    def get(what: str) -> Any:
        return found[f"{name}_{what}"]

    of_relative = {m.relative_name: m.name for m in MEASURES if m.relative_name}
    measures = tuple(of_relative[inputs[int(i)]] for i in get("rel_at"))
    p, relative = len(measures), get("relative").astype(bool)
    level = found.get(f"{name}_level", np.zeros(p)).astype(bool)
    habit = found.get(f"{name}_habit", np.zeros(p)).astype(bool)
    terms = Terms(
        measures,
        relative,
        level,
        get("centre"),
        get("scale"),
        get("within"),
        relative & ~get("not_abs").astype(bool),
        habit,
        get("tau_s"),
        float(get("high")),
    )
    used = found.get(f"{name}_used", np.arange(p)).astype(int)
    covariance = np.zeros((p, p))
    covariance[np.ix_(used, used)] = get("posterior")
    return AxisModel(
        terms,
        get("coef"),
        float(get("bias")),
        get("spread").T,
        get("rest"),
        covariance,
        get("expected"),
        float(np.sqrt(get("residual"))),
        cut,
        found[f"{name}_knots"] * get("side") if f"{name}_knots" in found else np.zeros(0),
        found.get(f"{name}_bends", np.zeros((0, 0))),
        found.get(f"{name}_effect"),
        found.get(f"{name}_offset"),
        found[f"{name}_wider"] / 2.0 if f"{name}_wider" in found else None,
        Noise(
            -float(get("shift_per_db")),
            float(get("quiet_db")),
            float(get("noise_at_0")),
            float(get("noise_per_db")),
        )
        if f"{name}_quiet_db" in found
        else None,
    )


def write(path: Path | str, model: JudgeModel, metadata: Mapping[str, Any]) -> None:
    """Write a judge to a file, whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    part.write_bytes(build(model, metadata))
    part.replace(path)
