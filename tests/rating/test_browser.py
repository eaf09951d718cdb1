"""Rating in a real browser: two listeners, a server that is killed, the keyboard alone, axe."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Watched, chromium
from places import ROOT

from prosody.rating.agreement import read_long
from prosody.rating.store import Store

pytest_plugins = ("rating_fixtures",)

COMMAND = (sys.executable, "-c", "from prosody.cli import main; main()", "rate")


class Server:
    """`prosody rate`, as somebody starts it."""

    def __init__(self, clips: Path, out: Path, *args: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, str(clips), "--out", str(out), "--no-browser", *args],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        invited = int(args[args.index("--invite") + 1]) if "--invite" in args else 0
        try:
            self.link = self._next("Rate here")
            self.invitations = [self._next("Invitation") for _ in range(invited)]
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise

    def _next(self, begin: str) -> str:
        for line in self.process.stdout:
            if line.startswith(begin):
                return line[line.index("http") :].strip()
        raise AssertionError("the server did not start")

    def end(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def served(folder, tmp_path):
    started = []

    def serve(*args: str, out: str = "r.csv") -> Server:
        started.append(Server(folder, tmp_path / out, *args))
        return started[-1]

    yield serve
    for one in started:
        if one.process.poll() is None:
            one.end()
        one.process.stdout.close()


def until(page, expression: str, seconds: float = 20.0) -> None:
    """Wait until an expression holds, also over a navigation."""
    from playwright.sync_api import Error

    for _ in range(round(seconds / 0.05)):
        try:
            if page.evaluate(expression):
                return
        except Error as error:
            if "navigation" not in str(error):
                raise
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


STATE = "[...document.querySelectorAll('[data-state]')].find(n => !n.hidden)?.dataset.state"


def at(page) -> int:
    return int(page.locator("#where").inner_text().split()[1])


def enter(browser, link: str, name: str, **how) -> Watched:
    tab = Watched(browser, locale="en", **how)
    tab.page.goto(link)
    until(tab.page, f"{STATE} === 'welcome'")
    tab.page.get_by_label("Pseudonym").fill(name)
    tab.page.get_by_role("button", name="Begin").click()
    until(tab.page, f"{STATE} === 'rate'")
    return tab


def hear(page) -> None:
    """Play to the end; the sliders open only then."""
    until(page, "!document.querySelector('#told')?.textContent.includes('move') "
          "&& document.activeElement.id === 'play'")  # fmt: skip
    page.keyboard.press("Space")
    until(page, "!document.querySelector('#scale-sincere')?.matches(':disabled')")


def rate(page, sincere: int, engaged: int) -> None:
    """Rate one clip by keyboard; steps of 5 from the middle."""
    hear(page)
    for steps in (sincere, engaged):
        key = "ArrowRight" if steps > 0 else "ArrowLeft"
        for _ in range(abs(steps)):
            page.keyboard.press(key)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def after(page, n: int) -> None:
    until(page, f"{STATE} !== 'rate' || document.querySelector('#where')?.textContent"
          f".startsWith('Clip {n} ')")  # fmt: skip


def test_two_listeners_by_keyboard_alone_killed_and_resumed(browser, served, tmp_path):
    server = served("--invite", "2")
    ann, ben = (
        enter(browser, link, name)
        for link, name in zip(server.invitations, ("ann", "ben"), strict=True)
    )
    for n, other in ((1, -1), (2, 2)):  # ben uses both sides of the middle
        rate(ann.page, n, -n)
        after(ann.page, n + 1)
        rate(ben.page, other, -other)
        after(ben.page, n + 1)
    # Enter before the end says what is missing and sends nothing.
    page = ann.page
    page.keyboard.press("Tab")
    page.locator("#next").press("Enter")
    assert "listen to the end" in page.locator("#missing").inner_text()
    assert at(page) == 3
    # Space on a clip that was heard plays it again; a slider is missing until both were moved.
    page.locator("#play").focus()
    hear(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert "each slider" in page.locator("#missing").inner_text()
    assert page.evaluate("document.activeElement.id") == "scale-engaged"
    page.keyboard.press("ArrowRight")
    # The server dies while the answer is sent: the answer stays here.
    server.end(signal.SIGKILL)
    page.keyboard.press("Enter")
    until(page, f"{STATE} === 'waiting'")
    assert "Your answer is kept" in page.locator("#waiting-text").inner_text()
    served()  # the same port as last time
    until(page, f"{STATE} === 'rate' && document.querySelector('#where')?.textContent"
          ".startsWith('Clip 4 ')")  # fmt: skip
    # The other one comes back by the link, and is asked who it is: that is where ben was.
    ben.page.goto(server.invitations[1])
    until(ben.page, f"{STATE} === 'in_use'")
    assert "in use by ben" in ben.page.locator("#in-use-title").inner_text()
    ben.page.locator("#in-use-yes").click()
    until(ben.page, f"{STATE} === 'rate'")
    assert at(ben.page) == 3
    # One step back: the answer is there, and can be changed.
    page.keyboard.press("Backspace")
    until(page, "document.querySelector('#where')?.textContent.startsWith('Clip 3 ')")
    until(page, "document.activeElement.id === 'scale-sincere'")
    assert page.locator("#scale-sincere").input_value() == "55"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    after(page, 4)
    # What cannot be rated is an answer, with a remark.
    page.get_by_label("I cannot rate this").check()
    page.get_by_text("Add a remark").click()
    page.get_by_label("Remark", exact=True).fill("a child in the background")
    page.get_by_role("button", name="Next").click()
    after(page, 5)
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    mine = [(r["axis"], r["rating"]) for r in rows if r["rater"] == "ann"]
    assert mine == [
        ("sincere", "55"), ("engaged", "45"), ("sincere", "60"), ("engaged", "40"),
        ("sincere", "45"), ("engaged", "55"), ("sincere", ""), ("engaged", ""),
    ]  # fmt: skip
    assert sum(r["rater"] == "ben" for r in rows) == 4
    assert [r["remark"] for r in rows if r["cannot_hear"] == "1"] == [
        "a child in the background"
    ] * 2
    assert read_long(tmp_path / "r.csv", "sincere").matrix.shape[1] == 2
    for tab in (ann, ben):
        assert not [s for s in tab.console if "ERR_CONNECTION" not in s and "403" not in s], (
            tab.console
        )
        assert all(u.startswith(("http://127.0.0.1", "blob:", "data:")) for u in tab.fetched)
        tab.context.close()


def test_a_whole_sequence_with_its_pause_and_its_end(browser, tmp_path, folder):
    """From the first clip to the last, with short blocks, as a test of the flow."""
    from prosody.rating import clips as sounds
    from prosody.rating.page import Rate

    store = Store(tmp_path / "r.csv")
    found = sounds.gather(folder)
    store.begin([c.name for c in found.clips], None)
    with hosted(Rate(found, store, block=8)) as link:
        tab = enter(browser, link, "")
        page = tab.page
        of = int(page.locator("#where").inner_text().split()[3].rstrip("."))
        for n in range(1, of + 1):
            page.get_by_label("I cannot rate this").check()
            page.get_by_role("button", name="Next").click()
            if n == 8:
                until(page, f"{STATE} === 'pause'")
                assert f"8 of {of}" in page.locator("#pause-text").inner_text()
                assert axe(page) == []
                page.reload()  # a pause is no trap: a reload goes on
            elif n < of:
                after(page, n + 1)
            if n == 8:
                until(page, f"{STATE} === 'rate'")
        until(page, f"{STATE} === 'done'")
        assert axe(page) == []
        page.get_by_role("button", name="last answer").click()
        until(page, f"{STATE} === 'rate'")
        assert page.get_by_label("I cannot rate this").is_checked()
        # Another listener on this machine begins anew; the first is in the list.
        page.get_by_role("button", name="Another listener").click()
        until(page, f"{STATE} === 'welcome'")
        assert "finished" in page.locator("#known-list").inner_text()
        tab.context.close()


def hosted(page):
    """Serve a page in this process."""
    import contextlib
    import threading

    import uvicorn

    from prosody.web.app import make_app
    from prosody.web.serve import Where, bind
    from prosody.web.sessions import names_of

    @contextlib.contextmanager
    def running():
        sock = bind(Where(port=0))
        port = sock.getsockname()[1]
        made = make_app([page], token="main", hosts=names_of("127.0.0.1", port))
        config = uvicorn.Config(made, log_level="error", ws="none", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/?token=main"
        finally:
            server.should_exit = True
            thread.join(20)
            sock.close()

    return running()


def axe(page) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA."""
    tool = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe (dev)")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = tool.Axe().run(page, options={"runOnly": rules})
    assert len(found.response["passes"]) > 10  # it did look
    return [f"{v['id']}: {v['nodes'][0]['html'][:90]}" for v in found.response["violations"]]


@pytest.mark.parametrize(("lang", "dark"), [("nl", True), ("en", False)])
def test_every_state_holds_up_to_axe(browser, served, lang, dark, tmp_path):
    server = served("--items", "--invite", "1", "--port", "0")
    how = {
        "locale": lang,
        "color_scheme": "dark" if dark else "light",
        "bypass_csp": True,  # axe is put into the page; the policy is tested elsewhere
        "viewport": {"width": 360 if dark else 1200, "height": 800},
    }
    tab = Watched(browser, **how)
    page = tab.page
    page.goto(server.link)
    until(page, f"{STATE} === 'welcome'")
    assert page.evaluate("document.documentElement.lang") == lang
    page.locator("#team summary").click()
    page.locator("#team-body button").first.click()
    page.wait_for_selector("#team-link")
    assert axe(page) == []
    page.locator("#name").fill("=x")
    page.locator("#begin button").click()
    page.wait_for_selector("#begin-refused:visible")
    assert axe(page) == []
    page.locator("#name").fill("")
    page.locator("#begin button").click()
    until(page, f"{STATE} === 'rate'")
    assert axe(page) == []
    hear(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert axe(page) == []
    page.locator("#examples-open").click()
    assert axe(page) == []
    page.keyboard.press("Escape")
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(wide)
    page.context.set_offline(True)
    page.locator("#deaf").check()
    page.locator("#next").click()
    until(page, f"{STATE} === 'waiting'")
    assert axe(page) == []
    page.context.set_offline(False)
    until(page, f"{STATE} === 'rate'")
    # The other language at once, without losing the place.
    other = {"nl": "en", "en": "nl"}[lang]
    page.locator(f"#languages [data-lang={other}]").click()
    until(page, f"document.documentElement.lang === '{other}'")
    assert at(page) == 2
    tab.context.close()
    guest = Watched(browser, **how)
    guest.page.goto(server.invitations[0])
    until(guest.page, f"{STATE} === 'welcome'")
    guest.page.locator("#begin button").click()
    until(guest.page, f"{STATE} === 'rate'")
    store = Store(tmp_path / "r.csv")
    store.write("UPDATE invitations SET revoked_s = 1")
    store.let_go()
    for _ in range(2):  # a reload says what happened, also the second time
        guest.page.reload()
        until(guest.page, f"{STATE} === 'over'")
        said = {"nl": "Deze uitnodiging is ingetrokken.", "en": "This invitation was revoked."}
        assert guest.page.locator("#over-message").inner_text() == said[lang]
    assert axe(guest.page) == []
    guest.context.close()


def test_a_hostile_remark_and_label_stay_text(browser, folder, tmp_path):
    from dataclasses import replace

    from prosody.rating import clips as sounds
    from prosody.rating.page import Rate

    bad = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>'
    store = Store(tmp_path / "r.csv")
    found = sounds.gather(folder)
    found = replace(found, anchors=tuple(replace(a, label=bad) for a in found.anchors))
    store.begin([c.name for c in found.clips], None)
    with hosted(Rate(found, store)) as link:
        tab = enter(browser, link, "")
        page = tab.page
        page.locator("#examples-open").click()
        assert bad in page.locator("#examples-list").inner_text()
        page.keyboard.press("Escape")
        page.get_by_label("I cannot rate this").check()
        page.get_by_text("Add a remark").click()
        page.locator("#remark").fill(bad)
        page.get_by_role("button", name="Next").click()
        after(page, 2)
        page.get_by_role("button", name="Back").click()
        until(page, "document.querySelector('#where')?.textContent.startsWith('Clip 1 ')")
        assert page.locator("#remark").input_value() == bad
        assert page.evaluate("window.hit") is None
        assert tab.console == []
        tab.context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_pairs_are_heard_and_chosen_by_keyboard_alone(browser, served, tmp_path, width, height):
    server = served("--pairs", "--meta-from", r"(?P<agent>agent\d)")
    size = {"width": width, "height": height}
    tab = enter(browser, server.link, "ann", viewport=size, bypass_csp=True)  # for axe
    page = tab.page
    assert page.locator("#where").inner_text().startswith("Pair 1 ")
    until(page, "document.activeElement.id === 'play'")
    assert page.locator("#chosen-a").is_disabled()
    page.keyboard.press("Space")
    until(page, "document.querySelector('#told').textContent === 'This is the first.'")
    until(page, "document.querySelector('#told').textContent === 'This is the second.'")
    until(page, "!document.querySelector('#chosen-a').matches(':disabled')")
    page.keyboard.press("Enter")
    assert "First choose" in page.locator("#missing").inner_text()
    page.keyboard.press("2")
    assert page.locator("#chosen-b").is_checked()
    assert page.locator("#each button").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#where').textContent.startsWith('Pair 2 ')")
    page.locator("#back").click()
    until(page, "document.querySelector('#where').textContent.startsWith('Pair 1 ')")
    assert page.locator("#chosen-b").is_checked()
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["rater"], row["axis"], row["chosen"]) == ("ann", "sincere", "b")
    assert tab.console == []
    tab.context.close()
