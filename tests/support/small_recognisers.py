"""Recognisers small enough to make here: they tell loud sound from none, and have real formats."""

import json

import numpy as np

VOCABULARY = ["\u2581sor", "ry", "<blk>"]


def save(nodes, inputs, outputs, constants, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(n, kinds[k], s) for n, k, s in inputs],
        [helper.make_tensor_value_info(n, kinds[k], s) for n, k, s in outputs],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def vocabulary(folder, kind):
    (folder / "vocab.txt").write_text(
        "".join(f"{token} {i}\n" for i, token in enumerate(VOCABULARY)), encoding="utf-8"
    )
    (folder / "config.json").write_text(
        json.dumps({"model_type": kind, "features_size": 80, "subsampling_factor": 8})
    )


def ctc(folder):
    """A CTC model that hears "sor" where the sound is louder than its mean, else nothing."""
    from onnx import helper as h

    folder.mkdir()
    vocabulary(folder, "nemo-conformer-ctc")
    zero = np.zeros((1, 1, 1), np.float32)
    save(
        [
            h.make_node("ReduceMean", ["audio_signal"], ["loud"], axes=[1], keepdims=1),
            h.make_node(
                "AveragePool", ["loud"], ["pooled"], kernel_shape=[8], strides=[8], ceil_mode=1
            ),
            h.make_node("Transpose", ["pooled"], ["score"], perm=[0, 2, 1]),
            h.make_node("Mul", ["score", "no"], ["none"]),
            h.make_node("Sub", ["none", "one"], ["never"]),
            h.make_node("Concat", ["score", "never", "none"], ["logprobs"], axis=2),
            h.make_node("Identity", ["length"], ["unused"]),
        ],
        [("audio_signal", "f", ["b", 80, "t"]), ("length", "i", ["b"])],
        [("logprobs", "f", ["b", "s", 3]), ("unused", "i", ["b"])],
        {"no": zero, "one": zero + 9},
        folder / "model.onnx",
    )
    return folder


def tdt(folder):
    """A transducer with durations that says "sor", then "ry", at every stretch of loud sound."""
    from onnx import helper as h

    folder.mkdir()
    vocabulary(folder, "nemo-conformer-tdt")
    eight = np.array([8], np.int64)
    save(
        [
            h.make_node("ReduceMean", ["audio_signal"], ["loud"], axes=[1], keepdims=1),
            h.make_node(
                "AveragePool", ["loud"], ["outputs"], kernel_shape=[8], strides=[8], ceil_mode=1
            ),
            h.make_node("Add", ["length", "seven"], ["more"]),
            h.make_node("Div", ["more", "eight"], ["encoded_lengths"]),
        ],
        [("audio_signal", "f", ["b", 80, "t"]), ("length", "i", ["b"])],
        [("outputs", "f", ["b", 1, "s"]), ("encoded_lengths", "i", ["b"])],
        {"seven": eight - 1, "eight": eight},
        folder / "encoder-model.onnx",
    )
    # Logits: "sor" where it is loud and the last token was not "sor"; "ry" right after "sor".
    save(
        [
            h.make_node("Squeeze", ["encoder_outputs", "axes"], ["loud"]),
            h.make_node("Cast", ["targets"], ["last"], to=1),
            h.make_node("Squeeze", ["last", "axes2"], ["token"]),
            h.make_node("Equal", ["token", "zero"], ["was"]),
            h.make_node("Cast", ["was"], ["after"], to=1),
            h.make_node("Mul", ["after", "nine"], ["ry"]),
            h.make_node("Concat", ["loud", "ry", "blank", "steps"], ["flat"], axis=0),
            h.make_node("Reshape", ["flat", "shape"], ["outputs"]),
            h.make_node("Identity", ["input_states_1"], ["output_states_1"]),
            h.make_node("Identity", ["input_states_2"], ["output_states_2"]),
            h.make_node("Identity", ["target_length"], ["unused"]),
        ],
        [
            ("encoder_outputs", "f", [1, 1, 1]),
            ("targets", "i", [1, 1]),
            ("target_length", "i", [1]),
            ("input_states_1", "f", [1, 1, 1]),
            ("input_states_2", "f", [1, 1, 1]),
        ],
        [
            ("outputs", "f", [1, 1, 1, 8]),
            ("output_states_1", "f", [1, 1, 1]),
            ("output_states_2", "f", [1, 1, 1]),
            ("unused", "i", [1]),
        ],
        {
            "axes": np.array([1, 2]),
            "axes2": np.array([1]),
            "zero": np.zeros(1, np.float32),
            "blank": np.full(1, 0.01, np.float32),
            "nine": np.full(1, 9, np.float32),
            "steps": np.array([0, 0, 0, 0, 1], np.float32),
            "shape": np.array([1, 1, 1, 8]),
        },
        folder / "decoder_joint-model.onnx",
    )
    return folder
