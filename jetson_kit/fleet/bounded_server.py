"""An HTTPS server for anybody: how long a connection lasts and how many there are is bounded."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from typing import Any

# All of a connection, from its handshake on; silence in it.
TOTAL_S, SILENT_S = 15.0, 10.0
CONNECTIONS = 64


class Server(http.server.ThreadingHTTPServer):
    """One request a connection; the handshake is the business of its own thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        place: tuple[str, int],
        handler: type[http.server.BaseHTTPRequestHandler],
        context: ssl.SSLContext,
    ) -> None:
        self.context = context
        self.slots = threading.BoundedSemaphore(CONNECTIONS)
        self._own = threading.local()
        if ":" in place[0]:
            self.address_family = socket.AF_INET6
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Give a connection a thread, or close it where there are too many."""
        if not self.slots.acquire(blocking=False):
            return self.shutdown_request(request)
        try:
            return super().process_request(request, client_address)
        except BaseException:
            self.slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve a connection; whatever it does, it ends in time."""
        try:
            with self._limited(request):
                request.settimeout(SILENT_S)
                secure = self.context.wrap_socket(request, server_side=True)
                super().process_request_thread(secure, client_address)
        except (OSError, RuntimeError) as error:  # also without a handle or a thread for the limit
            self.shutdown_request(request)
            say(client_address, str(error))
        finally:
            self.slots.release()

    @contextlib.contextmanager
    def _limited(self, request: socket.socket) -> Iterator[None]:
        """End a connection in time: who sends a byte now and then would never be silent."""
        with request.dup() as spare:
            end = threading.Timer(TOTAL_S, _cut, (spare,))
            end.daemon = True
            end.start()
            self._own.end = end
            try:
                yield
            finally:
                end.cancel()

    def received(self) -> None:
        """Let this thread's connection last: its request is here, and our own work takes long."""
        self._own.end.cancel()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say in a line what went wrong with a connection."""
        del request
        say(client_address, str(sys.exception()))


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def length(headers: Any, most: int) -> int:  # noqa: ANN401 # http.client's
    """Return the length of a request's body, 0 where it names none, -1 for more than `most`."""
    value = headers.get("Content-Length") or ""
    if headers.get("Transfer-Encoding") or not (value.isascii() and value.isdigit()):
        return 0
    # int() of thousands of digits takes long.
    return -1 if len(value) > 9 or int(value) > most else int(value)


def say(client: Any, message: str) -> None:  # noqa: ANN401 # as socketserver has it
    """Print what became of a connection."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in message[:300])
    print(f"{client[0]}: {printable}", file=sys.stderr, flush=True)
