"""One thread for arithmetic: what every numerical library reads when it is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping

ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
     "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS"), "1",
)  # fmt: skip


def one_thread() -> None:
    """Give this process one thread for arithmetic, where the user has not said otherwise.

    To be called before NumPy is loaded. Matrices of a judge are small: threads of a library of
    linear algebra wait for each other, on a busy machine for most of the time.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
