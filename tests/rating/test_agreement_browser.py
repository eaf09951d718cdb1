"""The page of agreement in a real browser: readable by all, closed to the outside."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import Watched, chromium
from raters import long, simulated, write

from prosody.rating import agreement as ag
from prosody.rating import agreement_page as pages

HOSTILE = '<script>window.hit=1</script><img src=x onerror="window.hit=2">" onload="window.hit=3'


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page in each language: two axes, repeats, one disputed clip, names that attack."""
    folder = tmp_path_factory.mktemp("agreement")
    rng = np.random.default_rng(1)
    x = np.clip(50 + simulated(rng, 60, 6, 150, 30, 100, kept=0.8), 0, 100)
    x[4] = [2, 98, 3, 97, 1, 99]
    rows = long(x) + long(x[:40], "engaged")
    for i in range(12):
        rows.append(
            [f"c{i:03d}", "r1", "sincere", f"{np.nan_to_num(x[i, 1], nan=50):g}", "1", "", ""]
        )
    rows = [[r[0], HOSTILE if r[1] == "r2" else r[1], *r[2:]] for r in rows]
    rows = [[HOSTILE if r[0] == "c004" else r[0], *r[1:]] for r in rows]
    found = ag.agreement(write(folder / "ratings.csv", rows))
    return {lang: pages.write(found, folder / lang, lang) for lang in ("nl", "en")}


LOOKS = (("nl", "light", 1200), ("en", "dark", 1200), ("nl", "dark", 390), ("en", "light", 390))


@pytest.mark.parametrize(("lang", "scheme", "width"), LOOKS)
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scroll(browser, made, lang, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = Watched(browser, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = tab.open(made[lang])
    assert tab.console == []
    assert tab.outside() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("html").get_attribute("lang") == lang
    found = axe.Axe().run(page).response["violations"]
    assert not found, json.dumps(
        [(v["id"], v["help"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found], indent=1
    )
    tab.context.close()


def test_names_are_text_and_the_policy_lets_nothing_run(browser, made):
    tab = Watched(browser)
    page = tab.open(made["en"])
    assert page.evaluate("window.hit") is None
    assert page.locator("script, img, iframe").count() == 0
    assert page.get_by_text(HOSTILE, exact=True).count() > 0
    assert tab.console == []
    tab.context.close()


def test_the_plots_show_what_the_tables_say(browser, made):
    tab = Watched(browser)
    page = tab.open(made["en"])
    part = page.locator("#sincere")
    assert part.locator(".plot .odd").count() == 1
    assert part.locator("td", has_text="yes").count() == 1
    assert part.locator(".forest").first.locator(".row").count() == 6 + 1
    curve = part.get_by_role("img", name="Reliability of the mean")
    assert curve.count() == 1
    # Every drawing has room, and says in words what it shows.
    for picture in page.get_by_role("img").all():
        box = picture.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 20
        assert len(picture.get_attribute("aria-label")) > 20
    # Marks stand in the rows of their raters, and none outside the drawing.
    for row in part.locator(".forest .row:not(.foot)").all():
        box = row.bounding_box()
        for mark in row.locator("circle").all():
            at = mark.bounding_box()
            assert box["y"] - 1 <= at["y"] <= box["y"] + box["height"] - at["height"] + 1
    assert page.locator("h1").count() == 1
    page.get_by_role("link", name="Recited – engaged").click()
    assert page.url.endswith("#engaged")
    tab.context.close()
