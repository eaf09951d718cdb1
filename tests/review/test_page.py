"""The local page of reviews: what is kept, for whom, and what the server does not give away."""

from __future__ import annotations

import csv
import math
import re
import shutil

import pytest
import running
from browser import Watched, chromium, until
from prosody.cli import app
from starlette.testclient import TestClient
from typer.testing import CliRunner

from prosody.rating import invitations
from prosody.review import answers, calibration
from prosody.review.page import _steady
from prosody.review.serve import Asked, made, open_store, page_of
from prosody.web.app import make_app
from prosody.words import load


@pytest.fixture(scope="module")
def begun(analysed, tmp_path_factory):
    out = shutil.copytree(analysed, tmp_path_factory.mktemp("run") / "results")
    made(Asked(out, "en"))
    return out


@pytest.fixture
def results(begun, tmp_path):
    shutil.copytree(begun, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def house(results):
    """Let people in: the host, or by invitation; with or without a session."""
    stores = []

    def start(calibration=None):
        asked = Asked(results, "en", calibration=calibration)
        store = open_store(results)
        stores.append(store)
        page = page_of(asked, made(asked), store)
        served = make_app([page], token="main", hosts=["review.test:80", "review.test"])

        def enter(token="main"):
            client = TestClient(served, base_url="http://review.test",
                                headers={"origin": "http://review.test"})  # fmt: skip
            client.get(f"/?token={token}")
            return client

        return page, store, enter

    yield start
    for store in stores:
        store.let_go()


GOOD = {"recording": "samples/x.wav", "kind": "rule", "what": "once", "start": "",
        "machine": "not_met", "answer": "disagree", "why": "she says it twice for two things",
        "who": "ann", "as": "reviewer"}  # fmt: skip


def test_an_answer_is_in_the_results_at_once_and_comes_back_to_its_reviewer(house, results):
    _, _, enter = house()
    me = enter()
    assert me.post("/api/review/answer", json=GOOD).json() == {"kept": True}
    me.post("/api/review/answer", json=GOOD | {"answer": "agree"})
    kept = answers.read(results / "reviews.csv")
    assert [a.answer for a in kept] == ["disagree", "agree"]  # nothing is written over
    back = me.get("/api/review/answers", params={"recording": GOOD["recording"]}).json()
    assert [a["answer"] for a in back["answers"]] == ["agree"]
    other = enter()
    assert other.get("/api/review/answers", params={"recording": GOOD["recording"]}).json() == {
        "answers": [], "who": ""}  # fmt: skip
    assert me.post("/api/review/answer", json=GOOD | {"kind": "x"}).status_code == 400
    assert me.post("/api/review/answer", content=b"[1]").status_code == 400


def test_an_invited_reviewer_keeps_one_name_and_an_ended_invitation_opens_nothing(house):
    _, store, enter = house()
    one, token = invitations.make(store)
    guest = enter(token)
    guest.post("/api/review/answer", json=GOOD | {"who": "bob"})
    guest.post("/api/review/answer", json=GOOD | {"who": "eve", "what": "short"})
    again = enter(token)
    got = again.get("/api/review/answers", params={"recording": GOOD["recording"]}).json()
    assert (got["who"], len(got["answers"])) == ("bob", 2)
    invitations.revoke(store, one.id)
    assert again.get("/review/index.html").status_code == 410
    assert again.post("/api/review/answer", json=GOOD).status_code == 410


def test_only_files_of_the_report_are_served_and_only_to_who_came_in(house, results):
    page, _, enter = house()
    me = enter()
    assert me.get("/review/index.html").status_code == 200
    for name in ("../run.json", "report.json", "..%2frun.json", "apologies.jsonl", "script/x.js"):
        assert me.get(f"/review/{name}").status_code == 404, name
    stranger = TestClient(me.app, base_url="http://review.test")
    assert stranger.get("/review/index.html").status_code in (401, 403)
    sound = next(f for f in page.files if f.endswith(".flac"))
    part = me.get(f"/review/{sound}", headers={"range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)


def test_pages_are_served_without_a_script_in_them(house):
    page, _, enter = house()
    me = enter()
    for name in (f for f in page.files if f.endswith(".html")):
        got = me.get(f"/review/{name}")
        assert "http-equiv" not in got.text
        assert re.findall(r"<script>", got.text) == []
        nonce = re.search(r'<style nonce="([^"]+)"', got.text)[1]
        assert f"'nonce-{nonce}'" in got.headers["content-security-policy"]
        for address in re.findall(r'src="(/review/script/[^"]+)"', got.text):
            assert me.get(address).headers["content-type"].startswith("text/javascript")


def test_a_session_shows_where_people_differ_only_when_one_has_answered_all(house, results):
    page, _, enter = house(calibration=3)
    assert len(page.calls) == 3
    assert page.calls == house(calibration=3)[0].calls  # the same when it goes on
    ann, bob = enter(), enter()
    first = ann.get("/review/calibration").text
    assert "blind-review=1" in first
    assert "Where you differ is shown here" in first
    for who, client, says in (("ann", ann, "met"), ("bob", bob, "not_met")):
        for _, recording in page.calls:
            client.post("/api/review/answer", json=GOOD | {"recording": recording, "who": who,
                                                           "answer": says})  # fmt: skip
    text = ann.get("/review/calibration").text
    assert text.count("<td>not met</td>") == 3
    kept = answers.read(results / "reviews.csv")
    assert {a.session for a in kept} == {"calibration"}


@pytest.mark.parametrize(("of", "points", "said"), [
    (4, 12.4, "ann: 3 of 4 the same as before; impressions 12 of 100 points apart on average"),
    (0, 12.4, "ann: impressions 12 of 100 points apart on average"),
    (4, math.nan, "ann: 3 of 4 the same as before"),
])  # fmt: skip
def test_drift_is_told_of_rules_and_of_impressions(of, points, said):
    drift = calibration.Drift("ann", min(3, of), of, points)
    assert _steady(drift, load("review", "en")["calibration"]) == said


def test_agreement_on_the_terminal_in_both_languages(house, results):
    _, _, enter = house()
    me = enter()
    said = CliRunner().invoke(app, ["review", "agreement", str(results)])
    assert "Nobody has reviewed anything yet" in said.stdout
    for i in range(6):
        me.post("/api/review/answer", json=GOOD | {"recording": f"{i}.wav", "answer": "agree"})
    said = CliRunner().invoke(app, ["review", "agreement", str(results), "--lang", "en"])
    assert re.search(r"Once +6 +6 +0 +1\.00 \(0\.61-1\.00\)", said.stdout), said.stdout
    said = CliRunner().invoke(app, ["review", "agreement", str(results), "--lang", "nl"])
    assert "precisie" in said.stdout
    assert "1,00 (0,61-1,00)" in said.stdout


def test_forgetting_a_call_takes_what_was_said_of_it_with_it(house, results):
    page, store, enter = house(calibration=4)
    me = enter()
    for _, recording in page.calls:
        me.post("/api/review/answer", json=GOOD | {"recording": recording})
    store.let_go()
    done = CliRunner().invoke(app, ["forget", "1-plain-apology-nl", "--out", str(results)])
    assert done.exit_code == 0, done.output
    kept = {a.recording for a in answers.read(results / "reviews.csv")}
    assert len(kept) == 3
    assert not any("1-plain" in name for name in kept)
    assert not (results / "review").exists()
    assert b"1-plain-apology" not in (results / "reviews.sqlite").read_bytes()


def test_a_form_has_its_own_words_and_questions(results, tmp_path):
    form = tmp_path / "form.toml"
    form.write_text("""
[[section]]
name = "Begroeting"
[[section.item]]
question = "greeting"
text = "Werd de klant bij naam begroet?"
[[section]]
name = "Excuus"
[[section.item]]
rule = "once"
text = "Eén excuus per fout?"
""", encoding="utf-8")  # fmt: skip
    done = CliRunner().invoke(
        app, ["report", str(results), "--form", str(form), "--out", str(tmp_path / "r"), "-q"]
    )
    assert done.exit_code == 0, done.output
    page = (tmp_path / "r/calls/00001.html").read_text(encoding="utf-8")
    assert "Werd de klant bij naam begroet?" in page
    assert "Eén excuus per fout?" in page
    assert 'data-what="greeting"' in page
    assert 'data-what="solution"' not in page
    for wrong, said in (
        ("[[section]]\nname='a'\n[[section.item]]\nrule='nope'\ntext='x'", "there is no rule"),
        ("[[section]]\nname='a'\n[[section.item]]\ntext='x'", "either rule or question"),
        ("name = 1", "no .*section"),
        ("[[", "no TOML"),
    ):
        form.write_text(wrong, encoding="utf-8")
        done = CliRunner().invoke(app, ["report", str(results), "--form", str(form)])
        assert re.search(said, str(done.exception)), (wrong, done.exception)


def test_a_browser_keeps_answers_in_the_results_and_calibrates_blind(results):
    """Through the command itself: the link, the page, an answer, the table."""
    process = running.start("review", results, "--no-browser", "--port", 0, "--calibration", 2)
    try:
        link = ""
        for line in process.stdout:
            if found := re.search(r"(http://\S+token=\S+)", line):
                link = found[1]
                break
        with chromium() as browser:
            tab = Watched(browser)
            page = tab.page
            page.goto(link)
            page.get_by_role("link", name="Call 1").click()
            page.wait_for_selector("article.call")
            assert page.locator(".status").count() > 0
            assert not page.locator(".status").first.is_visible()
            assert not page.locator(".headline").is_visible()
            assert not page.locator(".found-said").first.is_visible()
            page.get_by_label("Your name or initials").fill("ann")
            for ask in page.locator(".ask").all():
                ask.locator("button").nth(2).click()
            until(page, "!document.documentElement.classList.contains('calibrating')")
            until(page, "document.querySelector('#review-state').textContent.includes('Kept in')")
            assert page.locator(".status").first.is_visible()
            assert tab.console == []
            tab.context.close()
    finally:
        process.terminate()
        process.communicate(timeout=20)
    with (results / "reviews.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    assert {r["answer"] for r in rows} == {"cannot_tell"}
    assert {r["session"] for r in rows} == {"calibration"}
