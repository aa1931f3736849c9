import asyncio
import json

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from neurosvt.app import server as app
from neurosvt.app.server import make_server


@pytest.fixture
def client():
    with TestClient(make_server("permanence", allowed=lambda name: name == "nmnist")) as client:
        yield client


@pytest.fixture
def talk(client):
    with client.websocket_connect("/socket") as socket:

        def say(**told):
            socket.send_text(json.dumps(told))
            return json.loads(socket.receive_text())

        say.socket = socket
        yield say


def test_a_visitor_opens_steps_and_plays_to_the_end(talk):
    opened = talk(do="open", kind="blackout", hidden=5)["opened"]
    assert opened["model"] == "permanence"
    assert "tunnel" in opened["tiers"]
    assert talk(do="step")["frame"]["t"] == 0
    talk.socket.send_text(json.dumps({"do": "rate", "rate": 100}))
    told = talk(do="play")
    for t in range(1, opened["frames"]):
        assert told["frame"]["t"] == t
        told = json.loads(talk.socket.receive_text())
    assert told == {"end": True}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"do": "open", "kind": "fog"}, "fog"),
        ({"do": "open", "model": "/etc"}, "/etc is not shown here"),
        ({"do": "dance"}, "nobody knows how to 'dance'"),
        ({"do": "rate", "rate": 1e9}, "a rate lies in"),
        ({"do": "rate", "rate": "fast"}, "a rate lies in"),
        ({"do": "open", "kind": "recording", "recording": "../../etc/passwd"}, "choose a file"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_line_and_the_visit_goes_on(told, line, talk):
    answer = talk(**told)
    assert line in answer["error"]
    assert "\n" not in answer["error"]
    assert "opened" in talk(do="open", kind="free")


def test_what_is_no_message_is_said(talk):
    talk.socket.send_text("[1]")
    assert "a message is an object" in json.loads(talk.socket.receive_text())["error"]
    talk.socket.send_text("no JSON")
    assert "error" in json.loads(talk.socket.receive_text())


def test_a_bad_recording_is_told_in_plain_words_and_removed(client, talk, tmp_path):
    word = client.post("/recording?name=a.raw", content=b"not events").json()["word"]
    told = talk(do="open", kind="recording", recording=word)
    assert "no event file" in told["error"] or "not" in told["error"]
    assert "Traceback" not in told["error"]


def test_an_upload_is_bounded(client, monkeypatch):
    monkeypatch.setattr(app, "MOST_UPLOAD", 1 << 20)
    answer = client.post("/recording?name=a.raw", content=bytes((1 << 20) + 1))
    assert answer.status_code == 413
    assert answer.json()["error"] == "a recording may have 1 MiB here"


def test_uploads_are_forgotten_when_there_are_many(tmp_path):
    uploads = app.Uploads(tmp_path)

    class Sent:
        async def stream(self):
            yield b"x"

    most = 4 * app.MOST_VISITORS
    words = [asyncio.run(uploads.take(Sent(), f"{i}.raw")) for i in range(most + 3)]
    assert len(list(tmp_path.iterdir())) == most
    assert uploads.path(words[0]) is None
    assert len(set(words)) == len(words)


def test_another_sites_page_may_not_talk_to_us(client):
    headers = {"origin": "http://elsewhere.example"}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket", headers=headers):
        pass
    assert client.post("/recording", content=b"x", headers=headers).status_code == 403


def test_only_so_many_visit_at_once(client, monkeypatch):
    monkeypatch.setattr(app, "MOST_VISITORS", 1)
    with client.websocket_connect("/socket"), client.websocket_connect("/socket") as second:
        assert "too many visitors" in json.loads(second.receive_text())["error"]
    with client.websocket_connect("/socket") as third:
        third.send_text(json.dumps({"do": "open"}))
        assert "opened" in json.loads(third.receive_text())


def test_the_stage_loads_nothing_from_elsewhere(client):
    answer = client.get("/play")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for word in ("http://", "https://", "@import", "src="):
        assert word not in answer.text
