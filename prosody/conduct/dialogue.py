"""The call as the rules see it: who complains, who apologises, for which problem.

*Complaint*: the first stretch of the customer's speech with a complaint cue. It ends where that
stretch ends: with the customer's last word before the agent says more than "yes" or "hm". Saying
it again later does not move that end. Where no cue comes before the first apology, the customer's
first stretch of at least eight words before it is taken for the complaint (``assumed``): an apology
shows that there was something to apologise for, and so does owning a mistake. A complaint that
neither answers needs a cue.

*Problem*: a call has one, from the complaint on. Another begins where the customer, after an
apology, complains with words that announce something further ("ook nog", "another thing").
Apologies before the first complaint stand by themselves (problem 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from prosody.conduct.detectors import Hit, Lexicon
from prosody.conduct.result import Said
from prosody.conduct.text import BREAK, Stretch, plain, stretches
from prosody.settings import Settings
from prosody.transcripts.turns import Act, Turn

ASSUMED_WORDS = 8
"""Words of the customer's that an apology makes a complaint of, where no cue was recognised."""


@dataclass(frozen=True, slots=True)
class LocatedApology:
    """One apology of the agent, found again in the stretches.

    ``first`` to ``last`` (exclusive) are its tokens in stretch ``stretch``; -1 where the window
    came without text. ``problem`` is 0 before the first complaint.
    """

    act: Act
    stretch: int
    first: int
    last: int
    start_s: float
    end_s: float
    exact: bool
    problem: int = 0
    text: str = ""

    @property
    def said(self) -> Said:
        """Return its words and times."""
        return Said(self.start_s, self.end_s, self.text or self.act.text, self.act.role)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Where the customer tells of one problem."""

    stretch: int
    cues: tuple[Hit, ...]
    start_s: float
    end_s: float
    exact: bool
    said: Said
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Everything the rules ask of a call."""

    turns: tuple[Turn, ...]
    stretches: list[Stretch]
    lexicon: Lexicon
    settings: Settings
    agent: str
    apologies: tuple[LocatedApology, ...]
    others: tuple[Act, ...]
    complaints: tuple[Complaint, ...]
    roles_known: bool
    found: dict[str, list[Hit]] = field(default_factory=dict)

    def hits(self, detector: str) -> list[Hit]:
        """Return what a detector finds in the agent's speech."""
        if detector not in self.found:
            self.found[detector] = self.lexicon.find(detector, self.stretches, self.agent)
        return self.found[detector]

    def said(self, hit: Hit) -> Said:
        """Return the words of a hit with their times."""
        return self.stretches[hit.stretch].said(hit.first, hit.last)

    def sentence(self, hit: Hit) -> Said:
        """Return the words from a hit to the end of its sentence."""
        piece = self.stretches[hit.stretch]
        end = hit.last
        while end < len(piece.tokens) and piece.tokens[end].text != BREAK:
            end += 1
        return piece.said(hit.first, end)

    @property
    def main(self) -> LocatedApology | None:
        """Return the apology that answers the complaint: the first one after its beginning.

        Where none does, the first apology of the call.
        """
        answers = (a for a in self.apologies if a.problem > 0)
        return next(answers, self.apologies[0] if self.apologies else None)

    @property
    def felt_sorry(self) -> bool:
        """Return whether the agent was sorry "to see this", with the broken thing before her.

        That is sympathy, yet nobody can say that no "sorry" was heard.
        """
        lines = [self.lexicon.line(a.text) for a in self.others if a.kind == "sympathy"]
        return bool(self.lexicon.find("beholding", lines))

    def is_courtesy(self, apology: LocatedApology) -> bool:
        """Return whether an apology is for waiting in this call ("sorry to keep you waiting").

        One that answers a complaint about a wait is none.
        """
        if apology.stretch < 0 or not _waits(apology, self.stretches, self.lexicon):
            return False
        if apology.problem == 0:
            return True
        said = self.stretches[self.complaints[apology.problem - 1].stretch]
        return bool(
            self.lexicon.find("holding", [self.lexicon.line(apology.text or apology.act.text)])
        ) and (not self.lexicon.find("waiting", [said]))


def _locate(act: Act, turns: Sequence[Turn], pieces: list[Stretch]) -> tuple[int, int, int]:
    """Return stretch and tokens of an act, or (-1, -1, -1)."""
    timed = act.has_word_times or act.turn < 0
    for index, piece in enumerate(pieces):
        apart = not piece.tokens[0].turn <= act.turn <= piece.tokens[-1].turn
        if piece.role != act.role or (act.turn >= 0 and apart):
            continue
        # An act may run on into the next turn, where that follows at once.
        inside = [i for i, t in enumerate(piece.tokens) if t.text != BREAK and t.turn >= act.turn]
        if timed:
            inside = [
                i
                for i in inside
                if piece.tokens[i].start_s > act.start_s - 0.05
                and piece.tokens[i].end_s < act.end_s + 0.05
            ]
            if inside:
                return index, inside[0], inside[-1] + 1
            continue
        if not inside:
            continue
        wanted = plain(act.text)
        have = [piece.tokens[i] for i in inside]
        shown = [p for t in have if t.shown for p in plain(t.shown)]
        spots = [i for i, t in zip(inside, have, strict=True) if t.shown]
        if len(shown) == len(spots):
            for at in range(len(shown) - len(wanted) + 1):
                if wanted and shown[at : at + len(wanted)] == wanted:
                    return index, spots[at], spots[at + len(wanted) - 1] + 1
        return index, -1, -1
    return -1, -1, -1


def _apology(act: Act, turns: Sequence[Turn], pieces: list[Stretch]) -> LocatedApology:
    index, first, last = _locate(act, turns, pieces)
    if index < 0 or act.has_word_times or act.turn < 0:
        return LocatedApology(
            act, index, first, last, act.start_s, act.end_s, math.isfinite(act.start_s)
        )
    if first < 0:
        # Its words are not in the turn as it stands here: it lies somewhere in it.
        inside = [i for i, t in enumerate(pieces[index].tokens) if t.turn == act.turn]
        return LocatedApology(act, index, inside[0], inside[-1] + 1, math.nan, math.nan, False)
    # Without word times the act is the whole turn: its own place in it is spread by length.
    begin, end = pieces[index].tokens[first], pieces[index].tokens[last - 1]
    return LocatedApology(act, index, first, last, begin.start_s, end.end_s, begin.exact)


def _trimmed(
    apology: LocatedApology, pieces: list[Stretch], others: list[Hit], lexicon: Lexicon
) -> LocatedApology:
    """End an apology where a sentence of another kind begins within its words.

    Text without punctuation does not show where the apologising clause ends: "that was our
    mistake" or "I'll send you a new one" is no part of it, unless a word of the file's ``joins``
    ties it on ("sorry that we missed ...") or the apology goes on after it.
    """
    if apology.stretch < 0:
        return apology
    piece = pieces[apology.stretch]
    for hit in others:
        inside = apology.first + 2 <= hit.first < apology.last
        if hit.stretch != apology.stretch or not inside:
            continue
        before = {t.text for t in piece.tokens[hit.first - 2 : hit.first]}
        rest = {t.text for t in piece.tokens[hit.first : apology.last]}
        if before & lexicon.joins or rest & lexicon.sorry:
            continue
        said = piece.said(apology.first, hit.first)
        end_s = said.end_s if math.isfinite(said.end_s) else apology.end_s
        return replace(apology, last=hit.first, end_s=end_s, text=said.text)
    return apology


def _one_breath(found: list[LocatedApology], gap_s: float) -> list[LocatedApology]:
    """Join apologies of one turn that follow each other closely."""
    out: list[LocatedApology] = []
    for apology in found:
        last = out[-1] if out else None
        if (
            last is not None
            and last.stretch == apology.stretch
            and apology.first >= 0
            and (apology.first <= last.last or apology.start_s - last.end_s < gap_s)
        ):
            text = " ".join(dict.fromkeys((last.said.text, apology.said.text)))
            forms = {last.act.i_form, apology.act.i_form} - {None}
            act = replace(
                last.act,
                end_s=max(last.end_s, apology.end_s),
                text=text,
                i_form=True if True in forms else (False if forms else None),
            )
            out[-1] = replace(
                last,
                act=act,
                text=text,
                last=max(last.last, apology.last),
                end_s=max(last.end_s, apology.end_s),
            )
        else:
            out.append(apology)
    return out


def _complaint(piece: Stretch, index: int, cues: tuple[Hit, ...]) -> Complaint:
    words = [i for i, t in enumerate(piece.tokens) if t.text != BREAK]
    first = cues[0].first if cues else words[0]
    end = piece.tokens[words[-1]]
    return Complaint(
        stretch=index,
        cues=cues,
        start_s=piece.tokens[first].start_s,
        end_s=end.end_s,
        exact=end.exact,
        said=piece.said(first, cues[0].last if cues else words[-1] + 1),
        assumed=not cues,
    )


def _complaints(
    pieces: list[Stretch], agent: str, lexicon: Lexicon, apologies: list[LocatedApology]
) -> tuple[Complaint, ...]:
    cues = lexicon.find("complaint", pieces, "customer")
    further = lexicon.find("further", pieces, "customer")
    first_cue = min((c.stretch for c in cues), default=len(pieces))
    out: list[Complaint] = []
    answers = [
        (a.stretch, a.start_s)
        for a in apologies
        if a.stretch >= 0 and not _waits(a, pieces, lexicon)
    ]
    for owned in lexicon.find("responsibility", pieces, agent):
        answers.append((owned.stretch, pieces[owned.stretch].tokens[owned.first].start_s))
    assumed = _assumed(pieces, first_cue, answers)
    if assumed is not None:
        out.append(_complaint(pieces[assumed], assumed, ()))
    for index, piece in enumerate(pieces):
        here = tuple(c for c in cues if c.stretch == index)
        if not here:
            continue
        if out:
            between = any(out[-1].stretch < a.stretch < index for a in apologies)
            if not (between and any(f.stretch == index for f in further)):
                continue
        out.append(_complaint(piece, index, here))
    return tuple(out)


def _assumed(pieces: list[Stretch], first_cue: int, answers: list[tuple[int, float]]) -> int | None:
    """Return the stretch that the agent's answer shows to be a complaint although it has no cue.

    ``answers`` are the stretches and times of apologies and of mistakes that are owned.
    """
    if not answers or first_cue < min(answers)[0]:
        return None
    until, start_s = min(answers)
    for index, piece in enumerate(pieces[:until]):
        words = [t for t in piece.tokens if t.text != BREAK]
        # A stretch that goes on after the answer counts by what was said before it.
        before = sum(t.start_s < start_s for t in words)
        if piece.role == "customer" and (before or len(words)) >= ASSUMED_WORDS:
            return index
    return None


def _waits(apology: LocatedApology, pieces: list[Stretch], lexicon: Lexicon) -> bool:
    """Return whether an apology is for a wait ("sorry to keep you waiting")."""
    hits = lexicon.find("waiting", [pieces[apology.stretch]])
    return any(apology.first - 2 <= h.first <= apology.last + 6 for h in hits)


def read(
    turns: Sequence[Turn], acts: Sequence[Act], lexicon: Lexicon, settings: Settings
) -> Dialogue:
    """Put a call together from its turns and acts.

    Turns may come in any order; ``Act.turn`` indexes them as given.
    """
    order = sorted(
        range(len(turns)),
        key=lambda i: (math.inf if math.isnan(turns[i].start_s) else turns[i].start_s, i),
    )
    rank = {old: new for new, old in enumerate(order)}
    turns = tuple(turns[i] for i in order)
    acts = [replace(a, turn=rank.get(a.turn, -1)) for a in acts]
    roles = {t.role for t in turns} | {a.role for a in acts}
    agent = "agent" if "agent" in roles else "unknown"
    solid = frozenset(a.turn for a in acts if a.kind == "apology" and a.role == agent)
    pieces = stretches(
        turns, lexicon.spelled, lexicon.fillers, lexicon.backchannels, solid, lexicon.joins
    )
    mine = [a for a in acts if a.role == agent]
    kinds = ("responsibility", "solution", "understanding")
    others = [h for k in kinds for h in lexicon.find(k, pieces, agent)]
    others.sort(key=lambda h: (h.stretch, h.first))
    found = [
        _trimmed(_apology(a, turns, pieces), pieces, others, lexicon)
        for a in mine
        if a.kind == "apology"
    ]
    found.sort(key=lambda a: (a.stretch, a.first, a.start_s))
    found = _one_breath(found, settings.windows.join_gap_s)
    complaints = _complaints(pieces, agent, lexicon, found)
    placed = []
    for apology in found:
        before = [
            c
            for c in complaints
            if (
                c.start_s < apology.start_s
                if math.isfinite(c.start_s) and math.isfinite(apology.start_s)
                else c.stretch < apology.stretch
            )
        ]
        placed.append(replace(apology, problem=len(before)))
    return Dialogue(
        turns=turns,
        stretches=pieces,
        lexicon=lexicon,
        settings=settings,
        agent=agent,
        apologies=tuple(placed),
        others=tuple(a for a in mine if a.kind != "apology"),
        complaints=complaints,
        roles_known="customer" in roles and agent == "agent",
    )
