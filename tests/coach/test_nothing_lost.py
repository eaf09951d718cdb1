"""What spoiled practising, each held in a real browser: lost takes, hidden buttons, odd tabs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from browser import Watched, chromiums, plays, until
from coach_pages import STATE, Running, coach, enter, give, practise, record, speeches

SR = 48_000

# The page's own microphone, of which a test can take hold: a tone through a gain into a stream.
MICROPHONE = """
(channels) => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { type: "sawtooth", frequency: 180 });
  window.gain = new GainNode(context, { gain: 0.3 });
  const merger = new ChannelMergerNode(context, { numberOfInputs: channels });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: channels });
  tone.connect(window.gain).connect(merger, 0, channels - 1);
  merger.connect(out);
  tone.start();
  window.track = out.stream.getAudioTracks()[0];
  navigator.mediaDevices.getUserMedia = async () => out.stream.clone
    ? (window.given = new MediaStream([window.track.clone()])) : out.stream;
}
"""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, Any]:
    return speeches(tmp_path_factory.mktemp("sounds"), (20.0, 45.0))


@pytest.fixture(scope="module")
def browser(sounds) -> Iterator[Any]:
    with chromiums() as start:
        yield start(*plays(sounds["mic"]))


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    with coach(tmp_path_factory.mktemp("coach")) as running:
        yield running


@pytest.fixture
def tab(browser, server) -> Iterator[Watched]:
    watched = Watched(browser, locale="en-GB", viewport={"width": 1280, "height": 720})
    yield watched
    watched.context.close()
    assert watched.console == []


def box(page: Any, what: str) -> dict[str, float]:
    found = page.locator(what).first.bounding_box()
    assert found is not None, what
    return found


def in_sight(page: Any, what: str) -> bool:
    """Whether all of it is on the screen, and nothing lies over its middle."""
    at, high = box(page, what), page.viewport_size["height"]
    middle = [at["x"] + at["width"] / 2, at["y"] + at["height"] / 2]
    on_top = page.evaluate(
        "([x, y, what]) => { const n = document.querySelector(what);"
        "const f = document.elementFromPoint(x, y); return n === f || n.contains(f); }",
        [*middle, what],
    )
    return at["y"] >= -1 and at["y"] + at["height"] <= high + 1 and on_top


def test_what_is_refused_can_be_saved(tab, server, tmp_path):
    page = practise(tab, server)
    refused = {"code": "take_too_long", "message": "The recording is too long.", "remedy": "Cut."}
    page.route("**/api/takes?*", lambda r: r.fulfill(status=422, json=refused))
    record(page, 1.0)
    assert "too long" in page.locator("#capture-notes").inner_text()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Save the sound").click()
    coming.value.save_as(tmp_path / "take.wav")
    assert soundfile.info(tmp_path / "take.wav").duration > 0.5
    tab.console.clear()  # the browser notes the 422


def test_a_recording_is_cut_at_the_limit_to_the_sample(tab, server):
    page = tab.page
    limits = {"max_s": 1.5}
    page.route("**/api/start*", lambda r: r.fulfill(
        json=(start := r.fetch().json()) | {"limits": start["limits"] | limits}))  # fmt: skip
    practise(tab, server)
    sent = []
    page.on("request", lambda r: sent.append(r.post_data_buffer) if r.method == "POST" else None)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    until(page, f"{STATE} === 'idle'", 30)
    frames = (len(sent[-1]) - 44) / 2
    rate = int.from_bytes(sent[-1][24:28], "little")
    assert frames == 1.5 * rate


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_sentence_and_recorder_share_a_laptops_screen_in_every_situation(browser, server, lang):
    watched = Watched(browser, locale={"nl": "nl-NL", "en": "en-GB"}[lang],
                      viewport={"width": 1280, "height": 720})  # fmt: skip
    page = practise(watched, server)
    ids = page.evaluate("fetch('/api/start').then(r => r.json())"
                        ".then(s => s.situations.map(x => x.id))")  # fmt: skip
    assert len(ids) >= 8
    for one in ids:
        page.locator("[data-step=choose]").click()
        page.locator(f"[data-situation='{one}']").click()
        assert in_sight(page, "#sentence"), one
        assert in_sight(page, "#record"), one
        inner = page.locator("#sentence").evaluate("n => n.scrollHeight - n.clientHeight")
        assert inner <= 1, one  # the whole sentence, not its first lines
    watched.context.close()


def test_while_reading_the_ordinary_texts_stop_clock_and_level_stay_in_sight(tab, server):
    page = enter(tab, server)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    for down in (0, 400, 4000):
        page.mouse.wheel(0, down)
        page.wait_for_timeout(100)
        for what in ("#record", "#record-clock", "#meter"):
            assert in_sight(page, what), (down, what)
    assert in_sight(page, "#usual .now .say") or page.evaluate("scrollY") > 0
    page.locator("#record").click()
    until(page, f"{STATE} === 'idle'", 30)


def test_after_a_take_headline_advice_sentence_and_recorder_are_seen_at_once(tab, server, sounds):
    page = practise(tab, server)
    assert page.locator("#story-box").get_attribute("open") is not None
    give(page, sounds["take"], 1)
    assert page.locator("#story-box").get_attribute("open") is None
    for what in ("#sentence", "#record", "#result .take h2"):
        assert in_sight(page, what), what
    for what in ("#result .headline", "#result .next"):
        if page.locator(what).count():
            assert in_sight(page, what), what
    page.mouse.wheel(0, 3000)
    page.wait_for_timeout(100)
    assert in_sight(page, "#record")
    assert in_sight(page, "#sentence")


def test_who_read_too_little_hears_it_where_she_can_read_on(tab, server, sounds):
    page = enter(tab, server)
    for n in (1, 2):
        page.locator("#file").set_input_files(str(sounds["take"]))
        until(page, f"document.querySelectorAll('#usual-sentences .done').length === {n}", 30)
    said = page.locator("#usual-notes").inner_text()
    assert "From 20 seconds on the judgement is surer" in said
    page.locator("#usual-more").click()
    assert page.locator("#usual-sentences li").count() == 3
    page.locator("#file").set_input_files(str(sounds["mic"]))
    until(page, "document.querySelectorAll('#usual-sentences .done').length === 3", 30)
    assert "Now we know" in page.locator("#usual-notes").inner_text()
    assert page.locator("#usual-more").is_hidden()


def test_a_reload_keeps_situation_sentence_and_step(tab, server, sounds):
    page = practise(tab, server, "no_show")
    page.locator("#sentence").fill("I am sorry about this morning.")
    page.reload()
    until(page, "!document.querySelector('#practise').hidden")
    assert "engineer" in page.locator("#practise-title").inner_text()
    assert page.locator("#sentence").input_value() == "I am sorry about this morning."
    give(page, sounds["take"], 1)
    page.reload()
    until(page, "document.querySelector('#takes .rows li')")
    assert "engineer" in page.locator("#practise-title").inner_text()
    # A new tab of the same visit goes by the last sentence that was said.
    other = tab.context.new_page()
    other.goto(page.url)
    until(other, "document.querySelector('#takes .rows li')")
    assert other.locator("#sentence").input_value() == "I am sorry about this morning."


def test_leaving_in_the_middle_of_a_take_asks_first(tab, server):
    page = practise(tab, server)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    page.evaluate("setTimeout(() => location.reload(), 0)")
    for _ in range(40):
        if tab.console:
            break
        page.wait_for_timeout(50)
    assert [s.split()[0] for s in tab.console] == ["dialog"]  # dismissed: she stays
    assert page.evaluate(STATE) == "recording"
    page.locator("#record").click()
    until(page, f"{STATE} === 'idle'", 30)
    tab.console.clear()


def test_two_tabs_agree_also_when_one_wipes(tab, server, sounds):
    page = practise(tab, server)
    other = tab.context.new_page()
    other.goto(page.url)
    until(other, "!document.querySelector('#choose').hidden")
    give(page, sounds["take"], 1)
    other.locator("[data-situation='no_show']").click()
    other.locator("#usual-skip").click()
    until(other, "document.querySelectorAll('#takes .rows li').length === 1")
    give(other, sounds["other"], 2)
    until(page, "document.querySelectorAll('#takes .rows li').length === 2")
    until(page, "document.querySelector('#compare .verdict')")  # nothing is asked for any more
    other.locator("#forget").click()
    other.locator("#ask-yes").click()
    until(page, "!document.querySelector('#choose').hidden")
    assert page.locator("#result .take").count() == 0


def test_notes_are_small_and_gone_at_the_next_action_or_by_themselves(tab, server, sounds):
    page = practise(tab, server)
    give(page, sounds["take"], 1)
    page.locator("#forget").click()
    page.locator("#ask-yes").click()
    until(page, "document.querySelector('[data-note=forgot]')")
    note = box(page, "[data-note=forgot]")
    assert note["height"] < 150
    assert note["width"] < 500
    page.locator("[data-situation='no_show']").click()
    assert page.locator("[data-note]").count() == 0
    page.locator("#forget").click()
    page.locator("#ask-yes").click()
    until(page, "document.querySelector('[data-note=forgot]')")
    until(page, "!document.querySelector('[data-note=forgot]')", 8)


def interrupted(page: Any, server: Running, tab: Watched, do: str, channels: int = 1) -> str:
    practise(tab, server)
    page.evaluate(MICROPHONE, channels)
    sent = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    page.wait_for_timeout(700)
    page.evaluate(do)
    until(page, f"{STATE} === 'idle'", 10)
    assert sent == []  # half a take is never judged
    assert page.locator("#ways").get_attribute("open") is not None
    assert not page.locator("#microphones").is_disabled()
    return page.locator("#capture-notes").inner_text()


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("given.getAudioTracks()[0].dispatchEvent(new Event('mute'))", "turned off"),
        ("given.getAudioTracks()[0].dispatchEvent(new Event('ended'))", "disconnected"),
        ("void (gain.gain.value = 0)", "suddenly gave no sound"),
        ("contexts.forEach(c => c.suspend())", "stood still"),
    ],
)
def test_an_interrupted_take_is_told_and_not_judged(tab, server, do, said):
    tab.page.add_init_script(
        "window.contexts = []; const Plain = AudioContext;"
        "window.AudioContext = class extends Plain { constructor(...a) { super(...a);"
        "if (a.length) contexts.push(this); } };"
    )
    text = interrupted(tab.page, server, tab, do)
    assert "interrupted" in text
    assert said in text


def test_a_voice_on_the_second_channel_is_recorded(tab, server):
    page = practise(tab, server)
    page.evaluate(MICROPHONE, 2)
    record(page, 1.0)
    loudest = page.evaluate(
        "fetch('/api/takes').then(r => r.json()).then(t => Math.max(...t.takes[0].lines.peaks))"
    )
    assert loudest > 0.1


def test_tab_reaches_record_before_skip(tab, server):
    page = enter(tab, server)
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
    assert seen.index("record") < seen.index("usual-skip")


def test_the_language_switch_says_why_it_waits(tab, server):
    page = enter(tab, server)
    page.locator("#record").click()
    until(page, f"{STATE} === 'recording'")
    page.locator("#languages [data-lang='nl']").click()
    assert "Stop recording first" in page.locator("#notes").inner_text()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.locator("#record").click()
    until(page, f"{STATE} === 'idle'", 30)
    page.locator("#languages [data-lang='nl']").click()
    until(page, "document.documentElement.lang === 'nl'")


@pytest.mark.parametrize("wide", [320, 390, 1280])
def test_nothing_sticks_out(browser, server, sounds, wide):
    watched = Watched(browser, locale="nl-NL", viewport={"width": wide, "height": 720})
    page = watched.page
    page.goto(server.link)
    until(page, "!document.querySelector('#choose').hidden")
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    practise(watched, server)
    give(page, sounds["take"], 1)
    page.evaluate("document.querySelectorAll('#result details').forEach(d => { d.open = true; })")
    assert page.evaluate(fits)
    if page.locator(".interval").count():
        rail, around = box(page, ".interval .likely"), box(page, ".axis")
        assert rail["x"] >= around["x"]
        assert rail["x"] + rail["width"] <= around["x"] + around["width"]
    units = page.locator(".numbers dd").all_inner_texts()
    assert units
    assert not any(json.dumps(u).endswith('per s"') for u in units)
    watched.context.close()


def test_takes_with_unlike_noise_are_not_compared_on_the_impression(tab, server, sounds, tmp_path):
    y, sr = soundfile.read(sounds["take"], dtype="float32")
    y = np.pad(y, sr)
    power = float(np.mean(y[np.abs(y) > 0.01] ** 2))
    for name, below_db in (("clean", 40.0), ("noisy", 20.0)):
        noise = np.random.default_rng(3).standard_normal(len(y)) * np.sqrt(power)
        soundfile.write(tmp_path / f"{name}.wav", y + noise * 10 ** (-below_db / 20), sr)
    page = practise(tab, server)
    give(page, tmp_path / "clean.wav", 1)
    give(page, tmp_path / "noisy.wav", 2)
    assert "some noise" in page.locator("#result .problems").inner_text()
    until(page, "document.querySelector('#compare .verdict')")
    said = page.locator("#compare").inner_text()
    assert "The noise differs too much" in said
    assert "slower" not in said
    assert "faster" not in said
