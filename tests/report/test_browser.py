"""The report in a real browser: plays, filters, exports, and does nothing that a call asks for."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import running
from browser import Watched, chromium, until
from command import prosody
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from prosody import report
from prosody.rating.agreement import read_long
from prosody.report.compare import compare
from prosody.results import read

# The first call has a complaint and no apology, the second four apologies.
COMPLAINT, FOUR = "calls/00001.html", "calls/00002.html"
PAGES = ("index.html", "calls.html", COMPLAINT, FOUR, "failed.html", "about.html")
HOSTILE = (
    '<script>window.hit=1</script><img src=x onerror="window.hit=2"> "quoted" '
    "javascript:window.hit=3 </title></style></textarea> {{7*7}} \u202egnp.exe"
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def analysed(tmp_path_factory) -> Path:
    return running.demo(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def made(analysed, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pages") / "report"
    report.make(analysed, out)
    return out


@pytest.fixture(scope="module")
def many(analysed, tmp_path_factory) -> Path:
    """A run of 2,000 apologies, made of the samples' over and over."""
    folder = tmp_path_factory.mktemp("many") / "results"
    folder.mkdir()
    rows = list(read.read_lines(analysed / "apologies.jsonl"))
    line = next(read.read_lines(analysed / "recordings.jsonl"))
    with (folder / "apologies.jsonl").open("w", encoding="utf-8") as out:
        for i in range(2000):
            start = 10.0 + i % 2 * 20
            row = rows[i % len(rows)] | {
                "recording": f"calls/{i // 2:04d}.wav",
                "start_s": start,
                "end_s": start + 3,
            }
            out.write(json.dumps(row) + "\n")
    with (folder / "recordings.jsonl").open("w", encoding="utf-8") as out:
        for i in range(1000):
            out.write(json.dumps(line | {"recording": f"calls/{i:04d}.wav", "tracks": []}) + "\n")
    shutil.copy(analysed / "run.json", folder)
    report.make(folder, audio=False)
    return folder / "report"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_the_disk_and_fetches_nothing(browser, made, name):
    tab = Watched(browser)
    page = tab.open(made / name)
    page.wait_for_load_state("load")
    assert tab.console == []
    assert tab.outside() == []
    assert page.locator("h1").count() == 1
    tab.context.close()


def test_a_find_plays_and_stops_at_its_end(browser, made):
    tab = Watched(browser)
    page = tab.open(made / FOUR)
    until(page, "document.querySelector('audio').readyState >= 1")
    button = page.locator(".jump.apology").first
    begin, end = (float(button.get_attribute(f"data-{n}")) for n in ("from", "to"))
    button.focus()
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('audio').currentTime > {begin + 0.2}")
    assert not page.evaluate("document.querySelector('audio').paused")
    assert page.locator(".turn.now").count() == 1  # the words that are heard
    until(page, "document.querySelector('audio').paused")
    assert end <= page.evaluate("document.querySelector('audio').currentTime") < end + 0.5
    chart = page.locator(".chart").first
    head = float(page.locator(".picture .head").first.get_attribute("x1").rstrip("%"))
    low, high = (float(chart.get_attribute(f"data-{n}")) for n in ("start", "end"))
    at = page.evaluate("document.querySelector('audio').currentTime")
    assert abs(head / 100 * (high - low) - (at - low)) < 0.2
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    middle = (low + high) / 2
    until(page, f"Math.abs(document.querySelector('audio').currentTime - {middle}) < 0.3")
    tab.context.close()


@pytest.mark.parametrize("name", [FOUR, COMPLAINT])
def test_the_waveform_is_drawn_and_can_be_used_with_keys_and_mouse(browser, made, name):
    tab = Watched(browser)
    page = tab.open(made / name)
    until(page, "document.querySelector('audio').readyState >= 1")
    wave = page.get_by_role("slider", name="Place in the sound")
    assert wave.is_visible()
    # One canvas a voice, with something on it, in the shadow root that wavesurfer.js makes.
    drawn = (
        "Array.from(document.querySelector('.drawn > div').shadowRoot"
        ".querySelectorAll('.canvases canvas')).filter(c => c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data.some(v => v)).length"
    )
    until(page, f"{drawn} === 2")
    assert wave.locator(".marks rect").first.is_visible()
    length = float(page.locator("audio").get_attribute("data-length"))
    now = "document.querySelector('audio').currentTime"
    wave.focus()
    page.keyboard.press("PageUp")
    until(page, f"Math.abs({now} - 5) < 0.01")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(page, f"Math.abs({now} - 4.5) < 0.01")
    until(page, "document.querySelector('.wave').getAttribute('aria-valuenow') === '4.5'")
    assert wave.get_attribute("aria-valuetext") == "0:04"
    page.keyboard.press(" ")
    until(page, "!document.querySelector('audio').paused")
    page.keyboard.press(" ")
    until(page, "document.querySelector('audio').paused")
    page.keyboard.press("Home")
    until(page, f"{now} === 0")
    box = wave.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, f"Math.abs({now} - {length / 2}) < 0.2")
    assert tab.console == []
    assert tab.outside() == []
    tab.context.close()


def test_without_the_waveforms_file_everything_else_plays(browser, made, tmp_path):
    copy = tmp_path / "report"
    shutil.copytree(made, copy)
    (copy / "player/wavesurfer.min.js").unlink()
    tab = Watched(browser)
    page = tab.open(copy / FOUR)
    until(page, "document.querySelector('audio').readyState >= 1")
    assert not page.locator(".wave").is_visible()
    page.locator(".jump.apology").last.click()
    until(page, "document.querySelector('audio').currentTime > 8")
    tab.context.close()


def test_without_scripts_the_sound_plays_and_every_row_is_there(browser, made):
    tab = Watched(browser, java_script_enabled=False)
    for name in (FOUR, COMPLAINT):
        page = tab.open(made / name)
        assert page.locator("audio[controls]").is_visible()
        assert "The sound plays without JavaScript" in page.locator("noscript").first.inner_text()
        for hidden in (".wave", ".jumps", ".rate", ".ask", ".review"):
            assert not page.locator(hidden).first.is_visible(), hidden
        assert page.locator(".transcript .turn").count() > 5
    page = tab.open(made / "calls.html")
    assert page.locator("tbody tr").count() == 5
    assert not page.locator(".filters").is_visible()
    page.locator("tbody a").first.click()
    assert page.locator("article.call").is_visible()
    tab.context.close()


def rows_of(page) -> list[str]:
    return page.locator("#rows tr th a").all_inner_texts()


def test_filters_order_and_page_live_in_the_address_and_survive_back(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "calls.html")
    every = rows_of(page)
    assert len(every) == 5
    page.get_by_label("Apology").select_option("yes")
    page.get_by_role("button", name="length").click()
    page.get_by_role("button", name="length").click()
    some = rows_of(page)
    assert len(some) == 3
    assert "apology=yes" in page.url
    assert "sort=-length" in page.url
    assert page.locator("th[aria-sort=descending] button").inner_text() == "length"
    page.locator("#rows a").nth(1).click()
    page.wait_for_selector("article.call")
    assert some[1] in page.locator(".file").first.inner_text()
    assert page.locator("#where").inner_text() == "2 of 3"
    page.get_by_role("link", name="Next").click()  # in the order of the filter
    page.wait_for_selector("article.call")
    assert some[2] in page.locator(".file").first.inner_text()
    assert not page.get_by_role("link", name="Next").is_visible()
    page.get_by_role("link", name="Back to the list").click()
    page.wait_for_selector("#rows tr")
    assert rows_of(page) == some
    page.go_back()
    page.go_back()
    page.go_back()
    until(page, "!!document.querySelector('#rows')")
    assert rows_of(page) == some
    page.go_back()  # each choice is a step
    until(page, "location.hash.indexOf('-length') < 0")
    assert page.locator("#apology").input_value() == "yes"
    page.get_by_role("button", name="Clear filters").click()
    assert rows_of(page) == every
    assert tab.console == []
    tab.context.close()


def test_what_was_also_heard_leads_to_its_calls(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "index.html")
    page.get_by_role("link", name="asking again or correcting").click()
    until(page, "document.querySelectorAll('#rows tr').length === 1")
    assert page.locator("#act").input_value() == "repair"
    why = page.locator("#why")
    wide = (
        "e => { const f = document.createElement('span'); f.style.font = getComputedStyle(e).font;"
    )
    wide += (
        "f.textContent = Array.from(e.options).map(o => o.text).sort((a, b) => b.length - a.length)"
    )
    wide += "[0]; document.body.append(f); return e.clientWidth >= f.offsetWidth; }"
    assert why.evaluate(wide)  # no option is cut off
    tab.context.close()


def test_the_words_of_a_call_use_the_room_and_show_that_there_are_more(browser, made):
    tab = Watched(browser)
    page = tab.open(made / FOUR)
    page.set_viewport_size({"width": 1280, "height": 1400})
    box = page.locator(".transcript")
    box.evaluate("e => { for (let i = 0; i < 6; i++) e.innerHTML += e.innerHTML; }")
    assert box.evaluate("e => e.clientHeight < e.scrollHeight && e.clientHeight > 900")
    edge = box.bounding_box()
    clip = {"x": edge["x"] + 2, "y": edge["y"] + edge["height"] - 9, "width": 8, "height": 8}
    more = page.screenshot(clip=clip, full_page=True)
    box.evaluate("e => { e.scrollTop = e.scrollHeight; }")
    assert page.screenshot(clip=clip, full_page=True) != more  # the shadow goes at the end
    tab.context.close()


def test_the_table_is_sorted_and_filtered_with_keys(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "calls.html")
    page.locator("#search").focus()
    for _ in range(20):  # everything that can be used is reached in order
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.sort") == "length":
            break
    assert page.evaluate("document.activeElement.dataset.sort") == "length"
    page.keyboard.press("Enter")
    first = page.locator("#rows tr td:last-child").all_inner_texts()
    page.keyboard.press("Enter")
    assert page.locator("#rows tr td:last-child").all_inner_texts() == first[::-1]
    assert page.evaluate("document.activeElement.dataset.sort") == "length"  # focus stays
    assert page.locator("#count").get_attribute("role") == "status"  # the number is told
    page.get_by_label("Rule not met").select_option(index=1)
    assert 0 < len(rows_of(page)) < 5
    tab.context.close()


def test_search_looks_through_everything_that_was_said(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "calls.html")
    assert not any("texts.js" in u for u in tab.fetched)  # read when it is asked for
    page.get_by_label("Search").fill("Zegt u het maar")  # the agent's greeting
    until(page, "document.querySelectorAll('#rows tr').length === 1")
    assert "Zegt u het maar" in page.locator(".hit").inner_text()
    page.get_by_label("Search").fill("no such words")
    until(page, "document.querySelectorAll('#rows tr').length === 0")
    assert "No call fits" in page.locator("#count").inner_text()
    assert tab.console == []
    assert tab.outside() == []
    tab.context.close()


def test_ratings_are_kept_and_exported_as_fit_reads_them(browser, made, tmp_path):
    tab = Watched(browser, accept_downloads=True)
    page = tab.open(made / FOUR)
    parts = page.locator("section.apology")
    assert parts.count() == 4
    for part in parts.all():
        part.locator("details.rate > summary").click()
    slider = parts.nth(0).get_by_label("From put on to sincere")
    hollow = "e => getComputedStyle(e).appearance"
    assert slider.evaluate(hollow) == "none"
    slider.focus()
    page.keyboard.press("ArrowRight")  # from 50
    assert slider.evaluate(hollow) == "auto"
    assert parts.nth(0).locator("output").inner_text() == "51"
    slider.fill("80")
    parts.nth(0).get_by_label("Remark").fill('=HYPERLINK("x"), she said "so"\nand more')
    first = parts.nth(0).get_attribute("data-clip")
    parts.nth(1).get_by_label("From put on to sincere").fill("20")
    parts.nth(2).get_by_label("I cannot hear it").check()
    page.reload()
    page.locator("details.rate > summary").first.click()
    assert page.get_by_label("From put on to sincere").first.input_value() == "80"
    page = tab.open(made / "calls.html")
    page.get_by_label("Your name in the export").fill("ann")
    with page.expect_download() as got:
        page.get_by_role("button", name="Export all my ratings").click()
    path = tmp_path / got.value.suggested_filename
    got.value.save_as(path)
    panel = read_long(path, "sincere")
    assert first in panel.clips
    assert len(panel.clips) == 2
    text = path.read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == "clip,rater,axis,rating,is_repeat,cannot_hear,remark"
    assert '"ann"' in text
    assert '"sincere",80,0,0' in text
    assert "engaged" not in text
    assert "\"'=HYPERLINK" in text
    page = tab.open(made / FOUR)
    page.locator("details.rate > summary").first.click()
    page.get_by_role("button", name="Delete").first.click()
    page.reload()
    assert page.locator("output").first.text_content() == "not rated"
    assert tab.console == []
    tab.context.close()


def test_hidden_judgements_are_hidden_on_every_page(browser, made):
    said = ("sincere", "forced", "unclear", "not judged", "put on")
    tab = Watched(browser)
    page = tab.open(made / FOUR)
    assert page.locator(".unveiled").first.is_visible()
    sizes = "[document.querySelector('h1'), document.querySelector('main'), document.body].map("
    sizes += "e => [getComputedStyle(e).fontSize, e.clientWidth])"
    before = page.evaluate(sizes)
    page.get_by_label("Hide how they sounded").check()
    assert not page.locator(".unveiled").first.is_visible()
    assert page.evaluate(sizes) == before  # nothing else of the page changes
    assert page.locator(".rules .status").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator("h1").first.is_visible()
    page.emulate_media(media="screen")
    for name in PAGES[:4]:
        page = tab.open(made / name)
        words = page.locator("main").inner_text()
        shown = [w for w in said if f"\n{w}\n" in words or f": {w}\n" in words]
        assert not shown, (name, shown)
        assert not page.locator(".judged-only").first.is_visible() or not page.locator(
            ".judged-only").count()  # fmt: skip
    page = tab.open(made / FOUR)
    part = page.locator("section.apology").first
    part.locator("details.rate > summary").click()
    part.get_by_label("From put on to sincere").fill("30")
    assert part.locator(".unveiled").is_visible()  # of this one alone
    assert not page.locator("section.apology").nth(1).locator(".unveiled").is_visible()
    tab.context.close()


def test_a_reviewer_says_whether_she_agrees_and_takes_it_along(browser, made, tmp_path):
    tab = Watched(browser, accept_downloads=True)
    page = tab.open(made / FOUR)
    page.get_by_label("Your name or initials").fill("ann")
    missed = page.locator(".missed li").first
    rule = missed.locator(".ask").get_attribute("data-what")
    missed.get_by_role("button", name="Disagree").click()
    missed.get_by_label("Why?").fill("=she says it at 0:39")
    page.keyboard.press("Tab")
    assert "not met" in missed.locator(".status").inner_text()  # the machine's value stays
    agree = page.locator("section.apology .ask").first.get_by_role("button")
    agree.filter(has_text="Agree").first.click()
    page.reload()
    missed = page.locator(".missed li").first
    pressed = missed.locator('button[aria-pressed="true"]')
    assert pressed.inner_text() == "Disagree"
    page.get_by_label("You answer as").select_option("agent")
    page.locator(".ask[data-kind=call]").first.get_by_role("button", name="Disagree").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Export my answers").click()
    path = tmp_path / got.value.suggested_filename
    got.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {(r["kind"], r["what"]): r for r in csv.DictReader(file)}
    assert rows["rule", rule]["answer"] == "disagree"
    assert rows["rule", rule]["machine"] == "not_met"
    assert rows["rule", rule]["why"] == "'=she says it at 0:39"
    assert rows["rule", rule]["reviewer"] == "ann"
    assert rows["apology", "apology"]["answer"] == "agree"
    assert rows["call", "complaint"]["as"] == "agent"
    page = tab.open(made / "calls.html")
    page.get_by_label("Reviewed by me").select_option("yes")
    assert page.locator("#rows tr").count() == 1
    assert tab.console == []
    tab.context.close()


def test_a_hostile_call_does_nothing(browser, tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    name = "a'\"><img src=x onerror=window.hit=4>&lt;.wav".replace("/", "")
    shutil.copy(SAMPLES / "1-plain-apology-nl.wav", calls / name)
    said = json.loads((SAMPLES / "1-plain-apology-nl.json").read_text(encoding="utf-8"))
    for segment in said["segments"]:
        segment["text"] = f"{segment['text']} {HOSTILE}"
        segment["words"][-1]["word"] += f" {HOSTILE}"
    (calls / name.replace(".wav", ".json")).write_text(json.dumps(said), encoding="utf-8")
    other = f"complaint {name}"
    shutil.copy(SAMPLES / "1-plain-apology-nl.wav", calls / other)
    for segment in said["segments"]:
        if running.APOLOGY in segment["text"]:
            segment["text"] = HOSTILE
        segment.pop("words")
    (calls / other.replace(".wav", ".json")).write_text(json.dumps(said), encoding="utf-8")
    out = tmp_path / "results"
    done = CliRunner().invoke(app, ["analyze", str(calls), "--out", str(out), "--workers", "0"])
    assert done.exit_code == 0, done.output

    def poison(value):
        """Put markup into every text of the results, codes and names included."""
        if isinstance(value, dict):
            spared = ("recording", "recording_sha256", "file", "sha256")
            return {k: poison(v) if k not in spared else v
                    for k, v in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [poison(v) for v in value]
        return f"{value}{HOSTILE}" if isinstance(value, str) and value else value

    report.make(out, tmp_path / "plain")
    for file in ("apologies.jsonl", "recordings.jsonl"):
        rows = [poison(row) for row in read.read_lines(out / file)]
        if file == "apologies.jsonl":
            rows = [row | {"verdict": "forced"} for row in rows]
        else:
            rows += [{"recording": HOSTILE, "status": "failed", "code": HOSTILE,
                      "message": HOSTILE, "remedy": HOSTILE}]  # fmt: skip
            rows[1] |= {"complaint_without_apology": True}
        (out / file).write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    report.make(out, tmp_path / "poisoned")
    tab = Watched(browser)
    for folder in ("plain", "poisoned"):
        for page_name in PAGES:
            page = tab.open(tmp_path / folder / page_name)
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            fields = page.locator("textarea, input[type=search], input[type=text]")
            for field in fields.locator("visible=true").all():
                field.fill(HOSTILE)
            page.wait_for_timeout(50)
            assert page.evaluate("window.hit") is None, page_name
            assert page.locator("img, iframe, object, embed, form[action]").count() == 0
            assert page.locator("script:not([type]):not([src])").count() == 1
            for script in page.locator("script[src]").all():
                beside = ("../player/wavesurfer.min.js", "texts.js")
                assert script.get_attribute("src") in beside
            for link in page.locator("a").all():
                assert (
                    link.get_attribute("href")
                    .split(":")[0]
                    .startswith(("#", "index", "about", "failed", "calls", "../", "0"))
                )
    assert tab.console == []
    assert tab.outside() == []
    text = tab.open(tmp_path / "plain" / COMPLAINT).locator("body").inner_text()
    assert "<script>window.hit=1</script>" in text  # shown, as text
    tab.context.close()


@pytest.mark.parametrize("name", ["index.html", FOUR])
def test_the_policy_itself_stops_a_script_and_a_request(browser, made, tmp_path, name):
    copy = tmp_path / "report"
    shutil.copytree(made, copy)
    page_file = copy / name
    (page_file.parent / "evil.js").write_text("window.hit = 3")
    extra = ('<script>window.hit=1</script><script src="evil.js"></script>'
             '<script src="evil.js" nonce="0"></script><img src="http://127.0.0.1:9/x.png">'
             '<p onclick="window.hit=2" id="bad">x</p></main>')  # fmt: skip
    source = page_file.read_text(encoding="utf-8")
    page_file.write_text(source.replace("</main>", extra), encoding="utf-8")
    tab = Watched(browser)
    page = tab.open(page_file)
    page.locator("#bad").click()
    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in s for s in tab.console)
    assert page.evaluate("document.querySelector('img').naturalWidth") == 0
    tab.context.close()


def test_each_report_has_a_nonce_of_its_own(analysed, tmp_path):
    found = set()
    for i in range(2):
        report.make(analysed, tmp_path / str(i))
        source = (tmp_path / str(i) / FOUR).read_text(encoding="utf-8")
        found.add(source.split('nonce="')[1].split('"')[0])
    assert len(found) == 2
    assert all(len(n) == 32 for n in found)


@pytest.fixture(scope="module")
def every(analysed, made, tmp_path_factory) -> dict[str, list[Path]]:
    """One page of each kind, by language: of a whole run, of failures only, of two runs."""
    calls = tmp_path_factory.mktemp("broken")
    (calls / "a.wav").write_text("no sound")
    (calls / "b.wav").write_bytes(b"")
    prosody("analyze", calls, "--clips", "--out", calls / "out", "-q")
    out = {}
    for lang in ("nl", "en"):
        whole, broken, two = (tmp_path_factory.mktemp(lang) / n for n in ("all", "bad", "two"))
        report.make(analysed, whole, lang=lang)
        report.make(calls / "out", broken, lang=lang)
        out[lang] = [whole / name for name in PAGES]
        out[lang] += [broken / n for n in ("index.html", "failed.html", "calls.html")]
        out[lang] += [compare(analysed, calls / "out", two / "a", lang=lang)]
        out[lang] += [compare(analysed, analysed, two / "b", lang=lang)]
    return out


@pytest.mark.parametrize(("lang", "scheme"), [("nl", "light"), ("en", "dark")])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scroll(browser, every, lang, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = Watched(browser, color_scheme=scheme, viewport={"width": 360, "height": 740})
    for path in every[lang]:
        page = tab.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        found = axe.Axe().run(page).response["violations"]
        assert not found, f"{path}: " + json.dumps(
            [(v["id"], v["help"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found],
            indent=1,
        )
    tab.context.close()


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_printed_pages_hold_what_can_be_read_on_paper(browser, every, lang):
    tab = Watched(browser, color_scheme="dark")
    page = tab.open(next(p for p in every[lang] if p.as_posix().endswith(FOUR)))
    page.emulate_media(media="print")
    for gone in ("audio", ".wave", ".rate", ".ask", ".review", "header nav", ".turn-page"):
        assert not page.locator(gone).first.is_visible(), gone
    for kept in (".picture", ".transcript", ".verdict", "h1", ".heard-words"):
        assert page.locator(kept).first.is_visible(), kept
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    tab.context.close()


@pytest.mark.slow
def test_a_thousand_calls_come_in_pages_and_all_of_them_on_paper(browser, many):
    assert len(list((many / "calls").iterdir())) == 1000
    assert max(p.stat().st_size for p in many.rglob("*.html")) < 1_600_000
    tab = Watched(browser)
    page = tab.open(many / "calls.html")
    assert page.locator("#rows tr").count() == 50
    assert "1000" in page.locator("#count").inner_text().replace(".", "").replace(",", "")
    page.get_by_role("button", name="Next").click()
    assert "page=2" in page.url
    assert page.locator("#rows td").first.inner_text() == "51"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows tr").count() == 1000
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.get_by_label("Search").fill("0042.wav")
    until(page, "document.querySelectorAll('#rows tr').length === 1")
    page.locator("#rows a").first.click()
    page.wait_for_selector("article.call")
    assert tab.console == []
    tab.context.close()
