"""Where sites join: anybody reaches it, and nobody holds it up."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.bounded_server import Server
from jetson_kit.fleet.sites import authority, central, home, join_server


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(bounded_server, "TOTAL_S", 1.5)
    monkeypatch.setattr(bounded_server, "SILENT_S", 60.0)
    (tmp_path / "b.yml").write_text("all:\n  hosts:\n    b1: {}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sites = tmp_path / "sites.toml"
    sites.write_text(
        f'[controller]\naddress = "127.0.0.1"\nbind = "127.0.0.1"\njoin_port = {port}\n'
        '[[site]]\nname = "b"\ninventory = "b.yml"\n'
    )
    place = home.here()
    by = authority.ensure(place.folder / "authority")
    place.node.mkdir()
    key, issue = place.node / "tls.key", place.node / "tls.crt"
    issue.write_bytes(authority.issue(by, authority.request(key, "c"), "c", ("127.0.0.1",)))
    with join_server.listening(sites) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def secure(at: Server) -> ssl.SSLSocket:
    by = authority.ensure(home.here().folder / "authority")
    context = ssl.create_default_context(cafile=str(by.certificate))
    plain = socket.create_connection(("127.0.0.1", at.server_port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def answer(at: Server, raw: bytes) -> bytes:
    with secure(at) as client:
        client.sendall(raw)
        return client.recv(4096).split(b"\r\n")[0]


def post(body: bytes, **headers: object) -> bytes:
    rows = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in rows.items())
    return f"POST /join HTTP/1.1\r\n{head}\r\n".encode() + body


def test_what_is_no_request_is_answered_and_a_wrong_token_refused(at: Server) -> None:
    for raw in (b"", b"{}", b"[" * 60_000, b"\xff"):
        assert b"400" in answer(at, post(raw))
    assert b"400" in answer(at, post(b"", Content_Length=10**8))
    assert b"400" in answer(at, post(b"0", Transfer_Encoding="chunked"))
    for rows in ({"token": "\ud800", "request": "x"}, {"token": "x", "request": "\udcff"}):
        assert b"400" in answer(at, post(json.dumps(rows).encode()))
    body = json.dumps({"token": "x" * 43, "request": "x"}).encode()
    assert b"403" in answer(at, post(body))


def test_who_drips_bytes_is_cut_and_holds_nobody_up(at: Server) -> None:
    silent = [socket.create_connection(("127.0.0.1", at.server_port), timeout=30) for _ in range(8)]
    with secure(at) as dripping:
        dripping.sendall(b"POST /join HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
        assert b"400" in answer(at, post(b"{}"))
        end = time.monotonic() + 30
        with pytest.raises(OSError):  # whichever byte it is
            while time.monotonic() < end:
                dripping.sendall(b"x")
                time.sleep(0.05)
    for client in silent:
        with contextlib.closing(client):
            assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("where", "name", "fault"),
    [
        (socket.socket, "dup", OSError(24, "Too many open files")),
        (threading.Timer, "start", RuntimeError("can't start new thread")),
        (ssl.SSLContext, "wrap_socket", OSError(24, "Too many open files")),
        (threading.Thread, "start", RuntimeError("can't start new thread")),
    ],
)
def test_what_a_connection_lacks_takes_no_slot_for_ever(
    at: Server, monkeypatch: pytest.MonkeyPatch, where: type, name: str, fault: Exception
) -> None:
    monkeypatch.setattr(at, "slots", slots := threading.BoundedSemaphore(1))

    def refused(*_: object, **__: object) -> None:
        raise fault

    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, refused)
            with socket.create_connection(("127.0.0.1", at.server_port), timeout=30) as client:
                assert client.recv(1) == b""
        assert slots.acquire(timeout=30)
        slots.release()
    assert b"400" in answer(at, post(b"{}"))


def test_a_site_is_let_in_however_long_that_takes(
    at: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> dict[str, object]:
        # The connection's limit: it is over at once where it was lifted, else with the connection.
        at._own.end.join()
        return {"site": "b"}

    monkeypatch.setattr(central, "admit", slow)
    body = json.dumps({"token": "x" * 43, "request": "x"}).encode()
    assert b"200" in answer(at, post(body))
