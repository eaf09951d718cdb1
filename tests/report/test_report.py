"""The report: what is in it, what can never be in it, and how it behaves in a real browser."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
import re
import shutil
import tomllib
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody import report
from prosody.audio.recording import Recording
from prosody.errors import UsageError
from prosody.report import files, html, speak, totals
from prosody.report.tables import LONGEST_QUOTE, in_sentence
from prosody.results import read, reasons_to_hear
from prosody.results.records import RULES
from prosody.statistics import intervals
from prosody.transcripts.turns import Turn
from prosody.words import clock, load

JUDGED = re.compile(
    r"sincer|forced|unclear|verdict|engaged|recited|oprecht|gemaakt|opgelezen", re.I
)


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def pages(analysed, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pages") / "report"
    report.make(analysed, out, lang="en")
    return out


@pytest.fixture
def results_of(tmp_path, analysed):
    """A copy of the results whose rows a test may change."""

    def make(change=lambda rows, lines, head: None) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        rows = list(read.read_lines(analysed / "apologies.jsonl"))
        lines = list(read.read_lines(analysed / "recordings.jsonl"))
        head = json.loads((analysed / "run.json").read_text())
        change(rows, lines, head)
        for name, objects in (("apologies", rows), ("recordings", lines)):
            body = "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects)
            (folder / f"{name}.jsonl").write_text(body, encoding="utf-8")
        (folder / "run.json").write_text(json.dumps(head))
        return folder

    return make


def documents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def whole(folder: Path) -> str:
    """Return the source of all pages of calls."""
    return "".join(p.read_text(encoding="utf-8") for p in sorted((folder / "calls").iterdir()))


class Reader(HTMLParser):
    """What a browser makes of a page, without a browser."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_words_that_were_recognised_and_not_kept_are_not_called_missing(
    results_of, tmp_path, monkeypatch, lang
):
    monkeypatch.setattr(files.Finder, "turns", lambda self, record: ())

    def change(rows, lines, head):
        lines[0]["source"] = "asr"

    report.make(results_of(change), tmp_path / "report", lang=lang)
    pages = [p.read_text(encoding="utf-8") for p in sorted((tmp_path / "report/calls").iterdir())]
    say = load("report", lang)["call"]
    assert sum("--write-transcripts" in page for page in pages) == 1
    assert sum(say["no_transcript"] in page for page in pages) == len(pages) - 1


# --- markup -----------------------------------------------------------------------------------


@given(st.text())
def test_whatever_text_is_given_it_stays_text(said):
    page = Reader(html.tag("p", said, title=said))
    assert [t for t, _ in page.tags] == ["p"]
    clean = html._TURNING.sub("", html._BAD.sub("\ufffd", said))
    assert "".join(page.words).replace("\r\n", "\n") == clean.replace("\r\n", "\n")
    assert set(page.tags[0][1]) == {"title"}


def kept(value):
    """Return data as a page holds it: no bare control characters, no marks that turn text."""
    if isinstance(value, str):
        bare = re.sub("[\x7f-\x9f\ufffe\uffff]", "\ufffd", value)
        return re.sub("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", bare)
    if isinstance(value, list):
        return [kept(one) for one in value]
    if isinstance(value, dict):
        return {kept(key): kept(one) for key, one in value.items()}
    return value


@given(
    st.recursive(st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
def test_data_for_the_script_cannot_end_its_element(value):
    block = html.data("data", value)
    body = block[block.index(">") + 1 : block.rindex("</script>")]
    assert "<" not in body
    assert ">" not in body
    assert json.loads(body) == kept(value)
    html.data("data", "half a pair: \ud800").encode()


def test_no_attribute_can_hold_a_script():
    with pytest.raises(ValueError, match="no name of an attribute"):
        html.tag("p", "x", onclick="alert(1)")
    with pytest.raises(ValueError, match="no name of an element"):
        html.tag("p><script", "x")


def test_both_languages_say_the_same_things():
    def shape(table):
        return {
            k: shape(v) if isinstance(v, dict) else sorted(re.findall(r"\{(\w+)\}", v))
            for k, v in table.items()
        }

    assert shape(load("report", "en")) == shape(load("report", "nl"))


@pytest.mark.parametrize("path", sorted(resources.files("prosody.words").glob("*.nl.toml")))
def test_dutch_says_je_but_where_it_quotes(path):
    """An agent who is quoted may say "u"; a reader is never called so."""

    def sentences(table):
        for value in table.values():
            yield from sentences(value) if isinstance(value, dict) else [value]

    for said in sentences(tomllib.loads(path.read_text(encoding="utf-8"))):
        own = re.sub(r'"[^"]*"|\{\w+\}', "", str(said))
        assert not re.search(r"\b(u|uw|uzelf)\b", own, re.I), said


# --- totals -----------------------------------------------------------------------------------


def test_wilson_against_its_closed_form():
    # Newcombe (1998), table I: 81 of 263 by the score method without continuity correction.
    low, high = intervals.wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert intervals.wilson(0, 0) == (0.0, 1.0)
    low, high = intervals.wilson(0, 20)
    assert low == 0.0
    assert math.isclose(high, 1.959964**2 / (20 + 1.959964**2), rel_tol=1e-5)


def test_difference_against_newcombes_example():
    # Newcombe (1998), "Interval estimation for the difference", table II (a): 56/70 - 48/80.
    d, low, high = intervals.difference(48, 80, 56, 70)
    assert (round(d, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


def test_expected_is_the_sum_of_the_chances():
    n, low, high = intervals.expected([0.5] * 100)
    assert n == 50
    assert math.isclose(high - n, 1.281552 * 5, rel_tol=1e-6)
    assert math.isclose(n - low, high - n)


def team_rows(agents: int, apologies: int, name: str = "north") -> list[dict]:
    return [
        {"team": name, "agent": f"agent-{i % agents:03d}", "verdict": "sincere"}
        for i in range(apologies)
    ]


@pytest.mark.parametrize(("agents", "apologies", "shown"), [(5, 30, 1), (4, 90, 0), (5, 29, 0)])
def test_a_team_is_totalled_only_from_five_agents_and_thirty_apologies(agents, apologies, shown):
    found, hidden = totals.teams(team_rows(agents, apologies), [])
    assert (len(found), hidden) == (shown, 1 - shown)


# --- what is in a report ----------------------------------------------------------------------


def test_a_report_has_a_page_for_every_call_and_opens_alone(analysed, pages):
    lines = list(read.read_lines(analysed / "recordings.jsonl"))
    names = {p.relative_to(pages).as_posix() for p in documents(pages)}
    assert {"index.html", "calls.html", "failed.html", "about.html"} <= names
    assert sum(n.startswith("calls/") for n in names) == len(lines) == 4
    for path in documents(pages):
        source = path.read_text(encoding="utf-8")
        assert not re.search(
            r"(?:src|href|action)=\"?(?:https?:|//|javascript:|data:)", source, re.I
        )
        for name, attributes in Reader(source).tags:
            assert not [a for a in attributes if a.startswith("on") or a == "style"], name
            target = attributes.get("href") or attributes.get("src")
            if target and not target.startswith("#"):
                there = (path.parent / target.split("#")[0]).is_file()
                assert there, f"{path.name} leads to {target}"


def test_every_page_allows_only_its_own_script(pages):
    for path in documents(pages):
        source = path.read_text(encoding="utf-8")
        policy = html_policy(source)
        assert policy["default-src"] == ["'none'"]
        for kind, element in (("script-src", "script"), ("style-src", "style")):
            bodies = re.findall(rf"<{element}>(.*?)</{element}>", source, re.S)
            hashes = [
                "'sha256-" + base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() + "'"
                for b in bodies
            ]
            named = [v for v in policy[kind] if v.startswith("'nonce-")]
            assert policy[kind] == [*hashes, *named]
            beside = re.findall(r'<script src="([^"]+)" nonce="(\w+)"', source)
            # One nonce a report, and only one script that lies beside the pages, where it plays.
            assert len(named) == 1
            plays = "<audio" in source
            assert beside == [("../player/wavesurfer.min.js", n[7:-1]) for n in named if plays]
        assert "http" not in str(policy)


def html_policy(source: str) -> dict[str, list[str]]:
    content = next(
        a["content"]
        for t, a in Reader(source).tags
        if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    return {p.split()[0]: p.split()[1:] for p in content.split("; ")}


def calls_of(folder: Path) -> dict[str, tuple[int, Reader]]:
    """Return number and page of every call, by the name of its recording."""
    found = {}
    for path in sorted((folder / "calls").iterdir()):
        page = Reader(path.read_text(encoding="utf-8"))
        call = next(a["data-call"] for t, a in page.tags if t == "article")
        found[call] = int(path.stem), page
    return found


def test_the_sound_is_the_whole_call_and_nothing_is_lost(analysed, pages):
    for call, (number, _) in calls_of(pages).items():
        path = pages / f"sound/{number:05d}.flac"
        got, sr = soundfile.read(path, always_2d=True, dtype="float32")
        assert soundfile.info(path).format == "FLAC"
        with Recording(SAMPLES / call) as recording:
            assert sr == recording.info.sr_hz
            for channel in range(recording.info.channels):
                wanted = recording.read(0, recording.info.duration_s, channel)
                assert len(got) == len(wanted)
                assert np.abs(got[:, channel] - wanted).max() < 2 / 32768


def test_times_to_click_lie_within_the_sound_and_say_what_they_play(analysed, pages):
    lines = {x["recording"]: x for x in read.read_lines(analysed / "recordings.jsonl")}
    for call, (_, page) in calls_of(pages).items():
        sound = next(a for t, a in page.tags if t == "audio")
        length = soundfile.info(pages / "calls" / sound["src"]).duration
        buttons = [a for t, a in page.tags if t == "button" and "data-from" in a]
        assert len(buttons) > 5
        for button in buttons:
            assert 0 <= float(button["data-from"]) <= length
        begin = {round(float(b["data-from"]), 1) for b in buttons}
        for act in lines[call]["acts"]:
            assert round(act["start_s"], 1) in begin


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_pages_speak_one_language(analysed, tmp_path, lang):
    run("report", analysed, "--out", tmp_path / lang, "--lang", lang, "--no-audio", "-q")
    pages = sorted((tmp_path / lang / "calls").iterdir())
    assert f'<html lang="{lang}">' in pages[0].read_text(encoding="utf-8")
    words = "".join(w for p in pages for w in Reader(p.read_text(encoding="utf-8")).words)
    reason = {"nl": "dan in de rest van het gesprek", "en": "than in the rest of the call"}
    other = {"nl": "en", "en": "nl"}[lang]
    assert reason[lang] in words
    assert reason[other] not in words
    for table in ("report", "conduct"):
        for key, said in load(table, other).items():
            if isinstance(said, dict) and "question" in said:
                assert said["question"] not in words, key


def test_measures_only_shows_no_judgement_anywhere(tmp_path):
    out = tmp_path / "results"
    run("analyze", SAMPLES, "--out", out, "--workers", 0, "-q", "--measures-only")
    for lang in ("nl", "en"):
        run("report", out, "--out", tmp_path / lang, "--lang", lang, "-q")
        kinds = (".html", ".csv", ".js")
        for path in (p for p in (tmp_path / lang).rglob("*") if p.suffix in kinds):
            text = path.read_text(encoding="utf-8").replace("prosody-sincerity", "")
            # The callers' own words.
            text = re.sub(r"<dd>.*?</dd>|<q>.*?</q>|\d+:\"[^\n]*", "", text, flags=re.S)
            said = re.sub(r"sincerely apologi[sz]e|2-recited-apology-en", "", text)
            found = JUDGED.search(said)
            assert not found, f"{path.name}: {said[found.start() - 60 : found.end() + 20]}"
        assert not (tmp_path / lang / "clips.csv").exists()


def test_a_run_without_its_recordings_says_so_and_finds_them_by_content(tmp_path, results_of):
    def lose(rows, lines, head):
        for one in (*rows, *lines):
            assert not Path(one["recording"]).is_absolute()  # below a folder of the run
        assert [Path(root) for root in head["roots"]] == [SAMPLES]
        head["roots"] = [str(tmp_path / "gone")]

    folder = results_of(lose)
    made = report.make(folder)
    assert made.with_sound == 0
    assert made.silences == {"why_not_found": 4}
    page = (folder / "report/calls/00001.html").read_text(encoding="utf-8")
    assert "--recordings" in page
    assert "<audio" not in page
    assert report.make(folder, recordings=[SAMPLES]).with_sound == 4


def test_sound_is_left_out_on_request_beyond_the_most_and_where_texts_are_redacted(results_of):
    folder = results_of(lambda rows, lines, head: head["command"].update(redact=True))
    assert report.make(folder).with_sound == 0
    assert report.make(folder, audio=True, most=2).with_sound == 2
    assert len(list((folder / "report/sound").iterdir())) == 2
    assert report.make(folder, audio=False).with_sound == 0
    assert list((folder / "report/sound").iterdir()) == []


def test_failures_and_complaints_have_their_remedy_and_words(results_of):
    def spoil(rows, lines, head):
        lines[3] |= {"status": "failed", "code": "truncated", "message": "Half of <b>it</b>.",
                     "remedy": "Copy it again."}  # fmt: skip
        lines[0]["complaint_without_apology"] = True

    folder = results_of(spoil)
    report.make(folder, audio=False)
    failed = Reader((folder / "report/failed.html").read_text(encoding="utf-8"))
    assert "Half of <b>it</b>." in failed.words
    assert "Copy it again." in failed.words
    first = "".join(Reader((folder / "report/calls/00001.html").read_text("utf-8")).words)
    assert "A complaint, and no apology" in first  # first of all
    assert "Ik heb er vrij voor genomen" in first
    index = "".join(Reader((folder / "report/index.html").read_text("utf-8")).words)
    assert "complaints got no apology" in index or "One complaint got no apology" in index


def test_words_that_are_no_evidence_are_counted_and_nothing_is_said_of_them(results_of):
    def spoil(rows, lines, head):
        lines[3] |= {"status": "poor_words", "complaint": None, "complaint_without_apology": None}

    folder = results_of(spoil)
    report.make(folder, audio=False)
    index = (folder / "report/index.html").read_text("utf-8")
    assert 'href="calls.html#apology=unknown">words too poor</a></dt><dd>1</dd>' in index
    assert "prosody recognisers" in index
    assert "cannot be said" not in index  # not counted twice
    number = re.search(r'data-page="(\d+)"[^>]*data-apology="unknown"',
                       (folder / "report/calls.html").read_text("utf-8"))  # fmt: skip
    page = (folder / f"report/calls/{int(number[1]):05d}.html").read_text("utf-8")
    assert '<h1 class="headline">The recognised words are too poor' in page
    assert 'data-what="apologised"' not in page


def test_whose_apology_it_is_stands_with_it_and_unknown_voices_lead_no_list(results_of):
    def mono(rows, lines, head):
        for row in rows:
            row |= {"role": "unknown", "verdict": None, "kind": None, "gates": ["no_baseline"]}
            row |= {"sincere": None, "animation": None, "reasons": []}
        for line in lines:
            line |= {"complaint": None, "complaint_without_apology": None}
            for result in line["conduct"].values():
                result["status"] = "cannot_tell"

    folder = results_of(mono)
    report.make(folder, audio=False)
    assert '<ol class="hear">' not in (folder / "report/index.html").read_text("utf-8")
    table = (folder / "report/calls.html").read_text("utf-8")
    pages = whole(folder / "report")
    rows = list(read.read_lines(folder / "apologies.jsonl"))
    calls = len({row["recording"] for row in rows})
    assert table.count("(speaker not known)") == calls
    assert pages.count("(speaker not known)") == len(rows)


def test_only_what_the_judge_rates_is_offered_for_rating(results_of, tmp_path):
    folder = results_of()
    report.make(folder, audio=False)
    page = (folder / "report/calls/00001.html").read_text("utf-8")
    assert 'data-axis="sincere"' in page
    assert "engaged" not in page

    def own_judge(rows, lines, head):
        for row in rows:
            row["engaged"] = row["sincere"]

    shutil.rmtree(folder)
    report.make(results_of(own_judge), audio=False)
    assert 'data-axis="engaged"' in (folder / "report/calls/00001.html").read_text("utf-8")


def test_no_agent_is_named_ordered_or_counted(results_of):
    def staff(rows, lines, head):
        for i, row in enumerate(rows):
            row["agent"], row["team"] = f"agent-{i % 2:04d}", "north"

    folder = results_of(staff)
    report.make(folder, audio=False)
    for path in documents(folder / "report"):
        source = path.read_text(encoding="utf-8")
        assert "agent-0000" not in source
        assert "north" not in source
    assert "smaller team" in (folder / "report/index.html").read_text(encoding="utf-8")


def test_reasons_are_said_again_in_the_readers_language(analysed):
    row = next(read.read_lines(analysed / "apologies.jsonl"))
    for one in row["reasons"]:
        assert speak.reason(one, "en") == (one["text"], one["toward"])
        assert speak.reason(one, "nl")[0] != one["text"]


def test_a_take_is_compared_with_its_baseline_recording_and_no_call(analysed):
    rows = read.read_lines(analysed / "apologies.jsonl")
    one = next(r for row in rows for r in row["reasons"] if r["column"] != r["measure"])
    assert "than in the rest of the call" in speak.reason(one, "en")[0]
    assert "than in the baseline recording" in speak.reason(one, "en", take=True)[0]


@pytest.mark.parametrize(
    ("sincere_p", "engaged_p", "said"),
    [
        (0.83, 0.2, "80 of 100 would put it on the recited side: sincere is said only where fewer"),
        (0.55, 0.5, "sincere from 75 of 100, forced up to 40 of 100"),
        (0.55, None, "sincere from 75 of 100, forced up to 40 of 100"),
        (0.78, None, "the noise around the voice may have added this much"),
    ],
)
def test_a_page_says_why_it_is_unclear(results_of, sincere_p, engaged_p, said):
    def unsure(rows, lines, head):
        rows[0] |= {"verdict": "unclear", "kind": None}
        rows[0]["sincere"] |= {"p": sincere_p}
        if engaged_p == 0.2:  # results of version 1 have this axis and its limit
            rows[0]["engaged"] = {"p": engaged_p, "rating": None}
            head["settings"]["verdict"] |= {"dull_p": 0.7}

    folder = results_of(unsure)
    report.make(folder, lang="en", audio=False)
    assert said in whole(folder / "report")


def test_thresholds_that_are_none_are_not_told_of(results_of):
    def odd(rows, lines, head):
        rows[0] |= {"verdict": "unclear", "kind": None}
        head["settings"]["verdict"] = {"sincere_p": "<b>", "forced_p": None}

    folder = results_of(odd)
    assert read.read(folder).limits == {}
    report.make(folder, lang="en", audio=False)
    assert "is called sincere from" not in whole(folder / "report")


def test_the_options_of_a_run_are_words(analysed, tmp_path):
    report.make(analysed, tmp_path / "r", lang="nl", audio=False)
    page = (tmp_path / "r/about.html").read_text(encoding="utf-8")
    command = json.loads((analysed / "run.json").read_text(encoding="utf-8"))["command"]
    assert "False" not in page
    assert not [name for name in command if f">{name}<" in page]
    assert "alleen gemeten, niet beoordeeld" in page


def test_the_overview_counts_what_only_resembles_an_apology(pages):
    # "Sorry? What was the last letter?" in the fourth call
    page = Reader((pages / "index.html").read_text(encoding="utf-8"))
    said = "Also heard, and no apology (number of calls): asking again or correcting: 1."
    assert said in "".join(page.words)
    assert "calls.html#act=repair" in [a.get("href") for t, a in page.tags if t == "a"]
    assert (pages / "calls.html").read_text("utf-8").count('data-act="repair"') == 1
    assert "acted, read English apologies" in "".join(page.words)
    assert "(4 with a transcript)" in "".join(page.words)


def test_a_rule_is_missed_as_often_in_the_overview_as_in_the_list_and_on_pages(results_of):
    def spoil(rows, lines, head):
        of = next(x["recording"] for x in lines if x.get("complaint") and x["apologies"] == 1)
        rows[:] = [r for r in rows if r["recording"] != of]
        for line in lines:
            if line["recording"] == of:
                line |= {"apologies": 0, "status": "no_apology", "complaint_without_apology": True}
                for result in line["conduct"].values():
                    result |= {"status": "cannot_tell", "value": None, "remarks": ["no_apology"]}
                line["conduct"]["real"] |= {"status": "not_met", "remarks": []}

    folder = results_of(spoil)
    report.make(folder, audio=False)
    pages = {n: p.read_text("utf-8") for p in (folder / "report").rglob("*.html") for n in [p.stem]}
    for name in RULES:
        listed = re.findall(r'data-rule="([^"]*)"', pages["calls"])
        n = sum(name in one.split() for one in listed)
        link = re.search(rf'href="calls.html#rule={name}">(\d+)<', pages["index"])
        assert (int(link[1]) if link else 0) == n
    assert 'href="calls.html#rule=real">1<' in pages["index"]
    page = pages["00001"]
    assert page.count("does not apply without an apology") == 11
    assert "Without an apology this says nothing" not in page


def test_a_sorry_that_feels_for_the_customer_is_not_said_to_be_none(results_of):
    def spoil(rows, lines, head):
        rows.clear()
        for line in lines:
            line |= {"apologies": 0, "status": "no_apology", "complaint_without_apology": False}
            for result in line["conduct"].values():
                result |= {"status": "cannot_tell", "value": None, "remarks": ["no_apology"]}
        lines[0] |= {"complaint_without_apology": None, "complaint": None}
        lines[0]["conduct"]["real"] |= {"remarks": ["sorry_as_sympathy"]}

    folder = results_of(spoil)
    report.make(folder, audio=False)
    index, calls = (
        (folder / "report" / f"{n}.html").read_text("utf-8") for n in ("index", "calls")
    )
    assert "; in 1 of them a" in index
    assert "it could not be told whether the customer complained" not in index
    assert calls.count("that may be sympathy") == 1
    assert 'data-why="felt"' in calls


def test_a_quote_begins_with_its_sentence_and_its_sound_a_second_before(results_of):
    def spoil(rows, lines, head):
        of = next(x["recording"] for x in lines if x.get("complaint"))
        rows[:] = [r for r in rows if r["recording"] != of]
        next(x for x in lines if x["recording"] == of).update(
            apologies=0, status="no_apology", complaint_without_apology=True
        )

    folder = results_of(spoil)
    report.make(folder)
    index = (folder / "report/index.html").read_text("utf-8")
    assert ">Mijn wasmachine zou vanochtend komen.</q>" in index
    assert ">Mijn wasmachine zou vanochtend komen.</q>" in (
        folder / "report/calls.html").read_text("utf-8")  # fmt: skip
    page = Reader((folder / "report/calls/00001.html").read_text("utf-8"))
    jump = next(a for t, a in page.tags if "jump complaint" in str(a.get("class")))
    line = next(x for x in read.read_lines(folder / "recordings.jsonl") if x.get("complaint"))
    (said, *_) = reasons_to_hear.complaint_words(line)
    assert float(jump["data-from"]) < said["start_s"] - 1
    long = Turn(0.0, 9.0, f"One. {'so ' * 60}late.")
    assert len(in_sentence("late.", [long], 1.0)) <= LONGEST_QUOTE + 4


def test_times_are_cut_and_not_rounded():
    assert [clock(s) for s in (0.0, 25.99, 59.9, 3661.2)] == ["0:00", "0:25", "0:59", "1:01:01"]


def test_exported_ratings_and_the_reports_clips_belong_together(pages, tmp_path):
    with (pages / "clips.csv").open(encoding="utf-8-sig", newline="") as file:
        clips = [row["clip"] for row in csv.DictReader(file)]
    marks = set()
    for path in (pages / "calls").iterdir():
        marks |= {a.get("data-clip") for _, a in Reader(path.read_text("utf-8")).tags} - {None}
    assert marks == set(clips)
    head = "clip,rater,axis,rating,is_repeat,cannot_hear,remark"
    lines = [
        f'"{c}","{w}","sincere",{10 * i + 20},0,0,""' for i, c in enumerate(clips) for w in "ab"
    ]
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("\ufeff" + "\r\n".join([head, *lines]) + "\r\n", encoding="utf-8")
    done = CliRunner().invoke(
        app, ["fit", str(pages / "clips.csv"), "--ratings", str(ratings), "--out",
              str(tmp_path / "judge.onnx")],
    )  # fmt: skip
    assert "6 rated clips" in str(done.exception)  # joined by name; six are only too few


# --- where it is written ----------------------------------------------------------------------


def test_nothing_is_written_outside_and_nothing_of_others_is_touched(tmp_path, analysed):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("keep me")
    with pytest.raises(UsageError, match="holds other things than a report"):
        report.make(analysed, out)
    assert [p.name for p in out.iterdir()] == ["letter.txt"]


def test_a_new_report_takes_the_place_of_an_earlier_one(tmp_path, results_of, analysed):
    out = tmp_path / "report"
    report.make(analysed, out, audio=False)
    (out / "notes.txt").write_text("added by hand")
    listed = json.loads((out / "report.json").read_text())
    listed["files"] += ["../letter.html", "/etc/x.html", "notes.txt"]
    (out / "report.json").write_text(json.dumps(listed))
    (tmp_path / "letter.html").write_text("keep me")
    report.make(results_of(lambda rows, lines, head: lines.__delitem__(slice(2, None))), out)
    assert len(list((out / "calls").iterdir())) == 2
    assert (out / "notes.txt").exists()
    assert (tmp_path / "letter.html").read_text() == "keep me"


def test_a_link_in_the_folder_is_not_followed(tmp_path, analysed):
    out = tmp_path / "report"
    report.make(analysed, out, audio=False)
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(UsageError, match="a link"):
        report.make(analysed, out, audio=False)
    assert not (tmp_path / "elsewhere.html").exists()


@pytest.mark.parametrize("spoiled", ["run.json", "recordings.jsonl", "apologies.jsonl"])
def test_what_is_no_finished_run_is_refused(tmp_path, analysed, spoiled):
    folder = tmp_path / "results"
    shutil.copytree(analysed, folder)
    (folder / spoiled).unlink()
    done = CliRunner().invoke(app, ["report", str(folder)])
    assert isinstance(done.exception, UsageError)
    (folder / spoiled).write_text("[1, 2]\n")
    with pytest.raises(UsageError, match=r"expected|schema_version"):
        report.make(folder)


def test_forgetting_a_call_takes_the_report_with_it(tmp_path, analysed):
    folder = tmp_path / "results"
    shutil.copytree(analysed, folder)
    report.make(folder, audio=False)
    run("forget", "1-plain-apology-nl", "--out", folder)
    assert not (folder / "report").exists()


# --- compare ----------------------------------------------------------------------------------


def test_two_runs_are_compared_with_ranges_and_one_by_one(analysed, results_of):
    def other(rows, lines, head):
        rows[0] |= {"verdict": "forced", "kind": "put_on"}
        head["settings"]["verdict"]["forced_p"] = 0.9

    folder = results_of(other)
    page = Path(run("compare", analysed, folder, "--lang", "en").strip())
    assert page == folder / "compare" / "index.html"
    source = page.read_text(encoding="utf-8")
    words = "".join(Reader(source).words)
    assert "the same sound in 6 apologies" in words
    assert "forced (put on)" in words
    assert "verdict.forced_p" in words
    assert html_policy(source)["default-src"] == ["'none'"]
    same = Path(run("compare", analysed, analysed, "--out", folder / "same").strip())
    assert "judge and settings are the same" in same.read_text(encoding="utf-8")


def test_a_run_that_judged_beside_one_that_did_not_shows_no_judgement(analysed, results_of):
    folder = results_of(lambda rows, lines, head: head["command"].update(measures_only=True))
    page = Path(run("compare", analysed, folder, "--lang", "nl").strip())
    assert not JUDGED.search(page.read_text(encoding="utf-8"))


def test_data_of_a_page_turns_no_text_around():
    from prosody.report import html

    block = str(html.data("rows", ["a\u202eb", "c\ufffed", "<e"]))
    assert "\u202e" not in block
    assert "\ufffe" not in block
    assert "ab" in block
