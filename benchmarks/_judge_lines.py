"""A rated table as it would have been measured on a telephone: errors from paired recordings.

SinA-C has no sound, so its clips cannot be sent through a line. EmoDB's can: what a line does to
each measure is learned there, as a linear function of all measures with what is left over. A rated
speaker is then given the leftovers of one EmoDB speaker, clip by clip and whole rows at a time, so
that they keep their correlations and what a speaker's clips share.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common, telephone
from prosody.measures import table
from prosody.tables.rated_table import Floats, Rated, add_relative

LINES = ("8 kHz", "300-3400 Hz", "G.711 mu-law", "AMR-NB 5.9 kbit/s", "noise 15 dB", "telephone")
STRENGTH = 30.0
# Level of the voice over the noise that a line adds, where it adds any.
SNR_DB = {"noise 15 dB": 15.0, "telephone": 25.0}


def paired(args: Any) -> dict[str, Any]:
    """Return EmoDB's measures, clean and after each line, and who speaks."""
    import soundfile

    from prosody.measures.measure import measure

    files = common.data_files(args, "emodb", "*.flac", limit=80 if args.quick else None)
    clips = [soundfile.read(f, dtype="float32")[0] for f in files]
    speakers = np.array([f.name[:2] for f in files])
    after = {line: telephone.degraded(clips, speakers, line) for line in LINES}
    return {"clean": measure(clips, 16000), "after": after, "speakers": speakers}


def _scaled(values: Floats, names: list[str]) -> Floats:
    ratio = np.array([table.BY_NAME[n].relative == "log2_ratio" for n in names])
    return np.where(ratio, np.log2(np.where(values > 0, values, np.nan)), values)


def heard(rated: Rated, pairs: dict[str, Any], line: str, seed: int = 0) -> Rated:
    """Return the table as measured after a line, differences from the others' clips included."""
    names = [n for n in table.ACOUSTIC if n in rated.columns and n != "duration_s"]
    at = [table.ACOUSTIC.index(n) for n in names]
    clean = _scaled(pairs["clean"][:, at], names)
    change = _scaled(pairs["after"][line][:, at], names) - clean
    centre, spread = np.nanmean(clean, axis=0), np.nanstd(clean, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z = np.nan_to_num((clean - centre) / spread)
    usual = np.nanmean(change, axis=0)
    change = np.nan_to_num(change - usual)
    gram = z.T @ z + STRENGTH * np.eye(len(names))
    weights = np.linalg.solve(gram, z.T @ change)
    left = change - z @ weights
    x = _scaled(np.stack([rated.columns[n] for n in names], axis=1), names)
    x = x + usual + np.clip(np.nan_to_num((x - centre) / spread), -3, 3) @ weights
    rng = np.random.default_rng(seed)
    voices: NDArray[np.str_] = np.unique(pairs["speakers"])
    for speaker in np.unique(rated.speaker):
        mine = np.flatnonzero(rated.speaker == speaker)
        pool = np.flatnonzero(pairs["speakers"] == rng.choice(voices))
        x[mine] += left[rng.choice(pool, len(mine))]
    columns = {
        n: 2.0 ** x[:, i] if table.BY_NAME[n].relative == "log2_ratio" else x[:, i]
        for i, n in enumerate(names)
    }
    after = add_relative(replace(rated, columns=columns))
    known = {
        "baseline_s": rated.columns["baseline_s"],
        "snr_db": np.full(len(rated), SNR_DB.get(line, np.nan)),
    }
    return replace(after, columns={**after.columns, **known})
