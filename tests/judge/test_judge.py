from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from prosody.errors import ModelError
from prosody.judge import judge as judges
from prosody.judge import onnx_check
from prosody.judge.judge import Judge, verdicts
from prosody.measures import table
from prosody.settings import Settings, Verdict


@pytest.fixture(scope="module")
def shipped():
    return Judge.load()


def rows(judge, n=6, seed=0, share=0.0):
    """Return plausible columns: differences around 0, with a baseline and little noise."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(0, 0.3, n) for name in judge.inputs}
    columns["baseline_s"] = rng.uniform(10, 100, n)
    columns["snr_db"] = rng.uniform(30, 60, n)
    return {k: np.where(rng.random(n) < share, np.nan, v) for k, v in columns.items()}


def test_shipped_judge_is_small_and_of_this_version(shipped):
    assert shipped.path.stat().st_size < 10_000
    assert shipped.axes == ("sincere",)
    assert shipped.card["measures_version"] == table.VERSION
    assert shipped.inputs[-2:] == ("snr_db", "baseline_s")


def test_it_looks_at_few_differences_that_survive_the_telephone(shipped):
    of = {m.relative_name: m for m in table.MEASURES if m.relative_name}
    measures = [of[name] for name in shipped.inputs[:-2]]  # no value, no habit
    assert len(measures) <= 12
    assert all(m.fit_for_judging for m in measures)


def test_lines_are_straight(shipped):
    name = "pitch_mean_st_rel"
    steps = np.linspace(-5, 5, 11)
    judged = shipped.judge({"baseline_s": np.full(11, 60.0), name: steps}).sincere
    np.testing.assert_allclose(np.diff(judged.rating), np.diff(judged.rating)[0], atol=1e-5)
    assert judged.rating[0] > judged.rating[-1]  # lower than usual sounds more sincere


def test_without_enough_other_speech_there_is_no_verdict(shipped):
    columns = rows(shipped, n=4)
    columns["baseline_s"] = np.array([np.nan, 0.0, 4.9, 5.0])
    assert [v is None for v in shipped.judge(columns).verdict] == [True, True, True, False]
    del columns["baseline_s"]
    assert shipped.judge(columns).verdict == [None] * 4


def test_contributions_sum_with_the_bias(shipped):
    judged = shipped.judge(rows(shipped, share=0.2))
    for axis in judged.axes.values():
        np.testing.assert_allclose(
            axis.bias + axis.contributions.sum(axis=1), axis.rating, atol=1e-5
        )


def test_a_batch_gives_what_each_gives_alone_in_any_order(shipped):
    columns = rows(shipped, n=20, share=0.2)
    together = shipped.judge(columns)
    order = np.random.default_rng(1).permutation(20)
    shuffled = shipped.judge({k: v[order] for k, v in columns.items()})
    for axis in shipped.axes:
        np.testing.assert_allclose(
            shuffled.axes[axis].rating, together.axes[axis].rating[order], atol=1e-5
        )
    for i in range(20):
        alone = shipped.judge({k: v[i : i + 1] for k, v in columns.items()})
        for axis in shipped.axes:
            for what in ("rating", "sd", "contributions"):
                np.testing.assert_allclose(
                    getattr(alone.axes[axis], what)[0],
                    getattr(together.axes[axis], what)[i],
                    atol=1e-5,
                )
        assert alone.verdict[0] == together.verdict[i]


def test_more_rows_than_a_block(shipped, monkeypatch):
    columns = rows(shipped, n=30)
    whole = shipped.judge(columns)
    monkeypatch.setattr(judges, "BLOCK", 7)
    np.testing.assert_allclose(
        shipped.judge(columns).sincere.rating, whole.sincere.rating, atol=1e-6
    )


def test_no_rows(shipped):
    judged = shipped.judge({n: np.empty(0) for n in shipped.inputs})
    assert len(judged) == 0
    assert judged.sincere.contributions.shape == (0, len(shipped.inputs))


def test_intervals_widen_when_the_baseline_gets_shorter(shipped):
    columns = rows(shipped, n=40)
    sd = [
        shipped.judge({**columns, "baseline_s": np.full(40, s)}).sincere.sd.mean()
        for s in (300.0, 60.0, 30.0, 10.0, 0.0)
    ]
    assert sd == sorted(sd)
    assert sd[-1] > 1.02 * sd[0]


def test_intervals_widen_when_measures_are_missing(shipped):
    columns = rows(shipped, n=40)
    full = shipped.judge(columns)
    none = shipped.judge({"baseline_s": np.zeros(40)})
    for axis in shipped.axes:
        assert none.axes[axis].sd.mean() > full.axes[axis].sd.mean()
    assert set(none.verdict) == {None}
    np.testing.assert_allclose(none.sincere.contributions, 0)


def test_noise_moves_nothing_and_makes_less_sure(shipped):
    levels = [60.0, 30.0, 20.0, 15.0, 10.0, 0.0]
    one = {name: np.repeat(values, len(levels)) for name, values in rows(shipped, 1).items()}
    known = shipped.judge({**one, "snr_db": levels}).sincere
    blank = shipped.judge({**one, "snr_db": np.full(len(levels), np.nan)}).sincere
    assert np.all(np.diff(known.sd) > 0)
    np.testing.assert_allclose(known.rating, blank.rating, atol=1e-6)
    np.testing.assert_allclose(known.sd[0], blank.sd[0], rtol=5e-3)


def test_noise_alone_makes_no_voice_sincere(shipped):
    """Held with room for what noise adds; nothing is forced by it, and the numbers stay."""
    low = {n: np.full(3, v) for n, v in {"pitch_mean_st_rel": -3.0, "baseline_s": 60.0}.items()}
    low["snr_db"] = np.array([np.nan, 60.0, 12.0])
    found = shipped.judge(low)
    just = float(found.sincere.p_sincere_side[2]) - 0.01
    limits = Settings(verdict=Verdict(sincere_p=just, forced_p=0.51))
    assert shipped.judge(low, limits).verdict == ["sincere", "sincere", "unclear"]
    put_on = {**low, "pitch_mean_st_rel": np.full(3, 3.0)}
    p = float(shipped.judge(put_on).sincere.p_sincere_side[2])
    limits = Settings(verdict=Verdict(sincere_p=0.9, forced_p=1 - p + 0.001))
    assert shipped.judge(put_on, limits).verdict[2] == "unclear"


def test_what_is_not_known_is_a_part_of_the_spread(shipped):
    columns = rows(shipped, n=40)
    short = shipped.judge({**columns, "baseline_s": np.full(40, 6.0)}).sincere
    long = shipped.judge({**columns, "baseline_s": np.full(40, 120.0)}).sincere
    assert np.all(short.unknown_sd > long.unknown_sd)
    assert np.all(long.unknown_sd < long.sd)
    residual = shipped.axis_info("sincere")["residual_sd"]
    np.testing.assert_allclose(long.unknown_sd**2 + residual**2, long.sd**2, rtol=1e-5)


def test_without_a_baseline_differences_say_nothing(shipped):
    columns = rows(shipped)
    columns["baseline_s"] = np.zeros(6)
    judged = shipped.judge(columns).sincere
    np.testing.assert_allclose(judged.rating, judged.bias, atol=1e-6)


def test_infinite_measures_count_as_missing(shipped):
    columns = rows(shipped)
    name = next(n for n in shipped.inputs if n in table.RELATIVE_NAMES)
    a = shipped.judge({**columns, name: np.full(6, np.inf)})
    b = shipped.judge({**columns, name: np.full(6, np.nan)})
    np.testing.assert_array_equal(a.sincere.rating, b.sincere.rating)


def test_probability_and_interval_follow_from_rating_and_sd(shipped):
    axis = shipped.judge(rows(shipped)).sincere
    np.testing.assert_allclose(axis.high - axis.rating, 1.2815515655 * axis.sd)
    assert np.all((axis.p_sincere_side > 0.5) == (axis.rating > 0))


LIMITS = replace(
    Settings(), verdict=Verdict(sincere_p=0.7, forced_p=0.7, dull_p=0.7, recited_p=0.8)
)


@pytest.mark.parametrize(
    ("sincere", "engaged", "decides", "expected"),
    [
        (0.8, 0.6, False, ("sincere", "", "")),
        (0.8, 0.1, False, ("unclear", "", "recited")),
        (0.8, 0.28, False, ("unclear", "", "")),
        (0.8, 0.32, False, ("sincere", "", "")),
        (0.8, 0.1, True, ("forced", "recited", "")),
        (0.5, 0.1, False, ("unclear", "", "recited")),
        (0.5, 0.5, False, ("unclear", "", "")),
        (0.2, 0.9, False, ("forced", "put_on", "")),
        (0.2, 0.1, True, ("forced", "put_on", "recited")),
    ],
)
def test_verdicts(sincere, engaged, decides, expected):
    found = verdicts(np.array([sincere]), np.array([engaged]), LIMITS, recited_decides=decides)
    assert tuple(v[0] for v in found) == expected


def test_verdicts_of_a_judge_with_one_axis():
    p = np.array([0.9, 0.1, 0.5])
    assert verdicts(p, None, LIMITS, recited_decides=False)[0] == ["sincere", "forced", "unclear"]
    word, _, hint = verdicts(None, p, LIMITS, recited_decides=False)
    assert word == ["unclear"] * 3
    assert hint == ["", "recited", ""]


def test_a_take_that_is_lower_and_softer_sounds_more_sincere_than_the_other(shipped):
    columns = {
        n: np.array([-1.0, 0.0, 1.0]) for n in ("pitch_mean_st_rel", "loudness_cv_log2ratio")
    }
    columns["baseline_s"] = np.full(3, 60.0)
    found = shipped.more_sincere(columns, "take")
    assert found.p[0] > 0.5 > found.p[2]
    assert np.all((found.low <= found.p) & (found.p <= found.high))
    assert found.p[1] == pytest.approx(0.5, abs=1e-6)


# --- what is refused -------------------------------------------------------------------------

onnx = pytest.importorskip("onnx")


def edited(shipped, path, change):
    proto = onnx.load(shipped.path)
    change(proto)
    onnx.save(proto, path)
    return path


def props(proto, **values):
    kept = {p.key: p.value for p in proto.metadata_props}
    onnx.helper.set_model_props(proto, {**kept, **values})


def add_node(proto, op, **attributes):
    node = onnx.helper.make_node(op, ["sincere_sd"], [f"extra_{op}"], **attributes)
    proto.graph.node.append(node)


def axes(proto, **values):
    """Change the metadata of the sincere axis."""
    kept = json.loads(next(p.value for p in proto.metadata_props if p.key == "axes"))
    props(proto, axes=json.dumps({**kept, "sincere": {**kept["sincere"], **values}}))


def weights(proto, value, name="sincere_unlike", at=...):
    tensor = next(t for t in proto.graph.initializer if t.name == name)
    numbers = onnx.numpy_helper.to_array(tensor).copy()
    numbers[at] = value
    tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))


def instead(proto, *nodes, **constants):
    """Compute ``sincere_rating`` in another way, from ``columns`` and constants."""
    for node in proto.graph.node:
        node.output[:] = ["old" if o == "sincere_rating" else o for o in node.output]
    for name, value in constants.items():
        tensor = onnx.numpy_helper.from_array(np.asarray(value), name)
        proto.graph.initializer.append(tensor)
    proto.graph.node.extend(nodes)


def node(op, inputs, output, **attributes):
    return onnx.helper.make_node(op, inputs.split(), [output], **attributes)


def doubling(proto):
    """A few kilobytes that ask for 64 GB: a column, put beside itself again and again."""
    steps = [node("Concat", f"d{i} d{i}", f"d{i + 1}", axis=0) for i in range(21)]
    instead(proto, node("Identity", "old", "d0"), *steps,
            node("ReduceSum", "d21", "sincere_rating", keepdims=0))  # fmt: skip


def outer_product(proto):
    instead(proto, node("Unsqueeze", "old at", "column"), node("Unsqueeze", "old front", "row"),
            node("MatMul", "column row", "square"), node("MatMul", "square column", "flat"),
            node("Squeeze", "flat at", "sincere_rating"),
            at=np.array([1]), front=np.array([0]))  # fmt: skip


REFUSED = {
    "nested": (lambda p: props(p, axes="[" * 60_000), "no readable 'axes'"),
    "inputs of another kind": (lambda p: props(p, inputs="[1, 2]"), "'inputs' is no list"),
    "a cut that is a word": (lambda p: axes(p, cut="x"), "cut of 'sincere' is no number"),
    "a bias that is none": (lambda p: axes(p, bias=float("nan")), "has no bias"),
    "typical": (lambda p: axes(p, typical=[1]), "typical of 'sincere' is no table"),
    "thresholds": (lambda p: props(p, thresholds='{"sincere_p": 7}'), "no probabilities"),
    "weights": (lambda p: weights(p, np.nan), "values that are no numbers"),
    "one weight out of bounds": (
        lambda p: weights(p, 3e38, "sincere_coef", 0), "values beyond 1e",
    ),
    "one weight that moves every rating": (
        lambda p: weights(p, 1e5, "sincere_coef", 0), "numbers below 1000",
    ),
    "a bias out of bounds": (lambda p: weights(p, -2e3, "sincere_bias"), "numbers below 1000"),
    "index": (
        lambda p: instead(p, node("Gather", "old far", "sincere_rating"), far=np.array(9**9)),
        "onnxruntime cannot run it",
    ),
    "doubling": (doubling, "onnxruntime cannot run it"),
    "outer product": (outer_product, "onnxruntime cannot run it"),
    "no judge": (lambda p: props(p, format="other"), "no judge"),
    "other format": (lambda p: props(p, format_version="9"), "format version '9'"),
    "other measures": (lambda p: props(p, measures_version="0.0"), "measures version '0.0'"),
    "unknown column": (
        lambda p: props(p, inputs=json.dumps(["jitter"])), "does not compute: jitter",
    ),
    "other unit": (
        lambda p: props(p, units=json.dumps({"baseline_s": "ms"})), "this version computes",
    ),
    "no metadata": (lambda p: props(p, axes="{"), "no readable 'axes'"),
    "operator": (lambda p: add_node(p, "NonZero"), "operators that a judge does not need: NonZero"),
    "loop": (
        lambda p: add_node(p, "If", then_branch=p.graph, else_branch=p.graph), "graph of its own",
    ),
    "output": (lambda p: p.graph.output.pop(), "outputs do not match"),
    "newer": (lambda p: setattr(p, "ir_version", 99), "IR 99"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(shipped, tmp_path, case):
    change, message = REFUSED[case]
    path = edited(shipped, tmp_path / "bad.onnx", change)
    with pytest.raises(ModelError, match=message):
        Judge.load(path)


def test_external_data_is_refused(shipped, tmp_path):
    proto = onnx.load(shipped.path)
    path = tmp_path / "bad.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ModelError, match="outside the file"):
        Judge.load(path)


def test_a_tensor_that_claims_more_than_it_holds_is_refused(shipped, tmp_path):
    def lie(proto):
        proto.graph.initializer[0].dims[:] = [10**9]

    with pytest.raises(ModelError, match="claims more elements"):
        Judge.load(edited(shipped, tmp_path / "bad.onnx", lie))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a", b"\xff" * 50])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not an ONNX file"):
        Judge.load(path)


def test_a_damaged_judge_is_refused_or_unharmed(shipped, tmp_path):
    data = shipped.path.read_bytes()
    path = tmp_path / "cut.onnx"
    for size in range(0, len(data) - 1, len(data) // 23):
        path.write_bytes(data[:size])
        with pytest.raises(ModelError):
            Judge.load(path)


def test_too_large_is_refused(tmp_path):
    path = tmp_path / "big.onnx"
    path.write_bytes(b"\0" * (onnx_check.MAX_BYTES + 1))
    with pytest.raises(ModelError, match="larger than 5 MB"):
        Judge.load(path)


def test_no_file(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx"):
        Judge.load(tmp_path / "none.onnx")
