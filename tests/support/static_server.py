"""A web server of a folder, on this machine, that can lie: cut, replace, hold up, never end."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Server:
    """What it serves, and what it does instead: by path, a list of answers that are used up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instead: dict[str, Any] = {}
        self.requests: list[tuple[str, str]] = []
        self.url = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves files whole or from a byte on."""

    channel: Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        requested = self.headers.get("Range") or ""
        self.channel.requests.append((name, requested))
        instead = self.channel.instead.get(name)
        if callable(instead):
            instead(self)
            return
        path = self.channel.folder / name
        if not path.is_file():
            self.send_error(404)
            return
        raw, start = path.read_bytes(), 0
        if requested:
            start = int(requested.removeprefix("bytes=").rstrip("-"))
            if start >= len(raw):
                self.send_error(416)
                return
        self.answer(raw[start:], 206 if start else 200)

    def answer(self, raw: bytes, code: int = 200, length: int | None = None) -> None:
        """Send bytes; `length` is what it claims them to be."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(raw) if length is None else length))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder on a free port of this machine."""
    channel = Server(folder)
    handler = type("Own", (Handler,), {"channel": channel})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        channel.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield channel
        finally:
            server.shutdown()
            thread.join()
