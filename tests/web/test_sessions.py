"""Nothing but the visitor's own browser, by its own link, gets anything from the pages."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra studio")

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from prosody.errors import UsageError
from prosody.web import serve, sessions
from prosody.web.app import asset, body, make_app, page
from prosody.web.serve import Where, shown_host
from prosody.web.sessions import Session, names_of, visitor_of

HOST = "127.0.0.1:8737"


class Echo:
    """A page with one address that changes something and one that only tells."""

    name, home = "echo", "/echo"
    assets: Sequence[str] = ("../app.py", "nothing.js")
    limits = {"/api/large": 1000}  # noqa: RUF012

    def __init__(self) -> None:
        self.gone: list[Session] = []
        self.opened = self.closed = 0

    def routes(self) -> Sequence[BaseRoute]:
        async def tell(request: Request) -> Response:
            visitor = visitor_of(request)
            seen = visitor.kept.setdefault("seen", 0)
            visitor.kept["seen"] += 1
            return JSONResponse({"key": visitor.key, "who": visitor.who, "seen": seen})

        async def large(request: Request) -> Response:
            return JSONResponse({"bytes": len(await body(request))})

        async def broken(request: Request) -> Response:
            raise UsageError("Found a, expected b.", "Do c.")

        async def shown(request: Request) -> Response:
            from prosody.web.app import show

            return show(request, '<html lang="__LANG__"><meta content="__NONCE__"></html>')

        return [
            Route("/echo", tell),
            Route("/api/large", large, methods=["POST"]),
            Route("/api/small", large, methods=["POST"]),
            Route("/api/broken", broken),
            Route("/shown", shown),
        ]

    def admit(self, token: str) -> tuple[str, Any] | None:
        return ("/echo", token) if token.startswith("invited-") else None

    def forget(self, visitor: Session) -> None:
        self.gone.append(visitor)

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def client(echo: Echo) -> Iterator[TestClient]:
    app = make_app([echo], token="secret", hosts=names_of("127.0.0.1", 8737))
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as made:
        yield made


def enter(client: TestClient, token: str = "secret") -> str:
    answer = client.get("/", params={"token": token})
    assert answer.status_code == 303
    return str(answer.headers["set-cookie"])


def test_link_becomes_a_cookie_and_the_token_leaves_the_address(client: TestClient) -> None:
    answer = client.get("/?token=secret")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/echo"
    crumb = answer.headers["set-cookie"]
    assert "HttpOnly" in crumb
    assert "SameSite=Strict" in crumb
    assert "secret" not in crumb
    assert client.get("/echo").status_code == 200
    assert client.get("/").headers["location"] == "/echo"


def test_the_link_of_the_browsers_command_line_holds_once_and_not_for_long(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prosody.web import sessions

    app = make_app([echo], token="secret", hosts=names_of("127.0.0.1", 8737), once="ticket")
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as first:
        enter(first, "ticket")
        assert first.get("/echo").status_code == 200
        first.cookies.clear()
        assert first.get("/?token=ticket").status_code == 403  # whoever read it comes too late
        assert enter(first)
    monkeypatch.setattr(sessions, "TICKET_S", -1.0)
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as late:
        assert late.get("/?token=ticket").status_code == 403


def test_opening_the_link_again_stays_the_same_visitor(client: TestClient) -> None:
    enter(client)
    first = client.get("/echo").json()
    enter(client)
    second = client.get("/echo").json()
    assert second["key"] == first["key"]
    assert second["seen"] == 1


def test_an_invitation_says_who_comes(client: TestClient) -> None:
    enter(client, "invited-7")
    assert client.get("/echo").json()["who"] == "invited-7"
    # Another person's invitation in the same browser is another visitor.
    enter(client, "invited-8")
    assert client.get("/echo").json() == {
        "key": client.get("/echo").json()["key"],
        "who": "invited-8",
        "seen": 0,
    }


@pytest.mark.parametrize("path", ["/", "/echo", "/api/large", "/nothing", "/?token=wrong"])
def test_without_token_or_cookie_there_is_nothing(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 403
    assert answer.json()["code"] in ("no_session", "wrong_token")
    assert answer.json()["remedy"]


def test_people_get_a_page_that_says_how_to_open_it(client: TestClient) -> None:
    answer = client.get("/", headers={"accept": "text/html", "accept-language": "nl,en;q=0.5"})
    assert answer.status_code == 403
    assert 'lang="nl"' in answer.text
    assert "Open de link" in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8737", "127.0.0.1", "127.0.0.1:1", "localhost.evil:8737"]
)
def test_a_name_that_was_pointed_here_is_refused(client: TestClient, host: str) -> None:
    enter(client)
    answer = client.get("/echo", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_host")
    assert client.get("/?token=secret", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", [HOST, "localhost:8737", "LOCALHOST:8737", "[::1]:8737"])
def test_own_names_are_let_in(client: TestClient, host: str) -> None:
    crumb = enter(client).split(";")[0]
    assert client.get("/echo", headers={"host": host, "cookie": crumb}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8737"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"http://{HOST}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_posts_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    enter(client)
    answer = client.post("/api/large", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")


def test_own_posts_are_taken(client: TestClient) -> None:
    enter(client)
    headers = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert client.post("/api/large", content=b"x" * 9, headers=headers).json() == {"bytes": 9}


def test_other_sites_cannot_read_but_may_link(client: TestClient) -> None:
    enter(client)
    for mode in ("no-cors", "cors"):
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode}
        assert client.get("/echo", headers=headers).status_code == 403
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/echo", headers=headers).status_code == 200


def test_a_link_in_web_mail_goes_on_from_a_page_of_our_own(client: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    answer = client.get("/?token=secret", headers=headers)
    assert answer.status_code == 200
    assert 'content="0;url=/echo"' in answer.text
    assert "SameSite=Strict" in answer.headers["set-cookie"]


def test_too_large_a_body_is_cut_off(client: TestClient) -> None:
    enter(client)
    assert client.post("/api/large", content=b"x" * 1000).status_code == 200
    answer = client.post("/api/large", content=b"x" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def without_length() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    answer = client.post("/api/large", content=without_length())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert client.post("/api/small", content=b"x" * 65_537).status_code == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1 0", "٣"])
def test_lengths_that_are_none_are_refused(client: TestClient, length: str) -> None:
    enter(client)
    answer = client.post("/api/large", content=b"", headers={"content-length": length.encode()})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
        "/assets/..%2fapp.py",
        "/assets/coach.py",
        "/assets/",
        "/vendor/../../web/__init__.py",
        "/vendor/nothing.js",
        "/assets//etc/passwd",
        "/assets/nothing.js",
    ],
)
def test_no_path_gets_at_files(client: TestClient, path: str) -> None:
    enter(client)
    assert client.get(path).status_code in (403, 404)


def test_files_of_the_list_are_served_with_their_type(client: TestClient) -> None:
    answer = client.get("/assets/studio.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.content == asset("studio.css")
    answer = client.get("/vendor/uPlot.esm.js")
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/echo", "/nothing", "/assets/studio.css", "/api/broken", "/?token=no"]
)
def test_every_answer_is_dressed(client: TestClient, path: str) -> None:
    enter(client)
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "script-src 'self';"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert "access-control-allow-origin" not in headers


def test_a_page_carries_the_nonce_of_its_policy_and_no_other(client: TestClient) -> None:
    enter(client)
    seen = set()
    for _ in range(2):
        answer = client.get("/shown", headers={"accept-language": "de, nl;q=0.8, en;q=0.9"})
        nonce = answer.text.split('content="')[1].split('"')[0]
        assert f"style-src 'self' 'nonce-{nonce}';" in answer.headers["content-security-policy"]
        assert 'lang="en"' in answer.text
        seen.add(nonce)
    assert len(seen) == 2
    assert "nonce" not in client.get("/echo").headers["content-security-policy"]


def test_our_errors_become_answers_in_the_readers_language(client: TestClient) -> None:
    enter(client)
    answer = client.get("/api/broken?lang=en")
    assert answer.status_code == 422
    assert answer.json() == {
        "code": "usage",
        "message": "Found a, expected b.",
        "remedy": "Do c.",
    }
    assert "niets" in client.get("/api/none?lang=nl").json()["message"]


def test_pages_open_and_close_with_the_house_and_visitors_leave(echo: Echo) -> None:
    app = make_app([echo], token="secret", hosts=[HOST])
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        assert (echo.opened, echo.closed) == (1, 0)
        enter(client)
        assert not echo.gone
    assert echo.closed == 1
    assert len(echo.gone) == 1


def test_a_full_house_says_so_and_makes_room_when_somebody_was_away(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prosody.web.sessions import Sessions

    app = make_app([echo], token="secret", hosts=[HOST], most_visitors=2)
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        for _ in range(2):
            enter(client)
            client.cookies.clear()
        answer = client.get("/?token=secret")
        assert (answer.status_code, answer.json()["code"]) == (503, "full")
        monkeypatch.setattr(Sessions, "AWAY_S", -1.0)
        enter(client)
        assert len(echo.gone) == 1


def test_who_was_away_for_long_is_forgotten_though_nobody_else_comes(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prosody.web import app as house
    from prosody.web import sessions

    monkeypatch.setattr(house, "SWEEP_S", 0.01)
    app = make_app([echo], token="secret", hosts=[HOST])
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        enter(client)
        assert client.get("/echo").status_code == 200
        monkeypatch.setattr(sessions, "IDLE_S", -1.0)
        for _ in range(1000):
            if echo.gone:
                break
            time.sleep(0.01)
        assert len(echo.gone) == 1
        assert client.get("/echo").status_code == 403


def test_a_tab_that_is_closed_while_it_sends_is_no_fault() -> None:
    import asyncio

    app = make_app([Echo()], token="secret", hosts=[HOST])
    sent: list[Any] = []
    crumb = b""

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    def scope(method: str, path: str, query: bytes = b"") -> dict[str, Any]:
        return {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query, "scheme": "http", "http_version": "1.1",
            "server": ("127.0.0.1", 8737), "client": ("127.0.0.1", 1), "root_path": "",
            "headers": [(b"host", HOST.encode()), (b"cookie", crumb)],
        }  # fmt: skip

    asyncio.run(app(scope("GET", "/", b"token=secret"), gone, send))
    crumb = next(v for k, v in sent[0]["headers"] if k == b"set-cookie").split(b";")[0]
    sent.clear()
    asyncio.run(app(scope("POST", "/api/large"), gone, send))  # raises nothing, to be logged
    assert sent[0]["status"] == 400


def test_names_of_a_server() -> None:
    assert set(names_of("127.0.0.1", 80)) >= {"127.0.0.1:80", "localhost", "[::1]:80"}
    assert "coach.example:8443" in names_of("0.0.0.0", 8443, also=("coach.example",))
    assert "0.0.0.0:8443" not in names_of("0.0.0.0", 8443)
    assert "evil.example:8443" not in names_of("0.0.0.0", 8443)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_loopback_needs_no_leave(host: str) -> None:
    Where(host).check()
    assert Where(host).loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "coach.example"])
def test_the_network_has_to_be_allowed(host: str) -> None:
    with pytest.raises(UsageError, match="other machines"):
        Where(host).check()
    Where(host, network=True).check()


def test_page_serves_an_asset() -> None:
    assert callable(page("studio.css"))


def test_the_cookie_is_found_among_odd_ones_of_other_programs(client: TestClient) -> None:
    crumb = enter(client).split(";")[0]
    client.cookies.clear()
    for cookies in (
        f'theme={{"a": "b, c"}}; {crumb}',
        f"=; ;; {crumb}; x",
        f"prosody=none; {crumb}",
    ):
        assert client.get("/echo", headers={"cookie": cookies}).status_code == 200, cookies
    assert client.get("/echo", headers={"cookie": "prosody="}).status_code == 403


PLACES = [
    (Where(), "127.0.0.1"),
    (Where("::1"), "[::1]"),
    (Where("0.0.0.0", network=True), "127.0.0.1"),
    (Where("::", network=True), "[::1]"),
    (Where("192.168.1.5", network=True), "192.168.1.5"),
    (Where("0.0.0.0", network=True, names=("coach.example",)), "coach.example"),
]


@pytest.mark.parametrize(("where", "host"), PLACES)
def test_every_link_that_others_can_open_is_given(where: Where, host: str) -> None:
    import psutil

    from prosody.web.serve import reachable

    links = reachable(f"http://{shown_host(where)}:8737/?token=x", where)
    found = [link.removeprefix("http://").removesuffix(":8737/?token=x") for link in links]
    if where.names or where.host not in ("0.0.0.0", "::"):
        assert found == [host]
        return
    mine = {a.address for card in psutil.net_if_addrs().values() for a in card}
    others = {a for a in mine if a.count(".") == 3 and not a.startswith(("127.", "169.254."))}
    assert set(found) == (others or {"127.0.0.1"})
    two = reachable(
        "https://127.0.0.1:8737/?token=x", Where("0.0.0.0", network=True, names=("a.nl", "::2"))
    )
    assert two == ["https://a.nl:8737/?token=x", "https://[::2]:8737/?token=x"]


@pytest.mark.parametrize(("where", "host"), PLACES)
def test_the_link_shows_a_host_that_can_be_opened(where: Where, host: str) -> None:
    assert shown_host(where) == host


def test_one_invitation_does_not_fill_the_house() -> None:
    said: list[str] = []
    left: list[Session] = []
    here = sessions.Sessions("main", "/", admit=lambda token: ("/rate", token), forget=left.append)
    here.tell = said.append
    for _ in range(195):
        here.enter("passed on", None)
    here.enter("her own", None)
    here.enter("main", None)
    assert len(here) == sessions.MOST_OF_ONE + 2
    assert len(left) == 195 - sessions.MOST_OF_ONE
    assert len(said) == 1
    assert "--revoke" in said[0]


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "BODY_S", 0.05)
    guard = sessions.RequestGuard(
        None, sessions=None, hosts=(), scheme="http", open_paths=(), limits={}, refuse=None
    )  # type: ignore[arg-type]

    async def wait() -> None:
        async def never() -> Any:
            await asyncio.sleep(600)

        await guard._metered({"path": "/"}, never)()

    with pytest.raises(HTTPException) as error:
        asyncio.run(wait())
    assert error.value.status_code == 408


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_that_says_nothing_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(serve, "HEADERS_S", 0.3)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(
        app, http=serve._impatient(), log_level="critical", lifespan="off", port=0
    )
    server = uvicorn.Server(config)
    sock = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        with socket.create_connection(sock.getsockname()[:2], timeout=30) as one:
            one.sendall(sent)
            assert one.recv(100) == b""
        with socket.create_connection(sock.getsockname()[:2], timeout=30) as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"204" in one.recv(100)
    finally:
        server.should_exit = True
        thread.join(30)
