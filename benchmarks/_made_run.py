"""A run of any size, made of the demo calls: many agents and teams, every outcome, no real call.

The rows are those of real analyses of the demo calls, repeated under other names; verdicts and
conduct are drawn, so that pages have something to show. Nothing of it says anything about calls.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

from benchmarks import _run

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "samples"
SHARED = ("recording", "recording_sha256", "call_id", "agent", "team", "conduct", "started_at")
APOLOGY = "Het spijt me dat u voor niets vrij hebt genomen."
FAILED = (
    ("truncated", "{}: it ends in the middle of its sound.", "Copy it again from the recorder."),
    ("not_audio", "{}: no sound in a known format.", "Export it again as WAV or FLAC."),
    ("empty", "{}: 0 bytes.", "Copy it again from the recorder."),
)


def demo(folder: Path, *, lang: str = "en", args: tuple[str, ...] = ()) -> Path:
    """Analyse the demo calls, and one of them with its apology taken out of the transcript.

    Parameters
    ----------
    folder : Path
        Gets ``calls`` and ``demo`` (the results).
    lang : str
    args : tuple of str
        More options of ``prosody analyze``.

    Returns
    -------
    Path
        The results.
    """
    calls, out = folder / "calls", folder / "demo"
    calls.mkdir(parents=True)
    for path in sorted(DEMO.iterdir()):
        if path.suffix in (".wav", ".json", ".vtt", ".csv"):
            shutil.copy(path, calls / path.name)
    first = "1-plain-apology-nl"
    shutil.copy(calls / f"{first}.wav", calls / "5-complaint-nl.wav")
    said = json.loads((calls / f"{first}.json").read_text(encoding="utf-8"))
    for segment in said["segments"]:
        if APOLOGY in segment["text"]:
            segment["text"] = "Ik kijk het voor u na."
            segment.pop("words", None)
    body = json.dumps(said, ensure_ascii=False)
    (calls / "5-complaint-nl.json").write_text(body, encoding="utf-8")
    done = _run.finish("analyze", calls, "--out", out, "--lang", lang, "--workers", 0, "-q", *args)
    if done.returncode:
        raise SystemExit(done.stderr)
    return out


def make(
    folder: Path,
    apologies: int,
    *,
    agents: int = 40,
    teams: int = 5,
    failed: int = 8,
    complaints: int = 12,
    seed: int = 1,
    lang: str = "en",
) -> Path:
    """Write the results of a made-up run, with recordings to hear.

    Parameters
    ----------
    folder : Path
    apologies : int
        At least so many; recordings have one, two or three.
    agents, teams : int
        Agents go to teams in turn; the last team has a single agent.
    failed, complaints : int
        Recordings that were not read, and those with a complaint and no apology.
    seed : int
    lang : str

    Returns
    -------
    Path
        The results.
    """
    results = demo(folder, lang=lang)
    rng = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in _run.rows(results / "apologies.jsonl"):
        rows.setdefault(row["recording"], []).append(row)
    lines = {line["recording"]: line for line in _run.rows(results / "recordings.jsonl")}
    complaint = next(name for name in lines if "5-complaint" in name)
    silent = next(name for name in lines if "4-no-apology" in name)
    shown, outcomes = [], []
    number = 0

    def put(source: str) -> tuple[dict[str, Any], str]:
        nonlocal number
        number += 1
        name = Path("month", f"day-{number % 28 + 1:02d}", f"call-{number:05d}.wav")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for beside in (folder / "calls").glob(f"{Path(source).stem}.*"):
            os.link(beside, folder / name.with_suffix(beside.suffix))
        line = json.loads(json.dumps(lines[source]))
        agent = rng.randrange(agents)
        team = f"team {chr(65 + agent % (teams - 1))}" if agent else f"team {chr(64 + teams)}"
        sound = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()  # no two calls alike
        known = {"recording": str(name), "call_id": name.stem, "agent": f"agent-{agent:010x}",
                 "team": team, "recording_sha256": sound,
                 "started_at": f"2026-11-{number % 28 + 1:02d}T09:{number % 60:02d}"}  # fmt: skip
        for track in line.get("tracks", ()):
            track["file"] = str(name)
        line |= known
        shown.append(line)
        return line, str(name)

    while len(outcomes) < apologies:
        source = rng.choice(list(rows))
        line, _ = put(source)
        for rule, result in line["conduct"].items():  # what was apologised for stays one
            if rule != "real" and result["status"] in ("met", "not_met") and rng.random() < 0.4:
                result["status"] = rng.choice(("met", "met", "not_met"))
        for row in rows[source][: apologies - len(outcomes)]:
            made = json.loads(json.dumps(row))
            made |= {k: line[k] for k in SHARED}
            outcomes.append(_judged(made, rng))
        line["apologies"] = min(len(rows[source]), line["apologies"])
    for _ in range(complaints):
        put(complaint)
    for _ in range(complaints):
        put(silent)
    for i in range(failed):
        line, name = put(silent)
        code, message, remedy = FAILED[i % len(FAILED)]
        line |= {"status": "failed", "code": code, "message": message.format(name),
                 "remedy": remedy, "conduct": {}, "complaint_without_apology": None}  # fmt: skip
    shown.sort(key=lambda line: line["recording"])
    outcomes.sort(key=lambda row: (row["recording"], row["start_s"]))
    out = folder / "results"
    out.mkdir()
    for name, objects in (("apologies", outcomes), ("recordings", shown)):
        with (out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(o, ensure_ascii=False) + "\n" for o in objects)
    head = json.loads((results / "run.json").read_text(encoding="utf-8"))
    head |= {"inputs": len(shown), "roots": [f"{folder}/"], "files": {}}
    (out / "run.json").write_text(json.dumps(head), encoding="utf-8")
    return out


def _judged(row: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Draw how an apology came out."""
    if rng.random() < 0.06:
        return row | {"verdict": None, "kind": None, "hint": None, "sincere": None,
                      "engaged": None, "reasons": [], "gates": [rng.choice(
                          ("too_short", "too_noisy", "clipped"))]}  # fmt: skip
    p = rng.betavariate(3, 2)
    verdict = "sincere" if p > 0.8 else "forced" if p < 0.25 else "unclear"
    rating = 2.4 * (p - 0.5)
    row["sincere"] |= {"p": p, "rating": rating, "low": rating - 0.7, "high": rating + 0.7}
    kind = "put_on" if verdict == "forced" else None
    return row | {"verdict": verdict, "kind": kind, "hint": None, "gates": []}
