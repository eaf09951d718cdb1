"""The page to practise in a real browser: a microphone that plays speech, and every state."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from browser import Watched, chromiums, plays, until
from places import synthetic_voice

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")
from coach_pages import STATE, Running, coach, enter, give, practise, record, speech, speeches

SR = 48_000
ELSEWHERE = "coach.test"  # a name that is no secure address, though it leads here
ASSETS = files("prosody.web") / "assets"
APOLOGY = (25.6, 31.9)  # of the agent's channel of the sample


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sounds")
    made = speeches(folder, APOLOGY, brief=(25.6, 27.2))
    made["soft"] = folder / "soft.wav"
    speech(made["soft"], 25.6, 28.6, to=16_000, gain=0.003)
    made["text"] = folder / "notes.txt"
    made["text"].write_text("not a sound", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def started() -> Iterator[Any]:
    with chromiums() as start:
        yield start


@pytest.fixture(scope="module")
def browser(started, sounds) -> Any:
    to_here = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
    return started(*plays(sounds["mic"]), to_here)


@pytest.fixture(scope="module")
def silent(started) -> Any:
    """A browser of a machine without a microphone."""
    return started("--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def strict(started) -> Any:
    """A browser with a microphone and a visitor who says no."""
    return started("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    with coach(tmp_path_factory.mktemp("coach"), "--name", ELSEWHERE) as running:
        yield Running(running.process, running.link.replace(ELSEWHERE, "127.0.0.1"))


def origin(server: Running) -> str:
    return f"{server.parts.scheme}://{server.parts.netloc}"


@pytest.fixture
def tab(browser, server) -> Iterator[Watched]:
    """A visit of its own; whatever it did, the page fetched nothing else and did not complain."""
    watched = Watched(browser, locale="en-GB", viewport={"width": 1280, "height": 900})
    yield watched
    watched.context.close()
    assert watched.beyond(origin(server)) == []
    assert watched.console == []


def test_sentences_too_short_to_compare_with_are_not_thanked_for(tab, server, sounds):
    page = enter(tab, server)
    for n in (1, 2):
        page.locator("#file").set_input_files(str(sounds["brief"]))
        until(page, f"document.querySelectorAll('#usual-sentences .done').length === {n}", 30)
    said = page.locator("#usual-notes").inner_text()
    assert "too little yet" in said
    assert "at least 5 are needed" in said
    assert page.locator("#usual-again").evaluate("b => b === document.activeElement")
    page.locator("#languages [data-lang='nl']").click()
    until(page, "document.querySelector('#usual-notes').textContent.includes('te weinig')")
    page.locator("#usual-next").click()
    assert not page.locator("#practise").is_hidden()


def test_a_trainee_practises_from_the_first_sentence_to_forgetting(tab, server, sounds):
    page = enter(tab, server)
    sentences = page.locator("#usual-sentences li")
    assert sentences.count() == 2
    assert sentences.nth(0).get_attribute("aria-current") == "true"
    record(page, 3.2)
    assert "Got text 1" in sentences.nth(0).inner_text()
    record(page, 3.2, key="Space")  # the button has the focus: pressed once, not twice
    assert page.locator("#usual-next").evaluate("b => b === document.activeElement")
    page.keyboard.press("Enter")
    assert "birthday" in page.locator("#story").inner_text()
    assert page.locator("#sentence").input_value().startswith("I'm sorry")
    assert "Here you will see" in page.locator("#result").inner_text()

    record(page, 2.8, key="Space")  # the focus is on a heading: Space records all the same
    until(page, "document.querySelector('.judged')")
    card = page.locator("#result")
    assert "Take 1" in card.locator("h2").inner_text()
    assert page.locator(".judged .headline").inner_text()
    assert page.locator(".judged .interval").count() == 1
    page.locator(".judged .sure summary").click()
    label = page.locator(".judged .interval").first.get_attribute("aria-label")
    assert re.search(r"between .* and .* on a scale", label)
    assert 0 <= page.locator(".reasons .play").count() <= 3
    assert "usual pitch" in card.locator(".axis-name").inner_text()
    assert page.locator(".picture canvas").count() >= 1
    assert not page.evaluate("document.querySelector('.wave > div').shadowRoot"
                             ".querySelector('style')")  # fmt: skip
    said = page.locator("#said").inner_text()
    assert page.locator(".judged .headline").inner_text() in said

    give(page, sounds["other"], 2)
    until(page, "document.querySelector('#compare .verdict')")
    assert page.locator("#compare .overlay canvas").count() == 2
    assert page.locator("#compare .changes li").count() > 0
    assert page.locator("#compare .verdict .headline").inner_text()
    page.locator("#compare-1").select_option(label="Take 1")
    assert "two different" in page.locator("#compare .body").inner_text()

    page.locator("#forget").click()
    page.locator("#ask-yes").click()
    until(page, "!document.querySelector('#choose').hidden")
    assert "wiped" in page.locator("#notes").inner_text()
    left = page.evaluate("fetch('/api/takes').then(r => r.json())")
    assert left["takes"] == []
    assert left["baseline"]["sentences"] == []


def test_what_is_recorded_is_what_the_microphone_gave(tab, server, sounds):
    page = practise(tab, server)
    record(page, 3.0)
    until(page, "document.querySelector('.picture')")
    take = page.evaluate("fetch('/api/takes').then(r => r.json()).then(t => t.takes[0])")
    values = page.evaluate(
        "id => fetch(`/api/takes/${id}/sound`).then(r => r.arrayBuffer())"
        ".then(b => Array.from(new Int16Array(b.slice(44))))",
        take["id"],
    )
    rate = take["sr_hz"]
    got = np.asarray(values, dtype=np.float64) / 32768
    assert len(got) > 2 * rate
    given = soxr.resample(soundfile.read(sounds["mic"])[0], SR, rate)
    # The browser's own gain, suppression or cancellation would change the envelope of every second;
    # a buffer that a busy machine lost spoils two of these four.
    alike = []
    for begin in (0.4, 0.8, 1.2, 1.6):
        piece = got[round(begin * rate) :][:rate]
        found = np.fft.irfft(
            np.fft.rfft(given, 1 << 20) * np.conj(np.fft.rfft(piece, 1 << 20))
        )  # cross-correlation
        at = int(np.argmax(found[: len(given) - len(piece)]))
        alike.append(np.corrcoef(piece, given[at : at + len(piece)])[0, 1])
    assert sorted(alike)[-2] > 0.98


def test_places_play_and_half_speed_keeps_the_pitch(tab, server, sounds):
    page = practise(tab, server)
    page.evaluate(  # the page's own player, to be looked at from here
        "() => { const play = HTMLMediaElement.prototype.play;"
        "HTMLMediaElement.prototype.play = function () { window.heard = this;"
        "return play.call(this); }; }"
    )
    give(page, sounds["take"], 1)
    page.locator(".slow").first.click()
    assert page.locator(".slow").first.get_attribute("aria-pressed") == "true"
    page.locator(".play-all").click()
    until(page, "window.heard && window.heard.currentTime > 0.2")
    assert page.evaluate("[heard.playbackRate, heard.preservesPitch]") == [0.5, True]
    assert page.locator(".play-all").inner_text() == "Pause"
    page.keyboard.press("Escape")
    until(page, "heard.paused")
    page.locator(".slow").first.click()
    if page.locator(".reasons .play").count():
        page.locator(".reasons .play").first.click()
        until(page, "!heard.paused")
    seek = page.locator(".seek")
    seek.focus()
    page.keyboard.press("End")
    until(page, "heard.currentTime > 0.9 * heard.duration")
    assert "of" in seek.get_attribute("aria-valuetext")


def test_quality_comes_before_any_judgement(tab, server, sounds):
    page = practise(tab, server)
    give(page, sounds["soft"], 1)
    text = page.locator("#result .problems").inner_text()
    assert "microphone" in text
    order = page.evaluate(
        "() => [...document.querySelectorAll('#result .problems, #result .picture')]"
        ".map(n => n.classList.contains('problems'))"
    )
    assert order[0] is True


def test_a_file_that_is_no_sound_is_refused_with_a_remedy(tab, server, sounds):
    page = practise(tab, server)
    page.locator("#file").set_input_files(str(sounds["text"]))
    until(page, "document.querySelector('#capture-notes [role=alert]')")
    assert "no sound file" in page.locator("#capture-notes").inner_text()
    assert page.locator("#takes .rows li").count() == 0
    tab.console.clear()  # the browser itself notes the 422


def test_a_dropped_file_is_heard(tab, server, sounds):
    page = practise(tab, server)
    data = list(sounds["other"].read_bytes())
    drop = (
        "([name, data]) => { const t = new DataTransfer();"
        "t.items.add(new File([new Uint8Array(data)], 'x.wav', {type: 'audio/wav'}));"
        "document.body.dispatchEvent(new DragEvent(name, {dataTransfer: t, bubbles: true,"
        "cancelable: true})); return document.querySelector('#drop').hidden; }"
    )
    assert page.evaluate(drop, ["dragenter", [0]]) is False
    assert page.evaluate(drop, ["drop", data]) is True
    until(page, "document.querySelectorAll('#takes .rows li').length === 1", 30)
    assert page.locator("#result .axis-name").inner_text() == "semitones from the middle"
    assert "usual" in page.locator("#result .unknown").inner_text()


def test_an_example_to_imitate_comes_first_in_the_comparison(tab, server, sounds):
    page = practise(tab, server)
    page.locator(".example summary").click()
    page.locator("#example-file").set_input_files(str(sounds["other"]))
    until(page, "document.querySelectorAll('#takes .rows li').length === 1", 30)
    assert "example to imitate" in page.locator("#result").inner_text()
    give(page, sounds["take"], 2)
    until(page, "document.querySelector('#compare .verdict')")
    chosen = "s => s.selectedOptions[0].textContent"
    assert page.locator("#compare-0").evaluate(chosen) == "Example"
    assert page.locator("#compare-1").evaluate(chosen) == "Take 1"
    assert "middle of each" in page.locator("#compare").inner_text()


def test_space_types_a_space_in_the_sentence(tab, server):
    page = practise(tab, server, "own")
    box = page.locator("#sentence")
    assert box.evaluate("b => b === document.activeElement") or box.focus() is None
    page.keyboard.type("so sorry")
    assert box.input_value() == "so sorry"
    assert page.evaluate(STATE) == "idle"


def test_a_take_is_kept_as_a_download_or_in_a_chosen_folder(tab, server, sounds, tmp_path):
    tab.page.add_init_script(
        "window.kept = {}; window.showDirectoryPicker = async () => ({ name: 'mine',"
        "getFileHandle: async (name) => ({ createWritable: async () => ({"
        "write: async (b) => { window.kept[name] = b.size; }, close: async () => {} }) }) });"
    )
    page = practise(tab, server)
    give(page, sounds["take"], 1)
    page.locator(".keep").click()
    until(page, "Object.keys(window.kept).length === 2")
    names = sorted(page.evaluate("Object.keys(window.kept)"))
    assert [n.rsplit(".", 1)[1] for n in names] == ["flac", "json"]
    assert min(page.evaluate("Object.values(window.kept)")) > 100
    until(page, "document.querySelector('[data-note=keep]')")
    assert "mine" in page.locator("[data-note=keep]").inner_text()

    page.evaluate("delete window.showDirectoryPicker; window.showDirectoryPicker = undefined")
    with page.expect_download() as coming:
        page.locator(".keep").click()
    coming.value.save_as(tmp_path / "take.zip")
    with zipfile.ZipFile(tmp_path / "take.zip") as kept:
        kinds = {n.rsplit(".", 1)[1] for n in kept.namelist()}
        assert kinds == {"flac", "json"}
        name = next(n for n in kept.namelist() if n.endswith(".json"))
        assert json.loads(kept.read(name))["measures"]


def test_without_a_microphone_the_page_says_so_and_takes_a_file(silent, server, sounds):
    watched = Watched(silent, locale="nl-NL")
    page = practise(watched, server)
    page.locator("#record").click()
    until(page, "document.querySelector('[data-blocked=none]')")
    assert "Geen microfoon gevonden" in page.locator("#blocked").inner_text()
    give(page, sounds["take"], 1)
    assert "hoe je gewoonlijk klinkt" in page.locator("#result .headline").inner_text()
    assert watched.console == []
    watched.context.close()


def test_a_refused_microphone_is_explained_and_can_be_tried_again(strict, server):
    watched = Watched(strict, locale="en-GB")
    page = practise(watched, server)
    page.locator("#record").click()
    until(page, "document.querySelector('[data-blocked=denied]')")
    assert "Allow" in page.locator("#blocked").inner_text()
    page.get_by_role("button", name="Try again").click()
    until(page, "document.querySelector('[data-blocked=denied]')")
    assert page.evaluate(STATE) == "idle"
    watched.context.close()


def test_an_address_that_gets_no_microphone_says_how(tab, server):
    away = Running(server.process, server.link.replace("127.0.0.1", ELSEWHERE))
    page = practise(tab, away)
    assert not page.evaluate("isSecureContext")
    assert page.locator("[data-blocked=insecure]").count() == 1
    assert f"http://127.0.0.1:{server.parts.port}/" in page.locator("#blocked").inner_text()
    page.locator("#record").click()
    assert page.evaluate(STATE) == "idle"
    assert page.locator("[data-blocked=insecure]").count() == 1
    assert tab.beyond(origin(away)) == []
    tab.fetched.clear()
    tab.console.clear()  # the browser notes that the address is not secure, too


def test_a_recording_outlives_the_server(browser, tmp_path, sounds):
    watched = Watched(browser, locale="en-GB")
    with coach(tmp_path) as server:
        page = practise(watched, server)
        page.locator("#record").click()
        until(page, f"{STATE} === 'recording'")
        server.process.kill()
        server.process.wait(10)
    page.wait_for_timeout(800)
    page.locator("#record").click()
    until(page, f"{STATE} === 'idle'")
    until(page, "document.querySelector('[data-note=gone]')")
    text = page.locator("[data-note=gone]").inner_text()
    assert "prosody coach" in text
    assert "still in this page" in text
    with page.expect_download() as coming:
        page.get_by_role("button", name="Save the sound").click()
    coming.value.save_as(tmp_path / "take.wav")
    kept = soundfile.info(tmp_path / "take.wav")
    assert (kept.channels, kept.subtype) == (1, "PCM_16")
    assert kept.duration > 0.5
    page.locator("#record").click()  # the microphone works without the server, too
    until(page, f"{STATE} === 'recording'")
    watched.context.close()


def test_the_server_is_found_again(tab, server, sounds):
    page = practise(tab, server)
    page.route("**/api/**", lambda route: route.abort())
    page.locator("#file").set_input_files(str(sounds["take"]))
    until(page, "document.querySelector('[data-note=gone]')")
    page.unroute("**/api/**")
    until(page, "document.querySelectorAll('#takes .rows li').length === 1", 30)
    assert page.locator("[data-note=gone]").count() == 0
    tab.console.clear()  # the browser notes what was refused


def test_the_longest_recording_stops_by_itself(tab, server):
    page = tab.page
    page.route(
        "**/api/start*",
        lambda route: route.fulfill(
            json=(start := route.fetch().json()) | {"limits": start["limits"] | {"max_s": 1.5}}
        ),
    )
    practise(tab, server)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    until(page, f"{STATE} === 'idle'", 30)
    assert "Stopped after 1.5 seconds" in page.locator("#capture-notes").inner_text()


def test_the_language_is_the_browsers_and_changes_on_the_page(browser, server, sounds):
    watched = Watched(browser, locale="nl-NL")
    page = practise(watched, server)
    assert page.locator("h1").inner_text() == "Excuses oefenen"
    give(page, sounds["take"], 1)
    dutch = page.locator("#result .headline").inner_text()
    page.locator("[data-lang=en]").click()
    until(page, "document.documentElement.lang === 'en'")
    until(page, "document.querySelector('h1').textContent === 'Practise apologies'")
    english = page.locator("#result .headline").inner_text()
    assert english != dutch
    assert page.locator("#sentence").input_value().startswith("I'm sorry")
    page.reload()
    until(page, "!document.querySelector('#practise').hidden")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("#takes .rows li").count() == 1
    assert watched.console == []
    watched.context.close()


LOOKS = (("nl", "light", 1280), ("en", "dark", 1280), ("nl", "dark", 390), ("en", "light", 390))


@pytest.mark.parametrize(("lang", "scheme", "wide"), LOOKS)
def test_axe_finds_nothing_in_any_state(silent, server, sounds, lang, scheme, wide):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    watched = Watched(silent, color_scheme=scheme, viewport={"width": wide, "height": 800},
                      locale={"nl": "nl-NL", "en": "en-GB"}[lang])  # fmt: skip
    page = watched.page

    def look(state: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= wide, state
        found = axe.run(page).response["violations"]
        assert not found, state + json.dumps(
            [(v["id"], v["help"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found]
        )

    page.goto(server.link)
    until(page, "!document.querySelector('#choose').hidden")
    assert page.evaluate("document.documentElement.lang") == lang
    look("choose")
    page.locator("[data-situation]").first.click()
    look("usual")
    page.locator("#record").click()
    until(page, "document.querySelector('#blocked .note')")
    look("no microphone")
    page.locator("#usual-skip").click()
    give(page, sounds["other"], 1)
    give(page, sounds["take"], 2)
    until(page, "document.querySelector('#compare .verdict')")
    look("result and comparison")
    page.locator("#forget").click()
    look("wiping")
    page.locator("#ask-no").click()
    give(page, sounds["soft"], 3)
    look("quality")
    page.route("**/api/**", lambda route: route.abort())
    page.locator("#takes .rows .plain").first.click()
    until(page, "document.querySelector('[data-note=gone]')")
    look("server gone")
    page.unroute("**/api/**")
    page.locator("#use").click()
    until(page, "document.querySelectorAll('main .card').length === 3")
    look("responsible use")
    assert page.evaluate("document.documentElement.lang") == lang
    watched.context.close()


def texts(lang: str) -> dict[str, dict[str, str]]:
    path = files("prosody.words") / f"coach_page.{lang}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_both_languages_say_the_same_things():
    dutch, english = texts("nl"), texts("en")
    assert {k: sorted(v) for k, v in dutch.items()} == {k: sorted(v) for k, v in english.items()}
    for part, said in dutch.items():
        for key, text in said.items():
            names = [sorted(set(re.findall(r"\{\w+\}", t))) for t in (text, english[part][key])]
            assert names[0] == names[1], f"{part}.{key}"


def test_every_text_the_page_asks_for_exists():
    code = "".join(
        f.read_text(encoding="utf-8")
        for f in ASSETS.iterdir()
        if f.name.startswith("coach") and f.name.endswith((".js", ".html"))
    )
    said = texts("en")
    known = {f"{part}.{key}" for part in said for key in said[part]}
    asked = set(re.findall(r"""say\("(\w+\.\w+)"|data-word[\w-]*="(\w+\.\w+)\"""", code))
    named = {a or b for a, b in asked}
    assert len(named) > 100
    assert named <= known


def test_scripts_never_parse_markup_and_ask_only_their_own_server():
    for file in ASSETS.iterdir():
        if file.name.startswith("coach") and file.name.endswith(".js"):
            code = file.read_text(encoding="utf-8")
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
                assert word not in code, file.name
            for address in re.findall(r"https?://[^\s\"'`]+", code):
                assert address == "http://www.w3.org/2000/svg", file.name


def test_a_synthetic_voice_is_drawn_where_it_is(tab, server, tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, synthetic_voice(3.0, 16_000, f0_hz=110.0), 16_000, subtype="PCM_16")
    page = practise(tab, server)
    give(page, path, 1)
    lines = page.evaluate(
        "fetch('/api/takes').then(r => r.json()).then(t => t.takes[0].lines.f0_st)"
    )
    middle = float(np.median([v for v in lines if v is not None]))
    assert abs(middle - 24.0) < 1.5  # 110 Hz is two octaves above 27.5
    ink = page.evaluate(
        "() => { const c = document.querySelector('.picture .uplot canvas');"
        "const box = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < box.length; i += 4) n += box[i] > 0; return n; }"
    )
    assert ink > 2000
