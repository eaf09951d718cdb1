"""One's own voice as the model: versions of a take, words at their times, numbers beside usual."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from places import synthetic_voice

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("pyworld", reason="needs the extra studio")

from starlette.testclient import TestClient

from prosody.coach import model_voice
from prosody.coach.page import Coach
from prosody.coach.word_times import pause_place, word_times
from prosody.resynthesis import vocoder
from prosody.web.app import make_app

SR = 16_000
HOST = "127.0.0.1:8737"


def wav(y: Any) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, y, SR, format="WAV", subtype="PCM_16")
    return out.getvalue()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    page = Coach(workers=1, parent=tmp_path_factory.mktemp("room"))
    app = make_app([page], token="secret", hosts=[HOST])
    with TestClient(app, base_url=f"http://{HOST}") as found:
        found.headers["origin"] = f"http://{HOST}"
        found.get("/?token=secret")
        yield found


def test_every_version_is_there_and_says_what_was_changed(client: TestClient) -> None:
    assert client.get("/api/start").json()["versions"] is True
    sentence = "I'm sorry that your parcel is late, madam."
    asked = {"kind": "take", "sentence": sentence, "lang": "en"}
    took = client.post("/api/takes", params=asked, content=wav(synthetic_voice(3.0, SR))).json()
    assert took["versions"] is True
    assert [w["text"] for w in took["words"]] == sentence.split()
    own_s = took["duration_s"]
    for how, longer_s in (("slower", 0.15 * own_s), ("pause", 0.5), ("livelier", 0.0)):
        got = client.get(f"/api/takes/{took['id']}/versions/{how}?lang=en").json()
        assert got["how"] == how
        assert got["duration_s"] - own_s == pytest.approx(longer_s, abs=0.1)
        assert got["aim"]["name"] == model_voice.HOWS[how][0]
        assert len(got["lines"]["f0_st"]) == len(got["lines"]["time_s"])
        sound = client.get(f"/api/takes/{took['id']}/versions/{how}/sound")
        assert sound.content[:4] == b"RIFF"
    lower = client.get(f"/api/takes/{took['id']}/versions/calmer").json()["aim"]
    assert 12 * np.log2(lower["value"] / lower["own"]) == pytest.approx(-1.5, abs=0.2)
    assert client.get(f"/api/takes/{took['id']}/versions/end").status_code == 200
    kept = client.get(f"/api/takes/{took['id']}/versions/end/sound?form=flac")
    assert kept.content[:4] == b"fLaC"
    assert client.get(f"/api/takes/{took['id']}/versions/other").json()["code"] == "no_version"
    client.post("/api/forget")
    assert client.get(f"/api/takes/{took['id']}/versions/slower").status_code == 404


def test_versions_count_as_memory_and_go_with_the_take(client: TestClient) -> None:
    took = client.post("/api/takes", content=wav(synthetic_voice(2.0, SR))).json()
    client.get(f"/api/takes/{took['id']}/versions/slower")
    assert client.delete(f"/api/takes/{took['id']}").status_code == 204
    assert client.get(f"/api/takes/{took['id']}/versions/slower/sound").status_code == 404


def test_without_the_vocoder_there_is_no_button(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(vocoder, "available", lambda: False)
    assert Coach(workers=1, parent=tmp_path).voice_processes is None


def test_what_is_asked_for_is_made_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coach, "_can_change", lambda *_: False)  # nothing is made unasked
    took = client.post("/api/takes", content=wav(synthetic_voice(3.0, SR))).json()
    monkeypatch.undo()
    assert client.get(f"/api/takes/{took['id']}/versions/end").status_code == 200
    others = [client.get(f"/api/takes/{took['id']}/versions/{h}/sound") for h in ("end", "slower")]
    assert [r.status_code for r in others] == [200, 404]


SPEECH = np.array([[0.5, 1.5], [2.0, 4.0]])


def test_a_pause_lies_between_words_behind_the_comma() -> None:
    words = word_times("Well then, I am sorry for the trouble.", SPEECH, [(1.5, 2.0)])
    assert [w.text for w in words][:2] == ["Well", "then,"]
    assert words[1].end_s <= 1.5 + 1e-6
    assert words[2].start_s >= 2.0 - 1e-6
    assert words[0].start_s == pytest.approx(0.5)
    assert words[-1].end_s == pytest.approx(4.0)


def test_words_that_cannot_have_been_said_are_not_written() -> None:
    assert word_times("", SPEECH, []) == ()
    assert word_times("no", SPEECH, []) == ()
    assert word_times("word " * 80, SPEECH, []) == ()
    assert word_times("I am sorry.", np.empty((0, 2)), []) == ()


@pytest.mark.parametrize(
    ("text", "lang", "after"),
    [
        ("Mevrouw De Wit, het spijt me zeer.", "nl", "Wit,"),
        ("Het spijt me dat het te laat is; dat had niet gemogen.", "nl", "is;"),
        ("I am sorry about the wait.", "en", None),
    ],
)
def test_a_pause_stands_before_the_apology_or_after_its_clause(
    text: str, lang: str, after: str | None
) -> None:
    words = word_times(text, SPEECH, [])
    found = pause_place(words, lang)
    assert (None if found is None else words[found[1]].text) == after


def test_where_a_recogniser_is_named_its_words_stand_in_place_of_the_sentence(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pytest.importorskip("onnx_asr", reason="needs the extra asr")
    pytest.importorskip("onnx", reason="makes a small model")
    from small_recognisers import tdt

    room = tmp_path_factory.mktemp("words")
    page = Coach(workers=1, parent=room, versions=False, recogniser=tdt(room / "small"))
    app = make_app([page], token="secret", hosts=[HOST])
    with TestClient(app, base_url=f"http://{HOST}", headers={"origin": f"http://{HOST}"}) as me:
        me.get("/?token=secret")
        assert me.get("/api/start").json()["recognises"] is True
        asked = {"sentence": "I am so very late.", "lang": "en"}
        took = me.post("/api/takes", params=asked, content=wav(synthetic_voice(2.0, SR))).json()
        assert [w["text"] for w in took["words"]] == asked["sentence"].split()
        said = me.get(f"/api/takes/{took['id']}/words?lang=en").json()["words"]
        assert {w["text"] for w in said} == {"sorry"}
        assert all(0 <= w["start_s"] < w["end_s"] <= took["duration_s"] for w in said)
        again = me.get("/api/takes?lang=en").json()["takes"][0]
        assert again["words"] == said
