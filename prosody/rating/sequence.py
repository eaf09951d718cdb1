"""Which clips one rater hears, and in what order; a pure function of set, seed and rater.

Raters are numbered as they come. Over raters every clip of an agent is taken equally often, and
every clip stands in the first, second ... block equally often, so that answers are spread evenly
over the clips also when some raters stop half way.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK = 30
REPEAT_SHARE = 0.13  # of the clips heard once; 11.5 % of all that is heard
MOST_PER_AGENT = 8
LEAST_FOR_REPEATS = 6  # with fewer clips one repeat would be more than 15 %
GAP = 6  # a repeat comes at least this many places after the first hearing, where there is room
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Trial:
    """One hearing: the number of the clip in the set, and whether it was heard before."""

    clip: int
    is_repeat: bool = False


def repeats_for(clips: int) -> int:
    """Return how many repeats go with so many clips: 10 to 15 % of what is heard.

    Of 10 or 11 clips no whole number of repeats does that: one is taken. Below 6 there are none.
    """
    if clips < LEAST_FOR_REPEATS:
        return 0
    some = max(1, round(REPEAT_SHARE * clips))
    more = some + 1
    return more if some / (clips + some) < 0.1 and more / (clips + more) <= 0.15 else some


def quotas(sizes: Sequence[int]) -> list[int]:
    """Return how many clips of each agent one rater hears, so that the repeats fit in as well.

    Parameters
    ----------
    sizes : sequence of int
        Clips of each agent in the set.
    """
    out = [min(n, MOST_PER_AGENT) for n in sizes]

    def room() -> int:
        return sum(min(c, MOST_PER_AGENT - c) for c in out)

    while room() < repeats_for(sum(out)):
        # All places of the agents are taken: the one with the most clips gives one up.
        fullest = max(range(len(out)), key=lambda i: (out[i], sizes[i], -i))
        out[fullest] -= 1
    return out


def sequence(
    agents: Sequence[str], rater: int, seed: int = 0, *, block: int = BLOCK
) -> list[Trial]:
    """Return what one rater hears.

    Parameters
    ----------
    agents : sequence of str
        Who speaks in each clip of the set; '' where it is not known (such a clip counts as a
        speaker of its own).
    rater : int
        Number of the rater, from 0, in order of coming.
    seed : int
        Of the study.
    block : int
        Hearings between pauses.

    Returns
    -------
    list of Trial
        The same for the same arguments, whatever happened before.
    """
    if not agents:
        return []
    chosen = _chosen(agents, rater, seed)
    rng = random.Random(f"{seed}/order/{rater}")
    groups = max(1, round(len(chosen) * (1 + REPEAT_SHARE) / block))
    turn, shift = divmod(rater, groups)
    # A new partition for every round of raters; within a round each group takes every place once.
    ranks = list(range(len(agents)))
    random.Random(f"{seed}/round/{turn}").shuffle(ranks)
    chosen.sort(key=ranks.__getitem__)
    cut = [round(i * len(chosen) / groups) for i in range(groups + 1)]
    best: list[Trial] = []
    # Where few agents may be heard once more and theirs come last, another shuffle has room.
    for _ in range(_TRIES):
        order: list[int] = []
        for i in range(groups):
            at = (i + shift) % groups
            part = chosen[cut[at] : cut[at + 1]]
            rng.shuffle(part)
            order += part
        made = _with_repeats(order, agents, rng)
        best = max(best, made, key=len)
        if len(best) == len(chosen) + repeats_for(len(chosen)):
            break
    return best


def _chosen(agents: Sequence[str], rater: int, seed: int) -> list[int]:
    """Return the clips of one rater: of each agent the next ones of a ring, so all get heard."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, agent in enumerate(agents):
        members[agent or f"\0{i}"].append(i)
    rings = list(members.values())
    out: list[int] = []
    for k, (ring, quota) in enumerate(zip(rings, quotas([len(r) for r in rings]), strict=True)):
        ring = ring.copy()
        random.Random(f"{seed}/ring/{k}").shuffle(ring)
        out += [ring[(rater * quota + j) % len(ring)] for j in range(quota)]
    return out


def _with_repeats(order: list[int], agents: Sequence[str], rng: random.Random) -> list[Trial]:
    """Put the repeats in, spread evenly, each a good while after its first hearing."""
    wanted = repeats_for(len(order))
    left = Counter({a: MOST_PER_AGENT for a in agents if a})
    left.subtract(agents[c] for c in order if agents[c])
    gap = max(1, min(GAP, len(order) // 3))
    out: list[Trial] = []
    done: set[int] = set()
    for i, clip in enumerate(order, 1):
        out.append(Trial(clip))
        due = (i * wanted) // len(order) - len(done)
        for _ in range(due):
            if (again := _again(out, agents, left, done, rng, gap)) is not None:
                out.append(Trial(again, True))
                done.add(again)
    # What found no place while there was little to repeat comes at the end, among the last ones.
    while len(done) < wanted:
        again = _again(out, agents, left, done, rng, 1)
        if again is None:
            break
        out.append(Trial(again, True))
        done.add(again)
    return out


def _again(
    out: Sequence[Trial],
    agents: Sequence[str],
    left: Counter[str],
    done: set[int],
    rng: random.Random,
    gap: int,
) -> int | None:
    """Return a clip heard at least `gap` hearings ago that may be heard again, or None."""
    heard = [t.clip for t in out[: len(out) - gap] if not t.is_repeat]
    free = [c for c in heard if c not in done and (not agents[c] or left[agents[c]] > 0)]
    if not free:
        return None
    chosen = rng.choice(free)
    if agents[chosen]:
        left[agents[chosen]] -= 1
    return chosen
