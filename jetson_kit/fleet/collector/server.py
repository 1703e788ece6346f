"""The collector's HTTPS address: small posts alone, each answered by what became of it."""

from __future__ import annotations

import errno
import ssl
from http import HTTPStatus
from pathlib import Path

from jetson_kit.core.errors import BadInputError, BusyError, KitError, StepFailedError
from jetson_kit.core.http_errors import PlainErrors
from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.bounded_server import SILENT_S, say
from jetson_kit.fleet.collector.reports import LARGEST, RefusedError, Reports


class Server(bounded_server.Server):
    """A server for boards; `reports` takes what they post."""

    def __init__(self, place: tuple[str, int], reports: Reports, context: ssl.SSLContext) -> None:
        self.reports = reports
        super().__init__(place, _Handler, context)


class _Handler(PlainErrors):
    """One post, one answer."""

    server: Server
    timeout = SILENT_S
    server_version = "collector"
    sys_version = ""

    def do_POST(self) -> None:  # noqa: N802 # http.server's name
        size = bounded_server.length(self.headers, LARGEST)
        if size < 1:
            return self._answer(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE if size else HTTPStatus.LENGTH_REQUIRED
            )
        raw = self.rfile.read(size)
        try:
            report = self.server.reports.take(raw)
        except BusyError as error:
            return self._answer(HTTPStatus.TOO_MANY_REQUESTS, error)
        except RefusedError as error:
            return self._answer(HTTPStatus.FORBIDDEN, error)
        except KitError as error:
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, error)
        self._answer(HTTPStatus.NO_CONTENT)
        return say(self.client_address, f"{report.board}: {report.phase}")

    def _answer(self, status: HTTPStatus, error: KitError | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if error:
            say(self.client_address, error.message)

    def log_message(self, form: str, *arguments: object) -> None:
        """Say nothing more: outcomes have their lines."""


def listening(bind: str, port: int, cert: Path, key: Path, reports: Reports) -> Server:
    """Return a server that listens and does not serve yet; port 0 is any free one.

    Raises BadInputError for a certificate that is none, StepFailedError for a port that is taken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadInputError(
            f"{cert} and {key} are no certificate with its key", "name both as PEM files"
        ) from error
    try:
        return Server((bind, port), reports, context)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadInputError(
                f"--bind {bind} is no address of this machine", "name one of those of: ip addr"
            ) from error
        raise StepFailedError(
            f"the collector can't listen on {bind}, port {port}: {error.strerror}",
            f"end what holds it (`ss -ltnp sport = :{port}` names it), or name another --port",
        ) from error
