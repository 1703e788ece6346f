"""These tests run in an environment with OpenCV: ./inv test --stage camera."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = importlib.util.find_spec("cv2") is not None
if not HERE:
    collect_ignore_glob = ["test_*.py"]
SERVER = Path(__file__).with_name("rtsp_server.py")
READY = b"ready\n"


class Server:
    """A real RTSP server on loopback that can be killed and started again on its port."""

    def __init__(self, codec: str, who: str = "") -> None:
        self.words = (codec, *([who] if who else []))
        with socket.create_server(("127.0.0.1", 0)) as connection:
            self.port = connection.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/door"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        deadline = time.monotonic() + 20
        while True:
            # Debian's Python has GStreamer's bindings.
            self._process = subprocess.Popen(
                ["/usr/bin/python3", str(SERVER), str(self.port), *self.words],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert self._process.stdout
            if self._process.stdout.readline() == READY:
                return
            self.kill()  # the port may still be closing
            assert time.monotonic() < deadline, "no RTSP server started"
            time.sleep(0.2)

    def kill(self) -> None:
        """End it at once, as a camera whose cable is pulled."""
        if self._process:
            self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
        self._process = None


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts servers, which end with the test."""
    servers: list[Server] = []

    def start(codec: str = "h264", who: str = "") -> Server:
        servers.append(Server(codec, who))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
