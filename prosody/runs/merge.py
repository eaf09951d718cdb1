"""Results that exist already: parts joined, single calls or agents taken out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prosody.calls import pseudonyms
from prosody.errors import UsageError
from prosody.results import write
from prosody.runs import purge, recognised
from prosody.runs.journal import NAME, Journal

# Two runs whose rows may stand in one table agree in these fields of their headers.
_SAME = ("schema_version", "prosody_version", "settings_sha256")


def _open(folder: Path) -> Journal:
    if not (folder / NAME).is_file():
        raise UsageError(
            f"{folder}: no results of 'prosody analyze' ({NAME} is not there).",
            "Name the --out folder of a run.",
        )
    return Journal(folder, made=True)


def _settled(folder: Path, journal: Journal) -> bool:
    """Whether results stand beside a journal that are its own; a run in between is refused.

    A run that was killed leaves rows of two settings, or of two judges, under the results of the
    run before.
    """
    if journal.state != "running":
        try:
            there = json.loads((folder / "run.json").read_text(encoding="utf-8"))["finished_at"]
        except (OSError, ValueError, KeyError, TypeError):
            return True  # they are written again
        if journal.state == "writing" or there == journal.noted("run", {}).get("finished_at"):
            return True
        found = "its results are of another run than its journal"
    elif any((folder / name).exists() for name in ("run.json", "apologies.jsonl")):
        found = "its last run was never finished, and results of an earlier one are there"
    else:
        return False
    raise UsageError(f"{folder}: {found}.", "Start 'prosody analyze' there once more, then this.")


def _agree(first: tuple[Path, dict[str, Any]], other: tuple[Path, dict[str, Any]]) -> None:
    a, b = first[1], other[1]
    named = {name: (a.get(name), b.get(name)) for name in _SAME}
    judges = [(x.get("model") or {}).get("sha256") for x in (a, b)]
    named["judge"] = (judges[0], judges[1])
    # Names in clear beside pseudonyms give the pseudonyms away; of two keys, an agent has two.
    for name in ("measures_only", "lang", "redact", "clips", "agents_as_is", "customer_voice"):
        named[name] = (a["command"].get(name, False), b["command"].get(name, False))
    keys = (a.get("pseudonym_key"), b.get("pseudonym_key"))
    if all(keys):
        named["key of the pseudonyms"] = keys
    for name, (one, two) in named.items():
        if one != two:
            raise UsageError(
                f"{first[0]} and {other[0]} do not belong together: {name} is {one} and {two}.",
                "Merge runs with the same version, settings and judge.",
            )


def merge(folders: Sequence[Path], out: Path) -> tuple[list[str], dict[str, int]]:
    """Join the results of several folders.

    Parameters
    ----------
    folders : sequence of Path
        Each the ``--out`` of a run.
    out : Path
        What is there already is replaced, unless it is one of the folders.

    Returns
    -------
    files : list of str
    counts : dict

    Raises
    ------
    UsageError
        If a folder holds no results, or they were made in different ways.
    """
    if len({f.resolve() for f in folders}) < len(folders):
        raise UsageError("A folder is named twice.", "Name each part once.")
    heads = []
    hows = []
    for folder in folders:
        with _open(folder) as journal:
            settled = _settled(folder, journal)
            head, how = journal.noted("run"), journal.noted("how")
        if not settled or head is None or how is None:
            raise UsageError(
                f"{folder}: its run was never finished.", "Start 'prosody analyze' there again."
            )
        heads.append((folder, head))
        hows.append(how)
        _agree(heads[0], heads[-1])
    _cover(heads)
    here = out.resolve() in {f.resolve() for f in folders}
    double = 0
    with Journal(out, fresh=not here) as journal:
        journal.reached("running")  # killed from here on, it is nobody's to take for whole
        purge.begin(journal, out, redact=bool(heads[0][1]["command"].get("redact")))
        journal.prune()  # what an interrupted run left out of its results is not merged
        for folder in folders:
            if folder.resolve() != out.resolve():
                double += journal.copy_from(folder)[1]
        run = dict(heads[0][1])
        run |= {
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(sum(h["seconds"] for _, h in heads), 2),
            "complete": all(h["complete"] for _, h in heads),
            "inputs": sum(h["inputs"] for _, h in heads) - double,
            "reused": sum(h["reused"] for _, h in heads),
            "merged": {"parts": len(folders), "double": double},
            **_in_all(heads, "forgotten"),
            "command": {**run["command"], "shard": None},
            "cover": None,
            "roots": sorted({root for _, h in heads for root in h.get("roots") or ()}),
            "pseudonym_key": next((k for _, h in heads if (k := h.get("pseudonym_key"))), ""),
        }
        journal.note("run", run)
        how = {**hows[0], "formats": sorted({f for h in hows for f in h["formats"]})}
        journal.note("how", how)
        files = write.write_again(journal, out)
        return files, journal.counts()


def _cover(heads: Sequence[tuple[Path, dict[str, Any]]]) -> None:
    """Refuse parts that are not together all of something, each call once."""
    parts = [(folder, head.get("cover")) for folder, head in heads]
    known = [(folder, cover) for folder, cover in parts if cover]
    if not known:
        return
    remedy = "Every part is 'prosody analyze --shard I/N' over the same recordings, each I once."
    whole = next((folder for folder, cover in parts if not cover), None)
    if whole is not None:
        raise UsageError(f"{whole} is no part, and {known[0][0]} is one.", remedy)
    first, other = (
        known[0],
        next((t for t in known if t[1]["sha256"] != known[0][1]["sha256"]), None),
    )
    if other is not None:
        raise UsageError(
            f"{first[0]} is a part of {first[1]['calls']} calls and {other[0]} of "
            f"{other[1]['calls']}, which are not the same.",
            remedy,
        )
    of = {cover["shard"].partition("/")[2] for _, cover in known}
    if len(of) > 1:
        raise UsageError(f"The parts are of {' and of '.join(sorted(of))}.", remedy)
    have = [int(cover["shard"].partition("/")[0]) for _, cover in known]
    twice = sorted({i for i in have if have.count(i) > 1})
    missing = sorted(set(range(1, int(of.pop()) + 1)) - set(have))
    if twice or missing:
        what = "is there twice" if twice else "is missing"
        raise UsageError(f"Part {(twice or missing)[0]} {what}.", remedy)
    given, got = first[1]["calls"], sum(head["inputs"] for _, head in heads)
    if given != got and all(head.get("forgotten") is None for _, head in heads):
        raise UsageError(f"The parts hold {got} of {given} calls.", remedy)


def _in_all(heads: Sequence[tuple[Path, Mapping[str, Any]]], name: str) -> dict[str, int]:
    """Return how many of something all parts have together, where one says so."""
    known = [int(head[name]) for _, head in heads if head.get(name) is not None]
    return {name: sum(known)} if known else {}


def forget(who: str, out: Path) -> list[str]:
    """Remove one call or one agent from every result in a folder.

    Parameters
    ----------
    who : str
        A call's id, a recording (as the results name it, or its file name), an agent's name or
        pseudonym.
    out : Path

    Returns
    -------
    list of str
        Names of the recordings that were removed.

    Raises
    ------
    UsageError
        If nothing in the results fits.
    """
    wanted = who.strip()
    with _open(out) as journal:
        settled = _settled(out, journal)
        if settled and journal.state == "writing":
            write.write_again(journal, out)  # what was killed while it forgot
        agents = pseudonyms.names_of(wanted)
        marks = ", ".join("?" * len(agents))
        gone = journal.named(
            f"call_id = ? or name = ? or substr(name, -?) in (?, ?) or agent in ({marks})",
            (wanted, wanted, len(wanted) + 1, f"/{wanted}", f"\\{wanted}", *agents),
        )
        if not gone:
            raise UsageError(
                f"{out}: no call and no agent is called '{who}'.",
                "Name it as recordings.jsonl does: recording, call_id or agent.",
            )
        # The rows go last: killed before, the same command finds them, and all of this, again.
        recognised.forget(out, [call_id for *_, call_id in gone])
        purge.remove_pages(out)
        removed = int((journal.noted("run") or {}).get("forgotten", 0)) + len(gone)
        if settled:
            journal.reached("writing")
        journal.forget([at for at, *_ in gone])
        if settled:
            left = journal.counts()["recordings"]
            write.write_again(journal, out, forgotten=removed, inputs=left)
    return [name for _, name, _ in gone]
