"""The report in a real browser: plays, filters, exports, and does nothing that a call asks for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from browser import Watched, chromium, until
from places import SAMPLES
from prosody.cli import app
from typer.testing import CliRunner

from benchmarks import _made_run
from prosody import report
from prosody.rating.agreement import read_long
from prosody.report.compare import compare
from prosody.results import read
from prosody.words import load

PAGES = ("index.html", "apologies.html", "apologies/00001.html", "complaints.html",
         "complaints/00001.html", "failed.html", "about.html")  # fmt: skip
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
    return _made_run.demo(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def made(analysed, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pages") / "report"
    report.make(analysed, out)
    return out


@pytest.fixture(scope="module")
def many(analysed, tmp_path_factory) -> Path:
    """A run of 5,000 apologies, made of the samples' over and over."""
    folder = tmp_path_factory.mktemp("many") / "results"
    folder.mkdir()
    rows = list(read.read_lines(analysed / "apologies.jsonl"))
    line = next(read.read_lines(analysed / "recordings.jsonl"))
    with (folder / "apologies.jsonl").open("w", encoding="utf-8") as out:
        for i in range(5000):
            start = 10.0 + i % 2 * 20
            row = rows[i % len(rows)] | {
                "recording": f"calls/{i // 2:04d}.wav",
                "start_s": start,
                "end_s": start + 3,
            }
            out.write(json.dumps(row) + "\n")
    with (folder / "recordings.jsonl").open("w", encoding="utf-8") as out:
        for i in range(2500):
            out.write(json.dumps(line | {"recording": f"calls/{i:04d}.wav", "tracks": []}) + "\n")
    shutil.copy(analysed / "run.json", folder)
    report.make(folder, audio=False)
    return folder / "report"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_the_disk_and_fetches_nothing(browser, made, name):
    tab = Watched(browser)
    page = tab.open(made / name)
    page.wait_for_load_state("load")
    assert tab.said == []
    assert tab.outside() == []
    assert page.locator("h1").count() == 1
    tab.context.close()


def test_the_apology_plays_and_stops_at_its_end(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "apologies/00001.html")
    until(page, "document.querySelector('audio').readyState >= 1")
    row = page.locator("button.play.strong")
    begin = float(row.get_attribute("data-from"))
    end = float(row.get_attribute("data-to"))
    start = float(page.locator("audio").get_attribute("data-start"))
    row.focus()
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('audio').currentTime > {begin - start + 0.2}")
    assert not page.evaluate("document.querySelector('audio').paused")
    until(page, "document.querySelector('audio').paused")
    stopped = page.evaluate("document.querySelector('audio').currentTime") + start
    assert end <= stopped < end + 0.5
    head = float(page.locator(".picture .head").get_attribute("x1").rstrip("%"))
    length = float(page.locator(".chart").get_attribute("data-end")) - start
    assert abs(head / 100 * length - (stopped - start)) < 0.2
    box = page.locator(".chart").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    until(page, f"Math.abs(document.querySelector('audio').currentTime - {length / 2}) < 0.3")
    tab.context.close()


@pytest.mark.parametrize("name", ["apologies/00001.html", "complaints/00001.html"])
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
    assert wave.locator(".mark rect").is_visible()
    begin = float(wave.get_attribute("data-start"))
    length = float(wave.get_attribute("data-length"))
    now = "document.querySelector('audio').currentTime"
    wave.focus()
    page.keyboard.press("PageUp")
    until(page, f"Math.abs({now} - 5) < 0.01")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(page, f"Math.abs({now} - 4.5) < 0.01")
    until(page, "document.querySelector('.wave').getAttribute('aria-valuenow') === '4.5'")
    told = wave.get_attribute("aria-valuetext")
    assert told == f"0:{int(begin + 4.5):02d}"
    page.keyboard.press(" ")
    until(page, "!document.querySelector('audio').paused")
    page.keyboard.press(" ")
    until(page, "document.querySelector('audio').paused")
    page.keyboard.press("Home")
    until(page, f"{now} === 0")
    box = wave.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, f"Math.abs({now} - {length / 2}) < 0.2")
    # All pictures show the same place.
    cursor = (
        "(() => { const root = document.querySelector('.drawn > div').shadowRoot;"
        " const c = root.querySelector('.cursor').getBoundingClientRect();"
        " const w = document.querySelector('.drawn').getBoundingClientRect();"
        " return (c.left - w.left) / w.width; })()"
    )
    until(page, f"Math.abs({cursor} - 0.5) < 0.01")
    head = page.locator(".picture .head")
    if head.count():
        # It follows when the player has arrived, a moment after its clock says so.
        at = "parseFloat(document.querySelector('.picture .head').getAttribute('x1'))"
        until(page, f"Math.abs({at} - 50) < 1")
    assert tab.said == []
    assert tab.outside() == []
    tab.context.close()


def test_the_window_is_played_from_a_complaint(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "index.html")
    page.get_by_role("link", name="Mijn wasmachine").click()
    until(page, "document.querySelector('audio').readyState >= 1")
    button = page.get_by_role("button", name="Play the complaint")
    begin, end = (float(button.get_attribute(f"data-{n}")) for n in ("from", "to"))
    page.evaluate(f"document.querySelector('audio').playbackRate = {max(1, (end - begin) / 2)}")
    button.click()
    until(page, "!document.querySelector('audio').paused")
    until(page, "document.querySelector('audio').paused")
    start = float(page.locator("audio").get_attribute("data-start"))
    assert page.evaluate("document.querySelector('audio').currentTime") + start >= end
    own = page.locator(".turn.own")
    assert own.count() == 1
    assert "niemand geweest" in own.inner_text()
    tab.context.close()


def test_without_the_waveforms_file_everything_else_plays(browser, made, tmp_path):
    copy = tmp_path / "report"
    shutil.copytree(made, copy)
    (copy / "player/wavesurfer.min.js").unlink()
    tab = Watched(browser)
    page = tab.open(copy / "apologies/00001.html")
    until(page, "document.querySelector('audio').readyState >= 1")
    assert not page.locator(".wave").is_visible()
    page.get_by_role("button", name="Play the apology").click()
    until(page, "document.querySelector('audio').currentTime > 8")
    tab.context.close()


@pytest.mark.parametrize("name", ["apologies/00001.html", "complaints/00001.html"])
def test_without_scripts_the_sound_can_be_played(browser, made, name):
    tab = Watched(browser, java_script_enabled=False)
    page = tab.open(made / name)
    assert page.locator("audio[controls]").is_visible()
    assert "The sound plays without JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("noscript p").is_visible()
    for hidden in (".wave", ".player .buttons", ".rate"):
        assert not page.locator(hidden).first.is_visible() or not page.locator(hidden).count()
    until(page, "document.querySelector('audio').readyState >= 1")
    tab.context.close()


def test_the_table_is_sorted_filtered_and_paged_with_keys(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "apologies.html")
    page.locator("#search").focus()
    for _ in range(12):  # everything that can be used is reached in order
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.sort") == "length":
            break
    assert page.evaluate("document.activeElement.dataset.sort") == "length"
    page.keyboard.press("Enter")
    first = page.locator("#rows tr td:nth-child(6)").all_inner_texts()
    page.keyboard.press("Enter")
    assert page.locator("#rows tr td:nth-child(6)").all_inner_texts() == first[::-1]
    assert page.evaluate("document.activeElement.dataset.sort") == "length"  # focus stays
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.locator("#language").focus()
    page.keyboard.press("ArrowDown")
    assert 0 < page.locator("#rows tr").count() < 6
    assert page.locator("#count").get_attribute("role") == "status"  # the number is told
    tab.context.close()


def test_the_table_sorts_filters_and_leads_to_the_page(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "apologies.html")
    rows = page.locator("#rows tr")
    assert rows.count() == 6
    page.get_by_role("button", name="sincere side").click()
    page.get_by_role("button", name="sincere side").click()
    values = [int(t.split()[0]) for t in page.locator("#rows tr td:nth-child(5)").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    header = page.locator("th", has=page.get_by_role("button", name="sincere side"))
    assert header.get_attribute("aria-sort") == "descending"
    page.get_by_label("Search").fill("ongemak")
    assert rows.count() == 3
    page.get_by_label("Search").fill("no such words")
    assert rows.count() == 0
    assert "Nothing fits" in page.locator("#count").inner_text()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Sounded").select_option("sincere")
    assert rows.count() == values_of(made, "sincere")
    page.get_by_role("button", name="Clear filters").click()
    page.locator("#rows a").first.click()
    page.wait_for_selector("article.apology")
    assert tab.said == []
    tab.context.close()


def values_of(made: Path, verdict: str) -> int:
    data = (made / "apologies.html").read_text(encoding="utf-8")
    block = data.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    return sum(row[10] == verdict for row in json.loads(block)["rows"])


def test_ratings_are_kept_and_exported_as_fit_reads_them(browser, made, tmp_path):
    tab = Watched(browser, accept_downloads=True)
    page = tab.open(made / "apologies/00001.html")
    page.get_by_label("From put on to sincere").fill("80")
    page.get_by_label("From recited to engaged").focus()
    page.keyboard.press("ArrowRight")  # from 50
    page.get_by_label("Remark").fill('=HYPERLINK("x"), she said "so"\nand more')
    page.get_by_label("Your name").fill("ann")
    first = page.locator("article").get_attribute("data-clip")
    page = tab.open(made / "apologies/00002.html")
    page.get_by_label("From put on to sincere").fill("20")
    page = tab.open(made / "apologies/00003.html")
    page.get_by_label("I cannot hear it").check()
    page = tab.open(made / "apologies/00001.html")  # kept over pages
    assert page.get_by_label("From put on to sincere").input_value() == "80"
    with page.expect_download() as got:
        page.get_by_role("button", name="Export").click()
    path = tmp_path / got.value.suggested_filename
    got.value.save_as(path)
    panel = read_long(path, "sincere")
    assert first in panel.clips
    assert len(panel.clips) == 2
    text = path.read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == "clip,rater,axis,rating,is_repeat,cannot_hear,remark"
    assert '"engaged",51,0,0' in text
    assert "\"'=HYPERLINK" in text
    page = tab.open(made / "apologies.html")
    page.get_by_label("Rated by me").select_option("yes")
    assert page.locator("#rows tr").count() == 3
    page = tab.open(made / "apologies/00001.html")
    page.get_by_role("button", name="Delete").click()
    page.reload()
    assert page.locator("output").first.inner_text() == "not rated"
    assert tab.said == []
    tab.context.close()


def test_judgements_can_be_hidden_until_one_has_rated(browser, made):
    tab = Watched(browser)
    page = tab.open(made / "apologies/00004.html")
    assert page.locator(".unveiled").is_visible()
    page.get_by_label("Hide judgements").check()
    assert not page.locator(".unveiled").is_visible()
    page.reload()
    assert not page.locator(".unveiled").is_visible()
    page.get_by_label("From put on to sincere").fill("30")
    assert page.locator(".unveiled").is_visible()
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
        if _made_run.APOLOGY in segment["text"]:
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
            for field in page.locator("textarea, input[type=search], input[type=text]").all():
                field.fill(HOSTILE)
            page.wait_for_timeout(50)
            assert page.evaluate("window.hit") is None, page_name
            assert page.locator("img, iframe, object, embed, form[action]").count() == 0
            assert page.locator("script:not([type]):not([src])").count() == 1
            for script in page.locator("script[src]").all():
                assert script.get_attribute("src") == "../player/wavesurfer.min.js"
            for link in page.locator("a").all():
                assert (
                    link.get_attribute("href")
                    .split(":")[0]
                    .startswith(
                        ("#", "index", "about", "failed", "complaints", "apologies", "../", "0")
                    )
                )
    assert tab.said == []
    assert tab.outside() == []
    text = tab.open(tmp_path / "plain/apologies/00001.html").locator("body").inner_text()
    assert "<script>window.hit=1</script>" in text  # shown, as text
    tab.context.close()


@pytest.mark.parametrize("name", ["index.html", "apologies/00001.html"])
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
    assert any("Content Security Policy" in s for s in tab.said)
    assert page.evaluate("document.querySelector('img').naturalWidth") == 0
    tab.context.close()


def test_each_report_has_a_nonce_of_its_own(analysed, tmp_path):
    found = set()
    for i in range(2):
        report.make(analysed, tmp_path / str(i))
        source = (tmp_path / str(i) / "apologies/00001.html").read_text(encoding="utf-8")
        found.add(source.split('nonce="')[1].split('"')[0])
    assert len(found) == 2
    assert all(len(n) == 32 for n in found)


@pytest.fixture(scope="module")
def every(analysed, made, tmp_path_factory) -> dict[str, list[Path]]:
    """One page of each kind, by language: of a whole run, of failures only, of two runs."""
    calls = tmp_path_factory.mktemp("broken")
    (calls / "a.wav").write_text("no sound")
    (calls / "b.wav").write_bytes(b"")
    CliRunner().invoke(app, ["analyze", str(calls), "--clips", "--out", str(calls / "out"), "-q"])
    out = {}
    for lang in ("nl", "en"):
        whole, broken, two = (tmp_path_factory.mktemp(lang) / n for n in ("all", "bad", "two"))
        report.make(analysed, whole, lang=lang)
        report.make(calls / "out", broken, lang=lang)
        out[lang] = [whole / name for name in PAGES]
        out[lang] += [broken / n for n in ("index.html", "failed.html", "apologies.html")]
        out[lang] += [compare(analysed, calls / "out", two / "a", lang=lang)]
        out[lang] += [compare(analysed, analysed, two / "b", lang=lang)]
    return out


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["nl", "en"])
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
    page = tab.open(next(p for p in every[lang] if p.name == "00001.html"))
    page.emulate_media(media="print")
    for gone in ("audio", ".wave", ".rate", "header nav", ".turn-page"):
        assert not page.locator(gone).first.is_visible(), gone
    for kept in (".picture", ".transcript", ".verdict", "h1"):
        assert page.locator(kept).first.is_visible(), kept
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    heading = load("report", lang)["apology"]["transcript"]
    assert page.get_by_role("heading", name=heading).count() == 1
    tab.context.close()


@pytest.mark.slow
def test_five_thousand_apologies_come_in_pages(browser, many):
    assert len(list((many / "apologies").iterdir())) == 5000
    assert max(p.stat().st_size for p in many.rglob("*.html")) < 2_000_000
    tab = Watched(browser)
    page = tab.open(many / "apologies.html")
    assert page.locator("#rows tr").count() == 50
    assert "5000" in page.locator("#count").inner_text().replace(".", "").replace(",", "")
    page.get_by_role("button", name="Next").click()
    assert page.locator("#rows th").first.inner_text() == "0025.wav"
    page.get_by_label("Search").fill("0042.wav")
    assert page.locator("#rows tr").count() == 2
    page.locator("#rows a").first.click()
    page.wait_for_selector("article.apology")
    assert tab.said == []
    tab.context.close()
