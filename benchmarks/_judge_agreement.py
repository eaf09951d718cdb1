"""Ratings from our measures against ratings from openSMILE's numbers for the same sound.

That is what makes a judge that was fitted on published functionals valid on real recordings. Where
the two differ, others are asked: Praat's pitch in place of both, openSMILE on the same sound at
another rate, and, since a telephone recording has no truth of its own, what openSMILE says of clean
sound that is then sent through a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common, parity, pitch, telephone
from benchmarks._judge_voices import Sounds, rated_of
from prosody.judge.judge import Judge, Judgements
from prosody.measures import table
from prosody.tables.rated_table import Floats, Rated, add_relative, from_egemaps

Columns = Mapping[str, Floats]
LINES = ("300-3400 Hz", "AMR-NB 5.9 kbit/s", "telephone")


def agreement(judge: Judge, rated: Rated, sounds: Sounds, sr: int) -> dict[str, Any]:
    """Return how ratings from our measures agree with ratings from openSMILE's.

    Also with our voicing and pitch and openSMILE's everything else; with the pitch of Praat (its
    own voicing) under our measures, held against both; and, on a telephone, how openSMILE agrees
    with itself when the same sound is given to it at 16 kHz.
    """
    theirs = opensmile(rated, sounds, sr)
    # Only what openSMILE has: the rest is missing on both sides.
    ours = {k: v for k, v in rated.columns.items() if k in theirs}
    a, b = judge.judge(ours), judge.judge(theirs)
    voiced = {
        column
        for m in table.MEASURES
        if m.family == "pitch" or "segment" in m.name
        for column in (m.name, m.relative_name)
    }
    mixed = {k: ours[k] if k in voiced and k in ours else v for k, v in theirs.items()}
    praat = {how: _praat(rated, sounds, sr, how, ours) for how in ("ac", "cc")}
    by_ac, by_cc = (judge.judge(columns) for columns in praat.values())
    others = {
        "correlation_with_our_voicing": (a, judge.judge(mixed)),
        "correlation_of_ours_with_praat": (a, by_ac),
        "correlation_of_opensmile_with_praat": (b, by_ac),
        "correlation_of_praats_two_methods": (by_ac, by_cc),
    }
    if sr < 16000:
        import soxr

        wide = [np.asarray(soxr.resample(y, sr, 16000), dtype=np.float32) for y in sounds]
        itself = judge.judge(opensmile(rated, wide, 16000))
        others["correlation_of_opensmile_with_itself_at_16_khz"] = (b, itself)
    out: dict[str, Any] = {"clips": len(rated)}
    for axis in judge.axes:
        x, y = a.axes[axis].rating, b.axes[axis].rating
        out[axis] = {
            "correlation": _r(x, y),
            "mean_difference": float(np.mean(x - y)),
            "difference_sd": float(np.std(x - y)),
            "sd_of_a_rating": float(np.mean(a.axes[axis].sd)),
            "same_verdict": float(np.mean(np.array(a.verdict) == np.array(b.verdict))),
            **{
                name: _r(p.axes[axis].rating, q.axes[axis].rating)
                for name, (p, q) in others.items()
            },
            "ratings": (x, y),
        }
    heard = {"ours": ours, "opensmile": theirs, "praat_ac": praat["ac"]}
    out["most_apart"] = _most_apart(rated, *(j.axes["sincere"].rating for j in (a, b)), heard)
    return out


def _most_apart(rated: Rated, x: Floats, y: Floats, heard: Mapping[str, Columns]) -> dict[str, Any]:
    """Return how much voice each tracker finds in the speaker on whom ratings differ most."""
    names = np.unique(rated.speaker)
    apart = [abs(float(np.mean((x - y)[rated.speaker == s]))) for s in names]
    worst = rated.speaker == names[int(np.argmax(apart))]
    shares = {
        who: float(np.nanmedian(np.asarray(columns["voiced_share"])[worst]))
        for who, columns in heard.items()
    }
    return {
        "clips": int(worst.sum()),
        "difference": float(np.mean((x - y)[worst])),
        "voiced_share": shares,
        "correlation_without": _r(x[~worst], y[~worst]),
    }


def pooled(found: Mapping[str, dict[str, Any]], axes: tuple[str, ...]) -> dict[str, float]:
    """Return the correlation over all clips of several sets together; takes their ratings out."""
    pairs = {a: [f[a].pop("ratings") for f in found.values()] for a in axes}
    return {
        a: _r(np.concatenate([x for x, _ in both]), np.concatenate([y for _, y in both]))
        for a, both in pairs.items()
    }


def through_lines(judge: Judge, rated: Rated, clips: Sounds, sr: int) -> dict[str, Any]:
    """Return whose ratings of a line come nearer to openSMILE's ratings of the clean sound."""
    from prosody.measures.measure import measure

    theirs = opensmile(rated, clips, sr)
    ours = {k: v for k, v in rated.columns.items() if k in theirs}
    clean = judge.judge(theirs)
    heard: dict[str, tuple[Judgements, Judgements]] = {"clean": (judge.judge(ours), clean)}
    names = rated.clip.tolist()
    for line in LINES:
        after, rate = telephone.after(clips, rated.speaker, line)
        again = rated_of(names, rated.speaker.tolist(), measure(after, rate), after, rate)
        again.columns["duration_s"][:] = rated.columns["duration_s"]
        kept = {k: v for k, v in again.columns.items() if k in theirs}
        heard[line] = judge.judge(kept), judge.judge(opensmile(again, after, rate))
    return {
        axis: {
            line: {
                "ours": _r(a.axes[axis].rating, clean.axes[axis].rating),
                "opensmile": _r(b.axes[axis].rating, clean.axes[axis].rating),
            }
            for line, (a, b) in heard.items()
        }
        for axis in judge.axes
    }


def _r(x: Floats, y: Floats) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def _like(rated: Rated, columns: dict[str, Floats]) -> Columns:
    columns["duration_s"] = rated.columns["duration_s"]
    blank = Rated(rated.clip, rated.speaker, rated.sentence, rated.rating, columns)
    return add_relative(blank).columns


def opensmile(rated: Rated, sounds: Sounds, sr: int) -> Columns:
    """Return openSMILE's numbers for sounds under our names, relative ones included."""
    module = common.need("opensmile")
    smile = module.Smile(module.FeatureSet.eGeMAPSv01a, module.FeatureLevel.Functionals)
    found = [smile.process_signal(y, sr).iloc[0].to_dict() for y in sounds]
    names = found[0]
    return _like(rated, from_egemaps({n: np.array([float(f[n]) for f in found]) for n in names}))


def _praat(rated: Rated, sounds: Sounds, sr: int, how: str, wanted: Columns) -> Columns:
    """Return our measures on Praat's pitch and voicing."""
    track = pitch.praat(how)
    # Praat needs three periods of its lowest pitch; a clip may be shorter.
    edge_s = 0.05
    rows = []
    for y in sounds:
        padded: NDArray[np.float32] = np.pad(y, round(edge_s * sr))
        time_s, hz = track(padded, sr)
        contour = np.where(hz > 0, hz, np.nan)
        names, values = parity.given([(y, sr)], [contour], float(time_s[0]) - edge_s, 0.01)
        rows.append(values[0])
    stacked = np.array(rows)
    columns = from_egemaps({n: stacked[:, i] for i, n in enumerate(names)})
    return {k: v for k, v in _like(rated, columns).items() if k in wanted}
