"""The list of recognisers, and fetching one from a hub on loopback that behaves as real ones do."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from prosody.errors import UsageError
from prosody.transcripts import recognisers as r


def test_every_model_has_what_a_download_needs():
    for card in r.catalogue().values():
        assert len(card.revision) == 40
        assert all(len(f.sha256) == 64 and f.bytes > 0 for f in card.files)
        assert card.words
        assert all(w.source for w in card.words)
        assert {w.language for w in card.words} >= set(card.evidence)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("parakeet", "parakeet-tdt-0.6b-v3"),
        ("Parakeet-TDT-0.6b-v3", "parakeet-tdt-0.6b-v3"),
        ("nemo-parakeet-tdt-0.6b-v3", "parakeet-tdt-0.6b-v3"),
        ("whisper:small", "whisper-small"),
        ("small", "whisper-small"),
        ("Whisper_Base", "whisper-base"),
        ("turbo", "whisper-large-v3-turbo"),
        ("large-v3", "whisper-large-v3"),
        ("openai/whisper-large-v3", "whisper-large-v3"),
        ("Systran/faster-whisper-small", "whisper-small"),
        ("istupakov/parakeet-tdt-0.6b-v3-onnx", "parakeet-tdt-0.6b-v3"),
    ],
)
def test_names_are_forgiven(said, meant):
    assert r.find(said).name == meant


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("parakeet-tdt-0.6b-v2", "nearest: parakeet-tdt-0.6b-v3"),
        ("wisper-small", "nearest: whisper-small"),
        ("whisper", "several recognisers"),
        ("", "no recogniser of this name"),
        ("zzz", "no recogniser of this name"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(said, told):
    with pytest.raises(UsageError, match=told):
        r.find(said)


class Hub(BaseHTTPRequestHandler):
    """Serves bytes with ranges; `state` says what goes wrong, and keeps what was asked."""

    state: dict

    def do_GET(self):
        state = self.state
        state["asked"].append((self.path, self.headers.get("Range"), dict(self.headers)))
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/moved"):
            body = state["files"][name]
        elif state.get("status"):
            self.send_error(state["status"])
            return
        else:
            self.send_response(302)
            self.send_header("Location", f"/moved/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and state.get("ranges", True):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = state["cut"].pop(0) if state["cut"] else None
        self.wfile.write(body[start:] if cut is None else body[start : start + cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    files = {"config.json": b"{}", "model.bin": bytes(range(256)) * 20_000}
    state = {"files": files, "asked": [], "cut": []}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Hub,), {"state": state}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("PROSODY_RECOGNISERS", str(tmp_path / "models"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(r, "WAIT_S", 0.0)
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def card(hub):
    return replace(
        r.find("whisper-base"),
        files=tuple(
            r.File(n, len(b), hashlib.sha256(b).hexdigest()) for n, b in hub["files"].items()
        ),
    )


def test_a_model_is_fetched_checked_and_found(hub, card):
    seen = []
    folder = r.get(card, progress=lambda *told: seen.append(told))
    assert folder == r.home() / "whisper-base" == r.where(card)
    assert (folder / "model.bin").read_bytes() == hub["files"]["model.bin"]
    assert seen[-1] == ("model.bin", 5_120_000, 5_120_000)
    assert hub["asked"][0][0] == f"/Systran/faster-whisper-base/resolve/{card.revision}/config.json"
    before = len(hub["asked"])
    r.get(card)  # what is here is not fetched again
    assert len(hub["asked"]) == before


def test_nothing_but_the_request_is_sent(hub, card):
    r.get(card)
    for _, _, headers in hub["asked"]:
        assert set(headers) == {"Accept-Encoding", "Host", "User-Agent", "Connection"}
        assert headers["User-Agent"] == "prosody"


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub, card):
    hub["cut"] += [None, 1_000_000, 2_000_000]
    folder = r.get(card)
    ranges = [asked for path, asked, _ in hub["asked"] if path == "/moved/model.bin"]
    assert ranges == [None, "bytes=1000000-", "bytes=3000000-"]
    assert (folder / "model.bin").read_bytes() == hub["files"]["model.bin"]


def test_a_stopped_download_goes_on_the_next_time(hub, card, monkeypatch):
    monkeypatch.setattr(r, "TRIES", 1)
    hub["cut"] += [None, 4_000_000]
    with pytest.raises(r.DownloadError, match="4,000,000 of 5,120,000 bytes are here"):
        r.get(card)
    assert r.where(card) is None  # half a model is none
    r.get(card)
    assert hub["asked"][-1][1] == "bytes=4000000-"
    assert r.where(card) is not None


def test_a_server_without_ranges_begins_anew(hub, card):
    hub["ranges"] = False
    hub["cut"] += [None, 1_000_000]
    folder = r.get(card)
    assert (folder / "model.bin").read_bytes() == hub["files"]["model.bin"]


def test_another_file_than_expected_is_removed(hub, card):
    hub["files"]["model.bin"] = hub["files"]["model.bin"][::-1]
    with pytest.raises(r.DownloadError, match="not the file that was expected"):
        r.get(card)
    assert not list((r.home() / card.name).glob("model.bin*"))


def test_a_file_that_is_longer_than_expected_is_refused(hub, card):
    hub["files"]["model.bin"] += b"more"
    with pytest.raises(r.DownloadError, match="not the file that was expected"):
        r.get(card)


def test_what_the_hub_does_not_have_is_said_at_once(hub, card):
    hub["status"] = 404
    with pytest.raises(r.DownloadError, match="404"):
        r.get(card)
    assert len(hub["asked"]) == 1


def test_a_disk_without_room_is_told_before_anything_is_fetched(hub, card, monkeypatch):
    usage = r.shutil.disk_usage(".")
    monkeypatch.setattr(r.shutil, "disk_usage", lambda path: usage._replace(free=1_000))
    with pytest.raises(r.DownloadError, match="free; whisper-base needs"):
        r.get(card)
    assert not hub["asked"]


def test_only_an_address_of_the_web_is_asked(card, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(UsageError, match="HF_ENDPOINT"):
        r.get(card)


def test_the_best_that_is_here_is_taken(hub, card, monkeypatch):
    with pytest.raises(UsageError, match="prosody recognisers get parakeet"):
        r.best_here()
    r.get(card)
    other = replace(card, name="another", evidence=("en", "nl"))
    cards = {"whisper-base": replace(card, evidence=("en",)), "another": other}
    monkeypatch.setattr(r, "catalogue", lambda: cards)
    monkeypatch.setattr(r, "is_installed", lambda library: True)
    r.get(other)
    assert r.best_here()[0].name == "whisper-base"
    assert r.best_here("nl")[0].name == "another"
    monkeypatch.setattr(r, "is_installed", lambda library: False)
    with pytest.raises(UsageError) as error:  # it lies there: only what reads it is missing
        r.best_here()
    assert error.value.remedy == 'Install: pip install "prosody-sincerity[whisper]"'


def test_a_model_that_is_wanted_says_all_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PROSODY_RECOGNISERS", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    small = r.find("whisper-small")
    for installed in (True, False):
        monkeypatch.setattr(r, "is_installed", lambda library, known=installed: known)
        assert "prosody recognisers get whisper-small (486 MB)" in small.remedy
        assert ('pip install "prosody-sincerity[whisper]"' in small.remedy) != installed
