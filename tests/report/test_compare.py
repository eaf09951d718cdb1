"""Two runs side by side: what is decided, what is not, and what else may be behind it."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from prosody.report.compare import compare
from prosody.results import read
from prosody.words import load


@pytest.fixture
def of(analysed, tmp_path):
    """Write a run of so many apologies, some of them sincere, the rest unclear."""
    row = next(read.read_lines(analysed / "apologies.jsonl"))
    line = next(read.read_lines(analysed / "recordings.jsonl"))
    head = json.loads((analysed / "run.json").read_text(encoding="utf-8"))

    def write(name: str, month: str, total: int, sincere: int, **changed) -> Path:
        folder = tmp_path / name / "results"
        folder.mkdir(parents=True)
        rows, lines = [], []
        for i in range(total):
            sha = hashlib.sha256(f"{month} {i}".encode()).hexdigest()
            own = {"recording": f"{month}/{i:03d}.wav", "recording_sha256": sha}
            verdict = "sincere" if i < sincere else "unclear"
            rows.append(row | own | {"verdict": verdict, "kind": None, "hint": None, "gates": []})
            lines.append(line | own)
        for file, objects in (("apologies", rows), ("recordings", lines)):
            body = "".join(json.dumps(o) + "\n" for o in objects)
            (folder / f"{file}.jsonl").write_text(body, encoding="utf-8")
        (folder / "run.json").write_text(json.dumps(head | changed), encoding="utf-8")
        return folder

    return write


class Words(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.mute = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.mute = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.mute = False

    def handle_data(self, data):
        if not self.mute:
            self.texts.append(data)

    def __contains__(self, text: str) -> bool:
        return text in " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_a_difference_beyond_chance_is_said_first_and_in_words(of, lang):
    say = load("report", lang)["compare"]
    words = Words(compare(of("a", "oct", 200, 60), of("b", "nov", 200, 120), lang=lang))
    assert say["higher"] in words.texts
    assert say["lower"] in words.texts  # the unclear ones
    assert say["undecided"] not in words
    assert say["no_overlap"] in words
    # 60/200 against 120/200 by Newcombe's method 10, with 0 outside.
    assert say["range"].format(low="20", high="39") in words
    title = say["decided_up"].split("{")[1].split("}")[1].strip(": ,")
    assert title in words


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_where_nothing_is_decided_the_page_says_so_plainly(of, lang):
    say = load("report", lang)["compare"]
    words = Words(compare(of("a", "oct", 40, 12), of("b", "nov", 40, 15), lang=lang))
    assert say["undecided"] in words
    assert say["may_be_chance"] in words.texts
    assert say["higher"] not in words.texts


def test_the_same_calls_are_compared_one_by_one_and_not_by_chance(of):
    say = load("report", "en")["compare"]
    other = {"name": "own judge", "sha256": "ab" * 32, "shipped": False}
    words = Words(compare(of("a", "oct", 50, 10), of("b", "oct", 50, 30, model=other), lang="en"))
    for said in ("same_calls", "other_judge", "same_range"):
        assert say[said] in words, said
    assert say["undecided"] not in words
    assert say["may_be_chance"] not in words.texts
    assert "20" in words.texts  # so many went from unclear to sincere
    assert words.texts.count("unclear") >= 20


def test_runs_that_share_some_calls_are_runs_of_different_calls(of):
    say = load("report", "en")["compare"]
    before, after = of("a", "oct", 50, 10), of("b", "oct", 50, 30)
    for name in ("apologies.jsonl", "recordings.jsonl"):  # a third of them again
        path = after / name
        rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(rows[:17]), encoding="utf-8")
    words = Words(compare(before, after, lang="en"))
    assert say["same_calls"] not in words


def test_folders_of_one_name_are_told_apart_and_a_stopped_run_is_named(of):
    say = load("report", "en")["compare"]
    words = Words(compare(of("a", "oct", 5, 1), of("b", "nov", 5, 1, complete=False), lang="en"))
    assert "a/results" in words.texts
    assert "b/results" in words.texts
    assert say["incomplete"].format(run=say["after"]) in words


@pytest.mark.parametrize("lang", ["nl", "en"])
@pytest.mark.parametrize("agents", [0, 3, 10])
def test_the_page_says_whether_agents_or_calls_are_drawn(of, agents, lang):
    say = load("report", lang)["compare"]
    runs = [of("a", "oct", 200, 60), of("b", "nov", 200, 120)]
    for run in runs:
        for file in ("apologies", "recordings"):
            path = run / f"{file}.jsonl"
            rows = list(read.read_lines(path))
            for i, row in enumerate(rows):
                row["agent"] = f"agent-{i * agents // 200}" if agents else ""
            path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    words = Words(compare(*runs, lang=lang))
    assert (say["by_agent"].format(n=10) in words) == (agents == 10)
    assert (say["by_call"] in words) == (agents < 10)
    assert (say["few_agents"].format(n=3, least=6) in words) == (agents == 3)
    assert (say["no_agents"] in words) == (agents == 0)
    # All that is sincere is some agents': drawn with them, it is no longer decided.
    assert (say["higher"] in words.texts) == (agents < 10)


def test_no_person_is_compared(of, tmp_path):
    a, b = of("a", "oct", 60, 20), of("b", "nov", 60, 40)
    for folder in (a, b):
        rows = [r | {"agent": f"agent-{i % 7}", "team": "north"}
                for i, r in enumerate(read.read_lines(folder / "apologies.jsonl"))]  # fmt: skip
        (folder / "apologies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    source = compare(a, b, lang="en").read_text(encoding="utf-8")
    assert "agent-" not in source
    assert "north" not in source
