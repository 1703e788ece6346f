"""What the kit's small web servers answer to requests that they don't take."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from jetson_kit.report import serve


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of the report's real server."""
    with serve.server("<p>page</p>", lambda _site, _host: "", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join()


def asked(port: int, request: bytes) -> tuple[str, str]:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(1 << 16):
            answer += more
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "OPTIONS", "BREW"])
def test_a_method_that_is_not_there(port: int, method: str) -> None:
    head, body = asked(port, f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert head.startswith("HTTP/1.0 405 Method Not Allowed\r\n")
    assert "\r\nAllow: GET" in head
    assert body == "Method Not Allowed\n"


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"\0\xff\r\n\r\n", 400),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_gets_a_plain_line(port: int, request_line: bytes, code: int) -> None:
    head, body = asked(port, request_line)
    assert head.startswith(f"HTTP/1.0 {code} ")
    assert "text/plain" in head
    assert "<" not in body


def test_head_gets_no_body(port: int) -> None:
    head, body = asked(port, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.startswith("HTTP/1.0 405 ")
    assert body == ""
