"""The page to rate, without a browser: what the server allows, and the command from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from command import prosody
from places import ROOT
from prosody.cli import app
from rating import rows_of
from starlette.testclient import TestClient
from typer.testing import CliRunner

from prosody import words
from prosody.rating import clips as sounds
from prosody.rating import invitations
from prosody.rating import sequence as seq
from prosody.rating.page import ITEMS, Rate
from prosody.rating.store import Answer, Store, database_of
from prosody.web.app import make_app

pytest_plugins = ("rating_fixtures",)

# --- the server ----------------------------------------------------------------------------------


@pytest.fixture
def house(folder, tmp_path):
    """A server with its store: the host's client, and a way to let others in."""
    store = Store(tmp_path / "r.csv")
    found = sounds.gather(folder, meta_from=r"(?P<agent>agent\d)")
    seed = store.begin([c.name for c in found.clips], None)
    page = Rate(found, store, seed=seed, items=True)
    served = make_app([page], token="main", hosts=["rate.test:80", "rate.test"])

    def enter(token: str) -> TestClient:
        client = TestClient(
            served, base_url="http://rate.test", headers={"origin": "http://rate.test"}
        )
        client.get(f"/?token={token}")
        return client

    with TestClient(served, base_url="http://rate.test"):
        yield page, store, enter


def wait_out(page: Rate, store: Store, rater: str, at: int) -> None:
    """Let the clip have been sent long ago."""
    store.write(
        "UPDATE trials SET fetched_s = fetched_s - 60 WHERE rater = ? AND position = ?",
        store.named(rater).id,
        at,
    )


FULL = {"sincere": 70, "engaged": 30, "items": dict.fromkeys(ITEMS, 50), "remark": "hm"}


def test_a_rater_hears_answers_and_goes_one_step_back(house):
    page, store, enter = house
    me = enter("main")
    assert me.get("/rate").status_code == 200
    start = me.get("/api/rate/start?lang=nl").json()
    assert (start["host"], start["rater"], start["raters"]) == (True, None, [])
    assert start["words"]["rate"]["question"] == "Hoe klinkt dit excuus voor jou?"
    assert me.get("/api/rate/trial").json()["code"] == "no_rater"
    of = me.post("/api/rate/rater", json={"name": "ann"}).json()["of"]
    assert of == len(seq.sequence([c.agent for c in page.clips.clips], 0))
    trial = me.get("/api/rate/trial").json()
    assert (trial["at"], trial["state"], trial["answer"]) == (0, "rate", None)
    early = me.post("/api/rate/answer", json={"at": 0, **FULL})
    assert (early.status_code, early.json()["code"]) == (409, "not_heard")
    sound = me.get("/api/rate/sound?at=0")
    assert sound.headers["content-type"] == "audio/wav"
    assert sound.content[:4] == b"RIFF"
    assert me.post("/api/rate/answer", json={"at": 0, **FULL}).json()["code"] == "not_heard"
    wait_out(page, store, "ann", 0)
    assert me.post("/api/rate/answer", json={"at": 0, **FULL}).json()["answered"] == 1
    assert me.post("/api/rate/answer", json={"at": 1, "cannot_hear": True}).json()["answered"] == 2
    assert me.get("/api/rate/trial?at=1").json()["answer"]["cannot_hear"] is True
    assert me.get("/api/rate/trial?at=0").json()["code"] == "not_now"  # one step, no more
    assert me.get("/api/rate/sound?at=5").json()["code"] == "not_now"
    assert me.post("/api/rate/answer", json={"at": 7, "cannot_hear": True}).status_code == 409
    assert [r["rating"] for r in rows_of(store.out)] == ["70", "30", "", ""]


def test_nothing_that_is_sent_names_a_clip_an_agent_or_a_verdict(house):
    page, _, enter = house
    me = enter("main")
    me.post("/api/rate/rater", json={"name": "ann"})
    said = ""
    for path in ("start", "trial", "sound?at=0", "anchor?n=0", "invitations"):
        answer = me.get(f"/api/rate/{path}")
        assert answer.status_code == 200
        said += answer.content.decode("latin-1") + str(answer.headers)
    for clip in page.clips.clips:
        assert clip.name not in said
        assert Path(str(clip.path)).stem not in said
    for word in ("agent0", "is_repeat", "verdict", "forced", "pitch"):
        assert word not in said


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ([1], 400),
        ({"at": True}, 400),
        ({"at": "0"}, 400),
        ({"at": 0}, 422),
        ({"at": 0, "sincere": 50}, 422),
        ({"at": 0, "sincere": 50, "engaged": 101}, 422),
        ({"at": 0, "sincere": "50", "engaged": 1}, 422),
        ({"at": 0, "sincere": True, "engaged": 1}, 422),
        ({"at": 0, "cannot_hear": 1}, 400),
        ({"at": 0, "cannot_hear": True, "remark": "x" * 501}, 422),
        ({"at": 0, "sincere": 1, "engaged": 1, "items": {"other": 1}}, 400),
    ],
)
def test_an_answer_that_is_none_is_refused(house, sent, status):
    _, store, enter = house
    me = enter("main")
    me.post("/api/rate/rater", json={"name": "ann"})
    answer = me.post("/api/rate/answer", json=sent)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert store.progress(1).answered == 0


def test_hostile_bodies_and_places(house):
    _, _, enter = house
    me = enter("main")
    me.post("/api/rate/rater", json={"name": "ann"})
    for text in (b"{", b"[" * 6000, b"\xff\xfe", b'{"at": NaN, "sincere": 1e999}'):
        assert me.post("/api/rate/answer", content=text).status_code in (400, 413)
    assert me.post("/api/rate/answer", content=b"x" * 9000).status_code == 413
    for at in ("-1", "x", "99999999999", "1e3", "٣"):
        assert me.get("/api/rate/trial", params={"at": at}).status_code in (400, 409)
    assert me.get("/api/rate/anchor?n=9").status_code == 404


def test_invitations_let_in_one_rater_each_until_they_end(house):
    _, store, enter = house
    host = enter("main")
    made = [host.post("/api/rate/invitations").json() for _ in range(3)]
    tokens = [re.search(r"token=(.+)$", m["link"])[1] for m in made]
    assert len(set(tokens)) == 3
    assert all(len(t) >= 32 for t in tokens)
    bea = enter(tokens[0])
    start = bea.get("/api/rate/start").json()
    assert start["host"] is False
    assert "raters" not in start
    bea.post("/api/rate/rater", json={"name": "bea"})
    # The same link in another browser asks first: it may be somebody else, with a name of her own.
    eve = enter(tokens[0])
    start = eve.get("/api/rate/start").json()
    assert (start["rater"], start["in_use_by"]) == (None, "bea")
    refused = eve.post("/api/rate/rater", json={"name": "eve"})
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "bea" in refused.json()["message"]
    assert eve.get("/api/rate/trial").json()["code"] == "no_rater"
    assert eve.post("/api/rate/rater", json={"name": "", "known": True}).json()["name"] == "bea"
    assert eve.get("/api/rate/trial").json()["state"] == "rate"
    # A guest neither invites, nor revokes, nor sees or takes over the others.
    assert bea.get("/api/rate/invitations").json()["code"] == "not_yours"
    assert bea.post("/api/rate/invitations").status_code == 403
    assert bea.post("/api/rate/revoke", json={"id": 2}).status_code == 403
    host.post("/api/rate/rater", json={"name": "ann"})
    cas = enter(tokens[1])
    taken = cas.post("/api/rate/rater", json={"name": "ann", "known": True})
    assert taken.json()["code"] == "name_taken"
    assert cas.post("/api/rate/rater", json={"name": ""}).json()["name"] == "listener-3"
    state = host.get("/api/rate/invitations").json()["invitations"]
    assert [(i["state"], (i["rater"] or {}).get("name")) for i in state] == [
        ("open", "bea"), ("open", "listener-3"), ("open", None),
    ]  # fmt: skip
    # Taken back: at once, also for a page that is open.
    assert host.post("/api/rate/revoke", json={"id": 1}).json()["state"] == "revoked"
    over = bea.get("/api/rate/trial")
    assert (over.status_code, over.json()["code"]) == (410, "invitation_revoked")
    back = host.post("/api/rate/revoke", json={"id": 1, "undo": True}).json()
    assert back["state"] == "open"
    assert bea.get("/api/rate/trial").json()["state"] == "rate"
    host.post("/api/rate/revoke", json={"id": 1})
    assert bea.get("/api/rate/start?lang=nl").json()["refused"]["message"]
    store.write("UPDATE invitations SET expires_s = ? WHERE id = 2", time.time() - 1)
    assert cas.get("/api/rate/trial").json()["code"] == "invitation_expired"
    late = enter(tokens[1])
    assert late.get("/rate").status_code == 200
    assert late.get("/api/rate/start").json()["state"] == "over"
    assert enter("nonsense").get("/rate").status_code == 403
    # Only hashes are kept.
    kept = database_of(store.out).read_bytes() + Path(f"{database_of(store.out)}-wal").read_bytes()
    assert not any(t.encode() in kept for t in tokens)


def test_a_page_that_is_open_comes_back_after_a_restart(house, folder):
    _, store, enter = house
    host = enter("main")
    again = host.post("/api/rate/rater", json={"name": "ann"}).json()["again"]
    assert host.get("/api/rate/start").json()["again"] == again
    me = enter(again)
    start = me.get("/api/rate/start").json()
    assert (start["host"], start["rater"]["name"]) == (True, "ann")
    _, token = invitations.make(store)
    guest = enter(token)
    back = guest.post("/api/rate/rater", json={"name": "bea"}).json()["again"]
    start = enter(back).get("/api/rate/start").json()
    assert (start["host"], start["rater"]["name"]) == (False, "bea")
    invitations.revoke(store, 1)
    assert enter(back).get("/api/rate/start").json()["state"] == "over"


def test_several_listeners_on_one_machine(house):
    _, _, enter = house
    me = enter("main")
    me.post("/api/rate/rater", json={"name": "ann"})
    me.post("/api/rate/answer", json={"at": 0, "cannot_hear": True})
    me.post("/api/rate/leave")
    start = me.get("/api/rate/start").json()
    assert start["rater"] is None
    assert [(r["name"], r["answered"]) for r in start["raters"]] == [("ann", 1)]
    me.post("/api/rate/rater", json={"name": "ben"})
    assert me.get("/api/rate/trial").json()["answered"] == 0
    assert me.post("/api/rate/rater", json={"name": "ann", "known": True}).json()["answered"] == 1
    assert me.post("/api/rate/rater", json={"name": "?", "known": True}).status_code == 404


def test_a_sound_that_is_gone_is_an_answerable_state(house, monkeypatch):
    page, _, enter = house
    me = enter("main")
    me.post("/api/rate/rater", json={"name": "ann"})

    def gone(clip):
        raise OSError(f"{clip.path} is gone")

    monkeypatch.setattr(page, "_wav", gone)
    answer = me.get("/api/rate/sound?at=0")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_sound")
    assert "agent" not in answer.text
    assert me.post("/api/rate/answer", json={"at": 0, "cannot_hear": True}).status_code == 200


# --- words ---------------------------------------------------------------------------------------


def leaves(table: dict, before: str = "") -> set[str]:
    out = set()
    for key, value in table.items():
        name = f"{before}{key}"
        out |= leaves(value, f"{name}.") if isinstance(value, dict) else {name}
    return out


def test_both_languages_have_every_word_the_page_uses():
    nl, en = (leaves(words.load("rate", lang)) for lang in ("nl", "en"))
    assert nl == en
    assets = ROOT / "prosody" / "web" / "assets"
    text = "".join(p.read_text(encoding="utf-8") for p in assets.glob("rate*"))
    used = set(re.findall(r'data-word(?:-label)?="([a-z_.]+)"', text))
    rooms = "rate|pause|done|lost|team|welcome|examples|page"
    used |= set(re.findall(rf'"((?:{rooms})\.[a-z_]+)"', text))
    nl |= {name.removeprefix("pairs.") for name in nl}
    assert used <= nl, used - nl


# --- from outside --------------------------------------------------------------------------------


COMMAND = (sys.executable, "-c", "from prosody.cli import main; main()", "rate")


def run_rate(*args: str, expect: str = "Rate here: ") -> tuple[subprocess.Popen, str]:
    """Start the command and return it with its link."""
    process = subprocess.Popen(
        [*COMMAND, *args, "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(expect):
            return process, line.split(": ", 1)[1].strip()
    process.communicate()
    raise AssertionError("".join(said))


def test_killed_and_started_again_from_the_command_line(folder, tmp_path):
    out = tmp_path / "ratings.csv"
    process, link = run_rate(str(folder), "--out", str(out), "--port", "0", "--invite", "1",
                             expect="Invitation 1")  # fmt: skip
    try:
        link = link[link.index("http") :]
        with httpx.Client() as client:
            base = link.split("/?")[0]
            headers = {"origin": base}
            client.get(link, follow_redirects=True).raise_for_status()
            of = client.post(f"{base}/api/rate/rater", json={"name": "bea"}, headers=headers).json()
            for at in range(5):
                sent = {"at": at, "cannot_hear": True, "remark": f"no {at}"}
                answer = client.post(f"{base}/api/rate/answer", json=sent, headers=headers)
                answer.raise_for_status()
    finally:
        process.kill()
        process.communicate()
    assert len(rows_of(out)) == 10
    process, _ = run_rate(str(folder), "--out", str(out))
    try:
        # The port is that of last time, and the invitation holds: it leads to where she was.
        with httpx.Client() as client:
            client.get(link, follow_redirects=True).raise_for_status()
            assert client.get(f"{base}/api/rate/start").json()["in_use_by"] == "bea"
            sent = {"name": "bea", "known": True}
            now = client.post(f"{base}/api/rate/rater", json=sent, headers=headers).json()
            assert (now["name"], now["answered"], now["of"]) == ("bea", 5, of["of"])
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    got = CliRunner().invoke(app, ["rate", str(folder), "--out", str(out), "--revoke", "1"])
    assert got.exit_code == 0, got.output
    assert "no longer opens" in got.output
    assert len(rows_of(out)) == 10


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--host", "0.0.0.0"], "can be reached from other machines"),
        (["--cert", "x.pem"], "TLS needs both"),
        (["--name", "box"], "--name is for the network"),
        (["--cert", "x.pem", "--key", "y.pem"], "there is no such file"),
        (["--revoke", "1"], "no ratings were begun"),
        (["--anchors", "nowhere.csv"], "No such file"),
    ],
)
def test_what_cannot_be_started_is_said(folder, tmp_path, args, said):
    done = prosody("rate", folder, "--out", tmp_path / "r.csv", "--no-browser", *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_network_needs_asking_for_and_is_warned_about(folder, tmp_path):
    args = ["--out", str(tmp_path / "r.csv"), "--port", "0", "--allow-network", "--invite", "1"]
    process, said = run_rate(str(folder), *args, expect="Invitation 1")
    warning = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)
    assert warning.startswith("Warning: without --cert and --key")
    assert "0.0.0.0" not in said


def test_other_ratings_are_never_written_over(folder, tmp_path):
    out = tmp_path / "theirs.csv"
    out.write_text("clip,rater,rating\nx,y,1\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["rate", str(folder), "--out", str(out), "--no-browser"])
    assert done.exit_code != 0
    assert out.read_text(encoding="utf-8") == "clip,rater,rating\nx,y,1\n"


def test_ratings_of_a_run_join_its_table(analysed, tmp_path):
    """Two raters rate the samples; the table of the run finds their ratings again."""
    found = sounds.gather(analysed)
    store = Store(tmp_path / "r.csv")
    store.begin([c.name for c in found.clips], None)
    agents = [c.agent for c in found.clips]
    for k, name in enumerate(("ann", "ben")):
        rater = store.add_rater(name, lambda number: seq.sequence(agents, number)).id
        for at in range(store.progress(rater).of):
            clip = store.trial(rater, at).clip
            store.save(rater, at, Answer(15.0 * clip + k, 90.0 - 10 * clip))
    store.close()
    from prosody.fit import join

    rated, panel, _ = join.load(analysed / "apologies.csv", tmp_path / "r.csv", "sincere")
    assert panel.raters_per_clip == 2
    assert not np.isnan(rated.rating).any()
    order = [c.name for c in found.clips]
    expected = np.argsort([order.index(c) for c in rated.clip])
    assert list(np.argsort(rated.rating)) == list(expected)
    assert json.loads((analysed / "run.json").read_text(encoding="utf-8"))  # untouched


def test_a_remark_that_is_no_text_is_a_bad_request():
    from prosody.rating.page import Rate, Refused

    with pytest.raises(Refused) as error:
        Rate._checked(None, {"remark": "a\ud800b", "cannot_hear": True})
    assert error.value.status == 400
