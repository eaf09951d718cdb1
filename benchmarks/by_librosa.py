"""The measures as librosa's own functions give them, beside ours: how alike, clip by clip.

All clips of EmoDB (16 kHz) and the agents' turns of HarperValley (8 kHz), both ways. Correlation
over clips, and the median difference (ours less librosa's, in the measure's unit).
``docs/parity.md`` shows both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from benchmarks import common, parity


def main(argv: list[str]) -> int:
    """Measure both ways and write how alike they are."""
    args = common.arguments(argv, __doc__)
    from prosody.measures.by_librosa import by_librosa
    from prosody.measures.measure import measure
    from prosody.measures.table import ACOUSTIC, BY_NAME

    sets: dict[str, list[tuple[np.ndarray, int]]] = {}
    files: list[Path] = []
    emodb = sorted((args.data / "emodb").rglob("*.flac"))[:: 8 if args.quick else 1]
    if emodb:
        sets["EmoDB, 16 kHz"] = [soundfile.read(p, dtype="float32") for p in emodb]
        files += emodb
    if (args.data / "harpervalley").is_dir():
        found, used = parity.turns(args.data / "harpervalley")
        sets["HarperValley, 8 kHz"] = found[:: 4 if args.quick else 1]
        files += used
    if not sets:
        samples = sorted((common.ROOT / "samples").glob("*.wav"))
        sounds = [soundfile.read(p, dtype="float32", always_2d=True) for p in samples]
        sets["samples"] = [(part, sr) for y, sr in sounds for part in np.array_split(y[:, 0], 8)]
        files = samples
    results = {}
    for name, clips in sets.items():
        sr = clips[0][1]
        ours = measure([y for y, _ in clips], sr)
        theirs = by_librosa([y for y, _ in clips], sr)
        rows = []
        for i, column in enumerate(ACOUSTIC):
            both = np.isfinite(ours[:, i]) & np.isfinite(theirs[:, i])
            if both.sum() < 10:
                continue
            a, b = ours[both, i], theirs[both, i]
            spread = np.std(a) * np.std(b)
            rows.append(
                {
                    "measure": column,
                    "unit": BY_NAME[column].unit,
                    "clips": int(both.sum()),
                    "r": float(np.corrcoef(a, b)[0, 1]) if spread > 0 else np.nan,
                    "median_difference": float(np.median(a - b)),
                }
            )
        print(f"\n{name}: {len(clips)} clips")
        print(common.table(rows))
        results[name] = rows
    common.write("by_librosa", args, results, files)
    return 0
