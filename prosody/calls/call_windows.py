"""What a windows file says of one call: its apologies, and who speaks on which channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from prosody.calls.collect import Call
from prosody.calls.windows import Window, read_windows
from prosody.message import Message
from prosody.transcripts.turns import Act, Role, Turn


def names(call: Call) -> list[str]:
    """Return under which names a windows file may know a call, most specific first."""
    found = [call.name, call.call_id, *(hidden for hidden, _ in call.hides)]
    for source in call.sources:
        found += [str(source.path), source.path.name, source.path.stem]
    return list(dict.fromkeys([n for n in found if n] + [""]))


def of(call: Call) -> list[Window] | None:
    """Return the windows of a call, None where its file names none."""
    assert call.windows is not None
    table = read_windows(call.windows)
    return next((table[n] for n in names(call) if n in table), None)


def nothing(call: Call) -> Message:
    """Say that the file names no window of this call."""
    file = Path(call.windows or "").name
    return Message.of("no_window", file=file, names=", ".join(names(call)[:3]))


def turns(windows: Sequence[Window]) -> tuple[Turn, ...]:
    """Return windows whose role is named as turns: they show who speaks where, and when."""
    return tuple(
        Turn(w.start_s, w.end_s, w.text, role=w.role, channel=w.channel)
        for w in sorted(windows, key=lambda w: (w.start_s, w.end_s))
        if w.role != "unknown"
    )


def acts(windows: Sequence[Window], sides: Mapping[int, Role], unnamed: Role) -> list[Act]:
    """Return windows as acts, in order.

    Parameters
    ----------
    windows : sequence of Window
    sides : mapping of int to Role
        Who speaks on which channel, where each has one of their own.
    unnamed : {'agent', 'unknown'}
        Whose a window is that names neither role nor channel.
    """
    out = []
    for w in windows:
        role = w.role
        if role == "unknown":
            role = unnamed if w.channel is None else sides.get(w.channel, unnamed)
        out.append(Act(w.act or "apology", w.start_s, w.end_s, w.text, role=role))
    return sorted(out, key=lambda a: (a.start_s, a.end_s))
