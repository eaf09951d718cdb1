"""What pages in a browser are built with: libraries that are built in, so that nothing is fetched.

``vendor/`` holds wavesurfer.js 8.0.1 (BSD-3-Clause; as an ES module for pages that are served, and
as a classic script for pages opened from the disk, where browsers load no modules) and uPlot 1.6.32
(MIT), as they stand in the npm packages `wavesurfer.js` and `uplot`, with their licences.
"""

from __future__ import annotations

from importlib.resources import files

NAMES = ("wavesurfer.esm.js", "wavesurfer.min.js", "wavesurfer.LICENSE", "uPlot.esm.js",
         "uPlot.min.css", "uPlot.LICENSE")  # fmt: skip


def vendored(name: str) -> bytes:
    """Return one file of ``vendor/``; `KeyError` for any other name."""
    if name not in NAMES:
        raise KeyError(name)
    return (files(__name__) / "vendor" / name).read_bytes()
