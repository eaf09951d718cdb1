"""Measurements of the program itself: speed, accuracy, agreement with openSMILE and Praat.

``python -m benchmarks`` runs them; README.md beside this file says how to read the results.

Importing this package pins the numeric libraries to one thread. They read these variables when
they load, so this has to happen before numpy does.
"""

import os
import sys
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

for _name in THREAD_VARIABLES:
    os.environ[_name] = "1"

# Tests and benchmarks share their helpers, and those of tests stand there.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "support"))
