"""The HTTP server: bounded in connections, memory and time, whoever is at the other end."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any

from mediapipe_jetson.live.errors import PortError
from mediapipe_jetson.live.handler import Handler, Site

ALONE, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 # only with a password
CONNECTIONS = 16
REQUEST_S = 10.0
# How soon `close` is heard.
POLL_S = 0.2
FULL = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"


class Server(ThreadingHTTPServer):
    """Serves a site in threads of its own until `close`; with a password to every network.

    Raises PortError for a port that can't be taken.
    """

    daemon_threads = True
    request_queue_size = CONNECTIONS
    # A stream may be inside a call that lasts as long as its timeout: none is waited for.
    block_on_close = False

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._asking: dict[Any, float] = {}
        address = EVERYWHERE if site.secret else ALONE
        try:
            super().__init__((address, port), Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise PortError(
                f"port {port} of {address} can't be taken: {why}; name another one"
            ) from error
        self._thread = threading.Thread(
            target=self.serve_forever, args=(POLL_S,), name="live-server", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port, which the kernel chose where 0 was asked for."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind without asking for this machine's name, which may take DNS half a minute."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Start a thread for a connection, or refuse it where as many are open as may be."""
        if not self._free.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.setblocking(False)
                request.send(FULL)
            self.shutdown_request(request)
            return
        with self._lock:
            self._asking[request] = time.monotonic() + REQUEST_S
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread can be started: one connection fewer, and all else goes on.
            self._leave(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Thread of one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(request)

    def note_request_read(self, request: Any) -> None:  # noqa: ANN401 # a socket
        """Note that a request was read in time."""
        with self._lock:
            self._asking.pop(request, None)

    def service_actions(self) -> None:
        """End connections that take too long to ask; the server's loop calls it."""
        now = time.monotonic()
        with self._lock:
            late = [item for item, until in self._asking.items() if until < now]
        for request in late:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing: a reader that goes away is no event, and no log grows by it."""

    def close(self) -> None:
        """Free the port; who reads is cut off when this process ends."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def _leave(self, request: Any) -> None:  # noqa: ANN401
        self.note_request_read(request)
        self._free.release()
