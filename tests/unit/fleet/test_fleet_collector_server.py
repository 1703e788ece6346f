"""The collector's server: what it answers, to whom, and whom it cuts."""

from __future__ import annotations

import json
import socket
import ssl
import time
from pathlib import Path

import pytest

from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.collector import server
from tests.support.here import needs_parts
from tests.unit.fleet.reporting_boards import Fleet, report, signed

pytestmark = needs_parts("ssh-keygen")


def secure(at: server.Server, tmp_path: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(tmp_path / "certificates" / "ca.crt"))
    plain = socket.create_connection(("127.0.0.1", at.server_port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def answer(at: server.Server, tmp_path: Path, raw: bytes) -> bytes:
    with secure(at, tmp_path) as client:
        client.sendall(raw)
        return client.recv(4096).split(b"\r\n")[0]


def post(body: bytes, **headers: object) -> bytes:
    rows = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in rows.items() if value is not None)
    return f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body


def test_a_post_is_answered_by_what_it_is(fleet: Fleet, at: server.Server, tmp_path: Path) -> None:
    good = signed(report(), fleet.keys["camera-1"])
    assert b"204" in answer(at, tmp_path, post(good))
    assert b"429" in answer(at, tmp_path, post(good))
    assert b"403" in answer(at, tmp_path, post(signed(report("camera-2"), fleet.keys["camera-1"])))
    assert b"413" in answer(at, tmp_path, post(b"", Content_Length=10**6))
    assert b"413" in answer(at, tmp_path, post(b"", Content_Length="9" * 5000))
    assert b"411" in answer(at, tmp_path, post(b"", Content_Length=None))
    assert b"411" in answer(at, tmp_path, post(b"0", Transfer_Encoding="chunked"))
    assert b"405" in answer(at, tmp_path, b"GET / HTTP/1.1\r\n\r\n")


BLOCK = "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize(
    "rows",
    [
        {"report": "\ud800", "signature": BLOCK.format("x")},
        {
            "report": json.dumps(report(reason="?")).replace("?", "\ud800"),
            "signature": BLOCK.format("x"),
        },
        {"report": json.dumps(report(reason="\ud800")), "signature": BLOCK.format("x")},
        {"report": json.dumps(report()), "signature": BLOCK.format("\udfff")},
        {"report": json.dumps(report(board="\udfff")), "signature": BLOCK.format("x")},
        {"report": json.dumps({**report(), "\ud800": 1}), "signature": BLOCK.format("x")},
    ],
)
def test_half_characters_are_refused_with_an_answer(
    at: server.Server, tmp_path: Path, rows: dict[str, str]
) -> None:
    assert b"403" in answer(at, tmp_path, post(json.dumps(rows).encode()))


def test_slow_clients_are_cut_and_hold_nobody_up(
    fleet: Fleet, at: server.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_server, "SILENT_S", 60.0)
    silent = [socket.create_connection(("127.0.0.1", at.server_port)) for _ in range(20)]
    dripping = secure(at, tmp_path)
    dripping.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n")
    assert b"204" in answer(at, tmp_path, post(signed(report(), fleet.keys["camera-1"])))
    end = time.monotonic() + 30
    with pytest.raises((OSError, ssl.SSLError)):  # whichever byte it is
        while time.monotonic() < end:
            dripping.sendall(b"x")
            time.sleep(0.05)
    for client in silent:
        client.settimeout(30)
        assert client.recv(1) == b""
        client.close()


def test_more_connections_than_there_is_room_for_are_closed(
    fleet: Fleet, at: server.Server, tmp_path: Path
) -> None:
    held = [
        socket.create_connection(("127.0.0.1", at.server_port))
        for _ in range(bounded_server.CONNECTIONS + 8)
    ]
    closed = 0
    for client in held:
        client.settimeout(30)
        closed += client.recv(1) == b""
        client.close()
    assert closed == len(held)
    assert b"204" in answer(at, tmp_path, post(signed(report(), fleet.keys["camera-1"])))
