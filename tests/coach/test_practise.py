"""Practising in a real browser: the whole way twice, exercises, readout, zoom, the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import soundfile
from browser import Watched, chromiums, plays, until
from coach_pages import Running, coach, enter, give, practise, record, speeches
from places import synthetic_voice

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")

SITUATION = """
[nl]
title = "De bus kwam niet"
story = "Meneer Vos stond een uur in de regen."
sentence = "Het spijt me dat de bus niet kwam, meneer Vos."
example = "bus.wav"
[en]
title = "The bus did not come"
story = "Mr Fox stood in the rain for an hour."
sentence = "I'm sorry that the bus did not come, Mr Fox."
example = "bus.wav"
"""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sounds")
    return speeches(folder, (25.6, 31.9), text=(20.0, 31.9), more=(33.7, 45.0))


@pytest.fixture(scope="module")
def browser(sounds) -> Iterator[Any]:
    with chromiums() as start:
        yield start(*plays(sounds["mic"]))


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    own = tmp_path_factory.mktemp("own")
    (own / "bus.toml").write_text(SITUATION, encoding="utf-8")
    soundfile.write(own / "bus.wav", synthetic_voice(2.0, 16_000), 16_000, subtype="PCM_16")
    with coach(tmp_path_factory.mktemp("coach"), "--situations", str(own)) as running:
        yield running


@pytest.fixture
def tab(browser, server) -> Iterator[Watched]:
    watched = Watched(browser, locale="en-GB", viewport={"width": 1280, "height": 720})
    yield watched
    watched.context.close()
    assert watched.console == []


@pytest.mark.parametrize(
    ("lang", "wide", "high"), [("nl-NL", 1280, 720), ("en-GB", 390, 844)], ids=["nl", "en"]
)
def test_the_whole_way(browser, server, lang, wide, high):
    pytest.importorskip("pyworld", reason="hears its own voice changed")
    watched = Watched(browser, locale=lang, viewport={"width": wide, "height": high})
    page = enter(watched, server, "own-bus")
    for _ in range(2):
        record(page, 3.2)
    page.locator("#usual-next").click()
    assert "Vos" in page.locator("#story").inner_text() or lang == "en-GB"
    record(page, 2.8)
    until(page, "document.querySelector('.judged')")
    assert page.locator(".judged .animation").count() == 1
    assert page.locator(".numbers .usual").count() >= 5

    page.locator(".model [data-how='slower']").click()
    until(page, "document.querySelector('.model .try')", 30)
    assert page.locator(".model canvas").count() >= 1
    page.locator(".model .try").click()
    record(page, 2.8)
    until(page, "document.querySelector('#goal .tries li')")
    until(page, "document.querySelector('#compare .verdict')")
    above = page.evaluate(
        "document.querySelector('#compare').compareDocumentPosition(document.querySelector('#result'))"
    )
    assert above & 4  # the comparison leads

    page.locator("#takes .example summary").click()
    page.locator("#example-own").click()
    until(page, "document.querySelectorAll('#takes .rows li').length === 3", 30)
    page.locator("#forget").click()
    page.locator("#ask-yes").click()
    until(page, "!document.querySelector('#choose').hidden")
    assert page.evaluate("fetch('/api/takes').then(r => r.json())")["takes"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    assert watched.console == []
    watched.context.close()


def test_an_exercise_is_three_takes_towards_the_own_usual_range(tab, server, sounds):
    page = enter(tab, server)
    for n, name in ((1, "text"), (2, "more")):
        page.locator("#file").set_input_files(str(sounds[name]))
        until(page, f"document.querySelectorAll('#usual-sentences .done').length === {n}", 30)
    page.locator("#usual-next").click()
    give(page, sounds["take"], 1)
    first = page.evaluate("fetch('/api/takes').then(r => r.json())")["takes"][0]["numbers"]["first"]
    pace = next(n for n in first if n["name"] == "pace")
    page.locator(".practise[aria-label='Practise this: pace']").click()
    aim = page.locator("#goal").inner_text()
    assert f"{pace['low']:.1f}" in aim
    assert f"{pace['high']:.1f}" in aim
    tries = []
    for n in (2, 3, 4):
        give(page, sounds["take" if n % 2 else "other"], n)
        until(page, f"document.querySelectorAll('#goal .tries li').length === {n - 1}")
        tries = page.locator("#goal .tries li").all_inner_texts()
    takes = page.evaluate("fetch('/api/takes').then(r => r.json())")["takes"]
    for take, text in zip(takes[1:], tries, strict=True):
        value = next(n for n in take["numbers"]["first"] if n["name"] == "pace")["value"]
        within = pace["low"] <= value <= pace["high"]
        assert ("within your own usual range" in text) == within, (value, text)
        assert f"{value:.1f}" in text
    give(page, sounds["take"], 5)
    assert page.locator("#goal .tries li").count() == 3
    page.locator("#goal .plain").click()
    assert page.locator("#goal").is_hidden()


def test_the_pointer_reads_semitones_and_hertz_and_dragging_zooms(tab, server, sounds):
    page = practise(tab, server)
    give(page, sounds["take"], 1)
    take = page.evaluate("fetch('/api/takes').then(r => r.json())")["takes"][0]
    over = page.locator(".take .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    known = [s for s in take["lines"]["f0_st"] if s is not None]
    base = sorted(known)[len(known) // 2]
    read = 0
    for part in range(2, 98, 5):
        page.mouse.move(box["x"] + box["width"] * part / 100, box["y"] + box["height"] / 2)
        found = re.fullmatch(
            r"([+\u2212]?[\d.]+) semitones · (\d+) Hz", page.locator(".readout").inner_text()
        )
        if not found:
            assert "no pitch" in page.locator(".readout").inner_text()
            continue
        off, hz = float(found[1].replace("\u2212", "-")), int(found[2])
        assert hz == pytest.approx(27.5 * 2 ** ((base + off) / 12), rel=0.006)
        read += 1
    assert read > 5

    def labels() -> list[str]:
        return page.locator(".take .words span:not([hidden])").all_inner_texts()

    whole = labels()
    assert " ".join(whole).startswith("I'm sorry")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, y, steps=5)
    page.mouse.up()
    until(page, f"document.querySelectorAll('.take .words span').length < {len(whole)}")
    page.locator(".zoom").nth(1).click()  # out
    page.locator(".zoom").nth(1).click()
    assert labels() == whole
    page.locator(".zoom").nth(0).click()
    assert page.locator(".take .words span").count() < len(whole)
    over.dblclick()
    assert labels() == whole


def unfold(page: Any) -> None:
    if not page.locator("#log details").evaluate("d => d.open"):
        page.locator("#log summary").click()


def saved(page: Any, word: str) -> str:
    unfold(page)
    page.locator("#log-word").fill(word)
    with page.expect_download() as coming:
        page.locator("#log-save").click()
    return coming.value.path().read_text(encoding="utf-8")


def test_a_log_is_saved_and_brought_again_also_with_a_word(tab, server, sounds, tmp_path):
    page = practise(tab, server)
    give(page, sounds["take"], 1)
    plain, sealed = saved(page, ""), saved(page, "heel geheim")
    (visit,) = json.loads(plain)["visits"]
    assert visit["takes"][0]["sentence"].startswith("I'm sorry")
    assert visit["takes"][0]["numbers"]["pace"] > 0
    assert json.loads(sealed)["encrypted"]["cipher"] == "AES-256-GCM"
    assert "sorry" not in sealed
    older = tmp_path / "log.json"
    older.write_text(sealed, encoding="utf-8")
    page.locator("#forget").click()
    page.locator("#ask-yes").click()
    page.locator("[data-situation='late_parcel']").click()
    page.locator("#usual-skip").click()
    unfold(page)
    page.locator("#log-file").set_input_files(str(older))
    page.locator("#log-key").fill("iets anders")
    page.locator("#log-notes button").click()
    until(
        page, "document.querySelector('#log-notes').textContent.includes('password is wrong')", 30
    )
    page.locator("#log-file").set_input_files(str(older))
    page.locator("#log-key").fill("heel geheim")
    page.locator("#log-notes button").click()
    until(page, "document.querySelectorAll('#log tbody tr').length === 1", 30)
    give(page, sounds["other"], 1)
    assert page.locator("#log tbody tr").count() == 2  # weeks side by side
    assert len(json.loads(saved(page, ""))["visits"]) == 2
    older.write_text('{"schema": "other"}', encoding="utf-8")
    page.locator("#log-file").set_input_files(str(older))
    until(page, "document.querySelector('#log-notes .error')")
