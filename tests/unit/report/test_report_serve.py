"""The server of a page: this machine alone, no stranger's page, few fetches at once."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.report import serve


def test_a_port_that_is_taken_is_named() -> None:
    with serve.server("", lambda site, host: "", 0) as first:
        port = first.server_port
        with pytest.raises(StepFailedError, match=f"port {port}"):
            serve.server("", lambda site, host: "", port)


Running = Callable[[serve.Evidence], int]


@pytest.fixture
def running() -> Iterator[Running]:
    """Return a function that starts a server and returns its port."""
    servers = []

    def start(evidence: serve.Evidence) -> int:
        listening = serve.server("page", evidence, 0)
        servers.append(listening)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        return listening.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def get(port: int, path: str, host: str = "localhost", **headers: str) -> tuple[int, bytes, Any]:
    """Return the answer's code, body and headers."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.putrequest("GET", path, skip_host=True)
    client.putheader("Host", f"{host}:{port}")
    for name, value in headers.items():
        client.putheader(name.replace("_", "-"), value)
    client.endheaders()
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status, body, answer.headers


@pytest.mark.parametrize(
    ("host", "path", "code"),
    [
        ("localhost", "/", 200),
        ("127.0.0.1", "/evidence/-/board", 200),
        ("evil.example", "/", 421),
        ("localhost", "/etc/passwd", 404),
        ("localhost", "/evidence/../../etc/passwd", 404),
        ("localhost", "http://[/", 400),
        ("localhost", "//[", 404),
        ("localhost", "http://]/", 400),
        ("localhost", "http://[v1.x/evidence/-/board", 400),
        ("localhost", "/evidence/%ff/%00", 200),
        ("localhost", "*", 404),
    ],
)
def test_it_answers_this_machine_alone(
    running: Running, capfd: pytest.CaptureFixture[str], host: str, path: str, code: int
) -> None:
    port = running(lambda site, name: f"{site}|{name}")
    status, body, headers = get(port, path, host)
    assert status == code
    assert (code == 200) == (body == b"page" or b"|" in body)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("of", "code"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_a_stranger_s_page_starts_no_fetch(running: Running, of: str, code: int) -> None:
    fetched = []

    def evidence(site: str, host: str) -> str:
        fetched.append(host)
        return "evidence"

    assert get(running(evidence), "/evidence/-/board", Sec_Fetch_Site=of)[0] == code
    assert fetched == ["board"] * (code == 200)


def test_few_fetches_go_on_at_once(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "WAIT_S", 0.1)
    begun, end = threading.Semaphore(0), threading.Event()

    def evidence(site: str, host: str) -> str:
        begun.release()
        end.wait(20)
        return "evidence"

    port = running(evidence)
    codes: list[int] = []
    clients = [
        threading.Thread(target=lambda: codes.append(get(port, "/evidence/-/board")[0]))
        for _ in range(serve.MOST_AT_ONCE)
    ]
    for client in clients:
        client.start()
    for _ in clients:
        assert begun.acquire(timeout=20)
    assert get(port, "/evidence/-/board")[0] == 503
    assert get(port, "/")[0] == 200
    end.set()
    for client in clients:
        client.join()
    assert codes == [200] * serve.MOST_AT_ONCE
    assert get(port, "/evidence/-/board")[0] == 200


def test_a_client_that_says_nothing_is_left(
    running: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "SILENT_S", 0.2)
    port = running(lambda site, host: "")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as reset:
        reset.sendall(b"GET /")
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert get(port, "/")[0] == 200
    assert capfd.readouterr().err == ""
