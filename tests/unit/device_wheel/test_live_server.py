"""The live view's server: its password, who is answered, how many, and odd requests."""

from __future__ import annotations

import base64
import codecs
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mediapipe_jetson.live import Live, PasswordError, PortError, password, server

from tests.unit.device_wheel.live_answers import get

SECRET = "correct horse battery"


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{secret}".encode()).decode()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


def test_the_right_password_opens_and_no_other(secret_file: Path) -> None:
    with Live(metrics=0, password_file=secret_file) as live:
        (port,) = live.ports
        code, _, headers = get(port)
        assert (code, headers["WWW-Authenticate"][:6]) == (401, "Basic ")
        for wrong in (basic("wrong"), basic(""), basic(SECRET + "x"), "Basic", "Basic !!!",
                      f"Bearer {SECRET}", "Basic " + base64.b64encode(SECRET.encode()).decode(),
                      "Basic é"):  # fmt: skip
            assert get(port, Authorization=wrong)[0] == 401, wrong
        code, text, _ = get(port, Authorization=basic(SECRET), Host="board.example")
        assert (code, "mediapipe_build_info" in text) == (200, True)
        assert SECRET not in " ".join(live.lines())
        assert SECRET not in repr(live._servers[0].site)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_an_editor_adds_is_no_part_of_it(mark: bytes, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(mark + SECRET.encode() + end)
    assert password.read(path) == SECRET.encode()
    path.write_bytes(mark + b"short" + end)
    with pytest.raises(PasswordError, match="one line of 8 to 1024 bytes"):
        password.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short\n", b"two lines\nof text\n", b"a" * 2000, b"nul\0inside it\n"]
)
def test_a_password_that_protects_nothing_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(PasswordError, match="one line of 8 to 1024 bytes"):
        Live(metrics=0, password_file=path)


def test_a_password_file_that_is_none_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(PasswordError, match=str(path)):
            Live(metrics=0, password_file=path)


def test_the_password_file_may_be_named_by_the_environment(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert password.password_file(None) is None
    monkeypatch.setenv(password.CREDENTIALS_VARIABLE, str(tmp_path))
    assert password.password_file(None) is None
    (tmp_path / password.CREDENTIAL).write_text(SECRET)
    assert password.password_file(None) == tmp_path / password.CREDENTIAL
    monkeypatch.setenv(password.FILE_VARIABLE, str(secret_file))
    assert password.password_file(None) == secret_file
    assert password.read(secret_file) == SECRET.encode()


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("localhost:9000", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
    ],
)
def test_without_a_password_only_this_machine_is_answered(host: str, code: int) -> None:
    """A name of somebody else's that means 127.0.0.1 here is none of this machine's."""
    with Live(metrics=0) as live:
        assert live._servers[0].server_address[0] == "127.0.0.1"
        assert get(live.ports[0], Host=host)[0] == code


def test_a_port_in_use_is_one_line() -> None:
    with Live(metrics=0) as live, pytest.raises(PortError, match="Address already in use") as info:
        Live(metrics=live.ports[0])
    assert "\n" not in str(info.value)
    assert info.value.exit_code == 2


def test_a_port_is_free_again_and_must_be_one(secret_file: Path) -> None:
    with Live(metrics=0, password_file=secret_file) as live:
        assert live._servers[0].server_address[0] == "0.0.0.0"  # noqa: S104
        (port,) = live.ports
    with pytest.raises(PortError):
        Live(metrics=70_000)
    for _ in range(2):
        with Live(metrics=port) as live:
            assert get(port)[0] == 200


@pytest.fixture
def idle() -> Iterator[list[socket.socket]]:
    """Return a list of sockets that are closed at the end."""
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_connections_are_bounded_and_come_free_again(idle: list[socket.socket]) -> None:
    with Live(metrics=0) as live:
        (port,) = live.ports
        idle += [connected(port) for _ in range(server.CONNECTIONS)]
        last = connected(port)
        idle.append(last)
        assert last.recv(100).startswith(b"HTTP/1.0 503 ")
        for connection in idle:
            connection.close()
        for _ in range(100):
            if get(port)[0] == 200:
                break
            time.sleep(0.05)
        assert get(port)[0] == 200


def test_who_asks_for_ever_is_cut_off(
    idle: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.2)
    with Live(metrics=0) as live:
        slow = connected(live.ports[0])
        idle.append(slow)
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        assert slow.recv(100) == b""


@pytest.mark.parametrize(
    "request_line",
    [b"\0\xff\r\n\r\n", b"GET\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"\r\n",
     b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"GET /% HTTP/9.9\r\n\r\n"],
)  # fmt: skip
def test_odd_requests_change_nothing(
    request_line: bytes, idle: list[socket.socket], capfd: pytest.CaptureFixture[str]
) -> None:
    with Live(metrics=0) as live:
        odd = connected(live.ports[0])
        idle.append(odd)
        odd.sendall(request_line)
        odd.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.0 200" not in odd.recv(100)
        assert get(live.ports[0])[0] == 200
    assert capfd.readouterr() == ("", "")


def asked(port: int, request: bytes) -> tuple[str, str]:
    """Return the head and the body of an answer."""
    with connected(port) as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(1 << 16):
            answer += more
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_get_a_short_answer_that_names_those_there_are(
    method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = b"a" * 300_000  # more than the kernel holds of a body that nobody reads
    request_head = (
        f"{method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
    )
    with Live(metrics=0) as live:
        for request in (
            request_head.encode() + content,
            request_head.encode().replace(b"300000", b"0"),
        ):
            head, body = asked(live.ports[0], request)
            assert head.startswith("HTTP/1.0 405 ")
            assert "\r\nAllow: GET, HEAD" in head
            assert "Python" not in head
            assert body == "it is read with GET\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"\0\xff\r\n\r\n", 400),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
    ],
)
def test_what_is_no_request_gets_one_plain_line(request_line: bytes, code: int) -> None:
    with Live(metrics=0) as live:
        head, body = asked(live.ports[0], request_line)
    assert head.startswith(f"HTTP/1.0 {code} ")
    assert "text/plain" in head
    assert body.count("\n") == 1
    assert "<" not in body


def test_the_page_is_not_where_metrics_are_alone() -> None:
    with Live(metrics=0) as live:
        for path in ("/", "/live.js", "/status.json", "/stream.mjpg", "/picture.jpg", "/x"):
            assert get(live.ports[0], path)[0] == 404


def test_without_a_port_a_password_file_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(password.FILE_VARIABLE, str(tmp_path / "none"))
    with Live() as live:
        assert live.ports == []
