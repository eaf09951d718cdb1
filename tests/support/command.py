"""``prosody`` as it is typed, in this process: one of its own costs seconds before it begins."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import Any
from unittest import mock

from prosody.cli import main


def prosody(*args: Any, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; ``analyze`` without workers of its own, unless asked."""
    typed = [str(one) for one in args]
    if typed[0] == "analyze" and "--workers" not in typed:
        typed += ["--workers", "0"]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    code: Any = 0
    with (
        mock.patch.dict(os.environ, {"PROSODY_STRICT": "1", **env}),
        mock.patch.object(sys, "argv", ["prosody", *typed]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(typed, code, *said)
