"""The collector's HTTPS address: small posts alone, bounded in size, time and number."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, BusyError, KitError, StepFailedError
from jetson_kit.fleet.collector.reports import LARGEST, RefusedError, Reports

# All of a connection, from its handshake on; silence in it.
TOTAL_S, SILENT_S = 15.0, 10.0
CONNECTIONS = 64


class Server(http.server.ThreadingHTTPServer):
    """A server for boards; `reports` takes what they post."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, place: tuple[str, int], reports: Reports, context: ssl.SSLContext) -> None:
        self.reports, self.context = reports, context
        self.slots = threading.BoundedSemaphore(CONNECTIONS)
        if ":" in place[0]:
            self.address_family = socket.AF_INET6
        super().__init__(place, _Handler)

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
        # Who sends a byte now and then would never be silent.
        spare = request.dup()
        end = threading.Timer(TOTAL_S, _cut, (spare,))
        end.daemon = True
        end.start()
        try:
            request.settimeout(SILENT_S)
            secure = self.context.wrap_socket(request, server_side=True)
            super().process_request_thread(secure, client_address)
        except OSError as error:
            self.shutdown_request(request)
            _say(client_address, str(error))
        finally:
            end.cancel()
            spare.close()
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say in a line what went wrong with a connection."""
        del request
        _say(client_address, str(sys.exception()))


class _Handler(http.server.BaseHTTPRequestHandler):
    """One post, one answer."""

    server: Server
    timeout = SILENT_S
    server_version = "collector"
    sys_version = ""

    def do_POST(self) -> None:
        words = self.headers.get("Content-Length") or ""
        if self.headers.get("Transfer-Encoding") or not (words.isascii() and words.isdigit()):
            return self._answer(HTTPStatus.LENGTH_REQUIRED)
        # int() of thousands of digits takes long.
        if len(words) > 6 or not 0 < int(words) <= LARGEST:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        raw = self.rfile.read(int(words))
        try:
            report = self.server.reports.take(raw)
        except BusyError as error:
            return self._answer(HTTPStatus.TOO_MANY_REQUESTS, error)
        except RefusedError as error:
            return self._answer(HTTPStatus.FORBIDDEN, error)
        except KitError as error:
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, error)
        self._answer(HTTPStatus.NO_CONTENT)
        return _say(self.client_address, f"{report.board}: {report.phase}")

    def _answer(self, status: HTTPStatus, error: KitError | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if error:
            _say(self.client_address, error.message)

    def log_message(self, form: str, *words: object) -> None:
        """Say nothing more: outcomes have their lines."""


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _say(client: Any, message: str) -> None:  # noqa: ANN401 # as socketserver has it
    print(f"{client[0]}: {message[:300]}", file=sys.stderr, flush=True)


def listening(bind: str, port: int, cert: Path, key: Path, reports: Reports) -> Server:
    """Return a server that listens and does not serve yet; port 0 is any free one.

    Raises BadInputError for a certificate that is none, StepFailedError for a port that is taken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadInputError(f"{cert} and {key} are no certificate with its key: {error}") from error
    try:
        return Server((bind, port), reports, context)
    except OSError as error:
        raise StepFailedError(
            f"the collector can't listen on {bind}, port {port}: {error}",
            f"end what holds it (`ss -ltnp sport = :{port}` names it), or name another --port",
        ) from error
