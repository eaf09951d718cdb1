"""Choose which apologies people rate: half at random, half enriched, with known probabilities.

A sample that is taken where the judge is unsure or extreme covers rare kinds, and tells nothing of
how often they occur; a random one tells that, and holds few of them. Here both come out of one
draw. Every apology gets two probabilities: one for the random half, the same for all as far as the
limit per agent lets it be, and one for the enriched half, which is larger where few lie. Their sum
is the probability of being in the sample. The draw is systematic over apologies ordered by
language, line and agent (Madow 1949, "On the theory of systematic sampling, II"): its size is
fixed, languages and lines come in proportion, no agent goes over the limit, and each apology comes
with exactly its probability. Who counts every clip with one over that (Horvitz & Thompson 1952)
learns from the whole sample what is true of the whole run.

Of the clips drawn, a second draw makes ``n / 2`` the random half, with conditional probabilities,
so that this half too has weights of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosody.errors import UsageError
from prosody.measures.table import NAMES, RELATIVE_NAMES
from prosody.results.read import Run, clip_id, number
from prosody.tables.rated_table import Floats

MOST_PER_AGENT = 8
ENRICH = ("auto", "judge", "measures", "none")
# What is looked for in the enriched half where no judge has judged: takes unlike the agent's own
# habit, one way or the other. They are measures that both axes rest on.
UNUSUAL = ("pitch_p50_st_rel", "loudness_mean_log2ratio", "loudness_peaks_per_s_log2ratio",
           "pitch_range_st_rel")  # fmt: skip
EXTREME_SHARE = 0.1  # of the apologies at either end of an axis
NARROW_HZ = 8000

# The file that holds the voice, its channel there, and when it begins on the call's clock: of a
# call in several files the recording's name alone does not tell.
TRACK = ("file", "file_sha256", "file_channel", "file_offset_s")
# One row per clip. `clip` is the name that `prosody rate` and the report's export write into
# ratings; with the measures behind it the table is also what `prosody fit` takes beside them.
COLUMNS = (
    "clip", "recording", "recording_sha256", "channel", "start_s", "end_s", *TRACK, "agent",
    "text", "language", "line", "stratum", "half", "enriched_for", "inclusion_probability",
    "weight", "random_weight",
    *NAMES, *RELATIVE_NAMES, "baseline_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """The apologies that may be chosen.

    Parameters
    ----------
    rows : list of dict
        As in ``apologies.jsonl``, in order of their clip names; each sound once.
    clip, agent, language, line : ndarray of str [shape=(n,)]
        ``agent`` is the call or the recording where a row names no agent; ``line`` is
        ``narrowband``, ``wideband`` or ``unknown``.
    kind : ndarray of int [shape=(n,)]
        What an apology would be looked for in the enriched half, an index of `kinds`.
    kinds : tuple of str
    left_out : dict of str to int
        ``gated`` and ``twice``: how many apologies are not in the frame, and why.
    agents_named : bool
        Whether the run knows agents.
    tracks : tuple
        Of each row where its voice lies; see `TRACK`.
    """

    rows: list[dict[str, Any]]
    clip: NDArray[np.str_]
    agent: NDArray[np.str_]
    language: NDArray[np.str_]
    line: NDArray[np.str_]
    kind: NDArray[np.intp]
    kinds: tuple[str, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    agents_named: bool = True
    tracks: tuple[tuple[str, str, int, float], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def stratum(self) -> NDArray[np.str_]:
        """Language and line of each apology, as one word."""
        return np.char.add(np.char.add(self.language, "/"), self.line)


@dataclass(frozen=True, slots=True)
class Sample:
    """Apologies that were chosen.

    Parameters
    ----------
    frame : Frame
    chosen : ndarray of int [shape=(n,)]
        Rows of the frame, in random order: who rates only the first 50 has a sample of the sample.
    probability : ndarray [shape=(n,)]
        With which each came into the sample.
    random : ndarray of bool [shape=(n,)]
        Whether it is in the random half.
    random_weight : ndarray [shape=(n,)]
        What a clip of the random half stands for when only that half is counted; NaN in the other.
    """

    frame: Frame
    chosen: NDArray[np.intp]
    probability: Floats
    random: NDArray[np.bool_]
    random_weight: Floats

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def weight(self) -> Floats:
        """How many apologies of the run each clip stands for."""
        return 1 / self.probability

    def table(self) -> list[dict[str, Any]]:
        """Return the rows of the file that is written; see `COLUMNS`.

        It names agents and what the enriched half was looked for: it is for whoever keeps the
        study, not for raters.
        """
        out = []
        frame = self.frame
        for i, p, random, own in zip(
            self.chosen, self.probability, self.random, self.random_weight, strict=True
        ):
            row = frame.rows[i]
            out.append(
                {
                    **{n: row.get(n) for n in ("recording", "recording_sha256", "channel")},
                    "clip": str(frame.clip[i]),
                    "start_s": row.get("start_s"),
                    "end_s": row.get("end_s"),
                    **dict(zip(TRACK, frame.tracks[i], strict=True)),
                    "agent": str(frame.agent[i]),
                    "text": row.get("text"),
                    "language": str(frame.language[i]),
                    "line": str(frame.line[i]),
                    "stratum": str(frame.stratum[i]),
                    "half": "random" if random else "enriched",
                    "enriched_for": "" if random else frame.kinds[frame.kind[i]],
                    "inclusion_probability": float(p),
                    "weight": float(1 / p),
                    "random_weight": "" if math.isnan(own) else float(own),
                    **_known(row.get("measures")),
                    **_known(row.get("relative")),
                    "baseline_s": row.get("baseline_s"),
                }
            )
        return out

    def write(self, path: Path) -> None:
        """Write the chosen clips as CSV, whole or not at all."""
        from prosody.results.write import write_csv

        write_csv(path, self.table(), COLUMNS)


def _known(values: Any) -> dict[str, Any]:
    return values if isinstance(values, dict) else {}


def line_of(sr_hz: Any) -> str:
    """Return what kind of line a sampling rate tells of."""
    if not isinstance(sr_hz, (int, float)) or sr_hz <= 0:
        return "unknown"
    return "narrowband" if sr_hz <= NARROW_HZ else "wideband"


def frame_of(run: Run, *, enrich: str = "auto", gated: bool = False) -> Frame:
    """Return the apologies of a run that may be chosen.

    Parameters
    ----------
    run : Run
    enrich : {'auto', 'judge', 'measures', 'none'}
        Whether the enriched half goes by the judge's two axes, by measures that are unlike the
        agent's own, or is random too. ``auto``: by the judge where the run has judgements.
    gated : bool
        Take apologies along whose judgement was withheld (too short, clipped, ...). By default
        they are left out: the judge will not judge such clips, and many of them cannot be heard
        well.
    """
    records = {str(record.get("recording")): record for record in run.recordings}
    left = {"gated": 0, "twice": 0}
    rows: dict[str, dict[str, Any]] = {}
    for row in run.whole():
        if row.get("gates") and not gated:
            left["gated"] += 1
            continue
        name = clip_id(row)
        if name in rows:
            left["twice"] += 1
            # Which of two copies stays must not depend on the order of the file.
            row = min(row, rows[name], key=lambda r: str(r.get("recording")))
        rows[name] = row
    clips = sorted(rows)
    ordered = [rows[c] for c in clips]
    how = enrich
    if how == "auto":
        how = "judge" if any(r.get("verdict") for r in ordered) else "measures"
    if how == "judge" and not any(r.get("verdict") for r in ordered):
        raise UsageError(
            f"{run.folder}: nothing was judged in this run, so the judge cannot say where to look.",
            "Give --enrich measures, or none.",
        )
    kind, kinds = _kinds(ordered, how)

    def text(*names: str) -> NDArray[np.str_]:
        return np.array(
            [next((str(r[n]) for n in names if r.get(n)), "unknown") for r in ordered],
            dtype=np.str_,
        )

    return Frame(
        ordered,
        np.array(clips, dtype=np.str_),
        text("agent", "call_id", "recording"),
        text("language"),
        np.array(
            [line_of(records.get(str(r.get("recording")), {}).get("sr_hz")) for r in ordered],
            dtype=np.str_,
        ),
        kind,
        kinds,
        left,
        any(r.get("agent") for r in ordered),
        tuple(_track(r, records.get(str(r.get("recording"))) or {}) for r in ordered),
    )


def _track(row: dict[str, Any], record: dict[str, Any]) -> tuple[str, str, int, float]:
    """Return the file that a row's voice lies in, as `prosody.report.files` finds it."""
    channel = int(row.get("channel") or 0)
    tracks = [t for t in record.get("tracks") or () if isinstance(t, dict)]
    if len({str(t.get("file")) for t in tracks}) > 1:  # several files: rows count files
        track = tracks[channel if channel < len(tracks) else 0]
    else:
        track = next((t for t in tracks if t.get("channel") == channel), {})
    return (
        str(track.get("file") or row.get("recording") or ""),
        str(track.get("sha256") or row.get("recording_sha256") or ""),
        int(number(track, "channel", channel)),
        number(track, "offset_s", 0.0),
    )


def _kinds(rows: list[dict[str, Any]], how: str) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return what each apology would be looked for, and the names of that; 0 is nothing special."""
    names, columns = ["other"], []
    if how == "judge":
        for axis, what in (("sincere", "rating"), ("engaged", "rating"), ("animation", "value")):
            found = np.array([number(r.get(axis) or {}, what, np.nan) for r in rows])
            if np.isfinite(found).any():
                names += [f"{axis}_low", f"{axis}_high"]
                columns += [found, -found]
        p = np.array([number(r.get("sincere") or {}, "p", np.nan) for r in rows])
        names.append("unsure")
        columns.append(np.abs(p - 0.5))
    elif how == "measures":
        for name in UNUSUAL:
            value = np.array([number(r.get("relative") or {}, name, np.nan) for r in rows])
            names += [f"{name}_low", f"{name}_high"]
            columns += [value, -value]
    if not columns:
        return np.zeros(len(rows), dtype=np.intp), tuple(names)
    # Rank from the end, as a share of the known; an apology belongs to where it is most extreme.
    ranks = np.stack([_rank_share(c) for c in columns])
    best = np.argmin(ranks, axis=0)
    near = ranks[best, np.arange(len(rows))] <= EXTREME_SHARE
    return np.where(near, best + 1, 0), tuple(names)


def _rank_share(values: Floats) -> Floats:
    """Return each value's place from the smallest, 0 to 1; 2 where it is missing."""
    known = np.flatnonzero(np.isfinite(values))
    out = np.full(len(values), 2.0)
    order = known[np.argsort(values[known], kind="stable")]
    out[order] = (np.arange(len(order)) + 0.5) / max(1, len(order))
    return out


def draw(frame: Frame, n: int, *, seed: int = 0, per_agent: int = MOST_PER_AGENT) -> Sample:
    """Draw clips without replacement.

    Parameters
    ----------
    frame : Frame
    n : int
        How many; fewer come where there are fewer, or where the limit per agent allows no more.
    seed : int
        The same seed gives the same clips of the same run, in the same order.
    per_agent : int
        At most this many of one agent.
    """
    _, agent = np.unique(frame.agent, return_inverse=True)
    counts = np.bincount(agent, minlength=1) if len(frame) else np.zeros(1, dtype=np.intp)
    n = int(min(n, np.minimum(counts, per_agent).sum()))
    if n == 0:
        none = np.zeros(0)
        return Sample(frame, none.astype(np.intp), none, none.astype(bool), none)
    whole, at_random = probabilities(frame, agent, n, per_agent)
    rng = np.random.default_rng(seed)
    order = _order(frame, agent, rng)
    chosen = order[_systematic(whole[order], n, rng)]
    # The random half of what was drawn; `q` is nearly the same for all that are not enriched.
    half = (n + 1) // 2
    q = fill(at_random[chosen] / whole[chosen], half, np.ones(n), np.zeros(n, np.intp),
             np.full(1, np.inf))  # fmt: skip
    random = np.zeros(n, dtype=bool)
    random[_systematic(q, half, rng)] = True
    weight = np.where(random, 1 / (whole[chosen] * q), np.nan)
    mixed = rng.permutation(n)
    return Sample(frame, chosen[mixed], whole[chosen][mixed], random[mixed], weight[mixed])


def probabilities(
    frame: Frame, agent: NDArray[np.intp], n: int, per_agent: int
) -> tuple[Floats, Floats]:
    """Return for each apology the probability to be drawn, and the random half's part in it.

    Parameters
    ----------
    frame : Frame
    agent : ndarray of int [shape=(n,)]
        Number of each row's agent.
    n : int
        How many are drawn; no more than the limit per agent allows.
    per_agent : int
    """
    limit = np.full(int(agent.max()) + 1, float(per_agent))
    one = np.ones(len(frame))
    half = (n + 1) // 2
    # Each half may use half of an agent's places, so that neither takes all of a small team's.
    first = fill(one, half, one, agent, limit / 2)
    sizes = _enriched_sizes(frame)
    left: Floats = limit - np.bincount(agent, first, minlength=len(limit))
    second = fill(sizes, n - float(first.sum()), one - first, agent, left)
    short = n - float(first.sum() + second.sum())
    if short > 1e-9:  # one half found no more: the rest is random
        left = limit - np.bincount(agent, first + second, minlength=len(limit))
        first = first + fill(one, short, one - first - second, agent, left)
    whole = np.clip(first + second, 0.0, 1.0)
    return whole, np.minimum(first, whole)


def _enriched_sizes(frame: Frame) -> Floats:
    """Return how much the enriched half looks for each apology: every kind alike.

    Within a kind, languages and lines count by the square root of their number (Bankier 1988,
    "Power allocations"), so that small ones are not lost. What is of no kind has a tenth.
    """
    _, stratum = np.unique(frame.stratum, return_inverse=True)
    cell = stratum * len(frame.kinds) + frame.kind
    count = np.bincount(cell)[cell]
    power = np.sqrt(np.bincount(stratum))[stratum] / count
    total = np.bincount(frame.kind, power, minlength=len(frame.kinds))[frame.kind]
    out: Floats = power / total * np.where(frame.kind == 0, 0.1, 1.0)
    return out


def fill(
    sizes: Floats, total: float, most: Floats, group: NDArray[np.intp], limit: Floats
) -> Floats:
    """Return probabilities that sum to `total`, in proportion to sizes as far as limits allow.

    Parameters
    ----------
    sizes, most : ndarray [shape=(n,)]
        Sizes above 0, and the largest probability of each.
    total : float
        Less comes out where the limits allow no more.
    group : ndarray of int [shape=(n,)]
    limit : ndarray [shape=(groups,)]
        The largest sum in each group.
    """
    most = np.maximum(most, 0.0)

    def within(scale: Floats) -> Floats:
        out: Floats = np.minimum(most, scale[group] * sizes)
        return out

    def bisect(enough: Callable[[Floats], Any], low: Floats, high: Floats) -> Floats:
        for _ in range(80):  # each step halves the distance on a logarithmic scale
            middle = np.sqrt(low * high)
            over = enough(middle)
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return low

    top = float(np.max(most / sizes)) + 1e-300
    bottom = np.full(len(limit), max(top * 1e-30, 1e-300))
    # The scale at which each group is full, infinite where it never is.
    full = bisect(
        lambda s: np.bincount(group, within(s), minlength=len(limit)) > limit,
        bottom,
        np.full(len(limit), top),
    )
    if not total < float(within(full).sum()):
        return within(full)
    scale = bisect(
        lambda s: np.array([within(np.minimum(full, s[0])).sum() > total]),
        bottom[:1],
        np.full(1, top),
    )
    return within(np.minimum(full, scale[0]))


def _order(frame: Frame, agent: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return rows by language and line, agents whole and in random order, kinds side by side."""
    names, stratum = np.unique(frame.stratum, return_inverse=True)
    table = np.zeros((int(agent.max()) + 1, len(names)), dtype=np.intp)
    np.add.at(table, (agent, stratum), 1)
    # An agent stays in one piece, at the stratum of most of her calls: the limit rests on that.
    home = np.argmax(table, axis=1)
    shuffled = rng.permutation(len(table))
    return np.lexsort((rng.random(len(frame)), frame.kind, stratum, shuffled[agent], home[agent]))


def _systematic(probability: Floats, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return n places, each with its probability, by one random start and equal steps."""
    edges = np.cumsum(probability)
    edges *= n / edges[-1]
    at = np.arange(n) + rng.random()
    return np.minimum(np.searchsorted(edges, at, side="right"), len(edges) - 1)
