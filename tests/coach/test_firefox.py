"""The main way through the page in Firefox: read, record, judged, changed, compared, wiped."""

from __future__ import annotations

import base64

import pytest
from coach_pages import STATE, coach, speech
from firefox import firefox

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")

# A voice in place of the microphone's hum, through the page's own door to it.
VOICE = """(async () => {
  const data = Uint8Array.from(atob("%s"), (c) => c.charCodeAt(0));
  const context = new AudioContext();
  const source = new AudioBufferSourceNode(context,
    { buffer: await context.decodeAudioData(data.buffer), loop: true });
  const out = new MediaStreamAudioDestinationNode(context);
  source.connect(out);
  source.start();
  navigator.mediaDevices.getUserMedia = async () => new MediaStream([out.stream.getAudioTracks()[0].clone()]);
  return true;
})()"""  # noqa: E501


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with coach(tmp_path_factory.mktemp("coach")) as running:
        yield running


@pytest.mark.parametrize(
    ("lang", "width", "height"), [("nl", 1280, 720), ("en", 390, 844)], ids=["nl", "en"]
)
def test_the_main_way(server, tmp_path, lang, width, height):
    speech(tmp_path / "voice.wav", 25.6, 31.9)
    voice = base64.b64encode((tmp_path / "voice.wav").read_bytes()).decode()
    languages = {"intl.accept_languages": lang}
    with firefox(**languages) as fox:

        def record(seconds: float) -> None:
            fox.click("#record")
            fox.until(f"{STATE} === 'recording'")
            fox.evaluate(f"new Promise((done) => setTimeout(done, {round(1000 * seconds)}))")
            fox.click("#record")
            fox.until(f"{STATE} === 'idle'", 60)

        fox.size(width, height)
        fox.open(server.link)
        fox.until("!document.querySelector('#choose').hidden")
        assert fox.evaluate("document.documentElement.lang") == lang
        fox.click("[data-situation='late_parcel']")
        record(0.5)  # Firefox's own microphone hums: opened, heard, and no voice
        fox.until("document.querySelector('#usual-notes .note')")
        assert fox.evaluate("document.querySelectorAll('#usual-sentences .done').length") == 0
        fox.evaluate(VOICE % voice)
        record(3.5)
        record(3.5)
        fox.click("#usual-next")
        record(3.0)
        fox.until("document.querySelector('.judged')", 60)
        assert fox.evaluate("document.querySelectorAll('.picture canvas').length") >= 1
        if fox.evaluate("Boolean(document.querySelector('.model'))"):
            fox.click(".model [data-how='slower']")
            fox.until("document.querySelector('.model .try')", 60)
        record(3.0)
        fox.until("document.querySelector('#compare .verdict')", 60)
        fox.evaluate("document.querySelector('.take .play-all').click()")
        fox.until("document.querySelector('.take .seek').value > 0.2")
        assert fox.evaluate("document.documentElement.scrollWidth") <= width
        fox.picture(tmp_path / f"firefox-{lang}.png")
        fox.click("#forget")
        fox.click("#ask-yes")
        fox.until("!document.querySelector('#choose').hidden")
        assert fox.evaluate("fetch('/api/takes').then((r) => r.json())")["takes"] == []
        assert fox.console == []
        assert all(u.startswith(("http://127.0.0.1", "data:", "blob:")) for u in fox.fetched)
