"""Podman in Docker's place: found by its socket, or said what to start."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests
from docker.errors import APIError

from jetson_kit.containers import docker_context, engine, podman
from jetson_kit.core.errors import ToolMissingError

# As the package podman-docker brings it.
SHIM = """#!/bin/sh
[ -e /etc/containers/nodocker ] || echo "Emulate Docker CLI using podman." >&2
exec /usr/bin/podman "$@"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a machine's folder: its `docker` is Podman's, and its sockets are there."""
    (tmp_path / "docker").write_text(SHIM)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "mine"))
    monkeypatch.setattr(podman, "SYSTEM", tmp_path / "system.sock")
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    engine.client.cache_clear()
    return tmp_path


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers every question with nothing, as Podman's ping does with OK."""

    def do_GET(self) -> None:
        """Answer."""
        body = b'{"ApiVersion": "1.41"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Return no name: a socket's file has none."""
        return ""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def served(place: Path) -> Iterator[Path]:
    """Yield a socket that answers, at Podman's place for root."""
    with socketserver.ThreadingUnixStreamServer(str(podman.SYSTEM), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield podman.SYSTEM
        server.shutdown()
    engine.client.cache_clear()


def test_its_socket_is_taken_where_docker_is_podman(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert docker_context.address().environment["DOCKER_HOST"] == f"unix://{served}"
    assert engine.client().version()["ApiVersion"] == "1.41"
    monkeypatch.setenv("DOCKER_HOST", "tcp://other:1")
    assert docker_context.address().environment["DOCKER_HOST"] == "tcp://other:1"


def test_a_users_own_comes_first(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert podman.socket() == served
    own = served.parent / "mine/podman/podman.sock"
    own.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(own))
        assert podman.socket() == own


@pytest.mark.parametrize(
    ("uid", "systemd", "command"),
    [
        (0, True, "systemctl enable"),
        (7, True, "systemctl --user en"),
        (0, False, "podman system service -t 0 unix://{place}/system.sock &"),
        (7, False, "podman system service -t 0 unix://{place}/mine/podman/podman.sock &"),
    ],
)
def test_without_a_socket_it_is_said_what_to_start(
    place: Path, monkeypatch: pytest.MonkeyPatch, uid: int, systemd: bool, command: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(podman, "SYSTEMD", place if systemd else place / "none")
    monkeypatch.setattr(docker, "from_env", _nothing_answers)
    with pytest.raises(ToolMissingError) as caught:
        engine.client()
    assert caught.value.line().startswith("error: docker is Podman here, and its socket does not")
    assert command.format(place=place) in caught.value.cure


def _nothing_answers(**_: object) -> None:
    raise OSError("no such file")


def test_a_context_that_the_user_chose_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(place / "config"))
    key = hashlib.sha256(b"lab").hexdigest()
    meta = place / "config/contexts/meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text('{"Endpoints": {"docker": {"Host": "tcp://127.0.0.1:9"}}}')
    monkeypatch.setenv("DOCKER_CONTEXT", "lab")
    monkeypatch.setattr(docker, "from_env", _nothing_answers)
    with pytest.raises(ToolMissingError, match=r"tcp://127\.0\.0\.1:9, Docker's context lab"):
        engine.client()


def test_one_that_may_not_be_used_is_not_dockers(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr(docker, "from_env", refused)
    with pytest.raises(ToolMissingError, match="docker is Podman here"):
        engine.client()


def test_a_link_to_it_is_podman(place: Path) -> None:
    (place / "podman").write_bytes(b"\x7fELF")
    (place / "podman").chmod(0o755)
    (place / "docker").unlink()
    (place / "docker").symlink_to("podman")
    assert podman.is_docker()


@pytest.mark.parametrize(
    "program",
    [
        b"\x7fELF podman",
        b"#!/bin/sh\nexec dockerd-cli\n",
        b'#!/bin/sh\n# not podman\nexec /usr/bin/docker.real "$@"\n',
    ],
)
def test_docker_itself_is_not_taken_for_podman(served: Path, program: bytes) -> None:
    (served.parent / "docker").write_bytes(program)
    assert not podman.is_docker()
    assert docker_context.address().named == ""
    assert "DOCKER_HOST" not in docker_context.address().environment


def test_without_its_init_the_package_is_named() -> None:
    message = 'container create: lookup init binary: exec: "catatonit": not found in $PATH'
    error = APIError("500", requests.Response(), explanation=message)
    assert "install the package catatonit" in podman.not_started("the image", error).line()
    other = APIError("500", requests.Response(), explanation="no such device")
    assert podman.not_started("the image", other).line() == (
        "error: the image does not start: no such device"
    )
