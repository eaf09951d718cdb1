"""A run as a folder of pages to open in a browser: offline, without a server, nothing fetched.

`make` writes it. Every page stands alone; what a reader enters stays in the browser.
"""

from __future__ import annotations

from prosody.report.build import Made, make
from prosody.results.read import read as results_of

__all__ = ["Made", "make", "results_of"]
