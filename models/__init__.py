"""The shipped networks and the cards that say what they are."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def session(name: str) -> Any:
    """Load a shipped network once per process, for one thread.

    Parameters
    ----------
    name : str
        File name here without ``.onnx``.

    Returns
    -------
    onnxruntime.InferenceSession
    """
    from importlib.resources import files

    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    model = files("prosody.models").joinpath(f"{name}.onnx").read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
